// SPDX-License-Identifier: AGPL-3.0-or-later

package pocket

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/receipt"
	"github.com/kua-registry/kua/internal/reporting"
)

//go:embed templates static
var files embed.FS

// At is where the pages stand. It says no more than their name does.
const At = "/notes/"

// DefaultIdle is how long a draft stays open without a letter being typed.
const DefaultIdle = 3 * time.Minute

// Options are what an installation decides about these pages.
type Options struct {
	reporting.Options
	Idle time.Duration // 0: DefaultIdle
}

// file is one of the files that a phone keeps.
type file struct {
	path string // of the request
	reporting.Digest
	reporting.Whole
}

// maker makes the files. It may be shared.
type maker struct {
	Options
	page                              *template.Template
	lists                             receipt.Lists
	style, sealing, line, own, worker string
	policy                            string

	mu    sync.Mutex
	files []file             // the worker is the last
	of    []reporting.Intake // for whom they were made
}

// New serves the pages under At, for the same address as the pages for reports.
func New(o Options) (http.Handler, error) {
	m, err := newMaker(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+At+"{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, At+m.Words.Match(r.Header.Get("Accept-Language")).Code()+"/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+At, m.give)
	return o.Protect(m.policy, mux), nil
}

func newMaker(o Options) (*maker, error) {
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	m := &maker{Options: o}
	var err error
	if m.lists, err = receipt.Load(); err != nil {
		return nil, err
	}
	if m.page, err = template.ParseFS(files, "templates/page.html"); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		to   *string
		from func() (string, error)
	}{
		{&m.style, reporting.Style}, {&m.sealing, reporting.Sealing}, {&m.line, reporting.Line},
		{&m.own, func() (string, error) { return stored("notes.js") }}, {&m.worker, func() (string, error) { return stored("worker.js") }},
	} {
		if *part.to, err = part.from(); err != nil {
			return nil, err
		}
	}
	more, err := stored("notes.css")
	m.style += "\n" + more
	m.policy = "default-src 'none'; script-src " + reporting.HashOf(m.sealing) + " " + reporting.HashOf(m.line) + " " + reporting.HashOf(m.own) +
		"; style-src " + reporting.HashOf(m.style) + "; connect-src 'self'; img-src 'self'; manifest-src 'self'; worker-src 'self'" +
		"; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types worker"
	return m, err
}

func stored(name string) (string, error) {
	b, err := files.ReadFile("static/" + name)
	return strings.TrimSpace(string(b)), err
}

