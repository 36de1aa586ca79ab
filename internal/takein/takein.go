// SPDX-License-Identifier: AGPL-3.0-or-later

package takein

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/systems"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
)

// MaxText is how large a mapping or a file of records may be, in bytes: far above
// what people write by hand.
const MaxText = 4 << 20

// Formats are the formats of other systems that are read, by name.
func Formats() []string {
	var names []string
	for _, f := range systems.All() {
		if f.Read != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// From is what a list is read from.
type From struct {
	Folder  fs.FS         // where the file lies: what it names besides itself is looked for here, and nowhere else
	Name    string        // of the file in the folder; "." is the folder itself
	Called  string        // what messages call it; empty: Name
	Format  string        // of another system (one of Formats); empty: a spreadsheet, or a file of records named .yaml
	Mapping []byte        // nil: the ready one of the format; of a spreadsheet, one that is drafted
	MapName string        // what messages call the mapping; empty: "the mapping"
	Limits  intake.Limits // zero: intake.DefaultLimits
}

func (f From) called() string {
	if f.Called != "" {
		return f.Called
	}
	return path.Base(f.Name)
}

// Records tells whether it is a file of records.
func (f From) Records() bool {
	name := strings.ToLower(f.called())
	return f.Format == "" && f.Mapping == nil && (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml"))
}

// List is a list that was read. Where a cell does not fit it has findings and no cases.
type List struct {
	File     string
	Cases    []intake.Row
	Outside  []intake.NewRecord // records outside cases, of a file of records
	Org      string             // name of the organisation whose cases they are, where the file says it
	Counts   bool               // what the file says of that organisation: its cases count with the coalition
	Attached []foreign.Attached
	Findings []intake.Finding
	Errors   int            // of the findings, those that keep the list out
	Mapping  []byte         // by which it was read; none: it needs none
	Routes   []intake.Route // where the columns go by it
	source   string
}

// Rows is how many cases and records outside cases it has.
func (l *List) Rows() int { return len(l.Cases) + len(l.Outside) }

// MappingError says that a mapping is wrong, or does not fit its file.
type MappingError struct{ Err error }

func (e *MappingError) Error() string { return e.Err.Error() }
func (e *MappingError) Unwrap() error { return e.Err }

// UnfitError says that cells do not fit; the findings of the list say which.
type UnfitError struct {
	File  string
	Cells int
}

func (e *UnfitError) Error() string {
	cells := "1 cell does not fit"
	if e.Cells != 1 {
		cells = fmt.Sprintf("%d cells do not fit", e.Cells)
	}
	return fmt.Sprintf("%s: %s; nothing was taken in", e.File, cells)
}

// Map is the mapping by which a list is read if none is given: the ready one of
// its format, or a draft.
func Map(book *codebook.Book, from From) ([]byte, error) {
	_, text, err := table(book, from, intake.ReadOptions{})
	return text, err
}

// table reads the file. text is the mapping it is read by if none is given.
func table(book *codebook.Book, from From, opts intake.ReadOptions) (file *foreign.File, text []byte, err error) {
	if from.Format != "" {
		format, err := systems.Named(from.Format)
		if err != nil {
			return nil, nil, err
		}
		if format.Read == nil {
			return nil, nil, fmt.Errorf("%s is written and not read", from.Format)
		}
		if file, err = format.Read(from.Folder, from.Name, foreign.Reading{Limits: from.Limits}); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", from.called(), WithoutPath(err))
		}
		if from.Mapping == nil {
			text = format.Map(file, book)
		}
		return file, text, nil
	}
	data, err := readFile(from, from.Limits.OrDefault().Bytes)
	if err != nil {
		return nil, nil, err
	}
	opts.Name, opts.Limits = from.called(), from.Limits
	t, err := intake.ReadTable(data, opts)
	if err != nil {
		return nil, nil, err
	}
	if from.Mapping == nil {
		text = intake.DraftMapping(t, book)
	}
	return &foreign.File{Table: t}, text, nil
}

// Read reads a list. With an error nothing may be taken in; the list is there all
// the same as far as it was read, and its findings say why (UnfitError).
func Read(book *codebook.Book, from From, today edtf.Day) (*List, error) {
	list := &List{File: from.called()}
	if from.Records() {
		return list, list.records(book, from)
	}
	list.source = "list: " + list.File
	var mapping *intake.Mapping
	var opts intake.ReadOptions
	parse := func(text []byte) (err error) {
		list.Mapping = text
		if mapping, err = intake.ParseMapping(text, book); err != nil {
			return &MappingError{fmt.Errorf("%s: %w", cmp.Or(from.MapName, "the mapping"), err)}
		}
		list.Routes = mapping.Routes()
		return nil
	}
	if from.Mapping != nil {
		if err := parse(from.Mapping); err != nil {
			return list, err
		}
		opts = mapping.ReadOptions(list.File)
	}
	file, text, err := table(book, from, opts)
	if err != nil {
		return list, err
	}
	list.Attached = file.Attached
	if mapping == nil {
		if err := parse(text); err != nil {
			return list, err
		}
	}
	read, findings, err := mapping.Run(book, file.Table, intake.RunOptions{Today: today})
	list.Findings = append(file.Findings, findings...)
	for _, f := range list.Findings {
		if f.Severity == intake.Error {
			list.Errors++
		}
	}
	switch {
	case err != nil:
		return list, &MappingError{fmt.Errorf("%s: %w", list.File, err)}
	case list.Errors > 0:
		return list, &UnfitError{list.File, list.Errors}
	}
	list.Cases = read.Rows
	return list, nil
}

func (l *List) records(book *codebook.Book, from From) error {
	l.source = "file: " + l.File
	data, err := readFile(from, MaxText)
	if err != nil {
		return err
	}
	read, err := intake.ReadRecords(data, book)
	if err != nil {
		return fmt.Errorf("%s: %w", l.File, err)
	}
	l.Cases, l.Outside, l.Org, l.Counts = read.Cases, read.Outside, read.Organisation, read.Counts
	return nil
}

func readFile(from From, limit int64) ([]byte, error) {
	name := from.called()
	f, err := from.Folder.Open(from.Name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, WithoutPath(err))
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, WithoutPath(err))
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d MiB; split it", name, limit>>20)
	}
	return data, nil
}

