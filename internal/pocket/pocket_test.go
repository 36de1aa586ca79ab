// SPDX-License-Identifier: AGPL-3.0-or-later

package pocket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/reporting"
	"github.com/kua-registry/kua/internal/submission"
	"github.com/kua-registry/kua/packs/kz"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// site is an installation of a test, with the identity that opens its inbox,
// which the pages are never given.
type site struct {
	t      testing.TB
	opts   Options
	pages  http.Handler
	intake *age.HybridIdentity
	more   []reporting.Intake // beside the intake
}

func newSite(t testing.TB, change ...func(*site)) *site {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 27, 13, 14, 15, 0, time.UTC) }
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t}
	if s.intake, err = age.GenerateHybridIdentity(); err != nil {
		t.Fatal(err)
	}
	store, err := inbox.Open(inbox.Options{Dir: t.TempDir(), Most: 1 << 30, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s.opts = Options{Options: reporting.Options{
		Inbox: store, Words: words, Now: now, Logger: slog.New(slog.DiscardHandler),
		Intakes: func() ([]reporting.Intake, error) {
			if s.intake == nil {
				return nil, nil
			}
			return append([]reporting.Intake{{Name: "Sample Committee (invented)", Recipient: s.intake.Recipient().String(), Fingerprint: "2f31 77ab"}}, s.more...), nil
		},
	}}
	for _, c := range change {
		c(s)
	}
	reports, err := reporting.New(s.opts.Options)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := New(s.opts)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", reports)
	mux.Handle(At, notes)
	s.pages = mux
	return s
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// told opens everything that lies in the inbox.
func (s *site) told() (all []submission.Message) {
	s.t.Helper()
	reports, err := s.opts.Inbox.List()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range reports {
		for _, m := range r.Messages {
			sealed, err := s.opts.Inbox.Message(r.Door, m)
			if err != nil {
				s.t.Fatal(err)
			}
			opened, err := submission.Open(s.intake, sealed)
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(all, opened)
		}
	}
	return all
}

var drawn = []struct {
	shape *regexp.Regexp
	as    string
}{
	{regexp.MustCompile(`(?s)<style>.*?</style>`), "<style>STYLE</style>"},
	{regexp.MustCompile(`(?s)<script>.*?</script>`), "<script>SCRIPT</script>"},
	{regexp.MustCompile(`sha256-[A-Za-z0-9+/=]{44}`), "sha256-HASH"},
	{regexp.MustCompile(`age1pq1[0-9a-z]{100,}`), "RECIPIENT"},
	{regexp.MustCompile(`"words":"[^"]{1000,}"`), `"words":"WORDLIST"`},
}

// TestGolden holds the page and how it is installed, in every language, to what
// was looked at.
func TestGolden(t *testing.T) {
	second, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "ru", "kk"} {
		one := newSite(t)
		two := newSite(t, func(s *site) {
			s.more = []reporting.Intake{{Name: "Sample Doctors (invented)", Recipient: second.Recipient().String(), Fingerprint: "90ab 11cd"}}
		})
		for name, w := range map[string]*httptest.ResponseRecorder{
			lang + ".html": one.get(At + lang + "/"), lang + "-several.html": two.get(At + lang + "/"), lang + ".webmanifest": one.get(At + lang + ".webmanifest"),
		} {
			text := strings.ReplaceAll(w.Body.String(), "&#43;", "+")
			for _, d := range drawn {
				text = d.shape.ReplaceAllLiteralString(text, d.as)
			}
			golden(t, name, []byte(text))
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, got, 0o644)); err != nil {
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

// TestPolicyHoldsThePage: what stands within runs, nothing else does, nothing is
// fetched from elsewhere, no answer sets a cookie or may be kept by the browser
// on its own.
func TestPolicyHoldsThePage(t *testing.T) {
	s := newSite(t)
	for _, lang := range []string{"en", "ru", "kk"} {
		w := s.get(At + lang + "/")
		policy := w.Header().Get("Content-Security-Policy")
		for _, must := range []string{"default-src 'none'", "connect-src 'self'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, must) {
				t.Errorf("%s: the policy has no %s", lang, must)
			}
		}
		if strings.Contains(policy, "unsafe") || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", lang, w.Header())
		}
		z := html.NewTokenizer(w.Body)
		within, inside := 0, ""
		for z.Next() != html.ErrorToken {
			token := z.Token()
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, At) {
					t.Errorf("%s: <%s %s=%q>", lang, token.Data, a.Key, a.Val)
				}
			}
			typed := token.Type == html.StartTagToken || token.Type == html.SelfClosingTagToken
			if typed && slices.Contains([]string{"input", "textarea", "select", "form"}, token.Data) {
				if !slices.ContainsFunc(token.Attr, func(a html.Attribute) bool {
					return a.Key == "autocomplete" && (a.Val == "off" || a.Val == "one-time-code")
				}) {
					t.Errorf("%s: the browser may keep what is typed into %s", lang, token)
				}
			}
			switch {
			case token.Type == html.StartTagToken && (token.Data == "script" || token.Data == "style"):
				if inside = token.Data; slices.ContainsFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "type" }) {
					inside = ""
				}
			case token.Type == html.TextToken && inside != "":
				if !strings.Contains(policy, reporting.HashOf(token.Data)) {
					t.Errorf("%s: a %s that the policy does not let run", lang, inside)
				}
				within, inside = within+1, ""
			}
		}
		if within != 4 {
			t.Errorf("%s: %d scripts and styles", lang, within)
		}
	}
}

