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
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/internal/wording"
)

// Case is what a letter is filled from.
type Case struct {
	Number  string // of the case in the register, in place of a name that is left out; may be empty
	Records []*casefile.Record
	Start   string   // the record from which the term runs, that the check found, or that the letter is about; empty: none
	Today   edtf.Day // the day on which the letter is written
	Due     edtf.Day // the last day of the term that calls for it; 0: none

	Outside  map[string]Named // what the records refer to outside the case, such as a State body
	Terms    []rules.Deadline // that run, or that were let pass
	Breaches []rules.Finding  // checks that are breached
}

// Named is a record outside the case.
type Named struct {
	Kind   string
	Fields casefile.Fields
}

// Draft is a letter filled from a case, for a person to finish.
type Draft struct {
	Passages []Passage
	Blanks   []Blank           // what the case does not hold, in the order in which it is missed
	Maps     map[string]string // the body diagrams that it has, as SVG, by view
}

// Passage is a paragraph of a draft.
type Passage struct{ Style, Text string }

// Blank is something the case does not hold. Kind and Field are empty where no field has it: it is known to people only.
type Blank struct {
	Kind, Field string
	Record      string // the record that lacks it; of a consent, the person who has not given it; empty: there is no such record
	Label       string
}

// Consents is the kind of a blank that stands where somebody is not named for want of their consent.
const Consents = "consent"

// blankMark is what stands where something is missing.
const blankMark = "____"

// mark stands after a passage that cites a norm whose text was not read.
var mark = map[string]string{
	"en": "[check the norm]",
	"ru": "[норму проверить]",
	"kk": "[норманы тексеру]",
}

// sourceMark stands before where what a section holds is asked for.
var sourceMark = map[string]string{"en": "Source: ", "ru": "Источник: ", "kk": "Дереккөз: "}

type filler struct {
	*Letter
	c       Case
	words   *locale.Language
	byID    map[string]*casefile.Record
	bound   map[string]*casefile.Record
	n       int  // of the record that the passage stands for
	asked   int  // demands so far
	bare    bool // blanks do not say what belongs there
	named   map[string]bool
	persons *people
	draft   Draft
}

// Fill writes the letter in a language.
func (l *Letter) Fill(words *locale.Language, c Case) Draft {
	f := l.filler(words, c)
	f.persons = f.people()
	f.write(l.body)
	return f.draft
}

// write writes passages, each as often as there are records for which it stands.
func (f *filler) write(body []passage) {
	for _, p := range body {
		if p.each == "" {
			if f.holds(p.when) {
				f.passage(p)
			}
			continue
		}
		outer := f.bound[p.each]
		for i, rec := range f.fits(p.each) {
			f.bound[p.each] = rec
			if f.holds(p.when) {
				f.n = i + 1
				f.passage(p)
			}
		}
		delete(f.bound, p.each)
		if outer != nil {
			f.bound[p.each] = outer
		}
	}
}

// passage writes a passage for the records that are bound.
func (f *filler) passage(p passage) {
	lang := f.words.Code()
	switch {
	case p.block != nil:
		f.write(p.block)
		return
	case p.style == Map:
		f.maps(p.of)
		return
	case p.style == Lacking:
		f.lacking(p.of)
		return
	case p.style == protocol:
		f.section(p.of, p.part)
		return
	}
	pieces, ok := p.text[lang]
	if !ok { // only what it lacks is asked for, in another language
		pieces = p.text[f.Langs[0]]
	}
	text, source := f.fill(pieces, p.style), p.source.In(lang)
	switch {
	case !p.checked && source != "":
		source += " " + mark[lang]
	case !p.checked:
		text += " " + mark[lang]
	}
	if p.style == Ask {
		f.asked++
		text = strconv.Itoa(f.asked) + ". " + text
	}
	f.draft.Passages = append(f.draft.Passages, Passage{p.style, text})
	if source != "" {
		f.draft.Passages = append(f.draft.Passages, Passage{Small, sourceMark[lang] + source})
	}
}

