// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/submission"
	"github.com/kua-registry/kua/packs/kz"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// site is an installation of a test: its pages, its inbox, and the identity
// that opens it, which the pages are never given.
type site struct {
	t      testing.TB
	opts   Options
	pages  http.Handler
	intake *age.HybridIdentity
	clock  *clock
	log    *bytes.Buffer
	dir    string
}

func newSite(t testing.TB, more ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, clock: &clock{at: time.Date(2026, 11, 27, 13, 14, 15, 0, time.UTC)}, log: &bytes.Buffer{}, dir: t.TempDir()}
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	if s.intake, err = age.GenerateHybridIdentity(); err != nil {
		t.Fatal(err)
	}
	store, err := inbox.Open(inbox.Options{Dir: s.dir, Most: 1 << 30, Now: s.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	s.opts = Options{
		Inbox: store, Words: words, Now: s.clock.now, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
		Intakes: func() ([]Intake, error) {
			return []Intake{{"Sample Committee (invented)", s.intake.Recipient().String(), "2f31 77ab"}}, nil
		},
	}
	for _, m := range more {
		m(&s.opts)
	}
	if s.pages, err = New(s.opts); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) do(r *http.Request) *httptest.ResponseRecorder {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, r)
	return w
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.do(httptest.NewRequest(http.MethodGet, path, nil))
}

// part is a part of a form: a text, or a file where it has a name.
type part struct{ field, file, text string }

