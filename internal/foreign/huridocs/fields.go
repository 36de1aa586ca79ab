// SPDX-License-Identifier: AGPL-3.0-or-later

package huridocs

import (
	_ "embed"
	"strings"
)

//go:embed fields.csv
var fieldsCSV string

// A field of the formats.
type field struct {
	number, name, kind string
	list               string // of the micro-thesauri; empty: not coded
	repeat             bool
}

// schema is the fields of each entity, in their order.
type schema map[string][]field

// fields reads fields.csv, which has no quotes in it.
func fields() schema {
	s := schema{}
	for i, line := range strings.Split(strings.TrimSpace(fieldsCSV), "\n") {
		c := strings.Split(line, ",")
		if i == 0 || len(c) != 6 {
			continue
		}
		s[c[0]] = append(s[c[0]], field{number: c[1], name: c[2], kind: c[3], list: c[4], repeat: c[5] == "yes"})
	}
	return s
}

func (s schema) field(entity, name string) (field, bool) {
	for _, f := range s[entity] {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// headings are the columns that the fields of an entity take, each code with a
// column for its term.
func (s schema) headings(entity, prefix string) []string {
	var out []string
	for _, f := range s[entity] {
		out = append(out, prefix+f.name)
		if f.list != "" {
			out = append(out, prefix+f.name+" (term)")
		}
	}
	return out
}
