// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// RecordFile is a file of records written by hand: the cases of one organisation, records outside cases, or both.
// Records refer to each other by local labels; those of a case to its own and to those outside.
type RecordFile struct {
	About        string         `yaml:"about"`        // what the file is and where it comes from
	Organisation string         `yaml:"organisation"` // whose cases they are
	Counts       bool           `yaml:"counts"`       // whether that organisation counts in the coalition's figures
	Outside      []WrittenEntry `yaml:"outside"`
	Cases        []WrittenCase  `yaml:"cases"`
}

// WrittenCase is a case of a record file.
type WrittenCase struct {
	Key     string         `yaml:"key"` // the organisation's own number of the case
	Records []WrittenEntry `yaml:"records"`
}

// WrittenEntry is one record as written.
type WrittenEntry struct {
	Kind   string            `yaml:"kind"`
	ID     string            `yaml:"id"`     // a local label, by which others refer to it
	Facts  []string          `yaml:"facts"`  // which numbered facts of the source it holds
	Source string            `yaml:"source"` // where it is from
	Reason string            `yaml:"reason"`
	Fields map[string]Values `yaml:"fields"`
}

// Values are the values of a field: in the file one text, or a list of them.
type Values []string

// UnmarshalYAML takes every scalar by its letters: no is the text no, and a day is not turned into a time.
func (v *Values) UnmarshalYAML(n *yaml.Node) error {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	for _, x := range nodes {
		if x.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: a field holds a text or a list of texts", x.Line)
		}
		*v = append(*v, x.Value)
	}
	return nil
}

// ParseRecordFile reads a record file strictly. Check says whether what it holds is valid.
func ParseRecordFile(file string, data []byte) (*RecordFile, error) {
	var f RecordFile
	if err := decode(file, data, &f); err != nil {
		return nil, err
	}
	return &f, nil
}

// Check refuses a record file that does not fit the codebook: an unknown kind, field or code, a label that is not
// there or stands twice, a reference to a record of another kind. What the register itself gives to a case (its
// number, its organisation) need not be there.
func (f *RecordFile) Check(b *Book) error {
	outside := map[string]string{}
	if err := labels(outside, f.Outside); err != nil {
		return fmt.Errorf("outside: %w", err)
	}
	if err := b.checkWritten(f.Outside, Outside, outside); err != nil {
		return fmt.Errorf("outside: %w", err)
	}
	if len(f.Cases) > 0 && f.Organisation == "" {
		return fmt.Errorf("the cases need an organisation")
	}
	keys := map[string]bool{}
	for _, c := range f.Cases {
		if c.Key == "" || keys[c.Key] {
			return fmt.Errorf("case %q: every case needs a key of its own", c.Key)
		}
		keys[c.Key] = true
		all := map[string]string{}
		if err := labels(all, c.Records); err != nil {
			return fmt.Errorf("case %s: %w", c.Key, err)
		}
		for label, kind := range outside {
			if _, ok := all[label]; ok {
				return fmt.Errorf("case %s: label %s stands outside cases too", c.Key, label)
			}
			all[label] = kind
		}
		if err := b.checkWritten(c.Records, InCase, all); err != nil {
			return fmt.Errorf("case %s: %w", c.Key, err)
		}
	}
	return nil
}

func labels(to map[string]string, records []WrittenEntry) error {
	for _, r := range records {
		if !name.MatchString(r.ID) {
			return fmt.Errorf("record %q: the id is a label of letters, digits and . _ + -", r.ID)
		}
		if _, ok := to[r.ID]; ok {
			return fmt.Errorf("record %s stands twice", r.ID)
		}
		to[r.ID] = r.Kind
	}
	return nil
}

func (b *Book) checkWritten(records []WrittenEntry, scope Scope, kinds map[string]string) error {
	for _, r := range records {
		k, ok := b.Kind(r.Kind)
		if ok && k.Scope != scope {
			return fmt.Errorf("record %s: a record of kind %s stands elsewhere: %s", r.ID, r.Kind, k.Scope)
		}
		fields := make(map[string][]string, len(r.Fields))
		for id, values := range r.Fields {
			fields[id] = values
			if !ok {
				continue
			}
			def, known := k.Field(id)
			if !known || def.Type != Ref {
				continue
			}
			fields[id] = nil
			for _, v := range values {
				if kind, ok := kinds[v]; !ok || kind != def.RefKind {
					return fmt.Errorf("record %s: %s: there is no %s with the label %q", r.ID, id, def.RefKind, v)
				}
				fields[id] = append(fields[id], strings.Repeat("0", 32)) // an id in its place: the label was checked
			}
		}
		for _, p := range b.Validate(r.Kind, fields) {
			if r.Kind == "case" && p.What == Required {
				continue
			}
			return fmt.Errorf("record %s (%s): %s", r.ID, r.Kind, p.Msg)
		}
	}
	return nil
}
