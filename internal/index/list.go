// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// The list of cases is kept in memory as the table file holds it now, each row
// packed (see packed): a list of ten thousand cases is filtered, counted and
// sorted in a few milliseconds, and a write replaces the rows it changed and no other.

// listing is every case as it stands at one head of the ledger. It does not change.
type listing struct {
	head   Head
	latest int64     // the latest known time
	ids    []string  // of all streams, by number
	rows   []*listed // by the number of the stream; nil: no case, or withdrawn
	words  *vocabulary
	mates  *mates
	shelf  *shelf
	agenda *agenda
}

// mates are the clusters of more than one case, as of a listing; like it, they do not change.
type mates struct {
	of    map[int64][]int64 // cluster → the streams of its cases, in order
	since map[int64][]int64 // those that changed since of was made
}

// maxSince is how many clusters may change before all are written together again.
const maxSince = 1000

// matesOf finds the clusters in a list.
func matesOf(rows []*listed) *mates {
	m := &mates{of: map[int64][]int64{}}
	for _, l := range rows {
		if l != nil && l.cluster != l.stream {
			m.of[l.cluster] = nil
		}
	}
	for _, l := range rows {
		if l == nil {
			continue
		}
		if streams, ok := m.of[l.cluster]; ok {
			m.of[l.cluster] = append(streams, l.stream)
		}
	}
	return m
}

// at answers the streams of a cluster; none: it has one case.
func (m *mates) at(cluster int64) []int64 {
	if streams, ok := m.since[cluster]; ok {
		return streams
	}
	return m.of[cluster]
}

// follow answers the mates after the rows of some streams changed.
func (m *mates) follow(before, after []*listed, changed map[int64]bool) *mates {
	next := &mates{of: m.of, since: maps.Clone(m.since)}
	if next.since == nil {
		next.since = map[int64][]int64{}
	}
	move := func(rows []*listed, stream int64, put bool) {
		if stream >= int64(len(rows)) || rows[stream] == nil {
			return
		}
		cluster := rows[stream].cluster
		streams := slices.DeleteFunc(slices.Clone(next.at(cluster)), func(s int64) bool { return s == stream })
		if put {
			streams = append(streams, stream)
			slices.Sort(streams)
		}
		next.since[cluster] = streams
	}
	for stream := range changed {
		move(before, stream, false)
	}
	for stream := range changed {
		move(after, stream, true)
	}
	if len(next.since) > maxSince {
		next.of = maps.Clone(next.of)
		maps.Copy(next.of, next.since)
		maps.DeleteFunc(next.of, func(_ int64, streams []int64) bool { return len(streams) < 2 })
		next.since = nil
	}
	return next
}

// code is a value of a facet: its number in [facetCodes].
type code int32

// facetCodes numbers the values of facets as they are met. The first is no
// stage, which a case has before anything of it is known.
type facetCodes struct {
	mu    sync.RWMutex
	nos   map[string]code
	known []facetCode
}

type facetCode struct {
	facet int // its place among the facets
	code  string
}

