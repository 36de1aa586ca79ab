// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/linkage"
)

// Options say what to link and how.
type Options struct {
	Files     []string  // one or two, "-" is In
	In        io.Reader // standard input
	Plan      *Plan     // nil: found from the first file
	Across    bool      // never pair two rows of one list
	Seed      uint64
	Memory    int64             // bytes that the rows and what is sorted may take; 0: no bound
	Decisions []Decision        // what people decided; it binds
	Learn     bool              // and teaches
	Propose   float64           // 0: as the plan says
	Progress  func(what string) // is told what is being done; nil: nobody is
}

// Decision is what a person found of two rows. The list is needed only where an
// id stands in both.
type Decision struct {
	A, B         string
	ListA, ListB string
	Same         bool
}

// Linked is rows that were linked.
type Linked struct {
	Plan    Plan
	Columns []Column // what was found of the columns, where no plan said it
	Found   *linkage.Found
	Lists   []string
	Notes   []string // what was taken how, and what is not covered, a line each

	ids     ids
	list    []uint8
	scratch *scratch
}

// Close removes what was put on the disk.
func (l *Linked) Close() error {
	if l.scratch == nil {
		return nil
	}
	return l.scratch.close()
}

// Rows is how many rows there are.
func (l *Linked) Rows() int { return l.ids.count() }

// ID is the id of a row.
func (l *Linked) ID(row int) string { return l.ids.of(row) }

// List is the list a row stands in.
func (l *Linked) List(row int) string { return l.Lists[l.list[row]] }

// name says which row is meant.
func (l *Linked) name(row int) string {
	if len(l.Lists) > 1 {
		return l.List(row) + ":" + l.ID(row)
	}
	return l.ID(row)
}

// ids keeps many short texts one after the other.
type ids struct {
	text []byte
	ends []int64
	sums []uint64 // of list and id, for what stands twice
}

func (d *ids) count() int { return len(d.ends) }

func (d *ids) add(list uint8, id string) {
	d.text = append(d.text, id...)
	d.ends = append(d.ends, int64(len(d.text)))
	sum := uint64(14695981039346656037) ^ uint64(list)
	for i := range len(id) {
		sum = (sum ^ uint64(id[i])) * 1099511628211
	}
	d.sums = append(d.sums, sum)
}

func (d *ids) of(row int) string {
	from := int64(0)
	if row > 0 {
		from = d.ends[row-1]
	}
	return string(d.text[from:d.ends[row]])
}

func (d *ids) size() int64 { return int64(cap(d.text)) + 16*int64(cap(d.ends)) }

// twice finds two rows with one id, or -1.
func (d *ids) twice(list []uint8) (int, int) {
	sorted := slices.Clone(d.sums)
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		if sorted[i] != sorted[i-1] {
			continue
		}
		first := map[string]int{}
		for row, sum := range d.sums {
			if sum == sorted[i] {
				key := string(rune(list[row])) + d.of(row)
				if k, ok := first[key]; ok {
					return k, row
				}
				first[key] = row
			}
		}
	}
	return -1, -1
}

// rowOf finds the rows with an id; list may be empty.
func (l *Linked) rowOf() func(list, id string) (int, error) {
	at := map[string][]int{}
	for i := range l.Rows() {
		at[l.ID(i)] = append(at[l.ID(i)], i)
	}
	return func(list, id string) (int, error) {
		found := -1
		for _, i := range at[id] {
			if list == "" || l.List(i) == list {
				if found >= 0 {
					return -1, fmt.Errorf("it stands in several lists: say in list_a and list_b which one is meant")
				}
				found = i
			}
		}
		if found < 0 {
			return -1, errUnknownRow
		}
		return found, nil
	}
}

var errUnknownRow = errors.New("no row has this id")

// mostLists bounds how many lists there can be.
const mostLists = 200

// file is one file that is being read.
type file struct {
	*reader
	close   func() error
	pending [][]string // rows that were read to look at them
	lines   []int
}

func open(path string, in io.Reader) (*file, error) {
	f := &file{close: func() error { return nil }}
	name := "standard input"
	if path != "-" {
		o, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s can't be read: %w", path, errors.Unwrap(err))
		}
		in, name, f.close = o, path, o.Close
	}
	r, err := newReader(name, in)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	f.reader = r
	return f, nil
}