func (l *Letter) filler(words *locale.Language, c Case) *filler {
	f := &filler{Letter: l, c: c, words: words, byID: map[string]*casefile.Record{}, bound: map[string]*casefile.Record{}}
	for _, rec := range c.Records {
		f.byID[rec.ID] = rec
	}
	if words != nil {
		f.c.Records = append(slices.Clone(c.Records), f.ruled()...)
	}
	return f
}

// ruled are what the rules say of the case, as records in the order in which it was said.
func (f *filler) ruled() []*casefile.Record {
	lang := f.words.Code()
	var out []*casefile.Record
	add := func(kind string, counts edtf.Day, fields map[string]string) {
		rec := &casefile.Record{Kind: kind, Fields: casefile.Fields{}, Counts: counts}
		for field, value := range fields {
			if value != "" {
				rec.Fields[field] = []string{value}
			}
		}
		out = append(out, rec)
	}
	on := func(d edtf.Day) string {
		if d == 0 || d.Bound() {
			return ""
		}
		return d.String()
	}
	for _, t := range f.c.Terms {
		arguable := ""
		if t.DueArguable != t.Due {
			arguable = on(t.DueArguable)
		}
		add("term", t.Due, map[string]string{
			"label": t.Label.In(lang), "norm": t.Norm.In(lang), "next": t.Next.In(lang), "owes": t.Owes, "state": t.State, "due": on(t.Due), "arguable": arguable,
		})
	}
	words := wording.New(f.words, f.of.book)
	for _, rec := range f.c.Records {
		k, ok := f.of.book.Kind(rec.Kind)
		if !ok || rec.Date.IsZero() || !slices.Contains(happened, k.Group) || rec.Kind == "finding" { // a finding is told with its examination
			continue
		}
		add("event", rec.Counts, map[string]string{"kind": k.Label.In(lang), "what": words.Title(rec, func(string) string { return "" }), "date": rec.Date.String()})
	}
	for _, b := range f.c.Breaches {
		add("breach", b.Since, map[string]string{"label": b.Label.In(lang), "norm": b.Norm.In(lang), "next": b.Next.In(lang), "since": on(b.Since)})
	}
	return out
}

// happened are the groups of kinds whose records are what happened.
var happened = []string{"incident", "medical", "procedure"}

// lacking names what the case lacks of another letter.
func (f *filler) lacking(id string) {
	other, ok := f.of.Letter(id)
	if !ok {
		return
	}
	var kinds []string
	fields, times := map[string][]string{}, map[string]int{}
	for _, b := range other.Fill(f.words, f.c).Blanks {
		if b.Kind == "" { // nobody could have written it down
			continue
		}
		if times[b.Label]++; times[b.Label] > 1 {
			continue
		}
		kind, _, _ := strings.Cut(b.Label, ": ")
		if fields[kind] == nil {
			kinds = append(kinds, kind)
		}
		fields[kind] = append(fields[kind], b.Label)
	}
	for _, kind := range kinds {
		var parts []string
		for _, label := range fields[kind] {
			part := lower(strings.TrimPrefix(label, kind+": "))
			if n := times[label]; n > 1 {
				part += " (" + strconv.Itoa(n) + ")"
			}
			parts = append(parts, part)
		}
		f.draft.Passages = append(f.draft.Passages, Passage{Small, kind + ": " + strings.Join(parts, ", ") + "."})
	}
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
	var of *casefile.Record
	if pick.Of != "" {
		if of = f.record(pick.Of); of == nil {
			return nil
		}
	}
	var out []*casefile.Record
	for _, rec := range f.c.Records {
		if rec.Kind != pick.Kind || of != nil && !f.refers(rec, of.ID) {
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
	case c.name == agreed && c.field == "":
		return f.agreed()
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
		return f.recorded(source{c.name, c.field}, Plain) != ""
	}
	return slices.ContainsFunc(c.values, func(v string) bool { return rec.Has(c.field, v) })
}

func (f *filler) fill(pieces []piece, style string) string {
	columns := 1
	for _, p := range pieces {
		columns += strings.Count(p.words, " | ")
	}
	f.bare = style == Row && columns > 2 // their heads say what belongs there
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
			f.put(&b, p, style)
		}
	}
	return b.String()
}

