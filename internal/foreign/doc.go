// SPDX-License-Identifier: AGPL-3.0-or-later

// Package foreign is what the formats of other systems have in common: each is
// read into a table (intake.Table) and the files that came with it, and goes
// from there the way of every spreadsheet.
//
//	file, folder ── Format.Read ──▶ File ── intake.Mapping.Run ──▶ Import and Findings ──▶ registry
//	cases, codebook ── Format.Write ──▶ file, and a Report of what could not be carried
//
// Each system has a package of its own below this one, and they stand in the
// table of package systems. A reader knows the format and nothing of what it
// means here; the ready mapping (Format.Map) says that, and can be printed,
// changed and handed in with --map like one a person wrote.
//
// Sheets of the table are tied by the other system's own ids: the main sheet has
// a row a case, the others (steps of the mapping) name the case in a column and
// themselves in another. Nothing is ever tied by a title or a name, which two
// may share and one may change.
//
// What a file holds and nobody maps is told (intake.Run warns of each such sheet
// and column), and the whole row is kept with its case. What stands in no row of
// a case, the reader puts into a sheet of its own or into File.Findings; it drops
// nothing in silence.
//
// A reader must never write, never fetch, never ask the clock, never panic on
// what it is given, and read no file that the one it was given does not name.
package foreign
