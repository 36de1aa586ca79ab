// SPDX-License-Identifier: AGPL-3.0-or-later

package uwazi

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
	"github.com/kua-registry/kua/internal/intake"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// samples are real files of Uwazi's own tests; they are not part of the project.
func samples(t *testing.T) fs.FS {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "..", "shared", "acceptance", "formats", "uwazi")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the real files of Uwazi are not here: ", err)
	}
	return os.DirFS(dir)
}

func one(name, text string) fs.FS { return fstest.MapFS{name: {Data: []byte(text)}} }

// column returns the values of the cells under a heading.
func under(t *testing.T, s intake.Sheet, heading string) (out []intake.Cell) {
	t.Helper()
	col := slices.IndexFunc(s.Rows[0].Cells, func(c intake.Cell) bool { return c.Text == heading })
	if col < 0 {
		t.Fatalf("no column %q", heading)
	}
	for _, row := range s.Rows[1:] {
		out = append(out, cell(row, col))
	}
	return out
}

func TestRealImports(t *testing.T) {
	folder := samples(t)
	book := foreigntest.Book(t)

	f, err := readImport(folder, "test.csv", foreign.Reading{})
	must(t, err)
	s := f.Table.Sheets[0]
	if len(s.Rows) != 4 {
		t.Errorf("%d rows", len(s.Rows))
	}
	places := under(t, s, "geolocation_geolocation")
	if places[0].Text != "1|1" || places[1].Text != "" || places[2].Text != "0|0" {
		t.Errorf("places %v", places)
	}
	if got := under(t, s, "Multi Select Label"); !slices.Equal(got[2].Values, []string{"multivalue1", "multivalue3"}) {
		t.Errorf("values %v", got)
	}
	// Columns that nobody maps are named, and a day that could be two is refused.
	const mapping = "mapping: 1\nkey: id\nrecords:\n- kind: case\n  fields: {note: Title}\n- kind: act\n  fields: {date: Date label}\n"
	m, err := intake.ParseMapping([]byte(mapping), book)
	must(t, err)
	_, findings, err := m.Run(book, f.Table, intake.RunOptions{})
	must(t, err)
	for _, want := range []string{"column E (non configured): is not in the mapping", `"03/01/2022"`} {
		if !strings.Contains(fmt.Sprint(findings), want) {
			t.Errorf("%s is not told: %v", want, findings)
		}
	}
	m, err = intake.ParseMapping([]byte(strings.Replace(mapping, "key: id", "key: id\ndates: dd/mm/yyyy", 1)), book)
	must(t, err)
	imp, _, err := m.Run(book, f.Table, intake.RunOptions{})
	must(t, err)
	if imp == nil || imp.Rows[0].Records[1].Fields["date"][0] != "2022-01-03" {
		t.Errorf("by a declared form: %v", imp)
	}

	f, err = readImport(folder, "arrangeThesauriTest.csv", foreign.Reading{})
	must(t, err)
	s = f.Table.Sheets[0]
	terms := map[string]bool{}
	for _, c := range under(t, s, "select_property__en") {
		for _, v := range values(c) {
			terms[term(v)] = true
		}
	}
	// The file has 25 rows; its terms are those that Uwazi's own test names.
	want := []string{"1::1a", "1::1c", "3::a", "a", "b", "c", "d", "g2::2a", "g2::2b"}
	if got := slices.Sorted(maps.Keys(terms)); len(s.Rows) != 26 || !slices.Equal(got, want) || len(f.Findings) != 1 {
		t.Errorf("%d rows, terms %v, findings %v", len(s.Rows)-1, got, f.Findings)
	}
	if got := under(t, s, "Multiselect Property__en")[15].Values; !slices.Equal(got, []string{"A", "B", "C", "D", "E", "e", "g"}) {
		t.Errorf("values %q", got)
	}

	// A group by itself is refused by what the mapping of the other file knows.
	m, err = intake.ParseMapping([]byte("mapping: 1\nkey: id\nrecords:\n- kind: act\n  fields: {methods: {column: Select Property, values: {'1::1A': electric, '1::1c': [], B: threat}}}\n"), book)
	if err != nil {
		m, err = intake.ParseMapping([]byte("mapping: 1\nkey: id\nrecords:\n- kind: person\n  fields: {role: {const: victim}, sex: {column: Select Property, values: {'1::1A': male, '1::1c': female}}}\n"), book)
	}
	must(t, err)
	f, err = readImport(folder, "arrangeThesauriGroupErrorCase.csv", foreign.Reading{})
	must(t, err)
	imp, findings, err = m.Run(book, f.Table, intake.RunOptions{})
	must(t, err)
	if imp != nil || !strings.Contains(fmt.Sprint(findings), `row 2, column B (Select Property): "1" is a group of values, and none of them`) {
		t.Errorf("a group by itself: %v", findings)
	}

	for name, files := range map[string][]string{
		"zipData":           {"1.pdf", "att1.doc", "2.pdf", "att1.doc", "att2.jpg", "3.pdf"},
		"zipData/languages": nil, // its files lie beside it in a ZIP alone
	} {
		sub, err := fs.Sub(folder, name)
		must(t, err)
		f, err = readImport(sub, ".", foreign.Reading{})
		must(t, err)
		var got []string
		for _, a := range f.Attached {
			got = append(got, a.Name)
		}
		if len(f.Table.Sheets[0].Rows) != 4 || !slices.Equal(got, files) {
			t.Errorf("%s: %d rows, files %v, %v", name, len(f.Table.Sheets[0].Rows), got, f.Findings)
		}
	}
	_, err = readImport(folder, "zipData/zipTest.zip", foreign.Reading{})
	if err == nil || !strings.Contains(err.Error(), "no import.csv at the root of the archive: it holds test.csv, 1.pdf, 2.pdf") {
		t.Errorf("a ZIP without import.csv: %v", err)
	}
}

