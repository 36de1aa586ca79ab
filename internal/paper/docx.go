// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"archive/zip"
	"fmt"
	"io"
	"strings"

	"github.com/kua-registry/kua/internal/chart"
)

// DOCX writes a document as a word-processor file (ECMA-376, transitional): A4,
// Times New Roman 12 pt, as authorities expect it, with styles for headings, real
// footnotes, tables whose heads are repeated, and pictures as PNG. The file says
// neither who made it nor with what; its day is the document's own.
func DOCX(w io.Writer, d Document) error {
	n, err := check(d)
	if err != nil {
		return err
	}
	f, err := newFaces()
	if err != nil {
		return err
	}
	x := &docx{numbering: n, faces: f, words: wordsOf(d.Lang), parts: map[string]int{}, first: map[int]bool{}, pictures: map[string]int{}}
	x.name(d.Blocks)
	x.rels, x.footRels = newRels(), newRels()
	body := x.document(d)
	files := []struct{ name, text string }{
		{"[Content_Types].xml", x.contentTypes(d)},
		{"_rels/.rels", xmlHead + `<Relationships xmlns="` + relsSpace + `"><Relationship Id="rId1" Type="` + relType + `officeDocument" Target="word/document.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>`},
		{"docProps/core.xml", core(d, x.words.tag)},
		{"word/document.xml", body},
		{"word/styles.xml", wordStyles(x.words.tag)},
		{"word/settings.xml", wordSettings},
		{"word/numbering.xml", x.numberings()},
		{"word/footnotes.xml", x.footnotes.text()},
		{"word/footer1.xml", x.footer(d)},
	}
	if d.Head != "" {
		files = append(files, struct{ name, text string }{"word/header1.xml", x.header(d)})
	}
	x.rels.add(relType+"styles", "styles.xml", false)
	x.rels.add(relType+"settings", "settings.xml", false)
	x.rels.add(relType+"numbering", "numbering.xml", false)
	x.rels.add(relType+"footnotes", "footnotes.xml", false)
	files = append(files, struct{ name, text string }{"word/_rels/document.xml.rels", x.rels.text()},
		struct{ name, text string }{"word/_rels/footnotes.xml.rels", x.footRels.text()})
	for i, picture := range x.media {
		files = append(files, struct{ name, text string }{fmt.Sprintf("word/media/image%d.png", i+1), string(picture)})
	}
	if x.err != nil {
		return fmt.Errorf("the document can't be written: %w", x.err)
	}
	z := zip.NewWriter(w)
	for _, file := range files {
		f, err := z.Create(file.name)
		if err != nil {
			return fmt.Errorf("the document can't be written: %w", err)
		}
		if _, err := io.WriteString(f, file.text); err != nil {
			return fmt.Errorf("the document can't be written: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("the document can't be written: %w", err)
	}
	return nil
}

const (
	xmlHead   = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	relsSpace = "http://schemas.openxmlformats.org/package/2006/relationships"
	relType   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	wordSpace = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`

	// Lengths are in twentieths of a point.
	docxText  = 9071 // the width of the text: A4 less 3 cm at the left and 2 cm at the right
	docxStep  = 425  // by which lists and quotes are set in
	emusPoint = 12700
)

// rels are the relationships of a part: where its links and pictures are.
type rels struct {
	lines []string
	ids   map[string]string
}

func newRels() *rels { return &rels{ids: map[string]string{}} }

func (r *rels) add(kind, target string, outside bool) string {
	if id, ok := r.ids[target]; ok {
		return id
	}
	id := fmt.Sprintf("rId%d", len(r.lines)+1)
	mode := ""
	if outside {
		mode = ` TargetMode="External"`
	}
	r.lines = append(r.lines, fmt.Sprintf(`<Relationship Id="%s" Type="%s" Target="%s"%s/>`, id, kind, escape(target), mode))
	r.ids[target] = id
	return id
}

func (r *rels) text() string {
	return xmlHead + `<Relationships xmlns="` + relsSpace + `">` + strings.Join(r.lines, "") + `</Relationships>`
}

// docx is a document being written.
type docx struct {
	*numbering
	strings.Builder // the body
	words           words
	faces           *faces         // to divide the width of tables
	parts           map[string]int // the bookmarks of headings, by their ID
	marks           int            // bookmarks so far
	first           map[int]bool   // the notes whose first mark is written
	ending          bool           // the text is written, what follows has no footnotes
	footnotes       footnotes
	lists           []string // the numberings of the lists
	rels, footRels  *rels
	media           [][]byte
	pictures        map[string]int // by their SVG
	err             error
}

type footnotes []string

func (f footnotes) text() string {
	return xmlHead + `<w:footnotes ` + wordSpace + `>` +
		`<w:footnote w:type="separator" w:id="-1"><w:p><w:pPr><w:spacing w:after="0" w:line="240" w:lineRule="auto"/></w:pPr><w:r><w:separator/></w:r></w:p></w:footnote>` +
		`<w:footnote w:type="continuationSeparator" w:id="0"><w:p><w:pPr><w:spacing w:after="0" w:line="240" w:lineRule="auto"/></w:pPr><w:r><w:continuationSeparator/></w:r></w:p></w:footnote>` +
		strings.Join(f, "") + `</w:footnotes>`
}

// name gives the headings the names of their bookmarks: a word processor takes
// short ones of plain letters only.
func (x *docx) name(blocks []Block) {
	for _, b := range blocks {
		switch b := b.(type) {
		case Heading:
			if b.ID != "" {
				x.parts[b.ID] = len(x.parts) + 1
			}
		case List:
			for _, item := range b.Items {
				x.name(item)
			}
		case Quote:
			x.name(b.Blocks)
		}
	}
}

// place is where blocks stand: so far set in, within how many lists, in a quote.
type place struct {
	in    int
	level int
	quote bool
	leads bool // what follows is a list
}

func (x *docx) document(d Document) string {
	x.WriteString(xmlHead + `<w:document ` + wordSpace + ` xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><w:body>`)
	for _, line := range []struct{ style, text string }{{"Title", d.Title}, {"Subtitle", d.Subtitle}, {"Dateline", d.Dateline}} {
		if line.text != "" {
			x.paragraph(`<w:pStyle w:val="`+line.style+`"/>`, "", Words(line.text))
		}
	}
	x.blocks(d.Blocks, place{})
	x.rest()
	x.WriteString(`<w:sectPr>`)
	if d.Head != "" {
		fmt.Fprintf(x, `<w:headerReference w:type="default" r:id="%s"/>`, x.rels.add(relType+"header", "header1.xml", false))
	}
	fmt.Fprintf(x, `<w:footerReference w:type="default" r:id="%s"/>`, x.rels.add(relType+"footer", "footer1.xml", false))
	x.WriteString(`<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1701" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr></w:body></w:document>`)
	return x.String()
}

// rest writes the notes that the text itself doesn't refer to: those of notes,
// which a footnote can't have, and those that nobody refers to.
func (x *docx) rest() {
	titled := false
	x.ending = true
	for _, n := range x.notes {
		if x.first[n.number] {
			continue
		}
		if !titled {
			x.paragraph(`<w:pStyle w:val="Heading1"/>`, "", Words(x.words.notes))
			titled = true
		}
		x.paragraph(`<w:pStyle w:val="Small"/>`, "", append([]Inline{Plain(fmt.Sprintf("%d. ", n.number))}, n.text...))
	}
}

func (x *docx) blocks(blocks []Block, at place) {
	for i, b := range blocks {
		at.leads = leads(blocks, i)
		x.block(b, at, "")
	}
}

// block writes a block; numbered are the properties that make a paragraph the first of an item.
func (x *docx) block(b Block, at place, numbered string) {
	switch b := b.(type) {
	case Heading:
		x.heading(b, at)
	case Paragraph:
		style, jc, in := "", "", at
		switch {
		case b.Place == Small:
			style = `<w:pStyle w:val="Small"/>`
		case at.quote:
			style = `<w:pStyle w:val="Quote"/>`
		}
		switch b.Place {
		case Centre:
			jc = `<w:jc w:val="center"/>`
		case Address:
			in.in += (docxText - at.in) / 2
		}
		if at.leads {
			style += `<w:keepNext/>`
		}
		x.paragraph(style+numbered, in.indent(numbered != "")+jc, b.Text)
	case List:
		x.list(b, at)
	case Quote:
		inner := at
		inner.in, inner.quote, inner.leads = at.in+docxStep, true, false
		x.blocks(b.Blocks, inner)
		if len(b.By) > 0 {
			x.paragraph(`<w:pStyle w:val="Quote"/>`, inner.indent(false), append([]Inline{Plain("— ")}, b.By...))
		}
	case Table:
		x.table(b, at)
	case Picture:
		x.picture(b, at)
	case Rule:
		x.WriteString(`<w:p><w:pPr><w:pBdr><w:bottom w:val="single" w:sz="4" w:space="1" w:color="808080"/></w:pBdr><w:spacing w:after="240"/><w:ind w:left="3600" w:right="3600"/></w:pPr></w:p>`)
	case PageBreak:
		x.WriteString(`<w:p><w:r><w:br w:type="page"/></w:r></w:p>`)
	}
}

// indent is how far a paragraph is set in; the number of an item hangs before it.
func (at place) indent(numbered bool) string {
	switch {
	case numbered:
		return fmt.Sprintf(`<w:ind w:left="%d" w:hanging="%d"/>`, at.in, docxStep)
	case at.in > 0:
		return fmt.Sprintf(`<w:ind w:left="%d"/>`, at.in)
	}
	return ""
}

// paragraph writes a paragraph; its properties stand before and after each other as the schema asks.
func (x *docx) paragraph(early, late string, text []Inline) {
	x.WriteString(`<w:p>`)
	if early+late != "" {
		x.WriteString(`<w:pPr>` + early + late + `</w:pPr>`)
	}
	x.inlines(text)
	x.WriteString(`</w:p>`)
}

func (x *docx) heading(h Heading, at place) {
	fmt.Fprintf(x, `<w:p><w:pPr><w:pStyle w:val="Heading%d"/>%s</w:pPr>`, h.Level, at.indent(false))
	if part := x.parts[h.ID]; part > 0 {
		x.marks++
		fmt.Fprintf(x, `<w:bookmarkStart w:id="%d" w:name="part_%d"/>`, x.marks, part)
		x.inlines(h.Text)
		fmt.Fprintf(x, `<w:bookmarkEnd w:id="%d"/>`, x.marks)
	} else {
		x.inlines(h.Text)
	}
	x.WriteString(`</w:p>`)
}

// deepestList is the last level of a numbering.
const deepestList = 8

func (x *docx) list(l List, at place) {
	inner := at
	inner.in, inner.level, inner.leads = min(at.in+docxStep, docxText/2), at.level+1, false
	level := min(at.level, deepestList)
	kind := 1
	start := ""
	if l.Ordered {
		kind = 2
		start = fmt.Sprintf(`<w:lvlOverride w:ilvl="%d"><w:startOverride w:val="%d"/></w:lvlOverride>`, level, max(1, l.Start))
	}
	id := len(x.lists) + 1
	x.lists = append(x.lists, fmt.Sprintf(`<w:num w:numId="%d"><w:abstractNumId w:val="%d"/>%s</w:num>`, id, kind, start))
	numbered := fmt.Sprintf(`<w:numPr><w:ilvl w:val="%d"/><w:numId w:val="%d"/></w:numPr>`, level, id)
	for _, item := range l.Items {
		if len(item) > 0 {
			if p, ok := item[0].(Paragraph); ok && p.Place != Address {
				x.block(p, inner, numbered)
				x.blocks(item[1:], inner)
				continue
			}
		}
		x.paragraph(numbered, inner.indent(true), nil)
		x.blocks(item, inner)
	}
}

func (x *docx) numberings() string {
	var b strings.Builder
	b.WriteString(xmlHead + `<w:numbering ` + wordSpace + `>`)
	for kind, level := range []string{`<w:numFmt w:val="bullet"/><w:lvlText w:val="•"/>`, `<w:numFmt w:val="decimal"/><w:lvlText w:val="%%%d."/>`} {
		fmt.Fprintf(&b, `<w:abstractNum w:abstractNumId="%d"><w:multiLevelType w:val="hybridMultilevel"/>`, kind+1)
		for i := range deepestList + 1 {
			text := level
			if strings.Contains(level, "%") {
				text = fmt.Sprintf(level, i+1)
			}
			fmt.Fprintf(&b, `<w:lvl w:ilvl="%d"><w:start w:val="1"/>%s<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="%d" w:hanging="%d"/></w:pPr></w:lvl>`, i, text, docxStep*(i+1), docxStep)
		}
		b.WriteString(`</w:abstractNum>`)
	}
	b.WriteString(strings.Join(x.lists, "") + `</w:numbering>`)
	return b.String()
}

func (x *docx) table(t Table, at place) {
	if len(t.Caption) > 0 {
		x.paragraph(`<w:pStyle w:val="Caption"/>`, at.indent(false), t.Caption)
	}
	if len(t.Head)+len(t.Rows)+len(t.Rest) > 0 {
		fmt.Fprintf(x, `<w:tbl><w:tblPr><w:tblStyle w:val="Register"/><w:tblW w:w="%d" w:type="dxa"/><w:tblInd w:w="%d" w:type="dxa"/><w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>`, docxText-at.in, at.in)
		widths := x.columns(t, docxText-at.in)
		for _, width := range widths {
			fmt.Fprintf(x, `<w:gridCol w:w="%d"/>`, width)
		}
		x.WriteString(`</w:tblGrid>`)
		for _, row := range t.Head {
			x.row(t, row, widths, "TableHead", true)
		}
		for _, row := range t.Rows {
			x.row(t, row, widths, "TableText", false)
		}
		if len(t.Rest) > 0 {
			x.row(t, t.Rest, widths, "TableRest", false)
		}
		x.WriteString(`</w:tbl>`)
	}
	x.source(t.Source, at)
}

// wider is how much more room the letters of a word processor's table take than
// those of a page of PDF, whatever its typeface.
const wider = 1.25

// columns divides the width of a table as a page of PDF does.
func (x *docx) columns(t Table, width int) []int {
	l := &layout{numbering: x.numbering, words: x.words, faces: x.faces, noted: map[int]bool{}}
	out := make([]int, len(t.Columns))
	for i, points := range l.columns(t, float64(width)/20/wider-cellPad) {
		out[i] = int((points + cellPad) * 20 * wider)
	}
	out[len(out)-1] -= sum(out) - width
	return out
}

func (x *docx) row(t Table, row []Cell, widths []int, style string, head bool) {
	x.WriteString(`<w:tr><w:trPr><w:cantSplit/>`)
	if head {
		x.WriteString(`<w:tblHeader/>`)
	}
	x.WriteString(`</w:trPr>`)
	column := 0
	cell := func(c Cell) {
		span, jc := c.span(), ""
		switch {
		case head && span > 1:
			jc = `<w:jc w:val="center"/>`
		case t.Columns[column].Number:
			jc = `<w:jc w:val="right"/>`
		}
		grid := ""
		if span > 1 {
			grid = fmt.Sprintf(`<w:gridSpan w:val="%d"/>`, span)
		}
		fmt.Fprintf(x, `<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/>%s</w:tcPr>`, sum(widths[column:column+span]), grid)
		x.paragraph(`<w:pStyle w:val="`+style+`"/>`, jc, c.Text)
		x.WriteString(`</w:tc>`)
		column += span
	}
	for _, c := range row {
		cell(c)
	}
	for column < len(t.Columns) {
		cell(Cell{})
	}
	x.WriteString(`</w:tr>`)
}

func (x *docx) source(source []Inline, at place) {
	if len(source) > 0 {
		x.paragraph(`<w:pStyle w:val="Small"/>`, at.indent(false), around(x.words.source, source))
		return
	}
	x.WriteString(`<w:p><w:pPr><w:pStyle w:val="Small"/></w:pPr></w:p>`)
}

func (x *docx) picture(p Picture, at place) {
	drawing := x.drawings[p.SVG]
	if drawing.Width > 0 && drawing.Height > 0 {
		width := float64(docxText-at.in) / 20
		scale := min(pictureScale, width/drawing.Width, column*0.7/drawing.Height)
		id := x.image(p.SVG, drawing)
		cx, cy := int(drawing.Width*scale*emusPoint), int(drawing.Height*scale*emusPoint)
		x.marks++
		fmt.Fprintf(x, `<w:p><w:pPr><w:keepNext/>%s</w:pPr><w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="%d" cy="%d"/><wp:docPr id="%d" name="picture %[4]d" descr="%[5]s"/>`, at.indent(false), cx, cy, x.marks, escape(p.Alt))
		fmt.Fprintf(x, `<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="%d" name="picture %[1]d" descr="%s"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="%s"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="%d" cy="%d"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>`, x.marks, escape(p.Alt), id, cx, cy)
	} else {
		x.paragraph(`<w:pStyle w:val="Small"/>`, at.indent(false), Words("["+fill(x.words.picture, p.Alt)+"]"))
	}
	if len(p.Caption) > 0 {
		x.paragraph(`<w:pStyle w:val="Caption"/>`, at.indent(false), p.Caption)
	}
	x.source(p.Source, at)
}

// finest is how many pixels a unit of a drawing gets, enough to print it; of a
// large drawing as many as make mostPixels from side to side.
const (
	finest     = 3
	mostPixels = 2400
)

// image puts a picture into the file, once, and returns the name of its relationship.
func (x *docx) image(svg string, drawing chart.Picture) string {
	number, known := x.pictures[svg]
	if !known {
		painted, err := drawing.PNG(min(finest, mostPixels/max(drawing.Width, drawing.Height)))
		if err != nil {
			x.err = err
			return ""
		}
		x.media = append(x.media, painted)
		number = len(x.media)
		x.pictures[svg] = number
	}
	return x.rels.add(relType+"image", fmt.Sprintf("media/image%d.png", number), false)
}

func (x *docx) inlines(inlines []Inline) {
	for _, r := range x.runs(inlines) {
		switch {
		case r.breaks:
			x.WriteString(`<w:r><w:br/></w:r>`)
		case r.note > 0:
			if r.beside { // or two marks would be one
				x.WriteString(`<w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:t xml:space="preserve">, </w:t></w:r>`)
			}
			x.mark(r.note)
		default:
			x.WriteString(x.linked(r, x.rels))
		}
	}
}

// linked is a run of text within its link.
func (x *docx) linked(r run, rels *rels) string {
	text := wordRun(r)
	tip := ""
	if r.figure != nil && r.figure.Definition != "" {
		tip = ` w:tooltip="` + escape(short(r.figure.Definition)) + `"`
	}
	if to := outside(r.href); to != "" {
		return fmt.Sprintf(`<w:hyperlink r:id="%s"%s>%s</w:hyperlink>`, rels.add(relType+"hyperlink", to, true), tip, text)
	}
	if part := x.parts[within(r.href)]; part > 0 {
		return fmt.Sprintf(`<w:hyperlink w:anchor="part_%d"%s>%s</w:hyperlink>`, part, tip, text)
	}
	return text
}

// short is as much of a text as a word processor shows on hovering; all of it is in the footnote.
func short(text string) string {
	runes := []rune(text)
	if len(runes) <= 250 {
		return text
	}
	return string(runes[:249]) + "…"
}

func wordRun(r run) string {
	look := ""
	if r.href != "" && r.figure == nil && outside(r.href)+within(r.href) != "" {
		look += `<w:rStyle w:val="Hyperlink"/>`
	}
	if r.strong {
		look += `<w:b/>`
	}
	if r.emphasis {
		look += `<w:i/>`
	}
	if look != "" {
		look = `<w:rPr>` + look + `</w:rPr>`
	}
	return `<w:r>` + look + `<w:t xml:space="preserve">` + escape(r.text) + `</w:t></w:r>`
}

// mark writes the mark of a note: a footnote where the text first refers to it,
// after that a reference to the same number.
func (x *docx) mark(number int) {
	if x.first[number] {
		fmt.Fprintf(x, `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> NOTEREF note_%d \f \h </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:t>%[1]d</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`, number)
		return
	}
	if x.ending {
		fmt.Fprintf(x, `<w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:t>%d</w:t></w:r>`, number)
		return
	}
	x.first[number] = true
	x.marks++
	fmt.Fprintf(x, `<w:bookmarkStart w:id="%d" w:name="note_%d"/><w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:footnoteReference w:id="%[2]d"/></w:r><w:bookmarkEnd w:id="%[1]d"/>`, x.marks, number)
	var b strings.Builder
	fmt.Fprintf(&b, `<w:footnote w:id="%d"><w:p><w:pPr><w:pStyle w:val="FootnoteText"/></w:pPr><w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> </w:t></w:r>`, number)
	for _, r := range x.runs(x.notes[number-1].text) {
		switch {
		case r.breaks:
			b.WriteString(`<w:r><w:br/></w:r>`)
		case r.note > 0: // a footnote has none itself
			apart := ""
			if r.beside {
				apart = ", "
			}
			fmt.Fprintf(&b, `<w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:t xml:space="preserve">%s%d</w:t></w:r>`, apart, r.note)
		default:
			b.WriteString(x.linked(r, x.footRels))
		}
	}
	b.WriteString(`</w:p></w:footnote>`)
	x.footnotes = append(x.footnotes, b.String())
}

func (x *docx) header(d Document) string {
	return xmlHead + `<w:hdr ` + wordSpace + `><w:p><w:pPr><w:pStyle w:val="Header"/><w:jc w:val="right"/></w:pPr><w:r><w:t xml:space="preserve">` + escape(d.Head) + `</w:t></w:r></w:p></w:hdr>`
}

func (x *docx) footer(d Document) string {
	foot := d.Foot
	if foot == "" {
		foot = d.Title
	}
	field := func(name string) string {
		return `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> ` + name + ` </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`
	}
	return xmlHead + `<w:ftr ` + wordSpace + `><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr><w:r><w:t xml:space="preserve">` + escape(foot) + `</w:t></w:r><w:r><w:tab/></w:r>` +
		field("PAGE") + `<w:r><w:t xml:space="preserve"> / </w:t></w:r>` + field("NUMPAGES") + `</w:p></w:ftr>`
}

func (x *docx) contentTypes(d Document) string {
	const main = "application/vnd.openxmlformats-officedocument.wordprocessingml."
	var b strings.Builder
	b.WriteString(xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>`)
	b.WriteString(`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/><Override PartName="/word/document.xml" ContentType="` + main + `document.main+xml"/>`)
	parts := []string{"styles", "settings", "numbering", "footnotes", "footer"}
	if d.Head != "" {
		parts = append(parts, "header")
	}
	for _, part := range parts {
		file := part
		if part == "footer" || part == "header" {
			file += "1"
		}
		fmt.Fprintf(&b, `<Override PartName="/word/%s.xml" ContentType="%s%s+xml"/>`, file, main, part)
	}
	b.WriteString(`</Types>`)
	return b.String()
}

// core are the properties of the file: what it is called, in which language, of which day.
func core(d Document, tag string) string {
	days := ""
	if d.Date != 0 && !d.Date.Bound() {
		at := d.Date.Time().Format("2006-01-02T15:04:05Z")
		days = `<dcterms:created xsi:type="dcterms:W3CDTF">` + at + `</dcterms:created><dcterms:modified xsi:type="dcterms:W3CDTF">` + at + `</dcterms:modified>`
	}
	return xmlHead + `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>` + escape(d.Title) + `</dc:title><dc:language>` + tag + `</dc:language>` + days + `</cp:coreProperties>`
}
