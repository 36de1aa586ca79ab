// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ledger is the append-only sequence of sealed entries: the only
// source of truth. It makes and opens entries, keeps them in a Merkle tree
// under signed checkpoints, commits what many writers append with one write to
// the disk, and verifies all of it. docs/spec/ledger.md has the formats.
//
// It must never overwrite or drop an entry, acknowledge one that is not on the
// disk, hand plain text to a store, or go on from an older state than one it
// has seen. What a Store gives back is never trusted.
package ledger
