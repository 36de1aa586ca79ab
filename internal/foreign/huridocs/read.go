// SPDX-License-Identifier: AGPL-3.0-or-later

package huridocs

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/xmldoc"
	"github.com/kua-registry/kua/internal/intake"
)

// nested says which records stand inside which.
var nested = map[string][]string{
	"event":  {"act", "chain_of_events"},
	"act":    {"involvement", "arrest", "destruction", "torture", "killing"},
	"person": {"biographic_details", "address"},
}

// record is a record of the file.
type record struct {
	entity string
	id     string
	values []value // of its own fields
	parts  []*record
	line   int
}

type value struct{ name, text string }

func (r *record) get(name string) string {
	if r == nil {
		return ""
	}
	for _, v := range r.values {
		if v.name == name {
			return v.text
		}
	}
	return ""
}

func (r *record) all(entity string) []*record {
	var out []*record
	for _, p := range r.parts {
		if p.entity == entity {
			out = append(out, p)
		}
	}
	return out
}

type reader struct {
	file     string
	schema   schema
	terms    map[[2]string]string // list, code → term
	findings []intake.Finding
}

const maxFindings = 1000

func (r *reader) fault(sev intake.Severity, sheet string, line int, val, what, want string) {
	if len(r.findings) < maxFindings {
		r.findings = append(r.findings, intake.Finding{File: r.file, Sheet: sheet, Row: line, Value: val, What: what, Want: want, Severity: sev})
	}
}

// Read reads an export of events.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	root, err := xmldoc.Parse("", data)
	if err != nil {
		return nil, err
	}
	if root.Name != "events" {
		return nil, fmt.Errorf("begins with <%s> where <events> is expected: %w", root.Name, foreign.ErrNotThis)
	}
	r := &reader{file: name, schema: fields()}
	if r.terms, err = readTerms(folder, opts.Limits); err != nil {
		return nil, err
	}
	x := &export{byID: map[string]*record{}, of: map[string][]*record{}}
	for _, e := range root.Elements {
		switch e.Name {
		case "event", "person", "intervention", "information":
			x.add(r, r.record(e, e.Name))
		case "meta_data":
		default:
			r.fault(intake.Warning, "events", e.Line, e.Name, "is no record of the formats and is left out", "event, person, intervention or information")
		}
	}
	f := &foreign.File{}
	if f.Table, err = r.table(x, opts.Limits); err != nil {
		return nil, err
	}
	f.Findings = r.findings
	return f, nil
}

