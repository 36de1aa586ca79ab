// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// tokenKind says what a word or a figure of a written date is.
type tokenKind uint8

const (
	tokFiller  tokenKind = iota // says nothing: "of", "г.", a comma
	tokNumber                   // a day or a year
	tokFigures                  // day, month and year in figures, any of them 0
	tokDotted                   // 14.30 or 14.01: a time, or a day and a month
	tokPair                     // 2021/22
	tokDecade                   // 1970s: n is 197
	tokClock                    // a time of day
	tokMonth                    // n from 1
	tokSeason                   // n as EDTF has it, 21 to 24
	tokThird                    // n 0 to 2: beginning, middle, end
	tokYear                     // the word "year"
	tokWeekday                  // n from 1, Monday
	tokAbout
	tokUnsure
	tokNoDay   // the day is not known
	tokNoMonth // the month is not known
	tokNoYear  // the year is not known
	tokNoDate  // the exact date is not known

	// What stands between and around dates.
	tokFrom      // from then on
	tokNotBefore // then or later
	tokAfter     // later
	tokUpTo      // then or earlier
	tokBefore    // earlier
	tokDash
	tokAnd
	tokOr
	tokSlash // 4/5 January
	tokBetween
	tokNight
	tokTowards // the day in which a night ends
	tokOnward  // until the present

	// What no date can be made of; each has an explanation of its own.
	tokDayPart  // morning, evening
	tokRelative // yesterday
)

// wordForm is the Kazakh case that ends one date before another begins:
// "4-нен 5 қаңтарға".
type wordForm uint8

const (
	formOther wordForm = iota
	formAway           // ablative
	formTo             // dative
)

// token is a word or a figure of a written date with its meaning.
type token struct {
	kind             tokenKind
	n                int
	year, month, day int
	form             wordForm
	after            bool   // belongs to the date before it: Kazakh postpositions, a question mark
	short            bool   // a year of two figures
	text             string // a time of day in EDTF
}

// longestPhrase is the number of words of the longest phrase of readWords.
const longestPhrase = 5

