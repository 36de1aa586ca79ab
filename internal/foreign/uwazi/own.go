// SPDX-License-Identifier: AGPL-3.0-or-later

package uwazi

import (
	"archive/zip"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/sheet"
)

// ownHeading is the first heading of a file that was written here: the id of the case.
const ownHeading = "kua_case"

// stays tells whether records of a kind go in no column: who reads a case, how
// it was reviewed, what was erased, and what belongs to files.
func stays(kind string) bool {
	return slices.Contains([]string{"import_row", "grant", "review", "erasure", "file", "file_stamp", "copy"}, kind)
}

// setHere are the fields of a case that the register that takes it in sets itself.
func setHere(field string) bool {
	return slices.Contains([]string{"org", "number", "opened", "external_id"}, field)
}

// place is the column of a field of the n-th record of its kind.
type place struct {
	kind  string
	n     int // from 1
	field string
}

func (p place) heading() string {
	if p.n == 1 {
		return p.kind + "." + p.field
	}
	return p.kind + "." + strconv.Itoa(p.n) + "." + p.field
}

func readPlace(heading string) (p place, ok bool) {
	parts := strings.Split(heading, ".")
	switch len(parts) {
	case 2:
		return place{parts[0], 1, parts[1]}, true
	case 3:
		n, err := strconv.Atoi(parts[1])
		return place{parts[0], n, parts[2]}, err == nil && n > 1
	}
	return p, false
}

// guard is a text as a cell that no program takes for a formula; unguard is the text again.
func guard(text string) string {
	if strings.HasPrefix(text, "'") {
		return "'" + text
	}
	return sheet.Plain(text)
}

func unguard(text string) string { return strings.TrimPrefix(text, "'") }

// own reads a file that was written here: its columns become a sheet a kind.
func (r *importReader) own(limits intake.Limits) (*foreign.File, error) {
	head := r.sheet.Rows[0]
	places := make([]place, len(head.Cells))
	files := -1
	cases := foreign.NewSheet("case", "id")
	sheets := []*foreign.Sheet{cases}
	byKind := map[string]*foreign.Sheet{"case": cases}
	for col := range head.Cells {
		text := head.Text(col)
		p, ok := readPlace(text)
		switch {
		case text == attachmentsHeading:
			files = col
			continue
		case !ok:
			continue
		}
		places[col] = p
		if byKind[p.kind] == nil {
			byKind[p.kind] = foreign.NewSheet(p.kind, "case", "id")
			sheets = append(sheets, byKind[p.kind])
		}
	}
	for _, row := range r.sheet.Rows[1:] {
		key := row.Text(0)
		if key == "" {
			return nil, &foreign.PlaceError{Line: row.No, What: "the row has no id of its case in the column " + ownHeading}
		}
		made := map[place]foreign.Row{{kind: "case", n: 1}: cases.Row(row.No)}
		made[place{kind: "case", n: 1}].Set("id", key)
		for col := range row.Cells {
			p := places[min(col, len(places)-1)]
			if col >= len(places) || p.kind == "" || row.Text(col) == "" {
				continue
			}
			at := place{kind: p.kind, n: p.n}
			out, ok := made[at]
			if !ok {
				out = byKind[p.kind].Row(row.No)
				out.Set("case", key)
				made[at] = out
			}
			text := unguard(row.Text(col))
			if strings.Contains(text, "|") {
				out.SetAll(p.field, text, split(text))
				continue
			}
			out.Set(p.field, text)
		}
		if files >= 0 {
			r.key = 0
			r.columns = []heading{}
			for _, name := range split(row.Text(files)) {
				f, err := foreign.Attach(r.beside, name, key)
				if err != nil {
					r.add(row.No, files, intake.Error, name, "is not in the archive, or beside the file", "a file of that name, or none in the cell")
					continue
				}
				r.attached = append(r.attached, f)
			}
		}
	}
	t, err := foreign.Table(r.table.File, "uwazi", limits, sheets...)
	if err != nil {
		return nil, err
	}
	return &foreign.File{Table: t, Attached: r.attached, Findings: r.findings}, nil
}

