// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/sqlfile"
)

// copyTree copies a directory, as a backup does.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// forgetFiles are the forgetting keys in a folder, by name.
func forgetFiles(t *testing.T, dirs ...string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".key" {
				return err
			}
			b, err := os.ReadFile(path)
			found[d.Name()] = b
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return found
}

// tryBackup restores a backup with whatever forgetting keys there are, and
// answers the names it gives of a case.
func (g *register) tryBackup(backup, id string, keys map[string][]byte) (string, error) {
	g.t.Helper()
	dir := filepath.Join(g.t.TempDir(), "restored")
	copyTree(g.t, backup, dir)
	if err := os.MkdirAll(dir+forgettingEnding, 0o700); err != nil {
		g.t.Fatal(err)
	}
	for name, b := range keys {
		if err := os.WriteFile(filepath.Join(dir+forgettingEnding, name), b, 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
	reg, s, err := Open(context.Background(), dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		return "", err
	}
	defer reg.Close()
	view, err := reg.Case(context.Background(), s, id, Clock{})
	if err != nil {
		return "", err
	}
	return view.Row.Name, nil
}

// bruteForce tries every key there is on every wrapped key of a case in a
// backup: the vaults of node and organisations, opened with the passphrase, and
// the forgetting keys. It answers how many case keys come out.
func (g *register) bruteForce(backup, id string, keys map[string][]byte) int {
	g.t.Helper()
	ctx := context.Background()
	raw, err := g.sealedKey("ledger", false)
	if err != nil {
		g.t.Fatal(err)
	}
	key := [32]byte(raw)
	path := filepath.Join(g.t.TempDir(), "ledger.db")
	b, err := os.ReadFile(filepath.Join(backup, "ledger.db"))
	if err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		g.t.Fatal(err)
	}
	store, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Key: &key, ReadOnly: true})
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	var forget []*seal.ForgetKey
	for _, b := range keys {
		if k, err := seal.OpenForgetKey(g.node, b); err == nil {
			forget = append(forget, k)
		}
	}
	vaults := []*seal.Vault{g.vault}
	for _, v := range g.session.Keys.Vaults {
		vaults = append(vaults, v)
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		g.t.Fatal(err)
	}
	rows, out := 0, 0
	err = store.Keys(ctx, stream, func(w ledger.WrappedKey) error {
		rows++
		bare := [][]byte{slices.Clone(w.Wrapped)}
		for _, k := range forget {
			if b, err := k.Unwrap(aboutRow(w), w.Wrapped); err == nil {
				bare = append(bare, b)
			}
		}
		for _, b := range bare {
			for _, v := range vaults {
				if _, err := v.UnwrapCaseKey(w.Stream, seal.Part(w.Part), w.Epoch, b); err == nil {
					out++
				}
			}
		}
		return nil
	})
	if err != nil || rows == 0 {
		g.t.Fatalf("%d wrapped keys of the case in the backup, %v: this test finds nothing", rows, err)
	}
	return out
}

// aboutRow is what docs/spec/keys.md says a row is bound to.
func aboutRow(w ledger.WrappedKey) []byte {
	b := append(slices.Clone(w.Stream[:]), w.Part)
	b = binary.BigEndian.AppendUint32(b, w.Epoch)
	return append(b, w.Holder[:]...)
}

