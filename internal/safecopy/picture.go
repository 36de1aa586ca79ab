// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// How pictures are written.
const (
	quality      = 90  // of JPEG copies
	thumbnail    = 320 // the long side of thumbnails, pixels
	bytesPerDot  = 20  // what decoding takes at its worst: a progressive JPEG with three parts, and the copy
	maxSide      = 65_500
	thumbQuality = 75
)

// picture decodes a picture and writes it anew.
func (w *work) picture(data []byte) error {
	orientation := w.metadata(data)
	img, err := w.decode(data)
	if err != nil {
		return err
	}
	if w.job.Do == Read {
		return w.readPicture(turned(img, orientation))
	}
	img = turned(img, orientation)
	if len(w.job.Boxes) > 0 {
		img = Redact(img, OnPage(w.job.Boxes, 1))
	}
	b := img.Bounds()
	w.report.Width, w.report.Height = b.Dx(), b.Dy()
	if w.report.Thumbnail, err = Thumbnail(img); err != nil {
		return err
	}
	// A photograph stays one; a drawing, a screenshot or what one can see through isn't blurred.
	if w.report.Kind == JPEG || w.report.Kind == WebP && opaque(img) {
		w.report.Copy = JPEG
		return jpeg.Encode(w.out, flat(img), &jpeg.Options{Quality: quality})
	}
	w.report.Copy = PNG
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w.out, img)
}

// decode decodes a picture after a look at its size.
func (w *work) decode(data []byte) (image.Image, error) {
	config, decode := formats(w.report.Kind)
	c, err := config(bytes.NewReader(data))
	if err != nil {
		return nil, refuse(Broken)
	}
	if err := w.job.Limits.allow(c.Width, c.Height); err != nil {
		return nil, err
	}
	if w.report.Kind == GIF && gifMoves(data) {
		w.report.note(FirstPicture)
	}
	img, err := decode(&untilDone{w.ctx, bytes.NewReader(data)})
	if err != nil {
		return nil, refuse(Broken)
	}
	if b := img.Bounds(); b.Dx() != c.Width || b.Dy() != c.Height || b.Empty() {
		return nil, refuse(Broken)
	}
	return img, nil
}

// allow says whether a picture of that size may be decoded.
func (l Limits) allow(width, height int) error {
	if width <= 0 || height <= 0 {
		return refuse(Broken)
	}
	dots := int64(width) * int64(height)
	switch {
	case width > maxSide:
		return &RefusedError{Code: TooManyDots, Have: int64(width), Most: maxSide}
	case height > maxSide:
		return &RefusedError{Code: TooManyDots, Have: int64(height), Most: maxSide}
	case dots > l.Pixels:
		return &RefusedError{Code: TooManyDots, Have: dots, Most: l.Pixels}
	case dots*bytesPerDot > l.Memory:
		return &RefusedError{Code: TooMuchRAM, Have: dots * bytesPerDot, Most: l.Memory}
	}
	return nil
}

func formats(kind Kind) (func(io.Reader) (image.Config, error), func(io.Reader) (image.Image, error)) {
	switch kind {
	case JPEG:
		return jpeg.DecodeConfig, jpeg.Decode
	case PNG:
		return png.DecodeConfig, png.Decode
	case GIF:
		return gif.DecodeConfig, gif.Decode
	case WebP:
		return webp.DecodeConfig, webp.Decode
	case TIFF:
		return tiff.DecodeConfig, tiff.Decode
	default:
		return bmp.DecodeConfig, bmp.Decode
	}
}

func opaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// flat is a picture on white, where one can see through it.
func flat(img image.Image) image.Image {
	if opaque(img) {
		return img
	}
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(out, out.Bounds(), img, b.Min, draw.Over)
	return out
}

// Thumbnail is a picture as a small JPEG.
func Thumbnail(img image.Image) ([]byte, error) {
	b := img.Bounds()
	width, height := fit(b.Dx(), b.Dy(), thumbnail)
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(small, small.Bounds(), img, b, draw.Over, nil)
	var out bytes.Buffer
	err := jpeg.Encode(&out, small, &jpeg.Options{Quality: thumbQuality})
	return out.Bytes(), err
}

// fit is a size with a long side of at most that many pixels.
func fit(width, height, side int) (int, int) {
	if width <= side && height <= side {
		return width, height
	}
	if width >= height {
		return side, max(1, height*side/width)
	}
	return max(1, width*side/height), side
}

// turned is a picture as its camera says it was held: EXIF 2.3, tag 0x0112.
func turned(img image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return img
	}
	b := img.Bounds()
	width, height := b.Dx(), b.Dy()
	if orientation >= 5 {
		width, height = height, width
	}
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var sx, sy int
			switch orientation {
			case 2:
				sx, sy = width-1-x, y
			case 3:
				sx, sy = width-1-x, height-1-y
			case 4:
				sx, sy = x, height-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, width-1-x
			case 7:
				sx, sy = height-1-y, width-1-x
			case 8:
				sx, sy = height-1-y, x
			}
			out.SetNRGBA(x, y, color.NRGBAModel.Convert(img.At(b.Min.X+sx, b.Min.Y+sy)).(color.NRGBA))
		}
	}
	return out
}
