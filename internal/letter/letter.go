// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/istanbul"
)

// usual are the languages of a letter that names none, that of the authorities first.
var usual = []string{"ru", "kk", "en"}

// Set are the letters of a codebook, read and checked. It is read-only and safe for use by many goroutines.
type Set struct {
	book   *codebook.Book
	picks  map[string]codebook.PickDef
	list   []*Letter
	byRule map[string][]*Letter
}

// Letter is a document that can be filled from a case.
type Letter struct {
	ID          string
	Label, Help codebook.Label
	Source      codebook.Label // the norms it rests on
	Conf        string         // of the norms: R text read, K known, U unsure, H house rule
	Record      string         // the kind of record that says that it was sent
	Langs       []string       // it is written in, that of its reader first
	Purpose     string         // code of list consent_purpose: who has not consented to it is not named
	Readers     []string       // for whom it is a form: court, lawyer, srt, cat, wgad; empty: it is a letter
	About       string         // the kind of the record it is about, where a case may have several; else empty

	signs []string
	set   map[string]string
	body  []passage
	of    *Set
}

// Styles of a passage.
const (
	To      = "to"      // to whom and from whom, on the right
	Title   = "title"   // in capitals
	Under   = "under"   // what the title is about
	Ask     = "ask"     // one of the numbered demands
	Plain   = ""        // a paragraph
	Head    = "head"    // the heading of a section
	Part    = "part"    // the heading of a part of it
	Row     = "row"     // a line of a table, its cells parted by " | "; the first names it
	Columns = "columns" // the names of the columns of the lines that follow
	Item    = "item"    // one of a list
	Small   = "small"   // a source, a hint
	Map     = "map"     // a body diagram with what is marked on it; the text is its view
	Lacking = "missing" // what a case lacks, of another letter; becomes items

	protocol = "protocol" // what the Istanbul Protocol asks for in a section; becomes lines and paragraphs
)

// Readers for whom there are forms.
var readers = []string{"court", "lawyer", "srt", "cat", "wgad"}

type passage struct {
	style   string
	when    []condition
	each    string
	of      string             // of a map: whose findings; of what is missing: the letter that lacks it; of a section: which examination
	part    istanbul.Section   // of the protocol
	text    map[string][]piece // by language
	source  codebook.Label     // of a heading: where what stands below it is asked for
	checked bool               // the norms it cites were read
	block   []passage          // passages that stand in its place, all of them for each record
}

// condition holds where a field of a record is there, or has one of some values.
type condition struct {
	not         bool
	name, field string
	values      []string
}

// piece is a part of a text: words, or what stands in their place.
type piece struct {
	words string
	blank string // to be filled in by hand: what belongs there
	from  []source
	dash  bool // where nothing is recorded a dash stands, not a blank
	lower bool // the first letter small, to stand inside a sentence
}

// source is a field of a record, by the name of a pick or a kind.
type source struct{ name, field string }

// Compile reads the letters of a codebook. A rule, kind, field or code that is
// not there, and languages that do not say the same, are refused.
func Compile(book *codebook.Book) (*Set, error) {
	defs := book.Letters()
	s := &Set{book: book, picks: defs.Picks, byRule: map[string][]*Letter{}}
	for _, name := range slices.Sorted(maps.Keys(defs.Picks)) {
		if err := s.checkPick(defs.Picks[name]); err != nil {
			return nil, fmt.Errorf("letters: pick %s: %w", name, err)
		}
	}
	rules := map[string]bool{}
	for _, r := range book.Rules() {
		rules[r.ID] = true
	}
	for _, def := range defs.Letters {
		l := &Letter{
			ID: def.ID, Label: def.Label, Help: def.Help, Source: def.Source, Conf: def.Conf,
			Record: def.Record, Langs: def.Langs, Purpose: def.Purpose, Readers: def.Readers, About: def.About,
			signs: def.Signs, set: def.Set, of: s,
		}
		if len(l.Langs) == 0 {
			l.Langs = usual
		}
		fail := func(err error) error { return fmt.Errorf("%s: letter %s: %w", def.File, def.ID, err) }
		for _, rule := range def.For {
			if !rules[rule] {
				return nil, fail(fmt.Errorf("there is no rule %s", rule))
			}
			s.byRule[rule] = append(s.byRule[rule], l)
		}
		if err := s.checkRecord(def); err != nil {
			return nil, fail(err)
		}
		if err := s.checkWho(l); err != nil {
			return nil, fail(err)
		}
		var err error
		if l.body, err = (&reader{s, l.Langs, defs.Shared}).passages(def.Body, true); err != nil {
			return nil, fail(err)
		}
		s.list = append(s.list, l)
	}
	for _, l := range s.list {
		for _, p := range l.body {
			if other, ok := s.Letter(p.of); p.style == Lacking && (!ok || slices.ContainsFunc(other.body, func(p passage) bool { return p.style == Lacking })) {
				return nil, fmt.Errorf("letters: letter %s: of: there is no letter %q, or it names what another lacks", l.ID, p.of)
			}
		}
	}
	return s, nil
}

