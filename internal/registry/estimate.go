// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/estimate"
	"github.com/kua-registry/kua/internal/index"
)

// OverlapQuery asks which organisations know of the same people.
type OverlapQuery struct {
	Clock    Clock
	Figure   string // whom it counts; empty: reports
	By       string // a facet, or ByMonth, each of whose codes is a table of its own; empty: none
	Verified bool
}

// ByMonth divides people by the month of the incident, as 2022-01. Who has no
// day of it, or days of two months, is in no part.
const ByMonth = "month"

// Overlap is who is on the list of which organisation: people and incidents of
// the coalition's figure, counted once each. An organisation that knows of
// nobody is no list.
type Overlap struct {
	Clock    Clock
	Figure   string
	By       string
	Verified bool
	Entries  uint64
	Root     string // hex
	Table    estimate.Table
	Strata   []estimate.Stratum // by code; those without a code are in the table alone
}

// CountsAll tells whether a member may ask for the figures of every
// organisation whose cases count.
func (r *Registry) CountsAll(s *access.Session) bool {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return false
	}
	for _, o := range r.roll().Orgs {
		if o.Counts && !r.countsOrg(s.Member, o.ID) {
			return false
		}
	}
	return true
}

// Overlap counts who is on which organisation's list. It tells of each
// organisation, so it is for those alone who may ask for the figures of every one. More of them than
// can be estimated from are an [estimate.RefusedError].
func (r *Registry) Overlap(ctx context.Context, s *access.Session, q OverlapQuery) (_ Overlap, err error) {
	defer r.refusal(ctx, s, "figures", "", &err)
	if !r.CountsAll(s) {
		return Overlap{}, ErrNotAllowed
	}
	o := Overlap{Clock: r.clock(q.Clock), Figure: cmp.Or(q.Figure, "reports"), By: q.By, Verified: q.Verified}
	if _, ok := r.rules.Figure(o.Figure); !ok {
		return Overlap{}, ErrNotFound
	}
	size, root, err := r.counted(ctx)
	if err != nil {
		return Overlap{}, err
	}
	o.Entries, o.Root = size, root.String()
	var by []string
	if q.By != "" && q.By != ByMonth {
		by = []string{q.By}
	}
	units, err := r.index.Units(ctx, o.Clock, index.Coalition, q.Verified, o.Figure, by)
	if errors.Is(err, index.ErrNoFacet) {
		return Overlap{}, ErrNotFound
	}
	if err != nil {
		return Overlap{}, err
	}
	if q.By == ByMonth {
		if err := r.months(ctx, o.Clock, units); err != nil {
			return Overlap{}, err
		}
	}
	orgs, err := r.organisations(ctx, o.Clock.KnownBy)
	if err != nil {
		return Overlap{}, err
	}
	place := map[string]int{}
	var names []string
	for _, org := range orgs {
		if !slices.ContainsFunc(units, func(u index.Unit) bool { return slices.Contains(u.Orgs, org.ID) }) {
			continue
		}
		place[org.ID] = len(names)
		names = append(names, org.Name)
	}
	if len(names) > estimate.MostLists {
		return o, &estimate.RefusedError{Code: estimate.TooManyLists, Count: len(names)}
	}
	o.Table = estimate.NewTable(names...)
	strata := map[string]estimate.Table{}
	for _, u := range units {
		x := 0
		for _, org := range u.Orgs {
			if j, ok := place[org]; ok {
				x |= 1 << j
			}
		}
		if x == 0 {
			continue // of an organisation that is no more
		}
		o.Table.Counts[x]++
		for _, codes := range u.Codes {
			for _, code := range codes {
				if _, there := strata[code]; !there {
					strata[code] = estimate.NewTable(names...)
				}
				strata[code].Counts[x]++
			}
		}
	}
	for code, t := range strata {
		o.Strata = append(o.Strata, estimate.Stratum{Name: code, Table: t})
	}
	slices.SortFunc(o.Strata, func(a, b estimate.Stratum) int { return cmp.Compare(a.Name, b.Name) })
	return o, nil
}

// months gives units the month of their incident as their code.
func (r *Registry) months(ctx context.Context, clock Clock, units []index.Unit) error {
	var ids []string
	for _, u := range units {
		ids = append(ids, u.Cases...)
	}
	rows, err := r.index.Rows(ctx, ids, clock, nil)
	if err != nil {
		return err
	}
	month := map[string]string{}
	for _, row := range rows {
		from, to := row.Incident.Earliest(), row.Incident.Latest()
		if !row.Incident.IsZero() && !from.Bound() && !to.Bound() && from.String()[:7] == to.String()[:7] {
			month[row.ID] = from.String()[:7]
		}
	}
	for i, u := range units {
		var found []string
		for _, id := range u.Cases {
			if m := month[id]; m != "" && !slices.Contains(found, m) {
				found = append(found, m)
			}
		}
		if len(found) != 1 {
			found = nil // nobody told, or they tell of two
		}
		units[i].Codes = [][]string{found}
	}
	return nil
}

// Estimation is what is told of those whom nobody reported, beside what was.
type Estimation struct {
	Overlap
	Report  estimate.Report
	Refused *estimate.RefusedError // no honest estimate exists
	Strata  []StratumEstimate
	Sums    []estimate.Total // of the strata that have an estimate, by method
}

// StratumEstimate is the estimate of one part of the people.
type StratumEstimate struct {
	Code    string
	Report  estimate.Report
	Refused *estimate.RefusedError
}

// Estimate counts the overlap and estimates from it how many people there are
// whom no organisation knows of. The seed is always the same: the same state of
// the ledger has the same answer.
func (r *Registry) Estimate(ctx context.Context, s *access.Session, q OverlapQuery) (Estimation, error) {
	o, err := r.Overlap(ctx, s, q)
	if refused, ok := errors.AsType[*estimate.RefusedError](err); ok {
		return Estimation{Overlap: o, Refused: refused}, nil
	}
	if err != nil {
		return Estimation{}, err
	}
	e := Estimation{Overlap: o}
	if e.Report, e.Refused, err = r.estimates.of(o.Table, false); err != nil {
		return Estimation{}, err
	}
	var parts []estimate.Report
	for _, part := range o.Strata {
		one := StratumEstimate{Code: part.Name}
		if one.Report, one.Refused, err = r.estimates.of(part.Table, true); err != nil {
			return Estimation{}, err
		}
		e.Strata, parts = append(e.Strata, one), append(parts, one.Report)
	}
	e.Sums = estimate.Sum(parts)
	return e, nil
}

// estimates are those that were made of late. An estimate takes seconds of all
// processors, so that one is made at a time, and kept.
type estimates struct {
	mu   sync.Mutex
	made []estimated // the newest last
}

type estimated struct {
	key     string
	report  estimate.Report
	refused *estimate.RefusedError
}

const mostEstimates = 64 // that are kept

func (e *estimates) of(t estimate.Table, plain bool) (estimate.Report, *estimate.RefusedError, error) {
	key := fmt.Sprint(plain, len(t.Lists), t.Counts, strings.Join(t.Lists, "\x00"))
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.made {
		if one.key == key {
			return one.report, one.refused, nil
		}
	}
	report, err := estimate.Run(t, estimate.Options{Plain: plain, Chains: estimate.Chains{Seed: 1}})
	refused, no := errors.AsType[*estimate.RefusedError](err)
	if err != nil && !no {
		return report, nil, err
	}
	if len(e.made) == mostEstimates {
		e.made = slices.Delete(e.made, 0, 1)
	}
	e.made = append(e.made, estimated{key, report, refused})
	return report, refused, nil
}
