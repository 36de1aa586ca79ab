// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// The sets of figures the pages know by name.
const wayFigures = "way"

// coalition is the scope of all organisations that count together.
const coalition = "coalition"

type overviewBody struct {
	Lead, FiguresHref, Ledger string
	Alarms                    string // that wait to be looked after
	Backup                    *backupWarning
	Unreviewed                []string
	Clock                     clockForm
	Way                       []wayStep
	Overdue, Breaches         ruleList
	Ours                      []ownDeadline
	Orgs                      []orgCount
	Official                  []outsideFigure
	Promises                  []promise
	OutsideHref               string
	CommitmentsHref           string
	HasParts                  bool   // a step is a part of a later one than the first
	Beside                    bool   // one of our figures stands beside an official one
	Limit                     string // what is counted, where it is not all
	InReview, InReviewHref    string // how many cases wait for a verdict
	Saved                     savedCard
	Paper                     string // of what state of the register a print is
	First                     bool   // there is no case yet, and the reader may open one
}

// wayStep is one row of the way from report to redress. The widths are in
// thousandths of the first row.
type wayStep struct {
	Label, Of, Value, Href string
	BaseWidth, Width       int
	Part, Rest             bool // a part of a later step; what has no status
}

// ruleList are the most frequent rules, and the others, folded away.
type ruleList struct {
	Shown, More []ruleCount
	MoreLabel   string
}

// rulesShown is how many rules the overview shows before it folds.
const rulesShown = 6

type ruleCount struct {
	Label, Norm, Href string
	Cases             int
	Unchecked         bool
}

type ownDeadline struct{ Label, Left, Tone, Due, Arguable, Case, Href string }

type orgCount struct {
	Name, Href string
	Cases      int
	Counts     bool
}

type outsideFigure struct{ What, Value, Ours, OursHref, OursLabel, By, Date, AsOf string }

type promise struct{ What, Status, Date, By, To string }

func (s *server) overview(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	query := registry.OverviewQuery{Clock: at.Clock, Verified: v.r.URL.Query().Get("verified") != ""}
	o, err := s.reg.Overview(v.r.Context(), v.session, query)
	if errors.Is(err, registry.ErrNotAllowed) && s.reg.LooksAfter(v.session) {
		v.redirect("/members") // an administrator has no case by office
		return nil
	}
	if errors.Is(err, registry.ErrNotAllowed) && s.reg.OpensInbox(v.session) {
		v.redirect("/inbox") // who only takes reports
		return nil
	}
	if err != nil {
		return err
	}
	alarms := ""
	if o.Alarms > 0 {
		alarms = v.T("audit.waiting", strconv.Itoa(o.Alarms))
	}
	body := overviewBody{
		Alarms:      alarms,
		Lead:        join([]string{v.N("overview.lead", o.Cases), v.N("overview.persons", o.Units)}),
		FiguresHref: at.link("/figures", "verified", v.verifiedParam(o.Verified)),
		Ledger:      v.ledgerLine(o),
		Unreviewed:  v.unreviewed(),
		Clock:       v.clockForm(at),
		Way:         v.way(o, at),
		Overdue:     v.ruleCounts(o.Overdue, o.Verified, at),
		Breaches:    v.ruleCounts(o.Breaches, o.Verified, at),
		Official:    v.official(o, at),
		Promises:    v.promises(o),

		OutsideHref: at.link("/outside"), CommitmentsHref: at.link("/commitments"),
	}
	if body.Backup, err = s.backupWarning(v); err != nil {
		return err
	}
	body.Clock.Selects = []selectField{v.verifiedOnly(query.Verified)}
	body.Clock.Reset = link("/", "verified", v.verifiedParam(query.Verified))
	if query.Verified {
		body.Limit = v.T("figures.verified.note")
	}
	body.First = o.Cases == 0 && at.asOf == "" && at.knownBy == "" && !query.Verified && s.mayOpenCases(v)
	if o.InReview > 0 {
		body.InReview, body.InReviewHref = v.N("overview.in_review", o.InReview), at.link("/cases", "review", casefile.InReview)
	}
	body.HasParts = slices.ContainsFunc(body.Way, func(s wayStep) bool { return s.Part })
	body.Beside = slices.ContainsFunc(body.Official, func(f outsideFigure) bool { return f.OursHref != "" })
	for _, d := range o.Ours {
		body.Ours = append(body.Ours, v.ownDeadline(d, at))
	}
	for _, org := range sorted(v.voice, o.Orgs, func(o registry.Org) string { return o.Name }) {
		body.Orgs = append(body.Orgs, orgCount{org.Name, at.link("/cases", "org", org.ID), org.Cases, org.Counts})
	}
	if body.Saved, err = s.savedCard(v, nil); err != nil {
		return err
	}
	if body.Paper, err = s.paper(v, at); err != nil {
		return err
	}
	return s.show(v, "overview", v.T("overview.title"), body)
}

