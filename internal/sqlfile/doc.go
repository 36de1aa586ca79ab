// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sqlfile opens the encrypted SQLite files of a register and runs
// statements on them: what the ledger's store and the index have in common.
//
// It must never put a key, or a value that is bound to a statement, into an
// error, and never let SQLite write outside the encrypted files.
package sqlfile
