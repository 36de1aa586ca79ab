// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
)

// Import is what a file would put into the register: all of it or nothing.
type Import struct {
	File string
	Rows []Row
}

// Row is one case of the list and the records made of it.
type Row struct {
	Key     string // the list's own number for the case; with the organisation it finds the case again
	Sheet   string
	RowNo   int
	Records []NewRecord // the first is the case itself (Local "case"), the last are the source rows as found (kind import_row)
	Sources []RawRow    // the source: the row of the case, then those of its steps
}

// NewRecord is one record to be put.
type NewRecord struct {
	Local  string // its name within the case, the same at every import of this row; of a record outside cases its id
	Kind   string
	Fields casefile.Fields // references to records of the same case are made ids by Resolve
	Source string          // who says so, where a record file says it; else empty
	Facts  []string        // the numbered facts of a story that it holds, where a record file says it
}

// RecordID makes the id of a record out of its case's id and its local name:
// 32 hex digits, the same at every import. The case's own record has the id of
// the case; a local name that is an id already (a record outside cases) stays.
func RecordID(caseID, local string) string {
	switch {
	case local == CaseLocal:
		return caseID
	case wholeID.MatchString(local):
		return local
	}
	h := sha256.Sum256([]byte("kua/import/record/1\x00" + caseID + "\x00" + local))
	return hex.EncodeToString(h[:16])
}

// CaseLocal is the local name of the record of the case itself.
const CaseLocal = "case"

// refMark begins the value of a field that refers to another record of the same
// row by its local name. No text of a cell can begin with it: clean takes
// control signs out.
const refMark = "\x01"

// Resolve returns the fields with the references to records of the same row
// replaced by their ids in this case.
func (r NewRecord) Resolve(caseID string) casefile.Fields {
	out := make(casefile.Fields, len(r.Fields))
	for id, values := range r.Fields {
		vs := make([]string, len(values))
		for i, v := range values {
			if local, ok := strings.CutPrefix(v, refMark); ok {
				v = RecordID(caseID, local)
			}
			vs[i] = v
		}
		out[id] = vs
	}
	return out
}

// Severity says whether a finding stops the import.
type Severity string

// The severities of findings.
const (
	Error   Severity = "error"   // nothing is imported
	Warning Severity = "warning" // imported, to be looked at
)

// Finding is one thing that is wrong, or looks wrong, in a file.
type Finding struct {
	File     string   `json:"file"`
	Sheet    string   `json:"sheet,omitempty"`
	Row      int      `json:"row,omitempty"`    // as the spreadsheet program numbers it; 0: the whole sheet
	Column   string   `json:"column,omitempty"` // letter and heading: "C (Family name)"
	Value    string   `json:"value,omitempty"`
	What     string   `json:"what"`           // what is wrong
	Want     string   `json:"want,omitempty"` // what was expected, or what to do
	Severity Severity `json:"severity"`
}

// String is the finding on one line.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Sheet != "" {
		fmt.Fprintf(&b, ", sheet %s", f.Sheet)
	}
	if f.Row > 0 {
		fmt.Fprintf(&b, ", row %d", f.Row)
	}
	if f.Column != "" {
		fmt.Fprintf(&b, ", column %s", f.Column)
	}
	b.WriteString(": ")
	if f.Value != "" {
		fmt.Fprintf(&b, "%q", short(f.Value))
		if first, _, _ := strings.Cut(f.What, " "); first != "is" && first != "lies" && first != "does" {
			b.WriteString(":")
		}
		b.WriteString(" ")
	}
	b.WriteString(f.What)
	if f.Want != "" {
		b.WriteString("; " + f.Want)
	}
	return b.String()
}

// short keeps a value in a message readable.
func short(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return string(r)
}
