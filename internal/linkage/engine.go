// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Options say what a run may use. The result is the same whatever they are.
type Options struct {
	Memory  int64                   // bytes for what is sorted, beside the table; 0: no bound
	Scratch func() (Scratch, error) // opens a place for what is above Memory; nil: there is none, and no bound
	Step    func(Step)              // is told how far the run is; nil: nobody is
}

// Step is a part of a run.
type Step string

// The parts, in their order.
const (
	Blocking   Step = "blocking"
	Learning   Step = "learning"
	Scoring    Step = "scoring"
	Clustering Step = "clustering"
)

// Verdict is a person's decision on two rows.
type Verdict struct {
	A, B int
	Same bool
}

// Match is two rows that may be one person, A before B.
type Match struct {
	A, B        int
	Probability float64
	Weight      float64 // log2 of the odds
	Accepted    bool    // both are in one cluster
	Decided     bool    // a person decided before; Probability is then 1 or 0
}

// Found is what Table.Link found.
type Found struct {
	Rules    []Block // given or found
	Blocks   []BlockReport
	Model    Model
	Compared int // pairs of rows that were compared, each once
	Proposed int // of them those from Config.Propose on
	Warnings []Warning
	Reach    float64 // where rules were found: the share of the likely pairs that they make
	Missed   Missed

	linker  *linker
	pairs   *sorter
	decided []decided
}

// Pairs gives the pairs from Config.Propose on and the decided ones: first those
// decided to be the same, then the likeliest first, last those decided to be different.
func (f *Found) Pairs(give func(Match) error) error { return f.linker.each(f, give) }

// Cluster is the number of a row's cluster: that of one of its rows.
func (f *Found) Cluster(row int) int { return f.linker.clusters.find(row) }

// Explain makes the waterfall of a pair of rows.
func (f *Found) Explain(a, b int) []FieldWeight { return f.linker.explain(a, b) }

// Warning is something that the result does not cover.
type Warning struct {
	text string
	rows []int
}

// Text says the warning; name says which row is meant.
func (w Warning) Text(name func(row int) string) string {
	args := make([]any, len(w.rows))
	for k, r := range w.rows {
		args[k] = name(r)
	}
	if len(args) == 0 {
		return w.text
	}
	return fmt.Sprintf(w.text, args...)
}

const (
	// randomPairs is how many pairs u is learned from. Nearly all pairs are of
	// different people, so that this many make it precise.
	randomPairs = 300_000
	// learnPairs is how many candidates m is learned from; of more, a sample is taken.
	learnPairs = 1_000_000
	// leastItems is how many items are sorted in memory however little there is: 4 kB.
	leastItems = 256
)

// linker holds what a run works on.
type linker struct {
	*Table
	opts     Options
	at       []int // first ladder of each column
	column   []int // column of each ladder
	byField  map[string]int
	ladders  []ladder
	shift    []uint // of each ladder in a pattern
	model    *model
	blocks   []*blocks
	clusters *clusters
}

