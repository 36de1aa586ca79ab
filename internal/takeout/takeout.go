// SPDX-License-Identifier: AGPL-3.0-or-later

package takeout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/systems"
	"github.com/kua-registry/kua/internal/registry"
)

// Formats are the names of the formats that an export can have, the own one first.
func Formats() []string {
	names := []string{registry.ArchiveFormat}
	for _, f := range systems.All() {
		if f.Write != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// Known tells whether there is a format of that name to write.
func Known(name string) bool { return slices.Contains(Formats(), name) }

// Written is what was written.
type Written struct {
	Cases   int
	Entries int64           // of an archive
	Files   int64           // of an archive
	Report  *foreign.Report // of another system's format: what could not be carried; nil: an archive, which carries all
}

// With is what writing needs besides the export.
type With struct {
	Book    *codebook.Book
	Today   edtf.Day
	Program string // name and version of the program, for the manifest of an archive
}

// Write writes an export, sealed to the keys it was asked for with. What w got
// before an error is no whole file and opens as none.
func Write(w io.Writer, fetched registry.ExportFetch, with With) (Written, error) {
	to, err := dossier.Recipients(fetched.Act.Key)
	if err != nil {
		return Written{}, err
	}
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return Written{}, err
	}
	made, err := inFormat(sealed, fetched, with)
	if err != nil {
		return made, err // it is left without its end
	}
	return made, sealed.Close()
}

func inFormat(w io.Writer, fetched registry.ExportFetch, with With) (Written, error) {
	if fetched.Act.Format == registry.ArchiveFormat {
		m, err := fetched.Archive(w, with.Program)
		return Written{Cases: int(m.Counts.Cases), Entries: m.Counts.Entries + m.Counts.OutsideEntries, Files: m.Counts.Files}, err
	}
	made := Written{Cases: fetched.Export.Total}
	format, err := systems.Named(fetched.Act.Format)
	if err != nil {
		return made, err
	}
	if format.Write == nil {
		return made, errors.New("this program does not write the format " + fetched.Act.Format)
	}
	report, err := format.Write(w, with.Book, fetched.Export.Cases, foreign.Writing{Today: with.Today, Open: func(caseID, record string) (io.ReadCloser, error) {
		files, err := fetched.Export.Files(caseID)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if file.Record == record {
				return file.Open()
			}
		}
		return nil, fs.ErrNotExist
	}})
	if report != nil {
		made.Report, made.Cases = report, report.Cases
	}
	if err != nil {
		return made, fmt.Errorf("format %s: %w", fetched.Act.Format, err)
	}
	return made, nil
}
