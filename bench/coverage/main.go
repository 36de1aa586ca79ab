// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/kua-registry/kua/internal/estimate"
)

func main() {
	n := flag.Int("populations", 500, "how many populations where the assumptions hold")
	other := flag.Int("other", 200, "how many of each kind where they do not")
	seed := flag.Uint64("seed", 1, "seed of the populations and of the chains")
	flag.Parse()
	if err := run(*n, *other, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "bench/coverage:", err)
		os.Exit(1)
	}
}

// lists is how many lists each population has.
const lists = 4

// world makes a population: how many people there are, and who is on which list.
type world struct {
	name    string
	methods []estimate.Method
	cell    float64 // of the prior over graphs
	make    func(*rand.Rand) (people int, on []int)
}

func run(n, other int, seed uint64) error {
	fmt.Printf("seed %d; an interval of 95 %% holds the truth in so many of 100 populations. What is refused, or does not converge, is not counted.\n\nThe assumptions hold:\n", seed)
	head()
	for i, w := range []world{
		{"classes drawn from the prior", []estimate.Method{estimate.Latent}, 0, fromClasses},
		{"graphs and cells drawn from the prior", []estimate.Method{estimate.Graphs}, 1, fromGraphs},
		{"one pair of lists depends", []estimate.Method{estimate.LogLinear}, 0, fromPairs},
	} {
		if err := w.run(n, seed+uint64(i)*1_000_000); err != nil {
			return err
		}
	}
	fmt.Printf("\nThey do not:\n")
	head()
	for i, w := range []world{
		{"some are seldom seen, by each list alike", nil, 0, heterogeneous},
		{"three in ten could be on no list", nil, 0, unreachable},
		{"half of one list is referred to another", nil, 0, referred},
		{"one in ten who are on two lists is not recognised", nil, 0, unlinked},
		{"one in fifty is taken for somebody else", nil, 0, confused},
	} {
		if w.methods == nil {
			w.methods = estimate.Methods()
		}
		if err := w.run(other, seed+uint64(i+10)*1_000_000); err != nil {
			return err
		}
	}
	return nil
}

func head() {
	fmt.Printf("%-52s %-10s %9s %9s %12s %9s\n", "population", "method", "holds", "answered", "median/truth", "of")
}

// told is what came of one population by one method.
type told struct {
	answered, holds bool
	ratio           float64
}

