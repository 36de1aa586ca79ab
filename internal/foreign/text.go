// SPDX-License-Identifier: AGPL-3.0-or-later

package foreign

import (
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/codebook"
)

// ComesBack says whether a text of a field is read again as it was written: a
// table keeps no space around a text and none of the signs that people don't
// see, and what is no prose has one line with one space between words.
func ComesBack(book *codebook.Book, kind, field, s string) bool {
	if k, ok := book.Kind(kind); ok {
		if f, ok := k.Field(field); ok && f.Type != codebook.Prose && s != strings.Join(strings.Fields(s), " ") {
			return false
		}
	}
	return s == strings.TrimSpace(s) && !strings.ContainsFunc(s, func(c rune) bool { return c != '\n' && c != ' ' && unseen(c) })
}

func unseen(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.IsSpace(c) || c == unicode.ReplacementChar
}

// Seen is a text without the signs that people don't see, which some formats
// can't hold (a zero byte in a CSV) and no table keeps.
func Seen(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c != '\n' && !unicode.IsSpace(c) && unseen(c) {
			return -1
		}
		return c
	}, s))
}
