// SPDX-License-Identifier: AGPL-3.0-or-later

package primero

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/jsondoc"
	"github.com/kua-registry/kua/internal/intake"
)

// placesFile is the list of places that is looked for beside the records.
const placesFile = "locations.csv"

var (
	mainHeadings = []string{"id", "type", "short_id", "case_id_display", "registration_date", "status", "owned_by", "created_at",
		"name", "name_first", "name_middle", "name_last", "name_nickname", "name_other", "sex", "age", "date_of_birth", "occupation",
		"nationality", "ethnicity", "national_id_no", "telephone_current", "address_current", "location_current", "location_current (place)",
		"registry_type", "other_id_no_system", "registry_no"}
	incidentHeadings = []string{"record", "id", "short_id", "incident_case_id", "date", "incident_date", "date_of_incident", "date_of_incident_from",
		"date_of_incident_to", "date_of_first_report", "incident_description", "incident_location", "incident_location (place)", "violation_category"}
	subformHeadings = []string{"record", "id", "form", "of incident", "note_date", "note_subject", "note_text",
		"violation_tally/total", "perpetrator_category", "armed_force_group_party_name", "verified", "ctfmr_verified", "ctfmr_verified_date"}
	historyHeadings    = []string{"record", "id", "date", "user", "action", "field", "from", "to"}
	attachmentHeadings = []string{"record", "id", "field_name", "file_name", "content_type", "date", "description", "is_current", "comments"}
)

// record is a record of the file.
type record struct {
	id, kind string
	data     *jsondoc.Value
	line     int
	extra    []jsondoc.Leaf // what stands beside its data
}

type reader struct {
	file                                    string
	findings                                []intake.Finding
	places                                  map[string]Place
	main, incidents, subforms, history, att *foreign.Sheet
	attached                                []foreign.Attached
}

func (r *reader) fault(sev intake.Severity, line int, value, what, want string) {
	if len(r.findings) < intake.MaxFindings {
		r.findings = append(r.findings, intake.Finding{File: r.file, Sheet: "records", Row: line, Value: value, What: what, Want: want, Severity: sev})
	}
}

// Read reads records from JSON or CSV; which of them, the content says.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name,
		main: foreign.NewSheet("records", mainHeadings...), incidents: foreign.NewSheet("incidents", incidentHeadings...),
		subforms: foreign.NewSheet("subforms", subformHeadings...), history: foreign.NewSheet("history", historyHeadings...),
		att: foreign.NewSheet("attachments", attachmentHeadings...)}
	if err := r.readPlaces(folder, opts.Limits); err != nil {
		return nil, err
	}
	start := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	if len(start) > 0 && (start[0] == '[' || start[0] == '{') {
		err = r.json(data)
	} else {
		err = r.csv(name, data, opts.Limits)
	}
	if err != nil {
		return nil, err
	}
	f := &foreign.File{Findings: r.findings, Attached: r.attached}
	if f.Table, err = foreign.Table(name, "primero", opts.Limits, r.main, r.incidents, r.subforms, r.history, r.att); err != nil {
		return nil, err
	}
	return f, nil
}

func (r *reader) readPlaces(folder fs.FS, limits intake.Limits) error {
	data, err := foreign.ReadFile(folder, placesFile, limits)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	places, findings, err := ReadPlaces(placesFile, data, limits)
	if err != nil {
		return err
	}
	r.findings = append(r.findings, findings...)
	r.places = map[string]Place{}
	for _, p := range places {
		r.places[p.Code] = p
	}
	return nil
}

// csv reads a list: the record's own number is what a registry or UNHCR's list calls so.
func (r *reader) csv(name string, data []byte, limits intake.Limits) error {
	t, err := intake.ReadTable(data, intake.ReadOptions{Name: name, Limits: limits})
	if err != nil {
		return err
	}
	rows := t.Sheets[0].Rows
	head := rows[0].Cells
	keys := []string{"id", "other_id_no_system", "long_id", "cpims_code", "short_id"}
	key := func(row intake.SourceRow) string {
		for _, k := range keys {
			for col, h := range head {
				if h.Text == k && row.Text(col) != "" {
					return row.Text(col)
				}
			}
		}
		return ""
	}
	if !slices.ContainsFunc(head, func(c intake.Cell) bool { return slices.Contains(keys[1:], c.Text) }) {
		return fmt.Errorf("neither JSON nor a list with a column other_id_no_system, long_id, cpims_code or short_id: %w", foreign.ErrNotThis)
	}
	for _, row := range rows[1:] {
		id := key(row)
		if id == "" {
			r.fault(intake.Error, row.No, "", "the row has no number of its own", "one under "+strings.Join(keys, ", "))
			continue
		}
		out := r.main.Row(row.No)
		out.Set("id", id)
		out.Set("type", "registry_record")
		for col, c := range row.Cells {
			switch {
			case c.Text == "":
			case col >= len(head) || head[col].Text == "":
				out.Set("column "+intake.ColumnLetter(col), c.Text)
			case head[col].Text == "id": // stands there already
			default:
				out.Set(head[col].Text, c.Text)
			}
		}
	}
	return nil
}

