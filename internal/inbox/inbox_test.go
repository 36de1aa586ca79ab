// SPDX-License-Identifier: AGPL-3.0-or-later

package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func clock() time.Time { return time.Date(2026, 11, 27, 13, 14, 15, 0, time.UTC) }

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Most: 1 << 30, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, s *Store, d Door, m Message) string {
	t.Helper()
	b, err := s.Message(d, m)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, f := range m.Files {
		text += "+"
		for n := range f.Pieces {
			r, err := s.Piece(d, m, f.Upload, n)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil {
				t.Fatal(err)
			}
			text += string(b)
		}
	}
	return text
}

// state is a report as a test compares it.
func state(t testing.TB, s *Store, d Door) string {
	t.Helper()
	r, err := s.Get(d)
	if errors.Is(err, ErrNone) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{r.Answers, r.Day}
	if r.Withdrawn != "" {
		parts = append(parts, "withdrawn "+r.Withdrawn)
	}
	for _, m := range r.Messages {
		parts = append(parts, fmt.Sprintf("%d %v %v %s %s", m.Number, m.Answer, m.Brought, m.Day, read(t, s, d, m)))
	}
	return strings.Join(parts, "|")
}

func TestReportComesBack(t *testing.T) {
	s := open(t, t.TempDir())
	d, u := Door{1}, Upload{2}
	for n := range 3 {
		if err := s.PutPiece(u, n, []byte(fmt.Sprint("p", n))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(d, "age1pq", []byte("told"), []Attached{{u, 4}}); !errors.Is(err, ErrMissing) {
		t.Errorf("a piece is missing, and it was taken: %v", err)
	}
	if err := s.Put(d, "age1pq", []byte("told"), []Attached{{u, 3}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(d, "age1pq", []byte("other"), nil); !errors.Is(err, ErrTaken) {
		t.Errorf("a second report in its place: %v", err)
	}
	if err := errors.Join(s.Answer(d, []byte("answer")), s.Add(d, []byte("more"), nil)); err != nil {
		t.Fatal(err)
	}
	day := "2026-11-27"
	want := strings.Join([]string{"age1pq", day, "1 false false " + day + " told+p0p1p2", "2 true false " + day + " answer", "3 false false " + day + " more"}, "|")
	if got := state(t, s, d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := s.Withdraw(d); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s, d); got != "age1pq|"+day+"|withdrawn "+day {
		t.Errorf("after it was withdrawn: %s", got)
	}
	if err := s.Add(d, []byte("more"), nil); !errors.Is(err, ErrGone) {
		t.Errorf("more to what was withdrawn: %v", err)
	}
	if err := s.Remove(d); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s, d); got != "" {
		t.Errorf("after it was taken away: %s", got)
	}
	if used, _ := s.Used(); used != 0 {
		t.Errorf("%d bytes are counted, and nothing is there", used)
	}
	if _, err := s.Get(Door{9}); !errors.Is(err, ErrNone) {
		t.Errorf("none: %v", err)
	}
}

// TestNoHour looks at every file and folder: none tells at which hour it came.
func TestNoHour(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := errors.Join(s.PutPiece(Upload{1}, 0, []byte("a")), s.PutPiece(Upload{3}, 0, []byte("a")),
		s.Put(Door{1}, "x", []byte("m"), []Attached{{Upload{1}, 1}}), s.Add(Door{1}, []byte("n"), nil),
		s.Answer(Door{1}, []byte("n")), s.Put(Door{2}, "x", []byte("m"), nil), s.Withdraw(Door{2})); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := f.Info()
		if err == nil && !info.ModTime().Equal(clock().Truncate(24*time.Hour)) {
			t.Errorf("%s has the time %v", f.Name(), info.ModTime())
		}
		seen++
		return err
	})
	if err != nil || seen < 9 {
		t.Errorf("%d files (%v)", seen, err)
	}
}

type killed struct{}

// TestKilledAnywhere kills the program before any step on the disk, and looks
// at what is there when it is opened again: what was acknowledged whole, what
// was not whole or not at all, and no piece of a file lost by it.
func TestKilledAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "inbox")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := open(t, dir)
		known := map[Door]string{}
		pieces := map[Upload]int{} // of no report yet
		next := byte(0)
		for range rapid.IntRange(1, 12).Draw(rt, "acts") {
			left := rapid.IntRange(0, 12).Draw(rt, "steps until it is killed")
			s.before = func(string) error {
				if left--; left < 0 {
					panic(killed{})
				}
				return nil
			}
			next++
			d := Door{rapid.Byte().Draw(rt, "door") % 3}
			var files []Attached
			if rapid.Bool().Draw(rt, "with a file") {
				for u, n := range pieces {
					files = append(files, Attached{u, n})
				}
				slices.SortFunc(files, func(a, b Attached) int { return bytes.Compare(a.Upload[:], b.Upload[:]) })
			}
			text := []byte{'m', next}
			was := state(t, s, d)
			died, acted := false, ""
			func() {
				defer func() {
					if e := recover(); e != nil {
						if _, ok := e.(killed); !ok {
							panic(e)
						}
						died = true
					}
				}()
				var err error
				switch acted = rapid.SampledFrom([]string{"piece", "put", "add", "bring", "answer", "withdraw", "remove"}).Draw(rt, "act"); acted {
				case "piece":
					u := Upload{next}
					if err = s.PutPiece(u, 0, text); err == nil {
						pieces[u] = 1
					}
				case "put":
					err = s.Put(d, "to", text, files)
				case "add":
					err = s.Add(d, text, files)
				case "bring":
					_, err = s.Bring(d, "to", text, files)
				case "answer":
					err = s.Answer(d, text)
				case "withdraw":
					err = s.Withdraw(d)
				case "remove":
					err = s.Remove(d)
				}
				if err == nil && (acted == "put" || acted == "add" || acted == "bring") {
					for _, f := range files {
						delete(pieces, f.Upload)
					}
				}
				if err != nil && !errors.Is(err, ErrNone) && !errors.Is(err, ErrTaken) && !errors.Is(err, ErrGone) {
					rt.Fatalf("%s: %v", acted, err)
				}
			}()
			if !died {
				known[d] = state(t, s, d)
				continue
			}
			s = open(t, dir)
			if left, err := filepath.Glob(filepath.Join(dir, "*", ".*")); err != nil || len(left) > 0 {
				rt.Fatalf("%s: left half done: %v (%v)", acted, left, err)
			}
			now := state(t, s, d)
			there := strings.Contains(now, string(text))
			switch acted {
			case "piece":
				if now != was {
					rt.Fatalf("a piece changed a report: %q, %q", was, now)
				}
			case "put", "add", "bring", "answer":
				if now != was && (!strings.HasPrefix(now, was) || !there || len(files) > 0 && acted != "answer" && !strings.Contains(now, "+")) {
					rt.Fatalf("%s: was %q, is %q", acted, was, now)
				}
				if now != was && acted != "answer" {
					for _, f := range files {
						delete(pieces, f.Upload)
					}
				}
			case "withdraw":
				if now != was && !strings.Contains(now, "withdrawn") || strings.Contains(now, "withdrawn") && strings.Contains(now, " m") {
					rt.Fatalf("withdrawn in half: %q", now)
				}
			case "remove":
				if now != was && now != "" {
					rt.Fatalf("taken away in half: was %q, is %q", was, now)
				}
			}
			known[d] = now
			for u, n := range pieces {
				if got, err := s.Pieces(u); err != nil || len(got) != n {
					rt.Fatalf("%s: an upload has %v of %d pieces (%v)", acted, got, n, err)
				}
			}
		}
		for d := range maps.Keys(known) {
			if got := state(t, open(t, dir), d); got != known[d] {
				rt.Fatalf("opened again: %q, was %q", got, known[d])
			}
		}
	})
}

