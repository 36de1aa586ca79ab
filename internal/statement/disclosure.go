// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// A reader who has two tables may subtract one from the other. What can be had
// so from exact counts is a question of linear algebra: each number told is the
// sum over the people it counts, and a group's size can be computed from the
// numbers told if and only if the group is a linear combination of theirs
// (Chin and Özsoyoğlu, Auditing and inference control in statistical databases,
// IEEE Transactions on Software Engineering 8(6), 1982). Bounds that follow from
// counts being no less than nothing are not looked at.

// Told is a number that is told, was told before, or is kept back.
type Told struct {
	What    string   // for people: which figure, which cell, of which statement
	Units   []string // whom it counts: one name for each person and incident, the same in all numbers
	Cell    bool     // of a breakdown; else a whole figure
	Hidden  bool     // kept back
	Earlier bool     // in a statement published before
}

// Revealed is a group of fewer than k people whose number a reader can compute.
type Revealed struct {
	Size   int
	Kept   string   // the number kept back that this is; empty: a group that no number stands for
	From   []string // the numbers told that it is computed from
	Whole  bool     // from whole figures alone, without any breakdown
	places []int
}

// prime is the Mersenne prime 2^61-1; what holds in its field holds in the
// rational numbers but for an accident of probability below 2^-50.
const prime = 1<<61 - 1

func mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	sum := lo&prime + (lo>>61 | hi<<3)
	if sum >= prime {
		sum -= prime
	}
	return sum
}

func sub(a, b uint64) uint64 {
	if a < b {
		a += prime
	}
	return a - b
}

func inverse(a uint64) uint64 {
	result := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = mul(result, a)
		}
		a = mul(a, a)
	}
	return result
}

// system is what a reader knows, in reduced row echelon form.
type system struct {
	sizes  []int // of the atoms: groups no two of whose people any number tells apart
	sets   [][]bool
	rows   [][]uint64 // over the atoms
	made   [][]uint64 // each row as a combination of the numbers told
	pivots []int      // of the rows
}

func solve(told []Told) *system {
	patterns := map[string][]byte{}
	for i, t := range told {
		for _, u := range t.Units {
			p, ok := patterns[u]
			if !ok {
				p = make([]byte, (len(told)+7)/8)
				patterns[u] = p
			}
			p[i/8] |= 1 << (i % 8)
		}
	}
	counts := map[string]int{}
	for _, p := range patterns {
		counts[string(p)]++
	}
	atoms := make([]string, 0, len(counts))
	for p := range counts {
		atoms = append(atoms, p)
	}
	slices.Sort(atoms)
	s := &system{}
	for _, p := range atoms {
		s.sizes = append(s.sizes, counts[p])
	}
	for i, t := range told {
		set := make([]bool, len(atoms))
		for j, p := range atoms {
			set[j] = p[i/8]&(1<<(i%8)) != 0
		}
		s.sets = append(s.sets, set)
		if t.Hidden {
			continue
		}
		row, made := make([]uint64, len(atoms)), make([]uint64, len(told))
		for j, in := range set {
			if in {
				row[j] = 1
			}
		}
		made[i] = 1
		s.add(row, made)
	}
	return s
}

// add takes in one more number.
func (s *system) add(row, made []uint64) {
	s.reduce(row, made)
	pivot := slices.IndexFunc(row, func(v uint64) bool { return v != 0 })
	if pivot < 0 {
		return
	}
	scale := inverse(row[pivot])
	for j := range row {
		row[j] = mul(row[j], scale)
	}
	for j := range made {
		made[j] = mul(made[j], scale)
	}
	for i := range s.rows {
		eliminate(s.rows[i], s.made[i], row, made, pivot)
	}
	s.rows, s.made, s.pivots = append(s.rows, row), append(s.made, made), append(s.pivots, pivot)
}

// reduce subtracts from a row what the system knows of it.
func (s *system) reduce(row, made []uint64) {
	for i, pivot := range s.pivots {
		eliminate(row, made, s.rows[i], s.made[i], pivot)
	}
}

func eliminate(row, made, by, byMade []uint64, pivot int) {
	factor := row[pivot]
	if factor == 0 {
		return
	}
	for j, v := range by {
		if v != 0 {
			row[j] = sub(row[j], mul(factor, v))
		}
	}
	for j, v := range byMade {
		if v != 0 {
			made[j] = sub(made[j], mul(factor, v))
		}
	}
}

// combination answers from which numbers told the size of a group can be computed; nil: it can't.
func (s *system) combination(group []bool) []int {
	row, made := make([]uint64, len(group)), make([]uint64, len(s.sets))
	for j, in := range group {
		if in {
			row[j] = 1
		}
	}
	s.reduce(row, made)
	if slices.ContainsFunc(row, func(v uint64) bool { return v != 0 }) {
		return nil
	}
	var from []int
	for i, v := range made {
		if v != 0 {
			from = append(from, i)
		}
	}
	return from
}

func (s *system) size(group []bool) (n int) {
	for j, in := range group {
		if in {
			n += s.sizes[j]
		}
	}
	return n
}

