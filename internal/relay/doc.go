// SPDX-License-Identifier: AGPL-3.0-or-later

// Package relay is the folder of a coalition's relay: its keys, the ledger that
// it orders, the list of the nodes that it knows, and its pages for them.
//
// It must never hold a key that opens an entry, take anything from a node that
// nobody has added by hand, or serve without its passphrase.
package relay
