// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/access"
)

func TestGoldenPasskeys(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		b := signedIn(t, f, lang)
		golden(t, lang+"-passkeys-no-address", b.get("/account/passkeys").Body.Bytes())
		f.passkeys = true
		golden(t, lang+"-passkeys", b.get("/account/passkeys?done=made").Body.Bytes())
		golden(t, lang+"-passkeys-wrong", b.post("/account/passkeys", "name", "Sample stick", "passphrase", "no", "answer", "{}", "secret", "AAAA").Body.Bytes())
		golden(t, lang+"-passkeys-unnamed", b.post("/account/passkeys/rename", "id", "a1", "name", "").Body.Bytes())
		golden(t, lang+"-passkeys-codes-first", b.post("/account/passkeys", "name", "Sample stick", "passphrase", rightWord, "answer", "{}", "secret", "").Body.Bytes())
		half := halfIn(t, f, lang)
		golden(t, lang+"-code-passkey", half.get("/sign-in/code?next=/cases").Body.Bytes())
		golden(t, lang+"-code-passkey-wrong", half.post("/sign-in/code/passkey", "answer", "{}", "next", "/cases").Body.Bytes())
		golden(t, lang+"-code-passkey-copied", half.post("/sign-in/code/passkey", "answer", "copied").Body.Bytes())
		half.post("/sign-in/code/passkey", "answer", "right")
		golden(t, lang+"-passkeys-with-codes", half.get("/account/passkeys?done=renamed").Body.Bytes())
		nobody := newBrowser(t, newPages(t, f), lang)
		golden(t, lang+"-signin-passkey", nobody.get("/sign-in").Body.Bytes())
		golden(t, lang+"-signin-passkey-copied", nobody.post("/sign-in/passkey", "answer", "{}", "secret", "AAAA").Body.Bytes())
	}
}

// halfIn is a browser whose member has given the passphrase and not yet the second step.
func halfIn(t *testing.T, f *fake, lang string) *browser {
	t.Helper()
	b := newBrowser(t, newPages(t, f), lang)
	if w := b.post("/sign-in", "name", withFactor, "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	return b
}

// TestPasskeyStep: a passkey takes the place of a code, in the sign-in that
// waits for it and nowhere else.
func TestPasskeyStep(t *testing.T) {
	f := newFake(t)
	b := halfIn(t, f, "en")
	if page := b.get("/sign-in/code").Body.String(); strings.Contains(page, "passkey") {
		t.Error("a passkey is offered where there is none")
	}
	if w := b.post("/sign-in/code/passkey", "answer", "right"); w.Code != http.StatusNotFound || b.cookies["kua"] != "" {
		t.Errorf("a passkey where there is none: %d", w.Code)
	}
	f.passkeys = true
	if page := b.get("/sign-in/code?next=/figures").Body.String(); !strings.Contains(page, `data-passkey="step"`) || !strings.Contains(page, `name="code"`) ||
		strings.Count(page, `name="next" value="/figures"`) != 2 {
		t.Error("neither a passkey nor a code is to be given")
	}
	for _, answer := range []string{"", "{}", "copied"} {
		w := b.post("/sign-in/code/passkey", "answer", answer)
		if w.Code != http.StatusUnprocessableEntity || b.cookies["kua"] != "" || b.cookies["kua-step"] == "" {
			t.Errorf("%q: %d", answer, w.Code)
		}
		if !strings.Contains(w.Body.String(), `data-passkey="step"`) || !strings.Contains(w.Body.String(), `role="alert" id="problem"`) {
			t.Errorf("%q: the page says nothing, or offers nothing more", answer)
		}
	}
	w := b.post("/sign-in/code/passkey", "answer", "right", "next", "/figures")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/figures" || b.cookies["kua"] == "" || b.cookies["kua-step"] != "" {
		t.Errorf("the right one: %d to %q", w.Code, w.Header().Get("Location"))
	}

	over := func(what string, b *browser) {
		t.Helper()
		if w := b.post("/sign-in/code/passkey", "answer", "right", "next", "//evil.example"); w.Header().Get("Location") != "/sign-in?again=1" || b.cookies["kua"] != "" {
			t.Errorf("%s: %d to %q", what, w.Code, w.Header().Get("Location"))
		}
	}
	over("out of the blue", newBrowser(t, newPages(t, f), "en"))
	b = halfIn(t, f, "en")
	for range access.HalfTries {
		b.post("/sign-in/code/passkey", "answer", "no")
	}
	over("after too many wrong ones", b)
	must := newBrowser(t, newPages(t, f), "en")
	must.post("/sign-in", "name", mustFactor, "passphrase", rightWord)
	over("in the place of setting codes up", must)
}

// TestScriptsOfPasskeys holds that only the pages with passkeys have their
// script, and every page our own alone, by their addresses.
func TestScriptsOfPasskeys(t *testing.T) {
	f := newFake(t)
	f.passkeys = true
	b := signedIn(t, f, "en")
	nobody := newBrowser(t, newPages(t, f), "en")
	for path, want := range map[string]string{"/account/passkeys": "passkey.js", "/sign-in": "passkey.js", "/sign-in/code": "passkey.js", "/account": "keys.js", "/": "keys.js", "/cases": "keys.js", "/nothing": ""} {
		who := b
		switch path {
		case "/sign-in":
			who = nobody
		case "/sign-in/code":
			who = halfIn(t, f, "en")
		}
		w := who.get(path)
		doc, err := html.Parse(strings.NewReader(w.Body.String()))
		if err != nil {
			t.Fatal(err)
		}
		scripts := ""
		each(doc, func(n *html.Node) {
			if n.Type != html.ElementNode || n.Data != "script" {
				return
			}
			src, _ := attr(n, "src")
			scripts += src[strings.LastIndex(src, "/")+1:]
			if !strings.HasPrefix(src, "/static/") || n.FirstChild != nil {
				t.Errorf("%s: a script that is not ours: %q", path, src)
			}
		})
		if scripts != want || strings.Contains(w.Header().Get("Content-Security-Policy"), "script") != (want != "") {
			t.Errorf("%s: the scripts %q, want %q; %s", path, scripts, want, w.Header().Get("Content-Security-Policy"))
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
	f.at = f.at.Add(access.ProofLimit + time.Second) // a name needs no fresh proof
	for _, tt := range []struct {
		id, name string
		status   int
	}{{"a1", "blue", 303}, {"a1", "", 422}, {"a9", "blue", 404}} {
		if w := b.post("/account/passkeys/rename", "id", tt.id, "name", tt.name); w.Code != tt.status {
			t.Errorf("%+v: %d", tt, w.Code)
		}
	}
	if w := b.post("/account/passkeys/remove", "id", "a1"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Remove a passkey") {
		t.Errorf("without fresh proof: %d", w.Code)
	}
}
