// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Total is what the parts of a population add up to by one method.
type Total struct {
	Method Method
	Parts  int // that have an estimate: the others are not in it
	Median float64
	Low    float64 // of 95 %
	High   float64
}

// sumDraws is how many draws a sum is made from: they move its ends by less than one in a hundred.
const sumDraws = 20_000

// sumKnots are the quantiles of an estimate that are known, in standard deviations.
var sumKnots = [...]float64{-1.959964, -0.67449, 0, 0.67449, 1.959964}

// Sum adds up the parts of a population, method by method, where two parts or
// more have an estimate. Ends of intervals do not add up: those who are on no
// list of a part are drawn from its quantiles, on the scale of the logarithm,
// each part independently of the others, and what comes of it is told. The same
// parts have the same sum.
//
// It is seldom what the whole is estimated to be. Where parts differ in how well
// they are reached, the whole table hides it, and its estimate is mostly too low;
// where parts are small, each is uncertain, and so is their sum.
func Sum(parts []Report) []Total {
	var totals []Total
	for _, m := range Methods() {
		var some []Estimate
		for _, p := range parts {
			if e, ok := p.Of(m); ok && e.Usable() {
				some = append(some, e)
			}
		}
		if len(some) < 2 {
			continue
		}
		rng := rand.New(rand.NewPCG(1, 0x73756d)) //nolint:gosec // a sample, no secret
		draws := make([]float64, sumDraws)
		for i := range draws {
			for _, e := range some {
				draws[i] += float64(e.Observed) + e.unseen(max(-3, min(rng.NormFloat64(), 3)))
			}
		}
		q := quantiles(draws, 0.025, 0.5, 0.975)
		totals = append(totals, Total{Method: m, Parts: len(some), Low: q[0], Median: q[1], High: q[2]})
	}
	return totals
}

// unseen is how many are on no list at a quantile, in standard deviations.
func (e Estimate) unseen(z float64) float64 {
	var y [len(sumKnots)]float64
	for i, n := range [...]float64{e.Low, e.Lower, e.Median, e.Upper, e.High} {
		y[i] = math.Log(max(0, n-float64(e.Observed)) + 0.5)
	}
	i := min(max(slices.IndexFunc(sumKnots[:], func(k float64) bool { return k >= z })-1, 0), len(y)-2)
	if z > sumKnots[len(sumKnots)-1] {
		i = len(y) - 2
	}
	at := y[i] + (y[i+1]-y[i])*(z-sumKnots[i])/(sumKnots[i+1]-sumKnots[i])
	return max(0, math.Exp(at)-0.5)
}
