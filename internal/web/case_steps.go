// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// nextStep is something sensible to do now, with why, by when, and where it is done.
type nextStep struct {
	Text, Why, When, Norm string
	Unchecked             bool
	Links                 []stepLink
	ByHand                string
	Href                  string // the check or the deadline it comes from

	rank  int
	due   edtf.Day
	key   string // what it comes to: two steps that come to the same are one
	order int
}

// stepLink leads to a letter or to the form of a record.
type stepLink struct{ Href, Text string }

// leads are the letters of a rule and the form it leads to, or why neither.
func (c *caseReader) leads(rule, record string) (links []stepLink, byHand string) {
	for _, l := range c.letters.For(rule) {
		links = append(links, stepLink{link(casePath(c.file.Row)+"/letters/"+l.ID, "rule", rule, "record", record), c.in(l.Label)})
	}
	def, _ := c.reg.Rules().Rule(rule)
	if c.file.MayWrite && def.Form != "" {
		switch {
		case def.Form != "it":
			links = append(links, stepLink{casePath(c.file.Row) + "/add/" + def.Form, c.T("step.add", c.kind(def.Form))})
		case record != "":
			links = append(links, stepLink{recordPath(c.file.Row, record) + "/edit", c.T("step.edit", c.kind(def.Each))})
		}
	}
	return links, c.in(def.ByHand)
}

// The ranks of steps: what may be lost first.
const (
	rankUrgent = iota // what it is about may vanish any day
	rankOurs          // a term of ours runs
	rankBreach
	rankOverdue
	rankOpen // a right of ours that has no end
	rankWarning
	rankInfo
)

// stepsShown is how many next steps stand on top of the page.
const stepsShown = 3

// steps are the next sensible steps, the most pressing first, and how many there are besides.
func (c *caseReader) steps() (shown []nextStep, more int) {
	var all []nextStep
	followed := map[string]bool{} // deadlines that a check speaks for
	for i, f := range c.file.Checks {
		def, ok := c.reg.Rules().Rule(f.Rule)
		if f.State != rules.Breached || !ok {
			continue
		}
		for _, of := range def.Of {
			followed[of] = true
		}
		rank := map[rules.Severity]int{rules.Breach: rankBreach, rules.Warning: rankWarning}[f.Severity]
		if rank == 0 {
			rank = rankInfo
		}
		if def.Urgent {
			rank = rankUrgent
		}
		record := ""
		if len(f.Records) > 0 {
			record = f.Records[0]
		}
		step := nextStep{Text: c.in(f.Next), Why: c.in(f.Label), Norm: c.norm(f.Norm), Unchecked: unchecked(f.Conf), Href: "#" + checkAnchor(i), rank: rank, order: i}
		c.lead(&step, f.Rule, record)
		all = append(all, step)
	}
	for i, d := range c.file.Deadlines {
		rank := rankOverdue
		switch {
		case d.Owes == rules.Us && d.State == rules.Open && !d.Due.Bound() && d.Kind != rules.Opens:
			rank = rankOurs
		case d.Owes == rules.Us && d.State == rules.Open:
			rank = rankOpen
		case d.Owes == rules.Them && d.State == rules.Overdue && !followed[d.Rule]:
		default:
			continue
		}
		view := c.deadline(i, d)
		step := nextStep{
			Text: cmp.Or(view.Next, view.Label), Why: view.Label, When: join([]string{view.When, view.State}), Norm: view.Norm, Unchecked: view.Unchecked,
			Href: "#" + deadlineAnchor(i), rank: rank, due: d.Due, order: i,
		}
		if step.Why == step.Text {
			step.Why = ""
		}
		c.lead(&step, d.Rule, d.Record)
		all = append(all, step)
	}
	slices.SortStableFunc(all, func(a, b nextStep) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.due, b.due), cmp.Compare(a.order, b.order))
	})
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(s nextStep) bool {
		again := seen[s.key]
		seen[s.key] = true
		return again
	})
	shown = all[:min(len(all), stepsShown)]
	return shown, len(all) - len(shown)
}

// lead says where a step is done.
func (c *caseReader) lead(step *nextStep, rule, record string) {
	step.Links, step.ByHand = c.leads(rule, record)
	step.key = step.Text
	if letters := c.letters.For(rule); len(letters) > 0 {
		step.key = letters[0].ID
	}
}
