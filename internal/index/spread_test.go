// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/survival"
)

var testWaits = []Wait{{"registration", "reports", "registered"}, {"examination", "reports", "examined"}, {"silence", "t_reports", "t_silence"}}

// plainCodes are the codes a file has of a facet on a day, found without the index's help.
func plainCodes(u folded, facet string, day edtf.Day) map[string]bool {
	found := map[string]bool{}
	fields := map[string][]string{
		"region": {"act.region", "detention.region", "report.region"}, "body": {"investigation.body", "registration.body"},
		"place_type": {"act.place_type", "detention.place_type"}, "article": {"registration.article"}, "method": {"act.methods"},
		"sex": {"person.sex"}, "child": {"person.child"}, "age_band": {"person.age_band"},
	}
	for _, rec := range u.file.Records() {
		if rec.Counts > day || rec.Kind == "person" && !slices.Contains(rec.Fields["role"], "victim") {
			continue
		}
		for name, values := range rec.Fields {
			if slices.Contains(fields[facet], rec.Kind+"."+name) {
				for _, v := range values {
					found[v] = true
				}
			}
		}
	}
	if stage := u.file.Stage(day).ID; facet == "stage" && stage != "" {
		found[stage] = true
	}
	return found
}

// spread answers a query by folding, but for the series.
func (l law) spread(units []folded, q SpreadQuery) Spread {
	var s Spread
	for _, f := range breakdowns() {
		b := Breakdown{Facet: f.id, List: f.list}
		cells := map[string]int{}
		for _, u := range units {
			if !slices.Contains(l.set.Counts(u.file, q.Clock.AsOf), q.Figure) {
				continue
			}
			codes := map[string]bool{}
			if u.told {
				codes = plainCodes(u, f.id, q.Clock.AsOf)
			}
			for code := range codes {
				cells[code]++
			}
			if len(codes) == 0 {
				b.Rest++
			}
			b.Many = b.Many || len(codes) > 1
		}
		for code, n := range cells {
			b.Cells = append(b.Cells, Cell{code, n})
		}
		slices.SortFunc(b.Cells, func(a, b Cell) int {
			if a.Value != b.Value {
				return b.Value - a.Value
			}
			return slices.Compare([]string{a.Code}, []string{b.Code})
		})
		s.Breakdowns = append(s.Breakdowns, b)
	}
	for _, w := range q.Waits {
		var obs []survival.Observation
		for _, u := range units {
			start, event := edtf.MaxDay, edtf.MaxDay
			for _, i := range l.set.Intervals(u.file) {
				if i.Rule == w.Start {
					start = min(start, i.From)
				}
				if i.Rule == w.Event {
					event = min(event, i.From)
				}
			}
			switch day := q.Clock.AsOf; {
			case start > day:
			case event > day:
				obs = append(obs, survival.Observation{Days: day.Sub(start), Units: 1})
			default:
				obs = append(obs, survival.Observation{Days: event.Sub(start), Event: true, Units: 1})
			}
		}
		e := survival.Curve(obs)
		s.Survivals = append(s.Survivals, Survival{w.ID, w.Start, w.Event, e.Units, e.Events, e.Censored, e.Steps, e.Median, e.Low, e.High})
	}
	return s
}

