// SPDX-License-Identifier: AGPL-3.0-or-later

package istanbul

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
)

// Seen says what the examinations of one side make of a finding.
type Seen string

// From the strongest to the weakest. Only NotSeen says that they looked and did not report it, and even that is no
// proof that there was nothing (IP 393).
const (
	Saw         Seen = "saw"          // one of them reports it
	NotSeen     Seen = "not_seen"     // one of them looked at that part of the person and reports other things, or nothing
	NotTold     Seen = "not_told"     // what those that looked found is not recorded
	NotExamined Seen = "not_examined" // none of them looked at that part of the person
	NoneHeld    Seen = "none_held"    // there is none
)

// Line is a finding as the two sides have it: the same kind at the same place of the body.
type Line struct {
	Kind        string // what it is of: Injury, Diagnosis, Symptom, Imaging, Place
	Code        string // of list injury, psych, psych_symptom or imaging; empty for Place
	Regions     []string
	Sides       []string // of list side, without both
	Official    Seen
	Independent Seen
	Findings    []*casefile.Record // of kind finding; of both sides and of neither
	Exams       []string           // the examinations that report it, also those that only name it among their diagnoses
	Unsure      bool               // one of them does not say where: that it is the same is our reading
	Differs     []string           // fields of a finding in which the two sides differ
}

// What a line is of.
const (
	Injury    = "injury"
	Diagnosis = "diagnosis"
	Symptom   = "symptom"
	Imaging   = "imaging"
	Place     = "place"
)

// Body says whether the line is of the body, not the mind.
func (l Line) Body() bool { return l.Kind != Diagnosis && l.Kind != Symptom }

// Both says whether both sides saw it.
func (l Line) Both() bool { return l.Official == Saw && l.Independent == Saw }

// OneOnly says whether one side saw what the other held an examination for and did not report.
func (l Line) OneOnly() bool {
	return (l.Official == Saw) != (l.Independent == Saw) && l.Official != NoneHeld && l.Independent != NoneHeld
}

// Comparison is the examinations of one case side by side.
type Comparison struct {
	Exams []*casefile.Record // by day, those without one last
	Lines []Line             // what both saw first, then what one saw, then the rest
}

// Of are the examinations of one side.
func (c Comparison) Of(side Side) []*casefile.Record {
	var out []*casefile.Record
	for _, e := range c.Exams {
		if SideOf(e) == side {
			out = append(out, e)
		}
	}
	return out
}

// Compare puts the examinations among the records of a case side by side. It does not matter in which order the
// records come.
//
// Two findings are the same where they are of one kind (one injury, one diagnosis, one sign), share a part of the
// body and, for parts that come in pairs, a side. Where one of them leaves out the side or the place, it is taken
// for the same only if there is no other it could be, and the line says that it is unsure.
func Compare(records []*casefile.Record) Comparison {
	var c Comparison
	var marks []mark
	side := map[string]Side{}
	for _, r := range records {
		if r.Kind == "examination" {
			c.Exams = append(c.Exams, r)
			side[r.ID] = SideOf(r)
		}
	}
	slices.SortStableFunc(c.Exams, func(a, b *casefile.Record) int {
		return cmp.Or(cmp.Compare(dayOf(a), dayOf(b)), cmp.Compare(a.ID, b.ID))
	})
	for _, r := range records {
		if r.Kind != "finding" {
			continue
		}
		if m, ok := markOf(r); ok {
			marks = append(marks, m)
		}
	}
	for _, e := range c.Exams { // a diagnosis that only the examination names
		for _, code := range e.Fields["diagnosis"] {
			if known(code) && !slices.ContainsFunc(marks, func(m mark) bool { return m.exam == e.ID && m.kind == Diagnosis && m.code == code }) {
				marks = append(marks, mark{exam: e.ID, kind: Diagnosis, code: code})
			}
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.code, b.code), cmp.Compare(a.id(), b.id()), cmp.Compare(a.exam, b.exam))
	})
	told := results(c.Exams, marks)
	for _, group := range same(marks) {
		c.Lines = append(c.Lines, c.line(group, side, told))
	}
	slices.SortStableFunc(c.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(order(a.Kind), order(b.Kind)), cmp.Compare(a.Code, b.Code), slices.Compare(a.Regions, b.Regions), slices.Compare(a.Sides, b.Sides))
	})
	return c
}

