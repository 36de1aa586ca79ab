// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import "strings"

// Costs are in hundredths of a typing error.
const (
	oneError  = 100
	unrelated = 150 // another sound: a different name rather than a slip
)

// costs of exchanging, dropping or adding sounds.
type costs struct {
	exchange [128][128]uint8
	drop     [128]uint8
}

// related lists sounds that spellings, hearing or final devoicing confuse.
var related = []struct {
	a, b byte
	cost uint8
}{
	{'a', 'e', 25}, {'a', 'o', 30}, {'o', 'u', 20}, {'i', 'e', 30}, {'i', 'u', 30}, {'i', 'o', 90}, {'a', 'i', 110},
	{'e', 'o', 110}, {'e', 'u', 120}, {'a', 'u', 120},
	{'E', 'e', 2}, {'E', 'o', 10}, {'E', 'u', 30}, {'E', 'i', 60}, {'E', 'a', 120},
	{'b', 'p', 40}, {'d', 't', 40}, {'g', 'k', 50}, {'z', 's', 35}, {'j', 'S', 40}, {'v', 'f', 40}, {'b', 'v', 60},
	{'k', 'h', 40}, {'g', 'h', 50}, {'C', 'S', 30}, {'c', 's', 50}, {'c', 'C', 60}, {'S', 's', 50}, {'j', 'z', 45},
	{'m', 'n', 60}, {'p', 'f', 60}, {'C', 'k', 90}, {'j', 'i', 90},
}

// The table is filled once and never changed.
var sound = func() (c costs) {
	for i := range c.exchange {
		for j := range c.exchange[i] {
			if i != j {
				c.exchange[i][j] = unrelated
			}
		}
		c.drop[i] = oneError
	}
	for _, r := range related {
		c.exchange[r.a][r.b], c.exchange[r.b][r.a] = r.cost, r.cost
	}
	for _, v := range "aeouE" {
		c.drop[v] = 80
	}
	c.drop['i'], c.drop['h'] = 35, 70
	return c
}()

// maxWord bounds the work of one distance: no name word is longer.
const maxWord = 40

// distance is the cost of turning one sequence of sounds into another:
// exchanges, losses, additions, and two neighbours in the wrong order. The head
// of a word is what people get right, so a slip there costs half as much again.
// It returns limit+1 as soon as it is above limit.
func distance(a, b string, limit int) int {
	if a == b {
		return 0
	}
	if len(a) > maxWord {
		a = a[:maxWord]
	}
	if len(b) > maxWord {
		b = b[:maxWord]
	}
	if d := (len(a) - len(b)); d*35 > limit || -d*35 > limit {
		return limit + 1
	}
	var store [3][maxWord + 1]int
	before, above, row := &store[0], &store[1], &store[2]
	for j := 1; j <= len(b); j++ {
		above[j] = above[j-1] + dropAt(b, j-1)
	}
	for i := 1; i <= len(a); i++ {
		ca := a[i-1] & 127
		row[0] = above[0] + dropAt(a, i-1)
		least := row[0]
		for j := 1; j <= len(b); j++ {
			cb := b[j-1] & 127
			x := int(sound.exchange[ca][cb])
			if x > 35 && i == 1 && j == 1 {
				x += x / 2
			}
			best := above[j-1] + x
			best = min(best, above[j]+dropAt(a, i-1), row[j-1]+dropAt(b, j-1))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				best = min(best, before[j-2]+oneError)
			}
			row[j] = best
			least = min(least, best)
		}
		if least > limit+oneError { // a swap may still step over one row
			return limit + 1
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit+1)
}

func dropAt(s string, i int) int {
	d := int(sound.drop[s[i]&127])
	if i == 0 {
		return d + d/2
	}
	return d
}

// swapped reports whether two words are the same but for two neighbouring letters in the wrong order.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// The rows of the keyboards: a finger slips sideways.
var keyboards = []string{"йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю", "qwertyuiop", "asdfghjkl", "zxcvbnm"}

// slipped reports whether two words differ in one letter, by its neighbour on the keyboard.
func slipped(a, b []rune) bool {
	if len(a) != len(b) || len(a) < 6 {
		return false
	}
	at := -1
	for i := range a {
		if a[i] != b[i] {
			if at >= 0 {
				return false
			}
			at = i
		}
	}
	if at < 1 {
		return false
	}
	for _, row := range keyboards {
		if strings.Contains(row, string([]rune{a[at], b[at]})) || strings.Contains(row, string([]rune{b[at], a[at]})) {
			return true
		}
	}
	return false
}

// dropped reports whether one word in plain Latin is the other without one
// letter, not its first and not one of a digraph (Doszhanov and Doshanov are
// two names), and is not shorter than least.
func dropped(a, b string, least int) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a)+1 != len(b) || len(a) < least {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i > 0 && a[i:] == b[i+1:] && b[i] != 'h' && (i+1 == len(b) || b[i+1] != 'h')
}
