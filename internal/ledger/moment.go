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
	is, err := l.state(ctx, m.Size, m.Checkpoint)
	if err != nil {
		return m, Head{}, err
	}
	return m, is.head, nil
}

// Had tells whether the ledger, as its store holds it, went through a state.
func (l *Log) Had(ctx context.Context, size uint64, root Hash) (bool, error) {
	was, err := l.rootOf(ctx, size)
	return err == nil && was == root, err
}

// Rows gives the rows of positions from ≤ pos < to as they lie in the store. A
// row and its bytes are valid only during the call.
func (l *Log) Rows(ctx context.Context, from, to uint64, fn func(Row) error) error {
	return l.store.Scan(ctx, from, to, fn)
}
