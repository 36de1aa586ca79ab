// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What somebody who looks after members can be told.
var (
	// ErrProof says that a dangerous act needs the passphrase once more.
	ErrProof = errors.New("give your passphrase once more: this act asks for it if you last gave it more than five minutes ago")
	// ErrGive says that a member would give what is not theirs to give.
	ErrGive = errors.New("nobody gives what they don't have: a coordinator is made by a coordinator, and an organisation is opened by one of its own members")
	// ErrLastOne says that nobody would be left who can do something.
	ErrLastOne = errors.New("nobody else could administer the register, start it, or open an organisation's cases: ask another member in first")
	// ErrNameTaken says that a name is another member's, or promised to one.
	ErrNameTaken = errors.New("a member, or an invitation, has this name already: choose another")
	// ErrName says that a name can't be a member's.
	ErrName = errors.New("a name has 1 to 80 letters")
	// ErrRole says that a role is missing or unknown.
	ErrRole = errors.New("give at least one role, from the list of roles")
)

// MemberView is a member as the ledger has them.
type MemberView struct {
	access.Member
	Since        time.Time
	Left         bool // may do nothing any more; their entries stay signed by them
	SecondFactor bool // not let in without a one-time code
	signKey      ed25519.PublicKey
}

// InvitationView is an invitation as the ledger has it.
type InvitationView struct {
	ID, Name, Lang string
	Orgs           []string
	Roles          []access.Role
	Starts         bool   // the member will be able to start the register
	By             string // id of the member who invites
	Ends           time.Time
	TakenBack      bool
	Member         string // id of who accepted it
	signKey        ed25519.PublicKey
}

// Open tells whether the invitation can still be accepted at a moment.
func (v *InvitationView) Open(at time.Time) bool {
	return v.Member == "" && !v.TakenBack && !at.After(v.Ends)
}

// roll is who belongs to the register, by what the ledger says and who said it.
type roll struct {
	members     []*MemberView // in the order they came
	invitations []*InvitationView
}

