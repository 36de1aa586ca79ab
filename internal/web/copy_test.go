// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
)

func TestCopyPages(t *testing.T) {
	f := newFake(t)
	f.scans = true
	b := signedIn(t, f, "en")
	// Never the original: neither shown nor led to but as a file to keep.
	page := b.get(filesOf + "/" + fileScan + "?page=2").Body.String()
	for _, want := range []string{
		filesOf + "/" + fileScanSafe + "/shown?page=2", "Page 2 of 3", filesOf + "/" + fileScan + "?page=1#copy", filesOf + "/" + fileScan + "?page=3#copy", filesOf + "/" + fileScanSafe + "/shown?save=1",
		"The original holds a program", "Wed Jan  5 14:30:00 2022", "ПОСТАНОВЛЕНИЕ", filesOf + "/" + fileScan + "/redact", filesOf + "/" + fileScanDark, filesOf + "/" + fileScanThin + "/shown",
		"Without the machine&#39;s files", "Without connections", "Boxes: 1",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of a scan lacks %q", want)
		}
	}
	for _, never := range []string{"/original\"><img", `src="` + filesOf + "/" + fileScan + "/", "<script>alert", `action="` + filesOf + "/" + fileScan + `/copy"`, `action="` + filesOf + "/" + fileScan + `/text"`, "<object", "<embed", "<iframe"} {
		if strings.Contains(page, never) {
			t.Errorf("the page of a scan has %q", never)
		}
	}
	// Where there is none, it says why, in the language of the reader.
	for lang, want := range map[string]string{"en": "This is a web page", "ru": "Это веб-страница", "kk": "веб-бет"} {
		if page := signedIn(t, f, lang).get(filesOf + "/" + fileOne).Body.String(); !strings.Contains(page, want) || strings.Contains(page, "<img") {
			t.Errorf("%s: the page of a web page named .jpg lacks %q", lang, want)
		}
	}
	if page := b.get(filesOf + "/" + fileLost).Body.String(); !strings.Contains(page, "a program is missing: ffmpeg") {
		t.Error("which program is missing isn't said")
	}
	if page := b.get(filesOf + "/" + fileNew).Body.String(); !strings.Contains(page, filesOf+"/"+fileNew+`/copy"`) || strings.Contains(page, "/redact") {
		t.Error("a copy can't be asked for")
	}
	// Sound and film are played, by a page whose policy lets it, and no other.
	w := b.get(filesOf + "/" + fileFilm)
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(w.Body.String(), "<video") || !strings.HasPrefix(policy, "media-src 'self'; default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page of a film: %q", policy)
	}
	if policy := b.get(filesOf + "/" + fileScan).Header().Get("Content-Security-Policy"); strings.Contains(policy, "media-src") {
		t.Errorf("the page of a scan: %q", policy)
	}
	// A copy has a page of its own, with the way back.
	if page := b.get(filesOf + "/" + fileScanDark).Body.String(); !strings.Contains(page, filesOf+"/"+fileScanDark+"/shown?page=1") || !strings.Contains(page, filesOf+"/"+fileScan+`"`) {
		t.Error("the page of a redacted copy")
	}
	f.access = "facts"
	page = b.get(filesOf + "/" + fileScan).Body.String()
	for _, never := range []string{"/shown", "ПОСТАНОВЛЕНИЕ", "/redact", "Wed Jan", "Имена свидетелей", "says nothing about itself"} {
		if strings.Contains(page, never) {
			t.Errorf("who reads facts alone is shown %q", never)
		}
	}
}

