// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// TestWaitingIsThePlainAnswer compares the deadlines that wait, as kept for all
// days, with the deadlines asked anew on each of many days.
func TestWaitingIsThePlainAnswer(t *testing.T) {
	b, s := compiled(t)
	asked := 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t, b)
		standings, waits := s.Standings(c)
		for _, d := range turnsOf(standings, waits) {
			got, want := map[string]bool{}, map[string]bool{}
			unsure := map[string]bool{} // what was done, perhaps
			for _, w := range waits {
				if w.From <= d && d < w.To {
					def, _ := s.Rule(w.Rule)
					got[fmt.Sprint(w.Rule, w.Due, w.Arguable, rules.WaitsAs(def.Kind, d, w.Due, w.Arguable))] = true
				}
			}
			for _, dl := range s.Deadlines(c, d) {
				key := fmt.Sprint(dl.Rule, dl.Due, dl.DueArguable, dl.State)
				switch dl.State {
				case rules.Running, rules.Overdue, rules.Open, rules.Expired:
					if dl.Due != edtf.MaxDay {
						want[key] = true
						asked++
					}
				case rules.CannotTell:
					unsure[key] = true
				}
			}
			for key := range want {
				if !got[key] {
					t.Fatalf("on %s %s is not kept: %v", d, key, got)
				}
			}
			for key := range got {
				if !want[key] && !unsure[key] {
					t.Fatalf("on %s %s is kept and does not wait", d, key)
				}
			}
		}
	})
	if asked < 20 { // some 200 in the mean, and now and then half of that
		t.Errorf("only %d deadlines waited: this test finds nothing", asked)
	}
}

// turnsOf are the days about which standings and waits change.
func turnsOf(standings []rules.Standing, waits []rules.Waiting) []edtf.Day {
	var days []edtf.Day
	for _, text := range []string{"2022-01-20", "2022-03-01", "2022-06-15", "2023-01-01", "2024-06-01"} {
		d, err := edtf.ParseDay(text)
		if err != nil {
			panic(err)
		}
		days = append(days, d)
	}
	add := func(all ...edtf.Day) {
		for _, d := range all {
			if !d.Bound() {
				days = append(days, d.Add(-1), d, d.Add(1))
			}
		}
	}
	for _, s := range standings {
		add(s.From, s.To)
	}
	for _, w := range waits {
		add(w.From, w.To, w.Due, w.Arguable)
	}
	slices.Sort(days)
	return slices.Compact(days)
}
