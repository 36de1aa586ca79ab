// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"github.com/spf13/cobra"
)

func (p *program) benchCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "What is needed to measure: registers of any size, of people who do not exist"}
	cmd.AddCommand(p.benchGenerateCommand())
	return cmd
}
