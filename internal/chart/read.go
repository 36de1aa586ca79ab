// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Picture is a drawing read back: what there is to be painted, in order, the
// later over the earlier, for whoever draws it into something that is no page.
type Picture struct {
	Width, Height float64
	Title, Desc   string
	Shapes        []Shape
}

// Shape is one thing that is painted: a path, or a line of text.
type Shape struct {
	Path    []Segment // empty: it is text
	EvenOdd bool      // what is inside: by the even-odd rule, else by the nonzero rule
	Clip    []Segment // only what lies inside this is seen; empty: all of it

	Fill, Stroke color.NRGBA // with A 0: none
	StrokeWidth  float64
	Dash         []float64 // lengths of strokes and of gaps between them; empty: one stroke
	Round        bool      // ends and corners of the stroke are round

	Text   string
	At     XY // where its baseline begins, is in the middle, or ends, as Anchor says
	Size   float64
	Bold   bool
	Anchor Anchor
	Href   string // the page behind it; empty: none
}

// XY is a place on a picture: to the right, downwards.
type XY struct{ X, Y float64 }

// Segment is a step of a path. A 'M' begins at P[0], a 'L' is a straight line
// to P[0], a 'C' a cubic Bézier curve by P[0] and P[1] to P[2], a 'Z' goes back
// to where the last 'M' was.
type Segment struct {
	Op byte
	P  [3]XY
}

// Anchor says which point of a line of text is given.
type Anchor int

// Start is the left end of a text, Middle its middle, End its right end.
const (
	Start Anchor = iota
	Middle
	End
)

// ink is the colour of what says no other, on white ground.
var ink = color.NRGBA{0x1c, 0x1e, 0x22, 0xff}

