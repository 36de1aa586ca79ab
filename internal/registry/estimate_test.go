// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"testing"

	"github.com/kua-registry/kua/internal/estimate"
)

// TestOverlapIsOfWhoCountsAll: who is on whose list is told to those who may ask
// for the figures of every organisation, and adds up to the coalition's figure.
func TestOverlapIsOfWhoCountsAll(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	for _, tt := range []struct {
		who, figure, by string
		want            error
	}{
		{"aigerim", "", "", nil},
		{"olga", "", "", nil},
		{"olga", "registered", "region", nil},
		{"olga", "", "no_such_facet", ErrNotFound},
		{"olga", "no_such_figure", "", ErrNotFound},
		{"asel", "", "", ErrNotAllowed}, // of one organisation alone
		{"dana", "", "", ErrNotAllowed},
		{"zhanna", "", "", ErrNotAllowed},
	} {
		o, err := h.Overlap(ctx, h.people[tt.who], OverlapQuery{Figure: tt.figure, By: tt.by})
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s asks for %q by %q: %v, want %v", tt.who, tt.figure, tt.by, err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		a, err := h.Analysis(ctx, h.people[tt.who], AnalysisQuery{Figure: tt.figure})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := o.Table.Observed(), a.Figures[a.Figure].Value; got != want || got == 0 && tt.figure == "" {
			t.Errorf("the lists have %d people, the figure %d", got, want)
		}
		if o.Root != a.Root || o.Entries != a.Entries {
			t.Errorf("counted from %d entries, %s; the figure from %d, %s", o.Entries, o.Root, a.Entries, a.Root)
		}
		for _, part := range o.Strata {
			if part.Name == "" || part.Table.Observed() == 0 || part.Table.Observed() > o.Table.Observed() {
				t.Errorf("%q has %d people", part.Name, part.Table.Observed())
			}
		}
	}
}

// TestEstimateIsRefusedOrKept: too few lists are refused with their reason, and
// the same question is answered from what was kept.
func TestEstimateIsRefusedOrKept(t *testing.T) {
	h := newHouse(t)
	e, err := h.Estimate(context.Background(), h.people["olga"], OverlapQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Refused == nil || e.Refused.Code != estimate.TooFewLists || len(e.Report.Estimates) != 0 {
		t.Errorf("two organisations: %+v", e.Refused)
	}
	var kept estimates
	table := estimate.NewTable("A", "B", "C")
	copy(table.Counts, []int{0, 120, 90, 60, 75, 50, 38, 25})
	first, refused, err := kept.of(table, true)
	if err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	kept.made[0].report.Estimates[0].Observed = -1
	if again, _, _ := kept.of(table, true); again.Estimates[0].Observed != -1 || first.Estimates[1].Observed != 458 {
		t.Error("the same table was estimated anew")
	}
	if other, _, _ := kept.of(table.Without(0), true); len(other.Estimates) != 0 {
		t.Error("another table was answered with what was kept")
	}
	for n := range 2 * mostEstimates { // each of them refused
		few := estimate.NewTable("A", "B")
		few.Counts[1] = n + 1
		if _, refused, _ := kept.of(few, true); refused == nil {
			t.Fatal("two lists are answered")
		}
	}
	if len(kept.made) != mostEstimates {
		t.Errorf("%d are kept", len(kept.made))
	}
}
