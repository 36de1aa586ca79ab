// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"fmt"
	"slices"
)

// Config says what is compared and how. The zero value of every number means its default.
type Config struct {
	Fields     []Field    `yaml:"fields"`
	Blocks     []Block    `yaml:"blocks"`
	MaxBlock   int        `yaml:"max_block"`    // rows; a larger block is split by its Split keys, and what is left is reported
	Propose    float64    `yaml:"propose"`      // probability from which a pair is shown to a person
	Accept     float64    `yaml:"accept"`       // probability from which records are clustered without a person
	Seed       uint64     `yaml:"seed"`         // of the random pairs
	AcrossOnly bool       `yaml:"across_only"`  // never pair two records of one list
	OnePerList bool       `yaml:"one_per_list"` // a cluster has at most one record of each list
	Decided    []Decision `yaml:"-"`            // what people decided before; it binds
	Learn      bool       `yaml:"learn"`        // learn the weights from what people decided, too
	FindBlocks bool       `yaml:"-"`            // without Blocks, find them
}

// The defaults, and why.
const (
	DefaultMaxBlock = 400  // 80,000 pairs: a tenth of a second
	DefaultPropose  = 0.20 // a person loses little by looking at one wrong pair in five right ones
	DefaultAccept   = 0.99 // a false merge hides a victim
)

// maxRules bounds the work: each pair is looked up under every rule.
const maxRules = 32

// Decision is a person's verdict on two records.
type Decision struct {
	A, B string
	Same bool
}

// Comparer names a way to compare the values of a field.
type Comparer string

// The comparers.
const (
	Person     Comparer = "person"     // a name, from its family name, given name, patronymic and full names
	Birth      Comparer = "birth"      // a date of birth, EDTF; a year alone agrees with any day in it
	Event      Comparer = "event"      // the day of an event, EDTF
	Exact      Comparer = "exact"      // a code: agrees or not
	Set        Comparer = "set"        // several codes: all, some or none in common
	Identifier Comparer = "identifier" // a number given once, such as a register's: agreement is strong
	Text       Comparer = "text"       // a word or a line, compared by its letters
)

// Field is one comparison.
type Field struct {
	ID      string    `yaml:"id"`
	Compare Comparer  `yaml:"compare"`
	From    []string  `yaml:"from"`  // fields of the record it reads; ID alone when empty. For Person: family name, given name, patronymic, then fields of full names
	Apart   bool      `yaml:"apart"` // records that differ in it are never joined without a person, as with a number that one person has once
	M       []float64 `yaml:"m"`     // what to expect of each level among true pairs, where the default is not right (not for Person)
}

// Block is a rule that makes pairs: records that agree in all its keys are compared.
type Block struct {
	ID    string `yaml:"id"`
	Keys  []Key  `yaml:"keys"`
	Split []Key  `yaml:"split"` // further keys, used one after the other where a block is too large
}

// Key is a part of a block's key: a field of the configuration, and how it is read.
type Key struct {
	Field string  `yaml:"field"`
	As    Reading `yaml:"as"`
}

// Reading is a way to make a key of a field's value.
type Reading string

// The readings of a field for blocking.
const (
	Whole    Reading = ""         // letters and digits, in lower case; the day of an exact date
	Year     Reading = "year"     // of a date
	First3   Reading = "first3"   // the first three letters
	Sounds   Reading = "sounds"   // the consonants of a word, folded across scripts
	Trigrams Reading = "trigrams" // the two rarest runs of three letters
	Family   Reading = "family"   // of a Person: the family name, folded
	Given    Reading = "given"    // of a Person: the given name, folded
	Names    Reading = "names"    // of a Person: both, in any order
)

// BlockReport says what a rule did: nothing is left out in silence.
type BlockReport struct {
	ID        string
	Blocks    int
	Pairs     int // that this rule makes, whether or not others make them too
	Largest   int // rows in the largest block
	Split     int // blocks that were too large and were split by further keys
	Over      int // blocks still too large: not compared under this rule
	LostPairs int // pairs not compared under this rule, because of Split and Over
}

