// SPDX-License-Identifier: AGPL-3.0-or-later

// Package letter makes documents of a case: a complaint about delay, a request
// for the copy of a decision, an appeal. What the documents say is data of the
// packs (codebook.LetterDef, docs/spec/letters.md); this package reads it once,
// fills it from a case, and writes what a person made of it as a file.
//
// It must never invent: what the case does not hold stands in the document as a
// visible blank with the name of the field. It must never write who made a
// document, or when, into the file.
package letter
