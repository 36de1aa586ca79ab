// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Directive is what stands in double braces: {{figure "reports" as="words"}}.
type Directive struct {
	Name string
	What []string          // the words in quotes without a name, in order
	Args map[string]string // name="value"
	Line int               // of the text, from 1
}

// FaultError says what is wrong in a text, and where.
type FaultError struct {
	Line int // from 1
	Text string
}

func (e *FaultError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

func fault(line int, format string, args ...any) error {
	return &FaultError{line, fmt.Sprintf(format, args...)}
}

// shape says what a directive takes.
type shape struct {
	what int // how many words without a name; -1: any number
	args []string
}

// counting are the arguments of all that asks a figure.
var counting = []string{"asof", "known", "scope", "verified"}

// shapes are the directives. Those that cover text end with {{end}}.
func shapes(name string) (s shape, covers, ok bool) {
	switch name {
	case "figure":
		return shape{1, append([]string{"by", "code", "as", "case", "gender", "noun", "owned", "capital", "show"}, counting...)}, false, true
	case "outside":
		return shape{1, []string{"by", "on", "as", "case", "gender", "noun", "owned", "capital"}}, false, true
	case "table":
		return shape{-1, append([]string{"by", "set", "title"}, counting...)}, false, true
	case "chart":
		return shape{-1, append([]string{"by", "set", "title"}, counting...)}, false, true
	case "map":
		return shape{1, append([]string{"title"}, counting...)}, false, true
	case "story", "quote", "name", "photo":
		return shape{0, []string{"case", "person"}}, true, true
	case "end":
		return shape{0, nil}, false, true
	}
	return shape{}, false, false
}

// parseDirective reads what stands between the braces.
func parseDirective(text string, line int) (Directive, error) {
	d := Directive{Args: map[string]string{}, Line: line}
	rest := strings.TrimSpace(text)
	d.Name, rest = word(rest)
	shape, _, ok := shapes(d.Name)
	if d.Name == "estimate" {
		return d, fault(line, "an estimated figure can't stand in a statement: what is printed here was reported and counted, and an estimate is nothing without its method, its interval and what it assumes; publish the page of estimates beside the statement")
	}
	if !ok {
		return d, fault(line, "there is no {{%s}}: figure, outside, table, chart, map, story, quote, name, photo and end are known", clip(d.Name))
	}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		if rest[0] == '"' || strings.HasPrefix(rest, "“") || strings.HasPrefix(rest, "«") {
			value, after, ok := quoted(rest)
			if !ok {
				return d, fault(line, "a quotation mark is missing at the end of {{%s}}", d.Name)
			}
			d.What, rest = append(d.What, value), after
			continue
		}
		name, after := word(rest)
		value, hasValue := "", false
		if after, hasValue = strings.CutPrefix(after, "="); hasValue {
			var ok bool
			if value, after, ok = quoted(after); !ok {
				return d, fault(line, "%s= takes its value in quotation marks", clip(name))
			}
		} else {
			value = "yes"
		}
		if name == "" || !slices.Contains(shape.args, name) {
			return d, fault(line, "{{%s}} takes no %q", d.Name, clip(cmp.Or(name, rest)))
		}
		if _, twice := d.Args[name]; twice {
			return d, fault(line, "%s stands twice in {{%s}}", name, d.Name)
		}
		d.Args[name], rest = value, after
	}
	switch {
	case shape.what >= 0 && len(d.What) < shape.what:
		return d, fault(line, `{{%s}} wants to know which one: {{%s "…"}}`, d.Name, d.Name)
	case shape.what >= 0 && len(d.What) > shape.what:
		return d, fault(line, "{{%s}} takes no %q", d.Name, clip(d.What[shape.what]))
	}
	return d, nil
}

// word takes a name off the front: letters, digits, underscores.
func word(s string) (name, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// quoted takes a value in quotation marks off the front. Word processors turn
// straight marks into others: those are taken, too.
func quoted(s string) (value, rest string, ok bool) {
	for _, marks := range [][2]string{{`"`, `"`}, {"“", "”"}, {"«", "»"}, {"„", "“"}} {
		if inner, found := strings.CutPrefix(s, marks[0]); found {
			return strings.Cut(inner, marks[1])
		}
	}
	return "", s, false
}

// clip shortens what an error repeats of a text.
func clip(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		return string([]rune(s)[:39]) + "…"
	}
	return s
}
