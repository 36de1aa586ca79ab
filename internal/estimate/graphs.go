// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"math/bits"
	"slices"
)

// mostGraphLists is up to how many lists all decomposable graphs are averaged
// over: with six there are 18,154, with seven 617,675.
const mostGraphLists = 6

// graph is a decomposable graph on lists as the product over its cliques
// divided by the product over its separators: how often the term of each set of
// lists is taken.
type graph struct {
	edges []int // sets of two lists
	sets  []int
	power []float64
}

// decomposable are all decomposable graphs on so many lists: those in which a
// perfect elimination order exists (Rose, J. Math. Anal. Appl. 32, 1970).
func decomposable(lists int) []graph {
	all := pairs(lists)
	var out []graph
	for chosen := range 1 << len(all) {
		next := make([]int, lists) // of each list, those it is joined with
		var edges []int
		for i, p := range all {
			if chosen>>i&1 == 1 {
				a, b := bits.TrailingZeros(uint(p)), bits.Len(uint(p))-1
				next[a] |= 1 << b
				next[b] |= 1 << a
				edges = append(edges, p)
			}
		}
		if power, ok := factors(next); ok {
			g := graph{edges: edges}
			for set, k := range power {
				if k != 0 && set != 0 {
					g.sets, g.power = append(g.sets, set), append(g.power, float64(k))
				}
			}
			out = append(out, g)
		}
	}
	return out
}

// factors takes one list after the other away whose neighbours are all joined.
// Each gives the set of it and its neighbours, over the set of its neighbours.
func factors(next []int) ([]int, bool) {
	power := make([]int, 1<<len(next))
	left := 1<<len(next) - 1
	for left != 0 {
		found := false
		for v := range next {
			if left>>v&1 == 0 {
				continue
			}
			around := next[v] & left
			if !clique(next, around) {
				continue
			}
			power[around|1<<v]++
			power[around]--
			left &^= 1 << v
			found = true
			break
		}
		if !found {
			return nil, false
		}
	}
	return power, true
}

func clique(next []int, set int) bool {
	for rest := set; rest != 0; rest &= rest - 1 {
		v := bits.TrailingZeros(uint(rest))
		if set&^(next[v]|1<<v) != 0 {
			return false
		}
	}
	return true
}

// Graph is a decomposable graph with its share of the average.
type Graph struct {
	Pairs  []int // lists that depend on each other; bit j is list j
	Weight float64
	Median float64 // of people in all, were it the only graph
}

// GraphPrior is what the average over graphs takes for given.
type GraphPrior struct {
	Cell  float64 // weight of each cell of the table; 0: 2^-lists
	Bound int     // the most people that can be on no list; 0: ten times those observed
}

func (p GraphPrior) of(t Table) GraphPrior {
	if p.Cell == 0 {
		p.Cell = 1 / float64(len(t.Counts))
	}
	if p.Bound == 0 {
		p.Bound = max(10*t.Observed(), 1000)
	}
	return p
}

// posterior is a distribution of the people on no list: from 0 on, in equal steps of 1.
type posterior struct {
	observed int
	mass     []float64 // adds up to 1
}

// graphPosterior is the exact posterior of the people on no list, given each
// decomposable graph the same weight, a hyper-Dirichlet prior of the cells and
// one of N proportional to 1/N (Madigan and York 1997, section 3). Graphs come
// with their share, the largest first.
func graphPosterior(t Table, prior GraphPrior) (posterior, []Graph, error) {
	p := len(t.Lists)
	if p > mostGraphLists {
		return posterior{}, nil, &RefusedError{Code: TooManyLists, Count: p}
	}
	prior = prior.of(t)
	n, size := t.Observed(), prior.Bound+1
	// The term of a set of lists, for each number of unseen. Of its cells only that
	// of nobody takes the unseen in.
	terms := make([][]float64, 1<<p)
	whole := prior.Cell * float64(len(t.Counts))
	below := make([]float64, size) // log Gamma(N + whole)
	common := make([]float64, size)
	for m := range size {
		total := float64(n + m)
		below[m] = lgamma(total + whole)
		common[m] = lgamma(total+1) - lgamma(float64(m)+1) - math.Log(total)
	}
	for set := 1; set < len(terms); set++ {
		cells := 1 << bits.OnesCount(uint(set))
		a := whole / float64(cells)
		constant := lgamma(whole) - float64(cells)*lgamma(a)
		zero := 0.0
		marginal := map[int]int{}
		for x, c := range t.Counts {
			marginal[x&set] += c
		}
		for _, x := range sorted(marginal) {
			if x == 0 {
				zero = float64(marginal[x])
				continue
			}
			constant += lgamma(float64(marginal[x]) + a)
		}
		constant += float64(cells-len(marginal)) * lgamma(a)
		term := make([]float64, size)
		for m := range term {
			term[m] = constant - below[m] + lgamma(zero+float64(m)+a)
		}
		terms[set] = term
	}
	all := decomposable(p)
	mass, one := make([]float64, size), make([]float64, size)
	top := math.Inf(-1) // the logarithm that mass is measured from
	graphs := make([]Graph, len(all))
	weights := make([]float64, len(all))
	for i, g := range all {
		copy(one, common)
		for k, set := range g.sets {
			term, power := terms[set], g.power[k]
			for m := range one {
				one[m] += power * term[m]
			}
		}
		best := slices.Max(one)
		if best > top {
			shrink := math.Exp(top - best)
			for m := range mass {
				mass[m] *= shrink
			}
			for j := range weights[:i] {
				weights[j] *= shrink
			}
			top = best
		}
		graphs[i] = Graph{Pairs: g.edges}
		if best < top-60 {
			continue // nothing that could be seen
		}
		for m, l := range one {
			if l < top-60 {
				one[m] = 0
				continue
			}
			one[m] = math.Exp(l - top)
			weights[i] += one[m]
			mass[m] += one[m]
		}
		graphs[i].Median = float64(n) + quantile(one, weights[i], 0.5)
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	for m := range mass {
		mass[m] /= sum
	}
	for i := range graphs {
		graphs[i].Weight = weights[i] / sum
	}
	slices.SortStableFunc(graphs, func(a, b Graph) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
	return posterior{n, mass}, graphs, nil
}

func sorted(m map[int]int) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// quantile is the first place at which mass, which adds up to total, reaches a share.
func quantile(mass []float64, total, share float64) float64 {
	sum := 0.0
	for m, w := range mass {
		if sum += w; sum >= share*total {
			return float64(m)
		}
	}
	return float64(len(mass) - 1)
}

func (p posterior) estimate() Estimate {
	e := Estimate{Method: Graphs, Observed: p.observed}
	n := float64(p.observed)
	for m, w := range p.mass {
		e.Mean += w * (n + float64(m))
	}
	at := func(share float64) float64 { return n + quantile(p.mass, 1, share) }
	e.Low, e.Lower, e.Median, e.Upper, e.High = at(0.025), at(0.25), at(0.5), at(0.75), at(0.975)
	return e
}

// above is the mass above a number of unseen.
func (p posterior) above(m int) float64 {
	sum := 0.0
	for _, w := range p.mass[min(m+1, len(p.mass)):] {
		sum += w
	}
	return sum
}
