// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Which cases meet in a facility, an official, a method or a day is asked of
// all of them at once, so their ties are kept in memory, made when first asked
// for: see snapshot. What a reader may see is asked anew at every question.

// sharedKinds are the kinds outside cases in which cases meet.
var sharedKinds = []string{TieIncident, TieFacility, TieBody, TieOfficial, TiePublication}

// tied is a case with its ties, as it stood at a moment.
type tied struct {
	v       int64
	id      string
	cluster int64
	day     edtf.Day // of what happened, for the order of lists; 0: not known
	knots   []bound
}

// bound is a knot with its ties as numbers, in order.
type bound struct {
	from, on edtf.Day
	ties     []int32
}

// snapshot holds the ties of all cases as known at a moment.
type snapshot struct {
	next, counted, known int64 // of what state of the index it was made
	cases                []tied
	outside              map[string][]*casefile.Record // live records by kind
	record               map[string]*casefile.Record
}

// snapshots is how many are kept: of now, and one looked back at.
const snapshots = 2

// meeting keeps snapshots, and what a version of a case ties it to: a version
// never changes, so that is read once.
type meeting struct {
	mu    sync.Mutex
	last  []*snapshot // the newest last
	of    map[int64][]bound
	no    map[Tie]int32
	names []Tie
}

func (m *meeting) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.of = nil, nil
}

// number answers the number of a tie. The lock must be held.
func (m *meeting) number(t Tie) int32 {
	no, ok := m.no[t]
	if !ok {
		if m.no == nil {
			m.no = map[Tie]int32{}
		}
		no = int32(len(m.names))
		m.no[t] = no
		m.names = append(m.names, t)
	}
	return no
}

// bind turns knots into numbers. The lock must be held.
func (m *meeting) bind(knots []knot) []bound {
	out := make([]bound, len(knots))
	for i, k := range knots {
		out[i] = bound{k.from, k.on, make([]int32, len(k.ties))}
		for j, t := range k.ties {
			out[i].ties[j] = m.number(t)
		}
	}
	return out
}

// snapshot answers the ties of all cases at a clock. rows are all cases as known
// now; they are not looked at where the clock knows less.
func (ix *Index) snapshot(c *conn, rows []*listed, clock Clock) (*snapshot, []Tie, error) {
	m := &ix.meeting
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, counted, next, err := getHead(c)
	if err != nil {
		return nil, nil, err
	}
	known := moment(clock.KnownBy)
	for i, s := range m.last {
		if s.next == next && s.counted == counted && s.known == known {
			m.last = append(slices.Delete(m.last, i, i+1), s)
			return s, m.names, nil
		}
	}
	s := &snapshot{next: next, counted: counted, known: known, outside: map[string][]*casefile.Record{}, record: map[string]*casefile.Record{}}
	for _, kind := range sharedKinds {
		if s.outside[kind], err = ix.outsideAt(c, kind, known); err != nil {
			return nil, nil, err
		}
		for _, rec := range s.outside[kind] {
			s.record[rec.ID] = rec
		}
	}
	if err := ix.tie(c, rows, s); err != nil {
		return nil, nil, err
	}
	if len(m.last) == snapshots {
		m.last = slices.Delete(m.last, 0, 1)
	}
	m.last = append(m.last, s)
	return s, m.names, nil
}

