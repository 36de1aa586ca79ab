// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/registry"
)

// TestE2EPairByKeys decides a pair by one key, takes it back by another, and
// types the same keys into the reason, which decides nothing.
func TestE2EPairByKeys(t *testing.T) {
	f := newFake(t)
	server := httptest.NewServer(newPages(t, f))
	defer server.Close()
	tab := openTab(t, startBrowser(t), server.URL)
	tab.visit("/sign-in?lang=ru")
	tab.do(chromedp.SendKeys("#name", "Sample Member"), chromedp.SendKeys("#passphrase", rightWord), chromedp.Click("form.signin button"), chromedp.WaitVisible("nav.nav"))
	tab.visit(pairPath(caseOne, caseTwo))
	tab.do(chromedp.WaitVisible(`button[aria-keyshortcuts="1"] kbd`))
	tab.do(chromedp.SendKeys("#reason", "1 2 3 u"))
	if f.match.decided != nil {
		t.Fatal("what is typed into the reason decides")
	}
	tab.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	tab.do(chromedp.KeyEvent("2"), chromedp.WaitVisible(`button[aria-keyshortcuts="U"]`))
	if d := f.match.decided; d == nil || d.Verdict != registry.Different || d.Reason != "1 2 3 u" {
		t.Errorf("2 decides %+v", d)
	}
	tab.do(chromedp.KeyEvent("u"), chromedp.WaitNotPresent(`button[aria-keyshortcuts="U"]`))
	if !strings.HasPrefix(f.match.undone, fakeDecision) {
		t.Errorf("u takes %q back", f.match.undone)
	}
	if got := evaluate[string](tab, `location.search`); !strings.HasPrefix(got, "?a="+caseOne+"&b="+caseTwo) {
		t.Errorf("then comes %s", got)
	}
	tab.look("matching-keys")
}
