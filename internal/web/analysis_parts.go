// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"math"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/geo"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/survival"
)

// The groups in which the parts of the analysis stand on its page.
const (
	wayParts = iota
	timeParts
	waitParts
	breakdownParts
)

// flowFigures is the set of the figures between which the way divides.
const flowFigures = "flow"

// restFigures are those that count what is not known: the remainders of the way.
var restFigures = []string{noStatusFigure, "complaint_not_known", "flow_no_status"}

// barsShown is how many bars of a breakdown the page draws; the table has all.
const barsShown = 10

// part is one thing to be seen in an analysis.
type part struct {
	group           int
	id, title, lead string
	facts           []analysisFact
	gist            string
	notes           []string
	less            string // what the page draws less than the file; empty: nothing
	table           analysisTable
	whole           *analysisTable // what leaves as a file, where the page shows less; nil: the table
	draw            func(f chart.Frame, page bool) string
}

// ownMap is the installation's own map, if it has one.
type ownMap struct {
	there   bool
	drawing geo.Drawing
}

// parts are all parts of an analysis, in the order of the page.
func (x *analysed) parts() []part {
	parts := []part{x.way()}
	if len(x.Flows) > 0 {
		parts = append(parts, x.flow())
	}
	parts = append(parts, x.time())
	for _, w := range x.Survivals {
		parts = append(parts, x.wait(w))
	}
	for _, b := range x.Breakdowns {
		parts = append(parts, x.breakdown(b))
	}
	return parts
}

// name is the label of a figure.
func (x *analysed) name(figure string) string {
	def, _ := x.reg.Rules().Figure(figure)
	return x.in(def.Label)
}

// count is a number with the cases behind it.
func (x *analysed) count(n int, href string) analysisCell {
	return analysisCell{x.Number(n), href, n}
}

// share is what part of a whole a number is; for programs it is left to them.
func (x *analysed) share(n, whole int) analysisCell {
	return analysisCell{Text: x.Percent(n, whole)}
}

func (x *analysed) way() part {
	p := part{group: wayParts, id: "way", title: x.T("figures.set.way"), lead: x.T("analysis.way.lead")}
	p.table.Head = []string{x.T("figures.col.figure"), x.T("figures.col.value"), x.T("figures.col.share"), x.T("figures.col.base")}
	var bars []chart.Bar
	start := ""
	for _, def := range x.reg.Rules().Figures() {
		f, ok := x.Figures[def.ID]
		if !ok || !slices.Contains(def.Sets, wayFigures) {
			continue
		}
		row := analysisRow{Code: def.ID, Name: x.in(def.Label), Cells: []analysisCell{x.count(f.Value, x.cases(def.ID)), {}, {}}}
		bar := chart.Bar{Label: row.Name, Href: x.cases(def.ID), Value: f.Value}
		if start == "" {
			start = def.ID
		}
		if f.Base >= 0 {
			bar.Of, bar.Branch = f.Base, def.Base != start
			row.Cells[1], row.Cells[2] = x.share(f.Value, f.Base), analysisCell{Text: x.T("figures.base", f.Base, x.name(def.Base)), Value: f.Base}
		}
		bars, p.table.Rows = append(bars, bar), append(p.table.Rows, row)
	}
	p.draw = func(f chart.Frame, _ bool) string { return chart.Funnel(f, bars) }
	return p
}

func (x *analysed) flow() part {
	p := part{group: wayParts, id: "flow", title: x.T("figures.set.flow"), lead: x.T("analysis.flow.lead")}
	p.table.Head = []string{x.T("analysis.flow.to"), x.T("analysis.flow.from"), x.T("figures.col.value"), x.T("figures.col.share")}
	var nodes []chart.Node
	var links []chart.Link
	for _, flow := range x.Flows {
		links = append(links, chart.Link{From: flow.From, To: flow.To, Label: x.name(flow.Figure), Href: x.cases(flow.Figure), Value: flow.Value})
	}
	for _, def := range x.reg.Rules().Figures() {
		if !slices.ContainsFunc(x.Flows, func(f registry.Flow) bool { return f.From == def.ID || f.To == def.ID }) {
			continue
		}
		node := chart.Node{ID: def.ID, Label: x.in(def.Label), Href: x.cases(def.ID), Value: x.Figures[def.ID].Value, Rest: slices.Contains(restFigures, def.ID)}
		nodes = append(nodes, node)
		p.table.Rows = append(p.table.Rows, analysisRow{def.ID, node.Label, []analysisCell{{}, x.count(node.Value, node.Href), {}}})
		for _, flow := range x.Flows {
			if flow.To == def.ID {
				p.table.Rows = append(p.table.Rows, analysisRow{flow.Figure, node.Label, []analysisCell{
					{Text: x.name(flow.From), Value: x.name(flow.From)}, x.count(flow.Value, x.cases(flow.Figure)), x.share(flow.Value, x.Figures[flow.From].Value),
				}})
			}
		}
	}
	p.draw = func(f chart.Frame, _ bool) string { return chart.Sankey(f, nodes, links) }
	return p
}

