// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// sameWords tells whether two texts are the same but for capitals and spaces.
func sameWords(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

type joinBody struct {
	Problem string
	Step    string // "code", "show", "confirm", "done"
	Typed   string // a code as it was typed
	Path    string
	Name    string
	Inviter string
	Orgs    string
	Ends    string
	Starts  bool
	Roles   []tick
	Made    string // a passphrase to choose
	Own     bool   // they wanted one of their own
}

func (s *server) joinForm(v *visit) error { return s.showJoin(v, joinBody{Step: "code"}) }

func (s *server) showJoin(v *visit, body joinBody) error {
	return s.show(v, "join", v.T("join.title"), body)
}

func (s *server) joinTyped(v *visit) error {
	if err := limitedForm(v); err != nil {
		return err
	}
	typed := v.r.PostFormValue("typed")
	code, err := access.ParseCode(typed)
	if err != nil {
		v.status = http.StatusUnprocessableEntity
		return s.showJoin(v, joinBody{Step: "code", Typed: typed, Problem: v.T("join.mistyped")})
	}
	v.redirect("/join/" + code.String())
	return nil
}

func limitedForm(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	return nil
}

// invited reads the code of the address and what it invites to; false: the
// request has been answered.
func (s *server) invited(v *visit) (access.Code, joinBody, bool, error) {
	code, err := access.ParseCode(v.r.PathValue("code"))
	var i registry.Invited
	if err == nil {
		i, err = s.reg.Invitation(v.r.Context(), code)
	}
	if errors.Is(err, access.ErrCode) || errors.Is(err, registry.ErrInvitation) {
		v.status = http.StatusNotFound
		key := "join.over"
		if errors.Is(err, access.ErrCode) {
			key = "join.mistyped"
		}
		return code, joinBody{}, false, s.showJoin(v, joinBody{Step: "code", Problem: v.T(key)})
	}
	if err != nil {
		return code, joinBody{}, false, err
	}
	body := joinBody{
		Path: "/join/" + code.String(), Name: i.Name, Inviter: i.Inviter, Orgs: strings.Join(i.Organisations, ", "), Ends: v.moment(i.Ends), Starts: i.Starts,
	}
	for _, role := range i.Roles {
		body.Roles = append(body.Roles, tick{Label: v.label("member_role", string(role)), Help: v.T("role." + string(role))})
	}
	return code, body, true, nil
}

func (s *server) join(v *visit) error {
	_, body, ok, err := s.invited(v)
	if !ok || err != nil {
		return err
	}
	if body.Made, err = s.reg.NewPassphrase(); err != nil {
		return err
	}
	body.Step = "show"
	return s.showJoin(v, body)
}

// accept takes the steps of somebody who was invited: the passphrase that was
// made is shown, then typed back from the paper, then they are a member. Or
// they take one of their own.
func (s *server) accept(v *visit) error {
	if err := limitedForm(v); err != nil {
		return err
	}
	code, body, ok, err := s.invited(v)
	if !ok || err != nil {
		return err
	}
	f := v.r.PostForm
	body.Made = f.Get("made")
	passphrase := body.Made
	switch f.Get("step") {
	case "written":
		body.Step = "confirm"
		return s.showJoin(v, body)
	case "show":
		body.Step = "show"
		return s.showJoin(v, body)
	case "confirm":
		if !sameWords(f.Get("typed"), body.Made) {
			body.Step, body.Problem = "confirm", v.T("join.differs")
		}
	case "own":
		body.Own, passphrase = true, f.Get("own")
		if !slices.Equal(strings.Fields(passphrase), strings.Fields(f.Get("again"))) {
			body.Step, body.Problem = "show", v.T("join.own.differs")
		}
	default:
		return errBadRequest
	}
	if body.Problem == "" {
		var weak *access.WeakError
		switch err := s.become(v, code, passphrase); {
		case err == nil:
			return s.showJoin(v, joinBody{Step: "done", Name: body.Name})
		case errors.As(err, &weak):
			body.Step, body.Own, body.Problem = "show", true, v.T("join.weak."+weak.Why)
		case errors.Is(err, registry.ErrInvitation): // somebody else was quicker
			v.status = http.StatusNotFound
			return s.showJoin(v, joinBody{Step: "code", Problem: v.T("join.over")})
		default:
			return err
		}
	}
	v.status = http.StatusUnprocessableEntity
	return s.showJoin(v, body)
}

// become makes the member. Without a passphrase the register would make one
// that nobody has seen.
func (s *server) become(v *visit, code access.Code, passphrase string) error {
	if strings.TrimSpace(passphrase) == "" {
		return &access.WeakError{Why: access.TooShort}
	}
	_, _, err := s.reg.Accept(v.r.Context(), code, registry.Acceptance{Lang: v.Code(), Passphrase: passphrase})
	return err
}
