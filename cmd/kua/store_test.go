// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"github.com/rogpeppe/go-internal/testscript"
)

// objectStore is an object store in this process, with a bucket "north" that the
// key "north-key" opens.
type objectStore struct {
	*httptest.Server
	backed *s3mem.Backend
	silent atomic.Bool // does nothing that it is asked
}

const storeSecret = "a-secret-that-opens-the-bucket"

func newObjectStore(t testing.TB) *objectStore {
	t.Helper()
	s := &objectStore{backed: s3mem.New()}
	if err := s.backed.CreateBucket(context.Background(), "north"); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(s.backed, gofakes3.WithV4Auth(map[string]string{"north-key": storeSecret})).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.silent.Load() {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// names are the names of all objects.
func (s *objectStore) names(t testing.TB) []string {
	t.Helper()
	found, err := s.backed.ListBucket(context.Background(), "north", &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range found.Contents {
		out = append(out, o.Key)
	}
	return out
}

// storeKey is the key of a script's object store.
type storeKey struct{}

// serveStore is the object store of a script: "store serve" has it at $STORE,
// "store silence" lets it do nothing, "store speak" again, and "store holds N" says
// how many objects it has.
func serveStore(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		s := ts.Value(storeKey{}).(*objectStore)
		switch args[0] {
		case "serve":
			ts.Setenv("STORE", s.URL)
		case "silence", "speak":
			s.silent.Store(args[0] == "silence")
		case "holds":
			var got []string
			for _, name := range s.names(t) {
				if !strings.HasPrefix(name, "kua/") || len(name) != 4+32 {
					ts.Fatalf("the store has %q", name)
				}
				got = append(got, name)
			}
			if want := args[1]; want != string(rune('0'+len(got))) {
				ts.Fatalf("the store holds %d objects, not %s", len(got), want)
			}
		}
	}
}
