// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
)

// TestPublicPage: there is none until somebody who may wants one; then it has
// what was published and nothing that was not, and withholds a text when
// somebody it tells of no longer agrees.
func TestPublicPage(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	north := g.session.Member.Orgs[0]
	row, err := g.row(ctx, g.session, g.cases[1], g.clockNow())
	if err != nil {
		t.Fatal(err)
	}
	g.consents(row.ID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"given"}, "given": {"2022-02-06"}})
	id := g.writes(fmt.Sprintf("We registered {{figure \"reports\"}}. {{quote case=%q}}He said no.{{end}}", row.Number))
	g.writes("A draft that nobody is to see.")
	if _, err := g.publishes(id, ""); err != nil {
		t.Fatal(err)
	}
	stamp := func() string {
		t.Helper()
		s, err := g.PublicStamp(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	site := func() PublicSite {
		t.Helper()
		s, err := g.PublicSite(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := site(); s.On || len(s.Statements) != 0 || stamp() != "" {
		t.Errorf("off: %+v", s)
	}
	analyst := g.join("saule", []access.Role{access.Analyst}, north)
	if page, may, err := g.PublicPage(ctx, analyst); err != nil || may || page.On {
		t.Errorf("an analyst: %v %v %v", page, may, err)
	}
	if err := g.SetPublicPage(ctx, analyst, PublicPage{On: true, Name: "North"}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("an analyst switches it on: %v", err)
	}
	if _, _, err := g.PublicPage(ctx, g.join("dana", []access.Role{access.Clinician}, north)); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a clinician: %v", err)
	}
	g.clock.t = g.clock.t.Add(access.ProofLimit + time.Second)
	if err := g.SetPublicPage(ctx, g.session, PublicPage{On: true, Name: "North"}); !errors.Is(err, ErrProof) {
		t.Errorf("without proof: %v", err)
	}
	g.proves()
	for want, page := range map[error]PublicPage{
		ErrPublicName: {On: true, Name: "  "}, ErrPublicAddress: {On: true, Name: "North", Address: "javascript:alert(1)"},
	} {
		if err := g.SetPublicPage(ctx, g.session, page); !errors.Is(err, want) {
			t.Errorf("%+v: %v", page, err)
		}
	}
	if err := g.SetPublicPage(ctx, g.session, PublicPage{On: true, Name: "North", Address: "https://kua.example/"}); err != nil {
		t.Fatal(err)
	}
	s, first := site(), stamp()
	if len(s.Statements) != 1 || s.Statements[0].ID != id || s.Statements[0].Withheld || !s.Statements[0].Verified["f1"] || s.Name != "North" || s.Key == "" || first == "" {
		t.Fatalf("on: %+v", s)
	}
	if stamp() != first {
		t.Error("the stamp changes by itself")
	}
	g.consents(row.ID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"withdrawn"}, "given": {"2022-02-06"}, "withdrawn": {"2022-02-08"}})
	if s := site(); !s.Statements[0].Withheld || stamp() == first {
		t.Errorf("the consent was withdrawn: %+v", s.Statements[0])
	}
	if err := g.SetPublicPage(ctx, g.session, PublicPage{}); err != nil {
		t.Fatal(err)
	}
	if s := site(); s.On || len(s.Statements) != 0 || stamp() != "" {
		t.Errorf("off again: %+v", s)
	}
	if _, err := g.PutOutside(ctx, g.session, "list", []Put{{Record: id, Kind: publicKind, Fields: casefile.Fields{"on": {"yes"}, "name": {"x"}}}}); err == nil {
		t.Error("the page was switched on by hand")
	}
}
