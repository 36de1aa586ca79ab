// SPDX-License-Identifier: AGPL-3.0-or-later

package archive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"runtime"
	"strings"

	strict "github.com/go-json-experiment/json"
)

// Archive is an archive that is read.
type Archive struct {
	Manifest Manifest

	members map[string]*zip.File
	bytes   map[string]Member
}

// Open reads what an archive says of itself. Whether its parts have the digests
// they must have is known when each has been read to its end.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	bounded := &measured{r: r, left: maxDirectory}
	z, err := zip.NewReader(bounded, size)
	bounded.left = -1
	switch {
	case errors.Is(err, ErrLimits):
		return nil, fmt.Errorf("%w: too many members", ErrLimits)
	case errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrAlgorithm), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, ErrNot
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	z.RegisterDecompressor(zip.Deflate, inflated)
	a := &Archive{members: make(map[string]*zip.File, len(z.File)), bytes: map[string]Member{}}
	for _, f := range z.File {
		digest, file := strings.CutPrefix(f.Name, filesFolder)
		switch {
		case file && isHex(digest, 64):
		case f.Name == readmeName, f.Name == schemaName, f.Name == casesName, f.Name == outsideName, f.Name == manifestName:
		default:
			return nil, fmt.Errorf("%w: it has a member that is none of an archive", ErrNot)
		}
		if a.members[f.Name] != nil {
			return nil, fmt.Errorf("%w: a member stands twice in it", ErrNot)
		}
		if f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
			return nil, fmt.Errorf("%w: a member is pressed closer than what people write can be", ErrLimits)
		}
		a.members[f.Name] = f
	}
	if err := a.readManifest(); err != nil {
		return nil, err
	}
	return a, nil
}

// readBytes is how much is read of a member at once. A sealed archive hands out
// no less than this for each read, however little it is asked for.
const readBytes = 64 << 10

func inflated(r io.Reader) io.ReadCloser { return flate.NewReader(bufio.NewReaderSize(r, readBytes)) }

// measured lets the list of members be read as far as a limit; what comes after
// that is read without one.
type measured struct {
	r    io.ReaderAt
	left int64 // < 0: no limit any more
}

func (m *measured) ReadAt(p []byte, off int64) (int, error) {
	if m.left >= 0 {
		if m.left -= int64(len(p)); m.left < 0 {
			return 0, ErrLimits
		}
	}
	return m.r.ReadAt(p, off)
}

func (a *Archive) readManifest() error {
	f := a.members[manifestName]
	if f == nil {
		return ErrNot
	}
	content, err := f.Open()
	if err != nil {
		return ErrNot
	}
	text, err := io.ReadAll(io.LimitReader(content, maxManifest+1))
	if err = errors.Join(err, content.Close()); err != nil {
		return fmt.Errorf("%w (%w)", ErrNot, err)
	}
	if len(text) > maxManifest {
		return fmt.Errorf("%w: the manifest has more than %d bytes", ErrLimits, maxManifest)
	}
	m := &a.Manifest
	if err := json.Unmarshal(text, m); err != nil || m.Format != Format {
		return ErrNot
	}
	if m.Version != Version {
		return ErrNewer
	}
	if !isID(m.About.Register) || m.About.Made.IsZero() {
		return fmt.Errorf("%w: its manifest does not say of which register it is, or of when", ErrNot)
	}
	for _, member := range m.Members {
		if a.members[member.Name] == nil || !isHex(member.SHA256, 64) || member.Bytes < 0 {
			return fmt.Errorf("%w: its manifest names a member that is not in it", ErrNot)
		}
		a.bytes[member.Name] = member
	}
	for name := range a.members {
		if _, listed := a.bytes[name]; !listed && name != manifestName && !strings.HasPrefix(name, filesFolder) {
			return fmt.Errorf("%w: its manifest does not name all that is in it", ErrNot)
		}
	}
	for _, name := range []string{casesName, outsideName} {
		if a.members[name] == nil {
			return fmt.Errorf("%w: %s is missing", ErrNot, name)
		}
	}
	return nil
}

// checked reads a member and holds it against its size and digest.
type checked struct {
	r    io.ReadCloser
	sum  hash.Hash
	want string
	left int64 // of its size; -1: not known
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	if c.left >= 0 {
		if c.left -= int64(n); c.left < 0 {
			return n, ErrAltered
		}
	}
	switch {
	case err == io.EOF: //nolint:errorlint // as io.Reader answers it
		if c.left > 0 || hex.EncodeToString(c.sum.Sum(nil)) != c.want {
			return n, ErrAltered
		}
		return n, io.EOF
	case err != nil:
		return n, fmt.Errorf("%w (%w)", ErrAltered, err)
	}
	return n, nil
}

func (c *checked) Close() error { return c.r.Close() }

func (a *Archive) open(name string) (*checked, error) {
	f, member := a.members[name], a.bytes[name]
	content, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrAltered, err)
	}
	return &checked{r: content, sum: sha256.New(), want: member.SHA256, left: member.Bytes}, nil
}

// Cases are the cases, each by its entries in the order in which they were
// written. Those before an error are not to be relied on.
func (a *Archive) Cases() iter.Seq2[[]Entry, error] { return a.streams(casesName) }

