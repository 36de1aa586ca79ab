// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"slices"

	"github.com/kua-registry/kua/internal/edtf"
)

// Member is a person who works with the register.
type Member struct {
	ID    string   // 32 hex digits, made from the member's public signing key
	Name  string   // as they sign in
	Lang  string   // en, ru, kk
	Orgs  []string // ids of the organisations they belong to
	Roles []Role

	// Limit is what a key leaves of it to the program that comes with the key;
	// nil: the member is there themself.
	Limit *Limit `json:"-"`
}

// Role is what a member does in the coalition.
type Role string

// The roles. A member may have several; each only adds.
const (
	CaseWorker    Role = "case_worker"   // reads and writes the cases of their organisations, and says who else may read them
	Lawyer        Role = "lawyer"        // reads and writes the cases of their organisations
	Clinician     Role = "clinician"     // reads and writes the cases of their organisations
	Analyst       Role = "analyst"       // counts, and reads facts: never who somebody is
	Reviewer      Role = "reviewer"      // reads the cases of their organisations, comments on them and says whether they hold
	Coordinator   Role = "coordinator"   // reads facts of all that count together, decides which are the same person, writes records outside cases
	Administrator Role = "administrator" // members, organisations, keys; no case content by office
	Trustee       Role = "trustee"       // holds a share of the recovery key, and no more
	Intake        Role = "intake"        // opens the sealed reports from outside that are sent to their organisations
)

// Roles are all roles, in the order in which they are shown.
func Roles() []Role {
	return []Role{CaseWorker, Lawyer, Clinician, Analyst, Reviewer, Coordinator, Administrator, Trustee, Intake}
}

