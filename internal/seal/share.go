// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"strings"
	"unicode"
)

// Share is what one trustee keeps of a secret that several hold together: as
// words on paper. By itself it opens nothing: it is sealed once more, to the
// trustee's identity or under a few words of their own. It does not print itself.
type Share struct {
	set    SetID
	need   byte
	x      byte
	sealed Key
}

// SetID names the shares that belong together: the beginning of the id of the
// identity that they bring back. So each share vouches for whom it is about.
type SetID [8]byte

// Set names the shares that belong together.
func (s Share) Set() SetID { return s.set }

// Need is how many shares of the set give the secret back.
func (s Share) Need() int { return int(s.need) }

// Number is which share of the set it is, from 1.
func (s Share) Number() int { return int(s.x) }

func (s Share) String() string             { return redacted }
func (s Share) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
func (s Share) LogValue() slog.Value       { return slog.StringValue(redacted) }

// What is written of a share.
const (
	shareFormat = 1
	shareLen    = 1 + 8 + 1 + 1 + 32
	dataWords   = (shareLen*8 + 9) / 10
	checkWords  = 3
	shareWords  = dataWords + checkWords
	shareText   = "KUA-SHARE-"
)

var (
	// ErrShareText says that a text is no share, or was copied with a mistake.
	ErrShareText = errors.New("this is not a share as the program wrote it: copy it once more, all of it")
	// ErrNotShare says that what opens a share is wrong, or the share is.
	ErrNotShare = errors.New("this share does not open so: check the words that open it; if they are right, the share was altered")
)

// ShareWordError says which word of a share is wrong. It does not repeat the word.
type ShareWordError struct {
	Word  int  // from 1; 0: more than one is wrong, or two have changed places
	Known bool // it is on the list of words, but not the one that belongs here
}

func (e *ShareWordError) Error() string {
	switch {
	case e.Word == 0:
		return "more than one word of the share is wrong, or two have changed places: compare it with the paper, word by word"
	case e.Known:
		return fmt.Sprintf("word %d of the share is not the one on the paper: look at it again", e.Word)
	}
	return fmt.Sprintf("word %d of the share is not one of the words that shares are written with: look at the paper again", e.Word)
}

// ShareLengthError says that a share has too few or too many words.
type ShareLengthError struct{ Got int }

func (e *ShareLengthError) Error() string {
	return fmt.Sprintf("a share has %d words, these are %d: one was left out or written twice", shareWords, e.Got)
}

func (s Share) bytes() []byte {
	b := append([]byte{shareFormat}, s.set[:]...)
	b = append(b, s.need, s.x)
	return append(b, s.sealed[:]...)
}

func shareOf(b []byte) (Share, error) {
	if len(b) != shareLen || b[0] != shareFormat {
		return Share{}, fmt.Errorf("%w, or a newer program wrote it", ErrShareText)
	}
	s := Share{set: SetID(b[1:9]), need: b[9], x: b[10], sealed: Key(b[11:])}
	if s.need < 2 || s.need > MostShares || s.x < 1 || s.x > MostShares {
		return Share{}, ErrShareText
	}
	return s, nil
}

// Words writes the share as 38 words, of which the last three find mistakes.
func (s Share) Words() []string {
	list := strings.Fields(wordList)
	words := make([]string, shareWords)
	for i, n := range withChecks(toSymbols(s.bytes())) {
		words[i] = list[n]
	}
	return words
}

// Text writes the share as one line of capital letters and digits, fit for a QR code.
func (s Share) Text() string {
	b := s.bytes()
	sum := sha256.Sum256(append([]byte("kua/share-text/v1\x00"), b...))
	return shareText + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(b, sum[:4]...))
}

// ParseShare reads a share as Words or Text wrote it. Numbers, signs and new
// lines between the words do not matter.
func ParseShare(text string) (Share, error) {
	text = strings.TrimSpace(text)
	if len(text) > 4096 {
		return Share{}, ErrShareText
	}
	if upper := strings.ToUpper(text); strings.HasPrefix(upper, shareText) {
		b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.Join(strings.Fields(upper[len(shareText):]), ""))
		if err != nil || len(b) != shareLen+4 {
			return Share{}, ErrShareText
		}
		sum := sha256.Sum256(append([]byte("kua/share-text/v1\x00"), b[:shareLen]...))
		if !bytes.Equal(sum[:4], b[shareLen:]) {
			return Share{}, ErrShareText
		}
		return shareOf(b[:shareLen])
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) })
	at := map[string]uint16{}
	for i, w := range strings.Fields(wordList) {
		at[w] = uint16(i)
	}
	symbols := make([]uint16, len(words))
	for i, w := range words {
		n, ok := at[w]
		if !ok {
			return Share{}, &ShareWordError{Word: i + 1}
		}
		symbols[i] = n
	}
	if len(symbols) != shareWords {
		return Share{}, &ShareLengthError{len(symbols)}
	}
	if word, ok := check(symbols); !ok {
		return Share{}, &ShareWordError{Word: word, Known: true}
	}
	b, ok := fromSymbols(symbols[:dataWords])
	if !ok {
		return Share{}, ErrShareText
	}
	return shareOf(b)
}

