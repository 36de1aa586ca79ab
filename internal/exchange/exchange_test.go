// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// ids are identities of tests, made once: making one takes long.
var ids = func() (ids [5]*seal.Identity) {
	for i := range ids {
		id, err := seal.NewIdentity()
		if err != nil {
			panic(err)
		}
		ids[i] = id
	}
	return ids
}()

type failing interface {
	Helper()
	Fatalf(string, ...any)
}

func must[T any](t failing, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

// world is a relay and three nodes.
type world struct {
	dir   string
	id    ledger.ID
	log   *ledger.Log
	relay *exchange.Relay
	nodes [3]*exchange.Node
	logs  [3]*ledger.Log
	store [3]ledger.Store
	keys  []ed25519.PublicKey
}

func newWorld(t failing, dir string, store func() ledger.Store) *world {
	ctx := context.Background()
	w := &world{dir: dir}
	kept := store()
	var err error
	w.log, err = ledger.Create(ctx, kept, ledger.Options{Signer: ids[3], HeadFile: filepath.Join(dir, "relay-head")})
	must(t, w.log, err)
	w.id = w.log.ID()
	for i := range w.nodes {
		w.keys = append(w.keys, ids[i].Public().Signing())
	}
	w.relay = exchange.NewRelay(w.log, kept, ids[3], w.keys, filepath.Join(dir, "relay-files"))
	origin, err := w.log.Origin()
	must(t, origin, err)
	for i := range w.nodes {
		w.store[i] = store()
		o := ledger.Options{Verifier: ids[3].Public().Signing(), Replica: true, HeadFile: filepath.Join(dir, string(rune('a'+i))+"-head")}
		w.logs[i], err = ledger.CreateReplica(ctx, w.store[i], origin, o)
		must(t, w.logs[i], err)
		w.open(i)
	}
	return w
}

// open begins a node anew, as after a crash.
func (w *world) open(i int) {
	w.nodes[i] = exchange.NewNode(w.logs[i], w.store[i], exchange.Options{
		Node: ids[i], Relay: ids[3].Public().Signing(), Nodes: w.keys,
		Dir: filepath.Join(w.dir, string(rune('a'+i))), Now: func() time.Time { return noon },
	})
}

// twin is a relay of the same identity and the same ledger with another history of
// the same length.
func (w *world) twin(t failing) *exchange.Relay {
	t.Helper()
	ctx := context.Background()
	store := ledgertest.NewMemory()
	id := w.id
	must(t, 0, store.SetMeta(ctx, "ledger", id[:]))
	origin, err := w.log.Origin()
	must(t, origin, err)
	head := filepath.Join(w.dir, "twin-head")
	must(t, 0, os.WriteFile(head, origin, 0o600))
	log, err := ledger.Open(ctx, store, ledger.Options{Signer: ids[3], HeadFile: head})
	must(t, log, err)
	relay := exchange.NewRelay(log, store, ids[3], w.keys, filepath.Join(w.dir, "twin-files"))
	for range w.log.Head().Size {
		stream := ledger.NewID()
		env := exchange.Envelope{Ledger: w.id, Stream: stream, First: 1, Entries: [][]byte{entry(t, w.id, stream, 1).Sealed}}
		if o, err := relay.Submit(ctx, env.Close(ids[0], ledger.ID{}).Bytes()); err != nil || o != exchange.Kept {
			t.Fatalf("%v, %v", o, err)
		}
	}
	return relay
}

func entry(t failing, of, stream ledger.ID, version uint64) ledger.Entry {
	t.Helper()
	content := ledger.Content{Kind: "note", Record: stream, Op: ledger.Put, At: noon}
	if version > 1 {
		content.Prev = ledger.Hash{1} // sealed: nobody on the way reads it
	}
	e, err := ledger.Seal(of, ids[4], ledger.Draft{Stream: stream, Version: version, Keys: seal.NewCaseKeys(), Content: content})
	return must(t, e, err)
}

// submit hands in what lies in a node's outbox, and answers what became of it.
func (w *world) submit(t failing, i int) (outcomes []exchange.Outcome) {
	t.Helper()
	out, err := w.nodes[i].Outbox()
	must(t, out, err)
	for _, b := range out {
		o, err := w.relay.Submit(context.Background(), b)
		must(t, o, err)
		outcomes = append(outcomes, o)
		must(t, 0, w.nodes[i].Answered(b, o))
	}
	return outcomes
}

// pull follows the relay to its end.
func (w *world) pull(t failing, i int) {
	t.Helper()
	for {
		was := w.logs[i].Head().Size
		b, err := w.relay.Page(context.Background(), was)
		must(t, b, err)
		head, err := w.nodes[i].TakePage(context.Background(), b)
		must(t, head, err)
		if head.Size == was {
			return
		}
	}
}

func inMemory() ledger.Store { return ledgertest.NewMemory() }

func TestAnEntryGoesRoundAndItsStreamIsHandedOver(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, t.TempDir(), func() ledger.Store {
		s, err := sqlitestore.Open(ctx, filepath.Join(t.TempDir(), "ledger.db"), sqlitestore.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
	stream := ledger.NewID()
	a, b := w.nodes[0], w.nodes[1]
	key := ledger.WrappedKey{Stream: stream, Part: 1, Epoch: 1, Holder: ledger.NewID(), Wrapped: []byte("wrapped")}
	if err := a.Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 1)}, []ledger.WrappedKey{key}, ledger.ID{}); err != nil {
		t.Fatal(err)
	}
	w.open(0) // a crash loses nothing
	a = w.nodes[0]
	w.submit(t, 0)
	w.submit(t, 0) // sent twice, kept once
	if got := w.log.Head().Size; got != 1 {
		t.Fatalf("%d entries in the relay", got)
	}
	for i := range w.nodes {
		w.pull(t, i)
	}
	var keys []ledger.WrappedKey
	if err := w.logs[2].Keys(ctx, stream, func(k ledger.WrappedKey) error { keys = append(keys, k); return nil }); err != nil || len(keys) != 1 {
		t.Fatalf("the keys that came: %v, %v", keys, err)
	}
	if s, err := a.Status(ctx); err != nil || s.Waiting != 0 || s.Size != 1 {
		t.Fatalf("status: %+v, %v", s, err)
	}
	if err := b.Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 2)}, nil, ledger.ID{}); !errors.Is(err, exchange.ErrOwner) {
		t.Fatalf("another's stream: %v", err)
	}
	// What the node does not refuse, the relay does.
	forged := exchange.Envelope{Ledger: w.id, Stream: stream, First: 2, Entries: [][]byte{entry(t, w.id, stream, 2).Sealed}}
	if o, err := w.relay.Submit(ctx, forged.Close(ids[1], ledger.ID{}).Bytes()); err != nil || o != exchange.NotOwner {
		t.Fatalf("another's stream at the relay: %v, %v", o, err)
	}
	if o, err := w.relay.Submit(ctx, forged.Close(ids[4], ledger.ID{}).Bytes()); err != nil || o != exchange.Unusable {
		t.Fatalf("a stranger's envelope: %v, %v", o, err)
	}
	if err := a.Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 2)}, nil, ids[1].ID()); err != nil {
		t.Fatal(err)
	}
	if err := a.Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 3)}, nil, ledger.ID{}); !errors.Is(err, exchange.ErrOwner) {
		t.Fatalf("after it was handed over: %v", err)
	}
	w.submit(t, 0)
	w.pull(t, 1)
	if err := b.Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 3)}, nil, ledger.ID{}); err != nil {
		t.Fatal(err)
	}
	w.submit(t, 1)
	for i := range w.nodes {
		w.pull(t, i)
		if w.logs[i].Head().Root != w.log.Head().Root {
			t.Fatalf("node %d has another ledger", i)
		}
	}
}

