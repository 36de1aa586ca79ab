// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/geo"
	"github.com/kua-registry/kua/internal/registry"
)

// What the invented register knows of its State.
const (
	stateFacility = facilityID
	stateBodyID   = "b0000000000000000000000000000001"
	stateOfficial = "a0000000000000000000000000000001"
	stateUnnamed  = "a0000000000000000000000000000002"
	stateIncident = "c0000000000000000000000000000009"
)

// fakeState are the records, in the order in which they were written.
func (f *fake) fakeState() []*casefile.Record {
	at := moment("2022-06-01T09:00:00Z")
	entry := func(id, kind string, fields casefile.Fields) casefile.Entry {
		return casefile.Entry{Pos: 1, At: at, Record: id, Kind: kind, Op: casefile.Put, Fields: fields}
	}
	out := []*casefile.Record{f.fakeFacility()}
	for _, entries := range [][]casefile.Entry{
		{entry("f0000000000000000000000000000003", "facility", casefile.Fields{"name": {"Station 10 " + hostile}, "region": {"KZ-19"}})},
		{entry(stateBodyID, "body", casefile.Fields{"name": {"Invented Department"}})},
		{entry(stateOfficial, "official", casefile.Fields{"family": {"Ойдан"}, "given": {"Шығарылған"}, "body": {"police"}})},
		{entry(stateUnnamed, "official", casefile.Fields{"body": {"police"}})},
		{entry(stateIncident, "incident", casefile.Fields{"date": {"2022-01-05"}})},
	} {
		out = append(out, casefile.Fold(f.book, entries[0].Record, entries).Records()...)
	}
	return out
}

func outsideOf(rec *casefile.Record) registry.OutsideRecord {
	return registry.OutsideRecord{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, Date: rec.Date, At: rec.At}
}

func (f *fake) namedState() map[string]registry.OutsideRecord {
	named := map[string]registry.OutsideRecord{}
	for _, rec := range f.fakeState() {
		named[rec.ID] = outsideOf(rec)
	}
	return named
}

func (f *fake) State(context.Context, *access.Session, registry.Clock) ([]registry.StateKind, error) {
	counts := map[string]int{}
	if !f.empty {
		for _, rec := range f.fakeState() {
			counts[rec.Kind]++
		}
	}
	var out []registry.StateKind
	for _, kind := range registry.SharedKinds() {
		out = append(out, registry.StateKind{Kind: kind, Records: counts[kind]})
	}
	return out, f.fails
}

func (f *fake) StateList(_ context.Context, _ *access.Session, q registry.StateQuery) ([]registry.StateRow, error) {
	switch {
	case q.Kind != "" && !slices.Contains(registry.SharedKinds(), q.Kind):
		return nil, registry.ErrNotFound
	case f.empty || q.Text == "nobody":
		return nil, f.fails
	}
	var out []registry.StateRow
	for i, rec := range f.fakeState() {
		if (q.Kind == "" || rec.Kind == q.Kind) && strings.Contains(first(rec.Fields, "name")+first(rec.Fields, "family"), q.Text) {
			out = append(out, registry.StateRow{Record: outsideOf(rec), Tally: registry.Tally{People: 3 * i, Cases: 4 * i}})
		}
	}
	return out, f.fails
}

func terms(parts ...string) []registry.Term {
	var out []registry.Term
	for _, text := range parts {
		term, ok := registry.ParseTerm(text)
		if !ok {
			panic(text)
		}
		out = append(out, term)
	}
	return out
}

func (f *fake) StateRecord(_ context.Context, _ *access.Session, kind, id string, c registry.Clock) (registry.StateView, error) {
	if rec, ok := f.fakeSaid()[id]; ok && kind == "publication" {
		said := append(f.saidOf("official_figure")[1:2], f.saidOf("follow_up")...)
		return registry.StateView{Clock: c, Record: rec, With: terms("facility:" + stateFacility), Named: f.namedState(), Said: said, Captures: f.captures}, f.fails
	}
	i := slices.IndexFunc(f.fakeState(), func(rec *casefile.Record) bool { return rec.ID == id && rec.Kind == kind })
	if i < 0 {
		return registry.StateView{}, registry.ErrNotFound
	}
	rec := f.fakeState()[i]
	own := kind + ":" + id
	view := registry.StateView{Clock: c, Record: rec, May: kind == "facility", With: terms(own), Named: f.namedState()}
	if id == stateUnnamed {
		rec.IdentityMissing = true
		return view, f.fails
	}
	view.Tally, view.Alleged = registry.Tally{People: 12, Cases: 14}, registry.Tally{People: 2, Cases: 2}
	view.Rows = f.rows()
	for n, tie := range []registry.Tie{
		{Dim: "method", Value: "beating"}, {Dim: "method", Value: "threats"}, {Dim: "method", Value: "m3"}, {Dim: "method", Value: "m4"},
		{Dim: "method", Value: "m5"}, {Dim: "method", Value: "m6"}, {Dim: "method", Value: "m7"},
		{Dim: "official", Value: stateOfficial}, {Dim: "official", Value: stateUnnamed}, {Dim: "day", Value: "2022-01-05"},
	} {
		view.Recurs = append(view.Recurs, registry.Recurrence{Tie: tie, Tally: registry.Tally{People: 11 - n, Cases: 12 - n}, With: terms(own, tie.Dim+":"+tie.Value)})
	}
	if kind == "facility" {
		view.Possible = []registry.Possible{{With: terms("place:vehicle@R-1"), Tally: registry.Tally{People: 20, Cases: 20}}}
		view.Parts = []registry.StateRow{{Record: view.Named[stateIncident], Tally: registry.Tally{People: 4, Cases: 4}}}
	}
	return view, f.fails
}

