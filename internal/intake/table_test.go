// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// workbookOf builds a workbook of sheets with excelize, which knows nothing of
// the reader that is tested with it.
func workbookOf(t testing.TB, sheets map[string][][]any, order ...string) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, name := range order {
		if i == 0 {
			must(t, f.SetSheetName("Sheet1", name))
		} else if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for r, row := range sheets[name] {
			must(t, f.SetSheetRow(name, fmt.Sprintf("A%d", r+1), &row))
		}
	}
	var b bytes.Buffer
	must(t, f.Write(&b))
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, data []byte, opts ReadOptions) *Table {
	t.Helper()
	table, err := ReadTable(data, opts)
	must(t, err)
	return table
}

func cells(t *Table) string {
	var b strings.Builder
	for _, s := range t.Sheets {
		fmt.Fprintf(&b, "[%s]", s.Name)
		for _, row := range s.Rows {
			fmt.Fprintf(&b, " %d:", row.No)
			for i, c := range row.Cells {
				if i > 0 {
					b.WriteByte('|')
				}
				b.WriteString(c.Text)
			}
		}
	}
	return b.String()
}

func TestCSVEncodings(t *testing.T) {
	text := "Номер;Фамилия\r\n1;Ахметов\r\n\r\n2;«Ковалёв; мл.»\r\n"
	quoted := strings.ReplaceAll(text, "«Ковалёв; мл.»", "\"Ковалёв; мл.\"")
	cyrillic, err := charmap.Windows1251.NewEncoder().String(quoted)
	must(t, err)
	caps, err := charmap.Windows1251.NewEncoder().String("НОМЕР;ФАМИЛИЯ\n1;АХМЕТОВ\n")
	must(t, err)
	if got := read(t, []byte(caps), ReadOptions{Name: "x.csv"}); got.Encoding != "windows-1251" || cells(got) != "[] 1:НОМЕР|ФАМИЛИЯ 2:1|АХМЕТОВ" {
		t.Errorf("capitals: %s", cells(got))
	}
	kazakh := read(t, []byte("\xcd\xb4\xec\xb3\xf0;\xd2\xe5\xe3\xb3\n1;\x8d\xe0\xeb\xe8\xe5\xe2\n"), ReadOptions{Name: "x.csv", Encoding: "KZ1048"})
	if cells(kazakh) != "[] 1:Нөмір|Тегі 2:1|Қалиев" {
		t.Errorf("Kazakh: %s", cells(kazakh))
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(quoted)
	must(t, err)
	want := "[] 1:Номер|Фамилия 2:1|Ахметов 4:2|Ковалёв; мл."
	for name, c := range map[string]struct {
		data, declared, encoding string
	}{
		"utf-8":                    {quoted, "", "utf-8"},
		"utf-8 with mark":          {"\ufeff" + quoted, "", "utf-8"},
		"utf-8 declared":           {quoted, "UTF-8", "utf-8"},
		"windows-1251":             {cyrillic, "", "windows-1251"},
		"windows-1251 declared":    {cyrillic, "cp1251", "windows-1251"},
		"utf-16":                   {wide, "", "utf-16"},
		"with a line of separator": {"sep=;\r\n" + strings.Replace(quoted, "\r\n\r\n", "\r\n", 1), "", "utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, []byte(c.data), ReadOptions{Name: "x.csv", Encoding: c.declared})
			w := want
			if strings.HasPrefix(c.data, "sep=") {
				w = "[] 2:Номер|Фамилия 3:1|Ахметов 4:2|Ковалёв; мл."
			}
			if cells(got) != w {
				t.Errorf("got %s\nwant %s", cells(got), w)
			}
			if got.Encoding != c.encoding || got.Delimiter != ";" {
				t.Errorf("encoding %q, delimiter %q", got.Encoding, got.Delimiter)
			}
		})
	}
}

