// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

var errTooBig = errors.New("unpacks to more than is allowed")

// workbook is an XLSX file being read: a zip of XML parts.
type workbook struct {
	parts   map[string]*zip.File
	left    int64 // bytes that may still be unpacked
	lim     Limits
	strings []string
	isDate  []bool // by cell style
	is1904  bool
	budget  budget
}

// readXLSX reads the sheets of an Office Open XML workbook.
func readXLSX(data []byte, lim Limits) (*Table, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("the file is cut off or damaged: fetch it again, or open it in a spreadsheet program and save it anew")
	}
	w := &workbook{parts: make(map[string]*zip.File, len(z.File)), left: lim.Unpacked, lim: lim, budget: budget{lim: lim}}
	var claimed uint64
	for _, f := range z.File {
		w.parts[strings.ToLower(strings.TrimPrefix(f.Name, "/"))] = f
		if claimed += f.UncompressedSize64; claimed > uint64(lim.Unpacked) || f.UncompressedSize64 > uint64(lim.Unpacked) {
			return nil, tooBig(lim)
		}
	}
	t, err := w.read()
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, errTooBig):
		return nil, tooBig(lim)
	case errors.Is(err, zip.ErrAlgorithm):
		return nil, fmt.Errorf("packed in a way that is not read here, or protected by a password: open it in a spreadsheet program and save it anew")
	case errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the file is damaged: fetch it again, or open it in a spreadsheet program and save it anew")
	}
	return nil, err
}

func tooBig(lim Limits) error {
	return fmt.Errorf("unpacks to more than %s, as a zip bomb does: refused; if the list is honest, save it as .csv or split it", size(lim.Unpacked))
}

