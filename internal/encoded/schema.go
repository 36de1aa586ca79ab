// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Read says how a feature reads its input.
type Read string

// The ways to read. Family, Given and Father come from all of a row's names
// together (the inputs family, given, patronymic and full_name), folded to the
// sounds that Latin, Russian and Kazakh spellings share; a feature that reads
// them has no input of its own.
const (
	Family   Read = "family"    // the family name as a man bears it
	Given    Read = "given"     // the given name
	Father   Read = "father"    // the father's name, from the patronymic
	Name     Read = "name"      // a word of a name, folded
	Text     Read = "text"      // letters and digits in lower case
	Year     Read = "year"      // of a date
	Month    Read = "month"     // of a date that has one
	Day      Read = "day"       // of a date that has one
	MonthDay Read = "month-day" // both in one
	Date     Read = "date"      // an exact day; with near, days beside it
)

// Hardening is a step that changes a whole filter, so that its bits tell less.
type Hardening string

// The steps, always done in this order.
const (
	Fold    Hardening = "fold"    // both halves XORed: half as long
	Rule90  Hardening = "rule90"  // each bit becomes the XOR of its neighbours
	Balance Hardening = "balance" // its complement appended and all permuted: each filter has as many ones as zeros, twice as long
)

// Feature is one field's part in a filter.
type Feature struct {
	ID         string `yaml:"identifier" json:"identifier"`
	Read       Read   `yaml:"read" json:"read"`
	Input      string `yaml:"input,omitempty" json:"input"`                   // for what is not read from the names
	NGram      int    `yaml:"ngram,omitempty" json:"ngram"`                   // letters of a piece; 0: the value as a whole
	Positional bool   `yaml:"positional,omitempty" json:"positional"`         // a piece counts only at its place
	Near       int    `yaml:"near,omitempty" json:"near"`                     // for a year, a day or a date: so many to either side are put in, too
	Bits       int    `yaml:"bits,omitempty" json:"bits"`                     // put in for the whole value, shared among its pieces; 0: it only salts others
	PieceBits  int    `yaml:"bits_per_piece,omitempty" json:"bits_per_piece"` // or put in for each piece
	Required   bool   `yaml:"required,omitempty" json:"required"`             // a row without it is left out
	Salt       string `yaml:"salt,omitempty" json:"salt"`                     // the feature whose value changes where all bits of this one fall
}

// Schema says what is encoded and how. Files are compared only when their
// schemas are the same, byte for byte of Canonical.
type Schema struct {
	Version  int         `yaml:"version" json:"version"`
	Round    string      `yaml:"round" json:"round"` // of what comparison: another text, other filters
	Length   int         `yaml:"length" json:"length"`
	Harden   []Hardening `yaml:"harden" json:"harden"`
	Features []Feature   `yaml:"features" json:"features"`

	// Columns says under which heading of one's own table each input stands. It
	// is each organisation's own matter and no part of the schema's hash.
	Columns map[string]Headings `yaml:"columns,omitempty" json:"-"`

	// Values says what one's own words mean in those that all agreed on, input
	// by input, as муж: m for sex. No part of the hash, either.
	Values map[string]map[string]string `yaml:"values,omitempty" json:"-"`
}

// Headings are the headings of a table under which an input stands: one, or a
// list of which the first that has something is taken.
type Headings []string

// UnmarshalYAML takes one heading or a list of them.
func (h *Headings) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		if *h = nil; node.Value != "" {
			*h = Headings{node.Value}
		}
		return nil
	}
	var list []string
	if err := node.Decode(&list); err != nil {
		return err
	}
	*h = list
	return nil
}

// RowID is the column, in Columns, of the numbers by which an organisation finds
// its own rows again. They go to no encoded file.
const RowID = "id"

// The bounds of a schema: what is beyond is a slip, or meant to exhaust a machine.
const (
	minLength   = 64
	maxLength   = 8192
	maxFeatures = 32
	maxSchema   = 1 << 20 // bytes
)

