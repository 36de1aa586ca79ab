// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"sync"
	"time"
)

// Step is what a half-open session still needs.
type Step string

// The steps after the passphrase.
const (
	GiveCode  Step = "code"   // of the member's second factor
	SetFactor Step = "factor" // a second factor is compulsory, and the member has none yet
)

// How long a half-open session waits, and how many wrong codes it takes.
const (
	HalfLimit = 5 * time.Minute
	HalfTries = 5
)

// ErrHalfOver says that the second step came too late or failed too often.
var ErrHalfOver = errors.New("this sign-in took too long, or too many codes were wrong: begin again with the passphrase")

// StepError says that a passphrase was right and that one more step is needed:
// to whoever does not know of it, the sign-in failed.
type StepError struct{ Half *Half }

func (e *StepError) Error() string { return "the passphrase is right; one more step is needed" }

// Half is a sign-in whose passphrase was right and that needs one more step.
// It opens nothing: it is no Session, and no token of one.
type Half struct {
	Member Member
	Keys   *Keys
	Step   Step
	Known  bool   // the browser was known
	Secret string // of the second factor that is being set up; empty: none is

	device string // see Devices
	token  string
	since  time.Time
	tries  int
}

// Token is the secret that a browser holds for the half-open session.
func (h *Half) Token() string { return h.token }

// Device is the id of the browser by its token, empty where it was not known.
func (h *Half) Device() string { return h.device }

// Halves are the half-open sessions of one running program, in memory only.
type Halves struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]*Half
}

// NewHalves makes an empty set that tells time by now.
func NewHalves(now func() time.Time) *Halves {
	return &Halves{now: now, open: map[string]*Half{}}
}

// Begin begins the second step of a sign-in.
func (all *Halves) Begin(m Member, keys *Keys, step Step, device string) *Half {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	now := all.now()
	h := &Half{Member: m, Keys: keys, Step: step, Known: device != "", device: device, token: base64.RawURLEncoding.EncodeToString(secret), since: now}
	if step == SetFactor {
		h.Secret = NewFactorSecret()
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.DeleteFunc(all.open, func(_ string, other *Half) bool { return other.over(now) })
	all.open[h.token] = h
	own := *h
	return &own
}

// Get finds a half-open session.
func (all *Halves) Get(token string) (*Half, bool) {
	now := all.now()
	all.mu.Lock()
	defer all.mu.Unlock()
	h := all.open[token]
	if h == nil || h.over(now) {
		delete(all.open, token)
		return nil, false
	}
	own := *h
	return &own, true
}

// Fail counts a wrong code, and ends what has failed too often.
func (all *Halves) Fail(h *Half) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if kept := all.open[h.token]; kept != nil {
		if kept.tries++; kept.tries >= HalfTries {
			delete(all.open, h.token)
		}
	}
}

// End ends a half-open session: false where it is over already. Of two who end
// it at the same time, one does.
func (all *Halves) End(token string) bool {
	now := all.now()
	all.mu.Lock()
	defer all.mu.Unlock()
	h := all.open[token]
	delete(all.open, token)
	return h != nil && !h.over(now)
}

// EndMember ends all half-open sessions of a member.
func (all *Halves) EndMember(id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.DeleteFunc(all.open, func(_ string, h *Half) bool { return h.Member.ID == id })
}

// EndAll ends every half-open session.
func (all *Halves) EndAll() {
	all.mu.Lock()
	defer all.mu.Unlock()
	clear(all.open)
}

func (h *Half) over(now time.Time) bool {
	limit := HalfLimit
	if h.Step == SetFactor {
		limit = 3 * HalfLimit // finding a phone and an app takes a while
	}
	return now.Sub(h.since) > limit
}
