// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
)

// TestExchangePages: each form does what it says, says what was not done, and
// nothing of what the register words in English gets onto the page.
func TestExchangePages(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	key, err := encoded.NewKey(strings.NewReader(strings.Repeat("k", 4096)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, did, where string
		form             []string
	}{
		{"/exchange/sync", "sync", "/exchange?done=synced", nil},
		{"/exchange/take", "taken " + caseTwo, "/exchange?done=taken", []string{"case", caseTwo}},
		{"/exchange/back", "handed " + caseTwo + " to " + orgSouth + ": not ours", "/exchange?done=back", []string{"case", caseTwo, "to", orgSouth, "reason", "not ours"}},
		{"/cases/" + caseOne + "/hand", "handed " + caseOne + " to " + orgSouth + ": moved", "/exchange?done=handed", []string{"to", orgSouth, "reason", "moved"}},
		{"/common/offer", "offered spring", "/common?done=offered", []string{"secret", key.Text(), "round", " spring ", "proof", rightWord}},
		{"/common/propose", "proposed " + caseOne + " e1 7 because", "/common?done=proposed", []string{"case", caseOne, "row", "e1/7", "reason", "because"}},
		{"/common/answer", "answered p1 same ", "/common?done=same", []string{"proposal", "p1", "verdict", "same"}},
		{"/common/answer", "answered p1 different no", "/common?done=different", []string{"proposal", "p1", "verdict", "different", "reason", "no"}},
		{"/common/withdraw", "withdrawn: it is over", "/common?done=withdrawn", []string{"reason", "it is over"}},
	} {
		w := b.post(tt.path, tt.form...)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != tt.where || len(f.did) == 0 || f.did[len(f.did)-1] != tt.did {
			t.Errorf("%s: %d to %s, did %q", tt.path, w.Code, w.Header().Get("Location"), f.did)
		}
		if page := b.get(tt.where).Body.String(); !strings.Contains(page, `role="status"`) {
			t.Errorf("%s: what was done is not said", tt.where)
		}
	}
	for _, tt := range []struct {
		refuses error
		path    string
		form    []string
		say     string
	}{
		{registry.ErrHandFiles, "/exchange/take", []string{"case", caseTwo}, "файлы пришли ещё не все"},
		{registry.ErrHandCounts, "/cases/" + caseOne + "/hand", []string{"to", orgSouth, "reason", "moved <away>"}, "цифры коалиции изменились бы"},
		{errors.New("secret inside"), "/exchange/sync", nil, "Обмен прервался"},
		{registry.ErrEncodingGone, "/common/propose", []string{"case", caseOne, "row", "e1/7"}, "отозваны или заменены"},
	} {
		f.refuses = tt.refuses
		if w := b.post(tt.path, tt.form...); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), tt.say) || strings.Contains(w.Body.String(), "secret inside") {
			t.Errorf("%s, %v: %d", tt.path, tt.refuses, w.Code)
		}
	}
	f.refuses = nil
	for _, tt := range []struct {
		path string
		form []string
		code int
	}{
		{"/common/offer", []string{"secret", "no", "round", "r"}, 422}, {"/common/offer", []string{"secret", key.Text(), "round", " "}, 422},
		{"/common/propose", []string{"case", caseOne, "row", "e1"}, 400}, {"/common/answer", []string{"proposal", "p1", "verdict", "perhaps"}, 400},
		{"/common/withdraw", []string{"reason", " "}, 422}, {"/exchange/back", []string{"case", caseTwo, "to", orgSouth}, 422},
	} {
		if w := b.post(tt.path, tt.form...); w.Code != tt.code {
			t.Errorf("%s %q: %d", tt.path, tt.form, w.Code)
		}
	}
	if page := signedInAs(t, f, "Sample Administrator", "ru").get("/exchange").Body.String(); !strings.Contains(page, "две разные истории") || strings.Contains(page, "words of commands") {
		t.Error("the words of the program's commands stand on a page")
	}
	f.alone = true
	for _, path := range []string{"/exchange", "/common"} {
		if w := b.get(path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ведётся отдельно") {
			t.Errorf("%s of a register that stands alone: %d", path, w.Code)
		}
	}
}
