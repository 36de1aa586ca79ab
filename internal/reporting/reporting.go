// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/receipt"
)

//go:embed templates static
var files embed.FS

// Intake is to whom reports can be sealed: an organisation that reads them.
type Intake struct {
	Name        string // as people know it
	Recipient   string // age1pq1…
	Fingerprint string // as it stands on paper
}

// Options are what an installation decides about these pages.
type Options struct {
	Inbox *inbox.Store // nil: pages are made, and nothing is served
	// Installation names the installation to which receipts are bound; with an
	// inbox it is that of the inbox.
	Installation [16]byte
	Words        *locale.Catalogue
	Now          func() time.Time
	Intakes      func() ([]Intake, error) // asked for each page: they may change
	Most         int                      // reports in an hour, from all together; 0: DefaultMost
	Away         string                   // where "Leave this page" leads; empty: DefaultAway
	Onion        string                   // host of the onion service, as abc….onion; empty: none
	Logger       *slog.Logger             // of faults, without anything of a request
}

// What is taken where an installation says nothing else.
const (
	DefaultMost = 2000
	DefaultAway = "https://www.wikipedia.org/"
)

// server serves the pages. It may be shared.
type server struct {
	Options
	gate  *gate
	lists receipt.Lists
	pages *template.Template
	parts parts
	slow  chan struct{} // stretching of receipts takes memory: two at a time

	mu     sync.Mutex
	sealed map[string]Whole // pages that seal, by language
	of     []Intake         // for whom they were made
}

// New makes the pages.
func New(o Options) (http.Handler, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.first)
	mux.HandleFunc("GET /{lang}/{$}", s.page(s.sealing))
	mux.HandleFunc("GET /{lang}/check", s.page(s.check))
	mux.HandleFunc("GET /{lang}/page.html", s.page(s.save))
	mux.HandleFunc("GET /{lang}/plain", s.page(s.plain))
	mux.HandleFunc("POST /{lang}/plain", s.page(s.plainSend))
	mux.HandleFunc("GET /{lang}/plain/back", s.page(s.plainBack))
	mux.HandleFunc("POST /{lang}/plain/back", s.page(s.plainOpen))
	mux.HandleFunc("POST /{lang}/plain/add", s.page(s.plainAdd))
	mux.HandleFunc("POST /{lang}/plain/withdraw", s.page(s.plainWithdraw))
	mux.HandleFunc("GET /digests.txt", s.digests)
	mux.HandleFunc("GET /card.json", s.card)
	mux.HandleFunc("GET /api/work", s.work)
	mux.HandleFunc("GET /api/pieces/{upload}", s.pieces)
	mux.HandleFunc("PUT /api/pieces/{upload}/{number}", s.putPiece)
	mux.HandleFunc("POST /api/reports", s.putReport)
	mux.HandleFunc("POST /api/look", s.look)
	mux.HandleFunc("POST /api/add", s.addTo)
	mux.HandleFunc("POST /api/withdraw", s.withdraw)
	return o.Protect(s.parts.policy, mux), nil
}

func newServer(o Options) (*server, error) {
	if o.Most == 0 {
		o.Most = DefaultMost
	}
	if o.Away == "" {
		o.Away = DefaultAway
	}
	if o.Inbox != nil {
		o.Installation = o.Inbox.Installation()
	}
	lists, err := receipt.Load()
	if err != nil {
		return nil, err
	}
	s := &server{Options: o, gate: newGate(o.Most, o.Now), lists: lists, slow: make(chan struct{}, 2), sealed: map[string]Whole{}}
	if s.parts, err = loadParts(); err != nil {
		return nil, err
	}
	if s.pages, err = template.ParseFS(files, "templates/*.html"); err != nil {
		return nil, err
	}
	return s, nil
}

