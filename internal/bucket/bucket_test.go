// SPDX-License-Identifier: AGPL-3.0-or-later

package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

const (
	testKey, testSecret = "north-key", "north-secret-that-nobody-guesses"
	testName            = "0123456789abcdef0123456789abcdef"
)

// store is an object store in this process, and what is asked of it.
type store struct {
	*httptest.Server
	asked func(r *http.Request) // before the store sees it
	serve func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

func newStore(t *testing.T, versions bool) *store {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(context.Background(), "north"); err != nil {
		t.Fatal(err)
	}
	if versions {
		if err := backend.SetVersioningConfiguration("north", gofakes3.VersioningConfiguration{Status: gofakes3.VersioningEnabled}); err != nil {
			t.Fatal(err)
		}
	}
	fake := gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{testKey: testSecret})).Server()
	s := &store{asked: func(*http.Request) {}, serve: func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked(r)
		s.serve(w, r, fake)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *store) open(t *testing.T, change ...func(*Options)) *Bucket {
	t.Helper()
	o := Options{Endpoint: s.URL, Bucket: "north", Region: "us-east-1", Prefix: "kua/", AccessKey: testKey, Secret: testSecret}
	for _, c := range change {
		c(&o)
	}
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func content(n int) []byte {
	out := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func get(t *testing.T, b *Bucket, name string, from, n int64) []byte {
	t.Helper()
	r, err := b.Get(context.Background(), name, from, n)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPutAndGet(t *testing.T) {
	for _, versions := range []bool{false, true} {
		s := newStore(t, versions)
		b := s.open(t)
		b.partLen = 5 << 20 // the least that stores take
		ctx := context.Background()
		for _, n := range []int{1, 1000, 5 << 20, 5<<20 + 1, 11<<20 + 7} {
			text, name := content(n), fmt.Sprintf("%032x", n)
			proved, err := b.Put(ctx, name, bytes.NewReader(text), int64(n))
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			t.Logf("%d bytes, versions %v: proved %v", n, versions, proved)
			if size, err := b.Size(ctx, name); err != nil || size != int64(n) {
				t.Errorf("%d bytes have the size %d: %v", n, size, err)
			}
			if got := get(t, b, name, 0, int64(n)); !bytes.Equal(got, text) {
				t.Errorf("%d bytes came back as %d", n, len(got))
			}
			if got := get(t, b, name, int64(n/2), int64(n-n/2)); !bytes.Equal(got, text[n/2:]) {
				t.Errorf("the second half of %d bytes came back as %d", n, len(got))
			}
			if _, err := b.Put(ctx, name, bytes.NewReader(text), int64(n)); err != nil { // once more, as after a crash
				t.Fatal(err)
			}
		}
		found := map[string]int64{}
		if err := b.Each(ctx, func(name string, size int64) error { found[name] = size; return nil }); err != nil || len(found) != 5 {
			t.Errorf("%v: %v", found, err)
		}
		for name := range found {
			if err := b.Remove(ctx, name); err != nil {
				t.Errorf("versions %v: %v", versions, err)
			}
			if _, err := b.Size(ctx, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what was taken away: %v", err)
			}
			if _, err := b.Get(ctx, name, 0, 1); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what was taken away: %v", err)
			}
			if left, err := b.versions(ctx, &patience{timer: time.NewTimer(time.Hour)}, "kua/"+name); err != nil || len(left) > 0 {
				t.Errorf("of what was taken away %d versions are left: %v", len(left), err)
			}
		}
		if err := b.Remove(ctx, testName); err != nil {
			t.Errorf("what was never there: %v", err)
		}
	}
}

// TestBelowAsksForNoMore lists what is below a prefix: the store is asked for
// that alone.
func TestBelowAsksForNoMore(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, false)
	b := s.open(t)
	for _, name := range []string{"locks-a", "pieces-a", "pieces-b"} {
		if _, err := b.Put(ctx, name, strings.NewReader(name), int64(len(name))); err != nil {
			t.Fatal(err)
		}
	}
	s.asked = func(r *http.Request) {
		if q := r.URL.Query(); q.Has("list-type") && q.Get("prefix") != "kua/pieces-" {
			t.Errorf("the store was asked for %q", q.Get("prefix"))
		}
	}
	var found []string
	err := b.Below("pieces-").Each(ctx, func(name string, _ int64) error { found = append(found, name); return nil })
	if err != nil || !slices.Equal(found, []string{"a", "b"}) {
		t.Errorf("%v, %v", found, err)
	}
}

// TestPutGoesOn breaks the line after each part, and looks which parts are sent again.
func TestPutGoesOn(t *testing.T) {
	s := newStore(t, false)
	b := s.open(t)
	b.partLen = 5 << 20
	text := content(23 << 20)
	sent := map[string]int{}
	ctx, cancel := context.WithCancel(context.Background())
	s.asked = func(r *http.Request) {
		if n := r.URL.Query().Get("partNumber"); r.Method == http.MethodPut && n != "" {
			sent[n]++
			if n == "3" && sent[n] == 1 {
				cancel()
			}
		}
	}
	if _, err := b.Put(ctx, testName, bytes.NewReader(text), int64(len(text))); !errors.Is(err, context.Canceled) {
		t.Fatalf("a line that breaks: %v", err)
	}
	if _, err := b.Size(context.Background(), testName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half of it is there: %v", err)
	}
	if _, err := b.Put(context.Background(), testName, bytes.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, testName, 0, int64(len(text))); !bytes.Equal(got, text) {
		t.Error("another file came of it")
	}
	if sent["1"] != 1 || sent["2"] != 1 || sent["4"] != 1 || sent["5"] != 1 {
		t.Errorf("parts were sent so often: %v", sent)
	}
	// Of what has become another file since, no part is taken for one of it.
	again := context.Background()
	ctx, cancel = context.WithCancel(again)
	clear(sent)
	if _, err := b.Put(ctx, "other", bytes.NewReader(text), int64(len(text))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	cancel()
	other := content(23<<20 - 1)
	if _, err := b.Put(again, "other", bytes.NewReader(other), int64(len(other))); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, "other", 0, int64(len(other))); !bytes.Equal(got, other) {
		t.Error("parts of two files were put together")
	}
	// What was begun goes with its name.
	ctx, cancel = context.WithCancel(again)
	clear(sent)
	_, _ = b.Put(ctx, "third", bytes.NewReader(text), int64(len(text)))
	cancel()
	if err := b.Remove(again, "third"); err != nil {
		t.Fatal(err)
	}
	if begun, err := b.begun(again, "kua/third"); err != nil || len(begun) > 0 {
		t.Errorf("%d are left of what was begun: %v", len(begun), err)
	}
}

func TestTry(t *testing.T) {
	for _, versions := range []bool{false, true} {
		s := newStore(t, versions)
		b := s.open(t)
		m, err := b.Try(context.Background())
		if err != nil || m.Versions != versions || m.Locked {
			t.Errorf("versions %v: %+v, %v", versions, m, err)
		}
		if err := b.Each(context.Background(), func(name string, _ int64) error { return errors.New(name) }); err != nil {
			t.Errorf("something is left: %v", err)
		}
	}
	s := newStore(t, false)
	for what, c := range map[string]struct {
		change func(*Options)
		want   error
	}{
		"another secret": {func(o *Options) { o.Secret = "wrong" }, ErrSignIn},
		"another key":    {func(o *Options) { o.AccessKey = "wrong" }, ErrSignIn},
		"no bucket":      {func(o *Options) { o.Bucket = "south" }, ErrNoBucket},
		"nobody there":   {func(o *Options) { o.Endpoint = "http://127.0.0.1:1" }, ErrSilent},
	} {
		_, err := s.open(t, c.change).Try(context.Background())
		if !errors.Is(err, c.want) || strings.Contains(fmt.Sprint(err), testSecret) || strings.Contains(fmt.Sprint(err), "127.0.0.1") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOptions(t *testing.T) {
	good := Options{Endpoint: "https://s3.example:9000", Bucket: "north", AccessKey: "k", Secret: "s"}
	for what, c := range map[string]struct {
		change func(*Options)
		ok     bool
	}{
		"as it is":                  {func(*Options) {}, true},
		"this machine without TLS":  {func(o *Options) { o.Endpoint = "http://localhost:9000" }, true},
		"and by its number":         {func(o *Options) { o.Endpoint = "http://[::1]:9000/" }, true},
		"another without TLS":       {func(o *Options) { o.Endpoint = "http://s3.example" }, false},
		"looks like this machine":   {func(o *Options) { o.Endpoint = "http://localhost.example" }, false},
		"no scheme":                 {func(o *Options) { o.Endpoint = "s3.example" }, false},
		"a path":                    {func(o *Options) { o.Endpoint = "https://s3.example/north" }, false},
		"a password in the address": {func(o *Options) { o.Endpoint = "https://a:b@s3.example" }, false},
		"no bucket":                 {func(o *Options) { o.Bucket = "" }, false},
		"a bucket that leads away":  {func(o *Options) { o.Bucket = "../other" }, false},
		"a prefix":                  {func(o *Options) { o.Prefix = "kua/north-2.a_b/" }, true},
		"a prefix that leads away":  {func(o *Options) { o.Prefix = "kua/../" }, false},
		"a prefix with a question":  {func(o *Options) { o.Prefix = "kua?x=" }, false},
		"no secret":                 {func(o *Options) { o.Secret = "" }, false},
		"two lines of secret":       {func(o *Options) { o.Secret = "a\nb" }, false},
	} {
		o := good
		c.change(&o)
		if _, err := Open(o); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestNothingIsToldRegression: neither what is sent by the way nor what is said
// of errors has the secret, and no object has another name than it was given.
func TestNothingIsToldRegression(t *testing.T) {
	s := newStore(t, false)
	s.asked = func(r *http.Request) {
		var all strings.Builder
		fmt.Fprint(&all, r.URL, r.Header)
		if strings.Contains(all.String(), testSecret) {
			t.Errorf("%s %s has the secret", r.Method, r.URL)
		}
		path := strings.TrimPrefix(r.URL.Path, "/north/")
		if path != "" && path != "kua/"+testName {
			t.Errorf("the store is asked for %q", path)
		}
	}
	b := s.open(t)
	ctx := context.Background()
	_, err := b.Put(ctx, testName, strings.NewReader("sealed"), 6)
	_, gone := b.Get(ctx, testName, 7, 3)
	if gone == nil || strings.Contains(gone.Error(), testSecret) {
		t.Errorf("beyond the end: %v", gone)
	}
	if err = errors.Join(err, b.Each(ctx, func(string, int64) error { return nil }), b.Remove(ctx, testName)); err != nil {
		t.Fatal(err)
	}
}

// TestSilentStore: a store that does not answer, or stops in the middle, is not
// waited for without end; a slow one is.
func TestSilentStore(t *testing.T) {
	s := newStore(t, false)
	text := content(3 << 20)
	b := s.open(t, func(o *Options) { o.Patience = 100 * time.Millisecond })
	ctx := context.Background()
	if _, err := b.Put(ctx, testName, bytes.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	half := atomic.Bool{}
	s.serve = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if half.Load() { // half of it, and then nothing
			head(w, len(text))
			_, _ = w.Write(text[:len(text)/2])
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}
	if _, err := b.Size(ctx, testName); !errors.Is(err, ErrSilent) {
		t.Errorf("size: %v", err)
	}
	if _, err := b.Put(ctx, "other", bytes.NewReader(text), int64(len(text))); !errors.Is(err, ErrSilent) {
		t.Errorf("put: %v", err)
	}
	if err := b.Each(ctx, func(string, int64) error { return nil }); !errors.Is(err, ErrSilent) {
		t.Errorf("each: %v", err)
	}
	if err := b.Remove(ctx, testName); !errors.Is(err, ErrSilent) {
		t.Errorf("remove: %v", err)
	}
	half.Store(true)
	r, err := b.Get(ctx, testName, 0, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); !errors.Is(err, ErrSilent) || len(got) != len(text)/2 {
		t.Errorf("%d bytes, then %v", len(got), err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.Size(ended, testName); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
}

func head(w http.ResponseWriter, length int) {
	w.Header().Set("Content-Length", fmt.Sprint(length))
	w.Header().Set("Last-Modified", "Thu, 06 Jan 2022 10:00:00 GMT")
	w.Header().Set("ETag", `"0"`)
}

// TestStoreThatAnswersElse: no answer, whatever is in it, is taken for what was asked.
func TestStoreThatAnswersElse(t *testing.T) {
	s := newStore(t, false)
	b := s.open(t)
	ctx := context.Background()
	text := content(1000)
	if _, err := b.Put(ctx, testName, bytes.NewReader(text), 1000); err != nil {
		t.Fatal(err)
	}
	s.serve = func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { // does not know ranges
		head(w, len(text))
		_, _ = w.Write(text)
	}
	if _, err := b.Get(ctx, testName, 100, 100); !errors.Is(err, ErrAnswer) {
		t.Errorf("all for a part: %v", err)
	}
	s.serve = func(w http.ResponseWriter, r *http.Request, next http.Handler) { // keeps half of what it is given
		if r.Method == http.MethodHead {
			head(w, 500)
			return
		}
		next.ServeHTTP(w, r)
	}
	if _, err := b.Put(ctx, testName, bytes.NewReader(text), 1000); !errors.Is(err, ErrAnswer) {
		t.Errorf("half of it: %v", err)
	}
	const planted = "\x1b[31mDear administrator"
	s.serve = func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", planted, planted)
	}
	if _, err := b.Get(ctx, testName, 0, 10); err == nil || strings.Contains(err.Error(), "Dear") {
		t.Errorf("what a store says is passed on: %v", err)
	}
	// One that keeps what it was told to take away.
	s.serve = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	}
	if err := b.Remove(ctx, testName); !errors.Is(err, ErrKeeps) {
		t.Errorf("what is kept for ever: %v", err)
	}
	s.serve = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>")
			return
		}
		next.ServeHTTP(w, r)
	}
	if err := b.Remove(ctx, testName); !errors.Is(err, ErrKeeps) {
		t.Errorf("what may not be taken away: %v", err)
	}
}
