// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"lukechampine.com/blake3"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/seal"
)

func newID(t testing.TB) ID {
	t.Helper()
	var id ID
	if _, err := rand.Read(id[:]); err != nil {
		t.Fatal(err)
	}
	return id
}

// content is made text that is easily found.
func content(n int) []byte {
	const word = "The colonel promised it in words of his own. "
	return bytes.Repeat([]byte(word), n/len(word)+1)[:n]
}

const noLimit = 1 << 40

func put(t testing.TB, v *Vault, text []byte) (ID, Sealed) {
	t.Helper()
	id := newID(t)
	s, err := v.Put(context.Background(), id, bytes.NewReader(text), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Keep(id); err != nil {
		t.Fatal(err)
	}
	return id, s
}

func read(v *Vault, id ID, s Sealed) ([]byte, error) {
	r, err := v.Open(context.Background(), id, s)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestPutAndOpen(t *testing.T) {
	v := Open(filepath.Join(t.TempDir(), "evidence"))
	for _, n := range []int{0, 1, 510, 511, 512, pieceLen - 1, pieceLen, pieceLen + 1, 3 * pieceLen, 1<<20 + 7} {
		text := content(n)
		id, s := put(t, v, text)
		if s.Size != int64(n) || s.SHA256 != sha256.Sum256(text) || s.BLAKE3 != blake3.Sum256(text) {
			t.Errorf("%d bytes: size %d, another hash", n, s.Size)
		}
		got, err := read(v, id, s)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes came back as %d: %v", n, len(got), err)
		}
		file, err := os.ReadFile(v.path(id))
		if err != nil {
			t.Fatal(err)
		}
		if n > 40 && bytes.Contains(file, text[:20]) {
			t.Errorf("%d bytes lie there in the clear", n)
		}
		padded := seal.PaddedLen(n)
		if want := headerLen + padded + tagLen*((padded+pieceLen-1)/pieceLen); len(file) != want {
			t.Errorf("%d bytes take %d, not %d", n, len(file), want)
		}
		if info, _ := os.Stat(v.path(id)); info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v", info.Mode())
		}
		if err := v.Verify(context.Background(), id, s); err != nil {
			t.Errorf("verify: %v", err)
		}
	}
	if _, err := v.Open(context.Background(), newID(t), Sealed{}); !errors.Is(err, ErrMissing) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestAnyContentInAnyPortions: whatever comes in, in whatever portions, comes back.
func TestAnyContentInAnyPortions(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		v := Open(dir)
		n := rapid.IntRange(0, 4*pieceLen).Draw(rt, "n")
		seed := rapid.Uint64().Draw(rt, "seed")
		text := make([]byte, n)
		r := mrand.New(mrand.NewPCG(seed, 1))
		for i := range text {
			text[i] = byte(r.Uint32())
		}
		var in io.Reader = bytes.NewReader(text)
		switch rapid.IntRange(0, 3).Draw(rt, "portions") {
		case 1:
			in = iotest.HalfReader(in)
		case 2:
			in = iotest.DataErrReader(in)
		case 3:
			if n < 3000 {
				in = iotest.OneByteReader(in)
			}
		}
		var id ID
		copy(id[:], sha256.New().Sum(text)[:16])
		if _, err := rand.Read(id[:]); err != nil {
			rt.Fatal(err)
		}
		s, err := v.Put(context.Background(), id, in, noLimit)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := read(v, id, s)
		if err != nil || !bytes.Equal(got, text) {
			rt.Fatalf("%d bytes came back as %d: %v", n, len(got), err)
		}
		if err := v.Drop(id); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestWhatIsAlteredIsFoundRegression: one bit anywhere, a piece cut off, added,
// swapped within a file or between two, another name, an older file put back.
func TestWhatIsAlteredIsFoundRegression(t *testing.T) {
	v := Open(filepath.Join(t.TempDir(), "evidence"))
	text := content(3*pieceLen + 100)
	id, s := put(t, v, text)
	other, otherSealed := put(t, v, content(3*pieceLen+101))
	whole, err := os.ReadFile(v.path(id))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(v.path(other))
	if err != nil {
		t.Fatal(err)
	}
	const sealedPiece = pieceLen + tagLen
	piece := func(b []byte, n int) []byte { return b[headerLen+n*sealedPiece : headerLen+(n+1)*sealedPiece] }
	with := func(change func([]byte) []byte) []byte { return change(slices.Clone(whole)) }
	ways := map[string][]byte{
		"empty":                 {},
		"only its header":       whole[:headerLen],
		"half a header":         whole[:5],
		"cut after a piece":     whole[:headerLen+2*sealedPiece],
		"cut by a byte":         whole[:len(whole)-1],
		"the last piece gone":   whole[:len(whole)-(len(whole)-headerLen)%sealedPiece],
		"a byte more":           append(slices.Clone(whole), 0),
		"another file":          foreign,
		"another file's pieces": append(slices.Clone(whole[:headerLen]), foreign[headerLen:]...),
		"two pieces swapped": with(func(b []byte) []byte {
			first := slices.Clone(piece(b, 0))
			copy(piece(b, 0), piece(b, 1))
			copy(piece(b, 1), first)
			return b
		}),
		"a piece of another file": with(func(b []byte) []byte { copy(piece(b, 1), piece(foreign, 1)); return b }),
		"a piece twice":           with(func(b []byte) []byte { copy(piece(b, 1), piece(b, 0)); return b }),
	}
	seed := mrand.Uint64()
	t.Logf("seed %d", seed)
	r := mrand.New(mrand.NewPCG(seed, 2))
	for i := range 200 {
		at, bit := r.IntN(len(whole)), byte(1)<<r.IntN(8)
		if i < headerLen {
			at = i
		}
		ways["bit "+hex.EncodeToString([]byte{byte(at >> 16), byte(at >> 8), byte(at), bit})] = with(func(b []byte) []byte { b[at] ^= bit; return b })
	}
	for what, b := range ways {
		if err := os.WriteFile(v.path(id), b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := read(v, id, s)
		if !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", what, err)
		}
		if !bytes.HasPrefix(text, got) {
			t.Errorf("%s: bytes were handed out that were never put in", what)
		}
	}
	if err := os.WriteFile(v.path(id), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]Sealed{"another key": {Key: otherSealed.Key, Size: s.Size, SHA256: s.SHA256}, "another hash": {Key: s.Key, Size: s.Size, SHA256: otherSealed.SHA256}}
	for _, size := range []int64{-1, 0, s.Size - 1, s.Size + 1, 1 << 62} {
		wrong["size "+hex.EncodeToString([]byte{byte(size)})] = Sealed{Key: s.Key, Size: size, SHA256: s.SHA256}
	}
	for what, w := range wrong {
		if _, err := read(v, id, w); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.Rename(v.path(id), v.path(other)); err != nil {
		t.Fatal(err)
	}
	if _, err := read(v, other, s); !errors.Is(err, ErrAltered) {
		t.Errorf("under another name: %v", err)
	}
}

func TestLimitAndBrokenReaders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "evidence")
	v := Open(dir)
	left := func() []string {
		t.Helper()
		var names []string
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	for _, n := range []int64{99, 0} {
		if _, err := v.Put(context.Background(), newID(t), bytes.NewReader(content(100)), n); !errors.Is(err, ErrTooLarge) {
			t.Errorf("100 bytes where %d are let in: %v", n, err)
		}
	}
	if _, err := v.Put(context.Background(), newID(t), bytes.NewReader(content(100)), 100); err != nil {
		t.Errorf("as much as is let in: %v", err)
	}
	if n := len(left()); n != 1 {
		t.Fatalf("%d files", n)
	}
	gone := errors.New("the line is gone")
	if _, err := v.Put(context.Background(), newID(t), io.MultiReader(bytes.NewReader(content(3*pieceLen)), iotest.ErrReader(gone)), noLimit); !errors.Is(err, gone) {
		t.Errorf("a line that breaks: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Put(ctx, newID(t), bytes.NewReader(content(100)), noLimit); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
	if n := len(left()); n != 1 {
		t.Errorf("something is left of what was not taken: %v", left())
	}
	// An id is used once.
	id, _ := put(t, v, content(10))
	if _, err := v.Put(context.Background(), id, bytes.NewReader(content(20)), noLimit); err != nil {
		t.Fatal(err) // beside the one that stays, which is not touched
	}
	if err := v.Drop(id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(v.path(id)); err != nil {
		t.Errorf("what stays was taken away: %v", err)
	}
}

// TestCrashAtEveryStep ends the program before each step that reaches the disk
// and opens the vault anew: what an entry names is there and whole, of all else
// nothing is left.
func TestCrashAtEveryStep(t *testing.T) {
	steps := []string{"create", "sync", "keep", ""}
	for _, step := range steps {
		v := Open(filepath.Join(t.TempDir(), "evidence"))
		first, firstSealed := put(t, v, content(1000))
		id, named := newID(t), false
		var s Sealed
		func() {
			defer func() { _ = recover() }()
			v.before = func(at string) {
				if at == step {
					panic("killed")
				}
			}
			var err error
			if s, err = v.Put(context.Background(), id, bytes.NewReader(content(2*pieceLen)), noLimit); err != nil {
				t.Fatal(err)
			}
			named = true // the entry is written here
			if got, err := read(v, id, s); err != nil || len(got) != 2*pieceLen {
				t.Errorf("between entry and name it can't be read: %v", err)
			}
			if err := v.Keep(id); err != nil {
				t.Fatal(err)
			}
		}()
		v = Open(v.dir)
		if err := v.Sweep(func(is ID, _ []byte) (Fate, error) {
			if named && is == id {
				return Stays, nil
			}
			return Goes, nil
		}); err != nil {
			t.Fatal(err)
		}
		var ids []ID
		if err := v.Each(func(is ID) error { ids = append(ids, is); return nil }); err != nil {
			t.Fatal(err)
		}
		if want := 1; len(ids) != want && !named || named && len(ids) != 2 {
			t.Errorf("killed before %q: %d files", step, len(ids))
		}
		if named {
			if err := v.Verify(context.Background(), id, s); err != nil {
				t.Errorf("killed before %q: %v", step, err)
			}
		}
		if err := v.Verify(context.Background(), first, firstSealed); err != nil {
			t.Errorf("killed before %q: the file before it: %v", step, err)
		}
		entries, _ := os.ReadDir(v.dir)
		if len(entries) != len(ids) {
			t.Errorf("killed before %q: something is left: %v", step, entries)
		}
	}
}

func TestSweepLeavesWhatIsNotOurs(t *testing.T) {
	v := Open(t.TempDir())
	id, _ := put(t, v, content(10))
	for _, name := range []string{"README.txt", "x.new", strings.ToUpper(id.String()) + pending} {
		if err := os.WriteFile(filepath.Join(v.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	no := func(ID, []byte) (Fate, error) { return Goes, nil }
	if err := v.Sweep(no); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(v.dir)
	if len(entries) != 4 {
		t.Errorf("%d files are left of 4", len(entries))
	}
	wrong := errors.New("the ledger can't be read")
	if err := os.Rename(v.path(id), v.path(id)+pending); err != nil {
		t.Fatal(err)
	}
	if err := v.Sweep(func(ID, []byte) (Fate, error) { return Goes, wrong }); !errors.Is(err, wrong) {
		t.Errorf("it is not known whether an entry names it: %v", err)
	}
	if _, err := os.Stat(v.path(id) + pending); err != nil {
		t.Error("what may be named was taken away")
	}
	if err := Open(filepath.Join(v.dir, "none")).Sweep(no); err != nil {
		t.Errorf("a vault that has no folder yet: %v", err)
	}
}

// TestVector is the example of docs/spec/evidence.md.
func TestVector(t *testing.T) {
	var id ID
	var key seal.Key
	for i := range id {
		id[i] = byte(i)
	}
	for i := range key {
		key[i] = byte(0x80 + i)
	}
	var file memory
	u, err := newUpload(Open(t.TempDir()), id, key, Unknown, &file)
	if err != nil {
		t.Fatal(err)
	}
	file.Write(header(id))
	if err := u.Take(context.Background(), strings.NewReader("куә"), noLimit); err != nil {
		t.Fatal(err)
	}
	s, err := u.Finish()
	if err != nil {
		t.Fatal(err)
	}
	got := sha256.Sum256(file.Bytes())
	spec, err := os.ReadFile("../../docs/spec/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := hex.EncodeToString(got[:]); !strings.Contains(string(spec), want) {
		t.Errorf("docs/spec/evidence.md does not have %s", want)
	}
	r, err := newReader(seekable{bytes.NewReader(file.Bytes())}, id, s)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "куә" {
		t.Errorf("the example opens as %q: %v", text, err)
	}
}

// TestSeek: from wherever a file is read, it is the same; after a place was
// sought, what is altered elsewhere harms nothing, and what is altered here is found.
func TestSeek(t *testing.T) {
	v := Open(t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 100, pieceLen - 1, pieceLen, pieceLen + 1, 2*pieceLen + 77, 4 * pieceLen}).Draw(rt, "n")
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(i * 7 / 3)
		}
		id, s := put(t, v, text)
		r, err := v.Open(context.Background(), id, s)
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		plain := bytes.NewReader(text)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			whence := rapid.IntRange(0, 2).Draw(rt, "whence")
			offset := rapid.Int64Range(-int64(n), int64(n)).Draw(rt, "offset")
			at, err := r.Seek(offset, whence)
			want, wantErr := plain.Seek(offset, whence)
			if (err == nil) != (wantErr == nil) {
				rt.Fatalf("Seek(%d, %d): %v, %v", offset, whence, err, wantErr)
			}
			if err == nil && at != min(want, int64(n)) {
				rt.Fatalf("Seek(%d, %d) is at %d, not %d", offset, whence, at, want)
			}
			if want > int64(n) {
				_, _ = plain.Seek(0, io.SeekEnd)
			}
			length := rapid.IntRange(0, n+1).Draw(rt, "length")
			got, err := io.ReadAll(io.LimitReader(r, int64(length)))
			if err != nil {
				rt.Fatal(err)
			}
			if want, _ := io.ReadAll(io.LimitReader(plain, int64(length))); !bytes.Equal(got, want) {
				rt.Fatalf("after Seek(%d, %d), %d bytes: others came", offset, whence, length)
			}
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			rt.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
			rt.Fatalf("from the beginning again: %v", err)
		}
	})
	text := content(3 * pieceLen)
	id, s := put(t, v, text)
	b, err := os.ReadFile(v.path(id))
	if err != nil {
		t.Fatal(err)
	}
	b[headerLen+pieceLen+tagLen+5] ^= 1 // in the second piece
	if err := os.WriteFile(v.path(id), b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := v.Open(context.Background(), id, s)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Seek(2*pieceLen+1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text[2*pieceLen+1:]) {
		t.Errorf("the third piece: %v", err)
	}
	if _, err := r.Seek(pieceLen+1, io.SeekStart); !errors.Is(err, ErrAltered) {
		t.Errorf("the second: %v", err)
	}
}

// memory is a file in memory that is written.
type memory struct{ bytes.Buffer }

func (*memory) Sync() error  { return nil }
func (*memory) Close() error { return nil }

// seekable is one that is read.
type seekable struct{ *bytes.Reader }

func (seekable) Close() error { return nil }

// FuzzOpen: no file, whatever is in it, does harm or opens as another.
func FuzzOpen(f *testing.F) {
	v := Open(f.TempDir())
	id, s := put(f, v, content(pieceLen+5))
	whole, err := os.ReadFile(v.path(id))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, s.Size)
	f.Add(whole[:headerLen+10], s.Size)
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		r, err := newReader(seekable{bytes.NewReader(b)}, id, Sealed{Key: s.Key, Size: size, SHA256: s.SHA256})
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err == nil && (!bytes.Equal(b, whole) || size != s.Size) {
			t.Fatal("something else opened as the file")
		}
	})
}