// json reads the export, an answer of the API, or the history of records.
func (r *reader) json(data []byte) error {
	docs, err := jsondoc.Parse("", data)
	if err != nil {
		return err
	}
	var records []*record
	var changes []*jsondoc.Value
	n := 0
	var take func(v *jsondoc.Value)
	take = func(v *jsondoc.Value) {
		inner := v.Get("data")
		switch {
		case v.Kind == jsondoc.List:
			for _, i := range v.Items {
				take(i)
			}
		case v.Kind != jsondoc.Object:
			r.fault(intake.Error, v.Line, v.Text, "stands where a record is expected", "an object with id and data")
		case inner.Kind == jsondoc.List: // the API's answer with several
			take(inner)
		case v.Has("record_changes") && v.Has("record_id"):
			changes = append(changes, v)
		default:
			n++
			rec := &record{data: v, line: v.Line}
			if inner.Kind == jsondoc.Object {
				rec.data = inner
				for _, m := range v.Members {
					if m.Key != "data" && m.Key != "record_changes" && m.Key != "record_histories" {
						for _, l := range m.Value.Leaves("/") {
							if l.Path != "" {
								l.Path = m.Key + "/" + l.Path
							} else {
								l.Path = m.Key
							}
							rec.extra = append(rec.extra, l)
						}
					}
				}
				rec.id, rec.kind = v.Get("id").Text, v.Get("type").Text
			}
			rec.id = first(rec.id, rec.data.Get("id").Text, rec.data.Get("unique_identifier").Text)
			if rec.kind == "" {
				rec.kind = first(rec.data.Get("record_type").Text, kindOf(rec.data))
			}
			if rec.id == "" {
				r.fault(intake.Error, v.Line, "", fmt.Sprintf("record %d has no id", n), "its id, by which it is found again")
				return
			}
			records = append(records, rec)
			for _, key := range []string{"record_changes", "record_histories"} {
				if h := v.Get(key); h.Kind == jsondoc.List {
					r.changed(rec.id, rec.id, h.Items)
				}
			}
		}
	}
	for _, d := range docs {
		take(d)
	}
	if n == 0 && len(changes) == 0 && len(r.findings) == 0 {
		return fmt.Errorf("holds no record: %w", foreign.ErrNotThis)
	}
	owner := map[string]string{} // record → the case it belongs to
	seen := map[string]int{}
	for _, rec := range records {
		if seen[rec.id] > 0 {
			r.fault(intake.Error, rec.line, rec.id, fmt.Sprintf("the record in line %d has the same id", seen[rec.id]), "each record once")
		}
		seen[rec.id] = rec.line
		owner[rec.id] = rec.id
	}
	for _, rec := range records {
		if of := rec.get("incident_case_id"); rec.kind == "incident" && seen[of] > 0 {
			owner[rec.id] = of
		}
	}
	for _, rec := range records {
		r.record(rec, owner[rec.id])
	}
	for _, c := range changes {
		of := c.Get("record_id").Text
		if owner[of] == "" {
			r.fault(intake.Warning, c.Line, of, "is the history of a record that is not in the file, and is left out", "the record in the same file")
			continue
		}
		r.changed(owner[of], of, []*jsondoc.Value{c})
	}
	return nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// kindOf says what a record is whose type does not stand there, as in the API's answers.
func kindOf(data *jsondoc.Value) string {
	switch {
	case data.Has("incident_id"), data.Has("incident_case_id"), data.Has("incident_date"), data.Has("incident_code"):
		return "incident"
	case data.Has("tracing_request_id"), data.Has("inquiry_date"):
		return "tracing_request"
	case data.Has("registry_type"):
		return "registry_record"
	}
	return "case"
}

func (rec *record) get(key string) string {
	if v := rec.data.Get(key).Text; v != "" {
		return v
	}
	for _, l := range rec.extra {
		if l.Path == key {
			return l.Text
		}
	}
	return ""
}

func (r *reader) record(rec *record, owner string) {
	plain, rows := rec.data.Split("/")
	plain = append(plain, rec.extra...)
	incident := ""
	if rec.kind == "incident" {
		incident = rec.id
		row := r.incidents.Row(rec.line)
		row.Set("record", owner)
		r.fill(row, plain, "id", "type")
		row.Set("id", rec.id)
		from, to := rec.get("date_of_incident_from"), rec.get("date_of_incident_to")
		if from != "" && to != "" && from != to {
			row.Set("date", from+"/"+to)
		} else {
			row.Set("date", first(rec.get("incident_date"), rec.get("date_of_incident"), from, to))
		}
	}
	if owner == rec.id {
		row := r.main.Row(rec.line)
		row.Set("id", rec.id)
		row.Set("type", rec.kind)
		if incident == "" {
			r.fill(row, plain, "id", "type")
		}
	}
	for _, table := range rows {
		for i, item := range table.Items {
			id := fmt.Sprintf("%s/%s/%s", rec.id, table.Path, first(item.Get("unique_id").Text, fmt.Sprint(i+1)))
			switch {
			case item.Has("attachment") || item.Has("attachment_url"):
				r.attachment(owner, id, table.Path, item)
			case item.Has("record_changes"):
				r.changed(owner, rec.id, []*jsondoc.Value{item})
			default:
				plain, deeper := item.Split("/")
				row := r.subforms.Row(item.Line)
				row.Set("record", owner)
				row.Set("id", id)
				row.Set("form", table.Path)
				row.Set("of incident", incident)
				r.fill(row, plain, "id")
				for _, d := range deeper {
					for _, v := range d.Items {
						for _, l := range v.Leaves("/") {
							row.Set(d.Path+"/"+l.Path, l.Text)
						}
					}
				}
			}
		}
	}
}

// fill puts the plain values of a record into a row, and the name of a place
// beside its code.
func (r *reader) fill(row foreign.Row, plain []jsondoc.Leaf, but ...string) {
	done := map[jsondoc.Leaf]bool{}
	for _, l := range plain {
		if slices.Contains(but, l.Path) || done[l] {
			continue
		}
		done[l] = true
		row.Set(l.Path, l.Text)
		if strings.Contains(l.Path, "location") {
			row.Set(l.Path+" (place)", full(r.places, l.Text))
		}
	}
}

func (r *reader) attachment(owner, id, path string, item *jsondoc.Value) {
	row := r.att.Row(item.Line)
	row.Set("record", owner)
	row.Set("id", id)
	row.Set("field_name", path)
	for _, m := range item.Members {
		if m.Key != "attachment" && m.Key != "field_name" && m.Key != "id" {
			row.Set(m.Key, m.Value.Text)
		}
	}
	text := item.Get("attachment").Text
	if _, after, ok := strings.Cut(text, ";base64,"); ok { // as a data address
		text = after
	}
	name := item.Get("file_name").Text
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	switch {
	case text == "":
		r.fault(intake.Warning, item.Line, first(name, item.Get("attachment_url").Text), "the file itself is not in the export", "it is kept by its name alone")
	case err != nil:
		r.fault(intake.Warning, item.Line, name, "the file is no whole base64", "it is kept by its name alone")
	default:
		r.attached = append(r.attached, foreign.Attached{Key: owner, ID: id, Name: first(name, path),
			Date: day(item.Get("date").Text), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }})
	}
}

