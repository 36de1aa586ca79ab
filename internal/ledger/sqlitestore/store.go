// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/sqlfile"
)

const (
	// application marks the file as a ledger of this program ("Kua1").
	application = 0x4b756131
	// format is the number of the tables below. A file with a greater one is refused.
	format = 1

	tables = `
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entry(pos INTEGER PRIMARY KEY, stream BLOB NOT NULL, version INTEGER NOT NULL,
	sealed BLOB NOT NULL, hashes BLOB NOT NULL, checkpoint BLOB) STRICT;
CREATE TABLE place(stream BLOB NOT NULL, version INTEGER NOT NULL, pos INTEGER NOT NULL,
	PRIMARY KEY(stream, version)) STRICT, WITHOUT ROWID;
CREATE TABLE wrapped` + wrappedColumns + `;`

	wrappedColumns = `(stream BLOB NOT NULL, part INTEGER NOT NULL, epoch INTEGER NOT NULL, holder BLOB NOT NULL,
	wrapped BLOB NOT NULL, PRIMARY KEY(stream, part, epoch, holder)) STRICT, WITHOUT ROWID`

	// readers is how many connections for reading are kept.
	readers = 4
	// pageSize makes a write of many entries a third cheaper than the usual
	// 4096: pages in the write-ahead log straddle the blocks of the encryption.
	pageSize = 8192
	// cacheKiB is the page cache of the writer. A larger one is not faster:
	// most commits only touch the last pages.
	cacheKiB = 8 << 10
	// walPages is how long the write-ahead log grows before it is put away:
	// 16 MB, so that pages written again and again are put away once.
	walPages = 2000
)

// Options say how a store is opened.
type Options struct {
	// Key encrypts the file; nil leaves it as it is, with the streams, order
	// and sizes of the sealed entries to be seen by whoever has it.
	Key *[32]byte
	// ReadOnly opens it for reading beside a process that writes.
	ReadOnly bool
	// Create makes the file; without it, the file must be there.
	Create bool
	// Unlocked writes without the lock, for who has it already by Lock.
	Unlocked bool
}

// Store is an open store. It implements ledger.Store.
type Store struct {
	path    string
	options Options
	lock    *os.File // nil: for reading only
	places  places

	mu     sync.Mutex // held while writer is used
	writer *conn      // nil: for reading only
	idle   chan *conn
}

var _ ledger.Store = (*Store)(nil)

// Open opens the store at path.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the ledger's database: %w", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !o.Create {
		return nil, fmt.Errorf("the ledger's database %s: %w", path, ledger.ErrNone)
	}
	s := &Store{path: path, options: o, idle: make(chan *conn, readers)}
	if !o.ReadOnly && !o.Unlocked {
		if s.lock, err = Lock(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(said("opening", err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	c, err := s.connect()
	if err != nil {
		return err
	}
	// Until the format is known to be ours, not even closing may change the file.
	err = func() error {
		if _, err := c.Config(sqlite3.DBCONFIG_NO_CKPT_ON_CLOSE, true); err != nil {
			return err
		}
		return s.checkFormat(c)
	}()
	if err == nil && !s.options.ReadOnly {
		if _, err = c.Config(sqlite3.DBCONFIG_NO_CKPT_ON_CLOSE, false); err == nil {
			err = s.prepareWriter(ctx, c)
		}
	}
	if err != nil {
		return errors.Join(err, c.Close())
	}
	if s.options.ReadOnly {
		s.idle <- c
	} else {
		s.writer = c
	}
	return nil
}

// Remove removes the files of a store, all but the lock.
func Remove(path string) error {
	if err := sqlfile.Remove(path); err != nil {
		return fmt.Errorf("the ledger's database: %w", err)
	}
	return nil
}

// checkFormat refuses what is not a ledger of a format this program knows.
func (s *Store) checkFormat(c *conn) error {
	var app, version, tableCount int64
	for sql, n := range map[string]*int64{"PRAGMA application_id": &app, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tableCount} {
		if err := c.Run(sql, func(st *sqlite3.Stmt) error { *n = st.ColumnInt64(0); return nil }); err != nil {
			return err
		}
	}
	switch {
	case app == 0 && version == 0 && tableCount == 0 && s.options.Create && !s.options.ReadOnly:
		return nil
	case app == 0 && version == 0 && tableCount == 0:
		return ledger.ErrNone
	case app != application:
		return errors.New("it is another program's database")
	case version > format:
		return fmt.Errorf("it has format %d, this program knows %d: %w", version, format, ledger.ErrNewer)
	}
	return nil
}

// prepareWriter makes the tables where there are none.
func (s *Store) prepareWriter(ctx context.Context, c *conn) error {
	// Every commit reaches the disk before it is acknowledged. What is
	// forgotten is overwritten, in the file too once the log was put away.
	if err := c.Exec(fmt.Sprintf("PRAGMA page_size=%d; PRAGMA journal_mode=wal; PRAGMA synchronous=full; PRAGMA secure_delete=on; PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%d", pageSize, cacheKiB, walPages)); err != nil {
		return err
	}
	return transact(ctx, c, func() error {
		version := int64(0)
		err := c.Run("PRAGMA user_version", func(st *sqlite3.Stmt) error { version = st.ColumnInt64(0); return nil })
		if err != nil || version == format {
			return err
		}
		return c.Exec(tables + fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", application, format))
	})
}

// Close closes the store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for range cap(s.idle) {
		select {
		case c := <-s.idle:
			errs = append(errs, c.Close())
		default:
		}
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close()) // last: it puts the write-ahead log away
		s.writer = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close()) // and with it the lock
		s.lock = nil
	}
	return errors.Join(errs...)
}

