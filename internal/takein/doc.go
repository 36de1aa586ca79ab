// SPDX-License-Identifier: AGPL-3.0-or-later

// Package takein reads a member's list and takes it into the register: a
// spreadsheet by its mapping, a file of another system, or a file of records. The
// command line and the pages both do it through here:
//
//	From ── Read ──▶ List (findings, mapping, cases) ── Plan ──▶ what would be new, changed, the same
//	                                                 └─ TakeIn ──▶ what was
//
// Reading needs no register, and changes nothing. A list with an error in one
// cell has no cases, and nothing of it is taken in.
//
// Archives of Kua are read elsewhere (registry.ImportArchive): they hold histories
// and not lists.
package takein
