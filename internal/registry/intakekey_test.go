// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/submission"
)

// takes is a house in which saule and erlan open what is sent to the North.
func takes(t testing.TB) *house {
	t.Helper()
	h := newHouse(t)
	h.join("saule", "North", access.Intake, access.CaseWorker)
	h.join("erlan", "North", access.Intake)
	h.prove()
	if _, err := h.TurnIntake(context.Background(), h.session, h.orgs["North"], "North, for those who were hurt"); err != nil {
		t.Fatal(err)
	}
	return h
}

// sealedTo seals words to an organisation as the form does: with what everybody can read.
func (h *house) sealedTo(org, told string) []byte {
	h.t.Helper()
	all, err := IntakePublicAt(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(p IntakePublic) bool { return p.Org == h.orgs[org] })
	if at < 0 {
		h.t.Fatalf("%s takes nothing", org)
	}
	to, err := submission.Recipients(all[at].Recipient)
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := submission.Seal(to, submission.Message{Format: 1, Language: "kk", Told: told})
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// opensSealed tells whether somebody can open something that was sent to the North.
func (h *house) opensSealed(name string, sealed []byte) bool {
	h.t.Helper()
	ids, err := h.intakeIdentities(h.people[name], h.orgs["North"])
	if err != nil {
		return false
	}
	return slices.ContainsFunc(ids, func(id *seal.Identity) bool {
		_, err := submission.Open(id, sealed)
		return err == nil
	})
}

func TestIntakeKeyIsForTheRoleAlone(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	sealed := h.sealedTo("North", "told in confidence")
	for name := range h.people {
		if got, want := h.opensSealed(name, sealed), name == "saule" || name == "erlan"; got != want {
			t.Errorf("%s opens what was sent: %v", name, got)
		}
		_, err := h.TurnIntake(ctx, h.people[name], h.orgs["North"], "")
		if want := name != "aigerim"; errors.Is(err, ErrNotAllowed) != want {
			t.Errorf("%s makes the key anew: %v", name, err)
		}
		err = h.ShareIntake(ctx, h.people[name], h.orgs["North"])
		if want := name != "saule" && name != "erlan"; errors.Is(err, ErrNotAllowed) != want {
			t.Errorf("%s opens the key to others: %v", name, err)
		}
	}
	if _, err := h.TurnIntake(ctx, h.session, h.orgs["South"], ""); !errors.Is(err, ErrNoIntake) {
		t.Errorf("a key that opens to nobody: %v", err)
	}
	all, err := h.IntakePublic()
	if err != nil || len(all) != 1 || all[0].Name != "North, for those who were hurt" || !strings.HasPrefix(all[0].Recipient, "age1pq1") || len(all[0].Fingerprint) != 39 {
		t.Errorf("what everybody may read: %+v (%v)", all, err)
	}
}

// TestNodeOpensNoSubmission tries all identities that the node has: its own, those
// of members who are signed in without the role, of organisations and of the recovery.
func TestNodeOpensNoSubmission(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	h.join("three", "South", access.Trustee)
	h.prove()
	if _, err := h.CreateShares(ctx, h.session, NewShares{Trustees: []string{"three", "a notary", "an aunt"}, Need: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.TurnIntake(ctx, h.session, h.orgs["North"], ""); err != nil {
		t.Fatal(err)
	}
	sealed := h.sealedTo("North", "told in confidence")
	keys := []*seal.Identity{h.node}
	for name, s := range h.people {
		if name == "saule" || name == "erlan" {
			continue
		}
		keys = append(keys, s.Keys.Identity)
		for _, org := range h.orgs {
			locked, err := h.readLocked(orgFile(org, ".key"))
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := locked.OpenIdentity(s.Keys.Identity); err == nil {
				keys = append(keys, opened.Identity)
			}
		}
	}
	f, err := h.intakeOf(h.orgs["North"])
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, key := range keys {
		tried++
		var id age.Identity = key
		if _, err := submission.Open(id, sealed); err == nil {
			t.Error("a key that the node has opened what was sent")
		}
		for _, k := range f.Keys {
			if _, err := k.locked.OpenIdentity(key); !errors.Is(err, seal.ErrNotSealedToYou) {
				t.Errorf("a key that the node has opens the intake key: %v", err)
			}
		}
	}
	recovery, ok := h.recoveryPublic()
	for _, k := range f.Keys {
		ids := k.locked.Identities()
		if len(ids) != 2 || ok && slices.Contains(ids, recovery.ID()) {
			t.Errorf("the intake key opens to %d, the recovery among them: %v", len(ids), ok && slices.Contains(ids, recovery.ID()))
		}
	}
	if tried < len(h.people) {
		t.Errorf("%d keys tried", tried)
	}
}

func TestIntakeKeyFollowsTheRole(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	before := h.sealedTo("North", "before")
	h.join("late", "North", access.Intake)
	if h.opensSealed("late", before) {
		t.Error("a new member opens what nobody opened to them")
	}
	keys, err := h.IntakeKeys(ctx, h.people["saule"])
	if err != nil || len(keys) != 1 || !slices.Equal(keys[0].Waiting, []string{"late"}) || len(keys[0].Holders) != 2 || keys[0].MayTurn || !keys[0].MayOpen {
		t.Errorf("%+v (%v)", keys, err)
	}
	if err := h.ShareIntake(ctx, h.people["late"], h.orgs["North"]); !errors.Is(err, ErrIntakeShut) {
		t.Errorf("who has it not opens it to others: %v", err)
	}
	h.signIn("saule")
	if err := h.ShareIntake(ctx, h.people["saule"], h.orgs["North"]); err != nil {
		t.Fatal(err)
	}
	if !h.opensSealed("late", before) {
		t.Error("it was opened to the new member, and does not open")
	}

	h.prove()
	if err := h.SetRoles(ctx, h.session, h.people["erlan"].Member.ID, []access.Role{access.Lawyer}); err != nil {
		t.Fatal(err)
	}
	after := h.sealedTo("North", "after")
	f, err := h.intakeOf(h.orgs["North"])
	if err != nil || len(f.Keys) != 2 {
		t.Fatalf("the key was not turned when somebody lost the role: %v", err)
	}
	for _, k := range f.Keys {
		if slices.Contains(k.locked.Identities(), h.people["erlan"].Keys.Identity.ID()) {
			t.Error("the key still opens to who lost the role")
		}
	}
	for _, name := range []string{"saule", "late"} {
		if !h.opensSealed(name, before) || !h.opensSealed(name, after) {
			t.Errorf("%s opens before: %v, after: %v", name, h.opensSealed(name, before), h.opensSealed(name, after))
		}
	}
	h.again()
	if f, err := h.intakeOf(h.orgs["North"]); err != nil || len(f.Keys) != 2 {
		t.Errorf("opened anew, it has other keys: %v", err)
	}

	// Who is the last keeps what nobody else can open, and nothing more is sealed to them.
	h.prove()
	for _, name := range []string{"late", "saule"} {
		if err := h.EndMember(ctx, h.session, h.people[name].Member.ID); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := h.IntakePublic(); err != nil || len(all) != 0 {
		t.Errorf("nobody has the role, and it is offered: %+v (%v)", all, err)
	}
	if err := h.SetRoles(ctx, h.session, h.people["asel"].Member.ID, []access.Role{access.CaseWorker, access.Intake}); err != nil {
		t.Fatal(err)
	}
	h.signIn("asel")
	if again := h.sealedTo("North", "again"); !h.opensSealed("asel", again) || h.opensSealed("asel", before) || h.opensSealed("asel", after) {
		t.Error("who has the role after all had gone opens what came before, or not what comes now")
	}
}
