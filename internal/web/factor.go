// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"rsc.io/qr"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// The second step of a sign-in, and setting up what it asks for. Between the
// two steps the browser holds a token of its own: it is no session and opens
// nothing but these pages.

func (s *server) stepCookie() string { return s.cookieName() + "-step" }

// step is the half-open sign-in of a visit.
func (s *server) step(v *visit, want access.Step) (*access.Half, bool) {
	c, err := v.r.Cookie(s.stepCookie())
	if err != nil {
		return nil, false
	}
	h, ok := s.reg.HalfOpen(c.Value)
	return h, ok && h.Step == want
}

// stepOver leads whose second step is over back to the first.
func (s *server) stepOver(v *visit, next string) error {
	s.setCookie(v, s.stepCookie(), "", -1)
	v.redirect(link("/sign-in", "again", "1", "next", next))
	return nil
}

// nextStep leads from the right passphrase to what is still needed.
func (s *server) nextStep(v *visit, h *access.Half, next string) {
	s.setCookie(v, s.stepCookie(), h.Token(), 0)
	path := "/sign-in/code"
	if h.Step == access.SetFactor {
		path = "/sign-in/factor"
	}
	v.redirect(link(path, "next", next))
}

// enter gives the browser what a sign-in has opened.
func (s *server) enter(v *visit, session *access.Session) {
	if v.session != nil {
		s.reg.SignOut(v.session)
	}
	s.reg.NameDevice(session, browserName(v.r.UserAgent()))
	s.setCookie(v, s.cookieName(), session.Token(), 0)
	s.setCookie(v, s.deviceCookie(), session.DeviceToken, access.DeviceLasts)
	if _, err := v.r.Cookie(s.stepCookie()); err == nil {
		s.setCookie(v, s.stepCookie(), "", -1)
	}
}

type codeBody struct {
	Next, Problem string
	Passkey       *registry.PasskeyQuestion // nil: there is none
}

func (s *server) codePage(v *visit) error {
	next := nextPage(v.r.URL.Query().Get("next"))
	h, ok := s.step(v, access.GiveCode)
	if !ok {
		return s.stepOver(v, next)
	}
	return s.showCode(v, h, codeBody{Next: next})
}

func (s *server) giveCode(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	body := codeBody{Next: nextPage(v.r.PostFormValue("next"))}
	h, ok := s.step(v, access.GiveCode)
	if !ok {
		return s.stepOver(v, body.Next)
	}
	session, err := s.reg.SignInCode(v.r.Context(), h.Token(), v.r.PostFormValue("code"))
	if err == nil {
		s.enter(v, session)
		v.redirect(landing(body.Next))
		return nil
	}
	if errors.Is(err, access.ErrHalfOver) {
		return s.stepOver(v, body.Next)
	}
	if body.Problem, err = s.codeProblem(v, err); err != nil {
		return err
	}
	return s.showCode(v, h, body)
}

// codeProblem says why a code was not taken.
func (s *server) codeProblem(v *visit, err error) (string, error) {
	switch {
	case errors.Is(err, access.ErrTooMany):
		s.retryAfter(v, err)
		v.status = http.StatusTooManyRequests
		return v.T("factor.guessed"), nil
	case errors.Is(err, access.ErrFactor):
		v.status = http.StatusUnprocessableEntity
		return v.T("factor.wrong"), nil
	}
	return "", err
}

type factorBody struct {
	Action, Leave string
	Must          bool // before anything else
	Problem, Next string
	Label         string
	Secret        string // in groups of four, to be typed
	Side          int    // of the picture, in squares
	Squares       string // the path of the dark ones
	Replaces      bool
}

// factorForm is the page on which a second factor is set up.
func (s *server) factorForm(v *visit, secret string, body factorBody) error {
	code, err := qr.Encode(access.FactorURL(secret), qr.M)
	if err != nil {
		return err
	}
	body.Label, body.Secret = access.FactorLabel(secret), inFours(secret)
	body.Side, body.Squares = squares(code)
	return s.show(v, "factor", v.T("factor.title"), body)
}

// quiet is the empty margin that a reader of the picture needs (ISO/IEC 18004).
const quiet = 4

// squares draws a code as the path of an SVG: a rectangle for each run of dark squares in a row.
func squares(code *qr.Code) (side int, path string) {
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return code.Size + 2*quiet, b.String()
}

func inFours(secret string) string {
	var groups []string
	for i := 0; i < len(secret); i += 4 {
		groups = append(groups, secret[i:min(i+4, len(secret))])
	}
	return strings.Join(groups, " ")
}

func (s *server) mustSetFactor(v *visit) error {
	next := nextPage(v.r.URL.Query().Get("next"))
	h, ok := s.step(v, access.SetFactor)
	if !ok {
		return s.stepOver(v, next)
	}
	return s.factorForm(v, h.Secret, factorBody{Action: "/sign-in/factor", Leave: "/sign-in", Must: true, Next: next})
}

func (s *server) mustConfirmFactor(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	next := nextPage(v.r.PostFormValue("next"))
	h, ok := s.step(v, access.SetFactor)
	if !ok {
		return s.stepOver(v, next)
	}
	codes, session, err := s.reg.ConfirmFactorHalf(v.r.Context(), h.Token(), v.r.PostFormValue("code"))
	switch {
	case err == nil:
		s.enter(v, session)
		v.session = session
		return s.show(v, "recovery", v.T("factor.recovery.title"), recoveryBody{codes, landing(next)})
	case errors.Is(err, access.ErrHalfOver):
		return s.stepOver(v, next)
	}
	body := factorBody{Action: "/sign-in/factor", Leave: "/sign-in", Must: true, Next: next}
	if body.Problem, err = s.codeProblem(v, err); err != nil {
		return err
	}
	return s.factorForm(v, h.Secret, body)
}

type recoveryBody struct {
	Codes []string
	Next  string
}

// beginFactor begins to set up a member's own second factor.
func (s *server) beginFactor(v *visit) error {
	if err := s.reg.BeginFactor(v.r.Context(), v.session); err != nil {
		return err
	}
	v.redirect("/account/factor")
	return nil
}

func (s *server) factorPage(v *visit) error {
	if v.session.Offer() == "" {
		v.redirect("/account")
		return nil
	}
	return s.factorForm(v, v.session.Offer(), factorBody{Action: "/account/factor", Leave: "/account", Replaces: s.reg.Factor(v.session).On})
}

func (s *server) confirmFactor(v *visit) error {
	codes, err := s.reg.ConfirmFactor(v.r.Context(), v.session, v.r.PostFormValue("code"))
	switch {
	case err == nil:
		return s.show(v, "recovery", v.T("factor.recovery.title"), recoveryBody{codes, "/account"})
	case errors.Is(err, registry.ErrNoFactor):
		v.redirect("/account")
		return nil
	}
	body := factorBody{Action: "/account/factor", Leave: "/account", Replaces: s.reg.Factor(v.session).On}
	if body.Problem, err = s.codeProblem(v, err); err != nil {
		return err
	}
	return s.factorForm(v, v.session.Offer(), body)
}

func (s *server) endFactor(v *visit) error {
	switch err := s.reg.EndFactor(v.r.Context(), v.session); {
	case errors.Is(err, registry.ErrFactorCompulsory), errors.Is(err, registry.ErrNoFactor): // the page says so, and has no such button
	case err != nil:
		return err
	}
	v.redirect("/account?done=factor_off")
	return nil
}
