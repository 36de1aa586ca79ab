// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"slices"
)

// Convergence tells whether chains agree (Vehtari, Gelman, Simpson, Carpenter and
// Bürkner, Bayesian Analysis 16, 2021): of the logarithm of the people in all.
type Convergence struct {
	RHat float64 // the larger of the rank-normalised and of the folded split R-hat; 1: they agree
	Bulk float64 // effective number of draws, of the middle
	Tail float64 // of the 5 % and 95 % quantiles, the smaller
}

// Converged is what that paper asks for: R-hat below 1.01 and 100 effective draws a chain.
func (c Convergence) Converged(chains int) bool {
	return c.RHat < 1.01 && c.Bulk >= 100*float64(chains) && c.Tail >= 100*float64(chains)
}

// converge judges draws of several chains, equally long, of at least 8 draws each.
func converge(chains [][]float64) Convergence {
	halves := split(chains)
	all := slices.Concat(halves...)
	middle := quantiles(all, 0.5)[0]
	folded := each(halves, func(x float64) float64 { return math.Abs(x - middle) })
	normal := ranked(halves)
	c := Convergence{RHat: max(rhat(normal), rhat(ranked(folded))), Bulk: effective(normal), Tail: math.Inf(1)}
	for _, q := range quantiles(all, 0.05, 0.95) {
		c.Tail = min(c.Tail, effective(each(halves, func(x float64) float64 {
			if x <= q {
				return 1
			}
			return 0
		})))
	}
	return c
}

// split halves each chain, so that one that wanders is told from one that does not.
func split(chains [][]float64) [][]float64 {
	var out [][]float64
	for _, c := range chains {
		half := len(c) / 2
		out = append(out, c[:half], c[len(c)-half:])
	}
	return out
}

func each(chains [][]float64, f func(float64) float64) [][]float64 {
	out := make([][]float64, len(chains))
	for i, c := range chains {
		out[i] = make([]float64, len(c))
		for j, x := range c {
			out[i][j] = f(x)
		}
	}
	return out
}

// ranked replaces each draw by the normal score of its rank among all.
func ranked(chains [][]float64) [][]float64 {
	all := slices.Sorted(slices.Values(slices.Concat(chains...)))
	n := float64(len(all))
	return each(chains, func(x float64) float64 {
		first, _ := slices.BinarySearch(all, x)
		after, _ := slices.BinarySearchFunc(all, x, func(a, b float64) int {
			if a <= b {
				return -1
			}
			return 1
		})
		rank := float64(first+1+after) / 2 // of those that are equal, the middle one
		return math.Sqrt2 * math.Erfinv(2*(rank-3.0/8)/(n+1.0/4)-1)
	})
}

func meanVariance(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(x)-1)
}

// within is the mean variance within chains, and the estimate of the variance from all.
func within(chains [][]float64) (in, all float64) {
	n := float64(len(chains[0]))
	var means []float64
	for _, c := range chains {
		m, v := meanVariance(c)
		means = append(means, m)
		in += v / float64(len(chains))
	}
	_, between := meanVariance(means)
	return in, in*(n-1)/n + between
}

func rhat(chains [][]float64) float64 {
	in, all := within(chains)
	if in == 0 {
		if all == 0 {
			return 1
		}
		return math.Inf(1)
	}
	return math.Sqrt(all / in)
}

// effective is the number of independent draws that tell as much as these
// (equation 10 to 13, with Geyer's initial monotone sequence).
func effective(chains [][]float64) float64 {
	n, total := len(chains[0]), float64(len(chains)*len(chains[0]))
	in, all := within(chains)
	if all == 0 {
		return total
	}
	var means []float64
	for _, c := range chains {
		m, _ := meanVariance(c)
		means = append(means, m)
	}
	rho := func(lag int) float64 {
		sum := 0.0
		for i, c := range chains {
			m, s := means[i], 0.0
			for t := lag; t < n; t++ {
				s += (c[t] - m) * (c[t-lag] - m)
			}
			sum += s / float64(n)
		}
		return 1 - (in-sum/float64(len(chains)))/all
	}
	tau, last := -1.0, math.Inf(1)
	for lag := 0; lag+1 < n; lag += 2 {
		pair := rho(lag) + rho(lag+1)
		if lag == 0 {
			pair = 1 + rho(1)
		}
		if pair < 0 {
			break
		}
		last = min(last, pair)
		tau += 2 * last
	}
	return total / max(tau, 1/math.Log10(total))
}

// quantiles are those of a sample, between its points in a straight line.
func quantiles(x []float64, at ...float64) []float64 {
	s := slices.Sorted(slices.Values(x))
	out := make([]float64, len(at))
	for i, p := range at {
		h := p * float64(len(s)-1)
		low := int(h)
		high := min(low+1, len(s)-1)
		out[i] = s[low] + (h-float64(low))*(s[high]-s[low])
	}
	return out
}
