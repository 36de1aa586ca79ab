// SPDX-License-Identifier: AGPL-3.0-or-later

// Package examples carries the sample register: the lists of four members,
// their mappings, the statement's figures, and three stories. All rows of the
// lists are invented; the stories have no names.
//
// It must never hold a real person's data, nor what the sample's figures
// should come to: those are counted.
package examples
