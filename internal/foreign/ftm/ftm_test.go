// SPDX-License-Identifier: AGPL-3.0-or-later

package ftm

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
)

// TestWrite: the entities of invented cases hold together: ids are there once,
// what is referred to is there, and everything is told of that is not carried.
func TestWrite(t *testing.T) {
	book := foreigntest.Book(t)
	rapid.Check(t, func(t *rapid.T) {
		cases := foreigntest.Cases(book, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 3).Draw(t, "cases"))
		text, report := write(t, book, cases)
		again, _ := write(t, book, cases)
		if text != again {
			t.Error("a second export gives other entities")
		}
		seen, refs := map[string]string{}, map[string]bool{}
		for line := range strings.Lines(text) {
			var e entity
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if seen[e.ID] != "" {
				t.Errorf("%s is there twice", e.ID)
			}
			seen[e.ID] = e.Schema
			for p, values := range e.Properties {
				if !slices.Contains(schemata()[e.Schema], p) || len(values) == 0 {
					t.Errorf("%s.%s: %v", e.Schema, p, values)
				}
				if slices.Contains([]string{"involved", "subject", "object", "member", "organization"}, p) {
					for _, v := range values {
						refs[v] = true
					}
				}
			}
		}
		for id := range refs {
			if seen[id] == "" {
				t.Errorf("%s is referred to and not there", id)
			}
		}
		all, told := 0, 0
		for _, c := range cases {
			for _, rec := range c.Records() {
				for _, values := range rec.Fields {
					all += len(values)
				}
			}
		}
		for _, f := range report.Fields {
			told += f.Carried
			for _, l := range f.Left {
				told += l.Values
			}
		}
		if all != told {
			t.Errorf("the report speaks of %d of %d values", told, all)
		}
	})
}

func write(t interface {
	Fatal(...any)
	Helper()
}, book *codebook.Book, cases []*casefile.Case,
) (string, *foreign.Report) {
	t.Helper()
	var b bytes.Buffer
	report, err := Write(&b, book, foreigntest.All(cases), foreign.Writing{})
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), report
}

// TestOneCase is the whole of a small case.
func TestOneCase(t *testing.T) {
	id := func(c string) string { return strings.Repeat(c, 32) }
	put := func(pos uint64, record, kind string, f casefile.Fields) casefile.Entry {
		return casefile.Entry{Pos: pos, Record: record, Kind: kind, Op: casefile.Put, Fields: f}
	}
	c := casefile.Fold(foreigntest.Book(t), id("c"), []casefile.Entry{
		put(1, id("c"), "case", casefile.Fields{"number": {"K-1000001"}}),
		put(2, id("1"), "person", casefile.Fields{"role": {"victim"}, "family": {"Invented"}, "given": {"Aigerim"}, "sex": {"f"}, "birth": {"1990~"}, "phones": {"+7 (701) 000-00-00", "none"}}),
		put(3, id("2"), "person", casefile.Fields{"role": {"witness"}}),
		put(4, id("3"), "suspect", casefile.Fields{"name": {"N. Nobody"}, "body": {"police"}, "rank": {"captain"}}),
		put(5, id("4"), "act", casefile.Fields{"date": {"2022-01-05/2022-01-07"}, "suspects": {id("3")}, "body": {"police"}}),
	})
	text, report := write(t, foreigntest.Book(t), []*casefile.Case{c})
	want := `{"id":"11111111111111111111111111111111","schema":"Person","properties":{"birthDate":["1990"],"firstName":["Aigerim"],"gender":["female"],"lastName":["Invented"],"name":["Aigerim Invented"],"phone":["+77010000000"]}}
{"id":"33333333333333333333333333333333","schema":"Person","properties":{"name":["N. Nobody"],"position":["captain"]}}
{"id":"kua-body-police","schema":"Organization","properties":{"name":["Police"]}}
{"id":"cccccccccccccccccccccccccccccccc","schema":"Event","properties":{"involved":["11111111111111111111111111111111"],"name":["K-1000001"],"recordId":["K-1000001"]}}
{"id":"44444444444444444444444444444444","schema":"Event","properties":{"endDate":["2022-01-07"],"involved":["11111111111111111111111111111111","kua-body-police","33333333333333333333333333333333"],"name":["K-1000001: Act of violence"],"recordId":["K-1000001"],"startDate":["2022-01-05"]}}
{"id":"11111111111111111111111111111111-in-case","schema":"UnknownLink","properties":{"object":["cccccccccccccccccccccccccccccccc"],"role":["Victim"],"subject":["11111111111111111111111111111111"]}}
{"id":"33333333333333333333333333333333-of-body","schema":"Membership","properties":{"member":["33333333333333333333333333333333"],"organization":["kua-body-police"]}}
`
	if text != want {
		t.Errorf("%s", text)
	}
	for _, line := range []string{"person.birth, 1 values: said there less exactly", "person.phones, 1 values: the format has no place", "person.role, 1 values: the format has no place"} {
		if !strings.Contains(report.String(), line) {
			t.Errorf("%q is not in %s", line, report)
		}
	}
}

func TestPrefix(t *testing.T) {
	for text, want := range map[string]string{"2022": "2022", "2022-03": "2022-03", "2022-03-04": "2022-03-04", "2022-03-04T10:20": "2022-03-04", "2022~": "2022", "2022-21": "", "202X": "", "2022/2023": ""} {
		d, err := edtf.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, exact := prefix(d); got != want || exact != (got == text) {
			t.Errorf("%s: %q, %v", text, got, exact)
		}
	}
}
