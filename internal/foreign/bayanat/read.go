// SPDX-License-Identifier: AGPL-3.0-or-later

package bayanat

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/jsondoc"
	"github.com/kua-registry/kua/internal/intake"
)

var itemHeadings = []string{"key", "class", "id", "originid", "title", "title_ar", "name", "name_ar", "first_name", "middle_name", "last_name", "father_name", "mother_name",
	"nickname", "sex", "age", "civilian", "type", "occupation", "position", "nationalities", "ethnographies", "id_number", "description", "publish_date", "documentation_date",
	"source_link", "labels", "verLabels", "sources", "locations", "updated_at", "created_at"}

type reader struct {
	file                                    string
	folder                                  fs.FS
	items, events, relations, media, others *foreign.Sheet
	findings                                []intake.Finding
	attached                                []foreign.Attached
	seen                                    map[string]int
}

func (r *reader) fault(sev intake.Severity, line int, value, what, want string) {
	if len(r.findings) < intake.MaxFindings {
		r.findings = append(r.findings, intake.Finding{File: r.file, Sheet: "items", Row: line, Value: value, What: what, Want: want, Severity: sev})
	}
}

// Read reads an export; whether it is JSON or CSV, the content says.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name, folder: folder, seen: map[string]int{},
		items:     foreign.NewSheet("items", itemHeadings...),
		events:    foreign.NewSheet("events", "item", "id", "title", "type", "date", "from_date", "to_date", "location", "comments"),
		relations: foreign.NewSheet("relations", "item", "id", "class", "to", "related_as"),
		media:     foreign.NewSheet("media", "item", "id", "title", "filename", "fileType", "etag"),
		others:    foreign.NewSheet("further", "item", "id", "what"),
	}
	start := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		err = r.json(data)
	} else {
		err = r.csv(name, data, opts.Limits)
	}
	if err != nil {
		return nil, err
	}
	f := &foreign.File{Findings: r.findings, Attached: r.attached}
	if f.Table, err = foreign.Table(name, "bayanat", opts.Limits, r.items, r.events, r.relations, r.media, r.others); err != nil {
		return nil, err
	}
	return f, nil
}

var classes = map[string]string{"bulletins": "bulletin", "actors": "actor", "incidents": "incident"}

func (r *reader) json(data []byte) error {
	docs, err := jsondoc.Parse("", jsondoc.Joined(data))
	if err != nil {
		return err
	}
	found := false
	for _, d := range docs {
		if d.Kind == jsondoc.List { // the documents of a public archive
			found = true
			r.list("bulletin", d)
		}
		for _, m := range d.Members {
			class, ok := classes[m.Key]
			if !ok || m.Value.Kind != jsondoc.List {
				r.fault(intake.Warning, m.Value.Line, m.Key, "is no part of an export that is known, and is left out", "bulletins, actors or incidents")
				continue
			}
			found = true
			r.list(class, m.Value)
		}
	}
	if !found {
		return fmt.Errorf("has neither bulletins, actors nor incidents: %w", foreign.ErrNotThis)
	}
	return nil
}

func (r *reader) list(class string, list *jsondoc.Value) {
	for i, item := range list.Items {
		if item.Kind != jsondoc.Object {
			r.fault(intake.Error, item.Line, item.Text, fmt.Sprintf("stands where %s %d is expected", class, i+1), "an object")
			continue
		}
		key := r.key(class, item.Get("id").Text, item.Line)
		if key == "" {
			continue
		}
		r.item(key, class, item)
	}
}

func (r *reader) key(class, id string, line int) string {
	if id == "" {
		r.fault(intake.Error, line, "", "the "+class+" has no id", "its id, by which it is found again")
		return ""
	}
	key := class + "/" + id
	if r.seen[key] > 0 {
		r.fault(intake.Error, line, key, fmt.Sprintf("stands in line %d already", r.seen[key]), "each item once")
		return ""
	}
	r.seen[key] = line
	return key
}

// words says how a thing of a list is called: a label, a source, a place.
func words(v *jsondoc.Value) string {
	for _, k := range []string{"title", "name", "full_string", "full_location", "number", "title_ar"} {
		if t := v.Get(k).Text; t != "" {
			return t
		}
	}
	return ""
}

