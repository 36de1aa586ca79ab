// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How pages are rendered: A4 at about 170 dots an inch.
const (
	pageSide    = 2000 // the long side, pixels
	pagePoints  = 842  // the long side of the copy's pages, points
	pageQuality = 82
	scanLetters = 40 // a page with fewer letters is taken to be a scan
)

// document renders a PDF and puts the pictures of its pages together as a new one.
func (w *work) document(data []byte) error {
	render, info := find("pdftoppm"), find("pdfinfo")
	if render == "" || info == "" {
		return &RefusedError{Code: NeedsProgram, Need: "poppler-utils"}
	}
	w.warn(data)
	if err := w.information(info, data); err != nil {
		return err
	}
	if err := w.written(data); err != nil {
		return err
	}
	if w.job.Do == Read {
		return w.readDocument(render, data)
	}
	doc := newPages(w.out)
	err := w.pages(render, data, func(n int, img image.Image) error {
		if boxes := OnPage(w.job.Boxes, n); len(boxes) > 0 {
			img = Redact(img, boxes)
		}
		if n == 1 {
			var err error
			if w.report.Thumbnail, err = Thumbnail(img); err != nil {
				return err
			}
		}
		return doc.add(img)
	})
	if err != nil {
		return err
	}
	w.report.Copy = PDF
	return doc.close()
}

// The marks in a PDF of what happens by itself (ISO 32000-1, 12.6).
var warnings = []struct {
	mark string
	note Note
}{
	{"/JavaScript", HadScript}, {"/JS", HadScript}, {"/OpenAction", HadAction}, {"/AA", HadAction}, {"/Launch", HadAction}, {"/SubmitForm", HadAction},
	{"/EmbeddedFile", HadFiles}, {"/Filespec", HadFiles}, {"/RichMedia", HadFiles}, {"/XFA", HadScript},
}

// warn tells what of a PDF is plainly dangerous. What is packed isn't seen: the
// copy is safe either way.
func (w *work) warn(data []byte) {
	for _, x := range warnings {
		at := 0
		for {
			i := bytes.Index(data[at:], []byte(x.mark))
			if i < 0 {
				break
			}
			at += i + len(x.mark)
			if at < len(data) && strings.IndexByte(" \t\r\n\f\x00()<>[]{}/%0123456789", data[at]) >= 0 {
				w.report.note(x.note)
				break
			}
		}
	}
}

// information reads what the PDF says about itself, and how many pages it has.
func (w *work) information(program string, data []byte) error {
	out, complaint, err := output(w.ctx, maxBlock, program, data, "-enc", "UTF-8", "-")
	if err != nil {
		return w.failed(complaint, err)
	}
	for line := range strings.Lines(string(out)) {
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || value == "" || value == "no" || value == "none" {
			continue
		}
		switch name {
		case "Pages":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 1 {
				return refuse(Broken)
			}
			if n > int64(w.job.Limits.Pages) {
				return &RefusedError{Code: TooManyPages, Have: n, Most: int64(w.job.Limits.Pages)}
			}
		case "JavaScript":
			w.report.note(HadScript)
		case "Title", "Subject", "Keywords", "Author", "Creator", "Producer", "CreationDate", "ModDate", "Page size", "PDF version", "Form":
			w.report.fact("PDF", name, value)
		}
	}
	return nil
}

// written keeps the text of a PDF.
func (w *work) written(data []byte) error {
	program := find("pdftotext")
	if program == "" {
		return nil
	}
	out, complaint, err := output(w.ctx, maxText+1, program, data, "-enc", "UTF-8", "-l", strconv.Itoa(w.job.Limits.Pages), "-", "-")
	if err != nil {
		return w.failed(complaint, err)
	}
	w.report.Text = strings.TrimSpace(w.lines(string(out)))
	return nil
}

// failed is why one of poppler's programs failed.
func (w *work) failed(complaint string, err error) error {
	switch {
	case w.ctx.Err() != nil:
		return refuse(TooLong)
	case strings.Contains(complaint, "ncorrect password"):
		return refuse(Encrypted)
	case strings.Contains(complaint, "ut of memory"), strings.Contains(complaint, "bad_alloc"):
		return &RefusedError{Code: TooMuchRAM, Most: w.job.Limits.Memory}
	}
	return refuse(Broken)
}

// pages renders the pages and hands them on one by one.
func (w *work) pages(program string, data []byte, each func(n int, img image.Image) error) error {
	complaint := &cut{left: 4096}
	cmd := command(w.ctx, program, bytes.NewReader(data), "-scale-to", strconv.Itoa(pageSide), "-l", strconv.Itoa(w.job.Limits.Pages+1), "-")
	cmd.Stderr = complaint
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("poppler doesn't start: %w", err)
	}
	rendered := w.rendered(bufio.NewReaderSize(pipe, 1<<20), each)
	if rendered != nil {
		_ = cmd.Process.Kill()
	}
	waited := cmd.Wait()
	switch {
	case w.ctx.Err() != nil:
		return refuse(TooLong)
	case rendered != nil:
		return rendered
	case waited != nil:
		return w.failed(complaint.String(), waited)
	case w.report.Pages == 0:
		return refuse(Broken)
	}
	return nil
}

