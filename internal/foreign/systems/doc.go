// SPDX-License-Identifier: AGPL-3.0-or-later

// Package systems is the table of the formats of other systems that are read and
// written here, by name.
package systems
