// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// SignIn opens a session for the member of that name: access.ErrSignIn where
// the name or the passphrase is not right, access.ErrTooMany where too many
// are waiting. An unknown name costs as much as a wrong passphrase.
func (r *Registry) SignIn(ctx context.Context, name, passphrase string) (*access.Session, error) {
	leave, err := r.stretching(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	members := r.members()
	var found *access.Member
	for i := range members {
		if strings.EqualFold(strings.TrimSpace(name), members[i].Name) {
			found = &members[i]
		}
	}
	if found == nil {
		// As much work as for a member, on a key file that nobody has.
		if locked, err := r.readLocked(nodeKeyFile); err == nil {
			_, _ = locked.OpenPassphrase(passphrase, r.opt.Least)
		}
		return nil, access.ErrSignIn
	}
	id, err := ledger.ParseID(found.ID)
	if err != nil {
		return nil, err
	}
	identity, err := r.openMember(memberFile(id), passphrase)
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

// stretching waits for the one passphrase that may be stretched at a time.
func (r *Registry) stretching(ctx context.Context) (leave func(), err error) {
	select {
	case r.waiting <- struct{}{}:
	default:
		return nil, access.ErrTooMany
	}
	select {
	case r.signing <- struct{}{}:
		return func() { <-r.signing; <-r.waiting }, nil
	case <-ctx.Done():
		<-r.waiting
		return nil, ctx.Err()
	}
}

// Session finds the session of a token.
func (r *Registry) Session(token string) (*access.Session, bool) { return r.sessions.Get(token) }

// SignOut ends a session.
func (r *Registry) SignOut(s *access.Session) { r.sessions.End(s.Token()) }

// Lock ends every session.
func (r *Registry) Lock() { r.sessions.EndAll() }