// put writes the first of the sources of a piece that is recorded, as far as
// those it is about have consented; of none, a blank.
func (f *filler) put(b *strings.Builder, p piece, style string) {
	for _, from := range p.from {
		text := f.recorded(from, style)
		if text == "" {
			continue
		}
		if held, ok := f.held(from); ok {
			b.WriteString(held.instead)
			f.miss(held.Blank)
			return
		}
		if !f.isName(from) {
			text = f.persons.hide(text)
		}
		if p.lower {
			text = lower(text)
		}
		if style == Row || style == Columns {
			text = strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "/")), " ")
		}
		b.WriteString(text)
		return
	}
	if p.dash {
		b.WriteString("–")
		return
	}
	f.blank(b, f.missing(p.from[0]))
}

// blank leaves a visible blank that says what belongs there.
func (f *filler) blank(b *strings.Builder, what Blank) {
	b.WriteString(blankMark)
	if !f.bare || what.Kind == "" {
		b.WriteString(" [" + what.Label + "]")
	}
	f.miss(what)
}

func (f *filler) miss(what Blank) {
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
	if def, ok := fieldOf(k, field); ok {
		what.Label = k.Label.In(lang) + ": " + def.Label.In(lang)
	}
	if p := f.of.picks[from.name]; k.ID == "person" && len(p.Where["role"]) == 1 {
		if def, ok := fieldOf(k, field); ok {
			what.Label = f.of.book.Label("person_role", p.Where["role"][0], lang) + ": " + def.Label.In(lang)
		}
	}
	return what
}

// recorded is what a field says in words; empty where that is not recorded or,
// outside the lines of a table, not known.
func (f *filler) recorded(from source, style string) string {
	switch from.name {
	case today:
		return f.words.Day(f.c.Today)
	case due:
		if f.c.Due == 0 || f.c.Due.Bound() {
			return ""
		}
		return f.words.Day(f.c.Due)
	case nth:
		return strconv.Itoa(f.n)
	}
	rec := f.record(from.name)
	if rec == nil {
		return ""
	}
	if from.field == fullName && rec.Kind == "person" {
		return nameOf(rec)
	}
	k := f.of.kind(rec.Kind)
	if k == nil {
		return ""
	}
	field, ok := fieldOf(k, from.field)
	if !ok {
		return ""
	}
	var out []string
	unknown := ""
	for i, v := range rec.Fields[field.ID] {
		if codebook.Missing(v) {
			unknown = f.words.T("value." + v)
			continue
		}
		if v = f.word(rec, field, v, i); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if field.Type == codebook.Code && len(out) > 1 {
		for i := range out[1:] {
			out[i+1] = lower(out[i+1])
		}
	}
	if len(out) == 0 && style == Row {
		return unknown
	}
	return strings.Join(out, ", ")
}

// word is one value of a field in words.
func (f *filler) word(rec *casefile.Record, field *codebook.Field, v string, i int) string {
	switch field.Type {
	case codebook.Code:
		if v == "other" {
			if words := rec.Fields[field.ID+"_other"]; len(words) > 0 {
				return words[min(i, len(words)-1)]
			}
		}
		return f.of.book.Label(field.List, v, f.words.Code())
	case codebook.Ref:
		return f.calls(v)
	}
	return wording.New(f.words, f.of.book).Value(field, v, nil)
}

// calls is what a record is called that another refers to.
func (f *filler) calls(id string) string {
	if rec := f.byID[id]; rec != nil {
		if rec.Kind == "person" {
			if f.mayName(rec) {
				return nameOf(rec)
			}
			return f.alias(rec)
		}
		return ""
	}
	out, ok := f.c.Outside[id]
	if !ok {
		return ""
	}
	first := func(field string) string {
		if v := out.Fields[field]; len(v) > 0 && !codebook.Missing(v[0]) {
			return v[0]
		}
		return ""
	}
	if out.Kind == "official" {
		return strings.Join(strings.Fields(first("rank")+" "+first("family")+" "+first("given")+" "+first("patronymic")), " ")
	}
	if title := first("title"); title != "" {
		return title
	}
	return wording.New(f.words, f.of.book).Outside(out.Kind, out.Fields)
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
