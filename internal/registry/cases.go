// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
)

// Cases is a page of the cases the member may see. Whose name it shows is
// written down before it is answered.
func (r *Registry) Cases(ctx context.Context, s *access.Session, q Query) (_ Page, err error) {
	defer r.refusal(ctx, s, "case_list", "", &err)
	page, err := r.page(ctx, s, q)
	if err != nil {
		return Page{}, err
	}
	what := "case_list"
	if strings.TrimSpace(q.Text) != "" {
		what = "search"
	}
	if err := r.readsIdentity(ctx, s, actList, what, r.whole(s, page.Rows...)...); err != nil {
		return Page{}, err
	}
	return page, nil
}

func (r *Registry) page(ctx context.Context, s *access.Session, q Query) (Page, error) {
	if err := r.abreast(ctx); err != nil {
		return Page{}, err
	}
	if err := r.sift(s, &q); err != nil {
		return Page{}, err
	}
	page, err := r.index.Cases(ctx, q)
	if err != nil || q.Figure == "" {
		return page, err
	}
	hidden, err := r.index.Hidden(ctx, q)
	if hidden >= fewest {
		page.Hidden = hidden
	}
	return page, err
}

// sift makes of a query one that selects nothing the member may not see.
func (r *Registry) sift(s *access.Session, q *Query) error {
	if q.Figure != "" && !access.Decide(s.Member, access.Count, access.Thing{}) {
		return ErrNotAllowed // how many there are behind it is the figure
	}
	q.See = r.see(s.Member)
	if q.Scope != "" && q.Scope != index.Coalition && !r.countsOrg(s.Member, q.Scope) {
		return ErrNotFound // what is counted there, and of whom, is not theirs to know
	}
	q.Clock = r.clock(q.Clock)
	return nil
}

// fewest is the least number of cases not shown that is told: a smaller one
// would tell of single cases that they are there.
const fewest = 5

// Case is one case by its id or number, as of a day and as known by a moment.
// Where only the facts are open, the file is folded of the facts alone: what
// is not in it can come out nowhere, not in the history either.
func (r *Registry) Case(ctx context.Context, s *access.Session, idOrNumber string, clock Clock) (_ CaseView, err error) {
	defer r.refusal(ctx, s, "case", idOrNumber, &err)
	clock = r.clock(clock)
	row, err := r.row(ctx, s, idOrNumber, clock)
	if err != nil {
		return CaseView{}, err
	}
	file, err := r.open(ctx, s, row.ID, clock)
	if err != nil {
		return CaseView{}, err
	}
	view := CaseView{
		Row: row, Clock: clock, Stage: file.Stage(clock.AsOf),
		Timeline: file.Timeline(),
		Checks:   r.rules.Checks(file, clock.AsOf), Deadlines: r.rules.Deadlines(file, clock.AsOf),
	}
	for _, rec := range file.Records() {
		if !apart(rec.Kind) {
			view.Records = append(view.Records, rec)
		}
	}
	for _, rec := range file.Withdrawn() {
		if !apart(rec.Kind) {
			view.Withdrawn = append(view.Withdrawn, rec)
		}
	}
	if view.Outside, err = r.referred(ctx, s, view.Records, clock); err != nil {
		return CaseView{}, err
	}
	all := file
	if r.see(s.Member)(row.ID) != index.All { // how its review stands is folded of all of it
		if all, err = r.index.Case(ctx, row.ID, clock.KnownBy); err != nil {
			return CaseView{}, notFound(err)
		}
	}
	if view.Review, err = r.reviewView(s, all, clock); err != nil {
		return CaseView{}, err
	}
	t, _ := r.thing(row.ID)
	view.Restricted = t.Restricted
	view.Counted = t.Counts && !t.Restricted
	handed := t
	handed.Part = access.Fact
	view.MayHandOver = access.Decide(s.Member, access.HandOver, handed)
	view.MayErase = access.Decide(s.Member, access.Erase, t)
	if clock.KnownBy.IsZero() {
		view.MayWrite = access.Decide(s.Member, access.WriteCase, t)
		view.MayComment = access.Decide(s.Member, access.CommentCase, t)
	}
	view.MayGrant = access.Decide(s.Member, access.GrantCase, t) && !r.handedAbroad(row.ID)
	view.MayRevoke = r.mayRevokeKept(s, row.ID)
	if view.MayGrant || view.MayRevoke {
		if view.Revoked, err = r.revocationViews(ctx, row.ID); err != nil {
			return CaseView{}, err
		}
		if view.Grants, err = r.grantViews(file, view.Revoked); err != nil {
			return CaseView{}, err
		}
	}
	if to := r.handedTo(row.ID); r.handedAbroad(row.ID) && (view.MayRevoke || view.MayWrite) {
		view.Handed = nameOf(r.roll(), to)
	}
	if view.MayGrant {
		view.HandTo = r.handableTo(t)
		if view.Readers, err = r.readers(ctx, row.ID); err != nil {
			return CaseView{}, err
		}
	}
	same, err := r.index.Same(ctx, row.ID, clock.KnownBy)
	if err != nil {
		return CaseView{}, err
	}
	for _, id := range same {
		if id == row.ID {
			continue
		}
		other, err := r.index.Row(ctx, id, clock, r.see(s.Member))
		if errors.Is(err, index.ErrNotFound) {
			continue // another organisation's, not open to the member
		}
		if err != nil {
			return CaseView{}, err
		}
		view.Same = append(view.Same, other)
	}
	if err := r.readsIdentity(ctx, s, actRead, "case", r.whole(s, row)...); err != nil {
		return CaseView{}, err
	}
	if err := r.readsIdentity(ctx, s, actList, "case", r.whole(s, view.Same...)...); err != nil {
		return CaseView{}, err
	}
	return view, nil
}

