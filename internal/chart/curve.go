// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Curve is how long something took: the share of those for whom it had not yet
// come, day by day, as Kaplan and Meier estimate it, with those still waiting
// counted for as long as they have been seen.
type Curve struct {
	Steps  []Step // by day
	Median int    // the day by which it had come for half; -1: not reached
	Words  CurveWords
}

// Step is the state of a curve from a day on.
type Step struct {
	Day, AtRisk, Events, Censored int     // at risk: those of whom it could still be seen that day
	S, Low, High                  float64 // the share that waits still, with its interval
}

// CurveWords are the words of a curve, in its reader's language.
type CurveWords struct {
	Line, Band, Censored string // what the line, the band around it and the ticks on it are
	Days                 string // what is counted from left to right
	Median               string // with its number; empty: not written
	AtRisk               string // over the numbers below
}

const censorTick = 4.0

// Steps draws a curve as a line in steps with its band, a tick where somebody
// waits still and was last seen, the median where it is reached, and the
// numbers at risk below.
func Steps(f Frame, curve Curve) string {
	c := &canvas{}
	w := curve.Words
	y := c.y + line/2 + 1
	fmt.Fprintf(c, "<path d=\"M0 %sH24\" %s/>\n", num(y), stroke(0))
	c.label(32, f.width()-32, w.Line)
	if len(curve.Steps) == 0 {
		return f.finish("steps", c)
	}
	c.rect(0, c.y+4, 24, 12, "chart-base", colourBase)
	c.label(32, f.width()-32, w.Band)
	y = c.y + line/2 + 1
	fmt.Fprintf(c, "<path d=\"M12 %sV%s\" class=\"chart-censored\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", num(y-censorTick), num(y+censorTick), colourSoft)
	c.label(32, f.width()-32, w.Censored)
	if w.Median != "" {
		y = c.y + line/2 + 1
		fmt.Fprintf(c, "<path d=\"M0 %sH24\" %s/>\n", num(y), medianStroke)
		c.label(32, f.width()-32, w.Median)
	}
	c.y += rowGap

	steps := slices.Clone(curve.Steps)
	last := max(1, steps[len(steps)-1].Day)
	left := widthOf(f.share(100), smallSize) + gap
	width := f.width() - left - plotRight
	bottom := c.y + plotHeight
	xOf := func(day int) float64 { return left + width*float64(max(0, min(day, last)))/float64(last) }
	yOf := func(s float64) float64 { return bottom - plotHeight*max(0, min(s, 1)) }
	for percent := 0; percent <= 100; percent += 25 {
		y := yOf(float64(percent) / 100)
		fmt.Fprintf(c, "<path d=\"M%s %sH%s\" class=\"chart-grid\" fill=\"none\" stroke=\"%s\"/>\n", num(left), num(y), num(left+width), colourLine)
		c.text(left-gap, y+4, softRight, f.share(percent))
	}
	fmt.Fprintf(c, "<path d=\"%s\" class=\"chart-base\" fill=\"%s\"/>\n", bandPath(steps, xOf, yOf), colourBase)
	if curve.Median >= 0 && curve.Median <= last {
		fmt.Fprintf(c, "<path d=\"M%s %sH%sV%s\" %s/>\n", num(left), num(yOf(.5)), num(xOf(curve.Median)), num(bottom), medianStroke)
	}
	fmt.Fprintf(c, "<path d=\"%s\" %s/>\n", stepPath(steps, func(s Step) float64 { return yOf(s.S) }, xOf, yOf(1)), stroke(0))
	if d := censorPath(steps, xOf, yOf); d != "" {
		fmt.Fprintf(c, "<path d=\"%s\" class=\"chart-censored\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", d, colourSoft)
	}

	ticks := dayTicks(last)
	c.y = bottom + line - 2
	place := func(day int) string {
		switch {
		case xOf(day)+widthOf(f.number(day), smallSize)/2 > f.width():
			return softRight
		case day == 0:
			return softSmall
		}
		return softSmall + ` text-anchor="middle"`
	}
	for _, day := range ticks {
		c.text(xOf(day), c.y, place(day), f.number(day))
	}
	c.y += line - 2
	c.text(left, c.y, softSmall, w.Days)
	c.y += line + 4
	c.text(left, c.y, softSmall, w.AtRisk)
	c.y += line - 2
	for _, day := range ticks {
		c.text(xOf(day), c.y, place(day)+` font-weight="600"`, f.number(atRisk(steps, day)))
	}
	c.y += gap
	return f.finish("steps", c)
}

