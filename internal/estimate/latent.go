// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"cmp"
	"math"
	"math/bits"
	"sync"
)

// LatentPrior is what the latent-class model takes for given.
type LatentPrior struct {
	Classes     int     // at most so many; 0: 10
	Shape, Rate float64 // of the gamma distribution of the concentration; 0: 0.25 each
}

func (p LatentPrior) full() LatentPrior {
	p.Classes, p.Shape, p.Rate = cmp.Or(p.Classes, 10), cmp.Or(p.Shape, 0.25), cmp.Or(p.Rate, 0.25)
	return p
}

// Chains says how the latent-class model is drawn from.
type Chains struct {
	Chains  int // 0: 4
	Burn    int // sweeps of each chain that are thrown away first; 0: 5,000
	Samples int // draws kept of each chain; 0: 2,500
	Thin    int // sweeps to a draw; 0: 10
	Seed    uint64
}

func (c Chains) full() Chains {
	c.Chains, c.Burn, c.Samples, c.Thin = cmp.Or(c.Chains, 4), cmp.Or(c.Burn, 5_000), cmp.Or(c.Samples, 2_500), cmp.Or(c.Thin, 10)
	return c
}

// sampler is one chain of the latent-class model: people are of classes, within
// a class the lists are independent, the shares of the classes are broken off a
// stick (Manrique-Vallier 2016, sections 3.2 and 3.3). It works on the patterns of
// the table, not on people.
type sampler struct {
	source
	prior    LatentPrior
	lists    int
	patterns []int // that somebody has
	counts   []int
	observed int

	alpha  float64
	shares []float64   // of the classes
	on     [][]float64 // of each class: the probability to be on each list
	unseen int

	plain bool // the moves of whole classes are left out: for tests and measurements

	// Of a sweep:
	likely [][]float64 // of each class: its share of the pattern, for every pattern
	size   []int       // people of each class
	listed [][]int     // of each class: its people on each list
	weight []float64
	// Of a move: what each pattern has, and would have.
	has, would, fresh []float64
	next              []float64
}

func newSampler(t Table, prior LatentPrior, seed, stream uint64) *sampler {
	s := &sampler{source: newSource(seed, stream), prior: prior.full(), lists: len(t.Lists), observed: t.Observed()}
	for x, c := range t.Counts {
		if c > 0 {
			s.patterns, s.counts = append(s.patterns, x), append(s.counts, c)
		}
	}
	k := s.prior.Classes
	s.shares, s.size, s.weight = make([]float64, k), make([]int, k), make([]float64, k)
	s.has, s.would, s.fresh = make([]float64, len(s.patterns)), make([]float64, len(s.patterns)), make([]float64, len(t.Counts))
	s.next = make([]float64, k)
	for range k {
		s.on = append(s.on, make([]float64, s.lists))
		s.likely = append(s.likely, make([]float64, len(t.Counts)))
		s.listed = append(s.listed, make([]int, s.lists))
	}
	// Chains begin apart from each other: by chance, from the prior.
	s.alpha = 0.2 + 2*s.Float64()
	left := 1.0
	for i := range k {
		v := 1 - math.Exp(-s.ExpFloat64()/s.alpha)
		if i == k-1 {
			v = 1
		}
		s.shares[i] = left * v
		left *= 1 - v
		for j := range s.on[i] {
			s.on[i][j] = s.Float64()
		}
	}
	return s
}

// sweep draws everything once, each given the rest.
func (s *sampler) sweep() {
	s.spread()
	if !s.plain {
		s.stir()
	}
	for k := range s.size {
		s.size[k] = 0
		clear(s.listed[k])
	}
	nobody := 0.0
	for k := range s.weight {
		nobody += s.likely[k][0]
	}
	// People on no list: a negative binomial, drawn as a Poisson number whose mean is gamma.
	nobody = math.Min(nobody, 1-1e-12)
	s.unseen = s.poisson(math.Min(s.gamma(float64(s.observed))*nobody/(1-nobody), mostPeople))
	s.classes(0, s.unseen)
	for i, x := range s.patterns {
		s.classes(x, s.counts[i])
	}
	for k, on := range s.on {
		for j := range on {
			yes := s.listed[k][j]
			on[j] = s.beta(1+float64(yes), 1+float64(s.size[k]-yes))
		}
	}
	after := s.observed + s.unseen
	rest := 1.0 // of the stick
	last := len(s.shares) - 1
	k := 0
	for ; k < last && s.alpha+float64(after-s.size[k]) >= 1; k++ {
		after -= s.size[k]
		a := s.gamma(1 + float64(s.size[k]))
		b := s.gamma(s.alpha + float64(after))
		s.shares[k] = rest * (a / (a + b))
		rest *= b / (a + b)
	}
	left := math.Log(rest)
	for ; k < last; k++ { // nobody is left, and what is left of the stick can be smaller than any number
		after -= s.size[k]
		a := s.logGamma(1 + float64(s.size[k]))
		b := s.logGamma(s.alpha + float64(after))
		all := logAdd(a, b)
		s.shares[k] = math.Exp(left + a - all)
		left += b - all
	}
	s.shares[last] = math.Exp(left)
	shape := s.prior.Shape + float64(last)
	s.alpha = math.Exp(s.logGamma(shape)) / (s.prior.Rate - left)
}

func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// spread gives every class its share of every pattern.
func (s *sampler) spread() {
	for k, q := range s.likely {
		q[0] = s.shares[k]
		for j, p := range s.on[k] {
			half := 1 << j
			for x := range half {
				q[half|x] = q[x] * p
				q[x] *= 1 - p
			}
		}
	}
}