// apart tells whether records of a kind are not shown among those of a case: who
// else reads it concerns those who may say so (Grants), steps of the review
// stand in Review, its files, whose records hold their keys, in Files, and what was
// made of them in FileCopies.
func apart(kind string) bool {
	return kind == grantKind || kind == casefile.ReviewKind || kind == fileKind || kind == copyKind
}

// open folds a case of what the member may read of it.
func (r *Registry) open(ctx context.Context, s *access.Session, id string, clock Clock) (*casefile.Case, error) {
	switch r.see(s.Member)(id) {
	case index.All:
		file, err := r.index.Case(ctx, id, clock.KnownBy)
		return file, notFound(err)
	case index.Facts:
		entries, err := r.index.Entries(ctx, id)
		if err != nil {
			return nil, err
		}
		var facts []casefile.Entry
		for _, e := range entries {
			if clock.KnownBy.IsZero() || !e.At.After(clock.KnownBy) {
				facts = append(facts, r.facts(e))
			}
		}
		if len(facts) == 0 {
			return nil, ErrNotFound
		}
		return casefile.Fold(r.book, id, facts), nil
	}
	return nil, ErrNotFound
}

// facts is an entry without its identity part.
func (r *Registry) facts(e casefile.Entry) casefile.Entry {
	fact, identity := r.split(e.Kind, e.Fields)
	e.Fields = fact
	e.IdentityMissing = e.IdentityMissing || len(identity) > 0
	claimed, ok := casefile.ClaimedIn(e.Source)
	e.Reason, e.Source = "", "" // they stand in the identity part: they are people's words
	if ok {
		e.Source = claimed.Facts() // when it was written, which everybody sees
	}
	return e
}

// row finds a case the member may see. What is not there and what is not open
// are told alike, and take the same way.
func (r *Registry) row(ctx context.Context, s *access.Session, idOrNumber string, clock Clock) (Row, error) {
	if err := r.abreast(ctx); err != nil {
		return Row{}, err
	}
	see := r.see(s.Member)
	if see(idOrNumber) != index.Nothing {
		row, err := r.index.Row(ctx, idOrNumber, clock, see)
		return row, notFound(err)
	}
	page, err := r.page(ctx, s, Query{Text: idOrNumber, Clock: clock, Limit: 200})
	if err != nil {
		return Row{}, err
	}
	i := slices.IndexFunc(page.Rows, func(row Row) bool { return row.Number == idOrNumber || row.ExternalID == idOrNumber })
	if i < 0 || idOrNumber == "" {
		return Row{}, ErrNotFound
	}
	return page.Rows[i], nil
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
