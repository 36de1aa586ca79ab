// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

const smallMap = `mapping: 1
dates: [02/01/2006]
key: No
ignore: [Remarks]
values:
  bodies: {militia: police}
records:
- kind: report
  fields: {received: Received, region: Region}
- kind: person
  fields:
    role: {const: victim}
    full_name: Name
    given: {column: Name, take: given}
    sex: Sex
    birth: {column: Born, dates: [02/01/2006, "2006"]}
    child: {child: {born: {column: Born, dates: [02/01/2006, "2006"]}, on: Incident, says: Minor}}
- kind: act
  fields: {date: Incident, methods: {column: Methods, split: ","}, place_type: Place}
- kind: complaint
  fields: {filed: Complaint, to_body: {column: Body, values: bodies}}
- kind: examination
  fields: {kind: {const: sme}, held: Exam, minutes: Minutes}
- kind: appeal
  fields: {date: Appeal, of: {record: decision}}
- kind: decision
  fields: {kind: {const: closed}, date: Closed, ground: {column: Ground, pattern: '^for (.+)$'}}
`

var smallHead = []string{"No", "Received", "Region", "Name", "Sex", "Born", "Incident", "Minor", "Methods", "Place", "Complaint", "Body", "Exam", "Minutes", "Closed", "Ground", "Appeal", "Remarks"}

// smallList is a list of one good row in which some cells are changed.
func smallList(changes map[string]string) *Table {
	good := map[string]string{"No": "1", "Received": "10/01/2022", "Region": "KZ-75", "Name": "Doe John", "Sex": "m", "Born": "01/02/1990", "Incident": "05/01/2022",
		"Methods": "beating, threats", "Place": "СИЗО", "Complaint": "yes", "Body": "militia"}
	for k, v := range changes {
		good[k] = v
	}
	return listOf(good)
}

func listOf(rows ...map[string]string) *Table {
	t := &Table{File: "list.csv", Format: "csv", Sheets: []Sheet{{}}}
	head := SourceRow{No: 1}
	for _, h := range smallHead {
		head.Cells = append(head.Cells, Cell{Text: h})
	}
	t.Sheets[0].Rows = append(t.Sheets[0].Rows, head)
	for i, r := range rows {
		row := SourceRow{No: i + 2}
		for _, h := range smallHead {
			row.Cells = append(row.Cells, Cell{Text: r[h]})
		}
		t.Sheets[0].Rows = append(t.Sheets[0].Rows, row)
	}
	return t
}

