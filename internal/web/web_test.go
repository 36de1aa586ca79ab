// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

var update = flag.Bool("update", false, "write the golden pages anew")

var languages = []string{"en", "ru", "kk"}

// browser asks for pages as a browser does.
type browser struct {
	t       *testing.T
	pages   http.Handler
	cookies map[string]string
}

func newBrowser(t *testing.T, pages http.Handler, lang string) *browser {
	return &browser{t: t, pages: pages, cookies: map[string]string{languageCookie: lang}}
}

func (b *browser) ask(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	want := headers[0][1]
	page := w.Body.Bytes()
	if w.Header().Get("Content-Encoding") == "gzip" {
		zip, err := gzip.NewReader(bytes.NewReader(page))
		if err == nil {
			page, err = io.ReadAll(zip)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if bytes.Contains(page, []byte("<script src=")) {
		want = scriptPolicy + want
	}
	if bytes.Contains(page, []byte("<video ")) || bytes.Contains(page, []byte("<audio ")) {
		want = mediaPolicy + want
	}
	if strings.HasSuffix(r.URL.Path, "/shown") && w.Code < 300 {
		want = filePolicy // to be shown on a page of ours, and nothing by itself
	}
	if w.Header().Get("Content-Disposition") != "" && w.Header().Get("Content-Type") == "application/octet-stream" {
		want = filePolicy // a file, which is no page of ours
	}
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		b.t.Errorf("%s %s: Content-Security-Policy is %q", r.Method, r.URL, got)
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.ask(httptest.NewRequest(http.MethodGet, path, nil))
}

func (b *browser) post(path string, pairs ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.form(path, form)
}

func (b *browser) form(path string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.ask(r)
}

func signedIn(t *testing.T, f *fake, lang string) *browser {
	t.Helper()
	b := newBrowser(t, newPages(t, f), lang)
	if w := b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", w.Code)
	}
	return b
}

// every page worth looking at, by the name of its golden file
var pages = []struct{ name, path string }{
	{"overview", "/"},
	{"overview-clocks", "/?as_of=2022-05-17&known_by=2022-06-01T12:00"},
	{"cases", "/cases"},
	{"cases-filtered", "/cases?q=" + url.QueryEscape(`O'Hara "x" <i>`) + "&stage=closed&stage=redress&org=" + orgApart + "&figure=closed&scope=coalition&after=cursor"},
	{"cases-rule", "/cases?rule=NOT-01&as_of=2022-05-17"},
	{"cases-none", "/cases?q=nobody"},
	{"case", "/cases/" + caseOne},
	{"case-filtered", "/cases/" + caseOne + "?show=procedure&by=state&as_of=2022-05-17"},
	{"letter", "/cases/" + caseOne + "/letters/ask_copy?rule=NOT-01&record=n1"},
	{"letter-kk", "/cases/" + caseOne + "/letters/complain?rule=closure_copy&in=kk"},
	{"case-bare", "/cases/00000000000000000000000000000004"},
	{"case-restricted", "/cases/" + caseThree},
	{"erase", "/cases/" + caseOne + "/erase"},
	{"case-reviewed", "/cases/" + caseTwo},
	{"cases-verified", "/cases?figure=closed&scope=coalition&verified=1&review=verified"},
	{"overview-verified", "/?verified=1"},
	{"figures-verified", "/figures?verified=1"},
	{"figures", "/figures"},
	{"figures-known", "/figures?scope=" + orgNorth + "&set=way&as_of=2022-05-17&known_by=2022-06-01"},
	{"analysis", "/analysis"},
	{"analysis-known", "/analysis?figure=registered_146&scope=" + orgNorth + "&verified=1&as_of=2022-05-17&known_by=2022-06-01"},
	{"estimate", "/estimate"},
	{"estimate-months", "/estimate?by=month"},
	{"estimate-parts", "/estimate?by=region&verified=1&as_of=2022-05-17"},
	{"matching", "/matching?done=applied&n=41"},
	{"matching-decided", "/matching?show=decided&between=" + orgNorth + "&skip=30&done=undone"},
	{"matching-sure", "/matching/sure"},
	{"encoded", "/encoded"},
	{"matching-pair", "/matching/pair?a=" + caseOne + "&b=" + caseTwo + "&done=same&decision=" + fakeDecision + "&was=" + caseOne + "," + caseThree},
	{"matching-closed", "/matching/pair?a=" + caseOne + "&b=" + caseThree + "&done=later"},
	{"about", "/about"},
	{"handbook", "/handbook"},
	{"handbook-law", "/handbook/law"},
	{"handbook-figures", "/handbook/figures"},
	{"timestamps", "/timestamps?kept=1"},
	{"exchange", "/exchange?done=synced"},
	{"common", "/common?done=proposed"},
	{"account", "/account"},
	{"account-done", "/account?done=others"},
	{"audit", "/audit"},
	{"audit-own", "/audit?member=me&refused=1&from=2022-06-01&to=2022-06-24&case=K-1000001&after=1-1"},
	{"audit-none", "/audit?act=erase"},
	{"calendar", "/calendar"},
	{"calendar-filtered", "/calendar?from=2022-05&show=theirs&show=tasks&cases=all"},
	{"agenda", "/calendar?view=agenda&from=2022-06-20"},
	{"agenda-day", "/calendar?view=agenda&from=2022-06-28&days=1&cases=all"},
	{"tasks", "/tasks"},
	{"tasks-mine", "/tasks?who=me&cases=all&skip=50&done=1"},
	{"state", "/state"},
	{"state-search", "/state?q=Station&as_of=2022-05-17"},
	{"state-list", "/state/facility?region=KZ-75&sort=people"},
	{"state-list-none", "/state/official?q=nobody"},
	{"state-record", "/state/facility/" + stateFacility},
	{"state-official", "/state/official/" + stateOfficial + "?as_of=2022-05-17&known_by=2022-06-01"},
	{"state-facts-only", "/state/official/" + stateUnnamed},
	{"patterns", "/patterns"},
	{"state-publication", "/state/publication/" + sourceID},
	{"state-publication-stored", "/state/publication/" + sourceID + "?stored=1"},
	{"outside", "/outside"},
	{"outside-source", "/outside?source=reported&as_of=2022-06-24&verified=1"},
	{"outside-figure", "/outside/" + figureLate + "?saved=1"},
	{"outside-figure-old", "/outside/" + figureEarly},
	{"outside-figure-alone", "/outside/" + figureOther},
	{"outside-edit", "/outside/" + figureLate + "/edit"},
	{"commitments", "/commitments"},
	{"commitments-overdue", "/commitments?show=overdue"},
	{"commitment", "/commitments/" + promiseOpen},
	{"commitment-due", "/commitments/" + promiseDue + "?as_of=2022-06-24"},
	{"followed", "/followed/" + answerID},
	{"followed-new", "/followed/new?f.commitment=" + promiseDue + "&f.kind=asked_again"},
	{"map", "/map"},
	{"map-old", "/map?regions=old&as_of=2022-05-17"},
	{"cases-with", "/cases?with=facility:" + stateFacility + "%2Bmethod:beating&with=alleged:" + stateOfficial + "&with=region:KZ-63%7CKZ-10%2Bbefore:2022-06-08"},
	{"missing", "/nothing/here"},
	{"newcase", "/cases/new"},
	{"add", "/cases/" + caseOne + "/add?opened=1"},
	{"form", "/cases/" + caseOne + "/add/act?f.facility=" + facilityID + "&f.date=2022-01-04/2022-01-05"},
	{"form-person", "/cases/" + caseOne + "/add/person"},
	{"form-edit", "/cases/" + caseOne + "/records/d1/edit"},
	{"record", "/cases/" + caseOne + "/records/d1?saved=1"},
	{"withdraw", "/cases/" + caseOne + "/records/d1/withdraw"},
	{"drafts", "/drafts"},
	{"files", filesOf + "?evidence=" + jacket},
	{"files-none", "/cases/" + caseOne + "/files"},
	{"file", filesOf + "/" + fileOne + "?stored=1"},
}

func TestGoldenPages(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		for _, p := range pages {
			golden(t, lang+"-"+p.name, b.get(p.path).Body.Bytes())
		}
		golden(t, lang+"-case-review-changed", b.post("/cases/"+caseOne+"/review", "step", "rejected", "comment", hostile, "seen", "9").Body.Bytes())
		golden(t, lang+"-case-review-over", b.post("/cases/"+caseTwo+"/review", "step", "rejected", "comment", hostile, "seen", "9").Body.Bytes())
		for name, view := range map[string]registry.CaseView{"kept": fakeKept, "beaten": fakeBeaten} {
			handed := newFake(t)
			view.Row, view.Review = handed.rows()[0], fakeReviews["in_review"]
			view.Stage.ID = view.Row.Stage
			handed.whole = &view
			golden(t, lang+"-case-"+name, signedIn(t, handed, lang).get("/cases/"+caseOne).Body.Bytes())
		}
		copied := newFake(t)
		copied.scans = true
		d := signedIn(t, copied, lang)
		golden(t, lang+"-file-copies", d.get(filesOf+"/"+fileScan+"?page=2&made=redacted").Body.Bytes())
		golden(t, lang+"-file-film", d.get(filesOf+"/"+fileFilm).Body.Bytes())
		golden(t, lang+"-redact", d.post(filesOf+"/"+fileScan+"/redact", "at", "1", "go", "2", "page", "2", "left", "10", "top", "20", "width", "30", "height", "5").Body.Bytes())
		empty := newFake(t)
		empty.empty = true
		b = signedIn(t, empty, lang)
		golden(t, lang+"-empty-overview", b.get("/").Body.Bytes())
		for _, state := range backupStates() {
			warned := newFake(t)
			warned.empty, warned.backup = true, state
			golden(t, lang+"-backup-"+state.Why, signedInAs(t, warned, "Sample Office", lang).get("/members").Body.Bytes())
		}
		golden(t, lang+"-empty-cases", b.get("/cases").Body.Bytes())
		law, err := registry.LoadBook("kz")
		if err != nil {
			t.Fatal(err)
		}
		real := newFake(t)
		real.book = law // who somebody is asked for as in a register, for the handbook's picture
		golden(t, lang+"-newcase-worker", signedInAs(t, real, "Sample Worker", lang).get("/cases/new").Body.Bytes())
		golden(t, lang+"-exchange-admin", signedInAs(t, newFake(t), "Sample Administrator", lang).get("/exchange").Body.Bytes())
		golden(t, lang+"-exchange-quiet", signedInAs(t, empty, "Sample Administrator", lang).get("/exchange").Body.Bytes())
		drawn := newFake(t)
		drawn.ownMap = true
		golden(t, lang+"-map-own", signedIn(t, drawn, lang).get("/map").Body.Bytes())
		golden(t, lang+"-empty-state", b.get("/state/body").Body.Bytes())
		golden(t, lang+"-empty-outside", b.get("/outside").Body.Bytes())
		golden(t, lang+"-empty-commitments", b.get("/commitments").Body.Bytes())
		golden(t, lang+"-empty-patterns", b.get("/patterns").Body.Bytes())
		golden(t, lang+"-empty-analysis", b.get("/analysis").Body.Bytes())
		golden(t, lang+"-empty-estimate", b.get("/estimate").Body.Bytes())
		golden(t, lang+"-empty-matching", b.get("/matching").Body.Bytes())
		golden(t, lang+"-empty-matching-sure", b.get("/matching/sure").Body.Bytes())
		golden(t, lang+"-empty-timestamps", b.get("/timestamps").Body.Bytes())
		golden(t, lang+"-empty-exchange", b.get("/exchange").Body.Bytes())
		golden(t, lang+"-empty-common", b.get("/common").Body.Bytes())
		golden(t, lang+"-empty-map", b.get("/map").Body.Bytes())
		nobody := newBrowser(t, newPages(t, newFake(t)), lang)
		golden(t, lang+"-signin", nobody.get("/sign-in").Body.Bytes())
		golden(t, lang+"-signin-wrong", nobody.post("/sign-in", "name", hostile, "passphrase", "no").Body.Bytes())
		golden(t, lang+"-signin-wait", nobody.post("/sign-in", "name", "busy", "passphrase", "x", "next", "/cases").Body.Bytes())
		golden(t, lang+"-locked", nobody.get("/sign-in?locked=1&next=/cases").Body.Bytes())
	}
}

