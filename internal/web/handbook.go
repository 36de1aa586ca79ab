// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"html/template"
	"regexp"

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
	body, title := handbookBody{}, ""
	for _, c := range all {
		here := c.ID == id
		body.Chapters = append(body.Chapters, handbookLink{"/handbook/" + c.ID, c.Title, here})
		if here {
			title = c.Title
			body.Text = template.HTML(handbookLinks.ReplaceAllString(c.Body, `href="/handbook/$1"`)) //nolint:gosec // made of files that ship with the program, and of texts that were escaped
		}
	}
	if title == "" && s.reg != nil && v.session == nil && (id == "law" || id == "figures") {
		v.redirect(link("/sign-in", "next", "/handbook/"+id))
		return nil
	}
	if title == "" {
		return registry.ErrNotFound
	}
	return s.show(v, "handbook", title, body)
}
