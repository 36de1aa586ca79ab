// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"strings"
	"sync"
	"unicode"
)

// wordIndex finds codes by what people write. It is built when a list is first asked: most lists never are.
type wordIndex struct {
	once sync.Once
	code map[string]string // folded text → code; "" where two codes are written the same
}

// Find returns the code that a text stands for: the code itself, its label in any of the languages, or one of its
// aliases; case, spaces, punctuation and the dots of ё make no difference. A text that could be two codes is none.
func (l *List) Find(text string) (string, bool) {
	l.words.once.Do(func() {
		l.words.code = make(map[string]string, 5*len(l.Codes))
		for _, c := range l.Codes {
			for _, word := range append([]string{c.Code, c.Label.En, c.Label.Ru, c.Label.Kk}, c.Aliases...) {
				key := fold(word)
				if key == "" {
					continue
				}
				if had, ok := l.words.code[key]; ok && had != c.Code {
					l.words.code[key] = ""
					continue
				}
				l.words.code[key] = c.Code
			}
		}
		for _, c := range l.Codes { // a code is always itself, whatever another code's label says
			l.words.code[fold(c.Code)] = c.Code
		}
	})
	code := l.words.code[fold(text)]
	return code, code != ""
}

// fold brings a text to the form in which Find compares: lower case, letters and digits only, single spaces.
func fold(text string) string {
	var b strings.Builder
	space := false
	for _, r := range text {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			r = unicode.ToLower(r)
			if r == 'ё' {
				r = 'е'
			}
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // a combining accent or the dots of a decomposed ё
		case r == '\'' || r == '’' || r == '`':
			// "prosecutor's" and "prosecutors" are one word
		default:
			space = true
		}
	}
	return b.String()
}
