// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "strings"

// How Russian declines numbers and what follows them: Русская грамматика (1980),
// т. I, «Имя числительное. Склонение»; Д. Э. Розенталь, Справочник по
// правописанию и литературной правке, «Сочетание числительного с существительным».
// Forms stand in the order of the cases: nominative, genitive, dative,
// accusative, instrumental, prepositional.

type ruForms [6]string

var (
	ruZero = ruForms{"ноль", "ноля", "нолю", "ноль", "нолём", "ноле"}
	ruOne  = [3]ruForms{
		Masculine: {"один", "одного", "одному", "один", "одним", "одном"},
		Feminine:  {"одна", "одной", "одной", "одну", "одной", "одной"},
		Neuter:    {"одно", "одного", "одному", "одно", "одним", "одном"},
	}
	ruDigits = [10]ruForms{
		2: {"два", "двух", "двум", "два", "двумя", "двух"},
		3: {"три", "трёх", "трём", "три", "тремя", "трёх"},
		4: {"четыре", "четырёх", "четырём", "четыре", "четырьмя", "четырёх"},
		5: ruSoft("пят"),
		6: ruSoft("шест"),
		7: ruSoft("сем"),
		8: {"восемь", "восьми", "восьми", "восемь", "восемью", "восьми"},
		9: ruSoft("девят"),
	}
	ruTeens = [10]ruForms{
		ruSoft("десят"), ruSoft("одиннадцат"), ruSoft("двенадцат"), ruSoft("тринадцат"), ruSoft("четырнадцат"),
		ruSoft("пятнадцат"), ruSoft("шестнадцат"), ruSoft("семнадцат"), ruSoft("восемнадцат"), ruSoft("девятнадцат"),
	}
	ruTens = [10]ruForms{
		2: ruSoft("двадцат"),
		3: ruSoft("тридцат"),
		4: ruShort("сорок", "сорока"),
		5: ruBoth("пятьдесят", "пятидесяти", "пятьюдесятью"),
		6: ruBoth("шестьдесят", "шестидесяти", "шестьюдесятью"),
		7: ruBoth("семьдесят", "семидесяти", "семьюдесятью"),
		8: ruBoth("восемьдесят", "восьмидесяти", "восемьюдесятью"),
		9: ruShort("девяносто", "девяноста"),
	}
	ruHundreds = [10]ruForms{
		1: ruShort("сто", "ста"),
		2: {"двести", "двухсот", "двумстам", "двести", "двумястами", "двухстах"},
		3: {"триста", "трёхсот", "трёмстам", "триста", "тремястами", "трёхстах"},
		4: {"четыреста", "четырёхсот", "четырёмстам", "четыреста", "четырьмястами", "четырёхстах"},
		5: ruFiveHundred("пятьсот", "пяти", "пятью"),
		6: ruFiveHundred("шестьсот", "шести", "шестью"),
		7: ruFiveHundred("семьсот", "семи", "семью"),
		8: ruFiveHundred("восемьсот", "восьми", "восемью"),
		9: ruFiveHundred("девятьсот", "девяти", "девятью"),
	}
	ruThousand = noun{
		gender: Feminine,
		One:    []string{"тысяча", "тысячи", "тысяче", "тысячу", "тысячей", "тысяче"},
		Many:   []string{"тысячи", "тысяч", "тысячам", "тысячи", "тысячами", "тысячах"},
	}
	ruMillion = noun{
		gender: Masculine,
		One:    []string{"миллион", "миллиона", "миллиону", "миллион", "миллионом", "миллионе"},
		Many:   []string{"миллионы", "миллионов", "миллионам", "миллионы", "миллионами", "миллионах"},
	}
)

func ruSoft(stem string) ruForms {
	return ruForms{stem + "ь", stem + "и", stem + "и", stem + "ь", stem + "ью", stem + "и"}
}

func ruShort(plain, other string) ruForms {
	return ruForms{plain, other, other, plain, other, other}
}

