// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// MaxFindings is how many findings are told one by one; after them a last one
// says how many more there are.
const MaxFindings = 1000

// RunOptions are what Run needs besides the file.
type RunOptions struct {
	Today    edtf.Day              // dates after this day are warned of; zero: no such warning
	Progress func(done, total int) // called every few hundred rows and at the end; may be nil
}

// Run makes records of the rows of t. If any finding is an Error the Import is
// nil: nothing may be half-imported. The error is for what is wrong with the
// whole: a sheet or a column of the mapping that the file does not have; the
// lines it names are those of the mapping.
func (m *Mapping) Run(book *codebook.Book, t *Table, opts RunOptions) (*Import, []Finding, error) {
	r := &run{m: m, book: book, t: t, opts: opts, byKey: map[string]*caseDraft{}, cache: map[cacheKey]cached{}}
	if err := r.bind(); err != nil {
		return nil, nil, err
	}
	r.unmapped()
	r.readCases()
	for i := range m.steps {
		r.readSteps(&m.steps[i], r.steps[i])
	}
	imp := &Import{File: t.File}
	for _, c := range r.cases {
		imp.Rows = append(imp.Rows, r.finish(c))
		r.tick()
	}
	if r.opts.Progress != nil {
		r.opts.Progress(r.total, r.total)
	}
	if r.more > 0 {
		r.findings = append(r.findings, Finding{File: t.File, What: fmt.Sprintf("%d more findings are not listed", r.more), Want: "put the first ones right and try again", Severity: Warning})
	}
	if r.errors > 0 {
		return nil, r.findings, nil
	}
	return imp, r.findings, nil
}

type run struct {
	m     *Mapping
	book  *codebook.Book
	t     *Table
	opts  RunOptions
	main  *bound
	steps []*bound

	cases []*caseDraft
	byKey map[string]*caseDraft
	cache map[cacheKey]cached

	findings     []Finding
	errors, more int
	done, total  int
}

// bound is a sheet with the columns of the mapping found in it.
type bound struct {
	sheet  *Sheet
	head   []string // headings by column
	rows   []SourceRow
	index  map[string]int // name in the mapping → column
	used   map[int]bool
	dates  []layout
	format string
}

type cacheKey struct {
	spec *fieldSpec
	text string
}

type cached struct {
	values  []string
	problem string
	want    string
}

// source is where a value came from.
type source struct {
	b   *bound
	row int
	col int
}

type caseDraft struct {
	key     string
	sheet   string
	row     int
	records []*recordDraft
	byName  map[string]*recordDraft
	seen    map[string]int // how often a step of this kind came
	raw     []RawRow
}

type recordDraft struct {
	name, kind string
	suffix     string
	fields     casefile.Fields
	from       map[string]source
	bad        map[string]bool // a cell was there and did not fit: told already
	at         source
}

// RawRow is a row of the source as it was found.
type RawRow struct {
	Sheet string    `json:"sheet,omitempty"`
	Row   int       `json:"row,omitempty"`
	Cells []RawCell `json:"cells"`
	local string    // what its record is named
}

// RawCell is a cell that is not empty.
type RawCell struct {
	Column  string `json:"column"`
	Heading string `json:"heading,omitempty"`
	Text    string `json:"text"`
	Formula string `json:"formula,omitempty"`
}

func (r *run) add(f Finding) {
	f.File = r.t.File
	if f.Severity == Error {
		r.errors++
	}
	if len(r.findings) >= MaxFindings {
		r.more++
		return
	}
	r.findings = append(r.findings, f)
}

func (r *run) at(s source, sev Severity, value, what, want string) {
	r.add(Finding{Sheet: s.b.sheet.Name, Row: s.row, Column: s.b.label(s.col), Value: value, What: what, Want: want, Severity: sev})
}

func (r *run) tick() {
	r.done++
	if r.opts.Progress != nil && r.done%256 == 0 {
		r.opts.Progress(r.done, r.total)
	}
}

