// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger_test

import (
	"context"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
)

// Every entry is proven under every checkpoint that covers it, and under no other.
func TestProve(t *testing.T) {
	ctx := context.Background()
	l, m, _ := sample(t)
	for _, row := range *m.Rows() {
		if row.Checkpoint == nil {
			continue
		}
		head, err := ledger.ParseCheckpoint(row.Checkpoint, l.Node.Public().Signing())
		if err != nil {
			t.Fatal(err)
		}
		for pos := range uint64(9) {
			p, err := l.Prove(ctx, head, pos)
			if pos >= head.Size {
				if err == nil {
					t.Errorf("entry %d is proven under a checkpoint of %d", pos, head.Size)
				}
				continue
			}
			if err != nil {
				t.Fatalf("entry %d of %d: %v", pos, head.Size, err)
			}
			path := make(tlog.RecordProof, len(p.Path))
			for i, h := range p.Path {
				path[i] = tlog.Hash(h)
			}
			leaf := tlog.RecordHash((*m.Rows())[pos].Sealed)
			if err := tlog.CheckRecord(path, int64(head.Size), tlog.Hash(head.Root), int64(pos), leaf); err != nil || p.Leaf != ledger.Hash(leaf) || p.Pos != pos {
				t.Errorf("entry %d of %d: %v", pos, head.Size, err)
			}
		}
	}
	if _, err := l.Prove(ctx, ledgertest.New(t, ledgertest.InMemory()).Head(), 0); err == nil {
		t.Error("proven under the checkpoint of another ledger")
	}
}

// An altered entry, or an altered hash beside it, is not proven.
func TestProveRefusesWhatIsAltered(t *testing.T) {
	l, m, _ := sample(t)
	rows := *m.Rows()
	for what, flip := range map[string]*byte{"entry": &rows[4].Sealed[len(rows[4].Sealed)-1], "hash beside it": &rows[5].Hashes[0], "subtree": &rows[3].Hashes[64]} {
		*flip ^= 1
		if _, err := l.Prove(context.Background(), l.Head(), 4); err == nil {
			t.Errorf("%s: proven although altered", what)
		}
		*flip ^= 1
	}
	if _, err := l.Prove(context.Background(), l.Head(), 4); err != nil {
		t.Error(err)
	}
}

func TestBundleSignerIsOfItsOwnName(t *testing.T) {
	l := ledgertest.New(t, ledgertest.InMemory())
	signer, err := ledger.BundleSigner(l.ID(), l.Node)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: "kua/ledger/" + l.ID().String() + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.ParseCheckpoint(signed, l.Node.Public().Signing()); err == nil {
		t.Error("what was signed for a bundle is read as a checkpoint")
	}
}
