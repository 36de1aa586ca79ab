// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"fmt"
	"os"
	"regexp"
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