// Protect sets what every answer says to the browser, and keeps a fault from
// writing who it happened to.
func (o Options) Protect(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		h.Set("X-DNS-Prefetch-Control", "off")
		if o.Onion != "" && r.Host != o.Onion && !strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Onion-Location", "http://"+o.Onion+r.URL.EscapedPath())
		}
		defer func() {
			switch e := recover(); e {
			case nil:
			case http.ErrAbortHandler:
				panic(e)
			default:
				o.Logger.Error("a page for reports failed: this is a mistake of the program")
				panic(http.ErrAbortHandler) // whose line is cut, and nothing written of it
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// visit is one request for a page in a language.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	lang *locale.Language
}

func (s *server) page(do func(*visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		lang, ok := s.Words.Lookup(r.PathValue("lang"))
		if !ok {
			http.Error(w, "404", http.StatusNotFound)
			return
		}
		do(&visit{w, r, lang})
	}
}

// first is the page in the language of the browser.
func (s *server) first(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/"+s.Words.Match(r.Header.Get("Accept-Language")).Code()+"/", http.StatusSeeOther)
}

// body is what a template is given.
type body struct {
	lang    *locale.Language
	Code    string
	At      string // the page, after the language
	Away    string
	Style   template.CSS
	Langs   []langLink
	Problem string
	Data    any

	title string
}

type langLink struct {
	Code, Name string
	Here       bool
}

// T is a text in the language of the page.
func (b body) T(key string, args ...any) string { return b.lang.T("reporting."+key, args...) }

// Title is what stands on the tab and in the history: which page it is, and
// nothing of what the pages are for.
func (b body) Title() string {
	title := b.T("title." + b.title)
	if b.Problem != "" {
		return b.lang.T("reporting.title.again", title)
	}
	return title
}

// body is for the page at a place after the language, with one of the titles.
func (s *server) body(lang *locale.Language, at, title string, data any) body {
	b := body{lang: lang, title: title, Code: lang.Code(), At: at, Away: s.Away, Style: template.CSS(s.parts.style), Data: data}
	for _, l := range s.Words.Languages() {
		b.Langs = append(b.Langs, langLink{l.Code(), l.Name(), l == lang})
	}
	return b
}

func (s *server) show(v *visit, name string, status int, b body) {
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name, b); err != nil {
		s.Logger.Error("a page for reports could not be made", slog.String("page", name))
		http.Error(v.w, "500", http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out.Bytes()) // who has gone needs no answer
}

// intakes are those who can read reports, or none where they can't be known.
func (s *server) intakes() []Intake {
	all, err := s.Intakes()
	if err != nil {
		s.Logger.Error("to whom reports are sealed can't be read", slog.Any("error", err))
		return nil
	}
	return all
}

// day writes a day of the inbox.
func day(lang *locale.Language, text string) string {
	d, err := edtf.ParseDay(text)
	if err != nil {
		return text
	}
	return lang.Day(d)
}

// days are the days of messages, each once, without those of answers.
func days(r inbox.Report) (all []string) {
	for _, m := range r.Messages {
		if !m.Answer && !slices.Contains(all, m.Day) {
			all = append(all, m.Day)
		}
	}
	return all
}

// statusOf is what an error of the inbox or the gate is to a browser.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, errWork):
		return http.StatusForbidden
	case errors.Is(err, errMany):
		return http.StatusTooManyRequests
	case errors.Is(err, inbox.ErrNone):
		return http.StatusNotFound
	case errors.Is(err, inbox.ErrTaken):
		return http.StatusConflict
	case errors.Is(err, inbox.ErrGone):
		return http.StatusGone
	case errors.Is(err, inbox.ErrMissing):
		return http.StatusFailedDependency
	case errors.Is(err, inbox.ErrTooLong):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, inbox.ErrFull):
		return http.StatusInsufficientStorage
	case errors.Is(err, errAsked):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

var errAsked = errors.New("it was asked for in no form that is known")

// fault keeps faults of the disk for who runs the machine.
func (s *server) fault(err error) int {
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		s.Logger.Error("the inbox could not do what it was asked", slog.String("kind", fmt.Sprintf("%T", errors.Unwrap(err))))
	}
	return status
}
