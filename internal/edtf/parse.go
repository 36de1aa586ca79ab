// SPDX-License-Identifier: AGPL-3.0-or-later

package edtf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Error says what is wrong with a text that should have been a date.
type Error struct {
	Text    string // as it was given, without the spaces around it
	Problem string // what is wrong and what was expected
}

// longestShown keeps a page pasted into a date field out of the message about it.
const longestShown = 40

func (e *Error) Error() string {
	text := e.Text
	if utf8.RuneCountInString(text) > longestShown {
		text = string([]rune(text)[:longestShown]) + "…"
	}
	for _, r := range text {
		if r < ' ' || r == utf8.RuneError {
			text = fmt.Sprintf("%q", text)
			break
		}
	}
	if text == "" {
		return e.Problem
	}
	return text + ": " + e.Problem
}

const (
	qualifiers = "?~%"
	open       = ".."

	wantDay  = "expected year-month-day, as 2022-01-05"
	wantDate = "expected a date as 2022-01-05, 2022-01, 2022, 2022-01-XX, 2022-06~ or an interval as 2022-01-04/2022-01-05"
)

// clockLayouts are the times of day that can follow a day, in Go's notation.
var clockLayouts = [...]string{"15:04:05Z07:00", "15:04Z07:00", "15:04:05", "15:04"}

// Parse reads a date in EDTF. Spaces around it and a small x for an unknown
// digit are forgiven; everything else is refused with an *Error.
func Parse(s string) (Date, error) {
	s = trim(s)
	d, err := parse(strings.ReplaceAll(s, "x", "X"))
	if err != nil {
		return Date{}, &Error{Text: s, Problem: err.Error()}
	}
	return d, nil
}

func trim(s string) string { return strings.TrimSpace(s) }

func parse(s string) (Date, error) {
	if s == "" {
		return Date{}, errors.New("there is no date; " + wantDate)
	}
	first, last, interval := strings.Cut(s, "/")
	if !interval {
		return parseOne(s)
	}
	if strings.Contains(last, "/") {
		return Date{}, errors.New("an interval has two ends and one slash; " + wantDate)
	}
	from, err := parseEnd(first)
	if err != nil {
		return Date{}, fmt.Errorf("start of the interval: %w", err)
	}
	to, err := parseEnd(last)
	if err != nil {
		return Date{}, fmt.Errorf("end of the interval: %w", err)
	}
	if from.IsZero() && to.IsZero() {
		return Date{}, errors.New("an interval needs at least one end that is known")
	}
	if from.Earliest() > to.Latest() {
		return Date{}, fmt.Errorf("the interval ends on %s, before it starts on %s", to.Latest(), from.Earliest())
	}
	return Date{text: s, from: from.Earliest(), to: to.Latest()}, nil
}

// parseEnd reads one end of an interval; an open or unknown one is the zero Date.
func parseEnd(s string) (Date, error) {
	if s == "" || s == open {
		return Date{}, nil
	}
	return parseOne(s)
}

// parseOne reads a date that is not an interval.
func parseOne(s string) (Date, error) {
	if day, clock, ok := strings.Cut(s, "T"); ok {
		return parseMoment(s, day, clock)
	}
	parts := strings.Split(s, "-")
	if len(parts) > 3 {
		return Date{}, errors.New("not a date; " + wantDate)
	}
	lengths := [...]int{len("2006"), len("01"), len("02")}
	for i, part := range parts {
		bare, err := stripQualifier(part)
		if err != nil {
			return Date{}, err
		}
		if len(bare) != lengths[i] || strings.Trim(bare, "0123456789X") != "" {
			return Date{}, errors.New("not a date; " + wantDate)
		}
		parts[i] = bare
	}
	if parts[0] == "XXXX" || parts[0] == "0000" {
		return Date{}, fmt.Errorf("%s is no year; expected 0001 to 9999, with X for a digit that is not known", parts[0])
	}
	var from, to Day
	var err error
	switch {
	case len(parts) == 2 && parts[1] >= "21" && parts[1] <= "24":
		from, to, err = season(parts[0], parts[1])
	case len(parts) == 1:
		from, to, err = bounds(parts[0], "XX", "XX")
	case len(parts) == 2:
		from, to, err = bounds(parts[0], parts[1], "XX")
	default:
		from, to, err = bounds(parts[0], parts[1], parts[2])
	}
	if err != nil {
		return Date{}, err
	}
	return Date{text: s, from: from, to: to}, nil
}

