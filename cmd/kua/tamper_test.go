// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/sqlfile"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

// tampered is a register with a case, its custody, time stamps and two films of
// some pieces, to be altered in copies; and a copy from before the films came.
type tampered struct {
	t           *testing.T
	dir, before string
	pass        string
	checkpoint  string   // a file, kept elsewhere
	films       []string // ids, which are the names of their sealed files
	handed      int64    // the entry of a hand-over
	stamped     int64    // the entry of a time stamp
}

func newTampered(t *testing.T) *tampered {
	t.Helper()
	ctx, at := context.Background(), t.TempDir()
	r := &tampered{t: t, dir: filepath.Join(at, "now"), before: filepath.Join(at, "before"), pass: filepath.Join(at, "pass"), checkpoint: filepath.Join(at, "checkpoint.txt")}
	no := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	no(os.WriteFile(r.pass, []byte(founderPassphrase+"\n"), 0o600))
	number := vanRegister(t, r.dir, founderPassphrase)
	r.copy(r.dir, r.before)

	p := &program{now: func() time.Time { return today.Add(time.Hour) }, stretch: quick(), rulebook: rulebook, err: os.Stderr}
	reg, s, err := registry.Open(ctx, r.dir, registry.Unlock{Passphrase: founderPassphrase}, p.options())
	no(err)
	for i := range 2 {
		film := bytes.Repeat([]byte{byte(i + 1), 7, 1}, 60_000)
		v, err := reg.AddFile(ctx, s, number, registry.NewFile{Name: "film.mp4", Content: bytes.NewReader(film)})
		no(err)
		r.films = append(r.films, v.ID)
	}
	entry := func() int64 { // the last one
		n, _, err := reg.Extent(ctx, s)
		no(err)
		return int64(n) - 1
	}
	view, err := reg.Case(ctx, s, number, registry.Clock{})
	no(err)
	item := view.Records[slices.IndexFunc(view.Records, func(rec *casefile.Record) bool { return rec.Kind == "evidence" })]
	_, err = reg.PutRecord(ctx, s, registry.RecordChange{Case: view.Row.ID, Kind: "handover", Fields: casefile.Fields{"evidence": {item.ID}, "event": {"received"}, "date": {"2022-06-30"}, "to": {"Sample Expert"}}})
	no(err)
	r.handed = entry()
	tsa := timestamptest.New(t, func() time.Time { return today })
	server := httptest.NewServer(tsa)
	defer server.Close()
	no(reg.SetTimeAuthority(ctx, s, registry.TimeAuthority{Name: "invented", Address: server.URL, Roots: string(tsa.RootPEM())}))
	_, err = reg.StampNow(ctx, s, "", askAuthority)
	no(err)
	r.stamped = entry()
	checkpoint, err := reg.Checkpoint(ctx, s)
	no(err)
	no(os.WriteFile(r.checkpoint, checkpoint, 0o600))
	no(reg.Close())
	for _, name := range []string{"ledger", "index"} { // no page is free: a change of any is a change of something
		r.sql(r.dir, name, func(c *sqlfile.Conn) error { return c.Exec("VACUUM") })
	}
	return r
}

// copy copies a register with its forgetting keys.
func (r *tampered) copy(from, to string) {
	r.t.Helper()
	for _, end := range []string{"", ".forgetting"} {
		if err := os.CopyFS(to+end, os.DirFS(from+end)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// database opens a database of a register as somebody who has its key could.
func (r *tampered) database(dir, name string) (*sqlfile.Conn, error) {
	r.t.Helper()
	read := func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "keys", file))
		if err != nil {
			r.t.Fatal(err)
		}
		return b
	}
	locked, err := seal.DecodeLocked(read("node.key"))
	if err != nil {
		r.t.Fatal(err)
	}
	node, err := locked.OpenPassphrase(founderPassphrase, quick())
	if err != nil {
		r.t.Fatal(err)
	}
	key, err := seal.OpenIndexKey(node.Identity, read(name+".key"))
	if err != nil {
		r.t.Fatal(err)
	}
	raw := [32]byte(key)
	return sqlfile.Open(filepath.Join(dir, name+".db"), &raw)
}

