// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"html/template"
	"net/url"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// outsideRegister is what the pages about what others said ask of the registry.
type outsideRegister interface {
	Comparison(ctx context.Context, s *access.Session, q registry.ComparisonQuery) (registry.Comparison, error)
	Commitments(ctx context.Context, s *access.Session, c registry.Clock) (registry.Commitments, error)
	Said(ctx context.Context, s *access.Session, kind, id string, c registry.Clock) (registry.SaidView, error)
}

func (s *server) outsideRoutes() []route {
	return []route{
		{"GET /outside", s.signed(s.outside)},
		{"GET /outside/{record}", s.signed(s.outsideOne)},
		{"GET /commitments", s.signed(s.commitments)},
		{"GET /commitments/{record}", s.signed(s.commitment)},
		{"GET /followed/{record}", s.signed(s.followed)},
	}
}

// saidLink leads to a record of what others said.
type saidLink struct{ Text, Href, Kind string }

// saidName is what somebody said, in a line.
func (v *voice) saidName(rec registry.OutsideRecord) string {
	says := cmp.Or(v.says(rec), first(rec.Fields, "quote"))
	if rec.Kind == "official_figure" {
		return join([]string{v.outsideValue(rec), cmp.Or(says, v.label("indicator", first(rec.Fields, "indicator")))})
	}
	return cmp.Or(says, v.kind(rec.Kind)+" "+short(rec.ID))
}

// saidBy is who said it.
func (v *voice) saidBy(rec registry.OutsideRecord) string {
	return cmp.Or(v.who(rec, "by"), v.label("figure_source", first(rec.Fields, "source_kind")))
}

// note is a field that may be written in three languages.
func (v *voice) note(f casefile.Fields, field string) string {
	return cmp.Or(first(f, field+"_"+v.Code()), first(f, field))
}

// besideText is one of our figures beside somebody else's, in words.
type besideText struct {
	Ours, OursLabel, Cases string // empty: none stands beside it
	Gap, Share             string
	Then                   string   // what was known on that day, where it was something else
	Compares               []string // how far the two can be compared, and why
	Differs                []string // in what they differ, in short
}

// besideOf says how one of ours stands beside one of theirs.
func (v *visit) besideOf(f registry.OutsideFigure, known string, verified bool) besideText {
	if !f.Beside() {
		return besideText{}
	}
	def, _ := v.reg.Rules().Figure(f.Ours)
	out := besideText{Ours: v.ourValue(f, f.Now), OursLabel: v.in(def.Label), Gap: v.gap(f, f.Now)}
	out.Cases = link("/cases", "figure", f.Ours, "scope", coalition, "as_of", f.Day.String(), "known_by", known, "verified", v.verifiedParam(verified))
	if f.Now.Share >= 0 && f.Now.Gap != 0 {
		out.Share = v.T("outside.share", v.Percent(f.Now.Share, 1000))
	}
	if f.Then != f.Now {
		out.Then = v.T("outside.then", v.ourValue(f, f.Then))
		if f.Then.None {
			out.Then = v.T("outside.then.none")
		}
	}
	out.Compares, out.Differs = v.compares(f)
	return out
}

// ourValue writes ours as theirs is written: as a number, or as a share.
func (v *voice) ourValue(f registry.OutsideFigure, b registry.Beside) string {
	if f.Share {
		return v.Percent(b.Value, b.Base)
	}
	return v.Number(b.Value)
}

// gap writes how far theirs is from ours.
func (v *voice) gap(f registry.OutsideFigure, b registry.Beside) string {
	n, key := b.Gap, "outside.gap.more"
	switch {
	case n == 0:
		return v.T("outside.gap.same")
	case n < 0:
		n, key = -n, "outside.gap.less"
	}
	if f.Share {
		return v.T(key, v.N("outside.points", n))
	}
	return v.T(key, v.Number(n))
}

