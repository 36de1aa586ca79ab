// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// names tells whether who a case is about is open at a node.
func (a *allied) names(i int, id, name string) bool {
	a.t.Helper()
	v, err := a.nodes[i].Case(context.Background(), a.members[i], id, Clock{})
	if err != nil && !errors.Is(err, ErrNotFound) {
		a.t.Fatal(err)
	}
	text := ""
	for _, rec := range v.Records {
		text += fmt.Sprint(rec.Fields)
	}
	return strings.Contains(text, name)
}

// report writes one more report to a case.
func (a *allied) report(i int, id, day string) error {
	return a.nodes[i].Write(context.Background(), a.members[i], id, []Put{{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {day}}}}, nil, "", "told")
}

// sound holds that each node opens anew, has nothing to complain of, and counts alike.
func (a *allied) sound(reports int) {
	a.t.Helper()
	for i := range a.nodes {
		a.reopen(i)
		if v, err := a.nodes[i].Verify(context.Background(), a.members[i], true); err != nil || len(v.Problems) > 0 {
			a.t.Errorf("node %d: %v %v", i, err, v.Problems)
		}
		if n := a.reports(i); n != reports {
			a.t.Errorf("node %d counts %d reports of %d", i, n, reports)
		}
	}
}

// TestHandCase holds that a case which is handed over is written by one node at a
// time, opens where it went and no longer where it was, and counts once all along.
func TestHandCase(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 3)
	id := a.met(0, "Жақсыбеков Нұржан 1988-03-04", "Алиев Тимур 1979-11-30")[0]
	a.met(2, "Қасымов Ерлан 1990-06-06")
	a.settled()
	a.prove(0)
	if _, err := a.nodes[0].Grant(ctx, a.members[0], id, NewGrant{To: "Organisation 2", Part: access.Identity}); err != nil {
		t.Fatal(err)
	}
	a.settled()
	if !a.names(2, id, "Жақсыбеков") {
		t.Fatal("what was granted is not open")
	}
	for to, want := range map[string]error{"Organisation 0": ErrNotAbroad, "nobody": ErrNoHolder} {
		if err := a.nodes[0].HandCase(ctx, a.members[0], id, to, "moved"); !errors.Is(err, want) {
			t.Errorf("to %s: %v", to, err)
		}
	}
	if err := a.nodes[1].HandCase(ctx, a.members[1], id, "Organisation 1", "moved"); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a stranger has handed it over: %v", err)
	}
	if err := a.nodes[1].TakeCase(ctx, a.members[1], id); !errors.Is(err, ErrNotAllowed) && !errors.Is(err, ErrNotHanded) {
		t.Errorf("it was taken without being handed over: %v", err)
	}
	if err := a.nodes[0].HandCase(ctx, a.members[0], id, "Organisation 1", "moved to the north"); err != nil {
		t.Fatal(err)
	}
	if err := a.report(0, id, "2022-05-11"); !errors.Is(err, ErrElsewhere) {
		t.Errorf("handed over, and still written to: %v", err)
	}
	if err := a.nodes[0].HandCase(ctx, a.members[0], id, "Organisation 2", "again"); !errors.Is(err, ErrHanded) {
		t.Errorf("handed over twice: %v", err)
	}
	a.settled()
	if a.names(2, id, "Жақсыбеков") {
		t.Error("a grant has outlived the handing over")
	}
	if !a.names(0, id, "Жақсыбеков") || !a.names(1, id, "Жақсыбеков") {
		t.Errorf("handed over and not taken yet, it is open at 0: %v, at 1: %v", a.names(0, id, "Жақсыбеков"), a.names(1, id, "Жақсыбеков"))
	}
	if err := a.report(1, id, "2022-05-11"); err == nil {
		t.Error("it is written to before it was taken")
	}
	a.sound(3)
	for i, want := range []int{0, 1, 0} {
		if rows, err := a.nodes[i].HandedCases(ctx, a.members[i]); err != nil || len(rows) != want {
			t.Errorf("node %d: %d cases wait to be taken, not %d: %v", i, len(rows), want, err)
		}
	}
	if err := a.nodes[1].TakeCase(ctx, a.members[1], id); err != nil {
		t.Fatal(err)
	}
	if err := a.report(1, id, "2022-05-12"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	if a.names(0, id, "Жақсыбеков") || !a.names(1, id, "Жақсыбеков") || a.names(2, id, "Жақсыбеков") {
		t.Errorf("taken, it is open at 0: %v, 1: %v, 2: %v", a.names(0, id, "Жақсыбеков"), a.names(1, id, "Жақсыбеков"), a.names(2, id, "Жақсыбеков"))
	}
	for i := range a.nodes {
		if got := a.nodes[i].rights.cases[id].Org; got != a.orgs[1] {
			t.Errorf("node %d: it is of %s", i, got)
		}
	}
	if err := a.report(0, id, "2022-05-13"); err == nil {
		t.Error("who handed it over writes to it")
	}
	a.sound(3)
	// And on to the third, from there: it is nobody's twice.
	a.prove(1)
	if err := a.nodes[1].HandCase(ctx, a.members[1], id, "Organisation 2", "moved on"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	a.reopen(2)
	if err := a.nodes[2].TakeCase(ctx, a.members[2], id); err != nil {
		t.Fatal(err)
	}
	a.settled()
	if a.names(0, id, "Жақсыбеков") || a.names(1, id, "Жақсыбеков") || !a.names(2, id, "Жақсыбеков") {
		t.Error("it is not the third's alone")
	}
	a.sound(3)
}

// TestHandBack holds that a case nobody wanted goes back.
func TestHandBack(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	id := a.met(0, "Жақсыбеков Нұржан 1988-03-04")[0]
	a.settled()
	a.prove(0)
	if err := a.nodes[0].HandCase(ctx, a.members[0], id, "Organisation 1", "moved"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	a.prove(1)
	if err := a.nodes[1].HandCase(ctx, a.members[1], id, "Organisation 0", "not ours"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	a.reopen(0)
	if err := a.nodes[0].TakeCase(ctx, a.members[0], id); err != nil {
		t.Fatal(err)
	}
	if err := a.report(0, id, "2022-05-12"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	if !a.names(0, id, "Жақсыбеков") || a.names(1, id, "Жақсыбеков") {
		t.Errorf("given back, it is open at 0: %v, at 1: %v", a.names(0, id, "Жақсыбеков"), a.names(1, id, "Жақсыбеков"))
	}
	a.sound(1)
}
