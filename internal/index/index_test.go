// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kz"
)

// people are invented, like all that is said of them.
func people(w *teller) {
	one, two := w.org(1, "yes"), w.org(2, "yes")
	w.now = w.now.Add(time.Hour)
	for i, s := range []someone{
		{org: one, number: "K-0001", external: "A-001", name: "Жүнісов Ерлан Маратұлы", sex: "m", child: "no", region: "KZ-75", received: "2022-01-12", incident: "2022-01-06", place: "police", method: "beating", article: "146", register: "22-7510-0031-000123", summary: "Рассказал о пытках в отделе."},
		{org: one, number: "K-0002", external: "A-002", name: "Есенова Сәуле", sex: "f", child: "yes", region: "KZ-75", received: "2022-01-13", incident: "2022-01-07", place: "police", method: "beating", article: "362", summary: "Шағымдар қабылданбады."},
		{org: two, number: "K-0010", external: "17/22", name: "Ким Алексей", sex: "m", child: "no", region: "KZ-10", received: "2022-02-01", incident: "2022-01/2022-02", place: "sizo", method: "suffocation", summary: "Избит в машине, ёлка у входа."},
		{org: two, number: "K-0009", external: "18/22", name: "Zhunusov Yerlan", sex: "m", child: "no", region: "KZ-75", received: "2022-02-03", incident: "2022-01-06", place: "police", method: "beating", summary: "The same man, told in English by his lawyers."},
	} {
		w.now = w.now.Add(time.Minute)
		w.someone(i+1, s)
	}
}

func numbers(p Page) string {
	var found []string
	for _, r := range p.Rows {
		found = append(found, r.Number)
	}
	return strings.Join(found, " ")
}

