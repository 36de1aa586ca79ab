// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/linkage"
	"github.com/kua-registry/kua/internal/registry"
)

// fakeMatching is what was decided in the invented register, and what the next question is answered with.
type fakeMatching struct {
	decided  *registry.Decision // the last decision that was taken
	undone   string             // the last that was taken back, with its reason
	applied  int
	problem  error // what a decision is refused with
	gone     bool  // a case of the pair was erased
	last     bool  // there is no other pair
	standing bool  // the pair is decided
}

const fakeDecision = "000000000000000000000000000000d1"

func (f *fake) matchRow(id, number, name, org, orgName string) registry.Row {
	return registry.Row{ID: id, Number: number, Name: name, Org: org, OrgName: orgName}
}

func (f *fake) matchRows() (one, two, three registry.Row) {
	return f.matchRow(caseOne, "K-1000001", hostile, orgNorth, "North"), f.matchRow(caseTwo, "K-1000002", "Жақсыбеков Айдос", orgSouth, "South"),
		f.matchRow(caseThree, "K-1000003", "Беков Б.", orgNorth, "North")
}

func (f *fake) stands() registry.MatchDecision {
	return registry.MatchDecision{ID: fakeDecision, A: caseTwo, B: caseThree, Verdict: registry.Different, Probability: .41, Who: "Sample Member", At: moment("2022-06-20T10:00:00Z"), Reason: "brothers, says <b>their mother</b>"}
}

func (f *fake) Matches(_ context.Context, s *access.Session, q registry.MatchQuery) (registry.MatchList, error) {
	if !f.May(s, access.Match) {
		return registry.MatchList{}, registry.ErrNotAllowed
	}
	if f.empty {
		return registry.MatchList{}, nil
	}
	one, two, three := f.matchRows()
	list := registry.MatchList{
		Open: 2, Sure: 41, Decided: 1, Found: 2, Warnings: []string{"1 decisions are about records that are not among these"},
		Between: []registry.MatchOrgs{{ID: orgNorth, Names: []string{"North"}, Pairs: 1}, {ID: orgNorth + "," + orgSouth, Names: []string{"North", "South"}, Pairs: 1}},
		Rows:    []registry.MatchRow{{A: one, B: two, Probability: .87}, {A: one, B: three, Probability: .43}},
	}
	if q.Show == registry.MatchDecided {
		d := f.stands()
		list.Found, list.Rows = 80, []registry.MatchRow{{A: two, B: three, Probability: .41, Decision: &d}}
	}
	return list, nil
}

func (f *fake) Match(_ context.Context, s *access.Session, a, b, _ string) (registry.MatchView, error) {
	if !f.May(s, access.Match) {
		return registry.MatchView{}, registry.ErrNotAllowed
	}
	if f.match.gone || a == b || a == "" {
		return registry.MatchView{}, registry.ErrNotFound
	}
	one, two, three := f.matchRows()
	fields := []linkage.FieldWeight{
		{Field: "prior", Weight: -12.4}, {Field: "family", Level: "typo", Weight: 5.2}, {Field: "given", Level: "same", Weight: 7.9}, {Field: "patronymic", Level: "missing"},
		{Field: "sex", Level: "same", Weight: .4}, {Field: "birth", Level: "slip", Weight: 6.1}, {Field: "region", Level: "same", Weight: 2.2},
		{Field: "incident", Level: "overlap", Weight: .8}, {Field: "place_type", Level: "different", Weight: -2.3}, {Field: "methods", Level: "some", Weight: 0},
		{Field: "register_no", Level: "missing"}, {Field: "list", Level: "other_list", Weight: .4},
	}
	d := f.stands()
	view := registry.MatchView{
		A: registry.MatchSide{Row: one, Values: map[string][]string{
			"family": {"Жаксыбеков"}, "given": {"Айдос"}, "patronymic": {"Серікұлы"}, "other_names": {"Zhaksybekov Aidos", hostile}, "sex": {"m"}, "birth": {"1987-03-14"},
			"region": {"KZ-75"}, "incident": {"2022-01-04/2022-01-06"}, "place_type": {"police_station"}, "methods": {"beating", "threats"}, "register_no": {"22-7-1"},
		}},
		B: registry.MatchSide{Row: two, Values: map[string][]string{
			"family": {"Жақсыбеков"}, "given": {"Айдос"}, "sex": {"m"}, "birth": {"1987-03-17"}, "region": {"KZ-75"}, "incident": {"2022-01-05"}, "place_type": {"vehicle"}, "methods": {"beating"},
		}, With: []registry.Row{three}, Decisions: []registry.MatchNote{{MatchDecision: d, Other: three}}},
		Proposed: true, Probability: .87, Fields: fields, Values: true, Open: 2, Next: [2]string{caseOne, caseThree},
		Weak: []registry.WeakBridge{{A: one, B: three, Probability: .43}, {A: two, B: three}},
	}
	if b == caseThree {
		view = registry.MatchView{
			A:        registry.MatchSide{Row: f.matchRow(caseOne, "K-1000001", "", orgNorth, "North"), Values: map[string][]string{"region": {"KZ-75"}, "sex": {"m"}}},
			B:        registry.MatchSide{Row: f.matchRow(caseThree, "K-1000003", "", orgApart, "Apart"), Values: map[string][]string{"region": {"KZ-79"}}},
			Proposed: true, Probability: .43, Fields: fields[:7], Open: 2, Apart: true, Together: true,
		}
	}
	if f.match.standing {
		view.Decision, view.Next = &d, [2]string{}
	}
	if f.match.last {
		view.Next = [2]string{}
	}
	return view, nil
}

func (f *fake) Propose(_ context.Context, s *access.Session) (registry.Proposals, error) {
	if !f.May(s, access.Match) {
		return registry.Proposals{}, registry.ErrNotAllowed
	}
	var found registry.Proposals
	if f.empty {
		return found, nil
	}
	one, two, three := f.matchRows()
	for i := range 41 {
		found.Proposals = append(found.Proposals, registry.Proposal{A: one, B: two, Probability: .995 + float64(i)/10_000, Sure: true})
	}
	found.Proposals = append(found.Proposals, registry.Proposal{A: one, B: three, Probability: .5}, registry.Proposal{A: two, B: three, Probability: .999, Sure: true, Verdict: registry.Same})
	return found, nil
}

func (f *fake) Apply(_ context.Context, _ *access.Session, found registry.Proposals) (int, error) {
	if f.match.problem != nil {
		return 0, f.match.problem
	}
	f.match.applied = len(sureOnes(found))
	return f.match.applied, nil
}

func (f *fake) Decide(_ context.Context, s *access.Session, d registry.Decision) (string, error) {
	if !f.May(s, access.Match) {
		return "", registry.ErrNotAllowed
	}
	if f.match.problem != nil {
		return "", f.match.problem
	}
	f.match.decided = &d
	return fakeDecision, nil
}

func (f *fake) Undo(_ context.Context, s *access.Session, decision, reason string) error {
	switch {
	case !f.May(s, access.Match):
		return registry.ErrNotAllowed
	case decision != fakeDecision:
		return registry.ErrNotFound
	}
	f.match.undone = decision + " " + reason
	return nil
}
