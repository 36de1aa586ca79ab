// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
)

// Series is a count over days.
type Series struct {
	Label  string
	Points []Point
}

// Point is the count from a day on.
type Point struct {
	Day   edtf.Day
	Value int
}

const (
	plotHeight = 180.0
	plotRight  = 6.0
	maxTicks   = 4
)

// Line draws counts over days. A count holds until the next day that has one,
// so the line goes in steps and invents no day between. Each series is named
// above with its last count.
func Line(f Frame, series []Series) string {
	c := &canvas{}
	var first, last edtf.Day
	top, dated := 0, false
	sorted := make([][]Point, len(series))
	for i, s := range series {
		sorted[i] = sortedPoints(s.Points)
		for _, p := range sorted[i] {
			if !dated {
				first, last, dated = p.Day, p.Day, true
			}
			first, last, top = min(first, p.Day), max(last, p.Day), max(top, p.Value)
		}
	}
	for i, s := range series {
		y := c.y + line/2 + 1
		fmt.Fprintf(c, "<path d=\"M0 %sH24\" %s/>\n", num(y), stroke(i))
		name := s.Label
		if points := sorted[i]; len(points) > 0 {
			name += ": " + f.number(points[len(points)-1].Value)
		}
		c.label(32, f.width()-32, name)
	}
	if !dated {
		return f.finish("line", c)
	}
	c.y += rowGap
	step := tick(top)
	ticks := (top + step - 1) / step
	ticks = max(ticks, 1)
	left := widthOf(f.number(ticks*step), smallSize) + gap
	width := f.width() - left - plotRight
	bottom := c.y + plotHeight
	yOf := func(v int) float64 { return bottom - plotHeight*float64(max(v, 0))/float64(ticks*step) }
	for i := range ticks + 1 {
		y := yOf(i * step)
		fmt.Fprintf(c, "<path d=\"M%s %sH%s\" class=\"chart-grid\" fill=\"none\" stroke=\"%s\"/>\n", num(left), num(y), num(left+width), colourLine)
		c.text(left-gap, y+4, softRight, f.number(i*step))
	}
	xOf := func(d edtf.Day) float64 {
		if first == last {
			return left + width/2
		}
		return left + width*float64(d.Sub(first))/float64(last.Sub(first))
	}
	for i, points := range sorted {
		if len(points) == 0 {
			continue
		}
		var d strings.Builder
		fmt.Fprintf(&d, "M%s %s", num(xOf(points[0].Day)), num(yOf(points[0].Value)))
		for _, p := range points[1:] {
			fmt.Fprintf(&d, "H%sV%s", num(xOf(p.Day)), num(yOf(p.Value)))
		}
		end := points[len(points)-1]
		fmt.Fprintf(c, "<path d=\"%s\" %s/>\n", d.String(), stroke(i))
		fmt.Fprintf(c, "<circle cx=\"%s\" cy=\"%s\" r=\"3.5\" class=\"%s\" fill=\"%s\"/>\n", num(xOf(end.Day)), num(yOf(end.Value)), lineClass(i), lineShades[i%len(lineShades)].fill)
	}
	c.y = bottom + line
	if first == last {
		c.text(left+width/2, c.y, softSmall+` text-anchor="middle"`, f.day(first))
	} else {
		c.text(left, c.y, softSmall, f.day(first))
		c.text(f.width(), c.y, softRight, f.day(last))
	}
	c.y += gap
	return f.finish("line", c)
}

// lineShades are shades that stand out as a thin line on the ground of a page.
var lineShades = [...]shade{
	{"#0d5763", "", ""},
	{"#98291a", "", "7 4"},
	{"#6f4800", "", "2 4"},
	{"#5b4a86", "", "10 4 2 4"},
}

func lineClass(i int) string { return fmt.Sprintf("chart-dot%d", i%len(lineShades)+1) }

// stroke returns the attributes that tell the line of one series from the others.
func stroke(i int) string {
	s := lineShades[i%len(lineShades)]
	attributes := fmt.Sprintf(`class="chart-stroke%d" fill="none" stroke="%s" stroke-width="2.5"`, i%len(lineShades)+1, s.fill)
	if s.dash != "" {
		attributes += ` stroke-dasharray="` + s.dash + `"`
	}
	return attributes
}

// sortedPoints returns the points by day, of several on one day the last given,
// without those on an open end.
func sortedPoints(points []Point) []Point {
	var kept []Point
	for _, p := range points {
		if !p.Day.Bound() {
			kept = append(kept, p)
		}
	}
	slices.SortStableFunc(kept, func(a, b Point) int { return cmp.Compare(a.Day, b.Day) })
	var one []Point
	for i, p := range kept {
		if i+1 == len(kept) || kept[i+1].Day != p.Day {
			one = append(one, p)
		}
	}
	return one
}

// tick returns a round distance between the lines of a scale up to top.
func tick(top int) int {
	for step := 1; ; step *= 10 {
		for _, round := range []int{step, 2 * step, 5 * step} {
			if (top+round-1)/round <= maxTicks || round > 1<<40 {
				return round
			}
		}
	}
}

// LineTable returns the numbers of lines: a row a day on which any series has a point.
func LineTable(f Frame, label string, series []Series) Table {
	t := Table{Caption: f.Title, Head: []string{label}}
	var days []edtf.Day
	sorted := make([][]Point, len(series))
	for i, s := range series {
		t.Head = append(t.Head, s.Label)
		sorted[i] = sortedPoints(s.Points)
		for _, p := range sorted[i] {
			days = append(days, p.Day)
		}
	}
	slices.Sort(days)
	for _, day := range slices.Compact(days) {
		row := []string{f.day(day)}
		for _, points := range sorted {
			row = append(row, f.valueOn(points, day))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// valueOn returns the count that holds on a day, nothing before the first.
func (f Frame) valueOn(points []Point, day edtf.Day) string {
	text := ""
	for _, p := range points {
		if p.Day <= day {
			text = f.number(p.Value)
		}
	}
	return text
}
