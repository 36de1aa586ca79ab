// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/edtf"
)

// sample is a statement in one language with everything a document can have.
// All people in it are invented.
func sample(lang string) Document {
	s := samples[lang]
	day, err := edtf.NewDay(2022, 6, 24)
	if err != nil {
		panic(err)
	}
	fig := func(id, text string) Figure {
		return Figure{ID: id, Text: text, Definition: s[id], Href: "https://kua.example/statements/7#" + id}
	}
	number := func(id, text string) Cell { return Cell{Text: []Inline{fig(id, text)}} }
	drawing := chart.Bars(chart.Frame{ID: "stages", Title: s["chart"], Desc: s["alt"]}, []chart.Bar{
		{Label: s["row.reports"], Value: 164},
		{Label: s["row.registered"], Value: 69},
		{Label: s["row.examined"], Value: 52, Href: "/cases?figure=registered_146_exam_ordered"},
		{Label: s["row.rest"], Value: 88, Rest: true},
	})
	return Document{
		Lang: lang, Title: s["title"], Subtitle: s["subtitle"], Dateline: s["dateline"], Date: day, Head: s["head"],
		Notes: []Note{{ID: "period", Text: []Inline{Plain(s["period"]), Plain(" "), Link{Href: "https://kua.example/method", Text: Words("kua.example/method")}, Plain(".")}}},
		Blocks: []Block{
			Paragraph{Text: []Inline{Strong(Words(s["lead"])), NoteRef{"period"}}},
			Heading{Level: 1, ID: "known", Text: Words(s["h.known"])},
			Paragraph{Text: []Inline{
				Plain(s["known.1"]), fig("reports", s["n.reports"]), Plain(s["known.2"]), fig("registered_146", s["n.registered"]),
				Plain(s["known.3"]), fig("exam", s["n.exam"]), Plain(s["known.4"]), fig("reports", s["n.reports"]), Plain("."),
			}},
			Table{
				Caption:  Words(s["table"]),
				Columns:  []Column{{}, {Number: true}, {Number: true}},
				Head:     [][]Cell{{{}, {Text: Words(s["col.both"]), Span: 2}}, Row(s["col.stage"], s["col.ours"], s["col.official"])},
				RowHeads: true,
				Rows: [][]Cell{
					{{Text: Words(s["row.reports"])}, number("reports", "164"), {Text: Words("301")}},
					{{Text: Words(s["row.registered"])}, number("registered_146", "69"), {Text: Words("243")}},
					{{Text: Words(s["row.examined"])}, number("exam", "52"), {Text: Words("—")}},
				},
				Rest:   Row(s["row.rest"], "88", "58"),
				Source: Words(s["source"]),
			},
			Picture{SVG: drawing, Alt: s["alt"], Caption: Words(s["chart"]), Source: Words(s["source"])},
			Heading{Level: 2, Text: Words(s["h.story"])},
			Quote{
				Blocks: []Block{Paragraph{Text: Words(s["story.1"])}, Paragraph{Text: []Inline{Plain(s["story.2"]), Emphasis(Words(s["story.3"]))}}},
				By:     Words(s["story.by"]),
			},
			Rule{},
			Heading{Level: 1, Text: Words(s["h.ask"])},
			Paragraph{Text: []Inline{Plain(s["ask"]), Link{Href: "#known", Text: Words(s["ask.link"])}, Plain(s["ask.end"])}},
			List{Ordered: true, Items: [][]Block{
				{Paragraph{Text: Words(s["ask.1"])}},
				{Paragraph{Text: Words(s["ask.2"])}, List{Items: [][]Block{
					{Paragraph{Text: Words(s["ask.2a"])}}, {Paragraph{Text: Words(s["ask.2b"])}},
				}}},
			}},
			PageBreak{},
			Paragraph{Place: Address, Text: []Inline{Plain(s["to.1"]), Break{}, Plain(s["to.2"])}},
			Paragraph{Place: Centre, Text: []Inline{Strong{Emphasis(Words(s["centre"]))}}},
			Paragraph{Place: Small, Text: Words(s["small"])},
		},
	}
}

