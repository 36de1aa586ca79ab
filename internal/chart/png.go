// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"github.com/kua-registry/kua/internal/typeface"
)

// largest is how many pixels a picture may have: a page of A3 at 300 to the inch.
const largest = 3508 * 4961

// PNG paints a picture on white ground, so many pixels to each of its units,
// its text in Noto Sans.
func (p Picture) PNG(scale float64) ([]byte, error) {
	width, height := math.Ceil(p.Width*scale), math.Ceil(p.Height*scale)
	switch {
	case !(scale > 0) || !(width >= 1) || !(height >= 1):
		return nil, errors.New("there is nothing to paint: the picture has no size")
	case width*height > largest:
		return nil, errors.New("the picture would be too large: ask for a smaller scale")
	}
	painter := painter{image: image.NewRGBA(image.Rect(0, 0, int(width), int(height))), scale: scale, faces: map[face]font.Face{}}
	draw.Draw(painter.image, painter.image.Bounds(), image.White, image.Point{}, draw.Src)
	for _, s := range p.Shapes {
		if s.Text != "" {
			if err := painter.text(s); err != nil {
				return nil, err
			}
			continue
		}
		painter.shape(s)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, painter.image); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// painter paints one picture.
type painter struct {
	image *image.RGBA
	scale float64
	faces map[face]font.Face
}

type face struct {
	bold bool
	size float64 // in pixels
}

// ring is a line through points, in pixels; a closed one comes back to its beginning.
type ring struct {
	at     []XY
	closed bool
}

func (p *painter) shape(s Shape) {
	rings := p.rings(s.Path)
	var clip *image.Alpha
	if len(s.Clip) > 0 {
		clip = p.filled(p.rings(s.Clip), false)
	}
	if s.Fill.A > 0 {
		p.paint(p.filled(rings, s.EvenOdd), clip, s.Fill)
	}
	if s.Stroke.A > 0 && s.StrokeWidth > 0 {
		p.paint(p.stroked(rings, s), clip, s.Stroke)
	}
}

// paint lays a colour on where a mask, and a clip, let it.
func (p *painter) paint(mask, clip *image.Alpha, c color.NRGBA) {
	if mask == nil {
		return
	}
	bounds := mask.Bounds()
	if clip != nil {
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				a := uint32(mask.AlphaAt(x, y).A) * uint32(clip.AlphaAt(x, y).A) / 255
				mask.SetAlpha(x, y, color.Alpha{A: uint8(a)})
			}
		}
	}
	draw.DrawMask(p.image, bounds, image.NewUniform(c), image.Point{}, mask, bounds.Min, draw.Over)
}

// rings makes lines of a path: a curve is as many as the eye needs.
func (p *painter) rings(path []Segment) []ring {
	var out []ring
	px := func(at XY) XY { return XY{at.X * p.scale, at.Y * p.scale} }
	begin := func(at XY) { out = append(out, ring{at: []XY{at}}) }
	for _, s := range path {
		to := px(s.P[0])
		if s.Op == 'M' {
			begin(to)
			continue
		}
		if len(out) == 0 {
			begin(XY{})
		}
		last := &out[len(out)-1]
		if last.closed {
			begin(last.at[0])
			last = &out[len(out)-1]
		}
		switch s.Op {
		case 'L':
			last.at = append(last.at, to)
		case 'C':
			from, b, c := last.at[len(last.at)-1], px(s.P[1]), px(s.P[2])
			long := math.Hypot(to.X-from.X, to.Y-from.Y) + math.Hypot(b.X-to.X, b.Y-to.Y) + math.Hypot(c.X-b.X, c.Y-b.Y)
			n := max(4, min(int(long/3), 64))
			for i := range n {
				t := float64(i+1) / float64(n)
				u := 1 - t
				mix := func(p0, p1, p2, p3 float64) float64 {
					return u*u*u*p0 + 3*u*u*t*p1 + 3*u*t*t*p2 + t*t*t*p3
				}
				last.at = append(last.at, XY{mix(from.X, to.X, b.X, c.X), mix(from.Y, to.Y, b.Y, c.Y)})
			}
		case 'Z':
			last.closed = true
		}
	}
	return out
}

// filled is a mask of what lies inside of rings; nil: nothing of it is seen.
func (p *painter) filled(rings []ring, evenOdd bool) *image.Alpha {
	var outlines [][]XY
	for _, r := range rings {
		outlines = append(outlines, r.at)
	}
	if !evenOdd {
		return p.mask(outlines)
	}
	// Each ring turns what is inside it: of what is covered by both, nothing is left.
	var all *image.Alpha
	for _, outline := range outlines {
		one := p.mask([][]XY{outline})
		if one == nil {
			continue
		}
		if all == nil {
			all = one
			continue
		}
		union := image.NewAlpha(all.Rect.Union(one.Rect))
		draw.Draw(union, all.Rect, all, all.Rect.Min, draw.Src)
		for y := one.Rect.Min.Y; y < one.Rect.Max.Y; y++ {
			for x := one.Rect.Min.X; x < one.Rect.Max.X; x++ {
				a, b := uint32(union.AlphaAt(x, y).A), uint32(one.AlphaAt(x, y).A)
				union.SetAlpha(x, y, color.Alpha{A: uint8(a + b - 2*a*b/255)})
			}
		}
		all = union
	}
	return all
}

