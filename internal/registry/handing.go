// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// A case goes to another node in two acts. Who keeps it grants it whole to an
// organisation there, as the one that is to keep it; with that entry the other node
// owns the stream, and nothing more is written to it here. A member of that
// organisation takes it, under new keys: from then on it is theirs, and who had it
// reads of it what all who count do, unless it is granted to them anew. Until it
// was taken it can be handed back in the same way.

// What somebody who hands a case over, or takes one, can be told.
var (
	// ErrNotAbroad says that an organisation is of this node.
	ErrNotAbroad = errors.New("a case is handed over to an organisation of another node: 'kua org list' shows which there are")
	// ErrHandRestricted says that a restricted case stays.
	ErrHandRestricted = errors.New("a restricted case can't be handed over: lift the restriction first")
	// ErrHandCounts says that the two count otherwise.
	ErrHandCounts = errors.New("the other organisation counts otherwise than the one that keeps the case: the coalition's figures would change")
	// ErrHandFiles says that files of a case are not here yet.
	ErrHandFiles = errors.New("files of this case have not come yet, or not whole: exchange again, or bring them by stick, then take it")
	// ErrHanded says that a case is on its way.
	ErrHanded = errors.New("the case was handed over to another organisation, which has not taken it yet")
	// ErrNotHanded says that a case was not handed over to the member's organisation.
	ErrNotHanded = errors.New("this case was not handed over to your organisation")
	// ErrHandClosed says that the keys are not here.
	ErrHandClosed = errors.New("the case has not come here whole yet: exchange, sign in again, then take it")
)

// handedTo is the organisation that a case was handed over to and that has not
// taken it yet; empty: none.
func (r *Registry) handedTo(id string) string {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	if c := r.rights.cases[id]; c != nil {
		return c.Handed
	}
	return ""
}

// abroadOrg tells whether an organisation is of another node, and of which.
func (r *Registry) abroadOrg(id string) (node ledger.ID, ok bool) {
	o := r.roll().org(id)
	if o == nil || o.Node == "" {
		return node, false
	}
	node, err := ledger.ParseID(o.Node)
	return node, err == nil
}

// handedAbroad tells whether a case is on its way to another node.
func (r *Registry) handedAbroad(id string) bool {
	_, abroad := r.abroadOrg(r.handedTo(id))
	return abroad
}

// toHand finds a case that a member wants to hand over, and its organisation: of
// one that was handed over to theirs, that one. done lets others write again.
func (r *Registry) toHand(ctx context.Context, s *access.Session, caseID string) (id string, thing access.Thing, done func(), err error) {
	if r.coalition == nil {
		return "", thing, nil, ErrNoCoalition
	}
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return "", thing, nil, err
	}
	r.writing.Lock()
	thing, there := r.thing(row.ID)
	if to := r.handedTo(row.ID); to != "" {
		if _, abroad := r.abroadOrg(to); abroad {
			r.writing.Unlock()
			return "", thing, nil, ErrHanded
		}
		thing.Org = to
	}
	if !there || !access.Decide(s.Member, access.GrantCase, thing) {
		r.writing.Unlock()
		return "", thing, nil, ErrNotAllowed
	}
	return row.ID, thing, r.writing.Unlock, nil
}

// HandCase hands a case over to an organisation of another node. Its grants end
// with it: who keeps it then grants anew. It needs fresh proof, for what is given
// away is gone.
func (r *Registry) HandCase(ctx context.Context, s *access.Session, caseID, to, reason string) (err error) {
	defer r.refusal(ctx, s, "grants", caseID, &err)
	if strings.TrimSpace(reason) == "" {
		return ErrReason
	}
	id, thing, done, err := r.toHand(ctx, s, caseID)
	if err != nil {
		return err
	}
	defer done()
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	h, err := r.holder(to)
	if err != nil {
		return err
	}
	file, err := r.fromLedger(ctx, id)
	if err != nil {
		return err
	}
	_, abroad := r.abroadOrg(h.id)
	switch {
	case !abroad:
		return ErrNotAbroad
	case thing.Restricted:
		return ErrHandRestricted
	case thing.Counts != r.orgCounts(h.id):
		return ErrHandCounts
	}
	for _, rec := range fileRecords(file) {
		if sealed, _, ok := sealedOf(rec); ok && thing.Org != r.handedTo(id) { // what goes back has its files there
			if there, err := r.files.Has(sealed); err != nil || !there {
				return errors.Join(ErrFileDamaged, err)
			}
		}
	}
	keys, err := r.handOver(ctx, id, h, access.Identity)
	if err != nil {
		return err
	}
	if !opensIdentity(keys) {
		return ErrHandClosed
	}
	granted := r.grants(id)
	for _, g := range granted {
		if _, elsewhere := r.abroadOrg(g.To); elsewhere {
			if err := r.forgetKeys(ctx, id, g.To, nil); err != nil {
				return err
			}
		}
	}
	put := grantPut(h, NewGrant{Part: access.Identity})
	put.Fields["keeps"] = []string{"yes"}
	a := act{stream: id, puts: []Put{put}, handed: keys, reason: reason, source: "handed over"}
	for _, grant := range slices.Sorted(maps.Keys(granted)) {
		a.withdraws = append(a.withdraws, Put{Record: grant, Kind: grantKind})
	}
	return r.write(ctx, s, []act{a})
}

