// SPDX-License-Identifier: AGPL-3.0-or-later

// Package custody derives who held a thing, from when to when, from the
// hand-overs that were written down, and says where the chain has a gap: what a
// court asks first about clothes, bullets and telephones.
//
// It must never guess: what was not recorded is a gap, not an assumption.
package custody
