// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sqlitestore keeps a ledger in one SQLite file, encrypted as a whole
// if it is given a key. One process writes, others may read meanwhile.
//
// It must never see plain text or the key of a case, acknowledge what is not
// on the disk, or change a row it has written.
package sqlitestore
