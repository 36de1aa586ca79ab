// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/packs/kz"
)

const samples = "../../examples/january-2022"

func testBook(t testing.TB) *codebook.Book {
	t.Helper()
	b, err := codebook.Load(codebook.Data, kz.Data)
	must(t, err)
	return b
}

func day(t testing.TB, s string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(s)
	must(t, err)
	return d
}

// sample imports one of the four lists; a finding is a failure.
func sample(t testing.TB, book *codebook.Book, file string) *Import {
	t.Helper()
	ext := filepath.Ext(file)
	text, err := os.ReadFile(filepath.Join(samples, file[:len(file)-len(ext)]+".map.yaml"))
	must(t, err)
	m, err := ParseMapping(text, book)
	must(t, err)
	data, err := os.ReadFile(filepath.Join(samples, file))
	must(t, err)
	table, err := ReadTable(data, m.ReadOptions(file))
	must(t, err)
	imp, findings, err := m.Run(book, table, RunOptions{Today: day(t, "2022-07-31")})
	must(t, err)
	for _, f := range findings {
		t.Errorf("finding: %s: %s", f.Severity, f)
	}
	if imp == nil {
		t.FailNow()
	}
	return imp
}

func TestSamplesImport(t *testing.T) {
	book := testBook(t)
	for file, n := range map[string]int{"northern-bureau.xlsx": 75, "legal-aid.xlsx": 66, "detention-watch.csv": 35, "family-line.csv": 36} {
		if imp := sample(t, book, file); len(imp.Rows) != n {
			t.Errorf("%s: %d rows, want %d", file, len(imp.Rows), n)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s is not as expected (go test -update writes it anew):\n%s", name, got)
	}
}

// show writes a row as text, one field a line.
func show(b *strings.Builder, row Row) {
	fmt.Fprintf(b, "%s · %s row %d · %d source rows\n", row.Key, row.Sheet, row.RowNo, len(row.Sources))
	for _, rec := range row.Records {
		if rec.Kind == "import_row" && row.Key != "Б/57" {
			continue // one is enough to see what they hold
		}
		fmt.Fprintf(b, "  %s (%s)\n", rec.Local, rec.Kind)
		for _, id := range slices.Sorted(maps.Keys(rec.Fields)) {
			fmt.Fprintf(b, "    %s: %s\n", id, strings.ReplaceAll(strings.Join(rec.Fields[id], " | "), refMark, "→ "))
		}
	}
}

// TestSamplesGolden holds a few rows of each list, whole.
func TestSamplesGolden(t *testing.T) {
	book := testBook(t)
	var b strings.Builder
	for _, c := range []struct {
		file string
		keys []string
	}{
		{"northern-bureau.xlsx", []string{"A-001", "A-023", "A-035", "A-043", "A-046"}},
		{"legal-aid.xlsx", []string{"Б/2", "Б/7", "Б/8", "Б/13", "Б/57"}},
		{"detention-watch.csv", []string{"2-22", "3-22", "14-22"}},
		{"family-line.csv", []string{"ОТ001", "ОТ003", "ОТ031"}},
	} {
		fmt.Fprintf(&b, "# %s\n", c.file)
		for _, row := range sample(t, book, c.file).Rows {
			if slices.Contains(c.keys, row.Key) {
				show(&b, row)
			}
		}
	}
	golden(t, "samples.golden", b.String())
}

// TestSamplesFigures counts from the records alone what the statement counts,
// with the people put together as the acceptance material says. It shows that
// the mappings lose nothing that a figure needs.
func TestSamplesFigures(t *testing.T) {
	truth := filepath.Join("..", "..", "..", "shared", "acceptance", "january-2022")
	f, err := os.Open(filepath.Join(truth, "truth-clusters.csv"))
	if err != nil {
		t.Skip("the acceptance material is not beside the repository: ", err)
	}
	defer f.Close()
	clusters, err := csv.NewReader(f).ReadAll()
	must(t, err)
	text, err := os.ReadFile(filepath.Join(truth, "truth-figures.json"))
	must(t, err)
	var want map[string]json.RawMessage
	must(t, json.Unmarshal(text, &want))

	cluster := map[string]string{}
	for _, c := range clusters[1:] {
		cluster[c[0]+"/"+c[1]] = c[2]
	}
	book := testBook(t)
	units := map[string][]Row{}
	rows := 0
	for _, file := range []string{"northern-bureau.xlsx", "legal-aid.xlsx", "detention-watch.csv", "family-line.csv"} {
		member, _, _ := strings.Cut(file, ".")
		for _, row := range sample(t, book, file).Rows {
			id, ok := cluster[member+"/"+row.Key]
			if !ok {
				t.Fatalf("%s %s is in no cluster", member, row.Key)
			}
			units[id] = append(units[id], row)
			rows++
		}
	}
	if rows != 212 || len(units) != 175 {
		t.Errorf("%d rows, %d units", rows, len(units))
	}
	cutoffs := 0
	for asOf, text := range want {
		var figures map[string]int
		if json.Unmarshal(text, &figures) != nil {
			continue // the totals
		}
		cutoffs++
		got := map[string]int{}
		for _, unit := range units {
			for _, name := range unitFigures(unit, asOf) {
				got[name]++
			}
		}
		for name, n := range figures {
			if got[name] != n {
				t.Errorf("%s as of %s: %d, want %d", name, asOf, got[name], n)
			}
		}
	}
	if cutoffs != 3 {
		t.Errorf("%d cut-off days", cutoffs)
	}
}

func unitFigures(unit []Row, asOf string) []string {
	is := map[string]bool{}
	for _, row := range unit {
		received := ""
		for _, r := range row.Records {
			if r.Kind == "report" {
				received = r.Fields["received"][0]
			}
		}
		is["reports"] = is["reports"] || received <= asOf
		for _, r := range row.Records {
			v := func(field string) string {
				if len(r.Fields[field]) == 0 {
					return ""
				}
				return r.Fields[field][0]
			}
			by := func(field string) bool {
				if d := v(field); d != "" {
					return d <= asOf
				}
				return received <= asOf
			}
			switch {
			case r.Kind == "person":
				is["children"] = is["children"] || v("child") == "yes"
				is["women_and_girls"] = is["women_and_girls"] || v("sex") == "f"
				is["men_and_boys"] = is["men_and_boys"] || v("sex") == "m"
			case r.Kind == "complaint" && v("filed") == "yes" && by("date"):
				is["complaint_filed"] = true
			case r.Kind == "registration" && v("status") == "erdr" && by("date"):
				is["registered_"+v("article")] = true
			case r.Kind == "registration" && v("status") == "unregistered_check" && by("date"):
				is["investigated_unregistered"] = true
			case r.Kind == "examination" && v("kind") == "sme" && v("ordered") != "" && by("ordered"):
				is["ordered"] = true
			case r.Kind == "decision" && v("kind") == "closed" && by("date"):
				is["closed"] = true
			case r.Kind == "appeal" && by("date"):
				is["appealed"] = true
			}
		}
	}
	if !is["reports"] {
		return nil
	}
	is["registered_146_exam_ordered"] = is["registered_146"] && is["ordered"]
	is["closed_appealed"] = is["closed"] && is["appealed"]
	var out []string
	for name, yes := range is {
		if yes {
			out = append(out, name)
		}
	}
	return out
}
