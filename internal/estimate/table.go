// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// MostLists is how many lists a table can have.
const MostLists = 12

// mostPeople is how many people a table can have: well past any country, well
// within what the numbers of a computer tell apart.
const mostPeople = 1_000_000_000

// Table counts people by the lists they are on.
type Table struct {
	Lists []string
	// Counts has 2^len(Lists) numbers. Bit j of the place of a number says whether
	// those people are on list j. The first, of those on no list, is what is to
	// be estimated; here it is 0.
	Counts []int
}

// NewTable is a table of these lists, without anybody.
func NewTable(lists ...string) Table {
	return Table{Lists: lists, Counts: make([]int, 1<<len(lists))}
}

// Observed is how many people are on at least one list.
func (t Table) Observed() int {
	n := 0
	for _, c := range t.Counts {
		n += c
	}
	return n
}

// Shared is how many people are on all lists of a set; bit j of it is list j.
func (t Table) Shared(set int) int {
	n := 0
	for x, c := range t.Counts {
		if x&set == set {
			n += c
		}
	}
	return n
}

// On is how many people list j has.
func (t Table) On(j int) int { return t.Shared(1 << j) }

// Without leaves list j out, and with it those who are on no other.
func (t Table) Without(j int) Table {
	out := NewTable(slices.Delete(slices.Clone(t.Lists), j, j+1)...)
	low := 1<<j - 1
	for x, c := range t.Counts {
		out.Counts[x&low|x>>1&^low] += c
	}
	out.Counts[0] = 0
	return out
}

// TableError says where a table is not one.
type TableError struct {
	Line int // of the file, from 1
	Why  string
}

func (e *TableError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }

// Stratum is a part of a population with a table of its own.
type Stratum struct {
	Name  string
	Table Table
}

// countNames are the names of the last column, where it counts people.
func countNames() []string {
	return []string{"count", "n", "freq", "число", "количество", "саны"}
}

// ReadTable reads a table: a column of 0 and 1 for each list and a last column,
// named count, of how many people have that pattern. Without such a column each
// line is a person.
func ReadTable(r io.Reader) (Table, error) {
	_, all, err := ReadStrata(r, "")
	return all, err
}

// ReadStrata reads tables of several parts of a population from one: the column
// named by says to which part a line belongs. The parts come in the order of
// their names, and beside them the table of all.
func ReadStrata(r io.Reader, by string) ([]Stratum, Table, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, Table{}, &TableError{1, "the file is empty: its first line names the lists"}
	}
	if err != nil {
		return nil, Table{}, unread(err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	count, strata := -1, -1
	var lists []string
	var columns []int
	for i, name := range head {
		name = strings.TrimSpace(name)
		switch {
		case by != "" && name == by:
			strata = i
		case i == len(head)-1 && slices.Contains(countNames(), strings.ToLower(name)):
			count = i
		case name == "":
			return nil, Table{}, &TableError{1, fmt.Sprintf("column %d has no name", i+1)}
		case slices.Contains(lists, name):
			return nil, Table{}, &TableError{1, fmt.Sprintf("two columns are called %q: give each list a name of its own", name)}
		default:
			lists, columns = append(lists, name), append(columns, i)
		}
	}
	switch {
	case by != "" && strata < 0:
		return nil, Table{}, &TableError{1, fmt.Sprintf("no column is called %q", by)}
	case len(lists) > MostLists:
		return nil, Table{}, &TableError{1, fmt.Sprintf("there are %d lists, and at most %d can be estimated from: join those that are alike", len(lists), MostLists)}
	case len(lists) == 0:
		return nil, Table{}, &TableError{1, "no column is a list"}
	}
	all, parts := NewTable(lists...), map[string]*Table{}
	seen, total := map[string]int{}, 0
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, Table{}, unread(err)
		}
		line, _ := in.FieldPos(0)
		x := 0
		for j, i := range columns {
			switch strings.TrimSpace(row[i]) {
			case "0":
			case "1":
				x |= 1 << j
			default:
				return nil, Table{}, &TableError{line, fmt.Sprintf("column %q must be 0 or 1, and is %q", lists[j], row[i])}
			}
		}
		n := 1
		if count >= 0 {
			if n, err = strconv.Atoi(strings.TrimSpace(row[count])); x == 0 && (err != nil || n == 0) {
				continue // what is to be estimated is often left in as NA
			}
			if err != nil || n < 0 {
				return nil, Table{}, &TableError{line, fmt.Sprintf("%q is no number of people", row[count])}
			}
		}
		if x == 0 {
			return nil, Table{}, &TableError{line, "these people are on no list: how many there are of them is what is to be estimated"}
		}
		part := ""
		if strata >= 0 {
			part = strings.TrimSpace(row[strata])
		}
		if count >= 0 {
			key := fmt.Sprint(x, " ", part)
			if first, there := seen[key]; there {
				return nil, Table{}, &TableError{line, fmt.Sprintf("this pattern stands in line %d, too", first)}
			}
			seen[key] = line
		}
		if n > mostPeople-total {
			return nil, Table{}, &TableError{line, "there are more than a thousand million people"}
		}
		total += n
		all.Counts[x] += n
		if strata >= 0 {
			t, there := parts[part]
			if !there {
				fresh := NewTable(lists...)
				t = &fresh
				parts[part] = t
			}
			t.Counts[x] += n
		}
	}
	var out []Stratum
	for name, t := range parts {
		out = append(out, Stratum{name, *t})
	}
	slices.SortFunc(out, func(a, b Stratum) int { return strings.Compare(a.Name, b.Name) })
	return out, all, nil
}

func unread(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		why := "the quotation marks are not in pairs"
		if errors.Is(e.Err, csv.ErrFieldCount) {
			why = "it has not as many columns as the first line"
		}
		return &TableError{e.Line, why}
	}
	return err
}

// pairs are the sets of two lists, in a fixed order.
func pairs(lists int) []int {
	var out []int
	for x := range 1 << lists {
		if bits.OnesCount(uint(x)) == 2 {
			out = append(out, x)
		}
	}
	return out
}
