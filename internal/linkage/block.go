// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
)

// blocks are the rows that one rule brings together. Every pair of rows of one
// block is compared; a row is in one block of a rule or, where it has several
// keys, in several.
type blocks struct {
	report BlockReport
	rows   []uint32 // block after block
	starts []uint32 // of each block in rows, and the end of the last; block b is from 1
	of     []uint32 // the blocks of each row, in order
	from   []uint32 // where those of row i begin in of; nil: row i has the one of[i], 0 for none
}

func (b *blocks) count() int { return len(b.starts) - 1 }

func (b *blocks) members(n int) []uint32 { return b.rows[b.starts[n-1]:b.starts[n]] }

// list is the blocks of a row.
func (b *blocks) list(row uint32) []uint32 {
	if b.from != nil {
		return b.of[b.from[row]:b.from[row+1]]
	}
	if b.of[row] == 0 {
		return nil
	}
	return b.of[row : row+1]
}

// blocker makes blocks from keys.
type blocker struct {
	*linker
	most int // items sorted in memory at once
}

// all makes the blocks of every rule, several rules at once.
func (b *blocker) all(ctx context.Context) ([]*blocks, error) {
	out := make([]*blocks, len(b.cfg.Blocks))
	errs := make([]error, len(out))
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n, rule := range b.cfg.Blocks {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if errs[n] = ctx.Err(); errs[n] == nil {
				out[n], errs[n] = b.one(rule)
			}
		})
	}
	wg.Wait()
	return out, cmp.Or(errs...)
}

