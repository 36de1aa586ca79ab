// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/safecopy"
)

// safeCopyCommand is what the program starts itself with to open a file from
// outside: see safecopy.Run. People have no use for it.
func (p *program) safeCopyCommand() *cobra.Command {
	return &cobra.Command{
		Use:    safecopy.Command,
		Short:  "Open a file from outside, shut in: for the program itself",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if code := safecopy.Child(cmd.Context(), p.in, p.out, p.err); code != 0 {
				return fmt.Errorf("the file couldn't be opened (%d)", code)
			}
			return nil
		},
	}
}

// openOutside opens a file from outside in a process of its own, which is this
// very program.
func openOutside(ctx context.Context, job safecopy.Job, in io.Reader, out io.Writer) (safecopy.Report, error) {
	path, err := os.Executable()
	if err != nil {
		return safecopy.Report{}, fmt.Errorf("where this program lies can't be told: %w", err)
	}
	return safecopy.Run(ctx, path, job, in, out)
}
