// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

// LevelText says a level of a FieldWeight in lang ("en", "ru", "kk"), English
// for any other; a code it does not know is returned as it is.
func LevelText(level, lang string) string {
	t, ok := levelTexts[level]
	if !ok {
		return level
	}
	switch lang {
	case "ru":
		return t[1]
	case "kk":
		return t[2]
	}
	return t[0]
}

var levelTexts = map[string][3]string{
	"same":       {"the same", "совпадает", "бірдей"},
	"variant":    {"another spelling", "другое написание", "басқаша жазылған"},
	"typo":       {"a typing error apart", "отличается опечаткой", "бір қате әріп айырмасы бар"},
	"initial":    {"the initial agrees", "инициал совпадает", "бас әрпі сәйкес"},
	"different":  {"different", "различается", "әртүрлі"},
	"missing":    {"not known on one side: says nothing", "с одной стороны не известно: ничего не значит", "бір жағында белгісіз: ештеңені білдірмейді"},
	"day":        {"the same day", "тот же день", "сол күн"},
	"year":       {"agrees as far as it is known", "совпадает, насколько известно", "белгілі шамада сәйкес"},
	"slip":       {"one digit or letter apart", "отличается одной цифрой или буквой", "бір цифр не әріп айырмасы бар"},
	"day_month":  {"the same birthday in another year", "тот же день и месяц другого года", "сол күн мен ай, басқа жыл"},
	"near":       {"close", "близко", "жақын"},
	"overlap":    {"may be the same day", "возможно, тот же день", "сол күн болуы мүмкін"},
	"all":        {"all the same", "полностью совпадает", "толық сәйкес"},
	"some":       {"partly the same", "совпадает частично", "ішінара сәйкес"},
	"none":       {"nothing in common", "ничего общего", "ортақ ештеңе жоқ"},
	"close":      {"very similar", "очень похоже", "өте ұқсас"},
	"alike":      {"similar", "похоже", "ұқсас"},
	"other_list": {"from two lists", "из двух списков", "екі тізімнен"},
	"same_list":  {"from one list, where one person seldom stands twice", "из одного списка, где один человек редко записан дважды", "бір тізімнен: онда бір адам сирек қайталанады"},
}
