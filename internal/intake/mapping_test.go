// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMappingFeatures goes through what a mapping can say, one thing after the other.
func TestMappingFeatures(t *testing.T) {
	book := testBook(t)
	const head = "mapping: 1\ndates: 02.01.2006\nkey: No\nrecords:\n"
	for name, c := range map[string]struct{ mapping, heading, row, want string }{
		"constant with a column": {
			head + "- kind: complaint\n  fields: {filed: {const: yes}, date: Day}\n", "No;Day", "1;05.01.2022",
			"complaint: date=2022-01-05 filed=yes"},
		"constants alone make nothing of an empty cell": {
			head + "- kind: complaint\n  fields: {filed: {const: yes}, date: Day}\n", "No;Day", "1;", ""},
		"constants without any column": {
			head + "- kind: note\n  fields: {text: {const: from a list}}\n", "No;Day", "1;", "note: text=from a list"},
		"when filled": {
			head + "- kind: complaint\n  when: Day\n  fields: {filed: {const: yes}}\n", "No;Day", "1;05.01.2022", "complaint: filed=yes"},
		"when is": {
			head + "- kind: complaint\n  when: {column: Said, is: [Yes, ja]}\n  fields: {filed: {const: yes}}\n", "No;Said", "1;JA", "complaint: filed=yes"},
		"when is not so": {
			head + "- kind: complaint\n  when: {column: Said, is: [Yes, ja]}\n  fields: {filed: {const: yes}}\n", "No;Said", "1;nein", ""},
		"when isnt": {
			head + "- kind: complaint\n  when: {column: Said, isnt: nein}\n  fields: {filed: {const: no}}\n", "No;Said", "1;nein", ""},
		"a column by its letter": {
			head + "- kind: report\n  fields: {received: =B}\n", "No;Day;Day", "1;05.01.2022;06.01.2022", "report: received=2022-01-05"},
		"empty": {
			head + "- kind: report\n  fields: {received: Day, channel: {column: How, empty: unknown}}\n", "No;Day;How", "1;05.01.2022;", "report: channel=unknown received=2022-01-05"},
		"else": {
			head + "- kind: registration\n  fields: {status: {column: Art, values: {none: unregistered_check}, else: erdr}}\n", "No;Art", "1;146", "registration: status=erdr"},
		"known and meaning nothing": {
			head + "- kind: report\n  fields: {received: Day, channel: {column: How, values: {\"-\": }}}\n", "No;Day;How", "1;05.01.2022;-", "report: received=2022-01-05"},
		"several values of one text": {
			head + "- kind: act\n  fields: {methods: {column: M, values: {both: [beat, threat]}}}\n", "No;M", "1;Both", "act: methods=beat,threat"},
		"split texts": {
			head + "- kind: person\n  fields: {role: {const: victim}, phones: {column: Tel, split: ','}}\n", "No;Tel", "1;12 34, 56", "person: phones=12 34,56 role=victim"},
		"the sign stands in a value": {
			head + "- kind: act\n  fields: {methods: {column: M, split: ',', values: {'kicks, blows': beat}}}\n", "No;M", "1;threats, kicks, blows", "act: methods=threat,beat"},
		"name": {
			head + "- kind: person\n  fields: {role: {const: victim}, family: {column: N, take: family}, given: {column: N, take: given}, patronymic: {column: N, take: patronymic}}\n",
			"No;N", "1;Ахметов  Али Болат улы", "person: family=Ахметов given=Али patronymic=Болат улы role=victim"},
		"year of a date": {
			head + "- kind: person\n  fields: {role: {const: victim}, birth_year: {column: B, take: year}}\n", "No;B", "1;05.01.1990", "person: birth_year=1990 role=victim"},
		"year alone": {
			head + "- kind: person\n  fields: {role: {const: victim}, birth_year: {column: B, take: year}}\n", "No;B", "1;1990", "person: birth_year=1990 role=victim"},
		"days counted by the spreadsheet": {
			head + "- kind: report\n  fields: {received: {column: Day, dates: serial}}\n", "No;Day", "1;44566", "report: received=2022-01-05"},
		"uncertain dates": {
			head + "- kind: report\n  fields: {received: {column: Day, dates: [edtf, '01.2006']}}\n", "No;Day", "1;01.2022", "report: received=2022-01"},
		"number in a text": {
			head + "- kind: examination\n  fields: {kind: {const: sme}, minutes: {column: D, pattern: '(\\d+) min'}}\n", "No;D", "1;about 20 min", "examination: kind=sme minutes=20"},
		"pattern that may not fit": {
			head + "- kind: examination\n  fields: {kind: D, minutes: {column: D, pattern: '(\\d+) min', unmatched: skip}}\n", "No;D", "1;sme", "examination: kind=sme"},
		"what does not fit warns": {
			head + "- kind: act\n  fields: {date: {column: Day, unmatched: warn}, place_type: {column: Where, unmatched: warn}, minutes: {column: Long, unmatched: warn}, methods: {column: M, split: ',', unmatched: warn}}\n",
			"No;Day;Where;Long;M", "1;soon;Atlantis;a while;threat, love", "act: methods=threat"},
		"a record that lacks what it must have is not made": {
			head + "- kind: note\n  fields: {text: Note}\n- kind: report\n  fields: {received: {column: Day, unmatched: warn}, summary: Note}\n", "No;Day;Note", "1;soon;told", "note: text=told"},
		"row of headings": {
			"mapping: 1\nheader: 3\nkey: No\nrecords:\n- kind: report\n  fields: {received: Day}\n", "Title;\n\nNo;Day", "1;2022-01-05", "report: received=2022-01-05"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ParseMapping([]byte(c.mapping), book)
			must(t, err)
			table := read(t, []byte(c.heading+"\n"+c.row+"\n"), ReadOptions{Name: "x.csv", Delimiter: ";"})
			imp, findings, err := m.Run(book, table, RunOptions{})
			must(t, err)
			if imp == nil {
				t.Fatal(findings)
			}
			var got []string
			for _, r := range imp.Rows[0].Records {
				if r.Kind == "case" || r.Kind == "import_row" {
					continue
				}
				got = append(got, r.Local+": "+fields(r))
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), c.want)
			}
		})
	}
}

