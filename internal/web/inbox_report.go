// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/submission"
)

type submissionBody struct {
	ID, Short, Org, Line string
	Urgent               bool
	Tags                 []tag
	Done, Problem        string
	Gone                 string // since when its sender has it back; empty: it is here
	Messages             []submissionMessage
	Files                bool // something came with it
	MayAnswer            bool
	Text                 string // of an answer that was not sent
	Langs                []option
	Status               []option // empty: a case was made of it
	Takers               []option
	Into                 *valueText // the report that it is part of
	Parts                []valueText
	MayMerge             bool
	Case                 valueText // the case made of it
	HasCase, MayCase     bool
}

// submissionMessage is a message of the thread, in words.
type submissionMessage struct {
	Number, Head, Lang string
	Answer, Shut       bool
	Doubtful           bool
	First              bool // what was told first: then it is said, too, where nothing was agreed to
	Fields             []submissionField
	Consents           []string
	Files              []submissionFileRow
}

type submissionField struct{ Label, Text string }

type submissionFileRow struct{ Name, Href, Line string }

// submission is the page of a report: what was told and answered, and what can
// be done.
func (s *server) submission(v *visit) error {
	done := v.r.URL.Query().Get("done")
	switch done {
	case "sorted", "answered", "merged":
		done = v.T("inbox.done." + done)
	default:
		done = ""
	}
	return s.showSubmission(v, done, "")
}

// openSubmission opens the report of the address; false: the list has to say
// why it can't be opened.
func (s *server) openSubmission(v *visit) (registry.SubmissionView, bool, error) {
	r, err := s.reg.Submission(v.r.Context(), v.session, v.r.PathValue("id"))
	if withoutKey(err) {
		v.redirect("/inbox")
		return r, false, nil
	}
	return r, err == nil, err
}

func withoutKey(err error) bool {
	return errors.Is(err, registry.ErrNoIntakeKey) || errors.Is(err, registry.ErrIntakeShut)
}

func (s *server) showSubmission(v *visit, done, problem string) error {
	r, ok, err := s.openSubmission(v)
	if !ok {
		return err
	}
	body := submissionBody{
		ID: r.ID, Short: shortReport(r.ID), Org: r.OrgName, Urgent: r.Urgent && r.Status != registry.SubmissionSpam, Tags: v.reportTags(r),
		Done: done, Problem: problem, MayCase: r.MayCase && (r.Waits() || r.Case != ""), HasCase: r.Case != "", Text: v.r.PostFormValue("answer.text"),
	}
	body.Line = join([]string{v.T("inbox.received", v.dayText(r.Day)), r.OrgName, s.languageName(r.Language)})
	if r.Withdrawn != "" {
		body.Gone = v.T("inbox.gone", v.dayText(r.Withdrawn))
	}
	for _, m := range r.Messages {
		body.Messages = append(body.Messages, v.submissionMessage(r, m))
		body.Files = body.Files || len(m.Files) > 0
		body.MayAnswer = body.MayAnswer || !m.Answer && !m.Shut && m.Answers != "" && r.Withdrawn == ""
	}
	said := cmp.Or(v.r.PostFormValue("answer.language"), r.Language)
	for _, l := range s.words.Languages() {
		body.Langs = append(body.Langs, option{l.Code(), l.Name(), l.Code() == said})
	}
	s.submissionSorting(v, r, &body)
	if r.Case != "" {
		body.Case = valueText{Text: v.T("inbox.case.closed")}
		if r.CaseNumber != "" {
			body.Case = valueText{r.CaseNumber, casePath(registry.Row{ID: r.Case})}
		}
	}
	return s.show(v, "submission", v.T("inbox.one", body.Short), body)
}

// submissionSorting puts what a report can be sorted as.
func (s *server) submissionSorting(v *visit, r registry.SubmissionView, body *submissionBody) {
	if r.Org == "" {
		return // taken back before anybody knew whose it is
	}
	if r.Case == "" {
		for _, status := range []string{registry.SubmissionNew, registry.SubmissionMore, registry.SubmissionSpam} {
			body.Status = append(body.Status, option{status, v.label("submission_status", status), status == r.Status})
		}
		body.MayMerge = true
	}
	body.Takers = []option{{"", v.T("inbox.nobody"), r.Assigned == ""}}
	for _, m := range r.Takers {
		body.Takers = append(body.Takers, option{m.ID, m.Name, m.ID == r.Assigned})
	}
	if r.Into != "" {
		body.Into = &valueText{shortReport(r.Into), inboxPath(r.Into)}
	}
	for _, id := range r.Parts {
		body.Parts = append(body.Parts, valueText{shortReport(id), inboxPath(id)})
	}
}

