// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// RunShared tests a store that several nodes have open at once: each Open of
// the keeper is a node's own.
func RunShared(t *testing.T, fresh func(t testing.TB) Keeper) {
	t.Run("TwoNodes", func(t *testing.T) { testTwoNodes(t, fresh(t)) })
	t.Run("ReadsItsOwn", func(t *testing.T) { testReadsItsOwn(t, fresh(t)) })
	t.Run("Turned", func(t *testing.T) { testTurned(t, fresh(t)) })
	t.Run("NotShared", func(t *testing.T) { testNotShared(t, fresh(t)) })
	t.Run("SharedModel", func(t *testing.T) { testSharedModel(t, fresh) })
}

// node opens the same ledger once more, as another node of the same identity.
// What is expected of one is expected of the other.
func (l *Ledger) node(t testing.TB, keeper Keeper) *Ledger {
	t.Helper()
	n := &Ledger{
		Node: l.Node, Author: l.Author, Vault: l.Vault, Options: l.Options, keeper: keeper,
		want: l.want, cases: l.cases, mu: l.mu,
	}
	n.Options.HeadFile = filepath.Join(t.TempDir(), "head")
	n.Options.TrustStore = true // it begins here, with a head file of its own
	n.Store = &Faulty{Store: keeper.Open(t)}
	var err error
	n.Log, err = ledger.Open(context.Background(), n.Store, n.Options)
	must(t, err)
	n.Options.TrustStore = false
	t.Cleanup(func() { _ = n.Close() }) // closed already, most often
	return n
}

// shared makes a ledger that nodes share.
func shared(t testing.TB, keeper Keeper) *Ledger {
	t.Helper()
	l := New(t, keeper)
	l.Options.Shared = true
	l.Reopen(t)
	return l
}

