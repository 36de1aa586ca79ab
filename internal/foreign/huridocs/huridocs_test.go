// SPDX-License-Identifier: AGPL-3.0-or-later

package huridocs

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
)

// TestFields holds the table of fields against what the description counts.
func TestFields(t *testing.T) {
	s, n := fields(), 0
	for entity, want := range map[string]int{
		"event": 28, "person": 49, "act": 31, "chain_of_events": 10, "biographic_details": 20, "involvement": 15, "information": 19,
		"intervention": 20, "arrest": 11, "killing": 3, "torture": 4, "destruction": 4, "address": 11, "supporting_docs_meta": 11,
	} {
		if len(s[entity]) != want {
			t.Errorf("%s has %d fields, not %d", entity, len(s[entity]), want)
		}
		n += len(s[entity])
	}
	if n != 236 || len(s) != 14 {
		t.Errorf("%d fields of %d entities", n, len(s))
	}
	if f, ok := s.field("act", "method_of_violence"); !ok || f.number != "2114" || f.list != "5" || !f.repeat {
		t.Errorf("%+v", f)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

func TestGoldenSample(t *testing.T) {
	imp, _, findings := foreigntest.Import(t, Format(), os.DirFS("testdata"), "events.xml")
	var got strings.Builder
	for _, row := range imp.Rows {
		got.WriteString("# " + row.Key + "\n" + foreigntest.Show(row))
	}
	for _, f := range findings {
		if !strings.Contains(f.What, "is not in the mapping") {
			got.WriteString("! " + f.String() + "\n")
		}
	}
	if *update {
		if err := os.WriteFile("testdata/events.golden", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/events.golden")
	if err != nil || string(want) != got.String() {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// TestCodes holds that codes stay 12 digits of text.
func TestCodes(t *testing.T) {
	f, err := Read(os.DirFS("testdata"), "events.xml", foreign.Reading{})
	if err != nil {
		t.Fatal(err)
	}
	acts, _ := f.Table.Sheet("acts")
	col := map[string]int{}
	for i, c := range acts.Rows[0].Cells {
		col[c.Text] = i
	}
	for i, want := range []string{"010203000000", "030000000000"} { // as it is; without its leading zero and with it again
		if got := acts.Rows[i+1].Text(col["type_of_act"]); got != want {
			t.Errorf("act %d: type %q, want %q", i+1, got, want)
		}
	}
	if got := acts.Rows[1].Text(col["method_of_violence (term)"]); got != "Beating; Invented method" {
		t.Errorf("terms: %q", got)
	}
}

func TestRefused(t *testing.T) {
	foreigntest.Refused(t, Format(), "x.xml", map[string]string{
		`<other/>`:                         "<events> is expected",
		`<events><event></event></events>`: "the event has no event_record_number",
		`<events><event><event_record_number>1</event_record_number></event>
<event><event_record_number>1</event_record_number></event></events>`: "row 2: \"1\": the event has the number of the one in line 1",
		`<events><event><event_record_number>1</event_record_number><act><remarks>x</remarks></act></event></events>`: "the act has no act_record_number",
	})
}

func TestOutAndIn(t *testing.T) {
	book := foreigntest.Book(t)
	report := foreigntest.RoundTrip(t, Format(), "x.xml", foreigntest.Cases(book, 7, 60), 60)
	foreigntest.Carried(t, report, "person.family", "person.birth", "act.date", "act.account", "report.summary", "report.received", "detention.from")
}

func TestHostileTextsOutAndIn(t *testing.T) {
	foreigntest.RoundTrip(t, Format(), "x.xml", foreigntest.HostileCases(foreigntest.Book(t), 21, 40), 40)
}

func FuzzRead(f *testing.F) {
	foreigntest.Seeds(f, os.DirFS("testdata"), "events.xml")
	f.Add([]byte(`<events><information><information_record_number>1</information_record_number><source>2</source></information></events>`))
	foreigntest.Fuzz(f, Format(), "x.xml")
}