func TestSearch(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	w := newTeller()
	people(w)
	w.apply(t, ix)
	clock := Clock{AsOf: day(t, "2022-06-01")}
	for _, tt := range []struct{ text, want string }{
		{"пытка", "K-0001"},
		{"шағымды", "K-0002"},
		{"елки", "K-0010"},
		{"lawyer", "K-0009"},
		{"Zhunusov", "K-0001 K-0009"},
		{"Жүнісов", "K-0001 K-0009"},
		{"Жунусова", "K-0001 K-0009"},
		{"жүн", ""},
		{"Zhunussov Erlan", "K-0001 K-0009"},
		{"Жунмсов", "K-0001 K-0009"}, // a typing error
		{"Esenova", "K-0002"},
		{"Есеновв", "K-0002"},
		{"A-001", "K-0001"},
		{"a001", "K-0001"},
		{"A-00", "K-0001 K-0002"},
		{"17/22", "K-0010"},
		{"22-7510-0031-000123", "K-0001"},
		{"227510003100", "K-0001"},
		{"K-0009", "K-0009"},
		{"0009", "K-0009"},
		{"пытка Жүнісов", "K-0001"},
		{"пытка Ким", ""},
		{"нетакогослова", ""},
		{`" OR names:* NEAR(`, ""},
		{"?!", ""},
	} {
		page, err := ix.Cases(context.Background(), Query{Text: tt.text, Sort: "number", Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Fields(numbers(page))
		slices.Sort(got)
		if strings.Join(got, " ") != tt.want || page.Total != len(got) {
			t.Errorf("%q finds %v of %d, want %q", tt.text, got, page.Total, tt.want)
		}
	}
	// What was changed or withdrawn is not found any more.
	stream := id('c', 3)
	w.acts = nil
	w.act(stream, rec{stream, "case", nil})
	w.apply(t, ix)
	if page, err := ix.Cases(context.Background(), Query{Text: "Ким", Clock: clock}); err != nil || page.Total != 0 {
		t.Errorf("a case withdrawn is still found: %v %v", page, err)
	}
}

func TestListsAndFacets(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	w := newTeller()
	people(w)
	before := w.now
	w.now = w.now.Add(24 * time.Hour)
	w.match(1, id('c', 1), id('c', 4), "same")
	w.apply(t, ix)
	ctx := context.Background()
	clock := Clock{AsOf: day(t, "2022-06-01")}
	cases := func(q Query) Page {
		t.Helper()
		if q.Clock == (Clock{}) {
			q.Clock = clock
		}
		page, err := ix.Cases(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	for _, tt := range []struct {
		q    Query
		want string
	}{
		{Query{}, "K-0001 K-0002 K-0009 K-0010"},
		{Query{Sort: "reported"}, "K-0009 K-0010 K-0002 K-0001"},
		{Query{Sort: "incident"}, "K-0010 K-0001 K-0009 K-0002"},
		{Query{Sort: "updated"}, "K-0009 K-0010 K-0002 K-0001"},
		{Query{Facets: map[string][]string{"sex": {"f"}}}, "K-0002"},
		{Query{Facets: map[string][]string{"region": {"KZ-75"}, "method": {"beating"}, "child": {"no"}}}, "K-0001 K-0009"},
		{Query{Facets: map[string][]string{"article": {"146", "362"}}}, "K-0001 K-0002"},
		{Query{Facets: map[string][]string{"org": {id('o', 2)}}}, "K-0009 K-0010"},
		{Query{Facets: map[string][]string{"no such facet": {"x"}}}, "K-0001 K-0002 K-0009 K-0010"},
		{Query{See: ofOrg(id('o', 1))}, "K-0001 K-0002"},
		{Query{See: func(string) Sight { return Nothing }}, ""},
		{Query{Figure: "t_reports"}, "K-0001 K-0002 K-0009 K-0010"},
		{Query{Figure: "t_reports", Scope: id('o', 2)}, "K-0009 K-0010"},
		{Query{Figure: "t_reports", Scope: "nobody"}, ""},
		{Query{Figure: "t_146"}, "K-0001 K-0009"}, // one unit: what one file says holds for the person
		{Query{Figure: "t_146", See: ofOrg(id('o', 2))}, "K-0009"},
		{Query{Figure: "t_146", Scope: id('o', 2)}, ""},
		{Query{Figure: "t_146", Clock: Clock{AsOf: clock.AsOf, KnownBy: before}}, "K-0001"},
		{Query{Figure: "t_reports", Clock: Clock{AsOf: day(t, "2022-01-12")}}, "K-0001 K-0009"},
		{Query{Rule: "t_no_exam"}, "K-0001 K-0002 K-0009 K-0010"},
		{Query{Rule: "t_no_exam", Clock: Clock{AsOf: day(t, "2022-02-20")}}, "K-0001 K-0002"},
		{Query{Rule: "t_register"}, "K-0009 K-0010"},
	} {
		if tt.q.Sort == "" {
			tt.q.Sort = "number"
		}
		page := cases(tt.q)
		if got := numbers(page); got != tt.want || page.Total != len(strings.Fields(tt.want)) {
			t.Errorf("%+v gives %q of %d, want %q", tt.q, got, page.Total, tt.want)
		}
	}

	if got := numbers(cases(Query{})); got != "K-0009 K-0010 K-0002 K-0001" {
		t.Errorf("without an order the list is %s, want what was reported last first", got)
	}

	page := cases(Query{Facets: map[string][]string{"sex": {"m"}, "place_type": {"police"}}})
	counts := map[string]string{}
	for _, f := range page.Facets {
		for _, v := range f.Values {
			counts[f.ID] += fmt.Sprintf("%s=%d,%v ", v.Code, v.Count, v.Selected)
		}
	}
	for facet, want := range map[string]string{
		"sex":        "m=2,true f=1,false ",         // within police
		"place_type": "police=2,true sizo=1,false ", // of men
		"region":     "KZ-75=2,false ",
	} {
		if counts[facet] != want {
			t.Errorf("facet %s counts %q, want %q", facet, counts[facet], want)
		}
	}

	row := cases(Query{Sort: "number"}).Rows[0]
	if row.ID != id('c', 1) || row.Cluster != row.ID || row.Others != 1 || row.OrgName != "Organisation 1 (invented)" || row.ExternalID != "A-001" ||
		row.Name != "Жүнісов Ерлан Маратұлы" || row.Child || row.Sex != "m" || row.Region != "KZ-75" || row.PlaceType != "police" ||
		row.Incident.String() != "2022-01-06" || row.Reported != day(t, "2022-01-12") || row.Stage != "registered" || row.Overdue != 0 || row.Breaches < 1 {
		t.Errorf("the first row is %+v", row)
	}
	early, err := ix.Row(ctx, id('c', 1), Clock{AsOf: clock.AsOf, KnownBy: before}, nil)
	if err != nil || early.Others != 0 {
		t.Errorf("before the decision the row is %+v %v", early, err)
	}
	if _, err := ix.Row(ctx, id('c', 1), Clock{AsOf: clock.AsOf, KnownBy: before.Add(-240 * time.Hour)}, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("before it was written the row of a case is %v", err)
	}
	for _, bad := range []Query{{Sort: "name"}, {Figure: "t_no_exam"}, {Figure: "x"}, {Rule: "t_reports"}, {After: "%"}, {After: "AAAA"}, {Rule: "x"}} {
		bad.Clock = clock
		if _, err := ix.Cases(ctx, bad); err == nil {
			t.Errorf("%+v is answered", bad)
		}
	}
	counted, err := ix.Standing(ctx, clock, false, nil, 12)
	if err != nil || counted.Rules["t_no_exam"] != 4 || counted.Rules["t_register"] != 2 {
		t.Errorf("rules are counted %v %v", counted, err)
	}
	counted, err = ix.Standing(ctx, clock, false, ofOrg(id('o', 1)), 12)
	if err != nil || counted.Rules["t_no_exam"] != 2 || counted.Rules["t_register"] != 0 {
		t.Errorf("rules of one organisation are counted %v %v", counted, err)
	}
	stats, err := ix.Stats(ctx, time.Time{}, nil)
	if err != nil || stats.Cases != 4 || stats.Units != 3 || stats.ByOrg[id('o', 2)] != 2 || !stats.Latest.Equal(w.now) {
		t.Errorf("the index holds %+v %v", stats, err)
	}
	same, err := ix.Same(ctx, id('c', 4), time.Time{})
	if err != nil || !slices.Equal(same, []string{id('c', 1), id('c', 4)}) {
		t.Errorf("the same person are %v %v", same, err)
	}
	external, err := ix.ExternalIDs(ctx, id('o', 2), nil)
	if err != nil || len(external) != 2 || external["17/22"] != id('c', 3) {
		t.Errorf("external ids are %v %v", external, err)
	}
	orgs, err := ix.Outside(ctx, "organisation", time.Time{})
	if err != nil || len(orgs) != 2 || orgs[1].ID != id('o', 2) {
		t.Errorf("organisations are %v %v", orgs, err)
	}
	n := 0
	for c, err := range ix.Files(ctx, before) {
		if err != nil || len(c.Records()) == 0 {
			t.Fatal(c, err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d files", n)
	}
	if _, err := ix.Case(ctx, id('o', 1), time.Time{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("an organisation is taken for a case: %v", err)
	}
	if c, err := ix.Case(ctx, id('c', 2), time.Time{}); err != nil || len(c.Of("registration")) != 1 {
		t.Errorf("the file of a case: %v %v", c, err)
	}
	if e, err := ix.Entries(ctx, id('c', 2)); err != nil || len(e) != 5 || !e[0].At.Equal(before.Add(-2*time.Minute)) {
		t.Errorf("the entries of a case: %v %v", e, err)
	}
}

// TestPagesHoldTogether walks through pages in every order, with equal keys and a case written meanwhile.
func TestPagesHoldTogether(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	w := newTeller()
	org := w.org(1, "yes")
	for i := range 23 {
		w.someone(i, someone{org: org, number: fmt.Sprintf("K-%04d", i%7), name: "Есенов", sex: "m", child: "no", region: "KZ-10",
			received: "2022-01-12", incident: "2022-01-06", place: "police", method: "beating", summary: "пытки"})
	}
	w.apply(t, ix)
	for _, q := range []Query{{}, {Sort: "reported"}, {Sort: "incident"}, {Sort: "stage"}, {Sort: "updated"}, {Text: "пытка"}, {Sort: "number", Text: "пытка"}} {
		q.Clock, q.Limit = Clock{AsOf: day(t, "2022-06-01")}, 5
		seen := map[string]bool{}
		for {
			page, err := ix.Cases(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Rows {
				if seen[r.ID] {
					t.Fatalf("%+v shows a case twice", q)
				}
				seen[r.ID] = true
			}
			if q.After = page.Next; page.Next == "" {
				break
			}
		}
		if len(seen) != 23 {
			t.Errorf("%+v shows %d of 23 cases", q, len(seen))
		}
	}
	q := Query{Sort: "number", Clock: Clock{AsOf: day(t, "2022-06-01")}, Limit: 10}
	first, err := ix.Cases(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	w.acts = nil
	w.someone(99, someone{org: org, number: "K-0000", received: "2022-01-12"})
	w.apply(t, ix)
	q.After, q.Limit = first.Next, 200
	rest, err := ix.Cases(context.Background(), q)
	if err != nil || len(first.Rows)+len(rest.Rows) != 23 {
		t.Errorf("%d and %d rows after a case was written before them: %v", len(first.Rows), len(rest.Rows), err)
	}
}

// TestNothingReadableOnDisk looks for what was written, in every file, while the index is open and after.
func TestNothingReadableOnDisk(t *testing.T) {
	l := theLaw(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir) // a temporary file would be seen, too
	t.Setenv("SQLITE_TMPDIR", dir)
	path := filepath.Join(dir, "index.db")
	ix := l.open(t, path)
	w := newTeller()
	people(w)
	for i := range 400 { // more than stays in memory before it is written
		w.someone(100+i, someone{org: id('o', 1), number: fmt.Sprintf("K-%04d", 100+i), name: "Жүнісов Ерлан", received: "2022-01-12", summary: strings.Repeat("пытки шағымдар witness ", 40)})
	}
	w.apply(t, ix)
	if _, err := ix.Cases(context.Background(), Query{Text: "пытка", Clock: Clock{AsOf: day(t, "2022-06-01")}}); err != nil {
		t.Fatal(err)
	}
	look := func(want ...string) {
		t.Helper()
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, f := range files {
			found = append(found, f.Name())
			// The shared memory holds numbers of pages only, and SQLite's library makes it as it likes.
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 && !strings.HasSuffix(f.Name(), "-shm") {
				t.Errorf("%s may be read by others: %v %v", f.Name(), info.Mode(), err)
			}
			data, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"Жүнісов", "zhunus", "жүніс", "пытк", "шағым", "witness", "A-001", "organisation", "K-0001", "SQLite format", "CREATE TABLE", id('c', 1), string(testKey[:16])} {
				if bytes.Contains(data, []byte(word)) {
					t.Errorf("%s holds %q", f.Name(), word)
				}
			}
		}
		if !slices.Equal(found, want) {
			t.Errorf("the files are %v, want %v", found, want)
		}
	}
	look("index.db", "index.db-shm", "index.db-wal")
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	look("index.db")
}

// TestDamageIsFound overwrites, cuts and swaps the file: whatever is answered,
// it is an error that asks for a rebuild or a right answer, and never a panic.
func TestDamageIsFound(t *testing.T) {
	l := theLaw(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "index.db")
	ix := l.open(t, path)
	w := newTeller()
	people(w)
	for i := range 60 {
		w.someone(100+i, someone{org: id('o', 1), number: fmt.Sprintf("K-%04d", 100+i), name: "Жүнісов Ерлан", received: "2022-01-12", summary: strings.Repeat("пытки ", 200)})
	}
	w.apply(t, ix)
	want := dump(t, ix)
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	use := func(data []byte, key [32]byte) error {
		if err := errors.Join(Remove(path), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		ix, err := Open(ctx, path, key, l.book, l.set)
		if err != nil {
			return err
		}
		defer func() { _ = ix.Close() }() // of a damaged file it may fail
		clock := Clock{AsOf: day(t, "2022-06-01")}
		for _, q := range []Query{{Clock: clock, Limit: 200}, {Clock: clock, Text: "пытка"}, {Clock: clock, Figure: "t_reports"}} {
			if _, err := ix.Cases(ctx, q); err != nil {
				return err
			}
		}
		if _, err := ix.Figures(ctx, clock, "", false, nil); err != nil {
			return err
		}
		for _, err := range ix.Files(ctx, time.Time{}) {
			if err != nil {
				return err
			}
		}
		x := &teller{pos: w.pos, now: w.now}
		x.someone(1, someone{org: id('o', 1), number: "K-0001", received: "2022-01-12"})
		return ix.Apply(ctx, x.acts, Head{Size: x.pos})
	}
	if err := use(whole, testKey); err != nil {
		t.Fatalf("the whole file: %v", err)
	}
	if err := use(whole, [32]byte{1}); !errors.Is(err, ErrUnusable) {
		t.Errorf("a wrong key: %v", err)
	}
	for _, size := range []int{1, 100, 4095, 4096, 5000, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		if err := use(whole[:size], testKey); err != nil && !errors.Is(err, ErrUnusable) {
			t.Errorf("cut to %d of %d: %v", size, len(whole), err)
		} else if err == nil && size < len(whole)/2+1 {
			t.Errorf("cut to %d of %d: nothing was noticed", size, len(whole))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	noticed := 0
	const tries = 60
	for range tries {
		data := bytes.Clone(whole)
		for range 1 + random.IntN(8) {
			data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
		}
		if err := use(data, testKey); err != nil {
			noticed++
			if !errors.Is(err, ErrUnusable) {
				t.Errorf("flipped bytes: %v", err)
			}
		}
	}
	t.Logf("%d of %d damaged files were noticed by use", noticed, tries)
	if err := use(bytes.Repeat([]byte("not a database "), 1000), testKey); !errors.Is(err, ErrUnusable) {
		t.Errorf("another file: %v", err)
	}
	// The way back: remove it, open it, add everything again.
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	ix = l.open(t, path)
	w.apply(t, ix)
	if got := dump(t, ix); got != want {
		t.Errorf("rebuilt it differs: %s", firstDifference(want, got))
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOtherCodebookAndSchema(t *testing.T) {
	l := theLaw(t)
	path := filepath.Join(t.TempDir(), "index.db")
	if err := l.open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.open(t, path).Close(); err != nil {
		t.Fatalf("opened again: %v", err)
	}
	book, err := codebook.Load(codebook.Data, kz.Data, fstest.MapFS{"rules/index.yaml": {Data: []byte(strings.Replace(testRules, "30", "31", 1))}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(book)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := Open(ctx, path, testKey, book, set); !errors.Is(err, ErrUnusable) {
		t.Errorf("with another rule: %v", err)
	}
	if _, err := Open(ctx, filepath.Join(path, "no", "folder"), testKey, l.book, l.set); err == nil || errors.Is(err, ErrUnusable) {
		t.Errorf("where no file can be: %v", err)
	}
	// A database with the right key that was never finished.
	c, err := connect(path, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec("DROP TABLE meta"), c.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, path, testKey, l.book, l.set); !errors.Is(err, ErrUnusable) {
		t.Errorf("without its tables: %v", err)
	}
}

// TestFailedApplyLeavesNothing breaks a batch in its midst and stops others.
func TestFailedApplyLeavesNothing(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	w := newTeller()
	people(w)
	w.apply(t, ix)
	want, head := dump(t, ix), ix.Head()
	x := &teller{pos: w.pos, now: w.now.Add(time.Hour)}
	x.org(1, "no")
	x.match(1, id('c', 1), id('c', 2), "same")
	x.someone(9, someone{org: id('o', 3), number: "K-0099", received: "2022-01-12"})
	good := x.acts
	ctx := context.Background()
	stopped, stop := context.WithCancel(ctx)
	stop()
	mixed := Act{Entries: []Entry{{Stream: id('c', 7)}, {Stream: id('c', 8)}}}
	for _, bad := range []struct {
		ctx  context.Context
		acts []Act
	}{
		{ctx, append(slices.Clone(good), Act{})},
		{ctx, append(slices.Clone(good), mixed)},
		{ctx, append(slices.Clone(good), good[0])}, // the same place in the ledger twice
		{stopped, good},
	} {
		if err := ix.Apply(bad.ctx, bad.acts, Head{Size: 99}); err == nil {
			t.Fatal("a broken batch was taken")
		}
		if got := dump(t, ix); got != want || ix.Head() != head {
			t.Fatalf("a broken batch left something: %s", firstDifference(want, got))
		}
	}
	fresh := l.empty(t)
	if table, err := ix.Differs(ctx, fresh); err != nil || table != "meta" {
		t.Errorf("an empty index differs in %q %v", table, err)
	}
	w.acts = append(w.acts, good...)
	w.apply(t, fresh)
	if err := ix.Apply(ctx, good, fresh.Head()); err != nil {
		t.Fatal(err)
	}
	if a, b := dump(t, fresh), dump(t, ix); a != b {
		t.Errorf("after broken batches a good one gives something else: %s", firstDifference(a, b))
	}
}

// TestReadersWhileWriting asks while batches are added: each answer is of one state.
func TestReadersWhileWriting(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	w := newTeller()
	org := w.org(1, "yes")
	w.apply(t, ix)
	done := make(chan error, 1)
	go func() {
		for i := range 40 {
			w.acts = nil
			w.someone(2*i, someone{org: org, number: "K-1", received: "2022-01-12"})
			w.someone(2*i+1, someone{org: org, number: "K-2", received: "2022-01-12"})
			if err := ix.Apply(context.Background(), w.acts, Head{Size: w.pos}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	clock := Clock{AsOf: day(t, "2022-06-01")}
	for writing := true; writing; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		values, err := ix.Figures(context.Background(), clock, "", false, []string{"t_reports"})
		if err != nil || values[0].Value%2 != 0 {
			t.Fatalf("half a batch is seen: %v %v", values, err)
		}
		spread, err := ix.Spread(context.Background(), SpreadQuery{Clock: clock, Figure: "t_reports"})
		if err != nil {
			t.Fatal(err)
		}
		stages := spread.Breakdowns[len(spread.Breakdowns)-1]
		counted, summed := stages.Rest, spread.Series[len(spread.Series)-1].Now
		for _, c := range stages.Cells {
			counted += c.Value
		}
		if counted != summed || summed%2 != 0 {
			t.Fatalf("%d are counted in memory and %d summed up: not of one state", counted, summed)
		}
		page, err := ix.Cases(context.Background(), Query{Clock: clock, Text: "K-1", Rule: "t_register"})
		if err != nil || page.Total < values[0].Value/2 {
			t.Fatalf("less than before is seen: %v %v", page.Total, err)
		}
	}
	if n := len(ix.idle); n > readers {
		t.Errorf("%d idle connections", n)
	}
}

// TestTemporaryTablesStayInMemory holds the setting that keeps sorting off the disk.
func TestTemporaryTablesStayInMemory(t *testing.T) {
	c := emptyStore(t)
	for sql, want := range map[string]string{"PRAGMA temp_store": "2", "PRAGMA journal_mode": "wal", "PRAGMA synchronous": "1"} {
		if err := c.Run(sql, func(s *sqlite3.Stmt) error {
			if got := s.ColumnText(0); got != want {
				t.Errorf("%s is %s, want %s", sql, got, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTokensAreComparedUnsortedRegression holds that no sorting of all tokens in
// memory compares two indexes: at ten thousand cases it ended the program.
func TestTokensAreComparedUnsortedRegression(t *testing.T) {
	c := emptyStore(t)
	if err := c.Exec(`CREATE VIRTUAL TABLE temp.tokens USING fts5vocab(main, search, instance)`); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, part := range content() {
		if part.table != "search" {
			continue
		}
		if err := c.Run("EXPLAIN QUERY PLAN "+part.sql, func(s *sqlite3.Stmt) error {
			seen++
			if step := s.ColumnText(3); strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s: %s", part.sql, step)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Error("there is no plan: this test finds nothing")
	}
}
