// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"github.com/kua-registry/kua/internal/edtf"
)

// Document is what is written, in one language.
type Document struct {
	Lang     string // "en", "ru" or "kk"; any other counts as English
	Title    string
	Subtitle string   // beneath the title; may be empty
	Dateline string   // place and day as they are printed: "Алматы, 24 июня 2022 г."; may be empty
	Date     edtf.Day // of the document, for the properties of the file, not printed; 0: none, which PDF, that must have one, says as 1970-01-01
	Head     string   // on top of every page, a few words: "Draft", "Confidential"; may be empty
	Foot     string   // at the foot of every page, beside its number, at most three lines; empty: the title

	Blocks []Block
	Notes  []Note
}

// Note is what a NoteRef refers to.
type Note struct {
	ID   string // unique within the document
	Text []Inline
}

// Block is a part of a document from margin to margin: Heading, Paragraph, List,
// Quote, Table, Picture, Rule, PageBreak.
type Block interface{ block() }

// Heading is the title of a part. It stays on the page of what follows it.
type Heading struct {
	Level int    // 1 to 4, 1 beneath the title of the document
	ID    string // to link to, as "#ID"; may be empty
	Text  []Inline
}

// Place is where a paragraph stands.
type Place int

// Body is from margin to margin, Centre in the middle, Address in the right half
// of the page, where letters say to whom and from whom they are, and Small in
// smaller letters.
const (
	Body Place = iota
	Centre
	Address
	Small
)

// Paragraph is a paragraph of text.
type Paragraph struct {
	Place Place
	Text  []Inline
}

// List is a list of items, each of one or more blocks.
type List struct {
	Ordered bool // with numbers
	Start   int  // the first number; 0: 1
	Items   [][]Block
}

// Quote is what somebody said, or the story of a case.
type Quote struct {
	Blocks []Block
	By     []Inline // who said it, where; may be empty
}

// Table is a table with its title above and its source beneath. The rows of Head
// are repeated on each page.
type Table struct {
	Caption  []Inline
	Columns  []Column
	Head     [][]Cell
	Rows     [][]Cell
	Rest     []Cell // the remainder: what has no value in this table; set apart from the rows; may be empty
	RowHeads bool   // the first column names the rows
	Source   []Inline
}

// Column says how a column of a table is set.
type Column struct {
	Number bool    // to the right, figures beneath figures
	Weight float64 // its share of the width beside the others; 0: as its text needs
}

// Cell is one cell of a table.
type Cell struct {
	Text []Inline
	Span int // over so many columns; 0: 1
}

// Picture is a drawing of package chart.
type Picture struct {
	SVG     string
	Alt     string // what there is to see, in a sentence, for who doesn't see it; never empty
	Caption []Inline
	Source  []Inline
}

// Rule is a line between parts.
type Rule struct{}

// PageBreak begins a new page where there are pages.
type PageBreak struct{}

func (Heading) block()   {}
func (Paragraph) block() {}
func (List) block()      {}
func (Quote) block()     {}
func (Table) block()     {}
func (Picture) block()   {}
func (Rule) block()      {}
func (PageBreak) block() {}

// Inline is a part of a line: Plain, Strong, Emphasis, Link, NoteRef, Figure, Break.
type Inline interface{ inline() }

// Plain is text as it is.
type Plain string

// Strong is text in bold.
type Strong []Inline

// Emphasis is text in italics.
type Emphasis []Inline

// Link is text that leads somewhere: to the web, to an address for mail, to a
// page of the site (in HTML only) or, as "#ID", to a heading. An address of any
// other sort is left out and the text stays.
type Link struct {
	Href string
	Text []Inline
}

// NoteRef is the mark of a note.
type NoteRef struct {
	Note string // its ID
}

// Figure is a number that was counted. Its definition is at hand: in a note, and
// on hovering where a reader hovers.
type Figure struct {
	ID         string // of the figure, as the manifest names it
	Text       string // as it stands in the sentence: "69", "sixty-nine cases"
	Definition string // may be empty: then there is no note
	Href       string // to its cases or its entry in the manifest, where there is one; see Link
	Unmarked   bool   // without the mark of a note: the text around it has said what is counted
}

// Break begins a new line within a paragraph.
type Break struct{}

func (Plain) inline()    {}
func (Strong) inline()   {}
func (Emphasis) inline() {}
func (Link) inline()     {}
func (NoteRef) inline()  {}
func (Figure) inline()   {}
func (Break) inline()    {}

// Words returns text as inlines.
func Words(text string) []Inline { return []Inline{Plain(text)} }

// Row returns a row of plain cells.
func Row(texts ...string) []Cell {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i] = Cell{Text: Words(text)}
	}
	return row
}
