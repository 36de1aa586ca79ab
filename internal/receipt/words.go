// SPDX-License-Identifier: AGPL-3.0-or-later

package receipt

import (
	"embed"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/kua-registry/kua/internal/locale"
)

//go:embed words/*.txt
var lists embed.FS

// Words of a receipt, and how many a list has: 2^11.
const (
	Words    = 8
	listSize = 2048
)

// What is wrong with a receipt that somebody typed.
var ErrCount = errors.New("a receipt has eight words")

// WordError says which word is none of the list.
type WordError struct {
	Place int // from 1
	Near  []string
}

func (e *WordError) Error() string {
	if len(e.Near) > 0 {
		return fmt.Sprintf("word %d is not in the list; is it one of these: %s?", e.Place, strings.Join(e.Near, ", "))
	}
	return fmt.Sprintf("word %d is not in the list", e.Place)
}

// Language is a list of words.
type Language struct {
	code  string
	words []string       // as they are shown
	read  map[string]int // as they are read
}

// Lists has a list for each language, in the order in which they are tried.
type Lists []*Language

// Load reads the lists of the program.
func Load() (Lists, error) {
	var all Lists
	for _, code := range []string{"en", "ru", "kk"} {
		b, err := lists.ReadFile("words/" + code + ".txt")
		if err != nil {
			return nil, err
		}
		l := &Language{code: code, words: strings.Fields(string(b)), read: map[string]int{}}
		for i, w := range l.words {
			l.read[fold(w)] = i
		}
		if len(l.words) != listSize || len(l.read) != listSize {
			return nil, fmt.Errorf("the words of %s: %d, of which %d are read apart; there must be %d", code, len(l.words), len(l.read), listSize)
		}
		all = append(all, l)
	}
	return all, nil
}

// Write gives the eight words of a receipt in a language: en, ru or kk, and
// English for any other.
func (ls Lists) Write(r Receipt, language string) []string {
	l := ls[0]
	for _, other := range ls {
		if other.code == language {
			l = other
		}
	}
	n := new(big.Int).SetBytes(r[:])
	base, digit := big.NewInt(listSize), new(big.Int)
	words := make([]string, Words)
	for i := Words - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		words[i] = l.words[digit.Int64()]
	}
	return words
}

// Words is the list of a language, in its order: for a page that makes receipts
// where its reader sits. English for a language that has none.
func (ls Lists) Words(language string) []string {
	for _, l := range ls {
		if l.code == language {
			return slices.Clone(l.words)
		}
	}
	return slices.Clone(ls[0].words)
}

// Read finds the receipt that was typed, in any of the languages: between the
// words stands whatever is no letter, and a slip in a word is set right. Words
// that stand in two lists can be two receipts; both are given, the likelier
// one first. ErrCount, or a *WordError of the language that fits best.
func (ls Lists) Read(text string) ([]Receipt, error) {
	words := strings.FieldsFunc(norm.NFC.String(text), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) != Words {
		return nil, fmt.Errorf("%w; here are %d", ErrCount, len(words))
	}
	type reading struct {
		receipt Receipt
		slips   int
	}
	var found []reading
	var wrong *WordError
	fits := -1 // how many words of the language in which it is wrong are right
	for _, l := range ls {
		r, slips, right, err := l.readAll(words)
		if err != nil {
			if right > fits {
				wrong, fits = err, right
			}
			continue
		}
		at := len(found)
		for at > 0 && found[at-1].slips > slips {
			at--
		}
		found = append(found[:at], append([]reading{{r, slips}}, found[at:]...)...)
	}
	if len(found) == 0 {
		return nil, wrong
	}
	var all []Receipt
	for _, f := range found {
		all = append(all, f.receipt)
	}
	return all, nil
}

// readAll reads the words in one language: the receipt and how many slips were
// set right, or which word is the first that is none, and how many are as they
// stand in the list.
func (l *Language) readAll(words []string) (r Receipt, slips, right int, wrong *WordError) {
	n := new(big.Int)
	for i, w := range words {
		at, near := l.find(fold(w))
		switch {
		case at >= 0:
			right++
		case len(near) == 1:
			at = near[0]
			slips++
		case wrong == nil:
			wrong = &WordError{Place: i + 1}
			for _, k := range near {
				wrong.Near = append(wrong.Near, l.words[k])
			}
		}
		if wrong == nil {
			n.Lsh(n, 11).Or(n, big.NewInt(int64(at)))
		}
	}
	if wrong != nil {
		return Receipt{}, 0, right, wrong
	}
	n.FillBytes(r[:])
	return r, slips, right, nil
}

// find gives the place of a word, or of those that are one slip away.
func (l *Language) find(w string) (at int, near []int) {
	if at, ok := l.read[w]; ok {
		return at, nil
	}
	given := []rune(w)
	for i, other := range l.words {
		if oneSlip(given, []rune(fold(other))) {
			near = append(near, i)
		}
	}
	return -1, near
}

// fold gives a word as it is read: small, and with the letters that a Russian
// keyboard has.
func fold(w string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToLower(r); r == 'ё' {
			return 'е'
		}
		return locale.RussianLetter(r)
	}, w)
}

// oneSlip tells whether a is b, or b with one letter wrong, missing, added, or
// two neighbours swapped.
func oneSlip(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	same := func(x, y []rune) bool { return string(x) == string(y) }
	if len(a) < len(b) {
		return same(a[i:], b[i+1:])
	}
	if i >= len(a)-1 || same(a[i+1:], b[i+1:]) {
		return true
	}
	return a[i] == b[i+1] && a[i+1] == b[i] && same(a[i+2:], b[i+2:])
}
