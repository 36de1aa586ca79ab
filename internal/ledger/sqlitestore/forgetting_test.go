// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/ext/serdes"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// TestForgottenIsOverwritten puts, replaces and forgets wrapped keys at random
// and then searches every page of the database, free ones too, and the
// write-ahead log: nothing is left of what is not there any more.
func TestForgottenIsOverwritten(t *testing.T) {
	ctx := context.Background()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		path := filepath.Join(t.TempDir(), "ledger.db")
		s, err := Open(ctx, path, Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		gone := [][]byte{}
		there := map[string][]byte{}
		name := func(k ledger.WrappedKey) string { return fmt.Sprint(k.Stream, k.Part, k.Epoch, k.Holder) }
		random := func(n int) []byte {
			b := make([]byte, n)
			crand.Read(b)
			return b
		}
		ids := make([]ledger.ID, 200)
		for i := range ids {
			ids[i] = ledger.NewID()
		}
		for range 2 + r.IntN(5) {
			switch r.IntN(4) {
			case 0, 1:
				var keys []ledger.WrappedKey
				for range 1 + r.IntN(300) {
					k := ledger.WrappedKey{
						Stream: ids[r.IntN(len(ids))], Part: 1, Epoch: uint32(1 + r.IntN(2)),
						Holder: ids[0], Wrapped: random([]int{60, 100, 1700}[r.IntN(3)]),
					}
					if old := there[name(k)]; old != nil {
						gone = append(gone, old)
					}
					there[name(k)] = k.Wrapped
					keys = append(keys, k)
				}
				if err := s.AddKeys(ctx, keys); err != nil {
					t.Fatal(err)
				}
			case 2:
				for range 1 + r.IntN(4) {
					stream := ids[r.IntN(len(ids))]
					if err := s.Forget(ctx, ledger.WrappedKey{Stream: stream}); err != nil {
						t.Fatal(err)
					}
					for epoch := range 2 {
						n := name(ledger.WrappedKey{Stream: stream, Part: 1, Epoch: uint32(epoch + 1), Holder: ids[0]})
						if old := there[n]; old != nil {
							gone = append(gone, old)
							delete(there, n)
						}
					}
				}
			case 3:
				err := s.Rewrap(ctx, func(k ledger.WrappedKey) ([]byte, error) {
					gone = append(gone, there[name(k)])
					there[name(k)] = random(len(k.Wrapped))
					return there[name(k)], nil
				}, "forgetting", random(8))
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		// What was only replaced goes with the next key that is forgotten.
		last := ledger.WrappedKey{Stream: ledger.NewID(), Part: 1, Epoch: 1, Holder: ids[0], Wrapped: random(60)}
		if err := errors.Join(s.AddKeys(ctx, []ledger.WrappedKey{last}), s.Forget(ctx, last)); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, last.Wrapped)
		pages, err := serdes.Serialize(s.writer.Conn, "main")
		if err != nil {
			t.Fatal(err)
		}
		wal, err := os.ReadFile(path + "-wal")
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for where, b := range map[string][]byte{"pages": pages, "file": raw, "log": wal} {
			for _, old := range gone {
				if bytes.Contains(b, old[:16]) || bytes.Contains(b, old[len(old)-16:]) {
					t.Fatalf("%s: something is left of a key that was forgotten or replaced", where)
				}
			}
		}
		found := 0
		if err := s.Keys(ctx, ledger.ID{}, func(k ledger.WrappedKey) error {
			found++
			if !bytes.Equal(k.Wrapped, there[name(k)]) {
				return fmt.Errorf("another key")
			}
			return nil
		}); err != nil || found != len(there) {
			t.Fatalf("%d of %d keys are there: %v", found, len(there), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkRewrap measures the turn of the month: 10,000 cases with four
// wrapped keys each are put under a new forgetting key.
//
//	go test -run - -bench Rewrap -benchtime 5x ./internal/ledger/sqlitestore
func BenchmarkRewrap(b *testing.B) {
	const cases = 10_000
	ctx := context.Background()
	dir := b.TempDir()
	node, err := seal.NewIdentity()
	if err != nil {
		b.Fatal(err)
	}
	store, err := Open(ctx, filepath.Join(dir, "ledger.db"), Options{Key: &[32]byte{1}, Create: true})
	if err != nil {
		b.Fatal(err)
	}
	keys := []*seal.ForgetKey{seal.NewForgetKey(time.Unix(0, 0))}
	l, err := ledger.Create(ctx, store, ledger.Options{Signer: node, HeadFile: filepath.Join(dir, "head"), Forgetting: keys})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	vaults := []*seal.Vault{seal.NewVault(), seal.NewVault()}
	var wrapped []ledger.WrappedKey
	for range cases {
		stream, of := ledger.NewID(), seal.NewCaseKeys()
		for _, v := range vaults {
			w, err := ledger.WrapCaseKeys(v, stream, of)
			if err != nil {
				b.Fatal(err)
			}
			wrapped = append(wrapped, w...)
		}
	}
	if err := l.AddKeys(ctx, wrapped); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		keys = append(keys[len(keys)-1:], seal.NewForgetKey(time.Unix(0, 0)))
		if _, err := l.Rewrap(ctx, keys); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(wrapped)), "keys/op")
}
