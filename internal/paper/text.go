// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textWidth is the length of a line of plain text, in letters: what an e-mail
// still shows unbroken after being quoted twice.
const textWidth = 72

// Text writes a document as plain text in lines of at most 72 letters; tables
// stand in columns, a picture is there in words. A word longer than a line, such
// as an address, is left whole.
func Text(w io.Writer, d Document) error {
	n, err := check(d)
	if err != nil {
		return err
	}
	t := &text{numbering: n, words: wordsOf(d.Lang)}
	var out []string
	if d.Head != "" {
		out = append(out, t.wrap(Words(d.Head), textWidth))
	}
	if d.Title != "" {
		out = append(out, underline(t.wrap(Words(d.Title), textWidth), "="))
	}
	if d.Subtitle != "" {
		out = append(out, t.wrap(Words(d.Subtitle), textWidth))
	}
	if d.Dateline != "" {
		out = append(out, t.wrap(Words(d.Dateline), textWidth))
	}
	out = append(out, t.blocks(d.Blocks, textWidth)...)
	if len(n.notes) > 0 {
		out = append(out, underline(t.words.notes, "-"))
		for _, note := range n.notes {
			mark := fmt.Sprintf("[%d] ", note.number)
			out = append(out, mark+hang(t.wrap(note.text, textWidth-len(mark)), strings.Repeat(" ", len(mark))))
		}
	}
	if d.Foot != "" {
		out = append(out, t.wrap(Words(d.Foot), textWidth))
	}
	if _, err := io.WriteString(w, strings.Join(out, "\n\n")+"\n"); err != nil {
		return fmt.Errorf("the document can't be written: %w", err)
	}
	return nil
}

type text struct {
	*numbering
	words words
}

func underline(text, with string) string {
	longest := 0
	for line := range strings.Lines(text) {
		longest = max(longest, width(strings.TrimRight(line, "\n")))
	}
	return text + "\n" + strings.Repeat(with, min(max(longest, 3), textWidth))
}

// blocks returns a text for each block, in lines of at most so many letters.
func (t *text) blocks(blocks []Block, measure int) (out []string) {
	measure = max(measure, 16)
	add := func(text string) {
		if strings.TrimSpace(text) != "" {
			out = append(out, text)
		}
	}
	for _, b := range blocks {
		switch b := b.(type) {
		case Heading:
			line := t.wrap(b.Text, measure)
			if b.Level < 3 {
				line = underline(line, "-")
			}
			add(line)
		case Paragraph:
			add(t.paragraph(b, measure))
		case List:
			add(t.list(b, measure))
		case Quote:
			inner := t.blocks(b.Blocks, measure-4)
			if len(b.By) > 0 {
				inner = append(inner, t.wrap(append([]Inline{Plain("— ")}, b.By...), measure-4))
			}
			add("    " + hang(strings.Join(inner, "\n\n"), "    "))
		case Table:
			t.captioned(add, b.Caption, t.table(b, measure), b.Source, measure)
		case Picture:
			t.captioned(add, b.Caption, t.wrap(Words("["+fill(t.words.picture, b.Alt)+"]"), measure), b.Source, measure)
		case Rule:
			add(strings.Repeat(" ", (measure-5)/2) + "* * *")
		case PageBreak:
			add(strings.Repeat("-", measure))
		}
	}
	return out
}

// captioned writes what has a title above it and its source beneath.
func (t *text) captioned(add func(string), caption []Inline, body string, source []Inline, measure int) {
	var lines []string
	if len(caption) > 0 {
		lines = append(lines, t.wrap(caption, measure), "")
	}
	lines = append(lines, body)
	if len(source) > 0 {
		lines = append(lines, "", t.wrap(around(t.words.source, source), measure))
	}
	add(strings.Join(lines, "\n"))
}

func (t *text) paragraph(p Paragraph, measure int) string {
	switch p.Place {
	case Address:
		half := strings.Repeat(" ", measure/2)
		return half + hang(t.wrap(p.Text, measure-measure/2), half)
	case Centre:
		lines := strings.Split(t.wrap(p.Text, measure), "\n")
		for i, line := range lines {
			lines[i] = strings.Repeat(" ", max(0, (measure-width(line))/2)) + line
		}
		return strings.Join(lines, "\n")
	}
	return t.wrap(p.Text, measure)
}

func (t *text) list(l List, measure int) string {
	var items []string
	apart := "\n"
	for i, item := range l.Items {
		mark := "• "
		if l.Ordered {
			mark = fmt.Sprintf("%d. ", max(1, l.Start)+i)
		}
		if _, ok := only(item); !ok {
			apart = "\n\n"
		}
		indent := strings.Repeat(" ", utf8.RuneCountInString(mark))
		items = append(items, mark+hang(strings.Join(t.blocks(item, measure-len(indent)), "\n\n"), indent))
	}
	return strings.Join(items, apart)
}

