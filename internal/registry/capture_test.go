// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
)

// copyText is what was published; nobody in it is real.
const copyText = "%PDF-1.7 Генерал Ойданшығарылғанов обещал разобраться"

func (h *house) publication() string {
	h.t.Helper()
	id, err := h.PutRecord(context.Background(), h.people["madina"], RecordChange{Kind: "publication", Fields: casefile.Fields{"kind": {"article"}, "date": {"2022-03-14"}, "title": {"A promise"}}})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) capture(publication, name, text string) CaptureView {
	h.t.Helper()
	view, err := h.AddCapture(context.Background(), h.people["madina"], NewCapture{Publication: publication, Name: name, Taken: edtf.MustParse("2022-03-15"), Content: strings.NewReader(text)})
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}

func (h *house) openCapture(who, id string) (string, error) {
	_, content, err := h.OpenCapture(context.Background(), h.people[who], id)
	if err != nil {
		return "", err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	return string(text), err
}

func (h *house) evidenceFiles() []string {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, evidenceDir, "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	return files
}

func (h *house) deep() Verification {
	h.t.Helper()
	v, err := h.Verify(context.Background(), h.people["aigerim"], true)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func TestCaptures(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	of := h.publication()
	n := len(h.lines(0))
	first := h.capture(of, `C:\Users\saule\..\статья`+"\u202e"+`fdp.pdf`, copyText)
	if first.Media != "pdf" || first.Name != "статьяfdp.pdf" || first.Bytes != int64(len(copyText)) || !first.MayOpen || first.Taken.String() != "2022-03-15" {
		t.Errorf("the copy is %+v", first)
	}
	second := h.capture(of, "page.jpg", "<!doctype html><script>alert(1)</script>")
	if second.Media != "html" {
		t.Errorf("a page under the name of a picture is taken for %s", second.Media)
	}
	for _, who := range []string{"madina", "asel", "dana", "rustem"} {
		text, err := h.openCapture(who, first.ID)
		if err != nil || text != copyText {
			t.Errorf("%s reads %q: %v", who, text, err)
		}
	}
	if got := acts(h.lines(n)); !strings.Contains(got, "export/capture") {
		t.Errorf("the audit says %q", got)
	}
	view, err := h.StateRecord(ctx, h.people["timur"], "publication", of, Clock{})
	if err != nil || len(view.Captures) != 2 || view.Captures[1].Name != first.Name {
		t.Errorf("the publication has %+v: %v", view.Captures, err)
	}
	// Who reads facts alone knows that there is a copy, and nothing of it.
	if view, err = h.StateRecord(ctx, h.people["olga"], "publication", of, Clock{}); err != nil || len(view.Captures) != 2 || view.Captures[1].Name+view.Captures[1].SHA256 != "" || view.Captures[1].MayOpen {
		t.Errorf("an analyst is told %+v: %v", view.Captures, err)
	}
	for _, who := range []string{"olga", "zhanna"} {
		if _, err := h.openCapture(who, first.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s opens a copy: %v", who, err)
		}
	}
	for _, who := range []string{"olga", "zhanna", "rustem"} {
		_, err := h.AddCapture(ctx, h.people[who], NewCapture{Publication: of, Content: strings.NewReader("x")})
		if !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s stores a copy: %v", who, err)
		}
		if _, err := h.WithdrawCapture(ctx, h.people[who], first.ID, "why"); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s takes a copy back: %v", who, err)
		}
	}
	for _, id := range []string{of, h.cases[0], h.orgs["North"], "0123456789abcdef0123456789abcdef", "", "../node.key"} {
		if _, err := h.openCapture("madina", id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q is opened as a copy: %v", id, err)
		}
	}
	for _, id := range []string{first.ID, h.cases[3], "x", ""} {
		if _, err := h.AddCapture(ctx, h.people["madina"], NewCapture{Publication: id, Content: strings.NewReader("x")}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a copy of %q: %v", id, err)
		}
	}
	if files := h.evidenceFiles(); len(files) != 2 {
		t.Errorf("what was refused left files: %v", files)
	}

	// It is the same after the register was opened anew; withdrawn, it stays and opens no more.
	h.again()
	if text, err := h.openCapture("asel", first.ID); err != nil || text != copyText {
		t.Errorf("opened anew: %q %v", text, err)
	}
	if _, err := h.WithdrawCapture(ctx, h.people["asel"], first.ID, " "); !errors.Is(err, ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := h.WithdrawCapture(ctx, h.people["asel"], first.ID, "of another page"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.openCapture("asel", first.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was taken back opens: %v", err)
	}
	if list, err := h.Captures(ctx, h.people["asel"], of, Clock{}); err != nil || len(list) != 1 {
		t.Errorf("%d copies are left: %v", len(list), err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 2 {
		t.Errorf("%+v", v)
	}
}

func TestCaptureNotTaken(t *testing.T) {
	h := newHouse(t)
	ctx, madina := context.Background(), h.people["madina"]
	of := h.publication()
	size := h.index.Counted()
	for what, x := range map[string]struct {
		content io.Reader
		want    error
	}{
		"an empty file":        {strings.NewReader(""), ErrCaptureEmpty},
		"a file too large":     {io.LimitReader(zeros{}, CaptureLimit+1), ErrCaptureSize},
		"a line that breaks":   {io.MultiReader(strings.NewReader(copyText), bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(errors.New("gone"))), ErrFileBroken},
		"one that breaks soon": {iotest.ErrReader(errors.New("gone")), ErrFileBroken},
	} {
		if _, err := h.AddCapture(ctx, madina, NewCapture{Publication: of, Content: x.content}); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if files := h.evidenceFiles(); len(files) != 0 || h.index.Counted() != size {
		t.Errorf("something is left: %v", files)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestCaptureAlteredRegression: whatever is done to a file is named by verify,
// and never handed out as what it was.
func TestCaptureAlteredRegression(t *testing.T) {
	h := newHouse(t)
	of := h.publication()
	view := h.capture(of, "a.pdf", copyText)
	other := h.capture(of, "b.pdf", copyText)
	path := func(id string) string { return filepath.Join(h.dir, evidenceDir, id) }
	whole, err := os.ReadFile(path(view.ID))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(path(other.ID))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(whole[24:], foreign[24:]) {
		t.Error("the same bytes twice are sealed alike")
	}
	flipped := bytes.Clone(whole)
	flipped[100] ^= 4
	for what, b := range map[string][]byte{"one bit": flipped, "cut off": whole[:len(whole)-1], "another file": foreign, "empty": {}} {
		if err := os.WriteFile(path(view.ID), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if v := h.deep(); !strings.Contains(v.Problem, view.ID) || !strings.Contains(v.Problem, "altered") {
			t.Errorf("%s: verify says %q", what, v.Problem)
		}
		if text, err := h.openCapture("asel", view.ID); !errors.Is(err, evidence.ErrAltered) || text != "" {
			t.Errorf("%s: handed out as %q: %v", what, text, err)
		}
	}
	if err := os.Remove(path(view.ID)); err != nil {
		t.Fatal(err)
	}
	if v := h.deep(); !strings.Contains(v.Problem, view.ID) || !strings.Contains(v.Problem, "missing") {
		t.Errorf("missing: verify says %q", v.Problem)
	}
	if _, err := h.openCapture("asel", view.ID); !errors.Is(err, evidence.ErrMissing) {
		t.Errorf("missing: %v", err)
	}
	if err := os.WriteFile(path(view.ID), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	stray := ledger.NewID().String()
	if err := os.WriteFile(path(stray), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if v := h.deep(); !strings.Contains(v.Problem, stray) {
		t.Errorf("a file from elsewhere: verify says %q", v.Problem)
	}
	if err := os.Remove(path(stray)); err != nil {
		t.Fatal(err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 2 {
		t.Errorf("put back: %+v", v)
	}
}

// TestCaptureCrash: what a crash leaves between the file and its entry is gone
// at the next opening, and what it leaves between the entry and its name stays.
func TestCaptureCrash(t *testing.T) {
	h := newHouse(t)
	view := h.capture(h.publication(), "a.pdf", copyText)
	path := filepath.Join(h.dir, evidenceDir, view.ID)
	if err := os.Rename(path, path+".new"); err != nil { // killed before it was renamed
		t.Fatal(err)
	}
	if text, err := h.openCapture("asel", view.ID); err != nil || text != copyText {
		t.Errorf("before it has its name: %q %v", text, err)
	}
	half := filepath.Join(h.dir, evidenceDir, ledger.NewID().String()+".new") // killed while it came in
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.again()
	if files := h.evidenceFiles(); len(files) != 1 || files[0] != path {
		t.Errorf("after the crash there are %v", files)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 1 {
		t.Errorf("%+v", v)
	}
}

// TestNoFilePlain: nothing of a stored copy, its name or its hash is on the disk in the clear.
func TestNoFilePlain(t *testing.T) {
	h := newHouse(t)
	view := h.capture(h.publication(), "Ойданшығарылғанов.pdf", copyText)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := filepath.WalkDir(filepath.Dir(h.dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		for _, plain := range []string{"Ойданшығарылғанов", "обещал", "%PDF", view.SHA256} {
			if bytes.Contains(b, []byte(plain)) {
				t.Errorf("%s holds %q", filepath.Base(path), plain)
			}
		}
		return nil
	})
	if err != nil || n < 5 {
		t.Fatalf("%d files: %v", n, err)
	}
}

func TestFileNames(t *testing.T) {
	for given, want := range map[string]string{
		"":                                "",
		"a.pdf":                           "a.pdf",
		"/etc/passwd":                     "passwd",
		`..\..\x`:                         "x",
		"a\nb\r\n.html":                   "ab.html",
		"photo\u202egpj.exe":              "photogpj.exe",
		"..":                              "",
		".hidden":                         "hidden",
		"a<b>|?.txt":                      "ab.txt",
		"\xff\xfe.pdf":                    "pdf",
		"  Қаулы  2022  .pdf  ":           "Қаулы 2022 .pdf",
		strings.Repeat("ж", 300):          strings.Repeat("ж", 120),
		strings.Repeat("a", 300) + ".pdf": strings.Repeat("a", 116) + ".pdf",
	} {
		if got := fileName(given); got != want {
			t.Errorf("%q becomes %q, not %q", given, got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("../a\nb\u202e.jpg")
	f.Fuzz(func(t *testing.T, given string) {
		name := fileName(given)
		if strings.ContainsAny(name, "/\\\n\r\x00\u202e\u2028<>") || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 120 || strings.Trim(name, ". ") != name {
			t.Fatalf("%q becomes %q", given, name)
		}
	})
}