// TestEraseReachesBackups erases a case of which there are backups. Within the
// retention the program says that they still give it back, and they do; after
// it no combination of what is left gives it back, and all else is as it was.
func TestEraseReachesBackups(t *testing.T) {
	for name, whole := range map[string]bool{"identity": false, "whole": true} {
		t.Run(name, func(t *testing.T) {
			g := newRegister(t)
			ctx := context.Background()
			id := g.cases[0]
			medium := t.TempDir()
			if _, err := g.CopyForgetting(g.session, medium); err != nil {
				t.Fatal(err)
			}
			before := g.figures()
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			copyTree(t, g.dir, backup)
			if found := forgetFiles(t, backup); slices.ContainsFunc(sorted(found), func(n string) bool { return strings.HasPrefix(n, "20") }) {
				t.Fatalf("a copy of the register's directory holds forgetting keys: %v", sorted(found))
			}
			g.reopen()
			if err := g.Erase(ctx, g.session, id, Erasure{Whole: whole, Why: "wish", Reason: "at the wish of the person"}); err != nil {
				t.Fatal(err)
			}
			left := func() map[string][]byte { return forgetFiles(t, g.dir+forgettingEnding, medium, g.dir) }

			// Alone, a backup is dead from the first day.
			if _, err := g.tryBackup(backup, id, nil); !errors.Is(err, ledger.ErrForgetKey) {
				t.Errorf("a backup opens without the forgetting key: %v", err)
			}
			if n := g.bruteForce(backup, id, nil); n > 0 {
				t.Errorf("%d keys come out of a backup without the forgetting key", n)
			}
			final := g.ErasureFinal()
			if want := time.Date(2022, 7, 29, 9, 0, 0, 0, time.UTC); !final.Equal(want) {
				t.Errorf("final on %v, not on %v", final, want)
			}
			// Until the retention ends it can be restored, as the program says.
			for _, day := range []int{0, 10, 34} {
				g.clock.t = time.Date(2022, 6, 24, 10, 0, 0, 0, time.UTC).AddDate(0, 0, day)
				g.reopen()
				if !g.clock.t.Before(final) {
					t.Fatal("the test looks too late")
				}
				name, err := g.tryBackup(backup, id, left())
				if err != nil || !strings.Contains(name, planted[0]) {
					t.Errorf("on day %d the backup does not give the case back: %v", day, err)
				}
			}
			// After it, never again.
			g.clock.t = time.Date(2022, 6, 24, 10, 0, 0, 0, time.UTC).AddDate(0, 0, 36)
			g.reopen()
			if _, err := g.tryBackup(backup, id, left()); !errors.Is(err, ledger.ErrForgetKey) {
				t.Errorf("the backup still opens: %v", err)
			}
			if n := g.bruteForce(backup, id, left()); n > 0 {
				t.Errorf("%d keys come out of the backup with what is left", n)
			}
			if !whole {
				if now := g.figures(); now != before {
					t.Error("the figures changed")
				}
			}
			g.verify()
			v, err := g.Forgetting(g.session)
			if err != nil || len(v.Keys) != 1 || len(v.Copies) != 1 || v.Copies[0].Stale || v.Copies[0].Holds {
				t.Errorf("%+v, %v", v, err)
			}
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
			for _, dir := range []string{g.dir, g.dir + forgettingEnding, medium} {
				if found := g.holds(dir); len(found) > 0 {
					t.Errorf("still there:\n%s", strings.Join(found, "\n"))
				}
			}
			g.reopen()
		})
	}
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// A copy that was in a drawer while the month turned is said to be what it is.
func TestForgettingCopies(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	medium := filepath.Join(t.TempDir(), "stick")
	look := func() CopyView {
		t.Helper()
		v, err := g.Forgetting(g.session)
		if err != nil || len(v.Copies) != 1 {
			t.Fatalf("%+v, %v", v, err)
		}
		return v.Copies[0]
	}
	if _, err := g.CopyForgetting(g.session, medium); !errors.Is(err, ErrNoCopyFolder) {
		t.Errorf("copied to what is not there: %v", err)
	}
	if err := os.Mkdir(medium, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, inside := range []string{g.dir, filepath.Join(g.dir, "keys"), g.dir + forgettingEnding} {
		if _, err := g.CopyForgetting(g.session, inside); !errors.Is(err, ErrCopyInside) {
			t.Errorf("a copy beside the table: %v", err)
		}
	}
	other := *g.session
	other.Member.Roles = []access.Role{access.Coordinator, access.CaseWorker}
	if _, err := g.CopyForgetting(&other, medium); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who does not administer copied the keys: %v", err)
	}
	if err := g.ForgetNow(ctx, &other); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who does not administer made a new key: %v", err)
	}
	if _, err := g.CopyForgetting(g.session, medium); err != nil {
		t.Fatal(err)
	}
	if c := look(); c.Stale || c.Holds || !c.There {
		t.Errorf("fresh: %+v", c)
	}
	drawer := medium + "-in-a-drawer"
	if err := os.Rename(medium, drawer); err != nil {
		t.Fatal(err)
	}
	g.clock.t = g.clock.t.AddDate(0, 2, 0)
	g.reopen()
	if c := look(); !c.Stale || !c.Holds || c.There {
		t.Errorf("in the drawer: %+v", c)
	}
	if n := len(forgetFiles(t, drawer)); n != 1 {
		t.Fatalf("%d keys in the drawer", n)
	}
	if err := os.Rename(drawer, medium); err != nil {
		t.Fatal(err)
	}
	if _, err := g.CopyForgetting(g.session, medium); err != nil {
		t.Fatal(err)
	}
	if c := look(); c.Stale || c.Holds || !c.There {
		t.Errorf("copied again: %+v", c)
	}
	if here, there := sorted(forgetFiles(t, g.dir+forgettingEnding)), sorted(forgetFiles(t, medium)); !slices.Equal(here, there) {
		t.Errorf("%v here, %v there", here, there)
	}
	// At once: every older key is gone, here and there.
	old := forgetFiles(t, medium)
	if err := g.ForgetNow(ctx, g.session); err != nil {
		t.Fatal(err)
	}
	for name := range forgetFiles(t, medium, g.dir+forgettingEnding) {
		if old[name] != nil {
			t.Errorf("%s is still there", name)
		}
	}
	g.clock.t = g.clock.t.Add(access.ProofLimit + time.Second)
	if err := g.ForgetNow(ctx, g.session); !errors.Is(err, ErrProof) {
		t.Errorf("without fresh proof: %v", err)
	}
	g.verify()
	if err := g.DropCopy(g.session, medium); err != nil {
		t.Fatal(err)
	}
	if v, err := g.Forgetting(g.session); err != nil || len(v.Copies) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// A register that lost its forgetting keys is refused, unchanged, and opens
// again with a copy of them.
func TestForgettingMissing(t *testing.T) {
	g := newRegister(t)
	medium := t.TempDir()
	if _, err := g.CopyForgetting(g.session, medium); err != nil {
		t.Fatal(err)
	}
	before := g.figures()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(g.dir + forgettingEnding); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		o := testOptions(g.clock)
		o.ReadOnly = readOnly
		if _, _, err := Open(context.Background(), g.dir, Unlock{Passphrase: testPassphrase}, o); !errors.Is(err, ledger.ErrForgetKey) || !strings.Contains(err.Error(), "kua forget restore") {
			t.Fatalf("opened: %v", err)
		}
	}
	if _, err := os.Stat(g.dir + forgettingEnding); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a register that was refused was changed")
	}
	if _, err := RestoreForgetting(g.dir, Unlock{Passphrase: testPassphrase}, t.TempDir(), testOptions(g.clock)); !errors.Is(err, ErrNoForgetKeys) {
		t.Errorf("restored from nothing: %v", err)
	}
	other := newRegister(t)
	elsewhere := t.TempDir()
	if _, err := other.CopyForgetting(other.session, elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreForgetting(g.dir, Unlock{Passphrase: testPassphrase}, elsewhere, testOptions(g.clock)); !errors.Is(err, ErrNoForgetKeys) {
		t.Errorf("restored from another register's: %v", err)
	}
	if n, err := RestoreForgetting(g.dir, Unlock{Passphrase: testPassphrase}, medium, testOptions(g.clock)); err != nil || n != 1 {
		t.Fatalf("%d keys, %v", n, err)
	}
	g.reopen()
	if g.figures() != before {
		t.Error("the figures changed")
	}
	g.verify()
}

