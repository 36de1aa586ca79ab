// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"testing"
)

// made is what Make gives for a file.
func made(t *testing.T, job Job, data []byte) (Report, []byte, error) {
	t.Helper()
	if job.Limits == (Limits{}) {
		job.Limits = DefaultLimits()
	}
	var out bytes.Buffer
	report, err := Make(context.Background(), job, bytes.NewReader(data), &out)
	return report, out.Bytes(), err
}

// refused requires the file to be refused for that reason.
func refused(t *testing.T, code Code, job Job, data []byte) *RefusedError {
	t.Helper()
	report, _, err := made(t, job, data)
	var r *RefusedError
	if !errors.As(err, &r) || r.Code != code || report.Refused != r || report.Copy != "" && code != TooManyBytes {
		t.Fatalf("want a refusal for %q, have error %v, report %+v", code, err, report)
	}
	if r.Error() == "" || r.Error() == string(code) {
		t.Errorf("the reason %q has no words", code)
	}
	return r
}

// drawn is a picture whose upper left is red, the rest green.
func drawn(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{0, 160, 0, 255}
			if x < width/2 && y < height/2 {
				c = color.RGBA{200, 0, 0, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func asJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withSegment puts a segment behind the beginning of a JPEG.
func withSegment(file []byte, marker byte, body []byte) []byte {
	segment := []byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}
	return bytes.Join([][]byte{file[:2], segment, body, file[2:]}, nil)
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(file []byte, name string, body []byte) []byte {
	const header = 8 + 25
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	chunk = append(append(chunk, name...), body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return bytes.Join([][]byte{file[:header], chunk, file[header:]}, nil)
}

type exifEntry struct {
	kind  uint16
	count uint32
	body  []byte
}

func word(s string) exifEntry {
	return exifEntry{kind: 2, count: uint32(len(s) + 1), body: append([]byte(s), 0)}
}

// exifBlock is a little TIFF with one directory, and one of the place.
func exifBlock(entries map[uint16]exifEntry, gps map[uint16]exifEntry) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	write := func(entries map[uint16]exifEntry, gpsAt bool) int {
		n := len(entries)
		if gpsAt {
			n++
		}
		link := 0
		rest := len(b) + 2 + n*12 + 4
		var tail []byte
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		for tag := range uint32(1 << 16) {
			e, ok := entries[uint16(tag)]
			if uint16(tag) == tagGPS && gpsAt {
				e, ok = exifEntry{kind: 4, count: 1, body: make([]byte, 4)}, true
				link = len(b) + 8
			}
			if !ok {
				continue
			}
			b = binary.LittleEndian.AppendUint16(b, uint16(tag))
			b = binary.LittleEndian.AppendUint16(b, e.kind)
			b = binary.LittleEndian.AppendUint32(b, e.count)
			if len(e.body) <= 4 {
				b = append(b, append(append([]byte{}, e.body...), make([]byte, 4-len(e.body))...)...)
				continue
			}
			b = binary.LittleEndian.AppendUint32(b, uint32(rest+len(tail)))
			tail = append(tail, e.body...)
		}
		b = append(append(b, 0, 0, 0, 0), tail...)
		return link
	}
	link := write(entries, gps != nil)
	if gps != nil {
		binary.LittleEndian.PutUint32(b[link:], uint32(len(b)))
		write(gps, false)
	}
	return b
}

func rationals(values ...uint32) exifEntry {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, v), 1)
	}
	return exifEntry{kind: 5, count: uint32(len(values)), body: b}
}

// pdf is a document of objects, numbered from 1; the first is the catalogue.
func pdf(info string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, info, xref)
	return b.Bytes()
}

func stream(dict, body string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(body), body)
}

// written is a PDF of one page with a line of text, and what else is wanted in its catalogue.
func written(catalogue, line string, more ...string) []byte {
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R " + catalogue + " >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		stream("", "BT /F1 36 Tf 60 700 Td ("+line+") Tj ET"),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		"<< /Title (Statement of a witness) /Author (An invented person) /Producer (Some writer) >>",
	}
	return pdf("/Info 6 0 R", append(objects, more...)...)
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
