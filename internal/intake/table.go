// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Limits bound what a file may cost before anything of it is believed. A zero
// field takes the value of DefaultLimits.
type Limits struct {
	Bytes    int64 // size of the file
	Unpacked int64 // size of all parts of an XLSX, unpacked
	Rows     int   // rows of a sheet
	Columns  int   // columns of a sheet
	Cells    int   // cells of the file
	CellLen  int   // bytes of one cell
}

// DefaultLimits are far above any honest list and far below what hurts.
func DefaultLimits() Limits {
	return Limits{
		Bytes:    64 << 20,
		Unpacked: 256 << 20,
		Rows:     200_000,
		Columns:  512,
		Cells:    5_000_000,
		CellLen:  128 << 10,
	}
}

// OrDefault is the limits, with the default where none is set.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits()
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.Unpacked <= 0 {
		l.Unpacked = d.Unpacked
	}
	if l.Rows <= 0 {
		l.Rows = d.Rows
	}
	if l.Columns <= 0 {
		l.Columns = d.Columns
	}
	if l.Cells <= 0 {
		l.Cells = d.Cells
	}
	if l.CellLen <= 0 {
		l.CellLen = d.CellLen
	}
	return l
}

// ReadOptions say what is known of a file before it is read. Empty fields are
// found out from the file; what is declared and does not fit is an error.
type ReadOptions struct {
	Name      string // the file's name, for messages
	Encoding  string // of a CSV: utf-8, windows-1251, kz-1048, utf-16
	Delimiter string // of a CSV: "," ";" or "\t" (also: comma, semicolon, tab)
	Limits    Limits
}

// Table is a file as it was found: sheets of rows of cells.
type Table struct {
	File      string
	Format    string // csv, xlsx, or a format of another system
	Encoding  string // of a CSV
	Delimiter string // of a CSV
	Sheets    []Sheet
}

// Sheet is one sheet; a CSV file has one without a name.
type Sheet struct {
	Name   string
	Hidden bool
	Merged []string // merged cells, as A2:A5; at most 100
	Rows   []SourceRow
}

// SourceRow is one row that is not empty, with its number as the person who
// opens the file sees it (from 1).
type SourceRow struct {
	No    int
	Cells []Cell // by column, from A; cells after the last filled one are absent
}

// Cell is the value of a cell as text.
type Cell struct {
	Text    string
	Values  []string // the values, where the file keeps several apart; Text is all of them, for reading
	Formula string   // the formula's text, never evaluated; Text is the value the file keeps of it
	Type    CellType // how the file itself types it
}

// CellType is what the file says a cell is.
type CellType uint8

// The types of cells. A CSV knows only text.
const (
	TextCell   CellType = iota
	NumberCell          // Text is a decimal number
	DateCell            // Text is 2006-01-02, or 2006-01-02 15:04 where the cell has a time of day
	BoolCell            // Text is TRUE or FALSE
	ErrorCell           // Text is #REF!, #N/A …
	EDTFCell            // Text is a date as this program writes uncertain ones; no spreadsheet has it
)

// Text returns the text of column col (from 0), empty beyond the end.
func (r SourceRow) Text(col int) string {
	if col < 0 || col >= len(r.Cells) {
		return ""
	}
	return r.Cells[col].Text
}

func (r SourceRow) cell(col int) Cell {
	if col < 0 || col >= len(r.Cells) {
		return Cell{}
	}
	return r.Cells[col]
}

// spreadsheet says whether people made its columns, not a format.
func (t *Table) spreadsheet() bool { return t.Format == "csv" || t.Format == "xlsx" }

// Sheet returns the sheet of that name, the first one for the empty name.
func (t *Table) Sheet(name string) (*Sheet, bool) {
	for i := range t.Sheets {
		if t.Sheets[i].Name == name || name == "" {
			return &t.Sheets[i], true
		}
	}
	return nil, false
}

// ColumnLetter returns the letter of column col (from 0): A, B … Z, AA.
func ColumnLetter(col int) string {
	var s string
	for col++; col > 0; col = (col - 1) / 26 {
		s = string(rune('A'+(col-1)%26)) + s
	}
	return s
}

