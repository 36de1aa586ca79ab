// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// Who has handed a case over is often whom its person goes on speaking with. So an
// organisation that kept a case may go on saying who is not to read it, in a stream
// of its node's own. That beats each grant of the case to that organisation whose
// author had not seen it; a grant names those that its author had seen. Who keeps
// the case decides, but never in ignorance. See ADR 42.

// revocationKind is the kind of record that says so.
const revocationKind = "revocation"

// What somebody can be told who grants against a revocation, or revokes.
var (
	// ErrRevoked says that a revocation stands against a grant.
	ErrRevoked = errors.New("an organisation that kept this case before says that this one is not to read it: look at who may read the case, speak with them, and say that you grant it despite that")
	// ErrNotKept says that an organisation has never kept a case, or keeps it.
	ErrNotKept = errors.New("an organisation that has handed the case over can say this, and no other: who keeps it takes its grants back")
	// ErrNotOrganisation says that a former keeper revokes of organisations alone.
	ErrNotOrganisation = errors.New("name an organisation: whom of its members it lets read, it knows itself")
)

// RevocationView is what a former keeper has said of a case.
type RevocationView struct {
	ID     string
	To     string // the organisation that is not to read it
	By     string // of this node, the member; of another, the node
	Reason string // empty where it is sealed to the keeper of the case alone
	At     time.Time
}

// mayRevokeKept tells whether a member's organisation has handed a case over, and
// the member may say who is not to read it.
func (r *Registry) mayRevokeKept(s *access.Session, id string) bool {
	if r.coalition == nil {
		return false
	}
	r.rights.mu.RLock()
	c := r.rights.cases[id]
	if c == nil {
		r.rights.mu.RUnlock()
		return false
	}
	before, now, thing := slices.Clone(c.Before), c.Org, r.rights.thing(id, r.Today())
	r.rights.mu.RUnlock()
	if r.handedAbroad(id) {
		before = append(before, now)
	} else if _, abroad := r.abroadOrg(now); !abroad {
		return false // it is of this node: its keeper takes grants back
	}
	return slices.ContainsFunc(before, func(org string) bool {
		_, abroad := r.abroadOrg(org)
		thing.Org = org
		return !abroad && access.Decide(s.Member, access.GrantCase, thing)
	})
}

// KeptCases are the cases that organisations of the member's kept before, or have
// handed over, as far as this node still knows them: by number, without a name.
func (r *Registry) KeptCases(ctx context.Context, s *access.Session) (_ []Row, err error) {
	defer r.refusal(ctx, s, "grants", "", &err)
	if r.coalition == nil {
		return nil, ErrNoCoalition
	}
	var all, ids []string
	r.rights.mu.RLock()
	for id, c := range r.rights.cases {
		if len(c.Before) > 0 || c.Handed != "" {
			all = append(all, id)
		}
	}
	r.rights.mu.RUnlock()
	for _, id := range all {
		if r.mayRevokeKept(s, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return r.index.Rows(ctx, ids, Clock{AsOf: r.Today()}, func(string) index.Sight { return index.Facts })
}

// RevokeKept says, for an organisation that has handed a case over, that another
// one is not to read it. Like taking a grant back it needs no fresh proof.
func (r *Registry) RevokeKept(ctx context.Context, s *access.Session, caseID, org, reason string) (_ RevocationView, err error) {
	defer r.refusal(ctx, s, "grants", caseID, &err)
	if strings.TrimSpace(reason) == "" {
		return RevocationView{}, ErrReason
	}
	kept, err := r.KeptCases(ctx, s)
	if err != nil {
		return RevocationView{}, err
	}
	at := slices.IndexFunc(kept, func(row Row) bool { return row.ID == caseID || row.Number == caseID && caseID != "" })
	if at < 0 {
		return RevocationView{}, ErrNotKept
	}
	h, err := r.holder(org)
	if err != nil {
		return RevocationView{}, err
	}
	if !h.org {
		return RevocationView{}, ErrNotOrganisation
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	id := kept[at].ID
	if !r.mayRevokeKept(s, id) {
		return RevocationView{}, ErrNotKept
	}
	thing, _ := r.thing(id)
	if h.id == cmp.Or(r.handedTo(id), thing.Org) {
		return RevocationView{}, ErrOwner
	}
	record := ledger.NewID().String()
	put := Put{Record: record, Kind: revocationKind, Fields: casefile.Fields{"case": {id}, "org": {h.id}}}
	if err := r.write(ctx, s, []act{{stream: record, puts: []Put{put}, reason: reason, source: "revoked by a former keeper"}}); err != nil {
		return RevocationView{}, err
	}
	view := RevocationView{ID: record, To: h.name, By: s.Member.Name, Reason: reason, At: r.last}
	return view, r.audit(ctx, &line{act: actExchange, what: "grants", by: s.Keys.Identity, cases: []string{id}, n: 1})
}

// revocations are those that former keepers have written against an organisation,
// or a member: of a case.
func (r *Registry) revocations(id, to string) (ids []string) {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	for revocation, org := range r.rights.revoked[id] {
		if org == to {
			ids = append(ids, revocation)
		}
	}
	slices.Sort(ids)
	return ids
}

// revocationViews are the revocations of a case, the oldest first.
func (r *Registry) revocationViews(ctx context.Context, id string) ([]RevocationView, error) {
	r.rights.mu.RLock()
	n := len(r.rights.revoked[id])
	r.rights.mu.RUnlock()
	if n == 0 {
		return nil, nil
	}
	all, err := r.index.Outside(ctx, revocationKind, allKnown)
	if err != nil {
		return nil, err
	}
	names := r.memberNames()
	var views []RevocationView
	for _, rec := range all {
		if first(rec.Fields["case"]) != id {
			continue
		}
		to, err := r.holderByID(first(rec.Fields["org"]))
		if err != nil {
			return nil, err
		}
		v := RevocationView{ID: rec.ID, To: to.name, At: rec.At, By: cmp.Or(r.partnerName(r.from(authorOf(rec))), names[rec.Author])}
		if len(rec.History) > 0 {
			v.Reason = rec.History[0].Reason
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b RevocationView) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return views, nil
}

// everKept tells whether a node has ever owned the stream of a case; known: it is
// known who has.
func (r *Registry) everKept(ctx context.Context, id string, node ledger.ID) (kept, known bool, err error) {
	stream, err := ledger.ParseID(id)
	if err != nil {
		return false, true, nil // no case has that id
	}
	owners, err := r.coalition.node.Owners(ctx, stream)
	return slices.Contains(owners, node), len(owners) > 0, err
}

// keeperOf is the node that keeps a case, or that it is on its way to.
func (r *Registry) keeperOf(ctx context.Context, id string) (ledger.ID, error) {
	if node, abroad := r.abroadOrg(r.handedTo(id)); abroad {
		return node, nil
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		return ledger.ID{}, nil
	}
	return r.coalition.node.Owner(ctx, stream)
}