// compares are plain sentences of how far theirs and ours can be compared, and
// those of them that say in what they differ.
func (v *voice) compares(f registry.OutsideFigure) (all, differ []string) {
	for _, code := range f.Record.Fields["compares"] {
		if key := "outside.compares." + code; v.Has(key) {
			all = append(all, v.T(key))
			if code != "same" {
				differ = append(differ, v.T(key))
			}
		}
	}
	if note := v.note(f.Record.Fields, "compares_note"); note != "" {
		all = append(all, note)
	}
	if len(all) == 0 {
		all = append(all, v.T("outside.compares.none"))
	}
	return all, differ
}

type outsideBody struct {
	Clock       clockForm
	Theirs, Own outsideTable // what others said, and what the coalition itself has published
	New         string
	Last        string // from what state of the ledger ours were counted
}

// outsideTable are figures in one table.
type outsideTable struct {
	Beside bool // one of ours stands beside one of them
	Groups []outsideGroup
}

// outsideGroup are the figures of one thing that is counted, the latest first.
type outsideGroup struct {
	Name string
	Rows []outsideRow
}

type outsideRow struct {
	Href, What, By, Kind, Day, Published, Value string
	Old                                         bool // a later figure replaces it
	besideText
}

// outside are the figures of others, by what they count.
func (s *server) outside(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	source, verified := q.Get("source"), q.Get("verified") != ""
	found, err := s.reg.Comparison(v.r.Context(), v.session, registry.ComparisonQuery{Clock: at.Clock, Verified: verified})
	if err != nil {
		return err
	}
	body := outsideBody{Clock: v.clockForm(at), Last: join([]string{v.N("ledger.foot", int(found.Entries)), v.T("ledger.root", short(found.Root)+"…")})}
	body.Clock.Selects = []selectField{v.sources(found.Figures, source), v.verifiedOnly(verified)}
	body.Clock.Reset = link("/outside", "source", source, "verified", v.verifiedParam(verified))
	if s.mayWriteOutside(v, "official_figure") {
		body.New = "/outside/new"
	}
	var order []string // of what is counted, as the codebook has it
	if list, ok := v.book.List("indicator"); ok {
		for _, c := range list.Codes {
			order = append(order, c.Code)
		}
	}
	theirs, own := map[string][]registry.OutsideFigure{}, map[string][]registry.OutsideFigure{}
	for _, f := range found.Figures {
		if source != "" && first(f.Record.Fields, "source_kind") != source {
			continue
		}
		id := first(f.Record.Fields, "indicator")
		if !slices.Contains(order, id) {
			order = append(order, id)
		}
		into := theirs
		if first(f.Record.Fields, "by_body") == coalition {
			into = own
		}
		into[id] = append(into[id], f)
	}
	body.Theirs, body.Own = v.outsideTable(order, theirs, at, verified), v.outsideTable(order, own, at, verified)
	return s.show(v, "outside", v.T("outside.title"), body)
}

// sources are the kinds of sources to choose from.
func (v *visit) sources(figures []registry.OutsideFigure, chosen string) selectField {
	field := selectField{Name: "source", Label: v.T("outside.source"), Options: []option{{"", v.T("outside.source.all"), chosen == ""}}}
	seen := map[string]bool{"": true}
	for _, f := range figures {
		code := first(f.Record.Fields, "source_kind")
		if !seen[code] {
			seen[code] = true
			field.Options = append(field.Options, option{code, v.label("figure_source", code), code == chosen})
		}
	}
	return field
}

func (v *visit) outsideTable(order []string, by map[string][]registry.OutsideFigure, at clock, verified bool) outsideTable {
	var t outsideTable
	for _, id := range order {
		figures := by[id]
		if len(figures) == 0 {
			continue
		}
		g := outsideGroup{Name: cmp.Or(v.label("indicator", id), v.T("outside.other"))}
		slices.SortStableFunc(figures, func(a, b registry.OutsideFigure) int { return cmp.Compare(b.Day, a.Day) })
		for _, f := range figures {
			row := v.outsideRow(f, at, verified)
			t.Beside = t.Beside || row.Ours != ""
			g.Rows = append(g.Rows, row)
		}
		t.Groups = append(t.Groups, g)
	}
	return t
}

