// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"

	"github.com/kua-registry/kua/internal/registry"
)

// Reports is what an installation makes public so that people outside can
// check to whom they seal: for whoever looks after its keys.
type Reports struct {
	Served  bool     // the pages for reports are served, by this program
	Onion   string   // their address in Tor; empty: they have none
	Card    []byte   // the file card.json, with which others seal
	Digests []Digest // of the page that seals and its scripts
}

// Digest is the SHA-256 of a file that people outside can check.
type Digest struct{ Name, Sum string }

type intakeKeysBody struct {
	Done, Problem string
	Keys          []intakeKeyRow
	Publish       *Reports // nil: it can't be said here
	Any           bool     // some organisation takes reports
}

type intakeKeyRow struct {
	Org, Name, Label, Fingerprint string
	Made, Older, Holders, Waiting string
	MayTurn, MayShare             bool
}

// intakeKeys are the keys to which reports are sealed, with what is published of them.
func (s *server) intakeKeys(v *visit) error {
	done := v.r.URL.Query().Get("done")
	switch done {
	case "made", "shared":
		done = v.T("inbox.keys.done." + done)
	default:
		done = ""
	}
	return s.showIntakeKeys(v, done, "")
}

func (s *server) showIntakeKeys(v *visit, done, problem string) error {
	keys, err := s.reg.IntakeKeys(v.r.Context(), v.session)
	if errors.Is(err, registry.ErrNotAllowed) {
		return s.showInbox(v, inboxBody{}) // says whose they are
	}
	if err != nil {
		return err
	}
	body := intakeKeysBody{Done: done, Problem: problem}
	for _, k := range keys {
		row := intakeKeyRow{
			Org: k.Public.Org, Name: k.OrgName, Label: k.Public.Name, Fingerprint: k.Public.Fingerprint, MayTurn: k.MayTurn,
			Holders: v.named(k.Holders), Waiting: v.named(k.Waiting), MayShare: k.MayOpen && len(k.Waiting) > 0,
		}
		if k.Made != "" {
			row.Made = v.dayText(k.Made)
		}
		if k.Older > 0 {
			row.Older = v.N("inbox.keys.older", k.Older)
		}
		body.Any = body.Any || row.Fingerprint != ""
		body.Keys = append(body.Keys, row)
	}
	if s.reports != nil && body.Any {
		published, err := s.reports()
		if err != nil {
			return err
		}
		body.Publish = &published
	}
	return s.show(v, "inbox-keys", v.T("inbox.keys.title"), body)
}

// turnIntake makes the key of an organisation, or a new one.
func (s *server) turnIntake(v *visit) error {
	_, err := s.reg.TurnIntake(v.r.Context(), v.session, v.r.PathValue("org"), v.r.PostFormValue("label"))
	return s.intakeKeyDone(v, "made", err)
}

// shareIntake opens the keys of an organisation to those who got the role later.
func (s *server) shareIntake(v *visit) error {
	return s.intakeKeyDone(v, "shared", s.reg.ShareIntake(v.r.Context(), v.session, v.r.PathValue("org")))
}

func (s *server) intakeKeyDone(v *visit, done string, err error) error {
	for _, p := range []struct {
		err error
		key string
	}{{registry.ErrNoIntake, "nobody"}, {registry.ErrIntakeLabel, "label"}, {registry.ErrNoIntakeKey, "none"}, {registry.ErrIntakeShut, "shut"}} {
		if errors.Is(err, p.err) {
			v.status = http.StatusUnprocessableEntity
			return s.showIntakeKeys(v, "", v.T("inbox.keys.problem."+p.key))
		}
	}
	if err != nil {
		return err
	}
	v.redirect(link("/inbox/keys", "done", done))
	return nil
}

// intakeCard hands out the card with which others seal. It holds nothing secret.
func (s *server) intakeCard(v *visit) error {
	if !s.reg.OpensInbox(v.session) || s.reports == nil {
		return registry.ErrNotFound
	}
	published, err := s.reports()
	if err != nil {
		return err
	}
	v.attached("card.json")
	_, _ = v.w.Write(published.Card) // who has gone needs no answer
	return nil
}
