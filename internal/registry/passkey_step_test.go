// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
)

// withCodes sets one-time codes up for a session and answers their secret.
func (k *keyed) withCodes(s *access.Session) string {
	k.t.Helper()
	ctx := context.Background()
	if err := k.BeginFactor(ctx, s); err != nil {
		k.t.Fatal(err)
	}
	s, _ = k.Session(s.Token())
	secret := s.Offer()
	if _, err := k.ConfirmFactor(ctx, s, k.code(secret)); err != nil {
		k.t.Fatal(err)
	}
	return secret
}

func (k *keyed) code(secret string) string {
	k.t.Helper()
	k.at = k.at.Add(time.Minute) // the next code: each counts once
	code, err := totp.GenerateCode(secret, k.at)
	if err != nil {
		k.t.Fatal(err)
	}
	return code
}

// half gives the passphrase of a member who has a second factor.
func (k *keyed) half(name, passphrase string) *access.Half {
	k.t.Helper()
	s, err := k.SignIn(context.Background(), SignIn{Name: name, Passphrase: passphrase})
	var step *access.StepError
	if s != nil || !errors.As(err, &step) {
		k.t.Fatalf("%s needs no second step: %v", name, err)
	}
	return step.Half
}

func (k *keyed) toStep(h *access.Half) PasskeyQuestion {
	k.t.Helper()
	q, err := k.AskToStep(h.Token())
	if err != nil {
		k.t.Fatal(err)
	}
	return q
}

// plain makes a passkey on a device that gives no secret.
func (k *keyed) plain(s *access.Session, passphrase, name string) *softKey {
	k.t.Helper()
	d := newSoftKey(k.t)
	q, err := k.AskToMake(s)
	if err != nil {
		k.t.Fatal(err)
	}
	n := d.make(q, name, passphrase)
	n.Secret = nil
	if err := k.AddPasskey(context.Background(), s, n); err != nil {
		k.t.Fatal(err)
	}
	return d
}

// step answers the question of a half-open sign-in. The device keeps the
// pseudo-random function to itself there: it is not asked for it.
func (d *softKey) step(q PasskeyQuestion) []byte {
	d.t.Helper()
	if strings.Contains(q.Options, "prf") {
		d.t.Error("the second step asks for the secret that opens the key file")
	}
	q.Options = strings.Replace(q.Options, `"rpId"`, `"extensions":{"prf":{"eval":{"first":"`+text(make([]byte, 32))+`"}}},"rpId"`, 1)
	return d.open(q).Answer
}

