// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"testing"
)

// TestSumOfParts: known parts have a known sum, its interval is narrower than
// the sum of theirs, and what is not usable is not in it.
func TestSumOfParts(t *testing.T) {
	part := func(m Method, observed int, low, lower, median, upper, high float64) Report {
		return Report{Estimates: []Estimate{{Method: m, Observed: observed, Low: low, Lower: lower, Median: median, Upper: upper, High: high, Models: []Model{{}}}}}
	}
	exact := []Report{part(Graphs, 10, 30, 30, 30, 30, 30), part(Graphs, 5, 5, 5, 5, 5, 5), {}}
	if got := Sum(exact); len(got) != 1 || got[0].Parts != 2 || math.Abs(got[0].Median-35) > 1e-6 || math.Abs(got[0].High-35) > 1e-6 {
		t.Errorf("what is certain adds up to %+v", got)
	}
	// Lognormal: 100 unseen, a standard deviation of 0.5 on the logarithm.
	at := func(z float64) float64 { return 200 + 100.5*math.Exp(0.5*z) - 0.5 }
	one := part(LogLinear, 200, at(sumKnots[0]), at(sumKnots[1]), at(0), at(sumKnots[3]), at(sumKnots[4]))
	got := Sum([]Report{one, one, one, one})
	// Four of them: mean 100.5 e^0.125 each, variance (100.5)² (e^0.25 − 1) e^0.25 each.
	mean, sd := 4*(200+100.5*math.Exp(.125)-.5), 2*100.5*math.Sqrt((math.Exp(.25)-1)*math.Exp(.25))
	if len(got) != 1 || math.Abs(got[0].Median-mean) > 0.3*sd || got[0].Low < mean-2.2*sd || got[0].High > mean+2.6*sd || got[0].High < mean+1.6*sd {
		t.Errorf("four parts add up to %+v; mean %.0f, standard deviation %.0f", got, mean, sd)
	}
	if wide := 4 * (one.Estimates[0].High - one.Estimates[0].Low); got[0].High-got[0].Low > 0.7*wide {
		t.Errorf("the interval of the sum is %.0f wide, those of the parts %.0f together", got[0].High-got[0].Low, wide)
	}
	if again := Sum([]Report{one, one, one, one}); again[0] != got[0] {
		t.Error("the same parts add up to another sum")
	}
	apart := part(Latent, 10, 20, 30, 40, 50, 60)
	apart.Estimates[0].Convergence, apart.Estimates[0].Chains = Convergence{RHat: 1.4, Bulk: 5, Tail: 5}, 4
	if got := Sum([]Report{apart, apart, one}); len(got) != 0 {
		t.Errorf("chains that don't agree are added up, or one part is a sum: %+v", got)
	}
	if got := Sum(nil); got != nil {
		t.Error(got)
	}
}

// TestRefusalsHaveOneText: a refusal has its text in the messages alone, in every
// language; the error that nobody ought to see says its code.
func TestRefusalsHaveOneText(t *testing.T) {
	for _, code := range []Code{Nobody, TooFewLists, TooManyLists, ListAlone, TooFewShared, NoModel} {
		e := &RefusedError{Code: code, Lists: []string{"A"}, Count: 2}
		if e.Error() != "there is no honest estimate: "+string(code) {
			t.Errorf("%s: %q", code, e.Error())
		}
	}
}
