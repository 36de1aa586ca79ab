// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rules asks the codebook's and the packs' rules of a case file: figures (does it count, and from when to
// when), checks (was the norm kept) and deadlines (who owes what until when). Rules are data; each is one or a few
// CEL expressions over the records that count as of a day.
//
// It must never read a clock, a store or the identity part of a record: expressions see facts only, so that a
// figure is the same for whoever may count but not read names. A rule that meets something that was not recorded
// answers "cannot tell"; it never guesses.
package rules
