// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pgtest starts a PostgreSQL of its own for tests and measurements: in
// a folder that goes away with it, on a socket there, with no port.
//
// It must never be imported by the program, nor touch a server that it did not start.
package pgtest
