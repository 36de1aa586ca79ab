// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/linkage"
	"github.com/kua-registry/kua/internal/registry"
)

// matchAnswer is `kua match --json`.
type matchAnswer struct {
	Proposals []proposalAnswer `json:"proposals"`
	Applied   int              `json:"applied"`
	Clusters  int              `json:"clusters"`
	Warnings  []string         `json:"warnings"`
}

type proposalAnswer struct {
	A           string                `json:"a"`
	B           string                `json:"b"`
	Probability float64               `json:"probability"`
	Sure        bool                  `json:"sure"`
	Decision    string                `json:"decision,omitempty"` // the id of the decision taken, same or different
	Verdict     string                `json:"verdict,omitempty"`
	Fields      []linkage.FieldWeight `json:"fields"`
}

func (p *program) matchCommand() *cobra.Command {
	var apply, review bool
	var same, different, undo, lang string
	cmd := &cobra.Command{
		Use:   "match",
		Short: "Find the same person listed twice; decide; undo",
		Long: `Propose which cases are the same person, with the reasons field by field.

Without a flag nothing is changed. --apply decides the proposals that are sure
and leaves the others to a person. --same A,B and --different A,B decide a pair
of cases, --undo DECISION takes a decision back. Each decision is an entry.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			switch {
			case same != "" || different != "":
				pair, verdict := same, registry.Same
				if different != "" {
					pair, verdict = different, registry.Different
				}
				a, b, ok := strings.Cut(pair, ",")
				if !ok {
					return usage("--%s needs two case ids with a comma between", verdict)
				}
				id, err := reg.Decide(ctx, session, registry.Decision{A: strings.TrimSpace(a), B: strings.TrimSpace(b), Verdict: verdict, Reason: "decided on the command line"})
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "Decided: %s. To take it back: kua match --undo %s\n", verdict, id)
				return nil
			case undo != "":
				if err := reg.Undo(ctx, session, undo, "taken back on the command line"); err != nil {
					return err
				}
				fmt.Fprintln(p.out, "Taken back.")
				return nil
			}
			found, err := reg.Propose(ctx, session)
			if err != nil {
				return err
			}
			applied := 0
			if apply {
				if applied, err = reg.Apply(ctx, session, found); err != nil {
					return err
				}
			}
			stats, err := reg.Stats(ctx, session)
			if err != nil {
				return err
			}
			if p.json {
				answer := matchAnswer{Proposals: []proposalAnswer{}, Applied: applied, Clusters: stats.Units, Warnings: append([]string{}, found.Warnings...)}
				for _, m := range found.Proposals {
					answer.Proposals = append(answer.Proposals, proposalAnswer{A: m.A.ID, B: m.B.ID, Probability: m.Probability, Sure: m.Sure, Decision: m.Decision, Verdict: string(m.Verdict), Fields: m.Fields})
				}
				return printJSON(p.out, answer)
			}
			open := 0
			for _, m := range found.Proposals {
				if m.Verdict != "" || apply && m.Sure {
					continue
				}
				open++
				if !review && !m.Sure && open > 20 {
					continue
				}
				printProposal(p, m, lang)
			}
			for _, w := range found.Warnings {
				fmt.Fprintln(p.out, w)
			}
			fmt.Fprintf(p.out, "%d proposals; %d decided now; %d left to a person. %d cases are %d people and incidents.\n", len(found.Proposals), applied, open, stats.Cases, stats.Units)
			return nil
		},
	}
	cmd.Flags().BoolVar(&apply, "apply", false, "decide the proposals that are sure")
	cmd.Flags().BoolVar(&review, "review", false, "show every open proposal with its reasons")
	cmd.Flags().StringVar(&same, "same", "", "two case ids, `A,B`: the same person")
	cmd.Flags().StringVar(&different, "different", "", "two case ids, `A,B`: surely different people")
	cmd.Flags().StringVar(&undo, "undo", "", "the `id` of a decision to take back")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the reasons: en, ru or kk")
	cmd.MarkFlagsMutuallyExclusive("apply", "same", "different", "undo")
	return cmd
}

func printProposal(p *program, m registry.Proposal, lang string) {
	sure := "to be looked at"
	if m.Sure {
		sure = "sure"
	}
	fmt.Fprintf(p.out, "%s %s (%s) and %s %s (%s): %.4f, %s\n", m.A.Number, m.A.Name, m.A.OrgName, m.B.Number, m.B.Name, m.B.OrgName, m.Probability, sure)
	for _, f := range m.Fields {
		fmt.Fprintf(p.out, "    %+6.1f  %s: %s  %s | %s\n", f.Weight, f.Field, linkage.LevelText(f.Level, lang), f.A, f.B)
	}
}
