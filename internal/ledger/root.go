// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"fmt"
)

// RootAt is the root hash of the tree as it was at a size: what an index or a
// figure that was made then is held against.
func (l *Log) RootAt(ctx context.Context, size uint64) (Hash, error) {
	if head := l.Head(); size > head.Size {
		return Hash{}, fmt.Errorf("the ledger has %d entries, not %d", head.Size, size)
	}
	return l.rootOf(ctx, size)
}

// rootOf is the root hash of the first entries of the store, without asking how
// many it has.
func (l *Log) rootOf(ctx context.Context, size uint64) (Hash, error) {
	t, err := loadTree(ctx, l.store, size)
	if err != nil {
		return Hash{}, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return t.root(), nil
}
