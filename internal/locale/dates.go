// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// wordCase is the case a date stands in.
type wordCase int

const (
	plain wordCase = iota // as it stands by itself
	bound                 // after "not before": Russian genitive, Kazakh ablative
	whose                 // after "the beginning of": genitive
)

// grammar has the words of the calendar in the cases in which dates need them.
type grammar struct {
	month    [3][12]string // January first
	dayMonth [2][12]string // the month after the number of a day
	season   [2][4]string  // spring first
	year     [3]string     // a year by itself, {0}
}

var (
	enMonths = [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	enSeason = [4]string{"spring", "summer", "autumn", "winter"}

	ruMonths   = [12]string{"январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"}
	ruMonthsOf = [12]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}

	kkMonths     = [12]string{"қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым", "шілде", "тамыз", "қыркүйек", "қазан", "қараша", "желтоқсан"}
	kkMonthsFrom = [12]string{"қаңтардан", "ақпаннан", "наурыздан", "сәуірден", "мамырдан", "маусымнан", "шілдеден", "тамыздан", "қыркүйектен", "қазаннан", "қарашадан", "желтоқсаннан"}
	kkMonthsOf   = [12]string{"қаңтардың", "ақпанның", "наурыздың", "сәуірдің", "мамырдың", "маусымның", "шілденің", "тамыздың", "қыркүйектің", "қазанның", "қарашаның", "желтоқсанның"}
	kkSeason     = [4]string{"көктем", "жаз", "күз", "қыс"}
)

var grammars = map[string]grammar{
	"en": {
		month:    [3][12]string{enMonths, enMonths, enMonths},
		dayMonth: [2][12]string{enMonths, enMonths},
		season:   [2][4]string{enSeason, enSeason},
		year:     [3]string{"{0}", "{0}", "{0}"},
	},
	"ru": {
		month:    [3][12]string{ruMonths, ruMonthsOf, ruMonthsOf},
		dayMonth: [2][12]string{ruMonthsOf, ruMonthsOf},
		season:   [2][4]string{{"весна", "лето", "осень", "зима"}, {"весны", "лета", "осени", "зимы"}},
		year:     [3]string{"{0} г.", "{0} г.", "{0} г."},
	},
	"kk": {
		month:    [3][12]string{kkMonths, kkMonthsFrom, kkMonthsOf},
		dayMonth: [2][12]string{kkMonths, kkMonthsFrom},
		season:   [2][4]string{kkSeason, {"көктемнен", "жаздан", "күзден", "қыстан"}},
		year:     [3]string{"{0} ж.", "{0} жылдан", "{0} жылдың"},
	},
}

// Month returns the name of a month as it stands by itself.
func (l *Language) Month(m time.Month) string { return l.grammar.month[plain][m-1] }

// MonthOfDay returns the name of a month as it follows the number of a day.
func (l *Language) MonthOfDay(m time.Month) string { return l.grammar.dayMonth[plain][m-1] }

// Day writes a day in full: "17 May 2022". For a bound it writes a dash.
func (l *Language) Day(d edtf.Day) string {
	if d.Bound() {
		return dash
	}
	return l.inYear(l.dayAndMonth(d, plain), d.Year())
}

// DayShort writes a day as a table needs it: 17.05.2022, in English "17 May
// 2022", because its readers differ on which number is the month.
func (l *Language) DayShort(d edtf.Day) string {
	if d.Bound() || l.code == "en" {
		return l.Day(d)
	}
	return d.Time().Format("02.01.2006")
}

// DateShort writes an exactly known day short, and every other date in words.
func (l *Language) DateShort(d edtf.Date) string {
	if d.Exact() && d.Precision() == edtf.DayPrecision && d.Clock() == "" {
		return l.DayShort(d.Earliest())
	}
	return l.Date(d)
}

// Date writes a date in words, with what is not known about it.
func (l *Language) Date(d edtf.Date) string {
	switch d.Precision() {
	case edtf.NoPrecision:
		return l.T("date.unknown")
	case edtf.IntervalPrecision:
		return l.interval(d)
	}
	return l.single(d, plain)
}