// TestDraft: the sample of the project is taken in by the mapping that is drafted for it.
func TestDraft(t *testing.T) {
	imp, file, findings := foreigntest.Import(t, Import(), os.DirFS(filepath.Join("..", "..", "..", "examples", "formats", "uwazi")), "import.csv")
	act := imp.Rows[1].Records[2]
	if len(imp.Rows) != 2 || act.Fields["date"][0] != "2022-01-06/2022-01-07" || len(file.Attached) != 1 || !strings.Contains(fmt.Sprint(findings), "(Place on the map_geolocation): is not in the mapping") {
		t.Errorf("%v %v %v", imp.Rows, file.Attached, findings)
	}
	for text, want := range map[string]string{"a\nkey: x": "a\ndates: [2006-01-02, range]\nkey: x", "dates: 02.01.2006 # so\nkey: x": "dates: [02.01.2006, range]\nkey: x", "dates: [a, b]\n": "dates: [a, b, range]\n"} {
		if got := withRanges(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestImportRules holds what Uwazi refuses, with its place.
func TestImportRules(t *testing.T) {
	for text, want := range map[string]string{
		"title,title__en\na,b\n":                            `line 1, the headings: "title" stands with a language and without one`,
		"title__en,title__es,text__es\na,b,c\n":             "there is no column id",
		"title__en,text__es\na,b\n":                         "no language has all of the columns text, title",
		"name,age\na,b\n":                                   "neither a column title nor a column id",
		"title,My Prop,my_prop\na,b,c\n":                    `two columns are read as "my_prop"`,
		"id,title,s\n1,a,1::x\n2,b,1\n":                     `row 3, column C (s): "1" is a group of values`,
		"id,title,s\n1,a,1::x::y\n":                         `row 2, column C (s): "1::x::y" is a group in a group`,
		"id,title,file\n1,a,x.pdf\n":                        `row 2, column C (file): "x.pdf" is not in the archive`,
		"id,title,file\n1,a,../x.pdf\n":                     `is not in the archive`,
		"id,title,Attachments\n1,a,https://h/api/files/x\n": "is an address, and nothing is ever fetched",
		"id,title,p_geolocation\n1,a,91|0\n":                "is no place on the map",
		"id,title,p_geolocation\n1,a,0|0\n":                 "",
		"title\na\n":                                        "there is no column id: a row is known by its title",
	} {
		f, err := readImport(one("x.csv", text), "x.csv", foreign.Reading{})
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(f.Findings)
		}
		if want == "" && (err != nil || len(f.Findings) > 0) || !strings.Contains(got, want) {
			t.Errorf("%q: %s; expected %s", text, got, want)
		}
	}
}

// TestRanges: from:to of the import and from~to of the export, either side blank.
func TestRanges(t *testing.T) {
	book := foreigntest.Book(t)
	m, err := intake.ParseMapping([]byte("mapping: 1\nkey: id\ndates: [2006-01-02, 2006/01/02, range]\nrecords:\n- kind: act\n  fields: {date: when}\n"), book)
	must(t, err)
	for text, want := range map[string]string{
		"2022-01-05:2022-01-07": "2022-01-05/2022-01-07", "2022/01/05~2022/01/07": "2022-01-05/2022-01-07",
		":2022-01-07": "../2022-01-07", "2022-01-05:": "2022-01-05/..", "2022-01-05": "2022-01-05", "2022-01-05:2022-01-05": "2022-01-05",
		"2022-01-07:2022-01-05": "", ":": "", "2022-02-30:": "",
	} {
		f, err := readImport(one("x.csv", "id,title,when\n1,a,"+text+"\n"), "x.csv", foreign.Reading{})
		must(t, err)
		imp, findings, err := m.Run(book, f.Table, intake.RunOptions{})
		must(t, err)
		got := ""
		if imp != nil {
			got = imp.Rows[0].Records[1].Fields["date"][0]
		}
		if got != want || got == "" && len(findings) == 0 {
			t.Errorf("%q: %q, %v; expected %q", text, got, findings, want)
		}
	}
}

func export(t interface{ Fatal(...any) }, book *codebook.Book, cases ...*casefile.Case) ([]byte, *foreign.Report) {
	var out bytes.Buffer
	report, err := Write(&out, book, foreigntest.All(cases), foreign.Writing{Open: func(_, record string) (io.ReadCloser, error) {
		if record == missingFile {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(strings.NewReader("what is in " + record)), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), report
}

const missingFile = "00000000000000000000000000000bad"

// TestOutAndIn: what the report says was carried comes in again as it was, what
// it says was not does not, and it speaks of every value there is.
func TestOutAndIn(t *testing.T) {
	book := foreigntest.Book(t)
	rapid.Check(t, func(t *rapid.T) {
		cases := foreigntest.Cases(book, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 4).Draw(t, "cases"))
		cases[0] = withOdd(book, cases[0], t)
		data, report := export(t, book, cases...)
		back := takeIn(t, book, data)
		type count struct{ whole, all int }
		got := map[[2]string]count{}
		for _, c := range cases {
			for _, rec := range c.Records() {
				came := back[c.ID][rec.ID]
				for field, values := range rec.Fields {
					n := got[[2]string{rec.Kind, field}]
					n.all += len(values)
					for _, v := range values {
						if slices.Contains(came[field], v) {
							n.whole++
						}
					}
					got[[2]string{rec.Kind, field}] = n
				}
			}
		}
		for _, f := range report.Fields {
			n := got[[2]string{f.Kind, f.Field}]
			left := 0
			for _, l := range f.Left {
				left += l.Values
			}
			if f.Kind != "file" && n.whole != f.Carried || n.all != f.Carried+left {
				t.Errorf("%s.%s: %d of %d came back; the report says %d carried, %d not", f.Kind, f.Field, n.whole, n.all, f.Carried, left)
			}
			delete(got, [2]string{f.Kind, f.Field})
		}
		if len(got) > 0 {
			t.Errorf("the report does not speak of %v", got)
		}
	})
}

// withOdd adds what invented cases do not have: uncertain dates, texts like
// formulas, references within and outside the case, a file.
func withOdd(book *codebook.Book, c *casefile.Case, t *rapid.T) *casefile.Case {
	var entries []casefile.Entry
	for _, rec := range c.Records() {
		entries = append(entries, casefile.Entry{Pos: uint64(len(entries) + 1), Record: rec.ID, Kind: rec.Kind, Op: casefile.Put, Fields: rec.Fields})
	}
	put := func(id, kind string, f casefile.Fields) {
		entries = append(entries, casefile.Entry{Pos: uint64(len(entries) + 1), Record: strings.Repeat("0", 32-len(id)) + id, Kind: kind, Op: casefile.Put, Fields: f})
	}
	text := rapid.SampledFrom([]string{"=1+1", "'quoted", "''", "+7 701", "@x", "-", "a|b", "two\nlines", "plain", "Ә, \"ө\"; ү"}).Draw(t, "text")
	date := rapid.SampledFrom([]string{"2022-01-05", "2022-01", "2022~", "2022-01-05/2022-01-07", "../2022-01-07", "2022-01-05/..", "unknown", "2022-01-05T10:20", "2022?"}).Draw(t, "date")
	put("a1", "decision", casefile.Fields{"kind": {"closed"}, "date": {date}, "ground_written": {strings.ReplaceAll(text, "\n", " ")}})
	put("a2", "appeal", casefile.Fields{"of": {strings.Repeat("0", 30) + "a1"}, "date": {"2022-02-01"}, "note": {text}})
	put("a3", "person", casefile.Fields{"role": {"witness"}, "other_names": {"one", text}, "organisation": {strings.Repeat("f", 32)}})
	put("bad", "file", casefile.Fields{"name": {"x.txt"}, "sha256": {"00"}})
	put("f1", "file", casefile.Fields{"name": {"../y:1.txt"}, "sha256": {"01"}})
	return casefile.Fold(book, c.ID, entries)
}

// takeIn reads a ZIP by its ready mapping: the records of each case by their ids.
func takeIn(t interface{ Fatal(...any) }, book *codebook.Book, data []byte) map[string]map[string]casefile.Fields {
	f, err := readImport(fstest.MapFS{"x.zip": {Data: data}}, "x.zip", foreign.Reading{})
	if err != nil {
		t.Fatal(err)
	}
	text := mapImport(f, book)
	m, err := intake.ParseMapping(text, book)
	if err != nil {
		t.Fatal(err, "\n", string(text))
	}
	imp, findings, err := m.Run(book, f.Table, intake.RunOptions{})
	if err != nil || imp == nil {
		t.Fatal(err, findings, "\n", string(text))
	}
	out := map[string]map[string]casefile.Fields{}
	for _, row := range imp.Rows {
		records := map[string]casefile.Fields{}
		for _, r := range row.Records {
			_, id, ok := strings.Cut(r.Local, "@")
			if r.Local == intake.CaseLocal {
				id, ok = row.Key, true
			}
			if !ok || r.Kind == "import_row" {
				continue
			}
			fields := casefile.Fields{}
			for field, values := range r.Fields {
				for _, v := range values {
					if _, ref, ok := strings.Cut(v, "@"); ok && strings.HasPrefix(v, "\x01") {
						v = ref
					}
					fields[field] = append(fields[field], v)
				}
			}
			records[id] = fields
		}
		delete(records[row.Key], "external_id")
		out[row.Key] = records
	}
	return out
}

// TestFilesOut: files lie beside import.csv under names that lead nowhere else.
func TestFilesOut(t *testing.T) {
	book := foreigntest.Book(t)
	c := casefile.Fold(book, strings.Repeat("c", 32), []casefile.Entry{
		{Pos: 1, Record: strings.Repeat("c", 32), Kind: "case", Op: casefile.Put, Fields: casefile.Fields{"number": {"K-1000001"}}},
		{Pos: 2, Record: strings.Repeat("d", 32), Kind: "file", Op: casefile.Put, Fields: casefile.Fields{"name": {"../y|1.txt"}, "sha256": {"01"}}},
		{Pos: 3, Record: missingFile, Kind: "file", Op: casefile.Put, Fields: casefile.Fields{"name": {"z.txt"}, "sha256": {"02"}}},
	})
	data, report := export(t, book, c)
	f, err := readImport(fstest.MapFS{"x.zip": {Data: data}}, "x.zip", foreign.Reading{})
	must(t, err)
	if len(f.Attached) != 1 || f.Attached[0].Key != c.ID || f.Attached[0].Name != "dddddddd-.._y_1.txt" {
		t.Fatalf("%+v", f.Attached)
	}
	in, err := f.Attached[0].Open()
	must(t, err)
	text, err := io.ReadAll(in)
	must(t, errors.Join(err, in.Close()))
	if string(text) != "what is in "+strings.Repeat("d", 32) {
		t.Errorf("%s", text)
	}
	if got := report.String(); !strings.Contains(got, "file.sha256, 1 values: the file is not there") || !strings.Contains(got, "case.number, 1 values: the format has no place") {
		t.Errorf("%s", got)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	properties, err := fs.ReadFile(archive, "properties.csv")
	must(t, err)
	if !strings.HasPrefix(string(properties), "heading,label,type of property,thesaurus\n") {
		t.Errorf("%s", properties)
	}
}

// FuzzImport: whatever it is given, the reader answers, and what it read is mapped without a panic.
func FuzzImport(f *testing.F) {
	f.Add([]byte("id,title,a__en,b_geolocation,file\n1,x,A|B::c,0|0,y.pdf\n"))
	f.Add([]byte("kua_case,title,attachments,act.id,act.2.date\nk,t,,1,2022-01-05:\n"))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	book := foreigntest.Book(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := intake.Limits{Bytes: 1 << 16, Rows: 100, Columns: 100, Cells: 2000}
		file, err := readImport(fstest.MapFS{"x": {Data: data}}, "x", foreign.Reading{Limits: limits})
		if err != nil {
			return
		}
		m, err := intake.ParseMapping(mapImport(file, book), book)
		if err != nil {
			return // a draft may need a person
		}
		_, _, _ = m.Run(book, file.Table, intake.RunOptions{Today: edtf.MustParse("2022-05-01").Earliest()})
	})
}
