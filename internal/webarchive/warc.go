// SPDX-License-Identifier: AGPL-3.0-or-later

package webarchive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

const gzipMark = "\x1f\x8b"

// Limits bound what one capture may cost, all of it together.
type Limits struct {
	Bytes   int64 // unpacked
	Records int
	Files   int // of a package or folder
}

// DefaultLimits are enough for a site of some gigabytes.
func DefaultLimits() Limits { return Limits{Bytes: 16 << 30, Records: 1_000_000, Files: 10_000} }

// Verdict is what a digest says about what it stands beside.
type Verdict string

// The verdicts.
const (
	Right   Verdict = "right"
	Wrong   Verdict = "wrong"
	None    Verdict = "none"    // there is no digest
	Unknown Verdict = "unknown" // there is one that can't be checked here
	Missing Verdict = "missing" // of a package: it is listed and not there
)

// Record is one record of a WARC file. Its texts are from outside: they are bounded
// and nothing else.
type Record struct {
	Type    string    // response, request, resource, metadata, revisit, warcinfo …
	Target  string    // the address
	Date    time.Time // when it was captured, UTC; zero where it isn't said
	Status  int       // of an HTTP response, else 0
	Media   string    // of the payload
	Size    int64     // of the block, bytes
	Block   Verdict   // WARC-Block-Digest
	Payload Verdict   // WARC-Payload-Digest
}

// ErrTooBig tells that a capture goes beyond the limits, as one does that is made
// to unpack to more than a disk holds.
var ErrTooBig = errors.New("the capture is bigger than is allowed when it is unpacked")

// The most that is read of one header.
const (
	maxLine   = 16 << 10
	maxHeader = 256
	maxHTTP   = 256 << 10
)

