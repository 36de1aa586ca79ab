// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takeout"
)

func TestGoldenExports(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		f.exportKey = sampleRecipient
		f.proved = true
		b := signedInAs(t, f, "Sample Worker", lang)
		golden(t, lang+"-exports", b.get("/exports").Body.Bytes())
		golden(t, lang+"-export-new", b.get("/exports/new").Body.Bytes())
		golden(t, lang+"-export-new-un", b.get("/exports/new?purpose=un&case="+caseOne+"&case="+caseThings).Body.Bytes())
		golden(t, lang+"-export-new-wrong", b.post("/exports/new", "purpose", "own", "which", "some", "numbers", "K-9999", "whom", hostile, "reason", hostile, "key", sampleRecipient, "format", "kua").Body.Bytes())
		golden(t, lang+"-export-asked", b.get("/exports/"+exportAsked+"?done=asked").Body.Bytes())
		golden(t, lang+"-export-whole", b.get("/exports/"+exportWhole).Body.Bytes())
		b.post("/exports/" + exportOpen + "/fetch")
		f.proved = false
		golden(t, lang+"-export-fetched", b.get("/exports/"+exportOpen).Body.Bytes())
		golden(t, lang+"-export-answer", b.post("/exports/"+exportToSay+"/answer", "answer", "refuse").Body.Bytes())
		f.empty = true
		golden(t, lang+"-empty-exports", b.get("/exports").Body.Bytes())
	}
}

// sampleRecipient is the public key of nobody.
const sampleRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

// TestExportIsAsked: what is asked for is what was typed, and what is wrong is said.
func TestExportIsAsked(t *testing.T) {
	f := newFake(t)
	b := signedInAs(t, f, "Sample Worker", "en")
	page := b.get("/exports/new?purpose=un").Body.String()
	for _, want := range []string{"These fields and no others", "Full name", "by consent:", "Released on"} {
		if !strings.Contains(page, want) {
			t.Errorf("before it is asked for, the page does not say %q", want)
		}
	}
	if page := b.get("/exports/new?purpose=own").Body.String(); strings.Contains(page, `value="uwazi"`) || !strings.Contains(page, "Everything of your own") {
		t.Error("one's own are taken along in another's format")
	}
	form := func(more ...string) []string {
		return append([]string{"purpose", "un", "format", "uwazi", "whom", "the secretariat", "reason", "an appeal", "key", " " + sampleRecipient + "\n", "which", "some"}, more...)
	}
	for words, fields := range map[string][]string{
		"Name the cases":             form(),
		"is not there, or not open":  form("numbers", "K-9999"),
		"Choose a format":            {"purpose", "un", "format", "nothing", "which", "all"},
		"at least one public key":    {"purpose", "un", "format", "kua", "which", "all", "key", "AGE-SECRET-KEY-1"},
		"Taken along whole are":      {"purpose", "own", "format", "uwazi", "which", "all", "key", sampleRecipient},
		"Say what the export is for": {"purpose", "curiosity", "format", "uwazi", "which", "all", "key", sampleRecipient},
	} {
		if words == "Say what the export is for" {
			f.fails = registry.ErrExportPurpose
		}
		w := b.post("/exports/new", fields...)
		f.fails = nil
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), words) {
			t.Errorf("%q: %d", words, w.Code)
		}
	}
	if len(f.did) > 0 {
		t.Fatalf("%q", f.did)
	}
	if w := b.post("/exports/new", form("numbers", "K-0001, K-0006\nK-0007")...); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/exports/"+exportOpen+"?done=asked" {
		t.Errorf("asked: %d, %q", w.Code, w.Header())
	}
	if want := `export of ["K-0001" "K-0006" "K-0007"] all false as uwazi for un to "the secretariat" because "an appeal"`; len(f.did) != 1 || f.did[0] != want {
		t.Errorf("%q", f.did)
	}
	if w := signedInAs(t, f, "Sample Office", "en").get("/exports/new"); w.Code != http.StatusForbidden {
		t.Errorf("to whom may hand on nothing: %d", w.Code)
	}
}

