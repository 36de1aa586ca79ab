// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"cmp"
	"io"
	"maps"
	"math/bits"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/locale"
)

// List is an organisation's list made ready to be compared by somebody who sees
// no name, and what stays with the organisation.
type List struct {
	File    *File
	IDs     []string       // of each row of the file, in its order
	Missing map[string]int // feature → rows in which it could not be read
	Refused int            // rows left out: the person does not agree
	Largest string         // the feature that salts, of the largest group …
	Group   int            // … and how many rows of the file it has
}

// Lister makes a List of rows.
type Lister struct {
	encoder *Encoder
	key     Key
	schema  Schema
	ids     []string
	filters [][]uint64
	missing map[string]int
}

// NewLister begins a list.
func NewLister(key Key, schema Schema) (*Lister, error) {
	e, err := NewEncoder(key, schema)
	return &Lister{encoder: e, key: key, schema: schema, missing: map[string]int{}}, err
}

// Add adds a row; values are those of an input, as for Encoder.Encode.
func (l *Lister) Add(id string, values func(input string) []string) {
	filter, missing := l.encoder.Encode(values)
	for _, m := range missing {
		l.missing[m]++
	}
	l.ids, l.filters = append(l.ids, id), append(l.filters, filter)
}

// List shuffles the rows, and says which of those added each row of the file is.
func (l *Lister) List(random io.Reader) (List, []int, error) {
	file, order, err := NewFile(l.key, l.schema, l.filters, random)
	if err != nil {
		return List{}, nil, err
	}
	out := List{File: file, Missing: l.missing}
	out.Largest, out.Group = l.encoder.Largest()
	for _, at := range order {
		out.IDs = append(out.IDs, l.ids[at])
	}
	return out, order, nil
}

// Counts say in words how many rows there are, and what was missing in how many.
func (l List) Counts(s Schema, in *locale.Language) []string {
	out := []string{in.N("encoded.rows", l.File.Rows)}
	for _, f := range s.Features {
		if n := l.Missing[f.ID]; n > 0 {
			says := "encoded.missing"
			if f.Required {
				says = "encoded.left_out"
			}
			out = append(out, in.N(says, n, f.ID))
		}
	}
	if l.Refused > 0 {
		out = append(out, in.N("encoded.refused", l.Refused))
	}
	return out
}

// Notes say in words what an encoded file tells all the same, and where this
// one tells more than it should.
func (l List) Notes(in *locale.Language) []string {
	out := Leaks(in)
	switch {
	case l.Group > MaxGroup:
		out = append(out, in.N("encoded.large", l.Group, l.Largest, in.Number(MaxGroup)))
	case l.Group == 0 && l.File.Rows > 0:
		out = append(out, in.T("encoded.unsalted"))
	}
	return out
}

// Leaks is what every encoded file tells all the same; what it is comes first.
func Leaks(in *locale.Language) []string {
	return []string{in.T("encoded.not_anonymous"), in.T("encoded.leaks.rows"), in.T("encoded.leaks.key"), in.T("encoded.leaks.graph"), in.T("encoded.leaks.delete")}
}

// Listed puts notes under the first of them, a line each.
func Listed(notes []string) string { return strings.Join(notes, "\n- ") }

// ListName is a list's name: that of its file without folders and its ending,
// and its place where another has it.
func ListName(file string, before []string) string {
	file = path.Base(strings.ReplaceAll(file, `\`, "/"))
	name := strings.TrimSuffix(file, path.Ext(file))
	if name == "" || name == "count" || slices.Contains(before, name) {
		name += "-" + strconv.Itoa(len(before)+1)
	}
	return name
}

// Combination is how many people are on these lists and no other.
type Combination struct {
	Lists []string
	Count int
}

// Combinations are those of Patterns, the ones of most lists first.
func (j Joined) Combinations(names []string) []Combination {
	var out []Combination
	for _, pattern := range j.sorted() {
		c := Combination{Count: j.Patterns[pattern]}
		for i, name := range names {
			if pattern>>i&1 == 1 {
				c.Lists = append(c.Lists, name)
			}
		}
		out = append(out, c)
	}
	return out
}

// Table is the table of 'kua estimate': a column of 0 and 1 for each list, and
// how many people.
func (j Joined) Table(names []string) (head []string, rows [][]any) {
	for _, pattern := range j.sorted() {
		var row []any
		for i := range names {
			row = append(row, pattern>>i&1)
		}
		rows = append(rows, append(row, j.Patterns[pattern]))
	}
	return append(slices.Clone(names), "count"), rows
}

// People is how many there are on any list.
func (j Joined) People() (n int) {
	for _, count := range j.Patterns {
		n += count
	}
	return n
}

func (j Joined) sorted() []int {
	return slices.SortedFunc(maps.Keys(j.Patterns), func(x, y int) int {
		return cmp.Or(bits.OnesCount(uint(y))-bits.OnesCount(uint(x)), x-y) //nolint:gosec // sets of lists
	})
}
