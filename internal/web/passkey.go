// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

type passkeysBody struct {
	Question *registry.PasskeyQuestion // nil: the address of the pages can't have passkeys
	Keys     []passkeyRow
	Each     bool // one that signs in alone is a second step, too, because there is one
	Idle     bool // one that is a second step only is of no use, because there is none
	Name     string
	Done     string
	Problem  string
}

type passkeyRow struct {
	ID, Name, Since string
	Opens, Synced   bool
}

// passkeysPage is where a member makes passkeys and removes them.
func (s *server) passkeysPage(v *visit) error {
	done := ""
	switch what := v.r.URL.Query().Get("done"); what {
	case "made", "renamed", "removed":
		done = v.T("passkey.done." + what)
	}
	return s.showPasskeys(v, passkeysBody{Done: done})
}

func (s *server) showPasskeys(v *visit, body passkeysBody) error {
	codes := s.reg.Factor(v.session).On
	for _, k := range s.reg.Passkeys(v.session) {
		body.Keys = append(body.Keys, passkeyRow{k.ID, k.Name, v.moment(k.Since), k.Opens, k.Synced})
		body.Each, body.Idle = body.Each || k.Opens && codes, body.Idle || !k.Opens && !codes
	}
	q, err := s.reg.AskToMake(v.session)
	switch {
	case err == nil:
		body.Question = &q
		v.script("passkey.js")
	case !errors.Is(err, registry.ErrNoPasskeys):
		return err
	}
	return s.show(v, "passkeys", v.T("passkey.title"), body)
}

// passkeyForm reads what the script has put into a form.
func passkeyForm(r *http.Request) (answer, secret []byte, err error) {
	secret, err = base64.RawURLEncoding.DecodeString(r.PostFormValue("secret"))
	return []byte(r.PostFormValue("answer")), secret, err
}

func (s *server) addPasskey(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, postLimit)
	answer, secret, err := passkeyForm(v.r)
	if err != nil {
		return errBadRequest
	}
	body := passkeysBody{Name: v.r.PostFormValue("name")}
	err = s.reg.AddPasskey(v.r.Context(), v.session, registry.NewPasskey{
		Name: body.Name, Passphrase: v.r.PostFormValue("passphrase"), Answer: answer, Secret: secret,
	})
	switch {
	case err == nil:
		v.redirect("/account/passkeys?done=made")
		return nil
	case errors.Is(err, access.ErrSignIn):
		body.Problem = v.T("passkey.problem.passphrase")
	case errors.Is(err, access.ErrTooMany):
		body.Problem, _ = s.retryAfter(v, err)
	case errors.Is(err, registry.ErrPasskeyGives):
		body.Problem = v.T("passkey.problem.codes")
	case errors.Is(err, registry.ErrPasskeyName):
		body.Problem = v.T("passkey.problem.name")
	case errors.Is(err, registry.ErrPasskey):
		body.Problem = v.T("passkey.problem.again")
	default:
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showPasskeys(v, body)
}

func (s *server) renamePasskey(v *visit) error {
	switch err := s.reg.RenamePasskey(v.r.Context(), v.session, v.r.PostFormValue("id"), v.r.PostFormValue("name")); {
	case errors.Is(err, registry.ErrPasskeyName):
		v.status = http.StatusUnprocessableEntity
		return s.showPasskeys(v, passkeysBody{Problem: v.T("passkey.problem.name")})
	case err != nil:
		return err
	}
	v.redirect("/account/passkeys?done=renamed")
	return nil
}

func (s *server) removePasskey(v *visit) error {
	if err := s.reg.RemovePasskey(v.r.Context(), v.session, v.r.PostFormValue("id")); err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	v.redirect("/account/passkeys?done=removed")
	return nil
}

// signInByPasskey lets a member in by a passkey alone.
func (s *server) signInByPasskey(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, postLimit)
	answer, secret, err := passkeyForm(v.r)
	if err != nil {
		return errBadRequest
	}
	body := signInBody{Next: nextPage(v.r.PostFormValue("next"))}
	session, err := s.reg.SignInByPasskey(v.r.Context(), registry.PasskeyAnswer{Answer: answer, Secret: secret, Device: s.deviceToken(v)})
	switch {
	case err == nil:
		s.enter(v, session)
		v.redirect(landing(body.Next))
		return nil
	case errors.Is(err, registry.ErrPasskeyCopied):
		body.Problem = v.T("passkey.problem.copied")
	case errors.Is(err, registry.ErrPasskeyGives):
		body.Problem = v.T("passkey.problem.gives")
	case errors.Is(err, registry.ErrPasskey):
		body.Problem = v.T("passkey.problem.wrong")
	case errors.Is(err, registry.ErrNoPasskeys):
		return registry.ErrNotFound
	default:
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showSignIn(v, body)
}

// stepByPasskey takes a passkey in the place of a code.
func (s *server) stepByPasskey(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, postLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	body := codeBody{Next: nextPage(v.r.PostFormValue("next"))}
	h, ok := s.step(v, access.GiveCode)
	if !ok {
		return s.stepOver(v, body.Next)
	}
	session, err := s.reg.SignInPasskeyStep(v.r.Context(), h.Token(), []byte(v.r.PostFormValue("answer")))
	switch {
	case err == nil:
		s.enter(v, session)
		v.redirect(landing(body.Next))
		return nil
	case errors.Is(err, access.ErrHalfOver):
		return s.stepOver(v, body.Next)
	case errors.Is(err, registry.ErrPasskeyCopied):
		body.Problem = v.T("passkey.problem.step_copied")
	case errors.Is(err, registry.ErrPasskey):
		body.Problem = v.T("passkey.problem.step")
	case errors.Is(err, registry.ErrNoPasskeys):
		return registry.ErrNotFound
	default:
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showCode(v, h, body)
}

// showCode shows the page of the second step, with a passkey's question where
// the member has one.
func (s *server) showCode(v *visit, h *access.Half, body codeBody) error {
	if q, err := s.reg.AskToStep(h.Token()); err == nil {
		body.Passkey = &q
		v.script("passkey.js")
	}
	return s.show(v, "code", v.T("factor.code.title"), body)
}

// showSignIn shows the sign-in page, with a passkey's question where there can be one.
func (s *server) showSignIn(v *visit, body signInBody) error {
	if q, err := s.reg.AskToOpen(); err == nil {
		body.Passkey = &q
		v.script("passkey.js")
	}
	return s.show(v, "signin", v.T("signin.title"), body)
}
