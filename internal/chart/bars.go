// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import "slices"

// Bar is one step of a funnel or one bar.
type Bar struct {
	Label  string
	Href   string // the page behind the number; empty: none
	Value  int
	Of     int  // what the value is a share of; 0: in a funnel the first step, among bars nothing
	Branch bool // belongs to the bar above it: a part of it, or what left the way there
	Rest   bool // what is not known, "no status known": drawn as such
}

const (
	barHeight    = 10.0
	branchHeight = 6.0
	indent       = 20.0
	shareWidth   = 52.0
	valueWidth   = 56.0
)

// Funnel draws how many came how far: one bar a step, all on the scale of the
// first, so that each is seen as a share of it. Behind a value the faint bar
// shows what the step itself is taken of, where that is not the first.
func Funnel(f Frame, steps []Bar) string {
	c := &canvas{}
	steps = slices.Clone(steps)
	scale := 0
	for i := range steps {
		if i > 0 && steps[i].Of == 0 {
			steps[i].Of = steps[0].Value
		}
		scale = max(scale, steps[i].Value, steps[i].Of)
	}
	for i, step := range steps {
		f.bar(c, step, scale, i == 0)
	}
	return f.finish("funnel", c)
}

// Bars draws counts beside one another, on the scale of the largest.
func Bars(f Frame, bars []Bar) string {
	c := &canvas{}
	scale := 0
	for _, b := range bars {
		scale = max(scale, b.Value, b.Of)
	}
	for i, b := range bars {
		f.bar(c, b, scale, i == 0)
	}
	return f.finish("bars", c)
}

// bar draws one bar: the label over it, the number and the share to the right of the label.
func (f Frame) bar(c *canvas, b Bar, scale int, first bool) {
	if !first {
		c.y += rowGap
	}
	left, height, class := 0.0, barHeight, "chart-row"
	if b.Branch {
		left, height, class = indent, branchHeight, "chart-row chart-branch"
	}
	end := c.open(b.Href, class)
	width, top := f.width(), c.y
	right := width
	if f.Share != nil {
		if b.Of > 0 {
			c.text(width, top+line-4, softRight, f.Share(b.Value, b.Of))
		}
		right -= shareWidth
	}
	c.label(left, right-left-valueWidth, b.Label)
	c.text(right, top+line-4, boldRight, f.number(b.Value))
	if b.Branch {
		elbow := c.y + height/2
		c.WriteString(`<path d="M6 ` + num(top) + `V` + num(elbow) + `H` + num(indent-4) + `" class="chart-elbow" fill="none" stroke="` + colourRest + `"/>` + "\n")
	}
	length := width - left
	c.rect(left, c.y, length, height, "chart-track", colourTrack)
	if b.Of > 0 && b.Of < scale {
		c.rect(left, c.y, part(b.Of, scale, length), height, "chart-base", colourBase)
	}
	if b.Rest {
		c.rect(left, c.y, part(b.Value, scale, length), height, "chart-rest", colourRest)
	} else {
		c.rect(left, c.y, part(b.Value, scale, length), height, "chart-value", colourValue)
	}
	c.y += height
	c.WriteString(end)
}

// BarsTable returns the numbers of a funnel or of bars. The head names the
// labels, the values and, where shares are shown, the shares.
func BarsTable(f Frame, head [3]string, bars []Bar) Table {
	t := Table{Caption: f.Title, Head: head[:2]}
	if f.Share != nil {
		t.Head = head[:]
	}
	for _, b := range bars {
		row := []string{b.Label, f.number(b.Value)}
		if f.Share != nil {
			share := ""
			if b.Of > 0 {
				share = f.Share(b.Value, b.Of)
			}
			row = append(row, share)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
