// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
)

// timelineView is what happened when, or a part of it.
type timelineView struct {
	Head, Middle, Tail []timelineLine // a long one is folded in the middle
	Folded             string         // what is folded
	Undated            []timelineLine
	What, Who          []filterLink
	Filtered           bool
	Count              int
}

type timelineLine struct {
	Date, Href, Kind, Field, Detail, Who string
	Vague, Further                       bool
}

type filterLink struct {
	Href, Text string
	Here       bool
}

// Who acts in an event.
const (
	byState     = "state"
	byCoalition = "coalition"
	byVictim    = "victim"
)

// Of a timeline longer than timelineWhole the first and the last lines are shown, what lies between is folded.
const (
	timelineWhole = 60
	timelineFirst = 15
	timelineLast  = 30
)

// timeline is what happened when; what has no date stands apart.
func (c *caseReader) timeline(at clock) timelineView {
	q := c.r.URL.Query()
	show, by := q.Get("show"), q.Get("by")
	var view timelineView
	groups := map[string]bool{}
	var dated []timelineLine
	for _, e := range c.file.Timeline {
		if e.Record == nil || e.Record.Kind == rawRow {
			continue
		}
		who, group := c.actor(e), ""
		k, ok := c.book.Kind(e.Record.Kind)
		if ok {
			group = k.Group
		}
		groups[group] = true
		if show != "" && group != show || by != "" && who != by {
			continue
		}
		line := timelineLine{Href: c.recordHref(e.Record.ID), Kind: c.kind(e.Record.Kind), Further: e.Further, Who: who}
		if !e.Further {
			line.Detail = c.title(e.Record, c.names)
		} else if ok {
			if f, ok := k.Field(e.Field); ok {
				line.Field = c.in(f.Label)
			}
		}
		if e.Date.IsZero() {
			line.Date = c.T("case.undated")
			view.Undated = append(view.Undated, line)
			continue
		}
		line.Date, line.Vague = c.Date(e.Date), !e.Date.Exact()
		dated = append(dated, line)
	}
	view.Count = len(dated)
	view.Head = dated
	if len(dated) > timelineWhole {
		tail := len(dated) - timelineLast
		view.Head, view.Middle, view.Tail = dated[:timelineFirst], dated[timelineFirst:tail], dated[tail:]
		view.Folded = c.N("timeline.folded", len(view.Middle))
	}
	base := casePath(c.file.Row)
	to := func(show, by string) string { return at.link(base, "show", show, "by", by) + "#timeline" }
	view.What = append(view.What, filterLink{to("", by), c.T("timeline.all"), show == ""})
	for _, g := range c.book.Groups() {
		if groups[g.ID] {
			view.What = append(view.What, filterLink{to(g.ID, by), c.in(g.Label), show == g.ID})
		}
	}
	view.Who = append(view.Who, filterLink{to(show, ""), c.T("timeline.by.all"), by == ""})
	for _, who := range []string{byState, byCoalition, byVictim} {
		view.Who = append(view.Who, filterLink{to(show, who), c.T("timeline.by." + who), by == who})
	}
	view.Filtered = show != "" || by != ""
	return view
}

// actor says who acts in an event: the State, the coalition, or the side of the victim.
func (c *caseReader) actor(e casefile.Event) string {
	rec := e.Record
	switch rec.Kind {
	case "complaint", "request", "appeal":
		if e.Further && slices.Contains([]string{"answered", "answer_date", "answer_received", "receipt_date", "passed_on", "handed_in"}, e.Field) {
			return byState
		}
		if rec.Get("by_role") == "coalition" {
			return byCoalition
		}
		if by := c.byID[rec.Get("by")]; by != nil && by.Get("with_coalition") == "yes" {
			return byCoalition
		}
		return byVictim
	case "examination", "finding":
		exam := rec
		if of := c.byID[rec.Get("examination")]; of != nil {
			exam = of
		}
		if exam.Get("official") == "no" {
			return byCoalition
		}
		return byState
	case "redress":
		if e.Field == "claimed" {
			return byVictim
		}
		return byState
	case "report", "intervention", "contact", "task", "note", "evidence", "risk":
		return byCoalition
	case "person", "injury", "health_outcome", "consent":
		return byVictim
	}
	return byState
}
