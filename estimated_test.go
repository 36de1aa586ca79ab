// SPDX-License-Identifier: AGPL-3.0-or-later

package kua

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// estimatedMay are the files that know of an estimate: the page, the command,
// the use case, and what holds them against the truth.
func estimatedMay(path string) bool {
	dir, name := filepath.Split(filepath.ToSlash(path))
	switch dir {
	case "internal/estimate/", "bench/coverage/":
		return true
	case "internal/registry/", "internal/web/", "cmd/kua/":
		return strings.Contains(name, "estimate")
	}
	return strings.HasPrefix(dir, "bench/") && strings.Contains(dir+name, "estimate")
}

// TestReportedAndEstimatedAreKeptApart: figures, tables, statements, the public
// page, exports and charts of what was reported can't hold an estimate, because
// nothing but the files of the estimate knows of one; and those draw estimated
// numbers in no chart that shows a bare number.
func TestReportedAndEstimatedAreKeptApart(t *testing.T) {
	estimated := []string{"Estimate", "Estimation", "StratumEstimate"} // of the registry
	bare := []string{"Bars", "Funnel", "StackedBars", "Line", "Sankey", "Tiles", "Areas"}
	seen := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || path != "." && strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		knows := slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+module+`/internal/estimate"` })
		may := estimatedMay(path)
		if knows && !may {
			t.Errorf("%s imports internal/estimate: an estimate is for the files of the estimate alone, or it stands among what was reported one day", path)
		}
		if knows {
			seen++
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := s.X.(*ast.Ident)
			switch {
			case of == nil:
			case !may && of.Name == "registry" && slices.Contains(estimated, s.Sel.Name):
				t.Errorf("%s uses registry.%s outside of the files of the estimate", path, s.Sel.Name)
			case may && of.Name == "chart" && slices.Contains(bare, s.Sel.Name):
				t.Errorf("%s draws with chart.%s, which shows a number without its interval", path, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 4 {
		t.Errorf("%d files know of an estimate: this test finds nothing", seen)
	}
}
