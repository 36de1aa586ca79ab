// SPDX-License-Identifier: AGPL-3.0-or-later

// Package foreigntest runs a format of another system with its ready mapping,
// as an import does but for the register.
package foreigntest
