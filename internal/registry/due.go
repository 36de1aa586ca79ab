// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/rules"
)

// What may be due.
const (
	DueReport   = "report"   // a report from outside in which life is at risk
	DueExport   = "export"   // an export that waits for the member to agree or refuse
	DueOurs     = "ours"     // a deadline that is ours to keep, or a right that is ours to use
	DueTheirs   = "theirs"   // a deadline that the authorities have to keep
	DueTask     = "task"     // an open task
	DueContact  = "contact"  // the next contact with somebody
	DueEvidence = "evidence" // evidence that will be lost by then
	DueHearing  = "hearing"  // a hearing in court
)

// DueKinds are all that may be due, in the order in which they are shown.
func DueKinds() []string {
	return []string{DueReport, DueExport, DueOurs, DueTheirs, DueTask, DueContact, DueEvidence, DueHearing}
}

// DueQuery asks what is due, as things stand today.
type DueQuery struct {
	From, To edtf.Day // both included
	Kinds    []string // of DueKinds; empty: all
	Own      bool     // only in cases of the member's own organisations
	PerDay   int      // how many of a day are given with their cases; 0: all
	Names    bool     // the cases are given with the names of those they are about, and tasks with their words
}

// DueItem is something that is due in a case, an urgent report, or an export that waits.
type DueItem struct {
	index.Due
	What       string           // of DueKinds
	Row        Row              // its case
	Record     *casefile.Record // of a task, as far as the member may read it; else nil
	Submission string           // id of the report, where it is one; then there is no case
	Export     string           // id of the export, where it is one; then there is no case

	MayWrite bool // the member may write to the case
}

// DueDay is what is due on one day.
type DueDay struct {
	Day     edtf.Day
	Counts  map[string]int // by kind of DueKinds
	Overdue int            // of them, deadlines that were let pass and tasks whose day is over
	Items   []DueItem      // the first of them: what is ours comes first
}

// Total is how much is due on the day.
func (d DueDay) Total() int {
	n := 0
	for _, of := range d.Counts {
		n += of
	}
	return n
}

// Due is what is due on the days of a span, in the cases that the member may
// see. Days without anything are left out.
func (r *Registry) Due(ctx context.Context, s *access.Session, q DueQuery) (_ []DueDay, err error) {
	defer r.refusal(ctx, s, "calendar", "", &err)
	if !hasDue(s.Member) {
		return nil, ErrNotAllowed
	}
	today := r.Today()
	all, err := r.dueItems(ctx, s.Member, q)
	if err != nil {
		return nil, err
	}
	var days []DueDay
	for len(all) > 0 {
		day := DueDay{Day: all[0].Day, Counts: map[string]int{}}
		n := slices.IndexFunc(all, func(d DueItem) bool { return d.Day != day.Day })
		if n < 0 {
			n = len(all)
		}
		for _, d := range all[:n] {
			day.Counts[d.What]++
			if d.Overdue(today) {
				day.Overdue++
			}
		}
		slices.SortStableFunc(all[:n], func(a, b DueItem) int {
			return slices.Index(DueKinds(), a.What) - slices.Index(DueKinds(), b.What)
		})
		day.Items = all[:n:n]
		if q.PerDay > 0 && n > q.PerDay {
			day.Items = day.Items[:q.PerDay]
		}
		if err := r.withCases(ctx, s, day.Items, q.Names); err != nil {
			return nil, err
		}
		days, all = append(days, day), all[n:]
	}
	if !q.Names {
		return days, nil
	}
	var rows []Row
	for _, d := range days {
		for _, item := range d.Items {
			if !item.InNoCase() {
				rows = append(rows, item.Row)
			}
		}
	}
	if err := r.readsIdentity(ctx, s, actList, "calendar", r.whole(s, rows...)...); err != nil {
		return nil, err
	}
	return days, nil
}

// Overdue tells whether a day has been let pass.
func (d DueItem) Overdue(today edtf.Day) bool {
	return d.State == rules.Overdue || (d.What == DueTask || d.InNoCase()) && d.Day < today
}

// InNoCase tells whether it is due to the member themself, and in no case.
func (d DueItem) InNoCase() bool { return d.Submission != "" || d.Export != "" }

// dueItems are what is due for a member, by day, without the cases.
func (r *Registry) dueItems(ctx context.Context, m access.Member, q DueQuery) (items []DueItem, err error) {
	wanted := func(kind string) bool { return len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind) }
	if wanted(DueReport) {
		if items, err = r.urgentFor(ctx, m); err != nil {
			return nil, err
		}
	}
	if wanted(DueExport) {
		waiting, err := r.exportsFor(ctx, m)
		if err != nil {
			return nil, err
		}
		items = append(items, waiting...)
	}
	items = slices.DeleteFunc(items, func(d DueItem) bool { return d.Day < q.From || d.Day > q.To })
	if access.Decide(m, access.Count, access.Thing{}) {
		inCases, err := r.dueInCases(ctx, m, q, wanted)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 { // which are by day already, and may be very many
			return inCases, nil
		}
		items = append(items, inCases...)
	}
	slices.SortStableFunc(items, func(a, b DueItem) int { return cmp.Compare(a.Day, b.Day) })
	return items, nil
}

