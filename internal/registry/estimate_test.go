// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/estimate"
	"github.com/kua-registry/kua/internal/ledger"
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
		{"olga", "", ByMonth, nil},
		{"asel", "", ByMonth, ErrNotAllowed},
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

// TestOverlapByMonth: who has days of one month is in its part, whoever has none,
// or days of two, in no part.
func TestOverlapByMonth(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	var list []CaseImport
	for i, date := range []string{"2022-01-05", "2022-01-04/2022-01-06", "2022-02-01", "2022-01-30/2022-02-02", "2022-01", "2022", ""} {
		list = append(list, CaseImport{Key: fmt.Sprintf("M-%d", i), Records: func(id string) []Put {
			act := casefile.Fields{"region": {"KZ-75"}}
			if date != "" {
				act["date"] = []string{date}
			}
			return []Put{
				{Record: id, Kind: "case", Fields: casefile.Fields{}},
				{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-02-12"}}},
				{Record: ledger.NewID().String(), Kind: "act", Fields: act},
			}
		}})
	}
	if _, err := h.Import(ctx, h.session, h.orgs["South"], "list: months.csv", list, nil); err != nil {
		t.Fatal(err)
	}
	o, err := h.Overlap(ctx, h.people["olga"], OverlapQuery{By: ByMonth})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, part := range o.Strata {
		got[part.Name] = part.Table.Observed()
	}
	if len(got) != 2 || got["2022-01"] != 3 || got["2022-02"] != 1 || o.Table.Observed() != 6+len(list) {
		t.Errorf("by month: %v of %d", got, o.Table.Observed())
	}
	if e, err := h.Estimate(ctx, h.people["olga"], OverlapQuery{By: ByMonth}); err != nil || len(e.Strata) != 2 || e.Strata[0].Refused == nil || len(e.Sums) != 0 {
		t.Errorf("each part has its own refusal: %+v %v", e.Strata, err)
	}
}

// TestTooManyOrganisationsRegression: more organisations than can be estimated
// from are refused in words, and not with a failure.
func TestTooManyOrganisationsRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.prove()
	for i := range estimate.MostLists {
		name := fmt.Sprintf("Further %d", i)
		if _, err := h.AddOrganisation(ctx, h.session, NewOrganisation{Name: name, Counts: true}); err != nil {
			t.Fatal(err)
		}
		h.prove() // a member of it from now on
		org, _ := h.Organisation(ctx, name)
		one := []CaseImport{{Key: "F-1", Records: func(id string) []Put {
			return []Put{
				{Record: id, Kind: "case", Fields: casefile.Fields{}},
				{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-02-12"}}},
			}
		}}}
		if _, err := h.Import(ctx, h.session, org.ID, "list: further.csv", one, nil); err != nil {
			t.Fatal(err)
		}
	}
	e, err := h.Estimate(ctx, h.people["olga"], OverlapQuery{})
	if err != nil || e.Refused == nil || e.Refused.Code != estimate.TooManyLists || e.Refused.Count != estimate.MostLists+2 {
		t.Errorf("%+v: %v", e.Refused, err)
	}
}
