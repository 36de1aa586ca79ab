// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/examples"
	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// demoPassphraseFile is where the passphrase of a sample register lies: beside
// it, in the clear, which a register of real cases must never have.
const demoPassphraseFile = "demo-passphrase.txt"

// demoMember is the member of the sample register.
const demoMember = "demo"

func (p *program) demoCommand() *cobra.Command {
	var noServe bool
	var listen string
	cmd := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "Make the sample register, print its figures beside the statement's, serve its pages",
		Long: `Make the sample register in DIR (a new directory under the temporary one where
it is not given): the lists of four members, all of whose rows are invented,
the figures and promises of the statement of 24 June 2022, and three stories.
The same person listed twice is found. A sample register that is there already
is opened again.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := ""
			if len(args) == 1 {
				dir = args[0]
			} else {
				made, err := os.MkdirTemp("", "kua-demo-")
				if err != nil {
					return err
				}
				dir = filepath.Join(made, "register")
			}
			how := service{listen: listen, lockAfter: defaultLockAfter}
			if err := how.check(); err != nil {
				return err
			}
			p.origin = how.origin
			reg, session, err := p.demo(cmd.Context(), dir)
			if err != nil {
				return err
			}
			if err := p.demoFigures(cmd.Context(), reg, session); err != nil || noServe {
				return errors.Join(err, reg.Close())
			}
			passphrase, err := os.ReadFile(filepath.Join(dir, demoPassphraseFile))
			if err == nil {
				err = p.shut()
			}
			if err != nil {
				return errors.Join(err, reg.Close())
			}
			fmt.Fprintf(p.out, "\nSign in as %q with the passphrase\n\n    %s\n", demoMember, passphrase)
			reg.SignOut(session)
			return p.serve(cmd.Context(), dir, reg, how)
		},
	}
	cmd.Flags().BoolVar(&noServe, "no-serve", false, "print the figures and end")
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "`address` to serve the pages on")
	return cmd
}

// demo opens the sample register in dir, or makes it.
func (p *program) demo(ctx context.Context, dir string) (*registry.Registry, *access.Session, error) {
	file := filepath.Join(dir, demoPassphraseFile)
	if _, err := os.Stat(file); err == nil {
		unlock, err := besideIt(dir)
		if err != nil {
			return nil, nil, err
		}
		return registry.Open(ctx, dir, unlock, p.options())
	}
	if err := newDir(dir); err != nil {
		return nil, nil, err
	}
	passphrase, err := seal.NewPassphrase()
	if err != nil {
		return nil, nil, err
	}
	reg, session, err := registry.Create(ctx, dir, registry.FirstMember{Name: demoMember, Lang: "en", Passphrase: passphrase}, p.options())
	if err != nil {
		return nil, nil, err
	}
	if err := p.fillDemo(ctx, reg, session); err != nil {
		return nil, nil, errors.Join(err, reg.Close())
	}
	// Written last: a sample register that was not finished has none and is not taken for one.
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		return nil, nil, errors.Join(err, reg.Close())
	}
	return reg, session, nil
}

// fillDemo takes in the sample as a member would: lists by their mappings,
// records from files, then the matching.
func (p *program) fillDemo(ctx context.Context, reg *registry.Registry, session *access.Session) error {
	dir, err := os.MkdirTemp("", "kua-examples-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, examples.Files); err != nil {
		return err
	}
	for _, list := range examples.Lists {
		done, err := p.importList(ctx, reg, session, filepath.Join(dir, list.File), listFlags{mapFile: filepath.Join(dir, list.Mapping)}, list.Organisation, false)
		if err != nil {
			return err
		}
		if !p.json {
			if err := p.printImported(done); err != nil {
				return err
			}
		}
	}
	records, err := fs.Glob(examples.Files, "*.yaml")
	if err != nil {
		return err
	}
	stories, err := fs.Glob(examples.Files, "stories/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range append(records, stories...) {
		if _, err := p.importList(ctx, reg, session, filepath.Join(dir, file), listFlags{}, "", false); err != nil {
			return err
		}
	}
	var texts []string
	for _, file := range examples.Statement {
		texts = append(texts, filepath.Join(dir, file))
	}
	text, _, err := readStatement(texts)
	if err != nil {
		return err
	}
	if _, err := reg.PutStatement(ctx, session, registry.StatementChange{StatementText: text}); err != nil {
		return err
	}
	found, err := reg.Propose(ctx, session)
	if err != nil {
		return err
	}
	applied, err := reg.Apply(ctx, session, found)
	if err != nil {
		return err
	}
	if !p.json {
		fmt.Fprintf(p.out, "%d pairs of cases are the same person; each decision can be taken back.\n\n", applied)
	}
	return nil
}

// demoFigure is one figure of `kua demo --json`.
type demoFigure struct {
	Value     int  `json:"value"`
	Statement *int `json:"statement,omitempty"` // what the statement of 24 June 2022 says
}

// demoFigures prints our figures as of the statement's day beside the statement's.
func (p *program) demoFigures(ctx context.Context, reg *registry.Registry, session *access.Session) error {
	asOf, err := edtf.ParseDay(examples.StatementDay)
	if err != nil {
		return err
	}
	table1, err := reg.Figures(ctx, session, registry.FigureQuery{Clock: registry.Clock{AsOf: asOf}, Set: "statement"})
	if err != nil {
		return err
	}
	said, err := reg.CoalitionSaid(ctx, session)
	if err != nil {
		return err
	}
	if p.json {
		figures := map[string]demoFigure{}
		for _, v := range table1.Values {
			f := demoFigure{Value: v.Value}
			if n, ok := said[v.ID]; ok {
				f.Statement = &n
			}
			figures[v.ID] = f
		}
		return printJSON(p.out, map[string]any{"as_of": asOf.String(), "entries": table1.Entries, "root": table1.Root, "figures": figures})
	}
	rows := [][]string{{"as of " + asOf.String(), "register", "statement", ""}}
	for _, v := range table1.Values {
		statement := ""
		if n, ok := said[v.ID]; ok {
			statement = strconv.Itoa(n)
		}
		rows = append(rows, []string{v.ID, strconv.Itoa(v.Value), statement, table1.Defs[v.ID].Label.In("en")})
	}
	return table(p.out, rows)
}
