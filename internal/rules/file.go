// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"cmp"
	"slices"
	"sort"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// file is a case as expressions see it at the end of a day. It is what CEL calls an activation: it gives names their
// values. It is made for one evaluation of one case and used by one goroutine.
type file struct {
	set   *Set
	day   *edtf.Day // also that of its records
	kinds []records
	there []int   // kinds of which there is a record, by place
	it    *record // the record a rule is asked of
	by    *record // the record by which a deadline may have been kept
	holds []bool  // figures, by place: whether they hold on the day
}

// records are the records of one kind, in the order in which they count.
type records struct {
	of   []*casefile.Record // as the case has them
	all  []*record
	vals []ref.Val // the same as values
	n    int       // how many count on the day
	list ref.Val   // those
}

func (s *Set) open(c *casefile.Case) *file { return s.follow(nil, c) }

// follow is open where an earlier file of the same case is: records that both have are read once. The later one takes
// over what the earlier one has, which is not to be asked any more.
func (s *Set) follow(before *file, c *casefile.Case) *file {
	f := &file{set: s}
	if before != nil && before.kinds != nil {
		f.day, f.kinds, f.there, before.kinds = before.day, before.kinds, before.there[:0], nil
	} else {
		f.day, f.kinds = new(edtf.Day), make([]records, len(s.world.kinds))
	}
	*f.day = edtf.MinDay
	for i, k := range s.world.kinds {
		live := c.Of(k.def.ID)
		if len(live) == 0 {
			f.kinds[i] = records{list: none}
			continue
		}
		f.there = append(f.there, i)
		rs, old := &f.kinds[i], f.kinds[i]
		if slices.Equal(old.of, live) {
			continue
		}
		*rs = records{of: live, all: make([]*record, len(live))}
		for j, r := range live {
			if at := slices.IndexFunc(old.all, func(o *record) bool { return o.r == r }); at >= 0 {
				rs.all[j] = old.all[at]
				continue
			}
			rs.all[j] = k.read(r, f.day)
		}
		slices.SortStableFunc(rs.all, func(a, b *record) int { return cmp.Compare(a.r.Counts, b.r.Counts) })
		rs.vals = make([]ref.Val, len(rs.all))
		for j, r := range rs.all {
			rs.vals[j] = r
		}
	}
	return f
}

// read reads a record for what the rules ask.
func (k *kind) read(r *casefile.Record, day *edtf.Day) *record {
	slots := make([]ref.Val, len(k.fields))
	for n, field := range k.fields {
		if texts, ok := r.Fields[field.def.ID]; ok {
			slots[n] = field.read(texts)
		}
	}
	return &record{r: r, kind: k, day: day, slots: slots}
}

var none = types.NewRefValList(types.DefaultTypeAdapter, nil)

// at moves the file to the end of a day.
func (f *file) at(day edtf.Day) {
	*f.day = day
	for _, i := range f.there {
		rs := &f.kinds[i]
		n := sort.Search(len(rs.all), func(j int) bool { return rs.all[j].r.Counts > day })
		if n != rs.n || rs.list == nil {
			rs.n = n
			rs.list = none
			if n > 0 {
				rs.list = types.NewRefValList(types.DefaultTypeAdapter, rs.vals[:n])
			}
		}
	}
}

// ResolveName gives a name its value.
func (f *file) ResolveName(name string) (any, bool) {
	switch name {
	case "it":
		return f.it, f.it != nil
	case "by":
		return f.by, f.by != nil
	case "today":
		return date{*f.day, *f.day}, true
	}
	if i, ok := f.set.kindAt[name]; ok {
		return f.kinds[i].list, true
	}
	if i, ok := f.set.figureAt[name]; ok && f.holds != nil {
		return types.Bool(f.holds[i]), true
	}
	return nil, false
}

// Parent is for CEL: names have no other place.
func (f *file) Parent() cel.Activation { return nil }

// expr is a compiled expression with what is needed to know when its answer can change.
type expr struct {
	prog  cel.Program
	kinds uint64     // the kinds it reads, by place
	clock bool       // reads today
	steps []int      // the numbers of days it compares with
	fixed []edtf.Day // days it names
	names []int      // the figures it names
	list  string     // the code list of what it gives, where it gives a field
}

// answer is what a yes-or-no question comes to.
type answer int8

const (
	no answer = iota
	yes
	unknown
)

// ask evaluates a yes-or-no expression. One that is not there says otherwise. Missing gets the fields for want of
// which there is no answer.
func (e *expr) ask(f *file, otherwise answer, missing map[string]bool) answer {
	if e == nil {
		return otherwise
	}
	v := e.eval(f)
	switch v {
	case types.True:
		return yes
	case types.False:
		return no
	}
	noteMissing(v, missing)
	return unknown
}

func (e *expr) eval(f *file) ref.Val {
	v, _, err := e.prog.Eval(f)
	if err != nil {
		return types.WrapErr(err) // an index out of range and the like: no answer
	}
	return v
}

// day evaluates an expression that gives a date.
func (e *expr) date(f *file, missing map[string]bool) (date, bool) {
	if e == nil {
		return date{}, false
	}
	v := e.eval(f)
	d, ok := v.(date)
	if !ok {
		noteMissing(v, missing)
	}
	return d, ok
}

func noteMissing(v ref.Val, missing map[string]bool) {
	u, ok := v.(*types.Unknown)
	if !ok || missing == nil {
		return
	}
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			if t.Variable() != "" {
				missing[t.Variable()] = true
			}
		}
	}
}

// changes returns the days on which an answer of one of the expressions can change, in order: a record begins to
// count, a date comes, a term that an expression compares with has passed.
func (f *file) changes(kinds uint64, steps []int, fixed []edtf.Day) []change {
	at := map[edtf.Day]uint64{}
	note := func(d edtf.Day, what uint64) {
		if d != edtf.MaxDay && d != edtf.MinDay {
			at[d] |= what
		}
	}
	for _, i := range f.there {
		bit := uint64(1) << i
		if kinds&bit == 0 {
			continue
		}
		for _, r := range f.kinds[i].all {
			note(r.r.Counts, bit)
			for _, v := range r.slots {
				d, ok := v.(date)
				if !ok {
					continue
				}
				note(d.since(), bit)
				for _, n := range steps {
					for _, end := range [...]edtf.Day{d.lo, d.hi} {
						if !end.Bound() {
							note(end.Add(n+1), clockBit)
							note(end.Add(-n), clockBit)
						}
					}
				}
			}
		}
	}
	for _, d := range fixed {
		for _, n := range append([]int{0}, steps...) {
			note(d.Add(n+1), clockBit)
			note(d.Add(-n), clockBit)
		}
	}
	out := make([]change, 0, len(at))
	for d, kinds := range at {
		out = append(out, change{d, kinds})
	}
	slices.SortFunc(out, func(a, b change) int { return cmp.Compare(a.day, b.day) })
	return out
}

// change is a day on which something changes, and what: the kinds by place, and the clock.
type change struct {
	day  edtf.Day
	what uint64
}

const clockBit = uint64(1) << 63
