// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package reporting

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeRun looks for what WCAG 2.0, 2.1 and 2.2 forbid at the levels A and AA,
// and for what is no good practice. Whatever is folded away is opened first.
const axeRun = `(async () => {
	for (const d of document.querySelectorAll("details")) d.open = true;
	const found = await axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"],
		rules: {"target-size": {enabled: true}},
		resultTypes: ["violations"],
	});
	if (found.passes.length < 5) return ["axe-core looked at next to nothing"];
	return found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.target.join(" ") + ": " + n.html.slice(0, 160) + " (" + n.failureSummary.replace(/\s+/g, " ") + ")"));
})()`

// axe fails with each rule that is broken and the element that breaks it, and
// with whatever else look finds. It is evaluated through the browser's
// developer tools: the policy of the page stays as it is.
func (tab *tab) axe(program, page string) {
	tab.t.Helper()
	tab.do(chromedp.Evaluate[chromedp.Void](program + ";0"))
	ctx, cancel := context.WithTimeout(tab.ctx, perStep)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](axeRun, func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }))
	if err != nil {
		tab.t.Fatal(err)
	}
	for _, v := range found {
		tab.t.Errorf("%s: %s", page, v)
	}
	tab.look(page)
}

func (tab *tab) scheme(name string, width int64) {
	tab.t.Helper()
	tab.do(chromedp.EmulateViewport(width, 6000)) // so high that nothing that sticks to its edge covers anything
	if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	}); err != nil {
		tab.t.Fatal(err)
	}
}

var scripts = regexp.MustCompile(`(?s)<script.*?</script>`)

// schemes are the ways in which pages take turns.
var schemes = []struct {
	name  string
	width int64
}{{"light", 360}, {"dark", 1280}, {"dark", 360}, {"light", 1280}}

// TestE2EAxe: axe-core finds nothing on any page, in any language, light and
// dark, on a phone and on a desk: each page is seen once in each language, in
// another way in each, and both light and dark. Of the page that seals, what it shows without its script
// is seen too, and what it shows on the way.
func TestE2EAxe(t *testing.T) {
	// The test of internal/web holds it to its checksum.
	b, err := os.ReadFile(filepath.Join("..", "web", "testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	axe := string(b)
	var names []string
	shown := map[string]*httptest.ResponseRecorder{}
	everyPage(t, func(name, _ string, w *httptest.ResponseRecorder) {
		names = append(names, name)
		shown[name] = w
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, bare := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".bare")
		page := shown[name]
		if page == nil {
			http.NotFound(w, r)
			return
		}
		for key, values := range page.Header() {
			w.Header()[key] = values
		}
		text := page.Body.Bytes()
		if bare {
			text = scripts.ReplaceAll(text, nil)
		}
		w.Header().Del("Content-Length")
		_, _ = w.Write(text)
	}))
	t.Cleanup(server.Close)
	chromium := startBrowser(t)
	looked := 0
	tab := openTab(t, chromium, server.URL, true)
	each := len(names) / 3 // in a language
	for i, name := range names {
		way := schemes[(i%each+i/each)%len(schemes)]
		tab.scheme(way.name, way.width)
		tab.do(chromedp.Navigate(server.URL + "/" + name))
		tab.axe(axe, name+"-"+way.name)
		looked++
		if strings.Contains(name, "-seal") {
			tab.do(chromedp.Navigate(server.URL+"/"+name+".bare"), chromedp.WaitVisible("#noscript"))
			tab.axe(axe, name+"-bare-"+way.name)
			looked++
		}
	}
	for n, lang := range []string{"en", "ru", "kk"} {
		s := newSite(t)
		_, base := serve(t, s)
		tab := openTab(t, chromium, base, true)
		steps := 0
		see := func(name string) {
			way := schemes[(n+steps)%len(schemes)]
			tab.scheme(way.name, way.width)
			tab.axe(axe, lang+"-seal-"+name+"-"+way.name)
			steps++
			looked++
		}
		at := base + "/" + lang + "/"
		tab.do(chromedp.Navigate(at), chromedp.WaitVisible("#report"), chromedp.Click("#send"), chromedp.WaitVisible("#problem"))
		see("empty")
		tab.do(chromedp.SendKeys("#told", "told"), chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
		words := tab.text("#words-list li")
		see("receipt")
		s.answerTo(hostile)
		tab.do(chromedp.Navigate(at), chromedp.WaitVisible("#words"), chromedp.SendKeys("#words", words), chromedp.Click("#open button"), chromedp.WaitVisible("#opened"))
		see("opened")
		tab.do(chromedp.Click("#withdraw"), chromedp.WaitNotVisible("#opened"))
		see("withdrawn")
	}
	t.Logf("axe-core looked at %d pages in 3 languages: %d times", each, looked)
}
