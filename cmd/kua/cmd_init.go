// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

func (p *program) initCommand() *cobra.Command {
	var name, lang string
	var at database
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make an empty register, and its first member",
		Long: `Make an empty register in DIR, and its first member: a coordinator who may
also administer it. Without --passphrase-file a passphrase is made and printed
once. Write it on paper: nobody can open the register without it, and nobody
can make it again.

With --database-file the ledger is kept in PostgreSQL, or what speaks its
protocol: it is given sealed entries, under random names, and wrapped keys. All
else stays in DIR.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			made := ""
			passphrase := ""
			options := p.options()
			var err error
			if options.Database, err = at.read(p); err != nil {
				return err
			}
			if p.passphraseFile == "" {
				if made, err = seal.NewPassphrase(); err != nil {
					return err
				}
				passphrase = made
			} else if passphrase, err = p.passphrase(""); err != nil {
				return err
			}
			reg, session, err := registry.Create(cmd.Context(), args[0],
				registry.FirstMember{Name: name, Lang: lang, Passphrase: passphrase}, options)
			if err != nil {
				return err
			}
			if err := reg.Close(); err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"registry": args[0], "member": session.Member.ID, "passphrase": made})
			}
			fmt.Fprintf(p.out, "The register is in %s. Its first member is %q.\n", args[0], name)
			if made != "" {
				fmt.Fprintf(p.out, "\n    %s\n\nThis is the passphrase. It is shown once and kept nowhere: write it on paper, twice,\nand keep the two papers in different places. Without it the register can't be opened.\n", made)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "coordinator", "the `name` under which the first member signs in")
	at.flags(cmd)
	cmd.Flags().StringVar(&lang, "lang", "ru", "the language of the first member: en, ru or kk")
	return cmd
}

// newDir answers where a register may be made: a directory that is not there yet or is empty.
func newDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		abs, _ := filepath.Abs(dir)
		return fmt.Errorf("%s is not empty: give a directory that is new or empty", abs)
	}
	return nil
}
