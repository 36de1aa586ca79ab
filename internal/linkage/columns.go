// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/names"
)

// missing is the level of a pair of which one side has no value. It weighs nothing.
const missing = 255

// ladder is the levels on which one thing can agree, and what is known of them before learning.
type ladder struct {
	field string
	codes []string
	m     []float64 // expected among true pairs
	u     []float64 // expected among others, for levels too rare to be seen
	exact bool      // level 0 is agreement on one value, whose frequency counts
}

// comparers gives the levels of each comparer.
var comparers = map[Comparer]ladder{
	Person:     {}, // three ladders: see personLadders
	Birth:      {codes: []string{"day", "year", "slip", "day_month", "near", "different"}, m: []float64{.70, .15, .06, .02, .04, .03}, u: []float64{.0001, .01, .002, .003, .05, .935}},
	Event:      {codes: []string{"day", "overlap", "near", "different"}, m: []float64{.80, .08, .07, .05}, u: []float64{.05, .05, .1, .8}},
	Exact:      {codes: []string{"same", "different"}, m: []float64{.95, .05}, u: []float64{.1, .9}, exact: true},
	Set:        {codes: []string{"all", "some", "none"}, m: []float64{.55, .35, .10}, u: []float64{.05, .35, .6}},
	Identifier: {codes: []string{"same", "slip", "different"}, m: []float64{.90, .04, .06}, u: []float64{.0001, .0005, .9994}, exact: true},
	Text:       {codes: []string{"same", "slip", "close", "alike", "different"}, m: []float64{.80, .08, .05, .03, .04}, u: []float64{.005, .003, .01, .05, .932}, exact: true},
}

var personLadders = []ladder{
	{field: "family", codes: []string{"same", "variant", "typo", "initial", "different"}, m: []float64{.80, .08, .07, .01, .04}, u: []float64{.01, .01, .01, .01, .96}, exact: true},
	{field: "given", codes: []string{"same", "variant", "typo", "initial", "different"}, m: []float64{.80, .08, .07, .02, .03}, u: []float64{.01, .01, .01, .02, .95}, exact: true},
	{field: "patronymic", codes: []string{"same", "variant", "typo", "initial", "different"}, m: []float64{.80, .08, .07, .02, .03}, u: []float64{.01, .01, .01, .02, .95}, exact: true},
}

// listLadder says that one organisation seldom lists a person twice.
var listLadder = ladder{field: "list", codes: []string{"other_list", "same_list"}, m: []float64{.9, .1}, u: []float64{.7, .3}}

// column is one comparison made ready: the values of all records.
type column interface {
	// ladders are what compare answers on.
	ladders() []ladder
	// compare writes the level of each ladder for two records.
	compare(i, j int, levels []uint8)
	// value is what record i has on a ladder, for people to read.
	value(ladder, i int) string
	// share is the frequency of the value that i and j agree on, 0 if that says nothing.
	share(ladder, i, j int) float64
	// key reads the value for blocking; none means that the record is in no block.
	key(as Reading, i int) []string
}

func newColumn(f Field, records []Record) column {
	from := f.From
	if len(from) == 0 {
		from = []string{f.ID}
	}
	l := comparers[f.Compare]
	l.field = f.ID
	if f.M != nil {
		l.m = normalised(f.M)
	}
	values := make([][]string, len(records))
	for i, r := range records {
		if f.Compare == Person {
			continue
		}
		for _, id := range from {
			for _, v := range r.Fields[id] {
				if v = strings.TrimSpace(v); v != "" && v != "unknown" {
					values[i] = append(values[i], v)
				}
			}
		}
	}
	switch f.Compare {
	case Person:
		return newPersonColumn(from, records)
	case Birth, Event:
		return newDateColumn(l, values, f.Compare == Birth)
	case Set:
		return newCodeColumn(l, values, setLevel)
	case Identifier:
		return newCodeColumn(l, values, identifierLevel)
	case Text:
		return newCodeColumn(l, values, textLevel)
	default:
		return newCodeColumn(l, values, exactLevel)
	}
}