func TestCSVRefused(t *testing.T) {
	dos, err := charmap.CodePage866.NewEncoder().String("Номер;Фамилия\nодин;Ахметов\n")
	must(t, err)
	koi, err := charmap.KOI8R.NewEncoder().String("Номер;Фамилия\nодин;Ахметов\n")
	must(t, err)
	for name, c := range map[string]struct {
		data string
		opts ReadOptions
		want string
	}{
		"empty":                  {"", ReadOptions{}, "the file is empty"},
		"only separators":        {";;;\n;;\n", ReadOptions{}, "no row in the file"},
		"DOS encoding":           {dos, ReadOptions{}, "line 1: byte 0x8d is not UTF-8 and the text does not read as windows-1251"},
		"Kazakh or Serbian":      {"\xcd\xee\xec\xe5\xf0;\xd2\xe5\xe3\xb3 \xe8\xec\xff \xee\xf2\xf7\xe5\xf1\xf2\xe2\xee\n1;\x8d\xe0\xeb\xe8\xe5\xe2\n", ReadOptions{}, "line 2: not UTF-8, and byte 0x8d is a Kazakh letter in one encoding"},
		"KOI8-R":                 {koi, ReadOptions{}, "is not UTF-8 and the text does not read as windows-1251"},
		"declared utf-8, is not": {"a;b\n\xc0\xe0;1", ReadOptions{Encoding: "utf-8"}, "line 2: byte 0xc0 is not UTF-8"},
		"declared 1251, is not":  {"Номер;b\n", ReadOptions{Encoding: "windows-1251"}, "but the file is UTF-8"},
		"unknown encoding":       {"a;b\n", ReadOptions{Encoding: "koi8-r"}, `unknown encoding "koi8-r"`},
		"unknown delimiter":      {"a;b\n", ReadOptions{Delimiter: "|"}, `unknown delimiter "|"`},
		"undecided delimiter":    {"a;b,c\n1;2,3\n", ReadOptions{}, "as many commas as semicolons"},
		"zero byte":              {"a;b\n1;\x00\n", ReadOptions{}, "line 2: a zero byte"},
		"open quotation mark":    {"a;b\n1;\"2\n3;4\n", ReadOptions{}, "a quotation mark"},
		"bare quotation mark":    {"a;b\n1;2\"x\n", ReadOptions{}, "line 2: a quotation mark inside a cell"},
		"too many rows":          {"a;b\n1;2\n3;4\n", ReadOptions{Limits: Limits{Rows: 2}}, "row 3: more than 2 rows"},
		"too many columns":       {"a;b\n1;2;3\n", ReadOptions{Limits: Limits{Columns: 2}}, "row 2: more than 2 columns"},
		"too many cells":         {"a;b\n1;2\n3;4\n", ReadOptions{Limits: Limits{Cells: 5}}, "row 3: more than 5 cells"},
		"long cell":              {"a;b\n1;" + strings.Repeat("x", 200) + "\n", ReadOptions{Limits: Limits{CellLen: 100}}, "row 2, column B: a cell of more than 100 bytes"},
		"large file":             {strings.Repeat("a;b\n", 1000), ReadOptions{Limits: Limits{Bytes: 2048}}, "larger than 2 kB"},
	} {
		t.Run(name, func(t *testing.T) {
			c.opts.Name = "list.csv"
			_, err := ReadTable([]byte(c.data), c.opts)
			refused(t, err, "list.csv: ", c.want)
		})
	}
}

func refused(t *testing.T, err error, where, want string) {
	t.Helper()
	if err == nil {
		t.Fatal("not refused")
	}
	if !strings.HasPrefix(err.Error(), where) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got:  %s\nwant: %s…%s", err, where, want)
	}
}

func zipOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		must(t, err)
		_, err = io.WriteString(w, parts[i+1])
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

const (
	wbXML   = `<workbook xmlns="m" xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`
	relsXML = `<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`
)

func sheetZip(t testing.TB, sheet string) []byte {
	return zipOf(t, "xl/workbook.xml", wbXML, "xl/_rels/workbook.xml.rels", relsXML, "xl/worksheets/sheet1.xml", sheet)
}

