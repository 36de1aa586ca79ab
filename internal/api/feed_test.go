// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry"
)

// line is what comes down a line that may be cut after some bytes, or once an
// answer is whole.
type line struct {
	mu    sync.Mutex
	head  http.Header
	body  bytes.Buffer
	after int // bytes; below 0: never
	whole bool
	cut   func()
}

var errCut = errors.New("the line was cut")

func (l *line) Header() http.Header { return l.head }
func (l *line) WriteHeader(int)     {}

func (l *line) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.after - l.body.Len(); l.after >= 0 && left < len(b) {
		l.body.Write(b[:left])
		l.cut()
		return left, errCut
	}
	return l.body.Write(b)
}

func (l *line) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.whole {
		l.cut()
	}
}

func (l *line) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.body.String()
}

// events reads events as the HTML standard has them (server-sent events, 9.2.6):
// what is not ended by an empty line has not come, its id neither.
func events(text string) (data []string, last string) {
	var now, id string
	lines := bufio.NewScanner(strings.NewReader(text[:strings.LastIndexByte(text, '\n')+1]))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); {
		case lines.Text() == "":
			if last = id; now != "" {
				data = append(data, now)
			}
			now = ""
		case name == "data":
			now += value
		case name == "id":
			id = value
		}
	}
	return data, last
}

// stream asks for the stream of changes until the line is cut.
func (h *house) stream(ctx context.Context, key, last string, l *line) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.head, l.cut = http.Header{}, cancel
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, root+streamPath, nil)
	r.Header.Set("Authorization", "Bearer "+key)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	h.api.ServeHTTP(l, r)
}

// TestFeedLosesNothing follows the feed, by polls and by a stream that is cut at
// any byte, with cursors as old as may be, while the cases that are followed and
// others are written to: each answer is exactly what was written to since its
// cursor, each thing once in the order of its last write; and whoever looks at what
// they are told of ends with the state there is.
func TestFeedLosesNothing(t *testing.T) {
	h := newHouse(t)
	north, south := h.signIn("north"), h.signIn("case_worker")
	if err := h.reg.WritePrograms(t.Context(), north, []registry.ProgramWrite{{Record: strings.Repeat("ab", 16), Kind: "facility", Fields: casefile.Fields{"name": {"A place"}}}}, "", "", false); err != nil {
		t.Fatal(err)
	}
	mine := []string{h.open, h.hidden, h.take(north, h.north, []string{"Үлгі", "Үлгі", "1", "N-3", "x"}, false)}
	theirs := h.take(south, h.south, []string{"Үлгі", "Үлгі", "1", "S-3", "x"}, true)
	key := h.key(h.signIn("north"), "follower")
	var wrote []string // of what the key opens, in their order
	truth := map[string]int{}
	note := func(t *rapid.T, id string, own bool) {
		s := south
		if own {
			s = north
			wrote = append(wrote, id)
			truth[id]++
		}
		err := h.reg.WritePrograms(context.Background(), s, []registry.ProgramWrite{{Case: id, Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"x"}}}}, "", "", false)
		if err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		h.clock.turn(time.Minute)
		type place struct {
			cursor string
			at     int // of wrote
		}
		told := func(a answer) []string {
			var ids []string
			for _, c := range a.body["changes"].([]any) {
				ids = append(ids, c.(map[string]any)["case"].(string))
			}
			return ids
		}
		known := map[string]int{} // what whoever follows has seen of each
		for id, n := range truth {
			known[id] = n
		}
		at := []place{{h.ask(key, http.MethodGet, "/changes", nil).body["next"].(string), len(wrote)}}
		take := func(ids []string) {
			for _, id := range ids {
				known[id] = truth[id]
			}
		}
		since := func(p place) []string {
			var want []string
			for _, id := range wrote[p.at:] {
				want = append(slices.DeleteFunc(want, func(other string) bool { return other == id }), id)
			}
			return want
		}
		poll := func(p place) {
			a := h.ask(key, http.MethodGet, "/changes?cursor="+url.QueryEscape(p.cursor), nil)
			if got, want := told(a), since(p); !slices.Equal(got, want) {
				t.Fatalf("told of %v, and %v was written to", got, want)
			}
			take(told(a))
			at = append(at, place{a.body["next"].(string), len(wrote)})
		}
		steps := map[string]func(*rapid.T){
			"write":  func(t *rapid.T) { note(t, rapid.SampledFrom(mine).Draw(t, "case"), true) },
			"others": func(t *rapid.T) { note(t, theirs, false) },
			"poll":   func(*rapid.T) { poll(at[len(at)-1]) },
			"poll from an old cursor": func(t *rapid.T) {
				poll(rapid.SampledFrom(at).Draw(t, "cursor"))
			},
			"lost answer": func(*rapid.T) {
				h.ask(key, http.MethodGet, "/changes?cursor="+url.QueryEscape(at[len(at)-1].cursor), nil)
			},
			"stream": func(t *rapid.T) {
				p := at[len(at)-1]
				l := &line{after: rapid.IntRange(-1, 600).Draw(t, "bytes"), whole: true}
				h.stream(context.Background(), key, p.cursor, l)
				data, last := events(l.text())
				var got []string
				for _, d := range data {
					var c changed
					if err := json.Unmarshal([]byte(d), &c); err != nil {
						t.Fatal(err)
					}
					got = append(got, c.Case)
				}
				want := since(p)
				if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) || last != "" && len(got) != len(want) || l.after < 0 && last == "" {
					t.Fatalf("streamed %v with the id %q, and %v was written to", got, last, want)
				}
				take(got)
				if last != "" {
					at = append(at, place{last, len(wrote)})
				}
			},
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			steps[rapid.SampledFrom(slices.Sorted(maps.Keys(steps))).Draw(t, "step")](t)
			p := at[len(at)-1]
			for id, n := range truth { // what is not known by now is yet to come
				if known[id] != n && !slices.Contains(wrote[p.at:], id) {
					t.Fatalf("%s was written to and is in nothing that is yet to come", id)
				}
			}
		}
		poll(at[len(at)-1])
		for id, n := range truth {
			if known[id] != n {
				t.Fatalf("in the end %s is another", id)
			}
		}
	})
}

