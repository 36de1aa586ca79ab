// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/survival"
)

// SpreadQuery asks how the units of a figure spread over time, places and kinds.
type SpreadQuery struct {
	Clock    Clock // AsOf must be set
	Scope    string
	Verified bool
	Figure   string // an id
	Waits    []Wait
}

// Wait is a time that is measured, from the day a figure begins to hold to the
// day another does.
type Wait struct{ ID, Start, Event string } // Start and Event are ids of figures

// Spread is the answer to a SpreadQuery.
type Spread struct {
	Series     []SeriesPoint
	Breakdowns []Breakdown
	Survivals  []Survival
}

// SeriesPoint is a figure as of a day by both clocks.
type SeriesPoint struct {
	Day  edtf.Day
	Now  int // by what is known at the clock
	Then int // by what was known at the end of Day (UTC), and at the clock
}

// Breakdown spreads the units of a figure over the codes of a facet.
type Breakdown struct {
	Facet string // region, body, place_type, article, method, sex, child, age_band, stage
	List  string // the code list of Cell.Code
	Many  bool   // a unit stands in several cells, so that they add up to more than the figure
	Cells []Cell // the most frequent first
	Rest  int    // units in no cell: not recorded by that day, or not told (see package index, "Units")
}

// Cell is how many units have a code.
type Cell struct {
	Code  string
	Value int
}

// Survival is how long a Wait took. What had not come by the clock's day is
// censored then, never left out. Units = Events + Censored.
type Survival struct {
	ID, Start, Event        string
	Units, Events, Censored int
	Steps                   []survival.Step
	Median, Low, High       int // days; -1: not reached
}

// mostPoints is how many months a series goes back.
const mostPoints = 60

// Spread answers how the units of a figure spread at a clock. A figure that is none is ErrNoRule.
func (ix *Index) Spread(ctx context.Context, q SpreadQuery) (spread Spread, err error) {
	err = ix.read(ctx, func(c *conn) error {
		scope, err := scopeNo(c, q.Scope, q.Verified)
		if err != nil {
			return err
		}
		s, err := ix.spreader(q)
		if err != nil {
			return err
		}
		known := moment(q.Clock.KnownBy)
		if err := ix.eachUnit(ctx, c, scope, known, s.add); err != nil {
			return err
		}
		spread.Breakdowns = s.breakdowns()
		for i, w := range q.Waits {
			e := survival.Curve(s.observations(i))
			spread.Survivals = append(spread.Survivals, Survival{w.ID, w.Start, w.Event, e.Units, e.Events, e.Censored, e.Steps, e.Median, e.Low, e.High})
		}
		spread.Series, err = s.series(func(day edtf.Day) (int, error) {
			then := Clock{day, time.UnixMilli(min(known, endOfDay(day)))}
			return countSpans(c, scope, s.rule, then)
		})
		return err
	})
	return spread, failed("counting", err)
}

// msOfDay is a day in the measure of known time.
const msOfDay = 24 * 60 * 60 * 1000

// endOfDay is the last moment of a day, UTC, in the index's measure.
func endOfDay(day edtf.Day) int64 { return (int64(day)+1)*msOfDay - 1 }

// breakdownOf is a facet that is broken down by; its fields are those by which lists are filtered.
func breakdowns() []facet {
	ids := []string{"region", "body", "place_type", "article", "method", "sex", "child"}
	var found []facet
	for _, id := range ids {
		all := facets()
		found = append(found, all[slices.IndexFunc(all, func(f facet) bool { return f.id == id })])
	}
	return append(found,
		facet{"age_band", "age_band", []facetField{{"person", "age_band"}}},
		facet{id: "stage", list: "stage"}) // of no field: see cells
}

// cell is a stretch of days on which a file has a code of a facet.
type cell struct {
	facet    int // its place among the breakdowns
	code     string
	from, to edtf.Day
}

// cells finds under which codes a file counts, and from when: a code from the day on which a record that has it begins to count.
func (ix *Index) cells(c *casefile.Case) []cell {
	var all []cell
	for i, f := range breakdowns() {
		since := map[string]edtf.Day{}
		for _, from := range f.from {
			records := c.Of(from.kind)
			if from.kind == "person" {
				records = victims(c)
			}
			for _, rec := range records {
				for _, code := range rec.Fields[from.field] {
					if day, ok := since[code]; !ok || rec.Counts < day {
						since[code] = rec.Counts
					}
				}
			}
		}
		for code, day := range since {
			all = append(all, cell{i, code, day, edtf.MaxDay})
		}
		if f.id == "stage" {
			stages := ix.stages(c)
			for j, st := range stages {
				to := edtf.MaxDay
				if j+1 < len(stages) {
					to = stages[j+1].from
				}
				if st.id != "" {
					all = append(all, cell{i, st.id, st.from, to})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.facet, b.facet), cmp.Compare(a.code, b.code), cmp.Compare(a.from, b.from))
	})
	return all
}