func TestXLSXRefused(t *testing.T) {
	good := workbookOf(t, map[string][][]any{"A": {{"No", "Name"}, {1, "x"}}}, "A")
	wide := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteByte(c)
			b.WriteByte(0)
		}
		return b.String()
	}
	bomb := sheetZip(t, "<worksheet><sheetData>"+strings.Repeat("<row></row>", 1<<20)+"</sheetData></worksheet>")
	lying := bytes.Clone(bomb)
	for _, sign := range []string{"PK\x01\x02"} { // the directory claims small sizes
		for i := 0; ; {
			j := bytes.Index(lying[i:], []byte(sign))
			if j < 0 {
				break
			}
			i += j + 4
			copy(lying[i+20:i+24], []byte{16, 0, 0, 0})
		}
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut off":            {good[:len(good)*2/3], "the file is cut off or damaged"},
		"cut off early":      {good[:30], "the file is cut off or damaged"},
		"old xls":            {append(bytes.Clone(oleMagic), wide("Workbook")...), "the old .xls format"},
		"password":           {append(bytes.Clone(oleMagic), wide("EncryptedPackage")...), "protected by a password"},
		"not a workbook":     {zipOf(t, "word/document.xml", "<x/>"), "a zip file, but not an XLSX workbook"},
		"OpenDocument":       {zipOf(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument file"},
		"named xlsx":         {[]byte("No,Name\n1,x\n"), "named .xlsx, but not an XLSX file"},
		"zip bomb":           {bomb, "unpacks to more than 4 MB, as a zip bomb does"},
		"zip bomb that lies": {lying, "damaged"},
		"one text a thousand times": {zipOf(t, "xl/workbook.xml", wbXML, "xl/_rels/workbook.xml.rels", strings.Replace(relsXML, "</R", `<Relationship Id="rId2" Type="x/sharedStrings" Target="s.xml"/></R`, 1),
			"xl/s.xml", "<sst><si><t>"+strings.Repeat("x", 100_000)+"</t></si></sst>", "xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 1000)+"</sheetData></worksheet>"), "unpacks to more than 4 MB"},
		"broken XML":           {sheetZip(t, "<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>1</v>"), "xl/worksheets/sheet1.xml, line 1 of the workbook is damaged"},
		"missing part":         {zipOf(t, "xl/workbook.xml", wbXML, "xl/_rels/workbook.xml.rels", relsXML), "part xl/worksheets/sheet1.xml of the workbook is missing"},
		"no sheet":             {zipOf(t, "xl/workbook.xml", "<workbook/>", "xl/_rels/workbook.xml.rels", "<Relationships/>"), "no sheet with cells"},
		"row beyond the limit": {sheetZip(t, `<worksheet><sheetData><row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData></worksheet>`), "sheet S, row 1048576: more than 200000 rows"},
		"far column":           {sheetZip(t, `<worksheet><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>`), "sheet S, row 1: cell XFD1 lies beyond 512 columns"},
		"rows in disorder":     {sheetZip(t, `<worksheet><sheetData><row r="2"/><row r="1"/></sheetData></worksheet>`), `a row is numbered "1" after row 2`},
		"text that is not there": {sheetZip(t, `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>7</v></c></row></sheetData></worksheet>`),
			"sheet S, row 1, column A: points to a text that is not in the file"},
		"number that is none": {sheetZip(t, `<worksheet><sheetData><row r="1"><c r="B1"><v>1,5</v></c></row></sheetData></worksheet>`), `sheet S, row 1, column B: "1,5" is kept as a number and is none`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadTable(c.data, ReadOptions{Name: "dir/list.xlsx", Limits: Limits{Unpacked: 4 << 20}})
			refused(t, err, "list.xlsx: ", c.want)
		})
	}
}

// TestXLSXDamaged changes and cuts a workbook at many places: it is read or
// refused with one line, never with a panic.
func TestXLSXDamaged(t *testing.T) {
	good := workbookOf(t, map[string][][]any{"A": {{"No", "Name"}, {1, "x"}, {2, "y"}}}, "A")
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		data := bytes.Clone(good)
		for range 1 + rnd.IntN(4) {
			data[rnd.IntN(len(data))] ^= byte(1 << rnd.IntN(8))
		}
		if rnd.IntN(3) == 0 {
			data = data[:rnd.IntN(len(data))]
		}
		if _, err := ReadTable(data, ReadOptions{Name: "x.xlsx"}); err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q", err)
		}
	}
}

