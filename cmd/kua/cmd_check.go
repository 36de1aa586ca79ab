// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) checkCommand() *cobra.Command {
	var clock clockFlags
	var all bool
	var lang string
	cmd := &cobra.Command{
		Use:   "check --all",
		Short: "Say in how many cases each check is breached and each deadline overdue",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !all {
				return usage("give --all for the whole register, or use 'kua case check CASE' for one case")
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
			overview, err := reg.Overview(cmd.Context(), session, registry.OverviewQuery{Clock: at})
			if err != nil {
				return err
			}
			counts := append(append([]registry.RuleCount{}, overview.Breaches...), overview.Overdue...)
			sort.SliceStable(counts, func(i, j int) bool { return counts[i].Cases > counts[j].Cases })
			if p.json {
				found := map[string]int{}
				for _, c := range counts {
					found[c.Rule] = c.Cases
				}
				if err := printJSON(p.out, map[string]any{"as_of": at.AsOf.String(), "cases": overview.Cases, "breached": found}); err != nil {
					return err
				}
			} else {
				rows := [][]string{}
				for _, c := range counts {
					rows = append(rows, []string{c.Rule, strconv.Itoa(c.Cases), reg.RuleLabel(c.Rule, lang)})
				}
				if err := table(p.out, rows); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "\nAs of %s, over %d cases.\n", at.AsOf, overview.Cases)
			}
			if len(counts) > 0 {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all cases")
	cmd.Flags().StringVar(&clock.asOf, "as-of", "", "as of this `day`")
	cmd.Flags().StringVar(&clock.knownBy, "known-by", "", "as known by this `moment`")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language: en, ru or kk")
	return cmd
}
