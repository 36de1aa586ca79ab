// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
)

// say writes what others said, by the coordinator.
func (h *house) say(kind string, f casefile.Fields) string {
	h.t.Helper()
	id, err := h.PutRecord(context.Background(), h.people["aigerim"], RecordChange{Kind: kind, Fields: f})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) comparison(q ComparisonQuery) map[string]OutsideFigure {
	h.t.Helper()
	c, err := h.Comparison(context.Background(), h.people["olga"], q)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]OutsideFigure{}
	for _, f := range c.Figures {
		out[f.Record.ID] = f
	}
	return out
}

// TestOurFiguresAreListed: what others' figures can stand beside is what the register counts.
func TestOurFiguresAreListed(t *testing.T) {
	g := emptyRegister(t)
	list, _ := g.Book().List("our_figure")
	for _, def := range g.Rules().Figures() {
		if slices.Equal(def.Sets, []string{"flow"}) {
			continue // how the way divides is counted by nobody else
		}
		if _, ok := list.Code(def.ID); !ok {
			t.Errorf("list our_figure lacks %s", def.ID)
		}
		if got, want := g.Book().Label("our_figure", def.ID, "ru"), def.Label.In("ru"); got != want {
			t.Errorf("%s is called %q in the list and %q among the figures", def.ID, got, want)
		}
	}
	for _, c := range list.Codes {
		if _, ok := g.Rules().Figure(c.Code); !ok && !codebook.Missing(c.Code) {
			t.Errorf("list our_figure has %s, which nothing counts", c.Code)
		}
	}
}

func TestComparison(t *testing.T) {
	h := newHouse(t) // six reports of 12 January 2022, entered on 24 June
	body := casefile.Fields{"indicator": {"allegations"}, "beside": {"reports"}, "unit": {"allegations"}, "source_kind": {"official"}, "by": {"Prosecutor"}, "by_body": {"general_prosecutor"}}
	with := func(more casefile.Fields) casefile.Fields {
		f := casefile.Fields{}
		for _, from := range []casefile.Fields{body, more} {
			for id, v := range from {
				f[id] = v
			}
		}
		return f
	}
	early := h.say("official_figure", with(casefile.Fields{"date": {"2022-03-14"}, "as_of": {"2022-01-11"}, "value": {"4"}}))
	first := h.say("official_figure", with(casefile.Fields{"date": {"2022-03-14"}, "value": {"301"}}))
	second := h.say("official_figure", with(casefile.Fields{"date": {"2022-06-24"}, "as_of": {"2022-06-24"}, "value": {"12"}, "supersedes": {first}}))
	share := h.say("official_figure", casefile.Fields{"date": {"2022-06-24"}, "beside": {"children"}, "value": {"20"}, "unit": {"percent"}, "source_kind": {"reported"}})
	whole := h.say("official_figure", casefile.Fields{"date": {"2022-06-24"}, "beside": {"reports"}, "value": {"20"}, "unit": {"percent"}, "source_kind": {"reported"}})
	apart := h.say("official_figure", casefile.Fields{"date": {"2022-06-24"}, "indicator": {"detained"}, "value": {"10000"}, "unit": {"people"}, "source_kind": {"reported"}})
	undated := h.say("official_figure", casefile.Fields{"beside": {"reports"}, "value": {"7"}, "unit": {"people"}, "source_kind": {"ngo"}})

	all := h.comparison(ComparisonQuery{})
	if len(all) != 7 {
		t.Fatalf("%d figures", len(all))
	}
	for _, x := range []struct {
		what, id  string
		now, then Beside
	}{
		{"before the reports", early, Beside{Value: 0, Base: -1, Gap: 4, Share: 0, None: true}, Beside{Value: 0, Base: -1, Gap: 4, Share: 0, None: true}},
		{"before they were entered", first, Beside{Value: 6, Base: -1, Gap: 295, Share: 20}, Beside{Value: 0, Base: -1, Gap: 301, Share: 0, None: true}},
		{"after", second, Beside{Value: 6, Base: -1, Gap: 6, Share: 500}, Beside{Value: 6, Base: -1, Gap: 6, Share: 500}},
		{"a share", share, Beside{Value: 0, Base: 6, Gap: 20, Share: -1}, Beside{Value: 0, Base: 6, Gap: 20, Share: -1}},
	} {
		f := all[x.id]
		if !f.Beside() || f.Now != x.now || f.Then != x.then {
			t.Errorf("%s: %+v then %+v, not %+v then %+v", x.what, f.Now, f.Then, x.now, x.then)
		}
	}
	for what, id := range map[string]string{"a share beside no share": whole, "no figure of ours": apart, "no day": undated} {
		if all[id].Beside() {
			t.Errorf("%s: ours stands beside it: %+v", what, all[id])
		}
	}
	if all[first].Next != second || all[second].Next != "" {
		t.Errorf("the later figure replaces the earlier: %q %q", all[first].Next, all[second].Next)
	}
	if one := h.comparison(ComparisonQuery{Figure: second}); len(one) != 3 || one[early].Record.ID == "" || one[first].Record.ID == "" {
		t.Errorf("the series of a figure: %d", len(one))
	}
	if one := h.comparison(ComparisonQuery{Indicator: "detained"}); len(one) != 1 {
		t.Errorf("figures of one indicator: %d", len(one))
	}
	if got := h.comparison(ComparisonQuery{Clock: Clock{AsOf: mustDay(t, "2022-04-01")}}); got[second].Record.ID != "" || got[first].Next != "" {
		t.Error("in April the figure of June is not there yet")
	}

	// A case more, written later: what was known then stays.
	h.later(24 * time.Hour)
	if _, err := h.Import(context.Background(), h.people["asel"], h.orgs["North"], "list", []CaseImport{oneCase("late", "Поздний", "no")}, nil); err != nil {
		t.Fatal(err)
	}
	if f := h.comparison(ComparisonQuery{})[second]; f.Now.Value != 7 || f.Now.Gap != 5 || f.Then.Value != 6 {
		t.Errorf("a late case: %+v then %+v", f.Now, f.Then)
	}
	if f := h.comparison(ComparisonQuery{Clock: Clock{KnownBy: time.Date(2022, 6, 24, 23, 0, 0, 0, time.UTC)}})[second]; f.Now.Value != 6 {
		t.Errorf("as known on the day before: %+v", f.Now)
	}
	if f := h.comparison(ComparisonQuery{Verified: true})[second]; f.Now.Value != 0 || !f.Now.None {
		t.Errorf("of verified cases alone: %+v", f.Now)
	}
}

