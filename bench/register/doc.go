// SPDX-License-Identifier: AGPL-3.0-or-later

// Command register measures a register of 10,000 cases as its users meet it:
// taking a list in, opening, figures as of any day, search, a case. Every
// figure it prints is measured in the run that prints it; docs/performance.md
// keeps them. All people in it are made up.
//
// It must never be pointed at a register of real cases: it makes its own, in a
// temporary directory that it removes.
package main
