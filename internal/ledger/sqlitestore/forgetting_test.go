// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/ext/serdes"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// TestForgottenIsOverwritten puts, replaces and forgets wrapped keys at random
// and then searches every page of the database, free ones too, and the
// write-ahead log: nothing is left of what is not there any more.
func TestForgottenIsOverwritten(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "kua")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "ledger.db")
		s, err := Open(ctx, path, Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		gone := [][]byte{}
		there := map[string][]byte{}
		name := func(k ledger.WrappedKey) string { return fmt.Sprint(k.Stream, k.Part, k.Epoch, k.Holder) }
		random := func(n int) []byte {
			b := make([]byte, n)
			rand.Read(b)
			return b
		}
		ids := make([]ledger.ID, 200)
		for i := range ids {
			ids[i] = ledger.NewID()
		}
		for range rapid.IntRange(2, 6).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0, 1:
				var keys []ledger.WrappedKey
				for range rapid.IntRange(1, 300).Draw(r, "keys") {
					k := ledger.WrappedKey{
						Stream: ids[rapid.IntRange(0, len(ids)-1).Draw(r, "stream")], Part: 1, Epoch: uint32(rapid.IntRange(1, 2).Draw(r, "epoch")),
						Holder: ids[0], Wrapped: random(rapid.SampledFrom([]int{60, 100, 1700}).Draw(r, "length")),
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
				for range rapid.IntRange(1, 4).Draw(r, "forgotten") {
					stream := ids[rapid.IntRange(0, len(ids)-1).Draw(r, "stream")]
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
					r.Fatalf("%s: something is left of a key that was forgotten or replaced", where)
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
			r.Fatalf("%d of %d keys are there: %v", found, len(there), err)
		}
	})
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
