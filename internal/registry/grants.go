// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
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
	// ErrByName says that only a grant by name opens a restricted case.
	ErrByName = errors.New("the case is restricted: grant it to a member by name, not to an organisation")
	// ErrOpensNothing says that the member's roles make nothing of the grant.
	ErrOpensNothing = errors.New("this member's roles do not let them read that part of a case, with a grant neither")
	// ErrLastReader says that nobody could see a case any more.
	ErrLastReader = errors.New("nobody could see this restricted case any more: grant it to another case worker of its organisation first, or lift the restriction")
	// ErrReason says that an act needs a reason.
	ErrReason = errors.New("say why in words")
)

// NewGrant lets an organisation or a member read a part of a case.
type NewGrant struct {
	To    string // an organisation's or a member's name or id
	Part  access.Part
	Until edtf.Day // the last day; 0: until it is taken back

	// Despite says that whoever grants knows of the revocations that stand against
	// it: without it a grant to such an organisation is refused with ErrRevoked.
	Despite bool
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

	Revoked []RevocationView // what beats it: it opens nothing
}

// Grant lets an organisation or a member read a part of a case, and seals the
// case's keys to them. It is an entry in the case's stream, signed by who grants.
func (r *Registry) Grant(ctx context.Context, s *access.Session, caseID string, g NewGrant) (_ GrantView, err error) {
	defer r.refusal(ctx, s, "grants", caseID, &err)
	if g.Part != access.Fact && g.Part != access.Identity {
		return GrantView{}, ErrPart
	}
	if g.Until != 0 && g.Until < r.Today() {
		return GrantView{}, ErrUntil
	}
	id, thing, done, err := r.toGrant(ctx, s, caseID)
	if err != nil {
		return GrantView{}, err
	}
	defer done()
	if !r.sessions.Fresh(s) { // what is given away is read before it can be taken back
		return GrantView{}, ErrProof
	}
	to, err := r.holder(g.To)
	if err != nil {
		return GrantView{}, err
	}
	if err := r.useful(thing, to, g.Part); err != nil {
		return GrantView{}, err
	}
	put := grantPut(to, g)
	if against := r.revocations(id, to.id); len(against) > 0 {
		if !g.Despite {
			return GrantView{}, ErrRevoked
		}
		put.Fields["despite"] = against
	}
	keys, err := r.handOver(ctx, id, to, g.Part)
	if err != nil {
		return GrantView{}, err
	}
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{put}, handed: keys, source: "granted"}}); err != nil {
		return GrantView{}, err
	}
	return GrantView{ID: put.Record, To: to.name, Org: to.org, Part: g.Part, Until: g.Until, By: s.Member.Name, At: r.last}, nil
}

// toGrant finds the case that a member wants to say of who may read it, and
// what decides about it; done lets others write again.
func (r *Registry) toGrant(ctx context.Context, s *access.Session, caseID string) (id string, thing access.Thing, done func(), err error) {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return "", thing, nil, err
	}
	r.writing.Lock()
	thing, there := r.thing(row.ID)
	switch {
	case !there:
		err = ErrNotFound
	case !access.Decide(s.Member, access.GrantCase, thing):
		err = ErrNotAllowed
	default:
		return row.ID, thing, r.writing.Unlock, nil
	}
	r.writing.Unlock()
	return "", thing, nil, err
}

