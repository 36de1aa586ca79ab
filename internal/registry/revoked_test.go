// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// TestStandingIsTheSameEverywhere: who kept a case writes revocations while the
// line is cut, who keeps it grants and takes back. In whatever order the streams
// come together, each grant stands or not as at every other node: it stands where
// its author had seen all revocations to its organisation.
func TestStandingIsTheSameEverywhere(t *testing.T) {
	id := ledger.NewID().String()
	orgs := []string{ledger.NewID().String(), ledger.NewID().String()}
	keeper, former := ledger.NewID().String(), ledger.NewID().String()
	entry := func(stream, record, kind string, op casefile.Op, f casefile.Fields) index.Entry {
		return index.Entry{Entry: casefile.Entry{Record: record, Kind: kind, Op: op, Fields: f}, Stream: stream}
	}
	beaten := 0
	rapid.Check(t, func(rt *rapid.T) {
		streams := [][]index.Entry{{
			entry(id, id, "case", casefile.Put, casefile.Fields{"org": {former}}),
			entry(id, id, "case", casefile.Put, casefile.Fields{"org": {keeper}}),
		}}
		type given struct {
			to   string
			seen []string
		}
		grants := map[string]given{}
		to := map[string]string{} // of all revocations
		var here []string         // that the keeper has
		for range rapid.IntRange(1, 12).Draw(rt, "acts") {
			org := rapid.SampledFrom(orgs).Draw(rt, "org")
			switch rapid.SampledFrom([]string{"grant", "grant", "take back", "revoke", "line"}).Draw(rt, "act") {
			case "grant":
				g := given{to: org}
				for _, r := range here {
					if to[r] == org {
						g.seen = append(g.seen, r)
					}
				}
				grant := ledger.NewID().String()
				grants[grant] = g
				streams[0] = append(streams[0], entry(id, grant, grantKind, casefile.Put, casefile.Fields{"org": {org}, "part": {"fact"}, "despite": g.seen}))
			case "take back":
				if len(grants) > 0 {
					grant := rapid.SampledFrom(slices.Sorted(maps.Keys(grants))).Draw(rt, "which")
					delete(grants, grant)
					streams[0] = append(streams[0], entry(id, grant, grantKind, casefile.Withdraw, nil))
				}
			case "revoke":
				r := ledger.NewID().String()
				to[r] = org
				streams = append(streams, []index.Entry{entry(r, r, revocationKind, casefile.Put, casefile.Fields{"case": {id}, "org": {org}})})
			case "line":
				here = slices.Collect(maps.Keys(to))
			}
		}
		want := map[string]bool{}
		for grant, g := range grants {
			want[grant] = true
			for r, org := range to {
				if org == g.to && !slices.Contains(g.seen, r) {
					want[grant] = false
					beaten++
				}
			}
		}
		for node := range 3 {
			left := slices.Clone(streams)
			rs := newRights()
			size := uint64(0)
			for {
				left = slices.DeleteFunc(left, func(s []index.Entry) bool { return len(s) == 0 })
				if len(left) == 0 {
					break
				}
				i := rapid.IntRange(0, len(left)-1).Draw(rt, fmt.Sprintf("node %d takes in", node))
				size++
				rs.add(ledger.ID{}, left[i][:1], size)
				left[i] = left[i][1:]
			}
			got := map[string]bool{}
			for grant, g := range rs.grants(id) {
				got[grant] = g.On(0)
			}
			if !maps.Equal(got, want) {
				rt.Fatalf("node %d: %v, not %v", node, got, want)
			}
			open := rs.thing(id, 0)
			for _, org := range orgs {
				reads := access.Decide(access.Member{ID: "m", Roles: []access.Role{access.CaseWorker}, Orgs: []string{org}}, access.ReadCase, access.Thing{Org: open.Org, Part: access.Fact, Grants: open.Grants})
				stands := slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(grant string) bool { return want[grant] && grants[grant].to == org })
				if reads != stands {
					rt.Fatalf("node %d: reads %v, stands %v", node, reads, stands)
				}
			}
		}
	})
	t.Logf("%d grants beaten", beaten)
}