func (r *reader) item(key, class string, item *jsondoc.Value) {
	row := r.items.Row(item.Line)
	row.Set("key", key)
	row.Set("class", class)
	for _, m := range item.Members {
		v := m.Value
		switch {
		case m.Key == "class" || m.Key == "key":
		case m.Key == "origin_id":
			row.Set("originid", v.Text)
		case strings.HasSuffix(m.Key, "_relations") || strings.HasPrefix(m.Key, "related_"):
			r.related(key, m.Key, v)
		case m.Key == "events":
			for i, e := range v.Items {
				r.event(key, i, e)
			}
		case m.Key == "medias" || m.Key == "media":
			for i, f := range v.Items {
				r.file1(key, i, f)
			}
		case v.Kind == jsondoc.List && len(v.Items) > 0 && v.Items[0].Kind == jsondoc.Object:
			for i, x := range v.Items {
				r.thing(row, key, m.Key, i, x)
			}
		case v.Kind == jsondoc.Object && words(v) != "":
			row.Set(m.Key, words(v))
			row.Set(m.Key+" id", v.Get("id").Text)
		default:
			for _, l := range v.Leaves("/") {
				heading := m.Key
				if l.Path != "" {
					heading += "/" + l.Path
				}
				row.Set(heading, l.Text)
			}
		}
	}
}

// thing is a label, a source, a profile: its words go into the item's row where
// it has some and no more than that, else it gets a row of its own.
func (r *reader) thing(row foreign.Row, key, what string, n int, v *jsondoc.Value) {
	text := words(v)
	switch {
	case what == "id_number":
		if kind := words(v.Get("type")); kind != "" {
			text = kind + " " + v.Get("number").Text
		} else if kind := v.Get("type").Text; kind != "" {
			text = kind + " " + v.Get("number").Text
		}
		row.Set(what, text)
		return
	case text != "" && !v.Has("description") && !v.Has("contact"):
		row.Set(what, text)
		row.Set(what+" id", v.Get("id").Text)
		return
	case what == "actor_profiles" && n == 0:
		row.Set("description", v.Get("description").Text)
	}
	out := r.others.Row(v.Line)
	out.Set("item", key)
	out.Set("id", own(what, v, n))
	out.Set("what", what)
	for _, l := range v.Leaves("/") {
		if l.Path != "id" {
			out.Set(l.Path, l.Text)
		}
	}
}

func own(what string, v *jsondoc.Value, n int) string {
	if id := v.Get("id").Text; id != "" {
		return what + "/" + id
	}
	return fmt.Sprintf("%s/no %d", what, n+1)
}

func (r *reader) related(key, what string, list *jsondoc.Value) {
	for i, v := range list.Items {
		row := r.relations.Row(v.Line)
		row.Set("item", key)
		row.Set("id", fmt.Sprintf("%s/%d", what, i+1))
		if v.Kind != jsondoc.Object {
			row.Set("to", v.Text)
			continue
		}
		for _, class := range []string{"bulletin", "actor", "incident"} {
			if id := v.Get(class).Get("id").Text; id != "" {
				row.Set("class", class)
				row.Set("to", class+"/"+id)
			}
		}
		for _, m := range v.Members {
			if m.Value.Kind != jsondoc.Object || m.Value.Get("id").Text == "" {
				for _, l := range m.Value.Leaves("/") {
					row.Set(strings.TrimSuffix(m.Key+"/"+l.Path, "/"), l.Text)
				}
			}
		}
	}
}