// Is reports whether the member has one of the roles.
func (m Member) Is(roles ...Role) bool {
	return slices.ContainsFunc(m.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// Action is what a member wants to do.
type Action string

// The actions Decide knows. An action it does not know is refused.
const (
	ReadCase     Action = "read case"    // the part that the thing names
	WriteCase    Action = "write case"   // put and withdraw records
	CommentCase  Action = "comment case" // add notes, change nothing
	ReviewCase   Action = "review case"  // say whether it holds; the registry adds that nobody reviews what they wrote
	GrantCase    Action = "grant case"   // say who else may read it, and take that back
	Count        Action = "count"        // figures and overviews: numbers without names
	CountOrg     Action = "count one"    // the figures of one organisation
	WriteOutside Action = "write outside cases"
	WriteShared  Action = "write what is shared" // incidents, facilities, bodies, officials, publications: what the cases of all refer to
	ReadShared   Action = "read what is shared"  // the part that the thing names
	WriteText    Action = "write a statement"    // read and change what is not yet published, see what it would say
	Publish      Action = "publish a statement"
	Match        Action = "match"
	KeepSearch   Action = "keep a search" // of the list of cases under a name: one's own, or shared with the organisation that the thing names
	Administer   Action = "administer"
	GiveRole     Action = "give a role" // the one that the thing names
	LetIn        Action = "let in"      // open one's organisation to a member, and close it to them
	Verify       Action = "verify"
	HandOver     Action = "hand over"          // a case to somebody outside: the part that the thing names
	Erase        Action = "erase"              // the identity of a case, or all of it, for good
	Audit        Action = "audit"              // see who did what: everybody's acts, or those on the case that the thing is
	Recover      Action = "recover"            // give a share of the recovery key
	OpenInbox    Action = "open the inbox"     // read what was sent to the organisation from outside, sort it, and answer
	MakeIntake   Action = "make an intake key" // the one to which what is sent to the organisation is sealed
	LockAll      Action = "lock all"           // close the register for everybody until it is opened anew
)

// Actions are all actions.
func Actions() []Action {
	return []Action{ReadCase, WriteCase, CommentCase, ReviewCase, GrantCase, HandOver, Count, CountOrg, WriteOutside, WriteShared, ReadShared, WriteText, Publish, Match, KeepSearch, Administer, GiveRole, LetIn, Verify, Erase, Audit, Recover, OpenInbox, MakeIntake, LockAll}
}

// Part is one of the two parts of a case. Whoever may read who somebody is may
// read the facts, too.
type Part string

// The parts.
const (
	Fact     Part = "fact"     // coded values, dates, bodies, stages
	Identity Part = "identity" // names, contacts, words: all that could name a person
)

// Grant lets a member or an organisation read a part of one case.
type Grant struct {
	To    string // the id of a member or an organisation
	Part  Part
	Until edtf.Day // the last day on which it holds; 0: no end

	Beaten bool `json:"-"` // a revocation stands against it that whoever granted had not seen
}

// On reports whether the grant holds on a day.
func (g Grant) On(day edtf.Day) bool { return !g.Beaten && (g.Until == 0 || day <= g.Until) }

func (g Grant) opens(part Part) bool { return g.Part == Identity || part == Fact && g.Part == Fact }

// Thing is what the action is done to: a part of a case, or nothing at all for
// what belongs to no case.
type Thing struct {
	Org        string // whose case it is
	Counts     bool   // the organisation counts with the coalition
	Part       Part   // of the case; empty: Identity, the closer one
	Restricted bool   // its existence is not shown but to those with a grant by name
	Grants     []Grant
	Day        edtf.Day // on which grants must hold

	Role Role // that is given
	Self bool // by the member to themself
}

// Decide says whether the member may do the action to the thing. Closed by
// default: what is not allowed here is refused.
func Decide(m Member, a Action, thing Thing) bool {
	if thing.Part == "" {
		thing.Part = Identity
	}
	if !m.Limit.leaves(a, thing) {
		return false
	}
	switch a {
	case ReadCase:
		return reads(m, thing)
	case WriteCase:
		return m.Is(CaseWorker, Lawyer, Clinician) && own(m, thing)
	case CommentCase:
		return m.Is(CaseWorker, Lawyer, Clinician, Reviewer) && own(m, thing)
	case ReviewCase:
		return m.Is(Reviewer) && (own(m, thing) || named(m, thing))
	case GrantCase:
		return m.Is(CaseWorker) && own(m, thing)
	case HandOver: // what was granted to an organisation was granted to be read; who was asked in person may represent
		return m.Is(CaseWorker, Lawyer, Clinician, Coordinator) && reads(m, thing) && (belongs(m, thing) || named(m, thing))
	case Erase:
		return m.Is(Coordinator) && slices.Contains(m.Orgs, thing.Org)
	case Count, Verify:
		return m.Is(CaseWorker, Lawyer, Clinician, Analyst, Reviewer, Coordinator)
	case CountOrg:
		return Decide(m, Count, Thing{}) && belongs(m, thing) || m.Is(Analyst, Coordinator) && thing.Counts
	case KeepSearch:
		return Decide(m, Count, Thing{}) && (thing.Self || belongs(m, thing))
	case WriteOutside, Match, Publish:
		return m.Is(Coordinator)
	case WriteText: // who counts writes what is said of the counts; a story comes from who works with cases
		return m.Is(CaseWorker, Lawyer, Analyst, Coordinator)
	case WriteShared:
		return m.Is(CaseWorker, Lawyer, Clinician, Coordinator)
	case ReadShared: // who counts never reads who somebody is, an official neither
		return m.Is(CaseWorker, Lawyer, Clinician, Reviewer, Coordinator) || thing.Part == Fact && m.Is(Analyst)
	case Administer:
		return m.Is(Administrator)
	case GiveRole:
		return m.Is(Administrator) && gives(m, thing)
	case LetIn:
		return m.Is(CaseWorker, Administrator) && belongs(m, thing)
	case Audit:
		if thing.Org == "" {
			return m.Is(Administrator) // acts and people; no case by office
		}
		thing.Part = Fact
		return m.Is(CaseWorker, Coordinator) && belongs(m, thing) && reads(m, thing)
	case Recover:
		return m.Is(Trustee)
	case OpenInbox:
		return m.Is(Intake) && belongs(m, thing)
	case MakeIntake: // it opens to those with the role, and not to whoever makes it
		return m.Is(Administrator) && belongs(m, thing)
	case LockAll:
		return m.Is(Coordinator, Administrator)
	}
	return false
}

// own reports whether it is a case of the member's organisation that they may
// read whole: nobody changes what they can't see.
func own(m Member, thing Thing) bool {
	thing.Part = Identity
	return belongs(m, thing) && reads(m, thing)
}

// named reports whether the case was granted whole to the member by name. A
// reviewer from outside is asked in person: what is granted to an organisation
// is granted to be read.
func named(m Member, thing Thing) bool {
	return slices.ContainsFunc(thing.Grants, func(g Grant) bool {
		return g.To == m.ID && g.To != "" && g.Part == Identity && g.On(thing.Day)
	})
}

// gives reports whether an administrator may give the role. What opens the
// cases of many is given only by somebody to whom they are open, and nobody
// gives themself what opens any: an administrator has no case content by
// office, and gets none by asking a friend in.
func gives(m Member, thing Thing) bool {
	switch thing.Role {
	case Coordinator:
		return m.Is(Coordinator)
	case Analyst:
		return m.Is(Analyst, Coordinator) && !thing.Self
	case CaseWorker, Lawyer, Clinician, Reviewer:
		return !thing.Self
	case Intake: // who reads all cases of an organisation may take in what will be its cases
		return !thing.Self || m.Is(CaseWorker)
	case Administrator, Trustee:
		return true
	}
	return false
}

func belongs(m Member, thing Thing) bool {
	return thing.Org != "" && slices.Contains(m.Orgs, thing.Org)
}

// reads reports whether the member may read the part of the case. By office
// first: an organisation's workers its cases; the coalition's analysts and
// coordinators the facts of what counts together. A restricted case is open to
// nobody by office, and to no organisation as such. Then by grant.
func reads(m Member, thing Thing) bool {
	if thing.Part != Fact && thing.Part != Identity {
		return false
	}
	workers := m.Is(CaseWorker, Lawyer, Clinician, Reviewer)
	if !thing.Restricted {
		switch {
		case workers && belongs(m, thing):
			return true
		case thing.Part == Fact && m.Is(Analyst) && belongs(m, thing):
			return true
		case thing.Part == Fact && m.Is(Analyst, Coordinator) && thing.Counts && thing.Org != "":
			return true
		}
	}
	counters := thing.Part == Fact && m.Is(Analyst, Coordinator)
	if !workers && !counters {
		return false // a grant opens a case to those who work with cases, and names to none but them
	}
	return slices.ContainsFunc(thing.Grants, func(g Grant) bool {
		if !g.opens(thing.Part) || !g.On(thing.Day) || g.To == "" {
			return false
		}
		return g.To == m.ID || !thing.Restricted && slices.Contains(m.Orgs, g.To)
	})
}
