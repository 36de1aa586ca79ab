// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

type orgBody struct {
	Done, Problem       string
	ID, Name            string
	NewName, Who        string // as they were typed
	Counts              bool
	Members             []orgMember
	Waiting             []inviteLine
	MayLetIn, MayLetOut bool
	MayAsk, MayCounts   bool
	MayRename           bool
	Second, MaySecond   bool // exports of its cases need a second person
}

type orgMember struct {
	ID, Name string
	Roles    []string
	You      bool
}

func (s *server) organisation(v *visit) error { return s.showOrganisation(v, "") }

func (s *server) showOrganisation(v *visit, problem string) error {
	views, err := s.reg.LookedAfter(v.r.Context(), v.session)
	if errors.Is(err, registry.ErrNotAllowed) {
		return registry.ErrNotFound // whether there is such an organisation is told alike
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(views, func(o registry.OrgView) bool { return o.ID == v.r.PathValue("id") })
	if i < 0 {
		return registry.ErrNotFound
	}
	o := views[i]
	body := orgBody{
		Done: v.done(), Problem: problem, ID: o.ID, Name: o.Name, NewName: o.Name, Who: v.r.PostForm.Get("who"), Counts: o.Counts,
		MayLetIn: o.MayLetIn, MayLetOut: o.MayLetIn || s.reg.May(v.session, access.Administer), MayAsk: o.MayAsk, MayCounts: o.MayCounts, MayRename: o.MayRename,
		Second: o.Second, MaySecond: o.MaySecond,
	}
	if typed := v.r.PostForm.Get("name"); typed != "" {
		body.NewName = typed
	}
	for _, m := range sorted(v.voice, o.Members, func(m access.Member) string { return m.Name }) {
		body.Members = append(body.Members, orgMember{m.ID, m.Name, v.roles(m.Roles), m.ID == v.session.Member.ID})
	}
	for _, i := range o.Waiting {
		body.Waiting = append(body.Waiting, inviteLine{Name: i.Name, Ends: v.moment(i.Ends), Roles: v.roles(i.Roles)})
	}
	return s.show(v, "organisation", v.T("organisation.title"), body)
}

func (s *server) addOrganisation(v *visit) error {
	f := v.r.PostForm
	n := registry.NewOrganisation{Name: f.Get("name"), Counts: f.Get("counts") != "", ForOthers: f.Get("ours") == ""}
	if _, there := s.orgNamed(v, n.Name); there {
		return s.showMembers(v, membersBody{Problem: v.problem(registry.ErrOrgTaken), NewOrg: n.Name, NewCounts: n.Counts, NewOurs: !n.ForOthers})
	}
	o, err := s.reg.AddOrganisation(v.r.Context(), v.session, n)
	if err != nil {
		if problem := v.problem(err); problem != "" {
			return s.showMembers(v, membersBody{Problem: problem, NewOrg: n.Name, NewCounts: n.Counts, NewOurs: !n.ForOthers})
		}
		return err
	}
	v.redirect(link("/organisations/"+o.ID, "done", "added"))
	return nil
}

// orgNamed finds an organisation that the member looks after by its name.
func (s *server) orgNamed(v *visit, name string) (registry.OrgView, bool) {
	views, err := s.reg.LookedAfter(v.r.Context(), v.session)
	if err != nil {
		return registry.OrgView{}, false
	}
	i := slices.IndexFunc(views, func(o registry.OrgView) bool { return sameWords(o.Name, name) })
	if i < 0 {
		return registry.OrgView{}, false
	}
	return views[i], true
}

func (s *server) changeOrganisation(v *visit) error {
	err := s.reg.ChangeOrganisation(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PostForm.Get("name"), v.r.PostForm.Get("counts") == "yes")
	return s.orgTurned(v, err, "changed")
}

// wantSecond says whether exports of its cases need a second person.
func (s *server) wantSecond(v *visit) error {
	err := s.reg.WantSecond(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PostForm.Get("second") == "yes")
	return s.orgTurned(v, err, "second")
}

// letIn finds the member by the name that was typed: a case worker has no list of all members.
func (s *server) letIn(v *visit) error {
	m, err := s.reg.FindMember(v.r.Context(), v.session, v.r.PostForm.Get("who"))
	if errors.Is(err, registry.ErrNotFound) {
		v.status = http.StatusUnprocessableEntity
		return s.showOrganisation(v, v.T("members.problem.nobody"))
	}
	if err == nil {
		err = s.reg.LetIn(v.r.Context(), v.session, v.r.PathValue("id"), m.ID)
	}
	return s.orgTurned(v, err, "let_in")
}

func (s *server) letOut(v *visit) error {
	id := v.r.PostForm.Get("member")
	err := s.reg.LetOut(v.r.Context(), v.session, v.r.PathValue("id"), id)
	if err == nil && id == v.session.Member.ID {
		v.redirect("/sign-in") // their own session has ended
		return nil
	}
	return s.orgTurned(v, err, "let_out")
}

func (s *server) orgTurned(v *visit, err error, done string) error {
	if err != nil {
		if problem := v.problem(err); problem != "" {
			return s.showOrganisation(v, problem)
		}
		return err
	}
	v.redirect(link("/organisations/"+v.r.PathValue("id"), "done", done))
	return nil
}