// tie finds the cases of a snapshot. Of now the list has them already, and only
// the ties of versions that are new since the last snapshot are read: whoever
// asks right after a write does not wait for all cases. The lock of the meeting
// must be held.
func (ix *Index) tie(c *conn, rows []*listed, s *snapshot) error {
	m := &ix.meeting
	add := func(t tied, knots []byte) error {
		decoded, err := decodeKnots(knots)
		if err == nil {
			t.knots = m.bind(decoded)
			m.of[t.v] = t.knots
			s.cases = append(s.cases, t)
		}
		return err
	}
	now := s.known == moment(time.Time{}) && m.of != nil
	if m.of == nil {
		m.of = map[int64][]bound{}
	}
	if now {
		for _, l := range rows {
			if l == nil {
				continue
			}
			t := tied{v: l.v, id: l.id, cluster: l.cluster}
			if l.text(textIncident) != "" {
				t.day = l.incidentDay
			}
			if own, ok := m.of[t.v]; ok {
				t.knots = own
				s.cases = append(s.cases, t)
				continue
			}
			if err := c.Run(`SELECT ties FROM file WHERE v = ?`, func(q *sqlite3.Stmt) error { return add(t, q.ColumnRawBlob(0)) }, t.v); err != nil {
				return err
			}
		}
	} else {
		err := c.Run(`SELECT f.v, s.id, f.cluster, f.incident_day, f.incident <> '', f.ties FROM file f JOIN stream s ON s.no = f.stream
			WHERE f.kto > ? AND f.kfrom <= ?`, func(q *sqlite3.Stmt) error {
			t := tied{v: q.ColumnInt64(0), id: q.ColumnText(1), cluster: q.ColumnInt64(2)}
			if q.ColumnInt64(4) == 1 {
				t.day = edtf.Day(q.ColumnInt64(3))
			}
			if own, ok := m.of[t.v]; ok {
				t.knots = own
				s.cases = append(s.cases, t)
				return nil
			}
			return add(t, q.ColumnRawBlob(5))
		}, s.known, s.known)
		if err != nil {
			return err
		}
	}
	if len(m.of) > 2*len(s.cases)+1000 { // most are of versions that have ended
		of := make(map[int64][]bound, len(s.cases))
		for _, t := range s.cases {
			of[t.v] = m.of[t.v]
		}
		m.of = of
	}
	r := ix.resolver(s)
	for i := range s.cases {
		s.cases[i].knots = r.resolve(s.cases[i].knots)
	}
	slices.SortFunc(s.cases, func(a, b tied) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.id, b.id))
	})
	return nil
}

// resolver adds to the ties of cases what follows from records outside them:
// an incident's facility, methods and days, a facility's body, an official's.
type resolver struct {
	follows map[int32][]int32  // tie → what else holds with it
	from    map[int32]edtf.Day // incident → the day from which it counts
	on      map[int32]edtf.Day
	region  map[int32]int32 // incident → its region
	told    map[int32]int32 // the region of a report → the same as where it happened
	regions map[int32]bool
}

func (ix *Index) resolver(s *snapshot) *resolver {
	m := &ix.meeting
	r := &resolver{follows: map[int32][]int32{}, from: map[int32]edtf.Day{}, on: map[int32]edtf.Day{},
		region: map[int32]int32{}, told: map[int32]int32{}, regions: map[int32]bool{}}
	for _, rec := range s.record {
		own := m.number(Tie{rec.Kind, rec.ID})
		seen := map[Tie]bool{}
		ix.follow(s, rec, seen)
		for t := range seen {
			if no := m.number(t); no != own {
				r.follows[own] = append(r.follows[own], no)
			}
		}
		if rec.Kind != TieIncident {
			continue
		}
		r.from[own], r.on[own] = rec.Counts, happened(rec)
		if region := rec.Get("region"); region != "" && !codebook.Missing(region) {
			r.region[own] = m.number(Tie{TieRegion, region})
		}
	}
	for i, t := range slices.Clone(m.names) {
		switch t.Dim {
		case TieRegion:
			r.regions[int32(i)] = true
		case tieTold:
			r.told[int32(i)] = m.number(Tie{TieRegion, t.Value})
		}
	}
	return r
}

