// SPDX-License-Identifier: AGPL-3.0-or-later

// Package backup keeps backups of a register in a folder or a bucket: pieces
// that are sealed and named by what they hold, and for each backup a signed
// list of the pieces it needs. What has not changed is not written again.
// docs/spec/backup.md describes it byte for byte.
//
// A backup counts from the moment its list is there, which is written last: one
// that was cut off left pieces that the next one uses, and nothing else.
//
// It must never take away a piece that a kept backup needs, hand out a byte of
// a piece that is not what was put there, give a store anything that is not
// sealed, or be handed a forgetting key.
package backup
