// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Any so many points as are needed give the secret back, in any order.
func TestSplitAndCombine(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, MostShares).Draw(r, "n")
		need := rapid.IntRange(2, n).Draw(r, "need")
		secret := NewKey()
		points, err := split(secret, need, n)
		if err != nil {
			r.Fatal(err)
		}
		some := rapid.Permutation(points).Draw(r, "order")[:need]
		if got, err := combine(some); err != nil || got != secret {
			r.Fatalf("%d of %d do not give the secret back: %v", need, n, err)
		}
		if got, err := combine(some[:need-1]); err == nil && got == secret {
			r.Fatal("one fewer gives the secret back")
		}
		if _, err := combine(append(some, some[0])); err == nil {
			r.Fatal("the same point twice was taken")
		}
	})
	for _, c := range [][2]int{{1, 3}, {0, 3}, {4, 3}, {2, MostShares + 1}, {-1, -1}} {
		if _, err := split(NewKey(), c[0], c[1]); err == nil {
			t.Errorf("%d of %d was taken", c[0], c[1])
		}
	}
}

// One fewer than are needed says nothing: whatever the secret is, what they show
// is spread evenly over all values. Tested by χ².
func TestFewerSharesSayNothing(t *testing.T) {
	const rounds = 256 * 400
	for _, secret := range []byte{0, 1, 0xff} {
		for _, c := range []struct{ need, n, seen int }{{2, 3, 1}, {3, 5, 2}} {
			counts := map[string]int{}
			var key Key
			key[0] = secret
			for range rounds / 32 {
				for b := range key {
					key[b] = secret
				}
				points, err := split(key, c.need, c.n)
				if err != nil {
					t.Fatal(err)
				}
				for b := range key { // 32 splits at once
					if c.seen == 1 {
						counts[string(points[1].y[b])]++
					} else { // two bytes, put into 256 classes
						counts[string(points[1].y[b]^mul(3, points[3].y[b]))]++
					}
				}
			}
			expected := float64(rounds) / 256
			chi := 0.0
			for v := range 256 {
				d := float64(counts[string(byte(v))]) - expected
				chi += d * d / expected
			}
			// 255 degrees of freedom: mean 255, deviation 22.6; beyond 400 once in 10⁸.
			if chi > 400 || chi < 140 {
				t.Errorf("secret %d, %d of %d: χ² = %.0f over %d splits: the shares lean on the secret", secret, c.need, c.n, chi, rounds)
			}
		}
	}
}

// mul and inverse make a field.
func TestField(t *testing.T) {
	for a := range 256 {
		if a > 0 && mul(byte(a), inverse(byte(a))) != 1 {
			t.Fatalf("%d has no inverse", a)
		}
		for b := range 256 {
			if mul(byte(a), byte(b)) != mul(byte(b), byte(a)) || a > 0 && b > 0 && mul(byte(a), byte(b)) == 0 {
				t.Fatalf("%d times %d", a, b)
			}
		}
	}
	if mul(0x57, 0x83) != 0xc1 { // FIPS 197, section 4.2
		t.Error("not the field of AES")
	}
	seen := map[uint16]bool{}
	for a, i := uint16(1), 0; i < 1023; i, a = i+1, mul10(a, 2) {
		seen[a] = true
	}
	if len(seen) != 1023 {
		t.Errorf("α makes %d of 1023 elements", len(seen))
	}
}

func testShares(t testing.TB, need int, holders ...ShareHolder) (Key, [16]byte, Shares) {
	t.Helper()
	secret := NewKey()
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	all, err := SplitSecret(secret, id.ID(), need, holders)
	if err != nil {
		t.Fatal(err)
	}
	return secret, id.ID(), all
}

