// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "Айдын", "Ш.", "Көпбаев Сұңқар Айтбайұлы", "Yo'ldoshev Sherzod", "А.Б.В.Г.", "- - -", "a\xff b", "Мамедова Севда Эльчин кызы", "и\u0306о"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Parse(s)
		if again := Parse(s); again != n {
			t.Fatalf("%q is read in two ways: %+v and %+v", s, n, again)
		}
		SearchKeys(s)
	})
}

func FuzzCompare(f *testing.F) {
	f.Add("Айдын Шайхиев", "Shaikhiev Aidyn")
	f.Add("Досжан Асан", "Асан Досжан")
	f.Add("Ш. А.", "ов ова")
	f.Add("Иса Иса Иса", "И И И")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, b := Prepare(Parse(x)), Prepare(Parse(y))
		ab, ba := a.Compare(b), b.Compare(a)
		if ab.Score != ba.Score {
			t.Fatalf("%q and %q: %v one way, %v the other", x, y, ab, ba)
		}
		if ab.Score < 0 || ab.Score > 1 {
			t.Fatalf("%q and %q: score %v", x, y, ab.Score)
		}
		if c := a.Compare(a); c.Score != 1 && !a.Name().IsZero() {
			t.Fatalf("%q and itself: %v", x, c)
		}
	})
}

// letters of the alphabets, for names nobody bears.
var (
	cyrillicLetters = []rune("абвгғдеёжзийікқлмнңоөпрстуұүфхһцчшщъыьэюяәАЖҚҒ")
	latinLetters    = []rune("abcdefghijklmnopqrstuvwxyzäöüñğşūıABCXYZ'")
)

func anyWord() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom(cyrillicLetters), 1, 12, -1),
		rapid.StringOfN(rapid.RuneFrom(latinLetters), 1, 12, -1),
		rapid.SampledFrom([]string{"Көпбаев", "Айтбайұлы", "Sunkar", "Серікқызы", "Ш.", "Kopbai", "Лукьянова", "Павловна"}),
	)
}

// A distance that depended on who asks would make clusters depend on the order of the rows.
func TestCompareIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(anyWord(), 1, 4).Draw(t, "words"), " ")
		})
		a, b := Prepare(Parse(name.Draw(t, "a"))), Prepare(Parse(name.Draw(t, "b")))
		if x, y := a.Compare(b).Score, b.Compare(a).Score; x != y {
			t.Fatalf("%v one way, %v the other", x, y)
		}
		if !a.Name().IsZero() && a.Compare(a).Score != 1 {
			t.Fatalf("%v is not itself", a.Name())
		}
	})
}

// What people do to a name without changing it.
func TestSpellingDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]string{
			"Көпбаев Сұңқар Айтбайұлы", "Лукьянова Вера Павловна", "Мельниченко Светлана", "Шоқанов Өркен Шыңғысұлы", "Ысмайылова Мөлдір",
		}).Draw(t, "name")
		words := strings.Fields(n)
		written := slices.Clone(words)
		if rapid.Bool().Draw(t, "given first") {
			written = append(slices.Clone(words[1:]), words[0])
		}
		if rapid.Bool().Draw(t, "no patronymic") {
			written = slices.DeleteFunc(written, func(w string) bool { return len(words) == 3 && w == words[2] })
		}
		s := strings.Join(written, rapid.SampledFrom([]string{" ", "  ", "\u00a0", ", "}).Draw(t, "space"))
		if rapid.Bool().Draw(t, "capitals") {
			s = strings.ToUpper(s)
		}
		if rapid.Bool().Draw(t, "russian letters") {
			s = strings.NewReplacer("ө", "о", "ұ", "у", "ү", "у", "қ", "к", "ғ", "г", "ң", "н", "і", "и", "ә", "а",
				"Ө", "О", "Ұ", "У", "Ү", "У", "Қ", "К", "Ғ", "Г", "Ң", "Н", "І", "И", "Ә", "А").Replace(s)
		}
		if c := Compare(Parse(n), Parse(s)); c.Score < Threshold {
			t.Fatalf("%q and %q: %+v", n, s, c)
		}
	})
}