// mask paints outlines, all of them in the same sense, within the picture.
func (p *painter) mask(outlines [][]XY) *image.Alpha {
	low, high := XY{math.Inf(1), math.Inf(1)}, XY{math.Inf(-1), math.Inf(-1)}
	for _, outline := range outlines {
		for _, q := range outline {
			low, high = XY{min(low.X, q.X), min(low.Y, q.Y)}, XY{max(high.X, q.X), max(high.Y, q.Y)}
		}
	}
	if !(low.X <= high.X) {
		return nil
	}
	bounds := image.Rect(int(math.Floor(low.X)), int(math.Floor(low.Y)), int(math.Ceil(high.X)), int(math.Ceil(high.Y))).Intersect(p.image.Bounds())
	if bounds.Empty() {
		return nil
	}
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	for _, outline := range outlines {
		for i, q := range within(outline, bounds) {
			x, y := float32(q.X-float64(bounds.Min.X)), float32(q.Y-float64(bounds.Min.Y))
			if i == 0 {
				r.MoveTo(x, y)
			} else {
				r.LineTo(x, y)
			}
		}
		r.ClosePath()
	}
	mask := image.NewAlpha(bounds)
	r.Draw(mask, bounds, image.Opaque, image.Point{})
	return mask
}

// within cuts an outline off at the edges of what is seen, as Sutherland and Hodgman do.
func within(outline []XY, bounds image.Rectangle) []XY {
	for _, edge := range []struct{ a, b, c float64 }{ // inside where a·x + b·y ≥ c
		{1, 0, float64(bounds.Min.X)}, {-1, 0, -float64(bounds.Max.X)}, {0, 1, float64(bounds.Min.Y)}, {0, -1, -float64(bounds.Max.Y)},
	} {
		var kept []XY
		for i, q := range outline {
			before := outline[(i+len(outline)-1)%len(outline)]
			d, was := edge.a*q.X+edge.b*q.Y-edge.c, edge.a*before.X+edge.b*before.Y-edge.c
			if (d >= 0) != (was >= 0) {
				t := was / (was - d)
				kept = append(kept, XY{before.X + t*(q.X-before.X), before.Y + t*(q.Y-before.Y)})
			}
			if d >= 0 {
				kept = append(kept, q)
			}
		}
		outline = kept
	}
	return outline
}

// stroked is a mask of the lines along rings.
func (p *painter) stroked(rings []ring, s Shape) *image.Alpha {
	half := s.StrokeWidth * p.scale / 2
	var outlines [][]XY
	for _, r := range rings {
		at := r.at
		if r.closed {
			at = append(at[:len(at):len(at)], at[0])
		}
		for _, piece := range dashed(at, s.Dash, p.scale) {
			for i := 0; i+1 < len(piece); i++ {
				outlines = append(outlines, beam(piece[i], piece[i+1], half))
			}
			// Corners are round; the ends of a line are where it is asked for, and where it closes.
			for i, q := range piece {
				if end := i == 0 || i == len(piece)-1; !end || s.Round || r.closed && len(s.Dash) == 0 {
					outlines = append(outlines, disc(q, half))
				}
			}
		}
	}
	return p.mask(outlines)
}

// beam is a straight stroke; it turns clockwise, as a disc does.
func beam(a, b XY, half float64) []XY {
	long := math.Hypot(b.X-a.X, b.Y-a.Y)
	if long == 0 {
		return nil
	}
	nx, ny := -(b.Y-a.Y)/long*half, (b.X-a.X)/long*half
	return []XY{{a.X - nx, a.Y - ny}, {b.X - nx, b.Y - ny}, {b.X + nx, b.Y + ny}, {a.X + nx, a.Y + ny}}
}

func disc(at XY, r float64) []XY {
	n := max(8, min(int(r*3), 64))
	out := make([]XY, n)
	for i := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		out[i] = XY{at.X + r*cos, at.Y + r*sin}
	}
	return out
}

// dashed cuts a line into its strokes.
func dashed(at []XY, dash []float64, scale float64) [][]XY {
	const visible = 5000 // beyond so many dashes, the eye sees a line
	whole, period := 0.0, 0.0
	for i := range len(at) - 1 {
		whole += math.Hypot(at[i+1].X-at[i].X, at[i+1].Y-at[i].Y)
	}
	for _, d := range dash {
		period += d * scale
	}
	if len(dash) == 0 || whole/period > visible {
		return [][]XY{at}
	}
	var out [][]XY
	piece := []XY{at[0]}
	n, left := 0, dash[0]*scale
	for i := 0; i+1 < len(at); i++ {
		from, to := at[i], at[i+1]
		for {
			long := math.Hypot(to.X-from.X, to.Y-from.Y)
			if long < left {
				left -= long
				piece = append(piece, to)
				break
			}
			t := left / long
			from = XY{from.X + t*(to.X-from.X), from.Y + t*(to.Y-from.Y)}
			if n%2 == 0 {
				out = append(out, append(piece, from))
			}
			n++
			piece, left = []XY{from}, dash[n%len(dash)]*scale
		}
	}
	if n%2 == 0 {
		out = append(out, piece)
	}
	return out
}

func (p *painter) text(s Shape) error {
	size := s.Size * p.scale
	if size < 1 || size > 1000 {
		return nil // nobody could read it
	}
	f, err := p.face(face{s.Bold, size})
	if err != nil {
		return err
	}
	x := s.At.X * p.scale
	if s.Anchor != Start {
		width := float64(font.MeasureString(f, s.Text)) / 64
		x -= width * float64(s.Anchor) / 2
	}
	d := font.Drawer{Dst: p.image, Src: image.NewUniform(s.Fill), Face: f, Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(s.At.Y * p.scale * 64)}}
	d.DrawString(s.Text)
	return nil
}

func (p *painter) face(want face) (font.Face, error) {
	if f, ok := p.faces[want]; ok {
		return f, nil
	}
	file := typeface.Regular()
	if want.bold {
		file = typeface.Bold()
	}
	parsed, err := opentype.Parse(file)
	if err != nil {
		return nil, err
	}
	f, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: want.size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, err
	}
	p.faces[want] = f
	return f, nil
}
