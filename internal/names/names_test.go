// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

type namePair struct {
	a, b, why string
	same      bool
}

func readPairs(t testing.TB, path string) []namePair {
	t.Helper()
	f, err := os.Open(path)
	if err != nil && strings.HasPrefix(path, "testdata") {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("no %s here: the acceptance material lies beside the repository", filepath.Base(path))
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []namePair
	for _, r := range rows[1:] {
		out = append(out, namePair{a: r[0], b: r[1], same: r[2] == "1", why: r[3]})
	}
	return out
}

// measure prints recall and false positives per kind and returns F1 at Threshold.
func measure(t *testing.T, pairs []namePair, perKind bool) float64 {
	t.Helper()
	type count struct{ n, hit int }
	kinds := map[string]*count{}
	var tp, fp, fn int
	for _, p := range pairs {
		c := Compare(Parse(p.a), Parse(p.b))
		got := c.Score >= Threshold
		key := map[bool]string{true: "same: ", false: "not:  "}[p.same] + p.why
		if kinds[key] == nil {
			kinds[key] = &count{}
		}
		kinds[key].n++
		if got {
			kinds[key].hit++
		}
		switch {
		case got && p.same:
			tp++
		case got:
			fp++
		case p.same:
			fn++
		}
		if got != p.same {
			t.Logf("wrong: %q and %q: %.3f, should be %v (%s); %+v; %+v %+v", p.a, p.b, c.Score, p.same, p.why, c, Parse(p.a), Parse(p.b))
		}
	}
	var keys []string
	for k := range kinds {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if perKind {
			t.Logf("%3d of %3d joined   %s", kinds[k].hit, kinds[k].n, k)
		}
	}
	f1 := 2 * float64(tp) / float64(2*tp+fp+fn)
	t.Logf("%d pairs: F1 %.3f, precision %.3f, recall %.3f", len(pairs), f1, float64(tp)/float64(tp+fp), float64(tp)/float64(tp+fn))
	return f1
}

func TestAcceptanceHand(t *testing.T) {
	f1 := measure(t, readPairs(t, "../../../shared/acceptance/names/kz_name_pairs_hand.csv"), true)
	if f1 < 0.95 {
		t.Errorf("F1 %.3f, the target is 0.95", f1)
	}
}

func TestAcceptanceGenerated(t *testing.T) {
	f1 := measure(t, readPairs(t, "../../../shared/acceptance/names/kz_name_pairs.csv"), false)
	if f1 < 0.95 {
		t.Errorf("F1 %.3f, the target is 0.95", f1)
	}
}

// TestOwnPairs holds what is reached on pairs composed apart from the acceptance lists, all invented.
func TestOwnPairs(t *testing.T) {
	f1 := measure(t, readPairs(t, "testdata/pairs.csv"), false)
	if f1 < 0.95 {
		t.Errorf("F1 %.3f, the target is 0.95", f1)
	}
}

// TestBrokenLettersRegression: a name cut in the middle of a letter, as a
// broken file has it, is compared like any other.
func TestBrokenLettersRegression(t *testing.T) {
	for _, name := range []string{"\xbf\x90х", "\x80", "\xc2", "Ахмет\xd0", "\xe2\x80"} {
		p := Prepare(New(name, "Серик", name))
		p.Compare(Prepare(Parse(name + " Серик")))
		p.Words()
		SearchKeys(name)
	}
}
