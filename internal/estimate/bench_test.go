// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"testing"
	"time"
)

// BenchmarkLatent draws 10,000 times from the latent-class model of each table,
// every tenth sweep, and tells what the draws are worth: effective draws of the
// logarithm of the people in all, by the second too. Beside it the plain chain,
// as the R package has it, with as many sweeps as there.
func BenchmarkLatent(b *testing.B) {
	for _, name := range []string{"kosovo", "hiv-rome", "new-orleans-5"} {
		table := acceptance(b, name)
		b.Run(name, func(b *testing.B) {
			seed, bulk := uint64(0), 0.0
			start := time.Now()
			for b.Loop() {
				seed++
				bulk += converge(each(draws(table, LatentPrior{}, Chains{Seed: seed}), math.Log)).Bulk
			}
			b.ReportMetric(bulk/float64(seed), "effective")
			b.ReportMetric(bulk/time.Since(start).Seconds(), "effective/s")
		})
		b.Run(name+"/plain-100000-sweeps", func(b *testing.B) {
			seed, bulk := uint64(0), 0.0
			start := time.Now()
			for b.Loop() {
				seed++
				s := newSampler(table, LatentPrior{}, seed, 1)
				s.plain = true
				var one []float64
				for range 10_000 {
					for range 10 {
						s.sweep()
					}
					one = append(one, math.Log(float64(s.observed+s.unseen)))
				}
				bulk += converge([][]float64{one}).Bulk
			}
			b.ReportMetric(bulk/float64(seed), "effective")
			b.ReportMetric(bulk/time.Since(start).Seconds(), "effective/s")
		})
	}
}

// BenchmarkSweep is one sweep of the latent-class model, with its moves and without.
func BenchmarkSweep(b *testing.B) {
	for _, plain := range []bool{false, true} {
		name := "with-moves"
		if plain {
			name = "plain"
		}
		b.Run(name, func(b *testing.B) {
			s := newSampler(acceptance(b, "kosovo"), LatentPrior{}, 1, 1)
			s.plain = plain
			for b.Loop() {
				s.sweep()
			}
		})
	}
}

// BenchmarkGraphs is the exact average over all decomposable graphs.
func BenchmarkGraphs(b *testing.B) {
	for _, name := range []string{"kosovo", "new-orleans-5"} {
		table := acceptance(b, name)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := graphPosterior(table, GraphPrior{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
