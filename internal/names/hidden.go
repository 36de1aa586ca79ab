// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"slices"
	"strings"
	"unicode"
)

// Hidden are names that are not to be told. They are found in a text in any
// script, and with the endings that Russian and Kazakh put to names: rather a
// word too many than one too few.
type Hidden struct{ folds []string }

const (
	shortName = 3 // a folded name as short as this must stand as it is
	longName  = 6 // one as long may have lost its last sound to an ending
)

// Add adds the words of a name.
func (h *Hidden) Add(name string) {
	for _, word := range wordsOf(name) {
		if fold := Fold(word); len(fold) >= shortName && !slices.Contains(h.folds, fold) {
			h.folds = append(h.folds, fold)
		}
	}
}

// Except takes the words of a name out again.
func (h *Hidden) Except(name string) {
	for _, word := range wordsOf(name) {
		fold := Fold(word)
		h.folds = slices.DeleteFunc(h.folds, func(f string) bool { return f == fold })
	}
}

// In tells whether a text holds one of the names.
func (h *Hidden) In(text string) bool {
	return len(h.folds) > 0 && slices.ContainsFunc(wordsOf(text), h.Word)
}

// Word tells whether a word is one of the names.
func (h *Hidden) Word(word string) bool {
	if len(h.folds) == 0 {
		return false
	}
	fold := Fold(word)
	return slices.ContainsFunc(h.folds, func(name string) bool {
		switch {
		case len(name) <= shortName:
			return fold == name
		case len(name) >= longName:
			return strings.HasPrefix(fold, name[:len(name)-1])
		}
		return strings.HasPrefix(fold, name)
	})
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
}
