// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/backup"
	"github.com/kua-registry/kua/internal/bucket"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry/registrytest"
)

// disk is a folder for backups.
func (g *register) disk() BackupPlace {
	g.t.Helper()
	return BackupPlace{Folder: g.t.TempDir()}
}

// backUp makes a backup.
func (g *register) backUp(to BackupPlace) BackupView {
	g.t.Helper()
	v, err := g.BackUp(context.Background(), g.session, to, BackupOptions{})
	if err != nil || len(v.Missing) > 0 {
		g.t.Fatalf("backup: %+v, %v", v, err)
	}
	return v
}

func (g *register) rehearse(from BackupPlace, how RestoreOptions) Restored {
	g.t.Helper()
	v, err := g.RehearseRestore(context.Background(), g.session, from, Unlock{Passphrase: testPassphrase}, how)
	if err != nil || !v.Sound() {
		g.t.Fatalf("rehearsal: %+v, %v", v, err)
	}
	if _, err := os.Stat(g.dir + rehearsalEnding); !errors.Is(err, fs.ErrNotExist) {
		g.t.Errorf("the rehearsal left something: %v", err)
	}
	return v
}

// restored restores a backup elsewhere with the forgetting keys of this register
// as they are, and opens it.
func (g *register) restored(from BackupPlace, name string) (*register, Restored) {
	g.t.Helper()
	dir := filepath.Join(g.t.TempDir(), "restored")
	v, err := Restore(context.Background(), from, dir, Unlock{Passphrase: testPassphrase}, RestoreOptions{Backup: name, Keys: g.forget.dir}, testOptions(g.clock))
	if err != nil || !v.Sound() {
		g.t.Fatalf("restore: %+v, %v", v, err)
	}
	reg, s, err := Open(context.Background(), dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = reg.Close() })
	return &register{Registry: reg, t: g.t, clock: g.clock, session: s, cases: g.cases}, v
}

// TestBackupIsProvenAndRestored backs up a register with files, while it is
// open, proves the backup and restores it elsewhere.
func TestBackupIsProvenAndRestored(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	file := h.putFile("asel", h.cases[0], "a.png", fileText)
	if at, proven, err := h.LastProvenBackup(ctx); err != nil || proven || !at.IsZero() {
		t.Errorf("never backed up: %v, %v, %v", at, proven, err)
	}
	why := func(want string) {
		t.Helper()
		if v, err := h.BackupState(ctx, h.session); err != nil || v.Why != want {
			t.Errorf("the state of the backups is %+v, not %q: %v", v, want, err)
		}
	}
	why("none")
	to := h.disk()
	first := h.backUp(to)
	why("unproven")
	// Nothing but a few lines of the audit since: little is written.
	if second := h.backUp(to); second.Bytes*2 > first.Bytes || second.All < first.All {
		t.Errorf("the first backup wrote %d bytes, the second %d", first.Bytes, second.Bytes)
	}
	proven := h.rehearse(BackupPlace{}, RestoreOptions{})
	if proven.Figures < 20 || proven.Check.Files != 1 || proven.Again != 0 {
		t.Errorf("looked at too little: %+v", proven)
	}
	if at, ok, err := h.LastProvenBackup(ctx); err != nil || !ok || !at.Equal(proven.Backup.At) {
		t.Errorf("the last proven: %v, %v, %v", at, ok, err)
	}
	why("")
	h.later(BackupOld + time.Hour)
	why("old")
	h.backUp(BackupPlace{})
	why("")
	h.later(ProofOld - BackupOld)
	h.backUp(BackupPlace{})
	why("proof_old")

	r, v := h.restored(to, "")
	if v.Check.Files != 1 || r.figures() != h.figures() {
		t.Errorf("restored: %+v", v)
	}
	if got, err := (&house{register: r, people: map[string]*access.Session{"aigerim": r.session}}).readFile("aigerim", h.cases[0], file.ID); err != nil || got != fileText {
		t.Errorf("the file is %q, %v", got, err)
	}
	r.verify()
	if list, err := h.Backups(ctx, h.session, to); err != nil || len(list) != 4 || list[1].Proven.IsZero() || list[0].Damaged != "" {
		t.Errorf("%+v, %v", list, err)
	}
	for name, asks := range map[string]func(s *access.Session) error{
		"backup": func(s *access.Session) error { _, err := h.BackUp(ctx, s, to, BackupOptions{}); return err },
		"list":   func(s *access.Session) error { _, err := h.Backups(ctx, s, to); return err },
		"verify": func(s *access.Session) error { _, err := h.VerifyBackups(ctx, s, to, true, nil); return err },
		"prune":  func(s *access.Session) error { _, err := h.PruneBackups(ctx, s, to, BackupKeep{}, false); return err },
		"state":  func(s *access.Session) error { _, err := h.BackupState(ctx, s); return err },
		"restore": func(s *access.Session) error {
			_, err := h.RehearseRestore(ctx, s, to, Unlock{}, RestoreOptions{})
			return err
		},
	} {
		if err := asks(h.people["asel"]); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s by a case worker: %v", name, err)
		}
	}
}

