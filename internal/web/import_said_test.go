// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// saidByReaders are the sentences that the readers of files say of a cell or a file,
// with samples for what is put into them.
func saidByReaders(t *testing.T) map[string]string {
	t.Helper()
	said := map[string]string{}
	verbs := regexp.MustCompile(`%[#+]?[a-zA-Z]`)
	var sample func(e ast.Expr) (string, bool)
	sample = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			text, err := strconv.Unquote(e.Value)
			return text, err == nil && e.Kind == token.STRING
		case *ast.BinaryExpr:
			x, okX := sample(e.X)
			y, okY := sample(e.Y)
			if !okX {
				x = "Sample"
			}
			if !okY {
				y = "Sample"
			}
			return x + y, e.Op == token.ADD && (okX || okY)
		case *ast.CallExpr:
			if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
				if text, ok := sample(e.Args[0]); ok {
					return verbs.ReplaceAllStringFunc(text, func(verb string) string {
						switch verb[len(verb)-1] {
						case 'd':
							return "7"
						case 'q':
							return `"Sample"`
						}
						return "Sample"
					}), true
				}
			}
		}
		return "", false
	}
	files := token.NewFileSet()
	for _, root := range []string{"../intake", "../foreign"} {
		err := filepath.WalkDir(filepath.FromSlash(root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || slices.Contains([]string{"mapping.go", "records.go", "draft.go", "foreigntest.go", "report.go"}, d.Name()) {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			keep := func(e ast.Expr) {
				if text, ok := sample(e); ok && strings.Contains(text, " ") {
					text = strings.NewReplacer("%d", "7", "%s", "Sample", "%q", `"Sample"`).Replace(text) // a format that is handed on
					said[text] = files.Position(e.Pos()).String()
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					name := ""
					switch f := n.Fun.(type) {
					case *ast.SelectorExpr:
						name = f.Sel.Name
					case *ast.Ident:
						name = f.Name
					}
					if slices.Contains([]string{"at", "add", "fault", "tell", "warn"}, name) {
						for _, arg := range n.Args {
							keep(arg)
						}
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && slices.Contains([]string{"What", "Want", "what", "want", "problem"}, key.Name) {
						keep(n.Value)
					}
				case *ast.AssignStmt:
					for i, left := range n.Lhs {
						if id, ok := left.(*ast.Ident); ok && (id.Name == "what" || id.Name == "want") && i < len(n.Rhs) {
							keep(n.Rhs[i])
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
	return said
}

// TestWhatReadersSay: each sentence by which a reader of files says what is wrong is
// there in Russian and Kazakh, with its values.
func TestWhatReadersSay(t *testing.T) {
	words, err := loadedWords()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{said: sync.OnceValue(func() []sentence { return saidSentences(words) })}
	all := saidByReaders(t)
	if len(all) < 120 {
		t.Errorf("only %d sentences are found: the sources are not read right", len(all))
	}
	for text, at := range all {
		for _, lang := range []string{"ru", "kk"} {
			v := &visit{voice: s.voice(words.Lang(lang))}
			if said, ok := s.saidOf(v, text, ""); (!ok || strings.Contains(said, "{")) && !unsaid[text] {
				t.Errorf("%s: %q is not said in %s", at, text, lang)
			}
		}
	}
	v := &visit{voice: s.voice(words.Lang("ru"))}
	for text, want := range map[string]string{
		`row 3 has the same number`: "такой же номер в строке 3",
		`list.csv: line 2: a quotation mark is not closed, or text follows it: double the marks inside a cell`: "строка 2: кавычка не закрыта или за ней идёт текст: кавычки внутри ячейки удваивают",
		`did you mean Полиция, Милиция? Else add it under values in the mapping, as "полицай": CODE`:           `возможно, Полиция, Милиция? Если нет, добавьте его в values схемы: "полицай": КОД`,
		`a number that stands in sheet Cases; did you mean 12?`:                                                "нужен номер, который есть здесь: sheet Cases; возможно, 12?",
		"in bulletin 2: f is no date": "бюллетень 2: f: не дата",
	} {
		if said, _ := s.saidOf(v, text, "list.csv"); said != want {
			t.Errorf("%q is said as %q", text, said)
		}
	}
	if said, ok := s.saidOf(v, "nobody has said this", ""); ok || said != "nobody has said this" {
		t.Errorf("%q", said)
	}
}

// unsaid are parts of sentences, or what is only known with its values.
var unsaid = map[string]bool{
	"Sample: Sample": true, "did you mean Sample? Else Sample": true, "in bulletin 7: Sample": true,
	"the sheet": true, "the hidden sheet": true, "Sample is not in the mapping: 7 rows are not read": true,
	"#adm1+code, #adm1+name or #adm1+name+LANGUAGE": true,
}
