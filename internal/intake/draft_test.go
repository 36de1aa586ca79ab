// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDraftSamples: for each of the four lists the draft is a mapping that
// imports every row without an error and misses few columns.
func TestDraftSamples(t *testing.T) {
	book := testBook(t)
	for _, c := range []struct {
		file   string
		rows   int
		missed string // the columns nobody mapped
	}{
		{"northern-bureau.xlsx", 75, ""},
		{"legal-aid.xlsx", 66, "G (Подробности)"},
		{"detention-watch.csv", 35, ""},
		{"family-line.csv", 36, ""},
	} {
		data, err := os.ReadFile(filepath.Join(samples, c.file))
		must(t, err)
		table := read(t, data, ReadOptions{Name: c.file})
		draft := DraftMapping(table, book)
		golden(t, c.file+".draft.golden", string(draft))
		m, err := ParseMapping(draft, book)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.file, err, draft)
			continue
		}
		imp, findings, err := m.Run(book, read(t, data, m.ReadOptions(c.file)), RunOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		var missed []string
		for _, f := range findings {
			if strings.HasPrefix(f.What, "is not in the mapping") {
				missed = append(missed, f.Column)
			} else {
				t.Errorf("%s", f)
			}
		}
		if imp == nil || len(imp.Rows) != c.rows || strings.Join(missed, ", ") != c.missed {
			t.Errorf("%s: import %v, missed %v", c.file, imp != nil, missed)
		}
	}
}

func TestDraftOddTables(t *testing.T) {
	book := testBook(t)
	for name, text := range map[string]string{
		"one row":           "No;Name\n",
		"no headings":       "1;2\n3;4\n",
		"strange headings":  "\"a: b\";'x';# y;=F;yes;yes\n1;2;3;4;5;6\n",
		"title above":       "The list of 2022\nNo;Date of birth;Received\n1;01.02.1990;05.01.2022\n",
		"undecided dates":   "No;Date received\n1;05/01/2022\n2;06/01/2022\n",
		"month first":       "No;Date received\n1;01/25/2022\n2;06/01/2022\n",
		"line in a heading": "No;\"Date\nreceived\"\n1;2022-01-05\n",
	} {
		table := read(t, []byte(text), ReadOptions{Name: "x.csv", Delimiter: ";"})
		draft := DraftMapping(table, book)
		if _, err := ParseMapping(draft, book); err != nil {
			t.Errorf("%s: %v\n%s", name, err, draft)
		}
		want := map[string]string{"undecided dates": "CHECK: day first or month first?", "month first": "dates: '01/02/2006'", "title above": "header: 2"}[name]
		if !strings.Contains(string(draft), want) {
			t.Errorf("%s: no %q in\n%s", name, want, draft)
		}
	}
}

func FuzzDraft(f *testing.F) {
	book := testBook(f)
	f.Add("No;Date received;Name\n1;05/01/2022;x\n")
	f.Add("№;ФИО;Статья;Жалоба\n1;а б в;146 ч. 2;да\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ReadTable([]byte(text), ReadOptions{Name: "x.csv", Delimiter: ";"})
		if err != nil {
			return
		}
		draft := DraftMapping(table, book)
		if _, err := ParseMapping(draft, book); err != nil {
			t.Fatalf("%v\n%s", err, draft)
		}
	})
}
