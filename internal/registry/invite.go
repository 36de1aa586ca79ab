// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
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

// InvitationLasts is how long a link can be accepted.
const InvitationLasts = 72 * time.Hour

// maxInvitations bounds how many may wait at once: each takes slots in key files.
const maxInvitations = 100

var (
	// ErrInvitation says that a link opens nothing, and not why.
	ErrInvitation = errors.New("this invitation can't be used: it was used already, taken back, or ended; ask for a new one")
	// ErrTooManyInvitations says that too many wait.
	ErrTooManyInvitations = errors.New("too many invitations wait to be accepted: take some back first")
	// ErrNotStarted says that a code can't start a register.
	ErrNotStarted = errors.New("this invitation does not start the register: open its link while the register is served, or let somebody who may start it accept it with you, with their --passphrase-file")
)

// NewInvitation is who is asked to join, as what.
type NewInvitation struct {
	Name, Lang string
	Orgs       []string // ids
	Roles      []access.Role
	Starts     bool // may start the register: opens the node, and with it all that the node holds
}

// codeWork is what an invitation's code is stretched with: it has 130 bits of
// chance, which need no stretching.
var codeWork = seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}

func inviteFile(id ledger.ID) string {
	return filepath.Join(keysDir, "invite-"+id.String()+".key")
}

