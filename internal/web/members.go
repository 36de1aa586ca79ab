// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// memberRegister is what the pages about members and organisations ask of the registry.
type memberRegister interface {
	May(s *access.Session, a access.Action) bool
	LooksAfter(s *access.Session) bool
	Givable(s *access.Session, to string) []access.Role
	Members(ctx context.Context, s *access.Session) ([]registry.MemberView, []registry.InvitationView, error)
	FindMember(ctx context.Context, s *access.Session, nameOrID string) (registry.MemberView, error)
	SetRoles(ctx context.Context, s *access.Session, id string, roles []access.Role) error
	SetSecondFactor(ctx context.Context, s *access.Session, id string, compulsory bool) error
	Rename(ctx context.Context, s *access.Session, id, name string) error
	EndMember(ctx context.Context, s *access.Session, id string) error
	Invite(ctx context.Context, s *access.Session, n registry.NewInvitation) (access.Code, registry.InvitationView, error)
	TakeBack(ctx context.Context, s *access.Session, id string) error
	Invitation(ctx context.Context, code access.Code) (registry.Invited, error)
	NewPassphrase() (string, error)
	Accept(ctx context.Context, code access.Code, a registry.Acceptance) (access.Member, string, error)
	LookedAfter(ctx context.Context, s *access.Session) ([]registry.OrgView, error)
	AddOrganisation(ctx context.Context, s *access.Session, org registry.NewOrganisation) (registry.Org, error)
	ChangeOrganisation(ctx context.Context, s *access.Session, id, name string, counts bool) error
	WantSecond(ctx context.Context, s *access.Session, org string, second bool) error
	LetIn(ctx context.Context, s *access.Session, org, id string) error
	LetOut(ctx context.Context, s *access.Session, org, id string) error
}

func (s *server) memberRoutes() []route {
	return []route{
		{"GET /members", s.signed(s.members)},
		{"GET /members/invite", s.signed(s.inviteForm)},
		{"POST /members/invite", s.signed(s.invite)},
		{"POST /invitations/{id}/take-back", s.signed(s.takeBack)},
		{"GET /members/{id}", s.signed(s.member)},
		{"POST /members/{id}/roles", s.signed(s.memberRoles)},
		{"POST /members/{id}/second-factor", s.signed(s.memberFactor)},
		{"POST /members/{id}/name", s.signed(s.memberName)},
		{"GET /members/{id}/end", s.signed(s.memberEnd)},
		{"POST /members/{id}/end", s.signed(s.endMember)},
		{"POST /organisations", s.signed(s.addOrganisation)},
		{"GET /organisations/{id}", s.signed(s.organisation)},
		{"POST /organisations/{id}", s.signed(s.changeOrganisation)},
		{"POST /organisations/{id}/second", s.signed(s.wantSecond)},
		{"POST /organisations/{id}/let-in", s.signed(s.letIn)},
		{"POST /organisations/{id}/let-out", s.signed(s.letOut)},
		{"GET /join", s.open(s.joinForm)},
		{"POST /join", s.open(s.joinTyped)},
		{"GET /join/{code}", s.open(s.join)},
		{"POST /join/{code}", s.open(s.accept)},
	}
}

// memberProblems are the errors that a form about members is shown again with.
var memberProblems = []struct {
	err error
	key string
}{
	{registry.ErrGive, "give"}, {registry.ErrLastOne, "last"}, {registry.ErrFirstMember, "starter"}, {registry.ErrNameTaken, "taken"},
	{registry.ErrName, "name"}, {registry.ErrRole, "role"}, {registry.ErrTooManyInvitations, "many"},
	{registry.ErrOrgName, "orgname"}, {registry.ErrOrgTaken, "orgtaken"}, {registry.ErrCounts, "counts"},
}

// problem says in words what is wrong with a form, and sets the status of the
// page that says it; empty: it is not such an error.
func (v *visit) problem(err error) string {
	for _, p := range memberProblems {
		if errors.Is(err, p.err) {
			v.status = http.StatusUnprocessableEntity
			return v.T("members.problem." + p.key)
		}
	}
	return ""
}

