// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/ledger"
)

// TestEncodeCases: only one's own cases, only those that are open whole, nobody
// who refused, and a line in the audit for each that leaves.
func TestEncodeCases(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	schema, err := encoded.ReadSchema(bytes.NewReader(encoded.CaseSchema()))
	if err != nil {
		t.Fatal(err)
	}
	key, err := encoded.NewKey(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	north, ok := g.Organisation(ctx, "North")
	if !ok {
		t.Fatal("no North")
	}
	dina := g.join("dina", []access.Role{access.CaseWorker}, north.ID)
	mine := g.cases[:3]
	put := func(id string, p Put) {
		t.Helper()
		p.Record = ledger.NewID().String()
		if err := g.Write(ctx, dina, id, []Put{p}, nil, "", "told"); err != nil {
			t.Fatal(err)
		}
	}
	encode := func(s *access.Session) encoded.List {
		t.Helper()
		e, err := g.EncodeCases(ctx, s, key, schema)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	// Nobody has a year of birth yet: nothing can be found, and that is said.
	if e := encode(dina); e.File.Rows != 0 || e.Missing["birth year"] != 3 {
		t.Errorf("%d rows, missing %v", e.File.Rows, e.Missing)
	}
	for _, id := range g.cases {
		file, err := g.fromLedger(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range file.Of("person") {
			fields := casefile.Fields{}
			for f, v := range p.Fields {
				fields[f] = v
			}
			fields["birth"] = []string{"1990-05-17"}
			if err := g.Write(ctx, g.session, id, []Put{{Record: p.ID, Kind: "person", Fields: fields}}, nil, "", "told"); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := len(g.lines(0))
	e := encode(dina)
	if e.File.Rows != 3 || len(e.IDs) != 3 || e.Group != 3 || e.Largest != "birth year" {
		t.Fatalf("%d rows, %d of one year", e.File.Rows, e.Group)
	}
	var out []string
	for _, l := range g.lines(before) {
		if l.Act == actExport && l.What == "encoded" {
			out = append(out, l.Cases...)
		}
	}
	slices.Sort(out)
	if want := slices.Sorted(slices.Values(mine)); !slices.Equal(out, want) {
		t.Errorf("the audit says that %v left", out)
	}

	// Who refused is not in it.
	put(mine[1], Put{Kind: "consent", Fields: casefile.Fields{"purpose": {"share_coalition"}, "state": {"refused"}}})
	if e := encode(dina); e.File.Rows != 2 || e.Refused != 1 {
		t.Errorf("%d rows, %d refused", e.File.Rows, e.Refused)
	}

	// A case that is not open is not there; the others' never are.
	saule := g.join("saule", []access.Role{access.CaseWorker}, north.ID)
	if err := g.Restrict(ctx, dina, mine[2], true); err != nil {
		t.Fatal(err)
	}
	if e := encode(saule); e.File.Rows != 1 || e.Refused != 1 {
		t.Errorf("%d rows with one restricted", e.File.Rows)
	}

	// Who counts never encodes, nor who administers; and not without the passphrase.
	for name, role := range map[string]access.Role{"anna": access.Analyst, "adil": access.Administrator, "rev": access.Reviewer} {
		if _, err := g.EncodeCases(ctx, g.join(name, []access.Role{role}, north.ID), key, schema); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", role, err)
		}
	}
	g.clock.t = g.clock.t.Add(20 * time.Minute)
	if _, err := g.EncodeCases(ctx, dina, key, schema); !errors.Is(err, ErrProof) {
		t.Errorf("long after the passphrase: %v", err)
	}
}
