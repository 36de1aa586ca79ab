// SPDX-License-Identifier: AGPL-3.0-or-later

package uwazi

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/intake"
)

// Import is the format of Uwazi's import.
func Import() foreign.Format {
	return foreign.Format{Name: "uwazi", About: "Uwazi's import: CSV, or ZIP with import.csv and files", Read: readImport, Map: mapImport, Write: Write}
}

const importName = "import.csv"

// maxColumns is more than a spreadsheet has: a case has a column for each field
// of each of its records.
const maxColumns = 16 << 10

// Headings that Uwazi itself knows, by their safe names.
const (
	idHeading          = "id"
	titleHeading       = "title"
	fileHeading        = "file"
	filesHeading       = "files"
	documentsHeading   = "documents" // of Uwazi's own export
	attachmentsHeading = "attachments"
)

func readImport(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	if name == "." {
		name = importName
	}
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	beside, shown := folder, path.Base(name)
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("PK\x05\x06")) {
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("is not a whole ZIP: %w", err)
		}
		beside = archive
		if data, err = foreign.ReadFile(archive, importName, opts.Limits); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, &foreign.PlaceError{What: "there is no import.csv at the root of the archive: " + listed(archive)}
			}
			return nil, fmt.Errorf("%s: %w", importName, err)
		}
	}
	limits := opts.Limits
	if limits.Columns == 0 {
		limits.Columns = maxColumns
	}
	t, err := intake.ReadTable(data, intake.ReadOptions{Name: importName, Encoding: "utf-8", Limits: limits})
	if err != nil {
		return nil, err
	}
	t.File = shown
	r := &importReader{table: t, sheet: &t.Sheets[0], beside: beside}
	return r.read(limits)
}

func listed(archive *zip.Reader) string {
	var names []string
	for _, f := range archive.File[:min(len(archive.File), 10)] {
		names = append(names, f.Name)
	}
	return "it holds " + strings.Join(names, ", ")
}

type importReader struct {
	table    *intake.Table
	sheet    *intake.Sheet
	beside   fs.FS
	columns  []heading
	key      int // column of the ids; -1: none
	title    int
	attached []foreign.Attached
	findings []intake.Finding
}

// heading is the heading of a column as Uwazi reads it.
type heading struct {
	name     string // its safe name, without the language
	language string
}

func (r *importReader) add(row, col int, sev intake.Severity, value, what, want string) {
	if len(r.findings) < intake.MaxFindings {
		f := intake.Finding{File: r.table.File, Row: row, Value: value, What: what, Want: want, Severity: sev}
		if col >= 0 {
			f.Column = fmt.Sprintf("%s (%s)", intake.ColumnLetter(col), r.sheet.Rows[0].Text(col))
		}
		r.findings = append(r.findings, f)
	}
}

func (r *importReader) read(limits intake.Limits) (*foreign.File, error) {
	if err := r.head(); err != nil {
		return nil, err
	}
	if r.sheet.Rows[0].Text(0) == ownHeading {
		return r.own(limits)
	}
	for i := 1; i < len(r.sheet.Rows); i++ {
		row := &r.sheet.Rows[i]
		for col := range row.Cells {
			r.cell(row, col)
		}
	}
	r.groups()
	r.keys()
	for i := 1; i < len(r.sheet.Rows); i++ {
		r.files(&r.sheet.Rows[i])
	}
	return &foreign.File{Table: r.table, Attached: r.attached, Findings: r.findings}, nil
}