// hashes in addresses of files change with the look; the pages do not
var assetHash = regexp.MustCompile(`/static/[0-9a-f]{16}/`)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = assetHash.ReplaceAll(got, []byte("/static/HASH/"))
	file := filepath.Join("testdata", "golden", name+".html")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as in %s: look at it with -update and git diff", name, file)
	}
}

// everyPage gives each page, in each language, parsed.
func everyPage(t *testing.T, look func(t *testing.T, b *browser, path string, doc *html.Node, raw string)) {
	t.Helper()
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		nobody := newBrowser(t, b.pages, lang)
		see := func(who *browser, path string) {
			raw := who.get(path).Body.String()
			doc, err := html.Parse(strings.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			t.Run(lang+path, func(t *testing.T) { look(t, who, path, doc, raw) })
		}
		for _, p := range pages {
			see(b, p.path)
		}
		for _, p := range statementPages {
			see(b, p.path)
		}
		examiner := signedIn(t, newExaminationFake(t), lang)
		for _, p := range examPages {
			see(examiner, p.path)
		}
		see(nobody, "/sign-in")
		see(nobody, "/nothing")
	}
}

func each(n *html.Node, f func(*html.Node)) {
	f(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, f)
	}
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// ownScript is the address of a script that comes with the pages.
var ownScript = regexp.MustCompile(`^/static/[0-9a-f]{16}/[a-z]+\.js$`)

