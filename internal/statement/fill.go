// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
)

// Filling is what a text is filled with.
type Filling struct {
	Language *locale.Language
	Label    func(list, code string) string           // of a code, in the language
	Codes    func(list string, day edtf.Day) []string // of a list, that hold on a day
	Places   []chart.Place                            // of regions on the map of tiles
	Short    map[string]string                        // what fits into a tile, by region
	Settings Settings
	Sets     func(set string) []string // the figures of a set, in order
	Answers  []Answer
	Outside  []OutsideAnswer
	Names    map[string]string                     // what the manifest calls an answer, by its key; others have none
	Cases    func(a Answer, codes []string) string // the address of the cases behind a number; nil: none
	Entries  uint64                                // of the ledger that was counted from
	Root     string                                // its root hash at that size, hex; empty: nothing is said of it
}

// In is the filling in a language, with the labels of a codebook.
func (f Filling) In(l *locale.Language, book *codebook.Book) Filling {
	f.Language = l
	f.Label = func(list, code string) string { return book.Label(list, code, l.Code()) }
	f.Places, f.Short = nil, map[string]string{}
	for _, t := range book.Tiles() {
		f.Places = append(f.Places, chart.Place{Code: t.Code, Column: t.Column, Row: t.Row})
		f.Short[t.Code] = t.Short.In(l.Code())
	}
	f.Codes = func(list string, day edtf.Day) (codes []string) {
		if found, ok := book.List(list); ok {
			for _, c := range found.Codes {
				if (c.From == "" || c.From <= day.String()) && (c.Until == "" || day.String() <= c.Until) {
					codes = append(codes, c.Code)
				}
			}
		}
		return codes
	}
	return f
}

// Document reads a text and fills it.
func Document(source, title string, f Filling) (paper.Document, error) {
	t, err := Parse(source)
	if err != nil {
		return paper.Document{}, err
	}
	doc, err := t.Fill(f)
	if doc.Title == "" {
		doc.Title = title
	}
	return doc, err
}

// Fill puts the answers into the text. A question without an answer is a
// *FaultError: nothing is left out in silence.
func (t *Text) Fill(f Filling) (paper.Document, error) {
	w := filler{Filling: f, t: t, answers: map[string]Answer{}, outside: map[string]OutsideAnswer{}}
	for _, a := range f.Answers {
		w.answers[a.Key()] = a
	}
	for _, a := range f.Outside {
		w.outside[a.Key()] = a
	}
	w.doc.Lang = f.Language.Code()
	w.doc.Date = f.Settings.AsOf
	blocks := w.blocks(t.root)
	w.doc.Blocks = blocks
	if w.err != nil {
		return paper.Document{}, w.err
	}
	if f.Root != "" {
		w.doc.Blocks = append(w.doc.Blocks, paper.Rule{}, paper.Paragraph{Place: paper.Small,
			Text: paper.Words(f.Language.T("statement.imprint", f.Language.Number(int(f.Entries)), f.Root))})
	}
	if h, ok := first[paper.Heading](w.doc.Blocks); ok && h.Level == 1 {
		w.doc.Title, w.doc.Blocks = plain(h.Text), w.doc.Blocks[1:]
	}
	return w.doc, nil
}

func first[T any](blocks []paper.Block) (found T, ok bool) {
	if len(blocks) > 0 {
		found, ok = blocks[0].(T)
	}
	return found, ok
}

// plain is the text of inlines.
func plain(inlines []paper.Inline) string {
	var b strings.Builder
	for _, in := range inlines {
		switch in := in.(type) {
		case paper.Plain:
			b.WriteString(string(in))
		case paper.Strong:
			b.WriteString(plain(in))
		case paper.Emphasis:
			b.WriteString(plain(in))
		case paper.Link:
			b.WriteString(plain(in.Text))
		case paper.Figure:
			b.WriteString(in.Text)
		case paper.Break:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// filler makes a document of a text.
type filler struct {
	Filling
	t       *Text
	answers map[string]Answer
	outside map[string]OutsideAnswer
	doc     paper.Document
	err     error
	parts   int // tables and pictures so far
}

func (w *filler) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *filler) blocks(parent ast.Node) (out []paper.Block) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		out = append(out, w.block(n)...)
	}
	return out
}

