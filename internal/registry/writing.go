// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/ledger/pgstore"
)

// errNotOurTurn says that something would be written by who has not got the
// right to write: a mistake of the program's.
var errNotOurTurn = errors.New("nothing was written: it is another machine's turn to write")

// writing is the right to write. One has it at a time, among all machines that
// use the same database: whoever has it writes upon what all have written.
type writing struct {
	mu   sync.Mutex
	of   *Registry
	turn *pgstore.Turn // nil: the register's only machine, or nobody else is asked
	err  error         // why it is not ours
}

// Lock waits for the right to write. Where the database does not give it, that
// is answered by who writes.
func (w *writing) Lock() {
	w.mu.Lock()
	n := w.of.nodes
	if n == nil || n.looks {
		return
	}
	ctx := context.Background() // it is waited for as for the lock itself
	if w.turn, w.err = n.store.Turn(ctx, turnWriting); w.err == nil {
		w.err = w.of.takeOver(ctx)
	}
	if at := time.UnixMilli(w.of.latest.Load()).UTC(); at.After(w.of.last) {
		w.of.last = at
	}
}

// LockHere keeps who writes on this machine away, and asks no other.
func (w *writing) LockHere() { w.mu.Lock() }

// TryLock is LockHere if nobody has it.
func (w *writing) TryLock() bool { return w.mu.TryLock() }

// Unlock gives it back, however it was had.
func (w *writing) Unlock() {
	if w.turn != nil {
		w.turn.End()
	}
	w.turn, w.err = nil, nil
	w.mu.Unlock()
}

// ours answers why nothing may be written; nil: it may. Called by who has locked it.
func (w *writing) ours() error {
	switch {
	case w.err != nil:
		return w.err
	case w.of.nodes != nil && w.turn == nil:
		return errNotOurTurn
	}
	return nil
}
