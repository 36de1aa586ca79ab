// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Record is one row that describes a person.
type Record struct {
	ID     string
	List   string              // who made the list; "" when there is only one
	Fields map[string][]string // field id → values, as in a case file
}

// Pair is two records and the evidence that they are one person.
type Pair struct {
	A, B        string // record ids, in the order of the records
	Probability float64
	Weight      float64 // log2 of the odds: the sum of the weights of Fields
	Fields      []FieldWeight
	Accepted    bool // both are in one cluster
	Decided     bool // a person decided before; Probability is then 1 or 0
}

// FieldWeight is one bar of the waterfall that explains a pair.
type FieldWeight struct {
	Field  string  // "prior", a field of the configuration (a Person is family, given, patronymic) or "list"
	Level  string  // stable code of the level, see LevelText; "" for the prior
	Weight float64 // log2 of the likelihood ratio; above zero speaks for one person
	A, B   string  // the values on either side
}

// Result is what Link found.
type Result struct {
	Pairs    []Pair     // from Config.Propose on and the decided ones, the likeliest first
	Clusters [][]string // record ids in their order; every record is in exactly one, alone or not
	Blocks   []BlockReport
	Model    Model
	Warnings []string // what the result does not cover, a line each
}

// randomPairs is how many pairs u is learned from. Nearly all pairs are of
// different people, so that this many make it precise.
const randomPairs = 300_000

// Link compares the records and proposes pairs and clusters. The order of the
// records, the configuration and its seed determine the result.
func Link(ctx context.Context, records []Record, cfg Config) (Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Result{}, err
	}
	l, err := newLinker(records, cfg)
	if err != nil {
		return Result{}, err
	}
	b := &blocker{cfg: cfg, columns: l.byField, lists: l.lists, rows: len(records)}
	candidates, blocks := b.candidates()
	levels, err := l.levelsOf(ctx, len(candidates), func(k int) (int, int) { return candidates[k].rows() })
	if err != nil {
		return Result{}, err
	}
	if err := l.learn(ctx, candidates, blocks, levels); err != nil {
		return Result{}, err
	}
	scored, err := l.score(ctx, candidates, levels)
	if err != nil {
		return Result{}, err
	}
	r := Result{Blocks: blocks, Model: l.model.report()}
	for _, b := range blocks {
		if b.LostPairs > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("blocking rule %q: %d blocks were too large and were split, %d stayed too large: %d pairs were not compared under this rule", b.ID, b.Split, b.Over, b.LostPairs))
		}
	}
	if err := l.cluster(ctx, &r, scored); err != nil {
		return Result{}, err
	}
	return r, nil
}

// linker holds what Link works on.
type linker struct {
	cfg     Config
	records []Record
	row     map[string]int
	lists   []int32
	columns []column
	at      []int // first ladder of each column
	column  []int // column of each ladder
	byField map[string]column
	ladders []ladder
	model   *model
}

func newLinker(records []Record, cfg Config) (*linker, error) {
	l := &linker{cfg: cfg, records: records, row: make(map[string]int, len(records)), byField: map[string]column{}}
	lists := map[string]int32{}
	for i, r := range records {
		if r.ID == "" {
			return nil, fmt.Errorf("linkage: row %d has no id", i+1)
		}
		if _, ok := l.row[r.ID]; ok {
			return nil, fmt.Errorf("linkage: two rows have the id %s", r.ID)
		}
		l.row[r.ID] = i
		if _, ok := lists[r.List]; !ok {
			lists[r.List] = int32(len(lists)) //nolint:gosec // few
		}
		l.lists = append(l.lists, lists[r.List])
	}
	for _, f := range cfg.Fields {
		c := newColumn(f, records)
		l.add(c)
		l.byField[f.ID] = c
	}
	if len(lists) > 1 && !cfg.AcrossOnly {
		l.add(&listColumn{lists: l.lists, records: records})
	}
	return l, nil
}

