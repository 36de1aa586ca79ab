// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

// Command faults breaks what a register stands on while it is written to and
// read, and looks whether it kept its word. By a seed that it prints it starts a
// PostgreSQL of its own and processes of nodes, each in a network namespace of
// its own where it may make them, and at random moments kills, stops and
// restarts either, cuts the line between them, fills a disk, sets the clock of a
// node, ends connections, puts an older copy of the database in its place.
//
// What was acknowledged is noted outside, by the program itself, and must be
// there afterwards once; what was not is there once or not at all. Whoever reads
// sees all that was acknowledged before, or is told that it can't be shown. The
// ledger must verify in full after each run. docs/performance.md has the figures.
//
// It must never be pointed at a register or a database that it did not make.
package main