// Disclosure answers the groups of fewer than k people, and the numbers kept
// back, that a reader of all that is told can compute, and the size of the
// smallest group that is told or can be computed (0: of none). Numbers that are
// themselves smaller than k and told are not answered again.
func Disclosure(told []Told, k int) (found []Revealed, least int) {
	s := solve(told)
	note := func(n int) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	seen := map[string]bool{}
	key := func(group []bool) string {
		var b strings.Builder
		for _, in := range group {
			b.WriteByte(map[bool]byte{true: '1', false: '0'}[in])
		}
		return b.String()
	}
	for i, t := range told {
		if !t.Hidden {
			note(len(unique(t.Units)))
			seen[key(s.sets[i])] = true
		}
	}
	look := func(group []bool, kept string) {
		n := s.size(group)
		if n == 0 || kept == "" && n >= k || seen[key(group)] && kept == "" {
			return
		}
		from := s.combination(group)
		if from == nil {
			return
		}
		if kept == "" {
			seen[key(group)] = true
		}
		note(n)
		r := Revealed{Size: n, Kept: kept, Whole: true, places: from}
		for _, i := range from {
			r.From = append(r.From, told[i].What)
			r.Whole = r.Whole && !told[i].Cell
		}
		found = append(found, r)
	}
	for i, t := range told {
		if t.Hidden {
			look(s.sets[i], t.What)
		}
	}
	for j := range s.sizes { // those whom no number tells apart
		if s.sizes[j] < k {
			group := make([]bool, len(s.sizes))
			group[j] = true
			look(group, "")
		}
	}
	for i := range told { // one number less another that it contains
		for j := range told {
			if !told[i].Hidden && !told[j].Hidden && i != j {
				if group, ok := less(s.sets[i], s.sets[j]); ok {
					look(group, "")
				}
			}
		}
	}
	for _, row := range s.rows { // what is left of a number when all others are taken off
		group := make([]bool, len(row))
		whole := true
		for j, v := range row {
			group[j] = v == 1
			whole = whole && v <= 1
		}
		if whole {
			look(group, "")
		}
	}
	slices.SortStableFunc(found, func(a, b Revealed) int { return cmp.Compare(a.Size, b.Size) })
	return found, least
}

// less is a without b, where b lies within a.
func less(a, b []bool) (group []bool, ok bool) {
	group = make([]bool, len(a))
	for j := range a {
		if b[j] && !a[j] {
			return nil, false
		}
		group[j] = a[j] && !b[j]
	}
	return group, true
}

func unique(units []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(units)))
}

// Numbers are the numbers that an answer tells, or keeps back: the whole, each
// cell, the remainder. unit names a person and incident the same way in all
// answers.
func (a Answer) Numbers(what string, unit func(Unit) string, earlier bool) []Told {
	all := Told{What: what, Earlier: earlier}
	for _, u := range a.Units {
		all.Units = append(all.Units, unit(u))
	}
	told := []Told{all}
	if len(a.By) == 0 {
		return told
	}
	rest := map[string]bool{}
	for _, u := range a.Units {
		rest[unit(u)] = true
	}
	for _, c := range a.Cells {
		cell := Told{What: what + ": " + strings.Join(c.Codes, ", "), Cell: true, Hidden: c.Hidden, Earlier: earlier}
		for _, u := range a.Units {
			if u.in(c.Codes) {
				cell.Units = append(cell.Units, unit(u))
				delete(rest, unit(u))
			}
		}
		told = append(told, cell)
	}
	remainder := Told{What: what + ": —", Cell: true, Hidden: a.Rest.Hidden, Earlier: earlier}
	for _, u := range a.Units {
		if rest[unit(u)] {
			remainder.Units = append(remainder.Units, unit(u))
		}
	}
	return append(told, remainder)
}

// Protect keeps back the cells of fewer than k people, and as many others as it
// takes that they can't be computed from what is told, also together with what
// was told before. Of those it has to choose from it takes the smallest. What
// can't be kept back, because it was told before or is a whole figure, is left:
// Disclosure tells it.
func Protect(answers []Answer, before []Told, what func(Ask) string, unit func(Unit) string, k int) {
	for i := range answers {
		for j := range answers[i].Cells {
			c := &answers[i].Cells[j]
			c.Hidden = c.Value > 0 && c.Value < k
		}
		rest := &answers[i].Rest
		rest.Hidden = rest.Value > 0 && rest.Value < k
	}
	for {
		told := slices.Clone(before)
		var cells []*Cell // of told, from the end of before on; nil: a whole figure
		for i := range answers {
			a := &answers[i]
			told = append(told, a.Numbers(what(a.Ask), unit, false)...)
			cells = append(cells, nil)
			if len(a.By) > 0 {
				for j := range a.Cells {
					cells = append(cells, &a.Cells[j])
				}
				cells = append(cells, &a.Rest)
			}
		}
		found, _ := Disclosure(told, k)
		var smallest *Cell
		for _, r := range found {
			for _, place := range r.places {
				if place < len(before) {
					continue
				}
				if c := cells[place-len(before)]; c != nil && !c.Hidden && c.Value > 0 && (smallest == nil || c.Value < smallest.Value) {
					smallest = c
				}
			}
			if smallest != nil {
				break
			}
		}
		if smallest == nil {
			return
		}
		smallest.Hidden = true
	}
}
