// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlfile

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
)

func TestEncryptedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.db")
	key := [32]byte{7}
	c, err := Open(path, &key)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec("PRAGMA journal_mode=wal; CREATE TABLE t(a INTEGER, b TEXT, c BLOB, d TEXT)"); err != nil {
		t.Fatal(err)
	}
	const secret = "Жасампазов"
	if err := c.Run("INSERT INTO t VALUES(?, ?, ?, ?), (?, ?, ?, ?)", nil, int64(1), secret, []byte(secret), nil, 2, "x", []byte{}, true); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v: others may read it", filepath.Base(file), info, err)
		}
		content, err := os.ReadFile(file)
		if err != nil || bytes.Contains(content, []byte(secret)) || bytes.Contains(content, []byte("SQLite format")) {
			t.Errorf("%s holds plain text, or can't be read: %v", filepath.Base(file), err)
		}
	}
	var found []string
	err = c.Run("SELECT b FROM t ORDER BY a", func(st *sqlite3.Stmt) error {
		found = append(found, st.ColumnText(0))
		return nil
	})
	if err != nil || strings.Join(found, " ") != secret+" x" {
		t.Errorf("found %q, %v", found, err)
	}
	stop := errors.New("stop")
	if err := c.Run("SELECT b FROM t", func(*sqlite3.Stmt) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("what a row says is not passed on: %v", err)
	}
	if err := c.Run("SELECT b FROM t", func(*sqlite3.Stmt) error { return c.Run("SELECT b FROM t", nil) }); err == nil {
		t.Error("a statement within itself is let happen")
	}
	if err := c.Run("SELECT ?", nil, 1.5); err == nil {
		t.Error("a value that can't be bound is let through")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	wrong := [32]byte{8}
	c, err = Open(path, &wrong)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run("SELECT b FROM t", nil)
	if !errors.Is(err, sqlite3.NOTADB) {
		t.Errorf("another key opens it: %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "0700") {
		t.Errorf("an error tells of the key: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRelativePathRegression holds that a path below the working directory is
// taken as one: in the address of a file its first part would be a host.
func TestRelativePathRegression(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Open("relative.db", &[32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec("CREATE TABLE t(a)"), c.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("relative.db"); err != nil {
		t.Error(err)
	}
}

// TestEndedContextIsNotNothingFoundRegression: a statement of which a step was
// not taken, as the context had ended, was answered as one that found no more
// rows, or as one that had written. An index then took an act for written that
// it did not hold, and read of a stream fewer entries than it had put there.
func TestEndedContextIsNotNothingFoundRegression(t *testing.T) {
	c, err := Open(filepath.Join(t.TempDir(), "some.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Exec("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES(1), (2), (3)"); err != nil {
		t.Fatal(err)
	}
	count := func(sql string, each func()) (rows int, err error) {
		err = c.Run(sql, func(*sqlite3.Stmt) error { rows++; each(); return nil })
		return rows, err
	}
	ctx, end := context.WithCancel(t.Context())
	c.SetInterrupt(ctx)
	if rows, err := count("SELECT a FROM t", end); !errors.Is(err, sqlite3.INTERRUPT) || rows != 1 {
		t.Errorf("a context that ended after the first row: %d rows, %v", rows, err)
	}
	if rows, err := count("SELECT a FROM t", end); !errors.Is(err, sqlite3.INTERRUPT) {
		t.Errorf("a context that had ended: %d rows, %v", rows, err)
	}
	if err := c.Run("INSERT INTO t VALUES(4)", nil); !errors.Is(err, sqlite3.INTERRUPT) {
		t.Errorf("what was not written is said to be: %v", err)
	}
	c.SetInterrupt(context.Background())
	if rows, err := count("SELECT a FROM t", func() {}); err != nil || rows != 3 {
		t.Errorf("afterwards: %d rows, %v", rows, err)
	}
}