// testTwoNodes has two nodes write at once, to streams of their own and to one
// that both write to, each trying again where the other was faster.
func testTwoNodes(t *testing.T, keeper Keeper) {
	ctx := context.Background()
	a := shared(t, keeper)
	both := ledger.NewID()
	must(t, a.Write(t, a.Draft(both, 1, "begun")))
	nodes := []*Ledger{a, a.node(t, keeper)}
	const each = 25
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			own := ledger.NewID()
			for v := range uint64(each) {
				if err := n.Write(t, n.Draft(own, v+1, fmt.Sprint("own ", i))); err != nil {
					t.Errorf("node %d, its own stream at %d: %v", i, v+1, err)
					return
				}
				for {
					last, _, err := n.Last(ctx, both)
					if err == nil {
						err = n.Write(t, n.Draft(both, last+1, fmt.Sprint("both ", i)))
					}
					if err == nil {
						break
					}
					if !errors.Is(err, ledger.ErrConflict) {
						t.Errorf("node %d, the stream of both: %v", i, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for i, n := range nodes {
		head, err := n.Follow(ctx)
		must(t, err)
		if head.Size != 1+2*2*each {
			t.Errorf("node %d has %d entries", i, head.Size)
		}
		n.Check(t)
		n.Reopen(t)
		n.Check(t)
	}
}

// testReadsItsOwn: what a node has written it reads at once, and what another
// has written once it follows.
func testReadsItsOwn(t *testing.T, keeper Keeper) {
	ctx := context.Background()
	a := shared(t, keeper)
	b := a.node(t, keeper)
	for i := range 5 {
		must(t, a.Write(t, a.Draft(ledger.NewID(), 1, "a")))
		if size := a.Head().Size; size != uint64(2*i+1) {
			t.Fatalf("the writer is at %d", size)
		}
		if size := b.Head().Size; size != uint64(2*i) {
			t.Fatalf("the other node is at %d before it follows", size)
		}
		head, err := b.Follow(ctx)
		must(t, err)
		if head.Size != uint64(2*i+1) {
			t.Fatalf("the other node is at %d", head.Size)
		}
		must(t, b.Write(t, b.Draft(ledger.NewID(), 1, "b")))
		_, err = a.Follow(ctx)
		must(t, err)
	}
	a.Check(t)
	b.Check(t)
}

// testTurned: a key that a node adds after another has turned the forgetting key
// lies under the new one, or is not added.
func testTurned(t *testing.T, keeper Keeper) {
	ctx := context.Background()
	a := shared(t, keeper)
	a.rewrap(t)
	a.Reopen(t)
	b := a.node(t, keeper)
	must(t, b.Write(t, b.Draft(ledger.NewID(), 1, "before")))
	_, err := a.Follow(ctx)
	must(t, err)
	old := a.Options.Forgetting[0]
	a.rewrap(t)
	stream := ledger.NewID()
	must(t, a.Write(t, a.Draft(stream, 1, "granted")))
	keys, err := a.Keyring(a.Vault).Current(ctx, stream)
	must(t, err)
	granted, err := ledger.WrapCaseKeys(seal.NewVault(), stream, keys)
	must(t, err)
	if err := b.Write(t, b.Draft(ledger.NewID(), 1, "too early")); !errors.Is(err, ledger.ErrForgetKey) {
		t.Errorf("written under a key that has ended: %v", err)
	}
	if err := b.AddKeys(ctx, granted); !errors.Is(err, ledger.ErrForgetKey) {
		t.Errorf("granted under a key that has ended: %v", err)
	}
	must(t, b.Hold(ctx, a.Options.Forgetting))
	must(t, b.Write(t, b.Draft(ledger.NewID(), 1, "after")))
	must(t, b.AddKeys(ctx, granted))
	if n := a.under(t); n[old.ID()] > 0 || len(n) != 1 {
		t.Errorf("keys lie under %v", n)
	}
	// Both keys at hand, as where a turn was cut off: the one that counts is taken.
	next := newForgetKey()
	b.Options.Forgetting = append([]*seal.ForgetKey{}, a.Options.Forgetting[0], next)
	b.Reopen(t)
	must(t, b.Hold(ctx, b.Options.Forgetting))
	must(t, b.Write(t, b.Draft(ledger.NewID(), 1, "between")))
	if n := a.under(t); n[next.ID()] > 0 {
		t.Errorf("keys lie under %v", n)
	}
	if _, err := a.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	a.Check(t)
}

// testNotShared: a ledger that is not said to be shared takes nothing over.
func testNotShared(t *testing.T, keeper Keeper) {
	a := New(t, keeper)
	must(t, a.Write(t, a.Draft(ledger.NewID(), 1, "a")))
	b := a.node(t, keeper)
	must(t, b.Write(t, b.Draft(ledger.NewID(), 1, "b")))
	for range 2 { // nor the second time
		if err := a.Write(t, a.Draft(ledger.NewID(), 1, "a")); !errors.Is(err, ledger.ErrSize) {
			t.Errorf("wrote beside another: %v", err)
		}
	}
}

// testSharedModel has two nodes write in turn, with writes that fail whether or
// not they were kept, and that leave it open whether they were, and nodes that
// begin anew; and holds the ledger against what was acknowledged.
func testSharedModel(t *testing.T, fresh func(t testing.TB) Keeper) {
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		keeper := fresh(t)
		a := shared(t, keeper)
		nodes := []*Ledger{a, a.node(t, keeper)}
		versions := map[ledger.ID]uint64{}
		var streams []ledger.ID
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			i := rapid.IntRange(0, 1).Draw(r, "node")
			n := nodes[i]
			switch rapid.IntRange(0, 7).Draw(r, "step") {
			case 0:
				n.Reopen(t)
			case 1:
				_, err := n.Follow(ctx)
				must(t, err)
			default:
				k := rapid.IntRange(0, len(streams)).Draw(r, "stream")
				if k == len(streams) {
					streams = append(streams, ledger.NewID())
				}
				stream := streams[k]
				fault := rapid.SampledFrom([]Fault{None, None, NotPersisted, Persisted, Unreadable}).Draw(r, "fault")
				b := n.Batch(t, n.Draft(stream, versions[stream]+1, rapid.String().Draw(r, "text")))
				n.Store.Plan(fault)
				first, err := n.Append(ctx, b)
				switch {
				case fault == NotPersisted && errors.Is(err, ErrInjected):
				case fault == Unreadable && errors.Is(err, ledger.ErrUnknown):
					n.Store.Heal()
					size, _, err := n.Store.Head(ctx)
					must(t, err)
					n.Expect(t, size-1, b) // it was kept
					versions[stream]++
				case err != nil:
					r.Fatalf("node %d, fault %d: %v", i, fault, err)
				default:
					n.Expect(t, first, b)
					versions[stream]++
				}
			}
		}
		for _, n := range nodes {
			_, err := n.Follow(ctx)
			must(t, err)
			n.Check(t)
			must(t, n.Close())
		}
	})
}
