// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// The kinds of record that the roll is made of.
const (
	memberKind       = "member"
	invitationKind   = "invitation"
	organisationKind = "organisation"
	passkeyKind      = "passkey"
)

// MemberView is a member as the ledger has them.
type MemberView struct {
	access.Member
	Since        time.Time
	Left         bool // may do nothing any more; their entries stay signed by them
	Recovered    bool // made by the trustees, in a recovery
	SecondFactor bool // not let in without a one-time code
	SignKey      ed25519.PublicKey
}

// InvitationView is an invitation as the ledger has it.
type InvitationView struct {
	ID, Name, Lang string
	Orgs           []string
	Roles          []access.Role
	Starts         bool   // the member will be able to start the register
	By             string // id of the member who invites
	Ends           time.Time
	TakenBack      bool   // or whoever invited no longer may
	Member         string // id of who accepted it
	SignKey        ed25519.PublicKey
}

// Open tells whether the invitation can still be accepted at a moment.
func (v *InvitationView) Open(at time.Time) bool {
	return v.Member == "" && !v.TakenBack && !at.After(v.Ends)
}

// rollOrg is an organisation as the ledger has it.
type rollOrg struct {
	ID, Name string
	Counts   bool
	Founder  string // id of the member who added it
	Node     string `json:",omitempty"` // the node of the coalition that keeps it; empty: this one
	Second   bool   `json:",omitempty"` // exports of its cases need a second person
	Settled  bool   // somebody is, or was, a member of it: from then on its own members alone open it to others
}

// roll is who belongs to the register. It does not take a record's word for
// it: each change counts only if its author was entitled to make it when they
// made it. So nobody makes themself a coordinator by writing that they are one,
// neither here nor on a node that this one will some day exchange entries with.
// Like all of rights it is made of the signed ledger alone. A roll does not
// change once it is in rights.
type roll struct {
	Members     []*MemberView // in the order they came
	Invitations []*InvitationView
	Orgs        []*rollOrg
	Factors     []*factor
	Refused     map[string]bool // ids of members whose first record does not count
	Passkeys    []*PasskeyView  // those that were removed, too
	ShareSets   []*ShareSetView // the last one counts
	Feeds       []*feed
	Reminders   []*reminders
	APIKeys     []*apiKey `json:",omitempty"`

	Webhooks     []*webhook     `json:",omitempty"`
	WebhookHosts []*webhookHost `json:",omitempty"`
}

// clone is a copy of which the records can be changed.
func (ro *roll) clone() *roll {
	next := &roll{Refused: map[string]bool{}}
	for _, m := range ro.Members {
		c := *m
		next.Members = append(next.Members, &c)
	}
	for _, v := range ro.Invitations {
		c := *v
		next.Invitations = append(next.Invitations, &c)
	}
	for _, o := range ro.Orgs {
		c := *o
		next.Orgs = append(next.Orgs, &c)
	}
	next.Factors = slices.Clone(ro.Factors) // none of them ever changes, as of the next three
	next.Feeds, next.Reminders = slices.Clone(ro.Feeds), slices.Clone(ro.Reminders)
	next.APIKeys, next.Webhooks, next.WebhookHosts = slices.Clone(ro.APIKeys), slices.Clone(ro.Webhooks), slices.Clone(ro.WebhookHosts)
	for _, k := range ro.Passkeys {
		c := *k
		next.Passkeys = append(next.Passkeys, &c)
	}
	for _, v := range ro.ShareSets {
		c := *v
		next.ShareSets = append(next.ShareSets, &c)
	}
	for id := range ro.Refused {
		next.Refused[id] = true
	}
	return next
}

func find[T any](all []*T, id func(*T) string, want string) *T {
	if i := slices.IndexFunc(all, func(x *T) bool { return id(x) == want }); i >= 0 {
		return all[i]
	}
	return nil
}

func (ro *roll) member(id string) *MemberView {
	return find(ro.Members, func(m *MemberView) string { return m.ID }, id)
}

func (ro *roll) invitation(id string) *InvitationView {
	return find(ro.Invitations, func(v *InvitationView) string { return v.ID }, id)
}

func (ro *roll) org(id string) *rollOrg {
	return find(ro.Orgs, func(o *rollOrg) string { return o.ID }, id)
}

// administers tells whether somebody is an administrator who has not left.
func (m *MemberView) administers() bool {
	return m != nil && !m.Left && access.Decide(m.Member, access.Administer, access.Thing{})
}

