// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
)

// addBody is the page on which somebody chooses what to write down.
type addBody struct {
	CaseHref, Number string
	New              bool // the case was just opened
	Groups           []addGroup
	Drafts           []draftRow
}

type addGroup struct {
	Name  string
	Kinds []addKind
}

type addKind struct {
	Href, Name, Help string
	Count            int // how many of them the case has
}

// addPage shows all that can be written in a case, in the order in which it is told; before that, what a first
// conversation tells and the case does not have.
func (s *server) addPage(v *visit) error {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return err
	}
	if !file.MayWrite && !file.MayComment {
		return registry.ErrNotAllowed
	}
	body := addBody{CaseHref: casePath(file.Row), Number: file.Row.Number, New: v.r.URL.Query().Get("opened") != ""}
	counts := map[string]int{}
	for _, rec := range file.Records {
		counts[rec.Kind]++
	}
	next := addGroup{Name: v.T("add.next")}
	for _, k := range untold(v, file) {
		next.Kinds = append(next.Kinds, addKind{body.CaseHref + "/add/" + k.ID, v.in(k.Label), v.in(k.Help), 0})
	}
	if len(next.Kinds) > 0 {
		body.Groups = append(body.Groups, next)
	}
	for _, g := range v.book.Groups() {
		group := addGroup{Name: v.in(g.Label)}
		for _, k := range v.book.Kinds() {
			if k.Group != g.ID || !formable(k) || !file.MayWrite && k.ID != "note" {
				continue
			}
			group.Kinds = append(group.Kinds, addKind{body.CaseHref + "/add/" + k.ID, v.in(k.Label), v.in(k.Help), counts[k.ID]})
		}
		if len(group.Kinds) > 0 {
			body.Groups = append(body.Groups, group)
		}
	}
	if body.Drafts, err = s.draftRows(v, file.Row.ID); err != nil {
		return err
	}
	return s.show(v, "add", v.T("add.title", file.Row.Number), body)
}

// untold are the kinds that a first conversation tells and of which a case that the member writes has none.
func untold(v *visit, file registry.CaseView) (out []*codebook.Kind) {
	if !file.MayWrite {
		return nil
	}
	for _, id := range firstKinds {
		if k, ok := v.book.Kind(id); ok && !slices.ContainsFunc(file.Records, func(rec *casefile.Record) bool { return rec.Kind == id && !rec.Withdrawn }) {
			out = append(out, k)
		}
	}
	return out
}

// recordBody is the page of one record.
type recordBody struct {
	CaseHref, CaseText string
	Exam               string // the page of the examination it is of
	Kind, Date, Title  string
	Entered            string
	Saved, Gone        bool
	Values             []fieldView
	History            []versionView
	Edit, Withdraw     string
	Again, Other       string // addresses to go on
	AgainText          string
	Next               *stepLink // what a first conversation tells and the case does not have
}

// versionView is one state of a record in its history.
type versionView struct {
	changeView
	Restore string // the address that shows the form as it was then; empty: it is so now
}

// recordPage shows one record with all its history.
func (s *server) recordPage(v *visit) error {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return err
	}
	rec := recordOf(file, v.r.PathValue("record"))
	if rec == nil {
		return registry.ErrNotFound
	}
	k, ok := v.book.Kind(rec.Kind)
	if !ok {
		return registry.ErrNotFound
	}
	c := newCaseReader(v, file)
	c.away = casePath(file.Row)
	at := recordPath(file.Row, rec.ID)
	body := recordBody{
		CaseHref: casePath(file.Row), CaseText: file.Row.Number, Kind: v.in(k.Label), Title: c.title(rec, c.names),
		Saved: v.r.URL.Query().Get("saved") != "", Gone: rec.Withdrawn,
	}
	body.Exam = c.examOf(rec)
	view := c.record(k, rec)
	body.Date, body.Entered, body.Values = view.Date, view.Entered, view.Values
	body.History = c.versions(k, rec, at)
	isCase := rec.ID == file.Row.ID
	if file.MayWrite && (formable(k) || isCase) {
		body.Edit = at + "/edit"
		if !rec.Withdrawn && !isCase {
			body.Withdraw = at + "/withdraw"
		}
	}
	if formable(k) && (file.MayWrite || file.MayComment && k.ID == "note") {
		body.Again, body.AgainText = body.CaseHref+"/add/"+k.ID, v.T("record.again", v.in(k.Label))
	}
	if next := untold(v, file); body.Saved && len(next) > 0 {
		body.Next = &stepLink{body.CaseHref + "/add/" + next[0].ID, v.in(next[0].Label)}
	}
	if file.MayWrite || file.MayComment {
		body.Other = body.CaseHref + "/add"
	}
	return s.show(v, "record", file.Row.Number+" · "+v.in(k.Label), body)
}