// Read reads a drawing of this package, or of package bodymap, back into what
// is painted. What no such drawing has is refused, so that nothing is left out
// in silence.
func Read(svg string) (Picture, error) {
	r := reader{decoder: xml.NewDecoder(strings.NewReader(svg)), clips: map[string][]Segment{}}
	for {
		token, err := r.decoder.Token()
		switch {
		case errors.Is(err, io.EOF):
			if !r.done {
				return Picture{}, errors.New("the drawing has no svg element")
			}
			r.moved()
			return r.picture, nil
		case err != nil:
			return Picture{}, fmt.Errorf("the drawing is not well-formed: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			err = r.start(token)
		case xml.EndElement:
			r.end()
		case xml.CharData:
			err = r.text(string(token))
		case xml.Comment:
		default:
			err = errors.New("the drawing holds an instruction; no drawing of ours does")
		}
		if err != nil {
			return Picture{}, err
		}
	}
}

// reader is a drawing half read.
type reader struct {
	decoder *xml.Decoder
	picture Picture
	stack   []element
	clips   map[string][]Segment
	origin  XY   // its left upper corner
	done    bool // its svg element was there
}

// moved moves all shapes so that the picture begins at nothing.
func (r *reader) moved() {
	if r.origin == (XY{}) {
		return
	}
	off := func(p XY) XY { return XY{p.X - r.origin.X, p.Y - r.origin.Y} }
	path := func(of []Segment) []Segment {
		out := slices.Clone(of) // a clip may be that of several shapes
		for i := range out {
			for j := range out[i].P {
				out[i].P[j] = off(out[i].P[j])
			}
		}
		return out
	}
	for i := range r.picture.Shapes {
		s := &r.picture.Shapes[i]
		s.Path, s.Clip, s.At = path(s.Path), path(s.Clip), off(s.At)
	}
}

// element is an open element with what it hands on to those inside it.
type element struct {
	name                 string
	id                   string
	fill, stroke         color.NRGBA
	fillPart, strokePart float64 // opacity
	strokeWidth          float64
	dash                 []float64
	round, evenOdd       bool
	fixedStroke          bool // is not scaled
	size                 float64
	bold                 bool
	anchor               Anchor
	href                 string
	clip                 []Segment
	scale                float64
	shape                int // of a text, its place among the shapes
}

// most is the greatest number a drawing may hold, far beyond any of ours.
const most = 1e5

var errFar = errors.New("a shape of the drawing lies too far away")

// deepest is how many elements of a drawing may stand inside one another.
const deepest = 32

func (r *reader) start(t xml.StartElement) error {
	e := element{fill: ink, fillPart: 1, strokePart: 1, strokeWidth: 1, size: textSize, scale: 1}
	if n := len(r.stack); n > 0 {
		e = r.stack[n-1]
	} else if r.done || t.Name.Local != "svg" {
		return errors.New("a drawing is one svg element and nothing beside it")
	}
	if len(r.stack) >= deepest {
		return errors.New("elements of the drawing stand too deep inside one another")
	}
	e.name, e.id = t.Name.Local, ""
	if parent := r.inside(); parent == "text" || parent == "title" || parent == "desc" {
		return fmt.Errorf("the element %s of the drawing holds another; text alone is expected", parent)
	}
	var place geometry
	for _, a := range t.Attr {
		if err := r.attribute(&e, &place, a.Name.Local, a.Value); err != nil {
			return fmt.Errorf("%s of element %s of the drawing: %w", a.Name.Local, e.name, err)
		}
	}
	switch e.name {
	case "svg":
		if len(r.stack) > 0 {
			return errors.New("a drawing holds another; one is expected")
		}
		r.done = true
	case "title", "desc", "g", "a", "clipPath":
	case "text":
		e.shape = len(r.picture.Shapes)
		s := e.painted(nil)
		s.At, s.Size, s.Bold, s.Anchor = XY{place.x * e.scale, place.y * e.scale}, e.size*e.scale, e.bold, e.anchor
		r.picture.Shapes = append(r.picture.Shapes, s)
	case "rect", "circle", "path":
		path, err := place.path(e.name)
		if err != nil {
			return err
		}
		for i := range path {
			for j := range path[i].P {
				p := &path[i].P[j]
				p.X, p.Y = p.X*e.scale, p.Y*e.scale
				if math.Abs(p.X) > most || math.Abs(p.Y) > most {
					return errFar
				}
			}
		}
		if r.inside() == "clipPath" {
			id := r.stack[len(r.stack)-1].id
			r.clips[id] = append(r.clips[id], path...)
		} else if len(path) > 0 {
			r.picture.Shapes = append(r.picture.Shapes, e.painted(path))
		}
	default:
		return fmt.Errorf("there is an element %s in the drawing, which none of ours has", e.name)
	}
	r.stack = append(r.stack, e)
	return nil
}

// painted is a shape as its element says it is painted.
func (e *element) painted(path []Segment) Shape {
	s := Shape{Path: path, EvenOdd: e.evenOdd, Clip: e.clip, Fill: faded(e.fill, e.fillPart), Href: e.href}
	if path != nil {
		s.Stroke, s.StrokeWidth, s.Round = faded(e.stroke, e.strokePart), e.strokeWidth, e.round
		if !e.fixedStroke {
			s.StrokeWidth *= e.scale
		}
		for _, d := range e.dash {
			s.Dash = append(s.Dash, d*e.scale)
		}
	}
	return s
}

func faded(c color.NRGBA, part float64) color.NRGBA {
	c.A = uint8(math.Round(float64(c.A) * max(0, min(part, 1))))
	return c
}

// inside is the name of the element that is open.
func (r *reader) inside() string {
	if n := len(r.stack); n > 0 {
		return r.stack[n-1].name
	}
	return ""
}

func (r *reader) end() {
	r.stack = r.stack[:len(r.stack)-1]
}

func (r *reader) text(s string) error {
	n := len(r.stack)
	switch r.inside() {
	case "text":
		r.picture.Shapes[r.stack[n-1].shape].Text += s
	case "title":
		if n == 2 { // of the drawing itself
			r.picture.Title += s
		}
	case "desc":
		r.picture.Desc += s
	default:
		if strings.TrimSpace(s) != "" {
			return errors.New("there is text in the drawing outside of its texts")
		}
	}
	return nil
}

// geometry is where a shape is.
type geometry struct {
	x, y, width, height, rx, cx, cy, r float64
	d                                  string
}

// attribute takes in one attribute of an element.
func (r *reader) attribute(e *element, g *geometry, name, value string) error {
	numbers := map[string]*float64{
		"x": &g.x, "y": &g.y, "width": &g.width, "height": &g.height, "rx": &g.rx, "cx": &g.cx, "cy": &g.cy, "r": &g.r,
		"font-size": &e.size, "stroke-width": &e.strokeWidth, "fill-opacity": &e.fillPart, "stroke-opacity": &e.strokePart,
	}
	if to, ok := numbers[name]; ok {
		n, err := number(value)
		*to = n
		return err
	}
	var err error
	switch name {
	case "xmlns", "class", "role", "aria-labelledby", "font-family", "pointer-events":
	case "id":
		e.id = value
	case "href":
		e.href = value
	case "d":
		g.d = value
	case "viewBox":
		var box []float64
		for _, field := range strings.Fields(value) {
			n, err := number(field)
			if err != nil {
				return err
			}
			box = append(box, n)
		}
		if len(box) != 4 {
			return errors.New("it must be a place, a width and a height")
		}
		r.origin, r.picture.Width, r.picture.Height = XY{box[0], box[1]}, box[2], box[3]
	case "transform":
		inner, ok := strings.CutPrefix(value, "scale(")
		inner, ok2 := strings.CutSuffix(inner, ")")
		if !ok || !ok2 {
			return errors.New("only scale is known")
		}
		n, err := number(inner)
		if err != nil {
			return err
		}
		e.scale *= n
		if math.Abs(e.scale) > most {
			return errors.New("it is too large")
		}
	case "fill":
		e.fill, err = readColour(value)
	case "stroke":
		e.stroke, err = readColour(value)
	case "fill-rule":
		e.evenOdd = value == "evenodd"
	case "stroke-dasharray":
		e.dash = nil
		for _, field := range strings.Fields(value) {
			n, err := number(field)
			if err != nil || n < 0.5 {
				return errors.New("it must be lengths that can be seen")
			}
			e.dash = append(e.dash, n)
		}
	case "stroke-linejoin", "stroke-linecap":
		e.round = value == "round"
	case "vector-effect":
		e.fixedStroke = value == "non-scaling-stroke"
	case "font-weight":
		n, err := number(value)
		e.bold = n >= 600
		return err
	case "text-anchor":
		at := slices.Index([]string{"start", "middle", "end"}, value)
		if at < 0 {
			return errors.New("it must be start, middle or end")
		}
		e.anchor = Anchor(at)
	case "clip-path":
		id, _ := strings.CutPrefix(value, "url(#")
		clip, ok := r.clips[strings.TrimSuffix(id, ")")]
		if !ok {
			return errors.New("it is not there")
		}
		e.clip = clip
	default:
		return errors.New("no drawing of ours has it")
	}
	return err
}

func number(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > most {
		return 0, errors.New("it is no number, or too large a one")
	}
	return n, nil
}

// readColour reads a colour as our drawings write it.
func readColour(text string) (color.NRGBA, error) {
	switch text {
	case "none":
		return color.NRGBA{}, nil
	case "currentColor":
		return ink, nil
	}
	digits, ok := strings.CutPrefix(text, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 24)
	if !ok || len(digits) != 6 || err != nil {
		return color.NRGBA{}, errors.New("it is no colour of ours")
	}
	return color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}, nil
}

