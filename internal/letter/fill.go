// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
)

// Case is what a letter is filled from.
type Case struct {
	Records []*casefile.Record
	Start   string   // the record from which the term runs, or that the check found; empty: none
	Today   edtf.Day // the day on which the letter is written
	Due     edtf.Day // the last day of the term that calls for it; 0: none
	// Outside names a record outside the case, such as a State body; empty: it is not known.
	Outside func(id string) string
}

// Draft is a letter filled from a case, for a person to finish.
type Draft struct {
	Passages []Passage
	Blanks   []Blank // what the case does not hold, in the order in which it is missed
}

// Passage is a paragraph of a draft.
type Passage struct{ Style, Text string }

// Blank is something the case does not hold. Kind and Field are empty where no field has it: it is known to people only.
type Blank struct {
	Kind, Field string
	Record      string // the record that lacks it; empty: there is no such record
	Label       string
}

// blankMark is what stands where something is missing.
const blankMark = "____"

// mark stands after a passage that cites a norm whose text was not read.
var mark = map[string]string{
	"en": "[check the norm]",
	"ru": "[норму проверить]",
	"kk": "[норманы тексеру]",
}

type filler struct {
	*Letter
	c     Case
	words *locale.Language
	byID  map[string]*casefile.Record
	bound map[string]*casefile.Record
	draft Draft
}

// Fill writes the letter in a language.
func (l *Letter) Fill(words *locale.Language, c Case) Draft {
	f := l.filler(words, c)
	asked := 0
	for _, p := range l.body {
		records := []*casefile.Record{nil}
		if p.each != "" {
			records = f.fits(p.each)
		}
		for _, rec := range records {
			delete(f.bound, p.each)
			if rec != nil {
				f.bound[p.each] = rec
			}
			if !f.holds(p.when) {
				continue
			}
			text := f.fill(p.text[words.Code()])
			if !p.checked {
				text += " " + mark[words.Code()]
			}
			if p.style == Ask {
				asked++
				text = strconv.Itoa(asked) + ". " + text
			}
			f.draft.Passages = append(f.draft.Passages, Passage{p.style, text})
		}
		delete(f.bound, p.each)
	}
	return f.draft
}

func (l *Letter) filler(words *locale.Language, c Case) *filler {
	f := &filler{Letter: l, c: c, words: words, byID: map[string]*casefile.Record{}, bound: map[string]*casefile.Record{}}
	for _, rec := range c.Records {
		f.byID[rec.ID] = rec
	}
	return f
}

// Sent is what the record says that says that the letter was sent: the values of its fields.
func (l *Letter) Sent(c Case) map[string]string {
	f := l.filler(nil, c)
	out := map[string]string{}
	for field, value := range l.set {
		name, is := strings.CutPrefix(value, "{")
		if !is {
			out[field] = value
			continue
		}
		switch name = strings.TrimSuffix(name, "}"); name {
		case today:
			out[field] = c.Today.String()
		case start:
			if f.byID[c.Start] != nil {
				out[field] = c.Start
			}
		default:
			if rec := f.record(name); rec != nil {
				out[field] = rec.ID
			}
		}
	}
	return out
}

// fits are the records that a name stands for, in the order in which they count.
func (f *filler) fits(name string) []*casefile.Record {
	pick, ok := f.of.picks[name]
	if !ok {
		pick.Kind = name
	}
	var out []*casefile.Record
	for _, rec := range f.c.Records {
		if rec.Kind != pick.Kind {
			continue
		}
		fits := true
		for field, values := range pick.Where {
			fits = fits && slices.ContainsFunc(values, func(v string) bool { return rec.Has(field, v) })
		}
		if fits {
			out = append(out, rec)
		}
	}
	slices.SortStableFunc(out, func(a, b *casefile.Record) int { return cmp.Compare(a.Counts, b.Counts) })
	return out
}

// record is the one record that a name stands for: the one it starts from, one
// that this refers to or that refers to it, else the latest or the earliest.
func (f *filler) record(name string) *casefile.Record {
	if rec := f.bound[name]; rec != nil {
		return rec
	}
	fits := f.fits(name)
	if len(fits) == 0 {
		return nil
	}
	if begin := f.byID[f.c.Start]; begin != nil {
		for _, near := range []func(*casefile.Record) bool{
			func(rec *casefile.Record) bool { return rec == begin },
			func(rec *casefile.Record) bool { return f.refers(begin, rec.ID) },
			func(rec *casefile.Record) bool { return f.refers(rec, begin.ID) },
		} {
			if i := slices.IndexFunc(fits, near); i >= 0 {
				return fits[i]
			}
		}
	}
	if f.of.picks[name].First {
		return fits[0]
	}
	return fits[len(fits)-1]
}

func (f *filler) refers(rec *casefile.Record, id string) bool {
	k, ok := f.of.book.Kind(rec.Kind)
	return ok && slices.ContainsFunc(k.Fields, func(field codebook.Field) bool {
		return field.Type == codebook.Ref && rec.Has(field.ID, id)
	})
}

