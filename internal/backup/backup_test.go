// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
)

// errCut is what a store answers when it is cut off.
var errCut = errors.New("cut off")

// memory is a store that can be cut off before any of its writes.
type memory struct {
	kept   map[string][]byte
	left   int // writes that are still done; below 0: all
	locked bool
}

func newMemory() *memory { return &memory{kept: map[string][]byte{}, left: -1} }

func (m *memory) write(do func()) error {
	if m.left == 0 {
		return errCut
	}
	m.left--
	do()
	return nil
}

func (m *memory) Put(_ context.Context, name string, b []byte) error {
	return m.write(func() { m.kept[name] = bytes.Clone(b) })
}

func (m *memory) Get(_ context.Context, name string) ([]byte, error) {
	b, ok := m.kept[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

func (m *memory) Each(_ context.Context, kind string, f func(string, int64) error) error {
	for _, name := range slices.Sorted(maps.Keys(m.kept)) {
		if strings.HasPrefix(name, kind+"/") {
			if err := f(name, int64(len(m.kept[name]))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Remove(_ context.Context, name string) error {
	return m.write(func() { delete(m.kept, name) })
}

func (m *memory) Lock(context.Context) (func() error, error) {
	if m.locked {
		return nil, ErrBusy
	}
	m.locked = true
	return func() error { m.locked = false; return nil }, nil
}

// source is a ledger with files, and the backups of it.
type source struct {
	*ledgertest.Ledger
	repo  *Repo
	files map[string][]byte
	at    time.Time
	n     int
}

func newSource(t testing.TB, store Store) *source {
	t.Helper()
	l := ledgertest.New(t, ledgertest.InMemory())
	repo, err := Open(store, Keys{Key: seal.NewKey(), Node: l.Node, Signed: l.Node.Public().Signing()})
	if err != nil {
		t.Fatal(err)
	}
	return &source{Ledger: l, repo: repo, files: map[string][]byte{}, at: time.Date(2022, 1, 5, 9, 0, 0, 0, time.UTC)}
}

func (s *source) grow(t testing.TB, entries int) {
	t.Helper()
	for range entries {
		s.n++
		if err := s.Write(t, s.Draft(ledger.NewID(), 1, fmt.Sprint("entry ", s.n))); err != nil {
			t.Fatal(err)
		}
	}
}

// backUp makes a backup, going on from the newest there is.
func (s *source) backUp() (*Backup, *Writer, error) {
	ctx := context.Background()
	earlier := &Backup{}
	names, err := Names(ctx, s.repo.store)
	if err != nil {
		return nil, nil, err
	}
	if len(names) > 0 {
		if earlier, err = s.repo.Read(ctx, names[len(names)-1]); err != nil {
			return nil, nil, err
		}
	}
	w, err := s.repo.Begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.at = s.at.Add(time.Hour)
	b := &Backup{At: s.at, Ends: s.at.AddDate(0, 0, 35)}
	l, err := w.AddLedger(ctx, s.Log, &earlier.Ledger, nil)
	if err != nil {
		return nil, w, err
	}
	b.Ledger = *l
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		f := File{Path: name}
		if f.Pieces, f.Size, err = w.AddFile(ctx, bytes.NewReader(s.files[name])); err != nil {
			return nil, w, err
		}
		b.Files = append(b.Files, f)
	}
	err = w.Finish(ctx, b, KeyFiles{"keys/node.key": []byte("sealed by itself")})
	return b, w, err
}

func (s *source) mustBackUp(t testing.TB) (*Backup, *Writer) {
	t.Helper()
	b, w, err := s.backUp()
	if err != nil {
		t.Fatal(err)
	}
	return b, w
}

// holds sees that a backup gives back a state of the ledger and the files of that time.
func (s *source) holds(t testing.TB, name string, head ledger.Head, files map[string][]byte) {
	t.Helper()
	ctx := context.Background()
	b, err := s.repo.Read(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	store := ledgertest.NewMemory()
	if err := s.repo.RestoreLedger(ctx, &b.Ledger, store, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.(interface{ TempDir() string }).TempDir(), "head")
	if err := ledger.WriteHeadFile(path, []byte(b.Ledger.Checkpoint)); err != nil {
		t.Fatal(err)
	}
	o := s.Options
	o.HeadFile = path
	report, err := ledger.Verify(ctx, store, o, ledger.VerifyOptions{Vaults: []*seal.Vault{s.Vault}, Author: s.Authors})
	if err != nil || report.Fault != nil || report.Head.Size != head.Size || report.Head.Root != head.Root || report.Opened != head.Size {
		t.Fatalf("restored: %v, %v; it was %d entries with root %v", report, err, head.Size, head.Root)
	}
	if len(b.Files) != len(files) {
		t.Fatalf("%d files, not %d", len(b.Files), len(files))
	}
	for _, f := range b.Files {
		text, err := s.repo.All(ctx, f.Pieces)
		if err != nil || !bytes.Equal(text, files[f.Path]) {
			t.Fatalf("%s is not what it was: %v", f.Path, err)
		}
	}
}

// TestRoundTrips grows registers, backs them up and prunes, in any order: every
// backup that is kept gives back its state, and what did not change is not
// written again.
func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir() // of this round: rapid has none
		s := newSource(quiet{t, dir}, newMemory())
		type state struct {
			head  ledger.Head
			files map[string][]byte
		}
		kept := map[string]state{}
		for range rapid.IntRange(1, 4).Draw(rt, "steps") {
			s.grow(t, rapid.IntRange(1, 6).Draw(rt, "entries"))
			name := rapid.StringMatching(`f[0-3]`).Draw(rt, "file")
			s.files[name] = rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "content")
			b, _ := s.mustBackUp(t)
			kept[b.Name] = state{s.Head(), maps.Clone(s.files)}
			if again, w := s.mustBackUp(t); w.Put > 0 {
				rt.Fatalf("nothing changed, and %d pieces were written", w.Put)
			} else {
				kept[again.Name] = state{s.Head(), maps.Clone(s.files)}
			}
			if rapid.Bool().Draw(rt, "prune") {
				out, err := s.repo.Prune(context.Background(), Keep{Daily: rapid.IntRange(0, 2).Draw(rt, "daily")}, s.at, false)
				if err != nil || len(out.Kept) == 0 {
					rt.Fatalf("%+v, %v", out, err)
				}
				for _, name := range out.Backups {
					delete(kept, name)
				}
			}
			for name, was := range kept {
				s.holds(t, name, was.head, was.files)
			}
			if report, err := s.repo.Verify(context.Background(), false, nil); err != nil || len(report.Faults) > 0 || report.Backups != len(kept) {
				rt.Fatalf("%+v, %v", report, err)
			}
		}
	})
}

// quiet is a test whose temporary folders lie in one that goes with its round.
type quiet struct {
	*testing.T
	dir string
}

func (q quiet) TempDir() string {
	dir, err := os.MkdirTemp(q.dir, "")
	if err != nil {
		q.Fatal(err)
	}
	return dir
}

// TestCutOffAnywhere cuts a store off before each of its writes in turn: no
// backup counts that was not finished, the ones before are whole, and the next
// one goes on with the pieces that are there.
func TestCutOffAnywhere(t *testing.T) {
	store := newMemory()
	s := newSource(t, store)
	s.grow(t, 30)
	s.files["f"] = bytes.Repeat([]byte("x"), 2*PieceLen+5)
	first, _ := s.mustBackUp(t)
	head, files := s.Head(), maps.Clone(s.files)
	s.grow(t, 30)
	s.files["g"] = []byte("another")
	before := maps.Clone(store.kept)
	cuts := 0
	for cut := 0; ; cut++ {
		store.kept, store.left = maps.Clone(before), cut
		_, _, err := s.backUp()
		store.left = -1
		if err == nil {
			break
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		cuts++
		if names, err := Names(context.Background(), store); err != nil || len(names) != 1 {
			t.Fatalf("cut before write %d: %d backups, %v", cut, len(names), err)
		}
		s.holds(t, first.Name, head, files)
		pieces := len(store.kept)
		b, w := s.mustBackUp(t)
		if w.Put+pieces+2 < len(store.kept) || len(store.kept) < pieces {
			t.Errorf("cut before write %d: the next one wrote %d pieces beside %d", cut, w.Put, pieces)
		}
		s.holds(t, b.Name, s.Head(), s.files)
	}
	if cuts < 4 {
		t.Errorf("only %d cuts: this test finds nothing", cuts)
	}
	// The same of pruning: what is kept is whole wherever it was cut off.
	last, _ := s.mustBackUp(t)
	before = maps.Clone(store.kept)
	for cut := 0; ; cut++ {
		store.kept, store.left = maps.Clone(before), cut
		_, err := s.repo.Prune(context.Background(), Keep{}, s.at, false)
		store.left = -1
		s.holds(t, last.Name, s.Head(), s.files)
		if report, verr := s.repo.Verify(context.Background(), false, nil); verr != nil || len(report.Faults) > 0 {
			t.Fatalf("pruning cut before write %d: %+v, %v", cut, report, verr)
		}
		if err == nil {
			return
		}
	}
}

// TestFlippedBitIsNamed flips a bit of every object in turn, and takes each away:
// verify names it and what it holds, and a backup made anew heals pieces.
func TestFlippedBitIsNamed(t *testing.T) {
	ctx := context.Background()
	store := newMemory()
	s := newSource(t, store)
	s.grow(t, 25)
	s.files["f"] = []byte("a file")
	s.mustBackUp(t)
	s.grow(t, 5)
	s.mustBackUp(t)
	whole := maps.Clone(store.kept)
	for i, name := range slices.Sorted(maps.Keys(whole)) {
		for _, how := range []string{"flip", "cut", "gone"} {
			store.kept = maps.Clone(whole)
			b := bytes.Clone(whole[name])
			b[(i*7919)%len(b)] ^= 1 << (i % 8)
			switch how {
			case "flip":
				store.kept[name] = b
			case "cut":
				store.kept[name] = whole[name][:len(b)-1]
			default:
				delete(store.kept, name)
			}
			report, err := s.repo.Verify(ctx, false, nil)
			if how == "gone" && strings.HasPrefix(name, kindBackup) {
				if err != nil || report.Backups != 1 {
					t.Errorf("%s is gone: %+v, %v", name, report, err)
				}
				continue
			}
			if errors.Is(err, ErrNewer) && strings.HasPrefix(name, kindBackup) {
				continue // the flipped bit made another number of it
			}
			if err != nil || len(report.Faults) != 1 || report.Faults[0].Place != name || len(report.Faults[0].Backups) == 0 || report.Faults[0].Of == "" {
				t.Errorf("%s, %s: %+v, %v", name, how, report.Faults, err)
			}
			if quick, err := s.repo.Verify(ctx, true, nil); err != nil || how != "flip" && len(quick.Faults) == 0 {
				t.Errorf("%s, %s, quick: %+v, %v", name, how, quick, err)
			}
			if strings.HasPrefix(name, kindBackup) {
				if _, err := s.repo.Prune(ctx, Keep{}, s.at, false); err == nil {
					t.Errorf("%s is damaged, and something was taken away", name)
				}
			}
		}
	}
	store.kept = maps.Clone(whole)
	for name, b := range store.kept {
		if strings.HasPrefix(name, kindPiece) {
			b[len(b)/2] ^= 1
		}
	}
	w, err := s.repo.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.Anew = true
	l, err := w.AddLedger(ctx, s.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Backup{At: s.at.Add(time.Hour), Ledger: *l}
	if err := w.Finish(ctx, b, nil); err != nil {
		t.Fatal(err)
	}
	s.holds(t, b.Name, s.Head(), nil)
}

// TestNewerIsLeftAlone has a newer program's backup there: it is named, and
// nothing is taken away.
func TestNewerIsLeftAlone(t *testing.T) {
	ctx := context.Background()
	store := newMemory()
	s := newSource(t, store)
	s.grow(t, 3)
	b, _ := s.mustBackUp(t)
	s.mustBackUp(t)
	name := kindBackup + "/" + b.Name
	store.kept[name] = append([]byte("kua backup 2\n"), store.kept[name]...)
	before := maps.Clone(store.kept)
	if _, err := s.repo.Read(ctx, b.Name); !errors.Is(err, ErrNewer) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.repo.Prune(ctx, Keep{}, s.at, false); !errors.Is(err, ErrNewer) {
		t.Errorf("pruned: %v", err)
	}
	if !maps.EqualFunc(before, store.kept, bytes.Equal) {
		t.Error("something was changed")
	}
}

// TestOthersSeeNothing holds that neither plain text nor the ledger's id is in
// what a store is given, and that another register's key opens nothing.
func TestOthersSeeNothing(t *testing.T) {
	ctx := context.Background()
	store := newMemory()
	s := newSource(t, store)
	s.grow(t, 5)
	s.files["names"] = []byte("Жасампазов Ерғазы")
	b, _ := s.mustBackUp(t)
	id := s.ID()
	for name, text := range store.kept {
		for _, secret := range []string{"Жасампазов", "names", id.String(), string(id[:])} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	other, err := Open(store, Keys{Key: seal.NewKey(), Signed: s.Node.Public().Signing()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Read(ctx, b.Name); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key: %v", err)
	}
	forged, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	other, err = Open(store, Keys{Key: s.repo.keys.Key, Signed: forged.Public().Signing()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Read(ctx, b.Name); !errors.Is(err, ErrDamaged) {
		t.Errorf("another signer: %v", err)
	}
}

// TestFolder is a folder on a disk: two do not write at once, what was being
// written when a program ended goes, and a medium pulled out is not made anew.
func TestFolder(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	store, err := OpenFolder(dir, sqlitestore.Lock)
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(t, store)
	s.grow(t, 5)
	release, err := store.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lock(ctx); !errors.Is(err, ErrBusy) {
		t.Errorf("two at once: %v", err)
	}
	b, _ := s.mustBackUp(t)
	left := filepath.Join(dir, kindPiece, "ab", ".new-123")
	if err := errors.Join(os.MkdirAll(filepath.Dir(left), 0o700), os.WriteFile(left, []byte("half"), 0o600), release()); err != nil {
		t.Fatal(err)
	}
	if release, err = store.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = release() }()
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was half written is there: %v", err)
	}
	s.holds(t, b.Name, s.Head(), nil)
	// A stick is pulled out: its folder is gone, or its name is a folder of another disk.
	if err := os.Rename(dir, dir+".pulled"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		name := kindPiece + "/" + strings.Repeat("ab", 32)
		_, err := store.Get(ctx, name)
		if putErr := store.Put(ctx, name, []byte("x")); !errors.Is(putErr, ErrGone) || !errors.Is(err, ErrGone) || !errors.Is(store.Remove(ctx, name), ErrGone) {
			t.Errorf("what is not there any more was used: %v, %v", err, putErr)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(dir); err != nil { // nothing was put there
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir, sqlitestore.Lock); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

// TestSizeIsOfWhatLiesThere reads the ledger twice, as where keys change
// meanwhile, and has two files of the same content: a backup is as large as the
// pieces that lie there for it.
func TestSizeIsOfWhatLiesThere(t *testing.T) {
	ctx := context.Background()
	store := newMemory()
	s := newSource(t, store)
	s.grow(t, 20)
	w, err := s.repo.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := &Backup{At: s.at}
	for range 2 {
		l, err := w.AddLedger(ctx, s.Log, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Ledger = *l
	}
	for _, name := range []string{"f", "g"} {
		f := File{Path: name}
		if f.Pieces, f.Size, err = w.AddFile(ctx, strings.NewReader("the same")); err != nil {
			t.Fatal(err)
		}
		b.Files = append(b.Files, f)
	}
	if err := w.Finish(ctx, b, nil); err != nil {
		t.Fatal(err)
	}
	there := int64(0)
	if err := store.Each(ctx, kindPiece, func(_ string, size int64) error { there += size; return nil }); err != nil {
		t.Fatal(err)
	}
	if b.Size() != there || w.Bytes != there {
		t.Errorf("a backup of %d bytes, %d were written, and %d lie there", b.Size(), w.Bytes, there)
	}
}

func TestKeep(t *testing.T) {
	var all []*Backup
	for i := range 120 {
		at := time.Date(2022, 1, 1, 22, 0, 0, 0, time.UTC).AddDate(0, 0, i)
		all = append(all, &Backup{Name: at.Format(time.DateOnly), At: at})
	}
	got := slices.Sorted(maps.Keys(Keep{Daily: 3, Weekly: 2, Monthly: 3}.kept(all)))
	want := []string{"2022-02-28", "2022-03-31", "2022-04-24", "2022-04-28", "2022-04-29", "2022-04-30"}
	if !slices.Equal(got, want) {
		t.Errorf("kept are %v, not %v", got, want)
	}
	if got := (Keep{}).kept(all); len(got) != 1 || !got["2022-04-30"] {
		t.Errorf("the newest of all is always kept: %v", got)
	}
}

// FuzzList reads what a store says is the list of a backup, whatever it is.
func FuzzList(f *testing.F) {
	store := newMemory()
	s := newSource(f, store)
	s.grow(f, 2)
	b, _, err := s.backUp()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(store.kept[kindBackup+"/"+b.Name])
	f.Add([]byte("kua backup 2\n"))
	f.Add([]byte("kua backup 1\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := newMemory()
		m.kept[kindBackup+"/"+b.Name] = text
		r := &Repo{store: m, keys: s.repo.keys, name: s.repo.name}
		got, err := r.Read(context.Background(), b.Name)
		if (err == nil) != bytes.Equal(text, store.kept[kindBackup+"/"+b.Name]) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	})
}
