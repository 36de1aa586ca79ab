// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"slices"
	"strings"
	"unicode"
)

// The alphabet of sounds. Lower-case letters sound as in English; the others:
//
//	c  ц, ts        C  ч, ch       S  ш, щ, sh       E  ё, yo, io
//	j  ж, дж, zh    h  х, kh, h    i  и, й, ы, і, y  u  у, ұ, ү
//
// What spellings of one name never keep apart is one sound (қ, к, q); what they
// mostly keep apart is two sounds that are cheap to exchange (о, у): see distance.go.

var cyrillic = map[rune]string{
	'а': "a", 'ә': "a", 'б': "b", 'в': "v", 'г': "g", 'ғ': "g", 'ґ': "g", 'д': "d", 'е': "e", 'є': "e",
	'ё': "E", 'ж': "j", 'җ': "j", 'ҷ': "j", 'ј': "j", 'з': "z", 'и': "i", 'й': "i", 'і': "i", 'ї': "i",
	'ӣ': "i", 'ы': "i", 'к': "k", 'қ': "k", 'л': "l", 'м': "m", 'н': "n", 'ң': "ng", 'о': "o", 'ө': "o",
	'п': "p", 'р': "r", 'с': "s", 'т': "t", 'у': "u", 'ұ': "u", 'ү': "u", 'ў': "u", 'ӯ': "u", 'ф': "f",
	'х': "h", 'һ': "h", 'ҳ': "h", 'ц': "c", 'ч': "C", 'ш': "S", 'щ': "S", 'ъ': "", 'ь': "", 'э': "e",
	'ю': "iu", 'я': "ia",
}

// digraphs are tried longest first.
var digraphs = []struct{ letters, sounds string }{
	{"shch", "S"}, {"tsh", "tS"}, {"sch", "S"}, {"tch", "C"}, {"dzh", "j"}, {"yo'", "iu"},
	{"dj", "j"}, {"dž", "j"}, {"zh", "j"}, {"kh", "h"}, {"gh", "g"}, {"sh", "S"}, {"ch", "C"}, {"ts", "c"},
	{"ph", "f"}, {"th", "t"}, {"ck", "k"}, {"ou", "u"}, {"o'", "u"}, {"ye", "e"}, {"yo", "E"},
}

var latin = map[rune]string{
	'a': "a", 'b': "b", 'c': "k", 'd': "d", 'e': "e", 'f': "f", 'g': "g", 'h': "h", 'i': "i", 'j': "j", 'k': "k",
	'l': "l", 'm': "m", 'n': "n", 'o': "o", 'p': "p", 'q': "k", 'r': "r", 's': "s", 't': "t", 'u': "u", 'v': "v",
	'w': "v", 'x': "ks", 'y': "i", 'z': "z",
	'ä': "a", 'á': "a", 'à': "a", 'â': "a", 'ā': "a", 'å': "a", 'ă': "a", 'ã': "a", 'ə': "a",
	'é': "e", 'è': "e", 'ê': "e", 'ë': "E", 'ē': "e", 'ě': "e",
	'ı': "i", 'í': "i", 'ì': "i", 'î': "i", 'ï': "i", 'ī': "i", 'ý': "i", 'ÿ': "i",
	'ö': "o", 'ó': "o", 'ò': "o", 'ô': "o", 'ō': "o", 'õ': "o", 'ø': "o",
	'ü': "u", 'ú': "u", 'ù': "u", 'û': "u", 'ū': "u", 'ů': "u", 'ŭ': "u",
	'ñ': "ng", 'ń': "ng", 'ŋ': "ng", 'ň': "n", 'ğ': "g", 'ǵ': "g", 'ġ': "g", 'ş': "S", 'š': "S", 'ș': "S", 'ś': "S",
	'ç': "C", 'č': "C", 'ć': "C", 'ž': "j", 'ź': "z", 'ż': "j", 'ß': "s", 'ł': "l", 'ř': "r", 'ţ': "c", 'ț': "c",
}

// Letters that look the same in both scripts. A Latin letter in a Cyrillic
// word, or the other way round, is a slip of the keyboard or of a scanner.
var toCyrillic = map[rune]rune{
	'a': 'а', 'b': 'в', 'c': 'с', 'e': 'е', 'h': 'н', 'i': 'і', 'k': 'к', 'm': 'м', 'o': 'о', 'p': 'р', 't': 'т',
	'x': 'х', 'y': 'у', 'ë': 'ё', 'ə': 'ә', 'ö': 'ө', 'ü': 'ү', 'j': 'ј',
}

