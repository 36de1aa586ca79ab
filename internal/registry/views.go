// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/rules"
)

// What the index answers is passed on as it is.
type (
	Clock       = index.Clock
	Query       = index.Query
	Row         = index.Row
	Page        = index.Page
	Facet       = index.Facet
	FacetValue  = index.FacetValue
	FigureValue = index.FigureValue
)

// OverviewQuery asks for the overview.
type OverviewQuery struct {
	Clock    Clock
	Verified bool // figures, breaches and what is overdue only of cases whose last verdict is that they are verified
}

// Overview is what the first page shows.
type Overview struct {
	Clock    Clock
	Verified bool // see OverviewQuery
	Cases    int
	Units    int
	Orgs     []Org
	Figures  map[string]FigureValue
	Breaches []RuleCount // checks breached, most frequent first
	Overdue  []RuleCount // deadlines the authorities let pass
	Ours     []DeadlineRow
	Official []OutsideRecord // official and reported figures
	Promises []OutsideRecord // commitments
	InReview int             // cases the member may see that wait for a verdict
	Alarms   int             // in the audit that nobody has looked after; 0 for those who may not see them
	Latest   time.Time
	Entries  uint64
	Root     string
}

// Org is an organisation of the coalition.
type Org struct {
	ID, Name string
	Counts   bool // its cases count in the coalition's figures
	Cases    int
}

// RuleCount says in how many cases a check is breached or a deadline overdue.
type RuleCount struct {
	Rule  string
	Cases int
}

// DeadlineRow is a deadline with its case.
type DeadlineRow struct {
	Case     Row
	Deadline rules.Deadline
}

// OutsideRecord is a record outside cases.
type OutsideRecord struct {
	ID, Kind string
	Fields   casefile.Fields
	Date     edtf.Date
	At       time.Time
}

// Stats says how much the register holds.
type Stats = index.Stats

// Info says what this register is.
type Info struct {
	Counts        bool // the member may know how many cases and people there are
	Cases, Units  int
	Entries       uint64
	Format        int    // of the ledger's entries
	Root          string // of the ledger's tree, hex
	Ledger        string // the ledger's id
	Latest        time.Time
	Organisations int
	Members       int
}

// CaseView is all a member may see of one case.
type CaseView struct {
	Row       Row
	Clock     Clock
	Same      []Row // the other cases of the same person
	Stage     casefile.Stage
	Records   []*casefile.Record
	Withdrawn []*casefile.Record
	Outside   map[string]OutsideRecord // what records of the case refer to outside it, by id
	Timeline  []casefile.Event
	Checks    []rules.Finding
	Deadlines []rules.Deadline
	Review    ReviewView

	Restricted  bool             // its existence is shown only to those who were granted it by name
	Counted     bool             // those who count with the coalition read its facts
	MayWrite    bool             // the member may put and withdraw records: never in a case as it was known in the past
	MayComment  bool             // the member may add notes
	MayGrant    bool             // the member may say who else reads it
	Grants      []GrantView      // only where they may, or may revoke
	MayRevoke   bool             // the member's organisation kept it before: it may say who is not to read it
	Revoked     []RevocationView // what former keepers said, where there are grants
	HandTo      []Holder         // organisations of other nodes to which the member may hand it over
	Handed      string           // the organisation of another node to which it is on its way
	MayHandOver bool             // the member may make a bundle of it
	MayErase    bool             // the member may erase who it is about, or all of it
	Readers     []Reader         // only where they may
}

// FigureQuery asks for figures.
type FigureQuery struct {
	Clock    Clock
	Scope    string // "coalition" or an organisation's id; empty: coalition
	Set      string // a set of figures; empty: all
	Verified bool   // count only cases whose last verdict, as known at the clock, is that they are verified
}

// FigureTable is the answer, with all that is needed to ask the same again.
type FigureTable struct {
	Clock    Clock
	Scope    string
	Verified bool   // only verified cases were counted
	Entries  uint64 // entries of the ledger it was counted from
	Root     string // the ledger's root hash at that size, hex
	Values   []FigureValue
	Defs     map[string]rules.FigureDef
}
