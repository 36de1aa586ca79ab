// SPDX-License-Identifier: AGPL-3.0-or-later

package takein

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/examples"
	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
)

func book(t *testing.T) *codebook.Book {
	t.Helper()
	b, err := registry.LoadBook("kz")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var today, _ = edtf.ParseDay("2022-06-24")

// noted is a register that notes what it is asked.
type noted struct {
	asked []string
	fails error
}

func (n *noted) PlanImport(_ context.Context, _ *access.Session, org, source string, cases []registry.CaseImport) (registry.Import, error) {
	n.asked = append(n.asked, "plan "+org+" "+source)
	return registry.Import{New: len(cases)}, n.fails
}

func (n *noted) Import(_ context.Context, _ *access.Session, org, source string, cases []registry.CaseImport, _ func(done, total int)) (registry.Import, error) {
	n.asked = append(n.asked, "import "+org+" "+source)
	for _, c := range cases {
		if puts := c.Records("0123456789abcdef0123456789abcdef"); len(puts) == 0 || puts[0].Kind != "case" {
			n.asked = append(n.asked, "no case "+c.Key)
		}
	}
	return registry.Import{New: len(cases)}, n.fails
}

func (n *noted) ImportFiles(_ context.Context, _ *access.Session, org, list string, files []registry.CaseFile, _ func(done, total int)) (registry.ImportedFiles, error) {
	n.asked = append(n.asked, "files "+org+" "+list)
	return registry.ImportedFiles{New: len(files)}, nil
}

func (n *noted) PutOutside(_ context.Context, _ *access.Session, source string, puts []registry.Put) (registry.Import, error) {
	n.asked = append(n.asked, "outside "+source)
	return registry.Import{New: len(puts)}, n.fails
}

// TestEachWay reads a list in each way there is, and takes it in.
func TestEachWay(t *testing.T) {
	b := book(t)
	mapping, err := examples.Files.ReadFile("january-2022/detention-watch.map.yaml")
	if err != nil {
		t.Fatal(err)
	}
	formats := os.DirFS("../../examples/formats/uwazi")
	for _, c := range []struct {
		what  string
		from  From
		cases int
		asked string
	}{
		{"a spreadsheet by its mapping", From{Folder: examples.Files, Name: "january-2022/detention-watch.csv", Mapping: mapping}, 0, "plan o list: detention-watch.csv, import o list: detention-watch.csv"},
		{"another system's file", From{Folder: formats, Name: "import.csv", Format: "uwazi"}, 0, "plan o list: import.csv, import o list: import.csv, files o import.csv"},
		{"records", From{Folder: examples.Files, Name: "stories/2-van.yaml"}, 1, "plan o file: 2-van.yaml, outside file: 2-van.yaml, import o file: 2-van.yaml"},
		{"records outside cases", From{Folder: examples.Files, Name: "statement-2022-06-24.yaml"}, 0, ""},
	} {
		list, err := Read(b, c.from, today)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if list.Rows() == 0 || c.cases > 0 && len(list.Cases) != c.cases {
			t.Errorf("%s: %d cases", c.what, len(list.Cases))
		}
		var reg noted
		if c.asked != "" {
			if plan, err := list.Plan(t.Context(), &reg, nil, "o"); err != nil || plan.New != len(list.Cases) {
				t.Errorf("%s: %v, %v", c.what, plan, err)
			}
		}
		done, err := list.TakeIn(t.Context(), &reg, nil, "o", Progress{})
		if err != nil || done.New != list.Rows() {
			t.Errorf("%s: %v, %v", c.what, done, err)
		}
		if got := strings.Join(reg.asked, ", "); c.asked != "" && got != c.asked {
			t.Errorf("%s: %s", c.what, got)
		}
		reg.fails = registry.ErrNotAllowed
		if _, err := list.TakeIn(t.Context(), &reg, nil, "o", Progress{}); !errors.Is(err, registry.ErrNotAllowed) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestWhatDoesNotFit: a list with an error in one cell has no cases.
func TestWhatDoesNotFit(t *testing.T) {
	b := book(t)
	mapping := []byte("mapping: 1\nkey: no\nrecords:\n  - kind: act\n    fields: {date: day}\n")
	folder := fstest.MapFS{"list.csv": {Data: []byte("no,day\n1,2022-01-05\n2,soon\n")}}
	list, err := Read(b, From{Folder: folder, Name: "list.csv", Mapping: mapping}, today)
	var unfit *UnfitError
	if !errors.As(err, &unfit) || err.Error() != "list.csv: 1 cell does not fit; nothing was taken in" || list.Rows() != 0 || list.Errors != 1 {
		t.Error(err, list)
	}
	var wrong *MappingError
	if _, err := Read(b, From{Folder: folder, Name: "list.csv", MapName: "map.yaml", Mapping: []byte("mapping: 1\nkey: number\nrecords: []\n")}, today); !errors.As(err, &wrong) || !strings.Contains(err.Error(), `no column "number"`) {
		t.Error(err)
	}
	if _, err := Read(b, From{Folder: folder, Name: "list.csv", MapName: "map.yaml", Mapping: []byte("mapping: 2")}, today); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "map.yaml: line 1: ") {
		t.Error(err)
	}
	if _, err := Read(b, From{Folder: folder, Name: "none.csv"}, today); err == nil || err.Error() != "none.csv: file does not exist" {
		t.Error(err)
	}
	if draft, err := Map(b, From{Folder: folder, Name: "list.csv"}); err != nil || !strings.Contains(string(draft), "key: 'no'") {
		t.Errorf("%s, %v", draft, err)
	}
	if formats := Formats(); slices.Contains(formats, "ftm") || !slices.Contains(formats, "kobo") {
		t.Error(formats)
	}
}

// TestSent: what was sent is a folder in memory; no name leads out of it.
func TestSent(t *testing.T) {
	var s Sent
	if _, err := s.Folder(); !errors.Is(err, ErrSent) {
		t.Error("nothing was sent, and it is a folder")
	}
	for name, want := range map[string]string{`C:\lists\a.csv`: "a.csv", "../b.csv": "b.csv", "c/d.csv": "d.csv"} {
		if got, err := s.Add(name, strings.NewReader(name)); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", ".", "..", "/", "x/a.csv", "\xff"} {
		if got, err := s.Add(name, strings.NewReader("other")); !errors.Is(err, ErrSent) {
			t.Errorf("%q became %q, %v", name, got, err)
		}
	}
	folder, err := s.Folder()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(folder, "a.csv"); err != nil || string(text) != `C:\lists\a.csv` {
		t.Errorf("%q, %v", text, err)
	}
	if one := s.Digest([]byte("a mapping")); one == s.Digest(nil) || len(one) != 64 {
		t.Error("the digest does not depend on the mapping")
	}
}

// TestRoutes: where columns go is said for each of them, of every sheet.
func TestRoutes(t *testing.T) {
	mapping := `mapping: 1
key: no
ignore: [note]
records:
- kind: person
  fields: {role: {const: victim}, family: {column: name, take: family}, child: {child: {born: birth, on: day}}}
steps:
- sheet: Steps
  key: case
  column: what
  cases:
    filed:
    - kind: complaint
      fields: {filed: {const: yes}, date: when}
`
	m, err := intake.ParseMapping([]byte(mapping), book(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range m.Routes() {
		to := r.Kind + "." + r.Field
		if r.Left {
			to = "left"
		}
		got = append(got, strings.TrimSpace(r.Sheet+" "+r.Column+strings.Join(r.Always, ""))+">"+to)
	}
	if want := "no>. victim>person.role name>person.family birth>person.child day>person.child note>left Steps case>. Steps yes>complaint.filed Steps when>complaint.date"; strings.Join(got, " ") != want {
		t.Errorf("%s\nexpected %s", strings.Join(got, " "), want)
	}
}
