// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/registry"
)

// statementPages are the pages of statements, by the names of their golden files.
var statementPages = []struct{ name, path string }{
	{"statements", "/statements"},
	{"statement-new", "/statements/new"},
	{"statement-correct", "/statements/new?corrects=" + outStatement},
	{"statement-draft", "/statements/" + draftStatement + "?done=saved"},
	{"statement-edit", "/statements/" + draftStatement + "/edit"},
	{"statement-publish", "/statements/" + draftStatement + "/publish"},
	{"statement-out", "/statements/" + outStatement + "?done=published"},
	{"statement-verify", "/statements/" + outStatement + "/verify"},
	{"statement-given", "/statements/verify"},
}

func TestGoldenStatements(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		for _, p := range statementPages {
			golden(t, lang+"-"+p.name, b.get(p.path).Body.Bytes())
		}
		empty := newFake(t)
		empty.empty = true
		golden(t, lang+"-empty-statements", signedIn(t, empty, lang).get("/statements").Body.Bytes())
		few := newFake(t)
		few.said.accept, few.said.tampered = true, true
		b = signedIn(t, few, lang)
		golden(t, lang+"-statement-few", b.get("/statements/"+draftStatement+"/publish").Body.Bytes())
		golden(t, lang+"-statement-tampered", b.get("/statements/"+outStatement+"/verify").Body.Bytes())
		golden(t, lang+"-statement-changed", b.form("/statements/"+draftStatement+"/edit", url.Values{"seen": {"2"}, fieldText + "en": {"Mine."}}).Body.Bytes())
	}
}

// TestStatementIsNeverLost writes a text with a fault in it: it is saved as it is, and shown with its line.
func TestStatementIsNeverLost(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	text := "First.\r\n\r\nWe have {{figur \"reports\"}}."
	w := b.form("/statements/new", url.Values{fieldAsOf: {"17 May 2022"}, fieldTitle + "en": {"One"}, fieldText + "en": {text}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/statements/"+draftStatement+"?done=saved" {
		t.Fatalf("saved: %d, %s", w.Code, w.Header().Get("Location"))
	}
	if got := f.said.put; got.Texts["en"] != strings.ReplaceAll(text, "\r\n", "\n") || got.AsOf != day("2022-05-17") || got.Seen != -1 {
		t.Errorf("saved: %+v", got)
	}
	w = b.form("/statements/preview", url.Values{fieldText + "en": {text}})
	if got := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(got, "English, line 3") || !strings.Contains(got, "there is no {{figur}}") || strings.Contains(got, "<html") {
		t.Errorf("previewed: %d\n%s", w.Code, got)
	}
	for _, wrong := range []url.Values{
		{fieldAsOf: {"soon"}}, {fieldKnownBy: {"lately"}}, {fieldK: {"2"}}, {fieldK: {"many"}},
	} {
		f.said.put = nil
		wrong.Set(fieldText+"ru", "Одно слово.")
		w := b.form("/statements/new", wrong)
		if got := w.Body.String(); w.Code != http.StatusUnprocessableEntity || f.said.put != nil || !strings.Contains(got, "Одно слово.") || !strings.Contains(got, `id="problems"`) {
			t.Errorf("%v: %d", wrong, w.Code)
		}
	}
	// Somebody else has saved meanwhile: both texts are there, and what was written can be saved over theirs.
	w = b.form("/statements/"+draftStatement+"/edit", url.Values{"seen": {"2"}, fieldText + "en": {"Mine."}})
	if got := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(got, ">Mine.</textarea>") || !strings.Contains(got, "Nobody told his family.") || !strings.Contains(got, `name="seen" value="3"`) {
		t.Errorf("changed meanwhile: %d\n%s", w.Code, got)
	}
	// A session that has ended takes nothing with it.
	b.cookies["kua"] = "over"
	w = b.form("/statements/new", url.Values{fieldText + "en": {"Mine."}})
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Mine.") {
		t.Errorf("without a session: %d", w.Code)
	}
}

// TestStatementDrafts keeps what is typed, and goes on with it.
func TestStatementDrafts(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	w := b.form("/statements/"+draftStatement+"/edit", url.Values{"then": {"autosave"}, "seen": {"3"}, fieldText + "en": {"Half a sen"}, fieldK: {"x"}})
	var kept autosaved
	if err := json.Unmarshal(w.Body.Bytes(), &kept); err != nil || kept.Draft != draftID || kept.Problem["f-k"] == "" {
		t.Fatalf("kept: %v, %+v", err, kept)
	}
	page := b.get("/drafts").Body.String()
	to := "/statements/" + draftStatement + "/edit?draft=" + draftID
	if !strings.Contains(page, to) {
		t.Errorf("the draft is not among the drafts: %s", page)
	}
	if got := b.get(to).Body.String(); !strings.Contains(got, ">Half a sen</textarea>") || !strings.Contains(got, draftID) {
		t.Errorf("it is not gone on with: %s", got)
	}
	if w := b.get("/statements/new?draft=" + draftID); w.Code != http.StatusNotFound {
		t.Errorf("as a draft of another statement: %d", w.Code)
	}
}

