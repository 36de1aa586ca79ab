// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	_ "embed"
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/edtf"
)

// Frame is what all charts have.
type Frame struct {
	ID    string // of the element, unique on its page
	Title string // what is shown, for whoever doesn't see it and on hovering
	Desc  string // one sentence that says what there is to see; may be empty
	Width int    // in units of the drawing; 0: DefaultWidth

	// File is set where the drawing stands by itself and not on a page: its
	// title is written above it, the notes below it, with a margin around all.
	File  bool
	Notes []string // where its numbers come from, as of when

	Number func(int) string             // writes a number; nil: digits
	Share  func(part, whole int) string // writes a share; nil: no shares are shown
	Day    func(edtf.Day) string        // writes a day; nil: 2022-05-17
}

// DefaultWidth is that of a phone with its margins taken off, so that the
// smallest text is never scaled below its size.
const DefaultWidth = 360

//go:embed chart.css
var stylesheet string

// Stylesheet returns the rules that give a page's colours to its charts. They
// take the page's own custom properties (--accent, --soft, …) where it has them.
func Stylesheet() string { return stylesheet }

// Sizes of text and what stands around it, in units of the drawing.
const (
	textSize  = 14.0
	smallSize = 12.0
	titleSize = 16.0
	line      = 18.0 // from one line of text to the next
	gap       = 6.0
	rowGap    = 16.0

	// meanWidth is what a letter takes of its size on average, reckoned for
	// Cyrillic, which runs wider than Latin.
	meanWidth = 0.58
)

func (f Frame) width() float64 {
	if f.Width <= 0 {
		return DefaultWidth
	}
	return float64(f.Width)
}

func (f Frame) number(n int) string {
	if f.Number == nil {
		return strconv.Itoa(n)
	}
	return f.Number(n)
}

func (f Frame) day(d edtf.Day) string {
	if f.Day == nil {
		return d.String()
	}
	return f.Day(d)
}

// canvas is a drawing under way: y is where the next part begins.
type canvas struct {
	strings.Builder
	y     float64
	links bool
}

// finish puts the drawing into its frame.
func (f Frame) finish(kind string, c *canvas) string {
	role := "img"
	if c.links {
		role = "group"
	}
	title, desc := escape(f.ID)+"-title", escape(f.ID)+"-desc"
	labels := title
	if f.Desc != "" {
		labels += " " + desc
	}
	left, top, width, height := 0.0, 0.0, f.width(), c.y
	var around canvas
	if f.File {
		around.y = -f.title(&canvas{}) - gap
		left, top = -margin, around.y-margin
		f.title(&around)
		around.y = c.y + rowGap
		for _, note := range f.Notes {
			for _, part := range wrap(note, int(f.width()/(smallSize*meanWidth))) {
				around.y += line - 2
				around.text(0, around.y-4, softSmall, part)
			}
		}
		width, height = width+2*margin, around.y+margin-top
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" id="%s" class="chart chart-%s" role="%s" aria-labelledby="%s" viewBox="%s %s %s %s" width="%s" height="%s" font-family="system-ui, sans-serif" font-size="%s" fill="currentColor">`,
		escape(f.ID), kind, role, labels, num(left), num(top), num(width), num(height), num(width), num(height), num(textSize))
	fmt.Fprintf(&b, "\n<title id=\"%s\">%s</title>\n", title, escape(f.Title))
	if f.Desc != "" {
		fmt.Fprintf(&b, "<desc id=\"%s\">%s</desc>\n", desc, escape(f.Desc))
	}
	b.WriteString(around.String())
	b.WriteString(c.String())
	b.WriteString("</svg>\n")
	return b.String()
}

const margin = 16.0 // around a drawing that stands by itself

// title writes the title, and answers how high it is.
func (f Frame) title(c *canvas) float64 {
	begin := c.y
	for _, part := range wrap(f.Title, int(f.width()/(titleSize*meanWidth))) {
		c.y += line + 2
		c.text(0, c.y-4, `font-size="16" font-weight="600"`, part)
	}
	return c.y - begin
}

// Colours of a chart that stands by itself; on a page its stylesheet overrules them.
const (
	colourSoft  = "#565a60"
	colourTrack = "#f1efea"
	colourValue = "#0d5763"
	colourBase  = "#a9cdd2"
	colourRest  = "#8b8880"
	colourLine  = "#dfdbd2"
	colourOn    = "#ffffff"
)

// open begins a group, as a link where there is an address to go to.
func (c *canvas) open(href, class string) (end string) {
	if href = safeLink(href); href == "" {
		fmt.Fprintf(c, "<g class=\"%s\">\n", class)
		return "</g>\n"
	}
	c.links = true
	fmt.Fprintf(c, "<a href=\"%s\" class=\"%s\">\n", escape(href), class)
	return "</a>\n"
}

// text writes a line of text; attributes are written as they are.
func (c *canvas) text(x, y float64, attributes, s string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	fmt.Fprintf(c, "<text x=\"%s\" y=\"%s\"%s>%s</text>\n", num(x), num(y), attributes, escape(s))
}

func (c *canvas) rect(x, y, width, height float64, class, fill string) {
	fmt.Fprintf(c, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" class=\"%s\" fill=\"%s\"/>\n", num(x), num(y), num(width), num(height), class, fill)
}

// label writes text in as many lines as the width needs, the first line at
// c.y, and leaves c.y below the last.
func (c *canvas) label(x, width float64, s string) {
	for _, part := range wrap(s, int(width/(textSize*meanWidth))) {
		c.y += line
		c.text(x, c.y-4, "", part)
	}
}

const (
	softSmall = `class="chart-soft" fill="` + colourSoft + `" font-size="12"`
	softRight = softSmall + ` text-anchor="end"`
	boldRight = `class="chart-number" font-weight="600" text-anchor="end"`
)

// wrap breaks a text between words into lines of at most so many letters; a
// word that is longer is broken where it must be.
func wrap(s string, letters int) []string {
	letters = max(letters, 4)
	var lines []string
	current := ""
	for _, word := range strings.Fields(s) {
		switch {
		case current == "":
			current = word
		case utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) <= letters:
			current += " " + word
		default:
			lines = append(lines, current)
			current = word
		}
		for utf8.RuneCountInString(current) > letters {
			runes := []rune(current)
			lines = append(lines, string(runes[:letters]))
			current = string(runes[letters:])
		}
	}
	return append(lines, current)
}

// cut shortens a text to at most so many letters.
func cut(s string, letters int) string {
	runes := []rune(s)
	if len(runes) <= letters {
		return s
	}
	return strings.TrimRight(string(runes[:max(letters-1, 1)]), " .-") + "…"
}

// widthOf estimates the width of a line of text.
func widthOf(s string, size float64) float64 {
	return float64(utf8.RuneCountInString(s)) * size * meanWidth
}

// escape makes text fit for an element or a quoted attribute. What XML has no
// place for, such as a null, is taken out.
func escape(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// safeLink returns the address if it leads to a page or to the web, else nothing.
func safeLink(href string) string {
	for _, start := range []string{"/", "?", "#", "https://", "http://"} {
		if strings.HasPrefix(href, start) {
			return href
		}
	}
	return ""
}

// num writes a coordinate with at most one decimal.
func num(x float64) string {
	s := strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
	if s == "-0" {
		return "0"
	}
	return s
}

// part returns the length of a value on a scale; what is not nothing is seen.
func part(value, whole int, length float64) float64 {
	if value <= 0 || whole <= 0 {
		return 0
	}
	return max(2, min(length, length*float64(value)/float64(whole)))
}