// nameTaken tells whether a name is in use or promised to another than one member.
func (ro *roll) nameTaken(name, but string, now time.Time) bool {
	same := func(other string) bool { return strings.EqualFold(name, other) }
	return slices.ContainsFunc(ro.Members, func(m *MemberView) bool { return !m.Left && m.ID != but && same(m.Name) }) ||
		slices.ContainsFunc(ro.Invitations, func(v *InvitationView) bool { return v.Open(now) && same(v.Name) })
}

// anotherAdministers tells whether somebody else than a member is an administrator.
func (ro *roll) anotherAdministers(than string) bool {
	return slices.ContainsFunc(ro.Members, func(m *MemberView) bool { return m.ID != than && m.administers() })
}

// mayGive tells whether a member may give another, or themself, these roles.
func mayGive(giver access.Member, to string, roles []access.Role) bool {
	for _, role := range roles {
		if !access.Decide(giver, access.GiveRole, access.Thing{Role: role, Self: giver.ID == to}) {
			return false
		}
	}
	return true
}

// mayOpen tells whether a member may open an organisation to somebody: one of
// its own may, and whoever founded it as long as it has nobody and waits for nobody.
func (ro *roll) mayOpen(m access.Member, org string, at time.Time) bool {
	return access.Decide(m, access.LetIn, access.Thing{Org: org}) || ro.foundling(m.ID, org, at)
}

// foundling tells whether an organisation has nobody and waits for nobody, and
// the member founded it.
func (ro *roll) foundling(member, org string, at time.Time) bool {
	o := ro.org(org)
	return o != nil && o.Founder == member && ro.member(member).administers() && !o.Settled &&
		!slices.ContainsFunc(ro.Invitations, func(v *InvitationView) bool { return v.Open(at) && slices.Contains(v.Orgs, org) })
}

// put takes a record in, and answers false where its author was not entitled to it.
func (ro *roll) put(log ledger.ID, kind, id string, c casefile.Entry) bool {
	switch kind {
	case organisationKind:
		return ro.putOrg(id, c)
	case invitationKind:
		return ro.putInvitation(id, c)
	case shareSetKind:
		return ro.putShareSet(id, c)
	case recoveryKind:
		return ro.putRecovery(c)
	case memberKind:
		ok := ro.putMember(log, id, c)
		if !ok && ro.member(id) == nil {
			ro.Refused[id] = true
		}
		return ok
	case passkeyKind:
		return ro.putPasskey(id, c)
	}
	return false
}

func (ro *roll) putOrg(id string, c casefile.Entry) bool {
	author := ro.member(c.Author)
	if author == nil || author.Left {
		return false
	}
	name, counts := first(c.Fields["name"]), first(c.Fields["counts"]) == "yes"
	old := ro.org(id)
	if old == nil {
		if !author.administers() {
			return false
		}
		ro.Orgs = append(ro.Orgs, &rollOrg{ID: id, Name: name, Counts: counts, Founder: author.ID})
		return true
	}
	second := first(c.Fields["second_for_exports"]) == "yes"
	if !ro.mayChange(author.Member, *old, name, counts) || second != old.Second && !access.Decide(author.Member, access.LetIn, access.Thing{Org: id}) {
		return false
	}
	old.Name, old.Counts, old.Second = name, counts, second
	return true
}

// putOrgOf takes in an organisation that another node keeps: what it is called
// and whether it counts, that node alone says.
func (ro *roll) putOrgOf(node, id string, c casefile.Entry) bool {
	old := ro.org(id)
	if old == nil {
		old = &rollOrg{ID: id, Node: node, Settled: true}
		ro.Orgs = append(ro.Orgs, old)
	}
	if old.Node != node {
		return false
	}
	old.Name, old.Counts, old.Second = first(c.Fields["name"]), first(c.Fields["counts"]) == "yes", first(c.Fields["second_for_exports"]) == "yes"
	return true
}

// mayChange tells whether a member may change an organisation so. What its
// name is concerns all; whether its cases count decides who reads their facts,
// and is for its own members to say once it has any.
func (ro *roll) mayChange(m access.Member, old rollOrg, name string, counts bool) bool {
	if old.Node != "" {
		return false
	}
	own, office := access.Decide(m, access.LetIn, access.Thing{Org: old.ID}), access.Decide(m, access.Administer, access.Thing{})
	return (name == old.Name || own || office) && (counts == old.Counts || own || office && !old.Settled)
}