func (v *visit) outsideRow(f registry.OutsideFigure, at clock, verified bool) outsideRow {
	rec := f.Record
	row := outsideRow{
		Href: at.link(outsidePath(rec.Kind, rec.ID), "verified", v.verifiedParam(verified)), Value: v.outsideValue(rec), By: v.saidBy(rec),
		What: cmp.Or(v.says(rec), first(rec.Fields, "quote"), v.label("indicator", first(rec.Fields, "indicator")), v.kind(rec.Kind)), Kind: v.label("figure_source", first(rec.Fields, "source_kind")),
		Day: v.day(f.Day), Old: f.Next != "", besideText: v.besideOf(f, at.knownBy, verified),
	}
	if row.Kind == row.By {
		row.Kind = ""
	}
	if !rec.Date.IsZero() && first(rec.Fields, "as_of") != "" {
		row.Published = v.T("outside.published", rec.Date)
	}
	return row
}

// gapChart draws theirs, ours and what lies between; nothing where there are
// not two days to compare.
func (v *visit) gapChart(id string, figures []registry.OutsideFigure) template.HTML {
	theirs, ours, gap := chart.Series{Label: v.T("outside.theirs")}, chart.Series{Label: v.T("outside.ours")}, chart.Series{Label: v.T("outside.gap")}
	days := map[edtf.Day]bool{}
	for _, f := range figures {
		if f.Day == 0 {
			continue
		}
		days[f.Day] = true
		theirs.Points = append(theirs.Points, chart.Point{Day: f.Day, Value: f.Value})
		if f.Beside() {
			n := f.Now.Gap
			ours.Points = append(ours.Points, chart.Point{Day: f.Day, Value: f.Value - n})
			gap.Points = append(gap.Points, chart.Point{Day: f.Day, Value: max(n, -n)})
		}
	}
	if len(days) < 2 {
		return ""
	}
	lines := []chart.Series{theirs}
	if len(ours.Points) > 0 {
		lines = append(lines, ours, gap)
	}
	frame := chart.Frame{ID: id, Title: v.T("outside.chart"), Desc: v.T("outside.chart.desc"), Number: v.Number, Day: v.DayShort}
	return template.HTML(chart.Line(frame, lines)) //nolint:gosec // the chart escapes every text it is given
}

// saidBody is what the pages of all that others said have.
type saidBody struct {
	Kind, Title, Line, Back, BackText string
	Saved, Gone                       bool
	Quote, QuoteLang                  string // the exact words, and the language they are in
	Locus, Retrieved                  string
	Source                            valueText
	Values                            []fieldView
	Entered, Changed                  string
	History                           []changeView
	Edit, Withdraw                    string
}

// saidPage reads what the page of any record of what others said shows.
func (s *server) saidPage(v *visit, kind string, at clock) (saidBody, registry.SaidView, error) {
	view, err := s.reg.Said(v.r.Context(), v.session, kind, v.r.PathValue("record"), at.Clock)
	if err != nil {
		return saidBody{}, view, err
	}
	k, ok := v.book.Kind(kind)
	if !ok {
		return saidBody{}, view, registry.ErrNotFound
	}
	rec := view.Record
	c := newCaseReader(v, registry.CaseView{Outside: view.Named})
	shown := c.record(k, rec)
	body := saidBody{
		Kind: v.in(k.Label), Title: cmp.Or(v.note(rec.Fields, "says"), first(rec.Fields, "quote"), v.in(k.Label)),
		Saved: v.r.URL.Query().Get("saved") != "", Gone: rec.Withdrawn,
		Quote: first(rec.Fields, "quote"), QuoteLang: quoteLang(first(rec.Fields, "quote_lang")),
		Locus: first(rec.Fields, "locus"), Values: shown.Values, Entered: shown.Entered, Changed: shown.Changed,
	}
	if d, err := edtf.Parse(first(rec.Fields, "retrieved")); err == nil && !d.IsZero() {
		body.Retrieved = v.T("outside.retrieved", d)
	}
	if id := first(rec.Fields, "publication"); id != "" {
		body.Source = c.names(id)
	}
	if len(rec.History) > 1 {
		body.History = c.history(k, rec.History)
	}
	if view.May {
		path := outsidePath(kind, rec.ID)
		body.Edit = path + "/edit"
		if !rec.Withdrawn {
			body.Withdraw = path + "/withdraw"
		}
	}
	return body, view, nil
}

