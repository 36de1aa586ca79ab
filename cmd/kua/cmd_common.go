// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) commonCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "common",
		Short: "Find the people you have in common with other organisations of the coalition",
		Long: `Find the people you have in common with other organisations of the coalition,
without showing one another a name, so that the coalition counts each once:

  kua encode --new-key --out KEY           one makes the key; it goes to the other
                                           organisations by a way of your own, never
                                           through the relay
  kua common offer --key-file KEY --round TEXT
  kua exchange sync
  kua common list                          which of your cases look like a row of another
  kua common propose CASE LIST/ROW         say so to that organisation, and to it alone
  kua common answer PROPOSAL --same        it decides: then both are one for all who count
  kua common withdraw --reason TEXT        nobody can open your rows any more

The rows are sealed to the other nodes; the relay can't open them. A node learns
how many rows you offer and which look like its own. Which case of yours it is,
it learns from your proposal; which of its cases it is, all who count learn from
its answer. Whoever has a node's rows and the key can try names: keep the key out
of the registers, and withdraw the rows when the comparison is over.`,
	}
	cmd.AddCommand(p.commonOfferCommand(), p.commonListCommand(), p.commonProposeCommand(), p.commonAnswerCommand(), p.commonWithdrawCommand())
	return cmd
}

func (p *program) commonOfferCommand() *cobra.Command {
	var keyFile, schemaFile, round, lang string
	cmd := &cobra.Command{
		Use:   "offer",
		Short: "Offer your cases as encoded rows to the other nodes, instead of those before",
		Long: `Encode the cases of your own organisations that count with the coalition, and
offer the rows to its other nodes with the next exchange. Who refused to be shared
with the coalition is not in it, nor is a restricted case. All take the same key
and the same --round. The key is used and not kept. When a case in it is erased,
restricted, or its person takes back that it be shared, the next exchange withdraws
all rows: offer anew.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keyFile == "" || strings.TrimSpace(round) == "" {
				return usage("give --key-file: the key that the organisations share, and --round: a few words that name this comparison, the same for all")
			}
			language, err := p.language(lang)
			if err != nil {
				return err
			}
			text := encoded.CaseSchema()
			if schemaFile != "" {
				if text, err = readFile(schemaFile, 1<<20); err != nil {
					return err
				}
			}
			schema, err := encoded.ReadSchema(bytes.NewReader(text))
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(schemaFile), err)
			}
			schema.Round = round
			key, err := readEncodeKey(keyFile)
			if err != nil {
				return err
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			offered, err := reg.OfferEncoding(cmd.Context(), session, key, schema)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{
					"list": offered.ID, "rows": offered.List.File.Rows, "replaced": offered.Replaced,
					"missing": offered.List.Missing, "refused": offered.List.Refused, "notes": offered.List.Notes(language),
				})
			}
			for _, line := range offered.List.Counts(schema, language) {
				fmt.Fprintln(p.out, line)
			}
			fmt.Fprintf(p.out, "Offered as list %s; it goes to the other nodes with the next exchange.\n\n%s\n", offered.ID, encoded.Listed(offered.List.Notes(language)))
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "key-file", "", "the `file` with the key that the organisations share")
	cmd.Flags().StringVar(&schemaFile, "schema", "", "the schema `file` that all agreed on; else that of the cases of a register")
	cmd.Flags().StringVar(&round, "round", "", "which comparison this is, in a few `words`; the same for all")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the answer: en, ru or kk")
	return cmd
}

// commonLikeness is from which likeness on two rows are shown as one person: what
// was best with the schema of cases (docs/spec/encoded.md).
const commonLikeness = 0.70

func (p *program) commonListCommand() *cobra.Command {
	var likeness float64
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Compare your rows with those of the other nodes, and show what was proposed",
		Long: `Compare your rows with those that the other nodes offer, and show what looks like
the same person, what others have proposed to you, and what you have proposed.
Nobody else learns that you looked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			found, err := reg.CommonCases(cmd.Context(), session, likeness)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, commonAnswer(found))
			}
			p.sayCommon(found)
			return nil
		},
	}
	cmd.Flags().Float64Var(&likeness, "likeness", commonLikeness, "from which likeness on, above 0 and at most 1")
	return cmd
}

