// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

const (
	casesPerPage = 50
	casesPrinted = 200 // at most, on a page that is to be printed
	textLimit    = 200 // characters of a search
	facetShown   = 6   // values of a facet before the rest is folded away
)

// facetNames are the parameters of an address that filter by a field.
var facetNames = []string{"org", "stage", "review", "region", "place_type", "sex", "child", "age_band", "method", "article", "offence", "body"}

// sortNames are the orders of the list.
var sortNames = []string{"reported", "number", "incident", "stage", "updated"}

type casesBody struct {
	MayOpen                                     bool // new cases
	MayExport                                   bool // take cases out
	MayMatch                                    bool // say which cases are the same person
	Why, Text, Found, Clock, Clear, First, Next string
	ToPrint                                     string // the list with many rows on a page
	NotOpen                                     string // how many more there are behind the figure
	Active                                      int    // filters chosen
	Several                                     bool
	Hidden                                      []pair
	Sorts                                       []option
	Facets                                      []facetField
	Chips                                       []chip
	Rows                                        []caseRow
	Bulk                                        *bulkBar // nil: nothing can be done at once
	Saved                                       savedCard
	Paper                                       string // of what state of the register a print is
}

type facetField struct {
	Label, MoreLabel string
	Values, More     []facetValue
	OpenMore         bool
}

type facetValue struct {
	Name, Value, Text string
	Count             int
	Selected          bool
}

type chip struct{ Text, Href string }

type caseRow struct {
	ID                                                string
	Href, Number, Org, ExternalID, Name, Who, Others  string
	Incident, Region, Stage, Since, Breaches, Overdue string
	Review                                            []string // empty for a case nobody asked about
	State, FactsOnly                                  bool
}

// caseQuery reads what an address of the list asks for.
func (v *visit) caseQuery(q url.Values) (registry.Query, clock, error) {
	at, err := v.clockOf(q)
	if err != nil {
		return registry.Query{}, at, err
	}
	query := registry.Query{
		Text: strings.TrimSpace(q.Get("q")), Figure: q.Get("figure"), Scope: q.Get("scope"), Rule: q.Get("rule"),
		Clock: at.Clock, Verified: q.Get("verified") != "", Sort: q.Get("sort"), After: q.Get("after"), Limit: casesPerPage, Facets: map[string][]string{},
	}
	if q.Get("rows") != "" {
		query.Limit = casesPrinted
	}
	if !slices.Contains(sortNames, query.Sort) {
		query.Sort = ""
	}
	if len(query.Text) > 4*textLimit {
		return query, at, errBadRequest
	}
	for _, name := range facetNames {
		if values := q[name]; len(values) > 0 {
			query.Facets[name] = values
		}
	}
	if query.With, err = termsOf(q["with"]); err != nil {
		return query, at, err
	}
	if _, ok := v.reg.Rules().Figure(query.Figure); query.Figure != "" && !ok {
		return query, at, registry.ErrNotFound
	}
	if _, ok := v.reg.Rules().Rule(query.Rule); query.Rule != "" && !ok {
		return query, at, registry.ErrNotFound
	}
	return query, at, nil
}

func (s *server) cases(v *visit) error {
	q := v.r.URL.Query()
	query, at, err := v.caseQuery(q)
	if err != nil {
		return err
	}
	found, err := s.reg.Cases(v.r.Context(), v.session, query)
	if err != nil {
		return err
	}
	orgs, err := s.orgNames(v)
	if err != nil {
		return err
	}
	named, err := s.termNames(v, query.With)
	if err != nil {
		return err
	}
	body := casesBody{
		MayOpen: s.mayOpenCases(v), MayMatch: s.reg.May(v.session, access.Match), MayExport: s.reg.MayExport(v.session),
		Why: v.whyThese(query), Text: query.Text, Found: v.N("cases.found", found.Total), Clock: v.clockWords(at),
		Clear: at.link("/cases"), Sorts: v.sorts(query),
		Chips: v.chips(q, query, orgs, named),
	}
	body.Several = len(body.Chips) > 1
	for _, term := range query.With {
		body.Hidden = append(body.Hidden, pair{"with", term.String()})
	}
	for _, name := range []string{"figure", "scope", "rule", "verified", "as_of", "known_by", "rows"} {
		if value := q.Get(name); value != "" {
			body.Hidden = append(body.Hidden, pair{name, value})
		}
	}
	for _, f := range found.Facets {
		if field := v.facet(f, orgs); len(field.Values) > 0 {
			body.Facets = append(body.Facets, field)
		}
	}
	for _, values := range query.Facets {
		body.Active += len(values)
	}
	for _, r := range found.Rows {
		body.Rows = append(body.Rows, v.caseRow(r, at))
	}
	if found.Hidden > 0 {
		body.NotOpen = v.N("cases.hidden", found.Hidden)
	}
	if query.After != "" {
		body.First = address("/cases", without(q, "after", ""))
	}
	if found.Next != "" {
		body.Next = address("/cases", with(q, "after", found.Next))
	}
	if found.Total > casesPerPage && query.Limit == casesPerPage {
		body.ToPrint = address("/cases", with(without(q, "after", ""), "rows", "many"))
	}
	if body.Bulk, err = s.bulkBar(v, q, found, query); err != nil {
		return err
	}
	if body.Saved, err = s.savedCard(v, searchOf(q)); err != nil {
		return err
	}
	if body.Paper, err = s.paper(v, at); err != nil {
		return err
	}
	return s.show(v, "cases", v.T("cases.title"), body)
}

