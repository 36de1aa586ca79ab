// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/edtf"
)

// writtenDates are dates as people wrote and said them.
var writtenDates = []struct {
	want  string
	texts []string
}{
	{"2022-01-05", []string{
		"2022-01-05", " 2022-01-05 ", "5.1.2022", "05.01.2022", "5.01.2022 г.", "05.01.2022 года", "05.01.2022ж.", "2022.01.05", "2022/1/5", "2022-1-5",
		"5 January 2022", "January 5, 2022", "5th of January, 2022", "the 5th of January 2022", "on 5 Jan. 2022", "Jan 5 2022", "5-Jan-2022", "2022, January 5", "Wednesday, 5 January 2022", "5 JANUARY 2022",
		"5 января 2022 г.", "5 января 2022 года", "5-го января 2022", "5 янв 2022", "5 янв. 2022 г.", "в среду, 5 января 2022 года", "5января 2022г", "5 ЯНВАРЯ 2022", "2022 год, 5 января",
		"2022 жылғы 5 қаңтар", "2022 ж. 5 қаңтар", "2022 жылдың 5 қаңтары", "2022 жылғы 5 қаңтарда", "2022 жылы 5 қаңтар күні", "5 қаңтар 2022 ж.", "5 кантар 2022", "сәрсенбі, 2022 жылғы 5 қаңтар", "2022 жылғы 5-қаңтар", "2022 жылғы қаңтардың 5-і", "2022 жылғы қаңтардың 5-інде",
		"5 January 2022 ж.", "5 қаңтар 2022 года", "5\u00a0января 2022\u00a0г.", "с 5 по 5 января 2022",
	}},
	{"2022-01-25", []string{"25/01/2022", "01/25/2022", "25-01-2022"}},
	{"2022-05-05", []string{"05/05/2022", "5-е мая 2022", "5 мая 2022", "2022 жылғы 5 мамыр", "5 мам. 2022"}},
	{"2022-01", []string{"2022-01", "January 2022", "in January of 2022", "январь 2022", "в январе 2022", "в январе месяце 2022 года", "январём 2022", "2022 жылғы қаңтарда", "2022 ж. қаңтар айында", "қаңтар 2022", "2022 жылдың қаңтар айы", "01.2022", "1/2022", "янв. 2022"}},
	{"2022-06", []string{"июнь 2022", "июня 2022", "2022 жылғы маусым", "мау 2022"}},
	{"2022", []string{"2022", "in 2022", "2022 год", "в 2022 году", "2022 г.", "2022 жыл", "2022 жылы", "2022ж"}},
	{"2022-06-01~/2022-06-10~", []string{"early June 2022", "beginning of June 2022", "at the start of June 2022", "начало июня 2022", "в начале июня 2022 года", "в начале июня 2022", "2022 жылғы маусымның басы", "2022 жылғы маусымның басында", "2022 жылдың маусым айының басында", "маусымның басы 2022", "2022-06-01~/2022-06-10~"}},
	{"2022-06-11~/2022-06-20~", []string{"mid-June 2022", "mid June 2022", "middle of June 2022", "середина июня 2022", "в середине июня 2022 г.", "2022 ж. маусымның ортасы", "2022 жылғы маусымның ортасында"}},
	{"2022-06-21~/2022-06-30~", []string{"late June 2022", "the end of June 2022", "конец июня 2022", "в конце июня 2022", "2022 ж. маусымның соңы", "2022 жылғы маусымның аяғында"}},
	{"2024-02-21~/2024-02-29~", []string{"late February 2024", "конец февраля 2024"}},
	{"2022-01~/2022-04~", []string{"early 2022", "в начале 2022 года", "2022 жылдың басында"}},
	{"2022-09~/2022-12~", []string{"late 2022", "конец 2022", "2022 жылдың соңы"}},
	{"2022-06~", []string{"about June 2022", "примерно июнь 2022", "в начале лета 2022", "early summer 2022", "шамамен 2022 ж. маусым"}},
	{"2022-05-21~/2022-06-10~", []string{"late May – early June 2022", "конец мая – начало июня 2022", "с конца мая по начало июня 2022 года"}},
	{"2022-06-01~/2022-06-20~", []string{"early or mid June 2022", "начало или середина июня 2022", "early to mid June 2022"}},
	{"2022-01-04/2022-01-05", []string{
		"night of 4 to 5 January 2022", "the night of 4 to 5 January 2022", "night of 4/5 January 2022", "night of 4–5 January 2022", "night from 4 January to 5 January 2022", "in the night of 4 January 2022 to 5 January 2022", "overnight 4-5 January 2022", "night between 4 and 5 January 2022", "night of Tuesday 4 to Wednesday 5 January 2022",
		"в ночь с 4 на 5 января 2022", "в ночь с 4-го на 5-е января 2022 года", "ночь с 4 на 5 января 2022 г.", "в ночь на 5 января 2022", "ночью с 4 на 5 января 2022", "в ночь с 4 января на 5 января 2022 года",
		"2022 жылғы 4-нен 5 қаңтарға қараған түні", "4-нен 5 қаңтарға қараған түні 2022 ж.", "2022 жылғы 5 қаңтарға қараған түні", "2022 жылғы 4 қаңтардан 5 қаңтарға қараған түні",
		"4–5 January 2022", "4-5 января 2022", "4 — 5 января 2022", "4 or 5 January 2022", "4 или 5 января 2022", "2022 жылғы 4 немесе 5 қаңтар", "4/5 January 2022", "January 4–5, 2022", "4-5.01.2022", "04.01-05.01.2022", "2022-01-04/2022-01-05", "2022-01-04 – 2022-01-05", "04.01.2022–05.01.2022", "4 and 5 January 2022", "4 и 5 января 2022", "2022 ж. 4–5 қаңтар",
	}},
	{"2021-12-31/2022-01-01", []string{"night of 31 December to 1 January 2022", "в ночь с 31 декабря 2021 на 1 января 2022", "в ночь с 31 декабря на 1 января 2022 года", "2021 жылғы 31 желтоқсаннан 1 қаңтарға қараған түні"}},
	{"2022-01-04/2022-01-06", []string{"4–6 January 2022", "с 4 по 6 января 2022", "с 4-го по 6-е января 2022 года", "from 4 to 6 January 2022", "between 4 and 6 January 2022", "между 4 и 6 января 2022", "от 4 до 6 января 2022", "2022 жылғы 4-нен 6 қаңтарға дейін", "2022 жылғы 4 қаңтардан 6 қаңтарға дейін", "2022 жылғы 4 қаңтардан бастап 6 қаңтарға дейін", "2022 жылғы 4 пен 6 қаңтар аралығында", "не ранее 4 и не позднее 6 января 2022 г.", "after 3 January and before 7 January 2022"}},
	{"2022-01-04/2022-02-02", []string{"from 4 January to 2 February 2022", "4 January – 2 February 2022", "с 4 января по 2 февраля 2022 года", "2022 ж. 4 қаңтар – 2 ақпан"}},
	{"2021-12-28/2022-01-03", []string{"28 December 2021 to 3 January 2022", "28.12.2021 - 03.01.2022"}},
	{"2022-01/2022-03", []string{"January to March 2022", "с января по март 2022", "январь-март 2022", "2022 ж. қаңтар – наурыз"}},
	{"2021/2022", []string{"2021–2022", "с 2021 по 2022 год", "2021 жылдан 2022 жылға дейін", "2021-2022 гг."}},
	{"2022-06-10~", []string{"about 10 June 2022", "around 10 June 2022", "~10 June 2022", "c. 10 June 2022", "около 10 июня 2022", "примерно 10.06.2022", "шамамен 2022 жылғы 10 маусым", "2022 жылғы 10 маусым шамасында", "2022 жылғы 10 маусымға жуық"}},
	{"2022-06-10?", []string{"10 June 2022?", "10 June 2022 (uncertain)", "perhaps 10 June 2022", "возможно, 10 июня 2022", "2022 ж. 10 маусым (күмәнді)"}},
	{"2022-06-10%", []string{"about 10 June 2022?"}},
	{"2022-06-04~/2022-06-06~", []string{"about 4–6 June 2022", "около 4-6 июня 2022"}},
	{"2022-01-05/", []string{"not before 5 January 2022", "не ранее 5 января 2022", "не раньше 5 января 2022 г.", "2022 жылғы 5 қаңтардан ерте емес"}},
	{"/2022-01-05", []string{"not after 5 January 2022", "by 5 January 2022", "until 5 January 2022", "no later than 5 January 2022", "до 5 января 2022", "не позднее 5 января 2022", "к 5 января 2022", "2022 жылғы 5 қаңтарға дейін", "2022 жылғы 5 қаңтардан кешіктірмей"}},
	{"/2022-01-04", []string{"before 5 January 2022", "раньше 5 января 2022", "2022 жылғы 5 қаңтардан бұрын"}},
	{"2022-01-06/", []string{"after 5 January 2022", "после 5 января 2022", "2022 жылғы 5 қаңтардан кейін"}},
	{"2022-02/", []string{"after January 2022", "после января 2022"}},
	{"/2021", []string{"before 2022"}},
	{"2022-06-10~/", []string{"after about 10 June 2022"}},
	{"2022-01-05/..", []string{"since 5 January 2022", "from 5 January 2022 on", "from 5 January 2022 onwards", "с 5 января 2022 г.", "начиная с 5 января 2022", "2022 жылғы 5 қаңтардан бастап", "from 5 January 2022 to the present", "с 5 января 2022 по настоящее время", "5 January 2022 – present", "2022 жылғы 5 қаңтардан осы күнге дейін"}},
	{"2022-21", []string{"spring 2022", "весна 2022", "весной 2022 года", "2022 жылғы көктем", "2022 жылдың көктемінде"}},
	{"2022-23", []string{"autumn 2022", "fall of 2022", "осенью 2022", "2022 жылғы күзде"}},
	{"2022-24", []string{"winter 2021/22", "winter 2021–2022", "зима 2021/22", "зимой 2021/2022 года", "зима 2021–2022", "зима 2021-22 года", "2021/22 ж. қыс", "2021–2022 ж. қыс", "2021/2022 жылғы қыста"}},
	{"2012-24", []string{"winter 2011-12"}},
	{"2022-01-XX", []string{"some day in January 2022", "day not known, January 2022", "January 2022, the day is not known", "январь 2022, день неизвестен", "число неизвестно, январь 2022", "2022 ж. қаңтар, күні белгісіз", "2022-01-XX", "2022-01-xx"}},
	{"2022-XX", []string{"2022, month unknown", "2022 год, месяц неизвестен", "2022 ж., айы белгісіз"}},
	{"197X", []string{"1970s", "the 1970s", "1970-е", "1970-е годы", "в 1970-х годах", "1970-жылдар"}},
	{"20XX", []string{"2000–2099, year unknown"}},
	{"2022-01-05T14:30", []string{"5 January 2022, 14:30", "5 January 2022 at 14:30", "14:30 on 5 January 2022", "5 January 2022, 2:30 pm", "5 января 2022 г., 14:30", "5 января 2022 в 14.30", "5 января 2022, 14 часов 30 минут", "05.01.2022 14:30", "2022-01-05 14:30", "2022-01-05T14:30", "2022 ж. 5 қаңтар, сағат 14:30-да"}},
	{"2022-01-05T14:30+06:00", []string{"5 January 2022, 14:30 UTC+06:00", "5 января 2022, 14:30 UTC+6", "05.01.2022 14:30 +06:00"}},
	{"2022-01-05T08:30:00Z", []string{"5 January 2022, 08:30:00 UTC"}},
	{"2022-01-05T22:00/2022-01-06T04:00", []string{"5 January 2022, 22:00 – 6 January 2022, 04:00", "from 22:00 on 5 January 2022 to 04:00 on 6 January 2022"}},
	{"2022-01-05T14:30/2022-01-05T16:00", []string{"5 January 2022, 14:30–16:00", "5 января 2022 с 14:30 до 16:00", "с 14:30 до 16:00 5 января 2022"}},
}