func multi(t testing.TB, parts ...part) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		var to io.Writer
		var err error
		if p.file != "" {
			to, err = w.CreateFormFile(p.field, p.file)
		} else {
			to, err = w.CreateFormField(p.field)
		}
		if err == nil {
			_, err = io.WriteString(to, p.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

func (s *site) send(path string, parts ...part) *httptest.ResponseRecorder {
	s.t.Helper()
	b, kind := multi(s.t, parts...)
	r := httptest.NewRequest(http.MethodPost, path, b)
	r.Header.Set("Content-Type", kind)
	return s.do(r)
}

func (s *site) post(path, form string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(r)
}

var tokenShape = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is that of a form that was open long enough.
func (s *site) token() string {
	s.t.Helper()
	found := tokenShape.FindStringSubmatch(s.get("/en/plain").Body.String())
	if found == nil {
		s.t.Fatal("the form without script has no token")
	}
	s.clock.move(formLeast)
	return found[1]
}

var wordShape = regexp.MustCompile(`<li>([^<]+)</li>`)

func wordsIn(page string) string {
	var all []string
	for _, w := range wordShape.FindAllStringSubmatch(page, -1) {
		all = append(all, w[1])
	}
	return strings.Join(all, " ")
}

// told opens everything that lies in the inbox.
func (s *site) told() (all []string) {
	s.t.Helper()
	reports, err := s.opts.Inbox.List()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range reports {
		for _, m := range r.Messages {
			if m.Answer {
				continue
			}
			sealed, err := s.opts.Inbox.Message(r.Door, m)
			if err != nil {
				s.t.Fatal(err)
			}
			opened, err := submission.Open(s.intake, sealed)
			if err != nil {
				s.t.Fatal(err)
			}
			text := opened.Told + "|" + opened.Who + "|" + strings.Join(opened.Consents, ",")
			for _, f := range opened.Files {
				text += "|" + f.Name + ":" + s.file(r, m, f)
			}
			all = append(all, text)
		}
	}
	return all
}

// file opens a file of a message, and gives its length and whether its sum is right.
func (s *site) file(r inbox.Report, m inbox.Message, f submission.File) string {
	s.t.Helper()
	u, err := uploadOf(f.Upload)
	if err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.New()
	for n := range f.Pieces {
		in, err := s.opts.Inbox.Piece(r.Door, m, u, n)
		if err != nil {
			s.t.Fatal(err)
		}
		sealed, err := io.ReadAll(in)
		in.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		plain, err := submission.OpenPiece(s.intake, f, n, sealed)
		if err != nil {
			s.t.Fatal(err)
		}
		sum.Write(plain)
	}
	return fmt.Sprint(f.Bytes, hex.EncodeToString(sum.Sum(nil)) == f.SHA256)
}

// answerTo answers the only report that is there.
func (s *site) answerTo(text string) {
	s.t.Helper()
	reports, err := s.opts.Inbox.List()
	if err != nil || len(reports) != 1 {
		s.t.Fatalf("%d reports: %v", len(reports), err)
	}
	r := reports[0]
	sealed, err := s.opts.Inbox.Message(r.Door, r.Messages[0])
	if err != nil {
		s.t.Fatal(err)
	}
	opened, err := submission.Open(s.intake, sealed)
	if err != nil {
		s.t.Fatal(err)
	}
	to, err := submission.Recipients(opened.Answers)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := submission.Seal(to, submission.Message{Format: 1, Language: "ru", Told: text})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.opts.Inbox.Answer(r.Door, answer); err != nil {
		s.t.Fatal(err)
	}
}

// TestWithoutScript goes the whole way without script in each language: report,
// receipt, answer, second visit, more, taking back.
func TestWithoutScript(t *testing.T) {
	for _, lang := range []string{"en", "ru", "kk"} {
		t.Run(lang, func(t *testing.T) {
			s := newSite(t)
			long := strings.Repeat("x", submission.PieceBytes+5)
			w := s.send("/"+lang+"/plain", part{"token", "", s.token()}, part{"told", "", "Меня били"}, part{"who", "", "я"},
				part{"consent", "", "un"}, part{"consent", "", "no_such"}, part{"files", `C:\a\рана.jpg`, long}, part{"files", "leer.txt", ""})
			words := wordsIn(w.Body.String())
			if w.Code != 200 || len(strings.Fields(words)) != 8 {
				t.Fatalf("%d, words %q: %s", w.Code, words, w.Body)
			}
			want := fmt.Sprintf("Меня били|я|un|рана.jpg:%d true|leer.txt:0 true", len(long))
			if got := s.told(); len(got) != 1 || got[0] != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			s.answerTo("Мы прочли <это>")
			w = s.post("/"+lang+"/plain/back", "words="+strings.ReplaceAll(words, " ", "+"))
			if w.Code != 200 || !strings.Contains(w.Body.String(), "Мы прочли &lt;это&gt;") {
				t.Fatalf("%d, no answer in %s", w.Code, w.Body)
			}
			w = s.send("/"+lang+"/plain/add", part{"words", "", words}, part{"told", "", "Ещё"}, part{"files", "b.txt", "abc"})
			if w.Code != 200 || len(s.told()) != 2 || s.told()[1] != "Ещё|||b.txt:3 true" {
				t.Fatalf("%d, told %q: %s", w.Code, s.told(), w.Body)
			}
			w = s.post("/"+lang+"/plain/back", "withdraw=1&words="+strings.ReplaceAll(words, " ", "+"))
			if !strings.Contains(w.Body.String(), `action="/`+lang+`/plain/withdraw"`) || len(s.told()) != 2 {
				t.Errorf("whoever asks to take it back is not asked whether they are sure, or it has gone already")
			}
			w = s.post("/"+lang+"/plain/withdraw", "words="+strings.ReplaceAll(words, " ", "+"))
			if w.Code != 200 || len(s.told()) != 0 {
				t.Errorf("%d, and still there: %q", w.Code, s.told())
			}
			if w = s.post("/"+lang+"/plain/back", "words="+strings.ReplaceAll(words, " ", "+")); w.Code != http.StatusGone {
				t.Errorf("after it was taken back: %d", w.Code)
			}
		})
	}
}

// TestProgramsAreNotTaken: the form without script says which file it does not
// take, nothing is sent, and what was written is still there; with the words of
// an earlier report it is the same. The page that seals has the same endings.
func TestProgramsAreNotTaken(t *testing.T) {
	s := newSite(t)
	w := s.send("/ru/plain", part{"token", "", s.token()}, part{"told", "", "Меня били"}, part{"files", "рана.jpg", "a"}, part{"files", "смотри.JPG.Exe", "MZ"})
	if page := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(page, "Программу отправить нельзя (смотри.JPG.Exe)") || !strings.Contains(page, "Меня били") || len(s.told()) != 0 {
		t.Errorf("%d, told %q: %s", w.Code, s.told(), page)
	}
	words := wordsIn(s.send("/en/plain", part{"token", "", s.token()}, part{"told", "", "a"}).Body.String())
	w = s.send("/en/plain/add", part{"words", "", words}, part{"told", "", "more"}, part{"files", "a.apk", "PK"})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "(a.apk)") || len(s.told()) != 1 {
		t.Errorf("added: %d, told %q", w.Code, s.told())
	}
	if page := s.get("/en/").Body.String(); !strings.Contains(page, `"programs":[".apk",`) {
		t.Error("the page that seals does not know what is not taken")
	}
}

// TestTheSameFormTwice is who presses twice: one report, one receipt.
func TestTheSameFormTwice(t *testing.T) {
	s := newSite(t)
	token := s.token()
	first := wordsIn(s.send("/en/plain", part{"token", "", token}, part{"told", "", "a"}).Body.String())
	second := wordsIn(s.send("/en/plain", part{"token", "", token}, part{"told", "", "b"}).Body.String())
	if all, err := s.opts.Inbox.List(); err != nil || len(all) != 1 || first != second || first == "" {
		t.Errorf("%d reports, receipts %q and %q (%v)", len(all), first, second, err)
	}
}

// TestNothingUnsealedOnTheDisk looks for what was told in every file, and for
// anything of who sends in the log.
func TestNothingUnsealedOnTheDisk(t *testing.T) {
	s := newSite(t)
	secret := "ТайнаТайнаТайна"
	t.Setenv("TMPDIR", filepath.Join(s.dir, "tmp"))
	b, kind := multi(t, part{"token", "", s.token()}, part{"told", "", secret}, part{"files", secret + ".txt", strings.Repeat(secret, 1<<18)})
	r := httptest.NewRequest(http.MethodPost, "/ru/plain", b)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("User-Agent", "Agent-of-a-phone")
	r.RemoteAddr = "203.0.113.77:4711"
	if w := s.do(r); w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	seen := 0
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		text, err := os.ReadFile(path)
		for _, never := range []string{secret, "Agent-of-a-phone", "203.0.113.77"} {
			if bytes.Contains(text, []byte(never)) || strings.Contains(path, never) {
				t.Errorf("%s holds %q", path, never)
			}
		}
		return err
	})
	if err != nil || seen < 4 {
		t.Errorf("%d files (%v)", seen, err)
	}
	if s.log.Len() > 0 {
		t.Errorf("a report that arrived was logged: %s", s.log)
	}
}

