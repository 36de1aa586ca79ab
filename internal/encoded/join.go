// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
)

// MaxLists is how many lists Join takes.
const MaxLists = 16

// Row is a row of one of the lists compared.
type Row struct {
	List, Row int // both counted from 0
}

// Match is two rows of different lists that are taken for one person.
type Match struct {
	A, B       Row // A's list stands before B's
	Similarity float64
}

// Joined is what was found in several lists.
type Joined struct {
	Matches  []Match     // of different lists and in one group, the most alike first
	Groups   [][]Row     // rows taken for one person, two or more; each list at most once
	Common   [][]int     // [i][j]: how many people lists i and j share; [i][i]: the rows of list i
	Patterns map[int]int // bit i: on list i → how many people. The table of 'kua estimate'
}

// Join compares each list with each other and takes rows for one person, the
// most alike first. A person is on a list once, so the better pair wins and the
// other rows stay alone; equal pairs go by the order of lists and rows. The same
// files always give the same answer.
func Join(ctx context.Context, files []*File, threshold float64, workers int) (Joined, error) {
	if len(files) < 2 || len(files) > MaxLists {
		return Joined{}, fmt.Errorf("from 2 to %d encoded files are compared; there were %d", MaxLists, len(files))
	}
	var all []Match
	for i, a := range files {
		for j := i + 1; j < len(files); j++ {
			pairs, err := Compare(ctx, a, files[j], threshold, workers)
			if err != nil {
				return Joined{}, err
			}
			if len(all)+len(pairs) > MaxPairs {
				return Joined{}, ErrTooManyPairs
			}
			for _, p := range pairs {
				all = append(all, Match{A: Row{i, p.A}, B: Row{j, p.B}, Similarity: p.Similarity})
			}
		}
	}
	slices.SortFunc(all, func(x, y Match) int {
		return cmp.Or(cmp.Compare(y.Similarity, x.Similarity), compareRows(x.A, y.A), compareRows(x.B, y.B))
	})
	return group(files, all), nil
}

func compareRows(x, y Row) int { return cmp.Or(cmp.Compare(x.List, y.List), cmp.Compare(x.Row, y.Row)) }

func group(files []*File, all []Match) Joined {
	parent := map[Row]Row{}
	lists := map[Row]int{} // of a group's root
	var root func(Row) Row
	root = func(r Row) Row {
		p, ok := parent[r]
		if !ok {
			parent[r], lists[r] = r, 1<<r.List
			return r
		}
		if p != r {
			p = root(p)
			parent[r] = p
		}
		return p
	}
	for _, m := range all {
		a, b := root(m.A), root(m.B)
		if a == b || lists[a]&lists[b] != 0 {
			continue
		}
		if compareRows(b, a) < 0 {
			a, b = b, a
		}
		parent[b] = a
		lists[a] |= lists[b]
	}
	out := Joined{Patterns: map[int]int{}}
	members := map[Row][]Row{}
	for r := range parent {
		at := root(r)
		members[at] = append(members[at], r)
	}
	for at, rows := range members {
		if len(rows) < 2 {
			continue
		}
		slices.SortFunc(rows, compareRows)
		out.Groups = append(out.Groups, rows)
		out.Patterns[lists[at]]++
	}
	slices.SortFunc(out.Groups, func(x, y []Row) int { return compareRows(x[0], y[0]) })
	for _, m := range all {
		if root(m.A) == root(m.B) {
			out.Matches = append(out.Matches, m)
		}
	}
	out.Common = make([][]int, len(files))
	for i, f := range files {
		out.Common[i] = make([]int, len(files))
		out.Common[i][i] = f.Rows
		alone := f.Rows
		for pattern, n := range out.Patterns {
			if pattern&(1<<i) == 0 || pattern == 1<<i {
				continue
			}
			alone -= n
			for j := range files {
				if j != i && pattern&(1<<j) != 0 {
					out.Common[i][j] += n
				}
			}
		}
		if alone > 0 {
			out.Patterns[1<<i] = alone
		}
	}
	return out
}

// counter counts pairs over all workers.
type counter struct{ n atomic.Int64 }

func (c *counter) add(n int) bool { return c.n.Add(int64(n)) <= MaxPairs }
