// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

func lockedPages(t *testing.T, log *bytes.Buffer, unlock Unlock) http.Handler {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewLocked(unlock, words, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestGoldenLocked(t *testing.T) {
	for _, lang := range languages {
		b := newBrowser(t, lockedPages(t, &bytes.Buffer{}, func(context.Context, string) error { return registry.ErrUnlock }), lang)
		golden(t, lang+"-register-locked", b.get("/cases").Body.Bytes())
		golden(t, lang+"-register-locked-wrong", b.post("/unlock", "passphrase", "no", "next", "/cases").Body.Bytes())
	}
}

// TestLockedPages holds that a locked register answers every address alike,
// and what is told of an opening that fails.
func TestLockedPages(t *testing.T) {
	var answer error
	log := &bytes.Buffer{}
	b := newBrowser(t, lockedPages(t, log, func(context.Context, string) error { return answer }), "en")
	for _, path := range []string{"/", "/cases", "/cases/" + caseOne, "/sign-in", "/account", "/nothing", "/lock-all", "/unlock"} {
		if w := b.get(path); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "The register is locked") {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/sign-in", "/lock", "/cases/" + caseOne} {
		if w := b.post(path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	for _, tt := range []struct {
		err    error
		status int
		says   string
	}{
		{registry.ErrUnlock, 422, "does not open the register"},
		{registry.ErrMayNotStart, 422, "Your passphrase is right"},
		{registry.ErrInUse, 422, "Another program"},
		{registry.ErrManyStart, 422, "--member"},
		{access.ErrTooMany, 429, "Too many"},
		{context.Canceled, 422, "was locked while"},
		{errors.New("the disk is gone"), 500, "could not be opened"},
	} {
		answer = tt.err
		if w := b.post("/unlock", "passphrase", "planted words"); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%v: %d", tt.err, w.Code)
		}
	}
	if strings.Contains(log.String(), "planted") {
		t.Error("a passphrase is in the log")
	}
	answer = nil
	for next, want := range map[string]string{"/cases": "/cases", "//elsewhere": "/", "": "/"} {
		if w := b.post("/unlock", "passphrase", "x", "next", next); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("next %q: %d %s", next, w.Code, w.Header().Get("Location"))
		}
	}
	if w := b.post("/unlock"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("without a passphrase: %d", w.Code)
	}
}

// TestLockOwnAndAll holds who locks what: everybody all sessions of their own,
// coordinators and administrators the register.
func TestLockOwnAndAll(t *testing.T) {
	f := newFake(t)
	phone, desk := signedIn(t, f, "en"), signedIn(t, f, "en")
	if !strings.Contains(phone.get("/").Body.String(), "/lock-all") {
		t.Error("a coordinator does not find the button")
	}
	phone.post("/lock", "next", "/cases")
	if w := desk.get("/cases"); w.Code != http.StatusSeeOther {
		t.Errorf("the lock left another session of the same member open: %d", w.Code)
	}
	desk = signedIn(t, f, "en")
	worker := f.sessions.Begin(access.Member{ID: "b1", Name: "Sample Worker", Roles: []access.Role{access.CaseWorker}}, nil)
	b := newBrowser(t, newPages(t, f), "en")
	b.cookies["kua"] = worker.Token()
	if strings.Contains(b.get("/about").Body.String(), "/lock-all") {
		t.Error("a case worker finds the button")
	}
	if w := b.post("/lock-all"); w.Code != http.StatusForbidden || f.lockedAll != 0 {
		t.Errorf("a case worker locks the register: %d", w.Code)
	}
	if w := desk.post("/lock-all", "next", "/cases"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/cases" || f.lockedAll != 1 {
		t.Errorf("a coordinator: %d %s, %d", w.Code, w.Header().Get("Location"), f.lockedAll)
	}
}