func (v *InvitationView) fields() casefile.Fields {
	f := casefile.Fields{
		"name": {v.Name}, "lang": {v.Lang}, "org": v.Orgs, "starts": {yesNo(v.Starts)},
		"ends": {v.Ends.UTC().Format(time.RFC3339)}, "sign_key": {hex.EncodeToString(v.SignKey)},
	}
	for _, role := range v.Roles {
		f["roles"] = append(f["roles"], string(role))
	}
	return f
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// Invite makes an invitation and answers its code, which nothing keeps. The
// inviter lends what the new member will be able to open to an identity that
// only the code opens: so accepting needs nobody else to be there.
func (r *Registry) Invite(ctx context.Context, s *access.Session, n NewInvitation) (_ access.Code, _ InvitationView, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	fail := func(err error) (access.Code, InvitationView, error) { return access.Code{}, InvitationView{}, err }
	if err := r.mayLookAfter(s); err != nil {
		return fail(err)
	}
	if r.beside {
		return fail(ledger.ErrLocked)
	}
	name, err := memberName(n.Name)
	if err != nil {
		return fail(err)
	}
	if err := r.knownRoles(n.Roles); err != nil {
		return fail(err)
	}
	if err := r.knownLanguage(n.Lang); err != nil {
		return fail(err)
	}
	if !mayGive(s.Member, "", n.Roles) {
		return fail(ErrGive)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro, now := r.roll(), r.now()
	for _, org := range n.Orgs {
		if !ro.mayOpen(s.Member, org, now) {
			return fail(ErrGive)
		}
	}
	if ro.nameTaken(name, "", now) {
		return fail(ErrNameTaken)
	}
	waiting := 0
	for _, v := range ro.Invitations {
		if v.Open(now) {
			waiting++
		}
	}
	if waiting >= maxInvitations {
		return fail(ErrTooManyInvitations)
	}
	code := access.NewCode()
	id := ledger.ID(code.Name())
	identity, err := seal.NewIdentity()
	if err != nil {
		return fail(err)
	}
	v := InvitationView{
		ID: id.String(), Name: name, Lang: n.Lang, Orgs: n.Orgs, Roles: n.Roles, Starts: n.Starts,
		By: s.Member.ID, Ends: now.Add(InvitationLasts).UTC().Truncate(time.Second), SignKey: identity.Public().Signing(),
	}
	locked, err := seal.LockPassphrase(identity, "invitation", code.Secret(), codeWork)
	if err != nil {
		return fail(err)
	}
	// The file first: by it the next sweep knows what an interrupted invitation opened.
	err = r.writeLocked(inviteFile(id), locked)
	if err == nil {
		err = r.lend(ro, s, identity.Public(), n)
	}
	if err == nil {
		err = r.write(ctx, s, []act{{stream: v.ID, puts: []Put{{Record: v.ID, Kind: invitationKind, Fields: v.fields()}}, source: "invited"}})
	}
	if err != nil && r.roll().invitation(v.ID) == nil { // it stands in the ledger otherwise, and the index follows later
		return fail(errors.Join(err, r.sweep(false)))
	}
	return code, v, nil
}

// lend opens to an invitation what its member will be able to open. An
// organisation that has nobody yet gets its keys now, and they are open to the
// invitation alone: not to whoever founded it.
func (r *Registry) lend(ro *roll, s *access.Session, to seal.Public, n NewInvitation) error {
	var own []string
	for _, org := range n.Orgs {
		if slices.Contains(s.Member.Orgs, org) {
			own = append(own, org)
		} else if ro.org(org).Settled {
			return ErrGive
		} else if _, err := r.makeVault(to, org); err != nil {
			return err
		}
	}
	return r.addSlots(s.Keys.Identity, to, own, n.Starts)
}

// Invited is an invitation as those see it who are invited.
type Invited struct {
	InvitationView
	Inviter       string // their name
	Organisations []string
}

// Invitation answers what a code invites to: ErrInvitation where it opens nothing.
func (r *Registry) Invitation(_ context.Context, code access.Code) (Invited, error) {
	v, err := r.invited(code)
	if err != nil {
		return Invited{}, err
	}
	ro := r.roll()
	in := Invited{InvitationView: v}
	if m := ro.member(v.By); m != nil {
		in.Inviter = m.Name
	}
	for _, id := range v.Orgs {
		if o := ro.org(id); o != nil {
			in.Organisations = append(in.Organisations, o.Name)
		}
	}
	return in, nil
}

// NewPassphrase makes a passphrase for somebody to choose. Nothing keeps it.
func (r *Registry) NewPassphrase() (string, error) { return seal.NewPassphrase() }

// invited is the invitation that a code accepts.
func (r *Registry) invited(code access.Code) (InvitationView, error) {
	v := r.roll().invitation(ledger.ID(code.Name()).String())
	if v == nil || !v.Open(r.now()) {
		return InvitationView{}, ErrInvitation
	}
	return *v, nil
}

// openInvitation opens the identity that the code of an invitation opens.
func (r *Registry) openInvitation(code access.Code) (*seal.Identity, error) {
	locked, err := r.readLocked(inviteFile(code.Name()))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrInvitation
	}
	if err != nil {
		return nil, err
	}
	if locked.Purpose() != "invitation" {
		return nil, ErrInvitation
	}
	opened, err := locked.OpenPassphrase(code.Secret(), codeWork)
	if errors.Is(err, seal.ErrPassphrase) {
		return nil, ErrInvitation
	}
	if err != nil {
		return nil, err
	}
	return opened.Identity, nil
}

// Acceptance is what a new member chooses.
type Acceptance struct {
	Lang       string // empty: as invited
	Passphrase string // empty: one is made
}

// Accept makes the member that a code invites: their identity, their key file,
// and their record, which they sign themself and which the invitation vouches
// for. It answers the passphrase where it made one; nothing keeps it.
func (r *Registry) Accept(ctx context.Context, code access.Code, a Acceptance) (access.Member, string, error) {
	fail := func(err error) (access.Member, string, error) { return access.Member{}, "", err }
	if r.beside {
		return fail(ledger.ErrLocked)
	}
	v, err := r.invited(code)
	if err != nil {
		return fail(err)
	}
	var made string
	if a.Passphrase, made, err = ownOrMade(a.Passphrase, r.ownWords(ctx, v.Name, v.Orgs)); err != nil {
		return fail(err)
	}
	if a.Lang != "" {
		if err := r.knownLanguage(a.Lang); err != nil {
			return fail(err)
		}
		v.Lang = a.Lang
	}
	invitation, err := r.openInvitation(code)
	if err != nil {
		return fail(err)
	}
	identity, err := seal.NewIdentity()
	if err != nil {
		return fail(err)
	}
	end, err := r.enter(ctx, access.Try{Known: "invitation " + v.ID})
	if err != nil {
		return fail(err)
	}
	file, err := seal.LockPassphrase(identity, "member", a.Passphrase, r.opt.Stretch)
	end(true)
	if err != nil {
		return fail(err)
	}

	r.writing.Lock()
	defer r.writing.Unlock()
	if _, err := r.invited(code); err != nil { // somebody else may have been quicker
		return fail(err)
	}
	id := ledger.ID(identity.ID())
	m := MemberView{
		Member:  access.Member{ID: id.String(), Name: v.Name, Lang: v.Lang, Orgs: v.Orgs, Roles: v.Roles},
		SignKey: identity.Public().Signing(),
	}
	// What is left here by a failure goes at the next opening, when the ledger
	// says for certain whether there is such a member: their file holds the key
	// that their entries are checked by.
	if err := r.writeLocked(memberFile(id), file); err != nil {
		return fail(err)
	}
	if err := r.addSlots(invitation, identity.Public(), v.Orgs, v.Starts); err != nil {
		return fail(err)
	}
	fields := m.fields()
	fields["invitation"] = []string{v.ID}
	fields["proof"] = []string{hex.EncodeToString(invitation.Sign(acceptText(r.log.ID(), v.ID, m.SignKey)))}
	author := &access.Session{Member: m.Member, Keys: &access.Keys{Identity: identity, Vaults: map[string]*seal.Vault{}}}
	err = r.write(ctx, author, []act{{stream: m.ID, puts: []Put{{Record: m.ID, Kind: memberKind, Fields: fields}}, source: "accepted an invitation"}})
	if err != nil && r.roll().member(m.ID) == nil { // they stand in the ledger otherwise, and the index follows later
		return fail(err)
	}
	if err := r.sweep(false); err != nil { // done all the same: the next opening takes the invitation away
		r.opt.Log.Error("an invitation that was accepted could not be taken away", slog.Any("error", err))
	}
	return m.Member, made, nil
}

// ownWords are what a member's own passphrase must not lean on: their name
// and the names of their organisations.
func (r *Registry) ownWords(ctx context.Context, name string, orgs []string) []string {
	words := strings.Fields(name)
	for _, id := range orgs {
		if org, ok := r.Organisation(ctx, id); ok {
			words = append(words, strings.Fields(org.Name)...)
		}
	}
	return words
}

// acceptText is what an invitation signs for the member it makes.
func acceptText(log ledger.ID, invitation string, signKey []byte) []byte {
	b := append([]byte("kua/accept/v1\x00"), log[:]...)
	b = append(b, invitation...)
	return append(b, signKey...)
}

// OpenInvited opens a register by the code of an invitation that may start it,
// so that it can be accepted at a desk where nobody is signed in. Nobody is signed
// in by it either: what a backup brought back is shown to nobody, and erased
// again by whoever opens the register next.
func OpenInvited(ctx context.Context, dir string, code access.Code, opt Options) (*Registry, error) {
	opt = opt.orStandard()
	if err := isRegister(dir); err != nil {
		return nil, err
	}
	r, err := prepare(dir, opt)
	if err != nil {
		return nil, err
	}
	invitation, err := r.openInvitation(code)
	if err != nil {
		return nil, err
	}
	if err := r.openNode(invitation); errors.Is(err, errMayNotStart) {
		return nil, ErrNotStarted
	} else if err != nil {
		return nil, err
	}
	if err := r.openLedger(ctx, false); err != nil {
		return nil, r.whyNot(err)
	}
	if _, err := r.invited(code); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}