// TestPublishAsksForProof: nothing goes out without the passphrase, and not without a reason where one is needed.
func TestPublishAsksForProof(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	to := "/statements/" + draftStatement + "/publish"
	f.at = f.at.Add(20 * time.Minute)
	if w := b.post(to, "seen", "3", "accept", "because"); w.Code != http.StatusForbidden || f.said.published != "" || !strings.Contains(w.Body.String(), "publish a statement, for good") {
		t.Errorf("without proof: %d", w.Code)
	}
	if w := b.post(to, "seen", "3", "accept", "because", proofField, rightWord); w.Code != http.StatusSeeOther || f.said.published != draftStatement+" because" {
		t.Errorf("with proof: %d, %q", w.Code, f.said.published)
	}
	for err, says := range map[error]string{
		registry.ErrAccept: "say why it is told", registry.ErrNoAncestor: "corrected it already", registry.ErrNoText: "no text to publish",
	} {
		f.refuses = err
		if w := b.post(to, "seen", "3"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
}

// TestPublicPageIsSwitched: by who proves who they are, and with a name.
func TestPublicPageIsSwitched(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	if w := b.post("/statements/public", "on", "yes"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Say who publishes") {
		t.Errorf("without a name: %d", w.Code)
	}
	f.at = f.at.Add(20 * time.Minute)
	if w := b.post("/statements/public", "on", "yes", "name", "Sample"); w.Code != http.StatusForbidden || f.said.public.On {
		t.Errorf("without proof: %d", w.Code)
	}
	if w := b.post("/statements/public", "on", "yes", "name", "Sample", proofField, rightWord); w.Code != http.StatusSeeOther || !f.said.public.On {
		t.Errorf("with proof: %d", w.Code)
	}
	if got := b.get("/statements").Body.String(); !strings.Contains(got, "There is a public page.") || !strings.Contains(got, "Switch it off") {
		t.Error(got)
	}
}

// TestStatementLeaves: what leaves is written down before it does.
func TestStatementLeaves(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "kk")
	to := "/statements/" + outStatement
	for as, holds := range map[string]string{
		"en.html": "Torture goes unpunished", "ru.md": "164", "ru.docx": "PK", "en.pdf": "%PDF-", "en.txt": "164", "manifest.txt": statementFormat, "key.txt": fakeKey,
	} {
		f.did = nil
		w := b.post(to, "as", as)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), holds) || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || len(f.did) != 1 || !strings.HasPrefix(f.did[0], "took out statement: ") {
			t.Errorf("%s: %d, %q\n%s", as, w.Code, f.did, w.Body)
		}
		if strings.Contains(w.Body.String(), "/cases") {
			t.Errorf("%s: it has the address of cases", as)
		}
	}
	for _, as := range []string{"", "kk.html", "en.exe", "en", "manifest"} {
		if w := b.post(to, "as", as); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", as, w.Code)
		}
	}
	if w := b.post("/statements/"+draftStatement, "as", "en.html"); w.Code != http.StatusNotFound {
		t.Errorf("a draft leaves: %d", w.Code)
	}
	f.fails = registry.ErrUnaudited
	if w := b.post(to, "as", "en.html"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("it leaves without being written down: %d", w.Code)
	}
}

const statementFormat = "kua statement manifest 1"

// TestVerifyGiven verifies a manifest as a file, as text, and what is none.
func TestVerifyGiven(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	send := func(file, text string) *httptest.ResponseRecorder {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("manifest", "manifest.txt")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(file))
		_ = form.WriteField("manifest", text)
		form.Close()
		r := httptest.NewRequest(http.MethodPost, "/statements/verify", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return b.ask(r)
	}
	manifest := string(f.manifest())
	for name, w := range map[string]*httptest.ResponseRecorder{
		"file": send(manifest, ""), "pasted": send("", strings.ReplaceAll(manifest, "\n", "\r\n")), "form": b.post("/statements/verify", "manifest", manifest),
	} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "All is as it was published.") || !strings.Contains(w.Body.String(), "K-0001") {
			t.Errorf("%s: %d\n%s", name, w.Code, w.Body)
		}
	}
	for _, none := range []string{"", "hello", manifest[:200]} {
		if w := send(none, ""); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "no manifest") {
			t.Errorf("%q: %d", none, w.Code)
		}
	}
}
