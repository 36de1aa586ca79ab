// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

// tendEvery is how often a served register looks whether the month has turned.
const tendEvery = 5 * time.Minute

func (p *program) forgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget",
		Short: "The forgetting keys: what makes an erasure final, backups included",
		Long: `The keys of all cases lie under a forgetting key that changes every month.
35 days after it was made a forgetting key is destroyed: from then on no older
backup brings back what was erased (docs/spec/keys.md).

The forgetting keys lie beside the register, in DIR.forgetting, so that a copy
of DIR leaves them out. Without them the register can't be opened. So keep a
copy on another medium, apart from the backups, and have it plugged in once a
month: it follows by itself when the register is opened.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.forgetStatusCommand(), p.forgetCopyCommand(), p.forgetDropCommand(), p.forgetRestoreCommand(), p.forgetNowCommand())
	return cmd
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func (p *program) forgetStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Which forgetting keys there are, when they end, and where their copies are",
		Long: `Which forgetting keys there are, when they end, and how it stands with their
copies. Exit code 3 where there is something to do.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.Forgetting(session)
			if err != nil {
				return err
			}
			todo := len(v.Copies) == 0
			for _, c := range v.Copies {
				todo = todo || c.Stale || c.Holds || c.Behind
			}
			if p.json {
				if err := printJSON(p.out, v); err != nil {
					return err
				}
			} else {
				p.printForgetting(v)
			}
			if todo {
				return errFindings
			}
			return nil
		},
	}
}

func (p *program) printForgetting(v registry.ForgettingView) {
	fmt.Fprintf(p.out, "The forgetting keys lie in %s.\n", v.Dir)
	for i, k := range v.Keys {
		use := "kept for backups alone; backups from before its successor need it"
		if i == len(v.Keys)-1 {
			use = "in use"
		}
		fmt.Fprintf(p.out, "  %s  made %s, ends %s: %s\n", k.Month, day(k.Made), day(k.Ends), use)
	}
	fmt.Fprintf(p.out, "What is erased today is in no backup any more from %s on, if the register runs or is opened then\nand no copy of the keys is left behind.\n", day(v.Final))
	if len(v.Copies) == 0 {
		fmt.Fprintf(p.out, "There is no copy: if this machine is lost, no backup of the register can be opened.\nMake one on another medium: kua forget copy FOLDER\n")
	}
	for _, c := range v.Copies {
		state := "up to date"
		switch {
		case c.Behind:
			state = "lacks erasures that were made since: plug it in and make the copy again"
		case c.Stale:
			state = "lacks the newest key: plug it in and make the copy again"
		case c.Holds:
			state = "still holds a key that has ended, so erasures of its month are not final: make the copy again"
		}
		if !c.There {
			state += " (not plugged in)"
		}
		fmt.Fprintf(p.out, "  copy in %s, made %s: %s\n", c.Folder, day(c.At), state)
	}
}

func (p *program) forgetCopyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "copy FOLDER",
		Short: "Copy the forgetting keys to another medium, and destroy there what has ended",
		Long: `Copy the forgetting keys to FOLDER, on a medium that is kept apart from the
register and from its backups. Keys that have ended are destroyed there, too.
The folder is remembered: when the month turns and it is at hand, the copy
follows by itself; else do it again every month.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			c, err := reg.CopyForgetting(session, args[0])
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, c)
			}
			fmt.Fprintf(p.out, "The forgetting keys are copied to %s. Keep it apart from the backups of the register,\nand plug it in again when the month has turned.\n", c.Folder)
			return nil
		},
	}
}

func (p *program) forgetDropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop FOLDER",
		Short: "Say that a copy is gone: destroyed by hand, or lost",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.DropCopy(session, args[0]); err != nil {
				return err
			}
			fmt.Fprintln(p.out, "The copy is not counted on any more. If it is lost and not destroyed: kua forget now.")
			return nil
		},
	}
}

func (p *program) forgetRestoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Bring the forgetting keys back from a copy, after a restore or on another machine",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := p.dir()
			if err != nil {
				return err
			}
			passphrase, err := p.passphrase("Passphrase: ")
			if err != nil {
				return err
			}
			n, err := registry.RestoreForgetting(dir, registry.Unlock{Passphrase: passphrase, Member: p.member}, args[0], p.options())
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]int{"keys": n})
			}
			fmt.Fprintf(p.out, "%s there now. What was erased since the backup was made is erased again when the register is opened, as far as this copy knows of it.\n", counted(n, "forgetting key is", "forgetting keys are"))
			return nil
		},
	}
}

func (p *program) forgetNowCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "now",
		Short: "Make what was erased final at once: every older backup is dead from then on",
		Long: `Make a new forgetting key now and destroy all older ones: what was erased is in
no backup any more from this moment. Nor is anything else: no backup made
before can be opened. Make a new copy of the keys and a new backup right after.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return usage("every backup made until now will be dead: say that you want it with --yes")
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.ForgetNow(cmd.Context(), session); err != nil {
				return err
			}
			v, err := reg.Forgetting(session)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, v)
			}
			fmt.Fprintln(p.out, "Every older forgetting key is destroyed. Make a new backup now.")
			p.printForgetting(v)
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, every older backup shall be dead")
	return cmd
}
