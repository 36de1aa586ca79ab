// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"cmp"
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// Standing is a span of days on which a check is breached, a deadline is
// overdue, or a term of ours runs: from From up to, not including, To.
type Standing struct {
	Rule     string
	From, To edtf.Day // edtf.MinDay, edtf.MaxDay: without a beginning, without an end
	Due      edtf.Day // of a term of ours that runs: the cautious day on which it ends; 0: breached or overdue
}

// Waiting is a span of days on which a deadline has started in a case and was
// not kept: from From up to, not including, To. How it stands on one of them
// follows from its days: see [WaitsAs].
type Waiting struct {
	Rule          string
	From, To      edtf.Day // as of a Standing
	Due, Arguable edtf.Day // as of a Deadline; Due is never without an end
}

// WaitsAs says how a deadline of a kind that was not kept stands on a day:
// Running, Overdue, Open, Expired, or CannotTell between its cautious and its
// arguable day.
func WaitsAs(kind string, day, due, arguable edtf.Day) string {
	return waiting(kind, day, due, arguable)
}

// StandsOn answers how a case stands at the end of a day: its checks breached
// (those that only inform are no breach), its deadlines overdue, and its terms
// of ours that run, in order. From and To are not set. It is the definition;
// [Set.Standings] answers it for all days at once.
func (s *Set) StandsOn(c *casefile.Case, day edtf.Day) []Standing {
	var out []Standing
	for _, f := range s.Checks(c, day) {
		if f.State == Breached && f.Severity != Info {
			out = append(out, Standing{Rule: f.Rule})
		}
	}
	for _, d := range s.Deadlines(c, day) {
		if d.State == Overdue {
			out = append(out, Standing{Rule: d.Rule})
		}
		if d.oursRuns(day) {
			out = append(out, Standing{Rule: d.Rule, Due: d.Due})
		}
	}
	slices.SortFunc(out, Standing.compare)
	return slices.Compact(out)
}

// oursRuns tells whether a deadline is a term of ours that runs on a day and has an end.
func (d *Deadline) oursRuns(day edtf.Day) bool {
	runs := d.Kind == Due && d.State == Running || d.Kind == Window && d.State == Open
	return d.Owes == Us && runs && d.Due >= day && d.Due != edtf.MaxDay
}

func (a Standing) compare(b Standing) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Due, b.Due), cmp.Compare(a.From, b.From))
}

// watched is a check or a deadline with what its answer depends on.
type watched struct {
	check    *check
	deadline *deadline
	each     int    // place of the kind it is asked of; -1: once
	kinds    uint64 // the kinds it reads, by place
	clock    bool   // it reads today
	steps    []int
	fixed    []edtf.Day
}

func watch(each, by int, exprs ...*expr) watched {
	w := watched{each: each, steps: []int{0}}
	for _, kind := range []int{each, by} {
		if kind >= 0 {
			w.kinds |= 1 << kind
		}
	}
	for _, e := range exprs {
		if e != nil {
			w.kinds |= e.kinds
			w.clock = w.clock || e.clock
			w.steps = append(w.steps, e.steps...)
			w.fixed = append(w.fixed, e.fixed...)
		}
	}
	slices.Sort(w.steps)
	w.steps = slices.Compact(w.steps)
	return w
}

// watchAll prepares the rules for Standings: the deadlines first, because checks follow them.
func (s *Set) watchAll() {
	s.followed, s.watchedAt = map[*deadline]int{}, map[string]int{}
	for i, d := range s.deadlines {
		w := watch(d.each, d.by, d.when, d.from, d.arguable, d.until, d.done, d.on)
		w.deadline = d
		s.watched, s.followed[d] = append(s.watched, w), i
	}
	for _, k := range s.checks {
		w := watch(k.each, -1, k.when, k.expr, k.grave)
		w.check = k
		s.watched = append(s.watched, w)
	}
	for i := range s.watched {
		s.watchedAt[s.watched[i].id()] = i
	}
}

// turn is a day on which one rule's answer may change by the clock alone.
type turn struct {
	day  edtf.Day
	rule int32 // place among the watched
}

func compareTurns(a, b turn) int {
	return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.rule, b.rule))
}

