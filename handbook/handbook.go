// SPDX-License-Identifier: AGPL-3.0-or-later

package handbook

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"golang.org/x/image/webp"

	"github.com/kua-registry/kua/internal/codebook"
)

//go:embed en ru kk
var files embed.FS

// Chapter is a chapter in one language.
type Chapter struct {
	ID    string // safety, law, … : its address
	Title string
	body  func() (string, error)
}

// Body is the chapter in HTML, with its title; links lead to ID.html, pictures are at pictures/NAME.webp. It is made when
// it is asked for: a page names all chapters and shows one.
func (c Chapter) Body() (string, error) { return c.body() }

// The chapters that are made of a codebook.
const (
	lawID     = "law"
	figuresID = "figures"
)

// Chapters are all of them, in order: safety comes first. Without a codebook those that are made of one are not there.
func Chapters(book *codebook.Book, lang string) ([]Chapter, error) {
	names, err := fs.Glob(files, lang+"/*.md")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("the handbook has no language %q", lang)
	}
	slices.Sort(names)
	var all []Chapter
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		first, _, _ := strings.Cut(string(text), "\n")
		_, id, _ := strings.Cut(strings.TrimSuffix(name, ".md"), "-")
		all = append(all, Chapter{id, strings.TrimPrefix(first, "# "), func() (string, error) {
			var b strings.Builder
			if err := goldmark.Convert(text, &b); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			return sized(lang, b.String())
		}})
	}
	if book == nil {
		return all, nil
	}
	made := func(id string, body func(*codebook.Book, string) string) Chapter {
		return Chapter{id, word(lang, id), func() (string, error) { return body(book, lang), nil }}
	}
	return append(all, made(lawID, law), made(figuresID, figures)), nil
}

// Pictures are the names of the pictures of a language, as the chapters refer to them.
func Pictures(lang string) ([]string, error) {
	names, err := fs.Glob(files, lang+"/pictures/*.webp")
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, lang+"/pictures/")
	}
	return names, err
}

// Picture is a picture of a language, in WebP; fs.ErrNotExist where there is none of that name.
func Picture(lang, name string) ([]byte, error) { return files.ReadFile(lang + "/pictures/" + name) }

// PictureScale is how many dots of a picture there are to one of the page, across and down.
const PictureScale = 1.5

var image = regexp.MustCompile(`<img src="pictures/([a-z-]+\.webp)"`)

// sized says of each picture how large it is, so that a page does not move while they come, and that they come last.
func sized(lang, text string) (string, error) {
	var failed error
	text = image.ReplaceAllStringFunc(text, func(tag string) string {
		name := image.FindStringSubmatch(tag)[1]
		b, err := Picture(lang, name)
		if err != nil {
			failed = err
			return tag
		}
		size, err := webp.DecodeConfig(bytes.NewReader(b))
		if err != nil {
			failed = fmt.Errorf("%s of %s: %w", name, lang, err)
			return tag
		}
		return fmt.Sprintf(`%s width="%.0f" height="%.0f" loading="lazy"`, tag, float64(size.Width)/PictureScale, float64(size.Height)/PictureScale)
	})
	return text, failed
}

// page writes HTML in which every text is escaped.
type page struct{ strings.Builder }

func (p *page) head(level int, text string) {
	fmt.Fprintf(p, "<h%d>%s</h%d>\n", level, html.EscapeString(text), level)
}

func (p *page) text(text string) { fmt.Fprintf(p, "<p>%s</p>\n", html.EscapeString(text)) }

func (p *page) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	p.head(2, title)
	p.WriteString("<ul>\n")
	for _, item := range items {
		fmt.Fprintf(p, "<li>%s</li>\n", item)
	}
	p.WriteString("</ul>\n")
}

// sourced is an entry with where it comes from, in HTML.
func sourced(text string, s codebook.Source, lang string) string {
	out := html.EscapeString(text) + " <small>" + html.EscapeString(s.Basis+" · "+word(lang, "conf."+s.Conf))
	if s.Note != "" {
		out += html.EscapeString(" · " + s.Note)
	}
	return out + "</small>"
}

