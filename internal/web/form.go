// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
)

// A form of a record is made of the codebook: one input for each field of its
// kind. What was typed travels in url.Values, by the name of the input, and is
// shown again as it was typed until it is understood.
//
//	f.<field>       a value: a code or its label, a date as people write it, a record or its title
//	f.<field>.more  of a field of several codes: further ones in words
//	theirs.<field>  take what somebody else has written meanwhile
const (
	fieldPrefix  = "f."
	moreSuffix   = ".more"
	theirsPrefix = "theirs."
)

// longList is from how many codes on a list is searched by typing and not picked from.
const longList = 13

// mostRefs is up to how many records are picked from.
const mostRefs = 15

// The sections of a form, in their order.
const (
	secMain  = "main"  // what it is and when
	secWhere = "where" // where and who
	secMore  = "more"  // all that is asked besides
	secWords = "words" // in words
	secKnown = "known" // how we know it
)

// input is one field on a form.
type input struct {
	ID, Name, Label, Help string
	Widget                string // text, area, select, find, ticks
	Value                 string
	Options               []option
	More                  string // of ticks: what was typed beside them
	List                  string // the id of the list of proposals
	Missing               bool   // the words for what is not known are proposed
	Numeric               bool
	Required, Many        bool
	Rows                  int
	Understood            string // of a date: as it was understood
	New                   string // the field, where a record to refer to can be made on the spot
	NewLabel              string
	Proposed              []option // spellings of a name
	Problem               string
	Theirs, TheirsName    string // what somebody else has written meanwhile
	TheirsKept            bool   // ... and was taken, because this form had not changed it
}

// About are the ids of what describes the input, for screen readers.
func (i input) About() string {
	var ids []string
	if i.Help != "" {
		ids = append(ids, i.ID+"-help")
	}
	if i.Problem != "" {
		ids = append(ids, i.ID+"-problem")
	}
	if i.Understood != "" {
		ids = append(ids, i.ID+"-read")
	}
	return strings.Join(ids, " ")
}

// formSection is one group of inputs.
type formSection struct {
	Name   string
	Folded bool
	Inputs []input
}

// proposals is a list to choose from while typing.
type proposals struct {
	ID    string
	Texts []string
}

// formProblem is one line of what is wrong, with the input it is about.
type formProblem struct{ Anchor, Text string }

// referable are the records a field of a form can refer to.
type referable struct {
	ids    []string
	titles map[string]string
}

// fieldForm reads and shows the fields of one kind.
type fieldForm struct {
	*visit
	kind     *codebook.Kind
	prefix   string   // of the names of its inputs
	only     []string // the fields that are shown; nil: all
	hide     []string // the fields that are not
	refs     map[string]referable
	problems map[string]string // by field
	fields   casefile.Fields   // as understood
	theirs   map[string]string // by field, as somebody else has written it meanwhile
	kept     map[string]bool   // what of it was taken over
	spelt    []string          // spellings proposed for the name
	lists    map[string]proposals
}

// shown tells whether a field has an input.
func (f *fieldForm) shown(field *codebook.Field) bool {
	if slices.Contains(f.hide, field.ID) {
		return false
	}
	return f.only == nil || slices.Contains(f.only, field.ID)
}

func (f *fieldForm) name(field string) string { return f.prefix + field }

// input ids hold no dots: they are named in style sheets and addresses.
func inputID(name string) string { return strings.ReplaceAll(name, ".", "-") }

func (f *fieldForm) id(field string) string { return inputID(f.name(field)) }

// all are the fields with an input, and with each list the words behind "other".
func (f *fieldForm) all() []*codebook.Field {
	var out []*codebook.Field
	for i := range f.kind.Fields {
		field := &f.kind.Fields[i]
		if !f.shown(field) {
			continue
		}
		out = append(out, field)
		if other, ok := f.kind.Field(field.ID + "_other"); ok && other.OtherOf == field.ID {
			out = append(out, other)
		}
	}
	return out
}

