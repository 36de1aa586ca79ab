// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// org is the id of an organisation by its name.
func (g *register) org(name string) string {
	g.t.Helper()
	o, ok := g.Organisation(context.Background(), name)
	if !ok {
		g.t.Fatalf("there is no organisation %s", name)
	}
	return o.ID
}

func (g *register) invite(s *access.Session, n NewInvitation) access.Code {
	g.t.Helper()
	if n.Lang == "" {
		n.Lang = "ru"
	}
	code, _, err := g.Invite(context.Background(), s, n)
	if err != nil {
		g.t.Fatal(err)
	}
	return code
}

// ownWords are what invented members choose as their passphrase.
func ownWords(name string) string { return "plenty of unsuspicious gravel for " + name }

// comes invites somebody, accepts for them and signs them in.
func (g *register) comes(s *access.Session, n NewInvitation) *access.Session {
	g.t.Helper()
	ctx := context.Background()
	if _, _, err := g.Accept(ctx, g.invite(s, n), Acceptance{Passphrase: ownWords(n.Name)}); err != nil {
		g.t.Fatal(err)
	}
	return g.signIn(n.Name)
}

func (g *register) signIn(name string) *access.Session {
	g.t.Helper()
	words := ownWords(name)
	if name == "aigerim" {
		words = testPassphrase
	}
	s, err := g.SignIn(context.Background(), name, words)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	return s
}

// sound holds that the key files say what the ledger says: they are open to
// those who belong to them, and to nobody else.
func (g *register) sound() {
	g.t.Helper()
	ro := g.roll()
	may := map[string][]string{} // key file → the ids of those to whom it is open
	for _, m := range ro.Members {
		if !m.Left {
			for _, org := range m.Orgs {
				may[orgFile(org, ".key")] = append(may[orgFile(org, ".key")], m.ID)
			}
		}
	}
	invited := map[string]bool{}
	for _, v := range ro.Invitations {
		if v.Open(g.now()) {
			id := ledger.ID(seal.IDOf(v.SignKey)).String()
			for _, org := range v.Orgs {
				may[orgFile(org, ".key")] = append(may[orgFile(org, ".key")], id)
			}
			if v.Starts {
				may[nodeKeyFile] = append(may[nodeKeyFile], id)
			}
			invited["invite-"+v.ID+".key"] = true
		}
	}
	files, err := g.keyFiles()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, file := range files {
		locked, err := g.readLocked(file)
		if err != nil {
			g.t.Fatal(err)
		}
		var ids []string
		for _, id := range locked.Identities() {
			ids = append(ids, ledger.ID(id).String())
		}
		if set := ro.shareSet(); set != nil { // of the organisations, those it opens of whom somebody has signed in since
			if file == nodeKeyFile && !slices.Contains(ids, set.ID) {
				g.t.Error("the recovery can't start the register")
			}
			ids = slices.DeleteFunc(ids, func(id string) bool { return id == set.ID })
		}
		if file == nodeKeyFile { // who of the members may start it is known by the file alone
			may[file] = append(may[file], slices.DeleteFunc(slices.Clone(ids), func(id string) bool { m := ro.member(id); return m == nil || m.Left })...)
		}
		if !sameSet(ids, may[file]) {
			g.t.Errorf("%s is open to %v, and should be to %v", file, ids, may[file])
		}
		delete(may, file)
	}
	if len(may) > 0 {
		g.t.Errorf("these key files are not there: %v", may)
	}
	entries, err := os.ReadDir(filepath.Join(g.dir, keysDir))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, e := range entries {
		member, isMember := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".key"), "member-")
		if set := ro.shareSet(); strings.HasPrefix(e.Name(), "recovery-") && (set == nil || !strings.HasPrefix(e.Name(), "recovery-"+set.ID[:16])) {
			g.t.Errorf("%s was left behind", e.Name())
		}
		switch {
		case strings.HasPrefix(e.Name(), unfinished), isMember && ro.member(member) == nil,
			strings.HasPrefix(e.Name(), "invite-") && !invited[e.Name()]:
			g.t.Errorf("%s was left behind", e.Name())
		}
		delete(invited, e.Name())
	}
	if len(invited) > 0 {
		g.t.Errorf("these invitations can be accepted and have no key file: %v", invited)
	}
	if !slices.ContainsFunc(ro.Members, func(m *MemberView) bool { return m.administers() }) {
		g.t.Error("there is no administrator")
	}
}

