// SPDX-License-Identifier: AGPL-3.0-or-later

// Package letter makes documents of a case: a complaint about delay, a request
// for the copy of a decision, an appeal; and forms, which are letters that their
// reader wants in an order of their own: a communication to a body of the UN, a
// medical opinion. What they say is data of the codebook and its packs
// (codebook.LetterDef, docs/spec/letters.md); this package reads it once, fills
// it from a case, and lays what a person made of it out as a document.
//
// It must never invent: what the case does not hold stands in the document as a
// visible blank with the name of the field. It must never name somebody who has
// not consented to the purpose of the document, in whatever field the name
// stands. It must never write who made a document, or when, into the file.
package letter
