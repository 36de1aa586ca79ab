// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// termsRegister is what the pages of what is due ask of the registry.
type termsRegister interface {
	toldRegister
	Due(ctx context.Context, s *access.Session, q registry.DueQuery) ([]registry.DueDay, error)
	Tasks(ctx context.Context, s *access.Session, q registry.TaskQuery) (registry.TaskPage, error)
	FinishTask(ctx context.Context, s *access.Session, caseID, record string, seen int, reason string) error
}

func (s *server) termsRoutes() []route {
	return append(s.toldRoutes(), []route{
		{"GET /calendar", s.signed(s.calendar)},
		{"GET /tasks", s.signed(s.tasks)},
		{"GET /tasks/new", s.signed(s.newTask)},
		{"POST /tasks/done", s.signed(s.finishTask)},
	}...)
}

const (
	// inCell is how many a day of the month shows; the rest is a link.
	inCell = 3
	// agendaDays is how many days the agenda shows, and inDay how many of each.
	agendaDays, inDay = 14, 12
	// inOneDay is how many a page of a single day shows.
	inOneDay = 200
)

// The years in which a calendar is asked for. Everything of a case lies between.
const firstYear, lastYear = 1990, 2100

type calendarBody struct {
	Heading             string
	Month               bool // else the agenda
	Weekdays            []string
	Weeks               []calendarWeek
	Days                []calendarDay // of the agenda
	None                bool
	Before, Today, Next string // addresses
	ToMonth, ToAgenda   string
	Hidden              []pair
	From                string // in the field of the form
	Filters             []calendarFilter
	Own, MayOwn         bool
	Off                 []dayOff
	OffNote, OffNorm    string
	OffUnchecked        bool
	Unreviewed          []string
	Words               string // what is shown, in a line
}

type calendarFilter struct {
	Value, Text string
	Selected    bool
}

type calendarWeek struct {
	Number int // ISO 8601
	Days   []calendarDay
}

type calendarDay struct {
	Number              int
	Name, ISO, Href     string
	Today, Free, Beside bool   // beside: of another month
	Off                 string // why it is free, or worked
	Items               []calendarItem
	More                string
	Total, Overdue      string
}

type calendarItem struct {
	Href, Label, Short, Number, Name, Tone, State, Whose, Detail string
	Unchecked                                                    bool
}

type dayOff struct {
	Day, Text, Norm string
	Unsure          bool
}

// calendarAsk is what the address of a calendar asks for.
type calendarAsk struct {
	agenda  bool
	day     bool // of one day alone
	from    edtf.Day
	show    []string
	all     bool // of all cases, not only of the member's own organisations
	invalid bool
}

// The kinds of what is due as they are chosen: tasks stand for all that is in
// a record.
var calendarShow = []string{registry.DueOurs, registry.DueTheirs, "tasks"}

func (v *visit) calendarAsk() calendarAsk {
	q := v.r.URL.Query()
	a := calendarAsk{agenda: q.Get("view") == "agenda", from: v.reg.Today(), all: q.Get("cases") == "all" || len(v.session.Member.Orgs) == 0}
	text := q.Get("from")
	if len(text) == len("2022-06") {
		text += "-01"
	}
	if text != "" {
		day, err := edtf.ParseDay(text)
		if err != nil || day.Year() < firstYear || day.Year() > lastYear {
			a.invalid = true
		} else {
			a.from = day
		}
	}
	if a.agenda {
		a.day = q.Get("days") == "1"
	}
	for _, show := range q["show"] {
		if slices.Contains(calendarShow, show) && !slices.Contains(a.show, show) {
			a.show = append(a.show, show)
		}
	}
	return a
}

// kinds are the kinds of what is due that are asked for.
func (a calendarAsk) kinds() []string {
	var kinds []string
	for _, show := range a.show {
		if show == "tasks" {
			kinds = append(kinds, registry.DueReport, registry.DueExport, registry.DueTask, registry.DueContact, registry.DueEvidence, registry.DueHearing)
			continue
		}
		kinds = append(kinds, show)
	}
	return kinds
}

