// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestE2EFileInParts puts a file in by the page's script: it goes in parts, goes
// on after the line was cut in the middle of one, and is the same in the end.
func TestE2EFileInParts(t *testing.T) {
	d := newDesktop(t, "en")
	pages := d.pages
	var parts atomic.Int32
	d.pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && parts.Add(1) == 2 {
			_, _ = r.Body.Read(make([]byte, 1000))
			panic(http.ErrAbortHandler)
		}
		pages.ServeHTTP(w, r)
	})
	text := make([]byte, 9<<20)
	for i := range text {
		text[i] = byte(i * 7 / 5)
	}
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	tab := d.served(t)
	tab.visit("/cases/" + d.caseID + "/files")
	tab.do(chromedp.SetUploadFiles("#file", []string{path}), chromedp.Click("#put-in button"), chromedp.WaitVisible("dl.facts"))
	tab.mustSay("The file is put in and sealed")
	tab.do(chromedp.Click("#hashes summary"))
	tab.mustSay(fmt.Sprintf("%x", sha256.Sum256(text)))
	if n := parts.Load(); n != 4 {
		t.Errorf("it went in %d parts, one of which was cut", n)
	}
}
