// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
)

// testCopy copies a ledger to another store: it opens there as the same, with
// every checkpoint, and what is not the same is not taken for it.
func testCopy(t *testing.T, fresh func(t testing.TB) Keeper) {
	ctx := context.Background()
	l := New(t, fresh(t))
	for i := range 7 { // commits of one entry and of several
		stream := ledger.NewID()
		drafts := []ledger.Draft{l.Draft(stream, 1, fmt.Sprint(i))}
		for v := range i % 3 {
			drafts = append(drafts, l.Draft(stream, uint64(v)+2, "more")) //nolint:gosec // small
		}
		must(t, l.Write(t, drafts...))
	}
	for name, spoil := range map[string]spoiling{
		"an entry altered":      {row: func(r *ledger.Row) { r.Sealed = bytes.Clone(r.Sealed); r.Sealed[len(r.Sealed)-1] ^= 1 }},
		"a hash altered":        {row: func(r *ledger.Row) { r.Hashes = bytes.Clone(r.Hashes); r.Hashes[0] ^= 1 }},
		"a checkpoint left out": {row: func(r *ledger.Row) { r.Checkpoint = nil }},
		"a key altered":         {key: func(k *ledger.WrappedKey) { k.Wrapped = bytes.Clone(k.Wrapped); k.Wrapped[0] ^= 1 }},
		"a key of another":      {key: func(k *ledger.WrappedKey) { k.Holder[0] ^= 1 }},
	} {
		to := NewMemory()
		if err := l.CopyTo(ctx, &spoiled{Store: to, how: spoil}, nil); !errors.Is(err, ledger.ErrCopy) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ledger.Open(ctx, to, l.Options); !errors.Is(err, ledger.ErrNone) {
			t.Errorf("%s: the copy opens: %v", name, err)
		}
	}

	keeper := fresh(t)
	to := keeper.Open(t)
	var told uint64
	must(t, l.CopyTo(ctx, to, func(done, _ uint64) { told = done }))
	if told != l.Head().Size {
		t.Errorf("told of %d entries, not of %d", told, l.Head().Size)
	}
	if id, err := ledger.Holds(ctx, to); id != l.ID() || !errors.Is(err, ledger.ErrUnfinished) {
		t.Errorf("before it is settled it holds %v: %v", id, err)
	}
	if err := l.CopyTo(ctx, to, nil); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("copied over a ledger: %v", err)
	}
	must(t, ledger.Settle(ctx, to))
	if id, err := ledger.Holds(ctx, to); id != l.ID() || err != nil {
		t.Errorf("settled it holds %v: %v", id, err)
	}
	checkpoints := func(s ledger.Store) (all [][]byte) {
		must(t, s.Scan(ctx, 0, 1<<62, func(r ledger.Row) error {
			all = append(all, bytes.Clone(r.Checkpoint))
			return nil
		}))
		return all
	}
	was, is := checkpoints(l.Store), checkpoints(to)
	for i := range was {
		if !bytes.Equal(was[i], is[i]) {
			t.Errorf("entry %d has another checkpoint", i)
		}
	}
	must(t, to.Close())
	l.keeper = keeper
	l.Reopen(t)
	l.Check(t)
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "after the move")))
	l.Check(t)
}

// spoiling says what a store writes otherwise than it is told: the first row
// that can be, the first key.
type spoiling struct {
	row func(*ledger.Row)
	key func(*ledger.WrappedKey)
}

type spoiled struct {
	ledger.Store
	how spoiling
}

func (s *spoiled) Append(ctx context.Context, size uint64, rows []ledger.Row, keys []ledger.WrappedKey, checkpoint []byte) error {
	if s.how.row != nil {
		s.how.row(&rows[0])
		s.how.row = nil
	}
	return s.Store.Append(ctx, size, rows, keys, checkpoint)
}

func (s *spoiled) AddKeys(ctx context.Context, keys []ledger.WrappedKey) error {
	if s.how.key != nil {
		s.how.key(&keys[0])
		s.how.key = nil
	}
	return s.Store.AddKeys(ctx, keys)
}
