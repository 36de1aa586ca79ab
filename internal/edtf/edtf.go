// SPDX-License-Identifier: AGPL-3.0-or-later

package edtf

import (
	"cmp"
	"strings"
	"time"
)

// Date is an uncertain date (EDTF, ISO 8601-2 level 1 and what Kua needs of level 2).
//
// It is a small comparable value. The zero Date is no date at all: it is
// written as empty text, and every day is possible.
type Date struct {
	text     string // canonical; empty only in the zero Date
	from, to Day
}

// Precision says how exactly a date is given.
type Precision uint8

// The precisions, from the finest. WiderPrecision is a date of which not even
// the year is known; IntervalPrecision is anything with two ends.
const (
	NoPrecision Precision = iota // the zero Date
	DayPrecision
	MonthPrecision
	SeasonPrecision
	YearPrecision
	WiderPrecision
	IntervalPrecision
)

// MustParse is Parse for texts fixed in the program and in tests; it panics on an error.
func MustParse(s string) Date {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

// FromDay returns the date of one exactly known day. From a bound it returns the zero Date.
func FromDay(d Day) Date {
	if d.Bound() {
		return Date{}
	}
	return Date{text: d.String(), from: d, to: d}
}

// String returns the date in canonical EDTF, the zero Date as empty text.
func (d Date) String() string { return d.text }

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d.text == "" }

// Earliest returns the first day it can have been, MinDay when that end is open or unknown.
func (d Date) Earliest() Day {
	if d.IsZero() {
		return MinDay
	}
	return d.from
}

// Latest returns the last day it can have been, MaxDay when that end is open
// or unknown. Figures count an uncertain date from here.
func (d Date) Latest() Day {
	if d.IsZero() {
		return MaxDay
	}
	return d.to
}

// Exact reports whether one single day is meant, without any qualifier.
func (d Date) Exact() bool {
	return !d.IsZero() && d.from == d.to && !strings.ContainsAny(d.text, qualifiers)
}

// Approximate reports whether any part is marked as approximate (~ or %).
func (d Date) Approximate() bool { return strings.ContainsAny(d.text, "~%") }

// Uncertain reports whether any part is marked as uncertain (? or %).
func (d Date) Uncertain() bool { return strings.ContainsAny(d.text, "?%") }

// Precision says how exactly the date is given.
func (d Date) Precision() Precision {
	switch {
	case d.IsZero():
		return NoPrecision
	case strings.Contains(d.text, "/"):
		return IntervalPrecision
	}
	date, _, _ := strings.Cut(d.text, "T")
	date = unqualified(date)
	unknown := strings.IndexByte(date, 'X')
	switch {
	case unknown >= 0 && unknown < len("2006"):
		return WiderPrecision
	case len(date) == len("2006") || unknown >= 0 && unknown < len("2006-01"):
		return YearPrecision
	case date[5] == '2':
		return SeasonPrecision
	case len(date) == len("2006-01") || unknown >= 0:
		return MonthPrecision
	}
	return DayPrecision
}

// Ends returns the two ends of an interval, an open or unknown one as the
// zero Date; of any other date it returns the date itself twice.
func (d Date) Ends() (from, to Date) {
	a, b, ok := strings.Cut(d.text, "/")
	if !ok {
		return d, d
	}
	return end(a), end(b)
}

// end reads one end of an interval that Parse has already read.
func end(s string) Date {
	if s == "" || s == open {
		return Date{}
	}
	d, err := parseOne(s)
	if err != nil {
		return Date{} // not reached: only Parse makes a Date
	}
	return d
}

// OpenEnded reports whether it is an interval that is said to go on (..), as
// against one whose end is not known.
func (d Date) OpenEnded() bool { return strings.HasSuffix(d.text, "/"+open) }

// Clock returns the time of day as it was written, "14:30+06:00", or empty text.
func (d Date) Clock() string {
	if d.Precision() != DayPrecision {
		return ""
	}
	_, clock, _ := strings.Cut(d.text, "T")
	return clock
}

// Moment returns the instant of a date with a time of day. Where no offset
// from UTC was written, the time is taken to be local to loc.
func (d Date) Moment(loc *time.Location) (time.Time, bool) {
	if d.Clock() == "" {
		return time.Time{}, false
	}
	for _, layout := range clockLayouts {
		if t, err := time.ParseInLocation(time.DateOnly+"T"+layout, d.text, loc); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Compare orders dates by their latest day, from which they count, then by
// their earliest, then by their text; it is zero only for equal dates.
func (d Date) Compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Latest(), e.Latest()), cmp.Compare(d.Earliest(), e.Earliest()), cmp.Compare(d.text, e.text))
}

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.text), nil }

// UnmarshalText reads what MarshalText writes; empty text is the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	date, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = date
	return nil
}
