// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// TestOnce holds that the same has the same answer for a day, also once the
// store was opened anew, that something else is refused, and that what was cut
// off is done again.
func TestOnce(t *testing.T) {
	ctx, now, path := context.Background(), time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC), filepath.Join(t.TempDir(), "once.db")
	open := func() *Store {
		t.Helper()
		s, err := Open(path, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	a, b, one, other := [32]byte{1}, [32]byte{2}, [32]byte{3}, [32]byte{4}
	is := func(what string, name, digest [32]byte, wantAnswer string, wantAgain bool, wantErr error) {
		t.Helper()
		answer, again, err := s.Begin(ctx, name, digest, now)
		if string(answer) != wantAnswer || again != wantAgain || !errors.Is(err, wantErr) {
			t.Errorf("%s: %q %t %v", what, answer, again, err)
		}
	}
	is("new", a, one, "", false, nil)
	is("while it is done", a, one, "", false, ErrBusy)
	if err := s.End(a, []byte("done"), false); err != nil {
		t.Fatal(err)
	}
	is("the same", a, one, "done", false, nil)
	is("something else", a, other, "", false, ErrOther)
	is("another", b, one, "", false, nil)
	if err := s.Close(); err != nil { // cut off
		t.Fatal(err)
	}
	s = open()
	is("the same, opened anew", a, one, "done", false, nil)
	is("what was cut off", b, one, "", true, nil)
	if err := s.End(b, nil, true); err != nil {
		t.Fatal(err)
	}
	is("unsure", b, one, "", true, nil)
	if err := s.End(b, nil, false); err != nil {
		t.Fatal(err)
	}
	is("not done", b, other, "", false, nil)
	now = now.Add(Lasts + time.Second)
	is("a day later", a, other, "", false, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestForgettingGoesThroughNothingRegression holds that what is forgotten is found
// by its time: else each request goes through all of the day before.
func TestForgettingGoesThroughNothingRegression(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "once.db"), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, statement := range []string{forgetOld, forgetAhead} {
		err := s.conn.Run("EXPLAIN QUERY PLAN "+statement, func(st *sqlite3.Stmt) error {
			if plan := st.ColumnText(3); !strings.HasPrefix(plan, "SEARCH asked USING INDEX asked_at") {
				t.Errorf("%s: %s", statement, plan)
			}
			return nil
		}, 0)
		if err != nil {
			t.Fatal(err)
		}
	}
}
