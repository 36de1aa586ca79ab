// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// MaxBulk is how many cases can be worked on at once.
const MaxBulk = 500

// bulkKind is the kind of the record that an act on many cases leaves, by which it is shown and taken back.
const bulkKind = "bulk"

// What is done in each of many cases (list bulk_what).
const (
	BulkTask  = "task"
	BulkGrant = "grant"
)

// What somebody who works on many cases can be told. Nothing was written.
var (
	ErrManyCases = fmt.Errorf("at most %d cases can be worked on at once: narrow the search", MaxBulk)
	ErrNoCases   = errors.New("there is no case in which this would be done")
	// ErrSet says that it would not be done in the very cases of the preview.
	ErrSet = errors.New("the cases have changed since the preview: nothing was done; look at it again")
	// ErrNoBulk says that what is asked for is nothing that can be done at once.
	ErrNoBulk = errors.New("what is to be done in each case is a task or a grant")
)

// Bulk is one thing to be done in each of many cases.
type Bulk struct {
	What  string          // BulkTask or BulkGrant
	Cases []string        // ids
	Task  casefile.Fields // of the record of kind task that each gets
	Grant NewGrant        // that each gets
	Also  []string        // restricted cases that are granted, too: each is named by itself
}

// Why something is not done in a case.
const (
	BulkNotAllowed   = "not_allowed"
	BulkThere        = "there"         // it has that task, or that access is given
	BulkRestricted   = "restricted"    // and was not named by itself
	BulkRevoked      = "revoked"       // a former keeper says that this organisation is not to read it
	BulkOwner        = "owner"         // granted to the organisation whose case it is
	BulkByName       = "by_name"       // restricted, and granted to an organisation
	BulkOpensNothing = "opens_nothing" // the member's roles make nothing of it
)

// BulkRow is one of the cases with what becomes of it.
type BulkRow struct {
	Row        Row
	Restricted bool
	Why        string // not: one of the reasons above; empty: it is done
}

// BulkPlan is what would be done, and what not.
type BulkPlan struct {
	Do, Not []BulkRow
	Gone    int    // of the cases named, so many are not there for the member
	To      string // of a grant: the name of who gets it
	ToOrg   bool
	Set     string // stands for all that would be done: Do does this or nothing
}

// PlanBulk says in which cases something would be done, and in which not and why.
func (r *Registry) PlanBulk(ctx context.Context, s *access.Session, b Bulk) (_ BulkPlan, err error) {
	defer r.refusal(ctx, s, "writing", "", &err)
	plan, _, err := r.planBulk(ctx, s, b)
	if err != nil {
		return BulkPlan{}, err
	}
	var rows []Row
	for _, row := range slices.Concat(plan.Do, plan.Not) {
		rows = append(rows, row.Row)
	}
	if err := r.readsIdentity(ctx, s, actList, "case_list", r.whole(s, rows...)...); err != nil {
		return BulkPlan{}, err
	}
	return plan, nil
}

func (r *Registry) planBulk(ctx context.Context, s *access.Session, b Bulk) (plan BulkPlan, to holder, err error) {
	ids := slices.Compact(slices.Sorted(slices.Values(b.Cases)))
	if len(ids) > MaxBulk {
		return plan, to, ErrManyCases
	}
	switch b.What {
	case BulkTask:
		if problems := r.book.Validate("task", b.Task); len(problems) > 0 {
			return plan, to, &InvalidError{Kind: "task", Problems: problems}
		}
	case BulkGrant:
		switch {
		case b.Grant.Part != access.Fact && b.Grant.Part != access.Identity:
			return plan, to, ErrPart
		case b.Grant.Until != 0 && b.Grant.Until < r.Today():
			return plan, to, ErrUntil
		}
		if to, err = r.holder(b.Grant.To); err != nil {
			return plan, to, err
		}
		plan.To, plan.ToOrg = to.name, to.org
	default:
		return plan, to, ErrNoBulk
	}
	rows, err := r.index.Rows(ctx, ids, r.clock(Clock{}), r.see(s.Member))
	if err != nil {
		return plan, to, err
	}
	plan.Gone = len(ids) - len(rows)
	for _, row := range rows {
		thing, there := r.thing(row.ID)
		if !there {
			plan.Gone++
			continue
		}
		why := ""
		if b.What == BulkTask {
			why, err = r.whyNoTask(ctx, s, row.ID, thing, b.Task)
		} else {
			why, err = r.whyNoGrant(s, row.ID, thing, to, b)
		}
		if err != nil {
			return plan, to, err
		}
		one := BulkRow{Row: row, Restricted: thing.Restricted, Why: why}
		if why == "" {
			plan.Do = append(plan.Do, one)
		} else {
			plan.Not = append(plan.Not, one)
		}
	}
	plan.Set = b.set(plan.Do, to)
	return plan, to, nil
}

