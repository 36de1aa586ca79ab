// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"github.com/kua-registry/kua/handbook"
	"github.com/kua-registry/kua/internal/browsertest"
	"github.com/kua-registry/kua/internal/locale"
)

// axeSum is the SHA-256 of testdata/axe/axe.min.js (see its README.md).
const axeSum = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"

// axeUnfold are the parts of a page that only a link into it shows. Links
// between a text and its notes are none: whoever follows them is in the text,
// and the Tab key goes on from there.
const axeUnfold = `[...new Set([...document.querySelectorAll("a[href^='#']:not([role^='doc-'])")].map(a => a.getAttribute("href")))]
	.filter(h => { const e = h.length > 1 && document.getElementById(h.slice(1)); return e && !e.checkVisibility({visibilityProperty: true}); })`

// goldenPages serves every golden page, with the headers and the files the
// pages come with. Whatever has a golden page is looked at: a page of tomorrow
// too, and the answers to forms that were refused. It gives their names
// without the language, those of one policy after each other; each is in every
// language.
func goldenPages(t *testing.T) (*httptest.Server, []string) {
	t.Helper()
	files, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /golden/{page}", func(w http.ResponseWriter, r *http.Request) {
		text, err := os.ReadFile(filepath.Join("testdata", "golden", filepath.Base(r.PathValue("page"))+".html"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		for _, h := range headers {
			w.Header().Set(h[0], h[1])
		}
		w.Header().Set("Content-Security-Policy", goldenPolicy(string(text)))
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(text)
	})
	mux.HandleFunc("GET /static/HASH/{name}", func(w http.ResponseWriter, r *http.Request) {
		r.SetPathValue("hash", files.byName[r.PathValue("name")].hash)
		files.serve(w, r)
	})
	mux.HandleFunc("GET /handbook/pictures/{lang}/{name}", func(w http.ResponseWriter, r *http.Request) {
		picture, err := handbook.Picture(r.PathValue("lang"), r.PathValue("name"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(picture)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	found, err := filepath.Glob(filepath.Join("testdata", "golden", languages[0]+"-*.html"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	policies := map[string]string{}
	for _, path := range found {
		name := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(path), ".html"), languages[0]+"-")
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), `id="main"`) {
			continue // a document that leaves the register
		}
		policies[name] = goldenPolicy(string(text))
		for _, lang := range languages {
			if _, err := os.Stat(filepath.Join("testdata", "golden", lang+"-"+name+".html")); err != nil {
				t.Errorf("the page %s is not in %s", name, lang)
			}
		}
		names = append(names, name)
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(policies[a], policies[b]) })
	return server, names
}

// goldenPolicy is the policy that a golden page comes with.
func goldenPolicy(text string) string {
	policy := headers[0][1]
	if strings.Contains(text, "<script src=") {
		policy = scriptPolicy + policy
	}
	if strings.Contains(text, "<video ") || strings.Contains(text, "<audio ") {
		policy = mediaPolicy + policy
	}
	return policy
}

// golden has the tab show a golden page. A page that has the policy of the one
// before is written into the same window, where its styles are at hand and
// axe-core is warm, which is several times as quick as to load it: fresh is
// whether the window is another one.
func (tab *tab) golden(page string) (fresh bool) {
	tab.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", page+".html"))
	if err != nil {
		tab.t.Fatal(err)
	}
	if policy := goldenPolicy(string(text)); policy != tab.policy {
		tab.loadGolden(page)
		tab.policy = policy
		return true
	}
	tab.write(string(text))
	return false
}

// write writes the text of a page into the window, in place of the page there:
// it is parsed, styled and run as one that is loaded, and held to the policy of
// the page that was loaded last.
func (tab *tab) write(text string) {
	tab.t.Helper()
	quoted, err := json.Marshal(text) // which is JavaScript too
	if err != nil {
		tab.t.Fatal(err)
	}
	if !evaluate[bool](tab, `(async () => {
		if (location.hash) location.hash = "";
		document.open();
		document.adoptedStyleSheets = [];
		const loaded = new Promise(done => addEventListener("load", done, {once: true}));
		document.write(`+string(quoted)+`);
		document.close();
		await loaded;
		return !!document.getElementById("main") && document.compatMode === "CSS1Compat" && document.styleSheets.length > 0;
	})()`) {
		tab.t.Fatalf("this was not written into the window: %.200s", text)
	}
}

// loadGolden loads a golden page, or a part of it, as a reader comes to it.
func (tab *tab) loadGolden(page string) {
	tab.t.Helper()
	tab.policy = ""
	tab.visit("/golden/" + page)
}

var thorough = flag.Bool("thorough", false, "look at every page in every way, and drive every story in every way: takes minutes")

// TestE2EAxe: axe-core finds nothing on any page in any language, and no page
// asks anything of a host that is not its own. Each page is seen twice, in two
// languages, once on a phone and once on a desk, once light and once dark; with
// -thorough in every way in all three. The window is so high that nothing that
// sticks to its edge covers anything.
func TestE2EAxe(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(axe); hex.EncodeToString(sum[:]) != axeSum {
		t.Fatal("testdata/axe/axe.min.js is not the file that was vendored")
	}
	server, names := goldenPages(t)
	browser := startBrowser(t)
	var pages, more, requests atomic.Int64
	t.Run("looks", func(t *testing.T) {
		for way, look := range []struct {
			width  int64
			scheme string
		}{{360, "light"}, {1280, "dark"}, {360, "dark"}, {1280, "light"}} {
			t.Run(fmt.Sprintf("%d-%s", look.width, look.scheme), func(t *testing.T) {
				t.Parallel()
				tab := openTab(t, browser, server.URL)
				tab.do(chromedp.EmulateViewport(look.width, 6000))
				tab.scheme(look.scheme)
				for n, lang := range languages {
					for i, name := range names {
						first, second := i%4 == way && i%3 == n, (i+1)%4 == way && (i+1)%3 == n
						if !first && !second && !*thorough {
							continue // it is seen in other ways
						}
						page := lang + "-" + name
						program := ""
						if tab.golden(page) {
							program = string(axe)
						}
						tab.axe(program, page)
						pages.Add(1)
						unfold := evaluate[[]string](tab, axeUnfold)
						for _, part := range unfold {
							tab.do(chromedp.Evaluate[chromedp.Void](`location.hash = "` + part + `"`))
							tab.axe("", page+part)
							more.Add(1)
						}
					}
				}
				requests.Add(int64(tab.requests))
			})
		}
	})
	t.Logf("axe-core looked at %d pages in %d languages: %d times, and %d times at what a link unfolds; %d requests, all to the pages' own host",
		len(names), len(languages), pages.Load(), more.Load(), requests.Load())
	if least := 2 * int64(len(names)); pages.Load() < least || requests.Load() == 0 {
		t.Errorf("%d looks and %d requests for %d pages: nobody looked at them", pages.Load(), requests.Load(), len(names))
	}
}

func (tab *tab) scheme(name string) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	}); err != nil {
		tab.t.Fatal(err)
	}
}

