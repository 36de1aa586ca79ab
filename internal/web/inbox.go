// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/submission"
)

// inboxRegister is what the pages of reports from outside ask of the registry.
type inboxRegister interface {
	OpensInbox(s *access.Session) bool
	HasDue(s *access.Session) bool
	InboxCount(ctx context.Context, s *access.Session) (registry.InboxCount, error)
	Submissions(ctx context.Context, s *access.Session) ([]registry.SubmissionView, error)
	Submission(ctx context.Context, s *access.Session, id string) (registry.SubmissionView, error)
	SubmissionFile(ctx context.Context, s *access.Session, id, upload string) (io.Reader, submission.File, error)
	SubmissionCopy(ctx context.Context, s *access.Session, id, upload string, quick bool) (registry.SubmissionFileView, error)
	OpenSubmissionCopy(ctx context.Context, s *access.Session, id, upload string) (io.ReadSeekCloser, registry.FileCopy, error)
	SortSubmission(ctx context.Context, s *access.Session, id string, to registry.SubmissionSort) error
	AnswerSubmission(ctx context.Context, s *access.Session, id, text, language string) error
	CaseOfSubmission(ctx context.Context, s *access.Session, id string) (registry.Row, error)
	AddSealed(ctx context.Context, s *access.Session, sealed io.Reader) (id string, fresh bool, err error)
	IntakeKeys(ctx context.Context, s *access.Session) ([]registry.IntakeKeyView, error)
	TurnIntake(ctx context.Context, s *access.Session, org, label string) (registry.IntakePublic, error)
	ShareIntake(ctx context.Context, s *access.Session, org string) error
}

func (s *server) inboxRoutes() []route {
	return []route{
		{"GET /inbox", s.signed(s.inbox)},
		{"POST /inbox/add", s.signed(s.addSealed)},
		{"GET /inbox/keys", s.signed(s.intakeKeys)},
		{"POST /inbox/keys/{org}/new", s.signed(s.turnIntake)},
		{"POST /inbox/keys/{org}/share", s.signed(s.shareIntake)},
		{"GET /inbox/keys/card.json", s.signed(s.intakeCard)},
		{"GET /inbox/{id}", s.signed(s.submission)},
		{"POST /inbox/{id}/sort", s.signed(s.sortSubmission)},
		{"POST /inbox/{id}/answer", s.signed(s.answerSubmission)},
		{"POST /inbox/{id}/case", s.signed(s.caseOfSubmission)},
		{"GET /inbox/{id}/merge", s.signed(s.mergePage)},
		{"GET /inbox/{id}/files/{upload}", s.signed(s.submissionFile)},
		{"POST /inbox/{id}/files/{upload}/copy", s.signed(s.copySubmissionFile)},
		{"GET /inbox/{id}/files/{upload}/shown", s.signed(s.shownSubmissionFile)},
		{"POST /inbox/{id}/files/{upload}/original", s.signed(s.originalSubmissionFile)},
	}
}

// Why a member sees no list of reports.
const (
	inboxNoRole = "norole" // the role is not theirs
	inboxOffice = "office" // theirs is to make the key
	inboxNoKey  = "nokey"  // nothing can be sent yet
	inboxShut   = "shut"   // the key was not opened to them yet
)

// inboxPerPage is how many reports a page of the list has.
const inboxPerPage = 100

type inboxBody struct {
	State          string   // why there is no list; empty: there is
	Ask            []string // who could open the key to them
	Words          string
	Keys           bool // they may see the page of the keys
	MayTake        bool // sealed files
	Sieve          []filterLink
	Found          string
	Rows           []inboxRow
	Filtered       bool
	First, Next    string
	Waiting        string // who has the role and not the key
	Problem, Added string
	Files          []takenIn
}

// inboxRow is a report as it stands in a list.
type inboxRow struct {
	Href, ID, Gist, Lang, Language string
	Day, Org, Files, Assigned      string
	Urgent                         bool
	Tags                           []tag
}

// What of the reports a list shows, in the order in which it is offered.
const (
	showWaiting = ""
	showNew     = "new"
	showMore    = "more_needed"
	showHandled = "handled"
	showSpam    = "spam"
	showAll     = "all"
)

var inboxShows = []string{showWaiting, showNew, showMore, showHandled, showSpam, showAll}

// showsReport tells whether a report belongs to a part of the list.
func showsReport(r registry.SubmissionView, show string) bool {
	switch show {
	case showWaiting:
		return r.Waits()
	case showNew, showMore:
		return r.Waits() && r.Status == show
	case showHandled:
		return !r.Waits() && r.Status != registry.SubmissionSpam
	case showSpam:
		return r.Status == registry.SubmissionSpam
	}
	return true
}

// inbox lists the reports that were sent to the member's organisations.
func (s *server) inbox(v *visit) error { return s.showInbox(v, inboxBody{}) }

func (s *server) showInbox(v *visit, body inboxBody) error {
	q := v.r.URL.Query()
	show := q.Get("show")
	if !slices.Contains(inboxShows, show) {
		return registry.ErrNotFound
	}
	body.Keys, body.MayTake = s.reg.OpensInbox(v.session), true
	list, err := s.reg.Submissions(v.r.Context(), v.session)
	switch {
	case errors.Is(err, registry.ErrNotAllowed) && body.Keys:
		body.State, body.MayTake = inboxOffice, false
	case errors.Is(err, registry.ErrNotAllowed):
		body.State, body.MayTake = inboxNoRole, false
		v.status = http.StatusForbidden
	case errors.Is(err, registry.ErrNoIntakeKey):
		body.State = inboxNoKey
	case errors.Is(err, registry.ErrIntakeShut):
		body.State = inboxShut
	case err != nil:
		return err
	}
	if err := s.intakeHolders(v, &body); err != nil {
		return err
	}
	if body.State != "" {
		return s.show(v, "inbox", v.T("inbox.title"), body)
	}
	s.inboxList(v, &body, list, show)
	for i, f := range body.Files {
		body.Files[i].Elsewhere = f.Taken && !slices.ContainsFunc(list, func(r registry.SubmissionView) bool { return r.ID == f.id })
	}
	return s.show(v, "inbox", v.T("inbox.title"), body)
}

