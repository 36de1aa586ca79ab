// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/rules"
)

// TestWorkingDaysOfKazakhstan holds the calendar to the days off that were
// published for each year, weekends left out, and the days of the weekend that
// were worked.
func TestWorkingDaysOfKazakhstan(t *testing.T) {
	_, s := compiled(t)
	for year, want := range map[string]string{
		"2022": "01-03 01-04 01-07 03-07 03-08 03-21 03-22 03-23 05-02 05-09 05-10 07-06 08-29 08-30 10-24 10-25 12-16 worked 03-05 08-27 10-22",
		"2023": "01-02 01-03 03-08 03-21 03-22 03-23 05-01 05-08 05-09 06-28 07-06 07-07 08-30 10-25 12-18 worked 07-01",
		"2024": "01-01 01-02 03-08 03-21 03-22 03-25 05-01 05-07 05-08 05-09 07-08 08-30 10-25 12-16 worked 05-04",
		"2025": "01-01 01-02 01-03 01-07 03-10 03-21 03-24 03-25 05-01 05-07 05-09 06-06 07-07 09-01 10-27 12-16 worked 01-05",
		"2026": "01-01 01-02 01-07 03-09 03-23 03-24 03-25 05-01 05-07 05-11 05-27 07-06 10-26 12-16 worked",
		"2027": "01-01 01-04 01-07 03-08 03-15 03-22 03-23 03-24 05-03 05-07 05-10 07-06 10-25 12-16 worked",
	} {
		var free, worked []string
		for d := day(t, year+"-01-01"); d.String() <= year+"-12-31"; d = d.Add(1) {
			off, is := s.DayOff(d)
			switch {
			case !is || off.Kind == rules.Weekend:
			case off.Working():
				worked = append(worked, d.String()[5:])
			case d.Weekday() != 0 && d.Weekday() != 6:
				free = append(free, d.String()[5:])
			}
		}
		if got := strings.TrimSpace(strings.Join(free, " ") + " worked " + strings.Join(worked, " ")); got != want {
			t.Errorf("%s:\n got %s\nwant %s", year, got, want)
		}
	}
}

// TestDayOffSaysWhy holds what a calendar says of a day.
func TestDayOffSaysWhy(t *testing.T) {
	_, s := compiled(t)
	for text, want := range map[string]struct{ kind, conf, label, other string }{
		"2022-01-04": {kind: rules.Substitute, conf: "K"},
		"2022-03-05": {kind: rules.Worked, conf: "K", other: "2022-03-07"},
		"2022-03-07": {kind: rules.MovedTo, conf: "K", other: "2022-03-05"},
		"2022-03-08": {kind: rules.PublicDay, conf: "K", label: "International Women’s Day"},
		"2022-03-12": {kind: rules.Weekend, conf: "K"},
		"2026-05-27": {kind: rules.PublicDay, conf: "U", label: "Kurban Ait"},
		"2026-05-28": {},
	} {
		off, is := s.DayOff(day(t, text))
		other := ""
		if off.Other != 0 {
			other = off.Other.String()
		}
		if is != (want.kind != "") || off.Kind != want.kind || off.Conf != want.conf || off.Label.En != want.label || other != want.other {
			t.Errorf("%s: %+v", text, off)
		}
		if is && (off.Source.Ru == "" || off.Source.Kk == "") {
			t.Errorf("%s rests on nothing", text)
		}
	}
	def, ok := s.Calendar()
	if !ok || def.Help.Kk == "" {
		t.Error("nothing is said of what the calendar lacks")
	}
	for _, h := range def.Holidays {
		if h.Label.En == "" || h.Label.Ru == "" || h.Label.Kk == "" {
			t.Errorf("%s: the name of the day is missing in a language", h.Day)
		}
	}
}
