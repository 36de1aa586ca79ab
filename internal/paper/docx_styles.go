// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"
	"strings"
)

const wordSettings = xmlHead + `<w:settings ` + wordSpace + `><w:removePersonalInformation/><w:defaultTabStop w:val="709"/><w:footnotePr><w:footnote w:id="-1"/><w:footnote w:id="0"/></w:footnotePr><w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>`

// wordStyles are the styles of a document, in the language given. Sizes of
// letters are in half points, lengths in twentieths of a point.
func wordStyles(tag string) string {
	type style struct{ id, name, next, paragraph, run string }
	var b strings.Builder
	b.WriteString(xmlHead + `<w:styles ` + wordSpace + `><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="Times New Roman" w:cs="Times New Roman"/><w:sz w:val="24"/><w:szCs w:val="24"/><w:lang w:val="` + tag + `" w:eastAsia="` + tag + `" w:bidi="ar-SA"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:widowControl/><w:spacing w:after="120" w:line="264" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>`)
	b.WriteString(`<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>`)
	heading := func(level int, before, size int, run string) style {
		return style{
			fmt.Sprintf("Heading%d", level), fmt.Sprintf("heading %d", level), "Normal",
			fmt.Sprintf(`<w:keepNext/><w:keepLines/><w:spacing w:before="%d" w:after="80"/><w:outlineLvl w:val="%d"/>`, before, level-1),
			fmt.Sprintf(`%s<w:sz w:val="%d"/><w:szCs w:val="%[2]d"/>`, run, size),
		}
	}
	for _, s := range []style{
		{"Title", "Title", "Normal", `<w:keepNext/><w:spacing w:after="60" w:line="240" w:lineRule="auto"/>`, `<w:b/><w:sz w:val="40"/><w:szCs w:val="40"/>`},
		{"Subtitle", "Subtitle", "Normal", `<w:keepNext/><w:spacing w:after="60"/>`, `<w:color w:val="565A60"/><w:sz w:val="28"/><w:szCs w:val="28"/>`},
		{"Dateline", "Dateline", "Normal", `<w:keepNext/><w:spacing w:after="240"/>`, `<w:color w:val="565A60"/>`},
		heading(1, 360, 30, `<w:b/>`), heading(2, 280, 26, `<w:b/>`), heading(3, 240, 24, `<w:b/>`), heading(4, 200, 24, `<w:i/>`),
		{"Quote", "Quote", "", `<w:pBdr><w:left w:val="single" w:sz="12" w:space="8" w:color="A9CDD2"/></w:pBdr>`, ""},
		{"Caption", "caption", "Normal", `<w:keepNext/><w:spacing w:before="240" w:after="80"/>`, `<w:b/>`},
		{"Small", "Small", "", `<w:spacing w:before="60" w:after="200"/>`, `<w:color w:val="565A60"/><w:sz w:val="20"/><w:szCs w:val="20"/>`},
		{"TableHead", "Table Head", "", `<w:keepNext/><w:spacing w:before="40" w:after="40" w:line="240" w:lineRule="auto"/>`, `<w:b/><w:color w:val="565A60"/><w:sz w:val="20"/><w:szCs w:val="20"/>`},
		{"TableText", "Table Text", "", `<w:spacing w:before="40" w:after="40" w:line="240" w:lineRule="auto"/>`, `<w:sz w:val="22"/><w:szCs w:val="22"/>`},
		{"TableRest", "Table Rest", "", `<w:spacing w:before="40" w:after="40" w:line="240" w:lineRule="auto"/>`, `<w:color w:val="565A60"/><w:sz w:val="22"/><w:szCs w:val="22"/>`},
		{"FootnoteText", "footnote text", "", `<w:spacing w:after="40" w:line="240" w:lineRule="auto"/>`, `<w:sz w:val="20"/><w:szCs w:val="20"/>`},
		{"Header", "header", "", `<w:spacing w:after="0"/>`, `<w:color w:val="565A60"/><w:sz w:val="20"/><w:szCs w:val="20"/>`},
		{"Footer", "footer", "", fmt.Sprintf(`<w:tabs><w:tab w:val="right" w:pos="%d"/></w:tabs><w:spacing w:after="0"/>`, docxText), `<w:color w:val="565A60"/><w:sz w:val="20"/><w:szCs w:val="20"/>`},
	} {
		fmt.Fprintf(&b, `<w:style w:type="paragraph" w:styleId="%s"><w:name w:val="%s"/><w:basedOn w:val="Normal"/>`, s.id, s.name)
		if s.next != "" {
			fmt.Fprintf(&b, `<w:next w:val="%s"/>`, s.next)
		}
		fmt.Fprintf(&b, `<w:qFormat/><w:pPr>%s</w:pPr><w:rPr>%s</w:rPr></w:style>`, s.paragraph, s.run)
	}
	b.WriteString(`<w:style w:type="character" w:styleId="FootnoteReference"><w:name w:val="footnote reference"/><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>`)
	b.WriteString(`<w:style w:type="character" w:styleId="Hyperlink"><w:name w:val="Hyperlink"/><w:rPr><w:color w:val="0D5763"/><w:u w:val="single"/></w:rPr></w:style>`)
	b.WriteString(`<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:tblPr><w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar><w:left w:w="90" w:type="dxa"/><w:right w:w="90" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>`)
	b.WriteString(`<w:style w:type="table" w:styleId="Register"><w:name w:val="Register"/><w:basedOn w:val="TableNormal"/><w:tblPr><w:tblBorders><w:top w:val="single" w:sz="6" w:space="0" w:color="8B8880"/><w:bottom w:val="single" w:sz="6" w:space="0" w:color="8B8880"/><w:insideH w:val="single" w:sz="4" w:space="0" w:color="DFDBD2"/></w:tblBorders></w:tblPr></w:style>`)
	b.WriteString(`</w:styles>`)
	return b.String()
}