func TestParse(t *testing.T) {
	for full, want := range map[string]Name{
		"Көпбаев Сұңқар Айтбайұлы":    {Family: "Көпбаев", Given: "Сұңқар", Patronymic: "Айтбайұлы"},
		"Сұңқар Айтбайұлы Көпбаев":    {Family: "Көпбаев", Given: "Сұңқар", Patronymic: "Айтбайұлы"},
		"Svetlana Izbasarov Usenovna": {Family: "Izbasarov", Given: "Svetlana", Patronymic: "Usenovna"},
		"Копбаев С.А.":                {Family: "Копбаев", Given: "С.", Patronymic: "А."},
		"С.А. Копбаев":                {Family: "Копбаев", Given: "С.", Patronymic: "А."},
		"Ким Алексей":                 {Family: "Ким", Given: "Алексей"},
		"Алексей Ким":                 {Family: "Ким", Given: "Алексей"},
		"Мамедова Севда Эльчин кызы":  {Family: "Мамедова", Given: "Севда", Patronymic: "Эльчин кызы"},
		"Айдын Хасанович":             {Given: "Айдын", Patronymic: "Хасанович"},
		"Досмұхамбетов":               {Family: "Досмұхамбетов"},
		"Айгерим":                     {Given: "Айгерим"},
		"":                            {},
		"— . ,":                       {},
		"Светлана Б.":                 {Family: "Б.", Given: "Светлана"},
		"Салтыков-Щедринов Михаил":    {Family: "Салтыков-Щедринов", Given: "Михаил"},
	} {
		got := Parse(full)
		got.Guessed = false
		if got != want {
			t.Errorf("%q: %+v, want %+v", full, got, want)
		}
	}
}

// Columns of a table may be mixed up; two brothers' rows may not be mixed up with that.
func TestNewSeesMixedColumns(t *testing.T) {
	if c := Compare(New("Сұңқар", "Көпбаев", ""), New("Kopbaev", "Sunkar", "")); c.Score < Threshold || !c.Swapped {
		t.Errorf("mixed columns: %+v", c)
	}
	if c := Compare(New("Хасанов", "Айдын", ""), New("Айдынов", "Хасан", "")); c.Score >= Threshold {
		t.Errorf("two people: %+v", c)
	}
}

func TestReasons(t *testing.T) {
	c := Compare(Parse("Шайхиев Айдын Хасанович"), Parse("Shaikhiev Aidyn Khakimovich"))
	var codes []string
	for _, r := range c.Reasons {
		codes = append(codes, r.Code)
		for _, lang := range []string{"en", "ru", "kk"} {
			if r.Text(lang) == r.Code {
				t.Errorf("%s has no text in %s", r.Code, lang)
			}
		}
	}
	if want := []string{"family.same", "given.same", "patronymic.different"}; !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
}

// A search in one script finds the name in another, misspelt or not.
func TestSearchKeys(t *testing.T) {
	for _, c := range []struct{ query, name string }{
		{"Копбаев", "Көпбаев Сұңқар Айтбайұлы"}, {"kopbay", "Көпбаев Сұңқар Айтбайұлы"}, {"sunqar", "Көпбаев Сұңқар Айтбайұлы"},
		{"айтбаевич", "Көпбаев Сұңқар Айтбайұлы"}, {"dzhunusova", "Жүнісова Жаннұр"}, {"Жунисов", "Жүнісова Жаннұр"},
		{"кулмагмабетов", "Qūlmağambetov Şyñğys"}, {"chingis", "Qūlmağambetov Şyñğys"}, {"Shaykhiyev", "Шайхиев Айдын"},
	} {
		have := SearchKeys(c.name)
		if !slices.ContainsFunc(SearchKeys(c.query), func(k string) bool { return slices.Contains(have, k) }) {
			t.Errorf("%q does not find %q: %v, %v", c.query, c.name, SearchKeys(c.query), have)
		}
	}
}

func TestLexiconHasNoNameTwice(t *testing.T) {
	lines := map[string]int{}
	n := 0
	for line := range strings.Lines(givenNames) {
		line, _, _ = strings.Cut(line, "#")
		n++
		for _, w := range strings.Fields(line) {
			if at, ok := lines[w]; ok && at != n {
				t.Errorf("line %d: %s stands in line %d already", n, w, at)
			}
			lines[w] = n
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	x := Prepare(Parse("Құлмағамбетов Шыңғыс Айтбайұлы"))
	y := Prepare(Parse("Kulmagambetov Chingiz Aitbayevich"))
	z := Prepare(Parse("Сейітов Үмбет Ерланович"))
	for b.Loop() {
		x.Compare(y)
		x.Compare(z)
	}
}
