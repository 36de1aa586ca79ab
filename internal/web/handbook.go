// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"html/template"
	"regexp"
	"slices"

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
	body.Text = template.HTML(handbookLinks.ReplaceAllString(text, `href="/handbook/$1"`)) //nolint:gosec // made of files that ship with the program, and of texts that were escaped
	return s.show(v, "handbook", all[here].Title, body)
}
