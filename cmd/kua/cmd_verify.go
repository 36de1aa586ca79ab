// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

// aboutCheckpoints says what --checkpoint is for.
const aboutCheckpoints = `A whole older copy of the register, put back, is sound in itself. Only a checkpoint
that was kept elsewhere tells: proofs/checkpoint of a bundle that was handed over,
or checkpoint.txt of 'kua timestamp request'. Give it with --checkpoint.`

func (p *program) verifyCommand() *cobra.Command {
	var deep bool
	var checkpoints []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing was altered: entries, tree, checkpoint, signatures, index",
		Long: `Check every entry's header and leaf, the tree, the checkpoint and its signature.
--deep also opens each entry, checks its author's signature, and compares the
index with what the ledger says. Time stamps are held against what they cover,
those of files with --deep. What is bad is named; exit code 3.

` + aboutCheckpoints,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := p.examine(cmd.Context(), deep, checkpoints)
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
				if report.Seen > 0 {
					fmt.Fprintf(p.out, "It goes on from %s kept elsewhere.\n", counted(report.Seen, "checkpoint", "checkpoints"))
				}
				if report.Files > 0 {
					fmt.Fprintf(p.out, "%s read, and as put in.\n", counted(report.Files, "sealed file", "sealed files"))
				}
			} else {
				p.printProblems(report)
			}
			if report.Backups != nil && !p.json {
				p.printBackupState(*report.Backups)
			}
			if report.Problem != "" {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "also open every entry, compare the index and read every sealed file")
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "a `file` with a checkpoint of this register that was kept elsewhere")
	return cmd
}

// examine verifies the register of --registry, also one that does not open any
// more, against checkpoints that were kept elsewhere.
func (p *program) examine(ctx context.Context, deep bool, checkpoints []string) (registry.Verification, error) {
	var seen [][]byte
	for _, path := range checkpoints {
		checkpoint, err := os.ReadFile(path)
		if err != nil {
			return registry.Verification{}, fmt.Errorf("--checkpoint: %w", err)
		}
		seen = append(seen, checkpoint)
	}
	dir, err := p.dir()
	if err != nil {
		return registry.Verification{}, err
	}
	passphrase, err := p.passphrase("Passphrase: ")
	if err != nil {
		return registry.Verification{}, err
	}
	return registry.Examine(ctx, dir, registry.Unlock{Passphrase: passphrase, Member: p.member}, p.options(), deep, seen...)
}

// printProblems names what is wrong, one line each.
func (p *program) printProblems(v registry.Verification) {
	for _, problem := range v.Problems {
		fmt.Fprintln(p.out, oneLine(errors.New(problem)))
	}
}
