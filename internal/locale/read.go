// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// DateError says why a text was not read as a date, and how to write it.
type DateError struct {
	Key   string      // a message: date_read.…
	Args  []any       // what stands in its places: words of the text, days, dates
	Could []edtf.Date // what the text could have meant; nil where there is no telling
}

// In says it in a reader's language.
func (e *DateError) In(l *Language) string { return l.T(e.Key, e.Args...) }

// Error says it in English.
func (e *DateError) Error() string {
	if l := english(); l != nil {
		return e.In(l)
	}
	return e.Key // not reached: a test loads all languages
}

var english = sync.OnceValue(func() *Language {
	c, err := Load()
	if err != nil {
		return nil
	}
	return c.Lang("en")
})

func refuse(key string, args ...any) error {
	return &DateError{Key: "date_read." + key, Args: args}
}

// ReadDate reads a date as people write it, in English, Russian and Kazakh and
// any mixture of them, whatever the language of the page:
//
//	2022-01-05, 05.01.2022, 5 January 2022, 5 января 2022 г., 2022 ж. 5 қаңтар
//	January 2022, в январе 2022 года, весна 2022, зима 2021/22, 2022, 1970-е
//	4–5 January 2022, с 4 по 6 января 2022, 2022 жылғы 4-нен 6 қаңтарға дейін
//	night of 4 to 5 January 2022, в ночь на 5 января 2022    2022-01-04/2022-01-05
//	4 or 5 January 2022                                      2022-01-04/2022-01-05
//	early June 2022, середина июня 2022, маусымның соңы      see below
//	about 10 June 2022, июнь 2022?                           2022-06-10~, 2022-06?
//	not before 5 January 2022, с 5 января 2022               2022-01-05/, 2022-01-05/..
//	after, before 5 January 2022                             2022-01-06/, /2022-01-04
//	until, до 5 января 2022, 5 қаңтарға дейін                /2022-01-05
//	January 2022, the day is not known                       2022-01-XX
//	5 January 2022, 14:30 UTC+06:00                          2022-01-05T14:30+06:00
//	and whatever package edtf reads
//
// Early, mid and late are the first ten days of a month, its second ten, and
// the rest, with soft bounds: early June 2022 is 2022-06-01~/2022-06-10~. Of a
// year they are four months each, of a season its months. This is a rule of
// the house: no source says where "early" ends. "Before" leaves its day out
// and "after" too; "до" and "дейін", of which people differ, leave it in.
//
// It never guesses. What two readers could read differently is refused with a
// *DateError that says what it could mean: 05/01/2022, a year of two digits,
// "winter 2022", the night of one day. So is everything that a date cannot
// hold, as a morning, and every word that it does not know.
//
// It reads back what Language.Date writes. Words do not carry all that EDTF
// can: whether an unknown start is open; which component a qualifier marks;
// that not only the month but also the day is unknown; which digits of a day
// are. Language.DateTyped writes what is read back as the very same date.
func ReadDate(text string) (edtf.Date, error) {
	if d, err := edtf.Parse(text); err == nil {
		return d, nil
	}
	const longest = 200 // no date is longer; a page pasted by mistake is not looked through
	text = readSpaces(text)
	if text == "" {
		return edtf.Date{}, refuse("empty")
	}
	if len([]rune(text)) > longest {
		return edtf.Date{}, refuse("long")
	}
	if _, missing := ReadMissing(text); missing {
		return edtf.Date{}, refuse("missing")
	}
	tokens, err := lexDate(text)
	if err != nil {
		return edtf.Date{}, err
	}
	s := sentence{}
	for _, t := range tokens {
		if err := s.add(t); err != nil {
			return edtf.Date{}, err
		}
	}
	return s.date()
}

// DateTyped writes a date for a field in which a person can change it: in
// words where ReadDate reads the same date from them, otherwise in EDTF. The
// zero Date is empty text.
func (l *Language) DateTyped(d edtf.Date) string {
	if d.IsZero() {
		return ""
	}
	words := l.Date(d)
	if back, err := ReadDate(words); err == nil && back == d {
		return words
	}
	return d.String()
}

// part is one date of a sentence as far as it is written down; 0 is not written.
type part struct {
	year, last     int // last: the second year of 2021/22
	decade         int // 197 for the 1970s
	month, day     int
	season         int
	third          int // 1 to 3
	weekday        int
	clock          string
	about, unsure  bool
	noDay, noMonth bool
	noYear, noDate bool
	cased, closed  bool // what follows belongs to another date: by its case, by a word between
}