func TestReadDate(t *testing.T) {
	for _, w := range writtenDates {
		want := edtf.MustParse(w.want)
		for _, text := range w.texts {
			if got, err := ReadDate(text); err != nil || got != want {
				t.Errorf("%q is %q, %v; want %q", text, got, err, want)
			}
		}
	}
}

// refusedDates are texts that nobody should have to guess about.
var refusedDates = []struct {
	key, could string
	texts      []string
}{
	{"which", "2022-01-05 2022-05-01", []string{"05/01/2022", "5/1/2022", "05-01-2022", "на 05/01/2022"}},
	{"short_year", "1922-01-05 2022-01-05", []string{"05.01.22", "5 January 22", "5 января 22 г.", "5 января 22", "5.1.22"}},
	{"short_year", "1922-01 2022-01", []string{"январь 22 г.", "қаңтар 22 ж."}},
	{"two_digits", "", []string{"5/1/22", "05-01-22"}},
	{"no_year", "", []string{"5 January", "в ночь с 4 на 5 января", "5 января", "5 қаңтар", "early June", "январь", "весной", "4–5 January", "05.01"}},
	{"no_month", "", []string{"5", "5 2022"}},
	{"nothing", "", []string{"year", "в", ",", "about", "–"}},
	{"empty", "", []string{"", "  "}},
	{"missing", "", []string{"unknown", "неизвестно", "күні белгісіз", "date unknown", "дата неизвестна", "не спрашивали"}},
	{"winter", "2022-24 2023-24", []string{"winter 2022", "зимой 2022 года", "2022 жылғы қыс"}},
	{"night_which", "2022-01-03/2022-01-04 2022-01-04/2022-01-05", []string{"night of 4 January 2022", "ночью 4 января 2022", "2022 жылғы 4 қаңтар түні"}},
	{"night_gap", "", []string{"night of 4 to 6 January 2022", "в ночь с 5 на 4 января 2022"}},
	{"night", "", []string{"not before the night of 4 to 5 January 2022", "night of about 4 to 5 January 2022", "night of January 2022", "night of 4 or 5 January 2022"}},
	{"not_next", "", []string{"4 or 10 January 2022", "4 и 10 января 2022"}},
	{"backwards", "", []string{"6 – 4 January 2022", "28 December – 3 January 2022", "с 6 по 4 января 2022"}},
	{"no_such_day", "", []string{"31 February 2022", "29.02.2022", "2022-02-30", "2022 жылғы 31 маусым"}},
	{"no_day", "", []string{"32 January 2022", "40.01.2022", "0 January 2022"}},
	{"no_such_month", "", []string{"05.13.2022", "2022-13", "13.2022"}},
	{"no_time", "", []string{"5 January 2022, 25:00", "5 January 2022 14:75"}},
	{"time_alone", "", []string{"14:30", "January 2022, 14:30"}},
	{"time_about", "", []string{"5 January 2022, about 14:30", "около 14:30 5 января 2022"}},
	{"day_part", "", []string{"утром 5 января 2022", "morning of 5 January 2022", "2022 жылғы 5 қаңтар таңертең"}},
	{"relative", "", []string{"yesterday", "вчера", "кеше", "last week"}},
	{"weekday", "", []string{"Monday, 5 January 2022", "понедельник, 5 января 2022"}},
	{"unreadable", "", []string{"soon", "5 Jxnuary 2022", "5 января 2022!", "123 January 2022", "2022 +", "Рождество"}},
	{"unfit", "", []string{"5 January 2022 6 January 2022", "4, 5 January 2022", "январь-2022", "5 January 2022, day unknown", "spring January 2022", "2021/22", "4 – 5 – 6 January 2022", "5 January 2022 about –", "до 5 января 2022 до 6 января 2022", "not after 4 January and not before 10 January 2022", "5 January – 2022", "spring 2021/22", "4-5 2022", "5 January 2022 – about"}},
	{"long", "", []string{strings.Repeat("5 January 2022 ", 30)}},
}

