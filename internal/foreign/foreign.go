// SPDX-License-Identifier: AGPL-3.0-or-later

package foreign

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/intake"
)

// Format is a format of another system.
type Format struct {
	Name  string // as --format names it: small letters, digits, hyphens
	About string // what it is, in a few words

	// Read reads the file of that name in a folder, or the folder itself (".").
	// What a file names besides itself is looked for in the same folder alone.
	// nil: the format is not read.
	Read func(folder fs.FS, name string, opts Reading) (*File, error)

	// Map is the ready mapping of what was read. Most have one for all files; it
	// is drafted from the file where an installation's own form says what the
	// columns are.
	Map func(f *File, book *codebook.Book) []byte

	// Write writes cases. nil: the format is not written.
	Write func(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], opts Writing) (*Report, error)
}

// Reading says what is known of a file before it is read.
type Reading struct {
	Limits intake.Limits // zero: intake.DefaultLimits
}

// Writing is what a writer needs besides the cases.
type Writing struct {
	Today edtf.Day
	// Open opens a file of a case (record of kind file); fs.ErrNotExist where it
	// is not there or may not leave. nil: no files are written.
	Open func(caseID, record string) (io.ReadCloser, error)
}

// File is what was read.
type File struct {
	Table    *intake.Table
	Attached []Attached
	Findings []intake.Finding // what the reader itself has to say; an Error stops the import
}

// Attached is a file that came with a case.
type Attached struct {
	Key  string // of the case: what stands in the key column of its row
	ID   string // the other system's own id of the file, or its path there: the same at each import
	Name string // as it was called
	Date string // since when it was there (EDTF); empty: not recorded
	Open func() (io.ReadCloser, error)
}

// ErrNotThis says that a file is not of the format it was read as. Errors of
// readers that wrap it need no more than what was found instead.
var ErrNotThis = errors.New("is not a file of this format")

// PlaceError is what is wrong with a file, and where.
type PlaceError struct {
	File  string // of the folder or archive, where there are several; may be empty
	Line  int    // from 1; 0: not known
	Where string // in words, such as "field eventdate of bulletin 3"; may be empty
	What  string // what is wrong, and what was expected
}

func (e *PlaceError) Error() string {
	var s string
	if e.File != "" {
		s = e.File + ", "
	}
	if e.Line > 0 {
		s += fmt.Sprintf("line %d, ", e.Line)
	}
	if e.Where != "" {
		s += e.Where + ", "
	}
	if s == "" {
		return e.What
	}
	return s[:len(s)-2] + ": " + e.What
}

// ReadFile reads a file of a folder whole, as far as the limits go.
func ReadFile(folder fs.FS, name string, limits intake.Limits) ([]byte, error) {
	limit := limits.OrDefault().Bytes
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &PlaceError{File: name, What: fmt.Sprintf("larger than %d MB: split it", limit>>20)}
	}
	return data, nil
}

// Attach is a file of a folder or archive that came with a case. It is looked
// for at once, and opened when it is taken in.
func Attach(folder fs.FS, name, key string) (Attached, error) {
	if !fs.ValidPath(name) {
		return Attached{}, fs.ErrInvalid
	}
	info, err := fs.Stat(folder, name)
	if err != nil {
		return Attached{}, err
	}
	if !info.Mode().IsRegular() {
		return Attached{}, fs.ErrInvalid
	}
	return Attached{Key: key, ID: name, Name: path.Base(name), Open: func() (io.ReadCloser, error) { return folder.Open(name) }}, nil
}