// quoteLang is the language of the exact words as a page says it to a screen
// reader; empty: not recorded, or not one that has a code of two letters.
func quoteLang(code string) string {
	if len(code) == 2 {
		return code
	}
	return ""
}

type outsideOneBody struct {
	saidBody
	Clock                                clockForm
	By, SourceKind, Day, Published       string
	Value                                string
	Beside                               besideText
	Series                               []outsideRow
	HasBeside                            bool
	Chart                                template.HTML
	Next                                 valueText // the later figure that replaces it
	Later                                string    // the form of a later figure of the same
	AsKnown, Counted, Unreviewed, Figure string
}

// outsideOne is the page of one figure.
func (s *server) outsideOne(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	verified := v.r.URL.Query().Get("verified") != ""
	said, view, err := s.saidPage(v, "official_figure", at)
	if err != nil {
		return err
	}
	rec := view.Record
	body := outsideOneBody{saidBody: said, Clock: v.clockForm(at)}
	body.Back, body.BackText = at.link("/outside"), v.T("outside.title")
	body.Clock.Selects = []selectField{v.verifiedOnly(verified)}
	body.Clock.Reset = link(v.r.URL.EscapedPath(), "verified", v.verifiedParam(verified))
	here := registry.OutsideRecord{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, Date: rec.Date, At: rec.At}
	body.By, body.SourceKind, body.Value = v.saidBy(here), v.label("figure_source", first(rec.Fields, "source_kind")), v.outsideValue(here)
	body.Line = join([]string{body.By, v.Date(rec.Date)})
	if view.May {
		body.Later = laterForm(here)
	}
	if rec.Withdrawn || rec.Counts > at.AsOf { // as of that day it was not there
		return s.show(v, "outside-figure", body.Kind, body)
	}
	found, err := s.reg.Comparison(v.r.Context(), v.session, registry.ComparisonQuery{Figure: rec.ID, Clock: at.Clock, Verified: verified})
	if err != nil {
		return err
	}
	for i, f := range found.Figures {
		if f.Record.ID != rec.ID {
			continue
		}
		body.Day = v.day(f.Day)
		body.Beside = v.besideOf(f, at.knownBy, verified)
		for _, other := range found.Figures {
			if other.Record.ID == f.Next {
				body.Next = valueText{v.saidName(other.Record), at.link(outsidePath(other.Record.Kind, other.Record.ID))}
			}
		}
		if f.Beside() {
			def, _ := v.reg.Rules().Figure(f.Ours)
			body.Figure = v.in(def.Help)
		}
		if len(found.Figures) > 1 {
			body.Chart = v.gapChart("gap-"+strconv.Itoa(i), found.Figures)
		}
	}
	if len(found.Figures) > 1 {
		for _, f := range found.Figures {
			row := v.outsideRow(f, at, verified)
			if f.Record.ID == rec.ID {
				row.Href = ""
			}
			body.HasBeside = body.HasBeside || row.Ours != ""
			body.Series = append(body.Series, row)
		}
	}
	return s.show(v, "outside-figure", body.Kind, body)
}

// laterForm is the address of the form of a later figure of the same source
// for the same thing: what is the same is filled in.
func laterForm(rec registry.OutsideRecord) string {
	q := url.Values{fieldPrefix + "supersedes": {rec.ID}}
	for _, field := range []string{"indicator", "unit", "source_kind", "by", "by_body", "says", "says_ru", "says_kk", "part_of", "beside", "compares", "compares_note", "compares_note_ru", "compares_note_kk"} {
		if values := rec.Fields[field]; len(values) > 0 {
			q[fieldPrefix+field] = values
		}
	}
	return address(outsideBase(rec.Kind)+"/new", q)
}
