// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) initCommand() *cobra.Command {
	var name, lang, coalition, node, pack string
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
else stays in DIR.

With --coalition the register is one node of several: see 'kua exchange --help'.
That can't be said later: every entry names the ledger that it is of.

--pack says whose law and whose bodies the register knows: kz is Kazakhstan, kg
Kyrgyzstan. That can't be said later either. A pack that no lawyer has reviewed
is a draft, and every page that uses it says so.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options := p.options()
			options.Pack = pack
			if !slices.Contains(registry.Packs(), pack) {
				return usage("--pack: there is no pack %q; there are %s", pack, strings.Join(registry.Packs(), " and "))
			}
			var err error
			if options.Database, err = at.read(p); err != nil {
				return err
			}
			if (coalition == "") != (node == "") {
				return usage("--coalition FILE and --node NAME belong together: give both")
			}
			if coalition != "" {
				if options.Coalition, err = p.joinCoalition(coalition, node); err != nil {
					return err
				}
			}
			passphrase, made, err := p.firstPassphrase()
			if err != nil {
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
			if coalition != "" && !p.json {
				defer fmt.Fprintf(p.out, "\nIt is of the coalition whose relay has the fingerprint %s: compare it by voice.\nNext: 'kua exchange card' writes the card that the relay and the other organisations need.\n", exchange.Fingerprint(options.Coalition.Coalition.Relay))
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
	cmd.Flags().StringVar(&coalition, "coalition", "", "join the coalition of this `file`, which its relay wrote (coalition.json)")
	cmd.Flags().StringVar(&node, "node", "", "what the others call this node, as the `name` of its organisation")
	packFlag(cmd, &pack)
	cmd.Flags().StringVar(&lang, "lang", "ru", "the language of the first member: en, ru or kk")
	return cmd
}

// packFlag adds the flag that names a pack.
func packFlag(cmd *cobra.Command, pack *string) {
	cmd.Flags().StringVar(pack, "pack", registry.DefaultPack, "whose law and bodies: the `pack` "+strings.Join(registry.Packs(), " or "))
}

// joinCoalition reads the file of a coalition. The nodes in it are known from
// the first: who gives the file vouches for it.
func (p *program) joinCoalition(file, node string) (*registry.JoinCoalition, error) {
	b, err := p.readSmall(file)
	if err != nil {
		return nil, err
	}
	c, err := exchange.OpenCoalition(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if !exchange.ValidName(node) {
		return nil, usage("--node: %v", exchange.ErrNode)
	}
	return &registry.JoinCoalition{Coalition: c, Name: node}, nil
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
