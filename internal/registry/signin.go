// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
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
func (r *Registry) SignIn(ctx context.Context, in SignIn) (*access.Session, error) {
	device, known := r.devices.Known(in.Name, in.Device, r.now())
	end, err := r.enter(ctx, access.Try{Account: access.FoldName(in.Name), From: in.From, Known: device, Place: in.Place})
	if err != nil {
		return nil, err
	}
	defer end(true)
	s, err := r.signIn(in)
	if errors.Is(err, access.ErrSignIn) {
		end(false)
	}
	if err != nil {
		return nil, err
	}
	s.DeviceToken, s.NewDevice = r.devices.Token(s.Member.Name, device, r.now()), !known
	return s, nil
}

func (r *Registry) signIn(in SignIn) (*access.Session, error) {
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
		return nil, access.ErrSignIn
	}
	id, err := ledger.ParseID(found.ID)
	if err != nil {
		return nil, err
	}
	identity, err := r.openMember(memberFile(id), in.Passphrase)
	switch {
	case errors.Is(err, seal.ErrPassphrase), errors.Is(err, os.ErrNotExist):
		return nil, access.ErrSignIn
	case err != nil:
		return nil, err
	}
	keys, err := r.openVaults(identity)
	if err != nil {
		return nil, err
	}
	return r.sessions.Begin(*found, keys), nil
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
func (r *Registry) SignOut(s *access.Session) { r.sessions.End(s.Token()) }

// LockOwn ends all sessions of a member, wherever they are, and lets go of
// what their passphrase opened.
func (r *Registry) LockOwn(s *access.Session) { r.sessions.EndMember(s.Member.ID) }

// MayLock tells whether a member may lock the register for everybody.
func (r *Registry) MayLock(s *access.Session) error {
	if !access.Decide(s.Member, access.LockAll, access.Thing{}) {
		return ErrNotAllowed
	}
	return nil
}

// EndAll ends every session at once: what comes before Close where the
// register is locked.
func (r *Registry) EndAll() { r.sessions.EndAll() }

// Idle is how long no member who has signed in has asked for anything.
func (r *Registry) Idle() time.Duration { return r.sessions.Idle() }