func (ro *roll) member(id string) *MemberView {
	for _, m := range ro.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

func (ro *roll) invitation(id string) *InvitationView {
	for _, v := range ro.invitations {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// administers tells whether somebody is an administrator who has not left.
func (m *MemberView) administers() bool { return m != nil && !m.Left && m.Is(access.Administrator) }

// nameTaken tells whether a name is in use or promised.
func (ro *roll) nameTaken(name string, now time.Time) bool {
	same := func(other string) bool { return strings.EqualFold(name, other) }
	return slices.ContainsFunc(ro.members, func(m *MemberView) bool { return !m.Left && same(m.Name) }) ||
		slices.ContainsFunc(ro.invitations, func(v *InvitationView) bool { return v.Open(now) && same(v.Name) })
}

// roll reads who belongs to the register. It does not take a record's word for
// it: each change counts only if its author was entitled to make it when they
// made it. So nobody makes themself a coordinator by writing that they are one,
// neither here nor on a node that this one will some day exchange entries with.
func (r *Registry) roll(ctx context.Context) (*roll, error) {
	type change struct {
		casefile.Change
		kind, id string
	}
	var changes []change
	for _, kind := range []string{"member", "invitation", "organisation"} {
		records, err := r.index.Outside(ctx, kind, allKnown)
		if err != nil {
			return nil, err
		}
		for _, rec := range records {
			for _, c := range rec.History {
				changes = append(changes, change{c, kind, rec.ID})
			}
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.Pos, b.Pos) })
	ro := &roll{}
	founded := map[string]string{} // who added an organisation
	for _, c := range changes {
		if c.Op != casefile.Put {
			continue
		}
		switch c.kind {
		case "organisation":
			if _, known := founded[c.id]; !known {
				founded[c.id] = c.Author
			}
		case "invitation":
			ro.putInvitation(c.id, c.Change)
		case "member":
			if !ro.putMember(c.id, c.Change, r.log.ID(), founded) {
				r.opt.Log.Warn("a member's record was written by somebody who may not and does not count", slog.Uint64("entry", c.Pos))
			}
		}
	}
	return ro, nil
}

func (ro *roll) putInvitation(id string, c casefile.Change) {
	if !ro.member(c.Author).administers() {
		return
	}
	old := ro.invitation(id)
	if old == nil {
		old = &InvitationView{ID: id, By: c.Author}
		ro.invitations = append(ro.invitations, old)
	} else if old.Member != "" {
		return
	}
	old.Name, old.Lang, old.Orgs, old.Roles = first(c.Fields["name"]), first(c.Fields["lang"]), c.Fields["org"], rolesOf(c.Fields)
	old.Starts, old.TakenBack = first(c.Fields["starts"]) == "yes", first(c.Fields["taken_back"]) == "yes"
	old.Ends, _ = time.Parse(time.RFC3339, first(c.Fields["ends"])) // what can't be read has ended
	old.signKey, _ = hex.DecodeString(first(c.Fields["sign_key"]))
}

// putMember takes a change of a member's record in, and answers false where
// its author was not entitled to it.
func (ro *roll) putMember(id string, c casefile.Change, log ledger.ID, founded map[string]string) bool {
	key, err := hex.DecodeString(first(c.Fields["sign_key"]))
	if err != nil || len(key) != ed25519.PublicKeySize || ledger.ID(seal.IDOf(key)).String() != id {
		return false
	}
	next := MemberView{
		Member: access.Member{ID: id, Name: first(c.Fields["name"]), Lang: first(c.Fields["lang"]), Orgs: c.Fields["org"], Roles: rolesOf(c.Fields)},
		Since:  c.At, Left: len(c.Fields["left"]) > 0, SecondFactor: first(c.Fields["second_factor"]) == "yes", signKey: key,
	}
	old, author := ro.member(id), ro.member(c.Author)
	own := c.Author == id
	switch {
	case len(ro.members) == 0: // whoever made the register
		if !own {
			return false
		}
	case old == nil:
		v := ro.invitation(first(c.Fields["invitation"]))
		proof, err := hex.DecodeString(first(c.Fields["proof"]))
		if !own || v == nil || err != nil || !v.Open(c.At) || len(v.signKey) != ed25519.PublicKeySize ||
			!ed25519.Verify(v.signKey, acceptText(log, v.ID, key), proof) ||
			!sameSet(v.Orgs, next.Orgs) || !sameSet(v.Roles, next.Roles) || next.Left {
			return false
		}
		v.Member = id
	case author == nil || author.Left:
		return false
	case author.administers():
		given := func(org string) bool {
			return slices.Contains(old.Orgs, org) || slices.Contains(author.Orgs, org) || founded[org] == author.ID
		}
		for _, org := range next.Orgs {
			if !given(org) {
				return false
			}
		}
		if !mayGive(author.Member, slices.DeleteFunc(slices.Clone(next.Roles), func(role access.Role) bool { return slices.Contains(old.Roles, role) })) {
			return false
		}
	case !own, !sameSet(old.Orgs, next.Orgs), !sameSet(old.Roles, next.Roles), old.Left != next.Left:
		return false
	}
	if old == nil {
		ro.members = append(ro.members, &next)
		return true
	}
	next.Since = old.Since
	*old = next
	return true
}

// mayGive tells whether a member may give others these roles. What opens all
// cases is given only by somebody to whom they are open: an administrator has
// no case content by office, and gets none by asking a friend in.
func mayGive(giver access.Member, roles []access.Role) bool {
	return giver.Is(access.Administrator) && (!slices.Contains(roles, access.Coordinator) || giver.Is(access.Coordinator))
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

// fields is the record of a member.
func (m *MemberView) fields() casefile.Fields {
	f := casefile.Fields{"name": {m.Name}, "lang": {m.Lang}, "org": m.Orgs, "sign_key": {hex.EncodeToString(m.signKey)}}
	for _, role := range m.Roles {
		f["roles"] = append(f["roles"], string(role))
	}
	if m.SecondFactor {
		f["second_factor"] = []string{"yes"}
	}
	return f
}

// Members are the members, those who left too, and the invitations that can
// still be accepted.
func (r *Registry) Members(ctx context.Context, s *access.Session) ([]MemberView, []InvitationView, error) {
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return nil, nil, ErrNotAllowed
	}
	ro, err := r.roll(ctx)
	if err != nil {
		return nil, nil, err
	}
	var members []MemberView
	for _, m := range ro.members {
		members = append(members, *m)
	}
	var open []InvitationView
	for _, v := range ro.invitations {
		if v.Open(r.now()) {
			open = append(open, *v)
		}
	}
	return members, open, nil
}

// mayLookAfter tells whether the session may do what changes members now.
func (r *Registry) mayLookAfter(s *access.Session) error {
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	return nil
}

// SetRoles gives a member other roles. Their sessions end: the next one has the new roles.
func (r *Registry) SetRoles(ctx context.Context, s *access.Session, id string, roles []access.Role) error {
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if err := r.knownRoles(roles); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro, err := r.roll(ctx)
	if err != nil {
		return err
	}
	m := ro.member(id)
	if m == nil || m.Left {
		return ErrNotFound
	}
	// Not what they have already: that was given by somebody who might.
	if !mayGive(s.Member, slices.DeleteFunc(slices.Clone(roles), func(role access.Role) bool { return m.Is(role) })) {
		return ErrGive
	}
	next := *m
	next.Roles = roles
	if m.administers() && !next.administers() && !ro.anotherAdministers(id) {
		return ErrLastOne
	}
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: "member", Fields: next.fields()}}, source: "roles"}}); err != nil {
		return err
	}
	r.sessions.EndMember(id)
	return nil
}

