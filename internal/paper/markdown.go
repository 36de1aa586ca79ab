// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Markdown writes a document as CommonMark with tables and footnotes as GitHub
// and Pandoc write them. A picture is there in words.
func Markdown(w io.Writer, d Document) error {
	n, err := check(d)
	if err != nil {
		return err
	}
	m := &markdown{numbering: n, words: wordsOf(d.Lang)}
	out := m.front(d)
	out = append(out, m.blocks(d.Blocks)...)
	if len(n.notes) > 0 {
		out = append(out, "## "+m.words.notes)
		for _, note := range n.notes {
			out = append(out, fmt.Sprintf("[^%d]: %s", note.number, hang(m.line(note.text), "    ")))
		}
	}
	if d.Foot != "" {
		out = append(out, m.line(Words(d.Foot)))
	}
	if _, err := io.WriteString(w, strings.Join(out, "\n\n")+"\n"); err != nil {
		return fmt.Errorf("the document can't be written: %w", err)
	}
	return nil
}

type markdown struct {
	*numbering
	words words
}

// front is what stands above the text.
func (m *markdown) front(d Document) (out []string) {
	if d.Head != "" {
		out = append(out, m.line(Words(d.Head)))
	}
	if d.Title != "" {
		out = append(out, "# "+m.oneLine(Words(d.Title)))
	}
	if d.Subtitle != "" {
		out = append(out, m.line([]Inline{Strong(Words(d.Subtitle))}))
	}
	if d.Dateline != "" {
		out = append(out, m.line([]Inline{Emphasis(Words(d.Dateline))}))
	}
	return out
}

// blocks returns a text for each block; between them goes an empty line.
func (m *markdown) blocks(blocks []Block) (out []string) {
	add := func(text string) {
		if strings.TrimSpace(text) != "" {
			out = append(out, text)
		}
	}
	for _, b := range blocks {
		switch b := b.(type) {
		case Heading:
			add(strings.Repeat("#", b.Level+1) + " " + m.oneLine(b.Text))
		case Paragraph:
			add(m.line(b.Text))
		case List:
			add(m.list(b))
		case Quote:
			inner := m.blocks(b.Blocks)
			if len(b.By) > 0 {
				inner = append(inner, "— "+m.line(b.By))
			}
			text := "> " + strings.ReplaceAll(strings.Join(inner, "\n\n"), "\n", "\n> ")
			add(strings.ReplaceAll(text, "> \n", ">\n"))
		case Table:
			if len(b.Caption) > 0 {
				add(m.line([]Inline{Strong(b.Caption)}))
			}
			add(m.table(b))
			m.source(add, b.Source)
		case Picture:
			if len(b.Caption) > 0 {
				add(m.line([]Inline{Strong(b.Caption)}))
			}
			add(m.line(Words("[" + fill(m.words.picture, b.Alt) + "]")))
			m.source(add, b.Source)
		case Rule, PageBreak:
			add("---")
		}
	}
	return out
}

func (m *markdown) source(add func(string), source []Inline) {
	if len(source) > 0 {
		add(m.line([]Inline{Emphasis(around(m.words.source, source))}))
	}
}

func (m *markdown) list(l List) string {
	var items []string
	loose := false
	for i, item := range l.Items {
		mark := "- "
		if l.Ordered {
			mark = fmt.Sprintf("%d. ", max(1, l.Start)+i)
		}
		if _, ok := only(item); !ok {
			loose = true
		}
		items = append(items, mark+hang(strings.Join(m.blocks(item), "\n\n"), strings.Repeat(" ", len(mark))))
	}
	if loose {
		return strings.Join(items, "\n\n")
	}
	return strings.Join(items, "\n")
}

// hang puts so much before every line but the first.
func hang(text, indent string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if i > 0 && line != "" {
			lines[i] = indent + line
		}
	}
	return strings.Join(lines, "\n")
}

// table writes a table; where it has no head of one row, which this form asks
// for, it has an empty one, and a second row of a head is a row.
func (m *markdown) table(t Table) string {
	head, rows := make([]string, len(t.Columns)), t.Rows
	if len(t.Head) > 0 {
		head = m.row(t, t.Head[0])
		rows = append(append([][]Cell{}, t.Head[1:]...), rows...)
	}
	var b strings.Builder
	write := func(cells []string) {
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	write(head)
	rule := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		rule[i] = "---"
		if c.Number {
			rule[i] = "--:"
		}
	}
	write(rule)
	for _, row := range rows {
		write(m.row(t, row))
	}
	if len(t.Rest) > 0 {
		write(m.row(t, t.Rest))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (m *markdown) row(t Table, row []Cell) []string {
	out := make([]string, 0, len(t.Columns))
	for _, cell := range row {
		out = append(out, m.oneLine(cell.Text))
		for range cell.span() - 1 {
			out = append(out, "")
		}
	}
	for len(out) < len(t.Columns) {
		out = append(out, "")
	}
	return out
}

func (m *markdown) oneLine(text []Inline) string {
	return strings.ReplaceAll(m.line(text), "\\\n", " ")
}

// line writes inlines.
func (m *markdown) line(text []Inline) string {
	var b strings.Builder
	start := true
	for _, r := range m.runs(text) {
		switch {
		case r.breaks:
			if !start {
				b.WriteString("\\\n")
			}
			start = true
			continue
		case r.note > 0:
			fmt.Fprintf(&b, "[^%d]", r.note)
		default:
			lead, core, tail := edges(r.text)
			if start {
				lead = "" // four spaces would be code
			}
			b.WriteString(lead)
			if core != "" {
				b.WriteString(decked(mark(r), literal(core, start), r.href))
			}
			b.WriteString(tail)
			start = start && core == ""
			continue
		}
		start = false
	}
	return strings.TrimSpace(b.String())
}

// edges takes the white space off both ends of a text: the marks of bold and
// italics must touch the words.
func edges(text string) (lead, core, tail string) {
	core = strings.TrimLeftFunc(text, unicode.IsSpace)
	lead = text[:len(text)-len(core)]
	trimmed := strings.TrimRightFunc(core, unicode.IsSpace)
	return lead, trimmed, core[len(trimmed):]
}

func mark(r run) string {
	switch {
	case r.strong && r.emphasis:
		return "***"
	case r.strong:
		return "**"
	case r.emphasis:
		return "*"
	}
	return ""
}

func decked(mark, text, href string) string {
	if to := outside(href); to != "" {
		text = "[" + text + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E").Replace(to) + ">)"
	}
	return mark + text + mark
}

// literal is text in which nothing is a mark of the format.
func literal(text string, start bool) string {
	var b strings.Builder
	for i, r := range text {
		special := strings.ContainsRune("\\`*_[]<>|~{}&$", r)
		if start && i == 0 {
			special = special || strings.ContainsRune("#+-=:", r)
		}
		if start && (r == '.' || r == ')') && i > 0 && i <= 9 && strings.Trim(text[:i], "0123456789") == "" {
			special = true // "1." would begin a list
		}
		if special {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
