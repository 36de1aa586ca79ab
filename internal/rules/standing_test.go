// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// on is what of the standings of all days holds on one.
func on(all []rules.Standing, day edtf.Day) []rules.Standing {
	var out []rules.Standing
	for _, s := range all {
		if s.From <= day && day < s.To {
			out = append(out, rules.Standing{Rule: s.Rule, Due: s.Due})
		}
	}
	return out
}

// turns are the days on which something begins or ends, the days beside them, and some far away.
func turns(t testing.TB, all []rules.Standing) []edtf.Day {
	days := []edtf.Day{day(t, "1990-01-01"), day(t, "2022-07-01"), day(t, "2024-02-29"), day(t, "2071-01-01")}
	for _, s := range all {
		for _, d := range []edtf.Day{s.From, s.To} {
			if !d.Bound() {
				days = append(days, d.Add(-1), d, d.Add(1))
			}
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// TestStandingsOfTheStories asks every day of three years anew.
func TestStandingsOfTheStories(t *testing.T) {
	b, s := compiled(t)
	for _, file := range []string{"1-square.yaml", "2-van.yaml", "3-station.yaml"} {
		c := story(t, b, file)
		all, _ := s.Standings(c)
		if len(all) == 0 {
			t.Errorf("%s: nothing stands", file)
		}
		for d := day(t, "2021-12-20"); d < day(t, "2024-12-20"); d++ {
			if got, want := on(all, d), s.StandsOn(c, d); !slices.Equal(got, want) {
				t.Fatalf("%s on %v: %v, not %v", file, d, got, want)
			}
		}
	}
}

// drawCase draws a case of records of any kind with any of their fields.
func drawCase(t *rapid.T, b *codebook.Book) *casefile.Case {
	return casefile.Fold(b, id("case"), drawEntries(t, b))
}

// drawEntries draws the entries of such a case.
func drawEntries(t *rapid.T, b *codebook.Book) []casefile.Entry {
	var kinds []*codebook.Kind
	for _, k := range b.Kinds() {
		if k.Scope == codebook.InCase && k.ID != "case" {
			kinds = append(kinds, k)
		}
	}
	dates := []string{"2022-01-04", "2022-01-04/2022-01-05", "2022-01-14", "2022-01", "2022-03-20", "2022-06~", "2022-06-30", "2022-12-31", "2023-01-01", "2023-04", "2024-02-29", "2022-01-20/..", "../2022-05-01", "unknown"}
	entries := []casefile.Entry{{Pos: 1, At: written, Record: id("case"), Kind: "case", Op: casefile.Put, Fields: casefile.Fields{"opened": {"2022-01-10"}}}}
	// Mostly of a few kinds, so that rules find what they read; and every second kind one of those from which a term of
	// ours runs, which are few among all kinds.
	some := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(kinds), rapid.SampledFrom(startOurs(b))), 1, 6).Draw(t, "kinds")
	for i := range rapid.IntRange(1, 12).Draw(t, "records") {
		k := rapid.SampledFrom(some).Draw(t, "kind")
		f := casefile.Fields{}
		for _, field := range k.Fields {
			if rapid.IntRange(0, 3).Draw(t, "left out") == 0 {
				continue
			}
			switch field.Type {
			case codebook.Date:
				f[field.ID] = []string{rapid.SampledFrom(dates).Draw(t, field.ID)}
			case codebook.YesNo:
				f[field.ID] = []string{rapid.SampledFrom([]string{"yes", "no", "unknown"}).Draw(t, field.ID)}
			case codebook.Number, codebook.Share:
				f[field.ID] = []string{fmt.Sprint(rapid.IntRange(0, 40).Draw(t, field.ID))}
			case codebook.Code:
				if l, ok := b.List(field.List); ok && len(l.Codes) > 0 {
					f[field.ID] = []string{rapid.SampledFrom(l.Codes).Draw(t, field.ID).Code}
				}
			case codebook.Ref:
				f[field.ID] = []string{id(fmt.Sprint(rapid.IntRange(0, 11).Draw(t, field.ID)))}
			default:
				f[field.ID] = []string{"x"}
			}
		}
		entries = append(entries, casefile.Entry{Pos: uint64(i + 2), At: written, Record: id(fmt.Sprint(i)), Kind: k.ID, Op: casefile.Put, Fields: f})
	}
	return entries
}

// startOurs are the kinds of which each record is asked for a term of ours.
func startOurs(b *codebook.Book) []*codebook.Kind {
	var out []*codebook.Kind
	for _, r := range b.Rules() {
		if k, ok := b.Kind(r.Each); ok && r.Owes == "us" && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// TestStandingsAreThePlainAnswer compares the standings of all days with the
// checks and deadlines asked anew on each of many days.
func TestStandingsAreThePlainAnswer(t *testing.T) {
	b, s := compiled(t)
	breached, overdue, ours := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCase(rt, b)
		all, _ := s.Standings(c)
		days := turns(t, all)
		for _, rec := range c.Records() {
			days = append(days, rec.Counts)
		}
		for range 10 {
			days = append(days, day(t, "2021-12-25").Add(rapid.IntRange(0, 1200).Draw(rt, "day")))
		}
		for _, d := range days {
			got, want := on(all, d), s.StandsOn(c, d)
			if !slices.Equal(got, want) {
				rt.Fatalf("on %v: %v, not %v", d, got, want)
			}
			for _, st := range want {
				def, _ := s.Rule(st.Rule)
				switch {
				case st.Due != 0:
					ours++
				case def.Use == codebook.Check:
					breached++
				default:
					overdue++
				}
			}
		}
		for i, st := range all {
			if st.From >= st.To || i > 0 && all[i-1].Rule == st.Rule && all[i-1].Due == st.Due && all[i-1].To > st.From {
				rt.Fatalf("%v is no span of its own", st)
			}
		}
	})
	if breached == 0 || overdue == 0 || ours == 0 {
		t.Errorf("%d breached, %d overdue, %d of ours: the cases drawn try too little", breached, overdue, ours)
	}
}

func BenchmarkStandings(b *testing.B) {
	book, s := compiled(b)
	for _, file := range []string{"1-square.yaml", "2-van.yaml", "3-station.yaml"} {
		c := story(b, book, file)
		b.Run(file, func(b *testing.B) {
			for b.Loop() {
				if all, _ := s.Standings(c); len(all) == 0 {
					b.Fatal("nothing stands")
				}
			}
		})
		b.Run(file+"/one day", func(b *testing.B) {
			d := day(b, "2022-06-24")
			for b.Loop() {
				s.StandsOn(c, d)
			}
		})
	}
	rows := sample(b, book)
	b.Run("row of the sample", func(b *testing.B) {
		for b.Loop() {
			for _, c := range rows {
				s.Standings(c)
				break
			}
		}
	})
}