func TestPagesHoldNothingThePolicyForbids(t *testing.T) {
	everyPage(t, func(t *testing.T, _ *browser, _ string, doc *html.Node, raw string) {
		each(doc, func(n *html.Node) {
			if n.Type != html.ElementNode {
				return
			}
			switch n.Data {
			case "script": // only our own, and none but what is on the page by its address
				if src, _ := attr(n, "src"); n.FirstChild != nil || !ownScript.MatchString(src) {
					t.Errorf("a <script src=%q>", src)
				}
			case "style", "iframe", "object", "embed", "base":
				t.Errorf("a <%s>", n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
				if (a.Key == "src" || a.Key == "href" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
					t.Errorf("<%s %s=%q> leads out", n.Data, a.Key, a.Val)
				}
			}
		})
		if strings.Contains(raw, "<script>") || strings.Contains(raw, "<b>Co") || strings.Contains(raw, "ZgotmplZ") {
			t.Error("a name broke out of the page, or a template refused a value")
		}
	})
}

func TestPagesAreWellMade(t *testing.T) {
	key := regexp.MustCompile(`>[^<]*\b(access|calendar|tasks|erase|account|passphrase|proof|factor|nav|signin|house|overview|cases|case|figures|about|error|deadline|check|record|facet|clock|lock|foot|value|official|ledger|unit|date)\.[a-z_]+\b[^<]*<`)
	everyPage(t, func(t *testing.T, _ *browser, _ string, doc *html.Node, raw string) {
		ids, refs := map[string]bool{}, []string{}
		heads, mains := 0, 0
		each(doc, func(n *html.Node) {
			if n.Type != html.ElementNode {
				return
			}
			if id, ok := attr(n, "id"); ok {
				if ids[id] {
					t.Errorf("two elements have the id %q", id)
				}
				ids[id] = true
			}
			for _, name := range []string{"aria-labelledby", "aria-describedby", "for", "form"} {
				if ref, ok := attr(n, name); ok {
					refs = append(refs, strings.Fields(ref)...)
				}
			}
			if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") {
				refs = append(refs, href[1:])
			}
			switch n.Data {
			case "h1":
				heads++
			case "main":
				mains++
			}
		})
		for _, ref := range refs {
			if !ids[ref] {
				t.Errorf("nothing on the page has the id %q", ref)
			}
		}
		if heads != 1 || mains != 1 {
			t.Errorf("%d h1 and %d main: there should be one of each", heads, mains)
		}
		if missing := key.FindString(raw); missing != "" {
			t.Errorf("a message is missing: %s", missing)
		}
	})
}