// stir moves classes as wholes, with the people forgotten of which class, and
// how many unseen: what is left is the likelihood of the patterns, given that
// one is seen. The plain sweep moves a class that is large and seldom caught in
// steps so small that a million of them can be worth a hundred draws; here such
// a class grows while its lists catch less, or the other way round.
func (s *sampler) stir() {
	total, zero := 0.0, 0.0
	clear(s.has)
	for k, q := range s.likely {
		total += s.shares[k]
		zero += q[0]
		for i, x := range s.patterns {
			s.has[i] += q[x]
		}
	}
	now := s.given(s.has, total-zero)
	prior := s.sticks(s.shares, total)
	classes := len(s.shares)
	for range moves {
		k := s.IntN(classes)
		grow := s.NormFloat64() * steps[s.IntN(len(steps))]
		shift := -grow * 1.5 * s.Float64()
		factor := math.Exp(grow)
		tilt := math.Exp(shift)
		q := s.fresh
		q[0] = s.shares[k] * factor
		slope := 1.0 // of the changed probabilities in the old ones
		for j, p := range s.on[k] {
			odds := tilt * p
			changed := odds / (odds + 1 - p)
			slope *= changed * (1 - changed) / (p * (1 - p))
			half := 1 << j
			for x := range half {
				q[half|x] = q[x] * changed
				q[x] *= 1 - changed
			}
		}
		old := s.likely[k]
		newTotal := total - s.shares[k] + s.shares[k]*factor
		newZero := zero - old[0] + q[0]
		for i, x := range s.patterns {
			s.would[i] = s.has[i] - old[x] + q[x]
		}
		then := s.given(s.would, newTotal-newZero)
		copy(s.next, s.shares)
		s.next[k] *= factor
		after := s.sticks(s.next, newTotal)
		// Shares on a simplex: the density of their ratios has the product of all of them.
		jacobian := grow + math.Log(slope) - float64(classes)*math.Log(newTotal/total)
		if !(math.Log(s.Float64()) < then-now+after-prior+jacobian) {
			continue
		}
		now, prior, total, zero = then, after, newTotal, newZero
		s.shares[k] *= factor
		for j, p := range s.on[k] {
			odds := tilt * p
			s.on[k][j] = odds / (odds + 1 - p)
		}
		s.likely[k], s.fresh = s.fresh, s.likely[k]
		s.has, s.would = s.would, s.has
	}
	for k := range classes - 1 { // neighbours on the stick change places
		s.shares[k], s.shares[k+1] = s.shares[k+1], s.shares[k]
		after := s.sticks(s.shares, total)
		if math.Log(s.Float64()) < after-prior {
			prior = after
			s.on[k], s.on[k+1] = s.on[k+1], s.on[k]
			s.likely[k], s.likely[k+1] = s.likely[k+1], s.likely[k]
		} else {
			s.shares[k], s.shares[k+1] = s.shares[k+1], s.shares[k]
		}
	}
	for k := range s.shares {
		s.shares[k] /= total
		for x := range s.likely[k] {
			s.likely[k][x] /= total
		}
	}
}

// moves of a class in a sweep, and how far they go, in standard deviations of
// the logarithm of its share: a large class fits in small steps only, a small
// one in large ones.
const moves = 10

var steps = [...]float64{0.05, 0.3, 1}

// given is the log-likelihood of the patterns of those who are seen.
func (s *sampler) given(has []float64, seen float64) float64 {
	l := -float64(s.observed) * math.Log(seen)
	for i, c := range s.counts {
		l += float64(c) * math.Log(has[i])
	}
	return l
}

// sticks is the logarithm of the density of shares that were broken off a stick.
func (s *sampler) sticks(shares []float64, total float64) float64 {
	last := len(shares) - 1
	rest, product, l := shares[last], 1.0, 0.0
	for k := last - 1; k > 0; k-- {
		rest += shares[k]
		// One logarithm for several factors, as long as they are numbers yet.
		if product *= rest / total; product < 1e-200 {
			l -= math.Log(product)
			product = 1
		}
	}
	return l - math.Log(product) + (s.alpha-1)*math.Log(shares[last]/total)
}

// classes splits those with a pattern over the classes.
func (s *sampler) classes(pattern, count int) {
	rest := 0.0
	for k := range s.weight {
		s.weight[k] = s.likely[k][pattern]
		rest += s.weight[k]
	}
	for k, w := range s.weight {
		if count == 0 {
			return
		}
		n := count
		if k < len(s.weight)-1 && rest > 0 {
			n = s.binomial(count, w/rest)
		}
		rest -= w
		count -= n
		s.size[k] += n
		if n == 0 {
			continue
		}
		listed := s.listed[k]
		for on := uint(pattern); on != 0; on &= on - 1 { //nolint:gosec // a set of lists
			listed[bits.TrailingZeros(on)] += n
		}
	}
}

// draws are the numbers of people in all, of each chain.
func draws(t Table, prior LatentPrior, how Chains) [][]float64 {
	how = how.full()
	out := make([][]float64, how.Chains)
	var wait sync.WaitGroup
	for c := range out {
		wait.Go(func() {
			s := newSampler(t, prior, how.Seed, uint64(c)+1)
			for range how.Burn {
				s.sweep()
			}
			kept := make([]float64, how.Samples)
			for i := range kept {
				for range how.Thin {
					s.sweep()
				}
				kept[i] = float64(s.observed + s.unseen)
			}
			out[c] = kept
		})
	}
	wait.Wait()
	return out
}