// follow gathers what holds with a record outside cases: of an incident, what
// happened there; of each, the bodies it belongs to.
func (ix *Index) follow(s *snapshot, rec *casefile.Record, seen map[Tie]bool) {
	if rec.Kind == TieIncident {
		for _, t := range ix.tiesOf(rec, nil) {
			seen[t] = true
			if next := s.record[t.Value]; next != nil && next.Kind == t.Dim && t.Dim != TieIncident {
				ix.follow(s, next, seen)
			}
		}
		return
	}
	for _, field := range []string{"body", "body_record", "parent"} { // of facilities, officials, bodies
		next := s.record[rec.Get(field)]
		if next == nil || next.Kind != TieBody || seen[Tie{TieBody, next.ID}] {
			continue // not there, or a body that is part of itself
		}
		seen[Tie{TieBody, next.ID}] = true
		ix.follow(s, next, seen)
	}
}

// resolve answers the knots with all that follows. What nothing follows from
// stays the very same slice, which is shared.
func (r *resolver) resolve(own []bound) []bound {
	out, copied := own, false
	add := func(i int, ties ...int32) *bound {
		if !copied {
			out, copied = slices.Clone(own), true
		}
		out[i].ties = slices.Clone(out[i].ties)
		for _, t := range ties {
			if !slices.Contains(out[i].ties, t) {
				out[i].ties = append(out[i].ties, t)
			}
		}
		return &out[i]
	}
	where, incident, told := false, int32(-1), int32(-1)
	within, by := 0, 0
	for i, k := range own {
		for _, t := range k.ties {
			if follows := r.follows[t]; len(follows) > 0 {
				add(i, follows...)
			}
			if from, ok := r.from[t]; ok { // a shared incident happened on its own day
				next := add(i)
				next.from = max(next.from, from)
				next.on = cmp.Or(next.on, r.on[t])
			}
			if r.regions[t] {
				where = true
			}
			if region, ok := r.region[t]; ok && incident < 0 {
				incident, within = region, i
			}
			if region, ok := r.told[t]; ok {
				told, by = region, i
			}
		}
	}
	switch {
	case where:
	case incident >= 0:
		add(within, incident)
	case told >= 0:
		add(by, told)
	}
	return out
}

// outsideAt answers the live records of a kind outside cases as known at a moment.
func (ix *Index) outsideAt(c *conn, kind string, known int64) ([]*casefile.Record, error) {
	var records []*casefile.Record
	var stream string
	var entries []casefile.Entry
	fold := func() {
		if len(entries) > 0 {
			records = append(records, casefile.Fold(ix.book, stream, entries).Records()...)
		}
		entries = nil
	}
	err := c.Run(`SELECT s.id, e.body FROM stream s JOIN entry e ON e.stream = s.no WHERE s.kind = ? AND e.known <= ? ORDER BY s.no, e.pos`, func(s *sqlite3.Stmt) error {
		e, err := decodeEntry(s.ColumnRawBlob(1))
		if err != nil {
			return err
		}
		if id := s.ColumnText(0); id != stream {
			fold()
			stream = id
		}
		entries = append(entries, e)
		return nil
	}, kind, known)
	fold()
	return records, err
}

// Meetings answers questions about what the cases that a reader may see have in
// common, at one clock. Nothing else is counted.
type Meetings struct {
	ix    *Index
	clock Clock
	snap  *snapshot
	names []Tie
	cases []*tied // those the reader may see, the cases of one person together
}

// Tally is how many people something concerns, each counted once however many
// organisations documented them, and in how many cases.
type Tally struct{ People, Cases int }

// Meet opens the question. Clock.AsOf must be set.
func (ix *Index) Meet(ctx context.Context, clock Clock, see See) (m *Meetings, err error) {
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		m, err = ix.meet(c, list.rows, clock, see)
		return err
	})
	return m, failed("looking for what cases have in common", err)
}

func (ix *Index) meet(c *conn, rows []*listed, clock Clock, see See) (*Meetings, error) {
	s, names, err := ix.snapshot(c, rows, clock)
	if err != nil {
		return nil, err
	}
	m := &Meetings{ix: ix, clock: clock, snap: s, names: names, cases: make([]*tied, 0, len(s.cases))}
	for i := range s.cases {
		if see.of(s.cases[i].id) != Nothing {
			m.cases = append(m.cases, &s.cases[i])
		}
	}
	return m, nil
}

