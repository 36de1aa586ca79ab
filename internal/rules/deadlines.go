// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// deadline is a compiled deadline.
type deadline struct {
	def                                   codebook.RuleDef
	each, by                              int // places of kinds; -1: none
	when, from, arguable, until, done, on *expr
}

// Deadlines answers the deadlines that have started in a case by the end of a day: ours first, the nearest first.
func (s *Set) Deadlines(c *casefile.Case, asOf edtf.Day) []Deadline {
	f := s.open(c)
	f.at(asOf)
	var out []Deadline
	for _, d := range s.deadlines {
		out = append(out, d.ask(s, f)...)
	}
	slices.SortStableFunc(out, func(a, b Deadline) int {
		return cmp.Or(cmp.Compare(pending(a), pending(b)), cmp.Compare(a.Due, b.Due), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Record, b.Record))
	})
	return out
}

// pending puts what can still be done before what is past.
func pending(d Deadline) int {
	switch d.State {
	case Running, Open:
		return 0
	case Overdue:
		return 1
	case CannotTell:
		return 2
	}
	return 3
}

// ask answers the deadline for every record that starts it.
func (d *deadline) ask(s *Set, f *file) []Deadline {
	var out []Deadline
	f.each(d.each, func() {
		if d.when.ask(f, yes, nil) != yes {
			return
		}
		out = append(out, d.one(s, f))
	})
	return out
}

func (d *deadline) one(s *Set, f *file) Deadline {
	def := d.def
	out := Deadline{Rule: def.ID, Label: def.Label, Help: def.Help, Owes: def.Owes, Kind: def.Kind, Norm: def.Source,
		Conf: def.Conf, Next: def.Next, Unchecked: def.Conf != "R" && def.Conf != "H"}
	if f.it != nil {
		out.Record = f.it.r.ID
	}
	missing := map[string]bool{}
	d.state(s, f, missing, &out)
	if out.State == CannotTell {
		out.Missing = slices.Sorted(maps.Keys(missing))
	}
	return out
}

// state sets the days of the deadline and where it stands; missing may be nil.
func (d *deadline) state(s *Set, f *file, missing map[string]bool, out *Deadline) {
	start, ok := d.from.date(f, missing)
	if !ok || start.lo == edtf.MinDay {
		out.State = CannotTell
		return
	}
	out.Start = start.lo
	d.terms(s, f, start, out)
	if !out.Due.Bound() {
		out.Days = out.Due.Sub(*f.day)
	}
	on, by, state := d.kept(f, missing)
	kind := d.def.Kind
	switch {
	case state == yes && by != "" && on == (date{}) && (out.Due == edtf.MaxDay || kind == Opens):
		out.State, out.By = Kept, by // done, whenever it was
	case state == yes && on == (date{}):
		out.State, out.By = CannotTell, by
	case state == yes:
		out.State, out.By = judge(kind, on, out.Due, out.DueArguable), by
		if on.lo == on.hi {
			out.Done = on.hi
		}
	case state == unknown:
		out.State = CannotTell
	default:
		out.State, out.waits = waiting(kind, *f.day, out.Due, out.DueArguable), true
	}
}

// terms sets the cautious and the arguable day.
func (d *deadline) terms(s *Set, f *file, start date, out *Deadline) {
	if d.def.Unit == "" { // a window that an event closes, or none
		out.Due, out.DueArguable = edtf.MaxDay, edtf.MaxDay
		if end, ok := d.until.date(f, nil); ok {
			out.Due, out.DueArguable = end.lo, end.hi
		}
		return
	}
	latest := start.hi
	if d.arguable != nil {
		latest = edtf.MaxDay // until it has begun, it can be argued not to run
		if a, ok := d.arguable.date(f, nil); ok {
			latest = max(a.hi, start.hi)
		}
	}
	out.Due = s.days.end(start.lo, d.def.N, d.def.Unit)
	out.DueArguable = edtf.MaxDay
	if latest != edtf.MaxDay {
		out.DueArguable = max(out.Due, s.days.end(latest, max(d.def.N, d.def.Max), d.def.Unit))
	}
}

// kept looks for the record by which the deadline was kept: the earliest day, the record, and whether there is one.
// One that is there and has no day leaves the day zero.
func (d *deadline) kept(f *file, missing map[string]bool) (on date, by string, state answer) {
	f.by = nil
	if d.on == nil && d.by < 0 {
		return on, "", no
	}
	one := func() {
		a := d.done.ask(f, yes, missing)
		if a == no {
			return
		}
		var day date
		ok := false
		if d.on != nil {
			day, ok = d.on.date(f, missing)
		} else if f.by != nil {
			day, ok = f.by.when().(date)
		}
		if !ok && d.by < 0 && d.done == nil {
			return // the day on which it is done has not come
		}
		if a == unknown {
			if state == no {
				state = unknown
			}
			return
		}
		at := f.by
		if at == nil {
			at = f.it
		}
		if state != yes || ok && (on == (date{}) || day.hi < on.hi) {
			on, state = day, yes
			if at != nil {
				by = at.r.ID
			}
		}
	}
	if d.by < 0 {
		one()
		return on, by, state
	}
	rs := &f.kinds[d.by]
	for _, r := range rs.all[:rs.n] {
		f.by = r
		one()
	}
	f.by = nil
	return on, by, state
}

// judge says whether what was done was done in time.
func judge(kind string, on date, due, arguable edtf.Day) string {
	switch {
	case kind == Opens || on.hi <= due || kind == Window && on.hi <= arguable:
		return Kept
	case on.lo > arguable:
		return Late
	}
	return CannotTell
}

// waiting says where a deadline stands while nothing was done.
func waiting(kind string, today, due, arguable edtf.Day) string {
	switch kind {
	case Window:
		if today > arguable {
			return Expired
		}
		return Open
	case Opens:
		if today > arguable {
			return Open
		}
		if today <= due {
			return Running
		}
	default:
		if today > arguable {
			return Overdue
		}
		if today <= due {
			return Running
		}
	}
	return CannotTell
}
