// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

func book(t testing.TB) *codebook.Book {
	t.Helper()
	b, err := codebook.Load(codebook.Data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var start = time.Date(2022, 6, 1, 9, 0, 0, 0, time.UTC)

func put(pos int, record, kind string, fields ...string) casefile.Entry {
	f := casefile.Fields{}
	for i := 0; i+1 < len(fields); i += 2 {
		f[fields[i]] = append(f[fields[i]], fields[i+1])
	}
	return casefile.Entry{Pos: uint64(pos), At: start.AddDate(0, 0, pos), Record: record, Kind: kind, Op: casefile.Put, Fields: f, Author: "m"}
}

func withdraw(pos int, record string) casefile.Entry {
	return casefile.Entry{Pos: uint64(pos), At: start.AddDate(0, 0, pos), Record: record, Op: casefile.Withdraw, Reason: "entered twice"}
}

func day(s string) edtf.Day { return edtf.MustParse(s).Earliest() }

func TestWhenARecordCounts(t *testing.T) {
	b := book(t)
	c := casefile.Fold(b, "c", []casefile.Entry{
		put(1, "case", "case", "org", "o"),
		put(2, "early", "report", "received", "2022-03-01"),
		put(3, "late", "report", "received", "2022-02-01"),
		put(4, "span", "act", "date", "2022-01-04/2022-01-05"),
		put(5, "month", "complaint", "date", "2022-02"),
		put(6, "undated", "registration", "status", "unregistered_check"),
		put(7, "unknown", "act", "date", "unknown"),
		put(8, "open", "detention", "from", "2022-01-06/.."),
		put(9, "held", "examination", "held", "2022-03-15"),
		put(10, "ordered", "examination", "held", "2022-03-15", "ordered", "2022-03-01"),
		put(11, "paid", "redress", "paid", "2023-05-01", "claimed", "2022-05-01"),
	})
	for id, want := range map[string]string{
		"span": "2022-01-05", "month": "2022-02-28",
		"undated": "2022-02-01", "unknown": "2022-02-01", "open": "2022-02-01", "case": "2022-02-01",
		"held": "2022-03-15", "ordered": "2022-03-01", "paid": "2022-05-01",
	} {
		if r, _ := c.Record(id); r.Counts != day(want) {
			t.Errorf("%s counts from %s, want %s", id, r.Counts, want)
		}
	}
	if r, _ := c.Record("ordered"); r.Date.String() != "2022-03-01" {
		t.Errorf("effective date %s", r.Date)
	}
	if d, ok := c.Reported(); !ok || d != day("2022-02-01") {
		t.Errorf("reported %s", d)
	}

	// Without a report: the day it was entered.
	c = casefile.Fold(b, "c", []casefile.Entry{put(1, "undated", "registration", "status", "erdr")})
	if r, _ := c.Record("undated"); r.Counts != edtf.DayOf(start.AddDate(0, 0, 1)) {
		t.Errorf("counts from %s", r.Counts)
	}
}

// A record is not written over by putting another kind under its id, as one
// who may only comment might try.
func TestARecordKeepsItsKind(t *testing.T) {
	c := casefile.Fold(book(t), "c", []casefile.Entry{
		put(1, "r", "report", "received", "2022-02-01"), put(2, "r", "note", "text", "written over"), put(3, "r", "report", "received", "2022-02-02"), put(4, "r", "act", "date", "2022-01-06"),
	})
	if r, _ := c.Record("r"); r.Kind != "report" || r.Get("received") != "2022-02-02" || r.Get("text") != "" || len(r.History) != 2 {
		t.Errorf("the record is %+v", r)
	}
}

func TestHistory(t *testing.T) {
	b := book(t)
	before := []casefile.Entry{put(1, "r", "report", "received", "2022-02-01"), put(2, "a", "act", "date", "2022-01-06"), put(3, "a", "act", "date", "2022-01-07")}
	c := casefile.Fold(b, "c", append(before, withdraw(4, "a"), withdraw(5, "never")))
	if len(c.Of("act")) != 0 || len(c.Withdrawn()) != 1 || len(c.Records()) != 1 {
		t.Fatal("a withdrawn record is still there")
	}
	a, ok := c.Record("a")
	if !ok || !a.Withdrawn || len(a.History) != 3 || a.History[0].Fields["date"][0] != "2022-01-06" || a.History[2].Reason != "entered twice" {
		t.Errorf("history: %+v", a)
	}
}

// entries draws a case's entries: puts and withdrawals of a few records.
func entries(prefix string, from int) *rapid.Generator[[]casefile.Entry] {
	return rapid.Custom(func(t *rapid.T) []casefile.Entry {
		kinds := []string{"report", "act", "complaint", "registration", "decision", "examination", "appeal", "verdict", "step", "redress"}
		var out []casefile.Entry
		for i := range rapid.IntRange(0, 15).Draw(t, "n") {
			record := fmt.Sprintf("%s%d", prefix, rapid.IntRange(0, 5).Draw(t, "record"))
			if rapid.IntRange(0, 4).Draw(t, "op") == 0 {
				out = append(out, withdraw(from+i, record))
				continue
			}
			kind := kinds[int(record[len(record)-1]-'0')]
			if rapid.Bool().Draw(t, "other") {
				kind = kinds[5+int(record[len(record)-1]-'0')%5]
			}
			date := rapid.SampledFrom([]string{"2022-01-06", "2022-02", "2022-03-01/2022-03-05", "unknown", "2022-04/..", "2022-05-05"}).Draw(t, "date")
			field := map[string]string{"report": "received", "examination": "ordered", "redress": "awarded"}[kind]
			if field == "" {
				field = "date"
			}
			value := map[string]string{"complaint": "filed", "registration": "status", "decision": "kind"}[kind]
			e := put(from+i, record, kind, field, date)
			if kind == "step" {
				e.Fields["requested"] = []string{"2022-01-10"}
			}
			if value != "" {
				e.Fields[value] = []string{rapid.SampledFrom([]string{"yes", "no", "erdr", "unregistered_check", "closed", "suspended", "resumed"}).Draw(t, "value")}
			}
			out = append(out, e)
		}
		return out
	})
}

// look is what a file says, without its pointers.
func look(c *casefile.Case) any {
	var records, gone []casefile.Record
	for _, r := range c.Records() {
		records = append(records, *r)
	}
	for _, r := range c.Withdrawn() {
		gone = append(gone, *r)
	}
	var events []string
	for _, e := range c.Timeline() {
		events = append(events, fmt.Sprint(e.Record.ID, e.Field, e.From, e.To, e.Further))
	}
	return []any{records, gone, events, c.Members(), c.Stage(day("2022-03-03")), c.Stage(day("2023-01-01"))}
}

func TestFoldTakesAnyOrderAndRepetition(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		es := entries("a", 1).Draw(t, "entries")
		want := look(casefile.Fold(b, "c", es))
		shuffled := rapid.Permutation(es).Draw(t, "order")
		if n := len(shuffled); n > 0 {
			shuffled = append(shuffled, shuffled[rapid.IntRange(0, n-1).Draw(t, "again")])
		}
		if got := look(casefile.Fold(b, "c", shuffled)); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestNextIsFold adds entries some at a time to a file: each time it says what a
// file of all of them says, and the one before says what it said.
func TestNextIsFold(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		es := entries("a", 1).Draw(t, "entries")
		if len(es) > 0 && rapid.IntRange(0, 4).Draw(t, "out of order") == 0 {
			es[rapid.IntRange(0, len(es)-1).Draw(t, "which")].Pos = uint64(rapid.IntRange(0, 20).Draw(t, "place"))
		}
		c := casefile.Fold(b, "c", nil)
		for n := 0; n < len(es); {
			n += rapid.IntRange(1, len(es)-n).Draw(t, "more")
			before, next := look(c), c.Next(es[:n])
			fresh := casefile.Fold(b, "c", es[:n])
			if got, want := look(next), look(fresh); !reflect.DeepEqual(got, want) {
				t.Fatalf("after %d:\ngot  %+v\nwant %+v", n, got, want)
			}
			if !reflect.DeepEqual(look(c), before) {
				t.Fatalf("after %d the file before says something else", n)
			}
			for _, r := range next.Records() {
				if got, ok := next.Record(r.ID); !ok || got != r || !slices.Contains(next.Of(r.Kind), r) {
					t.Fatalf("after %d, record %s is found in one way and not in another", n, r.ID)
				}
			}
			for _, kind := range []string{"report", "act", "complaint", "registration", "decision", "examination", "appeal", "verdict", "step", "redress"} {
				if got, want := len(next.Of(kind)), len(fresh.Of(kind)); got != want {
					t.Fatalf("after %d there are %d of kind %s, not %d", n, got, kind, want)
				}
			}
			if next.StagesAs(c) {
				for d := day("2021-12-01"); d < day("2022-08-01"); d = d.Add(1) {
					if next.Stage(d).ID != c.Stage(d).ID || next.Stage(d).Since != c.Stage(d).Since {
						t.Fatalf("after %d the stage on %v is another one", n, d)
					}
				}
			}
			c = next
		}
	})
	c := casefile.Fold(b, "c", []casefile.Entry{put(1, "r", "report", "received", "2022-02-01")})
	if next := c.Next([]casefile.Entry{put(1, "r", "report", "received", "2022-02-01"), put(2, "n", "note", "text", "read")}); !next.StagesAs(c) || &next.Of("report")[0] != &c.Of("report")[0] {
		t.Error("a note makes a new file of the whole case")
	}
}

func TestMergeTakesAnyOrder(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		x := casefile.Fold(b, "x", entries("x", 1).Draw(t, "x"))
		y := casefile.Fold(b, "y", entries("y", 100).Draw(t, "y"))
		z := casefile.Fold(b, "z", entries("z", 200).Draw(t, "z"))
		want := look(casefile.Merge("u", x, y, z))
		for _, c := range []*casefile.Case{casefile.Merge("u", z, x, y), casefile.Merge("u", y, casefile.Merge("v", z, x)), casefile.Merge("u", x, y, z, x)} {
			if got := look(c); !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
		}
		if n := len(x.Records()) + len(y.Records()) + len(z.Records()); n != len(casefile.Merge("u", x, y, z).Records()) {
			t.Fatalf("records lost")
		}
		for _, r := range casefile.Merge("u", x, y, z).Records() {
			if own, _ := map[string]*casefile.Case{"x": x, "y": y, "z": z}[r.Case].Record(r.ID); own.Counts != r.Counts {
				t.Fatalf("%s counts from another day in the unit", r.ID)
			}
		}
	})
}

