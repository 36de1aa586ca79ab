// SPDX-License-Identifier: AGPL-3.0-or-later

package primero

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
	"github.com/kua-registry/kua/internal/intake"
)

const samples = "../../../../shared/acceptance/formats/primero"

func real(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Skip("the samples of Primero are not here: ../shared/acceptance/formats")
	}
	return data
}

// TestRealPlaces reads the real lists of places: one that is good, two that are
// faulty, with the row and column of each fault.
func TestRealPlaces(t *testing.T) {
	places, findings, err := ReadPlaces("x.csv", real(t, "hxl_location_sample.csv"), intake.Limits{})
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	byCode := map[string]Place{}
	for _, p := range places {
		byCode[p.Code] = p
	}
	p := byCode["IQG07Q02N02"]
	if p.Level != "adm3" || p.Names["ar-lb"] != "ابي غرق" || full(byCode, p.Code) != "Abi Gharaq, Al-Hilla, Babil, Iraq" {
		t.Errorf("got %+v, %q", p, full(byCode, p.Code))
	}
	for name, want := range map[string]string{
		"hxl_location_invalid_locale.csv": `x.csv, row 2, column D: "#adm3+name+ar-XX": names a language that there is not; a language such as ar or ar-LB
x.csv, row 2, column L: "#adm2+name+ar-XX": names a language that there is not; a language such as ar or ar-LB
x.csv, row 2, column O: "#adm1+name+ar-XX": names a language that there is not; a language such as ar or ar-LB
x.csv, row 2, column R: "#country+name+ar-XX": names a language that there is not; a language such as ar or ar-LB
`,
		"hxl_location_missing_pcodes.csv": `x.csv, row 8, column M: "Al-Hawiga": the place has no code; its code: places are tied by it alone
x.csv, row 13, column P: "Diyala": the place has no code; its code: places are tied by it alone
`,
	} {
		_, findings, err := ReadPlaces("x.csv", real(t, name), intake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, f := range findings {
			if !strings.Contains(f.What, "above") { // what follows from a missing code
				got.WriteString(f.String() + "\n")
			}
		}
		if got.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got.String(), want)
		}
	}
}

func TestRealRegistry(t *testing.T) {
	real(t, "registry_sample.csv")
	imp, _, _ := foreigntest.Import(t, Format(), os.DirFS(samples), "registry_sample.csv")
	if len(imp.Rows) != 7 || imp.Rows[0].Key != "abc123" || !strings.Contains(foreigntest.Show(imp.Rows[2]), "registered (person) full_name=Farmer 3 phones=555-555-1002 role=contact sex=f") {
		t.Errorf("%d rows: %s", len(imp.Rows), foreigntest.Show(imp.Rows[2]))
	}
	imp, _, findings := foreigntest.Import(t, Format(), os.DirFS(samples), "registry_blanks.csv")
	if len(imp.Rows) != 7 {
		t.Errorf("%d rows", len(imp.Rows))
	}
	var told []string
	for _, f := range findings {
		told = append(told, f.String())
	}
	for _, want := range []string{"(column F): is not in the mapping: 6 cells", "(column G): is not in the mapping: 7 cells"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("no %q in %v", want, told)
		}
	}
}

func TestSample(t *testing.T) {
	imp, file, findings := foreigntest.Import(t, Format(), os.DirFS("testdata"), "records.json")
	var got strings.Builder
	for _, row := range imp.Rows {
		got.WriteString("# " + row.Key + "\n" + foreigntest.Show(row))
	}
	want := `# 11111111-1111-4111-8111-111111111111
case (case) external_id=11111111-1111-4111-8111-111111111111
report (report) received=2022-02-01
person (person) age=15 birth=2006-05-04 family=Invented full_name=Nobody Invented given=Nobody nationality=invented phones=555-0100 role=victim sex=f
act@22222222-2222-4222-8222-222222222222 (act) account=Beaten when detained. date=2022-01-05
note@11111111-1111-4111-8111-111111111111/notes_section/n-1 (note) date=2022-02-02 text=Her aunt called.
suspect@22222222-2222-4222-8222-222222222222/perpetrators/p-1 (suspect) body=police unit=Invented unit
# 33333333-3333-4333-8333-333333333333
case (case) external_id=33333333-3333-4333-8333-333333333333
act@33333333-3333-4333-8333-333333333333 (act) date=2022-01-05/2022-01-07
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	var told []string
	for _, f := range findings {
		told = append(told, f.String())
	}
	for _, want := range []string{`"gone.pdf": the file itself is not in the export`, "(protection_concerns): is not in the mapping: 1 cells", "(verified): is not in the mapping"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(told, "\n"))
		}
	}
	if len(file.Attached) != 1 {
		t.Fatalf("attached: %+v", file.Attached)
	}
	a := file.Attached[0]
	in, err := a.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(in)
	if string(text) != "Invented." || a.Name != "note.txt" || a.Date != "2022-02-02" {
		t.Errorf("%q %+v", text, a)
	}
	history, _ := file.Table.Sheet("history")
	if len(history.Rows) != 2 || history.Rows[1].Text(5) != "age" || history.Rows[1].Text(6) != "14" {
		t.Errorf("history: %+v", history.Rows)
	}
}

func TestAnswerWithPlaces(t *testing.T) {
	_, file, _ := foreigntest.Import(t, Format(), os.DirFS("testdata/with-places"), "answer.json")
	s, _ := file.Table.Sheet("records")
	for i, c := range s.Rows[0].Cells {
		if c.Text == "location_current (place)" && s.Rows[1].Text(i) != "Invented Town, Invented Land" {
			t.Errorf("place: %q", s.Rows[1].Text(i))
		}
	}
}

func TestRefused(t *testing.T) {
	foreigntest.Refused(t, Format(), "x", map[string]string{
		`[{"data": {"name": "x"}}]`:                                     "record 1 has no id",
		`[{"id": "a", "data": {}},` + "\n" + `{"id": "a", "data": {}}]`: `row 2: "a": the record in line 1 has the same id`,
		`[1]`:                           "stands where a record is expected",
		`[]`:                            "holds no record",
		`[{"id": "a"`:                   "line 1: is no whole JSON",
		"a,b\n1,2\n":                    "neither JSON nor a list with a column",
		"other_id_no_system,name\n,x\n": "the row has no number of its own",
	})
}

func TestOutAndIn(t *testing.T) {
	report := foreigntest.RoundTrip(t, Format(), "x.json", foreigntest.Cases(foreigntest.Book(t), 3, 60), 60)
	foreigntest.Carried(t, report, "person.family", "person.sex", "person.birth", "act.date", "act.account", "report.received")
}

func TestHostileTextsOutAndIn(t *testing.T) {
	foreigntest.RoundTrip(t, Format(), "x.json", foreigntest.HostileCases(foreigntest.Book(t), 21, 40), 40)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"records.json", "answer.json", "with-places/locations.csv"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, data)
	}
	f.Add([]byte("registry_type,other_id_no_system,name\nfarmer,a,b\n"), []byte("#adm1+code,#adm1+name\na,b\n"))
	book := foreigntest.Book(f)
	m, err := intake.ParseMapping(readyMap, book)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data, places []byte) {
		file, err := Read(fstest.MapFS{"x": {Data: data}, placesFile: {Data: places}}, "x", foreign.Reading{Limits: intake.Limits{Cells: 10_000}})
		if err != nil {
			return
		}
		if _, _, err := m.Run(book, file.Table, intake.RunOptions{}); err != nil {
			t.Fatalf("the ready mapping does not fit a file that was read: %v", err)
		}
	})
}