// link is the address of the same calendar from another day on.
func (a calendarAsk) link(from string, agenda bool) string {
	q := url.Values{"show": a.show}
	if len(a.show) == 0 {
		delete(q, "show")
	}
	if from != "" {
		q.Set("from", from)
	}
	if agenda {
		q.Set("view", "agenda")
	}
	if a.all {
		q.Set("cases", "all")
	}
	return address("/calendar", q)
}

func month(d edtf.Day) string { return d.String()[:len("2022-06")] }

// calendar is what is due, as a month or as an agenda.
func (s *server) calendar(v *visit) error {
	a := v.calendarAsk()
	if a.invalid {
		return oops{400, "clock"}
	}
	body := calendarBody{Month: !a.agenda, Own: !a.all, MayOwn: len(v.session.Member.Orgs) > 0, Unreviewed: v.unreviewed()}
	for _, show := range calendarShow {
		body.Filters = append(body.Filters, calendarFilter{show, v.T("calendar.show." + show), len(a.show) == 0 || slices.Contains(a.show, show)})
	}
	var err error
	if a.agenda {
		err = s.agenda(v, a, &body)
	} else {
		err = s.month(v, a, &body)
	}
	if err != nil {
		return err
	}
	return s.show(v, "calendar", v.T("calendar.title"), body)
}

func (s *server) month(v *visit, a calendarAsk, body *calendarBody) error {
	first := a.from.Add(1 - a.from.DayOfMonth())
	last := first.AddMonths(1).Add(-1)
	from := first.Add(-int(first.Weekday()+6) % 7) // Monday
	to := last.Add(int(7-last.Weekday()) % 7)
	days, err := s.dueDays(v, a, registry.DueQuery{From: from, To: to, PerDay: inCell})
	if err != nil {
		return err
	}
	body.Heading = v.MonthAndYear(first.Year(), first.Month())
	body.From, body.Today = month(first), a.link("", false)
	if first.Year() > firstYear {
		body.Before = a.link(month(first.AddMonths(-1)), false)
	}
	if first.Year() < lastYear {
		body.Next = a.link(month(first.AddMonths(1)), false)
	}
	body.ToMonth, body.ToAgenda = a.link(month(first), false), a.link(first.String(), true)
	if today := v.reg.Today(); today >= first && today <= last {
		body.ToAgenda = a.link("", true)
	}
	for d := time.Monday; d <= time.Saturday; d++ {
		body.Weekdays = append(body.Weekdays, v.WeekdayShort(d))
	}
	body.Weekdays = append(body.Weekdays, v.WeekdayShort(time.Sunday))
	total, overdue := 0, 0
	for monday := from; monday <= to; monday = monday.Add(7) {
		_, number := monday.Time().ISOWeek()
		week := calendarWeek{Number: number}
		for d := monday; d < monday.Add(7); d = d.Add(1) {
			day := v.calendarDay(a, d, days[d])
			day.Beside = d < first || d > last
			week.Days = append(week.Days, day)
			if due := days[d]; due != nil && !day.Beside {
				total, overdue = total+due.Total(), overdue+due.Overdue
			}
		}
		body.Weeks = append(body.Weeks, week)
	}
	body.None = total == 0
	body.Words = v.dueWords(total, overdue)
	v.daysOff(body, first, last)
	return nil
}

