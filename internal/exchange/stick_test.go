// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
)

func TestSticksCarryWhatLinesDoNot(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, t.TempDir(), inMemory)
	stream := ledger.NewID()
	must(t, 0, w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 1)}, nil, ledger.ID{}))
	w.submit(t, 0)
	w.pull(t, 0)
	_, err := w.nodes[0].Cosign(ctx)
	must(t, 0, err)
	must(t, 0, w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 2)}, nil, ledger.ID{}))
	var stick bytes.Buffer
	must(t, 0, w.nodes[0].WriteStick(ctx, &stick, 0))

	status := func() exchange.Status {
		s, err := w.nodes[1].Status(ctx)
		return must(t, s, err)
	}
	other := newWorld(t, t.TempDir(), inMemory)
	if err := other.nodes[1].ReadStick(ctx, bytes.NewReader(stick.Bytes())); err == nil {
		t.Fatal("the stick of another coalition was read")
	}
	for i := range stick.Len() {
		if i%7 != 0 && i < stick.Len()-70 {
			continue
		}
		flipped := slices.Clone(stick.Bytes())
		flipped[i] ^= 1
		if w.nodes[1].ReadStick(ctx, bytes.NewReader(flipped)) == nil || w.nodes[1].ReadStick(ctx, bytes.NewReader(flipped[:i])) == nil {
			t.Fatalf("a stick that was altered at byte %d was read", i)
		}
	}
	if s := status(); s.Size != 0 || s.Carried != 0 || len(s.Seen) != 0 {
		t.Fatalf("a bad stick changed something: %+v", s)
	}
	for range 2 { // read again, it changes nothing
		must(t, 0, w.nodes[1].ReadStick(ctx, bytes.NewReader(stick.Bytes())))
		if s := status(); s.Size != 1 || s.Carried != 1 || len(s.Seen) != 1 {
			t.Fatalf("what came by the stick: %+v", s)
		}
	}
	w.submit(t, 1) // handed in by another node
	must(t, 0, w.relay.ReadStick(ctx, bytes.NewReader(stick.Bytes())))
	if got := w.log.Head().Size; got != 2 {
		t.Fatalf("%d entries in the relay", got)
	}
	w.pull(t, 0)
	if s, err := w.nodes[0].Status(ctx); err != nil || s.Waiting != 0 || s.Size != 2 {
		t.Fatalf("settled by the ledger alone: %+v, %v", s, err)
	}
}
