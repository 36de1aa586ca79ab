// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

type accountBody struct {
	Name         string
	Roles        []string
	Orgs         []string
	Sessions     []sessionRow
	Others       int // sessions elsewhere
	Languages    []langOption
	KnownBrowser bool // it keeps a token by which it is known at the sign-in
	Factor       registry.FactorView
	FactorSince  string
	FactorLeft   string
	Told         *toldCard // what they are told outside the register; nil: nothing is ever due for them
	Done         string    // what was done a moment ago
	Problem      string    // why the passphrase was not changed
}

type sessionRow struct {
	ID, Device, Since, Seen string
	Here                    bool
}

type langOption struct {
	Code, Name string
	Chosen     bool
}

// account is a member's own page: their sessions, passphrase, language, second
// factor. What a member may do to their account alone stands here.
func (s *server) account(v *visit) error {
	done := ""
	for _, what := range []string{"ended", "others", "language", "forgotten", "factor_off"} {
		if v.r.URL.Query().Get("done") == what {
			done = v.T("account.done." + what)
		}
	}
	switch v.r.URL.Query().Get("done") {
	case "feed_ended":
		done = v.T("told.feed.ended")
	case "reminders":
		done = v.T("told.reminders.saved")
	}
	return s.showAccount(v, done, "")
}

func (s *server) showAccount(v *visit, done, problem string) error {
	m := v.session.Member
	body := accountBody{Name: m.Name, Done: done, Problem: problem, KnownBrowser: s.deviceToken(v) != ""}
	for _, role := range m.Roles {
		body.Roles = append(body.Roles, v.label("member_role", string(role)))
	}
	for _, id := range m.Orgs {
		if org, ok := s.reg.Organisation(v.r.Context(), id); ok {
			body.Orgs = append(body.Orgs, org.Name)
		}
	}
	for _, view := range s.reg.OwnSessions(v.session) {
		row := sessionRow{ID: view.ID, Device: view.Device, Since: v.moment(view.Since), Seen: v.moment(view.Seen), Here: view.Here}
		if row.Device == "" {
			row.Device = v.T("account.device.unknown")
		}
		if !row.Here {
			body.Others++
		}
		body.Sessions = append(body.Sessions, row)
	}
	body.Factor = s.reg.Factor(v.session)
	body.FactorSince, body.FactorLeft = v.moment(body.Factor.Since), v.N("factor.left", body.Factor.Left)
	for _, l := range s.words.Languages() {
		body.Languages = append(body.Languages, langOption{l.Code(), l.Name(), l.Code() == m.Lang})
	}
	body.Told = s.told(v, v.r.URL.Path == "/account/reminders")
	return s.show(v, "account", v.T("account.title"), body)
}

// endSession ends one of the member's own sessions.
func (s *server) endSession(v *visit) error {
	if err := s.reg.EndSession(v.session, v.r.PostFormValue("id")); err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err // one that is over already is over
	}
	v.redirect("/account?done=ended")
	return nil
}

func (s *server) endOthers(v *visit) error {
	s.reg.EndOthers(v.session)
	v.redirect("/account?done=others")
	return nil
}

// forgetBrowser takes the token away by which the browser is known at the sign-in.
func (s *server) forgetBrowser(v *visit) error {
	s.setCookie(v, s.deviceCookie(), "", -1)
	v.redirect("/account?done=forgotten")
	return nil
}

func (s *server) setLanguage(v *visit) error {
	lang := v.r.PostFormValue("lang")
	if _, ok := s.words.Lookup(lang); !ok {
		return errBadRequest
	}
	if err := s.reg.SetLanguage(v.r.Context(), v.session, v.session.Member.ID, lang); err != nil {
		return err
	}
	s.setCookie(v, languageCookie, lang, languageAge)
	v.redirect("/account?done=language")
	return nil
}

type passphraseBody struct{ Passphrase string }

func (s *server) changePassphrase(v *visit) error {
	old, next := v.r.PostFormValue("old_passphrase"), v.r.PostFormValue("new_passphrase")
	own := v.r.PostFormValue("own") == "yes"
	problem := ""
	switch {
	case old == "":
		problem = v.T("account.passphrase.old_missing")
	case own && strings.TrimSpace(next) == "":
		problem = v.T("account.passphrase.new_missing")
	}
	if problem == "" {
		if !own {
			next = ""
		}
		made, err := s.reg.ChangePassphrase(v.r.Context(), v.session, old, next)
		var weak *access.WeakError
		switch {
		case err == nil:
			return s.show(v, "passphrase", v.T("account.passphrase.changed"), passphraseBody{made})
		case errors.As(err, &weak):
			problem = v.T("passphrase." + weak.Why)
		case errors.Is(err, access.ErrSignIn):
			problem = v.T("proof.wrong")
		case errors.Is(err, access.ErrTooMany):
			problem, _ = s.retryAfter(v, err)
		default:
			return err
		}
	}
	v.status = http.StatusUnprocessableEntity
	return s.showAccount(v, "", problem)
}

// browserName is what a browser calls itself, in two words, so that a member
// knows it again in a list: its kind and its system, and nothing else of it.
func browserName(agent string) string {
	name, system := "", ""
	for _, b := range [][2]string{ // the first that is in it: later ones are in earlier ones, too
		{"YaBrowser/", "Yandex"}, {"SamsungBrowser/", "Samsung Internet"}, {"OPR/", "Opera"}, {"Edg", "Edge"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(agent, b[0]) {
			name = b[1]
			break
		}
	}
	for _, o := range [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, o[0]) {
			system = o[1]
			break
		}
	}
	switch {
	case name != "" && system != "":
		return name + " · " + system
	default:
		return name + system
	}
}
