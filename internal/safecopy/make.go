// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Do is what is wanted of a file.
type Do string

// What can be done with a file.
const (
	Copy Do = "copy" // a safe copy, metadata, a thumbnail, the text of a PDF
	Read Do = "read" // the text alone, scans read too: slow
)

// Job is one file to be opened.
type Job struct {
	Media  string // what whoever sent the file says it is; told apart from what it is, never believed
	Do     Do     // empty is Copy
	Boxes  []Box  // burnt into the copy
	Limits Limits
}

// Report is what was found out about a file while the copy was made.
type Report struct {
	Kind      Kind // what the file is
	Copy      Kind // what the copy is; empty without one
	Width     int  // in pixels of the copy, of a picture
	Height    int
	Pages     int           // of a document
	Notes     []Note        // what a reader of the copy must know
	Metadata  []Fact        // what the file says about itself
	Thumbnail []byte        // a small JPEG, of pictures and documents
	Text      string        // what is written in it, in lines
	Walls     []string      // what held the child process in; see Wall
	Refused   *RefusedError // why there is no copy
}

// Fact is one thing that a file says about itself, as plain text on one line.
type Fact struct {
	Where string // EXIF, XMP, IPTC, PNG, PDF …
	Name  string
	Value string
}

// Note is something a reader of the copy must know.
type Note string

// The notes there are.
const (
	OtherMedia   Note = "other-media"   // it isn't what its sender says it is
	FirstPicture Note = "first-picture" // moving or many pictures: the copy is the first
	HadScript    Note = "had-script"    // the original holds a program
	HadFiles     Note = "had-files"     // the original holds other files
	HadAction    Note = "had-action"    // the original does something when it is opened
	HadTail      Note = "had-tail"      // bytes stand after the end of the picture
	CutText      Note = "cut-text"      // there is more text than is kept
	CutMetadata  Note = "cut-metadata"  // there is more metadata than is kept
	NoReader     Note = "no-reader"     // scans can't be read: tesseract isn't installed
	BoxedNoText  Note = "boxed"         // boxes were burnt in, text and metadata withheld
)

// Notes lists every note there is, for those who translate them.
func Notes() []Note {
	return []Note{OtherMedia, FirstPicture, HadScript, HadFiles, HadAction, HadTail, CutText, CutMetadata, NoReader, BoxedNoText}
}

func (r *Report) note(n Note) {
	if !slices.Contains(r.Notes, n) {
		r.Notes = append(r.Notes, n)
	}
}

// The most that is kept of what a file says about itself and of its text.
const (
	maxFacts    = 300
	maxValue    = 500       // letters
	maxText     = 1_000_000 // bytes
	maxTextSize = 4 << 20   // of a plain text file, bytes
)

func (r *Report) fact(where, name, value string) {
	value = Plain(value, maxValue)
	if value == "" {
		return
	}
	if len(r.Metadata) >= maxFacts {
		r.note(CutMetadata)
		return
	}
	r.Metadata = append(r.Metadata, Fact{Where: where, Name: Plain(name, 60), Value: value})
}

// Make reads a file from in and writes its safe copy to out. The error is a
// *RefusedError where the file is at fault; the report is of use then too. What was
// written to out before an error is no copy and must be thrown away.
//
// It works in the process that calls it: for what comes from outside use Run.
func Make(ctx context.Context, job Job, in io.Reader, out io.Writer) (report Report, err error) {
	defer func() {
		// A decoder that panics is a file that is damaged; the child process holds the rest.
		if p := recover(); p != nil {
			err = refuse(Broken)
		}
		var r *RefusedError
		if errors.As(err, &r) {
			report.Refused = r
		}
	}()
	limits := job.Limits
	ctx, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	r := bufio.NewReaderSize(io.LimitReader(&untilDone{ctx, in}, limits.Bytes+1), 1<<16)
	head, err := r.Peek(HeadSize)
	switch {
	case ctx.Err() != nil:
		return report, refuse(TooLong)
	case err != nil && !errors.Is(err, io.EOF):
		return report, fmt.Errorf("the file can't be read: %w", err)
	case len(head) == 0:
		return report, refuse(Empty)
	}
	report.Kind = Sniff(head)
	if named := mediaType(job.Media); named != "" && !same(named, report.Kind) {
		report.note(OtherMedia)
	}
	bounded := &bounded{to: out, left: limits.Bytes}
	w := &work{ctx: ctx, job: job, report: &report, out: bounded}
	if report.Kind.Recording() && len(job.Boxes) == 0 {
		err = w.recording(r)
	} else {
		err = w.whole(r)
	}
	if ctx.Err() != nil {
		err = refuse(TooLong)
	}
	if bounded.over {
		err = &RefusedError{Code: TooManyBytes, Most: limits.Bytes}
	}
	if len(job.Boxes) > 0 {
		// What was hidden in the copy must not stand beside it.
		report.Metadata, report.Text = nil, ""
		report.note(BoxedNoText)
	}
	return report, err
}

