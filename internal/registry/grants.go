// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// grantKind is the kind of record that says who else may read a case. It
// stands in the stream of the case, and is put and withdrawn here alone.
const grantKind = "grant"

// What somebody who grants can be told.
var (
	// ErrNoHolder says that nobody has that name.
	ErrNoHolder = errors.New("there is no organisation and no member of that name")
	// ErrTwoHolders says that two have it.
	ErrTwoHolders = errors.New("an organisation and a member have this name: give the id of the one you mean")
	// ErrPart says that a case has no such part.
	ErrPart = errors.New("a case has two parts: fact and identity")
	// ErrUntil says that a grant would end before it begins.
	ErrUntil = errors.New("the last day of a grant can't lie in the past")
	// ErrOwner says that the case is the organisation's own.
	ErrOwner = errors.New("the case is this organisation's own: its workers read it without a grant")
)

// NewGrant lets an organisation or a member read a part of a case.
type NewGrant struct {
	To    string // an organisation's or a member's name or id
	Part  access.Part
	Until edtf.Day // the last day; 0: until it is taken back
}

// GrantView is a grant as those see it who may grant.
type GrantView struct {
	ID    string
	To    string // the name
	Org   bool   // to an organisation; else to a member, by name
	Part  access.Part
	Until edtf.Day
	Over  bool // its last day has passed
	By    string
	At    time.Time
}

// Grant lets an organisation or a member read a part of a case, and seals the
// case's keys to them. It is an entry in the case's stream, signed by who grants.
func (r *Registry) Grant(ctx context.Context, s *access.Session, caseID string, g NewGrant) (GrantView, error) {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return GrantView{}, err
	}
	if !r.may(s.Member, access.GrantCase, row.ID) {
		return GrantView{}, ErrNotAllowed
	}
	if g.Part != access.Fact && g.Part != access.Identity {
		return GrantView{}, ErrPart
	}
	if g.Until != 0 && g.Until < r.Today() {
		return GrantView{}, ErrUntil
	}
	to, err := r.holder(g.To)
	if err != nil {
		return GrantView{}, err
	}
	if to.id == row.Org {
		return GrantView{}, ErrOwner
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	put := grantPut(to, g)
	keys, err := r.handOver(ctx, s, row.ID, to, g.Part)
	if err != nil {
		return GrantView{}, err
	}
	if err := r.write(ctx, s, []act{{stream: row.ID, puts: []Put{put}, handed: keys, source: "granted"}}); err != nil {
		return GrantView{}, err
	}
	return GrantView{ID: put.Record, To: to.name, Org: to.org, Part: g.Part, Until: g.Until, By: s.Member.Name, At: r.last}, nil
}

func grantPut(to holder, g NewGrant) Put {
	fields := casefile.Fields{"part": {string(g.Part)}}
	if to.org {
		fields["org"] = []string{to.id}
	} else {
		fields["member"] = []string{to.id}
	}
	if g.Until != 0 {
		fields["until"] = []string{g.Until.String()}
	}
	return Put{Record: ledger.NewID().String(), Kind: grantKind, Fields: fields}
}

// Revoke takes a grant back. From then on nothing of the case is open by it;
// what comes is sealed under new keys, which whoever lost the grant never had;
// what they read before, they have read.
func (r *Registry) Revoke(ctx context.Context, s *access.Session, caseID, grant, reason string) error {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return err
	}
	if !r.may(s.Member, access.GrantCase, row.ID) {
		return ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	old, ok := r.grants(row.ID)[grant]
	if !ok {
		return ErrNotFound
	}
	stream, err := ledger.ParseID(row.ID)
	if err != nil {
		return err
	}
	keys, err := r.newEpoch(ctx, s, row, grant)
	if err != nil {
		return err
	}
	if err := r.write(ctx, s, []act{{stream: row.ID, withdraws: []Put{{Record: grant, Kind: grantKind}}, handed: keys, reason: reason, source: "taken back"}}); err != nil {
		return err
	}
	for _, other := range r.grants(row.ID) {
		if other.To == old.To {
			return nil // they still hold another grant, and its keys
		}
	}
	to, err := r.holderByID(old.To)
	if err != nil {
		return err
	}
	for _, id := range to.vaults(r, s) {
		if err := r.log.Forget(ctx, ledger.WrappedKey{Stream: stream, Holder: id}); err != nil {
			return err
		}
	}
	return nil
}

