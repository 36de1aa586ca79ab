// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"math/bits"
	"strings"
)

// word is one word of a name made ready to be compared in one role.
type word struct {
	text    string // as written
	letters []rune
	script  script
	plain   string // its letters in plain Latin, slips and all
	proper  string // its sounds spelt properly in the same Latin
	fold    string // with the feminine ending of a family name made masculine
	stem    string // without -ov, -ev, -in or the ending of a patronymic
	suffix  bool   // stem is shorter than fold by a known ending
	female  bool   // the ending is feminine
	male    bool   // the ending is masculine
	initial bool
	entry   int    // of the lexicon, 0 for none
	id      uint32 // in a Book, 0 in none

	foldSounds, stemSounds uint8 // which classes of consonants occur
}

// ready fills what is derived from fold and stem.
func (w *word) ready() *word {
	w.entry = lexicon().lookup(w.stem)
	w.foldSounds, w.stemSounds = classes(w.fold), classes(w.stem)
	return w
}

// classes says which of the seven classes of consonants a word has. Sounds of
// one class are confused; to lose or gain a class costs the greater part of an error.
func classes(fold string) uint8 {
	var set uint8
	for i := range len(fold) {
		switch fold[i] {
		case 'k', 'g', 'h':
			set |= 1
		case 't', 'd':
			set |= 2
		case 's', 'S', 'C', 'c', 'z', 'j':
			set |= 4
		case 'b', 'p', 'v', 'f':
			set |= 8
		case 'm', 'n':
			set |= 16
		case 'l':
			set |= 32
		case 'r':
			set |= 64
		}
	}
	return set
}

// farApart reports, without looking at the order of sounds, that two words
// differ by three classes of consonants: by more than any slip makes.
func farApart(a, b *word) bool {
	return bits.OnesCount8(a.foldSounds^b.foldSounds) >= 3 && bits.OnesCount8(a.stemSounds^b.stemSounds) >= 3
}

func newWord(text string) *word {
	letters, s := clean(text)
	w := &word{text: strings.TrimSpace(text), letters: letters, script: s, fold: sounds(letters, s), plain: plainLatin(letters, s)}
	w.proper = spell(w.fold)
	if w.fold == "" {
		return nil
	}
	w.initial = isInitial(text, letters)
	w.stem = w.fold
	return w
}

func isInitial(text string, letters []rune) bool {
	return len(letters) == 1 || len(letters) <= 3 && strings.HasSuffix(strings.TrimSpace(text), ".")
}

// The endings of family names after folding, feminine ones first made masculine.
var feminine = []struct{ from, to string }{
	{"ova", "ov"}, {"eva", "ev"}, {"Eva", "Ev"}, {"ina", "in"}, {"skaia", "ski"}, {"ckaia", "cki"}, {"aia", "i"},
}

// bare returns the word before it was read in a role.
func (w *word) bare() *word {
	fold := sounds(w.letters, w.script)
	return &word{text: w.text, letters: w.letters, script: w.script, fold: fold, stem: fold, plain: w.plain, proper: w.proper, initial: w.initial}
}

// inRole reads a bare word in a role and keeps it.
func inRole(w *word, r role) *word {
	switch r {
	case family:
		return asFamily(w)
	case given:
		return asGiven(w)
	default:
		return asPatronymic(w)
	}
}

func familyWord(text string) *word { return asFamily(newWord(text)) }

func givenWord(text string) *word { return asGiven(newWord(text)) }

func patronymicWord(text string) *word { return asPatronymic(newWord(text)) }

func asFamily(w *word) *word {
	if w == nil || w.initial {
		return w
	}
	for _, f := range feminine {
		if stem, ok := strings.CutSuffix(w.fold, f.from); ok && len(stem) >= 2 {
			w.fold, w.female = stem+f.to, true
			break
		}
	}
	if stem, ok := strings.CutSuffix(w.fold, "ov"); ok && stem != "" && strings.ContainsRune("SCjc", rune(stem[len(stem)-1])) {
		w.fold = stem + "Ev" // Чернышёв, Chernychov
	}
	w.stem = w.fold
	for _, end := range []string{"ov", "ev", "Ev", "in"} {
		if stem, ok := strings.CutSuffix(w.fold, end); ok && len(stem) >= 2 {
			w.stem, w.suffix = stem, true
			w.male = !w.female
			break
		}
	}
	w.stem = trimGlide(w.stem)
	return w.ready()
}

func asGiven(w *word) *word {
	if w == nil || w.initial {
		return w
	}
	return w.ready()
}