// axe fails with each rule that is broken and the element that breaks it. It
// is evaluated through the browser's developer tools: the policy of the page
// stays as it is.
func (tab *tab) axe(program, page string) {
	tab.t.Helper()
	if program != "" {
		tab.do(chromedp.Evaluate[chromedp.Void](program + ";0"))
	}
	for _, v := range evaluate[[]string](tab, browsertest.AxeRun) {
		tab.t.Errorf("%s: %s", page, v)
	}
	tab.calm(page)
}

func evaluate[T any](tab *tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, perPage)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, func(p *runtime.EvaluateParams) { yes := true; p.AwaitPromise = &yes }))
	if err != nil {
		tab.t.Fatal(err)
	}
	return got
}

// unlinked are the routes of pages to which no link leads, and why.
var unlinked = map[string]string{
	"GET /sign-in/code":                                  "the sign-in leads to it",
	"GET /sign-in/factor":                                "the sign-in leads to it",
	"GET /account/factor":                                "the button that begins leads to it",
	"GET /cases/{id}/access":                             "what the form answers stands there",
	"GET /cases/{id}/review":                             "what the form answers stands there",
	"GET /bulk/task":                                     "the form below the list leads to it",
	"GET /bulk/grant":                                    "the form below the list leads to it",
	"GET /bulk/done/{id}":                                "what was done leads to it",
	"GET /cases/{id}/bundle":                             "the records of evidence of a case lead to it",
	"GET /cases/{id}/custody":                            "the records of evidence of a case lead to it, where there are any",
	"GET /cases/{id}/files/{file}":                       "the files of a case lead to it, where there are any",
	"GET /cases/{id}/files/{file}/original":              "the page of a file leads to it",
	"GET /cases/{id}/files/{file}/shown":                 "a picture, or what is played, on the page of a file",
	"GET /cases/{id}/files/{file}/stamps/request.tsq":    "the page of a file leads to it",
	"GET /cases/{id}/files/{file}/stamps/{stamp}/{part}": "a time stamp on the page of a file",
	"GET /cases/{id}/files/{file}/redact":                "the page of a file leads to it, where it has a copy",
	"GET /cases/{id}/uploads/{file}":                     "the script of the page of files asks it",
	"GET /captures/{record}":                             "the page of a publication leads to it, which is crawled as that of another record",
	"GET /tasks/new":                                     "the form on the page of tasks leads to it",
	"GET /feed/{secret}":                                 "a calendar program asks for it",
	"GET /handbook/pictures/{lang}/{name}":               "a picture in a chapter",
	"GET /join":                                          "its address is handed over",
	"GET /join/{code}":                                   "its address is handed over",
	"GET /imports/list":                                  "the button that looks at a list leads to it",
	"GET /imports/list/mapping":                          "the page of a list leads to it",
	"GET /static/{hash}/{name}":                          "a file of the pages",
}

