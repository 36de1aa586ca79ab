// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/custody"
)

func TestCustody(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id := g.cases[0]
	put := func(kind string, fields casefile.Fields) string {
		t.Helper()
		record, err := g.PutRecord(ctx, g.session, RecordChange{Case: id, Kind: kind, Fields: fields})
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	jacket := put("evidence", casefile.Fields{"kind": {"clothing"}, "description": {"a jacket"}})
	put(custody.Kind, casefile.Fields{"evidence": {jacket}, "event": {"transferred"}, "date": {"2022-02-01"}, "from": {planted[0]}, "to": {"Expert"}, "to_role": {"court"}, "state": {"damaged"}})
	put(custody.Kind, casefile.Fields{"evidence": {jacket}, "event": {"received"}, "date": {"2022-01-12"}, "from_role": {"victim"}, "to": {"Aigerim"}, "to_role": {"us"}, "seal": {"A-17"}})
	links, err := g.Custody(ctx, g.session, id, jacket)
	if err != nil || len(links) != 2 || len(links[0].Gaps) != 0 || links[0].Seal != "A-17" || !slices.Equal(links[1].Gaps, []custody.Gap{custody.NotHolder, custody.StateChanged}) {
		t.Errorf("%+v, %v", links, err)
	}
	counter := g.join("counter", []access.Role{access.Analyst}, g.session.Member.Orgs[0])
	if links, err = g.Custody(ctx, counter, id, jacket); err != nil || len(links) != 2 || links[1].From.Name != "" || links[0].Seal != "" || links[1].To.Role != "court" {
		t.Errorf("who counts is told %+v, %v", links, err)
	}
	if _, err := g.Custody(ctx, g.session, g.cases[1], jacket); !errors.Is(err, ErrNotFound) {
		t.Errorf("in another case: %v", err)
	}
	if links, err := g.Custody(ctx, g.join("south", []access.Role{access.CaseWorker}), id, jacket); !errors.Is(err, ErrNotFound) {
		t.Errorf("of another organisation: %+v, %v", links, err)
	}
}
