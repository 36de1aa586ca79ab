// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/edtf"
)

// What is wrong with a value.
const (
	UnknownKind  = "unknown_kind"
	UnknownField = "unknown_field"
	UnknownCode  = "unknown_code"
	BadDate      = "bad_date"
	BadNumber    = "bad_number"
	BadYesNo     = "bad_yesno"
	BadRef       = "bad_ref"
	TooMany      = "too_many"
	TooLong      = "too_long"
	BadText      = "bad_text"
	Empty        = "empty"
	Required     = "required"
)

// Problem is one thing that is wrong with a record.
type Problem struct {
	Field string   // the field; empty for a problem of the whole record
	Value string   // the value as given
	What  string   // one of the constants above
	Want  string   // what was expected, as codes or an example
	Near  []string // codes that the value may have meant, best first
	Msg   string   // all of it as an English sentence
}

// Validate says what is wrong with the fields of a record, in the order of the field ids. No problems: nil.
func (b *Book) Validate(kind string, fields map[string][]string) []Problem {
	k, ok := b.kind[kind]
	if !ok {
		ids := slices.Sorted(maps.Keys(b.kind))
		near := nearest(kind, ids)
		return []Problem{{Value: kind, What: UnknownKind, Want: "one of the kinds of the codebook", Near: near,
			Msg: fmt.Sprintf("there is no kind %q%s", kind, orNear(near))}}
	}
	var out []Problem
	for id, values := range fields {
		f, ok := k.Field(id)
		if !ok {
			near := nearest(id, slices.Sorted(maps.Keys(k.index)))
			out = append(out, Problem{Field: id, Value: strings.Join(values, "; "), What: UnknownField,
				Want: "a field of " + k.ID, Near: near,
				Msg: fmt.Sprintf("%s has no field %q%s", k.ID, id, orNear(near))})
			continue
		}
		if len(values) > 1 && !f.Many {
			out = append(out, Problem{Field: id, Value: strings.Join(values, "; "), What: TooMany, Want: "one value",
				Msg: fmt.Sprintf("%s takes one value, here are %d", id, len(values))})
		}
		for _, v := range values {
			if p, bad := b.checkValue(f, v); bad {
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return cmp.Compare(a.Field, b.Field) })
	for i := range k.Fields {
		f := &k.Fields[i]
		if f.Required && len(fields[f.ID]) == 0 {
			out = append(out, Problem{Field: f.ID, What: Required, Want: want(f), Msg: fmt.Sprintf("%s is missing: expected %s", f.ID, want(f))})
		}
	}
	return out
}

func (b *Book) checkValue(f *Field, v string) (Problem, bool) {
	p, bad := b.wrong(f, v)
	if bad { // few are: what a field takes is put into words for those alone
		p.Field, p.Value, p.Want = f.ID, v, cmp.Or(p.Want, want(f))
	}
	return p, bad
}

// wrong says what is wrong with a value.
func (b *Book) wrong(f *Field, v string) (p Problem, bad bool) {
	if strings.TrimSpace(v) == "" {
		p.What = Empty
		p.Msg = fmt.Sprintf("%s is empty: leave the field out, or say unknown", f.ID)
		return p, true
	}
	if f.Type != Code && Missing(v) { // lists say themselves whether they take these
		return p, false
	}
	switch f.Type {
	case Code:
		l := b.list[f.List]
		if _, ok := l.Code(v); ok {
			return p, false
		}
		p.What = UnknownCode
		p.Near = l.near(v)
		p.Msg = fmt.Sprintf("%s: %q is not a code of list %s%s", f.ID, v, f.List, orNear(p.Near))
	case Date:
		_, err := edtf.Parse(v)
		if err == nil {
			return p, false
		}
		p.What = BadDate
		p.Msg = fmt.Sprintf("%s: %q is not a date: expected %s", f.ID, v, want(f))
	case Number:
		_, err := strconv.ParseInt(v, 10, 64)
		if err == nil {
			return p, false
		}
		p.What = BadNumber
		p.Msg = fmt.Sprintf("%s: %q is not a whole number", f.ID, v)
	case Share:
		if x, err := strconv.ParseFloat(v, 64); err == nil && x >= 0 && x <= 1 {
			return p, false
		}
		p.What = BadNumber
		p.Msg = fmt.Sprintf("%s: %q is not a number from 0 to 1", f.ID, v)
	case YesNo:
		if v == "yes" || v == "no" {
			return p, false
		}
		p.What = BadYesNo
		p.Msg = fmt.Sprintf("%s: %q is neither yes, no nor unknown", f.ID, v)
	case Ref:
		if isID(v) {
			return p, false
		}
		p.What = BadRef
		p.Msg = fmt.Sprintf("%s: %q is not the id of a record", f.ID, v)
	default:
		if strings.ContainsFunc(v, controls) {
			p.What, p.Want = BadText, "a text without control characters"
			p.Msg = fmt.Sprintf("%s holds control characters: type the text anew", f.ID)
			return p, true
		}
		if f.Max == 0 || utf8.RuneCountInString(v) <= f.Max {
			return p, false
		}
		p.What = TooLong
		p.Msg = fmt.Sprintf("%s: at most %d characters", f.ID, f.Max)
	}
	return p, true
}

// controls says whether a letter is none: it would move the cursor of a
// terminal, or end a line where nothing ends.
func controls(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' && c != '\r' }

// want says what a field expects.
func want(f *Field) string {
	switch f.Type {
	case Code:
		return "a code of list " + f.List
	case Date:
		return "2022-01-05, 2022-01 or an uncertain date such as 2022-01-04/2022-01-05, 2022-06~"
	case Number:
		if f.Unit != "" {
			return "a whole number (" + f.Unit + ")"
		}
		return "a whole number"
	case Share:
		return "a number from 0 to 1"
	case YesNo:
		return "yes, no or unknown"
	case Ref:
		return "the id of a record of kind " + f.RefKind
	}
	if f.Max > 0 {
		return fmt.Sprintf("a text of at most %d characters", f.Max)
	}
	return "a text"
}

// isID says whether a text is a record's id: 32 hexadecimal digits.
func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

func (l *List) near(v string) []string {
	if code, ok := l.Find(v); ok {
		return []string{code}
	}
	codes := make([]string, len(l.Codes))
	for i, c := range l.Codes {
		codes[i] = c.Code
	}
	return nearest(v, codes)
}

// nearest returns up to three of the words that are a few typing errors away from v, best first.
func nearest(v string, words []string) []string {
	type candidate struct {
		word string
		d    int
	}
	v = strings.ToLower(v)
	if len(v) > 64 {
		return nil // a text, not a mistyped code
	}
	limit := max(2, len(v)/3)
	var c []candidate
	for _, w := range words {
		if d := distance(v, strings.ToLower(w), limit); d <= limit {
			c = append(c, candidate{w, d})
		}
	}
	slices.SortStableFunc(c, func(a, b candidate) int { return a.d - b.d })
	var out []string
	for _, x := range c[:min(3, len(c))] {
		out = append(out, x.word)
	}
	return out
}

// distance is the number of typing errors between two words; anything above limit is given as limit+1.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(y)], limit+1)
}

func orNear(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}
