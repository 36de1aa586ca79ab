// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"html/template"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/registry"
)

// analysisRegister is what the page of the analysis asks of the registry.
type analysisRegister interface {
	Analysis(ctx context.Context, s *access.Session, q registry.AnalysisQuery) (registry.Analysis, error)
	TakesOut(ctx context.Context, s *access.Session, what string, n int) error
}

func (s *server) analysisRoutes() []route {
	return []route{
		{"GET /analysis", s.signed(s.analysis)},
		{"GET /analysis/{file}", s.signed(s.analysisFile)},
	}
}

// firstFigure is the figure that is followed where no other is chosen.
const firstFigure = "reports"

type analysisBody struct {
	Clock         clockForm
	Heading       string // the figure that is followed
	Caption       string // which cases, as of when, known when
	Figure        definitionText
	Value, Href   string // of the figure that is followed
	Limit         string // where only verified cases count
	Entries, Root string
	Way, Time     []analysisPart
	Waits         []analysisPart
	Breakdowns    []analysisPart
	AllHref       string // all tables as one workbook
	FiguresHref   string
	Empty         bool
}

type definitionText struct {
	Help, Unit, Source, Expr, ID string
	Unchecked                    bool
}

// analysisPart is a picture of the analysis with its table and what leaves as files.
type analysisPart struct {
	ID, Title, Lead string
	Facts           []analysisFact
	Gist            string
	Picture         template.HTML
	Notes           []string
	Table           analysisTable
	Files           []analysisFile
}

type analysisFact struct{ Name, Text, Href string }

// analysisFile is what a part leaves as; Of: its table, or its picture.
type analysisFile struct{ Href, Format, Of string }

// analysisTable has a table's numbers, as they are read and as programs take them.
type analysisTable struct {
	Head []string
	Rows []analysisRow
}

type analysisRow struct {
	Code  string // for programs: of a figure, of a list
	Name  string
	Cells []analysisCell
}

type analysisCell struct {
	Text, Href string
	Value      any // for programs: a text, an int or a float64
}

// analysed is an analysis with how it was asked for.
type analysed struct {
	*visit
	registry.Analysis
	at     clock
	chosen string // as the address has it
	scope  string // of what is counted, in words
	file   bool   // it leaves the register: there are no links
	own    ownMap
}

// analyse reads what an address asks for, and asks the registry.
func (s *server) analyse(v *visit) (*analysed, error) {
	at, err := v.clock()
	if err != nil {
		return nil, err
	}
	q := v.r.URL.Query()
	x := &analysed{visit: v, at: at, chosen: q.Get("figure"), scope: v.T("figures.scope.coalition")}
	x.Analysis, err = s.reg.Analysis(v.r.Context(), v.session, registry.AnalysisQuery{
		Clock: at.Clock, Scope: cmp.Or(q.Get("scope"), coalition), Verified: q.Get("verified") != "", Figure: cmp.Or(x.chosen, firstFigure),
	})
	if err != nil {
		return nil, err
	}
	if x.Scope != coalition {
		orgs, err := s.reg.Organisations(v.r.Context(), v.session)
		if err != nil {
			return nil, err
		}
		for _, o := range orgs {
			if o.ID == x.Scope {
				x.scope = o.Name
			}
		}
	}
	x.own.drawing, x.own.there, err = s.reg.OwnMap(v.r.Context(), v.session)
	return x, err
}

