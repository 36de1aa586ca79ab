// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	godocx "github.com/fumiama/go-docx"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/chart"
)

// said returns for each format what a reader reads in it.
func said(t rapid.TB, d Document) map[string]string {
	return map[string]string{
		"html":     textOf(t, write(t, HTML, d)),
		"fragment": textOf(t, write(t, HTMLFragment, d)),
		"md":       strings.ReplaceAll(write(t, Markdown, d), `\`, ""),
		"txt":      write(t, Text, d),
		"docx":     textOfDOCX(t, d),
	}
}

// textOfDOCX returns the text of a word-processor file, whose parts must be well-formed.
func textOfDOCX(t rapid.TB, d Document) string {
	t.Helper()
	var b strings.Builder
	parts := unzipped(t, write(t, DOCX, d))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part := parts[name]
		if strings.HasSuffix(name, ".png") {
			continue
		}
		in := xml.NewDecoder(strings.NewReader(part))
		element := ""
		for {
			token, err := in.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch token := token.(type) {
			case xml.StartElement:
				element = token.Name.Local
				for _, a := range token.Attr {
					if a.Name.Local == "descr" { // of a picture
						b.WriteString(a.Value)
					}
					if a.Name.Local == "Target" && (strings.HasPrefix(a.Value, "javascript") || strings.HasPrefix(a.Value, "//")) {
						t.Errorf("a link leads to %q", a.Value)
					}
				}
			case xml.EndElement:
				element = ""
				if token.Name.Local == "p" {
					b.WriteByte('\n')
				}
			case xml.CharData:
				if element == "t" {
					b.Write(token)
				}
			}
		}
	}
	return b.String()
}

// unzipped returns the parts of a word-processor file by their names.
func unzipped(t rapid.TB, file string) map[string]string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(part)
	}
	return parts
}

// textOfPages returns what stands on the pages of a document, without what is
// between the lines: a word may be broken.
func textOfPages(t rapid.TB, d Document) string {
	t.Helper()
	sheets, l, err := paginate(d)
	if err != nil {
		t.Fatal(err)
	}
	var text, notes, aside strings.Builder
	for _, s := range sheets {
		for _, box := range s.boxes {
			for _, p := range box.pieces {
				text.WriteString(p.text)
			}
			if box.drawn != nil {
				for _, s := range box.drawn.shapes {
					text.WriteString(s.Text)
				}
			}
		}
		for _, box := range s.notes {
			for _, p := range box.pieces {
				notes.WriteString(p.text)
			}
		}
	}
	for _, line := range append(l.aside(d.Head, 2), l.aside(d.Foot, 3)...) {
		aside.WriteString(line)
	}
	return text.String() + notes.String() + aside.String()
}

// textOf returns the text of a page, and fails where there is anything in it
// that a document has no use for.
func textOf(t rapid.TB, page string) string {
	t.Helper()
	known := map[string]bool{"html": true, "head": true, "body": true, "meta": true, "title": true, "style": true}
	for _, name := range strings.Fields("article header section footer h1 h2 h3 h4 h5 p ul ol li blockquote figure figcaption table caption thead tbody tr th td div hr a span sup strong em br") {
		known[name] = true
	}
	for _, name := range strings.Fields("svg g a rect path circle title desc text clipPath") {
		known[name] = true
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			if !known[n.Data] {
				t.Errorf("there is an element %q", n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || strings.Contains(a.Key, "\"") {
					t.Errorf("there is an attribute %s=%q", a.Key, a.Val)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "?") && outside(a.Val) == "" {
					t.Errorf("a link leads to %q", a.Val)
				}
			}
			if n.Data == "br" {
				b.WriteString(" ")
			}
		case html.TextNode:
			if n.Parent.Data != "style" {
				b.WriteString(n.Data)
			}
		case html.CommentNode:
			t.Errorf("there is a comment %q", n.Data)
		}
	}
	return b.String()
}

// maker draws documents in which each word occurs once.
type maker struct {
	*rapid.T
	words []string
	notes []string
	parts int

	tables bool // there is one, in whose cells words may be broken across others
}

func (m *maker) word() string {
	w := rapid.SampledFrom([]string{"іс", "дело", "case", "қ", "ғылымилықтарыңыздан"}).Draw(m.T, "word") + fmt.Sprintf("%dz", len(m.words))
	m.words = append(m.words, w)
	return w
}

func (m *maker) phrase() string {
	parts := make([]string, rapid.IntRange(1, 9).Draw(m.T, "words"))
	for i := range parts {
		parts[i] = m.word()
	}
	return strings.Join(parts, rapid.SampledFrom([]string{" ", "\u00a0", ", ", "\n", "\t"}).Draw(m.T, "between"))
}

func (m *maker) inlines(depth int) []Inline {
	var out []Inline
	for range rapid.IntRange(1, 3).Draw(m.T, "inlines") {
		kind := rapid.IntRange(0, 6).Draw(m.T, "inline")
		if depth > 2 {
			kind = 0
		}
		switch kind {
		case 0:
			out = append(out, Plain(m.phrase()))
		case 1:
			out = append(out, Strong(m.inlines(depth+1)))
		case 2:
			out = append(out, Emphasis(m.inlines(depth+1)))
		case 3:
			out = append(out, Link{Href: rapid.SampledFrom([]string{"https://a.example/?b=c&d=(e)", "javascript:alert(1)", "#part1", "//evil.example", ""}).Draw(m.T, "href"), Text: m.inlines(depth + 1)})
		case 4:
			out = append(out, Figure{ID: fmt.Sprint("f", len(m.words)), Text: m.word(), Definition: m.phrase(), Href: "/cases"})
		case 5:
			out = append(out, Break{}, Plain(m.word()))
		case 6:
			id := fmt.Sprint("n", len(m.notes))
			m.notes = append(m.notes, id)
			out = append(out, NoteRef{id})
		}
	}
	return out
}

func (m *maker) row(columns int) []Cell {
	var out []Cell
	for columns > 0 {
		c := Cell{Text: m.inlines(1), Span: rapid.IntRange(0, min(2, columns)).Draw(m.T, "span")}
		columns -= c.span()
		out = append(out, c)
	}
	return out
}

func (m *maker) blocks(depth int) []Block {
	var out []Block
	for range rapid.IntRange(1, 4).Draw(m.T, "blocks") {
		kind := rapid.IntRange(0, 8).Draw(m.T, "block")
		if depth > 2 && kind > 1 {
			kind = 0
		}
		switch kind {
		case 0:
			out = append(out, Paragraph{Place: Place(rapid.IntRange(0, 3).Draw(m.T, "place")), Text: m.inlines(0)})
		case 1:
			m.parts++
			out = append(out, Heading{Level: rapid.IntRange(1, maxLevel).Draw(m.T, "level"), ID: fmt.Sprint("part", m.parts), Text: m.inlines(1)})
		case 2, 3:
			l := List{Ordered: kind == 3, Start: rapid.IntRange(0, 12).Draw(m.T, "start")}
			for range rapid.IntRange(1, 3).Draw(m.T, "items") {
				l.Items = append(l.Items, m.blocks(depth+1))
			}
			out = append(out, l)
		case 4:
			out = append(out, Quote{Blocks: m.blocks(depth + 1), By: m.inlines(1)})
		case 5:
			t := Table{RowHeads: rapid.Bool().Draw(m.T, "row heads"), Caption: m.inlines(1), Source: m.inlines(1)}
			m.tables = true
			columns := rapid.IntRange(1, 5).Draw(m.T, "columns")
			for range columns {
				t.Columns = append(t.Columns, Column{Number: rapid.Bool().Draw(m.T, "number"), Weight: float64(rapid.IntRange(0, 2).Draw(m.T, "weight"))})
			}
			for range rapid.IntRange(0, 2).Draw(m.T, "head") {
				t.Head = append(t.Head, m.row(columns))
			}
			for range rapid.IntRange(0, 4).Draw(m.T, "rows") {
				t.Rows = append(t.Rows, m.row(columns))
			}
			if rapid.Bool().Draw(m.T, "rest") {
				t.Rest = m.row(columns)
			}
			out = append(out, t)
		case 6:
			label := m.word()
			out = append(out, Picture{SVG: chart.Bars(chart.Frame{ID: label, Title: label}, []chart.Bar{{Label: label, Value: 3}}), Alt: label, Caption: m.inlines(1), Source: m.inlines(1)})
		case 7:
			out = append(out, Rule{})
		case 8:
			out = append(out, PageBreak{})
		}
	}
	return out
}

func (m *maker) document() Document {
	d := Document{
		Lang:  rapid.SampledFrom([]string{"en", "ru", "kk", ""}).Draw(m.T, "lang"),
		Title: m.phrase(), Subtitle: m.phrase(), Dateline: m.phrase(), Head: m.word(), Foot: m.word(),
		Blocks: m.blocks(0),
	}
	for i := 0; i < len(m.notes); i++ { // notes may have notes
		d.Notes = append(d.Notes, Note{ID: m.notes[i], Text: Words(m.phrase())})
	}
	d.Notes = append(d.Notes, Note{ID: "nobody's", Text: Words(m.phrase())})
	return d
}

// TestEveryWordIsInEveryFormat: whatever the document, each word of it is read in each format.
func TestEveryWordIsInEveryFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{T: t}
		d := m.document()
		for format, text := range said(t, d) {
			for _, w := range m.words {
				if !strings.Contains(text, w) {
					t.Errorf("%s does not have %q", format, w)
				}
			}
		}
		pages := textOfPages(t, d)
		letters := map[rune]int{}
		for _, r := range pages {
			letters[r]++
		}
		for _, w := range m.words {
			for _, r := range w {
				letters[r]--
			}
			if !m.tables && len(w) < 16 && !strings.Contains(pages, w) {
				t.Errorf("the pages do not have %q", w)
			}
		}
		for r, n := range letters {
			if n < 0 {
				t.Errorf("the pages lack %q %d times", r, -n)
			}
		}
		if file := write(t, PDF, d); !strings.HasPrefix(file, "%PDF") {
			t.Error("the PDF is none")
		}
	})
}

// TestPages: on no page does anything stand outside of its column, over other
// text, or in another order; a heading has text after it, and no note is lost.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{T: t}
		d := m.document()
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			d.Blocks = append(d.Blocks, m.blocks(0)...)
			for len(d.Notes) <= len(m.notes) {
				d.Notes = append(d.Notes, Note{ID: m.notes[len(d.Notes)-1], Text: Words(strings.Repeat(m.phrase()+" ", rapid.SampledFrom([]int{1, 1, 1, 5, 400}).Draw(t, "long")))})
			}
		}
		sheets, l, err := paginate(d)
		if err != nil {
			t.Fatal(err)
		}
		turned := map[*bookmark]bool{} // headings with nothing after them, or a new page, or more together than a page may have room for
		for i, b := range l.boxes {
			end, tall := i, b.height
			for end+1 < len(l.boxes) && l.boxes[end].keep && !l.boxes[end+1].fresh {
				end++
				tall += l.boxes[end].before + l.boxes[end].height
			}
			for start := i; start > 0 && l.boxes[start-1].keep; start-- {
				tall += l.boxes[start].before + l.boxes[start-1].height
			}
			turned[b.mark] = end < i+2 || tall > column-noteMost-2*noteRule
		}
		for i, s := range sheets {
			bottom := 0.0
			for _, b := range s.boxes {
				if b.y < bottom-0.01 {
					t.Errorf("page %d: at %.1f a line stands over another", i+1, b.y)
				}
				bottom = b.y + b.height
				for _, p := range b.pieces {
					if p.x < -0.01 || p.x+p.width > measure+cellPad && len([]rune(p.text)) > 3 {
						t.Errorf("page %d: %q stands outside, from %.1f to %.1f", i+1, p.text, p.x, p.x+p.width)
					}
				}
			}
			limit := column
			if s.rule > 0 {
				limit = s.rule
			}
			if bottom > limit+0.01 {
				t.Errorf("page %d: the text ends at %.1f, below %.1f", i+1, bottom, limit)
			}
			if n := len(s.boxes); n > 1 && s.boxes[n-2].mark != nil && s.boxes[n-1].keep && !turned[s.boxes[n-2].mark] {
				t.Errorf("page %d ends with a heading", i+1)
			}
		}
	})
}

// TestALongNoteGoesOnOverleaf: a note that no page has room for is whole, on as many as it needs.
func TestALongNoteGoesOnOverleaf(t *testing.T) {
	var words []string
	for i := range 3000 {
		words = append(words, fmt.Sprint("сөз", i, "z"))
	}
	d := Document{
		Blocks: []Block{Heading{Level: 1, Text: Words("Title")}, Paragraph{Text: []Inline{Plain("text"), NoteRef{"long"}}}},
		Notes:  []Note{{ID: "long", Text: Words(strings.Join(words, " "))}},
	}
	sheets, _, err := paginate(d)
	if err != nil {
		t.Fatal(err)
	}
	if len(sheets) < 3 || len(sheets[0].boxes) == 0 || len(sheets[0].notes) == 0 || len(sheets[len(sheets)-1].notes) == 0 {
		t.Errorf("the note is not over pages: %d pages", len(sheets))
	}
	pages := textOfPages(t, d)
	for _, w := range words {
		if !strings.Contains(pages, w) {
			t.Fatalf("%q is not on the pages", w)
		}
	}
}

// TestMarksStayApart: a mark joins neither the figure before it nor the mark before that.
func TestMarksStayApart(t *testing.T) {
	d := Document{
		Blocks: []Block{Paragraph{Text: []Inline{Figure{ID: "f", Text: "69", Definition: "one"}, NoteRef{"two"}, NoteRef{"three"}}}},
		Notes:  []Note{{ID: "two", Text: Words("two")}, {ID: "three", Text: Words("three")}},
	}
	if pages := textOfPages(t, d); !strings.Contains(pages, "69¹ ² ³") {
		t.Errorf("the pages say %q", pages)
	}
	for format, text := range said(t, d) {
		if strings.Contains(text, "691") || strings.Contains(text, "23") || strings.Contains(text, "12") {
			t.Errorf("%s says %q", format, text)
		}
	}
}

// TestLettersThatAreMissing: what the typeface of a PDF can't show is seen to be missing, and said.
func TestLettersThatAreMissing(t *testing.T) {
	for lang, want := range map[string]string{"en": "Some letters", "ru": "Некоторых букв", "kk": "Мәтіннің кейбір"} {
		d := Document{Lang: lang, Title: "Қуә", Blocks: []Block{Paragraph{Text: Words("عربي")}}}
		if pages := textOfPages(t, d); !strings.Contains(pages, "□□□□") || !strings.Contains(pages, want) {
			t.Errorf("%s: the pages say %q", lang, pages)
		}
		d.Blocks = []Block{Paragraph{Text: Words("қазақша, русский, English, ₸ № ≥ ½ → ☐")}}
		if pages := textOfPages(t, d); strings.Contains(pages, "□") || strings.Contains(pages, want) {
			t.Errorf("%s: the pages say %q", lang, pages)
		}
	}
}

// TestColumns: columns take what room there is, none less than its longest word, none more than its longest line.
func TestColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "columns")
		widest, least, out := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			least[i] = rapid.Float64Range(12, 200).Draw(t, "word")
			widest[i] = least[i] + rapid.Float64Range(0, 400).Draw(t, "line")
		}
		part := rapid.Float64Range(0, 1).Draw(t, "room")
		room := points(least) + part*(points(widest)-points(least))
		share(out, widest, least, room)
		for i := range n {
			if out[i] < least[i] || out[i] > widest[i] {
				t.Errorf("column %d is %.1f wide, its word %.1f, its line %.1f", i, out[i], least[i], widest[i])
			}
		}
		if got := points(out); got > room+0.01 || got < room-0.01 {
			t.Errorf("the columns take %.2f of %.2f", got, room)
		}
	})
}

var writers = map[string]writer{"HTML": HTML, "HTMLFragment": HTMLFragment, "PDF": PDF, "DOCX": DOCX, "Markdown": Markdown, "Text": Text}

// TestAnotherReader has a reader of others open a word-processor file.
func TestAnotherReader(t *testing.T) {
	for lang, s := range samples {
		file := write(t, DOCX, sample(lang))
		doc, err := godocx.Parse(strings.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		tables, text := 0, ""
		for _, item := range doc.Document.Body.Items {
			switch item := item.(type) {
			case *godocx.Table:
				tables++
			case *godocx.Paragraph:
				text += item.String() + "\n"
			}
		}
		if tables != 1 || !strings.Contains(text, s["title"]+"\n") || !strings.Contains(text, s["story.1"]) {
			t.Errorf("%s: another reader reads %d tables and %q", lang, tables, text)
		}
	}
}

// FuzzPicture: whatever is given as a drawing is refused, or comes out as shapes and text alone.
func FuzzPicture(f *testing.F) {
	f.Add(sample("kk").Blocks[4].(Picture).SVG)
	for _, text := range hostile {
		f.Add(`<svg viewBox="0 0 9 9"><a href="` + text + `"><text>` + text + `</text></a></svg>`)
	}
	f.Fuzz(func(t *testing.T, svg string) {
		d := Document{Blocks: []Block{Picture{SVG: svg, Alt: "x"}}}
		for name, to := range writers {
			var b strings.Builder
			if err := to(&b, d); err == nil && strings.HasPrefix(name, "HTML") {
				textOf(t, b.String())
			}
		}
	})
}

// hostile are texts of people who would rather be read otherwise than they write.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style><script>`, `<!--`, `]]>`, `&lt;b&gt; & &amp;`,
	"[a](javascript:alert)", "![a](https://evil.example/a.png)", "`code` *bold* _it_ # no", "| a | b |", "{{figure \"x\"}}", "$x$", "\\", "--", "[^1]: x",
	"1. no list", "# no heading", "- no item", "+ no item", "> no quote", "    no code", "=== no heading", "%PDF-1.3 (a) endstream endobj", "{nb}", "{pages}",
	"\u202eten\u202c reversed", "\u2067iso\u2069", "a\x00b\x07c\x1bd\u0085e\ufeff", "\xff\xfe broken", "\ufffe\uffff", "и\u0306 in two", "𝔊 👁 عربي ქართ", strings.Repeat("ұзақ", 200), "a\u2028b",
}

// TestHostileText: a text stays a text, and is there, in each format and at each place of a document.
func TestHostileText(t *testing.T) {
	for _, text := range hostile {
		in := []Inline{Plain(text), Strong(Words(text)), Figure{ID: text, Text: text, Definition: text, Href: text}, Link{Href: text, Text: Words(text)}}
		d := Document{
			Lang: text, Title: text, Subtitle: text, Dateline: text, Head: text, Foot: text,
			Notes: []Note{{ID: text, Text: in}},
			Blocks: []Block{
				Paragraph{Text: Words(text)}, Heading{Level: 1, ID: text, Text: in}, Paragraph{Text: append([]Inline{Break{}}, in...)},
				List{Items: [][]Block{{Paragraph{Text: in}}}}, Quote{Blocks: []Block{Paragraph{Text: in}}, By: in},
				Table{Caption: in, Columns: []Column{{}, {Number: true}}, Head: [][]Cell{{{Text: in}, {Text: in}}}, Rows: [][]Cell{{{Text: in}, {Text: in}}}, Source: in},
				Picture{SVG: chart.Bars(chart.Frame{ID: "x", Title: text}, []chart.Bar{{Label: text, Value: 1}}), Alt: text, Caption: in},
			},
		}
		for name, to := range writers {
			if first := write(t, to, d); first != write(t, to, d) {
				t.Errorf("%s of %q is written otherwise the second time", name, text)
			}
		}
		want := strings.Join(strings.Fields(clean(text)), "")
		for format, got := range said(t, d) {
			for _, r := range got {
				if turns(r) || r != '\n' && r < ' ' {
					t.Fatalf("%s of %q has the character %U", format, text, r)
				}
			}
			if format == "md" {
				want = strings.ReplaceAll(want, `\`, "")
			}
			if got := strings.Join(strings.Fields(got), ""); !strings.Contains(got, want) {
				t.Errorf("%s does not have %q", format, text)
			}
		}
		if strings.Contains(write(t, Markdown, d), "](<javascript") {
			t.Errorf("the Markdown of %q leads to a script", text)
		}
	}
}

// TestForeignPicturesRegression: a picture is one of the program's own or the document isn't written.
func TestForeignPicturesRegression(t *testing.T) {
	const head = `<svg xmlns="http://www.w3.org/2000/svg">`
	for _, svg := range []string{
		"", "text", "<p/>", head, head + `<script>alert(1)</script></svg>`, head + `<style>a{}</style></svg>`, head + `<image href="https://evil.example/x"/></svg>`,
		head + `<rect onload="alert(1)"/></svg>`, head + `<rect style="fill:url(https://evil.example)"/></svg>`, head + `<rect fill="url(https://evil.example)"/></svg>`,
		head + `<a xmlns:x="http://www.w3.org/1999/xlink" x:href="javascript:alert(1)"/></svg>`, head + `<rect data-x="1"/></svg>`,
		head + `<foreignObject><p/></foreignObject></svg>`, `<!DOCTYPE svg>` + head + `</svg>`, `<?xml version="1.0"?>` + head + `</svg>`,
		head + `</svg>` + head + `</svg>`, head + `</svg><p/>`, head + "<g>text</g></svg>", head + `<use href="#a"/></svg>`,
	} {
		d := Document{Blocks: []Block{Picture{SVG: svg, Alt: "x"}}}
		for name, to := range writers {
			var b strings.Builder
			if err := to(&b, d); err == nil || b.Len() > 0 {
				t.Errorf("%s writes %q", name, svg)
			}
		}
	}
}

// TestDrawingsAreWrittenAnew: what a drawing says about itself beyond its shapes doesn't come through.
func TestDrawingsAreWrittenAnew(t *testing.T) {
	const head = `<svg xmlns="http://www.w3.org/1999/xhtml" viewBox="0 0 9 9">`
	for _, inner := range []string{
		`<a href="javascript:alert(1)"><text>x</text></a>`, `<a href="//evil.example"><text>x</text></a>`, `<!-- --><text>x</text>`,
		`<text><![CDATA[<script>x</script>]]></text>`, `<title>&lt;/title&gt;&lt;script&gt;</title>`, `<text class='"&gt;&lt;script&gt;'>x</text>`,
	} {
		page := write(t, HTMLFragment, Document{Blocks: []Block{Picture{SVG: head + inner + "</svg>", Alt: "x"}}})
		if textOf(t, page); strings.Contains(page, "xhtml") || strings.Contains(page, "evil") || strings.Contains(page, "javascript") {
			t.Errorf("%s comes through: %s", inner, page)
		}
	}
}

// TestNobodyWroteIt: no file says who wrote it, with what or when, but for the day of the document.
func TestNobodyWroteIt(t *testing.T) {
	d := sample("en")
	file := write(t, PDF, d)
	for _, word := range []string{"/Author", "/Creator", "/Producer", "FPDF", "fpdf", "/Metadata"} {
		if strings.Contains(file, word) {
			t.Errorf("the PDF says %s", word)
		}
	}
	if strings.Count(file, "(D:20220624000000)") != 2 {
		t.Error("the PDF is not of the document's day")
	}
	parts := unzipped(t, write(t, DOCX, d))
	core := parts["docProps/core.xml"]
	if strings.Contains(core, "creator") || strings.Contains(core, "lastModifiedBy") || strings.Count(core, "2022-06-24T00:00:00Z") != 2 || parts["docProps/app.xml"] != "" {
		t.Errorf("the DOCX says %s", core)
	}
	d.Date = 0
	if core := unzipped(t, write(t, DOCX, d))["docProps/core.xml"]; strings.Contains(core, "1970") {
		t.Errorf("the DOCX of no day says %s", core)
	}
}

// TestAFileOfItsOwn: a file of HTML leads to no page of the site; a fragment does.
func TestAFileOfItsOwn(t *testing.T) {
	d := sample("ru")
	d.Blocks = append(d.Blocks, Paragraph{Text: []Inline{Figure{ID: "x", Text: "9", Href: "/cases?x=1"}}})
	if page := write(t, HTML, d); strings.Contains(page, "/cases") {
		t.Error("the file leads to a page of the site")
	} else if !strings.Contains(page, StyleHash()) || strings.Contains(page, "<link") || strings.Contains(page, "@import") || strings.Contains(page, "url(") {
		t.Error("the file fetches something")
	}
	if part := write(t, HTMLFragment, d); strings.Count(part, `href="/cases`) != 2 || strings.Contains(part, "<style") {
		t.Error("the fragment does not lead to the page of the figure and of the bar, or has a style")
	}
}
