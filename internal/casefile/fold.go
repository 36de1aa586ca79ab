// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Case is the file of one case, or of several cases of the same person read as one. It does not change once made.
type Case struct {
	ID string

	book    *codebook.Book
	members []string
	all     []*Record // live and withdrawn, in the order in which they were first written
	live    []*Record
	byID    map[string]*Record
	byKind  map[string][]*Record // live

	entries  int      // it was made of; 0: it is of several cases
	newest   uint64   // place in the ledger of the last of them
	reported edtf.Day // the day from which the earliest report counts that has a date; MaxDay: there is none
}

// Fold makes the file of case id from its entries. Their order does not matter: they have their place in the ledger.
// An entry that is handed over twice counts once.
func Fold(book *codebook.Book, id string, entries []Entry) *Case {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Pos, b.Pos), a.At.Compare(b.At))
	})
	c := &Case{ID: id, book: book, members: []string{id}, byID: make(map[string]*Record, len(entries)), entries: len(entries)}
	for i, e := range entries {
		if i > 0 && e.Pos != 0 && e.Pos == entries[i-1].Pos {
			continue
		}
		if r, _ := c.recordOf(e); r != nil {
			r.apply(e)
		}
	}
	if n := len(entries); n > 0 {
		c.newest = entries[n-1].Pos
	}
	for _, r := range c.all {
		c.date(r)
	}
	c.place(c.all)
	c.sortOut()
	return c
}

// Next is what Fold makes of a case's entries, of which c was made of the first:
// records that the others do not concern are those of c. Nothing of c changes.
func (c *Case) Next(entries []Entry) *Case {
	last := c.newest
	for _, e := range entries[min(c.entries, len(entries)):] {
		if e.Pos <= last {
			last = 0
			break
		}
		last = e.Pos
	}
	switch {
	case c.entries == 0 || len(entries) < c.entries || last == 0: // not one after the other
		return Fold(c.book, c.ID, entries)
	case len(entries) == c.entries:
		return c
	}
	n := &Case{ID: c.ID, book: c.book, members: c.members, all: slices.Clone(c.all), byID: maps.Clone(c.byID), byKind: maps.Clone(c.byKind), entries: len(entries), newest: last}
	own := map[*Record]bool{} // not those of c
	change := func(r *Record) *Record {
		if own[r] {
			return r
		}
		copied := *r
		copied.History = slices.Clip(r.History)
		n.all[slices.Index(n.all, r)], n.byID[r.ID] = &copied, &copied
		own[&copied] = true
		return &copied
	}
	for _, e := range entries[c.entries:] {
		r, fresh := n.recordOf(e)
		if r == nil {
			continue
		}
		if fresh {
			own[r] = true
		}
		change(r).apply(e)
	}
	for r := range own {
		n.date(r)
	}
	if n.firstReport() != c.reported {
		for _, r := range n.all {
			if !r.dated {
				change(r)
			}
		}
	}
	kinds := map[string]bool{}
	var changed []*Record
	for r := range own {
		changed = append(changed, r)
		kinds[r.Kind] = true
	}
	n.place(changed)
	n.live = make([]*Record, 0, len(n.all))
	for kind := range kinds {
		delete(n.byKind, kind)
	}
	for _, r := range n.all {
		if r.Withdrawn {
			continue
		}
		n.live = append(n.live, r)
		if kinds[r.Kind] {
			n.byKind[r.Kind] = append(n.byKind[r.Kind], r)
		}
	}
	return n
}

// recordOf is the record that an entry is of, and whether that is a new one; nil: it changes nothing.
func (c *Case) recordOf(e Entry) (r *Record, fresh bool) {
	r = c.byID[e.Record]
	switch {
	case r == nil && e.Op != Put: // nothing is there to withdraw
		return nil, false
	case r == nil:
		r = &Record{ID: e.Record, Kind: e.Kind, Case: c.ID}
		c.byID[e.Record], c.all = r, append(c.all, r)
		return r, true
	case e.Op == Put && e.Kind != r.Kind: // a record keeps its kind: what is put under its id as another changes nothing of it
		return nil, false
	}
	return r, false
}

func (r *Record) apply(e Entry) {
	ch := Change{Pos: e.Pos, At: e.At, Author: e.Author, Op: e.Op, Reason: e.Reason, Source: e.Source}
	switch e.Op {
	case Put:
		ch.Fields, ch.IdentityMissing = e.Fields, e.IdentityMissing
		r.Fields, r.IdentityMissing = e.Fields, e.IdentityMissing
		r.Withdrawn = false
	case Withdraw:
		r.Withdrawn = true
	}
	r.At, r.Author, r.Source = e.At, e.Author, e.Source
	r.History = append(r.History, ch)
}