// toSymbols cuts bytes into symbols of 10 bits, the last one filled up with zeros.
func toSymbols(b []byte) []uint16 {
	symbols := make([]uint16, dataWords)
	for i := range len(b) * 8 {
		if b[i/8]>>(7-i%8)&1 == 1 {
			symbols[i/10] |= 1 << (9 - i%10)
		}
	}
	return symbols
}

// fromSymbols is the inverse; false where what fills up is not zero.
func fromSymbols(symbols []uint16) ([]byte, bool) {
	b := make([]byte, shareLen)
	for i := range len(symbols) * 10 {
		if symbols[i/10]>>(9-i%10)&1 == 0 {
			continue
		}
		if i/8 >= len(b) {
			return nil, false
		}
		b[i/8] |= 1 << (7 - i%8)
	}
	return b, true
}

// The check words are those of a Reed-Solomon code over GF(2¹⁰) with the
// polynomial x¹⁰+x³+1: the words, taken as the coefficients of a polynomial
// from the highest, have the roots α⁰, α¹ and α². Any one word that is wrong is
// found and named; any two, and any three, are noticed.
const field10 = 1<<10 | 1<<3 | 1

func mul10(a, b uint16) uint16 {
	var p uint32
	for i := range 10 {
		p ^= -(uint32(b) >> i & 1) & (uint32(a) << i)
	}
	for i := bits.Len32(p) - 1; i >= 10; i = bits.Len32(p) - 1 {
		p ^= field10 << (i - 10)
	}
	return uint16(p)
}

// withChecks adds the check words: the remainder by (x-1)(x-α)(x-α²).
func withChecks(data []uint16) []uint16 {
	generator := []uint16{1}
	root := uint16(1)
	for range checkWords {
		next := make([]uint16, len(generator)+1)
		for i, c := range generator {
			next[i] ^= c
			next[i+1] ^= mul10(c, root)
		}
		generator, root = next, mul10(root, 2)
	}
	all := append(bytes10(data), make([]uint16, checkWords)...)
	rest := bytes10(all)
	for i := range data {
		c := rest[i]
		for j, g := range generator {
			rest[i+j] ^= mul10(c, g)
		}
	}
	copy(all[len(data):], rest[len(data):])
	return all
}

func bytes10(s []uint16) []uint16 { return append([]uint16(nil), s...) }

// check tells whether words are as they were written; else which one is wrong, from 1, 0: several.
func check(words []uint16) (int, bool) {
	var at [checkWords]uint16 // the polynomial at α⁰, α¹, α²
	root := uint16(1)
	for i := range at {
		for _, w := range words {
			at[i] = mul10(at[i], root) ^ w
		}
		root = mul10(root, 2)
	}
	if at == [checkWords]uint16{} {
		return 0, true
	}
	// One wrong word e at exponent p: at = e, e·αᵖ, e·α²ᵖ.
	if at[0] == 0 || mul10(at[1], at[1]) != mul10(at[0], at[2]) {
		return 0, false
	}
	power := at[0]
	for p := range len(words) {
		if power == at[1] {
			return len(words) - p, false
		}
		power = mul10(power, 2)
	}
	return 0, false
}

// ShareHolder is who a share is for: a member, to whose identity it is sealed,
// or somebody who has no account and gets a few words to keep apart from it.
type ShareHolder struct {
	Member *Public
	Words  string
	Work   Stretch // of the words
}

// ShareSlot is what is kept of one share, open to everyone who has the key
// files: what seals it, and by what it is known to be right.
type ShareSlot struct {
	Number byte     `json:"number"`
	Member []byte   `json:"member,omitempty"` // id of the member it is sealed to
	Sealed []byte   `json:"sealed,omitempty"` // its mask, sealed to them
	Work   *Stretch `json:"work,omitempty"`   // else it is masked by words
	Salt   []byte   `json:"salt,omitempty"`
	Check  []byte   `json:"check"`
}

// Shares are a secret that is split: the shares for the trustees, of which
// nothing is kept, and what is kept of them.
type Shares struct {
	Shares []Share
	Slots  []ShareSlot
}