func TestEveryLinkLeadsToAPage(t *testing.T) {
	seen := map[string]bool{}
	everyPage(t, func(t *testing.T, b *browser, path string, doc *html.Node, _ string) {
		each(doc, func(n *html.Node) {
			href, ok := attr(n, "href")
			if !ok || strings.HasPrefix(href, "#") || seen[href] || strings.Contains(path, "/nothing") {
				return
			}
			seen[href] = true
			href, _, _ = strings.Cut(href, "#") // a browser keeps what follows to itself
			if _, signed := b.cookies["kua"]; !signed && !strings.HasPrefix(href, "/sign-in") && !strings.HasPrefix(href, "/static") {
				return
			}
			lang := b.cookies[languageCookie]
			page, _, _ := strings.Cut(href, "#")
			if w := b.get(page); w.Code != http.StatusOK && (w.Code != http.StatusSeeOther || !strings.Contains(href, "lang=")) {
				t.Errorf("%s: %d", href, w.Code)
			}
			b.cookies[languageCookie] = lang
		})
		each(doc, func(n *html.Node) {
			action, ok := attr(n, "action")
			if method, _ := attr(n, "method"); !ok || method != "get" {
				return
			}
			if w := b.get(action); w.Code != http.StatusOK {
				t.Errorf("form to %s: %d", action, w.Code)
			}
		})
	})
}

