// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/edtf"
)

// figures are the ways in which figures stand together, tried in this order.
// All are matched at the start of the folded rest of a text.
var figures = []struct {
	pattern *regexp.Regexp
	read    func(g []string) (token, error)
}{
	{regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})`), yearFirst},
	{regexp.MustCompile(`^(\d{4})\.(\d{1,2})\.(\d{1,2})`), yearFirst},
	{regexp.MustCompile(`^(\d{4})/(\d{1,2})/(\d{1,2})`), yearFirst},
	{regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})\.(\d{4})`), dayFirst},
	{regexp.MustCompile(`^(\d{1,2})-(\d{1,2})-(\d{4})`), eitherFirst},
	{regexp.MustCompile(`^(\d{1,2})/(\d{1,2})/(\d{4})`), eitherFirst},
	{regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})\.(\d{2})`), twoDigits},
	{regexp.MustCompile(`^(\d{1,2})-(\d{1,2})-(\d{2})`), twoDigits},
	{regexp.MustCompile(`^(\d{1,2})/(\d{1,2})/(\d{2})`), twoDigits},
	{regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])\.?m\b\.?)?(?: ?(?:utc|gmt) ?([+-]\d{1,2}(?::?\d{2})?)?| ?(\+\d{2}:\d{2})|(z)\b)?`), clockToken},
	{regexp.MustCompile(`^(\d{1,2})()() ?([ap])\.?m\b\.?()()()`), clockToken},
	{regexp.MustCompile(`^(\d{1,2}) ?(?:ч|час|часа|часов)\.?(?: (\d{1,2}) ?(?:м|мин|минут|минуты|минута)\.?)?(?:[ ,]|$)`), hours},
	{regexp.MustCompile(`^(\d{4})[/-](\d{4}|\d{2})`), pairToken},
	{regexp.MustCompile(`^(\d{4})-(\d{2})`), yearMonth},
	{regexp.MustCompile(`^(\d{1,2})[./](\d{4})`), monthYear},
	{regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})`), dotted},
}

// errOther says that the figures mean something else than a pattern takes them for.
var errOther = errors.New("not these figures")

func num(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0 // an empty group
	}
	return n
}

func yearFirst(g []string) (token, error) {
	return figuresToken(num(g[1]), num(g[2]), num(g[3]))
}

func dayFirst(g []string) (token, error) {
	return figuresToken(num(g[3]), num(g[2]), num(g[1]))
}

// eitherFirst reads 25/01/2022, and refuses what has two meanings.
func eitherFirst(g []string) (token, error) {
	a, b, year := num(g[1]), num(g[2]), num(g[3])
	one, first := edtf.NewDay(year, b, a)
	other, second := edtf.NewDay(year, a, b)
	switch {
	case first == nil && second == nil && one != other:
		could := []edtf.Date{edtf.FromDay(one), edtf.FromDay(other)}
		return token{}, &DateError{Key: "date_read.which", Args: []any{could[0], could[1]}, Could: could}
	case first != nil && second == nil:
		a, b = b, a
	}
	return figuresToken(year, b, a)
}

// twoDigits refuses a year of two digits. With full stops the day stands
// first; otherwise nobody can tell what is what.
func twoDigits(g []string) (token, error) {
	if strings.Contains(g[0], ".") {
		if _, err := edtf.NewDay(2000, num(g[2]), num(g[1])); err == nil {
			return token{}, shortYear(num(g[1]), num(g[2]), num(g[3]))
		}
	}
	return token{}, refuse("two_digits")
}

func figuresToken(year, month, day int) (token, error) {
	if year < 1 || month < 1 || month > 12 {
		return token{}, refuse("no_such_month", month)
	}
	if day < 1 || day > 31 {
		return token{}, refuse("no_day", day)
	}
	return token{kind: tokFigures, year: year, month: month, day: day}, nil
}

func clockToken(g []string) (token, error) {
	hour, minute := num(g[1]), num(g[2])
	if g[4] != "" { // am or pm
		if hour < 1 || hour > 12 {
			return token{}, refuse("no_time")
		}
		hour %= 12
		if g[4] == "p" {
			hour += 12
		}
	}
	if hour > 23 || minute > 59 || num(g[3]) > 59 {
		return token{}, refuse("no_time")
	}
	text := fmt.Sprintf("%02d:%02d", hour, minute)
	if g[3] != "" {
		text += ":" + g[3]
	}
	switch offset := g[5] + g[6]; {
	case offset != "":
		digits := strings.ReplaceAll(offset[1:], ":", "")
		if len(digits)%2 == 1 {
			digits = "0" + digits
		}
		if len(digits) == 2 {
			digits += "00"
		}
		if num(digits[:2]) > 14 || num(digits[2:]) > 59 {
			return token{}, refuse("no_time")
		}
		text += offset[:1] + digits[:2] + ":" + digits[2:]
	case g[7] != "" || strings.Contains(g[0], "utc") || strings.Contains(g[0], "gmt"):
		text += "Z"
	}
	return token{kind: tokClock, text: text}, nil
}

func hours(g []string) (token, error) {
	if num(g[1]) > 23 || num(g[2]) > 59 {
		return token{}, refuse("no_time")
	}
	return token{kind: tokClock, text: fmt.Sprintf("%02d:%02d", num(g[1]), num(g[2]))}, nil
}

// pairToken reads 2021/22, 2021/2022 and 2021-22: two years that follow each other.
func pairToken(g []string) (token, error) {
	first, last := num(g[1]), num(g[2])
	if len(g[2]) == 2 {
		if (first+1)%100 != last || last <= 12 && strings.Contains(g[0], "-") {
			return token{}, errOther
		}
	} else if strings.Contains(g[0], "-") || last != first+1 {
		return token{}, errOther
	}
	return token{kind: tokPair, year: first, n: first + 1}, nil
}

func yearMonth(g []string) (token, error) {
	if m := num(g[2]); m < 1 || m > 12 {
		return token{}, refuse("no_such_month", m)
	}
	return token{kind: tokFigures, year: num(g[1]), month: num(g[2])}, nil
}

func monthYear(g []string) (token, error) {
	if m := num(g[1]); m < 1 || m > 12 {
		return token{}, refuse("no_such_month", m)
	}
	return token{kind: tokFigures, year: num(g[2]), month: num(g[1])}, nil
}

func dotted(g []string) (token, error) {
	return token{kind: tokDotted, day: num(g[1]), month: num(g[2])}, nil
}

// lexDate reads the words and figures of a date; text has single spaces.
func lexDate(text string) ([]token, error) {
	l := dateLexer{text: []rune(text), folded: []rune(readFold(text))}
	for l.at < len(l.folded) {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		l.tokens = append(l.tokens, t)
	}
	return l.tokens, nil
}

// dateLexer has a text twice, as it is and folded, letter for letter.
type dateLexer struct {
	text, folded []rune
	at           int
	tokens       []token
}

func (l *dateLexer) peek(n int) rune {
	if l.at+n < len(l.folded) {
		return l.folded[l.at+n]
	}
	return 0
}

func (l *dateLexer) next() (token, error) {
	r := l.folded[l.at]
	switch {
	case isDigit(r):
		return l.figures()
	case unicode.IsLetter(r):
		return l.word()
	}
	l.at++
	switch r {
	case ' ', '.', ',', ';', '(', ')', '"', '«', '»', '“', '”', '„':
		return token{}, nil
	case '~', '≈':
		return token{kind: tokAbout}, nil
	case '?':
		return token{kind: tokUnsure, after: true}, nil
	case '-':
		if n := len(l.tokens); n > 0 && l.tokens[n-1].kind == tokThird && l.peek(0) != ' ' {
			return token{}, nil // mid-June, mid-2022
		}
		return token{kind: tokDash}, nil
	case '/':
		return token{kind: tokSlash}, nil
	}
	return token{}, refuse("unreadable", string(r))
}

// figures reads figures and what is written together with them.
func (l *dateLexer) figures() (token, error) {
	rest := string(l.folded[l.at:])
	for _, f := range figures {
		g := f.pattern.FindStringSubmatch(rest)
		if g == nil {
			continue
		}
		last, next := g[0][len(g[0])-1], rest[len(g[0]):]
		if next != "" && isDigit(rune(last)) && isDigit(rune(next[0])) {
			continue
		}
		t, err := f.read(g)
		if errors.Is(err, errOther) {
			continue
		}
		if err != nil {
			return token{}, err
		}
		l.at += len([]rune(g[0]))
		switch {
		case t.kind == tokFigures && l.peek(0) == 't' && isDigit(l.peek(1)):
			l.at++ // 2022-01-05T14:30
		default:
			l.ending(&t)
		}
		return t, nil
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	t := token{kind: tokNumber, n: num(rest[:min(digits, 5)])}
	switch digits {
	case 1, 2:
	case 4:
		if t.year = t.n; t.year == 0 {
			return token{}, refuse("unreadable", rest[:digits])
		}
	default:
		return token{}, refuse("unreadable", rest[:min(digits, 20)])
	}
	l.at += digits
	if d, ok := l.decade(t); ok {
		return d, nil
	}
	if digits < 4 && l.monthAfterHyphen() {
		return t, nil
	}
	l.ending(&t)
	t.short = digits < 4 && l.yearFollows()
	return t, nil
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// letters returns the word at a place, with nothing but letters in it.
func (l *dateLexer) letters(at int) string {
	end := at
	for end < len(l.folded) && unicode.IsLetter(l.folded[end]) {
		end++
	}
	return string(l.folded[min(at, len(l.folded)):end])
}

// ending takes what is written after figures to say their case: 4-го, 4-нен, 5th.
func (l *dateLexer) ending(t *token) {
	for _, hyphen := range []int{1, 0} {
		if hyphen == 1 && l.peek(0) != '-' {
			continue
		}
		word := l.letters(l.at + hyphen)
		form, ok := numberEnds()[word]
		if !ok || word == "" {
			continue
		}
		t.form = form
		l.at += hyphen + len([]rune(word))
		return
	}
}

// decade reads what makes a year a decade: 1970s, 1970-е.
func (l *dateLexer) decade(t token) (token, bool) {
	if t.year == 0 || t.year%10 != 0 {
		return t, false
	}
	skip := 0
	if l.peek(0) == '-' {
		skip = 1
	}
	word := l.letters(l.at + skip)
	form, ok := decadeEnds()[word]
	if !ok || word == "" {
		return t, false
	}
	l.at += skip + len([]rune(word))
	return token{kind: tokDecade, n: t.year / 10, form: form}, true
}

// monthAfterHyphen skips the hyphen of 5-Jan and 5-қаңтар, and makes a space of the second one of 5-Jan-2022.
func (l *dateLexer) monthAfterHyphen() bool {
	if l.peek(0) != '-' {
		return false
	}
	word := l.letters(l.at + 1)
	if t, ok := readWords()[word]; !ok || t.kind != tokMonth {
		return false
	}
	l.at++
	if n := len([]rune(word)); l.peek(n) == '-' && isDigit(l.peek(n+1)) && isDigit(l.peek(n+4)) {
		l.folded[l.at+n] = ' '
	}
	return true
}

// yearFollows reports whether the next word is "year": then the number before it is one.
func (l *dateLexer) yearFollows() bool {
	at := l.at
	for at < len(l.folded) && l.folded[at] == ' ' {
		at++
	}
	t, ok := readWords()[l.letters(at)]
	return ok && t.kind == tokYear
}

// word reads the longest phrase there is, then single words.
func (l *dateLexer) word() (token, error) {
	words := readWords()
	var ends []int // where the first word ends, the first two …
	for at := l.at; len(ends) < longestPhrase; {
		end := at
		for end < len(l.folded) && (unicode.IsLetter(l.folded[end]) || unicode.IsMark(l.folded[end])) {
			end++
		}
		if end == at {
			break
		}
		ends = append(ends, end)
		if end >= len(l.folded) || l.folded[end] != ' ' && l.folded[end] != '-' {
			break
		}
		at = end + 1
	}
	for i := len(ends) - 1; i >= 0; i-- {
		if t, ok := words[string(l.folded[l.at:ends[i]])]; ok {
			l.at = ends[i]
			return t, nil
		}
	}
	return token{}, refuse("unreadable", shown(string(l.text[l.at:ends[0]])))
}

// shown keeps a long word out of the message about it.
func shown(word string) string {
	const longest = 40
	if r := []rune(word); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return word
}
