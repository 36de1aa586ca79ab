// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestNewFieldIsInNoExport: what is added to a kind leaves for no purpose until
// somebody says so, and all of one's own leaves for one purpose alone.
func TestNewFieldIsInNoExport(t *testing.T) {
	added := "kinds:\n- id: person\n  extend: true\n  fields:\n  - {id: x_shoes, label: [Shoes, Обувь, Аяқ киім], type: text, class: fact}\n"
	book, err := Load(Data, fstest.MapFS{"kinds/x.yaml": {Data: []byte(added)}})
	if err != nil {
		t.Fatal(err)
	}
	person, _ := book.Kind("person")
	whole := 0
	for _, p := range book.Purposes() {
		if p.Whole {
			whole++
			continue
		}
		if p.Takes(person, "x_shoes") || p.Takes(person, "nobody_knows") {
			t.Errorf("a field that was added leaves for %s", p.ID)
		}
		if !p.Takes(person, "role") || p.Takes(person, "note") {
			t.Errorf("purpose %s takes %v", p.ID, p.Fields["person"])
		}
		for kind := range p.Fields {
			if k, ok := book.Kind(kind); !ok || slices.Contains([]string{"task", "note", "contact", "risk", "consent", "grant", "review"}, k.ID) {
				t.Errorf("%s leaves for %s: it is of those who work here", kind, p.ID)
			}
		}
	}
	if whole != 1 || len(book.Purposes()) < 5 {
		t.Errorf("%d of %d purposes take all", whole, len(book.Purposes()))
	}
	asked := "purposes:\n- id: research\n  extend: true\n  fields: {person: [x_shoes]}\n"
	if book, err = Load(Data, fstest.MapFS{"kinds/x.yaml": {Data: []byte(added)}, "exports/x.yaml": {Data: []byte(asked)}}); err != nil {
		t.Fatal(err)
	}
	person, _ = book.Kind("person")
	research, _ := book.Purpose("research")
	un, _ := book.Purpose("un")
	if !research.Takes(person, "x_shoes") || un.Takes(person, "x_shoes") {
		t.Error("what was put into one purpose is not in that alone")
	}
	for what, text := range map[string]string{
		"no kind":       "purposes: [{id: research, extend: true, fields: {nobody: [x]}}]",
		"no field":      "purposes: [{id: research, extend: true, fields: {person: [nobody_knows]}}]",
		"no purpose":    "purposes: [{id: nobody, extend: true}]",
		"not the whole": "purposes: [{id: own, extend: true, fields: {person: [role]}}]",
		"a new one":     "purposes: [{id: nobody, consent: un}]",
		"twice":         "purposes: [{id: research, extend: true, fields: {person: [role]}}]",
		"an all but":    "purposes: [{id: research, extend: true, but: {person: [role]}}]",
	} {
		if _, err := Load(Data, fstest.MapFS{"exports/x.yaml": {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), "exports/") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
