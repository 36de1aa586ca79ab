// SPDX-License-Identifier: AGPL-3.0-or-later

package ics

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
		Name:  "ics",
		About: "hearings and tasks as a calendar (.ics), in and out",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
		Write: Write,
	}
}

// writer writes the lines of a calendar; the first error stays.
type writer struct {
	b      *bufio.Writer
	err    error
	book   *codebook.Book
	report *foreign.Report
	stamp  string
}

func (w *writer) line(name, value string) {
	if w.err == nil {
		w.err = contentline.Fold(w.b, name+":"+value)
	}
}

func (w *writer) text(name string, r *casefile.Record, field string) {
	if v := r.Get(field); v != "" {
		w.line(name, contentline.Escape(v))
		w.report.Told(r.Kind, field, foreign.ComesBack(w.book, r.Kind, field, v))
	}
}

// date writes a date as its first day.
func (w *writer) date(name string, r *casefile.Record, field string) (edtf.Day, bool) {
	d, err := edtf.Parse(r.Get(field))
	if err != nil || d.Earliest().Bound() {
		return 0, false
	}
	text := strings.ReplaceAll(d.Earliest().String(), "-", "")
	if name == "COMPLETED" { // which is a moment
		w.line(name, text+"T000000Z")
	} else {
		w.line(name+";VALUE=DATE", text)
	}
	w.report.Told(r.Kind, field, d.Earliest().String() == r.Get(field))
	return d.Earliest(), true
}

func (w *writer) begin(component, caseID string, r *casefile.Record, list string) {
	w.line("BEGIN", component)
	w.line("UID", r.ID)
	w.line("DTSTAMP", w.stamp)
	w.line(ofCase, caseID)
	kind := r.Get("kind")
	w.line(ofKind, r.Kind+"/"+kind)
	if kind != "" {
		w.report.Told(r.Kind, "kind", true)
	}
	title := kind
	if l, ok := w.book.List(list); ok {
		for _, c := range l.Codes {
			if c.Code == kind {
				title = c.Label.En
			}
		}
	}
	w.line("SUMMARY", contentline.Escape(title))
	w.line("CLASS", "PRIVATE")
}

var states = map[string]string{"open": "NEEDS-ACTION", "done": "COMPLETED", "dropped": "CANCELLED"}

// Write writes the hearings of each case that have a day, and its tasks.
func Write(out io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], opts foreign.Writing) (*foreign.Report, error) {
	w := &writer{b: bufio.NewWriter(out), book: book, report: foreign.NewReport("ics"), stamp: strings.ReplaceAll(opts.Today.String(), "-", "") + "T000000Z"}
	w.line("BEGIN", "VCALENDAR")
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//Kua//Kua//EN")
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		w.report.Case(c)
		for _, h := range c.Of("hearing") {
			if d, err := edtf.Parse(h.Get("date")); err != nil || d.Earliest().Bound() {
				continue // an event must have a day
			}
			w.begin("VEVENT", c.ID, h, "hearing_kind")
			if d, ok := w.date("DTSTART", h, "date"); ok {
				w.line("DTEND;VALUE=DATE", strings.ReplaceAll(d.Add(1).String(), "-", ""))
			}
			w.text("LOCATION", h, "court")
			w.line("END", "VEVENT")
		}
		for _, t := range c.Of("task") {
			w.begin("VTODO", c.ID, t, "task_kind")
			if s := states[t.Get("status")]; s != "" {
				w.line("STATUS", s)
				w.report.Told("task", "status", true)
			}
			w.date("DTSTART", t, "set")
			w.date("DUE", t, "due")
			w.date("COMPLETED", t, "done")
			w.text("DESCRIPTION", t, "text")
			w.line("END", "VTODO")
		}
	}
	w.line("END", "VCALENDAR")
	if w.err != nil {
		return nil, w.err
	}
	if err := w.b.Flush(); err != nil {
		return nil, err
	}
	return w.report, w.report.Done()
}
