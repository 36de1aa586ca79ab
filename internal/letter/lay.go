// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"regexp"
	"strings"
	"unicode"
)

// Text is the draft as plain text, in which a person finishes it: paragraphs
// with an empty line between them, the title in capitals.
func (d Draft) Text() string {
	var b strings.Builder
	for i, p := range d.Passages {
		if i > 0 {
			b.WriteString("\n")
			together := p.Style == To && d.Passages[i-1].Style == To || p.Style == Under || p.Style == Ask && d.Passages[i-1].Style == Ask
			if !together {
				b.WriteString("\n")
			}
		}
		b.WriteString(p.Text)
	}
	b.WriteString("\n")
	return b.String()
}

var numbered = regexp.MustCompile(`^\d{1,2}[.)] `)

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
		}
		out = append(out, p)
	}
	return out
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
