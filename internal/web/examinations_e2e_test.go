// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestE2EExaminations looks at the pages of examinations on a phone and on a
// desk, light and dark, in three languages.
func TestE2EExaminations(t *testing.T) {
	server := httptest.NewServer(newPages(t, newExaminationFake(t)))
	defer server.Close()
	browser := startBrowser(t)
	for i, lang := range languages {
		for j, width := range []int64{360, 1280} {
			scheme := []string{"light", "dark"}[(i+j)%2]
			t.Run(fmt.Sprintf("%s-%d-%s", lang, width, scheme), func(t *testing.T) {
				tab := openTab(t, browser, server.URL)
				tab.do(chromedp.EmulateViewport(width, 900))
				tab.scheme(scheme)
				tab.enter(lang)
				for _, p := range examPages {
					tab.visit(p.path)
					tab.look(fmt.Sprintf("%s-%d-%s-%s", lang, width, scheme, p.name))
				}
			})
		}
	}
}

// enter signs in, in a language.
func (tab *tab) enter(lang string) {
	tab.t.Helper()
	tab.visit("/sign-in?lang=" + lang)
	if !evaluate[bool](tab, `document.querySelector("#name") !== null`) {
		return // another tab of the browser has
	}
	tab.do(chromedp.SendKeys("#name", "Sample Member"), chromedp.SendKeys("#passphrase", rightWord), chromedp.Click("form.signin button"), chromedp.WaitVisible("nav.nav"))
}

// place is the address at which the browser is.
func (tab *tab) place() *url.URL {
	tab.t.Helper()
	where, err := chromedp.Run(tab.ctx, chromedp.Location())
	if err != nil {
		tab.t.Fatal(err)
	}
	u, err := url.Parse(where)
	if err != nil {
		tab.t.Fatal(err)
	}
	return u
}

// TestE2EMarkOnTheBody: a finding is marked by mouse and by keyboard, with
// script and without; without it the exact place comes from a picture, and
// with it from the map itself.
func TestE2EMarkOnTheBody(t *testing.T) {
	server := httptest.NewServer(newPages(t, newExaminationFake(t)))
	defer server.Close()
	browser := startBrowser(t)
	const form = "/cases/" + caseExams + "/add/finding"
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script-%v", script), func(t *testing.T) {
			tab := openTab(t, browser, server.URL)
			tab.do(chromedp.EmulateViewport(1280, 900))
			if !script {
				if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
					t.Fatal(err)
				}
			}
			tab.still()
			tab.enter("en")
			came := func(how string, want map[string]string) {
				t.Helper()
				tab.do(chromedp.WaitVisible(".record-form"))
				at := tab.place()
				if at.Path != form {
					t.Fatalf("%s leads to %s", how, at.Path)
				}
				for field, value := range want {
					if got := at.Query().Get("f." + field); got != value {
						t.Errorf("%s: %s is %q, want %q", how, field, got, value)
					}
				}
				if got := at.Query().Get("f.examination"); got != examOwn {
					t.Errorf("%s: of the examination %q", how, got)
				}
			}

			tab.visit(examsPath + "/" + examOwn + "?view=front")
			tab.do(chromedp.ScrollIntoView("svg.bodymap"), chromedp.Click(`a.region[aria-label="Knee (left)"]`, chromedp.NodeVisible))
			came("a click on the knee", map[string]string{"body_region": "knee", "side": "left", "view": "front"})
			x := tab.place().Query().Get("f.x")
			if (x != "") != script {
				t.Errorf("a click on the map with script %v says x %q", script, x)
			}
			if _, err := fmt.Sscan(x, new(int)); script && (err != nil || x < "540" || x > "640") {
				t.Errorf("the knee on the right of the picture is at x %q", x)
			}

			tab.visit(examsPath + "/" + examOwn + "?view=front")
			tab.do(chromedp.Focus(`a.region[aria-label="Forehead"]`), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
			came("the keyboard on the map", map[string]string{"body_region": "face", "side": "middle", "view": "front", "x": "", "y": ""})

			tab.visit(examsPath + "/" + examOwn + "?view=head_left")
			tab.do(chromedp.Focus(".by-list summary"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#list-region"))
			tab.do(chromedp.Focus("#list-region"), chromedp.KeyEvent("Ear"), chromedp.Focus("#list-side"), chromedp.KeyEvent("Left"), chromedp.Focus(".by-list button"), chromedp.KeyEvent(kb.Enter))
			came("the list by keyboard", map[string]string{"body_region": "ear", "side": "left", "view": "head_left"})

			tab.visit(examsPath + "/" + examOwn + "?view=front")
			tab.do(chromedp.Click(".by-place summary"), chromedp.WaitVisible("input.exact"), chromedp.ScrollIntoView("input.exact"))
			box := tab.box("input.exact")
			tab.do(chromedp.MouseClickXY(box[0]+box[2]*.44, box[1]+box[3]*.3))
			came("a click on the picture", map[string]string{"body_region": "ribs", "side": "right", "view": "front"})
			var px, py int
			q := tab.place().Query()
			if _, err := fmt.Sscan(q.Get("f.x"), &px); err != nil || px < 425 || px > 455 {
				t.Errorf("the ribs are at x %q", q.Get("f.x"))
			}
			if _, err := fmt.Sscan(q.Get("f.y"), &py); err != nil || py < 290 || py > 310 {
				t.Errorf("the ribs are at y %q", q.Get("f.y"))
			}

			tab.visit(examsPath + "/" + examOwn + "?view=front")
			tab.do(chromedp.Focus(".by-place summary"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("input.exact"), chromedp.Focus("input.exact"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".by-list[open] #list-region"))
			if at := tab.place(); at.Query().Get("missed") == "" || at.Fragment != "map" {
				t.Errorf("the picture by keyboard leads to %s", at)
			}

			tab.do(chromedp.Click("a.mark", chromedp.NodeVisible))
			if at := tab.place(); at.Fragment != anchor("f3") && at.Fragment != anchor("f4") {
				t.Errorf("a number on the map leads to %q", at.Fragment)
			}
		})
	}
}

// box is where an element stands in the window: left, top, width, height.
func (tab *tab) box(selector string) []float64 {
	tab.t.Helper()
	return evaluate[[]float64](tab, `(r => [r.left, r.top, r.width, r.height])(document.querySelector("`+selector+`").getBoundingClientRect())`)
}