// Meta implements ledger.Store, as do all methods below.
func (s *Store) Meta(ctx context.Context, name string) (value []byte, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.Run("SELECT value FROM meta WHERE name=?", func(st *sqlite3.Stmt) error {
			value = st.ColumnBlob(0, nil)
			return nil
		}, name)
	})
	return value, err
}

// SetMeta implements ledger.Store.
func (s *Store) SetMeta(ctx context.Context, name string, value []byte) error {
	return s.write(ctx, func(c *conn) error {
		return c.Run("INSERT OR REPLACE INTO meta VALUES(?, ?)", nil, name, value)
	})
}

// Head implements ledger.Store.
func (s *Store) Head(ctx context.Context) (size uint64, checkpoint []byte, err error) {
	err = s.read(ctx, func(c *conn) error {
		size, checkpoint, err = head(c)
		return err
	})
	return size, checkpoint, err
}

func head(c *conn) (size uint64, checkpoint []byte, err error) {
	err = c.Run("SELECT pos, checkpoint FROM entry ORDER BY pos DESC LIMIT 1", func(st *sqlite3.Stmt) error {
		size, checkpoint = uint64(st.ColumnInt64(0))+1, st.ColumnBlob(1, nil)
		return nil
	})
	return size, checkpoint, err
}

// Append implements ledger.Store.
func (s *Store) Append(ctx context.Context, size uint64, rows []ledger.Row, keys []ledger.WrappedKey, checkpoint []byte) error {
	err := s.write(ctx, func(c *conn) error {
		now := uint64(0)
		err := c.Run("SELECT pos FROM entry ORDER BY pos DESC LIMIT 1", func(st *sqlite3.Stmt) error {
			now = uint64(st.ColumnInt64(0)) + 1
			return nil
		})
		if err != nil {
			return err
		}
		if now != size {
			return ledger.ErrSize
		}
		if err := s.places.reserve(c, size, rows); err != nil {
			return err
		}
		for i, r := range rows {
			var cp any
			switch {
			case i == len(rows)-1:
				cp = checkpoint
			case r.Checkpoint != nil:
				cp = r.Checkpoint
			}
			if err := c.Run("INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?)", nil, int64(size)+int64(i), r.Stream[:], int64(r.Version), r.Sealed, r.Hashes, cp); err != nil {
				return err
			}
		}
		return addKeys(c, keys)
	})
	if err == nil {
		s.places.committed(size, rows)
	}
	return err
}

// Scan implements ledger.Store.
func (s *Store) Scan(ctx context.Context, from, to uint64, fn func(ledger.Row) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.Run("SELECT pos, stream, version, sealed, hashes, checkpoint FROM entry WHERE pos>=? AND pos<? ORDER BY pos", rowOf(fn), signed(from), signed(to))
	})
}