// readWords are the words in which people write dates, in three languages,
// folded as readFold does.
var readWords = sync.OnceValue(func() map[string]token {
	words := map[string]token{}
	put := func(t token, phrases ...string) {
		for _, p := range phrases {
			words[readFold(p)] = t
		}
	}
	list := func(s string) []string { return strings.Split(s, "|") }

	put(token{}, list("of|the|in|on|at|and on|onwards|day|dated|month of|в|во|числа|число|месяц|месяца|месяце|день|күн|күні|күнгі|айы|айының|айында|айынан|айына|сағат")...)
	put(token{kind: tokYear}, list("year|years|г|гг|год|года|году|годом|годы|годов|годах|ж|жж|жыл|жылы|жылғы|жылдың|жылда|жылдар|жылдары|жылында|жылының")...)
	put(token{kind: tokYear, form: formAway}, "жылдан", "жылынан")
	put(token{kind: tokYear, form: formTo}, "жылға", "жылына")

	for i, name := range enMonths {
		put(token{kind: tokMonth, n: i + 1}, name, name[:3])
	}
	put(token{kind: tokMonth, n: 9}, "sept")
	for i, name := range ruMonths {
		// январь, января, январю, январём, январе; март, марта, марту, мартом, марте
		stem := strings.TrimSuffix(name, "ь")
		for _, end := range list("ь|я|ю|ем|е|а|у|ом|") {
			put(token{kind: tokMonth, n: i + 1}, stem+end)
		}
	}
	put(token{kind: tokMonth, n: 5}, list("мая|маю|маем|мае")...)
	for i, short := range list("янв|фев|мар|апр|май|июн|июл|авг|сен|окт|ноя|дек") {
		put(token{kind: tokMonth, n: i + 1}, short)
	}
	put(token{kind: tokMonth, n: 2}, "февр")
	put(token{kind: tokMonth, n: 9}, "сент")
	put(token{kind: tokMonth, n: 11}, "нояб")
	for i, name := range kkMonths {
		put(token{kind: tokMonth, n: i + 1}, name, string([]rune(name)[:3]))
	}
	for _, t := range []struct {
		kind  tokenKind
		first int
		words []string
	}{
		{tokMonth, 1, kkMonths[:]},
		{tokSeason, 21, kkSeason[:]},
	} {
		for n, word := range t.words {
			for _, end := range list("|ы|і|сы|сі|ның|нің|дың|дің|тың|тің|ының|інің|да|де|та|те|ында|інде|дағы|дегі|тағы|тегі|ындағы|індегі|ғы|гі|қы|кі|ын|ін|ды|ді|ты|ті|ны|ні") {
				put(token{kind: t.kind, n: t.first + n}, word+end)
			}
			for _, end := range list("дан|ден|тан|тен|нан|нен|ынан|інен") {
				put(token{kind: t.kind, n: t.first + n, form: formAway}, word+end)
			}
			for _, end := range list("ға|ге|қа|ке|ына|іне") {
				put(token{kind: t.kind, n: t.first + n, form: formTo}, word+end)
			}
		}
	}
	put(token{kind: tokSeason, n: 21}, list("spring|весна|весны|весне|весну|весной|весною")...)
	put(token{kind: tokSeason, n: 22}, list("summer|лето|лета|лету|летом|лете")...)
	put(token{kind: tokSeason, n: 23}, list("autumn|fall|осень|осени|осенью")...)
	put(token{kind: tokSeason, n: 24}, list("winter|зима|зимы|зиме|зиму|зимой|зимою")...)

	put(token{kind: tokThird, n: 0}, list("early|beginning|start|the beginning|начало|начала|начале|началу|началом|басы|басында|басынан|басына|басындағы")...)
	put(token{kind: tokThird, n: 1}, list("mid|middle|середина|середины|середине|середину|серединой|ортасы|ортасында|ортасынан|ортасына|ортасындағы")...)
	put(token{kind: tokThird, n: 2}, list("late|end|конец|конца|конце|концу|концом|соңы|соңында|соңынан|соңына|соңындағы|аяғы|аяғында|аяғынан|аяғына")...)
	for _, end := range list("басынан|ортасынан|соңынан|аяғынан") {
		t := words[readFold(end)]
		t.form = formAway
		put(t, end)
	}

	for i, day := range []string{
		"monday|mon|понедельник|понедельника|пн|дүйсенбі", "tuesday|tue|вторник|вторника|вт|сейсенбі",
		"wednesday|wed|среда|среду|среды|ср|сәрсенбі", "thursday|thu|четверг|четверга|чт|бейсенбі",
		"friday|fri|пятница|пятницу|пятницы|пт|жұма", "saturday|sat|суббота|субботу|субботы|сб|сенбі",
		"sunday|sun|воскресенье|воскресенья|вс|жексенбі",
	} {
		put(token{kind: tokWeekday, n: i + 1}, list(day)...)
	}

	put(token{kind: tokAbout}, list("about|around|circa|ca|c|approx|approximately|roughly|около|примерно|приблизительно|ориентировочно|шамамен")...)
	put(token{kind: tokAbout, after: true}, list("шамасында|шамасы|маңында|жуық|таман|or so")...)
	put(token{kind: tokUnsure}, list("perhaps|possibly|probably|maybe|возможно|вероятно|предположительно|кажется|мүмкін|бәлкім")...)
	put(token{kind: tokUnsure, after: true}, list("uncertain|not certain|not sure|под вопросом|не точно|неточно|күмәнді|дәл емес")...)

	put(token{kind: tokNoDay}, list("some day|some day in|some time in|sometime in|day unknown|day not known|the day is not known|day is not known|unknown day|день неизвестен|день не известен|число неизвестно|число не известно|какой-то день|неизвестный день|неизвестного числа|күні белгісіз|бір күні|белгісіз күні")...)
	put(token{kind: tokNoMonth}, list("month unknown|month not known|the month is not known|unknown month|месяц неизвестен|месяц не известен|айы белгісіз")...)
	put(token{kind: tokNoYear}, list("year unknown|year not known|год неизвестен|год не известен|жылы белгісіз")...)
	put(token{kind: tokNoDate}, list("exact date unknown|exact date not known|exact day unknown|exact day not known|точная дата неизвестна|точная дата не известна|точный день неизвестен|нақты күні белгісіз|дәл күні белгісіз")...)

	put(token{kind: tokFrom}, list("from|since|starting|beginning from|starting from|с|со|от|начиная с|начиная со")...)
	put(token{kind: tokFrom, after: true}, list("бастап|бері")...)
	put(token{kind: tokNotBefore}, list("not before|no earlier than|not earlier than|не ранее|не раньше|не ранее чем|не раньше чем")...)
	put(token{kind: tokNotBefore, after: true}, list("ерте емес|бұрын емес")...)
	put(token{kind: tokAfter}, list("after|later than|после|позже|позднее")...)
	put(token{kind: tokAfter, after: true}, list("кейін|соң")...)
	put(token{kind: tokUpTo}, list("to|until|till|through|thru|by|not after|no later than|not later than|по|до|к|не позднее|не позже|не позднее чем|не позже чем")...)
	put(token{kind: tokUpTo, after: true}, list("дейін|шейін|кеш емес|кешіктірмей|кешікпей")...)
	put(token{kind: tokBefore}, list("before|earlier than|раньше|ранее")...)
	put(token{kind: tokBefore, after: true}, list("бұрын|ерте")...)
	put(token{kind: tokAnd}, list("and|и|мен|бен|пен|және")...)
	put(token{kind: tokOr}, list("or|или|либо|немесе|не|болмаса")...)
	put(token{kind: tokBetween}, list("between|между")...)
	put(token{kind: tokBetween, after: true}, list("аралығында|аралығы|арасында")...)
	put(token{kind: tokNight}, list("night|overnight|night of|night from|night between|ночь|ночью|ночи|түні|түн|түнде|түнінде")...)
	put(token{kind: tokTowards}, "на")
	put(token{kind: tokTowards, after: true}, "қараған")
	put(token{kind: tokOnward}, list("to the present|to present|to now|till now|until now|to date|until today|up to now|present|now|по настоящее время|по сей день|до сих пор|до настоящего времени|настоящее время|осы күнге дейін|қазірге дейін|бүгінге дейін")...)

	put(token{kind: tokDayPart}, list("morning|afternoon|evening|noon|midnight|утро|утром|утра|днём|вечер|вечером|вечера|полдень|полночь|таңертең|таң|кешке|кеш|түсте|кешқұрым")...)
	put(token{kind: tokRelative}, list("today|week|weeks|неделя|неделе|неделю|недели|апта|аптада|yesterday|tomorrow|ago|last|next|this|сегодня|вчера|позавчера|завтра|назад|прошлый|прошлого|этого|бүгін|кеше|ертең|бұрнағы|өткен|биыл|былтыр")...)
	return words
})

