// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// told writes what is due in a few words each.
func told(due []Due) string {
	var out []string
	for _, d := range due {
		day := d.Day.String()
		if d.Arguable != d.Day {
			day += "/" + d.Arguable.String()
		}
		what := d.Rule
		if what == "" {
			what = strings.Join([]string{d.Kind, d.Code}, ":")
		}
		out = append(out, fmt.Sprint(d.Case[:2]+d.Case[len(d.Case)-1:], " ", what, " ", day, " ", d.State))
	}
	return strings.Join(out, "\n")
}

func TestDue(t *testing.T) {
	ctx := context.Background()
	ix, w := theLaw(t).empty(t), newTeller()
	north := w.org(1, "yes")
	for n := 1; n <= 2; n++ {
		w.someone(n, someone{org: north, number: fmt.Sprintf("K-000%d", n), name: "Үлгілі Болат", received: "2022-01-12", incident: "2022-01-05"})
	}
	at := func(n, k int) string { return id('q', 100*n+k) }
	w.act(id('c', 1),
		rec{at(1, 1), "task", fields("kind", "appeal", "status", "open", "due", "2022-02-10", "assigned", "Asel")},
		rec{at(1, 2), "task", fields("kind", "translate", "status", "open")},
		rec{at(1, 3), "task", fields("kind", "collect_document", "status", "done", "due", "2022-02-11")},
		rec{at(1, 4), "task", fields("kind", "request_file", "status", "dropped", "due", "2022-02-11")},
		rec{at(1, 5), "task", fields("kind", "review_risk", "status", "open", "due", "2022-02~")},
	)
	w.act(id('c', 2),
		rec{at(2, 1), "contact", fields("date", "2022-01-20", "next", "2022-02-01")}, // it took place
		rec{at(2, 2), "contact", fields("date", "2022-02-01", "way", "phone", "next", "2022-02-15")},
		rec{at(2, 3), "evidence", fields("kind", "video", "state", "exists_not_secured", "lost_by", "2022-02-20")},
		rec{at(2, 4), "evidence", fields("kind", "video", "state", "lost", "lost_by", "2022-02-21")},
		rec{at(2, 5), "evidence", fields("kind", "photo", "lost_by", "2022-02-22")},
		rec{at(2, 6), "hearing", fields("kind", "trial", "date", "2022-02-25")},
		rec{at(2, 7), "hearing", fields("kind", "appeal")},
	)
	w.apply(t, ix)
	clock := Clock{AsOf: day(t, "2022-02-12")}
	february := func(d Due) bool { return d.Day >= day(t, "2022-02-01") && d.Day <= day(t, "2022-02-28") }
	ask := func(see See, keep func(Due) bool) string {
		t.Helper()
		due, err := ix.Due(ctx, clock, edtf.MinDay, edtf.MaxDay, false, see, keep)
		if err != nil {
			t.Fatal(err)
		}
		return told(due)
	}
	ours := `631 task:review_risk 2022-02-01/2022-02-28 running
631 task:appeal 2022-02-10 running`
	theirs := `632 contact:phone 2022-02-15 running
632 evidence:video 2022-02-20 running
632 evidence:photo 2022-02-22 running
632 hearing:trial 2022-02-25 running`

	if got := ask(nil, february); got != ours+"\n"+theirs {
		t.Errorf("due in February:\n%s", got)
	}
	one := func(n int) See {
		return func(c string) Sight {
			if c == id('c', n) {
				return Facts
			}
			return Nothing
		}
	}
	if got := ask(one(1), february); got != ours {
		t.Errorf("due in the one case that is seen:\n%s", got)
	}
	if got := ask(one(2), february); got != theirs {
		t.Errorf("due in the other:\n%s", got)
	}
	if got := ask(nil, func(d Due) bool { return d.Kind == "" }); got != "631 t_register 2022-01-13 overdue\n632 t_register 2022-01-13 overdue" {
		t.Errorf("deadlines:\n%s", got)
	}
	undated := func(d Due) bool { return d.Day == edtf.MaxDay }
	if got := ask(nil, undated); got != "631 task:translate infinity running" {
		t.Errorf("without a day:\n%s", got)
	}
	assigned := func(see See) (names string) {
		due, err := ix.Due(ctx, clock, edtf.MinDay, edtf.MaxDay, false, see, february)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range due {
			names += d.Assigned
		}
		return names
	}
	if assigned(nil) != "Asel" || assigned(one(1)) != "" {
		t.Error("to whom a task was given is told of facts, or not at all")
	}
	w.acts, w.now = nil, w.now.Add(time.Hour)
	// What is done is due no more.
	w.act(id('c', 1), rec{at(1, 1), "task", fields("kind", "appeal", "status", "done", "done", "2022-02-11", "due", "2022-02-10")})
	w.act(id('c', 2), rec{at(2, 6), "hearing", nil})
	w.apply(t, ix)
	if got := ask(nil, february); strings.Contains(got, "task:appeal") || strings.Contains(got, "hearing") {
		t.Errorf("done, and still due:\n%s", got)
	}
}
