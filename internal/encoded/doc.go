// SPDX-License-Identifier: AGPL-3.0-or-later

// Package encoded lets organisations count the people they have in common
// without showing one another a name. Each organisation turns its rows into
// keyed Bloom filters (cryptographic long-term keys: Schnell, Bachteler and
// Reiher, BMC Medical Informatics 9:41, 2009, and their working paper of 2011);
// filters of one person are alike, and somebody who has neither the key nor a
// name compares them.
//
// An encoded file is not anonymous. What it withstands and what it tells all
// the same stands in docs/spec/encoded.md, with figures that the tests of this
// package print and hold.
//
// It must never write a name, a key or an organisation's own row ids into an
// encoded file, never compare files of different keys or schemas, and never
// reach outside its arguments: randomness is handed over.
package encoded
