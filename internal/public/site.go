// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/sheet"
	"github.com/kua-registry/kua/internal/statement"
)

//go:embed templates site.css
var own embed.FS

// Site is what stands on the page.
type Site struct {
	Name       string   // who publishes
	Address    string   // where the page is reached; may be empty
	Register   string   // the id of the register
	Key        string   // by which the manifests are verified
	Day        edtf.Day // on which the figures were verified
	Statements []Statement
}

// Statement is a published statement.
type Statement struct {
	ID                    string // of letters and digits
	Titles, Texts         map[string]string
	Filling               statement.Filling
	Manifest              []byte
	Published             time.Time
	Corrects, CorrectedBy string          // ids
	Verified              map[string]bool // by the id of a figure
	Withheld              bool            // its texts are not shown any more
}

// format is a way in which a text leaves.
type format struct {
	name  string
	write func(io.Writer, paper.Document) error
}

func formats() []format {
	return []format{{"html", paper.HTML}, {"pdf", paper.PDF}, {"docx", paper.DOCX}, {"md", paper.Markdown}, {"txt", paper.Text}}
}

// Figure is a published figure in figures.json.
type Figure struct {
	ID         string         `json:"id"` // within its statement's manifest
	Figure     string         `json:"figure"`
	Label      codebook.Label `json:"label"`
	Definition codebook.Label `json:"definition"`
	Unit       codebook.Label `json:"unit"`
	Source     codebook.Label `json:"source"`
	Expression string         `json:"expression"`
	AsOf       string         `json:"as_of"`
	KnownBy    time.Time      `json:"known_by"`
	Scope      string         `json:"scope"`
	Verified   bool           `json:"verified_cases_only,omitempty"`
	Value      int            `json:"value"`
	Base       *int           `json:"base,omitempty"`
	Of         string         `json:"of,omitempty"`
	By         []string       `json:"by,omitempty"`
	Cells      []Cell         `json:"cells,omitempty"`
	Rest       *int           `json:"rest,omitempty"` // in no cell; absent with cells: kept back
	Statement  string         `json:"statement"`
	Published  time.Time      `json:"published"`
	VerifiedOn string         `json:"verified_on,omitempty"` // absent: it could not be verified
}

// Cell is a cell of a table; no value: it was kept back, because it tells of few people.
type Cell struct {
	Codes []string `json:"codes"`
	Value *int     `json:"value"`
}

// maker makes the files.
type maker struct {
	Site
	words *locale.Catalogue
	book  *codebook.Book
	pages *template.Template
	files map[string][]byte
}

// Files are the files of a site by their names, with slashes. The same site
// gives the same bytes.
func Files(site Site, words *locale.Catalogue, book *codebook.Book) (map[string][]byte, error) {
	m := &maker{Site: site, words: words, book: book, files: map[string][]byte{}}
	var err error
	if m.pages, err = template.ParseFS(own, "templates/*.html"); err != nil {
		return nil, err
	}
	css, err := own.ReadFile("site.css")
	if err != nil {
		return nil, err
	}
	m.files["site.css"] = []byte(string(css) + paper.Stylesheet() + chart.Stylesheet())
	m.files["key.txt"] = []byte(site.Key + "\n")
	var figures []Figure
	for _, s := range site.Statements {
		found, err := m.statement(s)
		if err != nil {
			return nil, err
		}
		figures = append(figures, found...)
	}
	if err := m.data(figures); err != nil {
		return nil, err
	}
	for _, l := range words.Languages() {
		if err := m.index(l, figures); err != nil {
			return nil, err
		}
	}
	return m.files, m.root()
}

