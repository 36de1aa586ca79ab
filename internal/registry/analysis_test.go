// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"testing"
)

// TestAnalysisIsOfWhoCounts: the analysis is answered to who counts, of one
// organisation to who counts that, and what there is not is told as what is not open.
func TestAnalysisIsOfWhoCounts(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	for _, tt := range []struct {
		who, scope, figure string
		want               error
	}{
		{"asel", "", "", nil},
		{"dana", "", "registered", nil},
		{"asel", h.orgs["North"], "", nil},
		{"aigerim", h.orgs["South"], "", nil},
		{"asel", h.orgs["South"], "", ErrNotFound},
		{"asel", "no such organisation", "", ErrNotFound},
		{"asel", "", "no_such_figure", ErrNotFound},
		{"asel", "", "CMP-01", ErrNotFound}, // a check
		{"zhanna", "", "", ErrNotAllowed},
	} {
		a, err := h.Analysis(ctx, h.people[tt.who], AnalysisQuery{Scope: tt.scope, Figure: tt.figure})
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s asks for %q in %q: %v, want %v", tt.who, tt.figure, tt.scope, err, tt.want)
		}
		if err != nil {
			continue
		}
		if len(a.Breakdowns) != 9 || len(a.Survivals) != 3 || len(a.Series) == 0 || a.Root == "" {
			t.Errorf("%s is answered %+v", tt.who, a)
		}
		if n := a.Series[len(a.Series)-1]; n.Day != a.Clock.AsOf || n.Now != a.Figures[a.Figure].Value || n.Then != n.Now {
			t.Errorf("the last of the series is %+v, the figure %d", n, a.Figures[a.Figure].Value)
		}
		on := map[string]int{}
		for _, f := range a.Flows {
			on[f.From] += f.Value
		}
		for from, n := range on {
			if n != a.Figures[from].Value {
				t.Errorf("%d go on from %s, which is %d", n, from, a.Figures[from].Value)
			}
		}
		if len(a.Flows) < 30 || on["reports"] == 0 {
			t.Errorf("%d links, %d go on from the reports", len(a.Flows), on["reports"])
		}
		for _, s := range a.Survivals {
			if s.Units != a.Figures[s.Start].Value || s.Events != a.Figures[s.Event].Value || s.Censored != s.Units-s.Events {
				t.Errorf("%s is of %d, %d and %d", s.ID, s.Units, s.Events, s.Censored)
			}
		}
	}
}