// TestSpreadAgreesWithFolding compares what is broken down, followed and timed
// with the same found by folding, as known now, where it comes from memory and
// from sums, and as known by a moment, where it comes from the tables; an index
// that is asked between its batches with one that is not.
func TestSpreadAgreesWithFolding(t *testing.T) {
	l := theLaw(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		acts := drawActs(rt)
		ix := l.open(t, filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", len(acts))))
		defer func() {
			if err := ix.Close(); err != nil {
				rt.Error(err)
			}
			if err := Remove(ix.path); err != nil {
				rt.Error(err)
			}
		}()
		scopes := []string{Coalition, id('o', 1), id('o', 2)}
		query := func() SpreadQuery {
			return SpreadQuery{
				Clock:    Clock{AsOf: day(t, rapid.SampledFrom([]string{"2022-01-01", "2022-01-09", "2022-02-14", "2022-03-31", "2022-04-01", "2023-01-01"}).Draw(rt, "as of"))},
				Scope:    rapid.SampledFrom(scopes).Draw(rt, "scope"),
				Verified: rapid.IntRange(0, 3).Draw(rt, "verified") == 0,
				Figure:   rapid.SampledFrom([]string{"reports", "t_children", "t_silence", "t_unregistered", "registered"}).Draw(rt, "figure"),
				Waits:    testWaits,
			}
		}
		done := 0
		for _, batch := range cut(rt, acts) {
			done += len(batch)
			if err := ix.Apply(ctx, batch, headOf(acts[:done])); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "asked between") {
				if _, err := ix.Spread(ctx, query()); err != nil {
					rt.Fatal(err)
				}
			}
		}
		latest := time.UnixMilli(0)
		for _, a := range acts {
			if at := a.Entries[0].At; a.Entries[0].Kind != kindAudit && at.After(latest) {
				latest = at
			}
		}
		for range 3 {
			q := query()
			if i := rapid.IntRange(-1, len(acts)-1).Draw(rt, "known by"); i >= 0 {
				q.Clock.KnownBy = acts[i].Entries[0].At
			}
			got, err := ix.Spread(ctx, q)
			if err != nil {
				rt.Fatal(err)
			}
			want := l.spread(l.units(acts, q.Clock, q.Scope, q.Verified), q)
			for i, b := range want.Breakdowns {
				if fmt.Sprint(got.Breakdowns[i]) != fmt.Sprint(b) {
					rt.Fatalf("%+v: broken down %v, not %v", q, got.Breakdowns[i], b)
				}
			}
			for _, b := range want.Breakdowns { // whom a figure counts, one by one, comes to the same
				units, err := ix.Units(ctx, q.Clock, q.Scope, q.Verified, q.Figure, []string{b.Facet})
				if err != nil {
					rt.Fatal(err)
				}
				cells, rest := map[string]int{}, 0
				for _, u := range units {
					for _, code := range u.Codes[0] {
						cells[code]++
					}
					if len(u.Codes[0]) == 0 {
						rest++
					}
				}
				for _, c := range b.Cells {
					if cells[c.Code] != c.Value {
						rt.Fatalf("%+v: %s=%s counts %d one by one, %d in all", q, b.Facet, c.Code, cells[c.Code], c.Value)
					}
				}
				if len(cells) != len(b.Cells) || rest != b.Rest {
					rt.Fatalf("%+v: %s has %d cells and %d in none one by one, %d and %d in all", q, b.Facet, len(cells), rest, len(b.Cells), b.Rest)
				}
			}
			if fmt.Sprint(got.Survivals) != fmt.Sprint(want.Survivals) {
				rt.Fatalf("%+v: it took %v, not %v", q, got.Survivals, want.Survivals)
			}
			on := func(clock Clock) int { return len(l.count(acts, clock, q.Scope, q.Verified)[q.Figure]) }
			point := func(day edtf.Day) SeriesPoint {
				then := time.UnixMilli(min(endOfDay(day), moment(q.Clock.KnownBy)))
				return SeriesPoint{day, on(Clock{day, q.Clock.KnownBy}), on(Clock{day, then})}
			}
			before := q.Clock.AsOf
			for _, p := range slices.Backward(got.Series) {
				if p.Day != before {
					rt.Fatalf("%+v: the series has %v, not %v", q, p.Day, before)
				}
				if want := point(p.Day); p != want {
					rt.Fatalf("%+v: the series has %v, not %v", q, p, want)
				}
				before = before.Add(-before.DayOfMonth())
			}
			if earlier := point(before); len(got.Series) < mostPoints && (earlier.Now != 0 || earlier.Then != 0) {
				rt.Fatalf("%+v: the series begins after %v", q, earlier)
			}
			if len(got.Series) > mostPoints {
				rt.Fatalf("%+v: %d points", q, len(got.Series))
			}
			// The same from the tables alone: known by the last entry is all that is known.
			q.Clock.KnownBy = time.Time{}
			fast, err := ix.Spread(ctx, q)
			if err != nil {
				rt.Fatal(err)
			}
			q.Clock.KnownBy = latest
			slow, err := ix.Spread(ctx, q)
			if err != nil {
				rt.Fatal(err)
			}
			if fmt.Sprint(fast) != fmt.Sprint(slow) {
				rt.Fatalf("%+v: from memory %v, from the tables %v", q, fast, slow)
			}
		}
	})
}

