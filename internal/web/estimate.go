// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/estimate"
	"github.com/kua-registry/kua/internal/registry"
)

// estimateRegister is what the page of the estimate asks of the registry.
type estimateRegister interface {
	Estimate(ctx context.Context, s *access.Session, q registry.OverlapQuery) (registry.Estimation, error)
	CountsAll(s *access.Session) bool
}

func (s *server) estimateRoutes() []route {
	return []route{{"GET /estimate", s.signed(s.estimate)}}
}

// estimateFacets are those that parts of the people are told by.
func estimateFacets() []string { return []string{"region", "sex", "age_band", registry.ByMonth} }

type estimateBody struct {
	Clock         clockForm
	Heading       string
	Caption       string
	Observed      string
	Refused       string
	Picture       template.HTML
	Methods       []estimateRow
	Findings      []string
	ListHead      []string
	Lists         []estimateList
	ListsLead     string
	Combinations  template.HTML // the picture, and its table
	AllCombined   template.HTML
	Densities     template.HTML
	Variants      []estimateRow
	Sensitivity   []namedPicture // one for each method
	Parts         []estimatePart
	PartsPicture  namedPicture
	Sums          []estimateRow // of the parts, beside all together
	SumsLack      string        // parts that are in no sum
	MatchingHref  string        // empty: not for this member
	Entries, Root string
	FiguresHref   string
	Empty         bool
}

// namedPicture is a drawing with its title.
type namedPicture struct {
	Name    string
	Picture template.HTML
}

// estimateRow is a line of a table: what it is, the number, its interval.
type estimateRow struct{ Name, Other, Value, Interval string }

type estimateList struct {
	Name  string
	Cells []string
}

type estimatePart struct {
	Name, Observed, Refused string
	Methods                 []estimateRow
}

func (s *server) estimate(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	query := v.r.URL.Query()
	q := registry.OverlapQuery{Clock: at.Clock, Verified: query.Get("verified") != "", By: query.Get("by")}
	if q.By != "" && !slices.Contains(estimateFacets(), q.By) {
		return registry.ErrNotFound
	}
	e, err := s.reg.Estimate(v.r.Context(), v.session, q)
	if err != nil {
		return err
	}
	def, _ := s.reg.Rules().Figure(e.Figure)
	body := estimateBody{
		Clock: v.clockForm(at), Heading: v.in(def.Label), Caption: v.clockWords(at),
		Observed: v.N("estimate.observed", e.Table.Observed()), Empty: e.Refused != nil && e.Refused.Code == estimate.Nobody,
		ListsLead: v.T("estimate.lists.lead", v.in(def.Label)),
		Entries:   v.Number(int(e.Entries)), Root: e.Root,
		FiguresHref: at.link("/figures", "verified", v.verifiedParam(q.Verified)),
	}
	by := selectField{Name: "by", Label: v.T("estimate.by"), Options: []option{{"", v.T("estimate.by.none"), q.By == ""}}}
	for _, facet := range estimateFacets() {
		by.Options = append(by.Options, option{facet, v.facetName(facet), facet == q.By})
	}
	body.Clock.Selects = []selectField{by, v.verifiedOnly(q.Verified)}
	body.Clock.Reset = link("/estimate", "by", q.By, "verified", v.verifiedParam(q.Verified))
	if len(e.Table.Lists) > 0 {
		body.ListHead, body.Lists = v.overlaps(e.Table)
		body.Combinations, body.AllCombined = v.combinations(e.Table)
	}
	if s.reg.May(v.session, access.Match) {
		body.MatchingHref = "/matching"
	}
	if e.Refused != nil {
		body.Refused = e.Refused.Text(v.Language)
	} else {
		body.Picture, body.Methods = v.estimates(e.Report)
		body.Densities, body.Sensitivity = v.densities(e.Report), v.sensitivity(e.Report)
		for _, f := range e.Report.Findings {
			body.Findings = append(body.Findings, f.Text(v.Language))
		}
		for _, x := range e.Report.Variants {
			row := estimateRow{Name: x.Method.Text(v.Language), Other: x.Text(v.Language)}
			if x.Refused != nil {
				row.Interval = x.Refused.Text(v.Language)
			} else {
				row.Value, row.Interval = v.people(x.Median), v.T("estimate.between", v.people(x.Low), v.people(x.High))
			}
			body.Variants = append(body.Variants, row)
		}
	}
	for _, x := range e.Strata {
		part := estimatePart{Name: v.partName(q.By, x.Code), Observed: v.N("estimate.observed", x.Report.Table.Observed())}
		if x.Refused != nil {
			part.Refused = x.Refused.Text(v.Language)
		} else {
			_, part.Methods = v.estimates(x.Report)
		}
		body.Parts = append(body.Parts, part)
	}
	if len(e.Strata) > 0 {
		body.PartsPicture = v.partsPicture(e, q.By)
		body.Sums, body.SumsLack = v.sums(e, q.By)
	}
	return s.show(v, "estimate", v.T("estimate.title"), body)
}

// partName is the label of a part of the people.
func (v *visit) partName(by, code string) string {
	switch by {
	case "region":
		return v.regionName(code)
	case registry.ByMonth:
		if at, err := time.Parse("2006-01", code); err == nil {
			return v.MonthAndYear(at.Year(), at.Month())
		}
	}
	return v.label(by, code)
}

// people is a number of people that was estimated: whole.
func (v *visit) people(x float64) string { return v.Number(int(math.Round(x))) }

// overlaps is how many people each list has, alone and with each other one.
func (v *visit) overlaps(t estimate.Table) ([]string, []estimateList) {
	head := []string{v.T("estimate.people"), v.T("estimate.alone")}
	var rows []estimateList
	for j, name := range t.Lists {
		head = append(head, name)
		row := estimateList{Name: name, Cells: []string{v.Number(t.On(j)), v.Number(t.Counts[1<<j])}}
		for k := range t.Lists {
			cell := "·"
			if k != j {
				cell = v.Number(t.Shared(1<<j | 1<<k))
			}
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return head, rows
}

// estimates are the methods' answers, drawn beside what was counted and as rows.
func (v *visit) estimates(r estimate.Report) (template.HTML, []estimateRow) {
	var rows []estimateRow
	ranges := []chart.Range{{Label: v.T("estimate.counted"), Value: r.Table.Observed(), Exact: true}}
	for _, e := range r.Estimates {
		name := e.Method.Text(v.Language)
		if !e.Usable() {
			rows = append(rows, estimateRow{Name: name, Interval: v.T("estimate.unusable")})
			continue
		}
		words := v.T("estimate.between", v.people(e.Low), v.people(e.High))
		rows = append(rows, estimateRow{Name: name, Value: v.people(e.Median), Interval: words})
		ranges = append(ranges, chart.Range{Label: name, Low: int(math.Round(e.Low)), Value: int(math.Round(e.Median)), High: int(math.Round(e.High)), Words: v.T("estimate.interval") + ": " + words})
	}
	drawn := chart.Ranges(chart.Frame{Width: phoneWidth, ID: "chart-estimate", Title: v.T("estimate.title"), Desc: v.T("estimate.never"), Number: v.Number}, ranges)
	return template.HTML(drawn), rows //nolint:gosec // the chart escapes every text it is given
}