// Link compares the rows and finds pairs and clusters. The order of the rows,
// the configuration and its seed determine the result, whatever the number of
// processors and the memory.
func (t *Table) Link(ctx context.Context, verdicts []Verdict, opts Options) (*Found, error) {
	l, err := newLinker(t, opts)
	if err != nil {
		return nil, err
	}
	most := 0
	if opts.Scratch != nil && opts.Memory > 0 {
		most = int(max(opts.Memory/(4*itemBytes), leastItems))
	} else {
		l.opts.Scratch = nil
	}
	f := &Found{linker: l}
	l.step(Blocking)
	if len(l.cfg.Blocks) == 0 {
		if l.cfg.Blocks, f.Reach, err = l.findBlocks(ctx); err != nil {
			return nil, err
		}
	}
	f.Rules = l.cfg.Blocks
	b := &blocker{linker: l, most: max(most/runtime.GOMAXPROCS(0), leastItems)}
	if l.blocks, err = b.all(ctx); err != nil {
		return nil, err
	}
	f.decided = l.decisions(f, verdicts)
	l.step(Learning)
	if err := l.learn(ctx, f); err != nil {
		return nil, err
	}
	for _, b := range l.blocks {
		f.Blocks = append(f.Blocks, b.report)
		if r := b.report; r.LostPairs > 0 {
			f.Warnings = append(f.Warnings, Warning{text: fmt.Sprintf("blocking rule %q: %d blocks were too large and were split, %d stayed too large: %d pairs were not compared under this rule", r.ID, r.Split, r.Over, r.LostPairs)})
		}
	}
	f.Model = l.model.report()
	l.step(Scoring)
	f.pairs = &sorter{most: most, open: l.opts.Scratch}
	if err := l.score(ctx, f); err != nil {
		return nil, err
	}
	f.Proposed = f.pairs.total
	l.step(Clustering)
	if err := l.cluster(ctx, f); err != nil {
		return nil, err
	}
	if f.Missed, err = l.missed(f); err != nil {
		return nil, err
	}
	return f, nil
}

func (l *linker) step(s Step) {
	if l.opts.Step != nil {
		l.opts.Step(s)
	}
}

func newLinker(t *Table, opts Options) (*linker, error) {
	l := &linker{Table: t, opts: opts, byField: map[string]int{}}
	for c, f := range t.cfg.Fields {
		l.byField[f.ID] = c
	}
	for _, c := range t.columns {
		c.full()
	}
	if len(t.lists) > 1 && !t.cfg.AcrossOnly && len(t.columns) == len(t.cfg.Fields) {
		t.columns, t.from = append(t.columns, &listColumn{t.lists}), append(t.from, 0)
	}
	used := uint(0)
	for c, col := range t.columns {
		l.at = append(l.at, len(l.ladders))
		for _, lad := range col.ladders() {
			l.ladders = append(l.ladders, lad)
			l.column = append(l.column, c)
			l.shift = append(l.shift, used)
			used += uint(bits.Len(uint(len(lad.codes)))) // the levels, and one for missing
		}
	}
	if used > 64 {
		return nil, fmt.Errorf("linkage: %d fields are too many to compare at once: leave out those that tell least", len(t.cfg.Fields))
	}
	return l, nil
}

func (l *linker) rows() int { return l.Rows() }

// compare writes the levels of all ladders for two rows.
func (l *linker) compare(i, j int, levels []uint8, m *memos) {
	a, b := l.row(i), l.row(j)
	for c, col := range l.columns {
		col.compare(a[l.from[c]:], b[l.from[c]:], levels[l.at[c]:], m)
	}
}

// pack makes one number of levels.
func (l *linker) pack(levels []uint8) uint64 {
	p := uint64(0)
	for k, level := range levels {
		if level == missing {
			level = uint8(len(l.ladders[k].codes)) //nolint:gosec // a handful
		}
		p |= uint64(level) << l.shift[k]
	}
	return p
}

func (l *linker) unpack(p uint64) []uint8 {
	levels := make([]uint8, len(l.ladders))
	for k, lad := range l.ladders {
		n := len(lad.codes)
		levels[k] = uint8(p >> l.shift[k] & (1<<bits.Len(uint(n)) - 1)) //nolint:gosec // a handful of bits
		if int(levels[k]) == n {
			levels[k] = missing
		}
	}
	return levels
}

// patterns lists counted patterns in an order that does not depend on who counted.
func (l *linker) patterns(counts map[uint64]float64) []pattern {
	out := make([]pattern, 0, len(counts))
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, pattern{levels: l.unpack(p), count: counts[p]})
	}
	return out
}

