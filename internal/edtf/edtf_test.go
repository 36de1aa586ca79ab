// SPDX-License-Identifier: AGPL-3.0-or-later

package edtf

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in, text, earliest, latest string
		precision                  Precision
		marks                      string // e exact, a approximate, u uncertain
	}{
		{"2022-01-05", "", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{" 2022-01-05 ", "2022-01-05", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{"2024-02-29", "", "2024-02-29", "2024-02-29", DayPrecision, "e"},
		{"2022-01", "", "2022-01-01", "2022-01-31", MonthPrecision, ""},
		{"2022", "", "2022-01-01", "2022-12-31", YearPrecision, ""},
		{"1971", "", "1971-01-01", "1971-12-31", YearPrecision, ""},
		{"2022-01-XX", "", "2022-01-01", "2022-01-31", MonthPrecision, ""},
		{"2022-01-xx", "2022-01-XX", "2022-01-01", "2022-01-31", MonthPrecision, ""},
		{"2022-02-2X", "", "2022-02-20", "2022-02-28", MonthPrecision, ""},
		{"2022-01-X1", "", "2022-01-01", "2022-01-31", MonthPrecision, ""},
		{"2022-XX", "", "2022-01-01", "2022-12-31", YearPrecision, ""},
		{"2022-XX-XX", "", "2022-01-01", "2022-12-31", YearPrecision, ""},
		{"2022-XX-31", "", "2022-01-31", "2022-12-31", YearPrecision, ""},
		{"2022-1X", "", "2022-10-01", "2022-12-31", YearPrecision, ""},
		{"202X", "", "2020-01-01", "2029-12-31", WiderPrecision, ""},
		{"20XX", "", "2000-01-01", "2099-12-31", WiderPrecision, ""},
		{"1XXX-XX-XX", "", "1000-01-01", "1999-12-31", WiderPrecision, ""},
		{"202X-02-29", "", "2020-02-29", "2028-02-29", WiderPrecision, ""},
		{"2022-21", "", "2022-03-01", "2022-05-31", SeasonPrecision, ""},
		{"2022-22", "", "2022-06-01", "2022-08-31", SeasonPrecision, ""},
		{"2022-23", "", "2022-09-01", "2022-11-30", SeasonPrecision, ""},
		{"2022-24", "", "2021-12-01", "2022-02-28", SeasonPrecision, ""},
		{"2024-24~", "", "2023-12-01", "2024-02-29", SeasonPrecision, "a"},
		{"2022-06~", "", "2022-06-01", "2022-06-30", MonthPrecision, "a"},
		{"2022-06?", "", "2022-06-01", "2022-06-30", MonthPrecision, "u"},
		{"2022-01-05%", "", "2022-01-05", "2022-01-05", DayPrecision, "au"},
		{"2022-01~-05", "", "2022-01-05", "2022-01-05", DayPrecision, "a"},
		{"2022-?01-05", "", "2022-01-05", "2022-01-05", DayPrecision, "u"},
		{"2022?-01-~05", "", "2022-01-05", "2022-01-05", DayPrecision, "au"},
		{"2022-01-04/2022-01-05", "", "2022-01-04", "2022-01-05", IntervalPrecision, ""},
		{"2022-01-05/2022-01-05", "", "2022-01-05", "2022-01-05", IntervalPrecision, "e"},
		{"2022-01/2022-01-05", "", "2022-01-01", "2022-01-05", IntervalPrecision, ""},
		{"2021/2022-03~", "", "2021-01-01", "2022-03-31", IntervalPrecision, "a"},
		{"2022-01-05/..", "", "2022-01-05", "infinity", IntervalPrecision, ""},
		{"2022-01-05/", "", "2022-01-05", "infinity", IntervalPrecision, ""},
		{"../2022-01-05", "", "-infinity", "2022-01-05", IntervalPrecision, ""},
		{"/2022-01-05", "", "-infinity", "2022-01-05", IntervalPrecision, ""},
		{"2022-01-05T14:30+06:00", "", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{"2022-01-05T23:30-06:00", "", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{"2022-01-05T14:30:05Z", "", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{"2022-01-05T14:30+00:00", "", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{"2022-01-05T14:30", "", "2022-01-05", "2022-01-05", DayPrecision, "e"},
		{"2022-01-05T22:00/2022-01-06T04:00", "", "2022-01-05", "2022-01-06", IntervalPrecision, ""},
		{"0001", "", "0001-01-01", "0001-12-31", YearPrecision, ""},
		{"9999-12-31", "", "9999-12-31", "9999-12-31", DayPrecision, "e"},
	} {
		d, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		var marks string
		for _, m := range []struct {
			on   bool
			mark string
		}{{d.Exact(), "e"}, {d.Approximate(), "a"}, {d.Uncertain(), "u"}} {
			if m.on {
				marks += m.mark
			}
		}
		if c.text == "" {
			c.text = c.in
		}
		got := fmt.Sprintln(d, d.Earliest(), d.Latest(), d.Precision(), marks)
		want := fmt.Sprintln(c.text, c.earliest, c.latest, c.precision, c.marks)
		if got != want {
			t.Errorf("Parse(%q) is %s, want %s", c.in, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "there is no date; expected a date as",
		"2022-02-31":             "2022-02-31: February 2022 has 28 days",
		"2022-02-29":             "2022-02-29: February 2022 has 28 days",
		"2022-13":                "2022-13: there is no month 13; expected 01 to 12, or 21 to 24 for spring to winter",
		"2022-00-10":             "2022-00-10: there is no month 00",
		"2022-01-00":             "2022-01-00: there is no day 00 in any month",
		"2022-01-32":             "2022-01-32: there is no day 32 in any month",
		"2022-01-4X":             "2022-01-4X: there is no day 4X in any month",
		"2021-02-3X":             "2021-02-3X: February 2021 has 28 days",
		"202X-02-30":             "202X-02-30: no year and month that fit have such a day",
		"XXXX":                   "XXXX: XXXX is no year",
		"0000-01-01":             "0000-01-01: 0000 is no year",
		"20XX-24":                "20XX-24: a season needs a year that is known",
		"0001-24":                "0001-24: this winter begins before the year 0001",
		"05.01.2022":             "05.01.2022: not a date; expected a date as 2022-01-05",
		"05/01/2022":             "05/01/2022: an interval has two ends and one slash",
		"2022-1-5":               "2022-1-5: not a date",
		"2022-01-05-06":          "2022-01-05-06: not a date",
		"2022-01-05T14:30~":      "2022-01-05T14:30~: 14:30~ is no time of day; expected as 14:30, 14:30:00 or 14:30+06:00",
		"2022-01-05T24:30":       "2022-01-05T24:30: 24:30 is no time of day",
		"2022-01-05T4:30":        "2022-01-05T4:30: 4:30 is no time of day",
		"2022-01-05T14:30:00.5Z": "2022-01-05T14:30:00.5Z: 14:30:00.5Z is no time of day",
		"2022-01T14:30":          "2022-01T14:30: a time of day can only follow an exact day",
		"2022-06~?":              "2022-06~?: one qualifier at most",
		"2022-~06~":              "2022-~06~: one qualifier at most",
		"/":                      "/: an interval needs at least one end",
		"../..":                  "../..: an interval needs at least one end",
		"2022-02/2022-01":        "2022-02/2022-01: the interval ends on 2022-01-31, before it starts on 2022-02-01",
		"2022/2022-02-30":        "2022/2022-02-30: end of the interval: February 2022 has 28 days",
		"tomorrow":               "tomorrow: not a date",
		"2022-01-05\x00":         `"2022-01-05\x00": not a date`,
		strings.Repeat("9", 500): strings.Repeat("9", 40) + "…: not a date",
	} {
		d, err := Parse(in)
		var problem *Error
		if !errors.As(err, &problem) {
			t.Errorf("Parse(%q) is %v, error %v", in, d, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Parse(%q) says\n  %s\nwant\n  %s", in, err, want)
		}
	}
}

func TestParseDay(t *testing.T) {
	d, err := ParseDay(" 2022-05-17 ")
	if err != nil || d.String() != "2022-05-17" || d.Year() != 2022 || d.Month() != time.May || d.DayOfMonth() != 17 || d.Weekday() != time.Tuesday {
		t.Errorf("ParseDay gives %v, %v", d, err)
	}
	for in, want := range map[string]string{
		"2022-05":    "2022-05: not a day; expected year-month-day, as 2022-01-05",
		"17.05.2022": "17.05.2022: not a day; expected year-month-day, as 2022-01-05",
		"2022-04-31": "2022-04-31: April 2022 has 30 days",
		"2022-1a-31": "2022-1a-31: not a day; expected year-month-day, as 2022-01-05",
		"infinity":   "infinity: not a day; expected year-month-day, as 2022-01-05",
		"0000-01-01": "0000-01-01: year 0 is outside 0001 to 9999",
	} {
		if _, err := ParseDay(in); err == nil || err.Error() != want {
			t.Errorf("ParseDay(%q): %v, want %s", in, err, want)
		}
	}
}

func TestDayOfTakesTheLocalCalendar(t *testing.T) {
	almaty := time.FixedZone("+06", 6*60*60)
	moment := time.Date(2022, 1, 5, 20, 0, 0, 0, time.UTC)
	if got := DayOf(moment.In(almaty)).String(); got != "2022-01-06" {
		t.Errorf("day in Almaty is %s", got)
	}
	if got := DayOf(moment).String(); got != "2022-01-05" {
		t.Errorf("day in UTC is %s", got)
	}
}

func TestAddMonths(t *testing.T) {
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2022-01-31", 1, "2022-02-28"},
		{"2024-01-31", 1, "2024-02-29"},
		{"2022-01-15", 12, "2023-01-15"},
		{"2024-02-29", 12, "2025-02-28"},
		{"2022-03-31", -1, "2022-02-28"},
		{"2022-05-17", -17, "2020-12-17"},
		{"2022-12-31", 2, "2023-02-28"},
		{"1969-12-31", 0, "1969-12-31"},
		{"2022-12-31", 1 << 60, "infinity"},
		{"2022-12-31", -1 << 60, "-infinity"},
	} {
		from, err := ParseDay(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := from.AddMonths(c.months).String(); got != c.want {
			t.Errorf("%s and %d months is %s, want %s", c.from, c.months, got, c.want)
		}
	}
}

func TestBoundsStay(t *testing.T) {
	for _, d := range []Day{MinDay, MaxDay} {
		if d.Add(7) != d || d.Add(-7) != d || d.AddMonths(3) != d || !d.Bound() || !FromDay(d).IsZero() {
			t.Errorf("%s moves", d)
		}
	}
	if (MaxDay-1).Add(5) != MaxDay || (MinDay+1).Add(-5) != MinDay {
		t.Error("a sum runs past the bounds")
	}
}

func TestZeroDate(t *testing.T) {
	var d Date
	if !d.IsZero() || d.String() != "" || d.Earliest() != MinDay || d.Latest() != MaxDay || d.Exact() || d.Precision() != NoPrecision {
		t.Errorf("the zero date claims to know something: %+v", d)
	}
}

func TestEnds(t *testing.T) {
	from, to := MustParse("2022-01-05/..").Ends()
	if from != MustParse("2022-01-05") || !to.IsZero() || !MustParse("2022-01-05/..").OpenEnded() || MustParse("2022-01-05/").OpenEnded() {
		t.Errorf("ends are %v and %v", from, to)
	}
	from, to = MustParse("2022-01~").Ends()
	if from != to || from != MustParse("2022-01~") {
		t.Errorf("ends of a month are %v and %v", from, to)
	}
}

func TestMoment(t *testing.T) {
	almaty := time.FixedZone("+06", 6*60*60)
	for in, want := range map[string]string{
		"2022-01-05T14:30+06:00": "2022-01-05T08:30:00Z",
		"2022-01-05T14:30:10Z":   "2022-01-05T14:30:10Z",
		"2022-01-05T14:30":       "2022-01-05T08:30:00Z",
	} {
		at, ok := MustParse(in).Moment(almaty)
		if got := at.UTC().Format(time.RFC3339); !ok || got != want {
			t.Errorf("%s is the moment %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{"2022-01-05", "2022-01-05T14:30/2022-01-06T01:00"} {
		if at, ok := MustParse(in).Moment(almaty); ok {
			t.Errorf("%s has a moment: %v", in, at)
		}
	}
}

func TestJSON(t *testing.T) {
	type both struct {
		Day  Day
		Date Date
	}
	for _, b := range []both{
		{MinDay, Date{}},
		{MaxDay, MustParse("2022-01-04/2022-01-05")},
		{DayOf(time.Date(2022, 5, 17, 0, 0, 0, 0, time.UTC)), MustParse("2022-06~")},
	} {
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		var back both
		if err := json.Unmarshal(text, &back); err != nil || back != b {
			t.Errorf("%s comes back as %+v, %v", text, back, err)
		}
	}
	var b both
	if err := json.Unmarshal([]byte(`{"Date":"2022-02-31"}`), &b); err == nil || !strings.Contains(err.Error(), "February 2022 has 28 days") {
		t.Errorf("a wrong date in JSON: %v", err)
	}
}

func TestCompareOrdersByTheLatestDay(t *testing.T) {
	dates := []Date{MustParse("2022-01/.."), MustParse("2022"), MustParse("2022-01-05"), MustParse("2022-01"), MustParse("2022-01-31")}
	slices.SortFunc(dates, Date.Compare)
	if got := fmt.Sprint(dates); got != "[2022-01-05 2022-01 2022-01-31 2022 2022-01/..]" {
		t.Error(got)
	}
}

// genDay draws a day of the years the format has.
func genDay(t *rapid.T, label string) Day {
	return Day(rapid.IntRange(int(civil(1, 1, 1)), int(civil(9999, 12, 31))).Draw(t, label))
}

func TestDayRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDay(t, "day")
		back, err := ParseDay(d.String())
		if err != nil || back != d || DayOf(d.Time()) != d {
			t.Fatalf("%d becomes %d, %v", d, back, err)
		}
		n := rapid.IntRange(-100_000, 100_000).Draw(t, "n")
		if d.Add(n).Sub(d) != n {
			t.Fatalf("%s and %d days is %s", d, n, d.Add(n))
		}
	})
}

func TestAddMonthsKeepsOrderAndNeverRunsOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genDay(t, "a"), genDay(t, "b")
		n := rapid.IntRange(-600, 600).Draw(t, "months")
		if a <= b && a.AddMonths(n) > b.AddMonths(n) {
			t.Fatalf("%s is not after %s, yet %d months later it is", a, b, n)
		}
		later := a.AddMonths(n)
		if months := 12*(later.Year()-a.Year()) + int(later.Month()) - int(a.Month()); months != n {
			t.Fatalf("%s and %d months is %s", a, n, later)
		}
	})
}

// TestParseRoundTrip builds dates of every form and reads them back.
func TestParseRoundTrip(t *testing.T) {
	one := rapid.OneOf(
		rapid.StringMatching(`[12][0-9]{3}(-(0[1-9]|1[0-2]|2[1-4]))?[?~%]?`),
		rapid.StringMatching(`[12][0-9]{3}-(0[1-9]|1[0-2])[?~%]?-[?~%]?(0[1-9]|1[0-9]|2[0-8])`),
		rapid.StringMatching(`[12][0-9X]{3}-(0[1-9X]|1[0-2X]|XX)-(0[1-9X]|1[0-9X]|2[0-8X]|XX)`),
		rapid.StringMatching(`[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9](Z|\+0[0-9]:00)?`),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := one.Draw(t, "date")
		if strings.Count(text, "?")+strings.Count(text, "~")+strings.Count(text, "%") > 2 {
			t.Skip("more qualifiers than components")
		}
		if rapid.Bool().Draw(t, "interval") {
			d := MustParse(text)
			text += "/" + rapid.SampledFrom([]string{"", "..", d.String(), "9999"}).Draw(t, "end")
		}
		d, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if d.String() != text || d.Earliest() > d.Latest() {
			t.Fatalf("%s becomes %s, from %s to %s", text, d, d.Earliest(), d.Latest())
		}
		if back := MustParse(d.String()); back != d {
			t.Fatalf("%s is read back as %s", d, back)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"2022-01-05", "2022-01-XX", "202X", "2022-24~", "2022-01-04/2022-01-05", "../2022", "2022-01-05T14:30+06:00", "05.01.2022", "2022-?01-~05", "X1XX-X1-X1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err != nil {
			if !d.IsZero() || err.Error() == "" || strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("Parse(%q) is %v, error %q", s, d, err)
			}
			return
		}
		if d.IsZero() || d.Earliest() > d.Latest() || d.Precision() == NoPrecision {
			t.Errorf("Parse(%q) is %q from %s to %s", s, d, d.Earliest(), d.Latest())
		}
		if back, err := Parse(d.String()); err != nil || back != d {
			t.Errorf("%q is read back as %q, %v", d, back, err)
		}
	})
}