// TestWithdrawAndUndo: a record withdrawn and written again with the same fields stands as it stood.
func TestWithdrawAndUndo(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		es := entries("a", 1).Draw(t, "entries")
		before := casefile.Fold(b, "c", es)
		for _, r := range before.Records() {
			again := casefile.Entry{Pos: 501, At: start.AddDate(1, 0, 0), Record: r.ID, Kind: r.Kind, Op: casefile.Put, Fields: r.Fields}
			after := casefile.Fold(b, "c", append(slices.Clone(es), withdraw(500, r.ID), again))
			for _, was := range before.Records() {
				now, _ := after.Record(was.ID)
				if now.Withdrawn || !reflect.DeepEqual(now.Fields, was.Fields) || now.Counts != was.Counts || now.Date != was.Date || now.Kind != was.Kind {
					t.Fatalf("%s was %+v, is %+v", was.ID, was, now)
				}
			}
		}
	})
}

// TestStageOnlyGoesOn: with time no station that was reached is lost, and nothing that had failed earlier fails later.
func TestStageOnlyGoesOn(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		c := casefile.Fold(b, "c", entries("a", 1).Draw(t, "entries"))
		last := c.Stage(edtf.MinDay)
		if last.ID != "" {
			t.Fatalf("before all time at %s", last.ID)
		}
		for d := day("2021-12-01"); d < day("2023-01-01"); d += 7 {
			s := c.Stage(d)
			for i, step := range s.Path {
				if last.Path[i].Reached && (!step.Reached || step.Since != last.Path[i].Since && step.Branch == last.Path[i].Branch) {
					t.Fatalf("on %s %s: was %+v, is %+v", d, step.ID, last.Path[i], step)
				}
				if step.Reached && step.Since > d {
					t.Fatalf("on %s %s since %s", d, step.ID, step.Since)
				}
			}
			if l, _ := b.List("stage"); s.ID != "" {
				if _, ok := l.Code(s.ID); !ok {
					t.Fatalf("%s is no stage", s.ID)
				}
			}
			last = s
		}
	})
}

