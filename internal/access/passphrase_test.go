// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/seal"
)

func why(passphrase string, own ...string) string {
	var weak *WeakError
	if err := CheckPassphrase(passphrase, own...); errors.As(err, &weak) {
		return weak.Why
	} else if err != nil {
		return err.Error()
	}
	return ""
}

func TestWeakPassphrases(t *testing.T) {
	for _, weak := range []string{
		// What is tried first, as often as it takes to be long.
		"passwordpassword", "Password Password 1", "password123456789", "iloveyouiloveyou", "letmein letmein letmein",
		"P@ssw0rd P@ssw0rd", "adminadminadmin2022",
		"парольпарольпароль", "Пароль Пароль 2022", "привет привет привет", "любовь любовь любовь 1", "москва москва москва",
		"құпиясөз құпиясөз", "қазақстан қазақстан", "сәлем сәлем сәлем 2022", "алматы алматы алматы", "махаббат махаббат 1",
		// Names, and names with years.
		"айгерим 1990 айгерим", "нұрсұлтан нұрсұлтан", "Тоқаев Тоқаев 2022", "александр 1985 александр", "daniel daniel 1999",
		// Typed without switching the keyboard, there and back.
		"gfhjkmgfhjkmgfhjkm", "ghbdtn ghbdtn ghbdtn", "зфыыцщкв зфыыцщкв", "gfhjkm2022gfhjkm2022",
		// Along the keys.
		"qwertyuiopasdfghjkl", "йцукенгшщзхъфывапролджэ", "1234567890123456", "1q2w3e4r5t6y7u8i", "qazwsxedcrfvtgby", "0987654321qwertyuiop",
		"йфяцычувскамепинрт", "abcdefghijklmnopqrst", "абвгдеёжзийклмнопр", "zyxwvutsrqponmlkji",
		// The same again.
		"aaaaaaaaaaaaaaaaaaaa", "абабабабабабабабабаб", "xkqzxkqzxkqzxkqzxkqz", "1111222233334444", "................", "2019 2020 2021 2022 2023",
	} {
		if got := why(weak); got != TooCommon {
			t.Errorf("%q: %q, want %q", weak, got, TooCommon)
		}
	}
	for _, short := range []string{"", " ", "xkqz rvbn", "жщфц қғң", "a   b   c   d   e   f", "fifteen letters"} {
		if got := why(short); got != TooShort {
			t.Errorf("%q: %q, want %q", short, got, TooShort)
		}
	}
	for _, good := range []string{
		"seven good words nobody else would say", "лоскут двадцать жёлтых паровозов", "түйенің құлағында күміс сырға бар еді", "xK9 vRq2 mWz7 hTb4 pLn6",
		"my aunt keeps eleven umbrellas in the cellar", "ведро чужих заусениц под лестницей",
	} {
		if got := why(good); got != "" {
			t.Errorf("%q is refused: %q", good, got)
		}
	}
	// What belongs to whoever chooses it counts for little.
	if why("жасампазова жасампазова 77", "Жасампазова") != TooCommon {
		t.Error("their own name, twice")
	}
	if why("жасампазова жасампазова 77 кочерга ливень") != "" {
		t.Error("another's name and two words more")
	}
}

// TestGeneratedPassphrasesAreTaken: what the program makes, it takes when it
// is typed in as one's own.
func TestGeneratedPassphrasesAreTaken(t *testing.T) {
	for range 3000 {
		words, err := seal.NewPassphrase()
		if err != nil {
			t.Fatal(err)
		}
		if got := why(words, "aigerim", "Northern Sample Centre"); got != "" {
			t.Fatalf("%q is refused: %q", words, got)
		}
	}
}

// denyList is every word that is denied.
func denyList() []string {
	var words []string
	for word := range deniedWords() {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}

// TestWhatGuessersTryIsRefused: whatever is put together of denied words,
// years, runs of keys and one's own name alone is refused, however long it gets,
// and in whatever letters and signs it is written.
func TestWhatGuessersTryIsRefused(t *testing.T) {
	words := denyList()
	if len(words) < 900 { // each is in it as it is typed on the other keyboard, too
		t.Fatalf("%d words", len(words))
	}
	rapid.Check(t, func(t *rapid.T) {
		var parts []string
		for range rapid.IntRange(1, 12).Draw(t, "parts") {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0, 1:
				parts = append(parts, rapid.SampledFrom(words).Draw(t, "word"))
			case 2:
				parts = append(parts, rapid.SampledFrom([]string{"1987", "2005", "2022", "qwerty", "йцукен", "12345", "asdf", "жасампазова"}).Draw(t, "run"))
			case 3:
				parts = append(parts, strings.Repeat(rapid.SampledFrom([]string{"a", "ж", "7", "!"}).Draw(t, "letter"), rapid.IntRange(4, 20).Draw(t, "times")))
			}
		}
		text := strings.Join(parts, rapid.SampledFrom([]string{" ", "-", "_", "!"}).Draw(t, "between"))
		if rapid.Bool().Draw(t, "capitals") {
			text = strings.ToUpper(text)
		}
		if why(text, "Жасампазова") == "" {
			t.Fatalf("%q is taken", text)
		}
	})
}

func TestWhatIsSaidAgainCountsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chunk := rapid.StringOfN(rapid.RuneFrom([]rune("xkqzvbжщфцқғң379")), 1, 8, -1).Draw(t, "chunk")
		if text := strings.Repeat(chunk, 40); why(text) != TooCommon {
			t.Fatalf("%q is taken", text)
		}
	})
}

// TestAnyPassphraseIsAnswered: no text makes it fail otherwise than it should,
// take long, or repeat any of it.
func TestAnyPassphraseIsAnswered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		err := CheckPassphrase(text, text)
		var weak *WeakError
		if err != nil && !errors.As(err, &weak) {
			t.Fatalf("%v", err)
		}
		if err != nil && utf8.RuneCountInString(text) > 8 && strings.Contains(err.Error(), text) {
			t.Fatal("the error repeats the passphrase")
		}
		if err == nil && utf8.RuneCountInString(text) < ShortestPassphrase/2 {
			t.Fatalf("%q is taken", text)
		}
	})
	long := strings.Repeat("лоскут двадцать жёлтых паровозов ", 1<<15)
	if got := why(long); got != "" {
		t.Errorf("a very long one: %q", got)
	}
}

func TestKeyboards(t *testing.T) {
	for russian, latin := range map[string]string{"пароль": "gfhjkm", "привет": "ghbdtn", "йцукен": "qwerty"} {
		if got := onKeys(russian, russianKeys, latinKeys); got != latin {
			t.Errorf("%q is typed %q", russian, got)
		}
		if got := onKeys(latin, latinKeys, russianKeys); got != russian {
			t.Errorf("%q is typed %q", latin, got)
		}
	}
	if utf8.RuneCountInString(latinKeys) != utf8.RuneCountInString(russianKeys) {
		t.Error("the keyboards have different keys")
	}
}