// checkWho refuses a letter that does not say for which purpose people are named in it.
func (s *Set) checkWho(l *Letter) error {
	purposes, ok := s.book.List("consent_purpose")
	if !ok {
		return errors.New("purpose: there is no list consent_purpose")
	}
	if _, ok := purposes.Code(l.Purpose); !ok {
		return fmt.Errorf("purpose: there is no code %q in list consent_purpose", l.Purpose)
	}
	for _, name := range l.signs {
		if k := s.kindOf(name); k == nil || k.ID != "person" && !s.refersToPerson(k) {
			return fmt.Errorf("signs: %q is no person and names none", name)
		}
	}
	for _, to := range l.Readers {
		if !slices.Contains(readers, to) {
			return fmt.Errorf("readers: there is none called %q", to)
		}
	}
	for _, lang := range l.Langs {
		if !slices.Contains(usual, lang) {
			return fmt.Errorf("langs: there is no language %q", lang)
		}
	}
	if l.About != "" && s.kindOf(l.About) == nil {
		return fmt.Errorf("about: there is no record %q", l.About)
	}
	return nil
}

func (s *Set) refersToPerson(k *codebook.Kind) bool {
	return slices.ContainsFunc(k.Fields, func(f codebook.Field) bool { return f.Type == codebook.Ref && f.RefKind == "person" })
}

// Letters are all letters, in the order of the data.
func (s *Set) Letters() []*Letter { return s.list }

// Forms are the letters that are forms for a reader, in the order of the data; empty: for any.
func (s *Set) Forms(reader string) []*Letter {
	var out []*Letter
	for _, l := range s.list {
		if reader == "" && len(l.Readers) > 0 || slices.Contains(l.Readers, reader) {
			out = append(out, l)
		}
	}
	return out
}

// Letter returns the letter with an id.
func (s *Set) Letter(id string) (*Letter, bool) {
	i := slices.IndexFunc(s.list, func(l *Letter) bool { return l.ID == id })
	if i < 0 {
		return nil, false
	}
	return s.list[i], true
}

// Records are the ids of the records of a case that the letter may be about, in the order in which they count.
func (l *Letter) Records(records []*casefile.Record) []string {
	var out []string
	for _, rec := range l.filler(nil, Case{Records: records}).fits(l.About) {
		out = append(out, rec.ID)
	}
	return out
}

// For returns the letters that are the next step of a check or a deadline.
func (s *Set) For(rule string) []*Letter { return s.byRule[rule] }

func (s *Set) checkPick(p codebook.PickDef) error {
	k := s.kind(p.Kind)
	if k == nil {
		return fmt.Errorf("there is no kind %s", p.Kind)
	}
	if p.Of != "" {
		of := s.picks[p.Of]
		if s.kindOf(p.Of) == nil || of.Of != "" {
			return fmt.Errorf("of: there is no record %q, or it is one of another", p.Of)
		}
	}
	for field, values := range p.Where {
		if err := s.checkValues(k, field, values); err != nil {
			return err
		}
	}
	return nil
}

