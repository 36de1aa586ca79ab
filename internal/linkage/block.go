// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// maxRules is how many blocking rules fit in the mask of a candidate.
const maxRules = 32

// candidate is a pair that some rule made: rows i < j, and which rules.
type candidate struct {
	pair  uint64 // i<<32 | j
	rules uint32
}

func (c candidate) rows() (i, j int) { return int(c.pair >> 32), int(c.pair & 0xffffffff) }

func pairOf(i, j int) uint64 {
	if i > j {
		i, j = j, i
	}
	return uint64(i)<<32 | uint64(j) //nolint:gosec // row numbers
}

// blocker makes candidates from keys.
type blocker struct {
	cfg     Config
	columns map[string]column
	lists   []int32
	rows    int
}

// keyed is a row under one key of a rule.
type keyed struct {
	key uint64
	row int32
}

func (b *blocker) candidates() ([]candidate, []BlockReport) {
	var all []candidate
	reports := make([]BlockReport, len(b.cfg.Blocks))
	for n, rule := range b.cfg.Blocks {
		r := &reports[n]
		r.ID = rule.ID
		rows := b.keyRows(rule)
		for start := 0; start < len(rows); {
			end := start + 1
			for end < len(rows) && rows[end].key == rows[start].key {
				end++
			}
			if end-start > 1 {
				r.Blocks++
				r.Largest = max(r.Largest, end-start)
				members := make([]int32, 0, end-start)
				for _, k := range rows[start:end] {
					members = append(members, k.row)
				}
				all = b.pairs(all, members, rule.Split, 1<<n, r)
			}
			start = end
		}
		all = merge(all)
	}
	for n := range reports {
		for _, c := range all {
			if c.rules&(1<<n) != 0 {
				reports[n].Pairs++
			}
		}
	}
	return all, reports
}

// pairs makes all pairs of a block, or splits it where it is too large.
func (b *blocker) pairs(all []candidate, members []int32, split []Key, rule uint32, r *BlockReport) []candidate {
	if len(members) <= b.cfg.MaxBlock {
		for x, i := range members {
			for _, j := range members[x+1:] {
				if i != j && (!b.cfg.AcrossOnly || b.lists[i] != b.lists[j]) {
					all = append(all, candidate{pairOf(int(i), int(j)), rule})
				}
			}
		}
		return all
	}
	total := len(members) * (len(members) - 1) / 2
	if len(split) == 0 {
		r.Over++
		r.LostPairs += total
		return all
	}
	r.Split++
	parts := map[string][]int32{}
	var order []string
	for _, i := range members {
		k := ""
		if keys := b.columns[split[0].Field].key(split[0].As, int(i)); len(keys) > 0 {
			k = keys[0]
		}
		if _, ok := parts[k]; !ok {
			order = append(order, k)
		}
		parts[k] = append(parts[k], i)
	}
	kept := 0
	for _, k := range order {
		n := len(parts[k])
		kept += n * (n - 1) / 2
		all = b.pairs(all, parts[k], split[1:], rule, r)
	}
	r.LostPairs += total - kept
	return all
}

// keyRows lists the rows under each key of a rule, sorted by key.
func (b *blocker) keyRows(rule Block) []keyed {
	rare := b.rareTrigrams(rule)
	var out []keyed
	for i := range b.rows {
		sums := []uint64{fnvOffset}
		for k, key := range rule.Keys {
			var values []string
			if key.As == Trigrams {
				values = rare[k][i]
			} else {
				values = b.columns[key.Field].key(key.As, i)
			}
			next := make([]uint64, 0, len(sums)*len(values))
			for _, s := range sums {
				for _, v := range values {
					next = append(next, mix(s, v))
				}
			}
			sums = next
		}
		slices.Sort(sums)
		for _, s := range slices.Compact(sums) {
			out = append(out, keyed{s, int32(i)}) //nolint:gosec // row numbers
		}
	}
	slices.SortFunc(out, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.row, b.row))
	})
	return out
}

// rareTrigrams picks for each row the two runs of three letters that the fewest
// other rows have, but some row has.
func (b *blocker) rareTrigrams(rule Block) map[int]map[int][]string {
	out := map[int]map[int][]string{}
	for k, key := range rule.Keys {
		if key.As != Trigrams {
			continue
		}
		count := map[string]int{}
		of := make([][]string, b.rows)
		for i := range b.rows {
			t := b.columns[key.Field].key(Trigrams, i)
			slices.Sort(t)
			of[i] = slices.Compact(t)
			for _, g := range of[i] {
				count[g]++
			}
		}
		out[k] = map[int][]string{}
		for i, grams := range of {
			grams = slices.DeleteFunc(grams, func(g string) bool { return count[g] < 2 })
			slices.SortStableFunc(grams, func(x, y string) int { return cmp.Compare(count[x], count[y]) })
			out[k][i] = grams[:min(2, len(grams))]
		}
	}
	return out
}

const fnvOffset = 14695981039346656037

// mix adds a value to a key's sum. FNV, because the same key must give the same sum in every run.
func mix(sum uint64, value string) uint64 {
	h := fnv.New64a()
	var head [9]byte
	for i := range 8 {
		head[i] = byte(sum >> (8 * i))
	}
	h.Write(head[:])
	h.Write([]byte(value))
	return h.Sum64()
}

// merge sorts candidates and joins those of one pair.
func merge(all []candidate) []candidate {
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.pair, b.pair) })
	out := all[:0]
	for _, c := range all {
		if n := len(out); n > 0 && out[n-1].pair == c.pair {
			out[n-1].rules |= c.rules
			continue
		}
		out = append(out, c)
	}
	return out
}
