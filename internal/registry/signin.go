// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// SignIn is who wants in, and from where.
type SignIn struct {
	Name, Passphrase string
	From             string // the address it comes from, as the server itself sees it; never what a request says of itself
	Device           string // the token that the browser was given at an earlier sign-in
	Place            string // of the access.WaitError with which it was sent away before
}

// SignIn opens a session for the member of that name: access.ErrSignIn where
// the name or the passphrase is not right, access.ErrTooMany (an
// *access.WaitError, which says when to come back) where too many are waiting.
// An unknown name goes the same way as a wrong passphrase and costs as much.
// For a member with a second factor, or who must have one, it opens no session
// yet and answers an *access.StepError.
func (r *Registry) SignIn(ctx context.Context, in SignIn) (*access.Session, error) {
	device, known := r.devices.Known(in.Name, in.Device, r.now())
	end, err := r.enter(ctx, access.Try{Account: access.FoldName(in.Name), From: in.From, Known: device, Place: in.Place})
	if err != nil {
		return nil, err
	}
	defer end(true)
	member, keys, err := r.openKeys(in)
	if errors.Is(err, access.ErrSignIn) {
		end(false)
		r.signInFailed(ctx, member.ID)
	}
	if err != nil {
		return nil, err
	}
	if step := r.nextStep(member.ID); step != "" {
		return nil, &access.StepError{Half: r.sessions.Halves.Begin(member, keys, step, device)}
	}
	s := r.sessions.Begin(member, keys)
	s.DeviceToken, s.NewDevice = r.devices.Token(s.Member.Name, device, r.now()), !known
	r.signedIn(ctx, s, "page", r.auditDevice(s), true)
	return s, nil
}

// openKeys opens what the passphrase of a member opens. Where it is not right
// it answers whose account it was tried on, if there is one.
func (r *Registry) openKeys(in SignIn) (access.Member, *access.Keys, error) {
	members := r.members()
	var found *access.Member
	for i := range members {
		if access.FoldName(in.Name) == access.FoldName(members[i].Name) {
			found = &members[i]
		}
	}
	if found == nil {
		// As much work as for a member, on a key file that nobody has.
		if locked, err := r.readLocked(nodeKeyFile); err == nil {
			_, _ = locked.OpenPassphrase(in.Passphrase, r.opt.Least)
		}
		return access.Member{}, nil, access.ErrSignIn
	}
	id, err := ledger.ParseID(found.ID)
	if err != nil {
		return access.Member{}, nil, err
	}
	identity, err := r.openMember(memberFile(id), in.Passphrase)
	switch {
	case errors.Is(err, seal.ErrPassphrase), errors.Is(err, os.ErrNotExist):
		return *found, nil, access.ErrSignIn
	case err != nil:
		return *found, nil, err
	}
	keys, err := r.openVaults(identity)
	if err != nil {
		return *found, nil, err
	}
	r.openToRecovery(keys)
	return *found, keys, nil
}

// auditDevice is what the audit calls the device of a session: the same at each
// sign-in from it, and of no use to anybody who would pass for it.
func (r *Registry) auditDevice(s *access.Session) string {
	device, _ := r.devices.Known(s.Member.Name, s.DeviceToken, r.now())
	sum := sha256.Sum256([]byte("kua/audit/device/v1\x00" + device))
	return hex.EncodeToString(sum[:8])
}

// signInFailed writes down that a sign-in failed, by the account it was tried
// on, if there is one, and never by what was typed.
func (r *Registry) signInFailed(ctx context.Context, member string) {
	if n, write := r.crowd(actSignInFailed + member); write {
		_ = r.audit(ctx, &line{act: actSignInFailed, what: "page", member: member, n: n, owed: true})
	}
}

// Session finds the session of a token.
func (r *Registry) Session(token string) (*access.Session, bool) {
	s, ok := r.sessions.Get(token)
	if ok {
		r.mend()
	}
	return s, ok
}

// SignOut ends a session.
func (r *Registry) SignOut(s *access.Session) {
	by := s.Keys.Identity
	r.sessions.End(s.Token())
	_ = r.audit(context.Background(), &line{act: actSignOut, what: "page", by: by, owed: true}) // written later if not now
}

// LockOwn ends all sessions of a member, wherever they are, and lets go of
// what their passphrase opened.
func (r *Registry) LockOwn(s *access.Session) {
	by := s.Keys.Identity
	r.sessions.EndMember(s.Member.ID)
	_ = r.audit(context.Background(), &line{act: actSessionEnded, what: "page", by: by, owed: true}) // written later if not now
}

// MayLock tells whether a member may lock the register for everybody.
func (r *Registry) MayLock(s *access.Session) error {
	if !access.Decide(s.Member, access.LockAll, access.Thing{}) {
		return ErrNotAllowed
	}
	return nil
}

// LocksAll is asked before a member locks the register for everybody. That it
// was them is written when it is closed.
func (r *Registry) LocksAll(s *access.Session) error {
	if err := r.MayLock(s); err != nil {
		return err
	}
	r.owe(&line{act: actLock, what: "page", by: s.Keys.Identity, owed: true})
	return nil
}

// EndAll ends every session at once: what comes before Close where the
// register is locked.
func (r *Registry) EndAll() {
	r.sessions.EndAll()
	r.apiKeys.endAll()
	if !r.owes(actLock) { // not by a member: by kua lock, or because nobody was there
		r.owe(&line{act: actLock, owed: true})
	}
}

// Idle is how long no member who has signed in has asked for anything.
func (r *Registry) Idle() time.Duration { return r.sessions.Idle() }