// TestFindings puts one bad cell into a good row and looks at what is said of it.
func TestFindings(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte(smallMap), book)
	must(t, err)
	for name, c := range map[string]struct {
		changes map[string]string
		want    string // one line; empty: nothing is found
		warning bool
	}{
		"good":                {nil, "", false},
		"no number":           {map[string]string{"No": ""}, `list.csv, row 2, column A (No): the row has no number of its own; a number, so that a second import finds the case again`, false},
		"other date form":     {map[string]string{"Received": "10.01.2022"}, `list.csv, row 2, column B (Received): "10.01.2022" is not written in the declared form; a date written as 05/01/2022`, false},
		"ISO is always read":  {map[string]string{"Received": "2022-01-10"}, "", false},
		"no such day":         {map[string]string{"Received": "31/02/2022"}, `column B (Received): "31/02/2022": there is no 31 February 2022; a date`, false},
		"no such month":       {map[string]string{"Received": "01/13/2022"}, `"01/13/2022": there is no month 13`, false},
		"two-digit year":      {map[string]string{"Received": "10/01/22"}, `"10/01/22": the year has two digits`, false},
		"year that cannot be": {map[string]string{"Received": "10/01/0222"}, `"10/01/0222": the year 222 cannot be meant`, false},
		"not a date":          {map[string]string{"Received": "in January"}, `"in January" is not a date`, false},
		"a year alone":        {map[string]string{"Received": "2022"}, `"2022" is only a year; a whole date; if years alone are meant, add 2006 to dates`, false},
		"year where declared": {map[string]string{"Born": "1990"}, "", false},
		"serial number":       {map[string]string{"Received": "44566"}, `"44566" is a plain number; a date; if it counts days as spreadsheets do, add serial to dates`, false},
		"future":              {map[string]string{"Received": "10/01/2032"}, `"10/01/2032" lies in the future (after 2022-07-31)`, true},
		"time of day":         {map[string]string{"Received": "10/01/2022 14:30"}, `the time of day is not kept in this field`, true},
		"midnight":            {map[string]string{"Received": "10/01/2022 0:00:00"}, "", false},
		"uncertain date":      {map[string]string{"Incident": "2022-01-04/2022-01-05"}, "", false},
		"unknown code":        {map[string]string{"Region": "Almaty cty"}, `column C (Region): "Almaty cty" is no known value of region; did you mean `, false},
		"far from any code":   {map[string]string{"Body": "xyzzyplugh"}, `"xyzzyplugh" is no known value of to_body; add it under values in the mapping, as "xyzzyplugh": CODE`, false},
		"one of several":      {map[string]string{"Methods": "beating, thraets"}, `column I (Methods): "beating, thraets" is no known value of methods; did you mean threats`, false},
		"sign in a value":     {map[string]string{"Methods": "beating, gunshot"}, "", false},
		"neither yes nor no":  {map[string]string{"Complaint": "maybe"}, `"maybe" is not yes, no or unknown; one of: yes, no, unknown`, false},
		"Kazakh yes":          {map[string]string{"Complaint": "Иә"}, "", false},
		"not a number":        {map[string]string{"Exam": "06/01/2022", "Minutes": "an hour"}, `column N (Minutes): "an hour" is not a whole number`, false},
		"pattern":             {map[string]string{"Closed": "06/02/2022", "Ground": "because"}, `column P (Ground): "because" does not look as the pattern of the mapping says`, false},
		"pattern fits":        {map[string]string{"Closed": "06/02/2022", "Ground": "for не доказано"}, `is no known value of ground`, false},
		"required field":      {map[string]string{"Complaint": ""}, `list.csv, row 2, column K (Complaint): complaint has no filed, which it must have`, false},
		"nothing to refer to": {map[string]string{"Appeal": "07/02/2022"}, `list.csv, row 2: appeal has no decision to refer to in case 1`, true},
		"child against dates": {map[string]string{"Minor": "yes"}, `column H (Minor): "yes": the list says yes to being under 18, but the dates (born 1990-02-01, incident 2022-01-05) say no`, true},
		"born afterwards":     {map[string]string{"Born": "06/01/2022"}, `the person was born after the incident (2022-01-05)`, true},
	} {
		t.Run(name, func(t *testing.T) {
			imp, findings, err := m.Run(book, smallList(c.changes), RunOptions{Today: day(t, "2022-07-31")})
			must(t, err)
			if c.want == "" {
				if len(findings) > 0 || imp == nil {
					t.Fatalf("found %v", findings)
				}
				return
			}
			if len(findings) != 1 {
				t.Fatalf("%d findings: %v", len(findings), findings)
			}
			line := findings[0].String()
			if !strings.Contains(line, c.want) || strings.Contains(line, "\n") {
				t.Errorf("got  %s\nwant %s", line, c.want)
			}
			if warned := findings[0].Severity == Warning; warned != c.warning || warned != (imp != nil) {
				t.Errorf("severity %s, import %v", findings[0].Severity, imp != nil)
			}
		})
	}
}