// TestSpread tells a story: what is spread of four invented people, one of whom is restricted.
func TestSpread(t *testing.T) {
	ctx := context.Background()
	ix, w := theLaw(t).empty(t), newTeller()
	people(w)
	w.now = w.now.Add(time.Hour)
	w.act(id('c', 2), rec{id('c', 2), "case", fields("org", id('o', 1), "number", "K-0002", "opened", "2022-01-13", "restricted", "yes")})
	w.apply(t, ix)
	q := SpreadQuery{Clock: Clock{AsOf: day(t, "2022-02-02")}, Figure: "t_reports", Waits: testWaits}
	ask := func() Spread {
		t.Helper()
		s, err := ix.Spread(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	of := func(s Spread, facet string) string {
		i := slices.IndexFunc(s.Breakdowns, func(b Breakdown) bool { return b.Facet == facet })
		b := s.Breakdowns[i]
		return fmt.Sprint(b.Cells, b.Rest, b.Many)
	}
	s := ask()
	for facet, want := range map[string]string{
		"region":   "[{KZ-10 1} {KZ-75 1}] 1 false", // the girl of KZ-75 is restricted
		"sex":      "[{m 2}] 1 false",
		"article":  "[{146 1}] 2 false",
		"age_band": "[] 3 false",
		"stage":    "[{registered 1} {reported 1}] 1 false",
	} {
		if got := of(s, facet); got != want {
			t.Errorf("by %s: %s, want %s", facet, got, want)
		}
	}
	if got := fmt.Sprint(s.Series); got != "[{2022-01-31 2 2} {2022-02-02 3 3}]" {
		t.Errorf("the series is %s", got)
	}
	if r := s.Survivals[0]; r.Units != 3 || r.Events != 2 || r.Median != 0 {
		t.Errorf("registration took %+v", r)
	}
	// A report that becomes known late: as of January there was one more than was known then.
	w.acts, w.now = nil, w.now.Add(100*24*time.Hour)
	w.someone(9, someone{org: id('o', 2), number: "K-0011", sex: "x", child: "no", region: "KZ-19", received: "2022-01-20", incident: "2022-01-06", place: "police", method: "beating"})
	w.apply(t, ix)
	if got := fmt.Sprint(ask().Series); got != "[{2022-01-31 3 2} {2022-02-02 4 3}]" {
		t.Errorf("the series is %s", got)
	}
	q.Scope = id('o', 1)
	if s := ask(); of(s, "region") != "[{KZ-75 1}] 0 false" {
		t.Errorf("of the organisation by region: %s", of(s, "region"))
	}
	q.Scope = "nobody"
	if s := ask(); of(s, "region") != "[] 0 false" || len(s.Series) != 1 || s.Survivals[0].Units != 0 {
		t.Errorf("of nobody: %+v", s)
	}
	for _, bad := range []SpreadQuery{{Figure: "t_no_exam"}, {Figure: ""}, {Figure: "reports", Waits: []Wait{{"x", "reports", "t_no_exam"}}}, {Figure: "reports", Waits: []Wait{{"x", "", "reports"}}}} {
		if _, err := ix.Spread(ctx, bad); !errors.Is(err, ErrNoRule) {
			t.Errorf("%+v is answered: %v", bad, err)
		}
	}
}