func (v *visit) ledgerLine(o registry.Overview) string {
	parts := []string{v.N("ledger.foot", int(o.Entries))}
	if !o.Latest.IsZero() {
		parts = append(parts, v.T("ledger.latest", v.moment(o.Latest)))
	}
	if o.Root != "" {
		parts = append(parts, v.T("ledger.root", short(o.Root)+"…"))
	}
	return join(parts)
}

// way is the funnel: each figure of the set with what it is a part of.
func (v *visit) way(o registry.Overview, at clock) []wayStep {
	var steps, rest []wayStep
	start, whole := "", 0
	for _, def := range v.reg.Rules().Figures() {
		f, ok := o.Figures[def.ID]
		if !ok || !slices.Contains(def.Sets, wayFigures) && def.ID != noStatusFigure {
			continue
		}
		if start == "" {
			if f.Value == 0 {
				return nil
			}
			start, whole = def.ID, f.Value
		}
		step := wayStep{
			Label: v.in(def.Label), Value: v.Number(f.Value), Width: thousandths(f.Value, whole),
			Href: at.link("/cases", "figure", def.ID, "scope", coalition, "verified", v.verifiedParam(o.Verified)),
			Part: def.Base != "" && def.Base != start,
		}
		if f.Base >= 0 {
			base, _ := v.reg.Rules().Figure(def.Base)
			step.Of = v.T("overview.share", v.Percent(f.Value, f.Base), v.Number(f.Base))
			if step.Part {
				step.BaseWidth = thousandths(f.Base, whole)
				step.Of = v.T("overview.of", v.Percent(f.Value, f.Base), v.Number(f.Base), v.in(base.Label))
			}
		}
		if def.ID == noStatusFigure {
			step.Rest = true
			rest = append(rest, step)
			continue
		}
		steps = append(steps, step)
	}
	return append(steps, rest...)
}

// noStatusFigure counts the cases of which nothing further is known: the remainder of the way.
const noStatusFigure = "no_status_known"

func thousandths(part, whole int) int {
	if whole <= 0 {
		return 0
	}
	return min(1000, part*1000/whole)
}

func (v *visit) ruleCounts(counts []registry.RuleCount, verified bool, at clock) ruleList {
	var out []ruleCount
	for _, c := range counts {
		def, ok := v.reg.Rules().Rule(c.Rule)
		if !ok {
			continue
		}
		out = append(out, ruleCount{
			Label: v.in(def.Label), Norm: v.norm(def.Source), Unchecked: unchecked(def.Conf),
			Href: at.link("/cases", "rule", c.Rule, "verified", v.verifiedParam(verified)), Cases: c.Cases,
		})
	}
	if len(out) <= rulesShown+1 {
		return ruleList{Shown: out}
	}
	return ruleList{Shown: out[:rulesShown], More: out[rulesShown:], MoreLabel: v.N("cases.more", len(out)-rulesShown)}
}

func (v *visit) ownDeadline(row registry.DeadlineRow, at clock) ownDeadline {
	d := row.Deadline
	out := ownDeadline{
		Label: v.in(d.Label), Due: v.Day(d.Due), Case: row.Case.Number, Href: at.link(casePath(row.Case)),
	}
	out.Left, out.Tone = v.deadlineState(d)
	if d.DueArguable != d.Due && !d.DueArguable.Bound() {
		out.Arguable = v.T("deadline.arguable.short", d.DueArguable)
	}
	return out
}

