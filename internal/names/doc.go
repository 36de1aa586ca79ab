// SPDX-License-Identifier: AGPL-3.0-or-later

// Package names tells whether two written names can be the same name: across
// Latin, Russian and Kazakh spellings, and those of Uzbek, Uyghur and the
// Kazakh of China in its Arabic letters, in either order, with a patronymic on
// one side only, with initials, with a typing error.
//
// A name is first parsed into roles (family name, given name, patronymic), then
// each word is folded to sounds that all its spellings share, and only then are
// sounds compared by a weighted edit distance. Roles matter: a father and his
// son share every word, and only the roles tell them apart. A patronymic that
// only one side has says nothing; two patronymics that conflict say a lot.
//
// It answers about names, not about people: two people may bear one name. It
// must never decide that two records are one person (that is linkage, and in
// the end a human being), never keep a name it was given, and never reach
// outside the standard library.
package names
