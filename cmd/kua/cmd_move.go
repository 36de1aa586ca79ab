// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

// database is where a ledger can be, as flags say it.
type database struct{ file, schema string }

func (d *database) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.file, "database-file", "", "`file` whose first line is the database's address, as postgres://user:password@host/database (- is standard input)")
	cmd.Flags().StringVar(&d.schema, "schema", "", "the `schema` of the ledger's tables (default kua)")
}

// read reads the address. It may hold a password, so it comes from a file.
func (d *database) read(p *program) (registry.Database, error) {
	switch {
	case d.file == "" && d.schema == "":
		return registry.Database{}, nil
	case d.file == "":
		return registry.Database{}, usage("--schema is of a database: give --database-file too")
	case d.schema != "" && !registry.ValidSchema(d.schema):
		return registry.Database{}, usage("--schema has small Latin letters, digits and _, and begins with a letter")
	}
	url, err := p.secret(d.file, "", "the address of the database", "--database-file")
	return registry.Database{URL: url, Schema: d.schema}, err
}

func (p *program) moveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "move",
		Short: "Say where the ledger is; 'kua move postgres' and 'kua move embedded' take it elsewhere",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.LedgerPlace(cmd.Context(), session)
			if err != nil {
				return err
			}
			return p.showLedgerPlace("", v)
		},
	}
	cmd.AddCommand(p.movePostgresCommand(), p.moveEmbeddedCommand())
	return cmd
}

func (p *program) movePostgresCommand() *cobra.Command {
	var at database
	cmd := &cobra.Command{
		Use:   "postgres --database-file FILE",
		Short: "Move the ledger to PostgreSQL",
		Long: `Move the ledger to PostgreSQL, or what speaks its protocol. The database is given
sealed entries and wrapped keys, under random names; it learns how many there are,
how large about, and when they come.

The ledger is copied, every entry and wrapped key is compared, and only then is the
register told. Whatever stops it before leaves all as it was. The file in the
register's folder goes once the ledger has opened in the database. The address is
read from a file and sealed. No other program may use the register meanwhile.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := at.read(p)
			if err != nil {
				return err
			}
			if to == (registry.Database{}) {
				return usage("give --database-file FILE, and perhaps --schema")
			}
			return p.move(cmd.Context(), to)
		},
	}
	at.flags(cmd)
	return cmd
}

func (p *program) moveEmbeddedCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "embedded",
		Short: "Move the ledger from PostgreSQL to a file of the register's folder",
		Long: `Move the ledger from PostgreSQL to a file of the register's folder. It is copied,
every entry and wrapped key is compared, and only then is the register told. The
tables in the database go once the ledger has opened here; its backups keep what
they have, under forgetting keys that end. No other program may use the ledger
meanwhile.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.move(cmd.Context(), registry.Database{})
		},
	}
}

// move moves the ledger, then opens the register at its new place: that is the
// proof, and does what is left to do.
func (p *program) move(ctx context.Context, to registry.Database) error {
	dir, unlock, err := p.unlock("Passphrase: ")
	if err != nil {
		return err
	}
	reg, session, err := registry.Open(ctx, dir, unlock, p.options())
	if err != nil {
		return err
	}
	moved, err := reg.MoveLedger(ctx, session, to, nil)
	if closing := reg.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if reg, session, err = registry.Open(ctx, dir, unlock, p.options()); err != nil {
		return fmt.Errorf("the ledger has moved, but the register does not open: %w", err)
	}
	defer reg.Close()
	v, err := reg.LedgerPlace(ctx, session)
	if err != nil {
		return err
	}
	v.Entries, v.Root = moved.Entries, moved.Root // what was compared; opening it has added a line of the audit
	return p.showLedgerPlace("Moved, and compared: ", v)
}

func (p *program) showLedgerPlace(begin string, v registry.LedgerPlace) error {
	if p.json {
		out := map[string]any{"ledger": "embedded", "entries": v.Entries, "root": v.Root}
		if v.Database {
			out["ledger"], out["where"], out["schema"] = "postgres", v.Where, v.Schema
		}
		return printJSON(p.out, out)
	}
	where := "in a file of the register's folder"
	if v.Database {
		where = fmt.Sprintf("in PostgreSQL at %s, schema %s", v.Where, v.Schema)
	}
	fmt.Fprintf(p.out, "%s%d entries, root %s.\nThe ledger is %s.\n", begin, v.Entries, v.Root, where)
	return nil
}