var samples = map[string]map[string]string{
	"en": {
		"title": "Torture goes unpunished", "subtitle": "Joint statement of the coalition", "dateline": "Almaty, 24 June 2022", "head": "Draft: not for publication",
		"period":         "Figures count events up to 17 May 2022 that the register knew by that day. How they are counted:",
		"reports":        "Reports of torture and other ill-treatment that the coalition registered.",
		"registered_146": "Reports entered in the Unified Register of Pre-Trial Investigations under article 146 of the Criminal Code.",
		"exam":           "Of the reports registered under article 146, those in which a forensic medical examination was ordered.",
		"lead":           "Half a year after the January events nobody has been convicted of torture.",
		"h.known":        "What is known", "known.1": "By 17 May the coalition had registered ", "n.reports": "164 reports", "known.2": ", of which ",
		"n.registered": "sixty-nine", "known.3": " were entered in the register of investigations; in ", "n.exam": "52", "known.4": " an examination was ordered. Once more: ",
		"table": "From the report to the examination", "col.both": "Number of cases", "col.stage": "Stage", "col.ours": "Coalition", "col.official": "Official",
		"row.reports": "Reports", "row.registered": "Registered under article 146", "row.examined": "Examination ordered", "row.rest": "No registration known",
		"source": "the coalition's register; Prosecutor General's Office, 14 March 2022", "chart": "How far the reports went",
		"alt":     "Four bars: 164 reports, 69 registered, 52 examined, 88 without a registration",
		"h.story": "One of them", "story.1": "A. was detained near his house on 7 January and taken to the police department.",
		"story.2": "“They beat me with a hose and asked who had paid me,” he said. ", "story.3": "He was not examined until March.", "story.by": "A., 31, Almaty. The name is not his own.",
		"h.ask": "What we ask for", "ask": "In view of ", "ask.link": "what is known", "ask.end": " we ask the authorities to:", "ask.1": "register every report;", "ask.2": "investigate:", "ask.2a": "within the time the law allows,", "ask.2b": "by a body that has no part in it.",
		"to.1": "To the Prosecutor General", "to.2": "14 Mangilik El Avenue, Astana", "centre": "Nobody may be tortured", "small": "This statement may be reprinted with its source.",
	},
	"ru": {
		"title": "Пытки остаются безнаказанными", "subtitle": "Совместное заявление коалиции", "dateline": "Алматы, 24 июня 2022 г.", "head": "Проект: не для публикации",
		"period":         "Учтены события по 17 мая 2022 г., известные реестру на этот день. Как мы считаем:",
		"reports":        "Сообщения о пытках и ином жестоком обращении, зарегистрированные коалицией.",
		"registered_146": "Сообщения, зарегистрированные в Едином реестре досудебных расследований по статье 146 Уголовного кодекса.",
		"exam":           "Из зарегистрированных по статье 146 — те, по которым назначена судебно-медицинская экспертиза.",
		"lead":           "Через полгода после январских событий за пытки не осуждён никто.",
		"h.known":        "Что известно", "known.1": "На 17 мая коалиция зарегистрировала ", "n.reports": "164 сообщения", "known.2": ", из них ",
		"n.registered": "шестьдесят девять", "known.3": " внесены в реестр расследований; по ", "n.exam": "52", "known.4": " назначена экспертиза. Ещё раз: ",
		"table": "От сообщения до экспертизы", "col.both": "Число дел", "col.stage": "Этап", "col.ours": "Коалиция", "col.official": "Официально",
		"row.reports": "Сообщения", "row.registered": "Зарегистрированы по статье 146", "row.examined": "Назначена экспертиза", "row.rest": "О регистрации не известно",
		"source": "реестр коалиции; Генеральная прокуратура, 14 марта 2022 г.", "chart": "Как далеко продвинулись сообщения",
		"alt":     "Четыре полосы: 164 сообщения, 69 зарегистрированы, по 52 назначена экспертиза, о регистрации 88 не известно",
		"h.story": "Один из них", "story.1": "А. задержали у дома 7 января и отвезли в управление полиции.",
		"story.2": "«Били шлангом и спрашивали, кто мне заплатил», — рассказал он. ", "story.3": "Освидетельствовали его только в марте.", "story.by": "А., 31 год, Алматы. Имя изменено.",
		"h.ask": "Чего мы требуем", "ask": "Учитывая то, ", "ask.link": "что известно", "ask.end": ", мы требуем от властей:", "ask.1": "регистрировать каждое сообщение;", "ask.2": "расследовать их:", "ask.2a": "в сроки, которые даёт закон,", "ask.2b": "силами органа, который сам в них не замешан.",
		"to.1": "Генеральному прокурору", "to.2": "г. Астана, пр. Мәңгілік Ел, 14", "centre": "Никто не должен подвергаться пыткам", "small": "Перепечатка разрешена со ссылкой на источник.",
	},
	"kk": {
		"title": "Азаптау жазасыз қалып отыр", "subtitle": "Коалицияның бірлескен мәлімдемесі", "dateline": "Алматы, 2022 жылғы 24 маусым", "head": "Жоба: жариялауға арналмаған",
		"period":         "2022 жылғы 17 мамырға дейінгі, сол күні тізілімге белгілі болған оқиғалар есептелді. Қалай санаймыз:",
		"reports":        "Азаптау және өзге де қатыгез қарау туралы коалиция тіркеген хабарлар.",
		"registered_146": "Қылмыстық кодекстің 146-бабы бойынша Сотқа дейінгі тергеп-тексерулердің бірыңғай тізілімінде тіркелген хабарлар.",
		"exam":           "146-бап бойынша тіркелгендердің ішінде сот-медициналық сараптама тағайындалғандары.",
		"lead":           "Қаңтар оқиғасынан жарты жыл өтсе де, азаптағаны үшін ешкім сотталған жоқ.",
		"h.known":        "Не белгілі", "known.1": "17 мамырға коалиция ", "n.reports": "164 хабар", "known.2": " тіркеді, оның ",
		"n.registered": "алпыс тоғызы", "known.3": " тергеп-тексерулер тізіліміне енгізілді; ", "n.exam": "52-сінде", "known.4": " сараптама тағайындалды. Тағы да: ",
		"table": "Хабардан сараптамаға дейін", "col.both": "Іс саны", "col.stage": "Кезең", "col.ours": "Коалиция", "col.official": "Ресми",
		"row.reports": "Хабарлар", "row.registered": "146-бап бойынша тіркелген", "row.examined": "Сараптама тағайындалған", "row.rest": "Тіркелгені белгісіз",
		"source": "коалицияның тізілімі; Бас прокуратура, 2022 жылғы 14 наурыз", "chart": "Хабарлар қай кезеңге жетті",
		"alt":     "Төрт жолақ: 164 хабар, 69-ы тіркелген, 52-сінде сараптама тағайындалған, 88-інің тіркелгені белгісіз",
		"h.story": "Солардың бірі", "story.1": "А. 7 қаңтарда үйінің жанында ұсталып, полиция басқармасына жеткізілді.",
		"story.2": "«Шлангымен ұрып, кімнен ақша алғанымды сұрады», — деді ол. ", "story.3": "Оны тек наурызда куәландырды.", "story.by": "А., 31 жаста, Алматы. Есімі өзгертілген.",
		"h.ask": "Не талап етеміз", "ask": "", "ask.link": "Белгілі болғанды", "ask.end": " ескере отырып, биліктен талап етеміз:", "ask.1": "әр хабарды тіркеуді;", "ask.2": "тергеуді:", "ask.2a": "заң берген мерзімде,", "ask.2b": "іске қатысы жоқ органның күшімен.",
		"to.1": "Бас прокурорға", "to.2": "Астана қ., Мәңгілік Ел даңғылы, 14", "centre": "Ешкім азапталмауға тиіс", "small": "Дереккөзі көрсетілсе, көшіріп басуға рұқсат.",
	},
}
