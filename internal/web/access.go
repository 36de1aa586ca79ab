// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// accessCard is who may read a case, for those who may say so.
type accessCard struct {
	Lead, Action string
	Restricted   bool
	Grants       []grantLine
	Holders      []optionGroup
	Parts        []choice
	Today        string
	Revoked      []revokedLine // by former keepers
	MayGrant     bool          // else it is shown to who kept the case before
	Kept         bool          // the member's organisation kept it before
	Orgs         []optionGroup // that a former keeper can name
	HandTo       []option      // to whom it can be handed over
	Hand, Why    string        // where that form goes, and what was written in it
	Handed       string        // where it is on its way to
	Despite      bool          // a revocation stands against what the form asks for

	// Of a form that was not taken: why, and what was written in it.
	Problem, Other, Until string
}

type grantLine struct {
	ID, To, Kind, Part, Until, State, By string
	Open                                 bool // its form was not taken
	Over                                 bool // there is nothing to take back
}

// revokedLine is what a former keeper has said.
type revokedLine struct{ Text, Reason, By string }

type optionGroup struct {
	Name    string
	Options []option
}

// choice is one of several things to choose, with what it means.
type choice struct {
	Code, Label, Hint string
	Chosen            bool
}

// accessForm is what somebody sent who changes who may read a case.
type accessForm struct {
	act, grant, to, other, part, until string
	reason                             string // of handing over
	despite                            bool
	refused                            error
}

// accessPage is the address of the forms: there is nothing to read but the case.
func (s *server) accessPage(v *visit) error {
	v.redirect("/cases/" + url.PathEscape(v.r.PathValue("id")) + "#access")
	return nil
}

// changeAccess grants, takes back, restricts or lifts. What is not done is told
// on the page of the case, with all that was written.
func (s *server) changeAccess(v *visit) error {
	form := accessForm{
		act: v.r.PostFormValue("act"), grant: v.r.PostFormValue("grant"), to: v.r.PostFormValue("to"),
		other: strings.TrimSpace(v.r.PostFormValue("other")), part: v.r.PostFormValue("part"), until: v.r.PostFormValue("until"),
		despite: v.r.PostFormValue("despite") == "yes",
	}
	id, ctx := v.r.PathValue("id"), v.r.Context()
	var err error
	switch form.act {
	case "grant":
		g := registry.NewGrant{To: form.to, Part: access.Part(form.part), Despite: form.despite}
		if form.other != "" {
			g.To = form.other
		}
		if form.until != "" {
			if g.Until, err = edtf.ParseDay(form.until); err != nil {
				return errBadRequest
			}
		}
		_, err = s.reg.Grant(ctx, v.session, id, g)
	case "revoke":
		err = s.reg.Revoke(ctx, v.session, id, form.grant, v.r.PostFormValue("reason"))
	case "revoke-kept":
		_, err = s.reg.RevokeKept(ctx, v.session, id, form.to, v.r.PostFormValue("reason"))
	case "restrict", "lift":
		err = s.reg.Restrict(ctx, v.session, id, form.act == "restrict")
	default:
		return errBadRequest
	}
	if err == nil {
		v.redirect("/cases/" + url.PathEscape(id) + "#access")
		return nil
	}
	if v.accessProblem(err) == "" {
		return err
	}
	form.refused = err
	v.status = http.StatusUnprocessableEntity
	return s.showCase(v, caseForms{access: form})
}

// accessProblem says why access was not changed; empty: that is not for the page of the case to say.
func (v *visit) accessProblem(err error) string {
	for _, p := range []struct {
		err error
		key string
	}{
		{registry.ErrNoHolder, "no_holder"}, {registry.ErrTwoHolders, "two_holders"}, {registry.ErrPart, "part"},
		{registry.ErrUntil, "until"}, {registry.ErrOwner, "owner"}, {registry.ErrByName, "by_name"},
		{registry.ErrOpensNothing, "opens_nothing"}, {registry.ErrLastReader, "last_reader"},
		{registry.ErrRevoked, "revoked"}, {registry.ErrNotOrganisation, "not_organisation"},
		{registry.ErrReason, "reason"}, {registry.ErrConflict, "conflict"},
	} {
		if errors.Is(err, p.err) {
			return v.T("access.problem." + p.key)
		}
	}
	return ""
}