// span is the time of an event as one date.
func span(from, to string) string {
	day := func(s string) string {
		if len(s) > 10 {
			s = s[:10]
		}
		return s
	}
	from, to = day(from), day(to)
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

func (r *reader) event(key string, n int, e *jsondoc.Value) {
	row := r.events.Row(e.Line)
	row.Set("item", key)
	row.Set("id", own("event", e, n))
	for _, m := range e.Members {
		switch v := m.Value; {
		case m.Key == "id":
		case m.Key == "eventtype":
			row.Set("type", words(v))
		case v.Kind == jsondoc.Object && words(v) != "":
			row.Set(m.Key, words(v))
		case strings.HasSuffix(m.Key, "_date") && len(v.Text) > 10:
			row.Set(m.Key, v.Text[:10])
		default:
			for _, l := range v.Leaves("/") {
				row.Set(strings.TrimSuffix(m.Key+"/"+l.Path, "/"), l.Text)
			}
		}
	}
	row.SetDate("date", span(e.Get("from_date").Text, e.Get("to_date").Text))
}

// file1 keeps what is said of a file, and the file itself where it lies beside
// the export or in its folder media.
func (r *reader) file1(key string, n int, m *jsondoc.Value) {
	row := r.media.Row(m.Line)
	id := own("media", m, n)
	row.Set("item", key)
	row.Set("id", id)
	if m.Kind != jsondoc.Object {
		row.Set("filename", m.Text)
		return
	}
	for _, l := range m.Leaves("/") {
		if l.Path != "id" {
			row.Set(l.Path, l.Text)
		}
	}
	name := path.Base(m.Get("filename").Text)
	for _, at := range []string{name, "media/" + name} {
		if info, err := fs.Stat(r.folder, at); fs.ValidPath(at) && name != "." && err == nil && info.Mode().IsRegular() {
			r.attached = append(r.attached, foreign.Attached{Key: key, ID: id, Name: name,
				Open: func() (io.ReadCloser, error) { return r.folder.Open(at) }})
			return
		}
	}
	r.fault(intake.Warning, m.Line, name, "the file is not beside the export", "put it there, or in a folder media; only its name is kept")
}

var (
	numbered   = regexp.MustCompile(`^(\w+)\.\w+-\d+$`)         // labels.label-1
	eventField = regexp.MustCompile(`^event_(\d+)_(\w+)$`)      // of the sheet that the import takes
	withID     = regexp.MustCompile(`^(\d+)-(.*)$`)             // 12-Title
	guarded    = regexp.MustCompile(`^'[=+\-@]`)                // '=1+1
	lists      = map[string]bool{"events": true, "media": true} // told apart by their own text alone
)

// csv reads the CSV export, and the sheet that the import takes.
func (r *reader) csv(name string, data []byte, limits intake.Limits) error {
	t, err := intake.ReadTable(data, intake.ReadOptions{Name: name, Limits: limits})
	if err != nil {
		return err
	}
	rows := t.Sheets[0].Rows
	head := rows[0].Cells
	has := map[string]int{}
	for i, h := range head {
		has[h.Text] = i + 1
	}
	class := "bulletin"
	if has["name"] > 0 {
		class = "actor"
	}
	if has["id"] == 0 && has["originid"] == 0 || class == "bulletin" && has["title"] == 0 {
		return fmt.Errorf("has no columns id (or originid) and title or name: %w", foreign.ErrNotThis)
	}
	for _, row := range rows[1:] {
		id := row.Text(has["id"] - 1)
		if id == "" {
			id = row.Text(has["originid"] - 1)
		}
		key := r.key(class, id, row.No)
		if key == "" {
			continue
		}
		out := r.items.Row(row.No)
		out.Set("key", key)
		out.Set("class", class)
		events := map[string]foreign.Row{}
		dates := map[string][2]string{}
		for col, c := range row.Cells {
			text := c.Text
			if guarded.MatchString(text) {
				text = text[1:]
			}
			if text == "" || col >= len(head) {
				continue
			}
			heading := head[col].Text
			switch m, e := numbered.FindStringSubmatch(heading), eventField.FindStringSubmatch(heading); {
			case heading == "": // pandas counts the rows there
			case e != nil:
				event, ok := events[e[1]]
				if !ok {
					event = r.events.Row(row.No)
					event.Set("item", key)
					event.Set("id", "event/no "+e[1])
					events[e[1]] = event
				}
				event.Set(e[2], text)
				d := dates[e[1]]
				switch e[2] {
				case "from_date":
					d[0] = text
				case "to_date":
					d[1] = text
				}
				dates[e[1]] = d
			case m == nil:
				if heading == "origin_id" {
					heading = "originid"
				}
				out.Set(heading, text)
			case strings.HasPrefix(m[1], "related_"):
				related := r.relations.Row(row.No)
				related.Set("item", key)
				related.Set("id", heading)
				of := strings.TrimSuffix(strings.TrimPrefix(m[1], "related_"), "s")
				related.Set("class", of)
				if x := withID.FindStringSubmatch(text); x != nil {
					related.Set("to", of+"/"+x[1])
				}
				related.Set("text", text)
			case lists[m[1]]:
				other := r.others.Row(row.No)
				other.Set("item", key)
				other.Set("id", heading)
				other.Set("what", m[1])
				other.Set("text", text)
			default:
				if x := withID.FindStringSubmatch(text); x != nil {
					out.Set(m[1]+" id", x[1])
					text = x[2]
				}
				out.Set(m[1], text)
			}
		}
		for n, event := range events {
			event.SetDate("date", span(dates[n][0], dates[n][1]))
		}
	}
	return nil
}
