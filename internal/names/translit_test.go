// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"strings"
	"testing"
)

// The ways one name is written, for the test only: what the package folds, it must not be told how it was made.
var (
	russian = strings.NewReplacer("ә", "а", "ғ", "г", "қ", "к", "ң", "н", "ө", "о", "ұ", "у", "ү", "у", "һ", "х", "і", "и",
		"Ә", "А", "Ғ", "Г", "Қ", "К", "Ң", "Н", "Ө", "О", "Ұ", "У", "Ү", "У", "І", "И")
	icaoSpelling = strings.NewReplacer("а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "е", "e", "ё", "e", "ж", "zh", "з", "z", "и", "i", "й", "i", "к", "k", "л", "l", "м", "m", "н", "n",
		"о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ф", "f", "х", "kh", "ц", "ts", "ч", "ch", "ш", "sh", "щ", "shch", "ъ", "ie", "ы", "y", "ь", "", "э", "e", "ю", "iu", "я", "ia")
	bgnSpelling = strings.NewReplacer("ә", "a", "ғ", "gh", "қ", "q", "ң", "ng", "ө", "o", "ұ", "u", "ү", "u", "һ", "h", "і", "i", "ае", "aye", "ое", "oye", "ие", "iye", "а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "е", "e", "ё", "yo", "ж", "zh", "з", "z", "и", "i", "й", "y", "к", "k", "л", "l", "м", "m", "н", "n",
		"о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ф", "f", "х", "kh", "ц", "ts", "ч", "ch", "ш", "sh", "щ", "shch", "ъ", "", "ы", "y", "ь", "", "э", "e", "ю", "yu", "я", "ya")
	pressSpelling = strings.NewReplacer("дж", "j", "а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "е", "e", "ё", "yo", "ж", "j", "з", "z", "и", "i", "й", "y", "к", "k", "л", "l", "м", "m", "н", "n",
		"о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ф", "f", "х", "h", "ц", "ts", "ч", "ch", "ш", "sh", "щ", "sch", "ъ", "", "ы", "y", "ь", "", "э", "e", "ю", "yu", "я", "ya")
	latin2021 = strings.NewReplacer("а", "a", "ә", "ä", "б", "b", "в", "v", "г", "g", "ғ", "ğ", "д", "d", "е", "e", "ё", "io", "ж", "j", "з", "z", "и", "i", "й", "i", "к", "k", "қ", "q", "л", "l", "м", "m", "н", "n", "ң", "ñ",
		"о", "o", "ө", "ö", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ұ", "ū", "ү", "ü", "ф", "f", "х", "h", "һ", "h", "ц", "ts", "ч", "ch", "ш", "ş", "щ", "şş", "ъ", "", "ы", "y", "і", "ı", "ь", "", "э", "e", "ю", "iu", "я", "ia")
)

func spellings(kazakh string) map[string]string {
	ru := russian.Replace(kazakh)
	l, lru := strings.ToLower(kazakh), strings.ToLower(ru)
	return map[string]string{
		"russian": ru, "icao": icaoSpelling.Replace(lru), "bgn": bgnSpelling.Replace(l), "bgn of the russian": bgnSpelling.Replace(lru),
		"press": pressSpelling.Replace(lru), "kazakh latin": latin2021.Replace(l), "kazakh latin of the russian": latin2021.Replace(lru),
		"press with dzh": strings.ReplaceAll(icaoSpelling.Replace(lru), "zh", "dzh"),
	}
}

// TestSpellingsMeet writes every name of the lexicon in each way and wants it found again,
// as a given name, as a family name and as a father's name.
func TestSpellingsMeet(t *testing.T) {
	tried, missed := 0, 0
	for line := range strings.Lines(givenNames) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		own := f[0]
		for way, s := range spellings(own) {
			for _, p := range [][2]Name{
				{New("Копбаев", own, ""), New("Копбаев", s, "")},
				{Parse(own + "ов Айдын"), Parse(spellings(own + "ов")[way] + " Aidyn")},
				{New("Копбаев", "Айдын", own+"ұлы"), New("Копбаев", "Айдын", spellings(own + "ұлы")[way])},
			} {
				tried++
				if c := Compare(p[0], p[1]); c.Score < Threshold {
					missed++
					t.Logf("%s: %v and %v: %.2f", way, p[0], p[1], c.Score)
				}
			}
		}
	}
	t.Logf("%d spellings, %d missed", tried, missed)
	if missed > 0 {
		t.Errorf("%d of %d spellings are not seen to be the same name", missed, tried)
	}
}

// TestLexiconStaysApart compares every two names of the lexicon under one family name.
func TestLexiconStaysApart(t *testing.T) {
	var all []*Prepared
	for line := range strings.Lines(givenNames) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 0 {
			all = append(all, Prepare(New("Копбаев", f[0], "")))
		}
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if c := a.Compare(b); c.Score >= Threshold {
				t.Errorf("%v and %v are two names: %.2f %v", a.Name().Given, b.Name().Given, c.Score, c.Given)
			}
		}
	}
}
