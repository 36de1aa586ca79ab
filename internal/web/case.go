// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/registry"
)

type caseBody struct {
	Unreviewed                    []string
	Name, Number                  string
	FactsOnly                     bool
	Add, All, Files               string       // where something is added; this page with all of it unfolded; its files
	Readers                       *readersCard // as Access
	Access                        *accessCard  // only for those who may say who else reads the case
	Erase                         string       // where it is erased, for those who may
	Tags                          []tag
	Gist                          string // what was done, and by whom
	Glance                        []fact
	StageName, StageSince, Reason string
	Path                          []pathStep
	Steps                         []nextStep
	MoreSteps                     string
	Jump                          []jump
	Timeline                      timelineView
	Sections                      []section
	Forms                         []formGroup
	Deadlines                     []deadlineGroup
	Checks                        []checkGroup
	Same                          []sameCase
	Clock                         clockForm
	Review                        reviewCard
}

type tag struct{ Text, Tone string }

type jump struct{ ID, Text, Count string }

type sameCase struct{ Href, Number, Org, Name, Stage string }

func (s *server) oneCase(v *visit) error { return s.showCase(v, caseForms{}) }

// caseForms are what was sent to a case and not taken.
type caseForms struct {
	review reviewForm
	access accessForm
}

// showCase shows a case, with the form that was not taken, if one was not.
func (s *server) showCase(v *visit, form caseForms) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), at.Clock)
	if err != nil {
		return err
	}
	c := newCaseReader(v, file)
	c.letters, c.all = s.letters, v.r.URL.Query().Get("open") == "all"
	body := caseBody{
		Files:      filesPath(file.Row, ""),
		Unreviewed: v.unreviewed(), Name: file.Row.Name, Number: file.Row.Number, FactsOnly: file.Row.FactsOnly,
		Tags: c.tags(), Gist: c.gist(), Glance: c.glance(), Path: c.path(),
		Review: c.review(form.review), Sections: c.sections(), Deadlines: c.deadlines(), Checks: c.checks(), Clock: v.clockForm(at, "show", "by", "open"), Timeline: c.timeline(at),
	}
	body.StageName, body.StageSince, body.Reason = c.stage()
	var more int
	if body.Steps, more = c.steps(); more > 0 {
		body.MoreSteps = v.N("step.more", more)
	}
	body.Forms = c.forms()
	if file.MayWrite || file.MayComment {
		body.Add = casePath(file.Row) + "/add"
	}
	if c.folded() {
		body.All = at.link(casePath(file.Row), "open", "all")
	}
	for _, other := range file.Same {
		body.Same = append(body.Same, sameCase{at.link(casePath(other)), other.Number, other.OrgName, other.Name, v.label("stage", other.Stage)})
	}
	if file.MayGrant || file.MayRevoke {
		holders, err := s.reg.Holders(v.r.Context(), v.session, file.Row.ID)
		if err != nil {
			return err
		}
		body.Access = c.access(holders, form.access)
	}
	if file.MayGrant {
		body.Readers = v.readers(file)
	}
	if file.MayErase {
		body.Erase = casePath(file.Row) + "/erase"
	}
	if form != (caseForms{}) { // answered at the address of the form
		body.Clock.Action = casePath(file.Row)
		body.Clock.Reset = body.Clock.Action
	}
	body.Jump = []jump{{"timeline", v.T("case.timeline"), count(body.Timeline.Count)}, {"deadlines", v.T("case.deadlines"), count(len(file.Deadlines))}, {"checks", v.T("case.checks"), count(len(file.Checks))}}
	for _, s := range body.Sections {
		body.Jump = append(body.Jump, jump{s.ID, s.Name, count(s.Count)})
	}
	if len(body.Forms) > 0 {
		body.Jump = append(body.Jump, jump{"forms", v.T("letter.forms"), ""})
	}
	body.Jump = append(body.Jump, jump{"same", v.T("case.same"), count(len(file.Same))}, jump{"review", v.T("facet.review"), ""})
	if body.Access != nil {
		body.Jump = append(body.Jump, jump{"access", v.T("access.title"), count(len(body.Access.Grants))})
	}
	// The title stands in the browser's history: the number, never the name.
	return s.show(v, "case", file.Row.Number, body)
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// caseReader writes the parts of one case's page.
type caseReader struct {
	*visit
	file registry.CaseView
	byID map[string]*casefile.Record
	away string // the address of the case, on another page than its own

	letters *letter.Set
	all     bool // everything is shown unfolded
}