func TestXLSXCells(t *testing.T) {
	f := excelize.NewFile()
	set := func(cell string, v any) { t.Helper(); must(t, f.SetCellValue("Sheet1", cell, v)) }
	style := func(cell string, s excelize.Style) {
		t.Helper()
		id, err := f.NewStyle(&s)
		must(t, err)
		must(t, f.SetCellStyle("Sheet1", cell, cell, id))
	}
	set("A1", "  text \u00a0")
	set("B1", 22432432100569)
	set("C1", 15.5)
	set("D1", true)
	set("E1", 44566)
	style("E1", excelize.Style{NumFmt: 14})
	set("F1", 44566.604166666664)
	iso := "yyyy-mm-dd hh:mm"
	style("F1", excelize.Style{CustomNumFmt: &iso})
	set("G1", 44566)
	money := `#,##0.00" days"`
	style("G1", excelize.Style{CustomNumFmt: &money})
	must(t, f.SetCellFormula("Sheet1", "H1", "B1+1"))
	must(t, f.SetCellRichText("Sheet1", "I1", []excelize.RichTextRun{{Text: "two "}, {Text: "runs", Font: &excelize.Font{Bold: true}}}))
	set("K1", "after a gap")
	set("A3", "third row")
	must(t, f.MergeCell("Sheet1", "A3", "B4"))
	var b bytes.Buffer
	must(t, f.Write(&b))
	got := read(t, b.Bytes(), ReadOptions{Name: "cells.xlsx"})
	want := "[Sheet1] 1:text|22432432100569|15.5|TRUE|2022-01-05|2022-01-05 14:30:00|44566||two runs||after a gap 3:third row"
	if cells(got) != want {
		t.Errorf("got  %s\nwant %s", cells(got), want)
	}
	row := got.Sheets[0].Rows[0]
	if row.Cells[4].Type != DateCell || row.Cells[6].Type != NumberCell || row.Cells[3].Type != BoolCell {
		t.Errorf("types: %+v", row.Cells)
	}
	if row.Cells[7].Formula != "B1+1" || row.Cells[7].Text != "" {
		t.Errorf("formula: %+v", row.Cells[7])
	}
	if fmt.Sprint(got.Sheets[0].Merged) != "[A3:B4]" {
		t.Errorf("merged: %v", got.Sheets[0].Merged)
	}
	cached := read(t, sheetZip(t, `<worksheet><sheetData><row><c><f>1+1</f><v>2</v></c><c t="str"><f>"a"</f><v>a_x000D_b</v></c><c t="e"><v>#REF!</v></c><c t="inlineStr"><is><t>in</t><rPh sb="0"><t>no</t></rPh><r><t>line</t></r></is></c></row></sheetData></worksheet>`), ReadOptions{Name: "x.xlsx"})
	if cells(cached) != "[S] 1:2|a\nb|#REF!|inline" || cached.Sheets[0].Rows[0].Cells[0].Formula != "1+1" || cached.Sheets[0].Rows[0].Cells[2].Type != ErrorCell {
		t.Errorf("%s %+v", cells(cached), cached.Sheets[0].Rows[0].Cells)
	}
}

func TestSerialDates(t *testing.T) {
	for _, c := range []struct {
		x    float64
		mac  bool
		want string
	}{
		{1, false, "1900-01-01"}, {59, false, "1900-02-28"}, {60, false, ""}, {61, false, "1900-03-01"},
		{44566, false, "2022-01-05"}, {44566.5, false, "2022-01-05 12:00:00"}, {0, false, ""}, {-1, true, ""},
		{0, true, "1904-01-01"}, {43104, true, "2022-01-05"}, {2958465, false, "9999-12-31"}, {2958466, false, ""},
	} {
		if got, _ := serialDate(c.x, c.mac); got != c.want {
			t.Errorf("%v (1904 %t): %q, want %q", c.x, c.mac, got, c.want)
		}
	}
}

