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

	"github.com/kua-registry/kua/internal/codebook"
)

// Languages are those a letter is written in, that of the authorities first.
var languages = [...]string{"ru", "kk", "en"}

// Languages returns the languages a letter is written in, that of the authorities first.
func Languages() []string { return languages[:] }

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

	set  map[string]string
	body []passage
	of   *Set
}

// Styles of a passage.
const (
	To    = "to"    // to whom and from whom, on the right
	Title = "title" // in capitals
	Under = "under" // what the title is about
	Ask   = "ask"   // one of the numbered demands
	Plain = ""      // a paragraph
)

type passage struct {
	style   string
	when    []condition
	each    string
	text    map[string][]piece // by language
	checked bool               // the norms it cites were read
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
			Record: def.Record, set: def.Set, of: s,
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
		var err error
		if l.body, err = s.passages(def.Body, defs.Shared); err != nil {
			return nil, fail(err)
		}
		s.list = append(s.list, l)
	}
	return s, nil
}

// Letters are all letters, in the order of the data.
func (s *Set) Letters() []*Letter { return s.list }

// Letter returns the letter with an id.
func (s *Set) Letter(id string) (*Letter, bool) {
	i := slices.IndexFunc(s.list, func(l *Letter) bool { return l.ID == id })
	if i < 0 {
		return nil, false
	}
	return s.list[i], true
}

// For returns the letters that are the next step of a check or a deadline.
func (s *Set) For(rule string) []*Letter { return s.byRule[rule] }

func (s *Set) checkPick(p codebook.PickDef) error {
	k, ok := s.book.Kind(p.Kind)
	if !ok {
		return fmt.Errorf("there is no kind %s", p.Kind)
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
	f, ok := k.Field(field)
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
	today = "today" // the day on which the letter is written
	due   = "due"   // the last day of the term that calls for it
	late  = "late"  // a condition: that day has passed
	start = "start" // the record from which the term runs, or that the check found
)

// kindOf is the kind of what a name stands for.
func (s *Set) kindOf(name string) *codebook.Kind {
	if p, ok := s.picks[name]; ok {
		name = p.Kind
	}
	k, ok := s.book.Kind(name)
	if !ok || k.Scope != codebook.InCase {
		return nil
	}
	return k
}

func (s *Set) passages(defs []codebook.PassageDef, shared map[string][]codebook.PassageDef) ([]passage, error) {
	var out []passage
	for i, def := range defs {
		if def.Use != "" {
			more, ok := shared[def.Use]
			if !ok {
				return nil, fmt.Errorf("passage %d: there are no shared passages %s", i+1, def.Use)
			}
			if shared == nil || slices.ContainsFunc(more, func(d codebook.PassageDef) bool { return d.Use != "" }) {
				return nil, fmt.Errorf("shared passages %s use others: they must not", def.Use)
			}
			inner, err := s.passages(more, nil)
			if err != nil {
				return nil, fmt.Errorf("shared passages %s: %w", def.Use, err)
			}
			if def.If != "" {
				when, err := s.conditions(def.If)
				if err != nil {
					return nil, fmt.Errorf("passage %d: %w", i+1, err)
				}
				for j := range inner {
					inner[j].when = append(slices.Clone(when), inner[j].when...)
				}
			}
			out = append(out, inner...)
			continue
		}
		p, err := s.passage(def)
		if err != nil {
			return nil, fmt.Errorf("passage %d: %w", i+1, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *Set) passage(def codebook.PassageDef) (passage, error) {
	p := passage{style: def.Is, each: def.Each, text: map[string][]piece{}, checked: def.Conf == "" || def.Conf == "R" || def.Conf == "H"}
	if !slices.Contains([]string{To, Title, Under, Ask, Plain}, def.Is) {
		return p, fmt.Errorf("is: there is no style %q", def.Is)
	}
	if def.Each != "" && s.kindOf(def.Each) == nil {
		return p, fmt.Errorf("each: there is no record %q", def.Each)
	}
	var err error
	if p.when, err = s.conditions(def.If); err != nil {
		return p, err
	}
	var same string
	for i, lang := range languages {
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
			return p, fmt.Errorf("in %s it has %s, in %s %s: every language says the same", lang, names, languages[0], same)
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
			out = append(out, fmt.Sprint(p.from))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

var brace = regexp.MustCompile(`\{([^{}]*)\}`)

// pieces reads a text: {closure.date}, {victim.name|complaint.by}, {act.methods/lower}, {_ what to fill in}.
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
	if field == "" && (name == today || name == due) {
		return source{name: name}, nil
	}
	k := s.kindOf(name)
	if k == nil {
		return source{}, fmt.Errorf("{%s}: there is no kind or pick %q", text, name)
	}
	if field == fullName && k.ID == "person" {
		return source{name, field}, nil
	}
	if _, ok := k.Field(field); !ok {
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
		if c.field == "" && (c.name == due || c.name == late) {
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
	for _, p := range l.body {
		for _, lang := range languages {
			for _, piece := range p.text[lang] {
				for _, from := range piece.from {
					if from.field != "" {
						out = append(out, cmp.Or(l.of.picks[from.name].Kind, from.name)+"."+from.field)
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
