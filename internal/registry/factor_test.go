// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
)

// phone shows the code of a secret at the register's time.
func (g *register) phone(secret string) string {
	g.t.Helper()
	g.clock.t = g.clock.t.Add(time.Minute) // the next code: each counts once
	code, err := totp.GenerateCode(secret, g.clock.t)
	if err != nil {
		g.t.Fatal(err)
	}
	return code
}

// firstStep gives the passphrase and answers what then waits.
func (g *register) firstStep(name, passphrase string) *access.Half {
	g.t.Helper()
	s, err := g.SignIn(context.Background(), name, passphrase)
	var step *access.StepError
	if s != nil || !errors.As(err, &step) {
		g.t.Fatalf("%s needs no second step: %v, %v", name, s, err)
	}
	if _, open := g.Session(step.Half.Token()); open {
		g.t.Fatal("half a sign-in opens a session")
	}
	return step.Half
}

// setFactorOf sets a second factor up for a member and answers its secret and recovery codes.
func (g *register) setFactorOf(s *access.Session) (string, []string) {
	g.t.Helper()
	ctx := context.Background()
	if err := g.BeginFactor(ctx, s); err != nil {
		g.t.Fatal(err)
	}
	s, _ = g.Session(s.Token())
	secret := s.Offer()
	codes, err := g.ConfirmFactor(ctx, s, g.phone(secret))
	if err != nil {
		g.t.Fatal(err)
	}
	return secret, codes
}

func TestSecondFactor(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	s, other := g.signIn("aigerim"), g.signIn("aigerim")
	if err := g.BeginFactor(ctx, s); err != nil {
		t.Fatal(err)
	}
	s, _ = g.Session(s.Token())
	secret := s.Offer()
	if _, err := g.ConfirmFactor(ctx, s, "000000"); !errors.Is(err, access.ErrFactor) {
		t.Fatalf("a wrong code confirms: %v", err)
	}
	if v := g.Factor(s); v.On {
		t.Fatal("a factor that was not confirmed is on")
	}
	code := g.phone(secret)
	codes, err := g.ConfirmFactor(ctx, s, code)
	if err != nil || len(codes) != access.RecoveryCodes {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	if _, open := g.Session(other.Token()); open {
		t.Error("a session of before goes on without the factor")
	}
	if v := g.Factor(s); !v.On || v.Left != access.RecoveryCodes {
		t.Errorf("%+v", v)
	}

	h := g.firstStep("aigerim", testPassphrase)
	if _, err := g.SignInCode(ctx, h.Token(), code); !errors.Is(err, access.ErrFactor) {
		t.Errorf("the code that confirmed it counts again: %v", err)
	}
	in, err := g.SignInCode(ctx, h.Token(), g.phone(secret))
	if err != nil || in.Member.ID != s.Member.ID {
		t.Fatalf("the right code: %v", err)
	}
	if _, open := g.Session(in.Token()); !open {
		t.Error("no session after both steps")
	}
	if _, err := g.SignInCode(ctx, h.Token(), g.phone(secret)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("one passphrase, two sessions: %v", err)
	}
	if _, err := g.SignInCode(ctx, in.Token(), g.phone(secret)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("a session is taken for half a one: %v", err)
	}

	// A recovery code, once.
	if _, err := g.SignInCode(ctx, g.firstStep("aigerim", testPassphrase).Token(), codes[3]); err != nil {
		t.Fatalf("a recovery code: %v", err)
	}
	if v := g.Factor(s); v.Left != access.RecoveryCodes-1 {
		t.Errorf("%+v", v)
	}
	h = g.firstStep("aigerim", testPassphrase)
	if _, err := g.SignInCode(ctx, h.Token(), codes[3]); !errors.Is(err, access.ErrFactor) {
		t.Errorf("a recovery code counts twice: %v", err)
	}
	// Wrong codes end the half-open session.
	for range access.HalfTries {
		_, _ = g.SignInCode(ctx, h.Token(), "111111")
	}
	if _, err := g.SignInCode(ctx, h.Token(), g.phone(secret)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("after %d wrong codes: %v", access.HalfTries, err)
	}

	// It is taken off with fresh proof only.
	g.clock.t = g.clock.t.Add(access.ProofLimit + time.Second)
	if err := g.EndFactor(ctx, in); !errors.Is(err, ErrProof) {
		t.Errorf("taken off by an old session: %v", err)
	}
	if err := g.BeginFactor(ctx, in); !errors.Is(err, ErrProof) {
		t.Errorf("set up anew by an old session: %v", err)
	}
	if err := g.Prove(ctx, in, testPassphrase); err != nil {
		t.Fatal(err)
	}
	if err := g.EndFactor(ctx, in); err != nil {
		t.Fatal(err)
	}
	if _, err := g.SignIn(ctx, "aigerim", testPassphrase); err != nil {
		t.Errorf("without a factor: %v", err)
	}
}

func TestSecondFactorCompulsory(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	admin := g.signIn("aigerim")
	dina := g.comes(admin, NewInvitation{Name: "dina", Lang: "ru", Orgs: admin.Member.Orgs[:1], Roles: []access.Role{access.Lawyer}})
	if err := g.SetSecondFactor(ctx, admin, dina.Member.ID, true); err != nil {
		t.Fatal(err)
	}
	if _, open := g.Session(dina.Token()); open {
		t.Error("a session without the factor goes on")
	}
	h := g.firstStep("dina", ownWords("dina"))
	if h.Step != access.SetFactor || h.Secret == "" {
		t.Fatalf("led to %q", h.Step)
	}
	if _, err := g.SignInCode(ctx, h.Token(), g.phone(h.Secret)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("let in by a secret that was not confirmed: %v", err)
	}
	if _, _, err := g.ConfirmFactorHalf(ctx, h.Token(), "000000"); !errors.Is(err, access.ErrFactor) {
		t.Errorf("%v", err)
	}
	codes, s, err := g.ConfirmFactorHalf(ctx, h.Token(), g.phone(h.Secret))
	if err != nil || len(codes) != access.RecoveryCodes {
		t.Fatal(err)
	}
	if _, open := g.Session(s.Token()); !open {
		t.Error("set up, and not in")
	}
	if err := g.EndFactor(ctx, s); !errors.Is(err, ErrFactorCompulsory) {
		t.Errorf("taken off although it is compulsory: %v", err)
	}
	// Half a sign-in of before does not set up another in its place.
	h2 := g.firstStep("dina", ownWords("dina"))
	if h2.Step != access.GiveCode {
		t.Fatalf("led to %q", h2.Step)
	}
	if _, _, err := g.ConfirmFactorHalf(ctx, h2.Token(), g.phone(h.Secret)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("%v", err)
	}
	// The phone is lost: an administrator takes it off, nobody else does, and
	// it is set up anew before anything else.
	admin = g.signIn("aigerim")
	if err := g.EndFactorOf(ctx, s, admin.Member.ID); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a lawyer takes off an administrator's: %v", err)
	}
	if err := g.EndFactorOf(ctx, admin, dina.Member.ID); err != nil {
		t.Fatal(err)
	}
	if _, open := g.Session(s.Token()); open {
		t.Error("a session outlives its factor")
	}
	if h := g.firstStep("dina", ownWords("dina")); h.Step != access.SetFactor {
		t.Errorf("led to %q", h.Step)
	}
}

