// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import "testing"

func TestDecide(t *testing.T) {
	worker := Member{Roles: []Role{CaseWorker}, Orgs: []string{"north"}}
	analyst := Member{Roles: []Role{Analyst}, Orgs: []string{"north"}}
	coordinator := Member{Roles: []Role{Coordinator}, Orgs: []string{"north"}}
	admin := Member{Roles: []Role{Administrator}, Orgs: []string{"north"}}
	for _, tt := range []struct {
		name string
		m    Member
		a    Action
		org  string
		want bool
	}{
		{"own case", worker, ReadCase, "north", true},
		{"another organisation's case", worker, ReadCase, "south", false},
		{"no organisation", worker, ReadCase, "", false},
		{"write own", worker, WriteCase, "north", true},
		{"write another's", worker, WriteCase, "south", false},
		{"analyst reads no case", analyst, ReadCase, "north", false},
		{"analyst counts", analyst, Count, "", true},
		{"analyst does not match", analyst, Match, "", false},
		{"coordinator reads all", coordinator, ReadCase, "south", true},
		{"coordinator does not write another's case", coordinator, WriteCase, "south", false},
		{"coordinator matches", coordinator, Match, "", true},
		{"administrator reads no case by office", admin, ReadCase, "north", false},
		{"administrator does not count by office", admin, Count, "", false},
		{"administrator administers", admin, Administer, "", true},
		{"unknown action", coordinator, Action("anything"), "north", false},
		{"nobody", Member{}, Count, "", false},
	} {
		if got := Decide(tt.m, tt.a, Thing{Org: tt.org}); got != tt.want {
			t.Errorf("%s: Decide = %v, want %v", tt.name, got, tt.want)
		}
	}
}
