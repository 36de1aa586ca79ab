// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
)

// AlarmKind is what raised an alarm.
type AlarmKind string

// The kinds of alarms.
const (
	AlarmBulk     AlarmKind = "bulk"     // many cases read
	AlarmDevice   AlarmKind = "device"   // a new device at an odd hour
	AlarmRefusals AlarmKind = "refusals" // somebody tries what is not theirs
	AlarmFailures AlarmKind = "failures" // somebody tries passphrases
)

// The bounds. Each is an estimate of what honest work does not reach; what they
// cost is a question asked of a colleague, so they stand rather low.
const (
	// A file takes some minutes to be read: one each 90 seconds for an hour is copying.
	openedHour, openedDay = 40, 120
	// A page of the list shows 50 names: eight pages of names that were not seen
	// just before is not looking for somebody. A whole list taken out raises it, as it must.
	namedHour, namedDay = 400, 1000
	// Against what the member usually does: from so many on, and so many times as much.
	openedUnusual, namedUnusual, timesUsual = 20, 200, 4
	// What is usual can be told from so many days with work, of the last so many days.
	usualLeast, usualDays = 5, 28
	// People mistype and follow old links some times a day; ten in an hour is trying.
	refusalsHour, refusalsDay = 10, 20
	// A forgotten passphrase is tried three or four times.
	failuresDay = 10
	// Names that nobody has: typing errors of all members together stay below.
	strangersDay = 50
	// A device not used for so long is a new one.
	deviceDays = 60
	// Odd hours, by the clock of the installation: from the one until before the other.
	oddFrom, oddUntil = 22, 6
	// Alarms of so many days are shown.
	alarmDays = 30
)

// Alarm says that something in the audit is worth a question.
type Alarm struct {
	ID     string // kind, member and day
	Kind   AlarmKind
	Member string // id; empty: nobody known
	Name   string // of the member
	Day    edtf.Day
	At     time.Time // of the line that raised it
	Opened int       // different cases opened that day
	Named  int       // different cases of which a name was shown that day
	Usual  int       // cases a day, where it is that which was passed; else 0
	N      int       // refusals, or failed sign-ins, that day
	Device string
	Seen   bool
	SeenBy string // the name of the member who looked after it
	SeenAt time.Time
	Note   string
}

// daily is what one member did on one day, as far as alarms ask.
type daily struct {
	opened, named       int
	openedHour, named1h int // the most in any hour
	refused, refused1h  int
	failed              int
	devices             map[string]time.Time // used to sign in → the first time at an odd hour, or zero
	reads, refusals     time.Time            // the last of them
	failures            time.Time
}

// dayOf is the day of a moment by the clock of the installation.
func dayOf(t time.Time, zone *time.Location) edtf.Day { return edtf.DayOf(t.In(zone)) }

// odd tells whether a moment is at an odd hour.
func odd(t time.Time, zone *time.Location) bool {
	h := t.In(zone).Hour()
	return h >= oddFrom || h < oddUntil
}

// summarise sums up the lines of one day, by member, in the order of time.
func summarise(lines []index.AuditLine, zone *time.Location) map[string]*daily {
	byMember := map[string][]index.AuditLine{}
	for _, l := range lines {
		byMember[l.Member] = append(byMember[l.Member], l)
	}
	found := map[string]*daily{}
	for member, lines := range byMember {
		d := &daily{devices: map[string]time.Time{}}
		var opened, named, refused window
		for _, l := range lines {
			switch l.Act {
			case actRead, actList:
				for _, id := range l.Cases {
					named.add(l.At, id)
					if l.Act == actRead {
						opened.add(l.At, id)
					}
				}
				d.reads = l.At
			case actRefused:
				for range l.N {
					refused.add(l.At, "")
				}
				d.refusals = l.At
			case actSignInFailed:
				d.failed += l.N
				d.failures = l.At
			case actSignIn:
				first, known := d.devices[l.Device]
				if odd(l.At, zone) && first.IsZero() {
					first = l.At
				}
				if !known || !first.IsZero() {
					d.devices[l.Device] = first
				}
			}
		}
		d.opened, d.openedHour = len(opened.all), opened.most
		d.named, d.named1h = len(named.all), named.most
		d.refused, d.refused1h = refused.n, refused.mostAny
		found[member] = d
	}
	return found
}

