// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// caseRow is one case of `kua case list --json`, a contract with scripts.
type caseRow struct {
	ID         string `json:"id"`
	Number     string `json:"number"`
	Org        string `json:"org"`
	ExternalID string `json:"external_id"`
	Cluster    string `json:"cluster"`
	Stage      string `json:"stage"`
	Review     string `json:"review"`                          // where its review stands: a code of list review_state
	Verdict    string `json:"verdict,omitempty"`               // of its review: the last one
	Changed    bool   `json:"changed_since_verdict,omitempty"` // what it says
}

func rowAnswer(r registry.Row) caseRow {
	return caseRow{ID: r.ID, Number: r.Number, Org: r.OrgName, ExternalID: r.ExternalID, Cluster: r.Cluster, Stage: r.Stage, Review: r.Review, Verdict: r.Verdict, Changed: r.Changed}
}

func (p *program) caseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "case", Short: "Cases: list, show, timeline, checks; restricted ones; those that go to another node"}
	cmd.AddCommand(p.caseListCommand(),
		p.oneCaseCommand("show", "Show a case: its records, as they stand", p.showCase),
		p.oneCaseCommand("timeline", "Show what happened when", p.showTimeline),
		p.oneCaseCommand("check", "Show what was breached, what is due, and the norm it rests on", p.showChecks),
		p.restrictCommand(true), p.restrictCommand(false), p.handCommand(), p.takeCommand())
	return cmd
}

func (p *program) caseListCommand() *cobra.Command {
	var clock clockFlags
	var q registry.Query
	var org, figure, review string
	cmd := &cobra.Command{
		Use:   "list [WORDS]",
		Short: "List cases",
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := p.clock(clock)
			if err != nil {
				return err
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			q.Text, q.Clock, q.Figure, q.Facets = strings.Join(args, " "), at, figure, map[string][]string{}
			if review != "" {
				if err := knownState(reg, review); err != nil {
					return err
				}
				q.Facets["review"] = []string{review}
			}
			if figure != "" {
				q.Scope = "coalition"
			}
			if org != "" {
				o, ok := reg.Organisation(cmd.Context(), org)
				if !ok {
					return fmt.Errorf("--org: there is no organisation %q; 'kua org list' shows them", org)
				}
				q.Facets["org"] = []string{o.ID}
				if figure != "" {
					q.Scope = o.ID
				}
			}
			rows, err := allCases(cmd.Context(), reg, session, q)
			if err != nil {
				return err
			}
			if p.json {
				if err := reg.TakesOut(cmd.Context(), session, "case_list", len(rows)); err != nil {
					return err
				}
			}
			return p.printCases(reg, rows)
		},
	}
	cmd.Flags().StringVar(&clock.asOf, "as-of", "", "as of this `day`")
	cmd.Flags().StringVar(&clock.knownBy, "known-by", "", "as known by this `moment`")
	cmd.Flags().StringVar(&org, "org", "", "only this `organisation`'s cases")
	cmd.Flags().StringVar(&figure, "figure", "", "only the cases behind this `figure`")
	cmd.Flags().StringVar(&review, "review", "", "only cases whose review stands there: a `state` of 'kua review list'")
	cmd.Flags().BoolVar(&q.Verified, "verified", false, "only cases whose last verdict is that they are verified")
	cmd.Flags().StringVar(&q.Rule, "rule", "", "only cases in which this `check` is breached or this deadline overdue")
	return cmd
}

// allCases asks for a list page by page.
func allCases(ctx context.Context, reg *registry.Registry, session *access.Session, q registry.Query) ([]registry.Row, error) {
	rows := []registry.Row{}
	q.Limit = 200
	for {
		page, err := reg.Cases(ctx, session, q)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Rows...)
		if page.Next == "" {
			return rows, nil
		}
		q.After = page.Next
	}
}

// nameWords is the name in a list, or that it is not open.
func nameWords(r registry.Row) string {
	if r.FactsOnly {
		return "(facts only)"
	}
	return r.Name
}

