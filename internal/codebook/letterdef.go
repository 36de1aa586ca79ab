// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// LetterDef is a document that a case calls for, such as a complaint about delay, as read. What stands in braces in its
// text is filled from the case (docs/spec/letters.md); package letter does it.
type LetterDef struct {
	ID     string            `yaml:"id"`
	Label  Label             `yaml:"label"`
	Help   Label             `yaml:"help"`   // when to use it, and what to look after
	For    []string          `yaml:"for"`    // the checks and deadlines whose next step it is
	Norm   string            `yaml:"norm"`   // as in a rule
	Source Label             `yaml:"-"`      // the norm in three languages; made from Norm
	Conf   string            `yaml:"conf"`   // R text read, K known, U unsure, H house rule
	Record string            `yaml:"record"` // the kind of record that says that it was sent
	Set    map[string]string `yaml:"set"`    // fields of that record: a value, or what is filled as in the text

	Langs   []string `yaml:"langs"`   // it is written in, that of its reader first; empty: those of its file
	Purpose string   `yaml:"purpose"` // code of list consent_purpose: who has not consented to it is not named; empty: that of its file
	Signs   []string `yaml:"signs"`   // picks of people who are named without a consent, since they sign it; empty: those of its file
	Readers []string `yaml:"readers"` // for whom it is a form: court, lawyer, srt, cat, wgad; empty: it is a letter
	About   string   `yaml:"about"`   // the kind of record or pick it is about, where a case may have several

	Body []PassageDef `yaml:"body"`
	File string       `yaml:"-"`
}

// PassageDef is a paragraph of a letter.
type PassageDef struct {
	Is   string `yaml:"is"`   // to, title, under (the title), ask (numbered), head, part, row, columns, item, small, map, missing, protocol, or empty: text
	If   string `yaml:"if"`   // conditions, all of which must hold; empty: always there
	Each string `yaml:"each"` // stands once for every record of this name or kind
	Use  string `yaml:"use"`  // the passages that are shared under this name, in its place
	Of   string `yaml:"of"`   // of a body map: whose findings; of what is missing: the letter that lacks it; of a section of the Istanbul Protocol: which examination
	Part string `yaml:"part"` // which section of the Istanbul Protocol
	Norm string `yaml:"norm"` // of a heading: where what stands below it is asked for
	Conf string `yaml:"conf"` // of the norms it cites; empty: the text of each was read
	Text Texts  `yaml:"text"`

	Source Label `yaml:"-"` // the norm in three languages; made from Norm
}

// Texts are a text in the languages of a letter: all three, or by language.
type Texts Label

// UnmarshalYAML reads [English, Russian, Kazakh] or a text for each language that the letter is written in.
func (t *Texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return (*Label)(t).UnmarshalYAML(n)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		to, ok := map[string]*string{"en": &t.En, "ru": &t.Ru, "kk": &t.Kk}[n.Content[i].Value]
		if !ok {
			return fmt.Errorf("line %d: there is no language %q: en, ru or kk", n.Line, n.Content[i].Value)
		}
		*to = n.Content[i+1].Value
	}
	return nil
}

// PickDef names a record of the case by its kind and what it holds.
type PickDef struct {
	Kind  string              `yaml:"kind"`
	Where map[string][]string `yaml:"where"` // each of these fields has one of its values
	Of    string              `yaml:"of"`    // it refers to the record of this name
	First bool                `yaml:"first"` // of several the earliest; else the latest
}

// Letters is all that the packs say about letters.
type Letters struct {
	Letters []LetterDef
	Shared  map[string][]PassageDef
	Picks   map[string]PickDef
}

// Letters returns the letters of the codebook and its packs, as read.
func (b *Book) Letters() Letters { return b.letters }

// letterFile is a file of the folder letters.
type letterFile struct {
	Acts    map[string]Label        `yaml:"acts"`
	Langs   []string                `yaml:"langs"`
	Purpose string                  `yaml:"purpose"`
	Signs   []string                `yaml:"signs"`
	Picks   map[string]PickDef      `yaml:"picks"`
	Shared  map[string][]PassageDef `yaml:"shared"`
	Letters []LetterDef             `yaml:"letters"`
}

func parseLetters(file string, data []byte) (letterFile, error) {
	var f letterFile
	if err := decode(file, data, &f); err != nil {
		return f, err
	}
	for i := range f.Letters {
		l := &f.Letters[i]
		l.File, l.Source = file, translate(l.Norm, f.Acts)
		sourced(l.Body, f.Acts)
		if l.Langs == nil {
			l.Langs = f.Langs
		}
		if l.Purpose == "" {
			l.Purpose = f.Purpose
		}
		if l.Signs == nil {
			l.Signs = f.Signs
		}
		switch {
		case l.Label == (Label{}):
			return f, fmt.Errorf("%s: letter %s: needs a label", file, l.ID)
		case l.Norm == "":
			return f, fmt.Errorf("%s: letter %s: needs a norm: on what it rests", file, l.ID)
		case !slices.Contains([]string{"R", "K", "U", "H"}, l.Conf):
			return f, fmt.Errorf("%s: letter %s: conf is one of R, K, U, H, not %q", file, l.ID, l.Conf)
		case len(l.Body) == 0:
			return f, fmt.Errorf("%s: letter %s: has no body", file, l.ID)
		}
	}
	for _, passages := range f.Shared {
		sourced(passages, f.Acts)
	}
	return f, nil
}

func sourced(passages []PassageDef, acts map[string]Label) {
	for i := range passages {
		if p := &passages[i]; p.Norm != "" {
			p.Source = translate(p.Norm, acts)
		}
	}
}

func (l *loader) addLetters(file string, f letterFile) error {
	into := &l.book.letters
	for _, name := range slices.Sorted(maps.Keys(f.Picks)) {
		if err := l.define("pick "+name, name, file); err != nil {
			return err
		}
		into.Picks[name] = f.Picks[name]
	}
	for _, name := range slices.Sorted(maps.Keys(f.Shared)) {
		if err := l.define("shared passage "+name, name, file); err != nil {
			return err
		}
		into.Shared[name] = f.Shared[name]
	}
	for _, d := range f.Letters {
		if err := l.define("letter "+d.ID, d.ID, file); err != nil {
			return err
		}
	}
	into.Letters = append(into.Letters, f.Letters...)
	return nil
}
