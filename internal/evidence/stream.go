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
	BLAKE3 [sha256.Size]byte // zero: it was not taken
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

// reader opens a sealed file piece by piece.
type reader struct {
	f      io.ReadSeekCloser
	aead   cipher.AEAD
	want   Sealed
	sum    hash.Hash
	whole  bool   // all pieces before n were read in their order, from the first
	n      uint64 // the next piece
	pieces uint64 // in all
	lastN  int    // length of the last, padded
	at     int64  // where in the content the next byte is that Read hands out
	sealed []byte
	open   []byte // content of the piece before n, not yet handed out
	err    error
}

func newReader(f io.ReadSeekCloser, id ID, s Sealed) (*reader, error) {
	if s.Size < 0 || s.Size > math.MaxInt/2 {
		return nil, ErrAltered
	}
	aead, err := piecesKey(s.Key, id)
	if err != nil {
		return nil, err
	}
	r := &reader{f: f, aead: aead, want: s, sum: sha256.New(), whole: true, sealed: make([]byte, pieceLen+tagLen)}
	r.pieces, r.lastN = extent(s.Size)
	// That something was cut off or added is known before the first byte goes out.
	if end, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, broken(err)
	} else if end != s.Length() {
		return nil, ErrAltered
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, broken(err)
	}
	head := make([]byte, headerLen)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, broken(err)
	}
	if string(head) != string(header(id)) {
		return nil, ErrAltered
	}
	return r, nil
}

// Length is how long the file is as it lies there, sealed.
func (s Sealed) Length() int64 {
	pieces, lastN := extent(s.Size)
	return int64(headerLen) + int64(pieces-1)*(pieceLen+tagLen) + int64(lastN+tagLen)
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
	r.at += int64(n)
	return n, nil
}

// Seek goes to any place of the content. From then on every byte is still held
// against its piece, and no longer all of them against the hash.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.want.Size
	}
	switch {
	case offset < 0:
		return 0, errors.New("there is nothing before the beginning of a file")
	case offset == r.at:
		return offset, nil
	case r.err != nil && !errors.Is(r.err, io.EOF):
		return 0, r.err
	}
	offset = min(offset, r.want.Size)
	n := offset / pieceLen
	if _, err := r.f.Seek(int64(headerLen)+n*(pieceLen+tagLen), io.SeekStart); err != nil {
		r.err = broken(err)
		return 0, r.err
	}
	r.n, r.at, r.open, r.err = uint64(n), n*pieceLen, nil, nil
	if r.whole = offset == 0; r.whole {
		r.sum.Reset()
	}
	if skip := offset - r.at; skip > 0 {
		if r.next(); r.err != nil {
			return 0, r.err
		}
		r.open = r.open[skip:]
	}
	r.at = offset
	return offset, nil
}

// next opens the next piece. All pieces are opened before io.EOF, those with
// nothing but padding too: what was altered is found.
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
	begin := int64(r.n) * pieceLen
	r.n++
	content := int(max(0, min(int64(len(open)), r.want.Size-begin)))
	for i, b := range open[content:] { // one marker after the content, then nothing
		want := byte(0)
		if begin+int64(content+i) == r.want.Size {
			want = 0x80
		}
		if b != want {
			r.err = ErrAltered
			return
		}
	}
	r.open = open[:content]
	if r.whole {
		r.sum.Write(r.open)
	}
}

// end says whether all that was read is the whole file that was put in.
func (r *reader) end() error {
	if r.whole && subtle.ConstantTimeCompare(r.sum.Sum(nil), r.want.SHA256[:]) != 1 {
		return ErrAltered
	}
	return io.EOF
}

func (r *reader) Close() error { return r.f.Close() }
