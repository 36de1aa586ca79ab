// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"lukechampine.com/blake3"

	"github.com/kua-registry/kua/internal/seal"
)

// Unknown is the size of a file of which it is not known how much will come.
const Unknown = -1

const (
	// blockLen is how much is sealed and hashed at a time: so much that handing it
	// from one goroutine to the next costs nothing, and so little that it is in the
	// processor's cache until all have read it.
	blockLen = 4 * pieceLen
	// blocks is how many are on their way at once. With what is sealed of one of
	// them they are all the memory that a file takes, however large it is.
	blocks = 8
)

// HeadSize is how much of the beginning of a file Upload.Head gives.
const HeadSize = 4096

var errNotOpen = errors.New("nothing more can be added to the file as it is open here: resume it")

// sink is what a sealed file is written to.
type sink interface {
	io.Writer
	io.Closer
	Sync() error
}

// Upload is a file that comes in: in one go, or in portions with crashes in
// between. What has come is sealed at once. It is used by one at a time.
type Upload struct {
	id     ID
	key    seal.Key
	size   int64 // that it will have, or Unknown
	f      sink
	aead   cipher.AEAD
	sha    hash.Hash
	blake  hash.Hash
	pieces uint64 // sealed and written
	tail   []byte // that came after them, less than a piece
	head   []byte // of the content
	done   bool
	before func(step string)
}

func newUpload(v *Vault, id ID, key seal.Key, size int64, f sink) (*Upload, error) {
	aead, err := piecesKey(key, id)
	if err != nil {
		return nil, err
	}
	return &Upload{id: id, key: key, size: size, f: f, aead: aead, sha: sha256.New(), blake: blake3.New(sha256.Size, nil), tail: make([]byte, 0, pieceLen), before: v.before}, nil
}

