// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/estimate"
	"github.com/kua-registry/kua/internal/locale"
)

// estimateAnswer is `kua estimate --json`, a contract with scripts. Its first
// figures are those of the first method that has any; Methods has all.
type estimateAnswer struct {
	Kind       string                    `json:"kind"` // always "estimate": only Observed was reported
	Median     float64                   `json:"median"`
	Mean       float64                   `json:"mean"`
	Q          map[string]float64        `json:"q"`
	Observed   int                       `json:"observed"`
	Method     string                    `json:"method"`
	Warnings   []string                  `json:"warnings"`
	Codes      []string                  `json:"codes"` // of the warnings, in their order
	Methods    map[string]methodAnswer   `json:"methods"`
	Variants   []variantAnswer           `json:"variants,omitempty"`
	Strata     map[string]estimateAnswer `json:"strata,omitempty"`
	Sum        map[string]sumAnswer      `json:"strata_sum,omitempty"`     // of those that have an estimate, by method
	Without    []string                  `json:"strata_without,omitempty"` // those that have none
	Refused    string                    `json:"refused,omitempty"`        // no honest estimate exists, and why
	RefusedFor string                    `json:"refused_code,omitempty"`
}

type methodAnswer struct {
	Median float64            `json:"median"`
	Mean   float64            `json:"mean"`
	Q      map[string]float64 `json:"q"`
	Usable bool               `json:"usable"`
	Modes  []float64          `json:"modes,omitempty"`
	RHat   float64            `json:"rhat,omitempty"`
	Bulk   float64            `json:"ess_bulk,omitempty"`
	Tail   float64            `json:"ess_tail,omitempty"`
	Bound  int                `json:"bound,omitempty"`
	Half   float64            `json:"above_half_of_bound,omitempty"`
	Models []modelAnswer      `json:"models,omitempty"`
}

// sumAnswer is what the strata add up to: with its interval, always.
type sumAnswer struct {
	Median float64            `json:"median"`
	Q      map[string]float64 `json:"q"`
	Strata int                `json:"strata"`
}

type modelAnswer struct {
	Pairs  [][]string `json:"pairs"`
	N      float64    `json:"n,omitempty"`
	SE     float64    `json:"se,omitempty"`
	BIC    float64    `json:"bic,omitempty"`
	Weight float64    `json:"weight"`
	Low    float64    `json:"profile_low,omitempty"`
	High   float64    `json:"profile_high,omitempty"`
}

type variantAnswer struct {
	Method  string  `json:"method"`
	Other   string  `json:"other"`
	Median  float64 `json:"median,omitempty"`
	Low     float64 `json:"low,omitempty"`
	High    float64 `json:"high,omitempty"`
	Refused string  `json:"refused,omitempty"`
}