// TestStreamSaysNothingOfOthers holds that a stream sends what its key opens at
// once, and of what others write nothing: not a byte, neither sooner nor other
// signs of life; that no two cursors are alike; that it ends after its time, when
// the key ends and when the register is locked.
func TestStreamSaysNothingOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		key := h.key(h.signIn("north"), "follower")
		write := func(who, id string) {
			t.Helper()
			if a := h.ask(h.keys[who], http.MethodPost, "/cases/"+id+"/records", object{"kind": "note", "fields": object{"text": "x"}}); a.Code != 201 {
				t.Fatal(a.Body)
			}
			synctest.Wait()
		}
		hidden := h.take(h.signIn("case_worker"), h.south, []string{"Үлгі", "Үлгі", "1", "S-3", "x"}, true)
		begin := func() (*line, chan struct{}) {
			l, ended := &line{after: -1}, make(chan struct{})
			go func() { defer close(ended); h.stream(t.Context(), key, "", l) }()
			synctest.Wait()
			return l, ended
		}
		l, ended := begin()
		first := l.text()
		start := time.Now()
		time.Sleep(5 * time.Second)
		write("case_worker", hidden)
		if got := l.text(); got != first {
			t.Errorf("others write, and it sends %q", got[len(first):])
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if l.text() != first {
			t.Error("a sign of life comes sooner")
		}
		time.Sleep(2 * time.Second) // 16 s after what was sent first
		synctest.Wait()
		quiet := l.text()[len(first):]
		if data, last := events(quiet); len(data) != 0 || last == "" {
			t.Errorf("the sign of life: %q", quiet)
		}
		write("north", h.hidden)
		told := l.text()[len(first)+len(quiet):]
		if data, _ := events(told); len(data) != 1 || !strings.Contains(data[0], h.hidden) {
			t.Errorf("what is written to its own is not sent at once: %q", told)
		}
		if strings.Contains(l.text(), hidden) {
			t.Error("it sends the id of a case of others")
		}
		<-ended
		if lasted := time.Since(start); lasted != streamLasts {
			t.Errorf("it ends after %s", lasted)
		}
		seen := map[string]bool{}
		for text := range strings.Lines(l.text()) {
			if id, ok := strings.CutPrefix(text, "id: "); ok {
				if seen[id] || len(id) != 50 {
					t.Errorf("a cursor that says something: %q", id)
				}
				seen[id] = true
			}
		}
		_, ended = begin()
		for _, v := range h.reg.APIKeys(h.signIn("north")) {
			if v.Name == "follower" {
				if err := h.reg.EndAPIKey(t.Context(), h.signIn("north"), v.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait()
		time.Sleep(streamQuiet)
		select {
		case <-ended:
		default:
			synctest.Wait()
			<-ended
		}
		if since := time.Since(start); since > streamLasts+streamQuiet {
			t.Errorf("it hears for %s after its key has ended", since-streamLasts)
		}
		key = h.keys["north"]
		_, ended = begin()
		h.reg.EndAll()
		<-ended
		if err := h.reg.Close(); err != nil {
			t.Error(err)
		}
	})
}
