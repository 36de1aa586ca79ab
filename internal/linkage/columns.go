// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

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

// column is one comparison made ready. A row is known to it by a few numbers,
// its codes: each distinct value is read once, and rows with the same codes agree.
type column interface {
	// ladders are what compare answers on.
	ladders() []ladder
	// width is how many codes a row has.
	width() int
	// code writes the codes of a new row with these values of the fields it reads.
	code(values [][]string, codes []uint32)
	// full says that there are no more rows.
	full()
	// compare writes the level of each ladder for two rows.
	compare(a, b []uint32, levels []uint8, m *memos)
	// value is what a row has on a ladder, for people to read.
	value(ladder int, a []uint32) string
	// rarity is log2 of the frequency of the value that two rows agree on, 0 if that says nothing.
	rarity(ladder int, a, b []uint32) float64
	// key reads the value for blocking; none means that the row is in no block.
	key(as Reading, a []uint32) []string
	// size is about how many bytes it holds.
	size() int64
}

// memos is what one of those who compare at once remembers.
type memos struct {
	names *names.Memo
	words *wordMemo
}

func newMemos() *memos { return &memos{names.NewMemo(), newWordMemo()} }

func (f Field) sources() []string {
	if len(f.From) == 0 {
		return []string{f.ID}
	}
	return f.From
}

func newColumn(f Field, number int) column {
	l := comparers[f.Compare]
	l.field = f.ID
	if f.M != nil {
		l.m = normalised(f.M)
	}
	switch f.Compare {
	case Person:
		return newPersonColumn(len(f.sources()))
	case Birth, Event:
		return &dateColumn{dictionary: newDictionary(), ladder: l, birth: f.Compare == Birth, dates: make([][]span, 1)}
	case Set:
		return newCodeColumn(l, number, setLevel)
	case Identifier:
		c := newCodeColumn(l, number, identifierLevel)
		c.numbers = true
		return c
	case Text:
		c := newCodeColumn(l, number, textLevel)
		c.words = true
		return c
	default:
		return newCodeColumn(l, number, exactLevel)
	}
}

// dictionary numbers the distinct values of a column from 1; 0 is none.
type dictionary struct {
	ids   map[string]uint32
	text  []string
	bytes int64
	parts []string
}

func newDictionary() dictionary { return dictionary{ids: map[string]uint32{}, text: make([]string, 1)} }

const severalValues = "\x00"

// add numbers the values of a row, all its sources together, and says whether they are new.
func (d *dictionary) add(values [][]string) (id uint32, fresh bool) {
	d.parts = d.parts[:0]
	for _, vs := range values {
		for _, v := range vs {
			if v = strings.TrimSpace(v); v != "" && v != "unknown" {
				d.parts = append(d.parts, v)
			}
		}
	}
	var key string
	switch len(d.parts) {
	case 0:
		return 0, false
	case 1:
		key = d.parts[0]
	default:
		key = strings.Join(d.parts, severalValues)
	}
	if id, ok := d.ids[key]; ok {
		return id, false
	}
	key = strings.Clone(key) // it may be a piece of a whole row
	id = uint32(len(d.text)) //nolint:gosec // fewer than there are rows
	d.ids[key] = id
	d.text = append(d.text, key)
	d.bytes += int64(len(key)) + 60
	return id, true
}

func (d *dictionary) full() { d.ids = nil }

func (d *dictionary) values(id uint32) []string {
	if id == 0 {
		return nil
	}
	return strings.Split(d.text[id], severalValues)
}

func (d *dictionary) value(_ int, a []uint32) string { return strings.Join(d.values(a[0]), "; ") }

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
	id     map[string]int32
	count  []int
	total  int
	rarity []float64 // log2 of the frequency of each, when all are counted
}

func newTerms() *terms { return &terms{id: map[string]int32{"": 0}, count: []int{0}} }

// number is that of a value, 0 for none.
func (t *terms) number(s string) int32 {
	id, ok := t.id[s]
	if !ok {
		id = int32(len(t.count)) //nolint:gosec // as many as there are records
		t.id[s] = id
		t.count = append(t.count, 0)
	}
	return id
}

func (t *terms) add(id int32) {
	if id != 0 {
		t.count[id]++
		t.total++
	}
}

// full says that there are no more rows.
func (t *terms) full() {
	t.id = nil
	t.rarity = make([]float64, len(t.count))
	t.rarity[0] = math.Inf(-1)
	for id, n := range t.count {
		if id != 0 {
			t.rarity[id] = math.Log2(float64(n) / float64(max(1, t.total)))
		}
	}
}

