// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
)

var update = flag.Bool("update", false, "write the golden files anew")

func aDay(t testing.TB, text string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// invented is a filling of invented numbers.
func invented(t testing.TB, lang string) Filling {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]codebook.Label{
		"reports": {En: "Reports", Ru: "Сообщения", Kk: "Хабарлар"}, "closed": {En: "Closed", Ru: "Прекращено", Kk: "Тоқтатылды"},
		"region": {En: "Region", Ru: "Регион", Kk: "Өңір"}, "sex": {En: "Sex", Ru: "Пол", Kk: "Жынысы"},
	}
	set := Settings{AsOf: aDay(t, "2022-05-17"), KnownBy: time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC), K: 5}
	answer := func(figure string, value, base int, by ...string) Answer {
		a := Answer{Ask: Ask{Figure: figure, AsOf: set.AsOf, KnownBy: set.KnownBy, Scope: Coalition, By: by}, Label: labels[figure],
			Help: codebook.Label{En: "What it means.", Ru: "Что это значит.", Kk: "Не дегені."}, Unit: codebook.Label{En: "people", Ru: "люди", Kk: "адамдар"},
			Value: value, Base: base, Of: "reports"}
		for _, id := range by {
			a.Facet = append(a.Facet, Facet{ID: id, Label: labels[id], List: id})
		}
		return a
	}
	regions := answer("reports", 164, -1, "region")
	regions.Cells = []Cell{{Codes: []string{"KZ-75"}, Value: 100}, {Codes: []string{"KZ-71"}, Value: 3, Hidden: true}, {Codes: []string{"KZ-79"}, Value: 9, Hidden: true}}
	regions.Rest = Cell{Value: 52}
	cross := answer("reports", 164, -1, "region", "sex")
	cross.Cells = []Cell{{Codes: []string{"KZ-75", "f"}, Value: 40}, {Codes: []string{"KZ-75", "m"}, Value: 60}, {Codes: []string{"KZ-79", "m"}, Value: 12}}
	cross.Rest = Cell{Value: 52}
	f := Filling{Language: words.Lang(lang), Settings: set, Sets: func(set string) []string { return map[string][]string{"way": {"reports", "closed"}}[set] },
		Label:   func(list, code string) string { return list + ":" + code },
		Codes:   func(string, edtf.Day) []string { return []string{"KZ-75", "KZ-63"} },
		Answers: []Answer{answer("reports", 164, -1), answer("closed", 8, 164), regions, cross},
		Outside: []OutsideAnswer{{OutsideAsk: OutsideAsk{Indicator: "allegations", On: "2022-03-14"}, Value: "301", Date: "2022-03-14", SourceKind: "official",
			Says: codebook.Label{En: "Allegations received", Ru: "Поступило обращений", Kk: "Түскен арыз"}}},
		Names: map[string]string{},
	}
	for i, a := range f.Answers {
		f.Names[a.Key()] = fmt.Sprintf("f%d", i+1)
	}
	return f
}

const whole = `# What became of it

We wrote down {{figure "reports" noun="report"}}; {{figure "closed" as="words"}}, or {{figure "closed" show="share"}} of {{figure "closed" show="base"}}, were *closed*. In one region there were {{figure "reports" by="region" code="KZ-75"}}, in another {{figure "reports" by="region" code="KZ-71"}}.[^1]

{{table "reports" by="region"}}

{{table "reports" by="region,sex" title="By two"}}

{{table "reports" "closed"}}

{{chart set="way"}}

{{chart "reports" by="region"}}

{{map "reports"}}

> The State speaks of **{{outside "allegations" on="2022-03-14"}}**.

1. <b>not bold</b>
2. [a link](https://example.org/x), and \*no emphasis\*

| one | two |
|-----|----:|
| a   |   1 |

[^1]: Too few to be told.
`

// TestGolden holds the text of a filled statement in three languages.
func TestGolden(t *testing.T) {
	for _, lang := range Languages() {
		doc, err := Document(whole, "", invented(t, lang))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := paper.Text(&b, doc); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "whole."+lang+".txt")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: the text is not the golden one; look at it with -update and git diff\n%s", lang, b.String())
		}
		var page bytes.Buffer
		if err := paper.HTML(&page, doc); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(page.Bytes(), []byte("<b>not bold")) {
			t.Errorf("%s: markup of the text came through", lang)
		}
		if i := strings.Index(b.String(), "KZ-71 3"); i >= 0 {
			t.Errorf("%s: a number that is kept back is told: …%s…", lang, b.String()[max(0, i-40):i+10])
		}
	}
}