func (p *program) printCases(reg *registry.Registry, rows []registry.Row) error {
	if p.json {
		answers := []caseRow{}
		for _, r := range rows {
			answers = append(answers, rowAnswer(r))
		}
		return printJSON(p.out, map[string]any{"cases": answers})
	}
	lines := [][]string{}
	for _, r := range rows {
		review := ""
		if r.Review != casefile.Draft {
			review = reg.Book().Label("review_state", r.Review, "en")
		}
		if r.Changed {
			review += ", changed since the verdict"
		}
		lines = append(lines, []string{r.Number, r.ExternalID, r.OrgName, nameWords(r), r.Incident.String(), r.Stage, review})
	}
	if err := table(p.out, lines); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s\n", counted(len(rows), "case", "cases"))
	return nil
}

// oneCaseCommand is a command about one case, named by its id or number.
func (p *program) oneCaseCommand(use, short string, show func(*registry.Registry, registry.CaseView, string) error) *cobra.Command {
	var clock clockFlags
	var lang string
	cmd := &cobra.Command{
		Use:   use + " CASE",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := p.clock(clock)
			if err != nil {
				return err
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			view, err := reg.Case(cmd.Context(), session, args[0], at)
			if err != nil {
				return fmt.Errorf("case %q: %w", args[0], err)
			}
			if p.json {
				if err := reg.TakesOut(cmd.Context(), session, "case", 1); err != nil {
					return err
				}
			}
			return show(reg, view, lang)
		},
	}
	cmd.Flags().StringVar(&clock.asOf, "as-of", "", "as of this `day`")
	cmd.Flags().StringVar(&clock.knownBy, "known-by", "", "as known by this `moment`")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language: en, ru or kk")
	return cmd
}

type recordAnswer struct {
	ID      string          `json:"id"`
	Kind    string          `json:"kind"`
	Date    string          `json:"date,omitempty"`
	Fields  casefile.Fields `json:"fields"`
	Changes int             `json:"changes"`
}

func recordAnswers(records []*casefile.Record) []recordAnswer {
	out := []recordAnswer{}
	for _, r := range records {
		out = append(out, recordAnswer{ID: r.ID, Kind: r.Kind, Date: r.Date.String(), Fields: r.Fields, Changes: len(r.History)})
	}
	return out
}

func (p *program) showCase(reg *registry.Registry, v registry.CaseView, lang string) error {
	if p.json {
		same := []caseRow{}
		stage := map[string]string{"id": v.Stage.ID, "branch": v.Stage.Branch}
		if v.Stage.Since != 0 {
			stage["since"] = v.Stage.Since.String()
		}
		for _, r := range v.Same {
			same = append(same, rowAnswer(r))
		}
		return printJSON(p.out, map[string]any{"case": rowAnswer(v.Row), "same_person": same, "stage": stage, "records": recordAnswers(v.Records)})
	}
	book := reg.Book()
	fmt.Fprintf(p.out, "%s  %s  %s\n", v.Row.Number, nameWords(v.Row), v.Row.OrgName)
	fmt.Fprintf(p.out, "Stage: %s", book.Label("stage", v.Stage.ID, lang))
	if v.Stage.Since != 0 {
		fmt.Fprintf(p.out, ", since %s", v.Stage.Since)
	}
	fmt.Fprintln(p.out)
	if v.Review.State != casefile.Draft {
		fmt.Fprintf(p.out, "Review: %s\n", book.Label("review_state", v.Review.State, lang))
	}
	for _, r := range v.Same {
		fmt.Fprintf(p.out, "The same person: %s, %s\n", r.Number, r.OrgName)
	}
	for _, r := range v.Records {
		kind, ok := book.Kind(r.Kind)
		if !ok || r.Kind == "import_row" {
			continue
		}
		fmt.Fprintf(p.out, "\n%s  %s\n", kind.Label.In(lang), r.Date)
		rows := [][]string{}
		for _, f := range kind.Fields {
			if values := r.Fields[f.ID]; len(values) > 0 && f.Type != codebook.Ref {
				rows = append(rows, []string{"  " + f.Label.In(lang), valueText(book, f, values, lang)})
			}
		}
		if err := table(p.out, rows); err != nil {
			return err
		}
	}
	return nil
}

