// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/names"
)

// TestVocabularyFollowsWhatIsWritten holds the names in memory, with what was
// written since they were read beside them, against those of the database: as
// cases come and are given other names, and for a reader who may not see all.
func TestVocabularyFollowsWhatIsWritten(t *testing.T) {
	ix, w := theLaw(t).empty(t), register(40)
	w.apply(t, ix)
	families := []string{"Жасампазов", "Жасанпазов", "Жасампасов", "Бердібаев", "Бердыбаев", "Оспанова", "Аспанова"}
	hidden := id('c', 103)
	see := func(c string) Sight {
		if c == hidden {
			return Nothing
		}
		return All
	}
	compare := func(step int) {
		t.Helper()
		err := ix.readList(context.Background(), func(c *conn, list *listing) error {
			seen := seenBy(list, see)
			for _, family := range families {
				for _, key := range names.SearchKeys(family) {
					for _, known := range []bool{false, true} {
						got, err := list.words.near(c, key, 2, known, seen)
						if err != nil {
							return err
						}
						want, err := newVocabulary().near(c, key, 2, known, seen)
						if err != nil {
							return err
						}
						if !reflect.DeepEqual(got, want) {
							t.Errorf("step %d, %q: %v; of what is read anew %v", step, key, got, want)
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	compare(0)
	beside := 0
	for step := 1; step < 24; step++ {
		w.acts, w.now = nil, w.now.Add(time.Minute)
		no := 100 + step%7
		w.someone(no, someone{org: id('o', 1), number: fmt.Sprintf("K-9%04d", no), external: fmt.Sprint("V-", no), name: families[step%len(families)] + " Саят",
			received: "2022-01-12", region: "KZ-75", summary: "x"})
		w.apply(t, ix)
		beside = max(beside, len(ix.list.Load().words.since))
		compare(step)
	}
	if beside < 5 {
		t.Errorf("%d cases lay beside what was read: this test finds nothing", beside)
	}
}

// TestNamedIsEachWord holds what is found by the rarest word and among its cases
// by the others against what each word finds by itself.
func TestNamedIsEachWord(t *testing.T) {
	ix, w := theLaw(t).empty(t), register(60)
	families := []string{"Жасампазов", "Жасанпазов", "Жасампасов", "Бердібаев", "Оспанова"}
	given := []string{"Саят", "Саят", "Саят", "Сайат", "Гүлнар"}
	for i := range 60 {
		summary := []string{"ничего", "Саят говорил с ней", "о Бердібаеве", "Жасампазова видели"}[i%4]
		w.someone(100+i, someone{org: id('o', 1), number: fmt.Sprintf("K-9%04d", i), external: fmt.Sprint("V-", i), name: families[i*7%5] + " " + given[i%5],
			received: "2022-01-12", region: "KZ-75", summary: summary})
	}
	w.apply(t, ix)
	several := 0
	err := ix.readList(context.Background(), func(c *conn, list *listing) error {
		for _, text := range []string{"Саят", "Жасампазов Саят", "Саят Жасампазов", "Zhasanpazov Sayat", "Бердебаев Саят", "Саят Бердібаев", "Оспанова Гулнар", "Жасампазов Бердібаев", "Саят Гүлнар Оспанова", "Есенов Саят"} {
			asked, err := ftsQuery(c, list.words, text, nil)
			if err != nil {
				return err
			}
			if !asked.named {
				t.Errorf("%q is not like names", text)
				continue
			}
			got, err := named(c, list.words, asked.words, nil, len(list.rows))
			if err != nil {
				return err
			}
			want := map[int64]int{}
			for no := int64(1); no < int64(len(list.rows)); no++ {
				want[no] = tierName
			}
			for _, word := range asked.words {
				alone, err := named(c, list.words, []nameWord{word}, nil, len(list.rows))
				if err != nil {
					return err
				}
				for no := range want {
					if tier, ok := alone[no]; ok {
						want[no] = max(want[no], tier)
					} else {
						delete(want, no)
					}
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q finds %v, its words %v", text, got, want)
			}
			if len(asked.words) > 1 && len(want) > 1 {
				several++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if several < 5 {
		t.Errorf("%d texts of several words find several cases: this test finds nothing", several)
	}
}