// Days writes a number of days: "5 days".
func (l *Language) Days(n int) string { return l.N("date.days", n) }

// Ago writes how far a day is from today: "3 days ago", "tomorrow".
func (l *Language) Ago(d, today edtf.Day) string {
	switch n := d.Sub(today); {
	case d.Bound() || today.Bound():
		return dash
	case n == 0:
		return l.T("date.today")
	case n == -1:
		return l.T("date.yesterday")
	case n == 1:
		return l.T("date.tomorrow")
	case n < 0:
		return l.N("date.days_ago", -n)
	default:
		return l.N("date.in_days", n)
	}
}

// dayAndMonth writes "5 January".
func (l *Language) dayAndMonth(d edtf.Day, c wordCase) string {
	return plainNumber(d.DayOfMonth()) + " " + l.grammar.dayMonth[c][d.Month()-1]
}

// inYear puts the year where the language has it.
func (l *Language) inYear(rest string, year int) string {
	return l.T("date.in_year", rest, yearNumber(year))
}

// yearAlone writes a year by itself.
func (l *Language) yearAlone(year string, c wordCase) string {
	return strings.ReplaceAll(l.grammar.year[c], "{0}", year)
}

// single writes a date that is not an interval, with its qualifiers.
func (l *Language) single(d edtf.Date, c wordCase) string {
	text := l.unqualified(d, c)
	if d.Approximate() {
		text = l.T("date.about", text)
	}
	if d.Uncertain() {
		text = l.T("date.uncertain", text)
	}
	return text
}

func (l *Language) unqualified(d edtf.Date, c wordCase) string {
	from, to := d.Earliest(), d.Latest()
	bare := bareDate(d)
	switch d.Precision() {
	case edtf.DayPrecision:
		day := l.inYear(l.dayAndMonth(from, c), from.Year())
		if clock := d.Clock(); clock != "" {
			return l.T("date.at", day, clockText(clock))
		}
		return day
	case edtf.SeasonPrecision:
		return l.seasonText(from, to, c)
	case edtf.MonthPrecision:
		month := l.inYear(l.grammar.month[c][from.Month()-1], from.Year())
		switch {
		case !strings.Contains(bare, "X"), c == bound && wholeX(bare):
			return month
		case wholeX(bare):
			return l.T("date.day_unknown", month)
		}
	case edtf.YearPrecision:
		year := l.yearAlone(yearNumber(from.Year()), c)
		switch {
		case !strings.Contains(bare, "X"), c == bound && wholeX(bare):
			return year
		case wholeX(bare):
			return l.T("date.month_unknown", year)
		}
	case edtf.WiderPrecision:
		if isDecade(bare) {
			if c == bound {
				return l.T("date.decade_bound", yearNumber(from.Year()))
			}
			return l.T("date.decade", yearNumber(from.Year()))
		}
		if wholeX(bare[len("2006"):]) {
			return l.T("date.year_unknown", l.yearAlone(yearNumber(from.Year())+dash+yearNumber(to.Year()), plain))
		}
	}
	if from == to { // 1990-X3-01 can only be in March
		return l.Day(from)
	}
	// Some digits of the month or the day are known and some not: the bounds say most.
	return l.T("date.exact_unknown", l.days(from, to))
}

// bareDate is a date in EDTF without its qualifiers.
func bareDate(d edtf.Date) string {
	text := d.String()
	if !strings.ContainsAny(text, "?~%") { // most dates have none
		return text
	}
	return strings.NewReplacer("?", "", "~", "", "%", "").Replace(text)
}

// wholeX reports whether whole components are unknown, as in 2022-XX-XX, and
// not single digits or a month whose day is known. "After a month that is not
// known" says no more than "after that year": there the words can be left out.
func wholeX(bare string) bool {
	head := strings.TrimRight(bare, "-X")
	return !strings.Contains(head, "X") && (head == "" || len(head) == len("2006") || len(head) == len("2006-01"))
}

// seasonText shows of a winter the two years it lies in.
func (l *Language) seasonText(from, to edtf.Day, c wordCase) string {
	name := l.grammar.season[c][(int(from.Month())/3+3)%4]
	if from.Year() == to.Year() {
		return l.inYear(name, from.Year())
	}
	return l.T("date.in_year", name, yearNumber(from.Year())+"/"+yearNumber(to.Year())[2:])
}

