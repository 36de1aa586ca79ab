// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/url"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// draftRegister keeps what is begun.
type draftRegister interface {
	KeepDraft(ctx context.Context, s *access.Session, d registry.Draft) (string, error)
	Draft(ctx context.Context, s *access.Session, id string) (registry.Draft, error)
	Drafts(ctx context.Context, s *access.Session, caseID string) ([]registry.Draft, error)
	DropDraft(ctx context.Context, s *access.Session, id string) error
}

func (s *server) draftRoutes() []route {
	return []route{
		{"GET /drafts", s.signed(s.drafts)},
		{"POST /drafts/drop", s.signed(s.dropDraft)},
	}
}

// draftProblem is the message that says why a draft was not kept; empty: that is not for a form to say.
func draftProblem(err error) string {
	switch {
	case errors.Is(err, registry.ErrDraftSize):
		return "draft.problem.size"
	case errors.Is(err, registry.ErrDraftsFull):
		return "draft.problem.full"
	}
	return ""
}

// draftPath is the address of the form that goes on with a draft.
func draftPath(d registry.Draft) string {
	base := outsideBase(d.Kind)
	switch {
	case d.Kind == statementKind && d.Record == "":
		base = "/statements/new"
	case d.Kind == statementKind:
		base = statementPath(d.Record) + "/edit"
	case d.Case != "" && d.Record == "":
		base = "/cases/" + d.Case + "/add/" + url.PathEscape(d.Kind)
	case d.Case != "":
		base = "/cases/" + d.Case + "/records/" + d.Record + "/edit"
	case d.Record == "":
		base += "/new"
	default:
		base += "/" + d.Record + "/edit"
	}
	return link(base, "draft", d.ID)
}

type draftRow struct {
	ID, Href, What, Case, CaseHref, When string
}

// draftRows are a member's drafts on a page. The case is named by its number.
func (s *server) draftRows(v *visit, caseID string) ([]draftRow, error) {
	kept, err := s.reg.Drafts(v.r.Context(), v.session, caseID)
	if err != nil {
		return nil, err
	}
	var rows []draftRow
	for _, d := range kept {
		row := draftRow{ID: d.ID, Href: draftPath(d), What: v.T("draft.new", v.kind(d.Kind)), When: v.moment(d.At)}
		if d.Record != "" {
			row.What = v.T("draft.change", v.kind(d.Kind))
		}
		if d.Case != "" && caseID == "" {
			row.Case, row.CaseHref = d.Number, "/cases/"+d.Case
		}
		rows = append(rows, row)
	}
	return rows, nil
}

type draftsBody struct{ Rows []draftRow }

// drafts are what a member has begun and not saved.
func (s *server) drafts(v *visit) error {
	rows, err := s.draftRows(v, "")
	if err != nil {
		return err
	}
	return s.show(v, "drafts", v.T("draft.title"), draftsBody{rows})
}

func (s *server) dropDraft(v *visit) error {
	if err := s.reg.DropDraft(v.r.Context(), v.session, v.r.PostFormValue("draft")); err != nil {
		return err
	}
	v.redirect("/drafts")
	return nil
}
