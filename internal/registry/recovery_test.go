// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// opens is what opens a sheet: the words kept apart, or the trustee's passphrase.
func (s Sheet) opens() string {
	if s.Member {
		return ownWords(s.Trustee)
	}
	return s.Apart
}

func (s Sheet) share(t testing.TB) seal.Share {
	t.Helper()
	share, err := seal.ParseShare(strings.Join(s.Words, " "))
	if err != nil {
		t.Fatal(err)
	}
	return share
}

// gather gathers the shares of some sheets, for a register that is closed or open.
func (g *register) gather(sheets ...Sheet) *Gathering {
	g.t.Helper()
	got, err := Gather(g.dir, testOptions(g.clock))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, s := range sheets {
		if n, err := got.Add(s.share(g.t), s.opens()); err != nil || n != s.Number {
			g.t.Fatalf("share %d: %d, %v", s.Number, n, err)
		}
	}
	return got
}

// shares makes shares for two people without an account and one member.
func (g *register) shares() []Sheet {
	g.t.Helper()
	if !slices.ContainsFunc(g.members(), func(m access.Member) bool { return m.Name == "dina" }) {
		g.comes(g.session, NewInvitation{Name: "dina", Roles: []access.Role{access.Trustee}})
	}
	g.sessions.Prove(g.session)
	sheets, err := g.CreateShares(context.Background(), g.session, NewShares{Trustees: []string{"Бекзат, notary", "dina", "a lawyer in Prague"}, Need: 2, Replace: g.roll().shareSet() != nil})
	if err != nil {
		g.t.Fatal(err)
	}
	if len(sheets) != 3 || sheets[0].Member || !sheets[1].Member || sheets[1].Apart != "" || len(strings.Fields(sheets[2].Apart)) != 4 {
		g.t.Fatalf("%d sheets", len(sheets))
	}
	return sheets
}

var pairs = [][]int{{0, 1}, {1, 2}, {2, 0}, {0, 1, 2}}

