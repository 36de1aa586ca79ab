// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// values makes the values of a field. has says whether a cell stood behind them.
func (r *run) values(f *fieldSpec, b *bound, row SourceRow) (values []string, has bool) {
	switch {
	case f.constant != nil:
		return f.constant, false
	case f.recordID.name != "":
		for _, id := range pieces(row.cell(b.index[f.recordID.name]), f.split) {
			values = append(values, refMark+f.record+idMark+id)
		}
		return values, len(values) > 0
	case f.record != "":
		return []string{refMark + f.record}, false
	case f.child != nil:
		return r.childValue(f, b, row), false
	}
	col := b.index[f.column.name]
	cell := row.cell(col)
	at := source{b, row.No, col}
	switch {
	case cell.Type == ErrorCell:
		r.at(at, Error, cell.Text, "the spreadsheet shows an error here", "put the cell right in the spreadsheet")
		return nil, true
	case cell.Text == "" && cell.Formula != "":
		r.at(at, Error, "="+cell.Formula, "a formula whose value the file does not keep; formulas are never worked out here", "open the file in a spreadsheet program and save it, or put the value in")
		return nil, true
	case cell.Text == "":
		if f.empty != "" {
			return []string{f.empty}, false
		}
		return nil, false
	}
	if len(cell.Values) > 0 {
		return r.several(f, b, at, cell), true
	}
	return r.value(f, b, at, cell)
}

// several makes the values of a cell whose file keeps them apart.
func (r *run) several(f *fieldSpec, b *bound, at source, cell Cell) (values []string) {
	for _, text := range cell.Values {
		one, _ := r.value(f, b, at, Cell{Text: text, Type: cell.Type})
		for _, v := range one {
			values = appendNew(values, v)
		}
	}
	if f.field.Many || len(values) < 2 {
		return values
	}
	if f.field.Type == codebook.Text || f.field.Type == codebook.Prose {
		one, _ := r.value(f, b, at, Cell{Text: cell.Text, Type: cell.Type})
		return one
	}
	r.at(at, f.severity(), cell.Text, fmt.Sprintf("there are %d values, and %s takes one", len(values), f.field.ID), "one value, or a field that takes several")
	return nil
}

// value makes the values of one text.
func (r *run) value(f *fieldSpec, b *bound, at source, cell Cell) (values []string, has bool) {
	text := cell.Text
	if f.pattern != nil {
		m := f.pattern.FindStringSubmatch(text)
		switch {
		case m == nil && f.lenient:
			return nil, false
		case m == nil:
			r.at(at, f.severity(), text, "does not look as the pattern of the mapping says", "a text that fits "+f.pattern.String())
			return nil, true
		}
		if text = strings.TrimSpace(m[1]); text == "" {
			return nil, false
		}
		cell = Cell{Text: text}
	}
	if f.values != nil {
		if v, ok := f.values[fold(text)]; ok {
			return v, true
		}
	}
	switch f.take {
	case "family", "given", "patronymic":
		family, given, patronymic := splitName(text)
		if v := map[string]string{"family": family, "given": given, "patronymic": patronymic}[f.take]; v != "" {
			return []string{v}, true
		}
		return nil, true
	case "year":
		return r.year(f, b, at, cell), true
	}
	switch f.field.Type {
	case codebook.Date:
		return r.date(f, b, at, cell), true
	case codebook.Code, codebook.YesNo:
		return r.codes(f, at, text), true
	case codebook.Number:
		if n := strings.ReplaceAll(text, " ", ""); isDigits(strings.TrimPrefix(n, "-")) && len(n) <= 18 {
			return []string{n}, true
		}
		r.at(at, f.severity(), text, "is not a whole number", "digits only; a pattern in the mapping can take the number out of a text")
		return nil, true
	case codebook.Text:
		if f.split == "" {
			return []string{strings.Join(strings.Fields(text), " ")}, true
		}
	}
	if f.split == "" {
		return []string{text}, true
	}
	return pieces(Cell{Text: text}, f.split), true
}

