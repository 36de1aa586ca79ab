// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// rollText is the roll in words, to be compared.
func (g *register) rollText() string {
	g.t.Helper()
	b, err := json.MarshalIndent(g.roll(), "", " ")
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// anew opens the register with nothing but its ledger and its keys.
func (g *register) anew() {
	g.t.Helper()
	g.anewAs("aigerim")
}

func (g *register) anewAs(name string) {
	g.t.Helper()
	if err := g.Close(); err != nil {
		g.t.Fatal(err)
	}
	for _, file := range []string{"index.db", rightsFile, filepath.Join(keysDir, "index.key")} {
		if err := os.Remove(filepath.Join(g.dir, file)); err != nil {
			g.t.Fatal(err)
		}
	}
	g.reopenAs(name)
}

func (g *register) memberID(name string) string {
	g.t.Helper()
	for _, m := range g.members() {
		if m.Name == name {
			return m.ID
		}
	}
	g.t.Fatalf("there is no member %s", name)
	return ""
}

func TestNobodyGivesWhatTheyDoNotHave(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	north, south := g.org("North"), g.org("South")
	// An administrator of the north who is not a coordinator.
	admin := g.comes(g.session, NewInvitation{Name: "admin", Orgs: []string{north}, Roles: []access.Role{access.Administrator}})
	worker := g.comes(g.session, NewInvitation{Name: "worker", Orgs: []string{south}, Roles: []access.Role{access.CaseWorker}})
	before := g.index.Counted()
	for why, err := range map[string]error{
		"a coordinator is asked in": func() error {
			_, _, err := g.Invite(ctx, admin, NewInvitation{Name: "friend", Lang: "ru", Roles: []access.Role{access.Lawyer, access.Coordinator}})
			return err
		}(),
		"an analyst of everything is asked in": func() error {
			_, _, err := g.Invite(ctx, admin, NewInvitation{Name: "friend", Lang: "ru", Roles: []access.Role{access.Analyst}})
			return err
		}(),
		"somebody is asked into another's organisation": func() error {
			_, _, err := g.Invite(ctx, admin, NewInvitation{Name: "friend", Lang: "ru", Orgs: []string{south}, Roles: []access.Role{access.Lawyer}})
			return err
		}(),
		"somebody who may start the register, by one who may not": func() error {
			_, _, err := g.Invite(ctx, admin, NewInvitation{Name: "friend", Lang: "ru", Roles: []access.Role{access.Lawyer}, Starts: true})
			return err
		}(),
		"a coordinator is made":              g.SetRoles(ctx, admin, worker.Member.ID, []access.Role{access.CaseWorker, access.Coordinator}),
		"one makes oneself a case worker":    g.SetRoles(ctx, admin, admin.Member.ID, []access.Role{access.Administrator, access.CaseWorker}),
		"one makes oneself an analyst":       g.SetRoles(ctx, admin, admin.Member.ID, []access.Role{access.Administrator, access.Analyst}),
		"a coordinator makes himself lawyer": g.SetRoles(ctx, g.session, g.session.Member.ID, append([]access.Role{access.Lawyer}, g.session.Member.Roles...)),
	} {
		if !errors.Is(err, ErrGive) {
			t.Errorf("%s: %v", why, err)
		}
	}
	for why, err := range map[string]error{
		"an administrator of another organisation lets in": g.LetIn(ctx, admin, south, admin.Member.ID),
		"a case worker of another organisation lets in":    g.LetIn(ctx, worker, north, worker.Member.ID),
		"a case worker gives roles":                        g.SetRoles(ctx, worker, worker.Member.ID, []access.Role{access.Administrator}),
		"a case worker ends somebody":                      g.EndMember(ctx, worker, admin.Member.ID),
		"a case worker lifts their second factor":          g.SetSecondFactor(ctx, worker, worker.Member.ID, false),
		"a case worker renames":                            g.Rename(ctx, worker, worker.Member.ID, "boss"),
		"a case worker changes another's language":         g.SetLanguage(ctx, worker, admin.Member.ID, "en"),
		"a case worker closes another organisation":        g.LetOut(ctx, worker, north, admin.Member.ID),
		"a case worker adds an organisation": func() error {
			_, err := g.AddOrganisation(ctx, worker, NewOrganisation{Name: "West"})
			return err
		}(),
	} {
		if !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := g.ChangeOrganisation(ctx, admin, south, "South", false); !errors.Is(err, ErrCounts) {
		t.Errorf("whether the south counts is said by the north: %v", err)
	}
	if g.index.Counted() != before {
		t.Error("something was written")
	}
	g.sound()
	// What they may.
	if err := g.LetIn(ctx, worker, south, admin.Member.ID); err != nil {
		t.Error(err)
	}
	if err := g.SetRoles(ctx, g.signIn("admin"), worker.Member.ID, []access.Role{access.Lawyer}); err != nil {
		t.Error(err)
	}
	g.sound()
}

// An administrator makes an organisation for others, and has no way to what is in it.
func TestOrganisationForOthers(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	admin := g.comes(g.session, NewInvitation{Name: "admin", Roles: []access.Role{access.Administrator}})
	west, err := g.AddOrganisation(ctx, admin, NewOrganisation{Name: " West  side ", Counts: true, ForOthers: true})
	if err != nil || west.Name != "West side" || len(admin.Member.Orgs) != 0 {
		t.Fatalf("%+v, %v", west, err)
	}
	if _, err := os.Stat(filepath.Join(g.dir, orgFile(west.ID, ".key"))); err == nil {
		t.Error("it has keys before it has anybody")
	}
	if err := g.ChangeOrganisation(ctx, admin, west.ID, "West", true); err != nil { // it is empty: its founder may still say
		t.Error(err)
	}
	if err := g.ChangeOrganisation(ctx, admin, west.ID, "north", true); !errors.Is(err, ErrOrgTaken) {
		t.Errorf("another's name: %v", err)
	}
	as := NewInvitation{Name: "dina", Orgs: []string{west.ID}, Roles: []access.Role{access.CaseWorker}}
	if _, _, err := g.Invite(ctx, g.session, NewInvitation{Name: "dina", Lang: "ru", Orgs: []string{west.ID}, Roles: as.Roles}); !errors.Is(err, ErrGive) {
		t.Errorf("another administrator than its founder asks somebody in: %v", err)
	}
	first := g.invite(admin, as)
	if _, _, err := g.Invite(ctx, admin, NewInvitation{Name: "friend", Lang: "ru", Orgs: []string{west.ID}, Roles: as.Roles}); !errors.Is(err, ErrGive) {
		t.Errorf("while it waits for somebody, somebody else is asked in: %v", err)
	}
	g.sound()
	if err := g.TakeBack(ctx, admin, ledger.ID(first.Name()).String()); err != nil {
		t.Fatal(err)
	}
	g.sound()
	dina := g.comes(admin, as) // asked again: new keys
	if _, _, err := g.Invite(ctx, admin, NewInvitation{Name: "friend", Lang: "ru", Orgs: []string{west.ID}, Roles: as.Roles}); !errors.Is(err, ErrGive) {
		t.Errorf("once it has somebody, its founder still asks people in: %v", err)
	}
	if err := g.LetIn(ctx, admin, west.ID, admin.Member.ID); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("its founder lets themself in: %v", err)
	}
	if _, err := g.Import(ctx, dina, west.ID, "list: west.csv", []CaseImport{{Key: "W-1", Records: func(id string) []Put {
		return []Put{{Record: id, Kind: "case", Fields: casefile.Fields{}}}
	}}}, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		admin = g.signIn("admin")
		if page, err := g.Cases(ctx, admin, Query{Limit: 50}); err == nil && page.Total > 0 {
			t.Errorf("an administrator sees %d cases", page.Total)
		}
		if len(admin.Keys.Vaults) != 0 {
			t.Errorf("%d vaults are open to an administrator", len(admin.Keys.Vaults))
		}
		if page, err := g.Cases(ctx, g.signIn("dina"), Query{Limit: 50}); err != nil || page.Total != 1 {
			t.Errorf("dina sees %d cases, %v", page.Total, err)
		}
		g.sound()
		g.anew()
	}
	// Counting is now hers to say.
	if err := g.ChangeOrganisation(ctx, g.signIn("admin"), west.ID, "West", false); !errors.Is(err, ErrCounts) {
		t.Errorf("its founder sets it apart: %v", err)
	}
	if err := g.ChangeOrganisation(ctx, g.signIn("dina"), west.ID, "West", false); err != nil {
		t.Error(err)
	}
	if o, _ := g.Organisation(ctx, "west"); o.Counts {
		t.Error("it still counts")
	}
	if page, err := g.Cases(ctx, g.session, Query{Limit: 50}); err != nil || page.Total != 6 {
		t.Errorf("the coordinator sees %d cases, one of them set apart, %v", page.Total, err)
	}
}

func TestLastOne(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	me := g.session.Member.ID
	refused := func(why string, err error) {
		t.Helper()
		if !errors.Is(err, ErrLastOne) {
			t.Errorf("%s: %v", why, err)
		}
		g.sound()
	}
	refused("the only one is ended", g.EndMember(ctx, g.session, me))
	refused("the only administrator is none any more", g.SetRoles(ctx, g.session, me, []access.Role{access.Coordinator}))
	refused("the only one of an organisation is let out", g.LetOut(ctx, g.session, g.org("North"), me))
	both := []string{g.org("North"), g.org("South")}
	g.comes(g.session, NewInvitation{Name: "admin", Roles: []access.Role{access.Administrator}})
	refused("nobody could open the organisations", g.EndMember(ctx, g.session, me))
	g.comes(g.session, NewInvitation{Name: "worker", Orgs: both, Roles: []access.Role{access.Lawyer}})
	refused("nobody could start it", g.EndMember(ctx, g.session, me))
	g.comes(g.session, NewInvitation{Name: "starter", Roles: []access.Role{access.Trustee}, Starts: true})
	other := g.signIn("admin")
	if err := g.EndMember(ctx, other, me); !errors.Is(err, ErrFirstMember) {
		t.Errorf("whoever can't open the node ends the member whose passphrase does: %v", err)
	}
	g.sound()
	if err := g.EndMember(ctx, g.session, me); err != nil { // themself
		t.Error(err)
	}
	if _, open := g.Session(g.session.Token()); open {
		t.Error("their session is still open")
	}
	refused("the only administrator is none any more", g.SetRoles(ctx, other, other.Member.ID, []access.Role{access.Trustee}))
	g.sound()
}

func TestEndedMember(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	as := NewInvitation{Name: "dina", Orgs: []string{g.org("North")}, Roles: []access.Role{access.Administrator, access.CaseWorker}, Starts: true}
	g.comes(g.session, as)
	dina := g.signIn("dina")
	second := g.signIn("dina")
	code := g.invite(dina, NewInvitation{Name: "friend", Orgs: as.Orgs, Roles: []access.Role{access.Lawyer}})
	keys := map[string][]byte{}
	for _, file := range []string{nodeKeyFile, orgFile(g.org("North"), ".key")} {
		b, err := os.ReadFile(filepath.Join(g.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		keys[file] = b
	}
	if err := g.EndMember(ctx, g.session, dina.Member.ID); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*access.Session{dina, second} {
		if _, open := g.Session(s.Token()); open {
			t.Error("a session of hers is open")
		}
	}
	// A request that was under way does nothing more that is dangerous.
	if err := g.EndMember(ctx, dina, g.session.Member.ID); !errors.Is(err, ErrProof) {
		t.Errorf("%v", err)
	}
	if err := g.EndMember(ctx, g.session, dina.Member.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
	if err := g.SetRoles(ctx, g.session, dina.Member.ID, as.Roles); !errors.Is(err, ErrNotFound) {
		t.Errorf("who has left gets roles: %v", err)
	}
	g.over("whoever invited has left", code)
	for range 2 {
		if _, err := g.SignIn(ctx, "dina", ownWords("dina")); !errors.Is(err, access.ErrSignIn) {
			t.Errorf("she signs in: %v", err)
		}
		g.sound()
		g.verify()
		g.anew()
	}
	start := func() {
		t.Helper()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if reg, _, err := Open(ctx, g.dir, Unlock{Passphrase: ownWords("dina")}, testOptions(g.clock)); err == nil {
			_ = reg.Close()
			t.Error("she starts the register")
		}
	}
	start()
	// Not with the old key files put back either, and they are swept by the attempt.
	for file, b := range keys {
		if err := os.WriteFile(filepath.Join(g.dir, file), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start()
	start()
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	g.sound()
	// Her name is free, and what she signed is hers.
	if again := g.comes(g.session, as); again.Member.ID == dina.Member.ID {
		t.Error("she is back")
	}
	g.verify()
}

func TestChangedMember(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	as := NewInvitation{Name: "dina", Orgs: []string{g.org("North")}, Roles: []access.Role{access.CaseWorker}}
	g.comes(g.session, as)
	g.comes(g.session, NewInvitation{Name: "erlan", Roles: []access.Role{access.Reviewer}})
	id := g.memberID("dina")
	for _, c := range []struct {
		what   string
		change func() error
	}{
		{"roles", func() error { return g.SetRoles(ctx, g.session, id, []access.Role{access.Lawyer, access.Trustee}) }},
		{"let in", func() error { return g.LetIn(ctx, g.session, g.org("South"), id) }},
		{"let out", func() error { return g.LetOut(ctx, g.session, g.org("North"), id) }},
		{"second factor", func() error { return g.SetSecondFactor(ctx, g.session, id, true) }},
	} {
		s := g.signIn("dina")
		if err := c.change(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if _, open := g.Session(s.Token()); open {
			t.Errorf("%s: their session goes on as if nothing had changed", c.what)
		}
		g.sound()
	}
	if _, err := g.SignIn(ctx, "dina", ownWords("dina")); err == nil || !g.roll().member(id).SecondFactor {
		t.Error("the passphrase alone lets her in")
	}
	if err := g.SetSecondFactor(ctx, g.session, id, false); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		name string
		want error
	}{{"Erlan", ErrNameTaken}, {"", ErrName}, {"DINA", nil}, {" Dina  S. ", nil}} {
		if err := g.Rename(ctx, g.session, id, tt.name); !errors.Is(err, tt.want) {
			t.Errorf("%q: %v", tt.name, err)
		}
	}
	s, err := g.SignIn(ctx, "dina s.", ownWords("dina"))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SetLanguage(ctx, s, id, "en"); err != nil || s.Member.Lang != "en" {
		t.Errorf("her own language: %v", err)
	}
	if other, open := g.Session(s.Token()); !open || other.Member.Lang != "en" {
		t.Error("her session does not know it")
	}
	if err := g.SetLanguage(ctx, s, id, "xx"); !errors.Is(err, ErrLanguage) {
		t.Error(err)
	}
	for range 2 {
		m := g.roll().member(id)
		if !sameSet(m.Orgs, []string{g.org("South")}) || !sameSet(m.Roles, []access.Role{access.Lawyer, access.Trustee}) || m.SecondFactor || m.Lang != "en" || m.Since.IsZero() {
			t.Errorf("%+v", m)
		}
		g.sound()
		g.anew()
	}
}

// TestSelfMadeMemberRegression: a record of a member, an invitation or an
// organisation that its author was not entitled to write counts for nothing,
// here and once everything is made anew from the ledger.
func TestSelfMadeMemberRegression(t *testing.T) {
	g := emptyRegister(t)
	ctx := context.Background()
	north, south := g.org("North"), g.org("South")
	worker := g.comes(g.session, NewInvitation{Name: "worker", Orgs: []string{north}, Roles: []access.Role{access.CaseWorker}})
	admin := g.comes(g.session, NewInvitation{Name: "admin", Orgs: []string{north}, Roles: []access.Role{access.Administrator}})
	left := g.comes(g.session, NewInvitation{Name: "left", Orgs: []string{north}, Roles: []access.Role{access.Administrator, access.Coordinator}})
	if err := g.EndMember(ctx, g.session, left.Member.ID); err != nil {
		t.Fatal(err)
	}
	waiting := g.invite(g.session, NewInvitation{Name: "waiting", Orgs: []string{north}, Roles: []access.Role{access.Lawyer}})
	stranger, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	strangerID := ledger.ID(stranger.ID()).String()
	unknown := &access.Session{Member: access.Member{ID: strangerID}, Keys: &access.Keys{Identity: stranger}}
	file, err := seal.LockPassphrase(stranger, "member", testPassphrase, g.opt.Stretch) // its signatures can be checked
	if err != nil {
		t.Fatal(err)
	}
	if err := g.writeLocked(memberFile(stranger.ID()), file); err != nil {
		t.Fatal(err)
	}
	of := func(id string, change func(f casefile.Fields)) []Put {
		m := g.roll().member(id)
		f := m.fields()
		if m.Left {
			f["left"] = []string{"2022-06-24"}
		}
		change(f)
		return []Put{{Record: id, Kind: memberKind, Fields: f}}
	}
	set := func(field string, values ...string) func(casefile.Fields) {
		return func(f casefile.Fields) { f[field] = values }
	}
	me := casefile.Fields{"name": {"stranger"}, "lang": {"ru"}, "roles": {"coordinator"}, "sign_key": {hex.EncodeToString(stranger.Public().Signing())}}
	with := func(f casefile.Fields, more casefile.Fields) casefile.Fields {
		both := casefile.Fields{}
		for k, v := range f {
			both[k] = v
		}
		for k, v := range more {
			both[k] = v
		}
		return both
	}
	invitation := func(change casefile.Fields) []Put {
		return []Put{{Record: ledger.NewID().String(), Kind: invitationKind, Fields: with(casefile.Fields{
			"name": {"friend"}, "lang": {"ru"}, "roles": {"lawyer"}, "ends": {g.now().Add(time.Hour).Format(time.RFC3339)},
			"sign_key": {hex.EncodeToString(stranger.Public().Signing())},
		}, change)}}
	}
	waitingID := ledger.ID(waiting.Name()).String()
	forged := stranger.Sign(acceptText(g.log.ID(), waitingID, stranger.Public().Signing()))
	tries := map[string]struct {
		by   *access.Session
		puts []Put
	}{
		"a case worker makes themself a coordinator":             {worker, of(worker.Member.ID, set("roles", "case_worker", "coordinator"))},
		"a case worker joins another organisation":               {worker, of(worker.Member.ID, set("org", north, south))},
		"a case worker lifts their second factor":                {worker, of(worker.Member.ID, set("second_factor", "yes"))},
		"a case worker takes the administrator's name":           {worker, of(worker.Member.ID, set("name", "aigerim"))},
		"a case worker ends an administrator":                    {worker, of(admin.Member.ID, set("left", "2022-06-24"))},
		"a case worker takes an administrator's role":            {worker, of(admin.Member.ID, set("roles", "trustee"))},
		"an administrator makes themself a coordinator":          {admin, of(admin.Member.ID, set("roles", "administrator", "coordinator"))},
		"an administrator makes themself a case worker":          {admin, of(admin.Member.ID, set("roles", "administrator", "case_worker"))},
		"an administrator joins another organisation":            {admin, of(admin.Member.ID, set("org", north, south))},
		"an administrator puts a friend in another organisation": {admin, of(worker.Member.ID, set("org", north, south))},
		"an administrator makes an analyst":                      {admin, of(worker.Member.ID, set("roles", "case_worker", "analyst"))},
		"an administrator brings back who has left":              {admin, of(left.Member.ID, func(f casefile.Fields) { delete(f, "left") })},
		"who has left gives a role":                              {left, of(worker.Member.ID, set("roles", "case_worker", "coordinator"))},
		"who has left comes back":                                {left, of(left.Member.ID, func(f casefile.Fields) { delete(f, "left") })},
		"a member under another's key":                           {admin, of(worker.Member.ID, set("sign_key", hex.EncodeToString(stranger.Public().Signing())))},
		"a stranger":                                             {unknown, []Put{{Record: strangerID, Kind: memberKind, Fields: me}}},
		"a stranger with a waiting invitation and no proof":      {unknown, []Put{{Record: strangerID, Kind: memberKind, Fields: with(me, casefile.Fields{"name": {"waiting"}, "roles": {"lawyer"}, "org": {north}, "invitation": {waitingID}})}}},
		"a stranger with a forged proof":                         {unknown, []Put{{Record: strangerID, Kind: memberKind, Fields: with(me, casefile.Fields{"name": {"waiting"}, "roles": {"lawyer"}, "org": {north}, "invitation": {waitingID}, "proof": {hex.EncodeToString(forged)}})}}},
		"an administrator writes a stranger in":                  {admin, []Put{{Record: strangerID, Kind: memberKind, Fields: with(me, casefile.Fields{"roles": {"lawyer"}})}}},
		"a case worker invites":                                  {worker, invitation(nil)},
		"an administrator invites a coordinator":                 {admin, invitation(casefile.Fields{"roles": {"coordinator"}})},
		"an administrator invites into another organisation":     {admin, invitation(casefile.Fields{"org": {south}})},
		"who has left invites":                                   {left, invitation(nil)},
		"a case worker adds an organisation":                     {worker, []Put{{Record: ledger.NewID().String(), Kind: organisationKind, Fields: casefile.Fields{"name": {"West"}, "counts": {"yes"}}}}},
		"a case worker sets another organisation apart":          {worker, []Put{{Record: south, Kind: organisationKind, Fields: casefile.Fields{"name": {"South"}, "counts": {"no"}}}}},
		"an administrator sets another organisation apart":       {admin, []Put{{Record: south, Kind: organisationKind, Fields: casefile.Fields{"name": {"South"}, "counts": {"no"}}}}},
		"a case worker renames another organisation":             {worker, []Put{{Record: south, Kind: organisationKind, Fields: casefile.Fields{"name": {"Nobody"}, "counts": {"yes"}}}}},
		"a stranger renames an organisation":                     {unknown, []Put{{Record: south, Kind: organisationKind, Fields: casefile.Fields{"name": {"Nobody"}, "counts": {"yes"}}}}},
	}
	want := g.rollText()
	plain := func(text string) string { // but for the note that a stranger was refused
		return strings.Replace(text, fmt.Sprintf("%q: true", strangerID), "", 1)
	}
	same := func(when, why string) {
		t.Helper()
		if got := g.rollText(); strings.Join(strings.Fields(plain(got)), "") != strings.Join(strings.Fields(plain(want)), "") {
			t.Errorf("%s, %s: the roll is\n%s\nand was\n%s", why, when, got, want)
		}
	}
	for why, try := range tries {
		g.writing.Lock()
		err := g.write(ctx, try.by, []act{{stream: try.puts[0].Record, puts: try.puts}})
		g.writing.Unlock()
		if err != nil {
			t.Fatalf("%s: it could not be tried: %v", why, err)
		}
		same("at once", why)
	}
	// An invitation changes no more, but that it is taken back: its key least of all.
	v := g.roll().invitation(waitingID)
	fields := v.fields()
	fields["sign_key"], fields["roles"] = []string{hex.EncodeToString(stranger.Public().Signing())}, []string{"administrator"}
	g.writing.Lock()
	err = g.write(ctx, admin, []act{{stream: waitingID, puts: []Put{{Record: waitingID, Kind: invitationKind, Fields: fields}}}})
	g.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	same("at once", "an invitation is given another key")
	if _, err := g.SignIn(ctx, "stranger", testPassphrase); !errors.Is(err, access.ErrSignIn) {
		t.Errorf("the stranger signs in: %v", err)
	}
	g.reopen()
	same("after a new start", "all of them")
	g.anew()
	same("made anew", "all of them")
	g.verify() // signed they are all the same
	t.Logf("%d records tried", len(tries)+1)
}

// TestOldIndexRegression: an older index, or what was kept of the rights, put
// back under a running or a stopped program brings nobody back and gives nobody
// their old roles.
func TestOldIndexRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	as := NewInvitation{Name: "dina", Orgs: []string{g.org("North")}, Roles: []access.Role{access.CaseWorker}}
	g.comes(g.session, as)
	as.Name = "erlan"
	g.comes(g.session, as)
	g.reopen()
	g.reopen() // so that everything lies on the disk
	old := map[string][]byte{}
	for _, file := range []string{"index.db", rightsFile, filepath.Join(keysDir, "index.key")} {
		b, err := os.ReadFile(filepath.Join(g.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		old[file] = b
	}
	putBack := func() {
		t.Helper()
		for file, b := range old {
			if err := os.WriteFile(filepath.Join(g.dir, file), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := g.EndMember(ctx, g.session, g.memberID("dina")); err != nil {
		t.Fatal(err)
	}
	if err := g.SetRoles(ctx, g.session, g.memberID("erlan"), []access.Role{access.Trustee}); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		t.Helper()
		if _, err := g.SignIn(ctx, "dina", ownWords("dina")); !errors.Is(err, access.ErrSignIn) {
			t.Errorf("%s dina signs in: %v", when, err)
		}
		s := g.signIn("erlan")
		if page, err := g.Cases(ctx, s, Query{Limit: 50}); !s.Member.Is(access.Trustee) || err == nil && page.Total > 0 {
			t.Errorf("%s erlan is %v and sees %d cases", when, s.Member.Roles, page.Total)
		}
	}
	putBack()
	look("running,")
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	putBack()
	reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	look("started anew,")
	g.sound()
	g.verify()
}

// TestRandomRecords lets anybody write anything about members, invitations and
// organisations, and holds what must be true of the roll whatever they write:
// where there was no coordinator and no analyst there never is one; nobody who
// has left comes back; nobody gets cases to read by their own hand; nobody gets
// into an organisation that has people but by one of these.
func TestRandomRecords(t *testing.T) {
	log := ledger.NewID()
	people := make([]*seal.Identity, 5)
	ids := make([]string, len(people))
	for i := range people {
		id, err := seal.NewIdentity()
		if err != nil {
			t.Fatal(err)
		}
		people[i], ids[i] = id, ledger.ID(id.ID()).String()
	}
	orgs, invitations := []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}, []string{strings.Repeat("c", 32), strings.Repeat("d", 32), strings.Repeat("e", 32)}
	start := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	var counted, refused int
	rapid.Check(t, func(rt *rapid.T) {
		ro := (&roll{}).clone()
		at := start
		put := func(kind, id, author string, f casefile.Fields) bool {
			at = at.Add(time.Duration(rapid.IntRange(0, 30).Draw(rt, "hours")) * time.Hour)
			return ro.put(log, kind, id, casefile.Entry{At: at, Record: id, Kind: kind, Op: casefile.Put, Fields: f, Author: author})
		}
		key := func(i int) []string { return []string{hex.EncodeToString(people[i].Public().Signing())} }
		if !put(memberKind, ids[0], ids[0], casefile.Fields{"name": {"0"}, "roles": {"administrator"}, "sign_key": key(0)}) {
			rt.Fatal("the first member does not count")
		}
		some := func(what string, from []string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID[string]).Draw(rt, what)
		}
		var roles []string
		for _, r := range access.Roles() {
			roles = append(roles, string(r))
		}
		for range rapid.IntRange(1, 40).Draw(rt, "records") {
			old := ro.clone()
			author := rapid.IntRange(0, len(people)-1).Draw(rt, "author")
			var ok bool
			var subject string
			switch rapid.IntRange(0, 5).Draw(rt, "kind") {
			case 0:
				subject = rapid.SampledFrom(orgs).Draw(rt, "org")
				ok = put(organisationKind, subject, ids[author], casefile.Fields{"name": some("name", []string{"x", "y"}), "counts": {"yes"}})
			case 1, 2:
				subject = rapid.SampledFrom(invitations).Draw(rt, "invitation")
				ok = put(invitationKind, subject, ids[author], casefile.Fields{
					"name": {"n"}, "roles": some("roles", roles), "org": some("orgs", orgs), "sign_key": key(rapid.IntRange(0, len(people)-1).Draw(rt, "key")),
					"ends": {at.Add(time.Duration(rapid.IntRange(-10, 100).Draw(rt, "ends")) * time.Hour).Format(time.RFC3339)},
				})
			default:
				who := rapid.IntRange(0, len(people)-1).Draw(rt, "who")
				subject = ids[who]
				f := casefile.Fields{"name": {"n"}, "roles": some("roles", roles), "org": some("orgs", orgs), "sign_key": key(who), "left": some("left", []string{"2022-06-24"})}
				if v := ro.invitation(rapid.SampledFrom(invitations).Draw(rt, "by")); v != nil && rapid.Bool().Draw(rt, "as invited") {
					f["invitation"], f["proof"] = []string{v.ID}, []string{hex.EncodeToString(people[rapid.IntRange(0, len(people)-1).Draw(rt, "proof")].Sign(acceptText(log, v.ID, people[who].Public().Signing())))}
					f["org"], f["roles"], f["left"] = v.Orgs, nil, nil
					for _, r := range v.Roles {
						f["roles"] = append(f["roles"], string(r))
					}
				}
				ok = put(memberKind, subject, ids[author], f)
			}
			if ok {
				counted++
			} else {
				refused++
				now := ro.clone()
				now.Refused = old.Refused
				if !sameRoll(now, old) {
					rt.Fatal("a record that does not count changed something")
				}
				continue
			}
			by := old.member(ids[author])
			for _, m := range ro.Members {
				was := old.member(m.ID)
				if m.Is(access.Coordinator, access.Analyst) {
					rt.Fatalf("%s is %v", m.ID, m.Roles)
				}
				if was != nil && was.Left && !m.Left {
					rt.Fatal("somebody who has left is back")
				}
				if was == nil || sameRoll(&roll{Members: []*MemberView{was}}, &roll{Members: []*MemberView{m}}) {
					continue
				}
				if by == nil || by.Left {
					rt.Fatal("somebody who does not belong to the register changed a member")
				}
				if m.ID == by.ID && !was.Is(access.CaseWorker, access.Lawyer, access.Clinician, access.Reviewer) && m.Is(access.CaseWorker, access.Lawyer, access.Clinician, access.Reviewer) {
					rt.Fatal("somebody gave themself cases to read")
				}
				for _, org := range without(m.Orgs, was.Orgs) {
					if old.org(org) == nil || old.org(org).Settled && !slices.Contains(by.Orgs, org) {
						rt.Fatal("somebody was let in by an outsider")
					}
				}
			}
		}
		// What is kept of the roll is the roll.
		b, err := json.Marshal(ro)
		if err != nil {
			rt.Fatal(err)
		}
		var kept roll
		if err := json.Unmarshal(b, &kept); err != nil || !sameRoll(kept.clone(), ro) {
			rt.Fatalf("%v", err)
		}
	})
	t.Logf("%d records counted, %d were refused", counted, refused)
	if counted == 0 || refused == 0 {
		t.Error("this test finds nothing")
	}
}

func sameRoll(a, b *roll) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// TestMembersComeAndGo lets invented members come and go at random and holds
// that what the ledger and the key files say stays one, that it is the same
// when all is made anew, and that there is always somebody who can look after
// the register, start it and open its organisations.
func TestMembersComeAndGo(t *testing.T) {
	const acts = 60
	ctx := context.Background()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	g := emptyRegister(t)
	if _, err := g.AddOrganisation(ctx, g.session, NewOrganisation{Name: "West", ForOthers: true}); err != nil {
		t.Fatal(err)
	}
	some := func(n int) int { return draw.IntN(n) }
	var waiting []access.Code
	did := map[string]int{}
	for i := range acts {
		var here []*MemberView
		for _, m := range g.roll().Members {
			if !m.Left {
				here = append(here, m)
			}
		}
		admins := slices.DeleteFunc(slices.Clone(here), func(m *MemberView) bool { return !m.administers() })
		who, by := here[some(len(here))], admins[some(len(admins))]
		s := g.signIn(by.Name)
		org := g.roll().Orgs[some(3)].ID
		var roles []access.Role
		for _, role := range access.Roles() {
			if some(3) == 0 {
				roles = append(roles, role)
			}
		}
		var what string
		var err error
		switch some(9) {
		case 0, 1:
			what = "invite"
			var code access.Code
			if code, _, err = g.Invite(ctx, s, NewInvitation{Name: fmt.Sprint("new ", i), Lang: "kk", Roles: roles, Orgs: []string{org}[:some(2)], Starts: some(3) == 0}); err == nil {
				waiting = append(waiting, code)
			}
		case 2, 3, 4:
			if len(waiting) == 0 {
				continue
			}
			what = "accept"
			code := waiting[some(len(waiting))]
			v, invited := g.Invitation(ctx, code)
			if _, _, err = g.Accept(ctx, code, Acceptance{Passphrase: ownWords(v.Name)}); (err == nil) != (invited == nil) {
				t.Fatalf("%v, but %v", invited, err)
			}
		case 5:
			what = "take back"
			if len(waiting) > 0 {
				err = g.TakeBack(ctx, s, ledger.ID(waiting[some(len(waiting))].Name()).String())
			}
		case 6:
			what = "roles"
			err = g.SetRoles(ctx, s, who.ID, roles)
		case 7:
			what = "end"
			err = g.EndMember(ctx, s, who.ID)
		case 8:
			if what = "let in"; some(2) == 0 {
				err = g.LetIn(ctx, s, org, who.ID)
			} else {
				what, err = "let out", g.LetOut(ctx, s, org, who.ID)
			}
		}
		switch {
		case err == nil:
			did[what]++
		case errors.Is(err, ErrGive), errors.Is(err, ErrLastOne), errors.Is(err, ErrNotFound), errors.Is(err, ErrNotAllowed),
			errors.Is(err, ErrInvitation), errors.Is(err, ErrRole), errors.Is(err, ErrFirstMember):
			did[what+" refused"]++
		default:
			t.Fatalf("%s: %v", what, err)
		}
		g.clock.t = g.clock.t.Add(time.Duration(some(10)) * time.Hour)
		if i%15 == 14 {
			before := g.rollText()
			starter := slices.IndexFunc(g.members(), func(m access.Member) bool { return slices.Contains(g.starters(), m.ID) })
			if starter < 0 {
				t.Fatal("nobody can start it")
			}
			g.anewAs(g.members()[starter].Name)
			g.session.Member.Roles = []access.Role{access.Coordinator} // whoever it is, so that they may verify
			if now := g.rollText(); now != before {
				t.Fatalf("made anew the roll is\n%s\nand was\n%s", now, before)
			}
			g.verify()
		}
		g.clock.t = g.clock.t.Add(time.Second)
		if err := func() error { g.writing.Lock(); defer g.writing.Unlock(); return g.sweep(false) }(); err != nil { // what ended with the hours
			t.Fatal(err)
		}
		if g.sound(); t.Failed() {
			t.Fatalf("after %s (%v)", what, err)
		}
	}
	t.Log(did)
}

// starters are the ids of those who can start the register.
func (g *register) starters() []string {
	g.t.Helper()
	locked, err := g.readLocked(nodeKeyFile)
	if err != nil {
		g.t.Fatal(err)
	}
	var ids []string
	for _, id := range locked.Identities() {
		ids = append(ids, ledger.ID(id).String())
	}
	return ids
}