// stripQualifier takes the qualifier off a component: after it, or before it
// (level 2), but not both.
func stripQualifier(part string) (string, error) {
	bare := strings.Trim(part, qualifiers)
	if len(part)-len(bare) > 1 {
		return "", errors.New("one qualifier at most: ? uncertain, ~ approximate, % both")
	}
	return bare, nil
}

// unqualified takes all qualifiers out.
func unqualified(s string) string {
	if !strings.ContainsAny(s, "?~%") { // most dates have none
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '?' || r == '~' || r == '%' {
			return -1
		}
		return r
	}, s)
}

func parseMoment(s, day, clock string) (Date, error) {
	d, err := ParseDay(day)
	if err != nil {
		return Date{}, fmt.Errorf("a time of day can only follow an exact day: %w", err)
	}
	// time.Parse forgives an hour of one digit and a fraction of a second.
	strict := strings.IndexByte(clock, ':') == len("15") && !strings.ContainsAny(clock, ".,")
	for _, layout := range clockLayouts {
		if _, err := time.Parse(layout, clock); err == nil && strict {
			return Date{text: s, from: d, to: d}, nil
		}
	}
	return Date{}, fmt.Errorf("%s is no time of day; expected as 14:30, 14:30:00 or 14:30+06:00", clock)
}

// season returns the bounds of a season of the northern hemisphere; winter
// bears the year in which it ends.
func season(year, code string) (from, to Day, err error) {
	y, ok := digits(year)
	if !ok {
		return 0, 0, errors.New("a season needs a year that is known")
	}
	first := 3 * (int(code[1]-'0') % 4) // spring 3, summer 6, autumn 9, winter 0: December before
	if y < 2 && first == 0 {
		return 0, 0, errors.New("this winter begins before the year 0001")
	}
	start := civil(y, time.Month(first), 1)
	return start, start.AddMonths(3) - 1, nil
}

// bounds returns the first and the last day that fits the three components,
// in which X stands for any digit.
func bounds(year, month, day string) (from, to Day, err error) {
	years, months, days := fitting(year, 1, 9999), fitting(month, 1, 12), fitting(day, 1, 31)
	if len(months) == 0 {
		return 0, 0, fmt.Errorf("there is no month %s; expected 01 to 12, or 21 to 24 for spring to winter", month)
	}
	if len(days) == 0 {
		return 0, 0, fmt.Errorf("there is no day %s in any month", day)
	}
	from, found := firstFit(years, months, days)
	if found {
		slices.Reverse(years)
		slices.Reverse(months)
		slices.Reverse(days)
		to, _ = firstFit(years, months, days)
		return from, to, nil
	}
	if len(years) == 1 && len(months) == 1 {
		_, err = NewDay(years[0], months[0], days[0])
		return 0, 0, err
	}
	return 0, 0, errors.New("no year and month that fit have such a day")
}

// firstFit returns the first day the calendar has, in the order given.
func firstFit(years, months, days []int) (Day, bool) {
	for _, y := range years {
		for _, m := range months {
			for _, d := range days {
				if d <= DaysIn(y, time.Month(m)) {
					return civil(y, time.Month(m), d), true
				}
			}
		}
	}
	return 0, false
}

// fitting returns the numbers from low to high that the pattern, in which X
// stands for any digit, can mean.
func fitting(pattern string, low, high int) []int {
	if n, ok := digits(pattern); ok {
		if n < low || n > high {
			return nil
		}
		return []int{n}
	}
	var fit []int
	for n := low; n <= high; n++ {
		rest, ok := n, true
		for i := len(pattern) - 1; i >= 0 && ok; i-- {
			ok = pattern[i] == 'X' || int(pattern[i]-'0') == rest%10
			rest /= 10
		}
		if ok {
			fit = append(fit, n)
		}
	}
	return fit
}

// digits reads a number of digits only.
func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, s != ""
}
