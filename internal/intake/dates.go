// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
)

// layout is one way of writing a date that a mapping declares: the order of
// year (y), month (m) and day (d) and the sign between them.
type layout struct {
	text  string // as people know it: 02.01.2006
	order string // "dmy", "ymd", "mdy", "my", "ym", "y"; "serial", "edtf" and "words" stand for themselves
	sep   byte
}

// layouts are the forms that a mapping may declare, written as the 2nd of January 2006.
func layouts() []layout {
	return []layout{
		{"2006-01-02", "ymd", '-'}, {"2006.01.02", "ymd", '.'}, {"2006/01/02", "ymd", '/'},
		{"02.01.2006", "dmy", '.'}, {"02/01/2006", "dmy", '/'}, {"02-01-2006", "dmy", '-'},
		{"01/02/2006", "mdy", '/'}, {"01-02-2006", "mdy", '-'}, {"01.02.2006", "mdy", '.'},
		{"01.2006", "my", '.'}, {"01/2006", "my", '/'}, {"2006-01", "ym", '-'}, {"2006", "y", 0},
		{"serial", "serial", 0}, {"edtf", "edtf", 0}, {"range", "range", 0}, {"words", "words", 0},
	}
}

// parseLayout reads a declared form: 02.01.2006 or dd.mm.yyyy.
func parseLayout(s string) (layout, error) {
	t := strings.ToLower(strings.TrimSpace(s))
	t = strings.NewReplacer("yyyy", "2006", "гггг", "2006", "жжжж", "2006", "dd", "02", "дд", "02", "mm", "01", "мм", "01", "аа", "01", "кк", "02", "iso", "2006-01-02", "excel", "serial").Replace(t)
	var known []string
	for _, l := range layouts() {
		if l.text == t {
			return l, nil
		}
		known = append(known, l.text)
	}
	return layout{}, fmt.Errorf("%q is no form of dates that is known here: write the 2nd of January 2006 as the file would (%s)", s, strings.Join(known, ", "))
}

// checkLayouts refuses two forms by which one text would be two days.
func checkLayouts(ls []layout) error {
	for i, a := range ls {
		for _, b := range ls[:i] {
			if a.sep == b.sep && (a.order == "dmy" && b.order == "mdy" || a.order == "mdy" && b.order == "dmy") {
				return fmt.Errorf("%s and %s cannot both be declared: 05%c01%c2022 would be two days", b.text, a.text, a.sep, a.sep)
			}
		}
	}
	return nil
}

// dateProblem says why a text is not taken as a date.
type dateProblem struct {
	what, want string
	warning    bool // the date is good, something beside it is not kept
}

// parseDate reads a cell as a date and returns it as EDTF. Without a declared
// form only what can be read in one way is taken: 2022-01-05 and 05.01.2022
// (no language writes the month first with dots), and with strokes what has no
// month above 12.
func parseDate(c Cell, declared []layout) (string, *dateProblem) {
	text := strings.TrimSpace(c.Text)
	if c.Type == EDTFCell {
		return readDate(text, []layout{{"edtf", "edtf", 0}})
	}
	if from, to, ok := cutRange(text, declared); ok {
		return readRange(from, to, declared)
	}
	var late *dateProblem
	if day, clock, ok := cutClock(text); ok {
		text = day
		if strings.Trim(clock, "0:. ") != "" {
			late = &dateProblem{what: "the time of day is not kept in this field", want: "only the day is taken; the raw row keeps the rest", warning: true}
		}
	}
	text = strings.TrimSpace(strings.TrimSuffix(text, "г.р."))
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(text, "г."), "ж."), "г"))
	if c.Type == DateCell {
		declared = nil
	}
	s, p := readDate(text, declared)
	if p == nil {
		p = late
	}
	return s, p
}

// cutRange cuts a range at its sign, where the mapping says that there are ranges.
func cutRange(text string, declared []layout) (from, to string, ok bool) {
	if !slices.ContainsFunc(declared, func(l layout) bool { return l.order == "range" }) {
		return "", "", false
	}
	i := strings.IndexAny(text, ":~")
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:]), true
}