// path is the outline of a shape.
func (g geometry) path(name string) ([]Segment, error) {
	// How far the handles of a Bézier curve stand off for a quarter of a circle.
	const quarter = 0.5522847498
	switch name {
	case "path":
		return readPath(g.d)
	case "circle":
		if g.r <= 0 {
			return nil, nil
		}
		return oval(g.cx-g.r, g.cy-g.r, g.cx+g.r, g.cy+g.r, g.r, quarter), nil
	}
	if g.width <= 0 || g.height <= 0 {
		return nil, nil
	}
	x, y := g.x+g.width, g.y+g.height
	if g.rx > 0 {
		return oval(g.x, g.y, x, y, min(g.rx, g.width/2, g.height/2), quarter), nil
	}
	return []Segment{step('M', g.x, g.y), step('L', x, g.y), step('L', x, y), step('L', g.x, y), {Op: 'Z'}}, nil
}

func step(op byte, x, y float64) Segment { return Segment{Op: op, P: [3]XY{{x, y}}} }

// oval is a rectangle with round corners.
func oval(left, top, right, bottom, r, quarter float64) []Segment {
	h := r * (1 - quarter) // from the corner to the handle
	corner := func(x1, y1, x2, y2, x3, y3 float64) Segment {
		return Segment{'C', [3]XY{{x1, y1}, {x2, y2}, {x3, y3}}}
	}
	return []Segment{
		step('M', left+r, top),
		step('L', right-r, top), corner(right-h, top, right, top+h, right, top+r),
		step('L', right, bottom-r), corner(right, bottom-h, right-h, bottom, right-r, bottom),
		step('L', left+r, bottom), corner(left+h, bottom, left, bottom-h, left, bottom-r),
		step('L', left, top+r), corner(left, top+h, left+h, top, left+r, top),
		{Op: 'Z'},
	}
}

