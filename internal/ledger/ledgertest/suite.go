// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Keeper is a store that can be closed and opened again.
type Keeper interface {
	// Open opens the store: the same content each time.
	Open(t testing.TB) ledger.Store
}

// Run tests a store: fresh makes an empty one.
func Run(t *testing.T, fresh func(t testing.TB) Keeper) {
	for name, test := range map[string]func(*testing.T, *Ledger){
		"Empty":           testEmpty,
		"AppendAndRead":   testAppendAndRead,
		"CheckedBefore":   testCheckedBefore,
		"Conflicts":       testConflicts,
		"AllOrNothing":    testAllOrNothing,
		"ManyWriters":     testManyWriters,
		"Keys":            testKeys,
		"Forgetting":      testForgetting,
		"ForgettingLost":  testForgettingLost,
		"SizeConflict":    testSizeConflict,
		"FailedPersisted": testFailedPersisted,
		"Unknown":         testUnknown,
		"HeadFile":        testHeadFile,
		"BadInput":        testBadInput,
		"LargeEntry":      testLargeEntry,
		"Cancelled":       testCancelled,
		"Moment":          testMoment,
	} {
		t.Run(name, func(t *testing.T) {
			l := New(t, fresh(t))
			test(t, l)
			l.Check(t) // whatever the test did, the whole ledger must be right
			l.Reopen(t)
			l.Check(t)
		})
	}
	t.Run("Copy", func(t *testing.T) { testCopy(t, fresh) })
	t.Run("Model", func(t *testing.T) { testModel(t, fresh) })
	t.Run("ForgettingModel", func(t *testing.T) { testForgettingModel(t, fresh) })
}

// Ledger is a ledger under test, with all that is needed to write to it and
// what must be in it.
type Ledger struct {
	*ledger.Log
	Store   *Faulty
	Node    *seal.Identity
	Author  *seal.Identity
	Vault   *seal.Vault
	Options ledger.Options
	keeper  Keeper

	mu    *sync.Mutex // of all nodes of it
	want  map[uint64]ledger.Content
	cases map[ledger.ID]seal.CaseKeys
}

// New makes a ledger on an empty store.
func New(t testing.TB, keeper Keeper) *Ledger {
	t.Helper()
	node, err := seal.NewIdentity()
	must(t, err)
	author, err := seal.NewIdentity()
	must(t, err)
	l := &Ledger{
		Node: node, Author: author, Vault: seal.NewVault(), keeper: keeper,
		Options: ledger.Options{Signer: node, HeadFile: filepath.Join(t.TempDir(), "head")},
		mu:      &sync.Mutex{},
		want:    map[uint64]ledger.Content{}, cases: map[ledger.ID]seal.CaseKeys{},
	}
	l.Store = &Faulty{Store: keeper.Open(t)}
	l.Log, err = ledger.Create(context.Background(), l.Store, l.Options)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() }) // closed already, most often
	return l
}

// Reopen closes the ledger and opens it again.
func (l *Ledger) Reopen(t testing.TB) {
	t.Helper()
	must(t, l.Close())
	l.Store = &Faulty{Store: l.keeper.Open(t)}
	var err error
	l.Log, err = ledger.Open(context.Background(), l.Store, l.Options)
	must(t, err)
}

// Authors knows the author.
func (l *Ledger) Authors(id ledger.ID) (ed25519.PublicKey, bool) {
	return l.Author.Public().Signing(), id == l.Author.ID()
}

// Opener opens the ledger's entries.
func (l *Ledger) Opener() ledger.Opener {
	return ledger.Opener{Keys: l.Keyring(l.Vault).Keys, Author: l.Authors}
}

