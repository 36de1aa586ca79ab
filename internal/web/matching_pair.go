// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"html/template"
	"math"
	"net/http"
	"slices"
	"unicode"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/linkage"
	"github.com/kua-registry/kua/internal/registry"
)

type pairBody struct {
	Done, Problem   string
	Undo            *undoForm // of what was decided before
	A, B, Between   string
	Numbers         [2]linkText
	Orgs            [2]string
	Lead            string
	How, Chance     string
	Rows            []pairRow
	Closed          bool // what could name somebody is not shown
	Picture         template.HTML
	Weights         template.HTML // the table
	NotCompared     string
	With            []pairWith
	Weak            []weakLine
	Notes           []noteLine
	Apart, Together bool
	Decision        *pairDecision
	Reason          string
	Next, QueueHref string
}

type linkText struct{ Text, Href string }

type undoForm struct{ Said, ID, Was, Between string }

type pairDecision struct{ ID, Text, Who, Reason string }

// pairRow is one thing that is compared, side by side.
type pairRow struct {
	Label     string
	A, B      []pieces
	How, Says string // how alike it is, and what that says
}

// pieces are a value in parts, each of which stands on the other side too or does not.
type pieces []piece

type piece struct {
	Text    string
	Differs bool
}

type pairWith struct {
	Of    string
	Cases []linkText
}

type weakLine struct {
	A, B linkText
	How  string
}

type noteLine struct {
	Text, Who, Reason string
	Other             linkText
}

// pairSaid is what a form was not taken with.
type pairSaid struct{ problem, reason string }

// pair shows two cases side by side.
func (s *server) pair(v *visit) error {
	q := v.r.URL.Query()
	return s.showPair(v, q.Get("a"), q.Get("b"), q.Get("between"), pairSaid{})
}

func (s *server) showPair(v *visit, a, b, between string, said pairSaid) error {
	view, err := s.reg.Match(v.r.Context(), v.session, a, b, between)
	if errors.Is(err, registry.ErrNotFound) {
		return s.pairGone(v)
	}
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	body := pairBody{
		Problem: said.problem, Reason: said.reason, A: view.A.Row.ID, B: view.B.Row.ID, Between: between,
		Numbers: [2]linkText{v.caseLink(view.A.Row), v.caseLink(view.B.Row)}, Orgs: [2]string{view.A.Row.OrgName, view.B.Row.OrgName},
		Lead: v.N("matching.left", view.Open), Closed: !view.Values, Apart: view.Apart, Together: view.Together && view.Decision == nil,
		QueueHref: link("/matching", "between", between),
	}
	if view.Proposed {
		body.How, body.Chance = v.likely(view.Probability), v.T("matching.chance", v.chance(view.Probability))
	} else {
		body.How = v.T("matching.unproposed")
	}
	if view.Next != [2]string{} {
		body.Next = pairLink(view.Next[0], view.Next[1], between)
	}
	switch done := q.Get("done"); done {
	case "undone", "later":
		body.Done = v.T("matching.done." + done)
	case "same", "different":
		body.Undo = &undoForm{v.T("matching.done." + done), q.Get("decision"), q.Get("was"), between}
	}
	if v.r.Method == http.MethodPost {
		body.Done, body.Undo = "", nil
	}
	if d := view.Decision; d != nil {
		text, _, who := v.verdict(*d)
		body.Decision = &pairDecision{d.ID, text, who, d.Reason}
	}
	body.Rows = v.pairRows(view)
	if len(view.Fields) > 0 {
		body.Picture, body.Weights, body.NotCompared = v.pairWeights(view)
	}
	for _, side := range []registry.MatchSide{view.A, view.B} {
		with := pairWith{Of: side.Row.Number}
		for _, row := range side.With {
			with.Cases = append(with.Cases, v.caseLink(row))
		}
		if len(with.Cases) > 0 {
			body.With = append(body.With, with)
		}
		for _, n := range side.Decisions {
			text, _, who := v.verdict(n.MatchDecision)
			body.Notes = append(body.Notes, noteLine{join([]string{side.Row.Number, text}), who, n.Reason, v.caseLink(n.Other)})
		}
	}
	for _, w := range view.Weak {
		how := v.T("matching.weak.none")
		if w.Probability > 0 {
			how = v.chance(w.Probability)
		}
		body.Weak = append(body.Weak, weakLine{v.caseLink(w.A), v.caseLink(w.B), how})
	}
	return s.show(v, "matching-pair", v.T("matching.pair.title"), body)
}

func (v *visit) caseLink(r registry.Row) linkText { return linkText{caseName(r), casePath(r)} }

// comparedFields are what is compared, in the order in which it is shown, with
// the code list of its values.
var comparedFields = []struct{ id, list string }{
	{"family", ""}, {"given", ""}, {"patronymic", ""}, {"full_name", ""}, {"other_names", ""}, {"sex", "sex"}, {"birth", "date"},
	{"region", "region"}, {"incident", "date"}, {"place_type", "place_type"}, {"methods", "method"}, {"register_no", ""}, {"complaint", "date"},
}

