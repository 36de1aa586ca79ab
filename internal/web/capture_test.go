// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// upload sends a file as a browser does.
func (b *browser) upload(path, with, name string, content io.Reader) *httptest.ResponseRecorder {
	in, out := io.Pipe()
	form := multipart.NewWriter(out)
	go func() {
		_ = form.WriteField("taken", with)
		_ = form.WriteField("evidence", with)
		part, err := form.CreateFormFile("file", name)
		if err == nil {
			_, err = io.Copy(part, content)
		}
		if err == nil {
			err = form.Close()
		}
		_ = out.CloseWithError(err)
	}()
	r := httptest.NewRequest(http.MethodPost, path, in)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.ask(r)
}

// uploads is where a file is sent to.
const uploads = "/state/publication/" + sourceID + "/captures"

func TestUpload(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	body := &bytes.Buffer{}
	form := multipart.NewWriter(body)
	_ = form.WriteField("taken", "15 марта 2022")
	part, _ := form.CreateFormFile("file", "страница.html")
	_, _ = io.WriteString(part, "<p>"+hostile)
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, uploads, body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	w := b.ask(r)
	if w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "?stored=1#captures") {
		t.Fatalf("a file: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if f.stored == nil || f.stored.Publication != sourceID || f.stored.Name != "страница.html" || f.stored.Taken.String() != "2022-03-15" || f.content != "<p>"+hostile {
		t.Errorf("stored was %+v %q", f.stored, f.content)
	}
	if w := b.post(uploads+"/text", "taken", "", "text", "line\r\nline"); w.Code != http.StatusSeeOther || f.content != "line\nline" || !f.stored.Taken.IsZero() || !strings.HasSuffix(f.stored.Name, ".txt") {
		t.Errorf("a text: %d %+v %q", w.Code, f.stored, f.content)
	}
	for what, want := range map[string]struct {
		code    int
		text    string
		refuses error
	}{
		"too large": {422, "50 МБ", registry.ErrCaptureSize},
		"broken":    {422, "не целиком", registry.ErrFileBroken},
		"full":      {422, "заполнен", registry.ErrDiskFull},
		"forbidden": {403, "", registry.ErrNotAllowed},
		"gone":      {404, "", registry.ErrNotFound},
	} {
		f.refuses = want.refuses
		w := b.post(uploads+"/text", "text", "x")
		if w.Code != want.code || !strings.Contains(w.Body.String(), want.text) {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	f.refuses = nil
	if w := b.post(uploads+"/text", "text", "  "); w.Code != 422 || !strings.Contains(w.Body.String(), "непустой") {
		t.Errorf("nothing at all: %d", w.Code)
	}
	if w := b.post(uploads+"/text", "text", "x", "taken", hostile); w.Code != 422 || strings.Contains(w.Body.String(), "<script>alert") {
		t.Errorf("a day that is none: %d", w.Code)
	}
	if w := b.post(uploads, "taken", "x"); w.Code != http.StatusBadRequest {
		t.Errorf("a form without a file: %d", w.Code)
	}
	if w := b.post("/captures/"+captureOne+"/withdraw", "reason", ""); w.Code != 422 {
		t.Errorf("taken back without a reason: %d", w.Code)
	}
	if w := b.post("/captures/"+captureOne+"/withdraw", "reason", "of another page"); w.Code != http.StatusSeeOther || f.withdrawn != captureOne {
		t.Errorf("taken back: %d", w.Code)
	}
}

// TestUploadIsStreamedRegression: a file that is larger than any form is handed
// on as it comes, and nothing of it is put into a temporary file on the way.
func TestUploadIsStreamedRegression(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f := newFake(t)
	b := signedIn(t, f, "en")
	files := 0
	const size = 40 << 20
	if w := b.upload(uploads, "", "a.bin", io.LimitReader(watching{func() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Error(err)
		}
		files += len(entries)
	}}, size)); w.Code != http.StatusSeeOther || len(f.content) != size {
		t.Errorf("%d, %d bytes", w.Code, len(f.content))
	}
	if files != 0 {
		t.Error("a file lay in the temporary directory while it came in")
	}
	if w := b.upload(uploads, "", "a.bin", io.LimitReader(watching{func() {}}, registry.CaptureLimit+2<<20)); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a file larger than is let in: %d", w.Code)
	}
}

// watching reads as zeros, and looks around with each portion.
type watching struct{ look func() }

func (w watching) Read(p []byte) (int, error) {
	w.look()
	clear(p)
	return len(p), nil
}

// TestCaptureIsNeverAPageRegression: whatever was stored goes out as a file to
// keep. A browser neither shows nor runs it, whatever it is called.
func TestCaptureIsNeverAPageRegression(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, name := range []string{hostile + ".html", "page.html", "қаулы.pdf", "", "a\r\nX-Evil: 1.svg"} {
		f.captures[0].Name = name
		w := b.get("/captures/" + captureOne)
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Content-Security-Policy") != filePolicy || h.Get("X-Evil") != "" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %d %v", name, w.Code, h)
		}
		how, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if err != nil || how != "attachment" || name == "қаулы.pdf" && params["filename"] != name || params["filename"] == "" {
			t.Errorf("%q: %q %v", name, h.Get("Content-Disposition"), err)
		}
	}
	for id, want := range map[string]int{captureClosed: 404, captureBroken: 500, "x": 404} {
		w := b.get("/captures/" + id)
		if w.Code != want || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %d", id, w.Code)
		}
	}
}