func (l *linker) add(c column) {
	l.at = append(l.at, len(l.ladders))
	for _, lad := range c.ladders() {
		l.ladders = append(l.ladders, lad)
		l.column = append(l.column, len(l.columns))
	}
	l.columns = append(l.columns, c)
}

// compare writes the levels of all ladders for two rows.
func (l *linker) compare(i, j int, levels []uint8) {
	for c, col := range l.columns {
		col.compare(i, j, levels[l.at[c]:])
	}
}

// levelsOf compares many pairs on all processors.
func (l *linker) levelsOf(ctx context.Context, n int, pair func(k int) (i, j int)) ([]uint8, error) {
	width := len(l.ladders)
	levels := make([]uint8, n*width)
	err := parallel(ctx, n, func(k int) {
		i, j := pair(k)
		l.compare(i, j, levels[k*width:(k+1)*width])
	})
	return levels, err
}

// parallel runs work for 0 … n-1 on all processors, in pieces between which it looks whether to stop.
func parallel(ctx context.Context, n int, work func(k int)) error {
	const piece = 4096
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for start := range next {
				for k := start; k < min(start+piece, n); k++ {
					work(k)
				}
			}
		})
	}
	for start := 0; start < n && ctx.Err() == nil; start += piece {
		next <- start
	}
	close(next)
	wg.Wait()
	return ctx.Err()
}

// learn finds u from random pairs, m from the pairs of each rule, lambda from all candidates.
func (l *linker) learn(ctx context.Context, candidates []candidate, blocks []BlockReport, levels []uint8) error {
	width := len(l.ladders)
	l.model = newModel(l.ladders)
	pairs, total := l.randomPairs()
	drawn, err := l.levelsOf(ctx, len(pairs), func(k int) (int, int) { return candidate{pair: pairs[k]}.rows() })
	if err != nil {
		return err
	}
	random := patterns(drawn, width)
	all := patterns(levels, width)
	byRule := make([][]pattern, len(l.cfg.Blocks))
	for r := range byRule {
		var own []uint8
		for k, c := range candidates {
			if c.rules&(1<<r) != 0 {
				own = append(own, levels[k*width:(k+1)*width]...)
			}
		}
		byRule[r] = patterns(own, width)
	}
	used := l.usedBy(blocks)
	l.model.learnU(random, false)
	for range refits + 1 {
		l.model.learnLambda(all, len(l.records), total)
		l.model.learnM(byRule, used)
		l.model.learnU(random, true)
	}
	l.model.learnLambda(all, len(l.records), total)
	return nil
}

// usedBy says which ladders each rule makes agree by its keys, and by the further
// keys where it had to split a block.
func (l *linker) usedBy(blocks []BlockReport) [][]bool {
	out := make([][]bool, len(l.cfg.Blocks))
	for r, rule := range l.cfg.Blocks {
		out[r] = make([]bool, len(l.ladders))
		keys := rule.Keys
		if blocks[r].Split > 0 {
			keys = slices.Concat(keys, rule.Split)
		}
		for _, k := range keys {
			for i, lad := range l.ladders {
				if lad.field == k.Field || lad.field == string(k.As) ||
					(k.As == Names || k.As == Trigrams) && l.isPerson(k.Field) && (lad.field == "family" || lad.field == "given") {
					out[r][i] = true
				}
			}
		}
	}
	return out
}

func (l *linker) isPerson(field string) bool {
	_, ok := l.byField[field].(*personColumn)
	return ok
}

// randomPairs draws distinct pairs, all of them when there are few, and says how many there are.
func (l *linker) randomPairs() (pairs []uint64, total float64) {
	n := len(l.records)
	if n < 2 {
		return nil, 0
	}
	fits := func(i, j int) bool { return i != j && (!l.cfg.AcrossOnly || l.lists[i] != l.lists[j]) }
	if n*(n-1)/2 <= randomPairs {
		for i := range n {
			for j := i + 1; j < n; j++ {
				if fits(i, j) {
					pairs = append(pairs, pairOf(i, j))
				}
			}
		}
		return pairs, float64(len(pairs))
	}
	rng := rand.New(rand.NewPCG(l.cfg.Seed, 0x6b7561)) //nolint:gosec // a sample, no secret
	drawn := 0
	for ; len(pairs) < randomPairs && drawn < 20*randomPairs; drawn++ {
		if i, j := rng.IntN(n), rng.IntN(n); fits(i, j) {
			pairs = append(pairs, pairOf(i, j))
		}
	}
	total = float64(n) * float64(n) / 2 * float64(len(pairs)) / float64(drawn)
	slices.Sort(pairs)
	return slices.Compact(pairs), total
}

