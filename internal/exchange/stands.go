// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import "github.com/kua-registry/kua/internal/ledger"

// Act is what an entry does to somebody's grant.
type Act uint8

// Acts.
const (
	Nothing Act = iota
	Grant
	Revoke
)

// Step is an entry as far as grants go. To is whose grant it is.
type Step struct {
	Leaf, Prev ledger.Hash // Prev as its author saw it
	Act        Act
	To         ledger.ID
}

// Stands tells of each step, in the order of the ledger, whether it is a grant
// that stands. A grant stands only if its author had seen each revocation of
// it: a revocation beats the grants before it, and those written in ignorance
// of it. Nothing is left out: what does not stand is to be shown beside it.
func Stands(steps []Step) []bool {
	at := map[ledger.Hash]int{}
	stands := make([]bool, len(steps))
	for i, s := range steps {
		at[s.Leaf] = i
	}
	for i, s := range steps {
		if s.Act != Grant {
			continue
		}
		seen := map[int]bool{}
		for prev, ok := at[s.Prev]; ok && !seen[prev]; prev, ok = at[steps[prev].Prev] {
			seen[prev] = true
		}
		stands[i] = true
		for j, r := range steps {
			if r.Act == Revoke && r.To == s.To && !seen[j] {
				stands[i] = false
			}
		}
	}
	return stands
}
