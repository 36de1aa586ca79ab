// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package registry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/pgstore"
	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// testDatabase is a PostgreSQL for one test.
func testDatabase(t *testing.T) (*pgtest.Cluster, Database) {
	t.Helper()
	bin := pgtest.Bin()
	if bin == "" {
		t.Skip("PostgreSQL is not installed: apt-get install postgresql")
	}
	c, err := pgtest.New(context.Background(), bin, "fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, Database{URL: c.URL() + " password=words-of-the-database"}
}

func (h *house) moves(to Database) LedgerPlace {
	h.t.Helper()
	v, err := h.MoveLedger(context.Background(), h.people["aigerim"], to, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.reopen()
	h.people["aigerim"] = h.session
	return v
}

func TestMoveLedger(t *testing.T) {
	server, there := testDatabase(t)
	h := newHouse(t)
	ctx := context.Background()
	file, key := filepath.Join(h.dir, ledgerFile), filepath.Join(h.dir, keysDir, ledgerKey+".key")

	if _, err := h.MoveLedger(ctx, h.people["aigerim"], Database{}, nil); !errors.Is(err, ErrSamePlace) {
		t.Errorf("moved to where it is: %v", err)
	}
	away := there
	away.URL = strings.Replace(there.URL, server.Dir(), t.TempDir(), 1)
	if _, err := h.MoveLedger(ctx, h.people["aigerim"], away, nil); err == nil || strings.Contains(err.Error(), "words-of-the-database") {
		t.Errorf("moved to a database that is not there: %v", err)
	}
	before := h.log.Head()

	// An earlier try that was cut off goes; another ledger there does not.
	store, err := pgstore.Open(ctx, pgstore.Options{URL: there.URL, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.log.CopyTo(ctx, store, nil), store.Close()); err != nil {
		t.Fatal(err)
	}
	moved := h.moves(there)
	if !moved.Database || moved.Entries <= before.Size || strings.Contains(moved.Where, "words") {
		t.Errorf("moved: %+v", moved)
	}
	for _, f := range []string{file, key} {
		if _, err := os.Stat(f); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", f, err)
		}
	}
	if sealed, err := os.ReadFile(filepath.Join(h.dir, storeFile)); err != nil || bytes.Contains(sealed, []byte("words-of")) {
		t.Errorf("the address of the database lies open: %v", err)
	}
	if root, err := h.log.RootAt(ctx, moved.Entries); err != nil || root.String() != moved.Root {
		t.Errorf("it has another history: %v", err)
	}
	h.verify()
	// Work goes on there.
	if err := h.Erase(ctx, h.people["aigerim"], h.cases[0], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, h.dir, Unlock{Passphrase: testPassphrase, Member: h.memberID("aigerim")}, testOptions(h.clock)); !errors.Is(err, ledger.ErrLocked) {
		t.Errorf("a second program opens it to write: %v", err)
	}
	other := newHouse(t)
	if _, err := other.MoveLedger(ctx, other.people["aigerim"], there, nil); !errors.Is(err, ErrDatabaseTaken) {
		t.Errorf("moved over another ledger: %v", err)
	}

	// A move home that was cut off: what it left goes, and the database counts.
	if err := errors.Join(os.WriteFile(file, []byte("half a ledger"), 0o600), os.WriteFile(key, []byte("its key"), 0o600)); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	h.people["aigerim"] = h.session
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a ledger is still there: %v", err)
	}

	// And home; the database is away when the register is opened, and comes back.
	size := h.log.Head().Size
	home, err := h.MoveLedger(ctx, h.people["aigerim"], Database{}, nil)
	if err := errors.Join(err, server.Stop()); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	if v, err := h.LedgerPlace(ctx, h.session); err != nil || v.Database {
		t.Errorf("it opened at %+v: %v", v, err)
	}
	if _, err := h.MoveLedger(ctx, h.session, there, nil); err == nil || !strings.Contains(err.Error(), "not taken away yet") {
		t.Errorf("moved again with something left there: %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	h.people["aigerim"] = h.session
	if home.Database || home.Entries < size {
		t.Errorf("home: %+v", home)
	}
	if _, err := os.Stat(filepath.Join(h.dir, storeFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the register still thinks of the database: %v", err)
	}
	if store, err := pgstore.Open(ctx, pgstore.Options{URL: there.URL}); !errors.Is(err, ledger.ErrNone) {
		t.Errorf("the database still holds it: %v, %v", store, err)
	}
	h.verify()
}