// Begin begins a file that has size bytes, or Unknown, under a key that its
// caller has drawn for it alone.
func (v *Vault) Begin(id ID, key seal.Key, size int64) (*Upload, error) {
	if size > math.MaxInt/2 {
		return nil, ErrTooLarge
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the files can't be made: %w", err)
	}
	v.before("create")
	f, err := v.create(v.path(id) + pending)
	if err != nil {
		return nil, fmt.Errorf("a file can't be written: %w", err)
	}
	u, err := newUpload(v, id, key, size, f)
	if err == nil {
		_, err = f.Write(header(id))
	}
	if err == nil {
		err = syncDir(v.dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a file can't be written: %w", err), f.Close(), os.Remove(v.path(id)+pending))
	}
	return u, nil
}

// Resume goes on with a file that was begun with this key and size, wherever it
// was left: what of it is not whole and in its place is let go of, and comes
// anew. All that was sealed is read, so that the hashes are of every byte.
func (v *Vault) Resume(ctx context.Context, id ID, key seal.Key, size int64) (_ *Upload, err error) {
	if size < 0 || size > math.MaxInt/2 {
		return nil, ErrAltered
	}
	f, err := os.OpenFile(v.path(id)+pending, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("a file can't be read: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	u, err := newUpload(v, id, key, size, f)
	if err != nil {
		return nil, err
	}
	head := make([]byte, headerLen)
	switch n, err := io.ReadFull(f, head); {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF): // it had hardly begun
		if _, err := f.WriteAt(header(id), 0); err != nil {
			return nil, fmt.Errorf("a file can't be written: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("a file can't be read: %w", err)
	case string(head[:n]) != string(header(id)):
		return nil, ErrAltered
	}
	sealed := make([]byte, pieceLen+tagLen)
	for u.pieces < uint64(size/pieceLen) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(f, sealed); err != nil {
			break // so far it came
		}
		open, err := u.aead.Open(sealed[:0], nonce(u.pieces, false), sealed, nil)
		if err != nil {
			break // not whole on the disk when the machine stopped
		}
		u.hash(open)
		u.pieces++
	}
	end := int64(headerLen) + int64(u.pieces)*(pieceLen+tagLen)
	if err := f.Truncate(end); err != nil {
		return nil, fmt.Errorf("a file can't be written: %w", err)
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return nil, fmt.Errorf("a file can't be written: %w", err)
	}
	return u, nil
}

func (u *Upload) hash(content []byte) {
	if room := HeadSize - len(u.head); room > 0 {
		u.head = append(u.head, content[:min(room, len(content))]...)
	}
	u.sha.Write(content)
	u.blake.Write(content)
}

// Offset is how much has come, in bytes. After a crash it may be up to a piece less.
func (u *Upload) Offset() int64 { return int64(u.pieces)*pieceLen + int64(len(u.tail)) }

// Head is the beginning of what has come, up to HeadSize bytes.
func (u *Upload) Head() []byte {
	if room := HeadSize - len(u.head); room > 0 {
		return append(u.head[:len(u.head):len(u.head)], u.tail[:min(room, len(u.tail))]...)
	}
	return u.head
}

// SHA256 is the hash of what has come, in hexadecimal digits.
func (u *Upload) SHA256() string {
	all := sha256.New()
	state, err := u.sha.(encoding.BinaryMarshaler).MarshalBinary()
	if err == nil {
		err = all.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
	}
	if err != nil { // never: the standard library's hashes can do it
		panic(err)
	}
	all.Write(u.tail)
	return hex.EncodeToString(all.Sum(nil))
}

// Came is about how much has come of a file that was begun, in bytes.
func (v *Vault) Came(id ID) int64 {
	info, err := os.Stat(v.path(id) + pending)
	if err != nil {
		return 0
	}
	return max(0, (info.Size()-int64(headerLen))/(pieceLen+tagLen)*pieceLen)
}

// block is a portion of a file on its way.
type block struct {
	plain  []byte
	first  uint64       // number of its first piece
	owners atomic.Int32 // who still reads it
}

// Take takes in what r has, to its end, up to limit bytes in all. What came
// before an error is kept, and Offset says how much it is.
func (u *Upload) Take(ctx context.Context, r io.Reader, limit int64) error {
	if u.done {
		return errNotOpen
	}
	if u.size >= 0 {
		limit = min(limit, u.size)
	}
	l := u.line()
	err := u.fill(ctx, l, r, limit)
	if failed := l.end(); failed != nil {
		u.done = true // what is on the disk is not what was hashed
		return failed
	}
	return err
}

// fill hands on blocks of whole pieces, and keeps what is left over.
func (u *Upload) fill(ctx context.Context, l *line, r io.Reader, limit int64) error {
	came := u.Offset()
	for {
		b := <-l.free
		b.plain = append(b.plain[:0], u.tail...)
		var readErr error
		for len(b.plain) < blockLen && readErr == nil {
			if readErr = ctx.Err(); readErr != nil {
				break
			}
			var n int
			n, readErr = r.Read(b.plain[len(b.plain):blockLen])
			b.plain = b.plain[:len(b.plain)+n]
			if came += int64(n); came > limit {
				l.free <- b
				return ErrTooLarge
			}
		}
		whole := len(b.plain) / pieceLen * pieceLen
		u.tail = append(u.tail[:0], b.plain[whole:]...)
		b.plain, b.first = b.plain[:whole], u.pieces
		if whole == 0 {
			l.free <- b
		} else if err := l.hand(b); err != nil {
			return err
		} else {
			u.pieces += uint64(whole / pieceLen)
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return fmt.Errorf("the file can't be read to its end: %w", readErr)
		}
	}
}

// line is where the blocks of a file go: each is hashed twice and sealed at
// the same time, and each of the three takes them in their order.
type line struct {
	free   chan *block
	to     []chan *block
	at     sync.WaitGroup
	failed chan struct{} // closed when a block could not be written
	err    error
}

func (u *Upload) line() *line {
	l := &line{free: make(chan *block, blocks), failed: make(chan struct{})}
	for range blocks {
		l.free <- &block{plain: make([]byte, 0, blockLen)}
	}
	out := make([]byte, 0, blockLen+blockLen/pieceLen*tagLen)
	l.serve(func(b *block) {
		if room := HeadSize - len(u.head); room > 0 {
			u.head = append(u.head, b.plain[:min(room, len(b.plain))]...)
		}
		u.sha.Write(b.plain)
	})
	l.serve(func(b *block) { u.blake.Write(b.plain) })
	l.serve(func(b *block) {
		if l.err != nil {
			return
		}
		out = out[:0]
		for i := range len(b.plain) / pieceLen {
			out = u.aead.Seal(out, nonce(b.first+uint64(i), false), b.plain[i*pieceLen:(i+1)*pieceLen], nil)
		}
		if _, err := u.f.Write(out); err != nil {
			l.err = fmt.Errorf("a file can't be written: %w", err)
			close(l.failed)
		}
	})
	return l
}

func (l *line) serve(do func(*block)) {
	in := make(chan *block, blocks)
	l.to = append(l.to, in)
	l.at.Go(func() {
		for b := range in {
			do(b)
			if b.owners.Add(-1) == 0 {
				l.free <- b
			}
		}
	})
}

func (l *line) hand(b *block) error {
	select {
	case <-l.failed:
		return l.err
	default:
	}
	b.owners.Store(int32(len(l.to)))
	for _, in := range l.to {
		in <- b
	}
	return nil
}

// end waits until all is done that was handed over.
func (l *line) end() error {
	for _, in := range l.to {
		close(in)
	}
	l.at.Wait()
	return l.err
}

// Sync answers when what has come is on the disk, but for less than a piece. On
// an error the file must be closed and resumed.
func (u *Upload) Sync() error {
	if u.done {
		return errNotOpen
	}
	return u.sync()
}

func (u *Upload) sync() error {
	u.before("sync")
	if err := u.f.Sync(); err != nil {
		return fmt.Errorf("a file can't be written: %w", err)
	}
	return nil
}

// Finish seals the end of a file and answers when all of it is on the disk.
func (u *Upload) Finish() (Sealed, error) {
	s := Sealed{Key: u.key, Size: u.Offset()}
	if u.done || u.size >= 0 && s.Size != u.size {
		return Sealed{}, fmt.Errorf("%d bytes of the file have come of %d", s.Size, u.size)
	}
	if s.Size > math.MaxInt/2 {
		return Sealed{}, ErrTooLarge
	}
	u.before("finish")
	u.done = true
	content := len(u.tail)
	u.hash(u.tail)
	u.sha.Sum(s.SHA256[:0])
	u.blake.Sum(s.BLAKE3[:0])
	pieces, lastN := extent(s.Size)
	piece := append(u.tail, 0x80)
	clear(piece[len(piece):pieceLen])
	out := make([]byte, 0, blockLen+blockLen/pieceLen*tagLen)
	for n := u.pieces; n < pieces; n++ {
		last, size := n == pieces-1, pieceLen
		if last {
			size = lastN
		}
		out = u.aead.Seal(out, nonce(n, last), piece[:size], nil)
		if len(out)+pieceLen+tagLen > cap(out) || last {
			if _, err := u.f.Write(out); err != nil {
				return Sealed{}, fmt.Errorf("a file can't be written: %w", err)
			}
			out = out[:0]
		}
		clear(piece[:min(content+1, pieceLen)])
		content = -1
	}
	u.tail = nil
	return s, u.sync()
}

// Close lets go of a file: what has come of it waits until it is resumed.
func (u *Upload) Close() error { return u.f.Close() }

// extent is how many pieces a file of a size has, and the length of the last.
func extent(size int64) (pieces uint64, lastN int) {
	padded := seal.PaddedLen(int(size))
	pieces = uint64((padded + pieceLen - 1) / pieceLen)
	return pieces, padded - int(pieces-1)*pieceLen
}