// numberEnds are the endings that follow the figures of a day, with or
// without a hyphen: 4-го, 5-нен, 4th.
var numberEnds = sync.OnceValue(func() map[string]wordForm {
	ends := map[string]wordForm{}
	for form, list := range map[wordForm]string{
		formOther: "е|ое|го|ого|му|ому|м|ом|й|ый|я|ая|st|nd|rd|th|ы|і|сы|сі|ның|нің|дың|дің|тың|тің|ында|інде|да|де|та|те|сында|сінде|ші|шы",
		formAway:  "дан|ден|тан|тен|нан|нен|ынан|інен|сынан|сінен",
		formTo:    "ға|ге|қа|ке|на|не|ына|іне|сына|сіне",
	} {
		for end := range strings.SplitSeq(list, "|") {
			ends[readFold(end)] = form
		}
	}
	return ends
})

// decadeEnds are the endings of a decade: 1970s, 1970-е, 1970-жылдар.
var decadeEnds = sync.OnceValue(func() map[string]wordForm {
	ends := map[string]wordForm{}
	for form, list := range map[wordForm]string{
		formOther: "s|е|х|ые|ых|жылдар|жылдары|жылдарда|жылдарында|жылдардың",
		formAway:  "жылдардан|жылдарынан",
		formTo:    "жылдарға|жылдарына",
	} {
		for end := range strings.SplitSeq(list, "|") {
			ends[readFold(end)] = form
		}
	}
	return ends
})

// readFold makes one letter of those that people type for one another: capital
// and small, ё and е, and the Kazakh letters that Russian keyboards lack and
// the Russian ones typed for them. It changes letter by letter, so that places
// in the folded text are places in the text.
func readFold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); r {
		case 'ё':
			return 'е'
		case '‐', '‑', '‒', '–', '—', '―', '−':
			return '-'
		}
		return RussianLetter(r)
	}, s)
}

// readSpaces composes letters and leaves single spaces between words.
func readSpaces(s string) string {
	return strings.Join(strings.Fields(norm.NFC.String(s)), " ")
}

// missingWords are the words that stand for a date, or anything else, that is not there.
var missingWords = sync.OnceValue(func() map[string]string {
	words := map[string]string{}
	for code, list := range map[string]string{
		"unknown": "unknown|not known|don't know|do not know|does not know|date unknown|date not known|not remembered|does not remember|" +
			"неизвестно|не известно|неизвестна|дата неизвестна|дата не известна|не знает|не знаю|не помнит|не помню|не установлено|не установлена|" +
			"белгісіз|күні белгісіз|білмейді|білмеймін|есінде жоқ|есімде жоқ|анықталмаған|анықталмады",
		"not_asked": "not asked|not_asked|was not asked|wasn't asked|" +
			"не спрашивали|не спросили|не спрошено|не спрашивалось|не спрашивал|не спрашивала|" +
			"сұралмаған|сұралмады|сұрамады|сұраған жоқ|сұрамадық",
		"declined": "declined|answer declined|declined to answer|refused to answer|would not say|prefers not to say|prefer not to say|" +
			"отказ от ответа|отказался отвечать|отказалась отвечать|отказался ответить|отказалась ответить|не захотел отвечать|не захотела отвечать|не стал отвечать|не стала отвечать|" +
			"жауап беруден бас тартты|жауаптан бас тартты|айтқысы келмеді|жауап бергісі келмеді",
	} {
		for phrase := range strings.SplitSeq(list, "|") {
			words[readFold(phrase)] = code
		}
	}
	return words
})

// ReadMissing reports whether a text says, in any of the three languages, that
// there is nothing to write, and which of the codebook's codes says the same:
// "unknown" (asked and not known), "not_asked" or "declined". An empty text
// says nothing: what is not recorded is none of the three.
func ReadMissing(text string) (code string, ok bool) {
	s := strings.Trim(readSpaces(text), " .,;()")
	code, ok = missingWords()[readFold(strings.ReplaceAll(s, "’", "'"))]
	return code, ok
}
