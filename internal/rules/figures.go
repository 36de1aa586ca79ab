// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"cmp"
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// figure is a compiled figure.
type figure struct {
	def  codebook.RuleDef
	expr *expr
	base int // place of the figure it is a share of; -1: none
	at   int
}

// Figures returns the definitions of the figures, in order.
func (s *Set) Figures() []FigureDef {
	out := make([]FigureDef, len(s.figures))
	for i, f := range s.figures {
		out[i] = f.describe()
	}
	slices.SortStableFunc(out, func(a, b FigureDef) int { return cmp.Compare(s.defs[a.ID].Place, s.defs[b.ID].Place) })
	return out
}

func (fig *figure) describe() FigureDef {
	d := fig.def
	out := FigureDef{ID: d.ID, Label: d.Label, Help: d.Help, Unit: d.Counted, Base: d.Base, Sets: d.Sets,
		Source: d.Source, Conf: d.Conf, Expr: d.Expr}
	if len(d.Flow) == 2 {
		out.From, out.To = d.Flow[0], d.Flow[1]
	}
	return out
}

// Figure returns the definition of a figure.
func (s *Set) Figure(id string) (FigureDef, bool) {
	if i, ok := s.figureAt[id]; ok {
		return s.figures[i].describe(), true
	}
	return FigureDef{}, false
}

// readAll notes what a change must touch for the figures' answers to be asked again: by place, the kinds that each
// reads itself or through the figures it names.
func (s *Set) readAll() {
	s.reads = make([]uint64, len(s.figures))
	for i, f := range s.figures {
		s.reads[i] = f.expr.kinds
		if f.expr.clock {
			s.reads[i] |= clockBit
		}
		for _, n := range f.expr.names {
			s.reads[i] |= s.reads[n]
		}
		if f.base >= 0 {
			s.reads[i] |= s.reads[f.base]
		}
	}
}

// Intervals returns the spans of days on which the case counts in each figure. What cannot be told does not count.
func (s *Set) Intervals(c *casefile.Case) []Interval { return s.intervals(s.open(c), nil) }

// intervals asks some of the figures, by place; nil: all.
func (s *Set) intervals(f *file, ask []bool) []Interval {
	var all uint64
	var steps []int
	var fixed []edtf.Day
	asked := make([]int, 0, len(s.figures))
	for i, fig := range s.figures {
		if ask != nil && !ask[i] {
			continue
		}
		asked = append(asked, i)
		all |= s.reads[i]
		if fig.expr.clock {
			steps, fixed = append(steps, fig.expr.steps...), append(fixed, fig.expr.fixed...)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	f.holds = make([]bool, len(s.figures))
	since := make([]edtf.Day, len(s.figures))
	var out []Interval
	for n, ch := range f.changes(all, steps, fixed) {
		f.at(ch.day)
		for _, i := range asked {
			fig := s.figures[i]
			if n > 0 && s.reads[i]&ch.what == 0 {
				continue
			}
			held := f.holds[i]
			f.holds[i] = fig.counts(f)
			switch {
			case f.holds[i] && !held:
				since[i] = ch.day
			case held && !f.holds[i]:
				out = append(out, Interval{Rule: fig.def.ID, From: since[i], To: ch.day})
			}
		}
	}
	for i, fig := range s.figures {
		if f.holds[i] {
			out = append(out, Interval{Rule: fig.def.ID, From: since[i], To: edtf.MaxDay})
		}
	}
	return out
}

func (fig *figure) counts(f *file) bool {
	if fig.base >= 0 && !f.holds[fig.base] {
		return false
	}
	return fig.expr.ask(f, no, nil) == yes
}

// Counts returns the ids of the figures in which the case counts on a day, in order.
func (s *Set) Counts(c *casefile.Case, day edtf.Day) []string {
	f := s.open(c)
	f.holds = make([]bool, len(s.figures))
	f.at(day)
	var out []string
	for i, fig := range s.figures {
		if f.holds[i] = fig.counts(f); f.holds[i] {
			out = append(out, fig.def.ID)
		}
	}
	return out
}