func ruBoth(plain, other, with string) ruForms {
	return ruForms{plain, other, other, plain, with, other}
}

func ruFiveHundred(plain, other, with string) ruForms {
	return ruForms{plain, other + "сот", other + "стам", plain, with + "стами", other + "стах"}
}

// ruCase is the case as Russian has it.
func ruCase(c Case) Case {
	if c == Ablative {
		return Genitive
	}
	return c
}

func ruCardinal(n int, g Grammar) string {
	c := ruCase(g.Case)
	if n == 0 {
		return ruZero[c]
	}
	millions, thousands, units := triples(n)
	var parts []string
	for _, scale := range []struct {
		n    int
		noun noun
	}{{millions, ruMillion}, {thousands, ruThousand}} {
		switch {
		case scale.n == 1: // "тысяча", not "одна тысяча"
			parts = append(parts, scale.noun.One[c])
		case scale.n > 1:
			parts = append(parts, ruTriple(scale.n, c, scale.noun.gender, false), ruNoun(scale.noun, scale.n, c))
		}
	}
	parts = append(parts, ruTriple(units, c, g.Gender, g.Animate && n < 5))
	if last := len(parts) - 1; g.Animate && g.Gender == Masculine && c == Accusative && ruEnds(n) == 1 {
		parts[last] = strings.TrimSuffix(parts[last], ruOne[Masculine][Nominative]) + ruOne[Masculine][Genitive]
	}
	return join(parts...)
}

// ruTriple writes a number below 1000. That people are counted is heard in the
// accusative of два, три, четыре, but not where they end a compound: "двух
// человек", "двадцать два человека".
func ruTriple(n int, c Case, gender Gender, animate bool) string {
	parts := []string{ruHundreds[n/100][c]}
	tens, ones := n/10%10, n%10
	if tens == 1 {
		parts = append(parts, ruTeens[ones][c])
	} else {
		parts = append(parts, ruTens[tens][c])
		switch {
		case ones == 1:
			parts = append(parts, ruOne[gender][c])
		case ones == 2 && gender == Feminine && (c == Nominative || c == Accusative && !animate):
			parts = append(parts, "две")
		case ones >= 2 && ones <= 4 && c == Accusative && animate:
			parts = append(parts, ruDigits[ones][Genitive])
		default:
			parts = append(parts, ruDigits[ones][c])
		}
	}
	return join(parts...)
}

// ruEnds is 1 for numbers that end in один, 2 for those that end in два, три,
// четыре, 5 for all others.
func ruEnds(n int) int {
	switch ones, tens := n%10, n/10%10; {
	case tens == 1 || ones == 0 || ones > 4:
		return 5
	case ones == 1:
		return 1
	}
	return 2
}

// ruNoun returns the form of a noun that goes with a number.
func ruNoun(w noun, n int, c Case) string {
	c = ruCase(c)
	ends := ruEnds(n)
	direct := c == Nominative || c == Accusative
	switch {
	case n == 0 || n%1000 == 0: // ноль, тысяча, миллион are nouns themselves
		return w.counted(Genitive)
	case ends == 1:
		return w.One[c]
	case direct && c == Accusative && w.Animate && n < 5:
		return w.counted(Genitive)
	case direct && ends == 2 && w.Few != "":
		return w.Few
	case direct && ends == 2:
		return w.One[Genitive]
	case direct:
		return w.counted(Genitive)
	}
	return w.counted(c)
}