// TestPasskeyStep takes a passkey without a secret through its life: it is a
// second step after the passphrase, and nothing by itself.
func TestPasskeyStep(t *testing.T) {
	ctx := context.Background()
	k := newKeyed(t)
	n := newSoftKey(t).make(k.toMake(), "stick", keyedPass)
	n.Secret = nil
	if err := k.AddPasskey(ctx, k.s, n); !errors.Is(err, ErrPasskeyGives) || len(k.Passkeys(k.s)) != 0 {
		t.Fatalf("a second step without recovery codes: %v", err)
	}
	secret := k.withCodes(k.s)
	if _, err := k.AskToStep(k.half("Aigerim", keyedPass).Token()); !errors.Is(err, ErrNoPasskeys) {
		t.Errorf("a passkey is asked for where there is none: %v", err)
	}
	stick := k.plain(k.s, keyedPass, "stick")
	if views := k.Passkeys(k.s); len(views) != 1 || views[0].Opens {
		t.Fatalf("%+v", views)
	}

	// By itself it opens nothing, whatever is said to be its secret.
	a := stick.open(k.toOpen())
	if s, err := k.SignInByPasskey(ctx, a); s != nil || !errors.Is(err, ErrPasskey) {
		t.Errorf("it signs in alone with a secret that was not taken in: %v", err)
	}
	a = stick.open(k.toOpen())
	a.Secret = nil
	if s, err := k.SignInByPasskey(ctx, a); s != nil || !errors.Is(err, ErrPasskeyGives) {
		t.Errorf("it signs in alone: %v", err)
	}

	h := k.half("Aigerim", keyedPass)
	q := k.toStep(h)
	if !strings.Contains(q.Options, `"allowCredentials":[{"id":"`+text(stick.id)+`"`) {
		t.Errorf("the device is not told which passkey it is: %s", q.Options)
	}
	before := k.audited(actSignIn)
	s, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q))
	if err != nil || s.Member.ID != k.s.Member.ID || s.DeviceToken == "" || !k.sessions.Fresh(s) {
		t.Fatalf("passphrase and passkey: %v", err)
	}
	if _, open := k.Session(s.Token()); !open || k.audited(actSignIn) != before+1 {
		t.Errorf("the session is open: %v; %d sign-ins in the audit, not one", open, k.audited(actSignIn)-before)
	}
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("one passphrase, two sessions: %v", err)
	}
	if _, err := k.SignInPasskeyStep(ctx, s.Token(), stick.step(q)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("a session is taken for half a one: %v", err)
	}
	if _, err := k.AskToStep(h.Token()); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("asked after it is over: %v", err)
	}

	// A code goes on working, and so does a passkey that signs in alone.
	if _, err := k.SignInCode(ctx, k.half("Aigerim", keyedPass).Token(), k.code(secret)); err != nil {
		t.Errorf("a code beside passkeys: %v", err)
	}
	phone := newSoftKey(t)
	k.add(phone, "phone")
	h = k.half("Aigerim", keyedPass)
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), phone.step(k.toStep(h))); err != nil {
		t.Errorf("a passkey that opens alone, as a second step: %v", err)
	}
	k.mustOpen(phone, nil) // with codes set up: it is two factors in one

	// It is of the ledger, counts on, and one that was copied is noticed.
	k.again()
	for _, tt := range []struct {
		count uint32
		want  error
	}{{7, nil}, {8, nil}, {8, ErrPasskeyCopied}, {3, ErrPasskeyCopied}, {0, ErrPasskeyCopied}, {9, nil}} {
		stick.count = tt.count
		h := k.half("Aigerim", keyedPass)
		if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(k.toStep(h))); !errors.Is(err, tt.want) {
			t.Errorf("counted to %d: %v, want %v", tt.count, err, tt.want)
		}
	}

	// Without codes there is no second step, and no passkey stands in for one.
	h = k.half("Aigerim", keyedPass)
	q = k.toStep(h)
	if err := k.EndFactor(ctx, k.s); err != nil {
		t.Fatal(err)
	}
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("half a sign-in of before: %v", err)
	}
}