// TestTurnsAreAll: between two turns the stage stays what it is.
func TestTurnsAreAll(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		c := casefile.Fold(b, "c", entries("a", 1).Draw(t, "entries"))
		turns := c.Turns()
		for d := day("2021-12-01"); d < day("2022-08-01"); d++ {
			if !slices.Contains(turns, d) && !reflect.DeepEqual(c.Stage(d), c.Stage(d-1)) {
				t.Fatalf("turns on %s: %+v, %+v", d, c.Stage(d-1), c.Stage(d))
			}
		}
	})
}

func TestStages(t *testing.T) {
	b := book(t)
	full := []casefile.Entry{
		put(1, "report", "report", "received", "2022-02-01"),
		put(2, "complaint", "complaint", "filed", "yes", "date", "2022-02-03"),
		put(3, "erdr", "registration", "status", "erdr", "date", "2022-02-05"),
		put(4, "sme", "examination", "kind", "sme", "ordered", "2022-02-10"),
		put(5, "closed", "decision", "kind", "closed", "date", "2022-04-06", "ground", "other"),
		put(6, "appeal", "appeal", "of", "closed", "date", "2022-04-20"),
		put(7, "overturned", "decision", "kind", "overturned", "date", "2022-06-01"),
		put(8, "court", "decision", "kind", "sent_to_court", "date", "2022-09-01"),
		put(9, "verdict", "verdict", "kind", "convicted", "date", "2022-12-01"),
		put(10, "paid", "redress", "kind", "compensation", "paid", "2023-03-01"),
	}
	c := casefile.Fold(b, "c", full)
	for _, x := range []struct{ on, stage, since, branch string }{
		{"2022-01-31", "", "", ""},
		{"2022-02-01", "reported", "2022-02-01", ""},
		{"2022-02-04", "complained", "2022-02-03", ""},
		{"2022-02-05", "registered", "2022-02-05", ""},
		{"2022-03-01", "examined", "2022-02-10", ""},
		{"2022-04-06", "closed", "2022-04-06", "closed"},
		{"2022-05-01", "appealed", "2022-04-20", "closed"},
		{"2022-06-02", "reopened", "2022-06-01", ""},
		{"2022-09-01", "in_court", "2022-09-01", ""},
		{"2022-12-01", "convicted", "2022-12-01", ""},
		{"2023-03-01", "redress", "2023-03-01", ""},
	} {
		s := c.Stage(day(x.on))
		if s.ID != x.stage || s.Branch != x.branch || x.since != "" && s.Since != day(x.since) {
			t.Errorf("on %s: %s since %s, branch %q; want %s since %s, %q", x.on, s.ID, s.Since, s.Branch, x.stage, x.since, x.branch)
		}
	}
	for _, x := range []struct {
		entries       []casefile.Entry
		stage, branch string
		reason        string
	}{
		{[]casefile.Entry{put(2, "c", "complaint", "filed", "no", "no_complaint_reason", "no_trust")}, "not_complained", "not_complained", "no_trust"},
		{[]casefile.Entry{put(2, "c", "complaint", "filed", "no"), put(3, "d", "complaint", "filed", "yes")}, "complained", "", ""},
		{[]casefile.Entry{put(2, "c", "complaint", "filed", "yes"), put(3, "r", "registration", "status", "refused")}, "unregistered", "unregistered", "refused"},
		{[]casefile.Entry{put(2, "r", "registration", "status", "unregistered_check")}, "unregistered", "unregistered", "unregistered_check"},
		{[]casefile.Entry{put(2, "r", "registration", "status", "erdr"), put(3, "d", "decision", "kind", "suspended", "interruption_ground", "other")}, "interrupted", "interrupted", "other"},
		{[]casefile.Entry{put(2, "d", "decision", "kind", "refused")}, "opening_refused", "opening_refused", ""},
		{[]casefile.Entry{put(2, "d", "decision", "kind", "charged")}, "charged", "", ""},
		{[]casefile.Entry{put(2, "d", "decision", "kind", "closed"), put(3, "a", "appeal", "of", "d", "outcome", "refused")}, "closed", "closed", ""},
		{[]casefile.Entry{put(2, "v", "verdict", "kind", "acquitted")}, "acquitted", "acquitted", ""},
	} {
		s := casefile.Fold(b, "c", append([]casefile.Entry{full[0]}, x.entries...)).Stage(day("2023-01-01"))
		if s.ID != x.stage || s.Branch != x.branch || s.Reason != x.reason {
			t.Errorf("%s %q %q, want %s %q %q", s.ID, s.Branch, s.Reason, x.stage, x.branch, x.reason)
		}
	}
}

