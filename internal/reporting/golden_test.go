// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bytes"
	"flag"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// hostile is what somebody types who means ill.
const hostile = `"><script>alert(1)</script><b>&`

// everyPage shows each page in each language as a browser gets it, also the
// answers to forms and what was refused. Name begins with the language. Words
// are those of the receipt that the page shows or was opened with.
func everyPage(t *testing.T, see func(name, words string, w *httptest.ResponseRecorder)) {
	t.Helper()
	second, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	several := func(o *Options) {
		first := o.Intakes
		o.Intakes = func() ([]Intake, error) {
			all, err := first()
			return append(all, Intake{"Sample Doctors (invented)", second.Recipient().String(), "90ab 11cd"}), err
		}
	}
	nobody := func(o *Options) { o.Intakes = func() ([]Intake, error) { return nil, nil } }
	for _, lang := range []string{"en", "ru", "kk"} {
		s := newSite(t)
		at := "/" + lang + "/plain"
		see(lang+"-seal", "", s.get("/"+lang+"/"))
		see(lang+"-check", "", s.get("/"+lang+"/check"))
		see(lang+"-plain", "", s.get(at))
		see(lang+"-plain-empty", "", s.send(at, part{"token", "", s.token()}, part{"wish", "", " "}))
		see(lang+"-plain-early", "", s.send(at, part{"token", "", tokenShape.FindStringSubmatch(s.get(at).Body.String())[1]},
			part{"told", "", hostile}, part{"who", "", hostile}, part{"consent", "", "un"}))
		see(lang+"-back", "", s.get(at+"/back"))
		see(lang+"-back-few", "", s.post(at+"/back", "words="+url.QueryEscape(hostile)))
		w := s.send(at, part{"token", "", s.token()}, part{"told", "", "told"})
		words := wordsIn(w.Body.String())
		see(lang+"-plain-receipt", words, w)
		form := "words=" + url.QueryEscape(words)
		see(lang+"-back-unanswered", words, s.post(at+"/back", form))
		s.answerTo(hostile + "\nИ вторая строка")
		see(lang+"-back-answered", words, s.post(at+"/back", form))
		see(lang+"-back-nothing", words, s.send(at+"/add", part{"words", "", words}))
		see(lang+"-back-added", words, s.send(at+"/add", part{"words", "", words}, part{"told", "", "more"}))
		see(lang+"-back-sure", words, s.post(at+"/back", form+"&withdraw=1"))
		see(lang+"-back-withdrawn", words, s.post(at+"/withdraw", form))
		see(lang+"-back-gone", words, s.post(at+"/back", form))
		s = newSite(t, several)
		see(lang+"-seal-several", "", s.get("/"+lang+"/"))
		see(lang+"-plain-several", "", s.get(at))
		see(lang+"-check-several", "", s.get("/"+lang+"/check"))
		see(lang+"-closed", "", newSite(t, nobody).get("/"+lang+"/"))
	}
}

// What is drawn, or changes with the script and the look, stands in golden
// pages under a name of its own.
var drawn = []struct {
	shape *regexp.Regexp
	as    string
}{
	{regexp.MustCompile(`(?s)<style>.*?</style>`), "<style>STYLE</style>"},
	{regexp.MustCompile(`(?s)<script>.*?</script>`), "<script>SCRIPT</script>"},
	{regexp.MustCompile(`sha256-[A-Za-z0-9+/=]{44}`), "sha256-HASH"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "DIGEST"},
	{regexp.MustCompile(`age1pq1[0-9a-z]{100,}`), "RECIPIENT"},
	{regexp.MustCompile(`"installation":"[0-9a-f]{32}"`), `"installation":"INSTALLATION"`},
	{regexp.MustCompile(`"words":"[^"]{1000,}"`), `"words":"WORDLIST"`},
	{tokenShape, `name="token" value="TOKEN"`},
	{regexp.MustCompile(`<ol class="words" id="words-list">(<li>\pL+</li>){8}</ol>`), `<ol class="words" id="words-list">WORDS</ol>`},
}

