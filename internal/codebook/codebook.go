// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"slices"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/edtf"
)

// Label is a text in the three languages of the register. In the data it is written [English, Russian, Kazakh].
type Label struct {
	En string `yaml:"en" json:"en"`
	Ru string `yaml:"ru" json:"ru"`
	Kk string `yaml:"kk" json:"kk"`
}

// In returns the label in lang ("en", "ru", "kk"); English where a translation is empty.
func (l Label) In(lang string) string {
	s := l.En
	switch lang {
	case "ru":
		s = l.Ru
	case "kk":
		s = l.Kk
	}
	if s == "" {
		s = l.En
	}
	return s
}

// Class says which sealed part of an entry a field belongs to.
type Class string

// The two classes of a field.
const (
	Fact     Class = "fact"     // coded values, dates, bodies, stages
	Identity Class = "identity" // names, contacts, free text, whatever could name a person
)

// Type is how a field's values are written. Every value is text; the type says what text is valid.
type Type string

// The types of fields.
const (
	Text   Type = "text"   // one line
	Prose  Type = "prose"  // several lines
	Code   Type = "code"   // a code of List
	Date   Type = "date"   // EDTF
	Number Type = "number" // a decimal integer, in Unit
	Share  Type = "share"  // a decimal number from 0 to 1
	YesNo  Type = "yesno"  // yes, no, unknown
	Ref    Type = "ref"    // the id of a record of kind RefKind, in the same case or, where that kind is outside cases, in the register
)

// Field is one field of a kind.
type Field struct {
	ID       string `yaml:"id"`
	Label    Label  `yaml:"label"`
	Help     Label  `yaml:"help"`
	Type     Type   `yaml:"type"`
	Class    Class  `yaml:"class"`
	List     string `yaml:"list"`
	RefKind  string `yaml:"ref_kind"`
	Unit     string `yaml:"unit"`
	Many     bool   `yaml:"many"`
	Required bool   `yaml:"required"`
	Max      int    `yaml:"max"`     // longest text in characters; 0: no limit of its own
	Section  string `yaml:"section"` // where it stands on a form: main, where, more, words, known; empty: by what it is
	OtherOf  string `yaml:"-"`       // set on the companion field that takes the words behind the code "other"
}

// Scope says where records of a kind live.
type Scope string

// The scopes.
const (
	InCase  Scope = "case"    // records of one case
	Outside Scope = "outside" // bodies, facilities, officials, incidents, official figures, commitments, publications, organisations, match decisions
)

// Kind is a kind of record.
type Kind struct {
	ID     string   `yaml:"id"`
	Label  Label    `yaml:"label"`
	Plural Label    `yaml:"plural"`
	Help   Label    `yaml:"help"`
	Group  string   `yaml:"group"` // people, incident, medical, procedure, consent_risk, work, register
	Scope  Scope    `yaml:"scope"`
	Date   string   `yaml:"date"`   // the field that gives the effective date; a|b|c: the first of them that is present; empty: none
	Title  []string `yaml:"title"`  // fields shown on a timeline line, in order
	Common []string `yaml:"common"` // shared fields (common.yaml) that stand after the kind's own
	Extend bool     `yaml:"extend"` // in a pack or an extension: add fields to a kind that exists
	Fields []Field  `yaml:"fields"`

	index map[string]int
	other map[string]*Field
}

// Field returns the field id, or the companion "<id>_other" of a code field, which takes in words what no code says.
func (k *Kind) Field(id string) (*Field, bool) {
	if i, ok := k.index[id]; ok {
		return &k.Fields[i], true
	}
	f, ok := k.other[id]
	return f, ok
}

// DateFields returns the fields that may give the effective date, in the order in which they are tried.
func (k *Kind) DateFields() []string {
	if k.Date == "" {
		return nil
	}
	return strings.Split(k.Date, "|")
}

