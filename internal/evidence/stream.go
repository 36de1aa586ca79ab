// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/kua-registry/kua/internal/seal"
)

// The format of a sealed file (docs/spec/evidence.md).
const (
	magic     = "kuafile\x01"
	headerLen = len(magic) + len(ID{})
	pieceLen  = 64 << 10
	tagLen    = 16
	fileLabel = "kua/file/v1"
)

// Sealed is what is needed to read a file back: it belongs into the identity
// part of the entry that names it, and nowhere else.
type Sealed struct {
	Key    seal.Key
	Size   int64 // of the original, in bytes
	SHA256 [sha256.Size]byte
}

func header(id ID) []byte { return append([]byte(magic), id[:]...) }

// piecesKey is the cipher of the pieces of one file.
func piecesKey(key seal.Key, id ID) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key[:], header(id), fileLabel, len(key))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce is that of the n-th piece. No two pieces of a file have the same, and
// the last is told from the others, so that none can be moved or cut off.
func nonce(n uint64, last bool) []byte {
	out := make([]byte, 12)
	binary.BigEndian.PutUint64(out[3:11], n)
	if last {
		out[11] = 1
	}
	return out
}

// write seals what r has, padded, piece after piece.
func write(w io.Writer, id ID, r io.Reader, limit int64) (Sealed, error) {
	s := Sealed{Key: seal.NewKey()}
	aead, err := piecesKey(s.Key, id)
	if err != nil {
		return Sealed{}, err
	}
	if _, err := w.Write(header(id)); err != nil {
		return Sealed{}, fmt.Errorf("a file can't be written: %w", err)
	}
	out := &pieces{w: w, aead: aead, buf: make([]byte, 0, pieceLen), out: make([]byte, 0, pieceLen+tagLen)}
	sum := sha256.New()
	piece := make([]byte, pieceLen)
	for {
		n, err := r.Read(piece)
		if s.Size += int64(n); s.Size > limit {
			return Sealed{}, ErrTooLarge
		}
		sum.Write(piece[:n])
		if err := out.write(piece[:n]); err != nil {
			return Sealed{}, err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Sealed{}, fmt.Errorf("the file can't be read to its end: %w", err)
		}
	}
	if s.Size > math.MaxInt/2 {
		return Sealed{}, ErrTooLarge
	}
	rest := int64(seal.PaddedLen(int(s.Size))) - s.Size
	if err := out.write([]byte{0x80}); err != nil {
		return Sealed{}, err
	}
	clear(piece)
	for rest--; rest > 0; {
		n := min(rest, pieceLen)
		if err := out.write(piece[:n]); err != nil {
			return Sealed{}, err
		}
		rest -= n
	}
	sum.Sum(s.SHA256[:0])
	return s, out.flush(true)
}

// pieces seals what is written to it. A full piece waits until more comes: only
// then is it known not to be the last.
type pieces struct {
	w    io.Writer
	aead cipher.AEAD
	n    uint64
	buf  []byte
	out  []byte
}

func (p *pieces) write(b []byte) error {
	for len(b) > 0 {
		if len(p.buf) == pieceLen {
			if err := p.flush(false); err != nil {
				return err
			}
		}
		n := min(len(b), pieceLen-len(p.buf))
		p.buf = append(p.buf, b[:n]...)
		b = b[n:]
	}
	return nil
}

func (p *pieces) flush(last bool) error {
	p.out = p.aead.Seal(p.out[:0], nonce(p.n, last), p.buf, nil)
	p.n++
	p.buf = p.buf[:0]
	if _, err := p.w.Write(p.out); err != nil {
		return fmt.Errorf("a file can't be written: %w", err)
	}
	return nil
}

// reader opens a sealed file piece by piece.
type reader struct {
	f      io.ReadCloser
	aead   cipher.AEAD
	want   Sealed
	sum    hash.Hash
	n      uint64 // pieces read
	pieces uint64 // in all
	lastN  int    // length of the last, padded
	at     int64  // bytes opened, the padding too
	left   int64  // of the content, not yet opened
	sealed []byte
	open   []byte // of the piece at hand, not yet handed out
	err    error
}

func newReader(f io.ReadCloser, id ID, s Sealed) (*reader, error) {
	if s.Size < 0 || s.Size > math.MaxInt/2 {
		return nil, ErrAltered
	}
	aead, err := piecesKey(s.Key, id)
	if err != nil {
		return nil, err
	}
	head := make([]byte, headerLen)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, broken(err)
	}
	if string(head) != string(header(id)) {
		return nil, ErrAltered
	}
	padded := seal.PaddedLen(int(s.Size))
	r := &reader{f: f, aead: aead, want: s, sum: sha256.New(), left: s.Size, sealed: make([]byte, pieceLen+tagLen)}
	r.pieces = uint64((padded + pieceLen - 1) / pieceLen)
	r.lastN = padded - int(r.pieces-1)*pieceLen
	return r, nil
}

// broken is ErrAltered for a file that ends too early, and else why it could not be read.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrAltered
	}
	return fmt.Errorf("a file can't be read: %w", err)
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.open) == 0 && r.err == nil {
		r.next()
	}
	if len(r.open) == 0 {
		return 0, r.err
	}
	n := copy(p, r.open)
	r.open = r.open[n:]
	return n, nil
}

// next opens the next piece. All pieces are opened before io.EOF, those with
// nothing but padding too: what was cut off is found.
func (r *reader) next() {
	if r.n == r.pieces {
		r.err = r.end()
		return
	}
	last := r.n == r.pieces-1
	size := pieceLen
	if last {
		size = r.lastN
	}
	if _, err := io.ReadFull(r.f, r.sealed[:size+tagLen]); err != nil {
		r.err = broken(err)
		return
	}
	open, err := r.aead.Open(r.sealed[:0], nonce(r.n, last), r.sealed[:size+tagLen], nil)
	if err != nil {
		r.err = ErrAltered
		return
	}
	r.n++
	content := int(min(int64(len(open)), r.left))
	for i, b := range open[content:] { // one marker after the content, then nothing
		want := byte(0)
		if r.at+int64(content+i) == r.want.Size {
			want = 0x80
		}
		if b != want {
			r.err = ErrAltered
			return
		}
	}
	r.at += int64(len(open))
	r.left -= int64(content)
	r.open = open[:content]
	r.sum.Write(r.open)
}

// end says whether all that was read is the whole file that was put in.
func (r *reader) end() error {
	if n, err := r.f.Read(r.sealed[:1]); n > 0 || !errors.Is(err, io.EOF) {
		return ErrAltered
	}
	if subtle.ConstantTimeCompare(r.sum.Sum(nil), r.want.SHA256[:]) != 1 {
		return ErrAltered
	}
	return io.EOF
}

func (r *reader) Close() error { return r.f.Close() }
