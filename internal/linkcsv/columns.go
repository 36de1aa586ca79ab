// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/linkage"
)

// Column is what was found of a column.
type Column struct {
	Name string
	Kind Kind
	Why  string // for people
}

// Kind is what a column holds.
type Kind string

// The kinds of columns.
const (
	idColumn         Kind = "id"
	listColumn       Kind = "list"
	familyColumn     Kind = "family name"
	givenColumn      Kind = "given name"
	patronymicColumn Kind = "patronymic"
	fullColumn       Kind = "full name"
	birthColumn      Kind = "date of birth"
	eventColumn      Kind = "date"
	codeColumn       Kind = "code"
	setColumn        Kind = "codes"
	numberColumn     Kind = "number"
	textColumn       Kind = "text"
	skipped          Kind = "not compared"
)

// headings are parts of headings that tell what a column holds, in English, Russian and Kazakh.
var headings = []struct {
	kind  Kind
	parts []string
}{
	{birthColumn, []string{"birth", "dob", "born", "рожд", "туған", "туылған"}},
	{patronymicColumn, []string{"patronym", "middle name", "father", "отчеств", "әкесі"}},
	{fullColumn, []string{"full name", "fullname", "name of", "фио", "ф.и.о", "аты-жөні", "т.а.ә", "тегі, аты"}},
	{familyColumn, []string{"family", "surname", "last name", "lastname", "lname", "фамили", "тегі"}},
	{givenColumn, []string{"given", "first name", "firstname", "fname", "forename", "имя", "аты", "есімі"}},
	{listColumn, []string{"list", "source", "organisation", "organization", "источник", "ұйым", "тізім"}},
	{numberColumn, []string{"iin", "иин", "жсн", "passport", "паспорт", "phone", "телефон", "ssn", "soc_sec", "document", "удостоверен", "құжат", "ердр", "сдтбт"}},
	{eventColumn, []string{"date", "дата", "күні", "incident", "задержан"}},
	{codeColumn, []string{"sex", "gender", "пол", "жынысы"}},
	{fullColumn, []string{"name", "аты-жөн"}},
}

// idHeadings are headings of the column with the id of a row.
var idHeadings = []string{"id", "rec_id", "record_id", "row_id", "case id", "case_id", "unique_id", "no", "no.", "№", "номер", "нөмір", "number", "номер дела", "№ дела"}

// seen is what the first rows show of a column.
type seen struct {
	filled, letters, digits, dates, several, words int
	length                                         int
	first, last                                    int // years of dates
	values                                         map[string]int
}

// maxLook is how many rows are looked at.
const maxLook = 20_000

// look finds out what each column holds, from its heading and from the first rows.
func look(head []string, rows [][]string) []Column {
	out := make([]Column, len(head))
	taken := map[Kind]bool{}
	for i, name := range head {
		s := seen{values: map[string]int{}, first: 9999}
		for _, row := range rows {
			if i < len(row) {
				s.add(strings.TrimSpace(row[i]))
			}
		}
		out[i] = s.column(name, len(rows), taken)
		switch out[i].Kind {
		case idColumn, listColumn, familyColumn, givenColumn, patronymicColumn, birthColumn:
			taken[out[i].Kind] = true
		}
	}
	return out
}