func (w *workbook) read() (*Table, error) {
	if f := w.parts["mimetype"]; f != nil {
		return nil, fmt.Errorf("an OpenDocument file: open it in a spreadsheet program and save it as .xlsx or .csv")
	}
	main := "xl/workbook.xml"
	if rels, err := w.relations("_rels/.rels"); err == nil {
		for _, r := range rels {
			if strings.HasSuffix(r.Type, "/officeDocument") {
				main = resolvePart("", r.Target)
			}
		}
	}
	if w.parts[strings.ToLower(main)] == nil {
		return nil, fmt.Errorf("a zip file, but not an XLSX workbook: choose the .xlsx or .csv file itself")
	}
	var doc struct {
		Pr struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string `xml:"name,attr"`
			State string `xml:"state,attr"`
			ID    string `xml:"id,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := w.decode(main, &doc); err != nil {
		return nil, err
	}
	w.is1904 = doc.Pr.Date1904 == "1" || doc.Pr.Date1904 == "true"
	rels, err := w.relations(path.Join(path.Dir(main), "_rels", path.Base(main)+".rels"))
	if err != nil {
		return nil, err
	}
	targets := map[string]string{}
	for _, r := range rels {
		part := resolvePart(path.Dir(main), r.Target)
		switch {
		case strings.HasSuffix(r.Type, "/worksheet"):
			targets[r.ID] = part
		case strings.HasSuffix(r.Type, "/sharedStrings"):
			if err := w.sharedStrings(part); err != nil {
				return nil, err
			}
		case strings.HasSuffix(r.Type, "/styles"):
			if err := w.styles(part); err != nil {
				return nil, err
			}
		}
	}
	t := &Table{Format: "xlsx"}
	for _, s := range doc.Sheets {
		part, ok := targets[s.ID]
		if !ok {
			continue // a chart or a dialog, not cells
		}
		rows, merged, err := w.sheet(s.Name, part)
		if err != nil {
			return nil, err
		}
		t.Sheets = append(t.Sheets, Sheet{Name: s.Name, Hidden: s.State != "" && s.State != "visible", Rows: rows, Merged: merged})
	}
	if len(t.Sheets) == 0 {
		return nil, fmt.Errorf("no sheet with cells in the workbook")
	}
	return t, nil
}

// open unpacks a part, counting what comes out: the sizes the file claims are not believed.
func (w *workbook) open(part string) (io.ReadCloser, error) {
	f := w.parts[strings.ToLower(part)]
	if f == nil {
		return nil, fmt.Errorf("part %s of the workbook is missing: open it in a spreadsheet program and save it anew", part)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	return &counted{ReadCloser: r, left: &w.left}, nil
}

type counted struct {
	io.ReadCloser
	left *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if *c.left -= int64(n); *c.left < 0 {
		return 0, errTooBig
	}
	return n, err
}

func (w *workbook) decode(part string, into any) error {
	r, err := w.open(part)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := newDecoder(r).Decode(into); err != nil {
		return xmlError(part, err)
	}
	return nil
}

func newDecoder(r io.Reader) *xml.Decoder {
	d := xml.NewDecoder(r)
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("encoding %q is not read here", charset)
	}
	return d
}

func xmlError(part string, err error) error {
	var s *xml.SyntaxError
	if errors.As(err, &s) {
		return fmt.Errorf("part %s, line %d of the workbook is damaged: open it in a spreadsheet program and save it anew", part, s.Line)
	}
	var packed flate.CorruptInputError
	if errors.As(err, &packed) {
		return zip.ErrFormat
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("part %s of the workbook is empty: open it in a spreadsheet program and save it anew", part)
	}
	return fmt.Errorf("part %s of the workbook: %w", part, err)
}

type relation struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

func (w *workbook) relations(part string) ([]relation, error) {
	var doc struct {
		Relations []relation `xml:"Relationship"`
	}
	err := w.decode(part, &doc)
	return doc.Relations, err
}

func resolvePart(dir, target string) string {
	if strings.HasPrefix(target, "/") {
		return strings.TrimPrefix(path.Clean(target), "/")
	}
	return path.Join(dir, target)
}

// sharedStrings reads the texts that cells point to.
func (w *workbook) sharedStrings(part string) error {
	return w.tokens(part, func(d *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		s, err := richText(d)
		if err != nil {
			return err
		}
		if len(s) > w.lim.CellLen {
			return fmt.Errorf("a cell of more than %s: put long texts into a file of their own", size(int64(w.lim.CellLen)))
		}
		w.strings = append(w.strings, clean(s)) // once: a million cells may point to it
		return nil
	})
}

// tokens calls f at each start of an element.
func (w *workbook) tokens(part string, f func(*xml.Decoder, xml.StartElement) error) error {
	r, err := w.open(part)
	if err != nil {
		return err
	}
	defer r.Close()
	d := newDecoder(r)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return xmlError(part, err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			if err := f(d, e); err != nil {
				return xmlError(part, err)
			}
		}
	}
}

// richText reads the text of <si> or <is> up to its end: runs are joined,
// phonetic hints left out.
func richText(d *xml.Decoder) (string, error) {
	var b strings.Builder
	depth, take := 1, false
	for depth > 0 {
		tok, err := d.Token()
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "rPh" {
				if err := d.Skip(); err != nil {
					return "", err
				}
				continue
			}
			take = tok.Name.Local == "t"
			depth++
		case xml.EndElement:
			take = false
			depth--
		case xml.CharData:
			if take {
				b.Write(tok)
			}
		}
	}
	return unescape(b.String()), nil
}

// unescape turns _x000D_, as workbooks write signs that XML cannot hold, back into the sign.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "_x")
		if i < 0 {
			break
		}
		if len(s) >= i+7 && s[i+6] == '_' {
			if n, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil {
				b.WriteString(s[:i])
				b.WriteRune(rune(n))
				s = s[i+7:]
				continue
			}
		}
		b.WriteString(s[:i+2])
		s = s[i+2:]
	}
	return b.String() + s
}

// styles finds out which cell styles show a number as a date.
func (w *workbook) styles(part string) error {
	var doc struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Styles []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := w.decode(part, &doc); err != nil {
		return err
	}
	dated := map[int]bool{}
	for _, id := range []int{14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58} { // built in
		dated[id] = true
	}
	for _, f := range doc.Formats {
		dated[f.ID] = isDateFormat(f.Code)
	}
	for _, s := range doc.Styles {
		w.isDate = append(w.isDate, dated[s.Format])
	}
	return nil
}

// isDateFormat says whether a number format shows a day, not only a time of day.
func isDateFormat(code string) bool {
	code, _, _ = strings.Cut(code, ";") // the part for positive numbers
	var letters strings.Builder
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			if j := strings.IndexByte(code[i+1:], '"'); j >= 0 {
				i += j + 1
			}
		case '\\', '_', '*':
			i++
		case '[':
			if j := strings.IndexByte(code[i:], ']'); j >= 0 {
				if in := strings.ToLower(code[i+1 : i+j]); strings.Trim(in, "hms") == "" {
					letters.WriteString("h") // hours, minutes or seconds gone by: a time
				}
				i += j
			}
		default:
			letters.WriteByte(code[i])
		}
	}
	s := strings.ToLower(letters.String())
	if strings.Contains(s, "general") {
		return false
	}
	return strings.ContainsAny(s, "yd") || strings.Contains(s, "m") && !strings.ContainsAny(s, "hs")
}

// sheet reads the rows of a worksheet in one pass.
func (w *workbook) sheet(name, part string) (rows []SourceRow, merged []string, err error) {
	where := "sheet " + name + ", "
	r, err := w.open(part)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	d := newDecoder(r)
	var (
		row            SourceRow
		inRow, inCell  bool
		col            int
		kind, style    string
		value, formula strings.Builder
		into           *strings.Builder
		inline         string
		width          int
	)
	flush := func() {
		if inRow {
			if row.Cells = trimRow(row.Cells); len(row.Cells) > 0 {
				rows = append(rows, row)
			}
			inRow = false
		}
	}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, xmlError(part, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			switch tok.Name.Local {
			case "row":
				flush()
				no := row.No + 1
				if a := attr(tok, "r"); a != "" {
					n, err := strconv.Atoi(a)
					if err != nil || n <= row.No {
						return nil, nil, fmt.Errorf("%sa row is numbered %q after row %d: open the file in a spreadsheet program and save it anew", where, short(a), row.No)
					}
					no = n
				}
				row, inRow, col = SourceRow{No: no, Cells: make([]Cell, 0, width)}, true, -1
			case "c":
				if !inRow {
					return nil, nil, fmt.Errorf("%sa cell stands outside a row: open the file in a spreadsheet program and save it anew", where)
				}
				col++
				if a := attr(tok, "r"); a != "" {
					c, ok := columnOf(a, w.lim.Columns)
					if !ok {
						return nil, nil, fmt.Errorf("%srow %d: cell %s lies beyond %d columns: take out those that are not needed", where, row.No, short(a), w.lim.Columns)
					}
					if c < col {
						return nil, nil, fmt.Errorf("%srow %d: cell %s stands after a later one: open the file in a spreadsheet program and save it anew", where, row.No, short(a))
					}
					col = c
				}
				kind, style, inline, inCell = attr(tok, "t"), attr(tok, "s"), "", true
				value.Reset()
				formula.Reset()
				into = nil
			case "v":
				into = &value
			case "f":
				into = &formula
				if inCell && attr(tok, "t") == "shared" && attr(tok, "ref") == "" {
					formula.WriteString("(as in the cells beside it)")
				}
			case "mergeCell":
				if len(merged) < 100 {
					merged = append(merged, attr(tok, "ref"))
				}
			case "is":
				if inCell {
					if inline, err = richText(d); err != nil {
						return nil, nil, xmlError(part, err)
					}
				}
			}
		case xml.CharData:
			if into != nil {
				into.Write(tok)
			}
		case xml.EndElement:
			switch tok.Name.Local {
			case "v", "f":
				into = nil
			case "c":
				inCell = false
				cell, err := w.cell(kind, style, value.String(), inline)
				if err != nil {
					return nil, nil, fmt.Errorf("%srow %d, column %s: %w", where, row.No, ColumnLetter(col), err)
				}
				cell.Formula = formula.String()
				if err := w.budget.cell(where, row.No, col, len(cell.Text)+len(cell.Formula)); err != nil {
					return nil, nil, err
				}
				if cell.Text == "" && cell.Formula == "" {
					continue // styled and empty
				}
				if err := w.budget.row(where, row.No, col+1-len(row.Cells)); err != nil {
					return nil, nil, err
				}
				for len(row.Cells) < col {
					row.Cells = append(row.Cells, Cell{})
				}
				row.Cells = append(row.Cells, cell)
				width = max(width, len(row.Cells))
			}
		}
	}
	flush()
	return rows, merged, nil
}

func (w *workbook) cell(kind, style, value, inline string) (Cell, error) {
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if value == "" {
			return Cell{}, nil
		}
		if err != nil || n < 0 || n >= len(w.strings) {
			return Cell{}, fmt.Errorf("points to a text that is not in the file: open the file in a spreadsheet program and save it anew")
		}
		return Cell{Text: w.strings[n]}, nil
	case "inlineStr":
		return Cell{Text: clean(inline)}, nil
	case "str":
		return Cell{Text: clean(unescape(value))}, nil
	case "b":
		if value == "" {
			return Cell{}, nil
		}
		if value == "1" || value == "true" {
			return Cell{Text: "TRUE", Type: BoolCell}, nil
		}
		return Cell{Text: "FALSE", Type: BoolCell}, nil
	case "e":
		return Cell{Text: clean(value), Type: ErrorCell}, nil
	case "d": // ISO 8601
		day, clock, timed := strings.Cut(clean(value), "T")
		if timed && strings.Trim(clock, "0:.Z") != "" {
			day += " " + clock
		}
		return Cell{Text: day, Type: DateCell}, nil
	}
	value = strings.TrimSpace(value)
	if value == "" {
		return Cell{}, nil
	}
	x, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return Cell{}, fmt.Errorf("%q is kept as a number and is none: open the file in a spreadsheet program and save it anew", short(value))
	}
	if i, err := strconv.Atoi(style); err == nil && i >= 0 && i < len(w.isDate) && w.isDate[i] {
		if s, ok := serialDate(x, w.is1904); ok {
			return Cell{Text: s, Type: DateCell}, nil
		}
	}
	return Cell{Text: number(x), Type: NumberCell}, nil
}

// number writes a number as a person would: whole ones without an exponent.
func number(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatInt(int64(x), 10)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// serialDate turns the number of days by which workbooks count into a day. The
// count of 1900 has a 29 February that never was (60).
func serialDate(x float64, is1904 bool) (string, bool) {
	days := math.Floor(x)
	seconds := int(math.Round((x - days) * 86400))
	from := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case is1904:
		from = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days < 1 || days == 60:
		return "", false
	case days < 60:
		from = from.AddDate(0, 0, 1)
	}
	if days < 0 || days > 2_958_465 { // 9999-12-31
		return "", false
	}
	t := from.AddDate(0, 0, int(days)).Add(time.Duration(seconds) * time.Second)
	if t.Year() > 9999 {
		return "", false
	}
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format("2006-01-02"), true
	}
	return t.Format("2006-01-02 15:04:05"), true
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// columnOf returns the column (from 0) of a reference such as AB12, if it is below limit.
func columnOf(ref string, limit int) (int, bool) {
	col, i := 0, 0
	for ; i < len(ref) && ref[i] >= 'A' && ref[i] <= 'Z'; i++ {
		if col = col*26 + int(ref[i]-'A') + 1; col > limit {
			return 0, false
		}
	}
	return col - 1, col > 0
}