// sentence is a written date: one or two parts, and what is said about them.
type sentence struct {
	parts         []part
	marks         []tokenKind
	about, unsure bool // said before the date they are about
}

// current returns the part that the next figure or word of a date belongs to.
func (s *sentence) current() *part {
	if n := len(s.parts); n == 0 || s.parts[n-1].cased || s.parts[n-1].closed {
		s.parts = append(s.parts, part{about: s.about, unsure: s.unsure})
		s.about, s.unsure = false, false
	}
	return &s.parts[len(s.parts)-1]
}

// last returns the part that what is said afterwards is about, or nil.
func (s *sentence) last() *part {
	if len(s.parts) == 0 {
		return nil
	}
	return &s.parts[len(s.parts)-1]
}

// open reports whether a part is being written.
func (s *sentence) open() bool {
	p := s.last()
	return p != nil && !p.closed && !p.cased
}

// set writes down what was not written yet.
func set(field *int, n int) error {
	if *field != 0 && *field != n {
		return refuse("unfit")
	}
	*field = n
	return nil
}

func (s *sentence) add(t token) error {
	var err error
	switch t.kind {
	case tokFiller:
	case tokNumber:
		err = s.number(t)
	case tokFigures:
		p := s.current()
		if p.season != 0 && t.day == 0 && t.month == (t.year+1)%100 { // winter 2011-12
			return s.pair(p, t.year)
		}
		if p.year != 0 || p.month != 0 || p.day != 0 {
			return refuse("unfit")
		}
		p.year, p.month, p.day = t.year, t.month, t.day
	case tokDotted:
		p := s.current()
		switch {
		case p.day != 0 || t.month > 12:
			if t.day > 23 || t.month > 59 || p.clock != "" {
				return refuse("unfit")
			}
			p.clock = fmt.Sprintf("%02d:%02d", t.day, t.month)
		case p.month != 0:
			return refuse("unfit")
		default:
			p.day, p.month = t.day, t.month
		}
	case tokPair:
		return s.pair(s.current(), t.year)
	case tokDecade:
		err = set(&s.current().decade, t.n)
	case tokMonth:
		err = set(&s.current().month, t.n)
	case tokSeason:
		err = set(&s.current().season, t.n)
	case tokThird:
		err = set(&s.current().third, t.n+1)
	case tokWeekday:
		err = set(&s.current().weekday, t.n)
	case tokClock:
		p := s.last()
		// "5 January 2022 from 14:30": the word stands between a day and its time.
		if p == nil || p.closed && (p.day == 0 || p.clock != "" || s.marks[len(s.marks)-1] != tokFrom) {
			p = s.current()
		}
		if p.clock != "" {
			return refuse("unfit")
		}
		if p.about && p.day == 0 || s.about {
			return refuse("time_about")
		}
		p.clock = t.text
	case tokAbout, tokUnsure, tokNoDay, tokNoMonth, tokNoYear, tokNoDate, tokYear:
		return s.say(t)
	case tokDayPart:
		return refuse("day_part")
	case tokRelative:
		return refuse("relative")
	default:
		if p := s.last(); p != nil && splits(t.kind) && !t.after {
			p.closed = true
		}
		s.marks = append(s.marks, t.kind)
	}
	if p := s.last(); p != nil && t.form != formOther {
		p.cased = true
	}
	return err
}

// pair writes down two years that follow each other.
func (s *sentence) pair(p *part, year int) error {
	if err := set(&p.year, year); err != nil {
		return err
	}
	return set(&p.last, year+1)
}

// splits reports whether one date ends where such a word stands before another.
func splits(k tokenKind) bool { return k != tokNight && k >= tokFrom && k <= tokOnward }

// say adds what is said about a date.
func (s *sentence) say(t token) error {
	switch p := s.last(); {
	case t.kind == tokYear:
		if p != nil && t.form != formOther {
			p.cased = true
		}
	case t.kind == tokAbout && (s.open() || t.after && p != nil):
		if p.clock != "" && p.day != 0 && !t.after {
			return refuse("time_about")
		}
		p.about = true
	case t.kind == tokAbout:
		s.about = true
	case t.kind == tokUnsure && (s.open() || t.after && p != nil):
		p.unsure = true
	case t.kind == tokUnsure:
		s.unsure = true
	default:
		if p == nil || p.closed {
			p = s.current()
		}
		p.noDay = p.noDay || t.kind == tokNoDay
		p.noMonth = p.noMonth || t.kind == tokNoMonth
		p.noYear = p.noYear || t.kind == tokNoYear
		p.noDate = p.noDate || t.kind == tokNoDate
	}
	return nil
}

