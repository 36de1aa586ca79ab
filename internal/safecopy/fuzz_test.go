// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkReport holds for the report of any file.
func checkReport(t *testing.T, r Report) {
	t.Helper()
	if len(r.Metadata) > maxFacts || len(r.Text) > maxText {
		t.Fatalf("%d facts, %d bytes of text", len(r.Metadata), len(r.Text))
	}
	for _, f := range r.Metadata {
		for _, s := range []string{f.Name, f.Value} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\n\r\x00\u202e\u2028") {
				t.Fatalf("not plain: %q", s)
			}
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"", "\xff\xd8\xff", "<html>", "%PDF-1.7", "PK\x03\x04", "\x00\x00\x00\x18ftypisom", "BM", "RIFF....WEBP"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kind := Sniff(data)
		if kind == Text && bytes.Contains(bytes.ToLower(data[:min(len(data), HeadSize)]), []byte("<script")) {
			t.Fatalf("a page is taken for text: %q", data)
		}
	})
}

func fuzzMetadata(f *testing.F, kind Kind) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Report{Kind: kind}
		w := &work{report: &r}
		if o := w.metadata(data); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
		checkReport(t, r)
	})
}

func FuzzMetadataJPEG(f *testing.F) {
	file := []byte("\xff\xd8\xff\xd9")
	f.Add(withSegment(file, 0xe1, append([]byte("Exif\x00\x00"), exifBlock(map[uint16]exifEntry{0x010e: word("a description")}, map[uint16]exifEntry{2: rationals(1, 2, 3)})...)))
	f.Add(withSegment(file, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<a b:c='d'>e</a>")))
	f.Add(withSegment(file, 0xed, []byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x0a\x1c\x02\x5a\x00\x05Aqtau")))
	fuzzMetadata(f, JPEG)
}

func FuzzMetadataPNG(f *testing.F) {
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x03tEXta\x00b0000"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x08iTXta\x00\x00\x00\x00\x00bc0000"))
	fuzzMetadata(f, PNG)
}

func FuzzMetadataWebP(f *testing.F) { f.Add([]byte(onePixelWebP)); fuzzMetadata(f, WebP) }

func FuzzMetadataGIF(f *testing.F) {
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00!\xfe\x03abc\x00;"))
	fuzzMetadata(f, GIF)
}

func FuzzMetadataTIFF(f *testing.F) {
	f.Add(exifBlock(map[uint16]exifEntry{0x010e: word("a description")}, map[uint16]exifEntry{2: rationals(1, 2, 3)}))
	fuzzMetadata(f, TIFF)
}

func FuzzPPM(f *testing.F) {
	f.Add([]byte("P6\n1 1\n255\nabc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := readPPM(bufio.NewReader(bytes.NewReader(data)), 64)
		if err == nil && (img.Bounds().Dx() > 65 || img.Bounds().Dy() > 65) {
			t.Fatal(img.Bounds())
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add("../a\nb\u202e.jpg")
	f.Fuzz(func(t *testing.T, s string) {
		if p := Plain(s, 50); !utf8.ValidString(p) || strings.ContainsAny(p, "\n\r\x00\u202e\u2028") {
			t.Fatalf("Plain(%q) is %q", s, p)
		}
	})
}

// FuzzPictures gives pictures, and what was one, to the whole of Make but for
// what other programs open.
func FuzzPictures(f *testing.F) {
	f.Add([]byte(onePixelWebP))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if kind := Sniff(data); kind == PDF || kind.Recording() {
			return
		}
		var out bytes.Buffer
		limits := Limits{Pixels: 1 << 16, Bytes: 1 << 20, Memory: 1 << 24, Time: time.Minute, Pages: 1}
		r, err := Make(context.Background(), Job{Limits: limits}, bytes.NewReader(data), &out)
		checkReport(t, r)
		if err == nil && Sniff(out.Bytes()) != r.Copy && r.Copy != Text {
			t.Fatalf("the copy is %s, said %s", Sniff(out.Bytes()), r.Copy)
		}
	})
}

// FuzzPage reads the pictures of the pages of what might be a copy.
func FuzzPage(f *testing.F) {
	var b bytes.Buffer
	doc := newPages(&b)
	for range 2 {
		if err := doc.add(drawn(3, 4)); err != nil {
			f.Fatal(err)
		}
	}
	if err := doc.close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), 2)
	f.Add([]byte("xref\n0 6\nstartxref\n0\n%%EOF\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		picture, err := Page(bytes.NewReader(data), n)
		if err == nil && !bytes.Contains(data, picture) {
			t.Fatal("a picture that isn't in the copy")
		}
		if err != nil && !errors.Is(err, ErrNoPage) {
			t.Fatal(err)
		}
	})
}
