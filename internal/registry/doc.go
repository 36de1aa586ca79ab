// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registry holds the use cases of the register. It is the only writer
// to the ledger and the only door to the index: pages, commands and interfaces
// ask it, and it asks access.Decide before it answers.
//
// The files of a register, in its directory:
//
//	ledger.db          the ledger: sealed entries, the tree, checkpoints, wrapped keys
//	head               the newest checkpoint, outside the database: an older database put back is refused
//	index.db           the encrypted read model; may be deleted at any time
//	evidence/*         sealed files, each under a key of its own that its entry holds; those
//	                   in a bucket are marked there
//	place              the bucket, with the secret of its access key, sealed
//	once.db            what programs were answered, for a day; may be deleted at any time
//	keys/node.key      the node's identity, sealed
//	keys/member-*.key  the members' identities, sealed by their passphrases
//	keys/org-*.key     the organisations' identities and vault keys, sealed to their members
//	backups            where backups are and which was proven, with secrets of access keys, sealed
//	keys/intake-*.key  to what reports from outside are sealed, opened by the members with the intake role alone
//
// Beside the directory, under its name with ".forgetting" after it, lie the
// forgetting keys (see forgetting.go): never in it, so that no backup holds both.
//
// It must never answer what access.Decide refuses, never acknowledge a write
// that the ledger has not persisted, never write plain text to disk, and never
// put a name, a case number or a search term into an error or a log.
package registry