// A register of before there were forgetting keys is put under one when it is opened.
func TestForgettingUpgrade(t *testing.T) {
	g := newRegister(t)
	before := g.figures()
	key := g.forget.keys[0]
	g.stripForgetting(key)
	if err := os.RemoveAll(g.dir + forgettingEnding); err != nil {
		t.Fatal(err)
	}
	reg, s, err := Open(context.Background(), g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	if g.figures() != before {
		t.Error("the figures changed")
	}
	g.verify()
	g.allUnder(g.forget.keys[0])
}

// stripForgetting closes the register and makes it one of before.
func (g *register) stripForgetting(key *seal.ForgetKey) {
	g.t.Helper()
	ctx := context.Background()
	raw, err := g.sealedKey("ledger", false)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		g.t.Fatal(err)
	}
	at := [32]byte(raw)
	path := filepath.Join(g.dir, "ledger.db")
	store, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Key: &at})
	if err != nil {
		g.t.Fatal(err)
	}
	err = store.Rewrap(ctx, func(w ledger.WrappedKey) ([]byte, error) { return key.Unwrap(aboutRow(w), w.Wrapped) }, "nothing", []byte("x"))
	if err := errors.Join(err, store.Close()); err != nil {
		g.t.Fatal(err)
	}
	c, err := sqlfile.Open(path, &at)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := errors.Join(c.Exec("DELETE FROM meta WHERE name='forgetting'"), c.Close()); err != nil {
		g.t.Fatal(err)
	}
}

