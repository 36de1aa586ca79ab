// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"embed"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// The nouns that statements count, with all their forms, as data: a speaker can
// read and correct them.
//
//go:embed nouns/*.yaml
var nounFiles embed.FS

// noun is a word that is counted. Which forms there are depends on the language:
// English has One and Many of one form each; Russian has six of each and, where
// they differ, those that stand with numbers; Kazakh has the seven cases of One
// and of what is Owned.
type noun struct {
	GenderName string   `yaml:"gender"` // masculine, feminine, neuter: Russian
	Animate    bool     `yaml:"animate"`
	One        []string `yaml:"one"`
	Many       []string `yaml:"many"`
	With       []string `yaml:"counted"` // of Many, with numbers: "пять лет"
	Few        string   `yaml:"few"`     // with два, три, четыре, where it isn't the genitive of One
	Owned      []string `yaml:"owned"`

	gender Gender
}

// counted is the form of a noun in the plural that stands with a number.
func (w noun) counted(c Case) string {
	if len(w.With) > 0 {
		return w.With[c]
	}
	return w.Many[c]
}

// nounForms is how many forms of One, Many and Owned a noun of a language has.
var nounForms = map[string][3]int{"en": {1, 1, 0}, "ru": {6, 6, 0}, "kk": {int(cases), 0, int(cases)}}

// readNouns adds the nouns of a language.
func (l *Language) readNouns(text []byte) error {
	if err := yaml.Unmarshal(text, &l.nouns); err != nil {
		return err
	}
	want := nounForms[l.code]
	for key, w := range l.nouns {
		if len(w.One) != want[0] || len(w.Many) != want[1] || len(w.Owned) != want[2] || len(w.With) > 0 && len(w.With) != want[1] {
			return fmt.Errorf("%s: expected %d forms of one, %d of many, %d of owned", key, want[0], want[1], want[2])
		}
		switch w.GenderName {
		case "feminine":
			w.gender = Feminine
		case "neuter":
			w.gender = Neuter
		case "masculine", "":
		default:
			return fmt.Errorf("%s: no gender %q; expected masculine, feminine or neuter", key, w.GenderName)
		}
		l.nouns[key] = w
	}
	return nil
}

// HasNoun reports whether the lexicon has a noun.
func (l *Language) HasNoun(noun string) bool {
	_, ok := l.nouns[noun]
	return ok
}

// Nouns returns the keys of the nouns of the lexicon, sorted; they are the same in all languages.
func (l *Language) Nouns() []string { return slices.Sorted(maps.Keys(l.nouns)) }
