// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

var sample = Sheet{Name: "По регионам: все/вместе, очень длинное имя листа", Head: []string{"Регион", "Число", "=head"}, Rows: [][]any{
	{"город Алматы", 61, 0.5}, {"=HYPERLINK(\"http://x\")", 0, nil}, {"+7", -3, "@x"}, {" =1", 1, "\t=2"},
}}

// TestCSVFormulasRegression: no text of a file begins as a formula does.
func TestCSVFormulasRegression(t *testing.T) {
	var b bytes.Buffer
	if err := CSV(&b, sample); err != nil {
		t.Fatal(err)
	}
	want := "Регион,Число,'=head\nгород Алматы,61,0.5\n\"'=HYPERLINK(\"\"http://x\"\")\",0,\n'+7,-3,'@x\n' =1,1,'\t=2\n"
	if b.String() != want {
		t.Errorf("%q\nwant\n%q", b.String(), want)
	}
	if err := CSV(io.Discard, Sheet{Rows: [][]any{{true}}}); err == nil {
		t.Error("a cell that is neither text nor number is written")
	}
}

// TestXLSXFormulasRegression: texts are texts, numbers are numbers.
func TestXLSXFormulasRegression(t *testing.T) {
	var b bytes.Buffer
	if err := XLSX(&b, sample, sample, Sheet{Name: "[]"}); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	names := book.GetSheetList()
	if strings.Join(names, "|") != "По регионам  все вместе, очень|По регионам  все вместе, очен 2|3" {
		t.Errorf("the sheets are named %q", names)
	}
	rows, err := book.GetRows(names[0])
	if err != nil || len(rows) != 5 || rows[2][0] != `=HYPERLINK("http://x")` || rows[1][1] != "61" {
		t.Errorf("%q, %v", rows, err)
	}
	for _, at := range []string{"A3", "A4", "C4", "C1"} {
		kind, err := book.GetCellType(names[0], at)
		formula, ferr := book.GetCellFormula(names[0], at)
		if err != nil || ferr != nil || kind != excelize.CellTypeInlineString || formula != "" {
			t.Errorf("%s is of type %v, formula %q, %v, %v", at, kind, formula, err, ferr)
		}
	}
	if kind, _ := book.GetCellType(names[0], "B2"); kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber {
		t.Errorf("a number is of type %v", kind)
	}
}

// TestXLSXSaysNothingOfItsMaker: neither who, nor when; twice the same bytes.
func TestXLSXSaysNothingOfItsMaker(t *testing.T) {
	var a, b bytes.Buffer
	if err := XLSX(&a, sample, sample, sample, sample, sample, sample); err != nil {
		t.Fatal(err)
	}
	if err := XLSX(&b, sample, sample, sample, sample, sample, sample); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same table gives other bytes")
	}
	parts, err := zip.NewReader(bytes.NewReader(a.Bytes()), int64(a.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts.File {
		f, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"xuri", "excelize", "Excelize", "202"} {
			if strings.Contains(string(text), ">"+word) {
				t.Errorf("%s says %s: %s", part.Name, word, text)
			}
		}
	}
}

// TestFormulasInCellsRegression holds that no text leaves in a CSV file so that
// a spreadsheet program works it out.
func TestFormulasInCellsRegression(t *testing.T) {
	for text, want := range map[string]string{
		`=HYPERLINK("http://example.org","here")`: `'=HYPERLINK("http://example.org","here")`,
		"+1": "'+1", "-2": "'-2", "@SUM(1)": "'@SUM(1)", "\t=1": "'\t=1", "\r=1": "'\r=1", " =1": "' =1",
		"": "", "Айгерим": "Айгерим", "146 = 69": "146 = 69", "1-2": "1-2",
	} {
		if got := Plain(text); got != want {
			t.Errorf("%q leaves as %q, want %q", text, got, want)
		}
	}
}
