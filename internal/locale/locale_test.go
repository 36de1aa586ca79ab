// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read makes a language of some messages.
func read(code, text string) (*Language, error) {
	l := newLanguage(code)
	return l, l.read([]byte(text))
}

// formsOf are the plural forms whole numbers take; "other" may be given besides.
var formsOf = map[string][]string{
	"en": {"one", "other"},
	"ru": {"one", "few", "many"},
	"kk": {"one", "other"},
}

func TestSameKeysInAllLanguages(t *testing.T) {
	c := load(t)
	for _, l := range c.Languages() {
		for _, other := range c.Languages() {
			for _, key := range l.Keys() {
				if !other.Has(key) {
					t.Errorf("messages/%s has %s, messages/%s has not", l.Code(), key, other.Code())
					continue
				}
				if (l.plurals[key] == nil) != (other.plurals[key] == nil) {
					t.Errorf("%s is a plural in one of %s and %s only", key, l.Code(), other.Code())
				}
			}
		}
	}
}

// ofKazakhstan are words that are true in one country alone: what it calls its registers, numbers and bodies is in its pack.
var ofKazakhstan = []string{"Kazakhstan", "UPRI", "IIN", "Казахстан", "ЕРДР", "КУИ", "ИИН", "КНБ", "Қазақстан", "СДТБТ", "ЖСН", "ҰҚК"}

func TestMessagesNameNoCountry(t *testing.T) {
	for _, l := range load(t).Languages() {
		for _, key := range l.Keys() {
			text := l.texts[key]
			for _, form := range l.plurals[key] {
				text += " " + form
			}
			for _, word := range ofKazakhstan {
				if strings.Contains(text, word) {
					t.Errorf("messages/%s: %s says %s, in a register of any country", l.Code(), key, word)
				}
			}
		}
	}
}

