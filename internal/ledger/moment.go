// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"fmt"
)

// Moment is what Store.Moment gives, with the state of the ledger at that moment:
// its checkpoint is signed, and is of the entries that are there.
func (l *Log) Moment(ctx context.Context, fn func(WrappedKey) error) (Moment, Head, error) {
	m, err := l.store.Moment(ctx, fn)
	if err != nil {
		return m, Head{}, fmt.Errorf("the ledger: %w", err)
	}
	t, err := loadTree(ctx, l.store, m.Size)
	if err != nil {
		return m, Head{}, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	head := Head{Ledger: l.id, Root: t.root()}
	if m.Size == 0 {
		return m, head, nil
	}
	if head, err = ParseCheckpoint(m.Checkpoint, l.key); err != nil || head.Ledger != l.id || head.Size != m.Size || head.Root != t.root() {
		return m, head, fmt.Errorf("%w: its newest checkpoint is not of the entries that are there", ErrAltered)
	}
	return m, head, nil
}

// Had tells whether the ledger, as its store holds it, went through a state.
func (l *Log) Had(ctx context.Context, size uint64, root Hash) (bool, error) {
	t, err := loadTree(ctx, l.store, size)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return t.root() == root, nil
}

// Rows gives the rows of positions from ≤ pos < to as they lie in the store. A
// row and its bytes are valid only during the call.
func (l *Log) Rows(ctx context.Context, from, to uint64, fn func(Row) error) error {
	return l.store.Scan(ctx, from, to, fn)
}
