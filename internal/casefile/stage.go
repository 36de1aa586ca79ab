// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"iter"
	"slices"

	"github.com/kua-registry/kua/internal/edtf"
)

// Stages: codes of list stage. The way a case should go, and the branches on which it breaks off.
const (
	Reported     = "reported"
	Complained   = "complained"
	Registered   = "registered"
	Examined     = "examined"
	Investigated = "investigated"
	Decided      = "decided"
	Appealed     = "appealed"
	InCourt      = "in_court"
	Tried        = "tried"
	Redress      = "redress"

	NotComplained = "not_complained"
	Unregistered  = "unregistered"
	Interrupted   = "interrupted"
	Charged       = "charged"
	Closed        = "closed"
	Acquitted     = "acquitted"

	OpeningRefused = "opening_refused"
	Reopened       = "reopened"
	Convicted      = "convicted"
)

// Way is the way from report to redress, in order.
var way = []string{Reported, Complained, Registered, Examined, Investigated, Decided, Appealed, InCourt, Tried, Redress}

// mark is a station or a branch that a case has come to.
type mark struct {
	since   edtf.Day
	code    string // why, where a code says so
	undated bool   // since is the day it counts from; when it happened is not recorded
}

// day is when the case came there; 0 where that is not recorded.
func (m mark) day() edtf.Day {
	if m.undated {
		return 0
	}
	return m.since
}

// Stage derives where the case stands at the end of a day from the records that count by then.
func (c *Case) Stage(asOf edtf.Day) Stage {
	at := c.marks(asOf)
	out := Stage{Path: make([]Step, len(way))}
	furthest := -1
	for i, id := range way {
		out.Path[i].ID = id
		if m, ok := at[id]; ok {
			out.Path[i].Reached, out.Path[i].Since = true, m.day()
			furthest = i
		}
	}
	// A station that was passed over on the way is not reached, and not failed either: what is not recorded is not known.
	fail := func(station, branch string) {
		i := slices.Index(way, station)
		if m, ok := at[branch]; ok && !out.Path[i].Reached {
			out.Path[i].Failed, out.Path[i].Branch, out.Path[i].Since = true, branch, m.day()
		}
	}
	fail(Complained, NotComplained)
	fail(Registered, Unregistered)
	if furthest < 0 {
		return out
	}
	stand := func(id string) { out.ID, out.Since = id, at[id].day() }
	stand(way[furthest])
	for i := furthest + 1; i < len(way); i++ {
		if out.Path[i].Failed {
			out.ID, out.Since, out.Branch = out.Path[i].Branch, out.Path[i].Since, out.Path[i].Branch
		}
	}
	if registered := out.Path[slices.Index(way, Registered)]; registered.Failed {
		out.Branch = registered.Branch // looked into or decided, and never registered
	}
	if furthest <= slices.Index(way, Appealed) {
		c.standAfterDecision(asOf, at, &out, stand)
	}
	if out.ID == Tried {
		if _, ok := at[Convicted]; ok {
			stand(Convicted)
		} else if _, ok := at[Acquitted]; ok {
			stand(Acquitted)
			out.Branch = Acquitted
		}
	}
	if out.Branch != "" {
		out.Reason = at[out.Branch].code
		for i, id := range way {
			if id == Decided && slices.Contains([]string{Closed, Interrupted, OpeningRefused}, out.Branch) ||
				id == Tried && out.Branch == Acquitted {
				out.Path[i].Failed, out.Path[i].Branch = true, out.Branch
			}
		}
	}
	return out
}

// standAfterDecision says where a case stands by its latest decision: closed, appealed against, taken up again.
func (c *Case) standAfterDecision(asOf edtf.Day, at map[string]mark, out *Stage, stand func(string)) {
	var last *Record
	for r := range c.counting("decision", asOf) {
		if decided[r.Get("kind")] != "" && (last == nil || r.Counts >= last.Counts) {
			last = r
		}
	}
	if last == nil {
		return
	}
	id := decided[last.Get("kind")]
	at[id] = mark{last.Counts, last.Get("ground") + last.Get("interruption_ground"), last.Date.IsZero()}
	if id == Investigated {
		if out.Path[slices.Index(way, Decided)].Reached { // taken up again after it had been decided
			at[Reopened] = at[id]
			stand(Reopened)
		}
		return
	}
	stand(id)
	if id == Charged {
		return
	}
	out.Branch = id
	for a := range c.counting("appeal", asOf) {
		pending := !slices.Contains([]string{"refused", "not_examined"}, a.Get("outcome"))
		if of := a.Get("of"); pending && a.Counts >= last.Counts && (of == "" || of == last.ID) {
			at[Appealed] = mark{since: a.Counts, undated: a.Date.IsZero()}
			stand(Appealed)
			return
		}
	}
}

