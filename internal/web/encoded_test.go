// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"archive/zip"
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/encoded"
)

// encodeKey is a key of the tests.
func encodeKey(t *testing.T, seed byte) encoded.Key {
	t.Helper()
	key, err := encoded.NewKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// encodedList is a file as an organisation makes it.
func encodedList(t *testing.T, key encoded.Key, round string, from int) []byte {
	t.Helper()
	schema, err := encoded.ReadSchema(bytes.NewReader(encoded.CaseSchema()))
	if err != nil {
		t.Fatal(err)
	}
	schema.Round = round
	list, err := encodeInvented(key, schema, from)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := list.File.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (b *browser) compareLists(likeness string, files ...[]byte) *httptest.ResponseRecorder {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i, file := range files {
		part, err := form.CreateFormFile("list", `C:\lists\`+string(rune('a'+i))+`<b>.enc`)
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := form.WriteField("likeness", likeness); err != nil {
		b.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/encoded/compare", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return b.ask(r)
}

func TestEncodedListsAreCompared(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	key := encodeKey(t, 1)
	all, some := encodedList(t, key, "spring", 0), encodedList(t, key, "spring", 1)
	w := b.compareLists("0,70", all, some)
	page := w.Body.String()
	if w.Code != http.StatusOK {
		t.Fatalf("%d", w.Code)
	}
	// Three can be encoded; two of them are on the other list.
	for _, want := range []string{"a&lt;b&gt;,b&lt;b&gt;,count", "1,1,2", "1,0,1", "not anonymous", "try names until one fits"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"one file":      b.compareLists("0.7", all),
		"no file":       b.compareLists("0.7"),
		"no number":     b.compareLists("many", all, some),
		"too low":       b.compareLists("0", all, some),
		"another key":   b.compareLists("0.7", all, encodedList(t, encodeKey(t, 2), "spring", 1)),
		"another round": b.compareLists("0.7", all, encodedList(t, key, "autumn", 1)),
		"cut off":       b.compareLists("0.7", all, some[:len(some)-1]),
		"no list":       b.compareLists("0.7", all, []byte("<script>alert(1)</script>")),
	} {
		if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "count</pre>") || strings.Contains(w.Body.String(), "<b>.enc") {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
}

func TestCasesAreEncoded(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	key := encodeKey(t, 1).Text()
	for what, w := range map[string]*httptest.ResponseRecorder{
		"no key":   b.post("/encoded", "secret", "kua-encode-1-nothing", "round", "весна"),
		"no round": b.post("/encoded", "secret", key, "round", " "),
	} {
		if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), key) {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	if w := b.post("/encoded", "secret", key, "round", "весна"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), key) || len(f.did) > 0 {
		t.Errorf("without a proof: %d, %q", w.Code, f.did)
	}
	f.proved = true
	w := b.post("/encoded", "secret", key, "round", "весна")
	if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="encoded.zip"` || len(f.did) != 1 || f.did[0] != "encoded for весна" {
		t.Fatalf("%d, %q, %q", w.Code, w.Header(), f.did)
	}
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for _, part := range z.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text[part.Name] = string(data)
	}
	if text["send/list.enc"] != string(encodedList(t, encodeKey(t, 1), "весна", 0)) {
		t.Error("what is sent is not what was encoded")
	}
	if !strings.Contains(text["keep/list.enc.rows.csv"], "1,K-0001") || !strings.Contains(text["readme.txt"], "не анонимен") || !strings.Contains(text["readme.txt"], "«birth year»") {
		t.Errorf("%q", text)
	}
	if strings.Contains(w.Body.String(), key) {
		t.Error("the key went out with the file")
	}
	if w := signedInAs(t, f, "Sample Administrator", "en").get("/encoded"); w.Code != http.StatusForbidden {
		t.Errorf("for who may not: %d", w.Code)
	}
}

func TestEncodeKeyIsShownOnce(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	page := b.post("/encoded/key").Body.String()
	at := strings.Index(page, "kua-encode-1-")
	if at < 0 {
		t.Fatal("there is no key")
	}
	text, _, _ := strings.Cut(page[at:], "<")
	if _, err := encoded.ParseKey(text); err != nil {
		t.Errorf("%v", err)
	}
	if again := b.post("/encoded/key").Body.String(); strings.Contains(again, text) || strings.Contains(b.get("/encoded").Body.String(), "kua-encode-1-") {
		t.Error("it is kept")
	}
}
