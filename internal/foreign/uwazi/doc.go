// SPDX-License-Identifier: AGPL-3.0-or-later

// Package uwazi reads and writes what goes in and out of Uwazi, the database of
// HURIDOCS: its import (a CSV, or a ZIP with import.csv and the files it names)
// and the dump of its database (mongodump).
//
// The import dialect is read as Uwazi reads it (app/api/csv of huridocs/uwazi):
// headings are compared by their safe name; __es at the end of one is its
// language; | stands between values, parent::child is a value of a group. Two
// things are told that Uwazi passes over: a column that nobody maps, and files
// that are not there. Uwazi's own export (date ranges with ~ and addresses in
// the place of files) is read, too.
//
// What is written is the import dialect: a row a case, a column for each field of
// each record, named kind.field or, of the second record of its kind,
// kind.2.field. The id of each record stands beside it, so that taking the file
// in again makes the same records.
//
// A dump becomes a sheet for each template and one for the connections. Which
// template is a case, the ready mapping guesses; entities are tied by the hubs of
// the connections and their shared ids, never by title.
package uwazi