// allUnder holds that every wrapped key is under a forgetting key.
func (g *register) allUnder(key *seal.ForgetKey) {
	g.t.Helper()
	ctx := context.Background()
	raw, err := g.sealedKey("ledger", false)
	if err != nil {
		g.t.Fatal(err)
	}
	at := [32]byte(raw)
	store, err := sqlitestore.Open(ctx, filepath.Join(g.dir, "ledger.db"), sqlitestore.Options{Key: &at, ReadOnly: true})
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	n := 0
	err = store.Keys(ctx, ledger.ID{}, func(w ledger.WrappedKey) error {
		n++
		if _, err := key.Unwrap(aboutRow(w), w.Wrapped); err != nil {
			return fmt.Errorf("a wrapped key is not under the newest forgetting key: %w", err)
		}
		return nil
	})
	if err != nil || n == 0 {
		g.t.Errorf("%d keys: %v", n, err)
	}
}

// TestForgettingCutShort leaves the turn of the month at each of its steps, as
// a kill or a loss of power does: the register opens, has everything, and the
// turn is finished.
func TestForgettingCutShort(t *testing.T) {
	steps := map[string]func(g *register, old, next *seal.ForgetKey, sealed []byte){
		"the new key half written": func(g *register, _, _ *seal.ForgetKey, sealed []byte) {
			g.put(".new-"+g.nodeName()+"-123", sealed[:100])
		},
		"the new key written, nothing under it": func(g *register, _, next *seal.ForgetKey, sealed []byte) {
			g.put(g.forgetFile(next), sealed)
		},
		"all under the new key, the old one there": func(g *register, old, next *seal.ForgetKey, sealed []byte) {
			g.put(g.forgetFile(next), sealed)
			if _, err := g.log.Rewrap(context.Background(), []*seal.ForgetKey{old, next}); err != nil {
				g.t.Fatal(err)
			}
		},
		"the old key renamed": func(g *register, old, next *seal.ForgetKey, sealed []byte) {
			g.put(g.forgetFile(next), sealed)
			if _, err := g.log.Rewrap(context.Background(), []*seal.ForgetKey{old, next}); err != nil {
				g.t.Fatal(err)
			}
			g.move(g.forgetFile(old), ".ending-"+g.nodeName()+"-"+g.forgetFile(old))
		},
		"the old key half overwritten": func(g *register, old, next *seal.ForgetKey, sealed []byte) {
			g.put(g.forgetFile(next), sealed)
			if _, err := g.log.Rewrap(context.Background(), []*seal.ForgetKey{old, next}); err != nil {
				g.t.Fatal(err)
			}
			name := ".ending-" + g.nodeName() + "-" + g.forgetFile(old)
			g.move(g.forgetFile(old), name)
			g.put(name, make([]byte, 50))
		},
	}
	for name, step := range steps {
		for _, days := range []int{10, 40} { // into the next month, and beyond the retention
			t.Run(fmt.Sprint(name, ", ", days, " days later"), func(t *testing.T) {
				g := newRegister(t)
				before := g.figures()
				g.clock.t = g.clock.t.AddDate(0, 0, days)
				old, next := g.forget.keys[0], seal.NewForgetKey(g.clock.t)
				sealed, err := next.Seal(g.node)
				if err != nil {
					t.Fatal(err)
				}
				step(g, old, next, sealed)
				g.reopen()
				if g.figures() != before {
					t.Error("the figures changed")
				}
				newest := g.forget.keys[len(g.forget.keys)-1]
				g.allUnder(newest)
				g.verify()
				if newest.ID() == old.ID() {
					t.Error("the month did not turn")
				}
				entries, err := os.ReadDir(g.dir + forgettingEnding)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if strings.HasPrefix(e.Name(), ".") || days == 40 && e.Name() == g.forgetFile(old) {
						t.Errorf("%s was left", e.Name())
					}
				}
			})
		}
	}
}

func (g *register) put(name string, b []byte) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir+forgettingEnding, name), b, 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *register) move(from, to string) {
	g.t.Helper()
	dir := g.dir + forgettingEnding
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		g.t.Fatal(err)
	}
}