// Draft is an entry to a stream; the stream's keys are made at its first one.
func (l *Ledger) Draft(stream ledger.ID, version uint64, text string) ledger.Draft {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, ok := l.cases[stream]
	if !ok {
		keys = seal.NewCaseKeys()
		l.cases[stream] = keys
	}
	return ledger.Draft{Stream: stream, Version: version, Keys: keys, Content: ledger.Content{
		Kind: "note", Record: stream, Op: ledger.Put, At: time.UnixMilli(int64(version)).UTC(),
		Fact:     map[string][]string{"day": {"2022-01-05"}},
		Identity: map[string][]string{"text": {text}},
	}}
}

// Batch seals drafts, with the wrapped keys of the streams that begin. A draft
// that does not begin its stream gets the hash of the stream's last entry.
func (l *Ledger) Batch(t testing.TB, drafts ...ledger.Draft) ledger.Batch {
	t.Helper()
	var b ledger.Batch
	begun := map[ledger.ID]bool{}
	for i, d := range drafts {
		if d.Version == 1 {
			keys, err := ledger.WrapCaseKeys(l.Vault, d.Stream, d.Keys)
			must(t, err)
			b.Keys = append(b.Keys, keys...)
		} else if !begun[d.Stream] && d.Content.Prev.IsZero() {
			_, leaf, err := l.Last(context.Background(), d.Stream)
			must(t, err)
			if leaf.IsZero() {
				leaf = ledger.Hash{1} // a gap, on purpose
			}
			drafts[i].Content.Prev = leaf
		}
		begun[d.Stream] = true
	}
	var err error
	b.Entries, err = ledger.SealAll(l.ID(), l.Author, drafts)
	must(t, err)
	return b
}

// Write appends drafts in one batch and remembers that they must be there.
func (l *Ledger) Write(t testing.TB, drafts ...ledger.Draft) error {
	t.Helper()
	b := l.Batch(t, drafts...)
	first, err := l.Append(context.Background(), b)
	if err == nil {
		l.Expect(t, first, b)
	}
	return err
}

// Expect remembers that a batch must be in the ledger.
func (l *Ledger) Expect(t testing.TB, first uint64, b ledger.Batch) {
	t.Helper()
	for i, e := range b.Entries {
		c, err := ledger.Opener{Author: l.Authors, Keys: func(h ledger.Header) (seal.CaseKeys, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.cases[h.Stream], nil
		}}.Open(e)
		must(t, err)
		l.mu.Lock()
		l.want[first+uint64(i)] = c
		l.mu.Unlock()
	}
}