// readRange reads from:to, either side of which may be blank.
func readRange(from, to string, declared []layout) (string, *dateProblem) {
	declared = slices.DeleteFunc(slices.Clone(declared), func(l layout) bool { return l.order == "range" })
	ends := [2]string{"..", ".."}
	for i, text := range [2]string{from, to} {
		if text == "" {
			continue
		}
		s, p := readDate(text, declared)
		if p != nil {
			return "", p
		}
		ends[i] = s
	}
	if ends[0] == ends[1] && ends[0] != ".." {
		return ends[0], nil
	}
	d, err := edtf.Parse(ends[0] + "/" + ends[1])
	if err != nil || ends[0] == ends[1] {
		return "", &dateProblem{what: "is not a range of dates", want: "from:to, of which one may be left out, the earlier first"}
	}
	return d.String(), nil
}

func readDate(text string, declared []layout) (string, *dateProblem) {
	sep, parts := splitDate(text)
	iso := layout{"2006-01-02", "ymd", '-'}
	if len(parts) == 3 && sep == '-' && len(parts[0]) == 4 {
		return makeDay(parts, iso, declared)
	}
	for _, l := range declared {
		switch {
		case l.order == "words":
			if d, err := locale.ReadDate(text); err == nil {
				return d.String(), nil
			}
		case l.order == "edtf":
			if d, err := edtf.Parse(text); err == nil {
				return d.String(), nil
			}
		case l.order == "serial":
			if year := len(text) == 4 && hasYear(declared); !year && len(parts) == 1 && len(text) <= 7 && isDigits(text) {
				x, err := strconv.ParseFloat(text, 64)
				if s, ok := serialDate(x, false); err == nil && ok {
					return s[:10], nil
				}
			}
		case l.sep == sep && len(parts) == len(l.order) && fits(parts, l):
			return makeDay(parts, l, declared)
		}
	}
	if len(declared) == 0 && len(parts) == 3 {
		if s, p, ok := undeclared(sep, parts); ok {
			return s, p
		}
	}
	if strings.ContainsAny(text, "~?%X/") && (sep != '/' || len(parts) != 3) {
		if d, err := edtf.Parse(text); err == nil {
			return d.String(), nil
		}
	}
	what, want := "is not a date", wantDate(declared)
	switch {
	case len(parts) == 3 && len(parts[0]) <= 2 && len(parts[2]) == 2:
		what = "the year has two digits"
	case len(parts) == 3 && len(declared) > 0 && declared[0].order != "words":
		what = "is not written in the declared form"
	case len(parts) == 1 && len(text) == 4 && isDigits(text):
		what, want = "is only a year", "a whole date; if years alone are meant, add 2006 to dates"
	case len(parts) == 1 && isDigits(text) && len(text) >= 5 && len(text) <= 6:
		what, want = "is a plain number", "a date; if it counts days as spreadsheets do, add serial to dates"
	}
	return "", &dateProblem{what: what, want: want}
}

// undeclared takes what can be read in one way only.
func undeclared(sep byte, parts []string) (string, *dateProblem, bool) {
	switch {
	case len(parts[0]) == 4 && len(parts[1]) <= 2: // 2022/01/05, 2022.01.05
		s, p := makeDay(parts, layout{"", "ymd", sep}, nil)
		return s, p, true
	case len(parts[2]) != 4 || len(parts[0]) > 2 || len(parts[1]) > 2:
		return "", nil, false
	case sep == '.':
		s, p := makeDay(parts, layout{"", "dmy", sep}, nil)
		return s, p, true
	}
	a, _ := strconv.Atoi(parts[0])
	b, _ := strconv.Atoi(parts[1])
	switch {
	case a > 12 || a == b:
		s, p := makeDay(parts, layout{"", "dmy", sep}, nil)
		return s, p, true
	case b > 12:
		s, p := makeDay(parts, layout{"", "mdy", sep}, nil)
		return s, p, true
	case a < 1 || b < 1:
		return "", nil, false
	}
	return "", &dateProblem{
		what: fmt.Sprintf("%d %s or %d %s?", a, time.Month(b), b, time.Month(a)),
		want: fmt.Sprintf("declare in the mapping dates: 02%c01%c2006 (day first) or 01%c02%c2006 (month first)", sep, sep, sep, sep),
	}, true
}