var toLatin = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'е': 'e', 'н': 'h', 'і': 'i', 'к': 'k', 'м': 'm', 'о': 'o', 'р': 'p', 'т': 't',
	'х': 'x', 'у': 'y', 'ё': 'ë', 'ә': 'ə', 'ј': 'j',
}

// arabic are the letters of Uyghur, and of Kazakh as it is written in China,
// where every vowel is written. What depends on its neighbours is in inArabic.
// Arabic and Persian themselves leave most vowels out: a name of theirs agrees
// with itself, and with no spelling that has them.
var arabic = map[rune]string{
	'ا': "a", 'آ': "a", 'أ': "a", 'إ': "i", 'ې': "e", 'ى': "i", 'ي': "i", 'ی': "i", 'و': "o", 'ۇ': "u", 'ۈ': "u", 'ؤ': "u",
	'ب': "b", 'پ': "p", 'ت': "t", 'ط': "t", 'ث': "s", 'ج': "j", 'چ': "C", 'ح': "h", 'خ': "h", 'ه': "h", 'ھ': "h",
	'د': "d", 'ض': "d", 'ذ': "z", 'ر': "r", 'ز': "z", 'ظ': "z", 'ژ': "j", 'س': "s", 'ص': "s", 'ش': "S",
	'ع': "g", 'غ': "g", 'ف': "f", 'ق': "k", 'ك': "k", 'ک': "k", 'گ': "g", 'ڭ': "ng", 'ل': "l", 'م': "m", 'ن': "n",
}

type script uint8

const (
	latinScript script = iota
	cyrillicScript
	arabicScript
)

// clean brings a word to the lower-case letters of one script. Apostrophes stay
// after a Latin letter: Uzbek o' and g' are letters.
func clean(word string) ([]rune, script) {
	var letters []rune
	nLatin, nCyrillic, nArabic := 0, 0, 0
	for _, r := range word {
		r = unicode.ToLower(r)
		switch {
		case strings.ContainsRune("'ʻ’‘`ʼ", r):
			letters = append(letters, '\'')
		case latin[r] != "":
			nLatin++
			letters = append(letters, r)
		case unicode.Is(unicode.Cyrillic, r):
			nCyrillic++
			letters = append(letters, r)
		case unicode.Is(unicode.Arabic, r) && unicode.Is(unicode.Lo, r):
			nArabic++
			letters = append(letters, r)
		case composed(letters, r) != 0:
			letters[len(letters)-1] = composed(letters, r)
		}
	}
	if nArabic > nLatin+nCyrillic {
		return letters, arabicScript
	}
	s, other := latinScript, toLatin
	if nCyrillic >= nLatin && nCyrillic > 0 {
		s, other = cyrillicScript, toCyrillic
	}
	if nLatin > 0 && nCyrillic > 0 {
		for i, r := range letters {
			if (latin[r] != "") == (s == cyrillicScript) {
				if same, ok := other[r]; ok {
					letters[i] = same
				}
			}
		}
	}
	return letters, s
}

// composed puts a combining mark onto the letter before it, where the letter with the mark has a sound of its own.
func composed(letters []rune, mark rune) rune {
	if len(letters) == 0 {
		return 0
	}
	switch last := letters[len(letters)-1]; mark {
	case 0x0306: // breve
		switch last {
		case 'и':
			return 'й'
		case 'у':
			return 'ў'
		case 'g':
			return 'ğ'
		}
	case 0x0308: // two dots
		switch last {
		case 'е':
			return 'ё'
		case 'і':
			return 'ї'
		}
	case 0x0327: // cedilla
		switch last {
		case 's':
			return 'ş'
		case 'c':
			return 'ç'
		}
	case 0x030C: // caron
		switch last {
		case 's':
			return 'š'
		case 'c':
			return 'č'
		case 'z':
			return 'ž'
		}
	case 0x0303: // tilde
		if last == 'n' {
			return 'ñ'
		}
	}
	return 0
}

