// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// rights is all that decides who may do what: the members and their roles, the
// organisations, whose a case is, whether it is restricted, the grants. It is made of the signed entries of the ledger and
// of nothing else: pages of the index, which nothing authenticates, can be put
// back by whoever has the disk, and would turn a grant that was taken back into
// a live one.
//
// Not to read the whole ledger at every start it is kept in a file, sealed and
// signed by the node, with the place in the ledger it was made from. An older
// one put back is only older: what was written since is read again. It also says
// up to which root of the ledger each entry was opened and found signed by its
// author: where an index is made from the same entries, that is not done again.
type rights struct {
	mu     sync.RWMutex
	size   uint64 // entries of the ledger it was made from
	cases  map[string]*caseRights
	same   map[plainRights]*caseRights
	counts map[string]bool // organisations that count with the coalition
	roll   *roll           // who belongs to the register

	searches map[string]savedSearch // that are kept, by id

	revoked map[string]map[string]string // by case and by id: the organisation that a former keeper says is not to read it

	read   ledger.Head // up to which it was read from the ledger, now or by whoever wrote the file
	closed []uint64    // places of entries that were not opened whole: their signatures wait until they are
	pack   string      // the register's pack; empty: it does not say, and has DefaultPack
}

// caseRights are the rights to one case. It does not change once it is in rights.
type caseRights struct {
	Org        string                  `json:"o"`
	Restricted bool                    `json:"r,omitempty"`
	Grants     map[string]access.Grant `json:"g,omitempty"` // by the id of the grant
	Handed     string                  `json:"h,omitempty"` // the organisation it was handed over to and that has not taken it yet
	Before     []string                `json:"b,omitempty"` // organisations that kept it before
	Despite    map[string][]string     `json:"d,omitempty"` // by the id of the grant: revocations that its author had seen
}

// rightsFile lies in the register's directory. It may be deleted at any time.
const rightsFile = "rights"

// rightsLabel says what the file is sealed for.
const rightsLabel = "kua/rights/v7"

// keptRights is the file.
type keptRights struct {
	Ledger string          `json:"ledger"`
	Size   uint64          `json:"size"`
	Root   string          `json:"root"`
	Cases  []keptCases     `json:"cases"`
	Counts map[string]bool `json:"counts"`
	Roll   *roll           `json:"roll"`

	Searches map[string]savedSearch       `json:"searches,omitempty"`
	Revoked  map[string]map[string]string `json:"revoked,omitempty"`
	Closed   []uint64                     `json:"closed,omitempty"`
	Pack     string                       `json:"pack,omitempty"`
}

// keptCases are cases with the same rights.
type keptCases struct {
	Rights *caseRights `json:"rights"`
	IDs    []byte      `json:"ids"` // 16 bytes each
}

// plainRights are the rights to a case of which nothing was granted and that
// nobody kept before: of a million cases nearly all have one of a few.
type plainRights struct {
	org        string
	restricted bool
	handed     string
}

// plain are the rights, where they are no more than that.
func (c *caseRights) plain() (p plainRights, ok bool) {
	return plainRights{c.Org, c.Restricted, c.Handed}, len(c.Grants)+len(c.Before)+len(c.Despite) == 0
}

// set gives a case its rights. Cases whose rights are plain have them together.
func (rs *rights) set(id string, c *caseRights) {
	if p, ok := c.plain(); ok {
		if same := rs.same[p]; same != nil {
			c = same
		} else {
			rs.same[p] = c
		}
	}
	rs.cases[id] = c
}

// keep writes down the rights to the cases.
func (rs *rights) keep() ([]keptCases, error) {
	kept, at := []keptCases{}, map[*caseRights]int{}
	for id, c := range rs.cases {
		i, ok := at[c]
		if !ok {
			i = len(kept)
			at[c], kept = i, append(kept, keptCases{Rights: c})
		}
		raw, err := ledger.ParseID(id)
		if err != nil {
			return nil, err
		}
		kept[i].IDs = append(kept[i].IDs, raw[:]...)
	}
	return kept, nil
}

