// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"bytes"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	godocx "github.com/fumiama/go-docx"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/examples"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/packs/kg"
	"github.com/kua-registry/kua/packs/kz"
)

var update = flag.Bool("update", false, "write the golden letters anew")

func compiled(t testing.TB) (*codebook.Book, *Set) {
	t.Helper()
	book, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile(book)
	if err != nil {
		t.Fatal(err)
	}
	return book, s
}

// each runs a test with the letters of each of the packs that ship with the program.
func each(t *testing.T, test func(t *testing.T, book *codebook.Book, s *Set)) {
	t.Helper()
	for id, data := range map[string]fs.FS{"kz": kz.Data, "kg": kg.Data} {
		book, err := codebook.Load(codebook.Data, data)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Compile(book)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(id, func(t *testing.T) { test(t, book, s) })
	}
}

func words(t testing.TB) map[string]*locale.Language {
	t.Helper()
	all, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*locale.Language{}
	for _, l := range all.Languages() {
		by[l.Code()] = l
	}
	return by
}

func day(t testing.TB, text string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// story folds one of the three stories; records have the names they have there.
func story(t testing.TB, book *codebook.Book, file string) *casefile.Case {
	t.Helper()
	data, err := examples.Files.ReadFile("stories/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Cases []struct {
			Records []struct {
				Kind, ID string
				Fields   map[string]yaml.Node
			}
		}
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var entries []casefile.Entry
	for i, r := range doc.Cases[0].Records {
		fields := casefile.Fields{}
		for name, node := range r.Fields {
			fields[name] = []string{node.Value}
			if node.Kind == yaml.SequenceNode {
				fields[name] = nil
				for _, n := range node.Content {
					fields[name] = append(fields[name], n.Value)
				}
			}
		}
		entries = append(entries, casefile.Entry{Pos: uint64(i + 1), At: time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC), Record: r.ID, Kind: r.Kind, Op: casefile.Put, Fields: fields})
	}
	return casefile.Fold(book, "case", entries)
}

// TestEveryNextStepLeadsSomewhere holds that every check and deadline leads to
// a letter or a form, or says why to neither.
func TestEveryNextStepLeadsSomewhere(t *testing.T) { each(t, everyNextStepLeadsSomewhere) }

func everyNextStepLeadsSomewhere(t *testing.T, book *codebook.Book, s *Set) {
	n, letters := 0, 0
	for _, r := range book.Rules() {
		if r.Use != codebook.Check && r.Use != codebook.Deadline {
			continue
		}
		n++
		leads := 0
		if len(s.For(r.ID)) > 0 {
			leads++
			letters++
		}
		if r.Form != "" {
			leads++
		}
		if r.ByHand != (codebook.Label{}) {
			leads++
		}
		if leads != 1 {
			t.Errorf("%s: leads to %d of: a letter, a form, a reason why to neither; it should be one", r.ID, leads)
		}
	}
	if n < 25 || letters < 20 {
		t.Fatalf("%d rules, %d with letters: this test finds nothing", n, letters)
	}
	t.Logf("%d checks and deadlines: %d lead to a letter", n, letters)
}

// TestLettersOfTheStories fills letters of the second story and compares what they say.
func TestLettersOfTheStories(t *testing.T) {
	book, s := compiled(t)
	in := words(t)
	file := story(t, book, "2-van.yaml")
	c := Case{Records: append(file.Records(), agrees("complain", "")), Today: day(t, "2022-06-24"), Outside: map[string]Named{}}
	for _, one := range []struct{ letter, start, due string }{
		{"secure_video", "cameras", ""},
		{"court_complaint", "message", "2022-04-21"},
		{"decision_appeal", "closure", "2023-04-06"},
		{"decision_copy", "message", ""},
		{"access_refused", "ask-copy", ""},
		{"torture_complaint", "", ""},
		{"registration_complaint", "complaint", ""},
	} {
		l, ok := s.Letter(one.letter)
		if !ok {
			t.Fatalf("no letter %s", one.letter)
		}
		c.Start, c.Due = one.start, 0
		if one.due != "" {
			c.Due = day(t, one.due)
		}
		for _, lang := range l.Langs {
			golden(t, lang+"-"+one.letter, l.Fill(in[lang], c).Text())
		}
	}
	appeal, _ := s.Letter("decision_appeal")
	c.Start = "closure"
	if got := appeal.Sent(c); got["of"] != "closure" || got["date"] != "2022-06-24" || got["to"] != "prosecutor" {
		t.Errorf("the record of the appeal is filled with %v", got)
	}
}

