// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/sheet"
)

// figuresAnswer is `kua figures --json`, a contract with scripts.
type figuresAnswer struct {
	AsOf     string                  `json:"as_of"`
	KnownBy  string                  `json:"known_by,omitempty"`
	Scope    string                  `json:"scope"`
	Verified bool                    `json:"verified,omitempty"` // only cases whose last verdict is that they are verified
	Entries  uint64                  `json:"entries"`
	Root     string                  `json:"root"`
	Figures  map[string]figureAnswer `json:"figures"`
}

type figureAnswer struct {
	Value int    `json:"value"`
	Base  *int   `json:"base,omitempty"`
	Of    string `json:"of,omitempty"`
	Label string `json:"label"`
}

func (p *program) figuresCommand() *cobra.Command {
	var clock clockFlags
	var set, scope, lang, by, figure string
	var asCSV, verified bool
	cmd := &cobra.Command{
		Use:   "figures",
		Short: "Count: as of a day, as known by a moment",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case by != "" && set != "":
				return usage("--by and --set: one figure is broken down, a set is listed")
			case by == "" && figure != "":
				return usage("--figure needs --by: what is it to be broken down by?")
			}
			at, err := p.clock(clock)
			if err != nil {
				return err
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if scope != "" && scope != "coalition" {
				org, ok := reg.Organisation(cmd.Context(), scope)
				if !ok {
					return fmt.Errorf("--org: there is no organisation %q; 'kua org list' shows them", scope)
				}
				scope = org.ID
			}
			if by != "" {
				return p.figuresBy(cmd.Context(), reg, session, registry.AnalysisQuery{Clock: at, Scope: scope, Verified: verified, Figure: figure}, by, lang, asCSV)
			}
			answer, err := reg.Figures(cmd.Context(), session, registry.FigureQuery{Clock: at, Scope: scope, Set: set, Verified: verified})
			if err != nil {
				return err
			}
			if p.json || asCSV {
				if err := reg.TakesOut(cmd.Context(), session, "figures", len(answer.Values)); err != nil {
					return err
				}
			}
			switch {
			case p.json:
				return printJSON(p.out, figuresJSON(answer, lang))
			case asCSV:
				return p.figuresCSV(answer, lang)
			}
			return p.figuresText(answer, lang)
		},
	}
	cmd.Flags().StringVar(&clock.asOf, "as-of", "", "facts up to the end of this `day` (2022-05-17); today where it is not given")
	cmd.Flags().StringVar(&clock.knownBy, "known-by", "", "entries up to this `moment`; all where it is not given")
	cmd.Flags().StringVar(&set, "set", "", "only the figures of this `set` (statement, way)")
	cmd.Flags().StringVar(&by, "by", "", "break one figure down by this `facet` (region, body, place_type, article, method, sex, child, age_band, stage)")
	cmd.Flags().StringVar(&figure, "figure", "", "the `figure` that --by breaks down; reports where it is not given")
	cmd.Flags().StringVar(&scope, "org", "", "only this `organisation`'s cases, by name or id; the coalition's where it is not given")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the labels: en, ru or kk")
	cmd.Flags().BoolVar(&verified, "verified", false, "count only cases whose last verdict, as known by the moment, is that they are verified")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print the answer as CSV")
	return cmd
}

func figuresJSON(t registry.FigureTable, lang string) figuresAnswer {
	answer := figuresAnswer{AsOf: t.Clock.AsOf.String(), Scope: t.Scope, Verified: t.Verified, Entries: t.Entries, Root: t.Root, Figures: map[string]figureAnswer{}}
	if !t.Clock.KnownBy.IsZero() {
		answer.KnownBy = t.Clock.KnownBy.UTC().Format(time.RFC3339Nano)
	}
	for _, v := range t.Values {
		def := t.Defs[v.ID]
		f := figureAnswer{Value: v.Value, Label: def.Label.In(lang)}
		if v.Base >= 0 {
			base := v.Base
			f.Base, f.Of = &base, def.Base
		}
		answer.Figures[v.ID] = f
	}
	return answer
}

func (p *program) figuresCSV(t registry.FigureTable, lang string) error {
	out := sheet.Sheet{Head: []string{"figure", "value", "base", "of", "as_of", "known_by", "entries", "root", "label", "cases"}}
	known, cases := "", "all"
	if t.Verified {
		cases = "verified"
	}
	if !t.Clock.KnownBy.IsZero() {
		known = t.Clock.KnownBy.UTC().Format(time.RFC3339Nano)
	}
	for _, v := range t.Values {
		var base, of any
		if v.Base >= 0 {
			base, of = v.Base, t.Defs[v.ID].Base
		}
		out.Rows = append(out.Rows, []any{v.ID, v.Value, base, of, t.Clock.AsOf.String(), known, strconv.FormatUint(t.Entries, 10), t.Root, t.Defs[v.ID].Label.In(lang), cases})
	}
	return sheet.CSV(p.out, out)
}

func (p *program) figuresText(t registry.FigureTable, lang string) error {
	rows := [][]string{}
	for _, v := range t.Values {
		if v.ID == "reports" && v.Value == 0 {
			fmt.Fprintf(p.err, "No case counts as of %s: a case counts from the day on which its report was received (received, of the report), and not while that is not known.\n", t.Clock.AsOf)
		}
		of := ""
		if v.Base >= 0 {
			of = fmt.Sprintf("of %d", v.Base)
		}
		rows = append(rows, []string{v.ID, strconv.Itoa(v.Value), of, t.Defs[v.ID].Label.In(lang)})
	}
	if err := table(p.out, rows); err != nil {
		return err
	}
	p.countedFrom(t.Clock, t.Verified, t.Entries, t.Root)
	return nil
}

// countedFrom says by which clocks and from which entries figures were counted.
func (p *program) countedFrom(c registry.Clock, verified bool, entries uint64, root string) {
	known := "all that is known"
	if !c.KnownBy.IsZero() {
		known = "known by " + c.KnownBy.UTC().Format(time.RFC3339)
	}
	if verified {
		fmt.Fprint(p.out, "\nOnly cases whose last verdict is that they are verified.")
	}
	fmt.Fprintf(p.out, "\nAs of %s, %s; counted from %d entries, root %s.\n", c.AsOf, known, entries, root)
}
