// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// Who looks after members in the invented register.
const (
	adminID  = "a0000000000000000000000000000001"
	workerID = "a0000000000000000000000000000002"
	goneID   = "a0000000000000000000000000000003"
	inviteID = "b0000000000000000000000000000001"
	orgNew   = "c0000000000000000000000000000009"
	// Codes as they could be.
	usedCode = "W0RDS-0FN0B-0DY01-23456-789AB-CC50D"
	joinCode = "0000A-BCDEF-GHJKM-NPQRS-TVWXY-ZRK0Z"
)

// fakeSessions are who can sign in beside the Sample Member, with the same word.
var fakeSessions = map[string]access.Member{
	"Sample Administrator": {ID: adminID, Name: "Sample Administrator", Lang: "en", Orgs: []string{orgNorth}, Roles: []access.Role{access.Administrator, access.CaseWorker}},
	"Sample Office":        {ID: adminID, Name: "Sample Office", Lang: "en", Roles: []access.Role{access.Administrator}},
	"Sample Intake":        {ID: memberID, Name: "Sample Intake", Lang: "en", Orgs: []string{orgNorth}, Roles: []access.Role{access.CaseWorker, access.Administrator, access.Intake}},
	"Sample Taker":         {ID: takerID, Name: "Sample Taker", Lang: "en", Orgs: []string{orgNorth}, Roles: []access.Role{access.Intake}},
	"Sample Worker":        {ID: workerID, Name: "Sample Worker", Lang: "en", Orgs: []string{orgSouth}, Roles: []access.Role{access.CaseWorker}},
}

func (f *fake) May(s *access.Session, a access.Action) bool {
	return access.Decide(s.Member, a, access.Thing{})
}

func (f *fake) LooksAfter(s *access.Session) bool {
	_, err := f.LookedAfter(context.Background(), s)
	return err == nil
}

func (f *fake) Givable(s *access.Session, to string) []access.Role {
	return slices.DeleteFunc(access.Roles(), func(r access.Role) bool {
		return !access.Decide(s.Member, access.GiveRole, access.Thing{Role: r, Self: to == s.Member.ID})
	})
}

func (f *fake) Members(_ context.Context, s *access.Session) ([]registry.MemberView, []registry.InvitationView, error) {
	if !f.May(s, access.Administer) {
		return nil, nil, registry.ErrNotAllowed
	}
	members := []registry.MemberView{
		{Member: fakeSessions["Sample Administrator"], Since: moment("2022-01-10T09:00:00Z"), SecondFactor: true},
	}
	if !f.empty {
		members = append(members,
			registry.MemberView{Member: fakeSessions["Sample Worker"], Since: moment("2022-02-01T09:00:00Z")},
			registry.MemberView{Member: access.Member{ID: memberID, Name: hostile, Lang: "kk", Roles: []access.Role{access.Coordinator, access.Trustee}}, Since: moment("2022-02-01T09:00:00Z")},
			registry.MemberView{Member: access.Member{ID: goneID, Name: "Sample Former", Lang: "ru", Roles: []access.Role{access.Analyst}}, Since: moment("2022-01-11T09:00:00Z"), Left: true})
	}
	return members, f.waiting(), f.fails
}

func (f *fake) waiting() []registry.InvitationView {
	if f.empty {
		return nil
	}
	return []registry.InvitationView{{
		ID: inviteID, Name: "Үміт Мысалова", Lang: "kk", Orgs: []string{orgSouth}, Roles: []access.Role{access.Lawyer, access.Reviewer}, Starts: true, By: adminID, Ends: moment("2022-06-27T08:30:00Z"),
	}}
}

func (f *fake) LookedAfter(_ context.Context, s *access.Session) ([]registry.OrgView, error) {
	office := f.May(s, access.Administer)
	if !office && !access.Decide(s.Member, access.LetIn, access.Thing{Org: firstOf(s.Member.Orgs)}) {
		return nil, registry.ErrNotAllowed
	}
	var views []registry.OrgView
	for _, o := range append(slices.Clone(f.organisations()), registry.Org{ID: orgNew, Name: "Жаңа үлгі"}) {
		own := slices.Contains(s.Member.Orgs, o.ID)
		if f.empty || !own && !office {
			continue
		}
		v := registry.OrgView{Org: o, MayLetIn: own, MayAsk: office && own || o.ID == orgNew, MayCounts: own, MayRename: true, MaySecond: own, Second: o.ID == orgSouth}
		switch o.ID {
		case orgNorth:
			v.Members = []access.Member{fakeSessions["Sample Administrator"]}
		case orgSouth:
			v.Members = []access.Member{fakeSessions["Sample Worker"]}
			v.Waiting = f.waiting()
		case orgApart:
			v.Members = []access.Member{{ID: memberID, Name: hostile, Roles: []access.Role{access.Coordinator}}}
		}
		views = append(views, v)
	}
	return views, f.fails
}