// handableTo are the organisations of other nodes to which a case can be handed over.
func (r *Registry) handableTo(t access.Thing) (to []Holder) {
	if t.Restricted {
		return nil
	}
	for _, o := range r.roll().Orgs {
		if o.Node != "" && o.Counts == t.Counts {
			to = append(to, Holder{ID: o.ID, Name: o.Name, Org: true})
		}
	}
	return to
}

// orgCounts tells whether an organisation counts with the coalition.
func (r *Registry) orgCounts(id string) bool {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	return r.rights.counts[id]
}

// TakeCase takes a case that another node has handed over to an organisation of
// the member's: from then on it is that one's.
func (r *Registry) TakeCase(ctx context.Context, s *access.Session, caseID string) (err error) {
	defer r.refusal(ctx, s, "grants", caseID, &err)
	id, _, done, err := r.toHand(ctx, s, caseID)
	if err != nil {
		return err
	}
	handed := r.handedTo(id)
	done() // its files may take long to read, and others write meanwhile
	if handed == "" {
		return ErrNotHanded
	}
	if err := r.adoptFiles(ctx, id); err != nil {
		return err
	}
	id, thing, done, err := r.toHand(ctx, s, caseID)
	if err != nil {
		return err
	}
	defer done()
	org := r.handedTo(id)
	if org == "" {
		return ErrNotHanded
	}
	file, err := r.fromLedger(ctx, id)
	if err != nil {
		return err
	}
	rec, ok := file.Record(id)
	if !ok {
		return ErrNotFound
	}
	fields := maps.Clone(rec.Fields)
	fields["org"] = []string{org}
	now, err := r.handOver(ctx, id, holder{id: org, org: true}, access.Identity)
	if err != nil {
		return err
	}
	if !opensIdentity(now) { // what is not open here would be lost with the next entry
		return ErrHandClosed
	}
	keys, err := r.newEpoch(ctx, s, id, org, thing.Restricted, nil)
	if err != nil {
		return err
	}
	a := act{stream: id, puts: []Put{{Record: id, Kind: "case", Fields: fields}}, handed: keys, source: "taken over"}
	for grant, g := range r.grants(id) {
		if g.To == org {
			a.withdraws = append(a.withdraws, Put{Record: grant, Kind: grantKind})
		}
	}
	if err := r.write(ctx, s, []act{a}); err != nil {
		return err
	}
	return r.audit(ctx, &line{act: actExchange, what: "grants", by: s.Keys.Identity, cases: []string{id}, n: 1})
}

// opensIdentity tells whether keys of who somebody is are among these.
func opensIdentity(keys []ledger.WrappedKey) bool {
	return slices.ContainsFunc(keys, func(k ledger.WrappedKey) bool { return k.Part == uint8(seal.IdentityPart) })
}

// HandedCases are the cases that were handed over to an organisation of the
// member's, and wait to be taken or handed back.
func (r *Registry) HandedCases(ctx context.Context, s *access.Session) (_ []Row, err error) {
	defer r.refusal(ctx, s, "grants", "", &err)
	if r.coalition == nil {
		return nil, ErrNoCoalition
	}
	var ids []string
	r.rights.mu.RLock()
	for id, c := range r.rights.cases {
		if c.Handed == "" {
			continue
		}
		t := r.rights.thing(id, r.Today())
		if t.Org = c.Handed; access.Decide(s.Member, access.GrantCase, t) {
			ids = append(ids, id)
		}
	}
	r.rights.mu.RUnlock()
	slices.Sort(ids)
	rows, err := r.index.Rows(ctx, ids, Clock{AsOf: r.Today()}, r.see(s.Member))
	if err != nil {
		return nil, err
	}
	return rows, r.readsIdentity(ctx, s, actList, "grants", r.whole(s, rows...)...)
}

// keepsGrant tells of a grant that its organisation is to keep the case.
func keepsGrant(f casefile.Fields) bool { return first(f["keeps"]) == "yes" && first(f["org"]) != "" }
