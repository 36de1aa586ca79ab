// SPDX-License-Identifier: AGPL-3.0-or-later

package archive

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/casefile"
)

// Format and Version say what a file is.
const (
	Format  = "kua-archive"
	Version = 1
)

// The members of an archive, in the order in which they stand in it.
const (
	readmeName   = "README.txt"
	schemaName   = "schema.json"
	casesName    = "cases.jsonl"
	outsideName  = "outside.jsonl"
	filesFolder  = "files/" // each is named by its SHA-256
	manifestName = "manifest.json"
)

// The limits of what is read. What is written stays below them.
const (
	maxLine      = 16 << 20  // bytes of one entry
	maxManifest  = 64 << 20  // bytes
	maxDirectory = 512 << 20 // bytes of the list of members
	maxPerStream = 200_000   // entries of one case, or of one record outside cases
	// What is pressed closer than this is no text of records: their own words
	// stay far below it, and what is made to burst a reader far above.
	maxRatio, ratioFrom = 300, 4 << 20
)

// What a reader can be told.
var (
	// ErrNot says that a file is no archive.
	ErrNot = errors.New("this is no archive of Kua, or one that is cut short")
	// ErrNewer says that an archive is of a newer program.
	ErrNewer = errors.New("this archive was made by a newer Kua: read it with that")
	// ErrAltered says that an archive is not what it was when it was made.
	ErrAltered = errors.New("the archive is damaged or was altered: what is in it does not have the digest that its manifest gives; get it again")
	// ErrLimits says that an archive goes beyond what is read.
	ErrLimits = errors.New("the archive goes beyond what is read: docs/spec/archive.md has the limits")
)

// Manifest says what an archive is.
type Manifest struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	About    About     `json:"about"`
	Counts   Counts    `json:"counts"`
	People   []Person  `json:"people"` // those who wrote the entries
	Members  []Member  `json:"members"`
	Finished time.Time `json:"finished"`
}

// About is what whoever makes an archive says of it.
type About struct {
	Made          time.Time      `json:"made"`
	Program       string         `json:"program"`  // that made it
	Register      string         `json:"register"` // id of its ledger
	Entries       uint64         `json:"entries"`  // the ledger had when it was made
	Root          string         `json:"root"`     // of the ledger's tree then
	By            Person         `json:"by"`
	To            string         `json:"to,omitempty"`      // who gets it
	Purpose       string         `json:"purpose,omitempty"` // code of the purpose
	Reason        string         `json:"reason,omitempty"`
	KnownBy       *time.Time     `json:"known_by,omitempty"` // it holds what was known then; nothing: all
	Pack          string         `json:"pack"`
	Organisations []Organisation `json:"organisations"`
}

// Person is a member of the register that an archive is of.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Organisation is one whose cases are in an archive.
type Organisation struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Counts bool   `json:"counts"` // with the coalition
}

// Counts are how much is in an archive.
type Counts struct {
	Cases          int64 `json:"cases"`
	Entries        int64 `json:"entries"`         // of cases
	Outside        int64 `json:"outside"`         // records outside cases
	OutsideEntries int64 `json:"outside_entries"` // of these
	Files          int64 `json:"files"`           // different ones
	FileBytes      int64 `json:"file_bytes"`
	FilesMissing   int64 `json:"files_missing,omitempty"` // the register has their records and could not read them
}

// Member is a part of an archive. Files are not among them: each is named by its
// SHA-256.
type Member struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// The operations of an entry.
const (
	Put      = "put"
	Withdraw = "withdraw"
)

// Entry is one act of writing, as its register keeps it.
type Entry struct {
	Case      string          `json:"case,omitempty"` // id; empty: outside cases
	Record    string          `json:"record"`         // id
	Kind      string          `json:"kind"`
	Op        string          `json:"op"`
	Fields    casefile.Fields `json:"fields,omitempty"`
	Missing   bool            `json:"missing,omitempty"`    // some fields were erased
	FactsOnly bool            `json:"facts_only,omitempty"` // who somebody is was not open to who made the archive
	Partial   bool            `json:"partial,omitempty"`    // fields were left out that do not leave for its purpose
	At        time.Time       `json:"at"`                   // when it was written, as its register says
	By        string          `json:"by"`                   // id of who wrote it
	Reason    string          `json:"reason,omitempty"`
	Source    string          `json:"source,omitempty"`
	Register  string          `json:"register"` // id of the ledger it was written to
	Entry     uint64          `json:"entry"`    // its place there
}

// Stream is the id of the case, or of the record outside cases, that an entry is of.
func (e *Entry) Stream() string {
	if e.Case != "" {
		return e.Case
	}
	return e.Record
}

// check says what of an entry can't be.
func (e *Entry) check(inCase bool) error {
	switch {
	case inCase != (e.Case != ""), inCase && !isID(e.Case), !isID(e.Record), !isID(e.By), !isID(e.Register):
		return errors.New("an id is not 32 hexadecimal digits")
	case !isName(e.Kind):
		return errors.New("its kind is none")
	case e.Op != Put && e.Op != Withdraw, e.Op == Withdraw && len(e.Fields) > 0:
		return errors.New("it is neither put nor withdrawn")
	case e.At.IsZero(), e.At.Year() < 1970, e.At.Year() > 9999:
		return errors.New("it says no time at which it was written")
	case !utf8.ValidString(e.Reason), !utf8.ValidString(e.Source):
		return errors.New("its words are no UTF-8")
	}
	for id := range e.Fields {
		if !isName(id) {
			return fmt.Errorf("%q is no field", id)
		}
	}
	return nil
}

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isID(s string) bool { return isHex(s, 32) }

// isName tells whether a text can be the id of a kind or a field.
func isName(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
