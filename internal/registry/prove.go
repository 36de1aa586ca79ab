// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"os"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Prove takes the passphrase of the member of a session once more, so that for
// access.ProofLimit dangerous acts are theirs: access.ErrSignIn where it is
// not right, access.ErrTooMany where too many are waiting. It costs what a
// sign-in costs and waits in the same line. Whoever fails access.MostWrongProofs times
// in a row is taken for somebody who has found the screen open: the session ends.
func (r *Registry) Prove(ctx context.Context, s *access.Session, passphrase string) (err error) {
	defer r.did(ctx, s, "", "", &err)
	id, err := ledger.ParseID(s.Member.ID)
	if err != nil {
		return err
	}
	end, err := r.enterAgain(ctx, s)
	if err != nil {
		return err
	}
	defer end(true)
	_, err = r.openMember(memberFile(id), passphrase)
	switch {
	case errors.Is(err, seal.ErrPassphrase), errors.Is(err, os.ErrNotExist):
		end(false)
		r.sessions.Doubt(s)
		return access.ErrSignIn
	case err != nil:
		return err
	}
	r.sessions.Prove(s)
	return nil
}
