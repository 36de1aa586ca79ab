// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) orgCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "org", Short: "The organisations of the coalition"}
	var apart, forOthers bool
	add := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an organisation",
		Long: `Add an organisation. Whoever adds it becomes a member of it. With --for-others
they do not: it gets its keys when its first member is invited ('kua member
invite NAME --org ORG --role case_worker'), and these open it to them alone.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			org, err := reg.AddOrganisation(cmd.Context(), session, registry.NewOrganisation{Name: args[0], Counts: !apart, ForOthers: forOthers})
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, orgAnswer(org))
			}
			fmt.Fprintf(p.out, "%s is in the register.\n", org.Name)
			return nil
		},
	}
	add.Flags().BoolVar(&apart, "apart", false, "its cases do not count in the coalition's figures")
	add.Flags().BoolVar(&forOthers, "for-others", false, "do not become a member of it")
	list := &cobra.Command{
		Use:   "list",
		Short: "List the organisations",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			orgs, err := reg.CountedOrganisations(cmd.Context(), session)
			if err != nil {
				return err
			}
			if p.json {
				answers := []map[string]any{}
				for _, o := range orgs {
					answers = append(answers, orgAnswer(o))
				}
				return printJSON(p.out, map[string]any{"organisations": answers})
			}
			rows := [][]string{}
			for _, o := range orgs {
				rows = append(rows, []string{o.Name, counted(o.Cases, "case", "cases"), countsWords(o.Counts), o.ID})
			}
			return table(p.out, rows)
		},
	}
	cmd.AddCommand(add, list, p.orgChangeCommand())
	return cmd
}

func (p *program) orgChangeCommand() *cobra.Command {
	var name string
	var second string
	var apart, counts bool
	cmd := &cobra.Command{
		Use:   "change ORG",
		Short: "Rename an organisation, set it apart, or let it count",
		Long: `Rename an organisation, or say whether its cases count in the coalition's
figures. If they do, the coalition's analysts and coordinators read their facts:
so one of the organisation's own case workers or administrators says it; so do
they say whether its exports need a second person (--second).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if apart && counts || !apart && !counts && name == "" && second == "" || second != "" && second != "yes" && second != "no" {
				return usage("say what changes: --name NAME, --apart or --counts, --second yes or no")
			}
			ctx := cmd.Context()
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			org, err := findOrg(ctx, reg, args[0])
			if err != nil {
				return err
			}
			if name != "" {
				org.Name = name
			}
			if apart || counts {
				org.Counts = counts
			}
			if err := reg.ChangeOrganisation(ctx, session, org.ID, org.Name, org.Counts); err != nil {
				return err
			}
			if second != "" {
				if err := reg.WantSecond(ctx, session, org.ID, second == "yes"); err != nil {
					return err
				}
			}
			org, _ = reg.Organisation(ctx, org.ID)
			if p.json {
				return printJSON(p.out, map[string]any{"id": org.ID, "name": org.Name, "counts": org.Counts})
			}
			fmt.Fprintf(p.out, "%s %s.\n", org.Name, countsWords(org.Counts))
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "its new `name`")
	cmd.Flags().BoolVar(&apart, "apart", false, "its cases do not count in the coalition's figures")
	cmd.Flags().BoolVar(&counts, "counts", false, "its cases count in the coalition's figures")
	cmd.Flags().StringVar(&second, "second", "", "whether exports of its cases need a second person of it: `yes` or no")
	return cmd
}

// findOrg finds an organisation by its name or id.
func findOrg(ctx context.Context, reg *registry.Registry, nameOrID string) (registry.Org, error) {
	org, ok := reg.Organisation(ctx, nameOrID)
	if !ok {
		return org, fmt.Errorf("there is no organisation %q; 'kua org list' lists them", nameOrID)
	}
	return org, nil
}

func countsWords(counts bool) string {
	if counts {
		return "counts with the coalition"
	}
	return "is kept apart"
}

func orgAnswer(o registry.Org) map[string]any {
	return map[string]any{"id": o.ID, "name": o.Name, "counts": o.Counts, "cases": o.Cases}
}
