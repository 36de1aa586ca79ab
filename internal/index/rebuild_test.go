// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
)

// drawActs draws the acts of some organisations: cases written, changed,
// withdrawn and written again, matched and parted, organisations that begin
// and cease to count, reviews asked for, taken back and decided, acts in one
// millisecond and a clock set back.
func drawActs(t *rapid.T) []Act {
	w := newTeller()
	cases := map[int]bool{}
	date := func() string {
		return rapid.SampledFrom([]string{"2022-01-04", "2022-01-05/2022-01-09", "2022-02-14", "2022-03", "2022-06-20", ""}).Draw(t, "date")
	}
	with := func(f casefile.Fields, name, value string) casefile.Fields {
		if value != "" {
			f[name] = []string{value}
		}
		return f
	}
	for range rapid.IntRange(1, 25).Draw(t, "acts") {
		w.now = w.now.Add(rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Hour, 40 * 24 * time.Hour, -time.Hour}).Draw(t, "pause"))
		n := rapid.IntRange(1, 5).Draw(t, "case")
		org := id('o', rapid.IntRange(1, 2).Draw(t, "org"))
		stream := id('c', n)
		of := func(kind string) string { return fmt.Sprintf("%02x%014x%016x", 'r', n, len(kind)) }
		switch what := rapid.IntRange(0, 15).Draw(t, "what"); {
		case what == 13:
			audit := rec{id('e', len(w.acts)), "audit", fields("act", rapid.SampledFrom([]string{"read", "list", "refused"}).Draw(t, "act"), "case", stream, "n", "2")}
			w.act(id('a', 1), audit, rec{id('f', len(w.acts)), "audit", fields("act", "sign_in")})
		case what == 14 && cases[n]:
			if rapid.Bool().Draw(t, "revoke") {
				w.act(stream, rec{of("grant"), "grant", nil})
				break
			}
			w.act(stream, rec{of("grant"), "grant", fields("org", org, "part", "fact")})
		case what == 15:
			w.act(id('m', n), rec{id('m', n), "member", fields("name", "M", "roles", rapid.SampledFrom([]string{"analyst", "lawyer"}).Draw(t, "role"))})
		case what == 0:
			w.act(org, rec{org, "organisation", fields("name", "O", "counts", rapid.SampledFrom([]string{"yes", "no"}).Draw(t, "counts"))})
		case what == 1 && cases[n]:
			w.act(stream, rec{stream, "case", nil})
			cases[n] = false
		case what <= 3:
			m := rapid.IntRange(1, 4).Draw(t, "match")
			if rapid.Bool().Draw(t, "withdraw") {
				w.act(id('p', m), rec{id('p', m), "match", nil})
				break
			}
			w.match(m, stream, id('c', rapid.IntRange(1, 6).Draw(t, "other")), rapid.SampledFrom([]string{"same", "same", "different"}).Draw(t, "verdict"))
		case what <= 5 || !cases[n]:
			cases[n] = true
			recs := []rec{{stream, "case", with(fields("org", org, "number", fmt.Sprintf("K-%04d", n), "restricted", rapid.SampledFrom([]string{"no", "no", "yes"}).Draw(t, "restricted")), "opened", date())}}
			recs = append(recs, rec{of("act"), "act", with(fields("methods", rapid.SampledFrom([]string{"beat", "electric"}).Draw(t, "method"), "region", rapid.SampledFrom([]string{"KZ-75", "KZ-10"}).Draw(t, "region")), "date", date())})
			recs = append(recs, rec{of("report"), "report", with(fields("channel", "phone"), "received", date())},
				rec{of("person"), "person", fields("role", "victim", "full_name", rapid.SampledFrom([]string{"Есенов Саят", "Yesenov Sayat"}).Draw(t, "name"),
					"child", rapid.SampledFrom([]string{"yes", "no", "unknown"}).Draw(t, "child"), "sex", rapid.SampledFrom([]string{"f", "m"}).Draw(t, "sex"))})
			w.act(stream, recs...)
		case what >= 10:
			steps := []string{"ask", "verified", "verified", "rejected", "falsely_attributed", "take_back"}
			if rapid.Bool().Draw(t, "at once") { // most verdicts come in their turn
				steps = steps[:2]
				w.act(stream, rec{id('w', int(w.pos)), "review", fields("step", "ask")})
			}
			step := rapid.SampledFrom(steps).Draw(t, "step")
			if step == "ask" || step == "take_back" {
				w.act(stream, rec{id('w', int(w.pos)), "review", fields("step", step)})
				break
			}
			saw := rapid.IntRange(0, int(w.pos)).Draw(t, "saw")
			w.by = id('m', rapid.IntRange(1, 3).Draw(t, "reviewer")) // the first writes all the cases
			w.act(stream, rec{id('w', int(w.pos)), "review", fields("step", step, "saw", fmt.Sprint(saw), "comment", "прочитано")})
			w.by = ""
		case what == 6:
			w.act(stream, rec{of("registration"), "registration", with(fields("status", rapid.SampledFrom([]string{"erdr", "kui_only"}).Draw(t, "status"),
				"article", rapid.SampledFrom([]string{"146", "362"}).Draw(t, "article")), "date", date())})
		case what == 7:
			w.act(stream, rec{of("examination"), "examination", with(fields("kind", "forensic", "official", "yes"), "ordered", date())},
				rec{of("decision"), "decision", with(fields("kind", rapid.SampledFrom([]string{"opened", "closed"}).Draw(t, "decision")), "date", date())})
		case what == 8:
			kind := rapid.SampledFrom([]string{"report", "person", "registration", "examination"}).Draw(t, "withdrawn")
			w.act(stream, rec{of(kind), kind, nil})
		default:
			w.act(stream, rec{of("note"), "note", fields("text", rapid.SampledFrom([]string{"о пытках", "шағымдар", "дело 12-34"}).Draw(t, "note"))})
		}
	}
	return w.acts
}

