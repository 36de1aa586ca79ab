// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the right edge of a Merkle tree: all that is needed to add to it.
// A copy is a tree of its own.
type tree struct {
	size uint64
	edge [64]Hash // edge[i] is the root of a perfect subtree of 2^i leaves, where bit i of size is set
}

// add adds a leaf and gives the hashes that it adds to the tree: see Row.Hashes.
func (t *tree) add(leaf Hash) []byte {
	hashes := append(make([]byte, 0, 64), leaf[:]...)
	level := 0
	for ; t.size>>level&1 == 1; level++ {
		leaf = nodeHash(t.edge[level], leaf)
		hashes = append(hashes, leaf[:]...)
	}
	t.edge[level] = leaf
	t.size++
	return hashes
}

// root is the hash of the whole tree.
func (t *tree) root() Hash {
	root, first := Hash(sha256.Sum256(nil)), true
	for level := range t.edge {
		switch {
		case t.size>>level&1 == 0:
		case first:
			root, first = t.edge[level], false
		default:
			root = nodeHash(t.edge[level], root)
		}
	}
	return root
}

func nodeHash(left, right Hash) Hash {
	return Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}

// loadTree reads the right edge of the tree of a size from a store. Nothing of
// it is true before its root was compared with a signed one.
func loadTree(ctx context.Context, store Store, size uint64) (tree, error) {
	t := tree{size: size}
	for level := range t.edge {
		if size>>level&1 == 0 {
			continue
		}
		var err error
		if t.edge[level], err = subtree(ctx, store, level, size>>level<<level-1); err != nil {
			return tree{}, err
		}
	}
	return t, nil
}

// subtree reads the root of the perfect subtree of 2^level leaves that the leaf
// at a position completes.
func subtree(ctx context.Context, store Store, level int, pos uint64) (root Hash, err error) {
	found := false
	err = store.Scan(ctx, pos, pos+1, func(r Row) error {
		if len(r.Hashes) < 32*(level+1) {
			return fmt.Errorf("entry %d: its hashes are cut off", pos)
		}
		root, found = Hash(r.Hashes[32*level:]), true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("entry %d is missing", pos)
	}
	return root, err
}