// useful refuses a grant that would open nothing: who grants would believe that
// somebody reads the case who does not.
func (r *Registry) useful(thing access.Thing, to holder, part access.Part) error {
	if to.org {
		switch {
		case to.id == thing.Org:
			return ErrOwner
		case thing.Restricted:
			return ErrByName
		}
		return nil
	}
	m, err := r.member(to.id)
	if err != nil {
		return err
	}
	thing.Part, thing.Grants = part, []access.Grant{{To: to.id, Part: part}}
	if !access.Decide(m, access.ReadCase, thing) {
		return ErrOpensNothing
	}
	return nil
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
// what they read before, they have read. It needs no fresh proof: what is
// urgent must not wait for a passphrase.
func (r *Registry) Revoke(ctx context.Context, s *access.Session, caseID, grant, reason string) (err error) {
	defer r.refusal(ctx, s, "grants", caseID, &err)
	if strings.TrimSpace(reason) == "" {
		return ErrReason
	}
	id, thing, done, err := r.toGrant(ctx, s, caseID)
	if err != nil {
		return err
	}
	defer done()
	if _, ok := r.grants(id)[grant]; !ok {
		return ErrNotFound
	}
	keys, err := r.takeBackGrant(ctx, s, id, thing, grant)
	if err != nil {
		return err
	}
	return r.write(ctx, s, []act{{stream: id, withdraws: []Put{{Record: grant, Kind: grantKind}}, handed: keys, reason: reason, source: "taken back"}})
}

// takeBackGrant forgets what a grant opened to its holder, and answers the new
// keys under which what comes is sealed. The caller writes that it is taken
// back: should that fail, somebody has lost keys who still may read, and not
// the other way round.
func (r *Registry) takeBackGrant(ctx context.Context, s *access.Session, id string, thing access.Thing, grant string) ([]ledger.WrappedKey, error) {
	granted := r.grants(id)
	left := maps.Clone(granted)
	delete(left, grant)
	if thing.Restricted {
		if err := r.someoneSees(thing, left); err != nil {
			return nil, err
		}
	}
	keys, err := r.newEpoch(ctx, s, id, thing.Org, thing.Restricted, left)
	if err != nil {
		return nil, err
	}
	return keys, r.forgetKeys(ctx, id, granted[grant].To, left)
}

// someoneSees answers ErrLastReader where of the grants of a restricted case
// none would be left by which somebody could lift the restriction.
func (r *Registry) someoneSees(thing access.Thing, left map[string]access.Grant) error {
	thing.Grants = slices.Collect(maps.Values(left))
	if !lasting(r.members(), thing) {
		return ErrLastReader
	}
	return nil
}

// lasting tells whether somebody can lift the restriction of a case by a grant that does not end.
func lasting(members []access.Member, thing access.Thing) bool {
	thing.Grants = slices.DeleteFunc(slices.Clone(thing.Grants), func(g access.Grant) bool { return g.Until != 0 })
	return slices.ContainsFunc(members, func(m access.Member) bool { return access.Decide(m, access.GrantCase, thing) })
}

// seesAlone tells whether there is a restricted case of an organisation (empty:
// of any) that nobody could bring back to the others once a member has left.
// Of which it is, and that it is, nobody is told: ErrLastOne says more things.
func (r *Registry) seesAlone(member, org string) bool {
	all := r.members()
	others := slices.DeleteFunc(slices.Clone(all), func(m access.Member) bool { return m.ID == member })
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	for id, c := range r.rights.cases {
		if !c.Restricted || org != "" && c.Org != org {
			continue
		}
		thing := r.rights.thing(id, r.Today())
		if lasting(all, thing) && !lasting(others, thing) {
			return true
		}
	}
	return false
}

// forgetKeys forgets what was wrapped of a case for a holder, but for what
// grants that are left still open to them.
func (r *Registry) forgetKeys(ctx context.Context, id, to string, left map[string]access.Grant) error {
	h, err := r.holderByID(to)
	if err != nil {
		return err
	}
	public, err := h.public(r)
	if errors.Is(err, os.ErrNotExist) {
		return nil // they have left, with their key file: nothing was ever wrapped for anybody else
	}
	if err != nil {
		return err
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		return err
	}
	var still access.Part
	for _, g := range left {
		if g.To == to && g.On(r.Today()) && still != access.Identity {
			still = g.Part
		}
	}
	for _, part := range []seal.Part{seal.FactPart, seal.IdentityPart} {
		if still == access.Identity || still == access.Fact && part == seal.FactPart {
			continue
		}
		if err := r.log.Forget(ctx, ledger.WrappedKey{Stream: stream, Holder: public.ID(), Part: uint8(part)}); err != nil {
			return err
		}
	}
	return nil
}

// lapsed sees to grants of a case whose last day has passed since it was last
// written: new keys for what comes, which whoever held the grant does not get.
// after forgets the old ones, once the new ones are written.
func (r *Registry) lapsed(ctx context.Context, s *access.Session, id string) (keys []ledger.WrappedKey, after func() error, err error) {
	after = func() error { return nil }
	stream, err := ledger.ParseID(id)
	if err != nil {
		return nil, after, err
	}
	granted := r.grants(id)
	var over []string
	for _, g := range granted {
		if g.On(r.Today()) {
			continue
		}
		h, err := r.holderByID(g.To)
		if err != nil {
			return nil, after, err
		}
		public, err := h.public(r)
		if err != nil {
			continue // whoever it was has left
		}
		part := seal.FactPart
		if g.Part == access.Identity {
			part = seal.IdentityPart
		}
		still := slices.ContainsFunc(slices.Collect(maps.Values(granted)), func(other access.Grant) bool {
			return other.To == g.To && other.On(r.Today()) && (other.Part == access.Identity || g.Part == access.Fact)
		})
		held := false
		err = r.log.Keys(ctx, stream, func(w ledger.WrappedKey) error {
			held = held || w.Holder == ledger.ID(public.ID()) && w.Part == uint8(part)
			return nil
		})
		if err != nil {
			return nil, after, err
		}
		if held && !still {
			over = append(over, g.To)
		}
	}
	thing, there := r.thing(id)
	if len(over) == 0 || !there || s.Keys.Vaults[thing.Org] == nil { // who does not hold the organisation's vault leaves it to the next who writes
		return nil, after, nil
	}
	if keys, err = r.newEpoch(ctx, s, id, thing.Org, thing.Restricted, granted); err != nil {
		return nil, after, err
	}
	return keys, func() error {
		var errs []error
		for _, to := range over {
			errs = append(errs, r.forgetKeys(ctx, id, to, granted))
		}
		return errors.Join(errs...)
	}, nil
}

// Restrict hides that a case exists from all who were not granted it by name,
// or lifts that. Whoever restricts it is granted it: a case that nobody could
// see would be lost. Grants to organisations rest meanwhile; what comes is
// sealed under keys that those do not get until it is lifted.
func (r *Registry) Restrict(ctx context.Context, s *access.Session, caseID string, restricted bool) (err error) {
	defer r.refusal(ctx, s, "grants", caseID, &err)
	id, thing, done, err := r.toGrant(ctx, s, caseID)
	if err != nil {
		return err
	}
	defer done()
	if thing.Restricted == restricted {
		return nil
	}
	if !restricted && !r.sessions.Fresh(s) { // all at once it is there for many
		return ErrProof
	}
	file, err := r.index.Case(ctx, id, allKnown)
	if err != nil {
		return notFound(err)
	}
	rec, ok := file.Record(id)
	if !ok {
		return ErrNotFound
	}
	fields := maps.Clone(rec.Fields)
	fields["org"] = []string{thing.Org}
	delete(fields, "restricted")
	a := act{stream: id, source: "restricted by a member"}
	if restricted {
		fields["restricted"] = []string{"yes"}
		if a.handed, err = r.newEpoch(ctx, s, id, thing.Org, true, r.grants(id)); err != nil {
			return err
		}
	} else {
		a.source = "restriction lifted by a member"
		if a.handed, err = r.handAgain(ctx, id); err != nil {
			return err
		}
	}
	a.puts = []Put{{Record: id, Kind: "case", Fields: fields}}
	if restricted {
		a.puts = append(a.puts, r.ownGrant(s.Member, id)...)
	}
	return r.write(ctx, s, []act{a})
}

// handAgain is the keys of a case for the organisations whose grants rested
// while it was restricted.
func (r *Registry) handAgain(ctx context.Context, id string) ([]ledger.WrappedKey, error) {
	var out []ledger.WrappedKey
	granted := r.grants(id)
	for _, grant := range slices.Sorted(maps.Keys(granted)) {
		g := granted[grant]
		to, err := r.holderByID(g.To)
		if err != nil {
			return nil, err
		}
		if !to.org || !g.On(r.Today()) {
			continue
		}
		keys, err := r.handOver(ctx, id, to, g.Part)
		if err != nil {
			return nil, err
		}
		out = append(out, keys...)
	}
	return out, nil
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
	return r.rights.grants(caseID)
}

// grantViews are the grants of a case as those see them who may grant.
func (r *Registry) grantViews(file *casefile.Case, revoked []RevocationView) ([]GrantView, error) {
	r.rights.mu.RLock()
	granted, beaten := r.rights.grants(file.ID), map[string][]string{}
	for id, g := range granted {
		if g.Beaten {
			beaten[id] = r.rights.beatenBy(file.ID, id)
		}
	}
	r.rights.mu.RUnlock()
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
		v := GrantView{ID: id, To: to.name, Org: to.org, Part: g.Part, Until: g.Until, Over: g.Until != 0 && g.Until < r.Today()}
		if rec, ok := file.Record(id); ok {
			v.By, v.At = cmp.Or(names[rec.Author], r.partnerName(r.from(authorOf(rec)))), rec.At
		}
		for _, revocation := range revoked {
			if slices.Contains(beaten[id], revocation.ID) {
				v.Revoked = append(v.Revoked, revocation)
			}
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

// Holder is somebody whom a case can be granted to.
type Holder struct {
	ID, Name string
	Org      bool
	Roles    []access.Role // of a member
}

// Holders are those whom a member finds in the list when they grant one of
// their cases: the other organisations and the members of the case's own. Who
// works for another organisation is not told; who knows their name may grant
// to it.
func (r *Registry) Holders(ctx context.Context, s *access.Session, caseID string) (_ []Holder, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	t, _ := r.thing(caseID)
	if !access.Decide(s.Member, access.GrantCase, t) && !r.mayRevokeKept(s, caseID) {
		return nil, ErrNotFound
	}
	var out []Holder
	for _, o := range r.roll().Orgs {
		if h := (holder{id: o.ID, name: o.Name, org: true}); r.useful(t, h, access.Fact) == nil {
			out = append(out, Holder{ID: h.id, Name: h.name, Org: true})
		}
	}
	for _, m := range r.members() {
		if h := (holder{id: m.ID, name: m.Name}); m.ID != s.Member.ID && slices.Contains(m.Orgs, t.Org) && r.useful(t, h, access.Fact) == nil {
			out = append(out, Holder{ID: h.id, Name: h.name, Roles: m.Roles})
		}
	}
	return out, nil
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
	for _, p := range r.met() {
		if key, ok := p.orgs[h.id]; h.org && ok {
			return key, nil
		}
	}
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

// grantLabel says what a key handed over is sealed for.
func grantLabel(log, stream ledger.ID, part seal.Part, epoch uint32) string {
	return fmt.Sprintf("kua/grant/v1/%v/%v/%v/%d", log, stream, part, epoch)
}

// handOver is the keys of a case, of all epochs there are and of the part that
// is granted, sealed to the identity of the holder. In a house nobody needs
// them, because the node reads for those who are signed in; an organisation
// that moves to a node of its own takes them along and wraps them under its
// vault there.
func (r *Registry) handOver(ctx context.Context, caseID string, to holder, part access.Part) ([]ledger.WrappedKey, error) {
	stream, err := ledger.ParseID(caseID)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyring.All(ctx, stream)
	if err != nil {
		return nil, err
	}
	return r.sealTo(stream, to, part, keys)
}

// sealTo seals to a holder those of the keys that the part which is granted opens.
func (r *Registry) sealTo(stream ledger.ID, to holder, part access.Part, keys []ledger.HeldKey) ([]ledger.WrappedKey, error) {
	public, err := to.public(r)
	if err != nil {
		return nil, err
	}
	var out []ledger.WrappedKey
	for _, k := range keys {
		if k.Part == seal.IdentityPart && part != access.Identity {
			continue
		}
		sealed, err := public.Seal(grantLabel(r.log.ID(), stream, k.Part, k.Epoch), k.Key[:])
		if err != nil {
			return nil, err
		}
		out = append(out, ledger.WrappedKey{Stream: stream, Part: uint8(k.Part), Epoch: k.Epoch, Holder: public.ID(), Wrapped: sealed})
	}
	return out, nil
}

// newEpoch makes new keys for a case and wraps them for the node, the case's
// organisation and those whom grants open it to: of a restricted case, to none
// but members.
func (r *Registry) newEpoch(ctx context.Context, s *access.Session, id, org string, restricted bool, granted map[string]access.Grant) ([]ledger.WrappedKey, error) {
	stream, err := ledger.ParseID(id)
	if err != nil {
		return nil, err
	}
	now, err := r.keyring.Current(ctx, stream)
	if err != nil {
		return nil, err
	}
	own, ok := s.Keys.Vaults[org]
	if !ok {
		return nil, ErrNotAllowed
	}
	next := seal.NewCaseKeys()
	next.FactEpoch = max(now.FactEpoch, now.IdentityEpoch) + 1
	next.IdentityEpoch = next.FactEpoch
	held := []ledger.HeldKey{
		{Part: seal.FactPart, Epoch: next.FactEpoch, Key: next.Fact},
		{Part: seal.IdentityPart, Epoch: next.IdentityEpoch, Key: next.Identity},
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
	for _, g := range granted {
		if g.On(r.Today()) && handed[g.To] != access.Identity {
			handed[g.To] = g.Part
		}
	}
	for _, to := range slices.Sorted(maps.Keys(handed)) {
		h, err := r.holderByID(to)
		if err != nil {
			return nil, err
		}
		if h.org && restricted {
			continue
		}
		w, err := r.sealTo(stream, h, handed[to], held)
		if err != nil {
			return nil, err
		}
		out = append(out, w...)
	}
	return out, nil
}
