// SPDX-License-Identifier: AGPL-3.0-or-later

package primero

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "primero",
		About: "records of Primero: JSON in and out, its lists as CSV in",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
		Write: Write,
	}
}

// uuid writes an id as Primero has its own.
func uuid(id string) string {
	if len(id) != 32 {
		return id
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// object is the data of a record; fields of the case that go into it are counted.
type object struct {
	data   map[string]any
	book   *codebook.Book
	report *foreign.Report
}

func (o *object) text(key string, r *casefile.Record, field string) {
	if v := r.Get(field); v != "" {
		o.data[key] = v
		o.report.Told(r.Kind, field, foreign.ComesBack(o.book, r.Kind, field, v))
	}
}

// list writes the first of several texts: the format has one.
func (o *object) list(key string, r *casefile.Record, field string) {
	if values := r.Fields[field]; len(values) > 0 {
		o.data[key] = values[0]
		o.report.Told(r.Kind, field, foreign.ComesBack(o.book, r.Kind, field, values[0]))
	}
}

// date writes the first day of a date.
func (o *object) date(key string, r *casefile.Record, field string) {
	d, err := edtf.Parse(r.Get(field))
	if err != nil || d.Earliest().Bound() {
		return
	}
	o.data[key] = d.Earliest().String()
	o.report.Told(r.Kind, field, d.Earliest().String() == r.Get(field))
}

// Write writes a list of records: each case, and each act of it as an incident.
func Write(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], _ foreign.Writing) (*foreign.Report, error) {
	b := bufio.NewWriter(w)
	report := foreign.NewReport("primero")
	n := 0
	put := func(id, kind string, more map[string]any, data map[string]any) error {
		rec := map[string]any{"id": uuid(id), "type": kind, "data": data}
		for k, v := range more {
			rec[k] = v
		}
		text, err := json.MarshalIndent(rec, "  ", "  ")
		if err != nil {
			return err
		}
		sign := ",\n  "
		if n == 0 {
			sign = "[\n  "
		}
		n++
		fmt.Fprint(b, sign)
		_, err = b.Write(text)
		return err
	}
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		report.Case(c)
		if err := put(c.ID, "case", nil, oneCase(c, book, report)); err != nil {
			return nil, err
		}
		for _, a := range c.Of("act") {
			if err := put(a.ID, "incident", map[string]any{"incident_case_id": uuid(c.ID)}, incident(a, book, report)); err != nil {
				return nil, err
			}
		}
	}
	if n == 0 {
		fmt.Fprint(b, "[")
	}
	fmt.Fprint(b, "\n]\n")
	if err := b.Flush(); err != nil {
		return nil, err
	}
	return report, report.Done()
}

func oneCase(c *casefile.Case, book *codebook.Book, report *foreign.Report) map[string]any {
	o := &object{map[string]any{"status": "open", "record_state": true}, book, report}
	for _, r := range c.Of("case") {
		if v := r.Get("number"); v != "" {
			o.data["case_id_display"] = v
		}
	}
	if reports := c.Of("report"); len(reports) > 0 {
		o.date("registration_date", reports[0], "received")
	}
	for _, p := range c.Of("person") {
		if p.Get("role") != "victim" {
			continue
		}
		o.report.Told("person", "role", true)
		o.text("name", p, "full_name")
		o.text("name_first", p, "given")
		o.text("name_middle", p, "patronymic")
		o.text("name_last", p, "family")
		if _, ok := o.data["name"]; !ok { // without it Primero shows none
			if name := strings.Join(strings.Fields(p.Get("given")+" "+p.Get("patronymic")+" "+p.Get("family")), " "); name != "" {
				o.data["name"] = name
			}
		}
		o.list("name_other", p, "other_names")
		if sex := map[string]string{"f": "female", "m": "male"}[p.Get("sex")]; sex != "" {
			o.data["sex"] = sex
			o.report.Told("person", "sex", true)
		}
		if age, err := strconv.Atoi(p.Get("age")); err == nil {
			o.data["age"] = age
			o.report.Told("person", "age", strconv.Itoa(age) == p.Get("age"))
		}
		o.date("date_of_birth", p, "birth")
		o.text("occupation", p, "occupation")
		o.text("nationality", p, "nationality")
		o.text("ethnicity", p, "ethnicity")
		o.text("national_id_no", p, "identity_document")
		o.list("telephone_current", p, "phones")
		o.text("address_current", p, "address")
		break // a record is of one person
	}
	var notes []any
	for _, r := range c.Of("note") {
		if foreign.Seen(r.Get("text")) == "" {
			continue // a note must say something
		}
		n := &object{map[string]any{"unique_id": uuid(r.ID)}, book, report}
		n.text("note_text", r, "text")
		n.date("note_date", r, "date")
		notes = append(notes, n.data)
	}
	if notes != nil {
		o.data["notes_section"] = notes
	}
	return o.data
}

func incident(a *casefile.Record, book *codebook.Book, report *foreign.Report) map[string]any {
	o := &object{map[string]any{}, book, report}
	if d, err := edtf.Parse(a.Get("date")); err == nil {
		from, to := d.Earliest(), d.Latest()
		switch {
		case from.Bound() || to.Bound(): // an end that is not known: the format has none
		case from == to:
			o.data["incident_date"] = from.String()
			o.report.Told("act", "date", from.String() == d.String())
		default:
			o.data["date_of_incident_from"], o.data["date_of_incident_to"] = from.String(), to.String()
			o.report.Told("act", "date", from.String()+"/"+to.String() == d.String())
		}
	}
	o.text("incident_description", a, "account")
	return o.data
}