// of answers the number of a value.
func (f *facetCodes) of(facet int, value string) code {
	key := string(rune(facet)) + value
	f.mu.RLock()
	no, ok := f.nos[key]
	f.mu.RUnlock()
	if ok {
		return no
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if no, ok := f.nos[key]; ok {
		return no
	}
	if f.nos == nil {
		f.nos, f.known = map[string]code{}, []facetCode{{facet: facetStage}}
	}
	no = code(len(f.known))
	f.nos[key] = no
	f.known = append(f.known, facetCode{facet, value})
	return no
}

// all are the values numbered so far.
func (f *facetCodes) all() []facetCode {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.known
}

// facetOrg and facetStage are the places of the facets that no record has; the others follow.
const (
	facetOrg = iota
	facetStage
	facetRest
)

// readListing reads the list from its pages and what was written since; where
// there are no pages, row by row. It answers what the streams are, too.
func (ix *Index) readListing(c *conn, head Head, latest int64) (*listing, *paged, error) {
	list := &listing{head: head, latest: latest, words: newVocabulary(), agenda: newAgenda()}
	p, err := ix.readPages(c)
	if err != nil {
		return nil, nil, err
	}
	if len(p.ids) == 0 {
		p.ids, p.rows = []string{""}, []*listed{nil}
	}
	kept := len(p.ids)
	err = c.Run(`SELECT no, id, kind FROM stream WHERE no >= ? ORDER BY no`, func(s *sqlite3.Stmt) error {
		if s.ColumnInt64(0) != int64(len(p.ids)) {
			return errDamaged
		}
		if kind := s.ColumnText(2); kind != kindCase {
			p.kinds[int64(len(p.ids))] = kind
		}
		p.ids, p.rows = append(p.ids, s.ColumnText(1)), append(p.rows, nil)
		return nil
	}, kept)
	if err != nil {
		return nil, nil, err
	}
	k := &packing{ix: ix, ids: p.ids}
	put := func(s *sqlite3.Stmt) error {
		l, err := k.scanListed(s)
		if err == nil {
			p.rows[l.stream] = l
		}
		return err
	}
	if kept == 1 {
		p.since = slices.Collect(maps.Keys(p.kinds))
		err = c.Run(`SELECT `+listedColumns+` FROM file f WHERE f.kto = ?`, put, forever)
	} else if p.since, err = noted(c); err == nil {
		for _, no := range p.since {
			if no <= 0 || no >= int64(len(p.rows)) {
				return nil, nil, errDamaged
			}
			p.rows[no] = nil
			if err = c.Run(`SELECT `+listedColumns+` FROM file f WHERE f.stream = ? AND f.kto = ?`, put, no, forever); err != nil {
				break
			}
		}
	}
	p.behind = len(p.since)
	if kept == 1 {
		p.behind = len(p.ids) - kept
	}
	list.ids, list.rows = p.ids, p.rows
	list.mates, list.shelf = matesOf(list.rows), shelfOf(list.rows)
	return list, &p, err
}

// nextListing makes the listing after the writer changed the rows of some streams.
func (ix *Index) nextListing(c *conn, head Head, changed map[int64]bool, names map[int64][]string) (*listing, error) {
	old := ix.list.Load()
	next := &listing{head: head, latest: ix.state.latest, ids: old.ids, rows: old.rows, words: old.words.with(names), agenda: old.agenda.with(changed)}
	// What is appended stands behind what the old one has, which nobody looks at.
	err := c.Run(`SELECT id FROM stream WHERE no >= ? ORDER BY no`, func(s *sqlite3.Stmt) error {
		next.ids = append(next.ids, s.ColumnText(0))
		return nil
	}, len(next.ids))
	if err != nil {
		return nil, err
	}
	if next.mates, next.shelf = old.mates, old.shelf; len(changed) == 0 && len(next.ids) == len(next.rows) {
		return next, nil
	}
	next.rows = append(make([]*listed, 0, len(next.ids)), next.rows...)[:len(next.ids)]
	k := &packing{ix: ix, ids: next.ids}
	for stream := range changed {
		next.rows[stream] = nil
		err := c.Run(`SELECT `+listedColumns+` FROM file f WHERE f.stream = ? AND f.kto = ?`, func(s *sqlite3.Stmt) error {
			l, err := k.scanListed(s)
			if err == nil {
				next.rows[stream] = l
			}
			return err
		}, stream, forever)
		if err != nil {
			return nil, err
		}
	}
	next.mates, next.shelf = old.mates.follow(old.rows, next.rows, changed), old.shelf.follow(old.rows, next.rows, changed)
	return next, nil
}

// pasts remembers the list as it was known at the moments asked about last.
type pasts struct {
	mu   sync.Mutex
	last []past // the newest last
}

type past struct {
	known int64
	rows  []*listed
}

// maxPasts is how many moments are remembered at once.
const maxPasts = 4

func (p *pasts) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = nil
}

// rowsAt answers the rows that are true at a known time, some of them nil.
func (ix *Index) rowsAt(ctx context.Context, c *conn, list *listing, known int64) ([]*listed, error) {
	if known > list.latest {
		return list.rows, nil
	}
	ix.pasts.mu.Lock()
	defer ix.pasts.mu.Unlock()
	if i := slices.IndexFunc(ix.pasts.last, func(p past) bool { return p.known == known }); i >= 0 {
		found := ix.pasts.last[i]
		ix.pasts.last = append(slices.Delete(ix.pasts.last, i, i+1), found)
		return found.rows, nil
	}
	rows := make([]*listed, len(list.rows))
	for i, l := range list.rows {
		if l != nil && l.from <= known {
			rows[i] = l
		}
	}
	k := &packing{ix: ix, ids: list.ids}
	err := c.Run(`SELECT `+listedColumns+` FROM file f WHERE f.kto > ? AND f.kto < ? AND f.kfrom <= ?`, func(s *sqlite3.Stmt) error {
		l, err := k.scanListed(s)
		if err == nil {
			rows[l.stream] = l
			err = ctx.Err()
		}
		return err
	}, known, forever, known)
	if err == nil && known < list.latest { // what was known before the last act changes no more
		if len(ix.pasts.last) == maxPasts {
			ix.pasts.last = slices.Delete(ix.pasts.last, 0, 1)
		}
		ix.pasts.last = append(ix.pasts.last, past{known, rows})
	}
	return rows, err
}