// date gives a record its effective date and the day from which it counts, as far as it says so itself.
func (c *Case) date(r *Record) {
	r.Date, r.Counts, r.dated = edtf.Date{}, edtf.MaxDay, false
	for _, field := range c.dateFields(r.Kind) {
		d, good := r.DateOf(field)
		if !good {
			continue
		}
		if r.Date.IsZero() {
			r.Date = d
		}
		// A record of several dates, asked for, ordered, done, counts from the first of them: each rule sees
		// for itself which of them have come.
		r.Counts = min(r.Counts, d.Latest())
	}
	r.dated = r.Counts != edtf.MaxDay
}

// firstReport is the day from which the earliest report counts that has a date; MaxDay: there is none.
func (c *Case) firstReport() edtf.Day {
	reported := edtf.MaxDay
	for _, r := range c.all {
		if r.dated && r.Kind == "report" && !r.Withdrawn {
			reported = min(reported, r.Counts)
		}
	}
	return reported
}

// place gives records that say no date the day from which they count (docs/adr/0003).
func (c *Case) place(records []*Record) {
	c.reported = c.firstReport()
	for _, r := range records {
		switch {
		case r.dated:
		case c.reported != edtf.MaxDay:
			r.Counts = c.reported
		default:
			r.Counts = edtf.DayOf(r.firstWritten().UTC())
		}
	}
}

func (r *Record) firstWritten() time.Time {
	if len(r.History) == 0 {
		return r.At
	}
	if c, ok := r.History[0].Claimed(); ok {
		return c.At // the day to the best of anybody's knowledge; what is known when goes by the ledger's own time
	}
	return r.History[0].At
}

func (c *Case) dateFields(kind string) []string {
	if k, ok := c.book.Kind(kind); ok {
		return k.DateFields()
	}
	return nil
}

// DateOf reads a date field. What is absent, not known or not a date is none.
func (r *Record) DateOf(field string) (edtf.Date, bool) {
	text := r.Get(field)
	if text == "" || codebook.Missing(text) {
		return edtf.Date{}, false
	}
	d, err := edtf.Parse(text)
	return d, err == nil && !d.IsZero()
}

// Get returns the first value of a field; empty where it was not recorded.
func (r *Record) Get(field string) string {
	if v := r.Fields[field]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Has says whether a value is among those of a field.
func (r *Record) Has(field, value string) bool { return slices.Contains(r.Fields[field], value) }

func (c *Case) sortOut() {
	slices.SortStableFunc(c.all, func(a, b *Record) int {
		var x, y uint64
		if len(a.History) > 0 && len(b.History) > 0 {
			x, y = a.History[0].Pos, b.History[0].Pos
		}
		return cmp.Or(cmp.Compare(x, y), a.firstWritten().Compare(b.firstWritten()), cmp.Compare(a.ID, b.ID))
	})
	c.byKind = map[string][]*Record{}
	for _, r := range c.all {
		if !r.Withdrawn {
			c.live = append(c.live, r)
			c.byKind[r.Kind] = append(c.byKind[r.Kind], r)
		}
	}
}

// Merge reads several cases of the same person as one file, in whatever order they are given. A record keeps the
// day from which it counts in its own case.
func Merge(id string, cases ...*Case) *Case {
	c := &Case{ID: id, byID: map[string]*Record{}}
	for _, one := range cases {
		if c.book == nil {
			c.book = one.book
		}
		c.members = append(c.members, one.members...)
		for _, r := range one.all {
			if _, ok := c.byID[r.ID]; ok {
				continue // the same case given twice
			}
			c.byID[r.ID] = r
			c.all = append(c.all, r)
		}
	}
	slices.Sort(c.members)
	c.members = slices.Compact(c.members)
	c.sortOut()
	return c
}

// Members returns the ids of the cases in the file, in order.
func (c *Case) Members() []string { return c.members }

// Records returns the live records in the order in which they were first written.
func (c *Case) Records() []*Record { return c.live }

// Of returns the live records of a kind, in the same order.
func (c *Case) Of(kind string) []*Record { return c.byKind[kind] }

// Record returns a record, live or withdrawn.
func (c *Case) Record(id string) (*Record, bool) {
	r, ok := c.byID[id]
	return r, ok
}

// Withdrawn returns the records that have been withdrawn.
func (c *Case) Withdrawn() []*Record {
	var out []*Record
	for _, r := range c.all {
		if r.Withdrawn {
			out = append(out, r)
		}
	}
	return out
}

// Reported returns the day from which the earliest report counts.
func (c *Case) Reported() (edtf.Day, bool) {
	day, ok := edtf.MaxDay, false
	for _, r := range c.byKind["report"] {
		day, ok = min(day, r.Counts), true
	}
	return day, ok
}
