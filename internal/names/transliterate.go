// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/kua-registry/kua/internal/locale"
)

// Spellings is one name as Russian, as Kazakh and as Latin documents have it.
type Spellings struct{ Russian, Kazakh, Latin string }

// Besides returns the spellings that differ from the name and from one another, for a person to choose from.
func (s Spellings) Besides(name string) []string {
	var out []string
	for _, spelling := range []string{s.Kazakh, s.Russian, s.Latin} {
		if spelling != "" && spelling != tidy(name) && !slices.Contains(out, spelling) {
			out = append(out, spelling)
		}
	}
	return out
}

// Transliterate proposes how a name written in one script is written in the
// others: Әлия Қасымова, Алия Касымова, Aliya Kassymova. It proposes only: how
// somebody's name is spelt, they or their papers say. A text without letters
// of these scripts has no spellings.
//
// Sources. Kazakh to Russian: letter by letter as the Russian names of
// documents have it, й before і and ы falling out (Сейіт, Сеит), after the
// Instruction on the rendering of personal names of the Academy of Sciences in
// Almaty. To Latin: the practice of passports of Kazakhstan, as printed in
// them: е at the head of a word and after a vowel is ye, one с between vowels
// is ss, қ is k, ғ is g, ң is n, х and һ are kh, no sign for ь and ъ. No text
// of a norm was read for it; ICAO Doc 9303, part 3, section 6, which other
// countries' passports follow, differs in й, ы, ю, я and ъ. Neither way back
// is certain: what Russian and Latin letters do not keep apart (қ, к) comes from the
// lexicon of given names, also within family names (Касымова, Қасымова). The
// Kazakh Latin alphabet of 2021 is read, and not written: no papers are made
// in it yet.
func Transliterate(name string) Spellings {
	name = tidy(name)
	latinLetters, cyrillicLetters, kazakhLetters := 0, 0, 0
	for _, r := range name {
		r = unicode.ToLower(r)
		switch {
		case strings.ContainsRune(kazakhOnly, r):
			kazakhLetters++
			cyrillicLetters++
		case cyrillic[r] != "" || r == 'ь' || r == 'ъ':
			cyrillicLetters++
		case latin[r] != "":
			latinLetters++
		}
	}
	switch {
	case cyrillicLetters == 0 && latinLetters == 0:
		return Spellings{}
	case latinLetters > cyrillicLetters:
		russian := eachWord(name, fromLatin)
		kazakh := eachWord(russian, kazakhWord)
		return Spellings{Russian: eachWord(kazakh, russianWord), Kazakh: kazakh, Latin: name}
	case kazakhLetters > 0:
		return Spellings{Russian: eachWord(name, russianWord), Kazakh: name, Latin: eachWord(name, latinWord)}
	}
	return Spellings{Russian: name, Kazakh: eachWord(name, kazakhWord), Latin: eachWord(name, latinWord)}
}

const (
	kazakhOnly     = "әғқңөұүһі"
	cyrillicVowels = "аәеёиіоөуұүыэюя"
	latinVowels    = "aeiouyäöüūı"
	apostrophes    = "'ʻ’‘`ʼ"
)

// eachWord spells the words of a name, small, and gives them back their capitals.
func eachWord(name string, spellWord func([]rune) string) string {
	var b strings.Builder
	var word []rune
	put := func() {
		if len(word) > 0 {
			b.WriteString(likeCapitals(word, spellWord(lower(word))))
			word = word[:0]
		}
	}
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsMark(r) || strings.ContainsRune(apostrophes, r) {
			word = append(word, r)
			continue
		}
		put()
		b.WriteRune(r)
	}
	put()
	return b.String()
}

func lower(word []rune) []rune {
	out := make([]rune, len(word))
	for i, r := range word {
		out[i] = unicode.ToLower(r)
	}
	return out
}

// likeCapitals writes a small word with a capital, or in capitals, as another is written.
func likeCapitals(as []rune, word string) string {
	upper, small := 0, 0
	for _, r := range as {
		if unicode.IsUpper(r) {
			upper++
		} else if unicode.IsLower(r) {
			small++
		}
	}
	letters := []rune(word)
	switch {
	case upper == 0 || len(letters) == 0:
		return word
	case small == 0 && upper > 1:
		return strings.ToUpper(word)
	case unicode.IsUpper(as[0]):
		letters[0] = unicode.ToUpper(letters[0])
	}
	return string(letters)
}

