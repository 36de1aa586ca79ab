// SPDX-License-Identifier: AGPL-3.0-or-later

package draft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/sqlfile"
)

// ErrNotFound says that there is no such draft, or none of that member.
var ErrNotFound = errors.New("there is no such draft")

// ErrFull says that a member keeps as many drafts as one may.
var ErrFull = errors.New("you keep too many drafts: finish or drop some first")

// Most is how many drafts a member may keep.
const Most = 200

// Draft is one draft.
type Draft struct {
	ID     string // chosen by the caller; drawn at random
	Member string
	Case   string // of the case it is about; empty: of none
	At     time.Time
	Sealed []byte
}

// Store keeps drafts in one file. Its methods may be called concurrently.
type Store struct {
	mu   sync.Mutex
	conn *sqlfile.Conn
}

// tables of the store; at is in milliseconds. What is deleted is overwritten.
const tables = `
PRAGMA secure_delete=ON;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS draft(id TEXT PRIMARY KEY, member TEXT NOT NULL, about TEXT NOT NULL, at INTEGER NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS draft_member ON draft(member, at);
CREATE INDEX IF NOT EXISTS draft_about ON draft(about);`

// Open opens the store at path and makes it if it is not there.
func Open(path string, key [32]byte) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the drafts can't be opened: %w", err)
	}
	conn, err := sqlfile.Open(path, &key)
	if err != nil {
		return nil, fmt.Errorf("the drafts can't be opened: %w", err)
	}
	if err := conn.Exec(tables); err != nil {
		return nil, fmt.Errorf("the drafts can't be opened: %w", errors.Join(err, conn.Close()))
	}
	return &Store{conn: conn}, nil
}

// Remove removes the files of a store.
func Remove(path string) error {
	return sqlfile.Remove(path)
}

// Close closes the store; none is closed already.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Close()
}

// run executes a statement and says what failed without what it was given.
func (s *Store) run(ctx context.Context, sql string, row func(*sqlite3.Stmt) error, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.conn.Run(sql, row, args...); err != nil {
		return fmt.Errorf("the drafts: %w", err)
	}
	return nil
}

// Keep keeps a draft, in the place of the one with its id if that is the same member's.
func (s *Store) Keep(ctx context.Context, d Draft) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, n := "", 0
	err := s.run(ctx, `SELECT member FROM draft WHERE id = ?`, func(st *sqlite3.Stmt) error {
		owner = st.ColumnText(0)
		return nil
	}, d.ID)
	if err != nil {
		return err
	}
	if owner != "" && owner != d.Member {
		return ErrNotFound
	}
	err = s.run(ctx, `SELECT count(*) FROM draft WHERE member = ?`, func(st *sqlite3.Stmt) error {
		n = st.ColumnInt(0)
		return nil
	}, d.Member)
	if err != nil {
		return err
	}
	if owner == "" && n >= Most {
		return ErrFull
	}
	return s.run(ctx, `INSERT OR REPLACE INTO draft(id, member, about, at, sealed) VALUES(?, ?, ?, ?, ?)`, nil,
		d.ID, d.Member, d.Case, d.At.UnixMilli(), d.Sealed)
}

// Get is a member's draft.
func (s *Store) Get(ctx context.Context, member, id string) (Draft, error) {
	all, err := s.read(ctx, `SELECT id, member, about, at, sealed FROM draft WHERE member = ? AND id = ?`, member, id)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Draft{}, err
	}
	return all[0], nil
}

// Of are the drafts of a member, the newest first.
func (s *Store) Of(ctx context.Context, member string) ([]Draft, error) {
	return s.read(ctx, `SELECT id, member, about, at, sealed FROM draft WHERE member = ? ORDER BY at DESC, id`, member)
}

// All are all drafts.
func (s *Store) All(ctx context.Context) ([]Draft, error) {
	return s.read(ctx, `SELECT id, member, about, at, sealed FROM draft ORDER BY id`)
}

func (s *Store) read(ctx context.Context, sql string, args ...any) (all []Draft, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.run(ctx, sql, func(st *sqlite3.Stmt) error {
		all = append(all, Draft{st.ColumnText(0), st.ColumnText(1), st.ColumnText(2), time.UnixMilli(st.ColumnInt64(3)).UTC(), st.ColumnBlob(4, nil)})
		return nil
	}, args...)
	return all, err
}

// Drop drops a member's draft. One that is not there is no error.
func (s *Store) Drop(ctx context.Context, member, id string) error {
	return s.drop(ctx, `DELETE FROM draft WHERE member = ? AND id = ?`, member, id)
}

// DropCase drops all drafts about a case, whoever's they are.
func (s *Store) DropCase(ctx context.Context, about string) error {
	return s.drop(ctx, `DELETE FROM draft WHERE about = ?`, about)
}

// DropMember drops all drafts of a member.
func (s *Store) DropMember(ctx context.Context, member string) error {
	return s.drop(ctx, `DELETE FROM draft WHERE member = ?`, member)
}

func (s *Store) drop(ctx context.Context, sql string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.run(ctx, sql, nil, args...); err != nil {
		return err
	}
	// The log of writes holds it still: it is put away, and what it held overwritten.
	return s.run(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`, nil)
}
