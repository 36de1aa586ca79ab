// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// words are the few that a document needs of its own.
type words struct {
	tag     string // of the language, as word processors want it
	notes   string // the title above the notes
	source  string // {0} is the source
	picture string // a picture in words, {0} says what there is to see
	missing string // below a text in which letters are missing, {0} stands in their place
}

func wordsOf(lang string) words {
	switch lang {
	case "ru":
		return words{
			tag: "ru-RU", notes: "Примечания", source: "Источник: {0}", picture: "Рисунок: {0}",
			missing: "Некоторых букв этого текста нет в шрифте файла; на их месте стоит {0}. Они есть в этом же документе в форматах HTML и DOCX.",
		}
	case "kk":
		return words{
			tag: "kk-KZ", notes: "Ескертпелер", source: "Дереккөз: {0}", picture: "Сурет: {0}",
			missing: "Мәтіннің кейбір әріптері файлдың қарпінде жоқ; олардың орнында {0} тұр. Олар осы құжаттың HTML және DOCX нұсқаларында бар.",
		}
	}
	return words{
		tag: "en-GB", notes: "Notes", source: "Source: {0}", picture: "Picture: {0}",
		missing: "Some letters of this text are not in the typeface of this file; {0} stands in their place. They are in the same document as HTML and DOCX.",
	}
}

// fill puts what is said in its place.
func fill(pattern, what string) string { return strings.Replace(pattern, "{0}", what, 1) }

// around is a pattern with inlines in its place.
func around(pattern string, what []Inline) []Inline {
	before, after, _ := strings.Cut(pattern, "{0}")
	out := append([]Inline{Plain(before)}, what...)
	if after != "" {
		out = append(out, Plain(after))
	}
	return out
}

// clean is text as all formats can hold it: letters composed, white space of any
// kind as a space, and without what isn't seen but would change what is:
// control characters and the marks that turn the direction of writing, with
// which a figure could be made to read otherwise than it is. A dash between
// words never begins a line.
func clean(text string) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), turns(r), r == 0xFEFF, r == 0x200B, r == 0x2060, r >= 0xFFF9 && r <= 0xFFFB, r&0xFFFE == 0xFFFE:
			return -1
		}
		return r
	}, text)
	return dashes.Replace(norm.NFC.String(text))
}

var dashes = strings.NewReplacer(" — ", "\u00a0— ", " – ", "\u00a0– ")

// turns tells whether a character turns the direction of what follows (Unicode
// Standard Annex 9). Letters that are written from right to left do so by
// themselves.
func turns(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// address is where a link leads, or nothing where it is no address that a
// document may lead to.
func address(href string, starts ...string) string {
	href = strings.TrimSpace(href)
	for _, r := range href {
		if unicode.IsControl(r) || unicode.IsSpace(r) || turns(r) || r == '\\' || r == utf8.RuneError {
			return ""
		}
	}
	for _, start := range starts {
		if len(href) >= len(start) && strings.EqualFold(href[:len(start)], start) {
			return href
		}
	}
	return ""
}

// outside is the address of a link that leads out of the document, for a file
// that lies by itself.
func outside(href string) string { return address(href, "https://", "http://", "mailto:") }

// within is the ID of the heading a link leads to.
func within(href string) string { return strings.TrimPrefix(address(href, "#"), "#") }

// site is the address of a page of the site. Two strokes would lead to another.
func site(href string) string {
	if strings.HasPrefix(strings.TrimSpace(href), "//") {
		return ""
	}
	return address(href, "/", "?")
}