// TestHeaders holds every page to what it may ask of a browser.
func TestHeaders(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Onion = "sample.onion" })
	for _, path := range []string{"/", "/en/", "/ru/plain", "/kk/plain/back", "/en/check", "/en/page.html", "/digests.txt", "/card.json", "/api/work", "/nowhere", "/xx/"} {
		w := s.get(path)
		h := w.Header()
		if len(h.Values("Set-Cookie")) > 0 || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'sha256-") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %v", path, h)
		}
		if !strings.HasPrefix(path, "/api/") && h.Get("Onion-Location") != "http://sample.onion"+path {
			t.Errorf("%s: Onion-Location %q", path, h.Get("Onion-Location"))
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/en/", nil)
	r.Host = "sample.onion"
	if w := s.do(r); w.Header().Get("Onion-Location") != "" {
		t.Error("the onion service points to itself")
	}
}

// TestSealingPage holds the page to its digest, its policy to what is within,
// and the bytes to be the same for everybody.
func TestSealingPage(t *testing.T) {
	s := newSite(t)
	for _, lang := range []string{"en", "ru", "kk"} {
		page := s.get("/" + lang + "/").Body.Bytes()
		s.clock.move(time.Hour)
		if again := s.get("/" + lang + "/page.html").Body.Bytes(); !bytes.Equal(page, again) {
			t.Errorf("%s: the page is not the same for everybody", lang)
		}
		r := httptest.NewRequest(http.MethodGet, "/"+lang+"/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		packed := s.do(r)
		if z, err := gzip.NewReader(packed.Body); err != nil {
			t.Error(err)
		} else if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, page) || packed.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: packed, the page is another (%v)", lang, err)
		}
		if n := packed.Result().ContentLength; n > 80<<10 {
			t.Errorf("%s: %d bytes go over a slow line", lang, n)
		}
		sum := sha256.Sum256(page)
		if !strings.Contains(s.get("/digests.txt").Body.String(), hex.EncodeToString(sum[:])+"  page-"+lang+".html\n") {
			t.Errorf("%s: its digest is not published", lang)
		}
		policy := s.get("/" + lang + "/").Header().Get("Content-Security-Policy")
		z := html.NewTokenizer(bytes.NewReader(page))
		scripts, inside := 0, ""
		for z.Next() != html.ErrorToken {
			token := z.Token()
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || (a.Key == "rel" && a.Val == "stylesheet") {
					t.Errorf("%s: <%s %s=%q>", lang, token.Data, a.Key, a.Val)
				}
			}
			switch {
			case token.Type == html.StartTagToken && (token.Data == "script" || token.Data == "style"):
				inside = token.Data
				if slices.ContainsFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "type" }) {
					inside = ""
				}
			case token.Type == html.TextToken && inside != "":
				if !strings.Contains(policy, HashOf(token.Data)) {
					t.Errorf("%s: a %s that the policy does not let run", lang, inside)
				}
				scripts, inside = scripts+1, ""
			}
		}
		if scripts != 4 {
			t.Errorf("%s: %d scripts and styles", lang, scripts)
		}
	}
}

