// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import "strings"

// Book holds the words of many names, each made ready once, so that millions of
// names can be compared by the numbers of their words. It is filled first and
// compared from afterwards, then by as many at once as like.
type Book struct {
	ids   map[string]uint32
	words []roles
	says  []weight // of each word: what it says about its role
}

// roles are the readings of one word; one that no name needs is nil.
type roles [3]*word

// Entry is a name of a Book: the numbers of its family name, given name and
// patronymic, 0 for one that is missing; then that of given name and patronymic
// as one word, where that may be meant, with guessedBit for Name.Guessed.
type Entry [4]uint32

const guessedBit = 1 << 31

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{ids: map[string]uint32{"": 0}, words: make([]roles, 1), says: make([]weight, 1)}
}

// Add puts a name into the book.
func (b *Book) Add(n Name) Entry {
	e := Entry{b.word(n.Family, family), b.word(n.Given, given), b.word(n.Patronymic, patronymic)}
	if e[family] != 0 && e[given] != 0 { // the other readings of Prepare
		b.word(n.Given, family)
		b.word(n.Family, given)
		if p := b.words[e[patronymic]][patronymic]; p != nil && !p.suffix && !p.initial {
			e[3] = b.word(n.Given+n.Patronymic, given)
		}
	}
	if n.Guessed {
		e[3] |= guessedBit
	}
	return e
}

// AddRoles puts a name whose roles are known into the book, as Add(New(…)) does.
func (b *Book) AddRoles(familyName, givenName, patronymicName string) Entry {
	n := Name{Family: tidy(familyName), Given: tidy(givenName), Patronymic: tidy(patronymicName)}
	if f, ok := b.ids[n.Family]; ok && n.Given != "" && f != 0 {
		if g, ok := b.ids[n.Given]; ok && g != 0 {
			n.Guessed = guessed(b.says[f], b.says[g])
			return b.Add(n)
		}
	}
	return b.Add(New(familyName, givenName, patronymicName))
}

// word numbers a word and makes it ready for a role; 0 is a word without a sound.
func (b *Book) word(text string, r role) uint32 {
	id, known := b.ids[text]
	if known && (id == 0 || b.words[id][r] != nil) {
		return id
	}
	var w *word
	if known {
		for _, other := range b.words[id] { // the letters of one word are the same in each role
			if other != nil {
				w = inRole(other.bare(), r)
				break
			}
		}
	} else {
		text = strings.Clone(text) // it may be a piece of a whole row
		bare := newWord(text)
		if bare == nil {
			return 0
		}
		id = uint32(len(b.words)) //nolint:gosec // fewer than there are rows
		b.ids[text] = id
		b.words = append(b.words, roles{})
		b.says = append(b.says, evidence(text))
		w = inRole(bare, r)
	}
	w.id = id
	b.words[id][r] = w
	return id
}

// Words is how many words there are.
func (b *Book) Words() int { return len(b.words) - 1 }

// Folded returns the folded family name, given name and father's name of an
// entry as Prepared.Words does, and the stem of the family name.
func (b *Book) Folded(e Entry) (familyName, givenName, fatherName, stem string) {
	if w := b.words[e[family]][family]; w != nil && !w.initial {
		familyName, stem = w.fold, w.stem
	}
	if w := b.words[e[given]][given]; w != nil && !w.initial {
		givenName = w.fold
	}
	if w := b.words[e[patronymic]][patronymic]; w != nil && !w.initial {
		fatherName = w.stem
	}
	return familyName, givenName, fatherName, stem
}

// Written returns the family name, given name and patronymic of an entry as they were written.
func (b *Book) Written(e Entry) (out [3]string) {
	for r := range out {
		if w := b.words[e[r]][r]; w != nil {
			out[r] = w.text
		}
	}
	return out
}

// Compare is Prepared.Compare for two entries. The memo is the caller's own:
// two that compare at once must not share it.
func (b *Book) Compare(x, y Entry, m *Memo) Comparison {
	var fx, fy [3]form
	return compareReadings(fx[:b.forms(x, &fx)], fy[:b.forms(y, &fy)], m)
}

// forms writes the readings of an entry, those that Prepare makes.
func (b *Book) forms(e Entry, f *[3]form) int {
	f[0] = form{family: b.words[e[family]][family], given: b.words[e[given]][given], patronymic: b.words[e[patronymic]][patronymic], factor: 1}
	if e[family] == 0 || e[given] == 0 {
		return 1
	}
	cost := swappedStated
	if e[3]&guessedBit != 0 {
		cost = swappedGuessed
	}
	f[1] = form{family: b.words[e[given]][family], given: b.words[e[family]][given], patronymic: f[0].patronymic, factor: cost, swapped: true}
	joined := e[3] &^ guessedBit
	if joined == 0 {
		return 2
	}
	f[2] = form{family: f[0].family, given: b.words[joined][given], factor: rejoined}
	return 3
}

// Memo remembers how far pairs of words are apart: the same words meet again
// and again. It forgets what it has no room for.
type Memo struct {
	pairs []uint64
	found []int16
}

// memoBits is the size of a memo: 65,536 pairs, 640 kB, most of it in the cache of a processor.
const memoBits = 16

// NewMemo returns an empty memo.
func NewMemo() *Memo {
	return &Memo{pairs: make([]uint64, 1<<memoBits), found: make([]int16, 1<<memoBits)}
}

// apart is the distance of two words in a role, remembered.
func (m *Memo) apart(a, b *word, r role) int {
	if m == nil || a.id == 0 || b.id == 0 {
		return apart(a, b, r)
	}
	low, high := min(a.id, b.id), max(a.id, b.id)
	const wordBits = 31
	pair := uint64(r+1)<<(2*wordBits) | uint64(low)<<wordBits | uint64(high)
	at := pair * 0x9e3779b97f4a7c15 >> (64 - memoBits)
	if m.pairs[at] != pair {
		m.pairs[at], m.found[at] = pair, int16(apart(a, b, r)) //nolint:gosec // never is the largest
	}
	return int(m.found[at])
}