// Met answers the cases a reader may see that have all of some terms, the
// latest first, at most so many of them, and the whole tally.
func (ix *Index) Met(ctx context.Context, clock Clock, see See, most int, terms ...Term) (rows []Row, all Tally, err error) {
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		m, err := ix.meet(c, list.rows, clock, see)
		if err != nil {
			return err
		}
		found := m.with(terms)
		all = tally(found)
		slices.SortFunc(found, func(a, b *tied) int {
			return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(a.id, b.id))
		})
		found = found[:min(len(found), most)]
		at := map[int64]int{}
		for i, t := range found {
			at[t.v] = i
		}
		versions, err := ix.rowsAt(ctx, c, list, moment(clock.KnownBy))
		if err != nil {
			return err
		}
		shown := make([]*listed, len(found))
		for _, l := range versions {
			if l == nil {
				continue
			}
			if i, ok := at[l.v]; ok {
				shown[i] = l
			}
		}
		rows, err = ix.complete(list, shown, versions, clock.AsOf, see)
		return err
	})
	return rows, all, failed("looking for cases", err)
}

// Outside answers the live records of a kind in which cases meet, in the order they were first written.
func (m *Meetings) Outside(kind string) []*casefile.Record { return m.snap.outside[kind] }

// Record answers a live record in which cases meet.
func (m *Meetings) Record(id string) (*casefile.Record, bool) {
	rec, ok := m.snap.record[id]
	return rec, ok
}

// Tally counts the cases that have all of some terms.
func (m *Meetings) Tally(terms ...Term) Tally { return tally(m.with(terms)) }

// tally counts cases of which those of one person stand together.
func tally(cases []*tied) Tally {
	t := Tally{Cases: len(cases)}
	for i, c := range cases {
		if i == 0 || cases[i-1].cluster != c.cluster {
			t.People++
		}
	}
	return t
}

// with answers the cases that have all of some terms.
func (m *Meetings) with(terms []Term) []*tied {
	asked := m.ix.numbered(terms)
	var found []*tied
	for _, t := range m.cases {
		if t.has(asked, m.clock.AsOf) {
			found = append(found, t)
		}
	}
	return found
}

// with answers the versions of cases that have all of some terms at a clock.
func (ix *Index) with(c *conn, rows []*listed, clock Clock, see See, terms []Term) (map[int64]bool, error) {
	m, err := ix.meet(c, rows, clock, see)
	if err != nil {
		return nil, err
	}
	found := map[int64]bool{}
	for _, t := range m.with(terms) {
		found[t.v] = true
	}
	return found, nil
}

// has tells whether a case has all of some terms by a day.
func (t *tied) has(terms []numbered, day edtf.Day) bool {
	for _, term := range terms {
		if !slices.ContainsFunc(t.knots, func(k bound) bool { return k.from <= day && term.in(k) }) {
			return false
		}
	}
	return true
}

// numbered is a term with its ties as numbers.
type numbered struct {
	parts  [][]int32
	before edtf.Day // 0: whenever
}

func (n numbered) in(k bound) bool {
	if n.before != 0 && (k.on == 0 || k.on >= n.before) {
		return false
	}
	for _, any := range n.parts {
		if !slices.ContainsFunc(any, func(t int32) bool { return slices.Contains(k.ties, t) }) {
			return false
		}
	}
	return true
}

// numbered answers terms as numbers. What no case ever had has none and is in no knot.
func (ix *Index) numbered(terms []Term) []numbered {
	m := &ix.meeting
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]numbered, len(terms))
	for i, term := range terms {
		for _, part := range term {
			if part.Dim == tieBefore {
				out[i].before, _ = edtf.ParseDay(part.Any[0]) // ParseTerm has read it
				continue
			}
			any := []int32{}
			for _, value := range part.Any {
				if no, ok := m.no[Tie{part.Dim, value}]; ok {
					any = append(any, no)
				}
			}
			out[i].parts = append(out[i].parts, any)
		}
	}
	return out
}

