// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// linesPerPage is how many lines of the audit a page shows.
const linesPerPage = 50

type auditBody struct {
	Lead, Problem, Done string
	Alarms, Seen        []alarmRow
	Who, Acts           []option
	Case, From, To      string
	Refused, Filtered   bool
	Lines               []auditRow
	First, Next         string
}

type alarmRow struct{ ID, Title, Text, Do, Day, SeenBy, Note string }

type auditRow struct {
	When, Who, Act, Of, About string
	Cases                     []caseLink
	More                      string // how many, where it is more than one
	Refused, HasOf            bool
	Note                      string
}

type caseLink struct{ Number, Href string }

// audit shows who did what, as far as the reader may see it.
func (s *server) audit(v *visit) error {
	done := ""
	if v.r.URL.Query().Get("done") != "" {
		done = v.T("audit.seen.done")
	}
	return s.showAudit(v, done, "")
}

func (s *server) showAudit(v *visit, done, problem string) error {
	q := v.r.URL.Query()
	query := registry.AuditQuery{
		Member: q.Get("member"), Act: q.Get("act"), Case: strings.TrimSpace(q.Get("case")), Refused: q.Get("refused") != "",
		After: q.Get("after"), Limit: linesPerPage,
	}
	for name, day := range map[string]*edtf.Day{"from": &query.From, "to": &query.To} {
		if text := q.Get(name); text != "" {
			d, err := edtf.ParseDay(text)
			if err != nil {
				return errBadRequest
			}
			*day = d
		}
	}
	page, err := s.reg.Audit(v.r.Context(), v.session, query)
	if errors.Is(err, registry.ErrNoHolder) {
		return registry.ErrNotFound
	}
	if err != nil {
		return err
	}
	body := auditBody{
		Lead: v.T("audit.lead"), Done: done, Problem: problem, Case: query.Case, From: q.Get("from"), To: q.Get("to"), Refused: query.Refused,
		Filtered: query.Member+query.Act+query.Case+q.Get("from")+q.Get("to") != "" || query.Refused,
	}
	body.Who = []option{{"", v.T("audit.who.all"), query.Member == ""}, {registry.Me, v.T("audit.who.me"), query.Member == registry.Me}}
	if page.All {
		body.Lead = v.T("audit.lead.all")
		for _, name := range sorted(v.voice, page.Names, func(name string) string { return name }) {
			body.Who = append(body.Who, option{name, name, query.Member == name})
		}
		if err := s.alarms(v, &body); err != nil {
			return err
		}
	}
	body.Acts = []option{{"", v.T("audit.act.all"), query.Act == ""}}
	if list, ok := s.reg.Book().List("audit_act"); ok {
		for _, c := range list.Codes {
			body.Acts = append(body.Acts, option{c.Code, v.in(c.Label), query.Act == c.Code})
		}
	}
	for _, l := range page.Lines {
		body.Lines = append(body.Lines, v.auditRow(l))
	}
	if query.After != "" {
		body.First = address("/audit", without(q, "after", ""))
	}
	if page.Next != "" {
		body.Next = address("/audit", with(q, "after", page.Next))
	}
	return s.show(v, "audit", v.T("audit.title"), body)
}

func (v *visit) auditRow(l registry.AuditLine) auditRow {
	row := auditRow{When: v.moment(l.At), Who: l.Name, Act: v.label("audit_act", l.Act), About: l.About, Refused: l.Refused, Note: l.Note}
	switch {
	case l.Program:
		row.Who = v.T("audit.who.program")
	case l.Name == "":
		row.Who = v.T("audit.who.nobody")
	}
	if l.What != "" {
		row.Of = v.label("audit_what", l.What)
	}
	for _, c := range l.Cases {
		row.Cases = append(row.Cases, caseLink{c.Number, "/cases/" + c.ID})
	}
	if l.N > 1 && l.N != len(l.Cases) {
		row.More = v.T("audit.times", strconv.Itoa(l.N))
	}
	row.HasOf = row.Of+row.About+row.More+row.Note != "" || len(row.Cases) > 0
	return row
}

// readersCard says to whom a case was shown with who is in it.
type readersCard struct {
	Rows []readerRow
	Href string // all acts on the case
}

type readerRow struct {
	Name, Last             string
	Opened, Named, Refused string
}

func (v *visit) readers(file registry.CaseView) *readersCard {
	card := &readersCard{Href: link("/audit", "case", file.Row.Number)}
	times := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	for _, r := range file.Readers {
		card.Rows = append(card.Rows, readerRow{r.Name, v.moment(r.Last), times(r.Opened), times(r.Named), times(r.Refused)})
	}
	return card
}

func (s *server) alarms(v *visit, body *auditBody) error {
	found, err := s.reg.Alarms(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	for _, a := range found {
		row := alarmRow{ID: a.ID, Title: v.T("audit.alarm."+string(a.Kind), a.Name), Do: v.T("audit.alarm." + string(a.Kind) + ".do"), Day: v.DayShort(a.Day), Note: a.Note}
		switch a.Kind {
		case registry.AlarmBulk:
			row.Text = v.T("audit.alarm.bulk.text", strconv.Itoa(a.Opened), strconv.Itoa(a.Named))
			if a.Usual > 0 {
				row.Text += " " + v.T("audit.alarm.bulk.usual", strconv.Itoa(a.Usual))
			}
		case registry.AlarmDevice:
			row.Text = v.T("audit.alarm.device.text", v.moment(a.At))
		default:
			row.Text = v.T("audit.alarm."+string(a.Kind)+".text", strconv.Itoa(a.N))
		}
		if a.Kind == registry.AlarmFailures && a.Member == "" {
			row.Title, row.Do = v.T("audit.alarm.failures.nobody"), v.T("audit.alarm.failures.nobody.do")
		}
		if a.Seen {
			row.SeenBy = v.T("audit.seen.by", a.SeenBy, v.moment(a.SeenAt))
			body.Seen = append(body.Seen, row)
		} else {
			body.Alarms = append(body.Alarms, row)
		}
	}
	return nil
}

// seeAlarm marks an alarm as looked after.
func (s *server) seeAlarm(v *visit) error {
	err := s.reg.SeeAlarm(v.r.Context(), v.session, v.r.PostFormValue("id"), v.r.PostFormValue("note"))
	switch {
	case errors.Is(err, registry.ErrNote):
		v.status = 422
		return s.showAudit(v, "", v.T("audit.note.missing"))
	case errors.Is(err, registry.ErrOwnAlarm):
		v.status = 403
		return s.showAudit(v, "", v.T("audit.alarm.own"))
	case err != nil:
		return err
	}
	v.redirect("/audit?done=seen")
	return nil
}