const medianStroke = `class="chart-elbow" fill="none" stroke="` + colourRest + `" stroke-width="1.5" stroke-dasharray="4 3"`

// share writes a whole percentage.
func (f Frame) share(percent int) string {
	if f.Share == nil {
		return fmt.Sprintf("%d %%", percent)
	}
	return f.Share(percent, 100)
}

// dayTicks are round days from the first to the last.
func dayTicks(last int) []int {
	var ticks []int
	for day, step := 0, tick(last); day <= last; day += step {
		ticks = append(ticks, day)
	}
	return ticks
}

// atRisk is how many were still watched on a day: those of the first step from that day on.
func atRisk(steps []Step, day int) int {
	for _, s := range steps {
		if s.Day >= day {
			return s.AtRisk
		}
	}
	return 0
}

// finest is the least distance between two steps that are both drawn: nearer ones are one to the eye.
const finest = 0.5

// stepPath is a line in steps from the first day, at height top, to the last.
func stepPath(steps []Step, height func(Step) float64, xOf func(int) float64, top float64) string {
	var d strings.Builder
	x, y := xOf(0), top
	fmt.Fprintf(&d, "M%s %s", num(x), num(y))
	for i, s := range steps {
		nx, ny := xOf(s.Day), height(s)
		if i+1 < len(steps) && (nx-x < finest || num(ny) == num(y)) && nx > xOf(0) {
			continue // the next that differs takes its fall with it
		}
		fmt.Fprintf(&d, "H%sV%s", num(nx), num(ny))
		x, y = nx, ny
	}
	return d.String()
}

// bandPath is the interval around a curve: along its upper edge, and back along its lower.
func bandPath(steps []Step, xOf func(int) float64, yOf func(float64) float64) string {
	edge := func(value func(Step) float64) func(Step) float64 {
		return func(s Step) float64 {
			if v := value(s); !math.IsNaN(v) {
				return yOf(v)
			}
			return yOf(s.S) // no interval, where nobody is left
		}
	}
	upper := stepPath(steps, edge(func(s Step) float64 { return s.High }), xOf, yOf(1))
	lower := strings.Split(strings.ReplaceAll(stepPath(steps, edge(func(s Step) float64 { return s.Low }), xOf, yOf(1)), "V", "H"), "H")
	var d strings.Builder
	d.WriteString(upper)
	for i := len(lower) - 1; i > 0; i -= 2 { // V back up to its height, then H back to its day
		fmt.Fprintf(&d, "V%sH%s", lower[i], lower[i-1])
	}
	d.WriteString("V" + num(yOf(1)) + "Z")
	return d.String()
}

// censorPath is a tick on the line for each day on which somebody was last seen waiting.
func censorPath(steps []Step, xOf func(int) float64, yOf func(float64) float64) string {
	var d strings.Builder
	x := math.Inf(-1)
	for _, s := range steps {
		if s.Censored == 0 || xOf(s.Day)-x < 2 {
			continue
		}
		x = xOf(s.Day)
		fmt.Fprintf(&d, "M%s %sV%s", num(x), num(yOf(s.S)-censorTick), num(yOf(s.S)+censorTick))
	}
	return d.String()
}

// StepsTable returns the steps of a curve. The head names the day, those at
// risk, those for whom it came, those last seen waiting, the share that waits
// still, and both ends of its interval.
func StepsTable(f Frame, head [7]string, curve Curve) Table {
	t := Table{Caption: f.Title, Head: head[:]}
	for _, s := range curve.Steps {
		t.Rows = append(t.Rows, []string{f.number(s.Day), f.number(s.AtRisk), f.number(s.Events), f.number(s.Censored), f.rate(s.S), f.rate(s.Low), f.rate(s.High)})
	}
	return t
}

// rate writes an estimated share; nothing where there is none.
func (f Frame) rate(s float64) string {
	const whole = 1_000_000
	switch {
	case math.IsNaN(s):
		return ""
	case f.Share == nil:
		return fmt.Sprintf("%.1f %%", 100*s)
	}
	return f.Share(int(math.Round(s*whole)), whole)
}