// ownMap is the mapping of a file that was written here: each column is the field
// that it is named after.
func ownMap(t *intake.Table, book *codebook.Book) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# The mapping of a file for Uwazi that was written by Kua: each column is the\n# field it is named after.\nmapping: 1\nname: Uwazi, written by Kua\nsheet: case\nkey: id\ndates: [2006-01-02, range]\n")
	has := map[string]bool{}
	for _, s := range t.Sheets {
		has[s.Name] = true
	}
	var ignored []string
	fields := func(indent string, s intake.Sheet) {
		k, ok := book.Kind(s.Name)
		n := 0
		for _, c := range s.Rows[0].Cells {
			if c.Text == "case" && s.Name != "case" || c.Text == "id" {
				continue
			}
			var f *codebook.Field
			if ok {
				f, _ = k.Field(c.Text)
			}
			switch {
			case f == nil, s.Name == "case" && setHere(f.ID), f.Type == codebook.Ref && !has[f.RefKind]:
				ignored = append(ignored, c.Text)
			case f.Type == codebook.Ref:
				fmt.Fprintf(&b, "%s%s: {record: %s, id: %s}\n", indent, f.ID, f.RefKind, f.ID)
				n++
			default:
				fmt.Fprintf(&b, "%s%s: {column: %s%s}\n", indent, f.ID, f.ID, unknownTo(book, s.Name, f))
				n++
			}
		}
		if n == 0 {
			b.WriteString(strings.TrimSuffix(indent, "  ") + "  {}\n")
		}
	}
	b.WriteString("records:\n- kind: case\n  fields:\n")
	fields("    ", t.Sheets[0])
	if len(ignored) > 0 {
		fmt.Fprintf(&b, "ignore: [%s]\n", strings.Join(ignored, ", "))
	}
	steps := 0
	for _, s := range t.Sheets[1:] {
		if k, ok := book.Kind(s.Name); !ok || k.Scope != codebook.InCase || stays(s.Name) {
			continue // told of by the import: the sheet is not in the mapping
		}
		if steps++; steps == 1 {
			b.WriteString("steps:\n")
		}
		ignored = nil
		fmt.Fprintf(&b, "- sheet: %s\n  key: case\n  id: id\n  records:\n  - kind: %s\n    when: id\n    fields:\n", s.Name, s.Name)
		fields("      ", s)
		if len(ignored) > 0 {
			fmt.Fprintf(&b, "  ignore: [%s]\n", strings.Join(ignored, ", "))
		}
	}
	return []byte(b.String())
}

// unknownTo is the part of a mapping that keeps the words for what is not known,
// which any field may hold and no form of dates or numbers has.
func unknownTo(book *codebook.Book, kind string, f *codebook.Field) string {
	if f.Type == codebook.Text || f.Type == codebook.Prose {
		return ""
	}
	var words []string
	for _, word := range []string{"unknown", "not_asked", "declined"} {
		bad := slices.ContainsFunc(book.Validate(kind, map[string][]string{f.ID: {word}}), func(p codebook.Problem) bool {
			return p.Field == f.ID && p.What != codebook.Required
		})
		if !bad {
			words = append(words, word+": "+word)
		}
	}
	if words == nil {
		return ""
	}
	return ", values: {" + strings.Join(words, ", ") + "}"
}

// Write writes cases as a ZIP for Uwazi's import: import.csv, the files that it
// names, and properties.csv, which says what properties a template needs for it.
// The rows are held in memory until the last case has come: what columns there
// are is known then.
func Write(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], opts foreign.Writing) (*foreign.Report, error) {
	out := &importWriter{book: book, opts: opts, zip: zip.NewWriter(w), report: foreign.NewReport("uwazi"), at: map[place]int{}}
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		if err := out.add(c); err != nil {
			return nil, err
		}
	}
	if err := out.table(); err != nil {
		return nil, err
	}
	if err := out.properties(); err != nil {
		return nil, err
	}
	if err := out.zip.Close(); err != nil {
		return nil, err
	}
	return out.report, out.report.Done()
}

