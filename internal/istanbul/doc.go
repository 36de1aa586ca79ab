// SPDX-License-Identifier: AGPL-3.0-or-later

// Package istanbul reads an examination as the Istanbul Protocol does: what the Protocol asks of an evaluation,
// section by section in the order of its annex IV, and which of it a record holds; and the examinations of one case
// side by side, official and independent: what both saw, what one alone saw, and in what they differ.
//
// The source is the Manual on the Effective Investigation and Documentation of Torture and Other Cruel, Inhuman or
// Degrading Treatment or Punishment (Istanbul Protocol), 2022 edition, OHCHR Professional Training Series No. 8/Rev. 2.
// "IP 313" is its paragraph 313. Each item says how sure we are of its source: R the text was read, K it is known,
// U unsure.
//
// It must never read a clock, a store or a key, decide who may see what, or say whether torture took place: it says
// what was recorded. That a sign was not seen is no proof that there was none (IP 393, 424).
package istanbul
