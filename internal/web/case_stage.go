// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// pathStep is a station of the way from report to redress, with what hangs on it.
type pathStep struct {
	Name, Branch, When   string
	Reached, Failed, Now bool
	Marks                []mark
}

// mark is what is due, overdue, refused or silent at a station.
type mark struct{ Text, Tone, Href string }

func (c *caseReader) stage() (name, since, reason string) {
	st := c.file.Stage
	name = c.label("stage", st.ID)
	if day := c.day(st.Since); day != "" {
		since = c.T("case.stage.since", day)
	}
	if st.Reason != "" {
		text := st.Reason
		for _, list := range []string{"no_complaint_reason", "closure_ground"} {
			if text = c.label(list, st.Reason); text != st.Reason {
				break
			}
		}
		reason = c.T("case.stage.reason", text)
	}
	return name, since, reason
}

func (c *caseReader) path() []pathStep {
	var out []pathStep
	st := c.file.Stage
	hangs := c.hang()
	now := -1
	for i, step := range st.Path {
		view := pathStep{Name: c.label("stage", step.ID), Marks: c.marksOf(hangs[step.ID]), Reached: step.Reached, Failed: step.Failed, When: c.T("case.stage.none")}
		if step.Reached || step.Failed {
			if view.When = c.T("case.stage.undated"); step.Since != 0 {
				view.When = c.DayShort(step.Since)
			}
			now = i
		}
		if step.Branch != "" {
			view.Branch = c.label("stage", step.Branch)
		}
		out = append(out, view)
	}
	for i := range out { // what was passed over on the way may have happened: it is not recorded
		if i < now && !out[i].Reached && !out[i].Failed {
			out[i].When = c.T("case.stage.unknown")
		}
	}
	for i, step := range st.Path {
		if step.ID == st.ID || step.Branch != "" && step.Branch == st.ID {
			now = i
		}
	}
	if now >= 0 {
		out[now].Now = true
	}
	return out
}

// What hangs on a station, the gravest first.
const (
	markOverdue = iota // they owe it, and the day has passed
	markSilent         // something was asked for, and the day for the answer has passed
	markRefused
	markMissed // ours, and the day has passed
	markOurs   // ours, and there is time
	markDue    // they owe it, and there is time
	marks
)

var (
	markKeys  = [marks]string{"mark.overdue", "mark.silent", "mark.refused", "mark.missed", "mark.ours", "mark.due"}
	markTones = [marks]string{"bad", "bad", "bad", "bad", "wait", "accent"}
)

// hanging is what hangs on one station.
type hanging struct {
	n     [marks]int
	until [marks]edtf.Day // the nearest
	href  [marks]string
}

func (h *hanging) add(what int, until edtf.Day, href string) {
	h.n[what]++
	if h.n[what] == 1 || until < h.until[what] {
		h.until[what], h.href[what] = until, href
	}
}

// hang finds for each station what is due, overdue, refused and silent there.
func (c *caseReader) hang() map[string]*hanging {
	at := map[string]*hanging{}
	on := func(station string) *hanging {
		if at[station] == nil {
			at[station] = &hanging{}
		}
		return at[station]
	}
	refused := map[string]bool{} // what was asked for and answered with no: not silence
	for _, rec := range c.file.Records {
		if _, what, ok := c.turnedDown(rec); ok && what == markRefused {
			refused[rec.ID] = true
		}
	}
	silent := map[string]bool{} // records whose answer is known to be overdue
	for i, d := range c.file.Deadlines {
		def, ok := c.reg.Rules().Rule(d.Rule)
		if !ok || def.Stage == "" {
			continue
		}
		h, href := on(def.Stage), "#"+deadlineAnchor(i)
		switch {
		case d.Owes == rules.Us && d.State == rules.Open && !d.Due.Bound():
			h.add(markOurs, d.Due, href)
		case d.Owes == rules.Us && d.State == rules.Expired:
			h.add(markMissed, d.Due, href)
		case d.Owes != rules.Them || d.Kind != rules.Due || refused[d.Record]:
		case d.State == rules.Overdue && c.asks(d.Record):
			silent[d.Record] = true
			h.add(markSilent, d.Due, href)
		case d.State == rules.Overdue:
			h.add(markOverdue, d.Due, href)
		case d.State == rules.Running:
			h.add(markDue, d.Due, href)
		}
	}
	for _, rec := range c.file.Records {
		if station, what, ok := c.turnedDown(rec); ok && !silent[rec.ID] {
			on(station).add(what, rec.Counts, c.recordHref(rec.ID))
		}
	}
	return at
}

// asks tells whether a record asks something of the authorities.
func (c *caseReader) asks(id string) bool {
	rec := c.byID[id]
	return rec != nil && slices.Contains([]string{"request", "appeal"}, rec.Kind)
}

// turnedDown says at which station a record tells of a refusal, or of an answer that never came.
func (c *caseReader) turnedDown(rec *casefile.Record) (station string, what int, ok bool) {
	what = markRefused
	switch rec.Kind {
	case "registration":
		return casefile.Registered, what, rec.Get("status") == "refused"
	case "step":
		return casefile.Investigated, what, rec.Get("result") == "refused"
	case "appeal":
		if rec.Get("outcome") == "no_answer" {
			what = markSilent
		}
		return casefile.Appealed, what, slices.Contains([]string{"refused", "not_examined", "no_answer"}, rec.Get("outcome"))
	case "request":
		if rec.Get("answer") == "no_answer" {
			what = markSilent
		}
		return cmp.Or(requestStations[rec.Get("kind")], casefile.Investigated), what, c.book.Is("request_answer", rec.Get("answer"), "denied")
	}
	return "", 0, false
}

// requestStations are the stations at which what is asked for belongs, where it is not the investigation.
var requestStations = map[string]string{
	"registration": casefile.Registered, "registration_document": casefile.Registered,
	"examination": casefile.Examined, "psych_examination": casefile.Examined, "repeat_examination": casefile.Examined,
	"expert_report": casefile.Examined, "medical_record": casefile.Examined,
	"case_file": casefile.Decided, "decision_copy": casefile.Decided,
}

// marksOf writes what hangs on a station.
func (c *caseReader) marksOf(h *hanging) []mark {
	if h == nil {
		return nil
	}
	var out []mark
	for what := range marks {
		if h.n[what] == 0 {
			continue
		}
		m := mark{Text: c.T(markKeys[what]), Tone: markTones[what], Href: h.href[what]}
		if what == markOurs || what == markDue {
			m.Text = c.T(markKeys[what], c.DayShort(h.until[what]))
			if h.until[what] < c.file.Clock.AsOf { // it can still be argued that there is time
				m.Tone = "bad"
			}
		}
		if h.n[what] > 1 {
			m.Text = c.T("mark.several", m.Text, h.n[what])
		}
		out = append(out, m)
	}
	return out
}
