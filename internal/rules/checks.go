// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// check is a compiled check.
type check struct {
	def   codebook.RuleDef
	each  int // place of the kind it is asked of; -1: asked once
	when  *expr
	expr  *expr
	grave *expr
	shown []*expr
	of    []*deadline

	records *expr
}

// Checks answers the checks that apply to a case at the end of a day, in the order of the rules. A check that is
// asked of several records is breached if any of them breaches it, and else cannot be told if any of them leaves it open.
func (s *Set) Checks(c *casefile.Case, asOf edtf.Day) []Finding {
	f := s.open(c)
	var out []Finding
	for _, k := range s.checks {
		f.at(asOf)
		var fd Finding
		var ok bool
		if len(k.of) > 0 {
			fd, ok = k.follow(s, f)
		} else {
			fd, ok = k.ask(f)
			if ok && fd.State == Breached {
				fd.Since = k.since(f, asOf)
			}
		}
		if ok {
			out = append(out, fd)
		}
	}
	return out
}

func (k *check) finding() Finding {
	d := k.def
	fd := Finding{Rule: d.ID, Label: d.Label, Help: d.Help, Severity: Severity(d.Severity), Norm: d.Source,
		Conf: d.Conf, Unchecked: d.Conf != "R" && d.Conf != "H", Next: d.Next}
	fd.Ours = d.Owes == Us || len(k.of) > 0 && k.of[0].def.Owes == Us
	return fd
}

// ask asks the check on the file's day.
func (k *check) ask(f *file) (Finding, bool) {
	fd := k.finding()
	of := map[answer][]*record{}
	applies := false
	missing := map[string]bool{}
	grave := false
	one := func() {
		if k.when.ask(f, yes, nil) != yes {
			return
		}
		applies = true
		a := k.expr.ask(f, no, missing)
		of[a] = append(of[a], f.it)
		if a == yes && k.grave.ask(f, no, nil) == yes {
			grave = true
		}
	}
	f.each(k.each, one)
	if !applies {
		return fd, false
	}
	state := no
	switch {
	case len(of[yes]) > 0:
		fd.State, state = Breached, yes
	case len(of[unknown]) > 0:
		fd.State, state = CannotTell, unknown
		fd.Missing = slices.Sorted(maps.Keys(missing))
	default:
		fd.State = Met
	}
	if grave {
		fd.Severity = Breach
	}
	for _, r := range of[state] {
		if r != nil {
			fd.Records = append(fd.Records, r.r.ID)
		}
		f.it = r
		for i, e := range k.shown {
			if text, ok := e.text(f); ok {
				fd.Shown = append(fd.Shown, Measure{Label: k.def.Shown[i].Label, Text: text, List: e.list})
			}
		}
	}
	f.it = nil
	if state == yes && k.records != nil {
		if list, ok := k.records.eval(f).(traits.Lister); ok {
			for it := list.Iterator(); it.HasNext() == types.True; {
				if r, ok := it.Next().(*record); ok {
					fd.Records = append(fd.Records, r.r.ID)
				}
			}
		}
	}
	return fd, true
}

// text evaluates an expression that is shown: a number, days, a word.
func (e *expr) text(f *file) (string, bool) {
	switch v := e.eval(f).Value().(type) {
	case int64, string, span:
		return fmt.Sprint(v), true
	}
	return "", false
}

// each calls ask for every record of a kind that counts on the file's day, as it; once where there is no kind.
func (f *file) each(kind int, ask func()) {
	f.it = nil
	if kind < 0 {
		ask()
		return
	}
	rs := &f.kinds[kind]
	for _, r := range rs.all[:rs.n] {
		f.it = r
		ask()
	}
	f.it = nil
}

// since returns the day from which the check has been breached without a break up to asOf.
func (k *check) since(f *file, asOf edtf.Day) edtf.Day {
	kinds, steps, fixed := uint64(0), []int{}, []edtf.Day{}
	for _, e := range []*expr{k.when, k.expr} {
		if e != nil {
			kinds |= e.kinds
			steps = append(steps, e.steps...)
			fixed = append(fixed, e.fixed...)
		}
	}
	if k.each >= 0 {
		kinds |= 1 << k.each
	}
	days := f.changes(kinds, steps, fixed)
	since := asOf
	for _, ch := range slices.Backward(days) {
		if ch.day > asOf {
			continue
		}
		f.at(ch.day)
		if fd, ok := k.ask(f); !ok || fd.State != Breached {
			break
		}
		since = ch.day
	}
	f.at(asOf)
	return since
}

// follow answers a check by the deadline it follows. A deadline that is running is no answer yet.
func (k *check) follow(s *Set, f *file) (Finding, bool) {
	fd := k.finding()
	rank := map[string]int{Met: 1, CannotTell: 2, Breached: 3}
	var all []Deadline
	for _, d := range k.of {
		all = append(all, d.ask(s, f)...)
	}
	for _, d := range all {
		state := ""
		switch d.State {
		case Overdue, Late, Expired:
			state = Breached
		case Kept:
			state = Met
		case CannotTell:
			state = CannotTell
		default:
			continue
		}
		if rank[state] > rank[fd.State] {
			fd.State, fd.Records, fd.Missing, fd.Since = state, nil, nil, 0
		}
		if state != fd.State {
			continue
		}
		for _, m := range d.Missing {
			if !slices.Contains(fd.Missing, m) {
				fd.Missing = append(fd.Missing, m)
			}
		}
		if d.Record != "" {
			fd.Records = append(fd.Records, d.Record)
		}
		if state == Breached {
			if day := d.DueArguable.Add(1); fd.Since == 0 || day < fd.Since {
				fd.Since = day
			}
		}
	}
	return fd, fd.State != ""
}