// sweep walks the days of a case.
type sweep struct {
	set    *Set
	f      *file
	rules  []int32      // those that are asked
	turns  []turn       // that are still to come, in order
	passed []bool       // deadlines: one of its terms has passed without having been kept in time
	open   [][]Standing // by rule
	out    []Standing
	waits  [][]Waiting // by rule, those that go on
	waited []Waiting
}

// Standings answers how a case stands on every day, and which deadlines wait in it, in order of the rules.
// Each rule is asked again only on those days on which something it reads
// changes: a record begins to count, a date comes, a term it measures passes.
func (s *Set) Standings(c *casefile.Case) ([]Standing, []Waiting) { return s.standings(s.open(c), nil) }

// standings asks some of the checks and deadlines, by place; nil: all.
func (s *Set) standings(f *file, ask []bool) ([]Standing, []Waiting) {
	w := &sweep{set: s, f: f, passed: make([]bool, len(s.deadlines)), open: make([][]Standing, len(s.watched)), waits: make([][]Waiting, len(s.deadlines))}
	var read uint64
	for i := range s.watched {
		r := &s.watched[i]
		if ask != nil && !ask[i] {
			continue
		}
		read |= r.kinds
		follows := r.check != nil && len(r.check.of) > 0
		if !follows && !w.asked(r) {
			continue
		}
		w.rules = append(w.rules, int32(i))
		if r.clock && w.asked(r) {
			w.clockTurns(int32(i), r)
		}
	}
	if len(w.rules) == 0 {
		return nil, nil
	}
	days := f.changes(read, nil, nil)
	slices.SortFunc(w.turns, compareTurns)
	w.turns = slices.Compact(w.turns)

	before := edtf.Day(0) // a day before all of them, on which nothing has come yet
	if len(days) > 0 {
		before = min(before, days[0].day.Add(-1))
	}
	if len(w.turns) > 0 {
		before = min(before, w.turns[0].day.Add(-1))
	}
	w.on(before, edtf.MinDay, ^uint64(0), nil)
	for len(days) > 0 || len(w.turns) > 0 {
		day := edtf.MaxDay
		if len(days) > 0 {
			day = days[0].day
		}
		if len(w.turns) > 0 {
			day = min(day, w.turns[0].day)
		}
		what := uint64(0)
		if len(days) > 0 && days[0].day == day {
			what, days = days[0].what, days[1:]
		}
		n := 0
		for n < len(w.turns) && w.turns[n].day == day {
			n++
		}
		now := w.turns[:n:n]
		w.turns = w.turns[n:]
		w.on(day, day, what, now)
	}
	for _, open := range w.open {
		for _, st := range open {
			st.To = edtf.MaxDay
			w.out = append(w.out, st)
		}
	}
	slices.SortFunc(w.out, Standing.compare)
	for i := range w.waits {
		w.wait(i, edtf.MaxDay, "", nil)
	}
	slices.SortFunc(w.waited, Waiting.compare)
	return w.out, w.waited
}

// asked tells whether a rule is asked of anything in the case.
func (w *sweep) asked(r *watched) bool { return r.each < 0 || len(w.f.kinds[r.each].all) > 0 }

// clockTurns notes the days on which a rule that reads today may turn by it.
func (w *sweep) clockTurns(rule int32, r *watched) {
	note := func(end edtf.Day) {
		if end.Bound() {
			return
		}
		for _, n := range r.steps {
			w.turns = append(w.turns, turn{end.Add(n + 1), rule}, turn{end.Add(-n), rule})
		}
	}
	for _, i := range w.f.there {
		if r.kinds&(1<<i) == 0 {
			continue
		}
		for _, rec := range w.f.kinds[i].all {
			for _, v := range rec.slots {
				if d, ok := v.(date); ok {
					note(d.lo)
					note(d.hi)
				}
			}
		}
	}
	for _, d := range r.fixed {
		note(d)
	}
}

// later notes that a deadline turns on a day to come.
func (w *sweep) later(day edtf.Day, rule int32) {
	if day.Bound() || day.Add(1) <= *w.f.day {
		return
	}
	t := turn{day.Add(1), rule}
	if i, there := slices.BinarySearchFunc(w.turns, t, compareTurns); !there {
		w.turns = slices.Insert(w.turns, i, t)
	}
}