// checkValues refuses values that a field can't have.
func (s *Set) checkValues(k *codebook.Kind, field string, values []string) error {
	f, ok := fieldOf(k, field)
	if !ok {
		return fmt.Errorf("kind %s has no field %s", k.ID, field)
	}
	for _, v := range values {
		switch f.Type {
		case codebook.Code:
			list, ok := s.book.List(f.List)
			if !ok {
				return fmt.Errorf("there is no list %s", f.List)
			}
			if _, ok := list.Code(v); !ok {
				return fmt.Errorf("there is no code %s in list %s", v, f.List)
			}
		case codebook.YesNo:
			if v != "yes" && v != "no" {
				return fmt.Errorf("%s.%s is yes or no, not %q", k.ID, field, v)
			}
		}
	}
	return nil
}

func (s *Set) checkRecord(def codebook.LetterDef) error {
	k, ok := s.book.Kind(def.Record)
	if !ok || k.Scope != codebook.InCase {
		return fmt.Errorf("there is no kind %q of records in a case", def.Record)
	}
	for field, value := range def.Set {
		if name, ok := strings.CutPrefix(value, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			if _, ok := k.Field(field); !ok || name != today && name != start && s.kindOf(name) == nil {
				return fmt.Errorf("set: %s: there is no field, or nothing to put into it", field)
			}
			continue
		}
		if err := s.checkValues(k, field, []string{value}); err != nil {
			return fmt.Errorf("set: %w", err)
		}
	}
	return nil
}

// Names that stand for no record.
const (
	today  = "today"  // the day on which the letter is written
	due    = "due"    // the last day of the term that calls for it
	nth    = "n"      // which of the records it is for which the passage stands
	late   = "late"   // a condition: that day has passed
	agreed = "agreed" // a condition: the victim has consented to the purpose of the letter
	start  = "start"  // the record from which the term runs, or that the check found
)

// kindOf is the kind of what a name stands for.
func (s *Set) kindOf(name string) *codebook.Kind {
	if p, ok := s.picks[name]; ok {
		name = p.Kind
	}
	k := s.kind(name)
	if k == nil || k.Scope != codebook.InCase {
		return nil
	}
	return k
}

// kind is a kind of the codebook, or one of what the rules say of a case.
func (s *Set) kind(id string) *codebook.Kind {
	if k, ok := s.book.Kind(id); ok {
		return k
	}
	if i := slices.IndexFunc(ruled, func(k codebook.Kind) bool { return k.ID == id }); i >= 0 {
		return &ruled[i]
	}
	return nil
}

// ruled are what is told of a case beside its records, as kinds of records:
// what the rules say, Case.Terms and Case.Breaches, and what happened, in a line
// each. They are filled in like records.
var ruled = []codebook.Kind{
	{ID: "term", Scope: codebook.InCase, Label: codebook.Label{En: "Deadline", Ru: "Срок", Kk: "Мерзім"}, Fields: []codebook.Field{
		said("label", "What", "Что", "Не"), said("norm", "Norm", "Норма", "Норма"), said("next", "Next step", "Следующий шаг", "Келесі қадам"),
		said("owes", "Who owes it", "Кто должен", "Кім міндетті"), said("state", "State", "Состояние", "Күйі"),
		{ID: "due", Type: codebook.Date, Label: codebook.Label{En: "Due on", Ru: "Срок", Kk: "Мерзімі"}},
		{ID: "arguable", Type: codebook.Date, Label: codebook.Label{En: "Arguable until", Ru: "Можно отстаивать до", Kk: "Дәлелдеуге болады"}},
	}},
	{ID: "event", Scope: codebook.InCase, Label: codebook.Label{En: "Event", Ru: "Событие", Kk: "Оқиға"}, Fields: []codebook.Field{
		said("kind", "What it is", "Что это", "Бұл не"), said("what", "What", "Что", "Не"),
		{ID: "date", Type: codebook.Date, Label: codebook.Label{En: "Date", Ru: "Дата", Kk: "Күні"}},
	}},
	{ID: "breach", Scope: codebook.InCase, Label: codebook.Label{En: "Breach", Ru: "Нарушение", Kk: "Бұзушылық"}, Fields: []codebook.Field{
		said("label", "What", "Что", "Не"), said("norm", "Norm", "Норма", "Норма"), said("next", "Next step", "Следующий шаг", "Келесі қадам"),
		{ID: "since", Type: codebook.Date, Label: codebook.Label{En: "Since", Ru: "С", Kk: "Бастап"}},
	}},
}