// pieces are the values of a cell, one where no sign stands between them.
func pieces(cell Cell, sign string) (out []string) {
	if cell.Values != nil {
		return cell.Values
	}
	if sign = strings.TrimSpace(sign); sign == "" {
		sign = "\x00" // stands in no cell
	}
	for _, piece := range strings.Split(cell.Text, sign) {
		if piece = strings.TrimSpace(piece); piece != "" {
			out = append(out, piece)
		}
	}
	return out
}

// severity is how a cell that does not fit is told of.
func (f *fieldSpec) severity() Severity {
	if f.warn {
		return Warning
	}
	return Error
}

func (r *run) date(f *fieldSpec, b *bound, at source, cell Cell) []string {
	layouts := f.dates
	if layouts == nil {
		layouts = b.dates
	}
	s, problem := parseDate(cell, layouts)
	if problem != nil {
		sev := f.severity()
		if problem.warning {
			sev = Warning
		}
		r.at(at, sev, cell.Text, problem.what, problem.want)
		if !problem.warning {
			return nil
		}
	}
	if r.opts.Today != 0 {
		if d, err := edtf.Parse(s); err == nil && d.Earliest() > r.opts.Today && d.Earliest() != edtf.MaxDay {
			r.at(at, Warning, cell.Text, "lies in the future (after "+r.opts.Today.String()+")", "a day that has been, if this is no term")
		}
	}
	return []string{s}
}

// year takes the year of a date, or a year alone.
func (r *run) year(f *fieldSpec, b *bound, at source, cell Cell) []string {
	if len(cell.Text) == 4 && isDigits(cell.Text) {
		return []string{cell.Text}
	}
	v := r.date(f, b, at, cell)
	if len(v) == 0 || len(v[0]) < 4 || !isDigits(v[0][:4]) {
		return nil
	}
	return []string{v[0][:4]}
}

// codes looks a text up in the mapping's own table, then in the code list.
func (r *run) codes(f *fieldSpec, at source, text string) []string {
	key := cacheKey{f, text}
	c, ok := r.cache[key]
	if !ok {
		c = r.lookUp(f, text)
		r.cache[key] = c
	}
	if c.problem != "" {
		r.at(at, f.severity(), text, c.problem, c.want)
	}
	return c.values
}

func (r *run) lookUp(f *fieldSpec, text string) cached {
	if v, ok := r.code(f, text); ok {
		return cached{values: v}
	}
	if f.split == "" {
		if f.otherwise != "" {
			return cached{values: []string{f.otherwise}}
		}
		return r.unknown(f, text)
	}
	// The sign between values may stand in a value too ("Street, square"): the
	// longest run of pieces that is known is one value.
	sign := strings.TrimSpace(f.split)
	pieces := strings.Split(text, sign)
	var out cached
	for i := 0; i < len(pieces); {
		n := 0
		for k := min(len(pieces)-i, 5); k > 0; k-- {
			piece := strings.TrimSpace(strings.Join(pieces[i:i+k], sign))
			if piece == "" {
				n = k
				break
			}
			if v, ok := r.code(f, piece); ok {
				for _, code := range v {
					out.values = appendNew(out.values, code)
				}
				n = k
				break
			}
		}
		if n == 0 {
			if f.otherwise == "" && f.warn { // the values that are known stand
				u := r.unknown(f, strings.TrimSpace(pieces[i]))
				out.problem, out.want = u.problem, u.want
				i++
				continue
			}
			if f.otherwise == "" {
				return r.unknown(f, strings.TrimSpace(pieces[i]))
			}
			out.values = appendNew(out.values, f.otherwise)
			n = 1
		}
		i += n
	}
	return out
}

func appendNew(list []string, s string) []string {
	for _, v := range list {
		if v == s {
			return list
		}
	}
	return append(list, s)
}