func (w *filler) block(n ast.Node) []paper.Block {
	switch n := n.(type) {
	case *ast.Heading:
		return []paper.Block{paper.Heading{Level: min(n.Level, 4), Text: w.inlines(n)}}
	case *ast.Paragraph, *ast.TextBlock:
		if d := alone(n); d != nil {
			switch d.Name {
			case "table":
				return w.table(d.Directive)
			case "chart", "map":
				return w.picture(d.Directive)
			case "story", "quote", "name", "photo", "end":
				return nil // what stands between them is text like any other
			}
		}
		if text := w.inlines(n); len(text) > 0 {
			return []paper.Block{paper.Paragraph{Text: text}}
		}
		return nil
	case *ast.List:
		list := paper.List{Ordered: n.IsOrdered(), Start: n.Start}
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			list.Items = append(list.Items, w.blocks(item))
		}
		return []paper.Block{list}
	case *ast.Blockquote:
		return []paper.Block{paper.Quote{Blocks: w.blocks(n)}}
	case *ast.ThematicBreak:
		return []paper.Block{paper.Rule{}}
	case *extast.Table:
		return []paper.Block{w.writtenTable(n)}
	case *extast.FootnoteList:
		for note := n.FirstChild(); note != nil; note = note.NextSibling() {
			fn, ok := note.(*extast.Footnote)
			if !ok {
				continue
			}
			var text []paper.Inline
			for p := fn.FirstChild(); p != nil; p = p.NextSibling() {
				if len(text) > 0 {
					text = append(text, paper.Break{})
				}
				text = append(text, w.inlines(p)...)
			}
			w.doc.Notes = append(w.doc.Notes, paper.Note{ID: noteName(fn.Index), Text: text})
		}
		return nil
	}
	w.fail(fault(w.t.lineOf(n), "this part of the text can't be read: write it as a paragraph, a list, a quotation or a table"))
	return nil
}

func noteName(index int) string { return "n" + strconv.Itoa(index) }

func (w *filler) writtenTable(n *extast.Table) paper.Block {
	table := paper.Table{}
	for _, align := range n.Alignments {
		table.Columns = append(table.Columns, paper.Column{Number: align == extast.AlignRight})
	}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []paper.Cell
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, paper.Cell{Text: w.inlines(cell)})
		}
		if row.Kind() == extast.KindTableHeader {
			table.Head = append(table.Head, cells)
		} else {
			table.Rows = append(table.Rows, cells)
		}
	}
	return table
}

func (w *filler) inlines(parent ast.Node) (out []paper.Inline) {
	word := func(text string) {
		if last := len(out) - 1; last >= 0 {
			if before, ok := out[last].(paper.Plain); ok {
				out[last] = before + paper.Plain(text)
				return
			}
		}
		if text != "" {
			out = append(out, paper.Plain(text))
		}
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			word(unescape(string(n.Segment.Value(w.t.source))))
			switch {
			case n.HardLineBreak():
				out = append(out, paper.Break{})
			case n.SoftLineBreak():
				word(" ")
			}
		case *ast.String:
			word(string(n.Value))
		case *ast.Emphasis:
			if n.Level > 1 {
				out = append(out, paper.Strong(w.inlines(n)))
			} else {
				out = append(out, paper.Emphasis(w.inlines(n)))
			}
		case *ast.Link:
			out = append(out, paper.Link{Href: string(n.Destination), Text: w.inlines(n)})
		case *ast.AutoLink:
			url := string(n.URL(w.t.source))
			out = append(out, paper.Link{Href: url, Text: paper.Words(string(n.Label(w.t.source)))})
		case *extast.FootnoteLink:
			out = append(out, paper.NoteRef{Note: noteName(n.Index)})
		case *extast.FootnoteBacklink:
		case *directiveNode:
			switch n.Name {
			case "figure":
				out = append(out, w.figure(n.Directive))
			case "outside":
				out = append(out, w.outsideFigure(n.Directive))
			}
		default:
			w.fail(fault(w.t.lineOf(n), "this part of the text can't be read: words, emphasis, links, notes and figures can stand in a line"))
		}
	}
	return out
}

// unescape takes the backslash before a mark away, as Markdown has it.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// answer is what the register said to the questions of a directive.
func (w *filler) answer(d Directive) (found []Answer) {
	asks, err := d.asks(w.Settings, w.Sets)
	if err != nil {
		w.fail(err)
		return nil
	}
	for _, ask := range asks {
		a, ok := w.answers[ask.Key()]
		if !ok {
			w.fail(fault(d.Line, "the figure %q has no answer", ask.Figure))
			return nil
		}
		found = append(found, a)
	}
	return found
}