func mustDay(t *testing.T, text string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhoWritesWhatOthersSaid(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	fields := casefile.Fields{"date": {"2022-03-03"}, "kind": {"promise"}, "says": {"an investigation"}}
	promise := h.say("commitment", fields)
	for _, who := range []string{"asel", "timur", "rustem", "olga", "dana", "zhanna"} {
		s := h.people[who]
		if _, err := h.PutRecord(ctx, s, RecordChange{Kind: "commitment", Fields: fields}); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s writes a commitment: %v", who, err)
		}
		if _, err := h.PutRecord(ctx, s, RecordChange{Record: promise, Kind: "commitment", Fields: fields, Seen: 1, Reason: "why"}); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s changes a commitment: %v", who, err)
		}
		want := ErrNotAllowed
		if who == "zhanna" {
			want = ErrNotFound // who counts nothing knows of none
		}
		if err := h.WithdrawRecord(ctx, s, "", promise, 1, "why"); !errors.Is(err, want) {
			t.Errorf("%s takes a commitment back: %v", who, err)
		}
	}
	for _, who := range []string{"asel", "timur", "rustem", "olga", "dana"} {
		list, err := h.Commitments(ctx, h.people[who], Clock{})
		if err != nil || len(list.List) != 1 {
			t.Errorf("%s reads %d commitments: %v", who, len(list.List), err)
		}
		if _, err := h.Said(ctx, h.people[who], "commitment", promise, Clock{}); err != nil {
			t.Errorf("%s reads a commitment: %v", who, err)
		}
	}
	zhanna := h.people["zhanna"]
	for what, err := range map[string]error{
		"Comparison":  errorOf(h.Comparison(ctx, zhanna, ComparisonQuery{})),
		"Commitments": errorOf(h.Commitments(ctx, zhanna, Clock{})),
		"Said":        errorOf(h.Said(ctx, zhanna, "commitment", promise, Clock{})),
		"Known":       errorOf(h.Known(ctx, zhanna, "commitment")),
		"KnownRecord": errorOf(h.KnownRecord(ctx, zhanna, promise)),
	} {
		if err == nil {
			t.Errorf("%s: an administrator is answered", what)
		}
	}
	// A record of another kind is as one that is not there, and no stream is written over.
	aigerim := h.people["aigerim"]
	for _, id := range []string{h.cases[0], h.orgs["North"], "0123456789abcdef0123456789abcdef", "", "x", promise} {
		if _, err := h.Said(ctx, aigerim, "official_figure", id, Clock{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q as a figure: %v", id, err)
		}
	}
	for _, id := range []string{h.cases[0], h.orgs["North"]} {
		if _, err := h.PutRecord(ctx, aigerim, RecordChange{Record: id, Kind: "commitment", Fields: fields, Seen: 1, Reason: "why"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a commitment over another record: %v", err)
		}
	}
	if _, err := h.PutRecord(ctx, aigerim, RecordChange{Record: promise, Kind: "official_figure", Fields: fields, Seen: 1, Reason: "why"}); err == nil {
		t.Error("a commitment became a figure")
	}
	// A stored copy has an act of its own.
	capture := casefile.Fields{"publication": {promise}, "media": {"pdf"}, "bytes": {"1"}, "sha256": {"x"}, "key": {"x"}}
	if _, err := h.PutRecord(ctx, aigerim, RecordChange{Kind: "capture", Fields: capture}); err == nil {
		t.Error("a copy was written by a form")
	}
	if _, err := h.PutOutside(ctx, aigerim, "file", []Put{{Record: ledger.NewID().String(), Kind: "capture", Fields: capture}}); err == nil {
		t.Error("a copy came in by a file")
	}
}

func TestCommitments(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	promise := h.say("commitment", casefile.Fields{"date": {"2022-03-03"}, "kind": {"promise"}, "says": {"an investigation"}, "due": {"2022-04-01"}, "status": {"open"}})
	h.say("commitment", casefile.Fields{"date": {"2022-01-07"}, "kind": {"order"}, "says": {"to shoot"}})
	at := func(day string) Standing {
		t.Helper()
		list, err := h.Commitments(ctx, h.people["olga"], Clock{AsOf: mustDay(t, day)})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list.List {
			if c.Record.ID == promise {
				return c.Standing
			}
		}
		t.Fatal("the promise is not there")
		return Standing{}
	}
	due := mustDay(t, "2022-04-01")
	check := func(day string, want Standing) {
		t.Helper()
		if got := at(day); got != want {
			t.Errorf("on %s it stands as %+v, not %+v", day, got, want)
		}
	}
	check("2022-03-13", Standing{Status: "open", Due: due, Days: 10, Silent: true})
	check("2022-04-01", Standing{Status: "open", Due: due, Days: 29, Silent: true})
	check("2022-04-11", Standing{Status: "open", Due: due, Days: 10, Silent: true, Overdue: true})
	again := h.say("follow_up", casefile.Fields{"commitment": {promise}, "date": {"2022-04-10"}, "kind": {"asked_again"}, "says": {"asked again"}})
	check("2022-04-11", Standing{Status: "open", Due: due, Days: 10, Silent: true, Overdue: true})
	answer := h.say("follow_up", casefile.Fields{"commitment": {promise}, "date": {"2022-05-01"}, "kind": {"answer"}, "says": {"it goes on"}, "status": {"partly"}})
	check("2022-04-30", Standing{Status: "open", Due: due, Days: 29, Silent: true, Overdue: true})
	check("2022-05-02", Standing{Status: "partly", Due: due, Answered: edtf.MustParse("2022-05-01"), Late: true})
	h.say("follow_up", casefile.Fields{"commitment": {promise}, "date": {"2022-06-01"}, "kind": {"finding"}, "says": {"it was not"}, "status": {"not_kept"}})
	check("2022-06-02", Standing{Status: "not_kept", Due: due, Answered: edtf.MustParse("2022-05-01"), Late: true})
	check("2022-05-02", Standing{Status: "partly", Due: due, Answered: edtf.MustParse("2022-05-01"), Late: true})

	list, err := h.Commitments(ctx, h.people["olga"], Clock{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.List) != 2 || list.List[0].Record.Fields["kind"][0] != "order" || list.List[0].Standing != (Standing{}) {
		t.Errorf("an order waits for an answer: %+v", list.List[0])
	}
	var ids []string
	for _, up := range list.List[1].Followed {
		ids = append(ids, up.ID)
	}
	if len(ids) != 3 || ids[0] != again || ids[1] != answer {
		t.Errorf("what followed is out of order: %v", ids)
	}

	// An answer that is taken back leaves the silence as it was; nothing is written over.
	if err := h.WithdrawRecord(ctx, h.people["aigerim"], "", answer, 1, "of another promise"); err != nil {
		t.Fatal(err)
	}
	check("2022-05-11", Standing{Status: "open", Due: due, Days: 40, Silent: true, Overdue: true})
	view, err := h.Said(ctx, h.people["olga"], "follow_up", answer, Clock{})
	if err != nil || !view.Record.Withdrawn || len(view.Record.History) != 2 || view.Named[promise].ID != promise || view.May {
		t.Errorf("what was taken back: %+v %v", view, err)
	}
	again2, err := h.Said(ctx, h.people["aigerim"], "commitment", promise, Clock{})
	if err != nil || len(again2.Record.History) != 1 || !again2.May {
		t.Errorf("the commitment itself was written over: %+v %v", again2, err)
	}
}

// TestSilenceIsDerived holds of any commitment that it is overdue exactly where
// its day has passed, nothing answers it and nobody found out what became of it,
// and that what follows later changes nothing before.
func TestSilenceIsDerived(t *testing.T) {
	statuses := []string{"", "open", "kept", "partly", "not_kept", "withdrawn"}
	rapid.Check(t, func(rt *rapid.T) {
		day := edtf.Day(19000)
		date := func(d int) edtf.Date { return edtf.MustParse((day + edtf.Day(d)).String()) }
		rec := OutsideRecord{Date: date(0), Fields: casefile.Fields{}}
		due := rapid.IntRange(-1, 60).Draw(rt, "due")
		if due >= 0 {
			rec.Fields["due"] = []string{date(due).String()}
		}
		if status := rapid.SampledFrom(statuses).Draw(rt, "status"); status != "" {
			rec.Fields["status"] = []string{status}
		}
		var ups []OutsideRecord
		for i := range rapid.IntRange(0, 4).Draw(rt, "n") {
			up := OutsideRecord{ID: string(rune('a' + i)), Date: date(rapid.IntRange(0, 80).Draw(rt, "at")), Fields: casefile.Fields{"kind": {rapid.SampledFrom([]string{"answer", "step", "asked_again"}).Draw(rt, "kind")}}}
			if status := rapid.SampledFrom(statuses).Draw(rt, "then"); status != "" {
				up.Fields["status"] = []string{status}
			}
			ups = append(ups, up)
		}
		slices.SortStableFunc(ups, func(a, b OutsideRecord) int { return int(a.Date.Earliest()) - int(b.Date.Earliest()) })
		now := day + edtf.Day(rapid.IntRange(0, 80).Draw(rt, "now"))
		var before []OutsideRecord
		answered := false
		for _, up := range ups {
			if up.Date.Latest() <= now {
				before = append(before, up)
				answered = answered || up.Fields["kind"][0] == "answer"
			}
		}
		st := standing(rec, before, now)
		open := st.Status == "" || st.Status == "open"
		if want := due >= 0 && day+edtf.Day(due) < now && !answered && open; st.Overdue != want {
			rt.Fatalf("overdue is %v: %+v", st.Overdue, st)
		}
		if st.Overdue && (!st.Silent || st.Days <= 0) || st.Silent && answered || st.Late && st.Answered.IsZero() {
			rt.Fatalf("%+v", st)
		}
	})
}