// WithoutPath is an error without the path on this machine: what a reader is told names the file as they do.
func WithoutPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Register is what lists are taken into.
type Register interface {
	PlanImport(ctx context.Context, s *access.Session, org string, source string, cases []registry.CaseImport) (registry.Import, error)
	Import(ctx context.Context, s *access.Session, org, source string, cases []registry.CaseImport, progress func(done, total int)) (registry.Import, error)
	ImportFiles(ctx context.Context, s *access.Session, org, list string, files []registry.CaseFile, progress func(done, total int)) (registry.ImportedFiles, error)
	PutOutside(ctx context.Context, s *access.Session, source string, puts []registry.Put) (registry.Import, error)
}

// Done says what became of a list.
type Done struct {
	registry.Import
	Files *registry.ImportedFiles // nil: no files came with it
}

// Progress is told how far it is; either may be nil.
type Progress struct {
	Cases, Files func(done, total int)
}

// Plan says what taking a list into an organisation (its id) would do to its cases,
// and changes nothing. Records outside cases and files are not in it.
func (l *List) Plan(ctx context.Context, reg Register, s *access.Session, org string) (registry.Import, error) {
	return reg.PlanImport(ctx, s, org, l.source, l.imports())
}

// TakeIn takes a list into an organisation (its id): all of its cases, or none of
// them with an error; then the files that came with them. What was done before an
// error is in Done.
func (l *List) TakeIn(ctx context.Context, reg Register, s *access.Session, org string, p Progress) (Done, error) {
	var done Done
	if len(l.Outside) > 0 {
		outside := make([]registry.Put, len(l.Outside))
		for i, r := range l.Outside {
			outside[i] = registry.Put{Record: r.Local, Kind: r.Kind, Fields: r.Resolve(""), Source: r.Source}
		}
		var err error
		if done.Import, err = reg.PutOutside(ctx, s, l.source, outside); err != nil {
			return done, err
		}
	}
	if len(l.Cases) > 0 || len(l.Outside) == 0 {
		cases, err := reg.Import(ctx, s, org, l.source, l.imports(), p.Cases)
		if err != nil {
			return done, err
		}
		done.New += cases.New
		done.Changed += cases.Changed
		done.Same += cases.Same
		done.Entries += cases.Entries
	}
	if len(l.Attached) == 0 {
		return done, nil
	}
	files := make([]registry.CaseFile, len(l.Attached))
	for i, a := range l.Attached {
		files[i] = registry.CaseFile{Key: a.Key, Name: a.Name, Date: a.Date, Open: a.Open}
	}
	taken, err := reg.ImportFiles(ctx, s, org, l.File, files, p.Files)
	done.Files = &taken
	return done, err
}

// imports hands cases to the registry in its own terms.
func (l *List) imports() []registry.CaseImport {
	out := make([]registry.CaseImport, len(l.Cases))
	for i, row := range l.Cases {
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