// one makes the blocks of a rule.
func (b *blocker) one(rule Block) (*blocks, error) {
	s := &sorter{most: b.most, open: b.opts.Scratch}
	several, err := b.keyRows(rule, s)
	if err != nil {
		return nil, err
	}
	out := &blocks{report: BlockReport{ID: rule.ID}, starts: []uint32{0}}
	var group []uint32
	key := uint64(0)
	flush := func() {
		if len(group) > 1 {
			out.report.Blocks++
			out.report.Largest = max(out.report.Largest, len(group))
			b.divide(out, group, rule.Split)
		}
		group = group[:0]
	}
	err = s.each(func(x item) error {
		if x.key != key {
			flush()
			key = x.key
		}
		group = append(group, x.a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	flush()
	out.ofRows(b.rows(), several)
	return out, nil
}

// divide takes a block as it is, or splits it where it is too large.
func (b *blocker) divide(out *blocks, members []uint32, split []Key) {
	if len(members) <= b.cfg.MaxBlock {
		if len(members) > 1 {
			out.rows = append(out.rows, members...)
			out.starts = append(out.starts, uint32(len(out.rows))) //nolint:gosec // rows times the few keys of a rule
		}
		return
	}
	total := len(members) * (len(members) - 1) / 2
	if len(split) == 0 {
		out.report.Over++
		out.report.LostPairs += total
		return
	}
	out.report.Split++
	parts := make([]item, len(members))
	for k, i := range members {
		parts[k] = item{key: b.firstKey(split[0], int(i)), a: i}
	}
	sortItems(parts)
	kept := 0
	for start := 0; start < len(parts); {
		end := start
		var part []uint32
		for ; end < len(parts) && parts[end].key == parts[start].key; end++ {
			part = append(part, parts[end].a)
		}
		kept += len(part) * (len(part) - 1) / 2
		b.divide(out, part, split[1:])
		start = end
	}
	out.report.LostPairs += total - kept
}

func (b *blocker) firstKey(k Key, i int) uint64 {
	c := b.byField[k.Field]
	if keys := b.columns[c].key(k.As, b.of(c, i)); len(keys) > 0 {
		return hash(keys[0])
	}
	return 0
}

// ofRows turns the blocks round: which are those of each row.
func (b *blocks) ofRows(rows int, several bool) {
	if !several {
		b.of = make([]uint32, rows)
		for n := 1; n <= b.count(); n++ {
			for _, i := range b.members(n) {
				b.of[i] = uint32(n) //nolint:gosec // as many as rows
			}
		}
		return
	}
	b.from = make([]uint32, rows+1)
	for _, i := range b.rows {
		b.from[i+1]++
	}
	for i := range rows {
		b.from[i+1] += b.from[i]
	}
	b.of = make([]uint32, len(b.rows))
	next := slices.Clone(b.from)
	for n := 1; n <= b.count(); n++ {
		for _, i := range b.members(n) {
			b.of[next[i]] = uint32(n) //nolint:gosec // as many as rows
			next[i]++
		}
	}
}

// keyRows gives the rows under each key of a rule, and says whether some row has several.
func (b *blocker) keyRows(rule Block, s *sorter) (several bool, err error) {
	parts := make([]part, len(rule.Keys))
	for k, key := range rule.Keys {
		parts[k] = b.part(key)
	}
	var sums, next []uint64
	var one [1]uint64
	items := make([]item, 0, 1024)
	for i := range b.rows() {
		sums = append(sums[:0], fnvOffset)
		for k := range parts {
			p := &parts[k]
			values := p.of(b.of(p.column, i), &one)
			if len(values) == 1 { // as nearly always
				for n := range sums {
					sums[n] = mix(sums[n], values[0])
				}
				continue
			}
			next = next[:0]
			for _, sum := range sums {
				for _, v := range values {
					next = append(next, mix(sum, v))
				}
			}
			if sums, next = next, sums; len(sums) == 0 {
				break
			}
		}
		if len(sums) > 1 {
			slices.Sort(sums)
			sums = slices.Compact(sums)
			several = several || len(sums) > 1
		}
		for _, sum := range sums {
			items = append(items, item{key: sum, a: uint32(i)}) //nolint:gosec // row numbers
		}
		if len(items) > 1000 {
			if err := s.add(items...); err != nil {
				return false, err
			}
			items = items[:0]
		}
	}
	return several, s.add(items...)
}

// part is a key of a rule made ready.
type part struct {
	column int
	as     Reading
	read   column
	rare   map[string]int // for trigrams
	known  [][]uint64     // the keys of each distinct value, where a row has one code
	person *personColumn
	words  []uint64 // the key of each family name or given name; 0: not asked yet
	folds  [2][]uint64
}

func (b *blocker) part(key Key) part {
	c := b.byField[key.Field]
	p := part{column: c, as: key.As, read: b.columns[c]}
	if key.As == Trigrams {
		p.rare = b.countTrigrams(key)
	}
	if person, ok := p.read.(*personColumn); ok {
		p.person = person
		p.words = make([]uint64, person.book.Words()+1)
		p.folds = [2][]uint64{make([]uint64, len(p.words)), make([]uint64, len(p.words))}
	}
	return p
}

// of is the keys of a row. They are the caller's until the next call.
func (p *part) of(row []uint32, one *[1]uint64) []uint64 {
	if p.person != nil && p.as != Trigrams {
		if one[0] = p.name(row); one[0] == 0 {
			return nil
		}
		return one[:]
	}
	if p.person != nil {
		return p.hashes(row)
	}
	id := int(row[0])
	for len(p.known) <= id {
		p.known = append(p.known, nil)
	}
	if p.known[id] == nil {
		p.known[id] = p.hashes(row)
	}
	return p.known[id]
}

func (p *part) hashes(row []uint32) []uint64 {
	texts := p.read.key(p.as, row)
	if p.as == Trigrams {
		texts = rarest(texts, p.rare)
	}
	out := make([]uint64, len(texts))
	for n, t := range texts {
		out[n] = hash(t)
	}
	return out
}

// name is the key of a person's name, 0 for none: of the words, each is asked for once.
func (p *part) name(row []uint32) uint64 {
	const noKey = 1
	ask := func(known []uint64, word uint32, as Reading) uint64 {
		if word == 0 {
			return 0
		}
		if known[word] == 0 {
			known[word] = noKey
			only := make([]uint32, p.person.width())
			only[0], only[1] = row[0], row[1]
			if keys := p.person.key(as, only); len(keys) > 0 {
				known[word] = hash(keys[0]) | 2
			}
		}
		if known[word] == noKey {
			return 0
		}
		return known[word]
	}
	switch p.as {
	case Family:
		return ask(p.words, row[0], Family)
	case Given:
		return ask(p.words, row[1], Given)
	}
	f, g := ask(p.folds[0], row[0], foldedFamily), ask(p.folds[1], row[1], Given)
	if f == 0 || g == 0 {
		return 0
	}
	return mix(min(f, g), max(f, g)) | 2
}

// countTrigrams counts in how many rows each run of three letters stands.
func (b *blocker) countTrigrams(key Key) map[string]int {
	c := b.byField[key.Field]
	count := map[string]int{}
	for i := range b.rows() {
		t := b.columns[c].key(Trigrams, b.of(c, i))
		slices.Sort(t)
		for _, g := range slices.Compact(t) {
			count[g]++
		}
	}
	return count
}

// rarest picks the two runs of three letters that the fewest other rows have, but some row has.
func rarest(grams []string, count map[string]int) []string {
	slices.Sort(grams)
	grams = slices.Compact(grams)
	grams = slices.DeleteFunc(grams, func(g string) bool { return count[g] < 2 })
	slices.SortStableFunc(grams, func(x, y string) int { return cmp.Compare(count[x], count[y]) })
	return grams[:min(2, len(grams))]
}

const fnvOffset = 14695981039346656037

// hash is the FNV-1a sum of a text, stirred: the same key must give the same
// sum in every run.
func hash(s string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return stir(h)
}

// mix adds a value to a key's sum.
func mix(sum, value uint64) uint64 { return stir(sum*0x9e3779b97f4a7c15 + value) }

// stir spreads every bit over all, as MurmurHash3 does at its end.
func stir(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
