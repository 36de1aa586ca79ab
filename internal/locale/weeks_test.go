// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

func TestWeeks(t *testing.T) {
	day, err := edtf.ParseDay("2022-06-24")
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string][4]string{
		"en": {"Friday, 24 June", "June 2022", "Monday", "Mon"},
		"ru": {"Пятница, 24 июня", "Июнь 2022 г.", "понедельник", "пн"},
		"kk": {"Жұма, 24 маусым", "2022 ж. маусым", "дүйсенбі", "дс"},
	} {
		l, _ := load(t).Lookup(code)
		if got := [4]string{l.DayOfWeek(day), l.MonthAndYear(2022, time.June), l.Weekday(time.Monday), l.WeekdayShort(time.Monday)}; got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
