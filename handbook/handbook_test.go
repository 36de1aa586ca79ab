// SPDX-License-Identifier: AGPL-3.0-or-later

package handbook_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/handbook"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/packs/kg"
	"github.com/kua-registry/kua/packs/kz"
)

var (
	link    = regexp.MustCompile(`href="([a-z]+)\.html"`)
	command = regexp.MustCompile(`<code>kua [^<]*</code>`)
)

func body(t *testing.T, c handbook.Chapter) string {
	t.Helper()
	text, err := c.Body()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestChapters holds that the handbook says the same in every language, safety first, that its links lead to chapters, and
// that the chapters that are made say what the codebook says.
func TestChapters(t *testing.T) {
	kazakhstan, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	kyrgyzstan, err := codebook.Load(codebook.Data, kg.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, book := range []*codebook.Book{kazakhstan, kyrgyzstan} {
		english, err := handbook.Chapters(book, "en")
		if err != nil {
			t.Fatal(err)
		}
		if len(english) < 9 || english[0].ID != "safety" {
			t.Fatalf("%d chapters, the first is %s", len(english), english[0].ID)
		}
		for _, lang := range []string{"en", "ru", "kk"} {
			all, err := handbook.Chapters(book, lang)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != len(english) {
				t.Fatalf("%s: %d chapters, in English %d", lang, len(all), len(english))
			}
			for i, c := range all {
				text, plain := body(t, c), body(t, english[i])
				if c.ID != english[i].ID || c.Title == "" || !strings.HasPrefix(text, "<h1>") {
					t.Errorf("%s: chapter %d is %s %q", lang, i, c.ID, c.Title)
				}
				if got, want := command.FindAllString(text, -1), command.FindAllString(plain, -1); !slices.Equal(got, want) {
					t.Errorf("%s, %s: the commands are %v, in English %v", lang, c.ID, got, want)
				}
				if got, want := strings.Count(text, "<li>"), strings.Count(plain, "<li>"); got != want {
					t.Errorf("%s, %s: %d points, in English %d", lang, c.ID, got, want)
				}
				for _, m := range link.FindAllStringSubmatch(text, -1) {
					if !slices.ContainsFunc(all, func(c handbook.Chapter) bool { return c.ID == m[1] }) {
						t.Errorf("%s, %s: a link leads to %s, which is no chapter", lang, c.ID, m[1])
					}
				}
			}
			law, figures := body(t, all[len(all)-2]), body(t, all[len(all)-1])
			for _, want := range []string{book.Packs()[0].Warning.In(lang), book.Packs()[0].Treaties[0].Basis} {
				if !strings.Contains(law, want) {
					t.Errorf("%s: the chapter on the law does not say %q", lang, want)
				}
			}
			for _, r := range book.Rules() {
				if r.Use == codebook.Figure && !strings.Contains(figures, "<code>"+r.ID+"</code>") {
					t.Errorf("%s: the chapter on figures lacks %s", lang, r.ID)
				}
			}
		}
	}
	if _, err := handbook.Chapters(kazakhstan, "xx"); err == nil {
		t.Error("there is a language that is not")
	}
}

// TestPictures holds that each picture that a chapter shows is there, in its language and with words for those who do not
// see it, that the chapters show all there are, and that together they stay small.
func TestPictures(t *testing.T) {
	image := regexp.MustCompile(`<img src="pictures/([^"]+)" width="\d+" height="\d+" loading="lazy" alt="([^"]*)">|<img [^>]*>`)
	inEnglish, said := []string(nil), map[string]string{}
	size := 0
	for _, lang := range []string{"en", "ru", "kk"} {
		all, err := handbook.Chapters(nil, lang)
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, c := range all {
			for _, m := range image.FindAllStringSubmatch(body(t, c), -1) {
				switch other := said[m[2]]; {
				case m[1] == "":
					t.Errorf("%s, %s: not as a picture of the handbook is: %s", lang, c.ID, m[0])
				case len(strings.Fields(m[2])) < 5:
					t.Errorf("%s, %s: %s is described as %q", lang, c.ID, m[1], m[2])
				case other != "":
					t.Errorf("%s, %s: %s is described as %s is", lang, c.ID, m[1], other)
				}
				said[m[2]] = lang + " " + m[1]
				shown = append(shown, m[1])
				b, err := handbook.Picture(lang, m[1])
				if err != nil {
					t.Error(err)
				}
				size += len(b)
			}
		}
		if inEnglish == nil {
			inEnglish = slices.Clone(shown)
		}
		if !slices.Equal(shown, inEnglish) {
			t.Errorf("%s: the pictures are %v, in English %v", lang, shown, inEnglish)
		}
		slices.Sort(shown)
		if names, err := handbook.Pictures(lang); err != nil || !slices.Equal(names, slices.Compact(shown)) {
			t.Errorf("%s: there are %v (%v), shown are %v", lang, names, err, shown)
		}
	}
	if size == 0 || size > 1_500_000 {
		t.Errorf("the pictures are %d bytes", size)
	}
}
