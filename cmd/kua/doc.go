// SPDX-License-Identifier: AGPL-3.0-or-later

// Command kua is the register: one program that keeps it, serves its pages and
// answers on the command line. One file here is one subcommand; wiring and
// configuration live here and nowhere else.
//
// It must never print a passphrase it was given, and never write a name, a
// case number or a search term to its log.
package main
