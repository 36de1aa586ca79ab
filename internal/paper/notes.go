// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"errors"
	"fmt"

	"github.com/kua-registry/kua/internal/chart"
)

// maxLevel is the deepest level of a heading that a reader still tells from the others.
const maxLevel = 4

// maxDepth is how deep blocks and inlines may lie in each other.
const maxDepth = 24

// note is a note with its number.
type note struct {
	number int // from 1
	text   []Inline
}

// noteKey is a note by its ID, or the definition of a figure.
type noteKey struct{ id, figure, definition string }

// numbering has the notes of a document in their order, and its pictures read.
type numbering struct {
	notes    []note
	number   map[noteKey]int
	drawings map[string]chart.Picture // by their SVG
}

// mark returns the number of the note an inline refers to, 0 for none.
func (n *numbering) mark(in Inline) int {
	if key, ok := keyOf(in); ok {
		return n.number[key]
	}
	return 0
}

func keyOf(in Inline) (noteKey, bool) {
	switch in := in.(type) {
	case NoteRef:
		return noteKey{id: in.Note}, true
	case Figure:
		return noteKey{figure: in.ID, definition: in.Definition}, in.Definition != "" && !in.Unmarked
	}
	return noteKey{}, false
}

// checker reads a document before it is written: numbers its notes, finds what
// can't be written.
type checker struct {
	numbering
	texts map[string][]Inline // of the notes, by ID
	ids   map[string]bool     // of headings
	err   error
}

// check numbers the notes of a document, or says what in it can't be written.
func check(d Document) (*numbering, error) {
	c := &checker{
		numbering: numbering{number: map[noteKey]int{}, drawings: map[string]chart.Picture{}},
		texts:     map[string][]Inline{},
		ids:       map[string]bool{},
	}
	for _, n := range d.Notes {
		if _, twice := c.texts[n.ID]; twice {
			c.fail("two notes have the same name %q; give each its own", n.ID)
		}
		c.texts[n.ID] = n.Text
	}
	c.blocks(d.Blocks, 0)
	for read := 0; ; read++ { // notes may refer to notes
		if read == len(c.notes) {
			next, ok := c.unread(d.Notes)
			if !ok {
				break
			}
			c.add(noteKey{id: next.ID}, next.Text)
		}
		c.inlines(c.notes[read].text, 0)
	}
	if c.err != nil {
		return nil, fmt.Errorf("the document can't be written: %w", c.err)
	}
	return &c.numbering, nil
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *checker) unread(notes []Note) (Note, bool) {
	for _, n := range notes {
		if c.number[noteKey{id: n.ID}] == 0 {
			return n, true
		}
	}
	return Note{}, false
}

func (c *checker) add(key noteKey, text []Inline) {
	c.notes = append(c.notes, note{number: len(c.notes) + 1, text: text})
	c.number[key] = len(c.notes)
}

var errDeep = errors.New("its parts lie too deep in each other; make it flatter")

func (c *checker) blocks(blocks []Block, depth int) {
	if depth > maxDepth {
		c.fail("%w", errDeep)
		return
	}
	for _, b := range blocks {
		switch b := b.(type) {
		case Heading:
			if b.Level < 1 || b.Level > maxLevel {
				c.fail("a heading has the level %d; levels are 1 to %d", b.Level, maxLevel)
			}
			if b.ID != "" && c.ids[b.ID] {
				c.fail("two headings have the same name %q; give each its own", b.ID)
			}
			c.ids[b.ID] = true
			c.inlines(b.Text, depth)
		case Paragraph:
			c.inlines(b.Text, depth)
		case List:
			for _, item := range b.Items {
				c.blocks(item, depth+1)
			}
		case Quote:
			c.blocks(b.Blocks, depth+1)
			c.inlines(b.By, depth)
		case Table:
			c.table(b, depth)
		case Picture:
			if b.Alt == "" {
				c.fail("a picture has no words for those who don't see it; add them")
			}
			c.drawing(b)
			c.inlines(b.Caption, depth)
			c.inlines(b.Source, depth)
		case Rule, PageBreak:
		default:
			c.fail("there is a block of an unknown sort")
		}
	}
}

// drawing reads a picture for the writer that draws it.
func (c *checker) drawing(p Picture) {
	if _, known := c.drawings[p.SVG]; known {
		return
	}
	read, err := chart.Read(p.SVG)
	if err != nil {
		c.fail("a picture isn't one of the program's own drawings (%w); take it out, or draw it anew", err)
	}
	c.drawings[p.SVG] = read
}

func (c *checker) table(t Table, depth int) {
	c.inlines(t.Caption, depth)
	if len(t.Columns) == 0 {
		c.fail("a table has no columns")
	}
	for _, row := range t.Head {
		c.row(t, row, depth)
	}
	for _, row := range t.Rows {
		c.row(t, row, depth)
	}
	c.row(t, t.Rest, depth)
	c.inlines(t.Source, depth)
}

func (c *checker) row(t Table, row []Cell, depth int) {
	width := 0
	for _, cell := range row {
		if cell.Span < 0 || cell.Span > len(t.Columns) {
			c.fail("a cell of a table spans %d columns of %d", cell.Span, len(t.Columns))
			return
		}
		width += cell.span()
		c.inlines(cell.Text, depth)
	}
	if width > len(t.Columns) {
		c.fail("a row of a table has %d columns, the table has %d", width, len(t.Columns))
	}
}

func (c Cell) span() int { return max(1, c.Span) }

func (c *checker) inlines(inlines []Inline, depth int) {
	if depth > maxDepth {
		c.fail("%w", errDeep)
		return
	}
	for _, in := range inlines {
		switch in := in.(type) {
		case Plain, Break:
		case Strong:
			c.inlines(in, depth+1)
		case Emphasis:
			c.inlines(in, depth+1)
		case Link:
			c.inlines(in.Text, depth+1)
		case NoteRef:
			text, ok := c.texts[in.Note]
			if !ok {
				c.fail("the text refers to the note %q, which the document doesn't have", in.Note)
				continue
			}
			c.refer(in, text)
		case Figure:
			c.refer(in, Words(in.Definition))
		default:
			c.fail("there is a part of a line of an unknown sort")
		}
	}
}

// refer gives the note of an inline its number when the text first refers to it.
func (c *checker) refer(in Inline, text []Inline) {
	if key, ok := keyOf(in); ok && c.number[key] == 0 {
		c.add(key, text)
	}
}
