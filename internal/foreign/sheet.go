// SPDX-License-Identifier: AGPL-3.0-or-later

package foreign

import (
	"fmt"

	"github.com/kua-registry/kua/internal/intake"
)

// Sheet makes a sheet of a table out of records whose fields have names.
type Sheet struct {
	name string
	head []intake.Cell
	at   map[string]int
	has  map[string]bool // headings as mappings compare them
	rows []intake.SourceRow
}

// NewSheet begins a sheet. The headings that are named stand in it whether or
// not a row fills them, so that a mapping for all files finds them in each.
func NewSheet(name string, headings ...string) *Sheet {
	s := &Sheet{name: name, at: map[string]int{}, has: map[string]bool{}}
	for _, h := range headings {
		s.column(h)
	}
	return s
}

func (s *Sheet) column(heading string) int {
	i, ok := s.at[heading]
	if !ok {
		i = len(s.head)
		s.at[heading] = i
		s.head = append(s.head, intake.Cell{Text: s.alone(heading)})
	}
	return i
}

// alone is the heading, with a number behind it where a mapping could not tell it
// from one that stands there: Name and name are two fields in many formats.
func (s *Sheet) alone(heading string) string {
	name := heading
	for n := 2; s.has[intake.FoldHeading(name)] || intake.FoldHeading(name) == ""; n++ {
		name = fmt.Sprintf("%s (%d)", heading, n)
	}
	s.has[intake.FoldHeading(name)] = true
	return name
}

// Row begins a row. no is where a person finds it in the file: its line, or the
// how manieth record it is.
func (s *Sheet) Row(no int) Row {
	s.rows = append(s.rows, intake.SourceRow{No: no})
	return Row{s, len(s.rows) - 1}
}

// Row is a row that is being filled.
type Row struct {
	sheet *Sheet
	i     int
}

// Set puts the values under a heading, after those that it has; empty ones are
// left out.
func (r Row) Set(heading string, values ...string) {
	for _, v := range values {
		if v != "" {
			r.put(heading, v, intake.TextCell)
		}
	}
}

// SetAll puts several values under a heading that is still empty, with the text
// in which they stood.
func (r Row) SetAll(heading, text string, values []string) {
	if len(values) > 0 {
		r.put(heading, text, intake.TextCell)
		r.sheet.rows[r.i].Cells[r.sheet.at[heading]].Values = values
	}
}

// SetDate puts a date (EDTF) under a heading: it needs no form declared.
func (r Row) SetDate(heading, date string) {
	if date != "" {
		r.put(heading, date, intake.EDTFCell)
	}
}

func (r Row) put(heading, v string, as intake.CellType) {
	col, row := r.sheet.column(heading), &r.sheet.rows[r.i]
	for len(row.Cells) <= col {
		row.Cells = append(row.Cells, intake.Cell{})
	}
	c := &row.Cells[col]
	if c.Text == "" {
		*c = intake.Cell{Text: v, Type: as}
		return
	}
	if c.Values == nil {
		c.Values = []string{c.Text}
	}
	c.Values = append(c.Values, v)
	c.Text += "; " + v
}

// Len is how many rows it has.
func (s *Sheet) Len() int { return len(s.rows) }

// Table is the sheets as a table: the first is the one with a row a case.
func Table(file, format string, limits intake.Limits, sheets ...*Sheet) (*intake.Table, error) {
	all := make([]intake.Sheet, len(sheets))
	for i, s := range sheets {
		all[i] = intake.Sheet{Name: s.name, Rows: append([]intake.SourceRow{{Cells: s.head}}, s.rows...)}
	}
	return intake.NewTable(file, format, limits, all)
}