// joined makes one act of consecutive ones of a stream with the same time, as
// one who reads the ledger from its start must take them.
func joined(acts []Act) []Act {
	var found []Act
	for _, a := range acts {
		if n := len(found); n > 0 {
			if before := found[n-1].Entries[0]; before.Stream == a.Entries[0].Stream && before.At.Equal(a.Entries[0].At) {
				found[n-1] = Act{slices.Concat(found[n-1].Entries, a.Entries)}
				continue
			}
		}
		found = append(found, a)
	}
	return found
}

// cut cuts acts into batches.
func cut(t *rapid.T, acts []Act) [][]Act {
	var batches [][]Act
	for len(acts) > 0 {
		n := rapid.IntRange(1, len(acts)).Draw(t, "batch")
		batches = append(batches, acts[:n])
		acts = acts[n:]
	}
	return batches
}

func headOf(acts []Act) Head {
	n := uint64(0)
	for _, a := range acts {
		n += uint64(len(a.Entries))
	}
	return Head{Ledger: [16]byte{9}, Size: n, Root: [32]byte{byte(n)}}
}

// TestRebuildGivesTheSame compares every table of an index written act by act,
// with the program started anew in between, with one made at once and one made
// in batches after a reset.
func TestRebuildGivesTheSame(t *testing.T) {
	l := theLaw(t)
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir() // its own: a run that is given up leaves its files
		ctx := context.Background()
		acts := drawActs(rt)
		path := func(name string) string { return filepath.Join(dir, name+".db") }
		step := l.open(t, path("step"))
		for i, act := range acts {
			if err := step.Apply(ctx, []Act{act}, headOf(acts[:i+1])); err != nil {
				rt.Fatal(err)
			}
			if rapid.IntRange(0, 7).Draw(rt, "restart") == 0 {
				if err := step.Close(); err != nil {
					rt.Fatal(err)
				}
				step = l.open(t, path("step"))
			}
		}
		once := l.open(t, path("once"))
		if err := once.Apply(ctx, joined(acts), headOf(acts)); err != nil {
			rt.Fatal(err)
		}
		if table, err := step.Differs(ctx, once); err != nil || table != "" {
			rt.Errorf("they are said to differ in %q %v", table, err)
		}
		want := dump(t, step)
		if got := dump(t, once); got != want {
			rt.Fatalf("made at once it differs: %s", firstDifference(want, got))
		}
		whole := l.open(t, path("whole"))
		whole.held = rapid.SampledFrom([]int{mostHeld, 1, 2000}).Draw(rt, "bytes held") // few: entries are put away in runs
		err := whole.Build(ctx, func(add func([]Act) error) (Head, error) {
			for _, batch := range cut(rt, joined(acts)) {
				if err := add(batch); err != nil {
					return Head{}, err
				}
			}
			return headOf(acts), nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		if got := dump(t, whole); got != want {
			rt.Fatalf("built from the whole ledger it differs: %s", firstDifference(want, got))
		}
		if table, err := whole.Differs(ctx, step); err != nil || table != "" {
			rt.Errorf("built and written, they are said to differ in %q %v", table, err)
		}
		if err := whole.Sound(ctx); err != nil {
			rt.Error(err)
		}
		if err := errors.Join(whole.Close(), Remove(whole.path)); err != nil {
			rt.Fatal(err)
		}
		if err := once.Reset(ctx); err != nil {
			rt.Fatal(err)
		}
		if once.Head() != (Head{}) {
			rt.Fatalf("after a reset the head is %v", once.Head())
		}
		done := 0
		for _, batch := range cut(rt, acts) {
			done += len(batch)
			if err := once.Apply(ctx, batch, headOf(acts[:done])); err != nil {
				rt.Fatal(err)
			}
		}
		if got := dump(t, once); got != want {
			rt.Fatalf("rebuilt after a reset it differs: %s", firstDifference(want, got))
		}
		if once.Head() != headOf(acts) {
			rt.Fatalf("the head is %v", once.Head())
		}
		for _, ix := range []*Index{step, once} {
			if err := ix.Close(); err != nil {
				rt.Fatal(err)
			}
			if err := Remove(ix.path); err != nil {
				rt.Fatal(err)
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			rt.Fatalf("left behind: %v %v", left, err)
		}
	})
}

// TestBuildCutOff stops a building in each of its passes: what is left says that
// it can't be used.
func TestBuildCutOff(t *testing.T) {
	l := theLaw(t)
	w := register(40)
	stopped := errors.New("stopped")
	for name, fill := range map[string]func(*Index) error{
		"in the first pass": func(ix *Index) error {
			return ix.Build(context.Background(), func(add func([]Act) error) (Head, error) {
				return Head{}, errors.Join(add(w.acts[:20]), stopped)
			})
		},
		"in the second": func(ix *Index) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			err := ix.Build(ctx, func(add func([]Act) error) (Head, error) {
				defer cancel()
				return Head{Size: w.pos}, add(w.acts)
			})
			if errors.Is(err, context.Canceled) {
				err = stopped
			}
			return err
		},
	} {
		path := filepath.Join(t.TempDir(), "index.db")
		ix := l.open(t, path)
		if err := fill(ix); !errors.Is(err, stopped) {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ix.Close(); err != nil {
			t.Logf("%s: closing: %v", name, err) // its file is of no use
		}
		if _, err := Open(context.Background(), path, ix.key, l.book, l.set); !errors.Is(err, ErrUnfinished) {
			t.Errorf("%s: it is opened again: %v", name, err)
		}
	}
	ix := l.open(t, filepath.Join(t.TempDir(), "index.db"))
	if err := ix.Apply(context.Background(), w.acts[:2], Head{Size: 2}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Build(context.Background(), func(func([]Act) error) (Head, error) { return Head{}, nil }); err == nil {
		t.Error("an index that holds something was built upon")
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

// dump writes all content.
func dump(t testing.TB, ix *Index) string {
	t.Helper()
	c, err := connect(ix.path, ix.key)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = eachRow(c, func(table string, s *sqlite3.Stmt) error {
		b.WriteString(table)
		for i := range s.ColumnCount() {
			switch s.ColumnType(i) {
			case sqlite3.BLOB:
				fmt.Fprintf(&b, " %x", s.ColumnRawBlob(i))
			default:
				fmt.Fprintf(&b, " %q", s.ColumnText(i))
			}
		}
		b.WriteByte('\n')
		return nil
	})
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range as {
		if i >= len(bs) || as[i] != bs[i] {
			return fmt.Sprintf("line %d\n%s\nand\n%s", i, as[i], bs[min(i, len(bs)-1)])
		}
	}
	return "one is longer"
}

// TestFiguresAgreeWithFolding counts every figure anew by folding all entries,
// at drawn clocks, and compares that with what the index counts.
func TestFiguresAgreeWithFolding(t *testing.T) {
	l := theLaw(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		acts := drawActs(rt)
		ix := l.open(t, filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", len(acts))))
		defer func() {
			if err := ix.Close(); err != nil {
				rt.Error(err)
			}
			if err := Remove(ix.path); err != nil {
				rt.Error(err)
			}
		}()
		for _, batch := range cut(rt, acts) {
			if err := ix.Apply(ctx, batch, Head{}); err != nil {
				rt.Fatal(err)
			}
		}
		for range 4 {
			clock := Clock{AsOf: day(t, rapid.SampledFrom([]string{"2022-01-01", "2022-01-09", "2022-02-14", "2022-04-01", "2023-01-01", "2030-01-01"}).Draw(rt, "as of"))}
			if i := rapid.IntRange(-1, len(acts)-1).Draw(rt, "known by"); i >= 0 {
				clock.KnownBy = acts[i].Entries[0].At
			}
			for i, scope := range []string{Coalition, id('o', 1), id('o', 2), Coalition, id('o', 1), id('o', 2)} {
				verified := i >= 3
				want := l.count(acts, clock, scope, verified)
				got, err := ix.Figures(ctx, clock, scope, verified, nil)
				if err != nil {
					rt.Fatal(err)
				}
				for _, v := range got {
					if v.Value != len(want[v.ID]) {
						rt.Fatalf("%s in %.8s (verified only: %v) as of %v known by %v is %d, not %d %v", v.ID, scope, verified, clock.AsOf, clock.KnownBy, v.Value, len(want[v.ID]), want[v.ID])
					}
					page, err := ix.Cases(ctx, Query{Figure: v.ID, Scope: scope, Verified: verified, Clock: clock, Limit: 200})
					if err != nil {
						rt.Fatal(err)
					}
					var cases []string
					for _, r := range page.Rows {
						cases = append(cases, r.ID)
					}
					slices.Sort(cases)
					if want := slices.Sorted(slices.Values(slices.Concat(want[v.ID]...))); !slices.Equal(cases, want) {
						rt.Fatalf("the cases of %s in %.8s are %v, not %v", v.ID, scope, cases, want)
					}
				}
			}
		}
	})
}

// count counts the figures of a scope by folding, of all its cases or of the
// verified ones alone: figure → units → cases.
func (l law) count(acts []Act, clock Clock, scope string, verified bool) map[string][][]string {
	found := map[string][][]string{}
	for _, u := range l.units(acts, clock, scope, verified) {
		for _, figure := range l.set.Counts(u.file, clock.AsOf) {
			found[figure] = append(found[figure], u.members)
		}
	}
	return found
}

// folded is a unit found by folding.
type folded struct {
	members []string
	file    *casefile.Case
	told    bool // no member is restricted
}

// units folds the units of a scope as known at a clock.
func (l law) units(acts []Act, clock Clock, scope string, verified bool) (all []folded) {
	streams := map[string][]casefile.Entry{}
	known := int64(0) // a clock set back stands still
	for _, a := range acts {
		if a.Entries[0].Kind == kindAudit {
			continue // no clock knows of it
		}
		known = max(known, a.Entries[0].At.UnixMilli())
		for _, e := range a.Entries {
			if known <= moment(clock.KnownBy) {
				streams[e.Stream] = append(streams[e.Stream], e.Entry)
			}
		}
	}
	group := map[string]string{} // case → group
	for _, s := range slices.Sorted(maps.Keys(streams)) {
		group[s] = s
	}
	join := func(a, b string) {
		for _, s := range []string{a, b} {
			if group[s] == "" {
				group[s] = s
			}
		}
		from, to := group[a], group[b]
		for s, g := range group {
			if g == from {
				group[s] = to
			}
		}
	}
	counts := map[string]bool{}
	for _, entries := range streams {
		f := last(entries)
		switch {
		case f == nil:
		case entries[0].Kind == "match" && first(f, "verdict") == "same":
			join(first(f, "a"), first(f, "b"))
		case entries[0].Kind == "organisation":
			counts[entries[0].Record] = first(f, "counts") == "yes"
		}
	}
	units := map[string][]string{}
	for s, entries := range streams {
		f := last(entries)
		if entries[0].Kind != "case" || f == nil {
			continue
		}
		if verified && casefile.Fold(l.book, s, entries).Review().Verdict != casefile.Verified {
			continue
		}
		if org := first(f, "org"); org == scope && !restricted(f) || scope == Coalition && counts[org] {
			units[group[s]] = append(units[group[s]], s)
		}
	}
	for _, members := range units {
		slices.Sort(members)
		told := true
		var files []*casefile.Case
		for _, m := range members {
			told = told && !restricted(last(streams[m]))
			files = append(files, casefile.Fold(l.book, m, streams[m]))
		}
		file := files[0]
		if len(files) > 1 {
			file = casefile.Merge(members[0], files...)
		}
		all = append(all, folded{members, file, told})
	}
	return all
}

// TestMakingCutOffBeforeTheTables holds that an index whose file is there and
// whose tables are not yet, since the program ended in between, is begun as one
// without a file is, and is not said to be damaged.
func TestMakingCutOffBeforeTheTables(t *testing.T) {
	l := theLaw(t)
	path := filepath.Join(t.TempDir(), "index.db")
	c, err := connect(path, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Fatalf("nothing was written before the tables: %v %v", info, err)
	}
	ix := l.open(t, path)
	if ix.Head() != (Head{}) {
		t.Fatalf("made from %+v", ix.Head())
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}
