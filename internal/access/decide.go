// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import "slices"

// Member is a person who works with the register.
type Member struct {
	ID    string   // 32 hex digits, made from the member's public signing key
	Name  string   // as they sign in
	Lang  string   // en, ru, kk
	Orgs  []string // ids of the organisations they belong to
	Roles []Role
}

// Role is what a member does in the coalition.
type Role string

// The roles of this version. An administrator has no case content by office.
const (
	CaseWorker    Role = "case_worker"   // reads and writes the cases of their organisations
	Analyst       Role = "analyst"       // counts, and reads facts of all organisations that count together
	Coordinator   Role = "coordinator"   // reads all cases, decides which are the same person, writes records outside cases
	Administrator Role = "administrator" // members, organisations, keys
)

// Is reports whether the member has one of the roles.
func (m Member) Is(roles ...Role) bool {
	return slices.ContainsFunc(m.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// Action is what a member wants to do.
type Action string

// The actions Decide knows. An action it does not know is refused.
const (
	ReadCase     Action = "read case"
	WriteCase    Action = "write case"
	Count        Action = "count" // figures and overviews: numbers without names
	WriteOutside Action = "write outside cases"
	Match        Action = "match"
	Administer   Action = "administer"
	Verify       Action = "verify"
	Erase        Action = "erase" // the identity of a case, or all of it, for good
)

// Thing is what the action is done to. Org is the organisation whose case it
// is; empty for what belongs to no case.
type Thing struct {
	Org string
}

// Decide says whether the member may do the action to the thing. Closed by
// default: what is not allowed here is refused.
func Decide(m Member, a Action, thing Thing) bool {
	switch a {
	case ReadCase:
		return m.Is(Coordinator) || m.Is(CaseWorker) && slices.Contains(m.Orgs, thing.Org)
	case WriteCase:
		return m.Is(CaseWorker, Coordinator) && slices.Contains(m.Orgs, thing.Org)
	case Erase:
		return m.Is(Coordinator) && slices.Contains(m.Orgs, thing.Org)
	case Count, Verify:
		return m.Is(CaseWorker, Analyst, Coordinator)
	case WriteOutside, Match:
		return m.Is(Coordinator)
	case Administer:
		return m.Is(Administrator)
	}
	return false
}
