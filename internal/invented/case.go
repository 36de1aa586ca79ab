// SPDX-License-Identifier: AGPL-3.0-or-later

package invented

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// Case is one case of a register, from its first entry to its last.
type Case struct {
	N, Org, Same int // Same: see Register.Same
	ID, Number   string
	Restricted   bool
	Person       Person // the victim, as their papers have them
	Script       Script // in which the organisation writes
	Acts         []Act  // in the order in which they are written
}

// Act is what somebody writes in one sitting.
type Act struct {
	Stream  string // the case's, or that of a decision that two cases are one person
	Day     edtf.Day
	Worker  int // who of the organisation writes it, by a number of any size
	Entries []Entry
	Reason  string
	Source  string
}

// Entry is one record put, as it stands from then on, or withdrawn.
type Entry struct {
	Record, Kind string
	Fields       casefile.Fields // nil: it is withdrawn
}

// Records are the records of a case as they stand after its last entry, in the
// order in which they were first put; those that were withdrawn are not in it.
func (c Case) Records() []Entry {
	var all []Entry
	at := map[string]int{}
	for _, act := range c.Acts {
		if act.Stream != c.ID {
			continue
		}
		for _, e := range act.Entries {
			if i, ok := at[e.Record]; ok {
				all[i] = e
				continue
			}
			at[e.Record] = len(all)
			all = append(all, e)
		}
	}
	return slices.DeleteFunc(all, func(e Entry) bool { return e.Fields == nil })
}

// story puts a case together.
type story struct {
	r       Register
	c       *Case
	who, x  *rand.Rand // what happened; how it was written down
	text    texts
	words   told
	written edtf.Day
	heard   edtf.Day // when it was reported; what is known of that day is written first
	second  bool     // the case of a person whom another organisation has written down before
	made    []entry
	known   map[string]edtf.Day // of records, when they were first put
}

// entry is an Entry with the day from which it is known.
type entry struct {
	Entry
	known  edtf.Day
	reason string
}

// sitting is how many days somebody lets pass before they go on with a case.
const sitting = 11

// Case makes a case.
func (r Register) Case(n int) Case {
	unit := r.Same(n)
	c := &Case{N: n, Org: r.Org(n), Same: unit, ID: r.CaseID(n), Number: r.Number(n)}
	s := &story{r: r, c: c, who: r.random(unit, "what happened"), x: r.random(n, "how it was written"), written: r.Written(n), second: unit != n}
	s.tell()
	s.acts()
	if s.second {
		if day := s.written.Add(2 + s.x.IntN(20)); day <= r.Until {
			id := r.id("match", uint64(n))
			c.Acts = append(c.Acts, Act{Stream: id, Day: day, Source: "match", Entries: []Entry{{id, "match", fields("a", r.CaseID(unit), "b", c.ID,
				"verdict", "same", "by", "program", "date", day.String(), "probability", fmt.Sprintf("0.99%04d", s.x.IntN(10_000)))}}})
			slices.SortStableFunc(c.Acts, func(a, b Act) int { return cmp.Compare(a.Day, b.Day) })
		}
	}
	return *c
}

// know is from when on something that happened on a day is known: not before
// the case is written, and some days after it happened. 0: not by the end.
func (s *story) know(day edtf.Day) edtf.Day {
	if day <= s.heard || day.Add(3) <= s.written {
		return s.written
	}
	n := day.Add(2 + s.x.IntN(10)).Sub(s.written)
	known := s.written.Add((n + sitting - 1) / sitting * sitting)
	if known > s.r.Until {
		return 0
	}
	return known
}

// put adds a record that is known some time after a day, and answers its id:
// empty where it is not known by the end.
func (s *story) put(kind string, day edtf.Day, of ...string) string {
	known := s.know(day)
	if known == 0 {
		return ""
	}
	id := s.r.id("record", uint64(s.c.N), uint64(len(s.made)))
	if kind == "case" {
		id = s.c.ID
	}
	next := entry{Entry: Entry{id, kind, fields(of...)}, known: known}
	for _, values := range next.Fields { // not before what it refers to
		if first, ok := s.known[values[0]]; ok {
			next.known = max(next.known, first)
		}
	}
	if s.known == nil {
		s.known = map[string]edtf.Day{}
	}
	s.known[id] = next.known
	s.made = append(s.made, next)
	return id
}

