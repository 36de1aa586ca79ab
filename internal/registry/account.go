// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What a member does to their own account.

// OwnSessions are the open sessions of a member, the oldest first.
func (r *Registry) OwnSessions(s *access.Session) []access.SessionView { return r.sessions.Own(s) }

// NameDevice keeps what the browser of a session calls itself, so that its
// member knows it again among their sessions.
func (r *Registry) NameDevice(s *access.Session, device string) { r.sessions.SetDevice(s, device) }

// EndSession ends one of a member's own sessions: ErrNotFound where they have none such.
func (r *Registry) EndSession(s *access.Session, id string) error {
	if !r.sessions.EndOwn(s, id) {
		return ErrNotFound
	}
	_ = r.audit(context.Background(), &line{act: actSessionEnded, by: s.Keys.Identity, owed: true}) // written later if not now
	return nil
}

// EndOthers ends all of a member's own sessions but the one that asks, and
// answers how many there were.
func (r *Registry) EndOthers(s *access.Session) int {
	n := r.sessions.EndOthers(s)
	if n > 0 {
		_ = r.audit(context.Background(), &line{act: actSessionEnded, by: s.Keys.Identity, n: n, owed: true}) // written later if not now
	}
	return n
}

// ChangePassphrase puts another passphrase in the place of a member's own. The
// old one is needed: access.ErrSignIn where it is not right. Empty, the new
// one is made and answered; nothing keeps it. One of the member's own is
// checked, and refused with an *access.WeakError.
//
// The member's other sessions end. A copy of the key file made earlier, as in
// a backup, still opens with the old passphrase.
func (r *Registry) ChangePassphrase(ctx context.Context, s *access.Session, old, next string) (made string, err error) {
	defer r.did(ctx, s, actPassphrase, "", &err)
	if r.beside {
		return "", ledger.ErrLocked
	}
	id, err := ledger.ParseID(s.Member.ID)
	if err != nil {
		return "", err
	}
	if next, made, err = ownOrMade(next, r.ownWords(ctx, s.Member.Name, s.Member.Orgs)); err != nil {
		return "", err
	}
	end, err := r.enterAgain(ctx, s)
	if err != nil {
		return "", err
	}
	defer end(true)
	r.writing.Lock()
	defer r.writing.Unlock()
	locked, opened, err := r.unlockMember(memberFile(id), old)
	switch {
	case errors.Is(err, seal.ErrPassphrase), errors.Is(err, os.ErrNotExist):
		end(false)
		r.sessions.Doubt(s)
		return "", access.ErrSignIn
	case err != nil:
		return "", err
	}
	// The passphrase that made the register has a slot of its own in the
	// node's key file. It goes first: then the old one opens nothing in the end,
	// whenever the power fails.
	if founder := r.roll().Members[0]; founder.ID == s.Member.ID {
		if err := r.forgetNodePassphrase(s); err != nil {
			return "", err
		}
	}
	if err := locked.SetPassphrase(opened, next, r.opt.Stretch); err != nil {
		return "", err
	}
	b, err := locked.Encode()
	if err != nil {
		return "", err
	}
	if err := r.replaceKey(memberFile(id), b); err != nil {
		return "", fmt.Errorf("the passphrase was not changed: %w", err)
	}
	r.sessions.Prove(s)
	r.sessions.EndOthers(s)
	return made, nil
}

// ownOrMade is the passphrase that somebody chose, checked against words of
// their own, or one that is made, which then is in made as well: nothing keeps it.
func ownOrMade(chosen string, own []string) (passphrase, made string, err error) {
	if chosen == "" {
		made, err = seal.NewPassphrase()
		return made, made, err
	}
	return chosen, "", access.CheckPassphrase(chosen, own...)
}