type importWriter struct {
	book    *codebook.Book
	opts    foreign.Writing
	zip     *zip.Writer
	report  *foreign.Report
	at      map[place]int
	columns []column
	rows    []outRow
}

type column struct {
	place
	of     *codebook.Field // nil: the id of the record
	ranges bool            // some date in it is no single day
}

type outRow struct {
	id, title string
	files     []string
	cells     map[int]string
}

func (o *importWriter) column(p place, f *codebook.Field) int {
	i, ok := o.at[p]
	if !ok {
		i = len(o.columns)
		o.at[p] = i
		o.columns = append(o.columns, column{place: p, of: f})
	}
	return i
}

func (o *importWriter) add(c *casefile.Case) error {
	o.report.Case(c)
	row := outRow{id: c.ID, title: c.ID, cells: map[int]string{}}
	n := map[string]int{}
	for _, rec := range c.Records() {
		if rec.Kind == "file" {
			if err := o.file(c, rec, &row); err != nil {
				return err
			}
			continue
		}
		k, ok := o.book.Kind(rec.Kind)
		if !ok || stays(rec.Kind) {
			continue
		}
		n[rec.Kind]++
		at := place{kind: rec.Kind, n: n[rec.Kind]}
		if rec.Kind == "case" {
			if number := rec.Get("number"); number != "" {
				row.title = number
			}
		} else {
			at.field = "id"
			row.cells[o.column(at, nil)] = rec.ID
		}
		for id, values := range rec.Fields {
			f, ok := k.Field(id)
			if !ok || rec.Kind == "case" && setHere(id) {
				continue
			}
			text, carried, coarser := o.values(c, f, values)
			o.report.Carried(rec.Kind, id, carried)
			o.report.Left(rec.Kind, id, foreign.Coarser, coarser)
			if text != "" {
				at.field = id
				i := o.column(at, f)
				row.cells[i] = text
				if f.Type == codebook.Date && !codebook.Missing(text) {
					if d, err := edtf.Parse(values[0]); err == nil && (!d.Exact() || len(d.String()) != len("2006-01-02")) {
						o.columns[i].ranges = true
					}
				}
			}
		}
	}
	o.rows = append(o.rows, row)
	return nil
}

// values is a field as the text of a cell, and how many of its values are in it
// as they are, and how many less exactly.
func (o *importWriter) values(c *casefile.Case, f *codebook.Field, values []string) (text string, carried, coarser int) {
	var out []string
	for _, v := range values {
		switch {
		case v == "" || f.Many && strings.Contains(v, "|"):
			continue
		case codebook.Missing(v):
			carried++
		case f.Type == codebook.Ref:
			rec, ok := c.Record(v)
			if !ok || stays(rec.Kind) || rec.Kind == "case" {
				continue
			}
			carried++
		case f.Type == codebook.Date:
			d, err := edtf.Parse(v)
			if err != nil {
				continue
			}
			from, to := d.Earliest(), d.Latest()
			s := day(from) + ":" + day(to)
			if s == ":" {
				continue
			}
			if same(v, from, to) {
				carried++
			} else {
				coarser++
			}
			v = s
		case f.Type == codebook.Code:
			carried++
			if list, ok := o.book.List(f.List); ok {
				if code, ok := list.Code(v); ok && !strings.ContainsAny(code.Label.En, "|:") {
					if found, ok := list.Find(code.Label.En); ok && found == v {
						v = code.Label.En
					}
				}
			}
		case f.Type == codebook.Text && v != strings.Join(strings.Fields(v), " "), v != strings.TrimSpace(v), strings.ContainsAny(v, "\r\t\u00a0\u202f\u2007\ufeff\u200b\u200c\u200d\u2060\u200e\u200f\u00ad"):
			coarser++
		default:
			carried++
		}
		out = append(out, v)
	}
	return strings.Join(out, "|"), carried, coarser
}