// adjust is what the frequency of the agreed value adds to the weight of a
// level: to agree on a rare name says more than to agree on a common one. Where
// the spellings differ the value is half known, and the adjustment is half.
func (l *linker) adjust(lad, i, j int, level uint8) float64 {
	if !l.ladders[lad].exact || level > 2 {
		return 0
	}
	c := l.column[lad]
	share := l.columns[c].share(lad-l.at[c], i, j)
	if share == 0 {
		return 0
	}
	a := math.Log2(l.model.u[lad][0] / share)
	switch {
	case level == 0:
		return clamp(a, -maxAdjust, maxAdjust)
	case len(l.ladders[lad].codes) > 3:
		return clamp(a/2, -maxAdjust/2, maxAdjust/2)
	}
	return 0
}

// maxAdjust keeps one value's frequency from deciding alone, in bits.
const maxAdjust = 6

// weight is the log2 of the odds that two rows with these levels are one person.
func (l *linker) weight(i, j int, levels []uint8) float64 {
	w := l.model.weight(levels)
	for lad, k := range levels {
		if k != missing {
			w += l.adjust(lad, i, j, k)
		}
	}
	return w
}

// scored is a candidate with its weight.
type scored struct {
	i, j   int
	weight float64
}

// score weighs the candidates and keeps those worth showing.
func (l *linker) score(ctx context.Context, candidates []candidate, levels []uint8) ([]scored, error) {
	width := len(l.ladders)
	weights := make([]float64, len(candidates))
	err := parallel(ctx, len(candidates), func(k int) {
		i, j := candidates[k].rows()
		weights[k] = l.weight(i, j, levels[k*width:(k+1)*width])
	})
	if err != nil {
		return nil, err
	}
	var out []scored
	for k, w := range weights {
		if probability(w) >= l.cfg.Propose {
			i, j := candidates[k].rows()
			out = append(out, scored{i, j, w})
		}
	}
	slices.SortFunc(out, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.i, b.i), cmp.Compare(a.j, b.j))
	})
	return out, nil
}

// explain makes the waterfall of a pair.
func (l *linker) explain(i, j int) []FieldWeight {
	levels := make([]uint8, len(l.ladders))
	l.compare(i, j, levels)
	out := []FieldWeight{{Field: "prior", Weight: l.model.prior()}}
	for c, col := range l.columns {
		for sub, lad := range col.ladders() {
			f := FieldWeight{Field: lad.field, Level: "missing", A: col.value(sub, i), B: col.value(sub, j)}
			if k := levels[l.at[c]+sub]; k != missing {
				f.Level = lad.codes[k]
				f.Weight = l.model.weights[l.at[c]+sub][k] + l.adjust(l.at[c]+sub, i, j, k)
			}
			out = append(out, f)
		}
	}
	return out
}