// restore reads what keep wrote.
func (rs *rights) restore(kept []keptCases) error {
	n := 0
	for _, k := range kept {
		n += len(k.IDs) / len(ledger.ID{})
	}
	rs.cases = make(map[string]*caseRights, n)
	for _, k := range kept {
		if k.Rights == nil || len(k.IDs)%len(ledger.ID{}) != 0 {
			return errors.New("the rights to a case can't be read")
		}
		const size = 2 * len(ledger.ID{})
		for ids := hex.EncodeToString(k.IDs); ids != ""; ids = ids[size:] { // all are one text
			rs.set(ids[:size], k.Rights)
		}
	}
	return nil
}

func newRights() *rights {
	return &rights{cases: map[string]*caseRights{}, same: map[plainRights]*caseRights{}, counts: map[string]bool{}, roll: (&roll{}).clone(), revoked: map[string]map[string]string{}}
}

// add takes in entries of a ledger, in their order, up to size. It answers the
// places of those that do not count, because their author was not entitled to
// write them.
func (rs *rights) add(log ledger.ID, entries []index.Entry, size uint64) (refused []uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var next *roll
	for _, e := range entries {
		switch {
		case onRoll(e.Kind):
			if next == nil {
				next = rs.roll.clone()
			}
			if e.From != "" {
				if e.Kind != organisationKind || e.Record != e.Stream || e.Op != casefile.Put || !next.putOrgOf(e.From, e.Record, e.Entry) {
					refused = append(refused, e.Pos)
				}
				continue
			}
			gone := e.Kind == passkeyKind && e.Op == casefile.Withdraw && e.Record == e.Stream && next.removePasskey(e.Record, e.Author)
			if !gone && (e.Record != e.Stream || e.Op != casefile.Put || !next.put(log, e.Kind, e.Record, e.Entry)) {
				refused = append(refused, e.Pos)
			}
		case e.Kind == factorKind:
			if next == nil {
				next = rs.roll.clone()
			}
			if !next.putFactor(e.Stream, e.Entry) {
				refused = append(refused, e.Pos)
			}
		case told(e.Kind):
			if next == nil {
				next = rs.roll.clone()
			}
			if !next.putTold(e.Stream, e.Entry) {
				refused = append(refused, e.Pos)
			}
		case forProgramsKind(e.Kind):
			if next == nil {
				next = rs.roll.clone()
			}
			if !next.putForPrograms(e.Stream, e.Entry) {
				refused = append(refused, e.Pos)
			}
		case e.Kind == packKind:
			now := rs.roll
			if next != nil {
				now = next
			}
			// It is said once, by whoever made the register, before anybody else was there.
			if e.From == "" && e.Op == casefile.Put && rs.pack == "" && len(now.Members) == 1 {
				rs.pack = first(e.Fields["pack"])
			}
		case e.Kind == searchKind:
			if !rs.putSearch(e.Entry, e.Stream) {
				refused = append(refused, e.Pos)
			}
		case e.Kind == "case" && e.Record == e.Stream && e.Op == casefile.Put:
			next := caseRights{Org: first(e.Fields["org"]), Restricted: first(e.Fields["restricted"]) == "yes"}
			if old := rs.cases[e.Stream]; old != nil {
				next.Grants, next.Despite, next.Before = old.Grants, old.Despite, old.Before
				if old.Org != next.Org && !slices.Contains(next.Before, old.Org) {
					next.Before = append(slices.Clone(next.Before), old.Org)
				}
			}
			rs.set(e.Stream, &next)
		case e.Kind == kindErasure && first(e.Fields["what"]) == erasedWhole:
			delete(rs.cases, e.Stream)
			delete(rs.revoked, e.Stream)
		case e.Kind == revocationKind && e.Record == e.Stream && e.Op == casefile.Put:
			id := first(e.Fields["case"])
			if rs.revoked[id] == nil {
				rs.revoked[id] = map[string]string{}
			}
			rs.revoked[id][e.Record] = first(e.Fields["org"])
		case e.Kind == grantKind:
			old := rs.cases[e.Stream]
			if old == nil {
				continue // not in a case: it grants nothing
			}
			next := *old
			next.Grants = maps.Clone(old.Grants)
			if g, ok := grantOf(e.Fields); ok && e.Op == casefile.Put {
				if next.Grants == nil {
					next.Grants = map[string]access.Grant{}
				}
				next.Grants[e.Record] = g
				if seen := e.Fields["despite"]; len(seen) > 0 {
					if next.Despite = maps.Clone(old.Despite); next.Despite == nil {
						next.Despite = map[string][]string{}
					}
					next.Despite[e.Record] = slices.Clone(seen)
				}
				if keepsGrant(e.Fields) {
					next.Handed = g.To
				}
			} else {
				delete(next.Grants, e.Record)
			}
			rs.set(e.Stream, &next)
		}
	}
	if next != nil {
		rs.roll = next
		for _, o := range next.Orgs {
			rs.counts[o.ID] = o.Counts
		}
	}
	rs.size = max(rs.size, size)
	return refused
}