func (f *filler) holds(when []condition) bool {
	for _, c := range when {
		if f.one(c) == c.not {
			return false
		}
	}
	return true
}

func (f *filler) one(c condition) bool {
	switch {
	case c.name == due && c.field == "":
		return !f.c.Due.Bound() && f.c.Due != 0
	case c.name == late && c.field == "":
		return !f.c.Due.Bound() && f.c.Due != 0 && f.c.Due < f.c.Today
	}
	rec := f.record(c.name)
	switch {
	case rec == nil:
		return false
	case c.field == "":
		return true
	case len(c.values) == 0:
		return f.value(source{c.name, c.field}) != ""
	}
	return slices.ContainsFunc(c.values, func(v string) bool { return rec.Has(c.field, v) })
}

func (f *filler) fill(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case p.blank != "":
			f.blank(&b, Blank{Label: p.blank})
		case len(p.from) == 0:
			text := p.words
			if strings.HasSuffix(b.String(), ".") { // a value that ends in one, as "2022 г."
				text = strings.TrimPrefix(text, ".")
			}
			b.WriteString(text)
		default:
			text := ""
			for _, from := range p.from {
				if text = f.value(from); text != "" {
					break
				}
			}
			if text == "" {
				f.blank(&b, f.missing(p.from[0]))
				continue
			}
			if p.lower {
				text = lower(text)
			}
			b.WriteString(text)
		}
	}
	return b.String()
}

// blank leaves a visible blank that says what belongs there.
func (f *filler) blank(b *strings.Builder, what Blank) {
	b.WriteString(blankMark + " [" + what.Label + "]")
	if !slices.Contains(f.draft.Blanks, what) {
		f.draft.Blanks = append(f.draft.Blanks, what)
	}
}

func (f *filler) missing(from source) Blank {
	lang := f.words.Code()
	k := f.of.kindOf(from.name)
	if k == nil { // the day of a term
		return Blank{Label: from.name}
	}
	what := Blank{Kind: k.ID, Field: from.field}
	if rec := f.record(from.name); rec != nil {
		what.Record = rec.ID
	}
	field := from.field
	if field == fullName && k.ID == "person" {
		what.Field, field = "full_name", "full_name"
	}
	if def, ok := k.Field(field); ok {
		what.Label = k.Label.In(lang) + ": " + def.Label.In(lang)
	}
	if p := f.of.picks[from.name]; k.ID == "person" && len(p.Where["role"]) == 1 {
		if def, ok := k.Field(field); ok {
			what.Label = f.of.book.Label("person_role", p.Where["role"][0], lang) + ": " + def.Label.In(lang)
		}
	}
	return what
}

// value is what a field says in words; empty where that is not recorded or not known.
func (f *filler) value(from source) string {
	switch from.name {
	case today:
		return f.words.Day(f.c.Today)
	case due:
		if f.c.Due == 0 || f.c.Due.Bound() {
			return ""
		}
		return f.words.Day(f.c.Due)
	}
	rec := f.record(from.name)
	if rec == nil {
		return ""
	}
	if from.field == fullName && rec.Kind == "person" {
		return nameOf(rec)
	}
	k, ok := f.of.book.Kind(rec.Kind)
	if !ok {
		return ""
	}
	field, ok := k.Field(from.field)
	if !ok {
		return ""
	}
	var out []string
	for i, v := range rec.Fields[field.ID] {
		if codebook.Missing(v) {
			continue
		}
		switch field.Type {
		case codebook.Code:
			if v == "other" {
				if words := rec.Fields[field.ID+"_other"]; len(words) > 0 {
					v = words[min(i, len(words)-1)]
					break
				}
			}
			v = f.of.book.Label(field.List, v, f.words.Code())
		case codebook.Date:
			if d, err := edtf.Parse(v); err == nil {
				v = f.words.Date(d)
			}
		case codebook.Ref:
			v = f.named(v)
		}
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if field.Type == codebook.Code && len(out) > 1 {
		for i := range out[1:] {
			out[i+1] = lower(out[i+1])
		}
	}
	return strings.Join(out, ", ")
}

// named is what a record is called that another refers to.
func (f *filler) named(id string) string {
	if rec := f.byID[id]; rec != nil {
		if rec.Kind == "person" {
			return nameOf(rec)
		}
		return ""
	}
	if f.c.Outside == nil {
		return ""
	}
	return f.c.Outside(id)
}

// lower writes the first letter small, unless what follows shows an abbreviation.
func lower(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	second, _ := utf8.DecodeRuneInString(text[n:])
	if !unicode.IsUpper(first) || unicode.IsUpper(second) {
		return text
	}
	return string(unicode.ToLower(first)) + text[n:]
}

// nameOf is a person's name as given, or put together of its parts.
func nameOf(rec *casefile.Record) string {
	if name := rec.Get("full_name"); name != "" && !codebook.Missing(name) {
		return name
	}
	return strings.Join(slices.DeleteFunc([]string{rec.Get("family"), rec.Get("given"), rec.Get("patronymic")}, func(s string) bool {
		return s == "" || codebook.Missing(s)
	}), " ")
}