// soon is how many days before a deadline of ours its colour warns.
const soon = 7

// deadlineState says how a deadline stands, in a word and a tone.
func (v *voice) deadlineState(d rules.Deadline) (text, tone string) {
	switch d.State {
	case rules.Running, rules.Open:
		switch {
		case d.Kind == rules.Opens || d.Due.Bound():
			return v.T("deadline.state." + d.State), "accent"
		case d.Days < 0: // it can still be argued that there is time
			return v.T("deadline.cautious_over"), "bad"
		case d.Days == 0:
			return v.T("deadline.today"), "wait"
		case d.Owes == rules.Us && d.Days <= soon:
			return v.N("deadline.left", d.Days), "wait"
		}
		return v.N("deadline.left", d.Days), "accent"
	case rules.Overdue:
		if d.Days < 0 {
			return v.N("deadline.over", -d.Days), "bad"
		}
		return v.T("deadline.state.overdue"), "bad"
	case rules.Kept:
		tone = "good"
	case rules.Late:
		tone = "bad"
	}
	return v.T("deadline.state." + d.State), tone
}

// official are the figures of others, with ours where one counts the same thing.
func (v *visit) official(o registry.Overview, at clock) []outsideFigure {
	var out []outsideFigure
	for _, rec := range o.Official {
		f := outsideFigure{
			What: cmp.Or(v.says(rec), v.label("indicator", first(rec.Fields, "indicator"))),
			By:   cmp.Or(v.who(rec, "by"), v.label("figure_source", first(rec.Fields, "source_kind"))),
			Date: v.Date(rec.Date), Value: v.outsideValue(rec),
		}
		if day, err := edtf.Parse(first(rec.Fields, "as_of")); err == nil && !day.IsZero() {
			f.AsOf = v.T("date.as_of", day)
		}
		beside := cmp.Or(first(rec.Fields, "beside"), first(rec.Fields, "indicator")) // indicators and figures share their ids
		if ours, ok := o.Figures[beside]; ok {
			def, _ := v.reg.Rules().Figure(beside)
			f.Ours, f.OursLabel = v.Number(ours.Value), v.in(def.Label)
			f.OursHref = at.link("/cases", "figure", beside, "scope", coalition, "verified", v.verifiedParam(o.Verified))
		}
		out = append(out, f)
	}
	return out
}

// says is what an outside record says, in the reader's language where it was translated.
func (v *voice) says(rec registry.OutsideRecord) string {
	return cmp.Or(first(rec.Fields, "says_"+v.Code()), first(rec.Fields, "says"))
}

// who is a body as it was written, which says most; in another language than
// it is written in, by its label.
func (v *voice) who(rec registry.OutsideRecord, field string) string {
	if written := first(rec.Fields, field); v.Code() == "en" && written != "" {
		return written
	}
	return cmp.Or(first(rec.Fields, field+"_"+v.Code()), v.label("body", first(rec.Fields, field+"_body")), first(rec.Fields, field))
}

func (v *voice) outsideValue(rec registry.OutsideRecord) string {
	text := first(rec.Fields, "value")
	if n, err := strconv.Atoi(text); err == nil {
		text = v.Number(n)
		if first(rec.Fields, "unit") == "percent" {
			text = v.Percent(n, 100)
		}
	}
	if first(rec.Fields, "at_least") == "yes" {
		text = v.T("official.atleast", text)
	}
	return text
}

func (v *voice) promises(o registry.Overview) []promise {
	var out []promise
	for _, rec := range o.Promises {
		p := promise{
			What: v.says(rec), Date: v.Date(rec.Date), By: v.who(rec, "by"), To: v.who(rec, "to"),
			Status: v.label("commitment_status", first(rec.Fields, "status")),
		}
		out = append(out, p)
	}
	return out
}

// day writes a day, and nothing for none.
func (v *voice) day(d edtf.Day) string {
	if d == 0 || d.Bound() {
		return ""
	}
	return v.Day(d)
}