// orgNames are the names of the organisations by id; a member who may not count sees none.
func (s *server) orgNames(v *visit) (map[string]string, error) {
	orgs, err := s.reg.Organisations(v.r.Context(), v.session)
	if err != nil {
		return nil, err
	}
	names := map[string]string{coalition: v.T("figures.scope.coalition")}
	for _, o := range orgs {
		names[o.ID] = o.Name
	}
	return names, nil
}

// whyThese says in words what the list holds.
func (v *visit) whyThese(q registry.Query) string {
	if def, ok := v.reg.Rules().Figure(q.Figure); ok && q.Figure != "" {
		return v.T("cases.why.figure", v.in(def.Label))
	}
	if def, ok := v.reg.Rules().Rule(q.Rule); ok && q.Rule != "" {
		return v.T("cases.why.rule", v.in(def.Label))
	}
	if len(q.With) > 0 {
		return v.T("cases.why.with")
	}
	return v.T("cases.why.all")
}

func (v *visit) sorts(q registry.Query) []option {
	var out []option
	if q.Text != "" {
		out = append(out, option{"", v.T("cases.sort.best"), q.Sort == ""})
	}
	for _, name := range sortNames {
		out = append(out, option{name, v.T("cases.sort." + name), q.Sort == name})
	}
	return out
}

// chips are the filters at work, each a link to the list without it.
func (v *visit) chips(q url.Values, query registry.Query, orgs map[string]string, named map[string]registry.OutsideRecord) []chip {
	var out []chip
	add := func(text, name, value string) {
		out = append(out, chip{text, address("/cases", without(q, name, value))})
	}
	if query.Text != "" {
		add(v.T("cases.chip.text", query.Text), "q", "")
	}
	if def, ok := v.reg.Rules().Figure(query.Figure); ok && query.Figure != "" {
		add(v.T("cases.chip.figure", v.in(def.Label)), "figure", "")
	}
	if query.Scope != "" && (query.Scope != coalition || query.Figure == "") {
		name := orgs[query.Scope]
		if name == "" {
			name = short(query.Scope)
		}
		add(v.T("cases.chip.scope", name), "scope", "")
	}
	if def, ok := v.reg.Rules().Rule(query.Rule); ok && query.Rule != "" {
		add(v.in(def.Label), "rule", "")
	}
	for _, term := range query.With {
		add(v.termText(term, named), "with", term.String())
	}
	if query.Verified {
		add(v.T("figures.cases.verified"), "verified", "")
	}
	for _, name := range facetNames {
		for _, value := range query.Facets[name] {
			text := v.label(facetLists[name], value)
			if name == "org" {
				if text = orgs[value]; text == "" {
					text = short(value)
				}
			}
			add(v.T("facet."+name)+": "+text, name, value)
		}
	}
	return out
}

// without is an address's parameters without one value, or without a name
// altogether, and at the beginning of the list.
func without(q url.Values, name, value string) url.Values {
	out := maps.Clone(q)
	out.Del("after")
	if value == "" {
		out.Del(name)
		if name == "figure" {
			out.Del("scope")
		}
		return out
	}
	out[name] = slices.DeleteFunc(slices.Clone(out[name]), func(v string) bool { return v == value })
	if len(out[name]) == 0 {
		out.Del(name)
	}
	return out
}

// with is an address's parameters with one more.
func with(q url.Values, name, value string) url.Values {
	out := maps.Clone(q)
	if out == nil {
		out = url.Values{}
	}
	out.Set(name, value)
	return out
}

func (v *visit) facet(f registry.Facet, orgs map[string]string) facetField {
	field := facetField{Label: v.T("facet." + f.ID)}
	text := func(value registry.FacetValue) string {
		if value.Label == "" && f.ID == "org" && orgs[value.Code] != "" {
			return orgs[value.Code]
		}
		return cmp.Or(value.Label, v.label(f.List, value.Code))
	}
	values := sorted(v.voice, f.Values, text) // and the most frequent first
	slices.SortStableFunc(values, func(a, b registry.FacetValue) int { return b.Count - a.Count })
	for i, value := range values {
		fv := facetValue{Name: f.ID, Value: value.Code, Text: text(value), Count: value.Count, Selected: value.Selected}
		if i < facetShown || len(values) == facetShown+1 {
			field.Values = append(field.Values, fv)
			continue
		}
		field.More = append(field.More, fv)
		field.OpenMore = field.OpenMore || fv.Selected
	}
	field.MoreLabel = v.N("cases.more", len(field.More))
	return field
}

func (v *visit) caseRow(r registry.Row, at clock) caseRow {
	row := caseRow{
		ID:   r.ID,
		Href: at.link(casePath(r)), Number: r.Number, Org: r.OrgName, ExternalID: r.ExternalID, Name: r.Name,
		Incident: v.DateShort(r.Incident), Region: v.label("region", r.Region), Stage: v.label("stage", r.Stage),
		State: r.Breaches > 0 || r.Overdue > 0, FactsOnly: r.FactsOnly, Review: v.reviewTags(r),
	}
	if r.Child {
		row.Who = v.T("cases.child")
	}
	row.Who = join([]string{row.Who, v.label("sex", r.Sex)})
	if since := v.day(r.StageSince); since != "" {
		row.Since = v.T("cases.since", v.DayShort(r.StageSince))
	}
	if r.Others > 0 {
		row.Others = v.N("cases.others", r.Others)
	}
	if r.Breaches > 0 {
		row.Breaches = v.N("cases.breaches", r.Breaches)
	}
	if r.Overdue > 0 {
		row.Overdue = v.N("cases.overdue", r.Overdue)
	}
	return row
}
