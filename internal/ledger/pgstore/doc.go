// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pgstore keeps a ledger in PostgreSQL, or in what speaks its protocol,
// for several nodes at once. The database sees what is in [ledger.Row] and
// [ledger.WrappedKey]: ids drawn by chance, sealed bytes, hashes, signed
// checkpoints; never a word.
//
// What is forgotten leaves the tables and their files, but not the places on
// the disk where it was, nor the log and the backups of the database: that is
// beyond a client of it. What it forgets is useless there all the same once
// the forgetting keys, which the database never has, have turned
// (docs/spec/keys.md).
//
// It must never see plain text or the key of a case, acknowledge what the
// database has not committed, or change a row it has written.
package pgstore