// label is a column as people find it: its letter and heading.
func (b *bound) label(col int) string {
	if col < 0 {
		return ""
	}
	if col < len(b.head) && b.head[col] != "" {
		return ColumnLetter(col) + " (" + short(b.head[col]) + ")"
	}
	return ColumnLetter(col)
}

// bind finds the sheets and columns that the mapping names. All that are
// missing are told at once.
func (r *run) bind() error {
	var errs MappingErrors
	m := r.m
	cols := slices.Concat([]column{m.key}, m.ignore, recordColumns(m.records))
	r.main = r.bindSheet(m.sheet, m.header, m.dates, cols, 1, &errs)
	r.main.ignore(m.ignore)
	r.total = 2 * len(r.main.rows)
	for _, s := range m.steps {
		cols := slices.Concat([]column{s.key}, s.ignore, recordColumns(s.records))
		if s.action.name != "" {
			cols = append(cols, s.action)
		}
		if s.id.name != "" {
			cols = append(cols, s.id)
		}
		for _, records := range s.cases {
			cols = append(cols, recordColumns(records)...)
		}
		if r.t.Format == "csv" {
			errs = append(errs, MappingError{s.line, "steps are read from a workbook (XLSX) with a sheet for them; this file is a CSV"})
			continue
		}
		dates := s.dates
		if dates == nil {
			dates = m.dates
		}
		b := r.bindSheet(s.sheet, s.header, dates, cols, s.line, &errs)
		b.ignore(s.ignore)
		r.steps = append(r.steps, b)
		r.total += len(b.rows)
	}
	if len(errs) > 0 {
		slices.SortStableFunc(errs, func(a, b MappingError) int { return a.Line - b.Line })
		return fmt.Errorf("the mapping does not fit the file, at its %w", errs)
	}
	return nil
}

func (b *bound) ignore(cols []column) {
	for _, c := range cols {
		if i, ok := b.index[c.name]; ok {
			b.used[i] = true
		}
	}
}

func (r *run) bindSheet(name string, header int, dates []layout, cols []column, line int, errs *MappingErrors) *bound {
	b := &bound{sheet: &Sheet{Name: name}, index: map[string]int{}, used: map[int]bool{}, dates: dates, format: r.t.Format}
	s, ok := r.t.Sheet(name)
	if r.t.Format == "csv" {
		s, ok = &r.t.Sheets[0], true // a CSV has no names of sheets
	}
	if !ok {
		var names []string
		for _, s := range r.t.Sheets {
			names = append(names, s.Name)
		}
		*errs = append(*errs, MappingError{line, fmt.Sprintf("no sheet is named %q%s", name, didYouMean(name, names, "the file has: "+strings.Join(names, ", ")))})
		return b
	}
	b.sheet = s
	b.rows = s.Rows
	if header > 0 {
		i := slices.IndexFunc(s.Rows, func(row SourceRow) bool { return row.No == header })
		if i < 0 {
			*errs = append(*errs, MappingError{line, fmt.Sprintf("row %d of %s, where the headings should stand, is empty", header, sheetName(s))})
			return b
		}
		b.rows = s.Rows[i:]
	}
	if len(b.rows) == 0 {
		*errs = append(*errs, MappingError{line, fmt.Sprintf("%s is empty: no row of headings", sheetName(s))})
		return b
	}
	for _, c := range b.rows[0].Cells {
		b.head = append(b.head, c.Text)
	}
	b.rows = b.rows[1:]
	found := map[string][]int{}
	for i, h := range b.head {
		found[fold(h)] = append(found[fold(h)], i)
	}
	told := map[string]bool{}
	for _, c := range cols {
		if _, ok := b.index[c.name]; ok || told[c.name] {
			continue
		}
		if letter, ok := strings.CutPrefix(c.name, "="); ok {
			if i, ok := columnOf(strings.ToUpper(strings.TrimSpace(letter)), 1<<14); ok {
				b.index[c.name], b.used[i] = i, true
				continue
			}
		}
		at := found[fold(c.name)]
		switch len(at) {
		case 1:
			b.index[c.name], b.used[at[0]] = at[0], true
			continue
		case 0:
			var heads []string
			for _, h := range b.head {
				if h != "" {
					heads = append(heads, h)
				}
			}
			msg := fmt.Sprintf("%s has no column %q;", sheetName(s), c.name)
			if near := nearest(c.name, heads); len(near) > 0 {
				msg += " did you mean " + strings.Join(near, ", ") + "?"
			}
			*errs = append(*errs, MappingError{c.line, msg + " it has: " + strings.Join(heads, ", ")})
		default:
			var letters []string
			for _, i := range at {
				letters = append(letters, "="+ColumnLetter(i))
			}
			*errs = append(*errs, MappingError{c.line, fmt.Sprintf("%s has the heading %q %d times: name the column by its letter (%s)", sheetName(s), c.name, len(at), strings.Join(letters, ", "))})
		}
		told[c.name] = true
	}
	return b
}

