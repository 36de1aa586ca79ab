// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/kua-registry/kua/internal/typeface"
)

// PDF writes a document as pages of A4 with the letters it needs within the
// file. A note stands at the foot of the page that first refers to it; one that
// has no room there goes on at the foot of the next. Headings are bookmarks and
// stay with what follows them, the head of a table is repeated on each page. Its
// days are the document's own. The file isn't tagged: who reads with the ears is
// better served by HTML.
func PDF(w io.Writer, d Document) error {
	sheets, l, err := paginate(d)
	if err != nil {
		return err
	}
	p, err := newPrinter(d)
	if err != nil {
		return err
	}
	p.targets(sheets)
	head, foot := l.aside(d.Head, 2), l.aside(d.Foot, 3)
	if d.Foot == "" {
		foot = l.aside(d.Title, 1)
	}
	for i, s := range sheets {
		p.AddPage()
		for j, line := range head {
			p.aside(l, line, marginTop-28-float64(len(head)-1-j)*asideLine, true)
		}
		p.boxes(s.boxes)
		if s.rule > 0 {
			p.fill(thick, marginLeft, marginTop+s.rule, 80, 0.5)
		}
		p.boxes(s.notes)
		p.aside(l, fmt.Sprintf("%d / %d", i+1, len(sheets)), pageHeight-36, true)
		for j, line := range foot {
			p.aside(l, line, pageHeight-36-float64(len(foot)-1-j)*asideLine, false)
		}
	}
	if err := p.Output(w); err != nil {
		return fmt.Errorf("the document can't be written: %w", err)
	}
	return nil
}

// paginate lays a document out on pages.
func paginate(d Document) ([]sheet, *layout, error) {
	n, err := check(d)
	if err != nil {
		return nil, nil, err
	}
	f, err := newFaces()
	if err != nil {
		return nil, nil, err
	}
	l := &layout{numbering: n, words: wordsOf(d.Lang), faces: f, noted: map[int]bool{}}
	all := frame{width: measure}
	l.front(d)
	l.blocks(d.Blocks, all)
	feet := l.footnotes()
	l.rest(feet)
	l.faces.fit(clean(d.Head + d.Foot))
	if l.faces.missing {
		l.paragraph(Words(fill(l.words.missing, string(instead))), look{face: italic, size: smallSize, colour: soft}, all, 20, false)
	}
	p := &pager{note: func(number int) []box { return feet[number] }}
	return p.pages(l.boxes), l, nil
}

// footnotes lays out the notes that the text refers to, each with those that it
// refers to itself.
func (l *layout) footnotes() map[int][]box {
	feet := map[int][]box{}
	for _, n := range l.notes {
		if l.noted[n.number] && feet[n.number] == nil {
			l.footnote(n, feet)
		}
	}
	return feet
}

func (l *layout) footnote(n note, feet map[int][]box) []box {
	const hang = 16.0
	look := look{size: noteSize, colour: ink}
	feet[n.number] = []box{}
	var boxes, inner []box
	for i, line := range l.set(n.text, look, measure-hang) {
		b := box{height: noteSize * 1.35}
		if i == 0 {
			mark := piece{look: look, text: itoa(n.number)}
			mark.width = l.faces.width(mark.text, upright, noteSize)
			b.pieces = append(b.pieces, placed{mark, noteSize * 1.05})
		}
		b.text(line, hang, noteSize*1.05)
		boxes = append(boxes, b)
		for _, number := range line.notes {
			inner = append(inner, l.footnote(l.notes[number-1], feet)...)
			feet[number] = []box{}
		}
	}
	boxes[len(boxes)-1].height += 2
	feet[n.number] = append(boxes, inner...)
	return feet[n.number]
}

// rest lays out the notes that nothing refers to, at the end.
func (l *layout) rest(feet map[int][]box) {
	first := true
	for _, n := range l.notes {
		if l.noted[n.number] {
			continue
		}
		l.noted[n.number] = true
		if first {
			l.heading(Heading{Level: 1, Text: Words(l.words.notes)}, frame{width: measure})
			first = false
		}
		l.boxes = append(l.boxes, l.footnote(n, feet)...)
	}
}

// printer draws pages.
type printer struct {
	*fpdf.Fpdf
	dests map[string]int // the headings that links lead to
	now   look
	fresh bool
}

