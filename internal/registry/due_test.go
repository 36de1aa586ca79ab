// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
)

// task writes an open task to a case.
func (h *house) task(who, id, due, assigned string) string {
	h.t.Helper()
	h.clock.t = h.clock.t.Add(time.Second)
	record := ledger.NewID().String()
	put := Put{Record: record, Kind: "task", Fields: casefile.Fields{"kind": {"appeal"}, "status": {"open"}, "text": {"позвонить матери"}}}
	if due != "" {
		put.Fields["due"] = []string{due}
	}
	if assigned != "" {
		put.Fields["assigned"] = []string{assigned}
	}
	if err := h.Write(context.Background(), h.people[who], id, []Put{put}, nil, "", "by hand"); err != nil {
		h.t.Fatal(err)
	}
	return record
}

// TestDueKeepsConfidencesApart holds that the calendar and the tasks show each
// member what is due in the cases they may see, and neither counts nor names
// anything of the others.
func TestDueKeepsConfidencesApart(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	today := h.Today()
	on := today.Add(3).String()
	h.task("asel", h.cases[0], on, "asel")
	h.task("asel", h.cases[1], on, "Nurlan ")
	h.task("madina", h.cases[3], on, "asel") // a name that another organisation has, too
	h.task("madina", h.cases[4], today.Add(-2).String(), "")
	if err := h.Restrict(ctx, h.people["madina"], h.cases[4], true); err != nil {
		t.Fatal(err)
	}
	span := DueQuery{From: today.Add(-10), To: today.Add(10), Kinds: []string{DueTask}, Names: true}
	for who, want := range map[string]string{
		"asel": "2 0", "nurlan": "2 0", "rustem": "2 0", "madina": "1 1", "timur": "1 0", // timur: not the restricted one
		"olga": "3 0", "dana": "0 0", "aigerim": "3 0",
	} {
		days, err := h.Due(ctx, h.people[who], span)
		if err != nil {
			t.Fatal(who, err)
		}
		counts := map[edtf.Day]int{}
		for _, d := range days {
			counts[d.Day] = d.Total()
			for _, item := range d.Items {
				facts := who == "olga"
				if (item.Row.Name == "") != facts || (item.Assigned == "") != facts && item.Case != h.cases[4] {
					t.Errorf("%s sees %q, given to %q", who, item.Row.Name, item.Assigned)
				}
				if facts && len(item.Record.Fields["text"]) > 0 {
					t.Error("an analyst reads the words of a task")
				}
			}
		}
		if got := fmt.Sprint(counts[today.Add(3)], " ", counts[today.Add(-2)]); got != want {
			t.Errorf("%s is told of %s tasks, want %s", who, got, want)
		}
		page, err := h.Tasks(ctx, h.people[who], TaskQuery{})
		if err != nil || fmt.Sprint(page.Total-page.Overdue, " ", page.Overdue) != want {
			t.Errorf("%s has %+v tasks, want %s: %v", who, page, want, err)
		}
	}
	if _, err := h.Due(ctx, h.people["zhanna"], span); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("whoever only administers sees the calendar: %v", err)
	}
	if _, err := h.Tasks(ctx, h.people["zhanna"], TaskQuery{}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("whoever only administers sees tasks: %v", err)
	}
	mine, err := h.Tasks(ctx, h.people["asel"], TaskQuery{Mine: true})
	if err != nil || mine.Total != 1 || mine.Mine != 1 || mine.Tasks[0].Case != h.cases[0] {
		t.Errorf("asel's own tasks: %+v %v", mine, err)
	}
	if page, err := h.Tasks(ctx, h.people["nurlan"], TaskQuery{Mine: true}); err != nil || page.Total != 1 {
		t.Errorf("a name written with a capital and a space is not found: %+v %v", page, err)
	}
	own, err := h.Tasks(ctx, h.people["olga"], TaskQuery{Own: true})
	if err != nil || own.Total != 1 {
		t.Errorf("an analyst's own organisation has %d tasks: %v", own.Total, err)
	}
}

// TestDueIsAuditedWhereItNames holds that names shown beside what is due are
// written down, and that without names nothing is.
func TestDueIsAuditedWhereItNames(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.task("asel", h.cases[0], h.Today().Add(3).String(), "")
	h.later(time.Hour)
	n := len(h.lines(0))
	span := DueQuery{From: h.Today(), To: h.Today().Add(10), Kinds: []string{DueTask}}
	days, err := h.Due(ctx, h.people["asel"], span)
	if err != nil || len(days) != 1 {
		t.Fatal(days, err)
	}
	row := days[0].Items[0].Row
	if row.Name != "" || row.ExternalID != "" || row.Number == "" {
		t.Errorf("without names: %+v", row)
	}
	if got := acts(h.lines(n)); got != "" {
		t.Errorf("without names the audit says %q", got)
	}
	span.Names = true
	if days, err = h.Due(ctx, h.people["asel"], span); err != nil || days[0].Items[0].Row.Name == "" {
		t.Fatal(days, err)
	}
	if got := acts(h.lines(n)); got != "list/calendar/1" {
		t.Errorf("with names the audit says %q", got)
	}
}

