// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "strings"

var (
	enSmall = [20]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	enTens  = [10]string{2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}
)

// enCardinal writes a number as British English does: with a hyphen from
// twenty-one to ninety-nine, with "and" before the tens (New Hart's Rules, 11.1).
func enCardinal(n int) string {
	if n == 0 {
		return enSmall[0]
	}
	millions, thousands, units := triples(n)
	var parts []string
	if millions > 0 {
		parts = append(parts, enTriple(millions)+" million")
	}
	if thousands > 0 {
		parts = append(parts, enTriple(thousands)+" thousand")
	}
	if units > 0 {
		text := enTriple(units)
		if units < 100 && len(parts) > 0 {
			text = "and " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func enTriple(n int) string {
	hundreds, rest := n/100, n%100
	text := ""
	switch {
	case rest == 0:
	case rest < 20:
		text = enSmall[rest]
	case rest%10 == 0:
		text = enTens[rest/10]
	default:
		text = enTens[rest/10] + "-" + enSmall[rest%10]
	}
	if hundreds == 0 {
		return text
	}
	if text != "" {
		text = " and " + text
	}
	return enSmall[hundreds] + " hundred" + text
}

var enIrregular = map[string]string{
	"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}

// enOrdinal makes the last word of a number an ordinal.
func enOrdinal(n int) string {
	words := enCardinal(n)
	cut := strings.LastIndexAny(words, " -") + 1
	head, last := words[:cut], words[cut:]
	switch irregular, ok := enIrregular[last]; {
	case ok:
		return head + irregular
	case strings.HasSuffix(last, "y"):
		return head + strings.TrimSuffix(last, "y") + "ieth"
	}
	return words + "th"
}

func enOrdinalMark(n int) string {
	if tens := n % 100; tens < 11 || tens > 13 {
		switch n % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}
