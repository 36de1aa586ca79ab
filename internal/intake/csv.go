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
		case readsAsCyrillic(data) && kazakhAt(data) >= 0:
			i := kazakhAt(data)
			return "", "", fmt.Errorf("line %d: not UTF-8, and byte %#x is a Kazakh letter in one encoding and a Ukrainian or Serbian one in another: declare encoding: kz-1048 or windows-1251 in the mapping", 1+bytes.Count(data[:i], []byte("\n")), data[i])
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
	case "kz1048", "strk1048-2002", "rk1048":
		declared = "kz-1048"
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
	case "windows-1251", "kz-1048":
		if bom {
			return "", "", fmt.Errorf("the mapping declares encoding %s, but the file begins with the mark of UTF-8: declare encoding: utf-8", declared)
		}
		if i := bytes.IndexByte(data, 0x98); i >= 0 {
			return "", "", fmt.Errorf("line %d: byte 0x98 has no meaning in %s: declare the right encoding or save as CSV UTF-8", 1+bytes.Count(data[:i], []byte("\n")), declared)
		}
		if utf8.Valid(data) && hasHigh(data) {
			return "", "", fmt.Errorf("the mapping declares encoding %s, but the file is UTF-8: declare encoding: utf-8", declared)
		}
		if declared == "kz-1048" {
			return fromKZ1048(data), declared, nil
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
	return "", "", fmt.Errorf("unknown encoding %q: use utf-8, windows-1251, kz-1048 or utf-16", declared)
}

// readsAsCyrillic says whether nearly all bytes above ASCII are, as
// windows-1251, letters of Russian or signs that go with it, and whether the
// letters that are common in Russian are more common so than by any other old
// encoding.
func readsAsCyrillic(data []byte) bool {
	if len(data) > 1<<18 {
		data = data[:1<<18]
	}
	var letters, other int
	for _, c := range data {
		switch {
		case c < 0x80:
		case c >= 0xC0, c == 0xA8, c == 0xB8: // А–я, Ё, ё
			letters++
		case bytes.IndexByte([]byte("\xab\xbb\xb9\x96\x97\xa0\x85\x84\x93\x94\xb2\xb3"), c) >= 0: // « » № – — nbsp … „ “ ” І і
		case c == 0x98:
			return false
		default:
			other++
		}
	}
	if letters == 0 || other*20 > letters {
		return false
	}
	here := commonLetters(data, charmap.Windows1251)
	for _, c := range []*charmap.Charmap{charmap.KOI8R, charmap.ISO8859_5, charmap.CodePage866, charmap.MacintoshCyrillic} {
		if commonLetters(data, c) >= here {
			return false
		}
	}
	return true
}

// commonLetters counts the ten letters that make up two thirds of a Russian text.
func commonLetters(data []byte, c *charmap.Charmap) int {
	n := 0
	for _, b := range data {
		if b >= 0x80 && strings.ContainsRune("оеаинтсрвлОЕАИНТСРВЛ", c.DecodeByte(b)) {
			n++
		}
	}
	return n
}

// The letters that the Kazakh variant of windows-1251 (KZ-1048) has in places
// where windows-1251 has those of other languages.
const kazakhBytes, kazakhLetters = "\x8d\x8e\x9d\x9e\xa1\xa2\xa3\xa5\xaa\xaf\xb4\xba\xbc\xbd\xbe\xbf", "ҚҺқһҰұӘӨҒҮөғәҢңү"

func kazakhAt(data []byte) int {
	for i, c := range data {
		if strings.IndexByte(kazakhBytes, c) >= 0 {
			return i
		}
	}
	return -1
}

// fromKZ1048 decodes the Kazakh variant.
func fromKZ1048(data []byte) string {
	letters := []rune(kazakhLetters)
	var b strings.Builder
	for _, c := range data {
		if i := strings.IndexByte(kazakhBytes, c); i >= 0 {
			b.WriteRune(letters[i])
			continue
		}
		b.WriteRune(charmap.Windows1251.DecodeByte(c))
	}
	return b.String()
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
