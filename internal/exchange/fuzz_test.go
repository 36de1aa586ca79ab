// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
)

// FuzzWhatComes gives bytes of others to all that reads them: nothing of it is
// taken, and nothing panics.
func FuzzWhatComes(f *testing.F) {
	w := newWorld(f, f.TempDir(), inMemory)
	stream := ledger.NewID()
	good := exchange.Envelope{Ledger: w.id, Stream: stream, First: 1, Entries: [][]byte{entry(f, w.id, stream, 1).Sealed}}.Close(ids[0], ids[1].ID()).Bytes()
	f.Add(good[:len(good)-1])
	page, err := w.relay.Page(f.Context(), 0)
	f.Add(must(f, page, err))
	var stick bytes.Buffer
	must(f, 0, w.nodes[0].WriteStick(f.Context(), &stick, 0))
	f.Add(stick.Bytes()[:stick.Len()-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := exchange.OpenEnvelope(b, func(ledger.ID) (ed25519.PublicKey, bool) { return w.keys[0], true }); err == nil && !bytes.Equal(b, good) {
			t.Fatal("an envelope that nobody signed")
		}
		if o, err := w.relay.Submit(t.Context(), b); err != nil || o != exchange.Unusable && !bytes.Equal(b, good) {
			t.Fatal(o, err)
		}
		head, _ := w.nodes[1].TakePage(t.Context(), b)
		_ = w.nodes[1].TakeNote(t.Context(), b)
		_ = w.nodes[1].Carry(t.Context(), b)
		_ = w.nodes[1].ReadStick(t.Context(), bytes.NewReader(b))
		if head.Size != 0 {
			t.Fatal("a page that the relay never signed was taken")
		}
	})
}