// audited counts the lines of an act in the audit.
func (k *keyed) audited(act string) int {
	k.t.Helper()
	page, err := k.index.Audit(context.Background(), index.AuditQuery{
		Act: act, Limit: 200, Show: func(l index.AuditLine) (index.AuditLine, bool) { return l, true },
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return len(page.Lines)
}

// TestPasskeyStepRefusedRegression: what is no answer of the member's own
// passkey in this very sign-in lets nobody in, leaves the sign-in half open, is
// written down, and ends it when it is tried too often.
func TestPasskeyStepRefusedRegression(t *testing.T) {
	ctx := context.Background()
	k := newKeyed(t)
	code, _, err := k.Invite(ctx, k.s, NewInvitation{Name: "dina", Lang: "ru", Roles: []access.Role{access.Administrator}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.Accept(ctx, code, Acceptance{Passphrase: ownWords("dina")}); err != nil {
		t.Fatal(err)
	}
	dina, err := k.SignIn(ctx, SignIn{Name: "dina", Passphrase: ownWords("dina")})
	if err != nil {
		t.Fatal(err)
	}
	secret := k.withCodes(k.s)
	k.withCodes(dina)
	stick := k.plain(k.s, keyedPass, "stick")
	hers := k.plain(dina, ownWords("dina"), "hers")
	like := func(d *softKey, change func(*softKey)) func(*access.Half) []byte {
		c := *d
		change(&c)
		return func(h *access.Half) []byte { return c.step(k.toStep(h)) }
	}
	for what, answer := range map[string]func(*access.Half) []byte{
		"another member's passkey":                  like(hers, func(*softKey) {}),
		"another member's, under the member's name": like(hers, func(d *softKey) { d.user = stick.user }),
		"another member's, under no name":           like(hers, func(d *softKey) { d.user = nil }),
		"a key that is nobody's":                    like(stick, func(d *softKey) { d.key = newSoftKey(t).key }),
		"a false page":                              like(stick, func(d *softKey) { d.origin = "https://kua.example.elsewhere.example" }),
		"nobody there":                              like(stick, func(d *softKey) { d.flags = 4 }),
		"without a PIN, a finger or a face":         like(stick, func(d *softKey) { d.flags = 1 }),
		"the question of another sign-in":           func(*access.Half) []byte { return stick.step(k.toStep(k.half("Aigerim", keyedPass))) },
		"the question of the sign-in page":          func(*access.Half) []byte { return stick.open(k.toOpen()).Answer },
		"the question of making one": func(*access.Half) []byte {
			q := k.toMake()
			q.Options = strings.Replace(q.Options, `"rp":{"id":"kua.example","name":"Kua"}`, `"rpId":"kua.example"`, 1)
			return stick.open(q).Answer
		},
		"nothing":         func(*access.Half) []byte { return nil },
		"an empty answer": func(*access.Half) []byte { return []byte("{}") },
		"garbage":         func(*access.Half) []byte { return bytes.Repeat([]byte("["), 1000) },
	} {
		h := k.half("Aigerim", keyedPass)
		before := k.audited(actSignInFailed)
		if s, err := k.SignInPasskeyStep(ctx, h.Token(), answer(h)); s != nil || !errors.Is(err, ErrPasskey) {
			t.Errorf("%s: %v", what, err)
		}
		if n := k.audited(actSignInFailed) - before; n != 1 {
			t.Errorf("%s: %d lines in the audit, not one", what, n)
		}
		if _, open := k.Session(h.Token()); open {
			t.Errorf("%s: half a sign-in opens a session", what)
		}
		if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(k.toStep(h))); err != nil {
			t.Errorf("after %s the right one is refused: %v", what, err)
		}
	}

	// An answer counts once, also where somebody has listened and has the passphrase.
	h := k.half("Aigerim", keyedPass)
	q := k.toStep(h)
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q)); err != nil {
		t.Fatal(err)
	}
	h = k.half("Aigerim", keyedPass)
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q)); !errors.Is(err, ErrPasskey) {
		t.Errorf("the answer to a question of before: %v", err)
	}

	// Tried too often it is over, for codes as well as for passkeys.
	for range access.HalfTries - 1 {
		_, _ = k.SignInPasskeyStep(ctx, h.Token(), hers.step(k.toStep(h)))
	}
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("after %d wrong answers: %v", access.HalfTries, err)
	}
	if _, err := k.SignInCode(ctx, h.Token(), k.code(secret)); !errors.Is(err, access.ErrHalfOver) {
		t.Errorf("a code after %d wrong answers: %v", access.HalfTries, err)
	}

	// One that is removed while a sign-in waits is refused in it, and stays so.
	h = k.half("Aigerim", keyedPass)
	q = k.toStep(h)
	if err := k.Prove(ctx, k.s, keyedPass); err != nil {
		t.Fatal(err)
	}
	if err := k.RemovePasskey(ctx, k.s, k.Passkeys(k.s)[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.SignInPasskeyStep(ctx, h.Token(), stick.step(q)); !errors.Is(err, ErrPasskey) {
		t.Errorf("a removed one: %v", err)
	}
	if _, err := k.AskToStep(h.Token()); !errors.Is(err, ErrNoPasskeys) {
		t.Errorf("a removed one is asked for: %v", err)
	}
	if _, err := k.SignInCode(ctx, h.Token(), k.code(secret)); err != nil {
		t.Errorf("the code is refused with the passkey: %v", err)
	}
}

// TestRenamePasskey: its member names a passkey anew, without fresh proof, and
// nobody else does.
func TestRenamePasskey(t *testing.T) {
	ctx := context.Background()
	k := newKeyed(t)
	stick := newSoftKey(t)
	stick.count = 4
	k.add(stick, "stick")
	id := k.Passkeys(k.s)[0].ID
	k.at = k.at.Add(access.ProofLimit + time.Second)
	if err := k.RenamePasskey(ctx, k.s, id, "  the  blue one "); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{" ": ErrPasskeyName, strings.Repeat("ә", 81): ErrPasskeyName, strings.Repeat("ә", 80): nil, "blue": nil} {
		if err := k.RenamePasskey(ctx, k.s, id, name); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := k.RenamePasskey(ctx, k.s, id, "the blue one"); err != nil {
		t.Fatal(err)
	}
	other := *k.s
	other.Member.ID = strings.Repeat("0", 31) + "1"
	if err := k.RenamePasskey(ctx, &other, id, "mine"); !errors.Is(err, ErrNotFound) {
		t.Errorf("by another member: %v", err)
	}
	k.again()
	if v := k.Passkeys(k.s); len(v) != 1 || v[0].Name != "the blue one" || v[0].Count != 4 || !v[0].Opens {
		t.Errorf("%+v", v)
	}
	stick.count = 5
	k.mustOpen(stick, nil)
}
