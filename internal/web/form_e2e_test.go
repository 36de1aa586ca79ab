// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// served opens a tab of a member of the register who has signed in.
func (d *desktop) served(t *testing.T) *tab {
	t.Helper()
	server := httptest.NewServer(d.pages)
	t.Cleanup(server.Close)
	tab := openTab(t, startBrowser(t), server.URL)
	tab.visit("/sign-in?lang=en")
	tab.do(chromedp.SendKeys("#name", "Sample Member"), chromedp.SendKeys("#passphrase", rightWord))
	tab.submit(`form[action="/sign-in"] button`, "nav.nav")
	return tab
}

// TestE2EForm types into the form of a record: what is typed is kept by itself
// and dates are shown as understood; the Enter key saves; what was done, or is
// wrong, has the focus, with a script and without.
func TestE2EForm(t *testing.T) {
	d := newDesktop(t, "en")
	tab := d.served(t)
	add := "/cases/" + d.caseID + "/add/detention"
	focus := func(want string) {
		t.Helper()
		got, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`document.activeElement.id`))
		if err != nil || got != want {
			t.Errorf("the focus is on %q, want %q (%v)", got, want, err)
		}
	}
	tab.visit(add)
	tab.do(chromedp.SendKeys("#f-from", "night of 4 to 5 January 2022"), chromedp.WaitVisible("#f-from-read"))
	tab.look("form-understood")
	tab.visit("/drafts")
	tab.do(chromedp.Click(".items a"), chromedp.WaitVisible("#f-from"))
	if text, err := chromedp.Run(tab.ctx, chromedp.Value("#f-from")); err != nil || text != "night of 4 to 5 January 2022" {
		t.Errorf("the draft has %q (%v)", text, err)
	}
	tab.do(chromedp.SendKeys("#f-from", kb.Enter), chromedp.WaitVisible("#saved"))
	focus("saved")
	tab.mustSay("4–5 January 2022")
	tab.look("record-saved")

	for _, script := range []bool{true, false} {
		if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script}); err != nil {
			t.Fatal(err)
		}
		tab.visit(add)
		tab.do(chromedp.SendKeys("#f-from", "05/01/2022"), chromedp.SendKeys("#f-from", kb.Enter), chromedp.WaitVisible("#problems"))
		focus("problems")
		tab.mustSay("Write the month as a word")
		tab.look("form-refused")
		tab.do(chromedp.Click("#problems a"))
		focus("f-from")
	}
}