func TestInviteAcceptSignIn(t *testing.T) {
	ctx := context.Background()
	for _, again := range []bool{false, true} { // with the register opened anew between all steps, too
		g := newRegister(t)
		between := func() {
			t.Helper()
			if again {
				g.reopen()
			}
			g.sound()
		}
		code, v, err := g.Invite(ctx, g.session, NewInvitation{Name: " Dina   S. ", Lang: "ru", Orgs: []string{g.org("North")}, Roles: []access.Role{access.CaseWorker}, Starts: true})
		if err != nil || v.Name != "Dina S." || v.Ends != g.clock.t.Add(InvitationLasts) {
			t.Fatalf("%+v, %v", v, err)
		}
		between()
		if seen, err := g.Invitation(ctx, code); err != nil || seen.Name != "Dina S." || seen.By != g.session.Member.ID || !seen.Starts {
			t.Errorf("%+v, %v", seen, err)
		}
		if _, open, err := g.Members(ctx, g.session); err != nil || len(open) != 1 {
			t.Errorf("%d invitations wait, %v", len(open), err)
		}
		m, passphrase, err := g.Accept(ctx, code, Acceptance{Lang: "kk"})
		if err != nil || len(strings.Fields(passphrase)) < 6 || m.Lang != "kk" {
			t.Fatalf("%+v %v", m, err)
		}
		between()
		_, err = g.SignIn(ctx, "dina s.", strings.ToUpper(passphrase[:1])+passphrase[1:])
		if err == nil {
			t.Error("another passphrase signs in")
		}
		s, err := g.SignIn(ctx, "dina s.", passphrase)
		if err != nil {
			t.Fatal(err)
		}
		page, err := g.Cases(ctx, s, Query{Limit: 50})
		if err != nil || page.Total != 3 {
			t.Errorf("a case worker of the north sees %d cases, %v", page.Total, err)
		}
		if _, _, err := g.Members(ctx, s); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("a case worker sees the members: %v", err)
		}
		between()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		other, s, err := Open(ctx, g.dir, Unlock{Passphrase: passphrase, Member: m.ID}, testOptions(g.clock)) // they may start it
		if err != nil {
			t.Fatal(err)
		}
		g.Registry = other
		if _, ok := s.Keys.Vaults[g.org("North")]; !ok || len(s.Keys.Vaults) != 1 {
			t.Errorf("%d vaults are open to them", len(s.Keys.Vaults))
		}
		g.verify()
	}
}

// over tries a code that must open nothing any more.
func (g *register) over(why string, code access.Code) {
	g.t.Helper()
	ctx := context.Background()
	if _, err := g.Invitation(ctx, code); !errors.Is(err, ErrInvitation) {
		g.t.Errorf("%s: %v", why, err)
	}
	before := g.index.Counted()
	if m, _, err := g.Accept(ctx, code, Acceptance{}); !errors.Is(err, ErrInvitation) {
		g.t.Errorf("%s: accepted as %v, %v", why, m, err)
	}
	if g.index.Counted() != before {
		g.t.Errorf("%s: something was written", why)
	}
}

