// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Sheet is a table.
type Sheet struct {
	Name string // of its sheet in a workbook
	Head []string
	Rows [][]any // each cell a string, an int, a float64, or nil: empty
}

// Plain is a text as a cell of a CSV file: one that a program would take for a
// formula has an apostrophe before it.
func Plain(text string) string {
	if strings.HasPrefix(text, " ") || strings.ContainsAny(text[:min(1, len(text))], "=+-@\t\r") {
		return "'" + text
	}
	return text
}

// ByteOrderMark, at the beginning of a file, says to a spreadsheet program that
// it is UTF-8: it would otherwise take Cyrillic letters for others. Scripts do
// without.
const ByteOrderMark = "\ufeff"

// CSV writes a sheet as comma-separated values, in UTF-8, one row a line.
func CSV(w io.Writer, s Sheet) error {
	out := csv.NewWriter(w)
	head := make([]string, len(s.Head))
	for i, text := range s.Head {
		head[i] = Plain(text)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, row := range s.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			switch cell := cell.(type) {
			case nil:
			case string:
				cells[i] = Plain(cell)
			case int:
				cells[i] = strconv.Itoa(cell)
			case float64:
				cells[i] = strconv.FormatFloat(cell, 'f', -1, 64)
			default:
				return fmt.Errorf("a cell of sheet %q holds a %T: give a text or a number", s.Name, cell)
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// widest is how wide a column becomes at most, in letters.
const widest = 60

// XLSX writes sheets as a workbook, at least one.
func XLSX(w io.Writer, sheets ...Sheet) error {
	book := excelize.NewFile()
	defer book.Close() //nolint:errcheck // nothing of it is on the disk
	if err := book.SetDocProps(&excelize.DocProperties{}); err != nil {
		return err
	}
	bold, err := book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for i, s := range sheets {
		name := sheetName(s.Name, taken)
		if i == 0 {
			err = book.SetSheetName(book.GetSheetName(0), name)
		} else {
			_, err = book.NewSheet(name)
		}
		if err != nil {
			return err
		}
		if err := write(book, name, s, bold); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		return err
	}
	return inOrder(w, b.Bytes())
}

// inOrder writes the parts of a workbook by their names, what lists them
// first: they come in any order, and the same table is to give the same bytes.
func inOrder(w io.Writer, book []byte) error {
	in, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		return err
	}
	slices.SortFunc(in.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	out := zip.NewWriter(w)
	for _, part := range in.File {
		if err := out.Copy(part); err != nil {
			return err
		}
	}
	return out.Close()
}

func write(book *excelize.File, name string, s Sheet, bold int) error {
	out, err := book.NewStreamWriter(name)
	if err != nil {
		return err
	}
	for i := range s.Head {
		letters := utf8.RuneCountInString(s.Head[i])
		for _, row := range s.Rows {
			if i < len(row) {
				letters = max(letters, utf8.RuneCountInString(fmt.Sprint(row[i])))
			}
		}
		if err := out.SetColWidth(i+1, i+1, float64(min(letters+2, widest))); err != nil {
			return err
		}
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	head := make([]any, len(s.Head))
	for i, text := range s.Head {
		head[i] = excelize.Cell{StyleID: bold, Value: text}
	}
	if err := out.SetRow("A1", head); err != nil {
		return err
	}
	for i, row := range s.Rows {
		if err := out.SetRow("A"+strconv.Itoa(i+2), row); err != nil { // a text is written as text, never as a formula
			return err
		}
	}
	return out.Flush()
}

// sheetName is a name that a workbook takes: 31 letters, none of : \ / ? * [ ], and no other's.
func sheetName(name string, taken map[string]bool) string {
	const letters = 31
	name = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]`, r) || r < ' ' {
			return ' '
		}
		return r
	}, name), " '")
	for n := 1; ; n++ {
		end := ""
		if n > 1 {
			end = " " + strconv.Itoa(n)
		}
		runes := []rune(name)
		one := strings.TrimSpace(string(runes[:min(len(runes), letters-len(end))]) + end)
		if one == "" {
			one = strconv.Itoa(len(taken) + 1)
		}
		if !taken[strings.ToLower(one)] {
			taken[strings.ToLower(one)] = true
			return one
		}
	}
}
