// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestTree holds the tree against golang.org/x/mod/sumdb/tlog.
func TestTree(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var tr tree
	rows := &rowStore{}
	for n := range int64(300) {
		want, err := tlog.TreeHash(n, reader)
		if err != nil {
			t.Fatal(err)
		}
		if Hash(want) != tr.root() {
			t.Fatalf("root of %d leaves", n)
		}
		loaded, err := loadTree(context.Background(), rows, uint64(n))
		if err != nil || loaded.root() != tr.root() {
			t.Fatalf("loaded at %d leaves: %v", n, err)
		}
		data := []byte{byte(n), byte(n >> 8)}
		hashes, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		got := tr.add(LeafHash(data))
		if len(got) != 32*len(hashes) {
			t.Fatalf("leaf %d adds %d hashes, not %d", n, len(got)/32, len(hashes))
		}
		for i, h := range hashes {
			if Hash(got[32*i:]) != Hash(h) {
				t.Fatalf("hash %d of leaf %d", i, n)
			}
		}
		rows.hashes = append(rows.hashes, got)
	}
}

// rowStore is just enough of a Store to load a tree from.
type rowStore struct {
	Store
	hashes [][]byte
}

func (s *rowStore) Scan(_ context.Context, from, _ uint64, fn func(Row) error) error {
	return fn(Row{Pos: from, Hashes: s.hashes[from]})
}