// Check verifies the whole ledger, and that it holds what it must, and nothing else.
func (l *Ledger) Check(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	report, err := l.Verify(ctx, ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors})
	must(t, err)
	if report.Fault != nil {
		t.Fatalf("verify: %v", report)
	}
	if report.Entries != uint64(len(l.want)) || report.Opened != report.Entries || l.Head().Size != report.Entries {
		t.Fatalf("%d entries, %d opened, head at %d, %d expected", report.Entries, report.Opened, l.Head().Size, len(l.want))
	}
	next := uint64(0)
	must(t, l.ScanOpen(ctx, 0, 1<<62, l.Opener(), func(e ledger.Entry, c ledger.Content, err error) error {
		if err != nil {
			return err
		}
		if e.Pos != next || !reflect.DeepEqual(c, l.want[e.Pos]) {
			return fmt.Errorf("at %d: entry %d %+v, expected %+v", next, e.Pos, c, l.want[next])
		}
		next++
		return nil
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testEmpty(t *testing.T, l *Ledger) {
	ctx := context.Background()
	if h := l.Head(); h.Size != 0 || h.Ledger != l.ID() || h.Checkpoint != nil {
		t.Errorf("head %+v", h)
	}
	if v, leaf, err := l.Last(ctx, ledger.NewID()); v != 0 || !leaf.IsZero() || err != nil {
		t.Errorf("last %d %v %v", v, leaf, err)
	}
	if _, err := ledger.Create(ctx, l.Store, l.Options); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
}

func testAppendAndRead(t *testing.T, l *Ledger) {
	ctx := context.Background()
	a, b := ledger.NewID(), ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1"), l.Draft(b, 1, "b1"), l.Draft(a, 2, "a2")))
	must(t, l.Write(t, l.Draft(a, 3, "a3")))
	var got []string
	var prev ledger.Hash
	must(t, l.Stream(ctx, a, func(e ledger.Entry) error {
		c, err := l.Opener().Open(e)
		if c.Prev != prev {
			t.Errorf("version %d follows %v, not %v", e.Header.Version, c.Prev, prev)
		}
		prev = e.Hash()
		got = append(got, fmt.Sprint(e.Pos, c.Identity["text"]))
		return err
	}))
	if want := "0 [a1] 2 [a2] 3 [a3]"; strings.Join(got, " ") != want {
		t.Errorf("%v, expected %s", got, want)
	}
	if v, leaf, err := l.Last(ctx, a); v != 3 || leaf != prev || err != nil {
		t.Errorf("last %d %v %v", v, leaf, err)
	}
	got = nil
	must(t, l.Scan(ctx, 1, 3, func(e ledger.Entry) error {
		got = append(got, fmt.Sprint(e.Pos))
		return nil
	}))
	if strings.Join(got, " ") != "1 2" {
		t.Errorf("scanned %v", got)
	}
	stop := errors.New("stop")
	if err := l.Scan(ctx, 0, 9, func(ledger.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("scan answered %v", err)
	}
}

// testCheckedBefore reads entries that were opened before: who signed them is
// not asked again, that they are the same is.
func testCheckedBefore(t *testing.T, l *Ledger) {
	ctx := context.Background()
	a := ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1"), l.Draft(a, 2, "a2"), l.Draft(a, 3, "a3")))
	checked := l.Head()
	must(t, l.Write(t, l.Draft(a, 4, "a4")))
	var asked atomic.Int64 // entries are opened by all processors
	opener := l.Opener()
	opener.Author = func(id ledger.ID) (ed25519.PublicKey, bool) { asked.Add(1); return l.Authors(id) }
	read := func(c ledger.Checked) (told int, err error) {
		asked.Store(0)
		err = l.ScanChecked(ctx, c, l.Head().Size, opener, func(e ledger.Entry, c ledger.Content, err error) error {
			if err == nil && !reflect.DeepEqual(c, l.want[e.Pos]) {
				err = fmt.Errorf("entry %d says %+v", e.Pos, c)
			}
			told++
			return err
		})
		return told, err
	}
	for _, c := range []struct {
		checked ledger.Checked
		asked   int64
	}{
		{ledger.Checked{}, 4},
		{ledger.Checked{Size: 3, Root: checked.Root}, 1},
		{ledger.Checked{Size: 4, Root: l.Head().Root}, 0},
		{ledger.Checked{Size: 4, Root: l.Head().Root, But: func(pos uint64) bool { return pos == 1 }}, 1},
	} {
		told, err := read(c.checked)
		if err != nil || told != 4 || asked.Load() != c.asked {
			t.Errorf("%d checked before: told of %d, %d signatures looked at, %d expected: %v", c.checked.Size, told, asked.Load(), c.asked, err)
		}
	}
	for _, c := range []ledger.Checked{{Size: 3, Root: l.Head().Root}, {Size: 2, Root: checked.Root}, {Size: 4}} {
		if _, err := read(c); !errors.Is(err, ledger.ErrAltered) {
			t.Errorf("%d other entries were checked before: %v", c.Size, err)
		}
	}
	if _, err := read(ledger.Checked{Size: 5, Root: l.Head().Root}); err == nil {
		t.Error("more were checked before than there are")
	}
}

func testConflicts(t *testing.T, l *Ledger) {
	a := ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1"), l.Draft(a, 2, "a2")))
	for range 2 { // with the stream in memory, and not
		for _, version := range []uint64{1, 2, 4} {
			err := l.Write(t, l.Draft(a, version, "late"))
			var conflict *ledger.ConflictError
			if !errors.As(err, &conflict) || !errors.Is(err, ledger.ErrConflict) || conflict.Stream != a || conflict.Last != 2 {
				t.Errorf("version %d: %v", version, err)
			}
		}
		if err := l.Write(t, l.Draft(ledger.NewID(), 2, "headless")); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("a stream without a beginning: %v", err)
		}
		l.Reopen(t)
	}
	must(t, l.Write(t, l.Draft(a, 3, "a3")))
}

func testAllOrNothing(t *testing.T, l *Ledger) {
	a, b := ledger.NewID(), ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1")))
	if err := l.Write(t, l.Draft(b, 1, "b1"), l.Draft(a, 1, "again")); !errors.Is(err, ledger.ErrConflict) {
		t.Fatalf("%v", err)
	}
	must(t, l.Write(t, l.Draft(b, 1, "b1")))
}

// testManyWriters has writers collide on few streams: each version is taken once.
func testManyWriters(t *testing.T, l *Ledger) {
	const writers, each = 16, 12
	streams := []ledger.ID{ledger.NewID(), ledger.NewID(), ledger.NewID()}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				stream := streams[(w+i)%len(streams)]
				for {
					version, leaf, err := l.Last(context.Background(), stream)
					if err != nil {
						t.Error(err)
						return
					}
					d := l.Draft(stream, version+1, fmt.Sprintf("writer %d, %d", w, i))
					d.Content.Prev = leaf
					if err = l.Write(t, d); err == nil {
						break
					}
					if !errors.Is(err, ledger.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if size := l.Head().Size; size != writers*each {
		t.Errorf("%d entries, not %d", size, writers*each)
	}
}

func testKeys(t *testing.T, l *Ledger) {
	ctx := context.Background()
	a, b := ledger.NewID(), ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1"), l.Draft(b, 1, "b1")))
	must(t, l.Write(t, l.Draft(a, 2, "a2")))

	granted := seal.NewVault() // another organisation's
	keys, err := l.Keyring(l.Vault).Current(ctx, a)
	must(t, err)
	wrapped, err := ledger.WrapCaseKeys(granted, a, keys)
	must(t, err)
	must(t, l.AddKeys(ctx, wrapped))
	if got, err := l.Keyring(granted).Current(ctx, a); err != nil || got != keys {
		t.Errorf("granted: %v", err)
	}
	if _, err := l.Keyring(granted).Current(ctx, b); !errors.Is(err, ledger.ErrNoKey) {
		t.Errorf("not granted: %v", err)
	}

	if err := l.Forget(ctx, ledger.WrappedKey{}); err == nil {
		t.Error("forgot everything")
	}
	must(t, l.Forget(ctx, ledger.WrappedKey{Stream: a, Holder: granted.ID()}))
	if _, err := l.Keyring(granted).Current(ctx, a); !errors.Is(err, ledger.ErrNoKey) {
		t.Errorf("taken back: %v", err)
	}
	must(t, l.Forget(ctx, ledger.WrappedKey{Stream: a, Part: uint8(seal.IdentityPart)}))
	must(t, l.Stream(ctx, a, func(e ledger.Entry) error {
		c, err := l.Opener().Open(e)
		if err != nil || !c.IdentityMissing || c.Identity != nil || c.Fact == nil {
			t.Errorf("made anonymous: %+v, %v", c, err)
		}
		return nil
	}))
	must(t, l.Forget(ctx, ledger.WrappedKey{Stream: a}))
	must(t, l.Stream(ctx, a, func(e ledger.Entry) error {
		if _, err := l.Opener().Open(e); !errors.Is(err, ledger.ErrNoKey) {
			t.Errorf("erased: %v", err)
		}
		return nil
	}))
	how := ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors}
	report, err := l.Verify(ctx, how)
	must(t, err)
	if report.Fault == nil || report.Fault.Pos != 0 {
		t.Errorf("keys are missing: %v", report)
	}
	how.MayLack = func(stream ledger.ID, _ seal.Part, _ uint32) bool { return stream == a }
	if report, err = l.Verify(ctx, how); err != nil || report.Fault != nil || report.Opened != 1 {
		t.Errorf("erased: %v, %v", report, err)
	}
	again, err := ledger.WrapCaseKeys(l.Vault, a, keys) // for the check after the test
	must(t, err)
	must(t, l.AddKeys(ctx, again))
}

func testSizeConflict(t *testing.T, l *Ledger) {
	ctx := context.Background()
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "a")))
	e := l.Batch(t, l.Draft(ledger.NewID(), 1, "b")).Entries[0]
	leaf := e.Hash()
	row := ledger.Row{Pos: 5, Stream: e.Header.Stream, Version: 1, Sealed: e.Sealed, Hashes: leaf[:]}
	for _, size := range []uint64{0, 2, 5} {
		if err := l.Store.Append(ctx, size, []ledger.Row{row}, nil, []byte("x")); !errors.Is(err, ledger.ErrSize) {
			t.Errorf("at %d: %v", size, err)
		}
	}
	must(t, l.Store.Scan(ctx, 0, 1, func(r ledger.Row) error { row = r; row.Pos = 1; return nil }))
	if err := l.Store.Append(ctx, 1, []ledger.Row{row}, nil, []byte("x")); !errors.Is(err, ledger.ErrVersion) {
		t.Errorf("the same version twice: %v", err)
	}
}

func testFailedPersisted(t *testing.T, l *Ledger) {
	a := ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1")))
	l.Store.Plan(Persisted)
	if err := l.Write(t, l.Draft(a, 2, "a2")); err != nil { // it was kept, so it was no failure
		t.Fatal(err)
	}
	l.Store.Plan(NotPersisted)
	if err := l.Write(t, l.Draft(a, 3, "a3")); !errors.Is(err, ErrInjected) || errors.Is(err, ledger.ErrUnknown) {
		t.Fatal(err)
	}
	must(t, l.Write(t, l.Draft(a, 3, "a3")))
}

func testUnknown(t *testing.T, l *Ledger) {
	a := ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1")))
	l.Store.Plan(Unreadable)
	b := l.Batch(t, l.Draft(a, 2, "a2"))
	if _, err := l.Append(context.Background(), b); !errors.Is(err, ledger.ErrUnknown) {
		t.Fatal(err)
	}
	if err := l.Write(t, l.Draft(ledger.NewID(), 1, "b")); !errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("wrote on without knowing: %v", err)
	}
	l.Store.Heal()
	l.Expect(t, 1, b) // it was kept
	if err := l.Write(t, l.Draft(a, 2, "a2 again")); !errors.Is(err, ledger.ErrConflict) {
		t.Fatalf("written twice: %v", err)
	}
	must(t, l.Write(t, l.Draft(a, 3, "a3")))
}

