// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestGoldenWebhooks(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		golden(t, lang+"-webhooks", b.get("/account/webhooks?done=ended").Body.Bytes())
		golden(t, lang+"-webhooks-wrong", b.post("/account/webhooks", "key", apiKeyOne, "url", "https://"+hostile).Body.Bytes())
		golden(t, lang+"-webhook", b.post("/account/webhooks", "key", apiKeyOne, "url", "https://receiver.example.org/sample").Body.Bytes())
		golden(t, lang+"-webhooks-admin", signedInAs(t, newFake(t), "Sample Administrator", lang).get("/account/webhooks").Body.Bytes())
		empty := newFake(t)
		empty.empty = true
		golden(t, lang+"-empty-webhooks", signedIn(t, empty, lang).get("/account/webhooks").Body.Bytes())
	}
}

// TestWebhookSecretIsShownOnce holds that a webhook asks for the passphrase, that
// its secret stands on the page that made it and on no other, and that what is
// wrong is said by its field; and that administrators alone allow hosts.
func TestWebhookSecretIsShownOnce(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, wrong := range []struct{ key, url, says string }{
		{"x", "https://receiver.example.org/", "Choose a key"}, {apiKeyOne, "receiver", "Write the address"},
		{apiKeyOne, "https://other.example.org/", "An administrator allows this host first"}, {"many", "https://receiver.example.org/", "End one first"},
	} {
		if w := b.post("/account/webhooks", "key", wrong.key, "url", wrong.url); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), wrong.says) || strings.Contains(w.Body.String(), madeSecret) {
			t.Errorf("%+v: %d", wrong, w.Code)
		}
	}
	if w := b.post("/account/webhooks", "key", apiKeyOne, "url", "https://receiver.example.org/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), madeSecret) {
		t.Errorf("made: %d", w.Code)
	}
	if w := b.get("/account/webhooks"); strings.Contains(w.Body.String(), madeSecret) {
		t.Error("the secret is shown again")
	}
	if w := b.post("/account/webhooks/end", "id", webhookOne); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/account/webhooks?done=ended" {
		t.Errorf("ended: %d", w.Code)
	}
	if w := b.post("/account/webhooks/end", "id", "nobody's"); w.Code != http.StatusNotFound {
		t.Errorf("another's: %d", w.Code)
	}
	for _, path := range []string{"/allow", "/disallow"} {
		if w := b.post("/account/webhooks"+path, "host", "receiver.example.org"); w.Code != http.StatusForbidden {
			t.Errorf("%s by a case worker: %d", path, w.Code)
		}
		office := newFake(t)
		a := signedInAs(t, office, "Sample Administrator", "en")
		if w := a.post("/account/webhooks"+path, "host", "receiver.example.org"); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	a := signedInAs(t, newFake(t), "Sample Administrator", "en")
	if w := a.post("/account/webhooks/allow", "host", "https://x/", "inside", "yes"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Name a host") {
		t.Errorf("no host: %d", w.Code)
	}
	f.at = f.at.Add(6 * 60 * 1e9)
	if w := b.post("/account/webhooks", "key", apiKeyOne, "url", "https://receiver.example.org/"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "make a webhook") {
		t.Errorf("without proof: %d", w.Code)
	}
}