func normalised(m []float64) []float64 {
	sum := 0.0
	for _, x := range m {
		sum += x
	}
	out := make([]float64, len(m))
	for i, x := range m {
		out[i] = x / sum
	}
	return out
}

// terms numbers distinct values and counts them.
type terms struct {
	id    map[string]int32
	count []int
	total int
}

func newTerms() *terms { return &terms{id: map[string]int32{"": 0}, count: []int{0}} }

func (t *terms) add(s string) int32 {
	id, ok := t.id[s]
	if !ok {
		id = int32(len(t.count)) //nolint:gosec // as many as there are records
		t.id[s] = id
		t.count = append(t.count, 0)
	}
	if id != 0 {
		t.count[id]++
		t.total++
	}
	return id
}

func (t *terms) share(id int32) float64 {
	if id == 0 || t.total == 0 {
		return 0
	}
	return float64(t.count[id]) / float64(t.total)
}

// personColumn compares names: the first is the record's own, the others are other names it goes by.
type personColumn struct {
	names [][]*names.Prepared
	words [][3]int32 // of the first name
	terms [3]*terms
	folds [][3]string
}

func newPersonColumn(from []string, records []Record) *personColumn {
	c := &personColumn{names: make([][]*names.Prepared, len(records)), words: make([][3]int32, len(records)), folds: make([][3]string, len(records))}
	for k := range c.terms {
		c.terms[k] = newTerms()
	}
	seen := map[names.Name]*names.Prepared{}
	prepare := func(n names.Name) *names.Prepared {
		p, ok := seen[n]
		if !ok {
			p = names.Prepare(n)
			seen[n] = p
		}
		return p
	}
	for i, r := range records {
		word := func(k int) string {
			if k >= len(from) || k >= 3 {
				return ""
			}
			return strings.Join(r.Fields[from[k]], " ")
		}
		n := names.New(word(0), word(1), word(2))
		if n.Given == "" && n.Patronymic == "" && strings.Contains(n.Family, " ") {
			n = names.Parse(n.Family) // a full name in the column of family names
		}
		if !n.IsZero() {
			c.names[i] = append(c.names[i], prepare(n))
		}
		if len(from) > 3 {
			for _, id := range from[3:] {
				for _, full := range r.Fields[id] {
					if n := names.Parse(full); !n.IsZero() && len(c.names[i]) < maxNames {
						c.names[i] = append(c.names[i], prepare(n))
					}
				}
			}
		}
		if len(c.names[i]) > 0 {
			f, g, p := c.names[i][0].Words()
			c.folds[i] = [3]string{f, g, p}
			for k, w := range c.folds[i] {
				c.words[i][k] = c.terms[k].add(w)
			}
		}
	}
	return c
}

// maxNames bounds the comparisons of two records with many other names.
const maxNames = 6

func (c *personColumn) ladders() []ladder { return personLadders }

func (c *personColumn) compare(i, j int, levels []uint8) {
	levels[0], levels[1], levels[2] = missing, missing, missing
	if len(c.names[i]) == 0 || len(c.names[j]) == 0 {
		return
	}
	best := c.names[i][0].Compare(c.names[j][0])
	if len(c.names[i])+len(c.names[j]) > 2 {
		for _, a := range c.names[i] {
			for _, b := range c.names[j] {
				if n := a.Compare(b); n.Better(best) {
					best = n
				}
			}
		}
	}
	for k, l := range [3]names.Level{best.Family, best.Given, best.Patronymic} {
		levels[k] = personLevel(l)
	}
}

func personLevel(l names.Level) uint8 {
	switch l {
	case names.Same:
		return 0
	case names.Variant:
		return 1
	case names.Typo:
		return 2
	case names.Initial:
		return 3
	case names.Different:
		return 4
	default:
		return missing
	}
}

