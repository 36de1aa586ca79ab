// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/kua-registry/kua/internal/locale"
)

// longestQuery is how many letters of what somebody types are looked at.
const longestQuery = 60

// Search returns at most so many codes that fit what somebody types, best first:
// each word typed begins a word of the code's label in any of the languages, of
// an alias or of the code itself; failing that, it does so but for a typing
// error (two in a long word). Codes whose label in lang says it come before
// those that say it in another language, and those before aliases; what is
// equally good stands in the order of the alphabet of lang. Kazakh letters may be
// typed as the Russian ones that stand for them where the keyboard lacks them.
// Without a word typed it returns the first codes of the list; most below 1 is none.
func (l *List) Search(text, lang string, most int) []ListCode {
	most = max(most, 0)
	if lang != "ru" && lang != "kk" {
		lang = "en"
	}
	query := []rune(typed(text))
	if len(query) > longestQuery {
		query = query[:longestQuery]
	}
	words := strings.Fields(string(query))
	if len(words) == 0 {
		return slices.Clone(l.Codes[:min(len(l.Codes), most)])
	}
	type hit struct {
		code  *ListCode
		cost  int
		label string
	}
	var hits []hit
	for i, texts := range l.searchTexts() {
		c := &l.Codes[i]
		if cost, ok := fits(words, texts, lang); ok {
			hits = append(hits, hit{code: c, cost: cost, label: c.Label.In(lang)})
		}
	}
	order := collate.New(language.Make(lang), collate.Numeric)
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), order.CompareString(a.label, b.label), cmp.Compare(a.code.Code, b.code.Code))
	})
	out := make([]ListCode, 0, min(len(hits), most))
	for _, h := range hits[:min(len(hits), most)] {
		out = append(out, *h.code)
	}
	return out
}

// typed folds a text as Find does, and the Kazakh letters to those that people type for them.
func typed(text string) string { return strings.Map(locale.RussianLetter, fold(text)) }

// What a fit costs: the less, the better.
const (
	costWhole   = 0  // the words are all there is
	costFirst   = 1  // they begin at the beginning
	costLater   = 2  // they begin words further on
	costForeign = 3  // in another language
	costAlias   = 4  // in an alias, or the code itself
	costError   = 10 // for each typing error
)

// searchText is one way in which a code is written, in words ready to be compared.
type searchText struct {
	lang  string // of a label; empty for an alias and the code itself
	words []string
}

// searchTexts are the ways in which each code of the list is written; they are
// made when the list is first searched.
func (l *List) searchTexts() [][]searchText {
	l.texts.once.Do(func() {
		l.texts.of = make([][]searchText, len(l.Codes))
		for i, c := range l.Codes {
			add := func(lang, text string) {
				if words := strings.Fields(typed(text)); len(words) > 0 {
					l.texts.of[i] = append(l.texts.of[i], searchText{lang, words})
				}
			}
			for _, lang := range []string{"en", "ru", "kk"} {
				add(lang, c.Label.In(lang))
			}
			for _, alias := range append([]string{c.Code}, c.Aliases...) {
				add("", alias)
			}
		}
	})
	return l.texts.of
}

// fits says how well a code fits the words typed.
func fits(words []string, texts []searchText, lang string) (int, bool) {
	best, found := 0, false
	for _, t := range texts {
		cost, ok := fitText(words, t.words)
		switch t.lang {
		case lang:
		case "":
			cost += costAlias
		default:
			cost += costForeign
		}
		if ok && (!found || cost < best) {
			best, found = cost, true
		}
	}
	return best, found
}

// fitText says how well a text fits: each word typed begins a word of its own.
func fitText(words, text []string) (int, bool) {
	cost, first := 0, false
	used := make([]bool, len(text))
	for i, w := range words {
		at, least := -1, 0
		for j, t := range text {
			if used[j] {
				continue
			}
			if d, ok := begins(w, t); ok && (at < 0 || d < least) {
				at, least = j, d
			}
		}
		if at < 0 {
			return 0, false
		}
		used[at] = true
		cost += costError * least
		first = first || i == 0 && at == 0
	}
	switch {
	case !first:
		return cost + costLater, true
	case len(words) == len(text) && words[len(words)-1] == text[len(text)-1]:
		return cost + costWhole, true
	}
	return cost + costFirst, true
}

// begins says with how many typing errors a word begins another: none in a
// short one, one from four letters on, two from eight. The first letter must be
// right unless the second is: people see what they type first.
func begins(start, word string) (int, bool) {
	if strings.HasPrefix(word, start) {
		return 0, true
	}
	a, b := []rune(start), []rune(word)
	allowed := 0
	switch {
	case len(a) >= 8:
		allowed = 2
	case len(a) >= 4:
		allowed = 1
	}
	if allowed == 0 || len(b) < len(a)-allowed || a[0] != b[0] && (len(b) < 2 || a[1] != b[1]) && (len(b) < 2 || a[0] != b[1]) {
		return 0, false
	}
	best := allowed + 1
	for n := max(len(a)-allowed, 1); n <= min(len(a)+allowed, len(b)); n++ {
		best = min(best, slips(a, b[:n]))
	}
	return best, best <= allowed
}

// slips is the number of typing errors between two words: a letter more, less,
// wrong, or two letters exchanged (optimal string alignment).
func slips(a, b []rune) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range b {
			same := row[j]
			if a[i] != b[j] {
				same++
			}
			next[j+1] = min(same, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
