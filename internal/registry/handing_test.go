// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/exchange"
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

// goesOver has a case handed over by one node and taken by another, and tells all.
func (a *allied) goesOver(from, to int, id string) {
	a.t.Helper()
	ctx := context.Background()
	a.prove(from)
	if err := a.nodes[from].HandCase(ctx, a.members[from], id, fmt.Sprintf("Organisation %d", to), "moved"); err != nil {
		a.t.Fatal(err)
	}
	a.settled()
	a.reopen(to)
	if err := a.nodes[to].TakeCase(ctx, a.members[to], id); err != nil {
		a.t.Fatal(err)
	}
	a.settled()
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
	a.goesOver(1, 2, id)
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

// filed puts a file into a case of a node, and answers what is in it.
func (a *allied) filed(i int, id, name string, size int) string {
	a.t.Helper()
	content := strings.Repeat(name+" ", size/(len(name)+1)+1)[:size]
	if _, err := a.nodes[i].AddFile(context.Background(), a.members[i], id, NewFile{Name: name, Content: strings.NewReader(content)}); err != nil {
		a.t.Fatal(err)
	}
	return content
}

// opens answers what is in the files of a case, as a node opens them; missing: how
// many it does not have.
func (a *allied) opens(i int, id string) (contents []string, missing int) {
	a.t.Helper()
	ctx := context.Background()
	files, err := a.nodes[i].Files(ctx, a.members[i], id)
	if errors.Is(err, ErrNotFound) {
		return nil, 0
	}
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range files {
		r, _, err := a.nodes[i].OpenFile(ctx, a.members[i], id, f.ID)
		if err != nil {
			missing++
			continue
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			a.t.Fatal(err)
		}
		contents = append(contents, string(b))
	}
	return contents, missing
}

// sealedFiles are how many sealed files a node has.
func (a *allied) sealedFiles(i int) int {
	a.t.Helper()
	entries, err := os.ReadDir(filepath.Join(a.path(i), evidenceDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		a.t.Fatal(err)
	}
	return len(entries)
}

// TestHandCaseWithFiles: the files go after the case, sealed; until it was taken who
// had it has them, and then no longer, but for what another case there names too.
func TestHandCaseWithFiles(t *testing.T) {
	ctx := context.Background()
	for _, way := range []string{"line", "stick"} {
		t.Run(way, func(t *testing.T) {
			a := newAllied(t, 3)
			met := a.met(0, "Жақсыбеков Нұржан 1988-03-04", "Алиев Тимур 1979-11-30")
			id := met[0]
			want := []string{a.filed(0, id, "photograph", 200_000), a.filed(0, id, "statement", 5), a.filed(0, id, "shared", 70_000)}
			a.filed(0, met[1], "shared", 70_000) // the same bytes: sealed once
			if n := a.sealedFiles(0); n != 3 {
				t.Fatalf("%d sealed files", n)
			}
			a.settled()
			a.prove(0)
			if err := a.nodes[0].HandCase(ctx, a.members[0], id, "Organisation 1", "moved"); err != nil {
				t.Fatal(err)
			}
			carry := func(from, to int) {
				t.Helper()
				var stick bytes.Buffer
				if _, err := a.nodes[from].WriteStick(ctx, a.members[from], &stick, 0); err != nil {
					t.Fatal(err)
				}
				if _, err := a.nodes[to].ReadStick(ctx, a.members[to], bytes.NewReader(stick.Bytes())); err != nil {
					t.Fatal(err)
				}
			}
			if way == "line" {
				// The entries came, and the line was cut before the files.
				for _, i := range []int{0, 1, 1} {
					if err := a.nodes[i].exchange(ctx, func(n *exchange.Node) error { return n.Follow(ctx, a.nodes[i].coalition.Coalition.Client()) }); err != nil {
						t.Fatal(err)
					}
				}
			} else {
				a.settledWithoutFiles()
			}
			a.reopen(1)
			if err := a.nodes[1].TakeCase(ctx, a.members[1], id); !errors.Is(err, ErrHandFiles) {
				t.Errorf("taken without its files: %v", err)
			}
			if contents, missing := a.opens(1, id); len(contents) > 0 || missing != 3 {
				t.Errorf("before they came: %d files, %d missing", len(contents), missing)
			}
			if v, err := a.nodes[1].Verify(ctx, a.members[1], true); err != nil || len(v.Problems) > 0 {
				t.Errorf("what is on its way is a problem: %v %v", v.Problems, err)
			}
			if way == "line" {
				a.settled()
			} else {
				carry(0, 1)
			}
			if v := a.sync(1); v.Coming != 3 || v.Came != 3 {
				t.Errorf("%d of %d files came", v.Came, v.Coming)
			}
			if v := a.sync(0); v.Sending != 3 {
				t.Errorf("%d files are on their way", v.Sending)
			}
			if a.sealedFiles(2) != 0 {
				t.Error("a stranger has files")
			}
			if way == "line" { // one came damaged: it is sent again
				coming, err := a.nodes[1].coalition.node.Coming()
				if err != nil {
					t.Fatal(err)
				}
				path := a.nodes[1].coalition.node.Path(coming[0].Parcel)
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				b[len(b)/2] ^= 1
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := a.nodes[1].TakeCase(ctx, a.members[1], id); !errors.Is(err, ErrHandFiles) {
					t.Errorf("taken with a damaged file: %v", err)
				}
				for _, i := range []int{1, 0, 1} {
					a.sync(i)
				}
			}
			if err := a.nodes[1].TakeCase(ctx, a.members[1], id); err != nil {
				t.Fatal(err)
			}
			a.settled()
			a.settled()
			got, missing := a.opens(1, id)
			if slices.Sort(got); missing > 0 || !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("taken, %d files open, and %d are missing", len(got), missing)
			}
			if contents, _ := a.opens(0, id); len(contents) > 0 {
				t.Error("who handed it over opens files still")
			}
			if n := a.sealedFiles(0); n != 1 { // that of the other case
				t.Errorf("who handed it over has %d sealed files", n)
			}
			if contents, missing := a.opens(0, met[1]); len(contents) != 1 || missing > 0 {
				t.Error("the file of another case went along")
			}
			if v := a.sync(1); v.Coming != 0 {
				t.Errorf("%d files lie on the way", v.Coming)
			}
			if left, err := os.ReadDir(filepath.Join(a.dir, "relay", "files")); err == nil && len(left) > 0 {
				t.Errorf("the relay keeps %d files", len(left))
			}
			a.sound(2)
		})
	}
}

// settledWithoutFiles brings entries to all by the relay, and no file.
func (a *allied) settledWithoutFiles() {
	a.t.Helper()
	ctx := context.Background()
	for range 3 {
		for i := range a.nodes {
			if err := a.nodes[i].exchange(ctx, func(n *exchange.Node) error { return n.Follow(ctx, a.nodes[i].coalition.Coalition.Client()) }); err != nil {
				a.t.Fatal(err)
			}
		}
	}
}

// TestExchangeIsShownWithoutAFileRegression: to count the files on their way each was
// opened, in the bucket too, and where one was not to be had nothing was shown at all.
func TestExchangeIsShownWithoutAFileRegression(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	id := a.met(0, "Жақсыбеков Нұржан 1988-03-04")[0]
	a.filed(0, id, "photograph", 200_000)
	a.settled()
	a.prove(0)
	if err := a.nodes[0].HandCase(ctx, a.members[0], id, "Organisation 1", "moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(a.path(0), evidenceDir)); err != nil {
		t.Fatal(err)
	}
	if v, err := a.nodes[0].Exchange(ctx, a.members[0]); err != nil || v.Sending != 1 {
		t.Errorf("%d files are on their way: %v", v.Sending, err)
	}
}
