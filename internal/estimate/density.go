// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"cmp"
	"math"
	"slices"
)

// points of a density.
const points = 256

// density smooths draws of people in all, each of its weight (none: all of the
// same), on the scale of the logarithm: a Gaussian kernel with Silverman's width
// (Density Estimation, 1986, equation 3.31). Its modes are the tops that stand
// out: at least a tenth as high as the highest, with a valley between them and
// the next of at most four fifths of the lower one.
func density(n, weight []float64) (curve []Point, modes []float64) {
	type item struct{ x, w float64 }
	items := make([]item, 0, len(n))
	total := 0.0
	for i, v := range n {
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		if w > 0 {
			items = append(items, item{math.Log(v), w})
			total += w
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.x, b.x) })
	at := func(share float64) float64 {
		sum := 0.0
		for _, i := range items {
			if sum += i.w; sum >= share*total {
				return i.x
			}
		}
		return items[len(items)-1].x
	}
	mean, square := 0.0, 0.0
	for _, i := range items {
		mean += i.w * i.x / total
	}
	for _, i := range items {
		square += i.w * (i.x - mean) * (i.x - mean) / total
	}
	size := 10_000.0 // an exact posterior is as good as many draws
	if weight == nil {
		size = float64(len(n))
	}
	width := 0.9 * math.Min(math.Sqrt(square), (at(0.75)-at(0.25))/1.34) * math.Pow(size, -0.2)
	low, high := at(0.001), at(0.999)
	if !(width > 0) || !(high > low) {
		return nil, []float64{math.Exp(at(0.5))}
	}
	low, high = low-2*width, high+2*width
	step := (high - low) / (points - 1)
	heights := make([]float64, points)
	for _, i := range items {
		first := max(0, int((i.x-4*width-low)/step))
		for k := first; k < points; k++ {
			z := (low + float64(k)*step - i.x) / width
			if z > 4 {
				break
			}
			heights[k] += i.w * math.Exp(-z*z/2)
		}
	}
	for k, h := range heights {
		curve = append(curve, Point{math.Exp(low + float64(k)*step), h / (total * width * math.Sqrt(2*math.Pi))})
	}
	return curve, tops(curve)
}

// tops are where a curve has its modes.
func tops(curve []Point) []float64 {
	highest := slices.MaxFunc(curve, func(a, b Point) int { return cmp.Compare(a.Density, b.Density) }).Density
	var found []int
	for k := 1; k < len(curve)-1; k++ {
		if h := curve[k].Density; h >= highest/10 && h > curve[k-1].Density && h >= curve[k+1].Density {
			found = append(found, k)
		}
	}
	// Two tops without a valley between them are one: the higher.
	for i := 0; i+1 < len(found); {
		a, b := found[i], found[i+1]
		valley := curve[a].Density
		for k := a; k <= b; k++ {
			valley = math.Min(valley, curve[k].Density)
		}
		if valley <= 0.8*math.Min(curve[a].Density, curve[b].Density) {
			i++
			continue
		}
		drop := i + 1
		if curve[b].Density > curve[a].Density {
			drop = i
		}
		found = slices.Delete(found, drop, drop+1)
		i = max(0, i-1)
	}
	var out []float64
	for _, k := range found {
		out = append(out, curve[k].N)
	}
	return out
}
