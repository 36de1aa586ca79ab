// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/locale"
)

// Readers of files say in English what is wrong with a cell or a file. The
// messages import.said.* have each sentence as it is said, and in the other
// languages: a sentence is found by its wording, and said with its values.

// saidBeginning begins the keys of the sentences.
const saidBeginning = "import.said."

// sentence is what a reader may say.
type sentence struct {
	key     string
	words   string // the longest of its words that stand together: without these it is another
	whole   *regexp.Regexp
	values  []int // places of its values, as they come
	another bool  // its last value is a sentence itself
}

// saidSentences are all sentences, those with the most words of their own first.
func saidSentences(words *locale.Catalogue) []sentence {
	en := words.Lang("en")
	marks := make([]any, 10)
	for i := range marks {
		marks[i] = "\x00" + strconv.Itoa(i) + "\x00"
	}
	mark := regexp.MustCompile("\x00[0-9]\x00")
	length := map[string]int{}
	var out []sentence
	for _, key := range en.Keys() {
		if !strings.HasPrefix(key, saidBeginning) {
			continue
		}
		text := en.T(key, marks...)
		s := sentence{key: key, another: strings.HasSuffix(text, ": \x001\x00")}
		pattern := "(?s)^"
		for i, part := range mark.Split(text, -1) {
			if i > 0 {
				pattern += "(.*?)"
			}
			pattern += regexp.QuoteMeta(part)
			length[key] += len(part)
			if len(part) > len(s.words) {
				s.words = part
			}
		}
		for _, m := range mark.FindAllString(text, -1) {
			s.values = append(s.values, int(m[1]-'0'))
		}
		s.whole = regexp.MustCompile(pattern + "$")
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b sentence) int { return cmp.Compare(length[b.key], length[a.key]) })
	return out
}

// saidOf says in the reader's language what a reader of files says in English;
// false: it is said in English alone. A message begins with the file, which the
// page has.
func (s *server) saidOf(v *visit, text, file string) (string, bool) {
	if file != "" {
		text = strings.TrimPrefix(text, file+": ")
	}
	if v.Code() == "en" {
		return text, true
	}
	for _, one := range s.said() {
		if !strings.Contains(text, one.words) {
			continue
		}
		m := one.whole.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		values := make([]any, len(one.values))
		known := true
		for i, place := range one.values {
			value := m[i+1]
			if one.another && i == len(one.values)-1 {
				value, known = s.saidOf(v, value, "")
			}
			if place < len(values) {
				values[place] = value
			}
		}
		if known {
			return v.T(one.key, values...), true
		}
	}
	// Two of them may stand one after the other.
	if first, second, ok := strings.Cut(text, "; "); ok {
		a, knownA := s.saidOf(v, first, "")
		b, knownB := s.saidOf(v, second, "")
		if knownA && knownB {
			return a + "; " + b, true
		}
	}
	return text, false
}
