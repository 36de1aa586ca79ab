// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// TestImportFiles holds that what came with a list is evidence of its case, once.
func TestImportFiles(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	asel := h.people["asel"]
	thing, _ := h.thing(h.cases[0])
	if _, err := h.Import(ctx, asel, thing.Org, "list: x", []CaseImport{{Key: "Z-9", Records: func(string) []Put { return nil }}}, nil); err != nil {
		t.Fatal(err)
	}
	file := func(key, name, text string) CaseFile {
		return CaseFile{Key: key, Name: name, Date: "2022-01-09", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	}
	files := []CaseFile{file("Z-9", "wrists.png", fileText), file("Z-9", "nothing.txt", ""), file("no such case", "b.txt", "text")}
	want := ImportedFiles{New: 1, NoCase: 1, Refused: []string{"nothing.txt"}}
	check := func(want ImportedFiles) {
		t.Helper()
		got, err := h.ImportFiles(ctx, asel, thing.Org, "dump", files, nil)
		if err != nil || got.New != want.New || got.Same != want.Same || got.NoCase != want.NoCase || strings.Join(got.Refused, " ") != strings.Join(want.Refused, " ") {
			t.Errorf("%+v, %v; expected %+v", got, err, want)
		}
	}
	check(want)
	want.New, want.Same = 0, 1
	check(want)
	ids, err := h.index.ExternalIDs(ctx, thing.Org, h.see(asel.Member))
	if err != nil {
		t.Fatal(err)
	}
	id := ids["Z-9"]
	views, err := h.Files(ctx, asel, id)
	if err != nil || len(views) != 1 || views[0].Name != "wrists.png" {
		t.Fatalf("%+v, %v", views, err)
	}
	of, err := h.index.Case(ctx, id, allKnown)
	if err != nil {
		t.Fatal(err)
	}
	item, ok := of.Record(views[0].Evidence)
	if !ok || item.Get("kind") != "photo" || item.Get("date") != "2022-01-09" || item.Source != "came with dump" || len(of.Of("handover")) != 1 {
		t.Errorf("%+v", item)
	}
	// A list that is taken in again leaves what came with it.
	if got, err := h.Import(ctx, asel, thing.Org, "list: x", []CaseImport{{Key: "Z-9", Records: func(string) []Put { return nil }}}, nil); err != nil || got.Same != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	// What was taken back does not come again.
	if err := h.WithdrawFile(ctx, asel, id, views[0].ID, "not of this case"); err != nil {
		t.Fatal(err)
	}
	check(want)
	if _, err := h.ImportFiles(ctx, h.people["rustem"], thing.Org, "dump", files, nil); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a reader put files in: %v", err)
	}
}

// TestPlanImport: what a list would do is what it does, and saying it writes nothing.
func TestPlanImport(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	asel := h.people["asel"]
	thing, _ := h.thing(h.cases[0])
	org := thing.Org
	row := func(key, person, family string) CaseImport {
		return CaseImport{Key: key, Records: func(id string) []Put {
			return []Put{
				{Record: id, Kind: "case"},
				{Record: person, Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {family}, "child": {"no"}}},
			}
		}}
	}
	one, two := ledger.NewID().String(), ledger.NewID().String()
	list := []CaseImport{row("P-1", one, "Омаров"), row("P-2", two, "Серікова")}
	plan := func(want Import) {
		t.Helper()
		before, _, err := h.counted(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.PlanImport(ctx, asel, org, "list: p", list)
		if err != nil || got.New != want.New || got.Changed != want.Changed || got.Same != want.Same {
			t.Fatalf("%+v, %v; expected %+v", got, err, want)
		}
		if after, _, err := h.counted(ctx); err != nil || after != before {
			t.Error("something was written")
		}
		if done, err := h.Import(ctx, asel, org, "list: p", list, nil); err != nil || done != got {
			t.Errorf("%+v, %v; it was said to be %+v", done, err, got)
		}
	}
	plan(Import{New: 2})
	list[1] = row("P-2", two, "Серикова")
	plan(Import{Changed: 1, Same: 1})
	plan(Import{Same: 2})
	if _, err := h.PlanImport(ctx, h.people["rustem"], org, "list: p", list); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a reader was told what a list would do: %v", err)
	}
}
