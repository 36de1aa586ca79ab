// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Why a passphrase of one's own is not taken.
const (
	TooShort  = "short"  // fewer than ShortestPassphrase letters
	TooCommon = "common" // without common words, names, years and runs of keys little is left
)

// WeakError says why a passphrase of one's own is not taken. It never repeats
// any of it.
type WeakError struct{ Why string }

func (e *WeakError) Error() string {
	if e.Why == TooShort {
		return "this passphrase is too short: take at least 16 letters, or let the program make one"
	}
	return "this passphrase is too easy to guess: common words, names, years and rows of keys hardly count; add words that have nothing to do with each other, or let the program make one"
}

const (
	// ShortestPassphrase is the least length of a passphrase of one's own.
	ShortestPassphrase = 16
	// leastLeft is how many letters and digits must be left once everything
	// that a guesser tries first counts as one.
	leastLeft = 12
	// leastDifferent is how many different ones must be among them.
	leastDifferent = 7
	longestWord    = 16
	shortestRun    = 4
	// looked is how much of a passphrase is looked at: what follows only adds.
	looked = 1000
)

// denied holds common words and names in English, Russian and Kazakh, one a
// line, as guessers' lists have them.
//
//go:embed denied.txt
var denied string

var deniedWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, line := range strings.Split(denied, "\n") {
		if word := strings.TrimSpace(line); word != "" && !strings.HasPrefix(word, "#") {
			words[word] = true
			words[onKeys(word, russianKeys, latinKeys)] = true // "пароль" typed without switching the keyboard
			words[onKeys(word, latinKeys, russianKeys)] = true
		}
	}
	return words
})

// The same keys on a Russian and on a Latin keyboard; then the rows of both
// and of the digits, along which a finger runs.
const (
	latinKeys   = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
	russianKeys = "йцукенгшщзхъфывапролджэячсмитьбю"
)

var keyRows = []string{
	"qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
	"1234567890", "abcdefghijklmnopqrstuvwxyz", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
	"qazwsxedcrfvtgbyhnujmik", "йфяцычувскамепинртгоьшлбщдю", "1q2w3e4r5t6y7u8i9o0p", "1й2ц3у4к5е6н7г8ш9щ0з",
}

// CheckPassphrase answers a *WeakError for a passphrase that a guesser would
// reach soon. own are words that belong to whoever chooses it, such as their name.
func CheckPassphrase(passphrase string, own ...string) error {
	text := strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(passphrase))), " ")
	if utf8.RuneCountInString(text) < ShortestPassphrase {
		return &WeakError{TooShort}
	}
	words := deniedWords()
	mine := map[string]bool{}
	for _, word := range own {
		if word = strings.ToLower(norm.NFKC.String(word)); utf8.RuneCountInString(word) >= 3 {
			mine[word] = true
		}
	}
	left := 0
	different := map[rune]bool{}
	said := map[string]bool{}                           // chunks that counted before: said again they do not
	typed, letters := []rune(text), []rune(plain(text)) // of one length
	typed, letters = typed[:min(len(typed), looked)], letters[:min(len(letters), looked)]
	for i := 0; i < len(letters); {
		n := max(guessed(letters[i:], words, mine), guessed(typed[i:], words, mine))
		switch {
		case n > 0:
			left++
		case unicode.IsLetter(letters[i]) || unicode.IsDigit(letters[i]):
			n = 1
			if i+3 <= len(letters) {
				chunk := string(letters[i : i+3])
				if said[chunk] {
					break
				}
				said[chunk] = true
			}
			left++
			different[letters[i]] = true
		default:
			n = 1
		}
		i += n
	}
	if left < leastLeft || len(different) < leastDifferent {
		return &WeakError{TooCommon}
	}
	return nil
}

// guessed is how many letters at the beginning a guesser has at once: a word
// of the lists, a year, a run of keys or of one letter. 0: none.
func guessed(letters []rune, words, mine map[string]bool) int {
	for n := min(longestWord, len(letters)); n >= 3; n-- {
		if word := string(letters[:n]); words[word] || mine[word] {
			return n
		}
	}
	if n := run(letters); n >= shortestRun {
		return n
	}
	if len(letters) >= 4 && (string(letters[:2]) == "19" || string(letters[:2]) == "20") && unicode.IsDigit(letters[2]) && unicode.IsDigit(letters[3]) {
		return 4
	}
	return 0
}

// run is how many letters at the beginning lie side by side on a keyboard, or are the same.
func run(letters []rune) int {
	longest := 1
	for n := 1; n < len(letters) && letters[n] == letters[0]; n++ {
		longest = n + 1
	}
	for _, row := range keyRows {
		keys := []rune(row)
		at := slices.Index(keys, letters[0])
		if at < 0 {
			continue
		}
		for _, step := range []int{1, -1} {
			n := 1
			for n < len(letters) && at+step*n >= 0 && at+step*n < len(keys) && keys[at+step*n] == letters[n] {
				n++
			}
			longest = max(longest, n)
		}
	}
	return longest
}

// plain undoes the digits and signs that stand for letters inside words.
func plain(text string) string {
	letters := []rune(text)
	for i, c := range letters {
		to, ok := map[rune]rune{'0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', '$': 's', '!': 'i'}[c]
		if ok && i > 0 && i+1 < len(letters) && unicode.IsLetter(letters[i-1]) && unicode.IsLetter(letters[i+1]) {
			letters[i] = to
		}
	}
	return string(letters)
}

// onKeys types a word on another keyboard.
func onKeys(word, from, to string) string {
	keys := []rune(to)
	return strings.Map(func(c rune) rune {
		if at := slices.Index([]rune(from), c); at >= 0 {
			return keys[at]
		}
		return c
	}, word)
}
