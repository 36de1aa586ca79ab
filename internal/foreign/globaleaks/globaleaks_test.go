// SPDX-License-Identifier: AGPL-3.0-or-later

package globaleaks

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
)

func column(t *testing.T, f *foreign.File, sheet, heading string) string {
	t.Helper()
	s, _ := f.Table.Sheet(sheet)
	for i, c := range s.Rows[0].Cells {
		if c.Text == heading {
			return s.Rows[1].Text(i)
		}
	}
	t.Errorf("sheet %s has no column %s", sheet, heading)
	return ""
}

func zipped(t testing.TB, files map[string]string, order ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range order {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZIP(t *testing.T) {
	text, err := os.ReadFile("testdata/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	data := zipped(t, map[string]string{"report.txt": string(text), "files/photo.txt": "invented", "files_attached_from_recipients/answer.txt.pgp": "x"},
		"files/photo.txt", "files_attached_from_recipients/answer.txt.pgp", "report.txt")
	imp, file, findings := foreigntest.Import(t, Format(), fstest.MapFS{"report-1.zip": {Data: data}}, "report-1.zip")
	want := "case (case) external_id=20220201-1\nreport (report) channel=public_form received=2022-02-01 summary=Invented step\n"
	if got := foreigntest.Show(imp.Rows[0]); imp.Rows[0].Key != "20220201-1" || !strings.HasPrefix(got, want) || !strings.Contains(got, "note@1 (note) date=2022-02-02") {
		t.Errorf("%s: got\n%s", imp.Rows[0].Key, got)
	}
	if got := column(t, file, "reports", "What happened?"); got != "He was beaten in the station.\nAll night." {
		t.Errorf("answer: %q", got)
	}
	if len(file.Attached) != 2 || file.Attached[0].Name != "photo.txt" {
		t.Fatalf("%+v", file.Attached)
	}
	in, err := file.Attached[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(in); string(b) != "invented" {
		t.Errorf("file: %q", b)
	}
	if len(findings) == 0 || !strings.Contains(findings[0].What, "is still encrypted") {
		t.Error(findings)
	}
}

func TestJSON(t *testing.T) {
	imp, file, _ := foreigntest.Import(t, Format(), os.DirFS("testdata"), "tip.json")
	if imp.Rows[0].Key != "t1" || !strings.Contains(foreigntest.Show(imp.Rows[0]), "note@c1 (note) date=2022-02-02 text=He is home now.") {
		t.Error(foreigntest.Show(imp.Rows[0]))
	}
	if got := column(t, file, "reports", "Where?"); got != "In a station" {
		t.Error(got)
	}
	if got := column(t, file, "reports", "Name of who saw"); got != "Nobody One; Nobody Two" {
		t.Error(got)
	}
}

func TestRefused(t *testing.T) {
	foreigntest.Refused(t, Format(), "x", map[string]string{
		"Hello":       "does not begin with the report's ID",
		`[{"a": 1}]`:  "report 1 has no id",
		`[]`:          "holds no report",
		"PK\x03\x04x": "is no whole ZIP",
		"ID: 1\n\xff": "not written in UTF-8",
		string(zipped(t, map[string]string{"a": "b"}, "a")): "holds no report.txt",
	})
}

func FuzzRead(f *testing.F) {
	text, err := os.ReadFile("testdata/report.txt")
	if err != nil {
		f.Fatal(err)
	}
	tip, err := os.ReadFile("testdata/tip.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(tip)
	f.Add(zipped(f, map[string]string{"report.txt": string(text), "files/a": "b"}, "report.txt", "files/a"))
	foreigntest.Fuzz(f, Format(), "x")
}