//go:embed data/cases.yaml
var caseSchema []byte

// CaseSchema is the schema for the cases of a register, as YAML.
func CaseSchema() []byte { return bytes.Clone(caseSchema) }

// ReadSchema reads a schema. Keys it does not know are refused.
func ReadSchema(r io.Reader) (Schema, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSchema+1))
	if err != nil {
		return Schema{}, err
	}
	if len(text) > maxSchema {
		return Schema{}, errors.New("a schema is no larger than a megabyte")
	}
	var s Schema
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return Schema{}, fmt.Errorf("this is not a schema: %w", err)
	}
	return s, s.check()
}

func (s Schema) check() error {
	switch {
	case s.Version != 1:
		return fmt.Errorf("version: %d is not one this program writes; it is 1", s.Version)
	case s.Length < minLength || s.Length > maxLength || s.Length%64 != 0:
		return fmt.Errorf("length: %d is not a multiple of 64 from %d to %d", s.Length, minLength, maxLength)
	case len(s.Features) == 0:
		return errors.New("features: there are none, so nothing would be compared")
	case len(s.Features) > maxFeatures:
		return fmt.Errorf("features: more than %d", maxFeatures)
	}
	order := []Hardening{Fold, Rule90, Balance}
	last := -1
	for _, h := range s.Harden {
		at := slices.Index(order, h)
		switch {
		case at < 0:
			return fmt.Errorf("harden: %q is none of fold, rule90, balance", h)
		case at <= last:
			return errors.New("harden: the steps stand once each, in the order fold, rule90, balance")
		}
		last = at
	}
	if s.Has(Balance) && s.Length%128 != 0 {
		return fmt.Errorf("length: %d is not a multiple of 128, as a balanced filter's is", s.Length)
	}
	seen := map[string]Feature{}
	for _, f := range s.Features {
		if f.ID == "" {
			return errors.New("features: one has no identifier")
		}
		if _, ok := seen[f.ID]; ok {
			return fmt.Errorf("features: %q stands twice", f.ID)
		}
		if err := f.check(); err != nil {
			return fmt.Errorf("features: %s: %w", f.ID, err)
		}
		seen[f.ID] = f
	}
	for _, f := range s.Features {
		if f.Salt == "" {
			continue
		}
		if salt, ok := seen[f.Salt]; !ok || f.Salt == f.ID || salt.Salt != "" {
			return fmt.Errorf("features: %s: salt: %q is no other feature without a salt", f.ID, f.Salt)
		}
	}
	if !slices.ContainsFunc(s.Features, func(f Feature) bool { return f.Bits+f.PieceBits > 0 }) {
		return errors.New("features: none has bits, so nothing would be compared")
	}
	return nil
}

func (f Feature) check() error {
	names := false
	switch f.Read {
	case Family, Given, Father:
		names = true
	case Name, Text, Year, Month, Day, MonthDay, Date:
	default:
		return fmt.Errorf("read: %q is none of family, given, father, name, text, year, month, day, month-day, date", f.Read)
	}
	switch near := f.Read == Year || f.Read == Day || f.Read == Date; {
	case names && f.Input != "":
		return fmt.Errorf("input: %s is read from the names of a row", f.Read)
	case !names && f.Input == "":
		return errors.New("input: it is not said what is read")
	case f.NGram < 0 || f.NGram > 6:
		return errors.New("ngram: from 1 to 6 letters, or 0 for the whole value")
	case f.Near < 0 || f.Near > 10:
		return errors.New("near: from 0 to 10")
	case f.Near > 0 && (!near || f.NGram > 0):
		return errors.New("near: only for a year, a day or a date as a whole")
	case f.Bits < 0 || f.Bits > maxLength || f.PieceBits < 0 || f.PieceBits > 200:
		return errors.New("bits: out of bounds")
	case f.Bits > 0 && f.PieceBits > 0:
		return errors.New("bits, or bits_per_piece: one of the two; neither in a feature that only salts others")
	}
	return nil
}

