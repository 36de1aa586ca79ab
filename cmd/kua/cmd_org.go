// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) orgCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "org", Short: "The organisations of the coalition"}
	var apart bool
	add := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an organisation",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			org, err := reg.AddOrganisation(cmd.Context(), session, registry.NewOrganisation{Name: args[0], Counts: !apart})
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
			orgs, err := reg.Organisations(cmd.Context(), session)
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
				counts := "counts with the coalition"
				if !o.Counts {
					counts = "kept apart"
				}
				rows = append(rows, []string{o.Name, strconv.Itoa(o.Cases) + " cases", counts, o.ID})
			}
			return table(p.out, rows)
		},
	}
	cmd.AddCommand(add, list)
	return cmd
}

func orgAnswer(o registry.Org) map[string]any {
	return map[string]any{"id": o.ID, "name": o.Name, "counts": o.Counts, "cases": o.Cases}
}
