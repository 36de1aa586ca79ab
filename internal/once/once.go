// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/sqlfile"
)

// Lasts is for how long an answer is remembered.
const Lasts = 24 * time.Hour

var (
	// ErrOther says that something else was asked for under the same name.
	ErrOther = errors.New("something else was asked for under this name")
	// ErrBusy says that what was asked for under this name is still being done.
	ErrBusy = errors.New("what was asked for under this name is still being done")
)

// Store remembers answers in one file. Its methods may be called concurrently.
type Store struct {
	mu   sync.Mutex
	conn *sqlfile.Conn
	busy map[[32]byte]bool
}

// tables of the store; at is in milliseconds; an answer that is null was not given.
const tables = `
PRAGMA secure_delete=ON;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS asked(name BLOB PRIMARY KEY, digest BLOB NOT NULL, at INTEGER NOT NULL, answer BLOB) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS asked_at ON asked(at);`

// What is over a day old is forgotten, and what a clock that was ahead has
// written. Each by itself: with OR all of a day would be gone through each time.
const (
	forgetOld   = `DELETE FROM asked WHERE at < ?`
	forgetAhead = `DELETE FROM asked WHERE at > ?`
)

// Open opens the store at path and makes it if it is not there.
func Open(path string, key [32]byte) (*Store, error) {
	conn, err := sqlfile.Open(path, &key)
	if err != nil {
		return nil, fmt.Errorf("what programs were answered can't be opened: %w", err)
	}
	if err := conn.Exec(tables); err != nil {
		return nil, fmt.Errorf("what programs were answered can't be opened: %w", errors.Join(err, conn.Close()))
	}
	return &Store{conn: conn, busy: map[[32]byte]bool{}}, nil
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

// Begin says what becomes of what is asked for under a name: the answer that
// was given to the same; or that it is to be done, again where it was begun
// before and nobody knows how far it came. What is begun must be ended.
func (s *Store) Begin(ctx context.Context, name, digest [32]byte, now time.Time) (answer []byte, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	if s.busy[name] {
		return nil, false, ErrBusy
	}
	for statement, at := range map[string]time.Time{forgetOld: now.Add(-Lasts), forgetAhead: now.Add(Lasts)} {
		if err := s.conn.Run(statement, nil, at.UnixMilli()); err != nil {
			return nil, false, err
		}
	}
	there, other := false, false
	err = s.conn.Run(`SELECT digest, answer FROM asked WHERE name = ?`, func(st *sqlite3.Stmt) error {
		there, other = true, !bytes.Equal(st.ColumnRawBlob(0), digest[:])
		answer = st.ColumnBlob(1, nil)
		return nil
	}, name[:])
	switch {
	case err != nil:
		return nil, false, err
	case other:
		return nil, false, ErrOther
	case len(answer) > 0:
		return answer, false, nil
	case !there:
		err = s.conn.Run(`INSERT INTO asked(name, digest, at) VALUES(?, ?, ?)`, nil, name[:], digest[:], now.UnixMilli())
	}
	if err == nil {
		s.busy[name] = true
	}
	return nil, there, err
}

// End remembers the answer; none: it was not done, and may be asked for again.
// Where unsure nothing is forgotten: the next that asks does it again.
func (s *Store) End(name [32]byte, answer []byte, unsure bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, name)
	switch {
	case len(answer) > 0:
		return s.conn.Run(`UPDATE asked SET answer = ? WHERE name = ?`, nil, answer, name[:])
	case unsure:
		return nil
	}
	return s.conn.Run(`DELETE FROM asked WHERE name = ?`, nil, name[:])
}