// agrees is a consent to a purpose, of a person or of the victim.
func agrees(purpose, person string) *casefile.Record {
	f := casefile.Fields{"purpose": {purpose}, "state": {"given"}}
	if person != "" {
		f["person"] = []string{person}
	}
	return &casefile.Record{ID: "consent-" + purpose + person, Kind: "consent", Fields: f}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as in %s: look at it with -update and git diff", name, file)
	}
}

// TestEmptyCaseInventsNothing fills every letter from a case with nothing in it:
// no fact may stand in it, and every blank says what belongs there.
func TestEmptyCaseInventsNothing(t *testing.T) { each(t, emptyCaseInventsNothing) }

func emptyCaseInventsNothing(t *testing.T, _ *codebook.Book, s *Set) {
	in := words(t)
	for _, l := range s.Letters() {
		counts := map[string]int{}
		for _, lang := range l.Langs {
			draft := l.Fill(in[lang], Case{Today: day(t, "2022-06-24")})
			text := draft.Text()
			if strings.Count(text, blankMark) < 3 || len(draft.Blanks) < 3 {
				t.Errorf("%s, %s: from nothing it makes %d blanks", l.ID, lang, len(draft.Blanks))
			}
			if strings.ContainsAny(text, "{}") || strings.Contains(text, "[]") {
				t.Errorf("%s, %s: something was not filled in", l.ID, lang)
			}
			counts[lang] = strings.Count(text, blankMark)
		}
		for _, lang := range l.Langs {
			if counts[lang] != counts[l.Langs[0]] {
				t.Errorf("%s: %v blanks: every language has the same", l.ID, counts)
			}
		}
	}
}

// TestUncertainNormsAreMarked holds that a passage whose norm was not read says so.
func TestUncertainNormsAreMarked(t *testing.T) {
	_, s := compiled(t)
	in := words(t)
	l, _ := s.Letter("unanswered") // it rests on article 99, whose term is known and was not read
	for _, lang := range l.Langs {
		text := l.Fill(in[lang], Case{Today: day(t, "2022-06-24")}).Text()
		if strings.Count(text, mark[lang]) == 0 {
			t.Errorf("%s: nothing is marked", lang)
		}
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(line, "99") && strings.Contains(line, "3") && !strings.HasSuffix(line, mark[lang]) {
				t.Errorf("%s: not marked: %s", lang, line)
			}
		}
	}
	if l.Conf == "R" {
		t.Error("the letter itself claims that its norms were read")
	}
}

