// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
)

// faulty opens the house's ledger over a store that fails as it is told.
func (h *house) faulty() *ledgertest.Faulty {
	h.t.Helper()
	var faulty *ledgertest.Faulty
	h.onStore(func(store ledger.Store) ledger.Store {
		faulty = &ledgertest.Faulty{Store: store}
		return faulty
	})
	return faulty
}

// onStore opens the register's ledger over a store that is made of its own.
func (g *register) onStore(made func(ledger.Store) ledger.Store) {
	g.t.Helper()
	ctx := context.Background()
	if err := g.log.Close(); err != nil {
		g.t.Fatal(err)
	}
	options := ledger.Options{Signer: g.node, HeadFile: filepath.Join(g.dir, "head"), Forgetting: g.forget.keys}
	store, err := g.openStore(ctx, stored{}, false, &options)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.log, err = ledger.Open(ctx, made(store), options); err != nil {
		g.t.Fatal(err)
	}
	g.keyring = g.log.Keyring(g.vault)
}

// TestRevokedInDoubtRegression: a grant is taken back while the connection to
// the store is lost, and it turns out later that this was kept. It counts from
// then on, without a restart and after one.
func TestRevokedInDoubtRegression(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	store := h.faulty()
	id := h.cases[0]
	h.grant("asel", id, "South", access.Fact, "")
	reads := func(want bool) {
		t.Helper()
		if _, err := h.Case(ctx, h.people["madina"], id, Clock{}); (err == nil) != want {
			t.Errorf("madina reads the case: %v, want %v", err, want)
		}
	}
	reads(true)
	grant := grantTo(t, h, id, "South")
	store.Plan(ledgertest.Unreadable)
	if err := h.Revoke(ctx, h.people["asel"], id, grant, "no longer needed"); !errors.Is(err, ErrUnknown) {
		t.Fatalf("taken back in doubt: %v", err)
	}
	store.Heal()
	// The next write of anybody finds out.
	if _, err := h.PutRecord(ctx, h.people["nurlan"], RecordChange{Case: h.cases[1], Kind: "note", Fields: map[string][]string{"text": {"after"}}}); err != nil {
		t.Fatal(err)
	}
	reads(false)
	h.reopen()
	h.signIn("madina")
	reads(false)
	h.verify()
}

// TestPastIsNotShownRegression: where the index could not follow a write, nobody
// is shown a case or a list of before it; once it can, all are.
func TestPastIsNotShownRegression(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.behind.Store(true)
	h.writing.Lock() // it can't follow
	if _, err := h.Case(ctx, h.people["asel"], h.cases[0], Clock{}); !errors.Is(err, ErrUnaudited) {
		t.Errorf("a case: %v", err)
	}
	if _, err := h.Cases(ctx, h.people["asel"], Query{}); !errors.Is(err, ErrUnaudited) {
		t.Errorf("a list: %v", err)
	}
	h.writing.Unlock()
	if _, err := h.Case(ctx, h.people["asel"], h.cases[0], Clock{}); err != nil || h.behind.Load() {
		t.Errorf("once it can: %v", err)
	}
}
