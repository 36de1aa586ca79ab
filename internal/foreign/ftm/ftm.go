// SPDX-License-Identifier: AGPL-3.0-or-later

package ftm

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
)

// Format is the format of FollowTheMoney, which is written and not read.
func Format() foreign.Format {
	return foreign.Format{Name: "ftm", About: "FollowTheMoney entities, a line of JSON each", Write: Write}
}

// entity is one line.
type entity struct {
	ID         string              `json:"id"`
	Schema     string              `json:"schema"`
	Properties map[string][]string `json:"properties"`
}

func newEntity(id, schema string) *entity {
	return &entity{ID: id, Schema: schema, Properties: map[string][]string{}}
}

func (e *entity) add(property string, values ...string) {
	for _, v := range values {
		if v != "" && !slices.Contains(e.Properties[property], v) {
			e.Properties[property] = append(e.Properties[property], v)
		}
	}
}

// Write writes cases as entities of FollowTheMoney.
func Write(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], _ foreign.Writing) (*foreign.Report, error) {
	buffer := bufio.NewWriter(w)
	out := &writer{book: book, out: json.NewEncoder(buffer), report: foreign.NewReport("ftm"), schemata: schemata(), required: required(), bodies: map[string]bool{}}
	out.out.SetEscapeHTML(false)
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		if err := out.add(c); err != nil {
			return nil, err
		}
	}
	if err := buffer.Flush(); err != nil {
		return nil, err
	}
	return out.report, out.report.Done()
}

type writer struct {
	book     *codebook.Book
	out      *json.Encoder
	report   *foreign.Report
	schemata map[string][]string
	required map[string][]string
	bodies   map[string]bool // that were written
}

// write writes an entity, as its schema allows.
func (w *writer) write(e *entity) error {
	for p := range e.Properties {
		if !slices.Contains(w.schemata[e.Schema], p) {
			return fmt.Errorf("FollowTheMoney: %s has no property %s", e.Schema, p)
		}
	}
	for _, p := range w.required[e.Schema] {
		if len(e.Properties[p]) == 0 {
			return fmt.Errorf("FollowTheMoney: %s wants a %s", e.Schema, p)
		}
	}
	return w.out.Encode(e)
}

// put carries the values of a field as they are.
func (w *writer) put(e *entity, property string, rec *casefile.Record, field string) {
	n := 0
	for _, v := range rec.Fields[field] {
		if v != "" && !codebook.Missing(v) {
			e.add(property, v)
			n++
		}
	}
	w.report.Carried(rec.Kind, field, n)
}

// label carries the codes of a field by their English words.
func (w *writer) label(e *entity, property string, rec *casefile.Record, field string) {
	n := 0
	for _, v := range rec.Fields[field] {
		if s := w.word(rec.Kind, field, v); s != "" {
			e.add(property, s)
			n++
		}
	}
	w.report.Carried(rec.Kind, field, n)
}

func (w *writer) word(kind, field, code string) string {
	k, ok := w.book.Kind(kind)
	if !ok || codebook.Missing(code) {
		return ""
	}
	f, ok := k.Field(field)
	if !ok {
		return ""
	}
	list, ok := w.book.List(f.List)
	if !ok {
		return ""
	}
	c, ok := list.Code(code)
	if !ok {
		return ""
	}
	return c.Label.En
}

// person is somebody with a name; nil without one.
func (w *writer) person(rec *casefile.Record) *entity {
	e := newEntity(rec.ID, "Person")
	var parts []string
	for _, field := range []string{"given", "patronymic", "family"} {
		if v := rec.Get(field); v != "" && !codebook.Missing(v) {
			parts = append(parts, v)
		}
	}
	full := rec.Get("full_name")
	if codebook.Missing(full) {
		full = ""
	}
	name := cmp.Or(full, strings.Join(parts, " "))
	if name == "" {
		return nil
	}
	e.add("name", name)
	w.report.Carried("person", "full_name", map[bool]int{true: 1}[full != ""])
	w.put(e, "lastName", rec, "family")
	w.put(e, "firstName", rec, "given")
	w.put(e, "fatherName", rec, "patronymic")
	w.put(e, "alias", rec, "other_names")
	w.put(e, "ethnicity", rec, "ethnicity")
	w.put(e, "position", rec, "occupation")
	w.put(e, "idNumber", rec, "iin")
	w.put(e, "address", rec, "address")
	w.put(e, "email", rec, "emails")
	w.put(e, "notes", rec, "note")
	if gender := map[string]string{"f": "female", "m": "male", "x": "other"}[rec.Get("sex")]; gender != "" {
		e.add("gender", gender)
		w.report.Carried("person", "sex", 1)
	}
	w.day(e, "birthDate", rec, "birth")
	w.day(e, "deathDate", rec, "died")
	for _, v := range rec.Fields["phones"] {
		if number := strings.NewReplacer(" ", "", "(", "", ")", "", "-", "").Replace(v); e164.MatchString(number) {
			e.add("phone", number)
			w.report.Carried("person", "phones", 1)
		}
	}
	return e
}

var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

// day puts a date under a property that takes one: a year, month or day.
func (w *writer) day(e *entity, property string, rec *casefile.Record, field string) {
	d, ok := rec.DateOf(field)
	if !ok {
		return
	}
	if s, exact := prefix(d); s != "" {
		e.add(property, s)
		w.report.Told(rec.Kind, field, exact)
	}
}