// TestFactorRollbackRegression: an old index and an old file of rights, put
// back, neither bring a used recovery code back nor take a factor off; nobody
// writes a factor for another; and no file holds the secret or a code.
func TestFactorRollbackRegression(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	keep := func() map[string][]byte {
		t.Helper()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, pattern := range []string{"index.db*", rightsFile} {
			names, _ := filepath.Glob(filepath.Join(g.dir, pattern))
			for _, name := range names {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				files[name] = b
			}
		}
		reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
		if err != nil {
			t.Fatal(err)
		}
		g.Registry, g.session = reg, s
		return files
	}
	putBack := func(files map[string][]byte) {
		t.Helper()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := os.WriteFile(name, files[name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock))
		if err != nil {
			t.Fatal(err)
		}
		g.Registry, g.session = reg, s
	}
	without := keep()
	secret, codes := g.setFactorOf(g.signIn("aigerim"))
	unused := keep()
	if _, err := g.SignInCode(ctx, g.firstStep("aigerim", testPassphrase).Token(), codes[0]); err != nil {
		t.Fatal(err)
	}
	putBack(unused)
	if _, err := g.SignInCode(ctx, g.firstStep("aigerim", testPassphrase).Token(), codes[0]); !errors.Is(err, access.ErrFactor) {
		t.Errorf("an old index brings a used recovery code back: %v", err)
	}
	putBack(without)
	h := g.firstStep("aigerim", testPassphrase)
	if _, err := g.SignInCode(ctx, h.Token(), g.phone(secret)); err != nil {
		t.Errorf("an old index takes the factor off: %v", err)
	}

	// The index, which is trusted with nothing, holds neither the secret nor a code.
	records, err := g.index.Outside(ctx, memberKind, allKnown)
	if err != nil || len(records) == 0 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, rec := range records {
		text := fmt.Sprintf("%+v", rec)
		for _, plain := range append([]string{secret}, codes...) {
			if strings.Contains(text, plain) || strings.Contains(text, strings.ReplaceAll(plain, "-", "")) {
				t.Error("the index holds a secret")
			}
		}
	}

	// Another member writes a factor for her, and takes hers off: neither counts.
	admin := g.session
	dina := g.comes(admin, NewInvitation{Name: "dina", Lang: "ru", Orgs: admin.Member.Orgs[:1], Roles: []access.Role{access.CaseWorker}})
	g.writing.Lock()
	old := g.roll().factor(admin.Member.ID)
	err = errors.Join(
		g.write(ctx, dina, []act{{stream: admin.Member.ID, puts: []Put{{Record: "00000000000000000000000000000f0f", Kind: factorKind, Fields: casefile.Fields{"method": {"totp"}, "secret": {"AAAA"}}}}}}),
		g.write(ctx, dina, []act{{stream: admin.Member.ID, withdraws: []Put{old.put()}}}))
	g.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if now := g.roll().factor(admin.Member.ID); now == nil || now.Secret != old.Secret {
		t.Error("a factor is written or taken off by somebody else")
	}

	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(g.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, plain := range append([]string{secret}, codes...) {
			if bytes.Contains(b, []byte(plain)) {
				t.Errorf("%s holds a secret", filepath.Base(path))
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
