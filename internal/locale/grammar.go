// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Case is the case a number and its noun stand in.
type Case int

// The cases of the three languages together. English has none of them. Russian
// has the first six, the sixth being the prepositional, and takes its genitive
// for the ablative. Kazakh has all seven: атау, ілік, барыс, табыс, көмектес,
// жатыс, шығыс септік.
const (
	Nominative   Case = iota // who or what
	Genitive                 // of
	Dative                   // to
	Accusative               // whom or what
	Instrumental             // with, by
	Locative                 // in, about
	Ablative                 // from
	cases
)

var caseNames = [...]string{"nominative", "genitive", "dative", "accusative", "instrumental", "locative", "ablative"}

// ParseCase reads the name of a case, "genitive". "prepositional" is another
// name of the locative. Nothing is the nominative.
func ParseCase(name string) (Case, bool) {
	switch name {
	case "":
		return Nominative, true
	case "prepositional":
		return Locative, true
	}
	for i, known := range caseNames {
		if name == known {
			return Case(i), true
		}
	}
	return Nominative, false
}

// String returns the name of a case as ParseCase reads it.
func (c Case) String() string {
	if c < 0 || c >= cases {
		return ""
	}
	return caseNames[c]
}

// Gender is that of a noun, in Russian.
type Gender int

// The genders of Russian.
const (
	Masculine Gender = iota
	Feminine
	Neuter
)

// Grammar is how a number, or a number with its noun, stands in a sentence. A
// language takes from it what it knows. A noun of the lexicon brings its own
// gender, and whether it is animate.
type Grammar struct {
	Case    Case
	Gender  Gender // of what is counted, where no noun says it
	Animate bool   // people are counted: Russian "двух человек" in the accusative
	Owned   bool   // of them, theirs: Kazakh "алпыс тоғызы", "69-ы", "коалицияның 69 ісі"
	Capital bool   // begins a sentence
}

// Most is the largest number that is written in words; a larger one is written in digits.
const Most = 999_999_999

// Cardinal writes a number in words: "sixty-nine", "шестидесяти девяти",
// "алпыс тоғыздан".
func (l *Language) Cardinal(n int, g Grammar) string {
	if n > Most || n < -Most {
		return l.Numeral(n, g)
	}
	words := ""
	switch l.code {
	case "ru":
		words = ruCardinal(max(n, -n), g)
	case "kk":
		words = kkCardinal(max(n, -n), g)
	default:
		words = enCardinal(max(n, -n))
	}
	if n < 0 {
		words = map[string]string{"en": "minus ", "ru": "минус ", "kk": "минус "}[l.code] + words
	}
	return capital(words, g)
}

// Numeral writes a number in digits, with what the language adds to digits: in
// Kazakh the ending with which the number is read, after a hyphen, "69-ы",
// "164-тен" (Қазақ тілі емлесінің ережелері, 2018, § 44).
func (l *Language) Numeral(n int, g Grammar) string {
	digits := l.Number(n)
	if l.code == "kk" && n >= 0 && n <= Most {
		if ending := kkEnding(n, g); ending != "" {
			return digits + "-" + ending
		}
	}
	return digits
}

// Counted writes a number with its noun in the form that goes with it, in digits
// or in words: "69 cases", "о шестидесяти девяти делах", "69 істен". Between
// digits and noun is a no-break space. Without a noun it is the number alone. A
// noun that the lexicon doesn't have stands as its key, so that a page stands
// and a test sees it.
func (l *Language) Counted(n int, noun string, g Grammar, words bool) string {
	if noun == "" {
		if words {
			return l.Cardinal(n, g)
		}
		return l.Numeral(n, g)
	}
	known, ok := l.nouns[noun]
	if ok {
		g.Gender, g.Animate = known.gender, known.Animate
	}
	form := l.Noun(noun, n, g)
	if l.code == "kk" { // the noun alone takes the endings
		g = Grammar{Capital: g.Capital}
	}
	if words && n <= Most && n >= -Most {
		return l.Cardinal(n, g) + " " + form
	}
	return l.Numeral(n, g) + noBreakSpace + form
}

// Noun returns the form of a noun that goes with a number, without the number.
func (l *Language) Noun(noun string, n int, g Grammar) string {
	known, ok := l.nouns[noun]
	if !ok {
		return noun
	}
	n = max(n, -n)
	switch l.code {
	case "ru":
		return ruNoun(known, n, g.Case)
	case "kk":
		if g.Owned {
			return known.Owned[g.Case]
		}
		return known.One[g.Case]
	}
	if n == 1 {
		return known.One[0]
	}
	return known.Many[0]
}

// Ordinal writes which one in a row it is, in digits or in words: "146th",
// "146-й", "сто сорок шестого", "жүз қырық алтыншы". In Kazakh digits take a
// hyphen instead of the ending, to which the noun is joined: "146-" and "бап".
func (l *Language) Ordinal(n int, g Grammar, words bool) string {
	if n < 0 || n > Most {
		words = false
	}
	switch {
	case !words && l.code == "ru":
		return l.Number(n) + "-" + ruOrdinalMark(g)
	case !words && l.code == "kk":
		return l.Number(n) + "-"
	case !words:
		return l.Number(n) + enOrdinalMark(max(n, -n))
	case l.code == "ru":
		return capital(ruOrdinal(n, g), g)
	case l.code == "kk":
		return capital(kkOrdinal(n), g)
	}
	return capital(enOrdinal(n), g)
}

// capital makes the first letter of words a capital where they begin a sentence.
func capital(words string, g Grammar) string {
	if !g.Capital {
		return words
	}
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// triples are the millions, thousands and units of a number.
func triples(n int) (millions, thousands, units int) {
	return n / 1_000_000, n / 1000 % 1000, n % 1000
}

func join(parts ...string) string {
	var out []string
	for _, part := range parts {
		if part != "" {
			out = append(out, part)
		}
	}
	return strings.Join(out, " ")
}
