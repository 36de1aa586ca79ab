// SPDX-License-Identifier: AGPL-3.0-or-later

package martus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
	"github.com/kua-registry/kua/internal/intake"
)

const samples = "../../../../shared/acceptance/formats/martus"

func real(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Skip("the samples of Martus are not here: ../shared/acceptance/formats")
	}
	return data
}

func TestRealSamples(t *testing.T) {
	b, findings, err := Parse("x.xml", real(t, "SampleXmlBulletin.xml"))
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	if len(b) != 1 || len(b[0].Fields) != 20 || len(b[0].Grids) != 5 {
		t.Errorf("%d bulletins, %d fields, %d grid rows; want 1, 20, 5", len(b), len(b[0].Fields), len(b[0].Grids))
	}
	b, findings, err = Parse("x.xml", real(t, "SampleXmlBulletinWithAttachments.xml"))
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	sections := map[string]int{}
	for _, a := range b[0].Attachments {
		sections[a.Section]++
	}
	if sections["top"] != 2 || sections["bottom"] != 2 {
		t.Errorf("attachments: %v", sections)
	}
}

func TestInvalidSamples(t *testing.T) {
	for name, want := range map[string][]string{
		"SampleInvalidBulletinFieldsSpecDontMatchData.xml": {`sheet bulletins, row 113: "IntervieweeName": in bulletin 1: a value of a field that the form does not declare`},
		"SampleInvalidFieldSpecsXmlBulletin.xml": {
			`row 52: "Duplicate": in bulletin 1: field BulletinSourceDuplicateEntries has this choice twice`,
			`row 78: "DuplicateTag": in bulletin 1: the form declares the tag a second time, after line 73`,
			`row 2: "author": in bulletin 1: the form lacks this field`, `row 2: "title"`},
		"SampleInvalidFieldSpecsXmlThreeBulletins.xml": {
			`row 52: "Duplicate": in bulletin 1`, `row 78: "DuplicateTag": in bulletin 1`,
			`"STRINGUNKNOWNFIELD": in bulletin 3: field IntervieweeName is of an unknown type`},
	} {
		_, findings, err := Parse("x.xml", real(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, f := range findings {
			if f.Severity == intake.Error {
				all = append(all, f.String())
			}
		}
		for _, w := range want {
			if !strings.Contains(strings.Join(all, "\n"), w) {
				t.Errorf("%s: no finding %q in\n%s", name, w, strings.Join(all, "\n"))
			}
		}
	}
}

// TestAgainstCSV reads what the converter of Martus made of a CSV and finds the CSV's values in it.
func TestAgainstCSV(t *testing.T) {
	b, findings, err := Parse("x.xml", real(t, "text_finalResult.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Severity == intake.Error {
			t.Error(f)
		}
	}
	if len(b) != 2 || len(b[0].Fields) != 17 || len(b[1].Fields) != 17 || len(b[0].Grids) != 2 || len(b[1].Grids) != 1 {
		t.Fatalf("%d bulletins: %+v", len(b), b)
	}
	rows := strings.Split(string(real(t, "test.csv")), "\n")
	var data [][]string
	for _, row := range rows[1:] {
		if cells := strings.Split(strings.TrimSpace(row), "|"); len(cells) > 10 {
			data = append(data, cells)
		}
	}
	ymd := func(s string) string { return s[:4] + "-" + s[4:6] + "-" + s[6:] }
	mdy := func(s string) string { return s[4:] + "-" + s[:2] + "-" + s[2:4] }
	for i, row := range data {
		got := map[string]string{}
		for _, v := range b[i].Fields {
			got[v.Heading] = v.Text
		}
		for heading, want := range map[string]string{
			"language": row[1], "author": row[2], "title": row[6], "entrydate": ymd(row[0]), "summary": row[9],
			"gun_tag (Where guns Used?)": row[10], "eventdate": mdy(row[11]) + "/" + mdy(row[12]),
			"anonymous_tag_bottom_section (Does interviewee wish to remain anonymous?)": map[string]string{"1": "yes", "0": "no"}[row[13]],
		} {
			if got[heading] != want {
				t.Errorf("bulletin %d, %s: %q, the CSV has %q", i+1, heading, got[heading], want)
			}
		}
	}
	if g := b[0].Grids[0]; g.Values[0].Text != "John Grid" || g.Values[0].Heading != "First <Name>" || g.Values[3].Text != "2002-01-01/2003-01-06" || g.Values[5].Text != "yes" {
		t.Errorf("grid: %+v", g)
	}
}

func TestSampleOfOurOwn(t *testing.T) {
	f, err := Read(os.DirFS("testdata"), "bulletins.xml", foreign.Reading{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Attached) != 1 || f.Attached[0].Name != "photo.txt" {
		t.Errorf("attached: %+v", f.Attached)
	}
	for _, w := range f.Findings {
		if w.Severity == intake.Error || !strings.Contains(w.What, "not in the folder") {
			t.Error(w)
		}
	}
	s, _ := f.Table.Sheet("bulletins")
	if len(s.Rows) != 3 {
		t.Fatalf("%d rows", len(s.Rows))
	}
}

// TestImport takes bulletins of both dialects through the ready mapping.
func TestImport(t *testing.T) {
	imp, _, _ := foreigntest.Import(t, Format(), os.DirFS("testdata"), "bulletins.xml")
	want := `report (report) channel=other_organisation language=ru place=Алматы, площадь received=2022-02-01 summary=Двоих избили на площади.
act (act) account=Били дубинками & ногами, около часа. date=2022-01-05/2022-01-06 place=Алматы, площадь
note (note) text=Звонить только сестре.
`
	if got := foreigntest.Show(imp.Rows[0]); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	kept := 0
	for _, s := range imp.Rows[0].Sources {
		if s.Sheet == "grid rows" {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d grid rows are kept", kept)
	}
	older, _, _ := foreigntest.Import(t, Format(), os.DirFS("testdata"), "older.xml")
	again, _, _ := foreigntest.Import(t, Format(), os.DirFS("testdata"), "older.xml")
	if key := older.Rows[0].Key; !strings.HasPrefix(key, "digest-") || key != again.Rows[0].Key {
		t.Errorf("a bulletin without an id is called %s, then %s", key, again.Rows[0].Key)
	}
	real(t, "SampleXmlBulletin.xml")
	for name, rows := range map[string]int{"SampleXmlBulletin.xml": 1, "SampleXmlBulletinWithAttachments.xml": 1, "text_finalResult.xml": 2} {
		if imp, _, _ := foreigntest.Import(t, Format(), os.DirFS(samples), name); len(imp.Rows) != rows {
			t.Errorf("%s: %d cases", name, len(imp.Rows))
		}
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"Simple:2005-11-01": "2005-11-01", "Range:2005-11-01,2005-11-05": "2005-11-01/2005-11-05", "Range:2005-11-01,2005-11-01": "2005-11-01",
		"2005-11-01": "2005-11-01", "Simple:soon": "", "Simple:2005-11-01,2005-11-02": "", "Range:": "", "Other:2005-11-01": "",
	} {
		if got, ok := date(text); got != want || ok != (want != "") {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/bulletins.xml", "testdata/older.xml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	book := foreigntest.Book(f)
	m, err := intake.ParseMapping(readyMap, book)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, findings, err := Parse("x.xml", data)
		again, _, err2 := Parse("x.xml", data)
		if (err == nil) != (err2 == nil) || len(b) != len(again) {
			t.Fatal("read twice, it differs")
		}
		for i := range b {
			if b[i].ID == "" || b[i].ID != again[i].ID {
				t.Fatalf("ids %q and %q", b[i].ID, again[i].ID)
			}
		}
		if len(findings) > maxFindings {
			t.Fatal(len(findings))
		}
		file, err := Read(fstest.MapFS{"x.xml": {Data: data}}, "x.xml", foreign.Reading{Limits: intake.Limits{Cells: 10_000}})
		if err != nil {
			return
		}
		if _, _, err := m.Run(book, file.Table, intake.RunOptions{}); err != nil {
			t.Fatalf("the ready mapping does not fit a file that was read: %v", err)
		}
	})
}