// TestErasedStaysErased erases after a backup was made: restored, it is erased
// again, by what lies beside the forgetting keys, in a copy of them, or in a
// newer backup; and once the forgetting key has ended nothing of the old backup opens.
func TestErasedStaysErased(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	to := g.disk()
	old := g.backUp(to)
	before := t.TempDir() // a copy of the forgetting keys that knows of no erasure
	copyTree(t, g.forget.dir, before)
	if err := g.Erase(ctx, g.session, g.cases[0], Erasure{Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	if err := g.Erase(ctx, g.session, g.cases[1], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	gone := func(r *register, v Restored) {
		t.Helper()
		if v.Again != 2 {
			t.Errorf("%d erasures were done again", v.Again)
		}
		if view, err := r.Case(ctx, r.session, g.cases[0], Clock{}); err != nil || view.Row.Name != "" {
			t.Errorf("the name came back: %q, %v", view.Row.Name, err)
		}
		if _, err := r.Case(ctx, r.session, g.cases[1], Clock{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("the case came back: %v", err)
		}
		if found := r.holds(r.dir); len(found) > 0 {
			t.Errorf("in the open lie %v", found)
		}
		r.verify()
	}
	gone(g.restored(to, old.Name))
	if v := g.rehearse(to, RestoreOptions{Backup: old.Name}); v.Again != 2 || v.Why == "" {
		t.Errorf("rehearsed: %+v", v)
	}
	newer := g.backUp(to)
	r, v := g.restored(to, newer.Name)
	if v.Again != 0 {
		t.Errorf("what the backup knows as erased was erased again: %+v", v)
	}
	r.verify()
	// The machine is lost with what lay beside it; the copy of the keys is old.
	real := g.forget.dir
	g.forget.dir = before
	gone(g.restored(to, old.Name))
	g.forget.dir = real

	g.clock.t = g.clock.t.Add(ForgetKeyLasts)
	g.reopen()
	_, err := Restore(ctx, to, filepath.Join(t.TempDir(), "r"), Unlock{Passphrase: testPassphrase}, RestoreOptions{Backup: old.Name, Keys: g.forget.dir}, testOptions(g.clock))
	if err == nil || !strings.Contains(err.Error(), "can't be opened any more") {
		t.Errorf("after the forgetting key has ended: %v", err)
	}
	// Pruning lets go of what nobody can open.
	g.backUp(to)
	out, err := g.PruneBackups(ctx, g.session, to, BackupKeep{Daily: 100}, false)
	if err != nil || len(out.Kept) != 1 || len(out.Backups) != 2 {
		t.Errorf("pruned: %+v, %v", out, err)
	}
	g.rehearse(to, RestoreOptions{})
}

// trustees are people who give the shares of some sheets when they are asked.
func (g *register) trustees(who string, sheets ...Sheet) *Trustees {
	return &Trustees{Who: Recovered{Name: who, Lang: "kk"}, Gather: func(got *Gathering) error {
		for _, s := range sheets {
			if _, err := got.Add(s.share(g.t), s.opens()); err != nil {
				return err
			}
		}
		return nil
	}}
}

// TestTrusteesRestore brings a register back from a backup when nobody's
// passphrase is left: with the shares of that time, rehearsed before; and what was
// erased since is erased again before the new member sees anything.
func TestTrusteesRestore(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	sheets := g.shares()
	to := g.disk()
	old := g.backUp(to)
	v, err := g.RehearseRestore(ctx, g.session, to, Unlock{}, RestoreOptions{Trustees: g.trustees("", sheets[0], sheets[2])})
	if err != nil || !v.Sound() || !v.Noted || v.Passphrase != "" || v.Member != "" || v.Recovery.Shares != 2 || v.Recovery.Closed != 0 {
		t.Fatalf("rehearsed: %+v, %v", v, err)
	}
	if r, err := g.Recovery(g.session); err != nil || r.Warning != "" || r.Shares != 2 {
		t.Errorf("the rehearsal is not written down: %+v, %v", r, err)
	}
	if _, proven, err := g.LastProvenBackup(ctx); err != nil || !proven {
		t.Errorf("the backup is not proven: %v", err)
	}
	if err := g.Erase(ctx, g.session, g.cases[0], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	restore := func(how *Trustees, name string) (string, Restored, error) {
		dir := filepath.Join(t.TempDir(), "r")
		v, err := Restore(ctx, to, dir, Unlock{}, RestoreOptions{Backup: name, Keys: g.forget.dir, Trustees: how}, testOptions(g.clock))
		if _, left := os.Stat(dir + restoringEnding); !errors.Is(left, fs.ErrNotExist) {
			t.Errorf("something was left: %v", left)
		}
		if _, there := os.Stat(dir); err != nil && !errors.Is(there, fs.ErrNotExist) {
			t.Errorf("it is there all the same: %v", there)
		}
		return dir, v, err
	}
	if _, _, err := restore(g.trustees("after", sheets[1]), old.Name); !errors.Is(err, ErrMoreShares) {
		t.Errorf("one share alone: %v", err)
	}
	if _, _, err := restore(g.trustees(""), old.Name); !errors.Is(err, ErrName) {
		t.Errorf("nobody: %v", err)
	}
	dir, v, err := restore(g.trustees("after", sheets[1], sheets[2]), old.Name)
	if err != nil || !v.Sound() || v.Again != 1 || v.Member != "after" || v.Passphrase == "" {
		t.Fatalf("restored: %+v, %v", v, err)
	}
	reg, s, err := Open(ctx, dir, Unlock{Passphrase: v.Passphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	r := &register{Registry: reg, t: t, clock: g.clock, session: s, cases: g.cases}
	defer r.Close()
	if r.erasedAgain != 0 {
		t.Error("it was not erased again when the trustees opened it")
	}
	if _, err := r.Case(ctx, s, g.cases[0], Clock{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was erased came back: %v", err)
	}
	if view, err := r.Case(ctx, s, g.cases[1], Clock{}); err != nil || view.Row.Name == "" {
		t.Errorf("the new member can't read: %+v, %v", view.Row, err)
	}
	r.verify()
	// Shares count for the backups of their time alone.
	newer := g.shares()
	if _, _, err := restore(g.trustees("after", newer[0], newer[1]), old.Name); !errors.Is(err, ErrOldShare) {
		t.Errorf("shares made after the backup: %v", err)
	}
	v, err = g.RehearseRestore(ctx, g.session, to, Unlock{}, RestoreOptions{Backup: old.Name, Trustees: g.trustees("", sheets[0], sheets[1])})
	if err != nil || !v.Sound() || v.Noted {
		t.Errorf("a backup with shares that were replaced since: %+v, %v", v, err)
	}
}

// TestBackupsOfAnyRegister writes, erases, backs up and restores in any order:
// what is restored counts what was counted when the backup was made, and
// verifies; and what was erased since stays erased.
func TestBackupsOfAnyRegister(t *testing.T) {
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 6 { // a register each: they cost seconds
			return
		}
		ctx := context.Background()
		g := newRegister(t)
		to := g.disk()
		type made struct {
			name, figures string
			erased        int
		}
		var all []made
		erased := map[string]bool{}
		for range rapid.IntRange(2, 5).Draw(rt, "acts") {
			id := rapid.SampledFrom(g.cases).Draw(rt, "case")
			switch rapid.IntRange(0, 3).Draw(rt, "act") {
			case 0:
				if !erased[id] {
					err := g.Erase(ctx, g.session, id, Erasure{Whole: rapid.Bool().Draw(rt, "whole"), Why: "wish", Reason: "asked for it"})
					if err != nil {
						rt.Fatal(err)
					}
					erased[id] = true
				}
			case 1:
				if _, err := g.PutRecord(ctx, g.session, RecordChange{Kind: "publication", Fields: casefile.Fields{"kind": {"article"}}}); err != nil {
					rt.Fatal(err)
				}
			default:
				v := g.backUp(to)
				all = append(all, made{v.Name, g.figures(), len(erased)})
			}
			g.clock.t = g.clock.t.Add(time.Hour)
			g.session = g.sessions.Begin(g.session.Member, g.session.Keys)
		}
		for _, m := range all {
			r, v := g.restored(to, m.name)
			if v.Again != len(erased)-m.erased {
				rt.Fatalf("%d erasures were done again, %d were made since", v.Again, len(erased)-m.erased)
			}
			if v.Again == 0 && (v.Figures == 0 || r.figures() != m.figures) {
				rt.Fatalf("other figures: %+v", v)
			}
			r.verify()
		}
	})
}

// TestBackupInABucket backs up to a bucket that goes away in between: what was
// made before is whole, nothing half counts, and with the bucket back it goes on.
func TestBackupInABucket(t *testing.T) {
	ctx := context.Background()
	g, store := newRegister(t), newTestStore(t, false)
	to := BackupPlace{Bucket: store.bucket()}
	to.Bucket.Prefix = "backups/"
	first := g.backUp(to)
	if first.Where != store.url+"/north/backups/" {
		t.Errorf("%+v", first)
	}
	store.silent.Store(true)
	if _, err := g.BackUp(ctx, g.session, BackupPlace{}, BackupOptions{}); !errors.Is(err, bucket.ErrSignIn) {
		t.Errorf("a bucket that refuses: %v", err)
	}
	if _, err := g.RehearseRestore(ctx, g.session, BackupPlace{}, Unlock{Passphrase: testPassphrase}, RestoreOptions{}); err == nil {
		t.Error("a bucket that refuses was restored from")
	}
	store.silent.Store(false)
	g.backUp(BackupPlace{}) // the secret is remembered
	g.rehearse(BackupPlace{}, RestoreOptions{})
	report, err := g.VerifyBackups(ctx, g.session, BackupPlace{}, false, nil)
	if err != nil || report.Backups != 2 || len(report.Faults) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if names := store.names(t); slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "locks-") }) {
		t.Errorf("a lock was left: %v", names)
	}
	if out, err := g.PruneBackups(ctx, g.session, BackupPlace{}, BackupKeep{}, false); err != nil || len(out.Backups) != 1 {
		t.Errorf("pruned: %+v, %v", out, err)
	}
	g.restored(to, "")
}

// whole opens a register that was restored, and sees that it counts what this
// one counts.
func (g *register) whole(dir string) {
	g.t.Helper()
	reg, s, err := Open(context.Background(), dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		g.t.Fatal(err)
	}
	r := &register{Registry: reg, t: g.t, clock: g.clock, session: s, cases: g.cases}
	if r.figures() != g.figures() {
		g.t.Error("other figures")
	}
	r.verify()
	if err := reg.Close(); err != nil {
		g.t.Error(err)
	}
}

// TestRestoredIsAllOfIt looks at everything that a register keeps, in what is
// restored of it: figures, files of cases, drafts, reports from outside, settings,
// keys for programs, and everybody's key; and no file of its folder is forgotten.
func TestRestoredIsAllOfIt(t *testing.T) {
	ctx := context.Background()
	h := takes(t)
	file := h.putFile("asel", h.cases[0], "a.png", fileText)
	if _, err := h.KeepDraft(ctx, h.people["asel"], Draft{Case: h.cases[0], Kind: "comment", Form: map[string][]string{"text": {"half a thought"}}}); err != nil {
		t.Fatal(err)
	}
	h.outside(1).sends(t, "They beat us", "one picture")
	h.prove()
	if err := h.SetMail(ctx, h.session, MailServer{Host: "mail.example", Port: 465, TLS: "tls", User: "kua", Password: "a secret", From: "kua@example.org"}); err != nil {
		t.Fatal(err)
	}
	key, _, err := h.MakeAPIKey(ctx, h.session, NewAPIKey{Name: "a program", Scopes: access.Scopes()[:1], Until: h.Today() + 30})
	if err != nil {
		t.Fatal(err)
	}
	h.hook("aigerim", key.ID, "x")
	h.note("asel", h.cases[0])
	h.tells(&receivers{}, 0)
	to := h.disk()
	h.backUp(to)
	reg, _ := h.restored(to, "")
	registrytest.Restored(t, h.dir, reg.dir)
	r := &house{register: reg, orgs: h.orgs, people: map[string]*access.Session{}, secrets: h.secrets}
	for name := range h.people {
		r.signIn(name)
	}
	r.session = r.people["aigerim"]
	if r.figures() != h.figures() {
		t.Error("other figures")
	}
	if got, err := r.readFile("asel", h.cases[0], file.ID); err != nil || got != fileText {
		t.Errorf("the file is %q, %v", got, err)
	}
	for what, of := range map[string]func(*house) (any, error){
		"drafts":            func(h *house) (any, error) { return h.Drafts(ctx, h.people["asel"], h.cases[0]) },
		"reports":           func(h *house) (any, error) { return h.Submissions(ctx, h.people["saule"]) },
		"mail":              func(h *house) (any, error) { return h.Mail(ctx, h.session) },
		"webhooks":          func(h *house) (any, error) { return h.Webhooks(h.session) },
		"keys for programs": func(h *house) (any, error) { return h.APIKeys(h.session), nil },
		"where files are":   func(h *house) (any, error) { return h.Place(ctx, h.session, false) },
		"a case":            func(h *house) (any, error) { return h.Case(ctx, h.people["asel"], h.cases[0], Clock{}) },
	} {
		is, err := of(r)
		was, errWas := of(h)
		if text := fmt.Sprintf("%+v", was); err != nil || errWas != nil || len(text) < 10 || !reflect.DeepEqual(was, is) {
			t.Errorf("%s: %+v, %v; was %s, %v", what, is, err, text, errWas)
		}
	}
	r.verify()
}

type killedAt struct{ step string }

// stopped runs do, in which a disk is full before the step after so many, or the
// program is killed there. It answers the step; empty: there are not so many.
func (o *RestoreOptions) stopped(steps int, kill bool, do func() error) (at string, err error) {
	o.before = func(step string) error {
		if steps--; steps >= 0 {
			return nil
		}
		if at = step; kill {
			panic(killedAt{step})
		}
		return &fs.PathError{Op: "write", Path: "file", Err: syscall.ENOSPC}
	}
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(killedAt); !ok {
				panic(e)
			}
		}
	}()
	err = do()
	return at, err
}

// TestRestoreStoppedAnywhere fills the disk at each step of a restore in turn,
// and kills it there, each time in what the time before has left: the register
// is there whole or not at all, a full disk leaves nothing, not even forgetting
// keys, and the next try goes on. The same of a rehearsal.
func TestRestoreStoppedAnywhere(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.putFile("asel", h.cases[0], "a.png", fileText)
	if _, err := h.KeepDraft(ctx, h.people["asel"], Draft{Case: h.cases[0], Kind: "comment"}); err != nil {
		t.Fatal(err)
	}
	to := h.disk()
	h.backUp(to)
	if err := h.Erase(ctx, h.session, h.cases[1], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	unlock, names := Unlock{Passphrase: testPassphrase}, []string{"folder", "key file", "key of a ledger", "file of a ledger", "ledger", "head", "drafts", "file", "piece of a file", "sync the folders", "forgetting folder", "forgetting key", "erasures"}
	for _, kill := range []bool{false, true} {
		beside := filepath.Join(t.TempDir(), "r")
		steps, last := map[string]bool{}, 0
		for n := 0; ; n++ {
			how := RestoreOptions{Keys: h.forget.dir}
			at, err := how.stopped(n, kill, func() error {
				_, err := Restore(ctx, to, beside, unlock, how, testOptions(h.clock))
				return err
			})
			steps[at], last = true, n
			if _, err := os.Stat(beside); err == nil {
				break
			}
			left, globErr := filepath.Glob(beside + "*")
			if at == "" || globErr != nil || !kill && (!errors.Is(err, ledger.ErrFull) || len(left) > 0) {
				t.Fatalf("before step %d, %q: %v; left: %v", n, at, err, left)
			}
			if kill { // its lock ends with a process
				if err := os.Remove(filepath.Join(beside+restoringEnding, "work.lock")); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.whole(beside)
		for _, step := range append(names, "make place", "take the place", "sync its name") {
			if !steps[step] {
				t.Errorf("it was never stopped before %q", step)
			}
		}
		// Keys that lay there before stay, whatever happens.
		if err := os.RemoveAll(beside); err != nil {
			t.Fatal(err)
		}
		how := RestoreOptions{}
		if at, _ := how.stopped(last-1, false, func() error {
			_, err := Restore(ctx, to, beside, unlock, how, testOptions(h.clock))
			return err
		}); at == "" {
			t.Error("it was not stopped")
		}
		if len(forgetFiles(t, beside+forgettingEnding)) != 1 {
			t.Error("forgetting keys that lay there before are gone")
		}

		steps = map[string]bool{}
		for n := 0; ; n++ {
			how := RestoreOptions{}
			at, err := how.stopped(n, kill, func() error {
				v, err := h.RehearseRestore(ctx, h.session, to, unlock, how)
				if err == nil && (!v.Sound() || v.Again != 1) {
					t.Errorf("%+v", v)
				}
				return err
			})
			if at == "" {
				if err != nil {
					t.Error(err)
				}
				break
			}
			steps[at] = true
			_, statErr := os.Stat(h.dir + rehearsalEnding)
			if !kill && (!errors.Is(err, ledger.ErrFull) || !errors.Is(statErr, fs.ErrNotExist)) {
				t.Fatalf("a rehearsal, before step %d, %q: %v; it is left: %v", n, at, err, statErr)
			}
			if kill {
				if err := os.Remove(filepath.Join(h.dir+rehearsalEnding, "work.lock")); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, step := range names {
			if !steps[step] {
				t.Errorf("a rehearsal was never stopped before %q", step)
			}
		}
	}
	h.verify()
}

// TestDamagedBackup restores what is left where a piece of a file is gone, says
// which, and proves nothing.
func TestDamagedBackup(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.putFile("asel", h.cases[0], "a.png", fileText)
	to := h.disk()
	v := h.backUp(to)
	b, _, repo, err := h.backups(h.session, to)
	if err != nil {
		t.Fatal(err)
	}
	list, err := repo.Read(ctx, v.Name)
	if err != nil {
		t.Fatal(err)
	}
	lost := ""
	for _, f := range list.Files {
		if strings.HasPrefix(f.Path, evidenceDir) {
			lost = f.Path
			id := f.Pieces[0].ID
			if err := os.Remove(filepath.Join(b.Folder, "pieces", id[:2], id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := h.RehearseRestore(ctx, h.session, to, Unlock{Passphrase: testPassphrase}, RestoreOptions{})
	if err != nil || got.Sound() || !slices.Equal(got.Lost, []string{lost}) || got.Check.Problem == "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, proven, err := h.LastProvenBackup(ctx); err != nil || proven {
		t.Errorf("a damaged backup is proven: %v", err)
	}
	ended, end := context.WithCancel(ctx)
	_, err = h.BackUp(ended, h.session, to, BackupOptions{Step: func(uint64, uint64) { end() }})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "no backup was made") {
		t.Errorf("ended while it was made: %v", err)
	}
	h.backUp(to) // a piece that is missing is written again
	h.rehearse(to, RestoreOptions{})

	// A list that does not read well: the one before it is named. Without the
	// vault of an organisation nothing is left, since it would not open.
	lists, err := filepath.Glob(filepath.Join(to.Folder, "backups", "*"))
	if err != nil || len(lists) != 2 {
		t.Fatal(lists, err)
	}
	text, err := os.ReadFile(lists[1])
	if err == nil {
		err = os.WriteFile(lists[1], text[:len(text)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(t.TempDir(), "r")
	restore := func(name string) error {
		_, err := Restore(ctx, to, beside, Unlock{Passphrase: testPassphrase}, RestoreOptions{Backup: name, Keys: h.forget.dir}, testOptions(h.clock))
		if left, globErr := filepath.Glob(beside + "*"); globErr != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, globErr)
		}
		return err
	}
	if err := restore(""); !errors.Is(err, backup.ErrDamaged) || !strings.Contains(err.Error(), "--backup "+v.Name) {
		t.Errorf("a list that is cut off: %v", err)
	}
	for _, f := range list.Files {
		if opensRegister(f.Path) {
			id := f.Pieces[0].ID
			if err := os.Remove(filepath.Join(to.Folder, "pieces", id[:2], id)); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if err := restore(v.Name); !errors.Is(err, backup.ErrDamaged) || !strings.Contains(err.Error(), "no older one") {
		t.Errorf("without a vault: %v", err)
	}
	// Where a newer program has made one, this one makes none beside it.
	if err := os.WriteFile(lists[1], bytes.Replace(text, []byte("kua backup 1"), []byte("kua backup 2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.BackUp(ctx, h.session, to, BackupOptions{}); !errors.Is(err, backup.ErrNewer) {
		t.Errorf("beside a newer one: %v", err)
	}
}
