// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Method is a way to estimate, by the name it has in the field.
type Method string

// The methods.
const (
	Latent    Method = "lcmcr"
	Graphs    Method = "dga"
	LogLinear Method = "loglinear"
)

// Methods are all of them, in the order in which they are shown.
func Methods() []Method { return []Method{Latent, Graphs, LogLinear} }

// Estimate is what one method tells of how many people there are in all, those
// on the lists included.
type Estimate struct {
	Method   Method
	Observed int // on at least one list

	Mean, Median float64
	Low, High    float64 // of 95 %: an interval of confidence, or of the posterior
	Lower, Upper float64 // of 50 %
	Modes        []float64
	Curve        []Point // the density, for a picture; it has none where the method gives an interval alone

	Models      []Model     // log-linear: those near the best one, best first
	Without     int         // log-linear: models that have no estimate
	Graphs      []Graph     // dga: those with a share of a hundredth or more, largest first
	Bound       int         // dga: the most people on no list
	AboveHalf   float64     // dga: the share of the posterior above half of that
	Convergence Convergence // lcmcr
	Chains      int         // lcmcr
	Draws       int         // lcmcr: in all
}

// Usable tells whether the estimate may be told to anybody.
func (e Estimate) Usable() bool {
	return e.Method != Latent || e.Convergence.Converged(e.Chains)
}

// Point is a point of a density: of people in all, by its logarithm.
type Point struct{ N, Density float64 }

// Options say how to estimate. The zero value is what is right for most tables.
type Options struct {
	Methods []Method // none: all
	Latent  LatentPrior
	Graph   GraphPrior
	Chains  Chains
	// Plain leaves out what takes longest: how the answer changes with each list
	// left out and with other priors.
	Plain bool
}

// Variant is an estimate under another assumption.
type Variant struct {
	Method Method
	// What is other: a list left out, or a prior.
	Without string
	Prior   string // classes, concentration, cell, bound
	Median  float64
	Low     float64
	High    float64
	// Refused says why there is none without that list.
	Refused *RefusedError
}

// Report is all there is to be known of an estimate.
type Report struct {
	Table     Table
	Estimates []Estimate
	Variants  []Variant
	Findings  []Finding
}

// Of is the estimate of one method.
func (r Report) Of(m Method) (Estimate, bool) {
	for _, e := range r.Estimates {
		if e.Method == m {
			return e, true
		}
	}
	return Estimate{}, false
}

// Run estimates from a table. A table from which nothing honest can be told is
// a [RefusedError].
func Run(t Table, o Options) (Report, error) {
	r := Report{Table: t}
	if err := t.Check(); err != nil {
		return r, err
	}
	methods := o.Methods
	if len(methods) == 0 {
		methods = Methods()
	}
	for _, m := range methods {
		e, err := one(t, m, o)
		if refused, ok := errors.AsType[*RefusedError](err); ok {
			if len(methods) == 1 {
				return r, refused
			}
			r.find(Finding{Code: MethodUndefined, Method: m})
			continue
		}
		if err != nil {
			return r, err
		}
		r.Estimates = append(r.Estimates, e)
	}
	if len(r.Estimates) == 0 {
		return r, &RefusedError{Code: TooManyLists, Count: len(t.Lists)}
	}
	if !o.Plain {
		r.vary(o)
	}
	r.look()
	return r, nil
}

func one(t Table, m Method, o Options) (Estimate, error) {
	switch m {
	case LogLinear:
		return loglinear(t)
	case Graphs:
		return graphs(t, o.Graph)
	case Latent:
		return latent(t, o.Latent, o.Chains), nil
	}
	return Estimate{}, fmt.Errorf("there is no method %q: lcmcr, dga, loglinear", m)
}

// enough is the share of the posterior above half the bound from which on the
// bound is said to decide, and the share that a graph has to be told.
const enough = 0.01