// TestFormerKeeperRevokes plays it with three nodes, and both orders of arrival:
// the first hands a case over to the second, which grants it to the third.
func TestFormerKeeperRevokes(t *testing.T) {
	ctx := context.Background()
	for _, first := range []string{"the grant arrives first", "the revocation arrives first"} {
		t.Run(first, func(t *testing.T) {
			a := newAllied(t, 3)
			id := a.met(0, "Жақсыбеков Нұржан 1988-03-04")[0]
			a.settled()
			if _, err := a.nodes[0].RevokeKept(ctx, a.members[0], id, "Organisation 2", "they asked"); !errors.Is(err, ErrNotKept) {
				t.Errorf("who keeps it takes grants back: %v", err)
			}
			a.goesOver(0, 1, id)
			a.prove(1)
			// The line is cut: neither knows what the other writes.
			if _, err := a.nodes[1].Grant(ctx, a.members[1], id, NewGrant{To: "Organisation 2", Part: access.Identity}); err != nil {
				t.Fatal(err)
			}
			for who, to := range map[string]string{"its keeper": "Organisation 1", "a member": "Ерғазы0", "nobody": "nobody"} {
				if _, err := a.nodes[0].RevokeKept(ctx, a.members[0], id, to, "no"); err == nil {
					t.Errorf("revoked of %s", who)
				}
			}
			if _, err := a.nodes[0].RevokeKept(ctx, a.members[0], id, "Organisation 2", " "); !errors.Is(err, ErrReason) {
				t.Error(err)
			}
			if _, err := a.nodes[2].RevokeKept(ctx, a.members[2], id, "Organisation 0", "no"); !errors.Is(err, ErrNotKept) {
				t.Errorf("a stranger has revoked: %v", err)
			}
			if _, err := a.nodes[0].RevokeKept(ctx, a.members[0], id, "Organisation 2", "she fears them"); err != nil {
				t.Fatal(err)
			}
			if first == "the grant arrives first" {
				a.sync(1)
				a.sync(2)
				a.reopen(2)
				if !a.names(2, id, "Жақсыбеков") {
					t.Error("granted, and nobody has heard of a revocation: it is not open")
				}
			} else {
				a.sync(0)
				a.sync(2)
				a.reopen(2)
			}
			a.settled()
			for i := range a.nodes {
				a.reopen(i)
				if a.names(i, id, "Жақсыбеков") != (i == 1) {
					t.Errorf("node %d reads who it is about", i)
				}
				if by := a.nodes[i].revocations(id, a.orgs[2]); len(by) != 1 {
					t.Errorf("node %d knows of %d revocations", i, len(by))
				}
				for _, g := range a.nodes[i].grants(id) {
					if !g.Beaten {
						t.Errorf("node %d: a grant written in ignorance stands", i)
					}
				}
			}
			a.sound(1)
			// Both are shown to who keeps it, and to who said no.
			for i, reason := range []string{"she fears them", "she fears them"} {
				v, err := a.nodes[i].Case(ctx, a.members[i], id, Clock{})
				if err != nil || len(v.Grants) != 1 || len(v.Grants[0].Revoked) != 1 || len(v.Revoked) != 1 || v.Revoked[0].Reason != reason || v.Revoked[0].To != "Organisation 2" || v.MayRevoke != (i == 0) {
					t.Errorf("node %d shows %+v, %+v: %v", i, v.Grants, v.Revoked, err)
				}
			}
			if v, err := a.nodes[2].Case(ctx, a.members[2], id, Clock{}); err == nil && (len(v.Grants) > 0 || len(v.Revoked) > 0) {
				t.Errorf("it is shown to who lost it: %+v", v.Revoked)
			}
			// What is written next is sealed under keys that the third does not get, and
			// those it had are forgotten.
			if err := a.report(1, id, "2022-05-20"); err != nil {
				t.Fatal(err)
			}
			a.settled()
			stream, _ := ledger.ParseID(id)
			err := a.nodes[2].log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
				if len(k.Wrapped) > 0 && k.Part == uint8(seal.IdentityPart) {
					t.Errorf("node 2 has a key of who it is about: %+v", k)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			// Who keeps it decides, and not in ignorance.
			a.prove(1)
			if _, err := a.nodes[1].Grant(ctx, a.members[1], id, NewGrant{To: "Organisation 2", Part: access.Identity}); !errors.Is(err, ErrRevoked) {
				t.Errorf("granted without a word of the revocation: %v", err)
			}
			if _, err := a.nodes[1].Grant(ctx, a.members[1], id, NewGrant{To: "Organisation 2", Part: access.Identity, Despite: true}); err != nil {
				t.Fatal(err)
			}
			a.settled()
			a.reopen(2)
			if !a.names(2, id, "Жақсыбеков") {
				t.Error("granted despite it, it is not open")
			}
			a.sound(1)
		})
	}
}

// TestARevocationStopsNoHandingOver: a case that is handed over arrives, also at
// whom a former keeper has said no to in the meantime.
func TestARevocationStopsNoHandingOver(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 3)
	id := a.met(0, "Жақсыбеков Нұржан 1988-03-04")[0]
	a.settled()
	a.goesOver(0, 1, id)
	if _, err := a.nodes[0].RevokeKept(ctx, a.members[0], id, "Organisation 2", "no"); err != nil {
		t.Fatal(err)
	}
	a.goesOver(1, 2, id)
	if !a.names(2, id, "Жақсыбеков") {
		t.Error("it is nobody's")
	}
	v, err := a.nodes[2].Case(ctx, a.members[2], id, Clock{})
	if err != nil || len(v.Revoked) != 1 {
		t.Errorf("who keeps it is not told what was said: %+v %v", v.Revoked, err)
	}
	a.sound(1)
}

// TestGrantsAreShownWhileACaseIsErasedRegression: what beats a grant was looked up
// after the grants had been, and a case that was erased in between ended the program.
func TestGrantsAreShownWhileACaseIsErasedRegression(t *testing.T) {
	h := newHouse(t)
	id, grant, revocation := h.cases[0], ledger.NewID().String(), ledger.NewID().String()
	entry := func(stream, record, kind string, f casefile.Fields) index.Entry {
		return index.Entry{Entry: casefile.Entry{Record: record, Kind: kind, Op: casefile.Put, Fields: f}, Stream: stream}
	}
	there := []index.Entry{
		entry(id, id, "case", casefile.Fields{"org": {h.orgs["Apart"]}}),
		entry(id, grant, grantKind, casefile.Fields{"org": {h.orgs["Apart"]}, "part": {"fact"}}),
		entry(revocation, revocation, revocationKind, casefile.Fields{"case": {id}, "org": {h.orgs["Apart"]}}),
	}
	gone := []index.Entry{entry(id, ledger.NewID().String(), kindErasure, casefile.Fields{"what": {erasedWhole}})}
	file := casefile.Fold(h.book, id, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 20_000 {
			h.rights.add(h.log.ID(), there, 0)
			h.rights.add(h.log.ID(), gone, 0)
		}
	}()
	beaten := []RevocationView{{ID: revocation}}
	for {
		views, err := h.grantViews(file, beaten)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range views {
			if v.ID == grant && len(v.Revoked) != 1 {
				t.Errorf("%+v", v)
			}
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}
