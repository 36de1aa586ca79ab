// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// What a place can do instead of what it is asked.
const (
	fine   = ""
	before = "fails before it did it"
	after  = "fails after it did it"
	half   = "does half of it and says that it did"
	wrong  = "does something else and says that it did"
	hangs  = "hangs until nobody waits any more"
)

var errFaulty = errors.New("the place is on fire")

// faulty is a place in memory that does as it is told.
type faulty struct {
	mu     sync.Mutex
	has    map[string][]byte
	proves bool
	does   func(op string) string
	asked  map[string]int
	keeps  bool // never lets go of anything
}

func newFaulty() *faulty {
	return &faulty{has: map[string][]byte{}, does: func(string) string { return fine }, asked: map[string]int{}}
}

// begin says what becomes of a request; wait hangs.
func (p *faulty) begin(ctx context.Context, op string) (how string, err error) {
	p.mu.Lock()
	p.asked[op]++
	how = p.does(op)
	p.mu.Unlock()
	switch how {
	case hangs:
		<-ctx.Done()
		return how, ctx.Err()
	case before:
		return how, errFaulty
	}
	return how, nil
}

func (p *faulty) Put(ctx context.Context, name string, r io.ReaderAt, size int64) (bool, error) {
	how, err := p.begin(ctx, "put")
	if err != nil {
		return false, err
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return false, err
	}
	switch how {
	case half:
		b = b[:len(b)/2]
	case wrong:
		b[len(b)/2] ^= 1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has[name] = b
	if how == after {
		return false, errFaulty
	}
	return p.proves && how == fine, nil
}

func (p *faulty) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	how, err := p.begin(ctx, "get")
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.has[name]
	if !ok || offset+length > int64(len(b)) {
		return nil, fs.ErrNotExist
	}
	b = slices.Clone(b[offset : offset+length])
	switch how {
	case half:
		b = b[:len(b)/2]
	case wrong:
		b[len(b)/2] ^= 2 // not as Put: two wrongs are not to make a right
	case after:
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(io.ErrUnexpectedEOF))), nil
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (p *faulty) Size(ctx context.Context, name string) (int64, error) {
	how, err := p.begin(ctx, "size")
	if err == nil && how == after {
		err = errFaulty
	}
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.has[name]
	if !ok {
		return 0, fs.ErrNotExist
	}
	if how == half {
		return int64(len(b) / 2), nil
	}
	return int64(len(b)), nil
}

func (p *faulty) Remove(ctx context.Context, name string) error {
	how, err := p.begin(ctx, "remove")
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keeps {
		return errFaulty
	}
	delete(p.has, name)
	if how == after {
		return errFaulty
	}
	return nil
}

