// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) passphraseCommand() *cobra.Command {
	var newFile string
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Change your own passphrase",
		Long: `Change your own passphrase. Without --new-passphrase-file a passphrase of eight
words is made and printed once: write it on paper. One of your own is refused
where it is easy to guess.

Copies of the key file made before, as in backups, still open with the old
passphrase. While the register is served, change it on the page of your account.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, unlock, err := p.unlock("Your passphrase until now: ")
			if err != nil {
				return err
			}
			next := ""
			if cmd.Flags().Changed("new-passphrase-file") {
				f, err := os.Open(newFile)
				if err != nil {
					return fmt.Errorf("the file of the new passphrase can't be opened: %w", err)
				}
				defer f.Close()
				if next, err = firstLine(f, newFile, "the new passphrase"); err != nil {
					return err
				}
			}
			reg, session, err := registry.Open(cmd.Context(), dir, unlock, p.options())
			if err != nil {
				return err
			}
			defer reg.Close()
			made, err := reg.ChangePassphrase(cmd.Context(), session, unlock.Passphrase, next)
			var weak *access.WeakError
			if errors.As(err, &weak) {
				return fmt.Errorf("nothing was changed: %w", err)
			}
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"member": session.Member.ID, "passphrase": made})
			}
			fmt.Fprintln(p.out, "Your passphrase is changed. The old one opens nothing here from now on.")
			if made != "" {
				fmt.Fprintf(p.out, "\n    %s\n\nThis is the new one. It is shown once and kept nowhere: write it on paper.\n", made)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&newFile, "new-passphrase-file", "", "`file` whose first line is the new passphrase")
	return cmd
}