func TestCompileRefuses(t *testing.T) {
	const head = "letters:\n- {id: x, label: [a, b, c], norm: N, conf: R, purpose: complain, record: note, body: [%]}\n"
	for what, body := range map[string]string{
		"a field that is not there":    `{text: ["{person.nose}", "{person.nose}", "{person.nose}"]}`,
		"a kind that is not there":     `{text: ["{nose.x}", "{nose.x}", "{nose.x}"]}`,
		"languages that differ":        `{text: ["{person.name}", "{person.name}", "имя"]}`,
		"an open brace":                `{text: ["{person.name", "{person.name", "{person.name"]}`,
		"a blank that says nothing":    `{text: ["{_}", "{_}", "{_}"]}`,
		"a code that is not there":     `{if: person.role=king, text: [a, b, c]}`,
		"a condition on nothing":       `{if: king, text: [a, b, c]}`,
		"a style that is not there":    `{is: shouted, text: [a, b, c]}`,
		"passages that are not shared": `{use: nothing}`,
		"a text in two languages":      `{text: {en: a, ru: b}}`,
		"records that are not there":   `{each: king, text: [a, b, c]}`,
	} {
		tree := fstest.MapFS{"letters/x.yaml": {Data: []byte(strings.Replace(head, "%", body, 1))}}
		book, err := codebook.Load(codebook.Data, kz.Data, tree)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := Compile(book); err == nil || !strings.Contains(err.Error(), "letter x") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, text := range map[string]string{
		"a rule that is not there":       "letters:\n- {id: x, label: [a, b, c], for: [NO-01], norm: N, conf: R, purpose: complain, record: note, body: [{text: [a, b, c]}]}\n",
		"a record that is not in a case": "letters:\n- {id: x, label: [a, b, c], norm: N, conf: R, purpose: complain, record: body, body: [{text: [a, b, c]}]}\n",
		"a value no field has":           "letters:\n- {id: x, label: [a, b, c], norm: N, conf: R, purpose: complain, record: request, set: {kind: nothing}, body: [{text: [a, b, c]}]}\n",
		"a pick of no kind":              "picks: {x: {kind: king}}\n",
	} {
		book, err := codebook.Load(codebook.Data, kz.Data, fstest.MapFS{"letters/x.yaml": {Data: []byte(text)}})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := Compile(book); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// TestTextIsReadBackAsItWasLaidOut holds that the text of a draft, not touched, has the layout of the draft.
func TestTextIsReadBackAsItWasLaidOut(t *testing.T) {
	_, s := compiled(t)
	in := words(t)
	for _, l := range s.Letters() {
		for _, lang := range l.Langs {
			draft := l.Fill(in[lang], Case{Today: day(t, "2022-06-24")})
			if got := Lay(draft.Text()); !slices.Equal(got, draft.Passages) {
				t.Errorf("%s, %s: laid out as %v", l.ID, lang, got)
			}
		}
	}
}

// TestDocxOpens has a reader of others open a letter, and compares what it says.
func TestDocxOpens(t *testing.T) {
	_, s := compiled(t)
	text := "Прокурору ____\nОт: Әбілғазы <Қиялұлы> & \"O'Hara\"\n\nЖАЛОБА\nна волокиту\n\nТекст с пробелами.\n\n1. Первое.\n2. Второе."
	var b bytes.Buffer
	if err := paper.DOCX(&b, s.Letters()[0].Finished("kk", Lay(text), nil)); err != nil {
		t.Fatal(err)
	}
	doc, err := godocx.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range doc.Document.Body.Items {
		if p, ok := item.(*godocx.Paragraph); ok {
			got = append(got, p.String())
		}
	}
	for _, p := range Lay(text) {
		want := strings.TrimPrefix(p.Text, numbered.FindString(p.Text))
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("another reader reads %q, and not %q", got, want)
		}
	}
}

// FuzzFinished: whatever a person sends makes a file that opens.
func FuzzFinished(f *testing.F) {
	f.Add("ЖАЛОБА\n\ntext")
	f.Add("\x00\x1b\uFFFE]]><w:p>")
	f.Add("## h\n|= a | b |\n| c |\n| d | e | f |\n– x\n[[front]]\n3. q\n5. r\n99) s")
	_, s := compiled(f)
	f.Fuzz(func(t *testing.T, text string) {
		doc := s.Letters()[0].Finished("ru", Lay(text), nil)
		var b bytes.Buffer
		if err := paper.DOCX(&b, doc); err != nil {
			t.Fatal(err)
		}
		if _, err := godocx.Parse(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if err := paper.PDF(io.Discard, doc); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFillSurvivesAnyCase fills letters from cases with any records in them.
func TestFillSurvivesAnyCase(t *testing.T) { each(t, fillSurvivesAnyCase) }

func fillSurvivesAnyCase(t *testing.T, book *codebook.Book, s *Set) {
	in := words(t)
	rapid.Check(t, func(t *rapid.T) {
		var entries []casefile.Entry
		kinds := book.Kinds()
		for i := range rapid.IntRange(0, 12).Draw(t, "records") {
			k := kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")]
			fields := casefile.Fields{}
			for range rapid.IntRange(0, 5).Draw(t, "fields") {
				f := k.Fields[rapid.IntRange(0, len(k.Fields)-1).Draw(t, "field")]
				fields[f.ID] = []string{rapid.SampledFrom([]string{"", "yes", "2022-04-06", "2022-06~", "unknown", "other", "r0", "r1", "{x}", "victim", "____"}).Draw(t, "value")}
			}
			entries = append(entries, casefile.Entry{Pos: uint64(i + 1), Record: "r" + string(rune('0'+i)), Kind: k.ID, Op: casefile.Put, Fields: fields})
		}
		file := casefile.Fold(book, "case", entries)
		l := s.Letters()[rapid.IntRange(0, len(s.Letters())-1).Draw(t, "letter")]
		c := Case{Records: file.Records(), Start: "r0", Today: edtf.MinDay + 900000, Due: rapid.SampledFrom([]edtf.Day{0, edtf.MaxDay, edtf.MinDay, 1}).Draw(t, "due")}
		if l.Fill(in[l.Langs[0]], c).Text() == "" {
			t.Errorf("%s is empty", l.ID)
		}
		l.Sent(c)
	})
}
