// SPDX-License-Identifier: AGPL-3.0-or-later

package bayanat

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/sheet"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "bayanat",
		About: "exports of Bayanat as JSON or CSV in; the sheet of actors that its import takes out",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
		Write: Write,
	}
}

// events is for how many events of a person the sheet has columns.
const events = 8

var (
	columns   = []string{"originid", "name", "first_name", "father_name", "last_name", "nickname", "sex", "occupation", "documentation_date", "description"}
	ofAnEvent = []string{"title", "type", "location", "from_date", "to_date", "comments"}
)

// row is a row that is being filled.
type row struct {
	cells  map[string]string
	book   *codebook.Book
	report *foreign.Report
}

// text writes a text. One that could be a formula comes back as it was: the sign
// before it is taken away when it is read, and so is one that stood there before.
func (w *row) text(column string, r *casefile.Record, field string) {
	if values := r.Fields[field]; len(values) > 0 {
		w.cells[column] = values[0]
		w.report.Told(r.Kind, field, foreign.ComesBack(w.book, r.Kind, field, values[0]) && !guarded.MatchString(values[0]))
	}
}

// date writes a date as its first day.
func (w *row) date(column string, r *casefile.Record, field string) {
	d, err := edtf.Parse(r.Get(field))
	if err != nil || d.Earliest().Bound() {
		return
	}
	w.cells[column] = d.Earliest().String()
	w.report.Told(r.Kind, field, d.Earliest().String() == r.Get(field))
}

// Write writes a row for the victim of each case.
func Write(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], _ foreign.Writing) (*foreign.Report, error) {
	report := foreign.NewReport("bayanat")
	out := csv.NewWriter(w)
	head := append([]string{}, columns...)
	for n := range events {
		for _, f := range ofAnEvent {
			head = append(head, fmt.Sprintf("event_%d_%s", n+1, f))
		}
	}
	if err := out.Write(head); err != nil {
		return nil, err
	}
	line := make([]string, len(head))
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		report.Case(c)
		cells := actor(c, book, report)
		for i, h := range head {
			line[i] = sheet.Plain(foreign.Seen(cells[h]))
		}
		if err := out.Write(line); err != nil {
			return nil, err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return nil, err
	}
	return report, report.Done()
}

func actor(c *casefile.Case, book *codebook.Book, report *foreign.Report) map[string]string {
	w := &row{map[string]string{"originid": c.ID}, book, report}
	for _, p := range c.Of("person") {
		if p.Get("role") != "victim" {
			continue
		}
		w.report.Told("person", "role", true)
		w.text("name", p, "full_name")
		w.text("first_name", p, "given")
		w.text("father_name", p, "patronymic")
		w.text("last_name", p, "family")
		if w.cells["name"] == "" {
			w.cells["name"] = strings.Join(strings.Fields(p.Get("given")+" "+p.Get("patronymic")+" "+p.Get("family")), " ")
		}
		w.text("nickname", p, "other_names")
		w.text("occupation", p, "occupation")
		if sex := map[string]string{"f": "Female", "m": "Male"}[p.Get("sex")]; sex != "" {
			w.cells["sex"] = sex
			w.report.Told("person", "sex", true)
		}
		break // a row is of one person
	}
	if reports := c.Of("report"); len(reports) > 0 {
		w.date("documentation_date", reports[0], "received")
	}
	if notes := c.Of("note"); len(notes) > 0 {
		w.text("description", notes[0], "text")
	}
	n := 0
	next := func(title string) string {
		n++
		prefix := fmt.Sprintf("event_%d_", n)
		w.cells[prefix+"title"], w.cells[prefix+"type"] = title, title
		return prefix
	}
	for _, d := range c.Of("detention") {
		if n == events {
			break
		}
		prefix := next("Detention")
		w.date(prefix+"from_date", d, "from")
		w.date(prefix+"to_date", d, "to")
		w.text(prefix+"location", d, "place")
	}
	for _, a := range c.Of("act") {
		if n == events {
			break
		}
		prefix := next("Ill-treatment")
		if d, err := edtf.Parse(a.Get("date")); err == nil && !d.Earliest().Bound() && !d.Latest().Bound() {
			from, to := d.Earliest().String(), d.Latest().String()
			w.cells[prefix+"from_date"], w.cells[prefix+"to_date"] = from, to
			w.report.Told("act", "date", span(from, to) == a.Get("date"))
		}
		w.text(prefix+"location", a, "place")
		w.text(prefix+"comments", a, "account")
	}
	return w.cells
}
