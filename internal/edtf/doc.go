// SPDX-License-Identifier: AGPL-3.0-or-later

// Package edtf holds dates as people know them: a day, the night between two
// days, some day in January, about June, not before a day, a year with its
// last digit missing. They are written in the Extended Date/Time Format of
// ISO 8601-2, levels 0 and 1, and of level 2 the unspecified digits anywhere
// and the qualifiers of single components.
//
//	2022-01-05              a day
//	2022-01-05T14:30+06:00  a moment; its day is the one on the local calendar
//	2022-01, 2022           a month, a year
//	2022-21 … 2022-24       spring, summer, autumn, winter
//	2022-01-XX, 2022-01-1X  some day in January, in its teens
//	202X, 20XX              some year of a decade, of a century
//	2022-06?                uncertain: the source may be wrong
//	2022-06~                approximate: about then
//	2022-06%                both
//	2022-01-04/2022-01-05   from … to, or one moment between the two
//	2022-01-05/..           from then on: the end is open
//	2022-01-05/             from then on: the end is not known
//
// # What a date means
//
// Every Date has an earliest and a latest possible day. Three decisions are
// ours, because the standard leaves them open:
//
//   - A qualifier does not widen: 2022-06~ lies between 1 and 30 June. How far
//     "about" reaches only its author knows; who means May to July writes
//     2022-05/2022-07. Approximate and Uncertain tell that the bounds are soft.
//   - Seasons are those of the northern hemisphere in whole months. Winter
//     bears the year in which it ends: 2022-24 is December 2021 to February
//     2022. Pages write it as "winter 2021/22", so that nobody has to know.
//   - An open or unknown end reaches to MinDay or MaxDay, and so does the zero
//     Date, of which nothing is known.
//
// # What it must never do
//
// It never guesses: 05/01/2022 is refused, because nobody can tell May from
// January. It never reads the clock, and never turns a date into one more
// exact than what was written.
package edtf
