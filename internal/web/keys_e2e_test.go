// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestE2EKeys goes through cases by keyboard shortcuts, types the same letters
// into a field, and switches the shortcuts off.
func TestE2EKeys(t *testing.T) {
	d := newDesktop(t, "en")
	tab := d.served(t)
	at := func(want string) {
		t.Helper()
		if got := evaluate[string](tab, `location.pathname`); got != want {
			t.Fatalf("at %s, want %s", got, want)
		}
	}
	press := func(keys string) {
		t.Helper()
		tab.do(chromedp.KeyEvent(keys))
	}
	tab.visit("/")
	tab.do(chromedp.WaitVisible("nav.nav"))
	press("g")
	press("c")
	tab.do(chromedp.WaitVisible("table.cases"))
	at("/cases")
	press("/")
	if got := evaluate[string](tab, `document.activeElement.id`); got != "q" {
		t.Errorf("/ leads to %q", got)
	}
	press("gcj") // into the field
	// The driver sends a key and its letter apart, so that the stroke is there, too.
	if got := evaluate[string](tab, `document.getElementById("q").value`); got != "/gcj" {
		t.Errorf("the field has %q", got)
	}
	at("/cases")
	tab.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	press("j")
	if got := evaluate[string](tab, `document.activeElement.pathname || ""`); got != "/cases/"+d.caseID {
		t.Errorf("j leads to %q", got)
	}
	press("?")
	tab.do(chromedp.WaitVisible("dialog.keys-help"))
	tab.look("keys-help")
	press("?")
	tab.do(chromedp.WaitNotPresent("dialog.keys-help"))

	tab.visit("/keys")
	tab.look("keys")
	tab.submit(`form[action="/keys"] button`, ".banner")
	tab.visit("/cases")
	tab.do(chromedp.WaitVisible("table.cases"))
	press("g")
	press("f")
	if got := evaluate[bool](tab, `document.querySelector("script[src*=keys]") === null`); !got {
		t.Error("switched off, and the script is there")
	}
	at("/cases")
}
