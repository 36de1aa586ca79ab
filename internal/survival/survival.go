// SPDX-License-Identifier: AGPL-3.0-or-later

package survival

import (
	"cmp"
	"math"
	"slices"
)

// Observation is so many units that were watched for the same time.
type Observation struct {
	Days  int  // from the start to the event, or to the end of the watch; less than 0 is taken as 0
	Event bool // it came then; false: it had not come, and what followed is not known
	Units int  // how many are alike; less than 1: none
}

// Step is a day on which something came, or a watch ended. Days count from the start.
type Step struct {
	Day      int
	AtRisk   int     // units watched, for which it had not come before this day
	Events   int     // for which it came on this day
	Censored int     // whose watch ended on this day: after what came on it
	S        float64 // the share for which it has not come by the end of this day
	Low      float64 // of the interval of S
	High     float64
}

// Estimate is a curve and what it was made of. Units = Events + Censored.
type Estimate struct {
	Units    int
	Events   int
	Censored int
	Steps    []Step // by day, each day once
	Median   int    // the first day by which it has come for half or more; -1: not reached
	Low      int    // of the interval of the median; -1: not reached
	High     int
}

// z is the 0.975 quantile of the normal distribution: intervals are at 95 %.
const z = 1.959963984540054

// half is what a share is held against for a median: a share that is a half but
// for the last bits of its sum is a half.
const half = 0.5 + 1e-12

// Curve estimates from observations in whatever order. Without any it answers no steps.
//
// Until something has come S is 1 and so are Low and High. Where it has come for all that
// were left S is 0, and no interval is defined on that scale: Low is 0 then, and High stays as it was.
func Curve(obs []Observation) Estimate {
	sorted := make([]Observation, 0, len(obs))
	for _, o := range obs {
		if o.Units > 0 {
			o.Days = max(o.Days, 0)
			sorted = append(sorted, o)
		}
	}
	slices.SortFunc(sorted, func(a, b Observation) int { return cmp.Compare(a.Days, b.Days) })
	e := Estimate{Median: -1, Low: -1, High: -1}
	for _, o := range sorted {
		if o.Event {
			e.Events += o.Units
		} else {
			e.Censored += o.Units
		}
	}
	e.Units = e.Events + e.Censored
	left, greenwood := e.Units, 0.0
	last := Step{S: 1, Low: 1, High: 1}
	for i := 0; i < len(sorted); {
		s := Step{Day: sorted[i].Days, AtRisk: left, S: last.S, Low: last.Low, High: last.High}
		for ; i < len(sorted) && sorted[i].Days == s.Day; i++ {
			if sorted[i].Event {
				s.Events += sorted[i].Units
			} else {
				s.Censored += sorted[i].Units
			}
		}
		if s.Events > 0 {
			n, d := float64(s.AtRisk), float64(s.Events)
			if s.Events == s.AtRisk {
				s.S, s.Low = 0, 0
			} else {
				s.S *= (n - d) / n
				greenwood += d / (n * (n - d))
				s.Low, s.High = interval(s.S, greenwood)
			}
		}
		left -= s.Events + s.Censored
		e.Steps = append(e.Steps, s)
		last = s
	}
	e.Median = e.first(func(s Step) float64 { return s.S })
	e.Low = e.first(func(s Step) float64 { return s.Low })
	e.High = e.first(func(s Step) float64 { return s.High })
	return e
}

// interval is that of a share between 0 and 1: symmetric about log(-log s), so
// that it never leaves 0 to 1. greenwood is the variance over the square of the share.
func interval(s, greenwood float64) (low, high float64) {
	log := math.Log(s)
	wide := math.Exp(z * math.Sqrt(greenwood) / -log)
	return math.Exp(log * wide), math.Exp(log / wide)
}

// first answers the first day on which a line has come down to a half.
func (e Estimate) first(line func(Step) float64) int {
	for _, s := range e.Steps {
		if line(s) <= half {
			return s.Day
		}
	}
	return -1
}
