// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// plainCase is a case folded from its entries as known at a moment, asked
// without any table.
type plainCase struct {
	id, cluster string
	stream      int // in the order first written
	row         row
	stage       casefile.Stage
	fails       []string
	ours        []OwnTerm
}

// plain folds all cases anew.
func (l law) plain(ix *Index, acts []Act, clock Clock) []plainCase {
	streams, order := map[string][]casefile.Entry{}, []string{}
	known := int64(0)
	for _, a := range acts {
		if a.Entries[0].Kind == kindAudit {
			continue
		}
		known = max(known, a.Entries[0].At.UnixMilli())
		for _, e := range a.Entries {
			if !slices.Contains(order, e.Stream) {
				order = append(order, e.Stream)
			}
			if known <= moment(clock.KnownBy) {
				streams[e.Stream] = append(streams[e.Stream], e.Entry)
			}
		}
	}
	st := newState()
	for id, entries := range streams {
		if entries[0].Kind == kindMatch {
			st.setMatch(id, entries)
		}
	}
	live := func(id string) bool {
		entries := streams[id]
		return len(entries) > 0 && entries[0].Kind == kindCase && last(entries) != nil
	}
	var found []plainCase
	for i, id := range order {
		if !live(id) {
			continue
		}
		file := casefile.Fold(l.book, id, streams[id])
		p := plainCase{id: id, stream: i, row: ix.derive(file, streams[id], ix.stages(file), ix.set.Answers(file, nil)), stage: file.Stage(clock.AsOf)}
		for _, other := range st.cluster(id) {
			if p.cluster == "" && live(other) {
				p.cluster = other
			}
		}
		for _, s := range l.set.StandsOn(file, clock.AsOf) {
			if s.Due != 0 {
				p.ours = append(p.ours, OwnTerm{id, s.Rule, s.Due})
			} else {
				p.fails = append(p.fails, s.Rule)
			}
		}
		found = append(found, p)
	}
	return found
}

// TestListAgreesWithFolding compares the list, its counts, what is breached and
// overdue, the terms of ours and the rows, all kept in memory and followed act
// by act, with the cases folded anew and asked one by one: at drawn clocks, for
// readers who see all, some, or the facts alone, after a start anew.
func TestListAgreesWithFolding(t *testing.T) {
	l := theLaw(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		acts := drawActs(rt)
		path := filepath.Join(t.TempDir(), "list.db")
		ix := l.open(t, path)
		defer func() {
			if err := ix.Close(); err != nil {
				rt.Error(err)
			}
			if err := Remove(path); err != nil {
				rt.Error(err)
			}
		}()
		done := 0
		for _, batch := range cut(rt, acts) {
			done += len(batch)
			if err := ix.Apply(ctx, batch, headOf(acts[:done])); err != nil {
				rt.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
				if err := ix.Close(); err != nil {
					rt.Fatal(err)
				}
				ix = l.open(t, path)
			}
			for range rapid.IntRange(0, 3).Draw(rt, "questions") {
				clock := Clock{AsOf: day(t, rapid.SampledFrom([]string{"2022-01-01", "2022-01-09", "2022-02-14", "2022-04-01", "2023-01-01", "2030-01-01"}).Draw(rt, "as of"))}
				if i := rapid.IntRange(-1, done-1).Draw(rt, "known by"); i >= 0 {
					clock.KnownBy = acts[i].Entries[0].At
				}
				sights := map[string]Sight{}
				see := See(func(id string) Sight { return sights[id] })
				for n := range 7 {
					sights[id('c', n)] = rapid.SampledFrom([]Sight{Nothing, Facts, All, All}).Draw(rt, "sight")
				}
				if rapid.Bool().Draw(rt, "all") {
					see = nil
				}
				asked := ix
				if rapid.IntRange(0, 2).Draw(rt, "beside") == 0 { // as after a crash: its pages are older than its tables
					asked = l.open(t, path)
				}
				compareList(rt, asked, l.plain(ix, acts[:done], clock), clock, see, rapid.Bool().Draw(rt, "verified"))
				if asked != ix {
					if err := asked.Close(); err != nil {
						rt.Fatal(err)
					}
				}
			}
		}
	})
}

