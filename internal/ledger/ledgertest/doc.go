// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ledgertest tests stores of ledgers: one suite for all of them, a
// store in memory, and one that fails on demand.
//
// It must never be imported by anything but tests.
package ledgertest
