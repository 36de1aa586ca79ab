// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

// Label is a text in the three languages of the register.
type Label struct {
	En string `yaml:"en"`
	Ru string `yaml:"ru"`
	Kk string `yaml:"kk"`
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
	Date   string   `yaml:"date"`  // the field that gives the effective date; empty: none
	Title  []string `yaml:"title"` // fields shown on a timeline line, in order
	Fields []Field  `yaml:"fields"`
}

// ListCode is one code of a list.
type ListCode struct {
	Code  string            `yaml:"code"`
	Label Label             `yaml:"label"`
	From  string            `yaml:"from"`  // first day of validity, ISO; empty: always
	Until string            `yaml:"until"` // last day of validity
	Map   map[string]string `yaml:"map"`   // codes of other systems: huri, icd11, icd10, old
	Is    []string          `yaml:"is"`    // properties rules ask for: law_enforcement_premises, …
}

// List is a code list. "other", "unknown", "not_asked" and "refused" are added to every list by Load unless the list is closed.
type List struct {
	ID     string     `yaml:"id"`
	Label  Label      `yaml:"label"`
	Closed bool       `yaml:"closed"`
	Codes  []ListCode `yaml:"codes"`
}
