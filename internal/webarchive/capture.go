// SPDX-License-Identifier: AGPL-3.0-or-later

package webarchive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode"
)

// Form is by what a capture was made, or in which format it is.
type Form string

// The forms.
const (
	WARC         Form = "warc"          // as wget, warcio and Heritrix write it; or a folder with such files
	WACZ         Form = "wacz"          // of Browsertrix, ArchiveWeb.page
	AutoArchiver Form = "auto_archiver" // folder of Bellingcat's auto-archiver
	ArchiveBox   Form = "archivebox"    // folder of one snapshot
	SingleFile   Form = "singlefile"    // one page as one HTML file
)

// Capture is what a file says of itself as a web capture, and whether it is so.
// Its texts are from outside: they are bounded, on one line and nothing else.
type Capture struct {
	Form     Form      `json:"form"`
	Address  string    `json:"address,omitempty"`  // of the page that was captured; of the first, where there are many
	Taken    time.Time `json:"taken,omitzero"`     // when, as the archiver says; UTC; zero: it doesn't
	Software string    `json:"software,omitempty"` // of the archiver, as it says itself

	Pages     []Page          `json:"pages,omitempty"` // answers that were captured, in their order; the first MostListed of them
	PageCount int             `json:"page_count"`
	Files     []File          `json:"files,omitempty"` // of a package or folder: what is not right first, no more than MostListed
	FileCount int             `json:"file_count"`
	Counts    map[Verdict]int `json:"counts"` // of all records and files

	// Verdict is that of the whole: Wrong where one is, else Missing, else Right
	// where one is, else Unknown, else None.
	Verdict Verdict `json:"verdict"`
	// Damaged says why the capture could not be read to its end; what was read
	// stands. Empty: it was.
	Damaged string `json:"damaged,omitempty"`
}

// Page is one answer in a capture.
type Page struct {
	Address string    `json:"address"`
	Taken   time.Time `json:"taken,omitzero"`   // UTC; zero: it isn't said
	Status  int       `json:"status,omitempty"` // of HTTP; 0: none
	Media   string    `json:"media,omitempty"`
	Digest  Verdict   `json:"digest"`
}

// File is one file of a package or folder.
type File struct {
	Path   string  `json:"path"`
	Size   int64   `json:"bytes"`  // of one that is missing 0
	Digest Verdict `json:"digest"` // by the hash that the archiver wrote down; None: it wrote none
}

// MostListed is how many pages, and how many files, of a capture are listed.
const MostListed = 200

// ErrNoCapture says that a file is no web capture that is known here.
var ErrNoCapture = errors.New("this is no web capture that is known here")

var errTwice = errors.New("two files of the capture have one name: which one is meant can't be told")

// errLocked says that an archive is encrypted.
var errLocked = errors.New("the archive is locked with a password: unpack it, and pack it again without one")

// Read reads a web capture of size bytes: a WARC file, a WACZ package, a page of
// SingleFile, or a folder of an archiver packed into a ZIP archive. What is none,
// or can't be told to be one, gives ErrNoCapture; the other errors are ctx's and
// r's own.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (Capture, error) {
	c := newReader(limits)
	head := make([]byte, min(size, headSize))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Capture{}, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK")):
		z, err := openZIP(r, size, limits)
		if err != nil {
			return c.none(ctx, err)
		}
		return c.readZIP(ctx, z)
	case startsWARC(head):
		c.Form = WARC
		return c.done(ctx, readWARC(ctx, io.NewSectionReader(r, 0, size), &c.left, c.record))
	}
	if page, ok := singleFile(head); ok {
		c.single(page)
		c.Counts[None]++
		return c.done(ctx, nil)
	}
	return c.none(ctx, nil)
}

// ReadFolder is Read of a folder of an archiver as it lies on a disk.
func ReadFolder(ctx context.Context, folder fs.FS, limits Limits) (Capture, error) {
	return newReader(limits).readFolder(ctx, folder)
}

// headSize is how much of a file is looked at to tell what it is.
const headSize = 64 << 10

type reader struct {
	Capture
	left   Limits
	listed []File // that are right or have no hash
}

func newReader(limits Limits) *reader {
	return &reader{Capture: Capture{Counts: map[Verdict]int{}}, left: limits}
}

// none says that something is no capture, or can't be told to be one, and why.
func (c *reader) none(ctx context.Context, why error) (Capture, error) {
	switch {
	case ctx.Err() != nil:
		return Capture{}, ctx.Err()
	case why != nil:
		return Capture{}, fmt.Errorf("%w: %w", ErrNoCapture, why)
	}
	return Capture{}, ErrNoCapture
}

// single takes in a page of SingleFile.
func (c *reader) single(page Page) {
	if c.Form == "" {
		c.Form, c.Address, c.Taken, c.Software = SingleFile, page.Address, page.Taken, "SingleFile"
	}
	if c.PageCount++; len(c.Pages) < MostListed {
		c.Pages = append(c.Pages, page)
	}
}

