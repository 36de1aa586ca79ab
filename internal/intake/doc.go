// SPDX-License-Identifier: AGPL-3.0-or-later

// Package intake reads what comes from outside and says what records it would
// make: spreadsheets by a mapping (Table, Mapping, Import) and the plain YAML
// record files (ReadRecords).
//
// The way of a spreadsheet:
//
//	file ── ReadTable ──▶ Table ── Mapping.Run ──▶ Import and Findings ──▶ registry
//
// ReadTable knows formats and nothing of their meaning. A Mapping knows what
// each column means and is checked against the codebook before the first row is
// read. Run turns each row into records that are valid by the codebook, or says
// for each cell that does not fit where it is, what is wrong and what was
// expected. If there is one finding of severity Error, Run returns no Import:
// half a list is worse than none, because nobody knows which half.
//
// What makes a second import of the same file change nothing: a row is known by
// its own number (Row.Key), and each of its records by a name that depends on
// the mapping and on the row alone (NewRecord.Local), never on the place of the
// row in the file. RecordID makes the record's id out of both. So the same row
// gives the same ids with the same fields, and one changed cell changes the
// records that are made from that cell and no other (and the kept raw row).
//
// XLSX is read here with archive/zip and encoding/xml instead of a library,
// because three things are needed at once that none gives in one streamed pass:
// the cached value with the text of its formula beside it, whether a number is
// styled as a date, and hard limits on what is unpacked. Tests hold it against
// excelize, cell by cell.
//
// This package must never write, never open the register, never ask the clock,
// never evaluate a formula, and never drop a column in silence.
package intake