// newCaseReader reads a case as its pages show it.
func newCaseReader(v *visit, file registry.CaseView) *caseReader {
	c := &caseReader{visit: v, file: file, byID: make(map[string]*casefile.Record, len(file.Records))}
	for _, rec := range file.Records {
		c.byID[rec.ID] = rec
	}
	return c
}

// anchor is the place of a record on the page.
func anchor(id string) string { return "r-" + id }

// names names a record that another refers to, in the case or outside it.
func (c *caseReader) names(id string) valueText {
	if rec, ok := c.byID[id]; ok {
		return valueText{Text: c.kind(rec.Kind), Href: c.recordHref(id)}
	}
	if rec, ok := c.file.Outside[id]; ok {
		return valueText{Text: c.outsideName(rec), Href: outsidePath(rec.Kind, id)}
	}
	if id == c.file.Row.Org {
		return valueText{Text: c.file.Row.OrgName}
	}
	return valueText{}
}

func (c *caseReader) tags() []tag {
	r := c.file.Row
	var out []tag
	if c.file.Restricted {
		out = append(out, tag{c.T("access.restricted"), "wait"})
	}
	if r.FactsOnly {
		out = append(out, tag{c.T("access.facts_only"), ""})
	}
	if r.Child {
		out = append(out, tag{c.T("case.child"), "accent"})
	}
	if r.Breaches > 0 {
		out = append(out, tag{c.N("cases.breaches", r.Breaches), "bad"})
	}
	if r.Overdue > 0 {
		out = append(out, tag{c.N("cases.overdue", r.Overdue), "wait"})
	}
	for _, text := range c.reviewTags(r) {
		out = append(out, tag{Text: text})
	}
	return out
}

// gist is in a line what was done and by whom.
func (c *caseReader) gist() string {
	by := cmp.Or(c.several("act", "body"), c.several("detention", "body"), c.several("suspect", "body"))
	if by != "" {
		by = c.T("case.by", by)
	}
	return join([]string{c.several("act", "methods"), by})
}

// glance is who and what in a row.
func (c *caseReader) glance() []fact {
	r := c.file.Row
	org := r.OrgName
	if r.ExternalID != "" {
		org += " · " + r.ExternalID
	}
	all := []fact{
		{Label: c.T("case.incident"), Text: c.Date(r.Incident)},
		{Label: c.T("case.region"), Text: c.label("region", r.Region)},
		{Label: c.T("case.place"), Text: c.label("place_type", r.PlaceType)},
		{Label: c.T("case.sex"), Text: c.label("sex", r.Sex)},
		{Label: c.T("case.lawyer"), Text: c.lawyer()},
		{Label: c.T("case.reported"), Text: c.day(r.Reported)},
		{Label: c.T("case.org"), Text: org},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Text == "" })
}

// glanceCodes is how many codes of a field stand in a glance.
const glanceCodes = 4

// several are the codes that records of a kind have in a field, in words, the most frequent first.
func (c *caseReader) several(kind, field string) string {
	k, ok := c.book.Kind(kind)
	if !ok {
		return ""
	}
	f, ok := k.Field(field)
	if !ok {
		return ""
	}
	n := map[string]int{}
	var codes []string
	for _, rec := range c.file.Records {
		if rec.Kind != kind {
			continue
		}
		for _, code := range rec.Fields[field] {
			if codebook.Missing(code) {
				continue
			}
			if n[code]++; n[code] == 1 {
				codes = append(codes, code)
			}
		}
	}
	slices.SortStableFunc(codes, func(a, b string) int { return cmp.Compare(n[b], n[a]) })
	var words []string
	for _, code := range codes[:min(len(codes), glanceCodes)] {
		words = append(words, c.label(f.List, code))
	}
	if more := len(codes) - len(words); more > 0 {
		words = append(words, c.N("cases.more", more))
	}
	return join(words)
}

// lawyer is the name of who represents the victim; that there is none is told, too.
func (c *caseReader) lawyer() string {
	for _, rec := range c.file.Records {
		if rec.Kind == "person" && rec.Has("role", "lawyer") {
			if name := cmp.Or(rec.Get("full_name"), join([]string{rec.Get("family"), rec.Get("given")})); name != "" {
				return name
			}
			return c.T("case.lawyer.there")
		}
	}
	return c.T("case.lawyer.none")
}
