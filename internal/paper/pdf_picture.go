// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/kua-registry/kua/internal/chart"
)

// drawing draws the shapes of a picture as what they are, so that it is sharp at
// any size and its text is text.
func (p *printer) drawing(d drawn, top float64) {
	for _, s := range d.shapes {
		if s.Text != "" {
			p.label(d, s, top)
			continue
		}
		if s.Fill.A == 0 && (s.Stroke.A == 0 || s.StrokeWidth <= 0) {
			continue
		}
		p.RawWriteStr("q")
		if len(s.Clip) > 0 {
			p.RawWriteStr(d.path(s.Clip, top) + " W n")
		}
		if s.Fill.A > 0 {
			how := "f"
			if s.EvenOdd {
				how = "f*"
			}
			p.paint(s.Fill, "rg")
			p.RawWriteStr(d.path(s.Path, top) + " " + how)
		}
		if s.Stroke.A > 0 && s.StrokeWidth > 0 {
			p.paint(s.Stroke, "RG")
			p.RawWriteStr(d.stroke(s))
			p.RawWriteStr(d.path(s.Path, top) + " S")
		}
		p.RawWriteStr("Q")
	}
}

// paint says the colour of what follows, by the operator that sets it.
func (p *printer) paint(c color.NRGBA, operator string) {
	if c.A < 255 {
		p.SetAlpha(float64(c.A)/255, "Normal")
	}
	p.RawWriteStr(fmt.Sprintf("%.3f %.3f %.3f %s", float64(c.R)/255, float64(c.G)/255, float64(c.B)/255, operator))
}

// stroke says how a line is drawn (ISO 32000-1, 8.4.3).
func (d drawn) stroke(s chart.Shape) string {
	var dash []string
	for _, length := range s.Dash {
		dash = append(dash, fmt.Sprintf("%.2f", length*d.scale))
	}
	ends := 0
	if s.Round {
		ends = 1
	}
	return fmt.Sprintf("%.3f w %d J %[2]d j [%s] 0 d", s.StrokeWidth*d.scale, ends, strings.Join(dash, " "))
}

// path writes a path by the operators of ISO 32000-1, 8.5.2; its y goes upwards.
func (d drawn) path(path []chart.Segment, top float64) string {
	var b strings.Builder
	point := func(at chart.XY) {
		fmt.Fprintf(&b, "%.2f %.2f ", marginLeft+d.x+at.X*d.scale, pageHeight-(top+at.Y*d.scale))
	}
	for _, s := range path {
		switch s.Op {
		case 'M':
			point(s.P[0])
			b.WriteString("m ")
		case 'L':
			point(s.P[0])
			b.WriteString("l ")
		case 'C':
			point(s.P[0])
			point(s.P[1])
			point(s.P[2])
			b.WriteString("c ")
		case 'Z':
			b.WriteString("h ")
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// label writes a line of text of a picture.
func (p *printer) label(d drawn, s chart.Shape, top float64) {
	l := look{size: s.Size * d.scale, colour: colour{s.Fill.R, s.Fill.G, s.Fill.B}}
	if s.Bold {
		l.face = bold
	}
	if s.Fill.A == 0 || l.size <= 0 || strings.TrimSpace(s.Text) == "" {
		return
	}
	p.look(l)
	x := marginLeft + d.x + s.At.X*d.scale
	switch width := p.GetStringWidth(s.Text); s.Anchor {
	case chart.Middle:
		x -= width / 2
	case chart.End:
		x -= width
	}
	p.Text(x, top+s.At.Y*d.scale, s.Text)
}