func said(id, en, ru, kk string) codebook.Field {
	return codebook.Field{ID: id, Type: codebook.Text, Class: codebook.Fact, Label: codebook.Label{En: en, Ru: ru, Kk: kk}}
}

// fieldOf is a field of a kind of the codebook, or of one of ours.
func fieldOf(k *codebook.Kind, id string) (*codebook.Field, bool) {
	if f, ok := k.Field(id); ok {
		return f, true
	}
	if i := slices.IndexFunc(k.Fields, func(f codebook.Field) bool { return f.ID == id }); i >= 0 {
		return &k.Fields[i], true
	}
	return nil, false
}

// reader reads the passages of a letter.
type reader struct {
	*Set
	langs  []string
	shared map[string][]codebook.PassageDef
}

func (s *reader) passages(defs []codebook.PassageDef, outer bool) ([]passage, error) {
	var out []passage
	for i, def := range defs {
		if def.Use != "" {
			more, ok := s.shared[def.Use]
			if !ok {
				return nil, fmt.Errorf("passage %d: there are no shared passages %s", i+1, def.Use)
			}
			if !outer || slices.ContainsFunc(more, func(d codebook.PassageDef) bool { return d.Use != "" }) {
				return nil, fmt.Errorf("shared passages %s use others: they must not", def.Use)
			}
			inner, err := s.passages(more, false)
			if err != nil {
				return nil, fmt.Errorf("shared passages %s: %w", def.Use, err)
			}
			when, err := s.conditions(def.If)
			if err != nil {
				return nil, fmt.Errorf("passage %d: %w", i+1, err)
			}
			if def.Each != "" && s.kindOf(def.Each) == nil {
				return nil, fmt.Errorf("passage %d: each: there is no record %q", i+1, def.Each)
			}
			out = append(out, passage{each: def.Each, when: when, block: inner})
			continue
		}
		p, err := s.passage(def)
		if err == nil && p.style == Lacking && !outer {
			err = errors.New("what another letter lacks is not for shared passages")
		}
		if err != nil {
			return nil, fmt.Errorf("passage %d: %w", i+1, err)
		}
		out = append(out, p)
	}
	return out, nil
}

var known = []string{To, Title, Under, Ask, Plain, Head, Part, Row, Columns, Item, Small, Map, Lacking, protocol}

func (s *reader) passage(def codebook.PassageDef) (passage, error) {
	p := passage{
		style: def.Is, each: def.Each, of: def.Of, text: map[string][]piece{}, source: def.Source,
		checked: def.Conf == "" || def.Conf == "R" || def.Conf == "H",
	}
	if !slices.Contains(known, def.Is) {
		return p, fmt.Errorf("is: there is no style %q", def.Is)
	}
	if def.Each != "" && s.kindOf(def.Each) == nil {
		return p, fmt.Errorf("each: there is no record %q", def.Each)
	}
	var err error
	if p.when, err = s.conditions(def.If); err != nil {
		return p, err
	}
	switch k := s.kindOf(def.Of); {
	case def.Is == Map && (k == nil || k.ID != "finding"):
		return p, fmt.Errorf("of: a map is of findings, not of %q", def.Of)
	case def.Is == protocol:
		sections := istanbul.Sections()
		i := slices.IndexFunc(sections, func(part istanbul.Section) bool { return part.ID == def.Part })
		if i < 0 || k == nil || k.ID != "examination" {
			return p, fmt.Errorf("part: there is no section %q of an examination %q", def.Part, def.Of)
		}
		p.part = sections[i]
		return p, nil
	case def.Is == Map, def.Is == Lacking: // their texts are made
		return p, nil
	}
	var same string
	for i, lang := range s.langs {
		text := map[string]string{"ru": def.Text.Ru, "kk": def.Text.Kk, "en": def.Text.En}[lang]
		if text == "" {
			return p, fmt.Errorf("has no text in %s", lang)
		}
		if p.text[lang], err = s.pieces(text); err != nil {
			return p, fmt.Errorf("%s: %w", lang, err)
		}
		if names := placeholders(p.text[lang]); i == 0 {
			same = names
		} else if names != same {
			return p, fmt.Errorf("in %s it has %s, in %s %s: every language says the same", lang, names, s.langs[0], same)
		}
	}
	return p, nil
}