func TestReadDateRefuses(t *testing.T) {
	c := load(t)
	for _, w := range refusedDates {
		for _, text := range w.texts {
			got, err := ReadDate(text)
			var e *DateError
			if !errors.As(err, &e) {
				t.Errorf("%q is %q, %v; want a refusal: %s", text, got, err, w.key)
				continue
			}
			var could []string
			for _, d := range e.Could {
				could = append(could, d.String())
			}
			if e.Key != "date_read."+w.key || strings.Join(could, " ") != w.could {
				t.Errorf("%q: %s, could be %q; want %s and %q", text, e.Key, could, w.key, w.could)
			}
			for _, l := range c.Languages() {
				if says := e.In(l); !l.Has(e.Key) || strings.ContainsAny(says, "{}") {
					t.Errorf("%s: %q: %s", l.Code(), text, says)
				}
			}
		}
	}
	_, err := ReadDate("05/01/2022")
	if want := "This can be 5 January 2022 or 1 May 2022. Write the month as a word."; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestEveryRefusalIsTried finds messages that nothing says.
func TestEveryRefusalIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, w := range refusedDates {
		tried["date_read."+w.key] = true
	}
	for _, key := range load(t).Lang("en").Keys() {
		if strings.HasPrefix(key, "date_read.") && !tried[key] {
			t.Errorf("%s: no refused date says so", key)
		}
	}
}

