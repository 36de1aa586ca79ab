// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// PerStep is how long one step may take on a slow machine with a browser on it.
const PerStep = 60 * time.Second

// Start starts a browser, which ends with the test, or when it is stopped.
func Start(t *testing.T, more ...chromedp.ExecAllocatorOption) (browser context.Context, stop func()) {
	t.Helper()
	path := "/usr/bin/chromium-headless-shell"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the pages are tested in Chromium, and %s is missing: apt-get install chromium-headless-shell", path)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", false),
	)
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	browser, cancelBrowser := chromedp.NewContext(alloc)
	stop = sync.OnceFunc(func() { cancelBrowser(); cancel() })
	t.Cleanup(stop)
	if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return browser, stop
}

// Tab is a page on an old phone, and what it is held to.
type Tab struct {
	T     *testing.T
	Base  string   // whatever is asked of another host is a problem
	Own   []string // how addresses begin that the browser makes itself, beside data:
	Quiet []string // what stands in a message of the browser that is no problem
	Shots string   // a directory for a picture of all that is looked at; empty: none

	Ctx context.Context // as Watch was given it

	mu       sync.Mutex
	problems []string
}

// Watch takes as a problem whatever the page of a context asks of another host,
// is refused or fails with.
func (tab *Tab) Watch(ctx context.Context) {
	tab.T.Helper()
	tab.Ctx = ctx
	own := append([]string{tab.Base, "data:"}, tab.Own...)
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *log.EventEntryAdded:
			if !slices.ContainsFunc(tab.Quiet, func(part string) bool { return strings.Contains(ev.Entry.Text, part) }) {
				tab.problem("%s: %s", ev.Entry.Source, ev.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			tab.problem("exception: %v", ev.ExceptionDetails)
		case *network.EventRequestWillBeSent:
			url := ev.Request.URL
			if url != "about:blank" && !slices.ContainsFunc(own, func(begin string) bool { return strings.HasPrefix(url, begin) }) {
				tab.problem("a request to %s", url)
			}
		}
	})
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err != nil {
		tab.T.Fatal(err)
	}
	tab.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait))
}

func (tab *Tab) problem(format string, args ...any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.problems = append(tab.problems, fmt.Sprintf(format, args...))
}

// Do does one step after the other.
func (tab *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	tab.T.Helper()
	for i, step := range steps {
		ctx, cancel := context.WithTimeout(tab.Ctx, PerStep)
		err := chromedp.Do(ctx, step)
		cancel()
		if err != nil {
			tab.fail("step %d: %v", i+1, err)
		}
	}
}

// Until waits until an expression is true in the page.
func (tab *Tab) Until(expression string) {
	tab.T.Helper()
	ctx, cancel := context.WithTimeout(tab.Ctx, PerStep)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression))
	for tries := 0; err != nil && ctx.Err() == nil && tries < 5; tries++ { // the page was left for another meanwhile
		_, err = chromedp.Run(ctx, chromedp.Poll[bool](expression))
	}
	if err != nil {
		tab.fail("%s: %v", expression, err)
	}
}

// fail ends the test, with what the page shows.
func (tab *Tab) fail(format string, args ...any) {
	tab.T.Helper()
	shown, _ := chromedp.Run(tab.Ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 600)`))
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.T.Fatalf("%s; the page shows %s; %v", fmt.Sprintf(format, args...), shown, tab.problems)
}

// Ask is what an expression comes to in the page, or what it promises.
func Ask[T any](tab *Tab, expression string) T {
	tab.T.Helper()
	ctx, cancel := context.WithTimeout(tab.Ctx, PerStep)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, func(e *runtime.EvaluateParams) { e.AwaitPromise = new(true) }))
	if err != nil {
		tab.T.Fatalf("%.200s: %v", expression, err)
	}
	return got
}

// Look holds what is shown to the window of a phone, to fingers, and to no
// problem.
func (tab *Tab) Look(name string) {
	tab.T.Helper()
	bad := Ask[string](tab, `(() => {
		const w = document.documentElement.clientWidth;
		const wide = document.documentElement.scrollWidth > w ? [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1) : [];
		const small = [...document.querySelectorAll("button, .button, .leave, select, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), .choice, summary")]
			.filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 40);
		return [...wide, ...small].slice(0, 4).map(e => e.outerHTML.slice(0, 90)).join("; ");
	})()`)
	if bad != "" {
		tab.T.Errorf("%s: wider than the window, or too small for a finger: %s", name, bad)
	}
	tab.mu.Lock()
	for _, found := range tab.problems {
		tab.T.Errorf("%s: %s", name, found)
	}
	tab.problems = nil
	tab.mu.Unlock()
	if tab.Shots == "" {
		return
	}
	picture, err := chromedp.Run(tab.Ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tab.T.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tab.Shots, name+".png"), picture, 0o600); err != nil {
		tab.T.Fatal(err)
	}
}

// Scheme has the page shown light or dark, in a window so high that nothing that
// sticks to its edge covers anything.
func (tab *Tab) Scheme(name string, width int64) {
	tab.T.Helper()
	tab.Do(chromedp.EmulateViewport(width, 6000))
	if _, err := chromedp.Call(tab.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	}); err != nil {
		tab.T.Fatal(err)
	}
}
