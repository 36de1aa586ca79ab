// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// sentFile is a file in a form.
type sentFile struct{ field, name, text string }

func (b *browser) sendList(org, kind string, files ...sentFile) *httptest.ResponseRecorder {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range map[string]string{"org": org, "kind": kind} {
		if err := form.WriteField(name, value); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, f := range files {
		part, err := form.CreateFormFile(f.field, f.name)
		if err == nil {
			_, err = part.Write([]byte(f.text))
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/imports", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.ask(r)
}

// example is a file of the sample register.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// importFake is the invented register with the whole codebook, into which lists go.
func importFake(t *testing.T) *fake {
	t.Helper()
	f := newFake(t)
	book, err := registry.LoadBook(registry.DefaultPack)
	if err != nil {
		t.Fatal(err)
	}
	f.book = book
	return f
}

const (
	wrongList = "no,name,day,seen\n1,\"Sample One\",2022-01-05,yes\n2,Sample <b>Two</b>,soon,\n2,Sample Three,05/06/22,\n"
	listMap   = "mapping: 1\nkey: no\nrecords:\n- kind: person\n  fields: {role: {const: victim}, family: {column: name, take: family}}\n- kind: act\n  fields: {date: day}\n"
)

var digestField = regexp.MustCompile(`name="digest" value="([0-9a-f]+)"`)

func TestGoldenImports(t *testing.T) {
	mapping := sentFile{"mapping", "map.yaml", listMap}
	for _, lang := range languages {
		f := importFake(t)
		b := signedInAs(t, f, "Sample Worker", lang)
		golden(t, lang+"-imports", b.get("/imports").Body.Bytes())
		golden(t, lang+"-import-none", b.sendList(orgSouth, "martus").Body.Bytes())
		b.sendList(orgSouth, "", sentFile{"file", "list.csv", wrongList}, mapping)
		golden(t, lang+"-import-unfit", b.get("/imports/list").Body.Bytes())
		golden(t, lang+"-import-waits", b.get("/imports").Body.Bytes())
		b.post("/imports/list/mapping", "mapping", "mapping: 1\nkey: <i>\n")
		golden(t, lang+"-import-mapping", b.get("/imports/list").Body.Bytes())
		b.sendList(orgSouth, "", sentFile{"file", "list.csv", "a \"quote\" open,b\n\"1,2\n"})
		golden(t, lang+"-import-broken", b.get("/imports/list").Body.Bytes())
		b.sendList(orgSouth, "uwazi", sentFile{"file", "import.csv", example(t, "formats/uwazi/import.csv")}, sentFile{"beside", "note.txt", example(t, "formats/uwazi/note.txt")})
		page := b.get("/imports/list").Body.String()
		golden(t, lang+"-import-uwazi", []byte(page))
		digest := digestField.FindStringSubmatch(page)
		if digest == nil {
			t.Fatal("what is right can't be taken in")
		}
		golden(t, lang+"-import-taken", b.post("/imports/list", "digest", digest[1]).Body.Bytes())
	}
}

// TestListIsTakenIn: a list is looked at, mended by its mapping, and taken in once.
func TestListIsTakenIn(t *testing.T) {
	f := importFake(t)
	b := signedInAs(t, f, "Sample Worker", "en")
	list := sentFile{"file", `C:\lists\spisok.xlsx`, example(t, "own-list/mended.xlsx")}
	if w := b.sendList(orgSouth, "", list); w.Header().Get("Location") != "/imports/list" {
		t.Fatal(w.Code, w.Body.String())
	}
	// What Kua drafts itself can't be taken in before somebody has gone through it.
	page := b.get("/imports/list").Body.String()
	if digestField.MatchString(page) || !strings.Contains(page, "№ п/п") {
		t.Error("a draft was taken for a mapping")
	}
	if len(f.did) > 0 {
		t.Errorf("looking did %q", f.did)
	}
	b.post("/imports/list/mapping", "mapping", example(t, "own-list/map.yaml"))
	page = b.get("/imports/list").Body.String()
	for _, want := range []string{"The number of the case", "always: Victim", "Is kept in the row as it stands", "Примечание"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if w := b.get("/imports/list/mapping"); w.Body.String() != example(t, "own-list/map.yaml") {
		t.Error("another mapping is handed out")
	}
	digest := digestField.FindStringSubmatch(page)
	if digest == nil {
		t.Fatal(page)
	}
	if w := b.post("/imports/list", "digest", strings.Repeat("0", 64)); w.Code != http.StatusUnprocessableEntity || len(f.did) > 0 {
		t.Error("something else than what was looked at was taken in", w.Code, f.did)
	}
	if w := b.post("/imports/list", "digest", digest[1]); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "The list is taken in.") {
		t.Error(w.Code)
	}
	if !slices.Equal(f.did, []string{"list: spisok.xlsx into " + orgSouth + ": 30 cases"}) {
		t.Errorf("done: %q", f.did)
	}
	if w := b.post("/imports/list", "digest", digest[1]); w.Header().Get("Location") != "/imports" || len(f.did) != 1 {
		t.Error("it was taken in twice")
	}
}

// TestListIsNotTakenIn: what is wrong with a form or a file is said, and whose list it
// is nobody else sees.
func TestListIsNotTakenIn(t *testing.T) {
	f := importFake(t)
	pages := newPages(t, f)
	b := newBrowser(t, pages, "en")
	b.post("/sign-in", "name", "Sample Worker", "passphrase", rightWord)
	list := sentFile{"file", "list.csv", wrongList}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"Choose an organisation of yours": b.sendList(orgApart, "", list),
		"Choose what the file is":         b.sendList(orgSouth, "ftm", list),
		"Choose a file":                   b.sendList(orgSouth, ""),
		"the same name":                   b.sendList(orgSouth, "", list, list),
	} {
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), what) {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	if w := b.get("/imports/list"); w.Header().Get("Location") != "/imports" {
		t.Error("a list is there that was not sent")
	}
	b.sendList(orgSouth, "", list, sentFile{"mapping", "map.yaml", listMap})
	other := newBrowser(t, pages, "en")
	other.post("/sign-in", "name", "Sample Worker", "passphrase", rightWord)
	if w := other.get("/imports/list"); w.Header().Get("Location") != "/imports" {
		t.Error("another session sees the list")
	}
	if w := b.post("/imports/list/drop"); w.Header().Get("Location") != "/imports" {
		t.Error(w.Code)
	}
	if w := b.get("/imports/list"); w.Header().Get("Location") != "/imports" {
		t.Error("the list is there after it was to be forgotten")
	}
	reader := newBrowser(t, pages, "en")
	reader.post("/sign-in", "name", "Sample Office", "passphrase", rightWord)
	for _, w := range []*httptest.ResponseRecorder{reader.get("/imports"), reader.sendList(orgSouth, "", list)} {
		if w.Code != http.StatusForbidden {
			t.Errorf("who may write no case: %d", w.Code)
		}
	}
}