// TestFaults holds the words and the line of what is wrong with a text.
func TestFaults(t *testing.T) {
	f := invented(t, "en")
	for text, want := range map[string]string{
		"a\n{{estimate \"reports\"}}":                           "line 2: an estimated figure can't stand in a statement",
		"{{estimate}}":                                          "line 1: an estimated figure can't stand in a statement",
		"a\n\n{{figur \"x\"}}":                                  "line 3: there is no {{figur}}",
		"{{figure}}":                                            "line 1: {{figure}} wants to know which one",
		"{{figure \"reports\"":                                  "line 1: {{ has no }}",
		"{{figure \"reports}}":                                  "line 1: a quotation mark is missing",
		"{{figure \"reports\" colour=\"red\"}}":                 "line 1: {{figure}} takes no \"colour\"",
		"{{figure \"reports\" as=words}}":                       "line 1: as= takes its value in quotation marks",
		"{{figure \"reports\" asof=\"2022-05-17\" asof=\"x\"}}": "line 1: asof stands twice",
		"{{figure \"reports\" \"closed\"}}":                     "line 1: {{figure}} takes no \"closed\"",
		"{{figure \"reports\" asof=\"17.05.2022\"}}":            "line 1: asof=\"17.05.2022\" is no day",
		"{{figure \"reports\" by=\"region\"}}":                  "line 1: {{figure}} is one number",
		"{{figure \"reports\" code=\"KZ-75\"}}":                 "line 1: code=\"KZ-75\" wants to know of which facet",
		"{{table \"reports\" by=\"region,sex,age\"}}":           "line 1: by=\"region,sex,age\": a table has two sides",
		"{{table set=\"none\"}}":                                "line 1: there is no set of figures \"none\"",
		"words {{table \"reports\"}}":                           "line 1: {{table}} stands in a paragraph of its own",
		"{{story case=\"1\"}}\n\nHe.":                           "line 1: {{story}} has no {{end}}",
		"{{story}}\n\nHe.\n\n{{end}}":                           "line 1: {{story}} wants to know of which case",
		"He.{{end}}":                                            "line 1: {{end}} has nothing to end",
		"He {{quote case=\"1\"}}says\n\nno.{{end}}":             "line 1: a story, a quote or a name that begins within a paragraph ends within it",
		"- a\n\n  {{story case=\"1\"}}\n\nb\n\n{{end}}":         "a story begins and ends outside lists",
		"![x](http://example.org/x.png)":                        "line 1: a picture from outside can't be part",
		"{{figure \"reports\" known=\"yesterday\"}}":            "line 1: known=\"yesterday\" is no moment",
		"a\xffb":                                      "line 1: the text is not in UTF-8",
		"{{figure \"unknown\"}}":                      "line 1: the figure \"unknown\" has no answer",
		"{{figure \"reports\" show=\"share\"}}":       "line 1: \"reports\" is no share of another figure",
		"{{figure \"closed\" show=\"all\"}}":          "line 1: show=\"all\": share and base can be shown",
		"{{outside \"killed\"}}":                      "line 1: what others published of \"killed\" has no answer",
		"{{chart \"reports\" by=\"region,sex\"}}":     "line 1: a chart has one side",
		"{{table \"reports\" \"closed\" by=\"sex\"}}": "line 1: one figure at a time can be broken down",
	} {
		_, err := Document(text, "", f)
		var at *FaultError
		if !errors.As(err, &at) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestPassages holds how a text is divided into sentences, and which are covered.
func TestPassages(t *testing.T) {
	text, err := Parse("It is so. Is it? {{quote case=\"K-1\"}}“They said no.” And no.{{end}} After.\n\n{{story case=\"K-2\" person=\"x\"}}\n\nOne.\nTwo on the next line.\n\n- Three\n\n{{end}}\n\nIn {{figure \"reports\"}} of {{figure \"closed\"}} cases.")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range text.Passages() {
		covers := ""
		for _, c := range p.Covers {
			covers += " [" + c.Kind + " " + c.Case + " " + c.Person + "]"
		}
		got = append(got, fmt.Sprintf("%d %s%s", p.Line, p.Text, covers))
	}
	want := []string{
		"1 It is so.", "1 Is it?", "1 “They said no.” [quote K-1 ]", "1 And no. [quote K-1 ]", "1 After.",
		"5 One. [story K-2 x]", "6 Two on the next line. [story K-2 x]", "8 Three [story K-2 x]", "12 In … of … cases.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if covers := text.Covers(); len(covers) != 2 || covers[1].Case != "K-2" {
		t.Errorf("covers: %v", covers)
	}
}

// TestFrozenFillsTheSame: a text filled with what a manifest has frozen is the text that was filled with the answers.
func TestFrozenFillsTheSame(t *testing.T) {
	f := invented(t, "ru")
	salt := bytes.Repeat([]byte{7}, SaltSize)
	m := Manifest{Format: ManifestFormat, K: 5}
	for i, a := range f.Answers {
		m.Figures = append(m.Figures, Freeze(fmt.Sprintf("f%d", i+1), a, salt))
	}
	for _, a := range f.Outside {
		m.Outside = append(m.Outside, a.Freeze())
	}
	text, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Peek([]byte(text + "\n— x y\n"))
	if err != nil {
		t.Fatal(err)
	}
	facets := func(by []string) []Facet {
		for _, a := range f.Answers {
			if slices.Equal(a.By, by) {
				return a.Facet
			}
		}
		return nil
	}
	frozen, err := back.Filling(facets, f.Sets)
	if err != nil {
		t.Fatal(err)
	}
	frozen.Language, frozen.Label, frozen.Codes, frozen.Settings = f.Language, f.Label, f.Codes, f.Settings
	a, err := Document(whole, "", f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Document(whole, "", frozen)
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := errors.Join(paper.HTML(&first, a), paper.HTML(&second, b)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("what was frozen fills the text otherwise")
	}
	if strings.Contains(text, `"value": 3`) {
		t.Error("a number that is kept back stands in the manifest")
	}
}

// TestCommitmentTellsCasesApart: any other case, another order of places, another salt give another commitment; the order of the
// units does not.
func TestCommitmentTellsCasesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9a-f]{8}`), 1, 6, rapid.ID).Draw(t, "cases")
		units := make([]Unit, len(ids))
		for i, id := range ids {
			units[i] = Unit{Cases: []string{id}}
		}
		salt := rapid.SliceOfN(rapid.Byte(), SaltSize, SaltSize).Draw(t, "salt")
		c := Commitment(salt, "f1", units)
		shuffled := rapid.Permutation(units).Draw(t, "order")
		if Commitment(salt, "f1", shuffled) != c {
			t.Fatal("the order of the units counts")
		}
		other := bytes.Clone(salt)
		other[0]++
		if Commitment(other, "f1", units) == c || Commitment(salt, "f2", units) == c || Commitment(salt, "f1", units[:len(units)-1]) == c {
			t.Fatal("another figure has the same commitment")
		}
		if len(units) > 1 {
			merged := append([]Unit{{Cases: []string{ids[0], ids[1]}}}, units[2:]...)
			if Commitment(salt, "f1", merged) == c {
				t.Fatal("two people are as good as one")
			}
		}
	})
}

func TestSource(t *testing.T) {
	s, err := ReadSource("x.md", "\ufeff---\r\nlang: kk\r\ntitle: Тақырып\r\nas_of: 2022-05-17\r\n---\r\nМәтін\r\n")
	if err != nil || s.Body != "Мәтін\n" || s.Title != "Тақырып" || s.Line != 5 {
		t.Fatalf("%+v, %v", s, err)
	}
	text, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadSource("y.md", text)
	if err != nil || again != s {
		t.Errorf("%+v, %v from %q", again, err, text)
	}
	for text, want := range map[string]string{
		"no heading":                            "begins with three dashes",
		"---\nlang: de\n---\n":                  "the languages are en, ru, kk",
		"---\nlang: en\nlanguage: en\n---\n":    "heading can't be read",
		"---\nlang: en\nas_of: 17 May\n---\n":   "as_of",
		"---\nlang: en\nknown_by: later\n---\n": "known_by",
	} {
		if _, err := ReadSource("x.md", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzText: no text makes the program fail, and what can be read is filled or refused with its line.
func FuzzText(f *testing.F) {
	f.Add(whole)
	f.Add("{{story case=\"1\"}}\n\n{{end}}\n")
	f.Add("[^1] {{name case=«1»}}x{{end}}\n\n[^1]: {{figure “reports”}}")
	f.Add("- {{quote case=\"1\"}}a{{end}}\n  > b\n\n|a|\n|-|\n|{{outside \"x\"}}|")
	fill := invented(f, "en")
	f.Fuzz(func(t *testing.T, source string) {
		text, err := Parse(source)
		if err != nil {
			var at *FaultError
			if !errors.As(err, &at) || at.Line < 1 {
				t.Fatalf("no line: %v", err)
			}
			return
		}
		text.Passages()
		if _, err := text.Asks(fill.Settings, fill.Sets); err != nil {
			return
		}
		doc, err := text.Fill(fill)
		if err != nil {
			return
		}
		var b bytes.Buffer
		_ = paper.Text(&b, doc) // a document too deep is refused, not written
	})
}

// FuzzManifest: no file makes the program fail.
func FuzzManifest(f *testing.F) {
	m, _ := Manifest{Format: ManifestFormat, Figures: []Frozen{{ID: "f1", AsOf: "2022-05-17"}}}.Text()
	f.Add([]byte(m + "\n— kua x\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		m, err := Peek(signed)
		if err != nil {
			return
		}
		for _, frozen := range m.Figures {
			_, _ = frozen.Ask()
		}
		if _, err := Open(signed, "kua+00000000+AXh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"); err == nil {
			t.Fatal("a manifest that nobody signed was opened")
		}
	})
}

// BenchmarkText reads and fills a text of 200 kB with 2,000 figures.
func BenchmarkText(b *testing.B) {
	source := strings.Repeat("We wrote down {{figure \"reports\"}} and *{{figure \"closed\"}}* more of what was told, line by line.\nAnd so on.\n\n", 2000)
	fill := invented(b, "en")
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, err := Document(source, "", fill); err != nil {
			b.Fatal(err)
		}
	}
}