// TestStepsWithIDs holds that rows with an id of their own are named by it: their
// order means nothing, and others find them by it alone.
func TestStepsWithIDs(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte(`mapping: 1
sheet: cases
key: id
records:
- {kind: report, fields: {received: day}}
steps:
- sheet: suspects
  key: case
  id: id
  records:
  - {kind: suspect, fields: {name: name}}
- sheet: acts
  key: case
  id: id
  records:
  - {kind: act, fields: {account: text, suspects: {record: suspect, id: by, split: ";"}}}
- sheet: rest
  key: case
  records: []
`), book)
	must(t, err)
	run := func(acts ...[]string) (map[string]string, []Finding) {
		sheet := func(name string, rows ...[]string) Sheet {
			s := Sheet{Name: name}
			for i, r := range rows {
				row := SourceRow{No: i}
				for _, text := range r {
					row.Cells = append(row.Cells, Cell{Text: text})
				}
				s.Rows = append(s.Rows, row)
			}
			return s
		}
		imp, findings, err := m.Run(book, &Table{File: "x", Format: "test", Sheets: []Sheet{
			sheet("cases", []string{"id", "day"}, []string{"c", "2022-01-05"}),
			sheet("suspects", []string{"case", "id", "name"}, []string{"c", "s2", "Two"}, []string{"c", "s1", "One"}),
			sheet("acts", append([][]string{{"case", "id", "text", "by"}}, acts...)...),
			sheet("rest", []string{"case", "what"}, []string{"c", "kept"}),
		}}, RunOptions{})
		must(t, err)
		if imp == nil {
			t.Fatal(findings)
		}
		got := map[string]string{}
		for _, r := range imp.Rows[0].Records {
			f := r.Fields["account"]
			for _, s := range r.Fields["suspects"] {
				f = append(f, strings.TrimPrefix(s, refMark))
			}
			got[r.Local] = strings.Join(f, " ")
		}
		return got, findings
	}
	one, two := []string{"c", "a1", "first", "s1; s2"}, []string{"c", "a2", "second", "s2"}
	got, findings := run(one, two)
	if len(findings) != 1 || findings[0].Column != "B (what)" {
		t.Errorf("findings: %v", findings)
	}
	if got["act@a1"] != "first suspect@s1 suspect@s2" || got["act@a2"] != "second suspect@s2" {
		t.Errorf("got %v", got)
	}
	if _, ok := got["row/rest/"]; !ok {
		t.Errorf("the row of a sheet without records is not kept: %v", got)
	}
	if again, _ := run(two, one); !maps.Equal(got, again) {
		t.Errorf("in another order: %v, not %v", again, got)
	}
	got, findings = run(one, one)
	if got["act@a1"] == "" || got["act@a1#2"] != got["act@a1"] || !slices.ContainsFunc(findings, func(f Finding) bool { return strings.Contains(f.What, "has the same id") }) {
		t.Errorf("two rows with one id: %v %v", got, findings)
	}
	got, findings = run([]string{"c", "a1", "first", "s1; nobody"})
	if got["act@a1"] != "first suspect@s1" || !slices.ContainsFunc(findings, func(f Finding) bool { return strings.Contains(f.What, "no suspect@nobody to refer to") }) {
		t.Errorf("a reference to nothing: %v %v", got, findings)
	}
}

func fields(r NewRecord) string {
	var b strings.Builder
	show(&b, Row{Records: []NewRecord{r}})
	var out []string
	for _, line := range strings.Split(b.String(), "\n")[2:] {
		if id, v, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			out = append(out, id+"="+strings.ReplaceAll(v, " | ", ","))
		}
	}
	return strings.Join(out, " ")
}

func TestProgress(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte(smallMap), book)
	must(t, err)
	var rows []map[string]string
	for i := range 700 {
		rows = append(rows, map[string]string{"No": fmt.Sprint(i), "Received": "05/01/2022"})
	}
	last, calls := -1, 0
	_, _, err = m.Run(book, listOf(rows...), RunOptions{Progress: func(done, total int) {
		if done <= last || done > total {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
		calls++
		if total != 1400 {
			t.Errorf("total %d", total)
		}
	}})
	must(t, err)
	if last != 1400 || calls < 3 {
		t.Errorf("ended at %d after %d calls", last, calls)
	}
}

// TestMappingHandbook parses every example of the page that describes the format.
func TestMappingHandbook(t *testing.T) {
	book := testBook(t)
	text, err := os.ReadFile("../../docs/spec/mapping.md")
	must(t, err)
	examples := regexp.MustCompile("(?s)```yaml\n(mapping: 1[^\n]*\n.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) == 0 {
		t.Fatal("no example")
	}
	for _, e := range examples {
		if _, err := ParseMapping([]byte(e[1]), book); err != nil {
			t.Errorf("%v in\n%s", err, e[1])
		}
	}
}
