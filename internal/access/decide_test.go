// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/edtf"
)

// today is the day of the tests.
const today = edtf.Day(19000)

// Each line of the table is a role; each column says what it may do to the
// thing named above: r and R read facts and identity, w writes, c comments, v gives a verdict, g grants.
var table = []struct {
	role                                             Role
	own, other, apart                                string // a case of the member's organisation; of one that counts; of one kept apart
	byOrg, byOrgFact, byName, byNameFact             string // another organisation's, kept apart, with a grant
	restricted, restrictedByOrg, restrictedByName    string // the member's organisation's
	restrictedOther, restrictedOtherByName, overByMe string // another's; and with a grant that is over
}{
	//               own     other apart  byOrg  fact  byName fact   restr. byOrg byName   other byName over
	{CaseWorker, "rRwcg", "", "", "rR", "r", "rR", "r", "", "", "rRwcg", "", "rR", ""},
	{Lawyer, "rRwc", "", "", "rR", "r", "rR", "r", "", "", "rRwc", "", "rR", ""},
	{Clinician, "rRwc", "", "", "rR", "r", "rR", "r", "", "", "rRwc", "", "rR", ""},
	{Analyst, "r", "r", "", "r", "r", "r", "r", "", "", "r", "", "r", ""},
	{Reviewer, "rRcv", "", "", "rR", "r", "rRv", "r", "", "", "rRcv", "", "rRv", ""},
	{Coordinator, "r", "r", "", "r", "r", "r", "r", "", "", "r", "", "r", ""},
	{Administrator, "", "", "", "", "", "", "", "", "", "", "", "", ""},
	{Trustee, "", "", "", "", "", "", "", "", "", "", "", "", ""},
	{Intake, "", "", "", "", "", "", "", "", "", "", "", "", ""},
	{"", "", "", "", "", "", "", "", "", "", "", "", "", ""},
}

// may writes what a member may do to a thing as the table does.
func may(m Member, thing Thing) string {
	var out strings.Builder
	for _, c := range []struct {
		letter string
		action Action
		part   Part
	}{{"r", ReadCase, Fact}, {"R", ReadCase, Identity}, {"w", WriteCase, ""}, {"c", CommentCase, ""}, {"v", ReviewCase, ""}, {"g", GrantCase, ""}} {
		thing.Part = c.part
		if Decide(m, c.action, thing) {
			out.WriteString(c.letter)
		}
	}
	return out.String()
}

func TestDecideByRole(t *testing.T) {
	if len(table) != len(Roles())+1 {
		t.Errorf("the table has %d roles, there are %d", len(table)-1, len(Roles()))
	}
	whole := func(to string) []Grant { return []Grant{{To: to, Part: Identity, Until: today}} }
	facts := func(to string) []Grant { return []Grant{{To: to, Part: Fact}} }
	over := []Grant{{To: "me", Part: Identity, Until: today - 1}, {To: "north", Part: Identity, Until: today - 1}}
	north := Thing{Org: "north", Counts: true, Day: today}
	south := Thing{Org: "south", Counts: true, Day: today}
	apart := Thing{Org: "apart", Day: today}
	with := func(thing Thing, grants []Grant, restricted bool) Thing {
		thing.Grants, thing.Restricted = grants, restricted
		return thing
	}
	others := []Grant{{To: "somebody", Part: Identity}, {To: "south", Part: Identity}, {To: "", Part: Identity}}
	tried := 0
	for _, row := range table {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{row.role}}
		if row.role == "" {
			m.Roles = nil
		}
		for _, c := range []struct {
			name, want string
			thing      Thing
		}{
			{"own", row.own, north},
			{"another's", row.other, with(south, others, false)},
			{"one kept apart", row.apart, with(apart, others, false)},
			{"granted to the organisation", row.byOrg, with(apart, whole("north"), false)},
			{"facts granted to the organisation", row.byOrgFact, with(apart, facts("north"), false)},
			{"granted by name", row.byName, with(apart, whole("me"), false)},
			{"facts granted by name", row.byNameFact, with(apart, facts("me"), false)},
			{"restricted", row.restricted, with(north, others, true)},
			{"restricted, granted to the organisation", row.restrictedByOrg, with(north, whole("north"), true)},
			{"restricted, granted by name", row.restrictedByName, with(north, whole("me"), true)},
			{"another's, restricted", row.restrictedOther, with(south, whole("north"), true)},
			{"another's, restricted, granted by name", row.restrictedOtherByName, with(south, whole("me"), true)},
			{"a grant that is over", row.overByMe, with(apart, over, false)},
			{"of no organisation", "", Thing{Day: today}},
		} {
			tried++
			if got := may(m, c.thing); got != c.want {
				t.Errorf("%s, %s: may %q, want %q", row.role, c.name, got, c.want)
			}
			c.thing.Part = "anything"
			if Decide(m, ReadCase, c.thing) {
				t.Errorf("%s, %s: reads a part that there is not", row.role, c.name)
			}
		}
	}
	t.Logf("%d things tried for each of 6 actions", tried)
}

