// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// weekdays are the days of the week, Sunday first as package time counts them.
var weekdays = map[string][2][7]string{
	"en": {{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}, {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}},
	"ru": {{"воскресенье", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота"}, {"вс", "пн", "вт", "ср", "чт", "пт", "сб"}},
	"kk": {{"жексенбі", "дүйсенбі", "сейсенбі", "сәрсенбі", "бейсенбі", "жұма", "сенбі"}, {"жс", "дс", "сс", "ср", "бс", "жм", "сб"}},
}

// Weekday returns the name of a day of the week.
func (l *Language) Weekday(d time.Weekday) string { return weekdays[l.code][0][d] }

// WeekdayShort returns it in two or three letters.
func (l *Language) WeekdayShort(d time.Weekday) string { return weekdays[l.code][1][d] }

// DayOfWeek writes a day without its year, with the day of the week: "Friday, 24 June".
func (l *Language) DayOfWeek(d edtf.Day) string {
	return l.T("date.at", upperFirst(l.Weekday(d.Weekday())), l.dayAndMonth(d, plain))
}

// MonthAndYear writes a month as a heading: "June 2022".
func (l *Language) MonthAndYear(year int, m time.Month) string {
	return upperFirst(l.inYear(l.Month(m), year))
}

func upperFirst(text string) string {
	for i := range text {
		if i > 0 {
			return strings.ToUpper(text[:i]) + text[i:]
		}
	}
	return strings.ToUpper(text)
}