func quickWork() Stretch { return Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

func TestShares(t *testing.T) {
	member, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	public := member.Public()
	secret, of, all := testShares(t, 2, ShareHolder{Member: &public}, ShareHolder{Words: "four words kept apart", Work: quickWork()}, ShareHolder{Words: "others", Work: quickWork()})
	if s := fmt.Sprintf("%v %+v %s", all.Shares[0], all.Shares[0], all.Shares[1]); strings.ReplaceAll(s, redacted, "") != "  " {
		t.Errorf("a share prints itself: %s", s)
	}
	for i, s := range all.Shares {
		words := s.Words()
		if len(words) != 38 {
			t.Fatalf("%d words", len(words))
		}
		var sheet strings.Builder
		for j, w := range words {
			fmt.Fprintf(&sheet, "%2d. %s\r\n", j+1, strings.ToUpper(w))
		}
		for _, text := range []string{strings.Join(words, " "), sheet.String(), s.Text(), strings.ToLower(s.Text()) + "\n"} {
			if got, err := ParseShare(text); err != nil || got != s {
				t.Errorf("share %d is not read back: %v", i, err)
			}
		}
		if s.Number() != i+1 || s.Need() != 2 || s.Set() != SetID(of[:8]) {
			t.Errorf("share %d says it is %d", i, s.Number())
		}
	}
	least := quickWork()
	a, err := all.Slots[0].OpenAsMember(all.Shares[0], of, member)
	if err != nil {
		t.Fatal(err)
	}
	b, err := all.Slots[1].OpenWithWords(all.Shares[1], of, " four  words\tkept apart ", least)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := JoinShares([]OpenedShare{b, a}); err != nil || got != secret {
		t.Errorf("not the secret: %v", err)
	}
	if _, err := JoinShares([]OpenedShare{a}); err == nil {
		t.Error("one share was enough")
	}
	if _, err := JoinShares([]OpenedShare{a, a}); err == nil {
		t.Error("one share twice was enough")
	}
	// Wrong words, another's identity, another's slot, a changed share: named, and nothing comes out.
	if _, err := all.Slots[1].OpenWithWords(all.Shares[1], of, "four words kept away", least); !errors.Is(err, ErrNotShare) {
		t.Errorf("wrong words: %v", err)
	}
	other, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Slots[0].OpenAsMember(all.Shares[0], of, other); !errors.Is(err, ErrNotSealedToYou) {
		t.Errorf("another identity: %v", err)
	}
	if _, err := all.Slots[2].OpenWithWords(all.Shares[1], of, "four words kept apart", least); !errors.Is(err, ErrNotShare) {
		t.Errorf("another slot: %v", err)
	}
	changed := all.Shares[1]
	changed.sealed[7] ^= 1
	if _, err := all.Slots[1].OpenWithWords(changed, of, "four words kept apart", least); !errors.Is(err, ErrNotShare) {
		t.Errorf("a changed share: %v", err)
	}
	if _, err := all.Slots[1].OpenWithWords(all.Shares[1], of, "four words kept apart", LeastStretch()); !errors.Is(err, ErrDamaged) {
		t.Errorf("too little work: %v", err)
	}
	// Shares of two sets.
	_, of2, all2 := testShares(t, 2, ShareHolder{Member: &public}, ShareHolder{Words: "x", Work: quickWork()})
	c, err := all2.Slots[1].OpenWithWords(all2.Shares[1], of2, "x", least)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := JoinShares([]OpenedShare{a, c}); err == nil {
		t.Error("shares of two sets were joined")
	}
	if _, err := all.Slots[1].OpenWithWords(all2.Shares[1], of, "x", least); !errors.Is(err, ErrNotShare) {
		t.Errorf("a share of another set: %v", err)
	}
}

// One wrong word is named, wherever it is; two or three are noticed; so are two
// that changed places, one left out, one twice.
func TestShareMistakes(t *testing.T) {
	list := strings.Fields(wordList)
	rapid.Check(t, func(r *rapid.T) {
		s := Share{set: SetID{1}, need: 2, x: 1, sealed: NewKey()}
		words := s.Words()
		at := rapid.Permutation([]int{0, 1, 2, 3, 17, 34, 35, 36, 37, 20, 8}).Draw(r, "at")
		n := rapid.IntRange(1, 3).Draw(r, "wrong")
		for _, i := range at[:n] {
			old := words[i]
			for words[i] == old {
				words[i] = list[rapid.IntRange(0, len(list)-1).Draw(r, "word")]
			}
		}
		_, err := ParseShare(strings.Join(words, " "))
		var wrong *ShareWordError
		if !errors.As(err, &wrong) || !wrong.Known {
			r.Fatalf("%d wrong words: %v", n, err)
		}
		if n == 1 && wrong.Word != at[0]+1 {
			r.Fatalf("word %d is wrong, and %d was named", at[0]+1, wrong.Word)
		}
	})
	s := Share{set: SetID{1}, need: 2, x: 1, sealed: NewKey()}
	words := s.Words()
	for i := range words {
		unknown := append([]string(nil), words...)
		unknown[i] = "куә"
		var wrong *ShareWordError
		if _, err := ParseShare(strings.Join(unknown, " ")); !errors.As(err, &wrong) || wrong.Known || wrong.Word != i+1 || strings.Contains(err.Error(), "куә") {
			t.Errorf("word %d unknown: %v", i+1, err)
		}
		if i > 0 && words[i] != words[i-1] {
			swapped := append([]string(nil), words...)
			swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
			if _, err := ParseShare(strings.Join(swapped, " ")); !errors.As(err, &wrong) {
				t.Errorf("words %d and %d changed places: %v", i, i+1, err)
			}
		}
	}
	var length *ShareLengthError
	for _, w := range [][]string{words[1:], append(words, words[3]), nil} {
		if _, err := ParseShare(strings.Join(w, " ")); !errors.As(err, &length) || length.Got != len(w) {
			t.Errorf("%d words: %v", len(w), err)
		}
	}
	text := s.Text()
	for i := len(shareText); i < len(text); i++ {
		b := []byte(text)
		b[i] = 'A' + (b[i]-'A'+1)%26
		if b[i] == text[i] {
			continue
		}
		if got, err := ParseShare(string(b)); err == nil && got != s {
			t.Fatalf("a mistake in letter %d is not noticed", i)
		}
	}
}

func FuzzParseShare(f *testing.F) {
	s := Share{set: SetID{1}, need: 2, x: 1, sealed: NewKey()}
	f.Add(strings.Join(s.Words(), " "))
	f.Add(s.Text())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseShare(text)
		if err != nil {
			return
		}
		again, err := ParseShare(strings.Join(s.Words(), " "))
		if err != nil || !bytes.Equal(again.bytes(), s.bytes()) {
			t.Errorf("not read back: %v", err)
		}
	})
}

// The symbols are filled up with zeros, and only so.
func TestSharePadding(t *testing.T) {
	s := Share{set: SetID{1}, need: 2, x: 1, sealed: NewKey()}
	symbols := toSymbols(s.bytes())
	for range 20 {
		bad := bytes10(symbols)
		bad[dataWords-1] ^= 1 << rand.IntN(6)
		if _, ok := fromSymbols(bad); ok {
			t.Error("what fills up was not checked")
		}
	}
}