// decided says where a decision puts a case.
var decided = map[string]string{
	"opened":        Investigated,
	"resumed":       Investigated,
	"overturned":    Investigated,
	"requalified":   Investigated,
	"refused":       OpeningRefused,
	"suspended":     Interrupted,
	"closed":        Closed,
	"charged":       Charged,
	"indictment":    Charged,
	"sent_to_court": Charged,
}

// forensic are the kinds of examination that the authorities order in the proceedings.
var forensic = []string{"sme", "spe", "sppe", "psych", "repeat_commission", "osvidetelstvovanie"}

// marks returns the first day on which the case came to each station and branch.
func (c *Case) marks(asOf edtf.Day) map[string]mark {
	at := map[string]mark{}
	on := func(id string, since edtf.Day, code string, undated bool) {
		if m, ok := at[id]; !ok || since < m.since {
			at[id] = mark{since, code, undated}
		}
	}
	come := func(id string, r *Record, code string) { on(id, r.Counts, code, r.Date.IsZero()) }
	each := func(kind string, f func(*Record)) {
		for r := range c.counting(kind, asOf) {
			f(r)
		}
	}
	each("report", func(r *Record) { come(Reported, r, "") })
	each("complaint", func(r *Record) {
		switch r.Get("filed") {
		case "yes":
			come(Complained, r, "")
		case "no":
			on(NotComplained, r.Counts, r.Get("no_complaint_reason"), false) // what was not done has no date of its own
		}
	})
	each("registration", func(r *Record) {
		switch r.Get("status") {
		case "erdr":
			come(Registered, r, "")
		case "unregistered_check", "refused", "kui_only", "forwarded":
			come(Unregistered, r, r.Get("status"))
		}
	})
	each("examination", func(r *Record) {
		_, requested := r.DateOf("requested")
		if slices.Contains(forensic, r.Get("kind")) && (!requested || !r.Date.IsZero()) { // asked for is not ordered
			come(Examined, r, "")
		}
	})
	each("investigation", func(r *Record) { come(Investigated, r, "") })
	each("step", func(r *Record) {
		if d, done := r.DateOf("date"); done && d.Latest() <= asOf { // asked for is not done
			on(Investigated, d.Latest(), "", false)
		}
	})
	each("decision", func(r *Record) {
		switch to := decided[r.Get("kind")]; to {
		case "":
		case Investigated:
			come(Investigated, r, "")
		default:
			come(Decided, r, "")
		}
		if r.Get("kind") == "sent_to_court" {
			come(InCourt, r, "")
		}
	})
	each("appeal", func(r *Record) { come(Appealed, r, "") })
	each("hearing", func(r *Record) {
		if slices.Contains([]string{"preliminary", "trial", "appeal"}, r.Get("kind")) {
			come(InCourt, r, "")
		}
	})
	each("verdict", func(r *Record) {
		come(InCourt, r, "")
		come(Tried, r, "")
		switch r.Get("kind") {
		case "acquitted":
			come(Acquitted, r, "")
		case "convicted", "requalified_convicted":
			come(Convicted, r, "")
		}
	})
	each("redress", func(r *Record) {
		for _, field := range []string{"awarded", "paid"} {
			if d, ok := r.DateOf(field); ok && d.Latest() <= asOf {
				on(Redress, d.Latest(), "", false)
			}
		}
	})
	return at
}

// Turns returns the days on which the stage may change, in order.
func (c *Case) Turns() []edtf.Day {
	days := make([]edtf.Day, 0, len(c.live))
	for _, r := range c.live {
		days = append(days, r.Counts)
		var fields []string
		switch r.Kind {
		case "step":
			fields = []string{"date"}
		case "redress":
			fields = []string{"awarded", "paid"}
		}
		for _, field := range fields {
			if d, ok := r.DateOf(field); ok && d.Latest() != edtf.MaxDay {
				days = append(days, max(d.Latest(), r.Counts))
			}
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// stageKinds are the kinds by which the stage is told.
var stageKinds = []string{"report", "complaint", "registration", "examination", "investigation", "step", "decision", "appeal", "hearing", "verdict", "redress"}

// StagesAs tells whether the stage on each day, and the first of the days on which it may change, are those of another
// file of the same case, because it is told by the same records. False may be answered where they are.
func (c *Case) StagesAs(o *Case) bool {
	first := func(c *Case) edtf.Day {
		day := edtf.MaxDay
		for _, r := range c.live {
			day = min(day, r.Counts)
		}
		return day
	}
	return first(c) == first(o) && !slices.ContainsFunc(stageKinds, func(kind string) bool { return !slices.Equal(c.byKind[kind], o.byKind[kind]) })
}

// counting is the live records of a kind that count by the end of a day.
func (c *Case) counting(kind string, asOf edtf.Day) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		for _, r := range c.byKind[kind] {
			if r.Counts <= asOf && !yield(r) {
				return
			}
		}
	}
}