// Restrict hides that a case exists from all who were not granted it by name,
// or lifts that. Whoever restricts it is granted it: a case that nobody could
// see would be lost.
func (r *Registry) Restrict(ctx context.Context, s *access.Session, caseID string, restricted bool) error {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return err
	}
	if !r.may(s.Member, access.GrantCase, row.ID) {
		return ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	file, err := r.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		return notFound(err)
	}
	rec, ok := file.Record(row.ID)
	if !ok {
		return ErrNotFound
	}
	if (first(rec.Fields["restricted"]) == "yes") == restricted {
		return nil
	}
	fields := maps.Clone(rec.Fields)
	delete(fields, "restricted")
	if restricted {
		fields["restricted"] = []string{"yes"}
	}
	puts := []Put{{Record: row.ID, Kind: "case", Fields: fields}}
	if restricted {
		puts = append(puts, r.ownGrant(s.Member, row.ID)...)
	}
	return r.write(ctx, s, []act{{stream: row.ID, puts: puts, source: "restricted by a member"}})
}

// ownGrant is the grant by name that a member needs to see a case they restrict, unless they have it.
func (r *Registry) ownGrant(m access.Member, caseID string) []Put {
	for _, g := range r.grants(caseID) {
		if g.To == m.ID && g.Part == access.Identity && g.Until == 0 {
			return nil
		}
	}
	return []Put{grantPut(holder{id: m.ID}, NewGrant{Part: access.Identity})}
}

// grants are the grants of a case that were not taken back.
func (r *Registry) grants(caseID string) map[string]access.Grant {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	if c := r.rights.cases[caseID]; c != nil {
		return c.Grants
	}
	return nil
}