func (s *server) agenda(v *visit, a calendarAsk, body *calendarBody) error {
	to, most := a.from.Add(agendaDays-1), inDay
	if a.day {
		to, most = a.from, inOneDay
	}
	days, err := s.dueDays(v, a, registry.DueQuery{From: a.from, To: to, PerDay: most, Names: true})
	if err != nil {
		return err
	}
	body.Heading = v.DayShort(a.from) + " – " + v.DayShort(to)
	if a.day {
		body.Heading = v.Day(a.from)
	}
	body.From, body.Hidden = a.from.String(), []pair{{"view", "agenda"}}
	step := to.Sub(a.from) + 1
	link := func(d edtf.Day) string {
		if a.day {
			return a.link(d.String(), true) + "&days=1"
		}
		return a.link(d.String(), true)
	}
	body.Before, body.Next = link(a.from.Add(-step)), link(a.from.Add(step))
	body.Today = a.link("", true)
	body.ToMonth, body.ToAgenda = a.link(month(a.from), false), a.link(a.from.String(), true)
	total, overdue := 0, 0
	for d := a.from; d <= to; d = d.Add(1) {
		day := v.calendarDay(a, d, days[d])
		if due := days[d]; due != nil {
			total, overdue = total+due.Total(), overdue+due.Overdue
		} else if day.Off == "" && !day.Today && !a.day {
			continue
		}
		body.Days = append(body.Days, day)
	}
	body.None = total == 0
	body.Words = v.dueWords(total, overdue)
	v.daysOff(body, a.from, to)
	return nil
}

// dueDays asks what is due, by day.
func (s *server) dueDays(v *visit, a calendarAsk, q registry.DueQuery) (map[edtf.Day]*registry.DueDay, error) {
	q.Kinds, q.Own = a.kinds(), !a.all
	found, err := s.reg.Due(v.r.Context(), v.session, q)
	days := make(map[edtf.Day]*registry.DueDay, len(found))
	for i := range found {
		days[found[i].Day] = &found[i]
	}
	return days, err
}

func (v *visit) dueWords(total, overdue int) string {
	words := v.N("calendar.due", total)
	if overdue > 0 {
		words = join([]string{words, v.N("calendar.overdue", overdue)})
	}
	return words
}

func (v *visit) calendarDay(a calendarAsk, d edtf.Day, due *registry.DueDay) calendarDay {
	day := calendarDay{
		Number: d.DayOfMonth(), Name: v.DayOfWeek(d), ISO: d.String(), Today: d == v.reg.Today(),
		Href: a.link(d.String(), true) + "&days=1",
	}
	if off, is := v.reg.Rules().DayOff(d); is {
		day.Free = !off.Working()
		day.Off = v.whyOff(off)
	}
	if due == nil {
		return day
	}
	for _, item := range due.Items {
		day.Items = append(day.Items, v.calendarItem(item))
	}
	if more := due.Total() - len(due.Items); more > 0 {
		day.More = v.N("calendar.more", more)
	}
	day.Total = v.N("calendar.due", due.Total())
	if due.Overdue > 0 {
		day.Overdue = v.N("calendar.overdue", due.Overdue)
	}
	return day
}

// whyOff says why a day is free, or worked; of a weekend nothing.
func (v *visit) whyOff(off rules.DayOff) string {
	switch off.Kind {
	case rules.PublicDay:
		return v.in(off.Label)
	case rules.Substitute:
		return v.T("calendar.off.substitute")
	case rules.MovedTo:
		return v.T("calendar.off.moved", v.DayShort(off.Other))
	case rules.Worked:
		return v.T("calendar.off.worked", v.DayShort(off.Other))
	}
	return ""
}

// daysOff are the holidays and moved days of a span, with what they rest on.
func (v *visit) daysOff(body *calendarBody, from, to edtf.Day) {
	def, ok := v.reg.Rules().Calendar()
	if !ok {
		return
	}
	body.OffNote, body.OffNorm, body.OffUnchecked = v.in(def.Help), v.norm(def.Source), unchecked(def.Conf)
	for d := from; d <= to; d = d.Add(1) {
		off, is := v.reg.Rules().DayOff(d)
		if !is || off.Kind == rules.Weekend {
			continue
		}
		line := dayOff{Day: v.DayOfWeek(d), Text: v.whyOff(off), Unsure: off.Conf == "U"}
		if off.Source != def.Source {
			line.Norm = v.norm(off.Source)
		}
		body.Off = append(body.Off, line)
	}
}