// number takes a number for a year or a day by its digits.
func (s *sentence) number(t token) error {
	p := s.last()
	if p == nil || p.closed || p.cased && (t.year == 0 || p.year != 0) { // 4-нен 5 қаңтарға қараған түні, 2022 ж.
		p = s.current()
	}
	switch {
	case t.short, t.year == 0 && p.day != 0 && p.month != 0 && p.year == 0:
		return shortYear(p.day, p.month, t.n)
	case t.year != 0:
		if p.year != 0 {
			return refuse("unfit")
		}
		p.year = t.year
	case p.day != 0:
		return refuse("unfit")
	case t.n < 1 || t.n > 31:
		return refuse("no_day", t.n)
	default:
		p.day = t.n
	}
	return nil
}

// shortYear refuses a year of two digits with what it could be.
func shortYear(day, month, year int) error {
	e := &DateError{Key: "date_read.short_year"}
	for _, century := range []int{1900, 2000} {
		d, err := edtf.NewDay(century+year, max(month, 1), max(day, 1))
		switch {
		case err != nil:
		case month == 0:
			e.Could = append(e.Could, edtf.MustParse(yearNumber(century+year)))
		case day == 0:
			e.Could = append(e.Could, edtf.MustParse(fmt.Sprintf("%04d-%02d", century+year, month)))
		default:
			e.Could = append(e.Could, edtf.FromDay(d))
		}
	}
	if len(e.Could) != 2 {
		return refuse("unfit")
	}
	e.Args = []any{e.Could[0], e.Could[1]}
	return e
}

// date puts the sentence together.
func (s *sentence) date() (edtf.Date, error) {
	switch n := len(s.parts); {
	case n == 0:
		return edtf.Date{}, refuse("nothing")
	case s.about, s.unsure:
	case n == 1:
		return s.one()
	case n == 2:
		return s.two()
	}
	return edtf.Date{}, refuse("unfit")
}

// one reads a single date, or an interval of which one end is written.
func (s *sentence) one() (edtf.Date, error) {
	p := s.parts[0]
	if s.has(tokNight) {
		return s.nightBefore(p)
	}
	d, err := p.date()
	if err != nil {
		return edtf.Date{}, err
	}
	from, to := d.Ends()
	switch s.kinds() {
	case "":
		return d, nil
	case key(tokFrom), key(tokOnward), key(tokFrom, tokOnward), key(tokDash, tokOnward), key(tokFrom, tokDash, tokOnward):
		return parsed(from.String() + "/..")
	case key(tokNotBefore):
		return parsed(from.String() + "/")
	case key(tokAfter):
		return parsed(beside(to, 1).String() + "/")
	case key(tokUpTo):
		return parsed("/" + to.String())
	case key(tokBefore):
		return parsed("/" + beside(from, -1).String())
	}
	return edtf.Date{}, refuse("unfit")
}