func TestReadMissing(t *testing.T) {
	for text, want := range map[string]string{
		"unknown": "unknown", "Not known": "unknown", "не известно": "unknown", "Неизвестно.": "unknown", "НЕ ПОМНИТ": "unknown", "белгісіз": "unknown", "белгисиз": "unknown", "don’t know": "unknown",
		"date unknown": "unknown", "дата неизвестна": "unknown", "күні белгісіз": "unknown",
		"not asked": "not_asked", "не спрашивали": "not_asked", "Сұралмаған": "not_asked",
		"declined": "declined", "Answer declined": "declined", "Отказ от ответа": "declined", "отказалась отвечать": "declined", "Жауап беруден бас тартты": "declined",
		"": "", "2022": "", "January 2022, day unknown": "", "refused": "", "-": "",
	} {
		if got, ok := ReadMissing(text); got != want || ok != (want != "") {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	for _, l := range load(t).Languages() { // what a page writes for no date is no date
		if code, ok := ReadMissing(l.Date(edtf.Date{})); !ok || code != "unknown" {
			t.Errorf("%s: %q is %q", l.Code(), l.Date(edtf.Date{}), code)
		}
	}
}

// anyDate makes dates of all kinds.
func anyDate() *rapid.Generator[edtf.Date] {
	qualifier := rapid.SampledFrom([]string{"", "", "", "?", "~", "%"})
	one := rapid.Custom(func(t *rapid.T) string {
		year, month, day := rapid.IntRange(1, 9999), rapid.IntRange(1, 12), rapid.IntRange(1, 31)
		y := rapid.OneOf(rapid.IntRange(1990, 2030), year).Draw(t, "year")
		m, d := month.Draw(t, "month"), day.Draw(t, "day")
		d = min(d, edtf.DaysIn(y, time.Month(m)))
		full := fmt.Sprintf("%04d-%02d-%02d", y, m, d)
		q := qualifier.Draw(t, "qualifier")
		switch rapid.IntRange(0, 9).Draw(t, "form") {
		case 0, 1, 2:
			return full + q
		case 3:
			clock := fmt.Sprintf("T%02d:%02d", rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"))
			return full + clock + rapid.SampledFrom([]string{"", ":07", "Z", ":59Z", "+06:00", "-03:30", ":00+05:00"}).Draw(t, "offset")
		case 4:
			return full[:7] + q
		case 5:
			return full[:4] + q
		case 6:
			return fmt.Sprintf("%04d-%d%s", y, rapid.IntRange(21, 24).Draw(t, "season"), q)
		case 7:
			return full[:7] + "-XX" + q
		case 8:
			return full[:4] + rapid.SampledFrom([]string{"-XX", "-XX-XX"}).Draw(t, "unknown") + q
		}
		text := []byte(full[:rapid.SampledFrom([]int{4, 7, 10}).Draw(t, "length")])
		for i := range text { // single digits that are not known
			if text[i] != '-' && rapid.IntRange(0, 3).Draw(t, "X") == 0 {
				text[i] = 'X'
			}
		}
		return string(text) + q
	})
	texts := rapid.Custom(func(t *rapid.T) string {
		text := one.Draw(t, "date")
		switch rapid.IntRange(0, 7).Draw(t, "interval") {
		case 0:
			text += "/.."
		case 1:
			text += "/"
		case 2:
			text = "../" + text
		case 3:
			text = "/" + text
		case 4, 5:
			text += "/" + one.Draw(t, "end")
		case 6:
			y, m := rapid.IntRange(1990, 2030).Draw(t, "year"), rapid.IntRange(0, 12).Draw(t, "month")
			text = thirdText(y, m, rapid.IntRange(0, 2).Draw(t, "third"))
		}
		return text
	})
	dates := texts.Filter(func(text string) bool {
		_, err := edtf.Parse(text)
		return err == nil
	})
	return rapid.Map(dates, edtf.MustParse)
}

// centuries are the years of which the first digits are known.
var centuries = regexp.MustCompile(`^0*[1-9]\d*X+(-XX)*$`)

// carried is a date as far as its words carry it: see ReadDate.
func carried(d edtf.Date) string {
	if d.Precision() != edtf.IntervalPrecision {
		from, to, q := d.Earliest().String(), d.Latest().String(), qualifierOf(d)
		if !partly(d) || centuries.MatchString(bareDate(d)) {
			return carriedOne(d)
		}
		if d.Precision() == edtf.WiderPrecision && wholeX(bareDate(d)[4:]) {
			from, to = from[:4], to[:4]
		}
		if from == to {
			return from + q
		}
		return from + q + "/" + to + q // the words name the first and the last day there can be
	}
	from, to := d.Ends()
	if isThird(d) {
		return d.String()
	}
	a, b := endText(from, from.Earliest()), endText(to, to.Latest())
	switch {
	case from.IsZero():
		return "/" + withoutX(b)
	case to.IsZero() && d.OpenEnded():
		return withoutX(a) + "/.."
	case to.IsZero():
		return withoutX(a) + "/"
	case a == b:
		return a
	}
	return a + "/" + b
}

func endText(d edtf.Date, day edtf.Day) string {
	switch {
	case d.IsZero():
		return ""
	case partly(d):
		return day.String()
	}
	return carriedOne(d)
}

// withoutX leaves out components that are not known: "not before January, day unknown" says no more than without.
func withoutX(s string) string {
	if strings.Contains(s[:4], "X") {
		return s
	}
	return strings.ReplaceAll(s, "-XX", "")
}

func isThird(d edtf.Date) bool {
	for _, month := range []int{0, int(d.Earliest().Month())} {
		for third := range 3 {
			if thirdText(d.Earliest().Year(), month, third) == d.String() {
				return true
			}
		}
	}
	return false
}

func qualifierOf(d edtf.Date) string {
	p := part{about: d.Approximate(), unsure: d.Uncertain()}
	return p.qualifier()
}

// carriedOne has one qualifier for all components, and no day of an unknown month.
func carriedOne(d edtf.Date) string {
	if d.Clock() != "" {
		return d.String()
	}
	bare := strings.TrimRight(bareDate(d), "-X")
	switch {
	case d.Precision() == edtf.WiderPrecision:
		return bareDate(d)[:4] + qualifierOf(d)
	case len(bare) < len(bareDate(d)):
		bare += "-XX"
	}
	return bare + qualifierOf(d)
}

// TestReadDateReadsWhatDateWrites is the promise that what a page shows can be
// typed into it. Where words do not carry all of a date (see ReadDate), they
// carry its first and last day and its qualifiers.
func TestReadDateReadsWhatDateWrites(t *testing.T) {
	c := load(t)
	rapid.Check(t, func(t *rapid.T) {
		d := anyDate().Draw(t, "date")
		for _, l := range c.Languages() {
			words := l.Date(d)
			got, err := ReadDate(words)
			switch {
			case err != nil:
				t.Fatalf("%s: %s is %q: %v", l.Code(), d, words, err)
			case got.Earliest() != d.Earliest() || got.Latest() != d.Latest():
				t.Fatalf("%s: %s is %q, read as %s: other days", l.Code(), d, words, got)
			case got.String() != carried(d):
				t.Fatalf("%s: %s is %q, read as %s, want %s", l.Code(), d, words, got, carried(d))
			}
			if typed, err := ReadDate(l.DateTyped(d)); err != nil || typed != d {
				t.Fatalf("%s: %s is typed %q, read as %s, %v", l.Code(), d, l.DateTyped(d), typed, err)
			}
		}
	})
}

func TestDateTyped(t *testing.T) {
	ru := load(t).Lang("ru")
	for date, want := range map[string]string{
		"2022-06-01~/2022-06-10~": "начало июня 2022 г.",
		"2022-01-05":              "5 января 2022 г.",
		"2022-01-1X":              "2022-01-1X",
		"../2022-01-05":           "../2022-01-05",
		"2022-01~-05":             "2022-01~-05",
	} {
		if got := ru.DateTyped(edtf.MustParse(date)); got != want {
			t.Errorf("%s is typed %q, want %q", date, got, want)
		}
	}
	if got := ru.DateTyped(edtf.Date{}); got != "" {
		t.Error(got)
	}
}

func FuzzReadDate(f *testing.F) {
	for _, w := range writtenDates {
		for _, text := range w.texts {
			f.Add(text)
		}
	}
	for _, w := range refusedDates {
		for _, text := range w.texts {
			f.Add(text)
		}
	}
	c, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ReadMissing(text)
		d, err := ReadDate(text)
		if err != nil {
			var e *DateError
			if !errors.As(err, &e) || !d.IsZero() {
				t.Fatalf("%q: %v", text, err)
			}
			for _, l := range c.Languages() {
				if !l.Has(e.Key) {
					t.Errorf("%q: no message %s", text, e.Key)
				}
			}
			return
		}
		if again, err := edtf.Parse(d.String()); err != nil || again != d {
			t.Errorf("%q is %q: %v", text, d, err)
		}
		for _, l := range c.Languages() {
			if back, err := ReadDate(l.DateTyped(d)); err != nil || back != d {
				t.Errorf("%s: %q is %s, typed %q, read as %s, %v", l.Code(), text, d, l.DateTyped(d), back, err)
			}
		}
	})
}