func dayOf(exam *casefile.Record) string {
	for _, field := range []string{"held", "ordered", "ended", "requested"} {
		if d, ok := exam.DateOf(field); ok {
			return d.Earliest().String()
		}
	}
	return "~" // after every day
}

func order(kind string) int {
	return slices.Index([]string{Injury, Imaging, Place, Diagnosis, Symptom}, kind)
}

func (l Line) rank() int {
	switch {
	case l.OneOnly():
		return 0
	case l.Both():
		return 1
	}
	return 2
}

// mark is a finding made comparable.
type mark struct {
	record     *casefile.Record // nil: only the examination names it
	exam       string
	kind, code string
	regions    []string
	sides      []string // left, right, middle; empty: not said
}

func (m mark) id() string {
	if m.record == nil {
		return ""
	}
	return m.record.ID
}

// markOf reads a finding; false: it says nothing that can be compared, or that nothing was seen.
func markOf(r *casefile.Record) (mark, bool) {
	m := mark{record: r, exam: r.Get("examination")}
	if m.exam == "" {
		return m, false
	}
	for _, region := range r.Fields["body_region"] {
		if known(region) {
			m.regions = append(m.regions, region)
		}
	}
	slices.Sort(m.regions)
	m.regions = slices.Compact(m.regions)
	switch s := r.Get("side"); s {
	case "both":
		m.sides = []string{"left", "right"}
	case "left", "right", "middle":
		m.sides = []string{s}
	}
	for _, k := range []struct{ kind, field string }{{Injury, "injury"}, {Diagnosis, "diagnosis"}, {Symptom, "symptom"}, {Imaging, "imaging"}} {
		code := r.Get(k.field)
		if k.kind == Injury && code == noneVisible {
			return m, false
		}
		if known(code) {
			m.kind, m.code = k.kind, code
			if k.kind == Diagnosis || k.kind == Symptom {
				m.regions, m.sides = nil, nil
			}
			return m, true
		}
	}
	m.kind = Place
	return m, len(m.regions) > 0
}

// same puts marks that are of one thing into groups. The groups do not depend on the order of the marks but for the
// order in which they come.
func same(marks []mark) [][]mark {
	groups := make([][]mark, 0, len(marks))
	for _, m := range marks {
		groups = append(groups, []mark{m})
	}
	// What is surely the same, over and over until nothing more is: a mark of two places may join two groups.
	groups = join(groups, func(a, b []mark) bool {
		return fit(a, b, surely)
	})
	// What leaves out the side, then what leaves out the place, where it could be one group only.
	groups = attach(groups, func(m mark) bool { return len(m.regions) > 0 && len(m.sides) == 0 })
	return attach(groups, func(m mark) bool { return len(m.regions) == 0 })
}

func fit(a, b []mark, same func(a, b mark) bool) bool {
	return slices.ContainsFunc(a, func(x mark) bool { return slices.ContainsFunc(b, func(y mark) bool { return same(x, y) }) })
}

func surely(a, b mark) bool {
	if a.kind != b.kind || a.code != b.code {
		return false
	}
	if len(a.regions) == 0 && len(b.regions) == 0 {
		return true
	}
	return common(a.regions, b.regions) && (len(a.sides) == 0 && len(b.sides) == 0 || common(a.sides, b.sides))
}

func maybe(a, b mark) bool {
	return a.kind == b.kind && a.code == b.code &&
		(len(a.regions) == 0 || len(b.regions) == 0 || common(a.regions, b.regions)) &&
		(len(a.sides) == 0 || len(b.sides) == 0 || common(a.sides, b.sides))
}