func (p *program) estimateCommand() *cobra.Command {
	var method, by, lang string
	var seed uint64
	var plain bool
	cmd := &cobra.Command{
		Use:   "estimate TABLE.csv",
		Short: "Estimate how many were never reported, from who is on which list",
		Long: `Estimate how many people there are in all, those on no list included, from a
table: a column of 0 and 1 for each list, and a last column 'count' of how many
people have that pattern. Without such a column each line is a person. - is
standard input.

Three methods answer side by side: latent classes (lcmcr), an average over
decomposable graphs (dga), log-linear models (loglinear). What is to be known of
the answer stands beneath it; where no honest one exists, it is refused.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			language, err := p.language(lang)
			if err != nil {
				return err
			}
			o := estimate.Options{Plain: plain, Chains: estimate.Chains{Seed: seed}}
			if method != "all" {
				if o.Methods = []estimate.Method{estimate.Method(method)}; !slices.Contains(estimate.Methods(), o.Methods[0]) {
					return usage("--method: %q is none of lcmcr, dga, loglinear, all", method)
				}
			}
			parts, all, err := p.lists(args[0], by)
			if err != nil {
				return err
			}
			e := &estimating{p, language, o}
			whole, _, err := e.run(all)
			if err != nil {
				return err
			}
			var reports []estimate.Report
			for _, part := range parts {
				answer, report, err := e.run(part.Table)
				if err != nil {
					return err
				}
				if reports = append(reports, report); answer.Refused != "" {
					whole.Without = append(whole.Without, part.Name)
				}
				if whole.Strata == nil {
					whole.Strata = map[string]estimateAnswer{}
				}
				whole.Strata[part.Name] = answer
			}
			for _, sum := range estimate.Sum(reports) {
				if whole.Sum == nil {
					whole.Sum = map[string]sumAnswer{}
				}
				whole.Sum[string(sum.Method)] = sumAnswer{round1(sum.Median), map[string]float64{"0.025": round1(sum.Low), "0.975": round1(sum.High)}, sum.Parts}
			}
			if p.json {
				err = printJSON(p.out, whole)
			} else {
				err = e.print(whole, parts, all)
			}
			if err == nil && whole.Refused != "" && !p.json {
				return errors.New(whole.Refused)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&method, "method", "all", "the `method`: lcmcr, dga, loglinear, or all")
	cmd.Flags().StringVar(&by, "by", "", "estimate each part of the population by itself, too: the `column` that names the parts")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of the chains: the same one gives the same answer")
	cmd.Flags().BoolVar(&plain, "plain", false, "leave out how the answer changes with a list left out and with other priors")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the answer: en, ru or kk")
	return cmd
}

// lists reads a table from a file.
func (p *program) lists(path, by string) ([]estimate.Stratum, estimate.Table, error) {
	in := p.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, estimate.Table{}, fmt.Errorf("%s can't be read: %w", path, errors.Unwrap(err))
		}
		defer f.Close()
		in = f
	}
	parts, all, err := estimate.ReadStrata(in, by)
	if err != nil {
		return nil, estimate.Table{}, fmt.Errorf("%s, %w", path, err)
	}
	return parts, all, nil
}

// estimating estimates and says what came of it, in a language.
type estimating struct {
	p *program
	l *locale.Language
	o estimate.Options
}

func (e *estimating) run(t estimate.Table) (estimateAnswer, estimate.Report, error) {
	answer := estimateAnswer{Kind: "estimate", Observed: t.Observed(), Warnings: []string{}, Codes: []string{}, Methods: map[string]methodAnswer{}}
	r, err := estimate.Run(t, e.o)
	if refused, ok := errors.AsType[*estimate.RefusedError](err); ok {
		answer.Refused, answer.RefusedFor = refused.Text(e.l), string(refused.Code)
		return answer, r, nil
	}
	if err != nil {
		return answer, r, err
	}
	for _, x := range r.Estimates {
		m := methodAnswer{Median: round1(x.Median), Mean: round1(x.Mean), Usable: x.Usable(), Bound: x.Bound, Half: x.AboveHalf,
			Q: map[string]float64{"0.025": round1(x.Low), "0.25": round1(x.Lower), "0.75": round1(x.Upper), "0.975": round1(x.High)}}
		if len(x.Modes) > 1 {
			for _, n := range x.Modes {
				m.Modes = append(m.Modes, math.Round(n))
			}
		}
		if x.Method == estimate.Latent {
			m.RHat, m.Bulk, m.Tail = x.Convergence.RHat, math.Round(x.Convergence.Bulk), math.Round(x.Convergence.Tail)
		}
		for _, model := range x.Models {
			one := modelAnswer{Pairs: [][]string{}, N: round1(model.N), SE: round1(model.SE), BIC: model.BIC, Weight: model.Weight}
			for _, pair := range model.Pairs {
				one.Pairs = append(one.Pairs, t.Names(pair))
			}
			if low, high, ok := t.Profile(model); ok {
				one.Low, one.High = round1(low), round1(high)
			}
			m.Models = append(m.Models, one)
		}
		for _, g := range x.Graphs {
			one := modelAnswer{Pairs: [][]string{}, N: g.Median, Weight: g.Weight}
			for _, pair := range g.Pairs {
				one.Pairs = append(one.Pairs, t.Names(pair))
			}
			m.Models = append(m.Models, one)
		}
		answer.Methods[string(x.Method)] = m
		if answer.Method == "" && m.Usable {
			answer.Method, answer.Median, answer.Mean, answer.Q = string(x.Method), m.Median, m.Mean, m.Q
		}
	}
	for _, v := range r.Variants {
		one := variantAnswer{Method: string(v.Method), Other: v.Text(e.l), Median: round1(v.Median), Low: round1(v.Low), High: round1(v.High)}
		if v.Refused != nil {
			one.Refused = v.Refused.Text(e.l)
		}
		answer.Variants = append(answer.Variants, one)
	}
	for _, f := range r.Findings {
		answer.Warnings, answer.Codes = append(answer.Warnings, f.Text(e.l)), append(answer.Codes, string(f.Code))
	}
	return answer, r, nil
}

// round1 keeps one place: more would tell of a precision that is not there.
func round1(x float64) float64 { return math.Round(x*10) / 10 }

// print writes the answer for people: what it rests on first.
func (e *estimating) print(a estimateAnswer, parts []estimate.Stratum, all estimate.Table) error {
	out := e.p.out
	fmt.Fprintf(out, "%s\n%s\n\n", e.l.T("estimate.assumes"), e.l.T("estimate.never"))
	if err := e.lists(all); err != nil {
		return err
	}
	if err := e.one(out, a, ""); err != nil {
		return err
	}
	for _, part := range parts {
		if err := e.one(out, a.Strata[part.Name], part.Name); err != nil {
			return err
		}
	}
	return e.sums(a, parts)
}

// sums writes what the parts add up to beside all together, and why the two differ.
func (e *estimating) sums(a estimateAnswer, parts []estimate.Stratum) error {
	if len(a.Sum) == 0 {
		return nil
	}
	fmt.Fprintf(e.p.out, "\n%s\n%s\n", e.l.T("estimate.sums"), e.l.T("estimate.sums.why"))
	people := 0
	for _, part := range parts {
		if slices.Contains(a.Without, part.Name) {
			people += part.Table.Observed()
		}
	}
	if len(a.Without) > 0 {
		fmt.Fprintln(e.p.out, e.l.T("estimate.parts.without", e.l.List(a.Without), e.l.Number(people)))
	}
	number := func(x float64) string { return e.l.Number(int(math.Round(x))) }
	var rows [][]string
	for _, m := range estimate.Methods() {
		if x, ok := a.Methods[string(m)]; ok && x.Usable {
			rows = append(rows, []string{m.Text(e.l), e.l.T("estimate.parts.whole"), number(x.Median), e.l.T("estimate.between", number(x.Q["0.025"]), number(x.Q["0.975"]))})
		}
		if x, ok := a.Sum[string(m)]; ok {
			rows = append(rows, []string{m.Text(e.l), e.l.N("estimate.parts.sum", x.Strata), number(x.Median), e.l.T("estimate.between", number(x.Q["0.025"]), number(x.Q["0.975"]))})
		}
	}
	return table(e.p.out, rows)
}

// lists writes how many people each list has, and how many two share.
func (e *estimating) lists(t estimate.Table) error {
	rows := [][]string{{e.l.T("estimate.list"), e.l.T("estimate.people"), e.l.T("estimate.alone")}}
	for j, name := range t.Lists {
		rows[0] = append(rows[0], "+ "+name)
		row := []string{name, e.l.Number(t.On(j)), e.l.Number(t.Counts[1<<j])}
		for k := range t.Lists {
			cell := "·"
			if k != j {
				cell = e.l.Number(t.Shared(1<<j | 1<<k))
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(e.p.out, rows)
}

func (e *estimating) one(out io.Writer, a estimateAnswer, name string) error {
	fmt.Fprintln(out)
	if name != "" {
		fmt.Fprintf(out, "%s\n", name)
	}
	fmt.Fprintln(out, e.l.N("estimate.observed", a.Observed))
	if a.Refused != "" {
		if name != "" {
			fmt.Fprintf(out, "%s. %s\n", e.l.T("estimate.refused"), a.Refused)
		}
		return nil // that of all is the command's error
	}
	number := func(x float64) string { return e.l.Number(int(math.Round(x))) }
	rows := [][]string{{e.l.T("estimate.method"), e.l.T("estimate.median"), e.l.T("estimate.interval")}}
	for _, m := range estimate.Methods() {
		x, ok := a.Methods[string(m)]
		if !ok {
			continue
		}
		row := []string{m.Text(e.l), "–", e.l.T("estimate.unusable")}
		if x.Usable {
			row[1], row[2] = number(x.Median), e.l.T("estimate.between", number(x.Q["0.025"]), number(x.Q["0.975"]))
		}
		rows = append(rows, row)
	}
	if err := table(out, rows); err != nil {
		return err
	}
	if len(a.Variants) > 0 {
		fmt.Fprintf(out, "\n%s\n", e.l.T("estimate.other"))
		var rows [][]string
		for _, v := range a.Variants {
			row := []string{estimate.Method(v.Method).Text(e.l), v.Other, "–", v.Refused}
			if v.Refused == "" {
				row[2], row[3] = number(v.Median), e.l.T("estimate.between", number(v.Low), number(v.High))
			}
			rows = append(rows, row)
		}
		if err := table(out, rows); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%s\n", e.l.T("estimate.findings"))
	for _, w := range a.Warnings {
		fmt.Fprintf(out, "- %s\n", w)
	}
	return nil
}