func TestPluralFormsAreComplete(t *testing.T) {
	for _, l := range load(t).Languages() {
		for key, forms := range l.plurals {
			for _, form := range formsOf[l.Code()] {
				if _, ok := forms[form]; !ok {
					t.Errorf("messages/%s: %s lacks the form %s", l.Code(), key, form)
				}
			}
			for form, text := range forms {
				if form != "other" && !slices.Contains(formsOf[l.Code()], form) {
					t.Errorf("messages/%s: %s: no number takes the form %s", l.Code(), key, form)
				}
				if strings.TrimSpace(text) == "" {
					t.Errorf("messages/%s: %s: form %s is empty", l.Code(), key, form)
				}
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// placeholders returns what a message has places for.
func placeholders(l *Language, key string) []string {
	text := l.texts[key]
	for _, form := range l.plurals[key] {
		text += form
	}
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestPlaceholdersAreEqual(t *testing.T) {
	c := load(t)
	en := c.Lang("en")
	for _, key := range en.Keys() {
		want := placeholders(en, key)
		for _, p := range want {
			if argument(strings.Trim(p, "{}")) < 0 && (p != "{n}" || en.plurals[key] == nil) {
				t.Errorf("%s: %s is no placeholder", key, p)
			}
		}
		for _, l := range c.Languages()[1:] {
			if got := placeholders(l, key); !slices.Equal(got, want) {
				t.Errorf("messages/%s: %s has places for %v, messages/en for %v", l.Code(), key, got, want)
			}
		}
	}
}

func TestParseRefusesWhatIsNoMessage(t *testing.T) {
	for text, want := range map[string]string{
		"a.b: ''":              "line 1: a.b: expected a text or the forms of a plural",
		"a.b: [x]":             "line 1: a.b: expected a text",
		"a.b: {several: x}":    `line 1: a.b: no plural form "several"`,
		"a.b: {one: [x]}":      "line 1: a.b: expected a text",
		"a.b: x\na.b: y":       `already defined`,
		"date.days: x":         "line 1: date.days: there is a message of this key already",
		"- a list":             "cannot unmarshal",
		"a.b: x\na.c:\nb.b: x": "line 2: a.c: expected a text",
	} {
		l := load(t).Lang("en")
		if err := l.read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestT(t *testing.T) {
	c := load(t)
	l, err := read("ru", `
greet: "{1}, это {0}. {2} {x} { {"
many: {one: "{n} дело из {0}", few: "{n} дела из {0}", many: "{n} дел из {0}"}
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct{ got, want string }{
		{l.T("greet", "Куә", "{0} <b>"), "{0} <b>, это Куә. {2} {x} { {"},
		{l.T("greet", 12345, edtf.MustParse("2022-01-05")), "date.in_year, это 12\u00a0345. {2} {x} { {"},
		{l.T("no.such"), "no.such"},
		{l.T("many"), "many"},
		{l.N("greet", 1), "greet"},
		{l.N("many", 21, 69), "21 дело из 69"},
		{c.Lang("ru").T("date.as_of", edtf.MustParse("2022-05-17").Latest()), "по состоянию на 17 мая 2022 г."},
		{c.Lang("xx").T("date.today"), "today"},
		{c.Lang("kk").Name(), "Қазақша"},
	} {
		if check.got != check.want {
			t.Errorf("got %q, want %q", check.got, check.want)
		}
	}
}

func TestPlurals(t *testing.T) {
	c := load(t)
	for code, want := range map[string]string{
		"en": "0 days, 1 day, 2 days, 5 days, 11 days, 21 days, 22 days, 101 days, 111 days, 1,000,000,001 days",
		"ru": "0 дней, 1 день, 2 дня, 5 дней, 11 дней, 21 день, 22 дня, 101 день, 111 дней, 1 000 000 001 день",
		"kk": "0 күн, 1 күн, 2 күн, 5 күн, 11 күн, 21 күн, 22 күн, 101 күн, 111 күн, 1 000 000 001 күн",
	} {
		var got []string
		for _, n := range []int{0, 1, 2, 5, 11, 21, 22, 101, 111, 1_000_000_001} {
			got = append(got, c.Lang(code).Days(n))
		}
		if s := strings.ReplaceAll(strings.Join(got, ", "), noBreakSpace, " "); s != want {
			t.Errorf("%s: %s", code, s)
		}
	}
	if got := c.Lang("ru").Days(-3); got != "−3 дня" {
		t.Error(got)
	}
}

func TestNumbers(t *testing.T) {
	c := load(t)
	en, ru, kk := c.Lang("en"), c.Lang("ru"), c.Lang("kk")
	for _, check := range []struct{ got, want string }{
		{en.Number(0), "0"}, {en.Number(999), "999"}, {en.Number(1000), "1,000"}, {en.Number(-1234567), "−1,234,567"},
		{ru.Number(12345), "12_345"}, {kk.Number(12345), "12_345"}, {ru.Number(-100), "−100"},
		{en.Number(-1 << 63), "−9,223,372,036,854,775,808"},
		{en.Decimal(1234.567, 2), "1,234.57"}, {ru.Decimal(0.875, 2), "0,88"}, {kk.Decimal(-0.001, 2), "0,00"}, {ru.Decimal(-1.5, 1), "−1,5"}, {en.Decimal(2.5, 0), "2"},
		{en.Percent(52, 69), "75%"}, {ru.Percent(52, 69), "75_%"}, {kk.Percent(52, 69), "75%"},
		{en.Percent(0, 69), "0%"}, {en.Percent(69, 69), "100%"}, {en.Percent(1, 300), "<1%"}, {ru.Percent(299, 300), ">99_%"}, {en.Percent(1, 200), "1%"},
		{en.Percent(0, 0), "–"}, {en.Percent(3, 2), "150%"},
		{en.List(nil), ""}, {en.List([]string{"a"}), "a"}, {en.List([]string{"a", "b"}), "a and b"}, {ru.List([]string{"а", "б", "в"}), "а, б и в"}, {kk.List([]string{"а", "б", "в"}), "а, б және в"},
	} {
		if got := strings.ReplaceAll(check.got, noBreakSpace, "_"); got != check.want {
			t.Errorf("got %q, want %q", got, check.want)
		}
	}
}

// dateWords are dates in the three languages, read by people who speak them.
var dateWords = []struct{ date, en, ru, kk string }{
	{"", "date unknown", "дата неизвестна", "күні белгісіз"},
	{"2022-05-17", "17 May 2022", "17 мая 2022 г.", "2022 ж. 17 мамыр"},
	{"2022-01-05T14:30", "5 January 2022, 14:30", "5 января 2022 г., 14:30", "2022 ж. 5 қаңтар, 14:30"},
	{"2022-01-05T14:30+06:00", "5 January 2022, 14:30 UTC+06:00", "5 января 2022 г., 14:30 UTC+06:00", "2022 ж. 5 қаңтар, 14:30 UTC+06:00"},
	{"2022-01-05T08:30:00Z", "5 January 2022, 08:30:00 UTC", "5 января 2022 г., 08:30:00 UTC", "2022 ж. 5 қаңтар, 08:30:00 UTC"},
	{"2022-01", "January 2022", "январь 2022 г.", "2022 ж. қаңтар"},
	{"2022-01-XX", "some day in January 2022", "январь 2022 г., день неизвестен", "2022 ж. қаңтар, күні белгісіз"},
	{"2022-01-1X", "10–19 January 2022, exact date unknown", "10–19 января 2022 г., точная дата неизвестна", "2022 ж. 10–19 қаңтар, нақты күні белгісіз"},
	{"2022-1X", "1 October – 31 December 2022, exact date unknown", "1 октября – 31 декабря 2022 г., точная дата неизвестна", "2022 ж. 1 қазан – 31 желтоқсан, нақты күні белгісіз"},
	{"2022-XX-05", "5 January – 5 December 2022, exact date unknown", "5 января – 5 декабря 2022 г., точная дата неизвестна", "2022 ж. 5 қаңтар – 5 желтоқсан, нақты күні белгісіз"},
	{"2022", "2022", "2022 г.", "2022 ж."},
	{"2022-XX", "2022, month unknown", "2022 г., месяц неизвестен", "2022 ж., айы белгісіз"},
	{"2022-XX-XX", "2022, month unknown", "2022 г., месяц неизвестен", "2022 ж., айы белгісіз"},
	{"197X", "the 1970s", "1970-е годы", "1970-жылдар"},
	{"20XX", "2000–2099, year unknown", "2000–2099 г., год неизвестен", "2000–2099 ж., жылы белгісіз"},
	{"2022-21", "spring 2022", "весна 2022 г.", "2022 ж. көктем"},
	{"2022-22", "summer 2022", "лето 2022 г.", "2022 ж. жаз"},
	{"2022-23", "autumn 2022", "осень 2022 г.", "2022 ж. күз"},
	{"2022-24", "winter 2021/22", "зима 2021/22 г.", "2021/22 ж. қыс"},
	{"2022-06~", "about June 2022", "примерно июнь 2022 г.", "шамамен 2022 ж. маусым"},
	{"2022-06?", "June 2022 (uncertain)", "июнь 2022 г. (под вопросом)", "2022 ж. маусым (күмәнді)"},
	{"2022-06-05%", "about 5 June 2022 (uncertain)", "примерно 5 июня 2022 г. (под вопросом)", "шамамен 2022 ж. 5 маусым (күмәнді)"},
	{"2022-01-04/2022-01-05", "4–5 January 2022", "4–5 января 2022 г.", "2022 ж. 4–5 қаңтар"},
	{"2022-01-05/2022-01-05", "5 January 2022", "5 января 2022 г.", "2022 ж. 5 қаңтар"},
	{"2022-01-28/2022-02-03", "28 January – 3 February 2022", "28 января – 3 февраля 2022 г.", "2022 ж. 28 қаңтар – 3 ақпан"},
	{"2021-12-28/2022-01-03", "28 December 2021 – 3 January 2022", "28 декабря 2021 г. – 3 января 2022 г.", "2021 ж. 28 желтоқсан – 2022 ж. 3 қаңтар"},
	{"2022-01/2022-03", "January – March 2022", "январь – март 2022 г.", "2022 ж. қаңтар – наурыз"},
	{"2021-12/2022-01", "December 2021 – January 2022", "декабрь 2021 г. – январь 2022 г.", "2021 ж. желтоқсан – 2022 ж. қаңтар"},
	{"2021/2022", "2021–2022", "2021–2022 г.", "2021–2022 ж."},
	{"2022-01-05/2022-03~", "5 January 2022 – about March 2022", "5 января 2022 г. – примерно март 2022 г.", "2022 ж. 5 қаңтар – шамамен 2022 ж. наурыз"},
	{"2022-01-05/..", "from 5 January 2022 on", "с 5 января 2022 г.", "2022 ж. 5 қаңтардан бастап"},
	{"2022-01-05/", "not before 5 January 2022", "не ранее 5 января 2022 г.", "2022 ж. 5 қаңтардан ерте емес"},
	{"../2022-03", "not after March 2022", "не позднее марта 2022 г.", "2022 ж. наурыздан кеш емес"},
	{"/2022", "not after 2022", "не позднее 2022 г.", "2022 жылдан кеш емес"},
	{"2022-24/", "not before winter 2021/22", "не ранее зимы 2021/22 г.", "2021/22 ж. қыстан ерте емес"},
	{"197X/", "not before the 1970s", "не ранее 1970-х годов", "1970-жылдардан ерте емес"},
	{"2022-06-01~/2022-06-10~", "early June 2022", "начало июня 2022 г.", "2022 ж. маусымның басы"},
	{"2022-06-11~/2022-06-20~", "mid-June 2022", "середина июня 2022 г.", "2022 ж. маусымның ортасы"},
	{"2024-02-21~/2024-02-29~", "late February 2024", "конец февраля 2024 г.", "2024 ж. ақпанның соңы"},
	{"2022-01~/2022-04~", "early 2022", "начало 2022 г.", "2022 жылдың басы"},
	{"2022-09~/2022-12~", "late 2022", "конец 2022 г.", "2022 жылдың соңы"},
	{"0005-24", "winter 0004/05", "зима 0004/05 г.", "0004/05 ж. қыс"},
	{"1990-X3-01", "1 March 1990", "1 марта 1990 г.", "1990 ж. 1 наурыз"},
	{"2022-01-1X/", "not before 10 January 2022", "не ранее 10 января 2022 г.", "2022 ж. 10 қаңтардан ерте емес"},
	{"2022-01-XX/", "not before January 2022", "не ранее января 2022 г.", "2022 ж. қаңтардан ерте емес"},
}

func TestDates(t *testing.T) {
	c := load(t)
	for _, w := range dateWords {
		var d edtf.Date
		if w.date != "" {
			d = edtf.MustParse(w.date)
		}
		for code, want := range map[string]string{"en": w.en, "ru": w.ru, "kk": w.kk} {
			if got := c.Lang(code).Date(d); got != want {
				t.Errorf("%s: %q is %q, want %q", code, w.date, got, want)
			}
		}
	}
}

func TestDays(t *testing.T) {
	c := load(t)
	en, ru, kk := c.Lang("en"), c.Lang("ru"), c.Lang("kk")
	day := edtf.MustParse("2022-05-07").Latest()
	for _, check := range []struct{ got, want string }{
		{en.Day(day), "7 May 2022"}, {ru.Day(day), "7 мая 2022 г."}, {kk.Day(day), "2022 ж. 7 мамыр"},
		{en.DayShort(day), "7 May 2022"}, {ru.DayShort(day), "07.05.2022"}, {kk.DayShort(day), "07.05.2022"},
		{ru.Day(edtf.MaxDay), "–"}, {ru.DayShort(edtf.MinDay), "–"},
		{ru.DateShort(edtf.FromDay(day)), "07.05.2022"}, {ru.DateShort(edtf.MustParse("2022-05")), "май 2022 г."}, {ru.DateShort(edtf.Date{}), "дата неизвестна"},
		{en.Ago(day, day), "today"}, {ru.Ago(day-1, day), "вчера"}, {kk.Ago(day+1, day), "ертең"},
		{ru.Ago(day-2, day), "2 дня назад"}, {en.Ago(day-30, day), "30 days ago"}, {kk.Ago(day+5, day), "5 күннен кейін"}, {ru.Ago(day+5, day), "через 5 дней"},
		{ru.Ago(edtf.MinDay, day), "–"},
		{ru.Days(21), "21 день"}, {en.Days(1), "1 day"}, {kk.Days(3), "3 күн"},
		{ru.Month(time.May), "май"}, {ru.MonthOfDay(time.May), "мая"}, {kk.Month(time.January), "қаңтар"}, {en.Month(time.December), "December"},
	} {
		if check.got != check.want {
			t.Errorf("got %q, want %q", check.got, check.want)
		}
	}
}

// TestEveryDayHasItsWords walks through all months of some years, so that no table is short.
func TestEveryDayHasItsWords(t *testing.T) {
	for _, l := range load(t).Languages() {
		for m := range 36 {
			day := edtf.MustParse("2020-01-15").Latest().AddMonths(m)
			month := fmt.Sprintf("%04d-%02d", day.Year(), day.Month())
			for _, text := range []string{l.Day(day), l.Date(edtf.MustParse(month)), l.Date(edtf.MustParse(month + "/")), l.Date(edtf.MustParse(day.String() + "/.."))} {
				if !strings.Contains(text, fmt.Sprint(day.Year())) || strings.ContainsAny(text, "{}") || strings.Contains(text, "date.") {
					t.Errorf("%s: %s is %q", l.Code(), month, text)
				}
			}
		}
	}
}

func FuzzDate(f *testing.F) {
	for _, w := range dateWords {
		f.Add(w.date)
	}
	c, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := edtf.Parse(s)
		if err != nil {
			return
		}
		for _, l := range c.Languages() {
			if text := l.Date(d); text == "" || strings.ContainsAny(text, "{}?~%X") {
				t.Errorf("%s: %s is %q", l.Code(), d, text)
			}
		}
	})
}

func TestMatch(t *testing.T) {
	c := load(t)
	for header, want := range map[string]string{
		"":                              "en",
		"ru":                            "ru",
		"kk-KZ,kk;q=0.9,ru;q=0.8":       "kk",
		"ru-RU,ru;q=0.9,en-US;q=0.8":    "ru",
		"de-DE,de;q=0.9,ru;q=0.5":       "ru",
		"en-GB":                         "en",
		"fr":                            "en",
		"kk-Cyrl-KZ":                    "kk",
		"*":                             "en",
		"not a header;;q=x, \x00":       "en",
		"en;q=0.1,kk;q=0.9":             "kk",
		strings.Repeat("ru,", 10_000):   "ru",
		"ru-KZ;q=0.9, en;q=0.8, *;q=.1": "ru",
	} {
		if got := c.Match(header).Code(); got != want {
			t.Errorf("Match(%.40q) is %s, want %s", header, got, want)
		}
	}
}

func TestAlphabets(t *testing.T) {
	c := load(t)
	for code, alphabet := range map[string]string{
		"kk": "А Ә Б В Г Ғ Д Е Ё Ж З И Й К Қ Л М Н Ң О Ө П Р С Т У Ұ Ү Ф Х Һ Ц Ч Ш Щ Ъ Ы І Ь Э Ю Я",
		"ru": "А Б В Г Д Е Ё Ж З И Й К Л М Н О П Р С Т У Ф Х Ц Ч Ш Щ Ъ Ы Ь Э Ю Я",
		"en": "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
	} {
		letters := strings.Fields(alphabet)
		sorted := slices.Clone(letters)
		slices.Reverse(sorted)
		c.Lang(code).Collator().SortStrings(sorted)
		if !slices.Equal(sorted, letters) {
			t.Errorf("%s sorts\n  %v, the alphabet is\n  %v", code, sorted, letters)
		}
	}
	names := []string{"K-10", "K-2", "Яна", "Ілияс", "Үміт", "Ақан", "Әсел"}
	c.Lang("kk").Collator().SortStrings(names)
	if got := strings.Join(names, " "); got != "K-2 K-10 Ақан Әсел Үміт Ілияс Яна" {
		t.Error(got)
	}
}
