// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/seal"
)

// BenchmarkLedger measures what issue by issue must stay true, in one run, as
// the disk of the moment has it: a durable single append against a bare SQLite
// insert of a row as long with synchronous=FULL (vs-bare, at most 2), and 64
// concurrent writers against one (speedup-64, at least 10).
//
//	go test -run - -bench Ledger -benchtime 8000x ./internal/ledger/sqlitestore
func BenchmarkLedger(b *testing.B) {
	for _, key := range []*[32]byte{nil, {1}} {
		name := "plain"
		if key != nil {
			name = "encrypted"
		}
		b.Run(name, func(b *testing.B) {
			const rounds, writers = 5, 64 // taken in turn, so that a slow moment meets all of them
			n := max(b.N/rounds/writers, 1)
			dir := b.TempDir()
			l, work := benchLog(b, dir, key, writers, 2*rounds*n)
			bare := benchBare(b, filepath.Join(dir, "bare.db"), key)
			var bareTime, single, many time.Duration
			b.ResetTimer()
			for r := range rounds {
				from, mid, to := 2*r*n, (2*r+1)*n, (2*r+2)*n
				bareTime += timed(func() { bare(n*writers, len(work[0][0].Entries[0].Sealed)) })
				single += timed(func() {
					for w := range work {
						appendAll(b, l, work[w:w+1], from, mid)
					}
				})
				many += timed(func() { appendAll(b, l, work, mid, to) })
			}
			b.StopTimer()
			per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(rounds*n*writers) }
			b.ReportMetric(per(bareTime), "µs/bare-insert")
			b.ReportMetric(per(single), "µs/append-1")
			b.ReportMetric(per(many), "µs/append-64")
			b.ReportMetric(per(single)/per(bareTime), "vs-bare")
			b.ReportMetric(per(single)/per(many), "speedup-64")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// benchLog makes a ledger, and for each writer n batches of one entry that are
// not in it yet: one case after the other, ten entries each; the first one of
// a case brings its wrapped keys.
func benchLog(b *testing.B, dir string, key *[32]byte, writers, n int) (*ledger.Log, [][]ledger.Batch) {
	b.Helper()
	ctx := context.Background()
	node, err := seal.NewIdentity()
	if err != nil {
		b.Fatal(err)
	}
	store, err := Open(ctx, filepath.Join(dir, "ledger.db"), Options{Key: key, Create: true})
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Create(ctx, store, ledger.Options{Signer: node, HeadFile: filepath.Join(dir, "head")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	vault := seal.NewVault()
	work := make([][]ledger.Batch, writers)
	for w := range work {
		work[w] = make([]ledger.Batch, n)
		drafts := make([]ledger.Draft, n)
		for i := range drafts {
			stream, version, keys := ledger.NewID(), uint64(1), seal.NewCaseKeys()
			if i%10 > 0 {
				before := drafts[i-1]
				stream, version, keys = before.Stream, before.Version+1, before.Keys
			} else if work[w][i].Keys, err = ledger.WrapCaseKeys(vault, stream, keys); err != nil {
				b.Fatal(err)
			}
			drafts[i] = ledger.Draft{Stream: stream, Version: version, Keys: keys, Content: ledger.Content{
				Kind: "act", Record: ledger.NewID(), Op: ledger.Put, At: time.UnixMilli(1),
				Fact:     map[string][]string{"date": {"2022-01-05"}, "methods": {"beating", "electric"}, "region": {"KZ-75"}},
				Identity: map[string][]string{"place": {"a room on the second floor"}},
				Source:   "list.xlsx, row " + fmt.Sprint(i),
			}}
		}
		entries, err := ledger.SealAll(l.ID(), node, drafts)
		if err != nil {
			b.Fatal(err)
		}
		for i, e := range entries {
			work[w][i].Entries = []ledger.Entry{e}
		}
	}
	return l, work
}

// appendAll has one writer for each list append its batches from ≤ i < to.
func appendAll(b *testing.B, l *ledger.Log, work [][]ledger.Batch, from, to int) {
	var wg sync.WaitGroup
	for _, batches := range work {
		wg.Go(func() {
			for _, batch := range batches[from:to] {
				if _, err := l.Append(context.Background(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// benchBare gives a function that inserts n rows, each in a transaction of its own.
func benchBare(b *testing.B, path string, key *[32]byte) func(n, size int) {
	b.Helper()
	c, err := (&Store{path: path, options: Options{Key: key}}).connect()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	if err := c.Exec("PRAGMA journal_mode=wal; PRAGMA synchronous=full; CREATE TABLE t(pos INTEGER PRIMARY KEY, sealed BLOB)"); err != nil {
		b.Fatal(err)
	}
	return func(n, size int) {
		row := make([]byte, size)
		for range n {
			if err := c.Run("INSERT INTO t(sealed) VALUES(?)", nil, row); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkTenThousandCases seals, signs, appends and verifies as many entries
// as a register of ten thousand cases has.
//
//	go test -run - -bench TenThousand -benchtime 1x ./internal/ledger/sqlitestore
func BenchmarkTenThousandCases(b *testing.B) {
	const cases, each = 10_000, 8
	for range b.N {
		f := fresh(b, &[32]byte{1})
		l := ledgertest.New(b, f)
		var drafts []ledger.Draft
		var batch ledger.Batch
		for range cases {
			stream := ledger.NewID()
			for v := range uint64(each) {
				drafts = append(drafts, l.Draft(stream, v+1, "some text"))
			}
			keys, err := ledger.WrapCaseKeys(l.Vault, stream, drafts[len(drafts)-1].Keys)
			if err != nil {
				b.Fatal(err)
			}
			batch.Keys = append(batch.Keys, keys...)
		}
		report := func(name string, f func() error) {
			start := time.Now()
			if err := f(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), name)
		}
		verify := func(how ledger.VerifyOptions) func() error {
			return func() error {
				report, err := l.Verify(context.Background(), how)
				if err == nil && (report.Fault != nil || report.Entries != cases*each) {
					err = errors.New(report.String())
				}
				return err
			}
		}
		report("s/seal", func() (err error) {
			batch.Entries, err = ledger.SealAll(l.ID(), l.Author, drafts)
			return err
		})
		report("s/append", func() error {
			_, err := l.Append(context.Background(), batch)
			return err
		})
		report("s/reopen", func() error { l.Reopen(b); return nil })
		report("s/verify", verify(ledger.VerifyOptions{}))
		report("s/verify-deep", verify(ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors}))
	}
}
