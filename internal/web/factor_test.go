// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"github.com/kua-registry/kua/internal/access"
)

func TestSecondStep(t *testing.T) {
	f := newFake(t)
	b := newBrowser(t, newPages(t, f), "en")
	b.cookies["kua-device"] = "as before"
	w := b.post("/sign-in", "name", withFactor, "passphrase", rightWord, "next", "/figures")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/sign-in/code?next=%2Ffigures" {
		t.Fatalf("%d to %q", w.Code, to)
	}
	if b.cookies["kua"] != "" || b.cookies["kua-step"] == "" {
		t.Fatal("half a sign-in is given a session")
	}
	// It opens nothing: neither in its own cookie nor in a session's.
	for _, cookie := range []string{"kua-step", "kua"} {
		half := newBrowser(t, b.pages, "en")
		half.cookies[cookie] = b.cookies["kua-step"]
		for _, path := range []string{"/", "/cases", "/account", "/account/factor", "/figures"} {
			if w := half.get(path); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
				t.Errorf("%s with half a sign-in in %s: %d", path, cookie, w.Code)
			}
		}
	}
	if w := b.get("/sign-in/factor"); w.Code != http.StatusSeeOther {
		t.Errorf("a second factor that is there is set up by passphrase alone: %d", w.Code)
	}
	b.post("/sign-in", "name", withFactor, "passphrase", rightWord)
	for code, want := range map[string]int{"000000": 422, "": 422, guessedCode: 429} {
		if w := b.post("/sign-in/code", "code", code); w.Code != want || b.cookies["kua"] != "" {
			t.Errorf("%q: %d", code, w.Code)
		}
	}
	w = b.post("/sign-in/code", "code", fakeCode, "next", "/figures")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/figures" || b.cookies["kua"] == "" || b.cookies["kua-step"] != "" {
		t.Errorf("the right code: %d to %q", w.Code, w.Header().Get("Location"))
	}

	// Too many wrong ones, too late, and out of the blue: back to the first step.
	b = newBrowser(t, b.pages, "en")
	b.post("/sign-in", "name", withFactor, "passphrase", rightWord)
	for range access.HalfTries {
		b.post("/sign-in/code", "code", "000000")
	}
	over := func(what string) {
		t.Helper()
		if w := b.post("/sign-in/code", "code", fakeCode, "next", "//evil.example"); w.Header().Get("Location") != "/sign-in?again=1" || b.cookies["kua"] != "" {
			t.Errorf("%s: %d to %q", what, w.Code, w.Header().Get("Location"))
		}
	}
	over("after too many wrong codes")
	b.post("/sign-in", "name", withFactor, "passphrase", rightWord)
	f.at = f.at.Add(access.HalfLimit + time.Second)
	over("too late")
	over("out of the blue")
}

func TestCompulsoryFactorComesBeforeAnything(t *testing.T) {
	f := newFake(t)
	b := newBrowser(t, newPages(t, f), "ru")
	w := b.post("/sign-in", "name", mustFactor, "passphrase", rightWord, "next", "/cases")
	if to := w.Header().Get("Location"); to != "/sign-in/factor?next=%2Fcases" || b.cookies["kua"] != "" {
		t.Fatalf("led to %q", to)
	}
	page := b.get("/sign-in/factor?next=/cases").Body.String()
	if !strings.Contains(page, inFours(fakeSecret)) || !strings.Contains(page, `<path d="M`) {
		t.Error("neither a picture nor a secret to type")
	}
	if w := b.post("/sign-in/code", "code", fakeCode); w.Header().Get("Location") != "/sign-in?again=1" {
		t.Error("let in by a secret that was not confirmed")
	}
	b.post("/sign-in", "name", mustFactor, "passphrase", rightWord)
	if w := b.post("/sign-in/factor", "code", "000000"); w.Code != http.StatusUnprocessableEntity || b.cookies["kua"] != "" {
		t.Errorf("a wrong code: %d", w.Code)
	}
	w = b.post("/sign-in/factor", "code", fakeCode, "next", "/cases")
	if w.Code != http.StatusOK || strings.Count(w.Body.String(), fakeRecovery) != access.RecoveryCodes || b.cookies["kua"] == "" {
		t.Errorf("%d", w.Code)
	}
	if strings.Contains(w.Body.String(), fakeSecret) {
		t.Error("the page of the recovery codes shows the secret again")
	}
	if w := b.get("/cases"); w.Code != http.StatusOK {
		t.Errorf("set up, and not in: %d", w.Code)
	}
	if strings.Contains(b.get("/account").Body.String(), "/account/factor/off") {
		t.Error("what is compulsory is offered to be taken off")
	}
}

