// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign/systems"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takein"
)

func (p *program) importCommand() *cobra.Command {
	var list listFlags
	var org, pack, identity string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a member's list: XLSX or CSV with a mapping, a YAML file of records, or a file of another system",
		Long: `Take in a list. With --map, FILE is a spreadsheet (XLSX, CSV) and the mapping
says what its columns mean; 'kua map FILE' drafts one. Without --map, FILE is a
YAML file of records. With --format, FILE (or folder) is what another system
handed out; its ready mapping is used if --map names none, and
'kua map FILE --format NAME' prints it. Files that came with a case become its
evidence, each once. Formats: ` + strings.Join(takein.Formats(), ", ") + `.

With --format kua, FILE is an archive that 'kua export' has made, of this register
or another: its cases, history and files are taken in, all of them or nothing, and
a second time nothing more. --identity opens a sealed one.

Every cell that does not fit is named with sheet, row and column. If one of
them is an error, nothing is imported. A second import of the same list changes
what changed in it and nothing else.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !list.isList() && filepath.Ext(args[0]) != ".yaml" && filepath.Ext(args[0]) != ".yml" {
				return usage("a spreadsheet needs --map MAP.yaml; 'kua map %s' drafts one", filepath.Base(args[0]))
			}
			own := list.format == archiveFormat
			if identity != "" && !own {
				return usage("--identity goes with --format kua")
			}
			if own && list.mapFile != "" {
				return usage("an archive of Kua needs no mapping")
			}
			if list.isList() && !own && org == "" {
				return usage("whose list is it? Give --org NAME")
			}
			if dryRun && p.registry == "" && !own {
				return p.dryRun(args[0], list, pack)
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if own {
				return p.importArchive(cmd.Context(), reg, session, args[0], identity, org, dryRun)
			}
			done, err := p.importList(cmd.Context(), reg, session, args[0], list, org, dryRun)
			if perr := p.printImported(done); perr != nil {
				return perr
			}
			return err
		},
	}
	cmd.Flags().StringVar(&list.mapFile, "map", "", "the mapping `file` of a spreadsheet")
	cmd.Flags().StringVar(&list.format, "format", "", "the `name` of the other system's format, or kua: an archive of Kua")
	cmd.Flags().StringVar(&identity, "identity", "", "the `file` with the key of age that opens a sealed archive")
	cmd.Flags().StringVar(&org, "org", "", "the `organisation` whose list it is; it is made if the register does not know it")
	packFlag(cmd, &pack)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would happen and change nothing")
	return cmd
}

// listFlags say how a list is read.
type listFlags struct {
	mapFile string // empty: the ready mapping of the format
	format  string // empty: a spreadsheet
}

// isList tells a list from a file of records, which needs neither.
func (l listFlags) isList() bool { return l.mapFile != "" || l.format != "" }

// from is what the flags say of a file, without its mapping. What lies beside the
// file is read, and nothing outside its folder.
func (l listFlags) from(file string) (takein.From, error) {
	f := takein.From{Called: filepath.Base(file), Format: l.format}
	if l.format != "" {
		if format, err := systems.Named(l.format); err != nil {
			return f, usage("%v", err)
		} else if format.Read == nil {
			return f, usage("%s is written and not read", l.format)
		}
	}
	dir := filepath.Dir(file)
	f.Name = f.Called
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		dir, f.Name = file, "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return f, fmt.Errorf("%s: %w", f.Called, takein.WithoutPath(err))
	}
	f.Folder = root.FS()
	return f, nil
}

// imported is `kua import --json`.
type imported struct {
	File     string                  `json:"file"`
	DryRun   bool                    `json:"dry_run,omitempty"`
	Rows     int                     `json:"rows"`
	Result   *registry.Import        `json:"result,omitempty"`
	Files    *registry.ImportedFiles `json:"files,omitempty"`
	Findings []intake.Finding        `json:"findings"`
	Errors   int                     `json:"errors"`
}

// findingsShown is how many findings are printed one by one; the rest are counted.
const findingsShown = 50

func (p *program) printImported(done imported) error {
	if p.json {
		if done.Findings == nil {
			done.Findings = []intake.Finding{}
		}
		return printJSON(p.out, done)
	}
	for i, f := range done.Findings {
		if i == findingsShown {
			fmt.Fprintf(p.out, "… and %d more; --json shows all\n", len(done.Findings)-findingsShown)
			break
		}
		fmt.Fprintf(p.out, "%s: %s\n", f.Severity, f)
	}
	if done.Result != nil {
		fmt.Fprintf(p.out, "%s: %d rows: %d new cases, %d changed, %d as they were; %d entries.\n", done.File, done.Rows, done.Result.New, done.Result.Changed, done.Result.Same, done.Result.Entries)
		if f := done.Files; f != nil {
			fmt.Fprintf(p.out, "files: %d new, %d the cases had", f.New, f.Same)
			if f.NoCase > 0 {
				fmt.Fprintf(p.out, ", %d of no case", f.NoCase)
			}
			fmt.Fprintln(p.out, ".")
			for _, name := range f.Refused {
				fmt.Fprintf(p.out, "warning: %s: empty or too large; not taken in\n", name)
			}
		}
		if done.DryRun {
			fmt.Fprintln(p.out, "So it would be. Nothing was changed.")
		}
	} else if done.DryRun && done.Errors == 0 && done.Rows > 0 {
		fmt.Fprintf(p.out, "%s: %d rows would be taken in. Nothing was changed.\n", done.File, done.Rows)
	}
	return nil
}

// dryRun looks at a file without a register.
func (p *program) dryRun(file string, flags listFlags, pack string) error {
	book, err := registry.LoadBook(pack)
	if err != nil {
		return err
	}
	_, done, err := readList(book, file, flags, edtf.DayOf(p.now()))
	done.DryRun = true
	if perr := p.printImported(done); perr != nil {
		return perr
	}
	return err
}

// importList takes in a list, or says what would become of it.
func (p *program) importList(ctx context.Context, reg *registry.Registry, session *access.Session, file string, flags listFlags, orgName string, dryRun bool) (imported, error) {
	list, done, err := readList(reg.Book(), file, flags, reg.Today())
	done.DryRun = dryRun
	if err != nil {
		return done, err
	}
	counts := true
	if !flags.isList() {
		orgName, counts = list.Org, list.Counts
	}
	var org registry.Org
	if len(list.Cases) > 0 || flags.isList() {
		var known bool
		org, known = reg.Organisation(ctx, orgName)
		switch {
		case dryRun && !known:
			return done, nil
		case dryRun:
			plan, err := list.Plan(ctx, reg, session, org.ID)
			if err == nil {
				done.Result = &plan
			}
			return done, err
		case !known:
			if org, err = reg.AddOrganisation(ctx, session, registry.NewOrganisation{Name: orgName, Counts: counts}); err != nil {
				return done, err
			}
		}
	}
	if dryRun {
		return done, nil
	}
	var cases, files *bar
	defer func() {
		for _, b := range []*bar{cases, files} {
			if b != nil {
				b.end()
			}
		}
	}()
	taken, err := list.TakeIn(ctx, reg, session, org.ID, takein.Progress{
		Cases: func(n, total int) {
			if cases == nil {
				cases = p.progress(list.File, total)
			}
			cases.step(n, total)
		},
		Files: func(n, total int) {
			if files == nil {
				files = p.progress("files", total)
			}
			files.step(n, total)
		},
	})
	done.Files = taken.Files
	if err == nil || taken.Files != nil {
		done.Result = &taken.Import
	}
	return done, err
}

// readList reads a list. The error says that nothing may be taken in; the findings say why.
func readList(book *codebook.Book, file string, flags listFlags, today edtf.Day) (*takein.List, imported, error) {
	done := imported{File: filepath.Base(file)}
	from, err := flags.from(file)
	if err != nil {
		return nil, done, err
	}
	if flags.mapFile != "" {
		from.MapName = filepath.Base(flags.mapFile)
		if from.Mapping, err = readFile(flags.mapFile, takein.MaxText); err != nil {
			return nil, done, err
		}
	} else if flags.format != "" {
		from.MapName = "the ready mapping of " + flags.format
	}
	list, err := takein.Read(book, from, today)
	done.Findings, done.Errors, done.Rows = list.Findings, list.Errors, list.Rows()
	return list, done, err
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// maxTextFile bounds what people write by hand.
const maxTextFile = takein.MaxText

func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), pe.Err)
		}
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d MiB; split it", filepath.Base(path), limit>>20)
	}
	return data, nil
}
