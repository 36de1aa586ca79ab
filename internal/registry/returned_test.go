// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// comesBack loses a node's machine and restores its register from a backup.
func (a *allied) comesBack(i int, from BackupPlace, name string) Restored {
	a.t.Helper()
	ctx := context.Background()
	old := a.nodes[i]
	if err := old.Close(); err != nil {
		a.t.Fatal(err)
	}
	dir := filepath.Join(a.t.TempDir(), "back")
	v, err := Restore(ctx, from, dir, Unlock{Passphrase: testPassphrase}, RestoreOptions{Backup: name, Keys: old.forget.dir}, testOptions(a.clock))
	if err != nil || !v.Sound() {
		a.t.Fatalf("%+v, %v", v, err)
	}
	if a.nodes[i], a.members[i], err = Open(ctx, dir, Unlock{Passphrase: testPassphrase}, testOptions(a.clock)); err != nil {
		a.t.Fatal(err)
	}
	return v
}

// named are the cases of a node's organisation, as it has them, by the prefix of
// the organisation's own number.
func (a *allied) named(i int, prefix string) (ids []string) {
	a.t.Helper()
	for file, err := range a.nodes[i].index.Files(context.Background(), allKnown) {
		if err != nil {
			a.t.Fatal(err)
		}
		head, ok := file.Record(file.ID)
		if c := a.nodes[i].rights.cases[file.ID]; ok && c != nil && c.Org == a.orgs[i] && strings.HasPrefix(head.Get("external_id"), prefix) {
			ids = append(ids, file.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// verifies holds that a node's register is what it says, as it is open.
func (a *allied) verifies(i int) {
	a.t.Helper()
	if v, err := a.nodes[i].Verify(context.Background(), a.members[i], true); err != nil || len(v.Problems) > 0 {
		a.t.Errorf("node %d: %v %v", i, err, v.Problems)
	}
}

// TestNodeComesBack restores a node of a coalition from a backup that is older than
// what it has published. Until it has exchanged it adds to nothing; then what it
// wrote since comes back from the relay, its grants stand, what was erased on
// either side stays erased, and it goes on in the one history that all have.
func TestNodeComesBack(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	a.add(0, 3, "before")
	a.add(1, 2, "theirs")
	a.settled()
	a.add(0, 1, "unsent") // written, and handed on only after the backup
	to := BackupPlace{Folder: t.TempDir()}
	a.prove(0)
	old, err := a.nodes[0].BackUp(ctx, a.members[0], to, BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := a.named(0, "before")
	if len(before) != 3 {
		t.Fatalf("%d cases", len(before))
	}
	// After it: one is granted and added to, one is erased, others are new; the other node erases, too.
	told, erased := before[0], before[1]
	if _, err := a.nodes[0].Grant(ctx, a.members[0], told, NewGrant{To: "Organisation 1", Part: access.Identity}); err != nil {
		t.Fatal(err)
	}
	note := func() error {
		_, err := a.nodes[0].PutRecord(ctx, a.members[0], RecordChange{Case: told, Kind: "report", Fields: casefile.Fields{"received": {"2022-05-20"}}})
		return err
	}
	if err := note(); err != nil {
		t.Fatal(err)
	}
	if err := a.nodes[0].Erase(ctx, a.members[0], erased, Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	a.add(0, 2, "after")
	code, _, err := a.nodes[0].Invite(ctx, a.members[0], NewInvitation{Name: "later", Lang: "ru", Orgs: []string{a.orgs[0]}, Roles: []access.Role{access.CaseWorker}})
	if err != nil {
		t.Fatal(err)
	}
	_, passphrase, err := a.nodes[0].Accept(ctx, code, Acceptance{})
	if err != nil {
		t.Fatal(err)
	}
	first := a.members[0]
	if a.members[0], err = a.nodes[0].SignIn(ctx, SignIn{Name: "later", Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	a.add(0, 1, "byanother") // of whom the backup does not know
	a.members[0] = first
	a.prove(1)
	if err := a.nodes[1].Erase(ctx, a.members[1], a.named(1, "theirs")[0], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	a.settled()
	counted := a.reports(0)
	if a.reports(1) != counted {
		t.Fatal("the nodes do not count alike")
	}
	granted := func() {
		t.Helper()
		if !a.names(1, told, "Құпиясынов0") {
			t.Error("the grant made after the backup does not stand")
		}
	}
	granted()
	a.clock.t = a.clock.t.Add(time.Hour)

	v := a.comesBack(0, to, old.Name)
	if v.Again != 2 {
		t.Errorf("%d erasures were done again", v.Again)
	}
	if a.nodes[0].rights.cases[erased] != nil && len(a.named(0, "before")) != 2 {
		t.Error("what was erased came back")
	}
	a.verifies(0)
	if err := note(); !errors.Is(err, ErrReturned) {
		t.Errorf("it was added to what others may have more of: %v", err)
	}
	if _, err := a.nodes[0].Import(ctx, a.members[0], a.orgs[0], "early", []CaseImport{{Key: "early", Records: func(id string) []Put {
		return []Put{{Record: id, Kind: "case", Fields: casefile.Fields{}}}
	}}}, nil); !errors.Is(err, ErrReturned) {
		t.Errorf("a new case before the old ones came back: %v", err)
	}
	if x, err := a.nodes[0].Exchange(ctx, a.members[0]); err != nil || !x.Own.Waits || !x.Finding() {
		t.Errorf("%+v, %v", x.Own, err)
	}

	x := a.sync(0)
	if x.Own.Waits || x.Own.Back < 5 || x.Own.Closed == 0 || x.Finding() {
		t.Errorf("%+v", x)
	}
	if n := a.reports(0); n != counted {
		t.Errorf("%d reports are counted, %d were", n, counted)
	}
	if n := len(a.named(0, "")); n < 5 {
		t.Errorf("%d cases came back", n)
	}
	a.verifies(0)
	if err := note(); err != nil {
		t.Errorf("it does not go on: %v", err)
	}
	a.add(0, 1, "further")
	a.settled() // nothing is refused, nothing held: one history
	if a.reports(0) != counted+1 || a.reports(1) != counted+1 {
		t.Errorf("%d and %d reports are counted", a.reports(0), a.reports(1))
	}
	for i := range a.nodes {
		a.verifies(i)
		if a.nodes[i].rights.cases[erased] != nil {
			t.Errorf("node %d has what was erased", i)
		}
	}
	granted()
	// Who somebody is in a case that came back can be written again.
	for _, id := range a.named(0, "") {
		stream, err := ledger.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := a.nodes[0].keyring.Current(ctx, stream); err != nil || keys.Identity.IsZero() {
			t.Errorf("no key to write who it is: %v", err)
		}
	}
	a.sound(counted + 1)
	// An erasure that nobody else has heard of is written again, once it is known that nobody has.
	if old, err = a.nodes[0].BackUp(ctx, a.members[0], to, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	a.prove(0)
	if err := a.nodes[0].Erase(ctx, a.members[0], before[2], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	if v := a.comesBack(0, to, old.Name); v.Again != 1 {
		t.Errorf("%d erasures were done again", v.Again)
	}
	a.sync(0)
	a.reopen(0)
	a.settled()
	a.sound(counted)
}
