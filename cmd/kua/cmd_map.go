// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takein"
)

func (p *program) mapCommand() *cobra.Command {
	var pack, format string
	cmd := &cobra.Command{
		Use:   "map FILE",
		Short: "Draft a mapping for a spreadsheet, or print the ready one of another system's format",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			book, err := registry.LoadBook(pack)
			if err != nil {
				return err
			}
			from, err := listFlags{format: format}.from(args[0])
			if err != nil {
				return err
			}
			text, err := takein.Map(book, from)
			if err != nil {
				return err
			}
			_, err = p.out.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "the `name` of the other system's format")
	packFlag(cmd, &pack)
	return cmd
}