// law is the chapter on the packs of a codebook, made of their data.
func law(book *codebook.Book, lang string) string {
	p := &page{}
	p.head(1, word(lang, lawID))
	p.text(word(lang, "law.about"))
	ruled := func(use codebook.Use) (items []string) {
		for _, r := range book.Rules() {
			if r.Use == use {
				items = append(items, sourced(r.Label.In(lang), codebook.Source{Basis: r.Source.In(lang), Conf: r.Conf}, lang))
			}
		}
		return items
	}
	for _, pack := range book.Packs() {
		p.head(2, pack.Label.In(lang)+" · "+pack.Version+" · "+pack.TextAsOf)
		if warning, draft := pack.Banner(); draft {
			fmt.Fprintf(p, "<p><strong>%s</strong></p>\n", html.EscapeString(warning.In(lang)))
		}
		var items []string
		for _, o := range pack.Offences {
			for _, v := range o.Versions {
				text := book.Label("offence", o.Key, lang) + ": " + v.Cite
				if v.From != "" || v.Until != "" {
					text += ", " + v.From + " – " + v.Until
				}
				if penalty := v.Penalty.In(lang); penalty != "" {
					text += "; " + penalty
				}
				items = append(items, sourced(text, v.Source, lang))
			}
		}
		p.list(word(lang, "offences"), items)
		p.list(word(lang, "deadlines"), ruled(codebook.Deadline))
		p.list(word(lang, "checks"), ruled(codebook.Check))
		items = nil
		for _, x := range pack.Bars {
			items = append(items, sourced(x.Rule.In(lang), x.Source, lang))
		}
		for _, r := range pack.VictimRight {
			items = append(items, sourced(r.Label.In(lang), r.Source, lang))
		}
		for _, r := range pack.Redress {
			items = append(items, sourced(r.Label.In(lang), r.Source, lang))
		}
		p.list(word(lang, "rights"), items)
		items = nil
		for _, t := range pack.Treaties {
			items = append(items, sourced(t.Treaty+": "+t.Date, t.Source, lang))
		}
		p.list(word(lang, "treaties"), items)
	}
	return p.String()
}

// figures is the chapter on what each figure counts.
func figures(book *codebook.Book, lang string) string {
	p := &page{}
	p.head(1, word(lang, figuresID))
	p.text(word(lang, "figures.about"))
	all := slices.DeleteFunc(slices.Clone(book.Rules()), func(r codebook.RuleDef) bool { return r.Use != codebook.Figure })
	slices.SortStableFunc(all, func(a, b codebook.RuleDef) int { return a.Place - b.Place })
	p.WriteString("<dl>\n")
	for _, r := range all {
		fmt.Fprintf(p, "<dt>%s <code>%s</code></dt>\n<dd>%s <small>%s</small></dd>\n", html.EscapeString(r.Label.In(lang)), html.EscapeString(r.ID), html.EscapeString(r.Help.In(lang)), html.EscapeString(r.Source.In(lang)))
	}
	p.WriteString("</dl>\n")
	return p.String()
}

// words are what the chapters that are made say themselves.
var words = map[string]codebook.Label{
	"law":           {En: "The legal pack", Ru: "Правовой пакет", Kk: "Құқықтық пакет"},
	"law.about":     {En: "What the register knows of the law, each entry with its source and how sure we are of it. This chapter is made from the data the program counts with. It is not legal advice.", Ru: "Что реестр знает о праве: у каждой записи источник и степень уверенности. Эта глава сделана из тех же данных, по которым считает программа. Это не юридическая консультация.", Kk: "Тізілім құқық туралы не біледі: әр жазбаның дереккөзі мен сенімділігі бар. Бұл тарау бағдарлама санайтын деректерден жасалған. Бұл заң кеңесі емес."},
	"offences":      {En: "Offences", Ru: "Составы", Kk: "Құрамдар"},
	"deadlines":     {En: "Terms", Ru: "Сроки", Kk: "Мерзімдер"},
	"checks":        {En: "Checks", Ru: "Проверки", Kk: "Тексерулер"},
	"rights":        {En: "Rights, redress and what is ruled out", Ru: "Права, возмещение и запреты", Kk: "Құқықтар, өтем және тыйымдар"},
	"treaties":      {En: "Treaties", Ru: "Договоры", Kk: "Шарттар"},
	"conf.R":        {En: "the source was read", Ru: "источник прочитан", Kk: "дереккөз оқылған"},
	"conf.K":        {En: "known, to be checked by a lawyer", Ru: "известно, проверить юристу", Kk: "белгілі, заңгер тексерсін"},
	"conf.U":        {En: "unsure, to be checked by a lawyer", Ru: "не подтверждено, проверить юристу", Kk: "расталмаған, заңгер тексерсін"},
	"conf.H":        {En: "a rule of the house", Ru: "правило коалиции", Kk: "коалиция ережесі"},
	"figures":       {En: "What each figure counts", Ru: "Что считает каждый показатель", Kk: "Әр көрсеткіш нені санайды"},
	"figures.about": {En: "Made from the rules by which the register counts.", Ru: "Сделано из правил, по которым считает реестр.", Kk: "Тізілім санайтын ережелерден жасалған."},
}

func word(lang, key string) string { return words[key].In(lang) }
