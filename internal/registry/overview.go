// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"sort"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/rules"
)

// ourDeadlines is how many of the coalition's own next deadlines the overview shows.
const ourDeadlines = 12

// Overview is the first page: where the cases stand, what the authorities owe,
// what is ours to do.
func (r *Registry) Overview(ctx context.Context, s *access.Session, q OverviewQuery) (Overview, error) {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return Overview{}, ErrNotAllowed
	}
	clock := r.clock(q.Clock)
	figures, err := r.Figures(ctx, s, FigureQuery{Clock: clock, Verified: q.Verified})
	if err != nil {
		return Overview{}, err
	}
	view := Overview{Clock: clock, Verified: q.Verified, Figures: map[string]FigureValue{}, Entries: figures.Entries, Root: figures.Root}
	for _, v := range figures.Values {
		view.Figures[v.ID] = v
	}
	stats, err := r.index.Stats(ctx, clock.KnownBy, r.knows(s.Member))
	if err != nil {
		return Overview{}, err
	}
	view.Cases, view.Units, view.Latest = stats.Cases, stats.Units, stats.Latest
	if view.Orgs, err = r.organisations(ctx, clock.KnownBy); err != nil {
		return Overview{}, err
	}
	for i := range view.Orgs {
		view.Orgs[i].Cases = stats.ByOrg[view.Orgs[i].ID]
	}
	if view.Official, err = r.outside(ctx, "official_figure", clock); err != nil {
		return Overview{}, err
	}
	if view.Promises, err = r.outside(ctx, "commitment", clock); err != nil {
		return Overview{}, err
	}
	see := r.see(s.Member)
	standing, err := r.index.Standing(ctx, clock, q.Verified, see, ourDeadlines)
	if err != nil {
		return Overview{}, err
	}
	view.InReview = standing.InReview
	for id, n := range standing.Rules {
		def, ok := r.rules.Rule(id)
		if !ok || n == 0 {
			continue
		}
		switch {
		case def.Use == "check":
			view.Breaches = append(view.Breaches, RuleCount{id, n})
		case def.Owes == rules.Them:
			view.Overdue = append(view.Overdue, RuleCount{id, n})
		}
	}
	for _, list := range [][]RuleCount{view.Breaches, view.Overdue} {
		sort.Slice(list, func(i, j int) bool {
			if list[i].Cases != list[j].Cases {
				return list[i].Cases > list[j].Cases
			}
			return list[i].Rule < list[j].Rule
		})
	}
	if view.Ours, err = r.ours(ctx, standing.Ours, clock, see); err != nil {
		return Overview{}, err
	}
	if access.Decide(s.Member, access.Audit, access.Thing{}) {
		all, err := r.alarms(ctx)
		if err != nil {
			return Overview{}, err
		}
		for _, a := range all {
			if !a.Seen {
				view.Alarms++
			}
		}
	}
	var rows []Row
	for _, d := range view.Ours {
		rows = append(rows, d.Case)
	}
	if err := r.readsIdentity(ctx, s, actList, "overview", r.whole(s, rows...)...); err != nil {
		return Overview{}, err
	}
	return view, nil
}

// ours are terms that are the coalition's to keep, with their cases.
func (r *Registry) ours(ctx context.Context, terms []index.OwnTerm, clock Clock, see index.See) ([]DeadlineRow, error) {
	var rows []DeadlineRow
	for _, t := range terms {
		row, err := r.index.Row(ctx, t.Case, clock, see)
		if err != nil {
			return nil, err
		}
		file, err := r.index.Case(ctx, t.Case, clock.KnownBy)
		if err != nil {
			return nil, err
		}
		for _, d := range r.rules.Deadlines(file, clock.AsOf) {
			if d.Rule == t.Rule && d.Due == t.Due {
				rows = append(rows, DeadlineRow{Case: row, Deadline: d})
				break
			}
		}
	}
	return rows, nil
}