// graphs averages over graphs. Where the bound leaves too little room, [Report]
// says so: it is not raised in silence.
func graphs(t Table, prior GraphPrior) (Estimate, error) {
	prior = prior.of(t)
	post, all, err := graphPosterior(t, prior)
	if err != nil {
		return Estimate{}, err
	}
	e := post.estimate()
	e.Bound, e.AboveHalf = prior.Bound, post.above(prior.Bound/2)
	for _, g := range all {
		if g.Weight >= enough {
			e.Graphs = append(e.Graphs, g)
		}
	}
	n := make([]float64, len(post.mass))
	for m := range n {
		n[m] = float64(post.observed + m)
	}
	e.Curve, e.Modes = density(n, post.mass)
	return e, nil
}

// mostRuns is how often chains that don't agree are drawn anew, four times as long.
const mostRuns = 3

func latent(t Table, prior LatentPrior, how Chains) Estimate {
	how = how.full()
	var all []float64
	e := Estimate{Method: Latent, Observed: t.Observed(), Chains: how.Chains}
	for range mostRuns {
		chains := draws(t, prior, how)
		e.Convergence = converge(each(chains, math.Log))
		all = slices.Concat(chains...)
		if e.Convergence.Converged(how.Chains) {
			break
		}
		how.Thin *= 4
		how.Burn *= 4
	}
	e.Draws = len(all)
	q := quantiles(all, 0.025, 0.25, 0.5, 0.75, 0.975)
	e.Low, e.Lower, e.Median, e.Upper, e.High = q[0], q[1], q[2], q[3], q[4]
	e.Mean, _ = meanVariance(all)
	e.Curve, e.Modes = density(all, nil)
	return e
}

// vary estimates under other assumptions.
func (r *Report) vary(o Options) {
	for _, e := range r.Estimates {
		try := func(t Table, o Options, v Variant) {
			v.Method = e.Method
			got, err := one(t, e.Method, o)
			if refused, ok := errors.AsType[*RefusedError](err); ok {
				v.Refused = refused
			}
			v.Median, v.Low, v.High = got.Median, got.Low, got.High
			r.Variants = append(r.Variants, v)
		}
		if len(r.Table.Lists) > LeastLists {
			for j, name := range r.Table.Lists {
				rest := r.Table.Without(j)
				if err := rest.Check(); err != nil {
					refused, _ := errors.AsType[*RefusedError](err)
					r.Variants = append(r.Variants, Variant{Method: e.Method, Without: name, Refused: refused})
					continue
				}
				try(rest, o, Variant{Without: name})
			}
		}
		switch e.Method {
		case Latent:
			other := o
			other.Latent = o.Latent.full()
			other.Latent.Classes *= 2
			try(r.Table, other, Variant{Prior: "classes"})
			other.Latent = o.Latent.full()
			other.Latent.Shape, other.Latent.Rate = 4*other.Latent.Shape, 4*other.Latent.Rate
			try(r.Table, other, Variant{Prior: "concentration"})
		case Graphs:
			other := o
			other.Graph = o.Graph.of(r.Table)
			other.Graph.Bound *= 4
			try(r.Table, other, Variant{Prior: "bound"})
			other.Graph = o.Graph.of(r.Table)
			other.Graph.Cell *= 2
			try(r.Table, other, Variant{Prior: "cell"})
		}
	}
}

// From which point on something is told.
const (
	mostApart  = 1.25 // medians of two methods, of one list left out, of models near each other
	mostPrior  = 1.1  // medians under two priors
	mostWide   = 3.0  // the upper end of an interval over its lower end
	mostMisfit = 3.0  // Pearson's chi-square per degree of freedom
	leastShare = 0.05 // of the people, on two lists
	fewest     = 100  // people
	surely     = 0.95 // of a dependence
)