// counter counts under one heading. The cases come with those of one person
// together, so that the last one says whether they were counted.
type counter struct {
	Tally
	person, version int64
}

func (n *counter) add(t *tied) {
	if n.version == t.v {
		return
	}
	n.version = t.v
	n.Cases++
	if n.person != t.cluster {
		n.person = t.cluster
		n.People++
	}
}

// Among counts each tie of some dimensions over the cases that have all of some terms.
func (m *Meetings) Among(dims []string, terms ...Term) map[Tie]Tally {
	counters := make([]counter, len(m.names))
	asked := make([]bool, len(m.names))
	for i, t := range m.names {
		asked[i] = slices.Contains(dims, t.Dim)
	}
	for _, t := range m.with(terms) {
		for _, k := range t.knots {
			if k.from > m.clock.AsOf {
				continue
			}
			for _, no := range k.ties {
				if asked[no] {
					counters[no].add(t)
				}
			}
		}
	}
	found := map[Tie]Tally{}
	for i, n := range counters {
		if n.Cases > 0 {
			found[m.names[i]] = n.Tally
		}
	}
	return found
}

// Pair is two ties that come together.
type Pair [2]Tie

// PairOf asks for pairs of two dimensions: in one record, or anywhere in a case.
type PairOf struct {
	A, B  string
	Whole bool // anywhere in a case
}

// Pairs counts the pairs that at least two people have, of each of several questions.
func (m *Meetings) Pairs(questions ...PairOf) []map[Pair]Tally {
	dims := map[string]int{}
	for _, q := range questions {
		dims[q.A], dims[q.B] = 0, 0
	}
	n := 0
	for dim := range dims {
		dims[dim] = n
		n++
	}
	dimOf := make([]int, len(m.names)) // of each tie, its dimension; -1: not asked for
	for i, t := range m.names {
		d, ok := dims[t.Dim]
		if dimOf[i] = d; !ok {
			dimOf[i] = -1
		}
	}
	counts := make([]map[[2]int32]*counter, len(questions))
	for i := range counts {
		counts[i] = map[[2]int32]*counter{}
	}
	in, whole := make([][]int32, n), make([][]int32, n)
	pairs := func(q PairOf, counts map[[2]int32]*counter, of [][]int32, t *tied) {
		for i, a := range of[dims[q.A]] {
			second := of[dims[q.B]]
			if q.A == q.B {
				second = second[i+1:]
			}
			for _, b := range second {
				key := [2]int32{a, b}
				if q.A == q.B && a > b {
					key = [2]int32{b, a}
				}
				if key[0] == key[1] {
					continue
				}
				c := counts[key]
				if c == nil {
					c = &counter{}
					counts[key] = c
				}
				c.add(t)
			}
		}
	}
	for _, t := range m.cases {
		for d := range whole {
			whole[d] = whole[d][:0]
		}
		for _, k := range t.knots {
			if k.from > m.clock.AsOf {
				continue
			}
			for d := range in {
				in[d] = in[d][:0]
			}
			for _, no := range k.ties {
				if d := dimOf[no]; d >= 0 {
					in[d] = append(in[d], no)
					if !slices.Contains(whole[d], no) {
						whole[d] = append(whole[d], no)
					}
				}
			}
			for i, q := range questions {
				if !q.Whole {
					pairs(q, counts[i], in, t)
				}
			}
		}
		for i, q := range questions {
			if q.Whole {
				pairs(q, counts[i], whole, t)
			}
		}
	}
	found := make([]map[Pair]Tally, len(questions))
	for i, of := range counts {
		found[i] = map[Pair]Tally{}
		for key, c := range of {
			if c.People > 1 {
				found[i][Pair{m.names[key[0]], m.names[key[1]]}] = c.Tally
			}
		}
	}
	return found
}
