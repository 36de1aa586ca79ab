// SPDX-License-Identifier: AGPL-3.0-or-later

package survival_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/survival"
)

func came(days ...int) (obs []survival.Observation) {
	for _, d := range days {
		obs = append(obs, survival.Observation{Days: d, Event: true, Units: 1})
	}
	return obs
}

func open(days ...int) (obs []survival.Observation) {
	for _, d := range days {
		obs = append(obs, survival.Observation{Days: d, Units: 1})
	}
	return obs
}

// TestTextbook holds the curve to the remissions of 42 children (Freireich and
// others, Blood 21, 1963, 699-716), the example of the textbooks. Estimate and
// standard error of those treated are Table 4.1A of Klein and Moeschberger,
// Survival Analysis, 2nd edition 2003; the intervals on the log-log scale were
// computed with another program (Python, lifelines 0.30).
func TestTextbook(t *testing.T) {
	treated := survival.Curve(slices.Concat(came(6, 6, 6, 7, 10, 13, 16, 22, 23), open(6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)))
	placebo := survival.Curve(came(1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23))
	type line struct {
		day, risk int
		s, error  float64 // error: of the book; 0: not held
		low, high float64
	}
	check := func(name string, e survival.Estimate, want []line) {
		t.Helper()
		var got []survival.Step
		for _, s := range e.Steps {
			if s.Events > 0 {
				got = append(got, s)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d days on which something came, want %d", name, len(got), len(want))
		}
		sum := 0.0
		for i, w := range want {
			s := got[i]
			near := func(what string, got, want, by float64) {
				if math.Abs(got-want) > by {
					t.Errorf("%s, day %d: %s is %.6f, want %.6f", name, w.day, what, got, want)
				}
			}
			if s.Day != w.day || s.AtRisk != w.risk {
				t.Errorf("%s: day %d of %d, want %d of %d", name, s.Day, s.AtRisk, w.day, w.risk)
			}
			near("S", s.S, w.s, 0.00051)
			near("low", s.Low, w.low, 0.0000006)
			near("high", s.High, w.high, 0.0000006)
			if w.error > 0 {
				sum += float64(s.Events) / float64(s.AtRisk*(s.AtRisk-s.Events))
				near("standard error", s.S*math.Sqrt(sum), w.error, 0.00051)
			}
		}
	}
	check("treated", treated, []line{
		{6, 21, 0.857, 0.076, 0.619718, 0.951552},
		{7, 17, 0.807, 0.087, 0.563147, 0.922809},
		{10, 15, 0.753, 0.096, 0.503200, 0.889362},
		{13, 12, 0.690, 0.107, 0.431610, 0.849066},
		{16, 11, 0.627, 0.114, 0.367511, 0.804912},
		{22, 7, 0.538, 0.128, 0.267779, 0.746791},
		{23, 6, 0.448, 0.135, 0.188052, 0.680143},
	})
	check("placebo", placebo, []line{
		{1, 21, 0.904762, 0, 0.670046, 0.975294},
		{2, 19, 0.809524, 0, 0.568905, 0.923889},
		{3, 17, 0.761905, 0, 0.519391, 0.893257},
		{4, 16, 0.666667, 0, 0.425350, 0.825044},
		{5, 14, 0.571429, 0, 0.337977, 0.749241},
		{8, 12, 0.380952, 0, 0.183067, 0.577789},
		{11, 8, 0.285714, 0, 0.116561, 0.481820},
		{12, 6, 0.190476, 0, 0.059482, 0.377435},
		{15, 4, 0.142857, 0, 0.035657, 0.321162},
		{17, 3, 0.095238, 0, 0.016259, 0.261250},
		{22, 2, 0.047619, 0, 0.003324, 0.197045},
		{23, 1, 0, 0, 0, 0.197045},
	})
	for name, want := range map[string]string{
		fmt.Sprint(treated.Units, treated.Events, treated.Censored, treated.Median, treated.Low, treated.High): "21 9 12 23 13 -1",
		fmt.Sprint(placebo.Units, placebo.Events, placebo.Censored, placebo.Median, placebo.Low, placebo.High): "21 21 0 8 4 11",
	} {
		if name != want {
			t.Errorf("units, events, censored, median and its interval are %s, want %s", name, want)
		}
	}
}

func TestNothing(t *testing.T) {
	for _, obs := range [][]survival.Observation{nil, {{Days: 3, Event: true}}, {{Days: 3, Units: -2}}} {
		if e := survival.Curve(obs); e.Units != 0 || len(e.Steps) != 0 || e.Median != -1 {
			t.Errorf("of nothing: %+v", e)
		}
	}
	if e := survival.Curve(open(1, 5)); e.Median != -1 || e.Steps[1].S != 1 || e.Steps[1].Low != 1 {
		t.Errorf("nothing came: %+v", e)
	}
	if e := survival.Curve(came(-3, 2)); e.Median != 0 || e.Low != 0 || e.High != 2 && e.High != -1 {
		t.Errorf("before the start: %+v", e)
	}
}

func draw(t *rapid.T) []survival.Observation {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) survival.Observation {
		return survival.Observation{
			Days: rapid.IntRange(0, 30).Draw(t, "days"), Event: rapid.Bool().Draw(t, "event"), Units: rapid.IntRange(0, 4).Draw(t, "units"),
		}
	}), 0, 40).Draw(t, "observations")
}

