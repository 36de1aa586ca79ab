// SPDX-License-Identifier: AGPL-3.0-or-later

// Package reporting serves the pages on which somebody outside tells what
// happened, comes back with eight words, reads answers, adds, and takes back.
// It has no register and no member, works while the register is locked, and
// opens nothing that it was given sealed. docs/spec/reporting.md has what goes
// over the wire.
//
// One page, the same bytes for everybody, seals on the device of who tells; it
// is one file with its style and script within, so that its digest can be held
// beside one that came another way, and so that it works saved on a stick.
// Where no script runs, other pages take the text and seal it on arrival, in
// memory, and say what the difference is.
//
// It must never set a cookie, log or keep anything of who sends, know an hour
// where a day will do, put anything unsealed on a disk, or fetch anything from
// elsewhere.
package reporting
