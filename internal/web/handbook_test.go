// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestHandbook holds that the handbook is read before signing in, but for what says whose law the register knows.
func TestHandbook(t *testing.T) {
	b := newBrowser(t, newPages(t, newFake(t)), "ru")
	for _, path := range []string{"/handbook", "/handbook/safety", "/handbook/administrators"} {
		if w := b.get(path); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "/handbook/law\"") && path != "/handbook/lawyers" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for path, want := range map[string]int{"/handbook/law": http.StatusSeeOther, "/handbook/figures": http.StatusSeeOther, "/handbook/nothing": http.StatusNotFound} {
		if w := b.get(path); w.Code != want {
			t.Errorf("%s: %d before signing in", path, w.Code)
		}
	}
	if w := b.get("/handbook/documenters"); !strings.Contains(w.Body.String(), `<img src="/handbook/pictures/ru/record.webp" width=`) {
		t.Errorf("the chapter shows no picture: %s", w.Body.String())
	}
	if w := b.get("/handbook/pictures/ru/record.webp"); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/webp" || !strings.HasPrefix(w.Body.String(), "RIFF") {
		t.Errorf("a picture: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/handbook/pictures/ru/nothing.webp", "/handbook/pictures/xx/record.webp", "/handbook/pictures/ru/..%2F1-safety.md", "/handbook/pictures/.."} {
		if w := b.get(path); w.Code == http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := signedIn(t, newFake(t), "ru").get("/handbook/law"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Правовой пакет") {
		t.Errorf("the law after signing in: %d", w.Code)
	}
}
