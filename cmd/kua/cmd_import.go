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
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/systems"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
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
evidence, each once. Formats: ` + formatNames() + `.

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
			var done imported
			if !list.isList() {
				done, err = importRecords(cmd.Context(), reg, session, args[0], dryRun)
			} else {
				done, err = p.importList(cmd.Context(), reg, session, args[0], list, org, dryRun)
			}
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

func formatNames() string {
	var names []string
	for _, f := range systems.All() {
		if f.Read != nil {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// readForeign reads a file or folder of another system.
func readForeign(path, name string) (*foreign.File, foreign.Format, error) {
	format, err := systems.Named(name)
	if err != nil {
		return nil, format, usage("%v", err)
	}
	if format.Read == nil {
		return nil, format, usage("%s is written and not read", name)
	}
	dir, base := filepath.Dir(path), filepath.Base(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir, base = path, "."
	}
	root, err := os.OpenRoot(dir) // what lies beside a file is read, and nothing outside its folder
	if err != nil {
		return nil, format, fmt.Errorf("%s: %w", filepath.Base(path), withoutPath(err))
	}
	f, err := format.Read(root.FS(), base, foreign.Reading{})
	if err != nil {
		return nil, format, fmt.Errorf("%s: %w", filepath.Base(path), withoutPath(err))
	}
	return f, format, nil
}

// withoutPath is an error without the path on this machine.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
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
	var done imported
	if !flags.isList() {
		records, err := readRecords(file, book)
		if err != nil {
			return err
		}
		done = imported{File: filepath.Base(file), DryRun: true, Rows: len(records.Cases) + len(records.Outside)}
	} else {
		_, _, done, err = p.readList(book, file, flags, edtf.DayOf(p.now()))
		done.DryRun = true
	}
	if perr := p.printImported(done); perr != nil {
		return perr
	}
	return err
}

// importList takes in a spreadsheet.
func (p *program) importList(ctx context.Context, reg *registry.Registry, session *access.Session, file string, flags listFlags, orgName string, dryRun bool) (imported, error) {
	list, attached, done, err := p.readList(reg.Book(), file, flags, reg.Today())
	if err != nil || dryRun {
		done.DryRun = dryRun
		return done, err
	}
	org, ok := reg.Organisation(ctx, orgName)
	if !ok {
		if org, err = reg.AddOrganisation(ctx, session, registry.NewOrganisation{Name: orgName, Counts: true}); err != nil {
			return done, err
		}
	}
	bar := p.progress(filepath.Base(file), len(list.Rows))
	result, err := reg.Import(ctx, session, org.ID, "list: "+list.File, caseImports(list.Rows), bar.step)
	bar.end()
	if err != nil {
		return done, err
	}
	done.Result = &result
	if len(attached) == 0 {
		return done, nil
	}
	bar = p.progress("files", len(attached))
	files, err := reg.ImportFiles(ctx, session, org.ID, list.File, attached, bar.step)
	bar.end()
	done.Files = &files
	return done, err
}

// readList reads a spreadsheet by its mapping. The error says that nothing may
// be taken in; the findings say why.
func (p *program) readList(book *codebook.Book, path string, flags listFlags, today edtf.Day) (*intake.Import, []registry.CaseFile, imported, error) {
	name := filepath.Base(path)
	done := imported{File: name}
	var text []byte
	var err error
	mapName := flags.mapFile
	if mapName != "" {
		if text, err = readFile(mapName, maxTextFile); err != nil {
			return nil, nil, done, err
		}
	}
	var file *foreign.File
	if flags.format != "" {
		var format foreign.Format
		if file, format, err = readForeign(path, flags.format); err != nil {
			return nil, nil, done, err
		}
		if mapName == "" {
			text, mapName = format.Map(file, book), "the ready mapping of "+format.Name
		}
	}
	mapping, err := intake.ParseMapping(text, book)
	if err != nil {
		return nil, nil, done, fmt.Errorf("%s: %w", filepath.Base(mapName), err)
	}
	if file == nil {
		data, err := readFile(path, intake.DefaultLimits().Bytes)
		if err != nil {
			return nil, nil, done, err
		}
		t, err := intake.ReadTable(data, mapping.ReadOptions(name))
		if err != nil {
			return nil, nil, done, err
		}
		file = &foreign.File{Table: t}
	}
	list, findings, err := mapping.Run(book, file.Table, intake.RunOptions{Today: today})
	done.Findings = append(file.Findings, findings...)
	for _, f := range done.Findings {
		if f.Severity == intake.Error {
			done.Errors++
		}
	}
	switch {
	case err != nil:
		return nil, nil, done, fmt.Errorf("%s: %w", name, err)
	case done.Errors > 0:
		return nil, nil, done, fmt.Errorf("%s: %s; nothing was taken in", name, counted(done.Errors, "cell does not fit", "cells do not fit"))
	}
	done.Rows = len(list.Rows)
	return list, caseFiles(file.Attached), done, nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// importRecords takes in a YAML file of records.
func importRecords(ctx context.Context, reg *registry.Registry, session *access.Session, file string, dryRun bool) (imported, error) {
	done := imported{File: filepath.Base(file), DryRun: dryRun}
	records, err := readRecords(file, reg.Book())
	if err != nil {
		return done, err
	}
	done.Rows = len(records.Cases) + len(records.Outside)
	if dryRun {
		return done, nil
	}
	source := "file: " + done.File
	var result registry.Import
	if len(records.Outside) > 0 {
		outside := make([]registry.Put, len(records.Outside))
		for i, r := range records.Outside {
			outside[i] = registry.Put{Record: r.Local, Kind: r.Kind, Fields: r.Resolve(""), Source: r.Source}
		}
		if result, err = reg.PutOutside(ctx, session, source, outside); err != nil {
			return done, err
		}
	}
	if len(records.Cases) > 0 {
		org, ok := reg.Organisation(ctx, records.Organisation)
		if !ok {
			if org, err = reg.AddOrganisation(ctx, session, registry.NewOrganisation{Name: records.Organisation, Counts: records.Counts}); err != nil {
				return done, err
			}
		}
		cases, err := reg.Import(ctx, session, org.ID, source, caseImports(records.Cases), nil)
		if err != nil {
			return done, err
		}
		result.New += cases.New
		result.Changed += cases.Changed
		result.Same += cases.Same
		result.Entries += cases.Entries
	}
	done.Result = &result
	return done, nil
}

func readRecords(file string, book *codebook.Book) (*intake.RecordFile, error) {
	data, err := readFile(file, maxTextFile)
	if err != nil {
		return nil, err
	}
	records, err := intake.ReadRecords(data, book)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return records, nil
}

// caseImports hands rows to the registry in its own terms.
func caseImports(rows []intake.Row) []registry.CaseImport {
	out := make([]registry.CaseImport, len(rows))
	for i, row := range rows {
		out[i] = registry.CaseImport{Key: row.Key, Records: func(caseID string) []registry.Put {
			puts := make([]registry.Put, len(row.Records))
			for j, r := range row.Records {
				puts[j] = registry.Put{Record: intake.RecordID(caseID, r.Local), Kind: r.Kind, Fields: r.Resolve(caseID), Source: r.Source}
			}
			return puts
		}}
	}
	return out
}

// caseFiles hands files that came with cases to the registry in its own terms.
func caseFiles(attached []foreign.Attached) []registry.CaseFile {
	out := make([]registry.CaseFile, len(attached))
	for i, a := range attached {
		out[i] = registry.CaseFile{Key: a.Key, Name: a.Name, Date: a.Date, Open: a.Open}
	}
	return out
}

// maxTextFile bounds mappings and record files: far above what people write by hand.
const maxTextFile = 4 << 20

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