func testHeadFile(t *testing.T, l *Ledger) {
	ctx := context.Background()
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "a")))
	other := New(t, InMemory())
	reader := l.Options
	reader.Signer, reader.Verifier = nil, l.Node.Public().Signing()
	for what, c := range map[string]struct {
		head string
		want error
	}{
		"missing":           {filepath.Join(t.TempDir(), "none"), ledger.ErrNoHead},
		"of another signer": {other.Options.HeadFile, ledger.ErrAuthor},
	} {
		o := reader
		o.HeadFile = c.head
		if _, err := ledger.Open(ctx, l.Store, o); !errors.Is(err, c.want) {
			t.Errorf("a head file that is %s: %v", what, err)
		}
	}
	log, err := ledger.Open(ctx, l.Store, reader)
	must(t, err)
	if _, err := log.Append(ctx, ledger.Batch{}); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("a reader wrote: %v", err)
	}
}

func testBadInput(t *testing.T, l *Ledger) {
	ctx := context.Background()
	good := l.Batch(t, l.Draft(ledger.NewID(), 1, "a"))
	foreign, err := ledger.Seal(ledger.NewID(), l.Author, l.Draft(ledger.NewID(), 1, "b"))
	must(t, err)
	cut := good.Entries[0]
	cut.Sealed = cut.Sealed[:len(cut.Sealed)-1]
	for what, b := range map[string]ledger.Batch{
		"no entry":                   {},
		"an entry cut off":           {Entries: []ledger.Entry{cut}},
		"an entry of another ledger": {Entries: []ledger.Entry{foreign}},
		"a key of nothing":           {Entries: good.Entries, Keys: []ledger.WrappedKey{{}}},
	} {
		if _, err := l.Append(ctx, b); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	for what, change := range map[string]func(*ledger.Draft){
		"no kind":          func(d *ledger.Draft) { d.Content.Kind = "" },
		"no time":          func(d *ledger.Draft) { d.Content.At = time.Time{} },
		"text not UTF-8":   func(d *ledger.Draft) { d.Content.Identity["text"] = []string{"\xd0", "\xba"} },
		"no previous hash": func(d *ledger.Draft) { d.Version = 2 },
		"no fact key":      func(d *ledger.Draft) { d.Keys.Fact = seal.Key{} },
		"no identity key":  func(d *ledger.Draft) { d.Keys.Identity = seal.Key{} },
	} {
		d := l.Draft(ledger.NewID(), 1, "c")
		change(&d)
		if _, err := ledger.Seal(l.ID(), l.Author, d); err == nil {
			t.Errorf("%s was sealed", what)
		}
	}
}

func testLargeEntry(t *testing.T, l *Ledger) {
	a := ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, strings.Repeat("ұзақ мәтін ", 200_000))))
	must(t, l.Write(t, l.Draft(a, 2, "")))
	d := l.Draft(a, 3, strings.Repeat("x", seal.MaxPlain))
	d.Content.Prev = ledger.Hash{1}
	if _, err := ledger.Seal(l.ID(), l.Author, d); err == nil {
		t.Error("an entry of 16 MiB was sealed")
	}
}