// TestDueByDay holds the order of days, what is counted of them, and how much is given.
func TestDueByDay(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	today := h.Today()
	h.task("asel", h.cases[0], today.Add(-1).String(), "")
	for range 4 {
		h.task("asel", h.cases[0], today.Add(2).String(), "")
	}
	h.task("asel", h.cases[1], "", "")
	contact := Put{Record: ledger.NewID().String(), Kind: "contact", Fields: casefile.Fields{"date": {today.String()}, "next": {today.Add(2).String()}}}
	complaint := Put{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {today.Add(-3).String()}}}
	h.clock.t = h.clock.t.Add(time.Second)
	if err := h.Write(ctx, h.people["asel"], h.cases[0], []Put{contact, complaint}, nil, "", "by hand"); err != nil {
		t.Fatal(err)
	}
	days, err := h.Due(ctx, h.people["asel"], DueQuery{From: today.Add(-10), To: today.Add(10), PerDay: 2, Own: true})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, d := range days {
		if len(d.Items) > 2 || len(d.Items) < min(2, d.Total()) {
			t.Errorf("%s: %d of %d given", d.Day, len(d.Items), d.Total())
		}
		told = append(told, fmt.Sprint(d.Day.Sub(today), " tasks ", d.Counts[DueTask], " theirs ", d.Counts[DueTheirs], " contacts ", d.Counts[DueContact], " overdue ", d.Overdue))
	}
	got := strings.Join(told, "; ")
	// The term of 24 hours for registration has passed since the complaint.
	if !strings.Contains(got, "-2 tasks 0 theirs 1 contacts 0 overdue 1; -1 tasks 1 theirs 0 contacts 0 overdue 1") || !strings.Contains(got, "2 tasks 4 theirs 0 contacts 1 overdue 0") {
		t.Errorf("due: %s", got)
	}
	if !slices.IsSortedFunc(days, func(a, b DueDay) int { return int(a.Day - b.Day) }) {
		t.Error("the days are not in order")
	}
	page, err := h.Tasks(ctx, h.people["asel"], TaskQuery{})
	if err != nil || page.Total != 6 || page.Overdue != 1 || page.Tasks[0].Day != today.Add(-1) || page.Tasks[5].Day != edtf.MaxDay {
		t.Errorf("tasks: %+v %v", page, err)
	}
	if second, err := h.Tasks(ctx, h.people["asel"], TaskQuery{Skip: 5}); err != nil || len(second.Tasks) != 1 || second.Total != 6 || second.Next != 0 {
		t.Errorf("the next page: %+v %v", second, err)
	}
}

// TestFinishTask holds who may mark a task as done, once, with what they saw.
func TestFinishTask(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	record := h.task("asel", h.cases[0], h.Today().Add(1).String(), "")
	finish := func(who, id, record string, seen int) error {
		h.clock.t = h.clock.t.Add(time.Second)
		return h.FinishTask(ctx, h.people[who], id, record, seen, "сделано")
	}
	for what, err := range map[string]error{
		"another organisation": finish("madina", h.cases[0], record, 1), "an analyst of it": finish("olga", h.cases[0], record, 1),
		"no such record": finish("asel", h.cases[0], ledger.NewID().String(), 1), "the case itself": finish("asel", h.cases[0], h.cases[0], 1),
		"a reviewer": finish("rustem", h.cases[0], record, 1),
	} {
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := finish("asel", h.cases[0], record, 2); !errors.Is(err, ErrChanged) {
		t.Errorf("seen as it was not: %v", err)
	}
	if err := finish("nurlan", h.cases[0], record, 1); err != nil {
		t.Fatal(err)
	}
	if err := finish("asel", h.cases[0], record, 2); !errors.Is(err, ErrChanged) {
		t.Errorf("done twice: %v", err)
	}
	view, err := h.Case(ctx, h.people["asel"], h.cases[0], Clock{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.ID == record })
	if rec := view.Records[i]; rec.Get("status") != "done" || rec.Get("done") != h.Today().String() || rec.Get("text") != "позвонить матери" || rec.History[1].Reason != "сделано" {
		t.Errorf("done: %+v", rec)
	}
	if page, err := h.Tasks(ctx, h.people["asel"], TaskQuery{}); err != nil || page.Total != 0 {
		t.Errorf("done, and still open: %+v %v", page, err)
	}
}
