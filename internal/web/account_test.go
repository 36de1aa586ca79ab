// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
)

func TestAccount(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, tt := range []struct {
		path  string
		form  []string
		want  int
		to    string
		did   string
		words string
	}{
		{path: "/account/sessions/end", form: []string{"id", "0b0b0b0b0b0b0b0b"}, want: 303, to: "/account?done=ended", did: "end 0b0b0b0b0b0b0b0b"},
		{path: "/account/sessions/end", form: []string{"id", "ffff"}, want: 303, to: "/account?done=ended", did: "end ffff"},
		{path: "/account/sessions/others", want: 303, to: "/account?done=others", did: "end others"},
		{path: "/account/language", form: []string{"lang", "kk"}, want: 303, to: "/account?done=language", did: "language kk of " + memberID},
		{path: "/account/language", form: []string{"lang", "xx"}, want: 400},
		{path: "/account/browser/forget", want: 303, to: "/account?done=forgotten"},
		{path: "/account/passphrase", form: []string{"old_passphrase", rightWord, "own", "no", "new_passphrase", "left over"}, want: 200, did: "change passphrase", words: "eight sample words that nobody else would say"},
		{path: "/account/passphrase", form: []string{"old_passphrase", rightWord, "own", "yes", "new_passphrase", "a long one of my own, indeed"}, want: 200, did: "change passphrase"},
		{path: "/account/passphrase", form: []string{"old_passphrase", rightWord, "own", "yes", "new_passphrase", "short"}, want: 422, did: "change passphrase"},
		{path: "/account/passphrase", form: []string{"old_passphrase", rightWord, "own", "yes", "new_passphrase", "password password"}, want: 422, did: "change passphrase"},
		{path: "/account/passphrase", form: []string{"old_passphrase", "wrong", "own", "no"}, want: 422, did: "change passphrase"},
		{path: "/account/passphrase", form: []string{"old_passphrase", rightWord, "own", "yes", "new_passphrase", " "}, want: 422},
		{path: "/account/passphrase", form: []string{"own", "no"}, want: 422},
	} {
		f.did = nil
		b.cookies[languageCookie] = "en"
		w := b.post(tt.path, tt.form...)
		if w.Code != tt.want || w.Header().Get("Location") != tt.to {
			t.Errorf("%s %v: %d to %q", tt.path, tt.form, w.Code, w.Header().Get("Location"))
		}
		if strings.Join(f.did, ",") != tt.did {
			t.Errorf("%s %v: did %v, want %q", tt.path, tt.form, f.did, tt.did)
		}
		body := w.Body.String()
		if !strings.Contains(body, tt.words) {
			t.Errorf("%s: the page does not say %q", tt.path, tt.words)
		}
		for i, value := range tt.form {
			if strings.Contains(tt.form[max(i-1, 0)], "passphrase") && i%2 == 1 && strings.TrimSpace(value) != "" && strings.Contains(body, `"`+value+`"`) {
				t.Errorf("%s: the page repeats %q", tt.path, value)
			}
		}
	}
	if b.cookies["kua-device"] != "" {
		t.Error("the browser is still known")
	}
	nobody := newBrowser(t, b.pages, "en")
	f.did = nil
	for _, path := range []string{"/account/sessions/end", "/account/sessions/others", "/account/language", "/account/passphrase"} {
		if w := nobody.post(path, "id", "0b0b0b0b0b0b0b0b", "lang", "kk", "old_passphrase", rightWord); w.Code != http.StatusSeeOther || len(f.did) > 0 {
			t.Errorf("%s without a session: %d, did %v", path, w.Code, f.did)
		}
	}
}

func TestGoldenAccount(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		golden(t, lang+"-passphrase-made", b.post("/account/passphrase", "old_passphrase", rightWord, "own", "no").Body.Bytes())
		golden(t, lang+"-account-weak", b.post("/account/passphrase", "old_passphrase", rightWord, "own", "yes", "new_passphrase", "password password").Body.Bytes())
	}
}

func TestBrowserNames(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0":                                                                    "Firefox · Windows",
		"Mozilla/5.0 (Linux; Android 9; SM-A105F) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36":   "Samsung Internet · Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1": "Safari · iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 YaBrowser/24.1 Safari/537.36":              "Yandex · Windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36":                                   "Chrome · Linux",
		"":                               "",
		"<script>alert(1)</script> curl": "",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

// TestWeakPassphrasesHaveWords: the pages say each reason in every language.
func TestWeakPassphrasesHaveWords(t *testing.T) {
	f := newFake(t)
	for _, lang := range languages {
		b := signedIn(t, f, lang)
		said := []string{}
		for _, next := range []string{"short", "password password"} {
			page := b.post("/account/passphrase", "old_passphrase", rightWord, "own", "yes", "new_passphrase", next).Body.String()
			_, rest, _ := strings.Cut(page, `id="problem" tabindex="-1" autofocus><p>`)
			words, _, _ := strings.Cut(rest, "</p>")
			if words == "" || words == "passphrase."+access.TooShort || slices.Contains(said, words) {
				t.Errorf("%s: %q", lang, words)
			}
			said = append(said, words)
		}
	}
}
