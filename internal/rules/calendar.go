// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// calendar says which days are no working days and how a term is counted. The zero calendar knows none.
type calendar struct {
	weekend []time.Weekday
	yearly  []yearly
	once    map[edtf.Day]codebook.Holiday
	worked  map[edtf.Day]codebook.Moved // days of rest that are worked, by the day
	moved   map[edtf.Day]codebook.Moved // the days that are free in their place
	def     codebook.RuleDef            // as read, of the pack that was read last
	asked   []atomic.Uint32             // by day, from askedFrom: 0 not asked yet, else whether it is a working day
}

// The days of which a calendar remembers what it said: terms end there over and over.
var askedFrom = edtf.DayOf(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))

const (
	askedDays  = 100 * 366
	itsWorking = 1
	itsFree    = 2
)

type yearly struct {
	month time.Month
	day   int
	codebook.Holiday
}

var weekdays = map[string]time.Weekday{"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday,
	"fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday}

func (c *calendar) add(def codebook.RuleDef) error {
	c.def = def
	if c.once == nil {
		c.asked = make([]atomic.Uint32, askedDays)
		c.once, c.worked, c.moved = map[edtf.Day]codebook.Holiday{}, map[edtf.Day]codebook.Moved{}, map[edtf.Day]codebook.Moved{}
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
			c.once[d] = h
			continue
		}
		month, day, ok := strings.Cut(h.Day, "-")
		m, err1 := strconv.Atoi(month)
		d, err2 := strconv.Atoi(day)
		if !ok || err1 != nil || err2 != nil || m < 1 || m > 12 || d < 1 || d > 31 {
			return fmt.Errorf("holidays: %q is no day; write 03-22 for every year or 2022-07-09 for one", h.Day)
		}
		c.yearly = append(c.yearly, yearly{time.Month(m), d, h})
	}
	for _, m := range def.Moved {
		from, err1 := edtf.ParseDay(m.From)
		to, err2 := edtf.ParseDay(m.To)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("moved: from %q to %q: write both as 2022-03-05", m.From, m.To)
		}
		c.worked[from], c.moved[to] = m, m
	}
	return nil
}

func (c *calendar) isWeekend(d edtf.Day) bool {
	_, worked := c.worked[d]
	return !worked && slices.Contains(c.weekend, d.Weekday())
}

// holiday is the holiday of a day. One that stands for a single day is not made up for.
func (c *calendar) holiday(d edtf.Day) (h codebook.Holiday, ok bool) {
	t := d.Time()
	for _, y := range c.yearly {
		if y.month == t.Month() && y.day == t.Day() && (y.From == 0 || t.Year() >= y.From) && (y.Until == 0 || t.Year() <= y.Until) {
			return y.Holiday, true
		}
	}
	if h, ok = c.once[d]; ok {
		h.Alone = true
	}
	return h, ok
}

// free says whether a day is a weekend or a holiday, and whether another day is owed for it.
func (c *calendar) free(d edtf.Day) (free, owed bool) {
	holiday, is := c.holiday(d)
	_, moved := c.moved[d]
	weekend := c.isWeekend(d)
	return weekend || is || moved, weekend && is && !holiday.Alone
}

// working says whether a day is a working day. A holiday on a weekend may make the next day free that is neither.
func (c *calendar) working(d edtf.Day) bool {
	at := int64(d) - int64(askedFrom)
	if at < 0 || at >= int64(len(c.asked)) {
		return c.works(d)
	}
	said := c.asked[at].Load()
	if said == 0 {
		said = itsFree
		if c.works(d) {
			said = itsWorking
		}
		c.asked[at].Store(said)
	}
	return said == itsWorking
}

// works finds out what working says.
func (c *calendar) works(d edtf.Day) bool {
	if free, _ := c.free(d); free {
		return false
	}
	if !c.def.Substitute {
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

// Why a day is no working day, or one although it would not be.
const (
	Weekend    = "weekend"
	PublicDay  = "holiday"
	Substitute = "substitute" // in place of a holiday on a weekend
	MovedTo    = "moved_to"   // free in place of Other, which is worked
	Worked     = "worked"     // worked; Other is free in its place
)

// DayOff is what a calendar says of a day that is not an ordinary working day.
type DayOff struct {
	Kind   string
	Label  codebook.Label // of a holiday
	Other  edtf.Day       // of one that was moved: the other day
	Source codebook.Label // the norm it rests on
	Conf   string         // how sure that is: R, K, U, H
}

// Working tells whether it is a working day nevertheless.
func (d DayOff) Working() bool { return d.Kind == Worked }

// DayOff says why a day is not an ordinary working day by the calendar of the
// packs; false: it is one.
func (s *Set) DayOff(d edtf.Day) (DayOff, bool) {
	c := &s.days
	off := DayOff{Source: c.def.Source, Conf: c.def.Conf}
	if h, ok := c.holiday(d); ok {
		off.Kind, off.Label, off.Conf = PublicDay, h.Label, h.Conf
		return off, true
	}
	for kind, of := range map[string]map[edtf.Day]codebook.Moved{MovedTo: c.moved, Worked: c.worked} {
		if m, ok := of[d]; ok {
			other := m.From
			if kind == Worked {
				other = m.To
			}
			off.Kind, off.Source, off.Conf = kind, m.Source, m.Conf
			off.Other, _ = edtf.ParseDay(other) // add has read it
			return off, true
		}
	}
	switch {
	case c.isWeekend(d):
		off.Kind = Weekend
	case !c.working(d):
		off.Kind = Substitute
	default:
		return DayOff{}, false
	}
	return off, true
}

// Calendar is the calendar of the packs as read: what it rests on, what is not
// in it. False: there is none, and every day is a working day.
func (s *Set) Calendar() (codebook.RuleDef, bool) { return s.days.def, s.days.def.ID != "" }

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
	if c.def.Roll {
		for i := 0; i < 30 && !c.working(d); i++ {
			d = d.Add(1)
		}
	}
	return d
}