// on asks the rules that may answer otherwise from a day on.
func (w *sweep) on(day, from edtf.Day, what uint64, turns []turn) {
	w.f.at(day)
	for _, rule := range w.rules {
		i, r := int(rule), &w.set.watched[rule]
		turned := len(turns) > 0 && turns[0].rule == rule
		if turned {
			turns = turns[1:]
		}
		if r.check != nil && len(r.check.of) > 0 {
			w.stands(i, from, r.check.def.ID, r.check.def.Severity != string(Info) && slices.ContainsFunc(r.check.of, func(d *deadline) bool {
				return w.passed[w.set.followed[d]]
			}), nil)
			continue
		}
		if r.kinds&what == 0 && !turned && from != edtf.MinDay {
			continue
		}
		if r.check != nil {
			w.stands(i, from, r.check.def.ID, r.check.fails(w.f), nil)
			continue
		}
		w.deadline(i, from, r.deadline)
	}
}

func (w *sweep) deadline(i int, from edtf.Day, d *deadline) {
	overdue := false
	var ours []edtf.Day
	var waits []Waiting
	w.passed[i] = false
	w.f.each(d.each, func() {
		if d.when.ask(w.f, yes, nil) != yes {
			return
		}
		one := Deadline{Owes: d.def.Owes, Kind: d.def.Kind}
		d.state(w.set, w.f, nil, &one)
		switch one.State {
		case Overdue:
			overdue, w.passed[i] = true, true
		case Late, Expired:
			w.passed[i] = true
		}
		if one.oursRuns(*w.f.day) {
			ours = append(ours, one.Due)
		}
		if one.waits && !one.Due.Bound() {
			waits = append(waits, Waiting{Due: one.Due, Arguable: one.DueArguable})
		}
		w.later(one.Due, int32(i))
		w.later(one.DueArguable, int32(i))
	})
	slices.Sort(ours)
	w.stands(i, from, d.def.ID, overdue, slices.Compact(ours))
	w.wait(i, from, d.def.ID, waits)
}

// wait notes which terms of a deadline wait from a day on.
func (w *sweep) wait(i int, from edtf.Day, rule string, now []Waiting) {
	same := func(a Waiting) func(Waiting) bool {
		return func(b Waiting) bool { return a.Due == b.Due && a.Arguable == b.Arguable }
	}
	kept := w.waits[i][:0]
	for _, old := range w.waits[i] {
		if slices.ContainsFunc(now, same(old)) {
			kept = append(kept, old)
			continue
		}
		old.To = from
		w.waited = append(w.waited, old)
	}
	for _, n := range now {
		if !slices.ContainsFunc(kept, same(n)) {
			n.Rule, n.From = rule, from
			kept = append(kept, n)
		}
	}
	w.waits[i] = kept
}

// stands notes what holds of a rule from a day on: what held before and does
// not now is done with.
func (w *sweep) stands(i int, from edtf.Day, rule string, fails bool, ours []edtf.Day) {
	open := w.open[i]
	if len(open) == 0 && !fails && len(ours) == 0 {
		return
	}
	holds := func(due edtf.Day) bool { return due == 0 && fails || slices.Contains(ours, due) }
	kept := open[:0]
	for _, st := range open {
		if holds(st.Due) {
			kept = append(kept, st)
			continue
		}
		st.To = from
		w.out = append(w.out, st)
	}
	begin := func(due edtf.Day) {
		if !slices.ContainsFunc(kept, func(st Standing) bool { return st.Due == due }) {
			kept = append(kept, Standing{Rule: rule, From: from, Due: due})
		}
	}
	if fails {
		begin(0)
	}
	for _, due := range ours {
		begin(due)
	}
	w.open[i] = kept
}

// fails asks whether the check is breached on the file's day, and is more than a remark.
func (k *check) fails(f *file) bool {
	breached, counts := false, k.def.Severity != string(Info)
	f.each(k.each, func() {
		if breached && counts || k.when.ask(f, yes, nil) != yes || k.expr.ask(f, no, nil) != yes {
			return
		}
		breached = true
		counts = counts || k.grave.ask(f, no, nil) == yes
	})
	return breached && counts
}
