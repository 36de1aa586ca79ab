// SPDX-License-Identifier: AGPL-3.0-or-later

package wording_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/custody"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/wording"
)

func words(t *testing.T, lang string) (wording.Words, *codebook.Book) {
	t.Helper()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	book, err := codebook.Load(codebook.Data)
	if err != nil {
		t.Fatal(err)
	}
	return wording.New(c.Lang(lang), book), book
}

func nobody(string) string { return "" }

func TestRecordInWords(t *testing.T) {
	w, book := words(t, "ru")
	rec := &casefile.Record{Kind: "detention", Fields: casefile.Fields{"body": {"police"}, "officers": {"3"}, "reason_given": {"no"}, "from": {"2022-01-04/2022-01-05"}, "facility": {"0123456789abcdef"}, "city": {"unknown"}}}
	k, _ := book.Kind(rec.Kind)
	got := map[string]string{}
	for id := range rec.Fields {
		f, ok := k.Field(id)
		if !ok {
			t.Fatalf("no field %s", id)
		}
		got[id] = w.Value(f, rec.Get(id), nobody)
	}
	for field, want := range map[string]string{"body": "Полиция", "reason_given": "нет", "facility": "01234567", "city": "неизвестно"} {
		if !strings.Contains(got[field], want) {
			t.Errorf("%s: %q has no %q", field, got[field], want)
		}
	}
	f, _ := k.Field("facility")
	if named := w.Value(f, "0123", func(string) string { return "Отдел 5" }); named != "Отдел 5" {
		t.Errorf("a record that has a name is called %q", named)
	}
	if title := w.Title(rec, nobody); !strings.Contains(title, "Полиция") {
		t.Errorf("the title is %q", title)
	}
	if out := w.Outside("facility", casefile.Fields{"name": {"Station"}, "name_ru": {"Отдел"}}); out != "Отдел" {
		t.Errorf("a facility is called %q", out)
	}
}

func TestStepInWords(t *testing.T) {
	w, _ := words(t, "en")
	at, err := edtf.Parse("2022-01-12")
	if err != nil {
		t.Fatal(err)
	}
	chain := custody.Of([]custody.Step{{Record: "1", Date: at, Event: "transferred", From: custody.Party{Name: "A. Sample", Role: "lawyer"}, To: custody.Party{Role: "court"}, How: "in_person", Seal: "A-17", SealState: "intact", State: "damaged", Words: "torn"}})
	s := w.Step(chain.Links[0])
	if s.From != "A. Sample (Lawyer)" && !strings.HasPrefix(s.From, "A. Sample (") || s.Seal != "A-17, Whole" || s.State != "Damaged. torn" || s.How != "In person" || len(s.Gaps) == 0 || slices.Contains(s.Gaps, "") {
		t.Errorf("%+v", s)
	}
	if name := w.Thing(&casefile.Record{Kind: "evidence", Fields: casefile.Fields{"kind": {"clothing"}, "description": {strings.Repeat("long ", 40)}}}); len([]rune(name)) > 120 || !strings.HasSuffix(name, "…") {
		t.Errorf("a thing is called %q", name)
	}
}