func sheetName(s *Sheet) string {
	if s.Name == "" {
		return "the file"
	}
	return "sheet " + s.Name
}

func recordColumns(records []recordSpec) []column {
	var out []column
	for i := range records {
		if w := records[i].when; w != nil {
			out = append(out, w.columns...)
		}
		for j := range records[i].fields {
			out = append(out, fieldColumns(&records[i].fields[j])...)
		}
	}
	return out
}

func fieldColumns(f *fieldSpec) []column {
	var out []column
	if f.column.name != "" {
		out = append(out, f.column)
	}
	if f.recordID.name != "" {
		out = append(out, f.recordID)
	}
	if f.child != nil {
		out = append(out, fieldColumns(&f.child.born)...)
		out = append(out, fieldColumns(&f.child.on)...)
		if f.child.says != nil {
			out = append(out, fieldColumns(f.child.says)...)
		}
	}
	return out
}

// unmapped tells of every column and sheet that the mapping passes over, so
// that nothing is left out without somebody knowing.
func (r *run) unmapped() {
	bounds := append([]*bound{r.main}, r.steps...)
	mapped := map[*Sheet]map[int]bool{}
	for _, b := range bounds {
		if mapped[b.sheet] == nil {
			mapped[b.sheet] = map[int]bool{}
		}
		for i := range b.used {
			mapped[b.sheet][i] = true
		}
	}
	told := map[*Sheet]bool{}
	for _, b := range bounds {
		if told[b.sheet] {
			continue
		}
		told[b.sheet] = true
		for col, h := range b.head {
			if h == "" || mapped[b.sheet][col] {
				continue
			}
			n := 0
			for _, row := range b.rows {
				if row.Text(col) != "" {
					n++
				}
			}
			if n == 0 && !r.t.spreadsheet() {
				continue // a field that the format has and this file does not
			}
			r.add(Finding{Sheet: b.sheet.Name, Column: b.label(col), Severity: Warning,
				What: fmt.Sprintf("is not in the mapping: %d cells are kept only in the raw rows", n), Want: "map it, or list it under ignore"})
		}
		for _, ref := range b.sheet.Merged {
			if len(b.rows) == 0 || rowOf(ref) < b.rows[0].No {
				continue // a title or a heading over several columns
			}
			r.add(Finding{Sheet: b.sheet.Name, Value: ref, Severity: Warning, What: "merged cells: only the first one holds the value", Want: "if the value belongs to every row, take the cells apart and fill them"})
		}
	}
	for i := range r.t.Sheets {
		if s := &r.t.Sheets[i]; mapped[s] == nil && len(s.Rows) > 0 {
			what := "the sheet"
			if s.Hidden {
				what = "the hidden sheet"
			}
			r.add(Finding{Sheet: s.Name, Severity: Warning, What: what + fmt.Sprintf(" is not in the mapping: %d rows are not read", len(s.Rows))})
		}
	}
}

