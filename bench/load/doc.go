// SPDX-License-Identifier: AGPL-3.0-or-later

// Command load drives a served register as many case workers at once do: each
// signed in by themself, reading lists, searching for names spelt wrongly in
// another script, opening cases, and now and then writing. What they wrote must
// stand on the page of the case that they read next, or it is an error.
//
// It needs a register that 'kua bench generate' made. Given -kua it serves that
// register itself; given -addresses it spreads the workers over nodes that are
// served already. Sign-in is not measured: passphrases are stretched one at a
// time, on purpose.
//
// A worker thinks between two pages, for as long as chance says (exponentially
// distributed, with the mean of -think). With a think time of 0 they ask as fast
// as they are answered: how much the server can carry.
//
// What is asked for is a list of pages (pages.go). With -programs it is that of
// the interface for programs (programs.go): keys in the place of sessions, what
// was read asked for unless it is the same, lists by their cursors, the feed
// followed, writes named and asked twice. What was written must be found among
// what was written to.
//
// With -reports people outside report meanwhile (reports.go), and what they were
// told is there must be there.
//
// It must never be pointed at a register of real cases: it writes to it.
package main
