// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"strings"
	"testing"
)

func TestNotesAreNumberedAsTheTextRefersToThem(t *testing.T) {
	d := Document{
		Notes: []Note{
			{ID: "nobody's", Text: Words("last")},
			{ID: "b", Text: []Inline{Plain("second, with "), NoteRef{"c"}}},
			{ID: "c", Text: Words("fourth")},
			{ID: "a", Text: Words("first")},
		},
		Blocks: []Block{
			Paragraph{Text: []Inline{NoteRef{"a"}, Strong{Emphasis{NoteRef{"b"}}}, NoteRef{"a"}}},
			Table{
				Columns: []Column{{}, {Number: true}},
				Rows:    [][]Cell{{{Text: Words("registered")}, {Text: []Inline{Figure{ID: "f", Text: "69", Definition: "third"}}}}},
				Rest:    []Cell{{Text: []Inline{Figure{ID: "f", Text: "69", Definition: "third"}}}},
			},
			Paragraph{Text: []Inline{Figure{ID: "g", Text: "3"}, Figure{ID: "h", Text: "4", Definition: "none", Unmarked: true}}},
		},
	}
	n, err := check(d)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"first", "second, with ", "third", "fourth", "last"}
	if len(n.notes) != len(want) {
		t.Fatalf("got %d notes, want %d", len(n.notes), len(want))
	}
	for i, text := range want {
		if n.notes[i].number != i+1 || n.notes[i].text[0] != Plain(text) {
			t.Errorf("note %d is %v, want %q", i+1, n.notes[i], text)
		}
	}
	for in, number := range map[Inline]int{
		NoteRef{"a"}: 1, NoteRef{"c"}: 4,
		Figure{ID: "f", Text: "69", Definition: "third"}: 3,
		Figure{ID: "g", Text: "3"}:                       0,
	} {
		if got := n.mark(in); got != number {
			t.Errorf("%v has the note %d, want %d", in, got, number)
		}
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	deep := []Block{}
	for range 100 {
		deep = []Block{Quote{Blocks: deep}}
	}
	inner := []Inline{}
	for range 100 {
		inner = []Inline{Strong(inner)}
	}
	for want, d := range map[string]Document{
		"which the document doesn't have": {Blocks: []Block{Paragraph{Text: []Inline{NoteRef{"x"}}}}},
		"two notes":                       {Notes: []Note{{ID: "x"}, {ID: "x"}}},
		"the level 5":                     {Blocks: []Block{Heading{Level: 5}}},
		"two headings":                    {Blocks: []Block{Heading{Level: 1, ID: "x"}, Heading{Level: 1, ID: "x"}}},
		"no columns":                      {Blocks: []Block{Table{}}},
		"has 2 columns, the table has 1":  {Blocks: []Block{Table{Columns: []Column{{}}, Rows: [][]Cell{Row("a", "b")}}}},
		"spans 3 columns of 1":            {Blocks: []Block{Table{Columns: []Column{{}}, Rows: [][]Cell{{{Span: 3}}}}}},
		"no words for those":              {Blocks: []Block{Picture{}}},
		"too deep in each other":          {Blocks: deep},
		"too deep in each":                {Blocks: []Block{Paragraph{Text: inner}}},
		"block of an unknown sort":        {Blocks: []Block{nil}},
		"line of an unknown sort":         {Blocks: []Block{Paragraph{Text: []Inline{nil}}}},
	} {
		if _, err := check(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
