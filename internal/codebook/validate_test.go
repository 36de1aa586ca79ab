// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/codebook"
)

func TestValidate(t *testing.T) {
	b := book(t)
	id := strings.Repeat("0a", 16)
	good := []struct {
		kind   string
		fields map[string][]string
	}{
		{"report", map[string][]string{"received": {"2022-01-13"}, "channel": {"visit"}, "summary": {"…"}}},
		{"act", map[string][]string{"date": {"2022-01-04/2022-01-05"}, "methods": {"beat", "threat_death", "other"}, "methods_other": {"cold floor"}}},
		{"act", map[string][]string{"date": {"unknown"}, "perpetrators": {"unknown"}, "filmed": {"unknown"}, "body": {"unknown"}}},
		{"person", map[string][]string{"role": {"victim"}, "birth": {"1971"}, "birth_year": {"1971"}, "phones": {"+7 700", "+7 701"}}},
		{"match", map[string][]string{"a": {id}, "b": {id}, "verdict": {"same"}, "probability": {"0.97"}}},
		{"notice", map[string][]string{"of": {id}, "channel": {"sms"}, "copy_given": {"no"}}},
	}
	for _, g := range good {
		if p := b.Validate(g.kind, g.fields); p != nil {
			t.Errorf("%s %v: %v", g.kind, g.fields, p)
		}
	}
	bad := []struct {
		kind, field, value string
		what               string
		near               string // the first suggestion
		want               string // must stand in Want
	}{
		{"reprot", "received", "2022-01-13", codebook.UnknownKind, "report", ""},
		{"report", "receivd", "2022-01-13", codebook.UnknownField, "received", "report"},
		{"report", "channel", "vist", codebook.UnknownCode, "visit", "report_channel"},
		{"report", "region", "г. Алматы", codebook.UnknownCode, "KZ-75", "region"},
		{"report", "received", "2022-02-30", codebook.BadDate, "", "2022-01-05"},
		{"report", "received", "05/01/2022", codebook.BadDate, "", "2022-01-05"},
		{"report", "received", " ", codebook.Empty, "", ""},
		{"act", "minutes", "ten", codebook.BadNumber, "", "minute"},
		{"act", "minutes", "1.5", codebook.BadNumber, "", "minute"},
		{"match", "probability", "1.2", codebook.BadNumber, "", "0 to 1"},
		{"act", "filmed", "да", codebook.BadYesNo, "", "yes, no"},
		{"notice", "of", "decision-1", codebook.BadRef, "", "decision"},
		{"registration", "article_written", strings.Repeat("x", 81), codebook.TooLong, "", "80"},
		{"person", "family", "\x1b]0;title\x07Made-up", codebook.BadText, "", "control characters"},
	}
	for _, x := range bad {
		problems := b.Validate(x.kind, map[string][]string{x.field: {x.value}})
		i := slices.IndexFunc(problems, func(p codebook.Problem) bool { return p.What == x.what })
		if i < 0 {
			t.Errorf("%s.%s = %q: no %s in %v", x.kind, x.field, x.value, x.what, problems)
			continue
		}
		p := problems[i]
		if x.near != "" && (len(p.Near) == 0 || p.Near[0] != x.near) {
			t.Errorf("%s.%s = %q: suggests %v, not %s", x.kind, x.field, x.value, p.Near, x.near)
		}
		if !strings.Contains(p.Want, x.want) {
			t.Errorf("%s.%s = %q: wants %q", x.kind, x.field, x.value, p.Want)
		}
		if p.Msg == "" || strings.Contains(p.Msg, "\n") {
			t.Errorf("%s.%s = %q: message %q", x.kind, x.field, x.value, p.Msg)
		}
	}
	missing := b.Validate("report", nil)
	if len(missing) != 1 || missing[0].Field != "received" || missing[0].What != codebook.Required {
		t.Errorf("an empty report: %v", missing)
	}
	two := b.Validate("report", map[string][]string{"received": {"2022-01-13", "2022-01-14"}})
	if len(two) != 1 || two[0].What != codebook.TooMany {
		t.Errorf("two days for one: %v", two)
	}
}

func FuzzValidate(f *testing.F) {
	b := book(f)
	f.Add("report", "received", "2022-01-13")
	f.Add("act", "methods", "beat")
	f.Add("examination", "minutes", "-1")
	f.Fuzz(func(t *testing.T, kind, field, value string) {
		for _, p := range b.Validate(kind, map[string][]string{field: {value}}) {
			if p.What == "" || p.Msg == "" {
				t.Errorf("%s.%s = %q: %+v", kind, field, value, p)
			}
		}
	})
}