// statement makes the files of one statement, and answers its figures.
func (m *maker) statement(s Statement) ([]Figure, error) {
	man, err := statement.Peek(s.Manifest)
	if err != nil {
		return nil, err
	}
	var figures []Figure
	for _, f := range man.Figures {
		out := Figure{ID: f.ID, Figure: f.Figure, Label: f.Label, Definition: f.Definition, Unit: f.Unit, Source: f.Source, Expression: f.Expression,
			AsOf: f.AsOf, KnownBy: f.KnownBy, Scope: f.Scope, Verified: f.Verified, Value: f.Value, Base: f.Base, Of: f.Of, By: f.By, Statement: s.ID, Published: man.Published}
		for _, c := range f.Cells {
			out.Cells = append(out.Cells, Cell(c))
		}
		if f.Rest != nil {
			out.Rest = f.Rest.Value
		}
		if s.Verified[f.ID] {
			out.VerifiedOn = m.Day.String()
			for _, l := range m.words.Languages() {
				m.files[s.ID+"/"+f.ID+"."+l.Code()+".svg"] = badge(l.T("public.badge", l.Number(f.Value), lower(f.Label.In(l.Code())), m.Day))
			}
		}
		figures = append(figures, out)
	}
	if !s.Withheld {
		m.files[s.ID+"/manifest.txt"] = s.Manifest // it has the titles
		for _, lang := range statement.Languages() {
			if s.Texts[lang] == "" {
				continue
			}
			doc, err := m.document(s, lang)
			if err != nil {
				return nil, err
			}
			for _, f := range formats() {
				var b bytes.Buffer
				if err := f.write(&b, doc); err != nil {
					return nil, err
				}
				m.files[s.ID+"/"+lang+"."+f.name] = b.Bytes()
			}
		}
	}
	for _, l := range m.words.Languages() {
		if err := m.statementPage(l, s, figures); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

func (m *maker) document(s Statement, lang string) (paper.Document, error) {
	return statement.Document(s.Texts[lang], s.Titles[lang], s.Filling.In(m.words.Lang(lang), m.book))
}

// lower begins a label with a small letter, where it is not an abbreviation.
func lower(text string) string {
	letters := []rune(text)
	if len(letters) < 2 || strings.ToUpper(string(letters[1])) == string(letters[1]) {
		return text
	}
	return strings.ToLower(string(letters[0])) + string(letters[1:])
}

// title is that of a statement in a language, or in another where it has none.
func (m *maker) title(l *locale.Language, s Statement) (title, lang string) {
	if s.Withheld {
		return l.T("public.withheld.title"), l.Code()
	}
	for _, code := range append([]string{l.Code()}, statement.Languages()...) {
		if s.Titles[code] != "" {
			return s.Titles[code], code
		}
	}
	return l.T("public.untitled"), l.Code()
}

type pageData struct {
	Lang, Up     string // Up leads to the top folder
	Title, Name  string
	Langs        []langLink
	Words        func(key string, args ...any) string
	Lead         string
	Statements   []statementData
	Figures      []figureData
	Dataset      any
	Statement    *statementData
	Article      template.HTML
	ArticleLang  string
	Key          string
	Day, Style   string
	Withheld     bool
	Corrected    *statementData
	CorrectsThis *statementData
}

type langLink struct {
	Code, Name, Href string
	Here             bool
}

type statementData struct {
	ID, Title, TitleLang, Href, Day string
	Corrected                       bool
	Withheld                        bool
	Files                           []fileData
}

type fileData struct{ Lang, Name, Href, Kind string }

type figureData struct {
	Label, Help, Value, Unit, AsOf, KnownBy, Badge, BadgeText, Statement, Href, Source string
	Cells                                                                              string
}

func (m *maker) page(l *locale.Language, up, rest string) pageData {
	p := pageData{Lang: l.Code(), Up: up, Name: m.Name, Words: l.T, Key: m.Key, Day: l.Day(m.Day), Style: "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"}
	for _, o := range m.words.Languages() {
		p.Langs = append(p.Langs, langLink{o.Code(), o.Name(), up + o.Code() + "/" + rest, o.Code() == l.Code()})
	}
	return p
}

func (m *maker) write(name, tmpl string, data any) error {
	var b bytes.Buffer
	if err := m.pages.ExecuteTemplate(&b, tmpl, data); err != nil {
		return fmt.Errorf("the public page can't be made: %w", err)
	}
	m.files[name] = b.Bytes()
	return nil
}

func (m *maker) statementData(l *locale.Language, s Statement) statementData {
	d := statementData{ID: s.ID, Href: s.ID + ".html", Day: l.Day(edtf.DayOf(s.Published)), Corrected: s.CorrectedBy != "", Withheld: s.Withheld}
	d.Title, d.TitleLang = m.title(l, s)
	if s.Withheld {
		return d
	}
	for _, lang := range statement.Languages() {
		if s.Texts[lang] == "" {
			continue
		}
		for _, f := range formats() {
			d.Files = append(d.Files, fileData{lang, m.words.Lang(lang).Name(), "../" + s.ID + "/" + lang + "." + f.name, strings.ToUpper(f.name)})
		}
	}
	return d
}

func (m *maker) find(id string) (Statement, bool) {
	for _, s := range m.Statements {
		if s.ID == id {
			return s, true
		}
	}
	return Statement{}, false
}

func (m *maker) statementPage(l *locale.Language, s Statement, figures []Figure) error {
	p := m.page(l, "../", s.ID+".html")
	d := m.statementData(l, s)
	p.Statement, p.Title, p.Withheld = &d, d.Title, s.Withheld
	for id, to := range map[string]**statementData{s.CorrectedBy: &p.Corrected, s.Corrects: &p.CorrectsThis} {
		if other, ok := m.find(id); ok {
			d := m.statementData(l, other)
			*to = &d
		}
	}
	if !s.Withheld {
		for _, lang := range append([]string{l.Code()}, statement.Languages()...) {
			if s.Texts[lang] == "" {
				continue
			}
			doc, err := m.document(s, lang)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := paper.HTMLFragment(&b, doc); err != nil {
				return err
			}
			p.Article, p.ArticleLang = template.HTML(b.String()), lang //nolint:gosec // written by package paper, which escapes all text
			break
		}
	}
	p.Figures = m.figureData(l, figures)
	return m.write(l.Code()+"/"+s.ID+".html", "statement", p)
}

func (m *maker) figureData(l *locale.Language, figures []Figure) (out []figureData) {
	lang := l.Code()
	for _, f := range figures {
		d := figureData{Label: f.Label.In(lang), Help: f.Definition.In(lang), Value: l.Number(f.Value), Unit: f.Unit.In(lang), AsOf: f.AsOf,
			KnownBy: f.KnownBy.UTC().Format("2006-01-02 15:04 UTC"), Statement: f.Statement, Href: f.Statement + ".html", Source: f.Source.In(lang)}
		if day, err := edtf.ParseDay(f.AsOf); err == nil {
			d.AsOf = l.Day(day)
		}
		if f.VerifiedOn != "" {
			d.Badge = "../" + f.Statement + "/" + f.ID + "." + lang + ".svg"
			d.BadgeText = l.T("public.badge", l.Number(f.Value), lower(d.Label), m.Day)
		}
		if len(f.By) > 0 {
			d.Cells = l.T("public.cells", len(f.Cells))
		}
		out = append(out, d)
	}
	return out
}

// index makes the list of statements and figures in a language.
func (m *maker) index(l *locale.Language, figures []Figure) error {
	p := m.page(l, "../", "index.html")
	p.Title, p.Lead = m.Name, l.T("public.lead")
	for _, s := range m.Statements {
		p.Statements = append(p.Statements, m.statementData(l, s))
	}
	p.Figures = m.figureData(l, figures)
	p.Dataset = m.dataset(l, figures)
	return m.write(l.Code()+"/index.html", "index", p)
}

// root makes the page at which the languages part.
func (m *maker) root() error {
	l := m.words.Lang("en")
	p := m.page(l, "", "index.html")
	p.Title = m.Name
	type part struct {
		Lang, Name, Href, Lead string
		Statements             []statementData
	}
	var parts []part
	for _, l := range m.words.Languages() {
		one := part{l.Code(), l.Name(), l.Code() + "/index.html", l.T("public.lead"), nil}
		for _, s := range m.Statements {
			d := m.statementData(l, s)
			d.Href = l.Code() + "/" + d.Href
			one.Statements = append(one.Statements, d)
		}
		parts = append(parts, one)
	}
	return m.write("index.html", "root", struct {
		pageData
		Parts []part
	}{p, parts})
}

// data makes the files for programs.
func (m *maker) data(figures []Figure) error {
	put := func(name string, v any) error {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(v); err != nil {
			return err
		}
		m.files[name] = b.Bytes()
		return nil
	}
	if figures == nil {
		figures = []Figure{}
	}
	if err := put("figures.json", struct {
		Publisher  string   `json:"publisher"`
		Register   string   `json:"register"`
		Key        string   `json:"key"`
		VerifiedOn string   `json:"verified_on"`
		Figures    []Figure `json:"figures"`
	}{m.Name, m.Register, m.Key, m.Day.String(), figures}); err != nil {
		return err
	}
	if err := put("dataset.jsonld", m.dataset(m.words.Lang("en"), figures)); err != nil {
		return err
	}
	table := sheet.Sheet{Name: "figures", Head: []string{"statement", "id", "figure", "label_en", "label_ru", "label_kk", "value", "base", "of", "by", "cell", "as_of", "known_by", "scope", "unit_en", "published", "verified_on"}}
	for _, f := range figures {
		row := func(value any, cell string) []any {
			var base any
			if f.Base != nil {
				base = *f.Base
			}
			return []any{f.Statement, f.ID, f.Figure, f.Label.En, f.Label.Ru, f.Label.Kk, value, base, f.Of, strings.Join(f.By, " "), cell, f.AsOf,
				f.KnownBy.UTC().Format(time.RFC3339), f.Scope, f.Unit.En, f.Published.UTC().Format(time.RFC3339), f.VerifiedOn}
		}
		table.Rows = append(table.Rows, row(f.Value, ""))
		for _, c := range f.Cells {
			var value any // kept back: empty
			if c.Value != nil {
				value = *c.Value
			}
			table.Rows = append(table.Rows, row(value, strings.Join(c.Codes, " ")))
		}
	}
	var b bytes.Buffer
	if err := sheet.CSV(&b, table); err != nil {
		return err
	}
	m.files["figures.csv"] = b.Bytes()
	return nil
}

// dataset says what the figures are in the words of schema.org
// (https://schema.org/Dataset), for those who look for data.
func (m *maker) dataset(l *locale.Language, figures []Figure) map[string]any {
	lang := l.Code()
	at := func(name string) string {
		if m.Address == "" {
			return name
		}
		return strings.TrimRight(m.Address, "/") + "/" + name
	}
	var measured []any
	last := ""
	for _, f := range figures {
		measured = append(measured, map[string]any{
			"@type": "PropertyValue", "propertyID": f.Figure, "name": f.Label.In(lang), "description": f.Definition.In(lang), "value": f.Value,
			"unitText": f.Unit.In(lang), "measurementTechnique": f.Expression, "url": at(lang + "/" + f.Statement + ".html"),
		})
		last = max(last, f.AsOf)
	}
	d := map[string]any{
		"@context": "https://schema.org", "@type": "Dataset", "name": l.T("public.dataset.name", m.Name), "description": l.T("public.dataset.text"),
		"inLanguage": lang, "isAccessibleForFree": true, "creator": map[string]any{"@type": "Organization", "name": m.Name},
		"dateModified": m.Day.String(), "identifier": m.Register,
		"distribution": []any{
			map[string]any{"@type": "DataDownload", "encodingFormat": "application/json", "contentUrl": at("figures.json")},
			map[string]any{"@type": "DataDownload", "encodingFormat": "text/csv", "contentUrl": at("figures.csv")},
		},
	}
	if len(measured) > 0 {
		d["variableMeasured"], d["temporalCoverage"] = measured, "../"+last
	}
	if m.Address != "" {
		d["url"] = cmp.Or(at(lang+"/index.html"), m.Address)
	}
	return d
}

// badge is a drawing of a line of text, to be set beside a figure elsewhere.
func badge(text string) []byte {
	width := 34 + 7*len([]rune(text)) // more than the text takes in any usual typeface
	esc := template.HTMLEscapeString(text)
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="` + strconv.Itoa(width) + `" height="28" role="img" aria-label="` + esc + `"><title>` + esc + `</title>` +
		`<rect x=".5" y=".5" width="` + strconv.Itoa(width-1) + `" height="27" rx="5" fill="#fff" stroke="#0d5763"/>` +
		`<path d="M10 14.5l3.5 3.5 6-7.5" fill="none" stroke="#0d5763" stroke-width="2.2"/>` +
		`<text x="27" y="18.5" font-family="system-ui, 'Noto Sans', 'Segoe UI', Roboto, sans-serif" font-size="12.5" fill="#1c1e22">` + esc + `</text></svg>` + "\n")
}