// of is the rarity of two values: that of the more frequent.
func (t *terms) of(a, b int32) float64 {
	if r := max(t.rarity[a], t.rarity[b]); !math.IsInf(r, 0) {
		return r
	}
	return 0
}

// personColumn compares names: the first is the row's own, the others are other
// names it goes by. Its codes are those of the names.Entry of the first, and the
// number of the others.
type personColumn struct {
	sources int
	book    *names.Book
	others  [][]names.Entry
	terms   [3]*terms
	term    [3][]int32 // of each word in each role; -1: not asked yet
	spare   []names.Entry
}

func newPersonColumn(sources int) *personColumn {
	c := &personColumn{sources: sources, book: names.NewBook(), others: make([][]names.Entry, 1)}
	for k := range c.terms {
		c.terms[k] = newTerms()
	}
	return c
}

const otherNames = 4 // the code after those of the entry

func (c *personColumn) width() int { return otherNames + 1 }

func (c *personColumn) code(values [][]string, codes []uint32) {
	word := func(k int) string {
		switch {
		case k >= len(values) || k >= 3 || len(values[k]) == 0:
			return ""
		case len(values[k]) == 1:
			return values[k][0]
		}
		return strings.Join(values[k], " ")
	}
	all := c.spare[:0]
	var first names.Entry
	if f := word(0); word(1) == "" && word(2) == "" && strings.Contains(f, " ") {
		first = c.book.Add(names.Parse(f)) // a full name in the column of family names
	} else {
		first = c.book.AddRoles(f, word(1), word(2))
	}
	if named(first[:]) {
		all = append(all, first)
	}
	if len(values) > 3 {
		for _, vs := range values[3:] {
			for _, full := range vs {
				if e := c.book.Add(names.Parse(full)); named(e[:]) && len(all) < maxNames {
					all = append(all, e)
				}
			}
		}
	}
	clear(codes)
	if len(all) == 0 {
		return
	}
	copy(codes, all[0][:])
	if len(all) > 1 {
		codes[otherNames] = uint32(len(c.others)) //nolint:gosec // fewer than there are rows
		c.others = append(c.others, slices.Clone(all[1:]))
	}
	c.spare = all
	for k, t := range c.terms {
		t.add(c.termOf(k, all[0]))
	}
}

// termOf is the term of an entry's word in a role.
func (c *personColumn) termOf(role int, e names.Entry) int32 {
	at := int(e[role])
	for len(c.term[role]) <= at {
		c.term[role] = append(c.term[role], -1)
	}
	if c.term[role][at] < 0 {
		var w [3]string
		w[0], w[1], w[2], _ = c.book.Folded(e)
		c.term[role][at] = c.terms[role].number(w[role])
	}
	return c.term[role][at]
}

func (c *personColumn) full() {
	for _, t := range c.terms {
		t.full()
	}
}

func (c *personColumn) size() int64 { return int64(c.book.Words())*650 + int64(len(c.others))*64 }

// maxNames bounds the comparisons of two records with many other names.
const maxNames = 6

func (c *personColumn) ladders() []ladder { return personLadders }

func named(a []uint32) bool { return a[0]|a[1]|a[2] != 0 }

func (c *personColumn) compare(a, b []uint32, levels []uint8, m *memos) {
	levels[0], levels[1], levels[2] = missing, missing, missing
	if !named(a) || !named(b) {
		return
	}
	best := c.book.Compare(names.Entry(a), names.Entry(b), m.names)
	if a[otherNames]|b[otherNames] != 0 {
		for _, x := range c.all(a) {
			for _, y := range c.all(b) {
				if n := c.book.Compare(x, y, m.names); n.Better(best) {
					best = n
				}
			}
		}
	}
	for k, l := range [3]names.Level{best.Family, best.Given, best.Patronymic} {
		levels[k] = personLevel(l)
	}
}

