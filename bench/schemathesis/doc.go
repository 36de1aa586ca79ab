// SPDX-License-Identifier: AGPL-3.0-or-later

// Command schemathesis runs schemathesis (https://schemathesis.io, from PyPI)
// against the interface for programs of a register that it makes up: with a key
// for everything, with one of a small scope, with one that has ended and with one
// that never was; with ids drawn at random, with those of the key's own cases and
// with those of cases that it does not open.
//
// Beside what schemathesis looks at, it reads what was answered. Everything of
// the cases that are not open, words, ids, numbers, is a marker that stands
// nowhere else: an answer with one of them is a leak. A key that opens nothing is
// answered 401 and nothing else.
//
// The stream of changes is left out: it lasts a minute and a half each time.
package main