// onRoll tells whether records of a kind stand on the roll.
func onRoll(kind string) bool {
	switch kind {
	case memberKind, invitationKind, organisationKind, shareSetKind, recoveryKind, passkeyKind:
		return true
	}
	return false
}

// roll is who belongs to the register.
func (r *Registry) roll() *roll {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	return r.rights.roll
}

// upTo is how many entries of the ledger the rights are made from.
func (rs *rights) upTo() uint64 {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.size
}

// takeNew takes into the rights what was just appended, from first up to size.
// What the ledger has before that and the rights have not, because it was not
// known whether it was kept, is read from the ledger: else a grant that was taken
// back would live on. The caller holds appending.
func (r *Registry) takeNew(ctx context.Context, entries []index.Entry, first, size uint64) {
	if r.rights.upTo() == first {
		r.take(entries, size)
		return
	}
	if err := r.readRights(context.WithoutCancel(ctx), r.rights); err != nil {
		r.opt.Log.Error("what decides who may read could not be brought up to the ledger; it is tried again with the next write", slog.String("type", fmt.Sprintf("%T", err)))
	}
}

// take takes entries of the ledger, up to size, into the rights.
func (r *Registry) take(entries []index.Entry, size uint64) { r.takeInto(r.rights, entries, size) }

func (r *Registry) takeInto(rs *rights, entries []index.Entry, size uint64) {
	for _, pos := range rs.add(r.log.ID(), entries, size) {
		r.opt.Log.Warn("a record about a member or an organisation was written by somebody who may not and does not count", slog.Uint64("entry", pos))
	}
}

// grantOf reads a grant. One that can't be read grants nothing.
func grantOf(f casefile.Fields) (access.Grant, bool) {
	g := access.Grant{Part: access.Part(first(f["part"]))}
	switch org, member := first(f["org"]), first(f["member"]); {
	case org != "" && member == "":
		g.To = org
	case member != "" && org == "":
		g.To = member
	default:
		return g, false
	}
	if text := first(f["until"]); text != "" {
		day, err := edtf.ParseDay(text)
		if err != nil {
			return g, false
		}
		g.Until = day
	}
	return g, g.Part == access.Fact || g.Part == access.Identity
}

// thing is what access.Decide asks about a case; false: there is no such case.
func (r *Registry) thing(id string) (access.Thing, bool) {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	c := r.rights.cases[id]
	if c == nil {
		return access.Thing{}, false
	}
	return r.rights.thing(id, r.Today()), true
}

// thing is what access.Decide asks about a case that is there. The caller holds rs.mu.
func (rs *rights) thing(id string, day edtf.Day) access.Thing {
	c := rs.cases[id]
	t := access.Thing{Org: c.Org, Counts: rs.counts[c.Org], Restricted: c.Restricted, Day: day}
	for _, g := range rs.grants(id) {
		t.Grants = append(t.Grants, g)
	}
	return t
}

// grants are the grants of a case that were not taken back, each with whether a
// revocation beats it. The caller holds rs.mu.
func (rs *rights) grants(id string) map[string]access.Grant {
	c := rs.cases[id]
	if c == nil {
		return nil
	}
	if len(rs.revoked[id]) == 0 {
		return c.Grants
	}
	granted := maps.Clone(c.Grants)
	for grant, g := range granted {
		g.Beaten = len(rs.beatenBy(id, grant)) > 0
		granted[grant] = g
	}
	return granted
}

