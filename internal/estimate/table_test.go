// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The acceptance material lies beside the repository; without it there is nothing to compare with.
func acceptance(t testing.TB, name string) Table {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "acceptance", "mse", name+".csv"))
	if err != nil {
		t.Skipf("no %s.csv here: the acceptance material lies beside the repository", name)
	}
	defer f.Close()
	table, err := ReadTable(f)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// invented is a table of no people at all: three lists that are independent.
func invented() Table {
	t := NewTable("A", "B", "C")
	copy(t.Counts, []int{0, 120, 90, 60, 75, 50, 38, 25})
	return t
}

func TestReadTable(t *testing.T) {
	table, err := ReadTable(strings.NewReader("\ufeffhospital, court,press,count\n1,0,0,12\n0,1,0,7\n1,1,0,3\n0,0,1,9\n1,0,1,2\n0,1,1,1\n1,1,1,0\n0,0,0,NA\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(table.Lists, []string{"hospital", "court", "press"}) || !slices.Equal(table.Counts, []int{0, 12, 7, 3, 9, 2, 1, 0}) {
		t.Errorf("read as %v", table)
	}
	if table.Observed() != 34 || table.On(0) != 17 || table.Shared(0b011) != 3 {
		t.Errorf("observed %d, on the first list %d, shared by the first two %d", table.Observed(), table.On(0), table.Shared(0b011))
	}
	people, err := ReadTable(strings.NewReader("a,b\n1,0\n1,0\n1,1\n"))
	if err != nil || !slices.Equal(people.Counts, []int{0, 2, 0, 1}) {
		t.Errorf("a line a person: %v, %v", people, err)
	}
	parts, all, err := ReadStrata(strings.NewReader("region,a,b,count\nsouth,1,0,4\nnorth,1,0,3\nnorth,0,1,2\n"), "region")
	if err != nil || all.Observed() != 9 || len(parts) != 2 || parts[0].Name != "north" || parts[0].Table.Observed() != 5 {
		t.Errorf("parts %v of %v, %v", parts, all, err)
	}
}

func TestReadTableRefuses(t *testing.T) {
	for _, c := range []struct {
		text, why string
		line      int
	}{
		{"", "the file is empty", 1},
		{"a,b,count\n1,0,x\n", `"x" is no number of people`, 2},
		{"a,b,count\n1,0,-4\n", `"-4" is no number of people`, 2},
		{"a,b,count\n1,2,3\n", `column "b" must be 0 or 1, and is "2"`, 2},
		{"a,b,count\n0,0,3\n", "these people are on no list", 2},
		{"a,b,count\n1,0,3\n0,1,1\n1,0,2\n", "this pattern stands in line 2, too", 4},
		{"a,b,count\n1,0\n", "it has not as many columns as the first line", 2},
		{"a,a,count\n", `two columns are called "a"`, 1},
		{"a,,count\n", "column 2 has no name", 1},
		{"count\n", "no column is a list", 1},
		{"a,b,count\n1,0,1000000000\n0,1,1\n", "more than a thousand million", 3},
		{"a,b,c,d,e,f,g,h,i,j,k,l,m,count\n", "there are 13 lists", 1},
		{"a,\"b,count\n", "quotation marks", 1},
	} {
		_, err := ReadTable(strings.NewReader(c.text))
		e, ok := errors.AsType[*TableError](err)
		if !ok || e.Line != c.line || !strings.Contains(e.Why, c.why) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	if _, _, err := ReadStrata(strings.NewReader("a,b\n1,0\n"), "region"); err == nil {
		t.Error("a column that is not there was found")
	}
}

func FuzzReadTable(f *testing.F) {
	for _, s := range []string{"a,b,count\n1,0,3\n", "a\n1\n", "a,b,n\n0,0,NA\n", "\"\n", "a,b,count\n1,1,99999999999999999999\n"} {
		f.Add(s, "")
	}
	f.Add("r,a,count\nx,1,2\n", "r")
	f.Fuzz(func(t *testing.T, text, by string) {
		parts, all, err := ReadStrata(strings.NewReader(text), by)
		if err != nil {
			return
		}
		if all.Counts[0] != 0 || len(all.Counts) != 1<<len(all.Lists) || all.Observed() > mostPeople {
			t.Errorf("read as %v", all)
		}
		sum := 0
		for _, p := range parts {
			sum += p.Table.Observed()
		}
		if len(parts) > 0 && sum != all.Observed() {
			t.Errorf("the parts have %d people, and all %d", sum, all.Observed())
		}
	})
}

func drawTable(t *rapid.T, fewest, most int) Table {
	table := NewTable([]string{"A", "B", "C", "D", "E"}[:rapid.IntRange(fewest, most).Draw(t, "lists")]...)
	for x := 1; x < len(table.Counts); x++ {
		table.Counts[x] = rapid.IntRange(0, 60).Draw(t, "count")
	}
	return table
}

// Leaving a list out loses those who are on no other, and nobody else.
func TestWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t, 2, 5)
		j := rapid.IntRange(0, len(table.Lists)-1).Draw(t, "left out")
		rest := table.Without(j)
		if rest.Observed() != table.Observed()-table.Counts[1<<j] {
			t.Errorf("%d people are left of %d", rest.Observed(), table.Observed())
		}
		for i, name := range rest.Lists {
			if rest.On(i) != table.On(slices.Index(table.Lists, name)) {
				t.Errorf("the list %s has another number of people", name)
			}
		}
	})
}
