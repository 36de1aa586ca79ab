// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/sheet"
)

// breakdownAnswer is `kua figures --by FACET --json`, a contract with scripts.
type breakdownAnswer struct {
	AsOf     string       `json:"as_of"`
	KnownBy  string       `json:"known_by,omitempty"`
	Scope    string       `json:"scope"`
	Verified bool         `json:"verified,omitempty"`
	Entries  uint64       `json:"entries"`
	Root     string       `json:"root"`
	Figure   string       `json:"figure"`
	Value    int          `json:"value"`
	By       string       `json:"by"`
	Many     bool         `json:"many,omitempty"` // somebody stands in several cells: they add up to more than the figure
	Cells    []cellAnswer `json:"cells"`
	Rest     int          `json:"rest"` // in no cell: not recorded by that day, or not told
}

type cellAnswer struct {
	Code  string `json:"code"`
	Value int    `json:"value"`
	Label string `json:"label"`
}

// figuresBy answers how one figure breaks down.
func (p *program) figuresBy(ctx context.Context, reg *registry.Registry, s *access.Session, q registry.AnalysisQuery, by, lang string, asCSV bool) error {
	if _, ok := reg.Rules().Figure(q.Figure); !ok && q.Figure != "" {
		return usage("--figure: there is no figure %q; 'kua figures' shows them", q.Figure)
	}
	a, err := reg.Analysis(ctx, s, q)
	if err != nil {
		return err
	}
	answer, err := breakdownOf(a, by, reg.Book(), lang)
	if err != nil {
		return err
	}
	if p.json || asCSV {
		if err := reg.TakesOut(ctx, s, "figures", len(answer.Cells)+1); err != nil {
			return err
		}
	}
	switch {
	case p.json:
		return printJSON(p.out, answer)
	case asCSV:
		return p.breakdownCSV(answer)
	}
	if err := p.breakdownText(answer); err != nil {
		return err
	}
	p.countedFrom(a.Clock, a.Verified, a.Entries, a.Root)
	return nil
}

// breakdownOf finds a breakdown of an analysis.
func breakdownOf(a registry.Analysis, by string, book *codebook.Book, lang string) (breakdownAnswer, error) {
	var facets []string
	for _, b := range a.Breakdowns {
		if facets = append(facets, b.Facet); b.Facet != by {
			continue
		}
		answer := breakdownAnswer{
			AsOf: a.Clock.AsOf.String(), Scope: a.Scope, Verified: a.Verified, Entries: a.Entries, Root: a.Root,
			Figure: a.Figure, Value: a.Figures[a.Figure].Value, By: by, Many: b.Many, Cells: []cellAnswer{}, Rest: b.Rest,
		}
		if !a.Clock.KnownBy.IsZero() {
			answer.KnownBy = a.Clock.KnownBy.UTC().Format(time.RFC3339Nano)
		}
		for _, cell := range b.Cells {
			answer.Cells = append(answer.Cells, cellAnswer{cell.Code, cell.Value, book.Label(b.List, cell.Code, lang)})
		}
		return answer, nil
	}
	slices.Sort(facets)
	return breakdownAnswer{}, usage("--by: a figure is not broken down by %q, but by %s", by, strings.Join(facets, ", "))
}

// notTold is the row of those that are in no cell.
const notTold = "not recorded, or not told"

func (p *program) breakdownCSV(b breakdownAnswer) error {
	cases := "all"
	if b.Verified {
		cases = "verified"
	}
	out := sheet.Sheet{Head: []string{"figure", b.By, "value", "of", "label", "as_of", "known_by", "scope", "cases", "entries", "root"}}
	row := func(code string, value int, label string) {
		out.Rows = append(out.Rows, []any{b.Figure, code, value, b.Value, label, b.AsOf, b.KnownBy, b.Scope, cases, strconv.FormatUint(b.Entries, 10), b.Root})
	}
	for _, c := range b.Cells {
		row(c.Code, c.Value, c.Label)
	}
	row("", b.Rest, notTold)
	return sheet.CSV(p.out, out)
}

func (p *program) breakdownText(b breakdownAnswer) error {
	rows := [][]string{}
	for _, c := range b.Cells {
		rows = append(rows, []string{c.Code, strconv.Itoa(c.Value), c.Label})
	}
	if err := table(p.out, append(rows, []string{"", strconv.Itoa(b.Rest), notTold})); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "\n%s by %s: %d altogether.", b.Figure, b.By, b.Value)
	if b.Many {
		fmt.Fprint(p.out, " Some stand in several rows, so that these are more.")
	}
	return nil
}