// look finds what is to be known.
func (r *Report) look() {
	t := r.Table
	r.find(Finding{Code: LowerBound})
	observed := t.Observed()
	if observed < fewest {
		r.find(Finding{Code: FewPeople, Values: []float64{float64(observed)}})
	}
	shared := observed
	for j := range t.Lists {
		shared -= t.Counts[1<<j]
	}
	if float64(shared) < leastShare*float64(observed) {
		r.find(Finding{Code: FewShared, Values: []float64{float64(shared), float64(observed)}})
	}
	for _, p := range pairs(len(t.Lists)) {
		both := t.Shared(p)
		names := t.Names(p)
		if both == 0 {
			r.find(Finding{Code: PairEmpty, Lists: names})
			continue
		}
		for j, name := range t.Lists {
			if p>>j&1 == 1 && both == t.On(j) {
				other := names[0]
				if other == name {
					other = names[1]
				}
				r.find(Finding{Code: ListInside, Lists: []string{name, other}})
			}
		}
	}
	var usable []Estimate
	for _, e := range r.Estimates {
		r.lookAt(e)
		if e.Usable() {
			usable = append(usable, e)
		}
	}
	if len(usable) > 1 {
		low := slices.MinFunc(usable, func(a, b Estimate) int { return cmp.Compare(a.Median, b.Median) })
		high := slices.MaxFunc(usable, func(a, b Estimate) int { return cmp.Compare(a.Median, b.Median) })
		if high.Median > mostApart*low.Median {
			r.find(Finding{Code: MethodsDiffer, Values: []float64{low.Median, high.Median}})
		}
	}
	for _, v := range r.Variants {
		e, _ := r.Of(v.Method)
		switch {
		case v.Refused != nil, e.Median == 0:
		case v.Without != "":
			if apart(v.Median, e.Median) > mostApart {
				r.find(Finding{Code: ListDecides, Method: v.Method, Lists: []string{v.Without}, Values: []float64{e.Median, v.Median}})
			}
		case v.Prior == "bound":
			if e.AboveHalf > enough || apart(v.Median, e.Median) > mostPrior || apart(v.High, e.High) > mostPrior {
				r.find(Finding{Code: BoundDecides, Method: v.Method, Values: []float64{float64(e.Bound), e.High, v.High}})
			}
		case apart(v.Median, e.Median) > mostPrior:
			r.find(Finding{Code: PriorDecides, Method: v.Method, Values: []float64{e.Median, v.Median}})
		}
	}
}

func (r *Report) lookAt(e Estimate) {
	if !e.Usable() {
		r.find(Finding{Code: NotConverged, Method: e.Method, Values: []float64{e.Convergence.RHat, min(e.Convergence.Bulk, e.Convergence.Tail)}})
	}
	if len(e.Modes) > 1 {
		r.find(Finding{Code: TwoModes, Method: e.Method, Values: e.Modes})
	}
	if e.High > mostWide*e.Low {
		r.find(Finding{Code: Wide, Method: e.Method, Values: []float64{e.Low, e.High}})
	}
	if e.Method == LogLinear {
		if best := e.Models[0]; best.Fit > mostMisfit {
			r.find(Finding{Code: PoorFit, Method: e.Method, Values: []float64{best.Fit}})
		}
		low, high := e.Models[0].N, e.Models[0].N
		for _, m := range e.Models {
			if m.BIC-e.Models[0].BIC <= 4 {
				low, high = min(low, m.N), max(high, m.N)
			}
		}
		if high > mostApart*low {
			r.find(Finding{Code: ModelsDiffer, Method: e.Method, Values: []float64{low, high}})
		}
	}
	if e.Method == Graphs {
		for _, p := range pairs(len(r.Table.Lists)) {
			share := 0.0
			for _, g := range e.Graphs {
				if slices.Contains(g.Pairs, p) {
					share += g.Weight
				}
			}
			if share > surely {
				r.find(Finding{Code: PairDepends, Lists: r.Table.Names(p), Values: []float64{share}})
			}
		}
	}
}

func (r *Report) find(f Finding) { r.Findings = append(r.Findings, f) }

func apart(a, b float64) float64 { return max(a, b) / min(a, b) }

// Names are the lists of a set; bit j of it is list j.
func (t Table) Names(set int) []string {
	var out []string
	for j, name := range t.Lists {
		if set>>j&1 == 1 {
			out = append(out, name)
		}
	}
	return out
}
