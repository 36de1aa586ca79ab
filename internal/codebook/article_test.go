// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/edtf"
)

func day(t testing.TB, s string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestParseArticle: as members and authorities write it, by the law of the day.
func TestParseArticle(t *testing.T) {
	b := book(t)
	const before, last, first, after = "2022-01-06", "2023-03-27", "2023-03-28", "2024-05-01"
	tests := []struct {
		text, day string
		article   string
		part      int
		offence   string
		fits      bool
	}{
		{"146 part 2", before, "146", 2, "torture_qualified", true},
		{"146 ч. 2", before, "146", 2, "torture_qualified", true},
		{"ст.146 ч.2", before, "146", 2, "torture_qualified", true},
		{"ч. 2 ст. 146 УК РК", before, "146", 2, "torture_qualified", true},
		{"часть 2 статьи 146 Уголовного кодекса", before, "146", 2, "torture_qualified", true},
		{"part 2 of article 146 of the Criminal Code", before, "146", 2, "torture_qualified", true},
		{"146-2", before, "146", 2, "torture_qualified", true},
		{"146–2", before, "146", 2, "torture_qualified", true},
		{"146(2)", before, "146", 2, "torture_qualified", true},
		{"CC 146(2)", before, "146", 2, "torture_qualified", true},
		{"146-баптың 2-бөлігі", before, "146", 2, "torture_qualified", true},
		{"146-бап 2-бөлік", before, "146", 2, "torture_qualified", true},
		{"146 бап", before, "146", 0, "torture", true},
		{"ҚК 146-бабының 1-бөлігі", before, "146", 1, "torture_base", true},
		{"146 part 1", before, "146", 1, "torture_base", true},
		{"146 part 3", before, "146", 3, "torture_grave", true},
		{"146 part 4", before, "146", 4, "", false}, // there were three parts
		{"146 part 2", last, "146", 2, "torture_qualified", true},
		{"146 part 2", first, "146", 2, "torture_base", true},
		{"146 part 1", after, "146", 1, "cidt_p1", true},
		{"146-3", after, "146", 3, "torture_qualified", true},
		{"146 ч.4", after, "146", 4, "torture_grave", true},
		{"146 ч.5", after, "146", 5, "", false},
		{"146", after, "146", 0, "", true}, // torture or cruel treatment: open
		{"362", before, "362", 0, "abuse_362", true},
		{"ст.362", before, "362", 0, "abuse_362", true},
		{"362 ч. 1", before, "362", 1, "abuse_362_1", true},
		{"362 ч. 3", before, "362", 3, "abuse_362", true},
		{"362(4)(1)", before, "362", 4, "abuse_362_4_1", true},
		{"п. 2 ч. 4 ст. 362", before, "362", 4, "abuse_362_4_1", true},
		{"п. 1, 2 ч. 4 ст. 362", before, "362", 4, "abuse_362_4_1", true},
		{"362-баптың 4-бөлігінің 3-тармағы", before, "362", 4, "abuse_362_4_3", true},
		{"361 часть 4", before, "361", 4, "misuse_361", true},
		{"412-1", before, "412-1", 0, "provocation_412_1", true},
		{"ст. 412", before, "412", 0, "false_prosecution_412", true},
		{"ст. 272 ч. 1", before, "272", 1, "", true},
		{"146 part 2", "2012-01-01", "146", 2, "", true}, // the code before this one
	}
	for _, test := range tests {
		c, err := b.ParseArticle(test.text, day(t, test.day))
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if c.Article != test.article || c.Part != test.part || c.Offence != test.offence || c.Fits != test.fits {
			t.Errorf("%q on %s: %+v, expected article %s part %d offence %q fits %v",
				test.text, test.day, c, test.article, test.part, test.offence, test.fits)
		}
		if (c.Version == nil) != (c.Offence == "") {
			t.Errorf("%q on %s: offence %q with version %v", test.text, test.day, c.Offence, c.Version)
		}
	}
	c, err := b.ParseArticle("146 part 3", day(t, after))
	if err != nil || len(c.Also) != 1 || c.Also[0] != "cidt_p3_p4" {
		t.Errorf("146(3) may also be cruel treatment: %+v, %v", c, err)
	}
	if c, _ := b.ParseArticle("272", day(t, before)); c.Known {
		t.Error("article 272 is not in the list and is said to be known")
	}
}

func TestParseArticleRefuses(t *testing.T) {
	b := book(t)
	for _, text := range []string{
		"", " ", "—", "investigated without registration", "проверка без регистрации", "part 2", "ч. 2", "146 part", "ст.",
		"146 ч. 2, 362", "146 и 362", "146 ч. 1, 2", "146 146", "0", "146 part 0", "99999", "146 2 3 4", "146(2", "146)2(",
		"Иванов 146", strings.Repeat("146 ", 100),
	} {
		if c, err := b.ParseArticle(text, day(t, "2022-01-06")); err == nil {
			t.Errorf("%q was taken for %+v", text, c)
		} else if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
			t.Errorf("%q: the error is not one clear line: %v", text, err)
		}
	}
}

func FuzzParseArticle(f *testing.F) {
	b := book(f)
	for _, s := range []string{"146 part 2", "ст.146 ч.2", "146-2", "362(4)(1)", "п. 1 ч. 4 ст. 362", "146-баптың 2-бөлігі", "412-1", "\xff146", "1-1-1"} {
		f.Add(s, int32(19000))
	}
	f.Fuzz(func(t *testing.T, s string, d int32) {
		c, err := b.ParseArticle(s, edtf.Day(d%100000))
		if err != nil {
			return
		}
		if c.Article == "" || c.Part < 0 || c.Part > 99 {
			t.Errorf("%q: %+v", s, c)
		}
		again, err := b.ParseArticle(c.Article+" part "+strconv.Itoa(c.Part), edtf.Day(d%100000))
		if c.Part != 0 && (err != nil || again.Article != c.Article || again.Part != c.Part) {
			t.Errorf("%q is read as %+v, and that as %+v, %v", s, c, again, err)
		}
	})
}
