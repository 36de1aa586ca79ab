// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
)

// known is the State that the cases of a house refer to. It is invented.
type known struct {
	*house
	body, station, sergeant, major, square string
}

func newKnown(t *testing.T) *known {
	t.Helper()
	k := &known{house: newHouse(t)}
	put := func(kind string, f casefile.Fields) string {
		id, err := k.PutRecord(context.Background(), k.people["madina"], RecordChange{Kind: kind, Fields: f})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	k.body = put("body", casefile.Fields{"name": {"Department"}, "code": {"police"}, "region": {"KZ-75"}})
	k.station = put("facility", casefile.Fields{"name": {"Station 5"}, "name_ru": {"Отдел 5"}, "kind": {"ivs"}, "region": {"KZ-75"}, "body": {k.body}})
	k.sergeant = put("official", casefile.Fields{"family": {"Ойданшығаров"}, "body": {"police"}, "body_record": {k.body}})
	k.major = put("official", casefile.Fields{"family": {"Вымышленный"}, "body": {"police"}})
	k.square = put("incident", casefile.Fields{"kind": {"detention"}, "date": {"2022-01-05"}, "region": {"KZ-75"}, "facility": {k.station}})
	return k
}

// hurt writes into a case what happened there.
func (k *known) hurt(s *access.Session, caseID string) {
	k.t.Helper()
	first, second := ledger.NewID().String(), ledger.NewID().String()
	puts := []Put{
		{Record: first, Kind: "suspect", Fields: casefile.Fields{"official": {k.sergeant}, "name": {"Said In Confidence"}}},
		{Record: second, Kind: "suspect", Fields: casefile.Fields{"official": {k.major}}},
		{Record: ledger.NewID().String(), Kind: "act", Fields: casefile.Fields{
			"date": {"2022-01-05"}, "facility": {k.station}, "methods": {"beat", "electric"}, "suspects": {first, second}, "region": {"KZ-75"}}},
		{Record: ledger.NewID().String(), Kind: "detention", Fields: casefile.Fields{"from": {"2022-01-05"}, "place_type": {"ivs"}, "region": {"KZ-75"}, "body": {"police"}}},
		{Record: ledger.NewID().String(), Kind: "incident_link", Fields: casefile.Fields{"incident": {k.square}}},
	}
	if err := k.Write(context.Background(), s, caseID, puts, nil, "", "told"); err != nil {
		k.t.Fatal(err)
	}
}

// told is everything that the State's pages tell somebody, as text.
func (k *known) told(who string) string {
	k.t.Helper()
	ctx, s := context.Background(), k.people[who]
	var all []any
	add := func(v any, err error) {
		if err != nil {
			k.t.Fatalf("%s: %v", who, err)
		}
		all = append(all, v)
	}
	answer := func(v any, err error) { add(v, err) }
	clock := Clock{}
	{
		v, err := k.State(ctx, s, clock)
		answer(v, err)
	}
	for _, kind := range append(SharedKinds(), "") {
		v, err := k.StateList(ctx, s, StateQuery{Kind: kind, Clock: clock})
		answer(v, err)
	}
	for id, kind := range map[string]string{k.body: "body", k.station: "facility", k.sergeant: "official", k.major: "official", k.square: "incident"} {
		v, err := k.StateRecord(ctx, s, kind, id, clock)
		answer(v, err)
	}
	{
		v, err := k.Patterns(ctx, s, clock)
		answer(v, err)
	}
	for _, old := range []bool{false, true} {
		v, err := k.Regions(ctx, s, clock, &old)
		answer(v, err)
	}
	for _, text := range []string{"facility:" + k.station, "region:KZ-75", "facility:" + k.station + "+method:beat"} {
		term, _ := ParseTerm(text)
		v, err := k.Cases(ctx, s, Query{With: []Term{term}})
		answer(v, err)
	}
	lines := make([]string, len(all))
	for i, v := range all {
		text, err := json.Marshal(v)
		if err != nil {
			k.t.Fatal(err)
		}
		lines[i] = string(text)
	}
	slices.Sort(lines) // of the map above
	return strings.Join(lines, "\n")
}

func (k *known) people12(who, kind, id string) Tally {
	k.t.Helper()
	view, err := k.StateRecord(context.Background(), k.people[who], kind, id, Clock{})
	if err != nil {
		k.t.Fatalf("%s: %v", who, err)
	}
	return view.Tally
}

// TestWhatIsNotOpenChangesNoPattern writes into cases that are not open to a
// reader all that the pages about the State count, and compares every answer
// before and after.
func TestWhatIsNotOpenChangesNoPattern(t *testing.T) {
	k := newKnown(t)
	ctx := context.Background()
	north, south := k.cases[:3], k.cases[3:]
	k.hurt(k.people["madina"], south[0])

	before := map[string]string{}
	for _, who := range []string{"madina", "timur", "asel", "olga", "dana"} {
		before[who] = k.told(who)
	}
	k.hurt(k.people["aigerim"], north[0])
	for _, who := range []string{"madina", "timur", "dana"} {
		if k.told(who) != before[who] {
			t.Errorf("a case of the north changes what %s is told", who)
		}
	}
	for _, who := range []string{"asel", "olga"} { // whose case it is, and who counts them all
		if k.told(who) == before[who] {
			t.Errorf("a case of the north changes nothing for %s: this test is blind", who)
		}
	}

	// A restricted case is nobody's but theirs who were named.
	if err := k.Restrict(ctx, k.people["asel"], north[1], true); err != nil {
		t.Fatal(err)
	}
	before["asel"], before["olga"], before["nurlan"] = k.told("asel"), k.told("olga"), k.told("nurlan")
	k.hurt(k.people["asel"], north[1])
	for _, who := range []string{"madina", "timur", "dana", "olga", "nurlan"} {
		if k.told(who) != before[who] {
			t.Errorf("a restricted case changes what %s is told", who)
		}
	}
	if k.told("asel") == before["asel"] {
		t.Error("a restricted case changes nothing for who has it: this test is blind")
	}

	// A grant of the facts counts, shows no name, and is over when it is taken back.
	grant, err := k.Grant(ctx, k.people["asel"], north[0], NewGrant{To: "madina", Part: access.Fact})
	if err != nil {
		t.Fatal(err)
	}
	if got := k.people12("madina", "facility", k.station); got != (Tally{People: 2, Cases: 2}) {
		t.Errorf("with a grant the station has %+v", got)
	}
	granted := k.told("madina")
	for _, name := range append(slices.Clone(planted[:4]), "Said In Confidence") {
		if strings.Contains(granted, name) {
			t.Errorf("with a grant of the facts madina is told %q", name)
		}
	}
	if err := k.Revoke(ctx, k.people["asel"], north[0], grant.ID, "over"); err != nil {
		t.Fatal(err)
	}
	if k.told("madina") != before["madina"] {
		t.Error("after the grant was taken back madina is told something else than before it")
	}
}

func TestWhoReadsOfTheState(t *testing.T) {
	k := newKnown(t)
	ctx := context.Background()
	k.hurt(k.people["madina"], k.cases[3])
	if text := k.told("olga"); strings.Contains(text, "Ойданшығаров") || strings.Contains(text, "Омаров") {
		t.Error("an analyst is told a name")
	}
	if text := k.told("madina"); !strings.Contains(text, "Ойданшығаров") || !strings.Contains(text, "Омаров") {
		t.Error("a case worker is told no names: the tests here are blind")
	}
	admin := k.people["zhanna"]
	for what, err := range map[string]error{
		"State":       errorOf(k.State(ctx, admin, Clock{})),
		"StateList":   errorOf(k.StateList(ctx, admin, StateQuery{Kind: "facility"})),
		"StateRecord": errorOf(k.StateRecord(ctx, admin, "facility", k.station, Clock{})),
		"Shared":      errorOf(k.Shared(ctx, admin, []string{k.station})),
		"Patterns":    errorOf(k.Patterns(ctx, admin, Clock{})),
		"Regions":     errorOf(k.Regions(ctx, admin, Clock{}, nil)),
	} {
		if !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: an administrator is told %v", what, err)
		}
	}
	// What is no record of the State is as one that is not there.
	for _, id := range []string{k.cases[3], k.cases[0], k.orgs["North"], "0123456789abcdef0123456789abcdef", "", "x"} {
		if _, err := k.StateRecord(ctx, k.people["madina"], "facility", id, Clock{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := k.StateRecord(ctx, k.people["madina"], "body", k.station, Clock{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a facility as a body: %v", err)
	}
	if _, err := k.StateList(ctx, k.people["madina"], StateQuery{Kind: "member"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("members as a kind of the State: %v", err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestStateRecord(t *testing.T) {
	k := newKnown(t)
	ctx := context.Background()
	madina := k.people["madina"]
	k.hurt(madina, k.cases[3])
	k.hurt(madina, k.cases[4])
	if err := k.Write(ctx, madina, k.cases[5], []Put{{Record: ledger.NewID().String(), Kind: "detention",
		Fields: casefile.Fields{"place_type": {"ivs"}, "region": {"KZ-75"}}}}, nil, "", ""); err != nil {
		t.Fatal(err)
	}
	view, err := k.StateRecord(ctx, madina, "facility", k.station, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	if view.Tally != (Tally{People: 2, Cases: 2}) || len(view.Rows) != 2 || !view.May || view.Record.Get("name") != "Station 5" {
		t.Errorf("%+v", view)
	}
	recurs := map[string]Tally{}
	for _, r := range view.Recurs {
		recurs[r.Tie.Dim+":"+r.Tie.Value] = r.Tally
		page, err := k.Cases(ctx, madina, Query{With: r.With})
		if err != nil || page.Total != r.Tally.Cases {
			t.Errorf("%v counts %d cases, and its list has %d %v", r.Tie, r.Tally.Cases, page.Total, err)
		}
	}
	for _, want := range []string{"method:beat", "method:electric", "official:" + k.sergeant, "official:" + k.major, "day:2022-01-05", "incident:" + k.square, "body:" + k.body} {
		if recurs[want] != (Tally{People: 2, Cases: 2}) {
			t.Errorf("%s recurs %+v", want, recurs[want])
		}
	}
	if _, ok := recurs["facility:"+k.station]; ok {
		t.Error("the station recurs among its own cases")
	}
	if len(view.Possible) != 1 || view.Possible[0].Tally != (Tally{People: 3, Cases: 3}) { // the third, and the detentions of the two
		t.Errorf("it may be the place of %+v", view.Possible)
	}
	if len(view.Parts) != 1 || view.Parts[0].Record.ID != k.square || view.Named[k.body].ID == "" {
		t.Errorf("its parts are %+v, it names %v", view.Parts, view.Named)
	}
	official, err := k.StateRecord(ctx, madina, "official", k.sergeant, Clock{})
	if err != nil || official.Alleged != (Tally{People: 2, Cases: 2}) {
		t.Errorf("the sergeant: %+v %v", official.Alleged, err)
	}
	body, err := k.StateRecord(ctx, madina, "body", k.body, Clock{})
	if err != nil || body.Tally != (Tally{People: 2, Cases: 2}) || len(body.Parts) != 2 || len(body.Possible) != 1 {
		t.Errorf("the body: %+v %v", body, err)
	}
	found, err := k.StateList(ctx, madina, StateQuery{Text: "oydanshygarov"})
	if err != nil || len(found) != 1 || found[0].Record.ID != k.sergeant || found[0].Tally.People != 2 {
		t.Errorf("by a name in another script: %+v %v", found, err)
	}
	patterns, err := k.Patterns(ctx, madina, Clock{})
	if err != nil || patterns.All != (Tally{People: 3, Cases: 3}) {
		t.Fatalf("%+v %v", patterns.All, err)
	}
	for _, list := range patterns.Lists {
		if list.ID == "officer_officer" && len(list.Rows) != 1 || list.ID == "facility_method" && len(list.Rows) != 2 {
			t.Errorf("%s: %+v", list.ID, list.Rows)
		}
		for _, p := range list.Rows {
			page, err := k.Cases(ctx, madina, Query{With: p.With})
			if err != nil || page.Total != p.Tally.Cases {
				t.Errorf("%v counts %d cases, and its list has %d %v", p.Ties, p.Tally.Cases, page.Total, err)
			}
		}
	}
}

func TestRegionsOldAndNew(t *testing.T) {
	k := newKnown(t)
	ctx := context.Background()
	madina := k.people["madina"]
	for i, of := range []casefile.Fields{
		{"date": {"2022-01-05"}, "region": {"KZ-63"}}, {"date": {"2022-06-10"}, "region": {"KZ-63"}}, {"date": {"2022-01-07"}, "region": {"KZ-10"}},
	} {
		if err := k.Write(ctx, madina, k.cases[3+i], []Put{{Record: ledger.NewID().String(), Kind: "act", Fields: of}}, nil, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(asOf string, old *bool) (Regions, map[string]RegionRow) {
		t.Helper()
		found, err := k.Regions(ctx, madina, Clock{AsOf: day(t, asOf)}, old)
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]RegionRow{}
		for _, r := range found.Rows {
			rows[r.Code] = r
			page, err := k.Cases(ctx, madina, Query{With: r.With, Clock: Clock{AsOf: day(t, asOf)}})
			if err != nil || page.Total != r.Tally.Cases {
				t.Errorf("%s counts %d cases, and its list has %d %v", r.Code, r.Tally.Cases, page.Total, err)
			}
		}
		return found, rows
	}
	found, rows := ask("2022-06-24", nil)
	if found.Old || found.All.People != 3 || rows["KZ-63"].Tally.People != 2 || rows["KZ-10"].Tally.People != 1 {
		t.Errorf("by the new regions: %+v", found)
	}
	if u := rows["KZ-63"]; u.Undivided.People != 1 || !slices.Equal(u.Now, []string{"KZ-10"}) {
		t.Errorf("of the divided region %+v", u)
	}
	found, rows = ask("2022-05-17", nil)
	if !found.Old || rows["KZ-63"].Tally.People != 2 || rows["KZ-10"].Tally.People != 0 || rows["KZ-63"].Undivided.People != 0 {
		t.Errorf("by the old regions, of that day: %+v", found)
	}
	yes := true
	if found, rows = ask("2022-06-24", &yes); !found.Old || rows["KZ-63"].Tally.People != 3 {
		t.Errorf("by the old regions: %+v", found)
	}
}

func day(t testing.TB, text string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOwnMap(t *testing.T) {
	k := newKnown(t)
	ctx := context.Background()
	file := MapFile{GeoJSON: []byte(`{"type":"FeatureCollection","features":[
		{"type":"Feature","properties":{"old":"KZ-ALM","name":"Somewhere"},"geometry":{"type":"Polygon","coordinates":[[[70,42],[80,42],[80,50],[70,50],[70,42]]]}},
		{"type":"Feature","properties":{"old":"KZ-ALM"},"geometry":{"type":"Polygon","coordinates":[[[60,42],[65,42],[65,50],[60,50],[60,42]]]}},
		{"type":"Feature","properties":{"old":"unknown"},"geometry":null}]}`)}
	report, err := k.SetOwnMap(ctx, k.people["aigerim"], file)
	if err != nil || report.Property != "old" || !slices.Equal(report.Regions, []string{"KZ-19"}) || !slices.Equal(report.Others, []string{"unknown"}) {
		t.Fatalf("%+v %v", report, err)
	}
	for who, may := range map[string]bool{"madina": false, "olga": false, "rustem": false, "zhanna": true} {
		if _, err := k.SetOwnMap(ctx, k.people[who], file); (err == nil) != may || err != nil && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s sets the map: %v", who, err)
		}
		if d, own, err := k.OwnMap(ctx, k.people[who]); err != nil || !own || len(d.Shapes) != 1 || len(d.Shapes[0].Rings) != 2 {
			t.Errorf("%s sees %+v %v %v", who, d, own, err)
		}
	}
	if _, err := k.PutOutside(ctx, k.people["aigerim"], "x", []Put{{Record: ledger.NewID().String(), Kind: mapKind, Fields: casefile.Fields{"width": {"1"}, "height": {"1"}, "shape": {"<script>"}}}}); err == nil {
		t.Error("a map is put by another way")
	}
	k.again()
	if _, own, err := k.OwnMap(ctx, k.people["madina"]); err != nil || !own {
		t.Errorf("after the register was opened anew: %v %v", own, err)
	}
	if err := k.RemoveOwnMap(ctx, k.people["madina"]); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a case worker removes the map: %v", err)
	}
	if err := k.RemoveOwnMap(ctx, k.people["zhanna"]); err != nil {
		t.Fatal(err)
	}
	if _, own, err := k.OwnMap(ctx, k.people["madina"]); err != nil || own {
		t.Errorf("the map was removed: %v %v", own, err)
	}
}
