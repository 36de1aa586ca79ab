// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) handCommand() *cobra.Command {
	var to, reason string
	cmd := &cobra.Command{
		Use:   "hand-over CASE",
		Short: "Hand a case over to an organisation of another node of the coalition",
		Long: `Hand a case over to an organisation of another node of the coalition, which keeps
it from then on. With this act nobody writes to it here any more, and its grants
end. When that organisation has taken it ('kua case take'), its node alone opens
who the case is about; you read what all who count read. Speak with them first, and
ask the person. Its files go after it, sealed; yours are let go of when it was taken.
A restricted case is not handed over. A case that was handed over to you goes back in the same way.`,
		Example: `  kua case hand-over K-4821907 --to "Northern Centre" --reason "moved there"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usage("to whom? Give the name of an organisation of another node with --to NAME")
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.HandCase(cmd.Context(), session, args[0], to, reason); err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"case": args[0], "to": to})
			}
			fmt.Fprintf(p.out, "Case %s is handed over to %s: it is told with the next exchange, and takes it with 'kua case take'.\n", args[0], to)
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the `name` or id of an organisation of another node")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words`: the other organisation reads them")
	return cmd
}

func (p *program) takeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "take [CASE]",
		Short: "Take a case that another node has handed over to you; without CASE, list those",
		Long: `Take a case that another node has handed over to your organisation: from then on it
is yours to write and to grant, under new keys that its former organisation does not
have. A case with files is taken once all of them are here: they come by the exchange
or by stick, go on where a line was cut, and are held against their hashes. Without CASE those are listed that wait to be taken or handed back ('kua case
hand-over').`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.listHanded(cmd)
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.TakeCase(cmd.Context(), session, args[0]); err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"case": args[0]})
			}
			fmt.Fprintf(p.out, "Case %s is yours.\n", args[0])
			return nil
		},
	}
}

// listHanded lists the cases that wait to be taken.
func (p *program) listHanded(cmd *cobra.Command) error {
	reg, session, err := p.read(cmd.Context())
	if err != nil {
		return err
	}
	defer reg.Close()
	rows, err := reg.HandedCases(cmd.Context(), session)
	if err != nil {
		return err
	}
	if p.json {
		answer := []caseRow{}
		for _, row := range rows {
			answer = append(answer, rowAnswer(row))
		}
		return printJSON(p.out, answer)
	}
	for _, row := range rows {
		fmt.Fprintf(p.out, "%s %s, from %s\n", row.Number, row.Name, row.OrgName)
	}
	if len(rows) == 0 {
		fmt.Fprintln(p.out, "No case waits to be taken.")
	}
	return nil
}
