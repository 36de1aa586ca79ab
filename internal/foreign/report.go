// SPDX-License-Identifier: AGPL-3.0-or-later

package foreign

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
)

// Why is the reason for which values of a field were not carried.
type Why string

// The reasons.
const (
	NoPlace Why = "no_place" // the format has no place for it
	Coarser Why = "coarser"  // carried, but said less exactly than it is known here
	Missing Why = "missing"  // a file that is not there, or may not leave
)

// Words is the reason as a person reads it.
func (w Why) Words() string {
	switch w {
	case NoPlace:
		return "the format has no place for it"
	case Coarser:
		return "said there less exactly than it is known here"
	case Missing:
		return "the file is not there, or may not leave"
	}
	return string(w)
}

// Report is what an export carried and what it could not, field by field.
type Report struct {
	Format string  `json:"format"`
	Cases  int     `json:"cases"`
	Fields []Field `json:"fields"` // sorted by kind and field
	at     map[[2]string]int
}

// Field is how many values of a field were carried.
type Field struct {
	Kind    string `json:"kind"`
	Field   string `json:"field"`
	Carried int    `json:"carried"` // as they are
	Left    []Left `json:"left,omitempty"`
}

// Left is how many were not.
type Left struct {
	Why    Why `json:"why"`
	Values int `json:"values"`
}

// NewReport begins a report.
func NewReport(format string) *Report {
	return &Report{Format: format, at: map[[2]string]int{}}
}

func (r *Report) field(kind, field string) *Field {
	key := [2]string{kind, field}
	i, ok := r.at[key]
	if !ok {
		i = len(r.Fields)
		r.at[key] = i
		r.Fields = append(r.Fields, Field{Kind: kind, Field: field})
	}
	return &r.Fields[i]
}

// Case counts every value of a case as one for which there is no place, but for
// those that Record.Carried and Record.Left of the answer say otherwise of. So
// what a writer does not think of is told, too.
func (r *Report) Case(c *casefile.Case) {
	r.Cases++
	for _, rec := range c.Records() {
		for field, values := range rec.Fields {
			r.left(rec.Kind, field, NoPlace, len(values))
		}
	}
}

// Carried says that n values of a field of a case that was counted were carried.
func (r *Report) Carried(kind, field string, n int) {
	if n > 0 {
		r.left(kind, field, NoPlace, -n)
		r.field(kind, field).Carried += n
	}
}

// Left says why n values were not carried, where that is not for want of a place.
func (r *Report) Left(kind, field string, why Why, n int) {
	if n > 0 && why != NoPlace {
		r.left(kind, field, NoPlace, -n)
		r.left(kind, field, why, n)
	}
}

// Told says of one value whether it was carried as it is known here, or less exactly.
func (r *Report) Told(kind, field string, exact bool) {
	if exact {
		r.Carried(kind, field, 1)
	} else {
		r.Left(kind, field, Coarser, 1)
	}
}

func (r *Report) left(kind, field string, why Why, n int) {
	f := r.field(kind, field)
	i := slices.IndexFunc(f.Left, func(l Left) bool { return l.Why == why })
	if i < 0 {
		i = len(f.Left)
		f.Left = append(f.Left, Left{Why: why})
	}
	f.Left[i].Values += n
}

// Done sorts the report and leaves out reasons that hold for nothing. A count
// below zero is a mistake of the writer, which said of more than there was.
func (r *Report) Done() error {
	for i := range r.Fields {
		f := &r.Fields[i]
		for _, l := range f.Left {
			if l.Values < 0 {
				return fmt.Errorf("export to %s: %s.%s: more values were said to be carried than there are", r.Format, f.Kind, f.Field)
			}
		}
		f.Left = slices.DeleteFunc(f.Left, func(l Left) bool { return l.Values == 0 })
		slices.SortFunc(f.Left, func(a, b Left) int { return cmp.Compare(a.Why, b.Why) })
	}
	slices.SortFunc(r.Fields, func(a, b Field) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field))
	})
	r.at = nil
	return nil
}

// String is the report for a person: what was not carried, by field.
func (r *Report) String() string {
	var b strings.Builder
	carried := 0
	for _, f := range r.Fields {
		carried += f.Carried
	}
	fmt.Fprintf(&b, "%s: %d cases, %d values carried.\n", r.Format, r.Cases, carried)
	for _, f := range r.Fields {
		for _, l := range f.Left {
			fmt.Fprintf(&b, "not carried: %s.%s, %d values: %s\n", f.Kind, f.Field, l.Values, l.Why.Words())
		}
	}
	return b.String()
}
