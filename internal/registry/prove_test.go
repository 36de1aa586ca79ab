// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
)

// TestSessionFreshnessRegression: a session whose passphrase was given long
// ago does nothing dangerous, however it came about.
func TestSessionFreshnessRegression(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	north := g.session.Member.Orgs[0]
	acts := map[string]func(*access.Session) error{
		"invite": func(s *access.Session) error {
			_, v, err := g.Invite(ctx, s, NewInvitation{Name: "dina", Lang: "ru", Orgs: []string{north}, Roles: []access.Role{access.Lawyer}})
			if err == nil {
				err = g.TakeBack(ctx, s, v.ID)
			}
			return err
		},
		"take back an invitation": func(s *access.Session) error {
			_, v, err := g.Invite(ctx, s, NewInvitation{Name: "erlan", Lang: "ru", Roles: []access.Role{access.Lawyer}})
			if err != nil {
				return err
			}
			return g.TakeBack(ctx, s, v.ID)
		},
		"roles": func(s *access.Session) error {
			err := g.SetRoles(ctx, s, s.Member.ID, nil)
			if errors.Is(err, ErrRole) { // it came as far as looking at them
				return nil
			}
			return err
		},
		"end a member": func(s *access.Session) error {
			err := g.EndMember(ctx, s, s.Member.ID)
			if errors.Is(err, ErrLastOne) {
				return nil
			}
			return err
		},
	}
	s, err := g.SignIn(ctx, "aigerim", testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	each := func(when string, want error) {
		t.Helper()
		for name, act := range acts {
			if err := act(s); !errors.Is(err, want) {
				t.Errorf("%s, %s: %v, want %v", name, when, err, want)
			}
		}
	}
	each("just signed in", nil)
	g.clock.t = g.clock.t.Add(access.ProofLimit + time.Second)
	each("five minutes later", ErrProof)
	if _, open := g.Session(s.Token()); !open {
		t.Fatal("the session is over")
	}
	each("after a page was opened", ErrProof)
	if err := g.Prove(ctx, s, "eight other words that somebody might well say"); !errors.Is(err, access.ErrSignIn) {
		t.Fatalf("a wrong passphrase proves: %v", err)
	}
	each("after a wrong passphrase", ErrProof)
	if err := g.Prove(ctx, s, testPassphrase); err != nil {
		t.Fatal(err)
	}
	each("after the passphrase", nil)
	g.SignOut(s)
	if err := g.Prove(ctx, s, testPassphrase); err != nil {
		t.Fatal(err)
	}
	each("after the session has ended", ErrProof)

	// Whoever guesses at an open screen loses it.
	if s, err = g.SignIn(ctx, " Aigerim ", testPassphrase); err != nil {
		t.Fatal(err)
	}
	for range access.MostWrongProofs {
		if _, open := g.Session(s.Token()); !open {
			t.Fatal("the session ended too soon")
		}
		_ = g.Prove(ctx, s, "a guess that is not right")
	}
	if _, open := g.Session(s.Token()); open {
		t.Error("wrong passphrases without end leave the session open")
	}
}