// change puts a record again, with other fields, some time after a day.
func (s *story) change(id string, day edtf.Day, reason string, of ...string) {
	known := s.know(day)
	i := slices.IndexFunc(s.made, func(e entry) bool { return e.Record == id })
	if known == 0 || i < 0 {
		return
	}
	for j := range s.made { // it goes on from where it last stood
		if s.made[j].Record == id {
			i = j
		}
	}
	if known <= s.made[i].known {
		known = s.made[i].known.Add(sitting)
		if known > s.r.Until {
			return
		}
	}
	next := make(casefile.Fields, len(s.made[i].Fields)+1)
	for name, values := range s.made[i].Fields {
		next[name] = values
	}
	for k := 0; k < len(of); k += 2 {
		put(next, of[k], of[k+1])
	}
	s.made = append(s.made, entry{Entry: Entry{id, s.made[i].Kind, next}, known: known, reason: reason})
}

// withdraw takes back a record that was a mistake.
func (s *story) withdraw(id string, reason string) {
	i := slices.IndexFunc(s.made, func(e entry) bool { return e.Record == id })
	if i < 0 {
		return
	}
	known := s.made[i].known.Add(sitting)
	if known > s.r.Until {
		return
	}
	s.made = append(s.made, entry{Entry: Entry{id, s.made[i].Kind, nil}, known: known, reason: reason})
}

// put sets a field; a name that ends in * has many values, with | between them.
func put(f casefile.Fields, name, value string) {
	if value == "" {
		return
	}
	if all, many := strings.CutSuffix(name, "*"); many {
		var values []string
		for _, v := range strings.Split(value, "|") {
			if v != "" && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			f[all] = values
		}
		return
	}
	f[name] = []string{value}
}

// acts gathers what was made into sittings: what became known on one day, with
// changes apart from new records, since they have a reason.
func (s *story) acts() {
	slices.SortStableFunc(s.made, func(a, b entry) int { return cmp.Or(cmp.Compare(a.known, b.known), cmp.Compare(a.reason, b.reason)) })
	worker := s.x.IntN(1 << 16)
	first := true
	for i := 0; i < len(s.made); {
		e := s.made[i]
		act := Act{Stream: s.c.ID, Day: e.known, Reason: e.reason, Source: "case worker", Worker: worker}
		if chance(s.x, 12) {
			act.Worker = s.x.IntN(1 << 16) // somebody stands in
		}
		if first && chance(s.x, 30) {
			act.Source = "list: intake.xlsx"
		}
		first = false
		for ; i < len(s.made) && s.made[i].known == e.known && s.made[i].reason == e.reason; i++ {
			act.Entries = append(act.Entries, s.made[i].Entry)
		}
		s.c.Acts = append(s.c.Acts, act)
	}
}

// date is a day as people remember it: mostly to the day, else as a stretch, a
// month, about or perhaps (EDTF).
func (s *story) date(d edtf.Day, unsure float64) string {
	if d == 0 || !chance(s.x, unsure) {
		return text(d)
	}
	switch s.x.IntN(5) {
	case 0:
		return d.Add(-s.x.IntN(3)).String() + "/" + d.Add(1+s.x.IntN(2)).String()
	case 1:
		return d.String() + "~"
	case 2:
		return d.String() + "?"
	case 3:
		return d.String()[:7] + "-XX"
	default:
		return d.String()[:7]
	}
}

func text(d edtf.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func number(n int) string { return strconv.Itoa(n) }

// some is a value in so many of a hundred, else nothing.
func (s *story) some(percent float64, value string) string {
	if chance(s.x, percent) {
		return value
	}
	return ""
}

// several takes so many of a list, with | between them.
func several(r *rand.Rand, n int, of ...string) string {
	var all []string
	for range n {
		all = append(all, most(r, of...))
	}
	return strings.Join(all, "|")
}
