// SPDX-License-Identifier: AGPL-3.0-or-later

package ics

import (
	"bytes"
	"os"
	"strings"
	"testing"

	golang "github.com/arran4/golang-ical"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
)

func TestSample(t *testing.T) {
	imp, _, findings := foreigntest.Import(t, Format(), os.DirFS("testdata"), "calendar.ics")
	if len(imp.Rows) != 2 {
		t.Fatal(imp.Rows)
	}
	if got := foreigntest.Show(imp.Rows[0]); !strings.Contains(got, "note@1@example.invalid (note) date=2022-03-01 text=Hearing, invented\nCourt no 1\n") {
		t.Error(got)
	}
	if got := foreigntest.Show(imp.Rows[1]); imp.Rows[1].Key != "c1" || !strings.Contains(got, "task@2@example.invalid (task) due=2022-03-02 kind=appeal status=done text=By post\n") {
		t.Error(got)
	}
	if len(findings) == 0 || !strings.Contains(findings[0].String(), "row 7: \"Hearing, invented\": the entry recurs") {
		t.Error(findings)
	}
}

func TestRefused(t *testing.T) {
	foreigntest.Refused(t, Format(), "x", map[string]string{
		"hello:1": "does not begin with BEGIN:VCALENDAR",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR": `row 2: "x": the VEVENT has no UID`,
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VTODO":                            "line 3: ends VTODO",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\n":                                     "line 2: VEVENT has no end",
		"BEGIN:VCALENDAR\nEND:VCALENDAR\nX:1":                                 "line 3: stands outside",
		"BEGIN:VCALENDAR\nwhat":                                               "line 2: \"what\" is no line",
		"BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:X\n", 9):                  "more than 8 deep",
	})
}

func TestOutAndIn(t *testing.T) {
	book := foreigntest.Book(t)
	cases := foreigntest.Cases(book, 11, 120)
	report := foreigntest.RoundTrip(t, Format(), "x.ics", cases, -1)
	carried := foreigntest.Carried(t, report, "hearing.date", "hearing.kind", "task.kind", "task.status")
	var b bytes.Buffer
	if _, err := Write(&b, book, foreigntest.All(cases), foreign.Writing{Today: edtf.MustParse("2024-01-01").Earliest()}); err != nil {
		t.Fatal(err)
	}
	other, err := golang.ParseCalendar(&b)
	if err != nil || len(other.Events())+len(other.Todos()) != carried["hearing.kind"]+carried["task.kind"] {
		t.Errorf("another reader: %v, %d events", err, len(other.Events()))
	}
}

func TestHostileTextsOutAndIn(t *testing.T) {
	foreigntest.RoundTrip(t, Format(), "x.ics", foreigntest.HostileCases(foreigntest.Book(t), 21, 40), -1)
}

func FuzzRead(f *testing.F) {
	foreigntest.Seeds(f, os.DirFS("testdata"), "calendar.ics")
	foreigntest.Fuzz(f, Format(), "x")
}
