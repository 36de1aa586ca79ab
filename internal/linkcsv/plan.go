// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/linkage"
)

// Plan says which columns are what. It is the configuration file of `kua link`
// (docs/spec/link.md).
type Plan struct {
	ID             string `yaml:"id"`   // the column with the id of a row; empty: rows are numbered
	List           string `yaml:"list"` // the column that says who made the list; empty: each file is a list
	linkage.Config `yaml:",inline"`
}

// ParsePlan reads a configuration.
func ParsePlan(name string, data []byte) (Plan, error) {
	var p Plan
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		text := strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:")), " ")
		return p, fmt.Errorf("%s: %s", name, strings.ReplaceAll(text, " in type linkcsv.Plan", ""))
	}
	if len(p.Fields) == 0 {
		return p, fmt.Errorf("%s: no fields: say which columns to compare, or let them be found (--draft)", name)
	}
	p.FindBlocks = len(p.Blocks) == 0
	if _, err := linkage.NewTable(p.Config); err != nil {
		return p, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "linkage: "))
	}
	return p, nil
}

// YAML writes the plan for a person to finish: with what was found of each
// column beside it, and the columns that are not compared.
func (p Plan) YAML(columns []Column) []byte {
	var b strings.Builder
	quote := func(s string) string {
		out, err := yaml.Marshal(s)
		if err != nil {
			return fmt.Sprintf("%q", s)
		}
		return strings.TrimSpace(string(out))
	}
	note := func(name string) string {
		for _, c := range columns {
			if c.Name == name {
				return c.Why
			}
		}
		return ""
	}
	b.WriteString("# What kua link compares. Look at each line; docs/spec/link.md says what can stand here.\n")
	if p.ID != "" {
		fmt.Fprintf(&b, "id: %s # %s\n", quote(p.ID), note(p.ID))
	} else {
		b.WriteString("# id: the column with the id of a row; without it rows are numbered\n")
	}
	if p.List != "" {
		fmt.Fprintf(&b, "list: %s # %s\n", quote(p.List), note(p.List))
	} else {
		b.WriteString("# list: the column that says who made the list; without it each file is a list\n")
	}
	b.WriteString("fields:\n")
	for _, f := range p.Fields {
		fmt.Fprintf(&b, "  - id: %s\n    compare: %s\n", quote(f.ID), f.Compare)
		if len(f.From) > 0 {
			b.WriteString("    from:\n")
			for _, c := range f.From {
				fmt.Fprintf(&b, "      - %s", quote(c))
				if n := note(c); n != "" {
					fmt.Fprintf(&b, " # %s", n)
				}
				b.WriteString("\n")
			}
		}
		if f.Compare == linkage.Identifier {
			b.WriteString("    # apart: true # two that differ in it are never one person\n")
		}
	}
	var left []string
	for _, c := range columns {
		if c.Kind == skipped {
			left = append(left, fmt.Sprintf("#   %s: %s\n", strings.ReplaceAll(c.Name, "\n", " "), c.Why))
		}
	}
	if len(left) > 0 {
		b.WriteString("# Columns that are not compared:\n" + strings.Join(left, ""))
	}
	b.WriteString("# Rules that bring rows together are found where none stand here:\n# blocks:\n#   - id: names\n#     keys: [{field: name, as: names}]\n")
	fmt.Fprintf(&b, "propose: %v # from this probability on a pair is written\naccept: %v # and from this on two rows are one person without anybody's look\n", linkage.DefaultPropose, linkage.DefaultAccept)
	return []byte(b.String())
}