// CaseConfig is the configuration for the cases of a register. The registry
// supplies the fields family, given, patronymic, other_names and full_name (both
// of full names), sex, birth, region, incident, place_type, register_no,
// complaint and methods, each with all its values.
func CaseConfig() Config {
	return Config{
		MaxBlock: DefaultMaxBlock, Propose: DefaultPropose, Accept: DefaultAccept,
		Fields: []Field{
			{ID: "name", Compare: Person, From: []string{"family", "given", "patronymic", "other_names", "full_name"}},
			{ID: "sex", Compare: Exact, M: []float64{0.98, 0.02}},
			{ID: "birth", Compare: Birth},
			{ID: "region", Compare: Exact, M: []float64{0.95, 0.05}},
			{ID: "incident", Compare: Event, Apart: true}, // one person in two incidents is two cases
			{ID: "place_type", Compare: Exact, M: []float64{0.85, 0.15}},
			{ID: "methods", Compare: Set},
			{ID: "register_no", Compare: Identifier},
			{ID: "complaint", Compare: Event},
		},
		Blocks: []Block{
			{ID: "names", Keys: []Key{{"name", Names}}, Split: []Key{{"birth", Year}, {"region", Whole}, {"incident", Whole}}},
			{ID: "family and year of birth", Keys: []Key{{"name", Family}, {"birth", Year}}, Split: []Key{{"region", Whole}, {"incident", Whole}}},
			{ID: "given name, incident, region", Keys: []Key{{"name", Given}, {"incident", Whole}, {"region", Whole}}, Split: []Key{{"birth", Year}, {"place_type", Whole}}},
			{ID: "family, incident", Keys: []Key{{"name", Family}, {"incident", Whole}}, Split: []Key{{"region", Whole}, {"birth", Year}}},
			{ID: "birth", Keys: []Key{{"birth", Whole}}, Split: []Key{{"region", Whole}, {"name", Given}}},
			{ID: "register number", Keys: []Key{{"register_no", Whole}}},
			{ID: "rare trigrams of the name", Keys: []Key{{"name", Trigrams}}, Split: []Key{{"birth", Year}, {"region", Whole}, {"incident", Whole}}},
		},
	}
}

func (c Config) withDefaults() (Config, error) {
	if c.MaxBlock == 0 {
		c.MaxBlock = DefaultMaxBlock
	}
	if c.Propose == 0 {
		c.Propose = DefaultPropose
	}
	if c.Accept == 0 {
		c.Accept = DefaultAccept
	}
	switch {
	case len(c.Fields) == 0:
		return c, fmt.Errorf("linkage: the configuration has no fields to compare")
	case len(c.Blocks) == 0 && !c.FindBlocks:
		return c, fmt.Errorf("linkage: the configuration has no blocks, so nothing would be compared")
	case len(c.Blocks) > maxRules:
		return c, fmt.Errorf("linkage: %d blocks; at most %d fit", len(c.Blocks), maxRules)
	case c.MaxBlock < 2:
		return c, fmt.Errorf("linkage: max_block is %d; a block needs two rows", c.MaxBlock)
	case !(c.Propose > 0 && c.Propose <= c.Accept && c.Accept < 1):
		return c, fmt.Errorf("linkage: propose is %v and accept %v; wanted 0 < propose ≤ accept < 1", c.Propose, c.Accept)
	}
	kinds := map[string]Comparer{}
	people := 0
	for _, f := range c.Fields {
		switch {
		case f.ID == "" || f.ID == "prior" || f.ID == "list" || f.ID == "decided":
			return c, fmt.Errorf("linkage: %q cannot be the id of a field", f.ID)
		case kinds[f.ID] != "":
			return c, fmt.Errorf("linkage: field %s stands twice in the configuration", f.ID)
		}
		levels, ok := comparers[f.Compare]
		if !ok {
			return c, fmt.Errorf("linkage: field %s: no comparer %q", f.ID, f.Compare)
		}
		if f.M != nil && (f.Compare == Person || len(f.M) != len(levels.codes) || slices.ContainsFunc(f.M, func(m float64) bool { return m <= 0 || m >= 1 })) {
			return c, fmt.Errorf("linkage: field %s: m needs a share between 0 and 1 for each of its levels %v", f.ID, levels.codes)
		}
		kinds[f.ID] = f.Compare
		if f.Compare == Person {
			people++
			if f.Apart {
				return c, fmt.Errorf("linkage: field %s: names that differ do not keep people apart for certain; remove apart", f.ID)
			}
		}
	}
	if people > 1 {
		return c, fmt.Errorf("linkage: only one field can compare names; %d do", people)
	}
	for _, b := range c.Blocks {
		if len(b.Keys) == 0 {
			return c, fmt.Errorf("linkage: block %q has no keys", b.ID)
		}
		for _, k := range slices.Concat(b.Keys, b.Split) {
			kind, ok := kinds[k.Field]
			if !ok {
				return c, fmt.Errorf("linkage: block %q: no field %q in the configuration", b.ID, k.Field)
			}
			if !k.fits(kind) {
				return c, fmt.Errorf("linkage: block %q: field %s (%s) cannot be read as %q", b.ID, k.Field, kind, k.As)
			}
		}
	}
	return c, nil
}

func (k Key) fits(kind Comparer) bool {
	switch k.As {
	case Whole:
		return true
	case Year:
		return kind == Birth || kind == Event
	case First3, Sounds:
		return kind == Text || kind == Exact || kind == Identifier
	case Trigrams:
		return kind == Text || kind == Person
	case Family, Given, Names:
		return kind == Person
	}
	return false
}
