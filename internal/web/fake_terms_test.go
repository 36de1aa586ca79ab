// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// The records of tasks in the invented register.
const (
	taskOne  = "0000000000000000000000000000f001"
	taskSeen = "0000000000000000000000000000f002" // somebody else has changed it
)

func (f *fake) dueItems() []registry.DueItem {
	rows := f.rows()
	item := func(what, when, rule, state, code string, row int) registry.DueItem {
		d := registry.DueItem{What: what, Row: rows[row], MayWrite: row < 2, Due: index.Due{Case: rows[row].ID, Day: edtf.MaxDay, Rule: rule, State: state, Code: code}}
		if when != "" {
			d.Day = day(when)
		}
		d.Arguable = d.Day
		if rule == "" {
			d.Kind = what
		}
		return d
	}
	task := func(when, code, id, assigned, text string, row int) registry.DueItem {
		d := item(registry.DueTask, when, "", rules.Running, code, row)
		d.Due.Record, d.Assigned = id, assigned
		d.Record = &casefile.Record{ID: id, Kind: "task", Fields: casefile.Fields{"kind": {code}}, History: make([]casefile.Change, 1)}
		if text != "" {
			d.Record.Fields["text"] = []string{text}
		}
		return d
	}
	ours := item(registry.DueOurs, "2022-06-28", "our_appeal", rules.Open, "", 0)
	ours.Arguable = day("2022-07-03")
	items := []registry.DueItem{
		task("2022-06-20", "secure_video", taskSeen, "Sample Member", "Sample: call the archive", 0),
		item(registry.DueTheirs, "2022-06-22", "closure_copy", rules.Overdue, "", 0),
		task("2022-06-24", "appeal", taskOne, hostile, hostile, 1),
		item(registry.DueTheirs, "2022-06-24", "closure_copy", rules.Running, "", 3),
		item(registry.DueContact, "2022-06-27", "", rules.Running, "phone", 1),
		ours,
		item(registry.DueEvidence, "2022-06-28", "", rules.Running, "video", 2),
		item(registry.DueHearing, "2022-06-28", "", rules.Running, "trial", 1),
		item(registry.DueTheirs, "2022-06-28", "closure_copy", rules.CannotTell, "", 2),
		task("", "appeal", "0000000000000000000000000000f003", "", "", 3),
	}
	return items
}

func (f *fake) Due(_ context.Context, s *access.Session, q registry.DueQuery) ([]registry.DueDay, error) {
	if !f.HasDue(s) {
		return nil, registry.ErrNotAllowed
	}
	if f.fails != nil || f.empty {
		return nil, f.fails
	}
	var days []registry.DueDay
	items := f.dueItems()
	if !f.May(s, access.Count) {
		items = nil
	}
	items = append(append(items, f.urgentItems(s)...), f.exportDue(s)...)
	slices.SortStableFunc(items, func(a, b registry.DueItem) int { return int(a.Day) - int(b.Day) })
	for _, d := range items {
		if d.Day < q.From || d.Day > q.To || len(q.Kinds) > 0 && !slices.Contains(q.Kinds, d.What) {
			continue
		}
		if !q.Names {
			d.Row.Name = ""
		}
		if n := len(days); n == 0 || days[n-1].Day != d.Day {
			days = append(days, registry.DueDay{Day: d.Day, Counts: map[string]int{}})
		}
		last := &days[len(days)-1]
		last.Counts[d.What]++
		if d.Overdue(f.Today()) {
			last.Overdue++
		}
		if q.PerDay == 0 || len(last.Items) < q.PerDay {
			last.Items = append(last.Items, d)
		}
	}
	return days, nil
}

func (f *fake) Tasks(_ context.Context, s *access.Session, q registry.TaskQuery) (registry.TaskPage, error) {
	if !f.HasDue(s) {
		return registry.TaskPage{}, registry.ErrNotAllowed
	}
	if f.fails != nil || f.empty {
		return registry.TaskPage{}, f.fails
	}
	page := registry.TaskPage{Mine: 1, Tasks: append(f.urgentItems(s), f.exportDue(s)...)}
	page.Total = len(page.Tasks)
	page.Overdue = page.Total
	for _, d := range f.dueItems() {
		if !f.May(s, access.Count) {
			break
		}
		if d.What != registry.DueTask || q.Mine && d.Assigned != s.Member.Name {
			continue
		}
		page.Tasks = append(page.Tasks, d)
		page.Total++
		if d.Overdue(f.Today()) {
			page.Overdue++
		}
	}
	if !q.Mine && q.Skip == 0 {
		page.Next = 50
	}
	return page, nil
}

func (f *fake) FinishTask(_ context.Context, s *access.Session, caseID, record string, seen int, reason string) error {
	switch {
	case record == taskSeen || seen != 1:
		return registry.ErrChanged
	case record != taskOne || caseID != caseTwo:
		return registry.ErrNotFound
	}
	f.did = append(f.did, "task done: "+reason)
	return nil
}