func TestFindingsOfTheWhole(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte(smallMap), book)
	must(t, err)

	twice := smallList(nil)
	twice.Sheets[0].Rows = append(twice.Sheets[0].Rows, SourceRow{No: 9, Cells: twice.Sheets[0].Rows[1].Cells})
	_, findings, err := m.Run(book, twice, RunOptions{})
	must(t, err)
	if len(findings) != 1 || findings[0].String() != `list.csv, row 9, column A (No): "1": row 2 has the same number; a number of its own for each case` {
		t.Errorf("%v", findings)
	}

	wide := smallList(nil)
	wide.Sheets[0].Rows[1].Cells = append(wide.Sheets[0].Rows[1].Cells, Cell{Text: "over"})
	imp, findings, err := m.Run(book, wide, RunOptions{})
	must(t, err)
	if imp != nil || len(findings) != 1 || !strings.Contains(findings[0].String(), `row 2, column S: "over": the row has more cells than there are headings`) {
		t.Errorf("%v", findings)
	}

	more := smallList(nil)
	more.Sheets[0].Rows[0].Cells = append(more.Sheets[0].Rows[0].Cells, Cell{Text: "New"})
	imp, findings, err = m.Run(book, more, RunOptions{})
	must(t, err)
	if imp == nil || len(findings) != 1 || findings[0].String() != "list.csv, column S (New): is not in the mapping: 0 cells are kept only in the raw rows; map it, or list it under ignore" {
		t.Errorf("%v", findings)
	}

	other := smallList(nil)
	other.Sheets[0].Rows[0].Cells[1].Text = "Receivd"
	_, _, err = m.Run(book, other, RunOptions{})
	if err == nil || !strings.Contains(err.Error(), `the mapping does not fit the file, at its line 9: the file has no column "Received"; did you mean Receivd? it has: No, Receivd, Region`) {
		t.Errorf("%v", err)
	}

	double := smallList(nil)
	double.Sheets[0].Rows[0].Cells = append(double.Sheets[0].Rows[0].Cells, Cell{Text: "Name"})
	_, _, err = m.Run(book, double, RunOptions{})
	if err == nil || !strings.Contains(err.Error(), `the file has the heading "Name" 2 times: name the column by its letter (=D, =S)`) {
		t.Errorf("%v", err)
	}

	shown := smallList(map[string]string{"Region": ""})
	shown.Sheets[0].Rows[1].Cells[2] = Cell{Text: "#REF!", Type: ErrorCell}
	shown.Sheets[0].Rows[1].Cells[4] = Cell{Formula: "A1"}
	_, findings, err = m.Run(book, shown, RunOptions{})
	must(t, err)
	if len(findings) != 2 || !strings.Contains(findings[0].String(), `"#REF!": the spreadsheet shows an error here`) || !strings.Contains(findings[1].String(), `"=A1": a formula whose value the file does not keep`) {
		t.Errorf("%v", findings)
	}

	var many []map[string]string
	for i := range 1500 {
		many = append(many, map[string]string{"No": fmt.Sprint(i), "Received": "x"})
	}
	_, findings, err = m.Run(book, listOf(many...), RunOptions{})
	must(t, err)
	if len(findings) != MaxFindings+1 || !strings.Contains(findings[MaxFindings].What, "more findings are not listed") {
		t.Errorf("%d findings", len(findings))
	}
}

