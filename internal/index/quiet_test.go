// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// The invented case that its reader must not know of, and how it is asked for;
// beside each question one of the same form about a case that is not there.
const quietNo = 7777

var quietQuestions = []struct{ what, there, absent string }{
	{"number", "K-77777", "K-88888"},
	{"half a number", "K-777", "K-888"},
	{"id", id('c', quietNo), id('c', quietNo+1)},
	{"own number", "Z-77/22", "Z-88/22"},
	{"name", "Жасампазов", "Жабаскунов"},
	{"misspelt name", "Жасанпазов", "Жабаслунов"},
	{"in Latin", "Zhasampazov", "Zhabaskunov"},
	{"two words", "Жасампазов Саят", "Жабаскунов Саят"},
	{"a rare word of its story", "дефибриллятор", "экскаватор"},
}

// quiet adds the case to n others and says who sees all but it.
func quiet(tb testing.TB, n int) (*Index, See) {
	tb.Helper()
	ix, w := theLaw(tb).empty(tb), register(n)
	w.now = w.now.Add(time.Minute)
	w.someone(quietNo, someone{org: id('o', 1), number: "K-77777", external: "Z-77/22", name: "Жасампазов Ерғазы",
		received: "2022-01-12", region: "KZ-75", summary: "дефибриллятор"})
	w.apply(tb, ix)
	return ix, func(c string) Sight {
		if c == id('c', quietNo) {
			return Nothing
		}
		return All
	}
}

// work is what the reading connection of an index has done since it was asked last.
func work(tb testing.TB, ix *Index) (runs, steps, scans int) {
	tb.Helper()
	c := <-ix.idle
	for s := range c.Stmts() {
		runs += s.Status(sqlite3.STMTSTATUS_RUN, true)
		steps += s.Status(sqlite3.STMTSTATUS_VM_STEP, true)
		scans += s.Status(sqlite3.STMTSTATUS_FULLSCAN_STEP, true)
	}
	ix.idle <- c
	return runs, steps, scans
}

// TestWhatIsNotOpenCostsWhatNothingCosts: looking for a case that is not open
// does the same work as looking for one that is not there: the same questions
// to the database, and no more steps than the row itself takes that is passed over.
func TestWhatIsNotOpenCostsWhatNothingCosts(t *testing.T) {
	ix, see := quiet(t, 200)
	ctx := context.Background()
	ask := func(text string) (runs, steps, scans int) {
		t.Helper()
		page, err := ix.Cases(ctx, Query{Text: text, Clock: Clock{AsOf: day(t, "2022-07-01")}, See: see})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			if row.ID == id('c', quietNo) {
				t.Fatalf("%q finds the case", text)
			}
		}
		return work(t, ix)
	}
	if page, err := ix.Cases(ctx, Query{Text: "Жасанпазов дефибриллятор K-77777", Clock: Clock{AsOf: day(t, "2022-07-01")}}); err != nil || page.Total != 1 {
		t.Fatalf("the case is not found by who sees it: %d %v", page.Total, err)
	}
	const row = 20 // steps that one row passed over may take, in all of the questions
	for _, q := range quietQuestions {
		ask(q.there) // so that statements are prepared
		ask(q.absent)
		runs, steps, scans := ask(q.there)
		runs0, steps0, scans0 := ask(q.absent)
		if runs != runs0 || scans != scans0 {
			t.Errorf("%s: %d questions and %d rows read in order; where nothing is there %d and %d", q.what, runs, scans, runs0, scans0)
		}
		if more := steps - steps0; more < -row || more > row || runs0 == 0 || steps0 <= row {
			t.Errorf("%s: %d steps, where nothing is there %d", q.what, steps, steps0)
		}
	}
}

// BenchmarkWhatIsNotOpen compares how long the two take, by turns in one run: the
// ratio of the medians, and beside it that of two halves of the same question,
// which is noise.
func BenchmarkWhatIsNotOpen(b *testing.B) {
	ix, see := quiet(b, 2000)
	ctx, clock := context.Background(), Clock{AsOf: day(b, "2022-07-01")}
	for _, q := range quietQuestions {
		b.Run(q.what, func(b *testing.B) {
			var took [3][]time.Duration
			for i := range b.N {
				for k := range took {
					k = (k + i) % len(took)
					text := q.there
					if k > 0 {
						text = q.absent
					}
					began := time.Now() //nolint:forbidigo // a stopwatch
					if _, err := ix.Cases(ctx, Query{Text: text, Clock: clock, See: see}); err != nil {
						b.Fatal(err)
					}
					took[k] = append(took[k], time.Since(began))
				}
			}
			median := func(k int) float64 {
				slices.Sort(took[k])
				return float64(took[k][len(took[k])/2])
			}
			b.ReportMetric(median(0)/median(1), "there/absent")
			b.ReportMetric(median(2)/median(1), "absent/absent")
			b.ReportMetric(0, "ns/op")
		})
	}
}