// placeholders are what a text is filled with, in order of their names.
func placeholders(pieces []piece) string {
	var out []string
	for _, p := range pieces {
		switch {
		case p.blank != "":
			out = append(out, "_")
		case len(p.from) > 0:
			out = append(out, fmt.Sprint(p.from, p.dash))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

var brace = regexp.MustCompile(`\{([^{}]*)\}`)

// pieces reads a text: {closure.date}, {victim.name|complaint.by}, {act.methods/lower}, {evidence.lost_by|-}, {_ what to fill in}.
func (s *Set) pieces(text string) ([]piece, error) {
	var out []piece
	at := 0
	for _, m := range brace.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			out = append(out, piece{words: text[at:m[0]]})
		}
		at = m[1]
		inner := text[m[2]:m[3]]
		if what, ok := strings.CutPrefix(inner, "_"); ok {
			if what = strings.TrimSpace(what); what == "" {
				return nil, errors.New("a blank {_ } says what belongs there")
			}
			out = append(out, piece{blank: what})
			continue
		}
		var p piece
		inner, p.lower = strings.CutSuffix(inner, "/lower")
		inner, p.dash = strings.CutSuffix(inner, "|-")
		for _, one := range strings.Split(inner, "|") {
			from, err := s.source(one)
			if err != nil {
				return nil, err
			}
			p.from = append(p.from, from)
		}
		out = append(out, p)
	}
	if at < len(text) {
		out = append(out, piece{words: text[at:]})
	}
	for _, p := range out {
		if strings.ContainsAny(p.words, "{}") {
			return nil, fmt.Errorf("a brace is not closed in %q", p.words)
		}
	}
	return out, nil
}

// fullName is a field that persons have here: the name as given, or put together of its parts.
const fullName = "name"

func (s *Set) source(text string) (source, error) {
	name, field, _ := strings.Cut(text, ".")
	if field == "" && (name == today || name == due || name == nth) {
		return source{name: name}, nil
	}
	k := s.kindOf(name)
	if k == nil {
		return source{}, fmt.Errorf("{%s}: there is no kind or pick %q", text, name)
	}
	if field == fullName && k.ID == "person" {
		return source{name, field}, nil
	}
	if _, ok := fieldOf(k, field); !ok {
		return source{}, fmt.Errorf("{%s}: kind %s has no field %q", text, k.ID, field)
	}
	return source{name, field}, nil
}

// conditions reads "closure.date, !notice.channel=sms|phone, late".
func (s *Set) conditions(text string) ([]condition, error) {
	var out []condition
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		var c condition
		one, c.not = strings.CutPrefix(one, "!")
		one, values, has := strings.Cut(one, "=")
		c.name, c.field, _ = strings.Cut(one, ".")
		if c.field == "" && (c.name == due || c.name == late || c.name == agreed) {
			out = append(out, c)
			continue
		}
		k := s.kindOf(c.name)
		if k == nil {
			return nil, fmt.Errorf("if: there is no kind or pick %q", c.name)
		}
		if has {
			c.values = strings.Split(values, "|")
		}
		switch {
		case c.field == "":
		case c.field == fullName && k.ID == "person":
		default:
			if err := s.checkValues(k, c.field, c.values); err != nil {
				return nil, fmt.Errorf("if: %w", err)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// Reads are the fields of a kind that a letter reads, for the test that holds them to the codebook.
func (l *Letter) Reads() []string {
	var out []string
	var read func([]passage)
	read = func(body []passage) {
		for _, p := range body {
			read(p.block)
			for _, field := range p.part.Fields() {
				out = append(out, "examination."+field)
			}
			for _, lang := range l.Langs {
				for _, piece := range p.text[lang] {
					for _, from := range piece.from {
						if from.field != "" {
							out = append(out, cmp.Or(l.of.picks[from.name].Kind, from.name)+"."+from.field)
						}
					}
				}
			}
		}
	}
	read(l.body)
	slices.Sort(out)
	return slices.Compact(out)
}
