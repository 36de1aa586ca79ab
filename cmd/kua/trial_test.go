// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
)

// What a person takes, on the slow side: a page that is read, a thing that is decided and typed, a command.
const (
	perWord    = time.Minute / 200
	perEdit    = 15 * time.Second
	perCommand = 25 * time.Second
)

// TestFirstFigure counts what stands between a list as people have them and its first figure, by the chapter for
// documenters: the words to read, the lines of the draft to decide, the cells to mend, the commands to type. What comes
// of it is tried in own-list.txtar.
func TestFirstFigure(t *testing.T) {
	book, err := registry.LoadBook("kz")
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	list, finished := file("examples/own-list/spisok.xlsx"), string(file("examples/own-list/map.yaml"))
	table, err := intake.ReadTable(list, intake.ReadOptions{Name: "spisok.xlsx"})
	if err != nil {
		t.Fatal(err)
	}
	draft := string(intake.DraftMapping(table, book))
	// The sign of a comment is taken away with all the others of a block at once: what is left is what was decided.
	bare := func(line string) string {
		line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), " # ")
		return strings.TrimSpace(line)
	}
	var drafted []string
	for _, line := range strings.Split(draft, "\n") {
		drafted = append(drafted, bare(line))
	}
	edits := 0
	for _, line := range strings.Split(strings.TrimSpace(finished), "\n")[1:] {
		if !slices.Contains(drafted, bare(line)) {
			edits++
		}
	}
	edits += strings.Count(draft, "these texts are not known") // the block itself
	m, err := intake.ParseMapping([]byte(finished), book)
	if err != nil {
		t.Fatal(err)
	}
	_, findings, err := m.Run(book, table, intake.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cells, texts := 0, map[string]bool{} // what is wrong in the same way is found and put right at once
	for _, f := range findings {
		if f.Severity == intake.Error {
			cells++
			texts[f.Column+f.Value] = true
		}
	}
	_, chapter, _ := strings.Cut(string(file("handbook/ru/2-documenters.md")), "## Если список уже есть")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	_, codes, _ := strings.Cut(draft, "\n# The codes of ")
	words := len(strings.Fields(chapter)) + len(strings.Fields(draft)) - len(strings.Fields(codes))/2 // a list of codes is looked through, not read
	commands := strings.Count(chapter, "`kua ") + strings.Count(chapter, "\nkua ") + 1                // and again with what was mended
	all := time.Duration(words)*perWord + time.Duration(edits+len(texts))*perEdit + time.Duration(commands)*perCommand
	t.Logf("first figure from a list of 30: %d words, %d lines to decide, %d cells to mend in %d goes, %d commands: %s", words, edits, cells, len(texts), commands, all.Round(time.Second))
	if all > 15*time.Minute {
		t.Errorf("the first figure takes %s, more than a quarter of an hour", all)
	}
	if edits == 0 || cells == 0 || commands < 3 {
		t.Error("this test finds nothing to do")
	}
}