// two reads an interval of which both ends are written.
func (s *sentence) two() (edtf.Date, error) {
	a, b := &s.parts[0], &s.parts[1]
	if s.has(tokNight) {
		return s.nightBetween(a, b)
	}
	if w, ok := winter(a, b); ok && s.kinds() == key(tokDash) {
		return w.date()
	}
	shared, err := share(a, b)
	if err != nil {
		return edtf.Date{}, err
	}
	// "10–19 January 2022, exact date unknown" is one date: it says no more than its two ends.
	if shared || b.noDate || b.noYear {
		a.about, b.about = a.about || b.about, a.about || b.about
		a.unsure, b.unsure = a.unsure || b.unsure, a.unsure || b.unsure
	}
	if d, ok := century(a, b); ok && s.kinds() == key(tokDash) {
		return d, nil
	}
	b.noDate, b.noYear = false, false
	first, err := a.date()
	if err != nil {
		return edtf.Date{}, err
	}
	last, err := b.date()
	if err != nil {
		return edtf.Date{}, err
	}
	from, _ := first.Ends()
	_, to := last.Ends()
	switch s.kinds() {
	case key(tokAnd), key(tokOr), key(tokSlash):
		if first.Latest().Add(1) != last.Earliest() {
			return edtf.Date{}, refuse("not_next")
		}
	case key(tokDash), key(tokUpTo), key(tokFrom, tokUpTo), key(tokFrom, tokDash),
		key(tokBetween, tokAnd), key(tokAnd, tokBetween), key(tokBetween, tokDash), key(tokDash, tokBetween),
		key(tokNotBefore, tokUpTo), key(tokNotBefore, tokAnd, tokUpTo), key(tokFrom, tokAnd, tokUpTo):
	case key(tokAfter, tokUpTo), key(tokAfter, tokAnd, tokUpTo):
		from = beside(from, 1)
	case key(tokNotBefore, tokBefore), key(tokNotBefore, tokAnd, tokBefore), key(tokFrom, tokAnd, tokBefore):
		to = beside(to, -1)
	case key(tokAfter, tokBefore), key(tokAfter, tokAnd, tokBefore):
		from, to = beside(from, 1), beside(to, -1)
	default:
		return edtf.Date{}, refuse("unfit")
	}
	switch {
	case from == to:
		return from, nil
	case from.Earliest() > to.Latest():
		return edtf.Date{}, refuse("backwards", from, to)
	}
	return parsed(from.String() + "/" + to.String())
}

func (s *sentence) has(k tokenKind) bool {
	return strings.Contains(s.kinds(), key(k))
}

// kinds are the marks in their order, to be compared with a key.
func (s *sentence) kinds() string { return key(s.marks...) }

func key(kinds ...tokenKind) string {
	b := make([]byte, len(kinds))
	for i, k := range kinds {
		b[i] = byte(k)
	}
	return string(b)
}

// nightBefore reads "the night towards 5 January".
func (s *sentence) nightBefore(p part) (edtf.Date, error) {
	d, err := p.date()
	if err != nil {
		return edtf.Date{}, err
	}
	if !d.Exact() || d.Clock() != "" {
		return edtf.Date{}, refuse("night")
	}
	day := d.Latest()
	before, after := span(day.Add(-1), day), span(day, day.Add(1))
	switch s.kinds() {
	case key(tokNight, tokTowards), key(tokTowards, tokNight):
		return before, nil
	case key(tokNight):
		return edtf.Date{}, &DateError{Key: "date_read.night_which", Args: []any{before, after}, Could: []edtf.Date{before, after}}
	}
	return edtf.Date{}, refuse("night")
}

// nightBetween reads "the night of 4 to 5 January". The year may stand with
// either day: the night of a new year has two.
func (s *sentence) nightBetween(a, b *part) (edtf.Date, error) {
	switch s.kinds() {
	case key(tokNight, tokUpTo), key(tokNight, tokDash), key(tokNight, tokSlash), key(tokNight, tokAnd), key(tokNight, tokTowards),
		key(tokNight, tokFrom, tokUpTo), key(tokNight, tokFrom, tokTowards), key(tokNight, tokBetween, tokAnd),
		key(tokDash, tokNight), key(tokTowards, tokNight), key(tokDash, tokTowards, tokNight):
	default:
		return edtf.Date{}, refuse("night")
	}
	if a.month == 0 {
		a.month = b.month
	}
	if b.month == 0 {
		b.month = a.month
	}
	known, other, step := a, b, 1
	if a.year == 0 {
		known, other, step = b, a, -1
	}
	d, err := known.date()
	if err != nil {
		return edtf.Date{}, err
	}
	next := d.Latest().Add(step)
	if other.year == 0 {
		other.year = next.Year()
	}
	e, err := other.date()
	switch {
	case err != nil:
		return edtf.Date{}, err
	case !d.Exact() || !e.Exact() || d.Clock()+e.Clock() != "":
		return edtf.Date{}, refuse("night")
	case e.Latest() != next:
		return edtf.Date{}, refuse("night_gap")
	}
	return span(min(d.Latest(), next), max(d.Latest(), next)), nil
}

// span is the interval from one day to another; both are days of the calendar.
func span(from, to edtf.Day) edtf.Date {
	d, err := edtf.Parse(from.String() + "/" + to.String())
	if err != nil {
		return edtf.Date{}
	}
	return d
}

