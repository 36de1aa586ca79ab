// SPDX-License-Identifier: AGPL-3.0-or-later

// Package seal holds the keys of a register and what is done with them:
// identities of members, organisations and nodes; key files locked by a
// passphrase; vaults that wrap the keys of cases; and the sealing of the two
// parts of an entry. docs/spec/ledger.md describes all of it byte for byte.
//
// It must never write a key or a passphrase anywhere in the clear: not to a
// file, not to a log, not into an error. Types that hold keys print as
// "[sealed]" whatever the verb. It knows no files, no clock and no other
// package of the program.
package seal
