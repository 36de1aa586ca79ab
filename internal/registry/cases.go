// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
)

// visible narrows a query to the cases the member may see. It is false where
// there can be none.
func visible(m access.Member, q *Query) bool {
	q.Orgs = nil
	if access.Decide(m, access.ReadCase, access.Thing{Org: anyOrg}) {
		return true
	}
	for _, org := range m.Orgs {
		if access.Decide(m, access.ReadCase, access.Thing{Org: org}) {
			q.Orgs = append(q.Orgs, org)
		}
	}
	return len(q.Orgs) > 0
}

// anyOrg is no organisation's id: who may read its cases may read all.
const anyOrg = "*"

// Cases is a page of the cases the member may see.
func (r *Registry) Cases(ctx context.Context, s *access.Session, q Query) (Page, error) {
	if !visible(s.Member, &q) {
		return Page{}, nil
	}
	q.Clock = r.clock(q.Clock)
	return r.index.Cases(ctx, q)
}

// Case is one case by its id or number, as of a day and as known by a moment.
func (r *Registry) Case(ctx context.Context, s *access.Session, idOrNumber string, clock Clock) (CaseView, error) {
	clock = r.clock(clock)
	row, err := r.row(ctx, s, idOrNumber, clock)
	if err != nil {
		return CaseView{}, err
	}
	file, err := r.index.Case(ctx, row.ID, clock.KnownBy)
	if err != nil {
		return CaseView{}, notFound(err)
	}
	view := CaseView{
		Row: row, Clock: clock, Stage: file.Stage(clock.AsOf),
		Records: file.Records(), Timeline: file.Timeline(),
		Checks: r.rules.Checks(file, clock.AsOf), Deadlines: r.rules.Deadlines(file, clock.AsOf),
	}
	same, err := r.index.Same(ctx, row.ID, clock.KnownBy)
	if err != nil {
		return CaseView{}, err
	}
	for _, id := range same {
		if id == row.ID {
			continue
		}
		other, err := r.row(ctx, s, id, clock)
		if errors.Is(err, ErrNotFound) {
			continue // another organisation's, not open to the member
		}
		if err != nil {
			return CaseView{}, err
		}
		view.Same = append(view.Same, other)
	}
	return view, nil
}

// row finds a case the member may see. What is not there and what is not open
// are told alike.
func (r *Registry) row(ctx context.Context, s *access.Session, idOrNumber string, clock Clock) (Row, error) {
	row, err := r.index.Row(ctx, idOrNumber, clock)
	if errors.Is(err, index.ErrNotFound) {
		page, perr := r.Cases(ctx, s, Query{Text: idOrNumber, Clock: clock, Limit: 200})
		if perr != nil {
			return Row{}, perr
		}
		i := slices.IndexFunc(page.Rows, func(row Row) bool { return row.Number == idOrNumber || row.ExternalID == idOrNumber })
		if i < 0 {
			return Row{}, ErrNotFound
		}
		return page.Rows[i], nil
	}
	if err != nil {
		return Row{}, notFound(err)
	}
	if !access.Decide(s.Member, access.ReadCase, access.Thing{Org: row.Org}) {
		return Row{}, ErrNotFound
	}
	return row, nil
}

func notFound(err error) error {
	if errors.Is(err, index.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// clock fills in what was not asked for: today.
func (r *Registry) clock(c Clock) Clock {
	if c.AsOf == 0 {
		c.AsOf = r.Today()
	}
	return c
}

// outside are the live records of a kind outside cases.
func (r *Registry) outside(ctx context.Context, kind string, clock Clock) ([]OutsideRecord, error) {
	records, err := r.index.Outside(ctx, kind, clock.KnownBy)
	if err != nil {
		return nil, err
	}
	var out []OutsideRecord
	for _, rec := range records {
		if rec.Counts > clock.AsOf {
			continue
		}
		out = append(out, OutsideRecord{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, Date: rec.Date, At: rec.At})
	}
	slices.SortStableFunc(out, func(a, b OutsideRecord) int { return int(a.Date.Earliest()) - int(b.Date.Earliest()) })
	return out, nil
}

// Write puts and withdraws records of one case, in one act.
func (r *Registry) Write(ctx context.Context, s *access.Session, caseID string, puts, withdraws []Put, reason, source string) error {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return err
	}
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: row.Org}) {
		return ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	file, err := r.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		return notFound(err)
	}
	for _, p := range slices.Concat(puts, withdraws) {
		if old, ok := file.Record(p.Record); ok && old.Kind != p.Kind {
			return &InvalidError{Kind: p.Kind}
		}
	}
	for _, w := range withdraws {
		if _, ok := file.Record(w.Record); !ok || w.Record == row.ID {
			return ErrNotFound
		}
	}
	return r.write(ctx, s, []act{{stream: row.ID, puts: puts, withdraws: withdraws, reason: reason, source: source}})
}