// all are the names of a row.
func (c *personColumn) all(a []uint32) []names.Entry {
	if !named(a) {
		return nil
	}
	return append([]names.Entry{names.Entry(a)}, c.others[a[otherNames]]...)
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

func (c *personColumn) value(l int, a []uint32) string {
	var out []string
	for _, e := range c.all(a) {
		if w := c.book.Written(e)[l]; w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return strings.Join(out, "; ")
}

func (c *personColumn) rarity(l int, a, b []uint32) float64 {
	return c.terms[l].of(c.term[l][a[l]], c.term[l][b[l]])
}

// foldedFamily is half of Names.
const foldedFamily Reading = "folded family"

func (c *personColumn) key(as Reading, a []uint32) []string {
	if !named(a) {
		return nil
	}
	f, g, _, stem := c.book.Folded(names.Entry(a))
	switch as {
	case Family:
		return some(names.Weak(stem))
	case foldedFamily:
		return some(f)
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
	dictionary
	ladder ladder
	birth  bool
	dates  [][]span // of each distinct value
}

// maxDates bounds the comparisons of two records with many dates.
const maxDates = 6

type span struct {
	from, to edtf.Day
	digits   string // of an exact day, or of a date that no calendar has
	signs    uint64 // eight digits, a byte each; 0 where they are not eight
	exact    bool
}

func (c *dateColumn) width() int { return 1 }

func (c *dateColumn) code(values [][]string, codes []uint32) {
	id, fresh := c.add(values)
	codes[0] = id
	if !fresh {
		return
	}
	var dates []span
	for _, v := range c.values(id) {
		if s, ok := readSpan(v); ok && len(dates) < maxDates {
			dates = append(dates, s)
		}
	}
	c.dates = append(c.dates, dates)
}

func (c *dateColumn) size() int64 { return c.bytes + int64(len(c.dates))*90 }

func readSpan(text string) (span, bool) {
	d, err := edtf.Parse(text)
	if err != nil {
		digits := onlyDigits(text)
		return span{digits: digits, signs: signsOf(digits)}, len(digits) >= 4
	}
	s := span{from: d.Earliest(), to: d.Latest()}
	s.exact = s.from == s.to
	if s.exact {
		s.digits = onlyDigits(s.from.String())
		s.signs = signsOf(s.digits)
	}
	return s, true
}

func signsOf(digits string) uint64 {
	if len(digits) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64([]byte(digits))
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

func (c *dateColumn) compare(a, b []uint32, levels []uint8, _ *memos) {
	levels[0] = missing
	x, y := c.dates[a[0]], c.dates[b[0]]
	for i := range x {
		for j := range y {
			if c.birth {
				levels[0] = min(levels[0], birthLevel(&x[i], &y[j]))
			} else {
				levels[0] = min(levels[0], eventLevel(&x[i], &y[j]))
			}
		}
	}
}

// unreadable says that a date is only digits that no calendar has: a slip may have made them.
func (s *span) unreadable() bool { return s.digits != "" && !s.exact }

func birthLevel(a, b *span) uint8 {
	if a.signs != 0 && b.signs != 0 {
		const year, day = 0xffffffff << 32, 0xffffffff
		x := a.signs ^ b.signs
		apart := (x | x>>1 | x>>2 | x>>3) & 0x0101010101010101 // digits differ in their last four bits
		switch {
		case x == 0:
			return 0
		case x&year != 0 && x&day != 0 && bits.OnesCount64(apart) > 2:
			return 5 // too many digits for a slip, and neither year nor day agrees
		}
	}
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

func (c *dateColumn) rarity(_ int, _, _ []uint32) float64 { return 0 }
func (c *dateColumn) key(as Reading, a []uint32) []string {
	var out []string
	for x := range c.dates[a[0]] {
		d := &c.dates[a[0]][x]
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
	dictionary
	ladder  ladder
	number  uint64              // of the column, for the memo
	one     []string            // the least normalised value of each distinct value
	more    map[uint32][]string // all of them in order, where they are several
	term    []int32
	terms   *terms
	words   bool // compared by their letters
	numbers bool // by their signs: one slip at most
	letter  []letters
	level   func(a, b []string) uint8
}

func newCodeColumn(l ladder, number int, level func(a, b []string) uint8) *codeColumn {
	return &codeColumn{
		dictionary: newDictionary(), ladder: l, number: uint64(number), level: level, //nolint:gosec // a few
		one: make([]string, 1), more: map[uint32][]string{}, term: make([]int32, 1), terms: newTerms(), letter: make([]letters, 1),
	}
}

func (c *codeColumn) width() int { return 1 }

func (c *codeColumn) code(values [][]string, codes []uint32) {
	id, fresh := c.add(values)
	codes[0] = id
	if fresh {
		var all []string
		for _, v := range c.values(id) {
			if v = normal(v); v != "" {
				all = append(all, v)
			}
		}
		slices.Sort(all)
		all = slices.Compact(all)
		least := ""
		if len(all) > 0 {
			least = all[0]
		}
		if len(all) > 1 {
			c.more[id] = all
		}
		c.one = append(c.one, least)
		c.term = append(c.term, c.terms.number(least))
		if c.words || c.numbers {
			c.letter = append(c.letter, lettersOf(least))
		}
	}
	c.terms.add(c.term[id])
}

func (c *codeColumn) full() {
	c.dictionary.full()
	c.terms.full()
}

func (c *codeColumn) size() int64 { return c.bytes + int64(len(c.one))*60 }

func (c *codeColumn) ladders() []ladder { return []ladder{c.ladder} }

func (c *codeColumn) compare(a, b []uint32, levels []uint8, m *memos) {
	x, y := a[0], b[0]
	switch {
	case c.one[x] == "" || c.one[y] == "":
		levels[0] = missing
	case x == y:
		levels[0] = 0
	case len(c.more) > 0 && (c.more[x] != nil || c.more[y] != nil):
		levels[0] = c.level(c.all(x), c.all(y))
	case c.one[x] == c.one[y]:
		levels[0] = 0
	case c.numbers && !c.letter[x].maySlip(c.letter[y]):
		levels[0] = otherNumber
	case !c.words:
		levels[0] = c.level(c.one[x:x+1], c.one[y:y+1])
	case c.letter[x].farFrom(c.letter[y]):
		levels[0] = different
	default:
		levels[0] = m.words.level(c.number, x, y, func() uint8 { return wordLevel(c.one[x], c.one[y]) })
	}
}

func (c *codeColumn) all(id uint32) []string {
	switch all := c.more[id]; {
	case all != nil:
		return all
	case c.one[id] == "":
		return nil
	}
	return c.one[id : id+1]
}

func (c *codeColumn) rarity(_ int, a, b []uint32) float64 {
	return c.terms.of(c.term[a[0]], c.term[b[0]])
}

func (c *codeColumn) key(as Reading, a []uint32) []string {
	var out []string
	for _, v := range c.all(a[0]) {
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

// letters is which letters a word has, enough to see that two words are far apart.
type letters struct {
	set    uint64 // a bit for a letter's first place, another for a second
	length uint8  // 255: too long to say
}

func lettersOf(s string) letters {
	l := letters{length: uint8(min(utf8.RuneCountInString(s), 255))} //nolint:gosec // at most 255
	for _, r := range s {
		bit := uint64(1) << (uint32(r) & 31) //nolint:gosec // a few bits of it
		if l.set&bit != 0 {
			bit <<= 32
		}
		l.set |= bit
	}
	return l
}

// farFrom reports that wordLevel must find two words different: more letters of
// one are missing in the other than either a slip or a likeness allows.
func (l letters) farFrom(k letters) bool {
	if l.length > 64 || k.length > 64 {
		return false
	}
	alone, other := bits.OnesCount64(l.set&^k.set), bits.OnesCount64(k.set&^l.set)
	a, b := int(l.length), int(k.length)
	if l.maySlip(k) {
		return false
	}
	m := float64(min(a-alone, b-other))
	if m <= 0 {
		return true
	}
	jaro := (m/float64(a) + m/float64(b) + 1) / 3
	return jaro+0.4*(1-jaro) < alike-1e-9
}

// maySlip reports that one slip may have made one word of the other.
func (l letters) maySlip(k letters) bool {
	if l.length == math.MaxUint8 || k.length == math.MaxUint8 {
		return true
	}
	a, b := int(l.length), int(k.length)
	return a-b <= 1 && b-a <= 1 && bits.OnesCount64(l.set&^k.set) <= 1 && bits.OnesCount64(k.set&^l.set) <= 1
}

// wordMemo remembers the levels of pairs of words. It forgets what it has no room for.
type wordMemo struct {
	pairs  []uint64
	levels []uint8
}

const wordMemoBits = 15

func newWordMemo() *wordMemo {
	return &wordMemo{make([]uint64, 1<<wordMemoBits), make([]uint8, 1<<wordMemoBits)}
}

// level is that of two values of a column, whose number is below 256.
func (m *wordMemo) level(column uint64, x, y uint32, find func() uint8) uint8 {
	const idBits = 28
	low, high := uint64(min(x, y)), uint64(max(x, y))
	if m == nil || high >= 1<<idBits || column > 254 {
		return find()
	}
	pair := (column+1)<<(2*idBits) | low<<idBits | high
	at := pair * 0x9e3779b97f4a7c15 >> (64 - wordMemoBits)
	if m.pairs[at] != pair {
		m.pairs[at], m.levels[at] = pair, find()
	}
	return m.levels[at]
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
	return otherNumber
}

// otherNumber is the last level of an Identifier.
const otherNumber = 2

func textLevel(a, b []string) uint8 {
	best := uint8(4)
	for _, x := range a {
		for _, y := range b {
			best = min(best, wordLevel(x, y))
		}
	}
	return best
}

const (
	alike     = 0.85
	different = 4 // the last level of a Text
)

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
	case s >= alike:
		return 3
	}
	return different
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
