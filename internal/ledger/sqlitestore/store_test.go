// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/seal"
)

// file is a store in a file. It implements ledgertest.Keeper.
type file struct {
	path string
	key  *[32]byte
}

func (f file) Open(t testing.TB) ledger.Store {
	t.Helper()
	return f.open(t)
}

func (f file) open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(context.Background(), f.path, Options{Key: f.key, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fresh(t testing.TB, key *[32]byte) file {
	return file{filepath.Join(t.TempDir(), "ledger.db"), key}
}

func TestPlain(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Keeper { return fresh(t, nil) })
}

func TestEncrypted(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Keeper { return fresh(t, &[32]byte{1, 2, 3}) })
}

// filled is a ledger with a few entries in a file.
func filled(t testing.TB, f file) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t, f)
	for i := range 5 {
		if err := l.Write(t, l.Draft(ledger.NewID(), 1, fmt.Sprint("SECRET TEXT ", i))); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestOneWriter(t *testing.T) {
	f := fresh(t, nil)
	l := filled(t, f)
	if _, err := Open(context.Background(), f.path, Options{}); !errors.Is(err, ledger.ErrLocked) {
		t.Fatalf("a second writer: %v", err)
	}
	// Somebody reads meanwhile, and sees what is written after they came.
	s, err := Open(context.Background(), f.path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o := ledger.Options{Verifier: l.Node.Public().Signing(), HeadFile: l.Options.HeadFile}
	reader, err := ledger.Open(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(t, l.Draft(ledger.NewID(), 1, "more")); err != nil {
		t.Fatal(err)
	}
	report, err := reader.Verify(context.Background(), ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors})
	if err != nil || report.Fault != nil || report.Entries != 6 {
		t.Fatalf("%v, %v", report, err)
	}
	if err := s.SetMeta(context.Background(), "x", nil); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("a reader wrote: %v", err)
	}
}

func TestMissingAndForeignFiles(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if _, err := Open(ctx, filepath.Join(dir, "none.db"), Options{}); !errors.Is(err, ledger.ErrNone) {
		t.Errorf("a missing file: %v", err)
	}
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("garbage "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, garbage, Options{}); err == nil {
		t.Error("garbage was opened")
	}
	f := fresh(t, &[32]byte{1})
	if err := filled(t, f).Close(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []*[32]byte{nil, {2}} {
		if _, err := Open(ctx, f.path, Options{Key: key}); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Errorf("another key: %v", err)
		}
	}
}

// What a newer program wrote is refused, and not one byte of it changed.
func TestNewerFormat(t *testing.T) {
	f := fresh(t, nil)
	if err := filled(t, f).Close(); err != nil {
		t.Fatal(err)
	}
	c, err := (&Store{path: f.path}).connect()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec(fmt.Sprintf("PRAGMA user_version=%d", format+1)), c.Close()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Create: true}, {ReadOnly: true}} {
		if _, err := Open(context.Background(), f.path, o); !errors.Is(err, ledger.ErrNewer) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if after, err := os.ReadFile(f.path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	f := fresh(t, nil)
	l := filled(t, f)
	s := l.Store.Store.(*Store)
	limit := func(pages int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.writer.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // it is as if the disk ended where the database does
	stream := ledger.NewID()
	var err error
	for i := 0; err == nil && i < 100; i++ {
		err = l.Write(t, l.Draft(stream, uint64(i+1), strings.Repeat("x", 2000)))
	}
	if !errors.Is(err, ledger.ErrFull) || errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("a full disk: %v", err)
	}
	l.Check(t)
	limit(1 << 20)
	if err := l.Write(t, l.Draft(ledger.NewID(), 1, "there is room again")); err != nil {
		t.Fatal(err)
	}
	l.Check(t)
}

func TestAnOldDatabaseIsRefused(t *testing.T) {
	ctx := context.Background()
	f := fresh(t, nil)
	l := filled(t, f)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	l.Reopen(t)
	if err := l.Write(t, l.Draft(ledger.NewID(), 1, "newer")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s := f.open(t)
	defer s.Close()
	if _, err := ledger.Open(ctx, s, l.Options); !errors.Is(err, ledger.ErrRolledBack) {
		t.Fatalf("an old database: %v", err)
	}
	report, err := ledger.Verify(ctx, s, l.Options, ledger.VerifyOptions{})
	if err != nil || report.Fault == nil || report.Fault.Pos != 5 {
		t.Errorf("verify: %v, %v", report, err)
	}
	o := l.Options
	o.TrustStore = true
	log, err := ledger.Open(ctx, s, o)
	if err != nil || log.Head().Size != 5 {
		t.Fatalf("restored on purpose: %v", err)
	}
}

// A ledger that went on after an old database was put back has forked.
func TestAForkIsRefused(t *testing.T) {
	ctx := context.Background()
	f := fresh(t, nil)
	l := filled(t, f)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	l.Reopen(t)
	if err := l.Write(t, l.Draft(ledger.NewID(), 1, "one history")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(l.Options.HeadFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s := f.open(t)
	o := l.Options
	o.TrustStore = true
	log, err := ledger.Open(ctx, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := log.Append(ctx, l.Batch(t, l.Draft(ledger.NewID(), 1, "another history"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(), os.WriteFile(l.Options.HeadFile, head, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = f.open(t)
	defer s.Close()
	if _, err := ledger.Open(ctx, s, l.Options); !errors.Is(err, ledger.ErrForked) {
		t.Errorf("a fork: %v", err)
	}
	report, err := ledger.Verify(ctx, s, l.Options, ledger.VerifyOptions{})
	if err != nil || report.Fault == nil || report.Fault.Pos != 5 {
		t.Errorf("verify: %v, %v", report, err)
	}
}

// Nothing in the files of an encrypted store can be read, keys that were
// forgotten are nowhere.
func TestNothingInTheClear(t *testing.T) {
	f := fresh(t, nil)
	l := filled(t, f)
	stream := ledger.NewID()
	b := l.Batch(t, l.Draft(stream, 1, "SECRET TEXT"))
	first, err := l.Append(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	l.Expect(t, first, b)
	look := func(needle []byte) bool {
		t.Helper()
		found := false
		files, err := filepath.Glob(f.path + "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(text, needle)
		}
		return found
	}
	if look([]byte("SECRET TEXT")) || look([]byte("2022-01-05")) {
		t.Error("plain text in the files")
	}
	if !look(b.Keys[0].Wrapped) {
		t.Error("the wrapped key is not found before it is forgotten: the test looks wrong")
	}
	if err := l.Forget(context.Background(), ledger.WrappedKey{Stream: stream}); err != nil {
		t.Fatal(err)
	}
	for _, k := range b.Keys {
		if look(k.Wrapped) {
			t.Error("a forgotten key is still in the files")
		}
	}

	f = fresh(t, &[32]byte{1})
	l = filled(t, f)
	if err := l.Forget(context.Background(), ledger.WrappedKey{Stream: ledger.NewID()}); err != nil { // puts the log away
		t.Fatal(err)
	}
	id := l.ID()
	if look(id[:]) || look([]byte("SQLite")) || look([]byte("kua/ledger")) {
		t.Error("an encrypted store shows what it is")
	}
}

// Every flipped bit in the file is noticed when it matters: the ledger does
// not verify, or it verifies with the same entries because the bit is in free space.
func TestFlippedBitsInTheFile(t *testing.T) {
	f := fresh(t, nil)
	l := filled(t, f)
	head := l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	const step = 211 // bytes; a prime, so that it meets all fields in time
	noticed := 0
	for i := 0; i < len(whole); i += step {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		if err := os.WriteFile(f.path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := verifyFile(f, l)
		switch {
		case err != nil || report.Fault != nil:
			noticed++
		case report.Head.Root != head.Root || report.Entries != 5 || report.Opened != 5:
			t.Fatalf("byte %d: verified, but as %v", i, report)
		}
	}
	if noticed == 0 {
		t.Error("nothing was noticed")
	}
	t.Logf("%d of %d flipped bits mattered", noticed, len(whole)/step)
}

func verifyFile(f file, l *ledgertest.Ledger) (ledger.Report, error) {
	s, err := Open(context.Background(), f.path, Options{Key: f.key})
	if err != nil {
		return ledger.Report{}, err
	}
	defer s.Close()
	return ledger.Verify(context.Background(), s, l.Options, ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors})
}
