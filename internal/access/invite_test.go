// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"errors"
	"strings"
	"testing"
)

func TestCodeAsPeopleWriteIt(t *testing.T) {
	for range 50 {
		code := NewCode()
		text := code.String()
		for _, written := range []string{
			text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "-", " "),
			" " + strings.ReplaceAll(text, "-", " \u2011 ") + "\r\n",
			strings.NewReplacer("0", "o", "1", "l").Replace(text), strings.NewReplacer("0", "O", "1", "I").Replace(text),
		} {
			got, err := ParseCode(written)
			if err != nil || got != code || got.Name() != code.Name() || got.Secret() != code.Secret() {
				t.Fatalf("%q is not read as %q: %v", written, text, err)
			}
		}
	}
}

// One letter changed, left out, doubled, or two neighbours changed for each
// other: a slip of the hand is told as such, and not as a wrong code.
func TestMistypedCode(t *testing.T) {
	slips, unseen := 0, 0
	for range 20 {
		code := NewCode()
		letters := code.Secret()
		for i := range letters {
			var typed []string
			for _, c := range codeLetters {
				if byte(c) != letters[i] {
					typed = append(typed, letters[:i]+string(c)+letters[i+1:])
				}
			}
			typed = append(typed, letters[:i]+letters[i+1:], letters[:i]+string(letters[i])+letters[i:])
			if i > 0 && letters[i-1] != letters[i] {
				typed = append(typed, letters[:i-1]+string(letters[i])+string(letters[i-1])+letters[i+1:])
			}
			for _, text := range typed {
				slips++
				if got, err := ParseCode(text); err == nil {
					unseen++
					if got == code {
						t.Fatalf("%q is taken for %q", text, letters)
					}
				} else if !errors.Is(err, ErrCode) || strings.Contains(err.Error(), text) {
					t.Fatalf("%v", err)
				}
			}
		}
	}
	if unseen > 3 { // 1 in 1,048,576
		t.Errorf("%d of %d slips were not seen", unseen, slips)
	}
	for _, text := range []string{"", "-", "ÄÖ", strings.Repeat("0", 30), strings.Repeat("0", 1000), "\x00", "\xff\xfe"} {
		if _, err := ParseCode(text); !errors.Is(err, ErrCode) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCodesDiffer(t *testing.T) {
	codes, letters := map[Code]bool{}, map[rune]int{}
	for range 2000 {
		code := NewCode()
		if codes[code] {
			t.Fatal("twice the same code")
		}
		codes[code] = true
		for _, c := range code.Secret()[:codeChance] {
			letters[c]++
		}
	}
	for _, c := range codeLetters {
		if n := letters[c]; n < 1300 || n > 2000 { // 1625 each, and 40 are one standard deviation
			t.Errorf("%c is drawn %d times", c, n)
		}
	}
	if one, two := NewCode().Name(), NewCode().Name(); one == two {
		t.Error("two codes have one name")
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add(NewCode().String())
	f.Add("0000")
	f.Add("\xff -\u2011ıſK")
	f.Fuzz(func(t *testing.T, text string) {
		code, err := ParseCode(text)
		if err != nil {
			if !errors.Is(err, ErrCode) || code != (Code{}) {
				t.Fatalf("%v, %v", code, err)
			}
			return
		}
		again, err := ParseCode(code.String())
		if err != nil || again != code || len(code.Secret()) != codeChance+codeCheck {
			t.Fatalf("%q is read as %v, and that as %v, %v", text, code, again, err)
		}
	})
}
