// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that an entry is in the ledger as of a checkpoint, to somebody
// who has neither (RFC 6962, 2.1.1).
type Proof struct {
	Pos  uint64
	Leaf Hash
	Path []Hash
}

// Prove makes the proof that the entry at a position is in the ledger as of a
// head: the newest, or an earlier one that was read with ParseCheckpoint. A
// proof that does not lead to the head's root is not given.
func (l *Log) Prove(ctx context.Context, head Head, pos uint64) (Proof, error) {
	if head.Ledger != l.id || head.Size > l.Head().Size || pos >= head.Size {
		return Proof{}, fmt.Errorf("proving entry %d: it is not under this checkpoint", pos)
	}
	p := Proof{Pos: pos}
	// The leaf is made of the entry: a kept hash could outlive it.
	err := l.Scan(ctx, pos, pos+1, func(e Entry) error {
		p.Leaf = LeafHash(e.Sealed)
		return nil
	})
	if err != nil {
		return Proof{}, err
	}
	kept := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			root, err := subtree(ctx, l.store, level, (uint64(n)+1)<<level-1)
			if err != nil {
				return nil, err
			}
			hashes[i] = tlog.Hash(root)
		}
		return hashes, nil
	})
	path, err := tlog.ProveRecord(int64(head.Size), int64(pos), kept)
	if err != nil {
		return Proof{}, fmt.Errorf("proving entry %d: %w", pos, err)
	}
	if tlog.CheckRecord(path, int64(head.Size), tlog.Hash(head.Root), int64(pos), tlog.Hash(p.Leaf)) != nil {
		return Proof{}, fmt.Errorf("proving entry %d: its hashes do not lead to the checkpoint: %w", pos, ErrAltered)
	}
	for _, h := range path {
		p.Path = append(p.Path, Hash(h))
	}
	return p, nil
}
