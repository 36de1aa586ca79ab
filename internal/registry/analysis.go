// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
)

// What the index answers is passed on as it is.
type (
	SeriesPoint = index.SeriesPoint
	Breakdown   = index.Breakdown
	Cell        = index.Cell
	Survival    = index.Survival
)

// AnalysisQuery asks for the analysis of a scope.
type AnalysisQuery struct {
	Clock    Clock
	Scope    string // "coalition" or an organisation's id; empty: coalition
	Verified bool   // count only cases whose last verdict, as known at the clock, is that they are verified
	Figure   string // what is broken down and followed over time; empty: reports
}

// Analysis is what an analyst looks at: the way from report to redress, the
// figure over time and by facets, and how long the authorities take.
type Analysis struct {
	Clock    Clock
	Scope    string
	Verified bool
	Figure   string
	Entries  uint64 // entries of the ledger it was counted from
	Root     string // the ledger's root hash at that size, hex

	Figures    map[string]FigureValue // all figures of the sets way and flow, and Figure
	Flows      []Flow                 // in the order of the codebook
	Series     []SeriesPoint          // at the ends of months (at most 60 points), the last as of Clock.AsOf
	Breakdowns []Breakdown
	Survivals  []Survival // from the report to registration, examination, decision
}

// Flow is a link of the way from report to redress.
type Flow struct {
	From, To string // ids of figures
	Figure   string // whose definition the link has
	Value    int
}

// waits are the times an analysis measures.
func waits() []index.Wait {
	return []index.Wait{
		{ID: "registration", Start: "reports", Event: "registered"},
		{ID: "examination", Start: "reports", Event: "examined"},
		{ID: "decision", Start: "reports", Event: "decided"},
	}
}

// Analysis counts what the analysis page shows. A figure that is none is ErrNotFound.
func (r *Registry) Analysis(ctx context.Context, s *access.Session, q AnalysisQuery) (_ Analysis, err error) {
	defer r.refusal(ctx, s, "figures", "", &err)
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return Analysis{}, ErrNotAllowed
	}
	a := Analysis{Clock: r.clock(q.Clock), Scope: cmp.Or(q.Scope, index.Coalition), Verified: q.Verified, Figure: cmp.Or(q.Figure, "reports")}
	if _, ok := r.rules.Figure(a.Figure); !ok {
		return Analysis{}, ErrNotFound
	}
	if !r.countsScope(ctx, s.Member, a.Scope) {
		return Analysis{}, ErrNotFound
	}
	ids := []string{a.Figure}
	defs := r.rules.Figures()
	for _, def := range defs {
		if slices.Contains(def.Sets, "way") || slices.Contains(def.Sets, "flow") {
			ids = append(ids, def.ID)
		}
	}
	size, root, err := r.counted(ctx)
	if err != nil {
		return Analysis{}, err
	}
	a.Entries, a.Root = size, root.String()
	values, err := r.index.Figures(ctx, a.Clock, a.Scope, a.Verified, ids)
	if err != nil {
		return Analysis{}, err
	}
	a.Figures = map[string]FigureValue{}
	for _, v := range values {
		a.Figures[v.ID] = v
	}
	for _, def := range defs {
		if def.From != "" {
			a.Flows = append(a.Flows, Flow{From: def.From, To: def.To, Figure: def.ID, Value: a.Figures[def.ID].Value})
		}
	}
	spread, err := r.index.Spread(ctx, index.SpreadQuery{Clock: a.Clock, Scope: a.Scope, Verified: a.Verified, Figure: a.Figure, Waits: waits()})
	if err != nil {
		return Analysis{}, err
	}
	a.Series, a.Breakdowns, a.Survivals = spread.Series, spread.Breakdowns, spread.Survivals
	return a, nil
}

// Warm reads the names that searches compare, and what the analysis of the
// coalition is added up from, which takes seconds in a very large register, so
// that the first who asks does not wait for it. It answers nothing.
func (r *Registry) Warm(ctx context.Context) error {
	if err := r.index.Warm(ctx); err != nil {
		return err
	}
	_, err := r.index.Spread(ctx, index.SpreadQuery{Clock: r.clock(Clock{}), Scope: index.Coalition, Figure: "reports"})
	return err
}