// winter reads "winter 2021–2022": one season, not the time between two years.
func winter(a, b *part) (part, bool) {
	w := part{year: a.year, last: b.year, season: a.season + b.season,
		about: a.about || b.about, unsure: a.unsure || b.unsure}
	for _, p := range []*part{a, b} {
		q := *p
		q.year, q.season, q.about, q.unsure, q.cased, q.closed = 0, 0, false, false, false, false
		if q != (part{}) || p.year == 0 {
			return part{}, false
		}
	}
	return w, w.season == 24 && w.last == w.year+1
}

// share gives each of two parts what only the other names, as in "4–5 January
// 2022", and reports whether anything was shared.
func share(a, b *part) (bool, error) {
	shared := false
	if timeOnly(a) && b.clock != "" {
		a.year, a.month, a.day, shared = b.year, b.month, b.day, true
	}
	if timeOnly(b) && a.clock != "" {
		b.year, b.month, b.day, shared = a.year, a.month, a.day, true
	}
	for _, two := range [][2]*part{{a, b}, {b, a}} {
		p, q := two[0], two[1]
		dayAlone := p.day != 0 && p.month == 0 && q.day != 0
		thirdAlone := p.third != 0 && p.month == 0 && p.season == 0 && p.year == 0 && q.third != 0
		if (dayAlone || thirdAlone) && q.month != 0 {
			p.month, shared = q.month, true
		}
		if thirdAlone && q.season != 0 {
			p.season, shared = q.season, true
		}
	}
	for _, two := range [][2]*part{{a, b}, {b, a}} {
		p, q := two[0], two[1]
		if p.year != 0 || p.decade != 0 || q.year == 0 {
			continue
		}
		if p.month == 0 && p.season == 0 && p.third == 0 || q.month == 0 && q.season == 0 && q.third == 0 {
			return false, refuse("unfit")
		}
		p.year, p.last, shared = q.year, q.last, true
	}
	return shared, nil
}

func timeOnly(p *part) bool {
	return p.clock != "" && p.year == 0 && p.month == 0 && p.day == 0 && p.season == 0 && p.third == 0
}

// century reads "2000–2099, year unknown".
func century(a, b *part) (edtf.Date, bool) {
	for _, p := range []*part{a, b} {
		q := *p
		q.year, q.noYear, q.cased, q.closed, q.about, q.unsure = 0, false, false, false, false, false
		if q != (part{}) {
			return edtf.Date{}, false
		}
	}
	if !a.noYear && !b.noYear {
		return edtf.Date{}, false
	}
	for digits, years := range map[int]int{1: 1000, 2: 100, 3: 10} {
		if a.year%years == 0 && b.year == a.year+years-1 {
			d, err := parsed(yearNumber(a.year)[:digits] + strings.Repeat("X", 4-digits) + b.qualifier())
			return d, err == nil
		}
	}
	return edtf.Date{}, false
}

func (p *part) qualifier() string {
	switch {
	case p.about && p.unsure:
		return "%"
	case p.about:
		return "~"
	case p.unsure:
		return "?"
	}
	return ""
}

// date puts a part together.
func (p *part) date() (edtf.Date, error) {
	unknown := p.noDay || p.noMonth || p.noYear || p.noDate
	switch {
	case p.clock != "" && p.day == 0:
		return edtf.Date{}, refuse("time_alone")
	case p.decade != 0:
		if p.year != 0 || p.month != 0 || p.season != 0 || p.third != 0 || unknown {
			return edtf.Date{}, refuse("unfit")
		}
		return parsed(fmt.Sprintf("%03dX", p.decade) + p.qualifier())
	case p.season != 0:
		return p.inSeason()
	case p.day != 0 && p.month == 0:
		return edtf.Date{}, refuse("no_month")
	case p.year == 0 && p.month == 0 && p.third == 0:
		return edtf.Date{}, refuse("nothing")
	case p.year == 0:
		return edtf.Date{}, refuse("no_year")
	case p.last != 0, p.noYear, p.month > 12, p.weekday != 0 && p.day == 0:
		return edtf.Date{}, refuse("unfit")
	case p.third != 0:
		if p.day != 0 || unknown {
			return edtf.Date{}, refuse("unfit")
		}
		text := thirdText(p.year, p.month, p.third-1)
		if p.unsure {
			text = strings.ReplaceAll(text, "~", "%")
		}
		return parsed(text)
	case p.day != 0:
		if unknown {
			return edtf.Date{}, refuse("unfit")
		}
		return p.ofDay()
	case p.month != 0 && (p.noDay || p.noDate):
		return parsed(fmt.Sprintf("%04d-%02d-XX", p.year, p.month) + p.qualifier())
	case p.month != 0:
		if unknown {
			return edtf.Date{}, refuse("unfit")
		}
		return parsed(fmt.Sprintf("%04d-%02d", p.year, p.month) + p.qualifier())
	case unknown:
		return parsed(fmt.Sprintf("%04d-XX", p.year) + p.qualifier())
	}
	return parsed(yearNumber(p.year) + p.qualifier())
}

