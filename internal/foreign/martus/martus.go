// SPDX-License-Identifier: AGPL-3.0-or-later

package martus

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/xmldoc"
	"github.com/kua-registry/kua/internal/intake"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "martus",
		About: "bulletins of Martus as XML, both dialects",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
	}
}

// Bulletin is a bulletin as it stands in the file.
type Bulletin struct {
	ID          string // account and local id, or a digest of the values
	Meta        []Value
	Fields      []Value // in the order of the file, those without a value too
	Grids       []GridRow
	Attachments []Attachment
	Line        int
}

// Value is the value of a field; dates are EDTF.
type Value struct {
	Heading, Text string
	Date          bool
}

// GridRow is a row of a grid.
type GridRow struct {
	Grid   string // its tag
	N      int    // from 1
	Values []Value
	Line   int
}

// Attachment names a file of a bulletin.
type Attachment struct {
	Section string // top or bottom
	Name    string
	Line    int
}

// spec is a field or a column as the form declares it.
type spec struct {
	kind, tag, label string
	choices          []string
	columns          []spec
	line             int
}

var (
	kinds     = []string{"BOOLEAN", "DATE", "DATERANGE", "DROPDOWN", "GRID", "LANGUAGE", "MESSAGE", "MULTILINE", "STRING", "SECTION"}
	standard  = []string{"language", "author", "organization", "title", "location", "keywords", "eventdate", "entrydate", "summary", "publicinfo", "privateinfo"}
	needed    = []string{"language", "author", "title", "entrydate"} // without them Martus itself makes no bulletin
	metaNames = map[string]string{
		"AuthorAccountId": "account", "BulletinLocalId": "local id", "BulletinLastSavedDateTime": "saved", "AllPrivate": "all private",
		"BulletinStatus": "status", "BulletinVersion": "version",
	}
)

// reader gathers bulletins and what is wrong with them.
type reader struct {
	file     string
	findings []intake.Finding
}

const maxFindings = 1000

func (r *reader) fault(sev intake.Severity, bulletin int, line int, value, what, want string) {
	if len(r.findings) < maxFindings {
		r.findings = append(r.findings, intake.Finding{File: r.file, Sheet: "bulletins", Row: line, Value: value, What: fmt.Sprintf("in bulletin %d: %s", bulletin, what), Want: want, Severity: sev})
	}
}

// Parse reads bulletins. A finding that is an Error is of a file that Martus
// would refuse itself; the error is of one that is no file of Martus.
func Parse(file string, data []byte) ([]Bulletin, []intake.Finding, error) {
	root, err := xmldoc.Parse("", data)
	if err != nil {
		return nil, nil, err
	}
	found := root.All("MartusBulletin")
	switch {
	case root.Name == "MartusBulletin":
		found = []*xmldoc.Element{root}
	case root.Name != "MartusBulletins":
		return nil, nil, fmt.Errorf("begins with <%s> where <MartusBulletins> is expected: %w", root.Name, foreign.ErrNotThis)
	case len(found) == 0:
		return nil, nil, &foreign.PlaceError{Line: root.Line, What: "holds no <MartusBulletin>"}
	}
	r := &reader{file: file}
	out := make([]Bulletin, 0, len(found))
	seen := map[string]int{}
	for i, e := range found {
		b := r.bulletin(i+1, e)
		if first := seen[b.ID]; first > 0 {
			r.fault(intake.Error, i+1, e.Line, b.ID, fmt.Sprintf("it has the id of the bulletin in line %d", first), "each bulletin once")
			continue
		}
		seen[b.ID] = e.Line
		out = append(out, b)
	}
	return out, r.findings, nil
}

