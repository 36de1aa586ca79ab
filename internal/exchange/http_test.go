// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
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
	if must(t, a, err); a.StatusCode != http.StatusForbidden {
		t.Fatalf("a request that nobody signed: %d", a.StatusCode)
	}
	a.Body.Close()
	// Another relay at the same address is not believed.
	other := newWorld(t, t.TempDir(), inMemory)
	impostor := httptest.NewServer(other.relay.Handler(func() time.Time { return noon }))
	defer impostor.Close()
	if err := w.nodes[0].Follow(ctx, exchange.Client{HTTP: impostor.Client(), URL: impostor.URL}); err == nil {
		t.Fatal("another relay was believed")
	}
}
