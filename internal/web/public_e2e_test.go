// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"net/http/httptest"

	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/public"
)

// TestE2EAxePublic: axe-core finds nothing on the public page either, which is
// made and served apart from the register's own pages. The files are those of
// its golden test.
func TestE2EAxePublic(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, text []byte) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := filepath.Glob(filepath.Join("..", "public", "testdata", "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, path := range golden {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(filepath.Base(path), "_", "/")
		put(name, text)
		if strings.HasSuffix(name, ".html") {
			pages = append(pages, name)
		}
	}
	if len(pages) < 10 {
		t.Fatalf("%d pages of the golden site are there: it has a list and two statements in three languages, and a first page", len(pages))
	}
	css, err := os.ReadFile(filepath.Join("..", "public", "site.css"))
	if err != nil {
		t.Fatal(err)
	}
	put("site.css", []byte(string(css)+paper.Stylesheet()+chart.Stylesheet()))
	server := httptest.NewServer(public.Handler(dir))
	t.Cleanup(server.Close)
	tab := openTab(t, startBrowser(t), server.URL)
	for i, page := range pages {
		for way, width := range []int64{360, 1280} {
			tab.do(chromedp.EmulateViewport(width, 6000))
			tab.scheme([]string{"light", "dark"}[(i+way)%2])
			tab.visit("/" + page)
			tab.axe(string(axe), page)
			if wide := evaluate[float64](tab, `document.documentElement.scrollWidth`); wide > float64(width) {
				t.Errorf("%s is %v pixels wide in a window of %d", page, wide, width)
			}
		}
	}
}
