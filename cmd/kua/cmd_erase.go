// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) eraseCommand() *cobra.Command {
	var identity, whole bool
	var why, reason string
	cmd := &cobra.Command{
		Use:   "erase CASE",
		Short: "Erase who a case is about, or all of the case, for good",
		Long: `Erase the identity of a case, or the whole case, for good: its keys are
destroyed, so that nobody can read it again, on this machine at once and in
backups when the old forgetting key ends: 35 days after that key was made, if
the register runs or is opened then (docs/spec/keys.md; kua forget status). In
haste: kua forget now.

--identity leaves the case as an anonymous one: what was published stays true.
--whole leaves only that there was a case and that it was erased.

Only a coordinator of the case's organisation may do it. That it was done, by
whom and why, is an entry which stays readable: name nobody in the reason. What
other cases, incidents and lists outside the register say of the person is not
touched, and a list imported again brings the person back.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case identity == whole:
				return usage("say what is to be erased: --identity or --whole")
			case strings.TrimSpace(reason) == "":
				return usage("say why in words, naming nobody: --reason TEXT")
			}
			ctx := cmd.Context()
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			view, err := reg.Case(ctx, session, args[0], registry.Clock{})
			if err != nil {
				return fmt.Errorf("case %q: %w", args[0], err)
			}
			err = reg.Erase(ctx, session, view.Row.ID, registry.Erasure{Whole: whole, Why: why, Reason: reason})
			if err != nil {
				return err
			}
			defer p.carry(ctx, reg) // out of the bucket, where there is one
			final := day(reg.ErasureFinal())
			if p.json {
				return printJSON(p.out, map[string]any{"case": view.Row.ID, "number": view.Row.Number, "whole": whole, "other_cases": len(view.Same), "final": final})
			}
			what := "The identity in case"
			if whole {
				what = "Case"
			}
			fmt.Fprintf(p.out, "%s %s is erased on this machine. Backups made before this can still give it back until %s;\nthen the forgetting key ends, if the register runs or is opened (kua forget status).\n", what, view.Row.Number, final)
			if n := len(view.Same); n > 0 {
				fmt.Fprintf(p.out, "The same person is in %s that you can see; nothing was erased there.\n", counted(n, "other case", "other cases"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&identity, "identity", false, "erase who it is about; the facts stay")
	cmd.Flags().BoolVar(&whole, "whole", false, "erase all of it")
	cmd.Flags().StringVar(&why, "why", "wish", "the `code` of the reason: wish, consent_withdrawn, danger, mistake, term, law, other")
	cmd.Flags().StringVar(&reason, "reason", "", "the reason in `words`, naming nobody")
	return cmd
}
