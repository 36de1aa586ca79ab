// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A Book compares as Prepare does, remembered or not.
func TestBookComparesAsPreparedNames(t *testing.T) {
	word := rapid.OneOf(rapid.SampledFrom([]string{
		"", "Копбаев", "Көпбаева", "Kopbaev", "Kopbayev", "Копбай", "Сұңқар", "Сункар", "Sunkar", "Ерлан", "Ерланұлы", "Ерланович", "Erlanovich", "Е.", "С",
		"Асан", "Үсен", "Нур", "Жигит", "Нуржигит", "Ким", "Алексей", "Дамир", "Дамира", "Айдан", "Айдана", "Марат", "Маат", "-", "42",
	}), rapid.StringMatching(`[А-Я][а-яә]{2,8}(ов|ева|)`), rapid.StringMatching(`[A-Z][a-z]{2,8}(ov|eva|)`))
	rapid.Check(t, func(t *rapid.T) {
		book, memo := NewBook(), NewMemo()
		var all []Name
		var entries []Entry
		for range rapid.IntRange(2, 5).Draw(t, "names") {
			f, g, p := word.Draw(t, "family"), word.Draw(t, "given"), word.Draw(t, "patronymic")
			all, entries = append(all, New(f, g, p)), append(entries, book.AddRoles(f, g, p))
		}
		for i, a := range all {
			p := Prepare(a)
			f, g, s := p.Words()
			if bf, bg, bs, stem := book.Folded(entries[i]); f != bf || g != bg || s != bs || stem != p.Stem() {
				t.Fatalf("%v folds to %q %q %q %q, in the book to %q %q %q %q", a, f, g, s, p.Stem(), bf, bg, bs, stem)
			}
			for j, b := range all {
				want := p.Compare(Prepare(b))
				for range 2 {
					if got := book.Compare(entries[i], entries[j], memo); got.Score != want.Score || got.Family != want.Family || got.Given != want.Given || got.Patronymic != want.Patronymic || got.Swapped != want.Swapped || got.Sexes != want.Sexes {
						t.Fatalf("%v and %v: %+v, in the book %+v", a, b, want, got)
					}
				}
			}
		}
	})
}

// The short way of tidy gives what the long way gives.
func TestTidy(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune{' ', '\u00a0', '\u2009', '\u3000', '\u1680', '\u0085', 'а', 'ұ', 'x'})))
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		if got, want := tidy(s), strings.Join(strings.Fields(s), " "); got != want {
			t.Fatalf("%q: %q, want %q", s, got, want)
		}
	})
}
