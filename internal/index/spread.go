// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sync/errgroup"

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
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		spread, err = ix.spread(ctx, c, list, q)
		return err
	})
	return spread, failed("counting", err)
}

func (ix *Index) spread(ctx context.Context, c *conn, list *listing, q SpreadQuery) (spread Spread, err error) {
	scope, err := scopeNo(c, q.Scope, q.Verified)
	if err != nil {
		return spread, err
	}
	s, err := ix.spreader(q)
	if err != nil {
		return spread, err
	}
	known := moment(q.Clock.KnownBy)
	now, then, err := turnsOf(c, scope, s.rule, q.Clock.AsOf)
	if err != nil {
		return spread, err
	}
	if known > list.latest {
		sh, err := ix.sheet(ctx, c, list, scope)
		if err != nil {
			return spread, err
		}
		if s, err = sh.spread(ctx, s); err != nil {
			return spread, err
		}
	} else {
		s.turns = turns{}
		if err := ix.unitsAt(ctx, c, scope, known, func(_ int64, unit []byte) error {
			s.add(unit)
			return nil
		}); err != nil {
			return spread, err
		}
		now = s.turns.byMonth(q.Clock.AsOf)
	}
	spread.Breakdowns = ix.breakdowns(s)
	for i, w := range q.Waits {
		e := survival.Curve(s.observations(i))
		spread.Survivals = append(spread.Survivals, Survival{w.ID, w.Start, w.Event, e.Units, e.Events, e.Censored, e.Steps, e.Median, e.Low, e.High})
	}
	spread.Series = series(q.Clock.AsOf, known, now, then)
	return spread, nil
}

// msOfDay is a day in the measure of known time.
const msOfDay = 24 * 60 * 60 * 1000

// endOfDay is the last moment of a day, UTC, in the index's measure.
func endOfDay(day edtf.Day) int64 { return (int64(day)+1)*msOfDay - 1 }

// breakdowns are the facets by which figures are broken down: of the fields by which lists are filtered, and the stage.
func breakdowns() []facet {
	ids := []string{"region", "body", "place_type", "article", "method", "sex", "child", "age_band"}
	var found []facet
	for _, id := range ids {
		all := facets()
		found = append(found, all[slices.IndexFunc(all, func(f facet) bool { return f.id == id })])
	}
	return append(found, facet{id: "stage", list: "stage"}) // of no field: see cells
}

// cell is a stretch of days on which a file has a code of a facet.
type cell struct {
	facet    int // its place among the breakdowns
	code     string
	from, to edtf.Day
}

