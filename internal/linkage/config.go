// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

// Config says what is compared and how. The zero value of every number means its default.
type Config struct {
	Fields   []Field    `yaml:"fields"`
	Blocks   []Block    `yaml:"blocks"`
	MaxBlock int        `yaml:"max_block"` // rows; a larger block is split by its Split keys, and what is left is reported
	Propose  float64    `yaml:"propose"`   // probability from which a pair is shown to a person
	Accept   float64    `yaml:"accept"`    // probability from which records are clustered without a person
	Seed     uint64     `yaml:"seed"`
	Decided  []Decision `yaml:"-"` // what people decided before; it binds
}

// Decision is a person's verdict on two records.
type Decision struct {
	A, B string
	Same bool
}

// Comparer names a way to compare the values of a field.
type Comparer string

// The comparers.
const (
	Person     Comparer = "person"     // a name, from its family, given, patronymic, other fields
	Birth      Comparer = "birth"      // a date of birth, EDTF; a year alone agrees with any day in it
	Event      Comparer = "event"      // the day of an event, EDTF
	Exact      Comparer = "exact"      // a code: agrees or not
	Set        Comparer = "set"        // several codes: all, some or none in common
	Identifier Comparer = "identifier" // a number given once, such as a register's: agreement is strong
	Text       Comparer = "text"       // a word or line, compared by its letters
)

// Field is one comparison.
type Field struct {
	ID      string    `yaml:"id"`
	Compare Comparer  `yaml:"compare"`
	From    []string  `yaml:"from"`   // the fields of the record it reads, ID alone when empty; for Person: family, given, patronymic, then fields of full names
	Unique  bool      `yaml:"unique"` // two different values are never one person
	M       []float64 `yaml:"m"`      // prior of each level among true pairs, where the default is not right
}

// Block is a rule that makes pairs: records with the same keys are compared.
type Block struct {
	ID    string `yaml:"id"`
	Keys  []Key  `yaml:"keys"`
	Split []Key  `yaml:"split"` // further keys, used one after the other where a block is too large
}

// Key is a part of a block's key.
type Key struct {
	Field string `yaml:"field"`
	As    string `yaml:"as"` // how it is read, see Keys
}

// BlockReport says what a rule did: nothing is left out in silence.
type BlockReport struct {
	ID         string
	Blocks     int
	Pairs      int // made by this rule first
	Split      int // blocks that were too large and were split
	Over       int // blocks still too large after splitting: not compared under this rule
	OverPairs  int // pairs in them
	LargestRun int // rows of the largest block
}

// Model is what was learned.
type Model struct {
	Lambda float64 // share of true pairs among all
	Levels []LevelModel
}

// LevelModel is the weight of one level of one field.
type LevelModel struct {
	Field, Level string
	M, U         float64
}

// CaseConfig is the configuration for the cases of a register. The registry
// supplies the fields family, given, patronymic, other_names, sex, birth,
// region, incident, place_type, register_no, complaint and methods.
func CaseConfig() Config {
	return Config{}
}

// LevelText says a level of a FieldWeight in lang ("en", "ru", "kk").
func LevelText(level, lang string) string { return level }
