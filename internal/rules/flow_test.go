// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// TestTheWayLosesNobody holds, for any case on any day, that who stands at a
// figure of the way goes on by exactly one of its links, and came by exactly one.
func TestTheWayLosesNobody(t *testing.T) {
	b, s := compiled(t)
	var links []rules.FigureDef
	out, in := map[string][]string{}, map[string][]string{}
	for _, d := range s.Figures() {
		if d.From == "" {
			continue
		}
		links = append(links, d)
		out[d.From], in[d.To] = append(out[d.From], d.ID), append(in[d.To], d.ID)
		for _, id := range []string{d.ID, d.From, d.To} {
			if of, _ := s.Figure(id); !slices.Contains(of.Sets, "flow") {
				t.Errorf("%s leads from %s to %s, and %s is not in the set flow", d.ID, d.From, d.To, id)
			}
		}
	}
	met := map[string]int{}
	check := func(rt *rapid.T, of string, on edtf.Day, holds map[string]bool, among []string) {
		if len(among) == 0 {
			return
		}
		n := 0
		for _, id := range among {
			if holds[id] {
				n++
			}
		}
		if want := holds[of]; want && n != 1 || !want && n != 0 {
			rt.Fatalf("on %s %s is %v, and %d hold of %v", on, of, want, n, among)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := drawWay(rt, b)
		var days []edtf.Day
		for _, i := range s.Intervals(c) {
			days = append(days, i.From, i.To)
		}
		slices.Sort(days)
		for _, on := range slices.Compact(days) {
			holds := map[string]bool{}
			for _, id := range s.Counts(c, on) {
				holds[id] = true
			}
			for _, d := range links {
				if holds[d.ID] && (!holds[d.From] || !holds[d.To]) {
					rt.Fatalf("on %s %s holds, of %s: %v and %s: %v", on, d.ID, d.From, holds[d.From], d.To, holds[d.To])
				}
				if holds[d.ID] {
					met[d.ID]++
				}
			}
			for _, of := range slices.Sorted(maps.Keys(out)) {
				check(rt, of, on, holds, out[of])
			}
			for _, of := range slices.Sorted(maps.Keys(in)) {
				check(rt, of, on, holds, in[of])
			}
		}
	})
	for _, d := range links {
		t.Logf("%4d %s", met[d.ID], d.ID)
	}
	if len(links) < 30 || len(met) < len(links)*3/4 {
		t.Errorf("%d of %d links were met: the cases drawn try too little", len(met), len(links))
	}
}

// drawWay draws a case of records of the way, with what its figures read: each
// of them in whatever order, some without a date, some of them not known.
func drawWay(t *rapid.T, b *codebook.Book) *casefile.Case {
	dates := []string{"2022-01-04", "2022-01-04/2022-01-09", "2022-01-14", "2022-03", "2022-03-20", "2022-06~", "2023-01-01", "unknown", ""}
	draws := []struct {
		kind, field string
		codes       []string
		dates       []string
	}{
		{"report", "channel", []string{"phone"}, []string{"received"}},
		{"complaint", "filed", []string{"yes", "no", "unknown"}, []string{"date"}},
		{"registration", "status", []string{"erdr", "erdr", "erdr", "unregistered_check", "refused", "kui_only", "joined", "unknown"}, []string{"date"}},
		{"examination", "kind", []string{"sme", "sppe", "independent_ip"}, []string{"requested", "ordered", "held"}},
		{"decision", "kind", []string{"opened", "refused", "suspended", "closed", "closed", "charged", "sent_to_court"}, []string{"date"}},
		{"appeal", "kind", []string{"appeal"}, []string{"date"}},
		{"hearing", "kind", []string{"trial", "complaint"}, []string{"date"}},
		{"verdict", "kind", []string{"convicted", "acquitted"}, []string{"date"}},
		{"redress", "kind", []string{"compensation"}, []string{"claimed", "awarded", "paid"}},
	}
	entries := []casefile.Entry{{Pos: 1, At: written, Record: id("case"), Kind: "case", Op: casefile.Put, Fields: casefile.Fields{"opened": {"2022-01-10"}}}}
	for _, d := range draws {
		most := []int{1, 0, 1, 2}
		if d.kind == "hearing" || d.kind == "verdict" { // few come that far
			most = []int{0, 0, 0, 1}
		}
		for i := range rapid.SampledFrom(most).Draw(t, d.kind) {
			f := casefile.Fields{d.field: {rapid.SampledFrom(d.codes).Draw(t, d.field)}}
			for _, date := range d.dates {
				if text := rapid.SampledFrom(dates).Draw(t, date); text != "" {
					f[date] = []string{text}
				}
			}
			entries = append(entries, casefile.Entry{Pos: uint64(len(entries) + 1), At: written, Record: id(fmt.Sprint(d.kind, i)), Kind: d.kind, Op: casefile.Put, Fields: f})
		}
	}
	return casefile.Fold(b, id("case"), entries)
}
