// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// Box is what is hidden in a copy: a part of a page, in shares of its width and
// height from the upper left corner, so that it holds whatever the copy's size.
type Box struct {
	Page                int // from 1; of a picture 1
	X, Y, Width, Height float64
}

// OnPage are the boxes that stand on a page.
func OnPage(boxes []Box, page int) []Box {
	var on []Box
	for _, b := range boxes {
		if b.Page == page {
			on = append(on, b)
		}
	}
	return on
}

// Redact is a new picture with the boxes burnt in, black. A box that reaches over
// the edge is cut there, and one that touches a pixel takes all of it.
func Redact(img image.Image, boxes []Box) *image.RGBA {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(out, out.Bounds(), img, b.Min, draw.Over)
	for _, box := range boxes {
		draw.Draw(out, box.on(b.Dx(), b.Dy()), image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
	return out
}

func (b Box) on(width, height int) image.Rectangle {
	return image.Rect(
		down(b.X, width), down(b.Y, height),
		up(b.X+b.Width, width), up(b.Y+b.Height, height),
	).Intersect(image.Rect(0, 0, width, height))
}

// down and up are the pixel edge before and after a share of a side.
func down(share float64, side int) int { return int(clamp(share) * float64(side)) }

func up(share float64, side int) int {
	at := clamp(share) * float64(side)
	edge := int(at)
	if float64(edge) < at {
		edge++
	}
	return edge
}

// clamp is a share between 0 and 1; what is no number is 0.
func clamp(share float64) float64 {
	if !(share > 0) {
		return 0
	}
	return min(share, 1)
}
