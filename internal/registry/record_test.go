// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/draft"
)

// find is a record of a case as its reader sees it.
func (g *register) find(caseID, record string) (*casefile.Record, bool) {
	g.t.Helper()
	view, err := g.Case(context.Background(), g.session, caseID, Clock{})
	if err != nil {
		g.t.Fatal(err)
	}
	for _, rec := range slices.Concat(view.Records, view.Withdrawn) {
		if rec.ID == record {
			return rec, true
		}
	}
	return nil, false
}

func TestNewCase(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north := g.session.Member.Orgs[0]
	row, err := g.NewCase(ctx, g.session, NewCase{Org: north, ExternalID: "N-1", Context: "election", Records: []Put{
		{Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "full_name": {"Асанов Асан"}}},
		{Kind: "report", Fields: casefile.Fields{"received": {"2022-02-01"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if row.Number == "" || row.ExternalID != "N-1" || row.Org != north {
		t.Errorf("%+v", row)
	}
	view, err := g.Case(ctx, g.session, row.Number, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Records) != 3 || !view.MayWrite {
		t.Errorf("%d records, may write %v", len(view.Records), view.MayWrite)
	}
	// Nobody opens a case of an organisation that is not theirs, or puts what no form may.
	lone := g.join("dana", []access.Role{access.CaseWorker}, north)
	south := slices.DeleteFunc(slices.Clone(g.session.Member.Orgs), func(o string) bool { return o == north })[0]
	if _, err := g.NewCase(ctx, lone, NewCase{Org: south}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("another organisation's: %v", err)
	}
	if _, err := g.NewCase(ctx, g.session, NewCase{Org: north, Records: []Put{{Kind: grantKind, Fields: casefile.Fields{}}}}); err == nil {
		t.Error("a grant was put with a new case")
	}
	hidden, err := g.NewCase(ctx, lone, NewCase{Org: north, Restricted: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Case(ctx, g.session, hidden.ID, Clock{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a restricted case is open to a colleague: %v", err)
	}
}

func TestPutRecord(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id := g.cases[0]
	fields := casefile.Fields{"filed": {"yes"}, "date": {"2022-01-20"}, "to_body": {}}
	record, err := g.PutRecord(ctx, g.session, RecordChange{Case: id, Kind: "complaint", Fields: fields, Source: "the lawyer"})
	if err != nil {
		t.Fatal(err)
	}
	rec, ok := g.find(id, record)
	if !ok || rec.Get("date") != "2022-01-20" || rec.Source != "the lawyer" || len(rec.Fields) != 2 {
		t.Fatalf("%+v", rec)
	}
	change := RecordChange{Case: id, Record: record, Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-01-21"}}, Seen: 1}
	if _, err := g.PutRecord(ctx, g.session, change); !errors.Is(err, ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	change.Reason = "the day was misread"
	if _, err := g.PutRecord(ctx, g.session, change); err != nil {
		t.Fatal(err)
	}
	// Whoever opened the form before that is told, and nothing is written.
	size := g.index.Counted()
	if _, err := g.PutRecord(ctx, g.session, change); !errors.Is(err, ErrChanged) {
		t.Errorf("a second from the same state: %v", err)
	}
	if err := g.WithdrawRecord(ctx, g.session, id, record, 1, "gone"); !errors.Is(err, ErrChanged) {
		t.Errorf("withdrawn from an old state: %v", err)
	}
	if g.index.Counted() != size {
		t.Error("something was written")
	}
	if err := g.WithdrawRecord(ctx, g.session, id, record, 2, "entered in the wrong case"); err != nil {
		t.Fatal(err)
	}
	if rec, _ = g.find(id, record); !rec.Withdrawn || len(rec.History) != 3 || rec.History[2].Reason != "entered in the wrong case" {
		t.Errorf("%+v", rec)
	}
	// And put back.
	change.Seen, change.Reason = 3, "it was right"
	if _, err := g.PutRecord(ctx, g.session, change); err != nil {
		t.Fatal(err)
	}
	if rec, _ = g.find(id, record); rec.Withdrawn || len(rec.History) != 4 {
		t.Errorf("%+v", rec)
	}
	if _, err := g.PutRecord(ctx, g.session, RecordChange{Case: id, Record: record, Kind: "note", Fields: casefile.Fields{"text": {"x"}}, Seen: 4, Reason: "r"}); err == nil {
		t.Error("a record took another kind")
	}
	var invalid *InvalidError
	if _, err := g.PutRecord(ctx, g.session, RecordChange{Case: id, Kind: "complaint", Fields: casefile.Fields{"filed": {"perhaps"}}}); !errors.As(err, &invalid) {
		t.Errorf("an invalid record: %v", err)
	}
}

func TestSharedRecords(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north := g.session.Member.Orgs[0]
	official, err := g.PutRecord(ctx, g.session, RecordChange{Kind: "official", Fields: casefile.Fields{"family": {"Сергеев"}, "body": {"police"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.PutRecord(ctx, g.session, RecordChange{Case: g.cases[0], Kind: "suspect", Fields: casefile.Fields{"official": {official}}}); err != nil {
		t.Fatal(err)
	}
	for role, want := range map[access.Role]string{access.Lawyer: "Сергеев", access.Reviewer: "Сергеев", access.Analyst: "", access.Administrator: "nothing"} {
		s := g.join("m-"+string(role), []access.Role{role}, north)
		known, err := g.Known(ctx, s, "official")
		switch {
		case want == "nothing":
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", role, err)
			}
		case err != nil || len(known) != 1 || first(known[0].Fields["family"]) != want || first(known[0].Fields["body"]) != "police":
			t.Errorf("%s: %+v, %v", role, known, err)
		}
		if role == access.Administrator {
			continue
		}
		rec, err := g.KnownRecord(ctx, s, official)
		if err != nil || rec.Get("family") != want {
			t.Errorf("%s: %+v, %v", role, rec, err)
		}
		view, err := g.Case(ctx, s, g.cases[0], Clock{})
		if err != nil || first(view.Outside[official].Fields["family"]) != want {
			t.Errorf("%s: the case names %+v, %v", role, view.Outside, err)
		}
	}
	for _, id := range []string{g.cases[0], north, g.session.Member.ID} { // a case, an organisation, a member
		if _, err := g.KnownRecord(ctx, g.session, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is read as what all share: %v", id, err)
		}
		if _, err := g.PutRecord(ctx, g.session, RecordChange{Record: id, Kind: "facility", Fields: casefile.Fields{"name": {"x"}}, Seen: 1, Reason: "r"}); err == nil {
			t.Errorf("%s was written over", id)
		}
		if err := g.WithdrawRecord(ctx, g.session, "", id, 1, "r"); err == nil {
			t.Errorf("%s was withdrawn", id)
		}
	}
	if _, err := g.Known(ctx, g.session, "organisation"); !errors.Is(err, ErrNotFound) {
		t.Errorf("organisations are no shared kind: %v", err)
	}
	if err := g.WithdrawRecord(ctx, g.session, "", official, 1, "the same as another"); err != nil {
		t.Fatal(err)
	}
	if known, _ := g.Known(ctx, g.session, "official"); len(known) != 0 {
		t.Errorf("withdrawn, and listed: %+v", known)
	}
}

func TestDrafts(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north := g.session.Member.Orgs[0]
	text := "Қаратай тауының баласы"
	keep := Draft{Case: g.cases[0], Kind: "note", Form: map[string][]string{"f.text": {text}}}
	id, err := g.KeepDraft(ctx, g.session, keep)
	if err != nil {
		t.Fatal(err)
	}
	other := g.join("dana", []access.Role{access.CaseWorker}, north)
	if _, err := g.Draft(ctx, other, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("a colleague opens it: %v", err)
	}
	if _, err := g.KeepDraft(ctx, other, Draft{ID: id, Case: g.cases[0], Kind: "note"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a colleague writes over it: %v", err)
	}
	if err := g.DropDraft(ctx, other, id); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	d, err := g.Draft(ctx, g.session, id)
	if err != nil || d.Form["f.text"][0] != text || d.Kind != "note" || d.Case != g.cases[0] {
		t.Fatalf("%+v, %v", d, err)
	}
	// It outlives the forgetting key of its month.
	g.clock.t = g.clock.t.Add(ForgetKeyLasts)
	if err := g.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	g.clock.t = g.clock.t.Add(24 * time.Hour)
	if err := g.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	if d, err = g.Draft(ctx, g.session, id); err != nil || d.Form["f.text"][0] != text {
		t.Fatalf("after the key was turned: %+v, %v", d, err)
	}
	if all, err := g.Drafts(ctx, g.session, g.cases[0]); err != nil || len(all) != 1 {
		t.Errorf("%d drafts, %v", len(all), err)
	}
	if all, err := g.Drafts(ctx, g.session, g.cases[1]); err != nil || len(all) != 0 {
		t.Errorf("%d drafts of another case, %v", len(all), err)
	}
	if _, err := g.KeepDraft(ctx, g.session, Draft{Case: g.cases[0], Kind: "note", Form: map[string][]string{"f.text": {string(make([]byte, draftSize))}}}); !errors.Is(err, ErrDraftSize) {
		t.Errorf("one too long: %v", err)
	}
	g.clock.t = g.clock.t.Add(DraftLasts)
	if err := g.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	if _, err = g.Draft(ctx, g.session, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that nobody touched for long: %v", err)
	}
}

// TestErasedDraftsRegression holds that an erasure takes the drafts with it:
// the row, and in an older copy of the file the way to open it.
func TestErasedDraftsRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id, err := g.KeepDraft(ctx, g.session, Draft{Case: g.cases[0], Kind: "note", Form: map[string][]string{"f.text": {"planted"}}})
	if err != nil {
		t.Fatal(err)
	}
	old, err := g.begun.Get(ctx, g.session.Member.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(old.Sealed, []byte("planted")) {
		t.Fatal("it lies open")
	}
	if err := g.Erase(ctx, g.session, g.cases[0], Erasure{Why: "wish", Reason: "because"}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.begun.Get(ctx, g.session.Member.ID, id); !errors.Is(err, draft.ErrNotFound) {
		t.Errorf("the draft is there after the erasure: %v", err)
	}
	// A month later the copy of a backup is put back.
	g.clock.t = g.clock.t.Add(ForgetKeyLasts + 24*time.Hour)
	if err := g.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.begun.Keep(ctx, old); err != nil {
		t.Fatal(err)
	}
	if d, err := g.Draft(ctx, g.session, id); err == nil {
		t.Errorf("what was erased is back: %+v", d)
	}
}

// TestDamagedDrafts holds that drafts that can't be read keep nobody from the register.
func TestDamagedDrafts(t *testing.T) {
	g := newRegister(t)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "drafts.db"), []byte("not what it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	if all, err := g.Drafts(context.Background(), g.session, ""); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