func TestCopiesAreShown(t *testing.T) {
	f := newFake(t)
	f.scans = true
	b := signedIn(t, f, "en")
	w := b.get(filesOf + "/" + fileScanSafe + "/shown?page=2")
	if c, format, err := image.DecodeConfig(bytes.NewReader(w.Body.Bytes())); err != nil || format != "jpeg" || c.Height != 402 || w.Header().Get("Content-Type") != "image/jpeg" {
		t.Errorf("page 2: %d %s %+v %v", w.Code, w.Header().Get("Content-Type"), c, err)
	}
	if policy := w.Header().Get("Content-Security-Policy"); policy != filePolicy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the policy of a picture: %q", policy)
	}
	for path, want := range map[string]int{
		"/" + fileScanSafe + "/shown?page=4": 404, "/" + fileScanSafe + "/shown?page=x": 404, "/" + fileScanSafe + "/shown": 404,
		"/" + fileScan + "/shown?page=1": 404, "/" + fileOne + "/shown": 404, "/" + fileOne + "/shown?save=1": 404,
		"/" + fileScanThin + "/shown": 200, "/" + strings.Repeat("0", 32) + "/shown": 404,
	} {
		if w := b.get(filesOf + path); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	w = b.get(filesOf + "/" + fileScanSafe + "/shown?save=1")
	if w.Header().Get("Content-Type") != "application/octet-stream" || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment; filename=copy-") || !strings.HasSuffix(w.Header().Get("Content-Disposition"), ".pdf") {
		t.Errorf("kept as %v", w.Header())
	}
	r := httptest.NewRequest(http.MethodGet, filesOf+"/"+fileFilmSafe+"/shown", nil)
	r.Header.Set("Range", "bytes=3-6")
	if w := b.ask(r); w.Code != http.StatusPartialContent || w.Body.String() != filmText[3:7] || w.Header().Get("Content-Type") != "video/mp4" {
		t.Errorf("a part of a film: %d %q", w.Code, w.Body.String())
	}
	f.access = "facts"
	if w := b.get(filesOf + "/" + fileScanThin + "/shown"); w.Code != http.StatusNotFound {
		t.Errorf("who reads facts alone is shown a copy: %d", w.Code)
	}
}

