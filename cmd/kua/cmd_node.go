// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/wholefile"
)

// mostPass bounds a pass: it holds a key file for each member.
const mostPass = 64 << 20

func (p *program) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Say which machines use the register; 'kua node pass' lets another one join",
		Long: `A register whose ledger is in PostgreSQL can be used by several machines at once.
They are one installation: the same members, keys and pages. Whoever has written on
one is shown it on each. Every machine has a copy of the key files and an index of
its own; forgetting keys are handed from one to another and lie in no database.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			all, err := reg.Nodes(cmd.Context(), session)
			if err != nil {
				return err
			}
			return p.showNodes(all)
		},
	}
	cmd.AddCommand(p.nodePassCommand(), p.nodeRemoveCommand())
	return cmd
}

func (p *program) showNodes(all []registry.NodeSeen) error {
	if p.json {
		out := []map[string]any{}
		for _, n := range all {
			out = append(out, map[string]any{"name": n.Name, "since": n.Since.Format(time.DateOnly), "here": n.Here, "waits": n.Waits})
		}
		return printJSON(p.out, map[string]any{"nodes": out})
	}
	if len(all) == 0 {
		fmt.Fprintln(p.out, "This machine alone uses the register.")
		return nil
	}
	for _, n := range all {
		note := ""
		switch {
		case n.Here:
			note = ", this machine"
		case n.Waits:
			note = ", has not opened the register since forgetting keys were handed to it"
		}
		fmt.Fprintf(p.out, "%s: since %s%s\n", n.Name, n.Since.Format(time.DateOnly), note)
	}
	return nil
}

func (p *program) nodePassCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "pass FILE --name NAME",
		Short: "Make a pass with which another machine joins",
		Long: `Make a pass with which another machine joins ('kua join'): a file, and eight words
that open it. Bring the file over on a stick, and the words on paper or by telephone.
The pass holds the key files, each opened by its member's passphrase, and the sealed
address of the database. It is of no use once the machine has joined: destroy it.

The ledger must be in PostgreSQL, and sealed files in a bucket. Stop the program that
serves the register while you make the pass, and start it again afterwards.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				return usage("say how the machine will be called: --name NAME")
			}
			if _, err := os.Lstat(args[0]); err == nil {
				return fmt.Errorf("%s is there already: give another file", args[0])
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			file, words, err := reg.PassNode(cmd.Context(), session, name)
			if closing := reg.Close(); err == nil {
				err = closing
			}
			if err == nil {
				err = wholefile.WriteBytes(args[0], ".kua-pass-*", file)
			}
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{"name": name, "file": args[0], "words": words})
			}
			fmt.Fprintf(p.out, "The pass for %q is in %s. On that machine: kua join DIR --from FILE\n\n    %s\n\nThese words open it. They are shown once and kept nowhere. Destroy the file when the machine has joined.\n", name, args[0], words)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "how the machine will be called: a `name` of small Latin letters, digits and -")
	return cmd
}

func (p *program) nodeRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Take another machine off the register",
		Long: `Take another machine off the register: it does not open it any more, and no
forgetting keys are handed to it. What it has, it has: if it was lost or taken,
change the password of the database too, and the passphrases of members who may
start the register; an erasure is final only once that machine's copy of the
forgetting keys has ended.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				err := reg.RemoveNode(ctx, s, args[0])
				if errors.Is(err, registry.ErrNotFound) {
					return fmt.Errorf("no other machine of the register is called %q: 'kua node' lists them", args[0])
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%s is taken off the register.\n", args[0])
				return nil
			})
		},
	}
}

func (p *program) joinCommand() *cobra.Command {
	var from, wordsFile string
	var at database
	cmd := &cobra.Command{
		Use:   "join DIR --from FILE",
		Short: "Have this machine join a register, by a pass from another of its machines",
		Long: `Have this machine join a register in the new directory DIR, by a pass that another
of its machines has made ('kua node pass'). It asks for the words of the pass, then
for the passphrase of a member who may start the register, and makes its own index
from the ledger. Where the database is reached otherwise than from the other machine,
give its address with --database-file. The clock should be right.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from == "" {
				return usage("give the pass: --from FILE")
			}
			f, err := os.Open(from)
			if err != nil {
				return fmt.Errorf("the pass can't be opened: %w", err)
			}
			defer f.Close()
			file, err := io.ReadAll(io.LimitReader(f, mostPass))
			if err != nil {
				return fmt.Errorf("the pass can't be read: %w", err)
			}
			words, err := p.secret(wordsFile, "The words of the pass: ", "the words of the pass", "--words-file")
			if err != nil {
				return err
			}
			p.registry = filepath.Clean(args[0])
			dir, unlock, err := p.unlock("Passphrase: ")
			if err != nil {
				return err
			}
			options := p.options()
			if options.Database, err = at.read(p); err != nil {
				return err
			}
			name, err := registry.Join(dir, file, words, unlock, options)
			if err != nil {
				return err
			}
			reg, session, err := registry.Open(cmd.Context(), dir, unlock, p.options())
			if err != nil {
				return joined(dir, err)
			}
			defer reg.Close()
			v, err := reg.LedgerPlace(cmd.Context(), session)
			if err != nil && !errors.Is(err, registry.ErrNotAllowed) {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{"name": name, "directory": dir, "entries": v.Entries})
			}
			fmt.Fprintf(p.out, "This machine has joined as %q, with the register in %s. Destroy the pass.\n", name, dir)
			return nil
		},
	}
	at.flags(cmd)
	cmd.Flags().StringVar(&from, "from", "", "`file` with the pass")
	cmd.Flags().StringVar(&wordsFile, "words-file", "", "`file` whose first line is the words of the pass (- is standard input)")
	return cmd
}

// joined says what is there already where the register did not open.
func joined(dir string, err error) error {
	return fmt.Errorf("the keys are in %s, but the register does not open yet: %w; try again with 'kua --registry %s node'", dir, err, dir)
}
