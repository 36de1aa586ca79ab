// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import "strings"

// SearchKeys returns the keys under which a name, or a query for one, is found
// across scripts and misspellings: the folded words, then, marked with "~",
// weaker keys of their consonants alone. A name is worth showing when it shares
// a key with every word of the query; the more keys without "~", the better.
func SearchKeys(text string) []string {
	var keys []string
	seen := map[string]bool{}
	add := func(k string) {
		if k != "" && !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	words := split(text)
	for _, w := range words {
		f := familyWord(w)
		if f.initial {
			continue
		}
		add(f.fold)
		if p := patronymicWord(w); p.suffix && !f.suffix {
			f = p
		}
		if len(f.stem) >= 2 {
			add(f.stem)
		}
	}
	for _, w := range words {
		add(skeleton(familyWord(w).fold))
	}
	return keys
}

// skeleton is the weakest key of a word: its consonants, each standing for all
// that are confused with it.
func skeleton(fold string) string {
	var b strings.Builder
	last := byte(0)
	for i := range len(fold) {
		c := fold[i]
		switch c {
		case 'a', 'e', 'i', 'o', 'u', 'E':
			continue
		case 't':
			c = 'd'
		case 'p':
			c = 'b'
		case 'f':
			c = 'v'
		case 'k', 'h':
			c = 'g'
		case 's', 'S', 'C', 'c', 'j':
			c = 'z'
		}
		if c == 'g' && last == 'n' {
			continue // ң
		}
		if c != last {
			b.WriteByte(c)
			last = c
		}
	}
	if b.Len() < 2 {
		return ""
	}
	return "~" + b.String()
}

// Weak returns the weakest key of a folded word: its consonants, those that are
// confused taken as one. It brings candidates together; it decides nothing.
func Weak(fold string) string {
	if k := skeleton(fold); k != "" {
		return k[1:]
	}
	return fold
}