// TestRecovery opens a register whose every passphrase is lost, with any two of
// three trustees. The new member can do what the first one could.
func TestRecovery(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	if v, err := g.Recovery(g.session); err != nil || v.Warning != RecoveryNone {
		t.Errorf("%+v, %v", v, err)
	}
	sheets := g.shares()
	if v, err := g.Recovery(g.session); err != nil || v.Warning != RecoveryNever || v.Need != 2 || v.Of != 3 || len(v.Trustees) != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	g.sound()
	g.verify()
	before := g.figures()
	for i, some := range pairs {
		var chosen []Sheet
		for _, n := range some {
			chosen = append(chosen, sheets[n])
		}
		// Not while somebody has it open.
		got := g.gather(chosen...)
		if _, _, _, err := got.Recover(ctx, Recovered{Name: "early", Lang: "ru"}); !errors.Is(err, ledger.ErrLocked) {
			t.Fatalf("recovered beside a running program: %v", err)
		}
		token := g.session.Token()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("recovered", i)
		reg, s, passphrase, err := g.gather(chosen...).Recover(ctx, Recovered{Name: name, Lang: "kk"})
		if err != nil {
			t.Fatal(err)
		}
		g.Registry, g.session = reg, s
		if _, ok := g.Session(token); ok {
			t.Error("a session of before is still open")
		}
		if g.figures() != before {
			t.Error("the figures changed")
		}
		view, err := g.Case(ctx, s, g.cases[0], Clock{})
		if err != nil || !strings.Contains(view.Row.Name, planted[0]) {
			t.Errorf("the recovered member can't read: %v", err)
		}
		put := Put{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-06-26"}}}
		if err := g.Write(ctx, s, g.cases[4], []Put{put}, nil, "", ""); err != nil {
			t.Errorf("the recovered member can't write: %v", err)
		}
		g.sound()
		g.verify()
		before = g.figures()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		// From then on their own passphrase starts the register; the entry stays.
		if g.Registry, g.session, err = Open(ctx, g.dir, Unlock{Passphrase: passphrase, Member: s.Member.ID}, testOptions(g.clock)); err != nil {
			t.Fatal(err)
		}
		records, err := g.index.Outside(ctx, recoveryKind, allKnown)
		if err != nil || len(records) != i+1 || records[i].Get("what") != actRecovery || records[i].Get("member") != s.Member.ID || records[i].Get("shares") != fmt.Sprint(len(some)) {
			t.Errorf("%d records of recoveries, %v", len(records), err)
		}
		g.anewWith(passphrase, s.Member.ID)
		if page, err := g.index.Audit(ctx, index.AuditQuery{Act: "recovered"}); err != nil || len(page.Lines) != i+1 || page.Lines[0].About != s.Member.ID || page.Lines[0].N != len(some) {
			t.Errorf("the audit has %+v, %v", page.Lines, err)
		}
		if v, err := g.Recovery(g.session); err != nil || v.Warning != "" || v.Shares != len(some) {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// anewWith opens the register with nothing but its ledger and its keys.
func (g *register) anewWith(passphrase, id string) {
	g.t.Helper()
	if err := g.Close(); err != nil {
		g.t.Fatal(err)
	}
	for _, file := range []string{"index.db", rightsFile, filepath.Join(keysDir, "index.key")} {
		if err := os.Remove(filepath.Join(g.dir, file)); err != nil {
			g.t.Fatal(err)
		}
	}
	reg, s, err := Open(context.Background(), g.dir, Unlock{Passphrase: passphrase, Member: id}, testOptions(g.clock))
	if err != nil {
		g.t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	g.verify()
}

// Fewer shares than needed, shares given twice, of another set, with wrong
// words: each is named at once, and nothing is opened or changed.
func TestRecoveryRefusals(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	sheets := g.shares()
	other := newRegister(t)
	strangers := other.shares()
	files := func() map[string][]byte {
		found := map[string][]byte{}
		for _, dir := range []string{g.dir, filepath.Join(g.dir, keysDir)} {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !e.IsDir() {
					b, err := os.ReadFile(filepath.Join(dir, e.Name()))
					if err != nil {
						t.Fatal(err)
					}
					found[e.Name()] = b
				}
			}
		}
		return found
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	before := files()
	got := g.gather(sheets[0])
	if _, _, _, err := got.Recover(ctx, Recovered{Name: "x", Lang: "ru"}); !errors.Is(err, ErrMoreShares) {
		t.Errorf("one share was enough: %v", err)
	}
	if _, err := got.Add(sheets[0].share(t), sheets[0].opens()); !errors.Is(err, ErrSameShare) {
		t.Errorf("the same share twice: %v", err)
	}
	for i, s := range sheets {
		if i == 0 {
			continue
		}
		if _, err := got.Add(s.share(t), "some other words here"); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("share %d", s.Number)) {
			t.Errorf("share %d with wrong words: %v", s.Number, err)
		}
	}
	if _, err := got.Add(sheets[2].share(t), sheets[0].opens()); !errors.Is(err, seal.ErrNotShare) {
		t.Errorf("the words of another share: %v", err)
	}
	if _, err := got.Add(strangers[1].share(t), strangers[1].opens()); !errors.Is(err, ErrOtherSet) {
		t.Errorf("a share of another register: %v", err)
	}
	if _, err := g.gather().Add(strangers[1].share(t), strangers[1].opens()); !errors.Is(err, ErrOldShare) {
		t.Errorf("a share of another register first: %v", err)
	}
	if have, need := got.Have(); have != 1 || need != 2 {
		t.Errorf("%d of %d shares", have, need)
	}
	if s := fmt.Sprintf("%v %+v", got, got); strings.Contains(s, "{") {
		t.Errorf("a gathering prints itself: %s", s)
	}
	if _, err := got.Add(sheets[1].share(t), sheets[1].opens()); err != nil {
		t.Fatal(err)
	}
	for _, who := range []Recovered{{Name: " ", Lang: "ru"}, {Name: "new", Lang: "ru", Passphrase: "password password"}} {
		if _, _, _, err := got.Recover(ctx, who); err == nil {
			t.Errorf("%+v was made", who)
		}
	}
	after := files()
	for name := range before {
		if !bytes.Equal(before[name], after[name]) {
			t.Errorf("%s was changed", name)
		}
	}
	// A name that is taken, said once the register is known to be right; then it still opens for members.
	if _, _, _, err := got.Recover(ctx, Recovered{Name: "Aigerim", Lang: "ru"}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("a name that is taken: %v", err)
	}
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	g.sound()
	g.verify()
}

// TestOldSharesAfterReplaceRegression: shares that were replaced open nothing,
// neither alone nor with new ones, not even where the files of their set are
// put back.
func TestOldSharesAfterReplaceRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	old := g.shares()
	set := g.roll().shareSet().set()
	kept := map[string][]byte{}
	for _, file := range []string{recoveryFile(set, ".key"), recoveryFile(set, ".set"), nodeKeyFile} {
		b, err := os.ReadFile(filepath.Join(g.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		kept[file] = b
	}
	fresh := g.shares()
	g.sound()
	id := seal.IDOf(g.roll().ShareSets[0].SignKey)
	if slices.Contains(g.starters(), ledger.ID(id).String()) {
		t.Error("the old recovery identity still opens the node")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.gather().Add(old[0].share(t), old[0].opens()); !errors.Is(err, ErrOldShare) {
		t.Errorf("an old share: %v", err)
	}
	if _, err := g.gather(fresh[0]).Add(old[1].share(t), old[1].opens()); !errors.Is(err, ErrOtherSet) {
		t.Errorf("an old share with a new one: %v", err)
	}
	// The old set's files put back: they open no node.
	for _, file := range []string{recoveryFile(set, ".key"), recoveryFile(set, ".set")} {
		if err := os.WriteFile(filepath.Join(g.dir, file), kept[file], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := g.gather(old[0], old[1]).Recover(ctx, Recovered{Name: "x", Lang: "ru"}); !errors.Is(err, ErrNodeFile) {
		t.Errorf("old shares with their files put back: %v", err)
	}
	// The node's old key file, too: the ledger knows that they were replaced.
	now, err := os.ReadFile(filepath.Join(g.dir, nodeKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, nodeKeyFile), kept[nodeKeyFile], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := g.gather(old[0], old[2]).Recover(ctx, Recovered{Name: "x", Lang: "ru"}); !errors.Is(err, ErrOldShare) {
		t.Errorf("old shares with all their files put back: %v", err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, nodeKeyFile), now, 0o600); err != nil {
		t.Fatal(err)
	}
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase, Member: g.session.Member.ID}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	g.sound() // what was put back is taken away
	if _, err := g.Rehearse(ctx, s, g.gather(fresh[0], fresh[1])); err != nil {
		t.Error(err)
	}
}

// What lies in the files beside the shares is not believed.
func TestRecoveryFilesAltered(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	sheets := g.shares()
	set := g.roll().shareSet().set()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	path := func(file string) string { return filepath.Join(g.dir, file) }
	read := func(file string) []byte {
		b, err := os.ReadFile(path(file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	altered := func(what string, file string, b []byte, want error) {
		t.Helper()
		was := read(file)
		if err := os.WriteFile(path(file), b, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(path(file), was, 0o600)
		got, err := Gather(g.dir, testOptions(g.clock))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sheets[:2] {
			if _, err = got.Add(s.share(t), s.opens()); err != nil {
				break
			}
		}
		if err == nil {
			_, _, _, err = got.Recover(ctx, Recovered{Name: "x", Lang: "ru"})
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A node of somebody else, with a slot for the recovery identity, whose public half everyone knows.
	node, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	locked, opened, err := seal.Lock(node, "node")
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.DecodeLocked(read(recoveryFile(set, ".key")))
	if err != nil {
		t.Fatal(err)
	}
	if err := locked.AddIdentity(opened, key.Public()); err != nil {
		t.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	altered("another node", nodeKeyFile, b, ErrNodeFile)
	vault, err := seal.NewVault().Seal(node)
	if err != nil {
		t.Fatal(err)
	}
	was := read(nodeVault)
	if err := os.WriteFile(path(nodeVault), vault, 0o600); err != nil {
		t.Fatal(err)
	}
	altered("another node and its vault", nodeKeyFile, b, ErrNodeFile)
	if err := os.WriteFile(path(nodeVault), was, 0o600); err != nil {
		t.Fatal(err)
	}
	// Another recovery identity under the name of this one.
	stranger, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := seal.LockKey(stranger, "recovery", seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	if b, err = other.Encode(); err != nil {
		t.Fatal(err)
	}
	altered("another recovery identity", recoveryFile(set, ".key"), b, ErrShareSet)
	// What is kept of the shares: each part of it changed.
	for what, change := range map[string]func(f *shareSetFile){
		"fewer needed":      func(f *shareSetFile) { f.Need = 1 },
		"more needed":       func(f *shareSetFile) { f.Need = 3 },
		"another node":      func(f *shareSetFile) { f.Node[0] ^= 1 },
		"another check":     func(f *shareSetFile) { f.Shares[0].Check[0] ^= 1 },
		"less work":         func(f *shareSetFile) { f.Shares[0].Work.Passes = 1; f.Shares[0].Work.MemoryKiB = 9 },
		"a share fewer":     func(f *shareSetFile) { f.Shares = f.Shares[:2] },
		"another member":    func(f *shareSetFile) { f.Shares[1].Member[0] ^= 1 },
		"another signature": func(f *shareSetFile) { f.Signature[0] ^= 1 },
		"another format":    func(f *shareSetFile) { f.Format = "kua share set 2" },
		"another identity":  func(f *shareSetFile) { f.Public = stranger.Public() },
	} {
		var f shareSetFile
		if err := json.Unmarshal(read(recoveryFile(set, ".set")), &f); err != nil {
			t.Fatal(err)
		}
		change(&f)
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		altered(what, recoveryFile(set, ".set"), b, ErrShareSet)
	}
	altered("cut off", recoveryFile(set, ".set"), read(recoveryFile(set, ".set"))[:100], ErrShareSet)
}

// A recovery does not go on from an older ledger than the head file has seen.
func TestRecoveryOfARolledBackLedger(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	sheets := g.shares()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(g.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase, Member: g.session.Member.ID}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	put := Put{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-06-26"}}}
	if err := g.Write(ctx, s, g.cases[0], []Put{put}, nil, "", ""); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "ledger.db"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := g.gather(sheets[1], sheets[2]).Recover(ctx, Recovered{Name: "x", Lang: "ru"}); !errors.Is(err, ledger.ErrRolledBack) {
		t.Errorf("recovered from an older ledger: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(g.dir, keysDir))
	if err != nil {
		t.Fatal(err)
	}
	members := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "member-") {
			members++
		}
	}
	if members != 2 {
		t.Errorf("%d key files of members", members)
	}
}

// TestRehearsal: it is written down, by whom, by how many; nothing is opened to
// anybody; without the trustees it is not one.
func TestRehearsal(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	sheets := g.shares()
	roll := len(g.roll().Members)
	starters := g.starters()
	if _, err := g.Rehearse(ctx, g.session, g.gather(sheets[0])); !errors.Is(err, ErrMoreShares) {
		t.Errorf("rehearsed with one share: %v", err)
	}
	worker := g.comes(g.session, NewInvitation{Name: "worker", Orgs: []string{g.org("North")}, Roles: []access.Role{access.CaseWorker}})
	if _, err := g.Rehearse(ctx, worker, g.gather(sheets[0], sheets[1])); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a case worker rehearsed: %v", err)
	}
	if v, err := g.Recovery(worker); err != nil || v.Warning != RecoveryNever || v.Trustees != nil {
		t.Errorf("a case worker sees %+v, %v", v, err)
	}
	g.clock.t = g.clock.t.AddDate(0, 0, 1)
	dina := g.signIn("dina")
	found, err := g.Rehearse(ctx, dina, g.gather(sheets[0], sheets[1], sheets[2]))
	if err != nil || found != (Rehearsal{Shares: 3, Need: 2, Orgs: 2}) {
		t.Fatalf("%+v, %v", found, err)
	}
	if len(g.roll().Members) != roll+1 || !slices.Equal(starters, g.starters()) {
		t.Error("a rehearsal let somebody in")
	}
	g.session = g.signIn("aigerim")
	v, err := g.Recovery(g.session)
	if err != nil || v.Warning != "" || v.Shares != 3 || !v.Rehearsed.Equal(g.last) {
		t.Errorf("%+v, %v", v, err)
	}
	g.sound()
	g.verify()
	g.anew()
	g.clock.t = g.clock.t.Add(RehearseEvery + 2*24*time.Hour)
	g.reopen()
	if v, err := g.Recovery(g.session); err != nil || v.Warning != RecoveryOld {
		t.Errorf("a year later: %+v, %v", v, err)
	}
	// A trustee who has left leaves too few.
	if err := g.EndMember(ctx, g.session, g.memberID("dina")); err != nil {
		t.Fatal(err)
	}
	if v, err := g.Recovery(g.session); err != nil || v.Warning != RecoveryLeft {
		t.Errorf("a trustee has left: %+v, %v", v, err)
	}
	// Nobody writes by hand that there was a rehearsal.
	put := Put{Record: ledger.NewID().String(), Kind: recoveryKind, Fields: casefile.Fields{
		"what": {actRehearsal}, "date": {"2022-06-26"}, "set": {g.roll().shareSet().ID}, "shares": {"3"},
	}}
	if _, err := g.PutOutside(ctx, g.session, "by hand", []Put{put}); err == nil {
		t.Error("a rehearsal was written by hand")
	}
}

// Who may make shares, of whom, how many.
func TestCreateShares(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	worker := g.comes(g.session, NewInvitation{Name: "worker", Orgs: []string{g.org("North")}, Roles: []access.Role{access.CaseWorker}})
	admin := g.comes(g.session, NewInvitation{Name: "admin", Roles: []access.Role{access.Administrator}})
	good := NewShares{Trustees: []string{"one", "two", "three"}, Need: 2}
	for what, c := range map[string]struct {
		s    *access.Session
		n    NewShares
		want error
	}{
		"a case worker":                        {worker, good, ErrNotAllowed},
		"who may not start it":                 {admin, good, ErrStarter},
		"one needed":                           {g.session, NewShares{Trustees: []string{"one", "two"}, Need: 1}, ErrShares},
		"more needed than there are":           {g.session, NewShares{Trustees: []string{"one", "two"}, Need: 3}, ErrShares},
		"replaced, with none there":            {g.session, NewShares{Trustees: good.Trustees, Need: 2, Replace: true}, ErrNoShares},
		"nobody":                               {g.session, NewShares{Trustees: nil, Need: 2}, ErrShares},
		"the same twice":                       {g.session, NewShares{Trustees: []string{"one", " ONE "}, Need: 2}, ErrShares},
		"too many":                             {g.session, NewShares{Trustees: strings.Split(strings.Repeat("x,y,z,", 9), ","), Need: 2}, ErrShares},
		"a member who is no trustee":           {g.session, NewShares{Trustees: []string{"worker", "two"}, Need: 2}, ErrTrustee},
		"a member who is none, by their id":    {g.session, NewShares{Trustees: []string{worker.Member.ID, "two"}, Need: 2}, ErrTrustee},
		"a name that is longer than a name is": {g.session, NewShares{Trustees: []string{strings.Repeat("ж", 81), "two"}, Need: 2}, ErrShares},
	} {
		if _, err := g.CreateShares(ctx, c.s, c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	g.sound()
	g.clock.t = g.clock.t.Add(access.ProofLimit + time.Second)
	if _, err := g.CreateShares(ctx, g.session, good); !errors.Is(err, ErrProof) {
		t.Errorf("without fresh proof: %v", err)
	}
	g.sessions.Prove(g.session)
	sheets := g.shares()
	if _, err := g.CreateShares(ctx, g.session, good); !errors.Is(err, ErrSharesThere) {
		t.Errorf("made a second time: %v", err)
	}
	// No share, nor what opens it, nor a trustee's name is in any file.
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(g.dir, keysDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(g.dir, keysDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sheets {
			for _, secret := range []string{s.Text, s.Apart, strings.Join(s.Words[:4], " "), s.Trustee} {
				if secret != "" && bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s holds %q", e.Name(), secret)
				}
			}
		}
	}
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase, Member: g.session.Member.ID}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	g.sound()
}

// Organisations that the one who made the shares does not open, and those that
// come later, are open to the recovery, too, as soon as one of theirs signs in.
func TestRecoveryOpensLaterOrganisations(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	east, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "East", Counts: true, ForOthers: true})
	if err != nil {
		t.Fatal(err)
	}
	g.comes(g.session, NewInvitation{Name: "east", Orgs: []string{east.ID}, Roles: []access.Role{access.CaseWorker}})
	sheets := g.shares()
	g.sessions.Prove(g.session)
	if _, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "West", Counts: true}); err != nil {
		t.Fatal(err)
	}
	if found, err := g.Rehearse(ctx, g.session, g.gather(sheets[0], sheets[1])); err != nil || found.Orgs != 3 || found.Closed != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	g.signIn("east")
	if found, err := g.Rehearse(ctx, g.session, g.gather(sheets[0], sheets[1])); err != nil || found.Orgs != 4 || found.Closed != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	g.sound()
	// An invitation that ended leaves no organisation that only the recovery opens.
	south, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "Far", Counts: true, ForOthers: true})
	if err != nil {
		t.Fatal(err)
	}
	g.sessions.Prove(g.session)
	_, v, err := g.Invite(ctx, g.session, NewInvitation{Name: "far", Lang: "ru", Orgs: []string{south.ID}, Roles: []access.Role{access.CaseWorker}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.TakeBack(ctx, g.session, v.ID); err != nil {
		t.Fatal(err)
	}
	g.sound()
	g.comes(g.session, NewInvitation{Name: "far", Orgs: []string{south.ID}, Roles: []access.Role{access.CaseWorker}})
	g.sound()
}

// TestSharesInterrupted ends the program at each step of making and replacing
// shares, and of a recovery: the key files then say what the ledger says, and
// one set works.
func TestSharesInterrupted(t *testing.T) {
	ctx := context.Background()
	for n := 0; ; n++ {
		g := newRegister(t)
		old := g.shares()
		var fresh []Sheet
		more := g.kill(n, func() (err error) {
			fresh, err = g.CreateShares(ctx, g.session, NewShares{Trustees: []string{"one", "two"}, Need: 2, Replace: true})
			return err
		})
		g.sound()
		g.verify()
		right, wrong := old, fresh
		if len(g.roll().ShareSets) == 2 {
			right, wrong = fresh, old
		}
		if right != nil { // else the sheets were lost with the program: what was made is replaced
			if _, err := g.Rehearse(ctx, g.session, g.gather(right[0], right[1])); err != nil {
				t.Fatalf("interrupted before step %d: %v", n, err)
			}
		}
		if wrong != nil {
			if _, err := g.gather().Add(wrong[0].share(t), wrong[0].opens()); !errors.Is(err, ErrOldShare) {
				t.Fatalf("interrupted before step %d: %v", n, err)
			}
		}
		if !more {
			break
		}
	}
	for n := 0; ; n++ {
		g := newRegister(t)
		sheets := g.shares()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		got := g.gather(sheets[0], sheets[2])
		was := func() (was bool) {
			defer func() {
				if p := recover(); p != nil {
					if _, ok := p.(killed); !ok {
						panic(p)
					}
					was = true
				}
			}()
			left := n
			got.r.before = func(string) {
				if left--; left < 0 {
					panic(killed{})
				}
			}
			reg, _, _, err := got.Recover(ctx, Recovered{Name: "new", Lang: "ru"})
			if err != nil {
				t.Fatal(err)
			}
			reg.before = nil
			g.Registry = reg
			return false
		}()
		got.r.before = nil
		if err := got.r.Close(); err != nil {
			t.Fatal(err)
		}
		reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase, Member: g.session.Member.ID}, testOptions(g.clock))
		if err != nil {
			t.Fatal(err)
		}
		g.Registry, g.session = reg, s
		g.sound()
		g.verify()
		if t.Failed() {
			t.Fatalf("interrupted before step %d", n)
		}
		if !was {
			break
		}
	}
}

// A member whom no recovery made is not let in by a record that says so.
func TestForgedRecovery(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	g.shares()
	set := g.roll().shareSet()
	thief, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		signer *seal.Identity
		set    string
		roles  []string
	}{
		"signed by themself":   {thief, set.ID, []string{"coordinator", "case_worker", "administrator"}},
		"signed by the node":   {g.node, set.ID, []string{"coordinator", "case_worker", "administrator"}},
		"signed by a member":   {g.session.Keys.Identity, set.ID, []string{"coordinator", "case_worker", "administrator"}},
		"of a set that is not": {thief, g.session.Member.ID, []string{"administrator"}},
	} {
		id, err := seal.NewIdentity()
		if err != nil {
			t.Fatal(err)
		}
		if c.signer == thief {
			c.signer = id
		}
		me := ledger.ID(id.ID()).String()
		author := &access.Session{Member: access.Member{ID: me}, Keys: &access.Keys{Identity: id, Vaults: map[string]*seal.Vault{}}}
		locked, err := seal.LockPassphrase(id, "member", "x", seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.writeLocked(memberFile(id.ID()), locked); err != nil {
			t.Fatal(err)
		}
		fields := casefile.Fields{
			"name": {"thief"}, "lang": {"ru"}, "roles": c.roles, "sign_key": {hex.EncodeToString(id.Public().Signing())},
			"recovery": {c.set}, "proof": {hex.EncodeToString(c.signer.Sign(recoverText(g.log.ID(), id.Public().Signing())))},
		}
		g.writing.Lock()
		_ = g.write(ctx, author, []act{{stream: me, puts: []Put{{Record: me, Kind: memberKind, Fields: fields}}, source: "forged"}})
		g.writing.Unlock()
		if g.roll().member(me) != nil {
			t.Errorf("%s: let in", what)
		}
	}
}