func TestTimeline(t *testing.T) {
	c := casefile.Fold(book(t), "c", []casefile.Entry{
		put(1, "case", "case", "org", "o", "opened", "2022-06-01"),
		put(2, "row", "import_row", "row", "7"),
		put(3, "victim", "person", "role", "victim", "birth", "1971-05-01"),
		put(4, "later", "act", "date", "2022-01-05"),
		put(5, "night", "act", "date", "2022-01-04/2022-01-05"),
		put(6, "exam", "examination", "ordered", "2022-02-01", "held", "2022-03-15"),
		put(7, "undated", "registration", "status", "erdr"),
		put(8, "report", "report", "received", "2022-02-03"),
	})
	var got []string
	for _, e := range c.Timeline() {
		mark := ""
		if e.Further {
			mark = "+"
		}
		got = append(got, e.Record.ID+mark+":"+e.Field)
	}
	want := []string{"night:date", "later:date", "exam:ordered", "report:received", "exam+:held", "undated:"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func BenchmarkFold(b *testing.B) {
	bk := book(b)
	var es []casefile.Entry
	for i := range 20 {
		es = append(es, put(i+1, fmt.Sprint(i), []string{"report", "act", "complaint", "registration"}[i%4], "date", "2022-01-06", "received", "2022-02-01"))
	}
	b.ReportAllocs()
	for b.Loop() {
		casefile.Fold(bk, "c", es)
	}
}