// TestCurve holds what is true of every curve.
func TestCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs := draw(t)
		e := survival.Curve(obs)
		events, censored, left := 0, 0, e.Units
		before := survival.Step{Day: -1, S: 1, Low: 1, High: 1}
		for _, s := range e.Steps {
			events, censored = events+s.Events, censored+s.Censored
			switch {
			case s.Day <= before.Day || s.Events+s.Censored == 0:
				t.Fatalf("day %d comes after day %d with %d and %d", s.Day, before.Day, s.Events, s.Censored)
			case s.AtRisk != left || s.AtRisk < s.Events+s.Censored:
				t.Fatalf("day %d: %d at risk, want %d", s.Day, s.AtRisk, left)
			case s.S < 0 || s.S > before.S || s.Events == 0 && s.S != before.S || s.Events > 0 && s.S >= before.S:
				t.Fatalf("day %d: from %v to %v with %d events", s.Day, before.S, s.S, s.Events)
			case !(0 <= s.Low && s.Low <= s.S && s.S <= s.High && s.High <= 1):
				t.Fatalf("day %d: %v is not within %v and %v", s.Day, s.S, s.Low, s.High)
			}
			left -= s.Events + s.Censored
			before = s
		}
		if left != 0 || events != e.Events || censored != e.Censored || e.Units != events+censored {
			t.Fatalf("%d are left of %d; %d events of %d, %d censored of %d", left, e.Units, events, e.Events, censored, e.Censored)
		}
		reached := func(day int) int {
			if day < 0 {
				return math.MaxInt
			}
			return day
		}
		if reached(e.Low) > reached(e.Median) || reached(e.Median) > reached(e.High) {
			t.Fatalf("the median %d is not within %d and %d", e.Median, e.Low, e.High)
		}
	})
}

// TestEveryObservationCounts: how observations are grouped and ordered does not
// matter; one that is open is never left out.
func TestEveryObservationCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs := draw(t)
		var single []survival.Observation
		for _, o := range obs {
			for range o.Units {
				single = append(single, survival.Observation{Days: o.Days, Event: o.Event, Units: 1})
			}
		}
		if len(single) > 1 {
			single = rapid.Permutation(single).Draw(t, "order")
		}
		want := survival.Curve(obs)
		if got := survival.Curve(single); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("one by one: %v, not %v", got, want)
		}
		more := survival.Curve(append(slices.Clone(obs), survival.Observation{Days: 31, Units: 1}))
		if more.Units != want.Units+1 || more.Censored != want.Censored+1 {
			t.Fatalf("one more that is open: %d units, %d of them open", more.Units, more.Censored)
		}
		for i, s := range want.Steps {
			if s.Events > 0 && more.Steps[i].S <= s.S {
				t.Fatalf("day %d: one more that still waits makes %v of %v", s.Day, more.Steps[i].S, s.S)
			}
		}
	})
}

// TestWithoutOpenOnes: where nothing is open, the curve is the plain share.
func TestWithoutOpenOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 60).Draw(t, "days")
		for _, s := range survival.Curve(came(days...)).Steps {
			later := 0
			for _, d := range days {
				if d > s.Day {
					later++
				}
			}
			if want := float64(later) / float64(len(days)); math.Abs(s.S-want) > 1e-9 {
				t.Fatalf("day %d: %v, not %v", s.Day, s.S, want)
			}
		}
	})
}
