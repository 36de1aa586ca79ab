// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package pgstore

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
)

// line is a line to the database that can be cut so that the database does not
// notice.
type line struct {
	dir      string
	listener net.Listener

	mu   sync.Mutex
	cut  bool
	ends []net.Conn // this side's
	held []net.Conn // the database's
}

// newLine is a line to the database of the tests.
func newLine(t *testing.T) *line {
	t.Helper()
	dir, err := os.MkdirTemp("", "kua-line-") // a short name: it is a socket's
	must(t, err)
	l := &line{dir: dir}
	l.listener, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	must(t, err)
	t.Cleanup(func() {
		l.listener.Close()
		l.hangUp()
		for _, c := range l.held {
			c.Close()
		}
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			c, err := l.listener.Accept()
			if err != nil {
				return
			}
			l.connect(c)
		}
	}()
	return l
}

// cancels is what a connection begins with that asks for another one's work to be
// broken off. It does not come through: the database is to know nothing.
const cancels = 80877102

func (l *line) connect(c net.Conn) {
	begin := make([]byte, 8)
	_, err := io.ReadFull(c, begin)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.cut || binary.BigEndian.Uint32(begin[4:]) == cancels {
		c.Close()
		return
	}
	to, err := net.Dial("unix", filepath.Join(running.Dir(), ".s.PGSQL.5432"))
	if err == nil {
		_, err = to.Write(begin)
	}
	if err != nil {
		c.Close()
		return
	}
	l.ends, l.held = append(l.ends, c), append(l.held, to)
	copied := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err == nil && !l.isCut() {
			to.Close() // whoever hung up did so by itself
		}
	}
	go copied(to, c)
	go copied(c, to)
}

func (l *line) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// hangUp cuts the line: the store sees it, the database does not.
func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, c := range l.ends {
		c.Close()
	}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// TestCommitInDoubtRegression loses the connection while the database commits.
// What became of the write must not be told before it has ended: else a write
// that is kept would be called lost.
func TestCommitInDoubtRegression(t *testing.T) {
	ctx := context.Background()
	s := fresh(t)
	must(t, s.Open(t).Close())
	to := newLine(t)
	store, err := Open(ctx, Options{URL: "host=" + to.dir + " user=postgres dbname=postgres sslmode=disable", Schema: s.name})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })

	admin, err := pgx.Connect(ctx, running.URL())
	must(t, err)
	defer func() { _ = admin.Close(ctx) }()
	run := func(sql string) {
		t.Helper()
		_, err := admin.Exec(ctx, sql)
		must(t, err)
	}
	// A commit waits for a copy of the database that there is none of.
	stuck := func() {
		run("ALTER SYSTEM SET synchronous_standby_names='nobody'")
		run("SELECT pg_reload_conf()")
	}
	loose := func() {
		run("ALTER SYSTEM RESET synchronous_standby_names")
		run("SELECT pg_reload_conf()")
	}
	stuck()
	defer loose()
	// until waits for a connection that waits for this, as long as nothing has come of what it is part of.
	until := func(event string, came <-chan answer) (answer, bool) {
		t.Helper()
		for {
			var n int
			must(t, admin.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE application_name='kua' AND (wait_event=$1 OR wait_event_type=$1)", event).Scan(&n))
			if n > 0 {
				return answer{}, false
			}
			select {
			case a := <-came:
				return a, true
			default:
			}
		}
	}

	wrote, read := make(chan answer, 1), make(chan answer, 1)
	go func() { // the database takes a moment to hear of it
		for n := uint64(0); ; n++ {
			row := ledger.Row{Stream: ledger.NewID(), Version: 1, Sealed: []byte("sealed"), Hashes: make([]byte, 32)}
			if err := store.Append(ctx, n, []ledger.Row{row}, nil, []byte("signed")); err != nil {
				wrote <- answer{n + 1, err}
				return
			}
		}
	}()
	if a, ok := until("SyncRep", wrote); ok {
		t.Fatalf("it was not written although the line is up: %v", a.err)
	}
	to.hangUp()
	last := <-wrote
	if !errors.Is(last.err, ledger.ErrNoAnswer) || errors.Is(last.err, ledger.ErrNothing) {
		t.Fatalf("a write whose connection was lost: %v", last.err)
	}
	to.mend()
	go func() {
		size, _, err := store.Head(ctx)
		read <- answer{size, err}
	}()
	if a, ok := until("Lock", read); ok {
		t.Errorf("while the write is under way the store says %d entries, %v", a.size, a.err)
		read <- a
	}
	loose()
	if a := <-read; a.err != nil || a.size != last.size {
		t.Errorf("the store has %d entries, %v", a.size, a.err)
	}
}

type answer struct {
	size uint64
	err  error
}

// TestNothingWritten: where the database was away before it could have written
// anything, that is said, and the ledger is in no doubt.
func TestNothingWritten(t *testing.T) {
	ctx := context.Background()
	s := fresh(t)
	to := newLine(t)
	l := ledgertest.New(t, through{s, to})
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "before")))
	to.hangUp()
	err := l.Write(t, l.Draft(ledger.NewID(), 1, "meanwhile"))
	if !errors.Is(err, ledger.ErrNothing) || !errors.Is(err, ledger.ErrNoAnswer) || errors.Is(err, ledger.ErrUnknown) {
		t.Errorf("written to a database that is away: %v", err)
	}
	to.mend()
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "after")))
	if head, err := l.Follow(ctx); err != nil || head.Size != 2 {
		t.Errorf("%d entries, %v", head.Size, err)
	}
	l.Check(t)
}

// through opens a schema over a line.
type through struct {
	schema
	line *line
}

func (s through) Open(t testing.TB) ledger.Store {
	t.Helper()
	store, err := Open(context.Background(), Options{URL: "host=" + s.line.dir + " user=postgres dbname=postgres sslmode=disable", Schema: s.name, Create: true})
	must(t, err)
	return store
}

// TestDatabaseLooksAfterTheLine: the lock of a node that is gone is let go of
// by the database, too.
func TestDatabaseLooksAfterTheLine(t *testing.T) {
	ctx := context.Background()
	store := fresh(t).open(t, Options{Create: true})
	defer store.Close()
	var set string
	must(t, store.pool.QueryRow(ctx, "SHOW idle_in_transaction_session_timeout").Scan(&set))
	if set != "20s" {
		t.Errorf("a transaction that nobody goes on with holds its lock for %s", set)
	}
}