func (ro *roll) putInvitation(id string, c casefile.Entry) bool {
	author := ro.member(c.Author)
	if !author.administers() {
		return false
	}
	if old := ro.invitation(id); old != nil { // nothing of it changes any more, but that it is taken back
		if old.Member == "" && first(c.Fields["taken_back"]) == "yes" {
			old.TakenBack = true
		}
		return true
	}
	v := &InvitationView{
		ID: id, By: c.Author, Name: first(c.Fields["name"]), Lang: first(c.Fields["lang"]), Orgs: c.Fields["org"], Roles: rolesOf(c.Fields),
		Starts: first(c.Fields["starts"]) == "yes", TakenBack: first(c.Fields["taken_back"]) == "yes",
	}
	v.Ends, _ = time.Parse(time.RFC3339, first(c.Fields["ends"])) // what can't be read has ended
	if last := c.At.Add(InvitationLasts); v.Ends.After(last) {
		v.Ends = last
	}
	v.SignKey, _ = hex.DecodeString(first(c.Fields["sign_key"]))
	if !mayGive(author.Member, "", v.Roles) || slices.ContainsFunc(v.Orgs, func(org string) bool { return !ro.mayOpen(author.Member, org, c.At) }) {
		return false
	}
	ro.Invitations = append(ro.Invitations, v)
	return true
}

func (ro *roll) putMember(log ledger.ID, id string, c casefile.Entry) bool {
	key, err := hex.DecodeString(first(c.Fields["sign_key"]))
	if err != nil || len(key) != ed25519.PublicKeySize || ledger.ID(seal.IDOf(key)).String() != id {
		return false
	}
	next := MemberView{
		Member: access.Member{ID: id, Name: first(c.Fields["name"]), Lang: first(c.Fields["lang"]), Orgs: c.Fields["org"], Roles: rolesOf(c.Fields)},
		Since:  c.At, Left: len(c.Fields["left"]) > 0, SecondFactor: first(c.Fields["second_factor"]) == "yes", SignKey: key,
	}
	switch old := ro.member(id); {
	case old != nil:
		if !ro.mayTurn(ro.member(c.Author), *old, next, c.At) {
			return false
		}
		next.Since, next.Recovered = old.Since, old.Recovered
		*old = next
	case c.Author != id:
		return false
	case len(ro.Members) == 0: // whoever made the register
		ro.Members = append(ro.Members, &next)
	case len(c.Fields["recovery"]) > 0:
		if !ro.mayRecover(log, next, c) {
			return false
		}
		next.Recovered = true
		ro.Members = append(ro.Members, &next)
	default:
		v := ro.invitation(first(c.Fields["invitation"]))
		proof, err := hex.DecodeString(first(c.Fields["proof"]))
		if v == nil || err != nil || !v.Open(c.At) || len(v.SignKey) != ed25519.PublicKeySize ||
			!ed25519.Verify(v.SignKey, acceptText(log, v.ID, key), proof) ||
			v.Name != next.Name || !sameSet(v.Orgs, next.Orgs) || !sameSet(v.Roles, next.Roles) || next.Left {
			return false
		}
		v.Member = id
		ro.Members = append(ro.Members, &next)
	}
	for _, org := range next.Orgs {
		if o := ro.org(org); o != nil {
			o.Settled = true
		}
	}
	for _, v := range ro.Invitations { // what somebody gave who no longer may is given to nobody
		if v.By == id && v.Member == "" && !next.administers() {
			v.TakenBack = true
		}
	}
	return true
}

// mayTurn tells whether an author may make of a member what a record says.
func (ro *roll) mayTurn(author *MemberView, old, next MemberView, at time.Time) bool {
	if author == nil || author.Left || old.Left { // who has left is asked in anew
		return false
	}
	added, removed := without(next.Orgs, old.Orgs), without(old.Orgs, next.Orgs)
	for _, org := range added {
		if !ro.mayOpen(author.Member, org, at) {
			return false
		}
	}
	if author.administers() {
		return mayGive(author.Member, old.ID, without(next.Roles, old.Roles))
	}
	for _, org := range removed {
		if !ro.mayOpen(author.Member, org, at) {
			return false
		}
	}
	return old.Name == next.Name && sameSet(old.Roles, next.Roles) && old.Left == next.Left && old.SecondFactor == next.SecondFactor &&
		(old.Lang == next.Lang || author.ID == old.ID)
}

// without is what is in a and not in b.
func without[T comparable](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(x T) bool { return slices.Contains(b, x) })
}

func rolesOf(f casefile.Fields) []access.Role {
	roles := make([]access.Role, 0, len(f["roles"]))
	for _, role := range f["roles"] {
		roles = append(roles, access.Role(role))
	}
	return roles
}

func sameSet[T cmp.Ordered](a, b []T) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
