// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	keyboard "github.com/chromedp/cdproto/input"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// reachList marks what the Tab key should reach, in the order of the page, and
// takes down what it does reach. Of radio buttons under one name it reaches the
// chosen one or else the first.
const reachList = `(() => {
	const all = [...document.querySelectorAll("a[href], area[href], button, input:not([type=hidden]), select, textarea, summary, video[controls], audio[controls], [tabindex]:not([tabindex='-1'])")]
		.filter(e => !e.disabled && e.getAttribute("tabindex") !== "-1" && e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length);
	const same = e => all.filter(o => o.type === "radio" && o.name === e.name && o.form === e.form);
	const want = all.filter(e => e.type !== "radio" || e === (same(e).find(o => o.checked) || same(e)[0]));
	const named = e => want.indexOf(e) + " " + e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " + (e.name || e.textContent.trim().replace(/\s+/g, " ").slice(0, 40));
	window.reach = {want: want.map(named), got: [], faint: []};
	if (document.querySelector("[tabindex]:not([tabindex='0']):not([tabindex='-1'])")) reach.faint.push("a tabindex that changes the order");
	document.addEventListener("focusin", ev => {
		if (ev.target === start) return;
		reach.got.push(named(ev.target));
		const drawn = e => e.ownerSVGElement && [e, ...e.children].some(c => parseFloat(getComputedStyle(c).strokeWidth) >= 3); // a part of a drawing has a thicker line
		const lit = e => e && (getComputedStyle(e).outlineStyle !== "none" && parseFloat(getComputedStyle(e).outlineWidth) >= 2 || drawn(e));
		if (!lit(ev.target) && !lit(ev.target.closest("label"))) reach.faint.push("no visible focus: " + named(ev.target));
	});
	const start = document.createElement("span");
	start.tabIndex = -1;
	document.body.prepend(start);
	start.focus();
	return want.length + 8 * want.filter(e => ["date", "time", "datetime-local", "month"].includes(e.type) || e.matches("video, audio")).length; // each has several fields, or buttons
})()`

// reachHidden is what has the focus and can't be seen, because it is out of the
// window or something lies on it.
const reachHidden = `(() => {
	const hidden = [];
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
		if (e.disabled || e.getAttribute("tabindex") === "-1" || !e.checkVisibility({visibilityProperty: true}) || !e.getClientRects().length) continue;
		e.focus();
		const own = x => x && (x === e || e.contains(x) || x.contains(e) && x.matches("label, summary, td, th, li, tr") || e.labels && [...e.labels].some(l => l === x || l.contains(x)));
		const r = [...e.getClientRects()].find(r => r.width && r.height);
		const seen = [.1, .5, .9].some(x => [.1, .5, .9].some(y => own(document.elementFromPoint(r.left + x * r.width, r.top + y * r.height))));
		if (!seen) hidden.push(e.outerHTML.slice(0, 120));
	}
	return hidden;
})()`

// reachWords are those that say what was just done or went wrong.
const reachWords = `[...document.querySelectorAll("main [role=alert], main .banner[role=status]")].filter(e => e.checkVisibility())`

// reachFocus is what a page that says what was just done or went wrong does
// not get right: the focus is on those words, or on what they describe.
const reachFocus = `(() => {
	const words = ` + reachWords + `;
	if (!words.length) return "";
	const at = document.activeElement, by = (at.getAttribute("aria-describedby") || "").split(/\s+/);
	const r = at.getBoundingClientRect();
	if (!words.some(w => w === at || w.contains(at) || w.id && by.includes(w.id))) return "the focus is on " + at.outerHTML.slice(0, 100);
	return r.bottom < 0 || r.top > innerHeight ? "what has the focus is out of sight" : "";
})()`

// TestE2EKeyboard: the Tab key reaches every control of every page in the order
// of the page and comes out again; what has the focus is seen; the first stop
// leads past the head of the page; what was just done or went wrong has the
// focus. The languages and the windows take turns.
func TestE2EKeyboard(t *testing.T) {
	t.Parallel()
	server, names := goldenPages(t)
	browser := startBrowser(t)
	t.Run("windows", func(t *testing.T) {
		for way, width := range []int64{360, 1280} {
			t.Run(fmt.Sprint(width), func(t *testing.T) {
				t.Parallel()
				tab := openTab(t, browser, server.URL)
				tab.do(chromedp.EmulateViewport(width, 740))
				tab.still()
				for i, name := range names {
					if i%2 != way && !*thorough {
						continue
					}
					page := languages[i/2%len(languages)] + "-" + name
					if tab.golden(page); evaluate[int](tab, reachWords+".length") > 0 {
						tab.loadGolden(page) // the browser sets the focus once in a window
						if wrong := tab.unfocused(); wrong != "" {
							t.Errorf("%s: %s", page, wrong)
						}
					}
					tab.reach(page)
					for _, part := range evaluate[[]string](tab, axeUnfold) {
						tab.loadGolden(page + "?" + part)
						tab.reach(page + part)
					}
				}
			})
		}
	})
}

