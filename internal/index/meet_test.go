// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// The State as the tests of this file know it: all of it is invented.
var (
	station, colony    = id('f', 1), id('f', 2)
	sergeant, major    = id('0', 1), id('0', 2)
	department, centre = id('b', 1), id('b', 2)
	square             = id('i', 1)
)

func theState(w *teller) {
	put := func(id, kind string, f casefile.Fields) { w.act(id, rec{id, kind, f}) }
	put(centre, "body", fields("name", "Ministry (invented)"))
	put(department, "body", fields("name", "Department (invented)", "parent", centre, "code", "police"))
	put(station, "facility", fields("name", "Station (invented)", "body", department, "region", "KZ-75"))
	put(colony, "facility", fields("name", "Colony (invented)"))
	put(sergeant, "official", fields("family", "Invented", "body_record", department))
	put(major, "official", fields("family", "Made-Up"))
	put(square, "incident", fields("kind", "detention", "date", "2022-01-05", "region", "KZ-75", "facility", station, "methods", "beat"))
}

// cased is a case by what its acts say: each a record, "facility=… method=… on=2022-01-05 region=… type=… suspect=…".
func (w *teller) cased(n int, org, received string, records ...string) string {
	stream := id('c', n)
	recs := []rec{
		{stream, "case", fields("org", org, "number", fmt.Sprintf("K-%04d", n), "opened", received)},
		{id('r', 100*n), "report", fields("received", received)},
	}
	for i, text := range records {
		f, kind := casefile.Fields{}, "act"
		for pair := range strings.FieldsSeq(text) {
			name, value, _ := strings.Cut(pair, "=")
			switch name {
			case "kind":
				kind = value
			case "on":
				f["date"] = append(f["date"], value)
			case "suspect":
				suspect := id('s', 1000*n+10*i+len(f["suspects"]))
				recs = append(recs, rec{suspect, "suspect", fields("official", value)})
				f["suspects"] = append(f["suspects"], suspect)
			default:
				f[name] = append(f[name], value)
			}
		}
		recs = append(recs, rec{id('a', 100*n+i), kind, f})
	}
	w.act(stream, recs...)
	return stream
}

func terms(t *testing.T, texts ...string) []Term {
	t.Helper()
	var out []Term
	for _, text := range texts {
		term, ok := ParseTerm(text)
		if !ok {
			t.Fatalf("%q is no term", text)
		}
		if term.String() != text {
			t.Fatalf("%q is written %q", text, term.String())
		}
		out = append(out, term)
	}
	return out
}

