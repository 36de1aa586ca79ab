// SPDX-License-Identifier: AGPL-3.0-or-later

package bodymap

import (
	"slices"
	"strconv"
	"strings"
)

// Permille is the unit of places on a view: 0 is its left or upper edge, 1000 its right or lower.
const Permille = 1000

// Point is a place on a view, in units of its Width and Height.
type Point struct{ X, Y float64 }

// Region is a part of a view that can be marked.
type Region struct {
	Code string // of list body_region
	Side string // of list side
	Path string // SVG path data
	area []Point
}

// Layer is a closed outline with the regions that are seen inside it. Regions reach beyond it: they are to be cut
// off at the outline.
type Layer struct {
	Outline string // SVG path data
	Lines   string // SVG path data of what is drawn into it and can't be marked: a fold, the rim of an ear; may be empty
	Regions []Region
	edge    [][]Point
}

// View is one drawing.
type View struct {
	ID            string // code of list body_view
	Group         string // body, head, hands, feet, more: views shown together
	Width, Height int
	Layers        []Layer // the last is in front
	// Of the person's right and left, which the picture has on its left; empty: the view shows one side only.
	OnLeft, OnRight string
}

// Find returns the view of a code.
func Find(views []View, id string) (View, bool) {
	i := slices.IndexFunc(views, func(v View) bool { return v.ID == id })
	if i < 0 {
		return View{}, false
	}
	return views[i], true
}

// At returns the region at a place in permille; false: there is none.
func (v View) At(x, y int) (Region, bool) {
	p := Point{float64(x) * float64(v.Width) / Permille, float64(y) * float64(v.Height) / Permille}
	for i := len(v.Layers) - 1; i >= 0; i-- {
		l := v.Layers[i]
		if !slices.ContainsFunc(l.edge, func(ring []Point) bool { return inside(p, ring) }) {
			continue
		}
		for j := len(l.Regions) - 1; j >= 0; j-- { // the later ones lie on top
			if inside(p, l.Regions[j].area) {
				return l.Regions[j], true
			}
		}
	}
	return Region{}, false
}

// Shows says whether a part of the body is on the view.
func (v View) Shows(code string) bool {
	return slices.ContainsFunc(v.Layers, func(l Layer) bool {
		return slices.ContainsFunc(l.Regions, func(r Region) bool { return r.Code == code })
	})
}

// Place returns the middle of what the view shows of a region, in permille; with a side, of that side of it. False:
// the view does not show it.
func (v View) Place(code, side string) (x, y int, ok bool) {
	var sum Point
	n := 0.0
	for _, l := range v.Layers {
		for _, r := range l.Regions {
			if r.Code != code || side != "" && r.Side != side {
				continue
			}
			p, found := v.middle(l, r)
			if found {
				sum.X, sum.Y, n = sum.X+p.X, sum.Y+p.Y, n+1
			}
		}
	}
	if n == 0 {
		return 0, 0, false
	}
	return int(sum.X / n * Permille / float64(v.Width)), int(sum.Y / n * Permille / float64(v.Height)), true
}

// middle is the mean of the places of a grid that lie in the region as it is seen, brought to the nearest of them:
// the mean of a bent region may lie outside it.
func (v View) middle(l Layer, r Region) (Point, bool) {
	const step = 4
	var in []Point
	var sum Point
	box := bounds(r.area)
	for y := max(box.low.Y, 0) + step/2; y < min(box.high.Y, float64(v.Height)); y += step {
		for x := max(box.low.X, 0) + step/2; x < min(box.high.X, float64(v.Width)); x += step {
			p := Point{x, y}
			if !inside(p, r.area) || !slices.ContainsFunc(l.edge, func(ring []Point) bool { return inside(p, ring) }) {
				continue
			}
			if top, ok := v.At(int(x*Permille/float64(v.Width)), int(y*Permille/float64(v.Height))); !ok || top.Path != r.Path {
				continue // hidden by another
			}
			in, sum = append(in, p), Point{sum.X + x, sum.Y + y}
		}
	}
	if len(in) == 0 {
		return Point{}, false
	}
	mean := Point{sum.X / float64(len(in)), sum.Y / float64(len(in))}
	return slices.MinFunc(in, func(a, b Point) int {
		switch d := dist(a, mean) - dist(b, mean); {
		case d < 0:
			return -1
		case d > 0:
			return 1
		}
		return 0
	}), true
}