// Stream implements ledger.Store.
func (s *Store) Stream(ctx context.Context, stream ledger.ID, fn func(ledger.Row) error) error {
	return s.readStream(ctx, stream, func(c *conn, all []place) error {
		for _, at := range all {
			if err := c.Run("SELECT pos, stream, version, sealed, hashes, checkpoint FROM entry WHERE pos=?", rowOf(fn), signed(at.pos)); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowOf hands rows of the table to fn.
func rowOf(fn func(ledger.Row) error) func(*sqlite3.Stmt) error {
	return func(st *sqlite3.Stmt) error {
		r := ledger.Row{
			Pos: uint64(st.ColumnInt64(0)), Version: uint64(st.ColumnInt64(2)),
			Sealed: st.ColumnRawBlob(3), Hashes: st.ColumnRawBlob(4), Checkpoint: st.ColumnRawBlob(5),
		}
		if err := idOf(&r.Stream, st.ColumnRawBlob(1)); err != nil {
			return err
		}
		return fn(r)
	}
}

// Last implements ledger.Store.
func (s *Store) Last(ctx context.Context, stream ledger.ID) (version uint64, leaf ledger.Hash, err error) {
	err = s.readStream(ctx, stream, func(c *conn, all []place) error {
		if len(all) == 0 {
			return nil
		}
		return c.Run("SELECT version, hashes FROM entry WHERE pos=?", func(st *sqlite3.Stmt) error {
			hashes := st.ColumnRawBlob(1)
			if len(hashes) < len(leaf) {
				return sqlite3.CORRUPT
			}
			version, leaf = uint64(st.ColumnInt64(0)), ledger.Hash(hashes)
			return nil
		}, signed(all[len(all)-1].pos))
	})
	return version, leaf, err
}

// Keys implements ledger.Store.
func (s *Store) Keys(ctx context.Context, stream ledger.ID, fn func(ledger.WrappedKey) error) error {
	return s.read(ctx, func(c *conn) error { return eachKey(c, stream, fn) })
}

func eachKey(c *conn, stream ledger.ID, fn func(ledger.WrappedKey) error) error {
	where, args := "", []any(nil)
	if !stream.IsZero() {
		where, args = " WHERE stream=?", []any{stream[:]}
	}
	return c.Run("SELECT stream, part, epoch, holder, wrapped FROM wrapped"+where+" ORDER BY stream, part, epoch, holder", func(st *sqlite3.Stmt) error {
		k := ledger.WrappedKey{Part: uint8(st.ColumnInt64(1)), Epoch: uint32(st.ColumnInt64(2)), Wrapped: st.ColumnRawBlob(4)}
		if err := errors.Join(idOf(&k.Stream, st.ColumnRawBlob(0)), idOf(&k.Holder, st.ColumnRawBlob(3))); err != nil {
			return err
		}
		return fn(k)
	}, args...)
}

// Moment implements ledger.Store.
func (s *Store) Moment(ctx context.Context, fn func(ledger.WrappedKey) error) (m ledger.Moment, err error) {
	m.Meta = map[string][]byte{}
	err = s.read(ctx, func(c *conn) (err error) {
		if err := c.Exec("BEGIN"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.Exec("ROLLBACK")) }() // nothing was written
		if m.Size, m.Checkpoint, err = head(c); err != nil {
			return err
		}
		err = c.Run("SELECT name, value FROM meta", func(st *sqlite3.Stmt) error {
			m.Meta[st.ColumnText(0)] = st.ColumnBlob(1, nil)
			return nil
		})
		if err != nil {
			return err
		}
		return eachKey(c, ledger.ID{}, fn)
	})
	return m, err
}

// AddKeys implements ledger.Store.
func (s *Store) AddKeys(ctx context.Context, keys []ledger.WrappedKey) error {
	return s.write(ctx, func(c *conn) error { return addKeys(c, keys) })
}

func addKeys(c *conn, keys []ledger.WrappedKey) error {
	for _, k := range keys {
		if err := c.Run("INSERT OR REPLACE INTO wrapped VALUES(?, ?, ?, ?, ?)", nil, k.Stream[:], int64(k.Part), int64(k.Epoch), k.Holder[:], k.Wrapped); err != nil {
			return err
		}
	}
	return nil
}

// Forget implements ledger.Store. The table is made anew without the keys, and
// the write-ahead log is emptied: secure_delete overwrites what is deleted in
// its place, but not the copies that SQLite leaves when it moves rows between
// pages (measured: TestForgottenIsOverwritten).
func (s *Store) Forget(ctx context.Context, which ...ledger.WrappedKey) error {
	return s.write(ctx, func(c *conn) error {
		n := int64(0)
		for _, w := range which {
			if err := c.Run("DELETE FROM wrapped WHERE stream=?1 AND (?2=0 OR part=?2) AND (?3=0 OR epoch=?3) AND (?5 OR holder=?4)",
				nil, w.Stream[:], int64(w.Part), int64(w.Epoch), w.Holder[:], w.Holder.IsZero()); err != nil {
				return err
			}
			n += c.Changes()
		}
		if n == 0 {
			return nil
		}
		return remake(c, func() error {
			return c.Exec("INSERT INTO rewrapped SELECT * FROM wrapped ORDER BY stream, part, epoch, holder")
		})
	}, emptyLog)
}

// remake makes the table of wrapped keys anew; fill fills it. Of the old one
// every page is overwritten.
func remake(c *conn, fill func() error) error {
	if err := c.Exec("CREATE TABLE rewrapped" + wrappedColumns); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	return c.Exec("DROP TABLE wrapped; ALTER TABLE rewrapped RENAME TO wrapped")
}

// emptyLog puts the write-ahead log away and empties it. It waits for readers
// up to busyTimeout; if they stay longer, the next time does it.
func emptyLog(c *conn) error {
	_, _, err := c.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	if errors.Is(err, sqlite3.BUSY) {
		return nil
	}
	return err
}

// Rewrap implements ledger.Store.
func (s *Store) Rewrap(ctx context.Context, wrap func(ledger.WrappedKey) ([]byte, error), name string, value []byte) error {
	return s.write(ctx, func(c *conn) error {
		err := remake(c, func() error {
			return eachKey(c, ledger.ID{}, func(k ledger.WrappedKey) error {
				wrapped, err := wrap(k)
				if err != nil {
					return err
				}
				return c.Run("INSERT INTO rewrapped VALUES(?, ?, ?, ?, ?)", nil, k.Stream[:], int64(k.Part), int64(k.Epoch), k.Holder[:], wrapped)
			})
		})
		if err != nil {
			return err
		}
		return c.Run("INSERT OR REPLACE INTO meta VALUES(?, ?)", nil, name, value)
	}, emptyLog)
}

// Check implements ledger.Store.
func (s *Store) Check(ctx context.Context) error {
	return s.read(ctx, func(c *conn) error {
		err := c.Run("PRAGMA integrity_check(1)", func(st *sqlite3.Stmt) error {
			if what := st.ColumnText(0); what != "ok" {
				return fmt.Errorf("the database is damaged: %s", what)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.checkPlaces(c)
	})
}

func idOf(id *ledger.ID, b []byte) error {
	if len(b) != len(id) {
		return sqlite3.CORRUPT
	}
	copy(id[:], b)
	return nil
}

// signed is a position as SQLite counts.
func signed(pos uint64) int64 { return int64(min(pos, 1<<63-1)) }

// write runs f in a transaction of the writer, then what is to be done after it.
func (s *Store) write(ctx context.Context, f func(*conn) error, after ...func(*conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.writer
	if c == nil {
		return ledger.ErrReadOnly
	}
	err := transact(ctx, c, func() error { return f(c) })
	for _, do := range after {
		if err == nil {
			err = do(c)
		}
	}
	return said("writing", err)
}

// read runs f on one state of the store.
func (s *Store) read(ctx context.Context, f func(*conn) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-s.idle:
	default:
		if c, err = s.connect(); err != nil {
			return said("opening", err)
		}
	}
	c.SetInterrupt(ctx)
	err = f(c)
	c.SetInterrupt(context.Background())
	if err != nil {
		return said("reading", errors.Join(err, c.Close()))
	}
	select {
	case s.idle <- c:
		return nil
	default:
		return c.Close()
	}
}

// said puts errors of SQLite into words that say what to do.
func said(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite3.FULL):
		return fmt.Errorf("%s the ledger's database: %w", doing, ledger.ErrFull)
	case errors.Is(err, sqlite3.NOTADB):
		return fmt.Errorf("%s the ledger's database: it is encrypted under another key, or not a database: %w (%w)", doing, ledger.ErrDamaged, err)
	case errors.Is(err, sqlite3.CORRUPT):
		return fmt.Errorf("%s the ledger's database: %w (%w)", doing, ledger.ErrDamaged, err)
	}
	var own *sqlite3.Error
	if errors.As(err, &own) {
		return fmt.Errorf("%s the ledger's database: %w", doing, err)
	}
	return err
}

type conn = sqlfile.Conn

// connect opens a connection.
func (s *Store) connect() (*conn, error) {
	c, err := sqlfile.Open(s.path, s.options.Key)
	if err != nil {
		return nil, err
	}
	if err := c.Exec("PRAGMA trusted_schema=off; PRAGMA cell_size_check=on"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// transact runs f in one transaction. The context counts until it begins.
func transact(ctx context.Context, c *conn, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Run("BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = c.Run("COMMIT", nil)
	}
	if err != nil && !c.GetAutocommit() {
		err = errors.Join(err, c.Exec("ROLLBACK"))
	}
	return err
}