// TestGolden holds every page, in every language, to the one that was looked at.
func TestGolden(t *testing.T) {
	seen := map[string]bool{}
	everyPage(t, func(name, words string, w *httptest.ResponseRecorder) {
		text := strings.ReplaceAll(w.Body.String(), "&#43;", "+")
		if words != "" {
			text = strings.ReplaceAll(text, `value="`+words+`"`, `value="WORDS"`)
		}
		for _, d := range drawn {
			text = d.shape.ReplaceAllLiteralString(text, d.as)
		}
		golden(t, name, []byte(text))
		seen[name+".html"] = true
	})
	there, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range there {
		if !seen[f.Name()] {
			t.Errorf("testdata/golden/%s is a page that is not there any more", f.Name())
		}
	}
}

var (
	titleShape = regexp.MustCompile(`<title>([^<]*)</title>`)
	telling    = regexp.MustCompile(`(?i)tell|report|hurt|tortur|beat|расска|сообщ|пыт|бить|избит|айтыңыз|хабар|азап|ұрд|ұру`)
)

// TestTitles: each page has a title of its own (WCAG 2.4.2), which says nothing
// to whoever looks over a shoulder.
func TestTitles(t *testing.T) {
	same := map[string]string{"seal-several": "seal", "plain-several": "plain", "check-several": "check", "plain-early": "plain-empty", "back-gone": "back-few", "back-answered": "back-unanswered", "back-added": "back-unanswered"}
	titles := map[string]string{}
	everyPage(t, func(name, _ string, w *httptest.ResponseRecorder) {
		title := titleShape.FindStringSubmatch(w.Body.String())
		if title == nil || telling.MatchString(title[1]) {
			t.Errorf("%s: the title is %q", name, title)
			return
		}
		lang, page, _ := strings.Cut(name, "-")
		if of, ok := same[page]; ok {
			page = of
		}
		if other, taken := titles[lang+title[1]]; taken && other != page {
			t.Errorf("%s and %s-%s have the title %q", name, lang, other, title[1])
		}
		titles[lang+title[1]] = page
	})
	if len(titles) < 3*10 {
		t.Errorf("%d titles in three languages", len(titles))
	}
}

// TestNoCookieAnywhere: no page, no answer to a form, and nothing that the script
// asks for sets a cookie, and each page leads to the onion service.
func TestNoCookieAnywhere(t *testing.T) {
	seen := 0
	look := func(name string, w *httptest.ResponseRecorder) {
		seen++
		if got := w.Header().Values("Set-Cookie"); len(got) > 0 {
			t.Errorf("%s sets a cookie: %q", name, got)
		}
		for _, shape := range []string{"document.cookie", "localStorage", "sessionStorage", "indexedDB", "serviceWorker"} {
			if strings.Contains(w.Body.String(), shape) {
				t.Errorf("%s keeps something in the browser: %s", name, shape)
			}
		}
	}
	everyPage(t, func(name, _ string, w *httptest.ResponseRecorder) { look(name, w) })
	s := newSite(t, func(o *Options) { o.Onion = "sample.onion" })
	for _, path := range []string{"/", "/en/page.html", "/digests.txt", "/card.json", "/nowhere", "/xx/", "/api/work", "/api/pieces/" + strings.Repeat("0", 32)} {
		look(path, s.get(path))
	}
	for _, way := range [][2]string{{"PUT", "/api/pieces/" + strings.Repeat("0", 32) + "/0"}, {"POST", "/api/reports"}, {"POST", "/api/look"}, {"POST", "/api/add"}, {"POST", "/api/withdraw"}, {"DELETE", "/"}} {
		for _, work := range []string{"", s.worker()} {
			r := httptest.NewRequest(way[0], way[1], strings.NewReader(`{"door":"00"}`))
			r.Header.Set("Kua-Work", work)
			look(way[0]+" "+way[1], s.do(r))
		}
	}
	if seen < 3*19+8+12 {
		t.Errorf("%d answers were looked at", seen)
	}
	for _, lang := range []string{"en", "ru", "kk"} {
		for _, page := range []string{"", "plain", "plain/back", "check", "page.html"} {
			path := "/" + lang + "/" + page
			if got := s.get(path).Header().Get("Onion-Location"); got != "http://sample.onion"+path {
				t.Errorf("%s: Onion-Location %q", path, got)
			}
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
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