// pairRows are what is known of both cases, side by side. What neither has is left out.
func (v *visit) pairRows(view registry.MatchView) []pairRow {
	weights := map[string]linkage.FieldWeight{}
	for _, f := range view.Fields {
		weights[f.Field] = f
	}
	var rows []pairRow
	for _, f := range comparedFields {
		a, b := v.compared(f.list, view.A.Values[f.id]), v.compared(f.list, view.B.Values[f.id])
		w, weighed := weights[f.id]
		if len(a) == 0 && len(b) == 0 && (view.Values || !weighed || w.Level == "missing") {
			continue
		}
		row := pairRow{Label: v.T("matching.field." + f.id)}
		if len(a) > 0 && len(b) > 0 {
			row.A, row.B = differing(a, b, f.list == ""), differing(b, a, f.list == "")
		} else {
			row.A, row.B = alone(a), alone(b)
		}
		if weighed {
			row.How = linkage.LevelText(w.Level, v.Code())
			if w.Level != "missing" {
				row.Says = v.speaks(w.Weight)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// compared writes the values of a field.
func (v *visit) compared(list string, values []string) []string {
	var out []string
	for _, value := range values {
		switch list {
		case "":
		case "region":
			value = v.regionName(value)
		case "date":
			if d, err := edtf.Parse(value); err == nil {
				value = v.Date(d)
			}
		default:
			value = v.label(list, value)
		}
		out = append(out, value)
	}
	return out
}

// speaks says in words what a weight says: two bits make the odds four times as good.
func (v *visit) speaks(w float64) string {
	key := "nothing"
	switch size := math.Abs(w); {
	case size >= 6:
		key = "much"
	case size >= 2:
		key = "some"
	case size >= 0.5:
		key = "little"
	}
	if key != "nothing" {
		if w > 0 {
			key += ".for"
		} else {
			key += ".against"
		}
	}
	return v.T("matching.speaks." + key)
}

// pairWeights draws why, field by field. What is not known on one side says
// nothing, and is named below.
func (v *visit) pairWeights(view registry.MatchView) (picture, table template.HTML, missing string) {
	var weights []chart.Weight
	var without []string
	sum := 0.0
	for _, f := range view.Fields {
		label := v.T("matching.field." + f.Field)
		if f.Level == "missing" {
			without = append(without, label)
			continue
		}
		w := chart.Weight{Label: label, Words: v.speaks(f.Weight), Value: f.Weight, Text: v.signed(f.Weight)}
		if f.Field != "prior" {
			w.Words = join([]string{linkage.LevelText(f.Level, v.Code()), w.Words})
		} else {
			w.Words = v.T("matching.prior.words")
		}
		weights = append(weights, w)
		sum += f.Weight
	}
	weights = append(weights, chart.Weight{Label: v.T("matching.total"), Words: join([]string{v.likely(view.Probability), v.chance(view.Probability)}), Text: v.signed(sum), Sum: true})
	f := chart.Frame{ID: "chart-weights", Title: v.T("matching.why"), Desc: v.T("matching.why.desc"), Width: phoneWidth}
	if len(without) > 0 {
		missing = v.T("matching.missing", v.List(without))
	}
	head := [3]string{v.T("matching.table.what"), v.T("matching.table.how"), v.T("matching.table.weight")}
	return template.HTML(chart.Weights(f, weights)), template.HTML(chart.WeightsTable(f, head, weights).HTML()), missing //nolint:gosec // the chart escapes every text it is given
}

// signed writes a weight with its sign.
func (v *visit) signed(w float64) string {
	text := v.Decimal(math.Abs(w), 1)
	switch {
	case w >= 0.05:
		return "+" + text
	case w <= -0.05:
		return "−" + text
	}
	return text
}

// alone are values of which the other side has none.
func alone(values []string) []pieces {
	var out []pieces
	for _, v := range values {
		out = append(out, pieces{{Text: v}})
	}
	return out
}

// differing takes values apart by what the other side does not have: whole values,
// or of what was written by hand the letters, where a value of the other side is
// much the same. Of two scripts the letters are not compared: they all differ, and say nothing.
func differing(values, other []string, letters bool) []pieces {
	var out []pieces
	for _, value := range values {
		if slices.Contains(other, value) {
			out = append(out, pieces{{Text: value}})
			continue
		}
		if !letters {
			out = append(out, pieces{{Text: value, Differs: true}})
			continue
		}
		best, length, foreign := []bool(nil), 0, false
		for _, o := range other {
			if script(value) != script(o) {
				foreign = true
				continue
			}
			if common, n := inCommon([]rune(value), []rune(o)); n > length || best == nil {
				best, length = common, n
			}
		}
		runes := []rune(value)
		switch {
		case best == nil && foreign:
			out = append(out, pieces{{Text: value}})
		case best == nil || 2*length < len(runes):
			out = append(out, pieces{{Text: value, Differs: true}})
		default:
			var p pieces
			for i, r := range runes {
				if n := len(p); n > 0 && p[n-1].Differs == !best[i] {
					p[n-1].Text += string(r)
					continue
				}
				p = append(p, piece{string(r), !best[i]})
			}
			out = append(out, p)
		}
	}
	return out
}

// script is that of the first letter of a text; empty: it has none.
func script(s string) string {
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Cyrillic, r):
			return "Cyrillic"
		case unicode.Is(unicode.Latin, r):
			return "Latin"
		case unicode.Is(unicode.Arabic, r):
			return "Arabic"
		}
	}
	return ""
}

// mostLetters of a value are compared: no name and no date is longer.
const mostLetters = 200

// inCommon tells which letters of a stand in b, too, in the same order, and how many.
func inCommon(a, b []rune) (in []bool, n int) {
	in = make([]bool, len(a))
	if len(a) > mostLetters || len(b) > mostLetters {
		return in, 0
	}
	fold := func(r rune) rune { return unicode.ToLower(r) }
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if fold(a[i]) == fold(b[j]) {
				longest[i][j] = max(longest[i][j], longest[i+1][j+1]+1)
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case fold(a[i]) == fold(b[j]) && longest[i][j] == longest[i+1][j+1]+1:
			in[i] = true
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return in, longest[0][0]
}