// calendarItem is something that is due, in a line.
func (v *visit) calendarItem(d registry.DueItem) calendarItem {
	out := calendarItem{Href: casePath(d.Row), Number: d.Row.Number, Name: d.Row.Name, Whose: v.T("calendar.whose." + d.What)}
	today := v.reg.Today()
	if d.What == registry.DueReport {
		out.Href, out.Number = inboxPath(d.Submission), shortReport(d.Submission)
		out.Label, out.Short = v.T("inbox.risk"), v.T("inbox.risk")
		out.State, out.Tone = v.taskState(d.Day, today)
		out.Tone = "bad"
		return out
	}
	if d.What == registry.DueExport {
		out.Href, out.Number = "/exports/"+d.Export, v.T("export.one")
		out.Label, out.Short = v.T("export.due"), v.T("export.due")
		out.State, out.Tone = v.T("export.due.since", v.DayShort(d.Day)), "wait"
		return out
	}
	if d.Rule != "" {
		def, _ := v.reg.Rules().Rule(d.Rule)
		out.Href += "#deadlines"
		out.Label, out.Short, out.Unchecked = v.in(def.Label), v.in(def.Label), unchecked(def.Conf)
		out.State, out.Tone = v.deadlineState(rules.Deadline{Owes: def.Owes, Kind: def.Kind, State: d.State, Due: d.Day, DueArguable: d.Arguable, Days: d.Day.Sub(today)})
		if d.Arguable != d.Day && !d.Arguable.Bound() {
			out.Detail = v.T("deadline.arguable.short", d.Arguable)
		}
		return out
	}
	list := map[string]string{registry.DueTask: "task_kind", registry.DueContact: "safe_contact", registry.DueEvidence: "evidence_kind", registry.DueHearing: "hearing_kind"}[d.What]
	out.Label = cmp.Or(v.label(list, d.Code), out.Whose)
	if out.Short = out.Label; out.Label != out.Whose && d.What != registry.DueTask {
		out.Short = join([]string{out.Whose, out.Label})
	}
	if d.What == registry.DueTask {
		out.Detail = d.Assigned
		out.State, out.Tone = v.taskState(d.Day, today)
	} else if d.Day >= today && d.Day <= today.Add(soon) {
		out.Tone = "wait"
	}
	if d.Record != nil {
		out.Detail = join([]string{out.Detail, first(d.Record.Fields, "text")})
	}
	return out
}

// taskState says how a task stands, in a few words and a tone.
func (v *visit) taskState(due, today edtf.Day) (text, tone string) {
	switch {
	case due.Bound():
		return v.T("tasks.undated"), ""
	case due < today:
		return v.N("deadline.over", today.Sub(due)), "bad"
	case due == today:
		return v.T("date.today"), "wait"
	case due <= today.Add(soon):
		return v.N("deadline.left", due.Sub(today)), "wait"
	}
	return v.N("deadline.left", due.Sub(today)), ""
}

type tasksBody struct {
	Words         string
	Views         []taskView
	Reports       []calendarItem // in which life is at risk
	Exports       []calendarItem // that wait for the member
	Overdue, Open []taskRow
	First, Next   string
	Own, MayOwn   bool
	Done          bool
	Problem       string
	Empty         bool
}

type taskView struct {
	Href, Text string
	Here       bool
}

type taskRow struct {
	Href, Case, Name, Due, State, Tone, What, Text, Assigned, Org string
	CaseID, Record                                                string
	Seen                                                          int
	FactsOnly, MayDo                                              bool
}

// tasks are the open tasks.
func (s *server) tasks(v *visit) error { return s.showTasks(v, "") }

