// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// Change is one entry of a record's history.
type Change struct {
	Pos             uint64
	At              time.Time
	Author          string
	Op              Op
	Fields          Fields // as put; nil for a withdrawal
	IdentityMissing bool
	Reason, Source  string
}

// Record is one record of a case as its entries leave it.
type Record struct {
	ID, Kind, Case  string
	Fields          Fields
	Date            edtf.Date // effective date; zero where none is recorded
	Counts          edtf.Day  // the day from which it counts
	At              time.Time // when it was last written
	Author, Source  string    // of the last entry
	IdentityMissing bool      // the identity part exists and could not be opened
	Withdrawn       bool
	History         []Change // all entries of the record, oldest first

	dated bool // it says itself from when it counts
}

// Event is one line of a timeline: a record at its effective date, or at another of its dates.
type Event struct {
	Record   *Record
	Kind     string
	Field    string    // the date field that places it here; empty where the record has no date
	Date     edtf.Date // zero where the record has no date
	From, To edtf.Day  // the days it may have happened on; To is edtf.MaxDay where the end is open
	Further  bool      // a further date of a record that stands elsewhere by its effective date
}

// Stage is where a case stands.
type Stage struct {
	ID     string   // code of list stage
	Since  edtf.Day // the day from which it stands there; 0 where that is not recorded
	Branch string   // the branch that failed, if one did: a code of list stage such as not_complained, unregistered or closed
	Reason string   // why, where a code says so: the reason why there is no complaint, the ground of a closure
	Path   []Step   // the whole way, for drawing it
}

// Step is one station of the way from report to redress.
type Step struct {
	ID      string   // code of list stage
	Reached bool     // the case got there
	Failed  bool     // the way broke off here: the case took Branch instead
	Branch  string   // the branch it took: a code of list stage
	Since   edtf.Day // when it was reached, or failed; 0 where neither, or where that is not recorded
}