// look reads the first rows.
func (f *file) look() error {
	for len(f.pending) < maxLook {
		row, err := f.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f.pending = append(f.pending, slices.Clone(row))
		f.lines = append(f.lines, f.line)
	}
	return nil
}

// next reads a row, those that were looked at first.
func (f *file) next() (row []string, line int, err error) {
	if len(f.pending) > 0 {
		row, line = f.pending[0], f.lines[0]
		f.pending, f.lines = f.pending[1:], f.lines[1:]
		return row, line, nil
	}
	row, err = f.read()
	return row, f.line, err
}

// Look finds a plan for a file.
func Look(path string, in io.Reader) (Plan, []Column, error) {
	f, err := open(path, in)
	if err != nil {
		return Plan{}, nil, err
	}
	defer f.close() //nolint:errcheck // it was read only
	if err := f.look(); err != nil {
		return Plan{}, nil, err
	}
	columns := look(f.head, f.pending)
	p, err := planOf(columns)
	if err != nil {
		return p, columns, fmt.Errorf("%s: %w", f.name, err)
	}
	return p, columns, nil
}

// Link reads and links the files.
func Link(ctx context.Context, o Options) (_ *Linked, err error) {
	l := &Linked{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	tell := o.Progress
	if tell == nil {
		tell = func(string) {}
	}
	var files []*file
	defer func() {
		for _, f := range files {
			f.close() //nolint:errcheck // it was read only
		}
	}()
	for _, path := range o.Files {
		f, err := open(path, o.In)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		if err := f.look(); err != nil {
			return nil, err
		}
	}
	if o.Plan != nil {
		l.Plan = *o.Plan
	} else {
		l.Columns = look(files[0].head, files[0].pending)
		if l.Plan, err = planOf(l.Columns); err != nil {
			return nil, fmt.Errorf("%s: %w", files[0].name, err)
		}
		for _, c := range l.Columns {
			l.Notes = append(l.Notes, fmt.Sprintf("%s: %s", c.Name, c.Why))
		}
	}
	p := &l.Plan
	p.FindBlocks = len(p.Blocks) == 0
	p.AcrossOnly = p.AcrossOnly || o.Across
	p.Learn = p.Learn || o.Learn
	if o.Seed != 0 {
		p.Seed = o.Seed
	}
	if o.Propose > 0 {
		p.Propose = o.Propose
	}
	t, err := linkage.NewTable(p.Config)
	if err != nil {
		return nil, err
	}
	tell("reading")
	for n, f := range files {
		if err := l.read(ctx, t, f, n, len(files), o.Memory); err != nil {
			return nil, err
		}
	}
	if a, b := l.ids.twice(l.list); a >= 0 {
		return nil, fmt.Errorf("rows %d and %d have the same id in column %q: each row needs one of its own; without the column, rows are numbered", a+1, b+1, p.ID)
	}
	l.ids.sums = nil
	if p.AcrossOnly && len(l.Lists) < 2 {
		return nil, fmt.Errorf("there is one list only, and nothing to pair across: give two files, or say which column is the list")
	}
	verdicts, err := l.verdicts(o.Decisions)
	if err != nil {
		return nil, err
	}
	opts := linkage.Options{Step: func(s linkage.Step) { tell(string(s)) }}
	if o.Memory > 0 {
		if l.scratch, err = newScratch(); err != nil {
			return nil, err
		}
		opts.Memory, opts.Scratch = max(o.Memory/8, o.Memory-l.size(t)), l.scratch.open
	}
	if l.Found, err = t.Link(ctx, verdicts, opts); err != nil {
		return nil, err
	}
	for _, w := range l.Found.Warnings {
		l.Notes = append(l.Notes, w.Text(l.name))
	}
	return l, nil
}

func (l *Linked) size(t *linkage.Table) int64 { return t.Size() + l.ids.size() }

// read adds the rows of a file.
func (l *Linked) read(ctx context.Context, t *linkage.Table, f *file, number, files int, memory int64) error {
	p := &l.Plan
	id, list := -1, -1
	var err error
	if p.ID != "" {
		if id, err = f.find(p.ID); err != nil {
			return err
		}
	}
	if p.List != "" {
		if list, err = f.find(p.List); err != nil {
			return err
		}
	}
	inputs := t.Inputs()
	at := make([]int, len(inputs))
	dates := make([]*dating, len(inputs))
	several := make([]bool, len(inputs))
	for k, name := range inputs {
		if at[k] = -1; name == none {
			continue
		}
		if at[k], err = f.find(name); err != nil {
			return err
		}
		for _, field := range p.Fields {
			if from := field.From; !slices.Contains(from, name) && (len(from) > 0 || field.ID != name) {
				continue
			}
			switch field.Compare {
			case linkage.Birth, linkage.Event:
				var values []string
				for _, row := range f.pending {
					if at[k] < len(row) {
						values = append(values, row[at[k]])
					}
				}
				d := datingOf(values)
				dates[k] = &d
			case linkage.Set:
				several[k] = true
			}
		}
	}
	lists := map[string]uint8{}
	for n, name := range l.Lists {
		lists[name] = uint8(n) //nolint:gosec // at most mostLists
	}
	own := strings.TrimSuffix(filepath.Base(f.name), filepath.Ext(f.name))
	if _, taken := lists[own]; taken && list < 0 {
		own = fmt.Sprintf("%s (%d)", own, number+1)
	}
	values := make([][]string, len(inputs))
	cells := make([]string, len(inputs))
	rows := 0
	for {
		row, line, err := f.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if empty(row) {
			continue
		}
		rows++
		name := own
		if list >= 0 {
			if name = ""; list < len(row) {
				name = strings.TrimSpace(row[list])
			}
		} else if files == 1 {
			name = ""
		}
		n, ok := lists[name]
		if !ok {
			if len(l.Lists) == mostLists {
				return fmt.Errorf("%s, line %d, column %q: more than %d lists: this column says something else", f.name, line, p.List, mostLists)
			}
			n = uint8(len(l.Lists)) //nolint:gosec // at most mostLists
			name = strings.Clone(name)
			lists[name] = n
			l.Lists = append(l.Lists, name)
		}
		l.list = append(l.list, n)
		if id >= 0 {
			text := ""
			if id < len(row) {
				text = strings.TrimSpace(row[id])
			}
			if text == "" {
				return fmt.Errorf("%s, line %d, column %q: this row has no id", f.name, line, p.ID)
			}
			l.ids.add(n, text)
		} else {
			l.ids.add(n, fmt.Sprint(rows))
		}
		for k, c := range at {
			values[k] = nil
			if c < 0 || c >= len(row) || row[c] == "" {
				continue
			}
			cells[k] = row[c]
			switch {
			case dates[k] != nil:
				cells[k] = dates[k].iso(row[c])
			case several[k]:
				values[k] = strings.FieldsFunc(row[c], func(r rune) bool { return r == ';' || r == '|' })
				continue
			}
			values[k] = cells[k : k+1]
		}
		if err := t.Add(name, values); err != nil {
			return fmt.Errorf("%s, line %d: %w", f.name, line, err)
		}
		if rows%(1<<12) == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if size := l.size(t); memory > 0 && size > memory {
				return fmt.Errorf("%s, line %d: the rows so far take %d MB, and --memory is %d MB: give it more, compare fewer columns, or link parts of the list by themselves", f.name, line, size>>20, memory>>20)
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("%s: no row beneath the first line, which names the columns", f.name)
	}
	return nil
}

func empty(row []string) bool {
	for _, cell := range row {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

// verdicts finds the rows that decisions are about.
func (l *Linked) verdicts(decisions []Decision) ([]linkage.Verdict, error) {
	if len(decisions) == 0 {
		return nil, nil
	}
	find := l.rowOf()
	var out []linkage.Verdict
	gone := 0
	for n, d := range decisions {
		a, errA := find(d.ListA, d.A)
		b, errB := find(d.ListB, d.B)
		for _, err := range []error{errA, errB} {
			if err != nil && !errors.Is(err, errUnknownRow) {
				return nil, fmt.Errorf("decision %d: %w", n+1, err)
			}
		}
		if a < 0 || b < 0 || a == b {
			gone++
			continue
		}
		out = append(out, linkage.Verdict{A: a, B: b, Same: d.Same})
	}
	if gone > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%d decisions are about rows that are not among these", gone))
	}
	return out, nil
}
