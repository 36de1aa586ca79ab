// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	_ "embed"
	"strings"
	"sync"
)

// given.txt lists given names in use in Kazakhstan, one a line with the
// spellings that folding alone does not bring together. It tells a given name
// from a family name without an ending, and two names that are close (Асан,
// Үсен) from one name with a slip in it.
//
//go:embed data/given.txt
var givenNames string

type book map[string]int

var lexicon = sync.OnceValue(func() book {
	b := book{}
	n := 0
	for line := range strings.Lines(givenNames) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) == "" {
			continue
		}
		n++
		for _, w := range strings.Fields(line) {
			fold := Fold(w)
			for _, form := range []string{fold, trimGlide(fold)} {
				if _, taken := b[form]; !taken {
					b[form] = n
				}
			}
		}
	}
	return b
})

// lookup returns the entry of a folded name or stem, 0 when it is not known.
func (b book) lookup(fold string) int { return b[fold] }