// work is one file being opened.
type work struct {
	ctx    context.Context
	job    Job
	report *Report
	out    io.Writer
}

// whole reads all of a file into memory and opens it.
func (w *work) whole(in io.Reader) error {
	data, err := io.ReadAll(in)
	switch {
	case w.ctx.Err() != nil:
		return refuse(TooLong)
	case err != nil:
		return fmt.Errorf("the file can't be read: %w", err)
	case int64(len(data)) > w.job.Limits.Bytes:
		return &RefusedError{Code: TooManyBytes, Most: w.job.Limits.Bytes}
	}
	return w.open(data)
}

func (w *work) open(data []byte) error {
	kind := w.report.Kind
	if len(w.job.Boxes) > 0 && !kind.Picture() && kind != PDF {
		if r := reasons[kind]; r != "" {
			return refuse(r)
		}
		return refuse(NoBoxes)
	}
	switch {
	case kind.Picture():
		return w.picture(data)
	case kind == PDF:
		return w.document(data)
	case kind == Text:
		return w.text(data)
	case kind == Archive && bytes.HasPrefix(data, []byte("\x1f\x8b")) && strings.HasPrefix(w.job.Media, "application/warc"):
		return refuse(IsCapture)
	}
	if r := reasons[kind]; r != "" {
		return refuse(r)
	}
	return refuse(IsUnknown)
}

var reasons = map[Kind]Code{
	HTML: IsHTML, SVG: IsSVG, Office: IsOffice, Archive: IsArchive, HEIC: IsHEIC, Capture: IsCapture,
}

// text copies plain text without what can't be seen.
func (w *work) text(data []byte) error {
	if len(data) > maxTextSize {
		return &RefusedError{Code: TooManyBytes, Have: int64(len(data)), Most: maxTextSize}
	}
	if !isText(data) {
		return refuse(Broken)
	}
	w.report.Text = w.lines(string(data))
	if w.job.Do == Read {
		return nil
	}
	w.report.Copy = Text
	_, err := io.WriteString(w.out, plainLines(string(data)))
	return err
}

// lines is text from a file as it is kept, within bounds.
func (w *work) lines(s string) string {
	s = plainLines(s)
	if len(s) > maxText {
		w.report.note(CutText)
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

func plainLines(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n"), "\f", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < ' ' || r == 0x7f || turns(r) {
			return -1
		}
		return r
	}, s)
}

func mediaType(s string) string {
	s, _, _ = strings.Cut(strings.ToLower(s), ";")
	return strings.TrimSpace(s)
}

// same says whether a media type as it is named can be of the kind.
func same(named string, kind Kind) bool {
	if named == string(kind) || named == string(Unknown) {
		return true
	}
	switch kind {
	case JPEG:
		return named == "image/jpg" || named == "image/pjpeg"
	case BMP:
		return named == "image/x-ms-bmp" || named == "image/x-bmp"
	case HEIC:
		return named == "image/heif" || named == "image/avif"
	case Text:
		return strings.HasPrefix(named, "text/") && named != "text/html"
	case HTML:
		return strings.HasSuffix(named, "xml") || strings.HasPrefix(named, "multipart/")
	case Office:
		return strings.Contains(named, "officedocument") || strings.Contains(named, "opendocument") || strings.HasPrefix(named, "application/vnd.ms-") || named == "application/msword" || strings.HasSuffix(named, "/rtf")
	case Archive, Capture, Unknown:
		return strings.HasPrefix(named, "application/")
	}
	return kind.Recording() && (strings.HasPrefix(named, "audio/") || strings.HasPrefix(named, "video/"))
}

// untilDone reads until the context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// bounded writes no more than is left.
type bounded struct {
	to   io.Writer
	left int64
	over bool
}

var errOver = errors.New("the copy is too big")

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		b.over = true
		return 0, errOver
	}
	n, err := b.to.Write(p)
	b.left -= int64(n)
	return n, err
}
