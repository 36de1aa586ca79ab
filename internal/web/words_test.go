// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/wording"
)

// said are the texts fixed in the program that can be keys of messages, or the
// beginnings of keys that are put together with a code.
type said struct {
	keys, beginnings map[string]bool
	calls            map[string]string // key that is asked for → where
}

var keyShape = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)+$`)

// saidInSources reads all Go files but tests, and the templates.
func saidInSources(t *testing.T) said {
	t.Helper()
	s := said{map[string]bool{}, map[string]bool{}, map[string]string{}}
	add := func(text string) {
		switch {
		case keyShape.MatchString(text):
			s.keys[text] = true
		case strings.HasSuffix(text, ".") && keyShape.MatchString(text+"x"):
			s.beginnings[text] = true
		}
	}
	files := token.NewFileSet()
	for _, root := range []string{filepath.Join("..", "..", "internal"), filepath.Join("..", "..", "cmd")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
						add(text)
					}
				case *ast.CallExpr:
					f, ok := n.Fun.(*ast.SelectorExpr)
					if !ok || len(n.Args) == 0 || !slices.Contains([]string{"T", "N"}, f.Sel.Name) {
						break
					}
					if lit, ok := n.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if text, err := strconv.Unquote(lit.Value); err == nil && keyShape.MatchString(text) {
							s.calls[text] = files.Position(n.Pos()).String()
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	actions := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	inTemplate := regexp.MustCompile(`"([^"]*)"`)
	calls := regexp.MustCompile(`[{( ]t "([^"]*)"`)
	templates, err := filepath.Glob("templates/*.html")
	if err != nil || len(templates) == 0 {
		t.Fatal("no templates", err)
	}
	public, err := filepath.Glob("../public/templates/*.html")
	if err != nil || len(public) == 0 {
		t.Fatal("no templates of the public page", err)
	}
	for _, name := range append(templates, public...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range actions.FindAllString(string(text), -1) {
			for _, m := range inTemplate.FindAllStringSubmatch(action, -1) {
				add(strings.TrimSuffix(m[1], "%s")) // printf "figures.%s" is the beginning of keys
			}
			for _, m := range calls.FindAllStringSubmatch(action, -1) {
				if keyShape.MatchString(m[1]) {
					s.calls[m[1]] = name
				}
			}
		}
	}
	return s
}

// TestEveryMessageIsUsed: a key that the program asks for is there in every
// language, and a message that nothing asks for is not kept: nobody would
// notice that it has become wrong.
func TestEveryMessageIsUsed(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := saidInSources(t)
	if len(s.calls) < 300 {
		t.Errorf("only %d messages are asked for: the sources are not read right", len(s.calls))
	}
	for key, where := range s.calls {
		for _, l := range words.Languages() {
			if !l.Has(key) {
				t.Errorf("%s: no message %q in %s", where, key, l.Code())
			}
		}
	}
	used := func(key string) bool {
		if s.keys[key] {
			return true
		}
		for i := range key { // "error." + name + ".title"
			if key[i] == '.' && s.beginnings[key[:i+1]] {
				return true
			}
		}
		return false
	}
	for _, key := range words.Lang("en").Keys() {
		if !used(key) {
			t.Errorf("nothing says %s", key)
		}
	}
}

