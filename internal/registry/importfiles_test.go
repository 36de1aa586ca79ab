// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
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
