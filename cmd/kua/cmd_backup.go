// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// backupAt is a place of backups, as arguments and flags say it.
type backupAt struct {
	bucket     registry.Bucket
	secretFile string
}

func (b *backupAt) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&b.bucket.Endpoint, "endpoint", "", "of a bucket: the store's `address`, as https://s3.example")
	flags.StringVar(&b.bucket.Name, "bucket", "", "the bucket's `name`; it must be there")
	flags.StringVar(&b.bucket.Region, "region", "", "the bucket's `region`, if the store needs it")
	flags.StringVar(&b.bucket.Prefix, "prefix", "", "what the `names` of all objects begin with")
	flags.StringVar(&b.bucket.AccessKey, "access-key", "", "the access `key`")
	flags.StringVar(&b.secretFile, "secret-file", "", "`file` whose first line is the secret of the access key (- is standard input)")
}

// place is the place that is meant; the zero place is the one used last.
func (b *backupAt) place(p *program, args []string) (at registry.BackupPlace, err error) {
	at.Bucket = b.bucket
	switch {
	case len(args) == 0 && b.bucket == (registry.Bucket{}):
		return at, nil
	case len(args) > 0 && b.bucket != (registry.Bucket{}):
		return at, usage("give a folder or a bucket, not both")
	case len(args) > 0:
		at.Folder, err = filepath.Abs(args[0])
		return at, err
	case b.bucket.Endpoint == "" || b.bucket.Name == "" || b.bucket.AccessKey == "":
		return at, usage("of a bucket, give --endpoint, --bucket and --access-key, and --secret-file the first time")
	}
	if b.secretFile != "" {
		at.Bucket.Secret, err = p.secret(b.secretFile, "", "the secret of the access key", "--secret-file")
	}
	return at, err
}