func (w *filler) figure(d Directive) paper.Inline {
	found := w.answer(d)
	if len(found) != 1 {
		return paper.Plain("")
	}
	a := found[0]
	figure := paper.Figure{ID: w.Names[a.Key()], Definition: w.definition(a)}
	value, codes, hidden := a.Value, []string(nil), false
	if code := d.Args["code"]; code != "" {
		codes, value = []string{code}, 0
		for _, c := range a.Cells {
			if slices.Equal(c.Codes, codes) {
				value, hidden = c.Value, c.Hidden
			}
		}
		figure.Definition = w.Label(a.Facet[0].List, code) + ". " + figure.Definition
	}
	if w.Cases != nil {
		figure.Href = w.Cases(a, codes)
	}
	if hidden {
		figure.Text = w.Language.T("statement.kept") // it may be one that would tell of another
		return figure
	}
	switch show := d.Args["show"]; {
	case show == "":
		figure.Text = w.number(d, value)
	case a.Base < 0:
		w.fail(fault(d.Line, "%q is no share of another figure: it has no %s to show", a.Figure, show))
	case show == "share":
		figure.Text = w.Language.Percent(value, a.Base)
	case show == "base":
		figure.Text = w.number(d, a.Base)
	default:
		w.fail(fault(d.Line, `show="%s": share and base can be shown`, clip(show)))
	}
	return figure
}

func (w *filler) k() int { return max(LeastK, cmp.Or(w.Settings.K, DefaultK)) }

// number writes a number as a directive wants it: in digits or words, declined, with its noun.
func (w *filler) number(d Directive, n int) string {
	text, err := write(w.Language, d, n)
	if err != nil {
		w.fail(err)
	}
	return text
}