// readWARC reads a WARC file, plain or in gzip members, and hands on its records
// in their order. It stops with an error at what is no WARC, is cut off or goes
// beyond what is left; what was handed on before stands.
func readWARC(ctx context.Context, r io.Reader, left *Limits, each func(Record) error) error {
	in := bufio.NewReaderSize(&untilDone{ctx, r}, 64<<10)
	if head, _ := in.Peek(2); string(head) == gzipMark {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("the capture is damaged: %w", err)
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	bounded := &limited{r: in, left: &left.Bytes}
	in = bufio.NewReaderSize(bounded, 64<<10)
	for n := 0; ; n++ {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if left.Records == 0 {
			return ErrTooBig
		}
		left.Records--
		rec, err := readRecord(in)
		if bounded.over {
			return ErrTooBig
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", n+1, err)
		}
		if err := each(rec); err != nil {
			return err
		}
	}
}

func readRecord(r *bufio.Reader) (Record, error) {
	version, err := line(r)
	if err != nil {
		return Record{}, err
	}
	if version != "WARC/1.0" && version != "WARC/1.1" {
		return Record{}, errors.New("this is no WARC record of version 1.0 or 1.1")
	}
	header, err := headers(r)
	if err != nil {
		return Record{}, err
	}
	size, err := strconv.ParseInt(header["content-length"], 10, 64)
	if err != nil || size < 0 {
		return Record{}, errors.New("the length of the record isn't said")
	}
	target := header["warc-target-uri"]
	if inner, ok := strings.CutPrefix(target, "<"); ok { // as wget writes it
		target = strings.TrimSuffix(inner, ">")
	}
	rec := Record{Type: header["warc-type"], Target: target, Size: size, Media: header["content-type"], Block: None, Payload: None}
	if t, err := time.Parse(time.RFC3339Nano, header["warc-date"]); err == nil {
		rec.Date = t.UTC()
	}
	block, payload := newDigest(header["warc-block-digest"]), newDigest(header["warc-payload-digest"])
	body := &io.LimitedReader{R: io.TeeReader(r, block), N: size}
	raw := true
	if strings.HasPrefix(header["content-type"], "application/http") {
		raw = readHTTP(body, payload, &rec)
	} else if _, err := io.Copy(payload, body); err != nil {
		return Record{}, fmt.Errorf("the record is damaged: %w", err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return Record{}, fmt.Errorf("the record is damaged: %w", err)
	}
	if body.N > 0 {
		return Record{}, fmt.Errorf("the record is cut off: %w", io.ErrUnexpectedEOF)
	}
	var end [4]byte
	if _, err := io.ReadFull(r, end[:]); err != nil || string(end[:]) != "\r\n\r\n" {
		return Record{}, errors.New("the record doesn't end where it says")
	}
	rec.Block, rec.Payload = block.verdict(), payload.verdict()
	switch {
	case rec.Type == "revisit" && payload.want != nil:
		rec.Payload = Unknown // the digest is of what was captured before
	case !raw && rec.Payload == Wrong:
		rec.Payload = Unknown // some archivers take the digest before, some after the chunks are joined
	}
	return rec, nil
}

// readHTTP reads an HTTP message: its payload is what follows its header. It says
// whether that stands as it was sent, not in chunks.
func readHTTP(body *io.LimitedReader, payload *digest, rec *Record) bool {
	r := bufio.NewReaderSize(body, 32<<10)
	raw, media := true, ""
	for read, n := 0, 0; read < maxHTTP; n++ {
		text, err := r.ReadSlice('\n')
		read += len(text)
		if err != nil {
			break // no header, or a line without an end: the rest is taken for payload
		}
		text = bytes.TrimRight(text, "\r\n")
		if n == 0 {
			if fields := strings.Fields(string(text)); len(fields) > 1 && strings.HasPrefix(fields[0], "HTTP/") {
				if status, err := strconv.Atoi(fields[1]); err == nil && status >= 100 && status <= 999 {
					rec.Status = status
				}
			}
			continue
		}
		if len(text) == 0 {
			break
		}
		name, value, _ := strings.Cut(string(text), ":")
		switch strings.ToLower(name) {
		case "content-type":
			media = strings.TrimSpace(value)
		case "transfer-encoding":
			raw = false
		}
	}
	rec.Media = media
	_, _ = io.Copy(payload, r)
	return raw
}

// headers reads names and values up to an empty line; names in small letters.
func headers(r *bufio.Reader) (map[string]string, error) {
	found := map[string]string{}
	for range maxHeader {
		text, err := line(r)
		if err != nil {
			return nil, err
		}
		if text == "" {
			return found, nil
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return nil, errors.New("a line of the header is none")
		}
		found[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return nil, errors.New("the header is too long")
}

func line(r *bufio.Reader) (string, error) {
	text, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(text) > maxLine:
		return "", errors.New("a line of the header is too long")
	case err != nil:
		return "", fmt.Errorf("the header is cut off: %w", io.ErrUnexpectedEOF)
	}
	return strings.ToValidUTF8(strings.TrimRight(string(text), "\r\n"), "\ufffd"), nil
}

// digest takes the hash that a text like sha1:BASE32 or sha256:hex names.
type digest struct {
	hash.Hash
	want  []byte
	given bool
}

func newDigest(s string) *digest {
	d := &digest{given: s != ""}
	name, value, _ := strings.Cut(s, ":")
	switch strings.ReplaceAll(strings.ToLower(name), "-", "") {
	case "sha1":
		d.Hash = sha1.New()
	case "sha256":
		d.Hash = sha256.New()
	case "sha3512":
		d.Hash = sha3.New512()
	case "sha512":
		d.Hash = sha512.New()
	case "md5":
		d.Hash = md5.New()
	default:
		return d
	}
	if b, err := hex.DecodeString(value); err == nil && len(b) == d.Size() {
		d.want = b
	} else if b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(strings.ToUpper(value), "=")); err == nil && len(b) == d.Size() {
		d.want = b
	}
	return d
}

func (d *digest) Write(p []byte) (int, error) {
	if d.want == nil {
		return len(p), nil
	}
	return d.Hash.Write(p)
}

func (d *digest) verdict() Verdict {
	switch {
	case !d.given:
		return None
	case d.want == nil:
		return Unknown
	case bytes.Equal(d.Sum(nil), d.want):
		return Right
	}
	return Wrong
}

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

// limited reads no more than is left, and remembers that there was more.
type limited struct {
	r    io.Reader
	left *int64
	over bool
}

func (l *limited) Read(p []byte) (int, error) {
	if *l.left <= 0 {
		var one [1]byte
		if n, err := io.ReadFull(l.r, one[:]); n == 0 {
			return 0, err
		}
		l.over = true
		return 0, ErrTooBig
	}
	n, err := l.r.Read(p[:min(int64(len(p)), *l.left)])
	*l.left -= int64(n)
	return n, err
}
