// SPDX-License-Identifier: AGPL-3.0-or-later

// Command backup measures what the program takes to back up a register and to
// bring it back: the first backup, one after a day's work, all of it read again,
// restored, rehearsed; seconds, processor time, memory at the most and what was
// written. docs/performance.md keeps the figures.
//
// It must never be given a register of anybody: it writes to a copy of one that
// 'kua bench generate' made, and takes that away.
package main
