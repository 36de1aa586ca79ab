// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

func TestFilePages(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	page := b.get(filesOf).Body.String()
	for _, want := range []string{"film.mp4", "missing", "Film · 21 GB", "Picture JPEG · 52 MB", "1 copy", `name="file"`, `<option value="` + jacket + `">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the list of files lacks %q", want)
		}
	}
	if strings.Contains(page, `href="`+filesOf+"/"+fileSmall) {
		t.Error("a copy stands among the originals")
	}
	if !strings.Contains(page, `<img src="`+filesOf+"/"+fileSmall+`/shown" alt="" width="64" height="64" loading="lazy"`) {
		t.Error("a file that has a small picture is listed without it")
	}
	page = b.get(filesOf + "/" + fileOne).Body.String()
	for _, want := range []string{strings.Repeat("0a", 32), strings.Repeat("b3", 32), filesOf + "/" + fileOne + "/original", "A jacket"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of a file lacks %q", want)
		}
	}
	if w := b.get(filesOf + "/" + strings.Repeat("0", 32)); w.Code != http.StatusNotFound {
		t.Errorf("a file that is not there: %d", w.Code)
	}
	f.access = "facts"
	page = b.get(filesOf).Body.String() + b.get(filesOf+"/"+fileOne).Body.String()
	for _, never := range []string{"/original", "<img", "film", strings.Repeat("0a", 32), `type="file"`} {
		if strings.Contains(page, never) {
			t.Errorf("who reads facts alone is shown %q", never)
		}
	}
	if w := b.get(filesOf + "/" + fileOne + "/original"); w.Code != http.StatusNotFound {
		t.Errorf("who reads facts alone takes a file out: %d", w.Code)
	}
}

func TestFileComesIn(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	w := b.upload(filesOf, jacket, "../a\n\u202e.jpg", strings.NewReader("a picture"))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != filesOf+"/"+fileOne+"?stored=1" {
		t.Fatalf("a file: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if f.putIn == nil || f.putIn.Evidence != jacket || f.content != "a picture" {
		t.Errorf("put in was %+v %q", f.putIn, f.content)
	}
	for what, want := range map[string]struct {
		code    int
		text    string
		refuses error
	}{
		"too large": {422, "100 ГБ", registry.ErrFileSize},
		"empty":     {422, "непустой", registry.ErrFileEmpty},
		"broken":    {422, "не целиком", registry.ErrFileBroken},
		"full":      {422, "заполнен", fmt.Errorf("x: %w", registry.ErrDiskFull)},
		"forbidden": {403, "", registry.ErrNotAllowed},
		"gone":      {404, "", registry.ErrNotFound},
	} {
		f.refuses = want.refuses
		w := b.upload(filesOf, "", "x", strings.NewReader("x"))
		if w.Code != want.code || !strings.Contains(w.Body.String(), want.text) {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	f.refuses = nil
	if w := b.post(filesOf, "evidence", jacket); w.Code != http.StatusBadRequest {
		t.Errorf("a form of another kind: %d", w.Code)
	}
}

func TestFileGoesOut(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	path := filesOf + "/" + fileOne + "/original"
	w := b.get(path)
	if w.Code != http.StatusOK || w.Body.String() != hostileFile {
		t.Errorf("%d %q", w.Code, w.Body.String())
	}
	kind, params, err := mime.ParseMediaType(w.Header().Get("Content-Disposition"))
	if err != nil || kind != "attachment" || params["filename"] != hostile+".jpg" || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("it is handed out as %v: %v", w.Header(), err)
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Range", "bytes=2-8")
	if w := b.ask(r); w.Code != http.StatusPartialContent || w.Body.String() != hostileFile[2:9] {
		t.Errorf("a part of it: %d %q", w.Code, w.Body.String())
	}
	if w := b.get(filesOf + "/" + fileLost + "/original"); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "backup") {
		t.Errorf("one that is missing: %d", w.Code)
	}
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("one that breaks off ends with %v", err)
			}
		}()
		b.get(filesOf + "/" + fileBroken + "/original")
	}()
	if w := b.post(filesOf+"/"+fileOne+"/withdraw", "reason", ""); w.Code != http.StatusUnprocessableEntity || f.withdrawn != "" {
		t.Errorf("taken back without a reason: %d", w.Code)
	}
	if w := b.post(filesOf+"/"+fileOne+"/withdraw", "reason", "of another case"); w.Code != http.StatusSeeOther || f.withdrawn != fileOne {
		t.Errorf("taken back: %d", w.Code)
	}
}

func TestFileComesInParts(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	const uploads = "/cases/" + caseThings + "/uploads"
	says := func(w *httptest.ResponseRecorder, code int, want string) {
		t.Helper()
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s, not %d %s", w.Code, w.Body.String(), code, want)
		}
	}
	patch := func(offset, text string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPatch, uploads+"/"+fileBegun, strings.NewReader(text))
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Upload-Offset", offset)
		return b.ask(r)
	}
	says(b.get(uploads+"/"+fileBegun), http.StatusNotFound, "")
	says(b.post(uploads, "name", "../a.mp4", "bytes", "10", "mark", "77", "evidence", jacket), http.StatusOK, `"id":"`+fileBegun+`","offset":0,"bytes":10`)
	if f.begun.Evidence != jacket || f.begun.Mark != "77" || f.begun.Bytes != 10 {
		t.Errorf("begun: %+v", f.begun)
	}
	says(patch("0", "01234"), http.StatusOK, `"offset":5`)
	says(patch("0", "01234"), http.StatusConflict, `"offset":5`)
	says(patch("nowhere", "x"), http.StatusConflict, `"offset":5`)
	says(b.post(uploads+"/"+fileBegun+"/finish"), http.StatusConflict, `"offset":5`)
	says(b.get(uploads+"/"+fileBegun), http.StatusOK, `"offset":5`)
	says(patch("5", "56789"), http.StatusOK, `"offset":10`)
	if string(f.came) != "0123456789" {
		t.Errorf("came: %q", f.came)
	}
	says(b.post(uploads+"/"+fileBegun+"/finish"), http.StatusOK, `"href":"`+filesOf+"/"+fileOne+`"`)
	f.refuses = registry.ErrUploads
	says(b.post(uploads, "bytes", "x"), http.StatusUnprocessableEntity, "many files")
	f.refuses = registry.ErrUploadBusy
	says(patch("10", "x"), http.StatusLocked, "")
	f.refuses = fmt.Errorf("x: %w", registry.ErrDiskFull)
	says(patch("10", "x"), http.StatusUnprocessableEntity, "disk of the register is full")
	f.refuses = nil
	other := httptest.NewRequest(http.MethodPatch, uploads+"/"+fileBegun, strings.NewReader("x"))
	other.Header.Set("Sec-Fetch-Site", "cross-site")
	says(b.ask(other), http.StatusForbidden, "")
	if w := b.post(uploads + "/" + fileBegun + "/drop"); w.Code != http.StatusSeeOther || f.begun != nil {
		t.Errorf("let go of: %d", w.Code)
	}
	page := b.get(filesOf).Body.String()
	for _, want := range []string{"upload.js", `data-mark="1641463200000" data-bytes="3221225472"`, "1,024 MB of 3,072 MB", "long.mp4"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	f.access = "facts"
	if page := b.get(filesOf).Body.String(); strings.Contains(page, "upload.js") {
		t.Error("who may put none in gets the script")
	}
}
