// SPDX-License-Identifier: AGPL-3.0-or-later

// Splink runs Splink (on DuckDB) and kua link on the same rows in the same run,
// and prints what each took and found: time, the most memory, pairs compared,
// precision and recall against the truth, and the ratios. `make bench-peers`
// installs Splink from PyPI into an environment of its own.
//
// The rows are of people who do not exist, made from a seed that is printed.
// Settings have the same effort on both sides: blocking rules on the same
// columns, and of each side what its documentation recommends for such columns.
// Splink's time counts from after its libraries are loaded until pairs and
// clusters are written; kua's is that of the whole process. Of Splink's
// clusters those at the threshold count that suits it best.
package main
