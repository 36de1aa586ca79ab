// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// FigureDef is what a figure means.
type FigureDef struct {
	ID     string
	Label  codebook.Label
	Help   codebook.Label // the definition, in words
	Unit   codebook.Label // what is counted
	Base   string         // the figure it is a share of; empty: none
	Sets   []string       // the sets it stands in, such as statement and way
	From   string         // where it is a link of the way: the figure from which it leads; empty: it is none
	To     string         // and the figure to which it leads
	Source codebook.Label // where the definition comes from
	Conf   string         // R text read, K known, U unsure, H house rule
	Expr   string         // the expression
}

// Interval is a span of effective days on which a unit counts in a figure: from From up to, not including, To.
// To is edtf.MaxDay where it has no end.
type Interval struct {
	Rule     string
	From, To edtf.Day
}

// Severity says how grave a breach is.
type Severity string

// The severities.
const (
	Breach  Severity = "B"
	Warning Severity = "W"
	Info    Severity = "I"
)

// Check states.
const (
	Met        = "met"
	Breached   = "breached"
	CannotTell = "cannot_tell"
)

// Finding is the answer of a check that applies to a case.
type Finding struct {
	Rule      string
	Label     codebook.Label
	Help      codebook.Label
	State     string // Met, Breached or CannotTell
	Severity  Severity
	Ours      bool     // what is late is ours to do
	Records   []string // the records that caused it
	Missing   []string // the fields for want of which it cannot be told, as kind.field
	Shown     []Measure
	Since     edtf.Day // since when it has been breached without a break; 0 where it is not
	Norm      codebook.Label
	Conf      string         // of the norm: R, K, U, H
	Next      codebook.Label // the next sensible step
	Unchecked bool           // the norm's text was not read (Conf is not R): for a lawyer to check
}

// Measure is something a check measured: days from the incident to the examination.
type Measure struct {
	Label codebook.Label
	Text  string
	List  string // the code list that Text is a code of; empty: none
}

// Who owes what a deadline asks for.
const (
	Them = "them"
	Us   = "us"
)

// Kinds of deadlines.
const (
	Due    = "due"    // must be done by the day
	Window = "window" // may be done up to the day
	Opens  = "opens"  // may be done from the day
)

// Deadline states.
const (
	Running = "running" // due, and the day has not passed; or a right that has not opened yet
	Overdue = "overdue" // due, the day has passed and it was not done
	Kept    = "kept"    // done in time
	Late    = "late"    // done, too late
	Open    = "open"    // a window or a right that can be used today
	Expired = "expired" // a window that has closed unused
	// CannotTell: a date is missing or too uncertain
)

// Deadline is one running of a deadline in a case.
type Deadline struct {
	Rule        string
	Label       codebook.Label
	Help        codebook.Label
	Owes        string // Them or Us
	Kind        string // Due, Window or Opens
	State       string
	Start       edtf.Day // the cautious start
	Due         edtf.Day // the cautious day: the last day of the term counted from Start
	DueArguable edtf.Day // counted from the latest day from which it can be argued to run; equal to Due where nothing is in dispute; edtf.MaxDay where it can be argued that it has not begun or has no end
	Done        edtf.Day // when it was done; 0 where it was not or is not known
	Days        int      // days left to Due; negative: days past
	Record      string   // the record that started it
	By          string   // the record by which it was done
	Missing     []string // the fields for want of which it cannot be told, as kind.field
	Norm        codebook.Label
	Conf        string
	Next        codebook.Label
	Unchecked   bool
	waits       bool // nothing was done yet
}
