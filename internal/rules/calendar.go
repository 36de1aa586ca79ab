// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// calendar says which days are no working days and how a term is counted. The zero calendar knows none.
type calendar struct {
	weekend    []time.Weekday
	yearly     []yearly
	once       map[edtf.Day]bool
	roll       bool
	substitute bool
}

type yearly struct {
	month       time.Month
	day         int
	from, until int
	alone       bool // not made up for
}

var weekdays = map[string]time.Weekday{"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday,
	"fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday}

func (c *calendar) add(def codebook.RuleDef) error {
	c.roll, c.substitute = def.Roll, def.Substitute
	if c.once == nil {
		c.once = map[edtf.Day]bool{}
	}
	for _, w := range def.Weekend {
		day, ok := weekdays[w]
		if !ok {
			return fmt.Errorf("weekend: %q is no day; they are mon, tue, wed, thu, fri, sat, sun", w)
		}
		c.weekend = append(c.weekend, day)
	}
	for _, h := range def.Holidays {
		if d, err := edtf.ParseDay(h.Day); err == nil {
			c.once[d] = true
			continue
		}
		month, day, ok := strings.Cut(h.Day, "-")
		m, err1 := strconv.Atoi(month)
		d, err2 := strconv.Atoi(day)
		if !ok || err1 != nil || err2 != nil || m < 1 || m > 12 || d < 1 || d > 31 {
			return fmt.Errorf("holidays: %q is no day; write 03-22 for every year or 2022-07-09 for one", h.Day)
		}
		c.yearly = append(c.yearly, yearly{time.Month(m), d, h.From, h.Until, h.Alone})
	}
	return nil
}

func (c *calendar) isWeekend(d edtf.Day) bool { return slices.Contains(c.weekend, d.Weekday()) }

func (c *calendar) isHoliday(d edtf.Day) (holiday, alone bool) {
	t := d.Time()
	for _, y := range c.yearly {
		if y.month == t.Month() && y.day == t.Day() && (y.from == 0 || t.Year() >= y.from) && (y.until == 0 || t.Year() <= y.until) {
			return true, y.alone
		}
	}
	return c.once[d], true
}

// free says whether a day is a weekend or a holiday, and whether another day is owed for it.
func (c *calendar) free(d edtf.Day) (free, owed bool) {
	holiday, alone := c.isHoliday(d)
	weekend := c.isWeekend(d)
	return weekend || holiday, weekend && holiday && !alone
}

// working says whether a day is a working day. A holiday on a weekend may make the next day free that is neither.
func (c *calendar) working(d edtf.Day) bool {
	if free, _ := c.free(d); free {
		return false
	}
	if !c.substitute {
		return true
	}
	// Walk up to the day from well before it: each holiday that fell on a weekend takes the next day that is left.
	pending := 0
	for e := d.Add(-10); ; e = e.Add(1) {
		free, owed := c.free(e)
		taken := !free && pending > 0
		if e == d {
			return !taken
		}
		if owed {
			pending++
		}
		if taken {
			pending--
		}
	}
}

// far is as many days or months as a term ever has: beyond it lies a mistake.
const far = 40000

// end returns the last day of a term that starts on start. The day on which it starts is not counted; a term that
// ends on no working day ends on the next working day.
func (c *calendar) end(start edtf.Day, n int, unit string) edtf.Day {
	n = min(n, far)
	var d edtf.Day
	switch unit {
	case "immediate":
		return start
	case "hour":
		return start.Add((n + 23) / 24) // only the day is known: the hours end by the end of that day
	case "working_day":
		d = start
		for left := n; left > 0; {
			if d = d.Add(1); c.working(d) {
				left--
			}
		}
		return d
	case "month":
		d = start.AddMonths(n)
	case "year":
		d = start.AddMonths(12 * n)
	default:
		d = start.Add(n)
	}
	if c.roll {
		for i := 0; i < 30 && !c.working(d); i++ {
			d = d.Add(1)
		}
	}
	return d
}
