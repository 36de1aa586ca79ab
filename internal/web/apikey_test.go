// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestGoldenAPIKeys(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		golden(t, lang+"-apikeys", b.get("/account/programs?done=ended").Body.Bytes())
		golden(t, lang+"-apikeys-wrong", b.post("/account/programs", "name", hostile, "scope", "", "until", "2022-06-01").Body.Bytes())
		golden(t, lang+"-apikey", b.post("/account/programs", "name", "sample", "scope", "figures", "until", "2022-09-01").Body.Bytes())
		golden(t, lang+"-apikeys-admin", signedInAs(t, newFake(t), "Sample Administrator", lang).get("/account/programs").Body.Bytes())
		empty := newFake(t)
		empty.empty = true
		golden(t, lang+"-empty-apikeys", signedIn(t, empty, lang).get("/account/programs").Body.Bytes())
	}
}

// TestAPIKeyIsShownOnce holds that a key asks for the passphrase, is shown on
// the page that made it and on no other, and is said to be wrong by its field.
func TestAPIKeyIsShownOnce(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, wrong := range []struct {
		pairs []string
		says  string
	}{
		{[]string{"scope", "facts", "until", "2022-09-01"}, "Give the key a name"},
		{[]string{"name", "n", "until", "2022-09-01"}, "Choose what the key opens"},
		{[]string{"name", "n", "scope", "facts", "until", "soon"}, "The last day lies"},
		{[]string{"name", "too many", "scope", "facts", "until", "2022-09-01"}, "End one first"},
	} {
		if w := b.post("/account/programs", wrong.pairs...); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), wrong.says) || strings.Contains(w.Body.String(), madeKey) {
			t.Errorf("%v: %d", wrong.pairs, w.Code)
		}
	}
	if w := b.post("/account/programs", "name", "n", "scope", "facts", "until", "2022-09-01"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), madeKey) {
		t.Errorf("made: %d", w.Code)
	}
	if w := b.get("/account/programs"); strings.Contains(w.Body.String(), madeKey) {
		t.Error("the key is shown again")
	}
	if w := b.post("/account/programs/end", "id", apiKeyOne); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/account/programs?done=ended" {
		t.Errorf("ended: %d", w.Code)
	}
	if w := b.post("/account/programs/end", "id", "nobody's"); w.Code != http.StatusNotFound {
		t.Errorf("another's: %d", w.Code)
	}
	f.at = f.at.Add(6 * 60 * 1e9)
	if w := b.post("/account/programs", "name", "n", "scope", "facts", "until", "2022-09-01"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "make a key for a program") {
		t.Errorf("without proof: %d", w.Code)
	}
}
