// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
)

func TestNodesFollowOverHTTP(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, t.TempDir(), inMemory)
	clock := noon
	server := httptest.NewServer(w.relay.Handler(func() time.Time { return clock }))
	defer server.Close()
	c := exchange.Client{HTTP: server.Client(), URL: server.URL}
	stream := ledger.NewID()
	must(t, 0, w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 1)}, nil, ledger.ID{}))
	for _, n := range w.nodes {
		must(t, 0, n.Follow(ctx, c))
	}
	s, err := w.nodes[2].Status(ctx)
	if must(t, s, err); s.Size != 1 || len(s.Seen) != 3 {
		t.Fatalf("what came over the line: %+v", s)
	}
	clock = noon.Add(time.Hour)
	if err := w.nodes[0].Follow(ctx, c); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Fatalf("a wrong clock: %v", err)
	}
	a, err := http.Get(server.URL + "/page?from=0")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusForbidden {
		t.Fatalf("a request that nobody signed: %d", a.StatusCode)
	}
	// The same relay with a history that does not follow from what it signed.
	more := exchange.Envelope{Ledger: w.id, Stream: stream, First: 2, Entries: [][]byte{entry(t, w.id, stream, 2).Sealed}}
	if o, err := w.relay.Submit(ctx, more.Close(ids[0], ledger.ID{}).Bytes()); err != nil || o != exchange.Kept {
		t.Fatal(o, err)
	}
	liar := httptest.NewServer(w.twin(t).Handler(func() time.Time { return noon }))
	defer liar.Close()
	if err := w.nodes[1].Follow(ctx, exchange.Client{HTTP: liar.Client(), URL: liar.URL}); !errors.Is(err, ledger.ErrForked) {
		t.Fatalf("an inconsistent history: %v", err)
	}
	if s, err := w.nodes[1].Status(ctx); err != nil || len(s.Forks) != 1 || s.Size != 1 {
		t.Fatalf("it is shown, and nothing was taken: %+v, %v", s, err)
	}
	// Another relay at the same address is not believed.
	other := newWorld(t, t.TempDir(), inMemory)
	impostor := httptest.NewServer(other.relay.Handler(func() time.Time { return noon }))
	defer impostor.Close()
	if err := w.nodes[0].Follow(ctx, exchange.Client{HTTP: impostor.Client(), URL: impostor.URL}); err == nil {
		t.Fatal("another relay was believed")
	}
}