// The clock set ahead and back, and back and ahead, never locks anybody out
// nor keeps an old key for ever.
func TestForgettingWrongClock(t *testing.T) {
	g := newRegister(t)
	right := g.clock.t
	first := g.forget.keys[0].ID()
	g.clock.t = right.AddDate(8, 0, 0)
	g.reopen()
	g.clock.t = right.AddDate(0, 0, 1)
	g.reopen()
	if n := len(g.forget.keys); n != 1 || g.forget.keys[0].Made() != g.clock.t {
		t.Errorf("after a clock that was ahead: %d keys, made %v", n, g.forget.keys[0].Made())
	}
	second := g.forget.keys[0].ID()
	g.clock.t = right.AddDate(-1, 0, 0)
	g.reopen()
	if second == g.forget.keys[len(g.forget.keys)-1].ID() || first == second {
		t.Error("a key made in the future is still in use")
	}
	g.verify()
	// In a register that stays open the month turns, too; and nothing happens before.
	g.clock.t = right.AddDate(0, 0, 2)
	g.reopen()
	now := g.forget.keys[len(g.forget.keys)-1]
	for _, c := range []struct {
		days int
		turn bool
	}{{4, false}, {10, true}} {
		g.clock.t = right.AddDate(0, 0, c.days)
		if err := g.Tend(context.Background()); err != nil {
			t.Fatal(err)
		}
		if turned := g.forget.keys[len(g.forget.keys)-1].ID() != now.ID(); turned != c.turn {
			t.Errorf("after %d days turned: %v", c.days, turned)
		}
	}
	g.allUnder(g.forget.keys[len(g.forget.keys)-1])
	g.clock.t = right.AddDate(0, 0, 60)
	if err := g.Tend(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(g.forget.keys) != 1 {
		t.Errorf("%d keys are left", len(g.forget.keys))
	}
	g.verify()
}

// TestForgettingModel writes, erases, lets time pass and opens again at random.
// Whatever came before: what was not erased is there, what was erased is not,
// the wrapped keys are under the newest forgetting key, none is older than
// the retention, and verify holds.
func TestForgettingModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	for range 2 {
		g := newRegister(t)
		erased := map[string]string{}
		for range 8 {
			switch id := g.cases[r.IntN(len(g.cases))]; r.IntN(5) {
			case 0:
				what := []string{"identity", "whole"}[r.IntN(2)]
				if erased[id] == "whole" {
					continue
				}
				g.session = g.sessions.Begin(g.session.Member, g.session.Keys) // time may have ended the old one
				if err := g.Erase(ctx, g.session, id, Erasure{Whole: what == "whole", Why: "wish", Reason: "asked for"}); err != nil {
					t.Fatal(err)
				}
				erased[id] = what
			case 1:
				if erased[id] == "whole" {
					continue
				}
				put := Put{Record: ledger.NewID().String(), Kind: "complaint", Fields: map[string][]string{"filed": {"yes"}, "date": {"2022-06-26"}}}
				if err := g.Write(ctx, g.session, id, []Put{put}, nil, "", ""); err != nil {
					t.Fatal(err)
				}
			case 2:
				g.clock.t = g.clock.t.AddDate(0, 0, r.IntN(50))
				if err := g.Tend(ctx); err != nil {
					t.Fatal(err)
				}
			case 3:
				g.clock.t = g.clock.t.AddDate(0, 0, r.IntN(50))
				g.reopen()
			case 4:
				g.reopen()
				if err := g.ForgetNow(ctx, g.session); err != nil {
					t.Fatal(err)
				}
			}
			g.allUnder(g.forget.keys[len(g.forget.keys)-1])
			for _, k := range g.forget.keys[:len(g.forget.keys)-1] {
				if g.clock.t.Sub(k.Made()) > ForgetKeyLasts+50*24*time.Hour {
					t.Fatalf("a key of %v is still there on %v", k.Made(), g.clock.t)
				}
			}
		}
		g.reopen()
		for _, id := range g.cases {
			view, err := g.Case(ctx, g.session, id, Clock{})
			switch erased[id] {
			case "whole":
				if !errors.Is(err, ErrNotFound) {
					t.Fatalf("erased, and there: %v", err)
				}
			case "identity":
				if err != nil || view.Row.Name != "" {
					t.Fatalf("erased, and named: %v", err)
				}
			default:
				if err != nil || view.Row.Name == "" {
					t.Fatalf("lost: %v", err)
				}
			}
		}
		g.verify()
	}
}
