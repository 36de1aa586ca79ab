// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"context"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
)

// TestKeysOfAnEnvelopeAreAllRegression holds that the keys of an envelope are all
// that its stream has from then on, at the relay and in each replica, and that one
// which is sent again brings nothing back.
func TestKeysOfAnEnvelopeAreAllRegression(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, t.TempDir(), func() ledger.Store { return ledgertest.NewMemory() })
	stream, x, y := ledger.NewID(), ledger.NewID(), ledger.NewID()
	key := func(holder ledger.ID, epoch uint32) ledger.WrappedKey {
		return ledger.WrappedKey{Stream: stream, Part: 1, Epoch: epoch, Holder: holder, Wrapped: []byte("sealed")}
	}
	holders := func(log *ledger.Log) map[ledger.ID]int {
		n := map[ledger.ID]int{}
		must(t, 0, log.Keys(ctx, stream, func(k ledger.WrappedKey) error { n[k.Holder]++; return nil }))
		return n
	}
	must(t, 0, w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 1)}, []ledger.WrappedKey{key(x, 1), key(y, 1)}, ledger.ID{}))
	out, err := w.nodes[0].Outbox()
	must(t, out, err)
	first := out[0]
	w.submit(t, 0)
	w.pull(t, 0)
	w.pull(t, 1)
	if n := holders(w.logs[1]); n[x] != 1 || n[y] != 1 {
		t.Fatalf("%v", n)
	}
	must(t, 0, w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 2)}, []ledger.WrappedKey{key(x, 1), key(x, 2)}, ledger.ID{}))
	w.submit(t, 0)
	if o, err := w.relay.Submit(ctx, first); err != nil || o != 1 {
		t.Fatalf("%v, %v", o, err)
	}
	w.pull(t, 1)
	for name, log := range map[string]*ledger.Log{"relay": w.log, "replica": w.logs[1]} {
		if n := holders(log); n[x] != 2 || n[y] != 0 {
			t.Errorf("%s: %v", name, n)
		}
	}
}
