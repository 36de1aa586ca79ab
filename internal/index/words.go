// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"golang.org/x/text/unicode/norm"
)

// Verbatim tokens are written into the text as a mark of the private use area
// and the token itself. Text of people is freed of these marks first (clean),
// so it can't forge one.
const (
	markKey    = '\uE000' // a key of a name
	markNumber = '\uE001' // a number of the case or of a register
	markKazakh = '\uE002' // a Kazakh stem, kept apart from Russian and English ones
)

// tokenizer is the FTS5 tokenizer "kua". One connection has one; it is used by
// one goroutine at a time.
type tokenizer struct {
	memo map[string]stemmed // words seen → their stems
}

type stemmed struct{ stem, kazakh string }

// maxMemo is how many words a tokenizer remembers before it begins anew.
const maxMemo = 1 << 14

// Tokenize emits, for each word, its stem, and at the same place its Kazakh
// stem: many Kazakh words can't be told from Russian ones by their letters
// (the Russian stemmer cuts адам to ад), so documents and queries carry both.
func (t *tokenizer) Tokenize(_ fts5.TokenizeFlag, text, _ string, emit fts5.TokenCallback) error {
	for start, end := range words(text) {
		word := text[start:end]
		if r, size := utf8.DecodeRuneInString(word); isMark(r) {
			if len(word) > size {
				if err := emit(0, word, start, end); err != nil {
					return err
				}
			}
			continue
		}
		s, ok := t.memo[word]
		if !ok {
			s = stems(fold(word))
			if len(t.memo) >= maxMemo {
				clear(t.memo)
			}
			t.memo[word] = s
		}
		if err := emit(0, s.stem, start, end); err != nil {
			return err
		}
		if s.kazakh != "" {
			if err := emit(fts5.TOKEN_COLOCATED, s.kazakh, start, end); err != nil {
				return err
			}
		}
	}
	return nil
}

// words yields the byte ranges of the words of a text: runs of letters, marks
// and digits. A private mark opens a word that goes on to the next white space.
func words(text string) func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		start, verbatim := -1, false
		for i, r := range text {
			switch {
			case start >= 0 && verbatim && r > ' ':
			case start >= 0 && !verbatim && isWord(r):
			case isMark(r):
				if start >= 0 && !yield(start, i) {
					return
				}
				start, verbatim = i, true
			default:
				if start >= 0 && !yield(start, i) {
					return
				}
				start, verbatim = -1, false
				if isWord(r) {
					start = i
				}
			}
		}
		if start >= 0 {
			yield(start, len(text))
		}
	}
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

func isMark(r rune) bool { return r >= markKey && r <= markKazakh }

// fold brings a word to the form in which it is compared.
func fold(word string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if r == 'ё' {
			return 'е'
		}
		return r
	}, word)
}

// clean composes a text and frees it of private marks.
func clean(text string) string {
	if isPlain(text) {
		return text
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if isMark(r) {
			return ' '
		}
		return r
	}, text))
}

// isPlain tells of most texts that nothing has to be done to clean them: they
// have only letters of the Latin and Cyrillic alphabets as they are composed,
// digits and punctuation.
func isPlain(text string) bool {
	for _, r := range text {
		switch {
		case r < 0x300: // ASCII and Latin letters
		case r >= 0x400 && r < 0x483, r >= 0x48a && r < 0x530: // Cyrillic; its combining marks stand between the two
		case r >= 0x2010 && r < 0x2028: // dashes and quotation marks
		case r == '№':
		default:
			return false
		}
	}
	return true
}

// stems answers the stem of a folded word and, for a Cyrillic one, its Kazakh stem with its mark.
func stems(word string) stemmed {
	r, _ := utf8.DecodeRuneInString(word)
	switch {
	case unicode.Is(unicode.Latin, r):
		env := snowballstem.NewEnv(word)
		english.Stem(env)
		return stemmed{nonEmpty(env.Current(), word), ""}
	case unicode.Is(unicode.Cyrillic, r):
		env := snowballstem.NewEnv(word)
		russian.Stem(env)
		return stemmed{nonEmpty(env.Current(), word), string(markKazakh) + kazakhStem(word)}
	}
	return stemmed{word, ""}
}

func nonEmpty(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// kazakhSuffixes are endings of nouns (number, possession, case), of
// adjectives made from nouns, and the commonest of verbs, longest first.
// No Snowball stemmer for Kazakh exists; this list is short on purpose: what
// it leaves on both sides alike still matches.
const kazakhSuffixes = `` +
	`ларымыз леріміз дарымыз деріміз тарымыз теріміз ларыңыз леріңіз ` +
	`ындағы індегі ларының лерінің дарының дерінің тарының терінің ` +
	`ылған ілген ынған інген ылды ілді атын етін йтын йтін ` +
	`ымыз іміз ыңыз іңіз ының інің ында інде ынан інен ымен імен ` +
	`дағы дегі тағы тегі лары лері дары дері тары тері ` +
	`лар лер дар дер тар тер ның нің дың дің тың тің дан ден тан тен нан нен ` +
	`мен бен пен лық лік дық дік тық тік сыз сіз ған ген қан кен мақ мек ` +
	`мыз міз ыма іме ына іне ады еді йды йді ` +
	`ға ге қа ке ны ні ды ді ты ті да де та те сы сі шы ші лы лі ым ім ың ің ып іп ын ін ы і у`

// kazakhMinStem is the shortest stem that is left, in letters.
const kazakhMinStem = 3

// kazakhMaxSuffixes is how many endings one word is freed of.
const kazakhMaxSuffixes = 4

// kazakhStem frees a folded Cyrillic word of Kazakh endings.
func kazakhStem(word string) string {
	stem := word
	for range kazakhMaxSuffixes {
		cut := kazakhCut(stem)
		if cut == stem {
			break
		}
		stem = cut
	}
	// A last voiceless consonant turns voiced before a vowel: құқық, құқығы.
	for _, pair := range [...][2]string{{"ғ", "қ"}, {"г", "к"}, {"б", "п"}} {
		if root, ok := strings.CutSuffix(stem, pair[0]); ok {
			return root + pair[1]
		}
	}
	return stem
}

func kazakhCut(word string) string {
	for suffix := range strings.SplitSeq(kazakhSuffixes, " ") {
		if root, ok := strings.CutSuffix(word, suffix); ok && utf8.RuneCountInString(root) >= kazakhMinStem {
			return root
		}
	}
	return word
}