// readPath reads path data: the commands M, L, H, V, C, Q, A of a circle, and Z,
// capital or small.
func readPath(d string) ([]Segment, error) {
	var path []Segment
	var at, begin XY
	var command byte
	rest := d
	skip := func() { rest = strings.TrimLeft(rest, " ,\t\r\n") }
	for skip(); rest != ""; skip() {
		if c := rest[0]; c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			command, rest = c, rest[1:]
			if c|0x20 == 'z' {
				path, at, command = append(path, Segment{Op: 'Z'}), begin, 0
				continue
			}
		}
		var base XY
		if command >= 'a' {
			base = at
		}
		if command|0x20 == 'a' && len(path) > 0 {
			var n [7]float64
			var err error
			for i := range n {
				if n[i], rest, err = coordinate(rest); err != nil {
					return nil, err
				}
			}
			to := XY{base.X + n[5], base.Y + n[6]}
			if math.Abs(to.X) > most || math.Abs(to.Y) > most || n[0] != n[1] {
				return nil, errFar
			}
			path, at = append(path, arc(at, to, n[0], n[3] != 0, n[4] != 0)...), to
			continue
		}
		many := map[byte]int{'m': 1, 'l': 1, 'h': 1, 'v': 1, 'q': 2, 'c': 3}[command|0x20]
		if many == 0 || len(path) == 0 && command|0x20 != 'm' {
			return nil, errors.New("a path of the drawing has a step that none of ours has")
		}
		var p [3]XY
		for i := range many {
			p[i] = at
			var err error
			if command|0x20 != 'v' {
				if p[i].X, rest, err = coordinate(rest); err != nil {
					return nil, err
				}
				p[i].X += base.X
			}
			if command|0x20 != 'h' {
				if p[i].Y, rest, err = coordinate(rest); err != nil {
					return nil, err
				}
				p[i].Y += base.Y
			}
			if math.Abs(p[i].X) > most || math.Abs(p[i].Y) > most {
				return nil, errFar
			}
		}
		switch command | 0x20 {
		case 'm':
			path, at, begin = append(path, step('M', p[0].X, p[0].Y)), p[0], p[0]
			command-- // from m to l: further pairs are lines
		case 'q': // the same curve as a cubic one
			third := func(a, b XY) XY { return XY{a.X + (b.X-a.X)*2/3, a.Y + (b.Y-a.Y)*2/3} }
			path, at = append(path, Segment{'C', [3]XY{third(at, p[0]), third(p[1], p[0]), p[1]}}), p[1]
		case 'c':
			path, at = append(path, Segment{'C', p}), p[2]
		default:
			path, at = append(path, step('L', p[0].X, p[0].Y)), p[0]
		}
	}
	return path, nil
}

// arc is a part of a circle from one place to another as curves: the longer way
// round or not, clockwise or not. A circle that is too small is grown until it
// reaches, as SVG has it.
func arc(from, to XY, r float64, long, clockwise bool) []Segment {
	dx, dy := (to.X-from.X)/2, (to.Y-from.Y)/2
	half := math.Hypot(dx, dy)
	if half == 0 || r == 0 {
		return []Segment{step('L', to.X, to.Y)}
	}
	r = max(math.Abs(r), half)
	off := math.Sqrt(max(0, r*r-half*half)) / half // from the middle to the centre
	if long == clockwise {
		off = -off
	}
	centre := XY{from.X + dx - dy*off, from.Y + dy + dx*off}
	begin := math.Atan2(from.Y-centre.Y, from.X-centre.X)
	turn := math.Atan2(to.Y-centre.Y, to.X-centre.X) - begin
	switch {
	case clockwise && turn < 0:
		turn += 2 * math.Pi
	case !clockwise && turn > 0:
		turn -= 2 * math.Pi
	}
	const pieces = 4
	handle := 4.0 / 3 * math.Tan(turn/pieces/4) * r
	var out []Segment
	for i := range pieces {
		sin1, cos1 := math.Sincos(begin + turn*float64(i)/pieces)
		sin2, cos2 := math.Sincos(begin + turn*float64(i+1)/pieces)
		a, b := XY{centre.X + r*cos1, centre.Y + r*sin1}, XY{centre.X + r*cos2, centre.Y + r*sin2}
		out = append(out, Segment{'C', [3]XY{{a.X - handle*sin1, a.Y + handle*cos1}, {b.X + handle*sin2, b.Y - handle*cos2}, b}})
	}
	return out
}

// coordinate reads one number off path data.
func coordinate(text string) (float64, string, error) {
	text = strings.TrimLeft(text, " ,\t\r\n")
	end, dot := 0, false
	for end < len(text) {
		c := text[end]
		switch {
		case c >= '0' && c <= '9', (c == '-' || c == '+') && end == 0:
		case c == '.' && !dot:
			dot = true
		default:
			c = 0
		}
		if c == 0 {
			break
		}
		end++
	}
	n, err := number(text[:end])
	if err != nil {
		return 0, "", errors.New("a path of the drawing has a place that is no number, or too large a one")
	}
	return n, text[end:], nil
}