func (f *fake) Shared(_ context.Context, _ *access.Session, ids []string) (map[string]registry.OutsideRecord, error) {
	named := f.namedState()
	for id := range named {
		if !slices.Contains(ids, id) {
			delete(named, id)
		}
	}
	return named, f.fails
}

func (f *fake) Patterns(_ context.Context, _ *access.Session, c registry.Clock) (registry.Patterns, error) {
	out := registry.Patterns{Clock: c, All: registry.Tally{People: 164, Cases: 170}, Named: f.namedState()}
	if f.empty {
		out.All = registry.Tally{}
		return out, f.fails
	}
	out.Lists = []registry.PatternList{
		{ID: "facility_method", More: 21, Rows: []registry.Pattern{
			{Ties: [2]registry.Tie{{Dim: "facility", Value: stateFacility}, {Dim: "method", Value: "beating"}}, Tally: registry.Tally{People: 31, Cases: 33}, With: terms("facility:" + stateFacility + "+method:beating")},
			{Ties: [2]registry.Tie{{Dim: "facility", Value: "f0000000000000000000000000000003"}, {Dim: "method", Value: "threats"}}, Tally: registry.Tally{People: 2, Cases: 2}, With: terms("facility:f0000000000000000000000000000003+method:threats")},
		}},
		{ID: "facility_day"},
		{ID: "officer_officer", Rows: []registry.Pattern{
			{Ties: [2]registry.Tie{{Dim: "alleged", Value: stateOfficial}, {Dim: "alleged", Value: stateUnnamed}}, Tally: registry.Tally{People: 3, Cases: 4}, With: terms("alleged:"+stateOfficial, "alleged:"+stateUnnamed)},
		}},
		{ID: "officer_facility"},
		{ID: "place_day", Rows: []registry.Pattern{
			{Ties: [2]registry.Tie{{Dim: "place", Value: "vehicle@R-1"}, {Dim: "day", Value: "2022-01-05"}}, Tally: registry.Tally{People: 9, Cases: 9}, With: terms("place:vehicle@R-1+day:2022-01-05")},
		}},
		{ID: "place_method"},
	}
	return out, f.fails
}

func (f *fake) Regions(_ context.Context, _ *access.Session, c registry.Clock, old *bool) (registry.Regions, error) {
	out := registry.Regions{Clock: c, Reform: day("2022-06-08"), Old: old != nil && *old, MadeOf: map[string]string{"KZ-10": "KZ-63"}}
	if f.empty {
		return out, f.fails
	}
	out.All = registry.Tally{People: 160, Cases: 170}
	for i, code := range []string{"KZ-75", "KZ-19", "KZ-63", registry.NoRegion, "R-1"} {
		out.Rows = append(out.Rows, registry.RegionRow{Code: code, Tally: registry.Tally{People: 100 / (i + 1), Cases: 100/(i+1) + i}, With: terms("region:" + code)})
	}
	if !out.Old {
		out.Rows[2].Undivided, out.Rows[2].Now = registry.Tally{People: 12, Cases: 13}, []string{"KZ-10"}
		out.Rows[2].UndividedWith = terms("region:KZ-63+before:2022-06-08")
	}
	return out, f.fails
}

func (f *fake) OwnMap(context.Context, *access.Session) (geo.Drawing, bool, error) {
	square := func(code string, x, y int) geo.Shape {
		return geo.Shape{Code: code, Rings: [][]geo.Point{{{X: x, Y: y}, {X: x + 300, Y: y}, {X: x + 300, Y: y + 300}, {X: x, Y: y + 300}}}}
	}
	return geo.Drawing{Width: 900, Height: 600, Shapes: []geo.Shape{square("KZ-19", 300, 0), square("KZ-63", 600, 0), square("KZ-75", 300, 300), square("KZ-10", 0, 0)}}, f.ownMap, f.fails
}
