// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// people makes units in the cells of two facets: a list of "region/sex" with a count.
func people(groups ...string) (units []Unit) {
	for _, g := range groups {
		var region, sex string
		n := 0
		parts := strings.Split(g, "/")
		region, sex = parts[0], parts[1]
		fmt.Sscan(parts[2], &n)
		for range n {
			units = append(units, Unit{Cases: []string{fmt.Sprintf("c%03d-%s", len(units), g)}, Codes: [][]string{{region}, {sex}}})
		}
	}
	return units
}

// by makes the answer to a breakdown of units by some of their facets.
func by(units []Unit, facets ...int) Answer {
	a := Answer{Ask: Ask{Figure: "reports", By: []string{}}, Value: len(units)}
	counts := map[string]int{}
	for _, u := range units {
		var codes []string
		own := Unit{Cases: u.Cases}
		for _, f := range facets {
			codes = append(codes, u.Codes[f][0])
			own.Codes = append(own.Codes, u.Codes[f])
		}
		counts[strings.Join(codes, "/")]++
		a.Units = append(a.Units, own)
	}
	for _, f := range facets {
		a.By = append(a.By, []string{"region", "sex"}[f])
	}
	var keys []string
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		a.Cells = append(a.Cells, Cell{Codes: strings.Split(k, "/"), Value: counts[k]})
	}
	return a
}

func name(u Unit) string { return u.Cases[0] }
func about(a Ask) string { return a.Figure + " by " + strings.Join(a.By, ",") }

// TestOneSmallCellTakesAnother: a lone cell kept back is the total less the others, so a second is kept back with it.
func TestOneSmallCellTakesAnother(t *testing.T) {
	answers := []Answer{by(people("a/f/20", "b/f/2", "c/f/9", "d/f/30"), 0)}
	Protect(answers, nil, about, name, 5)
	var kept []string
	for _, c := range answers[0].Cells {
		if c.Hidden {
			kept = append(kept, c.Codes[0])
		}
	}
	if !slices.Equal(kept, []string{"b", "c"}) {
		t.Errorf("kept back: %v; b, which is small, and c, the next smallest, were to be", kept)
	}
	found, least := Disclosure(answers[0].Numbers("x", name, false), 5)
	if len(found) > 0 || least < 5 {
		t.Errorf("still told: %v, the least %d", found, least)
	}
}

// TestTwoCrossTablesSingleOut is the regression of the attack by two cross tables: neither table has a small cell that is told,
// and the one published first has none at all; the difference of the two has one person.
func TestTwoCrossTablesSingleOutRegression(t *testing.T) {
	units := people("a/f/12", "a/m/1", "b/f/10", "b/m/9")
	women := by(slices.Clone(units[:12]), 0) // told before: women of a
	women.Figure = "women_and_girls"
	all := by(units, 0)
	before := women.Numbers("women by region", name, true)
	answers := []Answer{all}
	found, least := Disclosure(append(slices.Clone(before), answers[0].Numbers("all by region", name, false)...), 5)
	if len(found) == 0 || found[0].Size != 1 || least != 1 {
		t.Fatalf("one person is the difference of the two tables, and was not seen: %v", found)
	}
	if got := strings.Join(found[0].From, " and "); !strings.Contains(got, "women") || !strings.Contains(got, "all by region") || found[0].Whole {
		t.Errorf("the reason names %q", got)
	}
	Protect(answers, before, about, name, 5)
	if found, _ := Disclosure(append(slices.Clone(before), answers[0].Numbers("all", name, false)...), 5); len(found) > 0 {
		t.Errorf("protected, it still tells %v", found)
	}
}

// TestWhatWasToldStays: a whole figure can't be kept back, and what it tells is said.
func TestWhatWasToldStays(t *testing.T) {
	units := people("a/f/20", "b/f/19")
	whole := Answer{Ask: Ask{Figure: "reports"}, Units: units, Value: 39}
	less := Answer{Ask: Ask{Figure: "complaint_filed"}, Units: units[:38], Value: 38}
	told := append(whole.Numbers("reports", name, false), less.Numbers("complaint_filed", name, false)...)
	found, least := Disclosure(told, 5)
	if len(found) != 1 || !found[0].Whole || found[0].Size != 1 || least != 1 {
		t.Errorf("%v, least %d: one who did not complain is told by two whole figures", found, least)
	}
}

// TestProtectedTellsNoFew holds Protect against the question that Disclosure answers, and Disclosure against plain
// elimination over all groups of a small world.
func TestProtectedTellsNoFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var groups []string
		for _, region := range []string{"a", "b", "c", "d"} {
			for _, sex := range []string{"f", "m", "x"} {
				groups = append(groups, fmt.Sprintf("%s/%s/%d", region, sex, rapid.IntRange(0, 12).Draw(t, region+sex)))
			}
		}
		units := people(groups...)
		k := rapid.IntRange(3, 6).Draw(t, "k")
		answers := []Answer{by(units, 0), by(units, 0, 1), by(units, 1)}
		Protect(answers, nil, about, name, k)
		var told []Told
		for _, a := range answers {
			told = append(told, a.Numbers(about(a.Ask), name, false)...)
		}
		found, _ := Disclosure(told, k)
		for _, r := range found {
			if !r.Whole {
				t.Fatalf("%d people are told by %v of %v", r.Size, r.From, groups)
			}
		}
		for _, a := range answers {
			for _, c := range a.Cells {
				if !c.Hidden && c.Value < k && c.Value > 0 {
					t.Fatalf("a cell of %d is told with k=%d", c.Value, k)
				}
			}
		}
	})
}

// TestDisclosureIsElimination compares what can be computed with whole-number elimination done otherwise: two worlds
// that agree in all that is told and differ in a group prove that the group can't be computed.
func TestDisclosureIsElimination(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "people")
		sets := rapid.SliceOfN(rapid.IntRange(0, 1<<n-1), 1, 5).Draw(t, "told")
		var told []Told
		for i, set := range sets {
			tt := Told{What: fmt.Sprint(i), Cell: true}
			for p := range n {
				if set>>p&1 == 1 {
					tt.Units = append(tt.Units, fmt.Sprint(p))
				}
			}
			told = append(told, tt)
		}
		target := rapid.IntRange(1, 1<<n-1).Draw(t, "target")
		hiddenTold := Told{What: "target", Cell: true, Hidden: true}
		for p := range n {
			if target>>p&1 == 1 {
				hiddenTold.Units = append(hiddenTold.Units, fmt.Sprint(p))
			}
		}
		found, _ := Disclosure(append(slices.Clone(told), hiddenTold), 1)
		derived := slices.ContainsFunc(found, func(r Revealed) bool { return r.Kept == "target" })
		// Weights of people in -2..2 that no told set feels but the target does: then it can't be computed.
		felt := false
		weights := make([]int, n)
		var try func(int)
		try = func(p int) {
			if felt {
				return
			}
			if p == n {
				sum := func(set int) (s int) {
					for i, w := range weights {
						if set>>i&1 == 1 {
							s += w
						}
					}
					return s
				}
				for _, set := range sets {
					if sum(set) != 0 {
						return
					}
				}
				felt = sum(target) != 0
				return
			}
			for w := -2; w <= 2; w++ {
				weights[p] = w
				try(p + 1)
			}
		}
		try(0)
		if felt && derived {
			t.Fatalf("sets %b, target %b: said to be computed, and is not", sets, target)
		}
		if !felt && !derived && n <= 4 { // weights of up to 2 suffice for so few
			t.Fatalf("sets %b, target %b: can be computed, and was not seen", sets, target)
		}
	})
}
