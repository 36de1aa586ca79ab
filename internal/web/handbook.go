// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/handbook"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
)

type handbookBody struct {
	Chapters []handbookLink
	Text     template.HTML
}

type handbookLink struct {
	Href, Title string
	Here        bool
}

// handbookLinks are links between chapters, which lead to files in the handbook as plain pages.
var handbookLinks = regexp.MustCompile(`href="([a-z]+)\.html"`)

// handbookRoutes are read by everybody, also where no register is open.
func (s *server) handbookRoutes() []route {
	return []route{
		{"GET /handbook", s.open(s.handbookPage)},
		{"GET /handbook/{chapter}", s.open(s.handbookPage)},
		{"GET /handbook/pictures/{lang}/{name}", s.open(s.handbookPicture)},
	}
}

// handbookPicture answers a picture of the handbook. Nothing in it is of a register.
func (s *server) handbookPicture(v *visit) error {
	picture, err := handbook.Picture(path.Base(v.r.PathValue("lang")), path.Base(v.r.PathValue("name")))
	if err != nil {
		return registry.ErrNotFound
	}
	v.w.Header().Set("Content-Type", "image/webp")
	v.w.Header().Set("Cache-Control", "private, max-age=86400") // it is the same until the program is upgraded
	http.ServeContent(v.w, v.r, "", time.Time{}, bytes.NewReader(picture))
	return nil
}

// handbookPage shows a chapter of the handbook, safety where none is named. Whoever has not signed in reads what is the
// same in every register: whose law this one knows is not theirs to learn.
func (s *server) handbookPage(v *visit) error {
	var book *codebook.Book
	if v.session != nil {
		book = v.book
	}
	all, err := handbook.Chapters(book, v.Code())
	if err != nil {
		return err
	}
	id := v.r.PathValue("chapter")
	if id == "" {
		id = all[0].ID
	}
	body := handbookBody{}
	for _, c := range all {
		body.Chapters = append(body.Chapters, handbookLink{"/handbook/" + c.ID, c.Title, c.ID == id})
	}
	here := slices.IndexFunc(all, func(c handbook.Chapter) bool { return c.ID == id })
	switch {
	case here >= 0:
	case s.reg != nil && v.session == nil && (id == "law" || id == "figures"):
		v.redirect(link("/sign-in", "next", "/handbook/"+id))
		return nil
	default:
		return registry.ErrNotFound
	}
	text, err := all[here].Body()
	if err != nil {
		return err
	}
	text = strings.ReplaceAll(text, `src="pictures/`, `src="/handbook/pictures/`+v.Code()+"/")
	body.Text = template.HTML(handbookLinks.ReplaceAllString(text, `href="/handbook/$1"`)) //nolint:gosec // made of files that ship with the program, and of texts that were escaped
	return s.show(v, "handbook", all[here].Title, body)
}