func (c *reader) readZIP(ctx context.Context, z *zip.Reader) (Capture, error) {
	for _, f := range z.File {
		if f.Flags&1 != 0 {
			return c.none(ctx, errLocked)
		}
	}
	for _, f := range z.File {
		if f.Name != "datapackage.json" {
			continue
		}
		c.Form = WACZ
		p, err := readWACZ(ctx, z, &c.left, func(_ string, rec Record) error { return c.record(rec) })
		c.Software = line1(p.Software)
		if p.Main != "" {
			c.Address = line1(p.Main)
		}
		if t, err := time.Parse(time.RFC3339Nano, p.Created); err == nil && c.Taken.IsZero() {
			c.Taken = t.UTC()
		}
		if p.Manifest != "" {
			c.file(File{Path: "datapackage.json", Digest: p.Manifest})
		}
		for _, f := range p.Files {
			if f.Path != "datapackage-digest.json" {
				c.file(f)
			}
		}
		return c.done(ctx, err)
	}
	return c.readFolder(ctx, z)
}

// record takes in a record of a WARC file.
func (c *reader) record(rec Record) error {
	verdict := worse(rec.Block, rec.Payload)
	c.Counts[verdict]++
	address := line1(rec.Target)
	page := false
	switch rec.Type {
	case "response", "revisit":
		page = true
	case "resource": // a page that was not asked for by HTTP; or what the archiver says of its own work
		page = strings.HasPrefix(address, "http")
	}
	if !page && verdict != Wrong {
		return nil
	}
	return c.page(Page{Address: address, Taken: rec.Date, Status: rec.Status, Media: line1(rec.Media), Digest: verdict}, page)
}

// page takes in an answer; counted is false for something else that was altered.
func (c *reader) page(p Page, counted bool) error {
	if counted {
		if c.Address == "" && strings.HasPrefix(p.Address, "http") {
			c.Address = p.Address
		}
		if !p.Taken.IsZero() && (c.Taken.IsZero() || p.Taken.Before(c.Taken)) {
			c.Taken = p.Taken
		}
		c.PageCount++
	}
	if len(c.Pages) < MostListed {
		c.Pages = append(c.Pages, p)
	} else if p.Digest == Wrong { // what was altered is named, whatever else there is
		c.Pages[MostListed-1] = p
	}
	return nil
}

// file takes in a file of a package or folder.
func (c *reader) file(f File) {
	f.Path = line1(f.Path)
	c.Counts[f.Digest]++
	c.FileCount++
	switch {
	case f.Digest == Wrong || f.Digest == Missing:
		if len(c.Files) < MostListed {
			c.Files = append(c.Files, f)
		}
	case len(c.listed) < MostListed:
		c.listed = append(c.listed, f)
	}
}

// done says what is to be said of the whole. Where nobody waits any more, it is
// said what it seemed to be, with the error of ctx.
func (c *reader) done(ctx context.Context, err error) (Capture, error) {
	if err != nil {
		if ctx.Err() != nil {
			return c.Capture, ctx.Err()
		}
		c.Damaged = line1(err.Error())
	}
	c.Files = append(c.Files, c.listed[:min(len(c.listed), MostListed-len(c.Files))]...)
	c.Verdict = None
	for _, v := range []Verdict{Wrong, Missing, Right, Unknown} {
		if c.Counts[v] > 0 {
			c.Verdict = v
			break
		}
	}
	return c.Capture, nil
}

// worse is what two digests of one thing say together.
func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Wrong, Right, Unknown} {
		if a == v || b == v {
			return v
		}
	}
	return None
}

func startsWARC(head []byte) bool {
	if bytes.HasPrefix(head, []byte(gzipMark)) {
		z, err := gzip.NewReader(bytes.NewReader(head))
		if err != nil {
			return false
		}
		head, _ = bufio.NewReader(z).Peek(len("WARC/1."))
	}
	return bytes.HasPrefix(head, []byte("WARC/1."))
}

func isWARC(name string) bool {
	return strings.HasSuffix(name, ".warc") || strings.HasSuffix(name, ".warc.gz")
}

// maxDirectory is how much of a ZIP archive is read to list what is in it.
const maxDirectory = 8 << 20

// openZIP lists the files of a ZIP archive, within bounds.
func openZIP(r io.ReaderAt, size int64, limits Limits) (*zip.Reader, error) {
	counted := &counting{r: r, left: maxDirectory}
	z, err := zip.NewReader(counted, size)
	if counted.over {
		return nil, ErrTooBig
	}
	if err != nil {
		return nil, err
	}
	if len(z.File) > limits.Files {
		return nil, ErrTooBig
	}
	counted.free = true
	return z, nil
}

// counting bounds how much of an archive is read before its files are known.
type counting struct {
	r          io.ReaderAt
	left       int64
	free, over bool
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	if !c.free {
		if c.left -= int64(len(p)); c.left < 0 {
			c.over = true
			return 0, ErrTooBig
		}
	}
	return c.r.ReadAt(p, off)
}

// line1 is a text from outside on one line: bounded, without what can't be seen
// or turns the direction of writing.
func line1(s string) string {
	const most = 2000
	s = strings.Map(func(c rune) rune {
		switch {
		case c == unicode.ReplacementChar, unicode.Is(unicode.Cf, c), unicode.Is(unicode.Zl, c), unicode.Is(unicode.Zp, c):
			return -1
		case unicode.IsControl(c):
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s[:min(len(s), 4*most)], ""))
	s = strings.TrimSpace(s)
	if letters := []rune(s); len(letters) > most {
		s = string(letters[:most]) + "…"
	}
	return s
}
