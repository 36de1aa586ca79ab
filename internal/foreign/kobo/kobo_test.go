// SPDX-License-Identifier: AGPL-3.0-or-later

package kobo

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
)

func TestSample(t *testing.T) {
	imp, file, findings := foreigntest.Import(t, Format(), os.DirFS("testdata"), "submissions.json")
	if len(imp.Rows) != 2 || imp.Rows[0].Key != "aaaa" || imp.Rows[1].Key != "bbbb" {
		t.Errorf("rows: %v", imp.Rows)
	}
	if got := foreigntest.Show(imp.Rows[0]); got != "case (case) external_id=aaaa\nreport (report) received=2022-01-05\n" {
		t.Error(got)
	}
	repeats, _ := file.Table.Sheet("repeats")
	var got []string
	for _, r := range repeats.Rows[1:] {
		got = append(got, r.Text(1))
	}
	if fmt.Sprint(got) != "[household/1 household/2 household/2 household/jobs/1 household/2 household/jobs/2]" {
		t.Error(got)
	}
	if len(file.Attached) != 1 || file.Attached[0].Name != "photo.txt" {
		t.Errorf("attached: %+v", file.Attached)
	}
	var told []string
	for _, f := range findings {
		told = append(told, f.String())
	}
	for _, want := range []string{`"lost.jpg": the file is not beside`, "(person/name): is not in the mapping: 2 cells", "(household/jobs/what): is not in the mapping: 2 cells"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(told, "\n"))
		}
	}
}

// TestCounts holds that as many members of households come out as go in, as of
// a public sample of the same shape: 6 submissions with 13 members.
func TestCounts(t *testing.T) {
	var all []string
	for i, n := range []int{2, 1, 3, 2, 4, 1} {
		var members []string
		for j := range n {
			members = append(members, fmt.Sprintf(`{"household/member/name": "Invented %d-%d"}`, i, j))
		}
		all = append(all, fmt.Sprintf(`{"meta/instanceID": "uuid:%d", "household/member": [%s]}`, i, strings.Join(members, ",")))
	}
	for _, text := range []string{"[" + strings.Join(all, ",") + "]", `{"count": 6, "results": [` + strings.Join(all, ",") + "]}", `{"submissions": [` + strings.Join(all, ",") + "]}"} {
		f, err := Read(fstest.MapFS{"x": {Data: []byte(text)}}, "x", foreign.Reading{})
		if err != nil {
			t.Fatal(err)
		}
		main, _ := f.Table.Sheet("submissions")
		repeats, _ := f.Table.Sheet("repeats")
		if len(main.Rows) != 7 || len(repeats.Rows) != 14 {
			t.Errorf("%d submissions, %d members", len(main.Rows)-1, len(repeats.Rows)-1)
		}
	}
}

func TestRefused(t *testing.T) {
	foreigntest.Refused(t, Format(), "x", map[string]string{
		`[{"a": 1}]`:                          "submission 1 has no id",
		`[{"_id": 1},` + "\n" + `{"_id": 1}]`: `row 2: "1": the submission in line 1 has the same id`,
		`[1]`:                                 "stands where a submission is expected",
		`[]`:                                  "holds no submission",
		`{"results":`:                         "breaks off",
	})
}

func FuzzRead(f *testing.F) {
	foreigntest.Seeds(f, os.DirFS("testdata"), "submissions.json")
	foreigntest.Fuzz(f, Format(), "x")
}