// TestEveryTemplateParses: a page is parsed when it is first asked for, so that
// one that is wrong would be found by whoever asks.
func TestEveryTemplateParses(t *testing.T) {
	words, err := loadedWords()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(newFake(t), words, Options{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d templates, %v", len(names), err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(path.Base(name), ".html")
		if name == "layout" {
			continue
		}
		if _, err := s.pages["en"].page(name); err != nil {
			t.Error(err)
		}
	}
}

func TestWithoutASessionEveryPageLeadsToTheSignIn(t *testing.T) {
	f := newFake(t)
	nobody := newBrowser(t, newPages(t, f), "en")
	for _, path := range []string{"/", "/cases", "/cases?q=name", "/cases/" + caseOne, "/figures", "/about"} {
		w := nobody.get(path)
		to := w.Header().Get("Location")
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
			t.Errorf("%s: %d to %q", path, w.Code, to)
		}
		if strings.Contains(to, "name") || strings.Contains(w.Body.String(), "K-0001") {
			t.Errorf("%s: the way to the sign-in says too much: %s", path, to)
		}
	}
	nobody.cookies["kua"] = "not-a-session"
	w := nobody.get("/cases")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/sign-in?next=%2Fcases&over=1" || nobody.cookies["kua"] != "" {
		t.Errorf("a session that is over: %d to %q", w.Code, to)
	}
}