var keptList = regexp.MustCompile(`(?m)^const files = (\{.*\});$`)

// TestWorkerKeepsWhatWasPublished: the list of the worker is every file with its
// digest, as the published digests have it; a new key makes another list.
func TestWorkerKeepsWhatWasPublished(t *testing.T) {
	s := newSite(t)
	list := func() map[string]string {
		found := keptList.FindStringSubmatch(s.get(At + "worker.js").Body.String())
		if found == nil {
			t.Fatal("the worker has no list")
		}
		var kept map[string]string
		if err := json.Unmarshal([]byte(found[1]), &kept); err != nil {
			t.Fatal(err)
		}
		return kept
	}
	first := list()
	published := s.get(At + "digests.txt").Body.String()
	if len(first) != 8 {
		t.Errorf("%d files are kept: %v", len(first), first)
	}
	for path, sum := range first {
		w := s.get(path)
		got := sha256.Sum256(w.Body.Bytes())
		if w.Code != http.StatusOK || hex.EncodeToString(got[:]) != sum || !strings.Contains(published, sum+"  notes-") {
			t.Errorf("%s: %d, SHA-256 %x, kept as %s", path, w.Code, got, sum)
		}
	}
	all, err := Digests(s.opts.Options)
	if err != nil || len(all) != 9 {
		t.Errorf("%d digests (%v)", len(all), err)
	}
	old := s.get(At + "worker.js").Body.String()
	if s.intake, err = age.GenerateHybridIdentity(); err != nil {
		t.Fatal(err)
	}
	second := list()
	for path := range first {
		if changed := first[path] != second[path]; changed != strings.HasSuffix(path, "/") {
			t.Errorf("%s: with a new key, changed is %v", path, changed)
		}
	}
	if s.get(At+"worker.js").Body.String() == old {
		t.Error("the worker is the same with another key")
	}
	s.intake = nil
	if w := s.get(At + "worker.js"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("nobody can open what would be sealed, and the worker is served: %d", w.Code)
	}
}

func TestLeadsToALanguage(t *testing.T) {
	s := newSite(t)
	r := httptest.NewRequest(http.MethodGet, At, nil)
	r.Header.Set("Accept-Language", "kk-KZ, ru;q=0.8")
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/notes/kk/" {
		t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := s.get(At + "nothing"); w.Code != http.StatusNotFound {
		t.Errorf("what is not there: %d", w.Code)
	}
}

// TestSpeakersAreOfTheCodebook: what the page seals is known where it is opened.
func TestSpeakersAreOfTheCodebook(t *testing.T) {
	book, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	roles, _ := book.List("person_role")
	for _, code := range Speakers() {
		if _, ok := roles.Code(code); !ok {
			t.Errorf("%s is no role", code)
		}
	}
}
