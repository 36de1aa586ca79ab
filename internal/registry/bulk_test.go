// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
)

// reasons says for each case of a plan what becomes of it, by its place among the register's cases.
func (h *house) reasons(plan BulkPlan) string {
	var out []string
	for _, row := range slices.Concat(plan.Do, plan.Not) {
		why := row.Why
		if why == "" {
			why = "do"
		}
		out = append(out, fmt.Sprintf("%d:%s", slices.Index(h.cases, row.Row.ID), why))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func aTask() Bulk {
	return Bulk{What: BulkTask, Task: casefile.Fields{"kind": {"contact_victim"}, "status": {"open"}, "due": {"2022-07-01"}, "text": {"ask how they are"}}}
}

// TestBulkTasks puts one task into many cases, in all of the preview or in none, and takes them back.
func TestBulkTasks(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	asel, madina := h.people["asel"], h.people["madina"]
	whose := func(id string) string { thing, _ := h.thing(id); return thing.Org }
	var north, south []string
	for _, id := range h.cases {
		if whose(id) == h.orgs["North"] {
			north = append(north, id)
		} else {
			south = append(south, id)
		}
	}
	if len(north) < 3 || len(south) == 0 {
		t.Fatalf("%d and %d cases: this test finds nothing", len(north), len(south))
	}
	h.grant("madina", south[0], "North", access.Identity, "")
	b := aTask()
	b.Cases = append(slices.Clone(h.cases), "00000000000000000000000000000099")
	plan, err := h.PlanBulk(ctx, asel, b)
	if err != nil || len(plan.Do) != len(north) || len(plan.Not) != 1 || plan.Not[0].Why != BulkNotAllowed || plan.Gone != len(south)-1+1 {
		t.Fatalf("planned %s, %d gone, %v", h.reasons(plan), plan.Gone, err)
	}

	// Somebody gives a case the very task meanwhile: nothing is done, and it is told.
	if err := h.Write(ctx, h.people["nurlan"], north[0], []Put{{Record: "0000000000000000000000000000aaaa", Kind: "task", Fields: b.Task}}, nil, "", ""); err != nil {
		t.Fatal(err)
	}
	size := h.index.Counted()
	if _, err := h.DoBulk(ctx, asel, b, plan.Set, "a round of calls"); !errors.Is(err, ErrSet) || h.index.Counted() != size {
		t.Fatalf("with another case than in the preview: %v, %d entries written", err, h.index.Counted()-size)
	}
	if plan, err = h.PlanBulk(ctx, asel, b); err != nil || len(plan.Do) != len(north)-1 || !strings.Contains(h.reasons(plan), ":"+BulkThere) {
		t.Fatalf("planned anew %s %v", h.reasons(plan), err)
	}
	if _, err := h.DoBulk(ctx, asel, b, plan.Set, "  "); !errors.Is(err, ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	other := b
	other.Task = casefile.Fields{"kind": {"appeal"}, "status": {"open"}}
	if _, err := h.DoBulk(ctx, asel, other, plan.Set, "why"); !errors.Is(err, ErrSet) {
		t.Errorf("another task than in the preview: %v", err)
	}
	id, err := h.DoBulk(ctx, asel, b, plan.Set, "a round of calls")
	if err != nil {
		t.Fatal(err)
	}
	tasks := func(id string) (n int) {
		file, err := h.fromLedger(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return len(file.Of("task"))
	}
	for _, id := range north {
		if tasks(id) != 1 {
			t.Errorf("a case of the preview has %d tasks", tasks(id))
		}
	}
	for _, id := range south {
		if tasks(id) != 0 {
			t.Error("another organisation's case has a task")
		}
	}
	view, err := h.BulkDone(ctx, asel, id)
	if err != nil || len(view.Rows) != len(north)-1 || view.Left != len(north)-1 || view.Reason != "a round of calls" || view.Undone {
		t.Errorf("done: %+v %v", view, err)
	}
	for name, s := range map[string]*access.Session{"another of the organisation": h.people["nurlan"], "another's": madina} {
		if _, err := h.BulkDone(ctx, s, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is shown what was done: %v", name, err)
		}
		if _, err := h.UndoBulk(ctx, s, id, "why"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s takes it back: %v", name, err)
		}
	}
	if _, err := h.BulkDone(ctx, asel, north[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("a case as what was done at once: %v", err)
	}

	// One was done since: it stays, the others go, in one act.
	file, err := h.fromLedger(ctx, north[1])
	if err != nil {
		t.Fatal(err)
	}
	done := b.Task
	done["status"] = []string{"done"}
	if err := h.Write(ctx, h.people["nurlan"], north[1], []Put{{Record: file.Of("task")[0].ID, Kind: "task", Fields: done}}, nil, "called", ""); err != nil {
		t.Fatal(err)
	}
	h.again()
	left, err := h.UndoBulk(ctx, h.people["asel"], id, "wrong week")
	if err != nil || left != 1 {
		t.Errorf("taken back but for %d: %v", left, err)
	}
	for i, id := range north {
		want := 0
		if i < 2 {
			want = 1
		}
		if tasks(id) != want {
			t.Errorf("case %d has %d tasks after they were taken back", i, tasks(id))
		}
	}
	if _, err := h.UndoBulk(ctx, h.people["asel"], id, "again"); !errors.Is(err, ErrSet) {
		t.Errorf("taken back twice: %v", err)
	}
	if view, err := h.BulkDone(ctx, h.people["asel"], id); err != nil || !view.Undone {
		t.Errorf("taken back it shows %+v %v", view, err)
	}
	h.verify()
}

// TestBulkGrants opens many cases to somebody at once and takes that back.
func TestBulkGrants(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	asel := h.people["asel"]
	var north []string
	for _, id := range h.cases {
		if thing, _ := h.thing(id); thing.Org == h.orgs["North"] {
			north = append(north, id)
		}
	}
	if err := h.Restrict(ctx, asel, north[0], true); err != nil {
		t.Fatal(err)
	}
	h.grant("asel", north[1], "timur", access.Identity, "")
	b := Bulk{What: BulkGrant, Cases: h.cases, Grant: NewGrant{To: "timur", Part: access.Fact}}
	plan, err := h.PlanBulk(ctx, asel, b)
	if err != nil || len(plan.Do) != len(north)-2 || plan.To != "timur" || plan.ToOrg ||
		!strings.Contains(h.reasons(plan), BulkRestricted) || !strings.Contains(h.reasons(plan), BulkThere) {
		t.Fatalf("planned %s %v", h.reasons(plan), err)
	}
	// nurlan does not see the restricted case: it is not there for him.
	if plan, err := h.PlanBulk(ctx, h.people["nurlan"], b); err != nil || strings.Contains(h.reasons(plan), BulkRestricted) || plan.Gone != len(h.cases)-len(north)+1 {
		t.Errorf("another plans %s, %d gone, %v", h.reasons(plan), plan.Gone, err)
	}
	// A named restricted case is granted by name, and to no organisation.
	b.Also = []string{north[0]}
	org := b
	org.Grant.To = "South"
	if plan, err := h.PlanBulk(ctx, asel, org); err != nil || !strings.Contains(h.reasons(plan), BulkByName) {
		t.Errorf("to an organisation %s %v", h.reasons(plan), err)
	}
	org.Grant.To = "North"
	if plan, err := h.PlanBulk(ctx, asel, org); err != nil || len(plan.Do) != 0 {
		t.Errorf("to its own organisation %s %v", h.reasons(plan), err)
	}
	useless := b
	useless.Grant = NewGrant{To: "olga", Part: access.Identity}
	if plan, err := h.PlanBulk(ctx, asel, useless); err != nil || len(plan.Do) != 0 || !strings.Contains(h.reasons(plan), BulkOpensNothing) {
		t.Errorf("to an analyst, whole: %s %v", h.reasons(plan), err)
	}
	if plan, err = h.PlanBulk(ctx, asel, b); err != nil || len(plan.Do) != len(north)-1 {
		t.Fatalf("planned %s %v", h.reasons(plan), err)
	}
	for name, try := range map[string]Bulk{
		"nobody":    {What: BulkGrant, Cases: north, Grant: NewGrant{To: "nobody", Part: access.Fact}},
		"no part":   {What: BulkGrant, Cases: north, Grant: NewGrant{To: "timur"}},
		"past":      {What: BulkGrant, Cases: north, Grant: NewGrant{To: "timur", Part: access.Fact, Until: 100}},
		"no act":    {What: "erase", Cases: north},
		"too many":  {What: BulkTask, Cases: strings.Fields(strings.Repeat("a b c d e f g ", 100)), Task: aTask().Task},
		"a bad one": {What: BulkTask, Cases: north, Task: casefile.Fields{"kind": {"x"}}},
	} {
		if name == "too many" {
			for i := range MaxBulk {
				try.Cases = append(try.Cases, fmt.Sprint(i))
			}
		}
		if _, err := h.PlanBulk(ctx, asel, try); err == nil {
			t.Errorf("%s: planned", name)
		}
	}
	sees := func(name, id string) bool {
		_, err := h.Case(ctx, h.people[name], id, Clock{})
		return err == nil
	}
	if sees("timur", north[0]) {
		t.Fatal("open before")
	}
	stale := h.people["asel"]
	h.clock.t = h.clock.t.Add(20 * time.Minute)
	if _, err := h.DoBulk(ctx, stale, b, plan.Set, "he defends them"); !errors.Is(err, ErrProof) {
		t.Errorf("without fresh proof: %v", err)
	}
	h.later(0)
	id, err := h.DoBulk(ctx, h.people["asel"], b, plan.Set, "he defends them")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range north {
		if !sees("timur", id) {
			t.Error("a case that was granted is not open")
		}
	}
	h.again()
	for _, id := range north {
		if !sees("timur", id) {
			t.Error("after a start a case that was granted is not open")
		}
	}
	if left, err := h.UndoBulk(ctx, h.people["asel"], id, "another does"); err != nil || left != 0 {
		t.Fatalf("taken back but for %d: %v", left, err)
	}
	for i, id := range north {
		if sees("timur", id) != (i == 1) { // what he had before he keeps
			t.Errorf("case %d open after it was taken back: %v", i, sees("timur", id))
		}
	}
	h.verify()
}

// TestSavedSearches are kept apart as all confidences are: one's own, and those
// shared with one's organisation, after a start, too, and from the ledger alone.
func TestSavedSearches(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	save := func(name string, n NewSearch) string {
		t.Helper()
		id, err := h.SaveSearch(ctx, h.people[name], n)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	own := save("asel", NewSearch{Name: " men of  Almaty ", Query: "q=Жасампазов&sex=m"})
	shared := save("asel", NewSearch{Name: "Ours", Query: "stage=closed", Org: h.orgs["North"]})
	save("madina", NewSearch{Name: "Theirs", Query: "q=secret"})
	names := func(name string) string {
		t.Helper()
		all, err := h.SavedSearches(ctx, h.people[name])
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range all {
			out = append(out, fmt.Sprintf("%s/%s/%v", s.Name, s.By, s.Own))
		}
		return strings.Join(out, " ")
	}
	check := func() {
		t.Helper()
		for name, want := range map[string]string{
			"asel": "men of Almaty/asel/true Ours/asel/true", "nurlan": "Ours/asel/false", "rustem": "Ours/asel/false",
			"madina": "Theirs/madina/true", "timur": "", "olga": "", "dana": "",
		} {
			if got := names(name); got != want {
				t.Errorf("%s has %q, not %q", name, got, want)
			}
		}
	}
	check()
	h.again()
	check()
	if _, err := h.SavedSearches(ctx, h.people["zhanna"]); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who only looks after the register: %v", err)
	}
	for name, n := range map[string]NewSearch{
		"no name": {Query: "q=a"}, "a long name": {Name: strings.Repeat("я", 81)}, "a long one": {Name: "x", Query: strings.Repeat("q", 3000)},
		"with another's organisation": {Name: "x", Org: h.orgs["South"]},
	} {
		if _, err := h.SaveSearch(ctx, h.people["asel"], n); err == nil {
			t.Errorf("%s is kept", name)
		}
	}
	for _, name := range []string{"nurlan", "madina"} {
		if err := h.DropSearch(ctx, h.people[name], own); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s lets another's search go: %v", name, err)
		}
	}
	if err := h.DropSearch(ctx, h.people["madina"], shared); !errors.Is(err, ErrNotFound) {
		t.Errorf("another organisation's search: %v", err)
	}
	// Nobody puts one in the name of another: not by the door for records outside cases either.
	if _, err := h.PutOutside(ctx, h.people["aigerim"], "x", []Put{{Record: own, Kind: searchKind, Fields: casefile.Fields{"name": {"mine"}, "member": {h.people["aigerim"].Member.ID}}}}); err == nil {
		t.Error("a search was put as a record outside cases")
	}
	if err := h.DropSearch(ctx, h.people["nurlan"], shared); err != nil {
		t.Error(err)
	}
	h.again()
	if got := names("asel"); got != "men of Almaty/asel/true" {
		t.Errorf("after one was let go there are %s", got)
	}
	n, err := h.CountCases(ctx, h.people["asel"], Query{})
	ids, err2 := h.Selection(ctx, h.people["asel"], Query{})
	page, err3 := h.Cases(ctx, h.people["asel"], Query{})
	if err != nil || err2 != nil || err3 != nil || n == 0 || n != len(ids) || n != page.Total {
		t.Errorf("%d, %d, %d cases: %v %v %v", n, len(ids), page.Total, err, err2, err3)
	}
	if _, err := h.CountCases(ctx, h.people["asel"], Query{Scope: h.orgs["Apart"]}); !errors.Is(err, ErrNotFound) {
		t.Errorf("what another counts: %v", err)
	}
	h.verify()
}