// Has reports whether the schema has a step of hardening.
func (s Schema) Has(h Hardening) bool { return slices.Contains(s.Harden, h) }

// Inputs are the inputs that a row is read from, without repetition.
func (s Schema) Inputs() []string {
	var out []string
	add := func(ids ...string) {
		for _, id := range ids {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	for _, f := range s.Features {
		if f.Input == "" {
			add(nameInputs...)
		} else {
			add(f.Input)
		}
	}
	return out
}

// nameInputs are read together, so that the roles of words are found.
var nameInputs = []string{"family", "given", "patronymic", "full_name"}

// Canonical is the schema as it is hashed: JSON without spaces, all keys in the
// order of docs/spec/encoded.md, Columns left out.
func (s Schema) Canonical() []byte {
	if s.Harden == nil {
		s.Harden = []Hardening{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Hash is the SHA-256 of Canonical.
func (s Schema) Hash() [32]byte { return sha256.Sum256(s.Canonical()) }

// raw is the length of a filter before it is hardened.
func (s Schema) raw() int {
	n := s.Length
	if s.Has(Balance) {
		n /= 2
	}
	if s.Has(Fold) {
		n *= 2
	}
	return n
}

// Agreed is what a text means in the words of all.
func (s Schema) Agreed(input, text string) string {
	if code, ok := s.Values[input][strings.TrimSpace(text)]; ok {
		return code
	}
	return text
}

// Draft proposes, for a person to finish, the columns of a table for a schema:
// headings that say in English, Russian or Kazakh what they hold.
func Draft(schema []byte, headings []string) []byte {
	words := []struct {
		input string
		parts []string
	}{
		{"full_name", []string{"full name", "фио", "аты-жөні", "name of victim"}},
		{"patronymic", []string{"patronymic", "father", "отчество", "әкесінің", "middle"}},
		{"family", []string{"family", "surname", "last name", "фамилия", "тегі"}},
		{"given", []string{"given", "first name", "имя", "есімі", "аты"}},
		{"birth", []string{"birth", "рожд", "туған", "dob"}},
		{"sex", []string{"sex", "gender", "пол", "жынысы"}},
		{"region", []string{"region", "oblast", "область", "регион", "өңір", "облыс"}},
		{"incident", []string{"incident", "дата события", "оқиға"}},
		{RowID, []string{"id", "no", "no.", "case id", "case no", "number", "№", "№ дела", "номер", "нөмір"}},
	}
	found := map[string][]string{}
	for _, h := range headings {
		low := strings.ToLower(strings.TrimSpace(h))
		for _, w := range words {
			if w.input == RowID { // one, the first: part of a heading says nothing ("street number")
				if len(found[RowID]) == 0 && (slices.Contains(w.parts, low) || strings.HasSuffix(low, " id") || strings.HasSuffix(low, "_id")) {
					found[RowID] = []string{h}
				}
				continue
			}
			if slices.ContainsFunc(w.parts, func(p string) bool {
				return low == p || len([]rune(p)) > 3 && strings.Contains(low, p)
			}) {
				found[w.input] = append(found[w.input], h)
				break
			}
		}
	}
	var b bytes.Buffer
	b.Write(bytes.TrimRight(schema, "\n"))
	b.WriteString("\n\n# The headings of your own table, input by input. Others don't need to know them.\n")
	b.WriteString("# Look at each; a line that is empty was not found, and may stay so.\ncolumns:\n")
	s, err := ReadSchema(bytes.NewReader(schema))
	if err != nil {
		return b.Bytes()
	}
	for _, in := range append([]string{RowID}, s.Inputs()...) {
		quoted := make([]string, len(found[in]))
		for i, h := range found[in] {
			quoted[i] = strconv.Quote(h)
		}
		fmt.Fprintf(&b, "  %s: [%s]\n", in, strings.Join(quoted, ", "))
	}
	b.WriteString("\n# Your own words for what all write in one way, for each input.\n# values:\n#   sex: {муж: m, жен: f}\n")
	return b.Bytes()
}