// The endings of patronymics after folding, the longest first.
var patronymics = []struct {
	end    string
	female bool
}{
	{"iniCna", true}, {"ovna", true}, {"evna", true}, {"Evna", true}, {"iCna", true},
	{"kizi", true}, {"gizi", true}, {"kiz", true},
	{"oviC", false}, {"eviC", false}, {"EviC", false},
	{"ogli", false}, {"oglu", false}, {"ugli", false}, {"uulu", false}, {"uli", false}, {"ulu", false},
	{"iC", false},
}

func asPatronymic(w *word) *word {
	if w == nil || w.initial {
		return w
	}
	if end, female := patronymicEnd(w.fold); end != "" {
		w.stem, w.suffix = strings.TrimSuffix(w.fold, end), true
		w.female, w.male = female, !female
	}
	w.stem = trimGlide(w.stem)
	return w.ready()
}

func patronymicEnd(fold string) (end string, female bool) {
	for _, p := range patronymics {
		if stem, ok := strings.CutSuffix(fold, p.end); ok && len(stem) >= 2 {
			return p.end, p.female
		}
	}
	return "", false
}

// trimGlide drops the final й or и of a stem: Айтбай, Айтбаевич; Гали, Галиевич.
func trimGlide(stem string) string {
	if t := strings.TrimRight(stem, "i"); len(t) >= 2 {
		return t
	}
	return stem
}

// allowed is how much two words may differ and still be one, by the length of the shorter.
func allowed(n int) int {
	switch {
	case n <= 3:
		return 25
	case n == 4:
		return 95
	default:
		return 105
	}
}

// never stands for a distance that no two spellings of one word have.
const never = 400

// apart is the distance of two words in one role; never from the point where they are different words.
func apart(a, b *word, r role) int {
	if a.initial || b.initial {
		if initialFits(a, b) {
			return 0
		}
		return never
	}
	shorter := min(len(a.fold), len(b.fold))
	if r == patronymic {
		shorter = min(len(a.stem), len(b.stem))
	}
	limit := allowed(shorter)
	known := misspelt(a, b) || misspelt(b, a)
	if known && shorter == 4 {
		limit = oneError
	}
	var d int
	switch {
	case a.fold == b.fold:
		return 0
	case farApart(a, b):
		return never
	case r == given:
		d = distance(a.fold, b.fold, limit)
		if d <= limit && otherSex(a.fold, b.fold) {
			return never
		}
	case a.suffix == b.suffix && r == family:
		d = distance(a.fold, b.fold, limit)
	case a.suffix == b.suffix:
		d = distance(a.stem, b.stem, limit)
		if a.female == b.female && d > 0 {
			d = min(d, distance(a.fold, b.fold, limit))
		}
	default:
		d = distance(a.stem, b.stem, limit)
		if r == family { // Копбай, Копбаев; or a slip in the ending
			d = min(d+20, distance(a.fold, b.fold, limit))
		}
	}
	if d > 0 && a.entry != 0 && b.entry != 0 && a.entry != b.entry {
		return never // two known names: not a slip of one into the other
	}
	if d <= limit {
		return d
	}
	if known && slip(a, b, 4) || slip(a, b, 5) {
		return oneError
	}
	return never
}

// misspelt reports whether a is a name in use and b a word that is none and may
// be a slip of it: Марат and Маат or Мара; but not Дина and Динар, which may be a
// name that the lexicon lacks.
func misspelt(a, b *word) bool {
	return a.entry != 0 && b.entry == 0 && !strings.HasPrefix(b.fold, a.fold)
}

// slip reports whether one finger went wrong in the letters, where that made
// other sounds than it dropped: Azlhanov for Alzhanov, Утеенов for Утегенов. A
// word that lost a letter must still have least of them.
func slip(a, b *word, least int) bool {
	if min(len(a.plain), len(b.plain)) < 4 {
		return false
	}
	if swapped(a.plain, b.plain) || swapped(a.plain, b.proper) || swapped(a.proper, b.plain) || dropped(a.plain, b.plain, least) {
		return true
	}
	return a.script == b.script && slipped(a.letters, b.letters)
}

// otherSex reports whether two given names differ by an ending that makes
// another name of it: Айдан and Айдана, Гани and Ғания.
func otherSex(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return b == a+"a" || b == a+"ia" || len(a) > 1 && b == a[:len(a)-1]+"a" && a[len(a)-1] != 'e' && a[len(a)-1] != 'o'
}

func initialFits(a, b *word) bool {
	if a.letters[0] == b.letters[0] {
		return true
	}
	if a.initial && b.initial || len(a.fold) == 0 || len(b.fold) == 0 {
		return a.fold == b.fold
	}
	return sound.exchange[a.fold[0]&127][b.fold[0]&127] <= 50
}