// TestNewKeyIsOnThePage turns the intake key: the page, packed and not, seals to
// the new one at once.
func TestNewKeyIsOnThePage(t *testing.T) {
	to := []Intake{{"Sample", "", ""}}
	s := newSite(t, func(o *Options) { o.Intakes = func() ([]Intake, error) { return slices.Clone(to), nil } })
	for range 2 {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			t.Fatal(err)
		}
		to[0].Recipient = id.Recipient().String()
		for _, encoding := range []string{"", "gzip"} {
			r := httptest.NewRequest(http.MethodGet, "/en/", nil)
			r.Header.Set("Accept-Encoding", encoding)
			w := s.do(r)
			var in io.Reader = w.Body
			if encoding != "" {
				if in, err = gzip.NewReader(w.Body); err != nil {
					t.Fatal(err)
				}
			}
			if page, err := io.ReadAll(in); err != nil || !bytes.Contains(page, []byte(to[0].Recipient)) {
				t.Errorf("%q: the page seals to another key (%v)", encoding, err)
			}
		}
	}
}

func TestVendoredScriptIsWhatItWas(t *testing.T) {
	sums, err := os.ReadFile("sealing/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("static/sealing.js")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if string(sums) != hex.EncodeToString(sum[:])+"  sealing.js\n" {
		t.Errorf("static/sealing.js is another than sealing/SHA256SUMS says: make sealing")
	}
	for _, notice := range []string{"The age Authors", "Paul Miller", "Redistributions in binary form", "The above copyright notice"} {
		if !bytes.Contains(b, []byte(notice)) {
			t.Errorf("its licence notices have lost %q", notice)
		}
	}
}

// TestPurposesAreThoseOfTheCodebook holds the questions to the list.
func TestPurposesAreThoseOfTheCodebook(t *testing.T) {
	book, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	list, ok := book.List("consent_purpose")
	if !ok {
		t.Fatal("the codebook has no list of purposes")
	}
	var codes []string
	for _, c := range list.Codes {
		if !slices.Contains([]string{"other", "unknown", "declined", "not_asked"}, c.Code) {
			codes = append(codes, c.Code)
		}
	}
	asked := Purposes()
	slices.Sort(codes)
	slices.Sort(asked)
	if !slices.Equal(codes, asked) {
		t.Errorf("asked %v\nlist  %v", asked, codes)
	}
}

// worker does the work that keeps floods away, as the page does.
func (s *site) worker() string {
	s.t.Helper()
	var asked struct {
		Token string
		Bits  int
	}
	if err := json.Unmarshal(s.get("/api/work").Body.Bytes(), &asked); err != nil {
		s.t.Fatal(err)
	}
	for n := 0; ; n++ {
		if worked(asked.Token, fmt.Sprint(n), asked.Bits) {
			return fmt.Sprint(asked.Token, ".", n)
		}
	}
}

func (s *site) api(method, path, work string, body []byte) int {
	s.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Kua-Work", work)
	return s.do(r).Code
}

