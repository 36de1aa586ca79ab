// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"github.com/kua-registry/kua/internal/typeface"
)

// weight is one of the three faces of the typeface. Bold italic is bold.
type weight int

const (
	upright weight = iota
	bold
	italic
)

func (w weight) fpdf() string { return [...]string{"", "B", "I"}[w] }

// instead of a letter that the typeface doesn't have.
const instead = '□'

// faces measures text and knows which letters there are.
type faces struct {
	fonts   [3]*sfnt.Font
	buffer  sfnt.Buffer
	widths  [3]map[rune]float64 // of a letter of size 1; below 0: there is none
	missing bool                // a letter was asked for that isn't there
}

func newFaces() (*faces, error) {
	f := &faces{}
	for i, file := range [][]byte{typeface.Regular(), typeface.Bold(), typeface.Italic()} {
		parsed, err := sfnt.Parse(file)
		if err != nil {
			return nil, fmt.Errorf("the document can't be written: its typeface can't be read: %w", err)
		}
		f.fonts[i], f.widths[i] = parsed, map[rune]float64{}
	}
	return f, nil
}

// letter returns the width of a letter of size 1, or below 0 where there is none.
func (f *faces) letter(w weight, r rune) float64 {
	if width, known := f.widths[w][r]; known {
		return width
	}
	width := -1.0
	if i, err := f.fonts[w].GlyphIndex(&f.buffer, r); err == nil && i != 0 {
		if a, err := f.fonts[w].GlyphAdvance(&f.buffer, i, fixed.I(1000), font.HintingNone); err == nil {
			width = float64(a) / 64 / 1000
		}
	}
	f.widths[w][r] = width
	return width
}

// width returns the width of a text that was made fit.
func (f *faces) width(text string, w weight, size float64) float64 {
	total := 0.0
	for _, r := range text {
		total += max(0, f.letter(w, r))
	}
	return total * size
}

// fit returns a text of letters that there are: white space as a plain space, a
// box for what is missing.
func (f *faces) fit(text string) string {
	out := make([]rune, 0, len(text))
	for _, r := range text {
		switch {
		case r == '\u00a0' || r == '\u202f' || r == '\u2009' || r == '\u2007' || r == '\u3000':
			out = append(out, ' ')
		case r == '\u00ad' || r == '\u200c' || r == '\u200d': // seen only where a word is broken or joined
		case f.letter(upright, r) < 0:
			f.missing = true
			out = append(out, instead)
		default:
			out = append(out, r)
		}
	}
	return string(out)
}
