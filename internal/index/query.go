// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// Clock is the pair of moments every figure and every view of the register takes.
type Clock struct {
	AsOf    edtf.Day  // facts up to the end of that day
	KnownBy time.Time // entries up to that moment, inclusive; zero: all
}

// Query selects cases. Zero values select all.
type Query struct {
	Text     string              // full-text search: names in any script, numbers, places, words
	Facets   map[string][]string // facet id → codes, any of them; different facets must all hold
	Figure   string              // only cases of units counted by this figure in Scope at Clock
	Scope    string              // "coalition" or an organisation's id; empty: all cases
	Verified bool                // only cases whose last verdict is that they are verified; with Figure: of units counted of these alone
	Rule     string              // only cases in which this check is breached, or this deadline overdue, at Clock
	With     []Term              // only cases that have all of these at Clock
	Clock    Clock
	See      See    // what the reader may see of each case; nil: all of all (never from a page's parameters)
	Sort     string // number, reported and updated (the latest first), incident, stage; empty: best match for Text, else reported
	After    string // cursor of the page before
	Limit    int    // 1 to 200; 0: 50
}

// Sight is how much of a case a reader may see.
type Sight uint8

// The sights. Of what is not to be seen at all nothing is told: not that it is there.
const (
	Nothing Sight = iota
	Facts         // not who anybody is: no name, no words, not the organisation's own number
	All
)

// See answers how much of a case a reader may see. The registry makes it; nil: all of all.
type See func(caseID string) Sight

func (see See) of(id string) Sight {
	if see == nil {
		return All
	}
	return see(id)
}

// Row is one case in a list.
type Row struct {
	ID, Number, Org, OrgName, ExternalID, Cluster string
	Others                                        int    // other cases in the same cluster, of those the reader may see
	Name                                          string // empty where the identity part is not open to the reader
	FactsOnly                                     bool   // it is not open to the reader
	Child                                         bool
	Sex, Region, PlaceType                        string // codes
	Incident                                      edtf.Date
	Reported                                      edtf.Day
	Stage                                         string // code of list stage
	StageSince                                    edtf.Day
	Breaches, Overdue                             int
	Review                                        string // code of list review_state
	Verdict                                       string // the last one, which stands until the next; empty: none
	Changed                                       bool   // since the verdict
	Updated                                       time.Time
}

// Page is one page of cases with what the whole selection holds.
type Page struct {
	Rows   []Row
	Total  int
	Facets []Facet
	Next   string // cursor of the next page; empty: this is the last
	Hidden int    // cases behind the figure that the reader may not see; 0: none, or too few to be told
}

// Facet counts the cases of a selection by one field.
type Facet struct {
	ID     string // org, stage, region, place_type, sex, child, method, article, offence, body, review
	List   string // the code list its codes are from; empty for org
	Values []FacetValue
}

// FacetValue is one code of a facet.
type FacetValue struct {
	Code     string
	Label    string // only where the code is not of a list (organisations)
	Count    int
	Selected bool
}

// FigureValue is one figure at one clock.
type FigureValue struct {
	ID    string
	Value int
	Base  int // the value of the figure it is a share of; -1 where it has none
}
