// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// dangerous is a page of the tests that does something dangerous, and what was done.
type dangerous struct {
	pages http.Handler
	done  []url.Values
}

func newDangerous(t *testing.T, f *fake) *dangerous {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(f, words, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d := &dangerous{}
	mux := http.NewServeMux()
	mux.Handle("/", s.mux())
	mux.HandleFunc("/danger/{id}", s.signed(func(v *visit) error {
		if !f.sessions.Fresh(v.session) {
			return registry.ErrProof
		}
		d.done = append(d.done, v.r.PostForm)
		v.redirect("/")
		return nil
	}))
	d.pages = s.protect(mux)
	return d
}

// resend fills in the form on a page and gives where it goes and what it brings.
func resend(t *testing.T, page string) (string, url.Values) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	action, form := "", url.Values{}
	each(doc, func(n *html.Node) {
		switch class, _ := attr(n, "class"); {
		case n.Data == "form" && class == "signin":
			action, _ = attr(n, "action")
		case n.Data == "input" && action != "":
			value, _ := attr(n, "value")
			if name, ok := attr(n, "name"); ok {
				form.Add(name, value)
			}
		}
	})
	return action, form
}

func TestSessionFreshnessRegression(t *testing.T) {
	f := newFake(t)
	d := newDangerous(t, f)
	b := newBrowser(t, d.pages, "en")
	b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)

	// Just signed in: nothing more is asked.
	if w := b.post("/danger/1", "what", "first"); w.Code != http.StatusSeeOther || len(d.done) != 1 {
		t.Fatalf("with a fresh session: %d, done %d times", w.Code, len(d.done))
	}

	// A screen left open: the act is not done, and its form is kept.
	f.at = f.at.Add(access.ProofLimit + time.Second)
	sent := url.Values{"what": {hostile}, "several": {"b", "a"}, "passphrase": {"old secret words"}, "code": {"123456"}, "next": {"/cases"}}
	w := b.form("/danger/7?as_of=2022-05-17", sent)
	if w.Code != http.StatusForbidden || len(d.done) != 1 {
		t.Fatalf("with a stale session: %d, done %d times", w.Code, len(d.done))
	}
	page := w.Body.String()
	if strings.Contains(page, "old secret words") || strings.Contains(page, "123456") {
		t.Error("the page repeats a secret")
	}
	action, form := resend(t, page)
	if action != "/danger/7?as_of=2022-05-17" {
		t.Errorf("the form goes to %q", action)
	}

	// No passphrase and a wrong one: still not done, and still kept.
	for _, wrong := range []string{"", "wrong words"} {
		form.Set("proof", wrong)
		w = b.form(action, form)
		if w.Code != http.StatusUnprocessableEntity || len(d.done) != 1 {
			t.Fatalf("with the passphrase %q: %d, done %d times", wrong, w.Code, len(d.done))
		}
		if wrong != "" && strings.Contains(w.Body.String(), wrong) {
			t.Error("the page repeats the passphrase that was tried")
		}
		action, form = resend(t, w.Body.String())
	}

	// The right one: done once, with all that the form brought.
	form.Set("proof", rightWord)
	w = b.form(action, form)
	if w.Code != http.StatusSeeOther || len(d.done) != 2 {
		t.Fatalf("with the right passphrase: %d, done %d times", w.Code, len(d.done))
	}
	got := d.done[1]
	if got.Get("what") != hostile || !slices.Equal(got["several"], []string{"b", "a"}) || got.Get("next") != "/cases" {
		t.Errorf("the act was given %v", got)
	}
	if got.Has("proof") || got.Has("passphrase") || got.Has("code") {
		t.Error("a secret came to the act, or the passphrase that proved it")
	}

	// The proof is this session's alone, and ends.
	other := newBrowser(t, d.pages, "en")
	other.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
	f.at = f.at.Add(access.ProofLimit + time.Second)
	b.form(action, form)
	if w := other.post("/danger/1"); w.Code != http.StatusForbidden || len(d.done) != 3 {
		t.Errorf("another session of the member: %d, done %d times", w.Code, len(d.done))
	}
	f.at = f.at.Add(access.ProofLimit + time.Second)
	if w := b.post("/danger/1"); w.Code != http.StatusForbidden || len(d.done) != 3 {
		t.Errorf("after the proof has ended: %d, done %d times", w.Code, len(d.done))
	}

	// Neither without a session, nor by an address, nor with a passphrase in an address.
	nobody := newBrowser(t, d.pages, "en")
	if w := nobody.post("/danger/1", "proof", rightWord); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
		t.Errorf("without a session: %d", w.Code)
	}
	b.get("/danger/1")
	if w := b.get("/danger/1?proof=" + url.QueryEscape(rightWord)); w.Code != http.StatusForbidden || len(d.done) != 3 {
		t.Errorf("by an address: %d, done %d times", w.Code, len(d.done))
	}
	if b.form("/danger/1?proof="+url.QueryEscape(rightWord), url.Values{}); len(d.done) != 3 {
		t.Error("a passphrase in the address proved a form")
	}

	// Too many waiting is said so, and a form without measure is not carried.
	if w := b.post("/danger/1", "proof", "busy"); w.Code != http.StatusTooManyRequests {
		t.Errorf("with too many waiting: %d", w.Code)
	}
	many := url.Values{}
	for range mostCarried + 1 {
		many.Add("x", "y")
	}
	for name, form := range map[string]url.Values{"many fields": many, "a long field": {"x": {strings.Repeat("y", mostCarriedBytes)}}} {
		if w := b.form("/danger/1", form); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := b.form("/danger/1", url.Values{"x": {strings.Repeat("y", postLimit)}}); w.Code != http.StatusBadRequest || len(d.done) != 3 {
		t.Errorf("a form without measure: %d, done %d times", w.Code, len(d.done))
	}
}

func TestGoldenProof(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		b := newBrowser(t, newDangerous(t, f).pages, lang)
		b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
		f.at = f.at.Add(access.ProofLimit + time.Second)
		golden(t, lang+"-proof", b.post("/danger/1", "what", hostile, "until", "2022-07-01").Body.Bytes())
		golden(t, lang+"-proof-wrong", b.post("/danger/1", "what", hostile, "proof", "no").Body.Bytes())
	}
}

// TestProofActsHaveWords holds that every act is named in every language.
func TestProofActsHaveWords(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[string]bool{}
	for _, r := range (&server{assets: &assets{}}).routes() {
		patterns[r.pattern] = true
	}
	for _, l := range words.Languages() {
		for pattern, act := range proofActs {
			if !patterns[pattern] {
				t.Errorf("%s is no route", pattern)
			}
			if !l.Has("proof.act." + act) {
				t.Errorf("%s: %s has no words proof.act.%s", l.Code(), pattern, act)
			}
		}
	}
}
