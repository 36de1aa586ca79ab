// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"fmt"
	"testing"
)

// TestUnitsWhileOthersWriteRegression: making the units of a scope takes long
// where there are many cases. Where somebody wrote meanwhile they were of no use
// to anybody but who had made them, and were made anew for each reader: a list
// behind a figure took seconds for as long as others worked.
func TestUnitsWhileOthersWriteRegression(t *testing.T) {
	const scope, other = 1, 2
	head := func(n uint64) Head { return Head{Size: n} }
	units := func(of int64, stream int64, body string) map[counted][]byte {
		return map[counted][]byte{{of, stream}: []byte(body)}
	}
	is := func(s *sheets, n uint64, stream int64, want string) {
		t.Helper()
		sh := s.at(scope, head(n))
		if sh == nil {
			t.Fatalf("there is nothing of head %d", n)
		}
		if got := string(sh.pages[stream/sheetPage][stream%sheetPage]); got != want {
			t.Errorf("at head %d, %d: %q, want %q", n, stream, got, want)
		}
	}
	made := func() *sheet {
		page := make([][]byte, sheetPage)
		page[7] = []byte("seven")
		return &sheet{head(1), [][][]byte{page}}
	}

	s := &sheets{}
	s.begin()
	if !s.kept() {
		t.Error("what is written meanwhile would not be noted")
	}
	s.follow(head(1), head(2), units(scope, 7, "eight"))
	s.follow(head(2), head(3), units(other, 7, "not of this scope"))
	s.follow(head(3), head(4), units(scope, 5000, "new"))
	s.done(scope, made())
	is(s, 1, 7, "seven")
	is(s, 2, 7, "eight")
	is(s, 3, 7, "eight")
	is(s, 4, 5000, "new")
	s.follow(head(4), head(5), units(scope, 7, ""))
	is(s, 5, 7, "")
	is(s, 5, 5000, "new")
	is(s, 1, 7, "seven") // who began before reads on

	// One that was made from before those does not take their place.
	s.begin()
	s.done(scope, &sheet{head(0), nil})
	is(s, 5, 5000, "new")

	for n := uint64(5); n < 5+2*sheetHeads; n++ {
		s.follow(head(n), head(n+1), units(scope, 9, fmt.Sprint(n)))
	}
	if n := len(s.of[scope]); n != sheetHeads {
		t.Errorf("%d heads are kept, not %d", n, sheetHeads)
	}

	// A write that nobody noted: all is made anew.
	s.follow(head(200), head(201), nil)
	if s.kept() {
		t.Error("units are kept that a write may have changed")
	}
	s.begin()
	s.follow(head(1), head(2), units(scope, 7, "eight"))
	s.follow(head(2), head(3), nil)
	s.follow(head(3), head(4), units(scope, 7, "nine"))
	s.done(scope, made())
	if s.kept() {
		t.Error("units are kept that lack a write")
	}
	// What was begun before all was to be forgotten.
	s.begin()
	s.forget()
	s.done(scope, made())
	if s.kept() {
		t.Error("units of an index are kept that is no more")
	}
	s.begin()
	s.done(scope, nil)
	if s.kept() {
		t.Error("what failed is kept")
	}
}
