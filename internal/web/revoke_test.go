// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/registry"
)

// reader is somebody at a browser, over the network.
type reader struct {
	t    *testing.T
	base string
	*http.Client
}

func newReader(t *testing.T, base, name string) *reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t, base, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if code, _ := r.send("/sign-in", "name", name, "passphrase", confidencePassphrase); code != http.StatusSeeOther {
		t.Fatalf("%s can't sign in: %d", name, code)
	}
	return r
}

func (r *reader) read(res *http.Response, err error) (int, string) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (r *reader) get(path string) (int, string) {
	r.t.Helper()
	return r.read(r.Get(r.base + path))
}

func (r *reader) send(path string, pairs ...string) (int, string) {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return r.read(r.PostForm(r.base+path, form))
}

// TestRevokedAtTheVeryNextRequest: whoever loses a grant, or their membership,
// sees nothing of the case by the next request they make, and in less than the
// five seconds that are promised.
func TestRevokedAtTheVeryNextRequest(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.pages)
	defer server.Close()
	north, lawyer := newReader(t, server.URL, "north"), newReader(t, server.URL, "lawyer")
	at := "/cases/" + h.open.id
	if code, _ := lawyer.get(at); code != http.StatusNotFound {
		t.Fatalf("without a grant: %d", code)
	}
	open := func(want bool, when string) {
		t.Helper()
		for _, path := range []string{at, "/cases/" + h.open.number, "/cases", "/cases?q=" + url.QueryEscape(openPlanted[0])} {
			code, body := lawyer.get(path)
			found := code == http.StatusOK && strings.Contains(body, openPlanted[0]+" "+openPlanted[1])
			if found != want {
				t.Errorf("%s: %s: %d, the case is shown: %v", when, path, code, found)
			}
			if !want && !strings.HasPrefix(path, "/cases/") && strings.Contains(body, h.open.id) {
				t.Errorf("%s: %s names the case", when, path)
			}
		}
	}
	grant := func() string {
		t.Helper()
		if code, _ := north.send(at+"/access", "act", "grant", "to", "", "other", "lawyer", "part", "identity"); code != http.StatusSeeOther {
			t.Fatalf("granting: %d", code)
		}
		_, page := north.get(at)
		_, rest, ok := strings.Cut(page, `name="grant" value="`)
		if !ok {
			t.Fatal("the grant is not on the page")
		}
		return rest[:32]
	}
	id := grant()
	open(true, "granted")

	began := time.Now() //nolint:forbidigo // a stopwatch
	if code, _ := north.send(at+"/access", "act", "revoke", "grant", id, "reason", "their phone was taken"); code != http.StatusSeeOther {
		t.Fatalf("taking back: %d", code)
	}
	code, _ := lawyer.get(at)
	took := time.Since(began)
	if code != http.StatusNotFound || took > 5*time.Second {
		t.Errorf("the next request: %d, %v after it was taken back", code, took)
	}
	open(false, "taken back")
	t.Logf("taken back and refused in %v", took)

	// The same where the member is ended: the session itself is gone.
	grant()
	open(true, "granted once more")
	ctx := context.Background()
	founder, err := h.reg.SignIn(ctx, registry.SignIn{Name: "founder", Passphrase: confidencePassphrase})
	if err != nil {
		t.Fatal(err)
	}
	members, _, err := h.reg.Members(ctx, founder)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if m.Name == "lawyer" {
			if err := h.reg.EndMember(ctx, founder, m.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code, body := lawyer.get(at); code != http.StatusSeeOther || strings.Contains(body, openPlanted[0]) {
		t.Errorf("the next request of somebody who was ended: %d", code)
	}
}