func (p *program) sayCommon(found registry.CommonCases) {
	for _, e := range found.Encodings {
		switch at := e.At.UTC().Format("2006-01-02"); {
		case e.Node == "":
			fmt.Fprintf(p.out, "You offer %d rows since %s (list %s).\n", e.Rows, at, e.ID)
		case e.Comparable:
			fmt.Fprintf(p.out, "%s offers %d rows since %s (list %s).\n", e.Node, e.Rows, at, e.ID)
		default:
			fmt.Fprintf(p.out, "%s offers %d rows since %s (list %s), which can't be compared with yours: another key, schema or round, or you offer none.\n", e.Node, e.Rows, at, e.ID)
		}
	}
	for _, c := range found.Found {
		fmt.Fprintf(p.out, "ALIKE %.2f: your %s %s and a row of %s. To propose it: kua common propose %s %s/%d\n",
			c.Likeness, c.Case.Number, c.Case.Name, c.Node, c.Case.Number, c.Encoding, c.Row+1)
	}
	for _, c := range found.Asked {
		switch {
		case c.Decision != nil:
			fmt.Fprintf(p.out, "Proposed by %s and decided (%s): %s and %s.\n", c.Node, c.Decision.Verdict, c.Theirs.Number, c.Ours.Number)
		case c.Stale:
			fmt.Fprintf(p.out, "Proposed by %s, and it can't be answered any more: the rows it rests on were withdrawn, or the case is gone.\n", c.Node)
		default:
			fmt.Fprintf(p.out, "ASKED by %s: their %s and your %s %s, alike %.2f. To answer: kua common answer %s --same (or --different)\n",
				c.Node, c.Theirs.Number, c.Ours.Number, c.Ours.Name, c.Likeness, c.ID)
		}
	}
	for _, c := range found.Proposed {
		switch {
		case c.Decision != nil:
			fmt.Fprintf(p.out, "Proposed to %s and decided (%s): your %s and their %s.\n", c.Node, c.Decision.Verdict, c.Ours.Number, c.Theirs.Number)
		case c.Stale:
			fmt.Fprintf(p.out, "Proposed to %s, which has withdrawn the rows it rests on: your %s.\n", c.Node, c.Ours.Number)
		default:
			fmt.Fprintf(p.out, "Proposed to %s, which has not answered yet: your %s.\n", c.Node, c.Ours.Number)
		}
	}
	if len(found.Found)+len(found.Asked)+len(found.Proposed) == 0 {
		fmt.Fprintln(p.out, "Nothing looks alike, and nothing was proposed.")
	}
}

func commonAnswer(found registry.CommonCases) map[string]any {
	lists, pairs := []map[string]any{}, []map[string]any{}
	for _, e := range found.Encodings {
		lists = append(lists, map[string]any{"id": e.ID, "node": e.Node, "rows": e.Rows, "at": e.At.UTC().Format(time.RFC3339), "comparable": e.Comparable})
	}
	for _, c := range found.Found {
		pairs = append(pairs, map[string]any{"case": c.Case.Number, "node": c.Node, "row": fmt.Sprintf("%s/%d", c.Encoding, c.Row+1), "likeness": c.Likeness})
	}
	proposals := func(list []registry.CommonProposal) []map[string]any {
		out := []map[string]any{}
		for _, c := range list {
			one := map[string]any{"id": c.ID, "node": c.Node, "ours": c.Ours.Number, "theirs": c.Theirs.Number, "likeness": c.Likeness, "stale": c.Stale, "at": c.At.UTC().Format(time.RFC3339)}
			if c.Decision != nil {
				one["verdict"], one["decision"] = c.Decision.Verdict, c.Decision.ID
			}
			out = append(out, one)
		}
		return out
	}
	return map[string]any{"lists": lists, "alike": pairs, "asked": proposals(found.Asked), "proposed": proposals(found.Proposed)}
}

func (p *program) commonProposeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "propose CASE LIST/ROW",
		Short: "Say to another organisation that a case of yours is a row of theirs",
		Long: `Say to another organisation that a case of yours and a row of theirs are the same
person and incident. It alone learns so, and which case of yours it is; it does not
learn the name. Nothing is counted otherwise until it has agreed.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, number, ok := strings.Cut(args[1], "/")
			row, err := strconv.Atoi(number)
			if !ok || err != nil {
				return usage("which row? As 'kua common list' shows it: LIST/ROW")
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			id, err := reg.ProposeCommon(cmd.Context(), session, args[0], list, row-1, reason)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"proposal": id})
			}
			fmt.Fprintf(p.out, "Proposed (%s): that organisation is told with the next exchange, and decides.\n", id)
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words` that name nobody: the other organisation reads them")
	return cmd
}

func (p *program) commonAnswerCommand() *cobra.Command {
	var same, different bool
	var reason string
	cmd := &cobra.Command{
		Use:   "answer PROPOSAL",
		Short: "Decide what another organisation has proposed",
		Long: `Decide what another organisation has proposed: --same, and all who count with the
coalition count the two cases as one; --different, and they stay two. Speak with
them first. All who count are told which two cases it is about, and no name.
'kua match --undo DECISION' takes it back.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			verdict := registry.Same
			switch {
			case same == different:
				return usage("say --same or --different")
			case different:
				verdict = registry.Different
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			id, err := reg.AnswerCommon(cmd.Context(), session, args[0], verdict, reason)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{"decision": id, "verdict": verdict})
			}
			fmt.Fprintf(p.out, "Decided: %s. To take it back: kua match --undo %s\n", verdict, id)
			return nil
		},
	}
	cmd.Flags().BoolVar(&same, "same", false, "it is the same person and incident")
	cmd.Flags().BoolVar(&different, "different", false, "it surely is not")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words` that name nobody")
	return cmd
}

func (p *program) commonWithdrawCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "withdraw",
		Short: "Withdraw the rows that you offer: nobody can open them any more",
		Long: `Withdraw the rows that you offer. The relay and the other nodes let go of their
keys when the next exchange reaches them. Who copied the rows before, by a program
of their own, still has them: without the key of the comparison they tell who is
alike, and nothing else. What was decided stays decided.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			n, err := reg.WithdrawEncodings(cmd.Context(), session, reason)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]int{"withdrawn": n})
			}
			if n == 0 {
				fmt.Fprintln(p.out, "You offer no rows.")
				return nil
			}
			fmt.Fprintln(p.out, "Withdrawn. The others are told with the next exchange.")
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words` that name nobody")
	return cmd
}
