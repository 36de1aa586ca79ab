// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/access"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages in one language. Each is parsed when it is first
// asked for: they are many, and who has just begun asks for few of them.
type templates struct {
	layout *template.Template
	mu     sync.Mutex
	byName map[string]*template.Template
}

func newTemplates(v *voice, files *assets) (*templates, error) {
	layout, err := template.New("layout").Funcs(template.FuncMap{
		"t":     v.T,
		"n":     func(n any) string { return v.Text(n) },
		"asset": files.href,
	}).ParseFS(templateFiles, "templates/layout.html")
	return &templates{layout: layout, byName: map[string]*template.Template{}}, err
}

// parts are what pages have in common with few others, each a file.
var parts = map[string]string{"file": "copies", "submission-file": "copies"}

// page is the template of a page, with the layout around it.
func (t *templates) page(name string) (*template.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if page, ok := t.byName[name]; ok {
		return page, nil
	}
	page, err := t.layout.Clone()
	if err == nil {
		page, err = page.ParseFS(templateFiles, "templates/"+name+".html")
	}
	if part, has := parts[name]; has && err == nil {
		page, err = page.ParseFS(templateFiles, "templates/"+part+".html")
	}
	if err != nil {
		return nil, fmt.Errorf("the template %q: %w", name, err)
	}
	t.byName[name] = page
	return page, nil
}

// fill fills a part of a page: "layout" is all of it.
func (s *server) fill(v *visit, name, part string, with any) ([]byte, error) {
	t, err := s.pages[v.Code()].page(name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, part, with)
	return b.Bytes(), err
}

// page is what every template is given.
type page struct {
	Lang, Title, Path, Home string
	Langs                   []langLink
	Member                  *access.Member
	MayLock                 bool // for everybody
	Nav                     []navLink
	Scripts                 []string
	Body                    any
}

type navLink struct {
	Href, Text string
	Here       bool
	Marks      []inboxMark // numbers beside it
}

// nav are the links in the head of a page. What the register is stands in the
// foot of every page, and in the head only for those who have little else there.
func (s *server) nav(v *visit, at clock) []navLink {
	counts, looksAfter := s.reg.May(v.session, access.Count), s.reg.LooksAfter(v.session)
	inbox := s.reg.OpensInbox(v.session)
	var out []navLink
	for _, l := range [...]struct {
		path, key    string
		may, clocked bool     // clocked: the page knows the past, and keeps the day that was asked for
		with         []string // what stands under it, too
	}{
		{"/", "overview", counts, true, nil},
		{"/cases", "cases", counts, true, []string{"/drafts", "/searches", "/bulk", "/matching", "/exports", "/imports"}},
		{"/inbox", "inbox", inbox, false, nil},
		{"/calendar", "calendar", s.reg.HasDue(v.session), false, []string{"/tasks"}},
		{"/state", "state", counts, true, statePages},
		{"/figures", "figures", counts, true, []string{"/analysis", "/estimate"}},
		{"/statements", "statements", s.reg.May(v.session, access.WriteText), false, nil},
		{"/members", "members", looksAfter, false, []string{"/organisations", "/status", "/mail"}},
		{"/about", "about", !counts, false, nil},
	} {
		if !l.may {
			continue
		}
		here := func(path string) bool {
			return v.r.URL.Path == path || path != "/" && strings.HasPrefix(v.r.URL.Path, path+"/")
		}
		href := l.path
		if l.clocked {
			href = at.link(l.path)
		}
		one := navLink{Href: href, Text: v.T("nav." + l.key), Here: here(l.path) || slices.ContainsFunc(l.with, here)}
		if l.path == "/inbox" {
			one.Marks = s.inboxMarks(v)
		}
		out = append(out, one)
	}
	return out
}

// show makes a page and sends it. The title stands in the browser's history
// and its window list: it must never hold a name.
func (s *server) show(v *visit, name, title string, body any) error {
	if v.session != nil && hasKeys(name) && !v.keysOff() {
		v.script("keys.js")
	}
	p := page{Lang: v.Code(), Title: title, Path: nextPage(v.r.URL.Path), Langs: s.langLinks(v), Scripts: v.scripts, Body: body}
	if v.session != nil {
		p.Member = &v.session.Member
		p.MayLock = s.lockAll != nil && s.reg.MayLock(v.session) == nil
		at, _ := v.clock() // a clock that can't be read is the page's matter
		p.Home = at.link("/")
		p.Nav = s.nav(v, at)
	}
	text, err := s.fill(v, name, "layout", p)
	if err != nil {
		return err
	}
	v.write(text)
	return nil
}
