// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/chart"
)

//go:embed paper.css
var stylesheet string

//go:embed file.css
var fileStylesheet string

// Stylesheet returns the rules for a fragment within a page. They take the
// page's own custom properties (--ink, --line, …) where it has them. What
// package chart draws needs its own sheet besides.
func Stylesheet() string { return stylesheet }

// style is what stands in the one style element of a file.
func style() string { return fileStylesheet + stylesheet + chart.Stylesheet() }

// StyleHash is the source expression under which a content security policy
// allows the style of a file of HTML: "'sha256-…'".
func StyleHash() string {
	sum := sha256.Sum256([]byte(style()))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// HTML writes a document as a file that needs nothing else: it stands in light,
// in dark and on paper, has no script, and forbids itself to fetch anything.
func HTML(w io.Writer, d Document) error {
	h, err := newPage(d, true)
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", h.lang)
	fmt.Fprintf(h, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src %s; form-action 'none'; base-uri 'none'\">\n", StyleHash())
	h.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
	fmt.Fprintf(h, "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n", escape(d.Title), style())
	h.article(d)
	h.WriteString("</body>\n</html>\n")
	return h.send(w)
}

// HTMLFragment writes a document as an element for the middle of a page, without
// a style of its own: the page has Stylesheet among its sheets. The names that
// links within it lead to begin with "p-" and its language, so documents in
// several languages may stand on one page.
func HTMLFragment(w io.Writer, d Document) error {
	h, err := newPage(d, false)
	if err != nil {
		return err
	}
	h.article(d)
	return h.send(w)
}

// page is a document being written as HTML.
type page struct {
	strings.Builder
	*numbering
	lang   string
	words  words
	file   bool         // it lies by itself: paths of the site lead nowhere
	marked map[int]bool // the notes whose first mark is written: to it the note leads back
	tables int
	err    error
}

func newPage(d Document, file bool) (*page, error) {
	n, err := check(d)
	if err != nil {
		return nil, err
	}
	return &page{numbering: n, lang: language(d.Lang), words: wordsOf(d.Lang), file: file, marked: map[int]bool{}}, nil
}

func language(code string) string {
	switch code {
	case "ru", "kk":
		return code
	}
	return "en"
}

func (h *page) send(w io.Writer) error {
	if h.err != nil {
		return h.err
	}
	if _, err := io.WriteString(w, h.String()); err != nil {
		return fmt.Errorf("the document can't be written: %w", err)
	}
	return nil
}

func escape(text string) string { return html.EscapeString(clean(text)) }

func (h *page) name(kind, id string) string { return escape("p-" + h.lang + "-" + kind + "-" + id) }

func (h *page) article(d Document) {
	fmt.Fprintf(h, "<article class=\"paper\" lang=\"%s\">\n", h.lang)
	if d.Head != "" {
		fmt.Fprintf(h, "<p class=\"paper-head\">%s</p>\n", escape(d.Head))
	}
	if d.Title != "" || d.Subtitle != "" || d.Dateline != "" {
		h.WriteString("<header>\n")
		if d.Title != "" {
			fmt.Fprintf(h, "<h1>%s</h1>\n", escape(d.Title))
		}
		if d.Subtitle != "" {
			fmt.Fprintf(h, "<p class=\"paper-subtitle\">%s</p>\n", escape(d.Subtitle))
		}
		if d.Dateline != "" {
			fmt.Fprintf(h, "<p class=\"paper-dateline\">%s</p>\n", escape(d.Dateline))
		}
		h.WriteString("</header>\n")
	}
	h.blocks(d.Blocks)
	if len(h.notes) > 0 {
		fmt.Fprintf(h, "<section class=\"paper-notes\" role=\"doc-endnotes\" aria-labelledby=\"%s\">\n<h2 id=\"%[1]s\">%s</h2>\n<ol>\n", h.name("notes", "title"), escape(h.words.notes))
		for _, n := range h.notes {
			number := strconv.Itoa(n.number)
			fmt.Fprintf(h, "<li id=\"%s\">", h.name("note", number))
			h.inlines(n.text)
			if h.marked[n.number] {
				fmt.Fprintf(h, " <a class=\"paper-back\" role=\"doc-backlink\" href=\"#%s\" aria-label=\"↑ %s\">↑</a>", h.name("mark", number), number)
			}
			h.WriteString("</li>\n")
		}
		h.WriteString("</ol>\n</section>\n")
	}
	if d.Foot != "" {
		fmt.Fprintf(h, "<footer>\n<p>%s</p>\n</footer>\n", escape(d.Foot))
	}
	h.WriteString("</article>\n")
}

var places = map[Place]string{Centre: ` class="paper-centre"`, Address: ` class="paper-address"`, Small: ` class="paper-small"`}

func (h *page) blocks(blocks []Block) {
	for _, b := range blocks {
		switch b := b.(type) {
		case Heading:
			id := ""
			if b.ID != "" {
				id = ` id="` + h.name("part", b.ID) + `"`
			}
			h.element(fmt.Sprintf("h%d", b.Level+1), id, b.Text)
		case Paragraph:
			h.element("p", places[b.Place], b.Text)
		case List:
			h.list(b)
		case Quote:
			h.WriteString("<figure class=\"paper-quote\">\n<blockquote>\n")
			h.blocks(b.Blocks)
			h.WriteString("</blockquote>\n")
			if len(b.By) > 0 {
				h.element("figcaption", "", b.By)
			}
			h.WriteString("</figure>\n")
		case Table:
			h.table(b)
		case Picture:
			h.picture(b)
		case Rule:
			h.WriteString("<hr>\n")
		case PageBreak:
			h.WriteString("<hr class=\"paper-break\">\n")
		}
	}
}

func (h *page) element(name, attributes string, text []Inline) {
	fmt.Fprintf(h, "<%s%s>", name, attributes)
	h.inlines(text)
	fmt.Fprintf(h, "</%s>\n", name)
}

func (h *page) list(l List) {
	name, start := "ul", ""
	if l.Ordered {
		name = "ol"
		if l.Start != 0 && l.Start != 1 {
			start = fmt.Sprintf(" start=\"%d\"", l.Start)
		}
	}
	fmt.Fprintf(h, "<%s%s>\n", name, start)
	for _, item := range l.Items {
		h.WriteString("<li>")
		if p, ok := only(item); ok {
			h.inlines(p.Text)
		} else {
			h.WriteString("\n")
			h.blocks(item)
		}
		h.WriteString("</li>\n")
	}
	fmt.Fprintf(h, "</%s>\n", name)
}

// only returns the paragraph of an item that is nothing but one.
func only(item []Block) (Paragraph, bool) {
	if len(item) != 1 {
		return Paragraph{}, false
	}
	p, ok := item[0].(Paragraph)
	return p, ok && p.Place == Body
}

func (h *page) table(t Table) {
	h.tables++
	label, id := "", ""
	if len(t.Caption) > 0 {
		name := h.name("table", strconv.Itoa(h.tables))
		label, id = ` role="region" aria-labelledby="`+name+`"`, ` id="`+name+`"`
	}
	fmt.Fprintf(h, "<figure class=\"paper-table\">\n<div class=\"paper-scroll\" tabindex=\"0\"%s>\n<table>\n", label)
	if id != "" {
		h.element("caption", id, t.Caption)
	}
	if len(t.Head) > 0 {
		h.WriteString("<thead>\n")
		for _, row := range t.Head {
			h.row(t, row, "", true)
		}
		h.WriteString("</thead>\n")
	}
	h.WriteString("<tbody>\n")
	for _, row := range t.Rows {
		h.row(t, row, "", false)
	}
	if len(t.Rest) > 0 {
		h.row(t, t.Rest, ` class="paper-rest"`, false)
	}
	h.WriteString("</tbody>\n</table>\n</div>\n")
	h.source(t.Source)
	h.WriteString("</figure>\n")
}

func (h *page) row(t Table, row []Cell, attributes string, head bool) {
	fmt.Fprintf(h, "<tr%s>", attributes)
	column := 0
	for _, cell := range row {
		name, set := "td", ""
		switch {
		case head && len(cell.Text) == 0: // names nothing
		case head && cell.span() > 1:
			name, set = "th", ` scope="colgroup"`
		case head:
			name, set = "th", ` scope="col"`
		case t.RowHeads && column == 0:
			name, set = "th", ` scope="row"`
		}
		if t.Columns[column].Number {
			set += ` class="n"`
		}
		if cell.span() > 1 {
			set += fmt.Sprintf(` colspan="%d"`, cell.span())
		}
		fmt.Fprintf(h, "<%s%s>", name, set)
		h.inlines(cell.Text)
		fmt.Fprintf(h, "</%s>", name)
		column += cell.span()
	}
	h.WriteString("</tr>\n")
}

func (h *page) source(source []Inline) {
	if len(source) > 0 {
		h.element("p", ` class="paper-source"`, around(h.words.source, source))
	}
}

func (h *page) picture(p Picture) {
	svg, err := redraw(p.SVG, !h.file)
	if err != nil {
		h.err = err
		return
	}
	fmt.Fprintf(h, "<figure class=\"paper-picture\">\n<div role=\"group\" aria-label=\"%s\">\n%s</div>\n", escape(p.Alt), svg)
	if len(p.Caption) > 0 {
		h.element("figcaption", "", p.Caption)
	}
	h.source(p.Source)
	h.WriteString("</figure>\n")
}

func (h *page) inlines(inlines []Inline) {
	for _, in := range inlines {
		switch in := in.(type) {
		case Plain:
			h.WriteString(escape(string(in)))
		case Strong:
			h.WriteString("<strong>")
			h.inlines(in)
			h.WriteString("</strong>")
		case Emphasis:
			h.WriteString("<em>")
			h.inlines(in)
			h.WriteString("</em>")
		case Link:
			end := h.open(in.Href)
			h.inlines(in.Text)
			h.WriteString(end)
		case Figure:
			h.figure(in)
		case Break:
			h.WriteString("<br>")
		}
		if number := h.mark(in); number > 0 {
			h.ref(number)
		}
	}
}

func (h *page) figure(f Figure) {
	attributes := ` class="figure" data-figure="` + escape(f.ID) + `"`
	if f.Definition != "" {
		attributes += ` title="` + escape(f.Definition) + `"`
	}
	name := "span"
	if href := h.address(f.Href); href != "" {
		name, attributes = "a", attributes+` href="`+href+`"`
	}
	fmt.Fprintf(h, "<%s%s>%s</%s>", name, attributes, escape(f.Text), name)
}

// open begins a link, where there is somewhere to go.
func (h *page) open(href string) (end string) {
	if href = h.address(href); href == "" {
		return ""
	}
	fmt.Fprintf(h, `<a href="%s">`, href)
	return "</a>"
}

// address is where a link leads, escaped, or nothing.
func (h *page) address(href string) string {
	if id := within(href); id != "" {
		return "#" + h.name("part", id)
	}
	if to := outside(href); to != "" || h.file {
		return escape(to)
	}
	return escape(site(href))
}

// ref writes the mark of a note, in brackets: a figure copied with its mark must
// not become another figure.
func (h *page) ref(number int) {
	id, n := "", strconv.Itoa(number)
	if !h.marked[number] {
		h.marked[number] = true
		id = ` id="` + h.name("mark", n) + `"`
	}
	fmt.Fprintf(h, `<sup class="paper-mark"><a%s href="#%s" role="doc-noteref">[%s]</a></sup>`, id, h.name("note", n), n)
}
