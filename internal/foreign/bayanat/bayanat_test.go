// SPDX-License-Identifier: AGPL-3.0-or-later

package bayanat

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/foreign/foreigntest"
)

// TestActors reads a list in two chunks with no comma between them.
func TestActors(t *testing.T) {
	imp, file, findings := foreigntest.Import(t, Format(), os.DirFS("testdata"), "actors.json")
	if len(imp.Rows) != 2 || imp.Rows[1].Key != "actor/2" {
		t.Fatalf("%v", imp.Rows)
	}
	want := `case (case) external_id=actor/1
person (person) family=Invented full_name=Nobody Invented given=Nobody identity_document=Passport N 000 nationality=Invented role=victim sex=m
note (note) text=Held and beaten.
detention@event/11 (detention) from=2022-01-05 place=Station to=2022-01-07
act@event/12 (act) account=With sticks. date=2022-01-05
`
	if got := foreigntest.Show(imp.Rows[0]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(file.Attached) != 1 || file.Attached[0].Name != "photo.txt" || file.Attached[0].Key != "actor/1" {
		t.Errorf("%+v", file.Attached)
	}
	relations, _ := file.Table.Sheet("relations")
	if relations.Rows[1].Text(3) != "bulletin/7" {
		t.Errorf("%+v", relations.Rows)
	}
	if !strings.Contains(fmt.Sprint(findings), "the file is not beside the export") {
		t.Error(findings)
	}
}

func TestCSV(t *testing.T) {
	imp, file, _ := foreigntest.Import(t, Format(), os.DirFS("testdata"), "bulletins.csv")
	want := "case (case) external_id=bulletin/7\nreport (report) received=2022-02-01\nnote (note) text==not a formula\n"
	if got := foreigntest.Show(imp.Rows[0]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	items, _ := file.Table.Sheet("items")
	for i, h := range items.Rows[0].Cells {
		if h.Text == "labels" && items.Rows[1].Text(i) != "Detention; Torture" {
			t.Errorf("labels: %+v", items.Rows[1].Cells[i])
		}
	}
	relations, _ := file.Table.Sheet("relations")
	if relations.Rows[1].Text(3) != "actor/1" {
		t.Errorf("%+v", relations.Rows)
	}
}

func TestRefused(t *testing.T) {
	foreigntest.Refused(t, Format(), "x", map[string]string{
		`{"actors": [{"name": "x"}]}`:                   "the actor has no id",
		`{"actors": [{"id": 1},` + "\n" + `{"id": 1}]}`: `row 2: "actor/1": stands in line 1 already`,
		`{"actors": [1]}`:                               "stands where actor 1 is expected",
		`{"other": 1}`:                                  "neither bulletins, actors nor incidents",
		`{"actors": [{"id": 1}`:                         "breaks off",
		"a,b\n1,2\n":                                    "has no columns id",
	})
}

func TestOutAndIn(t *testing.T) {
	report := foreigntest.RoundTrip(t, Format(), "x.csv", foreigntest.Cases(foreigntest.Book(t), 5, 60), 60)
	foreigntest.Carried(t, report, "person.family", "person.sex", "act.date", "act.account", "detention.from")
}

func TestHostileTextsOutAndIn(t *testing.T) {
	foreigntest.RoundTrip(t, Format(), "x.csv", foreigntest.HostileCases(foreigntest.Book(t), 21, 40), 40)
}

func FuzzRead(f *testing.F) {
	foreigntest.Seeds(f, os.DirFS("testdata"), "actors.json", "bulletins.csv")
	foreigntest.Fuzz(f, Format(), "x")
}