// sql writes to a database of a register.
func (r *tampered) sql(dir, name string, do func(*sqlfile.Conn) error) {
	r.t.Helper()
	c, err := r.database(dir, name)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := do(c); err != nil {
		r.t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// holds is a hash of all that a database holds: every value of every table, and
// what SQLite says of its indexes. A page can end in bytes that belong to nothing:
// a bit there changes no part of the register.
func (r *tampered) holds(dir, name string) (_ string, err error) {
	c, err := r.database(dir, name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	h := sha256.New()
	var asks []string
	err = c.Run("SELECT name, sql FROM sqlite_schema WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name", func(s *sqlite3.Stmt) error {
		fmt.Fprintf(h, "%s %q\n", s.ColumnText(0), s.ColumnText(1))
		asks = append(asks, fmt.Sprintf("SELECT * FROM %q", s.ColumnText(0)))
		return nil
	})
	for _, ask := range append(asks, "PRAGMA integrity_check", "PRAGMA user_version", "PRAGMA application_id") {
		if err == nil {
			err = c.Run(ask, func(s *sqlite3.Stmt) error {
				for i := range s.ColumnCount() {
					fmt.Fprintf(h, "%v %q ", s.ColumnType(i), s.ColumnText(i))
				}
				return nil
			})
		}
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// blob changes one bit in a value of a database.
func (r *tampered) blob(dir, name, table, column, where string) {
	r.t.Helper()
	r.sql(dir, name, func(c *sqlfile.Conn) error {
		var b []byte
		if err := c.Run("SELECT "+column+" FROM "+table+" WHERE "+where, func(s *sqlite3.Stmt) error { b = s.ColumnBlob(0, nil); return nil }); err != nil {
			return err
		}
		if len(b) == 0 {
			return fmt.Errorf("there is no %s in %s", column, table)
		}
		b[len(b)/2] ^= 1
		return c.Run("UPDATE "+table+" SET "+column+"=? WHERE "+where, nil, b)
	})
}

// verify is what `kua evidence verify` says of a register.
func (r *tampered) verify(dir string, more ...string) (code int, said string) {
	var out, stderr bytes.Buffer
	p := &program{now: func() time.Time { return today.Add(2 * time.Hour) }, stretch: quick(), rulebook: rulebook}
	code = p.run(context.Background(), append([]string{"evidence", "verify", "--registry", dir, "--passphrase-file", r.pass}, more...), nil, &out, &stderr)
	if code == exitFailed {
		return code, stderr.String()
	}
	return code, out.String()
}

const page = 4096 // of the databases

// TestEvidenceVerifyNames alters a register in every way in which evidence could
// be made worthless: the command must name each, in a line that says what and
// where, with exit code 3.
func TestEvidenceVerifyNames(t *testing.T) {
	r := newTampered(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	film := func(dir string, i int) string { return filepath.Join(dir, "evidence", r.films[i]) }
	edit := func(path string, change func([]byte) []byte) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	flip := func(path string, at func(size int) int) {
		t.Helper()
		edit(path, func(b []byte) []byte { b[at(len(b))] ^= 1; return b })
	}
	read := func(path string) []byte {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	old := func(dir string, names ...string) { // of the copy from before
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), read(filepath.Join(r.before, name)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := "the file of a case " + r.films[0]
	second := "the file of a case " + r.films[1]
	const index = "the index (index.db) "
	at := func(pos int64) string { return fmt.Sprint("pos=", pos) }
	type tamper struct {
		name  string
		do    func(dir string)
		named []string // the lines, by what they begin with, in any order
	}
	// The register's own vault holds the keys of every stream, the organisation's
	// those of its cases. That of the facts opens a part of each entry.
	key := func(most string) string {
		return "wrapped=(SELECT max(wrapped) FROM wrapped WHERE part=1 AND holder=(SELECT holder FROM wrapped GROUP BY holder ORDER BY count(*) " + most + " LIMIT 1))"
	}
	const piece = 65536 + 16
	tries := []tamper{
		{"a bit at the beginning of a file", func(dir string) { flip(film(dir, 0), func(int) int { return 0 }) }, []string{first + " was altered"}},
		{"a bit in the middle of a file", func(dir string) { flip(film(dir, 0), func(n int) int { return n / 2 }) }, []string{first + " was altered"}},
		{"the last bit of a file", func(dir string) { flip(film(dir, 0), func(n int) int { return n - 1 }) }, []string{first + " was altered"}},
		{"a file cut off", func(dir string) { edit(film(dir, 1), func(b []byte) []byte { return b[:len(b)-1] }) }, []string{second + " was altered"}},
		{"a file cut off after a whole piece", func(dir string) { edit(film(dir, 1), func(b []byte) []byte { return b[:24+2*piece] }) }, []string{second + " was altered"}},
		{"a file that is empty", func(dir string) { edit(film(dir, 1), func([]byte) []byte { return nil }) }, []string{second + " was altered"}},
		{"a file with something after it", func(dir string) { edit(film(dir, 1), func(b []byte) []byte { return append(b, 0) }) }, []string{second + " was altered"}},
		{"a file that is missing", func(dir string) { remove(film(dir, 1)) }, []string{second + " is missing"}},
		{"a piece swapped between two files", func(dir string) {
			a, b := read(film(dir, 0)), read(film(dir, 1))
			for i := 24 + piece; i < 24+2*piece; i++ {
				a[i], b[i] = b[i], a[i]
			}
			edit(film(dir, 0), func([]byte) []byte { return a })
			edit(film(dir, 1), func([]byte) []byte { return b })
		}, []string{first + " was altered", second + " was altered"}},
		{"two files swapped", func(dir string) {
			a, b := read(film(dir, 0)), read(film(dir, 1))
			edit(film(dir, 0), func([]byte) []byte { return b })
			edit(film(dir, 1), func([]byte) []byte { return a })
		}, []string{first + " was altered", second + " was altered"}},
		{"a file as it was while it came in", func(dir string) { edit(film(dir, 0), func(b []byte) []byte { return b[:24+piece] }) }, []string{first + " was altered"}},
		{"things in the folder that are no sealed files", func(dir string) {
			for _, name := range []string{"notes\u202etxt.exe", strings.Repeat("0", 32)} {
				if err := os.WriteFile(filepath.Join(dir, "evidence", name), []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{`"notes\u202etxt.exe" in the folder evidence is none of the register`, "no entry names the file evidence/" + strings.Repeat("0", 32)}},

		{"a custody entry", func(dir string) { r.blob(dir, "ledger", "entry", "sealed", at(r.handed)) }, []string{fmt.Sprintf("entry %d: ", r.handed)}},
		{"a time-stamp token", func(dir string) { r.blob(dir, "ledger", "entry", "sealed", at(r.stamped)) }, []string{fmt.Sprintf("entry %d: ", r.stamped)}},
		{"the first entry, without which nothing opens", func(dir string) { r.blob(dir, "ledger", "entry", "sealed", at(0)) }, []string{"entry 0: "}},
		{"an entry taken out", func(dir string) {
			r.sql(dir, "ledger", func(c *sqlfile.Conn) error { return c.Exec("DELETE FROM entry WHERE " + at(r.handed)) })
		}, []string{fmt.Sprintf("entry %d: it is missing", r.handed)}},
		{"a key of a case", func(dir string) { r.blob(dir, "ledger", "wrapped", "wrapped", key("DESC")) }, []string{"entry "}},
		{"a key of a case that is an organisation's", func(dir string) { r.blob(dir, "ledger", "wrapped", "wrapped", key("ASC")) }, []string{"a wrapped key of stream "}},
		{"a newest checkpoint", func(dir string) { r.blob(dir, "ledger", "entry", "checkpoint", "pos=(SELECT max(pos) FROM entry)") }, []string{"entry "}},

		{"what the index says of the files", func(dir string) { r.blob(dir, "index", "kept", "sha256", "record=(SELECT max(record) FROM kept)") }, []string{index + "did not say what the ledger says (table kept)"}},
		{"what the index says of the case", func(dir string) { r.blob(dir, "index", "entry", "body", at(r.handed)) }, []string{index}},

		{"an older ledger", func(dir string) { old(dir, "ledger.db") }, []string{"entry "}},
		{"an older ledger with its head", func(dir string) { old(dir, "ledger.db", "head") }, []string{index + "was made from another state", "no entry names the file evidence/" + r.films[0], "no entry names the file evidence/" + r.films[1]}},
		{"an older ledger with its head and its files", func(dir string) {
			old(dir, "ledger.db", "head")
			remove(film(dir, 0), film(dir, 1))
		}, []string{index + "was made from another state"}},
		{"an older ledger with its head and its index", func(dir string) {
			old(dir, "ledger.db", "head", "index.db", "keys/index.key")
		}, []string{"no entry names the file evidence/" + r.films[0], "no entry names the file evidence/" + r.films[1]}},
		{"no head file", func(dir string) { remove(filepath.Join(dir, "head")) }, []string{"the head file is missing"}},
	}
	for name, want := range map[string]string{"ledger.db": "", "index.db": index} {
		pages := len(read(filepath.Join(r.dir, name))) / page
		base := strings.TrimSuffix(name, ".db")
		is, err := r.holds(r.dir, base)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			at := random.IntN(page) // the first page, then others
			for n := 0; i > 0; n++ {
				at = page + random.IntN((pages-1)*page)
				dir := filepath.Join(t.TempDir(), "r")
				r.copy(r.dir, dir)
				flip(filepath.Join(dir, name), func(int) int { return at })
				if then, err := r.holds(dir, base); err != nil || then != is {
					break
				}
				if t.Logf("a bit at %d of %s belongs to nothing", at, name); n == 20 {
					t.Fatalf("no bit of %s belongs to anything", name)
				}
			}
			tries = append(tries, tamper{fmt.Sprintf("a bit at %d of %s", at, name), func(dir string) { flip(filepath.Join(dir, name), func(int) int { return at }) }, []string{want}})
		}
	}
	for _, x := range tries {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			r.copy(r.dir, dir)
			x.do(dir)
			code, said := r.verify(dir)
			lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
			if code != exitFindings || len(lines) != len(x.named) || lines[0] == "" {
				t.Fatalf("exit %d, and it says:\n%s", code, said)
			}
			for _, want := range x.named {
				if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
					t.Errorf("it does not say %q, but:\n%s", want, said)
				}
			}
		})
	}
}

// TestRollbackIsNamedByAnEarlierCheckpoint: a whole older copy of a register is
// sound in itself; a checkpoint that was kept elsewhere tells.
func TestRollbackIsNamedByAnEarlierCheckpoint(t *testing.T) {
	r := newTampered(t)
	if code, said := r.verify(r.dir, "--checkpoint", r.checkpoint); code != exitDone {
		t.Errorf("exit %d: %s", code, said)
	}
	if code, said := r.verify(r.before); code != exitDone {
		t.Errorf("a copy of before, by itself: exit %d: %s", code, said)
	}
	if code, said := r.verify(r.before, "--checkpoint", r.checkpoint); code != exitFindings || !strings.Contains(said, "an older copy of it was put back") || strings.Count(said, "\n") != 1 {
		t.Errorf("a copy of before: exit %d: %s", code, said)
	}
	// It went on from there: more entries than there were, and others.
	for i := range 6 {
		answer(t, &struct{}{}, "org", "add", fmt.Sprint("Invented ", i), "--registry", r.before, "--passphrase-file", r.pass, "--json")
	}
	if code, said := r.verify(r.before, "--checkpoint", r.checkpoint); code != exitFindings || !strings.Contains(said, "it went on from an older copy of itself") {
		t.Errorf("a copy of before that went on: exit %d: %s", code, said)
	}
	if code, said := r.verify(r.dir, "--checkpoint", r.pass); code != exitFailed || !strings.Contains(said, "no checkpoint of this register") {
		t.Errorf("no checkpoint: exit %d: %s", code, said)
	}
}