// unfocused is what is wrong with where the focus is. The browser sets it with
// the first picture of a page, so one is made before it is called wrong.
func (tab *tab) unfocused() string {
	tab.t.Helper()
	wrong := ""
	for range 5 {
		if wrong = evaluate[string](tab, reachFocus); wrong == "" {
			return ""
		}
		tab.draw()
	}
	return wrong
}

// still switches off what moves by itself, and lets the tab have the focus whatever other tabs do.
func (tab *tab) still() {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		tab.t.Fatal(err)
	}
	if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	}); err != nil {
		tab.t.Fatal(err)
	}
}

// hold presses a key for so long that it does so many times what it does.
func (tab *tab) hold(key rune, times int) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, perPage)
	defer cancel()
	moves := kb.Encode(key)
	down, up := *moves[0], *moves[len(moves)-1]
	for n := range times {
		down.AutoRepeat = new(n > 0)
		if _, err := chromedp.Call(ctx, keyboard.DispatchKeyEvent, down); err != nil {
			tab.t.Fatal(err)
		}
	}
	if _, err := chromedp.Call(ctx, keyboard.DispatchKeyEvent, up); err != nil {
		tab.t.Fatal(err)
	}
}

func (tab *tab) reach(page string) {
	tab.t.Helper()
	stops := evaluate[int](tab, reachList)
	tab.hold('\t', stops)
	got := evaluate[struct{ Want, Got, Faint []string }](tab, "window.reach")
	for i, want := range got.Want {
		if i >= len(got.Got) || got.Got[i] != want {
			reached := "nothing"
			if i < len(got.Got) {
				reached = got.Got[i]
			}
			tab.t.Errorf("%s: the Tab key should come to %q and comes to %q", page, want, reached)
			break
		}
	}
	for _, f := range got.Faint {
		tab.t.Errorf("%s: %s", page, f)
	}
	if len(got.Want) == 0 || !strings.HasPrefix(got.Want[0], "0 a ") || evaluate[string](tab, `document.querySelector("a[href]").getAttribute("href")`) != "#main" {
		tab.t.Errorf("%s: the first stop does not lead to what the page is about", page)
	}
	for _, h := range evaluate[[]string](tab, reachHidden) {
		tab.t.Errorf("%s: has the focus and is not to be seen: %s", page, h)
	}
}

// zoomWide is what makes a page wider than its window, and text that is cut off.
const zoomWide = `(() => {
	const w = document.documentElement.clientWidth, wrong = [];
	if (document.documentElement.scrollWidth > w) {
		const out = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1);
		wrong.push("page of " + document.documentElement.scrollWidth + " in " + w + ": " + out.slice(0, 4).map(e => e.tagName + "." + e.getAttribute("class")).join(", "));
	}
	for (const e of document.querySelectorAll("main *")) {
		const s = getComputedStyle(e);
		if (!["hidden", "clip"].includes(s.overflowX) || e.matches("input, select, textarea") || e.clientWidth <= 1 || e.closest(".hidden-words, thead, svg") || !e.checkVisibility()) continue;
		if (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) wrong.push("text is cut off: " + e.outerHTML.slice(0, 120));
	}
	return wrong.slice(0, 5);
})()`

// TestE2EZoom: at twice the size, at 320 pixels, with letters alone at twice
// their size and with the distances of WCAG 1.4.12, no page is wider than its
// window and nothing is cut off. Every page is seen at 320 pixels in every
// language; in the other ways the languages take turns.
func TestE2EZoom(t *testing.T) {
	t.Parallel()
	server, names := goldenPages(t)
	browser := startBrowser(t)
	t.Run("languages", func(t *testing.T) {
		for n, lang := range languages {
			t.Run(lang, func(t *testing.T) {
				t.Parallel()
				tab := openTab(t, browser, server.URL)
				narrow := false
				for i, name := range names {
					at := lang + "-" + name
					look := func(how string) {
						for _, w := range evaluate[[]string](tab, zoomWide) {
							t.Errorf("%s %s: %s", at, how, w)
						}
					}
					if !narrow {
						tab.do(chromedp.EmulateViewport(320, 740))
					}
					tab.golden(at)
					look("at 320 pixels")
					if narrow = (i+n)%len(languages) != 0 && !*thorough; narrow {
						continue
					}
					tab.do(chromedp.EmulateViewport(640, 450, chromedp.EmulateScale(2)))
					look("at twice the size")
					tab.do(chromedp.EmulateViewport(1280, 900))
					tab.letters(32)
					look("with letters of twice the size")
					tab.letters(16)
					tab.do(chromedp.Evaluate[chromedp.Void](`(() => {
						const wide = new CSSStyleSheet();
						wide.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }");
						document.adoptedStyleSheets = [wide];
					})()`))
					look("with letters further apart")
					tab.do(chromedp.EmulateViewport(360, 740))
					look("with letters further apart, on a phone")
				}
			})
		}
	})
}

// letters sets how big letters are where a page doesn't say, as a reader does in the browser's settings.
func (tab *tab) letters(pixels int64) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, devtools.SetFontSizes, devtools.SetFontSizesParams{FontSizes: &devtools.FontSizes{Standard: pixels, Fixed: pixels}}); err != nil {
		tab.t.Fatal(err)
	}
}
