// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// random makes a file of filters with about a share of ones, of which some are
// rows of like with a few bits changed.
func random(rng *rand.Rand, rows, length int, ones float64, balanced bool, like *File) *File {
	f := &File{Length: length, Rows: rows}
	for range rows {
		filter := make([]uint64, length/64)
		if like != nil && like.Rows > 0 && rng.IntN(3) == 0 {
			copy(filter, like.Filter(rng.IntN(like.Rows)))
			for range rng.IntN(length / 4) {
				i := rng.IntN(length)
				filter[i/64] ^= 1 << (i % 64)
			}
		} else if balanced {
			for _, i := range rng.Perm(length)[:length/2] {
				filter[i/64] |= 1 << (i % 64)
			}
		} else {
			share := ones * (0.5 + rng.Float64())
			for i := range length {
				if rng.Float64() < share {
					filter[i/64] |= 1 << (i % 64)
				}
			}
		}
		f.bits = append(f.bits, filter...)
	}
	return f
}

func bruteForce(a, b *File, threshold float64) []Pair {
	var out []Pair
	for i := range a.Rows {
		for j := range b.Rows {
			if d := Dice(a.Filter(i), b.Filter(j)); d >= threshold {
				out = append(out, Pair{i, j, d})
			}
		}
	}
	sortPairs(out)
	return out
}

// TestCompareIsBruteForce: nothing that is left out would have been found, with
// the fast kernel and without it.
func TestCompareIsBruteForce(t *testing.T) {
	t.Logf("the fast kernel is used here: %v", hasKernel())
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		length := rapid.SampledFrom([]int{64, 128, 320, 1024, 1024, 1024, 2048}).Draw(t, "length")
		ones := rapid.SampledFrom([]float64{0.02, 0.3, 0.5}).Draw(t, "ones")
		balanced := rapid.Bool().Draw(t, "balanced")
		a := random(rng, rapid.IntRange(0, 40).Draw(t, "a"), length, ones, balanced, nil)
		b := random(rng, rapid.IntRange(0, 300).Draw(t, "b"), length, ones, balanced, a)
		threshold := rapid.SampledFrom([]float64{0.01, 0.5, 0.6, 2.0 / 3, 0.75, 0.8, 0.9, 1}).Draw(t, "threshold")
		want := bruteForce(a, b, threshold)
		got, err := Compare(t.Context(), a, b, threshold, 2)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)

		s := newSearch(a, b, threshold)
		s.fast = nil
		var c counter
		plain, err := s.chunk(t.Context(), 0, a.Rows, &c)
		if err != nil {
			t.Fatal(err)
		}
		sortPairs(plain)
		same(t, plain, want)
	})
}

func same(t *rapid.T, got, want []Pair) {
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%d pairs, and comparing each with each gives %d", len(got), len(want))
	}
}

func BenchmarkCompare(b *testing.B) {
	const rows = 20_000
	for _, balanced := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(1, 2))
		x := random(rng, rows, 1024, 0.3, balanced, nil)
		y := random(rng, rows, 1024, 0.3, balanced, nil)
		for _, workers := range []int{1, runtime.NumCPU()} {
			for _, kernel := range []bool{true, false} {
				b.Run(fmt.Sprintf("balanced=%v/workers=%d/kernel=%v", balanced, workers, kernel), func(b *testing.B) {
					s := newSearch(x, y, 0.8)
					if !kernel {
						s.fast = nil
					}
					for b.Loop() {
						var c counter
						if workers == 1 {
							for i := 0; i < rows; i += chunkRows {
								_, _ = s.chunk(b.Context(), i, min(rows, i+chunkRows), &c)
							}
						} else {
							_, _ = Compare(b.Context(), x, y, 0.8, workers)
						}
					}
					b.ReportMetric(rows*rows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpairs/s")
				})
			}
		}
	}
}