// ruOrdinals are the ordinals without their endings; those whose ending is
// stressed have a "!", третий is declined by itself.
var (
	ruOrdinalDigits   = [10]string{"нулев!", "перв", "втор!", "трет", "четвёрт", "пят", "шест!", "седьм!", "восьм!", "девят"}
	ruOrdinalTeens    = [10]string{"десят", "одиннадцат", "двенадцат", "тринадцат", "четырнадцат", "пятнадцат", "шестнадцат", "семнадцат", "восемнадцат", "девятнадцат"}
	ruOrdinalTens     = [10]string{2: "двадцат", 3: "тридцат", 4: "сороков!", 5: "пятидесят", 6: "шестидесят", 7: "семидесят", 8: "восьмидесят", 9: "девяност"}
	ruOrdinalHundreds = [10]string{1: "сот", 2: "двухсот", 3: "трёхсот", 4: "четырёхсот", 5: "пятисот", 6: "шестисот", 7: "семисот", 8: "восьмисот", 9: "девятисот"}

	ruAdjective = [3]ruForms{
		Masculine: {"ый", "ого", "ому", "ый", "ым", "ом"},
		Feminine:  {"ая", "ой", "ой", "ую", "ой", "ой"},
		Neuter:    {"ое", "ого", "ому", "ое", "ым", "ом"},
	}
	ruThird = [3]ruForms{
		Masculine: {"ий", "ьего", "ьему", "ий", "ьим", "ьем"},
		Feminine:  {"ья", "ьей", "ьей", "ью", "ьей", "ьей"},
		Neuter:    {"ье", "ьего", "ьему", "ье", "ьим", "ьем"},
	}
	ruMarks = [3]ruForms{
		Masculine: {"й", "го", "му", "й", "м", "м"},
		Feminine:  {"я", "й", "й", "ю", "й", "й"},
		Neuter:    {"е", "го", "му", "е", "м", "м"},
	}
)

// ruOrdinalMark is what digits take after a hyphen: the last letter of the
// ordinal, or two where the last but one is a consonant (Розенталь, Справочник,
// «Наращение падежного окончания»).
func ruOrdinalMark(g Grammar) string { return ruMarks[g.Gender][ruOrdinalCase(g)] }

func ruOrdinalCase(g Grammar) Case {
	c := ruCase(g.Case)
	if c == Accusative && g.Animate && g.Gender == Masculine {
		return Genitive
	}
	return c
}

// ruOrdinal makes the last word of a number an ordinal; those before it stay as they are.
func ruOrdinal(n int, g Grammar) string {
	head, stem := 0, ""
	switch {
	case n == 0:
		stem = ruOrdinalDigits[0]
	case n%1_000_000 == 0:
		stem = ruJoined(n/1_000_000) + "миллионн"
	case n%1000 == 0:
		head, stem = n/1_000_000*1_000_000, ruJoined(n/1000%1000)+"тысячн"
	case n%100 == 0:
		head, stem = n/1000*1000, ruOrdinalHundreds[n/100%10]
	case n/10%10 == 1:
		head, stem = n/100*100, ruOrdinalTeens[n%10]
	case n%10 == 0:
		head, stem = n/100*100, ruOrdinalTens[n/10%10]
	default:
		head, stem = n/10*10, ruOrdinalDigits[n%10]
	}
	c := ruOrdinalCase(g)
	ending := ruAdjective[g.Gender][c]
	switch short, stressed := strings.CutSuffix(stem, "!"); {
	case stem == "трет":
		ending = ruThird[g.Gender][c]
	case stressed:
		stem = short
		if ending == "ый" {
			ending = "ой"
		}
	}
	if head == 0 {
		return stem + ending
	}
	return ruCardinal(head, Grammar{}) + " " + stem + ending
}

// ruJoined is a number below 1000 as it stands before тысячный: in the genitive
// and in one word, "двадцатипятитысячный".
func ruJoined(n int) string {
	if n == 1 {
		return ""
	}
	hundreds := ruHundreds[n/100][Genitive]
	if n/100 == 1 {
		hundreds = ruHundreds[1][Nominative]
	}
	tens, ones := ruTens[n/10%10][Genitive], ruDigits[n%10][Genitive]
	switch n / 10 % 10 {
	case 1:
		tens, ones = ruTeens[n%10][Genitive], ""
	case 9:
		tens = ruTens[9][Nominative]
	}
	if n%10 == 1 && n/10%10 != 1 {
		ones = "одно"
	}
	return hundreds + tens + ones
}
