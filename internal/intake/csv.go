// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// readCSV reads comma, semicolon or tab separated text.
func readCSV(data []byte, opts ReadOptions, lim Limits) (*Table, error) {
	text, enc, err := decode(data, opts.Encoding)
	if err != nil {
		return nil, err
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return nil, fmt.Errorf("line %d: a zero byte: this is no text file; save the list as .xlsx or .csv", 1+strings.Count(text[:i], "\n"))
	}
	text, hint := separatorLine(text)
	comma, err := delimiter(text, opts.Delimiter, hint)
	if err != nil {
		return nil, err
	}
	t := &Table{Format: "csv", Encoding: enc, Delimiter: string(comma)}
	sheet := Sheet{}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = comma
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	b := budget{lim: lim}
	no, end := 0, 0 // number of the row as a spreadsheet program shows it; line on which the last one ended
	if hint != 0 {
		no = 1
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(err)
		}
		start, _ := r.FieldPos(0)
		no += start - end // the reader passes over blank lines, a spreadsheet program counts them
		end = start
		cells := make([]Cell, len(record))
		for i, f := range record {
			if err := b.cell("", no, i, len(f)); err != nil {
				return nil, err
			}
			end += strings.Count(f, "\n")
			cells[i] = Cell{Text: clean(f)}
		}
		if err := b.row("", no, len(record)); err != nil {
			return nil, err
		}
		if cells = trimRow(cells); len(cells) > 0 {
			sheet.Rows = append(sheet.Rows, SourceRow{No: no, Cells: cells})
		}
	}
	if len(sheet.Rows) == 0 {
		return nil, fmt.Errorf("no row in the file")
	}
	t.Sheets = []Sheet{sheet}
	return t, nil
}

// decode turns the bytes into UTF-8. Undeclared, windows-1251 is believed only
// of a text that is not UTF-8 and reads as Cyrillic.
func decode(data []byte, declared string) (text, enc string, err error) {
	declared = strings.ToLower(strings.TrimSpace(declared))
	bom := bytes.HasPrefix(data, []byte("\xef\xbb\xbf"))
	wide := bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
	switch declared {
	case "":
		switch {
		case wide:
			declared = "utf-16"
		case utf8.Valid(data):
			declared = "utf-8"
		case readsAsCyrillic(data):
			declared = "windows-1251"
		default:
			line, bad := firstInvalid(data)
			return "", "", fmt.Errorf("line %d: byte %#x is not UTF-8 and the text does not read as windows-1251: declare encoding in the mapping or save as CSV UTF-8", line, bad)
		}
	case "utf8":
		declared = "utf-8"
	case "cp1251", "win-1251", "windows1251", "1251":
		declared = "windows-1251"
	case "utf16":
		declared = "utf-16"
	}
	switch declared {
	case "utf-8":
		if bom {
			data = data[3:]
		}
		if !utf8.Valid(data) {
			line, bad := firstInvalid(data)
			return "", "", fmt.Errorf("line %d: byte %#x is not UTF-8, which the mapping declares: declare encoding: windows-1251, or save as CSV UTF-8", line, bad)
		}
		return string(data), "utf-8", nil
	case "windows-1251":
		if bom {
			return "", "", fmt.Errorf("the mapping declares encoding windows-1251, but the file begins with the mark of UTF-8: declare encoding: utf-8")
		}
		if i := bytes.IndexByte(data, 0x98); i >= 0 {
			return "", "", fmt.Errorf("line %d: byte 0x98 has no meaning in windows-1251: declare the right encoding or save as CSV UTF-8", 1+bytes.Count(data[:i], []byte("\n")))
		}
		if utf8.Valid(data) && hasHigh(data) {
			return "", "", fmt.Errorf("the mapping declares encoding windows-1251, but the file is UTF-8: declare encoding: utf-8")
		}
		out, err := charmap.Windows1251.NewDecoder().Bytes(data)
		if err != nil {
			return "", "", fmt.Errorf("cannot be read as windows-1251: %w", err)
		}
		return string(out), "windows-1251", nil
	case "utf-16":
		out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
		if err != nil || !wide {
			return "", "", fmt.Errorf("cannot be read as UTF-16: save it as CSV UTF-8")
		}
		return string(out), "utf-16", nil
	}
	return "", "", fmt.Errorf("unknown encoding %q: use utf-8, windows-1251 or utf-16", declared)
}