// beatenBy are the revocations that beat a grant: each to its organisation that
// its author had not seen, whenever it was written and in whatever order the two
// arrived. So the answer is the same at each node that has both. A case that is
// on its way must arrive: who is to keep it, no revocation stops. The caller
// holds rs.mu.
func (rs *rights) beatenBy(id, grant string) (by []string) {
	c := rs.cases[id]
	g := c.Grants[grant]
	for revocation, org := range rs.revoked[id] {
		if org == g.To && org != c.Handed && !slices.Contains(c.Despite[grant], revocation) {
			by = append(by, revocation)
		}
	}
	slices.Sort(by)
	return by
}

// may asks whether a member may do something to a case. Of what is not there
// and of what is not open it answers alike.
func (r *Registry) may(m access.Member, a access.Action, id string) bool {
	t, ok := r.thing(id)
	return ok && access.Decide(m, a, t)
}

// see is how much of each case a member may see: what every question to the
// index that leaves the program takes along.
func (r *Registry) see(m access.Member) index.See {
	day := r.Today()
	// Nearly all cases have rights that are plain, and have them together: what is
	// decided of one of them is decided of all. A question asks of each case.
	together := map[*caseRights]index.Sight{}
	var mu sync.Mutex
	return func(id string) index.Sight {
		r.rights.mu.RLock()
		c := r.rights.cases[id]
		if c == nil {
			r.rights.mu.RUnlock()
			return index.Nothing
		}
		if _, plain := c.plain(); !plain {
			t := r.rights.thing(id, day)
			r.rights.mu.RUnlock()
			return sight(m, t)
		}
		r.rights.mu.RUnlock()
		mu.Lock()
		defer mu.Unlock()
		s, ok := together[c]
		if !ok {
			r.rights.mu.RLock()
			counts := r.rights.counts[c.Org]
			r.rights.mu.RUnlock()
			s = sight(m, access.Thing{Org: c.Org, Counts: counts, Restricted: c.Restricted, Day: day})
			together[c] = s
		}
		return s
	}
}

func sight(m access.Member, t access.Thing) index.Sight {
	if t.Part = access.Identity; access.Decide(m, access.ReadCase, t) {
		return index.All
	}
	if t.Part = access.Fact; access.Decide(m, access.ReadCase, t) {
		return index.Facts
	}
	return index.Nothing
}

// knows is which cases a member may know to be there. That organisations have
// cases, and how many, those know who count with them; a restricted case is
// known to those alone who may see it.
func (r *Registry) knows(m access.Member) index.See {
	see := r.see(m)
	return func(id string) index.Sight {
		if s := see(id); s != index.Nothing {
			return s
		}
		r.rights.mu.RLock()
		defer r.rights.mu.RUnlock()
		if c := r.rights.cases[id]; c != nil && !c.Restricted && r.rights.counts[c.Org] {
			return index.Facts
		}
		return index.Nothing
	}
}

// openRights reads what was kept of the rights and brings it up to the ledger.
func (r *Registry) openRights(ctx context.Context) error {
	r.rights = newRights()
	if err := r.keptRights(ctx); err != nil {
		r.opt.Log.Warn("what was kept of the grants can't be used and is made anew from the ledger", slog.Any("error", err))
		r.rights = newRights()
	}
	return r.readRights(ctx, r.rights)
}