// everyGoldenPage gives every page of every test of pages, in each language, as it is kept.
func everyGoldenPage(t *testing.T, look func(name string, doc *html.Node)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.html"))
	if err != nil || len(files) < 3*len(pages) {
		t.Fatalf("%d golden pages, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		look(filepath.Base(file), doc)
	}
}

// rawTexts are what of a page a person reads or is read to.
func rawTexts(doc *html.Node, visit func(where, text string)) {
	for n := range doc.Descendants() {
		switch n.Type {
		case html.TextNode:
			if p := n.Parent; p != nil && p.DataAtom != atom.Script && p.DataAtom != atom.Style && p.DataAtom != atom.Code && p.DataAtom != atom.Pre {
				visit(p.Data, n.Data)
			}
		case html.ElementNode:
			for _, a := range n.Attr {
				if slices.Contains([]string{"title", "alt", "placeholder", "aria-label", "aria-description", "label"}, a.Key) {
					visit(n.Data+" "+a.Key, a.Val)
				}
			}
		}
	}
}

// rawCodes are the codes of the codebook that no label says, so that on a page
// they can only be codes: those with an underscore.
func rawCodes(b *codebook.Book) map[string]string {
	codes := map[string]string{}
	for _, l := range b.Lists() {
		for _, c := range l.Codes {
			if strings.Contains(c.Code, "_") {
				codes[c.Code] = l.ID
			}
		}
	}
	for _, k := range b.Kinds() {
		for _, f := range k.Fields {
			if strings.Contains(f.ID, "_") {
				codes[f.ID] = k.ID
			}
		}
		if strings.Contains(k.ID, "_") {
			codes[k.ID] = "kinds"
		}
	}
	return codes
}

// TestNoPageShowsAKey: what has a text in the reader's language is shown by it,
// on every page in every language.
func TestNoPageShowsAKey(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	beginnings := map[string]bool{} // "audit.": what begins so and is no key is one that is missing
	for _, key := range words.Lang("en").Keys() {
		keys[key] = true
		first, _, _ := strings.Cut(key, ".")
		beginnings[first] = true
	}
	codes := rawCodes(newFake(t).book)
	dotted := regexp.MustCompile(`[\p{L}\p{N}_]+(?:\.[\p{L}\p{N}_]+)+`)
	lowLine := regexp.MustCompile(`[a-z0-9]+(?:_[a-z0-9]+)+`)
	places := regexp.MustCompile(`\{\w+\}|%!|<nil>|\bmap\[|\{\{`)
	everyGoldenPage(t, func(name string, doc *html.Node) {
		rawTexts(doc, func(where, text string) {
			for _, word := range dotted.FindAllString(text, -1) {
				first, _, _ := strings.Cut(word, ".")
				file := strings.HasSuffix(word, ".csv") // that somebody sent
				if keys[word] || !file && beginnings[first] && keyShape.MatchString(word) {
					t.Errorf("%s: <%s> shows the key %q", name, where, word)
				}
			}
			for _, word := range lowLine.FindAllString(text, -1) {
				if list, ok := codes[word]; ok {
					t.Errorf("%s: <%s> shows the code %q of %s", name, where, word, list)
				}
			}
			if found := places.FindString(text); found != "" && where != "textarea" { // a statement's text has directives
				t.Errorf("%s: <%s> shows %q in %q", name, where, found, strings.TrimSpace(text))
			}
		})
	})
}

// TestCodesOfOneWordAreNotShown looks at the codes that a label could be
// mistaken for in English: no page in Russian or Kazakh has one by itself.
func TestCodesOfOneWordAreNotShown(t *testing.T) {
	book := newFake(t).book
	codes := map[string]bool{}
	for _, l := range book.Lists() {
		for _, c := range l.Codes {
			if len(c.Code) > 2 && strings.Trim(c.Code, "abcdefghijklmnopqrstuvwxyz") == "" && c.Label.Ru != c.Code && c.Label.Kk != c.Code {
				codes[c.Code] = true
			}
		}
	}
	for _, k := range book.Kinds() {
		codes[k.ID] = true
	}
	everyGoldenPage(t, func(name string, doc *html.Node) {
		if strings.HasPrefix(name, "en-") {
			return
		}
		rawTexts(doc, func(where, text string) {
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("·,:;()", r) }) {
				if word = strings.TrimSpace(word); codes[word] {
					t.Errorf("%s: <%s> shows the code %q in %q", name, where, word, strings.TrimSpace(text))
				}
			}
		})
	})
}

// alphabet are organisations as Kazakh, Russian and English sort them differently.
var alphabet = []string{"Әділ үлгі", "Ақ үлгі", "Бейне", "Ғасыр", "Гүл", "Қайнар", "Көмек", "Яшма", "Іскер", "Иман", "Өрлеу", "Орал", "Sample 10", "Sample 9", "Ыстық"}

// TestListsAreInTheOrderOfTheAlphabet looks at every page that names
// organisations: the order is that of the reader's language.
func TestListsAreInTheOrderOfTheAlphabet(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.orgs = []registry.Org{}
	for i, name := range alphabet {
		id := fmt.Sprintf("%032x", 0xabc000+i)
		switch i { // the ids that the invented members and cases have
		case 3:
			id = orgNorth
		case 7:
			id = orgSouth
		case 11:
			id = orgApart
		}
		f.orgs = append(f.orgs, registry.Org{ID: id, Name: name, Counts: true, Cases: 1})
	}
	seen := map[string]bool{}
	for _, lang := range languages {
		order := words.Lang(lang).Collator()
		for _, who := range []string{"Sample Member", "Sample Administrator"} {
			b := newBrowser(t, newPages(t, f), lang)
			b.post("/sign-in", "name", who, "passphrase", rightWord)
			for _, path := range []string{"/", "/figures", "/members", "/members/new", "/members/" + memberID} {
				doc, err := html.Parse(strings.NewReader(b.get(path).Body.String()))
				if err != nil {
					t.Fatal(err)
				}
				for n := range doc.Descendants() {
					if n.Type != html.ElementNode || !slices.Contains([]atom.Atom{atom.Select, atom.Ul, atom.Tbody, atom.Fieldset}, n.DataAtom) {
						continue
					}
					var names []string
					for d := range n.Descendants() {
						if text := strings.TrimSpace(d.Data); d.Type == html.TextNode && slices.Contains(alphabet, text) {
							names = append(names, text)
						}
					}
					if len(names) < 2 {
						continue
					}
					seen[path] = true
					if !slices.IsSortedFunc(names, order.CompareString) {
						t.Errorf("%s, %s: %s in <%s>", lang, path, strings.Join(names, ", "), n.Data)
					}
				}
			}
		}
	}
	for _, path := range []string{"/figures", "/members"} {
		if !seen[path] {
			t.Errorf("%s names no organisations: the test looks past them", path)
		}
	}
}

func TestSorted(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"Яна", "Қанат", "Камила", "Ыбырай", "Іңкәр", "Әлия", "Азат", "Б 10", "Б 9", "Ұлан", "Үміт", "Уран"}
	for lang, want := range map[string]string{
		"kk": "Азат Әлия Б 9 Б 10 Камила Қанат Уран Ұлан Үміт Ыбырай Іңкәр Яна",
	} {
		got := sorted(&voice{Words: wording.New(words.Lang(lang), nil)}, names, func(s string) string { return s })
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	if names[0] != "Яна" {
		t.Error("what was given is sorted in its place")
	}
}