func (s *server) analysis(v *visit) error {
	x, err := s.analyse(v)
	if err != nil {
		return err
	}
	orgs, err := s.reg.Organisations(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	def, _ := s.reg.Rules().Figure(x.Figure)
	followed := x.Figures[x.Figure]
	body := analysisBody{
		Clock: v.clockForm(x.at), Heading: v.in(def.Label), Caption: join([]string{x.scope, v.clockWords(x.at)}),
		Figure: definitionText{v.in(def.Help), v.in(def.Unit), v.norm(def.Source), def.Expr, def.ID, unchecked(def.Conf)},
		Value:  v.Number(followed.Value), Href: x.cases(x.Figure),
		Entries: v.Number(int(x.Entries)), Root: x.Root, AllHref: x.fileHref(allParts, "xlsx"),
		FiguresHref: x.at.link("/figures", "scope", v.r.URL.Query().Get("scope"), "verified", v.verifiedParam(x.Verified)),
		Empty:       x.Figures[firstFigure].Value == 0,
	}
	scopes := selectField{Name: "scope", Label: v.T("figures.scope"), Options: []option{{"", v.T("figures.scope.coalition"), x.Scope == coalition}}}
	for _, o := range sorted(v.voice, orgs, func(o registry.Org) string { return o.Name }) {
		scopes.Options = append(scopes.Options, option{o.ID, o.Name, o.ID == x.Scope})
	}
	body.Clock.Selects = []selectField{x.figures(), scopes, v.verifiedOnly(x.Verified)}
	body.Clock.Reset = link("/analysis", "scope", v.r.URL.Query().Get("scope"), "figure", x.chosen, "verified", v.verifiedParam(x.Verified))
	if x.Verified {
		body.Caption, body.Limit = join([]string{body.Caption, v.T("figures.cases.verified")}), v.T("figures.verified.note")
	}
	for _, p := range x.parts() {
		part := x.shown(p)
		switch p.group {
		case wayParts:
			body.Way = append(body.Way, part)
		case timeParts:
			body.Time = append(body.Time, part)
		case waitParts:
			body.Waits = append(body.Waits, part)
		default:
			body.Breakdowns = append(body.Breakdowns, part)
		}
	}
	return s.show(v, "analysis", v.T("analysis.title"), body)
}

// figures are those that can be followed: all but the links of the way.
func (x *analysed) figures() selectField {
	field := selectField{Name: "figure", Label: x.T("analysis.figure")}
	for _, def := range x.reg.Rules().Figures() {
		if here := def.ID == x.Figure; here || !slices.Equal(def.Sets, []string{flowFigures}) {
			field.Options = append(field.Options, option{def.ID, x.in(def.Label), here})
		}
	}
	return field
}

// cases is the address of the list behind a figure, with further parameters; none in what leaves the register.
func (x *analysed) cases(figure string, pairs ...string) string {
	if x.file {
		return ""
	}
	return x.at.link("/cases", append(pairs, "figure", figure, "scope", x.Scope, "verified", x.verifiedParam(x.Verified))...)
}

// fileHref is the address of a part as a file.
func (x *analysed) fileHref(part, format string) string {
	return x.at.link("/analysis/"+part+"."+format, "scope", x.r.URL.Query().Get("scope"), "figure", x.chosen, "verified", x.verifiedParam(x.Verified))
}

// shown is a part as the page has it.
func (x *analysed) shown(p part) analysisPart {
	out := analysisPart{ID: p.id, Title: p.title, Facts: p.facts, Gist: p.gist, Notes: p.notes, Table: p.table}
	if p.less != "" {
		out.Notes = append(slices.Clone(p.notes), p.less)
	}
	if p.group == wayParts || p.group == timeParts { // of the others the page says it once
		out.Lead = p.lead
	}
	formats := []string{"csv", "xlsx"}
	if p.draw != nil {
		drawn := p.draw(x.frame(p), true)
		out.Picture = template.HTML(drawn) //nolint:gosec // the chart escapes every text it is given
		formats = append(formats, "svg", "png")
	}
	for _, format := range formats {
		of := "analysis.of.table"
		if format == "svg" || format == "png" {
			of = "analysis.of.picture"
		}
		out.Files = append(out.Files, analysisFile{x.fileHref(p.id, format), strings.ToUpper(format), x.T(of)})
	}
	return out
}

// phoneWidth is that of a picture in a card on a phone of 360, so that its
// smallest text is not scaled down there.
const phoneWidth = 300

func (x *analysed) frame(p part) chart.Frame {
	return chart.Frame{Width: phoneWidth, ID: "chart-" + p.id, Title: p.title, Desc: p.lead, Number: x.Number, Share: x.Percent, Day: x.Day}
}
