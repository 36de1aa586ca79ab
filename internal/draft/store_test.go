// SPDX-License-Identifier: AGPL-3.0-or-later

package draft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestStoreKeepsWhatIsLeft compares the store with a map over any order of acts, closing and opening among them.
func TestStoreKeepsWhatIsLeft(t *testing.T) {
	ctx := context.Background()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(t.TempDir(), fmt.Sprint(n))
		s := open(t, path)
		want := map[string]Draft{}
		one := rapid.SampledFrom([]string{"a", "b", "c"})
		rt.Repeat(map[string]func(*rapid.T){
			"keep": func(rt *rapid.T) {
				d := Draft{one.Draw(rt, "id"), one.Draw(rt, "member"), one.Draw(rt, "case"), time.UnixMilli(rapid.Int64Range(0, 1e12).Draw(rt, "at")).UTC(), []byte(rapid.String().Draw(rt, "text"))}
				err := s.Keep(ctx, d)
				if old, there := want[d.ID]; there && old.Member != d.Member {
					if !errors.Is(err, ErrNotFound) {
						rt.Fatalf("another member's draft was overwritten: %v", err)
					}
					return
				}
				if err != nil {
					rt.Fatal(err)
				}
				want[d.ID] = d
			},
			"drop": func(rt *rapid.T) {
				id, member := one.Draw(rt, "id"), one.Draw(rt, "member")
				if err := s.Drop(ctx, member, id); err != nil {
					rt.Fatal(err)
				}
				if want[id].Member == member {
					delete(want, id)
				}
			},
			"drop of a case": func(rt *rapid.T) {
				about := one.Draw(rt, "case")
				if err := s.DropCase(ctx, about); err != nil {
					rt.Fatal(err)
				}
				for id, d := range want {
					if d.Case == about {
						delete(want, id)
					}
				}
			},
			"reopen": func(rt *rapid.T) {
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				s = open(t, path)
			},
			"": func(rt *rapid.T) {
				all, err := s.All(ctx)
				if err != nil || len(all) != len(want) {
					rt.Fatalf("%d drafts, want %d: %v", len(all), len(want), err)
				}
				for _, d := range all {
					w := want[d.ID]
					if d.Member != w.Member || d.Case != w.Case || !d.At.Equal(w.At) || string(d.Sealed) != string(w.Sealed) {
						rt.Fatalf("%+v, want %+v", d, w)
					}
				}
			},
		})
	})
}

func TestMostDrafts(t *testing.T) {
	ctx := context.Background()
	s := open(t, filepath.Join(t.TempDir(), "drafts"))
	for i := range Most {
		if err := s.Keep(ctx, Draft{ID: fmt.Sprint(i), Member: "m", Sealed: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keep(ctx, Draft{ID: "one more", Member: "m", Sealed: []byte("x")}); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if err := s.Keep(ctx, Draft{ID: "0", Member: "m", Sealed: []byte("again")}); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := s.Keep(ctx, Draft{ID: "other", Member: "n", Sealed: []byte("x")}); err != nil {
		t.Errorf("another member's: %v", err)
	}
}

// TestWrongKey holds that a file of another key is an error and stays as it is.
func TestWrongKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drafts")
	s := open(t, path)
	if err := s.Keep(context.Background(), Draft{ID: "a", Member: "m", Sealed: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, [32]byte{2}); err == nil {
		t.Fatal("opened with another key")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Fatalf("changed: %v", err)
	}
}
