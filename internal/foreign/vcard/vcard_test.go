// SPDX-License-Identifier: AGPL-3.0-or-later

package vcard

import (
	"os"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/foreign/foreigntest"
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
	foreigntest.Refused(t, Format(), "x", map[string]string{
		"hello":                          "does not begin with BEGIN:VCARD",
		"BEGIN:VCARD\r\nVERSION:4.0\r\n": "line 1: the card has no END:VCARD",
		"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nEND:VCARD\r\n": `row 2: "1": card 1 is the same`,
	})
}

func TestOutAndIn(t *testing.T) {
	report := foreigntest.RoundTrip(t, Format(), "x.vcf", foreigntest.Cases(foreigntest.Book(t), 9, 60), 60)
	foreigntest.Carried(t, report, "person.role", "person.family", "person.given", "person.sex", "person.birth", "person.phones")
}

func TestHostileTextsOutAndIn(t *testing.T) {
	foreigntest.RoundTrip(t, Format(), "x.vcf", foreigntest.HostileCases(foreigntest.Book(t), 21, 40), 40)
}

func FuzzRead(f *testing.F) {
	foreigntest.Seeds(f, os.DirFS("testdata"), "contacts.vcf")
	foreigntest.Fuzz(f, Format(), "x")
}
