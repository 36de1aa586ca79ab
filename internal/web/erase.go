// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

type eraseBody struct {
	Title, Action, Back, Backups, Others, Problem, Reason string
	What                                                  []choice
	Why                                                   []option
}

// What is erased, as the form says it.
const (
	eraseIdentity = "identity"
	eraseWhole    = "whole"
	eraseReasons  = "erasure_reason" // the list of the codebook
)

// erasePage says what goes and what stays before anything is erased.
func (s *server) erasePage(v *visit) error { return s.showErase(v, "") }

func (s *server) showErase(v *visit, problem string) error {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return err
	}
	if !file.MayErase {
		return registry.ErrNotAllowed
	}
	form := v.r.PostForm // nil where nothing was sent
	body := eraseBody{
		Title: v.T("erase.title", file.Row.Number), Action: casePath(file.Row) + "/erase", Back: casePath(file.Row), Problem: problem,
		Backups: v.T("erase.stays.backups", edtf.DayOf(s.reg.ErasureFinal())), Reason: form.Get("reason"),
	}
	for _, what := range []string{eraseIdentity, eraseWhole} {
		body.What = append(body.What, choice{what, v.T("erase." + what), v.T("erase." + what + ".hint"), form.Get("what") == what})
	}
	if list, ok := v.book.List(eraseReasons); ok {
		for _, why := range list.Codes {
			if codebook.Missing(why.Code) {
				continue // who erases knows why
			}
			body.Why = append(body.Why, option{why.Code, v.in(why.Label), form.Get("why") == why.Code})
		}
	}
	if n := len(file.Same); n > 0 {
		body.Others = v.N("erase.others", n)
	}
	return s.show(v, "erase", body.Title, body)
}

// erase erases, for good.
func (s *server) erase(v *visit) error {
	what, why := v.r.PostFormValue("what"), v.r.PostFormValue("why")
	if what != eraseIdentity && what != eraseWhole || v.label(eraseReasons, why) == why {
		v.status = http.StatusUnprocessableEntity
		return s.showErase(v, v.T("erase.problem.choose"))
	}
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return err
	}
	err = s.reg.Erase(v.r.Context(), v.session, file.Row.ID, registry.Erasure{Whole: what == eraseWhole, Why: why, Reason: v.r.PostFormValue("reason")})
	switch {
	case errors.Is(err, registry.ErrReason):
		v.status = http.StatusUnprocessableEntity
		return s.showErase(v, v.T("erase.problem.reason"))
	case errors.Is(err, registry.ErrConflict):
		v.status = http.StatusUnprocessableEntity
		return s.showErase(v, v.T("access.problem.conflict"))
	case err != nil:
		return err
	case what == eraseWhole:
		v.redirect("/cases")
	default:
		v.redirect(casePath(file.Row))
	}
	return nil
}