func TestDecideWithoutCase(t *testing.T) {
	want := map[Role]string{
		CaseWorker: "count verify write a statement write what is shared read what is shared", Lawyer: "count verify write a statement write what is shared read what is shared",
		Clinician: "count verify write what is shared read what is shared", Reviewer: "count verify read what is shared",
		Analyst: "count verify write a statement", Coordinator: "count match verify write a statement publish a statement write outside cases write what is shared read what is shared lock all",
		Administrator: "administer audit lock all", Trustee: "recover",
	}
	for _, role := range Roles() {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{role}}
		for _, a := range Actions() {
			if got, want := Decide(m, a, Thing{}), strings.Contains(" "+want[role]+" ", " "+string(a)+" "); got != want {
				t.Errorf("%s, %s: %v, want %v", role, a, got, want)
			}
		}
		if Decide(m, "anything", Thing{Org: "north"}) {
			t.Errorf("%s may do what nobody has thought of", role)
		}
	}
}

func TestDecideCountOrg(t *testing.T) {
	for _, tt := range []struct {
		role               Role
		own, counts, apart bool
	}{
		{CaseWorker, true, false, false}, {Lawyer, true, false, false}, {Clinician, true, false, false}, {Reviewer, true, false, false},
		{Analyst, true, true, false}, {Coordinator, true, true, false}, {Administrator, false, false, false}, {Trustee, false, false, false}, {Intake, false, false, false},
	} {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{tt.role}}
		got := fmt.Sprint(Decide(m, CountOrg, Thing{Org: "north"}), Decide(m, CountOrg, Thing{Org: "south", Counts: true}), Decide(m, CountOrg, Thing{Org: "apart"}))
		if want := fmt.Sprint(tt.own, tt.counts, tt.apart); got != want {
			t.Errorf("%s: %s, want %s", tt.role, got, want)
		}
	}
}

// TestRolesOnlyAdd holds that a second role never takes anything away.
func TestRolesOnlyAdd(t *testing.T) {
	for _, one := range Roles() {
		for _, other := range Roles() {
			for _, restricted := range []bool{false, true} {
				thing := Thing{Org: "north", Counts: true, Restricted: restricted, Day: today, Grants: []Grant{{To: "me", Part: Fact}}}
				single := may(Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{one}}, thing)
				both := may(Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{one, other}}, thing)
				for _, letter := range single {
					if !strings.ContainsRune(both, letter) {
						t.Errorf("%s may %q and, being %s too, only %q", one, single, other, both)
					}
				}
			}
		}
	}
}

// TestDecideGiving holds that nobody gives what they don't have, and nobody
// gives themself cases to read.
func TestDecideGiving(t *testing.T) {
	office := []Role{Administrator, Trustee}
	workers := []Role{CaseWorker, Lawyer, Clinician, Reviewer, Intake}
	own := []Role{Administrator, Trustee, Intake} // to themselves, who work with cases
	for _, tt := range []struct {
		roles        []Role
		others, self []Role
	}{
		{[]Role{Administrator}, slices.Concat(workers, office), office},
		{[]Role{Administrator, CaseWorker, Trustee}, slices.Concat(workers, office), own},
		{[]Role{Administrator, Analyst}, slices.Concat(workers, office, []Role{Analyst}), office},
		{[]Role{Administrator, Coordinator}, slices.Concat(workers, office, []Role{Analyst, Coordinator}), append([]Role{Coordinator}, office...)},
		{[]Role{Coordinator, CaseWorker, Lawyer, Clinician, Analyst, Reviewer, Trustee}, nil, nil},
	} {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: tt.roles}
		for _, role := range append(Roles(), "", "anything") {
			for _, self := range []bool{false, true} {
				want := tt.others
				if self {
					want = tt.self
				}
				if got := Decide(m, GiveRole, Thing{Role: role, Self: self}); got != slices.Contains(want, role) {
					t.Errorf("%v give %s, to themselves %v: %v", tt.roles, role, self, got)
				}
			}
		}
	}
	for _, role := range Roles() {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{role}}
		if got, want := Decide(m, LetIn, Thing{Org: "north"}), role == CaseWorker || role == Administrator; got != want {
			t.Errorf("%s lets somebody into their organisation: %v", role, got)
		}
		if Decide(m, LetIn, Thing{Org: "south", Counts: true}) {
			t.Errorf("%s lets somebody into another's organisation", role)
		}
	}
}

