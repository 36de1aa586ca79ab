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