// time is the figure at the ends of months, by both clocks.
func (x *analysed) time() part {
	now := x.T("analysis.time.now")
	if !x.at.KnownBy.IsZero() {
		now = x.T("analysis.time.known", x.moment(x.at.KnownBy))
	}
	then := x.T("analysis.time.then")
	p := part{group: timeParts, id: "time", title: x.T("analysis.time", x.name(x.Figure)), lead: x.T("analysis.time.lead")}
	p.table.Head = []string{x.T("analysis.day"), now, then}
	lines := []chart.Series{{Label: now}, {Label: then}}
	for _, point := range x.Series {
		lines[0].Points = append(lines[0].Points, chart.Point{Day: point.Day, Value: point.Now})
		lines[1].Points = append(lines[1].Points, chart.Point{Day: point.Day, Value: point.Then})
		p.table.Rows = append(p.table.Rows, analysisRow{point.Day.String(), x.Day(point.Day), []analysisCell{
			x.count(point.Now, x.casesOn(point.Day, x.at.knownBy)), x.count(point.Then, x.casesOn(point.Day, x.known(point.Day))),
		}})
	}
	slices.Reverse(p.table.Rows) // the latest first
	p.draw = func(f chart.Frame, _ bool) string { return chart.Line(f, lines) }
	return p
}

// known is what was known at the end of a day, and at the clock, as an address has it.
func (x *analysed) known(day edtf.Day) string {
	if !x.at.KnownBy.IsZero() && x.at.KnownBy.Before(day.Add(1).Time()) {
		return x.at.knownBy
	}
	return day.String()
}

func (x *analysed) casesOn(day edtf.Day, knownBy string) string {
	if x.file {
		return ""
	}
	return link("/cases", "figure", x.Figure, "scope", x.Scope, "verified", x.verifiedParam(x.Verified), "as_of", day.String(), "known_by", knownBy)
}

// marked are the days after which the page writes how many wait still.
var marked = []int{1, 7, 30, 90, 180, 365, 730, 1095}

// wait is how long something took.
func (x *analysed) wait(w registry.Survival) part {
	p := part{group: waitParts, id: "wait-" + w.ID, title: x.T("analysis.wait." + w.ID), lead: x.T("analysis.wait.lead")}
	median := x.T("analysis.median.none")
	if w.Median >= 0 {
		median = x.N("analysis.days", w.Median)
		switch {
		case w.Low >= 0 && w.High >= 0:
			median = x.T("analysis.median.between", median, x.Number(w.Low), x.Number(w.High))
		case w.Low >= 0:
			median = x.T("analysis.median.from", median, x.Number(w.Low))
		}
	}
	p.facts = []analysisFact{
		{x.T("analysis.wait.all"), x.Number(w.Units), x.cases(w.Start)},
		{x.T("analysis.wait.came"), x.Number(w.Events), x.cases(w.Event)},
		{x.T("analysis.wait.open"), x.Number(w.Censored), ""},
	}
	p.gist = x.T("analysis.median") + ": " + median
	head := []string{x.T("analysis.wait.day"), x.T("analysis.wait.watched"), x.T("analysis.wait.share"), x.T("analysis.wait.low"), x.T("analysis.wait.high")}
	p.table.Head = head
	curve := chart.Curve{Median: w.Median, Words: chart.CurveWords{
		Line: x.T("analysis.wait.line"), Band: x.T("analysis.wait.band"), Censored: x.T("analysis.wait.censored"), Days: x.T("analysis.wait.days"),
		AtRisk: x.T("analysis.wait.watched"),
	}}
	if w.Median >= 0 {
		curve.Words.Median = p.gist
	}
	p.whole = &analysisTable{Head: []string{head[0], head[1], x.T("analysis.wait.came"), x.T("analysis.wait.censored"), head[2], head[3], head[4]}}
	for _, step := range w.Steps {
		curve.Steps = append(curve.Steps, chart.Step(step))
		p.whole.Rows = append(p.whole.Rows, analysisRow{Code: strconv.Itoa(step.Day), Name: x.Number(step.Day), Cells: []analysisCell{
			{Value: step.AtRisk}, {Value: step.Events}, {Value: step.Censored}, {Value: step.S}, {Value: step.Low}, {Value: step.High},
		}})
	}
	for _, day := range marked {
		on, found := slices.BinarySearchFunc(w.Steps, day, func(s survival.Step, day int) int { return s.Day - day })
		if on == len(w.Steps) {
			break // nobody has been watched for so long
		}
		before := survival.Step{S: 1, Low: 1, High: 1}
		switch {
		case found:
			before = w.Steps[on]
		case on > 0:
			before = w.Steps[on-1]
		}
		p.table.Rows = append(p.table.Rows, analysisRow{Name: x.N("analysis.days", day), Cells: []analysisCell{
			{Text: x.Number(w.Steps[on].AtRisk)}, x.rate(before.S), x.rate(before.Low), x.rate(before.High),
		}})
	}
	if len(w.Steps) > 0 {
		p.draw = func(f chart.Frame, _ bool) string { return chart.Steps(f, curve) }
	}
	return p
}

