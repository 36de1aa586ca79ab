// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import "slices"

// Scope is something that a key of the interface for programs may do (list
// api_scope). A key never does more than its member may.
type Scope string

// The scopes. A key may have several; each only adds.
const (
	ReadFacts    Scope = "facts"         // the facts of cases: never who anybody is
	ReadCases    Scope = "cases"         // cases, with who it is about
	WriteCases   Scope = "write"         // open cases, put and withdraw their records
	ReadOutside  Scope = "outside"       // records outside cases
	PutOutside   Scope = "write_outside" // put and withdraw them
	CountFigures Scope = "figures"       // figures, and which organisations there are
	ReadAudit    Scope = "audit"         // who did what
)

// Scopes are all scopes, in the order in which they are shown.
func Scopes() []Scope {
	return []Scope{ReadFacts, ReadCases, WriteCases, ReadOutside, PutOutside, CountFigures, ReadAudit}
}

// Limit is what is left of what a member may do to a program that comes with
// one of their keys.
type Limit struct {
	Scopes []Scope
	Org    string // only what is this organisation's; empty: all that is the member's
}

// Has reports whether the key has one of the scopes.
func (l *Limit) Has(scopes ...Scope) bool {
	return slices.ContainsFunc(l.Scopes, func(s Scope) bool { return slices.Contains(scopes, s) })
}

// ChangeScopes are the scopes that open something changes are told of.
func ChangeScopes() []Scope { return []Scope{ReadFacts, ReadCases, ReadOutside} }

// leaves reports whether the limit leaves an action. Closed by default: an
// action that no scope names is not for programs. nil: there is no limit.
func (l *Limit) leaves(a Action, thing Thing) bool {
	if l == nil {
		return true
	}
	if l.Org != "" && thing.Org != "" && thing.Org != l.Org {
		return false
	}
	switch a {
	case ReadCase:
		return l.Has(ReadCases) || thing.Part == Fact && l.Has(ReadFacts)
	case WriteCase, CommentCase:
		return l.Has(WriteCases)
	case ReadShared:
		return l.Has(ReadOutside)
	case WriteShared, WriteOutside:
		return l.Has(PutOutside)
	case Count:
		return l.Has(CountFigures, ReadOutside) // what others said is read by those who count
	case CountOrg:
		return l.Has(CountFigures)
	case Audit:
		return l.Has(ReadAudit)
	}
	return false
}