// versions are the states of a record, the latest first, with what each changed.
func (c *caseReader) versions(k *codebook.Kind, rec *casefile.Record, at string) []versionView {
	var out []versionView
	history := c.history(k, rec.History)
	for i, view := range history {
		n := len(rec.History) - i // history is turned round
		one := versionView{changeView: view}
		if c.file.MayWrite && rec.History[n-1].Op == casefile.Put && (n < len(rec.History) || rec.Withdrawn) {
			one.Restore = link(at+"/edit", "version", strconv.Itoa(n))
		}
		out = append(out, one)
	}
	return out
}

// withdrawBody is the page that asks why a record is taken back.
type withdrawBody struct {
	Here, Back, Kind, Title string
	Seen                    int
	Reason, Problem         string
	Reasons                 []string
}

func (s *server) withdrawPage(v *visit) error {
	d, err := s.openDesk(v)
	if err != nil {
		return err
	}
	return s.showWithdraw(v, d, "")
}

func (s *server) showWithdraw(v *visit, d *desk, problem string) error {
	if d.record == nil || d.gone || d.record.ID == d.caseID {
		return registry.ErrNotFound
	}
	body := withdrawBody{
		Here: d.page(d.record.ID) + "/withdraw", Back: d.page(d.record.ID), Kind: v.in(d.kind.Label), Seen: len(d.record.History),
		Title:  v.title(d.record, func(id string) valueText { return valueText{Text: d.refTitle(id)} }),
		Reason: v.r.PostFormValue("reason"), Problem: problem,
	}
	for _, code := range []string{"wrong_case", "twice", "untrue", "wish"} {
		body.Reasons = append(body.Reasons, v.T("withdraw.reason."+code))
	}
	return s.show(v, "withdraw", v.T("withdraw.title", body.Kind), body)
}

// refTitle names a record that another refers to.
func (f *fieldForm) refTitle(id string) string {
	for _, known := range f.refs {
		if t := known.titles[id]; t != "" {
			return t
		}
	}
	return ""
}

func (s *server) withdrawRecord(v *visit) error {
	d, err := s.openDesk(v)
	if err != nil {
		return err
	}
	if d.record == nil {
		return registry.ErrNotFound
	}
	reason := strings.TrimSpace(v.r.PostFormValue("reason"))
	err = s.reg.WithdrawRecord(v.r.Context(), v.session, d.caseID, d.record.ID, seenOf(v.r.PostForm), reason)
	switch {
	case errors.Is(err, registry.ErrReason):
		v.status = http.StatusUnprocessableEntity
		return s.showWithdraw(v, d, v.T("form.problem.reason"))
	case errors.Is(err, registry.ErrChanged), errors.Is(err, registry.ErrConflict):
		v.status = http.StatusConflict
		return s.showWithdraw(v, d, v.T("withdraw.problem.changed"))
	case err != nil:
		return err
	}
	if d.caseID == "" {
		v.redirect(d.list())
		return nil
	}
	v.redirect(d.page(d.record.ID))
	return nil
}

// mayWriteShared tells whether a member may describe what all share.
func (s *server) mayWriteShared(v *visit) bool { return s.reg.May(v.session, access.WriteShared) }
