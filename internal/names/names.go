// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name is a person's name by roles, each as it was written.
type Name struct {
	Family     string
	Given      string
	Patronymic string

	// Guessed says that nothing in the words told family name and given name
	// apart, so that the order in which they were written decided.
	Guessed bool
}

// role is the place of a word in a name.
type role uint8

const (
	family role = iota
	given
	patronymic
)

// New returns a name whose roles are known, as from the columns of a table.
// Where the words say that the columns were mixed up, Compare tries both ways.
func New(familyName, givenName, patronymicName string) Name {
	n := Name{Family: tidy(familyName), Given: tidy(givenName), Patronymic: tidy(patronymicName)}
	if n.Family != "" && n.Given != "" {
		n.Guessed = guessed(evidence(n.Family), evidence(n.Given))
	}
	return n
}

// guessed says that two words look as if they stood in each other's place.
func guessed(f, g weight) bool { return f.family+g.given < f.given+g.family }

func tidy(s string) string {
	for i := range len(s) {
		if s[i] <= ' ' || i > 0 && s[i] >= 0x80 && !utf8.RuneStart(s[i]) && (s[i-1] == 0xc2 || s[i-1] >= 0xe1 && s[i-1] <= 0xe3) { // it may have a space in it
			return strings.Join(strings.Fields(s), " ")
		}
	}
	return s
}

// String returns the name in the order family name, given name, patronymic.
func (n Name) String() string {
	return tidy(n.Family + " " + n.Given + " " + n.Patronymic)
}

// IsZero reports whether the name has no words.
func (n Name) IsZero() bool { return n.Family == "" && n.Given == "" && n.Patronymic == "" }

// Key returns the folded name, the same for all spellings that fold alike:
// family name, given name, father's name.
func (n Name) Key() string {
	p := Prepare(n)
	f, g, s := p.Words()
	return f + " " + g + " " + s
}

// weight is what a word says about its role, in no unit but comparable.
type weight struct{ family, given, patronymic int }

// Endings that only family names have, after folding.
var familyEnds = []string{"ov", "ev", "Ev", "ova", "eva", "Eva", "ski", "skaia", "cki", "ckaia", "enko", "Cuk", "iuk", "Svili", "adze", "ianc"}

// Endings that many family names and some given names have.
var maybeFamilyEnds = []string{"in", "ina", "uk", "ko", "ian", "ih", "aia"}

func evidence(text string) weight {
	w := newWord(text)
	if w == nil {
		return weight{}
	}
	if w.initial {
		return weight{family: -1, given: 2, patronymic: 1}
	}
	var e weight
	known := lexicon().lookup(w.fold) != 0
	if known {
		e.given, e.family = 3, -2
	}
	if ends(w.fold, familyEnds) {
		e.family += 4
		e.given -= 2
	} else if ends(w.fold, maybeFamilyEnds) && !known {
		e.family++
	}
	if end, _ := patronymicEnd(w.fold); end != "" && !known {
		e.patronymic, e.given = 4, e.given-3
	} else {
		e.patronymic = -1
	}
	return e
}

func ends(fold string, with []string) bool {
	for _, end := range with {
		if strings.HasSuffix(fold, end) && len(fold) > len(end)+1 {
			return true
		}
	}
	return false
}

// orders lists where the roles of two and three words may stand, the usual first; bonus is what being usual is worth.
var orders = [4][]struct {
	roles [3]role
	bonus int
}{
	2: {{[3]role{family, given}, 1}, {[3]role{given, family}, 0}, {[3]role{given, patronymic}, -3}, {[3]role{family, patronymic}, -4}},
	3: {
		{[3]role{family, given, patronymic}, 2}, {[3]role{given, patronymic, family}, 1}, {[3]role{given, family, patronymic}, 0},
		{[3]role{family, patronymic, given}, -1}, {[3]role{patronymic, given, family}, -2}, {[3]role{patronymic, family, given}, -2},
	},
}

// Parse reads a full name in any of the usual orders and finds the roles of its
// words by their endings, by known given names, and last by their order.
func Parse(full string) Name {
	words := split(full)
	switch len(words) {
	case 0:
		return Name{}
	case 1:
		if e := evidence(words[0]); e.given > e.family {
			return Name{Given: words[0]}
		}
		return Name{Family: words[0]}
	}
	for len(words) > 3 { // the words of a compound given name stay together
		at := joint(words)
		words = append(append(append([]string{}, words[:at]...), words[at]+" "+words[at+1]), words[at+2:]...)
	}
	weights := make([]weight, len(words))
	for i, w := range words {
		weights[i] = evidence(w)
	}
	best, bestScore, runner := 0, -100, -100
	for i, o := range orders[len(words)] {
		score := o.bonus
		for k, w := range weights {
			score += w.of(o.roles[k])
		}
		switch {
		case score > bestScore:
			best, bestScore, runner = i, score, bestScore
		case score > runner:
			runner = score
		}
	}
	var n Name
	for k, r := range orders[len(words)][best].roles[:len(words)] {
		switch r {
		case family:
			n.Family = words[k]
		case given:
			n.Given = words[k]
		case patronymic:
			n.Patronymic = words[k]
		}
	}
	n.Guessed = bestScore-runner <= 1
	return n
}

func (w weight) of(r role) int {
	switch r {
	case family:
		return w.family
	case given:
		return w.given
	default:
		return w.patronymic
	}
}

// joint finds the first of two neighbouring words that belong together: those that look like nothing else.
func joint(words []string) int {
	best, least := 0, 1000
	for i := range len(words) - 1 {
		a, b := evidence(words[i]), evidence(words[i+1])
		if s := max(a.family, a.patronymic) + max(b.family, b.patronymic); s < least {
			best, least = i, s
		}
	}
	return best
}

// maxWords bounds what Parse looks at: nobody's name is longer.
const maxWords = 8

// split cuts a full name into words. "А.Б." is two words, "Айтбай ұлы" is one, "Нур-Жигит" is one.
func split(full string) []string {
	var words []string
	start := -1
	cut := func(end int) {
		if start >= 0 {
			words = append(words, full[start:end])
			start = -1
		}
	}
	for i, r := range full {
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r) || strings.ContainsRune("'ʻ’‘`ʼ-‐‑", r):
			if start < 0 {
				start = i
			}
		case r == '.' && start >= 0:
			cut(i + 1)
		default:
			cut(i)
		}
	}
	cut(len(full))
	var out []string
	for _, w := range words {
		fold := Fold(w)
		if fold == "" {
			continue
		}
		if len(out) > 0 && (fold == "uli" || fold == "kizi" || fold == "ogli" || fold == "ugli" || fold == "oglu" || fold == "uulu") {
			out[len(out)-1] += " " + w
			continue
		}
		if len(out) < maxWords {
			out = append(out, w)
		}
	}
	return out
}
