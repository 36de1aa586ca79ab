// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) recoverCommand() *cobra.Command {
	var as newMember
	var files []string
	var rehearse bool
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Open the register with the shares of trustees, or rehearse that",
		Long: `Trustees give their shares one after another, at this machine; when there are
enough, the register opens without anybody's passphrase, and a new member is
made who may do what the first one could. That it was done is an entry that
everybody can see. Stop the program first where it serves the register: nobody
stays signed in. End the members whose passphrases fell into other hands, and
make new shares afterwards: kua share replace.

--rehearse does all of it but opens nothing and makes nobody. It needs the
passphrase of an administrator or a trustee, because it writes down that it was
rehearsed and by how many. Do it once a year.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.dir()
			if err != nil {
				return err
			}
			if rehearse {
				return p.rehearse(cmd, dir, files)
			}
			who, err := as.recovered()
			if err != nil {
				return err
			}
			g, err := registry.Gather(dir, p.options())
			if err != nil {
				return err
			}
			if err := p.gatherAll(g, files); err != nil {
				return err
			}
			reg, session, made, err := g.Recover(cmd.Context(), who)
			if err != nil {
				return err
			}
			defer reg.Close()
			if p.json {
				return printJSON(p.out, map[string]any{"member": session.Member.ID, "name": session.Member.Name, "passphrase": made, "organisations": len(session.Member.Orgs)})
			}
			fmt.Fprintf(p.out, "The register is open again. The new member is %q, in %s.\n", session.Member.Name, counted(len(session.Member.Orgs), "organisation", "organisations"))
			printMade(p.out, made)
			fmt.Fprintln(p.out, endAndReplace)
			return nil
		},
	}
	cmd.Flags().BoolVar(&rehearse, "rehearse", false, "do all of it, but open nothing and make nobody")
	cmd.Flags().StringArrayVar(&files, "share", nil, "`file` with a share and what opens it, as for kua share test; once for each")
	as.flags(cmd)
	return cmd
}

// endAndReplace is what is to be done after a recovery.
const endAndReplace = "Now end the members who should not get in any more, and make new shares: kua share replace."

// newMember is who a recovery makes, as flags say it.
type newMember struct{ name, lang, passphraseFile string }

func (m *newMember) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.name, "name", "", "the `name` under which the new member signs in")
	cmd.Flags().StringVar(&m.lang, "lang", "ru", "the language of the new member: en, ru or kk")
	cmd.Flags().StringVar(&m.passphraseFile, "new-passphrase-file", "", "`file` whose first line is the new member's passphrase; else one is made")
}

func (m *newMember) recovered() (who registry.Recovered, err error) {
	if m.name == "" {
		return who, usage("say under which name the new member signs in: --name NAME")
	}
	who = registry.Recovered{Name: m.name, Lang: m.lang}
	if m.passphraseFile == "" {
		return who, nil
	}
	f, err := os.Open(m.passphraseFile)
	if err != nil {
		return who, fmt.Errorf("the passphrase file can't be opened: %w", err)
	}
	defer f.Close()
	who.Passphrase, err = firstLine(f, m.passphraseFile, "the passphrase")
	return who, err
}

// printMade prints the passphrase that a recovery made, if it made one.
func printMade(out io.Writer, passphrase string) {
	if passphrase != "" {
		fmt.Fprintf(out, "\n    %s\n\nThis is their passphrase. It is shown once and kept nowhere: write it on paper.\n", passphrase)
	}
}

func (p *program) rehearse(cmd *cobra.Command, dir string, files []string) error {
	reg, session, err := p.open(cmd.Context())
	if err != nil {
		return err
	}
	defer reg.Close()
	g, err := registry.Gather(dir, p.options())
	if err != nil {
		return err
	}
	if err := p.gatherAll(g, files); err != nil {
		return err
	}
	found, err := reg.Rehearse(cmd.Context(), session, g)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p.out, found)
	}
	fmt.Fprintf(p.out, "Rehearsed with %s, of which %d are needed: they would open the register and %s.\nNothing was opened. That it was rehearsed is written down.\n",
		counted(found.Shares, "share", "shares"), found.Need, counted(found.Orgs, "organisation", "organisations"))
	if found.Closed > 0 {
		fmt.Fprintf(p.out, "Not yet open to a recovery: %s. It is once one of their members has signed in.\n", counted(found.Closed, "organisation", "organisations"))
	}
	return nil
}