// cells finds under which codes a file counts, and from when: a code from the day on which a record that has it begins to count.
// Its stages are those of the file.
func (ix *Index) cells(c *casefile.Case, stages []stageFrom) []cell {
	var all []cell
	for i, f := range ix.broken {
		since := map[string]edtf.Day{}
		for _, from := range f.from {
			for _, rec := range facetRecords(c, from.kind) {
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

// spread adds up all units, on all cores.
func (sh *sheet) spread(ctx context.Context, s *spreader) (*spreader, error) {
	cores := min(runtime.GOMAXPROCS(0), 1+len(sh.pages)/8)
	parts := make([]*spreader, cores)
	g, ctx := errgroup.WithContext(ctx)
	for core := range cores {
		part := s.empty()
		parts[core] = part
		g.Go(func() error {
			for i := core; i < len(sh.pages); i += cores {
				if err := ctx.Err(); err != nil {
					return err
				}
				for _, unit := range sh.pages[i] {
					if unit != nil {
						part.add(unit)
					}
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		parts[0].join(part)
	}
	return parts[0], nil
}

// turns are by how many more units a figure holds on a day than the day before.
type turns map[edtf.Day]int

// turnsOf answers the turns of a rule up to a day by what is known now, and along the
// diagonal of both clocks: of the month of that day by days, of those before by months.
func turnsOf(c *conn, scope, rule int64, until edtf.Day) (now, then turns, err error) {
	now, then = turns{}, turns{}
	err = c.Run(`SELECT day, n, d FROM tally WHERE scope = ?1 AND rule = ?2 AND month = 1 AND day < ?3
		UNION ALL SELECT day, n, d FROM tally WHERE scope = ?1 AND rule = ?2 AND month = 0 AND day >= ?3 AND day <= ?4`, func(s *sqlite3.Stmt) error {
		day := edtf.Day(s.ColumnInt64(0))
		now[day], then[day] = s.ColumnInt(1), s.ColumnInt(2)
		return nil
	}, scope, rule, int64(monthOf(until)), int64(until))
	return now, then, err
}

// byMonth sums up the months before that of a day.
func (t turns) byMonth(until edtf.Day) turns {
	months := turns{}
	for day, n := range t {
		switch {
		case day > until:
			continue
		case day < monthOf(until):
			day = monthOf(day)
		}
		months[day] += n
	}
	return months
}

// walk answers the days on which a figure turns, and how many units there are from each.
func (t turns) walk() (days []edtf.Day, units []int) {
	n := 0
	for _, day := range slices.Sorted(maps.Keys(t)) {
		if t[day] != 0 {
			n += t[day]
			days, units = append(days, day), append(units, n)
		}
	}
	return days, units
}

// series answers a figure at the ends of months up to a day, and on it, as known at a moment.
func series(until edtf.Day, known int64, now, then turns) []SeriesPoint {
	days, units := now.walk()
	daysThen, unitsThen := then.walk()
	first := until
	for _, d := range [][]edtf.Day{days, daysThen} {
		if len(d) > 0 {
			first = min(first, d[0])
		}
	}
	on := func(day edtf.Day, days []edtf.Day, units []int) int {
		i, found := slices.BinarySearch(days, day)
		if found {
			i++
		}
		if i == 0 {
			return 0
		}
		return units[i-1]
	}
	var points []SeriesPoint
	for _, day := range monthEnds(first, until) {
		p := SeriesPoint{Day: day, Now: on(day, days, units)}
		if p.Then = p.Now; endOfDay(day) <= known {
			p.Then = on(day, daysThen, unitsThen)
		}
		points = append(points, p)
	}
	return points
}

// spreader adds units up.
type spreader struct {
	day    edtf.Day
	rule   int64       // of the figure
	wanted []uint8     // by rule: its place among those asked about, the figure's first; 0: it is not
	first  []edtf.Day  // by place: from when it holds in the unit that is being added
	waits  []waited    // by the query's
	codes  *facetCodes // of cells
	known  []facetCode // those met so far
	units  []int       // by code: for which the figure holds on the day
	rest   []int       // by breakdown: in none of its cells
	many   []bool      // by breakdown: some in several
	stand  []int       // by breakdown: in how many cells the unit stands that is being added
	turns  turns       // nil: they are not asked for
}

// ofFigure is the place of the figure among the rules that are asked about.
const ofFigure = 1

// waited is what a wait came to: by days, for how many units.
type waited struct {
	start, event uint8 // places of rules
	came, open   lengths
}

// lengths counts units by a number of days.
type lengths struct {
	near []int
	far  map[int]int
}

// nearest hundred years: no register is older, and a day of the year 9999 makes no giant.
const nearDays = 100 * 366

func (l *lengths) add(days, n int) {
	if days >= nearDays {
		if l.far == nil {
			l.far = map[int]int{}
		}
		l.far[days] += n
		return
	}
	for len(l.near) <= days {
		l.near = append(l.near, 0)
	}
	l.near[days] += n
}

func (l *lengths) each(f func(days, n int)) {
	for days, n := range l.near {
		if n > 0 {
			f(days, n)
		}
	}
	for days, n := range l.far {
		f(days, n)
	}
}

func (ix *Index) spreader(q SpreadQuery) (*spreader, error) {
	s := &spreader{day: q.Clock.AsOf, wanted: make([]uint8, len(ix.rules)), first: make([]edtf.Day, 1), codes: &ix.cellCodes}
	place := func(id string) (uint8, error) {
		if _, ok := ix.figures[id]; !ok {
			return 0, fmt.Errorf("%w: %q", ErrNoRule, id)
		}
		at := &s.wanted[ix.ruleNo[id]]
		if *at == 0 {
			if len(s.first) > math.MaxUint8 {
				return 0, errors.New("too many times are measured at once")
			}
			*at = uint8(len(s.first))
			s.first = append(s.first, 0)
		}
		return *at, nil
	}
	if _, err := place(q.Figure); err != nil {
		return nil, err
	}
	s.rule = ix.ruleNo[q.Figure]
	for _, w := range q.Waits {
		start, err := place(w.Start)
		if err != nil {
			return nil, err
		}
		event, err := place(w.Event)
		if err != nil {
			return nil, err
		}
		s.waits = append(s.waits, waited{start: start, event: event})
	}
	n := len(ix.broken)
	s.rest, s.many, s.stand = make([]int, n), make([]bool, n), make([]int, n)
	return s, nil
}

// empty is one of the same question to which nothing is added yet.
func (s *spreader) empty() *spreader {
	n := len(s.rest)
	e := &spreader{day: s.day, rule: s.rule, wanted: s.wanted, first: make([]edtf.Day, len(s.first)), codes: s.codes,
		rest: make([]int, n), many: make([]bool, n), stand: make([]int, n)}
	for _, w := range s.waits {
		e.waits = append(e.waits, waited{start: w.start, event: w.event})
	}
	return e
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

// add adds a unit, in the close form.
func (s *spreader) add(unit []byte) {
	p := parts(unit)
	open, ends := p[0], p[1]
	for i := range s.first {
		s.first[i] = edtf.MaxDay
	}
	holds := false
	for ; len(open) >= openSize; open = open[openSize:] {
		if at := s.wanted[binary.LittleEndian.Uint16(open)]; at != 0 {
			holds = s.span(at, edtf.Day(binary.LittleEndian.Uint32(open[2:])), edtf.MaxDay) || holds
		}
	}
	for ; len(ends) >= endsSize; ends = ends[endsSize:] {
		if at := s.wanted[binary.LittleEndian.Uint16(ends)]; at != 0 {
			holds = s.span(at, edtf.Day(binary.LittleEndian.Uint32(ends[2:])), edtf.Day(binary.LittleEndian.Uint32(ends[6:]))) || holds
		}
	}
	for i := range s.waits {
		w := &s.waits[i]
		switch start, event := s.first[w.start], s.first[w.event]; {
		case start > s.day:
		case event <= s.day:
			w.came.add(max(0, event.Sub(start)), 1)
		default:
			w.open.add(s.day.Sub(start), 1)
		}
	}
	if !holds {
		return
	}
	clear(s.stand)
	eachOn(p[2], p[3], s.day, s.cell)
	for i, n := range s.stand {
		if n == 0 {
			s.rest[i]++
		} else if n > 1 {
			s.many[i] = true
		}
	}
}

// span takes a span of one of the rules that are asked about, and tells whether the figure holds by it.
func (s *spreader) span(at uint8, from, to edtf.Day) bool {
	s.first[at] = min(s.first[at], from)
	if at != ofFigure {
		return false
	}
	if s.turns != nil {
		s.turns[from]++
		s.turns[to]--
	}
	return from <= s.day && s.day < to
}

// cell counts the unit that is being added under a code.
func (s *spreader) cell(no uint16) {
	if int(no) >= len(s.units) {
		s.known = s.codes.all()
		s.units = append(s.units, make([]int, len(s.known)-len(s.units))...)
	}
	s.units[no]++
	s.stand[s.known[no].facet]++
}

// join adds what another has added.
func (s *spreader) join(o *spreader) {
	for len(s.units) < len(o.units) {
		s.units = append(s.units, 0)
	}
	for no, n := range o.units {
		s.units[no] += n
	}
	for i := range o.rest {
		s.rest[i] += o.rest[i]
		s.many[i] = s.many[i] || o.many[i]
	}
	for i := range o.waits {
		o.waits[i].came.each(s.waits[i].came.add)
		o.waits[i].open.each(s.waits[i].open.add)
	}
}

// breakdowns are what was added up, by facet.
func (ix *Index) breakdowns(s *spreader) []Breakdown {
	found := make([]Breakdown, len(ix.broken))
	for i, f := range ix.broken {
		found[i] = Breakdown{Facet: f.id, List: f.list, Many: s.many[i], Rest: s.rest[i]}
	}
	codes := s.codes.all()
	for no, n := range s.units {
		if n > 0 {
			b := &found[codes[no].facet]
			b.Cells = append(b.Cells, Cell{codes[no].code, n})
		}
	}
	for _, b := range found {
		slices.SortFunc(b.Cells, func(a, b Cell) int {
			return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Code, b.Code))
		})
	}
	return found
}

func (s *spreader) observations(wait int) []survival.Observation {
	var obs []survival.Observation
	s.waits[wait].came.each(func(days, n int) {
		obs = append(obs, survival.Observation{Days: days, Event: true, Units: n})
	})
	s.waits[wait].open.each(func(days, n int) {
		obs = append(obs, survival.Observation{Days: days, Units: n})
	})
	return obs
}
