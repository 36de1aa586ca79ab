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
	tab.still()
	for _, as := range []string{"Sample Administrator", "Sample Member"} {
		tab.visit("/sign-in?lang=kk")
		tab.do(chromedp.SendKeys("#name", as), chromedp.SendKeys("#passphrase", rightWord), chromedp.Click("form[action='/sign-in'] button"), chromedp.WaitVisible("nav.nav"))
		tab.visit("/about")
		tab.submit(`a[href="/exchange"]`, "#incoming")
		if as == "Sample Administrator" {
			tab.submit(`form[action="/exchange/sync"] button`, `[role="status"]`)
			tab.submit(`form[action="/exchange/take"] button`, `[role="status"]`)
			if !slices.Contains(f.did, "sync") || !slices.Contains(f.did, "taken "+caseTwo) {
				t.Errorf("done: %q", f.did)
			}
		} else {
			tab.submit(`a[href="/common"]`, "#asked")
			tab.submit(`form[action="/common/answer"] button[value="same"]`, `[role="status"]`)
			if !slices.Contains(f.did, "answered p1 same ") {
				t.Errorf("done: %q", f.did)
			}
		}
		tab.axe(string(axe), as)
		tab.reach(as)
		for _, wide := range evaluate[[]string](tab, zoomWide) {
			t.Errorf("%s: %s", as, wide)
		}
		tab.submit(`form[action="/sign-out"] button`, "#name")
	}
}