// eachUnit hands over the units of a scope as known at a moment, each with its
// spans and its cells; without cells where one of its cases is restricted.
func (ix *Index) eachUnit(ctx context.Context, c *conn, scope, known int64, f func(spans []byte, cells []cell) error) error {
	var units []version
	err := c.Run(`SELECT u.v, u.scope, u.kfrom, u.spans FROM unit u WHERE u.scope = ? AND u.kto > ? AND u.kfrom <= ?`, func(s *sqlite3.Stmt) error {
		units = append(units, scanVersion(s))
		return nil
	}, scope, known, known)
	if err != nil {
		return err
	}
	for _, u := range units {
		if err := ctx.Err(); err != nil {
			return err
		}
		members, err := membersOf(c, u.v)
		if err != nil {
			return err
		}
		var files []*casefile.Case
		told := true
		for _, m := range members {
			entries, err := entriesOf(c, m, known)
			if err != nil {
				return err
			}
			told = told && !restricted(last(entries))
			files = append(files, casefile.Fold(ix.book, fmt.Sprint(m), entries))
		}
		var cells []cell
		if told {
			cells = ix.cells(casefile.Merge("", files...))
		}
		if err := f(u.spans, cells); err != nil {
			return err
		}
	}
	return nil
}

// spreader adds units up.
type spreader struct {
	day    edtf.Day
	rule   int64   // of the figure
	waits  []waits // by the query's
	whole  int     // units for which the figure holds on the day
	counts []map[string]int
	rest   []int
	many   []bool
	turns  map[edtf.Day]int // by how many more units the figure holds than the day before
}

type waits struct {
	start, event int64
	days         map[survival.Observation]int // without Units → units
}

func (ix *Index) spreader(q SpreadQuery) (*spreader, error) {
	s := &spreader{day: q.Clock.AsOf, turns: map[edtf.Day]int{}}
	for range breakdowns() {
		s.counts, s.rest, s.many = append(s.counts, map[string]int{}), append(s.rest, 0), append(s.many, false)
	}
	rule := func(id string) (int64, error) {
		if _, ok := ix.figures[id]; !ok {
			return 0, fmt.Errorf("%w: %q", ErrNoRule, id)
		}
		return ix.ruleNo[id], nil
	}
	var err error
	if s.rule, err = rule(q.Figure); err != nil {
		return nil, err
	}
	for _, w := range q.Waits {
		one := waits{days: map[survival.Observation]int{}}
		if one.start, err = rule(w.Start); err != nil {
			return nil, err
		}
		if one.event, err = rule(w.Event); err != nil {
			return nil, err
		}
		s.waits = append(s.waits, one)
	}
	return s, nil
}

// add adds a unit.
func (s *spreader) add(spans []byte, cells []cell) error {
	counts := false
	first := map[int64]edtf.Day{}
	err := eachSpan(spans, func(rule int64, from, to edtf.Day) error {
		if _, ok := first[rule]; !ok {
			first[rule] = from
		}
		if rule == s.rule {
			s.turns[from]++
			s.turns[to]--
			counts = counts || from <= s.day && s.day < to
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, w := range s.waits {
		start, ok := first[w.start]
		if !ok || start > s.day {
			continue
		}
		o := survival.Observation{Days: s.day.Sub(start)}
		if event, ok := first[w.event]; ok && event <= s.day {
			o = survival.Observation{Days: max(0, event.Sub(start)), Event: true}
		}
		w.days[o]++
	}
	if !counts {
		return nil
	}
	s.whole++
	stands := make([]int, len(s.counts))
	for _, c := range cells {
		if c.from <= s.day && s.day < c.to {
			s.counts[c.facet][c.code]++
			stands[c.facet]++
		}
	}
	for i, n := range stands {
		if n == 0 {
			s.rest[i]++
		}
		s.many[i] = s.many[i] || n > 1
	}
	return nil
}

func (s *spreader) breakdowns() []Breakdown {
	var found []Breakdown
	for i, f := range breakdowns() {
		b := Breakdown{Facet: f.id, List: f.list, Many: s.many[i], Rest: s.rest[i]}
		for code, n := range s.counts[i] {
			b.Cells = append(b.Cells, Cell{code, n})
		}
		slices.SortFunc(b.Cells, func(a, b Cell) int {
			return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Code, b.Code))
		})
		found = append(found, b)
	}
	return found
}

func (s *spreader) observations(wait int) []survival.Observation {
	var obs []survival.Observation
	for o, n := range s.waits[wait].days {
		o.Units = n
		obs = append(obs, o)
	}
	return obs
}

// series answers the figure at the ends of months up to the day, and on it.
func (s *spreader) series(then func(edtf.Day) (int, error)) ([]SeriesPoint, error) {
	turns := slices.Sorted(maps.Keys(s.turns))
	first := s.day
	if len(turns) > 0 {
		first = min(first, turns[0])
	}
	var points []SeriesPoint
	n, at := 0, 0
	for _, day := range monthEnds(first, s.day) {
		for ; at < len(turns) && turns[at] <= day; at++ {
			n += s.turns[turns[at]]
		}
		before, err := then(day)
		if err != nil {
			return nil, err
		}
		points = append(points, SeriesPoint{day, n, before})
	}
	return points, nil
}

// monthEnds are the last days of the months from that of a day on until another, and that
// day itself: at most mostPoints, the latest.
func monthEnds(from, until edtf.Day) []edtf.Day {
	days := []edtf.Day{until}
	for first := until.Add(1 - until.DayOfMonth()); len(days) < mostPoints && first > from; first = first.AddMonths(-1) {
		days = append(days, first.Add(-1))
	}
	slices.Reverse(days)
	return days
}
