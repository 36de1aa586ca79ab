// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
)

// reviewAnswer is `kua review CASE --json`.
type reviewAnswer struct {
	Case    caseRow             `json:"case"`
	State   string              `json:"state"`
	Verdict string              `json:"verdict,omitempty"` // the last one, which stands until the next
	Since   string              `json:"since,omitempty"`
	Seen    uint64              `json:"seen"` // for --seen
	Steps   []reviewStepAnswer  `json:"steps"`
	Changed []reviewChangeEntry `json:"changed"` // since the verdict
}

type reviewStepAnswer struct {
	Step    string `json:"step"`
	At      string `json:"at"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
}

type reviewChangeEntry struct {
	Record string `json:"record"`
	Kind   string `json:"kind"`
	How    string `json:"how"` // added, changed, withdrawn
	At     string `json:"at"`
}

func (p *program) reviewCommand() *cobra.Command {
	var ask, takeBack bool
	var verdict, comment string
	var seen uint64
	cmd := &cobra.Command{
		Use:   "review CASE",
		Short: "Peer review: ask for it, take it back, give a verdict, see where it stands",
		Long: `Show where the review of a case stands, or take a step of it.

--ask and --take-back are for those who write the case. --verdict is for a
reviewer who did not write in it, and needs a --comment. With --seen N the
verdict is refused if the case changed since 'kua review CASE --json' said
"seen": N; without it the verdict is on the case as it stands now.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			steps := 0
			for _, given := range []bool{ask, takeBack, verdict != ""} {
				if given {
					steps++
				}
			}
			switch {
			case steps > 1:
				return usage("one step at a time: --ask, --take-back or --verdict")
			case verdict != "" && !casefile.IsVerdict(verdict):
				return usage("--verdict is one of verified, rejected, falsely_attributed")
			case verdict != "" && strings.TrimSpace(comment) == "":
				return usage("a verdict needs a comment: --comment TEXT says what it rests on")
			case steps == 0 && comment != "":
				return usage("a comment belongs to a step: --ask, --take-back or --verdict")
			case seen != 0 && verdict == "":
				return usage("--seen belongs to --verdict")
			}
			if steps == 0 {
				return p.showReview(cmd.Context(), args[0])
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			switch {
			case ask:
				err = reg.AskReview(cmd.Context(), session, args[0], comment)
			case takeBack:
				err = reg.TakeBackReview(cmd.Context(), session, args[0], comment)
			default:
				err = reg.Review(cmd.Context(), session, args[0], registry.ReviewVerdict{Verdict: verdict, Comment: comment, Seen: seen})
			}
			if err != nil {
				return fmt.Errorf("case %q: %w", args[0], err)
			}
			return p.printReview(cmd.Context(), reg, session, args[0])
		},
	}
	cmd.Flags().BoolVar(&ask, "ask", false, "ask for a review")
	cmd.Flags().BoolVar(&takeBack, "take-back", false, "take the case back from review")
	cmd.Flags().StringVar(&verdict, "verdict", "", "give a `verdict`: verified, rejected, falsely_attributed")
	cmd.Flags().StringVar(&comment, "comment", "", "what the step rests on, in `words`; a verdict needs it")
	cmd.Flags().Uint64Var(&seen, "seen", 0, "the `place` in the ledger up to which the case was read")
	cmd.AddCommand(p.reviewListCommand())
	return cmd
}

func (p *program) showReview(ctx context.Context, id string) error {
	reg, session, err := p.read(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	return p.printReview(ctx, reg, session, id)
}

func (p *program) printReview(ctx context.Context, reg *registry.Registry, session *access.Session, id string) error {
	view, err := reg.Case(ctx, session, id, registry.Clock{})
	if err != nil {
		return fmt.Errorf("case %q: %w", id, err)
	}
	r := view.Review
	answer := reviewAnswer{Case: rowAnswer(view.Row), State: r.State, Verdict: r.Verdict, Seen: r.Seen, Steps: []reviewStepAnswer{}, Changed: []reviewChangeEntry{}}
	if !r.Since.IsZero() {
		answer.Since = r.Since.Format(time.RFC3339)
	}
	for _, s := range r.Steps {
		answer.Steps = append(answer.Steps, reviewStepAnswer{Step: s.Step, At: s.At.Format(time.RFC3339), By: s.By, Comment: s.Comment})
	}
	for _, ch := range r.Changed {
		answer.Changed = append(answer.Changed, reviewChangeEntry{ch.Record, ch.Kind, howChanged(ch), ch.At.Format(time.RFC3339)})
	}
	if p.json {
		return printJSON(p.out, answer)
	}
	book := reg.Book()
	fmt.Fprintf(p.out, "%s: %s\n", view.Row.Number, book.Label("review_state", r.State, "en"))
	if r.Verdict != "" && r.Verdict != r.State {
		fmt.Fprintf(p.out, "Last verdict: %s; it stands until the next one.\n", book.Label("review_state", r.Verdict, "en"))
	}
	rows := [][]string{}
	for _, s := range answer.Steps {
		rows = append(rows, []string{s.At, book.Label("review_step", s.Step, "en"), s.By, strings.Join(strings.Fields(s.Comment), " ")})
	}
	for _, ch := range answer.Changed {
		kind, label := ch.Kind, ch.Kind
		if k, ok := book.Kind(kind); ok {
			label = k.Label.In("en")
		}
		rows = append(rows, []string{ch.At, ch.How + " since the verdict", label})
	}
	return table(p.out, rows)
}

func howChanged(ch registry.ChangedView) string {
	switch {
	case ch.Gone:
		return "withdrawn"
	case ch.New:
		return "added"
	}
	return "changed"
}

func (p *program) reviewListCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the cases that wait for a verdict, or stand elsewhere in their review",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := knownState(reg, state); err != nil {
				return err
			}
			rows, err := allCases(cmd.Context(), reg, session, registry.Query{Facets: map[string][]string{"review": {state}}, Sort: "updated"})
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
	cmd.Flags().StringVar(&state, "state", casefile.InReview, "the cases in this `state`: draft, in_review, verified, rejected, falsely_attributed, changed (since the verdict)")
	return cmd
}

// knownState refuses a state of a review that there is not.
func knownState(reg *registry.Registry, state string) error {
	if list, ok := reg.Book().List("review_state"); ok {
		if _, ok := list.Code(state); ok {
			return nil
		}
	}
	return usage("there is no state %q: draft, in_review, verified, rejected, falsely_attributed, changed", state)
}