// ListCode is one code of a list.
type ListCode struct {
	Code    string            `yaml:"code"`
	Label   Label             `yaml:"label"`
	Parent  string            `yaml:"parent"`  // the code this one belongs to: police for the National Guard
	Group   string            `yaml:"group"`   // a heading to show the code under: a code of the same list, or a word of the form
	From    string            `yaml:"from"`    // first day of validity, ISO; empty: always
	Until   string            `yaml:"until"`   // last day of validity
	Map     map[string]string `yaml:"map"`     // codes of other systems: huri, icd11, icd10, old
	Is      []string          `yaml:"is"`      // properties rules ask for: law_enforcement_premises, …
	Aliases []string          `yaml:"aliases"` // other ways in which members write it
	Basis   string            `yaml:"basis"`   // the legal or methodological source
	Conf    string            `yaml:"conf"`    // R text read, K known, U unsure, H house rule
	Note    string            `yaml:"note"`
}

// List is a code list. "other", "unknown", "not_asked" and "declined" are added to every list by Load unless the list is closed.
type List struct {
	ID     string     `yaml:"id"`
	Label  Label      `yaml:"label"`
	Closed bool       `yaml:"closed"`
	Extend bool       `yaml:"extend"` // in a pack or an extension: add codes to a list that exists
	Codes  []ListCode `yaml:"codes"`

	index map[string]int
	words wordIndex
	texts struct { // for Search
		once sync.Once
		of   [][]searchText // by the place of the code
	}
}

// Group is a heading under which kinds are shown.
type Group struct {
	ID    string `yaml:"id"`
	Label Label  `yaml:"label"`
}

// Book is a loaded codebook with its packs. It is read-only and safe for use by many goroutines.
type Book struct {
	groups []Group
	kinds  []*Kind
	kind   map[string]*Kind
	lists  []*List
	list   map[string]*List
	packs  []*Pack
	rules  []RuleDef

	letters  Letters
	purposes []*Purpose
}

// Groups returns the headings of kinds, in order.
func (b *Book) Groups() []Group { return b.groups }

// Kinds returns all kinds, by group and in the order of the data.
func (b *Book) Kinds() []*Kind { return b.kinds }

// Kind returns the kind id.
func (b *Book) Kind(id string) (*Kind, bool) {
	k, ok := b.kind[id]
	return k, ok
}

// Lists returns all code lists, by id.
func (b *Book) Lists() []*List { return b.lists }

// List returns the code list id.
func (b *Book) List(id string) (*List, bool) {
	l, ok := b.list[id]
	return l, ok
}

// Packs returns the packs, in the order in which they were given to Load.
func (b *Book) Packs() []*Pack { return b.packs }

// Rules returns the rule definitions of the codebook and its packs, as read.
func (b *Book) Rules() []RuleDef { return b.rules }

// Label returns the label of a code in lang; the code itself where it is not known.
func (b *Book) Label(list, code, lang string) string {
	if l, ok := b.list[list]; ok {
		if c, ok := l.Code(code); ok {
			return c.Label.In(lang)
		}
	}
	return code
}

// Is says whether a code of a list has the property.
func (b *Book) Is(list, code, prop string) bool {
	l, ok := b.list[list]
	if !ok {
		return false
	}
	c, ok := l.Code(code)
	return ok && slices.Contains(c.Is, prop)
}

// Family returns the topmost code that code belongs to by Parent: police for the police, for its internal
// security and for the National Guard. An unknown code is its own family.
func (b *Book) Family(list, code string) string {
	l, ok := b.list[list]
	if !ok {
		return code
	}
	for range l.Codes { // a chain cannot be longer than the list: Load refuses circles
		c, ok := l.Code(code)
		if !ok || c.Parent == "" {
			break
		}
		code = c.Parent
	}
	return code
}

// Code returns the code.
func (l *List) Code(code string) (*ListCode, bool) {
	i, ok := l.index[code]
	if !ok {
		return nil, false
	}
	return &l.Codes[i], true
}

// ValidOn says whether the code was in force on the day.
func (c *ListCode) ValidOn(day edtf.Day) bool {
	iso := day.String()
	return (c.From == "" || c.From <= iso) && (c.Until == "" || iso <= c.Until)
}

// Missing says whether a value stands for "not known", which any field may hold: it was asked and is not known,
// it was not asked, the person declined to answer. ("refused" is not among them: it is what authorities do, and a
// code of many lists.) A field that is absent was not recorded.
func Missing(value string) bool {
	return value == "unknown" || value == "not_asked" || value == "declined"
}