// grantViews are the grants of a case as those see them who may grant.
func (r *Registry) grantViews(file *casefile.Case) ([]GrantView, error) {
	granted := r.grants(file.ID)
	if len(granted) == 0 {
		return nil, nil
	}
	names := r.memberNames()
	var views []GrantView
	for id, g := range granted {
		to, err := r.holderByID(g.To)
		if err != nil {
			return nil, err
		}
		v := GrantView{ID: id, To: to.name, Org: to.org, Part: g.Part, Until: g.Until, Over: !g.On(r.Today())}
		if rec, ok := file.Record(id); ok {
			v.By, v.At = names[rec.Author], rec.At
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b GrantView) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return views, nil
}

// memberNames are the names of the members, of those who left too, by id.
func (r *Registry) memberNames() map[string]string {
	names := map[string]string{}
	for _, m := range r.roll().Members {
		names[m.ID] = m.Name
	}
	return names
}

// holder is who a grant is to.
type holder struct {
	id, name string
	org      bool
}

// holder finds an organisation or a member by name, without regard to case, or by id.
func (r *Registry) holder(nameOrID string) (holder, error) {
	nameOrID = strings.TrimSpace(nameOrID)
	var found []holder
	for _, o := range r.roll().Orgs {
		if o.ID == nameOrID || strings.EqualFold(o.Name, nameOrID) {
			found = append(found, holder{o.ID, o.Name, true})
		}
	}
	for _, m := range r.members() {
		if m.ID == nameOrID || strings.EqualFold(m.Name, nameOrID) {
			found = append(found, holder{m.ID, m.Name, false})
		}
	}
	switch {
	case nameOrID == "" || len(found) == 0:
		return holder{}, ErrNoHolder
	case len(found) > 1:
		return holder{}, ErrTwoHolders
	}
	return found[0], nil
}

// holderByID finds who a grant is to; who has left is known by id alone.
func (r *Registry) holderByID(id string) (holder, error) {
	to, err := r.holder(id)
	if errors.Is(err, ErrNoHolder) {
		return holder{id: id, name: id[:min(len(id), 8)]}, nil
	}
	return to, err
}

// public is the public half of the holder's identity.
func (h holder) public(r *Registry) (seal.Public, error) {
	file := orgFile(h.id, ".key")
	if !h.org {
		id, err := ledger.ParseID(h.id)
		if err != nil {
			return seal.Public{}, err
		}
		file = memberFile(id)
	}
	locked, err := r.readLocked(file)
	if err != nil {
		return seal.Public{}, err
	}
	return locked.Public(), nil
}

// vaults are the ids under which keys may lie for the holder.
func (h holder) vaults(r *Registry, s *access.Session) []ledger.ID {
	var ids []ledger.ID
	if v := s.Keys.Vaults[h.id]; v != nil {
		ids = append(ids, v.ID())
	}
	if p, err := h.public(r); err == nil {
		ids = append(ids, p.ID())
	}
	return ids
}

// grantLabel says what a key handed over is sealed for.
func grantLabel(log, stream ledger.ID, part seal.Part, epoch uint32) string {
	return fmt.Sprintf("kua/grant/v1/%v/%v/%v/%d", log, stream, part, epoch)
}

// handOver is the keys of a case, of all epochs and of the part that is
// granted, for the holder: wrapped under their vault where the session has it
// open, else sealed to their identity, to be wrapped at the first opening. In a
// house nobody needs them, because the node reads for those who are signed in;
// an organisation that moves to a node of its own takes them along.
func (r *Registry) handOver(ctx context.Context, s *access.Session, caseID string, to holder, part access.Part) ([]ledger.WrappedKey, error) {
	stream, err := ledger.ParseID(caseID)
	if err != nil {
		return nil, err
	}
	now, err := r.keyring.Current(ctx, stream)
	if err != nil {
		return nil, err
	}
	var out []ledger.WrappedKey
	for epoch := uint32(1); epoch <= max(now.FactEpoch, now.IdentityEpoch); epoch++ {
		keys, err := r.keyring.Keys(ledger.Header{Stream: stream, FactEpoch: epoch, IdentityEpoch: epoch, IdentityLen: 1})
		if err != nil {
			return nil, err
		}
		if part == access.Fact {
			keys.Identity = seal.Key{}
		}
		sealed, err := r.sealTo(s, stream, to, keys)
		if err != nil {
			return nil, err
		}
		out = append(out, sealed...)
	}
	return out, nil
}

func (r *Registry) sealTo(s *access.Session, stream ledger.ID, to holder, keys seal.CaseKeys) ([]ledger.WrappedKey, error) {
	if v := s.Keys.Vaults[to.id]; to.org && v != nil {
		return ledger.WrapCaseKeys(v, stream, keys)
	}
	public, err := to.public(r)
	if err != nil {
		return nil, err
	}
	var out []ledger.WrappedKey
	for _, k := range []struct {
		part  seal.Part
		epoch uint32
		key   seal.Key
	}{{seal.FactPart, keys.FactEpoch, keys.Fact}, {seal.IdentityPart, keys.IdentityEpoch, keys.Identity}} {
		if k.key.IsZero() {
			continue
		}
		sealed, err := public.Seal(grantLabel(r.log.ID(), stream, k.part, k.epoch), k.key[:])
		if err != nil {
			return nil, err
		}
		out = append(out, ledger.WrappedKey{Stream: stream, Part: uint8(k.part), Epoch: k.epoch, Holder: public.ID(), Wrapped: sealed})
	}
	return out, nil
}

// newEpoch makes new keys for a case and wraps them for the node, the case's
// organisation and all who hold a grant but the one that is being taken back.
func (r *Registry) newEpoch(ctx context.Context, s *access.Session, row Row, without string) ([]ledger.WrappedKey, error) {
	stream, err := ledger.ParseID(row.ID)
	if err != nil {
		return nil, err
	}
	now, err := r.keyring.Current(ctx, stream)
	if err != nil {
		return nil, err
	}
	own, ok := s.Keys.Vaults[row.Org]
	if !ok {
		return nil, ErrNotAllowed
	}
	next := seal.NewCaseKeys()
	next.FactEpoch = max(now.FactEpoch, now.IdentityEpoch) + 1
	next.IdentityEpoch = next.FactEpoch
	if now.Identity.IsZero() { // it was erased: what has no names gets no key for them
		next.Identity, next.IdentityEpoch = seal.Key{}, 0
	}
	var out []ledger.WrappedKey
	for _, v := range []*seal.Vault{r.vault, own} {
		w, err := ledger.WrapCaseKeys(v, stream, next)
		if err != nil {
			return nil, err
		}
		out = append(out, w...)
	}
	handed := map[string]access.Part{}
	for id, g := range r.grants(row.ID) {
		if id != without && g.On(r.Today()) && handed[g.To] != access.Identity {
			handed[g.To] = g.Part
		}
	}
	for _, to := range slices.Sorted(maps.Keys(handed)) {
		h, err := r.holderByID(to)
		if err != nil {
			return nil, err
		}
		keys := next
		if handed[to] == access.Fact {
			keys.Identity, keys.IdentityEpoch = seal.Key{}, 0
		}
		w, err := r.sealTo(s, stream, h, keys)
		if err != nil {
			return nil, err
		}
		out = append(out, w...)
	}
	return out, nil
}
