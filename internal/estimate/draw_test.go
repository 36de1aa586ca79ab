// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"testing"
)

// chi is Pearson's statistic of draws of whole numbers against their
// probabilities, over the numbers that are expected five times or more, and its
// degrees of freedom.
func chi(draws int, draw func() int, probability func(int) float64, most int) (sum float64, free int) {
	counts := make([]float64, most+1)
	for range draws {
		counts[min(draw(), most)]++
	}
	rest, seen := float64(draws), float64(draws)
	for k, c := range counts {
		if want := float64(draws) * probability(k); want >= 5 {
			sum += (c - want) * (c - want) / want
			rest -= want
			seen -= c
			free++
		}
	}
	if rest >= 5 {
		sum += (seen - rest) * (seen - rest) / rest
		free++
	}
	return sum, free - 1
}

// Draws are of the distribution they say. A right one fails at 5 standard
// deviations once in millions.
func TestDraws(t *testing.T) {
	const seed, n = 11, 200_000
	r := newSource(seed, 1)
	judge := func(what string, sum float64, free int) {
		t.Helper()
		if limit := float64(free) + 5*math.Sqrt(2*float64(free)); sum > limit {
			t.Errorf("seed %d: %s: chi-square of %.1f at %d degrees of freedom", seed, what, sum, free)
		}
	}
	for _, c := range []struct {
		n int
		p float64
	}{{1, 0.3}, {9, 0.5}, {40, 0.1}, {40, 0.9}, {1000, 0.004}, {1000, 0.3}, {60, 0.4}, {100_000, 0.5}} {
		sum, free := chi(n, func() int { return r.binomial(c.n, c.p) }, func(k int) float64 {
			if k > c.n {
				return 0
			}
			return math.Exp(lgamma(float64(c.n)+1) - lgamma(float64(k)+1) - lgamma(float64(c.n-k)+1) + float64(k)*math.Log(c.p) + float64(c.n-k)*math.Log1p(-c.p))
		}, c.n)
		judge("binomial", sum, free)
	}
	for _, mean := range []float64{0.2, 3, 9.9, 10.1, 55, 4000} {
		sum, free := chi(n, func() int { return r.poisson(mean) }, func(k int) float64 {
			return math.Exp(float64(k)*math.Log(mean) - mean - lgamma(float64(k)+1))
		}, int(mean+20*math.Sqrt(mean)+20))
		judge("Poisson", sum, free)
	}
	// The logarithm of a gamma variate has mean digamma(a) and variance trigamma(a),
	// here by differences of lgamma.
	for _, a := range []float64{0.05, 0.4, 1, 2.5, 300} {
		var x []float64
		for range n {
			x = append(x, r.logGamma(a))
		}
		h := 1e-3 * a
		digamma := (lgamma(a+h) - lgamma(a-h)) / (2 * h)
		trigamma := (lgamma(a+h) - 2*lgamma(a) + lgamma(a-h)) / (h * h)
		mean, variance := meanVariance(x)
		near1(t, "mean of log gamma", mean, digamma, 5*math.Sqrt(trigamma/n)+1e-4*math.Abs(digamma))
		near1(t, "variance of log gamma", variance, trigamma, 0.06*trigamma)
	}
	var x []float64
	for range n {
		x = append(x, r.beta(3, 5))
	}
	mean, variance := meanVariance(x)
	near1(t, "mean of beta", mean, 3.0/8, 5*math.Sqrt(variance/n))
	near1(t, "variance of beta", variance, 15.0/(64*9), 0.02*variance)
}

func TestStirling(t *testing.T) {
	for k := range 40 {
		near1(t, "log factorial", stirling(float64(k)), lgamma(float64(k)+1), 1e-9)
	}
}

// Chains that draw from one distribution agree, those apart do not, and a chain
// that remembers is worth less: of an autoregressive one with 0.9, a nineteenth.
func TestConverge(t *testing.T) {
	const seed, n = 7, 4000
	r := newSource(seed, 2)
	chains := func(memory, apart float64) [][]float64 {
		var out [][]float64
		for c := range 4 {
			x, one := 0.0, make([]float64, n)
			for i := range one {
				x = memory*x + math.Sqrt(1-memory*memory)*r.NormFloat64()
				one[i] = x + apart*float64(c)
			}
			out = append(out, one)
		}
		return out
	}
	c := converge(chains(0, 0))
	if !c.Converged(4) || c.Bulk < 0.9*4*n || c.Bulk > 1.15*4*n {
		t.Errorf("seed %d: independent draws: %+v", seed, c)
	}
	if c = converge(chains(0.9, 0)); c.Bulk < 0.75*4*n/19 || c.Bulk > 1.3*4*n/19 {
		t.Errorf("seed %d: draws that remember: %+v, and %d are right", seed, c, 4*n/19)
	}
	if c = converge(chains(0, 0.5)); c.RHat < 1.1 || c.Converged(4) {
		t.Errorf("seed %d: chains apart: %+v", seed, c)
	}
	// The same middle, another width: only the folded ranks tell.
	wide := chains(0, 0)
	for i := range wide[0] {
		wide[0][i] *= 4
	}
	if c = converge(wide); c.RHat < 1.05 {
		t.Errorf("seed %d: a chain that is wider: %+v", seed, c)
	}
}

// Two answers are two modes; one is one.
func TestModes(t *testing.T) {
	const seed = 3
	r := newSource(seed, 1)
	var one, two []float64
	for i := range 10_000 {
		x := math.Exp(9 + 0.1*r.NormFloat64())
		one = append(one, x)
		if i%3 == 0 {
			x *= 2
		}
		two = append(two, x)
	}
	if _, m := density(one, nil); len(m) != 1 {
		t.Errorf("seed %d: one answer has the modes %v", seed, m)
	}
	curve, m := density(two, nil)
	if len(m) != 2 || math.Abs(m[1]/m[0]-2) > 0.2 {
		t.Errorf("seed %d: two answers have the modes %v", seed, m)
	}
	area := 0.0
	for k := 1; k < len(curve); k++ {
		area += (curve[k].Density + curve[k-1].Density) / 2 * math.Log(curve[k].N/curve[k-1].N)
	}
	near1(t, "area under a density", area, 1, 0.01)
}
