// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/bucket"
)

const placeSecret = "a-secret-that-opens-the-bucket"

// testStore is an object store in this process.
type testStore struct {
	url    string
	silent atomic.Bool
	backed *s3mem.Backend
}

func newTestStore(t *testing.T, versions bool) *testStore {
	t.Helper()
	s := &testStore{backed: s3mem.New()}
	if err := s.backed.CreateBucket(context.Background(), "north"); err != nil {
		t.Fatal(err)
	}
	if versions {
		if err := s.backed.SetVersioningConfiguration("north", gofakes3.VersioningConfiguration{Status: gofakes3.VersioningEnabled}); err != nil {
			t.Fatal(err)
		}
	}
	fake := gofakes3.New(s.backed, gofakes3.WithV4Auth(map[string]string{"north-key": placeSecret})).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.silent.Load() {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *testStore) bucket() Bucket {
	return Bucket{Endpoint: s.url, Name: "north", Region: "us-east-1", Prefix: "kua/", AccessKey: "north-key", Secret: placeSecret}
}

// names are the names of all objects, of older versions too.
func (s *testStore) names(t *testing.T) []string {
	t.Helper()
	page, err := s.backed.ListBucketVersions("north", &gofakes3.Prefix{}, &gofakes3.ListBucketVersionsPage{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range page.Versions {
		if v, ok := v.(*gofakes3.Version); ok {
			out = append(out, v.Key)
		}
	}
	return out
}

func (s *testStore) open(t *testing.T) *bucket.Bucket {
	t.Helper()
	b, err := s.bucket().open()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// proves gives the administrator's passphrase once more.
func (h *house) proves() *access.Session {
	s := h.people["aigerim"]
	h.people["aigerim"] = h.sessions.Begin(s.Member, s.Keys)
	return h.people["aigerim"]
}

func (h *house) placeIs(want PlaceView) {
	h.t.Helper()
	got, err := h.Place(context.Background(), h.people["aigerim"], false)
	got.Bucket, got.Why = Bucket{}, ""
	if err != nil || got != want {
		h.t.Errorf("the place is %+v, not %+v: %v", got, want, err)
	}
}

func TestFilesInABucket(t *testing.T) {
	h, store := newHouse(t), newTestStore(t, true)
	ctx := context.Background()
	id := h.cases[0]
	one := h.putFile("asel", id, "a.png", fileText)
	if err := h.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	h.placeIs(PlaceView{Here: 1})
	n := len(h.lines(0))
	v, err := h.SetPlace(ctx, h.people["aigerim"], store.bucket())
	if err != nil || !v.On || !v.Versions || v.Locked || v.Bucket.Secret != "" {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := acts(h.lines(n)); got != "place/place/0" {
		t.Errorf("the audit says %q", got)
	}
	h.placeIs(PlaceView{On: true, Versions: true, Here: 1})
	two := h.putFile("asel", id, "b.txt", "in words")
	if err := h.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	h.placeIs(PlaceView{On: true, Versions: true, Away: 2})
	read := func(where string) {
		t.Helper()
		for file, want := range map[string]string{one.ID: fileText, two.ID: "in words"} {
			if text, err := h.readFile("asel", id, file); err != nil || text != want {
				t.Errorf("%s: read as %q: %v", where, text, err)
			}
		}
		list, err := h.Files(ctx, h.people["asel"], id)
		if err != nil || len(list) != 2 || list[0].Missing || list[1].Missing {
			t.Errorf("%s: %+v, %v", where, list, err)
		}
	}
	read("from the bucket")
	h.reopen()
	read("after the register was opened again")
	// The same bytes are one file, also where that is in the bucket.
	three := h.putFile("asel", h.cases[1], "c.png", fileText)
	if text, err := h.readFile("asel", h.cases[1], three.ID); err != nil || text != fileText {
		t.Errorf("read as %q: %v", text, err)
	}
	h.placeIs(PlaceView{On: true, Versions: true, Away: 2})
	verify := func(want string) {
		t.Helper()
		v, err := h.Verify(ctx, h.people["aigerim"], true)
		if err != nil || want == "" && v.Problem != "" || !strings.Contains(v.Problem, want) {
			t.Errorf("verify says %q: %v", v.Problem, err)
		}
	}
	verify("")
	// While the bucket does not do as it is asked, all goes on.
	store.silent.Store(true)
	if _, err := h.readFile("asel", id, one.ID); !errors.Is(err, ErrAway) || errors.Is(err, ErrFileDamaged) {
		t.Errorf("a bucket that hands out nothing: %v", err)
	}
	four := h.putFile("asel", id, "d.png", fileText+"!")
	if text, err := h.readFile("asel", id, four.ID); err != nil || text != fileText+"!" {
		t.Errorf("what waits is read as %q: %v", text, err)
	}
	if err := h.Carry(ctx); err == nil {
		t.Error("it was carried to nowhere")
	}
	if v, err := h.Place(ctx, h.people["aigerim"], true); err != nil || v.Why == "" || v.Here != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	store.silent.Store(false)
	if v, err := h.Place(ctx, h.people["aigerim"], true); err != nil || v.Why != "" {
		t.Errorf("%+v, %v", v, err)
	}
	// What is altered, lost or not ours is named.
	b := store.open(t)
	if _, err := b.Put(ctx, "holiday.jpg", strings.NewReader("sun"), 3); err != nil {
		t.Fatal(err)
	}
	verify("holiday.jpg")
	if err := b.Remove(ctx, "holiday.jpg"); err != nil {
		t.Fatal(err)
	}
	const stranger = "00112233445566778899aabbccddeeff"
	if _, err := b.Put(ctx, stranger, strings.NewReader("sun"), 3); err != nil {
		t.Fatal(err)
	}
	verify(stranger)
	if err := b.Remove(ctx, stranger); err != nil {
		t.Fatal(err)
	}
	size, err := b.Size(ctx, two.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, two.ID, bytes.NewReader(make([]byte, size)), size); err != nil {
		t.Fatal(err)
	}
	verify(two.ID + " was altered")
	if _, err := h.readFile("asel", id, two.ID); !errors.Is(err, ErrFileDamaged) {
		t.Errorf("an altered file: %v", err)
	}
	if err := b.Remove(ctx, two.ID); err != nil {
		t.Fatal(err)
	}
	verify(two.ID + " is missing")
	if _, err := h.EndPlace(ctx, h.proves(), func(int, int) {}); err == nil || !strings.Contains(err.Error(), two.ID) {
		t.Errorf("all were brought home: %v", err)
	}
	h.placeIs(PlaceView{On: true, Versions: true, Home: true, Here: 2, Away: 1})
	if err := h.WithdrawFile(ctx, h.people["asel"], id, two.ID, "lost"); err != nil {
		t.Fatal(err)
	}
}

// TestErasedFromABucket: of what was erased nothing is in the bucket, no older
// version of it either; and where the bucket does not answer then, later.
func TestErasedFromABucket(t *testing.T) {
	h, store := newHouse(t), newTestStore(t, true)
	ctx := context.Background()
	if _, err := h.SetPlace(ctx, h.people["aigerim"], store.bucket()); err != nil {
		t.Fatal(err)
	}
	file := h.putFile("asel", h.cases[0], "a.png", fileText)
	stays := h.putFile("asel", h.cases[1], "b.png", "another")
	if err := h.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	b := store.open(t)
	if size, err := b.Size(ctx, file.ID); err != nil {
		t.Fatal(err)
	} else if _, err := b.Put(ctx, file.ID, bytes.NewReader(make([]byte, size)), size); err != nil { // an older version, too
		t.Fatal(err)
	}
	store.silent.Store(true)
	if err := h.Erase(ctx, h.people["aigerim"], h.cases[0], Erasure{Why: "wish", Reason: "because"}); err != nil {
		t.Fatal(err)
	}
	h.placeIs(PlaceView{On: true, Versions: true, Away: 1, Going: 1})
	h.reopen()
	h.placeIs(PlaceView{On: true, Versions: true, Away: 1, Going: 1})
	store.silent.Store(false)
	if v, err := h.Verify(ctx, h.people["aigerim"], true); err != nil || v.Problem != "" {
		t.Errorf("while it waits to be taken out: %q, %v", v.Problem, err)
	}
	if err := h.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	h.placeIs(PlaceView{On: true, Versions: true, Away: 1})
	if got := store.names(t); len(got) != 1 || got[0] != "kua/"+stays.ID {
		t.Errorf("the bucket has %v", got)
	}
	v, err := h.EndPlace(ctx, h.proves(), func(int, int) {})
	if err != nil || v.On || v.Here != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if got := store.names(t); len(got) != 0 {
		t.Errorf("the bucket has %v", got)
	}
	if text, err := h.readFile("asel", h.cases[1], stays.ID); err != nil || text != "another" {
		t.Errorf("%q, %v", text, err)
	}
	if v, err := h.Verify(ctx, h.people["aigerim"], true); err != nil || v.Problem != "" {
		t.Errorf("%q, %v", v.Problem, err)
	}
}

func TestPlaceIsDecidedByAdministrators(t *testing.T) {
	h, store := newHouse(t), newTestStore(t, false)
	ctx := context.Background()
	for _, who := range []string{"asel", "nurlan", "rustem"} {
		if _, err := h.Place(ctx, h.people[who], false); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s sees it: %v", who, err)
		}
		if _, err := h.SetPlace(ctx, h.people[who], store.bucket()); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s sets it up: %v", who, err)
		}
		if _, err := h.EndPlace(ctx, h.people[who], func(int, int) {}); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s ends it: %v", who, err)
		}
	}
	aigerim := h.people["aigerim"]
	if _, err := h.EndPlace(ctx, aigerim, func(int, int) {}); !errors.Is(err, ErrNoPlace) {
		t.Errorf("there is none: %v", err)
	}
	for what, c := range map[string]struct {
		change func(*Bucket)
		want   error
	}{
		"no TLS":         {func(b *Bucket) { b.Endpoint = "http://s3.example" }, ErrBucket},
		"no secret":      {func(b *Bucket) { b.Secret = "" }, ErrBucket},
		"another secret": {func(b *Bucket) { b.Secret = "wrong" }, bucket.ErrSignIn},
		"no such bucket": {func(b *Bucket) { b.Name = "south" }, bucket.ErrNoBucket},
	} {
		b := store.bucket()
		c.change(&b)
		if _, err := h.SetPlace(ctx, aigerim, b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(filepath.Join(h.dir, placeFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something was kept: %v", what, err)
		}
	}
	if _, err := h.SetPlace(ctx, aigerim, store.bucket()); err != nil {
		t.Fatal(err)
	}
	same := store.bucket()
	same.Secret = ""
	if _, err := h.SetPlace(ctx, aigerim, same); err != nil {
		t.Errorf("the same, and its secret kept: %v", err)
	}
	h.putFile("asel", h.cases[0], "a.png", fileText)
	if err := h.Carry(ctx); err != nil {
		t.Fatal(err)
	}
	other := newTestStore(t, false)
	if _, err := h.SetPlace(ctx, aigerim, other.bucket()); !errors.Is(err, ErrPlaceAway) {
		t.Errorf("another, which does not have the files: %v", err)
	}
	h.clock.t = h.clock.t.Add(6 * time.Minute)
	if _, err := h.SetPlace(ctx, aigerim, store.bucket()); !errors.Is(err, ErrProof) {
		t.Errorf("without proof: %v", err)
	}
	if _, err := h.EndPlace(ctx, aigerim, func(int, int) {}); !errors.Is(err, ErrProof) {
		t.Errorf("ended without proof: %v", err)
	}
}

// TestPlaceSecretRegression: the secret of a bucket is nowhere in the clear: not on
// the disk, not in what is shown, and not in what is said of errors.
func TestPlaceSecretRegression(t *testing.T) {
	h, store := newHouse(t), newTestStore(t, false)
	ctx := context.Background()
	aigerim := h.people["aigerim"]
	_, err := h.SetPlace(ctx, aigerim, store.bucket())
	if err != nil {
		t.Fatal(err)
	}
	h.putFile("asel", h.cases[0], "a.png", fileText)
	store.silent.Store(true)
	said := []any{h.Carry(ctx)}
	_, err = h.SetPlace(ctx, aigerim, store.bucket())
	said = append(said, err)
	v, err := h.Place(ctx, aigerim, true)
	said = append(said, v, err)
	_, err = h.EndPlace(ctx, aigerim, func(int, int) {})
	said = append(said, err)
	if text := fmt.Sprintf("%+v %#v", said, said); strings.Contains(text, placeSecret) || !strings.Contains(text, "north-key") {
		t.Errorf("it is said: %s", text)
	}
	n := 0
	err = filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		b, err := os.ReadFile(path)
		for _, plain := range []string{placeSecret, "north-key", store.url} {
			if bytes.Contains(b, []byte(plain)) {
				t.Errorf("%s has %q in the clear", path, plain)
			}
		}
		return err
	})
	if err != nil || n < 10 {
		t.Errorf("%d files: %v", n, err)
	}
}