// SplitSecret splits the secret that opens an identity among holders.
func SplitSecret(secret Key, of [16]byte, need int, holders []ShareHolder) (Shares, error) {
	points, err := split(secret, need, len(holders))
	if err != nil {
		return Shares{}, err
	}
	for _, some := range [][]point{points[:need], points[len(points)-need:]} {
		if back, err := combine(some); err != nil || back != secret {
			return Shares{}, errors.New("the shares do not give the secret back: nothing was made")
		}
	}
	var all Shares
	for i, h := range holders {
		p := points[i]
		slot := ShareSlot{Number: p.x, Check: shareCheck(of, p)}
		var mask Key
		if h.Member != nil {
			mask = NewKey()
			id := h.Member.ID()
			slot.Member = id[:]
			slot.Sealed, err = h.Member.Seal(maskLabel(of, p.x), mask[:])
		} else {
			slot.Salt = make([]byte, saltLen)
			rand.Read(slot.Salt)
			work := h.Work
			slot.Work = &work
			if strings.TrimSpace(h.Words) == "" {
				err = errors.New("a share needs words that open it")
			}
			mask = Key(work.stretch(h.Words, slot.Salt))
		}
		if err != nil {
			return Shares{}, err
		}
		s := Share{set: SetID(of[:8]), need: byte(need), x: p.x}
		subtle.XORBytes(s.sealed[:], p.y[:], mask[:])
		all.Shares = append(all.Shares, s)
		all.Slots = append(all.Slots, slot)
	}
	return all, nil
}

func maskLabel(of [16]byte, x byte) string { return fmt.Sprintf("kua/share-mask/v1/%x/%d", of, x) }

// shareCheck is what a share is known by. It has 256 bits of chance behind it,
// so nobody finds the share by it.
func shareCheck(of [16]byte, p point) []byte {
	b := append([]byte("kua/share-check/v1\x00"), of[:]...)
	b = append(b, p.x)
	sum := sha256.Sum256(append(b, p.y[:]...))
	return sum[:]
}

// OpenedShare is a share that its trustee has opened, and that was found right.
// It does not print itself.
type OpenedShare struct {
	of   [16]byte
	need int
	p    point
}

func (o OpenedShare) String() string             { return redacted }
func (o OpenedShare) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// Number is which share of the set it is.
func (o OpenedShare) Number() int { return int(o.p.x) }

// OpenAsMember opens a share with the identity of the member it is for:
// ErrNotSealedToYou, or ErrNotShare where the share is not the one that was made.
func (slot ShareSlot) OpenAsMember(s Share, of [16]byte, member *Identity) (OpenedShare, error) {
	if slot.Sealed == nil {
		return OpenedShare{}, ErrNotSealedToYou
	}
	b, err := member.Open(maskLabel(of, slot.Number), slot.Sealed)
	if err != nil {
		return OpenedShare{}, err
	}
	if len(b) != len(Key{}) {
		return OpenedShare{}, ErrDamaged
	}
	return slot.open(s, of, Key(b))
}

// OpenWithWords opens a share with the words that its trustee keeps apart from
// it: ErrNotShare where they are not right.
func (slot ShareSlot) OpenWithWords(s Share, of [16]byte, words string, least Stretch) (OpenedShare, error) {
	if slot.Work == nil || len(slot.Salt) != saltLen {
		return OpenedShare{}, ErrDamaged
	}
	if err := slot.Work.within(least, mostStretch()); err != nil {
		return OpenedShare{}, err
	}
	return slot.open(s, of, Key(slot.Work.stretch(words, slot.Salt)))
}

func (slot ShareSlot) open(s Share, of [16]byte, mask Key) (OpenedShare, error) {
	o := OpenedShare{of: of, need: int(s.need), p: point{x: s.x}}
	subtle.XORBytes(o.p.y[:], s.sealed[:], mask[:])
	if s.x != slot.Number || s.set != SetID(of[:8]) || subtle.ConstantTimeCompare(shareCheck(of, o.p), slot.Check) != 1 {
		return OpenedShare{}, ErrNotShare
	}
	return o, nil
}

// JoinShares gives the secret back. The caller checks that it opens what it
// must: shares of one set that were found right give no other.
func JoinShares(shares []OpenedShare) (Key, error) {
	if len(shares) == 0 || len(shares) < shares[0].need {
		return Key{}, errors.New("too few shares")
	}
	points := make([]point, 0, shares[0].need)
	for _, o := range shares[:shares[0].need] {
		if o.of != shares[0].of || o.need != shares[0].need {
			return Key{}, errors.New("shares of two different sets")
		}
		points = append(points, o.p)
	}
	return combine(points)
}