func TestOwnFactor(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	if w := b.get("/account/factor"); w.Header().Get("Location") != "/account" {
		t.Errorf("nothing is offered, and: %d", w.Code)
	}
	f.at = f.at.Add(access.ProofLimit + time.Second)
	for _, path := range []string{"/account/factor/begin", "/account/factor/off"} {
		if w := b.post(path); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `name="proof"`) || len(f.did) > 0 {
			t.Errorf("%s with an old session: %d", path, w.Code)
		}
	}
	if w := b.post("/account/factor/begin", "proof", rightWord); w.Header().Get("Location") != "/account/factor" {
		t.Fatalf("%d", w.Code)
	}
	if !strings.Contains(b.get("/account/factor").Body.String(), inFours(fakeSecret)) {
		t.Error("no secret to type")
	}
	if w := b.post("/account/factor", "code", "111111"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong code: %d", w.Code)
	}
	if w := b.post("/account/factor", "code", fakeCode); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), fakeRecovery) {
		t.Errorf("the right one: %d", w.Code)
	}
	if w := b.post("/account/factor", "code", fakeCode); w.Code != http.StatusSeeOther {
		t.Errorf("sent twice: %d", w.Code)
	}
	if w := b.post("/account/factor/off"); w.Header().Get("Location") != "/account?done=factor_off" || len(f.did) != 1 {
		t.Errorf("taken off: %d, %v", w.Code, f.did)
	}
}

func TestGoldenFactor(t *testing.T) {
	for _, lang := range languages {
		b := newBrowser(t, newPages(t, newFake(t)), lang)
		b.post("/sign-in", "name", withFactor, "passphrase", rightWord)
		golden(t, lang+"-code", b.get("/sign-in/code?next=/cases").Body.Bytes())
		golden(t, lang+"-code-wrong", b.post("/sign-in/code", "code", "000000").Body.Bytes())
		golden(t, lang+"-code-guessed", b.post("/sign-in/code", "code", guessedCode).Body.Bytes())
		b.post("/sign-in/code", "code", fakeCode)
		golden(t, lang+"-account-factor", b.get("/account").Body.Bytes())
		b.post("/account/factor/begin")
		golden(t, lang+"-factor", b.get("/account/factor").Body.Bytes())
		golden(t, lang+"-recovery", b.post("/account/factor", "code", fakeCode).Body.Bytes())
		b = newBrowser(t, b.pages, lang)
		b.post("/sign-in", "name", mustFactor, "passphrase", rightWord)
		golden(t, lang+"-factor-must", b.get("/sign-in/factor?next=/cases").Body.Bytes())
		golden(t, lang+"-signin-again", newBrowser(t, b.pages, lang).get("/sign-in?again=1").Body.Bytes())
	}
}

// TestPicture: the squares that are drawn are those of the code.
func TestPicture(t *testing.T) {
	code, err := qr.Encode(access.FactorURL(fakeSecret), qr.M)
	if err != nil {
		t.Fatal(err)
	}
	side, path := squares(code)
	if side != code.Size+2*quiet {
		t.Errorf("side %d", side)
	}
	drawn := map[[2]int]bool{}
	for _, run := range strings.Split(strings.TrimSuffix(path, "z"), "z") {
		var x, y, n int
		if _, err := fmt.Sscanf(run, "M%d %dh%d", &x, &y, &n); err != nil {
			t.Fatalf("%q: %v", run, err)
		}
		for i := range n {
			drawn[[2]int{x + i - quiet, y - quiet}] = true
		}
	}
	for y := range code.Size {
		for x := range code.Size {
			if drawn[[2]int{x, y}] != code.Black(x, y) {
				t.Fatalf("square %d, %d", x, y)
			}
		}
	}
	if u, err := url.Parse(access.FactorURL(fakeSecret)); err != nil || u.Query().Get("secret") != fakeSecret {
		t.Errorf("%v", err)
	}
}