func testCancelled(t *testing.T, l *Ledger) {
	ctx, cancel := context.WithCancel(context.Background())
	b := l.Batch(t, l.Draft(ledger.NewID(), 1, "a"))
	cancel()
	if _, err := l.Append(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if err := l.Scan(ctx, 0, 1, func(ledger.Entry) error { return nil }); l.Head().Size > 0 && !errors.Is(err, context.Canceled) {
		t.Errorf("scan: %v", err)
	}
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "b")))
}

// testModel appends, fails and reopens at random, and holds the ledger
// against a list of what was acknowledged.
func testModel(t *testing.T, fresh func(t testing.TB) Keeper) {
	rapid.Check(t, func(r *rapid.T) {
		l := New(t, fresh(t))
		versions := map[ledger.ID]uint64{}
		var streams []ledger.ID
		steps := rapid.IntRange(1, 12).Draw(r, "steps")
		for range steps {
			if rapid.IntRange(0, 5).Draw(r, "reopen") == 0 {
				l.Reopen(t)
			}
			fault := rapid.SampledFrom([]Fault{None, None, NotPersisted, Persisted}).Draw(r, "fault")
			l.Store.Plan(fault)
			var drafts []ledger.Draft
			next := map[ledger.ID]uint64{}
			for range rapid.IntRange(1, 4).Draw(r, "entries") {
				i := rapid.IntRange(0, len(streams)).Draw(r, "stream")
				if i == len(streams) {
					streams = append(streams, ledger.NewID())
				}
				stream := streams[i]
				if next[stream] == 0 {
					next[stream] = versions[stream]
				}
				next[stream]++
				drafts = append(drafts, l.Draft(stream, next[stream], rapid.String().Draw(r, "text")))
			}
			err := l.Write(t, drafts...)
			switch {
			case fault == NotPersisted:
				if !errors.Is(err, ErrInjected) {
					r.Fatalf("not kept: %v", err)
				}
			case err != nil:
				r.Fatal(err)
			default:
				for stream, version := range next {
					versions[stream] = version
				}
			}
		}
		l.Check(t)
		must(t, l.Close())
	})
}
