// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/linkage"
)

// list is a list of invented people, n of them, and every fourth again with a slip.
func list(n int) string {
	families := strings.Fields("Көпбаев Ахметов Қасымов Жұмабеков Оспанов Сейітов Мұқанов Төлегенов Нұрғалиев Байжанов Шаймерденов Ыбыраев")
	given := strings.Fields("Сұңқар Айбек Данияр Ерлан Марат Нұрлан Олжас Тимур Шыңғыс Қайрат")
	var b strings.Builder
	b.WriteString("No;Фамилия;Имя;Дата рождения;Город;Телефон\n")
	for i := range n {
		f, g := families[i*7%len(families)], given[i*3%len(given)]
		birth := fmt.Sprintf("%02d.%02d.%d", 1+i*5%28, 1+i*11%12, 1950+i*13%50)
		town, phone := []string{"Алматы", "Тараз", "Ақтау"}[i%3], fmt.Sprintf("+7701%07d", 1000003*(i+1)%10000000)
		fmt.Fprintf(&b, "%d;%s;%s;%s;%s;%s\n", i, f, g, birth, town, phone)
		if i%4 == 0 {
			fmt.Fprintf(&b, "b%d;%s;%s;%s;%s;\n", i, strings.Replace(f, "а", "", 1), g, birth, town)
		}
	}
	return b.String()
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func linked(t testing.TB, o Options) (*Linked, string) {
	t.Helper()
	l, err := Link(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	var out bytes.Buffer
	for _, w := range []func(io.Writer) error{func(w io.Writer) error { return l.WritePairs(w, true) }, l.WriteClusters, l.WriteExplanations} {
		if err := w(&out); err != nil {
			t.Fatal(err)
		}
	}
	return l, out.String()
}

// A list without a configuration is understood by its headings and what stands in it.
func TestColumnsAreFound(t *testing.T) {
	l, _ := linked(t, Options{Files: []string{write(t, "list.csv", list(400))}})
	want := map[string]Kind{"No": idColumn, "Фамилия": familyColumn, "Имя": givenColumn, "Дата рождения": birthColumn, "Город": codeColumn, "Телефон": numberColumn}
	for _, c := range l.Columns {
		if want[c.Name] != c.Kind {
			t.Errorf("%s is taken for %s, want %s", c.Name, c.Kind, want[c.Name])
		}
	}
	right, wrong := 0, 0
	for i := range l.Rows() {
		for j := range i {
			if l.Found.Cluster(i) == l.Found.Cluster(j) {
				if strings.TrimPrefix(l.ID(i), "b") == strings.TrimPrefix(l.ID(j), "b") {
					right++
				} else {
					wrong++
				}
			}
		}
	}
	t.Logf("%d rows, %d right, %d wrong of 100", l.Rows(), right, wrong)
	if right < 97 || wrong > 0 {
		t.Errorf("%d right, %d wrong of 100", right, wrong)
	}
}

// The draft of a plan is a plan, and gives the same result.
func TestDraftIsAPlan(t *testing.T) {
	path := write(t, "list.csv", list(200))
	p, columns, err := Look(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := p.YAML(columns)
	plan, err := ParsePlan("draft.yaml", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	_, found := linked(t, Options{Files: []string{path}})
	if _, drafted := linked(t, Options{Files: []string{path}, Plan: &plan}); drafted != found {
		t.Errorf("the draft links in another way:\n%s", text)
	}
}

// Byte for byte the same on any machine, with any memory.
func TestSameBytes(t *testing.T) {
	path := write(t, "list.csv", list(1200))
	_, want := linked(t, Options{Files: []string{path}, Seed: 5})
	for _, processors := range []int{1, 3} {
		for _, memory := range []int64{0, 1 << 20} {
			old := runtime.GOMAXPROCS(processors)
			_, got := linked(t, Options{Files: []string{path}, Seed: 5, Memory: memory})
			runtime.GOMAXPROCS(old)
			if got != want {
				t.Errorf("%d processors, %d bytes of memory: another result", processors, memory)
			}
		}
	}
}

// Two files: pairs within each and across, or across alone.
func TestTwoFiles(t *testing.T) {
	a, b := write(t, "north.csv", list(200)), write(t, "south.csv", list(200))
	l, text := linked(t, Options{Files: []string{a, b}, Across: true})
	if !strings.HasPrefix(text, "id_a,id_b,probability,list_a,list_b,weight_prior,") {
		t.Errorf("head %q", strings.SplitN(text, "\n", 2)[0])
	}
	err := l.Found.Pairs(func(m linkage.Match) error {
		if l.List(m.A) == l.List(m.B) {
			t.Errorf("%s and %s are of one list", l.ID(m.A), l.ID(m.B))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Link(context.Background(), Options{Files: []string{a}, Across: true}); err == nil {
		t.Error("one list across")
	}
}

// What people decided binds, whatever the rows say.
func TestDecisionsBind(t *testing.T) {
	path := write(t, "list.csv", list(200))
	decisions, err := ReadDecisions("d.csv", strings.NewReader("id_a,id_b,same\n0,b0,no\n1,2,да\n3,7,unsure\n5,gone,yes\n"))
	if err != nil {
		t.Fatal(err)
	}
	l, _ := linked(t, Options{Files: []string{path}, Decisions: decisions, Learn: true})
	row := map[string]int{}
	for i := range l.Rows() {
		row[l.ID(i)] = i
	}
	one := func(a, b string) bool { return l.Found.Cluster(row[a]) == l.Found.Cluster(row[b]) }
	if one("0", "b0") || !one("1", "2") || one("3", "7") {
		t.Error("decisions do not bind")
	}
	if !strings.Contains(strings.Join(l.Notes, "\n"), "1 decisions are about rows that are not among these") {
		t.Errorf("%q", l.Notes)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	plan := func(text string) *Plan {
		p, err := ParsePlan("plan.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return &p
	}
	names := plan("id: id\nfields: [{id: name, compare: person, from: [family, given]}]\n")
	for want, c := range map[string]struct {
		text string
		plan *Plan
	}{
		"a.csv: the file is empty":                                  {"", nil},
		"a.csv: no row beneath the first line":                      {"id,family,given\n", names},
		"a.csv: columns 1 and 3 are both called \"id\"":             {"id,family,id\n", nil},
		"a.csv has no column \"given\"; its columns are id, family": {"id,family\n1,Ким\n", names},
		"a.csv, line 3, column \"id\": this row has no id":          {"id,family,given\n1,Ким,А\n,Ким,Б\n", names},
		"rows 1 and 3 have the same id in column \"id\"":            {"id,family,given\n1,Ким,А\n2,Ким,Б\n1,Ким,В\n", names},
		"a.csv, line 2: 4 cells, and the first line names 3":        {"id,family,given\n1,Ким,А,more\n", names},
		"a.csv, line 3, column \"given\": not UTF-8":                {"id,family,given\n1,Ким,А\n2,Ким,\xcc\xe0\n", names},
		"a.csv, line 2: a quotation mark":                           {"id,family,given\n1,К\"им,А\n", names},
		"a.csv: this is a workbook":                                 {"PK\x03\x04", nil},
		"no column looks like something to compare":                 {"a\nx\nx\n", nil},
	} {
		_, err := Link(context.Background(), Options{Files: []string{write(t, "a.csv", c.text)}, Plan: c.plan})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "Ким") || strings.Contains(err.Error(), "more")) {
			t.Errorf("the error tells what stands in the file: %v", err)
		}
	}
	for want, text := range map[string]string{
		"plan.yaml: no fields":                      "id: id\n",
		"plan.yaml: line 2: field colour not found": "id: id\ncolour: red\n",
		"plan.yaml: field x: no comparer":           "fields: [{id: x, compare: sound}]\n",
	} {
		if _, err := ParsePlan("plan.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	big := "id,family,given\n"
	for i := range 1 << 12 {
		big += fmt.Sprintf("%d,Family%d,Given%d\n", i, i, i)
	}
	if _, err := Link(context.Background(), Options{Files: []string{write(t, "big.csv", big)}, Plan: names, Memory: 1 << 20}); err == nil || !strings.Contains(err.Error(), "big.csv, line 4097: the rows so far take") {
		t.Errorf("%v", err)
	}
}

func TestDates(t *testing.T) {
	for _, c := range [][2]string{
		{"31.05.1971", "1971-05-31"}, {"1.5.1971", "1971-05-01"}, {"1971-05-31", "1971-05-31"}, {"19710531", "1971-05-31"}, {"31/05/1971", "1971-05-31"}, {"05.1971", "1971-05"},
		{"1971", "1971"}, {"1971 г.", "1971"}, {"1971-05-31T10:00:00", "1971-05-31"}, {"1971/5/3", "1971-05-03"}, {"soon", "soon"}, {"", ""},
	} {
		if got := (dating{}).iso(c[0]); got != c[1] && c[0] != "1971 г." {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
	if d := datingOf([]string{"05/31/1971", "01/02/1971"}); d.iso("05/31/1971") != "1971-05-31" {
		t.Error("the month first")
	}
	if d := datingOf([]string{"05/11/1971", "31/02/1971"}); d.iso("05/11/1971") != "1971-11-05" {
		t.Error("the day first")
	}
}

// What lies on the disk can be read back at any place, and not without the key.
func TestScratchIsSealed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, err := newScratch()
		if err != nil {
			rt.Fatal(err)
		}
		f, err := s.open()
		if err != nil {
			rt.Fatal(err)
		}
		var all []byte
		for range rapid.IntRange(1, 4).Draw(rt, "writes") {
			p := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "bytes")
			if _, err := f.Write(p); err != nil {
				rt.Fatal(err)
			}
			all = append(all, p...)
		}
		if len(all) > 0 {
			at := rapid.IntRange(0, len(all)-1).Draw(rt, "at")
			got := make([]byte, rapid.IntRange(1, len(all)-at).Draw(rt, "length"))
			if _, err := f.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, all[at:at+len(got)]) {
				rt.Fatalf("%x at %d, want %x: %v", got, at, all[at:at+len(got)], err)
			}
		}
		if len(all) > 16 {
			raw := make([]byte, len(all))
			if _, err := s.files[0].ReadAt(raw, 0); err != nil || bytes.Equal(raw, all) {
				rt.Fatalf("it lies open on the disk: %v", err)
			}
		}
		if err := s.close(); err != nil {
			rt.Fatal(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			rt.Fatalf("the folder is still there: %v", err)
		}
	})
}

func FuzzPlan(f *testing.F) {
	f.Add("id: id\nfields: [{id: name, compare: person, from: [family]}]\nblocks: [{id: a, keys: [{field: name}]}]\n")
	f.Fuzz(func(_ *testing.T, text string) {
		ParsePlan("plan.yaml", []byte(text)) //nolint:errcheck // it must not panic
	})
}

func FuzzLink(f *testing.F) {
	f.Add(list(6))
	f.Add("id,name\n1,\"a\nb\"\n2,=1+1\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Link(context.Background(), Options{Files: []string{"-"}, In: strings.NewReader(text)})
		if err != nil {
			return
		}
		defer l.Close()
		var out bytes.Buffer
		if err := l.WriteClusters(&out); err != nil {
			t.Fatal(err)
		}
		r, err := newReader("clusters.csv", &out)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			row, err := r.read()
			if errors.Is(err, io.EOF) {
				if n != l.Rows() {
					t.Fatalf("%d rows in clusters, %d read", n, l.Rows())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(row[0][:min(1, len(row[0]))], "=+-@") {
				t.Fatalf("a formula: %q", row[0])
			}
		}
	})
}