// readTerms reads the lists of an installation, where they lie beside the file.
func readTerms(folder fs.FS, limits intake.Limits) (map[[2]string]string, error) {
	const name = "micro-thesauri.csv"
	data, err := foreign.ReadFile(folder, name, limits)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	terms := map[[2]string]string{}
	d := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	d.FieldsPerRecord = -1
	for n := 1; ; n++ {
		row, err := d.Read()
		if errors.Is(err, io.EOF) {
			return terms, nil
		}
		line, _ := d.FieldPos(0)
		if err != nil || len(row) < 3 {
			return nil, &foreign.PlaceError{File: name, Line: max(line, 1), What: "is no row of list,code,term"}
		}
		if n == 1 && strings.EqualFold(strings.TrimSpace(row[0]), "list") {
			continue
		}
		code := strings.TrimSpace(row[1])
		if len(code) > 12 {
			code = code[:12]
		}
		if !digits(code) {
			return nil, &foreign.PlaceError{File: name, Line: line, Where: "code", What: fmt.Sprintf("%q is no code of 12 digits", row[1])}
		}
		// A spreadsheet may have taken the leading zeros.
		terms[[2]string{strings.TrimLeft(strings.TrimSpace(row[0]), "0"), strings.Repeat("0", 12-len(code)) + code}] = strings.TrimSpace(row[2])
	}
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// record reads an element as a record. Elements inside it are its fields, or
// records of their own where the formats have such and it holds more than text:
// <event> inside an act is the number of the event, not an event.
func (r *reader) record(e *xmldoc.Element, entity string) *record {
	rec := &record{entity: entity, line: e.Line}
	for _, c := range e.Elements {
		switch {
		case slices.Contains(nested[entity], c.Name) && (len(c.Elements) > 0 || strings.TrimSpace(c.Text) == ""):
			rec.parts = append(rec.parts, r.record(c, c.Name))
		case c.Name == "management_data" || len(c.Elements) > 0:
			prefix := ""
			if c.Name != "management_data" {
				prefix = c.Name + "/"
			}
			for _, m := range c.Elements {
				r.leaf(rec, prefix+m.Name, m)
			}
		default:
			r.leaf(rec, c.Name, c)
		}
	}
	rec.id = rec.get(entity + "_record_number")
	return rec
}

func (r *reader) leaf(rec *record, name string, e *xmldoc.Element) {
	text := strings.TrimSpace(e.Text)
	for _, c := range e.Elements { // deeper than the formats go
		text = strings.TrimSpace(text + " " + strings.TrimSpace(c.Text))
	}
	if text == "" {
		return
	}
	f, _ := r.schema.field(rec.entity, name)
	if f.list != "" {
		text = r.code(rec, f, text, e.Line)
	}
	rec.values = append(rec.values, value{name, text})
	if term := r.terms[[2]string{f.list, text}]; f.list != "" && term != "" {
		rec.values = append(rec.values, value{name + " (term)", term})
	}
}

// code brings a word of a micro-thesaurus to its 12 digits.
func (r *reader) code(rec *record, f field, text string, line int) string {
	sheet := sheets[rec.entity]
	switch {
	case !digits(text):
		r.fault(intake.Warning, sheet, line, text, fmt.Sprintf("%s is no code of list %s", f.name, f.list), "a code of 12 digits; it is kept as it stands")
		return text
	case len(text) == 14: // with the number of the list behind it
		return text[:12]
	case len(text) > 12:
		r.fault(intake.Warning, sheet, line, text, fmt.Sprintf("%s is longer than a code", f.name), "a code of 12 digits; it is kept as it stands")
		return text
	case len(text) < 12:
		r.fault(intake.Warning, sheet, line, text, fmt.Sprintf("%s has lost its leading zeros", f.name), "a code of 12 digits; they are put back")
		return strings.Repeat("0", 12-len(text)) + text
	}
	return text
}

// export is the records of a file by what they are.
type export struct {
	events, persons, information, interventions []*record
	byID                                        map[string]*record   // entity/id
	of                                          map[string][]*record // entity/event: information and interventions
}

func (x *export) add(r *reader, rec *record) {
	sheet := sheets[rec.entity]
	if rec.id == "" {
		r.fault(intake.Error, sheet, rec.line, "", fmt.Sprintf("the %s has no %s_record_number", rec.entity, rec.entity), "a number: records are tied by it alone")
		return
	}
	if first := x.byID[rec.entity+"/"+rec.id]; first != nil {
		r.fault(intake.Error, sheet, rec.line, rec.id, fmt.Sprintf("the %s has the number of the one in line %d", rec.entity, first.line), "a number of its own")
		return
	}
	x.byID[rec.entity+"/"+rec.id] = rec
	switch rec.entity {
	case "event":
		acts := map[string]int{}
		for _, a := range rec.all("act") {
			if a.id == "" {
				r.fault(intake.Error, "acts", a.line, "", "the act has no act_record_number", "a number: records are tied by it alone")
			} else if acts[a.id] > 0 {
				r.fault(intake.Error, "acts", a.line, a.id, fmt.Sprintf("the act has the number of the one in line %d", acts[a.id]), "a number of its own")
			}
			acts[a.id] = a.line
		}
		x.events = append(x.events, rec)
	case "person":
		x.persons = append(x.persons, rec)
	case "information":
		x.information = append(x.information, rec)
		x.of["information/"+rec.get("event")] = append(x.of["information/"+rec.get("event")], rec)
	case "intervention":
		x.interventions = append(x.interventions, rec)
		x.of["intervention/"+rec.get("event")] = append(x.of["intervention/"+rec.get("event")], rec)
	}
}

var sheets = map[string]string{
	"event": "cases", "person": "persons", "act": "acts", "involvement": "involvements", "arrest": "arrests", "torture": "torture",
	"killing": "killings", "destruction": "destruction", "chain_of_events": "chains of events", "biographic_details": "biographic details",
	"address": "addresses", "information": "information", "intervention": "interventions",
}

// ties are in what a person may have a part in an event, but as a victim.
var ties = []string{"perpetrator", "source", "intervening party", "related person"}

// day makes one date of a first and a last day.
func day(from, to string) string {
	switch {
	case from == "" || from == to:
		from = to
	case to != "":
		from += "/" + to
	}
	if d, err := edtf.Parse(from); err == nil {
		return d.String()
	}
	return from
}

type writerOfRows struct {
	sheets map[string]*foreign.Sheet
	x      *export
}

func (w *writerOfRows) row(caseKey string, rec *record, id string) foreign.Row {
	row := w.sheets[rec.entity].Row(rec.line)
	row.Set("case", caseKey)
	row.Set("id", id)
	fill(row, "", rec)
	return row
}

func fill(row foreign.Row, prefix string, rec *record) {
	if rec == nil {
		return
	}
	for _, v := range rec.values {
		row.Set(prefix+v.name, v.text)
	}
}

// table makes a case of each event and victim, and ties everything else to it.
func (r *reader) table(x *export, limits intake.Limits) (*intake.Table, error) {
	w := &writerOfRows{sheets: map[string]*foreign.Sheet{}, x: x}
	main := slices.Concat([]string{"id", "event", "victim", "role", "date"}, r.schema.headings("event", ""), r.schema.headings("person", "victim."),
		[]string{"victim.age", "victim.phones", "victim.emails", "victim.addresses"})
	w.sheets["event"] = foreign.NewSheet("cases", main...)
	order := []string{"event"}
	for _, entity := range []string{"act", "involvement", "arrest", "torture", "killing", "destruction", "person", "information", "intervention", "chain_of_events", "biographic_details", "address"} {
		head := []string{"case", "id"}
		switch entity {
		case "act":
			head = append(head, "date", "perpetrators", "arrest", "ill-treatment")
		case "involvement", "torture", "killing", "destruction":
			head = append(head, "act", "date")
		case "arrest":
			head = append(head, "act", "date", "place", "from", "to")
		case "person":
			head = append(head, "perpetrator", "source", "intervening party", "related person", "rank", "unit", "involvement", "involvement (term)", "status", "status (term)")
		}
		if entity == "biographic_details" || entity == "address" {
			head = append(head, "of person")
		}
		w.sheets[entity] = foreign.NewSheet(sheets[entity], slices.Concat(head, r.schema.headings(entity, ""))...)
		order = append(order, entity)
	}

	tied := map[string]bool{} // persons who have a part in something
	for _, e := range x.events {
		for _, id := range r.event(w, e) {
			tied[id] = true
		}
	}
	// What belongs to no event of the file is a case by itself: nothing is left out.
	for _, rec := range slices.Concat(x.information, x.interventions) {
		tied[rec.get("source")], tied[rec.get("intervening_party")] = true, true
		if id := rec.get("event"); x.byID["event/"+id] == nil {
			r.fault(intake.Warning, sheets[rec.entity], rec.line, id, "the event is not in the file", "a case is made that holds this alone")
			key := rec.entity + "/" + rec.id
			row := w.sheets["event"].Row(rec.line)
			row.Set("id", key)
			row.Set("event", id)
			w.row(key, rec, rec.id)
			for _, tie := range []string{"source", "intervening_party", "related_person", "victim"} {
				if p := x.byID["person/"+rec.get(tie)]; p != nil {
					tied[p.id] = true
				}
			}
			r.people(w, key, "", [][2]string{{"source", rec.get("source")}, {"intervening party", rec.get("intervening_party")}, {"related person", rec.get("related_person")}, {"related person", rec.get("victim")}}, nil)
		}
	}
	for _, p := range x.persons {
		if tied[p.id] {
			continue
		}
		r.fault(intake.Warning, "persons", p.line, p.id, "the person has no part in any event of the file", "a case is made that holds this person alone")
		key := "person/" + p.id
		row := w.sheets["event"].Row(p.line)
		row.Set("id", key)
		row.Set("role", "contact")
		row.Set("victim", p.id)
		w.person(row, key, p)
	}
	all := make([]*foreign.Sheet, len(order))
	for i, entity := range order {
		all[i] = w.sheets[entity]
	}
	return foreign.Table(r.file, "huridocs", limits, all...)
}

// person fills the row of a case with its person, and the rows of what belongs to them.
func (w *writerOfRows) person(row foreign.Row, key string, p *record) {
	if p == nil {
		return
	}
	fill(row, "victim.", p)
	for _, a := range p.all("address") {
		row.Set("victim.phones", a.get("phone"), a.get("cellular"))
		row.Set("victim.emails", a.get("email"))
		row.Set("victim.addresses", a.get("address"))
	}
	w.parts(key, p)
}

// parts writes the addresses and biographic details of a person.
func (w *writerOfRows) parts(key string, p *record) {
	for i, part := range p.parts {
		w.row(key, part, or(part.id, fmt.Sprintf("%s/%d", p.id, i+1))).Set("of person", p.id)
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// event makes the cases of an event; it returns who has a part in it.
func (r *reader) event(w *writerOfRows, e *record) (tied []string) {
	x := w.x
	var victims []string
	for _, a := range e.all("act") {
		if v := a.get("victim"); !slices.Contains(victims, v) {
			victims = append(victims, v)
		}
	}
	information, interventions := x.of["information/"+e.id], x.of["intervention/"+e.id]
	for _, i := range interventions {
		if v := i.get("victim"); v != "" && len(victims) > 0 && !slices.Contains(victims, v) {
			victims = append(victims, v)
		}
	}
	if len(victims) == 0 {
		victims = []string{""}
	}
	for _, victim := range victims {
		key := e.id
		if victim != "" {
			key += "/" + victim
			tied = append(tied, victim)
			if x.byID["person/"+victim] == nil {
				r.fault(intake.Warning, "cases", e.line, victim, "the victim's record is not in the file", "the person record; the case is made without")
			}
		}
		row := w.sheets["event"].Row(e.line)
		row.Set("id", key)
		row.Set("event", e.id)
		row.Set("date", day(e.get("initial_date"), e.get("final_date")))
		fill(row, "", e)
		if victim != "" {
			row.Set("role", "victim")
			row.Set("victim", victim)
			w.person(row, key, x.byID["person/"+victim])
		}
		var parts [][2]string
		var involvements []*record
		aged := false
		for _, a := range e.all("act") {
			if a.get("victim") != victim {
				continue
			}
			if age := a.get("age_at_time_of_victimisation"); age != "" && !aged {
				row.Set("victim.age", age)
				aged = true
			}
			parts, involvements = r.act(w, key, a, parts, involvements)
		}
		for _, i := range information {
			w.row(key, i, i.id)
			parts = append(parts, [2]string{"source", i.get("source")}, [2]string{"related person", i.get("related_person")})
		}
		for _, i := range interventions {
			if v := i.get("victim"); v == "" || v == victim {
				w.row(key, i, i.id)
				parts = append(parts, [2]string{"intervening party", i.get("intervening_party")})
			}
		}
		for i, c := range e.all("chain_of_events") {
			w.row(key, c, or(c.id, fmt.Sprint(i+1)))
		}
		for _, p := range parts {
			tied = append(tied, p[1])
		}
		r.people(w, key, victim, parts, involvements)
	}
	return tied
}

// act writes an act and what stands in it.
func (r *reader) act(w *writerOfRows, key string, a *record, parts [][2]string, involvements []*record) ([][2]string, []*record) {
	date := day(a.get("initial_date"), a.get("final_date"))
	row := w.row(key, a, a.id)
	row.SetDate("date", date)
	// An act with the details of an arrest and nothing that was done is the arrest
	// alone; one without any detail says only who the victim is.
	arrest := len(a.all("arrest")) > 0
	if arrest {
		row.Set("arrest", "yes")
	}
	detail := len(a.parts) > 0 || slices.ContainsFunc(a.values, func(v value) bool {
		return !slices.Contains([]string{"act_record_number", "victim", "event", "age_at_time_of_victimisation"}, v.name)
	})
	if detail && !arrest || len(a.all("torture")) > 0 || a.get("method_of_violence") != "" {
		row.Set("ill-treatment", "yes")
	}
	n := map[string]int{}
	for _, p := range a.parts {
		n[p.entity]++
		id := p.id
		if p.entity == "involvement" && id == "" {
			id = fmt.Sprintf("%s/%d", a.id, n[p.entity])
		}
		row := w.row(key, p, or(id, a.id))
		row.Set("act", a.id)
		row.SetDate("date", date)
		switch p.entity {
		case "arrest":
			row.Set("place", a.get("exact_location"))
			row.Set("from", a.get("initial_date"))
			row.Set("to", a.get("final_date"))
		case "involvement":
			who := p.get("perpetrator")
			involvements = append(involvements, p)
			parts = append(parts, [2]string{"perpetrator", who})
		}
	}
	var who []string
	for _, p := range a.all("involvement") {
		if id := p.get("perpetrator"); id != "" && !slices.Contains(who, id) {
			who = append(who, id)
		}
	}
	row.Set("perpetrators", who...)
	return parts, involvements
}

// people writes those who have a part in a case besides its victim.
func (r *reader) people(w *writerOfRows, key, victim string, parts [][2]string, involvements []*record) {
	var order []string
	as := map[string][]string{}
	for _, p := range parts {
		tie, id := p[0], p[1]
		if id == "" || id == victim && tie != "source" {
			continue
		}
		if as[id] == nil {
			order = append(order, id)
		}
		if !slices.Contains(as[id], tie) {
			as[id] = append(as[id], tie)
		}
	}
	for _, id := range order {
		p := w.x.byID["person/"+id]
		line := 0
		if p == nil {
			r.fault(intake.Warning, "persons", 0, id, "the person is named in "+key+" and has no record in the file", "the person record; the number alone is kept")
			p = &record{entity: "person", id: id, values: []value{{"person_record_number", id}}}
		}
		line = p.line
		row := w.sheets["person"].Row(line)
		row.Set("case", key)
		row.Set("id", id)
		for _, tie := range ties {
			if slices.Contains(as[id], tie) {
				row.Set(tie, "yes")
			}
		}
		fill(row, "", p)
		for _, b := range p.all("biographic_details") {
			row.Set("rank", b.get("rank"))
			row.Set("unit", b.get("affiliation"))
		}
		for _, i := range involvements {
			if i.get("perpetrator") != id {
				continue
			}
			for _, v := range i.values {
				switch v.name {
				case "degree_of_involvement":
					row.Set("involvement", v.text)
				case "degree_of_involvement (term)":
					row.Set("involvement (term)", v.text)
				case "latest_status_as_perpetrator_in_the_act":
					row.Set("status", v.text)
				case "latest_status_as_perpetrator_in_the_act (term)":
					row.Set("status (term)", v.text)
				}
			}
		}
		if id != victim {
			w.parts(key, p)
		}
	}
}