// rowOf returns the row of a reference such as B12:C14.
func rowOf(ref string) int {
	ref, _, _ = strings.Cut(ref, ":")
	n, err := strconv.Atoi(strings.TrimLeft(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZ$"))
	if err != nil {
		return 0
	}
	return n
}

// readCases reads the sheet with a row a case.
func (r *run) readCases() {
	b := r.main
	keyCol := b.index[r.m.key.name]
	for _, row := range b.rows {
		r.tick()
		if len(row.Cells) == 0 {
			continue
		}
		r.outside(b, row)
		key := row.Text(keyCol)
		at := source{b, row.No, keyCol}
		if key == "" {
			r.at(at, Error, "", "the row has no number of its own", "a number, so that a second import finds the case again; a line of totals or notes has to be taken out of the list")
			continue
		}
		if first, ok := r.byKey[key]; ok {
			r.at(at, Error, key, fmt.Sprintf("row %d has the same number", first.row), "a number of its own for each case")
			continue
		}
		c := &caseDraft{key: key, sheet: b.sheet.Name, row: row.No, byName: map[string]*recordDraft{}, seen: map[string]int{}}
		c.raw = append(c.raw, raw(b, row, "row"))
		c.record(CaseLocal, "case", "", at).fields["external_id"] = []string{key}
		r.cases = append(r.cases, c)
		r.byKey[key] = c
		r.apply(c, r.m.records, b, row, "")
	}
}

// readSteps reads a sheet with a row a step.
func (r *run) readSteps(s *stepSpec, b *bound) {
	keyCol := b.index[s.key.name]
	stray := 0
	for _, row := range b.rows {
		r.tick()
		if len(row.Cells) == 0 {
			continue
		}
		r.outside(b, row)
		keys := pieces(row.cell(keyCol), "") // what concerns several cases may name them all
		at := source{b, row.No, keyCol}
		found := 0
		for _, key := range keys {
			if c, ok := r.byKey[key]; ok {
				found++
				r.readStep(s, b, c, row)
			} else if !s.warn {
				var known []string
				if len(r.cases) <= 2000 {
					for _, c := range r.cases {
						known = append(known, c.key)
					}
				}
				r.at(at, Error, key, "no case has this number", "a number that stands in "+sheetName(r.main.sheet)+didYouMean(key, known, ""))
			}
		}
		switch {
		case len(keys) == 0 && !s.warn:
			r.at(at, Error, "", "the row does not say which case it belongs to", "the number of a case")
		case found == 0:
			stray++
		}
	}
	if stray > 0 && s.warn {
		r.add(Finding{Sheet: b.sheet.Name, Severity: Warning, What: fmt.Sprintf("%d rows are of no case here: they are not taken in", stray)})
	}
}

// readStep makes the records of a row of a further sheet.
func (r *run) readStep(s *stepSpec, b *bound, c *caseDraft, row SourceRow) {
	records, action := s.records, ""
	if s.action.name != "" {
		col := b.index[s.action.name]
		action = fold(row.Text(col))
		more, known := s.cases[action]
		if !known {
			what, want := "is not in the mapping", "one of: "+strings.Join(s.actions, ", ")
			if action == "" {
				what = "the row does not say what it is"
			} else if near := nearest(action, s.actions); len(near) > 0 {
				want = "did you mean " + strings.Join(near, ", ") + "?"
			}
			r.at(source{b, row.No, col}, Error, row.Text(col), what, want)
			return
		}
		records = slices.Concat(records, more)
	}
	// The second step of the same kind makes records of its own, named by
	// their place in the order of such steps of this case. Where the row has an
	// id of its own, that names them, wherever it stands.
	suffix := ""
	if own := rowID(s, b, row); own != "" {
		suffix = idMark + own
		id := s.sheet + "\x00" + action + suffix
		if c.seen[id]++; c.seen[id] > 1 { // nothing is lost, but their order counts again
			suffix += "#" + strconv.Itoa(c.seen[id])
			r.at(source{b, row.No, b.index[s.id.name]}, Warning, own, "another row of the case has the same id", "an id of its own for each row: these are told apart by their order")
		}
	} else {
		id := s.sheet + "\x00" + action
		c.seen[id]++
		if n := c.seen[id]; n > 1 {
			suffix = "#" + strconv.Itoa(n)
		}
	}
	// The row is named by what it is, not by where it stands: a step put in
	// between leaves the rows after it as they were.
	c.raw = append(c.raw, raw(b, row, "row/"+s.sheet+"/"+action+suffix))
	r.apply(c, records, b, row, suffix)
}

// idMark stands between the name of a record and the id of the row it is made of.
const idMark = "@"

func rowID(s *stepSpec, b *bound, row SourceRow) string {
	if s.id.name == "" {
		return ""
	}
	return row.Text(b.index[s.id.name])
}

// outside tells of cells that stand under no heading.
func (r *run) outside(b *bound, row SourceRow) {
	for col, c := range row.Cells {
		if c.Text == "" || col < len(b.head) && b.head[col] != "" || b.used[col] {
			continue
		}
		if b.format == "csv" && col >= len(b.head) {
			r.at(source{b, row.No, col}, Error, c.Text, "the row has more cells than there are headings", "a cell that holds the separator itself has to stand in quotation marks")
			return
		}
		r.at(source{b, row.No, col}, Warning, c.Text, "the cell stands under no heading: it is kept only in the raw row", "")
	}
}

// record returns the record of that name, made if it is not there yet.
func (c *caseDraft) record(name, kind, suffix string, at source) *recordDraft {
	d, ok := c.byName[name+suffix]
	if !ok {
		d = &recordDraft{name: name + suffix, kind: kind, suffix: suffix, fields: casefile.Fields{}, from: map[string]source{}, bad: map[string]bool{}, at: at}
		c.byName[d.name] = d
		c.records = append(c.records, d)
	}
	return d
}

// apply makes the records of one row. A record of which no column gives a value
// is not made, unless a condition or the want of any column says otherwise.
func (r *run) apply(c *caseDraft, records []recordSpec, b *bound, row SourceRow, suffix string) {
	for i := range records {
		spec := &records[i]
		if spec.when != nil && !spec.when.holds(b, row) {
			continue
		}
		type value struct {
			field  *fieldSpec
			values []string
			at     source
			bad    bool
		}
		var found []value
		columns, filled, unfit := false, false, false
		for j := range spec.fields {
			f := &spec.fields[j]
			at := source{b, row.No, -1}
			if f.column.name != "" {
				at.col = b.index[f.column.name]
			} else if f.recordID.name != "" {
				at.col = b.index[f.recordID.name]
			} else if f.child != nil {
				at.col = b.index[f.child.born.column.name]
			}
			columns = columns || at.col >= 0
			errors := r.errors
			values, has := r.values(f, b, row)
			filled = filled || has
			found = append(found, value{f, values, at, r.errors > errors})
			if f.warn && has && len(values) == 0 && f.field.Required {
				r.at(at, Warning, "", fmt.Sprintf("no %s is made, which must have %s", spec.name, f.field.ID), "the raw row keeps the rest of it")
				unfit = true
			}
		}
		if unfit || spec.when == nil && columns && !filled {
			continue
		}
		d := c.record(spec.name, spec.kind, suffix, source{b, row.No, -1})
		for _, v := range found {
			id := v.field.field.ID
			had, ok := d.fields[id]
			switch {
			case len(v.values) == 0:
				if d.bad[id] = d.bad[id] || v.bad; !ok && v.at.col >= 0 {
					d.from[id] = v.at
				}
			case !ok:
				d.fields[id], d.from[id] = v.values, v.at
			case v.field.field.Many:
				for _, s := range v.values {
					if !slices.Contains(had, s) {
						had = append(had, s)
					}
				}
				d.fields[id] = had
			case !slices.Equal(had, v.values):
				r.at(v.at, Error, strings.Join(v.values, "; "), fmt.Sprintf("%s of %s is already %q by row %d of %s", id, d.name, short(strings.Join(had, "; ")), d.from[id].row, sheetName(d.from[id].b.sheet)), "one value")
			}
		}
	}
}

func (w *condition) holds(b *bound, row SourceRow) bool {
	for _, c := range w.columns {
		text := row.Text(b.index[c.name])
		switch {
		case w.is != nil || w.isnt != nil:
			if w.is != nil && !w.is[fold(text)] || w.isnt[fold(text)] {
				return false
			}
			return true
		case text != "":
			return true
		}
	}
	return false
}

// finish ties references, holds the records against the codebook and keeps the raw rows.
func (r *run) finish(c *caseDraft) Row {
	row := Row{Key: c.key, Sheet: c.sheet, RowNo: c.row, Sources: c.raw}
	for _, d := range c.records {
		trial := make(map[string][]string, len(d.fields))
		for id, values := range d.fields {
			trial[id] = values
			if !strings.HasPrefix(values[0], refMark) {
				continue
			}
			var found, ids []string
			for _, v := range values {
				name := strings.TrimPrefix(v, refMark)
				target := c.find(name, d.suffix)
				if target == nil {
					r.at(d.from[id], Warning, "", fmt.Sprintf("%s has no %s to refer to in case %s", d.name, name, c.key), "the record is kept without the reference")
					continue
				}
				found, ids = append(found, refMark+target.name), append(ids, nobody)
			}
			if len(found) == 0 {
				delete(d.fields, id)
				delete(trial, id)
				continue
			}
			d.fields[id], trial[id] = found, ids
		}
		if d.kind == "case" { // the register sets these when it opens the case
			trial["org"], trial["number"] = []string{nobody}, []string{"-"}
		}
		for _, p := range r.book.Validate(d.kind, trial) {
			at, ok := d.from[p.Field]
			if !ok {
				at = d.at
			}
			what := strings.TrimPrefix(p.Msg, p.Field+": ")
			if p.What == codebook.Required {
				if d.bad[p.Field] {
					continue
				}
				what = fmt.Sprintf("%s has no %s, which it must have", d.name, p.Field)
			}
			r.at(at, Error, p.Value, what, p.Want)
		}
		row.Records = append(row.Records, NewRecord{Local: d.name, Kind: d.kind, Fields: d.fields})
	}
	for _, w := range c.raw {
		row.Records = append(row.Records, w.record())
	}
	return row
}

// nobody stands for an id that is known only when the case is.
const nobody = "00000000000000000000000000000000"

// find returns the record of that name made by the same step, else the last one
// of that name; a name with an id is of the row with that id and no other.
func (c *caseDraft) find(name, suffix string) *recordDraft {
	if strings.Contains(name, idMark) {
		return c.byName[name]
	}
	if d, ok := c.byName[name+suffix]; ok {
		return d
	}
	for i := len(c.records) - 1; i >= 0; i-- {
		if d := c.records[i]; strings.TrimSuffix(d.name, d.suffix) == name {
			return c.records[i]
		}
	}
	return nil
}

func raw(b *bound, row SourceRow, local string) RawRow {
	out := RawRow{Sheet: b.sheet.Name, Row: row.No, local: local}
	for col, c := range row.Cells {
		if c.Text == "" && c.Formula == "" {
			continue
		}
		cell := RawCell{Column: ColumnLetter(col), Text: c.Text, Formula: c.Formula}
		if col < len(b.head) {
			cell.Heading = b.head[col]
		}
		out.Cells = append(out.Cells, cell)
	}
	return out
}

// record keeps the row as it was found. Neither the file nor the number of the
// row is among the fields, so that a row which only moved is no change.
func (w RawRow) record() NewRecord {
	f := casefile.Fields{}
	if w.Sheet != "" {
		f["sheet"] = []string{w.Sheet}
	}
	sum := sha256.New()
	keep := func(column, text string) {
		f["columns"] = append(f["columns"], column)
		f["cells"] = append(f["cells"], text)
		fmt.Fprintf(sum, "%d:%s%d:%s", len(column), column, len(text), text)
	}
	for _, c := range w.Cells {
		heading := c.Column
		if c.Heading != "" {
			heading = strings.Join(strings.Fields(c.Heading), " ")
		}
		if c.Text != "" {
			keep(heading, c.Text)
		}
		if c.Formula != "" {
			keep(heading+" (formula)", "="+c.Formula)
		}
	}
	f["digest"] = []string{hex.EncodeToString(sum.Sum(nil))}
	return NewRecord{Local: w.local, Kind: "import_row", Fields: f}
}
