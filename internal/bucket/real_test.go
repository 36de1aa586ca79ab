// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

// realStores are programs that speak S3, and how each is started.
var realStores = map[string]func(dir, listen string) []string{
	"versitygw": func(dir, listen string) []string {
		return []string{"--port", listen, "--quiet", "posix", "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "data")}
	},
	"minio": func(dir, listen string) []string {
		return []string{"server", "--quiet", "--address", listen, filepath.Join(dir, "data")}
	},
}

// TestRealStores does with real servers what the other tests do with one in this
// process. 'make stores' builds them into bin.
func TestRealStores(t *testing.T) {
	for name, args := range realStores {
		t.Run(name, func(t *testing.T) {
			path, err := exec.LookPath(name)
			if err != nil {
				path, err = exec.LookPath(filepath.Join("..", "..", "bin", name))
			}
			if err != nil {
				t.Skipf("%s is neither in the path nor in bin, so that no real server was tried: 'make stores' builds it", name)
			}
			o := Options{Endpoint: "http://" + serveReal(t, path, args), Region: "us-east-1", Prefix: "kua/", AccessKey: testKey, Secret: testSecret, Patience: 20 * time.Second}
			for _, versions := range []bool{false, true} {
				o.Bucket = fmt.Sprintf("north-%v", versions)
				b, err := Open(o)
				if err != nil {
					t.Fatal(err)
				}
				if err := b.core.MakeBucket(context.Background(), o.Bucket, minio.MakeBucketOptions{}); err != nil {
					t.Fatal(err)
				}
				if versions {
					if err := b.core.EnableVersioning(context.Background(), o.Bucket); err != nil {
						t.Fatal(err)
					}
				}
				useReal(t, b, versions)
			}
			useLocked(t, o)
		})
	}
}

// serveReal starts a server, and answers its address when it listens.
func serveReal(t *testing.T, path string, args func(dir, listen string) []string) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"data", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	free.Close()
	cmd := exec.Command(path, args(dir, listen)...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+testKey, "ROOT_SECRET_ACCESS_KEY="+testSecret, "MINIO_ROOT_USER="+testKey, "MINIO_ROOT_PASSWORD="+testSecret, "HOME="+dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server said: %s", said.String())
		}
	})
	late := time.After(time.Minute)
	for ticks := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-late:
			t.Fatal("the server does not listen")
		case <-ticks.C:
		}
		if c, err := net.Dial("tcp", listen); err == nil {
			c.Close()
			b, err := Open(Options{Endpoint: "http://" + listen, Bucket: "any", Region: "us-east-1", AccessKey: testKey, Secret: testSecret})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.core.ListBuckets(context.Background()); err == nil {
				ticks.Stop()
				return listen
			}
		}
	}
}

func useReal(t *testing.T, b *Bucket, versions bool) {
	t.Helper()
	ctx := context.Background()
	m, err := b.Try(ctx)
	if err != nil || m.Versions != versions || m.Locked {
		t.Errorf("%+v, %v", m, err)
	}
	b.partLen = 5 << 20
	text := content(18 << 20)
	proved, err := b.Put(ctx, testName, bytes.NewReader(text), int64(len(text)))
	t.Logf("versions %v: %+v; of one in parts the store proves: %v", versions, m, proved)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 5<<20 - 1, 17 << 20} {
		if got := get(t, b, testName, at, 1<<20); !bytes.Equal(got, text[at:at+1<<20]) {
			t.Errorf("at %d other bytes came", at)
		}
	}
	if _, err := b.Put(ctx, testName, bytes.NewReader(text[:1000]), 1000); err != nil {
		t.Fatal(err)
	}
	// A line that breaks after two parts: what is there is not sent again.
	broken, cancel := context.WithCancel(ctx)
	breaking := &breaksAfter{r: bytes.NewReader(text), at: 12 << 20, cancel: cancel}
	if _, err := b.Put(broken, "fedcba9876543210fedcba9876543210", breaking, int64(len(text))); err == nil {
		t.Error("the line did not break")
	}
	id, err := b.begun(ctx, "kua/fedcba9876543210fedcba9876543210")
	if err != nil || len(id) != 1 {
		t.Fatalf("%d are begun: %v", len(id), err)
	}
	parts, err := b.parts(ctx, &patience{timer: time.NewTimer(time.Hour)}, "kua/fedcba9876543210fedcba9876543210", id[0])
	if err != nil || len(parts) != 2 {
		t.Errorf("%d parts are there: %v", len(parts), err)
	}
	if _, err = b.Put(ctx, "fedcba9876543210fedcba9876543210", bytes.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, "fedcba9876543210fedcba9876543210", 0, int64(len(text))); !bytes.Equal(got, text) {
		t.Error("another file came of it")
	}
	n := 0
	if err := b.Each(ctx, func(name string, _ int64) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d names: %v", n, err)
	}
	for _, name := range []string{testName, "fedcba9876543210fedcba9876543210", "00000000000000000000000000000000"} {
		if err := b.Remove(ctx, name); err != nil {
			t.Errorf("taking away: %v", err)
		}
		if _, err := b.Size(ctx, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what was taken away: %v", err)
		}
		if left, err := b.versions(ctx, &patience{timer: time.NewTimer(time.Hour)}, "kua/"+name); err != nil || len(left) > 0 {
			t.Errorf("%d versions are left: %v", len(left), err)
		}
	}
	wrong := *b
	wrong.name = "nowhere"
	if _, err := wrong.Try(ctx); !errors.Is(err, ErrNoBucket) {
		t.Errorf("no such bucket: %v", err)
	}
}

// breaksAfter ends what reads it beyond a place.
type breaksAfter struct {
	r      *bytes.Reader
	at     int64
	cancel func()
}

func (b *breaksAfter) ReadAt(p []byte, at int64) (int, error) {
	if at > b.at {
		b.cancel()
	}
	return b.r.ReadAt(p, at)
}

// useLocked: a bucket that does not let go of what it was given says so.
func useLocked(t *testing.T, o Options) {
	t.Helper()
	ctx := context.Background()
	o.Bucket = "locked"
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.core.MakeBucket(ctx, o.Bucket, minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	if m, err := b.Try(ctx); err != nil || !m.Locked || !m.Versions {
		t.Errorf("%+v, %v", m, err)
	}
	mode, days, unit := minio.Compliance, uint(1), minio.Days
	if err := b.core.SetObjectLockConfig(ctx, o.Bucket, &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, testName, bytes.NewReader(content(100)), 100); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(ctx, testName); !errors.Is(err, ErrKeeps) {
		t.Errorf("a locked bucket let go: %v", err)
	}
}
