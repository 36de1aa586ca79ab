// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Coalition is the scope of all organisations that count together.
const Coalition = "coalition"

// Settings are what a text's figures take where they say nothing else.
type Settings struct {
	AsOf    edtf.Day  // facts up to the end of that day
	KnownBy time.Time // entries up to that moment; zero: all
	Scope   string    // Coalition, or an organisation's id or name; empty: Coalition
	K       int       // a breakdown shows no cell of fewer people
}

// The least number of people a cell of a published table stands for: what it is
// where nobody says, and what nobody goes below. Ten or five are usual in
// official statistics; three is the least that keeps two who know each other
// from finding the third.
const (
	DefaultK = 5
	LeastK   = 3
)

// Ask is one question to the register: how many, or how many in each cell.
type Ask struct {
	Figure   string
	AsOf     edtf.Day
	KnownBy  time.Time // zero: all
	Scope    string
	Verified bool     // only of cases whose last verdict is that they are verified
	By       []string // facets; none: the whole figure
}

// Key is the same for the same question.
func (a Ask) Key() string {
	known := ""
	if !a.KnownBy.IsZero() {
		known = a.KnownBy.UTC().Format(time.RFC3339Nano)
	}
	verified := ""
	if a.Verified {
		verified = "verified"
	}
	return strings.Join([]string{a.Figure, a.AsOf.String(), known, a.Scope, verified, strings.Join(a.By, ",")}, "|")
}

// OutsideAsk asks for a figure that somebody else published.
type OutsideAsk struct {
	Indicator string // what is counted: code of list indicator
	By        string // who published it; empty: anybody
	On        string // when, as 2022-03-14; empty: any day
}

// Key is the same for the same question.
func (a OutsideAsk) Key() string { return a.Indicator + "|" + a.By + "|" + a.On }

// Answer is what the register says to an Ask.
type Answer struct {
	Ask
	Label codebook.Label
	Help  codebook.Label // the definition in words
	Unit  codebook.Label // what is counted
	Norm  codebook.Label // where the definition comes from
	Expr  string         // the definition as the register evaluates it
	Value int
	Base  int    // of the figure it is a share of; -1: none
	Of    string // the id of that figure
	Facet []Facet
	Cells []Cell // with By: one for each combination that is met
	Rest  Cell   // with By: those of which it is not recorded, or not told
	Units []Unit // the people and incidents counted, never shown
}

// Facet names a facet of a breakdown.
type Facet struct {
	ID    string
	Label codebook.Label
	List  string // the code list
	Many  bool   // one case may stand in several cells
}

// Cell is one cell of a breakdown.
type Cell struct {
	Codes  []string // one for each of By
	Value  int
	Hidden bool // too few to be told, or what would tell them
}

// Unit is one person and incident that was counted, with the ids of its cases.
type Unit struct {
	Cases []string
	Codes [][]string // with By: the codes of each facet
	Whole bool       // it is told in the whole figure alone, and in no cell
}

// in tells whether a unit stands in a cell.
func (u Unit) in(codes []string) bool {
	if u.Whole {
		return false
	}
	for i, code := range codes {
		if !slices.Contains(u.Codes[i], code) {
			return false
		}
	}
	return true
}

// OutsideAnswer is a figure that somebody else published.
type OutsideAnswer struct {
	OutsideAsk
	Record                      string // its id in the register
	Label                       codebook.Label
	Value                       string
	AtLeast                     bool
	Unit                        string // code of list figure_unit
	Publisher, Says, Source     codebook.Label
	SourceKind, Date, CountedTo string
}