// head reads the headings and refuses what Uwazi refuses.
func (r *importReader) head() error {
	head := r.sheet.Rows[0]
	fail := func(format string, args ...any) error {
		return &foreign.PlaceError{Line: head.No, Where: "the headings", What: fmt.Sprintf(format, args...)}
	}
	r.key, r.title = -1, -1
	plain, inLanguage := map[string]bool{}, map[string][]string{}
	for col := range head.Cells {
		h := readHeading(head.Text(col))
		r.columns = append(r.columns, h)
		switch {
		case h.name == "":
		case h.language != "":
			inLanguage[h.name] = append(inLanguage[h.name], h.language)
		case plain[h.name]:
			return fail("two columns are read as %q: give one of them another heading", h.name)
		default:
			plain[h.name] = true
		}
		if h.name == idHeading && h.language == "" {
			r.key = col
		}
	}
	var common []string
	for i, name := range sorted(inLanguage) {
		if plain[name] {
			return fail("%q stands with a language and without one: either one column without, or all with their language", name)
		}
		if i == 0 {
			common = inLanguage[name]
		}
		common = slices.DeleteFunc(slices.Clone(common), func(l string) bool { return !slices.Contains(inLanguage[name], l) })
	}
	if len(inLanguage) > 0 && len(common) == 0 {
		return fail("no language has all of the columns %s: each has to be there in the default language", strings.Join(sorted(inLanguage), ", "))
	}
	if slices.Contains(common, "en") {
		common = []string{"en"}
	}
	for col, h := range r.columns {
		if h.name == titleHeading && (h.language == "" || h.language == common[0]) {
			r.title = col
		}
	}
	if r.title < 0 && r.key < 0 {
		return fail("there is neither a column title nor a column id: is this a file for Uwazi's import?")
	}
	return nil
}

func sorted(m map[string][]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// readHeading makes the safe name of a heading, and cuts its language off.
func readHeading(text string) heading {
	name := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return '_'
	}, strings.TrimSpace(text))
	if i := strings.LastIndex(name, "__"); i > 0 {
		if l := name[i+2:]; (len(l) == 2 || len(l) == 3) && strings.Trim(l, "abcdefghijklmnopqrstuvwxyz") == "" {
			return heading{name[:i], l}
		}
	}
	return heading{name, ""}
}

// cell takes the values of a cell apart.
func (r *importReader) cell(row *intake.SourceRow, col int) {
	if col >= len(r.columns) {
		return
	}
	c := &row.Cells[col]
	if strings.HasSuffix(r.columns[col].name, "_geolocation") {
		if c.Text != "" && !position(c.Text) {
			r.add(row.No, col, intake.Warning, c.Text, "is no place on the map; it is kept only in the raw row", "latitude|longitude in degrees")
		}
		return
	}
	if !strings.Contains(c.Text, "|") || isLink(c.Text) {
		return
	}
	c.Values = split(c.Text)
	if len(c.Values) == 0 { // signs alone: nothing was chosen
		*c = intake.Cell{}
	}
}

// position tells whether a text is latitude|longitude. 0|0 is one.
func position(text string) bool {
	lat, lon, ok := strings.Cut(text, "|")
	y, err := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	x, err2 := strconv.ParseFloat(strings.TrimSpace(lon), 64)
	return ok && err == nil && err2 == nil && y >= -90 && y <= 90 && x >= -180 && x <= 180
}

// isLink tells label|address from two values.
func isLink(text string) bool {
	_, address, _ := strings.Cut(text, "|")
	address = strings.TrimSpace(address)
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}

