// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/edtf"
)

// pageOf writes the whole list of an index as one page.
func pageOf(ix *Index) []byte {
	list := ix.list.Load()
	p := &paging{codes: ix.codes.all()}
	return p.page(list, ix.state, 0, int64(len(list.ids)))
}

// someCases is an index with cases, a decision and an organisation.
func someCases(t testing.TB, ix *Index) *teller {
	t.Helper()
	w := newTeller()
	people(w)
	w.now = w.now.Add(time.Hour)
	w.match(1, id('c', 1), id('c', 4), "same")
	w.apply(t, ix)
	return w
}

// said is all that a row says. What numbers its codes have depends on the order
// in which they were met, and that on which part of the list was read first.
func said(ix *Index, l *listed) string {
	if l == nil {
		return ""
	}
	known := ix.codes.all()
	var codes []string
	for c := range l.codes {
		codes = append(codes, fmt.Sprint(known[c]))
	}
	slices.Sort(codes)
	var b strings.Builder
	fmt.Fprintln(&b, l.v, l.from, l.stream, l.cluster, l.updated, l.id, ix.org(l), l.reported, l.incidentDay, l.flags, codes)
	for s := range l.stages {
		fmt.Fprintln(&b, s.from, s.since, known[s.code])
	}
	fmt.Fprintf(&b, "%q %q", l.packed.part(partStands), l.packed.part(partTerms))
	for n := range allTexts {
		fmt.Fprintf(&b, " %q", l.text(n))
	}
	return b.String()
}

// TestPagesFollow holds that a list read from its pages, and from pages that
// are older than the tables, is the list read row by row.
func TestPagesFollow(t *testing.T) {
	ctx := context.Background()
	l, path := theLaw(t), filepath.Join(t.TempDir(), "index.db")
	ix := l.open(t, path)
	w := someCases(t, ix)
	again := func(pages int) {
		t.Helper()
		before, head := ix.list.Load(), ix.Head()
		var rows []string
		for _, l := range before.rows {
			rows = append(rows, said(ix, l))
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		ix = l.open(t, path)
		after := ix.list.Load()
		if ix.Head() != head || !reflect.DeepEqual(before.ids, after.ids) || len(before.rows) != len(after.rows) {
			t.Fatalf("the list is of other streams: %v, not %v", after.ids, before.ids)
		}
		for no, was := range rows {
			if is := said(ix, after.rows[no]); is != was {
				t.Errorf("row %d is %s, not %s", no, is, was)
			}
		}
		if same := ix.state.cluster(id('c', 1)); !reflect.DeepEqual(same, []string{id('c', 1), id('c', 4)}) {
			t.Errorf("of the same person are %v", same)
		}
		found := 0
		if err := ix.read(ctx, func(c *conn) error {
			return c.Run(`SELECT no FROM page`, func(*sqlite3.Stmt) error { found++; return nil })
		}); err != nil || found != pages {
			t.Errorf("%d pages, not %d: %v", found, pages, err)
		}
	}
	again(1)
	again(1)
	for n := range 3 { // as a crash leaves it: noted, and on no page
		w.acts, w.now = nil, w.now.Add(time.Hour)
		w.act(id('c', 2), rec{id('c', 2), "case", fields("org", id('o', 1), "number", "K-000"+string(rune('5'+n)), "opened", "2022-01-13")})
		w.org(3+n, "no")
		w.apply(t, ix)
		ix.wrote = n == 1
		again(1)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestPageDamaged holds that no damage to a page is worse than an error.
func TestPageDamaged(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	someCases(t, ix)
	whole := pageOf(ix)
	for i := range whole {
		for _, with := range [...]byte{0, 1, 0x7f, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[i] = with
			readAll(t, ix, b)
		}
		if _, err := ix.readPage(whole[:i], 0); !errors.Is(err, errDamaged) {
			t.Fatalf("a page of %d bytes, cut to %d: %v", len(whole), i, err)
		}
	}
}

// readAll reads a page and all that its rows say.
func readAll(t testing.TB, ix *Index, body []byte) {
	p, err := ix.readPage(body, 0)
	if err != nil {
		if !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
		return
	}
	for _, l := range p.rows {
		if l == nil {
			continue
		}
		_ = ix.org(l)
		_ = l.stageOn(edtf.MaxDay)
		for range l.codes {
		}
		for range l.stands {
		}
		for range l.terms {
		}
		for i := range allTexts {
			_ = l.text(i)
		}
	}
}

func FuzzPage(f *testing.F) {
	l := theLaw(f)
	ix := l.open(f, filepath.Join(f.TempDir(), "index.db"))
	someCases(f, ix)
	f.Add(pageOf(ix))
	f.Add([]byte{0, 1, 0})
	f.Fuzz(func(t *testing.T, body []byte) { readAll(t, ix, body) })
}
