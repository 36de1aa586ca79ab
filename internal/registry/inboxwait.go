// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/submission"
)

// ErrInboxFull says that a sealed file or an answer can't be taken in for now.
var ErrInboxFull = inbox.ErrFull

// NotSealed tells whether a sealed file can't be taken in because of itself: it
// is none, or not all of it.
func NotSealed(err error) bool {
	return slices.ContainsFunc([]error{submission.ErrFile, submission.ErrForm, submission.ErrTooLong, inbox.ErrMissing, inbox.ErrTooLong}, func(why error) bool { return errors.Is(err, why) })
}

// Waits tells whether somebody has to look at a report still.
func (v SubmissionView) Waits() bool { return v.Withdrawn == "" && unhandled(v.Status) }

func unhandled(status string) bool { return status == SubmissionNew || status == SubmissionMore }

// InboxCount is how much of the inbox waits for a member.
type InboxCount struct {
	New    int  // that nobody has sorted
	Urgent int  // in which life is at risk, and that wait
	More   bool // there may be more new ones: they have not all been looked at
}

// lookAtOnce is how many reports are opened at most to count the new ones. What
// a flood sends is opened little by little.
const lookAtOnce = 50

// InboxCount counts what waits in the inboxes that the member opens.
func (r *Registry) InboxCount(ctx context.Context, s *access.Session) (n InboxCount, err error) {
	orgs := inboxOrgs(s.Member)
	if len(orgs) == 0 {
		return n, nil
	}
	store := inbox.Look(filepath.Join(r.dir, inboxDir))
	doors, err := store.Doors()
	if err != nil || len(doors) == 0 {
		return n, err
	}
	sorted, err := r.sortedReports(ctx)
	if err != nil {
		return n, err
	}
	var unsorted []inbox.Door
	for _, d := range doors {
		rec := sorted[d.String()]
		switch {
		case rec == nil:
			unsorted = append(unsorted, d)
		case slices.Contains(orgs, rec.Get("org")) && unhandled(rec.Get("status")) && store.Told(d):
			if rec.Get("status") == SubmissionNew {
				n.New++
			}
			if rec.Get("urgent") == "yes" {
				n.Urgent++
			}
		}
	}
	count, more, err := r.unsorted(s, store, orgs, unsorted)
	n.New, n.More = n.New+count, more
	return n, err
}

// unsorted counts the reports among some that were sent to one of the
// organisations and that their senders have not taken back.
func (r *Registry) unsorted(s *access.Session, store *inbox.Store, orgs []string, doors []inbox.Door) (n int, more bool, err error) {
	var keys map[string][]*seal.Identity
	have := -1 // keys that are sealed to the member: to open them takes long, and is left to who has something to open
	looked := 0
	for _, d := range doors {
		if !store.Told(d) {
			continue
		}
		known, _ := s.Keys.Opened.Load(d)
		g, _ := known.(listedReport)
		if g.org == "" && have < 0 {
			if have, err = r.intakeKeysOf(s, orgs); err != nil {
				return n, more, err
			}
		}
		if g.org == "" && g.tried != have { // with the keys that there are now it may open
			if looked == lookAtOnce {
				more = true
				continue
			}
			looked++
			if keys == nil {
				if keys, err = r.inboxes(s); err != nil {
					return n, more, err
				}
			}
			if g, err = listReport(s, store, keys, d); errors.Is(err, inbox.ErrNone) {
				continue // it has gone meanwhile
			} else if err != nil {
				return n, more, err
			}
		}
		if slices.Contains(orgs, g.org) {
			n++
		}
	}
	return n, more, nil
}

// inboxOrgs are the organisations whose inbox a member may open.
func inboxOrgs(m access.Member) []string {
	var orgs []string
	for _, org := range m.Orgs {
		if access.Decide(m, access.OpenInbox, access.Thing{Org: org}) {
			orgs = append(orgs, org)
		}
	}
	return orgs
}

// hasDue tells whether anything can be due for a member: what is due in cases,
// or reports in which life is at risk.
func hasDue(m access.Member) bool {
	return access.Decide(m, access.Count, access.Thing{}) || len(inboxOrgs(m)) > 0
}

// HasDue tells whether anything can ever be due for the member of a session.
func (r *Registry) HasDue(s *access.Session) bool { return hasDue(s.Member) }

// urgentFor are the reports in which life is at risk and that are a task of the
// member's: since which day, and nothing of what they tell.
func (r *Registry) urgentFor(ctx context.Context, m access.Member) (items []DueItem, err error) {
	orgs := inboxOrgs(m)
	if len(orgs) == 0 {
		return nil, nil
	}
	tasks, err := r.urgentTasks(ctx)
	tasks = slices.DeleteFunc(tasks, func(t *casefile.Record) bool { return t.Get("member") != m.ID })
	if err != nil || len(tasks) == 0 {
		return nil, err
	}
	reports, err := r.index.Outside(ctx, submissionKind, allKnown)
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		i := slices.IndexFunc(reports, func(report *casefile.Record) bool { return report.ID == t.Get("submission") })
		if i < 0 || !slices.Contains(orgs, reports[i].Get("org")) {
			continue
		}
		day, err := edtf.ParseDay(t.Get("set"))
		if err != nil {
			return nil, fmt.Errorf("a task of a report: %w", err)
		}
		items = append(items, DueItem{
			Due:  index.Due{Day: day, Arguable: day, State: rules.Running, Kind: submissionTaskKind, Record: t.ID},
			What: DueReport, Submission: reports[i].Get("door"),
		})
	}
	return items, nil
}
