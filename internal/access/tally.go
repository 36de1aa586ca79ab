// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"hash/maphash"
	"math"
	"time"
)

// tally counts how often something happened lately to each of any number of
// names, in memory that never grows: a count-min sketch whose counts halve in
// every half. It never answers too little, and seldom too much: with 10,000
// names in it, one of 200 others seems to have happened, too.
//
// Cormode, Muthukrishnan: An improved data stream summary (2005).
type tally struct {
	seed  maphash.Seed
	half  time.Duration
	cells [tallyRows][]tallyCell
}

type tallyCell struct {
	n  float32 // at that second
	at int64   // Unix seconds
}

const (
	tallyRows = 4
	tallyWide = 1 << 15 // cells in a row; all rows together take 2 MiB
)

func newTally(half time.Duration) *tally {
	t := &tally{seed: maphash.MakeSeed(), half: half}
	for i := range t.cells {
		t.cells[i] = make([]tallyCell, tallyWide)
	}
	return t
}

// add counts one.
func (t *tally) add(name string, now time.Time) {
	for i := range t.cells {
		c := &t.cells[i][t.at(i, name)]
		c.n, c.at = float32(t.left(*c, now))+1, now.Unix()
	}
}

// of is how often it happened lately.
func (t *tally) of(name string, now time.Time) float64 {
	least := math.Inf(1)
	for i := range t.cells {
		least = min(least, t.left(t.cells[i][t.at(i, name)], now))
	}
	return least
}

func (t *tally) at(row int, name string) int {
	var h maphash.Hash
	h.SetSeed(t.seed)
	_ = h.WriteByte(byte(row))
	_, _ = h.WriteString(name)
	return int(h.Sum64() % tallyWide)
}

// left is what is left of a count. A clock set back halves nothing.
func (t *tally) left(c tallyCell, now time.Time) float64 {
	gone := max(0, now.Unix()-c.at)
	return float64(c.n) * math.Exp2(-float64(gone)/t.half.Seconds())
}
