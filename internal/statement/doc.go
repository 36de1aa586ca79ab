// SPDX-License-Identifier: AGPL-3.0-or-later

// Package statement reads the texts that a coalition publishes, with figures in
// them that are asked of the register and never typed, and knows what a
// published figure is bound to.
//
// A text is Markdown with directives in double braces (docs/spec/statement.md):
// a figure, a table, a chart, an outside figure, a story that stands under the
// consent of the person it is about. [Parse] reads it, [Text.Asks] says what it
// asks of the register, [Fill] puts the answers in, and package paper writes the
// result as a page, a PDF, a word-processor file or plain text.
//
// On publication every figure is frozen in a [Manifest]: its definition, both
// clocks, the unit, the state of the ledger, its value, and a salted commitment
// to the cases behind it. [Disclosure] looks whether what is to be published
// singles out few people together with all that was published before.
//
// It must never count by itself, read a clock or a store, fill in a figure that
// was not answered, or change what was published.
package statement
