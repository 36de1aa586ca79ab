//go:build e2e

// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestE2ECaseOnPaper holds that a case whose parts are folded on the screen is
// printed whole, and that what is for the screen alone is not.
func TestE2ECaseOnPaper(t *testing.T) {
	server := httptest.NewServer(newPages(t, bigCase(t, 200)))
	defer server.Close()
	tab := openTab(t, startBrowser(t), server.URL)
	tab.do(chromedp.EmulateViewport(1280, 900))
	tab.enter("ru")
	tab.visit("/cases/" + caseOne)
	const hidden = `[...document.querySelectorAll(".record, details.part .timeline li")].filter(e => e.getClientRects().length == 0 || e.getBoundingClientRect().height < 10 || !e.checkVisibility({contentVisibilityAuto: true})).length`
	if n := evaluate[int](tab, hidden); n < 200 {
		t.Fatalf("on the screen %d records and events are folded away: this test finds nothing", n)
	}
	if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	if n := evaluate[int](tab, hidden); n > 0 {
		t.Errorf("on paper %d records and events are missing", n)
	}
	if n := evaluate[int](tab, `[...document.querySelectorAll("form, nav, .leads, .adds, .doing")].filter(e => e.getClientRects().length > 0).length`); n > 0 {
		t.Errorf("on paper %d things to click are left", n)
	}
	if n := evaluate[int](tab, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`); n > 0 {
		t.Errorf("on paper it is %d pixels too wide", n)
	}
}
