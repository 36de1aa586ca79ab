// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/submission"
)

// Where a report from outside stands.
const (
	submissionKind     = "submission"
	submissionTaskKind = "submission_task"

	SubmissionNew    = "new"
	SubmissionMore   = "more_needed"
	SubmissionSpam   = "spam"
	SubmissionMerged = "merged"
	SubmissionCase   = "case" // a case was made of it
)

const (
	inboxDir   = "inbox"
	inboxMost  = 50 << 30         // bytes that the inbox may take where the register itself takes something in
	gistRunes  = 120              // of what is told, in a list
	copiesWait = 30 * time.Second // how long copies are made of the files of a report before whoever asked is answered
)

// What somebody who opens the inbox can be told.
var (
	// ErrSubmissionStatus says that a report can't be sorted so.
	ErrSubmissionStatus = errors.New("a report is new, more_needed, spam or merged; into a case it is turned by 'kua intake case'")
	// ErrSubmissionGone says that its sender has taken a report back.
	ErrSubmissionGone = errors.New("its sender has withdrawn this report: what it told is gone, and no answer reaches them")
	// ErrSubmissionCase says that a report was turned into a case already.
	ErrSubmissionCase = errors.New("a case was made of this report: sort the case instead")
	// ErrSubmissionInto says that a report can't be made part of that one.
	ErrSubmissionInto = errors.New("a report becomes part of another one of the same organisation that is no part of a third")
	// ErrSubmissionPart says that a case is made of the whole.
	ErrSubmissionPart = errors.New("this report is a part of another one: make a case of that one, and this goes along; or sort it as new first")
	// ErrSubmissionFile says that a file of a report is not the one that was sent.
	ErrSubmissionFile = errors.New("a file of this report did not arrive as it was sent: the case is made, the file stays in the inbox; ask the sender to send it again")
	// ErrNoSender says that nobody reads answers to a report.
	ErrNoSender = errors.New("a member took this down on their phone, which keeps nothing: nobody reads an answer here; speak to who took it down")
	// ErrAnswer says that an answer can't be sent.
	ErrAnswer = errors.New("write an answer, of at most 100 kB")
)

// SubmissionView is a report from outside, opened for a member.
type SubmissionView struct {
	ID           string // of 64 hex digits
	Org, OrgName string // empty: not known any more, because it was withdrawn before it was sorted
	Day          string // on which it came
	Withdrawn    string // the day; empty: it was not
	Status       string // code of list submission_status
	Urgent       bool
	Assigned     string // id of a member
	AssignedName string
	Into         string // id of the report that it is part of
	Case         string // id of the case made of it
	CaseNumber   string // empty: it is not open to the member
	Gist         string // the beginning of what is told
	Language     string // in which it was told first: en, ru or kk
	Files        int    // that came with it
	Again        bool   // its sender wrote after they were answered
	Mine         bool   // it is urgent, and a task of the member's
	MayCase      bool   // the member may make a case of it

	// Of a report that is opened by itself.
	Messages []SubmissionMessage
	Parts    []string        // ids of the reports that are part of it
	Takers   []access.Member // who may be asked to look after it
}

// SubmissionMessage is one message of a report or an answer to it.
type SubmissionMessage struct {
	Number int
	Answer bool
	Day    string
	Shut   bool // it does not open with the member's keys, or is not written as a report is

	Brought  bool // it came in a sealed file, from where there was no line
	Doubtful bool // and does not bear the mark of the first: whoever held a sealed file may have made it
	submission.Message
}

// SubmissionSort is how a report is sorted. Nil leaves what it is.
type SubmissionSort struct {
	Status   *string // SubmissionNew, SubmissionMore or SubmissionSpam
	Urgent   *bool   // life is at risk
	Assigned *string // id of a member with the role; empty: nobody
	Into     *string // id of the report that it is part of
}

// store is the inbox. Another program may have it open to take reports.
func (r *Registry) store() (*inbox.Store, error) {
	return inbox.Beside(inbox.Options{Dir: filepath.Join(r.dir, inboxDir), Most: inboxMost, Now: r.now})
}

// inboxes are the inboxes that the member can open, by organisation.
func (r *Registry) inboxes(s *access.Session) (map[string][]*seal.Identity, error) {
	all := map[string][]*seal.Identity{}
	why := ErrNotAllowed
	for _, org := range inboxOrgs(s.Member) {
		ids, err := r.intakeIdentities(s, org)
		switch {
		case errors.Is(err, ErrNoIntakeKey), errors.Is(err, ErrIntakeShut):
			why = err
		case err != nil:
			return nil, err
		default:
			all[org] = ids
		}
	}
	if len(all) == 0 {
		return nil, why
	}
	return all, nil
}

