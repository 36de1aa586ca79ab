// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/webarchive"
)

// warcOf is a WARC file of so many answers with the right digests.
func warcOf(answers int) string {
	var b strings.Builder
	for i := range answers {
		block := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Three days, page %d.", i)
		fmt.Fprintf(&b, "WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: https://news.sample.example/Айгөлек/%d\r\nWARC-Date: 2022-01-07T10:00:00Z\r\nContent-Type: application/http; msgtype=response\r\nWARC-Block-Digest: sha256:%x\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n",
			i, sha256.Sum256([]byte(block)), len(block), block)
	}
	return b.String()
}

// TestWebCaptures takes captures in as files of a case: what they say of
// themselves is held against their own hashes, and told.
func TestWebCaptures(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	view := h.putFile("asel", id, "page.warc", warcOf(3))
	w := view.Web
	if w == nil || w.Form != "warc" || w.Verdict != CaptureSame || w.Address != "https://news.sample.example/Айгөлек/0" || w.Day.String() != "2022-01-07" || w.Found.PageCount != 3 || w.Found.Pages[2].Status != 200 {
		t.Fatalf("%+v", w)
	}
	// One letter changed: it is kept, and named as altered.
	altered := h.putFile("asel", id, "altered.warc", strings.Replace(warcOf(3), "page 1", "page 9", 1))
	if w := altered.Web; w == nil || w.Verdict != CaptureAltered || w.Found.Pages[1].Digest != webarchive.Wrong || w.Found.Pages[0].Digest != webarchive.Right {
		t.Errorf("%+v", w)
	}
	if text, err := h.readFile("asel", id, altered.ID); err != nil || !strings.Contains(text, "page 9") {
		t.Errorf("an altered capture is not kept as it came: %v", err)
	}
	if w := h.putFile("asel", id, "cut.warc", warcOf(3)[:500]).Web; w == nil || w.Verdict != CaptureDamaged || w.Found.Damaged == "" {
		t.Errorf("%+v", w)
	}
	// A folder of an archiver, packed.
	var folder bytes.Buffer
	z := zip.NewWriter(&folder)
	f, err := z.Create("w/x.warc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, warcOf(2)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if w := h.putFile("asel", id, "folder.zip", folder.String()).Web; w == nil || w.Form != "warc" || w.Verdict != CaptureSame || w.Found.FileCount != 1 {
		t.Errorf("%+v", w)
	}
	for _, none := range []string{fileText, "<html><body>a page", "PK\x03\x04 no archive", "\x1f\x8b\x08 no archive"} {
		if w := h.putFile("asel", id, "x.html", none).Web; w != nil {
			t.Errorf("%q is taken for a capture: %+v", none, w)
		}
	}
	// Who reads facts alone is told the verdict, and not of what.
	list, err := h.Files(ctx, h.people["olga"], id)
	if err != nil {
		t.Fatal(err)
	}
	if w := list[1].Web; w == nil || w.Verdict != CaptureAltered || w.Address != "" || len(w.Found.Pages) > 0 {
		t.Errorf("an analyst is told %+v", w)
	}
	// A copy that the program made is none.
	made, err := h.addDerived(ctx, h.people["asel"], id, view.ID, "text", "text/plain", strings.NewReader(warcOf(1)))
	if err != nil || made.Web != nil {
		t.Errorf("%+v, %v", made, err)
	}
	h.again()
	list, err = h.Files(ctx, h.people["asel"], id)
	if err != nil || list[0].Web == nil || list[0].Web.Found.PageCount != 3 {
		t.Errorf("opened anew: %v", err)
	}
	page, err := h.Cases(ctx, h.people["asel"], Query{Text: "Айгөлек", Limit: 10})
	if err != nil || len(page.Rows) != 1 || page.Rows[0].ID != id {
		t.Errorf("by its address there are %d cases, %v", len(page.Rows), err)
	}
}

// TestCaptureListFits: what is kept of a large capture is bounded.
func TestCaptureListFits(t *testing.T) {
	found, err := webarchive.Read(context.Background(), strings.NewReader(warcOf(1000)), int64(len(warcOf(1000))), webarchive.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	found.Pages[0].Address = strings.Repeat("а", 2000)
	for i := range found.Pages {
		found.Pages[i].Address = found.Pages[0].Address
	}
	text, err := listOf(found)
	if err != nil || len(text) > listLimit || !strings.Contains(text, `"page_count":1000`) || !strings.Contains(text, `"pages":[`) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestCaptureNobodyWaitsFor: where whoever puts a file in has gone, nothing is left of it.
func TestCaptureNobodyWaitsFor(t *testing.T) {
	h := newHouse(t)
	ctx, gone := context.WithCancel(context.Background())
	content := io.MultiReader(strings.NewReader(warcOf(1)), readerFunc(func([]byte) (int, error) { gone(); return 0, io.EOF }))
	if _, err := h.AddFile(ctx, h.people["asel"], h.cases[0], NewFile{Content: content}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(h.dir, evidenceDir, "*")); len(files) > 0 {
		t.Errorf("left is %v", files)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
