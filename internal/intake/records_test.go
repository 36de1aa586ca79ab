// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const story = `about: a story
organisation: Test
counts: no
outside:
- kind: publication
  id: interview
  source: A paper
  fields: {kind: interview, date: unknown}
cases:
- key: s-1
  records:
  - kind: case
    id: case
    fields: {context: january_2022}
  - kind: report
    fields: {received: 2022-06-24}
  - kind: person
    id: victim
    facts: ["1.1", "1.2"]
    fields: {role: victim, full_name: A.}
  - kind: complaint
    fields: {filed: no, by: victim, reason_source: interview, no_complaint_reason: no_trust}
- key: s-2
  records:
  - kind: report
    fields: {received: 2022-06~}
`

func TestReadRecords(t *testing.T) {
	got, err := ReadRecords([]byte(story), testBook(t))
	must(t, err)
	if got.Organisation != "Test" || got.Counts || len(got.Cases) != 2 || len(got.Outside) != 1 {
		t.Fatalf("%+v", got)
	}
	out := got.Outside[0]
	if out.Local != OutsideID("Test", "publication", "interview") || RecordID("anything", out.Local) != out.Local || out.Source != "A paper" {
		t.Errorf("%+v", out)
	}
	const caseID = "0123456789abcdef0123456789abcdef"
	first := got.Cases[0]
	if first.Records[0].Fields["external_id"][0] != "s-1" || first.Records[0].Fields["context"][0] != "january_2022" || RecordID(caseID, first.Records[0].Local) != caseID {
		t.Errorf("%+v", first.Records[0])
	}
	complaint := first.Records[3].Resolve(caseID)
	if complaint["by"][0] != RecordID(caseID, "victim") || complaint["reason_source"][0] != out.Local || complaint["filed"][0] != "no" {
		t.Errorf("%+v", complaint)
	}
	if second := got.Cases[1]; len(second.Records) != 2 || second.Records[0].Local != CaseLocal || second.Records[1].Fields["received"][0] != "2022-06~" {
		t.Errorf("%+v", second)
	}
}

func TestReadRecordsRefused(t *testing.T) {
	book := testBook(t)
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":       {"about: a", "abuot: a", `line 1: record file: unknown key "abuot"; did you mean about?`},
		"no organisation":   {"organisation: Test\n", "", "organisation is missing: say whose cases these are"},
		"counts":            {"counts: no", "counts: perhaps", `line 3: counts: "perhaps" is neither yes nor no`},
		"unknown kind":      {"kind: person", "kind: persona", `line 17: there is no kind "persona"; did you mean person`},
		"outside in a case": {"kind: person", "kind: publication", "line 17: records of kind publication stand outside cases"},
		"in case outside":   {"kind: publication", "kind: act", "line 5: records of kind act belong to a case"},
		"unknown field":     {"full_name: A.", "ful_name: A.", `line 20: person victim: person has no field "ful_name"`},
		"unknown code":      {"role: victim", "role: victm", `line 20: person victim: role: "victm" is not a code of list person_role; did you mean victim`},
		"bad date":          {"2022-06-24", "2022-06-31", `line 16: report report: received: "2022-06-31" is not a date`},
		"ref to nothing":    {"by: victim", "by: vicitm", `line 22: by: no record here has the id "vicitm"; did you mean victim`},
		"ref to other kind": {"by: victim", "by: report", "line 22: by refers to a record of kind person; report is of kind report"},
		"same key":          {"key: s-2", "key: s-1", `line 23: two cases have the key "s-1"`},
		"same id":           {"- kind: complaint", "- kind: person\n    id: victim", "two records here have the id victim"},
		"missing field":     {"role: victim, ", "", "line 17: person victim: role is missing"},
		"empty value":       {"full_name: A.", `full_name: ""`, "line 20: full_name is empty"},
		"set by register":   {"context: january_2022", "number: K-1", "line 14: number of a case is set by the register itself"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(story, c.old, c.new, 1)
			if text == story {
				t.Fatal("nothing replaced")
			}
			_, err := ReadRecords([]byte(text), book)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestShippedRecordFiles reads every record file that ships.
func TestShippedRecordFiles(t *testing.T) {
	book := testBook(t)
	var files []string
	for _, pattern := range []string{"../../examples/*.yaml", "../../examples/stories/*.yaml"} {
		found, err := filepath.Glob(pattern)
		must(t, err)
		files = append(files, found...)
	}
	if len(files) < 4 {
		t.Errorf("only %d record files ship: %v", len(files), files)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		got, err := ReadRecords(data, book)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		if len(got.Cases)+len(got.Outside) == 0 {
			t.Errorf("%s holds nothing", filepath.Base(file))
		}
	}
}

func FuzzReadRecords(f *testing.F) {
	book := testBook(f)
	f.Add([]byte(story))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadRecords(data, book)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		for _, row := range got.Cases {
			for _, r := range row.Records {
				r.Resolve("0123456789abcdef0123456789abcdef")
			}
		}
	})
}