func openWith(ids []*seal.Identity, sealed []byte) (submission.Message, error) {
	for _, id := range ids {
		if m, err := submission.Open(id, sealed); !errors.Is(err, submission.ErrOpen) {
			return m, err
		}
	}
	return submission.Message{}, submission.ErrOpen
}

// sortedReports are the records of reports, by the report's id.
func (r *Registry) sortedReports(ctx context.Context) (map[string]*casefile.Record, error) {
	records, err := r.index.Outside(ctx, submissionKind, allKnown)
	if err != nil {
		return nil, err
	}
	all := map[string]*casefile.Record{}
	for _, rec := range records {
		if all[rec.Get("door")] == nil { // the first counts
			all[rec.Get("door")] = rec
		}
	}
	return all, nil
}

// urgentTasks are the open tasks that urgent reports have raised.
func (r *Registry) urgentTasks(ctx context.Context) ([]*casefile.Record, error) {
	records, err := r.index.Outside(ctx, submissionTaskKind, allKnown)
	return slices.DeleteFunc(records, func(rec *casefile.Record) bool { return rec.Get("done") != "" }), err
}

// Submissions are the reports that were sent to the organisations whose inbox
// the member opens, the urgent ones first, then the newest. Of one that was
// withdrawn before anybody sorted it, it is not known to whom it was sent.
func (r *Registry) Submissions(ctx context.Context, s *access.Session) (_ []SubmissionView, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	keys, err := r.inboxes(s)
	if err != nil {
		return nil, err
	}
	store, err := r.store()
	if err != nil {
		return nil, err
	}
	views, err := r.submissions(ctx, s, store, keys, "")
	if err != nil {
		return nil, err
	}
	if err := r.audit(ctx, &line{act: actList, what: "inbox", by: s.Keys.Identity, n: len(views)}); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return views, nil
}

