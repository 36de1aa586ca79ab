// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// reader reads a CSV file in UTF-8, a row at a time. What separates its columns
// (comma, semicolon or tab) its first line says.
type reader struct {
	name string
	head []string
	csv  *csv.Reader
	line int // of the row that was read last
}

// headBytes is how much of a file is looked at to find out what separates its columns.
const headBytes = 64 << 10

// maxCell is above any honest cell of a list, in bytes.
const maxCell = 128 << 10

func newReader(name string, in io.Reader) (*reader, error) {
	r := &reader{name: filepath.Base(name)}
	b := bufio.NewReaderSize(in, 1<<20)
	head, err := b.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%s can't be read: %w", r.name, err)
	}
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))) == 0:
		return nil, fmt.Errorf("%s: the file is empty", r.name)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, fmt.Errorf("%s: this is a workbook: save the sheet as CSV UTF-8", r.name)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(head, 0) >= 0:
		return nil, fmt.Errorf("%s: not a text in UTF-8: save it as CSV UTF-8", r.name)
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		if _, err := b.Discard(len("\ufeff")); err != nil {
			return nil, err
		}
		head = head[len("\ufeff"):]
	}
	r.csv = csv.NewReader(b)
	r.csv.Comma = separator(head)
	r.csv.FieldsPerRecord = -1
	r.csv.ReuseRecord = true
	first, err := r.read()
	if err != nil {
		return nil, err
	}
	for i, name := range first {
		name = strings.Join(strings.Fields(name), " ")
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		for k, other := range r.head {
			if other == name {
				return nil, fmt.Errorf("%s: columns %d and %d are both called %q: give each a name of its own", r.name, k+1, i+1, name)
			}
		}
		r.head = append(r.head, name)
	}
	return r, nil
}

// separator is the sign that most often stands in the first line outside quotes.
func separator(head []byte) rune {
	count := map[byte]int{}
	quoted := false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			if len(count) > 0 {
				head = nil
			}
		case c == ',' || c == ';' || c == '\t':
			count[c]++
		}
		if head == nil {
			break
		}
	}
	best := byte(',')
	for _, c := range []byte(";\t") {
		if count[c] > count[best] {
			best = c
		}
	}
	return rune(best)
}

// read reads a row; io.EOF at the end. The row is overwritten by the next one.
func (r *reader) read() ([]string, error) {
	row, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		if errors.Is(parse.Err, csv.ErrQuote) || errors.Is(parse.Err, csv.ErrBareQuote) {
			return nil, fmt.Errorf("%s, line %d: a quotation mark that does not belong there, or one that is missing: a cell with \" in it is written \"…\"\"…\"", r.name, parse.StartLine)
		}
		return nil, fmt.Errorf("%s, line %d: %w", r.name, parse.Line, parse.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", r.name, err)
	}
	r.line, _ = r.csv.FieldPos(0)
	if r.head != nil && len(row) > len(r.head) {
		for _, cell := range row[len(r.head):] {
			if strings.TrimSpace(cell) != "" {
				return nil, fmt.Errorf("%s, line %d: %d cells, and the first line names %d columns", r.name, r.line, len(row), len(r.head))
			}
		}
		row = row[:len(r.head)]
	}
	for i, cell := range row {
		if len(cell) > maxCell {
			return nil, fmt.Errorf("%s, line %d, column %s: a cell of more than %d kB: is a quotation mark missing?", r.name, r.line, r.column(i), maxCell>>10)
		}
		if !utf8.ValidString(cell) {
			return nil, fmt.Errorf("%s, line %d, column %s: not UTF-8: save the list as CSV UTF-8", r.name, r.line, r.column(i))
		}
	}
	return row, nil
}

func (r *reader) column(i int) string {
	if i < len(r.head) {
		return fmt.Sprintf("%q", r.head[i])
	}
	return fmt.Sprint(i + 1)
}

// find is the place of a column in the rows, or what is wrong.
func (r *reader) find(name string) (int, error) {
	for i, h := range r.head {
		if h == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s has no column %q; its columns are %s", r.name, name, strings.Join(r.head, ", "))
}