// asks reads what a directive asks.
func (d Directive) asks(set Settings, sets func(string) []string) ([]Ask, error) {
	base := Ask{AsOf: set.AsOf, KnownBy: set.KnownBy, Scope: cmp.Or(set.Scope, Coalition)}
	if day := d.Args["asof"]; day != "" {
		asOf, err := edtf.ParseDay(day)
		if err != nil {
			return nil, fault(d.Line, `asof="%s" is no day: write it as 2022-05-17`, clip(day))
		}
		base.AsOf = asOf
	}
	if known := d.Args["known"]; known != "" {
		at, err := ParseMoment(known)
		if err != nil {
			return nil, fault(d.Line, `known="%s" is no moment: write 2022-05-17 (until its end, UTC) or 2022-05-17T18:00:00Z`, clip(known))
		}
		base.KnownBy = at
	}
	if scope := d.Args["scope"]; scope != "" {
		base.Scope = scope
	}
	base.Verified = d.Args["verified"] != "" && d.Args["verified"] != "no"
	if by := d.Args["by"]; by != "" {
		for facet := range strings.SplitSeq(by, ",") {
			if facet = strings.TrimSpace(facet); facet == "" || slices.Contains(base.By, facet) {
				return nil, fault(d.Line, `by="%s": name one facet, or two with a comma between them`, clip(by))
			}
			base.By = append(base.By, facet)
		}
		if len(base.By) > 2 {
			return nil, fault(d.Line, `by="%s": a table has two sides: name one facet, or two`, clip(by))
		}
	}
	var asks []Ask
	figures := d.What
	if set := d.Args["set"]; set != "" {
		if figures = append(slices.Clone(figures), sets(set)...); len(figures) == len(d.What) {
			return nil, fault(d.Line, "there is no set of figures %q", clip(set))
		}
	}
	if len(figures) == 0 {
		return nil, fault(d.Line, `{{%s}} wants to know of which figure: {{%s "reports"}}`, d.Name, d.Name)
	}
	if len(base.By) > 0 && len(figures) > 1 {
		return nil, fault(d.Line, "one figure at a time can be broken down")
	}
	if d.Name == "map" {
		base.By = []string{"region"}
	}
	if d.Name == "figure" && d.Args["code"] != "" && len(base.By) != 1 {
		return nil, fault(d.Line, `code="%s" wants to know of which facet: by="region"`, clip(d.Args["code"]))
	}
	if d.Name == "figure" && len(base.By) > 0 && d.Args["code"] == "" {
		return nil, fault(d.Line, `{{figure}} is one number: name the cell with code="…", or make it a {{table}}`)
	}
	for _, figure := range figures {
		a := base
		a.Figure = figure
		asks = append(asks, a)
	}
	return asks, nil
}

// ParseMoment reads a day, which is meant until its end (UTC), or a moment.
func ParseMoment(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Millisecond), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a day nor a moment", clip(text))
	}
	return at, nil
}

// Asks are the questions of the text to the register, each once, in the order
// in which they stand. sets answers the figures of a set.
func (t *Text) Asks(set Settings, sets func(string) []string) ([]Ask, error) {
	var asks []Ask
	seen := map[string]bool{}
	for _, d := range t.directives {
		switch d.Name {
		case "figure", "table", "chart", "map":
			found, err := d.asks(set, sets)
			if err != nil {
				return nil, err
			}
			for _, a := range found {
				if !seen[a.Key()] {
					seen[a.Key()] = true
					asks = append(asks, a)
				}
			}
		}
	}
	return asks, nil
}

// OutsideAsks are the questions for what others published, each once.
func (t *Text) OutsideAsks() (asks []OutsideAsk) {
	for _, d := range t.directives {
		if d.Name == "outside" {
			if a := d.outside(); !slices.Contains(asks, a) {
				asks = append(asks, a)
			}
		}
	}
	return asks
}

func (d Directive) outside() OutsideAsk {
	return OutsideAsk{Indicator: d.What[0], By: d.Args["by"], On: d.Args["on"]}
}

// LineOf is the line of the first directive that asks a question; 0: none.
func (t *Text) LineOf(key string, set Settings, sets func(string) []string) int {
	for _, d := range t.directives {
		if d.Name == "outside" && d.outside().Key() == key {
			return d.Line
		}
		if asks, err := d.asks(set, sets); err == nil && slices.ContainsFunc(asks, func(a Ask) bool { return a.Key() == key }) {
			return d.Line
		}
	}
	return 0
}

// Languages are the languages a statement can be in.
func Languages() []string { return []string{"en", "ru", "kk"} }
