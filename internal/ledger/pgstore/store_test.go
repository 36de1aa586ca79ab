// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package pgstore

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// server is the PostgreSQL of all tests; each has a schema of its own there.
type server struct {
	*pgtest.Cluster
	schemas atomic.Int64
}

// running is nil where no PostgreSQL is installed.
var running *server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		// A store of its own for each draw of the models takes a while here, and
		// they are drawn from in full over the other stores: -rapid.checks 100.
		if err := flag.Set("rapid.checks", "15"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		flag.Parse()
		if bin := pgtest.Bin(); bin != "" {
			c, err := pgtest.New(context.Background(), bin, "fsync=off", "max_connections=300")
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			defer c.Close()
			running = &server{Cluster: c}
		}
		return m.Run()
	}())
}

// schema is a store in a schema. It implements ledgertest.Keeper.
type schema struct{ name string }

func fresh(t testing.TB) schema {
	t.Helper()
	if running == nil {
		t.Skip("PostgreSQL is not installed: apt-get install postgresql")
	}
	return schema{fmt.Sprintf("kua_test_%d", running.schemas.Add(1))}
}

func (s schema) Open(t testing.TB) ledger.Store {
	t.Helper()
	return s.open(t, Options{Create: true})
}

func (s schema) open(t testing.TB, o Options) *Store {
	t.Helper()
	o.URL, o.Schema = running.URL(), s.name
	store, err := Open(context.Background(), o)
	must(t, err)
	return store
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Keeper { return fresh(t) })
}

func TestShared(t *testing.T) {
	ledgertest.RunShared(t, func(t testing.TB) ledgertest.Keeper { return fresh(t) })
}

// filled is a ledger with a few entries, each with a text that must not be seen.
func filled(t testing.TB, s schema) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t, s)
	for i := range 5 {
		must(t, l.Write(t, l.Draft(ledger.NewID(), 1, fmt.Sprint("SECRET TEXT ", i))))
	}
	return l
}