// definition says what a figure counts, of what days, in a note.
func (w *filler) definition(a Answer) string {
	l, lang := w.Language, w.Language.Code()
	parts := []string{
		sentence(a.Label.In(lang)), sentence(a.Help.In(lang)),
		l.T("statement.note.counted", a.Unit.In(lang)),
		l.T("statement.note.asof", l.Text(a.AsOf)),
	}
	if !a.KnownBy.IsZero() {
		parts = append(parts, l.T("statement.note.known", a.KnownBy.UTC().Format("2006-01-02 15:04")))
	}
	if a.Verified {
		parts = append(parts, l.T("statement.note.verified"))
	}
	return strings.Join(parts, " ")
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

func (w *filler) outsideFigure(d Directive) paper.Inline {
	a, ok := w.outside[d.outside().Key()]
	if !ok {
		w.fail(fault(d.Line, "what others published of %q has no answer", d.What[0]))
		return paper.Plain("")
	}
	text := a.Value
	if n, err := strconv.Atoi(a.Value); err == nil {
		text = w.number(d, n)
	}
	l, lang := w.Language, w.Language.Code()
	publisher := map[string]string{"en": a.Publisher.En, "ru": a.Publisher.Ru, "kk": a.Publisher.Kk}[lang]
	if publisher == "" {
		publisher = l.T("statement.source." + a.SourceKind)
	}
	note := l.T("statement.note.outside", publisher, w.day(a.Date), strings.TrimRight(a.Says.In(lang), "."))
	return paper.Figure{ID: "", Text: text, Definition: note}
}

func (w *filler) day(text string) string {
	if d, err := edtf.Parse(text); err == nil {
		return w.Language.Text(d)
	}
	return text
}

// hiddenMark stands for a number that is kept back.
const hiddenMark = "·"

// table is a table of figures, or of one figure broken down.
func (w *filler) table(d Directive) []paper.Block {
	found := w.answer(d)
	if len(found) == 0 {
		return nil
	}
	l, lang := w.Language, w.Language.Code()
	a := found[0]
	source := w.about(a)
	table := paper.Table{RowHeads: true, Columns: []paper.Column{{Weight: 3}, {Number: true}}}
	switch {
	case len(a.By) == 0:
		table.Columns = append(table.Columns, paper.Column{Number: true}, paper.Column{Weight: 2})
		table.Head = [][]paper.Cell{paper.Row(l.T("statement.table.figure"), l.T("statement.table.number"), l.T("statement.table.share"), l.T("statement.table.of"))}
		for _, one := range found {
			share, of := "", ""
			if one.Base >= 0 {
				share, of = l.Percent(one.Value, one.Base), l.T("statement.table.base", l.Number(one.Base))
				for _, other := range found {
					if other.Figure == one.Of {
						of = other.Label.In(lang)
					}
				}
			}
			table.Rows = append(table.Rows, []paper.Cell{
				{Text: paper.Words(one.Label.In(lang))}, {Text: []paper.Inline{w.told(one, Cell{Value: one.Value})}},
				{Text: paper.Words(share)}, {Text: paper.Words(of)},
			})
		}
	case len(a.By) == 1:
		table.Caption = paper.Words(l.T("statement.table.by", a.Label.In(lang), a.Facet[0].Label.In(lang)))
		table.Head = [][]paper.Cell{paper.Row(a.Facet[0].Label.In(lang), l.T("statement.table.number"))}
		for _, c := range a.Cells {
			table.Rows = append(table.Rows, []paper.Cell{{Text: paper.Words(w.Label(a.Facet[0].List, c.Codes[0]))}, {Text: []paper.Inline{w.told(a, c)}}})
		}
		table.Rest = []paper.Cell{{Text: paper.Words(l.T("statement.table.rest"))}, {Text: []paper.Inline{w.told(a, a.Rest)}}}
		table.Rows = append(table.Rows, []paper.Cell{{Text: []paper.Inline{paper.Strong(paper.Words(l.T("statement.table.all")))}}, {Text: []paper.Inline{paper.Strong{w.told(a, Cell{Value: a.Value})}}}})
		source = w.withKept(source, a)
	default:
		table = w.crossTable(a)
		source = w.withKept(source, a)
	}
	if title := d.Args["title"]; title != "" {
		table.Caption = paper.Words(title)
	}
	table.Source = paper.Words(source)
	return []paper.Block{table}
}

// crossTable has the codes of one facet as rows and those of the other as columns.
func (w *filler) crossTable(a Answer) paper.Table {
	l, lang := w.Language, w.Language.Code()
	table := paper.Table{RowHeads: true, Columns: []paper.Column{{Weight: 3}},
		Caption: paper.Words(l.T("statement.table.by2", a.Label.In(lang), a.Facet[0].Label.In(lang), a.Facet[1].Label.In(lang)))}
	var rows, columns []string
	cells := map[[2]string]Cell{}
	for _, c := range a.Cells {
		if !slices.Contains(rows, c.Codes[0]) {
			rows = append(rows, c.Codes[0])
		}
		if !slices.Contains(columns, c.Codes[1]) {
			columns = append(columns, c.Codes[1])
		}
		cells[[2]string(c.Codes)] = c
	}
	head := paper.Row(a.Facet[0].Label.In(lang))
	for _, code := range columns {
		table.Columns = append(table.Columns, paper.Column{Number: true})
		head = append(head, paper.Cell{Text: paper.Words(w.Label(a.Facet[1].List, code))})
	}
	table.Head = [][]paper.Cell{head}
	for _, r := range rows {
		row := paper.Row(w.Label(a.Facet[0].List, r))
		for _, c := range columns {
			row = append(row, paper.Cell{Text: []paper.Inline{w.told(a, cells[[2]string{r, c}])}})
		}
		table.Rows = append(table.Rows, row)
	}
	table.Rest = []paper.Cell{{Text: paper.Words(l.T("statement.table.rest"))}, {Text: []paper.Inline{w.told(a, a.Rest)}, Span: max(1, len(columns))}}
	return table
}

// told is the number of a cell, with its definition at hand.
func (w *filler) told(a Answer, c Cell) paper.Inline {
	if c.Hidden {
		return paper.Plain(hiddenMark)
	}
	figure := paper.Figure{ID: w.Names[a.Key()], Text: w.Language.Number(c.Value), Definition: w.definition(a), Unmarked: true}
	if w.Cases != nil && (len(c.Codes) > 0 || len(a.By) == 0) {
		figure.Href = w.Cases(a, c.Codes)
	}
	return figure
}

// about says of a table or picture what is counted, of what days.
func (w *filler) about(a Answer) string {
	l := w.Language
	text := l.T("statement.note.counted", a.Unit.In(l.Code())) + " " + l.T("statement.note.asof", l.Text(a.AsOf))
	if !a.KnownBy.IsZero() {
		text += " " + l.T("statement.note.known", a.KnownBy.UTC().Format("2006-01-02 15:04"))
	}
	return text
}

// withKept adds what the mark of a number kept back means, where there is one.
func (w *filler) withKept(source string, a Answer) string {
	if a.Rest.Hidden || slices.ContainsFunc(a.Cells, func(c Cell) bool { return c.Hidden }) {
		source += " " + w.Language.T("statement.table.kept", hiddenMark, w.k())
	}
	return source
}

// pictureWidth is that of a column of text, in units of the drawing.
const pictureWidth = 560

// picture is a chart of figures, of one figure broken down, or a map.
func (w *filler) picture(d Directive) []paper.Block {
	found := w.answer(d)
	if len(found) == 0 {
		return nil
	}
	l, lang := w.Language, w.Language.Code()
	a := found[0]
	w.parts++
	frame := chart.Frame{Width: pictureWidth, ID: fmt.Sprintf("picture-%d", w.parts), Title: cmp.Or(d.Args["title"], a.Label.In(lang)), Number: l.Number, Share: l.Percent,
		Day: func(d edtf.Day) string { return l.Text(d) }}
	source := w.about(a)
	var svg string
	var words []string
	switch {
	case d.Name == "map":
		var tiles []chart.Tile
		for _, c := range a.Cells {
			tiles = append(tiles, w.tile(a, c))
			words = append(words, w.spoken(w.Label("region", c.Codes[0]), c))
		}
		for _, code := range w.Codes("region", a.AsOf) { // where there is nobody: known, and none
			if chart.Placed(w.Places, code) && !slices.ContainsFunc(tiles, func(t chart.Tile) bool { return t.Code == code }) {
				tiles = append(tiles, w.tile(a, Cell{Codes: []string{code}}))
			}
		}
		svg = chart.Tiles(frame, w.Places, tiles)
		words = append(words, w.spoken(l.T("statement.table.rest"), a.Rest))
		source = w.withKept(source, a)
	case len(a.By) > 1:
		w.fail(fault(d.Line, "a chart has one side: name one facet; a {{table}} can have two"))
		return nil
	case len(a.By) == 1:
		frame.Title = cmp.Or(d.Args["title"], l.T("statement.table.by", a.Label.In(lang), a.Facet[0].Label.In(lang)))
		var bars []chart.Bar
		for _, c := range a.Cells {
			label := w.Label(a.Facet[0].List, c.Codes[0])
			words = append(words, w.spoken(label, c))
			if !c.Hidden {
				bars = append(bars, chart.Bar{Label: label, Value: c.Value, Href: w.href(a, c)})
			}
		}
		words = append(words, w.spoken(l.T("statement.table.rest"), a.Rest))
		if !a.Rest.Hidden {
			bars = append(bars, chart.Bar{Label: l.T("statement.table.rest"), Value: a.Rest.Value, Rest: true})
		}
		svg = chart.Bars(frame, bars)
		source = w.withKept(source, a)
	default:
		var bars []chart.Bar
		for _, one := range found {
			c := Cell{Value: one.Value}
			bars = append(bars, chart.Bar{Label: one.Label.In(lang), Value: one.Value, Of: max(0, one.Base), Href: w.href(one, c)})
			words = append(words, w.spoken(one.Label.In(lang), c))
		}
		draw := chart.Bars
		switch {
		case d.Args["set"] == "way":
			draw = chart.Funnel
			frame.Title = cmp.Or(d.Args["title"], l.T("statement.picture.way"))
		case len(found) > 1:
			frame.Title = cmp.Or(d.Args["title"], l.T("statement.picture.figures"))
		}
		svg = draw(frame, bars)
	}
	return []paper.Block{paper.Picture{SVG: svg, Alt: frame.Title + ": " + strings.Join(words, "; "), Caption: paper.Words(frame.Title), Source: paper.Words(source)}}
}

// tile is a region of the map.
func (w *filler) tile(a Answer, c Cell) chart.Tile {
	code := c.Codes[0]
	t := chart.Tile{Code: code, Label: w.Label("region", code), Value: c.Value, Unknown: c.Hidden}
	if c.Value > 0 {
		t.Href = w.href(a, c)
	}
	t.Short = w.Short[code]
	return t
}

func (w *filler) href(a Answer, c Cell) string {
	if w.Cases == nil || c.Hidden {
		return ""
	}
	return w.Cases(a, c.Codes)
}

// spoken is a number with its name, for who does not see the picture.
func (w *filler) spoken(label string, c Cell) string {
	if c.Hidden {
		return label + " " + hiddenMark
	}
	return label + " " + w.Language.Number(c.Value)
}