// readRights takes into rights what the ledger has and they have not.
func (r *Registry) readRights(ctx context.Context, rs *rights) error {
	head := r.log.Head()
	from := rs.upTo()
	if from == head.Size {
		return nil
	}
	authors, err := r.authors()
	if err != nil {
		return err
	}
	var pending []index.Entry
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: authors}
	var closed []uint64
	take := func(size uint64) {
		rs.notOpened(closed)
		r.takeInto(rs, pending, size)
		pending, closed = pending[:0], closed[:0]
	}
	err = r.log.ScanOpen(ctx, from, head.Size, opener, func(e ledger.Entry, c ledger.Content, err error) error {
		if errors.Is(err, ledger.ErrNoKey) || c.IdentityMissing {
			closed = append(closed, e.Pos)
		}
		switch {
		case errors.Is(err, ledger.ErrNoKey): // erased, or never granted: it is open to nobody
			return nil
		case err == nil:
			err = r.mayBeBy(c)
		}
		if err != nil {
			return fmt.Errorf("entry %d can't be read: %w; 'kua verify' says more", e.Pos, err)
		}
		if c.Kind != kindAudit {
			r.latest.Store(max(r.latest.Load(), c.At.UnixMilli()))
		}
		if c.Kind == "case" || c.Kind == grantKind || c.Kind == revocationKind || c.Kind == kindErasure || c.Kind == factorKind || told(c.Kind) || forProgramsKind(c.Kind) || c.Kind == searchKind || c.Kind == packKind || onRoll(c.Kind) {
			next := opened(e, c)
			next.From = r.from(c.Author)
			pending = append(pending, next)
		}
		if len(pending) >= followed { // of a million cases not all at once
			take(e.Pos + 1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	take(head.Size)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.read = head
	return nil
}

// notOpened notes entries that were not opened whole.
func (rs *rights) notOpened(places []uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, pos := range places { // nearly always behind all others; some may have been noted before
		if at, noted := slices.BinarySearch(rs.closed, pos); !noted {
			rs.closed = slices.Insert(rs.closed, at, pos)
		}
	}
}

// checked is which entries an earlier run of the program has opened whole and
// found signed by their authors.
func (rs *rights) checked() ledger.Checked {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	closed := slices.Clone(rs.closed)
	return ledger.Checked{Size: rs.read.Size, Root: rs.read.Root, But: func(pos uint64) bool {
		_, found := slices.BinarySearch(closed, pos)
		return found
	}}
}

// rightsAnew makes the rights anew: keys of entries came that were not at hand
// before, or went. Until it is done the old ones hold. The caller holds
// r.appending, so that nothing is added meanwhile.
func (r *Registry) rightsAnew(ctx context.Context) error {
	next := newRights()
	if err := r.readRights(ctx, next); err != nil {
		return err
	}
	r.rights.mu.Lock()
	defer r.rights.mu.Unlock()
	r.rights.size, r.rights.cases, r.rights.same, r.rights.counts, r.rights.roll, r.rights.searches, r.rights.revoked, r.rights.closed, r.rights.read, r.rights.pack = next.size, next.cases, next.same, next.counts, next.roll, next.searches, next.revoked, next.closed, next.read, next.pack
	return nil
}

// keptRights reads the file, if there is one of this ledger.
func (r *Registry) keptRights(ctx context.Context) error {
	sealed, err := os.ReadFile(filepath.Join(r.dir, rightsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := r.node.OpenOwn(rightsLabel, sealed)
	if err != nil {
		return err
	}
	var kept keptRights
	if err := json.Unmarshal(text, &kept); err != nil {
		return err
	}
	if kept.Ledger != r.log.ID().String() || kept.Size > r.log.Head().Size {
		return errors.New("it is of another ledger")
	}
	root, err := r.log.RootAt(ctx, kept.Size)
	if err != nil {
		return err
	}
	if root.String() != kept.Root || kept.Cases == nil || kept.Counts == nil || kept.Roll == nil {
		return errors.New("it is of another ledger")
	}
	if err := r.rights.restore(kept.Cases); err != nil {
		return err
	}
	r.rights.size, r.rights.counts, r.rights.roll = kept.Size, kept.Counts, kept.Roll.clone()
	r.rights.searches, r.rights.closed, r.rights.pack = kept.Searches, kept.Closed, kept.Pack
	if kept.Revoked != nil {
		r.rights.revoked = kept.Revoked
	}
	r.rights.read = ledger.Head{Ledger: r.log.ID(), Size: kept.Size, Root: root}
	return nil
}

// keepRights writes the file. That it can't is no loss: it is made anew.
func (r *Registry) keepRights() {
	head := r.log.Head()
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	if r.beside || r.rights.size != head.Size {
		return
	}
	kept := keptRights{Ledger: r.log.ID().String(), Size: head.Size, Root: head.Root.String(), Counts: r.rights.counts, Roll: r.rights.roll, Searches: r.rights.searches, Revoked: r.rights.revoked, Closed: r.rights.closed, Pack: r.rights.pack}
	var text []byte
	var err error
	if kept.Cases, err = r.rights.keep(); err == nil {
		text, err = json.Marshal(kept)
	}
	if err == nil {
		var sealed []byte
		if sealed, err = r.node.SealOwn(rightsLabel, text); err == nil {
			err = r.writeKey(rightsFile, sealed)
		}
	}
	if err != nil {
		r.opt.Log.Info("the grants could not be kept: the next start reads them from the ledger", slog.Any("error", err))
	}
}
