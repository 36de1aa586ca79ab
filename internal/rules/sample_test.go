// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/examples"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/rules"
)

// sample folds the cases of the four lists: member/row → case.
func sample(t testing.TB, b *codebook.Book) map[string]*casefile.Case {
	t.Helper()
	out := map[string]*casefile.Case{}
	for _, list := range examples.Lists {
		mapping, err := examples.Files.ReadFile(list.Mapping)
		if err != nil {
			t.Fatal(err)
		}
		data, err := examples.Files.ReadFile(list.File)
		if err != nil {
			t.Fatal(err)
		}
		m, err := intake.ParseMapping(mapping, b)
		if err != nil {
			t.Fatal(err)
		}
		table, err := intake.ReadTable(data, m.ReadOptions(list.File))
		if err != nil {
			t.Fatal(err)
		}
		imp, found, err := m.Run(b, table, intake.RunOptions{})
		if err != nil || imp == nil {
			t.Fatal(err, found)
		}
		member := strings.TrimSuffix(path.Base(list.File), path.Ext(list.File))
		for _, row := range imp.Rows {
			caseID := id(member + row.Key)
			var entries []casefile.Entry
			for i, r := range row.Records {
				entries = append(entries, casefile.Entry{Pos: uint64(i + 1), At: written, Record: intake.RecordID(caseID, r.Local),
					Kind: r.Kind, Op: casefile.Put, Fields: r.Resolve(caseID)})
			}
			out[member+"/"+row.Key] = casefile.Fold(b, caseID, entries)
		}
	}
	return out
}

// acceptance reads a file of the acceptance material, which is not part of the repository.
func acceptance(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "acceptance", file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not here: the acceptance material is not part of the repository", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// units merges the sample's cases as the truth says they belong together.
func units(t *testing.T, b *codebook.Book) []*casefile.Case {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(acceptance(t, "january-2022/truth-clusters.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cases := sample(t, b)
	clusters := map[string][]*casefile.Case{}
	for _, r := range rows[1:] {
		c, ok := cases[r[0]+"/"+r[1]]
		if !ok {
			t.Fatalf("row %s/%s was not read", r[0], r[1])
		}
		clusters[r[2]] = append(clusters[r[2]], c)
	}
	var out []*casefile.Case
	for name, cs := range clusters {
		out = append(out, casefile.Merge(id("cluster"+name), cs...))
	}
	return out
}

// TestFiguresOfTheSample: the figures come out as known, on each of the three days, by intervals and by asking.
func TestFiguresOfTheSample(t *testing.T) {
	b, s := compiled(t)
	us := units(t, b)
	var truth map[string]json.RawMessage
	if err := json.Unmarshal(acceptance(t, "january-2022/truth-figures.json"), &truth); err != nil {
		t.Fatal(err)
	}
	var intervals []rules.Interval
	for _, c := range us {
		intervals = append(intervals, s.Intervals(c)...)
	}
	for on, raw := range truth {
		d, err := edtf.ParseDay(on)
		if err != nil {
			continue
		}
		var want map[string]int
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		counted, asked := map[string]int{}, map[string]int{}
		for _, iv := range intervals {
			if iv.From <= d && d < iv.To {
				counted[iv.Rule]++
			}
		}
		for _, c := range us {
			for _, f := range s.Counts(c, d) {
				asked[f]++
			}
		}
		for figure, n := range want {
			if counted[figure] != n || asked[figure] != n {
				t.Errorf("%s on %s: %d by intervals, %d by asking, want %d", figure, on, counted[figure], asked[figure], n)
			}
		}
		if rest := counted["reports"] - counted["complaint_filed"] - counted["not_complained"] - counted["complaint_not_known"]; rest != 0 {
			t.Errorf("on %s complaints leave a remainder of %d", on, rest)
		}
	}
}

// TestBasesHold: a figure counts only where its base counts.
func TestBasesHold(t *testing.T) {
	b, s := compiled(t)
	for _, c := range sample(t, b) {
		for _, on := range []string{"2022-03-14", "2022-06-24"} {
			held := s.Counts(c, day(t, on))
			for _, id := range held {
				if d, _ := s.Figure(id); d.Base != "" && !slices.Contains(held, d.Base) {
					t.Errorf("%s counts and its base %s does not", id, d.Base)
				}
			}
		}
	}
}

// BenchmarkSample asks everything of the sample's cases, one after the other.
func BenchmarkSample(b *testing.B) {
	bk, s := compiled(b)
	var cases []*casefile.Case
	for _, c := range sample(b, bk) {
		cases = append(cases, c)
	}
	on := day(b, "2022-06-24")
	for name, ask := range map[string]func(c *casefile.Case){
		"figures":   func(c *casefile.Case) { s.Intervals(c) },
		"checks":    func(c *casefile.Case) { s.Checks(c, on) },
		"deadlines": func(c *casefile.Case) { s.Deadlines(c, on) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				ask(cases[i%len(cases)])
			}
		})
	}
}
