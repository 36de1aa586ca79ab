// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/survival"
)

// Analysis is invented, but adds up as a register's does.
func (f *fake) Analysis(_ context.Context, s *access.Session, q registry.AnalysisQuery) (registry.Analysis, error) {
	a := registry.Analysis{Clock: q.Clock, Scope: q.Scope, Verified: q.Verified, Figure: q.Figure, Entries: 2381, Root: strings.Repeat("5a1c0f", 10) + "77ee", Figures: map[string]registry.FigureValue{}}
	if !f.May(s, access.Count) {
		return a, registry.ErrNotAllowed
	}
	if _, ok := f.rules.Figure(q.Figure); !ok || q.Scope != coalition && q.Scope != orgNorth && q.Scope != orgSouth && q.Scope != orgApart {
		return a, registry.ErrNotFound
	}
	if f.fails != nil {
		return a, f.fails
	}
	for _, v := range fakeValues {
		if f.empty {
			v.Value, v.Base = 0, min(v.Base, 0)
		}
		a.Figures[v.ID] = v
	}
	a.Series = []registry.SeriesPoint{{Day: q.Clock.AsOf}}
	if f.empty {
		return a, nil
	}
	whole := a.Figures[q.Figure].Value
	a.Flows = []registry.Flow{
		{From: "reports", To: "complaint_filed", Figure: "complaint_filed", Value: 97}, {From: "reports", To: "no_status_known", Figure: "no_status_known", Value: 61},
		{From: "complaint_filed", To: "registered_146", Figure: "registered_146_exam_ordered", Value: 52}, {From: "no_status_known", To: "registered_146", Figure: "registered_146", Value: 17},
		{From: "registered_146", To: "closed", Figure: "closed", Value: 8}, {From: "closed", To: "redressed", Figure: "redressed", Value: 0},
	}
	a.Series = nil
	for i, month := range []string{"2022-01-31", "2022-02-28", "2022-03-31", "2022-04-30", "2022-05-31"} {
		if day(month) >= q.Clock.AsOf {
			break
		}
		a.Series = append(a.Series, registry.SeriesPoint{Day: day(month), Now: whole * (i + 2) / 8, Then: whole * (i + 1) / 8})
	}
	a.Series = append(a.Series, registry.SeriesPoint{Day: q.Clock.AsOf, Now: whole, Then: whole})
	cells := func(facet, list string, many bool, rest int, codes ...string) {
		b := registry.Breakdown{Facet: facet, List: list, Many: many, Rest: rest}
		for i, code := range codes {
			b.Cells = append(b.Cells, registry.Cell{Code: code, Value: max(1, (whole-rest)>>(i+1))})
		}
		a.Breakdowns = append(a.Breakdowns, b)
	}
	var methods []string
	for i := range 12 {
		methods = append(methods, fmt.Sprintf("method %d %s", i, hostile)) // of an installation's own
	}
	cells("region", "region", false, 4, "KZ-75", "KZ-19", "KZ-10", "R-1")
	cells("body", "body", false, 0, "police")
	cells("place_type", "place_type", false, 30, "police_station", "vehicle")
	cells("article", "article", true, 60, "146")
	cells("method", "method", true, 3, append([]string{"beating", "threats"}, methods...)...)
	cells("sex", "sex", false, 1, "m", "f")
	cells("child", "yesno", false, 11, "no", "yes")
	cells("age_band", "age_band", false, whole)
	cells("stage", "stage", false, 0, "reported", "closed", "complained")
	for i, id := range []string{"registration", "examination", "decision"} {
		event := []string{"registered_146", "registered_146_exam_ordered", "closed"}[i]
		came := a.Figures[event].Value
		obs := []survival.Observation{{Days: 160, Units: 164 - came}}
		for n := range came {
			obs = append(obs, survival.Observation{Days: 3 + n*(i+1), Event: true, Units: 1})
		}
		if i == 0 {
			obs[0].Days = 20 // so that a median is reached
		}
		e := survival.Curve(obs)
		a.Survivals = append(a.Survivals, registry.Survival{ID: id, Start: "reports", Event: event, Units: e.Units, Events: e.Events, Censored: e.Censored, Steps: e.Steps, Median: e.Median, Low: e.Low, High: e.High})
	}
	return a, nil
}

func (f *fake) TakesOut(_ context.Context, _ *access.Session, what string, n int) error {
	if f.fails != nil {
		return f.fails
	}
	f.did = append(f.did, fmt.Sprintf("took out %s: %d", what, n))
	return nil
}
