// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// mostModelLists is up to how many lists all models of pairs are looked at:
// with six there are 32,768, with seven two million.
const mostModelLists = 6

// Model is a log-linear model: which pairs of lists it takes to depend on each
// other beyond chance. Pairs are sets of two lists: bit j is list j.
type Model struct {
	Pairs  []int
	N      float64 // estimated people in all
	SE     float64 // standard error of N
	BIC    float64
	Weight float64 // of the average
	Fit    float64 // Pearson's chi-square per degree of freedom; 0 where none is left
}

// fitted is a model fitted to a table.
type fitted struct {
	unseen   float64 // estimated people on no list
	variance float64 // of the logarithm of unseen
	loglik   float64
	pearson  float64
	free     int // degrees of freedom left
}

// design are the cells and the columns of a model that a table can tell apart.
// Where two lists that the model takes to depend share nobody, their term runs
// to minus infinity, and takes the cells with both of them along: it and they
// are left out, which gives the same estimate (Chan, Silverman and Vincent,
// arXiv 1902.05156).
type design struct {
	cells  []int // patterns
	counts []float64
	terms  []int // sets of lists: none, each list, the pairs of the model
	lost   int   // terms that were left out
}

func (t Table) design(pairs []int) design {
	d := design{terms: []int{0}}
	for j := range t.Lists {
		d.terms = append(d.terms, 1<<j)
	}
	var gone []int
	for _, p := range pairs {
		if t.Shared(p) == 0 {
			gone = append(gone, p)
		} else {
			d.terms = append(d.terms, p)
		}
	}
	d.lost = len(gone)
	for x := 1; x < len(t.Counts); x++ {
		if !slices.ContainsFunc(gone, func(p int) bool { return x&p == p }) {
			d.cells, d.counts = append(d.cells, x), append(d.counts, float64(t.Counts[x]))
		}
	}
	return d
}

// mostSteps bounds Newton's method. A model that has an estimate has it after
// ten steps or so.
const mostSteps = 60

// fit is Fisher scoring for a Poisson model with logarithmic link. With extra
// counts, those are of the cell of no list. It tells false where there is no
// estimate: the likelihood has no maximum, or the cells do not tell the terms apart.
func (d design) fit(extra float64, withExtra bool) (fitted, bool) {
	cells, counts := d.cells, d.counts
	if withExtra {
		cells, counts = append(slices.Clone(cells), 0), append(slices.Clone(counts), extra)
	}
	p := len(d.terms)
	if len(cells) < p {
		return fitted{}, false
	}
	beta, mean := make([]float64, p), make([]float64, len(cells))
	for i, c := range counts {
		mean[i] = c + 0.5
	}
	info, score, work := make([]float64, p*p), make([]float64, p), make([]float64, p)
	before := math.Inf(-1)
	for step := range mostSteps {
		// The working response is log(mean) + (count-mean)/mean.
		clear(info)
		clear(score)
		for i, x := range cells {
			z := math.Log(mean[i]) + (counts[i]-mean[i])/mean[i]
			for a, ta := range d.terms {
				if x&ta != ta {
					continue
				}
				score[a] += mean[i] * z
				for b, tb := range d.terms[:a+1] {
					if x&tb == tb {
						info[a*p+b] += mean[i]
					}
				}
			}
		}
		if !cholesky(info, p) {
			return fitted{}, false
		}
		solve(info, p, score, beta)
		loglik := 0.0
		for i, x := range cells {
			eta := 0.0
			for a, ta := range d.terms {
				if x&ta == ta {
					eta += beta[a]
				}
			}
			if math.Abs(eta) > 40 || math.IsNaN(eta) {
				return fitted{}, false // on its way to infinity
			}
			mean[i] = math.Exp(eta)
			loglik += counts[i]*eta - mean[i] - lgamma(counts[i]+1)
		}
		if step > 0 && math.Abs(loglik-before) < 1e-10*(1+math.Abs(loglik)) {
			break
		}
		if step == mostSteps-1 {
			return fitted{}, false
		}
		before = loglik
	}
	f := fitted{free: len(cells) - p}
	for i, x := range cells {
		f.loglik += counts[i]*math.Log(mean[i]) - mean[i] - lgamma(counts[i]+1)
		f.pearson += (counts[i] - mean[i]) * (counts[i] - mean[i]) / mean[i]
		if mean[i] < 1e-6 && x != 0 {
			return fitted{}, false // a margin that is empty: no maximum within reach
		}
	}
	f.unseen = math.Exp(beta[0])
	// The variance of the intercept is the first element of the inverse information.
	unit := make([]float64, p)
	unit[0] = 1
	solve(info, p, unit, work)
	f.variance = work[0]
	return f, f.unseen < mostPeople && f.variance > 0
}

// cholesky replaces the lower triangle of a symmetric matrix by its factor.
func cholesky(m []float64, n int) bool {
	for i := range n {
		for j := range i + 1 {
			sum := m[i*n+j]
			for k := range j {
				sum -= m[i*n+k] * m[j*n+k]
			}
			if i == j {
				if !(sum > 1e-12*(1+m[i*n+i])) {
					return false
				}
				m[i*n+i] = math.Sqrt(sum)
			} else {
				m[i*n+j] = sum / m[j*n+j]
			}
		}
	}
	return true
}