func (s *server) showTasks(v *visit, problem string) error {
	q := v.r.URL.Query()
	own := len(v.session.Member.Orgs) > 0
	ask := registry.TaskQuery{Mine: q.Get("who") == "me", Own: own && q.Get("cases") != "all"}
	ask.Skip, _ = strconv.Atoi(q.Get("skip"))
	ask.Skip = max(ask.Skip, 0)
	page, err := s.reg.Tasks(v.r.Context(), v.session, ask)
	if err != nil {
		return err
	}
	to := func(mine, all bool, skip int) string {
		var who, cases, from string
		if mine {
			who = "me"
		}
		if all {
			cases = "all"
		}
		if skip > 0 {
			from = strconv.Itoa(skip)
		}
		return link("/tasks", "who", who, "cases", cases, "skip", from)
	}
	body := tasksBody{
		Words: v.dueTasks(page), MayOwn: own, Own: ask.Own, Done: q.Get("done") == "1", Problem: problem, Empty: page.Total == 0,
		Views: []taskView{
			{to(false, !ask.Own, 0), v.T("tasks.view.all"), !ask.Mine},
			{to(true, !ask.Own, 0), fmt.Sprintf("%s (%s)", v.T("tasks.view.mine"), v.Number(page.Mine)), ask.Mine},
		},
	}
	if own {
		body.Views = append(body.Views,
			taskView{to(ask.Mine, false, 0), v.T("calendar.cases.own"), ask.Own},
			taskView{to(ask.Mine, true, 0), v.T("calendar.cases.all"), !ask.Own})
	}
	if ask.Skip > 0 {
		body.First = to(ask.Mine, !ask.Own, 0)
	}
	if page.Next > 0 {
		body.Next = to(ask.Mine, !ask.Own, page.Next)
	}
	today := v.reg.Today()
	for _, d := range page.Tasks {
		if d.What == registry.DueReport {
			body.Reports = append(body.Reports, v.calendarItem(d))
			continue
		}
		if d.What == registry.DueExport {
			body.Exports = append(body.Exports, v.calendarItem(d))
			continue
		}
		row := v.taskRow(d)
		if d.Overdue(today) {
			body.Overdue = append(body.Overdue, row)
		} else {
			body.Open = append(body.Open, row)
		}
	}
	return s.show(v, "tasks", v.T("tasks.title"), body)
}

func (v *visit) dueTasks(page registry.TaskPage) string {
	words := v.N("tasks.open", page.Total)
	if page.Overdue > 0 {
		words = join([]string{words, v.N("calendar.overdue", page.Overdue)})
	}
	return words
}

func (v *visit) taskRow(d registry.DueItem) taskRow {
	row := taskRow{
		Href: casePath(d.Row), Case: d.Row.Number, Name: d.Row.Name, FactsOnly: d.Row.FactsOnly, Org: d.Row.OrgName,
		What: v.label("task_kind", d.Code), Assigned: d.Assigned, CaseID: d.Row.ID, MayDo: d.MayWrite,
	}
	row.State, row.Tone = v.taskState(d.Day, v.reg.Today())
	if d.Day != edtf.MaxDay {
		row.Due = v.DayShort(d.Day)
	}
	if d.Record != nil {
		row.Record, row.Seen = d.Record.ID, len(d.Record.History)
		row.Text = first(d.Record.Fields, "text")
	}
	return row
}

// newTask leads to the form of a task in a case that is known by its number.
func (s *server) newTask(v *visit) error {
	number := v.r.URL.Query().Get("case")
	if number == "" {
		return s.showTasks(v, "")
	}
	v.redirect("/cases/" + url.PathEscape(number) + "/add/task")
	return nil
}

// finishTask marks a task as done today.
func (s *server) finishTask(v *visit) error {
	seen, err := strconv.Atoi(v.r.PostFormValue("seen"))
	if err != nil {
		return errBadRequest
	}
	err = s.reg.FinishTask(v.r.Context(), v.session, v.r.PostFormValue("case"), v.r.PostFormValue("record"), seen, v.T("tasks.reason"))
	if errors.Is(err, registry.ErrChanged) {
		v.status = http.StatusConflict
		return s.showTasks(v, v.T("tasks.changed"))
	}
	if err != nil {
		return err
	}
	v.redirect(link("/tasks", "who", v.r.PostFormValue("who"), "cases", v.r.PostFormValue("cases"), "done", "1"))
	return nil
}
