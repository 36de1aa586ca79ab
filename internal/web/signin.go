// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// formLimit is more than a name, a passphrase and a path take.
const formLimit = 16 << 10

type signInBody struct {
	Name, Next, Problem string
	Place               string // in the line, of who was sent away
	Locked, SignedOut   bool
	Over                bool                      // the session ended by itself
	Again               bool                      // the second step took too long, or failed too often
	Passkey             *registry.PasskeyQuestion // nil: there can be none
}

func (s *server) signInPage(v *visit) error {
	q := v.r.URL.Query()
	if v.session != nil {
		v.redirect(landing(q.Get("next")))
		return nil
	}
	return s.showSignIn(v, signInBody{
		Next: nextPage(q.Get("next")), Locked: q.Get("locked") != "", SignedOut: q.Get("out") != "", Over: q.Get("over") != "", Again: q.Get("again") != "",
	})
}

func (s *server) signIn(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	body := signInBody{Name: strings.TrimSpace(v.r.PostFormValue("name")), Next: nextPage(v.r.PostFormValue("next"))}
	passphrase := v.r.PostFormValue("passphrase")
	if body.Name == "" || passphrase == "" {
		body.Problem, v.status = v.T("signin.empty"), http.StatusUnprocessableEntity
		return s.showSignIn(v, body)
	}
	session, err := s.reg.SignIn(v.r.Context(), registry.SignIn{
		Name: body.Name, Passphrase: passphrase, From: v.r.RemoteAddr, Device: s.deviceToken(v), Place: v.r.PostFormValue("place"),
	})
	var more *access.StepError
	switch {
	case errors.As(err, &more):
		s.nextStep(v, more.Half, body.Next)
		return nil
	case errors.Is(err, access.ErrTooMany):
		body.Problem, body.Place = s.retryAfter(v, err)
		v.status = http.StatusTooManyRequests
		return s.showSignIn(v, body)
	case errors.Is(err, access.ErrSignIn):
		body.Problem, v.status = v.T("signin.wrong"), http.StatusUnprocessableEntity
		return s.showSignIn(v, body)
	case err != nil:
		return err
	}
	s.enter(v, session)
	v.redirect(landing(body.Next))
	return nil
}

// retryAfter says when to come back, and with which place.
func (s *server) retryAfter(v *visit, err error) (words, place string) {
	wait := time.Minute
	var sent *access.WaitError
	if errors.As(err, &sent) {
		wait, place = sent.Wait, sent.Place
	}
	seconds := int(wait.Seconds())
	v.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	if seconds < 60 {
		return v.N("signin.wait.seconds", seconds), place
	}
	return v.N("signin.wait.minutes", (seconds+59)/60), place
}

// deviceCookie is the name of the cookie that a browser keeps so that it is
// known at the next sign-in. It opens nothing.
func (s *server) deviceCookie() string { return s.cookieName() + "-device" }

func (s *server) deviceToken(v *visit) string {
	c, err := v.r.Cookie(s.deviceCookie())
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *server) signOut(v *visit) error {
	s.leave(v)
	v.redirect("/sign-in?out=1")
	return nil
}

// lock closes everything the member has open, wherever, in one tap and
// remembers where the reader was: the path only, because what follows it may
// be a name that was searched for.
func (s *server) lock(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	next := nextPage(v.r.PostFormValue("next"))
	if v.session != nil {
		s.reg.LockOwn(v.session)
	}
	s.setCookie(v, s.cookieName(), "", -1)
	v.redirect(link("/sign-in", "locked", "1", "next", next))
	return nil
}

// lockForAll locks the register for everybody, in one tap. Whoever comes back
// to this page gets it when the register is open again.
func (s *server) lockForAll(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	if s.lockAll == nil {
		return registry.ErrNotFound
	}
	if err := s.reg.LocksAll(v.session); err != nil {
		return err
	}
	next := nextPage(v.r.PostFormValue("next"))
	s.lockAll()
	s.setCookie(v, s.cookieName(), "", -1)
	v.redirect(landing(next))
	return nil
}

func (s *server) leave(v *visit) {
	if v.session != nil {
		s.lists.forget(v.session.Token())
		s.reg.SignOut(v.session)
	}
	s.setCookie(v, s.cookieName(), "", -1)
}

// nextPage lets through the path of a page of the register and nothing else,
// so that a sign-in leads nowhere but into it. The first page needs no mention.
func nextPage(path string) string {
	switch path {
	case "/cases", "/figures", "/about", "/audit", "/account", "/account/passkeys", "/members", "/drafts", "/state", "/map", "/patterns", "/outside", "/commitments", "/calendar", "/tasks", "/mail", "/searches", "/keys", "/matching", "/inbox", "/handbook":
		return path
	}
	for _, of := range []string{"/members/", "/organisations/"} {
		if one, ok := strings.CutPrefix(path, of); ok && one != "" && !strings.ContainsFunc(one, notInNumber) {
			return path
		}
	}
	for _, of := range []string{"/cases/", "/state/", "/outside/", "/commitments/", "/followed/", "/inbox/", "/handbook/"} {
		if rest, ok := strings.CutPrefix(path, of); ok && !slices.ContainsFunc(strings.Split(rest, "/"), notStep) {
			return path
		}
	}
	return ""
}

// notInNumber says whether a letter can't stand in an id, in the number of a
// case or in the code of an invitation.
func notInNumber(c rune) bool {
	return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}

// notStep says whether a step of an address is none of the pages'.
func notStep(step string) bool {
	return step == "" || strings.ContainsFunc(step, func(c rune) bool { return c != '_' && notInNumber(c) })
}

// landing is where a sign-in leads.
func landing(next string) string {
	if page := nextPage(next); page != "" {
		return page
	}
	return "/"
}
