// SPDX-License-Identifier: AGPL-3.0-or-later

// Package linkcsv links lists of people in CSV files: it reads them a row at a
// time, finds out which columns hold names, dates, numbers and codes where no
// plan says so, hands the rows to linkage, writes pairs and clusters, and draws
// pairs for a person to judge.
//
// The lists hold victims' names. What it writes is for the owner of the files
// alone; what does not fit into memory goes to a private folder, sealed with a
// key that is nowhere but in memory, and there are numbers in it, no names. An
// error says the file, the row and the column, and never what stands in it.
package linkcsv