// submissionMessage is one message, field by field.
func (v *visit) submissionMessage(r registry.SubmissionView, m registry.SubmissionMessage) submissionMessage {
	key := "inbox.told"
	switch {
	case m.Answer:
		key = "inbox.answered"
	case m.Brought:
		key = "inbox.brought"
	}
	out := submissionMessage{Number: strconv.Itoa(m.Number), Head: v.T(key, v.dayText(m.Day)), Lang: m.Language, Answer: m.Answer, Shut: m.Shut, Doubtful: m.Doubtful, First: m.Number == 1}
	said := submission.Conversation{}
	if m.Conversation != nil {
		said = *m.Conversation
		said.Day, said.Speaker = v.dayText(said.Day), v.label("person_role", said.Speaker)
	}
	for _, f := range []struct{ key, text string }{
		{"spoke", said.Day}, {"known", said.Known}, {"speaker", said.Speaker},
		{"told", m.Told}, {"who", m.Who}, {"where", m.Where}, {"when", m.When}, {"by", m.By},
		{"complaint", v.said(said.Complaint)}, {"registered", v.said(said.Registered)}, {"examined", v.said(said.Examined)}, {"state", said.State},
		{"wish", m.Wish}, {"contact", m.Contact},
	} {
		if text := strings.TrimSpace(f.text); text != "" {
			label := v.T("inbox.field." + f.key)
			if m.Answer {
				label = ""
			}
			out.Fields = append(out.Fields, submissionField{label, text})
		}
	}
	for _, code := range m.Consents {
		out.Consents = append(out.Consents, v.consent(code))
	}
	for _, f := range m.Files {
		out.Files = append(out.Files, submissionFileRow{fileCalled(f), reportFilePath(r.ID, f.Upload), join([]string{v.size(f.Bytes), f.Type})})
	}
	return out
}

// said is an answer of yes, no or unknown, in words.
func (v *voice) said(answer string) string {
	if answer == "" {
		return ""
	}
	return v.T("value." + answer)
}

// consent is what somebody said yes to, in the words in which they were asked.
func (v *voice) consent(code string) string {
	const asked = "reporting.consent."
	if v.Has(asked + code) {
		return v.T(asked + code)
	}
	return v.label("consent_purpose", code)
}

// sortSubmission takes one decision about a report: nothing else of it is
// touched, so that nobody undoes what somebody else decided meanwhile.
func (s *server) sortSubmission(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	var to registry.SubmissionSort
	form, done := v.r.PostForm, "sorted"
	value := func(name string) *string { text := form.Get(name); return &text }
	switch {
	case form.Has("urgent"):
		yes := form.Get("urgent") == "yes"
		to.Urgent = &yes
	case form.Has("into"):
		to.Into, done = value("into"), "merged"
	case form.Has("status"):
		to.Status = value("status")
	case form.Has("assigned"):
		to.Assigned = value("assigned")
	default:
		return errBadRequest
	}
	id := v.r.PathValue("id")
	if err := s.reg.SortSubmission(v.r.Context(), v.session, id, to); err != nil {
		return s.submissionNotDone(v, err)
	}
	v.redirect(link(inboxPath(id), "done", done))
	return nil
}

// submissionProblems are the errors that the page of a report is shown again with.
var submissionProblems = []struct {
	err error
	key string
}{
	{registry.ErrSubmissionStatus, "status"}, {registry.ErrSubmissionGone, "gone"}, {registry.ErrSubmissionCase, "case"}, {registry.ErrSubmissionInto, "into"},
	{registry.ErrSubmissionFile, "file"}, {registry.ErrAnswer, "answer"}, {registry.ErrNoHolder, "taker"},
	{registry.ErrSubmissionPart, "part"}, {registry.ErrInboxFull, "full"},
}

// submissionNotDone says on the page of a report why something was not done.
func (s *server) submissionNotDone(v *visit, err error) error {
	if withoutKey(err) {
		v.redirect("/inbox")
		return nil
	}
	for _, p := range submissionProblems {
		if errors.Is(err, p.err) {
			v.status = http.StatusUnprocessableEntity
			return s.showSubmission(v, "", v.T("inbox.problem."+p.key))
		}
	}
	return err
}

func (s *server) answerSubmission(v *visit) error {
	lang := v.r.PostFormValue("answer.language")
	if _, ok := s.words.Lookup(lang); !ok {
		return errBadRequest
	}
	id := v.r.PathValue("id")
	if err := s.reg.AnswerSubmission(v.r.Context(), v.session, id, strings.TrimSpace(v.r.PostFormValue("answer.text")), lang); err != nil {
		return s.submissionNotDone(v, err)
	}
	v.redirect(link(inboxPath(id), "done", "answered"))
	return nil
}

// caseOfSubmission leads to the case that was made of a report.
func (s *server) caseOfSubmission(v *visit) error {
	ctx, cancel := v.patient() // its files are put into the case
	defer cancel()
	row, err := s.reg.CaseOfSubmission(ctx, v.session, v.r.PathValue("id"))
	if err != nil {
		return s.submissionNotDone(v, err)
	}
	v.redirect(casePath(row))
	return nil
}

type mergeBody struct {
	ID, Short string
	Rows      []inboxRow
}

// mergePage lists the reports of which a report can be made a part.
func (s *server) mergePage(v *visit) error {
	r, ok, err := s.openSubmission(v)
	if !ok {
		return err
	}
	list, err := s.reg.Submissions(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	body := mergeBody{ID: r.ID, Short: shortReport(r.ID)}
	for _, other := range list {
		if other.ID != r.ID && other.Org == r.Org && other.Withdrawn == "" && other.Status != registry.SubmissionMerged && other.Status != registry.SubmissionSpam {
			row := s.inboxRow(v, other)
			row.Href = other.ID // what the form says
			body.Rows = append(body.Rows, row)
		}
	}
	return s.show(v, "submission-merge", v.T("inbox.merge.title", body.Short), body)
}
