// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if p.json {
				return printJSON(p.out, map[string]string{"version": version, "go": runtime.Version()})
			}
			fmt.Fprintf(p.out, "kua %s, %s\n", version, runtime.Version())
			return nil
		},
	}
}