// backups opens the register to be read and has something done with its backups
// in the place that is meant.
func (p *program) backups(ctx context.Context, at *backupAt, args []string, do func(*registry.Registry, *access.Session, registry.BackupPlace) error) error {
	place, err := at.place(p, args)
	if err != nil {
		return err
	}
	reg, session, err := p.read(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	return do(reg, session, place)
}

func (p *program) backupCommand() *cobra.Command {
	var at backupAt
	var anew bool
	cmd := &cobra.Command{
		Use:   "backup [FOLDER]",
		Short: "Make a backup: sealed, of what has changed, while others work",
		Long: `Make a backup of the register in FOLDER, on another medium, or in a bucket of an
object store that speaks S3. It is sealed and signed; whoever holds it learns sizes,
how many members there are, and when it was made. What has not changed since an
earlier backup there is not written again. Others may work meanwhile. Without a
place it goes where the last one went.

A backup counts from the moment the command says so. One that was cut off leaves
pieces that the next one uses. The forgetting keys are in none: copy them to
another medium with 'kua forget copy', or no backup opens when this machine is
lost. Rehearse what you rely on: kua restore --rehearse.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.backups(cmd.Context(), &at, args, func(reg *registry.Registry, s *access.Session, to registry.BackupPlace) error {
				v, err := reg.BackUp(cmd.Context(), s, to, registry.BackupOptions{Anew: anew})
				if err != nil {
					return err
				}
				return p.said(v, len(v.Missing) > 0, func() {
					fmt.Fprintf(p.out, "Backup %s is made in %s.\n%s, %s; new: %s, %s of %s.\nIt can be restored until %s, with the forgetting keys: 'kua forget status' says where copies of them are.\n",
						v.Name, v.Where, counted(int(v.Entries), "entry", "entries"), counted(v.Files, "file", "files"), //nolint:gosec // no register has so many
						counted(v.Written, "piece", "pieces"), bytesOf(v.Bytes), bytesOf(v.All), day(v.Ends))
					if v.SameDisk {
						fmt.Fprintln(p.out, "It is on the same disk as the register: whatever takes the one takes the other. Is the medium plugged in? Make one on another, too.")
					}
					for _, file := range v.Missing {
						fmt.Fprintf(p.out, "Not in it, because it is not where it should be: %s\n", file)
					}
				})
			})
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&anew, "anew", false, "write again what is there: after 'kua backup verify' has found damage")
	cmd.AddCommand(p.backupListCommand(), p.backupStatusCommand(), p.backupVerifyCommand(), p.backupPruneCommand())
	return cmd
}

// bytesOf is a number of bytes for people.
func bytesOf(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

func (p *program) backupListCommand() *cobra.Command {
	var at backupAt
	cmd := &cobra.Command{
		Use:   "list [FOLDER]",
		Short: "The backups of a place, and until when each can be restored",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.backups(cmd.Context(), &at, args, func(reg *registry.Registry, s *access.Session, in registry.BackupPlace) error {
				all, err := reg.Backups(cmd.Context(), s, in)
				if err != nil {
					return err
				}
				return p.said(map[string]any{"backups": all}, false, func() { p.printBackups(all) })
			})
		},
	}
	at.flags(cmd)
	return cmd
}

func (p *program) printBackups(all []registry.BackupView) {
	if len(all) == 0 {
		fmt.Fprintln(p.out, "There is no backup there.")
	}
	for _, v := range all {
		switch {
		case v.Damaged != "":
			fmt.Fprintf(p.out, "%s  can't be read: %s\n", v.Name, v.Damaged)
		case !v.Proven.IsZero():
			fmt.Fprintf(p.out, "%s  %d entries, %d files, until %s, proven on %s\n", v.Name, v.Entries, v.Files, day(v.Ends), day(v.Proven))
		default:
			fmt.Fprintf(p.out, "%s  %d entries, %d files, until %s\n", v.Name, v.Entries, v.Files, day(v.Ends))
		}
	}
}

func (p *program) backupStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "When the last backup was made, and when one was proven; exit code 3 where that is long ago",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.BackupState(cmd.Context(), session)
			if err != nil {
				return err
			}
			return p.said(v, v.Why != "", func() {
				if !v.Made.IsZero() {
					fmt.Fprintf(p.out, "The last backup was made on %s; the place used last is %s.\n", day(v.Made), v.Where)
				}
				if !v.Proven.IsZero() {
					fmt.Fprintf(p.out, "The newest proven one was made on %s, and proven on %s.\n", day(v.Proven), day(v.On))
				}
				p.printBackupState(v)
			})
		},
	}
}

// printBackupState says what is to be done about backups, if anything is.
func (p *program) printBackupState(v registry.BackupState) {
	switch v.Why {
	case "none":
		fmt.Fprintln(p.out, "There is no backup of this register: kua backup FOLDER, on another medium.")
	case "old":
		fmt.Fprintf(p.out, "The last backup was made on %s; what was written since is nowhere else: kua backup.\n", day(v.Made))
	case "unproven":
		fmt.Fprintf(p.out, "The backup of %s was never tried: kua restore --rehearse.\n", day(v.Made))
	case "proof_old":
		fmt.Fprintf(p.out, "The newest backup that was tried is of %s: kua restore --rehearse.\n", day(v.Proven))
	}
}

func (p *program) backupVerifyCommand() *cobra.Command {
	var at backupAt
	var quick bool
	cmd := &cobra.Command{
		Use:   "verify [FOLDER]",
		Short: "Read every piece of every backup; name each that is damaged or missing",
		Long: `Read every piece that the backups of a place need, and name each that is not what
was put there, with what it holds and which backups need it. Exit code 3 where
there is one: make a new backup with --anew, which writes what is still here again.
That all pieces are there does not say that the register comes back: that is
proven by 'kua restore --rehearse'.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.backups(cmd.Context(), &at, args, func(reg *registry.Registry, s *access.Session, in registry.BackupPlace) error {
				report, err := reg.VerifyBackups(cmd.Context(), s, in, quick, nil)
				if err != nil {
					return err
				}
				return p.said(report, len(report.Faults) > 0, func() {
					fmt.Fprintf(p.out, "%s, %s of %s are as they were put there.\n", counted(report.Backups, "backup", "backups"), counted(report.Pieces, "piece", "pieces"), bytesOf(report.Bytes))
					for _, f := range report.Faults {
						fmt.Fprintf(p.out, "%s: %s (%s), needed by %d of the backups\n", f.Place, f.What, f.Of, len(f.Backups))
					}
				})
			})
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&quick, "quick", false, "see only that all pieces are there, in their length")
	return cmd
}

func (p *program) backupPruneCommand() *cobra.Command {
	var at backupAt
	var dry bool
	keep := registry.BackupKeep{Daily: 7, Weekly: 4, Monthly: 2}
	cmd := &cobra.Command{
		Use:   "prune [FOLDER]",
		Short: "Let go of old backups, and of what only they needed",
		Long: `Let go of backups: the newest of the last days, weeks and months that have one are
kept, and always the newest of all. One whose forgetting key has ended can't be
opened by anybody and goes. Then the pieces go that no kept backup needs. Where
the list of one backup can't be read nothing goes at all.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keep.Daily < 0 || keep.Weekly < 0 || keep.Monthly < 0 {
				return usage("--daily, --weekly and --monthly are 0 or more")
			}
			return p.backups(cmd.Context(), &at, args, func(reg *registry.Registry, s *access.Session, in registry.BackupPlace) error {
				out, err := reg.PruneBackups(cmd.Context(), s, in, keep, dry)
				if err != nil {
					return err
				}
				return p.said(out, false, func() {
					begin := "Gone"
					if dry {
						begin = "Would go"
					}
					fmt.Fprintf(p.out, "%s: %s, %s, %s. Kept: %d.\n", begin, counted(len(out.Backups), "backup", "backups"), counted(out.Pieces, "piece", "pieces"), bytesOf(out.Bytes), len(out.Kept))
				})
			})
		},
	}
	at.flags(cmd)
	flags := cmd.Flags()
	flags.IntVar(&keep.Daily, "daily", keep.Daily, "of how many `days` the newest is kept")
	flags.IntVar(&keep.Weekly, "weekly", keep.Weekly, "of how many `weeks`")
	flags.IntVar(&keep.Monthly, "monthly", keep.Monthly, "of how many `months`")
	flags.BoolVar(&dry, "dry-run", false, "only say what would go")
	return cmd
}

func (p *program) restoreCommand() *cobra.Command {
	var at backupAt
	var to string
	var how registry.RestoreOptions
	var rehearse, byTrustees bool
	var as newMember
	var shares []string
	cmd := &cobra.Command{
		Use:   "restore [FOLDER] --to DIR | --rehearse",
		Short: "Bring a register back from a backup, or prove that it would come back",
		Long: `Bring a register back from a backup in FOLDER or a bucket: to DIR, which must be
new or empty, by the passphrase of somebody who could open it when the backup was
made. The forgetting keys must be at hand: beside DIR, or in a copy (--keys). DIR is
there whole or not at all. Then the register is opened: what was erased since is
erased again, everything is verified, and its figures and its head are held against
what the backup says. Its ledger is in DIR, also where it was in a database.

With --rehearse it is all done beside the register of --registry, as a trial, and
taken away again. A backup that was rehearsed is remembered as proven; the pages
remind administrators when the last proven one is old. With --keys COPY the copy of
the forgetting keys is proven too. Exit code 3 where something is not as it was.

With --trustees nobody's passphrase is needed: as for kua recover, trustees give
their shares at this machine, those that counted when the backup was made, and a
new member of the name --name is made in what is restored. With --rehearse it
also counts as their yearly rehearsal, where no other program has the register
open; an administrator's passphrase is needed then.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (to == "") == !rehearse {
				return usage("say where to, with --to DIR, or --rehearse")
			}
			from, err := at.place(p, args)
			if err != nil {
				return err
			}
			how.Free = p.freeOn()
			if len(shares) > 0 {
				byTrustees = true
			}
			if byTrustees {
				how.Trustees = &registry.Trustees{Gather: func(g *registry.Gathering) error { return p.gatherAll(g, shares) }}
				if !rehearse {
					if how.Trustees.Who, err = as.recovered(); err != nil {
						return err
					}
				}
			}
			var v registry.Restored
			if rehearse {
				dir, unlock, err := p.unlock("Passphrase: ")
				if err != nil {
					return err
				}
				options := p.options()
				options.ReadOnly = true
				reg, session, err := registry.Open(cmd.Context(), dir, unlock, options)
				if err != nil {
					return err
				}
				defer reg.Close()
				if v, err = reg.RehearseRestore(cmd.Context(), session, from, unlock, how); err != nil {
					return err
				}
			} else {
				if from == (registry.BackupPlace{}) {
					return usage("say where the backup is: a folder, or a bucket with --endpoint")
				}
				if from.Folder == "" && from.Bucket.Secret == "" {
					return usage("of a bucket, give --secret-file, too: what a register remembered of it is not there when it is restored")
				}
				unlock := registry.Unlock{Member: p.member}
				if !byTrustees {
					if unlock.Passphrase, err = p.passphrase("Passphrase: "); err != nil {
						return err
					}
				}
				if v, err = registry.Restore(cmd.Context(), from, to, unlock, how, p.options()); err != nil {
					return err
				}
			}
			return p.said(v, !v.Sound(), func() { printRestored(p.out, v, rehearse) })
		},
	}
	at.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "the `directory` of the register that is made")
	flags.BoolVar(&rehearse, "rehearse", false, "restore as a trial, prove it, and take it away again")
	flags.StringVar(&how.Backup, "backup", "", "the `name` of the backup; else the newest")
	flags.StringVar(&how.Keys, "keys", "", "a `folder` with a copy of the forgetting keys")
	flags.BoolVar(&byTrustees, "trustees", false, "open it with the shares of trustees instead of a passphrase")
	flags.StringArrayVar(&shares, "share", nil, "`file` with a trustee's share and what opens it, as for kua share test; once for each")
	as.flags(cmd)
	return cmd
}

