// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/collate"

	"github.com/kua-registry/kua/internal/edtf"
)

// notation is how a language writes numbers.
type notation struct {
	name    string // of the language, in itself
	group   string // between groups of three digits
	decimal string
	percent string // after the number
}

const (
	noBreakSpace = "\u00a0"
	minus        = "−"
	dash         = "–"
)

// notations follow CLDR. The space is the plain no-break space: the narrow one
// that typographers prefer is missing from the fonts of old phones.
var notations = map[string]notation{
	"en": {name: "English", group: ",", decimal: ".", percent: "%"},
	"ru": {name: "Русский", group: noBreakSpace, decimal: ",", percent: noBreakSpace + "%"},
	"kk": {name: "Қазақша", group: noBreakSpace, decimal: ",", percent: "%"},
}

// Text writes any value the way the language writes its kind: numbers, days
// and dates; everything else as it is.
func (l *Language) Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return l.Number(v)
	case int64:
		return l.Number(int(v))
	case edtf.Day:
		return l.Day(v)
	case edtf.Date:
		return l.Date(v)
	}
	return fmt.Sprint(v)
}

// Number writes a whole number with its digits in groups of three.
func (l *Language) Number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = minus, digits[1:]
	}
	return sign + l.grouped(digits)
}

func (l *Language) grouped(digits string) string {
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(l.notation.group)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Decimal writes a number with so many digits after the decimal sign.
func (l *Language) Decimal(x float64, places int) string {
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(x, 'f', places, 64), ".")
	sign := ""
	if digits, negative := strings.CutPrefix(whole, "-"); negative {
		whole = digits
		if strings.Trim(whole+fraction, "0") != "" { // no minus before a zero
			sign = minus
		}
	}
	if fraction == "" {
		return sign + l.grouped(whole)
	}
	return sign + l.grouped(whole) + l.notation.decimal + fraction
}

// Percent writes a share in whole per cent. Some are never shown as none, nor
// almost all as all: 1 of 300 is "<1%", 299 of 300 ">99%". Of an empty whole
// there is no share, and a dash.
func (l *Language) Percent(part, whole int) string {
	if whole <= 0 {
		return dash
	}
	share := (200*part + whole) / (2 * whole)
	switch {
	case part > 0 && share == 0:
		return "<1" + l.notation.percent
	case part < whole && share == 100:
		return ">99" + l.notation.percent
	}
	return l.Number(share) + l.notation.percent
}

// List joins items as in "a, b and c".
func (l *Language) List(items []string) string {
	switch n := len(items); n {
	case 0:
		return ""
	case 1:
		return items[0]
	default:
		return l.T("list.and", strings.Join(items[:n-1], ", "), items[n-1])
	}
}

// Collator returns what sorts texts by the language's alphabet, and "K-2"
// before "K-10". It keeps buffers: each goroutine needs its own.
func (l *Language) Collator() *collate.Collator {
	return collate.New(l.tag, collate.Numeric)
}

// plainNumber writes a number without groups, as years and days of a month are.
func plainNumber(n int) string { return strconv.Itoa(n) }

// yearNumber writes a year in four digits, so that the year 7 is not taken for a day.
func yearNumber(n int) string { return fmt.Sprintf("%04d", n) }