// TestE2EEveryRoute: a link leads to every page there is, and each is looked at
// as it comes from the server, with its script.
func TestE2EEveryRoute(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.passkeys = true
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(f, words, Options{Logger: slog.New(slog.DiscardHandler), LockAll: func() {}, Reports: fakeReports})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.answer)
	}
	server := httptest.NewServer(s.protect(mux))
	defer server.Close()
	browser := startBrowser(t)
	seen, looked := map[string]bool{}, 0
	for _, as := range []string{"Sample Member", "Sample Administrator", "Sample Office", "Sample Worker", "Sample Taker"} {
		b := signedInAs(t, f, as, "ru")
		tab, second := openTab(t, browser, server.URL), openTab(t, browser, server.URL)
		tab.do(chromedp.EmulateViewport(1280, 6000))
		second.do(chromedp.EmulateViewport(1280, 6000))
		tab.still()
		if _, err := chromedp.Call(tab.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
		tab.visit("/sign-in?lang=ru")
		tab.do(chromedp.SendKeys("#name", as), chromedp.SendKeys("#passphrase", rightWord))
		tab.do(chromedp.Click("form[action='/sign-in'] button"), chromedp.WaitVisible("nav.nav"))
		crawled := map[string]bool{}
		links := []string{"/", "/members", "/about", "/sign-in"}
		for len(links) > 0 {
			at := links[0]
			links = links[1:]
			r := httptest.NewRequest(http.MethodGet, at, nil)
			_, pattern := mux.Handler(r)
			if crawled[pattern] || pattern == "/" || strings.HasPrefix(pattern, "GET /static/") {
				continue
			}
			w := b.get(at)
			if w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
				continue // not for this member
			}
			crawled[pattern] = true
			text := w.Body.String()
			doc, err := html.Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			each(doc, func(n *html.Node) {
				if href, _ := attr(n, "href"); strings.HasPrefix(href, "/") && !strings.Contains(href, "lang=") {
					links = append(links, href)
				}
			})
			if !seen[pattern] && w.Code == http.StatusOK && w.Header().Get("Content-Type") == "text/html; charset=utf-8" {
				tab.visit(at)
				tab.reach(as + " " + at)
				tab.calm(as + " " + at)
				if policy := w.Header().Get("Content-Security-Policy"); policy != second.policy {
					second.visit(at)
					second.policy = policy
					second.axe(string(axe), as+" "+at)
				} else {
					second.write(text)
					second.axe("", as+" "+at)
				}
				looked++
			}
			seen[pattern] = true
		}
	}
	for _, r := range s.routes() {
		if strings.HasPrefix(r.pattern, "GET ") && !seen[r.pattern] && unlinked[r.pattern] == "" {
			t.Errorf("no link leads to %s, so that nobody comes to it", r.pattern)
		}
	}
	t.Logf("axe-core looked at %d pages as they come from the server", looked)
}