func TestWhereCasesMeet(t *testing.T) {
	l := theLaw(t)
	ix, w := l.empty(t), newTeller()
	one, two := w.org(1, "yes"), w.org(2, "yes")
	theState(w)
	w.now = w.now.Add(time.Hour)
	told := w.now
	w.cased(1, one, "2022-01-20",
		"on=2022-01-05 facility="+station+" methods=beat methods=electric instruments=baton suspect="+sergeant,
		"on=2022-01-09 facility="+colony+" methods=nudity region=KZ-35")
	w.cased(2, one, "2022-01-25", "on=2022-01-04/2022-01-05 facility="+station+" methods=beat suspect="+sergeant+" suspect="+major)
	w.cased(3, two, "2022-02-10", "on=2022-01-05 facility="+station+" methods=beat region=KZ-19") // the same person as 2
	w.cased(4, two, "2022-02-10", "kind=incident_link incident="+square)
	w.cased(5, two, "2022-03-01", "on=2022-01 place_type=ivs region=KZ-63 methods=beat", "kind=decision official="+major+" by_body=prosecutor")
	w.cased(6, two, "2022-03-02")
	w.now = w.now.Add(time.Hour)
	w.match(1, id('c', 2), id('c', 3), "same")
	w.apply(t, ix)

	ctx := context.Background()
	ask := func(asOf string, known time.Time, see See, texts ...string) Tally {
		t.Helper()
		clock := Clock{AsOf: day(t, asOf), KnownBy: known}
		m, err := ix.Meet(ctx, clock, see)
		if err != nil {
			t.Fatal(err)
		}
		tally := m.Tally(terms(t, texts...)...)
		page, err := ix.Cases(ctx, Query{With: terms(t, texts...), Clock: clock, See: see})
		if err != nil {
			t.Fatal(err)
		}
		rows, met, err := ix.Met(ctx, clock, see, 3, terms(t, texts...)...)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != tally.Cases || met != tally || len(rows) != min(3, tally.Cases) {
			t.Errorf("%v: %+v, and %+v with %d rows, and a list of %d", texts, tally, met, len(rows), page.Total)
		}
		return tally
	}
	now := time.Time{}
	for _, c := range []struct {
		asOf  string
		known time.Time
		want  Tally
		with  string
	}{
		{"2022-06-01", now, Tally{3, 4}, "facility:" + station},                  // 1; 2 and 3, who are one; 4 by the incident
		{"2022-06-01", told, Tally{4, 4}, "facility:" + station},                 // before it was known that 2 and 3 are one
		{"2022-01-20", now, Tally{1, 1}, "facility:" + station},                  // the others were not reported
		{"2022-01-19", now, Tally{0, 0}, "facility:" + station},                  // nor was the first
		{"2022-06-01", now, Tally{3, 4}, "facility:" + station + "+method:beat"}, // the incident's methods hold for 4
		{"2022-06-01", now, Tally{0, 0}, "facility:" + colony + "+method:beat"},  // not in one record
		{"2022-06-01", now, Tally{1, 1}, "facility:" + colony + " method:beat"},  // in one case
		{"2022-06-01", now, Tally{1, 1}, "method:electric|nudity"},
		{"2022-06-01", now, Tally{3, 4}, "facility:" + station + "+day:2022-01-05"},
		{"2022-06-01", now, Tally{1, 1}, "facility:" + station + "+day:2022-01-04"},
		{"2022-06-01", now, Tally{2, 2}, "official:" + major}, // alleged in one, has signed a decision in another
		{"2022-06-01", now, Tally{1, 1}, "alleged:" + major},
		{"2022-06-01", now, Tally{1, 1}, "alleged:" + major + " alleged:" + sergeant},
		{"2022-06-01", now, Tally{3, 4}, "body:" + department}, // by the station and by the sergeant
		{"2022-06-01", now, Tally{3, 4}, "body:" + centre},
		{"2022-06-01", now, Tally{1, 1}, "incident:" + square},
		{"2022-06-01", now, Tally{1, 1}, "place:ivs@KZ-63"},
		{"2022-06-01", now, Tally{1, 1}, "authority:prosecutor"},
		{"2022-06-01", now, Tally{1, 1}, "region:KZ-35"}, // the first of its acts says none, the second does
		{"2022-06-01", now, Tally{1, 1}, "region:KZ-75"}, // of the incident
		{"2022-06-01", now, Tally{2, 2}, "region:none"},  // 2, which says none, and 6
		{"2022-03-01", now, Tally{1, 1}, "region:none"},
		{"2022-06-01", now, Tally{1, 1}, "region:KZ-63+before:2022-02-01"},
		{"2022-06-01", now, Tally{0, 0}, "region:KZ-63+before:2022-01-31"},
		{"2022-06-01", now, Tally{0, 0}, "region:none+before:2022-06-08"}, // no day is known
		{"2022-06-01", now, Tally{0, 0}, "facility:" + id('f', 9)},
	} {
		if got := ask(c.asOf, c.known, nil, strings.Fields(c.with)...); got != c.want {
			t.Errorf("%s as of %s: %+v, not %+v", c.with, c.asOf, got, c.want)
		}
	}
	first := func(c string) Sight {
		if c == id('c', 1) {
			return Facts
		}
		return Nothing
	}
	if got := ask("2022-06-01", now, first, "facility:"+station); got != (Tally{1, 1}) {
		t.Errorf("of one case the reader is told %+v", got)
	}

	m, err := ix.Meet(ctx, Clock{AsOf: day(t, "2022-06-01")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	among := m.Among([]string{TieMethod, TieOfficial}, With(Tie{TieFacility, station}))
	want := map[Tie]Tally{{TieMethod, "beat"}: {3, 4}, {TieMethod, "electric"}: {1, 1}, {TieMethod, "nudity"}: {1, 1},
		{TieOfficial, sergeant}: {2, 2}, {TieOfficial, major}: {1, 1}}
	if !reflect.DeepEqual(among, want) {
		t.Errorf("among the station's cases: %v, not %v", among, want)
	}
	pairs := m.Pairs(PairOf{A: TieFacility, B: TieMethod}, PairOf{A: TieFacility, B: TieDay}, PairOf{A: TieAlleged, B: TieAlleged, Whole: true})
	wantPairs := []map[Pair]Tally{
		{{{TieFacility, station}, {TieMethod, "beat"}}: {3, 4}},
		{{{TieFacility, station}, {TieDay, "2022-01-05"}}: {3, 4}},
		{},
	}
	if !reflect.DeepEqual(pairs, wantPairs) {
		t.Errorf("pairs are %v, not %v", pairs, wantPairs)
	}

	// What is withdrawn, or known later, is another answer at once.
	w.now = w.now.Add(time.Hour)
	w.acts = nil
	w.act(station, rec{station, "facility", nil})
	w.apply(t, ix)
	if got := ask("2022-06-01", now, nil, "body:"+department); got != (Tally{2, 2}) { // the sergeant's
		t.Errorf("without the station its body has %+v", got)
	}
	if got := ask("2022-06-01", told, nil, "body:"+department); got != (Tally{4, 4}) {
		t.Errorf("as it was known then its body has %+v", got)
	}
}

func TestNoTermsRegression(t *testing.T) {
	for _, text := range []string{"", ":", "facility", "facility:", "facility:|", "told:KZ-75", "name:x", "before:yesterday", "before:2022-01-01|2022-01-02",
		"method:a+method:b+method:c+method:d+method:e", "method:1|2|3|4|5|6|7|8|9", "method:" + strings.Repeat("x", 1000), "method:a+", "+"} {
		if term, ok := ParseTerm(text); ok {
			t.Errorf("%q is the term %v", text, term)
		}
	}
}

// TestKnotsAreReadAsWritten also holds that damage is no panic.
func TestKnotsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []knot
		for range rapid.IntRange(1, 4).Draw(rt, "knots") {
			k := knot{from: edtf.Day(rapid.Int32().Draw(rt, "from")), on: edtf.Day(rapid.Int32().Draw(rt, "on"))}
			for range rapid.IntRange(1, 5).Draw(rt, "ties") {
				dim := rapid.SampledFrom(tieDims[:]).Draw(rt, "dim")
				value := id('x', rapid.IntRange(0, 9).Draw(rt, "n"))
				if slices.Index(tieDims[:], dim) >= ofRecords {
					value = rapid.String().Draw(rt, "value")
				}
				k.ties = append(k.ties, Tie{dim, value})
			}
			all = append(all, k)
		}
		text := []byte(encodeKnots(all))
		got, err := decodeKnots(text)
		if err != nil || !reflect.DeepEqual(got, all) {
			rt.Fatalf("%v is read as %v %v", all, got, err)
		}
		damaged := bytes.Clone(text[:rapid.IntRange(0, len(text)).Draw(rt, "cut")])
		if len(damaged) > 0 {
			damaged[rapid.IntRange(0, len(damaged)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bit"))
		}
		_, _ = decodeKnots(damaged)
	})
}

// TestMeetingsAgreeWithFolding counts anew, by hand, what is common to the
// cases that a reader may see.
func TestMeetingsAgreeWithFolding(t *testing.T) {
	l := theLaw(t)
	rapid.Check(t, func(rt *rapid.T) {
		ix := l.open(t, t.TempDir()+"/index.db")
		defer func() {
			if err := ix.Close(); err != nil {
				rt.Error(err)
			}
		}()
		w := newTeller()
		org := w.org(1, "yes")
		theState(w)
		drawn := func(from ...string) string { return rapid.SampledFrom(from).Draw(rt, "of") }
		n := rapid.IntRange(1, 7).Draw(rt, "cases")
		for i := 1; i <= n; i++ {
			w.now = w.now.Add(time.Minute)
			var records []string
			for range rapid.IntRange(0, 3).Draw(rt, "records") {
				text := "on=" + drawn("2022-01-04", "2022-01-04/2022-01-05", "2022-01", "2022-03-01") + " methods=" + drawn("beat", "electric")
				if f := drawn(station, colony, ""); f != "" {
					text += " facility=" + f
				}
				for range rapid.IntRange(0, 2).Draw(rt, "suspects") {
					text += " suspect=" + drawn(sergeant, major)
				}
				records = append(records, text)
			}
			w.cased(i, org, drawn("2022-01-10", "2022-02-10"), records...)
			if i > 1 && rapid.Bool().Draw(rt, "same") {
				w.match(i, id('c', i), id('c', rapid.IntRange(1, i-1).Draw(rt, "as")), "same")
			}
		}
		w.apply(t, ix)
		clock := Clock{AsOf: day(t, drawn("2022-01-09", "2022-01-31", "2022-02-20", "2022-06-01"))}
		hidden := map[string]bool{}
		for i := 1; i <= n; i++ {
			hidden[id('c', i)] = rapid.IntRange(0, 3).Draw(rt, "hidden") == 0
		}
		see := func(c string) Sight {
			if hidden[c] {
				return Nothing
			}
			return Facts
		}
		m, err := ix.Meet(context.Background(), clock, see)
		if err != nil {
			rt.Fatal(err)
		}

		type seen struct{ people, cases map[string]bool }
		sums := map[string]seen{}
		add := func(key, person, c string) {
			if sums[key].people == nil {
				sums[key] = seen{map[string]bool{}, map[string]bool{}}
			}
			sums[key].people[person], sums[key].cases[c] = true, true
		}
		for file, err := range ix.Files(context.Background(), time.Time{}) {
			if err != nil {
				rt.Fatal(err)
			}
			if hidden[file.ID] {
				continue
			}
			person := slices.Min(ix.state.cluster(file.ID))
			reported, _ := file.Reported()
			alleged := map[string]bool{}
			for _, act := range file.Of("act") {
				if max(act.Counts, reported) > clock.AsOf {
					continue
				}
				for _, method := range act.Fields["methods"] {
					add("method:"+method, person, file.ID)
					if f := act.Get("facility"); f != "" {
						add("facility:"+f, person, file.ID)
						add("facility:"+f+"+method:"+method, person, file.ID)
					}
				}
				for _, s := range act.Fields["suspects"] {
					suspect, _ := file.Record(s)
					alleged[suspect.Get("official")] = true
				}
			}
			for _, suspect := range file.Of("suspect") {
				if max(suspect.Counts, reported) <= clock.AsOf {
					alleged[suspect.Get("official")] = true
				}
			}
			for official := range alleged {
				add("alleged:"+official, person, file.ID)
			}
			if len(alleged) == 2 {
				add("alleged:"+sergeant+" alleged:"+major, person, file.ID)
			}
		}
		for _, question := range []string{"method:beat", "method:electric", "facility:" + station, "facility:" + colony, "facility:" + station + "+method:beat",
			"alleged:" + sergeant, "alleged:" + major, "alleged:" + sergeant + " alleged:" + major} {
			want := Tally{len(sums[question].people), len(sums[question].cases)}
			if got := m.Tally(terms(t, strings.Fields(question)...)...); got != want {
				rt.Errorf("%s: %+v, not %+v", question, got, want)
			}
		}
		for tie, tally := range m.Among([]string{TieMethod, TieFacility, TieAlleged}) {
			if s := sums[With(tie).String()]; tally != (Tally{len(s.people), len(s.cases)}) {
				rt.Errorf("%v: %+v, not %v", tie, tally, s)
			}
		}
		pairs := m.Pairs(PairOf{A: TieFacility, B: TieMethod}, PairOf{A: TieAlleged, B: TieAlleged, Whole: true})
		for pair, tally := range pairs[0] {
			if s := sums[With(pair[0], pair[1]).String()]; tally != (Tally{len(s.people), len(s.cases)}) || tally.People < 2 {
				rt.Errorf("%v: %+v, not %v", pair, tally, s)
			}
		}
		both := sums["alleged:"+sergeant+" alleged:"+major]
		if got := slices.Collect(maps.Values(pairs[1])); (len(both.people) > 1) != (len(got) == 1) || len(got) == 1 && got[0] != (Tally{len(both.people), len(both.cases)}) {
			rt.Errorf("both officers: %v, not %v", got, both)
		}
	})
}