// done are the words for what was done before a page was shown again.
func (v *visit) done() string {
	what := v.r.URL.Query().Get("done")
	for _, known := range []string{"taken_back", "roles", "factor", "name", "ended", "added", "changed", "let_in", "let_out", "second"} {
		if what == known {
			return v.T("members.done." + known)
		}
	}
	return ""
}

type membersBody struct {
	Done, Problem string
	Office        bool // an administrator looks
	Backup        *backupWarning
	Here, Left    []memberLine
	Waiting       []inviteLine
	Orgs          []orgLine
	NewOrg        string // as it was typed
	NewCounts     bool
	NewOurs       bool
	Place         *placeBody // nil: all sealed files are in the folder
}

// placeBody is where sealed files are, in words.
type placeBody struct{ Bucket, Away, Here, Going, Note string }

// place says where sealed files are, where there is a bucket.
func (v *visit) place(p registry.PlaceView) *placeBody {
	if !p.On {
		return nil
	}
	body := &placeBody{Bucket: p.Bucket.Name, Away: v.N("place.away", p.Away)}
	if p.Here > 0 {
		body.Here = v.N("place.here", p.Here)
	}
	if p.Going > 0 {
		body.Going = v.N("place.going", p.Going)
	}
	switch {
	case p.Home:
		body.Note = v.T("place.home")
	case p.Here > 0 || p.Going > 0:
		body.Note = v.T("place.waits")
	}
	return body
}

type memberLine struct {
	Href, Name string
	Roles      []string
	Orgs       string
	Since      string
	Factor     bool
	You        bool
}

type inviteLine struct {
	ID, Name, By, Ends string
	Roles              []string
	Orgs               string
	Starts             bool
}

type orgLine struct {
	Href, Name, Members string
	Counts, Waits       bool
}

func (s *server) members(v *visit) error {
	return s.showMembers(v, membersBody{Done: v.done(), NewCounts: true})
}

func (s *server) showMembers(v *visit, body membersBody) error {
	ctx := v.r.Context()
	views, err := s.reg.LookedAfter(ctx, v.session)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, o := range sorted(v.voice, views, orgName) {
		names[o.ID] = o.Name
		line := orgLine{Href: "/organisations/" + o.ID, Name: o.Name, Counts: o.Counts, Members: v.N("members.count", len(o.Members)), Waits: len(o.Members) == 0}
		body.Orgs = append(body.Orgs, line)
	}
	var members []registry.MemberView
	var waiting []registry.InvitationView
	if body.Office = s.reg.May(v.session, access.Administer); body.Office {
		if members, waiting, err = s.reg.Members(ctx, v.session); err != nil {
			return err
		}
		place, err := s.reg.Place(ctx, v.session, false) // nobody is asked
		if err != nil {
			return err
		}
		body.Place = v.place(place)
		if body.Backup, err = s.backupWarning(v); err != nil {
			return err
		}
	}
	by := map[string]string{}
	for _, m := range sorted(v.voice, members, func(m registry.MemberView) string { return m.Name }) {
		by[m.ID] = m.Name
		line := memberLine{
			Href: "/members/" + m.ID, Name: m.Name, Roles: v.roles(m.Roles), Orgs: v.listed(m.Orgs, names),
			Since: v.day(edtf.DayOf(m.Since)), Factor: m.SecondFactor, You: m.ID == v.session.Member.ID,
		}
		if m.Left {
			body.Left = append(body.Left, line)
		} else {
			body.Here = append(body.Here, line)
		}
	}
	for _, i := range waiting {
		body.Waiting = append(body.Waiting, inviteLine{
			ID: i.ID, Name: i.Name, By: by[i.By], Ends: v.moment(i.Ends), Roles: v.roles(i.Roles), Orgs: v.listed(i.Orgs, names), Starts: i.Starts,
		})
	}
	return s.show(v, "members", v.T("members.title"), body)
}

// roles are the labels of roles.
func (v *voice) roles(roles []access.Role) []string {
	labels := make([]string, len(roles))
	for i, role := range roles {
		labels[i] = v.label("member_role", string(role))
	}
	return labels
}