// interval writes a date with two ends.
func (l *Language) interval(d edtf.Date) string {
	from, to := d.Ends()
	if text, ok := l.third(d); ok {
		return text
	}
	if partly(from) {
		from = edtf.FromDay(from.Earliest())
	}
	if partly(to) {
		to = edtf.FromDay(to.Latest())
	}
	switch {
	case to.IsZero() && d.OpenEnded():
		return l.T("date.from_on", l.single(from, bound))
	case to.IsZero():
		return l.T("date.not_before", l.single(from, bound))
	case from.IsZero():
		return l.T("date.not_after", l.single(to, bound))
	case from == to:
		return l.single(from, plain)
	case whole(from, edtf.DayPrecision) && whole(to, edtf.DayPrecision):
		return l.days(from.Earliest(), to.Latest())
	case whole(from, edtf.MonthPrecision) && whole(to, edtf.MonthPrecision) && from.Earliest().Year() == to.Earliest().Year():
		a, b := from.Earliest(), to.Earliest()
		return l.inYear(l.Month(a.Month())+" "+dash+" "+l.Month(b.Month()), a.Year())
	case whole(from, edtf.YearPrecision) && whole(to, edtf.YearPrecision):
		return l.yearAlone(from.String()+dash+to.String(), plain)
	}
	return l.single(from, plain) + " " + dash + " " + l.single(to, plain)
}

// partly reports whether some digits of a date are not known, as in 2022-01-1X,
// whose words would be those of an interval: at the end of another interval
// its first or last day says the same.
func partly(d edtf.Date) bool {
	bare := bareDate(d)
	switch d.Precision() {
	case edtf.WiderPrecision:
		return !isDecade(bare)
	case edtf.NoPrecision, edtf.IntervalPrecision:
		return false
	}
	return strings.Contains(bare, "X") && !wholeX(bare)
}

// isDecade reports whether only the last digit of a year is not known. The
// years before 10 are no decade: the first of them is 1.
func isDecade(bare string) bool {
	return len(bare) == len("202X") && strings.Index(bare, "X") == len("202") && bare != "000X"
}

// third writes "early June 2022" and "late 2022": see thirds.
func (l *Language) third(d edtf.Date) (string, bool) {
	from, to := d.Earliest(), d.Latest()
	if from.Bound() || to.Bound() {
		return "", false
	}
	for n, key := range thirdKeys {
		for _, month := range []int{int(from.Month()), 0} {
			if thirdText(from.Year(), month, n) != d.String() {
				continue
			}
			if month == 0 {
				return l.T(key, l.yearAlone(yearNumber(from.Year()), whose)), true
			}
			return l.T(key, l.inYear(l.grammar.month[whose][month-1], from.Year())), true
		}
	}
	return "", false
}

// thirdKeys are the messages of the thirds of a month or a year.
var thirdKeys = [3]string{"date.early", "date.middle", "date.late"}

// whole reports whether d is of precision p with nothing marked or left out.
func whole(d edtf.Date, p edtf.Precision) bool {
	return d.Precision() == p && !strings.ContainsAny(d.String(), "?~%XT")
}

// days writes the days from one to another, naming what they share once.
func (l *Language) days(from, to edtf.Day) string {
	last := l.dayAndMonth(to, plain)
	switch {
	case from == to:
		return l.Day(from)
	case from.Year() != to.Year():
		return l.Day(from) + " " + dash + " " + l.Day(to)
	case from.Month() != to.Month():
		return l.inYear(l.dayAndMonth(from, plain)+" "+dash+" "+last, from.Year())
	}
	return l.inYear(plainNumber(from.DayOfMonth())+dash+last, from.Year())
}

// clockText writes 14:30+06:00 as "14:30 UTC+06:00": an offset that was
// written down is shown, because the country changed its time in 2024.
func clockText(clock string) string {
	if at := strings.IndexAny(clock, "+-Z"); at >= 0 {
		return clock[:at] + " UTC" + strings.TrimPrefix(clock[at:], "Z")
	}
	return clock
}