func (r *run) code(f *fieldSpec, text string) ([]string, bool) {
	folded := fold(text)
	if v, ok := f.values[folded]; ok {
		return v, true
	}
	if f.field.Type == codebook.YesNo {
		v, ok := yesNo(folded)
		return []string{v}, ok
	}
	list, ok := r.book.List(f.field.List)
	if !ok {
		return nil, false
	}
	code, ok := list.Find(text)
	return []string{code}, ok
}

// yesNo reads the usual words of the three languages.
func yesNo(folded string) (string, bool) {
	switch folded {
	case "yes", "y", "true", "да", "иә", "ия", "бар":
		return "yes", true
	case "no", "n", "false", "нет", "жоқ":
		return "no", true
	case "unknown", "not known", "неизвестно", "не известно", "не знает", "белгісіз", "білмейді":
		return "unknown", true
	}
	return "", false
}

// unknown says that a text stands for no code, and what may have been meant.
func (r *run) unknown(f *fieldSpec, text string) cached {
	var group []string
	for _, w := range f.written {
		if strings.HasPrefix(fold(w), fold(text)+"::") {
			group = append(group, w)
		}
	}
	if group != nil {
		return cached{problem: "is a group of values, and none of them", want: "one of: " + strings.Join(group, ", ")}
	}
	words := append([]string{}, f.written...)
	what := "is not yes, no or unknown"
	if f.field.Type == codebook.Code {
		what = fmt.Sprintf("is no known value of %s", f.field.ID)
		if list, ok := r.book.List(f.field.List); ok {
			for _, c := range list.Codes {
				words = append(words, c.Code, c.Label.En, c.Label.Ru, c.Label.Kk)
				words = append(words, c.Aliases...)
			}
		}
	} else {
		words = append(words, "yes", "no", "unknown")
	}
	words = notEmpty(words)
	want := fmt.Sprintf("add it under values in the mapping, as %q: CODE", text)
	if near := nearest(text, words); len(near) > 0 {
		want = "did you mean " + strings.Join(near, ", ") + "? Else " + want
	} else if len(words) <= 12 {
		want = "one of: " + strings.Join(words, ", ") + "; else " + want
	}
	return cached{problem: what, want: want}
}

func notEmpty(words []string) []string {
	out := words[:0]
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

// childValue computes whether the person was under 18 on the day of the
// incident and holds it against what the list itself says. The list's own word
// stands; where the dates say otherwise, somebody has to look.
func (r *run) childValue(f *fieldSpec, b *bound, row SourceRow) []string {
	quiet := &run{book: r.book, t: r.t, cache: r.cache} // its dates are told where they are mapped
	one := func(spec *fieldSpec) string {
		v, _ := quiet.values(spec, b, row)
		if len(v) == 0 {
			return ""
		}
		return v[0]
	}
	born, on := one(&f.child.born), one(&f.child.on)
	computed := childOn(born, on)
	says := ""
	at := source{b, row.No, b.index[f.child.born.column.name]}
	if spec := f.child.says; spec != nil {
		if v, _ := r.values(spec, b, row); len(v) > 0 {
			says = v[0]
		}
		at.col = b.index[spec.column.name]
	}
	if d, err := edtf.Parse(born); err == nil {
		if e, err := edtf.Parse(on); err == nil && d.Earliest() > e.Latest() {
			r.at(source{b, row.No, b.index[f.child.born.column.name]}, Warning, born, "the person was born after the incident ("+on+")", "the right date of birth")
		}
	}
	switch {
	case says == "yes" || says == "no":
		if computed != "unknown" && computed != says {
			r.at(at, Warning, row.Text(at.col), fmt.Sprintf("the list says %s to being under 18, but the dates (born %s, incident %s) say %s", says, born, on, computed), "put the one right that is wrong; the list's own word is taken")
		}
		return []string{says}
	case computed == "unknown" && born == "":
		return nil // not recorded is not the same as unknown
	}
	return []string{computed}
}