func (r *reader) specs(n int, list []*xmldoc.Element) []spec {
	var out []spec
	for _, e := range list {
		s := spec{kind: e.Attribute("type"), tag: e.Value("Tag"), label: e.Value("Label"), line: e.Line}
		if !slices.Contains(kinds, s.kind) {
			r.fault(intake.Error, n, e.Line, s.kind, fmt.Sprintf("field %s is of an unknown type", s.tag), "one of "+strings.Join(kinds, ", "))
		}
		for _, c := range e.First("Choices").All("Choice") {
			choice := strings.TrimSpace(c.Text)
			if slices.Contains(s.choices, choice) {
				r.fault(intake.Error, n, c.Line, choice, fmt.Sprintf("field %s has this choice twice", cmpOr(s.tag, s.label)), "each choice once")
			}
			s.choices = append(s.choices, choice)
		}
		s.columns = r.specs(n, e.First("GridSpecDetails").All("Column"))
		out = append(out, s)
	}
	return out
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (r *reader) bulletin(n int, e *xmldoc.Element) Bulletin {
	b := Bulletin{Line: e.Line}
	meta := e.First("BulletinMetaData")
	if meta != nil {
		for _, c := range meta.Elements {
			if len(c.Elements) > 0 { // History, ExtendedHistory: the ids of earlier versions
				var ids []string
				leaves(c, func(l *xmldoc.Element) { ids = append(ids, strings.TrimSpace(l.Text)) })
				b.Meta = append(b.Meta, Value{Heading: strings.ToLower(c.Name), Text: strings.Join(ids, "; ")})
				continue
			}
			heading := cmpOr(metaNames[c.Name], c.Name)
			text := strings.TrimSpace(c.Text)
			if heading == "all private" && text == "" {
				text = "yes" // the element alone says it
			}
			b.Meta = append(b.Meta, Value{Heading: heading, Text: text})
		}
	}
	fields := map[string]spec{}
	declared := 0
	for _, part := range []string{"MainFieldSpecs", "PrivateFieldSpecs"} {
		for _, s := range r.specs(n, e.First(part).All("Field")) {
			declared++
			if first, twice := fields[s.tag]; twice {
				r.fault(intake.Error, n, s.line, s.tag, fmt.Sprintf("the form declares the tag a second time, after line %d", first.line), "each tag once")
				continue
			}
			if s.tag == "" {
				r.fault(intake.Error, n, s.line, s.label, "the form declares a field without a tag", "a tag")
			}
			fields[s.tag] = s
		}
	}
	if declared > 0 {
		for _, tag := range needed {
			if _, ok := fields[tag]; !ok {
				r.fault(intake.Error, n, e.Line, tag, "the form lacks this field, which every bulletin has", "the field among MainFieldSpecs")
			}
		}
	}
	values := e.First("FieldValues")
	if values == nil {
		r.fault(intake.Error, n, e.Line, "", "it has no <FieldValues>", "the values of its fields")
	} else {
		told := map[string]bool{}
		for _, c := range values.Elements {
			switch c.Name {
			case "Field":
				tag := c.Attribute("tag")
				s, ok := fields[tag]
				if !ok && declared > 0 {
					r.fault(intake.Error, n, c.Line, tag, "a value of a field that the form does not declare", "a tag that stands among the field specs")
					continue
				}
				if told[tag] {
					continue // a tag that is declared twice has been told
				}
				told[tag] = true
				if !ok {
					s.kind = map[string]string{"entrydate": "DATE", "eventdate": "DATERANGE"}[tag]
				}
				r.value(n, &b, s, tag, c)
			case "TopAttachmentList", "TopSectionAttachmentList", "BottomAttachmentList", "BottomSectionAttachmentList":
				b.attach(c)
			}
		}
	}
	for _, list := range []string{"TopAttachmentList", "TopSectionAttachmentList", "BottomAttachmentList", "BottomSectionAttachmentList"} {
		for _, c := range e.All(list) {
			b.attach(c)
		}
	}
	account, local := meta.Value("AuthorAccountId"), meta.Value("BulletinLocalId")
	if local != "" {
		b.ID = local
		if account != "" {
			sum := sha256.Sum256([]byte(account)) // a public key, hundreds of signs long
			b.ID = hex.EncodeToString(sum[:8]) + "/" + local
		}
	} else {
		b.ID = b.digest()
	}
	return b
}

// digest names a bulletin that has no id by all that it says.
func (b *Bulletin) digest() string {
	h := sha256.New()
	put := func(v Value) { fmt.Fprintf(h, "%d:%s%d:%s", len(v.Heading), v.Heading, len(v.Text), v.Text) }
	for _, v := range b.Fields {
		put(v)
	}
	for _, g := range b.Grids {
		put(Value{Heading: g.Grid, Text: fmt.Sprint(g.N)})
		for _, v := range g.Values {
			put(v)
		}
	}
	for _, a := range b.Attachments {
		put(Value{Heading: a.Section, Text: a.Name})
	}
	return "digest-" + hex.EncodeToString(h.Sum(nil)[:12])
}

func (b *Bulletin) attach(list *xmldoc.Element) {
	section := "bottom"
	if strings.HasPrefix(list.Name, "Top") {
		section = "top"
	}
	for _, a := range list.All("Attachment") {
		b.Attachments = append(b.Attachments, Attachment{Section: section, Name: a.Value("Filename"), Line: a.Line})
	}
}

func (r *reader) value(n int, b *Bulletin, s spec, tag string, e *xmldoc.Element) {
	heading := tag
	if s.label != "" && s.label != tag && !slices.Contains(standard, tag) {
		heading += " (" + s.label + ")"
	}
	v := e.First("Value")
	grid := v.First("GridData")
	if s.kind != "GRID" && grid == nil {
		text := ""
		if v != nil {
			text = strings.TrimSpace(v.Text)
		}
		if s.kind == "DROPDOWN" && text != "" && !slices.Contains(s.choices, text) {
			r.fault(intake.Warning, n, e.Line, text, fmt.Sprintf("field %s does not have this choice", tag), "one of its choices; it is kept as it stands")
		}
		b.Fields = append(b.Fields, r.plain(n, heading, s.kind, text, e.Line))
		return
	}
	b.Fields = append(b.Fields, Value{Heading: heading})
	for i, row := range grid.All("Row") {
		g := GridRow{Grid: tag, N: i + 1, Line: row.Line}
		for j, c := range row.All("Column") {
			col := spec{}
			switch {
			case j < len(s.columns):
				col = s.columns[j]
			case len(s.columns) > 0:
				r.fault(intake.Error, n, c.Line, strings.TrimSpace(c.Text), fmt.Sprintf("row %d of grid %s has more columns than the form declares (%d)", i+1, tag, len(s.columns)), "as many columns as are declared")
				continue
			}
			name := cmpOr(cmpOr(col.label, col.tag), fmt.Sprintf("column %d", j+1))
			if slices.Contains(gridHeadings, strings.ToLower(name)) {
				name += " (column)"
			}
			g.Values = append(g.Values, r.plain(n, name, col.kind, strings.TrimSpace(c.Text), c.Line))
		}
		b.Grids = append(b.Grids, g)
	}
}

// plain reads the value of a field that is no grid.
func (r *reader) plain(n int, heading, kind, text string, line int) Value {
	v := Value{Heading: heading, Text: text}
	switch kind {
	case "BOOLEAN":
		switch text {
		case "1":
			v.Text = "yes"
		case "0":
			v.Text = "no"
		case "":
		default:
			r.fault(intake.Warning, n, line, text, heading+" is neither 1 nor 0", "it is kept as it stands")
		}
	case "DATE", "DATERANGE":
		if text == "" {
			return v
		}
		if d, ok := date(text); ok {
			v.Text, v.Date = d, true
		} else {
			r.fault(intake.Warning, n, line, text, heading+" is no date", "Simple:2005-11-01 or Range:2005-11-01,2005-11-05; it is kept as it stands")
		}
	}
	return v
}

// date reads "Simple:day" and "Range:day,day" as EDTF.
func date(text string) (string, bool) {
	how, rest, ok := strings.Cut(text, ":")
	if !ok {
		how, rest = "Simple", text
	}
	rest = strings.TrimSpace(rest)
	from, to, two := strings.Cut(rest, ",")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	switch {
	case how == "Range" && two && from != to:
		rest = from + "/" + to
	case how == "Range", how == "Simple" && !two:
		rest = from
	default:
		return "", false
	}
	d, err := edtf.Parse(rest)
	if err != nil {
		return "", false
	}
	return d.String(), true
}

func leaves(e *xmldoc.Element, f func(*xmldoc.Element)) {
	if len(e.Elements) == 0 {
		f(e)
	}
	for _, c := range e.Elements {
		leaves(c, f)
	}
}

var gridHeadings = []string{"bulletin", "id", "grid"}

// Read reads bulletins into a table.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	bulletins, findings, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	out := &foreign.File{Findings: findings}
	main := foreign.NewSheet("bulletins", slices.Concat([]string{"id", "account", "local id", "version", "status", "saved", "all private"}, standard)...)
	grids := foreign.NewSheet("grid rows", gridHeadings...)
	files := foreign.NewSheet("attachments", "bulletin", "id", "section", "file name")
	for i := range bulletins {
		b := &bulletins[i]
		row := main.Row(b.Line)
		row.Set("id", b.ID)
		set(row, b.Meta)
		set(row, b.Fields)
		for _, g := range b.Grids {
			row := grids.Row(g.Line)
			row.Set("bulletin", b.ID)
			row.Set("id", fmt.Sprintf("%s/%d", g.Grid, g.N))
			row.Set("grid", g.Grid)
			set(row, g.Values)
		}
		for j, a := range b.Attachments {
			row := files.Row(a.Line)
			id := fmt.Sprintf("%s/%d", a.Section, j+1)
			row.Set("bulletin", b.ID)
			row.Set("id", id)
			row.Set("section", a.Section)
			row.Set("file name", a.Name)
			if !beside(folder, a.Name) {
				out.Findings = append(out.Findings, intake.Finding{File: name, Sheet: "attachments", Row: a.Line, Value: a.Name,
					What: "is not in the folder of the file", Want: "put the attachments beside it; only the name is kept", Severity: intake.Warning})
				continue
			}
			out.Attached = append(out.Attached, foreign.Attached{Key: b.ID, ID: id, Name: a.Name, Open: func() (io.ReadCloser, error) { return folder.Open(a.Name) }})
		}
	}
	out.Table, err = foreign.Table(name, "martus", opts.Limits, main, grids, files)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func set(row foreign.Row, values []Value) {
	for _, v := range values {
		if v.Date {
			row.SetDate(v.Heading, v.Text)
		} else {
			row.Set(v.Heading, v.Text)
		}
	}
}

// beside says whether a plain file of that name lies in the folder: names with
// folders in them are not followed.
func beside(folder fs.FS, name string) bool {
	if strings.ContainsAny(name, `/\`) || !fs.ValidPath(name) || name == "." {
		return false
	}
	info, err := fs.Stat(folder, name)
	return err == nil && info.Mode().IsRegular()
}
