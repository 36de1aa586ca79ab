// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestE2EExchange goes the main way on a telephone: from what the register says of
// itself to the coalition, exchanges, takes a case, and looks at whom the
// organisations have in common; axe-core looks at each page.
func TestE2EExchange(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	server := httptest.NewServer(newPages(t, f))
	defer server.Close()
	tab := openTab(t, startBrowser(t), server.URL)
	tab.do(chromedp.EmulateViewport(360, 780))
	for _, as := range []string{"Sample Administrator", "Sample Member"} {
		tab.visit("/sign-in?lang=kk")
		tab.do(chromedp.SendKeys("#name", as), chromedp.SendKeys("#passphrase", rightWord), chromedp.Click("form[action='/sign-in'] button"), chromedp.WaitVisible("nav.nav"))
		tab.visit("/about")
		tab.do(chromedp.Click(`a[href="/exchange"]`), chromedp.WaitVisible("#incoming"))
		if as == "Sample Administrator" {
			tab.do(chromedp.Click(`form[action="/exchange/sync"] button`), chromedp.WaitVisible(`[role="status"]`))
			tab.do(chromedp.Click(`form[action="/exchange/take"] button`), chromedp.WaitVisible(`[role="status"]`))
			if !slices.Contains(f.did, "sync") || !slices.Contains(f.did, "taken "+caseTwo) {
				t.Errorf("done: %q", f.did)
			}
		} else {
			tab.do(chromedp.Click(`a[href="/common"]`), chromedp.WaitVisible("#asked"))
			tab.do(chromedp.Click(`form[action="/common/answer"] button[value="same"]`), chromedp.WaitVisible(`[role="status"]`))
			if !slices.Contains(f.did, "answered p1 same ") {
				t.Errorf("done: %q", f.did)
			}
		}
		tab.axe(string(axe), as)
		tab.reach(as)
		if wide := evaluate[bool](tab, `document.documentElement.scrollWidth > innerWidth`); wide {
			t.Errorf("%s: the page is wider than the telephone", as)
		}
		tab.do(chromedp.Click(`form[action="/sign-out"] button`), chromedp.WaitVisible("#name"))
	}
}