func (s *seen) add(v string) {
	if v == "" {
		return
	}
	s.filled++
	s.values[v]++
	s.length += len(v)
	if year, ok := yearOf(v); ok {
		s.dates++
		s.first, s.last = min(s.first, year), max(s.last, year)
	}
	letters, digits := 0, 0
	for _, r := range v {
		if unicode.IsLetter(r) {
			letters++
		}
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits > letters {
		s.digits++
	} else if letters > 0 {
		s.letters++
	}
	if strings.ContainsAny(v, ";|") {
		s.several++
	}
	if len(strings.Fields(v)) > 1 {
		s.words++
	}
}

func (s *seen) column(name string, rows int, taken map[Kind]bool) Column {
	lower := strings.ToLower(strings.NewReplacer("_", " ").Replace(name))
	c := Column{Name: name}
	is := func(k Kind, why string) Column { c.Kind, c.Why = k, why; return c }
	percent := func(n int) int { return 100 * n / max(1, s.filled) }
	distinct := len(s.values)
	if s.filled == 0 {
		return is(skipped, "empty")
	}
	unique := distinct == rows && s.filled == rows
	for _, h := range idHeadings {
		if (lower == h || strings.ToLower(name) == h) && unique && !taken[idColumn] {
			return is(idColumn, "the id of a row: its heading, and no value stands twice")
		}
	}
	for _, h := range headings {
		for _, part := range h.parts {
			if !strings.Contains(lower, part) {
				continue
			}
			fits := true
			switch h.kind {
			case birthColumn, eventColumn:
				fits = percent(s.dates) >= 60
			case familyColumn, givenColumn, patronymicColumn, fullColumn:
				fits = percent(s.letters) >= 80 && !taken[h.kind]
			case listColumn:
				fits = distinct <= 50 && !taken[listColumn] && distinct > 1
			case codeColumn:
				fits = distinct <= 20
			}
			if fits {
				return is(h.kind, "a "+string(h.kind)+", by its heading")
			}
		}
	}
	switch {
	case distinct == 1:
		return is(skipped, "the same in every row")
	case percent(s.dates) >= 90 && s.last-s.first > 15 && !taken[birthColumn]:
		return is(birthColumn, "dates over many years: of birth")
	case percent(s.dates) >= 90:
		return is(eventColumn, "dates")
	case s.length/s.filled > 80:
		return is(skipped, "long texts")
	case percent(s.several) >= 10 && percent(s.letters) >= 50:
		return is(setColumn, "several values with ; between")
	case percent(s.digits) >= 80 && distinct*2 > s.filled && s.length/s.filled >= 5:
		return is(numberColumn, "numbers that seldom stand twice")
	case distinct <= max(2, min(300, s.filled/20)):
		return is(codeColumn, fmt.Sprintf("%d values", distinct))
	case unique && percent(s.letters) < 50:
		return is(skipped, "another number of the row")
	}
	return is(textColumn, "a text, compared by its letters")
}

// planOf makes a plan of what was found.
func planOf(columns []Column) (Plan, error) {
	p := Plan{Config: linkage.Config{FindBlocks: true}}
	at := map[Kind][]string{}
	for _, c := range columns {
		at[c.Kind] = append(at[c.Kind], c.Name)
	}
	one := func(k Kind) string {
		if len(at[k]) == 0 {
			return ""
		}
		return at[k][0]
	}
	p.ID, p.List = one(idColumn), one(listColumn)
	if one(familyColumn) != "" || one(fullColumn) != "" {
		f := linkage.Field{ID: "name", Compare: linkage.Person, From: []string{one(familyColumn), one(givenColumn), one(patronymicColumn)}}
		f.From = append(f.From, at[fullColumn]...)
		for k, from := range f.From {
			if from == "" {
				f.From[k] = none
			}
		}
		for len(f.From) > 0 && f.From[len(f.From)-1] == none {
			f.From = f.From[:len(f.From)-1]
		}
		p.Fields = append(p.Fields, f)
	} else if g := one(givenColumn); g != "" {
		p.Fields = append(p.Fields, linkage.Field{ID: g, Compare: linkage.Text})
	}
	used := map[string]bool{"name": true, "prior": true, "list": true, "decided": true}
	for _, c := range columns {
		compare, ok := map[Kind]linkage.Comparer{
			birthColumn: linkage.Birth, eventColumn: linkage.Event, codeColumn: linkage.Exact, setColumn: linkage.Set, numberColumn: linkage.Identifier, textColumn: linkage.Text,
		}[c.Kind]
		if !ok {
			continue
		}
		f := linkage.Field{ID: c.Name, Compare: compare}
		if used[f.ID] {
			f.ID, f.From = f.ID+" (column)", []string{c.Name}
		}
		used[f.ID] = true
		p.Fields = append(p.Fields, f)
	}
	if len(p.Fields) == 0 {
		return p, fmt.Errorf("no column looks like something to compare: say which are to be compared in a configuration (--config)")
	}
	return p, nil
}

// none stands in a plan for a name column that the file has not.
const none = "-"