// rate writes an estimated share.
func (x *analysed) rate(s float64) analysisCell {
	const whole = 1_000_000
	return analysisCell{Text: x.Percent(int(math.Round(s*whole)), whole), Value: s}
}

// breakdown is the figure by a facet.
func (x *analysed) breakdown(b registry.Breakdown) part {
	p := part{group: breakdownParts, id: "by-" + b.Facet, title: x.T("analysis.by." + b.Facet), lead: x.name(x.Figure)}
	p.table.Head = []string{x.T("facet." + b.Facet), x.T("figures.col.value"), x.T("figures.col.share")}
	whole := x.Figures[x.Figure].Value
	cells := slices.Clone(b.Cells)
	if list, ok := x.book.List(b.List); ok && (b.Facet == "stage" || b.Facet == "age_band") { // steps of a ladder follow each other
		place := map[string]int{}
		for i, code := range list.Codes {
			place[code.Code] = i
		}
		slices.SortStableFunc(cells, func(a, b registry.Cell) int { return place[a.Code] - place[b.Code] })
	}
	if b.Many {
		p.notes = append(p.notes, x.T("analysis.by.many"))
	}
	var bars []chart.Bar
	var tiles []chart.Tile
	for _, cell := range cells {
		row := analysisRow{Code: cell.Code, Name: x.codeName(b, cell.Code)}
		href := x.cases(x.Figure, b.Facet, cell.Code)
		row.Cells = []analysisCell{x.count(cell.Value, href), x.share(cell.Value, whole)}
		p.table.Rows = append(p.table.Rows, row)
		bars = append(bars, chart.Bar{Label: row.Name, Href: href, Value: cell.Value, Of: whole})
		tiles = append(tiles, chart.Tile{Code: cell.Code, Label: row.Name, Short: x.shortRegion(cell.Code), Href: href, Value: cell.Value})
	}
	rest := chart.Bar{Label: x.T("analysis.by.rest"), Value: b.Rest, Of: whole, Rest: true}
	p.table.Rows = append(p.table.Rows, analysisRow{Name: rest.Label, Cells: []analysisCell{x.count(b.Rest, ""), x.share(b.Rest, whole)}})
	if b.Facet == "region" {
		tiles = append(tiles, chart.Tile{Label: rest.Label, Value: b.Rest})
		p.draw = func(f chart.Frame, _ bool) string { return x.drawRegions(f, tiles) }
		return p
	}
	hidden := len(bars) - barsShown
	if hidden > 1 {
		p.less = x.N("analysis.by.more", hidden)
	}
	p.draw = func(f chart.Frame, page bool) string {
		shown := bars
		if page && hidden > 1 {
			shown = bars[:barsShown]
		}
		return chart.Bars(f, append(slices.Clone(shown), rest))
	}
	return p
}

// codeName is the label of a code of a breakdown.
func (x *analysed) codeName(b registry.Breakdown, code string) string {
	switch {
	case b.Facet == "region":
		return x.regionName(code)
	case b.Facet == "child" && code == "yes":
		return x.T("analysis.children")
	case b.Facet == "child" && code == "no":
		return x.T("analysis.adults")
	}
	return x.label(b.List, code)
}

// drawRegions draws the regions on the installation's own map, or as tiles.
func (x *analysed) drawRegions(f chart.Frame, tiles []chart.Tile) string {
	if x.own.there {
		return chart.Areas(f, x.own.drawing.Width, x.own.drawing.Height, areas(x.own.drawing, tiles, registry.Regions{}))
	}
	return chart.Tiles(f, tilePlaces(x.book), tiles)
}
