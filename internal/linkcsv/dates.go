// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"strings"
)

// dating is how a column writes days.
type dating struct {
	monthFirst bool // 12/31/1971
}

// yearOf is the year of what looks like a date.
func yearOf(v string) (int, bool) {
	iso := dating{}.iso(v)
	if len(iso) < 4 || iso == v && !isoLike(v) {
		return 0, false
	}
	y := 0
	for i := range 4 {
		if iso[i] < '0' || iso[i] > '9' {
			return 0, false
		}
		y = y*10 + int(iso[i]-'0')
	}
	return y, y >= 1850 && y <= 2100
}

// isoLike reports whether a text is a year, a month or a day as ISO 8601 and EDTF write them.
func isoLike(v string) bool {
	shape := []byte(v)
	for i, c := range shape {
		if c >= '0' && c <= '9' || c == 'X' {
			shape[i] = '0'
		}
	}
	switch string(shape) {
	case "0000", "0000-00", "0000-00-00":
		return true
	}
	return false
}

// iso writes a date as 1971-05-31, as far as it is known; what it can't read it leaves as it is.
func (d dating) iso(v string) string {
	v = strings.TrimSpace(v)
	if isoLike(v) {
		return v
	}
	if len(v) == 8 && digits(v) {
		return v[:4] + "-" + v[4:6] + "-" + v[6:]
	}
	if len(v) > 10 && isoLike(v[:10]) && (v[10] == 'T' || v[10] == ' ') {
		return v[:10] // with a time of day
	}
	v = strings.TrimSuffix(strings.TrimSuffix(v, "."), " г")
	for _, sep := range []string{".", "/", "-"} {
		p := strings.Split(v, sep)
		switch {
		case len(p) == 3 && len(p[0]) <= 2 && len(p[1]) <= 2 && len(p[2]) == 4 && digits(p[0], p[1], p[2]):
			if sep == "/" && d.monthFirst {
				p[0], p[1] = p[1], p[0]
			}
			return p[2] + "-" + two(p[1]) + "-" + two(p[0])
		case len(p) == 3 && len(p[0]) == 4 && len(p[1]) <= 2 && len(p[2]) <= 2 && digits(p[0], p[1], p[2]):
			return p[0] + "-" + two(p[1]) + "-" + two(p[2])
		case len(p) == 2 && len(p[0]) <= 2 && len(p[1]) == 4 && digits(p[0], p[1]):
			return p[1] + "-" + two(p[0])
		}
	}
	return v
}

func digits(parts ...string) bool {
	for _, p := range parts {
		if p == "" {
			return false
		}
		for i := range len(p) {
			if p[i] < '0' || p[i] > '9' {
				return false
			}
		}
	}
	return true
}

func two(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}

// datingOf finds out whether days written with / have the month first: some
// value has a second part that no month has, and none a first.
func datingOf(values []string) dating {
	first, second := false, false
	for _, v := range values {
		p := strings.Split(strings.TrimSpace(v), "/")
		if len(p) == 3 && len(p[2]) == 4 && digits(p...) {
			first = first || two(p[0]) > "12"
			second = second || two(p[1]) > "12"
		}
	}
	return dating{monthFirst: second && !first}
}