// Outside are the records outside cases, likewise.
func (a *Archive) Outside() iter.Seq2[[]Entry, error] { return a.streams(outsideName) }

func (a *Archive) streams(name string) iter.Seq2[[]Entry, error] {
	return func(yield func([]Entry, error) bool) {
		content, err := a.open(name)
		if err != nil {
			yield(nil, err)
			return
		}
		var stream []Entry
		for p, err := range pieces(content, name == casesName) {
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", name, err))
				return
			}
			for i, e := range p.entries {
				if len(stream) > 0 && stream[0].Stream() != e.Stream() {
					if stream[0].Stream() > e.Stream() {
						yield(nil, fmt.Errorf("%s, line %d: the entries do not stand in the order of their cases", name, p.first+i))
						return
					}
					if !yield(stream, nil) {
						return
					}
					stream = nil
				}
				if len(stream) == maxPerStream {
					yield(nil, fmt.Errorf("%w: %s, line %d: more than %d entries of one case", ErrLimits, name, p.first+i, maxPerStream))
					return
				}
				stream = append(stream, e)
			}
		}
		if len(stream) > 0 {
			yield(stream, nil)
		}
	}
}

// piece is some lines of an archive.
type piece struct {
	text    []byte
	first   int // number of its first line
	entries []Entry
	err     error         // why not all of it are entries
	parsed  chan struct{} // closed when it is
}

// pieceBytes is how much is read before its entries are made.
const pieceBytes = 128 << 10

// pieces reads entries to the end of an archive's member, which it closes: one
// reads and digests, while all processors make entries of what was read. They come
// in their order, and no more wait than there are processors.
func pieces(content io.ReadCloser, inCase bool) iter.Seq2[*piece, error] {
	return func(yield func(*piece, error) bool) {
		read, stop := make(chan *piece, runtime.GOMAXPROCS(0)), make(chan struct{})
		var failed error // of the reading: known when read is closed
		go func() {
			defer close(read)
			failed = split(content, func(p *piece) bool {
				go p.parse(inCase)
				select {
				case read <- p:
					return true
				case <-stop:
					<-p.parsed
					return false
				}
			})
		}()
		defer func() {
			close(stop)
			for p := range read { // until nobody works on it any more
				<-p.parsed
			}
			_ = content.Close() // read to its end, or given up
		}()
		for p := range read {
			<-p.parsed
			if p.err != nil {
				yield(nil, p.err)
				return
			}
			if !yield(p, nil) {
				return
			}
		}
		if failed != nil {
			yield(nil, failed)
		}
	}
}

// split cuts what it reads into pieces of whole lines.
func split(r io.Reader, next func(*piece) bool) error {
	var rest []byte // of a line that goes on
	for line, whole := 1, false; !whole; {
		text := make([]byte, 2*len(rest)+pieceBytes)
		n := copy(text, rest)
		more, err := io.ReadFull(r, text[n:])
		text = text[:n+more]
		whole = err == io.EOF || err == io.ErrUnexpectedEOF //nolint:errorlint // as io.ReadFull answers its end; within a member the same is damage
		if err != nil && !whole {
			return err
		}
		end := bytes.LastIndexByte(text, '\n') + 1
		if whole {
			end = len(text)
		}
		if rest = text[end:]; len(rest) > maxLine {
			return tooLong(line + bytes.Count(text[:end], newLine))
		}
		if end == 0 {
			continue
		}
		p := &piece{text: text[:end], first: line, parsed: make(chan struct{})}
		line += bytes.Count(p.text, newLine)
		if !next(p) {
			return nil
		}
	}
	return nil
}

var newLine = []byte{'\n'}

func tooLong(line int) error {
	return fmt.Errorf("%w: line %d has more than %d bytes", ErrLimits, line, maxLine)
}

// parse makes the entries of a piece: each line is one.
func (p *piece) parse(inCase bool) {
	defer close(p.parsed)
	for line := range bytes.Lines(p.text) {
		n := p.first + len(p.entries)
		if len(line) > maxLine {
			p.err = tooLong(n)
			return
		}
		var e Entry
		if err := strict.Unmarshal(line, &e, strict.RejectUnknownMembers(true)); err != nil { // what is not understood would be lost
			p.err = fmt.Errorf("line %d: it is no entry: %w", n, err)
			return
		}
		if err := e.check(inCase); err != nil {
			p.err = fmt.Errorf("line %d: %w", n, err)
			return
		}
		p.entries = append(p.entries, e)
	}
	p.text = nil
}

// Has tells whether a file is in the archive.
func (a *Archive) Has(digest string) bool { return a.members[filesFolder+digest] != nil }

// File reads a file. Its end is answered only if it has its digest.
func (a *Archive) File(digest string) (io.ReadCloser, error) {
	f := a.members[filesFolder+digest]
	if f == nil {
		return nil, fmt.Errorf("%w: a file is missing", ErrAltered)
	}
	content, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrAltered, err)
	}
	return &checked{r: content, sum: sha256.New(), want: digest, left: -1}, nil
}

// FileSize is how many bytes a file has, as the archive says.
func (a *Archive) FileSize(digest string) int64 {
	if f := a.members[filesFolder+digest]; f != nil && f.UncompressedSize64 < 1<<62 {
		return int64(f.UncompressedSize64)
	}
	return 0
}
