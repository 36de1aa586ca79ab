// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Docx writes a finished text as a word-processor file (ECMA-376, transitional):
// A4, Times New Roman 12 pt, as authorities expect it. The file says neither
// who made it nor when.
func Docx(w io.Writer, passages []Passage, lang string) error {
	z := zip.NewWriter(w)
	for _, part := range []struct{ name, text string }{
		{"[Content_Types].xml", contentTypes},
		{"_rels/.rels", relations},
		{"word/document.xml", document(passages, lang)},
	} {
		f, err := z.Create(part.name)
		if err != nil {
			return fmt.Errorf("the file can't be written: %w", err)
		}
		if _, err := io.WriteString(f, part.text); err != nil {
			return fmt.Errorf("the file can't be written: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("the file can't be written: %w", err)
	}
	return nil
}

const (
	xmlHead      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	contentTypes = xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`
	relations    = xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`

	// Lengths are in twentieths of a point: A4 is 11906 by 16838, margins 3 cm left, 1.5 cm right, 2 cm above and below.
	page = `<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="851" w:bottom="1134" w:left="1701" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr>`
)

// styles are how the passages are laid out. Sizes of letters are in half points.
var styles = map[string]struct{ paragraph, bold string }{
	To:    {`<w:spacing w:after="0"/><w:ind w:left="4536"/>`, ""},
	Title: {`<w:keepNext/><w:spacing w:before="360" w:after="0"/><w:jc w:val="center"/>`, `<w:b/>`},
	Under: {`<w:spacing w:after="240"/><w:jc w:val="center"/>`, ""},
	Ask:   {`<w:spacing w:after="120"/><w:ind w:left="567" w:hanging="567"/><w:jc w:val="both"/>`, ""},
	Plain: {`<w:spacing w:after="120"/><w:ind w:firstLine="709"/><w:jc w:val="both"/>`, ""},
}

func document(passages []Passage, lang string) string {
	var b strings.Builder
	b.WriteString(xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`)
	for _, p := range passages {
		style := styles[p.Style]
		run := `<w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:cs="Times New Roman"/>` + style.bold +
			`<w:sz w:val="24"/><w:szCs w:val="24"/><w:lang w:val="` + langTag(lang) + `"/></w:rPr>`
		b.WriteString(`<w:p><w:pPr>` + style.paragraph + `</w:pPr><w:r>` + run + `<w:t xml:space="preserve">`)
		b.WriteString(escaped(p.Text))
		b.WriteString(`</w:t></w:r></w:p>`)
	}
	b.WriteString(page + `</w:body></w:document>`)
	return b.String()
}

func langTag(lang string) string {
	switch lang {
	case "ru":
		return "ru-RU"
	case "kk":
		return "kk-KZ"
	}
	return "en-GB"
}

// escaped is a text as XML may hold it: what XML can't hold is left out.
func escaped(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD && r != utf8.RuneError || r >= 0x10000:
			return r
		}
		return -1
	}, text)
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}