// TestFloods tries what a flood does.
func TestFloods(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Most = 20 })
	report := func(n int) []byte {
		return []byte(fmt.Sprintf(`{"door":"%064x","answers":%q,"message":"AA=="}`, n, s.intake.Recipient()))
	}
	if got := s.api("POST", "/api/reports", "", report(1)); got != 403 {
		t.Errorf("without work: %d", got)
	}
	work := s.worker()
	token, number, _ := strings.Cut(work, ".")
	for name, other := range map[string]string{"of somebody else": "B" + token[1:] + "." + number, "another number": token + ".0", "too long": token + "." + strings.Repeat("0", 30)} {
		if got := s.api("POST", "/api/reports", other, report(1)); got != 403 {
			t.Errorf("work %s: %d", name, got)
		}
	}
	for n, want := range []int{200, 200, 403} {
		if got := s.api("POST", "/api/reports", work, report(n+1)); got != want {
			t.Errorf("report %d for one work: %d, want %d", n+1, got, want)
		}
	}
	work = s.worker()
	s.clock.move(workLasts + time.Second)
	if got := s.api("POST", "/api/reports", work, report(9)); got != 403 {
		t.Errorf("work of the hour before: %d", got)
	}
	for n := range 20 {
		if n%2 == 0 {
			work = s.worker()
		}
		if got := s.api("POST", "/api/reports", work, report(10+n)); got != 200 {
			t.Fatalf("report %d of the hour: %d", n+1, got)
		}
	}
	if got := s.get("/api/work").Body.String(); !strings.Contains(got, fmt.Sprintf(`"bits":%d`, leastBits+3)) {
		t.Errorf("in a full hour as much work is asked for as in a quiet one: %s", got)
	}
	if got := s.api("POST", "/api/reports", s.worker(), report(99)); got != 429 {
		t.Errorf("more than the hour takes: %d", got)
	}
	s.clock.move(time.Hour)
	if got := s.api("POST", "/api/reports", s.worker(), report(99)); got != 200 {
		t.Errorf("in the next hour: %d", got)
	}
	if w := s.send("/en/plain", part{"token", "", s.token()}, part{"told", "", "a"}); w.Code != 200 {
		t.Errorf("without script: %d", w.Code)
	}
	fresh := tokenShape.FindStringSubmatch(s.get("/en/plain").Body.String())[1]
	w := s.send("/en/plain", part{"token", "", fresh}, part{"told", "", "what I wrote"})
	if w.Code != 422 || !strings.Contains(w.Body.String(), "what I wrote") {
		t.Errorf("sent as fast as no one writes: %d, and what was written is lost: %v", w.Code, !strings.Contains(w.Body.String(), "what I wrote"))
	}
	if w := s.send("/en/plain", part{"token", "", s.token()}, part{"told", "", "a"}); w.Code != 200 {
		t.Errorf("the second without script: %d", w.Code)
	}
	if w := s.send("/en/plain", part{"token", "", s.token()}, part{"told", "", "a"}); w.Code != 429 {
		t.Errorf("more without script than its share: %d", w.Code)
	}
}

// TestOneSource holds one address to its part of the hour, and nobody else to it.
func TestOneSource(t *testing.T) {
	g := newGate(1<<20, (&clock{at: time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)}).now)
	from := func(address string) error {
		return g.plainly(&http.Request{RemoteAddr: address}, costReport)
	}
	for range perSource / costReport {
		if err := from("[2001:db8::1]:1"); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]error{
		"[2001:db8::ffff]:9": errMany, "[2001:db8:1::1]:1": nil, "203.0.113.7:80": nil, "127.0.0.1:3": nil,
		"[fc00:dead:beef:4dad::1]:1": nil, "[fc00:dead:beef:4dad::2]:1": nil,
	} {
		if err := from(address); !errors.Is(err, want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for key := range g.sources {
		if bytes.Contains(key[:], []byte{203, 0, 113, 7}) {
			t.Error("an address is kept as it is")
		}
	}
}

// TestCircuits reads the line with which tor says which circuit it is.
func TestCircuits(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sources := make(chan string, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sources <- sourceOf(r) }), ErrorLog: log.New(io.Discard, "", 0)}
	defer server.Close()
	go func() { _ = server.Serve(Circuits(inner)) }() // it ends with the server
	for line, want := range map[string]string{
		"PROXY TCP6 fc00:dead:beef:4dad::ffff:1 ::1 65535 80\r\n": "fc00:dead:beef:4dad::ffff:1",
		"PROXY TCP6 fc00:dead:beef:4dad::2 ::1 1 80\r\n":          "fc00:dead:beef:4dad::2",
		"": "closed", "PROXY UNKNOWN\r\n": "closed", strings.Repeat("A", 200): "closed", "PROXY TCP6 nobody ::1 1 80\r\n": "closed",
	} {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, line+"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got := "closed"
		if b, err := io.ReadAll(c); err == nil && bytes.HasPrefix(b, []byte("HTTP/1.1 200")) {
			got = <-sources
		}
		c.Close()
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}