func (w world) run(n int, seed uint64) error {
	results := make([][]told, n)
	errs := make([]error, n)
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.NumCPU() {
		wait.Go(func() {
			for i := range next {
				results[i], errs[i] = w.one(seed + uint64(i))
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for m, method := range w.methods {
		holds, answered := 0, 0
		var ratios []float64
		for _, r := range results {
			if r[m].answered {
				answered++
				ratios = append(ratios, r[m].ratio)
				if r[m].holds {
					holds++
				}
			}
		}
		slices.Sort(ratios)
		if answered == 0 {
			return fmt.Errorf("%s: nothing was answered", w.name)
		}
		fmt.Printf("%-52s %-10s %8.1f%% %8.1f%% %12.2f %9d\n", w.name, method, 100*float64(holds)/float64(answered), 100*float64(answered)/float64(n), ratios[len(ratios)/2], n)
	}
	return nil
}

func (w world) one(seed uint64) ([]told, error) {
	r := rand.New(rand.NewPCG(seed, 9))
	people, on := w.make(r)
	table := estimate.NewTable("A", "B", "C", "D")
	for _, x := range on {
		if x != 0 {
			table.Counts[x]++
		}
	}
	out := make([]told, len(w.methods))
	report, err := estimate.Run(table, estimate.Options{Methods: w.methods, Plain: true,
		Chains: estimate.Chains{Seed: seed, Burn: 2000, Samples: 1000, Thin: 10}, Graph: estimate.GraphPrior{Cell: w.cell, Bound: 20 * max(table.Observed(), 500)}})
	if _, refused := errors.AsType[*estimate.RefusedError](err); refused {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for m, method := range w.methods {
		if e, ok := report.Of(method); ok && e.Usable() {
			n := float64(people)
			out[m] = told{true, e.Low <= n && n <= e.High, e.Median / n}
		}
	}
	return out, nil
}

// size is how many people there are: by the logarithm, as the prior has it.
func size(r *rand.Rand) int { return int(300 * math.Exp(r.Float64()*math.Log(10))) }

// fromClasses draws everything from the prior of the latent-class model.
func fromClasses(r *rand.Rand) (int, []int) {
	const classes = 10
	alpha := gamma(r, 0.25) / 0.25
	left := 1.0
	var shares []float64
	var on [][lists]float64
	for k := range classes {
		v := 1 - math.Pow(r.Float64(), 1/alpha)
		if k == classes-1 {
			v = 1
		}
		shares = append(shares, left*v)
		left *= 1 - v
		on = append(on, [lists]float64{r.Float64(), r.Float64(), r.Float64(), r.Float64()})
	}
	return people(r, size(r), func() [lists]float64 {
		u := r.Float64()
		for k, s := range shares {
			if u -= s; u < 0 {
				return on[k]
			}
		}
		return on[classes-1]
	})
}

// people draws who is on which list, each list by itself given a person's probabilities.
func people(r *rand.Rand, n int, of func() [lists]float64) (int, []int) {
	out := make([]int, n)
	for i := range out {
		for j, p := range of() {
			if r.Float64() < p {
				out[i] |= 1 << j
			}
		}
	}
	return n, out
}

// gamma draws from a gamma distribution by thinning that of a larger shape.
func gamma(r *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(r, shape+1) * math.Pow(r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	for {
		x := r.NormFloat64()
		v := 1 + x/math.Sqrt(9*d)
		if v = v * v * v; v > 0 && math.Log(r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// fromGraphs draws a decomposable graph, each as likely as another, and the
// cells from its hyper-Dirichlet prior of one a cell: list after list, given
// those before it that it is joined with.
func fromGraphs(r *rand.Rand) (int, []int) {
	var next [lists]int
	var order []int
	for order == nil {
		next = [lists]int{}
		for a := range lists {
			for b := range a {
				if r.IntN(2) == 1 {
					next[a] |= 1 << b
					next[b] |= 1 << a
				}
			}
		}
		order = elimination(next)
	}
	slices.Reverse(order)
	chance := map[[2]int]float64{} // of a list, given who is on which of those before
	for i := range order {
		before := 0
		for _, v := range order[:i] {
			before |= 1 << v
		}
		parents := next[order[i]] & before
		mass := float64(int(1)<<lists) / float64(int(2)<<bits.OnesCount(uint(parents)))
		for x := range 1 << lists {
			if x&^parents == 0 {
				a, b := gamma(r, mass), gamma(r, mass)
				chance[[2]int{order[i], x}] = a / (a + b)
			}
		}
	}
	n := size(r)
	out := make([]int, n)
	for p := range out {
		done := 0
		for _, v := range order {
			if r.Float64() < chance[[2]int{v, out[p] & next[v] & done}] {
				out[p] |= 1 << v
			}
			done |= 1 << v
		}
	}
	return n, out
}

// elimination is an order in which each list's remaining neighbours are all
// joined; nil where there is none.
func elimination(next [lists]int) []int {
	var order []int
	left := 1<<lists - 1
	for left != 0 {
		found := false
		for v := range lists {
			around := next[v] & left
			joined := left>>v&1 == 1
			for u := range lists {
				joined = joined && (around>>u&1 == 0 || around&^(next[u]|1<<u) == 0)
			}
			if joined {
				order, left, found = append(order, v), left&^(1<<v), true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return order
}

// fromPairs is a log-linear model: each list has its own reach, and two of them depend.
func fromPairs(r *rand.Rand) (int, []int) {
	var reach [lists]float64
	for j := range reach {
		reach[j] = -1.6 + 1.2*r.Float64()
	}
	term := 0.5 + r.Float64()
	weights, sum := make([]float64, 1<<lists), 0.0
	for x := range weights {
		eta := 0.0
		for j, b := range reach {
			if x>>j&1 == 1 {
				eta += b
			}
		}
		if x&3 == 3 {
			eta += term
		}
		weights[x] = math.Exp(eta)
		sum += weights[x]
	}
	n := size(r)
	out := make([]int, n)
	for i := range out {
		u := r.Float64() * sum
		for x, w := range weights {
			if u -= w; u < 0 {
				out[i] = x
				break
			}
		}
	}
	return n, out
}

const middling = 1200 // people, where the assumptions don't hold

func odds(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// heterogeneous: how easily somebody is seen differs from person to person, and
// is alike for all lists.
func heterogeneous(r *rand.Rand) (int, []int) {
	return people(r, middling, func() [lists]float64 {
		x := 1.2 * r.NormFloat64()
		return [lists]float64{odds(x - 0.8), odds(x - 1.2), odds(x - 1.2), odds(x - 1.6)}
	})
}

func plain() [lists]float64 { return [lists]float64{0.3, 0.25, 0.2, 0.15} }

// unreachable: fear or distance keeps some from every list.
func unreachable(r *rand.Rand) (int, []int) {
	return people(r, middling, func() [lists]float64 {
		if r.Float64() < 0.3 {
			return [lists]float64{}
		}
		return plain()
	})
}

// referred: half of those on the first list are sent to the second.
func referred(r *rand.Rand) (int, []int) {
	n, on := people(r, middling, plain)
	for i, x := range on {
		if x&1 == 1 && r.IntN(2) == 0 {
			on[i] |= 2
		}
	}
	return n, on
}

// unlinked: of those on several lists one in ten is two persons in the table.
func unlinked(r *rand.Rand) (int, []int) {
	n, on := people(r, middling, plain)
	for i, x := range on[:n] {
		if bits.OnesCount(uint(x)) > 1 && r.IntN(10) == 0 {
			first := x & -x
			on[i] = first
			on = append(on, x&^first)
		}
	}
	return n, on
}

// confused: one in fifty of those who are on a list is taken for another person
// who is on another, so that two are one in the table.
func confused(r *rand.Rand) (int, []int) {
	n, on := people(r, middling, plain)
	for i := range on {
		if on[i] != 0 && r.IntN(50) == 0 {
			if k := r.IntN(n); k != i && on[k] != 0 {
				on[k] |= on[i]
				on[i] = 0
			}
		}
	}
	return n, on
}
