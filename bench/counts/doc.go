// SPDX-License-Identifier: AGPL-3.0-or-later

// Command counts measures how quickly a large register counts, beside the same
// questions asked of PostgreSQL over normalised tables, in one run. It makes
// cases of people who do not exist, hands them to the index as opened entries
// and to PostgreSQL by COPY, asks both for every figure of the statement and for
// the analysis as of random days, holds the answers against one another and
// prints times and their ratio. docs/performance.md keeps what it printed.
//
// With -questions it asks twelve questions of a day's work instead: a search, a
// list, a case, what is due, figures; a hundred times each, by turns.
//
// It says nothing of sealing, signing or the ledger: see bench/register.
//
// It must never be pointed at a register of real cases: it makes its own, in a
// temporary directory that it removes, and a database cluster of its own beside it.
package main
