// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/sheet"
)

// compareAnswer is `kua compare --json`, a contract with scripts.
type compareAnswer struct {
	Threshold float64         `json:"threshold"`
	Lists     []listAnswer    `json:"lists"`
	Common    [][]int         `json:"common"` // of lists i and j; of i and i: its rows
	Patterns  []patternAnswer `json:"patterns"`
	People    int             `json:"people"`
	Pairs     []pairAnswer    `json:"pairs"`
	Notes     []string        `json:"notes"`
}

type listAnswer struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

type patternAnswer struct {
	Lists []string `json:"lists"`
	Count int      `json:"count"`
}

type pairAnswer struct {
	A          string  `json:"a"`
	RowA       int     `json:"row_a"` // as E.rows.csv numbers it, from 1
	B          string  `json:"b"`
	RowB       int     `json:"row_b"`
	Similarity float64 `json:"similarity"`
}

func (p *program) compareCommand() *cobra.Command {
	var threshold float64
	var out, tableOut, lang string
	cmd := &cobra.Command{
		Use:   "compare E1 E2 [E3...]",
		Short: "Count whom encoded lists have in common; no key and no name is needed",
		Long: `Compare files of 'kua encode' of one key and one schema: how many people each two
lists share, and how many are on each combination of them.

Rows whose likeness (the Dice coefficient of their filters) is --threshold or more
are taken for one person, the most alike first, each row once. With filters that
are balanced, as those of the built-in schema are, people who have nothing in
common are alike by half, so 0.5 says nothing.

--out writes the pairs by row number, for the owners to walk back with their own
E.rows.csv. --table writes the table that 'kua estimate' reads.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			language, err := p.language(lang)
			if err != nil {
				return err
			}
			if !(threshold > 0 && threshold <= 1) {
				return usage("--threshold: above 0 and at most 1")
			}
			if len(args) > encoded.MaxLists {
				return usage("at most %d files are compared", encoded.MaxLists)
			}
			answer := compareAnswer{Threshold: threshold, Patterns: []patternAnswer{}, Pairs: []pairAnswer{}}
			var files []*encoded.File
			var names []string
			for i, path := range args {
				f, err := readEncoded(path)
				if err != nil {
					return err
				}
				if i > 0 {
					if err := encoded.Comparable(files[0], f); err != nil {
						return fmt.Errorf("%s and %s: %w", filepath.Base(args[0]), filepath.Base(path), err)
					}
				}
				files = append(files, f)
				names = append(names, encoded.ListName(path, names))
				answer.Lists = append(answer.Lists, listAnswer{names[i], f.Rows})
			}
			joined, err := encoded.Join(cmd.Context(), files, threshold, runtime.NumCPU())
			if err != nil {
				return err
			}
			answer.fill(joined, names)
			answer.Notes = append(encoded.Leaks(language), language.T("encoded.once"))
			table := sheet.Sheet{}
			table.Head, table.Rows = joined.Table(names)
			if err := answer.write(out, table, tableOut); err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, answer)
			}
			return p.printCompared(answer, language)
		},
	}
	cmd.Flags().Float64Var(&threshold, "threshold", 0.70, "from which `likeness` on two rows are one person")
	cmd.Flags().StringVar(&out, "out", "", "write the pairs to this `file` (CSV); it must not be there")
	cmd.Flags().StringVar(&tableOut, "table", "", "write who is on which lists to this `file` (CSV), for kua estimate; it must not be there")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the answer: en, ru or kk")
	return cmd
}

func readEncoded(path string) (*encoded.File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", filepath.Base(path), errors.Unwrap(err))
	}
	defer in.Close()
	f, err := encoded.ReadFile(bufio.NewReaderSize(in, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return f, nil
}

func (a *compareAnswer) fill(j encoded.Joined, names []string) {
	a.Common, a.People = j.Common, j.People()
	for _, c := range j.Combinations(names) {
		a.Patterns = append(a.Patterns, patternAnswer(c))
	}
	for _, m := range j.Matches {
		a.Pairs = append(a.Pairs, pairAnswer{names[m.A.List], m.A.Row + 1, names[m.B.List], m.B.Row + 1, m.Similarity})
	}
}

// write writes the pairs and the table, where they are asked for.
func (a *compareAnswer) write(pairs string, combinations sheet.Sheet, table string) error {
	one := func(path string, s sheet.Sheet) error {
		if path == "" {
			return nil
		}
		var text bytes.Buffer
		if err := sheet.CSV(&text, s); err != nil {
			return err
		}
		return writeOut(path, &text)
	}
	s := sheet.Sheet{Head: []string{"list_a", "row_a", "list_b", "row_b", "similarity"}}
	for _, m := range a.Pairs {
		s.Rows = append(s.Rows, []any{m.A, m.RowA, m.B, m.RowB, m.Similarity})
	}
	if err := one(pairs, s); err != nil {
		return err
	}
	return one(table, combinations)
}

func (p *program) printCompared(a compareAnswer, l *locale.Language) error {
	rows := [][]string{{l.T("encoded.list"), l.T("encoded.people")}}
	for i, list := range a.Lists {
		rows[0] = append(rows[0], "+ "+list.Name)
		row := []string{list.Name, l.Number(list.Rows)}
		for j := range a.Lists {
			cell := "·"
			if i != j {
				cell = l.Number(a.Common[i][j])
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	if err := table(p.out, rows); err != nil {
		return err
	}
	fmt.Fprintln(p.out)
	rows = [][]string{{l.T("encoded.count"), l.T("encoded.pattern")}}
	for _, pattern := range a.Patterns {
		rows = append(rows, []string{l.Number(pattern.Count), strings.Join(pattern.Lists, ", ")})
	}
	if err := table(p.out, rows); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s\n\n", l.N("encoded.persons", a.People, strconv.FormatFloat(a.Threshold, 'g', -1, 64)))
	fmt.Fprintln(p.out, encoded.Listed(a.Notes))
	return nil
}