func (m *maker) give(w http.ResponseWriter, r *http.Request) {
	all, err := m.all()
	if err != nil {
		m.Logger.Error("the pages for phones could not be made", slog.Any("error", err))
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	if r.URL.Path == At+"digests.txt" {
		reporting.WriteDigests(w, digests(all))
		return
	}
	for _, f := range all {
		if f.path == r.URL.Path {
			f.Give(w, r)
			return
		}
	}
	status := http.StatusNotFound
	if len(all) == 0 { // nobody could open what would be sealed; a phone keeps the page that it has
		status = http.StatusServiceUnavailable
	}
	http.Error(w, fmt.Sprint(status), status)
}

// all are the files for those who read reports now; none: nobody does.
func (m *maker) all() ([]file, error) {
	to, err := m.Intakes()
	if err != nil || len(to) == 0 {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.of, to) {
		made, err := m.make(to)
		if err != nil {
			return nil, err
		}
		m.of, m.files = slices.Clone(to), made
	}
	return m.files, nil
}

func (m *maker) make(to []reporting.Intake) (all []file, err error) {
	add := func(path, name, kind string, content []byte, made error) {
		whole, packed := reporting.NewWhole(kind, content)
		err = errors.Join(err, made, packed)
		all = append(all, file{At + path, reporting.DigestOf("notes-"+name, content), whole})
	}
	for _, l := range m.Words.Languages() {
		page, made := m.makePage(l, to)
		add(l.Code()+"/", l.Code()+".html", "text/html; charset=utf-8", page, made)
	}
	for _, l := range m.Words.Languages() {
		manifest, made := manifestOf(l)
		add(l.Code()+".webmanifest", l.Code()+".webmanifest", "application/manifest+json", manifest, made)
	}
	for _, name := range []string{"icon-192.png", "icon-512.png"} {
		icon, read := files.ReadFile("static/" + name)
		add(name, name, "image/png", icon, read)
	}
	list := map[string]string{} // what the worker keeps, each with its digest; json writes it in order
	for _, f := range all {
		list[f.path] = f.Sum
	}
	kept, made := json.Marshal(list)
	version := reporting.DigestOf("", kept).Sum
	add("worker.js", "worker.js", "text/javascript; charset=utf-8",
		[]byte(strings.NewReplacer("VERSION", version[:16], "FILES", string(kept)).Replace(m.worker)+"\n"), made)
	return all, err
}

// shown is what the page is made of.
type shown struct {
	lang                      *locale.Language
	Code                      string
	Style                     template.CSS
	Policy                    string
	Langs                     []*locale.Language
	Intakes                   []reporting.Intake
	Purposes, Speakers, Asked []string
	Config                    config
	Sealing, Line, Script     template.JS
}

// T is a text in the language of the page.
func (s shown) T(key string, args ...any) string { return s.lang.T("pocket."+key, args...) }

// Purpose is what somebody is asked to agree to, as on the form for reports.
func (s shown) Purpose(code string) string { return s.lang.T("reporting.consent." + code) }

// config is what the script is given.
type config struct {
	Language string            `json:"language"`
	Idle     int64             `json:"idle"` // milliseconds
	Intakes  []reader          `json:"intakes"`
	Words    string            `json:"words"`
	Texts    map[string]string `json:"texts"`
	Months   []string          `json:"months"`
}

type reader struct {
	Name      string `json:"name"`
	Recipient string `json:"recipient"`
}

// said are the texts that the script says.
var said = []string{
	"short", "differ", "wrong", "working", "kept", "notkept", "nostore", "full", "empty", "toolong", "badday", "draft", "goon", "aside", "closed", "sealed",
	"waits", "none", "noline", "handing", "handed", "many", "refused", "left", "lost", "offline",
}

func (m *maker) makePage(l *locale.Language, readers []reporting.Intake) ([]byte, error) {
	c := config{Language: l.Code(), Idle: m.Idle.Milliseconds(), Words: strings.Join(m.lists.Words(l.Code()), " "), Texts: map[string]string{}, Months: reporting.Months(l)}
	for _, t := range readers {
		c.Intakes = append(c.Intakes, reader{t.Name, t.Recipient})
	}
	for _, key := range said {
		c.Texts[key] = l.T("pocket." + key)
	}
	var out bytes.Buffer
	err := m.page.ExecuteTemplate(&out, "page.html", shown{
		lang: l, Code: l.Code(), Style: template.CSS(m.style), Policy: m.policy, Langs: m.Words.Languages(), Intakes: readers, Config: c,
		Purposes: reporting.Purposes(), Speakers: Speakers(), Asked: []string{"complaint", "registered", "examined"},
		Sealing: template.JS(m.sealing), Line: template.JS(m.line), Script: template.JS(m.own),
	})
	return out.Bytes(), err
}

// Speakers are the codes of the codebook's list person_role for those who speak
// with a member.
func Speakers() []string {
	return []string{"victim", "relative", "witness", "cellmate", "lawyer", "clinician", "contact"}
}

// manifestOf says how the page is installed: under a name that tells nothing.
func manifestOf(l *locale.Language) ([]byte, error) {
	type icon struct {
		Src     string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	var icons []icon
	for _, n := range []string{"192", "512"} {
		icons = append(icons, icon{At + "icon-" + n + ".png", n + "x" + n, "image/png", "any maskable"})
	}
	name := l.T("pocket.title")
	return json.Marshal(struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		ShortName  string `json:"short_name"`
		Lang       string `json:"lang"`
		StartURL   string `json:"start_url"`
		Scope      string `json:"scope"`
		Display    string `json:"display"`
		Background string `json:"background_color"`
		Theme      string `json:"theme_color"`
		Icons      []icon `json:"icons"`
	}{At, name, name, l.Code(), At + l.Code() + "/", At, "standalone", "#f8f7f4", "#f8f7f4", icons})
}

// Digests are those of the files that a phone keeps.
func Digests(o reporting.Options) ([]reporting.Digest, error) {
	m, err := newMaker(Options{Options: o})
	if err != nil {
		return nil, err
	}
	all, err := m.all()
	return digests(all), err
}

func digests(all []file) (sums []reporting.Digest) {
	for _, f := range all {
		sums = append(sums, f.Digest)
	}
	return sums
}