// TestExportIsFetched: the file comes sealed and in no other way, and the page
// says afterwards what was carried.
func TestExportIsFetched(t *testing.T) {
	f := newFake(t)
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	f.exportKey = key.Recipient().String()
	b := signedInAs(t, f, "Sample Worker", "en")
	if w := b.post("/exports/" + exportOpen + "/fetch"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "take cases out of the register") {
		t.Errorf("without a passphrase: %d", w.Code)
	}
	f.proved = true
	for id, words := range map[string]string{exportAsked: "has to agree first", exportOver: "its last day has passed"} {
		if w := b.post("/exports/" + id + "/fetch"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), words) {
			t.Errorf("%q: %d", words, w.Code)
		}
	}
	for id, holds := range map[string]string{exportOpen: "import.csv", exportWhole: "an archive by kua"} {
		w := b.post("/exports/" + id + "/fetch")
		if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="export.age"` {
			t.Fatalf("%d, %q", w.Code, w.Header())
		}
		opened, err := age.Decrypt(bytes.NewReader(w.Body.Bytes()), key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(opened)
		if err != nil || !strings.Contains(string(text), holds) || bytes.Contains(w.Body.Bytes(), []byte(holds)) {
			t.Errorf("%s: %v: %.100q", id, err, text)
		}
	}
	if page := b.get("/exports/" + exportOpen).Body.String(); !strings.Contains(page, "the format has no place for it") {
		t.Error("what was not carried is not said")
	}
	if page := b.get("/exports/" + exportWhole).Body.String(); !strings.Contains(page, "24 entries") {
		t.Error("what was carried is not said")
	}
	f.halfway = true
	defer func() {
		if p := recover(); p == nil {
			t.Error("an export that broke off looks whole")
		}
	}()
	b.post("/exports/" + exportOpen + "/fetch")
}

// TestExportIsAnswered: by somebody else, with a word where they refuse.
func TestExportIsAnswered(t *testing.T) {
	f := newFake(t)
	b := signedInAs(t, f, "Sample Worker", "en")
	f.proved = true
	at := "/exports/" + exportToSay + "/answer"
	if w := b.post(at, "answer", "refuse"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Say why you refuse") {
		t.Errorf("without a word: %d", w.Code)
	}
	if w := b.post("/exports/"+exportAsked+"/answer", "answer", "approve"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("one's own: %d", w.Code)
	}
	for answer, want := range map[string]string{"approve": "approved", "refuse": "refused"} {
		if w := b.post(at, "answer", answer, "words", "as agreed"); w.Header().Get("Location") != "/exports/"+exportToSay+"?done="+want {
			t.Errorf("%s: %d, %q", answer, w.Code, w.Header())
		}
	}
	if len(f.did) != 2 {
		t.Errorf("%q", f.did)
	}
}

// TestExportWords: each format that is written, and each reason, has words, and
// reports are kept of the last ones alone.
func TestExportWords(t *testing.T) {
	v := signedInAs(t, newFake(t), "Sample Worker", "kk").get("/exports/new?purpose=un").Body.String()
	for _, name := range takeout.Formats() {
		if !strings.Contains(v, `<option value="`+name+`">`) || strings.Contains(v, "export.format."+name) {
			t.Errorf("format %s has no words", name)
		}
	}
	var c takenOut
	for range 2 {
		for i := range mostTakenOut + 1 {
			c.add(strings.Repeat("x", i), takeout.Written{Cases: i, Report: &foreign.Report{}})
		}
	}
	if _, ok := c.of(""); ok || len(c.last) != mostTakenOut {
		t.Errorf("%d reports are kept", len(c.last))
	}
	if w, ok := c.of("xx"); !ok || w.Cases != 2 {
		t.Errorf("%+v", w)
	}
}
