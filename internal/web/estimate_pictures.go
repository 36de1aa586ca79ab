// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"html/template"
	"math"
	"strconv"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/estimate"
	"github.com/kua-registry/kua/internal/registry"
)

// facetName says by what people are divided.
func (v *visit) facetName(facet string) string {
	if facet == registry.ByMonth {
		return v.T("estimate.by.month")
	}
	return v.T("analysis.by." + facet)
}

// picture is a drawing of the page's width.
func (v *visit) picture(id, title, desc string) chart.Frame {
	return chart.Frame{Width: phoneWidth, ID: id, Title: title, Desc: desc, Number: v.Number}
}

// combinations are which combinations of organisations have how many people: a picture and its table.
func (v *visit) combinations(t estimate.Table) (picture, table template.HTML) {
	var all []chart.Combination
	for x, n := range t.Counts {
		if n == 0 {
			continue
		}
		in := make([]bool, len(t.Lists))
		for j := range in {
			in[j] = x>>j&1 == 1
		}
		all = append(all, chart.Combination{In: in, Value: n})
	}
	f := v.picture("chart-lists", v.T("estimate.combinations"), v.T("estimate.combinations.desc"))
	words := chart.CombinationWords{Lists: v.T("estimate.combinations.lists"), Only: v.T("estimate.combinations.only"), Rest: func(n int) string { return v.N("estimate.combinations.rest", n) }}
	head := [2]string{v.T("estimate.combinations.only"), v.T("estimate.people")}
	return template.HTML(chart.Combinations(f, t.Lists, all, words)), template.HTML(chart.CombinationsTable(f, head, t.Lists, all).HTML()) //nolint:gosec // the chart escapes every text it is given
}

// everyOther thins the points of a density: what is drawn is as wide as a phone.
const everyOther = 2

// densities are how likely each number is, where a method tells it. Two modes are two.
func (v *visit) densities(r estimate.Report) template.HTML {
	var all []chart.Density
	for _, e := range r.Estimates {
		if !e.Usable() || len(e.Curve) == 0 {
			continue
		}
		d := chart.Density{Label: e.Method.Text(v.Language), Low: e.Low, High: e.High, Modes: e.Modes}
		for i, p := range e.Curve {
			if i%everyOther == 0 || i == len(e.Curve)-1 {
				d.Curve = append(d.Curve, chart.DensityPoint{N: p.N, Density: p.Density})
			}
		}
		d.Words = v.T("estimate.interval") + ": " + v.T("estimate.between", v.people(e.Low), v.people(e.High))
		if len(e.Modes) > 1 {
			d.Words += ". " + v.T("estimate.density.modes", v.Number(len(e.Modes)))
		}
		all = append(all, d)
	}
	if len(all) == 0 {
		return ""
	}
	return template.HTML(chart.Densities(v.picture("chart-density", v.T("estimate.density"), v.T("estimate.density.lead")), all)) //nolint:gosec // the chart escapes every text it is given
}

// ranged is an estimate as it is drawn: with its interval, always.
func (v *visit) ranged(label string, low, median, high float64) chart.Range {
	whole := func(x float64) int { return int(math.Round(x)) }
	return chart.Range{Label: label, Low: whole(low), Value: whole(median), High: whole(high),
		Words: v.T("estimate.interval") + ": " + v.T("estimate.between", v.people(low), v.people(high))}
}

// sensitivity draws how each method's answer changes under other assumptions,
// beside the answer itself.
func (v *visit) sensitivity(r estimate.Report) (pictures []namedPicture) {
	for i, e := range r.Estimates {
		if !e.Usable() {
			continue
		}
		ranges := []chart.Range{v.ranged(v.T("estimate.other.none"), e.Low, e.Median, e.High)}
		for _, x := range r.Variants {
			if x.Method == e.Method && x.Refused == nil {
				ranges = append(ranges, v.ranged(x.Text(v.Language), x.Low, x.Median, x.High))
			}
		}
		if len(ranges) < 2 {
			continue
		}
		f := v.picture("chart-other-"+strconv.Itoa(i), e.Method.Text(v.Language), v.T("estimate.other.lead"))
		pictures = append(pictures, namedPicture{f.Title, template.HTML(chart.Ranges(f, ranges))}) //nolint:gosec // the chart escapes every text it is given
	}
	return pictures
}

// leading is the method whose parts are drawn: the first that tells of the whole
// and has a sum of parts, else the first that tells of the whole.
func leading(e registry.Estimation) (estimate.Estimate, bool) {
	var found estimate.Estimate
	ok := false
	for _, x := range e.Report.Estimates {
		if !x.Usable() {
			continue
		}
		if !ok {
			found, ok = x, true
		}
		for _, sum := range e.Sums {
			if sum.Method == x.Method {
				return x, true
			}
		}
	}
	return found, ok
}

// partsPicture draws the parts by one method, with all together and their sum.
func (v *visit) partsPicture(e registry.Estimation, by string) namedPicture {
	whole, ok := leading(e)
	if !ok {
		return namedPicture{}
	}
	ranges := []chart.Range{v.ranged(v.T("estimate.parts.whole"), whole.Low, whole.Median, whole.High)}
	for _, sum := range e.Sums {
		if sum.Method == whole.Method {
			ranges = append(ranges, v.ranged(v.N("estimate.parts.sum", sum.Parts), sum.Low, sum.Median, sum.High))
		}
	}
	for _, part := range e.Strata {
		if x, ok := part.Report.Of(whole.Method); ok && x.Usable() {
			ranges = append(ranges, v.ranged(v.partName(by, part.Code), x.Low, x.Median, x.High))
		}
	}
	f := v.picture("chart-parts", whole.Method.Text(v.Language), v.T("estimate.parts.lead"))
	return namedPicture{f.Title, template.HTML(chart.Ranges(f, ranges))} //nolint:gosec // the chart escapes every text it is given
}

// sums are what the parts add up to beside what is estimated of all together,
// and which parts are in no sum.
func (v *visit) sums(e registry.Estimation, by string) (rows []estimateRow, lack string) {
	for _, sum := range e.Sums {
		name := sum.Method.Text(v.Language)
		if x, ok := e.Report.Of(sum.Method); ok && e.Refused == nil && x.Usable() {
			rows = append(rows, estimateRow{Name: name, Other: v.T("estimate.parts.whole"), Value: v.people(x.Median), Interval: v.T("estimate.between", v.people(x.Low), v.people(x.High))})
		}
		rows = append(rows, estimateRow{Name: name, Other: v.N("estimate.parts.sum", sum.Parts), Value: v.people(sum.Median), Interval: v.T("estimate.between", v.people(sum.Low), v.people(sum.High))})
	}
	var without []string
	people := 0
	for _, part := range e.Strata {
		if part.Refused != nil {
			without = append(without, v.partName(by, part.Code))
			people += part.Report.Table.Observed()
		}
	}
	if len(without) > 0 {
		lack = v.T("estimate.parts.without", v.List(without), v.Number(people))
	}
	return rows, lack
}
