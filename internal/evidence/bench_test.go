// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"filippo.io/age"
)

// withAge does with a file what age alone does: seals it, without a hash, and
// answers when it is on the disk.
func withAge(dir string, to age.Recipient, r io.Reader) error {
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return err
	}
	w, err := age.Encrypt(f, to)
	if err == nil {
		_, err = io.Copy(w, struct{ io.Reader }{r})
		err = errors.Join(err, w.Close())
	}
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// BenchmarkAge seals the same bytes with the vault, both hashes included, and
// with age alone, by turns, so that what else the machine does weighs on both.
// of-age is how fast the vault is for each that age alone is.
func BenchmarkAge(b *testing.B) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{16 << 20, 256 << 20} {
		text := content(size)
		for name, to := range map[string]age.Recipient{"x25519": identity.Recipient(), "hybrid": hybrid.Recipient()} {
			b.Run(fmt.Sprintf("%dMiB/%s", size>>20, name), func(b *testing.B) {
				v, dir := Open(b.TempDir()), b.TempDir()
				b.SetBytes(int64(size))
				var own, theirs time.Duration
				var before, after runtime.MemStats
				most := uint64(0)
				for b.Loop() {
					id := newID(b)
					runtime.GC()
					runtime.ReadMemStats(&before)
					start := time.Now()
					_, err := v.Put(context.Background(), id, struct{ io.Reader }{bytes.NewReader(text)}, noLimit)
					own += time.Since(start)
					runtime.ReadMemStats(&after)
					most = max(most, after.TotalAlloc-before.TotalAlloc)
					if err == nil {
						err = v.Drop(id)
					}
					start = time.Now()
					err = errors.Join(err, withAge(dir, to, bytes.NewReader(text)))
					if theirs += time.Since(start); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(theirs.Seconds()/own.Seconds(), "of-age")
				b.ReportMetric(float64(size)*float64(b.N)/own.Seconds()/1e6, "vault-MB/s")
				b.ReportMetric(float64(size)*float64(b.N)/theirs.Seconds()/1e6, "age-MB/s")
				b.ReportMetric(float64(most)/(1<<20), "vault-MiB")
			})
		}
	}
}
