// SPDX-License-Identifier: AGPL-3.0-or-later

package vcard

import (
	"bufio"
	_ "embed"
	"io"
	"iter"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/contentline"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "vcard",
		About: "people and how to reach them as vCards (.vcf), in and out",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
		Write: Write,
	}
}

// writer writes the lines of a card; the first error stays.
type writer struct {
	b      *bufio.Writer
	err    error
	book   *codebook.Book
	report *foreign.Report
	person *casefile.Record
}

func (w *writer) line(name string, parts ...string) {
	for i := range parts {
		parts[i] = contentline.Escape(parts[i])
	}
	if w.err == nil {
		w.err = contentline.Fold(w.b, name+":"+strings.Join(parts, ";"))
	}
}

// put writes each value of a field as a property.
func (w *writer) put(property, field string) {
	for _, v := range w.person.Fields[field] {
		w.line(property, v)
		w.report.Told("person", field, foreign.ComesBack(w.book, "person", field, v))
	}
}

// date writes a date that is one day: a property of a card is one.
func (w *writer) date(property, field string) {
	d, err := edtf.Parse(w.person.Get(field))
	if err != nil || d.Earliest() != d.Latest() || d.Earliest().Bound() {
		return
	}
	day := d.Earliest().String()
	w.line(property, strings.ReplaceAll(day, "-", ""))
	w.report.Told("person", field, day == w.person.Get(field))
}

// Write writes a card for each person of each case.
func Write(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], _ foreign.Writing) (*foreign.Report, error) {
	b := bufio.NewWriter(w)
	report := foreign.NewReport("vcard")
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		report.Case(c)
		for _, p := range c.Of("person") {
			card := &writer{b: b, book: book, report: report, person: p}
			if card.one(c.ID); card.err != nil {
				return nil, card.err
			}
		}
	}
	if err := b.Flush(); err != nil {
		return nil, err
	}
	return report, report.Done()
}

// one writes a card.
func (w *writer) one(caseID string) {
	p := w.person
	w.line("BEGIN", "VCARD")
	w.line("VERSION", "4.0")
	w.line("UID", p.ID)
	w.line(ofCase, caseID)
	w.line("CATEGORIES", p.Get("role"))
	w.report.Told("person", "role", true)
	w.put("FN", "full_name")
	if p.Get("full_name") == "" { // every card must have one
		w.line("FN", strings.Join(strings.Fields(p.Get("given")+" "+p.Get("patronymic")+" "+p.Get("family")), " "))
	}
	w.line("N", p.Get("family"), p.Get("given"), p.Get("patronymic"), "", "")
	for _, field := range []string{"family", "given", "patronymic"} {
		if v := p.Get(field); v != "" {
			w.report.Told("person", field, foreign.ComesBack(w.book, "person", field, v))
		}
	}
	w.put("NICKNAME", "other_names")
	if g := map[string]string{"f": "F", "m": "M", "x": "O"}[p.Get("sex")]; g != "" {
		w.line("GENDER", g)
		w.report.Told("person", "sex", true)
	}
	w.date("BDAY", "birth")
	w.date(died, "died")
	w.put("TITLE", "occupation")
	w.put("TEL", "phones")
	w.put("EMAIL", "emails")
	if a := p.Get("address"); a != "" {
		w.line("ADR", "", "", a, "", "", "", "")
		w.report.Told("person", "address", foreign.ComesBack(w.book, "person", "address", a))
	}
	w.line("END", "VCARD")
}