// read understands what was typed. What is not understood stands in f.problems.
func (f *fieldForm) read(typed url.Values) {
	f.fields, f.problems = casefile.Fields{}, map[string]string{}
	for _, field := range f.all() {
		values, problem := f.values(field, typed[f.name(field.ID)], typed.Get(f.name(field.ID)+moreSuffix))
		if problem != "" {
			f.problems[field.ID] = problem
		}
		if len(values) > 0 {
			f.fields[field.ID] = values
		}
	}
	for _, p := range f.book.Validate(f.kind.ID, f.fields) {
		if f.problems[p.Field] != "" {
			continue
		}
		if field, ok := f.kind.Field(p.Field); ok && f.shown(field) {
			f.problems[p.Field] = f.problem(field, p)
		}
	}
}

// values are what was typed into one field, as the codebook writes it.
func (f *fieldForm) values(field *codebook.Field, typed []string, more string) (values []string, problem string) {
	if field.Many && field.Type != codebook.Code && field.Type != codebook.Ref {
		typed = strings.Split(strings.Join(typed, "\n"), "\n")
	}
	if more != "" {
		typed = append(slices.Clone(typed), strings.FieldsFunc(more, func(r rune) bool { return r == ';' || r == '\n' })...)
	}
	for _, text := range typed {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		if field.Type != codebook.Prose {
			text = strings.TrimSpace(text)
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		value, wrong := f.value(field, text)
		if wrong != "" {
			problem = wrong
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values, problem
}

func (f *fieldForm) value(field *codebook.Field, text string) (value, problem string) {
	if field.Type != codebook.Code && field.Type != codebook.Prose {
		if code, ok := locale.ReadMissing(text); ok {
			return code, ""
		}
	}
	switch field.Type {
	case codebook.Code:
		list, _ := f.book.List(field.List)
		if code, ok := list.Find(text); ok {
			return code, ""
		}
		return text, f.unknownCode(list, text)
	case codebook.Date:
		d, err := locale.ReadDate(text)
		if err != nil {
			var why *locale.DateError
			if errors.As(err, &why) {
				return text, why.In(f.Language)
			}
			return text, f.T("form.problem.date", text)
		}
		return d.String(), ""
	case codebook.Number:
		return strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(text), ""
	case codebook.Share:
		return strings.Replace(text, ",", ".", 1), ""
	case codebook.YesNo:
		return text, ""
	case codebook.Ref:
		known := f.refs[field.RefKind]
		if _, ok := known.titles[text]; ok {
			return text, ""
		}
		for _, id := range known.ids {
			if sameWords(known.titles[id], text) {
				return id, ""
			}
		}
		return text, f.T("form.problem.ref", f.voice.kind(field.RefKind), text)
	}
	return text, ""
}

// unknownCode says that a list has no such word, and which it may have meant.
func (f *fieldForm) unknownCode(list *codebook.List, text string) string {
	var near []string
	for _, c := range list.Search(text, f.Code(), 3) {
		near = append(near, f.T("form.quote", f.in(c.Label)))
	}
	if len(near) == 0 {
		return f.T("form.problem.code", text)
	}
	return f.T("form.problem.code.near", text, strings.Join(near, ", "))
}

// problem says in the reader's language what is wrong with a value.
func (f *fieldForm) problem(field *codebook.Field, p codebook.Problem) string {
	switch p.What {
	case codebook.Required:
		return f.T("form.problem.required")
	case codebook.BadNumber:
		if field.Type == codebook.Share {
			return f.T("form.problem.share", p.Value)
		}
		return f.T("form.problem.number", p.Value)
	case codebook.TooLong:
		return f.T("form.problem.long", field.Max)
	case codebook.BadText:
		return f.T("form.problem.text")
	case codebook.BadDate:
		return f.T("form.problem.date", p.Value)
	}
	return f.T("form.problem.other")
}

// typed is the inverse of read: the fields of a record as a form shows them.
func (f *fieldForm) typed(fields casefile.Fields) url.Values {
	out := url.Values{}
	for _, field := range f.all() {
		for _, value := range fields[field.ID] {
			out.Add(f.name(field.ID), f.write(field, value))
		}
	}
	return out
}

// write writes a value as somebody would type it.
func (f *fieldForm) write(field *codebook.Field, value string) string {
	if codebook.Missing(value) && field.Type != codebook.Code && field.Type != codebook.YesNo && field.Type != codebook.Ref {
		return f.T("value." + value)
	}
	if field.Type == codebook.Date {
		if d, err := edtf.Parse(value); err == nil {
			return f.DateTyped(d)
		}
	}
	return value
}

// section tells where on the form a field stands.
func (f *fieldForm) section(field *codebook.Field) string {
	if field.OtherOf != "" {
		if of, ok := f.kind.Field(field.OtherOf); ok {
			return f.section(of)
		}
	}
	switch {
	case field.Section != "":
		return field.Section
	case field.ID == "verification" || field.ID == "evidence" || field.ID == "note" || field.RefKind == "publication":
		return secKnown
	case field.Required || slices.Contains(f.kind.DateFields(), field.ID) || slices.Contains(f.kind.Title, field.ID):
		return secMain
	case field.Type == codebook.Prose:
		return secWords
	case field.Type == codebook.Ref:
		return secWhere
	}
	switch field.List {
	case "region", "place_type", "body", "perpetrator_body", "person_role":
		return secWhere
	}
	switch field.ID {
	case "city", "place", "address":
		return secWhere
	}
	return secMore
}

// sections are the inputs, filled in with what was typed.
func (f *fieldForm) sections(typed url.Values) []formSection {
	f.lists = map[string]proposals{}
	order := []string{secMain, secWhere, secMore, secWords, secKnown}
	out := make([]formSection, len(order))
	for i, id := range order {
		out[i].Name = f.T("form.section." + id)
	}
	fields := f.all()
	for _, field := range fields {
		sec := &out[slices.Index(order, f.section(field))]
		in := f.input(field, typed)
		if field.OtherOf != "" && in.Value == "" && in.Problem == "" && !f.choseOther(field, typed) {
			continue // asked only of whom it concerns
		}
		sec.Inputs = append(sec.Inputs, in)
	}
	out = slices.DeleteFunc(out, func(s formSection) bool { return len(s.Inputs) == 0 })
	for i := range out {
		out[i].Folded = i > 1 && len(fields) > 14 && !slices.ContainsFunc(out[i].Inputs, filled)
	}
	return out
}

// choseOther tells whether the list a field belongs to says "other".
func (f *fieldForm) choseOther(field *codebook.Field, typed url.Values) bool {
	of, ok := f.kind.Field(field.OtherOf)
	if !ok {
		return false
	}
	values, _ := f.values(of, typed[f.name(of.ID)], typed.Get(f.name(of.ID)+moreSuffix))
	return slices.Contains(values, "other")
}

// filled tells whether an input must be seen.
func filled(i input) bool {
	return i.Value != "" || i.More != "" || i.Problem != "" || i.Theirs != "" || i.Required ||
		slices.ContainsFunc(i.Options, func(o option) bool { return o.Selected && o.Value != "" })
}

func (f *fieldForm) input(field *codebook.Field, typed url.Values) input {
	values := slices.DeleteFunc(slices.Clone(typed[f.name(field.ID)]), func(s string) bool { return s == "" })
	in := input{
		ID: f.id(field.ID), Name: f.name(field.ID), Label: f.in(field.Label), Help: f.in(field.Help),
		Required: field.Required, Many: field.Many, Problem: f.problems[field.ID],
		Theirs: f.theirs[field.ID], TheirsName: theirsPrefix + field.ID, TheirsKept: f.kept[field.ID],
	}
	if f.Has("form.unit." + field.Unit) {
		in.Label += ", " + f.T("form.unit."+field.Unit)
	}
	one := ""
	if len(values) > 0 {
		one = values[0]
	}
	switch field.Type {
	case codebook.Code:
		f.codes(field, values, typed.Get(f.name(field.ID)+moreSuffix), &in)
	case codebook.YesNo:
		in.Widget, in.Options = "select", f.options([]string{"yes", "no", "unknown", "not_asked", "declined"}, values, func(c string) string { return f.label("", c) })
	case codebook.Ref:
		f.refInput(field, values, &in)
	case codebook.Prose:
		in.Widget, in.Value, in.Rows = "area", one, 4
		if n := strings.Count(one, "\n") + len([]rune(one))/60; n > 4 {
			in.Rows = min(n+1, 16)
		}
	case codebook.Date:
		in.Widget, in.Value, in.Missing = "text", one, true
		if in.Help == "" {
			in.Help = f.T("form.date.help")
		}
		if d, err := locale.ReadDate(one); err == nil && f.problems[field.ID] == "" {
			if words := f.Date(d); words != strings.TrimSpace(one) {
				in.Understood = f.T("form.date.read", words)
			}
		}
	case codebook.Number, codebook.Share:
		in.Widget, in.Value, in.Missing, in.Numeric = "text", one, true, true
	default:
		in.Widget, in.Value = "text", one
		if field.Many {
			in.Widget, in.Value, in.Rows = "area", strings.Join(values, "\n"), max(2, len(values)+1)
			in.Label += " " + f.T("form.lines")
		}
		if field.ID == "other_names" {
			for _, name := range f.spelt {
				in.Proposed = append(in.Proposed, option{Value: name, Text: name})
			}
		}
	}
	return in
}

// options are codes to pick from; the first says that nothing was recorded,
// which is not the same as that it is not known.
func (f *fieldForm) options(codes, chosen []string, label func(string) string) []option {
	out := []option{{"", f.T("form.none"), len(chosen) == 0}}
	for _, c := range codes {
		out = append(out, option{c, label(c), slices.Contains(chosen, c)})
	}
	return out
}

// codes is the input of a field of a list.
func (f *fieldForm) codes(field *codebook.Field, values []string, more string, in *input) {
	list, _ := f.book.List(field.List)
	label := func(code string) string { return f.label(field.List, code) }
	var codes []string
	for _, c := range list.Codes {
		codes = append(codes, c.Code)
	}
	chosen := make([]string, 0, len(values))
	for _, v := range values { // what was typed may be a label
		if code, ok := list.Find(v); ok {
			v = code
		}
		chosen = append(chosen, v)
	}
	switch {
	case field.Many:
		in.Widget, in.More = "ticks", more
		in.Options = f.options(codes, chosen, label)[1:]
		if len(codes) >= longList {
			in.List = f.propose(field.List, codes, label)
		}
	case len(codes) >= longList:
		in.Widget, in.List = "find", f.propose(field.List, codes, label)
		if len(chosen) > 0 {
			in.Value = label(chosen[0])
		}
	default:
		in.Widget, in.Options = "select", f.options(codes, chosen, label)
		if len(chosen) > 0 && !slices.Contains(codes, chosen[0]) { // not understood: shown as it was typed
			in.Options = append(in.Options, option{chosen[0], chosen[0], true})
		}
	}
}

// propose adds a list to choose from while typing, once for all fields that use it.
func (f *fieldForm) propose(list string, codes []string, label func(string) string) string {
	id := "l-" + list
	if _, ok := f.lists[id]; !ok {
		p := proposals{ID: id}
		for _, c := range codes {
			p.Texts = append(p.Texts, label(c))
		}
		p.Texts = sorted(f.voice, p.Texts, func(text string) string { return text })
		f.lists[id] = p
	}
	return id
}

// refInput is the input of a field that refers to a record.
func (f *fieldForm) refInput(field *codebook.Field, values []string, in *input) {
	known := f.refs[field.RefKind]
	title := func(id string) string {
		if codebook.Missing(id) {
			return f.T("value." + id)
		}
		if t := known.titles[id]; t != "" {
			return t
		}
		return id
	}
	chosen := make([]string, 0, len(values))
	for _, v := range values {
		if _, ok := known.titles[v]; !ok {
			for _, id := range known.ids {
				if sameWords(known.titles[id], v) {
					v = id
				}
			}
		}
		chosen = append(chosen, v)
	}
	if f.creatable(field.RefKind) {
		in.New, in.NewLabel = field.ID, f.T("form.new", f.voice.kind(field.RefKind))
	}
	switch {
	case field.Many:
		in.Widget = "ticks"
		for _, id := range known.ids {
			in.Options = append(in.Options, option{id, title(id), slices.Contains(chosen, id)})
		}
		for _, id := range chosen {
			if _, ok := known.titles[id]; !ok {
				in.Options = append(in.Options, option{id, title(id), true})
			}
		}
	case len(known.ids) > mostRefs:
		in.Widget, in.List = "find", "l-ref-"+field.RefKind
		p := proposals{ID: in.List}
		for _, id := range known.ids {
			p.Texts = append(p.Texts, title(id))
		}
		f.lists[in.List] = p
		if len(chosen) > 0 {
			in.Value = title(chosen[0])
		}
	default:
		in.Widget = "select"
		in.Options = f.options(append(slices.Clone(known.ids), "unknown"), chosen, title)
		for _, id := range chosen {
			if _, ok := known.titles[id]; !ok && id != "unknown" {
				in.Options = append(in.Options, option{id, title(id), true})
			}
		}
	}
}

// creatable tells whether a record to refer to can be made from within a form.
func (f *fieldForm) creatable(kind string) bool {
	k, ok := f.book.Kind(kind)
	if !ok || kind == f.kind.ID {
		return false
	}
	return k.Scope == codebook.InCase && k.Group != "register" || outsideKind(kind)
}

// proposalLists are the lists the inputs name, in a fixed order.
func (f *fieldForm) proposalLists() []proposals {
	var out []proposals
	for _, p := range f.lists {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b proposals) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// problemLines are what is wrong, in the order of the form.
func (f *fieldForm) problemLines(sections []formSection) []formProblem {
	var out []formProblem
	for _, s := range sections {
		for _, in := range s.Inputs {
			if in.Problem != "" {
				out = append(out, formProblem{in.ID, in.Label + ": " + in.Problem})
			}
		}
	}
	return out
}

// merged puts together what three have: the record as the writer saw it, as
// somebody else has written it meanwhile, and as the writer wants it. Where
// only one changed a field, that stands; where both did, the writer's stands
// and the other's is shown beside it, unless they take it.
func (f *fieldForm) merged(saw, theirs casefile.Fields, typed url.Values) {
	f.theirs, f.kept = map[string]string{}, map[string]bool{}
	for _, field := range f.all() {
		id := field.ID
		mine := f.fields[id]
		if f.problems[id] == "" && slices.Equal(mine, theirs[id]) || slices.Equal(saw[id], theirs[id]) {
			continue
		}
		words := f.T("record.empty")
		if len(theirs[id]) > 0 {
			words = f.line(field, theirs[id])
		}
		if f.problems[id] == "" && slices.Equal(mine, saw[id]) || typed.Get(theirsPrefix+id) != "" {
			f.kept[id] = true
			f.set(id, theirs[id], typed)
			delete(f.problems, id)
		}
		f.theirs[id] = words
	}
}

// set puts a value into a form in place of what was typed.
func (f *fieldForm) set(field string, values []string, typed url.Values) {
	name := f.name(field)
	typed.Del(name)
	typed.Del(name + moreSuffix)
	if len(values) == 0 {
		delete(f.fields, field)
		return
	}
	f.fields[field] = values
	if k, ok := f.kind.Field(field); ok {
		for _, v := range values {
			typed.Add(name, f.write(k, v))
		}
	}
}

// line writes the values of a field on one line.
func (f *fieldForm) line(field *codebook.Field, values []string) string {
	var parts []string
	for _, t := range f.texts(field, values, func(id string) valueText { return valueText{Text: f.refs[field.RefKind].titles[id]} }) {
		parts = append(parts, t.Text)
	}
	return strings.Join(parts, "; ")
}

// seenOf reads how many changes of a record its form has seen.
func seenOf(typed url.Values) int {
	n, err := strconv.Atoi(typed.Get("seen"))
	if err != nil || n < 0 {
		return -1 // never what the history has
	}
	return n
}