// changed keeps the history of a record, a row a field.
func (r *reader) changed(owner, of string, entries []*jsondoc.Value) {
	for i, e := range entries {
		list := e.Get("record_changes")
		changes := []*jsondoc.Value{list}
		switch {
		case list.Kind == jsondoc.List:
			changes = list.Items
		case list.Kind != jsondoc.Object:
			changes = []*jsondoc.Value{e} // the changes themselves: field → from, to
		}
		n := 0
		for _, c := range changes {
			for _, m := range c.Members {
				if m.Value.Kind != jsondoc.Object || !m.Value.Has("from") && !m.Value.Has("to") {
					continue
				}
				n++
				row := r.history.Row(m.Value.Line)
				row.Set("record", owner)
				row.Set("id", fmt.Sprintf("%s/%s/%d", of, first(e.Get("datetime").Text, fmt.Sprint(i+1)), n))
				row.Set("date", e.Get("datetime").Text)
				row.Set("user", e.Get("user_name").Text)
				row.Set("action", e.Get("action").Text)
				row.Set("field", m.Key)
				for _, side := range []string{"from", "to"} {
					for _, l := range m.Value.Get(side).Leaves("/") {
						row.Set(side, l.Text)
					}
				}
			}
		}
	}
}

// day is the day of a moment.
func day(s string) string {
	if len(s) > 10 {
		s = s[:10]
	}
	return s
}