func TestSignInAndOut(t *testing.T) {
	f := newFake(t)
	b := newBrowser(t, newPages(t, f), "en")
	for _, tt := range []struct {
		name, passphrase string
		want             int
	}{
		{"Sample Member", "wrong", http.StatusUnprocessableEntity},
		{"nobody", rightWord, http.StatusUnprocessableEntity},
		{"", "", http.StatusUnprocessableEntity},
		{"busy", "x", http.StatusTooManyRequests},
		{"broken", "x", http.StatusInternalServerError},
	} {
		w := b.post("/sign-in", "name", tt.name, "passphrase", tt.passphrase)
		if w.Code != tt.want || b.cookies["kua"] != "" {
			t.Errorf("%q: %d, want %d; cookie %q", tt.name, w.Code, tt.want, b.cookies["kua"])
		}
		if got := w.Header().Get("Retry-After"); (got != "") != (tt.want == http.StatusTooManyRequests) {
			t.Errorf("%q: Retry-After is %q", tt.name, got)
		}
		if body := w.Body.String(); strings.Contains(body, rightWord) || strings.Contains(body, "inside") {
			t.Errorf("%q: the page says too much", tt.name)
		}
	}
	w := b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord, "next", "/cases/"+caseOne)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/cases/"+caseOne {
		t.Fatalf("sign-in: %d to %s", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" {
		t.Errorf("the session's cookie is %v", cookie)
	}
	first := b.cookies["kua"]
	b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
	if _, open := f.sessions.Get(first); open || b.cookies["kua"] == first {
		t.Error("a second sign-in leaves the first session open")
	}
	second := b.cookies["kua"]
	w = b.post("/lock", "next", "/figures")
	if to := w.Header().Get("Location"); to != "/sign-in?locked=1&next=%2Ffigures" {
		t.Errorf("lock leads to %q", to)
	}
	if _, open := f.sessions.Get(second); open || b.cookies["kua"] != "" {
		t.Error("lock leaves the session open")
	}
	b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
	third := b.cookies["kua"]
	b.post("/sign-out")
	if _, open := f.sessions.Get(third); open {
		t.Error("sign-out leaves the session open")
	}
}

func TestSecureCookies(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(newFake(t), words, Options{Secure: true})
	if err != nil {
		t.Fatal(err)
	}
	w := newBrowser(t, h, "en").post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
	c := w.Result().Cookies()[0]
	if c.Name != "__Host-kua" || !c.Secure {
		t.Errorf("the session's cookie is %v", c)
	}
}

func TestSignInLeadsOnlyIntoTheRegister(t *testing.T) {
	b := newBrowser(t, newPages(t, newFake(t)), "en")
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/cases/../../x", "/cases//evil", "javascript:alert(1)", "/sign-in", "/nothing"} {
		w := b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord, "next", next)
		if to := w.Header().Get("Location"); to != "/" {
			t.Errorf("next=%q leads to %q", next, to)
		}
	}
	for _, path := range []string{"//evil.example/?lang=ru", "/%2F/evil.example?lang=ru"} {
		w := b.get(path)
		if to := w.Header().Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "evil.example") && !strings.HasPrefix(to, "/evil") && !strings.HasPrefix(to, "/%2F") {
			t.Errorf("%s leads to %q", path, to)
		}
	}
}

func TestOtherSitesFormsAreRefused(t *testing.T) {
	b := signedIn(t, newFake(t), "ru")
	for _, from := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		r := httptest.NewRequest(http.MethodPost, "/lock", nil)
		r.Header.Set(from[0], from[1])
		if w := b.ask(r); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "<h1>") {
			t.Errorf("%s: %s: %d", from[0], from[1], w.Code)
		}
	}
	if w := b.get("/about"); w.Code != http.StatusOK {
		t.Errorf("the session is gone: %d", w.Code)
	}
}

