// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

type memberBody struct {
	Done, Problem string
	ID, Name      string
	NewName       string // as it was typed
	Since, Lang   string
	You, Factor   bool
	Roles         []tick
	Orgs          []memberOrg
}

type memberOrg struct{ ID, Name, Href string }

func (s *server) member(v *visit) error { return s.showMember(v, "", nil) }

// one finds the member of the address, by id alone.
func (s *server) one(v *visit) (registry.MemberView, error) {
	members, _, err := s.reg.Members(v.r.Context(), v.session)
	if err != nil {
		return registry.MemberView{}, err
	}
	i := slices.IndexFunc(members, func(m registry.MemberView) bool { return m.ID == v.r.PathValue("id") && !m.Left })
	if i < 0 {
		return registry.MemberView{}, registry.ErrNotFound
	}
	return members[i], nil
}

// showMember shows a member's page, with what is wrong with the form that was
// sent and what was typed into it.
func (s *server) showMember(v *visit, problem string, ticked []access.Role) error {
	m, err := s.one(v)
	if err != nil {
		return err
	}
	views, err := s.reg.LookedAfter(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	if ticked == nil {
		ticked = m.Roles
	}
	body := memberBody{
		Done: v.done(), Problem: problem, ID: m.ID, Name: m.Name, NewName: m.Name, Since: v.day(edtf.DayOf(m.Since)), Lang: v.label("interface_language", m.Lang),
		You: m.ID == v.session.Member.ID, Factor: m.SecondFactor, Roles: s.roleChoices(v, m.ID, ticked, m.Roles),
	}
	if typed := v.r.PostForm.Get("name"); typed != "" {
		body.NewName = typed
	}
	for _, o := range sorted(v.voice, views, orgName) {
		if slices.Contains(m.Orgs, o.ID) {
			body.Orgs = append(body.Orgs, memberOrg{o.ID, o.Name, "/organisations/" + o.ID})
		}
	}
	return s.show(v, "member", v.T("member.title"), body)
}

// turned is what becomes of a form on a member's page.
func (s *server) turned(v *visit, err error, done string, ticked []access.Role) error {
	if err != nil {
		if problem := v.problem(err); problem != "" {
			return s.showMember(v, problem, ticked)
		}
		return err
	}
	if id := v.r.PathValue("id"); id != v.session.Member.ID || done == "name" || done == "factor" {
		v.redirect(link("/members/"+id, "done", done))
		return nil
	}
	v.redirect("/sign-in") // their own session has ended
	return nil
}

func (s *server) memberRoles(v *visit) error {
	roles := formRoles(v.r)
	err := s.reg.SetRoles(v.r.Context(), v.session, v.r.PathValue("id"), roles)
	return s.turned(v, err, "roles", append([]access.Role{}, roles...))
}

func (s *server) memberFactor(v *visit) error {
	err := s.reg.SetSecondFactor(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PostForm.Get("compulsory") == "yes")
	return s.turned(v, err, "factor", nil)
}

func (s *server) memberName(v *visit) error {
	err := s.reg.Rename(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PostForm.Get("name"))
	return s.turned(v, err, "name", nil)
}

type endBody struct {
	ID, Name, Problem string
	You               bool
}

func (s *server) memberEnd(v *visit) error { return s.showEnd(v, "") }

func (s *server) showEnd(v *visit, problem string) error {
	m, err := s.one(v)
	if err != nil {
		return err
	}
	return s.show(v, "member-end", v.T("end.title"), endBody{ID: m.ID, Name: m.Name, Problem: problem, You: m.ID == v.session.Member.ID})
}

func (s *server) endMember(v *visit) error {
	id := v.r.PathValue("id")
	if err := s.reg.EndMember(v.r.Context(), v.session, id); err != nil {
		if problem := v.problem(err); problem != "" {
			return s.showEnd(v, problem)
		}
		return err
	}
	if id == v.session.Member.ID {
		v.redirect("/sign-in")
		return nil
	}
	v.redirect("/members?done=ended")
	return nil
}