func split(text string) (out []string) {
	for _, v := range strings.Split(text, "|") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func values(c intake.Cell) []string {
	if c.Values != nil || c.Text == "" {
		return c.Values
	}
	return []string{c.Text}
}

// groups refuses a group that stands where one of its values should, and groups in groups.
func (r *importReader) groups() {
	for col := range r.columns {
		parents := map[string]bool{}
		for _, row := range r.sheet.Rows[1:] {
			for _, v := range values(cell(row, col)) {
				if parent, _, ok := strings.Cut(v, "::"); ok {
					parents[term(parent)] = true
				}
			}
		}
		for _, row := range r.sheet.Rows[1:] {
			for _, v := range values(cell(row, col)) {
				switch {
				case len(parents) > 0 && parents[term(v)]:
					r.add(row.No, col, intake.Error, v, "is a group of values, and none of them", "group::value, as in other rows")
				case strings.Count(v, "::") > 1 && !strings.Contains(v, "://"):
					r.add(row.No, col, intake.Error, v, "is a group in a group", "group::value, one level deep")
				}
			}
		}
	}
}

// term brings terms to the form in which they are compared: capitals and spaces
// make no difference.
func term(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func cell(row intake.SourceRow, col int) intake.Cell {
	if col < len(row.Cells) {
		return row.Cells[col]
	}
	return intake.Cell{}
}

// keys sees to it that each row has an id: by its title, where the file has none.
func (r *importReader) keys() {
	if r.key >= 0 {
		return
	}
	r.add(0, -1, intake.Warning, "", "there is no column id: a row is known by its title, and one whose title changes will be a new case", "a column id, with Uwazi's own ids or yours")
	r.key = len(r.columns)
	head := &r.sheet.Rows[0]
	for i := range r.sheet.Rows {
		row := &r.sheet.Rows[i]
		for len(row.Cells) <= r.key {
			row.Cells = append(row.Cells, intake.Cell{})
		}
		row.Cells[r.key] = intake.Cell{Text: row.Text(r.title)}
	}
	head.Cells[r.key] = intake.Cell{Text: idHeading}
	r.columns = append(r.columns, heading{name: idHeading})
}

// files finds the files that a row names.
func (r *importReader) files(row *intake.SourceRow) {
	for col, h := range r.columns {
		switch h.name {
		case fileHeading, filesHeading, documentsHeading, attachmentsHeading:
		default:
			continue
		}
		for _, name := range values(cell(*row, col)) {
			if strings.Contains(name, "://") || strings.HasPrefix(name, "/") {
				r.add(row.No, col, intake.Warning, name, "is an address, and nothing is ever fetched: the file is not taken in", "the name of a file in the archive")
				continue
			}
			f, err := foreign.Attach(r.beside, name, row.Text(r.key))
			if err != nil {
				r.add(row.No, col, intake.Error, name, "is not in the archive, or beside the file", "a file of that name, or none in the cell")
				continue
			}
			r.attached = append(r.attached, f)
		}
	}
}

func mapImport(f *foreign.File, book *codebook.Book) []byte {
	if len(f.Table.Sheets) > 1 {
		return ownMap(f.Table, book)
	}
	t, ranges := draftable(f.Table)
	draft := string(intake.DraftMapping(t, book))
	if ranges {
		draft = withRanges(draft)
	}
	return []byte(draft)
}

// draftable is a table as a draft is made from it: without places on the map,
// which are no kinds of places, and of each range of dates its beginning alone.
func draftable(t *intake.Table) (_ *intake.Table, ranges bool) {
	out := *t
	out.Sheets = slices.Clone(t.Sheets)
	rows := slices.Clone(out.Sheets[0].Rows)
	out.Sheets[0].Rows = rows
	for i := range rows {
		rows[i].Cells = slices.Clone(rows[i].Cells)
		for col := range rows[i].Cells {
			c := &rows[i].Cells[col]
			from, to, ok := strings.Cut(strings.Replace(c.Text, "~", ":", 1), ":")
			switch {
			case strings.HasSuffix(readHeading(t.Sheets[0].Rows[0].Text(col)).name, "_geolocation"):
				*c = intake.Cell{}
			case ok && i > 0 && from+to != "" && dayLike(from) && dayLike(to):
				ranges = true
				c.Text = cmp.Or(from, to)
			}
		}
	}
	return &out, ranges
}

// dayLike tells whether a text may be one side of a range: a date, or nothing.
func dayLike(s string) bool {
	digits := strings.Trim(s, "0123456789-/. ") == "" && strings.ContainsAny(s, "0123456789")
	return s == "" || digits && len(s) >= len("2006") && len(s) <= len("2006-01-02") && strings.ContainsAny(s, "-/.")
}

// withRanges adds ranges to the forms of dates that a draft declares.
func withRanges(draft string) string {
	lines := strings.Split(draft, "\n")
	for i, line := range lines {
		if forms, ok := strings.CutPrefix(line, "dates: "); ok {
			forms, _, _ = strings.Cut(forms, " #")
			lines[i] = "dates: [" + strings.Trim(strings.TrimSpace(forms), "[]") + ", range]"
			return strings.Join(lines, "\n")
		}
	}
	return strings.Replace(draft, "\nkey: ", "\ndates: [2006-01-02, range]\nkey: ", 1)
}
