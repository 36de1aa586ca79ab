// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// ErrFactor says that a one-time code is not right, and no more.
var ErrFactor = errors.New("the code is not right: take the one your phone shows now, or a recovery code that was not used yet")

// The second factor: one-time codes of RFC 6238 with what every app knows,
// six digits, thirty seconds, HMAC-SHA-1 (which that use does not harm).
const (
	factorPeriod = 30 * time.Second
	factorSkew   = 1  // codes before and after: a phone's clock is not the server's
	factorSecret = 20 // bytes: RFC 4226, section 4, R6
	// RecoveryCodes is how many recovery codes there are.
	RecoveryCodes = 10
	recoveryLen   = 16 // letters of 5 bits: 80, which nobody tries through
)

// NewFactorSecret makes the secret of a second factor, as apps take it when it is typed.
func NewFactorSecret() string {
	b := make([]byte, factorSecret)
	rand.Read(b) // never fails (crypto/rand)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// FactorLabel is what an app calls the codes of a secret. It names neither the
// register nor the member: a phone is searched sooner than a server.
func FactorLabel(secret string) string {
	sum := sha256.Sum256([]byte("kua/factor/label/v1\x00" + secret))
	return "account " + hex.EncodeToString(sum[:2])
}

// FactorURL is what the picture says that an app takes the secret from.
func FactorURL(secret string) string {
	return "otpauth://totp/" + url.PathEscape(FactorLabel(secret)) + "?secret=" + secret
}

// NewRecoveryCodes makes the codes that stand in for a phone that is lost,
// each once.
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		b := make([]byte, recoveryLen)
		rand.Read(b) // never fails (crypto/rand)
		for j := range b {
			b[j] = codeLetters[b[j]%byte(len(codeLetters))]
		}
		codes[i] = fmt.Sprintf("%s-%s-%s-%s", b[:4], b[4:8], b[8:12], b[12:])
	}
	return codes
}

// RecoveryMark is what is kept of a recovery code: it can't be turned back
// into it. False where the text can't be one.
func RecoveryMark(member, code string) (string, bool) {
	text := codeText(code)
	if len(text) != recoveryLen || strings.Trim(text, codeLetters) != "" {
		return "", false
	}
	sum := sha256.Sum256([]byte("kua/recovery code/v1\x00" + member + "\x00" + text))
	return hex.EncodeToString(sum[:]), true
}

// codeText is a code as people write it: in small letters, with spaces or
// hyphens anywhere, with O for 0 and I or L for 1.
func codeText(code string) string {
	return strings.Map(func(c rune) rune {
		switch c {
		case ' ', '-', '\t', '\n', '\r', '\u00a0', '\u2010', '\u2011', '\u2013':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return c
	}, strings.ToUpper(code))
}

// Codes accepts one-time codes, each once. What was accepted is in memory
// only: a code of a time before the program was started is not accepted.
type Codes struct {
	now     func() time.Time
	started uint64 // the step in which it was

	mu     sync.Mutex
	last   map[string]uint64 // by member: the step of the code that was last accepted
	failed *tally            // by member, from where they are not known
}

// wrongCodes is how many wrong codes, halving in half an hour, may come with
// the right passphrase from browsers that are not known. At that pace somebody
// who has the passphrase would guess a code in some three years.
const wrongCodes = 8

// NewCodes makes Codes that tell time by now.
func NewCodes(now func() time.Time) *Codes {
	return &Codes{now: now, started: step(now()), last: map[string]uint64{}, failed: newTally(failuresHalve)}
}

func step(at time.Time) uint64 { return uint64(max(at.Unix(), 0)) / uint64(factorPeriod/time.Second) }

// Accept answers nil for the right code of a member's secret: ErrFactor for
// another, for one that was accepted already, and a *WaitError where too many
// wrong ones came from browsers that are not known. Known browsers, and
// recovery codes, are not held up by that.
func (c *Codes) Accept(member, secret, code string, known bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !known && c.failed.of(member, now) >= wrongCodes {
		return &WaitError{Wait: failuresHalve / 4}
	}
	code = codeText(code)
	at := step(now)
	for s := at - factorSkew; s <= at+factorSkew; s++ {
		want, err := hotp.GenerateCodeCustom(secret, s, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return fmt.Errorf("the secret of the second factor: %w", err)
		}
		last, used := c.last[member]
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > c.started && (!used || s > last) {
			c.last[member] = s
			return nil
		}
	}
	if !known {
		c.failed.add(member, now)
	}
	return ErrFactor
}
