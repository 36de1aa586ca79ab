// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Pair is two rows that are alike.
type Pair struct {
	A, B       int     // rows of either file, counted from 0
	Similarity float64 // the Dice coefficient, 0 to 1
}

// MaxPairs is how many pairs Compare gives at most: more than that is a
// threshold at which nearly everybody is alike.
const MaxPairs = 10_000_000

// ErrTooManyPairs says that a threshold is too low.
var ErrTooManyPairs = errors.New("too many pairs are alike: the threshold is too low to tell people apart")

// Dice is the similarity of two filters of one length: twice the bits they share
// over all bits of both.
func Dice(a, b []uint64) float64 {
	var both, all int
	for i := range a {
		both += bits.OnesCount64(a[i] & b[i])
		all += bits.OnesCount64(a[i]) + bits.OnesCount64(b[i])
	}
	if all == 0 {
		return 0
	}
	return float64(2*both) / float64(all)
}

// Compare finds all pairs of rows whose Dice coefficient is threshold or more,
// ordered by similarity, then by rows. It gives what comparing each pair would,
// and leaves out only what can't reach the threshold:
//
//   - with x ones in a and y in b, Dice >= t means that a and b differ in at most
//     (1-t)(x+y) places. Half of the words often have more: the pair is done.
//   - rows are taken by their number of ones, and where the fewer are less than
//     t/(2-t) of the others the whole stretch is passed over. Balanced filters
//     all have the same number: there this saves nothing, and the first rule all.
func Compare(ctx context.Context, a, b *File, threshold float64, workers int) ([]Pair, error) {
	if err := Comparable(a, b); err != nil {
		return nil, err
	}
	if math.IsNaN(threshold) || threshold <= 0 || threshold > 1 {
		return nil, fmt.Errorf("the threshold is above 0 and at most 1; it was %v", threshold)
	}
	s := newSearch(a, b, threshold)
	chunks := (a.Rows + chunkRows - 1) / chunkRows
	found := make([][]Pair, chunks)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, workers))
	var count counter
	for c := range chunks {
		group.Go(func() error {
			var err error
			found[c], err = s.chunk(ctx, c*chunkRows, min(a.Rows, (c+1)*chunkRows), &count)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := slices.Concat(found...)
	sortPairs(out)
	return out, nil
}

func sortPairs(pairs []Pair) {
	slices.SortFunc(pairs, func(x, y Pair) int {
		return cmp.Or(cmp.Compare(y.Similarity, x.Similarity), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
}

const (
	tileRows  = 256 // of b: 32 KiB of filters of 1,024 bits, which the first cache holds
	chunkRows = 512 // of a: what a worker takes at a time
	lanes     = 8   // rows of b that the fast kernel takes at once
)

// search is b laid out to be gone through, and the bounds of each tile.
type search struct {
	words     int
	threshold float64
	a, b      side
	fast      []uint64 // b in blocks of eight rows, word by word; nil: the machine or the length is not for it
}

// side is a file's rows by number of ones.
type side struct {
	rows []int // row of the file
	ones []int
	bits []uint64
}

func newSide(f *File) side {
	w := f.Length / 64
	s := side{rows: make([]int, f.Rows), ones: make([]int, f.Rows), bits: make([]uint64, 0, len(f.bits))}
	count := make([]int, f.Rows)
	for i := range f.Rows {
		s.rows[i] = i
		for _, x := range f.bits[i*w : (i+1)*w] {
			count[i] += bits.OnesCount64(x)
		}
	}
	slices.SortStableFunc(s.rows, func(x, y int) int { return count[x] - count[y] })
	for i, r := range s.rows {
		s.ones[i] = count[r]
		s.bits = append(s.bits, f.bits[r*w:(r+1)*w]...)
	}
	return s
}

func newSearch(a, b *File, threshold float64) *search {
	s := &search{words: a.Length / 64, threshold: threshold, a: newSide(a), b: newSide(b)}
	if s.words == kernelWords && hasKernel() {
		blocks := (b.Rows + lanes - 1) / lanes
		s.fast = make([]uint64, blocks*lanes*s.words)
		for i := range b.Rows {
			for w := range s.words {
				s.fast[(i/lanes*s.words+w)*lanes+i%lanes] = s.b.bits[i*s.words+w]
			}
		}
	}
	return s
}

// allowed is in how many places filters with x and y ones may differ so that
// their Dice coefficient, as it is computed, is threshold or more; -1: none may.
func (s *search) allowed(x, y int) int {
	all := x + y
	if all == 0 {
		return -1
	}
	enough := func(both int) bool { return float64(2*both)/float64(all) >= s.threshold }
	both := int(math.Ceil(s.threshold * float64(all) / 2))
	for both > 0 && enough(both-1) {
		both--
	}
	for both <= min(x, y) && !enough(both) {
		both++
	}
	if both > min(x, y) {
		return -1
	}
	return all - 2*both
}

// chunk compares rows from…to of a with all of b, tile by tile, so that a tile
// stays in the cache while all rows of the chunk pass over it.
func (s *search) chunk(ctx context.Context, from, to int, count *counter) ([]Pair, error) {
	var out []Pair
	for tile := 0; tile < len(s.b.rows); tile += tileRows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		end := min(tile+tileRows, len(s.b.rows))
		few, many := s.b.ones[tile], s.b.ones[end-1]
		before := len(out)
		ones, allowed := -1, -1
		for i := from; i < to; i++ {
			if x := s.a.ones[i]; x != ones { // rows stand by their ones: seldom
				// The more ones, the more places may differ; the nearest number is the best case.
				ones, allowed = x, -1
				if s.allowed(x, min(max(x, few), many)) >= 0 {
					allowed = s.most(x, few, many)
				}
			}
			if allowed < 0 {
				continue
			}
			out = s.row(out, i, tile, end, allowed)
		}
		if !count.add(len(out) - before) {
			return nil, fmt.Errorf("%w: more than %d at %v", ErrTooManyPairs, MaxPairs, s.threshold)
		}
	}
	return out, nil
}

// most is the largest of allowed(x, y) for y from few to many.
func (s *search) most(x, few, many int) int {
	best := -1
	for y := few; y <= many; y++ {
		best = max(best, s.allowed(x, y))
	}
	return best
}

// row compares row i of a with rows tile…end of b.
func (s *search) row(out []Pair, i, tile, end, allowed int) []Pair {
	a := s.a.bits[i*s.words : (i+1)*s.words]
	if s.fast == nil {
		for j := tile; j < end; j++ {
			if near(a, s.b.bits[j*s.words:(j+1)*s.words], allowed) {
				out = s.exact(out, a, i, j)
			}
		}
		return out
	}
	first, blocks := tile/lanes, (end-tile+lanes-1)/lanes
	for at := 0; at < blocks; at++ {
		skipped, hits := kernel(&a[0], &s.fast[(first+at)*lanes*s.words], blocks-at, uint64(allowed))
		at += skipped
		for ; hits != 0; hits &= hits - 1 {
			if j := (first+at)*lanes + bits.TrailingZeros64(hits); j < end {
				out = s.exact(out, a, i, j)
			}
		}
	}
	return out
}

func (s *search) exact(out []Pair, a []uint64, i, j int) []Pair {
	if d := Dice(a, s.b.bits[j*s.words:(j+1)*s.words]); d >= s.threshold {
		out = append(out, Pair{A: s.a.rows[i], B: s.b.rows[j], Similarity: d})
	}
	return out
}

// near reports whether two filters differ in at most so many places. It looks
// after every four words whether they can still.
func near(a, b []uint64, allowed int) bool {
	b = b[:len(a)]
	differ := 0
	for len(a) >= 4 {
		differ += bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1]) + bits.OnesCount64(a[2]^b[2]) + bits.OnesCount64(a[3]^b[3])
		if differ > allowed {
			return false
		}
		a, b = a[4:], b[4:]
	}
	for i := range a {
		differ += bits.OnesCount64(a[i] ^ b[i])
	}
	return differ <= allowed
}