func (w *work) rendered(r *bufio.Reader, each func(n int, img image.Image) error) error {
	for {
		img, err := readPPM(r, pageSide)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if w.report.Pages == w.job.Limits.Pages {
			return &RefusedError{Code: TooManyPages, Most: int64(w.job.Limits.Pages)}
		}
		w.report.Pages++
		if err := each(w.report.Pages, img); err != nil {
			return err
		}
	}
}

// readPPM reads one picture of a stream of them as poppler writes them: P6, three
// bytes a pixel (netpbm). It gives io.EOF where there is no further one.
func readPPM(r *bufio.Reader, side int) (image.Image, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, io.EOF
	}
	var numbers [3]int
	magic := make([]byte, 2)
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != "P6" {
		return nil, refuse(Broken)
	}
	for i := range numbers {
		n, err := ppmNumber(r)
		if err != nil {
			return nil, err
		}
		numbers[i] = n
	}
	width, height := numbers[0], numbers[1]
	if width < 1 || height < 1 || width > side+1 || height > side+1 || numbers[2] != 255 {
		return nil, refuse(Broken)
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	row := make([]byte, width*3)
	for y := range height {
		if _, err := io.ReadFull(r, row); err != nil {
			return nil, refuse(Broken)
		}
		to := img.Pix[y*img.Stride:]
		for x := range width {
			to[x*4], to[x*4+1], to[x*4+2], to[x*4+3] = row[x*3], row[x*3+1], row[x*3+2], 255
		}
	}
	return img, nil
}

// ppmNumber reads blanks, a number and the one blank after it.
func ppmNumber(r *bufio.Reader) (int, error) {
	n, digits := 0, 0
	for range 32 {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return 0, refuse(Broken)
		case c >= '0' && c <= '9' && digits < 7:
			n, digits = n*10+int(c-'0'), digits+1
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			if digits > 0 {
				return n, nil
			}
		default:
			return 0, refuse(Broken)
		}
	}
	return 0, refuse(Broken)
}

// readDocument reads the scans of a PDF whose pages have no text.
func (w *work) readDocument(render string, data []byte) error {
	if len([]rune(w.report.Text)) >= scanLetters {
		return nil
	}
	program := find("tesseract")
	if program == "" {
		w.report.note(NoReader)
		return nil
	}
	var text strings.Builder
	err := w.pages(render, data, func(_ int, img image.Image) error {
		if text.Len() > maxText {
			return nil
		}
		words, err := w.ocr(program, img)
		text.WriteString(words)
		text.WriteByte('\n')
		return err
	})
	w.report.Text = strings.TrimSpace(w.lines(text.String()))
	return err
}

// readPicture reads what is written in a picture.
func (w *work) readPicture(img image.Image) error {
	program := find("tesseract")
	if program == "" {
		w.report.note(NoReader)
		return nil
	}
	words, err := w.ocr(program, img)
	w.report.Text = strings.TrimSpace(w.lines(words))
	return err
}

// The languages of the texts, of which those are used that are installed.
var languages = []string{"rus", "kaz", "eng"}

func (w *work) ocr(program string, img image.Image) (string, error) {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, flat(img)); err != nil {
		return "", err
	}
	listed, _, err := output(w.ctx, 1<<16, program, nil, "--list-langs")
	if err != nil {
		return "", w.failed("", err)
	}
	var use []string
	installed := strings.Fields(string(listed))
	for _, l := range languages {
		if slices.Contains(installed, l) {
			use = append(use, l)
		}
	}
	if len(use) == 0 {
		w.report.note(NoReader)
		return "", nil
	}
	read := func(language string) (string, error) {
		out, complaint, err := output(w.ctx, maxText, program, b.Bytes(), "stdin", "stdout", "-l", language)
		if err != nil {
			return "", w.failed(complaint, err)
		}
		return string(out), nil
	}
	text, err := read(strings.Join(use, "+"))
	if err != nil || !slices.Contains(use, "rus") || !slices.Contains(use, "kaz") {
		return text, err
	}
	// Beside Russian its letters win, and Kazakh words lose theirs: read once more.
	kazakh, err := read("kaz")
	if other := otherReadings(text, kazakh); other != "" {
		text += OtherReading + other + "\n"
	}
	return text, err
}

// OtherReading opens a line of words that can be read in another way than they
// stand in the text above.
const OtherReading = "≈ "

// otherReadings are the words of another reading of a text that have Kazakh
// letters and don't stand in it.
func otherReadings(text, kazakh string) string {
	words := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	seen := map[string]bool{}
	for _, w := range words(text) {
		seen[strings.ToLower(w)] = true
	}
	var other []string
	for _, w := range words(kazakh) {
		if strings.ContainsAny(strings.ToLower(w), "әғқңөұүһі") && utf8.RuneCountInString(w) > 2 && !seen[strings.ToLower(w)] {
			seen[strings.ToLower(w)] = true
			other = append(other, w)
		}
	}
	return strings.Join(other, " ")
}
