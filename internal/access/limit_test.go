// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"testing"

	"pgregory.net/rapid"
)

// TestLimitOnlyTakesAway holds that a key never lets do what its member may not,
// that one without scopes lets do nothing, and that what no scope names is not
// for programs, whatever the member may.
func TestLimitOnlyTakesAway(t *testing.T) {
	forPrograms := map[Action]bool{ReadCase: true, WriteCase: true, CommentCase: true, ReadShared: true, WriteShared: true, WriteOutside: true, Count: true, CountOrg: true, Audit: true}
	rapid.Check(t, func(t *rapid.T) {
		m := Member{ID: "me", Orgs: []string{"north", "south"}, Roles: rapid.SliceOf(rapid.SampledFrom(Roles())).Draw(t, "roles")}
		limited := m
		limited.Limit = &Limit{Scopes: rapid.SliceOf(rapid.SampledFrom(Scopes())).Draw(t, "scopes"), Org: rapid.SampledFrom([]string{"", "north"}).Draw(t, "org")}
		thing := Thing{
			Org: rapid.SampledFrom([]string{"", "north", "south", "apart"}).Draw(t, "of"), Counts: rapid.Bool().Draw(t, "counts"), Restricted: rapid.Bool().Draw(t, "restricted"),
			Part: rapid.SampledFrom([]Part{"", Fact, Identity}).Draw(t, "part"), Day: today,
			Grants: rapid.SampledFrom([][]Grant{nil, {{To: "me", Part: Identity}}, {{To: "north", Part: Fact}}}).Draw(t, "grants"),
		}
		for _, a := range Actions() {
			if !Decide(limited, a, thing) {
				continue
			}
			switch {
			case !Decide(m, a, thing):
				t.Fatalf("a key of %v lets do %q to %+v, its member may not", limited.Limit, a, thing)
			case len(limited.Limit.Scopes) == 0, !forPrograms[a]:
				t.Fatalf("a key of %v lets do %q", limited.Limit, a)
			case limited.Limit.Org != "" && thing.Org != "" && thing.Org != limited.Limit.Org:
				t.Fatalf("a key for %s lets do %q to what is %s's", limited.Limit.Org, a, thing.Org)
			}
		}
	})
	// All scopes leave all that is for programs.
	all := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{CaseWorker, Coordinator}, Limit: &Limit{Scopes: Scopes()}}
	for a := range forPrograms {
		if !Decide(all, a, Thing{Org: "north", Part: Fact, Day: today}) {
			t.Errorf("a key with every scope does not let do %q", a)
		}
	}
	// Facts are not who anybody is.
	facts := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{CaseWorker}, Limit: &Limit{Scopes: []Scope{ReadFacts}}}
	if Decide(facts, ReadCase, Thing{Org: "north", Day: today}) || !Decide(facts, ReadCase, Thing{Org: "north", Part: Fact, Day: today}) {
		t.Error("a key for facts reads who somebody is, or no facts")
	}
}
