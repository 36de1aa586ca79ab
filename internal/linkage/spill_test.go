// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"bytes"
	"context"
	"io"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// heap is a Scratch in memory.
type heap struct{ b []byte }

func (h *heap) Write(p []byte) (int, error) {
	h.b = append(h.b, p...)
	return len(p), nil
}

func (h *heap) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(h.b).ReadAt(p, at)
}

// However little is held in memory, the order is the same.
func TestSorterSortsWhateverItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []item
		n := rapid.IntRange(0, 6000).Draw(t, "items")
		seed := rapid.Uint64().Draw(t, "seed")
		few := rapid.Bool().Draw(t, "few keys")
		for i := range n {
			k := mix(seed, uint64(i))
			if few {
				k %= 5
			}
			items = append(items, item{k, uint32(mix(k, uint64(i)) % 7), uint32(i % 3)})
		}
		opened := 0
		s := &sorter{most: rapid.IntRange(1, 5000).Draw(t, "most"), open: func() (Scratch, error) { opened++; return &heap{}, nil }}
		if err := s.add(items...); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(items, item.compare)
		for range 2 {
			var got []item
			if err := s.each(func(x item) error { got = append(got, x); return nil }); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, items) {
				t.Fatalf("%d items come out in another order", n)
			}
		}
		if opened > 1 {
			t.Fatalf("%d places for one sorter", opened)
		}
	})
}

func TestDescendingWeights(t *testing.T) {
	weights := []float64{math.Inf(1), 70, 3.5, 1e-9, 0, -1e-9, -2, -80}
	for i, w := range weights {
		if weightOf(descending(w)) != w {
			t.Errorf("%v comes back as %v", w, weightOf(descending(w)))
		}
		if i > 0 && descending(w) <= descending(weights[i-1]) {
			t.Errorf("%v does not come after %v", w, weights[i-1])
		}
	}
}

// One seed has one result, on one processor or four, with all the memory or hardly any.
func TestSameResultWhateverTheMachine(t *testing.T) {
	records, _ := invented(1500, 3)
	cfg := CaseConfig()
	cfg.Propose = 0.001 // many pairs
	run := func(processors int, opts Options) (matches []Match, clusters []int, f *Found) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		f, err := tableOf(t, records, cfg).Link(context.Background(), nil, opts)
		if err != nil {
			t.Fatal(err)
		}
		err = f.Pairs(func(m Match) error { matches = append(matches, m); return nil })
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			clusters = append(clusters, f.Cluster(i))
		}
		return matches, clusters, f
	}
	matches, clusters, f := run(1, Options{})
	if len(matches) <= leastItems {
		t.Fatalf("%d pairs fit into any memory", len(matches))
	}
	opened := 0
	for _, processors := range []int{1, 4} {
		for _, opts := range []Options{{}, {Memory: 1, Scratch: func() (Scratch, error) { opened++; return &heap{}, nil }}} {
			m, c, g := run(processors, opts)
			if !reflect.DeepEqual(m, matches) || !slices.Equal(c, clusters) || !reflect.DeepEqual(f.Model, g.Model) || !reflect.DeepEqual(f.Blocks, g.Blocks) || f.Compared != g.Compared {
				t.Errorf("%d processors, memory %d: another result", processors, opts.Memory)
			}
		}
	}
	if opened == 0 {
		t.Error("nothing was put on the disk")
	}
}

// A disk that is full ends the run with an error.
func TestFullDiskIsSaid(t *testing.T) {
	records, _ := invented(1500, 3)
	_, err := tableOf(t, records, CaseConfig()).Link(context.Background(), nil, Options{Memory: 1, Scratch: func() (Scratch, error) { return full{}, nil }})
	if err == nil {
		t.Error("no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error)         { return 0, io.ErrShortWrite }
func (full) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }

// Two words that the quick look finds far apart are different by their letters, too.
func TestFarApartWordsAreDifferent(t *testing.T) {
	word := rapid.OneOf(rapid.StringMatching(`[a-e]{1,9}`), rapid.StringMatching(`[а-яәқү]{1,12}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		a, b := normal(word.Draw(t, "a")), normal(word.Draw(t, "b"))
		if lettersOf(a).farFrom(lettersOf(b)) && wordLevel(a, b) != different {
			t.Fatalf("%q and %q: level %d", a, b, wordLevel(a, b))
		}
	})
}
