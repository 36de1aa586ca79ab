// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// The people are invented.
var secrets = []string{"Жасампазов", "Karlygasheva", "K-7654321", "870101399999", "в гараже", "seven words of a passphrase"}

// secretError is an error as a database could make one: with all that was asked in it.
type secretError struct{ text string }

func (e *secretError) Error() string { return e.text }

// TestNoNamesInLogsRegression asks every route with names, numbers and search
// terms in its path, its parameters, its form and its cookies, lets every
// question fail with an error that repeats them, and panic with them, and
// searches what was logged, at every level.
func TestNoNamesInLogsRegression(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	f := newFake(t)
	s, err := newServer(f, words, Options{Logger: log, LockAll: func() {}, Reports: fakeReports})
	if err != nil {
		t.Fatal(err)
	}
	routes := s.routes()
	routes = append(routes, route{"GET /panics/{id}", func(_ http.ResponseWriter, r *http.Request) {
		panic(fmt.Errorf("%s and %v", r.URL, secrets))
	}})
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.pattern, r.answer)
	}
	pages := s.protect(mux)
	all := strings.Join(secrets, " ")
	failures := []error{
		nil, registry.ErrNotFound, registry.ErrNotAllowed, registry.ErrUnaudited, access.ErrTooMany,
		&secretError{all}, fmt.Errorf("asking for %s: %w", all, &secretError{all}), errors.Join(&secretError{all}, errors.New(all)),
	}
	asked := 0
	for _, fails := range failures {
		for _, r := range routes {
			method, path, ok := strings.Cut(r.pattern, " ")
			if !ok {
				method, path = http.MethodGet, "/nowhere/{id}"
			}
			path = strings.NewReplacer("{$}", "", "{hash}", "x", "{name}", "{id}").Replace(path)
			for _, secret := range secrets {
				session, err := f.SignIn(t.Context(), registry.SignIn{Name: "Sample Member", Passphrase: rightWord})
				if err != nil {
					t.Fatal(err)
				}
				f.fails = fails
				form := url.Values{}
				for _, name := range []string{"q", "name", "passphrase", "note", "id", "case", "member", "act", "from", "next", "comment", "reason", "to", "as_of", "known_by", "figure", "sort", "after", "old_passphrase", "new_passphrase"} {
					form.Set(name, secret)
				}
				target := strings.ReplaceAll(path, "{id}", url.PathEscape(secret)) + "?" + form.Encode()
				req := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("User-Agent", secret)
				req.Header.Set("Referer", "http://example.org/"+url.QueryEscape(secret))
				req.AddCookie(&http.Cookie{Name: s.cookieName(), Value: session.Token()})
				req.AddCookie(&http.Cookie{Name: "other", Value: url.QueryEscape(secret)})
				pages.ServeHTTP(httptest.NewRecorder(), req)
				f.fails = nil
				asked++
			}
		}
	}
	text := logged.String()
	if decoded, err := url.QueryUnescape(text); err == nil {
		text += decoded
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%+q", secret), strings.ToLower(secret)} {
			if at := strings.Index(text, strings.Trim(form, `"`)); at >= 0 {
				t.Errorf("%q was logged: %.300s", secret, text[max(0, at-150):])
			}
		}
	}
	if !strings.Contains(text, "a page failed") || !strings.Contains(text, "a page panicked") || asked < 500 {
		t.Errorf("%d requests, and nothing of their failures was logged: this test finds nothing", asked)
	}
	t.Logf("%d requests, %d bytes logged", asked, logged.Len())
}