// fits says whether the numbers are as long as the form has them.
func fits(parts []string, l layout) bool {
	for i, p := range parts {
		if l.order[i] == 'y' && len(p) != 4 || l.order[i] != 'y' && len(p) > 2 {
			return false
		}
	}
	return true
}

// makeDay makes a date of numbers in a known order and says if there is no such day.
func makeDay(parts []string, l layout, declared []layout) (string, *dateProblem) {
	y, m, d := 0, 0, 0
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return "", &dateProblem{what: "is not a date", want: wantDate(declared)}
		}
		switch l.order[i] {
		case 'y':
			y = n
		case 'm':
			m = n
		case 'd':
			d = n
		}
	}
	if y < 1850 || y > 2200 {
		return "", &dateProblem{what: fmt.Sprintf("the year %d cannot be meant", y), want: wantDate(declared)}
	}
	if strings.ContainsRune(l.order, 'm') && (m < 1 || m > 12) {
		return "", &dateProblem{what: fmt.Sprintf("there is no month %d", m), want: wantDate(declared)}
	}
	switch l.order {
	case "y":
		return fmt.Sprintf("%04d", y), nil
	case "my", "ym":
		return fmt.Sprintf("%04d-%02d", y, m), nil
	}
	if d < 1 || d > 31 || time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Day() != d {
		return "", &dateProblem{what: fmt.Sprintf("there is no %d %s %d", d, time.Month(m), y), want: wantDate(declared)}
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, d), nil
}

// splitDate cuts a text of up to three numbers with one sign between them.
// Anything else has no parts.
func splitDate(s string) (sep byte, parts []string) {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] >= '0' && s[i] <= '9' {
			continue
		}
		if i == start || i-start > 7 || len(parts) == 3 {
			return 0, nil
		}
		parts = append(parts, s[start:i])
		start = i + 1
		if i == len(s) {
			break
		}
		switch s[i] {
		case '.', '-', '/':
			if sep != 0 && sep != s[i] {
				return 0, nil
			}
			sep = s[i]
		default:
			return 0, nil
		}
	}
	return sep, parts
}

// cutClock takes a time of day off the end: "2022-01-05 14:30:00".
func cutClock(s string) (day, clock string, ok bool) {
	i := strings.LastIndexAny(s, " T")
	if i < 6 {
		return s, "", false
	}
	clock = strings.TrimSuffix(s[i+1:], "Z")
	if len(clock) < 4 || !strings.Contains(clock, ":") {
		return s, "", false
	}
	for _, c := range []byte(clock) {
		if (c < '0' || c > '9') && c != ':' && c != '.' {
			return s, "", false
		}
	}
	return strings.TrimSpace(s[:i]), clock, true
}

func hasYear(ls []layout) bool {
	for _, l := range ls {
		if l.order == "y" {
			return true
		}
	}
	return false
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func wantDate(declared []layout) string {
	if len(declared) == 0 {
		return "a date such as 2022-01-05"
	}
	var forms []string
	for _, l := range declared {
		switch l.order {
		case "words":
			forms = append(forms, "5 января 2022")
		case "serial", "edtf":
			forms = append(forms, l.text)
		default:
			forms = append(forms, strings.NewReplacer("2006", "2022", "02", "05").Replace(l.text))
		}
	}
	return "a date written as " + strings.Join(forms, ", ") // the forms stand alike in each language
}

// childOn says whether a person born on birth was under 18 on the day of the
// incident: yes, no, or unknown where the dates leave both open.
func childOn(birth, incident string) string {
	b, err := edtf.Parse(birth)
	if err != nil {
		return "unknown"
	}
	on, err := edtf.Parse(incident)
	if err != nil {
		return "unknown"
	}
	if b.Earliest() == edtf.MinDay || b.Latest() == edtf.MaxDay || on.Earliest() == edtf.MinDay || on.Latest() == edtf.MaxDay {
		return "unknown"
	}
	eighteenth := func(d edtf.Day) edtf.Day { return edtf.DayOf(d.Time().AddDate(18, 0, 0)) }
	switch {
	case on.Latest() < eighteenth(b.Earliest()):
		return "yes"
	case on.Earliest() >= eighteenth(b.Latest()):
		return "no"
	}
	return "unknown"
}
