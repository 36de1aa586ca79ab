// SPDX-License-Identifier: AGPL-3.0-or-later

package vcard

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
	"github.com/kua-registry/kua/internal/intake"
)

func TestSample(t *testing.T) {
	imp, file, _ := foreigntest.Import(t, Format(), os.DirFS("testdata"), "contacts.vcf")
	if len(imp.Rows) != 2 {
		t.Fatal(imp.Rows)
	}
	if got := foreigntest.Show(imp.Rows[0]); !strings.Contains(got, "family=Выдуманный given=Али phones=+7 700 000 00 01|+7 727 000 00 02 role=contact") {
		t.Error(got)
	}
	want := "address=Invented street 1, Invented Town birth=1990-04-01 emails=nobody@example.invalid family=Invented full_name=Nobody Invented given=Nobody role=lawyer sex=f"
	if got := foreigntest.Show(imp.Rows[1]); imp.Rows[1].Key != "11111111-1111-4111-8111-111111111111" || !strings.Contains(got, want) {
		t.Error(imp.Rows[1].Key, got)
	}
	if len(file.Attached) != 1 || file.Attached[0].Name != "photo.png" {
		t.Errorf("%+v", file.Attached)
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"hello":                          "does not begin with BEGIN:VCARD",
		"BEGIN:VCARD\r\nVERSION:4.0\r\n": "line 1: the card has no END:VCARD",
		"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nEND:VCARD\r\n": `row 2: "1": card 1 is the same`,
	} {
		f, err := Read(fstest.MapFS{"x": {Data: []byte(text)}}, "x", foreign.Reading{})
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			for _, w := range f.Findings {
				said += w.String() + "\n"
			}
		}
		if !strings.Contains(said, want) {
			t.Errorf("%.40q: said %q, want %q", text, said, want)
		}
	}
}

func TestOutAndIn(t *testing.T) {
	report := foreigntest.RoundTrip(t, Format(), "x.vcf", foreigntest.Cases(foreigntest.Book(t), 9, 60), 60)
	carried := map[string]int{}
	for _, f := range report.Fields {
		carried[f.Kind+"."+f.Field] = f.Carried
	}
	for _, field := range []string{"person.role", "person.family", "person.given", "person.sex", "person.birth", "person.phones"} {
		if carried[field] == 0 {
			t.Errorf("%s was never carried: %v", field, report)
		}
	}
}

func TestHostileTextsOutAndIn(t *testing.T) {
	foreigntest.RoundTrip(t, Format(), "x.vcf", foreigntest.HostileCases(foreigntest.Book(t), 21, 40), 40)
}

func FuzzRead(f *testing.F) {
	data, err := os.ReadFile("testdata/contacts.vcf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	book := foreigntest.Book(f)
	m, err := intake.ParseMapping(readyMap, book)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(fstest.MapFS{"x": {Data: data}}, "x", foreign.Reading{Limits: intake.Limits{Cells: 10_000}})
		if err != nil {
			return
		}
		if _, _, err := m.Run(book, file.Table, intake.RunOptions{}); err != nil {
			t.Fatalf("the ready mapping does not fit a file that was read: %v", err)
		}
	})
}
