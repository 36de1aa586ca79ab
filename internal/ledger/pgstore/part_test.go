// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
)

func as(text string) func(uint64) ([]byte, error) {
	return func(version uint64) ([]byte, error) { return fmt.Appendf(nil, "%s %d", text, version), nil }
}

// TestParts: of two nodes that change the same part one is told that the other
// was faster; each sees what changed since it last looked.
func TestParts(t *testing.T) {
	ctx := context.Background()
	at := fresh(t)
	a, b := at.open(t, Options{Create: true}), at.open(t, Options{})
	defer a.Close() //nolint:errcheck // a test
	defer b.Close() //nolint:errcheck // a test
	before, err := a.State(ctx)
	must(t, err)
	one, err := a.PutPart(ctx, []byte("x"), 0, as("first"))
	must(t, err)
	if _, err := b.PutPart(ctx, []byte("x"), 0, as("late")); !errors.Is(err, ErrPart) {
		t.Errorf("the later one: %v", err)
	}
	two, err := b.PutPart(ctx, []byte("x"), one, as("second"))
	must(t, err)
	_, err = b.PutPart(ctx, []byte("y"), 0, as("other"))
	must(t, err)
	_, err = a.PutPart(ctx, []byte("x"), two, func(uint64) ([]byte, error) { return nil, nil })
	must(t, err)
	all, err := a.Parts(ctx, one)
	must(t, err)
	if len(all) != 2 || string(all[0].Value) != "other 3" || all[1].Value != nil || all[1].Version != 4 {
		t.Errorf("%v", all)
	}
	after, err := b.State(ctx)
	must(t, err)
	if after.Changes != before.Changes+4 {
		t.Errorf("%v, then %v", before, after)
	}
}

// TestStateTells: what changes wrapped keys changes the state.
func TestStateTells(t *testing.T) {
	ctx := context.Background()
	s := fresh(t).open(t, Options{Create: true})
	defer s.Close() //nolint:errcheck // a test
	key := ledger.WrappedKey{Stream: ledger.NewID(), Part: 1, Epoch: 1, Holder: ledger.NewID(), Wrapped: []byte("sealed")}
	for i, change := range []func() error{
		func() error { return s.AddKeys(ctx, []ledger.WrappedKey{key}) },
		func() error {
			return s.Rewrap(ctx, func(k ledger.WrappedKey) ([]byte, error) { return k.Wrapped, nil }, "x", []byte("y"))
		},
		func() error { return s.Forget(ctx, key) },
	} {
		must(t, change())
		state, err := s.State(ctx)
		must(t, err)
		if state.Changes != uint64(i+1) || state.Size != 0 { //nolint:gosec // few
			t.Errorf("after %d changes: %v", i+1, state)
		}
	}
}

// TestTurn: one node at a time; who is gone holds nobody up.
func TestTurn(t *testing.T) {
	ctx := context.Background()
	at := fresh(t)
	a, b := at.open(t, Options{Create: true}), at.open(t, Options{})
	defer a.Close() //nolint:errcheck // a test
	defer b.Close() //nolint:errcheck // a test
	n := 0
	var wg sync.WaitGroup
	for _, s := range []*Store{a, b} {
		for range 10 {
			wg.Go(func() {
				turn, err := s.Turn(ctx, "writing")
				if err != nil {
					t.Error(err)
					return
				}
				n++ // the race detector would see two at once
				turn.End()
			})
		}
	}
	wg.Wait()
	if n != 20 {
		t.Errorf("%d turns", n)
	}
	turn, err := a.Turn(ctx, "reminders")
	must(t, err)
	if other, err := b.TryTurn(ctx, "reminders"); err != nil || other != nil {
		t.Errorf("both at once: %v, %v", other, err)
	}
	if other, err := b.TryTurn(ctx, "something else"); err != nil || other == nil {
		t.Errorf("held up by another matter: %v", err)
	} else {
		other.End()
	}
	b.turnLimit = 10 * time.Millisecond
	if other, err := b.Turn(ctx, "reminders"); !errors.Is(err, ledger.ErrBusy) || !errors.Is(err, ledger.ErrNothing) || other != nil {
		t.Errorf("waited for in vain: %v", err)
	}
	b.turnLimit = turnLimit
	must(t, turn.conn.Conn().Close(ctx)) // the node is gone
	next, err := b.Turn(ctx, "reminders")
	must(t, err)
	next.End()
	turn.End()
}

// TestUpgrade: a schema of the first format gets what it lacks, whoever is first.
func TestUpgrade(t *testing.T) {
	ctx := context.Background()
	at := fresh(t)
	s := at.open(t, Options{Create: true})
	_, err := s.pool.Exec(ctx, "DROP TABLE part; UPDATE meta SET value='1' WHERE name='pgstore/format'")
	must(t, err)
	must(t, s.Close())
	reader := at.open(t, Options{ReadOnly: true})
	must(t, reader.Close())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			s := at.open(t, Options{})
			if _, err := s.Parts(ctx, 0); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
