// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
)

// file is sealed bytes of a stream that goes from node 0 to node 1 after version 2.
func (w *world) file(stream ledger.ID, length int) ([]byte, exchange.Sending) {
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(i * 7 >> (i % 5))
	}
	return b, exchange.Sending{
		Parcel: exchange.Parcel{Stream: stream, Version: 2, File: ledger.NewID(), Length: uint64(length)},
		Open:   func(context.Context) (io.ReadSeekCloser, error) { return nopCloser{bytes.NewReader(b)}, nil },
	}
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// handed hands a stream from node 0 to node 1, and tells both.
func (w *world) handed(t failing) ledger.ID {
	ctx := context.Background()
	stream := ledger.NewID()
	must(t, 0, w.nodes[0].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 1), entry(t, w.id, stream, 2)}, nil, ids[1].ID()))
	w.submit(t, 0)
	for i := range w.nodes {
		w.pull(t, i)
	}
	return stream
}

// cut is a line that fails after some requests, before or after the other end had
// them.
type cut struct {
	left  int
	after bool
	to    http.RoundTripper
}

var errCut = errors.New("the line is cut")

func (c *cut) RoundTrip(q *http.Request) (*http.Response, error) {
	c.left--
	if c.left == 0 && !c.after {
		return nil, errCut
	}
	a, err := c.to.RoundTrip(q)
	if c.left == 0 && err == nil {
		err = errors.Join(errCut, a.Body.Close())
	}
	return a, err
}

// TestFilesGoOnWhereTheLineWasCut: whenever it is cut, and whoever is killed, a file
// arrives as it was, and nobody to whom it does not go gets a byte of it.
func TestFilesGoOnWhereTheLineWasCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		w := newWorld(rt, tempDir(rt, t), inMemory)
		server := httptest.NewServer(w.relay.Handler(func() time.Time { return noon }))
		defer server.Close()
		stream := w.handed(rt)
		b, f := w.file(stream, rapid.SampledFrom([]int{1, 4 << 20, 4<<20 + 1, 9<<20 + 3}).Draw(rt, "length"))
		there := func() bool {
			coming, err := w.nodes[1].Coming()
			must(rt, coming, err)
			return len(coming) == 1 && coming[0].Whole()
		}
		for tries := 0; !there(); tries++ {
			line := &cut{left: rapid.IntRange(1, 8).Draw(rt, "requests"), after: rapid.Bool().Draw(rt, "after"), to: server.Client().Transport}
			if tries > 40 {
				line.left = -1
			}
			c := exchange.Client{HTTP: &http.Client{Transport: line}, URL: server.URL}
			var err error
			if rapid.Bool().Draw(rt, "who") {
				err = w.nodes[0].SendFiles(ctx, c, []exchange.Sending{f})
				w.open(0)
			} else {
				err = w.nodes[1].FetchFiles(ctx, c)
				w.open(1)
			}
			if err != nil && !errors.Is(err, errCut) && line.left > 0 {
				rt.Fatal(err)
			}
		}
		got, err := os.ReadFile(w.nodes[1].Path(f.Parcel))
		if !bytes.Equal(must(rt, got, err), b) {
			rt.Fatal("another file arrived")
		}
		c := exchange.Client{HTTP: server.Client(), URL: server.URL}
		must(rt, 0, w.nodes[2].FetchFiles(ctx, c))
		if coming, err := w.nodes[2].Coming(); err != nil || len(coming) > 0 {
			rt.Fatalf("a stranger has it: %v %v", coming, err)
		}
		// What was not what it should be is sent again.
		must(rt, 0, w.nodes[1].Again(f.Parcel))
		must(rt, 0, w.nodes[1].FetchFiles(ctx, c))
		must(rt, 0, w.nodes[0].SendFiles(ctx, c, []exchange.Sending{f}))
		must(rt, 0, w.nodes[1].FetchFiles(ctx, c))
		if !there() {
			rt.Fatal("it was not sent again")
		}
		// Taken, it is nowhere on the way any more, and nothing more is accepted.
		must(rt, 0, w.nodes[1].Hand(ctx, []ledger.Entry{entry(rt, w.id, stream, 3)}, nil, ledger.ID{}))
		w.submit(rt, 1)
		w.pull(rt, 1)
		must(rt, 0, w.nodes[1].FetchFiles(ctx, c))
		must(rt, 0, w.nodes[0].SendFiles(ctx, c, []exchange.Sending{f}))
		for _, dir := range []string{w.dir + "/relay-files", w.dir + "/b/files"} {
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				rt.Fatalf("left on the way, in %s: %v %v", dir, left, err)
			}
		}
	})
}

