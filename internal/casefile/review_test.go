// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
)

func step(pos int, author, what string, fields ...string) casefile.Entry {
	e := put(pos, fmt.Sprintf("step%d", pos), "review", append([]string{"step", what}, fields...)...)
	e.Author = author
	return e
}

func TestReview(t *testing.T) {
	b := book(t)
	start := []casefile.Entry{put(1, "c", "case", "org", "o"), put(2, "r", "report", "received", "2022-02-01"), put(3, "a", "act", "date", "2022-01-06")}
	for _, tt := range []struct {
		name           string
		entries        []casefile.Entry
		state, verdict string
		changed        string
	}{
		{"nobody asked", nil, "draft", "", ""},
		{"asked", []casefile.Entry{step(4, "m", "ask")}, "in_review", "", ""},
		{"taken back", []casefile.Entry{step(4, "m", "ask"), step(5, "m", "take_back")}, "draft", "", ""},
		{"taken back without being asked", []casefile.Entry{step(5, "m", "take_back")}, "draft", "", ""},
		{"verified", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "4")}, "verified", "verified", ""},
		{"verified unasked", []casefile.Entry{step(5, "p", "verified", "saw", "3")}, "draft", "", ""},
		{"verified by who wrote it", []casefile.Entry{step(4, "x", "ask"), step(5, "m", "verified", "saw", "4")}, "in_review", "", ""},
		{"verified by who asked", []casefile.Entry{step(4, "p", "ask"), step(5, "p", "verified", "saw", "4")}, "in_review", "", ""},
		{"verified again by the same", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "rejected", "saw", "4"), step(6, "m", "ask"), step(7, "p", "verified", "saw", "6")}, "verified", "verified", ""},
		{"asked again: the verdict stands", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "4"), step(6, "m", "ask")}, "in_review", "verified", ""},
		{"and taken back", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "rejected", "saw", "4"), step(6, "m", "ask"), step(7, "m", "take_back")}, "rejected", "rejected", ""},
		{"a note changes nothing", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "4"), put(6, "n", "note", "text", "seen")}, "verified", "verified", ""},
		{"changed since", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "4"), put(6, "a", "act", "date", "2022-01-07"), put(7, "d", "decision", "kind", "closed"), withdraw(8, "r")}, "verified", "verified", "r- a d+"},
		{"changed while it was read", []casefile.Entry{step(4, "m", "ask"), put(5, "a", "act", "date", "2022-01-07"), step(6, "p", "verified", "saw", "4")}, "verified", "verified", "a"},
		{"changed and changed back", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "4"), put(6, "a", "act", "date", "2022-01-07"), put(7, "a", "act", "date", "2022-01-06")}, "verified", "verified", ""},
		{"restricted since", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "4"), put(6, "c", "case", "org", "o", "restricted", "yes")}, "verified", "verified", ""},
		{"it says it saw what was not there yet", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "verified", "saw", "9"), put(6, "a", "act", "date", "2022-01-07")}, "verified", "verified", "a"},
		{"written over", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "rejected", "saw", "4"), put(6, "step5", "review", "step", "verified"), withdraw(7, "step4")}, "rejected", "rejected", ""},
		{"another word", []casefile.Entry{step(4, "m", "ask"), step(5, "p", "excellent")}, "in_review", "", ""},
	} {
		r := casefile.Fold(b, "c", append(slices.Clone(start), tt.entries...)).Review()
		if r.State != tt.state || r.Verdict != tt.verdict || changed(r.Changed) != tt.changed {
			t.Errorf("%s: %s, verdict %q, changed %q; want %s, %q, %q", tt.name, r.State, r.Verdict, changed(r.Changed), tt.state, tt.verdict, tt.changed)
		}
	}
}

func changed(list []casefile.RecordChanged) string {
	var out []string
	for _, ch := range list {
		s := ch.Record.ID
		if ch.New {
			s += "+"
		}
		if ch.Gone {
			s += "-"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// TestReviewAgreesWithAPlainModel tells what happens entry by entry, with a
// copy of all that is said taken at each, and compares that with the fold.
func TestReviewAgreesWithAPlainModel(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		state, verdict := "draft", ""
		wrote := map[string]bool{}
		says := map[string]string{} // record → what it says
		var then []map[string]string
		var seen map[string]string // what the last verdict saw
		var entries []casefile.Entry
		for pos := range rapid.IntRange(0, 30).Draw(t, "entries") {
			who := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")
			var e casefile.Entry
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				id := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "record")
				day := rapid.SampledFrom([]string{"2022-01-06", "2022-01-07"}).Draw(t, "day")
				e = put(pos, id, "act", "date", day)
				says[id] = day
				wrote[who] = true
			case 1:
				id := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "record")
				e = withdraw(pos, id)
				if _, ok := says[id]; ok || slices.ContainsFunc(entries, func(e casefile.Entry) bool { return e.Record == id && e.Op == casefile.Put }) {
					wrote[who] = true
				}
				delete(says, id)
			case 2:
				e = put(pos, "n", "note", "text", "looks right")
			case 3:
				e = step(pos, who, "ask")
				wrote[who] = true
				if state != "in_review" {
					state = "in_review"
				}
			case 4:
				e = step(pos, who, "take_back")
				wrote[who] = true
				if state == "in_review" {
					if state = "draft"; verdict != "" {
						state = verdict
					}
				}
			default:
				word := rapid.SampledFrom([]string{"verified", "rejected", "falsely_attributed"}).Draw(t, "verdict")
				saw := rapid.IntRange(0, max(pos-1, 0)).Draw(t, "saw")
				e = step(pos, who, word, "saw", fmt.Sprint(saw))
				if state == "in_review" && !wrote[who] {
					state, verdict, seen = word, word, then[saw]
				}
			}
			e.Author = who
			entries = append(entries, e)
			then = append(then, maps.Clone(says))
		}
		c := casefile.Fold(b, "c", entries)
		r := c.Review()
		if r.State != state || r.Verdict != verdict {
			t.Fatalf("%s, verdict %q; want %s, %q", r.State, r.Verdict, state, verdict)
		}
		for _, who := range []string{"a", "b", "c"} {
			if c.Wrote(who) != wrote[who] {
				t.Fatalf("%s wrote: %v", who, c.Wrote(who))
			}
		}
		var want []string
		for _, id := range []string{"x", "y"} {
			if verdict != "" && says[id] != seen[id] {
				want = append(want, id)
			}
		}
		var got []string
		for _, ch := range r.Changed {
			got = append(got, ch.Record.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("changed since: %v, want %v", got, want)
		}
	})
}
