// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"syscall"
	"testing"
	"testing/iotest"

	"lukechampine.com/blake3"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/seal"
)

// TestUploadInAnyPortions: in whatever portions a file comes, closed and resumed
// in between, with whatever lost or spoilt at the end of what was written, it is
// the same file in the end, with the same hashes.
func TestUploadInAnyPortions(t *testing.T) {
	v := Open(t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{1, 1000, pieceLen - 1, pieceLen, pieceLen + 1, blockLen, 2*blockLen + 77, 3 * blockLen}).Draw(rt, "n")
		text := make([]byte, n)
		r := mrand.New(mrand.NewPCG(uint64(n), 3))
		for i := range text {
			text[i] = byte(r.Uint32())
		}
		id, key := newID(t), seal.NewKey()
		u, err := v.Begin(id, key, int64(n))
		if err != nil {
			rt.Fatal(err)
		}
		for u.Offset() < int64(n) {
			at := u.Offset()
			some := rapid.IntRange(0, n-int(at)).Draw(rt, "some")
			if rapid.IntRange(0, 2).Draw(rt, "rest") == 0 {
				some = n - int(at)
			}
			in := io.Reader(bytes.NewReader(text[at : int(at)+some]))
			broken := rapid.Bool().Draw(rt, "broken")
			if broken {
				in = io.MultiReader(in, iotest.ErrReader(io.ErrUnexpectedEOF))
			}
			if err := u.Take(context.Background(), in, noLimit); (err != nil) != broken {
				rt.Fatal(err)
			}
			if u.Offset() != at+int64(some) {
				rt.Fatalf("%d bytes came after %d, and it is at %d", some, at, u.Offset())
			}
			if sum := sha256.Sum256(text[:u.Offset()]); u.SHA256() != fmt.Sprintf("%x", sum) {
				rt.Fatal("the hash on the way is of other bytes")
			}
			if u.Offset() < int64(n) && rapid.Bool().Draw(rt, "killed") {
				u.Close()
				path := v.path(id) + pending
				info, err := os.Stat(path)
				if err != nil {
					rt.Fatal(err)
				}
				lost := int64(0)
				if room := info.Size(); room > 0 {
					lost = rapid.Int64Range(0, min(room, 2*pieceLen)).Draw(rt, "lost")
				}
				if err := os.Truncate(path, info.Size()-lost); err != nil {
					rt.Fatal(err)
				}
				if info.Size()-lost >= int64(headerLen) && rapid.Bool().Draw(rt, "spoilt") { // blocks that the disk never got are read as zeros
					f, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
					f.Write(make([]byte, pieceLen+tagLen+5))
					f.Close()
				}
				if u, err = v.Resume(context.Background(), id, key, int64(n)); err != nil {
					rt.Fatal(err)
				}
				if u.Offset() > at+int64(some) || u.Offset()+lost+2*pieceLen < at+int64(some) {
					rt.Fatalf("resumed at %d of %d, of which %d were lost", u.Offset(), at+int64(some), lost)
				}
			}
		}
		if len(text) >= 10 && !bytes.Equal(u.Head()[:10], text[:10]) {
			rt.Fatal("its head is of another file")
		}
		if rapid.Bool().Draw(rt, "end") { // killed when its end was sealed, and its entry not yet written
			if _, err := u.Finish(); err != nil {
				rt.Fatal(err)
			}
			u.Close()
			if u, err = v.Resume(context.Background(), id, key, int64(n)); err != nil {
				rt.Fatal(err)
			}
			if u.Offset() != int64(n/pieceLen*pieceLen) {
				rt.Fatalf("resumed at %d of %d", u.Offset(), n)
			}
			if err := u.Take(context.Background(), bytes.NewReader(text[u.Offset():]), noLimit); err != nil {
				rt.Fatal(err)
			}
		}
		s, err := u.Finish()
		if err != nil {
			rt.Fatal(err)
		}
		u.Close()
		if s.Size != int64(n) || s.SHA256 != sha256.Sum256(text) || s.BLAKE3 != blake3.Sum256(text) {
			rt.Fatalf("%d bytes: size %d, another hash", n, s.Size)
		}
		if got, err := read(v, id, s); err != nil || !bytes.Equal(got, text) {
			rt.Fatalf("%d bytes came back as %d: %v", n, len(got), err)
		}
		if err := v.Drop(id); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestUploadKeepsToItsSize(t *testing.T) {
	v := Open(t.TempDir())
	id, key := newID(t), seal.NewKey()
	u, err := v.Begin(id, key, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Take(context.Background(), bytes.NewReader(make([]byte, 11)), noLimit); !errors.Is(err, ErrTooLarge) || u.Offset() != 0 {
		t.Errorf("more than there is to be: %v", err)
	}
	if _, err := u.Finish(); err == nil {
		t.Error("finished before it was whole")
	}
	if err := u.Take(context.Background(), bytes.NewReader(make([]byte, 10)), noLimit); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(u.Take(context.Background(), bytes.NewReader(nil), noLimit)); !errors.Is(err, errNotOpen) {
		t.Errorf("after it was finished: %v", err)
	}
	u.Close()
	for what, err := range map[string]error{
		"another key": func() error { _, err := v.Resume(context.Background(), newID(t), key, 10); return err }(),
		"no size":     func() error { _, err := v.Resume(context.Background(), id, key, Unknown); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: resumed", what)
		}
	}
}

// full is a disk that has room for so many bytes more.
type full struct {
	sink
	room *int
	sync error
}

func (f full) Write(p []byte) (int, error) {
	if len(p) <= *f.room {
		*f.room -= len(p)
		return f.sink.Write(p)
	}
	n, _ := f.sink.Write(p[:*f.room])
	*f.room = 0
	return n, syscall.ENOSPC
}

func (f full) Sync() error { return errors.Join(f.sync, f.sink.Sync()) }

// TestDiskFull: wherever the disk is full, it is said, nothing is left of what
// did not come in whole, what can be gone on with is, and what was complete is.
func TestDiskFull(t *testing.T) {
	v := Open(t.TempDir())
	before, beforeSealed := put(t, v, content(1000))
	text := content(3*blockLen + 500)
	pieces, lastN := extent(int64(len(text)))
	whole := headerLen + int(pieces-1)*(pieceLen+tagLen) + lastN + tagLen
	for room := 0; room < whole; room += whole/40 + 1 {
		left := room
		v.create = func(path string) (sink, error) {
			f, err := newFile(path)
			return full{f, &left, nil}, err
		}
		if _, err := v.Put(context.Background(), newID(t), bytes.NewReader(text), noLimit); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
		left = room
		id, key := newID(t), seal.NewKey()
		u, err := v.Begin(id, key, int64(len(text)))
		if errors.Is(err, syscall.ENOSPC) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err = u.Take(context.Background(), bytes.NewReader(text), noLimit); err == nil {
			_, err = u.Finish()
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("room for %d bytes, piece by piece: %v", room, err)
		}
		u.Close()
		// There is room again.
		if u, err = v.Resume(context.Background(), id, key, int64(len(text))); err != nil {
			t.Fatal(err)
		}
		if err := u.Take(context.Background(), bytes.NewReader(text[u.Offset():]), noLimit); err != nil {
			t.Fatal(err)
		}
		s, err := u.Finish()
		if err != nil || s.SHA256 != sha256.Sum256(text) {
			t.Errorf("room for %d bytes, then more: %v", room, err)
		}
		u.Close()
		if err := v.Drop(id); err != nil {
			t.Fatal(err)
		}
	}
	v.create = func(path string) (sink, error) {
		f, err := newFile(path)
		room := whole * 2
		return full{f, &room, syscall.EIO}, err
	}
	if _, err := v.Put(context.Background(), newID(t), bytes.NewReader(text), noLimit); !errors.Is(err, syscall.EIO) {
		t.Errorf("a disk that fails at the end: %v", err)
	}
	if entries, _ := os.ReadDir(v.dir); len(entries) != 1 {
		t.Errorf("something is left: %v", entries)
	}
	if err := v.Verify(context.Background(), before, beforeSealed); err != nil {
		t.Errorf("what was complete: %v", err)
	}
}