func (c *personColumn) value(l, i int) string {
	var out []string
	for _, p := range c.names[i] {
		n := p.Name()
		if w := [3]string{n.Family, n.Given, n.Patronymic}[l]; w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return strings.Join(out, "; ")
}

func (c *personColumn) share(l, i, j int) float64 {
	return max(c.terms[l].share(c.words[i][l]), c.terms[l].share(c.words[j][l]))
}

func (c *personColumn) key(as Reading, i int) []string {
	f, g := c.folds[i][0], c.folds[i][1]
	switch as {
	case Family:
		if len(c.names[i]) == 0 {
			return nil
		}
		return some(names.Weak(c.names[i][0].Stem()))
	case Given:
		return some(g)
	case Trigrams:
		return trigrams(f + " " + g)
	default:
		if f == "" || g == "" {
			return nil
		}
		if g < f {
			f, g = g, f
		}
		return []string{f + " " + g}
	}
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// dateColumn compares dates; of several, those that agree best.
type dateColumn struct {
	ladder ladder
	birth  bool
	text   []string
	dates  [][]span
}

// maxDates bounds the comparisons of two records with many dates.
const maxDates = 6

type span struct {
	from, to edtf.Day
	digits   string // of an exact day, or of a date that no calendar has
	exact    bool
}

func newDateColumn(l ladder, values [][]string, birth bool) *dateColumn {
	c := &dateColumn{ladder: l, birth: birth, text: make([]string, len(values)), dates: make([][]span, len(values))}
	for i, vs := range values {
		c.text[i] = strings.Join(vs, "; ")
		for _, v := range vs {
			if s, ok := readSpan(v); ok && len(c.dates[i]) < maxDates {
				c.dates[i] = append(c.dates[i], s)
			}
		}
	}
	return c
}

func readSpan(text string) (span, bool) {
	d, err := edtf.Parse(text)
	if err != nil {
		digits := onlyDigits(text)
		return span{digits: digits}, len(digits) >= 4
	}
	s := span{from: d.Earliest(), to: d.Latest()}
	s.exact = s.from == s.to
	if s.exact {
		s.digits = onlyDigits(s.from.String())
	}
	return s, true
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func (c *dateColumn) ladders() []ladder { return []ladder{c.ladder} }

func (c *dateColumn) compare(i, j int, levels []uint8) {
	levels[0] = missing
	for x := range c.dates[i] {
		for y := range c.dates[j] {
			a, b := &c.dates[i][x], &c.dates[j][y]
			if c.birth {
				levels[0] = min(levels[0], birthLevel(a, b))
			} else {
				levels[0] = min(levels[0], eventLevel(a, b))
			}
		}
	}
}

// unreadable says that a date is only digits that no calendar has: a slip may have made them.
func (s *span) unreadable() bool { return s.digits != "" && !s.exact }

func birthLevel(a, b *span) uint8 {
	switch {
	case a.digits != "" && a.digits == b.digits:
		return 0
	case a.digits != "" && b.digits != "":
		switch {
		case digitSlip(a.digits, b.digits):
			return 2
		case len(a.digits) == 8 && len(b.digits) == 8 && a.digits[4:] == b.digits[4:]:
			return 3 // the birthday is remembered, the year is not
		case a.digits[:4] == b.digits[:4]:
			return 4
		}
		return 5
	case a.unreadable() || b.unreadable():
		return missing
	case a.from <= b.to && b.from <= a.to:
		return 1
	case a.from.Sub(b.to) <= 366 && b.from.Sub(a.to) <= 366:
		return 4 // an age misremembered by a year
	default:
		return 5
	}
}

func eventLevel(a, b *span) uint8 {
	const fewDays = 3
	switch {
	case a.unreadable() || b.unreadable():
		return missing
	case a.exact && b.exact && a.from == b.from:
		return 0
	case a.from <= b.to && b.from <= a.to:
		return 1
	case a.from.Sub(b.to) <= fewDays && b.from.Sub(a.to) <= fewDays:
		return 2
	default:
		return 3
	}
}

// digitSlip reports whether two dates of birth differ by one digit, by two
// digits in the wrong order, or by day and month exchanged.
func digitSlip(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var at []int
	for i := range len(a) {
		if a[i] != b[i] {
			at = append(at, i)
		}
	}
	switch {
	case len(at) == 1:
		return true
	case len(at) == 2 && a[at[0]] == b[at[1]] && a[at[1]] == b[at[0]]:
		return true
	}
	return len(a) == 8 && a[:4] == b[:4] && a[4:6] == b[6:] && a[6:] == b[4:6]
}

func (c *dateColumn) value(_, i int) string     { return c.text[i] }
func (c *dateColumn) share(_, _, _ int) float64 { return 0 }
func (c *dateColumn) key(as Reading, i int) []string {
	var out []string
	for x := range c.dates[i] {
		d := &c.dates[i][x]
		switch {
		case as == Year && d.digits != "":
			out = append(out, d.digits[:4])
		case as == Year && d.to.Sub(d.from) <= 366:
			out = append(out, d.from.String()[:4])
		case as == Whole:
			out = append(out, some(d.digits)...)
		}
	}
	return out
}

// codeColumn compares codes, numbers and words by a function of two normalised values.
type codeColumn struct {
	ladder ladder
	text   []string
	values [][]string
	term   []int32
	terms  *terms
	level  func(a, b []string) uint8
}

func newCodeColumn(l ladder, values [][]string, level func(a, b []string) uint8) *codeColumn {
	c := &codeColumn{ladder: l, text: make([]string, len(values)), values: make([][]string, len(values)), term: make([]int32, len(values)), terms: newTerms(), level: level}
	for i, vs := range values {
		c.text[i] = strings.Join(vs, "; ")
		for _, v := range vs {
			if v = normal(v); v != "" {
				c.values[i] = append(c.values[i], v)
			}
		}
		slices.Sort(c.values[i])
		c.values[i] = slices.Compact(c.values[i])
		if len(c.values[i]) > 0 {
			c.term[i] = c.terms.add(c.values[i][0])
		}
	}
	return c
}

func (c *codeColumn) ladders() []ladder { return []ladder{c.ladder} }

func (c *codeColumn) compare(i, j int, levels []uint8) {
	if len(c.values[i]) == 0 || len(c.values[j]) == 0 {
		levels[0] = missing
		return
	}
	levels[0] = c.level(c.values[i], c.values[j])
}

func (c *codeColumn) value(_, i int) string { return c.text[i] }

func (c *codeColumn) share(_, i, j int) float64 {
	return max(c.terms.share(c.term[i]), c.terms.share(c.term[j]))
}

func (c *codeColumn) key(as Reading, i int) []string {
	var out []string
	for _, v := range c.values[i] {
		switch as {
		case First3:
			if r := []rune(v); len(r) >= 3 {
				out = append(out, string(r[:3]))
			}
		case Sounds:
			out = append(out, some(names.Weak(names.Fold(v)))...)
		case Trigrams:
			out = append(out, trigrams(v)...)
		default:
			out = append(out, v)
		}
	}
	return out
}

func exactLevel(a, b []string) uint8 {
	if common(a, b) > 0 {
		return 0
	}
	return 1
}

func setLevel(a, b []string) uint8 {
	switch n := common(a, b); {
	case n == len(a) && n == len(b):
		return 0
	case n > 0:
		return 1
	default:
		return 2
	}
}

func identifierLevel(a, b []string) uint8 {
	if common(a, b) > 0 {
		return 0
	}
	for _, x := range a {
		for _, y := range b {
			if len(x) >= 5 && len(y) >= 5 && oneSlip(x, y) {
				return 1
			}
		}
	}
	return 2
}

func textLevel(a, b []string) uint8 {
	best := uint8(4)
	for _, x := range a {
		for _, y := range b {
			best = min(best, wordLevel(x, y))
		}
	}
	return best
}

func wordLevel(x, y string) uint8 {
	if x == y {
		return 0
	}
	if min(len(x), len(y)) >= 3 && oneSlip(x, y) {
		return 1
	}
	switch s := jaroWinkler(x, y); {
	case s >= 0.92:
		return 2
	case s >= 0.85:
		return 3
	}
	return 4
}

// common counts the values two sorted sets share.
func common(a, b []string) int {
	n, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			n, i, j = n+1, i+1, j+1
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return n
}
