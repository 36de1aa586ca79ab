// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"html/template"
	"image"
	"io"
	"strings"
	"testing"
	"time"
)

// zeros reads as many zero bytes as there are.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestZipBombRegression(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	// Office documents are archives too: neither is ever unpacked.
	refused(t, IsOffice, Job{Media: "image/jpeg"}, b.Bytes())
	plain := bytes.ReplaceAll(b.Bytes(), []byte("word/document.xml"), []byte("some/thing/otherr"))
	refused(t, IsArchive, Job{}, plain)
	refused(t, IsArchive, Job{}, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"))
	refused(t, IsCapture, Job{Media: "application/warc"}, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"))
}

// A text chunk of a PNG that unpacks to much is read no further than its bound.
func TestTextBombRegression(t *testing.T) {
	body := append([]byte("Comment\x00\x00"), deflated(t, bytes.Repeat([]byte("a"), 256<<20))...)
	report, _, err := made(t, Job{}, withChunk(asPNG(t, drawn(8, 8)), "zTXt", body))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Metadata) != 1 || len(report.Metadata[0].Value) > maxValue*2 {
		t.Errorf("metadata %d long", len(report.Metadata[0].Value))
	}
}

func TestHugePictureRegression(t *testing.T) {
	// 100,000 × 100,000 pixels said in 60 bytes.
	file := asPNG(t, drawn(8, 8))
	binary.BigEndian.PutUint32(file[16:], 100_000)
	binary.BigEndian.PutUint32(file[20:], 100_000)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	refused(t, TooManyDots, Job{Media: "image/png"}, file)
	// 100,000 × 1: few pixels, and yet more than any picture needs.
	binary.BigEndian.PutUint32(file[20:], 1)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	refused(t, TooManyDots, Job{Media: "image/png"}, file)
	// JPEG, GIF and BMP say their size elsewhere.
	huge := asJPEG(t, drawn(8, 8))
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(huge[at+5:], 65_000)
	binary.BigEndian.PutUint16(huge[at+7:], 65_000)
	r := refused(t, TooManyDots, Job{}, huge)
	if r.Have != 65_000*65_000 || !strings.Contains(r.Error(), "4225000000") {
		t.Errorf("said %v", r)
	}
	limits := DefaultLimits()
	limits.Memory = 1000
	refused(t, TooMuchRAM, Job{Limits: limits}, asPNG(t, drawn(100, 100)))
	limits = DefaultLimits()
	limits.Bytes = 100
	refused(t, TooManyBytes, Job{Limits: limits}, asPNG(t, image.NewGray(image.Rect(0, 0, 400, 400))))
}

