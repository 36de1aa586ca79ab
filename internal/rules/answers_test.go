// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/rules"
)

// TestAnswersOfWhatChanged writes cases entry by entry, changes and takes back
// some of their records, and asks each time only what can have changed: the same
// as all asked anew. A rule that is not asked although it reads what changed
// would say something else.
func TestAnswersOfWhatChanged(t *testing.T) {
	b, s := compiled(t)
	square := storyEntries(t, b, "1-square.yaml")
	kept, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		entries := drawEntries(rt, b)
		if rapid.Bool().Draw(rt, "goes on from the square") { // drawn records alone seldom count in a figure
			entries = append(slices.Clone(square), entries[1:]...)
			for i := range entries {
				entries[i].Pos = uint64(i + 1)
			}
		}
		for range rapid.IntRange(0, 6).Draw(rt, "changes") {
			e := entries[rapid.IntRange(0, len(entries)-1).Draw(rt, "which")]
			other := entries[rapid.IntRange(0, len(entries)-1).Draw(rt, "other")]
			switch {
			case rapid.Bool().Draw(rt, "taken back"):
				e.Op, e.Fields = casefile.Withdraw, nil
			case other.Kind == e.Kind:
				e.Op, e.Fields = casefile.Put, other.Fields
			}
			e.Pos = uint64(len(entries) + 1)
			entries = append(entries, e)
		}
		var before *rules.Answers
		for n := 1; n <= len(entries); n++ {
			c := casefile.Fold(b, id("case"), entries[:n])
			got, want := s.Answers(c, before), s.Answers(c, nil)
			if g, w := said(got), said(want); g != w {
				rt.Fatalf("after %d entries, the last of a %s:\n%s\nall asked anew:\n%s", n, entries[n-1].Kind, g, w)
			}
			before = got
			all += len(want.Intervals)
			kept++
		}
	})
	if kept == 0 || all == 0 { // the story alone gives intervals: not a matter of what was drawn
		t.Errorf("%d answers, %d intervals", kept, all)
	}
}

func said(a *rules.Answers) string {
	intervals := make([]string, len(a.Intervals))
	for i, v := range a.Intervals {
		intervals[i] = fmt.Sprint(v)
	}
	slices.Sort(intervals)
	return fmt.Sprintln(intervals) + fmt.Sprintln(a.Standings) + fmt.Sprintln(a.Waiting)
}