// TestDecideAudit holds that who sees what of the audit: an administrator the
// acts and no case by office; those who work with cases, the acts on the cases
// of their organisation that they may see.
func TestDecideAudit(t *testing.T) {
	byName := []Grant{{To: "me", Part: Fact}}
	for _, role := range Roles() {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{role}}
		works := role == CaseWorker || role == Coordinator
		for _, tt := range []struct {
			name  string
			thing Thing
			want  bool
		}{
			{"all acts", Thing{}, role == Administrator},
			{"own case", Thing{Org: "north", Counts: true}, works},
			{"own case that does not count", Thing{Org: "north"}, role == CaseWorker},
			{"own restricted case", Thing{Org: "north", Counts: true, Restricted: true}, false},
			{"own restricted case, granted", Thing{Org: "north", Counts: true, Restricted: true, Grants: []Grant{{To: "me", Part: Identity}}}, works},
			{"another's case", Thing{Org: "south", Counts: true}, false},
			{"another's case, granted", Thing{Org: "south", Counts: true, Grants: byName}, false},
		} {
			if got := Decide(m, Audit, tt.thing); got != tt.want {
				t.Errorf("%s, %s: %v, want %v", role, tt.name, got, tt.want)
			}
		}
	}
}

// TestDecideHandOver holds that a case leaves by the hand of its own
// organisation, or of whom it was granted whole by name, and not by whoever may
// read or count it.
func TestDecideHandOver(t *testing.T) {
	own, other := Thing{Org: "north", Counts: true, Day: today}, Thing{Org: "south", Counts: true, Day: today}
	with := func(thing Thing, grants ...Grant) Thing { thing.Grants = grants; return thing }
	for _, tt := range []struct {
		role Role
		want string // facts and identity of: own, another's, granted to the organisation, granted by name, own restricted
	}{
		{CaseWorker, "rR,,,rR,"}, {Lawyer, "rR,,,rR,"}, {Clinician, "rR,,,rR,"}, {Coordinator, "r,,,r,"},
		{Analyst, ",,,,"}, {Reviewer, ",,,,"}, {Administrator, ",,,,"}, {Trustee, ",,,,"}, {Intake, ",,,,"},
	} {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{tt.role}}
		restricted := own
		restricted.Restricted = true
		var got []string
		for _, thing := range []Thing{own, other, with(other, Grant{To: "north", Part: Identity}), with(other, Grant{To: "me", Part: Identity}), restricted} {
			parts := ""
			for letter, part := range map[string]Part{"r": Fact, "R": Identity} {
				if thing.Part = part; Decide(m, HandOver, thing) {
					parts = map[bool]string{true: letter + parts, false: parts + letter}[letter == "r"]
				}
			}
			got = append(got, parts)
		}
		if strings.Join(got, ",") != tt.want {
			t.Errorf("%s: %q, want %q", tt.role, got, tt.want)
		}
	}
}

// TestDecideInbox holds that what was sent to an organisation is opened by its
// members with the role, and by no office.
func TestDecideInbox(t *testing.T) {
	for _, role := range Roles() {
		m := Member{ID: "me", Orgs: []string{"north"}, Roles: []Role{role}}
		for _, org := range []string{"north", "south", ""} {
			for action, who := range map[Action]Role{OpenInbox: Intake, MakeIntake: Administrator} {
				if got, want := Decide(m, action, Thing{Org: org, Counts: true}), role == who && org == "north"; got != want {
					t.Errorf("%s, %s of %q: %v", role, action, org, got)
				}
			}
		}
	}
}