// days puts a date where an event has one: a range becomes its two ends.
func (w *writer) days(e *entity, rec *casefile.Record, field string) {
	d, ok := rec.DateOf(field)
	if !ok {
		return
	}
	if s, exact := prefix(d); s != "" {
		e.add("date", s)
		w.report.Told(rec.Kind, field, exact)
		return
	}
	exact := strings.Contains(d.String(), "/")
	for i, day := range []edtf.Day{d.Earliest(), d.Latest()} {
		if !day.Bound() {
			e.add([]string{"startDate", "endDate"}[i], day.String())
			exact = exact && strings.Contains(d.String(), day.String())
		}
	}
	if len(e.Properties["startDate"])+len(e.Properties["endDate"]) > 0 {
		w.report.Told(rec.Kind, field, exact)
	}
}

var dated = regexp.MustCompile(`^(\d{4}(-\d{2}(-\d{2})?)?)[~?%]?(T.*)?$`)

// prefix is a date as FollowTheMoney writes it, a prefix of an ISO date, and
// whether it says all that is known; empty where it is no single one. A season
// (month 21 to 24) is none.
func prefix(d edtf.Date) (s string, exact bool) {
	m := dated.FindStringSubmatch(d.String())
	if m == nil || len(m[1]) > 4 && m[1][5:7] > "12" {
		return "", false
	}
	return m[1], m[1] == d.String()
}

// body is the entity of a body that a field names; empty where it names none.
func (w *writer) body(rec *casefile.Record, field string) (string, error) {
	code := rec.Get(field)
	name := w.word(rec.Kind, field, code)
	if name == "" {
		return "", nil
	}
	id := "kua-body-" + code
	w.report.Carried(rec.Kind, field, 1)
	if w.bodies[id] {
		return id, nil
	}
	w.bodies[id] = true
	e := newEntity(id, "Organization")
	e.add("name", name)
	return id, w.write(e)
}

func (w *writer) add(c *casefile.Case) error {
	w.report.Case(c)
	number := c.ID
	whole := newEntity(c.ID, "Event")
	if head, ok := c.Record(c.ID); ok {
		if s := head.Get("number"); s != "" {
			number = s
			w.report.Carried("case", "number", 1)
		}
		w.put(whole, "notes", head, "note")
	}
	whole.add("name", number)
	whole.add("recordId", number)
	people := map[string]string{} // record → its entity
	var victims []string
	var links []*entity
	link := func(id, subject, object, role string) {
		e := newEntity(id, "UnknownLink")
		e.add("subject", subject)
		e.add("object", object)
		e.add("role", role)
		links = append(links, e)
	}
	for _, rec := range c.Of("person") {
		e := w.person(rec)
		if e == nil {
			continue
		}
		if err := w.write(e); err != nil {
			return err
		}
		people[rec.ID] = e.ID
		if rec.Get("role") == "victim" {
			victims = append(victims, e.ID)
			whole.add("involved", e.ID)
		}
		if role := w.word("person", "role", rec.Get("role")); role != "" {
			link(rec.ID+"-in-case", e.ID, c.ID, role)
			w.report.Carried("person", "role", 1)
		}
	}
	for _, rec := range c.Of("person") {
		relation := w.word("person", "relation", rec.Get("relation"))
		if people[rec.ID] == "" || relation == "" || len(victims) != 1 || victims[0] == rec.ID {
			continue
		}
		link(rec.ID+"-to-victim", rec.ID, victims[0], relation)
		w.report.Carried("person", "relation", 1)
	}
	for _, rec := range c.Of("suspect") {
		if err := w.suspect(rec, people, &links); err != nil {
			return err
		}
	}
	if err := w.write(whole); err != nil {
		return err
	}
	for _, kind := range []string{"act", "detention"} {
		for _, rec := range c.Of(kind) {
			if err := w.event(rec, number, victims, people); err != nil {
				return err
			}
		}
	}
	for _, e := range links {
		if err := w.write(e); err != nil {
			return err
		}
	}
	return nil
}

// suspect is somebody who is said to have done it, where a name is known.
func (w *writer) suspect(rec *casefile.Record, people map[string]string, links *[]*entity) error {
	name := rec.Get("name")
	if name == "" || codebook.Missing(name) {
		return nil
	}
	e := newEntity(rec.ID, "Person")
	w.put(e, "name", rec, "name")
	w.put(e, "description", rec, "description")
	w.put(e, "position", rec, "rank")
	w.put(e, "notes", rec, "note")
	if err := w.write(e); err != nil {
		return err
	}
	people[rec.ID] = e.ID
	body, err := w.body(rec, "body")
	if err != nil || body == "" {
		return err
	}
	m := newEntity(rec.ID+"-of-body", "Membership")
	m.add("member", e.ID)
	m.add("organization", body)
	*links = append(*links, m)
	return nil
}

// event is something that was done, with those whom it was done to and by.
func (w *writer) event(rec *casefile.Record, number string, victims []string, people map[string]string) error {
	e := newEntity(rec.ID, "Event")
	k, _ := w.book.Kind(rec.Kind)
	e.add("name", number+": "+k.Label.En)
	e.add("recordId", number)
	e.add("involved", victims...)
	if rec.Kind == "detention" {
		w.day(e, "startDate", rec, "from")
		w.day(e, "endDate", rec, "to")
	} else {
		w.days(e, rec, "date")
		w.put(e, "description", rec, "account")
		w.label(e, "keywords", rec, "methods")
		w.label(e, "keywords", rec, "instruments")
	}
	w.put(e, "location", rec, "place")
	w.put(e, "location", rec, "city")
	w.label(e, "location", rec, "region")
	w.put(e, "notes", rec, "note")
	body, err := w.body(rec, "body")
	if err != nil {
		return err
	}
	e.add("involved", body)
	for _, id := range rec.Fields["suspects"] {
		if people[id] != "" {
			e.add("involved", people[id])
			w.report.Carried(rec.Kind, "suspects", 1)
		}
	}
	return w.write(e)
}
