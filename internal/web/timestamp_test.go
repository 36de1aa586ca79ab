// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// sendFiles sends files as a browser does, name after content.
func (b *browser) sendFiles(path string, files ...string) *httptest.ResponseRecorder {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(files); i += 2 {
		part, _ := form.CreateFormFile(files[i], files[i]+".bin")
		_, _ = io.WriteString(part, files[i+1])
	}
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.ask(r)
}

func TestTimeStampPages(t *testing.T) {
	f := newFake(t)
	f.ask = nil
	b := signedIn(t, f, "ru")
	w := b.get("/timestamps/request.zip")
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil || len(z.File) != 3 || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Fatalf("%v %v", err, w.Header())
	}
	for i, want := range []string{"kua\ncheckpoint", "query of kua\ncheckpoint", "curl"} {
		in, err := z.File[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(in); !strings.Contains(string(text), want) {
			t.Errorf("%s holds %q", z.File[i].Name, text)
		}
	}
	if w := b.sendFiles("/timestamps/add", "checkpoint", "kua\nx", "token", "\x30\x00", "other", "x"); w.Code != http.StatusSeeOther || f.did[len(f.did)-1] != "keep \x30\x00 over kua\nx" {
		t.Errorf("an answer: %d, %q", w.Code, f.did)
	}
	if w := b.sendFiles("/timestamps/add", "token", strings.Repeat("x", stampLimit)); w.Code != http.StatusBadRequest {
		t.Errorf("an answer without an end: %d", w.Code)
	}
	if w := b.post("/timestamps/add", "token", "x"); w.Code != http.StatusBadRequest {
		t.Errorf("a form without files: %d", w.Code)
	}
	for path, want := range map[string]string{
		stampGood + "/checkpoint.txt": "kua\n" + stampGood, stampGood + "/stamp.der": "token", stampGood + "/roots.pem": "root one\nroot two\n",
		stampProof + "/stamp.ots": "token", stampProof + "/stamp.der": "", stampProof + "/roots.pem": "", stampGood + "/stamp.ots": "", stampGood + "/key": "", "x/stamp.der": "",
	} {
		w := b.get("/timestamps/" + path)
		if want == "" && w.Code != http.StatusNotFound || want != "" && (w.Body.String() != want || w.Header().Get("Content-Type") != "application/octet-stream") {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	for _, tt := range []struct {
		refuses error
		code    int
		text    string
	}{
		{&registry.BadStampError{Outcome: "wrong-data", Why: "secret"}, 422, "относится к чему-то другому"},
		{&registry.BadStampError{Outcome: "altered"}, 422, "подпись неверна"},
		{&registry.BadStampError{Outcome: "not-a-token"}, 422, "не метка времени"},
		{registry.ErrNotCheckpoint, 422, "не контрольная точка"},
		{errors.New("secret inside"), 422, "Служба не дала метку"},
		{registry.ErrNotAllowed, 403, ""},
	} {
		f.refuses = tt.refuses
		w := b.sendFiles("/timestamps/add", "checkpoint", "x", "token", "y")
		if body := w.Body.String(); w.Code != tt.code || !strings.Contains(body, tt.text) || strings.Contains(body, "secret") {
			t.Errorf("%v: %d", tt.refuses, w.Code)
		}
	}
	f.refuses = nil
	if w := b.post("/timestamps/ask", "authority", "x"); w.Code != http.StatusNotFound { // these pages were given nobody to ask by
		t.Errorf("asked without a way: %d", w.Code)
	}
	if w := signedInAs(t, newFake(t), "Sample Worker", "en").get("/timestamps/request.zip"); w.Code != http.StatusForbidden {
		t.Errorf("who may not ask takes a request: %d", w.Code)
	}
}

// TestAskForTimeStamp: nobody is asked but by the button, and told no more than a request.
func TestAskForTimeStamp(t *testing.T) {
	f := newFake(t)
	var asked []string
	f.ask = func(_ context.Context, address string, query []byte) ([]byte, error) {
		asked = append(asked, address+" "+string(query))
		return nil, nil
	}
	b := signedIn(t, f, "en")
	if body := b.get("/timestamps").Body.String(); !strings.Contains(body, `action="/timestamps/ask"`) || len(asked) > 0 {
		t.Errorf("asked by looking: %q", asked)
	}
	if w := b.post("/timestamps/ask", "authority", "the one"); w.Code != http.StatusSeeOther || len(asked) != 1 || asked[0] != "the one query" {
		t.Errorf("%d, asked %q", w.Code, asked)
	}
}

func TestFileTimeStamps(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	stamps := filesOf + "/" + fileOne + "/stamps"
	if w := b.get(stamps + "/request.tsq"); w.Body.String() != "query of "+fileOne || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("a request: %d %q", w.Code, w.Body)
	}
	if w := b.get(filesOf + "/" + fileLost + "/stamps/request.tsq"); w.Code != http.StatusNotFound {
		t.Errorf("of another file: %d", w.Code)
	}
	for path, code := range map[string]int{"/stamp.der": 200, "/roots.pem": 200, "/checkpoint.txt": 404, "/stamp.ots": 404} {
		if w := b.get(stamps + "/" + stampGood + path); w.Code != code {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := b.sendFiles(stamps+"/add", "token", "answer"); w.Code != http.StatusSeeOther || f.did[len(f.did)-1] != "keep answer over "+fileOne+" of "+caseThings {
		t.Errorf("an answer: %d, %q", w.Code, f.did)
	}
	if w := b.post(stamps+"/ask", "authority", "the one"); w.Code != http.StatusSeeOther || f.did[len(f.did)-1] != "stamp "+fileOne+" of "+caseThings+" by the one" {
		t.Errorf("asked: %d, %q", w.Code, f.did)
	}
	f.refuses = &registry.BadStampError{Outcome: "wrong-data", Why: "secret"}
	if w := b.sendFiles(stamps+"/add", "token", "answer"); w.Code != 422 || !strings.Contains(w.Body.String(), "относится к чему-то другому") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("of another file: %d", w.Code)
	}
}

// TestWebCaptureOnThePage: what a capture says stands as text, and leads nowhere.
func TestWebCaptureOnThePage(t *testing.T) {
	f := newFake(t)
	body := signedIn(t, f, "en").get(filesOf + "/" + fileOne).Body.String()
	for _, want := range []string{"Altered since", "javascript:alert(1)", "Sample crawler", "pages/pages.jsonl", "right: 250, wrong: 2"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(body, `href="javascript`) || strings.Contains(body, `href="https://news`) || strings.Contains(body, "<script>alert") {
		t.Error("an address of a capture is a link, or its text is HTML")
	}
	f.access = "facts"
	body = signedIn(t, f, "en").get(filesOf + "/" + fileOne).Body.String()
	if !strings.Contains(body, "Altered since") || strings.Contains(body, "news.sample") || strings.Contains(body, "stamp.der") {
		t.Error("who reads facts alone is told more than the verdict, or not that")
	}
}