type box struct{ low, high Point }

func bounds(p []Point) box {
	b := box{p[0], p[0]}
	for _, q := range p {
		b.low = Point{min(b.low.X, q.X), min(b.low.Y, q.Y)}
		b.high = Point{max(b.high.X, q.X), max(b.high.Y, q.Y)}
	}
	return b
}

func dist(a, b Point) float64 { return (a.X-b.X)*(a.X-b.X) + (a.Y-b.Y)*(a.Y-b.Y) }

// inside says whether a place lies in a closed polygon, by the number of edges a ray crosses.
func inside(p Point, ring []Point) bool {
	in := false
	for i, j := 0, len(ring)-1; i < len(ring); j, i = i, i+1 {
		a, b := ring[i], ring[j]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < (b.X-a.X)*(p.Y-a.Y)/(b.Y-a.Y)+a.X {
			in = !in
		}
	}
	return in
}

// Mark is something marked on a view, in permille of it.
type Mark struct {
	Text string // a number, that says what it is
	X, Y int
}

// markParts is how many marks would stand on top of each other in the height of a view.
const markParts = 40

// markedShape is the least width of a marked view, by its height.
const markedShape = 1.5

// Marked is the view with marks on it, as an SVG file that stands by itself. A
// mark that would lie on another stands beside it. Letter gives the letters of
// right and left in the reader's language.
func (v View) Marked(marks []Mark, letter func(side string) string) []byte {
	r := float64(v.Height) / markParts
	var b strings.Builder
	side := max(float64(v.Width), float64(v.Height)*markedShape) - float64(v.Width) // so that two stand on a page
	box := num(-side/2) + " 0 " + num(float64(v.Width)+side) + " " + strconv.Itoa(v.Height)
	_, drawn, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(string(v.Picture())), "</svg>"), ">")
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="` + box + `">` + drawn)
	var set []Point
	for _, m := range marks {
		p := Point{float64(m.X) * float64(v.Width) / Permille, float64(m.Y) * float64(v.Height) / Permille}
		for p.X < float64(v.Width)-2*r && slices.ContainsFunc(set, func(q Point) bool { return dist(p, q) < 4*r*r }) {
			p.X += 2 * r
		}
		set = append(set, p)
		b.WriteString(`<circle cx="` + num(p.X) + `" cy="` + num(p.Y) + `" r="` + num(r) + `" fill="#fff" stroke="#b3261e" stroke-width="2.5"/>` +
			`<text x="` + num(p.X) + `" y="` + num(p.Y+r*.42) + `" font-size="` + num(r*1.2) + `" fill="#b3261e" text-anchor="middle">` + escape(m.Text) + `</text>`)
	}
	if v.OnLeft != "" {
		for _, at := range []struct {
			x    float64
			side string
		}{{r, v.OnLeft}, {float64(v.Width) - r, v.OnRight}} {
			b.WriteString(`<text x="` + num(at.x) + `" y="` + num(2*r) + `" font-size="` + num(r*1.4) + `" fill="#555" text-anchor="middle">` + escape(letter(at.side)) + `</text>`)
		}
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// Picture is the view as an SVG file that stands by itself, for a browser that shows it as a picture. Its colours
// are seen on light and on dark ground: a picture does not know on which it stands.
func (v View) Picture() []byte {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + strconv.Itoa(v.Width) + " " + strconv.Itoa(v.Height) + `">`)
	for i, l := range v.Layers {
		id := "c" + strconv.Itoa(i)
		b.WriteString(`<clipPath id="` + id + `"><path d="` + l.Outline + `"/></clipPath><path d="` + l.Outline + `" fill="#888" fill-opacity=".16"/><g clip-path="url(#` + id + `)" fill="none" stroke="#888" stroke-opacity=".55" stroke-width="1">`)
		for _, r := range l.Regions {
			b.WriteString(`<path d="` + r.Path + `"/>`)
		}
		b.WriteString(`</g><g fill="none" stroke="#888" stroke-width="2.2" stroke-linejoin="round"><path d="` + l.Outline + `"/>`)
		if l.Lines != "" {
			b.WriteString(`<path d="` + l.Lines + `" stroke-width="1.4" stroke-linecap="round"/>`)
		}
		b.WriteString(`</g>`)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