// encodeStandings writes how a case stands on all days.
func (ix *Index) encodeStandings(standings []rules.Standing) string {
	var b []byte
	for _, s := range standings {
		b = binary.AppendUvarint(b, uint64(ix.ruleNo[s.Rule]))
		b = binary.AppendVarint(b, int64(s.From))
		b = binary.AppendVarint(b, int64(s.To))
		b = binary.AppendVarint(b, int64(s.Due))
	}
	return string(b)
}

// Standing says how the cases stand that a reader may see.
type Standing struct {
	Rules    map[string]int // check or deadline → in how many cases it is breached or overdue; those without a case are absent
	Ours     []OwnTerm      // the terms of ours that end next, soonest first
	InReview int            // cases that wait for a verdict
}

// OwnTerm is a term of the coalition's own that runs in a case.
type OwnTerm struct {
	Case string // id
	Rule string // id of the deadline
	Due  edtf.Day
}

// Standing answers how the cases stand that a reader may see, at a clock.
// Verified counts rules in verified cases alone; at most so many terms are answered.
func (ix *Index) Standing(ctx context.Context, clock Clock, verified bool, see See, most int) (st Standing, err error) {
	st.Rules = map[string]int{}
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		rows, err := ix.rowsAt(ctx, c, list, moment(clock.KnownBy))
		if err != nil {
			return err
		}
		counts := make([]int, len(ix.rules))
		type term struct {
			row *listed
			stand
		}
		terms := nearest[term]{most: most, compare: func(a, b term) int {
			return compareTerms(a.row, a.stand, b.row, b.stand)
		}}
		counted := make([]bool, len(ix.rules))
		for _, l := range rows {
			if l == nil || see.of(l.id) == Nothing {
				continue
			}
			if l.is(isInReview) {
				st.InReview++
			}
			counts1 := !verified || l.is(isVerified)
			clear(counted)
			for s := range l.stands {
				switch {
				case !s.on(clock.AsOf):
				case s.due != 0:
					terms.add(term{l, s})
				case counts1 && !counted[s.rule]:
					counted[s.rule] = true
					counts[s.rule]++
				}
			}
		}
		for no, n := range counts {
			if n > 0 {
				st.Rules[ix.rules[no].ID] = n
			}
		}
		for _, t := range terms.sorted() {
			st.Ours = append(st.Ours, OwnTerm{t.row.id, ix.rules[t.rule].ID, t.due})
		}
		return nil
	})
	return st, failed("counting", err)
}

// nearest keeps the first few of many in their order.
type nearest[T any] struct {
	most    int
	compare func(a, b T) int
	kept    []T
	full    bool // the last of kept, once sorted, is the bar for what comes
}

func (n *nearest[T]) add(v T) {
	if n.most <= 0 || n.full && n.compare(v, n.kept[n.most-1]) >= 0 {
		return
	}
	n.kept = append(n.kept, v)
	if len(n.kept) >= 4*n.most {
		n.sorted()
	}
}

// sorted are the first few of those added so far.
func (n *nearest[T]) sorted() []T {
	slices.SortFunc(n.kept, n.compare)
	n.kept = n.kept[:min(len(n.kept), max(0, n.most))]
	n.full = n.most > 0 && len(n.kept) == n.most
	return n.kept
}

// Stats says what the index holds at a moment.
type Stats struct {
	Cases  int            // cases
	Units  int            // clusters: cases of the same person counted once
	ByOrg  map[string]int // organisation → cases
	Latest time.Time      // when the last entry was written
}

// Stats answers what the index holds as known by a moment (zero: all), of the
// cases a reader may know of.
func (ix *Index) Stats(ctx context.Context, knownBy time.Time, see See) (st Stats, err error) {
	st.ByOrg = map[string]int{}
	known := moment(knownBy)
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		rows, err := ix.rowsAt(ctx, c, list, known)
		if err != nil {
			return err
		}
		codes := ix.codes.all()
		orgs, clusters := make([]int, len(codes)), make(bits, len(list.ids)/64+1)
		for _, l := range rows {
			if l != nil && see.of(l.id) != Nothing {
				st.Cases++
				orgs[l.org]++
				clusters.put(l.cluster, true)
			}
		}
		for c, n := range orgs {
			if n > 0 {
				st.ByOrg[codes[c].code] = n
			}
		}
		st.Units = clusters.both(clusters)
		latest := list.latest
		if known < latest {
			latest = 0
			err = c.Run(`SELECT known FROM moment WHERE known <= ? ORDER BY known DESC LIMIT 1`, func(s *sqlite3.Stmt) error {
				latest = s.ColumnInt64(0)
				return nil
			}, known)
		}
		if latest > 0 {
			st.Latest = time.UnixMilli(latest).UTC()
		}
		return err
	})
	return st, failed("counting", err)
}
