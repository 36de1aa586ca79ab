// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
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
			if format != "" {
				file, f, err := readForeign(args[0], format)
				if err != nil {
					return err
				}
				_, err = p.out.Write(f.Map(file, book))
				return err
			}
			data, err := readFile(args[0], intake.DefaultLimits().Bytes)
			if err != nil {
				return err
			}
			t, err := intake.ReadTable(data, intake.ReadOptions{Name: filepath.Base(args[0])})
			if err != nil {
				return err
			}
			_, err = p.out.Write(intake.DraftMapping(t, book))
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "the `name` of the other system's format")
	packFlag(cmd, &pack)
	return cmd
}
