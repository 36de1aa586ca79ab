// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"regexp"
	"strings"
	"unicode"
)

// signs are what a line of the text begins with, by its style.
var signs = map[string]string{Head: "## ", Part: "### ", Row: "| ", Columns: "|= ", Item: "– ", Small: "> ", Map: "[[", Ask: ""}

// close ends such a line.
var closing = map[string]string{Row: " |", Columns: " |", Map: "]]"}

// Text is the draft as plain text, in which a person finishes it: paragraphs
// with an empty line between them, the title in capitals, headings, tables and
// lists by the sign their lines begin with.
func (d Draft) Text() string {
	var b strings.Builder
	for i, p := range d.Passages {
		if i > 0 {
			b.WriteString("\n")
			if !together(d.Passages[i-1].Style, p.Style) {
				b.WriteString("\n")
			}
		}
		b.WriteString(signs[p.Style] + p.Text + closing[p.Style])
	}
	b.WriteString("\n")
	return b.String()
}

// together tells whether a line stands beneath another without an empty line between them.
func together(above, below string) bool {
	switch below {
	case To, Ask, Item:
		return above == below
	case Row:
		return above == Row || above == Columns
	case Under:
		return true
	case Small:
		return above == Head || above == Part || above == Small
	}
	return false
}

var (
	numbered = regexp.MustCompile(`^\d{1,2}[.)] `)
	diagram  = regexp.MustCompile(`^\[\[([a-z0-9_]+)\]\]$`)
)

// Lay reads a finished text back into passages, by how it looks and not by
// where it came from: what stands before the line in capitals is to whom and
// from whom it is, what follows that line at once is what the title is about.
func Lay(text string) []Passage {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	title := -1
	for i, line := range lines {
		if capitals(line) && (i == 0 || strings.TrimSpace(lines[i-1]) == "") {
			title = i
			break
		}
	}
	var out []Passage
	under := false
	for i, line := range lines {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if strings.TrimSpace(line) == "" {
			under = false
			continue
		}
		p := Passage{Style: Plain, Text: line}
		switch {
		case i < title:
			p.Style = To
		case i == title:
			p.Style, under = Title, true
		case under:
			p.Style = Under
		case numbered.MatchString(line):
			p.Style = Ask
		case diagram.MatchString(line):
			p.Style, p.Text = Map, diagram.FindStringSubmatch(line)[1]
		default:
			p.Style, p.Text = marked(line)
		}
		out = append(out, p)
	}
	return out
}

// marked reads a line by the sign it begins with.
func marked(line string) (style, text string) {
	for _, style := range []string{Part, Head, Columns, Row, Item, Small} {
		if text, ok := strings.CutPrefix(line, signs[style]); ok {
			if inner, ok := strings.CutSuffix(text, closing[style]); ok {
				return style, inner
			}
			if style == Row || style == Columns { // its last cell is empty
				return style, strings.TrimSuffix(text, "|")
			}
			return style, text
		}
	}
	return Plain, line
}

// capitals tells whether a line is written in capitals alone.
func capitals(line string) bool {
	letters := 0
	for _, r := range line {
		switch {
		case unicode.IsLower(r):
			return false
		case unicode.IsLetter(r):
			letters++
		}
	}
	return letters >= 4
}