// dueInCases are what is due in the cases that a member may count.
func (r *Registry) dueInCases(ctx context.Context, m access.Member, q DueQuery, wanted func(kind string) bool) ([]DueItem, error) {
	own := r.ownCases(m, q.Own)
	owed := map[string]string{} // by rule: whose it is
	what := func(d index.Due) string {
		if d.Rule == "" {
			return d.Kind // the kinds of records go by the same words
		}
		whose := owed[d.Rule]
		if whose == "" {
			whose = DueTheirs
			if def, _ := r.rules.Rule(d.Rule); def.Owes == rules.Us {
				whose = DueOurs
			}
			owed[d.Rule] = whose
		}
		return whose
	}
	inCases := slices.DeleteFunc(slices.Clone(q.Kinds), func(kind string) bool { return kind == DueReport || kind == DueExport })
	tasks := len(inCases) == 1 && inCases[0] == DueTask
	found, err := r.index.Due(ctx, r.clock(Clock{}), q.From, q.To, tasks, r.see(m), func(d index.Due) bool {
		return wanted(what(d)) && own(d.Case)
	})
	if err != nil {
		return nil, err
	}
	items := make([]DueItem, len(found))
	for i, d := range found {
		items[i] = DueItem{Due: d, What: what(d)}
	}
	return items, nil
}

// ownCases tells which cases are of a member's own organisations, or takes all of them.
func (r *Registry) ownCases(m access.Member, only bool) func(id string) bool {
	if !only {
		return func(string) bool { return true }
	}
	return func(id string) bool {
		t, ok := r.thing(id)
		return ok && slices.Contains(m.Orgs, t.Org)
	}
}

// withCases puts the cases to what is due in them, and to a task its record.
// Without names it puts only what tells a case from another.
func (r *Registry) withCases(ctx context.Context, s *access.Session, items []DueItem, names bool) error {
	see, clock := r.see(s.Member), r.clock(Clock{})
	for i := range items {
		if items[i].InNoCase() {
			continue
		}
		row, err := r.index.Row(ctx, items[i].Case, clock, see)
		if err != nil {
			return err
		}
		items[i].Row, items[i].MayWrite = row, r.may(s.Member, access.WriteCase, row.ID)
		if !names {
			items[i].Row.Name, items[i].Row.ExternalID, items[i].Assigned = "", "", ""
			continue
		}
		if items[i].What != DueTask {
			continue
		}
		file, err := r.open(ctx, s, row.ID, clock)
		if err != nil {
			return err
		}
		items[i].Record, _ = file.Record(items[i].Due.Record)
	}
	return nil
}

// TaskQuery asks for open tasks.
type TaskQuery struct {
	Mine bool // only those that were given to the member by name
	Own  bool // only in cases of the member's own organisations
	Skip int  // how many were shown before
}

// TaskPage is a page of open tasks: urgent reports and exports that wait first, then those whose day
// is over, then by day, then those without one.
type TaskPage struct {
	Tasks   []DueItem
	Total   int
	Overdue int // of all of them
	Mine    int // how many were given to the member by name
	Next    int // what to skip for the next page; 0: this is the last
}

// tasksPerPage is how many tasks a page has.
const tasksPerPage = 50

// Tasks are the open tasks in the cases that the member may see.
func (r *Registry) Tasks(ctx context.Context, s *access.Session, q TaskQuery) (_ TaskPage, err error) {
	defer r.refusal(ctx, s, "calendar", "", &err)
	if !hasDue(s.Member) {
		return TaskPage{}, ErrNotAllowed
	}
	all, err := r.dueItems(ctx, s.Member, DueQuery{From: edtf.MinDay, To: edtf.MaxDay, Kinds: []string{DueTask, DueReport, DueExport}, Own: q.Own})
	if err != nil {
		return TaskPage{}, err
	}
	me, today := access.FoldName(s.Member.Name), r.Today()
	isMe := map[string]bool{} // by whom a task names
	page := TaskPage{}
	var reports, tasks []int // places, so that of very many only those of the page are moved
	for i := range all {
		d := &all[i]
		mine, known := isMe[d.Assigned]
		if !known {
			mine = access.FoldName(d.Assigned) == me
			isMe[d.Assigned] = mine
		}
		if mine = mine || d.InNoCase(); mine {
			page.Mine++
		}
		if q.Mine && !mine {
			continue
		}
		if d.Overdue(today) {
			page.Overdue++
		}
		if d.InNoCase() {
			reports = append(reports, i)
		} else {
			tasks = append(tasks, i)
		}
	}
	places := slices.Concat(reports, tasks)
	page.Total = len(places)
	places = places[min(max(q.Skip, 0), len(places)):]
	if len(places) > tasksPerPage {
		places, page.Next = places[:tasksPerPage], q.Skip+tasksPerPage
	}
	for _, i := range places {
		page.Tasks = append(page.Tasks, all[i])
	}
	if err := r.withCases(ctx, s, page.Tasks, true); err != nil {
		return TaskPage{}, err
	}
	var rows []Row
	for _, d := range page.Tasks {
		if !d.InNoCase() {
			rows = append(rows, d.Row)
		}
	}
	if err := r.readsIdentity(ctx, s, actList, "calendar", r.whole(s, rows...)...); err != nil {
		return TaskPage{}, err
	}
	return page, nil
}

// yesFirst puts what is so before what is not.
func yesFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// FinishTask marks an open task as done today. seen is how many changes the
// history of its record had when it was read: ErrChanged where it has others.
func (r *Registry) FinishTask(ctx context.Context, s *access.Session, caseID, record string, seen int, reason string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	file, err := r.open(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return err
	}
	rec, ok := file.Record(record)
	if !ok || rec.Kind != DueTask || rec.Withdrawn {
		return ErrNotFound
	}
	if status := rec.Get("status"); status == "done" || status == "dropped" {
		return ErrChanged
	}
	fields := maps.Clone(rec.Fields)
	fields["status"], fields["done"] = []string{"done"}, []string{r.Today().String()}
	put := Put{Record: record, Kind: DueTask, Fields: fields}
	return r.writeCase(ctx, s, caseID, act{puts: []Put{put}, reason: reason}, unchanged(record, seen))
}
