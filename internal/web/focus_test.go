// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestWhereTheFocusGoes holds every golden page to the rule in doc.go: words
// about what was done or went wrong have the focus, or the field they describe
// has it; a field that is wrong says so, and why.
func TestWhereTheFocusGoes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "en-*.html"))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, file := range files {
		text, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(text)
		_ = text.Close()
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		ids := map[string]bool{}
		linked := map[string]bool{}
		var words, wrong []*html.Node
		var first *html.Node // what has the focus
		each(doc, func(n *html.Node) {
			if id, ok := attr(n, "id"); ok {
				ids[id] = true
			}
			if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") {
				linked[href[1:]] = true
			}
			if _, ok := attr(n, "autofocus"); ok && first == nil {
				first = n
			}
			_, hidden := attr(n, "hidden") // until a script shows it
			class, _ := attr(n, "class")
			if role, _ := attr(n, "role"); (role == "alert" || role == "status" && slices.Contains(strings.Fields(class), "banner")) && !hidden {
				words = append(words, n)
			}
			if bad, _ := attr(n, "aria-invalid"); bad == "true" {
				wrong = append(wrong, n)
			}
		})
		if len(words) > 0 {
			told++
			ok := slices.Contains(words, first)
			if first != nil && !ok {
				by, _ := attr(first, "aria-describedby")
				for _, w := range words {
					if id, _ := attr(w, "id"); id != "" && slices.Contains(strings.Fields(by), id) {
						ok = true
					}
				}
			}
			if !ok {
				t.Errorf(`%s says what was done or went wrong, and something else has the focus: use {{template "problem"}} or {{template "done"}} (see doc.go)`, name)
			}
		}
		for _, n := range wrong {
			id, _ := attr(n, "id")
			by, _ := attr(n, "aria-describedby")
			if by == "" || !slices.ContainsFunc(strings.Fields(by), func(id string) bool { return ids[id] }) {
				t.Errorf("%s: the field %s is wrong and nothing says why (aria-describedby)", name, id)
			}
			if len(wrong) > 1 && !linked[id] {
				t.Errorf("%s: several fields are wrong and no link leads to %s", name, id)
			}
		}
	}
	if told < 15 {
		t.Errorf("only %d pages say what was done or went wrong: the test looks at the wrong ones", told)
	}
}
