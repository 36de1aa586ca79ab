// SPDX-License-Identifier: AGPL-3.0-or-later

package bodymap

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// pts reads "x,y x,y …".
func pts(text string) []Point {
	var out []Point
	for _, pair := range strings.Fields(text) {
		x, y, _ := strings.Cut(pair, ",")
		px, errX := strconv.ParseFloat(x, 64)
		py, errY := strconv.ParseFloat(y, 64)
		if errX != nil || errY != nil {
			panic("bodymap: " + pair + " is no place") // of our own drawing: the tests see it
		}
		out = append(out, Point{px, py})
	}
	return out
}

// mirrored turns left into right in a picture of the given width.
func mirrored(p []Point, width float64) []Point {
	out := make([]Point, len(p))
	for i, q := range p {
		out[len(p)-1-i] = Point{width - q.X, q.Y}
	}
	return out
}

// whole closes half an outline, drawn from the top of the middle line down to its end, with its mirror image.
func whole(half []Point, width float64) []Point {
	other := mirrored(half, width)
	return slices.Concat(half, other[1:len(other)-1])
}

// A smooth closed line through points: Catmull and Rom's, as cubic Béziers.
func curve(p []Point) string {
	var b strings.Builder
	b.WriteString("M" + at(p[0]))
	n := len(p)
	for i := range p {
		p0, p1, p2, p3 := p[(i+n-1)%n], p[i], p[(i+1)%n], p[(i+2)%n]
		b.WriteString("C" + at(Point{p1.X + (p2.X-p0.X)/6, p1.Y + (p2.Y-p0.Y)/6}) + " " + at(Point{p2.X - (p3.X-p1.X)/6, p2.Y - (p3.Y-p1.Y)/6}) + " " + at(p2))
	}
	return b.String() + "Z"
}

// sampled is the same line as a polygon.
func sampled(p []Point) []Point {
	const steps = 6
	var out []Point
	n := len(p)
	for i := range p {
		p0, p1, p2, p3 := p[(i+n-1)%n], p[i], p[(i+1)%n], p[(i+2)%n]
		for k := range steps {
			t := float64(k) / steps
			f := func(a, b, c, d float64) float64 {
				return .5 * (2*b + (c-a)*t + (2*a-5*b+4*c-d)*t*t + (3*b-a-3*c+d)*t*t*t)
			}
			out = append(out, Point{f(p0.X, p1.X, p2.X, p3.X), f(p0.Y, p1.Y, p2.Y, p3.Y)})
		}
	}
	return out
}

func polygon(p []Point) string {
	var b strings.Builder
	for i, q := range p {
		b.WriteString([]string{"L", "M"}[btoi(i == 0)] + at(q))
	}
	return b.String() + "Z"
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func at(p Point) string { return num(p.X) + "," + num(p.Y) }

// num is a number to the nearest half: finer is not seen.
func num(x float64) string { return strconv.FormatFloat(math.Round(x*2)/2, 'f', -1, 64) }

// oval is a polygon around a middle.
func oval(cx, cy, rx, ry float64) []Point {
	const corners = 14
	var out []Point
	for i := range corners {
		a := 2 * math.Pi * float64(i) / corners
		out = append(out, Point{cx + rx*math.Cos(a), cy + ry*math.Sin(a)})
	}
	return out
}

// layer makes a layer of a smooth outline.
func layer(outline []Point, regions ...Region) Layer {
	return Layer{Outline: curve(outline), Regions: regions, edge: [][]Point{sampled(outline)}}
}

func region(code, side string, area []Point) Region {
	return Region{Code: code, Side: side, Path: polygon(area), area: area}
}

// pair is a region and its mirror image: the first side is that on the left of the picture.
func pair(code, left, right, area string, width float64) []Region {
	p := pts(area)
	return []Region{region(code, left, p), region(code, right, mirrored(p, width))}
}

// mirror turns a whole view around; side names are changed by swap.
func (v View) mirror(id string, side string) View {
	out := View{ID: id, Group: v.Group, Width: v.Width, Height: v.Height, OnLeft: v.OnRight, OnRight: v.OnLeft}
	w := float64(v.Width)
	for _, l := range v.Layers {
		m := Layer{Outline: flip(l.Outline, w), Lines: flip(l.Lines, w)}
		for _, ring := range l.edge {
			m.edge = append(m.edge, mirrored(ring, w))
		}
		for _, r := range l.Regions {
			s := r.Side
			if s != "middle" {
				s = side
			}
			m.Regions = append(m.Regions, region(r.Code, s, mirrored(r.area, w)))
		}
		out.Layers = append(out.Layers, m)
	}
	return out
}

// flip mirrors path data of pairs "x,y", of the commands h and v, and of no arcs; small letters are relative.
func flip(path string, width float64) string {
	var b strings.Builder
	number, command := "", ' '
	write := func(across bool) {
		if x, err := strconv.ParseFloat(number, 64); err == nil && across {
			if number = num(width - x); unicode.IsLower(command) {
				number = num(-x)
			}
		}
		b.WriteString(number)
		number = ""
	}
	for _, c := range path {
		if c >= '0' && c <= '9' || c == '.' || c == '-' {
			number += string(c)
			continue
		}
		write(c == ',' || command == 'h')
		if unicode.IsLetter(c) {
			command = c
		}
		b.WriteRune(c)
	}
	write(command == 'h')
	return b.String()
}