func TestFullAndTooLong(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir(), Most: 4000, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutPiece(Upload{1}, 0, make([]byte, 900)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutPiece(Upload{2}, 0, make([]byte, 900)); !errors.Is(err, ErrFull) {
		t.Errorf("uploads of nothing fill the inbox: %v", err)
	}
	if err := s.Put(Door{1}, "x", make([]byte, 2000), nil); err != nil {
		t.Errorf("a report beside them: %v", err)
	}
	if err := s.Put(Door{2}, "x", make([]byte, 2000), nil); !errors.Is(err, ErrFull) {
		t.Errorf("a full inbox: %v", err)
	}
	if got := state(t, s, Door{2}); got != "" {
		t.Errorf("a report that did not fit is there: %q", got)
	}
	if err := s.PutPiece(Upload{1}, MaxPieces, nil); !errors.Is(err, ErrTooLong) {
		t.Errorf("too many pieces: %v", err)
	}
	if err := s.Add(Door{1}, make([]byte, MaxMessage+1), nil); !errors.Is(err, ErrTooLong) {
		t.Errorf("a message too long: %v", err)
	}
}

// TestUploadsOfNothingGo: what became part of no report goes after days.
func TestUploadsOfNothingGo(t *testing.T) {
	now := clock()
	s, err := Open(Options{Dir: t.TempDir(), Most: 1 << 20, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutPiece(Upload{1}, 0, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	now = clock().AddDate(0, 0, 1)
	if err := s.Tend(); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Pieces(Upload{1}); len(got) != 1 {
		t.Errorf("after a day: %v", got)
	}
	now = clock().AddDate(0, 0, 5)
	if err := s.Tend(); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Pieces(Upload{1}); len(got) != 0 {
		t.Errorf("after five days: %v", got)
	}
	if used, _ := s.Used(); used != 0 {
		t.Errorf("%d bytes are counted", used)
	}
}

// TestManyAtOnce sends from many sides, the same report twice among them.
func TestManyAtOnce(t *testing.T) {
	s := open(t, t.TempDir())
	var wg sync.WaitGroup
	taken := make(chan struct{}, 100)
	for i := range 40 {
		wg.Go(func() {
			err := s.Put(Door{byte(i % 20)}, "x", []byte{byte(i)}, nil)
			if errors.Is(err, ErrTaken) {
				taken <- struct{}{}
			} else if err != nil {
				t.Error(err)
			}
			if err := s.Add(Door{byte(i % 20)}, []byte{byte(i)}, nil); err != nil && !errors.Is(err, ErrNone) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := s.List()
	if err != nil || len(all) != 20 || len(taken) != 20 {
		t.Errorf("%d reports, %d refused (%v)", len(all), len(taken), err)
	}
	before, _ := s.Used()
	if err := s.Tend(); err != nil {
		t.Fatal(err)
	}
	if after, _ := s.Used(); after != before {
		t.Errorf("counted %d bytes, there are %d", before, after)
	}
}

func TestInstallationStays(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir).Installation()
	if again := open(t, dir).Installation(); again != first || first == [16]byte{} {
		t.Errorf("%x, and then %x: receipts would not open any more", first, again)
	}
	if other := open(t, t.TempDir()).Installation(); other == first {
		t.Error("two installations have one name")
	}
	if err := os.WriteFile(filepath.Join(dir, installation), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir, Most: 1 << 30, Now: clock}); err == nil {
		t.Error("a damaged name was taken for one")
	}
}

// TestBesideLeavesWhatIsBegun: who looks while another program takes a report
// does not take it apart.
func TestBesideLeavesWhatIsBegun(t *testing.T) {
	s := open(t, t.TempDir())
	begun := filepath.Join(s.reports(), beginning+strings.Repeat("a", 64))
	if err := os.Mkdir(begun, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Beside(Options{Dir: s.dir, Most: 1 << 30, Now: clock}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(begun); err != nil {
		t.Errorf("a report that is being sent was taken apart: %v", err)
	}
	if _, err := Open(Options{Dir: s.dir, Most: 1 << 30, Now: clock}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(begun); err == nil {
		t.Error("what nobody finishes any more is left")
	}
}

// TestSealedFiles: what came in a sealed file begins a report or adds to it,
// once; nothing is added to what was withdrawn.
func TestSealedFiles(t *testing.T) {
	s := open(t, t.TempDir())
	d, first, second := Door{1}, []byte("first"), []byte("again")
	for i, text := range [][]byte{first, first, second, second, first} {
		fresh, err := s.Bring(d, "to", text, nil)
		if err != nil || fresh != (i == 0 || i == 2) {
			t.Errorf("%d: fresh %v (%v)", i, fresh, err)
		}
	}
	if got, want := state(t, s, d), "to|2026-11-27|1 false true 2026-11-27 first|2 false true 2026-11-27 again"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if err := s.PutPiece(Upload{1}, 0, []byte("piece")); err != nil {
		t.Fatal(err)
	}
	if fresh, err := s.Bring(d, "to", []byte("third"), []Attached{{Upload{1}, 1}}); err != nil || !fresh {
		t.Errorf("with a file: fresh %v (%v)", fresh, err)
	}
	if got := state(t, s, d); !strings.HasSuffix(got, "third+piece") {
		t.Errorf("with a file: %q", got)
	}
	if fresh, err := s.Bring(d, "to", []byte("forth"), []Attached{{Upload{2}, 1}}); !errors.Is(err, ErrMissing) || fresh {
		t.Errorf("without its file: fresh %v (%v)", fresh, err)
	}
	if err := s.Withdraw(d); err != nil {
		t.Fatal(err)
	}
	if fresh, err := s.Bring(d, "to", first, nil); !errors.Is(err, ErrGone) || fresh {
		t.Errorf("after it was withdrawn: fresh %v (%v)", fresh, err)
	}
}

// TestProgramsBesideEachOther: several that add and answer at once take nobody's
// place, and lose nothing.
func TestProgramsBesideEachOther(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Put(Door{1}, "to", []byte("told"), nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			other, err := Beside(Options{Dir: dir, Most: 1 << 30, Now: clock})
			if err != nil {
				t.Error(err)
				return
			}
			text := []byte(fmt.Sprint("message ", i))
			switch i % 3 {
			case 0:
				err = other.Answer(Door{1}, text)
			case 1:
				err = other.Add(Door{1}, text, nil)
			case 2:
				_, err = other.Bring(Door{1}, "to", text, nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r, err := s.Get(Door{1})
	if err != nil || len(r.Messages) != 25 {
		t.Fatalf("%d messages, not 25 (%v)", len(r.Messages), err)
	}
	seen := map[string]bool{}
	for i, m := range r.Messages {
		if m.Number != i+1 {
			t.Errorf("message %d has the number %d", i+1, m.Number)
		}
		seen[read(t, s, Door{1}, m)] = true
	}
	if len(seen) != 25 {
		t.Errorf("%d messages are different, of 25", len(seen))
	}
}

// TestFloodLeavesTheDiskItsRoom: on a disk smaller than what reports may take,
// they take half of what it has for them, and the register has the rest.
func TestFloodLeavesTheDiskItsRoom(t *testing.T) {
	free := int64(80_000)
	s, err := Open(Options{Dir: t.TempDir(), Most: 50 << 30, Now: clock, Free: func() (int64, error) { return free, nil }})
	if err != nil {
		t.Fatal(err)
	}
	var sent int64
	for door := byte(1); ; door++ {
		const size = 1000
		err := s.Put(Door{door}, "x", make([]byte, size), nil)
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sent, free = sent+size, free-size; free < 0 {
			t.Fatal("the flood filled the disk")
		}
	}
	if sent < 30_000 || free < 38_000 {
		t.Errorf("reports took %d bytes and left %d of 80,000", sent, free)
	}
	if err := s.PutPiece(Upload{1}, 0, make([]byte, 900)); !errors.Is(err, ErrFull) {
		t.Errorf("an upload after it: %v", err)
	}
	s.free = func() (int64, error) { return 0, errors.New("no such disk") }
	if err := s.Put(Door{255}, "x", []byte("y"), nil); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("a disk that can't be seen: %v", err)
	}
}

// TestLargeFilesOnTheirWayRegression: files of 2 GiB, as large as they may be,
// have room before their report comes; a limit of 1 GiB let none in.
func TestLargeFilesOnTheirWayRegression(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir(), Most: 50 << 30, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	const file = MaxPieces * MaxPiece
	for n := range 4 {
		if err := s.room(file, true); err != nil {
			t.Fatalf("file %d: %v", n+1, err)
		}
	}
	if err := s.room(file, true); !errors.Is(err, ErrFull) {
		t.Errorf("more than a quarter of the whole: %v", err)
	}
	if err := s.room(1<<20, false); err != nil {
		t.Errorf("a report beside them: %v", err)
	}
}

// TestBroughtAgainAfterAKill kills who brings a sealed file before every step on
// the disk, of a new report and of a further message. The same file brought
// again goes on, beside a program that takes reports and mends nothing; later
// that one opens what both left.
func TestBroughtAgainAfterAKill(t *testing.T) {
	for _, further := range []bool{false, true} {
		for steps, died := 0, true; died; steps++ {
			dir := t.TempDir()
			d, u := Door{1}, Upload{2}
			if further {
				if err := open(t, dir).Put(d, "to", []byte("first"), nil); err != nil {
					t.Fatal(err)
				}
			}
			bring := func(left int, pieces ...string) (died bool) {
				defer func() {
					if e := recover(); e != nil {
						if _, ok := e.(killed); !ok {
							panic(e)
						}
						died = true
					}
				}()
				s, err := Beside(Options{Dir: dir, Most: 1 << 30, Now: clock})
				if err != nil {
					t.Fatal(err)
				}
				s.before = func(string) error {
					if left--; left < 0 {
						panic(killed{})
					}
					return nil
				}
				for n, p := range pieces {
					if err := s.PutPiece(u, n, []byte(p)); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.Bring(d, "to", []byte("told"), []Attached{{u, 2}}); err != nil && (len(pieces) > 1 || !errors.Is(err, ErrMissing)) {
					t.Fatalf("killed after %d steps, then again: %v", steps, err)
				}
				return false
			}
			if died = bring(steps, "a", "b"); !died {
				break
			}
			bring(1<<10, "a") // cut off early
			open(t, dir)      // and somebody begins to take reports
			bring(1<<10, "a", "b")
			s := open(t, dir)
			if got := state(t, s, d); !strings.HasSuffix(got, " told+ab") || strings.Count(got, "told") != 1 {
				t.Errorf("killed after %d steps: %q", steps, got)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*", ".*")); err != nil || len(left) > 0 {
				t.Errorf("killed after %d steps: left half done: %v (%v)", steps, left, err)
			}
		}
	}
}