func (p *faulty) Each(ctx context.Context, f func(string, int64) error) error {
	if _, err := p.begin(ctx, "each"); err != nil {
		return err
	}
	p.mu.Lock()
	all := map[string]int64{}
	for name, b := range p.has {
		all[name] = int64(len(b))
	}
	p.mu.Unlock()
	for name, size := range all {
		if err := f(name, size); err != nil {
			return err
		}
	}
	return nil
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestCarryAndHome(t *testing.T) {
	for _, proves := range []bool{false, true} {
		v, p := Open(filepath.Join(t.TempDir(), "evidence")), newFaulty()
		p.proves = proves
		ctx := context.Background()
		type file struct {
			id   ID
			s    Sealed
			text []byte
		}
		var files []file
		for _, n := range []int{0, 1, pieceLen, leastAhead + 5, 3<<20 + 1} {
			id, s := put(t, v, content(n))
			files = append(files, file{id, s, content(n)})
		}
		if err := v.Carry(ctx); err != nil || len(p.has) > 0 {
			t.Fatalf("there is no place: %v", err)
		}
		v.At(p)
		if c, err := v.Count(); err != nil || c != (Count{Here: 5}) {
			t.Errorf("%+v, %v", c, err)
		}
		if err := v.Carry(ctx); err != nil {
			t.Fatal(err)
		}
		if c, err := v.Count(); err != nil || c != (Count{Away: 5}) {
			t.Errorf("%+v, %v", c, err)
		}
		for _, name := range names(t, v.dir) {
			if !strings.HasSuffix(name, away) {
				t.Errorf("%s is left in the folder", name)
			}
		}
		gets := p.asked["get"]
		if proves != (gets == 0) {
			t.Errorf("proved %v, and it was read back %d times", proves, gets)
		}
		same := func(where string) {
			t.Helper()
			n := 0
			if err := v.Each(func(ID) error { n++; return nil }); err != nil || n != 5 {
				t.Errorf("%s: %d files: %v", where, n, err)
			}
			for _, f := range files {
				if got, err := read(v, f.id, f.s); err != nil || !bytes.Equal(got, f.text) {
					t.Errorf("%s: %d bytes came back as %d: %v", where, len(f.text), len(got), err)
				}
				if there, err := v.Has(f.id); err != nil || !there {
					t.Errorf("%s: it is not there: %v", where, err)
				}
				if stands := v.Stands(ctx, f.id, f.s); stands != (where == "there") {
					t.Errorf("%s: stands: %v", where, stands)
				}
			}
		}
		asked := p.asked["size"]
		same("there")
		if asked = p.asked["size"] - asked; asked != 10 {
			t.Errorf("asked %d times for the size of 5 files", asked)
		}
		if missing, err := v.Fits(ctx, p); err != nil || missing != 0 {
			t.Errorf("it lacks %d: %v", missing, err)
		}
		if missing, err := v.Fits(ctx, newFaulty()); err != nil || missing != 5 {
			t.Errorf("another lacks %d: %v", missing, err)
		}
		var steps []string
		if err := v.Home(ctx, func(done, all int) { steps = append(steps, fmt.Sprint(done, "/", all)) }); err != nil {
			t.Fatal(err)
		}
		if len(p.has) > 0 || fmt.Sprint(steps) != "[0/5 1/5 2/5 3/5 4/5 5/5]" {
			t.Errorf("%d are left in the place; %v", len(p.has), steps)
		}
		v.At(nil)
		same("home")
		if n := len(names(t, v.dir)); n != 5 {
			t.Errorf("%v", names(t, v.dir))
		}
	}
}

// TestReadInThePlace: from wherever a file is read it is the same, by few and not
// too large questions; and what breaks off is asked for once more.
func TestReadInThePlace(t *testing.T) {
	v, p := Open(t.TempDir()), newFaulty()
	v.At(p)
	text := content(40 << 20)
	id, s := put(t, v, text)
	if err := v.Carry(context.Background()); err != nil {
		t.Fatal(err)
	}
	clear(p.asked)
	if got, err := read(v, id, s); err != nil || !bytes.Equal(got, text) {
		t.Fatal(err)
	}
	if p.asked["get"] > 12 || p.asked["size"] != 1 {
		t.Errorf("40 MiB took %v questions", p.asked)
	}
	r, err := v.Open(context.Background(), id, s)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	clear(p.asked)
	for _, at := range []int64{30 << 20, 5, 12345678, 12345678 + pieceLen} {
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, text[at:at+1000]) {
			t.Errorf("at %d: %v", at, err)
		}
	}
	if p.asked["get"] > 4 {
		t.Errorf("four places took %d questions", p.asked["get"])
	}
	for _, how := range []string{half, after} {
		n := 0
		p.does = func(op string) string {
			if n++; op == "get" && n%2 == 0 {
				return how
			}
			return fine
		}
		if got, err := read(v, id, s); err != nil || !bytes.Equal(got, text) {
			t.Errorf("a place that %s, now and then: %v", how, err)
		}
	}
	// One that always does: what came is right, and what did not is no reason to
	// think that the file was altered.
	for how, want := range map[string]error{before: ErrAway, wrong: ErrAltered} {
		p.does = func(op string) string {
			if op == "get" {
				return how
			}
			return fine
		}
		if got, err := read(v, id, s); !errors.Is(err, want) || errors.Is(err, ErrAltered) != errors.Is(want, ErrAltered) || !bytes.HasPrefix(text, got) {
			t.Errorf("a place that %s: %d bytes, %v", how, len(got), err)
		}
	}
	p.does = func(op string) string { return map[string]string{"get": hangs}[op] }
	ctx, cancel := context.WithCancel(context.Background())
	time := make(chan error, 1)
	go func() {
		r, err := v.Open(ctx, id, s)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		time <- err
	}()
	cancel()
	if err := <-time; !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
}

