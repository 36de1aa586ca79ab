// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"cmp"
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
}

// Fold makes the file of case id from its entries. Their order does not matter: they have their place in the ledger.
// An entry that is handed over twice counts once.
func Fold(book *codebook.Book, id string, entries []Entry) *Case {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Pos, b.Pos), a.At.Compare(b.At))
	})
	c := &Case{ID: id, book: book, members: []string{id}, byID: make(map[string]*Record, len(entries))}
	for i, e := range entries {
		if i > 0 && e.Pos != 0 && e.Pos == entries[i-1].Pos {
			continue
		}
		r, ok := c.byID[e.Record]
		if !ok {
			if e.Op != Put {
				continue // nothing is there to withdraw
			}
			r = &Record{ID: e.Record, Kind: e.Kind, Case: id}
			c.byID[e.Record] = r
			c.all = append(c.all, r)
		}
		if e.Op == Put && e.Kind != r.Kind {
			continue // a record keeps its kind: what is put under its id as another changes nothing of it
		}
		r.apply(e)
	}
	c.place()
	c.sortOut()
	return c
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

// place gives every record its effective date and the day from which it counts (docs/adr/0003).
func (c *Case) place() {
	var dated []*Record
	reported, ok := edtf.MaxDay, false
	for _, r := range c.all {
		counts := edtf.MaxDay
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
			counts = min(counts, d.Latest())
		}
		if counts == edtf.MaxDay {
			continue
		}
		r.Counts = counts
		dated = append(dated, r)
		if r.Kind == "report" && !r.Withdrawn {
			reported, ok = min(reported, counts), true
		}
	}
	if len(dated) == len(c.all) {
		return
	}
	has := make(map[*Record]bool, len(dated))
	for _, r := range dated {
		has[r] = true
	}
	for _, r := range c.all {
		switch {
		case has[r]:
		case ok:
			r.Counts = reported
		default:
			r.Counts = edtf.DayOf(r.firstWritten().UTC())
		}
	}
}

func (r *Record) firstWritten() time.Time {
	if len(r.History) == 0 {
		return r.At
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
