// SPDX-License-Identifier: AGPL-3.0-or-later

package receipt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func load(t testing.TB) Lists {
	t.Helper()
	ls, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

// TestWordsAreApart holds what one slip of the pen being set right rests on.
func TestWordsAreApart(t *testing.T) {
	for _, l := range load(t) {
		var folded [][]rune
		for _, w := range l.words {
			folded = append(folded, []rune(fold(w)))
			if n := len([]rune(w)); n < 3 || n > 11 {
				t.Errorf("%s: %q has %d letters", l.code, w, n)
			}
		}
		for i := range folded {
			for j := range i {
				if oneSlip(folded[i], folded[j]) {
					t.Errorf("%s: %q and %q are one slip apart", l.code, l.words[i], l.words[j])
				}
			}
		}
	}
}

func TestWrittenAndRead(t *testing.T) {
	ls := load(t)
	rapid.Check(t, func(t *rapid.T) {
		var r Receipt
		copy(r[:], rapid.SliceOfN(rapid.Byte(), len(r), len(r)).Draw(t, "bytes"))
		language := rapid.SampledFrom([]string{"en", "ru", "kk", "fr"}).Draw(t, "language")
		words := ls.Write(r, language)
		between := rapid.SampledFrom([]string{" ", "\n", ", ", " - ", "  1. ", "\u00a0"}).Draw(t, "between")
		text := strings.Join(words, between)
		if rapid.Bool().Draw(t, "capitals") {
			text = strings.ToUpper(text)
		}
		got, err := ls.Read(text)
		if err != nil || !slices.Contains(got, r) {
			t.Fatalf("not read again: %v", err)
		}
	})
}

// TestSlip makes one slip in one word, and expects the receipt all the same, or
// to be asked which of several words of that language is meant.
func TestSlip(t *testing.T) {
	ls := load(t)
	rapid.Check(t, func(t *rapid.T) {
		var r Receipt
		copy(r[:], rapid.SliceOfN(rapid.Byte(), len(r), len(r)).Draw(t, "bytes"))
		words := ls.Write(r, rapid.SampledFrom([]string{"en", "ru", "kk"}).Draw(t, "list"))
		i := rapid.IntRange(0, Words-1).Draw(t, "word")
		letters := []rune(fold(words[i])) // as typed on a Russian keyboard
		at := rapid.IntRange(0, len(letters)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			letters = slices.Delete(letters, at, at+1)
		case 1:
			letters = slices.Insert(letters, at, letters[at])
		case 2:
			if at+1 < len(letters) {
				letters[at], letters[at+1] = letters[at+1], letters[at]
			}
		}
		meant := words[i]
		words[i] = string(letters)
		got, err := ls.Read(strings.Join(words, " "))
		var bad *WordError
		switch {
		case errors.As(err, &bad):
			if len(bad.Near) < 2 || bad.Place != i+1 || !slices.Contains(bad.Near, meant) { // several can be as near
				t.Fatalf("word %d is not found again: %v: %v", i+1, words, bad)
			}
		case err != nil:
			t.Fatal(err)
		case !slices.Contains(got, r): // no slip makes one word of a list another one
			t.Fatalf("another receipt: %v", words)
		}
	})
}

func TestRefused(t *testing.T) {
	ls := load(t)
	words := ls.Write(Receipt{1, 2, 3}, "ru")
	if _, err := ls.Read(strings.Join(words[:7], " ")); !errors.Is(err, ErrCount) {
		t.Errorf("seven words: %v", err)
	}
	words[4] = "бжщшк"
	var bad *WordError
	if _, err := ls.Read(strings.Join(words, " ")); !errors.As(err, &bad) || bad.Place != 5 {
		t.Errorf("a word of no list: %v", err)
	}
	if _, err := ls.Read(""); !errors.Is(err, ErrCount) {
		t.Errorf("nothing: %v", err)
	}
}

// TestStretch is the vector of docs/spec/receipt.md.
func TestStretch(t *testing.T) {
	var r Receipt
	for i := range r {
		r[i] = byte(i + 1)
	}
	ls := load(t)
	k, err := r.Stretch([16]byte{0xa0, 15: 0xaf})
	if err != nil {
		t.Fatal(err)
	}
	stored := k.Stored()
	got := strings.Join([]string{
		strings.Join(ls.Write(r, "en"), " "), strings.Join(ls.Write(r, "ru"), " "), strings.Join(ls.Write(r, "kk"), " "),
		hex.EncodeToString(k.Door[:]), hex.EncodeToString(k.Seed[:]), hex.EncodeToString(k.Mark[:]), hex.EncodeToString(stored[:]),
	}, "\n")
	if want := strings.TrimSpace(vector); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if other, _ := r.Stretch([16]byte{0xa1}); other == k {
		t.Error("another installation gives the same keys")
	}
}

func TestNotShown(t *testing.T) {
	r := New()
	k, err := r.Stretch([16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %x %s %+v %#v %v %x %#v", r, r, r, r, r, k, k, k)
	for _, secret := range []string{hex.EncodeToString(r[:3]), hex.EncodeToString(k.Seed[:3]), hex.EncodeToString(k.Mark[:3]), fmt.Sprintf("%d %d %d", r[0], r[1], r[2])} {
		if strings.Contains(shown, secret) {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
	if _, err := r.MarshalText(); err == nil {
		t.Error("a receipt can be written as text")
	}
}

func FuzzRead(f *testing.F) {
	ls := load(f)
	for _, l := range ls {
		f.Add(strings.Join(ls.Write(Receipt{7, 1, 200}, l.code), " "))
	}
	f.Add("\u0301 а б в г д е ж з")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ls.Read(text)
		if (len(all) == 0) == (err == nil) {
			t.Fatalf("%d receipts and %v", len(all), err)
		}
	})
}

func BenchmarkStretch(b *testing.B) {
	for b.Loop() {
		if _, err := (Receipt{1}).Stretch([16]byte{1}); err != nil {
			b.Fatal(err)
		}
	}
}