func (v *voice) listed(ids []string, names map[string]string) string {
	var known []string
	for _, id := range ids {
		if names[id] != "" {
			known = append(known, names[id])
		}
	}
	return strings.Join(sorted(v, known, func(name string) string { return name }), ", ")
}

func orgName(o registry.OrgView) string { return o.Name }

// tick is a box to tick.
type tick struct {
	Value, Label, Help string
	On, Off            bool // ticked; can't be changed
}

type inviteBody struct {
	Problem string
	Name    string
	Langs   []tick
	Roles   []tick
	Orgs    []tick
	Starts  bool
}

func (s *server) inviteForm(v *visit) error {
	return s.showInvite(v, registry.NewInvitation{Lang: v.Code()}, "")
}

func (s *server) showInvite(v *visit, n registry.NewInvitation, problem string) error {
	if _, _, err := s.reg.Members(v.r.Context(), v.session); err != nil { // those who may ask people in
		return err
	}
	views, err := s.reg.LookedAfter(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	body := inviteBody{Problem: problem, Name: n.Name, Starts: n.Starts, Roles: s.roleChoices(v, "", n.Roles, nil)}
	for _, l := range s.words.Languages() {
		body.Langs = append(body.Langs, tick{Value: l.Code(), Label: v.label("interface_language", l.Code()), On: l.Code() == n.Lang})
	}
	for _, o := range sorted(v.voice, views, orgName) {
		if o.MayAsk {
			help := ""
			if len(o.Members) == 0 {
				help = v.T("invite.org.first")
			}
			body.Orgs = append(body.Orgs, tick{Value: o.ID, Label: o.Name, Help: help, On: slices.Contains(n.Orgs, o.ID)})
		}
	}
	return s.show(v, "invite", v.T("invite.title"), body)
}

// roleChoices are the roles to tick: those that the member may give, and those
// that somebody has already.
func (s *server) roleChoices(v *visit, to string, ticked, has []access.Role) []tick {
	givable := s.reg.Givable(v.session, to)
	var choices []tick
	for _, role := range access.Roles() {
		c := tick{Value: string(role), Label: v.label("member_role", string(role)), Help: v.T("role." + string(role)), On: slices.Contains(ticked, role)}
		if c.Off = !slices.Contains(givable, role) && !slices.Contains(has, role); c.Off && to == "" {
			continue
		}
		choices = append(choices, c)
	}
	return choices
}

func formRoles(r *http.Request) []access.Role {
	var roles []access.Role
	for _, role := range r.PostForm["role"] {
		roles = append(roles, access.Role(role))
	}
	return roles
}

type invitedBody struct {
	Name, Ends, Link string
	Groups           []string
	QR               template.HTML
	Lang             string
}

// invite shows the code once, on the answer to the form: it must be in no address.
func (s *server) invite(v *visit) error {
	f := v.r.PostForm
	n := registry.NewInvitation{Name: f.Get("name"), Lang: f.Get("lang"), Orgs: f["org"], Roles: formRoles(v.r), Starts: f.Get("starts") != ""}
	code, i, err := s.reg.Invite(v.r.Context(), v.session, n)
	if err != nil {
		if problem := v.problem(err); problem != "" {
			return s.showInvite(v, n, problem)
		}
		return err
	}
	scheme := "http://"
	if s.secure {
		scheme = "https://"
	}
	body := invitedBody{Name: i.Name, Ends: v.moment(i.Ends), Link: scheme + v.r.Host + "/join/" + code.String(), Groups: strings.Split(code.String(), "-")}
	if body.QR, err = qrSVG(body.Link, v.T("invited.qr")); err != nil {
		return err
	}
	return s.show(v, "invited", v.T("invited.title"), body)
}

func (s *server) takeBack(v *visit) error {
	if err := s.reg.TakeBack(v.r.Context(), v.session, v.r.PathValue("id")); err != nil {
		return err
	}
	v.redirect("/members?done=taken_back")
	return nil
}
