// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/browsertest"
	"github.com/kua-registry/kua/internal/registry"
)

var shots = flag.String("shots", "", "put a picture of every page into this directory")

const perPage = 30 * time.Second // a slow machine with a browser on it

// TestE2EPages walks all pages in Chromium, on a phone and on a desk, light
// and dark, in three languages, with script switched off: nothing may be
// refused by the policy, fetched from elsewhere or wider than the window.
// The languages take turns, the phone with those of long words; with -thorough
// or -shots each is looked at in each way.
func TestE2EPages(t *testing.T) {
	turns := map[string]string{"phone-light": "kk", "phone-dark": "ru", "desk-light": "en", "desk-dark": "kk"}
	server := httptest.NewServer(newPages(t, newFake(t)))
	defer server.Close()
	locked := httptest.NewServer(lockedPages(t, &bytes.Buffer{}, func(context.Context, string) error { return registry.ErrUnlock }))
	defer locked.Close()
	browser := startBrowser(t)
	for _, screen := range []struct {
		name          string
		width, height int64
		opts          []chromedp.EmulateViewportOption
	}{
		{"phone", 360, 740, []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait}},
		{"desk", 1280, 900, nil},
	} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(screen.name+"-"+scheme, func(t *testing.T) {
				tab := openTab(t, browser, server.URL)
				tab.do(chromedp.EmulateViewport(screen.width, screen.height, screen.opts...))
				if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				}); err != nil {
					t.Fatal(err)
				}
				if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
					t.Fatal(err)
				}
				for _, lang := range languages {
					if lang != turns[screen.name+"-"+scheme] && !*thorough && *shots == "" {
						continue
					}
					tab.walk(screen.name+"-"+scheme+"-"+lang, lang)
				}
				tab = openTab(t, browser, locked.URL)
				tab.do(chromedp.EmulateViewport(screen.width, screen.height, screen.opts...))
				for _, lang := range languages {
					tab.visit("/?lang=" + lang)
					tab.do(chromedp.SendKeys("#passphrase", "wrong"), chromedp.Click("form.signin button"), chromedp.WaitVisible("#problem"))
					tab.look(screen.name + "-" + scheme + "-" + lang + "-register-locked")
				}
			})
		}
	}
}

func (tab *tab) walk(name, lang string) {
	tab.t.Helper()
	tab.visit("/sign-in?lang=" + lang)
	tab.look(name + "-signin")
	tab.do(
		chromedp.SendKeys("#name", "Sample Member"),
		chromedp.SendKeys("#passphrase", "wrong"),
	)
	tab.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("#problem"))
	tab.look(name + "-signin-wrong")
	tab.do(chromedp.SendKeys("#passphrase", rightWord))
	tab.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("nav.nav"))
	tab.look(name + "-overview")
	for _, p := range pages {
		if p.name == "overview" {
			continue
		}
		tab.visit(p.path)
		tab.look(name + "-" + p.name)
	}
	tab.visit("/cases#filters")
	tab.look(name + "-cases-filters")
	tab.visit("/cases/" + caseOne)
	tab.do(chromedp.Click(".tools form button"), chromedp.WaitVisible("form.signin"))
	tab.look(name + "-locked")
	if where, err := chromedp.Run(tab.ctx, chromedp.Location()); err != nil || !strings.Contains(where, caseOne) {
		tab.t.Errorf("%s: after the lock the browser is at %s (%v)", name, where, err)
	}
}

type tab struct {
	t      *testing.T
	ctx    context.Context
	base   string
	policy string // of the golden page that is shown

	mu       sync.Mutex
	problems []string
	requests int
}

func startBrowser(t *testing.T) context.Context {
	t.Helper()
	browser, _ := browsertest.Start(t)
	return browser
}

func openTab(t *testing.T, browser context.Context, base string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tab := &tab{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *log.EventEntryAdded:
			if !strings.Contains(ev.Entry.Text, "the server responded with a status of") { // an error page is one
				tab.problem("%s: %s", ev.Entry.Source, ev.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			tab.problem("exception: %v", ev.ExceptionDetails)
		case *network.EventRequestWillBeSent:
			tab.mu.Lock()
			tab.requests++
			tab.mu.Unlock()
			if url := ev.Request.URL; !strings.HasPrefix(url, base+"/") && url != "about:blank" && !strings.HasPrefix(url, "data:") { // the browser's own icons
				tab.problem("a request to %s", url)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return tab
}

func (tab *tab) problem(format string, args ...any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.problems = append(tab.problems, fmt.Sprintf(format, args...))
}

func (tab *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, perPage)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.t.Fatal(err)
	}
}

// visit comes to a page.
func (tab *tab) visit(path string) {
	tab.t.Helper()
	tab.do(chromedp.Navigate(tab.base + path))
	tab.settled()
}

// settled waits for a page to set the focus: the browser does that when it first
// draws a page, and complains when a key was pressed before.
func (tab *tab) settled() {
	tab.t.Helper()
	for range 5 {
		if !evaluate[bool](tab, `!!document.querySelector("[autofocus]") && document.activeElement === document.body`) {
			return
		}
		tab.draw()
	}
}

// draw has the browser draw the page.
func (tab *tab) draw() {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, devtools.CaptureScreenshot, devtools.CaptureScreenshotParams{Clip: &devtools.Viewport{Width: 1, Height: 1, Scale: 1}}); err != nil {
		tab.t.Fatal(err)
	}
}

// calm fails with what the page was refused, what it failed with and whatever
// it asked of another host.
func (tab *tab) calm(name string) {
	tab.t.Helper()
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, p := range tab.problems {
		tab.t.Errorf("%s: %s", name, p)
	}
	tab.problems = nil
}

// look checks what the browser shows and, when asked to, keeps a picture of it.
func (tab *tab) look(name string) {
	tab.t.Helper()
	wide, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`(() => {
		const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return "";
		const out = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1);
		return "page of " + document.documentElement.scrollWidth + " in " + w + ": " + out.slice(0, 4).map(e => e.tagName + "." + e.className).join(", ");
	})()`))
	if err != nil {
		tab.t.Fatal(err)
	}
	if wide != "" {
		tab.t.Errorf("%s: wider than the window: %s", name, wide)
	}
	small, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("button, .button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), .choice, select, .nav a, .langs a, .chip")]
		.filter(e => e.getClientRects().length && (e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24) && !e.matches(".link"))
		.map(e => e.outerHTML.slice(0, 80)).join("; ")`))
	if err != nil {
		tab.t.Fatal(err)
	}
	if small != "" {
		tab.t.Errorf("%s: too small for a finger: %s", name, small)
	}
	tab.calm(name)
	if *shots == "" {
		return
	}
	picture, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}