// said is what inlines say in plain text: the address of a link after its
// words, the mark of a note in brackets, a new line as such.
func (t *text) said(inlines []Inline) string {
	var b strings.Builder
	all := t.runs(inlines)
	for i, r := range all {
		switch {
		case r.breaks:
			b.WriteByte('\n')
		case r.note > 0:
			fmt.Fprintf(&b, "[%d]", r.note)
		default:
			b.WriteString(r.text)
			last := i+1 == len(all) || all[i+1].href != r.href
			if to := outside(r.href); to != "" && last && to != r.text && r.figure == nil {
				b.WriteString(" <" + to + ">")
			}
		}
	}
	return b.String()
}

func (t *text) wrap(inlines []Inline, measure int) string {
	return strings.Join(lines(t.said(inlines), measure), "\n")
}

// lines breaks a text between words into lines of at most so many letters. A
// no-break space holds its words together.
func lines(text string, measure int) []string {
	var out []string
	for _, part := range strings.Split(text, "\n") {
		current := ""
		for _, word := range strings.FieldsFunc(part, breakable) {
			switch {
			case current == "":
				current = word
			case width(current)+1+width(word) <= measure:
				current += " " + word
			default:
				out = append(out, current)
				current = word
			}
		}
		out = append(out, current)
	}
	return out
}

func breakable(r rune) bool { return unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f' }

// width is how many places a text takes.
func width(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			n++
		}
	}
	return n
}

// between columns of a table.
const columnGap = "  "

// table sets a table in columns. What doesn't fit is broken into lines within
// its column, the widest columns first.
func (t *text) table(table Table, measure int) string {
	type line struct {
		cells []string // one for each column; a cell over several is in the first
		spans []int
		rule  bool
	}
	var all []line
	row := func(cells []Cell) {
		if len(cells) == 0 {
			return
		}
		l := line{cells: make([]string, len(table.Columns)), spans: make([]int, len(table.Columns))}
		column := 0
		for _, cell := range cells {
			l.cells[column], l.spans[column] = strings.Join(strings.Fields(strings.ReplaceAll(t.said(cell.Text), "\u00a0", "\x00")), " "), cell.span()
			l.cells[column] = strings.ReplaceAll(l.cells[column], "\x00", "\u00a0")
			column += cell.span()
		}
		for ; column < len(table.Columns); column++ {
			l.spans[column] = 1
		}
		all = append(all, l)
	}
	for _, cells := range table.Head {
		row(cells)
	}
	if len(table.Head) > 0 {
		all = append(all, line{rule: true})
	}
	for _, cells := range table.Rows {
		row(cells)
	}
	if len(table.Rest) > 0 {
		all = append(all, line{rule: true})
		row(table.Rest)
	}

	widths, least := make([]int, len(table.Columns)), make([]int, len(table.Columns))
	for _, l := range all {
		for c := range l.cells {
			if l.spans[c] != 1 {
				continue
			}
			widths[c] = max(widths[c], width(l.cells[c]))
			for _, word := range strings.FieldsFunc(l.cells[c], breakable) {
				least[c] = max(least[c], min(width(word), measure/2))
			}
		}
	}
	shrink(widths, least, measure-len(columnGap)*(len(widths)-1))

	var out []string
	for _, l := range all {
		if l.rule {
			total := len(columnGap) * (len(widths) - 1)
			for _, w := range widths {
				total += w
			}
			out = append(out, strings.Repeat("-", total))
			continue
		}
		out = append(out, setRow(l.cells, l.spans, widths, table.Columns)...)
	}
	return strings.Join(out, "\n")
}

// shrink makes the widest columns narrower until all fit, none below its least.
func shrink(widths, least []int, room int) {
	for total := sum(widths); total > room; total-- {
		widest := -1
		for c := range widths {
			if widths[c] > least[c] && (widest < 0 || widths[c] > widths[widest]) {
				widest = c
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

func sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
}

// setRow sets one row of a table in as many lines as its longest cell needs.
func setRow(cells []string, spans, widths []int, columns []Column) []string {
	type part struct {
		lines []string
		width int
		right bool
	}
	var parts []part
	height := 1
	for c := 0; c < len(cells); c += max(1, spans[c]) {
		w := sum(widths[c:c+max(1, spans[c])]) + len(columnGap)*(max(1, spans[c])-1)
		p := part{lines: lines(cells[c], w), width: w, right: columns[c].Number}
		height = max(height, len(p.lines))
		parts = append(parts, p)
	}
	var out []string
	for i := range height {
		var line []string
		for _, p := range parts {
			text := ""
			if i < len(p.lines) {
				text = p.lines[i]
			}
			pad := strings.Repeat(" ", max(0, p.width-width(text)))
			if p.right {
				line = append(line, pad+text)
			} else {
				line = append(line, text+pad)
			}
		}
		out = append(out, strings.TrimRight(strings.Join(line, columnGap), " "))
	}
	return out
}
