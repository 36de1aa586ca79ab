// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	keys "github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestE2ECopies looks at the pages of files with copies on a phone and on a desk
// in three languages, and blacks parts out by pointer and by keyboard.
func TestE2ECopies(t *testing.T) {
	f := newFake(t)
	f.scans = true
	server := httptest.NewServer(newPages(t, f))
	defer server.Close()
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	browser := startBrowser(t)
	redact := filesOf + "/" + fileScan + "/redact?page=2"
	for i, lang := range languages {
		for j, width := range []int64{360, 1280} {
			scheme := []string{"light", "dark"}[(i+j)%2]
			t.Run(fmt.Sprintf("%s-%d-%s", lang, width, scheme), func(t *testing.T) {
				tab := openTab(t, browser, server.URL)
				tab.do(chromedp.EmulateViewport(width, 900))
				tab.scheme(scheme)
				tab.enter(lang)
				for name, path := range map[string]string{"scan": filesOf + "/" + fileScan, "refused": filesOf + "/" + fileOne, "redact": redact} {
					tab.visit(path)
					tab.look(fmt.Sprintf("%s-%d-%s-copies-%s", lang, width, scheme, name))
					if j == i%2 {
						tab.axe(string(axe), path)
					}
				}
			})
		}
	}
	t.Run("drawn", func(t *testing.T) {
		tab := openTab(t, browser, server.URL)
		tab.do(chromedp.EmulateViewport(1280, 900))
		tab.still()
		tab.enter("en")
		tab.visit(redact)
		box := func(n int) string {
			return evaluate[string](tab, fmt.Sprintf(`[...document.querySelectorAll(".hidden-rows .one")[%d].querySelectorAll("input")].map(i => i.value).join(" ")`, n))
		}
		at := evaluate[[]float64](tab, `(() => { const svg = document.querySelector(".over svg"); svg.scrollIntoView(); const b = svg.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()`)
		x, y := func(share float64) float64 { return at[0] + at[2]*share }, func(share float64) float64 { return at[1] + at[3]*share }
		tab.do(
			chromedp.MouseEvent(keys.DispatchMouseEventTypeMousePressed, x(0.2), y(0.1), chromedp.ButtonLeft),
			chromedp.MouseEvent(keys.DispatchMouseEventTypeMouseMoved, x(0.5), y(0.15), chromedp.ButtonLeft),
			chromedp.MouseEvent(keys.DispatchMouseEventTypeMouseReleased, x(0.5), y(0.15), chromedp.ButtonLeft),
		)
		if have := box(0); have != "2 20 10 30 5" {
			t.Errorf("drawn by pointer: %q", have)
		}
		tab.do(chromedp.Click("[data-add]"), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierShift)))
		if have := box(1); have != "2 34 46 31 10" {
			t.Errorf("moved by keyboard: %q", have)
		}
		tab.axe(string(axe), "boxes on a page")
		tab.do(chromedp.KeyEvent(kb.Delete))
		if have := box(1); have != "2    " {
			t.Errorf("taken away by keyboard: %q", have)
		}
		tab.do(chromedp.Click(`button[value="make"]`), chromedp.WaitVisible("#redacted"))
		if want := "redact " + fileScan + " [{2 0.2 0.1 0.3 0.05}] "; len(f.copied) != 1 || f.copied[0] != want {
			t.Errorf("made %q", f.copied)
		}
	})
}