// ReadTable reads an XLSX or CSV file; which of them, the content says, not the name.
func ReadTable(data []byte, opts ReadOptions) (*Table, error) {
	lim := opts.Limits.OrDefault()
	name := path.Base(strings.ReplaceAll(opts.Name, `\`, "/"))
	if opts.Name == "" {
		name = "file"
	}
	if int64(len(data)) > lim.Bytes {
		return nil, fmt.Errorf("%s: larger than %s: split the list into several files", name, size(lim.Bytes))
	}
	var t *Table
	var err error
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("%s: the file is empty", name)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")), bytes.HasPrefix(data, []byte("PK\x05\x06")):
		t, err = readXLSX(data, lim)
	case bytes.HasPrefix(data, oleMagic):
		err = oleError(data)
	case strings.HasSuffix(strings.ToLower(name), ".xlsx"), strings.HasSuffix(strings.ToLower(name), ".xlsm"):
		err = fmt.Errorf("named .xlsx, but not an XLSX file: open it in a spreadsheet program and save it as .xlsx or .csv")
	default:
		t, err = readCSV(data, opts, lim)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t.File = name
	return t, nil
}

// NewTable makes a table of sheets that come from another format than a
// spreadsheet's. It cleans every cell as those of spreadsheets are, and holds the
// whole against the limits.
func NewTable(file, format string, limits Limits, sheets []Sheet) (*Table, error) {
	b := budget{lim: limits.OrDefault()}
	for i := range sheets {
		s := &sheets[i]
		where := sheetName(s) + ", "
		if len(s.Rows) > b.lim.Rows {
			return nil, fmt.Errorf("%smore than %d rows: split the file", where, b.lim.Rows)
		}
		for j := range s.Rows {
			row := &s.Rows[j]
			for col := range row.Cells {
				c := &row.Cells[col]
				if err := b.cell(where, row.No, col, len(c.Text)); err != nil {
					return nil, err
				}
				c.Text = clean(c.Text)
				for k, v := range c.Values {
					c.Values[k] = clean(v)
				}
			}
			row.Cells = trimRow(row.Cells)
			if err := b.row(where, 0, len(row.Cells)); err != nil {
				return nil, err
			}
		}
	}
	return &Table{File: file, Format: format, Sheets: sheets}, nil
}

var oleMagic = []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}

// oleError tells the two spreadsheets apart that come in Microsoft's old
// container: a file of Excel 97–2003, and a new one behind a password.
func oleError(data []byte) error {
	var wide []byte
	for _, c := range []byte("EncryptedPackage") {
		wide = append(wide, c, 0)
	}
	if bytes.Contains(data, wide) {
		return fmt.Errorf("protected by a password: open it in a spreadsheet program and save a copy without the password")
	}
	return fmt.Errorf("the old .xls format (Excel 97–2003) or another old Office file: open it in a spreadsheet program and save it as .xlsx or .csv")
}

func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	if n >= 1<<10 {
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// budget counts cells over the whole file.
type budget struct {
	lim   Limits
	cells int
	text  int64 // bytes of text over all cells: in a workbook many cells can point to one long text
}

func (b *budget) row(where string, no, columns int) error {
	b.cells += columns
	switch {
	case no > b.lim.Rows:
		return fmt.Errorf("%srow %d: more than %d rows: split the list into several files", where, no, b.lim.Rows)
	case columns > b.lim.Columns:
		return fmt.Errorf("%srow %d: more than %d columns: take out those that are not needed", where, no, b.lim.Columns)
	case b.cells > b.lim.Cells:
		return fmt.Errorf("%srow %d: more than %d cells in the file: split the list into several files", where, no, b.lim.Cells)
	}
	return nil
}

func (b *budget) cell(where string, no, col, length int) error {
	if length > b.lim.CellLen {
		return fmt.Errorf("%srow %d, column %s: a cell of more than %s: put long texts into a file of their own", where, no, ColumnLetter(col), size(int64(b.lim.CellLen)))
	}
	if b.text += int64(length); b.text > b.lim.Unpacked {
		return errTooBig
	}
	return nil
}

// clean is a cell's text as people see it: no space around it, no invisible
// signs that spreadsheets and messengers leave, one kind of line end.
func clean(s string) string {
	if plain(s) {
		return strings.Trim(s, " ")
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u00a0', '\u202f', '\u2007':
			return ' '
		case '\ufeff', '\u200b', '\u200c', '\u200d', '\u2060', '\u200e', '\u200f', '\u00ad':
			return -1
		case '\t':
			return ' '
		}
		if r < 0x20 && r != '\n' && r != '\r' {
			return -1
		}
		return r
	}, s)
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.TrimSpace(s)
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c == 0xC2 || c == 0xE2 || c == 0xEF {
			return false
		}
	}
	return true
}

// trimRow takes the empty cells from the end of a row.
func trimRow(cells []Cell) []Cell {
	n := len(cells)
	for n > 0 && cells[n-1].Text == "" && cells[n-1].Formula == "" {
		n--
	}
	return cells[:n]
}