// sounds folds the letters of a word to its sounds.
func sounds(letters []rune, s script) string {
	var b strings.Builder
	switch s {
	case arabicScript:
		return settle(inArabic(letters))
	case cyrillicScript:
		for i, r := range letters {
			if r == 'ж' && i > 0 && letters[i-1] == 'д' {
				text := strings.TrimSuffix(b.String(), "d")
				b.Reset()
				b.WriteString(text)
			}
			b.WriteString(cyrillic[r])
		}
	default:
		rest := string(letters)
	next:
		for rest != "" {
			for _, d := range digraphs {
				if strings.HasPrefix(rest, d.letters) {
					b.WriteString(d.sounds)
					rest = rest[len(d.letters):]
					continue next
				}
			}
			for i, r := range rest {
				if i > 0 {
					rest = rest[i:]
					continue next
				}
				if r == 'x' && !isKS(b.String(), rest) {
					b.WriteByte('h')
				} else {
					b.WriteString(latin[r])
				}
			}
			rest = ""
		}
	}
	return settle(b.String())
}

// isKS says whether x is read as ks, as in the names of saints. Elsewhere it is
// the Uzbek letter for х: Baxtiyor, Maxmud, Oxunov.
func isKS(before, rest string) bool {
	switch before {
	case "ale", "feli":
		return true
	case "":
		return strings.HasPrefix(rest, "xen")
	case "ma":
		return rest == "x" || strings.HasPrefix(rest, "xi")
	case "o", "ro":
		return strings.HasPrefix(rest, "xan")
	case "re", "le":
		return rest == "x"
	}
	return false
}

// inArabic reads the letters of Uyghur, or of Kazakh in China. Some letters are
// of both and sound otherwise: a word is Uyghur if it has letters that Kazakh has not.
func inArabic(letters []rune) string {
	uyghur := slices.ContainsFunc(letters, func(r rune) bool { return strings.ContainsRune("ئېۈ", r) })
	var b strings.Builder
	for i, r := range letters {
		after, end := rune(0), i == len(letters)-1
		if i > 0 {
			after = letters[i-1]
		}
		switch r {
		case 'ە':
			if uyghur {
				b.WriteByte('a') // Uyghur ә
			} else {
				b.WriteByte('e')
			}
		case 'ۆ':
			if uyghur || !strings.ContainsRune("وەېىا", after) {
				b.WriteByte('o') // ө
			} else {
				b.WriteByte('v') // -ов
			}
		case 'ۋ':
			if last := end || i == len(letters)-2 && letters[i+1] == 'ا'; uyghur || last && strings.ContainsRune("وەېى", after) {
				b.WriteByte('v') // -ов, -ова
			} else {
				b.WriteByte('u')
			}
		default:
			b.WriteString(arabic[r])
		}
	}
	return b.String()
}

// settle removes what spellings of one sound sequence leave over: doubled
// letters, y before e, ng before k or g, and sequences that Latin writes as one.
func settle(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		last := byte(0)
		if len(out) > 0 {
			last = out[len(out)-1]
		}
		switch {
		case c == last:
			continue
		case c == 'g' && last == 'n' && i+1 < len(s) && (s[i+1] == 'k' || s[i+1] == 'h'):
			continue // сұңқар, сункар
		case c == 'e' && last == 'i' && len(out) == 1:
			out[0] = 'e' // Iergali, Ергали
			continue
		case c == 'o' && last == 'i':
			out[len(out)-1] = 'E' // Iolkin, Ёлкин
			continue
		case c == 'E' && last == 'i':
			out[len(out)-1] = 'E'
			continue
		case c == 'h' && last == 's':
			out[len(out)-1] = 'S' // Ashat may be Асхат
			continue
		case c == 's' && last == 't':
			out[len(out)-1] = 'c'
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// Fold returns the sounds of one word that all its spellings share, in Latin
// letters. Words that are spellings of one name mostly fold alike, in whatever
// script they are written; what else may differ is left to Compare.
func Fold(word string) string {
	letters, s := clean(word)
	return sounds(letters, s)
}

// plainLatin writes the letters of a word, slips and all, in Latin letters
// without marks, as passports do. What only looks different is made one: y, i.
func plainLatin(letters []rune, s script) string {
	if s == arabicScript {
		return spell(inArabic(letters))
	}
	var b strings.Builder
	for _, r := range letters {
		if s == cyrillicScript {
			b.WriteString(spell(cyrillic[r]))
			continue
		}
		switch t := latin[r]; {
		case r < 128 && r != 'y' && r != 'q':
			b.WriteRune(r)
		default:
			b.WriteString(spell(t))
		}
	}
	return b.String()
}

// spell writes sounds in Latin letters, as passports do.
func spell(fold string) string { return speller.Replace(fold) }

var speller = strings.NewReplacer("j", "zh", "h", "kh", "c", "ts", "C", "ch", "S", "sh", "E", "e")