func TestCopiesAreAskedFor(t *testing.T) {
	f := newFake(t)
	f.scans = true
	b := signedIn(t, f, "ru")
	if w := b.post(filesOf + "/" + fileNew + "/copy"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != filesOf+"/"+fileNew+"?made=copy#copy" {
		t.Errorf("a copy: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := b.post(filesOf + "/" + fileScan + "/text"); w.Code != http.StatusSeeOther {
		t.Errorf("the text: %d", w.Code)
	}
	if w := b.upload(filesOf, "", "x.jpg", strings.NewReader("x")); w.Code != http.StatusSeeOther {
		t.Errorf("a file: %d", w.Code)
	}
	if want := []string{"copy " + fileNew + " false", "text " + fileScan + " false", "copy " + fileOne + " true"}; !slices.Equal(f.copied, want) {
		t.Errorf("asked for %q", f.copied)
	}
	// A short scan is read at once, a long one when somebody asks for it.
	for pages, want := range map[int]string{2: "text " + fileOne + " true", 3: "copy " + fileOne + " true"} {
		f.made = registry.FileCopy{Media: "application/pdf", Pages: pages}
		if w := b.upload(filesOf, "", "x.pdf", strings.NewReader("x")); w.Code != http.StatusSeeOther || f.copied[len(f.copied)-1] != want {
			t.Errorf("a scan of %d pages: %d, %q", pages, w.Code, f.copied)
		}
	}
	for what, x := range map[string]struct {
		refuses error
		code    int
		text    string
	}{
		"no opener": {registry.ErrNoOpener, 422, "не открывает"}, "full": {registry.ErrDiskFull, 422, "заполнен"}, "damaged": {registry.ErrFileDamaged, 500, ""},
		"in a bucket that does not answer": {fmt.Errorf("%w (x)", registry.ErrAway), 503, "не потерян"},
		"forbidden":                        {registry.ErrNotAllowed, 403, ""}, "broken": {errors.New("x"), 500, ""},
	} {
		f.refuses = x.refuses
		if w := b.post(filesOf + "/" + fileNew + "/copy"); w.Code != x.code || !strings.Contains(w.Body.String(), x.text) {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	// A copy that fails unasked takes nothing from the file that came in.
	f.refuses = nil
	f.copied = nil
	if w := b.post("/cases/" + caseOne + "/files/" + fileNew + "/copy"); w.Code != http.StatusNotFound {
		t.Errorf("in another case: %d", w.Code)
	}
}

func TestRedactWithoutScript(t *testing.T) {
	f := newFake(t)
	f.scans = true
	b := signedIn(t, f, "kk")
	path := filesOf + "/" + fileScan + "/redact"
	w := b.get(path)
	page := w.Body.String()
	for _, want := range []string{filesOf + "/" + fileScanSafe + "/shown?page=1", `name="width"`, `name="go" value="2"`, "/redact.js"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if policy := w.Header().Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") {
		t.Errorf("its policy: %q", policy)
	}
	// The boxes go along to another page, and are drawn on their own.
	box := []string{"page", "1", "left", "10", "top", "20,5", "width", "30%", "height", "5"}
	w = b.post(path, append([]string{"at", "1", "do", "show"}, box...)...)
	if page := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(page, `x="10" y="20.5" width="30" height="5"`) || len(f.copied) != 0 {
		t.Errorf("the boxes are shown: %d", w.Code)
	}
	w = b.post(path, append([]string{"at", "1", "go", "2"}, box...)...)
	if page := w.Body.String(); !strings.Contains(page, "/shown?page=2") || strings.Contains(page, `<rect data-n`) || !strings.Contains(page, `value="20,5"`) {
		t.Errorf("on the next page: %d", w.Code)
	}
	w = b.post(path, append([]string{"at", "2", "do", "make", "reason", "names", "page", "2", "left", "", "top", "", "width", " ", "height", ""}, box...)...)
	if w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "?made=redacted#redacted") {
		t.Errorf("the copy: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if want := "redact " + fileScan + " [{1 0.1 0.205 0.3 0.05}] names"; len(f.copied) != 1 || f.copied[0] != want {
		t.Errorf("made %q", f.copied)
	}
	for what, values := range map[string][]string{
		"no box":       {},
		"no number":    {"page", "1", "left", hostile, "top", "1", "width", "1", "height", "1"},
		"no such page": {"page", "9", "left", "1", "top", "1", "width", "1", "height", "1"},
	} {
		w := b.post(path, append([]string{"do", "make"}, values...)...)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "500") || strings.Contains(w.Body.String(), "<script>alert") {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	if page := b.get(filesOf + "/" + fileNew + "/redact").Body.String(); !strings.Contains(page, "қауіпсіз көшірме жасаңыз") || strings.Contains(page, "<img") {
		t.Error("a file without a copy can be drawn on")
	}
	for path, want := range map[string]int{filesOf + "/" + fileScanSafe + "/redact": 404, "/cases/" + caseOne + "/files/" + fileScan + "/redact": 404} {
		if w := b.get(path); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestWordsOfCopies: every reason why there is no copy is said in three languages.
func TestWordsOfCopies(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "ru", "kk"} {
		for _, c := range safecopy.Codes() {
			key := "copies.refused." + string(c)
			if text := words.Lang(lang).T(key); text == "" || text == key {
				t.Errorf("%s: no words for %s", lang, key)
			}
		}
		for _, tag := range tags {
			key := "copies.tag." + tag
			if text := words.Lang(lang).T(key); text == "" || text == key {
				t.Errorf("%s: no words for %s", lang, key)
			}
		}
	}
}

// statementPDF is a page with a name in a line of text and in what it says about
// itself; nobody is real.
func statementPDF() string {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.7\n")
	draw := "BT /F1 36 Tf 60 700 Td (Name Invented Person) Tj ET BT /F1 36 Tf 60 300 Td (was seen there) Tj ET"
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(draw), draw), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", "<< /Author (Invented Person) >>",
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return b.String()
}

// TestRedactedOverHTTPRegression: a document comes in by its form, a name in it is
// blacked out by another, and the copy that is handed out has it nowhere: not in
// its bytes, not in its text, not in its picture, not beside it on the page.
func TestRedactedOverHTTPRegression(t *testing.T) {
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("poppler-utils isn't installed: nothing opens a PDF")
	}
	d := newDesktop(t, "en")
	files := "/cases/" + d.caseID + "/files"
	original := statementPDF()
	w := d.upload(files, "", "statement.pdf", strings.NewReader(original))
	file, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	page := d.get(file).Body.String()
	// The copy was made when it came in; the case is found by its words.
	if w.Code != http.StatusSeeOther || !strings.Contains(page, "Name Invented Person") || !strings.Contains(page, "/shown?page=1") || !strings.Contains(page, "<bdi>Author</bdi>") {
		t.Fatalf("%d: the page of a file that came in has no copy", w.Code)
	}
	if page := d.get("/cases?q=invented").Body.String(); !strings.Contains(page, d.caseID) {
		t.Error("the case isn't found by the words of its file")
	}
	redact := func(pairs ...string) string {
		t.Helper()
		if w := d.post(file+"/redact", append([]string{"do", "make", "page", "1"}, pairs...)...); w.Code != http.StatusSeeOther {
			t.Fatalf("redacted: %d", w.Code)
		}
		list, err := d.reg.FileCopies(context.Background(), d.session, d.caseID, file[strings.LastIndex(file, "/")+1:])
		if err != nil {
			t.Fatal(err)
		}
		return files + "/" + list[len(list)-1].File
	}
	text := func(pdf string) string {
		t.Helper()
		cmd := exec.Command(program, "-", "-")
		cmd.Stdin = strings.NewReader(pdf)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	dark := redact("left", "0", "top", "10", "width", "100", "height", "15", "reason", "a witness")
	other := redact("left", "0", "top", "55", "width", "100", "height", "15")
	for _, copied := range []string{dark, other} {
		kept := d.get(copied + "/shown?save=1").Body.String()
		if !strings.HasPrefix(kept, "%PDF-") || strings.Contains(kept, "Invented") || strings.Contains(kept, "seen") || strings.TrimSpace(text(kept)) != "" {
			t.Errorf("the copy has words: %q", text(kept))
		}
		if page := d.get(copied).Body.String(); strings.Contains(page, "Invented") || !strings.Contains(page, file) {
			t.Error("the page of the copy says what was blacked out")
		}
	}
	if !strings.Contains(text(original), "Invented Person") {
		t.Error("pdftotext finds nothing in the original either")
	}
	// Of the picture of the page nothing but black is left under the box, and what stands beside it is there.
	ink := func(copied string, from, to int) (black, other int) {
		t.Helper()
		img, _, err := image.Decode(d.get(copied + "/shown?page=1").Body)
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		for y := b.Dy()*from/100 + 8; y < b.Dy()*to/100-8; y++ {
			for x := 8; x < b.Dx()-8; x++ {
				if r, _, _, _ := img.At(x, y).RGBA(); r < 0x2000 {
					black++
				} else {
					other++
				}
			}
		}
		return black, other
	}
	if black, rest := ink(dark, 10, 25); rest != 0 || black == 0 {
		t.Errorf("under the box %d pixels are black and %d are not", black, rest)
	}
	if black, rest := ink(dark, 55, 70); black == 0 || rest < black {
		t.Errorf("beside it %d pixels are black and %d are not", black, rest)
	}
	if black, rest := ink(other, 55, 70); rest != 0 || black == 0 {
		t.Errorf("under the other box %d pixels are black and %d are not", black, rest)
	}
	page = d.get(file).Body.String()
	for _, want := range []string{dark, other, "a witness", "Made by Sample Member"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the original lacks %q", want)
		}
	}
	if w := d.get(file + "/original"); w.Body.String() != original {
		t.Error("the original was changed")
	}
}
