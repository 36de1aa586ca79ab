// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"strings"
	"unicode/utf8"
)

// look is how a piece of text is set.
type look struct {
	face   weight
	size   float64 // in points
	colour colour
}

type colour struct{ r, g, b uint8 }

// Colours of the page: dark enough to print.
var (
	ink    = colour{0x1c, 0x1e, 0x22}
	soft   = colour{0x56, 0x5a, 0x60}
	accent = colour{0x0d, 0x57, 0x63}
	faint  = colour{0xa9, 0xcd, 0xd2}
	thin   = colour{0xdf, 0xdb, 0xd2}
	thick  = colour{0x8b, 0x88, 0x80}
)

// piece is a text set in one way, at x from where the line begins.
type piece struct {
	look
	x, width float64
	text     string
	link     string // out of the document
	dest     string // to a heading of it
}

// setLine is a line of text with the notes it is the first to refer to.
type setLine struct {
	pieces []piece
	width  float64
	marks  float64 // what the marks of notes take of the width, where they end the line
	notes  []int
}

// frag is a piece of a word; a word changes its look where a mark or bold begins.
type frag struct {
	piece
	note int
}

type word struct {
	frags []frag
	width float64
	space bool // before it
	new   bool // begins a line
}

// textWords takes inlines apart into words.
func (l *layout) textWords(inlines []Inline, base look) []word {
	var words []word
	space, fresh := false, true // the next fragment begins a word
	newLine := false
	add := func(f frag) {
		f.width = l.faces.width(f.text, f.face, f.size)
		if fresh {
			words = append(words, word{space: space, new: newLine})
			space, fresh, newLine = false, false, false
		}
		w := &words[len(words)-1]
		w.frags = append(w.frags, f)
		w.width += f.width
	}
	for _, r := range l.runs(inlines) {
		switch {
		case r.breaks:
			if newLine { // an empty line
				add(frag{piece: piece{look: base}})
			}
			fresh, newLine, space = true, true, false
			continue
		case r.note > 0:
			mark := base
			mark.face, mark.colour = upright, accent
			text := raised(r.note)
			if r.beside { // or two marks would be one
				text = " " + text
			}
			add(frag{piece: piece{look: mark, text: text}, note: r.note})
			continue
		}
		p := piece{look: base, link: outside(r.href)}
		if id := within(r.href); id != "" {
			p.dest = id
		}
		switch {
		case r.strong:
			p.face = bold
		case r.emphasis && p.face == upright:
			p.face = italic
		}
		if (p.link != "" || p.dest != "") && r.figure == nil {
			p.colour = accent
		}
		rest := r.text
		for rest != "" {
			i := strings.IndexFunc(rest, breakable)
			if i == 0 {
				_, size := utf8.DecodeRuneInString(rest)
				rest = rest[size:]
				space, fresh = true, true
				continue
			}
			if i < 0 {
				i = len(rest)
			}
			for _, part := range hyphenated(rest[:i]) {
				f := frag{piece: p}
				f.text = l.faces.fit(part)
				add(f)
				fresh = strings.HasSuffix(part, "-") || strings.HasSuffix(part, "/")
			}
			fresh = false
			rest = rest[i:]
		}
	}
	return words
}

// hyphenated breaks a long word where it has a hyphen or a stroke of its own,
// as addresses have.
func hyphenated(text string) []string {
	if utf8.RuneCountInString(text) < 24 {
		return []string{text}
	}
	var out []string
	for {
		i := strings.IndexAny(text, "-/")
		if i < 0 || i+1 == len(text) {
			return append(out, text)
		}
		out, text = append(out, text[:i+1]), text[i+1:]
	}
}

// set breaks inlines into lines of at most so many points.
func (l *layout) set(inlines []Inline, base look, measure float64) []setLine {
	var lines []setLine
	var line setLine
	begun := false
	flush := func() {
		lines = append(lines, line)
		line, begun = setLine{}, false
	}
	place := func(f frag, space bool) {
		if space {
			line.space(l)
		}
		f.x = line.width
		line.width += f.width
		line.marks += f.width
		if f.note == 0 {
			line.marks = 0
		}
		if f.note > 0 && !l.noted[f.note] {
			l.noted[f.note] = true
			line.notes = append(line.notes, f.note)
		}
		if last := len(line.pieces) - 1; last >= 0 && like(line.pieces[last], f.piece) {
			line.pieces[last].text += f.text
			line.pieces[last].width += f.width
			return
		}
		line.pieces = append(line.pieces, f.piece)
	}
	for _, w := range l.textWords(inlines, base) {
		gap := 0.0
		if w.space && begun {
			gap = l.faces.width(" ", base.face, base.size)
		}
		if begun && (w.new || line.width+gap+w.width > measure) {
			flush()
		}
		for i, f := range w.frags {
			for _, f := range l.broken(f, w.width, measure) {
				if begun && w.width > measure && line.width+f.width > measure {
					flush()
				}
				place(f, i == 0 && w.space && begun && line.width > 0)
				begun = true
			}
		}
	}
	if begun || len(lines) == 0 {
		flush()
	}
	return lines
}

// space puts a space on the line, as part of what stands last on it so that
// whoever copies the text has it.
func (line *setLine) space(l *layout) {
	last := &line.pieces[len(line.pieces)-1]
	width := l.faces.width(" ", last.face, last.size)
	last.text += " "
	last.width += width
	line.width += width
}

// like tells whether b continues a.
func like(a, b piece) bool {
	return a.look == b.look && a.link == b.link && a.dest == b.dest
}

// broken takes a fragment of a word that is wider than a line apart.
func (l *layout) broken(f frag, wordWidth, measure float64) []frag {
	if wordWidth <= measure || f.width <= measure/2 {
		return []frag{f}
	}
	var out []frag
	part := f
	part.text, part.width = "", 0
	for _, r := range f.text {
		w := max(0, l.faces.letter(f.face, r)) * f.size
		if part.width+w > measure && part.text != "" {
			out = append(out, part)
			part.text, part.width = "", 0
		}
		part.text += string(r)
		part.width += w
	}
	return append(out, part)
}

// raised is the mark of a note in the raised digits of the typeface. Digits that
// are only drawn higher would, in a text that is copied, join the figure before
// them.
func raised(n int) string {
	digits := [...]rune{'⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'}
	var b strings.Builder
	for _, r := range itoa(n) {
		b.WriteRune(digits[r-'0'])
	}
	return b.String()
}