func TestInvitationOver(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	north := []string{g.org("North")}
	as := func(name string) NewInvitation {
		return NewInvitation{Name: name, Orgs: north, Roles: []access.Role{access.Lawyer}, Starts: true}
	}
	used := g.invite(g.session, as("used"))
	back := g.invite(g.session, as("back"))
	late := g.invite(g.session, as("late"))
	keys, err := os.ReadFile(filepath.Join(g.dir, inviteFile(back.Name())))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Accept(ctx, used, Acceptance{Passphrase: ownWords("used")}); err != nil {
		t.Fatal(err)
	}
	if err := g.TakeBack(ctx, g.session, ledger.ID(back.Name()).String()); err != nil {
		t.Fatal(err)
	}
	if err := g.TakeBack(ctx, g.session, ledger.ID(back.Name()).String()); !errors.Is(err, ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}
	for range 2 {
		g.over("used", used)
		g.over("taken back", back)
		g.over("wrong", access.NewCode())
		g.sound()
		g.reopen()
	}
	// Its key file put back opens nothing either.
	if err := os.WriteFile(filepath.Join(g.dir, inviteFile(back.Name())), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	g.over("taken back, its file put back", back)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenInvited(ctx, g.dir, back, testOptions(g.clock)); !errors.Is(err, ErrNotStarted) && !errors.Is(err, ErrInvitation) {
		t.Errorf("a code that was taken back starts the register: %v", err)
	}
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	g.sound()

	g.clock.t = g.clock.t.Add(InvitationLasts)
	if _, err := g.Invitation(ctx, late); err != nil {
		t.Errorf("it ends before its end: %v", err)
	}
	g.clock.t = g.clock.t.Add(time.Second)
	g.over("ended", late)
	g.session = g.signIn("aigerim")
	if _, open, err := g.Members(ctx, g.session); err != nil || len(open) != 0 {
		t.Errorf("%d invitations wait, %v", len(open), err)
	}
	g.reopen()
	g.over("ended", late)
	g.sound()
	g.comes(g.session, as("late")) // the name is free again
	// A clock set back does not bring it back: its keys are gone.
	g.clock.t = g.clock.t.Add(-2 * time.Second)
	if _, _, err := g.Accept(ctx, late, Acceptance{}); err == nil {
		t.Error("accepted after the clock was set back")
	}
}

func TestTwoAcceptAtOnce(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	code := g.invite(g.session, NewInvitation{Name: "dina", Orgs: []string{g.org("North")}, Roles: []access.Role{access.Lawyer}})
	var all sync.WaitGroup
	passphrases := make([]string, 6)
	for i := range passphrases {
		all.Go(func() {
			_, made, err := g.Accept(ctx, code, Acceptance{})
			if err == nil {
				passphrases[i] = made
			} else if !errors.Is(err, ErrInvitation) {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	won := slices.DeleteFunc(passphrases, func(p string) bool { return p == "" })
	if len(won) != 1 {
		t.Fatalf("%d accepted", len(won))
	}
	for range 2 {
		if _, err := g.SignIn(ctx, "dina", won[0]); err != nil {
			t.Error(err)
		}
		if n := len(g.roll().Members); n != 2 {
			t.Errorf("%d members", n)
		}
		g.sound()
		g.reopen()
	}
}

func TestAcceptRefusesWeakPassphrases(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	code := g.invite(g.session, NewInvitation{Name: "Saltanat", Orgs: []string{g.org("North")}, Roles: []access.Role{access.Lawyer}})
	for words, why := range map[string]string{"short": access.TooShort, "saltanat north saltanat 2022": access.TooCommon, "password password password": access.TooCommon} {
		var weak *access.WeakError
		if _, _, err := g.Accept(ctx, code, Acceptance{Passphrase: words}); !errors.As(err, &weak) || weak.Why != why {
			t.Errorf("%q: %v", words, err)
		}
	}
	if _, _, err := g.Accept(ctx, code, Acceptance{Lang: "xx"}); !errors.Is(err, ErrLanguage) {
		t.Errorf("a language that there is not: %v", err)
	}
	g.sound()
	if _, _, err := g.Accept(ctx, code, Acceptance{Passphrase: ownWords("Saltanat")}); err != nil {
		t.Errorf("after wrong ones it can't be accepted any more: %v", err)
	}
}

func TestInviteRefuses(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	good := NewInvitation{Name: "dina", Lang: "ru", Orgs: []string{g.org("North")}, Roles: []access.Role{access.Lawyer}}
	g.invite(g.session, good)
	for why, tt := range map[string]struct {
		change func(*NewInvitation)
		want   error
	}{
		"no name":                      {func(n *NewInvitation) { n.Name = " \t" }, ErrName},
		"a long name":                  {func(n *NewInvitation) { n.Name = strings.Repeat("ә", 81) }, ErrName},
		"a name that was promised":     {func(n *NewInvitation) { n.Name = "DINA" }, ErrNameTaken},
		"a member's name":              {func(n *NewInvitation) { n.Name = "Aigerim" }, ErrNameTaken},
		"no role":                      {func(n *NewInvitation) { n.Roles = nil }, ErrRole},
		"a role that there is not":     {func(n *NewInvitation) { n.Roles = []access.Role{"king"} }, ErrRole},
		"a language that there is not": {func(n *NewInvitation) { n.Lang = "xx" }, ErrLanguage},
		"an organisation there is not": {func(n *NewInvitation) { n.Orgs = []string{ledger.NewID().String()} }, ErrGive},
		"a path for an organisation":   {func(n *NewInvitation) { n.Orgs = []string{"../node"} }, ErrGive},
	} {
		n := good
		n.Name = "new"
		tt.change(&n)
		before := g.index.Counted()
		if _, _, err := g.Invite(ctx, g.session, n); !errors.Is(err, tt.want) || g.index.Counted() != before {
			t.Errorf("%s: %v", why, err)
		}
	}
	for i := range maxInvitations {
		n := NewInvitation{Name: fmt.Sprint("new ", i), Lang: "kk", Roles: []access.Role{access.Trustee}}
		_, _, err := g.Invite(ctx, g.session, n)
		if want := i == maxInvitations-1; errors.Is(err, ErrTooManyInvitations) != want || !want && err != nil {
			t.Fatalf("invitation %d: %v", i+2, err)
		}
	}
	g.sound()
}

// At a desk a code opens the register, if it may start it.
func TestOpenInvited(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	starts := g.invite(g.session, NewInvitation{Name: "starts", Orgs: []string{g.org("South")}, Roles: []access.Role{access.Lawyer}, Starts: true})
	other := g.invite(g.session, NewInvitation{Name: "other", Orgs: []string{g.org("South")}, Roles: []access.Role{access.Lawyer}})
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenInvited(ctx, g.dir, other, testOptions(g.clock)); !errors.Is(err, ErrNotStarted) {
		t.Errorf("%v", err)
	}
	if _, err := OpenInvited(ctx, g.dir, access.NewCode(), testOptions(g.clock)); !errors.Is(err, ErrInvitation) {
		t.Errorf("%v", err)
	}
	reg, err := OpenInvited(ctx, g.dir, starts, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	m, passphrase, err := reg.Accept(ctx, starts, Acceptance{})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Close(); err != nil {
		t.Fatal(err)
	}
	if reg, _, err = Open(ctx, g.dir, Unlock{Passphrase: passphrase, Member: m.ID}, testOptions(g.clock)); err != nil {
		t.Fatal(err)
	}
	g.Registry = reg
	g.sound()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenInvited(ctx, g.dir, starts, testOptions(g.clock)); !errors.Is(err, ErrInvitation) {
		t.Errorf("a code that was used starts the register: %v", err)
	}
}

// killed is what ends the program in the middle.
type killed struct{}

// kill runs an act and ends the program before its n-th change of a key file,
// then opens the register anew. It answers false where the act had ended before.
func (g *register) kill(n int, act func() error) (was bool) { return g.killAs("aigerim", n, act) }

func (g *register) killAs(opener string, n int, act func() error) (was bool) {
	g.t.Helper()
	func() {
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(killed); !ok {
					panic(p)
				}
				was = true
			}
		}()
		g.before = func(string) {
			if n--; n < 0 {
				panic(killed{})
			}
		}
		if err := act(); err != nil {
			g.t.Fatal(err)
		}
	}()
	g.before = nil
	if err := os.WriteFile(filepath.Join(g.dir, keysDir, unfinished+"1"), []byte("half a key file"), 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.reopenAs(opener)
	return was
}

// TestInterrupted ends the program in the middle of each act that changes key
// files, at each step. At the next opening the key files say what the ledger
// says, and the act can be done again or is done.
func TestInterrupted(t *testing.T) {
	ctx := context.Background()
	steps := 0
	each := func(name string, run func(t *testing.T, g *register, n int) bool) {
		t.Run(name, func(t *testing.T) {
			for n := 0; ; n++ {
				g := emptyRegister(t)
				steps++
				more := run(t, g, n)
				g.sound()
				g.verify()
				if t.Failed() {
					t.Fatalf("interrupted before step %d", n)
				}
				if !more {
					return
				}
			}
		})
	}
	both := func(g *register) []string { return []string{g.org("North"), g.org("South")} }
	each("invite", func(t *testing.T, g *register, n int) bool {
		as := NewInvitation{Name: "dina", Lang: "ru", Orgs: both(g), Roles: []access.Role{access.Lawyer}, Starts: true}
		was := g.kill(n, func() error {
			_, _, err := g.Invite(ctx, g.session, as)
			return err
		})
		if was {
			g.comes(g.session, as)
		}
		return was
	})
	each("accept", func(t *testing.T, g *register, n int) bool {
		code := g.invite(g.session, NewInvitation{Name: "dina", Orgs: both(g), Roles: []access.Role{access.Lawyer}, Starts: true})
		was := g.kill(n, func() error {
			_, _, err := g.Accept(ctx, code, Acceptance{Passphrase: ownWords("dina")})
			return err
		})
		if len(g.roll().Members) == 1 {
			if _, _, err := g.Accept(ctx, code, Acceptance{Passphrase: ownWords("dina")}); err != nil {
				t.Error(err)
			}
		}
		if s := g.signIn("dina"); len(s.Keys.Vaults) != 2 {
			t.Errorf("%d vaults are open to them", len(s.Keys.Vaults))
		}
		return was
	})
	each("take back", func(t *testing.T, g *register, n int) bool {
		code := g.invite(g.session, NewInvitation{Name: "dina", Orgs: both(g), Roles: []access.Role{access.Lawyer}, Starts: true})
		was := g.kill(n, func() error { return g.TakeBack(ctx, g.session, ledger.ID(code.Name()).String()) })
		g.over("taken back", code)
		return was
	})
	each("end", func(t *testing.T, g *register, n int) bool {
		as := NewInvitation{Name: "dina", Orgs: both(g), Roles: []access.Role{access.Administrator, access.CaseWorker}, Starts: true}
		dina := g.comes(g.session, as)
		code := g.invite(dina, NewInvitation{Name: "friend", Orgs: both(g), Roles: []access.Role{access.Lawyer}})
		was := g.kill(n, func() error { return g.EndMember(ctx, g.session, dina.Member.ID) })
		if m := g.roll().member(dina.Member.ID); !m.Left {
			t.Errorf("she has not left: nothing but the ledger's entry comes before the key files are changed")
		}
		g.over("whoever invited has left", code)
		return was
	})
	each("end whoever made the register", func(t *testing.T, g *register, n int) bool {
		as := NewInvitation{Name: "dina", Orgs: both(g), Roles: []access.Role{access.Administrator, access.CaseWorker}, Starts: true}
		dina, first := g.comes(g.session, as), g.session.Member.ID
		was := g.killAs("dina", n, func() error { return g.EndMember(ctx, dina, first) })
		if !g.roll().member(first).Left {
			if n > 0 {
				t.Error("whoever made the register has not left")
			}
			if err := g.EndMember(ctx, g.session, first); err != nil {
				t.Error(err)
			}
		}
		return was
	})
	each("let in", func(t *testing.T, g *register, n int) bool {
		dina := g.comes(g.session, NewInvitation{Name: "dina", Orgs: both(g)[:1], Roles: []access.Role{access.Lawyer}})
		was := g.kill(n, func() error { return g.LetIn(ctx, g.session, g.org("South"), dina.Member.ID) })
		if was {
			if err := g.LetIn(ctx, g.session, g.org("South"), dina.Member.ID); err != nil {
				t.Error(err)
			}
		}
		if s := g.signIn("dina"); len(s.Keys.Vaults) != 2 {
			t.Errorf("%d vaults are open to them", len(s.Keys.Vaults))
		}
		return was
	})
	each("let out", func(t *testing.T, g *register, n int) bool {
		dina := g.comes(g.session, NewInvitation{Name: "dina", Orgs: both(g), Roles: []access.Role{access.Lawyer}})
		was := g.kill(n, func() error { return g.LetOut(ctx, g.session, g.org("South"), dina.Member.ID) })
		if s := g.signIn("dina"); len(s.Keys.Vaults) != 1 {
			t.Errorf("%d vaults are open to them", len(s.Keys.Vaults))
		}
		return was
	})
	each("an organisation for others", func(t *testing.T, g *register, n int) bool {
		was := g.kill(n, func() error {
			o, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "West", ForOthers: true})
			if err == nil {
				_, _, err = g.Invite(ctx, g.session, NewInvitation{Name: "dina", Lang: "ru", Orgs: []string{o.ID}, Roles: []access.Role{access.CaseWorker}})
			}
			return err
		})
		if was {
			g.comes(g.session, NewInvitation{Name: "dina", Orgs: []string{g.org("West")}, Roles: []access.Role{access.CaseWorker}})
		}
		return was
	})
	each("an organisation", func(t *testing.T, g *register, n int) bool {
		was := g.kill(n, func() error {
			_, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "West"})
			return err
		})
		if _, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "West"}); err != nil || len(g.session.Member.Orgs) != 3 {
			t.Error(err)
		}
		return was
	})
	t.Logf("interrupted at %d steps", steps)
}
