// SPDX-License-Identifier: AGPL-3.0-or-later

// Package locale speaks English, Russian and Kazakh: the words of the pages
// and of the command line, plurals, numbers, dates certain and uncertain,
// lists and the order of the alphabet.
//
// # Messages
//
// The folders messages/en, ru and kk have a file for each part of the pages. A
// file maps a key to its text, keys with dots by page or subject; the few words
// that this package itself needs for dates and lists are in the folder words in
// the same form:
//
//	case.opened: "Opened on {0} by {1}"
//	case.count: {one: "{n} case", other: "{n} cases"}
//
// {0}, {1} … are the arguments in their order; a language may take them in
// another. Where a number decides the form, the forms are named as in CLDR
// (English and Kazakh: one, other; Russian: one, few, many; other is for
// fractions, which do not occur) and {n} is the number itself. An argument that is a number, a day or a date is written as
// the language writes it. Tests hold the languages to the same keys, the
// same placeholders and all the forms.
//
// # Dates that people write
//
// ReadDate reads a date in the words of any of the three languages, ReadMissing
// the words that say that there is none. What Language.Date writes, ReadDate
// reads.
//
// # Numbers with what they count
//
// Cardinal writes a number in words, Counted a number with its noun, each in the
// form its place in the sentence asks for:
//
//	ru.Counted(69, "case", Grammar{Case: Locative}, true)   "шестидесяти девяти делах"
//	kk.Counted(69, "case", Grammar{Case: Ablative}, false)  "69 істен"
//	kk.Numeral(69, Grammar{Owned: true})                    "69-ы"
//
// The nouns and all their forms are data in the folder nouns; testdata/numbers.*
// has numbers and nouns in every form, for a speaker to read through.
//
// The labels of kinds, fields and codes are not here: they belong to the
// codebook, with what they name.
//
// # What it must never do
//
// It never reads the clock or the machine's own locale, and never escapes:
// what it returns is plain text for a template to escape. A key that is
// missing comes back as itself, so that a page stands and a test sees it.
package locale