func TestDateFormats(t *testing.T) {
	for code, want := range map[string]bool{
		"dd.mm.yyyy": true, "m/d/yy h:mm": true, `[$-419]d\ mmmm\ yyyy;@`: true, "General": false, "0.00": false,
		"h:mm:ss": false, "[h]:mm": false, "mm:ss.0": false, `0" d"`: false, "mmm": true, "@": false, "#,##0;[Red]-#,##0": false,
	} {
		if isDateFormat(code) != want {
			t.Errorf("%s: %t", code, !want)
		}
	}
}

// TestXLSXAgainstExcelize holds the reader against another one, on every
// workbook at hand.
func TestXLSXAgainstExcelize(t *testing.T) {
	files, err := filepath.Glob("../../examples/january-2022/*.xlsx")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no workbook in examples/january-2022")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		got := read(t, data, ReadOptions{Name: file})
		f, err := excelize.OpenReader(bytes.NewReader(data))
		must(t, err)
		if len(got.Sheets) != len(f.GetSheetList()) {
			t.Fatalf("%s: %d sheets, excelize has %v", file, len(got.Sheets), f.GetSheetList())
		}
		for i, name := range f.GetSheetList() {
			rows, err := f.GetRows(name)
			must(t, err)
			if got.Sheets[i].Name != name || len(got.Sheets[i].Rows) != len(rows) {
				t.Fatalf("%s %s: %d rows, excelize has %d", file, name, len(got.Sheets[i].Rows), len(rows))
			}
			for j, row := range rows {
				for k, want := range row {
					if have := got.Sheets[i].Rows[j].Text(k); have != strings.TrimSpace(want) {
						t.Errorf("%s %s row %d column %s: %q, excelize has %q", file, name, j+1, ColumnLetter(k), have, want)
					}
				}
			}
		}
	}
}

func TestColumnLetters(t *testing.T) {
	for col, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", 16383: "XFD"} {
		if got := ColumnLetter(col); got != want {
			t.Errorf("%d: %s, want %s", col, got, want)
		}
		if got, ok := columnOf(want+"7", 1<<15); !ok || got != col {
			t.Errorf("%s: %d, want %d", want, got, col)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("a;b\n1;2\n"), "", "")
	f.Add([]byte("\xef\xbb\xbfa,b\r\n\"1\r\n2\",3"), "utf-8", ",")
	f.Add([]byte("\xcd\xee\xec\xe5\xf0;x\n"), "windows-1251", ";")
	f.Fuzz(func(t *testing.T, data []byte, encoding, delimiter string) {
		table, err := ReadTable(data, ReadOptions{Name: "x.csv", Encoding: encoding, Delimiter: delimiter})
		if err != nil {
			return
		}
		last := 0
		for _, row := range table.Sheets[0].Rows {
			if row.No <= last || len(row.Cells) == 0 {
				t.Fatalf("row %d after %d with %d cells", row.No, last, len(row.Cells))
			}
			last = row.No
		}
	})
}

func FuzzReadXLSX(f *testing.F) {
	f.Add(`<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>x</v></c><c r="C1"><f>A1</f><v>1</v></c></row></sheetData></worksheet>`, "<styleSheet/>", "<sst><si><t>x</t></si></sst>")
	f.Add(`<worksheet><sheetData><row><c s="0"><v>44566</v></c><c t="s"><v>0</v></c></row></sheetData></worksheet>`, `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`, "<sst><si><r><t>x</t></r></si></sst>")
	rels := `<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="s.xml"/><Relationship Id="rId2" Type="x/styles" Target="st.xml"/><Relationship Id="rId3" Type="x/sharedStrings" Target="/xl/sst.xml"/></Relationships>`
	f.Fuzz(func(t *testing.T, sheet, styles, texts string) {
		data := zipOf(t, "xl/workbook.xml", wbXML, "xl/_rels/workbook.xml.rels", rels, "xl/s.xml", sheet, "xl/st.xml", styles, "xl/sst.xml", texts)
		table, err := ReadTable(data, ReadOptions{Name: "x.xlsx"})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		for _, row := range table.Sheets[0].Rows {
			if len(row.Cells) == 0 || len(row.Cells) > 512 {
				t.Fatalf("row %d with %d cells", row.No, len(row.Cells))
			}
		}
	})
}