// TestDatabaseSeesNoWord reads every column of every table of a ledger, and the
// files of the whole cluster.
func TestDatabaseSeesNoWord(t *testing.T) {
	ctx := context.Background()
	s := fresh(t)
	filled(t, s)
	c, err := pgx.Connect(ctx, running.URL())
	must(t, err)
	defer c.Close(ctx)
	rows, err := c.Query(ctx, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema=$1", s.name)
	must(t, err)
	columns, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (at [2]string, err error) {
		return at, r.Scan(&at[0], &at[1])
	})
	must(t, err)
	seen := 0
	for _, at := range columns {
		column := pgx.Identifier{at[1]}.Sanitize()
		// A bytea as it is, whatever else as text.
		rows, err := c.Query(ctx, "SELECT CASE WHEN pg_typeof("+column+")='bytea'::regtype THEN "+column+"::text::bytea ELSE convert_to("+column+"::text, 'UTF8') END FROM "+pgx.Identifier{s.name, at[0]}.Sanitize())
		must(t, err)
		values, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		must(t, err)
		for _, v := range values {
			seen++
			for _, word := range []string{"SECRET", "note", "2022-01-05", "day", "text"} {
				if bytes.Contains(v, []byte(word)) {
					t.Errorf("%s.%s holds %q", at[0], at[1], word)
				}
			}
		}
	}
	if len(columns) != 16 || seen < 60 {
		t.Errorf("%d columns and %d values were read: not all that there are", len(columns), seen)
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	s := fresh(t)
	if _, err := Open(ctx, Options{URL: running.URL(), Schema: s.name}); !errors.Is(err, ledger.ErrNone) {
		t.Errorf("opened where nothing was made: %v", err)
	}
	filled(t, s)
	store := s.open(t, Options{})
	must(t, store.SetMeta(ctx, metaFormat, []byte("3")))
	if _, err := Open(ctx, Options{URL: running.URL(), Schema: s.name}); !errors.Is(err, ledger.ErrNewer) {
		t.Errorf("opened what a newer program wrote: %v", err)
	}
	must(t, store.SetMeta(ctx, metaFormat, []byte("2")))
	must(t, store.Close())
	reader := s.open(t, Options{ReadOnly: true})
	defer reader.Close()
	if err := reader.SetMeta(ctx, "a", nil); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("a reader wrote: %v", err)
	}
	for what, o := range map[string]Options{
		"a schema to be quoted": {URL: running.URL(), Schema: `kua"; DROP SCHEMA public; --`},
		"no address":            {URL: "postgres://user:SECRET@host:port/x"},
		"nobody there":          {URL: "host=" + t.TempDir() + " user=postgres password=SECRET sslmode=disable"},
	} {
		if _, err := Open(ctx, o); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestPasswordIsNotShownRegression: what libpq's way of writing an address makes
// of a wrong one repeats it, with the password in it.
func TestPasswordIsNotShownRegression(t *testing.T) {
	for _, url := range []string{"postgres://kua:SECRET@[::1/kua", "host=a password=SECRET port=x", "postgres://kua:SECRET@%zz/kua?sslmode=maybe"} {
		if _, err := Open(context.Background(), Options{URL: url}); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%v", err)
		}
	}
}

// TestReadersWhileKeysAreMadeAnew reads the wrapped keys again and again while
// others are forgotten: none ever seems to be gone that is there.
func TestReadersWhileKeysAreMadeAnew(t *testing.T) {
	ctx := context.Background()
	s := fresh(t)
	l := filled(t, s)
	keep := ledger.NewID()
	must(t, l.Write(t, l.Draft(keep, 1, "x")))
	reader := s.open(t, Options{ReadOnly: true})
	defer reader.Close()
	done := make(chan error, 1)
	go func() {
		for range 30 {
			one := ledger.NewID()
			if err := l.Write(t, l.Draft(one, 1, "y")); err != nil {
				done <- err
				return
			}
			if err := l.Forget(ctx, ledger.WrappedKey{Stream: one}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for reads := 0; ; reads++ {
		n := 0
		must(t, reader.Keys(ctx, keep, func(ledger.WrappedKey) error { n++; return nil }))
		if n != 2 {
			t.Fatalf("%d keys of 2, at read %d", n, reads)
		}
		select {
		case err := <-done:
			must(t, err)
			if reads == 0 {
				t.Error("nothing was read meanwhile")
			}
			return
		default:
		}
	}
}

// TestWatch has one node told what another wrote.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := fresh(t)
	l := filled(t, s)
	other := s.open(t, Options{ReadOnly: true})
	defer other.Close()
	sizes, over := make(chan uint64, 10), make(chan error, 1)
	go func() { over <- other.Watch(ctx, func(size uint64) { sizes <- size }) }()
	if at := <-sizes; at != 5 {
		t.Fatalf("begins at %d", at)
	}
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "x"), l.Draft(ledger.NewID(), 1, "y")))
	if at := <-sizes; at != 7 {
		t.Errorf("told of %d entries", at)
	}
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestServerKilled kills PostgreSQL while a ledger is written to: what was
// acknowledged is there when it runs again, and the log goes on by itself.
// It has a server of its own, that syncs.
func TestServerKilled(t *testing.T) {
	if running == nil {
		t.Skip("PostgreSQL is not installed: apt-get install postgresql")
	}
	ctx := context.Background()
	c, err := pgtest.New(ctx, pgtest.Bin())
	must(t, err)
	defer c.Close()
	l := ledgertest.New(t, elsewhere{c})
	acknowledged := uint64(0)
	for range 3 {
		killed := make(chan error, 1)
		var last ledger.Batch
		for n := 0; ; n++ {
			last = l.Batch(t, l.Draft(ledger.NewID(), 1, "x"))
			first, err := l.Append(ctx, last)
			if err != nil {
				break
			}
			l.Expect(t, first, last)
			acknowledged++
			if n == 20 {
				go func() { killed <- c.Kill() }()
			}
		}
		must(t, <-killed)
		must(t, c.Start())
		switch size, _, err := l.Store.Head(ctx); {
		case err != nil:
			t.Fatal(err)
		case size == acknowledged+1: // kept, and not acknowledged any more
			l.Expect(t, acknowledged, last)
			acknowledged++
		case size != acknowledged:
			t.Fatalf("%d entries are there, %d were acknowledged", size, acknowledged)
		}
	}
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "after")))
	l.Check(t)
}

type elsewhere struct{ *pgtest.Cluster }

func (e elsewhere) Open(t testing.TB) ledger.Store {
	t.Helper()
	store, err := Open(context.Background(), Options{URL: e.URL(), Create: true})
	must(t, err)
	return store
}
