// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// tellAudit tells of so many lines of some members about some cases.
func tellAudit(w *teller, n int) {
	for i := range n {
		w.now = w.now.Add(time.Second)
		act, cases := "read", []string{id('c', i%500)}
		switch {
		case i%50 == 0:
			act, cases = "refused", nil
		case i%10 == 0:
			act = "list"
			for j := range 20 {
				cases = append(cases, id('c', (i+j)%500))
			}
		}
		f := fields("act", act, "what", "case")
		f["case"] = cases
		w.act(id('a', i/4096), rec{id('e', i), "audit", f})
		w.acts[len(w.acts)-1].Entries[0].Author = id('m', i%10)
	}
}

func TestAuditFilters(t *testing.T) {
	l := theLaw(t)
	ix := l.empty(t)
	w := newTeller()
	start := w.now
	tellAudit(w, 2000)
	w.apply(t, ix)
	ctx := context.Background()
	for _, q := range []AuditQuery{
		{}, {Member: id('m', 3)}, {Act: "list"}, {Refused: true}, {Case: id('c', 7)}, {Case: id('c', 7), Act: "list"},
		{From: start.Add(100 * time.Second), To: start.Add(200 * time.Second)},
		{Member: id('m', 0), Refused: true, From: start.Add(500 * time.Second)},
	} {
		want := 0
		all, err := ix.AuditBetween(ctx, time.Time{}, start.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			of := q.Case == ""
			for _, c := range l.Cases {
				of = of || c == q.Case
			}
			if of && (q.Member == "" || q.Member == l.Member) && (q.Act == "" || q.Act == l.Act) && (!q.Refused || l.Refused()) &&
				(q.From.IsZero() || !l.At.Before(q.From)) && (q.To.IsZero() || l.At.Before(q.To)) {
				want++
			}
		}
		got, last, pages := 0, start.Add(time.Hour), q
		seen := map[uint64]bool{}
		for pages.Limit = 37; ; {
			page, err := ix.Audit(ctx, pages)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range page.Lines {
				if l.At.After(last) || seen[l.Pos] {
					t.Fatalf("%+v: line %d is out of order or twice", q, l.Pos)
				}
				last, seen[l.Pos] = l.At, true
				got++
			}
			if pages.After = page.Next; page.Next == "" {
				break
			}
		}
		if got != want || want == 0 {
			t.Errorf("%+v: %d lines, want %d", q, got, want)
		}
	}
	if _, err := ix.Audit(ctx, AuditQuery{After: "nonsense"}); err == nil {
		t.Error("a cursor that is none was taken")
	}
}

// BenchmarkAudit asks 100,000 lines by each filter.
func BenchmarkAudit(b *testing.B) {
	l := theLaw(b)
	ix := l.empty(b)
	w := newTeller()
	start := w.now
	tellAudit(w, 100_000)
	began := time.Now()
	w.apply(b, ix)
	b.Logf("100,000 lines taken in: %v", time.Since(began).Round(time.Millisecond))
	for name, q := range map[string]AuditQuery{
		"all": {}, "member": {Member: id('m', 3)}, "act": {Act: "refused"}, "case": {Case: id('c', 7)}, "refused": {Refused: true},
		"day": {From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}, "member-case-day": {Member: id('m', 3), Case: id('c', 3), From: start.Add(time.Hour), To: start.Add(20 * time.Hour)},
		"last-page":  {From: start, To: start.Add(time.Minute)},
		"shown-none": {Show: func(l AuditLine) (AuditLine, bool) { return l, false }},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := ix.Audit(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("month", func(b *testing.B) {
		for b.Loop() {
			lines, err := ix.AuditBetween(context.Background(), start, start.Add(100*time.Hour))
			if err != nil || len(lines) < 99_000 {
				b.Fatal(fmt.Sprint(len(lines), err))
			}
		}
	})
}