// readsAsCyrillic says whether nearly all bytes above ASCII are, as
// windows-1251, letters of Russian or signs that go with it. Text in another
// old encoding gives many that are not.
func readsAsCyrillic(data []byte) bool {
	var letters, other int
	for _, c := range data {
		switch {
		case c < 0x80:
		case c >= 0xC0, c == 0xA8, c == 0xB8: // А–я, Ё, ё
			letters++
		case c == 0xAB, c == 0xBB, c == 0xB9, c == 0x96, c == 0x97, c == 0xA0, c == 0x85, c == 0x84, c == 0x93, c == 0x94, c == 0xB2, c == 0xB3: // « » № – — nbsp … „ “ ” І і
		case c == 0x98:
			return false
		default:
			other++
		}
	}
	// In Russian small letters outnumber the capitals; in DOS and KOI8 text read
	// as windows-1251 they do not.
	var small int
	for _, c := range data {
		if c >= 0xE0 || c == 0xB8 {
			small++
		}
	}
	return letters > 0 && other*20 <= letters && small*2 >= letters
}

func hasHigh(data []byte) bool {
	for _, c := range data {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

func firstInvalid(data []byte) (line int, bad byte) {
	line = 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n <= 1 {
			return line, data[0]
		}
		if r == '\n' {
			line++
		}
		data = data[n:]
	}
	return line, 0
}

// separatorLine takes off the line "sep=;" with which some programs begin a CSV.
func separatorLine(text string) (string, rune) {
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimRight(line, "\r")
	if s, ok := strings.CutPrefix(strings.ToLower(line), "sep="); ok && len(s) == 1 {
		return rest, rune(s[0])
	}
	return text, 0
}

func delimiter(text, declared string, hint rune) (rune, error) {
	switch declared {
	case "":
	case ",", "comma":
		return ',', nil
	case ";", "semicolon":
		return ';', nil
	case "\t", `\t`, "tab":
		return '\t', nil
	default:
		return 0, fmt.Errorf("unknown delimiter %q: use comma, semicolon or tab", declared)
	}
	if hint == ';' || hint == ',' || hint == '\t' {
		return hint, nil
	}
	// The headings decide: the sign that stands in them most often, outside quotes.
	counts := map[rune]int{}
	quoted, seen := false, false
scan:
	for _, r := range text {
		switch r {
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted && seen {
				break scan
			}
		case ',', ';', '\t':
			if !quoted {
				counts[r]++
			}
		default:
			seen = seen || r > ' '
		}
	}
	best, second := ',', 0
	for _, r := range []rune{';', ',', '\t'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	for _, r := range []rune{';', ',', '\t'} {
		if r != best && counts[r] > second {
			second = counts[r]
		}
	}
	if counts[best] == second && second > 0 {
		return 0, fmt.Errorf("line 1: as many commas as semicolons or tabs: declare delimiter in the mapping")
	}
	return best, nil
}

func csvError(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return fmt.Errorf("cannot be read as CSV: %w", err)
	}
	switch {
	case errors.Is(p.Err, csv.ErrQuote) && p.Line != p.StartLine:
		return fmt.Errorf("line %d: a quotation mark opened on line %d is not closed where the cell ends: double the marks inside a cell", p.Line, p.StartLine)
	case errors.Is(p.Err, csv.ErrQuote):
		return fmt.Errorf("line %d: a quotation mark is not closed, or text follows it: double the marks inside a cell", p.Line)
	case errors.Is(p.Err, csv.ErrBareQuote):
		return fmt.Errorf("line %d: a quotation mark inside a cell that does not begin with one: put the cell in quotation marks and double those inside", p.Line)
	}
	return fmt.Errorf("line %d: cannot be read as CSV: %w", p.Line, p.Err)
}