// TestAmbiguousDates: undeclared, only what can be read in one way is taken.
func TestAmbiguousDates(t *testing.T) {
	for text, want := range map[string]string{
		"2022-01-05": "2022-01-05", "05.01.2022": "2022-01-05", "5.1.2022": "2022-01-05", "05.01.2022 г.": "2022-01-05", "2022/01/05": "2022-01-05",
		"13/01/2022": "2022-01-13", "01/13/2022": "2022-01-13", "05/05/2022": "2022-05-05", "2022-01-XX": "2022-01-XX", "2022-06~": "2022-06~",
		"05/01/2022": "5 January or 1 May?", "05-01-2022": "5 January or 1 May?", "31.02.2022": "there is no 31 February 2022", "29.02.2022": "there is no 29 February 2022",
		"29.02.2024": "2024-02-29", "00.01.2022": "there is no 0 January 2022", "13/13/2022": "there is no month 13", "1/2/3": "is not a date", "05.01.22": "the year has two digits", "": "is not a date",
		"12.2022": "is not a date", "завтра": "is not a date", "44566": "is a plain number", "20220105": "is not a date",
	} {
		got, p := parseDate(Cell{Text: text}, nil)
		if p != nil {
			got = p.what
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	us, err := parseLayout("mm/dd/yyyy")
	must(t, err)
	ru, err := parseLayout("дд.мм.гггг")
	must(t, err)
	for _, c := range []struct {
		text string
		by   []layout
		want string
	}{{"05/01/2022", []layout{us}, "2022-05-01"}, {"5.1.2022", []layout{us, ru}, "2022-01-05"}, {"05-01-2022", []layout{us}, "is not written in the declared form"}} {
		got, p := parseDate(Cell{Text: c.text}, c.by)
		if p != nil {
			got = p.what
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestMappingRefused(t *testing.T) {
	book := testBook(t)
	record := func(fields string) string {
		return "mapping: 1\nkey: No\nrecords:\n- kind: complaint\n  fields:\n    " + fields + "\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {"", "line 1: the file is empty"},
		"not YAML":            {"mapping: 1\n  key: [", "line 2: "},
		"no version":          {"key: No\nrecords: []", "line 1: mapping: 1 is expected"},
		"later version":       {"mapping: 2\nkey: No\nrecords: []", "line 1: mapping: 1 is expected"},
		"no key":              {"mapping: 1\nrecords: []", "line 1: key is missing"},
		"unknown key":         {"mapping: 1\nkey: No\nrecord: []", `line 3: mapping: unknown key "record"; did you mean records?`},
		"key twice":           {"mapping: 1\nkey: No\nkey: X\nrecords: []", "line 3: mapping: key stands twice"},
		"unknown kind":        {"mapping: 1\nkey: No\nrecords:\n- kind: complant\n  fields: {}", `line 4: there is no kind "complant"; did you mean complaint`},
		"outside kind":        {"mapping: 1\nkey: No\nrecords:\n- kind: organisation\n  fields: {}", "line 4: records of kind organisation are not made of the rows of a list"},
		"unknown field":       {record("filled: Complaint"), `line 6: complaint has no field "filled"; did you mean filed`},
		"unknown code":        {record("to_body: {const: polise}"), `line 6: to_body: "polise" is not a code of list body; did you mean police`},
		"unknown code within": {record("to_body: {column: Body, values: {a: police, b: polise}}"), `line 6: to_body: "polise"`},
		"unknown table":       {record("to_body: {column: Body, values: bodies}"), `line 6: there is no table "bodies" under values`},
		"value twice":         {record("to_body: {column: Body, values: {A: police, a: police}}"), `line 6: values: "a" stands twice`},
		"two sources":         {record("filed: {column: Complaint, const: yes}"), "line 6: filed: exactly one of column, const, record and child is expected"},
		"no source":           {record("filed: {values: {a: yes}}"), "line 6: filed: exactly one of"},
		"bad pattern":         {record("date: {column: Date, pattern: '('}"), "line 6: pattern: error parsing regexp"},
		"pattern of none":     {record("date: {column: Date, pattern: 'x'}"), "line 6: pattern: put what is to be taken into one pair of parentheses"},
		"split of one":        {record("date: {column: Date, split: ';'}"), "line 6: date takes one value: it cannot be split"},
		"bad take":            {record("date: {column: Date, take: month}"), "line 6: take: family, given, patronymic or year"},
		"bad dates":           {record("date: {column: Date, dates: d.m.y}"), `line 6: dates: "d.m.y" is no form of dates`},
		"two readings":        {record("date: {column: Date, dates: [02/01/2006, 01/02/2006]}"), "line 6: dates: 02/01/2006 and 01/02/2006 cannot both be declared"},
		"unmade record":       {record("reason_source: {record: paper}"), `line 6: reason_source: no record is named "paper"`},
		"wrong kind of ref":   {record("by: {record: complaint}"), "line 6: by refers to a record of kind person; complaint is of kind complaint"},
		"ref by column":       {record("by: Name"), ""},
		"number of the case":  {"mapping: 1\nkey: No\nrecords:\n- kind: case\n  fields: {external_id: No}", "line 5: external_id of a case is set by the register itself"},
		"same name":           {"mapping: 1\nkey: No\nrecords:\n- kind: act\n  fields: {date: D}\n- kind: act\n  fields: {date: E}", "line 6: two records are named act"},
		"alias":               {"mapping: 1\nkey: &a No\nrecords: [*a]", "line 2: anchors and aliases"},
		"two documents":       {"mapping: 1\nkey: No\nrecords: []\n---\nmapping: 1\n", "a second document"},
		"steps without sheet": {"mapping: 1\nkey: No\nrecords: []\nsteps:\n- key: No\n  records: []", "line 5: steps: sheet is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == "" {
				return
			}
			_, err := ParseMapping([]byte(c.text), book)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	_, err := ParseMapping([]byte("mapping: 1\nkey: No\nrecords:\n- kind: act\n  fields: {dat: D, methodz: M}"), book)
	var all MappingErrors
	if !asMappingErrors(err, &all) || len(all) != 2 || !strings.HasSuffix(err.Error(), "(and 1 more)") {
		t.Errorf("%v", err)
	}
}

func asMappingErrors(err error, into *MappingErrors) bool {
	return errors.As(err, into)
}

// TestSecondImport: the same list gives the same records; a row that moved
// changes nothing; a changed cell changes the records made of it and its raw row.
func TestSecondImport(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte(smallMap), book)
	must(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(rt, "rows")
		var rows []map[string]string
		for i := range n {
			rows = append(rows, map[string]string{
				"No": fmt.Sprint("r", i), "Received": rapid.SampledFrom([]string{"10/01/2022", "11/01/2022"}).Draw(rt, "received"), "Region": "KZ-75",
				"Name":      rapid.SampledFrom([]string{"Doe John", "Roe Jane"}).Draw(rt, "name"),
				"Methods":   rapid.SampledFrom([]string{"", "beating", "threats, beating"}).Draw(rt, "methods"),
				"Complaint": rapid.SampledFrom([]string{"", "yes", "no"}).Draw(rt, "complaint"),
			})
		}
		ids := func(rows []map[string]string) map[string]string {
			imp, _, err := m.Run(book, listOf(rows...), RunOptions{})
			if err != nil || imp == nil {
				rt.Fatal("not imported: ", err)
			}
			out := map[string]string{}
			for _, row := range imp.Rows {
				for _, r := range row.Records {
					id := RecordID("case of "+row.Key, r.Local)
					if _, twice := out[id]; twice {
						rt.Fatal("one id for two records: ", r.Local)
					}
					out[id] = fmt.Sprint(r.Kind, r.Resolve("case of "+row.Key))
				}
			}
			return out
		}
		before := ids(rows)
		moved := rapid.Permutation(rows).Draw(rt, "order")
		if after := ids(moved); !reflect.DeepEqual(before, after) {
			rt.Fatal("a row that moved changed something")
		}
		i := rapid.IntRange(0, n-1).Draw(rt, "changed row")
		changed := map[string]string{}
		for k, v := range rows[i] {
			changed[k] = v
		}
		changed["Received"] = "12/01/2022"
		rows[i] = changed
		differ := 0
		for id, text := range ids(rows) {
			if before[id] != text {
				differ++
			}
		}
		if differ != 2 {
			rt.Fatalf("one changed cell changed %d records; the report and the raw row were expected", differ)
		}
	})
}

func TestStepsBind(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte(`mapping: 1
sheet: Cases
key: No
records:
- kind: report
  fields: {received: Received}
steps:
- sheet: Steps
  key: Case
  column: Step
  cases:
    closed:
    - kind: decision
      fields: {kind: {const: closed}, date: Date}
    appealed:
    - kind: appeal
      fields: {of: {record: decision}, date: Date}
    called:
`), book)
	must(t, err)
	run := func(steps ...[]any) (*Import, []Finding) {
		data := workbookOf(t, map[string][][]any{
			"Cases": {{"No", "Received"}, {"A-1", "2022-01-05"}, {"A-2", "2022-01-06"}},
			"Steps": append([][]any{{"Case", "Step", "Date"}}, steps...),
			"Notes": {{"a note"}},
		}, "Cases", "Steps", "Notes")
		imp, findings, err := m.Run(book, read(t, data, ReadOptions{Name: "list.xlsx"}), RunOptions{})
		must(t, err)
		return imp, findings
	}
	imp, findings := run([]any{"A-1", "Closed", "2022-02-01"}, []any{"A-1", "appealed", "2022-02-02"}, []any{"A-1", "closed", "2022-03-01"}, []any{"A-1", "appealed", "2022-03-02"}, []any{"A-2", "called", ""})
	if len(findings) != 1 || findings[0].String() != "list.xlsx, sheet Notes: the sheet is not in the mapping: 1 rows are not read" {
		t.Errorf("%v", findings)
	}
	var b strings.Builder
	for _, row := range imp.Rows {
		show(&b, row)
	}
	golden(t, "steps.golden", b.String())

	_, findings = run([]any{"A-3", "closed", "2022-02-01"}, []any{"", "closed", "2022-02-01"}, []any{"A-1", "clsed", "2022-02-01"}, []any{"A-1", "", "2022-02-01"})
	for i, want := range []string{
		`list.xlsx, sheet Steps, row 2, column A (Case): "A-3": no case has this number; a number that stands in sheet Cases; did you mean A-1, A-2?`,
		"list.xlsx, sheet Steps, row 3, column A (Case): the row does not say which case it belongs to; the number of a case",
		`list.xlsx, sheet Steps, row 4, column B (Step): "clsed" is not in the mapping; did you mean closed`,
		"list.xlsx, sheet Steps, row 5, column B (Step): the row does not say what it is; one of: closed, appealed, called",
	} {
		if got := findings[i+1].String(); !strings.HasPrefix(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestStepsNeedAWorkbook(t *testing.T) {
	book := testBook(t)
	m, err := ParseMapping([]byte("mapping: 1\nkey: No\nrecords: []\nsteps:\n- sheet: Steps\n  key: No\n  records:\n  - kind: act\n    fields: {date: Day}\n"), book)
	must(t, err)
	_, _, err = m.Run(book, read(t, []byte("No;Day\n1;2022-01-05\n"), ReadOptions{Name: "x.csv"}), RunOptions{})
	if err == nil || err.Error() != "the mapping does not fit the file, at its line 5: steps are read from a workbook (XLSX) with a sheet for them; this file is a CSV" {
		t.Error(err)
	}
}

// TestMergedAndHidden: what a person does not see in the sheet is said.
func TestMergedAndHidden(t *testing.T) {
	f := excelize.NewFile()
	for cell, v := range map[string]string{"A1": "The list", "A2": "No", "B2": "Received", "A3": "1", "B3": "2022-01-05", "A4": "2"} {
		must(t, f.SetCellValue("Sheet1", cell, v))
	}
	must(t, f.MergeCell("Sheet1", "A1", "B1"))
	must(t, f.MergeCell("Sheet1", "B3", "B4"))
	_, err := f.NewSheet("Old")
	must(t, err)
	must(t, f.SetCellValue("Old", "A1", "x"))
	must(t, f.SetSheetVisible("Old", false))
	var b bytes.Buffer
	must(t, f.Write(&b))
	book := testBook(t)
	m, err := ParseMapping([]byte("mapping: 1\nheader: 2\nkey: No\nrecords:\n- kind: report\n  fields: {received: Received}\n"), book)
	must(t, err)
	_, findings, err := m.Run(book, read(t, b.Bytes(), ReadOptions{Name: "x.xlsx"}), RunOptions{})
	must(t, err)
	want := []string{
		`x.xlsx, sheet Sheet1: "B3:B4": merged cells: only the first one holds the value; if the value belongs to every row, take the cells apart and fill them`,
		"x.xlsx, sheet Old: the hidden sheet is not in the mapping: 1 rows are not read",
	}
	for i, w := range want {
		if i >= len(findings) || findings[i].String() != w {
			t.Errorf("want %s in %v", w, findings)
		}
	}
	if len(findings) != len(want) {
		t.Errorf("%v", findings)
	}
}

func TestChild(t *testing.T) {
	for _, c := range []struct{ birth, on, want string }{
		{"2004-01-06", "2022-01-05", "yes"}, {"2004-01-05", "2022-01-05", "no"}, {"2004", "2022-01-05", "unknown"}, {"2005", "2022-01-05", "yes"}, {"2003", "2022-01-05", "no"},
		{"2004-01-05", "2022-01-04/2022-01-05", "unknown"}, {"2004-02-29", "2022-02-28", "yes"}, {"", "2022-01-05", "unknown"}, {"2004-01-06", "", "unknown"}, {"2005/..", "2022", "unknown"},
	} {
		if got := childOn(c.birth, c.on); got != c.want {
			t.Errorf("born %s, on %s: %s, want %s", c.birth, c.on, got, c.want)
		}
	}
}

func FuzzParseMapping(f *testing.F) {
	book := testBook(f)
	f.Add([]byte(smallMap))
	f.Add([]byte("mapping: 1\nkey: =A\nrecords:\n- kind: act\n  when: {column: X, is: [a]}\n  fields: {date: {column: B, dates: [serial, edtf]}}"))
	table := smallList(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMapping(data, book)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		_, _, _ = m.Run(book, table, RunOptions{})
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"05.01.2022", "2022-01-05 10:00", "05/01/2022", "44566", "2022-01-XX", "1.1.1900 г."} {
		f.Add(s, "02.01.2006")
	}
	book := testBook(f)
	f.Fuzz(func(t *testing.T, text, form string) {
		var by []layout
		if l, err := parseLayout(form); err == nil {
			by = append(by, l)
		}
		got, p := parseDate(Cell{Text: clean(text)}, by)
		if p != nil && !p.warning {
			return
		}
		if problems := book.Validate("act", map[string][]string{"date": {got}}); len(problems) > 0 {
			t.Fatalf("%q became %q: %v", text, got, problems)
		}
	})
}
