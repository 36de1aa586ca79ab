// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/chart"
)

// Sizes of a page, in points: A4 with margins that leave lines of some 85 letters.
const (
	pageWidth    = 595.28
	pageHeight   = 841.89
	marginLeft   = 68.0
	marginRight  = 68.0
	marginTop    = 68.0
	marginBottom = 72.0
	measure      = pageWidth - marginLeft - marginRight
	column       = pageHeight - marginTop - marginBottom // the height of a page's text

	bodySize  = 10.5
	smallSize = 9.0
	noteSize  = 8.5
	tableSize = 9.5
	leading   = 1.42 // from line to line, by the size of the letters
	blockGap  = 7.0  // between paragraphs
	cellPad   = 9.0  // between columns of a table
	rowPad    = 3.5  // above and below the text of a row
	indent    = 18.0 // of lists and quotes
)

// box is a part of the text that no page break divides, mostly a line.
type box struct {
	before float64 // space above it, which falls away at the top of a page
	height float64
	pieces []placed
	shapes []shape
	keep   bool  // stays on the page of the box that follows
	fresh  bool  // begins a page
	notes  []int // that are first referred to here
	head   []box // the head of its table, for the top of a page that begins with this box
	mark   *bookmark
	drawn  *drawn
}

// placed is a piece of text at a place: x from the left margin, y of its line from the top of the box.
type placed struct {
	piece
	y float64
}

// shape is a line or an area, from the left margin and the top of the box.
type shape struct {
	x, y, width, height float64
	fill                colour
	above               bool // reaches up over the space before the box
}

type bookmark struct {
	level int
	id    string
	title string
}

// layout makes boxes out of blocks.
type layout struct {
	*numbering
	words words
	faces *faces
	noted map[int]bool // the notes that a line already refers to
	boxes []box
	above int // 1 where there is no title above the headings in the tree of bookmarks
	level int // of the last bookmark
}

// frame is where blocks stand: from x, so wide; bars are at the left of quotes.
type frame struct {
	x, width float64
	bars     []float64
}

func (f frame) in(by float64) frame {
	f.x, f.width = f.x+by, f.width-by
	if f.width < 72 { // lists within lists within lists
		f.x, f.width = f.x+f.width-72, 72
	}
	return f
}

func itoa(n int) string { return strconv.Itoa(n) }

// front lays out what stands above the text.
func (l *layout) front(d Document) {
	all := frame{width: measure}
	if d.Title != "" {
		l.paragraph(Words(d.Title), look{face: bold, size: 20, colour: ink}, all, 0, true)
		l.boxes[0].mark = &bookmark{title: l.faces.fit(clean(d.Title))}
	} else {
		l.above, l.level = 1, -1
	}
	if d.Subtitle != "" {
		l.paragraph(Words(d.Subtitle), look{size: 13, colour: soft}, all, 4, true)
	}
	if d.Dateline != "" {
		l.paragraph(Words(d.Dateline), look{size: bodySize, colour: soft}, all, 4, true)
	}
	if len(l.boxes) > 0 {
		l.boxes = append(l.boxes, box{height: 8, keep: true})
	}
}

// lines puts lines of text into boxes and returns the first of them.
func (l *layout) lines(lines []setLine, size float64, f frame, before float64, right bool) int {
	first := len(l.boxes)
	for _, line := range lines {
		b := box{height: size * leading, before: before, notes: line.notes}
		x := f.x
		if right {
			x += f.width - line.width
		}
		b.text(line, x, size*1.08)
		l.add(b, f)
		before = 0
	}
	return first
}

func (b *box) text(line setLine, x, y float64) {
	for _, p := range line.pieces {
		p.x += x
		b.pieces = append(b.pieces, placed{p, y})
	}
}

// add puts a box into the text, with the bars of the quotes it stands in.
func (l *layout) add(b box, f frame) {
	for _, x := range f.bars {
		b.shapes = append(b.shapes, shape{x: x, width: 2, height: b.height, fill: faint, above: b.before > 0})
	}
	l.boxes = append(l.boxes, b)
}

// paragraph lays out a text with no line of it alone on a page: the first two
// lines stay together, and the last two.
func (l *layout) paragraph(text []Inline, look look, f frame, before float64, keepNext bool) {
	first := l.lines(l.set(text, look, f.width), look.size, f, before, false)
	l.together(first, keepNext)
}

func (l *layout) together(first int, keepNext bool) {
	last := len(l.boxes) - 1
	for i := first; i < last; i++ {
		if i == first || i == last-1 || keepNext {
			l.boxes[i].keep = true
		}
	}
	if keepNext && last >= first {
		l.boxes[last].keep = true
	}
}

func (l *layout) body() look { return look{size: bodySize, colour: ink} }

func (l *layout) blocks(blocks []Block, f frame) {
	for i, b := range blocks {
		switch b := b.(type) {
		case Heading:
			l.heading(b, f)
		case Paragraph:
			l.placedParagraph(b, f)
			if leads(blocks, i) {
				l.boxes[len(l.boxes)-1].keep = true
			}
		case List:
			l.list(b, f)
		case Quote:
			l.quote(b, f)
		case Table:
			l.table(b, f)
		case Picture:
			l.picture(b, f)
		case Rule:
			l.add(box{before: 12, height: 14, shapes: []shape{{x: f.x + f.width/2 - 40, width: 80, height: 0.7, fill: thick}}}, f)
		case PageBreak:
			l.boxes = append(l.boxes, box{fresh: true})
		}
	}
}