func newPrinter(d Document) (*printer, error) {
	f := fpdf.New("P", "pt", "A4", "")
	f.SetCatalogSort(true)
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(0, 0, 0)
	f.SetCellMargin(0)
	f.SetProducer("", false)
	f.SetCreator("", false)
	f.SetTitle(clean(d.Title), true)
	f.SetLang(wordsOf(d.Lang).tag)
	day := time.Unix(0, 0).UTC()
	if !d.Date.Bound() {
		day = d.Date.Time()
	}
	f.SetCreationDate(day)
	f.SetModificationDate(day)
	for w, file := range [][]byte{typeface.Regular(), typeface.Bold(), typeface.Italic()} {
		f.AddUTF8FontFromBytes("noto", weight(w).fpdf(), file)
	}
	if err := f.Error(); err != nil {
		return nil, fmt.Errorf("the document can't be written: %w", err)
	}
	return &printer{Fpdf: f, dests: map[string]int{}}, nil
}

// targets says where the headings stand, before the first link leads to one.
func (p *printer) targets(sheets []sheet) {
	for i, s := range sheets {
		for _, b := range s.boxes {
			if b.mark != nil && b.mark.id != "" {
				link := p.AddLink()
				p.SetLink(link, marginTop+b.y, i+1)
				p.dests[b.mark.id] = link
			}
		}
	}
}

// AddPage begins a page, on which no look is set yet.
func (p *printer) AddPage() {
	p.Fpdf.AddPage()
	p.fresh = true
}

func (p *printer) look(l look) {
	if p.fresh || l.face != p.now.face || l.size != p.now.size {
		p.SetFont("noto", l.face.fpdf(), l.size)
	}
	if p.fresh || l.colour != p.now.colour {
		p.SetTextColor(int(l.colour.r), int(l.colour.g), int(l.colour.b))
	}
	p.now, p.fresh = l, false
}

func (p *printer) fill(c colour, x, y, width, height float64) {
	p.SetFillColor(int(c.r), int(c.g), int(c.b))
	p.Rect(x, y, width, height, "F")
}

func (p *printer) boxes(boxes []at) {
	for _, b := range boxes {
		top := marginTop + b.y
		for _, s := range b.shapes {
			y, height := top+s.y, s.height
			if s.above {
				y, height = y-b.above, height+b.above
			}
			p.fill(s.fill, marginLeft+s.x, y, s.width, height)
		}
		if b.mark != nil {
			p.look(look{size: bodySize, colour: ink}) // titles are written as the face of now writes
			p.Bookmark(b.mark.title, b.mark.level, top)
		}
		if b.drawn != nil {
			p.drawing(*b.drawn, top)
		}
		for _, t := range b.pieces {
			p.piece(t, top)
		}
	}
}

func (p *printer) piece(t placed, top float64) {
	if strings.TrimSpace(t.text) == "" {
		return
	}
	p.look(t.look)
	x, y := marginLeft+t.x, top+t.y
	p.Text(x, y, t.text)
	switch link := p.dests[t.dest]; {
	case t.link != "":
		p.LinkString(x, y-t.size, t.width, t.size*1.25, t.link)
	case t.dest != "" && link != 0:
		p.Link(x, y-t.size, t.width, t.size*1.25, link)
	}
}

// aside writes what stands outside of the text, at the left or at the right.
func (p *printer) aside(l *layout, text string, y float64, right bool) {
	p.look(look{size: smallSize, colour: soft})
	x := marginLeft
	if right {
		x = pageWidth - marginRight - l.faces.width(text, upright, smallSize)
	}
	p.Text(x, y, text)
}

// asideLine is from line to line of what stands outside of the text.
const asideLine = 12.0

// aside breaks what stands outside of the text into at most so many lines, the
// last of which is cut where there is more.
func (l *layout) aside(text string, most int) (out []string) {
	const room = measure - 60 // the number of the page stands beside it
	if text == "" {
		return nil
	}
	for _, line := range l.set(Words(text), look{size: smallSize}, room) {
		var b strings.Builder
		for _, p := range line.pieces {
			b.WriteString(p.text)
		}
		out = append(out, b.String())
	}
	if len(out) <= most {
		return out
	}
	last := []rune(out[most-1])
	for len(last) > 0 && l.faces.width(string(last)+"…", upright, smallSize) > room {
		last = last[:len(last)-1]
	}
	return append(out[:most-1], strings.TrimRight(string(last), " ")+"…")
}
