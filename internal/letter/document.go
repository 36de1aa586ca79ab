// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/bodymap"
	"github.com/kua-registry/kua/internal/istanbul"
	"github.com/kua-registry/kua/internal/paper"
)

// Document is the draft as a document in the language it was filled in.
func (l *Letter) Document(lang string, d Draft) paper.Document {
	return l.Finished(lang, d.Passages, d.Maps)
}

// Finished is a text that a person finished as a document: Lay reads it back.
// The maps are those of the draft it was made of.
func (l *Letter) Finished(lang string, passages []Passage, maps map[string]string) paper.Document {
	doc := paper.Document{Lang: lang}
	var below []paper.Block // the source of a section, that stands beneath what it is the source of: so a heading stays with its table
	for i := 0; i < len(passages); {
		n := 1
		if style := passages[i].Style; style == Small && i > 0 && passages[i-1].Style == Head && i+1 < len(passages) {
			below = l.blocks(lang, passages[i:i+1], maps)
			i++
			continue
		} else if style == Head || style == Part || style == Plain && i > 1 && passages[i-1].Style != Small {
			doc.Blocks, below = append(doc.Blocks, below...), nil
		}
		for i+n < len(passages) && continues(passages[i+n-1], passages[i+n]) {
			n++
		}
		doc.Blocks = append(doc.Blocks, l.blocks(lang, passages[i:i+n], maps)...)
		i += n
	}
	doc.Blocks = append(doc.Blocks, below...)
	return doc
}

// continues tells whether a passage is of one block with what stands above it.
func continues(above, below Passage) bool {
	switch below.Style {
	case To, Item:
		return above.Style == below.Style
	case Row:
		return (above.Style == Row || above.Style == Columns) && len(cells(above.Text)) == len(cells(below.Text))
	case Ask:
		return above.Style == Ask && number(below.Text) == number(above.Text)+1
	case Under:
		return above.Style == Title || above.Style == Under
	}
	return false
}

// number is the number of a demand.
func number(text string) int {
	digits := strings.TrimRight(numbered.FindString(text), ".) ")
	n, _ := strconv.Atoi(digits) // without one it is none
	return n
}

// blocks makes of passages of one block that block.
func (l *Letter) blocks(lang string, passages []Passage, maps map[string]string) []paper.Block {
	first := passages[0]
	switch first.Style {
	case To:
		return []paper.Block{paper.Paragraph{Place: paper.Address, Text: lines(passages)}}
	case Title:
		text := []paper.Inline{paper.Strong(paper.Words(first.Text))}
		if len(passages) > 1 {
			text = append(append(text, paper.Break{}), lines(passages[1:])...)
		}
		return []paper.Block{paper.Paragraph{Place: paper.Centre, Text: text}}
	case Head:
		return []paper.Block{paper.Heading{Level: 2, Text: paper.Words(first.Text)}}
	case Part:
		return []paper.Block{paper.Heading{Level: 3, Text: paper.Words(first.Text)}}
	case Ask, Item:
		list := paper.List{Ordered: first.Style == Ask, Start: number(first.Text)}
		for _, p := range passages {
			text := strings.TrimPrefix(p.Text, numbered.FindString(p.Text))
			list.Items = append(list.Items, []paper.Block{paper.Paragraph{Text: paper.Words(text)}})
		}
		return []paper.Block{list}
	case Row, Columns:
		return []paper.Block{table(passages)}
	case Map:
		svg, ok := maps[first.Text]
		if !ok { // no such drawing: what stands there is what was typed
			break
		}
		view := l.of.book.Label("body_view", first.Text, lang)
		return []paper.Block{paper.Picture{SVG: svg, Alt: view, Caption: paper.Words(view)}}
	case Small:
		return []paper.Block{paper.Paragraph{Place: paper.Small, Text: paper.Words(first.Text)}}
	case Under:
		return []paper.Block{paper.Paragraph{Place: paper.Centre, Text: lines(passages)}}
	}
	return []paper.Block{paper.Paragraph{Text: paper.Words(first.Text)}}
}

func lines(passages []Passage) []paper.Inline {
	var out []paper.Inline
	for i, p := range passages {
		if i > 0 {
			out = append(out, paper.Break{})
		}
		out = append(out, paper.Plain(p.Text))
	}
	return out
}

// cells are the cells of a line of a table.
func cells(text string) []string { return strings.Split(text, " | ") }

// table makes a table of its lines. Two columns without names are the lines of
// a form: what is asked, and the answer.
func table(passages []Passage) paper.Table {
	width := 1
	for _, p := range passages {
		width = max(width, len(cells(p.Text)))
	}
	t := paper.Table{RowHeads: true, Columns: make([]paper.Column, width)}
	for _, p := range passages {
		texts := cells(p.Text)
		for len(texts) < width {
			texts = append(texts, "")
		}
		if p.Style == Columns {
			t.Head, t.RowHeads = append(t.Head, paper.Row(texts...)), false
		} else {
			t.Rows = append(t.Rows, paper.Row(texts...))
		}
	}
	if len(t.Head) == 0 && width == 2 {
		t.Columns[0].Weight, t.Columns[1].Weight = 2, 3
	}
	return t
}

// maps draws the findings of a name on the views of the body that show them.
func (f *filler) maps(name string) {
	views := bodymap.Views()
	marks := map[string][]bodymap.Mark{}
	for i, rec := range f.fits(name) {
		for _, at := range istanbul.Places(views, rec) {
			marks[at.View.ID] = append(marks[at.View.ID], bodymap.Mark{Text: strconv.Itoa(i + 1), X: at.X, Y: at.Y})
		}
	}
	for _, v := range views {
		if len(marks[v.ID]) == 0 && (len(marks) > 0 || v.ID != "front" && v.ID != "back") {
			continue // of none marked, the two are for marking by hand
		}
		if f.draft.Maps == nil {
			f.draft.Maps = map[string]string{}
		}
		f.draft.Maps[v.ID] = string(v.Marked(marks[v.ID], func(side string) string { return f.words.T("exam.letter." + side) }))
		f.draft.Passages = append(f.draft.Passages, Passage{Map, v.ID})
	}
}