func firstOf(orgs []string) string {
	if len(orgs) == 0 {
		return ""
	}
	return orgs[0]
}

func (f *fake) FindMember(_ context.Context, _ *access.Session, name string) (registry.MemberView, error) {
	if m, ok := fakeSessions[name]; ok {
		return registry.MemberView{Member: m}, f.fails
	}
	return registry.MemberView{}, registry.ErrNotFound
}

// turn does what every change does that asks for fresh proof.
func (f *fake) turn(s *access.Session, what ...string) error {
	if !f.sessions.Fresh(s) {
		return registry.ErrProof
	}
	if f.refuses != nil {
		return f.refuses
	}
	f.did = append(f.did, strings.Join(what, " "))
	return f.fails
}

func (f *fake) SetRoles(_ context.Context, s *access.Session, id string, roles []access.Role) error {
	words := []string{"roles", id}
	for _, r := range roles {
		words = append(words, string(r))
	}
	return f.turn(s, words...)
}

func (f *fake) SetSecondFactor(_ context.Context, s *access.Session, id string, on bool) error {
	return f.turn(s, "factor", id, map[bool]string{true: "on", false: "off"}[on])
}

func (f *fake) Rename(_ context.Context, s *access.Session, id, name string) error {
	return f.turn(s, "rename", id, name)
}

func (f *fake) EndMember(_ context.Context, s *access.Session, id string) error {
	return f.turn(s, "end", id)
}

func (f *fake) TakeBack(_ context.Context, s *access.Session, id string) error {
	return f.turn(s, "take back", id)
}

func (f *fake) LetIn(_ context.Context, s *access.Session, org, id string) error {
	return f.turn(s, "let in", org, id)
}

func (f *fake) LetOut(_ context.Context, s *access.Session, org, id string) error {
	return f.turn(s, "let out", org, id)
}

func (f *fake) ChangeOrganisation(_ context.Context, s *access.Session, id, name string, counts bool) error {
	return f.turn(s, "change", id, name, map[bool]string{true: "counts", false: "apart"}[counts])
}

func (f *fake) WantSecond(_ context.Context, s *access.Session, org string, second bool) error {
	return f.turn(s, "second", org, map[bool]string{true: "wanted", false: "not wanted"}[second])
}

func (f *fake) AddOrganisation(_ context.Context, s *access.Session, o registry.NewOrganisation) (registry.Org, error) {
	return registry.Org{ID: orgNew, Name: o.Name}, f.turn(s, "add", o.Name, map[bool]string{true: "counts", false: "apart"}[o.Counts], map[bool]string{true: "for others", false: "ours"}[o.ForOthers])
}

func (f *fake) Invite(_ context.Context, s *access.Session, n registry.NewInvitation) (access.Code, registry.InvitationView, error) {
	code, err := access.ParseCode(joinCode)
	if err != nil {
		panic(err)
	}
	words := []string{"invite", n.Name, n.Lang, strings.Join(n.Orgs, "+"), map[bool]string{true: "starts", false: "does not start"}[n.Starts]}
	for _, r := range n.Roles {
		words = append(words, string(r))
	}
	return code, registry.InvitationView{ID: inviteID, Name: n.Name, Ends: moment("2022-06-27T09:00:00Z")}, f.turn(s, words...)
}

func (f *fake) Invitation(_ context.Context, code access.Code) (registry.Invited, error) {
	if code.String() != joinCode || f.empty {
		return registry.Invited{}, registry.ErrInvitation
	}
	v := f.waiting()[0]
	return registry.Invited{InvitationView: v, Inviter: "Sample Administrator", Organisations: []string{"Южный пример"}}, f.fails
}

// madeWords is what the invented register makes.
const madeWords = "plenty of unsuspicious gravel under seven boats"

func (f *fake) NewPassphrase() (string, error) { return madeWords, nil }

func (f *fake) Accept(_ context.Context, _ access.Code, a registry.Acceptance) (access.Member, string, error) {
	if err := access.CheckPassphrase(a.Passphrase); err != nil {
		return access.Member{}, "", err
	}
	if f.refuses != nil {
		return access.Member{}, "", f.refuses
	}
	f.did = append(f.did, "accept "+a.Lang+" "+a.Passphrase)
	return access.Member{}, "", f.fails
}