func compareList(t *rapid.T, ix *Index, cases []plainCase, clock Clock, see See, verified bool) {
	ctx := context.Background()
	var seen []plainCase
	want := Standing{Rules: map[string]int{}}
	facets := map[string]int{}
	for _, p := range cases {
		if see.of(p.id) == Nothing {
			continue
		}
		seen = append(seen, p)
		if p.row.review == casefile.InReview {
			want.InReview++
		}
		if !verified || p.row.verdict == casefile.Verified {
			for _, rule := range p.fails {
				want.Rules[rule]++
			}
		}
		want.Ours = append(want.Ours, p.ours...)
		for pair := range strings.SplitSeq(p.row.facets, facetSep) {
			facets[pair]++
		}
		facets["org="+p.row.org]++
		facets["stage="+p.stage.ID]++
	}
	stream := map[string]int{}
	for _, p := range cases {
		stream[p.id] = p.stream
	}
	slices.SortStableFunc(want.Ours, func(a, b OwnTerm) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(stream[a.Case], stream[b.Case]), cmp.Compare(ix.ruleNo[a.Rule], ix.ruleNo[b.Rule]))
	})
	want.Ours = want.Ours[:min(3, len(want.Ours)):min(3, len(want.Ours))]
	got, err := ix.Standing(ctx, clock, verified, see, 3)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("at %v they stand %v, not %v", clock, got, want)
	}
	compareDue(t, ix, seen, clock, see)
	page, err := ix.Cases(ctx, Query{Clock: clock, See: see, Sort: "number", Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	if page.Total != len(seen) {
		t.Fatalf("at %v there are %d cases, not %d", clock, page.Total, len(seen))
	}
	counted := map[string]int{}
	for _, f := range page.Facets {
		for _, v := range f.Values {
			counted[f.ID+"="+v.Code] = v.Count
		}
	}
	for pair := range facets {
		if strings.HasSuffix(pair, "=") {
			delete(facets, pair)
		}
	}
	if !reflect.DeepEqual(counted, facets) {
		t.Fatalf("at %v the facets count %v, not %v", clock, counted, facets)
	}
	rows := map[string]Row{}
	for _, r := range page.Rows {
		rows[r.ID] = r
	}
	for _, p := range seen {
		r, ok := rows[p.id]
		others, cluster := -1, ""
		for _, o := range seen {
			if o.cluster == p.cluster {
				others++
				if cluster == "" || o.id == p.cluster {
					cluster = o.id
				}
			}
		}
		breaches, overdue := 0, 0
		for _, rule := range p.fails {
			if ix.rules[ix.ruleNo[rule]].Use == codebook.Deadline {
				overdue++
			} else {
				breaches++
			}
		}
		name := p.row.name
		if see.of(p.id) != All {
			name = ""
		}
		if !ok || r.Breaches != breaches || r.Overdue != overdue || r.Others != others || r.Cluster != cluster || r.Name != name ||
			r.Stage != p.stage.ID || r.StageSince != p.stage.Since || r.Reported != edtf.Day(p.row.reported) || !r.Updated.Equal(time.UnixMilli(p.row.updated)) {
			t.Fatalf("at %v the row is %+v, not %+v (%d breaches, %d overdue, %d others of %s)", clock, r, p, breaches, overdue, others, cluster)
		}
		for _, rule := range p.fails {
			of, err := ix.Selected(ctx, Query{Rule: rule, Clock: clock, See: see})
			if err != nil || !slices.Contains(of, p.id) || !verified && len(of) != want.Rules[rule] {
				t.Fatalf("at %v %s fails in %v %v, and in %s", clock, rule, of, err, p.id)
			}
		}
		if one, err := ix.Row(ctx, p.id, clock, see); err != nil || fmt.Sprint(one) != fmt.Sprint(r) {
			t.Fatalf("at %v the row alone is %+v %v, in the list %+v", clock, one, err, r)
		}
	}
}

// compareDue compares what is due in some days with the terms of each case.
func compareDue(t *rapid.T, ix *Index, seen []plainCase, clock Clock, see See) {
	days := []edtf.Day{edtf.MinDay, clock.AsOf.Add(-40), clock.AsOf, clock.AsOf.Add(14), clock.AsOf.Add(100), edtf.MaxDay}
	from, to := rapid.SampledFrom(days).Draw(t, "due from"), rapid.SampledFrom(days).Draw(t, "to")
	var want []string
	for _, p := range seen {
		l := &listed{packed: packed(appendPart([]byte{0, 0, 0}, []byte(p.row.terms)))}
		for due := range l.terms {
			if due.due < from || due.due > to || !due.on(clock.AsOf) {
				continue
			}
			rule := ""
			if due.rule >= 0 {
				def := ix.rules[due.rule]
				if rule = def.ID; rules.WaitsAs(def.Kind, clock.AsOf, due.due, due.arguable) == rules.Expired {
					continue
				}
			}
			want = append(want, fmt.Sprint(due.due, rule, due.kind, p.id, due.record))
		}
	}
	got, err := ix.Due(context.Background(), clock, from, to, false, see, func(Due) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range got {
		found = append(found, fmt.Sprint(d.Day, d.Rule, d.Kind, d.Case, d.Record))
	}
	slices.Sort(want)
	slices.Sort(found)
	if !slices.Equal(found, want) {
		t.Fatalf("at %v from %v to %v there is due %v, not %v", clock, from, to, found, want)
	}
}
