// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"strings"
	"unicode"
)

// normal keeps the letters and digits of a value, in lower case.
func normal(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// trigrams are the runs of three letters of a text with its ends marked.
func trigrams(s string) []string {
	r := []rune("_" + strings.TrimSpace(s) + "_")
	if len(r) < 4 {
		return nil
	}
	var out []string
	for i := range len(r) - 2 {
		out = append(out, string(r[i:i+3]))
	}
	return out
}

// oneSlip reports whether two texts differ by one letter more, less or other, or by two neighbours exchanged.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 4 { // bytes of one letter at most
		return false
	}
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	equal := func(p, q []rune) bool { return string(p) == string(q) }
	switch len(y) - len(x) {
	case 0:
		if i == len(x) {
			return true
		}
		if equal(x[i+1:], y[i+1:]) {
			return true
		}
		return i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && equal(x[i+2:], y[i+2:])
	case 1:
		return equal(x[i:], y[i+1:])
	}
	return false
}

// jaroWinkler is the similarity of two texts from 0 to 1 by the letters they share in nearly the same places.
func jaroWinkler(s, t string) float64 {
	var bufA, bufB [64]rune
	a, b := appendRunes(bufA[:0], s), appendRunes(bufB[:0], t)
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	reach := max(max(len(a), len(b))/2-1, 0)
	var usedA, usedB [64]bool
	n := 0
	for i, r := range a {
		for j := max(0, i-reach); j < min(len(b), i+reach+1); j++ {
			if !usedB[j] && b[j] == r {
				usedA[i], usedB[j] = true, true
				n++
				break
			}
		}
	}
	if n == 0 {
		return 0
	}
	moved, j := 0, 0
	for i := range a {
		if !usedA[i] {
			continue
		}
		for !usedB[j] {
			j++
		}
		if a[i] != b[j] {
			moved++
		}
		j++
	}
	m := float64(n)
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(moved/2))/m) / 3
	head := 0
	for head < min(4, len(a), len(b)) && a[head] == b[head] {
		head++
	}
	return jaro + float64(head)*0.1*(1-jaro)
}

// appendRunes takes the first 64 letters: more says nothing more.
func appendRunes(buf []rune, s string) []rune {
	for _, r := range s {
		if len(buf) == cap(buf) {
			break
		}
		buf = append(buf, r)
	}
	return buf
}
