// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/kua-registry/kua/internal/codebook"
)

func codesOf(found []codebook.ListCode) []string {
	var out []string
	for _, c := range found {
		out = append(out, c.Code)
	}
	return out
}

// TestSearchFinds is what people type into the field of a code; the code must come first.
func TestSearchFinds(t *testing.T) {
	b := book(t)
	for _, c := range []struct{ list, lang, text, want string }{
		{"method", "en", "electr", "electric"}, {"method", "ru", "электр", "electric"}, {"method", "kk", "электр", "electric"},
		{"method", "ru", "electric sh", "electric"}, {"method", "ru", "дубин", "beat_object"}, {"method", "en", "truncheon", "beat_object"},
		{"method", "ru", "пакет", "dry_asphyxia"}, {"method", "ru", "электрощок", "electric"}, {"method", "en", "elcetric", "electric"}, {"method", "en", "ELECTRIC", "electric"},
		{"region", "ru", "мангист", "KZ-47"}, {"region", "kk", "маңғ", "KZ-47"}, {"region", "kk", "мангыстау", "KZ-47"}, {"region", "en", "mangyst", "KZ-47"}, {"region", "en", "KZ-47", "KZ-47"}, {"region", "ru", "обл восточно", "KZ-63"},
		{"place_type", "ru", "сизо", "sizo"}, {"place_type", "ru", "спецприемн", "special_reception"}, {"place_type", "en", "vehicle police", "vehicle"},
		{"no_complaint_reason", "ru", "боится преследования", ""},
		{"yesno", "en", "y", "yes"}, {"yesno", "ru", "неиз", "unknown"}, {"yesno", "kk", "бел", "unknown"}, {"yesno", "kk", "иа", "yes"},
		{"method", "en", "zzzz", ""}, {"method", "en", "e e e e e e e e e e e e e e e", ""},
	} {
		l, ok := b.List(c.list)
		if !ok {
			t.Fatalf("no list %s", c.list)
		}
		got := codesOf(l.Search(c.text, c.lang, 5))
		if first := append(got, "")[0]; first != c.want {
			t.Errorf("%s, %s: %q finds %v, want %q first", c.list, c.lang, c.text, got, c.want)
		}
	}
}

// TestSearchFindsEveryLabel types each label whole, and each first word of one with a letter left out.
func TestSearchFindsEveryLabel(t *testing.T) {
	for _, l := range book(t).Lists() {
		for _, c := range l.Codes {
			for lang, label := range map[string]string{"en": c.Label.En, "ru": c.Label.Ru, "kk": c.Label.Kk} {
				found := l.Search(label, lang, len(l.Codes))
				if len([]rune(label)) <= 60 && (len(found) == 0 || found[0].Label.In(lang) != label) {
					t.Errorf("%s, %s: %q finds %v first, not %s", l.ID, lang, label, codesOf(found), c.Code)
				}
				if r := []rune(label); len(r) >= 6 && !slices.ContainsFunc(r[:6], func(r rune) bool { return !unicode.IsLetter(r) }) {
					slip := string(r[:3]) + string(r[4:6])
					if found := codesOf(l.Search(slip, lang, len(l.Codes))); !slices.Contains(found, c.Code) {
						t.Errorf("%s, %s: %q does not find %s", l.ID, lang, slip, c.Code)
					}
				}
			}
		}
	}
}

func TestSearchOrder(t *testing.T) {
	l, _ := book(t).List("region")
	for _, lang := range []string{"ru", "kk"} {
		all := l.Search("", lang, 3)
		if got := codesOf(all); !slices.Equal(got, codesOf(l.Codes[:3])) {
			t.Errorf("nothing typed finds %v", got)
		}
		order := collate.New(language.Make(lang), collate.Numeric)
		word := map[string]string{"ru": "область", "kk": "облысы"}[lang]
		found := l.Search(word, lang, 100)
		found = slices.DeleteFunc(found, func(c codebook.ListCode) bool { // those that begin with it come first
			label := strings.ToLower(c.Label.In(lang))
			return strings.HasPrefix(label, word) || !strings.Contains(label, word)
		})
		if len(found) < 10 {
			t.Errorf("%s: %d regions", lang, len(found))
		}
		if !slices.IsSortedFunc(found, func(a, b codebook.ListCode) int {
			return order.CompareString(a.Label.In(lang), b.Label.In(lang))
		}) {
			t.Errorf("%s: %v stand in no order", lang, codesOf(found))
		}
	}
	for _, n := range []int{0, -1} {
		if got := l.Search("a", "en", n); len(got) != 0 {
			t.Errorf("at most %d codes: %v", n, codesOf(got))
		}
	}
}

func FuzzSearch(f *testing.F) {
	b := book(f)
	for _, s := range []string{"", "обл", "KZ", "мангст", "\xff", "а б в", "ёё", "electric shock"} {
		f.Add(s, "ru", 5)
	}
	f.Fuzz(func(t *testing.T, text, lang string, most int) {
		for _, id := range []string{"region", "method"} {
			l, _ := b.List(id)
			found := codesOf(l.Search(text, lang, most))
			if len(found) > max(most, 0) {
				t.Fatalf("%q: %d codes, at most %d were asked for", text, len(found), most)
			}
			if again := codesOf(l.Search(" "+text+". ", lang, most)); !slices.Equal(again, found) {
				t.Fatalf("%q finds %v, then %v", text, found, again)
			}
			seen := map[string]bool{}
			for _, code := range found {
				if _, ok := l.Code(code); !ok || seen[code] {
					t.Fatalf("%q finds %s, which is no code or twice there", text, code)
				}
				seen[code] = true
			}
			if most > 0 && most < 100 { // fewer asked for are the first of more
				if more := codesOf(l.Search(text, lang, most+1)); !slices.Equal(found, more[:min(len(more), most)]) {
					t.Fatalf("%q finds %v of %v", text, found, more)
				}
			}
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	l, _ := book(b).List("method")
	for b.Loop() {
		l.Search("электр", "ru", 10)
	}
}
