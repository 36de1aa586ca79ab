// SPDX-License-Identifier: AGPL-3.0-or-later

package ics

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/contentline"
	"github.com/kua-registry/kua/internal/intake"
)

const (
	ofCase = "X-KUA-CASE"
	ofKind = "X-KUA-KIND"
)

var headings = []string{"case", "id", "component", "record", "kind", "summary", "words", "starts", "ends", "due", "completed", "status", "location", "description", "category"}

// taken are the components that say something of a case; the others are of the
// calendar itself (time zones, alarms).
var taken = map[string]bool{"VEVENT": true, "VTODO": true, "VJOURNAL": true}

// technical properties say nothing of what happened.
var technical = []string{"UID", ofCase, ofKind, "DTSTAMP", "SEQUENCE", "CREATED", "LAST-MODIFIED", "TRANSP", "CLASS"}

// under is the heading of a property, where it is not its name.
var under = map[string]string{"SUMMARY": "summary", "LOCATION": "location", "DESCRIPTION": "description", "STATUS": "status"}

// entry is a component and its lines.
type entry struct {
	component string
	lines     []contentline.Line
	no        int
}

func (e *entry) get(name string) string {
	for _, l := range e.lines {
		if l.Name == name {
			return strings.TrimSpace(contentline.Text(l.Value))
		}
	}
	return ""
}

// entries takes a file apart into its components.
func entries(data []byte) ([]*entry, error) {
	lines, err := contentline.Parse(data)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || lines[0].Name != "BEGIN" || !strings.EqualFold(strings.TrimSpace(lines[0].Value), "VCALENDAR") {
		return nil, fmt.Errorf("does not begin with BEGIN:VCALENDAR: %w", foreign.ErrNotThis)
	}
	var out []*entry
	var open []*entry
	const deepest = 8
	for _, l := range lines {
		name := strings.ToUpper(strings.TrimSpace(l.Value))
		switch {
		case l.Name == "BEGIN":
			if len(open) == deepest {
				return nil, &foreign.PlaceError{Line: l.No, What: fmt.Sprintf("components stand more than %d deep in each other", deepest)}
			}
			open = append(open, &entry{component: name, no: l.No})
		case l.Name == "END":
			if len(open) == 0 || open[len(open)-1].component != name {
				return nil, &foreign.PlaceError{Line: l.No, What: "ends " + name + ", which is not what was begun last"}
			}
			if e := open[len(open)-1]; taken[e.component] {
				out = append(out, e)
			}
			open = open[:len(open)-1]
		case len(open) == 0:
			return nil, &foreign.PlaceError{Line: l.No, What: "stands outside the calendar"}
		default:
			e := open[len(open)-1]
			e.lines = append(e.lines, l)
		}
	}
	if len(open) > 0 {
		return nil, &foreign.PlaceError{Line: open[len(open)-1].no, What: open[len(open)-1].component + " has no end"}
	}
	return out, nil
}

// day is the day of a value of a time or a day, and whether it is one.
func day(value string) (string, bool) {
	value, _, _ = strings.Cut(strings.TrimSpace(value), "T")
	if len(value) == 8 && strings.Trim(value, "0123456789") == "" {
		value = value[:4] + "-" + value[4:6] + "-" + value[6:]
		if d, err := edtf.Parse(value); err == nil {
			return d.String(), true
		}
	}
	return value, false
}

// Read reads a calendar, or several one after another.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	all, err := entries(data)
	if err != nil {
		return nil, err
	}
	f := &foreign.File{}
	fault := func(sev intake.Severity, line int, value, what, want string) {
		if len(f.Findings) < intake.MaxFindings {
			f.Findings = append(f.Findings, intake.Finding{File: name, Sheet: "entries", Row: line, Value: value, What: what, Want: want, Severity: sev})
		}
	}
	cases, rows := foreign.NewSheet("cases", "id"), foreign.NewSheet("entries", headings...)
	known, seen := map[string]bool{}, map[string]int{}
	for _, e := range all {
		uid, key := e.get("UID"), e.get(ofCase)
		id := uid
		if again := e.get("RECURRENCE-ID"); again != "" {
			id += " " + again // one time of an entry that recurs
		}
		if uid == "" {
			fault(intake.Error, e.no, e.get("SUMMARY"), "the "+e.component+" has no UID", "its id, by which it is found again")
			continue
		}
		if key == "" {
			key = uid
		}
		if first := seen[key+"\n"+id]; first > 0 {
			fault(intake.Error, e.no, id, fmt.Sprintf("the entry in line %d has the same UID", first), "each entry once")
			continue
		}
		seen[key+"\n"+id] = e.no
		if !known[key] {
			known[key] = true
			cases.Row(e.no).Set("id", key)
		}
		row := rows.Row(e.no)
		row.Set("case", key)
		row.Set("id", id)
		e.fill(row)
		if e.get("RRULE") != "" {
			fault(intake.Warning, e.no, e.get("SUMMARY"), "the entry recurs", "its first day alone is taken; the rule stands in the raw row")
		}
	}
	if f.Table, err = foreign.Table(name, "ics", opts.Limits, cases, rows); err != nil {
		return nil, err
	}
	return f, nil
}

func (e *entry) fill(row foreign.Row) {
	row.Set("component", e.component)
	if record, kind, ok := strings.Cut(e.get(ofKind), "/"); ok {
		row.Set("record", record)
		row.Set("kind", kind)
	} else {
		var words []string
		for _, name := range []string{"SUMMARY", "LOCATION", "DESCRIPTION"} {
			if text := e.get(name); text != "" {
				words = append(words, text)
			}
		}
		row.Set("words", strings.Join(words, "\n"))
		if e.get("DTSTART") == "" {
			if d, ok := day(e.get("DUE")); ok {
				row.SetDate("starts", d)
			}
		}
	}
	for _, l := range e.lines {
		switch heading := map[string]string{"DTSTART": "starts", "DTEND": "ends", "DUE": "due", "COMPLETED": "completed"}[l.Name]; {
		case slices.Contains(technical, l.Name) || strings.TrimSpace(l.Value) == "":
		case heading != "":
			if d, ok := day(l.Value); ok {
				row.SetDate(heading, d)
			} else {
				row.Set(heading, d)
			}
		case l.Name == "CATEGORIES":
			row.Set("category", contentline.Split(l.Value, ',')...)
		case under[l.Name] != "":
			row.Set(under[l.Name], contentline.Text(l.Value))
		default:
			row.Set(l.Name, contentline.Text(l.Value))
		}
	}
}
