// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"strconv"
)

// pagesWriter writes a PDF that is nothing but the pictures of its pages, each as
// it comes, and says nothing about who made it and when (ISO 32000-1, 7.5). Page n
// has the objects 3n, the page itself, 3n+1, what draws it, and 3n+2, its picture.
type pagesWriter struct {
	w     io.Writer
	at    int64
	where map[int]int64 // of objects, by their number
	pages int
	err   error
}

const pdfHead = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"

func newPages(w io.Writer) *pagesWriter {
	p := &pagesWriter{w: w, where: map[int]int64{}}
	p.print(pdfHead)
	return p
}

func (p *pagesWriter) print(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	p.write([]byte(format))
}

func (p *pagesWriter) write(b []byte) {
	if p.err != nil {
		return
	}
	n, err := p.w.Write(b)
	p.at += int64(n)
	p.err = err
}

func (p *pagesWriter) object(number int) {
	p.where[number] = p.at
	p.print("%d 0 obj\n", number)
}

// add writes a page.
func (p *pagesWriter) add(img image.Image) error {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: pageQuality}); err != nil {
		return err
	}
	p.pages++
	first := 3 * p.pages
	size := img.Bounds()
	scale := float64(pagePoints) / float64(max(size.Dx(), size.Dy()))
	width, height := float64(size.Dx())*scale, float64(size.Dy())*scale
	p.object(first + 2)
	p.print("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n", size.Dx(), size.Dy(), b.Len())
	p.write(b.Bytes())
	p.print("\nendstream\nendobj\n")
	draw := fmt.Sprintf("%.2f 0 0 %.2f 0 0 cm /P Do", width, height)
	p.object(first + 1)
	p.print("<< /Length %d >>\nstream\n%s\nendstream\nendobj\n", len(draw), draw)
	p.object(first)
	p.print("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Contents %d 0 R /Resources << /XObject << /P %d 0 R >> >> >>\nendobj\n", width, height, first+1, first+2)
	return p.err
}

// close writes what stands at the end of a PDF.
func (p *pagesWriter) close() error {
	p.object(2)
	p.print("<< /Type /Pages /Count %d /Kids [", p.pages)
	for n := range p.pages {
		p.print("%d 0 R ", 3*(n+1))
	}
	p.print("] >>\nendobj\n")
	p.object(1)
	p.print("<< /Type /Catalog /Pages 2 0 R >>\nendobj\n")
	table, objects := p.at, 3+3*p.pages
	p.print("xref\n0 %d\n0000000000 65535 f \n", objects)
	for n := 1; n < objects; n++ {
		p.print("%010d 00000 n \n", p.where[n])
	}
	p.print("trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", objects, table)
	return p.err
}

// ErrNoPage says that a copy has no such page, or isn't a copy made here.
var ErrNoPage = errors.New("the copy has no such page")

// maxPagePicture is how large the picture of one page may be, in bytes.
const maxPagePicture = 64 << 20

// Page is the picture of a page of a copy of a PDF, as JPEG; pages count from 1.
// It reads PDFs that were written here and no others.
func Page(pdf io.ReadSeeker, page int) ([]byte, error) {
	const tail = 48
	if page < 1 || page > 1<<20 {
		return nil, ErrNoPage
	}
	end, err := pdf.Seek(-tail, io.SeekEnd)
	if err != nil {
		return nil, ErrNoPage
	}
	last := make([]byte, tail)
	if _, err := io.ReadFull(pdf, last); err != nil {
		return nil, noPage(err)
	}
	_, rest, found := bytes.Cut(last, []byte("startxref\n"))
	line, _, whole := bytes.Cut(rest, []byte("\n%%EOF\n"))
	table, err := strconv.ParseInt(string(line), 10, 64)
	if !found || !whole || err != nil || table < 0 || table > end {
		return nil, ErrNoPage
	}
	head, err := readAt(pdf, table, 64)
	if err != nil {
		return nil, err
	}
	var objects int
	if n, err := fmt.Sscanf(string(head), "xref\n0 %d\n", &objects); n != 1 || err != nil || 3*page+2 >= objects {
		return nil, ErrNoPage
	}
	table += int64(len(fmt.Sprintf("xref\n0 %d\n", objects)))
	const entry = 20
	line, err = readAt(pdf, table+entry*int64(3*page+2), entry)
	if err != nil {
		return nil, err
	}
	var at int64
	if n, err := fmt.Sscanf(string(line), "%d 00000 n \n", &at); n != 1 || err != nil || at < 0 || at > end {
		return nil, ErrNoPage
	}
	head, err = readAt(pdf, at, 256)
	if err != nil {
		return nil, err
	}
	var object, width, height, size int
	head, _, _ = bytes.Cut(head, []byte("stream\n"))
	n, err := fmt.Sscanf(string(head), "%d 0 obj\n<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\n", &object, &width, &height, &size)
	if n != 4 || err != nil || object != 3*page+2 || size < 0 || size > maxPagePicture {
		return nil, ErrNoPage
	}
	start := at + int64(len(head)) + int64(len("stream\n"))
	if start+int64(size) > end {
		return nil, ErrNoPage
	}
	if _, err := pdf.Seek(start, io.SeekStart); err != nil {
		return nil, err
	}
	picture := make([]byte, size)
	_, err = io.ReadFull(pdf, picture)
	return picture, noPage(err)
}

// readAt reads up to so many bytes from a place.
func readAt(r io.ReadSeeker, at int64, most int) ([]byte, error) {
	if _, err := r.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	b := make([]byte, most)
	n, err := io.ReadFull(r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b[:n], noPage(err)
}

// noPage is ErrNoPage for a copy that ends too early.
func noPage(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrNoPage
	}
	return err
}
