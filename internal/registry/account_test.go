// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/seal"
)

func TestChangePassphrase(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	s, other := g.signIn("aigerim"), g.signIn("aigerim")
	before := map[string][]byte{}
	for _, file := range []string{memberFile(s.Keys.Identity.ID()), nodeKeyFile} {
		b, err := os.ReadFile(filepath.Join(g.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		before[file] = b
	}

	if _, err := g.ChangePassphrase(ctx, s, "not the old one at all", ""); !errors.Is(err, access.ErrSignIn) {
		t.Fatalf("with a wrong old passphrase: %v", err)
	}
	var weak *access.WeakError
	if _, err := g.ChangePassphrase(ctx, s, testPassphrase, "aigerim aigerim 2022"); !errors.As(err, &weak) {
		t.Fatalf("a weak one is taken: %v", err)
	}
	if _, err := g.SignIn(ctx, "aigerim", testPassphrase); err != nil {
		t.Fatalf("what was refused changed something: %v", err)
	}

	made, err := g.ChangePassphrase(ctx, s, testPassphrase, "")
	if err != nil || len(strings.Fields(made)) != 8 {
		t.Fatalf("%q, %v", made, err)
	}
	if _, open := g.Session(other.Token()); open {
		t.Error("another session outlives the passphrase")
	}
	if _, open := g.Session(s.Token()); !open {
		t.Error("the session that changed it is over")
	}
	own := "лоскут двадцать жёлтых паровозов"
	if made2, err := g.ChangePassphrase(ctx, s, made, own); err != nil || made2 != "" {
		t.Fatalf("%q, %v", made2, err)
	}
	for _, old := range []string{testPassphrase, made} {
		if _, err := g.SignIn(ctx, "aigerim", old); !errors.Is(err, access.ErrSignIn) {
			t.Errorf("an old passphrase signs in: %v", err)
		}
		// Nor does it open the node, with which the register was made.
		locked, err := g.readLocked(nodeKeyFile)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := locked.OpenPassphrase(old, g.opt.Least); !errors.Is(err, seal.ErrPassphrase) {
			t.Errorf("an old passphrase opens the node: %v", err)
		}
	}
	if _, err := g.SignIn(ctx, "aigerim", own); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock)); err == nil {
		t.Error("the old passphrase opens the register")
	}
	reg, again, err := Open(ctx, g.dir, Unlock{Passphrase: own}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, again
	// A backup is another matter, and is said to be: the files of before still open.
	locked, err := seal.DecodeLocked(before[memberFile(s.Keys.Identity.ID())])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.OpenPassphrase(testPassphrase, g.opt.Least); err != nil {
		t.Errorf("the copy of before: %v", err)
	}
}

// TestChangePassphraseCutOff: whenever it is cut off, the member gets in with
// the old one or the new one, and the node opens.
func TestChangePassphraseCutOff(t *testing.T) {
	ctx := context.Background()
	for n := range 3 {
		g := newRegister(t)
		writes := 0
		g.before = func(string) {
			if writes++; writes > n {
				panic("the power fails")
			}
		}
		own := "лоскут двадцать жёлтых паровозов"
		func() {
			defer func() { _ = recover() }()
			_, _ = g.ChangePassphrase(ctx, g.session, testPassphrase, own)
		}()
		g.before = nil
		_, old := g.SignIn(ctx, "aigerim", testPassphrase)
		_, next := g.SignIn(ctx, "aigerim", own)
		if (old == nil) == (next == nil) {
			t.Errorf("cut off after %d files: the old one: %v, the new one: %v", n, old, next)
		}
		_ = g.Close()
		words := testPassphrase
		if next == nil {
			words = own
		}
		reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: words}, testOptions(g.clock))
		if err != nil {
			t.Fatalf("cut off after %d files: %v", n, err)
		}
		g.Registry, g.session = reg, s
	}
}

func TestOwnSessions(t *testing.T) {
	g := newRegister(t)
	a, b := g.signIn("aigerim"), g.signIn("aigerim")
	g.NameDevice(a, "Firefox · Android")
	views := g.OwnSessions(a)
	if len(views) != 3 { // the one that made the register, too
		t.Fatalf("%d sessions", len(views))
	}
	id := ""
	for _, v := range views {
		if v.Here && v.Device != "Firefox · Android" {
			t.Errorf("the session that asks is on %q", v.Device)
		}
		if strings.Contains(v.ID, a.Token()) || strings.Contains(v.ID, b.Token()) {
			t.Error("the id of a session is its token")
		}
		if _, open := g.Session(v.ID); open {
			t.Error("the id of a session opens it")
		}
	}
	for _, v := range g.OwnSessions(b) {
		if v.Here {
			id = v.ID
		}
	}
	if err := g.EndSession(a, id); err != nil {
		t.Fatal(err)
	}
	if _, open := g.Session(b.Token()); open {
		t.Error("a session that was ended is open")
	}
	if err := g.EndSession(a, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("a session that is not there: %v", err)
	}
	if n := g.EndOthers(a); n != 1 || len(g.OwnSessions(a)) != 1 {
		t.Errorf("%d ended, %d left", n, len(g.OwnSessions(a)))
	}
}