func russianWord(word []rune) string {
	var b strings.Builder
	for i, r := range word {
		next := at(word, i+1)
		switch {
		case r == 'й' && (next == 'і' || next == 'ы'):
			continue
		case r == 'ы' && at(word, i-1) == 'й':
			r = 'и'
		default:
			r = locale.RussianLetter(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// passport is how passports of Kazakhstan write a letter; е and с depend on their neighbours.
var passport = map[rune]string{
	'а': "a", 'ә': "a", 'б': "b", 'в': "v", 'г': "g", 'ғ': "g", 'д': "d", 'е': "e", 'ё': "yo", 'ж': "zh", 'з': "z",
	'и': "i", 'й': "y", 'к': "k", 'қ': "k", 'л': "l", 'м': "m", 'н': "n", 'ң': "n", 'о': "o", 'ө': "o", 'п': "p", 'р': "r",
	'с': "s", 'т': "t", 'у': "u", 'ұ': "u", 'ү': "u", 'ф': "f", 'х': "kh", 'һ': "kh", 'ц': "ts", 'ч': "ch", 'ш': "sh",
	'щ': "shch", 'ъ': "", 'ы': "y", 'і': "i", 'ь': "", 'э': "e", 'ю': "yu", 'я': "ya",
}

func latinWord(word []rune) string {
	var b strings.Builder
	for i, r := range word {
		before, next := at(word, i-1), at(word, i+1)
		switch text, ok := passport[r]; {
		case r == 'е' && (before == 0 || strings.ContainsRune(cyrillicVowels+"ьъ", before)):
			b.WriteString("ye")
		case r == 'с' && vowel(before) && vowel(next):
			b.WriteString("ss")
		case ok:
			b.WriteString(text)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func vowel(r rune) bool { return r != 0 && strings.ContainsRune(cyrillicVowels, r) }

// at returns the letter at a place of a word, 0 outside it.
func at(word []rune, i int) rune {
	if i < 0 || i >= len(word) {
		return 0
	}
	return word[i]
}

// fromLatinLetters are tried in this order: the longest first.
var fromLatinLetters = []struct{ latin, cyrillic string }{
	{"shch", "щ"}, {"dzh", "дж"}, {"sch", "щ"}, {"zh", "ж"}, {"kh", "х"}, {"gh", "ғ"}, {"ts", "ц"}, {"ch", "ч"}, {"sh", "ш"},
	{"yu", "ю"}, {"iu", "ю"}, {"ya", "я"}, {"ia", "ия"}, {"yo", "ё"}, {"ss", "с"}, {"iy", "ий"}, {"ph", "ф"}, {"dj", "ж"},
	{"a", "а"}, {"b", "б"}, {"c", "к"}, {"d", "д"}, {"e", "е"}, {"f", "ф"}, {"g", "г"}, {"h", "х"}, {"i", "и"}, {"j", "ж"}, {"k", "к"},
	{"l", "л"}, {"m", "м"}, {"n", "н"}, {"o", "о"}, {"p", "п"}, {"q", "қ"}, {"r", "р"}, {"s", "с"}, {"t", "т"}, {"u", "у"}, {"v", "в"},
	{"w", "в"}, {"x", "кс"}, {"z", "з"},
	{"ä", "ә"}, {"ə", "ә"}, {"ğ", "ғ"}, {"ǵ", "ғ"}, {"ñ", "ң"}, {"ń", "ң"}, {"ö", "ө"}, {"ó", "ө"}, {"ü", "ү"}, {"ú", "ү"}, {"ū", "ұ"},
	{"ş", "ш"}, {"š", "ш"}, {"ç", "ч"}, {"č", "ч"}, {"ž", "ж"}, {"ı", "і"}, {"ë", "ё"}, {"é", "е"}, {"ý", "й"},
}

// latinEnds are the endings of Kazakh patronymics: the a and the u of Aitbaiuly do not belong to one sound.
var latinEnds = []struct{ latin, cyrillic string }{{"uly", "улы"}, {"uli", "улы"}, {"kyzy", "кызы"}, {"qyzy", "қызы"}, {"kizi", "кызы"}}

func fromLatin(word []rune) string {
	for _, e := range latinEnds {
		if stem, ok := strings.CutSuffix(string(word), e.latin); ok && len(stem) > 2 {
			return fromLatinStem([]rune(stem)) + e.cyrillic
		}
	}
	return fromLatinStem(word)
}

func fromLatinStem(word []rune) string {
	var b strings.Builder
	before := 0
	last := rune(0) // of the letters read
	for rest := string(word); rest != ""; {
		first := []rune(rest[:min(len(rest), 8)])[0]
		second := at([]rune(rest), 1)
		afterVowel := last != 0 && strings.ContainsRune(latinVowels, last)
		read, text := len(string(first)), ""
		switch {
		case strings.ContainsRune(apostrophes, first):
			if last != 0 && !afterVowel {
				text = "ь"
			}
		case first == 'y' && second == 'e':
			read, text = len("ye"), "е"
			if last != 0 && !afterVowel {
				text = "ье"
			}
		case first == 'y' && second != 'u' && second != 'a' && second != 'o':
			text = "ы"
			if afterVowel {
				text = "й"
			}
		case first == 'i' && second == 'u' && !afterVowel && last != 0: // Zhunius, but Kaiumov
			text = "и"
		case first == 'i' && afterVowel && last != 'i' && last != 'y' && second != 0 && !strings.ContainsRune(latinVowels, second) && rest != "il",
			first == 'i' && afterVowel && last != 'i' && last != 'y' && second == 0: // Aigerim, Abai; but Mikhail
			text = "й"
		case first == 'y' && second == 'a' && before > 1 && !afterVowel && len(rest) > len("ya"): // Lukyanov, but Vyacheslav
			read, text = len("ya"), "ья"
		case rest == "yov" && before > 1 && !afterVowel, rest == "yova" && before > 1 && !afterVowel: // Solovyov
			read, text = len("yo"), "ьё"
		case first == 'e' && last == 0:
			text = "э"
			if second != 0 && !strings.ContainsRune("lmv", second) {
				text = "е"
			}
		default:
			for _, l := range fromLatinLetters {
				if strings.HasPrefix(rest, l.latin) {
					read, text = len(l.latin), l.cyrillic
					break
				}
			}
			if text == "" && !unicode.IsMark(first) {
				text = string(first)
			}
		}
		letters := []rune(rest[:read])
		last = letters[len(letters)-1]
		before += len(letters)
		b.WriteString(text)
		rest = rest[read:]
	}
	return b.String()
}

// nameEnds are the endings of family names and patronymics, the longest first, Russian and Kazakh.
var nameEnds = []struct{ russian, kazakh string }{
	{"овна", ""}, {"евна", ""}, {"ович", ""}, {"евич", ""}, {"кызы", "қызы"}, {"қызы", ""}, {"ова", ""}, {"ева", ""}, {"ина", ""},
	{"улы", "ұлы"}, {"ұлы", ""}, {"ов", ""}, {"ев", ""}, {"ин", ""},
}

// kazakhNames are the given names of the lexicon by their folded spellings, and
// those of names ending in й without it, as family names have them.
var kazakhNames = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	var lines [][]string
	for line := range strings.Lines(givenNames) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(strings.ToLower(line)); len(f) > 0 {
			lines = append(lines, f)
		}
	}
	for _, f := range lines {
		if i := slices.IndexFunc(f, func(w string) bool { return strings.ContainsAny(w, kazakhOnly) }); i > 0 {
			f[0], f[i] = f[i], f[0]
		}
		for _, w := range f {
			if _, taken := out[Fold(w)]; taken {
				continue
			}
			out[Fold(w)] = f[0]
			if Compare(New("", w, ""), New("", f[0], "")).Score < Threshold {
				out[Fold(w)] = w // Ибрагим and Ыбырайым are one name, and two spellings
			}
		}
	}
	for _, f := range lines {
		if stem := strings.TrimSuffix(f[0], "й"); stem != f[0] {
			if _, taken := out[Fold(stem)]; !taken {
				out[Fold(stem)] = stem
			}
		}
	}
	return out
})

// kazakhWord gives a word of Russian letters the Kazakh ones that the lexicon knows it to have.
func kazakhWord(word []rune) string {
	text := string(word)
	if known, ok := kazakhNames()[Fold(text)]; ok {
		return known
	}
	for _, e := range nameEnds {
		stem, ok := strings.CutSuffix(text, e.russian)
		if !ok || len([]rune(stem)) < 2 {
			continue
		}
		end := e.russian
		if e.kazakh != "" {
			end = e.kazakh
		}
		if known, ok := kazakhNames()[Fold(stem)]; ok {
			return known + end
		}
		return stem + end
	}
	return text
}
