// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"strings"
)

// Where no blocking rules are given, they are found: of all sets of one to three
// keys over the fields, those that together make nearly all likely pairs for few
// pairs in all. What a set costs is counted on a sample of rows; what it finds,
// on pairs that a lenient model (what is expected of true pairs, and u of random
// pairs) holds likely, drawn from every set of one or two keys. Taken is, again
// and again, the set that finds most for its cost.
const (
	findCostRows  = 200_000   // rows on which pairs are counted
	findRows      = 1_000_000 // rows among which likely pairs are sought
	findPairs     = 20_000    // pairs looked at of each set of keys
	findKeys      = 20        // readings of fields that are tried
	findTriples   = 14        // most readings with which sets of three are tried
	findRules     = 12        // most rules taken
	findLeast     = 0.0003    // a rule that finds less than this share more is not worth its cost
	findPairsARow = 60        // pairs a row that all rules together may cost
	findAgain     = 0.0001    // a rule of which the others miss less than this share is left out
)

// way is a reading of a field as a key.
type way struct {
	key   Key
	sums  []uint64 // of each row of the sample; 0: none
	alike float64  // chance that two rows agree
}

// option is a set of ways that may become a rule.
type option struct {
	ways []int
	mask uint32
	cost float64 // pairs, over all rows
}

// findBlocks finds rules for the table and says which share of the likely pairs they make.
func (l *linker) findBlocks(ctx context.Context) ([]Block, float64, error) {
	rows := l.sampleRows(findRows)
	ways := l.ways(rows)
	scale := math.Pow(float64(l.rows())/float64(max(1, min(len(rows), findCostRows))), 2)
	var options []option
	for i := range ways {
		options = append(options, option{ways: []int{i}})
		for j := range i {
			if ways[i].key.Field == ways[j].key.Field {
				continue
			}
			options = append(options, option{ways: []int{j, i}})
			for k := range j {
				if len(ways) <= findTriples && ways[k].key.Field != ways[i].key.Field && ways[k].key.Field != ways[j].key.Field {
					options = append(options, option{ways: []int{k, j, i}})
				}
			}
		}
	}
	err := parallel(ctx, len(options), func(_, n int, _ *memos) {
		o := &options[n]
		for _, w := range o.ways {
			o.mask |= 1 << w
		}
		o.cost = scale * countPairs(ways, o.ways, min(len(rows), findCostRows))
	})
	if err != nil {
		return nil, 0, err
	}
	likely, err := l.likely(ctx, rows, ways, options)
	if err != nil {
		return nil, 0, err
	}
	chosen, found := choose(options, likely, float64(l.rows()))
	if len(chosen) == 0 { // nothing looks like a pair: compare where most agrees, at little cost
		slices.SortStableFunc(options, func(a, b option) int { return cmp.Compare(a.cost, b.cost) })
		for _, o := range options {
			if len(o.ways) == 2 && len(chosen) < 3 {
				chosen = append(chosen, o)
			}
		}
	}
	var out []Block
	for _, o := range chosen {
		out = append(out, ruleOf(o, ways))
	}
	return out, found, nil
}

// sampleRows draws rows in order, all where they are no more than most.
func (l *linker) sampleRows(most int) []int {
	n := l.rows()
	out := make([]int, 0, min(n, most))
	for i := range n {
		if n <= most || mix(l.cfg.Seed^0x726f7773, uint64(i))%uint64(n) < uint64(most) { //nolint:gosec // row numbers
			out = append(out, i)
		}
	}
	return out
}

// ways lists the readings of the fields that can be keys, with their sums for the rows.
func (l *linker) ways(rows []int) []way {
	var out []way
	for c, f := range l.cfg.Fields {
		var as []Reading
		switch f.Compare {
		case Person:
			as = []Reading{Names, Family, Given}
		case Birth:
			as = []Reading{Whole, Year}
		case Text:
			as = []Reading{Whole, First3, Sounds}
		case Set:
		default:
			as = []Reading{Whole}
		}
		for _, a := range as {
			if len(out) == findKeys {
				break
			}
			w := way{key: Key{Field: f.ID, As: a}, sums: make([]uint64, len(rows))}
			known := map[uint32]uint64{}
			col := l.columns[c]
			for k, i := range rows {
				row := l.of(c, i)
				sum, ok := known[row[0]]
				if !ok || col.width() > 1 {
					sum = 0
					if keys := col.key(a, row); len(keys) > 0 {
						sum = hash(keys[0])
					}
					if col.width() == 1 {
						known[row[0]] = sum
					}
				}
				w.sums[k] = sum
			}
			out = append(out, w)
		}
	}
	for k := range out {
		n := float64(min(len(rows), findCostRows))
		out[k].alike = countPairs(out, []int{k}, int(n)) / max(1, n*(n-1)/2)
	}
	return out
}