func valueText(book *codebook.Book, f codebook.Field, values []string, lang string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v
		if f.Type == codebook.Code {
			out[i] = book.Label(f.List, v, lang)
		}
	}
	return strings.Join(out, "; ")
}

func (p *program) showTimeline(reg *registry.Registry, v registry.CaseView, lang string) error {
	if p.json {
		events := []eventAnswer{}
		for _, e := range v.Timeline {
			events = append(events, eventAnswer{Date: e.Date.String(), Kind: e.Kind, Field: e.Field, Record: e.Record.ID})
		}
		return printJSON(p.out, map[string]any{"case": rowAnswer(v.Row), "timeline": events})
	}
	book := reg.Book()
	rows := [][]string{}
	for _, e := range v.Timeline {
		kind, ok := book.Kind(e.Kind)
		if !ok {
			continue
		}
		var titles []string
		for _, id := range kind.Title {
			if f, ok := kind.Field(id); ok && len(e.Record.Fields[id]) > 0 {
				titles = append(titles, valueText(book, *f, e.Record.Fields[id], lang))
			}
		}
		date := e.Date.String()
		if date == "" {
			date = "undated"
		}
		rows = append(rows, []string{date, kind.Label.In(lang), strings.Join(titles, ", ")})
	}
	return table(p.out, rows)
}

type eventAnswer struct {
	Date   string `json:"date,omitempty"` // EDTF
	Kind   string `json:"kind"`
	Field  string `json:"field,omitempty"`
	Record string `json:"record"`
}

type checkAnswer struct {
	Check    string   `json:"check"`
	State    string   `json:"state"`
	Severity string   `json:"severity"`
	Label    string   `json:"label"`
	Norm     string   `json:"norm"`
	Conf     string   `json:"conf"`
	Next     string   `json:"next,omitempty"`
	Records  []string `json:"records,omitempty"`
}

type deadlineAnswer struct {
	Deadline string `json:"deadline"`
	Owes     string `json:"owes"`
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Due      string `json:"due,omitempty"` // the cautious day
	Label    string `json:"label"`
	Norm     string `json:"norm"`
	Conf     string `json:"conf"`
}

// due is the cautious day of a deadline; empty where it can't be told or has no end.
func due(d rules.Deadline) string {
	if d.State == rules.CannotTell || d.Due == edtf.MaxDay {
		return ""
	}
	return d.Due.String()
}

func (p *program) showChecks(reg *registry.Registry, v registry.CaseView, lang string) error {
	if p.json {
		checks, deadlines := []checkAnswer{}, []deadlineAnswer{}
		for _, c := range v.Checks {
			checks = append(checks, checkAnswer{Check: c.Rule, State: c.State, Severity: string(c.Severity), Label: c.Label.In(lang), Norm: c.Norm.In(lang), Conf: c.Conf, Next: c.Next.In(lang), Records: c.Records})
		}
		for _, d := range v.Deadlines {
			deadlines = append(deadlines, deadlineAnswer{Deadline: d.Rule, Owes: d.Owes, Kind: d.Kind, State: d.State, Due: due(d), Label: d.Label.In(lang), Norm: d.Norm.In(lang), Conf: d.Conf})
		}
		return printJSON(p.out, map[string]any{"case": rowAnswer(v.Row), "as_of": v.Clock.AsOf.String(), "checks": checks, "deadlines": deadlines})
	}
	rows := [][]string{}
	for _, c := range v.Checks {
		if c.State == rules.Met {
			continue
		}
		rows = append(rows, []string{c.Rule, c.State, c.Label.In(lang), c.Norm.In(lang)})
	}
	for _, d := range v.Deadlines {
		rows = append(rows, []string{d.Rule, d.State, d.Label.In(lang), due(d)})
	}
	return table(p.out, rows)
}