func tempDir(rt *rapid.T, t *testing.T) string {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	return must(rt, dir, err)
}

// stale is a line on which the first answer about a file comes again and again.
type stale struct {
	to        http.RoundTripper
	meanwhile func()
	asked     int
	head      http.Header
	body      []byte
}

func (s *stale) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Path != "/file" {
		return s.to.RoundTrip(q)
	}
	if s.asked++; s.asked > 3 {
		return nil, errCut
	}
	if s.asked == 1 {
		a, err := s.to.RoundTrip(q)
		if err != nil {
			return nil, err
		}
		s.head = a.Header
		if s.body, err = io.ReadAll(a.Body); errors.Join(err, a.Body.Close()) != nil {
			return nil, err
		}
		s.meanwhile()
	}
	return &http.Response{StatusCode: http.StatusOK, Header: s.head, Body: io.NopCloser(bytes.NewReader(s.body)), Request: q}, nil
}

// TestAFileIsNotFetchedForEverRegression: while a file comes the node hands the
// stream back, and the relay goes on offering the file. It was asked for again and again.
func TestAFileIsNotFetchedForEverRegression(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, t.TempDir(), inMemory)
	server := httptest.NewServer(w.relay.Handler(func() time.Time { return noon }))
	defer server.Close()
	stream := w.handed(t)
	_, f := w.file(stream, 1000)
	must(t, 0, w.nodes[0].SendFiles(ctx, exchange.Client{HTTP: server.Client(), URL: server.URL}, []exchange.Sending{f}))
	line := &stale{to: server.Client().Transport, meanwhile: func() {
		must(t, 0, w.nodes[1].Hand(ctx, []ledger.Entry{entry(t, w.id, stream, 3)}, nil, ids[0].ID()))
		w.submit(t, 1)
		w.pull(t, 1)
	}}
	must(t, 0, w.nodes[1].FetchFiles(ctx, exchange.Client{HTTP: &http.Client{Transport: line}, URL: server.URL}))
	if coming, err := w.nodes[1].Coming(); err != nil || len(coming) > 0 || line.asked != 1 {
		t.Errorf("asked for %d times, and %v is there: %v", line.asked, coming, err)
	}
}

// TestFilesByStick: from node to node, and by the relay, and read twice.
func TestFilesByStick(t *testing.T) {
	ctx := t.Context()
	for _, by := range []string{"node", "relay"} {
		w := newWorld(t, t.TempDir(), inMemory)
		stream := w.handed(t)
		b, f := w.file(stream, 5<<20)
		var stick bytes.Buffer
		must(t, 0, w.nodes[0].WriteStick(ctx, &stick, 0, f))
		if by == "relay" {
			must(t, 0, w.relay.ReadStick(ctx, bytes.NewReader(stick.Bytes())))
			stick.Reset()
			must(t, 0, w.relay.WriteStick(ctx, &stick, 0))
		}
		for range 2 {
			must(t, 0, w.nodes[1].ReadStick(ctx, bytes.NewReader(stick.Bytes())))
		}
		must(t, 0, w.nodes[2].ReadStick(ctx, bytes.NewReader(stick.Bytes())))
		got, err := os.ReadFile(w.nodes[1].Path(f.Parcel))
		if !bytes.Equal(must(t, got, err), b) {
			t.Fatalf("by %s: another file arrived", by)
		}
		if coming, err := w.nodes[2].Coming(); err != nil || len(coming) > 0 {
			t.Fatalf("by %s: a stranger has it: %v %v", by, coming, err)
		}
	}
}
