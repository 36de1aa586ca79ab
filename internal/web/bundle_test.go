// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/registry"
)

const bundlePath = "/cases/" + caseThings + "/bundle"

func TestGoldenBundle(t *testing.T) {
	for _, lang := range []string{"en", "ru", "kk"} {
		for _, of := range []string{"srt", "court", "lawyer"} {
			golden(t, lang+"-bundle-"+of, signedIn(t, newExaminationFake(t), lang).get(bundlePath+"?for="+of+"&in=ru").Body.Bytes())
		}
	}
}

func TestBundlePage(t *testing.T) {
	f := newExaminationFake(t)
	b := signedIn(t, f, "en")
	if page := b.get("/cases/" + caseThings).Body.String(); !strings.Contains(page, bundlePath) {
		t.Error("the case does not lead to it")
	}
	page := b.get(bundlePath).Body.String()
	if strings.Contains(page, "What would be in it") || !strings.Contains(page, "with names") {
		t.Error("before it is said for whom")
	}
	page = b.get(bundlePath + "?for=srt").Body.String()
	for _, want := range []string{"Your own passphrase", "A name is left out", "Limits of the consent", "attested on", "An urgent appeal", `name="file" value="f1" checked`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("what is recorded is markup")
	}
	f.access = "reads"
	if w := signedIn(t, f, "en").get(bundlePath); w.Code != http.StatusForbidden {
		t.Errorf("to whom may only read: %d", w.Code)
	}
}

func TestBundleIsSent(t *testing.T) {
	f := newExaminationFake(t)
	f.proved = true
	b := signedIn(t, f, "en")
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	form := func(more ...string) []string {
		return append([]string{"for", "srt", "in", "ru", "whom", "the secretariat", "reason", "an appeal", "file", "f1"}, more...)
	}
	for what, fields := range map[string][]string{
		"no seal": form(), "no key": form("seal", "key", "keys", " "), "a private key": form("seal", "key", "keys", id.String()), "no passphrase": form("seal", "passphrase"),
		"a weak one": form("seal", "passphrase", "secret", "password12345678"), "no words": {"for", "srt", "in", "ru", "seal", "open"}, "refused": append(form("seal", "open")[2:], "for", "lawyer"),
	} {
		w := b.post(bundlePath, fields...)
		if w.Code != http.StatusUnprocessableEntity || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %d, %q", what, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "password12345678") {
			t.Errorf("%s: the page carries a passphrase", what)
		}
	}
	if len(f.did) != 0 {
		t.Fatalf("%q", f.did)
	}
	read := func(r io.Reader) {
		t.Helper()
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil || !bytes.Contains(data, []byte(exhibitText)) {
			t.Errorf("no bundle came: %v", err)
		}
	}
	w := b.post(bundlePath, form("seal", "key", "keys", id.Recipient().String())...)
	if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="bundle.age"` || bytes.Contains(w.Body.Bytes(), []byte(exhibitText)) {
		t.Fatalf("%d, %q", w.Code, w.Header())
	}
	plain, err := age.Decrypt(w.Body, id)
	if err != nil {
		t.Fatal(err)
	}
	read(plain)
	w = b.post(bundlePath, form("seal", "open")...)
	if w.Header().Get("Content-Disposition") != `attachment; filename="bundle.zip"` {
		t.Fatalf("%d, %q", w.Code, w.Header())
	}
	read(w.Body)
	if want := `handed out for srt in ru with ["f1"] to "the secretariat" because "an appeal", sealed key`; len(f.did) != 2 || f.did[0] != want {
		t.Errorf("%q", f.did)
	}
	f.fails = registry.ErrUnaudited
	if w := b.post(bundlePath, form("seal", "open")...); w.Code != http.StatusServiceUnavailable {
		t.Errorf("unaudited: %d", w.Code)
	}
	f.fails, f.proved = nil, false
	if w := b.post(bundlePath, form("seal", "passphrase", "secret", "eight invented words that nobody will ever guess")...); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "eight invented") || !strings.Contains(w.Body.String(), "the secretariat") {
		t.Errorf("without a proof: %d", w.Code)
	}
	f.proved, f.halfway = true, true
	defer func() {
		if p := recover(); p == nil {
			t.Error("a bundle that broke off looks whole")
		}
	}()
	b.post(bundlePath, form("seal", "open")...)
}
