// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/adiantum" // the encrypting file system of SQLite
)

// busyTimeout is how long a connection waits for another's lock: only while a
// write-ahead log is being put away is there one to wait for.
const busyTimeout = 10 * time.Second

// Conn is one connection with its prepared statements. One goroutine at a time.
type Conn struct {
	*sqlite3.Conn
	prepared map[string]*sqlite3.Stmt
}

// Open opens a connection to the file at path, which is made if it is not
// there, and which nobody else may read; nil for the key leaves the file plain.
// The key is set by the first PRAGMA, never in the name of the file, which ends
// up in error texts.
func Open(path string, key *[32]byte) (*Conn, error) {
	path, err := filepath.Abs(path) // in the address of a file a relative one would be the name of a host
	if err != nil {
		return nil, fmt.Errorf("sqlfile: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, err
	}
	query := url.Values{"modeof": {path}} // side files take the permissions of the file
	if key != nil {
		query.Set("vfs", "adiantum")
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	raw, err := sqlite3.Open(name.String())
	if err != nil {
		return nil, err
	}
	c := &Conn{raw, map[string]*sqlite3.Stmt{}}
	if key != nil {
		err = c.Exec("PRAGMA hexkey='" + hex.EncodeToString(key[:]) + "'")
	}
	err = errors.Join(err, c.BusyTimeout(busyTimeout))
	if err == nil {
		// One plan for a statement whatever its values are: otherwise SQLite plans
		// anew for each value that it compares with a key, also within FTS5.
		_, err = c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
	}
	if err == nil {
		// Temporary tables stay in memory: nothing may be written outside the encrypted files.
		err = c.Exec("PRAGMA temp_store=memory")
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Remove removes a database with its side files; it must not be open. The file
// itself goes first: side files without it are nothing, and SQLite drops them.
func Remove(path string) error {
	for _, ending := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Close closes the connection.
func (c *Conn) Close() error {
	return errors.Join(c.Forget(), c.Conn.Close())
}

// Forget closes the prepared statements: one can hold a table that is to go.
func (c *Conn) Forget() error {
	var errs []error
	for _, st := range c.prepared {
		errs = append(errs, st.Close())
	}
	clear(c.prepared)
	return errors.Join(errs...)
}

// Exec executes statements that have no values and no rows.
func (c *Conn) Exec(sql string) error {
	defer settle()
	return c.Conn.Exec(sql)
}

// Run executes a statement and hands each of its rows to row, which may be
// nil. Values are int, int64, string, []byte, bool and nil.
func (c *Conn) Run(sql string, row func(*sqlite3.Stmt) error, args ...any) (err error) {
	st := c.prepared[sql]
	if st == nil {
		if st, _, err = c.Prepare(sql); err != nil {
			return err
		}
		c.prepared[sql] = st
	}
	if st.Busy() {
		return errors.New("a statement was used within itself")
	}
	defer settle()
	for i, arg := range args {
		if err := bind(st, i+1, arg); err != nil {
			return errors.Join(err, st.Reset())
		}
	}
	for err == nil && st.Step() {
		if row != nil {
			err = row(st)
		}
	}
	// A step that was not taken, as the context of the connection had ended, is
	// known to Err alone: Reset forgets it, and a statement that did nothing would
	// be taken for one that found nothing. What a step met, both answer.
	err = errors.Join(err, st.Err())
	if again := st.Reset(); err == nil {
		err = again
	}
	return err
}

func bind(st *sqlite3.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case int:
		return st.BindInt64(i, int64(v))
	case int64:
		return st.BindInt64(i, v)
	case []byte:
		return st.BindBlob(i, v)
	case string:
		return st.BindText(i, v)
	case bool:
		return st.BindBool(i, v)
	case nil:
		return st.BindNull(i)
	}
	return fmt.Errorf("a %T can't be bound", arg)
}

// settled is long enough for bytes.IndexByte to use wide registers.
var settled [64]byte

// settle clears the upper halves of the processor's wide registers. The hash
// of the encrypting file system (lukechampine.com/adiantum/nh v1.1.1) leaves
// them as they are, and then every SHA-256 and AES instruction on that core
// waits for them: on some processors a hash takes eighty times as long.
// bytes.IndexByte clears them when it has used them itself; where there are no
// wide registers it costs nothing either.
func settle() { bytes.IndexByte(settled[:], 1) }
