// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "strings"

// How Kazakh numbers take endings: Қазақ грамматикасы (2002), «Сан есім», «Септік
// категориясы», «Тәуелдік категориясы»; how they are spelt: Қазақ тілі емлесінің
// ережелері (2018), § 24 and § 44. What is counted stays in the singular, and
// takes the endings that the number would take without it.

var (
	kkDigits = [10]string{"нөл", "бір", "екі", "үш", "төрт", "бес", "алты", "жеті", "сегіз", "тоғыз"}
	kkTens   = [10]string{1: "он", 2: "жиырма", 3: "отыз", 4: "қырық", 5: "елу", 6: "алпыс", 7: "жетпіс", 8: "сексен", 9: "тоқсан"}

	// kkTogether are the collective numbers, in which up to seven are counted out
	// of a whole: "оның үшеуі".
	kkTogether = [8]string{1: "біреу", 2: "екеу", 3: "үшеу", 4: "төртеу", 5: "бесеу", 6: "алтау", 7: "жетеу"}
)

// kkPlain writes a number without endings.
func kkPlain(n int) string {
	if n == 0 {
		return kkDigits[0]
	}
	millions, thousands, units := triples(n)
	var parts []string
	if millions > 0 {
		parts = append(parts, kkTriple(millions), "миллион")
	}
	if thousands > 0 {
		if n != 1000 { // "мың", but "бір мың тоғыз жүз"
			parts = append(parts, kkTriple(thousands))
		}
		parts = append(parts, "мың")
	}
	return join(append(parts, kkTriple(units))...)
}

func kkTriple(n int) string {
	hundreds, ones := "", ""
	switch n / 100 {
	case 0:
	case 1: // "жүз", not "бір жүз"
		hundreds = "жүз"
	default:
		hundreds = kkDigits[n/100] + " жүз"
	}
	if n%10 > 0 {
		ones = kkDigits[n%10]
	}
	return join(hundreds, kkTens[n/10%10], ones)
}

func kkCardinal(n int, g Grammar) string {
	if g.Owned && n >= 1 && n <= 7 {
		return kkOwned(kkTogether[n], g.Case)
	}
	words := kkPlain(n)
	if !g.Owned {
		return kkDecline(words, g.Case)
	}
	if start, ok := strings.CutSuffix(words, "қырық"); ok { // the vowel before the ending falls out
		return start + kkOwnedCase("қырқы", g.Case)
	}
	return kkOwned(words, g.Case)
}

// kkEnding is what the digits of a number take: the ending with which it is read.
func kkEnding(n int, g Grammar) string {
	if !g.Owned {
		word := kkPlain(n)
		return strings.TrimPrefix(kkDecline(word, g.Case), word)
	}
	words := kkCardinal(n, g)
	if n >= 1 && n <= 7 {
		return words[len(kkTogether[n])-len("еу"):] // "2-еуі", read "екеуі"
	}
	if n/10%10 == 4 && n%10 == 0 {
		i := strings.LastIndex(words, "қырқ")
		return words[i+len("қырқ"):]
	}
	return strings.TrimPrefix(words, kkPlain(n))
}

const (
	kkBack      = "аоұыяё"
	kkFront     = "әеөүіэ"
	kkNasal     = "мнң"
	kkSonorant  = "лрйуию"
	kkBuzz      = "зж"
	kkVoiceless = "пткқсшщчцфхһбвгд" // the voiced among them are read voiceless at the end of a word
)

// kkSoft tells whether the endings of a word are soft: as its last vowel is.
func kkSoft(word string) bool {
	return strings.LastIndexAny(word, kkFront) > strings.LastIndexAny(word, kkBack)
}

func kkLast(word string) string {
	runes := []rune(word)
	if len(runes) == 0 {
		return ""
	}
	return string(runes[len(runes)-1])
}

// kkDecline puts a word into a case.
func kkDecline(word string, c Case) string {
	last := kkLast(word)
	vowel := strings.Contains(kkBack+kkFront, last)
	voiceless := strings.Contains(kkVoiceless, last)
	nasal := strings.Contains(kkNasal, last)
	var hard, soft string
	pick := func(h, s string) { hard, soft = h, s }
	switch c {
	case Genitive:
		switch {
		case vowel || nasal:
			pick("ның", "нің")
		case voiceless:
			pick("тың", "тің")
		default:
			pick("дың", "дің")
		}
	case Dative:
		if voiceless {
			pick("қа", "ке")
		} else {
			pick("ға", "ге")
		}
	case Accusative:
		switch {
		case vowel:
			pick("ны", "ні")
		case voiceless:
			pick("ты", "ті")
		default:
			pick("ды", "ді")
		}
	case Instrumental: // has no hard form
		switch {
		case voiceless:
			pick("пен", "пен")
		case strings.Contains(kkBuzz, last):
			pick("бен", "бен")
		default:
			pick("мен", "мен")
		}
	case Locative:
		if voiceless {
			pick("та", "те")
		} else {
			pick("да", "де")
		}
	case Ablative:
		switch {
		case nasal:
			pick("нан", "нен")
		case voiceless:
			pick("тан", "тен")
		default:
			pick("дан", "ден")
		}
	}
	if kkSoft(word) {
		return word + soft
	}
	return word + hard
}

// kkOwned puts a word that belongs to a third person into a case.
func kkOwned(word string, c Case) string {
	ending := "ы"
	if kkSoft(word) {
		ending = "і"
	}
	switch last := kkLast(word); last {
	case "қ", "к", "п": // voiced between vowels
		word = strings.TrimSuffix(word, last) + map[string]string{"қ": "ғ", "к": "г", "п": "б"}[last]
	default:
		if strings.Contains(kkBack+kkFront, last) {
			ending = "с" + ending
		}
	}
	return kkOwnedCase(word+ending, c)
}

// kkOwnedCase puts a word that ends in ы, і of the third person into a case.
func kkOwnedCase(word string, c Case) string {
	hard := [cases]string{Genitive: "ның", Dative: "на", Accusative: "н", Instrumental: "мен", Locative: "нда", Ablative: "нан"}
	soft := [cases]string{Genitive: "нің", Dative: "не", Accusative: "н", Instrumental: "мен", Locative: "нде", Ablative: "нен"}
	if kkSoft(word) {
		return word + soft[c]
	}
	return word + hard[c]
}

// kkOrdinal makes the last word of a number an ordinal: "жүз қырық алтыншы".
func kkOrdinal(n int) string {
	words := kkPlain(n)
	ending := "ншы"
	if kkSoft(words) {
		ending = "нші"
	}
	switch {
	case strings.HasSuffix(words, "жиырма"):
		ending = "сыншы"
	case strings.HasSuffix(words, "қырық"):
		return strings.TrimSuffix(words, "қырық") + "қырқыншы"
	case strings.Contains(kkBack+kkFront, kkLast(words)):
	case kkSoft(words):
		ending = "інші"
	default:
		ending = "ыншы"
	}
	return words + ending
}