func TestFailuresSayNothingOfTheInside(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{registry.ErrNotFound, http.StatusNotFound},
		{registry.ErrNotAllowed, http.StatusForbidden},
		{errInside, http.StatusInternalServerError},
		{errors.Join(errors.New("search for Invented Name"), errInside), http.StatusInternalServerError},
	} {
		f := newFake(t)
		var log bytes.Buffer
		b := newBrowser(t, newPagesLogging(t, f, &log), "kk")
		b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
		f.fails = tt.err
		for _, path := range []string{"/", "/cases?q=Invented", "/cases/" + caseOne, "/figures", "/about"} {
			w := b.get(path)
			body := w.Body.String()
			if w.Code != tt.want || strings.Contains(body, "secret") || strings.Contains(body, "Invented Name") || !strings.Contains(body, `lang="kk"`) {
				t.Errorf("%s with %v: %d", path, tt.err, w.Code)
			}
		}
		if text := log.String(); strings.Contains(text, "Invented") || strings.Contains(text, caseOne) || strings.Contains(text, "secret") {
			t.Errorf("the log says too much: %s", text)
		}
	}
}

func TestBadQuestions(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	for path, want := range map[string]int{
		"/?as_of=yesterday":                        http.StatusBadRequest,
		"/figures?known_by=2022-13-01T00:00":       http.StatusBadRequest,
		"/figures?scope=elsewhere":                 http.StatusNotFound,
		"/figures?set=none":                        http.StatusNotFound,
		"/cases?figure=none":                       http.StatusNotFound,
		"/cases?rule=none":                         http.StatusNotFound,
		"/cases?q=" + strings.Repeat("a", 2000):    http.StatusBadRequest,
		"/cases?sort=none":                         http.StatusOK,
		"/cases/none":                              http.StatusNotFound,
		"/cases/" + caseOne + "/more":              http.StatusNotFound,
		"/static/0000000000000000/kua.css":         http.StatusNotFound,
		"/static/0000000000000000/../../doc.go":    http.StatusTemporaryRedirect,
		"/?lang=xx":                                http.StatusSeeOther,
		"/cases?as_of=2022-05-17&known_by=2022-06": http.StatusBadRequest,
	} {
		if w := b.get(path); w.Code != want {
			t.Errorf("%.60s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestTheQuestionReachesTheRegister(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	b.get("/cases?q=+Name+&stage=closed&stage=decided&child=yes&figure=closed&scope=coalition&rule=NOT-01&as_of=2022-05-17&known_by=2022-06-01T12:30&sort=incident&after=x&orgs=all")
	q := f.asked
	if q.Text != "Name" || len(q.Facets) != 2 || len(q.Facets["stage"]) != 2 || q.Figure != "closed" || q.Scope != "coalition" || q.Rule != "NOT-01" ||
		q.Clock.AsOf != day("2022-05-17") || !q.Clock.KnownBy.Equal(moment("2022-06-01T12:30:00Z")) || q.Sort != "incident" || q.After != "x" {
		t.Errorf("the register was asked %+v", q)
	}
}

func TestLanguage(t *testing.T) {
	f := newFake(t)
	b := newBrowser(t, newPages(t, f), "")
	delete(b.cookies, languageCookie)
	r := httptest.NewRequest(http.MethodGet, "/sign-in", nil)
	r.Header.Set("Accept-Language", "kk-KZ,kk;q=0.9,ru;q=0.5")
	if w := b.ask(r); !strings.Contains(w.Body.String(), `<html lang="kk">`) {
		t.Error("the browser's language is not taken")
	}
	w := b.get("/cases?stage=closed&lang=ru")
	if w.Header().Get("Location") != "/cases?stage=closed" || b.cookies[languageCookie] != "ru" {
		t.Errorf("the switch leads to %q, cookie %q", w.Header().Get("Location"), b.cookies[languageCookie])
	}
	if w := b.get("/sign-in"); !strings.Contains(w.Body.String(), `<html lang="ru">`) {
		t.Error("the chosen language is forgotten")
	}
}

// drawnLines are the lines of a label in a drawing: a longer word needs more of them.
var drawnLines = regexp.MustCompile(`(?:text … )+`)

// TestLanguagesSayTheSame holds each page to the same shape in every language:
// the same elements in the same order, with text where there is text.
func TestLanguagesSayTheSame(t *testing.T) {
	shapes := map[string]string{}
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		for _, p := range pages {
			doc, err := html.Parse(b.get(p.path).Body)
			if err != nil {
				t.Fatal(err)
			}
			var shape strings.Builder
			each(doc, func(n *html.Node) {
				if n.Type == html.ElementNode {
					shape.WriteString(n.Data + " ")
				} else if n.Type == html.TextNode && strings.TrimSpace(n.Data) != "" {
					shape.WriteString("… ")
				}
			})
			said := drawnLines.ReplaceAllString(shape.String(), "text … ")
			if lang == "en" {
				shapes[p.name] = said
			} else if shapes[p.name] != said {
				t.Errorf("%s in %s has another shape than in English", p.name, lang)
			}
		}
	}
}

// TestEveryMessageMadeOfACodeIsThere: those that are asked for by their whole
// key are in words_test.go.
func TestEveryMessageMadeOfACodeIsThere(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	// Keys that are put together from a code.
	var made []string
	for prefix, codes := range map[string][]string{
		"facet.":          facetNames,
		"cases.sort.":     sortNames,
		"nav.":            {"overview", "cases", "figures", "about"},
		"deadline.state.": {rules.Running, rules.Overdue, rules.Kept, rules.Late, rules.Open, rules.Expired, rules.CannotTell},
		"value.":          {"yes", "no", "unknown", "not_asked", "declined"},
		"figures.set.":    {wayFigures, "statement", flowFigures},
		"analysis.wait.":  {"registration", "examination", "decision"},
		"analysis.by.":    {"region", "body", "place_type", "article", "method", "sex", "child", "age_band", "stage"},
		"review.hint.":    {casefile.Verified, casefile.Rejected, casefile.FalselyAttributed},
		"review.changed.": {"new", "put", "gone"},
		"check.severity.": {string(rules.Warning), string(rules.Info)},
	} {
		for _, code := range codes {
			made = append(made, prefix+code)
		}
	}
	for _, name := range []string{"400", "403", "404", "429", "500", "clock", "cross", "unaudited", "full", "noanswer", "busy", "unknown", "kept", "restored"} {
		made = append(made, "error."+name+".title", "error."+name+".text")
	}
	for _, key := range made {
		for _, l := range words.Languages() {
			if !l.Has(key) {
				t.Errorf("no message %q in %s", key, l.Code())
			}
		}
	}
}

func TestCompression(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	css := assetPath(t, b)
	for _, path := range []string{"/cases", css} {
		plain := b.get(path)
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "br, gzip;q=0.8")
		zipped := b.ask(r)
		if zipped.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
			t.Fatalf("%s: Content-Encoding %q", path, zipped.Header().Get("Content-Encoding"))
		}
		size := zipped.Body.Len()
		zip, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(zip)
		if err != nil || string(text) != plain.Body.String() {
			t.Errorf("%s: the compressed page is another", path)
		}
		// A page must come through a 16 kbit/s line in ten seconds, its look once in as much.
		if size > 20<<10 {
			t.Errorf("%s: %d bytes compressed", path, size)
		}
	}
	if got := b.get(css).Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("style sheet: Cache-Control %q", got)
	}
	if got := b.get("/cases").Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("page: Cache-Control %q", got)
	}
}

func assetPath(t *testing.T, b *browser) string {
	t.Helper()
	m := regexp.MustCompile(`/static/[0-9a-f]{16}/kua\.css`).FindString(b.get("/").Body.String())
	if m == "" {
		t.Fatal("the page has no style sheet")
	}
	return m
}