// window counts different things in any hour, and in all.
type window struct {
	all           map[string]bool
	recent        []glimpse
	inHour        map[string]int
	most, mostAny int
	n             int
}

type glimpse struct {
	at time.Time
	id string
}

// add takes in one thing. Times must not decrease.
func (w *window) add(at time.Time, id string) {
	if w.all == nil {
		w.all, w.inHour = map[string]bool{}, map[string]int{}
	}
	for len(w.recent) > 0 && at.Sub(w.recent[0].at) >= time.Hour {
		old := w.recent[0].id
		if w.inHour[old]--; w.inHour[old] == 0 {
			delete(w.inHour, old)
		}
		w.recent = w.recent[1:]
	}
	w.recent = append(w.recent, glimpse{at, id})
	w.inHour[id]++
	w.all[id] = true
	w.n++
	w.most, w.mostAny = max(w.most, len(w.inHour)), max(w.mostAny, len(w.recent))
}

// alarms are what the days say, the newest first: at most one of a kind for a
// member and a day. days must go back far enough before since for what is usual
// and for devices.
func alarms(days map[edtf.Day]map[string]*daily, since edtf.Day) []Alarm {
	var found []Alarm
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if day < since {
			continue
		}
		for _, member := range slices.Sorted(maps.Keys(days[day])) {
			d := days[day][member]
			raise := func(kind AlarmKind, at time.Time, a Alarm) {
				a.Kind, a.Member, a.Day, a.At = kind, member, day, at
				a.ID = alarmID(kind, member, day)
				found = append(found, a)
			}
			if member != "" {
				usualOpened, usualNamed, known := usual(days, member, day)
				bulk := Alarm{Opened: d.opened, Named: d.named}
				switch {
				case d.openedHour >= openedHour, d.opened >= openedDay, d.named1h >= namedHour, d.named >= namedDay:
					raise(AlarmBulk, d.reads, bulk)
				case known && d.opened >= openedUnusual && d.opened > timesUsual*usualOpened:
					bulk.Usual = usualOpened
					raise(AlarmBulk, d.reads, bulk)
				case known && d.named >= namedUnusual && d.named > timesUsual*usualNamed:
					bulk.Usual = usualNamed
					raise(AlarmBulk, d.reads, bulk)
				}
				if device, at := strange(days, member, day); !at.IsZero() {
					raise(AlarmDevice, at, Alarm{Device: device})
				}
				if d.refused >= refusalsDay || d.refused1h >= refusalsHour {
					raise(AlarmRefusals, d.refusals, Alarm{N: d.refused})
				}
			}
			if d.failed >= failuresDay && member != "" || d.failed >= strangersDay {
				raise(AlarmFailures, d.failures, Alarm{N: d.failed})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Alarm) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return found
}

// usual is what a member does on the median day of those before on which they
// read anything; false where that can't be told yet.
func usual(days map[edtf.Day]map[string]*daily, member string, day edtf.Day) (opened, named int, known bool) {
	var o, n []int
	for before := day - usualDays; before < day; before++ {
		if d := days[before][member]; d != nil && d.named > 0 {
			o, n = append(o, d.opened), append(n, d.named)
		}
	}
	if len(o) < usualLeast {
		return 0, 0, false
	}
	slices.Sort(o)
	slices.Sort(n)
	return o[len(o)/2], n[len(n)/2], true
}

// strange is the first device a member signed in from at an odd hour of a day
// and used on none of the days before, if they had used any then.
func strange(days map[edtf.Day]map[string]*daily, member string, day edtf.Day) (device string, at time.Time) {
	known := map[string]bool{}
	for before := day - deviceDays; before < day; before++ {
		if d := days[before][member]; d != nil {
			for device := range d.devices {
				known[device] = true
			}
		}
	}
	if len(known) == 0 {
		return "", time.Time{}
	}
	for id, first := range days[day][member].devices {
		if !known[id] && !first.IsZero() && (at.IsZero() || cmp.Or(first.Compare(at), cmp.Compare(id, device)) < 0) {
			device, at = id, first
		}
	}
	return device, at
}

func alarmID(kind AlarmKind, member string, day edtf.Day) string {
	return fmt.Sprintf("%s-%s-%s", kind, cmp.Or(member, "0"), strings.ReplaceAll(day.String(), "-", ""))
}