func (ro *roll) anotherAdministers(than string) bool {
	return slices.ContainsFunc(ro.members, func(m *MemberView) bool { return m.ID != than && m.administers() })
}

func (r *Registry) knownRoles(roles []access.Role) error {
	list, ok := r.book.List("member_role")
	if !ok || len(roles) == 0 {
		return ErrRole
	}
	for _, role := range roles {
		if _, ok := list.Code(string(role)); !ok {
			return ErrRole
		}
	}
	return nil
}

// EndMember ends a member: their sessions at once, and the slots that open
// the node's and the organisations' key files to them. What they once opened
// and kept a copy of is not taken back by this: new epochs of the keys do that.
func (r *Registry) EndMember(ctx context.Context, s *access.Session, id string) error {
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro, err := r.roll(ctx)
	if err != nil {
		return err
	}
	m := ro.member(id)
	if m == nil || m.Left {
		return ErrNotFound
	}
	if m.administers() && !ro.anotherAdministers(id) {
		return ErrLastOne
	}
	lost, err := ledger.ParseID(id)
	if err != nil {
		return err
	}
	if err := r.othersCanOpen(ro, lost); err != nil {
		return err
	}
	if ro.members[0].ID == id { // the passphrase that made the register opens the node by itself
		if err := r.forgetNodePassphrase(s); err != nil {
			return err
		}
	}
	fields := m.fields()
	fields["left"] = []string{r.Today().String()}
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: "member", Fields: fields}}, source: "ended"}}); err != nil {
		return err
	}
	r.sessions.EndMember(id)
	return r.dropSlots(lost)
}

// TakeBack ends an invitation before it is accepted.
func (r *Registry) TakeBack(ctx context.Context, s *access.Session, id string) error {
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro, err := r.roll(ctx)
	if err != nil {
		return err
	}
	v := ro.invitation(id)
	if v == nil || !v.Open(r.now()) {
		return ErrNotFound
	}
	fields := v.fields()
	fields["taken_back"] = []string{"yes"}
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: "invitation", Fields: fields}}, source: "taken back"}}); err != nil {
		return err
	}
	return r.closeInvitation(v)
}