// parallel runs work for 0 … n-1 on all processors; each worker has a number and its own memos.
func parallel(ctx context.Context, n int, work func(worker, k int, m *memos)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range min(runtime.GOMAXPROCS(0), max(1, n)) {
		wg.Go(func() {
			m := newMemos()
			for ctx.Err() == nil {
				k := int(next.Add(1)) - 1
				if k >= n {
					return
				}
				work(w, k, m)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// share is some blocks of a rule, about as much work as another share.
type share struct{ rule, from, to int }

// shares divides the pairs of all rules among those who compare.
func (l *linker) shares() []share {
	const pairs = 100_000
	var out []share
	for r, b := range l.blocks {
		from, n := 1, 0
		for k := 1; k <= b.count(); k++ {
			m := int(b.starts[k] - b.starts[k-1])
			if n += m*(m-1)/2 + m; n >= pairs || k == b.count() {
				out = append(out, share{r, from, k + 1})
				from, n = k+1, 0
			}
		}
	}
	return out
}

// walker goes through the pairs of a share. Each worker has its own.
type walker struct {
	*linker
	earlier []uint32 // the blocks of the members under each rule before, where they have one
}

// walk gives each pair of the share's blocks, once for the rule, and says whether no rule before makes it.
func (w *walker) walk(s share, give func(i, j uint32, first func() bool)) {
	own := w.blocks[s.rule]
	for n := s.from; n < s.to; n++ {
		members := own.members(n)
		w.earlier = w.earlier[:0]
		for _, i := range members {
			for _, b := range w.blocks[:s.rule] {
				if b.from == nil {
					w.earlier = append(w.earlier, b.of[i])
				} else {
					w.earlier = append(w.earlier, 0)
				}
			}
		}
		var x, y int
		first := func() bool { return !w.before(s.rule, members, x, y) }
		for x = range members {
			i := members[x]
			for y = x + 1; y < len(members); y++ {
				j := members[y]
				if w.cfg.AcrossOnly && w.row(int(i))[0] == w.row(int(j))[0] {
					continue
				}
				if own.from != nil && firstCommon(own.list(i), own.list(j)) < uint32(n) { //nolint:gosec // a block number
					continue // another block of the rule has this pair, too
				}
				give(i, j, first)
			}
		}
	}
}

// before reports whether a rule before makes the pair of members x and y, too.
func (w *walker) before(rule int, members []uint32, x, y int) bool {
	a, b := w.earlier[x*rule:(x+1)*rule], w.earlier[y*rule:(y+1)*rule]
	for r := range a {
		if a[r] == b[r] && a[r] != 0 {
			return true
		}
	}
	for _, other := range w.blocks[:rule] {
		if other.from != nil && firstCommon(other.list(members[x]), other.list(members[y])) != none {
			return true
		}
	}
	return false
}

const none = math.MaxUint32

// firstCommon is the first number that two ordered lists share, or none.
func firstCommon(a, b []uint32) uint32 {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			return a[i]
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return none
}

// learned is what one worker counted.
type learned struct {
	walker
	levels []uint8
	all    map[uint64]float64
	byRule []map[uint64]float64
	pairs  []int
}

// learn finds u from random pairs, m from the pairs of each rule, lambda from
// all candidates; where these are very many, from a sample of them.
func (l *linker) learn(ctx context.Context, f *Found) error {
	l.model = newModel(l.ladders)
	random, total, err := l.random(ctx)
	if err != nil {
		return err
	}
	made := 0
	for _, b := range l.blocks {
		for n := 1; n <= b.count(); n++ {
			m := int(b.starts[n] - b.starts[n-1])
			made += m * (m - 1) / 2
		}
	}
	rate := min(1, learnPairs/float64(max(1, made)))
	sampled := uint64(math.MaxUint64)
	if rate < 1 {
		sampled = uint64(rate * math.MaxUint64)
	}
	shares := l.shares()
	workers := make([]*learned, runtime.GOMAXPROCS(0))
	for w := range workers {
		workers[w] = &learned{walker: walker{linker: l}, levels: make([]uint8, len(l.ladders)), all: map[uint64]float64{}, byRule: make([]map[uint64]float64, len(l.blocks)), pairs: make([]int, len(l.blocks))}
		for r := range l.blocks {
			workers[w].byRule[r] = map[uint64]float64{}
		}
	}
	err = parallel(ctx, len(shares), func(n, k int, m *memos) {
		w := workers[n]
		s := shares[k]
		w.walk(s, func(i, j uint32, first func() bool) {
			w.pairs[s.rule]++
			if rate < 1 && mix(l.cfg.Seed^uint64(i)<<32, uint64(j)) >= sampled {
				return
			}
			l.compare(int(i), int(j), w.levels, m)
			p := l.pack(w.levels)
			w.byRule[s.rule][p]++
			if first() {
				w.all[p]++
			}
		})
	})
	if err != nil {
		return err
	}
	all, byRule := map[uint64]float64{}, make([][]pattern, len(l.blocks))
	for _, w := range workers {
		for p, n := range w.all {
			all[p] += n
		}
	}
	for r, b := range l.blocks {
		counts := map[uint64]float64{}
		for _, w := range workers {
			for p, n := range w.byRule[r] {
				counts[p] += n
			}
			b.report.Pairs += w.pairs[r]
		}
		byRule[r] = l.patterns(counts)
	}
	candidates := l.patterns(all)
	for k := range candidates {
		candidates[k].count /= rate
	}
	var taught []pattern
	if l.cfg.Learn {
		taught = l.taught(f.decided)
	}
	used := l.usedBy()
	l.model.learnU(random, false)
	for range refits + 1 {
		l.model.learnLambda(candidates, l.rows(), total)
		l.model.learnM(byRule, used, taught)
		l.model.learnU(random, true)
	}
	l.model.learnLambda(candidates, l.rows(), total)
	return nil
}

// taught are the levels of the pairs that people decided to be the same.
func (l *linker) taught(pairs []decided) []pattern {
	m := newMemos()
	var out []pattern
	for _, d := range pairs {
		if d.same {
			p := pattern{levels: make([]uint8, len(l.ladders)), count: 1}
			l.compare(d.i, d.j, p.levels, m)
			out = append(out, p)
		}
	}
	return out
}

// usedBy says which ladders each rule makes agree by its keys, and by the further
// keys where it had to split a block.
func (l *linker) usedBy() [][]bool {
	out := make([][]bool, len(l.cfg.Blocks))
	for r, rule := range l.cfg.Blocks {
		out[r] = make([]bool, len(l.ladders))
		keys := rule.Keys
		if l.blocks[r].report.Split > 0 {
			keys = slices.Concat(keys, rule.Split)
		}
		for _, k := range keys {
			_, person := l.columns[l.byField[k.Field]].(*personColumn)
			for i, lad := range l.ladders {
				if lad.field == k.Field || lad.field == string(k.As) ||
					(k.As == Names || k.As == Trigrams) && person && (lad.field == "family" || lad.field == "given") {
					out[r][i] = true
				}
			}
		}
	}
	return out
}

// random compares distinct pairs drawn at random, all of them when there are
// few, and says how many there are.
func (l *linker) random(ctx context.Context) (_ []pattern, total float64, err error) {
	n := l.rows()
	if n < 2 {
		return nil, 0, ctx.Err()
	}
	var pairs []uint64
	fits := func(i, j int) bool { return i != j && (!l.cfg.AcrossOnly || l.row(i)[0] != l.row(j)[0]) }
	if n*(n-1)/2 <= randomPairs {
		for i := range n {
			for j := i + 1; j < n; j++ {
				if fits(i, j) {
					pairs = append(pairs, pairOf(i, j))
				}
			}
		}
		total = float64(len(pairs))
	} else {
		rng := rand.New(rand.NewPCG(l.cfg.Seed, 0x6b7561)) //nolint:gosec // a sample, no secret
		drawn := 0
		for ; len(pairs) < randomPairs && drawn < 20*randomPairs; drawn++ {
			if i, j := rng.IntN(n), rng.IntN(n); fits(i, j) {
				pairs = append(pairs, pairOf(i, j))
			}
		}
		total = float64(n) * float64(n) / 2 * float64(len(pairs)) / float64(drawn)
		slices.Sort(pairs)
		pairs = slices.Compact(pairs)
	}
	counts := make([]map[uint64]float64, runtime.GOMAXPROCS(0))
	for w := range counts {
		counts[w] = map[uint64]float64{}
	}
	const piece = 4096
	err = parallel(ctx, (len(pairs)+piece-1)/piece, func(w, k int, m *memos) {
		levels := make([]uint8, len(l.ladders))
		for _, p := range pairs[k*piece : min((k+1)*piece, len(pairs))] {
			i, j := rowsOf(p)
			l.compare(i, j, levels, m)
			counts[w][l.pack(levels)]++
		}
	})
	for _, c := range counts[1:] {
		for p, k := range c {
			counts[0][p] += k
		}
	}
	return l.patterns(counts[0]), total, err
}

// pairOf makes one number of two rows, the lesser first.
func pairOf(i, j int) uint64 {
	if i > j {
		i, j = j, i
	}
	return uint64(i)<<32 | uint64(j) //nolint:gosec // row numbers
}

func rowsOf(pair uint64) (i, j int) { return int(pair >> 32), int(pair & math.MaxUint32) }

// adjust is what the frequency of the agreed value adds to the weight of a
// level: to agree on a rare name says more than to agree on a common one. Where
// the spellings differ the value is half known, and the adjustment is half.
func (l *linker) adjust(lad int, a, b []uint32, level uint8) float64 {
	if !l.ladders[lad].exact || level > 2 {
		return 0
	}
	c := l.column[lad]
	rarity := l.columns[c].rarity(lad-l.at[c], a[l.from[c]:], b[l.from[c]:])
	if rarity == 0 {
		return 0
	}
	adjust := l.model.agreed[lad] - rarity
	switch {
	case level == 0:
		return clamp(adjust, -maxAdjust, maxAdjust)
	case len(l.ladders[lad].codes) > 3:
		return clamp(adjust/2, -maxAdjust/2, maxAdjust/2)
	}
	return 0
}

// maxAdjust keeps one value's frequency from deciding alone, in bits.
const maxAdjust = 6

// weight is the log2 of the odds that two rows with these levels are one person.
func (l *linker) weight(i, j int, levels []uint8) float64 {
	w := l.model.weight(levels)
	a, b := l.row(i), l.row(j)
	for lad, k := range levels {
		if k != missing {
			w += l.adjust(lad, a, b, k)
		}
	}
	return w
}

// scorer weighs pairs and stops as soon as nothing can lift one above a bound.
type scorer struct {
	walker
	order  []int     // the columns, what costs least and tells most first
	rest   []float64 // the most that the columns from this place on can add
	levels []uint8
	out    []item
}

// order of the comparers: numbers first, letters last.
var dear = map[Comparer]int{Birth: 0, Exact: 1, Identifier: 2, Event: 3, Set: 4, Person: 5, Text: 6}

func (l *linker) newScorer() *scorer {
	s := &scorer{walker: walker{linker: l}, levels: make([]uint8, len(l.ladders))}
	for c := range l.columns {
		s.order = append(s.order, c)
	}
	slices.SortStableFunc(s.order, func(x, y int) int { return cmp.Compare(l.cost(x), l.cost(y)) })
	s.rest = make([]float64, len(s.order)+1)
	for k := len(s.order) - 1; k >= 0; k-- {
		most := 0.0
		c := s.order[k]
		for lad := l.at[c]; lad < len(l.ladders) && l.column[lad] == c; lad++ {
			best := 0.0 // missing
			for level, w := range l.model.weights[lad] {
				if l.ladders[lad].exact && level == 0 {
					w += maxAdjust
				} else if l.ladders[lad].exact && level <= 2 {
					w += maxAdjust / 2
				}
				best = max(best, w)
			}
			most += best
		}
		s.rest[k] = s.rest[k+1] + most
	}
	return s
}

func (l *linker) cost(c int) int {
	if c >= len(l.cfg.Fields) {
		return 0 // the list
	}
	return dear[l.cfg.Fields[c].Compare]
}

// reaches compares two rows as far as they can reach a weight, and says whether they do.
func (s *scorer) reaches(i, j int, least float64, m *memos) (float64, bool) {
	a, b := s.row(i), s.row(j)
	w := s.model.prior()
	for k, c := range s.order {
		if w+s.rest[k] < least-rounding {
			return 0, false
		}
		col, at := s.columns[c], s.at[c]
		col.compare(a[s.from[c]:], b[s.from[c]:], s.levels[at:], m)
		for lad := at; lad < len(s.ladders) && s.column[lad] == c; lad++ {
			if level := s.levels[lad]; level != missing {
				w += s.model.weights[lad][level]
				if s.ladders[lad].exact && level <= 2 {
					w += s.adjust(lad, a, b, level)
				}
			}
		}
	}
	if w < least-rounding {
		return 0, false
	}
	w = s.weight(i, j, s.levels) // in the order of the fields, as it is explained
	return w, w >= least
}

// rounding is more than sums in another order differ by.
const rounding = 1e-6

// score weighs every pair once and keeps those worth showing.
func (l *linker) score(ctx context.Context, f *Found) error {
	least := math.Log2(l.cfg.Propose / (1 - l.cfg.Propose))
	shares := l.shares()
	workers := make([]*scorer, runtime.GOMAXPROCS(0))
	for w := range workers {
		workers[w] = l.newScorer()
	}
	var writing sync.Mutex
	var failed error
	compared := make([]int, len(workers))
	err := parallel(ctx, len(shares), func(n, k int, m *memos) {
		s := workers[n]
		s.out = s.out[:0]
		s.walk(shares[k], func(i, j uint32, first func() bool) {
			if !first() {
				return
			}
			compared[n]++
			if w, ok := s.reaches(int(i), int(j), least, m); ok {
				s.out = append(s.out, item{key: descending(w), a: i, b: j})
			}
		})
		writing.Lock()
		defer writing.Unlock()
		failed = cmp.Or(failed, f.pairs.add(s.out...))
	})
	for _, n := range compared {
		f.Compared += n
	}
	return cmp.Or(err, failed)
}

// descending is a number that is the less, the greater the weight is.
func descending(w float64) uint64 {
	b := math.Float64bits(w)
	if b>>63 == 0 {
		return ^b &^ (1 << 63)
	}
	return b
}

func weightOf(key uint64) float64 {
	if key>>63 == 0 {
		return math.Float64frombits(^key &^ (1 << 63))
	}
	return math.Float64frombits(key)
}

// explain makes the waterfall of a pair.
func (l *linker) explain(i, j int) []FieldWeight {
	levels := make([]uint8, len(l.ladders))
	a, b := l.row(i), l.row(j)
	l.compare(i, j, levels, &memos{})
	out := []FieldWeight{{Field: "prior", Weight: l.model.prior()}}
	for c, col := range l.columns {
		for sub, lad := range col.ladders() {
			f := FieldWeight{Field: lad.field, Level: "missing", A: col.value(sub, a[l.from[c]:]), B: col.value(sub, b[l.from[c]:])}
			if k := levels[l.at[c]+sub]; k != missing {
				f.Level = lad.codes[k]
				f.Weight = l.model.weights[l.at[c]+sub][k] + l.adjust(l.at[c]+sub, a, b, k)
			}
			out = append(out, f)
		}
	}
	return out
}

// cluster joins what is to be accepted, decided pairs first.
func (l *linker) cluster(ctx context.Context, f *Found) error {
	c := newClusters(l.rows())
	l.clusters = c
	m := newMemos()
	levels := make([]uint8, len(l.ladders))
	c.onePer = l.cfg.OnePerList
	c.list = func(i int) uint32 { return l.row(i)[0] }
	c.score = func(i, j int) float64 {
		l.compare(i, j, levels, m)
		return probability(l.weight(i, j, levels))
	}
	for n, field := range l.cfg.Fields {
		if field.Apart {
			last := len(comparers[field.Compare].codes) - 1
			c.apart = append(c.apart, func(i, j int) bool {
				var k [1]uint8
				l.columns[n].compare(l.of(n, i), l.of(n, j), k[:], m)
				return k[0] != missing && int(k[0]) == last
			})
		}
	}
	for _, d := range f.decided {
		if d.same {
			c.same[pairOf(d.i, d.j)] = true
		} else {
			c.keepApart(d.i, d.j)
		}
	}
	for _, d := range f.decided {
		if d.same && !c.join(d.i, d.j, true) {
			f.Warnings = append(f.Warnings, Warning{"%s and %s were decided to be the same, but that would join records decided to be different: they stay apart until one of the decisions is undone", []int{d.i, d.j}})
		}
	}
	err := f.pairs.each(func(x item) error {
		if probability(weightOf(x.key)) < l.cfg.Accept {
			return errEnough
		}
		c.join(int(x.a), int(x.b), false)
		return ctx.Err()
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

// errEnough ends a walk over the pairs at those that are not likely enough.
var errEnough = errors.New("no more pairs are likely enough")

// each gives all pairs worth showing.
func (l *linker) each(f *Found, give func(Match) error) error {
	known := map[uint64]bool{}
	levels, m := make([]uint8, len(l.ladders)), newMemos()
	giveDecided := func(same bool) error {
		for _, d := range f.decided {
			if d.same != same {
				continue
			}
			l.compare(d.i, d.j, levels, m)
			match := Match{A: d.i, B: d.j, Weight: l.weight(d.i, d.j, levels), Accepted: l.clusters.find(d.i) == l.clusters.find(d.j), Decided: true}
			if same {
				match.Probability = 1
			}
			if err := give(match); err != nil {
				return err
			}
		}
		return nil
	}
	for _, d := range f.decided {
		known[pairOf(d.i, d.j)] = true
	}
	if err := giveDecided(true); err != nil {
		return err
	}
	err := f.pairs.each(func(x item) error {
		i, j := int(x.a), int(x.b)
		if known[pairOf(i, j)] {
			return nil
		}
		w := weightOf(x.key)
		return give(Match{A: i, B: j, Weight: w, Probability: probability(w), Accepted: l.clusters.find(i) == l.clusters.find(j)})
	})
	if err != nil {
		return err
	}
	return giveDecided(false)
}

type decided struct {
	i, j int
	same bool
}

// decisions reads what people decided; where they contradict each other, "different" holds, and it says so.
func (l *linker) decisions(f *Found, verdicts []Verdict) []decided {
	var out []decided
	verdict := map[uint64]bool{}
	for _, v := range verdicts {
		i, j := min(v.A, v.B), max(v.A, v.B)
		if before, ok := verdict[pairOf(i, j)]; ok {
			if before != v.Same {
				f.Warnings = append(f.Warnings, Warning{"%s and %s were decided to be the same and to be different: taken as different", []int{v.A, v.B}})
				verdict[pairOf(i, j)] = false
			}
			continue
		}
		verdict[pairOf(i, j)] = v.Same
		out = append(out, decided{i: i, j: j})
	}
	for k := range out {
		out[k].same = verdict[pairOf(out[k].i, out[k].j)]
	}
	return out
}