// access makes the card.
func (c *caseReader) access(holders []registry.Holder, form accessForm) *accessCard {
	card := &accessCard{
		Lead: c.T("access.lead", c.file.Row.OrgName), Action: casePath(c.file.Row) + "/access#access",
		Restricted: c.file.Restricted, Today: c.reg.Today().String(),
		Other: form.other, Until: form.until,
		MayGrant: c.file.MayGrant, Kept: c.file.MayRevoke, Despite: errors.Is(form.refused, registry.ErrRevoked),
	}
	if card.Problem = c.accessProblem(form.refused); form.act == "hand" {
		card.Problem = c.exchangeProblem(form.refused)
	}
	for _, h := range sorted(c.voice, c.file.HandTo, func(h registry.Holder) string { return h.Name }) {
		card.HandTo = append(card.HandTo, option{h.ID, h.Name, form.act == "hand" && form.to == h.ID})
	}
	card.Hand, card.Why = casePath(c.file.Row)+"/hand#access", form.reason
	if c.file.Handed != "" {
		card.Handed = c.T("exchange.on_way", c.file.Handed)
	}
	for _, r := range c.file.Revoked {
		card.Revoked = append(card.Revoked, revokedLine{c.T("access.revoked", r.To), r.Reason, c.T("access.revoked.by", r.By, c.moment(r.At))})
	}
	if card.Kept {
		card.Lead = c.T("access.lead.kept", c.file.Row.OrgName)
		card.Orgs = c.holderGroups(slices.DeleteFunc(slices.Clone(holders), func(h registry.Holder) bool { return !h.Org }), form.to, "")
	} else if c.file.Counted {
		card.Lead += " " + c.T("access.lead.counted")
	}
	if card.Restricted {
		card.Lead = c.T("access.lead.restricted")
	}
	for _, g := range c.file.Grants {
		line := grantLine{
			ID: g.ID, To: g.To, Kind: c.T("access.member"), Part: c.T("access.part." + string(g.Part)), Until: c.T("access.until.open"),
			By: c.T("access.by", g.By, c.moment(g.At)), Open: form.act == "revoke" && form.grant == g.ID, Over: g.Over,
		}
		if g.Org {
			line.Kind = c.T("access.organisation")
		}
		if g.Until != 0 {
			line.Until = c.T("access.until.day", g.Until)
		}
		switch {
		case len(g.Revoked) > 0:
			line.State = c.T("access.beaten", g.Revoked[0].By)
		case g.Over:
			line.State = c.T("access.over")
		case g.Org && card.Restricted:
			line.State = c.T("access.rests")
		}
		card.Grants = append(card.Grants, line)
	}
	card.Holders = c.holderGroups(holders, form.to, c.T("access.members", c.file.Row.OrgName))
	for _, part := range []access.Part{access.Fact, access.Identity} {
		card.Parts = append(card.Parts, choice{string(part), c.T("access.part." + string(part)), c.T("access.part." + string(part) + ".hint"), form.part == string(part)})
	}
	return card
}

// holderGroups are those to whom cases can be granted, to choose from.
func (v *voice) holderGroups(holders []registry.Holder, chosen, colleagues string) (groups []optionGroup) {
	orgs, members := optionGroup{Name: v.T("access.organisations")}, optionGroup{Name: colleagues}
	for _, h := range sorted(v, holders, func(h registry.Holder) string { return h.Name }) {
		text := []string{h.Name}
		for _, role := range h.Roles {
			text = append(text, v.label("member_role", string(role)))
		}
		o := option{h.ID, join(text), chosen == h.ID}
		if h.Org {
			orgs.Options = append(orgs.Options, o)
		} else {
			members.Options = append(members.Options, o)
		}
	}
	for _, group := range []optionGroup{orgs, members} {
		if len(group.Options) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}