// TestAlteredInThePlaceRegression: what was cut off, exchanged with another, lost,
// or is not ours is named, as in the folder.
func TestAlteredInThePlaceRegression(t *testing.T) {
	v, p := Open(t.TempDir()), newFaulty()
	v.At(p)
	ctx := context.Background()
	id, s := put(t, v, content(3*pieceLen+100))
	other, _ := put(t, v, content(3*pieceLen+100))
	if err := v.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	whole, foreign := p.has[id.String()], p.has[other.String()]
	for what, b := range map[string][]byte{
		"cut off": whole[:len(whole)-1], "empty": {}, "another": foreign, "a byte more": append(slices.Clone(whole), 0),
		"another's pieces": append(slices.Clone(whole[:headerLen]), foreign[headerLen:]...),
	} {
		p.has[id.String()] = b
		if err := v.Verify(ctx, id, s); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", what, err)
		}
		if err := v.Home(ctx, func(int, int) {}); !errors.Is(err, ErrAltered) {
			t.Errorf("%s, brought back: %v", what, err)
		}
		if there, err := v.Has(id); err != nil || !there || v.there(id, "") || v.there(id, coming) {
			t.Errorf("%s: it was brought back, or forgotten: %v", what, err)
		}
	}
	delete(p.has, id.String())
	if err := v.Verify(ctx, id, s); !errors.Is(err, ErrMissing) {
		t.Errorf("lost: %v", err)
	}
	if err := v.Home(ctx, func(int, int) {}); !errors.Is(err, ErrMissing) {
		t.Errorf("lost, and brought back: %v", err)
	}
	p.has[id.String()] = whole
	p.has["holiday.jpg"] = []byte("x")
	if err := os.WriteFile(filepath.Join(v.dir, "Thumbs.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var found []string
	err := v.Foreign(ctx, func(name string, in bool) error {
		found = append(found, fmt.Sprint(name, in))
		return nil
	}, func(is ID) error {
		if is != id {
			t.Errorf("%s is in the place", is)
		}
		return nil
	})
	if slices.Sort(found); err != nil || fmt.Sprint(found) != "[Thumbs.dbfalse holiday.jpgtrue]" {
		t.Errorf("%v: %v", found, err)
	}
	v.At(nil)
	if err := v.Verify(ctx, id, s); !errors.Is(err, ErrAway) {
		t.Errorf("no place is set up: %v", err)
	}
}

// TestRemoveWhileTheyGo: what is erased while it is on its way to the place, or
// while the place does not answer, is gone from both in the end.
func TestRemoveWhileTheyGo(t *testing.T) {
	v, p := Open(t.TempDir()), newFaulty()
	v.At(p)
	ctx := context.Background()
	id, _ := put(t, v, content(1000))
	in := make(chan struct{})
	p.does = func(op string) string {
		if op == "put" {
			close(in)
			return hangs
		}
		return fine
	}
	carried := make(chan error)
	go func() { carried <- v.Carry(ctx) }()
	<-in
	if err := v.Remove(id); err != nil {
		t.Fatal(err)
	}
	if err := <-carried; err != nil {
		t.Errorf("erased meanwhile: %v", err)
	}
	if n := names(t, v.dir); len(n) > 0 || len(p.has) > 0 {
		t.Errorf("%v is left, and %d in the place", n, len(p.has))
	}
	p.does = func(string) string { return fine }
	other, s := put(t, v, content(1000))
	if err := v.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	p.keeps = true
	if err := v.Remove(other); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(ctx, other, s); !errors.Is(err, ErrMissing) {
		t.Errorf("it is read from the place: %v", err)
	}
	if there, _ := v.Has(other); there {
		t.Error("it is said to be there")
	}
	if err := v.Carry(ctx); !errors.Is(err, errFaulty) {
		t.Errorf("a place that keeps it: %v", err)
	}
	if c, _ := v.Count(); c != (Count{Going: 1}) {
		t.Errorf("%+v", c)
	}
	p.keeps = false
	if err := v.Carry(ctx); err != nil || len(p.has) > 0 || len(names(t, v.dir)) > 0 {
		t.Errorf("%v: %d are left", err, len(p.has))
	}
}

// TestAnyPlaceLosesNothing puts files in, carries them, erases them, brings them
// home and kills the program, in any order, with a place that fails in any way. In
// the end, and whenever the place answers, every file is there and whole but those
// that were erased, and of these nothing is.
func TestAnyPlaceLosesNothing(t *testing.T) {
	type file struct {
		id   ID
		s    Sealed
		text []byte
	}
	steps := []string{"", "carry", "carried", "mark", "leave", "take out", "home", "fetch", "fetched", "remove", "remove" + away, "keep"}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		p := newFaulty()
		v := Open(dir)
		v.At(p)
		files, erased := map[ID]file{}, map[ID]file{}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		check := func() {
			p.does = func(string) string { return fine }
			for id, f := range files {
				if got, err := read(v, id, f.s); err != nil || !bytes.Equal(got, f.text) {
					rt.Fatalf("a file of %d bytes came back as %d: %v; %v", len(f.text), len(got), err, names(t, dir))
				}
				if there, err := v.Has(id); err != nil || !there {
					rt.Fatalf("a file is not there: %v", err)
				}
			}
			for id, f := range erased {
				if _, err := v.Open(ctx, id, f.s); !errors.Is(err, ErrMissing) {
					rt.Fatalf("what was erased is there: %v", err)
				}
			}
			n := 0
			if err := v.Each(func(id ID) error {
				if n++; files[id].text == nil {
					rt.Fatalf("nobody put %s in", id)
				}
				return nil
			}); err != nil || n != len(files) {
				rt.Fatalf("%d files of %d: %v", n, len(files), err)
			}
		}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			how := rapid.SampledFrom([]string{fine, fine, before, after, half, wrong, hangs}).Draw(rt, "how")
			op := rapid.SampledFrom([]string{"put", "get", "size", "remove", "each", ""}).Draw(rt, "op")
			p.proves = rapid.Bool().Draw(rt, "proves")
			within, end := context.WithCancel(ctx)
			p.does = func(is string) string {
				if op != "" && op != is {
					return fine
				}
				if how == hangs {
					end()
				}
				return how
			}
			killed := rapid.SampledFrom(steps).Draw(rt, "killed")
			v.before = func(at string) {
				if at == killed {
					panic("killed")
				}
			}
			var any ID
			for id := range files {
				any = id
			}
			func() {
				defer func() {
					if dead := recover(); dead != nil {
						if dead != "killed" {
							panic(dead)
						}
						v = Open(dir)
						v.At(p)
					}
				}()
				switch rapid.IntRange(0, 4).Draw(rt, "what") {
				case 0, 1:
					text := content(rapid.SampledFrom([]int{1, 1000, pieceLen + 1}).Draw(rt, "n"))
					id := newID(t)
					s, err := v.Put(ctx, id, bytes.NewReader(text), noLimit)
					if err != nil {
						rt.Fatal(err)
					}
					files[id] = file{id, s, text} // its entry is written
					if err := v.Keep(id); err != nil {
						rt.Fatal(err)
					}
				case 2:
					_ = v.Carry(within)
				case 3:
					_ = v.Home(within, func(int, int) {})
				case 4:
					if f, ok := files[any]; ok {
						delete(files, any) // its erasure is written
						erased[any] = f
						if err := v.Remove(any); err != nil {
							rt.Fatal(err)
						}
					}
				}
			}()
			end()
			v.before = func(string) {}
			for id := range erased { // as the next opening does
				if err := v.Remove(id); err != nil {
					rt.Fatal(err)
				}
			}
			if err := v.Sweep(func(id ID, _ []byte) (Fate, error) {
				return map[bool]Fate{true: Stays, false: Goes}[files[id].text != nil], nil
			}); err != nil {
				rt.Fatal(err)
			}
			check()
		}
		if err := v.Carry(ctx); err != nil {
			rt.Fatal(err)
		}
		check()
		if len(p.has) != len(files) {
			rt.Fatalf("there are %d in the place, not %d", len(p.has), len(files))
		}
		if err := v.Home(ctx, func(int, int) {}); err != nil {
			rt.Fatal(err)
		}
		check()
		if left := names(t, dir); len(p.has) > 0 || len(left) != len(files) {
			rt.Fatalf("%d are left in the place, and in the folder %v", len(p.has), left)
		}
	})
}
