// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

type deadlineGroup struct {
	Name   string
	Folded bool
	Items  []deadlineView
}

type deadlineView struct {
	Anchor, Label, State, Tone, When, Arguable, Next, Norm string
	Unchecked                                              bool
	Links                                                  []stepLink
	ByHand                                                 string
	Missing                                                []string
}

type checkGroup struct {
	Name, Tone string
	Folded     bool
	Items      []checkView
}

type checkView struct {
	Anchor, Label, Help, Severity, Since, Next, Norm string
	Shown                                            []pair
	Records                                          []anchorText
	Unchecked                                        bool
	Links                                            []stepLink
	ByHand                                           string
	Missing                                          []string
}

type anchorText struct{ Href, Text string }

func deadlineAnchor(i int) string { return "d-" + strconv.Itoa(i+1) }
func checkAnchor(i int) string    { return "c-" + strconv.Itoa(i+1) }

// deadlines: what is ours comes first; what is over is folded away.
func (c *caseReader) deadlines() []deadlineGroup {
	ours, theirs := deadlineGroup{Name: c.T("deadline.ours")}, deadlineGroup{Name: c.T("deadline.theirs")}
	past := deadlineGroup{Name: c.T("deadline.past"), Folded: true}
	for _, i := range inOrder(len(c.file.Deadlines), func(a, b int) int {
		x, y := c.file.Deadlines[a], c.file.Deadlines[b]
		return cmp.Or(cmp.Compare(urgency(x.State), urgency(y.State)), cmp.Compare(x.Due, y.Due))
	}) {
		d := c.file.Deadlines[i]
		view := c.deadline(i, d)
		switch {
		case d.State == rules.Kept || d.State == rules.Late || d.State == rules.Expired:
			past.Items = append(past.Items, view)
		case d.Owes == rules.Us:
			ours.Items = append(ours.Items, view)
		default:
			theirs.Items = append(theirs.Items, view)
		}
	}
	return slices.DeleteFunc([]deadlineGroup{ours, theirs, past}, func(g deadlineGroup) bool { return len(g.Items) == 0 })
}

// inOrder are the numbers from 0 up to n, sorted.
func inOrder(n int, compare func(a, b int) int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, compare)
	return out
}

func urgency(state string) int {
	return slices.Index([]string{rules.Overdue, rules.Running, rules.Open, rules.CannotTell, rules.Late, rules.Expired, rules.Kept}, state)
}

func (c *caseReader) deadline(i int, d rules.Deadline) deadlineView {
	view := deadlineView{Anchor: deadlineAnchor(i), Label: c.in(d.Label), Next: c.in(d.Next), Norm: c.norm(d.Norm), Unchecked: unchecked(d.Conf)}
	view.State, view.Tone = c.deadlineState(d)
	switch {
	case d.State == rules.CannotTell:
		view.When = c.T("deadline.when.cannot_tell")
	case d.State == rules.Overdue:
		view.When = c.T("deadline.when.overdue", d.Due)
	case d.State == rules.Expired:
		view.When = c.T("deadline.when.expired", d.Due)
	case d.State == rules.Kept || d.State == rules.Late:
		view.When = c.T("deadline.when.done", d.Due, d.Done)
		view.Next = ""
	case d.Kind == rules.Opens && d.State == rules.Open:
		view.When = c.T("deadline.when.opened", d.Due)
	case d.Kind == rules.Opens:
		view.When = c.T("deadline.when.opens", d.Due)
	case d.Due == edtf.MaxDay:
		view.When = c.T("deadline.when.noend")
	case d.Kind == rules.Window:
		view.When = c.T("deadline.when.open", d.Due)
	default:
		view.When = c.T("deadline.when.running", d.Due)
	}
	if d.State != rules.Kept && d.State != rules.Late {
		view.Links, view.ByHand = c.leads(d.Rule, d.Record)
	}
	view.Missing = c.missing(d.Missing)
	over := d.State == rules.CannotTell || d.State == rules.Kept
	switch {
	case over || d.DueArguable == d.Due:
	case d.DueArguable == edtf.MaxDay:
		view.Arguable = c.T("deadline.arguable.never")
	case d.Owes == rules.Us:
		view.Arguable = c.T("deadline.arguable", d.DueArguable)
	default:
		view.Arguable = c.T("deadline.arguable.theirs", d.DueArguable)
	}
	return view
}

// checks: breached, then what can't be told, then what was kept, folded away.
func (c *caseReader) checks() []checkGroup {
	groups := []checkGroup{
		{Name: c.T("check.breached"), Tone: "bad"},
		{Name: c.T("check.cannot_tell"), Tone: "wait"},
		{Name: c.T("check.met"), Tone: "good", Folded: true},
	}
	for _, i := range inOrder(len(c.file.Checks), func(a, b int) int {
		return strings.Index("BWI", string(c.file.Checks[a].Severity)) - strings.Index("BWI", string(c.file.Checks[b].Severity))
	}) {
		f := c.file.Checks[i]
		g := &groups[2]
		switch f.State {
		case rules.Breached:
			g = &groups[0]
		case rules.CannotTell:
			g = &groups[1]
		}
		view := c.check(f)
		view.Anchor = checkAnchor(i)
		g.Items = append(g.Items, view)
	}
	return slices.DeleteFunc(groups, func(g checkGroup) bool { return len(g.Items) == 0 })
}

func (c *caseReader) check(f rules.Finding) checkView {
	view := checkView{Label: c.in(f.Label), Help: c.in(f.Help), Norm: c.norm(f.Norm), Unchecked: unchecked(f.Conf)}
	if key := "check.severity." + string(f.Severity); c.Has(key) {
		view.Severity = c.T(key)
	}
	if f.Ours {
		view.Severity = join([]string{view.Severity, c.T("check.ours")})
	}
	if f.State != rules.Met {
		view.Next = c.in(f.Next)
	}
	if f.State == rules.Breached {
		record := ""
		if len(f.Records) > 0 {
			record = f.Records[0]
		}
		view.Links, view.ByHand = c.leads(f.Rule, record)
		for _, m := range f.Shown {
			text := m.Text
			if m.List != "" {
				text = c.label(m.List, m.Text)
			}
			view.Shown = append(view.Shown, pair{c.in(m.Label), text})
		}
	}
	view.Missing = c.missing(f.Missing)
	if day := c.day(f.Since); day != "" && f.State == rules.Breached {
		view.Since = c.T("check.since", day)
	}
	for _, id := range f.Records {
		if rec, ok := c.byID[id]; ok && f.State != rules.Met {
			text := c.kind(rec.Kind)
			if !rec.Date.IsZero() {
				text += " (" + c.DateShort(rec.Date) + ")"
			}
			view.Records = append(view.Records, anchorText{c.recordHref(id), text})
		}
	}
	return view
}

// missing are the fields for want of which it can't be told, in words.
func (c *caseReader) missing(fields []string) []string {
	var out []string
	for _, text := range fields {
		kind, field, _ := strings.Cut(text, ".")
		k, ok := c.book.Kind(kind)
		if !ok {
			continue
		}
		text := c.in(k.Label)
		if f, ok := k.Field(field); ok {
			text += ": " + c.in(f.Label)
		}
		out = append(out, text)
	}
	return out
}