func printRestored(out io.Writer, v registry.Restored, rehearsed bool) {
	done := "restored"
	if rehearsed {
		done = "restored as a trial, and taken away again"
	}
	fmt.Fprintf(out, "Backup %s of %s: %s.\n", v.Backup.Name, v.Backup.At.UTC().Format(time.DateTime+" UTC"), done)
	fmt.Fprintf(out, "%d entries, root %s; %d opened, %d sealed files read", v.Backup.Entries, v.Backup.Root, v.Check.Opened, v.Check.Files)
	if v.Why == "" {
		fmt.Fprintf(out, "; %d figures counted again", v.Figures)
	}
	fmt.Fprintln(out, ".")
	if v.Again > 0 {
		fmt.Fprintf(out, "Erased again, because it was erased after the backup: %s.\n", counted(v.Again, "case", "cases"))
	}
	if v.Why != "" {
		fmt.Fprintf(out, "The figures were not compared: %s.\n", v.Why)
	}
	if rec := v.Recovery; rec != nil {
		fmt.Fprintf(out, "Opened with %s, of which %d are needed; they open %s.\n", counted(rec.Shares, "share", "shares"), rec.Need, counted(rec.Orgs, "organisation", "organisations"))
		if rec.Closed > 0 {
			fmt.Fprintf(out, "Not open to a recovery when the backup was made: %s.\n", counted(rec.Closed, "organisation", "organisations"))
		}
		if v.Noted {
			fmt.Fprintln(out, "That the trustees have rehearsed is written down.")
		}
	}
	for _, file := range v.Lost {
		fmt.Fprintf(out, "Lost, because a piece of it is damaged or missing in the backup: %s\n", file)
	}
	for _, what := range v.Differs {
		fmt.Fprintf(out, "Not as it was: %s\n", what)
	}
	for _, what := range v.Check.Problems {
		fmt.Fprintf(out, "Not as it should be: %s\n", what)
	}
	switch {
	case !v.Sound():
		fmt.Fprintln(out, "Keep the backup, and try an older one or another place with --backup.")
	case rehearsed:
		fmt.Fprintln(out, "All of it is as it was: this backup is proven.")
	default:
		fmt.Fprintln(out, "All of it is as it was. Make a new backup, and a copy of the forgetting keys: kua forget copy FOLDER.")
	}
	if v.Member != "" {
		fmt.Fprintf(out, "The new member is %q.\n", v.Member)
		printMade(out, v.Passphrase)
		fmt.Fprintln(out, endAndReplace)
	}
}
