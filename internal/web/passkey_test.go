// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestGoldenPasskeys(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		b := signedIn(t, f, lang)
		golden(t, lang+"-passkeys-no-address", b.get("/account/passkeys").Body.Bytes())
		f.passkeys = true
		golden(t, lang+"-passkeys", b.get("/account/passkeys?done=made").Body.Bytes())
		golden(t, lang+"-passkeys-wrong", b.post("/account/passkeys", "name", "Sample stick", "passphrase", "no", "answer", "{}", "secret", "AAAA").Body.Bytes())
		nobody := newBrowser(t, newPages(t, f), lang)
		golden(t, lang+"-signin-passkey", nobody.get("/sign-in").Body.Bytes())
		golden(t, lang+"-signin-passkey-copied", nobody.post("/sign-in/passkey", "answer", "{}", "secret", "AAAA").Body.Bytes())
	}
}

// TestScriptsOfPasskeys holds that only the pages with passkeys have a script:
// one, our own, by its address.
func TestScriptsOfPasskeys(t *testing.T) {
	f := newFake(t)
	f.passkeys = true
	b := signedIn(t, f, "en")
	nobody := newBrowser(t, newPages(t, f), "en")
	for path, want := range map[string]int{"/account/passkeys": 1, "/sign-in": 1, "/account": 0, "/": 0, "/cases": 0, "/nothing": 0} {
		who := b
		if path == "/sign-in" {
			who = nobody
		}
		w := who.get(path)
		doc, err := html.Parse(strings.NewReader(w.Body.String()))
		if err != nil {
			t.Fatal(err)
		}
		scripts := 0
		each(doc, func(n *html.Node) {
			if n.Type != html.ElementNode || n.Data != "script" {
				return
			}
			scripts++
			if src, _ := attr(n, "src"); !strings.HasPrefix(src, "/static/") || !strings.HasSuffix(src, "/passkey.js") || n.FirstChild != nil {
				t.Errorf("%s: a script that is not ours: %q", path, src)
			}
		})
		if scripts != want || strings.Contains(w.Header().Get("Content-Security-Policy"), "script") != (want > 0) {
			t.Errorf("%s: %d scripts, want %d; %s", path, scripts, want, w.Header().Get("Content-Security-Policy"))
		}
	}
}

func TestPasskeyForms(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	nobody := newBrowser(t, newPages(t, f), "en")
	if w := nobody.post("/sign-in/passkey", "answer", "{}", "secret", ""); w.Code != http.StatusNotFound {
		t.Errorf("a passkey where there are none: %d", w.Code)
	}
	f.passkeys = true
	for _, tt := range []struct {
		secret, passphrase string
		status             int
	}{{"AAAA", rightWord, 303}, {"", rightWord, 422}, {"AAAA", "no", 422}, {"not base64!", rightWord, 400}} {
		w := b.post("/account/passkeys", "name", "x", "passphrase", tt.passphrase, "answer", `{"planted":1}`, "secret", tt.secret)
		if w.Code != tt.status {
			t.Errorf("%+v: %d", tt, w.Code)
		}
		if strings.Contains(w.Body.String(), "planted") || strings.Contains(w.Body.String(), tt.passphrase+`"`) {
			t.Errorf("%+v: a secret comes back in the page", tt)
		}
	}
	if w := b.post("/account/passkeys/remove", "id", "a1"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Remove a passkey") {
		t.Errorf("without fresh proof: %d", w.Code)
	}
}
