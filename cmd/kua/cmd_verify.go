// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) verifyCommand() *cobra.Command {
	var deep bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing was altered: entries, tree, checkpoint, signatures, index",
		Long: `Check every entry's header and leaf, the tree, the checkpoint and its signature.
--deep also opens each entry, checks its author's signature, and compares the
index with what the ledger says. Time stamps are held against what they cover,
those of files with --deep. The first that is bad is named; exit code 3.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			report, err := reg.Verify(cmd.Context(), session, deep)
			if err != nil {
				return err
			}
			if p.json {
				if err := printJSON(p.out, report); err != nil {
					return err
				}
			} else if report.Problem == "" {
				fmt.Fprintf(p.out, "%d entries, root %s: nothing was altered.\n", report.Entries, report.Root)
				if deep {
					fmt.Fprintf(p.out, "%d entries opened, their authors' signatures and the index agree.\n", report.Opened)
				}
				if report.Stamps > 0 {
					fmt.Fprintf(p.out, "%s what they did; 'kua timestamp verify' says by whose word.\n", counted(report.Stamps, "time stamp covers", "time stamps cover"))
				}
				if report.Files > 0 {
					fmt.Fprintf(p.out, "%s read, and as put in.\n", counted(report.Files, "sealed file", "sealed files"))
				}
			} else {
				fmt.Fprintf(p.out, "%s\n", report.Problem)
			}
			if report.Problem != "" {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "also open every entry, compare the index and read every sealed file")
	return cmd
}