// sumOf is the key of row k under some ways, 0 for none.
func sumOf(ways []way, of []int, k int) uint64 {
	sum := uint64(fnvOffset)
	for _, w := range of {
		s := ways[w].sums[k]
		if s == 0 {
			return 0
		}
		sum = mix(sum, s)
	}
	return sum
}

// countPairs counts the pairs of the first n rows that agree in some ways.
func countPairs(ways []way, of []int, n int) float64 {
	width := bits.Len(uint(4 * n))
	counts := make([]uint32, 1<<width)
	keyed := 0
	for k := range n {
		if s := sumOf(ways, of, k); s != 0 {
			counts[s>>(64-width)]++
			keyed++
		}
	}
	pairs := 0.0
	for _, c := range counts {
		pairs += float64(c) * float64(c-min(c, 1)) / 2
	}
	chance := float64(keyed) * float64(keyed) / 2 / float64(len(counts)) // keys that share a place
	return max(0, pairs-chance)
}

// likelyPair is a pair that may be one person: in which ways it agrees, and how many such pairs it stands for.
type likelyPair struct {
	agree  uint32
	weight float64
}

// likely draws pairs of every set of one or two ways and keeps those that a lenient model holds likely.
func (l *linker) likely(ctx context.Context, rows []int, ways []way, options []option) ([]likelyPair, error) {
	l.model = newModel(l.ladders)
	random, total, err := l.random(ctx)
	if err != nil {
		return nil, err
	}
	l.model.learnU(random, false)
	l.model.lambda = clamp(0.2*float64(l.rows())/max(1, total), 1e-12, 0.5)
	share := math.Pow(float64(len(rows))/float64(max(1, l.rows())), 2)
	type drawn struct {
		mask uint32
		rate float64
	}
	var draws []drawn
	var seeds []option
	for _, o := range options {
		if len(o.ways) <= 2 {
			seeds = append(seeds, o)
			draws = append(draws, drawn{o.mask, min(1, findPairs/max(1, o.cost*share))})
		}
	}
	found := make([]map[uint64]bool, len(seeds))
	levels := make([][]uint8, runtime.GOMAXPROCS(0))
	for w := range levels {
		levels[w] = make([]uint8, len(l.ladders))
	}
	err = parallel(ctx, len(seeds), func(n, k int, m *memos) {
		found[k] = map[uint64]bool{}
		blocks := map[uint64][]int32{}
		bound := uint64(draws[k].rate * math.MaxUint64)
		for r := range rows {
			if s := sumOf(ways, seeds[k].ways, r); s != 0 && (draws[k].rate >= 1 || stir(s^0x6b6579) < bound) {
				blocks[s] = append(blocks[s], int32(r)) //nolint:gosec // row numbers
			}
		}
		looked := 0
		for _, s := range sortedKeys(blocks) {
			b := blocks[s]
			if len(b) > 200 { // a block of this size is no sign of one person
				continue
			}
			for x, i := range b {
				for _, j := range b[x+1:] {
					p, q := rows[i], rows[j]
					if looked++; looked > 20*findPairs || l.cfg.AcrossOnly && l.row(p)[0] == l.row(q)[0] {
						continue
					}
					l.compare(p, q, levels[n], m)
					if l.weight(p, q, levels[n]) > 0 {
						found[k][pairOf(int(i), int(j))] = true
					}
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := map[uint64]bool{}
	for _, f := range found {
		for p := range f {
			all[p] = true
		}
	}
	var out []likelyPair
	for _, p := range sortedKeys(all) {
		i, j := rowsOf(p)
		var agree uint32
		for w := range ways {
			if s := ways[w].sums[i]; s != 0 && s == ways[w].sums[j] {
				agree |= 1 << w
			}
		}
		missed := 1.0
		for _, d := range draws {
			if agree&d.mask == d.mask {
				missed *= 1 - d.rate
			}
		}
		out = append(out, likelyPair{agree, 1 / max(1e-6, 1-missed)})
	}
	return out, nil
}

func sortedKeys[V any](m map[uint64]V) []uint64 {
	out := make([]uint64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// choose takes rules until no other finds enough more, and says which share of the likely pairs they make.
func choose(options []option, likely []likelyPair, rows float64) ([]option, float64) {
	total := 0.0
	for _, p := range likely {
		total += p.weight
	}
	if total == 0 {
		return nil, 0
	}
	covered := make([]bool, len(likely))
	var chosen []option
	spent, found := 0.0, 0.0
	for len(chosen) < findRules {
		best, most, gain := -1, 0.0, 0.0
		for n, o := range options {
			if spent+o.cost > findPairsARow*rows {
				continue
			}
			more := 0.0
			for k, p := range likely {
				if !covered[k] && p.agree&o.mask == o.mask {
					more += p.weight
				}
			}
			if more < findLeast*total {
				continue
			}
			// A rule costs its keys, too, even if it makes no pair.
			if worth := more / (o.cost + rows); worth > most {
				best, most, gain = n, worth, more
			}
		}
		if best < 0 {
			break
		}
		o := options[best]
		chosen = append(chosen, o)
		spent += o.cost
		found += gain
		for k, p := range likely {
			covered[k] = covered[k] || p.agree&o.mask == o.mask
		}
	}
	// What came first may be made by what came after.
	for n := 0; n < len(chosen); {
		lost := 0.0
		for _, p := range likely {
			own, other := false, false
			for k, o := range chosen {
				if p.agree&o.mask == o.mask {
					own, other = own || k == n, other || k != n
				}
			}
			if own && !other {
				lost += p.weight
			}
		}
		if lost < findAgain*total && len(chosen) > 1 {
			chosen = slices.Delete(chosen, n, n+1)
			found -= lost
			continue
		}
		n++
	}
	return chosen, found / total
}

// ruleOf makes a rule, with the readings that keep most apart as further keys.
func ruleOf(o option, ways []way) Block {
	var b Block
	var names []string
	used := map[string]bool{}
	for _, w := range o.ways {
		k := ways[w].key
		b.Keys = append(b.Keys, k)
		used[k.Field] = true
		name := k.Field
		if k.As != Whole {
			name += " (" + string(k.As) + ")"
		}
		names = append(names, name)
	}
	b.ID = strings.Join(names, ", ")
	further := make([]int, len(ways))
	for k := range further {
		further[k] = k
	}
	slices.SortStableFunc(further, func(x, y int) int { return cmp.Compare(ways[y].alike, ways[x].alike) })
	for _, w := range further { // what tells least first, so that no more is lost than must be
		if k := ways[w].key; !used[k.Field] && ways[w].alike < 0.5 && len(b.Split) < 3 {
			used[k.Field] = true
			b.Split = append(b.Split, k)
		}
	}
	return b
}

// Missed is what blocking loses, estimated from two rules that look at different fields.
type Missed struct {
	A, B  string  // the rules; empty: no two rules can tell
	Share float64 // of the true pairs that no rule makes
}

// missed compares what two rules on different fields find: of the pairs that one
// finds, the share that the other finds too is the share of all that it finds
// (Chapman 1951). If slips in one field come with slips in the other, more is
// missed than this says.
func (l *linker) missed(f *Found) (Missed, error) {
	n := len(l.blocks)
	each := make([]float64, n)
	both := make([][]float64, n)
	for r := range both {
		both[r] = make([]float64, n)
	}
	union := 0.0
	made := make([]bool, n)
	err := f.pairs.each(func(x item) error {
		p := probability(weightOf(x.key))
		if p < l.cfg.Accept {
			return errEnough
		}
		union++
		for r, b := range l.blocks {
			if made[r] = firstCommon(b.list(x.a), b.list(x.b)) != none; made[r] {
				each[r]++
				for s := range r {
					if made[s] {
						both[s][r]++
					}
				}
			}
		}
		return nil
	})
	if err != nil && err != errEnough { //nolint:errorlint // it is returned as it is
		return Missed{}, err
	}
	var out Missed
	most := 20.0 // pairs in common, below which nothing can be said
	for r := range n {
		for s := range r {
			if both[s][r] <= most || !disjoint(l.cfg.Blocks[s], l.cfg.Blocks[r]) {
				continue
			}
			most = both[s][r]
			all := (each[s]+1)*(each[r]+1)/(both[s][r]+1) - 1
			out = Missed{A: l.cfg.Blocks[s].ID, B: l.cfg.Blocks[r].ID, Share: clamp(1-union/max(all, 1), 0, 1)}
		}
	}
	return out, nil
}

// disjoint reports whether two rules share no field.
func disjoint(a, b Block) bool {
	for _, k := range a.Keys {
		if slices.ContainsFunc(b.Keys, func(o Key) bool { return o.Field == k.Field }) {
			return false
		}
	}
	return true
}