// set stands for what would be done in which cases.
func (b Bulk) set(do []BulkRow, to holder) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %v", b.What, to.id, b.Grant.Part, b.Grant.Until)
	var names []string
	for name, values := range b.Task {
		names = append(names, fmt.Sprintf("%q %q", name, values))
	}
	slices.Sort(names)
	fmt.Fprint(h, names)
	for _, row := range do {
		fmt.Fprint(h, " ", row.Row.ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *Registry) whyNoTask(ctx context.Context, s *access.Session, id string, thing access.Thing, task casefile.Fields) (string, error) {
	if !access.Decide(s.Member, access.WriteCase, thing) {
		return BulkNotAllowed, nil
	}
	file, err := r.index.Case(ctx, id, allKnown)
	if err != nil {
		return "", notFound(err)
	}
	for _, rec := range file.Of("task") {
		same := rec.Get("status") == "open"
		for _, field := range []string{"kind", "due", "text", "assigned"} {
			same = same && rec.Get(field) == first(task[field])
		}
		if same {
			return BulkThere, nil
		}
	}
	return "", nil
}

func (r *Registry) whyNoGrant(s *access.Session, id string, thing access.Thing, to holder, b Bulk) (string, error) {
	if !access.Decide(s.Member, access.GrantCase, thing) {
		return BulkNotAllowed, nil
	}
	switch err := r.useful(thing, to, b.Grant.Part); {
	case errors.Is(err, ErrOwner):
		return BulkOwner, nil
	case errors.Is(err, ErrByName):
		return BulkByName, nil
	case errors.Is(err, ErrOpensNothing):
		return BulkOpensNothing, nil
	case err != nil:
		return "", err
	}
	for _, g := range r.grants(id) {
		lasts := g.Until == 0 || b.Grant.Until != 0 && g.Until >= b.Grant.Until
		if g.To == to.id && g.On(r.Today()) && lasts && (g.Part == access.Identity || g.Part == b.Grant.Part) {
			return BulkThere, nil
		}
	}
	if len(r.revocations(id, to.id)) > 0 { // that one is looked at by itself
		return BulkRevoked, nil
	}
	if thing.Restricted && !slices.Contains(b.Also, id) {
		return BulkRestricted, nil
	}
	return "", nil
}

// DoBulk does in each case what the preview, whose Set is given, said: in all
// of them in one act, or in none. It answers the id by which it is shown and
// taken back.
func (r *Registry) DoBulk(ctx context.Context, s *access.Session, b Bulk, set, reason string) (_ string, err error) {
	defer r.refusal(ctx, s, "writing", "", &err)
	if strings.TrimSpace(reason) == "" {
		return "", ErrReason
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	plan, to, err := r.planBulk(ctx, s, b)
	switch {
	case err != nil:
		return "", err
	case plan.Set != set:
		return "", ErrSet
	case len(plan.Do) == 0:
		return "", ErrNoCases
	case b.What == BulkGrant && !r.sessions.Fresh(s): // what is given away is read before it can be taken back
		return "", ErrProof
	}
	id := ledger.NewID().String()
	note := Put{Record: id, Kind: bulkKind, Fields: casefile.Fields{"what": {b.What}}}
	var acts []act
	var after []func() error
	for _, row := range plan.Do {
		a := act{stream: row.Row.ID, reason: reason, source: "with others at once"}
		var forget func() error
		if a.handed, forget, err = r.lapsed(ctx, s, row.Row.ID); err != nil {
			return "", err
		}
		after = append(after, forget)
		if b.What == BulkTask {
			a.puts = []Put{{Record: ledger.NewID().String(), Kind: "task", Fields: clean(b.Task)}}
		} else {
			a.puts = []Put{grantPut(to, b.Grant)}
			keys, err := r.handOver(ctx, row.Row.ID, to, b.Grant.Part)
			if err != nil {
				return "", err
			}
			a.handed = append(a.handed, keys...)
		}
		acts = append(acts, a)
		note.Fields["case"] = append(note.Fields["case"], row.Row.ID)
		note.Fields["records"] = append(note.Fields["records"], a.puts[0].Record)
	}
	acts = append(acts, act{stream: id, puts: []Put{note}, reason: reason})
	if err := r.write(ctx, s, acts); err != nil {
		return "", err
	}
	for _, forget := range after {
		if err := forget(); err != nil {
			return "", err
		}
	}
	return id, nil
}

// BulkView is what was done in many cases at once.
type BulkView struct {
	ID     string
	What   string
	Reason string
	Rows   []Row // of the cases that the member may still see
	Left   int   // of how many it is done, and can still be taken back
	Undone bool
}

// bulkDone is what an act on many cases left.
type bulkDone struct {
	what, reason   string
	cases, records []string
	undone         bool
}

// bulk finds what a member did in many cases; what another did is not theirs to know.
func (r *Registry) bulk(ctx context.Context, s *access.Session, id string) (bulkDone, error) {
	entries, err := r.index.Entries(ctx, id)
	if err != nil {
		return bulkDone{}, err
	}
	if len(entries) == 0 || entries[0].Kind != bulkKind || entries[0].Author != s.Member.ID {
		return bulkDone{}, ErrNotFound
	}
	e := entries[0]
	done := bulkDone{what: first(e.Fields["what"]), reason: e.Reason, cases: e.Fields["case"], records: e.Fields["records"],
		undone: entries[len(entries)-1].Op == casefile.Withdraw}
	if len(done.cases) != len(done.records) {
		return bulkDone{}, ErrNotFound
	}
	return done, nil
}

// undoable tells whether the record that an act on many cases put into one is
// as it was put and the member may take it back.
func (r *Registry) undoable(ctx context.Context, s *access.Session, what, caseID, record string) (bool, error) {
	thing, there := r.thing(caseID)
	if !there {
		return false, nil
	}
	if what == BulkGrant {
		_, given := r.grants(caseID)[record]
		return given && access.Decide(s.Member, access.GrantCase, thing), nil
	}
	if !access.Decide(s.Member, access.WriteCase, thing) {
		return false, nil
	}
	file, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return false, notFound(err)
	}
	rec, ok := file.Record(record)
	return ok && rec.Kind == "task" && !rec.Withdrawn && len(rec.History) == 1, nil
}

// BulkDone shows what the member did in many cases at once.
func (r *Registry) BulkDone(ctx context.Context, s *access.Session, id string) (_ BulkView, err error) {
	defer r.refusal(ctx, s, "writing", "", &err)
	done, err := r.bulk(ctx, s, id)
	if err != nil {
		return BulkView{}, err
	}
	view := BulkView{ID: id, What: done.what, Reason: done.reason, Undone: done.undone}
	if view.Rows, err = r.index.Rows(ctx, done.cases, r.clock(Clock{}), r.see(s.Member)); err != nil {
		return BulkView{}, err
	}
	for i, caseID := range done.cases {
		ok, err := r.undoable(ctx, s, done.what, caseID, done.records[i])
		if err != nil {
			return BulkView{}, err
		}
		if ok {
			view.Left++
		}
	}
	return view, r.readsIdentity(ctx, s, actList, "case_list", r.whole(s, view.Rows...)...)
}

// UndoBulk takes back, in one act, what the member did in many cases at once,
// where nobody has changed it since; it answers in how many cases it did not.
// A grant needs no fresh proof to be taken back.
func (r *Registry) UndoBulk(ctx context.Context, s *access.Session, id, reason string) (left int, err error) {
	defer r.refusal(ctx, s, "writing", "", &err)
	if strings.TrimSpace(reason) == "" {
		return 0, ErrReason
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	done, err := r.bulk(ctx, s, id)
	if err != nil {
		return 0, err
	}
	if done.undone {
		return 0, ErrSet
	}
	var acts []act
	for i, caseID := range done.cases {
		ok, err := r.undoable(ctx, s, done.what, caseID, done.records[i])
		if err != nil {
			return 0, err
		}
		if !ok {
			left++
			continue
		}
		a := act{stream: caseID, withdraws: []Put{{Record: done.records[i], Kind: done.what}}, reason: reason, source: "with others at once"}
		if done.what == BulkGrant {
			a.source = "taken back"
			thing, _ := r.thing(caseID)
			a.handed, err = r.takeBackGrant(ctx, s, caseID, thing, done.records[i])
			if errors.Is(err, ErrLastReader) {
				left++
				continue
			}
			if err != nil {
				return 0, err
			}
		}
		acts = append(acts, a)
	}
	if len(acts) == 0 {
		return left, ErrNoCases
	}
	acts = append(acts, act{stream: id, withdraws: []Put{{Record: id, Kind: bulkKind}}, reason: reason})
	return left, r.write(ctx, s, acts)
}

// BulkHolders are those a member may grant cases to at once: every
// organisation, and the members of their own.
func (r *Registry) BulkHolders(ctx context.Context, s *access.Session) (_ []Holder, err error) {
	defer r.refusal(ctx, s, "grants", "", &err)
	own := slices.DeleteFunc(slices.Clone(s.Member.Orgs), func(org string) bool {
		return !access.Decide(s.Member, access.GrantCase, access.Thing{Org: org, Day: r.Today()})
	})
	if len(own) == 0 {
		return nil, ErrNotAllowed
	}
	var out []Holder
	for _, o := range r.roll().Orgs {
		if !slices.Equal(own, []string{o.ID}) {
			out = append(out, Holder{ID: o.ID, Name: o.Name, Org: true})
		}
	}
	for _, m := range r.members() {
		theirs := slices.ContainsFunc(m.Orgs, func(org string) bool { return slices.Contains(own, org) })
		if m.ID != s.Member.ID && theirs && m.Is(access.CaseWorker, access.Lawyer, access.Clinician, access.Reviewer, access.Analyst, access.Coordinator) {
			out = append(out, Holder{ID: m.ID, Name: m.Name, Roles: m.Roles})
		}
	}
	return out, nil
}

// MayBulk tells whether a member can give tasks to, and grant, cases of their organisations.
func (r *Registry) MayBulk(s *access.Session) (tasks, grants bool) {
	for _, org := range s.Member.Orgs {
		thing := access.Thing{Org: org, Day: r.Today()}
		tasks = tasks || access.Decide(s.Member, access.WriteCase, thing)
		grants = grants || access.Decide(s.Member, access.GrantCase, thing)
	}
	return tasks, grants
}
