// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
)

// Answers are what the figures, checks and deadlines come to in a case on all days.
type Answers struct {
	Intervals []Interval // of figures
	Standings []Standing
	Waiting   []Waiting

	of *casefile.Case
	as *file // it, as expressions see it
}

// Answers answers all rules of a case. Where before are the answers of the same
// case before some of its records changed, only the rules that read a kind of
// which a record is new, changed or gone are asked again: the others say what
// they said. What follows from one another is asked by one goroutine.
func (s *Set) Answers(c *casefile.Case, before *Answers) *Answers {
	a := &Answers{of: c}
	if before == nil {
		f := s.open(c)
		a.as = f
		a.Intervals = s.intervals(f, nil)
		a.Standings, a.Waiting = s.standings(f, nil)
		return a
	}
	f := s.follow(before.as, c)
	a.as = f
	changed := s.changed(before.of, c)
	if changed == 0 {
		a.Intervals, a.Standings, a.Waiting = before.Intervals, before.Standings, before.Waiting
		return a
	}
	figures := s.figuresThatRead(changed)
	a.Intervals = s.intervals(f, figures)
	for _, i := range before.Intervals {
		if !figures[s.figureAt[i.Rule]] {
			a.Intervals = append(a.Intervals, i)
		}
	}
	watched := s.watchedThatRead(changed)
	a.Standings, a.Waiting = s.standings(f, watched)
	for _, st := range before.Standings {
		if !watched[s.watchedAt[st.Rule]] {
			a.Standings = append(a.Standings, st)
		}
	}
	for _, w := range before.Waiting {
		if !watched[s.watchedAt[w.Rule]] {
			a.Waiting = append(a.Waiting, w)
		}
	}
	slices.SortFunc(a.Standings, Standing.compare)
	slices.SortFunc(a.Waiting, Waiting.compare)
	return a
}

func (a Waiting) compare(b Waiting) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Due, b.Due), cmp.Compare(a.Arguable, b.Arguable), cmp.Compare(a.From, b.From))
}

// id is the id of the rule.
func (w *watched) id() string {
	if w.check != nil {
		return w.check.def.ID
	}
	return w.deadline.def.ID
}

// changed answers the kinds, by place, whose records are not the same in two files.
func (s *Set) changed(a, b *casefile.Case) (kinds uint64) {
	same := func(x, y *casefile.Record) bool {
		return x == y || x.Kind == y.Kind && x.Counts == y.Counts && x.Date == y.Date && x.IdentityMissing == y.IdentityMissing && maps.EqualFunc(x.Fields, y.Fields, slices.Equal)
	}
	for i, k := range s.world.kinds {
		if x, y := a.Of(k.def.ID), b.Of(k.def.ID); len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0]) {
			continue // the very same
		}
		if !slices.EqualFunc(a.Of(k.def.ID), b.Of(k.def.ID), same) {
			kinds |= 1 << i
		}
	}
	return kinds
}

// figuresThatRead tells, by place, which figures must be asked when records of
// some kinds changed: those that read them, and those that these name.
func (s *Set) figuresThatRead(changed uint64) []bool {
	ask := make([]bool, len(s.figures))
	for i, fig := range slices.Backward(s.figures) { // a figure names those before it
		if !ask[i] && s.reads[i]&changed == 0 {
			continue
		}
		ask[i] = true
		for _, n := range fig.expr.names {
			ask[n] = true
		}
		if fig.base >= 0 {
			ask[fig.base] = true
		}
	}
	return ask
}

// watchedThatRead is the same of checks and deadlines; a check that follows
// deadlines is asked with them.
func (s *Set) watchedThatRead(changed uint64) []bool {
	ask := make([]bool, len(s.watched))
	for i := range s.watched {
		ask[i] = s.watched[i].kinds&changed != 0
	}
	for i := range s.watched {
		check := s.watched[i].check
		if check == nil || len(check.of) == 0 {
			continue
		}
		again := func(d *deadline) bool { return ask[s.followed[d]] }
		if ask[i] = ask[i] || slices.ContainsFunc(check.of, again); ask[i] {
			for _, d := range check.of {
				ask[s.followed[d]] = true
			}
		}
	}
	// Another check may follow a deadline that is asked now.
	for i := range s.watched {
		if check := s.watched[i].check; check != nil && slices.ContainsFunc(check.of, func(d *deadline) bool { return ask[s.followed[d]] }) {
			ask[i] = true
		}
	}
	return ask
}
