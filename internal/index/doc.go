// SPDX-License-Identifier: AGPL-3.0-or-later

// Package index is the read model of the register: an encrypted SQLite
// database made from the opened entries of the ledger, which answers searches,
// lists and figures quickly.
//
// It is disposable and not trusted. The encryption hides its pages and does
// not authenticate them, so nothing that decides who may read what is ever
// taken from here, and the head of the ledger it was made from ([Index.Head])
// is compared with the ledger by whoever opens it. Where they differ, or where
// Open answers [ErrUnusable], it is removed and made anew from the ledger: the
// same acts applied in any batches give the same content.
//
// # Two clocks
//
// Everything derived is kept in versions. A version is true for a range of
// known time (milliseconds of the entries' own time) and holds the intervals of
// effective days on which a figure counts, a check is breached, a deadline is
// overdue or a term of ours runs. A figure as of a day, as known by a moment, is
// a count of the units that were true at that moment and hold it on that day.
// The time of entries must not decrease along the ledger; the registry sees to
// that.
//
// A figure as of a day, by what is known now, is a sum over the months before
// and the days of that month (tally); beside it stands what it was as known at
// the end of that day. What is broken down by codes and what is timed is added
// up unit by unit: from memory for what is known now, from the tables for what
// was (Spread).
//
// What is true now is in memory besides, as the table of the list has it, each
// row packed: rows are read in pages when the index is opened, and a write
// replaces those it changed and notes that its page is older (docs/adr/0032).
// A list, its facets and what is breached and overdue in all cases on any day
// are answered from there, whatever was written the moment before.
//
// # Made anew
//
// From the whole ledger an index is made in two passes (Build): the entries
// first, then all that became of one person after the other. What it says is
// what Apply says of the same acts.
//
// # Units
//
// A figure counts units: the merged file of the cases of one person and
// incident that an organisation holds, or, in the scope "coalition", that the
// organisations hold whose record says counts: yes. A restricted case counts in
// the coalition alone: a small number that had it would tell that it is there.
// For the same reason a unit that has one stands in no cell of a breakdown: it
// is in the remainder, with those of which nothing is recorded.
//
// It must never decide who may read, never write to the ledger, never log or
// put into an error a name, a number or a search term, never write outside its
// own files, and never be opened by anything but the registry.
package index
