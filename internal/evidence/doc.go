// SPDX-License-Identifier: AGPL-3.0-or-later

// Package evidence keeps files sealed, each under a key of its own, in a folder,
// and from there in another place if one is handed to it, such as a bucket.
// docs/spec/evidence.md describes them byte for byte.
//
// What is given to it is sealed while it comes in: nothing of a file is ever on
// the disk in the clear, and no more of it than two pieces is in memory. Key,
// size and hash of a file are its caller's to keep, in the ledger. A file comes
// to stay in two steps, around the entry that names it, so that a crash at any
// moment leaves no half file and no entry without one.
//
// It must never change a file that has come to stay, never take one away, never
// let one leave the folder before the other place has all of it, and never hand out a byte that was not sealed with that file's key in that place.
package evidence
