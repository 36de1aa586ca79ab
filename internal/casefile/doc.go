// SPDX-License-Identifier: AGPL-3.0-or-later

// Package casefile turns the entries of a case into the case: the live records with their history, the timeline,
// and the stage the case has reached. A case file is a value: the same entries give the same file, in whatever
// order they are handed over.
//
// It must never read a clock, a store or a key, decide who may see what, or keep anything that is not in the
// entries: where a case stands is derived, never stored.
package casefile