// leads tells whether a block says what the list after it is of.
func leads(blocks []Block, i int) bool {
	if i+1 >= len(blocks) {
		return false
	}
	_, list := blocks[i+1].(List)
	return list
}

var headings = [maxLevel]struct {
	look   look
	before float64
}{
	{look{face: bold, size: 14.5, colour: ink}, 20},
	{look{face: bold, size: 12, colour: ink}, 15},
	{look{face: bold, size: bodySize, colour: ink}, 12},
	{look{face: italic, size: bodySize, colour: ink}, 10},
}

func (l *layout) heading(h Heading, f frame) {
	style := headings[h.Level-1]
	first := len(l.boxes)
	l.paragraph(h.Text, style.look, f, style.before, true)
	var title strings.Builder
	for _, r := range l.runs(h.Text) {
		title.WriteString(r.text)
		if r.breaks {
			title.WriteByte(' ')
		}
	}
	l.level = min(h.Level-l.above, l.level+1) // a level left out would have no place in the tree
	l.boxes[first].mark = &bookmark{level: l.level, id: h.ID, title: l.faces.fit(title.String())}
	l.boxes = append(l.boxes, box{height: 2, keep: true})
}

func (l *layout) placedParagraph(p Paragraph, f frame) {
	switch p.Place {
	case Address:
		l.paragraph(p.Text, l.body(), f.in(f.width/2), blockGap, false)
	case Centre:
		first := len(l.boxes)
		before := blockGap
		for _, line := range l.set(p.Text, l.body(), f.width) {
			b := box{height: bodySize * leading, before: before, notes: line.notes}
			b.text(line, f.x+(f.width-line.width)/2, bodySize*1.08)
			l.add(b, f)
			before = 0
		}
		l.together(first, false)
	case Small:
		l.paragraph(p.Text, look{size: smallSize, colour: soft}, f, blockGap, false)
	default:
		l.paragraph(p.Text, l.body(), f, blockGap, false)
	}
}

func (l *layout) list(list List, f frame) {
	by := indent
	if list.Ordered {
		widest := l.faces.width(itoa(max(1, list.Start)+len(list.Items))+". ", upright, bodySize)
		by = max(by, widest)
	}
	for i, item := range list.Items {
		mark := "•"
		if list.Ordered {
			mark = itoa(max(1, list.Start)+i) + "."
		}
		first := len(l.boxes)
		if first > 0 && i > 0 && i == len(list.Items)-1 { // the last item is never alone on a page
			l.boxes[first-1].keep = true
		}
		l.blocks(item, f.in(by))
		if len(l.boxes) == first || l.boxes[first].fresh { // an item of nothing
			l.add(box{height: bodySize * leading}, f)
			first = len(l.boxes) - 1
		}
		b := &l.boxes[first]
		if _, ok := only(item); ok && i > 0 {
			b.before = 3
		}
		p := piece{look: l.body(), x: f.x, text: mark, width: l.faces.width(mark, upright, bodySize)}
		if !list.Ordered {
			p.x += 5
		}
		b.pieces = append([]placed{{p, bodySize * 1.08}}, b.pieces...)
	}
}

func (l *layout) quote(q Quote, f frame) {
	inner := f.in(indent)
	inner.bars = append(append([]float64{}, f.bars...), f.x+2)
	first := len(l.boxes)
	l.blocks(q.Blocks, inner)
	if len(q.By) > 0 {
		if last := len(l.boxes) - 1; last >= first {
			l.boxes[last].keep = true
		}
		l.paragraph(q.By, look{size: smallSize, colour: soft}, inner, 4, false)
	}
	if len(l.boxes) == first {
		return
	}
	b := &l.boxes[first]
	b.before = max(b.before, 10)
	for i := range b.shapes { // the bar begins with the text, those of quotes around it go on
		if b.shapes[i].x == f.x+2 {
			b.shapes[i].above = false
		}
	}
	l.boxes = append(l.boxes, box{height: 3})
}

// source lays out what stands beneath a table or a picture.
func (l *layout) source(source []Inline, f frame) {
	if len(source) > 0 {
		l.boxes[len(l.boxes)-1].keep = true
		l.paragraph(around(l.words.source, source), look{size: smallSize, colour: soft}, f, 4, false)
	}
	l.boxes = append(l.boxes, box{height: 4})
}

// pictureScale is how many points a unit of a drawing takes: a chart made for a
// telephone has letters as large as the text.
const pictureScale = 0.75

func (l *layout) picture(p Picture, f frame) {
	drawing := l.drawings[p.SVG]
	if drawing.Width <= 0 || drawing.Height <= 0 { // of nothing
		l.paragraph(Words("["+fill(l.words.picture, p.Alt)+"]"), look{face: italic, size: bodySize, colour: soft}, f, 12, true)
	} else {
		scale := min(pictureScale, f.width/drawing.Width, column*0.7/drawing.Height)
		d := &drawn{x: f.x, scale: scale, shapes: drawing.Shapes}
		for i, s := range d.shapes {
			if s.Text != "" {
				d.shapes[i].Text = l.faces.fit(clean(s.Text))
			}
		}
		l.add(box{before: 14, height: drawing.Height*scale + 4, keep: true, drawn: d}, f)
	}
	if len(p.Caption) > 0 {
		l.paragraph(p.Caption, look{face: bold, size: bodySize, colour: ink}, f, 4, len(p.Source) > 0)
	}
	l.source(p.Source, f)
}

// drawn is a drawing at its place.
type drawn struct {
	x, scale float64
	shapes   []chart.Shape
}
