// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package reporting

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/browsertest"
)

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
	chromium, _ := browsertest.Start(t)
	looked := 0
	tab := openTab(t, chromium, server.URL, true)
	each := len(names) / 3 // in a language
	for i, name := range names {
		way := schemes[(i%each+i/each)%len(schemes)]
		tab.Scheme(way.name, way.width)
		tab.Do(chromedp.Navigate(server.URL + "/" + name))
		tab.Axe(name + "-" + way.name)
		looked++
		if strings.Contains(name, "-seal") {
			tab.Do(chromedp.Navigate(server.URL+"/"+name+".bare"), chromedp.WaitVisible("#noscript"))
			tab.Axe(name + "-bare-" + way.name)
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
			tab.Scheme(way.name, way.width)
			tab.Axe(lang + "-seal-" + name + "-" + way.name)
			steps++
			looked++
		}
		at := base + "/" + lang + "/"
		tab.Do(chromedp.Navigate(at), chromedp.WaitVisible("#report"), chromedp.Click("#send"), chromedp.WaitVisible("#problem"))
		see("empty")
		tab.Do(chromedp.SendKeys("#told", "told"), chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
		words := tab.text("#words-list li")
		see("receipt")
		s.answerTo(hostile)
		tab.Do(chromedp.Navigate(at), chromedp.WaitVisible("#words"), chromedp.SendKeys("#words", words), chromedp.Click("#open button"), chromedp.WaitVisible("#opened"))
		see("opened")
		tab.Do(chromedp.Click("#withdraw"), chromedp.WaitNotVisible("#opened"))
		see("withdrawn")
	}
	t.Logf("axe-core looked at %d pages in 3 languages: %d times", each, looked)
}
