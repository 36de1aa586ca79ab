// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages in one language.
type templates struct {
	byName map[string]*template.Template
}

func parseTemplates(v *voice, files *assets) (*templates, error) {
	funcs := template.FuncMap{
		"t":     v.T,
		"n":     func(n any) string { return v.Text(n) },
		"asset": files.href,
	}
	layout, err := template.New("layout").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := &templates{byName: map[string]*template.Template{}}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "layout" {
			continue
		}
		base, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if all.byName[page], err = base.ParseFS(templateFiles, name); err != nil {
			return nil, err
		}
	}
	return all, nil
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
}

// nav are the links in the head of a page. What the register is stands in the
// foot of every page, and in the head only for those who have little else there.
func (s *server) nav(v *visit, at clock) []navLink {
	counts, looksAfter := s.reg.May(v.session, access.Count), s.reg.LooksAfter(v.session)
	var out []navLink
	for _, l := range [...]struct {
		path, key    string
		may, clocked bool     // clocked: the page knows the past, and keeps the day that was asked for
		with         []string // what stands under it, too
	}{
		{"/", "overview", counts, true, nil},
		{"/cases", "cases", counts, true, []string{"/drafts", "/searches", "/bulk", "/matching"}},
		{"/calendar", "calendar", counts, false, []string{"/tasks"}},
		{"/state", "state", counts, true, statePages},
		{"/figures", "figures", counts, true, []string{"/analysis", "/estimate"}},
		{"/statements", "statements", s.reg.May(v.session, access.WriteText), false, nil},
		{"/members", "members", looksAfter, false, []string{"/organisations"}},
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
		out = append(out, navLink{Href: href, Text: v.T("nav." + l.key), Here: here(l.path) || slices.ContainsFunc(l.with, here)})
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
	t, ok := s.pages[v.Code()].byName[name]
	if !ok {
		return fmt.Errorf("there is no template %q", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", p); err != nil {
		return err
	}
	v.write(b.Bytes())
	return nil
}
