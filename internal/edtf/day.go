// SPDX-License-Identifier: AGPL-3.0-or-later

package edtf

import (
	"fmt"
	"math"
	"time"
)

// Day is a civil day: days since 1970-01-01 in the proleptic Gregorian calendar.
type Day int32

// Bounds of what Earliest and Latest return for an open or unknown end.
const (
	MinDay Day = math.MinInt32
	MaxDay Day = math.MaxInt32
)

// How the two bounds are written where a day is written; PostgreSQL reads and
// writes the same words.
const (
	minDayText = "-infinity"
	maxDayText = "infinity"
)

const secondsPerDay = 24 * 60 * 60

// NewDay returns the day of that year, month and day of the month, or an
// error where the calendar has no such day.
func NewDay(year, month, day int) (Day, error) {
	switch {
	case year < 1 || year > 9999:
		return 0, fmt.Errorf("year %d is outside 0001 to 9999", year)
	case month < 1 || month > 12:
		return 0, fmt.Errorf("there is no month %02d; expected 01 to 12", month)
	case day < 1 || day > DaysIn(year, time.Month(month)):
		return 0, fmt.Errorf("%s %d has %d days", time.Month(month), year, DaysIn(year, time.Month(month)))
	}
	return civil(year, time.Month(month), day), nil
}

// civil is NewDay for what is known to be a day, and for what time.Date may normalise.
func civil(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// DaysIn returns the number of days of a month.
func DaysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// DayOf returns the calendar day of t in t's own location.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return civil(y, m, d)
}

// ParseDay reads a day written as 2022-01-05 and nothing else: no month, no
// qualifier, no bound.
func ParseDay(s string) (Day, error) {
	s = trim(s)
	year, month, day, ok := splitDay(s)
	if !ok {
		return 0, &Error{Text: s, Problem: "not a day; " + wantDay}
	}
	d, err := NewDay(year, month, day)
	if err != nil {
		return 0, &Error{Text: s, Problem: err.Error()}
	}
	return d, nil
}

func splitDay(s string) (year, month, day int, ok bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, 0, 0, false
	}
	for _, part := range []struct {
		digits string
		to     *int
	}{{s[:4], &year}, {s[5:7], &month}, {s[8:], &day}} {
		if *part.to, ok = digits(part.digits); !ok {
			return 0, 0, 0, false
		}
	}
	return year, month, day, true
}

// Time returns midnight UTC at which the day begins.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// Bound reports whether d is MinDay or MaxDay: an end without a day.
func (d Day) Bound() bool { return d == MinDay || d == MaxDay }

// String returns the day as 2022-01-05, a bound as "-infinity" or "infinity".
func (d Day) String() string {
	switch d {
	case MinDay:
		return minDayText
	case MaxDay:
		return maxDayText
	}
	return d.Time().Format(time.DateOnly)
}

// Year returns the calendar year.
func (d Day) Year() int { return d.Time().Year() }

// Month returns the month of the year.
func (d Day) Month() time.Month { return d.Time().Month() }

// DayOfMonth returns the day of the month, from 1.
func (d Day) DayOfMonth() int { return d.Time().Day() }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.Time().Weekday() }

// Add returns the day n days later. A bound stays where it is, and no sum runs past one.
func (d Day) Add(n int) Day {
	if d.Bound() {
		return d
	}
	if n > int(MaxDay)-int(d) {
		return MaxDay
	}
	if n < int(MinDay)-int(d) {
		return MinDay
	}
	return d + Day(n)
}

// Sub returns the number of days from e to d.
func (d Day) Sub(e Day) int { return int(d) - int(e) }

// farMonths keeps AddMonths inside the range of Day: nobody sets a term of more years.
const farMonths = 12 * 10_000

// AddMonths returns the same day of the month n months later, or that month's
// last day where it is shorter: one month after 31 January is 28 or 29
// February. A bound stays where it is.
func (d Day) AddMonths(n int) Day {
	if d.Bound() {
		return d
	}
	if n > farMonths {
		return MaxDay
	}
	if n < -farMonths {
		return MinDay
	}
	y, m, day := d.Time().Date()
	first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return civil(first.Year(), first.Month(), min(day, DaysIn(first.Year(), first.Month())))
}

// MarshalText writes the day as String does.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Day) UnmarshalText(text []byte) error {
	switch string(text) {
	case minDayText:
		*d = MinDay
		return nil
	case maxDayText:
		*d = MaxDay
		return nil
	}
	day, err := ParseDay(string(text))
	if err != nil {
		return err
	}
	*d = day
	return nil
}