// keyFiles are the key files that are opened by slots.
func (r *Registry) keyFiles() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(r.dir, keysDir, "org-*.key"))
	if err != nil {
		return nil, err
	}
	names := []string{nodeKeyFile}
	for _, f := range files {
		names = append(names, filepath.Join(keysDir, filepath.Base(f)))
	}
	return names, nil
}

// othersCanOpen refuses to leave a key file that no member could open.
func (r *Registry) othersCanOpen(ro *roll, without ledger.ID) error {
	files, err := r.keyFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		locked, err := r.readLocked(file)
		if err != nil {
			return err
		}
		ids := locked.Identities()
		if !slices.Contains(ids, [16]byte(without)) {
			continue
		}
		if !slices.ContainsFunc(ids, func(id [16]byte) bool {
			m := ro.member(ledger.ID(id).String())
			return ledger.ID(id) != without && m != nil && !m.Left
		}) {
			return ErrLastOne
		}
	}
	return nil
}

// forgetNodePassphrase puts a passphrase that nobody knows in the place of the
// one the register was made with. The slot itself stays: a sign-in under a
// name that nobody has costs a stretch on it.
func (r *Registry) forgetNodePassphrase(s *access.Session) error {
	locked, err := r.readLocked(nodeKeyFile)
	if err != nil {
		return err
	}
	opened, err := locked.OpenIdentity(s.Keys.Identity)
	if errors.Is(err, seal.ErrNotSealedToYou) {
		return errors.New("this member made the register and their passphrase starts it: somebody who may start it, too, must end them")
	}
	if err != nil {
		return err
	}
	nobodys, err := seal.NewPassphrase()
	if err != nil {
		return err
	}
	if err := locked.SetPassphrase(opened, nobodys, r.opt.Stretch); err != nil {
		return err
	}
	return r.writeLocked(nodeKeyFile, locked)
}

// dropSlots takes an identity's slots out of all key files.
func (r *Registry) dropSlots(id ledger.ID) error {
	files, err := r.keyFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		locked, err := r.readLocked(file)
		if err != nil {
			return err
		}
		if !slices.Contains(locked.Identities(), [16]byte(id)) {
			continue
		}
		locked.RemoveIdentity(id)
		if err := r.writeLocked(file, locked); err != nil {
			return err
		}
	}
	return nil
}

// addSlots opens the key files of organisations, and of the node where starts
// says so, to another identity. by must be able to open them.
func (r *Registry) addSlots(by *seal.Identity, to seal.Public, orgs []string, starts bool) error {
	changed := map[string]*seal.Locked{}
	files := make([]string, 0, len(orgs)+1)
	for _, org := range orgs {
		files = append(files, orgFile(org, ".key"))
	}
	if starts {
		files = append(files, nodeKeyFile)
	}
	for _, file := range files {
		locked, err := r.readLocked(file)
		if errors.Is(err, os.ErrNotExist) {
			return ErrGive
		}
		if err != nil {
			return err
		}
		opened, err := locked.OpenIdentity(by)
		if errors.Is(err, seal.ErrNotSealedToYou) {
			return ErrGive
		}
		if err != nil {
			return err
		}
		if err := locked.AddIdentity(opened, to); err != nil {
			return err
		}
		changed[file] = locked
	}
	for _, file := range slices.Sorted(maps.Keys(changed)) {
		if err := r.writeLocked(file, changed[file]); err != nil {
			return err
		}
	}
	return nil
}

// sweep takes away what an interrupted ending or acceptance left, and what
// invitations that are over still open. The ledger says what is over.
func (r *Registry) sweep(ctx context.Context) error {
	ro, err := r.roll(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range ro.members {
		if m.Left {
			errs = append(errs, r.dropSlots(ledger.ID(seal.IDOf(m.signKey))))
		}
	}
	for _, v := range ro.invitations {
		if !v.Open(r.now()) {
			errs = append(errs, r.closeInvitation(v))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("keys that are over could not be taken away: %w", err)
	}
	return nil
}