// cluster joins what is to be accepted, decided pairs first, and fills the result.
func (l *linker) cluster(ctx context.Context, r *Result, candidates []scored) error {
	c := newClusters(len(l.records))
	c.lists, c.onePer = l.lists, l.cfg.OnePerList
	c.score = func(i, j int) float64 {
		levels := make([]uint8, len(l.ladders))
		l.compare(i, j, levels)
		return probability(l.weight(i, j, levels))
	}
	for _, f := range l.cfg.Fields {
		if f.Apart {
			col, levels := l.byField[f.ID], len(comparers[f.Compare].codes)
			c.apart = append(c.apart, func(i, j int) bool {
				var k [1]uint8
				col.compare(i, j, k[:])
				return k[0] != missing && int(k[0]) == levels-1
			})
		}
	}
	decided := l.decisions(r, c)
	for _, d := range decided {
		if d.same && !c.join(d.i, d.j, true) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s and %s were decided to be the same, but that would join records decided to be different: they stay apart until one of the decisions is undone", l.records[d.i].ID, l.records[d.j].ID))
		}
	}
	for _, s := range candidates {
		if probability(s.weight) >= l.cfg.Accept {
			c.join(s.i, s.j, false)
		}
	}
	known := map[uint64]bool{}
	for _, d := range decided {
		known[pairOf(d.i, d.j)] = true
	}
	for _, s := range candidates {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !known[pairOf(s.i, s.j)] {
			r.Pairs = append(r.Pairs, Pair{A: l.records[s.i].ID, B: l.records[s.j].ID, Probability: probability(s.weight), Weight: s.weight, Fields: l.explain(s.i, s.j), Accepted: c.find(s.i) == c.find(s.j)})
		}
	}
	var refused []Pair
	for _, d := range decided {
		p := Pair{A: l.records[d.i].ID, B: l.records[d.j].ID, Fields: l.explain(d.i, d.j), Accepted: c.find(d.i) == c.find(d.j), Decided: true}
		for _, f := range p.Fields {
			p.Weight += f.Weight
		}
		if d.same {
			p.Probability = 1
			r.Pairs = append(r.Pairs, p)
		} else {
			refused = append(refused, p)
		}
	}
	slices.SortStableFunc(r.Pairs, func(a, b Pair) int { return cmp.Compare(b.Probability, a.Probability) })
	r.Pairs = append(r.Pairs, refused...)
	seen := map[int]int{}
	for i, rec := range l.records {
		root := c.find(i)
		k, ok := seen[root]
		if !ok {
			k = len(r.Clusters)
			seen[root] = k
			r.Clusters = append(r.Clusters, nil)
		}
		r.Clusters[k] = append(r.Clusters[k], rec.ID)
	}
	return nil
}

type decided struct {
	i, j int
	same bool
}

// decisions reads what people decided; where they contradict each other, "different" holds, and it says so.
func (l *linker) decisions(r *Result, c *clusters) []decided {
	var out []decided
	gone := 0
	verdict := map[uint64]bool{}
	for _, d := range l.cfg.Decided {
		i, okA := l.row[d.A]
		j, okB := l.row[d.B]
		if !okA || !okB || i == j {
			gone++
			continue
		}
		if before, ok := verdict[pairOf(i, j)]; ok {
			if before != d.Same {
				r.Warnings = append(r.Warnings, fmt.Sprintf("%s and %s were decided to be the same and to be different: taken as different", d.A, d.B))
				verdict[pairOf(i, j)] = false
			}
			continue
		}
		verdict[pairOf(i, j)] = d.Same
		out = append(out, decided{min(i, j), max(i, j), d.Same})
	}
	if gone > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d decisions are about records that are not among these", gone))
	}
	for k := range out {
		out[k].same = verdict[pairOf(out[k].i, out[k].j)]
		if out[k].same {
			c.same[pairOf(out[k].i, out[k].j)] = true
		} else {
			c.different[pairOf(out[k].i, out[k].j)] = true
		}
	}
	return out
}

// listColumn compares who made the lists.
type listColumn struct {
	lists   []int32
	records []Record
}

func (c *listColumn) ladders() []ladder { return []ladder{listLadder} }

func (c *listColumn) compare(i, j int, levels []uint8) {
	levels[0] = 0
	if c.lists[i] == c.lists[j] {
		levels[0] = 1
	}
}

func (c *listColumn) value(_, i int) string         { return strings.TrimSpace(c.records[i].List) }
func (c *listColumn) share(_, _, _ int) float64     { return 0 }
func (c *listColumn) key(_ Reading, _ int) []string { return nil }
