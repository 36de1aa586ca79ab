// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Density is how likely each number of people is by an estimate.
type Density struct {
	Label     string
	Curve     []DensityPoint // by N
	Low, High float64        // the ends of the interval
	Modes     []float64      // where it is likeliest; more than one are all marked
	Words     string         // of the interval and the modes, below it
}

// DensityPoint is a point of a density.
type DensityPoint struct{ N, Density float64 }

const densityHeight = 64.0

// Densities draws densities one below the other on one scale of people, which
// goes by ratio: from 100 to 200 is as far as from 200 to 400. The band below a
// curve is the interval; each mode is a line with its number.
func Densities(f Frame, densities []Density) string {
	c := &canvas{}
	low, high := math.Inf(1), math.Inf(-1)
	for _, d := range densities {
		for _, p := range d.Curve {
			if p.N > 0 && p.N < 1e12 {
				low, high = min(low, math.Log(p.N)), max(high, math.Log(p.N))
			}
		}
	}
	if !(high > low) {
		return f.finish("densities", c)
	}
	width := f.width()
	xOf := func(n float64) float64 {
		return width * (math.Log(max(math.Exp(low), min(n, math.Exp(high)))) - low) / (high - low)
	}
	for i, d := range densities {
		if i > 0 {
			c.y += rowGap
		}
		end := c.open("", "chart-row")
		c.label(0, width, d.Label)
		c.y += line - 2 // for the numbers of the modes
		bottom := c.y + densityHeight
		peak := 0.0
		for _, p := range d.Curve {
			peak = max(peak, p.Density)
		}
		if peak > 0 && !math.IsInf(peak, 0) {
			yOf := func(v float64) float64 { return bottom - densityHeight*max(0, min(v/peak, 1)) }
			if band := slices.DeleteFunc(slices.Clone(d.Curve), func(p DensityPoint) bool { return !(p.N >= d.Low && p.N <= d.High) }); len(band) > 1 {
				fmt.Fprintf(c, "<path d=\"M%s %s%sV%sZ\" class=\"chart-base\" fill=\"%s\"/>\n", num(xOf(band[0].N)), num(bottom), strings.Replace(curvePath(band, xOf, yOf), "M", "L", 1), num(bottom), colourBase)
			}
			fmt.Fprintf(c, "<path d=\"%s\" %s/>\n", curvePath(d.Curve, xOf, yOf), stroke(0))
			for _, n := range d.Modes {
				if !(n > 0) {
					continue
				}
				x := xOf(n)
				fmt.Fprintf(c, "<path d=\"M%s %sV%s\" %s/>\n", num(x), num(c.y), num(bottom), medianStroke)
				c.text(x, c.y-4, aligned(x, width, f.number(int(math.Round(n))))+` font-weight="600"`, f.number(int(math.Round(n))))
			}
		}
		fmt.Fprintf(c, "<path d=\"M0 %sH%s\" class=\"chart-grid\" fill=\"none\" stroke=\"%s\"/>\n", num(bottom), num(width), colourLine)
		c.y = bottom
		if d.Words != "" {
			for _, part := range wrap(d.Words, int(width/(smallSize*meanWidth))) {
				c.y += line - 2
				c.text(0, c.y-2, softSmall, part)
			}
			c.y += 2
		}
		c.WriteString(end)
	}
	c.y += line
	right := math.Inf(-1)
	for _, n := range ratioTicks(math.Exp(low), math.Exp(high)) {
		text := f.number(n)
		x, half := xOf(float64(n)), widthOf(f.number(n), smallSize)/2
		if x-half < right {
			continue
		}
		right = x + half + gap
		fmt.Fprintf(c, "<path d=\"M%s %sV%s\" class=\"chart-grid\" fill=\"none\" stroke=\"%s\"/>\n", num(x), num(c.y-line+1), num(c.y-line+5), colourRest)
		c.text(x, c.y, aligned(x, width, text), text)
	}
	c.y += gap
	return f.finish("densities", c)
}

// aligned is how a number at x is written, so that it stays within the width.
func aligned(x, width float64, text string) string {
	half := widthOf(text, smallSize) / 2
	switch {
	case x < half:
		return softSmall
	case x > width-half:
		return softRight
	}
	return softSmall + ` text-anchor="middle"`
}

// curvePath is a line through the points of a density.
func curvePath(curve []DensityPoint, xOf, yOf func(float64) float64) string {
	var d strings.Builder
	for i, p := range curve {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", op, num(xOf(p.N)), num(yOf(p.Density)))
	}
	return d.String()
}

// ratioTicks are the numbers of 1, 2 and 5 times a power of ten between two ends.
func ratioTicks(low, high float64) (ticks []int) {
	for ten := 1; float64(ten) <= high && ten <= 1e11; ten *= 10 {
		for _, n := range [...]int{ten, 2 * ten, 5 * ten} {
			if float64(n) >= low && float64(n) <= high {
				ticks = append(ticks, n)
			}
		}
	}
	return ticks
}
