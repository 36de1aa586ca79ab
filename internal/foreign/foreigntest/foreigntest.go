// SPDX-License-Identifier: AGPL-3.0-or-later

package foreigntest

import (
	"bytes"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/packs/kz"
)

// Book is the codebook with the pack of Kazakhstan.
func Book(t testing.TB) *codebook.Book {
	t.Helper()
	book, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// Import reads a file with the ready mapping of its format. A finding that is an
// Error fails the test; the others are returned, those of the reader first.
func Import(t testing.TB, f foreign.Format, folder fs.FS, name string) (*intake.Import, *foreign.File, []intake.Finding) {
	t.Helper()
	book := Book(t)
	file, err := f.Read(folder, name, foreign.Reading{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := intake.ParseMapping(f.Map(file, book), book)
	if err != nil {
		t.Fatalf("the ready mapping of %s: %v", f.Name, err)
	}
	imp, findings, err := m.Run(book, file.Table, intake.RunOptions{})
	if err != nil {
		t.Fatalf("the ready mapping of %s: %v", f.Name, err)
	}
	findings = slices.Concat(file.Findings, findings)
	for _, found := range findings {
		if found.Severity == intake.Error {
			t.Errorf("%v", found)
		}
	}
	if imp == nil {
		t.FailNow()
	}
	return imp, file, findings
}

// Show writes the records of a case, but for the raw rows, one a line: the name,
// then field=values; references name the record that they mean.
func Show(row intake.Row) string {
	ids := map[string]string{}
	for _, r := range row.Records {
		ids[intake.RecordID("case", r.Local)] = r.Local
	}
	var b strings.Builder
	for _, r := range row.Records {
		if r.Kind == "import_row" {
			continue
		}
		fmt.Fprintf(&b, "%s (%s)", r.Local, r.Kind)
		fields := r.Resolve("case")
		for _, id := range slices.Sorted(func(yield func(string) bool) {
			for id := range fields {
				if !yield(id) {
					return
				}
			}
		}) {
			values := slices.Clone(fields[id])
			for i, v := range values {
				if local, ok := ids[v]; ok {
					values[i] = "→" + local
				}
			}
			fmt.Fprintf(&b, " %s=%s", id, strings.Join(values, "|"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Cases are cases of an invented register, as they stand after their last entry.
func Cases(book *codebook.Book, seed uint64, n int) []*casefile.Case {
	return cases(book, seed, n, func(_ *codebook.Field, values []string) []string { return values })
}

// hostile are texts with which formats have trouble.
var hostile = []string{
	" blank around ", "=1+1", "@formula", "'quoted", "a;b", "a,b", "a|b", "a: b", `back\slash`, "two\nlines", "tab\there", "<b>&amp;</b>", "]]>", "--", `"`, "\"",
	"\u0001", "\u202e", "nul\x00", "\r\n", "{}", "[1]", "'=", "Қазақша", "👩🏽‍⚕️", "Ivanov, Ivan", "001", "2022-01-05", "yes", "-", "BEGIN:VCARD", "#", "\ufeff", "٣",
}

// HostileCases are cases of which every text is one with which formats have trouble.
func HostileCases(book *codebook.Book, seed uint64, n int) []*casefile.Case {
	i := 0
	return cases(book, seed, n, func(f *codebook.Field, values []string) []string {
		if f.Type != codebook.Text && f.Type != codebook.Prose {
			return values
		}
		out := make([]string, len(values))
		for j := range values {
			i++
			out[j] = hostile[i%len(hostile)]
			if i%7 == 0 {
				out[j] += " " + hostile[(i/7)%len(hostile)]
			}
		}
		return out
	})
}

func cases(book *codebook.Book, seed uint64, n int, texts func(*codebook.Field, []string) []string) []*casefile.Case {
	r := invented.Register{Seed: seed, Cases: n, Orgs: 3, Until: invented.LastDay}
	out := make([]*casefile.Case, n)
	for i := range n {
		c := r.Case(i)
		var entries []casefile.Entry
		for _, e := range c.Records() {
			fields := casefile.Fields{}
			kind, _ := book.Kind(e.Kind)
			for _, id := range slices.Sorted(maps.Keys(e.Fields)) {
				f, _ := kind.Field(id)
				fields[id] = texts(f, e.Fields[id])
			}
			entries = append(entries, casefile.Entry{Pos: uint64(len(entries) + 1), Record: e.Record, Kind: e.Kind, Op: casefile.Put, Fields: fields})
		}
		out[i] = casefile.Fold(book, c.ID, entries)
	}
	return out
}

// All hands out cases as a use case does.
func All(cases []*casefile.Case) iter.Seq2[*casefile.Case, error] {
	return func(yield func(*casefile.Case, error) bool) {
		for _, c := range cases {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// RoundTrip writes cases, reads them with the ready mapping, and holds that of
// each field at least as many values come back as the report says were carried,
// the same ones, in as many cases as there are rows (-1: however many). It returns the report for what more a test
// wants to see in it. Fields that refer to records are counted only.
func RoundTrip(t testing.TB, f foreign.Format, name string, cases []*casefile.Case, rows int) *foreign.Report {
	t.Helper()
	var b bytes.Buffer
	report, err := f.Write(&b, Book(t), All(cases), foreign.Writing{Today: edtf.MustParse("2024-01-01").Earliest()})
	if err != nil {
		t.Fatal(err)
	}
	imp, _, _ := Import(t, f, fstest.MapFS{name: &fstest.MapFile{Data: b.Bytes()}}, name)
	if rows >= 0 && len(imp.Rows) != rows {
		t.Errorf("%d cases went out, %d came in, not %d", len(cases), len(imp.Rows), rows)
	}
	type key struct{ kind, field string }
	count := func(records iter.Seq2[key, []string]) map[key]map[string]int {
		out := map[key]map[string]int{}
		for k, values := range records {
			if out[k] == nil {
				out[k] = map[string]int{}
			}
			for _, v := range values {
				out[k][v]++
			}
		}
		return out
	}
	sent := count(func(yield func(key, []string) bool) {
		for _, c := range cases {
			for _, r := range c.Records() {
				for field, values := range r.Fields {
					if !yield(key{r.Kind, field}, values) {
						return
					}
				}
			}
		}
	})
	got := count(func(yield func(key, []string) bool) {
		for _, row := range imp.Rows {
			for _, r := range row.Records {
				for field, values := range r.Fields {
					if !yield(key{r.Kind, field}, values) {
						return
					}
				}
			}
		}
	})
	book := Book(t)
	for _, field := range report.Fields {
		k := key{field.Kind, field.Field}
		kind, _ := book.Kind(k.kind)
		def, _ := kind.Field(k.field)
		same := 0
		for v, n := range got[k] {
			if def.Type == codebook.Ref {
				same += n
			} else {
				same += min(n, sent[k][v])
			}
		}
		if same < field.Carried {
			t.Errorf("%s.%s: %d values are said to be carried, %d came back the same", k.kind, k.field, field.Carried, same)
		}
	}
	return report
}

// Refused reads texts, each as a file of a name, and holds that of each the reader
// says, in its error or its findings, the words that are wanted of it.
func Refused(t *testing.T, f foreign.Format, name string, texts map[string]string) {
	t.Helper()
	for text, want := range texts {
		file, err := f.Read(fstest.MapFS{name: {Data: []byte(text)}}, name, foreign.Reading{})
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			for _, found := range file.Findings {
				said += found.String() + "\n"
			}
		}
		if !strings.Contains(said, want) {
			t.Errorf("%.60q: said %q, want %q", text, said, want)
		}
	}
}

// Carried holds that of each field (kind.field) a report says that some values
// were carried, and tells how many of each.
func Carried(t *testing.T, report *foreign.Report, fields ...string) map[string]int {
	t.Helper()
	carried := map[string]int{}
	for _, f := range report.Fields {
		carried[f.Kind+"."+f.Field] = f.Carried
	}
	for _, field := range fields {
		if carried[field] == 0 {
			t.Errorf("%s was never carried: %v", field, report)
		}
	}
	return carried
}

// Seeds gives a fuzz target what stands in files of a folder.
func Seeds(f *testing.F, folder fs.FS, files ...string) {
	f.Helper()
	for _, name := range files {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// Fuzz reads what a fuzz target makes up, as a file of a name: whatever is read
// as the format, its ready mapping fits.
func Fuzz(f *testing.F, format foreign.Format, name string) {
	f.Helper()
	book := Book(f)
	m, err := intake.ParseMapping(format.Map(nil, book), book)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := format.Read(fstest.MapFS{name: {Data: data}}, name, foreign.Reading{Limits: intake.Limits{Cells: 10_000}})
		if err != nil {
			return
		}
		if _, _, err := m.Run(book, file.Table, intake.RunOptions{}); err != nil {
			t.Fatalf("the ready mapping does not fit a file that was read: %v", err)
		}
	})
}