// day is a day, nothing where there is none on that side.
func day(d edtf.Day) string {
	if d.Bound() {
		return ""
	}
	return d.String()
}

// same tells whether a date says no more than the days that it lies between.
func same(text string, from, to edtf.Day) bool {
	if from == to {
		return text == from.String()
	}
	ends := [2]string{"..", ".."}
	for i, d := range [2]edtf.Day{from, to} {
		if !d.Bound() {
			ends[i] = d.String()
		}
	}
	return text == ends[0]+"/"+ends[1]
}

// file puts a file beside import.csv.
func (o *importWriter) file(c *casefile.Case, rec *casefile.Record, row *outRow) error {
	if o.opts.Open == nil || rec.Get("of") != "" {
		return nil
	}
	content, err := o.opts.Open(c.ID, rec.ID)
	if errors.Is(err, fs.ErrNotExist) {
		o.report.Left("file", "sha256", foreign.Missing, len(rec.Fields["sha256"]))
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close()
	name := rec.ID[:min(8, len(rec.ID))] + "-" + strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\|:*?"<>`, c) || c < ' ' {
			return '_'
		}
		return c
	}, cmp.Or(rec.Get("name"), "file"))
	to, err := o.zip.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, content); err != nil {
		return err
	}
	row.files = append(row.files, name)
	o.report.Carried("file", "name", len(rec.Fields["name"]))
	o.report.Carried("file", "sha256", len(rec.Fields["sha256"]))
	return nil
}

// table writes import.csv.
func (o *importWriter) table() error {
	order := make([]int, len(o.columns))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := o.columns[a], o.columns[b]
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.n, y.n), cmp.Compare(x.sortsAs(), y.sortsAs()))
	})
	f, err := o.zip.Create(importName)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	line := []string{ownHeading, titleHeading, attachmentsHeading}
	for _, i := range order {
		line = append(line, o.columns[i].heading())
	}
	if err := w.Write(line); err != nil {
		return err
	}
	for _, row := range o.rows {
		line = append(line[:0], row.id, guard(row.title), strings.Join(row.files, "|"))
		for _, i := range order {
			text := row.cells[i]
			c := o.columns[i]
			if c.of != nil && c.of.Type == codebook.Date && !c.ranges { // days alone: a date and no range
				text, _, _ = strings.Cut(text, ":")
			}
			line = append(line, guard(text))
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// sortsAs puts the id of a record before its fields.
func (c column) sortsAs() string {
	if c.of == nil {
		return ""
	}
	return c.field
}

// properties writes properties.csv.
func (o *importWriter) properties() error {
	s := sheet.Sheet{Head: []string{"heading", "label", "type of property", "thesaurus"}}
	s.Rows = append(s.Rows, []any{ownHeading, "Case in Kua", "text", ""})
	for _, c := range o.columns {
		label, kind, list := c.kind+" "+strconv.Itoa(c.n)+": id", "text", ""
		if c.of != nil {
			k, _ := o.book.Kind(c.kind)
			label = k.Label.En + ": " + c.of.Label.En
			if c.n > 1 {
				label = k.Label.En + " " + strconv.Itoa(c.n) + ": " + c.of.Label.En
			}
			switch c.of.Type {
			case codebook.Date:
				kind = "date"
				if c.ranges {
					kind = "daterange"
				}
			case codebook.Number:
				kind = "numeric"
			case codebook.Prose:
				kind = "markdown"
			case codebook.YesNo:
				kind, list = "select", "yes, no, unknown"
			case codebook.Code:
				kind, list = "select", c.of.List
				if c.of.Many {
					kind = "multiselect"
				}
			}
		}
		s.Rows = append(s.Rows, []any{c.heading(), label, kind, list})
	}
	f, err := o.zip.Create("properties.csv")
	if err != nil {
		return err
	}
	return sheet.CSV(f, s)
}
