// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Table is the rows to be linked, made ready: each distinct value is read once,
// and a row is a few numbers. It is filled by Add, then linked once.
type Table struct {
	cfg     Config
	inputs  []string
	reads   [][]int // the inputs of each column
	columns []column
	from    []int // the first code of each column in a row
	stride  int
	codes   []uint32
	lists   []string
	list    map[string]uint32
	values  [][]string
}

// NewTable returns an empty table for a configuration, or what is wrong with it.
func NewTable(cfg Config) (*Table, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Table{cfg: cfg, stride: 1, list: map[string]uint32{}}
	for n, f := range cfg.Fields {
		var reads []int
		for _, id := range f.sources() {
			at := slices.Index(t.inputs, id)
			if at < 0 {
				at = len(t.inputs)
				t.inputs = append(t.inputs, id)
			}
			reads = append(reads, at)
		}
		c := newColumn(f, n)
		t.reads = append(t.reads, reads)
		t.columns = append(t.columns, c)
		t.from = append(t.from, t.stride)
		t.stride += c.width()
	}
	return t, nil
}

// Inputs are the fields of a record that the comparisons read, in the order in which Add wants their values.
func (t *Table) Inputs() []string { return t.inputs }

// Rows is how many rows were added.
func (t *Table) Rows() int { return len(t.codes) / t.stride }

// Size is about how many bytes the table takes.
func (t *Table) Size() int64 {
	n := int64(cap(t.codes)) * 4
	for _, c := range t.columns {
		n += c.size()
	}
	return n
}

// Add adds a row: the list it stands in, and the values of each of Inputs. It
// keeps nothing of what it is given.
func (t *Table) Add(list string, values [][]string) error {
	if t.Rows() == math.MaxInt32 {
		return fmt.Errorf("linkage: more than %d rows: link parts of the list by themselves", math.MaxInt32)
	}
	n, ok := t.list[list]
	if !ok {
		list = strings.Clone(list)
		n = uint32(len(t.lists)) //nolint:gosec // fewer than there are rows
		t.list[list] = n
		t.lists = append(t.lists, list)
	}
	at := len(t.codes)
	if at+t.stride > cap(t.codes) {
		t.codes = slices.Grow(t.codes, max(t.stride<<10, len(t.codes)/2))
	}
	t.codes = t.codes[:at+t.stride]
	row := t.codes[at:]
	row[0] = n
	for c, col := range t.columns {
		t.values = t.values[:0]
		for _, k := range t.reads[c] {
			t.values = append(t.values, values[k])
		}
		col.code(t.values, row[t.from[c]:t.from[c]+col.width()])
	}
	return nil
}

func (t *Table) row(i int) []uint32 { return t.codes[i*t.stride : (i+1)*t.stride] }

// of is what column c knows of row i.
func (t *Table) of(c, i int) []uint32 { return t.row(i)[t.from[c]:] }

// listColumn compares who made the lists. It reads the first code of a row.
type listColumn struct{ lists []string }

func (c *listColumn) ladders() []ladder             { return []ladder{listLadder} }
func (c *listColumn) width() int                    { return 0 }
func (c *listColumn) code(_ [][]string, _ []uint32) {}
func (c *listColumn) full()                         {}
func (c *listColumn) size() int64                   { return 0 }

func (c *listColumn) compare(a, b []uint32, levels []uint8, _ *memos) {
	levels[0] = 0
	if a[0] == b[0] {
		levels[0] = 1
	}
}

func (c *listColumn) value(_ int, a []uint32) string      { return strings.TrimSpace(c.lists[a[0]]) }
func (c *listColumn) rarity(_ int, _, _ []uint32) float64 { return 0 }
func (c *listColumn) key(_ Reading, _ []uint32) []string  { return nil }