// intakeHolders puts who can open the key to somebody, and who waits for it.
func (s *server) intakeHolders(v *visit, body *inboxBody) error {
	if !body.Keys {
		return nil
	}
	keys, err := s.reg.IntakeKeys(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	var waiting []string
	for _, k := range keys {
		if body.State == inboxShut {
			body.Ask = append(body.Ask, k.Holders...)
		}
		if k.MayOpen {
			waiting = append(waiting, k.Waiting...)
		}
	}
	if len(waiting) > 0 {
		body.Waiting = v.T("inbox.waiting", v.named(waiting))
	}
	return nil
}

// named are names in a line, in the order of the alphabet, each once.
func (v *voice) named(names []string) string {
	return joined(", ", slices.Compact(sorted(v, names, func(name string) string { return name }))...)
}

// inboxList puts the part of the list that was asked for.
func (s *server) inboxList(v *visit, body *inboxBody, list []registry.SubmissionView, show string) {
	urgent := 0
	for _, one := range inboxShows {
		n := 0
		for _, r := range list {
			if showsReport(r, one) {
				n++
			}
		}
		key := one
		if one == showWaiting {
			key = "waiting"
		}
		body.Sieve = append(body.Sieve, filterLink{link("/inbox", "show", one), v.T("inbox.show."+key, v.Number(n)), one == show})
	}
	var shown []registry.SubmissionView
	for _, r := range list {
		if r.Waits() && r.Urgent {
			urgent++
		}
		if showsReport(r, show) {
			shown = append(shown, r)
		}
	}
	body.Found, body.Filtered = v.N("inbox.found", len(shown)), len(list) > 0
	body.Words = v.T("inbox.lead")
	if urgent > 0 {
		body.Words = v.N("inbox.urgent", urgent)
	}
	skip, err := strconv.Atoi(v.r.URL.Query().Get("skip"))
	if err != nil || skip < 0 || skip > len(shown) {
		skip = 0
	}
	if skip > 0 {
		body.First = link("/inbox", "show", show)
	}
	if shown = shown[skip:]; len(shown) > inboxPerPage {
		shown, body.Next = shown[:inboxPerPage], link("/inbox", "show", show, "skip", strconv.Itoa(skip+inboxPerPage))
	}
	for _, r := range shown {
		body.Rows = append(body.Rows, s.inboxRow(v, r))
	}
}

func (s *server) inboxRow(v *visit, r registry.SubmissionView) inboxRow {
	row := inboxRow{
		Href: inboxPath(r.ID), ID: shortReport(r.ID), Gist: r.Gist, Lang: r.Language, Language: s.languageName(r.Language),
		Day: v.dayText(r.Day), Org: r.OrgName, Assigned: r.AssignedName, Urgent: r.Urgent && r.Waits(), Tags: v.reportTags(r),
	}
	if r.Files > 0 {
		row.Files = v.Number(r.Files)
	}
	switch {
	case r.Withdrawn != "":
		row.Gist, row.Lang = v.T("inbox.gone.short"), ""
	case r.Gist == "":
		row.Gist, row.Lang = v.T("inbox.wordless"), ""
	}
	return row
}

// reportTags say in words where a report stands; what is urgent is said beside them.
func (v *visit) reportTags(r registry.SubmissionView) []tag {
	tones := map[string]string{registry.SubmissionNew: "accent", registry.SubmissionMore: "wait", registry.SubmissionCase: "good"}
	if r.Withdrawn != "" {
		return []tag{{v.T("inbox.withdrawn"), ""}}
	}
	tags := []tag{{v.label("submission_status", r.Status), tones[r.Status]}}
	if r.Again && r.Waits() {
		tags = append(tags, tag{v.T("inbox.again"), "accent"})
	}
	return tags
}

// inboxPath is the address of a report.
func inboxPath(id string) string { return "/inbox/" + url.PathEscape(id) }

// shortReport is enough of the id of a report to tell it from others.
func shortReport(id string) string { return id[:min(8, len(id))] }

// dayText is a day as the inbox keeps it, in words.
func (v *voice) dayText(iso string) string {
	day, err := edtf.ParseDay(iso)
	if err != nil {
		return iso
	}
	return v.DayShort(day)
}

// languageName is what a language calls itself; empty: there is no such one.
func (s *server) languageName(code string) string {
	if l, ok := s.words.Lookup(code); ok {
		return l.Name()
	}
	return ""
}

// inboxMark is a number beside the link to the inbox, with its words.
type inboxMark struct{ Text, Words, Tone string }

// inboxMarks say how much of the inbox waits for the member, beside its link.
// Where that can't be told there are none: the page itself says why.
func (s *server) inboxMarks(v *visit) (marks []inboxMark) {
	n, err := s.reg.InboxCount(v.r.Context(), v.session)
	if err != nil {
		return nil
	}
	if n.Urgent > 0 {
		marks = append(marks, inboxMark{"! " + v.Number(n.Urgent), v.N("inbox.urgent", n.Urgent), "bad"})
	}
	if n.New > 0 || n.More {
		text := v.Number(n.New)
		if n.More {
			text += "+"
		}
		marks = append(marks, inboxMark{text, v.N("inbox.new", n.New), "accent"})
	}
	return marks
}
