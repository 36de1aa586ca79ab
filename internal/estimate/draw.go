// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"math/rand/v2"
)

// source draws from the distributions that the chains need.
type source struct{ *rand.Rand }

func newSource(seed, stream uint64) source { return source{rand.New(rand.NewPCG(seed, stream))} }

// gamma draws from a gamma distribution of rate 1 (Marsaglia and Tsang, ACM
// Trans. Math. Softw. 26, 2000). The shape is 1 or more.
func (r source) gamma(shape float64) float64 {
	d := shape - 1.0/3
	c := 1 / (3 * math.Sqrt(d))
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := r.Float64()
		x *= x
		if u < 1-0.0331*x*x || math.Log(u) < 0.5*x+d*(1-v+math.Log(v)) {
			return d * v
		}
	}
}

// logGamma draws the logarithm of a gamma variate, whatever its shape: below 1
// the variate itself can be smaller than any number.
func (r source) logGamma(shape float64) float64 {
	if shape < 1 {
		return math.Log(r.gamma(shape+1)) - r.ExpFloat64()/shape
	}
	return math.Log(r.gamma(shape))
}

// beta draws from a beta distribution whose shapes are 1 or more.
func (r source) beta(a, b float64) float64 {
	if a == 1 && b == 1 {
		return r.Float64()
	}
	x := r.gamma(a)
	return x / (x + r.gamma(b))
}

// binomial draws how many of n there are at probability p.
func (r source) binomial(n int, p float64) int {
	switch {
	case n == 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - r.binomial(n, 1-p)
	}
	if float64(n)*p < 10 {
		return r.inversion(n, p)
	}
	return r.rejection(n, p)
}

// inversion walks up from 0 (Kachitvichyanukul and Schmeiser, Commun. ACM 31, 1988, BINV).
func (r source) inversion(n int, p float64) int {
	u := r.Float64()
	if u < 1-float64(n)*p {
		return 0 // the probability of none is at least that, and often all there is
	}
	q := 1 - p
	s := p / q
	a := float64(n+1) * s
	first := power(1-p, n)
	for ; ; u = r.Float64() {
		f := first
		for x := 0; x <= n && x < 200; x++ {
			if u < f {
				return x
			}
			u -= f
			f *= a/float64(x+1) - s
		}
	}
}

// power is x to the n, by squares: half the time of a logarithm and its inverse,
// and as exact as is needed, for n·p is below 10.
func power(x float64, n int) float64 {
	out := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out *= x
		}
		x *= x
	}
	return out
}

// rejection is the transformed rejection of Hörmann (J. Stat. Comput. Simul. 46,
// 1993, BTRS). n·p is 10 or more and p at most a half.
func (r source) rejection(n int, p float64) int {
	nf := float64(n)
	spq := math.Sqrt(nf * p * (1 - p))
	b := 1.15 + 2.53*spq
	a := -0.0873 + 0.0248*b + 0.01*p
	c := nf*p + 0.5
	vr := 0.92 - 4.2/b
	for {
		v := r.Float64()
		u := r.Float64() - 0.5
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + c)
		if us >= 0.07 && v <= vr {
			return int(k)
		}
		if k < 0 || k > nf {
			continue
		}
		// Seldom reached: what only this needs is made only here.
		alpha := (2.83 + 5.1/b) * spq
		m := math.Floor((nf + 1) * p)
		h := stirling(m) + stirling(nf-m)
		v = math.Log(v * alpha / (a/(us*us) + b))
		if v <= h-stirling(k)-stirling(nf-k)+(k-m)*math.Log(p/(1-p)) {
			return int(k)
		}
	}
}

// stirling is the logarithm of k!.
func stirling(k float64) float64 {
	if k < 10 {
		return smallFactorials[int(k)]
	}
	i := 1 / (k + 1)
	i2 := i * i
	return (k+0.5)*math.Log(k+1) - (k + 1) + 0.9189385332046727 + i*(1.0/12-i2*(1.0/360-i2*(1.0/1260-i2/1680)))
}

// smallFactorials are the logarithms of 0! to 9!.
var smallFactorials = [10]float64{0, 0, 0.6931471805599453, 1.791759469228055, 3.1780538303479458, 4.787491742782046, 6.579251212010101, 8.525161361065415, 10.60460290274525, 12.801827480081469}

// poisson draws from a Poisson distribution: by its product of uniforms where
// the mean is small (Knuth), else by the transformed rejection of Hörmann
// (Insurance Math. Econom. 12, 1993, PTRS).
func (r source) poisson(mean float64) int {
	if mean < 10 {
		k, product, end := 0, r.Float64(), math.Exp(-mean)
		for product > end {
			product *= r.Float64()
			k++
		}
		return k
	}
	root := math.Sqrt(mean)
	b := 0.931 + 2.53*root
	a := -0.059 + 0.02483*b
	inverse := 1.1239 + 1.1328/(b-3.4)
	vr := 0.9277 - 3.6224/(b-2)
	log := math.Log(mean)
	for {
		u := r.Float64() - 0.5
		v := r.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + mean + 0.43)
		if us >= 0.07 && v <= vr {
			return int(k)
		}
		if k < 0 || us < 0.013 && v > us {
			continue
		}
		if math.Log(v*inverse/(a/(us*us)+b)) <= k*log-mean-stirling(k) {
			return int(k)
		}
	}
}