func common(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func join(groups [][]mark, same func(a, b []mark) bool) [][]mark {
	for i := 0; i < len(groups); i++ {
		for j := i + 1; j < len(groups); {
			if same(groups[i], groups[j]) {
				groups[i] = append(groups[i], groups[j]...)
				groups = slices.Delete(groups, j, j+1)
				j = i + 1 // the group has grown: what it did not fit before it may fit now
				continue
			}
			j++
		}
	}
	return groups
}

// attach joins each group of vague marks to the one group it could belong to, and leaves it by itself where there
// are several or none.
func attach(groups [][]mark, vague func(mark) bool) [][]mark {
	to := make([]int, len(groups))
	for i, g := range groups {
		to[i] = i
		if slices.ContainsFunc(g, func(m mark) bool { return !vague(m) }) {
			continue
		}
		var fits []int
		for j, h := range groups {
			if j != i && !vagueAll(h, vague) && fit(g, h, maybe) {
				fits = append(fits, j)
			}
		}
		if len(fits) == 1 {
			to[i] = fits[0]
		}
	}
	var out [][]mark
	for i, g := range groups {
		if to[i] != i {
			continue
		}
		for j, h := range groups {
			if j != i && to[j] == i {
				g = append(g, h...)
			}
		}
		out = append(out, g)
	}
	return out
}

func vagueAll(g []mark, vague func(mark) bool) bool {
	return !slices.ContainsFunc(g, func(m mark) bool { return !vague(m) })
}

// results says of which examinations any result is recorded: without one, that a finding is not there tells nothing.
func results(exams []*casefile.Record, marks []mark) map[string]bool {
	told := map[string]bool{}
	for _, m := range marks {
		told[m.exam] = true
	}
	for _, e := range exams {
		for _, field := range []string{"findings_present", "result", "consistency", "physical_consistency", "psych_consistency", "gravity", "conclusion"} {
			told[e.ID] = told[e.ID] || known(e.Get(field))
		}
	}
	return told
}

func (c Comparison) line(group []mark, side map[string]Side, told map[string]bool) Line {
	l := Line{Kind: group[0].kind, Code: group[0].code}
	saw := map[Side]bool{}
	for _, m := range group {
		l.Regions = append(l.Regions, m.regions...)
		l.Sides = append(l.Sides, m.sides...)
		if m.record != nil {
			l.Findings = append(l.Findings, m.record)
		}
		if s, ok := side[m.exam]; ok {
			saw[s] = true
			l.Exams = append(l.Exams, m.exam)
		}
		for _, other := range group {
			l.Unsure = l.Unsure || len(m.regions) == 0 != (len(other.regions) == 0) || len(m.sides) == 0 != (len(other.sides) == 0)
		}
		l.Unsure = l.Unsure || l.Body() && len(group) > 1 && len(m.regions) == 0
	}
	l.Regions, l.Sides, l.Exams = uniq(l.Regions), uniq(l.Sides), uniq(l.Exams)
	slices.SortFunc(l.Findings, func(a, b *casefile.Record) int { return strings.Compare(a.ID, b.ID) })
	l.Official, l.Independent = c.seen(l, Official, saw, told), c.seen(l, Independent, saw, told)
	if l.Both() {
		l.Differs = differs(l.Findings, side)
	}
	return l
}

func uniq(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

func (c Comparison) seen(l Line, side Side, saw map[Side]bool, told map[string]bool) Seen {
	if saw[side] {
		return Saw
	}
	best := NoneHeld
	for _, e := range c.Of(side) {
		body, mind := Looks(e)
		now := NotExamined
		if l.Body() && body || !l.Body() && mind {
			if now = NotTold; told[e.ID] {
				now = NotSeen
			}
		}
		if strength(now) < strength(best) {
			best = now
		}
	}
	return best
}

func strength(s Seen) int {
	return slices.Index([]Seen{Saw, NotSeen, NotTold, NotExamined, NoneHeld}, s)
}

// differs are the fields that say one thing on the one side and another, or nothing, on the other.
func differs(findings []*casefile.Record, side map[string]Side) []string {
	var out []string
	for _, field := range []string{"consistency", "causal_link", "imaging", "photographed", "count", "length_mm", "width_mm"} {
		says := map[Side][]string{}
		for _, f := range findings {
			s := side[f.Get("examination")]
			for _, v := range f.Fields[field] {
				if known(v) {
					says[s] = append(says[s], v)
				}
			}
		}
		if !slices.Equal(uniq(says[Official]), uniq(says[Independent])) {
			out = append(out, field)
		}
	}
	return out
}