// submissions opens the first message of each report; begins: of those alone
// whose id begins so.
func (r *Registry) submissions(ctx context.Context, s *access.Session, store *inbox.Store, keys map[string][]*seal.Identity, begins string) ([]SubmissionView, error) {
	if err := r.abreast(ctx); err != nil {
		return nil, err
	}
	doors, err := store.Doors()
	if err != nil {
		return nil, err
	}
	sorted, err := r.sortedReports(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := r.urgentTasks(ctx)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{} // by the record of the report
	for _, t := range tasks {
		if t.Get("member") == s.Member.ID {
			mine[t.Get("submission")] = true
		}
	}
	var views []SubmissionView
	for _, door := range doors {
		if !strings.HasPrefix(door.String(), begins) {
			continue
		}
		rec := sorted[door.String()]
		v, ok, err := r.submissionView(ctx, s, store, keys, door, rec)
		if err != nil {
			return nil, err
		}
		if ok {
			v.Mine = rec != nil && mine[rec.ID]
			views = append(views, v)
		}
	}
	slices.SortStableFunc(views, func(a, b SubmissionView) int {
		return cmp.Or(yesFirst(a.Urgent, b.Urgent), strings.Compare(b.Day, a.Day))
	})
	return views, nil
}

// submissionView opens a report as it stands in a list; false: it is not for the member.
func (r *Registry) submissionView(ctx context.Context, s *access.Session, store *inbox.Store, keys map[string][]*seal.Identity, door inbox.Door, rec *casefile.Record) (SubmissionView, bool, error) {
	v := SubmissionView{ID: door.String(), Status: SubmissionNew}
	if rec != nil {
		v.Org, v.Status, v.Urgent = rec.Get("org"), rec.Get("status"), rec.Get("urgent") == "yes"
		v.Assigned, v.Into, v.Case = rec.Get("assigned"), rec.Get("into"), rec.Get("case")
		if keys[v.Org] == nil {
			return v, false, nil
		}
	}
	g, err := listReport(s, store, keys, door)
	if errors.Is(err, inbox.ErrNone) {
		return v, false, nil // it has gone meanwhile
	}
	if err != nil {
		return v, false, err
	}
	v.Day, v.Withdrawn, v.Gist, v.Language, v.Files, v.Again = g.day, g.withdrawn, g.gist, g.language, g.files, g.again
	if v.Org == "" {
		v.Org = g.org
	}
	if v.Org == "" && v.Withdrawn == "" {
		return v, false, nil
	}
	ro := r.roll()
	if o := ro.org(v.Org); o != nil {
		v.OrgName = o.Name
	}
	if m := ro.member(v.Assigned); m != nil {
		v.AssignedName = m.Name
	}
	if v.Case != "" {
		if row, err := r.row(ctx, s, v.Case, r.clock(Clock{})); err == nil {
			v.CaseNumber = row.Number
		} else if !errors.Is(err, ErrNotFound) {
			return v, false, err
		}
	}
	v.MayCase = v.Org != "" && v.Withdrawn == "" && v.Status != SubmissionMerged && access.Decide(s.Member, access.WriteCase, access.Thing{Org: v.Org})
	return v, true, nil
}

// listedReport is what a list shows of what a report tells. What was opened stays
// with the keys of the session that did, so that the next list need not open it
// again, and is written nowhere: ADR 44.
type listedReport struct {
	tried          int    // with how many keys it was tried
	org            string // whose key opened it; empty: none of them
	day            string
	gist, language string

	// As they are now.
	withdrawn string
	files     int
	again     bool
}

// tries is with how many keys a report is tried.
func tries(keys map[string][]*seal.Identity) (n int) {
	for _, ids := range keys {
		n += len(ids)
	}
	return n
}

// listReport opens the first message of a report, which says to whom it was sent,
// or remembers what it said.
func listReport(s *access.Session, store *inbox.Store, keys map[string][]*seal.Identity, door inbox.Door) (g listedReport, err error) {
	g.tried = tries(keys)
	report, err := store.Outline(door)
	if err != nil {
		return g, err
	}
	known, ok := s.Keys.Opened.Load(door)
	was, _ := known.(listedReport)
	switch {
	case report.Withdrawn != "":
		s.Keys.Opened.Delete(door)
		forgetShown(s.Keys, door)
		report, err = store.Get(door) // which knows the days
		g.day, g.withdrawn = report.Day, report.Withdrawn
		return g, err
	case ok && was.tried == g.tried:
		g = was
	default:
		if err := g.open(store, keys, door); err != nil {
			return g, err
		}
		s.Keys.Opened.Store(door, g)
	}
	answered := false
	for _, m := range report.Messages {
		g.files += len(m.Files)
		g.again = answered && !m.Answer
		answered = answered || m.Answer
	}
	return g, nil
}

// open opens the first message.
func (g *listedReport) open(store *inbox.Store, keys map[string][]*seal.Identity, door inbox.Door) error {
	report, err := store.Get(door)
	if err != nil {
		return err
	}
	g.day = report.Day
	sealed, err := store.First(door)
	if err != nil {
		return err
	}
	for org, ids := range keys {
		if told, err := openWith(ids, sealed); !errors.Is(err, submission.ErrOpen) {
			g.org, g.gist, g.language = org, gist(told), told.Language
			return nil
		}
	}
	return nil
}

// gist is the beginning of what is told.
func gist(m submission.Message) string {
	text := strings.Join(strings.Fields(m.Told+" "+m.Who+" "+m.Where), " ")
	if runes := []rune(text); len(runes) > gistRunes {
		return string(runes[:gistRunes]) + "…"
	}
	return text
}

// found is a report that is open to the member, with all that is needed to work on it.
type found struct {
	SubmissionView
	door  inbox.Door
	store *inbox.Store
	keys  []*seal.Identity
}

// findReport finds one report by its id or the beginning of it, of at least 8 digits.
func (r *Registry) findReport(ctx context.Context, s *access.Session, id string) (*found, error) {
	keys, err := r.inboxes(s)
	if err != nil {
		return nil, err
	}
	if id = strings.ToLower(strings.TrimSpace(id)); len(id) < 8 {
		return nil, ErrNotFound
	}
	store, err := r.store()
	if err != nil {
		return nil, err
	}
	views, err := r.submissions(ctx, s, store, keys, id)
	if err != nil {
		return nil, err
	}
	if len(views) != 1 {
		return nil, ErrNotFound
	}
	f := &found{SubmissionView: views[0], store: store, keys: keys[views[0].Org]}
	raw, err := hex.DecodeString(f.ID)
	if err != nil {
		return nil, err
	}
	f.door = inbox.Door(raw)
	return f, f.open()
}

// open opens all that was told and answered.
func (f *found) open() error {
	report, err := f.store.Get(f.door)
	if err != nil {
		return err
	}
	mark := "" // of the first message
	for _, m := range report.Messages {
		sealed, err := f.store.Message(f.door, m)
		if errors.Is(err, inbox.ErrNone) {
			continue // withdrawn at this moment
		}
		if err != nil {
			return err
		}
		view := SubmissionMessage{Number: m.Number, Answer: m.Answer, Day: m.Day, Brought: m.Brought}
		if view.Message, err = openWith(f.keys, sealed); err != nil {
			view.Shut = true
		}
		first := !slices.ContainsFunc(f.Messages, func(m SubmissionMessage) bool { return !m.Answer })
		if first && !m.Answer {
			mark = view.Mark
		}
		view.Doubtful = m.Brought && !first && (mark == "" || view.Mark != mark)
		f.Messages = append(f.Messages, view)
	}
	return nil
}

// Submission opens a report: all that was told and answered. id may be the
// beginning of it.
func (r *Registry) Submission(ctx context.Context, s *access.Session, id string) (_ SubmissionView, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, err := r.findReport(ctx, s, id)
	if err != nil {
		return SubmissionView{}, err
	}
	sorted, err := r.sortedReports(ctx)
	if err != nil {
		return SubmissionView{}, err
	}
	for door, rec := range sorted {
		if rec.Get("into") == f.ID && rec.Get("org") == f.Org {
			f.Parts = append(f.Parts, door)
		}
	}
	slices.Sort(f.Parts)
	for _, m := range takersIn(r.roll(), f.Org) {
		f.Takers = append(f.Takers, m.Member)
	}
	if err := r.audit(ctx, &line{act: actRead, what: "inbox", by: s.Keys.Identity}); err != nil {
		return SubmissionView{}, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return f.SubmissionView, nil
}

// SortSubmission says where a report stands. Where life is at risk, everybody
// with the role in the organisation gets a task at once.
func (r *Registry) SortSubmission(ctx context.Context, s *access.Session, id string, to SubmissionSort) (err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, err := r.findReport(ctx, s, id)
	if err != nil {
		return err
	}
	if f.Org == "" {
		return ErrSubmissionGone
	}
	if to.Into != nil {
		into, err := r.findReport(ctx, s, *to.Into)
		if err != nil {
			return err
		}
		if into.ID == f.ID || into.Org != f.Org || into.Status == SubmissionMerged {
			return ErrSubmissionInto
		}
		to.Into = &into.ID
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	acts, err := r.sortActs(ctx, f, to)
	if err != nil {
		return err
	}
	if err := r.write(ctx, s, acts); err != nil {
		return err
	}
	return r.audit(ctx, &line{act: "sorted", what: "inbox", by: s.Keys.Identity})
}

// sortActs are the acts that sort a report. The caller holds r.writing.
func (r *Registry) sortActs(ctx context.Context, f *found, to SubmissionSort) ([]act, error) {
	record, fields, err := r.sortedAs(ctx, f)
	if err != nil {
		return nil, err
	}
	if first(fields["case"]) != "" && (to.Status != nil || to.Into != nil) {
		return nil, ErrSubmissionCase
	}
	if to.Status != nil {
		if !slices.Contains([]string{SubmissionNew, SubmissionMore, SubmissionSpam}, *to.Status) {
			return nil, ErrSubmissionStatus
		}
		fields["status"] = []string{*to.Status}
		delete(fields, "into")
	}
	if to.Into != nil {
		fields["status"], fields["into"] = []string{SubmissionMerged}, []string{*to.Into}
	}
	takers := takersIn(r.roll(), f.Org)
	if to.Assigned != nil {
		delete(fields, "assigned")
		if *to.Assigned != "" {
			if !slices.ContainsFunc(takers, func(m *MemberView) bool { return m.ID == *to.Assigned }) {
				return nil, ErrNoHolder
			}
			fields["assigned"] = []string{*to.Assigned}
		}
	}
	was := first(fields["urgent"]) == "yes"
	if to.Urgent != nil {
		fields["urgent"] = []string{yesNo(*to.Urgent)}
	}
	is := first(fields["urgent"]) == "yes" && first(fields["status"]) != SubmissionSpam
	acts := []act{{stream: record, puts: []Put{{Record: record, Kind: submissionKind, Fields: fields}}, source: "sorted by a member"}}
	switch {
	case is && !was:
		for _, m := range takers {
			id := ledger.NewID().String()
			acts = append(acts, act{stream: id, source: "life is at risk", puts: []Put{{Record: id, Kind: submissionTaskKind, Fields: casefile.Fields{
				"submission": {record}, "member": {m.ID}, "set": {r.Today().String()},
			}}}})
		}
	case was && !is:
		done, err := r.tasksDone(ctx, record)
		if err != nil {
			return nil, err
		}
		acts = append(acts, done...)
	}
	return acts, nil
}

// tasksDone are the acts that end the tasks of a report.
func (r *Registry) tasksDone(ctx context.Context, record string) (acts []act, err error) {
	tasks, err := r.urgentTasks(ctx)
	for _, t := range tasks {
		if t.Get("submission") == record {
			fields := casefile.Fields{"submission": {record}, "member": t.Fields["member"], "set": t.Fields["set"], "done": {r.Today().String()}}
			acts = append(acts, act{stream: t.ID, source: "done", puts: []Put{{Record: t.ID, Kind: submissionTaskKind, Fields: fields}}})
		}
	}
	return acts, err
}

// sortedAs is the record of a report with its fields: a new one where it has
// none. The caller holds r.writing.
func (r *Registry) sortedAs(ctx context.Context, f *found) (string, casefile.Fields, error) {
	sorted, err := r.sortedReports(ctx)
	if err != nil {
		return "", nil, err
	}
	fields := casefile.Fields{"org": {f.Org}, "door": {f.ID}, "status": {SubmissionNew}}
	rec := sorted[f.ID]
	if rec == nil {
		return ledger.NewID().String(), fields, nil
	}
	for field, values := range rec.Fields {
		fields[field] = slices.Clone(values)
	}
	return rec.ID, fields, nil
}

// AnswerSubmission answers a report: sealed to its receipt, and to the intake
// key, so that those with the role can read what was answered.
func (r *Registry) AnswerSubmission(ctx context.Context, s *access.Session, id, text, language string) (err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, err := r.findReport(ctx, s, id)
	if err != nil {
		return err
	}
	if f.Withdrawn != "" {
		return ErrSubmissionGone
	}
	if strings.TrimSpace(text) == "" || len(text) > submission.MaxText {
		return ErrAnswer
	}
	to := ""
	for _, m := range f.Messages {
		if !m.Answer && !m.Shut && m.Answers != "" {
			to = m.Answers // what stands inside the seal counts
			if language == "" {
				language = m.Language
			}
			break
		}
	}
	if to == "" && slices.ContainsFunc(f.Messages, func(m SubmissionMessage) bool { return m.Conversation != nil }) {
		return ErrNoSender
	}
	recipients, err := submission.Recipients(to, f.keys[0].Public().Recipient())
	if err != nil {
		return err
	}
	sealed, err := submission.Seal(recipients, submission.Message{Format: 1, Language: language, Told: text})
	if err != nil {
		return err
	}
	if err := r.audit(ctx, &line{act: "answered", what: "inbox", by: s.Keys.Identity}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	if err := f.store.Answer(f.door, sealed); errors.Is(err, inbox.ErrGone) {
		return ErrSubmissionGone
	} else if err != nil {
		return err
	}
	return nil
}

// CaseOfSubmission turns a report into a case of the organisation it was sent
// to, with what was told, the consents as they were given, and the files, of it
// and of those that were made part of it. It is done once: asked again, it goes
// on where it was interrupted, and takes what came later. Of files that nobody
// waits long for, the copy is made that is safe to look at.
func (r *Registry) CaseOfSubmission(ctx context.Context, s *access.Session, id string) (_ Row, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, err := r.findReport(ctx, s, id)
	if err != nil {
		return Row{}, err
	}
	if f.Withdrawn != "" {
		return Row{}, ErrSubmissionGone
	}
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: f.Org}) {
		return Row{}, ErrNotAllowed
	}
	if f.Status == SubmissionMerged {
		return Row{}, ErrSubmissionPart
	}
	parts, err := r.partsOf(ctx, f)
	if err != nil {
		return Row{}, err
	}
	caseID, err := r.caseOf(ctx, s, parts)
	if err != nil {
		return Row{}, err
	}
	if err := r.takeLater(ctx, s, parts, caseID); err != nil {
		return Row{}, err
	}
	if err := r.moveFiles(ctx, s, parts, caseID); err != nil {
		return Row{}, err
	}
	if err := r.audit(ctx, &line{act: "sorted", what: "inbox", by: s.Keys.Identity, cases: []string{caseID}}); err != nil {
		return Row{}, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return r.row(ctx, s, caseID, r.clock(Clock{}))
}

// partsOf are a report and those that were made part of it, or of one of them.
func (r *Registry) partsOf(ctx context.Context, f *found) ([]*found, error) {
	sorted, err := r.sortedReports(ctx)
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(sorted))
	parts := []*found{f}
	for i := 0; i < len(parts); i++ {
		for _, id := range ids {
			rec := sorted[id]
			raw, err := hex.DecodeString(id)
			if err != nil || len(raw) != len(f.door) || rec.Get("status") != SubmissionMerged || rec.Get("into") != parts[i].ID || rec.Get("org") != f.Org {
				continue
			}
			part := &found{SubmissionView: SubmissionView{ID: id, Org: f.Org}, door: inbox.Door(raw), store: f.store, keys: f.keys}
			if err := part.open(); errors.Is(err, inbox.ErrNone) {
				continue // its sender or the register took it away
			} else if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// caseOf writes the case of a report and that it was made, as one: so there is
// never one without the other, and never a second one.
func (r *Registry) caseOf(ctx context.Context, s *access.Session, parts []*found) (string, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	record, fields, err := r.sortedAs(ctx, parts[0])
	if err != nil {
		return "", err
	}
	if id := first(fields["case"]); id != "" {
		return id, nil
	}
	a, err := r.caseAct(ctx, s, NewCase{Org: parts[0].Org, Records: r.recordsOf(parts, nil)})
	if err != nil {
		return "", err
	}
	a.source = fromSubmission
	fields["status"], fields["case"] = []string{SubmissionCase}, []string{a.stream}
	if first(fields["urgent"]) == "yes" { // its tasks end with it, and danger that comes to be known later raises new ones
		fields["urgent"] = []string{"no"}
	}
	acts := []act{a, {stream: record, puts: []Put{{Record: record, Kind: submissionKind, Fields: fields}}, source: "a case was made"}}
	sorted, err := r.sortedReports(ctx)
	if err != nil {
		return "", err
	}
	for _, part := range parts {
		rec := sorted[part.ID]
		if rec == nil {
			continue
		}
		done, err := r.tasksDone(ctx, rec.ID)
		if err != nil {
			return "", err
		}
		acts = append(acts, done...)
	}
	if err := r.write(ctx, s, acts); err != nil && !errors.Is(err, ErrKept) {
		return "", err
	}
	return a.stream, nil
}

// takeLater takes into the case of a report what was told, or made part of it,
// since the case was made.
func (r *Registry) takeLater(ctx context.Context, s *access.Session, parts []*found, caseID string) error {
	file, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return notFound(err)
	}
	puts := r.recordsOf(parts, file)
	if len(puts) == 0 {
		return nil
	}
	for i := range puts {
		puts[i].Record = ledger.NewID().String()
	}
	err = r.writeCase(ctx, s, caseID, act{puts: puts, source: fromSubmission}, func(file *casefile.Case) error {
		if len(r.recordsOf(parts, file)) != len(puts) {
			return errTaken
		}
		return nil
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// errTaken says that somebody else has just taken the same into the case.
var errTaken = errors.New("it is in the case already")

// fromSubmission begins the source of what a report gave to a case: the report
// and the number of the message come after it.
const fromSubmission = "submission"

func (f *found) source(number int) string { return fmt.Sprintf("%s, message %d", f.ID, number) }

// recordsOf are the records of a case that reports give, without those that the
// case has or had.
func (r *Registry) recordsOf(parts []*found, file *casefile.Case) (puts []Put) {
	purposes, _ := r.book.List("consent_purpose")
	roles, _ := r.book.List("person_role")
	had, consented := map[string]bool{}, map[string]bool{}
	if file != nil {
		for _, rec := range file.Records() {
			for _, h := range rec.History {
				had[rec.Kind+" "+h.Source] = true
			}
			if rec.Kind == "consent" && strings.HasPrefix(rec.History[0].Source, fromSubmission+": ") {
				consented[rec.Get("purpose")] = true
			}
		}
	}
	for _, f := range parts {
		for _, m := range f.Messages {
			if m.Answer || m.Shut || m.Doubtful || had["report "+fromSubmission+": "+f.source(m.Number)] {
				continue
			}
			report := casefile.Fields{"received": {m.Day}, "channel": {channelOf(m)}, "language": {m.Language}}
			given, medium := m.Day, "electronic"
			if c := m.Conversation; c != nil {
				medium = "oral"
				if c.Day <= m.Day { // a phone whose clock is wrong does not make a case younger than it is
					report["received"], given = []string{c.Day}, c.Day
				}
				if _, known := roles.Code(c.Speaker); known {
					report["by_role"] = []string{c.Speaker}
				}
			}
			if text := r.toldIn(m.Message); text != "" {
				report["summary"] = []string{text}
			}
			if m.Where != "" {
				report["place"] = []string{m.Where}
			}
			puts = append(puts, Put{Kind: "report", Fields: report, Source: f.source(m.Number)})
			for _, code := range m.Consents {
				if _, known := purposes.Code(code); known && !consented[code] {
					consented[code] = true
					puts = append(puts, Put{Kind: "consent", Source: f.source(m.Number), Fields: casefile.Fields{
						"purpose": {code}, "state": {"given"}, "given": {given}, "medium": {medium}, "language": {m.Language},
					}})
				}
			}
		}
	}
	return puts
}

// channelOf is how a message came, a code of list report_channel. Whether it was
// through Tor is kept nowhere.
func channelOf(m SubmissionMessage) string {
	switch {
	case m.Conversation != nil:
		return "conversation"
	case m.Brought:
		return "offline_pack"
	}
	return "public_form"
}

// moveFiles puts the files of reports into their case, each once: one that is
// there already, or was and was taken back, is left as it is. One that did not
// arrive as it was sent keeps no other out.
func (r *Registry) moveFiles(ctx context.Context, s *access.Session, parts []*found, caseID string) error {
	file, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return notFound(err)
	}
	there, items := map[string]string{}, map[string]string{}
	for _, rec := range fileRecords(file) {
		there[rec.Get("sha256")] = rec.ID
	}
	for _, rec := range file.Of("evidence") {
		items[rec.Get("sha256")] = rec.ID
	}
	var broken error
	var small []string
	for _, f := range parts {
		for _, m := range f.Messages {
			if m.Answer || m.Shut || m.Doubtful {
				continue
			}
			for _, of := range m.Files {
				if of.Bytes == 0 {
					continue
				}
				if there[of.SHA256] == "" {
					id, err := r.moveFile(ctx, s, f, caseID, m, of, items)
					if errors.Is(err, ErrSubmissionFile) {
						broken = err
						continue
					}
					if err != nil {
						return err
					}
					there[of.SHA256] = id
				}
				if of.Bytes <= quickly().Bytes {
					small = append(small, there[of.SHA256])
				}
			}
		}
	}
	r.quickCopies(ctx, s, caseID, small)
	return broken
}

// moveFile puts one file into the case. items are the pieces of evidence of the
// case, by the SHA-256 of their file.
func (r *Registry) moveFile(ctx context.Context, s *access.Session, f *found, caseID string, m SubmissionMessage, of submission.File, items map[string]string) (string, error) {
	content, err := newPieceReader(f, of, m.Number)
	if err != nil {
		return "", err
	}
	if items[of.SHA256] == "" {
		if items[of.SHA256], err = r.itemOf(ctx, s, f, caseID, m, of); err != nil {
			return "", err
		}
	}
	view, err := r.AddFile(ctx, s, caseID, NewFile{Evidence: items[of.SHA256], Name: of.Name, Content: content})
	return view.ID, err
}

// quickCopies makes the copies that are safe to look at, of files that may have
// theirs: those that take longer can be asked for.
func (r *Registry) quickCopies(ctx context.Context, s *access.Session, caseID string, files []string) {
	start := r.now()
	for _, id := range files {
		if r.now().Sub(start) > copiesWait {
			return
		}
		_, err := r.MakeCopy(ctx, s, caseID, id, true)
		if errors.Is(err, ErrNoOpener) || ctx.Err() != nil {
			return
		}
		if err != nil && !errors.Is(err, ErrNotQuick) && !errors.Is(err, ErrNotFound) { // withdrawn since
			r.opt.Log.Warn("no safe copy was made of a file of a report; it can be asked for on its page", slog.String("type", fmt.Sprintf("%T", err)))
		}
	}
}

// itemOf writes the evidence that a file is, with the first step of its custody.
func (r *Registry) itemOf(ctx context.Context, s *access.Session, f *found, caseID string, m SubmissionMessage, of submission.File) (string, error) {
	item := ledger.NewID().String()
	return item, r.Write(ctx, s, caseID, []Put{
		{Record: item, Kind: "evidence", Fields: casefile.Fields{
			"kind": {evidenceKind(of.Type)}, "obtained": {m.Day}, "state": {"held"}, "sha256": {of.SHA256}, "hashed": {"yes"}, "file_name": {of.Name},
		}},
		{Record: ledger.NewID().String(), Kind: "handover", Fields: casefile.Fields{"evidence": {item}, "event": {"received"}, "date": {m.Day}}},
	}, nil, "", fromSubmission+": "+f.source(m.Number))
}

// pieceReader reads a file of a report, piece by piece. Where it is not the one
// that was sent, it ends with an error in the place of the last piece.
type pieceReader struct {
	f       *found
	of      submission.File
	upload  inbox.Upload
	message inbox.Message
	next    int
	left    []byte
	hash    hash.Hash
}

func newPieceReader(f *found, of submission.File, message int) (*pieceReader, error) {
	raw, err := hex.DecodeString(of.Upload)
	if err != nil || len(raw) != len(inbox.Upload{}) {
		return nil, ErrSubmissionFile
	}
	return &pieceReader{f: f, of: of, upload: inbox.Upload(raw), message: inbox.Message{Number: message}, hash: sha256.New()}, nil
}

func (p *pieceReader) Read(b []byte) (int, error) {
	for len(p.left) == 0 {
		if p.next == p.of.Pieces {
			return 0, io.EOF
		}
		if err := p.piece(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}

func (p *pieceReader) piece() error {
	in, err := p.f.store.Piece(p.f.door, p.message, p.upload, p.next)
	if errors.Is(err, inbox.ErrNone) {
		return ErrSubmissionFile
	}
	if err != nil {
		return err
	}
	sealed, err := io.ReadAll(io.LimitReader(in, inbox.MaxPiece+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return err
	}
	for _, id := range p.f.keys {
		plain, err := submission.OpenPiece(id, p.of, p.next, sealed)
		if errors.Is(err, submission.ErrOpen) {
			continue
		}
		if err != nil {
			return ErrSubmissionFile
		}
		p.next++
		p.hash.Write(plain)
		if p.next == p.of.Pieces && hex.EncodeToString(p.hash.Sum(nil)) != p.of.SHA256 {
			p.next-- // asked again, it ends so again
			return ErrSubmissionFile
		}
		p.left = plain
		return nil
	}
	return ErrSubmissionFile
}

// AddSealed takes in a sealed file of where there was no line, for whoever it
// is sealed to: the member need not be able to open it. Where there is a report
// of its receipt, it adds to it. The same file twice is one; then fresh is false.
func (r *Registry) AddSealed(ctx context.Context, s *access.Session, sealed io.Reader) (id string, fresh bool, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	if len(inboxOrgs(s.Member)) == 0 {
		return "", false, ErrNotAllowed
	}
	store, err := r.store()
	if err != nil {
		return "", false, err
	}
	var head submission.Head
	there := map[inbox.Upload]bool{} // parts of the report already
	pieces := map[inbox.Upload]map[int]bool{}
	message, err := submission.ReadFile(sealed, func(h submission.Head) error {
		head = h
		report, err := store.Get(h.Door)
		for _, m := range report.Messages {
			for _, f := range m.Files {
				there[f.Upload] = true
			}
		}
		switch {
		case errors.Is(err, inbox.ErrNone):
			return nil
		case report.Withdrawn != "":
			return ErrSubmissionGone
		}
		return err
	}, func(upload [16]byte, n int, piece []byte) error {
		if there[upload] {
			return nil
		}
		if pieces[upload] == nil {
			pieces[upload] = map[int]bool{}
		}
		pieces[upload][n] = true
		return store.PutPiece(upload, n, piece)
	})
	if err != nil {
		return "", false, err
	}
	id = inbox.Door(head.Door).String()
	if has, err := store.Has(head.Door, message); err == nil && has {
		return id, false, nil
	}
	var attached []inbox.Attached
	for upload, had := range pieces {
		attached = append(attached, inbox.Attached{Upload: upload, Pieces: len(had)})
	}
	slices.SortFunc(attached, func(a, b inbox.Attached) int { return bytes.Compare(a.Upload[:], b.Upload[:]) })
	if err := r.audit(ctx, &line{act: "taken_in", what: "inbox", by: s.Keys.Identity}); err != nil {
		return "", false, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	fresh, err = store.Bring(head.Door, head.Answers, message, attached)
	if errors.Is(err, inbox.ErrGone) {
		err = ErrSubmissionGone
	}
	if err != nil {
		return "", false, err
	}
	return id, fresh, nil
}

// toldIn is what somebody told, as the words of a case.
func (r *Registry) toldIn(m submission.Message) string {
	parts := []string{m.Told, m.Who, m.When, m.By}
	if c := m.Conversation; c != nil {
		for _, asked := range []struct{ kind, said string }{{"complaint", c.Complaint}, {"registration", c.Registered}, {"examination", c.Examined}} {
			if k, ok := r.book.Kind(asked.kind); ok && asked.said != "" {
				parts = append(parts, k.Label.In(m.Language)+": "+r.book.Label("yesno", asked.said, m.Language))
			}
		}
		parts = append(parts, c.State)
	}
	parts = append(parts, m.Wish, m.Contact)
	if c := m.Conversation; c != nil {
		parts = append(parts, c.Known)
	}
	var told []string
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			told = append(told, part)
		}
	}
	return strings.Join(told, "\n\n")
}

// Taker is the id of a member who has the role in the organisation of a report,
// by name; empty: nobody.
func (r *Registry) Taker(ctx context.Context, s *access.Session, id, name string) (_ string, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, err := r.findReport(ctx, s, id)
	if err != nil || name == "" {
		return "", err
	}
	for _, m := range takersIn(r.roll(), f.Org) {
		if access.FoldName(m.Name) == access.FoldName(name) || m.ID == name {
			return m.ID, nil
		}
	}
	return "", ErrNoHolder
}
