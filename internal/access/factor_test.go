// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"pgregory.net/rapid"
)

// codeAt is what an app shows for a secret at a moment.
func codeAt(t interface{ Fatal(...any) }, secret string, at time.Time) string {
	code, err := hotp.GenerateCodeCustom(secret, step(at), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestCodesOfTheStandard: RFC 6238, appendix B, its last six digits.
func TestCodesOfTheStandard(t *testing.T) {
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // "12345678901234567890"
	for unix, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
		at := time.Unix(unix, 0)
		c := NewCodes(func() time.Time { return at })
		c.started = 0
		if err := c.Accept("m", secret, code, true); err != nil {
			t.Errorf("%d: %v", unix, err)
		}
	}
}

func TestCodesOnce(t *testing.T) {
	at := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	c := NewCodes(func() time.Time { return at })
	secret := NewFactorSecret()
	now := func() string { return codeAt(t, secret, at) }
	if err := c.Accept("m", secret, now(), true); !errors.Is(err, ErrFactor) {
		t.Errorf("a code of before the start, which may have been used then: %v", err)
	}
	at = at.Add(time.Minute)
	code := now()
	if err := c.Accept("m", secret, " "+code[:3]+" "+code[3:]+" ", true); err != nil {
		t.Errorf("with spaces: %v", err)
	}
	if err := c.Accept("m", secret, code, true); !errors.Is(err, ErrFactor) {
		t.Errorf("a code counts twice: %v", err)
	}
	if err := c.Accept("m", secret, codeAt(t, secret, at.Add(-factorPeriod)), true); !errors.Is(err, ErrFactor) {
		t.Errorf("an older code counts after a newer one: %v", err)
	}
	if err := c.Accept("other", secret, code, true); err != nil {
		t.Errorf("another member pays for it: %v", err)
	}
	if err := c.Accept("m", secret, codeAt(t, secret, at.Add(factorPeriod)), true); err != nil {
		t.Errorf("of a phone whose clock is ahead: %v", err)
	}
	at = at.Add(5 * time.Minute)
	if err := c.Accept("m", secret, codeAt(t, secret, at.Add(-factorPeriod)), true); err != nil {
		t.Errorf("of a phone whose clock is behind: %v", err)
	}
	for _, wrong := range []string{codeAt(t, secret, at.Add(-2*factorPeriod)), codeAt(t, secret, at.Add(2*factorPeriod)), "", "12345", "1234567", "abcdef", "１２３４５６"} {
		if err := c.Accept("m", secret, wrong, true); !errors.Is(err, ErrFactor) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := c.Accept("m", "not base 32!", "123456", true); err == nil || errors.Is(err, ErrFactor) {
		t.Errorf("a secret that can't be read: %v", err)
	}
}

func TestWrongCodesAreLimited(t *testing.T) {
	at := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	c := NewCodes(func() time.Time { return at })
	at = at.Add(time.Hour)
	secret := NewFactorSecret()
	var wait *WaitError
	for i := range wrongCodes {
		if err := c.Accept("m", secret, "nothing", false); !errors.Is(err, ErrFactor) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := c.Accept("m", secret, codeAt(t, secret, at), false); !errors.As(err, &wait) || wait.Wait <= 0 {
		t.Errorf("somebody who has the passphrase guesses on: %v", err)
	}
	if err := c.Accept("m", secret, codeAt(t, secret, at), true); err != nil {
		t.Errorf("the member's own browser is held up by it: %v", err)
	}
	at = at.Add(failuresHalve)
	if err := c.Accept("m", secret, codeAt(t, secret, at), false); err != nil {
		t.Errorf("half an hour later: %v", err)
	}
}

func TestRecoveryCodes(t *testing.T) {
	codes := NewRecoveryCodes()
	marks := map[string]bool{}
	for _, code := range codes {
		mark, ok := RecoveryMark("m", code)
		if !ok || marks[mark] || len(code) != recoveryLen+3 {
			t.Errorf("%q", code)
		}
		marks[mark] = true
		if again, _ := RecoveryMark("m", " "+strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(code, "-", " "), "0", "o"))); again != mark {
			t.Errorf("%q is another code as people write it", code)
		}
		if other, _ := RecoveryMark("n", code); other == mark {
			t.Error("a code is good for two members")
		}
		if strings.Contains(mark, strings.ReplaceAll(code, "-", "")) {
			t.Error("the mark holds the code")
		}
	}
	if len(marks) != RecoveryCodes {
		t.Errorf("%d codes", len(marks))
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		if mark, ok := RecoveryMark("m", text); ok && marks[mark] {
			t.Fatalf("%q is a code", text)
		}
	})
}

func TestFactorURLNamesNobody(t *testing.T) {
	secret := NewFactorSecret()
	u, err := url.Parse(FactorURL(secret))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != secret {
		t.Fatalf("%v, %v", u, err)
	}
	key, err := otp.NewKeyFromURL(FactorURL(secret))
	if err != nil || key.Secret() != secret || key.AccountName() != FactorLabel(secret) || key.Issuer() != "" || key.Period() != 30 {
		t.Errorf("an app reads %v, %v", key, err)
	}
	// But for the secret and the label made of it, which may spell anything.
	plain := strings.NewReplacer(secret, "", FactorLabel(secret), "").Replace(FactorURL(secret))
	if plain == FactorURL(secret) || strings.Contains(strings.ToLower(plain), "kua") {
		t.Error("a phone names the register")
	}
}

func TestHalvesOpenNothing(t *testing.T) {
	at := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	all := NewSessions(func() time.Time { return at })
	h := all.Halves.Begin(Member{ID: "m"}, nil, GiveCode, "")
	if _, open := all.Get(h.Token()); open {
		t.Fatal("half a sign-in opens a session")
	}
	if s := all.Begin(Member{ID: "m"}, nil); len(all.Own(s)) != 1 {
		t.Error("it stands among the sessions")
	}
	for range HalfTries {
		if _, ok := all.Halves.Get(h.Token()); !ok {
			t.Fatal("it ended too soon")
		}
		all.Halves.Fail(h)
	}
	if _, ok := all.Halves.Get(h.Token()); ok {
		t.Error("wrong codes without end")
	}
	h = all.Halves.Begin(Member{ID: "m"}, nil, GiveCode, "")
	at = at.Add(HalfLimit + time.Second)
	if _, ok := all.Halves.Get(h.Token()); ok || all.Halves.End(h.Token()) {
		t.Error("it lasts longer than HalfLimit")
	}
	for what, end := range map[string]func(){"the lock": all.EndAll, "the end of the member": func() { all.EndMember("m") }} {
		h = all.Halves.Begin(Member{ID: "m"}, nil, SetFactor, "")
		end()
		if _, ok := all.Halves.Get(h.Token()); ok {
			t.Errorf("it outlives %s", what)
		}
	}
	h = all.Halves.Begin(Member{ID: "m"}, nil, GiveCode, "")
	if !all.Halves.End(h.Token()) || all.Halves.End(h.Token()) {
		t.Error("one code makes two sessions")
	}
}