func (p *part) ofDay() (edtf.Date, error) {
	day, err := edtf.NewDay(p.year, p.month, p.day)
	if err != nil {
		month, err := parsed(fmt.Sprintf("%04d-%02d", p.year, p.month))
		if err != nil {
			return edtf.Date{}, err
		}
		return edtf.Date{}, refuse("no_such_day", month, edtf.DaysIn(p.year, time.Month(p.month)))
	}
	if p.weekday != 0 && time.Weekday(p.weekday%7) != day.Weekday() {
		return edtf.Date{}, refuse("weekday", day)
	}
	if p.clock == "" {
		return parsed(day.String() + p.qualifier())
	}
	if p.qualifier() != "" {
		return edtf.Date{}, refuse("time_about")
	}
	return parsed(day.String() + "T" + p.clock)
}

// inSeason reads a season. A winter lies in two years, so one year does not say which is meant.
func (p *part) inSeason() (edtf.Date, error) {
	switch {
	case p.month != 0 || p.day != 0 || p.weekday != 0 || p.noDay || p.noMonth || p.noYear || p.noDate:
		return edtf.Date{}, refuse("unfit")
	case p.year == 0:
		return edtf.Date{}, refuse("no_year")
	}
	year := p.year
	switch winter := p.season == 24; {
	case winter && p.last == 0:
		return edtf.Date{}, whichWinter(p.year)
	case winter:
		year = p.last
	case p.last != 0:
		return edtf.Date{}, refuse("unfit")
	}
	d, err := parsed(fmt.Sprintf("%04d-%d", year, p.season))
	if err != nil || p.third == 0 && p.qualifier() == "" {
		return d, err
	}
	if p.third != 0 { // a season has three whole months
		m := d.Earliest().AddMonths(p.third - 1)
		p.about = true
		return parsed(fmt.Sprintf("%04d-%02d", m.Year(), m.Month()) + p.qualifier())
	}
	return parsed(d.String() + p.qualifier())
}

// whichWinter refuses a winter with one year.
func whichWinter(year int) error {
	e := &DateError{Key: "date_read.winter"}
	for _, y := range []int{year, year + 1} {
		d, err := parsed(fmt.Sprintf("%04d-24", y))
		if err != nil {
			return err
		}
		e.Could, e.Args = append(e.Could, d), append(e.Args, d)
	}
	return e
}

// thirdText is a third of a month, or of a year where the month is 0, in EDTF.
func thirdText(year, month, third int) string {
	if month == 0 {
		return fmt.Sprintf("%04d-%02d~/%04d-%02d~", year, 4*third+1, year, 4*third+4)
	}
	last := 10 * (third + 1)
	if third == 2 {
		last = edtf.DaysIn(year, time.Month(month))
	}
	return fmt.Sprintf("%04d-%02d-%02d~/%04d-%02d-%02d~", year, month, 10*third+1, year, month, last)
}

// beside returns the day, month or year before or after a date; a date with
// soft or unknown bounds, or with a time of day, comes back as it is.
func beside(d edtf.Date, step int) edtf.Date {
	next := d.Latest().Add(1)
	if step < 0 {
		next = d.Earliest().Add(-1)
	}
	if strings.ContainsAny(d.String(), "?~%XT") || next.Year() < 1 || next.Year() > 9999 {
		return d
	}
	text := next.String()
	switch d.Precision() {
	case edtf.MonthPrecision, edtf.SeasonPrecision:
		text = text[:len("2006-01")]
	case edtf.YearPrecision:
		text = text[:len("2006")]
	}
	out, err := edtf.Parse(text)
	if err != nil {
		return d
	}
	return out
}

// parsed reads what was put together here.
func parsed(text string) (edtf.Date, error) {
	d, err := edtf.Parse(text)
	if err != nil {
		return edtf.Date{}, refuse("unfit")
	}
	return d, nil
}