func TestScriptInSVGRegression(t *testing.T) {
	for _, file := range []string{
		`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"\ufeff<?xml version=\"1.0\"?>\n<!-- a drawing -->\n<svg onload='alert(1)'/>",
		`<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><x:svg xmlns:x="http://www.w3.org/2000/svg"/>`,
	} {
		refused(t, IsSVG, Job{Media: "image/png"}, []byte(file))
	}
}

func TestPageNamedPictureRegression(t *testing.T) {
	for _, file := range []string{
		"<!DOCTYPE html><script>alert(1)</script>",
		"   \n\t<HTML><body>",
		"GIF <img src=x onerror=alert(1)>",
		"<!-- %PDF-1.4 --><script>alert(1)</script>",
		strings.Repeat(" ", 2000) + "<ScRiPt>alert(1)</sCrIpT>",
	} {
		report, _, _ := made(t, Job{Media: "image/jpeg"}, []byte(file))
		refused(t, IsHTML, Job{Media: "image/jpeg"}, []byte(file))
		if len(report.Notes) != 1 || report.Notes[0] != OtherMedia {
			t.Errorf("%q: notes %v", file, report.Notes)
		}
	}
	// A picture that is also a page: the copy is the picture alone.
	both := append(asJPEG(t, drawn(16, 16)), "<script>alert(1)</script>"...)
	both = withSegment(both, 0xfe, []byte("<script>alert(2)</script>"))
	report, copied, err := made(t, Job{Media: "image/jpeg"}, both)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(copied, []byte("script")) {
		t.Error("the page is in the copy")
	}
	if len(report.Notes) != 1 || report.Notes[0] != HadTail {
		t.Errorf("notes %v", report.Notes)
	}
}

func TestMarkupInMetadataRegression(t *testing.T) {
	evil := `<script>alert("x")</script>`
	block := exifBlock(map[uint16]exifEntry{0x010e: word(evil), 0x013b: word("a\nb\u202egpj.exe\x00\x01"), tagOrientation: {kind: 3, count: 1, body: []byte{6, 0}}}, nil)
	file := withSegment(asJPEG(t, drawn(40, 20)), 0xe1, append([]byte("Exif\x00\x00"), block...))
	report, copied, err := made(t, Job{}, file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(copied, []byte("script")) || bytes.Contains(report.Thumbnail, []byte("script")) {
		t.Error("the text is in the copy")
	}
	for _, f := range report.Metadata {
		if strings.ContainsAny(f.Value, "\n\x00\x01\u202e") {
			t.Errorf("%s can break or turn a line: %q", f.Name, f.Value)
		}
		if f.Name == "Description" {
			var page strings.Builder
			if err := template.Must(template.New("").Parse("<dd>{{.Value}}</dd>")).Execute(&page, f); err != nil {
				t.Fatal(err)
			}
			if f.Value != evil || strings.Contains(page.String(), "<script") {
				t.Errorf("told as %q, shown as %q", f.Value, page.String())
			}
		}
	}
	if report.Width != 20 || report.Height != 40 {
		t.Errorf("the copy isn't turned: %d × %d", report.Width, report.Height)
	}
}

func TestPlainRegression(t *testing.T) {
	if have := Plain("a\u202eb\n\n c\u200d\x00", 100); have != "a[U+202E]b c[U+200D][U+0000]" {
		t.Errorf("Plain gives %q", have)
	}
	if have := Plain(strings.Repeat("ж", 100), 3); have != "жжж…" {
		t.Errorf("Plain gives %q", have)
	}
}

func TestPageBombRegression(t *testing.T) {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", ""}
	var kids strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&kids, "%d 0 R ", i+3)
		objects = append(objects, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	}
	objects[1] = "<< /Type /Pages /Kids [" + kids.String() + "] /Count 5000 >>"
	bomb := pdf("", objects...)
	if find("pdftoppm") == "" {
		refused(t, NeedsProgram, Job{}, bomb)
		return
	}
	r := refused(t, TooManyPages, Job{}, bomb)
	if r.Most != int64(DefaultLimits().Pages) {
		t.Errorf("said %v", r)
	}
	// A page of ten kilometres is rendered no bigger than another.
	wide := pdf("", "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 28000000 28000000] >>")
	report, copied, err := made(t, Job{}, wide)
	if err == nil && (report.Pages != 1 || len(copied) > 1<<20) {
		t.Errorf("%d pages, %d bytes", report.Pages, len(copied))
	} else if err != nil {
		refused(t, Broken, Job{}, wide)
	}
}

// A picture of 900 million pixels packed into a tenth of a megabyte of a PDF is held by the
// child's walls: there is a copy within the bounds, or the reason why not.
func TestPictureBombInPDFRegression(t *testing.T) {
	if find("pdftoppm") == "" {
		t.Skip("poppler-utils isn't installed: nothing opens a PDF")
	}
	var body bytes.Buffer
	z := zlib.NewWriter(&body)
	if _, err := io.CopyN(z, zeros{}, 90_000_000); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := pdf("", "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
		stream("", "595 0 0 842 0 0 cm /I Do"),
		stream("/Type /XObject /Subtype /Image /Width 30000 /Height 30000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", body.String()))
	limits := DefaultLimits()
	limits.Memory, limits.Time = 256<<20, 3*time.Second
	report, copied, err := shut(t, Command, Job{Limits: limits}, string(bomb))
	if err == nil && (report.Pages != 1 || len(copied) > 4<<20) {
		t.Errorf("%d pages, %d bytes", report.Pages, len(copied))
	}
	if err != nil && report.Refused == nil {
		t.Errorf("refused without a reason: %v", err)
	}
	t.Logf("said %v", err)
}

func TestScriptInPDFRegression(t *testing.T) {
	evil := written("/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> /Names << /EmbeddedFiles << /Names [(evil.exe) 7 0 R] >> >> /AcroForm << /XFA 8 0 R >>",
		"The words of the witness",
		"<< /Type /Filespec /F (evil.exe) /EF << /F 8 0 R >> >>",
		stream("/Type /EmbeddedFile", "MZ evil program"))
	if find("pdftoppm") == "" {
		r := refused(t, NeedsProgram, Job{}, evil)
		if !strings.Contains(r.Error(), "install poppler-utils") {
			t.Errorf("said %v", r)
		}
		return
	}
	report, copied, err := made(t, Job{Media: "application/pdf"}, evil)
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{"/JS", "/JavaScript", "/OpenAction", "/Filespec", "/EmbeddedFile", "/EF", "evil", "/XFA", "/AcroForm", "/AA", "/Author", "/Title", "/Producer", "/Annots", "/URI", "MZ evil", "witness", "invented"} {
		if bytes.Contains(copied, []byte(mark)) {
			t.Errorf("%s is in the copy", mark)
		}
	}
	for _, n := range []Note{HadScript, HadAction, HadFiles} {
		if !strings.Contains(notes(report), string(n)) {
			t.Errorf("%s isn't told: %v", n, report.Notes)
		}
	}
	if report.Pages != 1 || report.Text != "The words of the witness" || len(report.Thumbnail) == 0 {
		t.Errorf("%+v", report)
	}
	if !hasFact(report, "PDF", "Author", "An invented person") {
		t.Errorf("metadata %v", report.Metadata)
	}
}

func notes(r Report) string {
	var s []string
	for _, n := range r.Notes {
		s = append(s, string(n))
	}
	return strings.Join(s, " ")
}

func hasFact(r Report, where, name, value string) bool {
	for _, f := range r.Metadata {
		if f.Where == where && f.Name == name && f.Value == value {
			return true
		}
	}
	return false
}