func TestARefusedEnvelopeIsKeptAndShown(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, t.TempDir(), inMemory)
	stream := ledger.NewID()
	if err := w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 1)}, nil, ledger.ID{}); err != nil {
		t.Fatal(err)
	}
	w.submit(t, 0)
	w.pull(t, 0)
	// An old copy of the node writes beside it.
	if err := w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 2)}, nil, ledger.ID{}); err != nil {
		t.Fatal(err)
	}
	other := exchange.Envelope{Ledger: w.id, Stream: stream, First: 2, Entries: [][]byte{entry(t, w.id, stream, 2).Sealed}}
	if o, err := w.relay.Submit(ctx, other.Close(ids[0], ledger.ID{}).Bytes()); err != nil || o != exchange.Kept {
		t.Fatal(o, err)
	}
	w.pull(t, 0)
	s, err := w.nodes[0].Status(ctx)
	if err != nil || len(s.Refused) != 1 || s.Refused[0].Outcome != exchange.Conflict || s.Waiting != 0 {
		t.Fatalf("what could not be kept is shown: %+v, %v", s, err)
	}
}

// TestALyingRelay gives two nodes two histories: each sees it by what the other signed.
func TestALyingRelay(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, t.TempDir(), inMemory)
	stream := ledger.NewID()
	send := func(e ledger.Entry) {
		t.Helper()
		env := exchange.Envelope{Ledger: w.id, Stream: stream, First: e.Header.Version, Entries: [][]byte{e.Sealed}}
		if o, err := w.relay.Submit(ctx, env.Close(ids[0], ledger.ID{}).Bytes()); err != nil || o != exchange.Kept {
			t.Fatal(o, err)
		}
	}
	send(entry(t, w.id, stream, 1))
	w.pull(t, 0)
	w.pull(t, 1)
	send(entry(t, w.id, stream, 2))
	w.pull(t, 0)
	note, err := w.nodes[0].Cosign(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// Withheld: the note of another node says that there is more.
	if err := w.nodes[1].TakeNote(ctx, note); err != nil {
		t.Fatal(err)
	}
	if s, err := w.nodes[1].Status(ctx); err != nil || s.Missing != 1 || s.SeenAt[ids[0].ID()] != 2 || !s.Seen[ids[0].ID()].Equal(noon) {
		t.Fatalf("a gap is shown: %+v, %v", s, err)
	}
	page, err := w.relay.Page(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.nodes[2].TakePage(ctx, page); !errors.Is(err, ledger.ErrGap) {
		t.Fatalf("a page that begins too late: %v", err)
	}
	// Another history of the same size and signer.
	twin := w.twin(t)
	forged, err := twin.Page(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var fork *ledger.ForkError
	if _, err := w.nodes[0].TakePage(ctx, forged); !errors.As(err, &fork) {
		t.Fatalf("another history: %v", err)
	}
	if _, err := ledger.ParseCheckpoint(fork.Theirs, ids[3].Public().Signing()); err != nil {
		t.Fatalf("the proof: %v", err)
	}
	w.open(0)
	if s, err := w.nodes[0].Status(ctx); err != nil || len(s.Forks) != 1 {
		t.Fatalf("a fork is shown: %+v, %v", s, err)
	}
	if _, err := w.nodes[0].TakePage(ctx, page); !errors.Is(err, ledger.ErrForked) {
		t.Fatalf("after a fork: %v", err)
	}
}

// TestAllEndWithTheSameLedger lets three nodes write, hand over, lose lines and
// crash in any order.
func TestAllEndWithTheSameLedger(t *testing.T) {
	base := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		ctx := context.Background()
		w := newWorldIn(t, base, run)
		var streams []ledger.ID
		written := 0
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "node")
			n := w.nodes[i]
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				streams = append(streams, ledger.NewID())
				must(t, 0, n.Hand(ctx, []ledger.Entry{entry(t, w.id, streams[len(streams)-1], 1)}, nil, ledger.ID{}))
				written++
			case 1, 2:
				if len(streams) == 0 {
					continue
				}
				stream := rapid.SampledFrom(streams).Draw(t, "stream")
				last, err := n.Ahead(ctx, stream)
				must(t, last, err)
				next := ledger.ID{}
				if rapid.Bool().Draw(t, "hand over") {
					next = ids[rapid.IntRange(0, 2).Draw(t, "to")].ID()
				}
				err = n.Hand(ctx, []ledger.Entry{entry(t, w.id, stream, last+1)}, nil, next)
				switch {
				case err == nil && last > 0:
					written++
				case err == nil:
					// A stream of another one that is not known here: it is refused, and shown.
				case !errors.Is(err, exchange.ErrOwner):
					t.Fatalf("%v", err)
				}
			case 3: // the answer is lost
				out, err := n.Outbox()
				for _, b := range must(t, out, err) {
					_, err := w.relay.Submit(ctx, b)
					must(t, 0, err)
				}
			case 4:
				w.submit(t, i)
			case 5:
				w.pull(t, i)
			case 6:
				w.open(i)
			}
		}
		for range 2 {
			for i := range w.nodes {
				w.submit(t, i)
				w.pull(t, i)
			}
		}
		kept := int(w.log.Head().Size)
		for i, n := range w.nodes {
			w.pull(t, i)
			if w.logs[i].Head().Root != w.log.Head().Root {
				t.Fatalf("node %d has another ledger", i)
			}
			s, err := n.Status(ctx)
			must(t, s, err)
			if s.Waiting > 0 || len(s.Forks) > 0 || s.Missing > 0 {
				t.Fatalf("at the end: %+v", s)
			}
			kept += len(s.Refused)
		}
		if kept < written {
			t.Fatalf("%d written, %d kept or shown", written, kept)
		}
	})
}

func newWorldIn(t failing, base string, run int) *world {
	dir := filepath.Join(base, time.Duration(run).String())
	must(t, 0, os.MkdirAll(dir, 0o700))
	return newWorld(t, dir, inMemory)
}
