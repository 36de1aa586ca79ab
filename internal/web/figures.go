// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/registry"
)

type figuresBody struct {
	Clock                  clockForm
	Heading, Caption       string
	Rows                   []figureRow
	Command, Root, Entries string
	AnalysisHref           string
	EstimateHref           string // empty: not for this member
	Limit, ChangedHref     string // where only verified cases count: what that means, and those that changed since
}

type figureRow struct {
	ID, Label, Help, Unit, Source, Expr string
	Value, Share, Base, Href            string
	Unchecked                           bool
}

func (s *server) figures(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	query := registry.FigureQuery{Clock: at.Clock, Scope: q.Get("scope"), Set: q.Get("set"), Verified: q.Get("verified") != ""}
	if query.Scope == "" {
		query.Scope = coalition
	}
	table, err := s.reg.Figures(v.r.Context(), v.session, query)
	if err != nil {
		return err
	}
	orgs, err := s.reg.Organisations(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	body := figuresBody{
		Clock: v.clockForm(at), Heading: v.T("figures.scope.coalition"), Caption: v.clockWords(at),
		AnalysisHref: at.link("/analysis", "scope", q.Get("scope"), "verified", v.verifiedParam(query.Verified)),
		Command:      againCommand(table, query), Root: table.Root, Entries: v.Number(int(table.Entries)),
	}
	if s.reg.CountsAll(v.session) {
		body.EstimateHref = at.link("/estimate", "verified", v.verifiedParam(query.Verified))
	}
	scopes := selectField{Name: "scope", Label: v.T("figures.scope"), Options: []option{{coalition, v.T("figures.scope.coalition"), query.Scope == coalition}}}
	for _, o := range sorted(v.voice, orgs, func(o registry.Org) string { return o.Name }) {
		scopes.Options = append(scopes.Options, option{o.ID, o.Name, o.ID == query.Scope})
		if o.ID == query.Scope {
			body.Heading = o.Name
		}
	}
	body.Clock.Selects = []selectField{scopes, v.sets(query.Set), v.verifiedOnly(query.Verified)}
	body.Clock.Reset = link("/figures", "scope", q.Get("scope"), "set", query.Set, "verified", v.verifiedParam(query.Verified))
	if query.Verified {
		body.Caption, body.Limit = join([]string{body.Caption, v.T("figures.cases.verified")}), v.T("figures.verified.note")
		body.ChangedHref = at.link("/cases", "verified", "1", "review", "changed")
	}
	for _, value := range table.Values {
		def := table.Defs[value.ID]
		row := figureRow{
			ID: value.ID, Label: v.in(def.Label), Help: v.in(def.Help), Unit: v.in(def.Unit),
			Source: v.norm(def.Source), Unchecked: unchecked(def.Conf), Expr: def.Expr,
			Value: v.Number(value.Value), Href: at.link("/cases", "figure", value.ID, "scope", query.Scope, "verified", v.verifiedParam(query.Verified)),
		}
		if value.Base >= 0 {
			row.Share = v.Percent(value.Value, value.Base)
			row.Base = v.T("figures.base", v.Number(value.Base), v.in(table.Defs[def.Base].Label))
			if base, ok := s.reg.Rules().Figure(def.Base); ok { // the base may stand in another set
				row.Base = v.T("figures.base", v.Number(value.Base), v.in(base.Label))
			}
		}
		body.Rows = append(body.Rows, row)
	}
	return s.show(v, "figures", v.T("figures.title"), body)
}

// sets are the sets in which the figures stand, in the order of the figures.
func (v *visit) sets(chosen string) selectField {
	field := selectField{Name: "set", Label: v.T("figures.set"), Options: []option{{"", v.T("figures.set.all"), chosen == ""}}}
	var seen []string
	for _, def := range v.reg.Rules().Figures() {
		for _, set := range def.Sets {
			if slices.Contains(seen, set) {
				continue
			}
			seen = append(seen, set)
			text := set
			if key := "figures.set." + set; v.Has(key) {
				text = v.T(key)
			}
			field.Options = append(field.Options, option{set, text, set == chosen})
		}
	}
	return field
}

// verifiedOnly is the choice between all cases and the verified ones alone.
func (v *visit) verifiedOnly(chosen bool) selectField {
	return selectField{Name: "verified", Label: v.T("figures.cases"), Options: []option{
		{"", v.T("figures.cases.all"), !chosen}, {"1", v.T("figures.cases.verified"), chosen},
	}}
}

// verifiedParam is the choice in an address.
func (v *visit) verifiedParam(chosen bool) string {
	if chosen {
		return "1"
	}
	return ""
}

// againCommand is the command that asks the same again.
func againCommand(t registry.FigureTable, q registry.FigureQuery) string {
	args := []string{"kua figures", "--as-of", t.Clock.AsOf.String()}
	if !t.Clock.KnownBy.IsZero() {
		args = append(args, "--known-by", t.Clock.KnownBy.UTC().Format(time.RFC3339Nano))
	}
	if q.Scope != coalition {
		args = append(args, "--org", q.Scope)
	}
	if q.Set != "" {
		args = append(args, "--set", q.Set)
	}
	if q.Verified {
		args = append(args, "--verified")
	}
	return strings.Join(args, " ")
}