func solve(factor []float64, n int, right, out []float64) {
	for i := range n {
		sum := right[i]
		for k := range i {
			sum -= factor[i*n+k] * out[k]
		}
		out[i] = sum / factor[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		sum := out[i]
		for k := i + 1; k < n; k++ {
			sum -= factor[k*n+i] * out[k]
		}
		out[i] = sum / factor[i*n+i]
	}
}

// near is how far, in BIC, a model may be from the best one to be shown. A
// model at 10 has less than a hundredth of its weight.
const near = 10

// loglinear fits every model with each list and any of the pairs, and averages
// them by BIC. The error of the average takes in how much the models differ
// (Buckland, Burnham and Augustin, Biometrics 53, 1997, equation 9); its
// interval is of the logarithm of the unseen (Chao, Biometrics 43, 1987).
func loglinear(t Table) (Estimate, error) {
	all := pairs(len(t.Lists))
	if len(t.Lists) > mostModelLists {
		return Estimate{}, &RefusedError{Code: TooManyLists, Count: len(t.Lists)}
	}
	observed := float64(t.Observed())
	var models []Model
	none := 0
	for set := range 1 << len(all) {
		if bits.OnesCount(uint(set)) > len(t.Counts)-1-1-len(t.Lists) {
			continue // more terms than cells
		}
		var chosen []int
		for i, p := range all {
			if set>>i&1 == 1 {
				chosen = append(chosen, p)
			}
		}
		d := t.design(chosen)
		f, ok := d.fit(0, false)
		if !ok {
			none++
			continue
		}
		m := Model{Pairs: chosen, N: observed + f.unseen, BIC: -2*f.loglik + float64(len(d.terms)+d.lost)*math.Log(observed)}
		m.SE = math.Sqrt(f.unseen + f.unseen*f.unseen*f.variance)
		if f.free > 0 {
			m.Fit = f.pearson / float64(f.free)
		}
		models = append(models, m)
	}
	if len(models) == 0 {
		return Estimate{}, &RefusedError{Code: NoModel}
	}
	slices.SortStableFunc(models, func(a, b Model) int { return cmp.Compare(a.BIC, b.BIC) })
	sum := 0.0
	for i := range models {
		models[i].Weight = math.Exp((models[0].BIC - models[i].BIC) / 2)
		sum += models[i].Weight
	}
	mean, err := 0.0, 0.0
	for i := range models {
		models[i].Weight /= sum
		mean += models[i].Weight * models[i].N
	}
	for _, m := range models {
		err += m.Weight * math.Sqrt(m.SE*m.SE+(m.N-mean)*(m.N-mean))
	}
	e := Estimate{Method: LogLinear, Observed: t.Observed(), Mean: mean, Median: mean, Without: none}
	unseen := mean - observed
	spread := math.Sqrt(math.Log1p(err * err / (unseen * unseen)))
	at := func(z float64) float64 { return observed + unseen*math.Exp(z*spread) }
	e.Low, e.Lower, e.Upper, e.High = at(-z975), at(-z75), at(z75), at(z975)
	for _, m := range models {
		if m.BIC-models[0].BIC <= near {
			e.Models = append(e.Models, m)
		}
	}
	return e, nil
}

// Quantiles of the standard normal distribution.
const (
	z975 = 1.959963984540054
	z75  = 0.6744897501960817
)

// Profile is the interval of the profile likelihood of one model, at 95 %: those
// numbers of people that the table does not speak against (Cormack, Biometrics
// 48, 1992). It tells false where the likelihood has no end on one side.
func (t Table) Profile(m Model) (low, high float64, ok bool) {
	d, observed := t.design(m.Pairs), float64(t.Observed())
	// The likelihood of a multinomial table of N people, at the best shares for
	// that N, which are those of the Poisson model of the filled-in table.
	value := func(unseen float64) float64 {
		f, ok := d.fit(unseen, true)
		if !ok {
			return math.Inf(-1)
		}
		n := observed + unseen
		// Given its total, a Poisson table is multinomial.
		return f.loglik - (n*math.Log(n) - n - lgamma(n+1))
	}
	best := m.N - observed
	// The maximum is near the estimate; golden section finds it.
	lo, hi := math.Max(best/4, 1e-3), best*4+1
	for range 80 {
		a, b := lo+(hi-lo)*0.381966, lo+(hi-lo)*0.618034
		if value(a) < value(b) {
			lo = a
		} else {
			hi = b
		}
	}
	best = (lo + hi) / 2
	top := value(best)
	if math.IsInf(top, -1) {
		return 0, 0, false
	}
	const drop = 3.841458820694124 / 2 // of chi-square with one degree of freedom
	bisect := func(in, out float64) float64 {
		for range 60 {
			mid := (in + out) / 2
			if top-value(mid) <= drop {
				in = mid
			} else {
				out = mid
			}
		}
		return in
	}
	low = bisect(best, 0)
	far := best*2 + 10
	for top-value(far) <= drop {
		if far *= 2; far > mostPeople {
			return observed + low, math.Inf(1), false
		}
	}
	return observed + low, observed + bisect(best, far), true
}

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}
