// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold brings headings and values to the form in which they are compared:
// small letters, one space between words, ё as е.
func fold(s string) string {
	s = strings.Join(strings.Fields(clean(norm.NFC.String(s))), " ")
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if r == 'ё' {
			return 'е'
		}
		return r
	}, s)
}

// FoldHeading is a heading as mappings compare it: two that are the same by it
// can't be told apart in one sheet.
func FoldHeading(s string) string { return fold(s) }

// didYouMean names the words nearest to s, or says the rest where none is near.
func didYouMean(s string, words []string, otherwise string) string {
	if near := nearest(s, words); len(near) > 0 {
		return "; did you mean " + strings.Join(near, ", ") + "?"
	}
	if otherwise == "" {
		return ""
	}
	return "; " + otherwise
}

// nearest returns up to three words that differ from s by a few signs, nearest first.
func nearest(s string, words []string) []string {
	type candidate struct {
		word string
		d    int
	}
	a := []rune(fold(s))
	if len(a) > 120 {
		return nil
	}
	limit := 1 + len(a)/4
	var found []candidate
	for _, w := range words {
		b := []rune(fold(w))
		d := distance(a, b)
		switch {
		case d <= limit:
			found = append(found, candidate{w, d})
		case len(a) >= 4 && strings.Contains(string(b), string(a)):
			found = append(found, candidate{w, limit + len(b) - len(a)})
		}
	}
	slices.SortStableFunc(found, func(x, y candidate) int { return x.d - y.d })
	var out []string
	for _, f := range found {
		if !slices.Contains(out, f.word) && len(out) < 3 {
			out = append(out, f.word)
		}
	}
	return out
}

// distance is the number of signs to put in, take out or change.
func distance(a, b []rune) int {
	if len(a)-len(b) > 40 || len(b)-len(a) > 40 {
		return 41
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// splitName cuts a full name as lists write it: family name, given name, the
// rest the patronymic. "Family, Given Patronymic" is read too.
func splitName(s string) (family, given, patronymic string) {
	words := strings.Fields(strings.Replace(s, ",", " ", 1))
	switch len(words) {
	case 0:
	case 1:
		family = words[0]
	case 2:
		family, given = words[0], words[1]
	default:
		family, given, patronymic = words[0], words[1], strings.Join(words[2:], " ")
	}
	return family, given, patronymic
}
