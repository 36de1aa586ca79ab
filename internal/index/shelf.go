// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	mathbits "math/bits"
	"slices"
	"sync"

	"github.com/kua-registry/kua/internal/edtf"
)

// Which cases have a code of a facet is kept as a set of bits for each code: the
// counts beside a list of a million cases are some thousand words and-ed and
// counted for each code, not a walk through all cases.

// shelf is which cases have which code, as of a listing; but for its days it does not change.
type shelf struct {
	live bits
	of   []bits // by the number of the code; those of stages are in days

	mu   sync.Mutex
	days []dayShelf // those asked about last, the newest last
}

// dayShelf is how the cases stand on a day; each part is read when first asked for.
type dayShelf struct {
	day     edtf.Day
	stages  []bits // which are at which stage, by the number of its code
	failing []bits // which a check is breached or a deadline overdue in, by the number of the rule
}

// maxDays is how many days are kept at once.
const maxDays = 4

// put sets or clears a case under a code.
func put(of []bits, c code, stream int64, streams int, has bool) []bits {
	for len(of) <= int(c) {
		of = append(of, nil)
	}
	if of[c] == nil {
		of[c] = make(bits, streams/64+1)
	}
	of[c].put(stream, has)
	return of
}

// shelfOf sets the rows of a list under their codes.
func shelfOf(rows []*listed) *shelf {
	s := &shelf{live: make(bits, len(rows)/64+1)}
	for stream, l := range rows {
		if l == nil {
			continue
		}
		s.live.put(int64(stream), true)
		for c := range l.codes {
			s.of = put(s.of, c, int64(stream), len(rows), true)
		}
	}
	return s
}

// follow answers the shelf after the rows of some streams changed.
func (s *shelf) follow(before, after []*listed, changed map[int64]bool) *shelf {
	next := &shelf{live: s.live.grown(len(after)), of: slices.Clone(s.of)}
	s.mu.Lock()
	for _, d := range s.days {
		next.days = append(next.days, dayShelf{d.day, slices.Clone(d.stages), slices.Clone(d.failing)})
	}
	s.mu.Unlock()
	own := make([]map[code]bool, 1+2*len(next.days)) // sets that are copied
	for i := range own {
		own[i] = map[code]bool{}
	}
	move := func(of []bits, own map[code]bool, c code, stream int64, has bool) []bits {
		if int(c) < len(of) && of[c] != nil && !own[c] {
			of[c] = of[c].grown(len(after))
		}
		own[c] = true
		return put(of, c, stream, len(after), has)
	}
	for stream := range changed {
		for _, of := range []struct {
			rows []*listed
			has  bool
		}{{before, false}, {after, true}} {
			if stream >= int64(len(of.rows)) {
				continue
			}
			l := of.rows[stream]
			next.live.put(stream, l != nil)
			if l == nil {
				continue
			}
			for c := range l.codes {
				next.of = move(next.of, own[0], c, stream, of.has)
			}
			for i := range next.days {
				d := &next.days[i]
				if d.stages != nil {
					d.stages = move(d.stages, own[1+2*i], l.stageOn(d.day).code, stream, of.has)
				}
				if d.failing != nil {
					for rule := range l.failing(d.day) {
						d.failing = move(d.failing, own[2+2*i], code(rule), stream, of.has)
					}
				}
			}
		}
	}
	return next
}

// stages answers which cases of a list are at which stage on a day.
func (s *shelf) stages(rows []*listed, day edtf.Day) []bits {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.on(day)
	if d.stages == nil {
		d.stages = []bits{}
		for stream, l := range rows {
			if l != nil {
				d.stages = put(d.stages, l.stageOn(day).code, int64(stream), len(rows), true)
			}
		}
	}
	return d.stages
}

// failing answers in which cases of a list a rule is breached or overdue on a day.
func (s *shelf) failing(rows []*listed, rule int32, day edtf.Day) bits {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.on(day)
	if d.failing == nil {
		d.failing = []bits{}
		for stream, l := range rows {
			if l != nil {
				for rule := range l.failing(day) {
					d.failing = put(d.failing, code(rule), int64(stream), len(rows), true)
				}
			}
		}
	}
	if int(rule) >= len(d.failing) {
		return nil
	}
	return d.failing[rule]
}

// failingIn answers in which of some rows a rule is breached or overdue on a day, for rows that have no shelf.
func failingIn(rows []*listed, rule int32, day edtf.Day) bits {
	found := make(bits, len(rows)/64+1)
	for stream, l := range rows {
		if l == nil {
			continue
		}
		for is := range l.failing(day) {
			if is == rule {
				found.put(int64(stream), true)
				break
			}
		}
	}
	return found
}

// on is the shelf of a day, which is the one asked about last then. It is called under mu.
func (s *shelf) on(day edtf.Day) *dayShelf {
	found := dayShelf{day: day}
	if i := slices.IndexFunc(s.days, func(d dayShelf) bool { return d.day == day }); i >= 0 {
		found = s.days[i]
		s.days = slices.Delete(s.days, i, i+1)
	} else if len(s.days) == maxDays {
		s.days = slices.Delete(s.days, 0, 1)
	}
	s.days = append(s.days, found)
	return &s.days[len(s.days)-1]
}

// bits is a set of streams, by their numbers. What is past its end is not in it.
type bits []uint64

func (b bits) put(no int64, has bool) {
	i, bit := no/64, uint64(1)<<(no%64)
	switch {
	case no < 0 || i >= int64(len(b)):
	case has:
		b[i] |= bit
	default:
		b[i] &^= bit
	}
}

func (b bits) has(no int64) bool {
	i := no / 64
	return no >= 0 && i < int64(len(b)) && b[i]>>(no%64)&1 != 0
}

// grown is a copy with room for so many streams.
func (b bits) grown(streams int) bits {
	return append(make(bits, 0, max(len(b), streams/64+1)), b...)[:max(len(b), streams/64+1)]
}

func (b bits) or(o bits) {
	for i, w := range o[:min(len(o), len(b))] {
		b[i] |= w
	}
}

func (b bits) and(o bits) {
	n := min(len(o), len(b))
	for i, w := range o[:n] {
		b[i] &= w
	}
	clear(b[n:])
}

// both counts what is in two sets.
func (b bits) both(o bits) (n int) {
	o = o[:min(len(o), len(b))]
	for i, w := range o {
		n += mathbits.OnesCount64(w & b[i])
	}
	return n
}

// all yields the streams in order.
func (b bits) all(yield func(int64) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(int64(i*64 + mathbits.TrailingZeros64(w))) {
				return
			}
		}
	}
}
